/* SPDX-License-Identifier: Apache-2.0
 *
 * Messaging Layer Security (RFC 9420) for C: key packages, groups, and the keyless public group of a server.
 *
 * How it is used. The library is a pure core: bytes, time, randomness and keys go in with every call (struct sp_mls_env),
 * bytes come out. It opens no file, reads no clock, starts no thread and has no global state. Every change is made in
 * three steps:
 *
 *	stage      a call makes a struct sp_mls_staged; the group has not changed
 *	persist    the caller writes the staged write set (rows to put, rows to delete) in ONE transaction of its own
 *	apply      the group takes the change; this step allocates nothing and cannot fail
 *
 * Dropping a staged object instead leaves the group as if the call had never been made. A group is rebuilt from its rows
 * by sp_mls_group_load. A crash at any instruction leaves the old state or the new one.
 *
 * Conventions.
 *   - Structs with a first member `size`: the caller zeroes them and sets size = sizeof; they may grow in later releases. A size
 *     that no release had, zero among them, is SP_ERR_USAGE; a larger one is accepted while all that the library does not know is zero.
 *   - Structs given out by const pointer may grow at their end. Their bytes are borrowed: valid until the object they
 *     came from is freed or changed.
 *   - free functions take a pointer to the pointer, NULL it, and accept NULL.
 *   - MLSMessage framing is used at every entry; a function that takes or gives a bare struct says so.
 *   - Threads: one group is used by one thread at a time; different groups may be used at the same time.
 *   - On failure every output is NULL or empty, and `env->diag` tells the rule (docs/validation.md), file and line.
 *
 * What it does not check: who a credential belongs to (the validator does) and what members may do (the policy does).
 */
#ifndef SEALPOST_MLS_H
#define SEALPOST_MLS_H

#include <stdbool.h>

#include "sealpost/bytes.h"
#include "sealpost/crypto.h"
#include "sealpost/err.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Opaque objects. */
struct sp_mls_group;        /* a member's group, with secrets */
struct sp_mls_public_group; /* a group followed without secrets, by a server or by a member that must resynchronise */
struct sp_mls_staged;       /* a change of one of them, not yet made */
struct sp_mls_join;         /* a group about to be joined */
struct sp_mls_view;         /* what is public in a group at one epoch: context and roster */

#define SP_MLS_LEAF_NONE UINT32_MAX

/* -- code points (RFC 9420 section 17) ------------------------------------------------------------------------- */

enum { SP_MLS_VERSION_10 = 1 };
enum sp_mls_wire_format { /* uint16 on the wire */
	SP_MLS_WIRE_PUBLIC_MESSAGE = 1,
	SP_MLS_WIRE_PRIVATE_MESSAGE = 2,
	SP_MLS_WIRE_WELCOME = 3,
	SP_MLS_WIRE_GROUP_INFO = 4,
	SP_MLS_WIRE_KEY_PACKAGE = 5
};
enum sp_mls_content_type { SP_MLS_CONTENT_NONE = 0, SP_MLS_CONTENT_APPLICATION = 1, SP_MLS_CONTENT_PROPOSAL = 2, SP_MLS_CONTENT_COMMIT = 3 };
enum sp_mls_sender_type {
	SP_MLS_SENDER_NONE = 0,
	SP_MLS_SENDER_MEMBER = 1,
	SP_MLS_SENDER_EXTERNAL = 2,
	SP_MLS_SENDER_NEW_MEMBER_PROPOSAL = 3,
	SP_MLS_SENDER_NEW_MEMBER_COMMIT = 4
};
/* uint16 values; any other is an unknown type, kept byte-exact */
#define SP_MLS_CREDENTIAL_BASIC 1u
#define SP_MLS_CREDENTIAL_X509 2u
#define SP_MLS_EXTENSION_APPLICATION_ID 1u
#define SP_MLS_EXTENSION_RATCHET_TREE 2u
#define SP_MLS_EXTENSION_REQUIRED_CAPABILITIES 3u
#define SP_MLS_EXTENSION_EXTERNAL_PUB 4u
#define SP_MLS_EXTENSION_EXTERNAL_SENDERS 5u
#define SP_MLS_EXTENSION_LAST_RESORT 0x000Au /* KeyPackage extension of draft-ietf-mls-extensions, as deployed */
#define SP_MLS_PROPOSAL_ADD 1u
#define SP_MLS_PROPOSAL_UPDATE 2u
#define SP_MLS_PROPOSAL_REMOVE 3u
#define SP_MLS_PROPOSAL_PSK 4u
#define SP_MLS_PROPOSAL_REINIT 5u
#define SP_MLS_PROPOSAL_EXTERNAL_INIT 6u
#define SP_MLS_PROPOSAL_GROUP_CONTEXT_EXTENSIONS 7u
enum sp_mls_psk_type { SP_MLS_PSK_EXTERNAL = 1, SP_MLS_PSK_RESUMPTION = 2 };
enum sp_mls_psk_usage { SP_MLS_PSK_APPLICATION = 1, SP_MLS_PSK_REINIT = 2, SP_MLS_PSK_BRANCH = 3 };

/* -- small structs ---------------------------------------------------------------------------------------------- */

/* A credential as it stands in a leaf. `data` is `identity` for basic, the content of `certificates<V>` for x509, and
 * the content of one opaque<V> for unknown types. */
