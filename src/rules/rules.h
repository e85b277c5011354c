/* SPDX-License-Identifier: Apache-2.0
 *
 * rules: what a room permits. One judge for every client and the server, so that all come to one verdict.
 *
 * Plain structs: the caller has read the MLS messages, judged the certificates, and says what it found. A verdict is
 * SP_OK or a failure whose rule number (SP_RULES below, docs/protocol.md "Room rules") stands in the diag.
 *
 * Does not check: MLS (signatures, epochs, trees: mls), certificates (pki), that an account exists (directory).
 */
#ifndef SP_RULES_H
#define SP_RULES_H

#include "base/base.h"
#include "base/limits.h"
#include "codec/codec.h"

/* X(number, NAME, text). Numbers are part of the protocol: a server names them in REFUSED. MLS's own rules are below 1000. */
#define SP_RULES(X)                                                                                                    \
	X(1001, STATE_FORMAT, "RoomState is missing or malformed")                                                     \
	X(1002, STATE_FIXED, "mode and kind of a room never change")                                                   \
	X(1003, STATE_ADMIN, "only an admin changes roles and policy")                                                 \
	X(1004, STATE_LAST_ADMIN, "a room keeps at least one admin")                                                   \
	X(1005, STATE_DIRECT, "a direct room names its two accounts, neither as admin, and is by invitation")          \
	X(1006, STATE_EVERYONE, "the everyone room is open")                                                           \
	X(1007, STATE_CREATOR, "who creates a room is its admin, or one of the two of a direct room")                  \
	X(1008, STATE_ID, "a room's id is that of its kind")                                                           \
	X(1010, CONTEXT_FORMAT, "a commit's authenticated data is not a CommitContext")                                \
	X(1011, CONTEXT_OLD, "a commit names a CRL that was a week old")                                               \
	X(1020, ADD_ADMIN, "only an admin adds people")                                                                \
	X(1021, ADD_DIRECT, "nobody else is added to a direct room")                                                   \
	X(1022, ROOM_FULL, "a room has at most 1,000 devices")                                                         \
	X(1030, REMOVE_ADMIN, "only an admin removes others")                                                          \
	X(1031, REMOVE_DIRECT, "nobody is removed from a direct room by the other")                                    \
	X(1040, UPDATE_IDENTITY, "a new leaf keeps the account and device of the old one")                             \
	X(1041, UPDATE_OWN, "only its own device updates a leaf")                                                      \
	X(1050, EXTERNAL_CLOSED, "this room is joined by invitation")                                                  \
	X(1051, EXTERNAL_REMOVE, "rejoining removes the own leaf and nothing else")                                    \
	X(1052, EXTERNAL_EXTRA, "an external commit carries nothing but its joiner")                                   \
	X(1060, PROPOSAL_TYPE, "this kind of proposal is not used in rooms")                                           \
	X(1061, PROPOSAL_SENDER, "only members propose")                                                               \
	X(1070, MESSAGE_READER, "a reader does not write")                                                             \
	X(1071, MESSAGE_FORM, "handshakes are PublicMessages, application data is a PrivateMessage")

enum sp_rule {
#define X(number, NAME, text) SP_RULE_##NAME = (number),
	SP_RULES(X)
#undef X
};
const char *sp_rule_text(unsigned number); /* NULL when it is not one of ours */

/* -- formats ---------------------------------------------------------------------------------------------------- */

#define SP_RULES_EXTENSION_ROOM_STATE 0xF000u /* GroupContext extension */

enum sp_rules_mode { SP_RULES_PRIVATE = 1, SP_RULES_RECORD = 2 };
enum sp_rules_kind { SP_RULES_ROOM = 1, SP_RULES_DIRECT = 2, SP_RULES_EVERYONE = 3 };
enum sp_rules_join { SP_RULES_INVITATION = 1, SP_RULES_OPEN = 2 };
enum sp_rules_role { SP_RULES_READER = 1, SP_RULES_MEMBER = 2, SP_RULES_ADMIN = 3 };

/* struct { opaque account_id[16]; uint8 role; } RoleEntry; */
struct sp_rules_role_entry {
	struct sp_id16 account;
	enum sp_rules_role role;
};
/* struct { uint16 format = 1; uint8 mode; uint8 kind; uint8 join; RoleEntry roles<V>; } RoomState;
 * Entries ascend by account id, each account once; who is not listed is a member. */
struct sp_rules_state {
	enum sp_rules_mode mode;
	enum sp_rules_kind kind;
	enum sp_rules_join join;
	struct sp_bytes roles; /* the entries' bytes, checked, borrowed: sp_rules_role_at */
};
SP_MUST_USE enum sp_err sp_rules_state_decode(struct sp_rules_state *out, struct sp_bytes in);
/* roles in any order; sorted into `out`. SP_ERR_USAGE when an account comes twice. state->roles is not used. */
SP_MUST_USE enum sp_err sp_rules_state_encode(struct sp_buf *out, const struct sp_rules_state *state, const struct sp_rules_role_entry *roles,
					      size_t n);
