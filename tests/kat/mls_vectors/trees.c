/* SPDX-License-Identifier: Apache-2.0
 *
 * Vectors of tree-operations and tree-validation.
 */
#include "vectors.h"

#include "mls/tree_store_priv.h"

static void free_tree(void *p)
{
	struct sp_mls_tree *tree = p;
	sp__mls_tree_free(&tree);
}

/* -- tree-operations ---------------------------------------------------------------------------------------------------------- */

/* struct { ProposalType proposal_type; select ... } Proposal */
static void apply_proposal(struct vec *v, struct sp_mls_tree_diff *diff, struct sp_bytes proposal, uint32_t sender)
{
	struct sp_reader r = sp_reader_of(proposal);
	struct sp_mls_key_package kp;
	struct sp_mls_leaf_node leaf;
	uint16_t type;
	uint32_t index;
	CHECK(v, sp_read_u16(&r, &type) == SP_OK);
	switch (type) {
	case SP_MLS_PROPOSAL_ADD:
		CHECK(v, sp__mls_key_package_read(&r, &kp, &v->diag) == SP_OK);
		CHECK(v, sp__mls_tree_diff_add(diff, kp.leaf.encoded, &index) == SP_OK);
		break;
	case SP_MLS_PROPOSAL_UPDATE:
		CHECK(v, sp__mls_leaf_node_read(&r, &leaf, &v->diag) == SP_OK);
		CHECK(v, sp__mls_tree_diff_update(diff, sender, leaf.encoded) == SP_OK);
		break;
	case SP_MLS_PROPOSAL_REMOVE:
		CHECK(v, sp_read_u32(&r, &index) == SP_OK);
		CHECK(v, sp__mls_tree_diff_remove(diff, index) == SP_OK);
		CHECK(v, sp__mls_tree_diff_truncate(diff) == SP_OK);
		break;
	default:
		CHECK(v, !"add, update or remove");
	}
	CHECK(v, sp_reader_finish(&r) == SP_OK);
}

static void check_tree(struct vec *v, const struct sp_mls_tree *tree, struct sp_bytes want, struct sp_bytes want_hash)
{
	struct sp_buf *bytes = vec_buf(v);
	struct sp_hash hash;
	CHECK(v, sp__mls_tree_encode(tree, bytes) == SP_OK);
	CHECK(v, sp_bytes_equal(sp_buf_bytes(bytes), want));
	CHECK(v, sp__mls_tree_hash(tree, &hash) == SP_OK);
	CHECK(v, sp_bytes_equal(sp_hash_bytes(&hash), want_hash));
}

static void change_tree(struct vec *v, struct sp_mls_tree *tree, struct sp_mls_tree_diff **diff)
{
	CHECK(v, sp__mls_tree_diff_new(diff, tree) == SP_OK);
	apply_proposal(v, *diff, vec_hex(v, v->json, "proposal"), (uint32_t)vec_int(v, v->json, "proposal_sender"));
	if (!v->failed && sp__mls_tree_diff_prepare(*diff) == SP_OK)
		sp__mls_tree_apply(tree, diff);
	check_tree(v, tree, vec_hex(v, v->json, "tree_after"), vec_hex(v, v->json, "tree_hash_after"));
}

void vec_tree_operations(struct vec *v)
{
	struct sp_mls_suite suite;
	struct sp_mls_tree *tree = NULL;
	struct sp_mls_tree_diff *diff = NULL;
	struct sp_bytes before = vec_hex(v, v->json, "tree_before");
	if (!vec_has_suite(v, &suite))
		return;
	CHECK(v, sp__mls_tree_decode(&tree, &suite, before, &v->diag) == SP_OK);
	vec_defer(v, free_tree, tree);
	check_tree(v, tree, before, vec_hex(v, v->json, "tree_hash_before"));
	change_tree(v, tree, &diff);
	sp__mls_tree_diff_free(&diff);
}

/* -- tree-validation ---------------------------------------------------------------------------------------------------------- */

static void check_resolution(struct vec *v, const struct sp_mls_tree *tree, struct sp_node_index x, const json_t *want)
{
	struct sp_mls_nodes got = {0};
	enum sp_err e = sp__mls_treeview_resolve(sp__mls_treeview_of(tree), x, false, &got);
	vec_defer(v, sp_free, got.list);
	CHECK(v, e == SP_OK);
	CHECK(v, got.n == json_array_size(want));
	for (size_t i = 0; i < got.n; i++)
		CHECK(v, got.list[i].v == (uint64_t)json_integer_value(json_array_get(want, i)));
}

void vec_tree_validation(struct vec *v)
{
	struct sp_mls_suite suite;
	struct sp_mls_tree *tree = NULL;
	const json_t *resolutions = vec_array(v, v->json, "resolutions"), *hashes = vec_array(v, v->json, "tree_hashes");
	if (!vec_has_suite(v, &suite))
		return;
	CHECK(v, sp__mls_tree_decode(&tree, &suite, vec_hex(v, v->json, "tree"), &v->diag) == SP_OK);
	vec_defer(v, free_tree, tree);
	uint32_t nodes = sp__mls_node_count(sp__mls_tree_leaf_width(tree));
	CHECK(v, json_array_size(resolutions) == nodes && json_array_size(hashes) == nodes);
	for (uint32_t x = 0; x < nodes; x++) {
		check_resolution(v, tree, (struct sp_node_index){x}, json_array_get(resolutions, x));
		CHECK(v, sp_bytes_equal(sp__mls_tree_hash_at(tree, (struct sp_node_index){x}), vec_hex_value(v, json_array_get(hashes, x))));
	}
	const struct sp_mls_tree_context context = {.group_id = vec_hex(v, v->json, "group_id")};
	CHECK(v, sp__mls_tree_verify(&v->env, tree, &context) == SP_OK);
}
