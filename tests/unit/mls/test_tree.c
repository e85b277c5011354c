/* SPDX-License-Identifier: Apache-2.0
 *
 * The ratchet tree as a whole: random groups keep what a tree computed afresh has, every member opens every path, a
 * dropped diff leaves no trace, rows bring a tree back, and memory that runs out changes nothing.
 */
#include "tree_fixture.h"

#include <stdlib.h>

#define OK(e) assert_int_equal((e), SP_OK)

/* -- properties ------------------------------------------------------------------------------------------------------------ */

/* One random commit: up to two removes, up to three adds, an update now and then, mostly with a path. */
static void random_commit(struct crowd *c)
{
	uint32_t removes[2], updates[1];
	struct crowd_change change = {.committer = crowd_some_member(c), .removes = removes, .updates = updates};
	uint32_t members = sp__mls_tree_member_count(c->tree);
	change.n_adds = fix_random(c->f, members < 24 ? 4 : 2);
	for (uint32_t n = fix_random(c->f, 3); n > 0 && members > 2; n--) {
		uint32_t leaf = crowd_some_member(c);
		if (leaf == change.committer || (change.n_removes == 1 && removes[0] == leaf))
			continue;
		removes[change.n_removes++] = leaf;
		members--;
	}
	if (fix_random(c->f, 4) == 0 && members > 2) {
		updates[0] = crowd_some_member(c);
		bool taken = updates[0] == change.committer;
		for (size_t i = 0; i < change.n_removes; i++)
			taken |= updates[0] == removes[i];
		change.n_updates = !taken;
	}
	change.without_path = change.n_removes == 0 && change.n_updates == 0 && change.n_adds > 0 && fix_random(c->f, 2) == 0;
	crowd_commit(c, &change);
}

static void random_groups(void **state)
{
	static const uint16_t suites[] = {1, 1, 2};
	for (size_t s = 0; s < SP_ARRAY_LEN(suites); s++) {
		struct fix f;
		struct crowd c;
		fix_init(&f, suites[s], s == 0 ? "random groups, first" : "random groups, second");
		crowd_init(&c, &f);
		for (int i = 0; i < 60; i++) {
			random_commit(&c);
			crowd_check(&c);
		}
		crowd_clear(&c);
	}
}

/* Every width up to 34 and down again. */
static void grow_and_shrink(void **state)
{
	struct fix f;
	struct crowd c;
	fix_init(&f, 1, "grow and shrink");
	crowd_init(&c, &f);
	for (uint32_t n = 2; n <= 34; n++) {
		crowd_commit(&c, &(struct crowd_change){.committer = n - 2, .n_adds = 1});
		crowd_check(&c);
	}
	for (uint32_t n = 33; n > 0; n--) {
		crowd_commit(&c, &(struct crowd_change){.committer = n - 1, .removes = &n, .n_removes = 1});
		assert_int_equal(sp__mls_tree_leaf_width(c.tree), sp__mls_width_for(n));
		crowd_check(&c);
	}
	crowd_clear(&c);
}

/* -- dropping ----------------------------------------------------------------------------------------------------------------- */

/* Everything a tree is, in bytes. */
static void snapshot(const struct sp_mls_tree *t, struct sp_buf *out)
{
	OK(sp__mls_tree_encode(t, out));
	OK(sp_buf_append(out, (struct sp_bytes){t->hash, (size_t)sp__mls_node_count(t->width) * t->suite.nh}));
	OK(sp_buf_append(out, (struct sp_bytes){(const uint8_t *)t->by_encryption_key.slots, t->by_encryption_key.cap * sizeof *t->by_encryption_key.slots}));
	OK(sp_buf_append(out, (struct sp_bytes){(const uint8_t *)t->by_signature_key.slots, t->by_signature_key.cap * sizeof *t->by_signature_key.slots}));
	OK(sp_buf_append(out, (struct sp_bytes){(const uint8_t *)t->counts.slots, t->counts.cap * sizeof *t->counts.slots}));
	OK(sp_buf_append(out, (struct sp_bytes){(const uint8_t *)t->in_use.slots, t->in_use.cap * sizeof *t->in_use.slots}));
	OK(sp_buf_append(out, (struct sp_bytes){(const uint8_t *)t->occupied.word, t->occupied.words * sizeof *t->occupied.word}));
	OK(sp_buf_append(out, (struct sp_bytes){(const uint8_t *)t->leaf, t->width * sizeof(void *)}));
	OK(sp_buf_append(out, (struct sp_bytes){(const uint8_t *)&t->members, sizeof t->members}));
}

