/* SPDX-License-Identifier: Apache-2.0
 *
 * The ratchet tree as the group sees it: RFC 9420 sections 4, 7.4 to 7.9, 12.1.1 to 12.1.3, 12.4.3.3.
 *
 * A tree is never copied. A change is a *diff* over a tree: reads of the diff fall through to the tree, writes stay in the
 * diff. After sp__mls_tree_diff_prepare everything that the change needs is allocated and sp__mls_tree_apply cannot fail.
 * A tree may change only by apply, and only when no other diff over it is used afterwards.
 */
#ifndef SP_MLS_TREE_PRIV_H
#define SP_MLS_TREE_PRIV_H

#include "mls/leaf_priv.h"

struct sp_mls_tree;
struct sp_mls_tree_diff;

/* What the group gives for judging leaves in a tree. */
struct sp_mls_tree_context {
	struct sp_bytes group_id;
	uint64_t epoch;
	struct sp_bytes extensions;         /* content of the group context's extensions (after the change) */
	struct sp_bytes authenticated_data; /* for the validator */
};

/* -- the tree -------------------------------------------------------------------------------------------------------- */

/* One member. leaf_node is the encoded LeafNode. */
SP_MUST_USE enum sp_err sp__mls_tree_new(struct sp_mls_tree **out, const struct sp_mls_suite *suite, struct sp_bytes leaf_node);
/* optional<Node> ratchet_tree<V>, whole input. Decodes and checks its shape; does not judge it. */
SP_MUST_USE enum sp_err sp__mls_tree_decode(struct sp_mls_tree **out, const struct sp_mls_suite *suite, struct sp_bytes ratchet_tree,
					    struct sp_diag *diag);
SP_MUST_USE enum sp_err sp__mls_tree_encode(const struct sp_mls_tree *tree, struct sp_buf *out);
/* Section 12.4.3.1 "Verify the integrity of the ratchet tree" but for the comparison of the tree hash: parent hashes, leaves (7.3, with
 * credentials: why MEMBER), unmerged leaves, uniqueness of keys. */
SP_MUST_USE enum sp_err sp__mls_tree_verify(const struct sp_mls_env *env, const struct sp_mls_tree *tree, const struct sp_mls_tree_context *context);
void sp__mls_tree_free(struct sp_mls_tree **tree);

/* Loading from rows: begin with the stored leaf width, put every row, end (computes hashes and indices). */
SP_MUST_USE enum sp_err sp__mls_tree_load_begin(struct sp_mls_tree **out, const struct sp_mls_suite *suite, uint32_t leaf_width);
SP_MUST_USE enum sp_err sp__mls_tree_load_row(struct sp_mls_tree *tree, uint32_t node, struct sp_bytes value);
SP_MUST_USE enum sp_err sp__mls_tree_load_end(struct sp_mls_tree *tree);

/* -- reads: `diff` forms read through the diff; the tree forms read the tree ------------------------------------------- */

uint32_t sp__mls_tree_leaf_width(const struct sp_mls_tree *tree); /* a power of two */
uint32_t sp__mls_tree_member_count(const struct sp_mls_tree *tree);
/* NULL when blank or outside. */
const struct sp_mls_leaf_node *sp__mls_tree_leaf(const struct sp_mls_tree *tree, uint32_t leaf);
/* The decoded signature key, cached in the tree. */
SP_MUST_USE enum sp_err sp__mls_tree_verify_key(const struct sp_mls_tree *tree, uint32_t leaf, const struct sp_verify_key **out);
SP_MUST_USE enum sp_err sp__mls_tree_hash(const struct sp_mls_tree *tree, struct sp_hash *out);
/* The leaf holding this signature key; SP_MLS_LEAF_NONE. */
uint32_t sp__mls_tree_find_signature_key(const struct sp_mls_tree *tree, struct sp_bytes key);

/* -- a change ------------------------------------------------------------------------------------------------------------ */

SP_MUST_USE enum sp_err sp__mls_tree_diff_new(struct sp_mls_tree_diff **out, const struct sp_mls_tree *base);
void sp__mls_tree_diff_free(struct sp_mls_tree_diff **diff);

