/* SPDX-License-Identifier: Apache-2.0
 *
 * mls_peer: our MLS client as a process that speaks JSON lines, to be driven against other stacks. One request a line, one reply a line.
 */
#ifndef SP_TEST_MLS_PEER_H
#define SP_TEST_MLS_PEER_H

#include <jansson.h>

#include "base/base.h"
#include "codec/codec.h"
#include "crypto/crypto.h"
#include "mls/labels_priv.h"
#include "mls/mls.h"

/* A signing key and the name it goes by; shared by key packages and groups, freed with the peer. */
struct identity {
	struct identity *next;
	struct sp_sign_key *key;
	struct sp_signer signer;
	struct sp_buf credential; /* identity, or certificates<V> */
	uint16_t credential_type;
};
struct key_package {
	struct key_package *next;
	char id[32];
	struct identity *who;
	uint16_t suite;
	struct sp_buf message, ref, priv;
};
struct peer_group {
	struct peer_group *next;
	struct identity *who;
	struct sp_mls_group *group;
	unsigned number; /* of several memberships of one group in this process: "<group id>#2" is a group's name too */
};
struct peer_psk {
	struct peer_psk *next;
	struct sp_buf id, secret;
};
struct scratch { /* buffers of one request */
	struct scratch *next;
	struct sp_buf buf;
};

struct peer {
	struct identity *identities;
	struct key_package *key_packages; /* newest first */
	struct peer_group *groups;        /* last touched first */
	struct peer_psk *psks;
	struct scratch *scratch;
	unsigned counter;
	bool same_by_name;      /* leaves with one credential are one client, for this request */
	const char *kp_wanted;  /* the one key package that may be used to join, or NULL */
	bool done;
	struct sp_rng rng;
	struct sp_mls_validator validator;
	struct sp_mls_psk_lookup psk_lookup;
	struct sp_mls_key_package_lookup key_package_lookup;
	struct key_package *found; /* by the lookup */
	struct sp_mls_limits limits;
	struct sp_diag diag;
	struct sp_mls_env env; /* signer and time are set with each request */
};

/* -- request and reply, json.c ------------------------------------------------------------------------------------------------ */

struct sp_buf *scratch_buf(struct peer *p);
/* hex, "utf8:text" or "@path". Absent: empty. */
SP_MUST_USE enum sp_err get_bytes(struct peer *p, const json_t *o, const char *name, struct sp_bytes *out);
SP_MUST_USE enum sp_err value_bytes(struct peer *p, const json_t *value, struct sp_bytes *out);
bool get_bool(const json_t *o, const char *name, bool otherwise);
uint64_t get_int(const json_t *o, const char *name, uint64_t otherwise);
void put_bytes(json_t *reply, const char *name, struct sp_bytes bytes);
/* [{type, data}] */
SP_MUST_USE enum sp_err get_extensions(struct peer *p, const json_t *o, struct sp_mls_extensions *out);
SP_MUST_USE enum sp_err get_identity(struct peer *p, const json_t *o, struct sp_bytes *out);
/* An MLSMessage, given framed or bare. */
SP_MUST_USE enum sp_err value_message(struct peer *p, const json_t *value, enum sp_mls_wire_format format, struct sp_bytes *out);
SP_MUST_USE enum sp_err get_message(struct peer *p, const json_t *o, const char *name, enum sp_mls_wire_format format, struct sp_bytes *out);
void *scratch_alloc(struct peer *p, size_t n);

/* -- identities, key packages, groups, people.c --------------------------------------------------------------------------------- */

SP_MUST_USE enum sp_err identity_new(struct peer *p, struct identity **out); /* without key and name */
SP_MUST_USE enum sp_err identity_from_leaf(struct identity *who, const struct sp_mls_group *group);
SP_MUST_USE enum sp_err identity_of(struct peer *p, const json_t *request, uint16_t suite, struct identity **out);
struct sp_mls_leaf_params leaf_of(const struct identity *who, const json_t *request);
SP_MUST_USE enum sp_err group_of(struct peer *p, const json_t *request, struct peer_group **out);
/* Takes the group. */
SP_MUST_USE enum sp_err group_add(struct peer *p, struct sp_mls_group **group, struct identity *who, struct peer_group **out);
void put_group(json_t *reply, const struct peer_group *g);
const struct sp_mls_env *env_of(struct peer *p, const struct identity *who);
/* The private signing key as vectors show it: an EdDSA seed, else a scalar with all its leading zeros. keys.c */
SP_MUST_USE enum sp_err raw_key_of(struct peer *p, const struct identity *who, struct sp_bytes *out);
void key_package_forget(struct peer *p, struct key_package *k);
void peer_init(struct peer *p);
void peer_clear(struct peer *p);
void scratch_clear(struct peer *p);

typedef enum sp_err peer_op(struct peer *p, const json_t *request, json_t *reply);
peer_op op_key_package, op_create_group, op_add, op_remove, op_update, op_propose, op_commit, op_merge, op_discard;
peer_op op_join, op_process, op_protect, op_epoch, op_tree, op_export, op_group_info, op_external_join, op_propose_join;
peer_op op_psk, op_branch, op_reinit_create, op_save, op_load;

#endif