static void assert_same(const struct sp_mls_tree *tree, const struct sp_buf *before)
{
	struct sp_buf after;
	sp_buf_init(&after, 1u << 26);
	snapshot(tree, &after);
	assert_true(sp_bytes_equal(sp_buf_bytes(&after), sp_buf_bytes(before)));
	sp_buf_clear(&after);
}

/* Adds that double the tree, a remove, an update, a path: all of it prepared, then dropped. */
static enum sp_err big_change(struct crowd *c, struct sp_mls_tree_diff *diff, const struct sp_buf *leaves, size_t n)
{
	struct sp_mls_path_make *make = NULL;
	struct sp_hash hash;
	uint32_t at;
	const struct sp_mls_path_params params = {
		.sender = 0, .like = sp__mls_tree_leaf(c->tree, 0), .signer = &c->at[0].signer, .group_id = FIX_GROUP};
	SP_TRY(sp__mls_tree_diff_update(diff, 1, sp_buf_bytes(&leaves[0])));
	SP_TRY(sp__mls_tree_diff_remove(diff, 2));
	SP_TRY(sp__mls_tree_diff_truncate(diff));
	for (size_t i = 1; i < n; i++)
		SP_TRY(sp__mls_tree_diff_add(diff, sp_buf_bytes(&leaves[i]), &at));
	enum sp_err e = sp__mls_path_make(&c->f->env, &make, diff, &params);
	if (e == SP_OK)
		e = sp__mls_tree_diff_hash(diff, &hash);
	if (e == SP_OK)
		e = sp__mls_tree_diff_verify(&c->f->env, diff, &(struct sp_mls_tree_context){0}, false);
	if (e == SP_OK)
		e = sp__mls_tree_diff_prepare(diff);
	sp__mls_path_make_free(&make);
	return e;
}

#define BIG 12

static void make_leaves(struct fix *f, struct sp_buf *leaves)
{
	for (size_t i = 0; i < BIG; i++) {
		struct person p = {0};
		fix_person(f, &p);
		sp_buf_init(&leaves[i], 1u << 20);
		fix_leaf(f, &leaves[i], &p, i == 0 ? SP_MLS_LEAF_UPDATE : SP_MLS_LEAF_KEY_PACKAGE, i == 0 ? 1 : 0);
		fix_person_clear(&p);
	}
}

static void dropped_diffs_leave_no_trace(void **state)
{
	struct fix f;
	struct crowd c;
	struct sp_buf leaves[BIG], before;
	struct sp_mls_tree_diff *diff;
	fix_init(&f, 1, "dropped diffs");
	crowd_init(&c, &f);
	crowd_fill(&c, 7);
	make_leaves(&f, leaves);
	sp_buf_init(&before, 1u << 26);
	snapshot(c.tree, &before);
	OK(sp__mls_tree_diff_new(&diff, c.tree));
	OK(big_change(&c, diff, leaves, BIG));
	assert_same(c.tree, &before);
	sp__mls_tree_diff_free(&diff);
	assert_same(c.tree, &before);
	crowd_check(&c);
	for (size_t i = 0; i < BIG; i++)
		sp_buf_clear(&leaves[i]);
	sp_buf_clear(&before);
	crowd_clear(&c);
}

/* -- memory that runs out -------------------------------------------------------------------------------------------------------- */

static long budget; /* allocations left; then none succeeds */

static void *starve(void *ctx, void *p, size_t n)
{
	return budget-- > 0 ? realloc(p, n) : NULL;
}

static void release(void *ctx, void *p)
{
	free(p);
}

