/* SPDX-License-Identifier: Apache-2.0
 *
 * Out of memory at the Nth allocation, for every N, once and for ever after: an error, nothing leaked, and the group bit-identical.
 */
#include "world.h"

#include <stdlib.h>

#define ALL(...) (struct client *[]){__VA_ARGS__}

/* -- an allocator that fails at the Nth call -------------------------------------------------------------------------------------- */

struct failing {
	size_t left;  /* calls until it fails; SIZE_MAX: never */
	bool for_ever;
};

static void *failing_realloc(void *ctx, void *p, size_t n)
{
	struct failing *f = ctx;
	if (f->left == 0)
		return NULL;
	if (f->left != SIZE_MAX && --f->left == 0) {
		if (!f->for_ever)
			f->left = SIZE_MAX;
		return NULL;
	}
	return realloc(p, n);
}

static void failing_free(void *ctx, void *p)
{
	free(p);
}

static struct failing failing;
static const struct sp_allocator failing_allocator = {failing_realloc, failing_free, &failing};

/* -- what is tried ------------------------------------------------------------------------------------------------------------------- */

struct trial {
	struct client alice, bob, carol;
	struct sp_buf application, proposal, commit, welcome, tree, info, out;
};
typedef enum sp_err attempt(struct trial *t);

static enum sp_err drop(struct sp_mls_staged **staged, enum sp_err e)
{
	if (e != SP_OK)
		assert_null(*staged);
	sp_mls_staged_free(staged);
	return e;
}

static enum sp_err try_create(struct trial *t)
{
	struct sp_mls_group *group = NULL;
	const struct sp_mls_group_params params = {.size = sizeof params, .suite = 1, .leaf = client_leaf(&t->alice)};
	enum sp_err e = sp_mls_group_new(&t->alice.env, &group, &params);
	if (e != SP_OK)
		assert_null(group);
	sp_mls_group_free(&group);
	return e;
}

static enum sp_err try_key_package(struct trial *t)
{
	const struct sp_mls_key_package_params params = {.size = sizeof params, .suite = 1, .leaf = client_leaf(&t->carol)};
	struct sp_buf message, ref, priv;
	sp_buf_init(&message, 1u << 16);
	sp_buf_init(&ref, 1u << 16);
	sp_buf_init(&priv, 1u << 16);
	enum sp_err e = sp_mls_key_package_new(&t->carol.env, &message, &ref, &priv, &params);
	if (e != SP_OK)
		assert_int_equal(message.n + ref.n + priv.n, 0);
	sp_buf_clear(&message);
	sp_buf_clear(&ref);
	sp_buf_clear(&priv);
	return e;
}

static enum sp_err try_protect(struct trial *t)
{
	struct sp_mls_staged *staged = NULL;
	return drop(&staged, sp_mls_group_protect(&t->alice.env, t->alice.group, &staged, SP_BYTES_LIT("data"), SP_BYTES_NONE, 9));
}

static enum sp_err try_propose(struct trial *t)
{
	const struct sp_mls_propose update = {.type = SP_MLS_PROPOSAL_UPDATE};
	struct sp_mls_staged *staged = NULL;
	return drop(&staged, sp_mls_group_propose(&t->alice.env, t->alice.group, &staged, &update, SP_BYTES_NONE, SP_MLS_WIRE_PRIVATE_MESSAGE));
}

static enum sp_err try_commit(struct trial *t)
{
	const struct sp_mls_propose add = {.type = SP_MLS_PROPOSAL_ADD, .key_package = sp_buf_bytes(&t->carol.kp)};
	const struct sp_mls_commit_params params = {.size = sizeof params,
						    .proposals = &add,
						    .n_proposals = 1,
						    .force_path = true,
						    .wire_format = SP_MLS_WIRE_PRIVATE_MESSAGE,
						    .with_group_info = true,
						    .with_ratchet_tree = true};
	struct sp_mls_staged *staged = NULL;
	return drop(&staged, sp_mls_group_commit(&t->alice.env, t->alice.group, &staged, &params));
}

static enum sp_err process(struct client *c, const struct sp_buf *message)
{
	struct sp_mls_staged *staged = NULL;
	return drop(&staged, sp_mls_group_process(&c->env, c->group, &staged, sp_buf_bytes(message)));
}

static enum sp_err try_application(struct trial *t)
{
	return process(&t->bob, &t->application);
}

