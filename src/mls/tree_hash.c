/* SPDX-License-Identifier: Apache-2.0
 *
 * Tree hashes, RFC 9420 section 7.8. A tree keeps one a node; a diff keeps those of the nodes it touched, and computes
 * again only what is stale.
 */
#include "mls/tree_store_priv.h"

enum { HASH_LEAF = 1, HASH_PARENT = 2 }; /* NodeType */

#define VEC_HEAD_MAX 4u

/* Appends opaque v<V> for short content to a fixed buffer. */
static size_t put_short_vec(uint8_t *out, struct sp_bytes v)
{
	size_t head = v.n < 64 ? 1 : 2;
	if (head == 2)
		*out++ = (uint8_t)(0x40 | v.n >> 8);
	*out++ = (uint8_t)v.n;
	sp_copy(out, v.p, v.n);
	return head + v.n;
}

/* struct { NodeType node_type = leaf; uint32 leaf_index; optional<LeafNode> leaf_node; } */
enum sp_err sp__mls_hash_leaf(struct sp_hasher *h, uint32_t leaf, const struct sp_mls_tree_leaf *node, struct sp_hash *out)
{
	const uint8_t head[6] = {HASH_LEAF, (uint8_t)(leaf >> 24), (uint8_t)(leaf >> 16), (uint8_t)(leaf >> 8), (uint8_t)leaf, node ? 1 : 0};
	SP_TRY(sp_hasher_update(h, SP_BYTES_OF(head)));
	if (node)
		SP_TRY(sp_hasher_update(h, node->node.encoded));
	return sp_hasher_final(h, out);
}

static enum sp_err hash_unmerged(struct sp_hasher *h, const uint32_t *unmerged, size_t n)
{
	uint8_t chunk[256];
	size_t bytes = n * 4;
	uint8_t head[VEC_HEAD_MAX];
	size_t head_n = bytes < 1u << 6 ? 1 : bytes < 1u << 14 ? 2 : 4;
	uint32_t prefixed = (uint32_t)bytes | (head_n == 1 ? 0 : head_n == 2 ? 1u << 14 : 2u << 30);
	for (size_t i = 0; i < head_n; i++)
		head[i] = (uint8_t)(prefixed >> 8 * (head_n - 1 - i));
	SP_TRY(sp_hasher_update(h, (struct sp_bytes){head, head_n}));
	for (size_t i = 0; i < n;) {
		size_t used = 0;
		for (; i < n && used < sizeof chunk; i++, used += 4)
			for (unsigned k = 0; k < 4; k++)
				chunk[used + k] = (uint8_t)(unmerged[i] >> (24 - 8 * k));
		SP_TRY(sp_hasher_update(h, (struct sp_bytes){chunk, used}));
	}
	return SP_OK;
}

/* struct { NodeType node_type = parent; optional<ParentNode> parent_node; opaque left_hash<V>; opaque right_hash<V>; } */
enum sp_err sp__mls_hash_parent(struct sp_hasher *h, const struct sp_mls_tree_parent *node, const uint32_t *unmerged, size_t n_unmerged,
				const struct sp_bytes children[2], struct sp_hash *out)
{
	uint8_t part[2 + 2 * VEC_HEAD_MAX + 2 * UINT8_MAX] = {HASH_PARENT, node ? 1 : 0};
	size_t n = 2;
	if (node) {
		n += put_short_vec(part + n, sp__mls_parent_key(node));
		n += put_short_vec(part + n, sp__mls_parent_hash_of(node));
	}
	SP_TRY(sp_hasher_update(h, (struct sp_bytes){part, n}));
	if (node)
		SP_TRY(hash_unmerged(h, unmerged, n_unmerged));
	n = put_short_vec(part, children[0]);
	n += put_short_vec(part + n, children[1]);
	SP_TRY(sp_hasher_update(h, (struct sp_bytes){part, n}));
	return sp_hasher_final(h, out);
}

/* -- the whole tree --------------------------------------------------------------------------------------------------- */

static void store(struct sp_mls_tree *tree, struct sp_node_index x, const struct sp_hash *hash)
{
	sp_copy(tree->hash + (size_t)x.v * tree->suite.nh, hash->b, tree->suite.nh);
}

