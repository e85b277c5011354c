/* SPDX-License-Identifier: Apache-2.0
 *
 * The diff: the nodes that a change touched, over a tree that does not change. A node that is touched marks all above it
 * stale, so that hashing finds its way. After a failed change a diff can only be freed.
 */
#include "mls/tree_store_priv.h"

enum sp_err sp__mls_tree_diff_new(struct sp_mls_tree_diff **out, const struct sp_mls_tree *base)
{
	struct sp_mls_tree_diff *diff = sp_alloc(sizeof *diff);
	*out = diff;
	if (!diff)
		return SP_ERR_NOMEM;
	diff->base = base;
	diff->width = base->width;
	diff->members = base->members;
	return SP_OK;
}

void sp__mls_diff_drop_room(struct sp_mls_tree_diff *diff)
{
	sp__mls_tree_free(&diff->room);
	sp__mls_index_clear(&diff->spare_encryption);
	sp__mls_index_clear(&diff->spare_signature);
	sp__mls_counts_clear(&diff->spare_counts);
	sp__mls_counts_clear(&diff->spare_in_use);
	diff->prepared = false;
}

void sp__mls_tree_diff_free(struct sp_mls_tree_diff **diff)
{
	struct sp_mls_tree_diff *d = *diff;
	if (!d)
		return;
	for (size_t i = 0; i < d->n; i++) {
		sp__mls_tree_leaf_free(&d->touched[i].leaf);
		sp__mls_tree_parent_free(&d->touched[i].parent);
	}
	sp_free(d->touched);
	sp_free(d->changed);
	sp__mls_index_clear(&d->by_node);
	sp__mls_index_clear(&d->by_encryption_key);
	sp__mls_index_clear(&d->by_signature_key);
	sp__mls_bits_clear(&d->occupied);
	sp__mls_counts_clear(&d->counts);
	sp__mls_counts_clear(&d->in_use);
	sp_verify_key_free(&d->key);
	sp__mls_diff_drop_room(d);
	sp_free(d);
	*diff = NULL;
}

/* -- touching ---------------------------------------------------------------------------------------------------------- */

static enum sp_err touch_one(struct sp_mls_tree_diff *diff, struct sp_node_index x, struct sp_mls_touched **out)
{
	*out = sp__mls_diff_find(diff, x);
	if (!*out) {
		SP_TRY(sp_array_grow(&diff->touched, &diff->cap, diff->n + 1, sizeof *diff->touched, 2 * (size_t)SP_MLS_WIDTH_MAX));
		SP_TRY(sp__mls_index_reserve(&diff->by_node, diff->n + 1));
		*out = &diff->touched[diff->n];
		**out = (struct sp_mls_touched){.node = x};
		sp__mls_index_put(&diff->by_node, sp__mls_number_hash(diff->base->seed, x.v), (uint32_t)diff->n++);
	}
	(*out)->hash_fresh = false;
	return SP_OK;
}

/* From the root down, so that a failure on the way leaves no stale node under a fresh one. A node beyond the tree's
 * present width (the tree was truncated) has nothing above it. */
enum sp_err sp__mls_diff_touch(struct sp_mls_tree_diff *diff, struct sp_node_index x, struct sp_mls_touched **out)
{
	struct sp_node_index root = sp__mls_root(diff->width);
	sp__mls_diff_drop_room(diff);
	if (x.v < sp__mls_node_count(diff->width))
		for (unsigned level = sp__mls_level(root); level > sp__mls_level(x); level--)
			SP_TRY(touch_one(diff, sp__mls_ancestor(sp__mls_first_leaf(x), level), out));
	return touch_one(diff, x, out);
}

/* The tree doubles: every new node is blank, and has no hash yet that could be looked up. */
enum sp_err sp__mls_diff_extend(struct sp_mls_tree_diff *diff, uint32_t width)
{
	struct sp_mls_touched *t;
	sp__mls_diff_drop_room(diff);
	if (width > SP_MLS_WIDTH_MAX)
		return SP_ERR_TOO_MANY;
	diff->width = width;
	for (uint32_t x = sp__mls_node_count(diff->base->width); x < sp__mls_node_count(width); x++) {
		struct sp_node_index node = {x};
		if (sp__mls_diff_find(diff, node) != NULL)
			continue;
		SP_TRY(touch_one(diff, node, &t));
		t->what = SP_MLS_TOUCH_BLANK;
	}
	return sp__mls_diff_touch(diff, sp__mls_root(width), &t);
}

/* -- setting leaves ----------------------------------------------------------------------------------------------------- */