uint32_t sp__mls_tree_diff_leaf_width(const struct sp_mls_tree_diff *diff);
uint32_t sp__mls_tree_diff_member_count(const struct sp_mls_tree_diff *diff);
const struct sp_mls_leaf_node *sp__mls_tree_diff_leaf(const struct sp_mls_tree_diff *diff, uint32_t leaf);
SP_MUST_USE enum sp_err sp__mls_tree_diff_verify_key(struct sp_mls_tree_diff *diff, uint32_t leaf, const struct sp_verify_key **out);
SP_MUST_USE enum sp_err sp__mls_tree_diff_hash(struct sp_mls_tree_diff *diff, struct sp_hash *out);
SP_MUST_USE enum sp_err sp__mls_tree_diff_encode(const struct sp_mls_tree_diff *diff, struct sp_buf *out);
uint32_t sp__mls_tree_diff_find_signature_key(const struct sp_mls_tree_diff *diff, struct sp_bytes key);

/* Section 12.3's order is the caller's: updates, removes, truncate, adds. The leaf bytes are copied. */
SP_MUST_USE enum sp_err sp__mls_tree_diff_update(struct sp_mls_tree_diff *diff, uint32_t leaf, struct sp_bytes leaf_node);
SP_MUST_USE enum sp_err sp__mls_tree_diff_remove(struct sp_mls_tree_diff *diff, uint32_t leaf);
SP_MUST_USE enum sp_err sp__mls_tree_diff_truncate(struct sp_mls_tree_diff *diff);
/* Leftmost blank leaf, or the tree grows. Added leaves are remembered: a path of this diff does not encrypt to them. */
SP_MUST_USE enum sp_err sp__mls_tree_diff_add(struct sp_mls_tree_diff *diff, struct sp_bytes leaf_node, uint32_t *out_leaf);
/* The leaf an external joiner takes (leftmost blank; the tree grows when none is). It stays blank until its path is merged. */
SP_MUST_USE enum sp_err sp__mls_tree_diff_reserve(struct sp_mls_tree_diff *diff, uint32_t *out_leaf);

/* Judges the leaves which this diff set, after all proposals (and the path, if any) are in: section 7.3 but for signatures and
 * credentials, which were judged with each proposal: uniqueness of keys, credential types supported by all and of all,
 * required capabilities. With whole set, all leaves are held against the extensions (they changed). */
SP_MUST_USE enum sp_err sp__mls_tree_diff_verify(const struct sp_mls_env *env, struct sp_mls_tree_diff *diff, const struct sp_mls_tree_context *context,
						 bool whole);

/* Do all members list this code point, now in the diff? O(1). Default types: always. For proposals of unknown types call
 * it between removes and adds (section 12.2: those who are added or removed need not support them). */
bool sp__mls_tree_diff_has_support(const struct sp_mls_tree_diff *diff, enum sp_mls_capability what, uint16_t value);

/* -- TreeKEM (7.4 to 7.6) -------------------------------------------------------------------------------------------------- */

/* Our private keys: [0] our leaf's, [i] that of our i-th ancestor; n == 0 is "not known". Fixed size, so that staging a change of
 * them allocates nothing. */
#define SP_MLS_LEVELS 33u
struct sp_mls_path_keys {
	uint32_t leaf;
	struct sp_secret key[SP_MLS_LEVELS];
};
void sp__mls_path_keys_clear(struct sp_mls_path_keys *keys);
/* Forgets keys of ancestors that the diff blanked, or whose public key no longer matches, and moves with a changed width. Call once
 * the diff's proposals are in (before the path). */
void sp__mls_path_keys_follow(struct sp_mls_path_keys *keys, const struct sp_mls_tree_diff *diff);
/* A joiner's keys from its Welcome (12.4.3.1). path_secret may be NULL. Each derived key must match its node: SP_ERR_INVALID. */
SP_MUST_USE enum sp_err sp__mls_path_keys_join(struct sp_mls_path_keys *out, const struct sp_mls_env *env, const struct sp_mls_tree *tree, uint32_t own_leaf,
					       const struct sp_secret *leaf_priv, uint32_t signer, const struct sp_secret *path_secret);