size_t sp_rules_role_count(const struct sp_rules_state *state);
struct sp_rules_role_entry sp_rules_role_at(const struct sp_rules_state *state, size_t i);
enum sp_rules_role sp_rules_role_of(const struct sp_rules_state *state, const struct sp_id16 *account);

/* struct { uint16 format = 1; uint64 crl_number; } CommitContext;   a commit's authenticated_data */
struct sp_rules_context {
	uint64_t crl_number; /* Unix seconds of the CRL by which new leaves are judged */
};
SP_MUST_USE enum sp_err sp_rules_context_decode(struct sp_rules_context *out, struct sp_bytes in);
SP_MUST_USE enum sp_err sp_rules_context_encode(struct sp_buf *out, const struct sp_rules_context *in);

/* A direct or everyone room's id is the first 16 bytes of SHA-256 of what these append, with the first bit set; others are random with the
 * first bit clear. Otherwise anyone could take the id of two others' direct room before they do. */
#define SP_RULES_ID_DERIVED 0x80u /* of the first byte */
SP_MUST_USE enum sp_err sp_rules_direct_id_input(struct sp_buf *out, enum sp_rules_mode mode, const struct sp_id16 *a, const struct sp_id16 *b);
SP_MUST_USE enum sp_err sp_rules_everyone_id_input(struct sp_buf *out, const struct sp_hash32 *organisation);

/* -- the judge --------------------------------------------------------------------------------------------------- */

/* Who a leaf is, by its certificate. */
struct sp_rules_party {
	struct sp_id16 account;
	struct sp_id16 device;
};
static inline bool sp_rules_party_equal(const struct sp_rules_party *a, const struct sp_rules_party *b)
{
	return sp_id16_equal(&a->account, &b->account) && sp_id16_equal(&a->device, &b->device);
}

enum sp_rules_change_kind {
	SP_RULES_CHANGE_ADD,       /* after */
	SP_RULES_CHANGE_REMOVE,    /* before, is_expelled */
	SP_RULES_CHANGE_UPDATE,    /* before, after */
	SP_RULES_CHANGE_STATE,     /* room_state: the RoomState in the new GroupContext extensions; empty when it is missing */
	SP_RULES_CHANGE_OTHER      /* pre-shared key, reinit, custom, ...: not used in rooms */
};
/* One proposal. ExternalInit is not a change: `is_external` says it. */
struct sp_rules_change {
	enum sp_rules_change_kind kind;
	struct sp_rules_party proposer; /* by value: the committer; by reference: who sent it */
	struct sp_rules_party before;
	struct sp_rules_party after;
	bool account_is_member; /* ADD: the account has another device in the room */
	bool is_expelled;       /* REMOVE: its certificate is on the CRL named, or its account is disabled */
	struct sp_bytes room_state;
};

struct sp_rules_commit {
	struct sp_rules_state state;     /* before the commit */
	struct sp_rules_party committer; /* as it was; of an external commit: as it will be */
	struct sp_rules_party path_leaf; /* the new leaf of the path, when there is one */
	bool has_path;
	bool is_external;
	struct sp_bytes context; /* authenticated_data */
	struct sp_time at;       /* the item's log time */
	size_t leaves_after;
	const struct sp_rules_change *changes;
	size_t changes_n;
};
/* SP_ERR_DENIED, SP_ERR_INVALID (formats) or SP_ERR_TOO_MANY (ROOM_FULL), with the rule in diag (may be NULL). */
SP_MUST_USE enum sp_err sp_rules_commit_judge(const struct sp_rules_commit *commit, struct sp_diag *diag);

/* A proposal standing alone in the log; is_member false for external senders (M01). Its proposer is change->proposer. */
SP_MUST_USE enum sp_err sp_rules_proposal_judge(const struct sp_rules_state *state, const struct sp_rules_change *change, bool is_member,
						struct sp_diag *diag);

/* What any RoomState must be, whoever made it: before joining a room. */
SP_MUST_USE enum sp_err sp_rules_state_judge(const struct sp_rules_state *state, struct sp_diag *diag);

/* A new room: its first RoomState, and who makes it. */
SP_MUST_USE enum sp_err sp_rules_create_judge(const struct sp_rules_state *state, const struct sp_id16 *creator, struct sp_diag *diag);

/* May this account write application messages? */
SP_MUST_USE enum sp_err sp_rules_message_judge(const struct sp_rules_state *state, const struct sp_id16 *account, struct sp_diag *diag);

/* M24: is the message of the form its content must have? */
SP_MUST_USE enum sp_err sp_rules_form_judge(bool is_public_message, bool is_application, struct sp_diag *diag);

#endif
