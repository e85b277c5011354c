/* SPDX-License-Identifier: Apache-2.0
 *
 * Parent hashes, RFC 9420 section 7.9. A joiner verifies with them that every key in a parent node was put there by a
 * member below it, and not by whoever sent the tree.
 */
#include "mls/tree_store_priv.h"

/* struct {
 *     HPKEPublicKey encryption_key;
 *     opaque parent_hash<V>;
 *     opaque original_sibling_tree_hash<V>;
 * } ParentHashInput; */
static enum sp_err write_input(struct sp_buf *out, struct sp_bytes key, struct sp_bytes parent_hash, struct sp_bytes sibling_hash)
{
	struct sp_writer w = sp_writer_on(out);
	sp_write_vec(&w, key);
	sp_write_vec(&w, parent_hash);
	sp_write_vec(&w, sibling_hash);
	return sp_writer_finish(&w);
}

enum sp_err sp__mls_parent_hash(const struct sp_mls_suite *suite, struct sp_bytes key, struct sp_bytes parent_hash, struct sp_bytes sibling_hash,
				struct sp_hash *out)
{
	struct sp_buf in;
	sp_buf_init(&in, 3 * (UINT8_MAX + 2));
	enum sp_err e = write_input(&in, key, parent_hash, sibling_hash);
	*out = (struct sp_hash){0}; /* parent_hash may be out's */
	if (e == SP_OK)
		e = sp_hash_of(out, suite->hash, sp_buf_bytes(&in));
	sp_buf_clear(&in);
	return e;
}

/* -- verification for a joiner (7.9.2) --------------------------------------------------------------------------------------- */

/* Original tree hashes already computed, one a node: valid for the same number of unmerged leaves taken out below it.
 * The lists are verified before: what is unmerged at a node is unmerged at every parent below it, so sets are nested and
 * equal when their sizes are. This keeps the whole verification near linear. */
struct original {
	const struct sp_mls_tree *tree;
	struct sp_hasher *h;
	struct sp_mls_nodes resolution;
	uint32_t *taken; /* per node; 0 is "none computed" */
	uint8_t *hash;
};

struct range { /* the part of an unmerged list below one node */
	const uint32_t *first;
	size_t n;
};