static enum sp_err own_bits(struct sp_mls_tree_diff *diff)
{
	uint32_t width = SP_MAX(diff->width, diff->base->width);
	if (diff->occupied.words * 64 >= width)
		return SP_OK;
	struct sp_mls_bits bits;
	SP_TRY(sp__mls_bits_new(&bits, width, sp__mls_treeview_occupied(sp__mls_treeview_of_diff(diff))));
	sp__mls_bits_clear(&diff->occupied);
	diff->occupied = bits;
	return SP_OK;
}

static enum sp_err note_changed(struct sp_mls_tree_diff *diff, uint32_t leaf)
{
	SP_TRY(sp_array_grow(&diff->changed, &diff->cap_changed, diff->n_changed + 1, sizeof *diff->changed, SP_MLS_WIDTH_MAX));
	diff->changed[diff->n_changed++] = leaf;
	return SP_OK;
}

/* Two holders of one key within a diff stay two: section 12.2 lets no leaf be changed twice. So the first is noted for
 * good. A holder in the base may yet be replaced and is looked for at the end (tree_check.c). */
static enum sp_err index_keys(struct sp_mls_tree_diff *diff, struct sp_node_index x, struct sp_bytes encryption_key, struct sp_bytes signature_key)
{
	struct sp_mls_tree_view v = sp__mls_treeview_of_diff(diff);
	struct sp_node_index other;
	uint32_t leaf;
	SP_TRY(sp__mls_index_reserve(&diff->by_encryption_key, diff->by_encryption_key.n + 1));
	SP_TRY(sp__mls_index_reserve(&diff->by_signature_key, diff->by_signature_key.n + 1));
	if (sp__mls_treeview_has_encryption_key(v, encryption_key, &other) && other.v != x.v && sp__mls_diff_has_set(diff, other))
		diff->duplicate = 150;
	if (signature_key.n && sp__mls_treeview_has_signature_key(v, signature_key, &leaf) && leaf != x.v / 2 &&
	    sp__mls_diff_has_set(diff, sp__mls_node_of_leaf(leaf)))
		diff->duplicate = 151;
	sp__mls_index_put(&diff->by_encryption_key, sp__mls_key_hash(diff->base->seed, encryption_key), x.v);
	if (signature_key.n)
		sp__mls_index_put(&diff->by_signature_key, sp__mls_key_hash(diff->base->seed, signature_key), x.v / 2);
	return SP_OK;
}

bool sp__mls_diff_has_set(const struct sp_mls_tree_diff *diff, struct sp_node_index x)
{
	const struct sp_mls_touched *t = sp__mls_diff_find(diff, x);
	return t && t->what == SP_MLS_TOUCH_SET;
}

static enum sp_err count_leaf_change(struct sp_mls_tree_diff *diff, const struct sp_mls_tree_leaf *old, const struct sp_mls_tree_leaf *new)
{
	if (old)
		SP_TRY(sp__mls_counts_leaf(&diff->counts, &diff->in_use, &old->node, -1));
	if (new)
		SP_TRY(sp__mls_counts_leaf(&diff->counts, &diff->in_use, &new->node, 1));
	return SP_OK;
}

/* A leaf beyond a truncated tree's width is still the base's until apply. */
static const struct sp_mls_tree_leaf *leaf_now(const struct sp_mls_tree_diff *diff, uint32_t leaf)
{
	const struct sp_mls_touched *t = sp__mls_diff_find(diff, sp__mls_node_of_leaf(leaf));
	if (t && t->what != SP_MLS_TOUCH_HASH)
		return t->leaf;
	return leaf < diff->base->width ? diff->base->leaf[leaf] : NULL;
}

/* Everything that can fail, before the leaf is put in. */
static enum sp_err prepare_leaf(struct sp_mls_tree_diff *diff, uint32_t leaf, const struct sp_mls_tree_leaf *node, struct sp_mls_touched **out)
{
	const struct sp_mls_tree_leaf *old = leaf_now(diff, leaf);
	SP_TRY(sp__mls_diff_touch(diff, sp__mls_node_of_leaf(leaf), out));
	SP_TRY(own_bits(diff));
	if ((*out)->what == SP_MLS_TOUCH_HASH || leaf >= diff->base->width)
		SP_TRY(note_changed(diff, leaf));
	SP_TRY(count_leaf_change(diff, old, node));
	if (node)
		SP_TRY(index_keys(diff, sp__mls_node_of_leaf(leaf), node->node.encryption_key, node->node.signature_key));
	sp__mls_bits_set(&diff->occupied, leaf, node != NULL);
	diff->members += (node != NULL) - (old != NULL);
	return SP_OK;
}