struct sp_mls_credential {
	uint16_t type;
	struct sp_bytes data;
};
/* The certificate with this index of an x509 credential (0 is the end entity). SP_ERR_NOT_FOUND beyond the last. */
SP_API SP_MUST_USE enum sp_err sp_mls_credential_certificate(struct sp_bytes *out_der, const struct sp_mls_credential *credential, size_t index);
/* Appends `certificates<V>` content of a chain, ready to be a credential's data. */
SP_API SP_MUST_USE enum sp_err sp_mls_credential_chain(struct sp_buf *out, const struct sp_bytes *ders, size_t n);

struct sp_mls_extension {
	uint16_t type;
	struct sp_bytes data;
};
struct sp_mls_extensions {
	const struct sp_mls_extension *list;
	size_t n;
};
struct sp_mls_types { /* a list of 16-bit code points */
	const uint16_t *list;
	size_t n;
};

/* One leaf of a group (RFC 9420 section 7.2). */
struct sp_mls_member {
	uint32_t leaf;
	struct sp_mls_credential credential;
	struct sp_bytes signature_key;
	struct sp_bytes encryption_key;
	struct sp_bytes leaf_node; /* the encoded LeafNode */
};
/* Looks an extension up in a member's leaf; SP_ERR_NOT_FOUND. */
SP_API SP_MUST_USE enum sp_err sp_mls_member_extension(struct sp_bytes *out, const struct sp_mls_member *member, uint16_t type);

enum sp_mls_capability { SP_MLS_CAP_VERSION, SP_MLS_CAP_SUITE, SP_MLS_CAP_EXTENSION, SP_MLS_CAP_PROPOSAL, SP_MLS_CAP_CREDENTIAL };
/* Does the member's leaf list this code point (default types count as listed)? */
SP_API bool sp_mls_member_has_capability(const struct sp_mls_member *member, enum sp_mls_capability what, uint16_t value);

struct sp_mls_sender {
	enum sp_mls_sender_type type;
	uint32_t index; /* leaf of a member, index in external_senders; SP_MLS_LEAF_NONE otherwise */
};

struct sp_mls_psk_id {
	enum sp_mls_psk_type type;
	struct sp_bytes id;          /* external */
	enum sp_mls_psk_usage usage; /* resumption */
	struct sp_bytes group_id;    /* resumption */
	uint64_t epoch;              /* resumption */
	struct sp_bytes nonce;       /* set by the library when proposing */
};

/* A proposal, decoded. Which members are set depends on the type. `body` is always the encoded proposal without its
 * type; for unknown types it is the content of one opaque<V>, which is how custom proposals are framed. */
struct sp_mls_proposal {
	uint16_t type;
	bool by_reference;
	struct sp_mls_sender sender; /* who proposed it (the committer for one by value) */
	struct sp_bytes ref;         /* ProposalRef; empty by value */
	struct sp_bytes body;
	struct sp_mls_member member; /* add: the new leaf (leaf is set once committed); update: the new leaf; remove: the old one */
	struct sp_mls_member old;    /* update: the leaf that it replaces */
	struct sp_bytes key_package; /* add: the encoded KeyPackage */
	struct sp_mls_psk_id psk;
	struct sp_bytes reinit_group_id;
	uint16_t reinit_version;
	uint16_t reinit_suite;
	struct sp_mls_extensions extensions; /* group_context_extensions, reinit */
};

/* -- what the caller gives with each call ----------------------------------------------------------------------- */

/* Why a credential is looked at (RFC 9420 section 5.3.1). */
enum sp_mls_credential_why {
	SP_MLS_WHY_KEY_PACKAGE,     /* sp_mls_key_package_verify: not yet in a group */
	SP_MLS_WHY_ADD,             /* an Add proposal, ours or another's */
	SP_MLS_WHY_UPDATE,          /* an Update proposal; `old` is set */
	SP_MLS_WHY_COMMIT,          /* the path of a commit; `old` is set */
	SP_MLS_WHY_EXTERNAL_JOIN,   /* the path of an external commit; `old` is set when it resynchronises */
	SP_MLS_WHY_MEMBER,          /* a leaf that was already there when we join or load a public group */
	SP_MLS_WHY_EXTERNAL_SENDER  /* an entry of the external_senders extension */
};
struct sp_mls_credential_check {
	enum sp_mls_credential_why why;
	uint16_t suite;
	struct sp_mls_credential credential;
	struct sp_bytes signature_key; /* an x509 end entity's key must be identical: the validator compares */
	bool has_old;
	struct sp_mls_credential old;
	struct sp_bytes old_signature_key;
	uint32_t leaf;                     /* or SP_MLS_LEAF_NONE */
	struct sp_bytes group_id;          /* empty for a key package alone */
	uint64_t epoch;
	struct sp_bytes authenticated_data; /* of the message that brings it, as far as it is known */
};
/* SP_OK accepts. SP_ERR_NEED_CREDENTIAL says "fetch, then call again": the whole operation returns it and nothing has
 * changed. Anything else refuses and is returned as it is. */
struct sp_mls_validator {
	enum sp_err (*check)(void *ctx, const struct sp_mls_credential_check *check);
	/* Optional: do two leaves present the same client (RFC 9420 section 12.2)? NULL: equal signature keys. */
	bool (*is_same_client)(void *ctx, const struct sp_mls_member *a, const struct sp_mls_member *b);
	void *ctx;
};

