/* SPDX-License-Identifier: Apache-2.0
 *
 * UpdatePath: reading it, and merging it into a tree, RFC 9420 sections 7.5, 7.6 and 12.4.2. All that can be checked
 * without a private key is checked here, so a server's public group refuses what it can see.
 */
#include "mls/path_priv.h"

#include "base/limits.h"

/* -- reading ------------------------------------------------------------------------------------------------------------- */

enum sp_err sp__mls_path_node_read(struct sp_reader *r, struct sp_mls_path_node *out)
{
	struct sp_mls_path_node node = {0};
	struct sp_reader list;
	struct sp_mls_hpke_ciphertext ct;
	*out = node;
	SP_TRY(sp_read_vec(r, &node.key, SP_LIMIT_MLS_VECTOR));
	SP_TRY(sp_read_child(r, &list, SP_LIMIT_MLS_VECTOR));
	node.ciphertexts = list.rest;
	for (; !sp_reader_is_empty(&list); node.n_ciphertexts++)
		SP_TRY(sp__mls_hpke_ciphertext_read(&list, &ct));
	*out = node;
	return SP_OK;
}

/* struct {
 *     LeafNode leaf_node;
 *     UpdatePathNode nodes<V>;
 * } UpdatePath; */
static enum sp_err read_path(struct sp_reader *r, struct sp_mls_update_path *out, struct sp_diag *diag)
{
	struct sp_bytes start = r->rest;
	struct sp_reader nodes;
	struct sp_mls_path_node node;
	SP_TRY(sp__mls_leaf_node_read(r, &out->leaf, diag));
	SP_TRY(sp_read_child(r, &nodes, SP_LIMIT_MLS_VECTOR));
	out->nodes = nodes.rest;
	for (; !sp_reader_is_empty(&nodes); out->n_nodes++)
		SP_TRY(sp__mls_path_node_read(&nodes, &node));
	out->encoded = (struct sp_bytes){start.p, start.n - r->rest.n};
	return SP_OK;
}

enum sp_err sp__mls_update_path_read(struct sp_reader *r, struct sp_mls_update_path *out, struct sp_diag *diag)
{
	struct sp_reader try = *r;
	struct sp_mls_update_path path = {0};
	*out = path;
	SP_TRY(read_path(&try, &path, diag));
	*r = try;
	*out = path;
	return SP_OK;
}

/* -- setting the nodes ------------------------------------------------------------------------------------------------------ */

static enum sp_err set_node(struct sp_mls_tree_diff *diff, struct sp_node_index x, struct sp_bytes key, const struct sp_hash *parent_hash)
{
	struct sp_mls_tree_parent *node;
	SP_TRY(sp__mls_tree_parent_new(&node, key, sp_hash_bytes(parent_hash)));
	return sp__mls_diff_set_parent(diff, x, node);
}

/* "these hashes are computed from root to leaf, so that each hash incorporates all the non-blank nodes above it. The root
 * node always has a zero-length hash for its parent hash." The original sibling tree hash of a node that is being set is
 * the sibling's tree hash as it is: there are no unmerged leaves. */
enum sp_err sp__mls_path_set(struct sp_mls_tree_diff *diff, uint32_t sender, const struct sp_mls_steps *steps, const struct sp_bytes *keys,
			     struct sp_hash *out_leaf_parent_hash)
{
	struct sp_hash above = {0}, sibling;
	*out_leaf_parent_hash = above;
	SP_TRY(sp__mls_diff_blank_path(diff, sender));
	for (size_t i = steps->n; i-- > 0;) {
		SP_TRY(set_node(diff, steps->step[i].node, keys[i], &above));
		SP_TRY(sp__mls_diff_hash_at(diff, steps->step[i].copath, &sibling));
		SP_TRY(sp__mls_parent_hash(&diff->base->suite, keys[i], sp_hash_bytes(&above), sp_hash_bytes(&sibling), &above));
	}
	*out_leaf_parent_hash = above;
	return SP_OK;
}

/* -- checking ------------------------------------------------------------------------------------------------------------------ */

/* "The length of the encrypted_path_secret vector MUST be equal to the length of the resolution of the copath node
 * (excluding new leaf nodes)" */
