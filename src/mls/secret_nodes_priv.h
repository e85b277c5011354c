/* SPDX-License-Identifier: Apache-2.0
 *
 * The nodes of the secret tree, shared by its two files: secret_tree.c (derivation, ratchets) and secret_rows.c (persistence).
 */
#ifndef SP_MLS_SECRET_NODES_PRIV_H
#define SP_MLS_SECRET_NODES_PRIV_H

#include "mls/secret_tree_priv.h"

/* A key that was passed over, for a message still under way. */
struct sp_mls_skipped {
	uint32_t generation;
	struct sp_mls_message_key key;
};
struct sp_mls_ratchet {
	struct sp_secret secret; /* ratchet_secret_[leaf]_[next] */
	uint32_t next;
	struct sp_mls_skipped *skipped; /* ascending generations */
	size_t n_skipped;
};
struct sp_mls_secret_node {
	struct sp_secret secret; /* n == 0: consumed */
	struct sp_mls_secret_node *child[2];
	struct sp_mls_ratchet *ratchets; /* a leaf's two, once derived */
};
struct sp_mls_secret_tree {
	struct sp_mls_suite suite;
	uint64_t epoch;
	uint32_t leaf_width;
	unsigned depth;
	struct sp_mls_secret_node *root;
};
/* The change: `grown` replaces the children of `at`, whose secret is consumed; or, with at NULL, only the leaf's ratchet changes. */
struct sp_mls_secret_step {
	const struct sp_mls_secret_tree *tree;
	uint32_t leaf;
	enum sp_mls_ratchet_type type;
	struct sp_mls_secret_node *at;
	uint32_t at_index;
	unsigned at_level;
	struct sp_mls_secret_node *grown;     /* the new subtree in place of `at`'s content */
	struct sp_mls_ratchet *target; /* of the tree, when the leaf was derived before; NULL when it is inside of grown */
	struct sp_mls_ratchet next;    /* the ratchet after the step */
};

/* The array index (RFC 9420 appendix C) of the node at this level above this leaf. */
static inline uint32_t sp__mls_secret_index(uint32_t leaf, unsigned level)
{
	return level == 0 ? leaf * 2 : (((leaf >> level) * 2 + 1) << level) - 1;
}

static inline unsigned sp__mls_secret_side(uint32_t leaf, unsigned child_level)
{
	return (leaf >> child_level) & 1;
}

#endif