/* What the policy is asked: may this proposal stand, may this commit be made? Called after the RFC's own rules hold,
 * for what others send and for what we are about to send. */
enum sp_mls_change_kind { SP_MLS_CHANGE_PROPOSAL, SP_MLS_CHANGE_COMMIT, SP_MLS_CHANGE_EXTERNAL_COMMIT };
struct sp_mls_change {
	enum sp_mls_change_kind kind;
	const struct sp_mls_view *before;
	struct sp_mls_sender sender;
	enum sp_mls_wire_format wire_format;
	struct sp_bytes authenticated_data;
	const struct sp_mls_proposal *const *proposals; /* one for CHANGE_PROPOSAL */
	size_t n_proposals;
	bool has_path;
	struct sp_mls_member path_leaf;          /* has_path: the committer's new leaf */
	struct sp_mls_extensions extensions;     /* the group context's extensions after the change */
};
struct sp_mls_policy {
	enum sp_err (*judge)(void *ctx, const struct sp_mls_change *change); /* SP_OK or a refusal (SP_ERR_DENIED) */
	/* Optional: properties of a proposal type that RFC 9420 does not define. NULL: path required, not for external senders. */
	bool (*path_is_required)(void *ctx, uint16_t proposal_type);
	bool (*external_is_allowed)(void *ctx, uint16_t proposal_type);
	void *ctx;
};

/* Gives a pre-shared key: external ones by id; resumption ones of groups other than the one in hand. Appends to out.
 * SP_ERR_NEED_PSK: the operation returns it and nothing has changed. */
struct sp_mls_psk_lookup {
	enum sp_err (*find)(void *ctx, struct sp_buf *out, const struct sp_mls_psk_id *id);
	void *ctx;
};

/* Limits and retention. Zero members take the default. */
struct sp_mls_limits {
	size_t size;
	uint32_t past_epochs;         /* application messages of so many earlier epochs can still be opened. Default 3; SP_MLS_NONE: 0 */
	int64_t past_epoch_age_ms;    /* and of epochs left at most so long ago. Default 7 days */
	uint32_t resumption_epochs;   /* resumption PSKs of so many earlier epochs are kept. Default 8; SP_MLS_NONE: 0 */
	uint32_t out_of_order;        /* unused keys kept for one sender. Default 256 */
	uint32_t forward;             /* ratchet steps one message may ask for. Default 4096 */
	int64_t max_lifetime_s;       /* of a key package's leaf (section 7.2). Default 90 days + 1 hour */
	bool expired_leaves_allowed;  /* tolerate expired lifetimes of leaves that are received in trees and commits. Default: they are tolerated in
	                                 trees, refused in Add proposals */
};
#define SP_MLS_NONE UINT32_MAX

/* A cipher suite that the library does not know by itself (section 13.1). */
struct sp_mls_suite_def {
	uint16_t id;
	enum sp_kem kem;
	enum sp_kdf kdf;
	enum sp_aead aead;
	enum sp_hash_alg hash;
	enum sp_sig sig;
};

/* Threads of the caller's, lent for the two jobs that grow with the group: verifying the leaves' signatures when a tree is taken in
 * (joining, external commits, public groups), and sealing the secrets of a path. `run` calls job(arg, i) once for every i below n, in any order
 * and on any threads, and returns when all are done. What comes out is byte for byte what comes out without. Jobs call no callback of the
 * caller's: no validator, signer or random source; they allocate. A tree whose jobs were not all run is refused (SP_ERR_USAGE). */
struct sp_mls_jobs {
	void (*run)(void *ctx, void (*job)(void *arg, size_t i), void *arg, size_t n);
	void *ctx;
};

struct sp_mls_env {
	size_t size;                              /* sizeof(struct sp_mls_env) */
	const struct sp_rng *rng;                 /* for every call that makes something */
	struct sp_time now;                       /* judged against lifetimes and retention */
	const struct sp_signer *signer;           /* for every call that signs; its key must be that of our leaf */
	const struct sp_mls_validator *validator; /* NULL accepts no credential (SP_ERR_USAGE) */
	const struct sp_mls_policy *policy;       /* NULL: the RFC's rules only */
	const struct sp_mls_psk_lookup *psks;     /* NULL: none known */
	const struct sp_mls_limits *limits;       /* NULL: defaults */
	const struct sp_mls_suite_def *suites;    /* further cipher suites, asked before the built-in ones 1 to 7 */
	size_t n_suites;
	struct sp_diag *diag;                     /* NULL: no detail wanted */
	const struct sp_mls_jobs *jobs;           /* NULL: everything is done on the calling thread */
};

/* -- peek: what any MLSMessage tells without keys ---------------------------------------------------------------- */

