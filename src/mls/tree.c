/* SPDX-License-Identifier: Apache-2.0
 *
 * The tree itself: made, finished (indices, counters, hashes), asked, freed. It changes only in tree_apply.c.
 */
#include "mls/tree_store_priv.h"

#include "base/limits.h"

/* Where the allocator and the kernel put this tree is not known to a peer, and nothing that leaves this process depends
 * on it: enough for a table whose worst case is slow, not wrong. */
static uint64_t seed_of(const struct sp_mls_tree *tree)
{
	int here;
	return ((uint64_t)(uintptr_t)tree << 24 ^ (uint64_t)(uintptr_t)&here) * 0xd6e8feb86659fd93u;
}

static enum sp_err alloc_arrays(struct sp_mls_tree *tree, uint32_t width)
{
	tree->leaf = sp_alloc_array(width, sizeof(struct sp_mls_tree_leaf *));
	tree->parent = sp_alloc_array(width, sizeof(struct sp_mls_tree_parent *));
	tree->hash = sp_alloc_array(sp__mls_node_count(width), tree->suite.nh);
	tree->cap = width;
	return tree->leaf && tree->parent && tree->hash ? SP_OK : SP_ERR_NOMEM;
}

enum sp_err sp__mls_tree_alloc(struct sp_mls_tree **out, const struct sp_mls_suite *suite, uint32_t width)
{
	struct sp_mls_tree *tree = sp_alloc(sizeof *tree);
	*out = NULL;
	if (!tree)
		return SP_ERR_NOMEM;
	tree->suite = *suite;
	tree->seed = seed_of(tree);
	tree->cache = sp_alloc(sizeof *tree->cache);
	enum sp_err e = tree->cache ? alloc_arrays(tree, width) : SP_ERR_NOMEM;
	if (e == SP_OK)
		e = sp__mls_bits_new(&tree->occupied, width, NULL);
	if (e != SP_OK) {
		sp__mls_tree_free(&tree);
		return e;
	}
	tree->width = width;
	*out = tree;
	return SP_OK;
}

static void cache_free(struct sp_mls_key_cache **cache)
{
	if (!*cache)
		return;
	for (size_t i = 0; i < (*cache)->n; i++)
		sp_verify_key_free(&(*cache)->slots[i].key);
	sp_free((*cache)->slots);
	sp_free(*cache);
	*cache = NULL;
}

void sp__mls_tree_free(struct sp_mls_tree **tree)
{
	struct sp_mls_tree *t = *tree;
	if (!t)
		return;
	for (uint32_t i = 0; t->leaf && i < t->width; i++)
		sp__mls_tree_leaf_free(&t->leaf[i]);
	for (uint32_t i = 0; t->parent && i + 1 < t->width; i++)
		sp__mls_tree_parent_free(&t->parent[i]);
	sp_free(t->leaf);
	sp_free(t->parent);
	sp_free(t->hash);
	sp__mls_bits_clear(&t->occupied);
	sp__mls_index_clear(&t->by_encryption_key);
	sp__mls_index_clear(&t->by_signature_key);
	sp__mls_counts_clear(&t->counts);
	sp__mls_counts_clear(&t->in_use);
	cache_free(&t->cache);
	sp_free(t);
	*tree = NULL;
}

/* -- finishing: what is derived from the nodes ----------------------------------------------------------------------- */

static enum sp_err index_encryption_key(struct sp_mls_tree *tree, struct sp_node_index x, struct sp_diag *diag)
{
	struct sp_bytes key = sp__mls_treeview_key(sp__mls_treeview_of(tree), x);
	struct sp_node_index other;
	if (sp__mls_treeview_has_encryption_key(sp__mls_treeview_of(tree), key, &other))
		return SP_RULE(diag, SP_ERR_INVALID, 150);
	sp__mls_index_put(&tree->by_encryption_key, sp__mls_key_hash(tree->seed, key), x.v);
	return SP_OK;
}

static enum sp_err finish_leaf(struct sp_mls_tree *tree, uint32_t i, struct sp_diag *diag)
{
	const struct sp_mls_leaf_node *node = &tree->leaf[i]->node;
	uint32_t other;
	SP_TRY(index_encryption_key(tree, sp__mls_node_of_leaf(i), diag));
	if (sp__mls_treeview_has_signature_key(sp__mls_treeview_of(tree), node->signature_key, &other))
		return SP_RULE(diag, SP_ERR_INVALID, 151);
	sp__mls_index_put(&tree->by_signature_key, sp__mls_key_hash(tree->seed, node->signature_key), i);
	sp__mls_bits_set(&tree->occupied, i, true);
	tree->members++;
	return sp__mls_counts_leaf(&tree->counts, &tree->in_use, node, 1);
}

