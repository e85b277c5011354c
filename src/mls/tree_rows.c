/* SPDX-License-Identifier: Apache-2.0
 *
 * A tree as rows, one a node, and a diff as the rows that it changes: a commit stores O(log N) of them. A row is the
 * encoded Node; hashes and indices are computed when a tree is loaded. Rows come from our own store: they are checked for
 * shape, so that damage is an error and nothing worse, but not verified again.
 */
#include "mls/tree_store_priv.h"

#include "base/limits.h"

/* -- writing ------------------------------------------------------------------------------------------------------------- */

static enum sp_err encode_node(struct sp_buf *out, const struct sp_mls_tree_leaf *leaf, const struct sp_mls_tree_parent *parent)
{
	struct sp_writer w = sp_writer_on(out);
	if (leaf)
		sp__mls_tree_leaf_write(&w, leaf);
	else
		sp__mls_tree_parent_write(&w, parent);
	return sp_writer_finish(&w);
}

static enum sp_err put_node(const struct sp_mls_node_sink *sink, uint32_t x, const struct sp_mls_tree_leaf *leaf, const struct sp_mls_tree_parent *parent)
{
	struct sp_buf row;
	sp_buf_init(&row, SP_LIMIT_MLS_VECTOR);
	enum sp_err e = encode_node(&row, leaf, parent);
	if (e == SP_OK)
		e = sink->put(sink->ctx, x, sp_buf_bytes(&row), false);
	sp_buf_clear(&row);
	return e;
}

enum sp_err sp__mls_tree_rows(const struct sp_mls_tree *tree, const struct sp_mls_node_sink *sink)
{
	for (uint32_t x = 0; x < sp__mls_node_count(tree->width); x++) {
		const struct sp_mls_tree_leaf *leaf = x % 2 == 0 ? tree->leaf[x / 2] : NULL;
		const struct sp_mls_tree_parent *parent = x % 2 == 1 ? tree->parent[x / 2] : NULL;
		if (leaf || parent)
			SP_TRY(put_node(sink, x, leaf, parent));
	}
	return SP_OK;
}

static bool base_has_node(const struct sp_mls_tree *base, struct sp_node_index x)
{
	if (x.v >= sp__mls_node_count(base->width))
		return false;
	return sp__mls_node_is_leaf(x) ? base->leaf[x.v / 2] != NULL : base->parent[x.v / 2] != NULL;
}

static enum sp_err put_touched(const struct sp_mls_tree_diff *diff, const struct sp_mls_touched *t, const struct sp_mls_node_sink *sink)
{
	if (t->what == SP_MLS_TOUCH_SET)
		return put_node(sink, t->node.v, t->leaf, t->parent);
	if (t->what == SP_MLS_TOUCH_BLANK && base_has_node(diff->base, t->node))
		return sink->put(sink->ctx, t->node.v, SP_BYTES_NONE, true);
	return SP_OK;
}

enum sp_err sp__mls_tree_diff_rows(const struct sp_mls_tree_diff *diff, const struct sp_mls_node_sink *sink)
{
	for (size_t i = 0; i < diff->n; i++)
		SP_TRY(put_touched(diff, &diff->touched[i], sink));
	return SP_OK;
}

/* -- loading ------------------------------------------------------------------------------------------------------------- */

static bool width_is_valid(uint32_t width)
{
	return width > 0 && width <= SP_LIMIT_MLS_LEAVES && (width & (width - 1)) == 0;
}

/* One Node and nothing behind it, of the kind that belongs at x. */
static enum sp_err decode_row(struct sp_node_index x, struct sp_bytes value, struct sp_mls_tree_leaf **leaf, struct sp_mls_tree_parent **parent)
{
	struct sp_reader r = sp_reader_of(value);
	enum sp_err e = sp__mls_tree_node_read(&r, leaf, parent, NULL);
	if (e == SP_OK && (!sp_reader_is_empty(&r) || (*leaf != NULL) != sp__mls_node_is_leaf(x))) {
		sp__mls_tree_leaf_free(leaf);
		sp__mls_tree_parent_free(parent);
		e = SP_ERR_CORRUPT;
	}
	return e == SP_OK || e == SP_ERR_NOMEM ? e : SP_ERR_CORRUPT;
}

enum sp_err sp__mls_tree_load_begin(struct sp_mls_tree **out, const struct sp_mls_suite *suite, uint32_t leaf_width)
{
	*out = NULL;
	if (!width_is_valid(leaf_width))
		return SP_ERR_CORRUPT;
	return sp__mls_tree_alloc(out, suite, leaf_width);
}

enum sp_err sp__mls_tree_load_row(struct sp_mls_tree *tree, uint32_t node, struct sp_bytes value)
{
	struct sp_mls_tree_leaf *leaf;
	struct sp_mls_tree_parent *parent;
	if (node >= sp__mls_node_count(tree->width) || base_has_node(tree, (struct sp_node_index){node}))
		return SP_ERR_CORRUPT;
	SP_TRY(decode_row((struct sp_node_index){node}, value, &leaf, &parent));
	if (leaf)
		tree->leaf[node / 2] = leaf;
	else
		tree->parent[node / 2] = parent;
	return SP_OK;
}

enum sp_err sp__mls_tree_load_end(struct sp_mls_tree *tree)
{
	enum sp_err e = sp__mls_tree_finish(tree, NULL);
	if (e == SP_OK && sp__mls_tree_verify_unmerged(tree, NULL) != SP_OK)
		e = SP_ERR_CORRUPT; /* a list that names leaves elsewhere would be walked out of the tree */
	return e == SP_ERR_INVALID ? SP_ERR_CORRUPT : e;
}

enum sp_err sp__mls_tree_diff_load_width(struct sp_mls_tree_diff *diff, uint32_t leaf_width)
{
	struct sp_mls_touched *t;
	if (!width_is_valid(leaf_width))
		return SP_ERR_CORRUPT;
	if (leaf_width > diff->width)
		return sp__mls_diff_extend(diff, leaf_width);
	diff->width = leaf_width;
	return sp__mls_diff_touch(diff, sp__mls_root(leaf_width), &t);
}

enum sp_err sp__mls_tree_diff_load_row(struct sp_mls_tree_diff *diff, uint32_t node, struct sp_bytes value, bool removed)
{
	struct sp_node_index x = {node};
	struct sp_mls_tree_leaf *leaf = NULL;
	struct sp_mls_tree_parent *parent = NULL;
	if (node >= sp__mls_node_count(removed ? SP_MAX(diff->width, diff->base->width) : diff->width))
		return SP_ERR_CORRUPT;
	if (!removed)
		SP_TRY(decode_row(x, value, &leaf, &parent));
	if (sp__mls_node_is_leaf(x))
		return sp__mls_diff_set_leaf(diff, sp__mls_leaf_of_node(x), leaf);
	return sp__mls_diff_set_parent(diff, x, parent);
}