enum sp_err sp__mls_diff_set_leaf(struct sp_mls_tree_diff *diff, uint32_t leaf, struct sp_mls_tree_leaf *node)
{
	struct sp_mls_touched *t;
	enum sp_err e = prepare_leaf(diff, leaf, node, &t);
	if (e != SP_OK) {
		sp__mls_tree_leaf_free(&node);
		return e;
	}
	if (diff->key_of == t->leaf)
		diff->key_of = NULL;
	sp__mls_tree_leaf_free(&t->leaf);
	t->leaf = node;
	t->what = node ? SP_MLS_TOUCH_SET : SP_MLS_TOUCH_BLANK;
	t->added = false;
	return SP_OK;
}

/* -- setting parents ------------------------------------------------------------------------------------------------------ */

static enum sp_err prepare_parent(struct sp_mls_tree_diff *diff, struct sp_node_index x, const struct sp_mls_tree_parent *node,
				  struct sp_mls_touched **out)
{
	SP_TRY(sp__mls_diff_touch(diff, x, out));
	return node ? index_keys(diff, x, sp__mls_parent_key(node), SP_BYTES_NONE) : SP_OK;
}

enum sp_err sp__mls_diff_set_parent(struct sp_mls_tree_diff *diff, struct sp_node_index x, struct sp_mls_tree_parent *node)
{
	struct sp_mls_touched *t;
	enum sp_err e = prepare_parent(diff, x, node, &t);
	if (e != SP_OK) {
		sp__mls_tree_parent_free(&node);
		return e;
	}
	sp__mls_tree_parent_free(&t->parent);
	t->parent = node;
	t->what = node ? SP_MLS_TOUCH_SET : SP_MLS_TOUCH_BLANK;
	return SP_OK;
}

enum sp_err sp__mls_diff_blank_path(struct sp_mls_tree_diff *diff, uint32_t leaf)
{
	struct sp_mls_tree_view v = sp__mls_treeview_of_diff(diff);
	unsigned top = sp__mls_level(sp__mls_root(diff->width));
	for (unsigned level = 1; level <= top; level++) {
		struct sp_node_index x = sp__mls_ancestor(leaf, level);
		if (sp__mls_treeview_has_node(v, x))
			SP_TRY(sp__mls_diff_set_parent(diff, x, NULL));
	}
	return SP_OK;
}

/* -- reads ------------------------------------------------------------------------------------------------------------------ */

uint32_t sp__mls_tree_diff_leaf_width(const struct sp_mls_tree_diff *diff)
{
	return diff->width;
}

uint32_t sp__mls_tree_diff_member_count(const struct sp_mls_tree_diff *diff)
{
	return diff->members;
}

const struct sp_mls_leaf_node *sp__mls_tree_diff_leaf(const struct sp_mls_tree_diff *diff, uint32_t leaf)
{
	const struct sp_mls_tree_leaf *node = sp__mls_treeview_leaf(sp__mls_treeview_of_diff(diff), leaf);
	return node ? &node->node : NULL;
}

uint32_t sp__mls_tree_diff_find_signature_key(const struct sp_mls_tree_diff *diff, struct sp_bytes key)
{
	uint32_t leaf;
	return sp__mls_treeview_has_signature_key(sp__mls_treeview_of_diff(diff), key, &leaf) ? leaf : SP_MLS_LEAF_NONE;
}

uint32_t sp__mls_tree_diff_changed_leaf(const struct sp_mls_tree_diff *diff, size_t i)
{
	return i < diff->n_changed ? diff->changed[i] : SP_MLS_LEAF_NONE;
}

/* The base's cache serves leaves that did not change; one place is enough for those that did. */
enum sp_err sp__mls_tree_diff_verify_key(struct sp_mls_tree_diff *diff, uint32_t leaf, const struct sp_verify_key **out)
{
	const struct sp_mls_tree_leaf *node = sp__mls_treeview_leaf(sp__mls_treeview_of_diff(diff), leaf);
	struct sp_verify_key *key;
	*out = NULL;
	if (!node)
		return SP_ERR_NOT_FOUND;
	if (leaf < diff->base->width && diff->base->leaf[leaf] == node)
		return sp__mls_tree_verify_key(diff->base, leaf, out);
	if (diff->key_of != node) {
		SP_TRY(sp_verify_key_new(&key, diff->base->suite.sig, node->node.signature_key));
		sp_verify_key_free(&diff->key);
		diff->key = key;
		diff->key_of = node;
	}
	*out = diff->key;
	return SP_OK;
}