static uint32_t count_set(const struct sp_mls_tree *tree, uint32_t *leaves)
{
	uint32_t nodes = 0;
	*leaves = 0;
	for (uint32_t i = 0; i < tree->width; i++)
		*leaves += tree->leaf[i] != NULL;
	for (uint32_t i = 0; i + 1 < tree->width; i++)
		nodes += tree->parent[i] != NULL;
	return nodes + *leaves;
}

enum sp_err sp__mls_tree_finish(struct sp_mls_tree *tree, struct sp_diag *diag)
{
	uint32_t leaves, nodes = count_set(tree, &leaves);
	SP_TRY(sp__mls_index_reserve(&tree->by_encryption_key, nodes));
	SP_TRY(sp__mls_index_reserve(&tree->by_signature_key, leaves));
	for (uint32_t i = 0; i < tree->width; i++)
		if (tree->leaf[i])
			SP_TRY(finish_leaf(tree, i, diag));
	for (uint32_t i = 0; i + 1 < tree->width; i++)
		if (tree->parent[i])
			SP_TRY(index_encryption_key(tree, (struct sp_node_index){2 * i + 1}, diag));
	return sp__mls_tree_rehash(tree);
}

static enum sp_err start(struct sp_mls_tree *tree, struct sp_bytes leaf_node)
{
	SP_TRY(sp__mls_tree_leaf_new(&tree->leaf[0], leaf_node, NULL));
	return sp__mls_tree_finish(tree, NULL);
}

enum sp_err sp__mls_tree_new(struct sp_mls_tree **out, const struct sp_mls_suite *suite, struct sp_bytes leaf_node)
{
	SP_TRY(sp__mls_tree_alloc(out, suite, 1));
	enum sp_err e = start(*out, leaf_node);
	if (e != SP_OK)
		sp__mls_tree_free(out);
	return e;
}

/* -- reads ------------------------------------------------------------------------------------------------------------- */

uint32_t sp__mls_tree_leaf_width(const struct sp_mls_tree *tree)
{
	return tree->width;
}

uint32_t sp__mls_tree_member_count(const struct sp_mls_tree *tree)
{
	return tree->members;
}

const struct sp_mls_leaf_node *sp__mls_tree_leaf(const struct sp_mls_tree *tree, uint32_t leaf)
{
	const struct sp_mls_tree_leaf *node = sp__mls_treeview_leaf(sp__mls_treeview_of(tree), leaf);
	return node ? &node->node : NULL;
}

enum sp_err sp__mls_tree_hash(const struct sp_mls_tree *tree, struct sp_hash *out)
{
	struct sp_bytes root = sp__mls_tree_hash_at(tree, sp__mls_root(tree->width));
	*out = (struct sp_hash){.n = root.n};
	sp_copy(out->b, root.p, root.n);
	return SP_OK;
}

uint32_t sp__mls_tree_find_signature_key(const struct sp_mls_tree *tree, struct sp_bytes key)
{
	uint32_t leaf;
	return sp__mls_treeview_has_signature_key(sp__mls_treeview_of(tree), key, &leaf) ? leaf : SP_MLS_LEAF_NONE;
}

/* -- decoded signature keys ----------------------------------------------------------------------------------------------- */

/* A decoded key is ten times the size of its bytes, so not every member's is kept: the cache grows with the tree up to
 * a bound, and two leaves of one slot take turns. */
static void cache_fit(struct sp_mls_key_cache *cache, uint32_t width)
{
	size_t want = SP_MIN((size_t)width, (size_t)SP_MLS_KEY_SLOTS_MAX);
	if (cache->n >= want)
		return;
	struct sp_mls_key_slot *slots = sp_alloc_array(want, sizeof *slots);
	if (!slots)
		return; /* the smaller cache, or none, will do */
	for (size_t i = 0; i < cache->n; i++)
		slots[i] = cache->slots[i];
	sp_free(cache->slots);
	*cache = (struct sp_mls_key_cache){slots, want};
}

enum sp_err sp__mls_tree_verify_key(const struct sp_mls_tree *tree, uint32_t leaf, const struct sp_verify_key **out)
{
	const struct sp_mls_tree_leaf *node = sp__mls_treeview_leaf(sp__mls_treeview_of(tree), leaf);
	struct sp_mls_key_cache *cache = tree->cache;
	struct sp_verify_key *key;
	*out = NULL;
	if (!node)
		return SP_ERR_NOT_FOUND;
	cache_fit(cache, tree->width);
	if (cache->n == 0)
		return SP_ERR_NOMEM;
	struct sp_mls_key_slot *slot = &cache->slots[leaf % cache->n];
	if (slot->of != node) {
		SP_TRY(sp_verify_key_new(&key, tree->suite.sig, node->node.signature_key));
		sp_verify_key_free(&slot->key);
		*slot = (struct sp_mls_key_slot){node, key};
	}
	*out = slot->key;
	return SP_OK;
}