struct sp_mls_peek {
	enum sp_mls_wire_format wire_format;
	struct sp_bytes group_id;  /* public, private, group info; else empty */
	uint64_t epoch;
	enum sp_mls_content_type content_type; /* public, private */
	struct sp_mls_sender sender;           /* public; type NONE when it cannot be seen */
	struct sp_bytes authenticated_data;    /* public, private; NOT verified */
	uint16_t suite;                        /* welcome, group info, key package */
};
/* Verifies nothing. SP_ERR_UNSUPPORTED: another version or wire format. */
SP_API SP_MUST_USE enum sp_err sp_mls_peek(struct sp_mls_peek *out, struct sp_bytes message);
/* The KeyPackageRef with this index in a Welcome; SP_ERR_NOT_FOUND beyond the last. */
SP_API SP_MUST_USE enum sp_err sp_mls_welcome_recipient(struct sp_bytes *out_ref, struct sp_bytes welcome, size_t index);
/* Appends a Welcome MLSMessage that holds only the secrets of the given recipients (KeyPackageRefs): what a server does
 * to give each joiner its own slice. SP_ERR_NOT_FOUND when none of them is in it. */
SP_API SP_MUST_USE enum sp_err sp_mls_welcome_slice(struct sp_buf *out, struct sp_bytes welcome, const struct sp_bytes *refs, size_t n);

/* -- key packages (section 10) ------------------------------------------------------------------------------------ */

/* What a client says of itself in a leaf. Empty capability lists take the library's: version 1, all known suites, no
 * extensions, no proposals, the credential's type. `extensions` must be listed in capabilities by the caller unless default. */
struct sp_mls_leaf_params {
	size_t size;
	struct sp_mls_credential credential;
	struct sp_mls_types suites, extension_types, proposal_types, credential_types;
	struct sp_mls_extensions extensions;
	bool grease; /* add random GREASE values (section 13.5) */
};
struct sp_mls_key_package_params {
	size_t size;
	uint16_t suite;
	struct sp_mls_leaf_params leaf;
	int64_t not_before_s, not_after_s; /* seconds since 1970; both 0: now - 1 hour to now + 60 days */
	struct sp_mls_extensions extensions;
	bool last_resort; /* adds the last_resort extension; such a package survives its use */
};
/* Makes a key package. Appends the MLSMessage to out_message, its reference to out_ref, and to out_private the blob that
 * sp_mls_join_open will ask for: secret, to be sealed and stored by the caller under the reference. */
SP_API SP_MUST_USE enum sp_err sp_mls_key_package_new(const struct sp_mls_env *env, struct sp_buf *out_message, struct sp_buf *out_ref,
						      struct sp_buf *out_private, const struct sp_mls_key_package_params *params);

struct sp_mls_key_package_info {
	uint16_t suite;
	struct sp_bytes init_key;
	struct sp_mls_member member; /* leaf is SP_MLS_LEAF_NONE */
	int64_t not_before_s, not_after_s;
	bool last_resort;
	struct sp_bytes key_package; /* the bare KeyPackage */
};
/* Section 10.1, with lifetime and credential. *out borrows from `message`. */
SP_API SP_MUST_USE enum sp_err sp_mls_key_package_verify(const struct sp_mls_env *env, struct sp_mls_key_package_info *out, struct sp_bytes message);
/* KeyPackageRef (section 5.2) of an MLSMessage with a key package. Verifies nothing. */
SP_API SP_MUST_USE enum sp_err sp_mls_key_package_ref(const struct sp_mls_env *env, struct sp_buf *out, struct sp_bytes message);
/* What a private blob is for: suite, expiry, last resort. SP_ERR_CORRUPT. */
SP_API SP_MUST_USE enum sp_err sp_mls_key_package_private_info(struct sp_mls_key_package_info *out, struct sp_bytes private_blob);

/* -- rows: what the caller persists --------------------------------------------------------------------------------- */

/* Keys are unique within one group (the caller prefixes its own group name), at most 80 bytes, and sort as bytes. Values
 * hold secrets: the caller seals them. A row with remove set deletes that key (which may be absent). */
struct sp_mls_row {
	struct sp_bytes key;
	struct sp_bytes value;
	bool remove;
};
struct sp_mls_rows {
	const struct sp_mls_row *list;
	size_t n;
};

/* -- views: context and roster ---------------------------------------------------------------------------------------- */

SP_API struct sp_bytes sp_mls_view_group_id(const struct sp_mls_view *view);
SP_API uint64_t sp_mls_view_epoch(const struct sp_mls_view *view);
SP_API uint16_t sp_mls_view_suite(const struct sp_mls_view *view);
SP_API struct sp_bytes sp_mls_view_tree_hash(const struct sp_mls_view *view);
SP_API struct sp_bytes sp_mls_view_confirmed_transcript_hash(const struct sp_mls_view *view);
SP_API struct sp_bytes sp_mls_view_confirmation_tag(const struct sp_mls_view *view);
/* The encoded GroupContext. */
SP_API struct sp_bytes sp_mls_view_group_context(const struct sp_mls_view *view);
/* A group context extension's data; SP_ERR_NOT_FOUND. */
SP_API SP_MUST_USE enum sp_err sp_mls_view_extension(struct sp_bytes *out, const struct sp_mls_view *view, uint16_t type);
/* Extension by position; SP_ERR_NOT_FOUND beyond the last. */
SP_API SP_MUST_USE enum sp_err sp_mls_view_extension_at(struct sp_mls_extension *out, const struct sp_mls_view *view, size_t index);
/* The member at a leaf; SP_ERR_NOT_FOUND when it is blank. */
SP_API SP_MUST_USE enum sp_err sp_mls_view_member(struct sp_mls_member *out, const struct sp_mls_view *view, uint32_t leaf);
/* Iteration: the first member at or after `leaf`. for (uint32_t l = 0; sp_mls_view_next(&m, v, l) == SP_OK; l = m.leaf + 1) */
SP_API SP_MUST_USE enum sp_err sp_mls_view_next(struct sp_mls_member *out, const struct sp_mls_view *view, uint32_t leaf);
SP_API uint32_t sp_mls_view_member_count(const struct sp_mls_view *view);
/* Appends `optional<Node> ratchet_tree<V>` (section 12.4.3.3): O(N). */
SP_API SP_MUST_USE enum sp_err sp_mls_view_ratchet_tree(const struct sp_mls_view *view, struct sp_buf *out);

