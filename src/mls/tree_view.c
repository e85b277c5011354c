/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading nodes, keys, resolutions and paths of a tree, or of a tree as a diff changes it. RFC 9420 sections 4.1.1 and
 * 4.1.2.
 */
#include "mls/tree_store_priv.h"

struct sp_mls_touched *sp__mls_diff_find(const struct sp_mls_tree_diff *diff, struct sp_node_index x)
{
	size_t at = SP_MLS_INDEX_START;
	uint32_t place;
	while (sp__mls_index_has_next(&diff->by_node, sp__mls_number_hash(diff->base->seed, x.v), &at, &place))
		if (diff->touched[place].node.v == x.v)
			return &diff->touched[place];
	return NULL;
}

static const struct sp_mls_touched *touched(struct sp_mls_tree_view v, struct sp_node_index x)
{
	const struct sp_mls_touched *t = v.diff ? sp__mls_diff_find(v.diff, x) : NULL;
	return t && t->what != SP_MLS_TOUCH_HASH ? t : NULL;
}

uint32_t sp__mls_treeview_width(struct sp_mls_tree_view v)
{
	return v.diff ? v.diff->width : v.base->width;
}

const struct sp_mls_tree_leaf *sp__mls_treeview_leaf(struct sp_mls_tree_view v, uint32_t leaf)
{
	if (leaf >= sp__mls_treeview_width(v))
		return NULL;
	const struct sp_mls_touched *t = touched(v, sp__mls_node_of_leaf(leaf));
	if (t)
		return t->leaf;
	return leaf < v.base->width ? v.base->leaf[leaf] : NULL;
}

const struct sp_mls_tree_parent *sp__mls_treeview_parent(struct sp_mls_tree_view v, struct sp_node_index x)
{
	if (x.v >= sp__mls_node_count(sp__mls_treeview_width(v)))
		return NULL;
	const struct sp_mls_touched *t = touched(v, x);
	if (t)
		return t->parent;
	return x.v < sp__mls_node_count(v.base->width) ? v.base->parent[x.v / 2] : NULL;
}

bool sp__mls_treeview_has_node(struct sp_mls_tree_view v, struct sp_node_index x)
{
	return sp__mls_node_is_leaf(x) ? sp__mls_treeview_leaf(v, sp__mls_leaf_of_node(x)) != NULL : sp__mls_treeview_parent(v, x) != NULL;
}

struct sp_bytes sp__mls_treeview_key(struct sp_mls_tree_view v, struct sp_node_index x)
{
	if (sp__mls_node_is_leaf(x)) {
		const struct sp_mls_tree_leaf *leaf = sp__mls_treeview_leaf(v, sp__mls_leaf_of_node(x));
		return leaf ? leaf->node.encryption_key : SP_BYTES_NONE;
	}
	const struct sp_mls_tree_parent *parent = sp__mls_treeview_parent(v, x);
	return parent ? sp__mls_parent_key(parent) : SP_BYTES_NONE;
}

const struct sp_mls_bits *sp__mls_treeview_occupied(struct sp_mls_tree_view v)
{
	return v.diff && v.diff->occupied.word ? &v.diff->occupied : &v.base->occupied;
}

bool sp__mls_treeview_has_members(struct sp_mls_tree_view v, struct sp_node_index x)
{
	return sp__mls_bits_has_range(sp__mls_treeview_occupied(v), sp__mls_first_leaf(x), sp__mls_leaf_count(x));
}

/* -- keys -------------------------------------------------------------------------------------------------------------- */

/* Entries of the base whose node the diff changed, and entries of the diff that it changed again, do not count: what
 * counts is the key that the node has now. */
static bool index_has_encryption_key(struct sp_mls_tree_view v, const struct sp_mls_index *index, struct sp_bytes key, struct sp_node_index *out)
{
	size_t at = SP_MLS_INDEX_START;
	uint32_t hash = sp__mls_key_hash(v.base->seed, key);
	while (sp__mls_index_has_next(index, hash, &at, &out->v))
		if (sp_bytes_equal(sp__mls_treeview_key(v, *out), key))
			return true;
	return false;
}