/* struct { LeafNode leaf_node; UpdatePathNode nodes<V>; } UpdatePath, borrowed */
struct sp_mls_update_path {
	struct sp_bytes encoded;
	struct sp_mls_leaf_node leaf;
	struct sp_bytes nodes; /* content, its shape checked when read */
	size_t n_nodes;
};
SP_MUST_USE enum sp_err sp__mls_update_path_read(struct sp_reader *r, struct sp_mls_update_path *out, struct sp_diag *diag);

/* Receiving, part 1 (public): number of nodes and ciphertexts, keys not in the tree, parent hash; merges it into the diff. The leaf was
 * judged by sp__mls_leaf_check_in_group. */
SP_MUST_USE enum sp_err sp__mls_path_merge(const struct sp_mls_env *env, struct sp_mls_tree_diff *diff, uint32_t sender,
					   const struct sp_mls_update_path *path);
/* Receiving, part 2 (secret): with the provisional GroupContext. keys is followed before, and gets the new keys. */
SP_MUST_USE enum sp_err sp__mls_path_decrypt(const struct sp_mls_env *env, struct sp_secret *out_commit_secret, struct sp_mls_path_keys *keys,
					     const struct sp_mls_tree_diff *diff, uint32_t sender, const struct sp_mls_update_path *path,
					     struct sp_bytes provisional_context);

/* Sending, part 1: new keys for the sender's path, parent hashes, signed leaf; merged into the diff. */
struct sp_mls_path_make;
struct sp_mls_path_params {
	uint32_t sender;
	const struct sp_mls_leaf_params *leaf; /* NULL: as `like` */
	const struct sp_mls_leaf_node *like;
	const struct sp_signer *signer;
	struct sp_bytes group_id;
};
SP_MUST_USE enum sp_err sp__mls_path_make(const struct sp_mls_env *env, struct sp_mls_path_make **out, struct sp_mls_tree_diff *diff,
					  const struct sp_mls_path_params *params);
/* Sending, part 2: encrypts the path secrets under the provisional GroupContext and appends the UpdatePath. */
SP_MUST_USE enum sp_err sp__mls_path_encrypt(const struct sp_mls_env *env, const struct sp_mls_path_make *make, struct sp_buf *out_update_path,
					     struct sp_bytes provisional_context);
const struct sp_secret *sp__mls_path_commit_secret(const struct sp_mls_path_make *make);
/* Our keys after the path. */
void sp__mls_path_keys_take(const struct sp_mls_path_make *make, struct sp_mls_path_keys *keys);
/* The path secret of the lowest common ancestor with this new leaf (12.4.1); NULL when there is none. */
const struct sp_secret *sp__mls_path_secret_for(const struct sp_mls_path_make *make, uint32_t leaf);
void sp__mls_path_make_free(struct sp_mls_path_make **make);

/* -- rows and apply ----------------------------------------------------------------------------------------------------------- */

/* What changed, node by node (removed: the node is blank now or beyond the tree). value is the encoded Node. */
struct sp_mls_node_sink {
	enum sp_err (*put)(void *ctx, uint32_t node, struct sp_bytes value, bool removed);
	void *ctx;
};
SP_MUST_USE enum sp_err sp__mls_tree_diff_rows(const struct sp_mls_tree_diff *diff, const struct sp_mls_node_sink *sink);
SP_MUST_USE enum sp_err sp__mls_tree_rows(const struct sp_mls_tree *tree, const struct sp_mls_node_sink *sink); /* all of it */
/* The reverse, for a stored pending commit: makes the diff say what the rows say. */
SP_MUST_USE enum sp_err sp__mls_tree_diff_load_width(struct sp_mls_tree_diff *diff, uint32_t leaf_width);
SP_MUST_USE enum sp_err sp__mls_tree_diff_load_row(struct sp_mls_tree_diff *diff, uint32_t node, struct sp_bytes value, bool removed);
/* Which leaves differ from the base: the i-th, or SP_MLS_LEAF_NONE beyond the last. (For past epochs' signature keys.) */
uint32_t sp__mls_tree_diff_changed_leaf(const struct sp_mls_tree_diff *diff, size_t i);

SP_MUST_USE enum sp_err sp__mls_tree_diff_prepare(struct sp_mls_tree_diff *diff);
void sp__mls_tree_apply(struct sp_mls_tree *tree, struct sp_mls_tree_diff **diff); /* infallible; frees the diff */

#endif
