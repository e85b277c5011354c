/* SPDX-License-Identifier: Apache-2.0
 *
 * From a diff to the tree. Prepare does everything that can fail; apply moves what is there. Room that the tree lacks is
 * made in the diff, so that a tree is not touched before apply.
 */
#include "mls/tree_store_priv.h"

/* -- prepare ----------------------------------------------------------------------------------------------------------- */

static size_t count_set(const struct sp_mls_tree_diff *diff)
{
	size_t n = 0;
	for (size_t i = 0; i < diff->n; i++)
		n += diff->touched[i].what == SP_MLS_TOUCH_SET;
	return n;
}

static enum sp_err make_room(struct sp_mls_tree_diff *diff)
{
	const struct sp_mls_tree *base = diff->base;
	size_t set = count_set(diff);
	if (diff->width > base->cap)
		SP_TRY(sp__mls_tree_alloc(&diff->room, &base->suite, diff->width));
	SP_TRY(sp__mls_index_spare(&diff->spare_encryption, &base->by_encryption_key, base->by_encryption_key.n + set));
	SP_TRY(sp__mls_index_spare(&diff->spare_signature, &base->by_signature_key, base->by_signature_key.n + set));
	SP_TRY(sp__mls_counts_spare(&diff->spare_counts, &base->counts, diff->counts.used));
	return sp__mls_counts_spare(&diff->spare_in_use, &base->in_use, diff->in_use.used);
}

enum sp_err sp__mls_tree_diff_prepare(struct sp_mls_tree_diff *diff)
{
	struct sp_hash root;
	if (diff->prepared)
		return SP_OK;
	SP_TRY(sp__mls_tree_diff_hash(diff, &root));
	enum sp_err e = make_room(diff);
	if (e != SP_OK)
		sp__mls_diff_drop_room(diff);
	diff->prepared = e == SP_OK;
	return e;
}

/* -- apply ------------------------------------------------------------------------------------------------------------- */

static void take_room(struct sp_mls_tree *tree, struct sp_mls_tree_diff *diff)
{
	struct sp_mls_tree *room = diff->room;
	if (room) {
		sp_copy(room->leaf, tree->leaf, tree->width * sizeof(struct sp_mls_tree_leaf *));
		sp_copy(room->parent, tree->parent, tree->width * sizeof(struct sp_mls_tree_parent *));
		sp_copy(room->hash, tree->hash, sp__mls_node_count(tree->width) * tree->suite.nh);
		sp_free(tree->leaf);
		sp_free(tree->parent);
		sp_free(tree->hash);
		tree->leaf = room->leaf;
		tree->parent = room->parent;
		tree->hash = room->hash;
		tree->cap = room->cap;
		room->leaf = NULL;
		room->parent = NULL;
		room->hash = NULL;
	}
	sp__mls_index_move(&tree->by_encryption_key, &diff->spare_encryption);
	sp__mls_index_move(&tree->by_signature_key, &diff->spare_signature);
	sp__mls_counts_move(&tree->counts, &diff->spare_counts);
	sp__mls_counts_move(&tree->in_use, &diff->spare_in_use);
}

static void forget_key(struct sp_mls_key_cache *cache, const struct sp_mls_tree_leaf *of)
{
	for (size_t i = 0; i < cache->n; i++) {
		if (cache->slots[i].of != of)
			continue;
		sp_verify_key_free(&cache->slots[i].key);
		cache->slots[i] = (struct sp_mls_key_slot){0};
	}
}

static void forget_leaf_key(struct sp_mls_key_cache *cache, uint32_t leaf, const struct sp_mls_tree_leaf *of)
{
	if (cache->n == 0)
		return;
	if (cache->slots[leaf % cache->n].of == of)
		forget_key(&(struct sp_mls_key_cache){&cache->slots[leaf % cache->n], 1}, of);
}

static void drop_leaf(struct sp_mls_tree *tree, uint32_t i)
{
	struct sp_mls_tree_leaf *old = tree->leaf[i];
	if (!old)
		return;
	sp__mls_index_remove(&tree->by_encryption_key, sp__mls_key_hash(tree->seed, old->node.encryption_key), 2 * i);
	sp__mls_index_remove(&tree->by_signature_key, sp__mls_key_hash(tree->seed, old->node.signature_key), i);
	forget_leaf_key(tree->cache, i, old);
	sp__mls_tree_leaf_free(&tree->leaf[i]);
}

static void drop_parent(struct sp_mls_tree *tree, struct sp_node_index x)
{
	struct sp_mls_tree_parent *old = tree->parent[x.v / 2];
	if (!old)
		return;
	sp__mls_index_remove(&tree->by_encryption_key, sp__mls_key_hash(tree->seed, sp__mls_parent_key(old)), x.v);
	sp__mls_tree_parent_free(&tree->parent[x.v / 2]);
}

/* Old nodes go first: a new one may bear the key of an old one in another place. */
static void drop_old(struct sp_mls_tree *tree, const struct sp_mls_tree_diff *diff)
{
	for (size_t i = 0; i < diff->n; i++) {
		const struct sp_mls_touched *t = &diff->touched[i];
		if (t->what == SP_MLS_TOUCH_HASH || t->node.v >= sp__mls_node_count(tree->width))
			continue;
		if (sp__mls_node_is_leaf(t->node))
			drop_leaf(tree, sp__mls_leaf_of_node(t->node));
		else
			drop_parent(tree, t->node);
	}
}

static void put_new(struct sp_mls_tree *tree, struct sp_mls_touched *t)
{
	uint32_t i = t->node.v / 2;
	sp_copy(tree->hash + (size_t)t->node.v * tree->suite.nh, t->hash.b, tree->suite.nh);
	if (t->leaf) {
		sp__mls_index_put(&tree->by_encryption_key, sp__mls_key_hash(tree->seed, t->leaf->node.encryption_key), t->node.v);
		sp__mls_index_put(&tree->by_signature_key, sp__mls_key_hash(tree->seed, t->leaf->node.signature_key), i);
		tree->leaf[i] = t->leaf;
	}
	if (t->parent) {
		sp__mls_index_put(&tree->by_encryption_key, sp__mls_key_hash(tree->seed, sp__mls_parent_key(t->parent)), t->node.v);
		tree->parent[i] = t->parent;
	}
	t->leaf = NULL;
	t->parent = NULL;
}

static void put_all(struct sp_mls_tree *tree, struct sp_mls_tree_diff *diff)
{
	for (size_t i = 0; i < diff->n; i++)
		if (diff->touched[i].node.v < sp__mls_node_count(diff->width))
			put_new(tree, &diff->touched[i]);
}

static void take_bits(struct sp_mls_tree *tree, struct sp_mls_tree_diff *diff)
{
	if (!diff->occupied.word)
		return;
	sp__mls_bits_clear(&tree->occupied);
	tree->occupied = diff->occupied;
	diff->occupied = (struct sp_mls_bits){0};
}

void sp__mls_tree_apply(struct sp_mls_tree *tree, struct sp_mls_tree_diff **diff)
{
	struct sp_mls_tree_diff *d = *diff;
	SP_ASSERT(d->base == tree && d->prepared);
	take_room(tree, d);
	drop_old(tree, d);
	tree->width = d->width;
	tree->members = d->members;
	put_all(tree, d);
	take_bits(tree, d);
	sp__mls_counts_merge(&tree->counts, &d->counts);
	sp__mls_counts_merge(&tree->in_use, &d->in_use);
	sp__mls_tree_diff_free(diff);
}
