/* SPDX-License-Identifier: Apache-2.0
 *
 * What the TreeKEM files share: path_keys.c, path_merge.c, path_open.c, path_make.c.
 */
#ifndef SP_MLS_PATH_PRIV_H
#define SP_MLS_PATH_PRIV_H

#include "mls/tree_store_priv.h"

#define SP_MLS_PATH_LABEL "UpdatePathNode"

/* The key pair of a node from its path secret. */
SP_MUST_USE enum sp_err sp__mls_path_node_key(const struct sp_mls_suite *suite, const struct sp_secret *path_secret, struct sp_secret *out_priv,
					      struct sp_kem_public *out_pub);
/* path_secret[n + 1] in place of path_secret[n] */
SP_MUST_USE enum sp_err sp__mls_path_next(const struct sp_mls_suite *suite, struct sp_secret *path_secret);
/* Takes the keys of x and of every parent above it that is not blank, starting from x's path secret, which ends as the
 * commit secret. SP_ERR_INVALID when a key is not that of the tree. */
SP_MUST_USE enum sp_err sp__mls_path_climb(struct sp_mls_path_keys *keys, struct sp_mls_tree_view v, struct sp_node_index x,
					   struct sp_secret *path_secret);

/* One UpdatePathNode: struct { HPKEPublicKey encryption_key; HPKECiphertext encrypted_path_secret<V>; } */
struct sp_mls_path_node {
	struct sp_bytes key;
	struct sp_bytes ciphertexts; /* content */
	size_t n_ciphertexts;
};
SP_MUST_USE enum sp_err sp__mls_path_node_read(struct sp_reader *r, struct sp_mls_path_node *out);

/* Blanks the sender's direct path, sets these public keys (lowest first, one a step) with their parent hashes, and gives
 * the parent hash that belongs into the sender's leaf (empty when there is no step). */
SP_MUST_USE enum sp_err sp__mls_path_set(struct sp_mls_tree_diff *diff, uint32_t sender, const struct sp_mls_steps *steps, const struct sp_bytes *keys,
					 struct sp_hash *out_leaf_parent_hash);

#endif