/* -- staged: a change, to be inspected, persisted, and applied or dropped ------------------------------------------------ */

enum sp_mls_staged_kind {
	SP_MLS_STAGED_APPLICATION = 1, /* an application message was opened */
	SP_MLS_STAGED_PROPOSAL,        /* a proposal was received, or made by us */
	SP_MLS_STAGED_COMMIT,          /* a commit was received; when is_own, it is our pending one, echoed */
	SP_MLS_STAGED_OWN,             /* our own application message or proposal, echoed: nothing to do */
	SP_MLS_STAGED_SENT,            /* sp_mls_group_protect made a message */
	SP_MLS_STAGED_PENDING,         /* sp_mls_group_commit made a commit; applying stores it as pending */
	SP_MLS_STAGED_DISCARD          /* discard_pending, forget_proposal, expire: something stored goes */
};
struct sp_mls_staged_info {
	enum sp_mls_staged_kind kind;
	bool is_own;
	struct sp_mls_sender sender;
	uint64_t epoch;                        /* of the message */
	enum sp_mls_wire_format wire_format;
	struct sp_bytes authenticated_data;    /* verified */
	struct sp_bytes data;                  /* APPLICATION: the plaintext */
	struct sp_mls_member from;             /* sender's leaf at that epoch (a member's, or an external joiner's new one); leaf NONE otherwise */
	uint32_t generation;                   /* APPLICATION, SENT, private handshakes: step of the sender's ratchet; a gap is a missing message */
	const struct sp_mls_proposal *const *proposals; /* PROPOSAL: one. COMMIT, PENDING: those committed, in order */
	size_t n_proposals;
	bool has_path;                         /* COMMIT, PENDING */
	struct sp_mls_member path_leaf;        /* has_path: committer's new leaf */
	bool removes_us;                       /* COMMIT: after apply the group is inactive */
	bool reinit;                           /* COMMIT, PENDING: after apply the group only waits for its successor */
	bool discards_pending;                 /* COMMIT by another: our pending commit is lost; its proposals are in lost */
	const struct sp_mls_proposal *const *lost; /* proposals by value of the discarded commit, to be made again */
	size_t n_lost;
	struct sp_bytes message;               /* PROPOSAL made by us, SENT, PENDING: the MLSMessage to send */
	struct sp_bytes welcome;               /* PENDING: MLSMessage for all added members, or empty */
	struct sp_bytes group_info;            /* PENDING: MLSMessage, the published GroupInfo of the new epoch, or empty */
	struct sp_bytes ratchet_tree;          /* PENDING: the tree of the new epoch if asked for */
};
SP_API const struct sp_mls_staged_info *sp_mls_staged_info(const struct sp_mls_staged *staged);
/* COMMIT, PENDING: context and roster as they will be. NULL otherwise. */
SP_API const struct sp_mls_view *sp_mls_staged_after(const struct sp_mls_staged *staged);
/* The one atomic write set. May be empty (n == 0). */
SP_API struct sp_mls_rows sp_mls_staged_write_set(const struct sp_mls_staged *staged);
SP_API void sp_mls_staged_free(struct sp_mls_staged **staged);

/* -- groups (sections 11 and 12) ---------------------------------------------------------------------------------------- */

struct sp_mls_group_params {
	size_t size;
	uint16_t suite;
	struct sp_bytes group_id; /* empty: random, as section 11 suggests */
	struct sp_mls_leaf_params leaf;
	struct sp_mls_extensions extensions; /* of the group context */
	int64_t not_before_s, not_after_s;   /* lifetime of the creator's leaf; both 0 as for key packages */
};
/* A group with one member. Its rows are all of sp_mls_group_rows. */
SP_API SP_MUST_USE enum sp_err sp_mls_group_new(const struct sp_mls_env *env, struct sp_mls_group **out, const struct sp_mls_group_params *params);

/* Rebuilds a group from all its rows, in any order. SP_ERR_CORRUPT, SP_ERR_FORMAT_NEWER. Signatures in the tree were
 * verified when it was stored and are not verified again; tree hash and context are. */
SP_API SP_MUST_USE enum sp_err sp_mls_group_load(const struct sp_mls_env *env, struct sp_mls_group **out, const struct sp_mls_row *rows, size_t n);
/* All rows of a group: to store a new one, or to move one. The result belongs to the caller. */
struct sp_mls_row_set;
SP_API SP_MUST_USE enum sp_err sp_mls_group_rows(const struct sp_mls_group *group, struct sp_mls_row_set **out);
SP_API struct sp_mls_rows sp_mls_row_set_rows(const struct sp_mls_row_set *set);
SP_API void sp_mls_row_set_free(struct sp_mls_row_set **set);
SP_API void sp_mls_group_free(struct sp_mls_group **group); /* wipes */