static enum sp_err rehash_parent(struct sp_mls_tree *tree, struct sp_hasher *h, struct sp_node_index x)
{
	const struct sp_mls_tree_parent *p = tree->parent[x.v / 2];
	const struct sp_bytes children[2] = {sp__mls_tree_hash_at(tree, sp__mls_left(x)), sp__mls_tree_hash_at(tree, sp__mls_right(x))};
	struct sp_hash hash;
	SP_TRY(sp__mls_hash_parent(h, p, p ? p->unmerged : NULL, p ? p->n_unmerged : 0, children, &hash));
	store(tree, x, &hash);
	return SP_OK;
}

/* Leaves, then level by level. */
static enum sp_err rehash_all(struct sp_mls_tree *tree, struct sp_hasher *h)
{
	struct sp_hash hash;
	for (uint32_t i = 0; i < tree->width; i++) {
		SP_TRY(sp__mls_hash_leaf(h, i, tree->leaf[i], &hash));
		store(tree, sp__mls_node_of_leaf(i), &hash);
	}
	for (uint32_t step = 2; step <= tree->width; step *= 2)
		for (uint32_t x = step - 1; x < sp__mls_node_count(tree->width); x += 2 * step)
			SP_TRY(rehash_parent(tree, h, (struct sp_node_index){x}));
	return SP_OK;
}

enum sp_err sp__mls_tree_rehash(struct sp_mls_tree *tree)
{
	struct sp_hasher *h = NULL;
	enum sp_err e = sp_hasher_new(&h, tree->suite.hash);
	if (e == SP_OK)
		e = rehash_all(tree, h);
	sp_hasher_free(&h);
	return e;
}

/* -- a diff -------------------------------------------------------------------------------------------------------------- */

static enum sp_err hash_node(struct sp_mls_tree_diff *diff, struct sp_hasher *h, struct sp_node_index x, struct sp_bytes *out);

static enum sp_err hash_stale(struct sp_mls_tree_diff *diff, struct sp_hasher *h, struct sp_node_index x, struct sp_hash *out)
{
	struct sp_mls_tree_view v = sp__mls_treeview_of_diff(diff);
	if (sp__mls_node_is_leaf(x))
		return sp__mls_hash_leaf(h, sp__mls_leaf_of_node(x), sp__mls_treeview_leaf(v, sp__mls_leaf_of_node(x)), out);
	const struct sp_mls_tree_parent *p = sp__mls_treeview_parent(v, x);
	struct sp_bytes children[2];
	SP_TRY(hash_node(diff, h, sp__mls_left(x), &children[0]));
	SP_TRY(hash_node(diff, h, sp__mls_right(x), &children[1]));
	return sp__mls_hash_parent(h, p, p ? p->unmerged : NULL, p ? p->n_unmerged : 0, children, out);
}

/* *out borrows from the diff or its base. Recursion is as deep as the tree, at most 30. */
static enum sp_err hash_node(struct sp_mls_tree_diff *diff, struct sp_hasher *h, struct sp_node_index x, struct sp_bytes *out)
{
	struct sp_mls_touched *t = sp__mls_diff_find(diff, x);
	if (!t) {
		*out = sp__mls_tree_hash_at(diff->base, x);
		return SP_OK;
	}
	if (!t->hash_fresh) {
		SP_TRY(hash_stale(diff, h, x, &t->hash));
		t->hash_fresh = true;
	}
	*out = sp_hash_bytes(&t->hash);
	return SP_OK;
}

enum sp_err sp__mls_diff_hash_at(struct sp_mls_tree_diff *diff, struct sp_node_index x, struct sp_hash *out)
{
	struct sp_hasher *h = NULL;
	struct sp_bytes hash = SP_BYTES_NONE;
	*out = (struct sp_hash){0};
	enum sp_err e = sp_hasher_new(&h, diff->base->suite.hash);
	if (e == SP_OK)
		e = hash_node(diff, h, x, &hash);
	if (e == SP_OK) {
		out->n = hash.n;
		sp_copy(out->b, hash.p, hash.n);
	}
	sp_hasher_free(&h);
	return e;
}

enum sp_err sp__mls_tree_diff_hash(struct sp_mls_tree_diff *diff, struct sp_hash *out)
{
	return sp__mls_diff_hash_at(diff, sp__mls_root(diff->width), out);
}