bool sp__mls_treeview_has_encryption_key(struct sp_mls_tree_view v, struct sp_bytes key, struct sp_node_index *out)
{
	if (key.n == 0)
		return false;
	return (v.diff && index_has_encryption_key(v, &v.diff->by_encryption_key, key, out)) ||
	       index_has_encryption_key(v, &v.base->by_encryption_key, key, out);
}

static bool index_has_signature_key(struct sp_mls_tree_view v, const struct sp_mls_index *index, struct sp_bytes key, uint32_t *out_leaf)
{
	size_t at = SP_MLS_INDEX_START;
	uint32_t hash = sp__mls_key_hash(v.base->seed, key);
	while (sp__mls_index_has_next(index, hash, &at, out_leaf)) {
		const struct sp_mls_tree_leaf *leaf = sp__mls_treeview_leaf(v, *out_leaf);
		if (leaf && sp_bytes_equal(leaf->node.signature_key, key))
			return true;
	}
	return false;
}

bool sp__mls_treeview_has_signature_key(struct sp_mls_tree_view v, struct sp_bytes key, uint32_t *out_leaf)
{
	return (v.diff && index_has_signature_key(v, &v.diff->by_signature_key, key, out_leaf)) ||
	       index_has_signature_key(v, &v.base->by_signature_key, key, out_leaf);
}

/* -- resolution and paths -------------------------------------------------------------------------------------------------- */

void sp__mls_nodes_clear(struct sp_mls_nodes *nodes)
{
	sp_free(nodes->list);
	*nodes = (struct sp_mls_nodes){0};
}

static enum sp_err append_node(struct sp_mls_nodes *out, struct sp_node_index x)
{
	SP_TRY(sp_array_grow(&out->list, &out->cap, out->n + 1, sizeof *out->list, 2 * (size_t)SP_MLS_WIDTH_MAX));
	out->list[out->n++] = x;
	return SP_OK;
}

static enum sp_err append_leaf(struct sp_mls_tree_view v, uint32_t leaf, bool without_added, struct sp_mls_nodes *out)
{
	struct sp_node_index x = sp__mls_node_of_leaf(leaf);
	const struct sp_mls_touched *t = v.diff && without_added ? sp__mls_diff_find(v.diff, x) : NULL;
	if ((t && t->added) || !sp__mls_treeview_has_node(v, x))
		return SP_OK;
	return append_node(out, x);
}

static enum sp_err append_parent(struct sp_mls_tree_view v, struct sp_node_index x, const struct sp_mls_tree_parent *p, bool without_added,
				 struct sp_mls_nodes *out)
{
	SP_TRY(append_node(out, x));
	for (size_t i = 0; i < p->n_unmerged; i++)
		SP_TRY(append_leaf(v, p->unmerged[i], without_added, out));
	return SP_OK;
}

enum sp_err sp__mls_treeview_resolve(struct sp_mls_tree_view v, struct sp_node_index x, bool without_added, struct sp_mls_nodes *out)
{
	if (sp__mls_node_is_leaf(x))
		return append_leaf(v, sp__mls_leaf_of_node(x), without_added, out);
	const struct sp_mls_tree_parent *p = sp__mls_treeview_parent(v, x);
	if (p)
		return append_parent(v, x, p, without_added, out);
	if (!sp__mls_treeview_has_members(v, x))
		return SP_OK;
	SP_TRY(sp__mls_treeview_resolve(v, sp__mls_left(x), without_added, out)); /* depth is at most 30 */
	return sp__mls_treeview_resolve(v, sp__mls_right(x), without_added, out);
}

void sp__mls_treeview_filtered_path(struct sp_mls_tree_view v, uint32_t leaf, struct sp_mls_steps *out)
{
	struct sp_node_index x = sp__mls_node_of_leaf(leaf), root = sp__mls_root(sp__mls_treeview_width(v));
	out->n = 0;
	while (x.v != root.v) {
		struct sp_node_index copath = sp__mls_sibling(x);
		x = sp__mls_parent(x);
		if (sp__mls_treeview_has_members(v, copath))
			out->step[out->n++] = (struct sp_mls_step){x, copath};
	}
}