enum sp_mls_group_state {
	SP_MLS_GROUP_ACTIVE,
	SP_MLS_GROUP_REMOVED,  /* we were removed: only messages of past epochs can be opened */
	SP_MLS_GROUP_REINIT    /* a ReInit was committed: nothing can be sent; see sp_mls_group_reinit_new */
};
SP_API enum sp_mls_group_state sp_mls_group_state(const struct sp_mls_group *group);
SP_API const struct sp_mls_view *sp_mls_group_view(const struct sp_mls_group *group);
SP_API uint32_t sp_mls_group_own_leaf(const struct sp_mls_group *group);
SP_API bool sp_mls_group_has_pending(const struct sp_mls_group *group);
SP_API size_t sp_mls_group_proposal_count(const struct sp_mls_group *group); /* stored, not yet committed */

/* Opens, verifies and judges any PublicMessage or PrivateMessage of this group. SP_OK gives a staged object (see its
 * kinds). Errors that are not attacks: DUPLICATE (opened before), KEY_GONE (outside of the window or of retention),
 * STALE_EPOCH (a handshake of an earlier epoch; a public commit that was ours and was merged gives OWN),
 * FUTURE_EPOCH (keep it and try again after the commits in between), WRONG_GROUP, OWN (a commit by our leaf that we do
 * not hold: resynchronise), NEED_PSK, NEED_CREDENTIAL (retry; no key was consumed). A commit that removes us is staged as any other. */
SP_API SP_MUST_USE enum sp_err sp_mls_group_process(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged **out,
						    struct sp_bytes message);

/* Makes the change that was staged from this group in its present state, and frees it. SP_ERR_USAGE, with nothing done, when
 * it was staged from another group or another state; else it cannot fail. */
SP_API SP_MUST_USE enum sp_err sp_mls_group_apply(struct sp_mls_group *group, struct sp_mls_staged **staged);

/* Seals application data (section 6.3.1); `padding` zero bytes are added inside. SP_ERR_STATE: not active, or proposals are
 * waiting that must be committed first (section 12.4). The staged write set is one small row and MUST be stored
 * before the message leaves. */
SP_API SP_MUST_USE enum sp_err sp_mls_group_protect(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged **out,
						    struct sp_bytes data, struct sp_bytes authenticated_data, size_t padding);

/* One proposal to be made, by value in a commit or as a message of its own. */
struct sp_mls_propose {
	uint16_t type;
	struct sp_bytes key_package;              /* add: MLSMessage */
	const struct sp_mls_leaf_params *leaf;    /* update: NULL keeps what the leaf says now */
	const struct sp_signer *new_signer;       /* update: NULL keeps the signature key */
	uint32_t removed;                         /* remove */
	struct sp_mls_psk_id psk;                 /* psk; the nonce is drawn by the library */
	struct sp_bytes reinit_group_id;          /* reinit */
	uint16_t reinit_version, reinit_suite;    /* reinit */
	struct sp_mls_extensions extensions;      /* reinit, group_context_extensions */
	struct sp_bytes body;                     /* any other type: the content, opaque */
};
SP_API SP_MUST_USE enum sp_err sp_mls_group_propose(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged **out,
						    const struct sp_mls_propose *proposal, struct sp_bytes authenticated_data,
						    enum sp_mls_wire_format wire_format);

struct sp_mls_commit_params {
	size_t size;
	const struct sp_mls_propose *proposals; /* by value, in this order, before the stored ones */
	size_t n_proposals;
	bool without_stored;                    /* leave out the proposals received in this epoch */
	bool force_path;                        /* a path even where the RFC lets it be omitted */
	const struct sp_mls_leaf_params *leaf;  /* new content of our leaf (with a path); NULL keeps it */
	const struct sp_signer *new_signer;     /* new signature key of our leaf (with a path); NULL keeps it */
	struct sp_bytes authenticated_data;
	enum sp_mls_wire_format wire_format;    /* PUBLIC_MESSAGE or PRIVATE_MESSAGE */
	struct sp_mls_extensions welcome_extensions; /* added to the GroupInfo inside of the Welcome only */
	bool welcome_with_tree;                 /* ratchet_tree extension in the Welcome; otherwise the tree travels out of band */
	bool with_group_info;                   /* make the published GroupInfo (with external_pub) */
	struct sp_mls_extensions group_info_extensions; /* added to the published GroupInfo only */
	bool group_info_with_tree;
	bool with_ratchet_tree;                 /* give the new tree's bytes: O(N) */
	bool grease;                            /* a GREASE extension in each GroupInfo */
};
/* Makes a commit. Applying the staged object makes it *pending*: durable, the epoch unchanged. When the delivery service
 * has accepted it, merge (or let its echo be processed); when it was refused, discard. Another member's commit of
 * this epoch discards it. Stored proposals that are no longer valid together are left out (section 12.2 preferences);
 * the ones left out are not an error. SP_ERR_STATE: not active, or a commit is pending already. */
SP_API SP_MUST_USE enum sp_err sp_mls_group_commit(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged **out,
						   const struct sp_mls_commit_params *params);