/* How many entries are less than `bound`. */
static size_t count_less(struct range r, uint32_t bound)
{
	size_t low = 0, high = r.n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (r.first[mid] < bound)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct range range_below(struct range all, struct sp_node_index x)
{
	uint32_t from = sp__mls_first_leaf(x);
	size_t skip = count_less(all, from), end = count_less(all, from + sp__mls_leaf_count(x));
	return end > skip ? (struct range){all.first + skip, end - skip} : (struct range){0};
}

static size_t without(const struct sp_mls_tree_parent *p, struct range taken, uint32_t *out)
{
	size_t n = 0, k = 0;
	for (size_t i = 0; i < p->n_unmerged; i++) {
		while (k < taken.n && taken.first[k] < p->unmerged[i])
			k++;
		if (k == taken.n || taken.first[k] != p->unmerged[i])
			out[n++] = p->unmerged[i];
	}
	return n;
}

static enum sp_err original_hash(struct original *o, struct sp_node_index x, struct range taken, struct sp_bytes *out);

static enum sp_err hash_parent_without(struct original *o, struct sp_node_index x, struct range taken, const struct sp_bytes children[2],
				       struct sp_hash *out)
{
	const struct sp_mls_tree_parent *p = o->tree->parent[x.v / 2];
	if (!p)
		return sp__mls_hash_parent(o->h, NULL, NULL, 0, children, out);
	uint32_t *left = sp_alloc_array(p->n_unmerged, sizeof *left);
	if (!left)
		return SP_ERR_NOMEM;
	size_t n = without(p, taken, left);
	enum sp_err e = sp__mls_hash_parent(o->h, p, left, n, children, out);
	sp_free(left);
	return e;
}

static enum sp_err compute_original(struct original *o, struct sp_node_index x, struct range taken, struct sp_hash *out)
{
	struct sp_bytes children[2];
	if (sp__mls_node_is_leaf(x))
		return sp__mls_hash_leaf(o->h, sp__mls_leaf_of_node(x), NULL, out); /* it is in `taken` */
	SP_TRY(original_hash(o, sp__mls_left(x), range_below(taken, sp__mls_left(x)), &children[0]));
	SP_TRY(original_hash(o, sp__mls_right(x), range_below(taken, sp__mls_right(x)), &children[1]));
	return hash_parent_without(o, x, taken, children, out);
}

/* "blank L and remove it from the unmerged_leaves sets of all parent nodes", for each leaf L in `taken`. */
static enum sp_err original_hash(struct original *o, struct sp_node_index x, struct range taken, struct sp_bytes *out)
{
	size_t nh = o->tree->suite.nh;
	struct sp_hash hash;
	*out = sp__mls_tree_hash_at(o->tree, x);
	if (taken.n == 0)
		return SP_OK;
	*out = (struct sp_bytes){o->hash + (size_t)x.v * nh, nh};
	if (o->taken[x.v] == taken.n)
		return SP_OK;
	SP_TRY(compute_original(o, x, taken, &hash));
	sp_copy(o->hash + (size_t)x.v * nh, hash.b, nh);
	o->taken[x.v] = (uint32_t)taken.n;
	return SP_OK;
}

/* parent_hash of a node that may be chained to one above it; false when it has none (a leaf that never committed). */
static bool node_has_parent_hash(const struct sp_mls_tree *tree, struct sp_node_index x, struct sp_bytes *out)
{
	if (!sp__mls_node_is_leaf(x)) {
		*out = sp__mls_parent_hash_of(tree->parent[x.v / 2]);
		return true;
	}
	const struct sp_mls_leaf_node *leaf = &tree->leaf[x.v / 2]->node;
	*out = leaf->parent_hash;
	return leaf->source == SP_MLS_LEAF_COMMIT;
}

/* "D is in the resolution of C, and the intersection of P's unmerged_leaves with the subtree under C is equal to the
 * resolution of C with D removed." So D is the one node of the resolution that is not unmerged at P. */
static bool candidate_has(const struct sp_mls_nodes *resolution, struct range unmerged, struct sp_node_index *out)
{
	size_t k = 0, others = 0;
	if (resolution->n != unmerged.n + 1)
		return false;
	for (size_t i = 0; i < resolution->n; i++) {
		struct sp_node_index x = resolution->list[i];
		while (k < unmerged.n && sp__mls_node_is_leaf(x) && unmerged.first[k] < sp__mls_leaf_of_node(x))
			k++;
		if (k < unmerged.n && sp__mls_node_is_leaf(x) && unmerged.first[k] == sp__mls_leaf_of_node(x))
			continue;
		*out = x;
		others++;
	}
	return others == 1;
}

/* Is P's parent hash valid by a descendant on the side of its child c? */
static enum sp_err side_is_valid(struct original *o, struct sp_node_index p, struct sp_node_index c, bool *out)
{
	const struct sp_mls_tree_parent *parent = o->tree->parent[p.v / 2];
	const struct range unmerged = {parent->unmerged, parent->n_unmerged};
	struct sp_node_index d, s = sp__mls_sibling(c);
	struct sp_bytes claimed, sibling_hash;
	struct sp_hash hash;
	*out = false;
	o->resolution.n = 0;
	SP_TRY(sp__mls_treeview_resolve(sp__mls_treeview_of(o->tree), c, false, &o->resolution));
	if (!candidate_has(&o->resolution, range_below(unmerged, c), &d) || !node_has_parent_hash(o->tree, d, &claimed))
		return SP_OK;
	SP_TRY(original_hash(o, s, range_below(unmerged, s), &sibling_hash));
	SP_TRY(sp__mls_parent_hash(&o->tree->suite, sp__mls_parent_key(parent), sp__mls_parent_hash_of(parent), sibling_hash, &hash));
	*out = sp_bytes_equal(claimed, sp_hash_bytes(&hash));
	return SP_OK;
}

static enum sp_err verify_parent(struct original *o, struct sp_node_index p, struct sp_diag *diag)
{
	bool left, right;
	SP_TRY(side_is_valid(o, p, sp__mls_left(p), &left));
	SP_TRY(side_is_valid(o, p, sp__mls_right(p), &right));
	return left != right ? SP_OK : SP_RULE(diag, SP_ERR_INVALID, 165);
}

/* "by verifying that there is exactly one descendant of each non-blank parent node for which the parent node is
 * parent-hash valid". Level by level upwards, so that original hashes are found below already. */
static enum sp_err verify_all(struct original *o, struct sp_diag *diag)
{
	for (uint32_t step = 2; step <= o->tree->width; step *= 2)
		for (uint32_t x = step - 1; x < sp__mls_node_count(o->tree->width); x += 2 * step)
			if (o->tree->parent[x / 2])
				SP_TRY(verify_parent(o, (struct sp_node_index){x}, diag));
	return SP_OK;
}

enum sp_err sp__mls_tree_verify_parent_hashes(const struct sp_mls_tree *tree, struct sp_diag *diag)
{
	size_t nodes = sp__mls_node_count(tree->width);
	struct original o = {.tree = tree};
	o.taken = sp_alloc_array(nodes, sizeof *o.taken);
	o.hash = sp_alloc_array(nodes, tree->suite.nh);
	enum sp_err e = o.taken && o.hash ? sp_hasher_new(&o.h, tree->suite.hash) : SP_ERR_NOMEM;
	if (e == SP_OK)
		e = verify_all(&o, diag);
	sp_hasher_free(&o.h);
	sp__mls_nodes_clear(&o.resolution);
	sp_free(o.hash);
	sp_free(o.taken);
	return e;
}