static enum sp_err check_ciphertexts(const struct sp_mls_tree_diff *diff, const struct sp_mls_steps *steps, const struct sp_mls_path_node *nodes,
				     struct sp_mls_nodes *resolution, struct sp_diag *diag)
{
	for (size_t i = 0; i < steps->n; i++) {
		resolution->n = 0;
		SP_TRY(sp__mls_treeview_resolve(sp__mls_treeview_of_diff(diff), steps->step[i].copath, true, resolution));
		if (nodes[i].n_ciphertexts != resolution->n)
			return SP_RULE(diag, SP_ERR_INVALID, 181);
	}
	return SP_OK;
}

static enum sp_err check_resolutions(const struct sp_mls_tree_diff *diff, const struct sp_mls_steps *steps, const struct sp_mls_path_node *nodes,
				     struct sp_diag *diag)
{
	struct sp_mls_nodes resolution = {0};
	enum sp_err e = check_ciphertexts(diff, steps, nodes, &resolution, diag);
	sp__mls_nodes_clear(&resolution);
	return e;
}

/* "Verify that none of the public keys in the UpdatePath appear in any node of the new ratchet tree." */
static enum sp_err check_fresh(const struct sp_mls_tree_diff *diff, const struct sp_bytes *keys, size_t n, struct sp_bytes leaf_key,
			       struct sp_diag *diag)
{
	struct sp_mls_tree_view v = sp__mls_treeview_of_diff(diff);
	struct sp_node_index other;
	if (sp__mls_treeview_has_encryption_key(v, leaf_key, &other))
		return SP_RULE(diag, SP_ERR_INVALID, 182);
	for (size_t i = 0; i < n; i++) {
		enum sp_err e = sp_kem_public_check(diff->base->suite.hpke.kem, keys[i]);
		if (e != SP_OK)
			return e == SP_ERR_NOMEM ? e : SP_RULE(diag, SP_ERR_INVALID, 186);
		if (sp_bytes_equal(keys[i], leaf_key) || sp__mls_treeview_has_encryption_key(v, keys[i], &other))
			return SP_RULE(diag, SP_ERR_INVALID, 182);
		for (size_t k = 0; k < i; k++)
			if (sp_bytes_equal(keys[i], keys[k]))
				return SP_RULE(diag, SP_ERR_INVALID, 182);
	}
	return SP_OK;
}

static enum sp_err merge(struct sp_mls_tree_diff *diff, uint32_t sender, const struct sp_mls_update_path *path, const struct sp_mls_steps *steps,
			 const struct sp_bytes *keys, struct sp_diag *diag)
{
	struct sp_hash parent_hash;
	struct sp_mls_tree_leaf *leaf;
	SP_TRY(sp__mls_path_set(diff, sender, steps, keys, &parent_hash));
	if (!sp_bytes_equal(path->leaf.parent_hash, sp_hash_bytes(&parent_hash)))
		return SP_RULE(diag, SP_ERR_INVALID, 183);
	SP_TRY(sp__mls_tree_leaf_new(&leaf, path->leaf.encoded, diag));
	return sp__mls_diff_set_leaf(diff, sender, leaf);
}

enum sp_err sp__mls_path_merge(const struct sp_mls_env *env, struct sp_mls_tree_diff *diff, uint32_t sender, const struct sp_mls_update_path *path)
{
	struct sp_mls_steps steps;
	struct sp_mls_path_node nodes[SP_MLS_LEVELS];
	struct sp_bytes keys[SP_MLS_LEVELS];
	struct sp_reader r = sp_reader_of(path->nodes);
	if (sender >= diff->width)
		return SP_ERR_USAGE;
	sp__mls_treeview_filtered_path(sp__mls_treeview_of_diff(diff), sender, &steps);
	if (path->n_nodes != steps.n)
		return SP_RULE(env->diag, SP_ERR_INVALID, 180);
	for (size_t i = 0; i < steps.n; i++) {
		SP_TRY(sp__mls_path_node_read(&r, &nodes[i]));
		keys[i] = nodes[i].key;
	}
	SP_TRY(check_resolutions(diff, &steps, nodes, env->diag));
	SP_TRY(check_fresh(diff, keys, steps.n, path->leaf.encryption_key, env->diag));
	return merge(diff, sender, path, &steps, keys, env->diag);
}