/* Stages the move to the pending commit's epoch (kind COMMIT, is_own). */
SP_API SP_MUST_USE enum sp_err sp_mls_group_merge_pending(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged **out);
SP_API SP_MUST_USE enum sp_err sp_mls_group_discard_pending(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged **out);
/* The pending commit's bytes, to be sent again after a restart. SP_ERR_NOT_FOUND. Borrowed until the group changes. */
struct sp_mls_pending {
	struct sp_bytes message;
	struct sp_bytes welcome;
	struct sp_bytes group_info;
};
SP_API SP_MUST_USE enum sp_err sp_mls_group_pending(const struct sp_mls_group *group, struct sp_mls_pending *out);
/* Drops the stored proposals of this epoch that the caller does not want committed: by reference, or all (empty ref). */
SP_API SP_MUST_USE enum sp_err sp_mls_group_forget_proposal(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged **out,
							    struct sp_bytes ref);
/* Deletes past epochs and resumption keys beyond env's limits at env->now. */
SP_API SP_MUST_USE enum sp_err sp_mls_group_expire(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged **out);

struct sp_mls_group_info_params {
	size_t size;
	bool with_tree;
	bool without_external_pub;
	struct sp_mls_extensions extensions;
	bool grease;
};
/* Appends a GroupInfo MLSMessage of the present epoch. */
SP_API SP_MUST_USE enum sp_err sp_mls_group_info_export(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_buf *out,
							const struct sp_mls_group_info_params *params);

/* MLS-Exporter (section 8.5). out_n <= 255 * Nh. */
SP_API SP_MUST_USE enum sp_err sp_mls_group_export(const struct sp_mls_group *group, uint8_t *out, size_t out_n, const char *label,
						   struct sp_bytes context);
/* The same for an epoch still retained; SP_ERR_KEY_GONE. */
SP_API SP_MUST_USE enum sp_err sp_mls_group_export_at(const struct sp_mls_group *group, uint64_t epoch, uint8_t *out, size_t out_n, const char *label,
						      struct sp_bytes context);
SP_API struct sp_bytes sp_mls_group_epoch_authenticator(const struct sp_mls_group *group);
/* resumption_psk of an epoch still retained (section 8.6), to answer psk lookups of other groups. SP_ERR_KEY_GONE. */
SP_API SP_MUST_USE enum sp_err sp_mls_group_resumption_psk(const struct sp_mls_group *group, struct sp_buf *out, uint64_t epoch);

/* -- joining ------------------------------------------------------------------------------------------------------------- */

/* Finds the private blob of one of our key packages: appends it to out. SP_ERR_NOT_FOUND: not ours. */
struct sp_mls_key_package_lookup {
	enum sp_err (*find)(void *ctx, struct sp_buf *out, struct sp_bytes key_package_ref);
	void *ctx;
};
struct sp_mls_join_params {
	size_t size;
	struct sp_bytes welcome;      /* MLSMessage */
	struct sp_bytes ratchet_tree; /* `optional<Node> ratchet_tree<V>`; empty when the Welcome holds it */
	const struct sp_mls_key_package_lookup *key_packages;
	const struct sp_mls_group *parent; /* for reinit and branch: the old group (gives its resumption PSK and its roster) */
};
/* Opens and verifies a Welcome (section 12.4.3.1). Nothing is consumed. NOT_FOR_ME, NEED_PSK, NEED_TREE (get the tree of
 * that group and epoch and call again: see sp_mls_join_peek), NEED_CREDENTIAL. That group_id is new to this client is the caller's check. */
SP_API SP_MUST_USE enum sp_err sp_mls_join_open(const struct sp_mls_env *env, struct sp_mls_join **out, const struct sp_mls_join_params *params);
/* Decrypts as much of a Welcome as names the group: its id and epoch, for fetching the tree. Appends the id. NOT verified. */
SP_API SP_MUST_USE enum sp_err sp_mls_join_peek(const struct sp_mls_env *env, struct sp_buf *out_group_id, uint64_t *out_epoch,
						const struct sp_mls_join_params *params);

struct sp_mls_external_params {
	size_t size;
	struct sp_bytes group_info;   /* MLSMessage with external_pub */
	struct sp_bytes ratchet_tree; /* empty when the GroupInfo holds it */
	struct sp_mls_leaf_params leaf;
	uint32_t resync_leaf;         /* our old leaf, removed by this commit; SP_MLS_LEAF_NONE: a plain join */
	const struct sp_mls_psk_id *psks;
	size_t n_psks;
	struct sp_bytes authenticated_data;
	bool with_group_info;         /* make the GroupInfo of the new epoch, as for commits */
	struct sp_mls_extensions group_info_extensions;
	bool group_info_with_tree;
};
/* Makes an external commit (section 12.4.3.2). Send the message; accept when the delivery service took it. */
SP_API SP_MUST_USE enum sp_err sp_mls_join_external(const struct sp_mls_env *env, struct sp_mls_join **out, const struct sp_mls_external_params *params);