static const struct sp_allocator starving = {starve, release, NULL};

static void out_of_memory_changes_nothing(void **state)
{
	struct fix f;
	struct crowd c;
	struct sp_buf leaves[BIG], before;
	fix_init(&f, 1, "out of memory");
	crowd_init(&c, &f);
	crowd_fill(&c, 7);
	make_leaves(&f, leaves);
	sp_buf_init(&before, 1u << 26);
	snapshot(c.tree, &before);
	enum sp_err e = SP_ERR_NOMEM;
	long n = 0;
	for (; e == SP_ERR_NOMEM; n++) {
		struct sp_mls_tree_diff *diff = NULL;
		budget = n;
		sp_allocator_set(&starving);
		e = sp__mls_tree_diff_new(&diff, c.tree);
		if (e == SP_OK)
			e = big_change(&c, diff, leaves, BIG);
		sp_allocator_set(NULL);
		assert_same(c.tree, &before);
		if (e == SP_OK)
			sp__mls_tree_apply(c.tree, &diff);
		sp__mls_tree_diff_free(&diff);
	}
	OK(e);
	assert_true(n > 50);
	struct sp_buf bytes;
	struct sp_mls_tree *tree;
	sp_buf_init(&bytes, 1u << 24);
	OK(sp__mls_tree_encode(c.tree, &bytes));
	for (e = SP_ERR_NOMEM, n = 0; e == SP_ERR_NOMEM; n++) {
		budget = n;
		sp_allocator_set(&starving);
		e = sp__mls_tree_decode(&tree, &f.suite, sp_buf_bytes(&bytes), NULL);
		if (e == SP_OK)
			e = sp__mls_tree_verify(&f.env, tree, &(struct sp_mls_tree_context){.group_id = FIX_GROUP});
		sp_allocator_set(NULL);
		sp__mls_tree_free(&tree);
	}
	OK(e);
	sp_buf_clear(&bytes);
	for (size_t i = 0; i < BIG; i++)
		sp_buf_clear(&leaves[i]);
	sp_buf_clear(&before);
	crowd_clear(&c);
}

/* -- rows --------------------------------------------------------------------------------------------------------------------------- */

struct rows { /* a store of rows: by node */
	struct sp_buf row[256];
	uint32_t changed;
};

static enum sp_err keep_row(void *ctx, uint32_t node, struct sp_bytes value, bool removed)
{
	struct rows *rows = ctx;
	assert_true(node < SP_ARRAY_LEN(rows->row));
	rows->changed++;
	rows->row[node].n = 0;
	rows->row[node].max = 1u << 20;
	return removed ? SP_OK : sp_buf_append(&rows->row[node], value);
}

static struct sp_mls_tree *load(struct fix *f, const struct rows *rows, uint32_t width)
{
	struct sp_mls_tree *tree;
	OK(sp__mls_tree_load_begin(&tree, &f->suite, width));
	for (uint32_t x = 0; x < SP_ARRAY_LEN(rows->row); x++)
		if (rows->row[x].n)
			OK(sp__mls_tree_load_row(tree, x, sp_buf_bytes(&rows->row[x])));
	OK(sp__mls_tree_load_end(tree));
	return tree;
}

static void assert_equal_trees(const struct sp_mls_tree *a, const struct sp_mls_tree *b)
{
	struct sp_hash ha, hb;
	OK(sp__mls_tree_hash(a, &ha));
	OK(sp__mls_tree_hash(b, &hb));
	assert_int_equal(a->width, b->width);
	assert_memory_equal(ha.b, hb.b, ha.n);
}

static struct sp_mls_node_sink sink_of(struct rows *rows)
{
	return (struct sp_mls_node_sink){keep_row, rows};
}

static enum sp_err load_diff_row(void *ctx, uint32_t node, struct sp_bytes value, bool removed)
{
	return sp__mls_tree_diff_load_row(ctx, node, value, removed);
}