static enum sp_err try_proposal(struct trial *t)
{
	return process(&t->bob, &t->proposal);
}

static enum sp_err try_process_commit(struct trial *t)
{
	return process(&t->bob, &t->commit);
}

static enum sp_err try_merge(struct trial *t)
{
	return process(&t->alice, &t->commit);
}

static enum sp_err try_join(struct trial *t)
{
	const struct sp_mls_key_package_lookup lookup = client_lookup(&t->carol);
	const struct sp_mls_join_params params = {.size = sizeof params,
						  .welcome = sp_buf_bytes(&t->welcome),
						  .ratchet_tree = sp_buf_bytes(&t->tree),
						  .key_packages = &lookup};
	struct sp_mls_join *join = NULL;
	enum sp_err e = sp_mls_join_open(&t->carol.env, &join, &params);
	if (e != SP_OK)
		assert_null(join);
	sp_mls_join_free(&join);
	return e;
}

static enum sp_err try_external(struct trial *t)
{
	const struct sp_mls_external_params params = {.size = sizeof params,
						      .group_info = sp_buf_bytes(&t->info),
						      .leaf = client_leaf(&t->carol),
						      .resync_leaf = SP_MLS_LEAF_NONE,
						      .with_group_info = true};
	struct sp_mls_join *join = NULL;
	enum sp_err e = sp_mls_join_external(&t->carol.env, &join, &params);
	if (e != SP_OK)
		assert_null(join);
	sp_mls_join_free(&join);
	return e;
}

static enum sp_err try_public(struct trial *t)
{
	struct sp_mls_public_group *group = NULL;
	enum sp_err e = sp_mls_public_group_new(&t->carol.env, &group, sp_buf_bytes(&t->info), SP_BYTES_NONE);
	if (e != SP_OK)
		assert_null(group);
	sp_mls_public_group_free(&group);
	return e;
}

static enum sp_err try_load(struct trial *t)
{
	struct sp_mls_row_set *set = NULL;
	struct sp_mls_group *group = NULL;
	enum sp_err e = sp_mls_group_rows(t->bob.group, &set);
	if (e != SP_OK) {
		assert_null(set);
		return e;
	}
	struct sp_mls_rows rows = sp_mls_row_set_rows(set);
	e = sp_mls_group_load(&t->bob.env, &group, rows.list, rows.n);
	if (e != SP_OK)
		assert_null(group);
	sp_mls_group_free(&group);
	sp_mls_row_set_free(&set);
	return e;
}

/* -- trying ---------------------------------------------------------------------------------------------------------------------------- */

static void rows_same(const struct sp_mls_row_set *a, const struct sp_mls_row_set *b)
{
	struct sp_mls_rows x = sp_mls_row_set_rows(a), y = sp_mls_row_set_rows(b);
	assert_int_equal(x.n, y.n);
	for (size_t i = 0; i < x.n; i++) {
		assert_true(sp_bytes_equal(x.list[i].key, y.list[i].key));
		assert_true(sp_bytes_equal(x.list[i].value, y.list[i].value));
	}
}

static void hold(struct trial *t, struct sp_mls_row_set *out[2])
{
	assert_int_equal(sp_mls_group_rows(t->alice.group, &out[0]), SP_OK);
	assert_int_equal(sp_mls_group_rows(t->bob.group, &out[1]), SP_OK);
}

static void compare(struct trial *t, struct sp_mls_row_set *before[2])
{
	struct sp_mls_row_set *now[2];
	hold(t, now);
	for (size_t i = 0; i < 2; i++) {
		rows_same(before[i], now[i]);
		sp_mls_row_set_free(&now[i]);
	}
}

static void try_every(struct trial *t, attempt *what, bool for_ever)
{
	struct sp_mls_row_set *before[2];
	enum sp_err e = SP_ERR_NOMEM;
	hold(t, before);
	for (size_t n = 1; e != SP_OK; n++) {
		assert_true(n < 100000);
		failing = (struct failing){n, for_ever};
		sp_allocator_set(&failing_allocator);
		e = what(t);
		bool failed = failing.left == 0 || (failing.left == SIZE_MAX && !for_ever);
		sp_allocator_set(NULL);
		if (e != SP_OK && e != SP_ERR_NOMEM)
			print_error("at %zu: %s\n", n, sp_err_name(e));
		assert_true(e == SP_OK || e == SP_ERR_NOMEM);
		assert_true(e == SP_OK || failed);
		if (n % 16 == 0)
			compare(t, before);
	}
	compare(t, before);
	sp_mls_row_set_free(&before[0]);
	sp_mls_row_set_free(&before[1]);
}