struct sp_mls_join_info {
	const struct sp_mls_view *view;       /* the group as it will be */
	uint32_t own_leaf;
	uint32_t signer;                      /* leaf of who signed the GroupInfo */
	struct sp_mls_extensions extensions;  /* of the GroupInfo (not of the group context) */
	struct sp_bytes key_package_ref;      /* welcome: to be deleted when accepted, unless last_resort */
	bool last_resort;
	struct sp_bytes message;              /* external: the commit to send */
	struct sp_bytes group_info;           /* external: GroupInfo of the new epoch, if asked for */
};
SP_API const struct sp_mls_join_info *sp_mls_join_info(const struct sp_mls_join *join);
SP_API struct sp_mls_rows sp_mls_join_write_set(const struct sp_mls_join *join);
/* Turns it into a group (persist its write set first) and frees it. Cannot fail. */
SP_API struct sp_mls_group *sp_mls_join_accept(struct sp_mls_join **join);
SP_API void sp_mls_join_free(struct sp_mls_join **join);

/* An Add proposal by the joiner itself (sender new_member_proposal, section 12.1.8). Appends the MLSMessage. */
SP_API SP_MUST_USE enum sp_err sp_mls_join_propose(const struct sp_mls_env *env, struct sp_buf *out, struct sp_bytes group_id, uint64_t epoch,
						   struct sp_bytes key_package);
/* A proposal by an external sender (section 12.1.8.1); sender_index is that of external_senders. Appends the MLSMessage. */
SP_API SP_MUST_USE enum sp_err sp_mls_external_propose(const struct sp_mls_env *env, struct sp_buf *out, uint16_t suite, struct sp_bytes group_id,
						       uint64_t epoch, uint32_t sender_index, const struct sp_mls_propose *proposal);
/* Appends the data of an external_senders extension. */
struct sp_mls_external_sender {
	struct sp_bytes signature_key;
	struct sp_mls_credential credential;
};
SP_API SP_MUST_USE enum sp_err sp_mls_external_senders_encode(struct sp_buf *out, const struct sp_mls_external_sender *list, size_t n);
/* Appends the data of a required_capabilities extension. */
SP_API SP_MUST_USE enum sp_err sp_mls_required_capabilities_encode(struct sp_buf *out, struct sp_mls_types extensions, struct sp_mls_types proposals,
								   struct sp_mls_types credentials);

/* -- reinitialisation and branching (sections 11.2 and 11.3) ---------------------------------------------------------------- */

struct sp_mls_successor_params {
	size_t size;
	struct sp_mls_leaf_params leaf;
	struct sp_bytes group_id;            /* branch only: the new group's */
	struct sp_mls_extensions extensions; /* branch only */
	const struct sp_bytes *key_packages; /* MLSMessages of the other members */
	size_t n_key_packages;
	bool welcome_with_tree;
	struct sp_mls_extensions welcome_extensions;
};
/* The new group at epoch 1, with the Welcome for the others (join_info->message is empty; the Welcome is in out_welcome). */
SP_API SP_MUST_USE enum sp_err sp_mls_group_reinit_new(const struct sp_mls_env *env, const struct sp_mls_group *old, struct sp_mls_group **out,
						       struct sp_buf *out_welcome, const struct sp_mls_successor_params *params);
SP_API SP_MUST_USE enum sp_err sp_mls_group_branch_new(const struct sp_mls_env *env, const struct sp_mls_group *old, struct sp_mls_group **out,
						       struct sp_buf *out_welcome, const struct sp_mls_successor_params *params);

/* -- public groups: for servers, and for members who resynchronise -------------------------------------------------------------- */

/* Starts to follow a group from a GroupInfo and its tree (empty when the GroupInfo holds it). Verifies signature, tree and credentials. */
SP_API SP_MUST_USE enum sp_err sp_mls_public_group_new(const struct sp_mls_env *env, struct sp_mls_public_group **out, struct sp_bytes group_info,
						       struct sp_bytes ratchet_tree);
SP_API SP_MUST_USE enum sp_err sp_mls_public_group_load(const struct sp_mls_env *env, struct sp_mls_public_group **out, const struct sp_mls_row *rows,
							size_t n);
SP_API SP_MUST_USE enum sp_err sp_mls_public_group_rows(const struct sp_mls_public_group *group, struct sp_mls_row_set **out);
SP_API void sp_mls_public_group_free(struct sp_mls_public_group **group);
SP_API const struct sp_mls_view *sp_mls_public_group_view(const struct sp_mls_public_group *group);
/* As sp_mls_group_process, for PublicMessages only: PROPOSAL and COMMIT. Cannot check what needs secrets: the membership
 * tag, the confirmation tag, the ciphertexts of a path. */
SP_API SP_MUST_USE enum sp_err sp_mls_public_group_process(const struct sp_mls_env *env, const struct sp_mls_public_group *group,
							   struct sp_mls_staged **out, struct sp_bytes message);
SP_API SP_MUST_USE enum sp_err sp_mls_public_group_apply(struct sp_mls_public_group *group, struct sp_mls_staged **staged);
/* Is this GroupInfo (MLSMessage) that of the view's epoch: same context and confirmation tag, signed by a member? With
 * sp_mls_staged_after(staged) it judges the GroupInfo that comes with a commit. */
SP_API SP_MUST_USE enum sp_err sp_mls_view_group_info_verify(const struct sp_mls_env *env, const struct sp_mls_view *view, struct sp_bytes group_info);

#ifdef __cplusplus
}
#endif
#endif