/* The diff's rows, put into another diff over the same tree, make the same tree. */
static void same_by_rows(const struct sp_mls_tree *tree, struct sp_mls_tree_diff *diff)
{
	struct sp_mls_tree_diff *again;
	struct sp_hash a, b;
	OK(sp__mls_tree_diff_new(&again, tree));
	OK(sp__mls_tree_diff_load_width(again, sp__mls_tree_diff_leaf_width(diff)));
	OK(sp__mls_tree_diff_rows(diff, &(struct sp_mls_node_sink){load_diff_row, again}));
	OK(sp__mls_tree_diff_hash(diff, &a));
	OK(sp__mls_tree_diff_hash(again, &b));
	assert_memory_equal(a.b, b.b, a.n);
	assert_int_equal(diff->members, again->members);
	OK(sp__mls_tree_diff_prepare(again));
	sp__mls_tree_diff_free(&again);
}

static void rows_bring_a_tree_back(void **state)
{
	static struct rows rows;
	struct fix f;
	struct crowd c;
	fix_init(&f, 1, "rows");
	crowd_init(&c, &f);
	crowd_fill(&c, 9);
	struct sp_mls_node_sink sink = sink_of(&rows);
	OK(sp__mls_tree_rows(c.tree, &sink));
	for (uint32_t round = 0; round < 6; round++) { /* shrinks below half, then grows again */
		struct sp_mls_tree_diff *diff;
		uint32_t leaf;
		struct sp_buf node;
		sp_buf_init(&node, 1u << 20);
		OK(sp__mls_tree_diff_new(&diff, c.tree));
		if (round < 3) {
			OK(sp__mls_tree_diff_remove(diff, 8 - round));
			OK(sp__mls_tree_diff_truncate(diff));
		} else {
			fix_person_clear(&c.at[0]);
			fix_person(&f, &c.at[0]);
			fix_leaf(&f, &node, &c.at[0], SP_MLS_LEAF_KEY_PACKAGE, 0);
			OK(sp__mls_tree_diff_add(diff, sp_buf_bytes(&node), &leaf));
		}
		sp_buf_clear(&node);
		same_by_rows(c.tree, diff);
		rows.changed = 0;
		OK(sp__mls_tree_diff_rows(diff, &sink));
		assert_true(rows.changed <= 6); /* a leaf and its ancestors, not the tree */
		OK(sp__mls_tree_diff_prepare(diff));
		sp__mls_tree_apply(c.tree, &diff);
		struct sp_mls_tree *loaded = load(&f, &rows, sp__mls_tree_leaf_width(c.tree));
		assert_equal_trees(loaded, c.tree);
		sp__mls_tree_free(&loaded);
	}
	for (size_t i = 0; i < SP_ARRAY_LEN(rows.row); i++)
		sp_buf_clear(&rows.row[i]);
	crowd_clear(&c);
}

static void damaged_rows_are_refused(void **state)
{
	struct fix f;
	struct sp_mls_tree *tree;
	struct person p = {0};
	struct sp_buf row;
	fix_init(&f, 1, "damaged rows");
	fix_person(&f, &p);
	sp_buf_init(&row, 1u << 20);
	OK(sp_buf_append(&row, SP_BYTES_LIT("\x01")));
	fix_leaf(&f, &row, &p, SP_MLS_LEAF_KEY_PACKAGE, 0);
	assert_int_equal(sp__mls_tree_load_begin(&tree, &f.suite, 3), SP_ERR_CORRUPT);
	assert_int_equal(sp__mls_tree_load_begin(&tree, &f.suite, 0), SP_ERR_CORRUPT);
	OK(sp__mls_tree_load_begin(&tree, &f.suite, 2));
	assert_int_equal(sp__mls_tree_load_row(tree, 1, sp_buf_bytes(&row)), SP_ERR_CORRUPT); /* a leaf where parents are */
	assert_int_equal(sp__mls_tree_load_row(tree, 3, sp_buf_bytes(&row)), SP_ERR_CORRUPT);
	assert_int_equal(sp__mls_tree_load_row(tree, 0, SP_BYTES_NONE), SP_ERR_CORRUPT);
	assert_int_equal(sp__mls_tree_load_row(tree, 0, (struct sp_bytes){row.p, row.n - 1}), SP_ERR_CORRUPT);
	OK(sp__mls_tree_load_row(tree, 0, sp_buf_bytes(&row)));
	assert_int_equal(sp__mls_tree_load_row(tree, 0, sp_buf_bytes(&row)), SP_ERR_CORRUPT); /* twice */
	OK(sp__mls_tree_load_row(tree, 2, sp_buf_bytes(&row)));
	assert_int_equal(sp__mls_tree_load_end(tree), SP_ERR_CORRUPT); /* the same keys in two leaves */
	sp__mls_tree_free(&tree);
	sp_buf_clear(&row);
	fix_person_clear(&p);
}

