/* SPDX-License-Identifier: Apache-2.0
 *
 * A small world for tests of groups: clients with their stores, and a delivery service that echoes to everybody. After every change the rows in
 * a client's store must be exactly those that the group itself would write.
 */
#ifndef SP_TEST_MLS_WORLD_H
#define SP_TEST_MLS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/base.h"
#include "crypto/crypto.h"
#include "mls/mls.h"

struct store { /* rows, sorted by key */
	struct stored_row {
		uint8_t *key, *value;
		size_t key_n, value_n;
	} *rows;
	size_t n, cap;
};
void store_take(struct store *store, struct sp_mls_rows rows);
void store_clear(struct store *store);

struct client {
	const char *name;
	uint16_t suite;
	struct sp_sign_key *key;
	struct sp_signer signer;
	struct sp_rng rng;
	struct sp_mls_validator validator;
	struct sp_mls_policy policy;
	struct sp_mls_psk_lookup psks;
	struct sp_mls_limits limits;
	struct sp_diag diag;
	struct sp_mls_env env;
	struct sp_buf kp, kp_ref, kp_private; /* its current key package */
	struct sp_mls_group *group;
	struct store store;
};

void client_init(struct client *c, const char *name, uint16_t suite);
void client_clear(struct client *c);
struct sp_mls_leaf_params client_leaf(const struct client *c);
void client_key_package(struct client *c);
struct sp_mls_key_package_lookup client_lookup(struct client *c);

/* A group of one; a new member by commit and Welcome with the tree out of band. */
void world_create(struct client *c, struct sp_mls_extensions extensions);
/* Persists the staged write set, applies it, holds the rows against the group's own. */
void client_apply(struct client *c, struct sp_mls_staged **staged);
void client_reload(struct client *c);
/* Processes a message that must be good; gives its kind. */
enum sp_mls_staged_kind client_receive(struct client *c, struct sp_bytes message);
enum sp_err client_refuses(struct client *c, struct sp_bytes message);
/* Commits, merges, lets all others process it; joins `joiners` by Welcome. out_message (may be NULL) gets the commit. */
void world_commit(struct client *by, struct client **members, size_t n, struct client **joiners, size_t n_joiners,
		  const struct sp_mls_commit_params *params, struct sp_buf *out_message);
void world_add(struct client *by, struct client **members, size_t n, struct client **joiners, size_t n_joiners);
void client_join(struct client *c, struct sp_bytes welcome, struct sp_bytes tree);
/* One sends, all others read the same. */
void world_say(struct client *by, struct client **members, size_t n, const char *text);
void world_agree(struct client **members, size_t n);
uint32_t client_leaf_index(const struct client *c);

#endif
