/* SPDX-License-Identifier: Apache-2.0
 *
 * What Update, Remove and Add do to a tree, RFC 9420 sections 7.7 and 12.1.1 to 12.1.3.
 */
#include "mls/tree_store_priv.h"

#include "base/limits.h"

enum sp_err sp__mls_tree_diff_update(struct sp_mls_tree_diff *diff, uint32_t leaf, struct sp_bytes leaf_node)
{
	struct sp_mls_tree_leaf *node;
	if (sp__mls_tree_diff_leaf(diff, leaf) == NULL)
		return SP_ERR_INVALID;
	SP_TRY(sp__mls_tree_leaf_new(&node, leaf_node, NULL));
	SP_TRY(sp__mls_diff_set_leaf(diff, leaf, node));
	return sp__mls_diff_blank_path(diff, leaf);
}

enum sp_err sp__mls_tree_diff_remove(struct sp_mls_tree_diff *diff, uint32_t leaf)
{
	if (sp__mls_tree_diff_leaf(diff, leaf) == NULL)
		return SP_ERR_INVALID;
	diff->free_from = SP_MIN(diff->free_from, leaf);
	SP_TRY(sp__mls_diff_blank_path(diff, leaf));
	return sp__mls_diff_set_leaf(diff, leaf, NULL);
}

/* "The root of the tree and the right subtree are discarded (whether or not the root node is blank)." The right subtree
 * has no member, so its parents were blanked with the last of them. */
enum sp_err sp__mls_tree_diff_truncate(struct sp_mls_tree_diff *diff)
{
	struct sp_mls_tree_view v = sp__mls_treeview_of_diff(diff);
	struct sp_mls_touched *t;
	while (diff->width > 1 && !sp__mls_treeview_has_members(v, sp__mls_right(sp__mls_root(diff->width)))) {
		struct sp_node_index root = sp__mls_root(diff->width);
		if (sp__mls_treeview_has_node(v, root))
			SP_TRY(sp__mls_diff_set_parent(diff, root, NULL));
		diff->width /= 2;
	}
	return sp__mls_diff_touch(diff, sp__mls_root(diff->width), &t);
}

enum sp_err sp__mls_tree_diff_reserve(struct sp_mls_tree_diff *diff, uint32_t *out_leaf)
{
	const struct sp_mls_bits *occupied = sp__mls_treeview_occupied(sp__mls_treeview_of_diff(diff));
	*out_leaf = sp__mls_bits_find_zero(occupied, diff->free_from, diff->width);
	diff->free_from = *out_leaf;
	if (*out_leaf < diff->width)
		return SP_OK;
	if (diff->width >= SP_LIMIT_MLS_LEAVES)
		return SP_ERR_TOO_MANY;
	return sp__mls_diff_extend(diff, diff->width * 2);
}

/* The parent as this diff's own, to be changed. */
static enum sp_err own_parent(struct sp_mls_tree_diff *diff, struct sp_node_index x, struct sp_mls_tree_parent **out)
{
	struct sp_mls_touched *t = sp__mls_diff_find(diff, x);
	if (!t || t->what != SP_MLS_TOUCH_SET) {
		struct sp_mls_tree_parent *copy;
		SP_TRY(sp__mls_tree_parent_copy(&copy, sp__mls_treeview_parent(sp__mls_treeview_of_diff(diff), x)));
		SP_TRY(sp__mls_diff_set_parent(diff, x, copy));
		t = sp__mls_diff_find(diff, x);
	}
	*out = t->parent;
	return SP_OK;
}

/* "For each non-blank intermediate node along the path from the leaf L to the root, add L's leaf index to the
 * unmerged_leaves list for the node." */
static enum sp_err mark_unmerged(struct sp_mls_tree_diff *diff, uint32_t leaf)
{
	unsigned top = sp__mls_level(sp__mls_root(diff->width));
	for (unsigned level = 1; level <= top; level++) {
		struct sp_node_index x = sp__mls_ancestor(leaf, level);
		struct sp_mls_tree_parent *parent;
		if (!sp__mls_treeview_has_node(sp__mls_treeview_of_diff(diff), x))
			continue;
		SP_TRY(own_parent(diff, x, &parent));
		SP_TRY(sp__mls_tree_parent_add_unmerged(parent, leaf));
	}
	return SP_OK;
}

enum sp_err sp__mls_tree_diff_add(struct sp_mls_tree_diff *diff, struct sp_bytes leaf_node, uint32_t *out_leaf)
{
	struct sp_mls_tree_leaf *node;
	SP_TRY(sp__mls_tree_diff_reserve(diff, out_leaf));
	SP_TRY(sp__mls_tree_leaf_new(&node, leaf_node, NULL));
	SP_TRY(sp__mls_diff_set_leaf(diff, *out_leaf, node));
	sp__mls_diff_find(diff, sp__mls_node_of_leaf(*out_leaf))->added = true;
	diff->free_from = *out_leaf + 1;
	return mark_unmerged(diff, *out_leaf); /* its ancestors are stale already */
}