/* -- smaller things ------------------------------------------------------------------------------------------------------------------ */

static void signature_keys_are_found_and_cached(void **state)
{
	struct fix f;
	struct crowd c;
	const struct sp_verify_key *first, *second;
	fix_init(&f, 2, "signature keys");
	crowd_init(&c, &f);
	crowd_fill(&c, 5);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(sp__mls_tree_find_signature_key(c.tree, c.at[i].signer.public_key), i);
	assert_int_equal(sp__mls_tree_find_signature_key(c.tree, SP_BYTES_LIT("nobody's")), SP_MLS_LEAF_NONE);
	OK(sp__mls_tree_verify_key(c.tree, 3, &first));
	OK(sp__mls_tree_verify_key(c.tree, 3, &second));
	assert_ptr_equal(first, second);
	assert_int_equal(sp__mls_tree_verify_key(c.tree, 6, &first), SP_ERR_NOT_FOUND);
	assert_int_equal(sp__mls_tree_verify_key(c.tree, UINT32_MAX, &first), SP_ERR_NOT_FOUND);
	crowd_clear(&c);
}

/* An external joiner's place: reserved, blank, filled by its path. */
static void reserved_leaf_takes_a_path(void **state)
{
	for (uint32_t n = 3; n <= 4; n++) {
		struct fix f;
		struct crowd c;
		struct sp_mls_tree_diff *diff;
		struct sp_mls_path_make *make;
		struct person joiner = {0};
		struct sp_buf like;
		uint32_t leaf;
		fix_init(&f, 1, "reserved leaf");
		crowd_init(&c, &f);
		crowd_fill(&c, n);
		fix_person(&f, &joiner);
		sp_buf_init(&like, 1u << 20);
		fix_leaf(&f, &like, &joiner, SP_MLS_LEAF_KEY_PACKAGE, 0);
		struct sp_mls_leaf_node node = fix_leaf_read(&like);
		OK(sp__mls_tree_diff_new(&diff, c.tree));
		OK(sp__mls_tree_diff_reserve(diff, &leaf));
		assert_int_equal(leaf, n);
		assert_null(sp__mls_tree_diff_leaf(diff, leaf));
		const struct sp_mls_path_params params = {.sender = leaf, .like = &node, .signer = &joiner.signer, .group_id = FIX_GROUP};
		OK(sp__mls_path_make(&f.env, &make, diff, &params));
		OK(sp__mls_tree_diff_verify(&f.env, diff, &(struct sp_mls_tree_context){0}, false));
		OK(sp__mls_tree_diff_prepare(diff));
		sp__mls_tree_apply(c.tree, &diff);
		assert_int_equal(sp__mls_tree_member_count(c.tree), n + 1);
		crowd_check(&c);
		sp__mls_path_make_free(&make);
		sp_buf_clear(&like);
		fix_person_clear(&joiner);
		crowd_clear(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_groups),
		cmocka_unit_test(grow_and_shrink),
		cmocka_unit_test(dropped_diffs_leave_no_trace),
		cmocka_unit_test(out_of_memory_changes_nothing),
		cmocka_unit_test(rows_bring_a_tree_back),
		cmocka_unit_test(damaged_rows_are_refused),
		cmocka_unit_test(signature_keys_are_found_and_cached),
		cmocka_unit_test(reserved_leaf_takes_a_path),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