static void take_message(struct sp_mls_staged *staged, struct sp_buf *out)
{
	sp_buf_clear(out);
	assert_int_equal(sp_buf_append(out, sp_mls_staged_info(staged)->message), SP_OK);
}

static void prepare(struct trial *t)
{
	struct sp_buf *bufs[] = {&t->application, &t->proposal, &t->commit, &t->welcome, &t->tree, &t->info, &t->out};
	const struct sp_mls_group_info_params with = {.size = sizeof with, .with_tree = true};
	for (size_t i = 0; i < SP_ARRAY_LEN(bufs); i++)
		sp_buf_init(bufs[i], 1u << 20);
	client_init(&t->alice, "alice", 1);
	client_init(&t->bob, "bob", 1);
	client_init(&t->carol, "carol", 1);
	world_create(&t->alice, (struct sp_mls_extensions){NULL, 0});
	world_add(&t->alice, ALL(&t->alice), 1, ALL(&t->bob), 1);
	client_key_package(&t->carol);
	struct sp_mls_staged *staged = NULL;
	assert_int_equal(sp_mls_group_protect(&t->alice.env, t->alice.group, &staged, SP_BYTES_LIT("data"), SP_BYTES_NONE, 0), SP_OK);
	take_message(staged, &t->application);
	sp_mls_staged_free(&staged);
	const struct sp_mls_propose update = {.type = SP_MLS_PROPOSAL_UPDATE};
	assert_int_equal(sp_mls_group_propose(&t->alice.env, t->alice.group, &staged, &update, SP_BYTES_NONE, SP_MLS_WIRE_PUBLIC_MESSAGE), SP_OK);
	take_message(staged, &t->proposal);
	sp_mls_staged_free(&staged);
	assert_int_equal(sp_mls_group_info_export(&t->alice.env, t->alice.group, &t->info, &with), SP_OK);
}

static void prepare_commit(struct trial *t)
{
	const struct sp_mls_propose add = {.type = SP_MLS_PROPOSAL_ADD, .key_package = sp_buf_bytes(&t->carol.kp)};
	const struct sp_mls_commit_params params = {.size = sizeof params,
						    .proposals = &add,
						    .n_proposals = 1,
						    .force_path = true,
						    .wire_format = SP_MLS_WIRE_PRIVATE_MESSAGE,
						    .with_ratchet_tree = true};
	struct sp_mls_staged *staged = NULL;
	assert_int_equal(sp_mls_group_commit(&t->alice.env, t->alice.group, &staged, &params), SP_OK);
	take_message(staged, &t->commit);
	assert_int_equal(sp_buf_append(&t->welcome, sp_mls_staged_info(staged)->welcome), SP_OK);
	assert_int_equal(sp_buf_append(&t->tree, sp_mls_staged_info(staged)->ratchet_tree), SP_OK);
	client_apply(&t->alice, &staged);
}

static void finish(struct trial *t)
{
	struct sp_buf *bufs[] = {&t->application, &t->proposal, &t->commit, &t->welcome, &t->tree, &t->info, &t->out};
	for (size_t i = 0; i < SP_ARRAY_LEN(bufs); i++)
		sp_buf_clear(bufs[i]);
	client_clear(&t->alice);
	client_clear(&t->bob);
	client_clear(&t->carol);
}

static void test_every_allocation_may_fail(void **state)
{
	static attempt *const before_commit[] = {try_create, try_key_package, try_protect,  try_propose, try_commit,
						 try_application, try_proposal, try_external, try_public,  try_load};
	static attempt *const after_commit[] = {try_process_commit, try_merge, try_join, try_load};
	struct trial t;
	prepare(&t);
	for (size_t i = 0; i < SP_ARRAY_LEN(before_commit); i++)
		for (int for_ever = 0; for_ever < 2; for_ever++)
			try_every(&t, before_commit[i], for_ever);
	prepare_commit(&t);
	for (size_t i = 0; i < SP_ARRAY_LEN(after_commit); i++)
		for (int for_ever = 0; for_ever < 2; for_ever++)
			try_every(&t, after_commit[i], for_ever);
	finish(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_allocation_may_fail)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
