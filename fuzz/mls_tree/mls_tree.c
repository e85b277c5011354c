/* SPDX-License-Identifier: Apache-2.0
 *
 * A ratchet tree of unknown origin: one octet of cipher suite, then optional<Node> ratchet_tree<V>. Properties: what
 * decodes encodes to the same bytes; judging it, and taking its first member away, may fail but nothing worse; rows of it
 * give the same tree hash.
 */
#include "mls/tree_priv.h"
#include "../fuzz.h"

static enum sp_err accept(void *ctx, const struct sp_mls_credential_check *check)
{
	return SP_OK;
}

static void same_bytes(const struct sp_mls_tree *tree, struct sp_bytes in)
{
	struct sp_buf out;
	sp_buf_init(&out, 1u << 24);
	FUZZ_CHECK(sp__mls_tree_encode(tree, &out) == SP_OK);
	FUZZ_CHECK(sp_bytes_equal(sp_buf_bytes(&out), in));
	sp_buf_clear(&out);
}

static enum sp_err load_row(void *ctx, uint32_t node, struct sp_bytes value, bool removed)
{
	return sp__mls_tree_load_row(ctx, node, value);
}

static void same_by_rows(const struct sp_mls_tree *tree, const struct sp_mls_suite *suite)
{
	struct sp_mls_tree *loaded;
	struct sp_hash a, b;
	FUZZ_CHECK(sp__mls_tree_load_begin(&loaded, suite, sp__mls_tree_leaf_width(tree)) == SP_OK);
	FUZZ_CHECK(sp__mls_tree_rows(tree, &(struct sp_mls_node_sink){load_row, loaded}) == SP_OK);
	if (sp__mls_tree_load_end(loaded) == SP_OK) {
		FUZZ_CHECK(sp__mls_tree_hash(tree, &a) == SP_OK && sp__mls_tree_hash(loaded, &b) == SP_OK);
		FUZZ_CHECK(sp_bytes_equal(sp_hash_bytes(&a), sp_hash_bytes(&b)));
	}
	sp__mls_tree_free(&loaded);
}

/* Only a tree that was judged good is changed. */
static void shrink(struct sp_mls_tree *tree, const struct sp_mls_env *env)
{
	struct sp_mls_tree_diff *diff = NULL;
	uint32_t leaf = 0;
	while (leaf < sp__mls_tree_leaf_width(tree) && sp__mls_tree_leaf(tree, leaf) == NULL)
		leaf++;
	if (sp__mls_tree_member_count(tree) < 2)
		return;
	FUZZ_CHECK(sp__mls_tree_diff_new(&diff, tree) == SP_OK);
	FUZZ_CHECK(sp__mls_tree_diff_remove(diff, leaf) == SP_OK);
	FUZZ_CHECK(sp__mls_tree_diff_truncate(diff) == SP_OK);
	FUZZ_CHECK(sp__mls_tree_diff_verify(env, diff, &(struct sp_mls_tree_context){0}, true) == SP_OK);
	FUZZ_CHECK(sp__mls_tree_diff_prepare(diff) == SP_OK);
	sp__mls_tree_apply(tree, &diff);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sp_mls_validator validator = {.check = accept};
	const struct sp_mls_env env = {.size = sizeof env, .validator = &validator};
	struct sp_mls_suite suite;
	struct sp_mls_tree *tree;
	if (size < 1 || sp__mls_suite_find(&suite, NULL, data[0]) != SP_OK)
		return 0;
	const struct sp_bytes in = {data + 1, size - 1};
	if (sp__mls_tree_decode(&tree, &suite, in, NULL) != SP_OK)
		return 0;
	same_bytes(tree, in);
	same_by_rows(tree, &suite);
	if (sp__mls_tree_verify(&env, tree, &(struct sp_mls_tree_context){.group_id = SP_BYTES_LIT("a group of the tests")}) == SP_OK)
		shrink(tree, &env);
	sp__mls_tree_free(&tree);
	return 0;
}
