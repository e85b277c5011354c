/* SPDX-License-Identifier: Apache-2.0
 *
 * Clients, stores and a delivery service for tests of groups.
 */
#include "world.h"

#define NOW_MS 1795000000000ll

/* -- stores --------------------------------------------------------------------------------------------------------------------- */

static size_t store_find(const struct store *store, struct sp_bytes key, bool *found)
{
	size_t lo = 0, hi = store->n;
	*found = false;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int order = sp_bytes_compare((struct sp_bytes){store->rows[mid].key, store->rows[mid].key_n}, key);
		if (order == 0) {
			*found = true;
			return mid;
		}
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void row_clear(struct stored_row *row)
{
	sp_free(row->key);
	sp_free(row->value);
}

static void store_remove(struct store *store, size_t at)
{
	row_clear(&store->rows[at]);
	for (size_t i = at; i + 1 < store->n; i++)
		store->rows[i] = store->rows[i + 1];
	store->n--;
}

static void store_insert(struct store *store, size_t at, struct sp_bytes key)
{
	assert_int_equal(sp_array_grow(&store->rows, &store->cap, store->n + 1, sizeof *store->rows, 1u << 24), SP_OK);
	for (size_t i = store->n; i > at; i--)
		store->rows[i] = store->rows[i - 1];
	store->rows[at] = (struct stored_row){.key_n = key.n};
	assert_int_equal(sp_bytes_dup(&store->rows[at].key, key), SP_OK);
	store->n++;
}

static void store_take_row(struct store *store, const struct sp_mls_row *row)
{
	bool found;
	assert_true(row->key.n > 0 && row->key.n <= 80);
	size_t at = store_find(store, row->key, &found);
	if (row->remove) {
		if (found)
			store_remove(store, at);
		return;
	}
	if (!found)
		store_insert(store, at, row->key);
	sp_free(store->rows[at].value);
	store->rows[at].value_n = row->value.n;
	assert_int_equal(sp_bytes_dup(&store->rows[at].value, row->value), SP_OK);
}

void store_take(struct store *store, struct sp_mls_rows rows)
{
	for (size_t i = 0; i < rows.n; i++)
		store_take_row(store, &rows.list[i]);
}

void store_clear(struct store *store)
{
	for (size_t i = 0; i < store->n; i++)
		row_clear(&store->rows[i]);
	sp_free(store->rows);
	*store = (struct store){0};
}

/* The store is what the group would write now. */
static void store_check(const struct store *store, const struct sp_mls_group *group)
{
	struct sp_mls_row_set *set = NULL;
	assert_int_equal(sp_mls_group_rows(group, &set), SP_OK);
	struct sp_mls_rows rows = sp_mls_row_set_rows(set);
	for (size_t i = 0; i < rows.n; i++) {
		bool found;
		size_t at = store_find(store, rows.list[i].key, &found);
		if (!found)
			print_error("row %c is missing in the store\n", rows.list[i].key.p[0]);
		assert_true(found);
		assert_true(sp_bytes_equal(rows.list[i].value, (struct sp_bytes){store->rows[at].value, store->rows[at].value_n}));
	}
	for (size_t i = 0; store->n != rows.n && i < store->n; i++) {
		bool there = false;
		for (size_t k = 0; k < rows.n; k++)
			there |= sp_bytes_equal(rows.list[k].key, (struct sp_bytes){store->rows[i].key, store->rows[i].key_n});
		if (!there)
			print_error("row %c is too much in the store\n", store->rows[i].key[0]);
	}
	assert_int_equal(store->n, rows.n);
	sp_mls_row_set_free(&set);
}

/* -- clients ------------------------------------------------------------------------------------------------------------------------ */

static enum sp_err accept(void *ctx, const struct sp_mls_credential_check *check)
{
	return SP_OK;
}

static enum sp_sig signature_of(uint16_t suite)
{
	switch (suite) {
	case 2:
		return SP_SIG_ECDSA_P256_SHA256;
	case 5:
		return SP_SIG_ECDSA_P521_SHA512;
	case 7:
		return SP_SIG_ECDSA_P384_SHA384;
	case 4:
	case 6:
		return SP_SIG_ED448;
	default:
		return SP_SIG_ED25519;
	}
}

void client_init(struct client *c, const char *name, uint16_t suite)
{
	*c = (struct client){.name = name, .suite = suite};
	assert_int_equal(sp_sign_key_generate(&c->key, signature_of(suite)), SP_OK);
	c->signer = sp_sign_key_signer(c->key);
	c->rng = sp_rng_system();
	c->validator.check = accept;
	c->limits.size = sizeof c->limits;
	c->env = (struct sp_mls_env){.size = sizeof c->env,
				     .rng = &c->rng,
				     .now = {NOW_MS},
				     .signer = &c->signer,
				     .validator = &c->validator,
				     .policy = &c->policy,
				     .psks = &c->psks,
				     .limits = &c->limits,
				     .diag = &c->diag};
	sp_buf_init(&c->kp, 1u << 16);
	sp_buf_init(&c->kp_ref, 1u << 16);
	sp_buf_init(&c->kp_private, 1u << 16);
}

void client_clear(struct client *c)
{
	sp_mls_group_free(&c->group);
	sp_sign_key_free(&c->key);
	sp_buf_clear(&c->kp);
	sp_buf_clear(&c->kp_ref);
	sp_buf_clear(&c->kp_private);
	store_clear(&c->store);
}

struct sp_mls_leaf_params client_leaf(const struct client *c)
{
	return (struct sp_mls_leaf_params){
		.size = sizeof(struct sp_mls_leaf_params), .credential = {SP_MLS_CREDENTIAL_BASIC, sp_bytes_str(c->name)}, .grease = true};
}

void client_key_package(struct client *c)
{
	struct sp_mls_key_package_params params = {.size = sizeof params, .suite = c->suite, .leaf = client_leaf(c)};
	sp_buf_clear(&c->kp);
	sp_buf_clear(&c->kp_ref);
	sp_buf_clear(&c->kp_private);
	assert_int_equal(sp_mls_key_package_new(&c->env, &c->kp, &c->kp_ref, &c->kp_private, &params), SP_OK);
}

static enum sp_err find_key_package(void *ctx, struct sp_buf *out, struct sp_bytes ref)
{
	struct client *c = ctx;
	if (!sp_bytes_equal(ref, sp_buf_bytes(&c->kp_ref)))
		return SP_ERR_NOT_FOUND;
	return sp_buf_append(out, sp_buf_bytes(&c->kp_private));
}

struct sp_mls_key_package_lookup client_lookup(struct client *c)
{
	return (struct sp_mls_key_package_lookup){find_key_package, c};
}

uint32_t client_leaf_index(const struct client *c)
{
	return sp_mls_group_own_leaf(c->group);
}

static void client_store_all(struct client *c)
{
	struct sp_mls_row_set *set = NULL;
	assert_int_equal(sp_mls_group_rows(c->group, &set), SP_OK);
	store_clear(&c->store);
	store_take(&c->store, sp_mls_row_set_rows(set));
	sp_mls_row_set_free(&set);
}

void world_create(struct client *c, struct sp_mls_extensions extensions)
{
	struct sp_mls_group_params params = {.size = sizeof params, .suite = c->suite, .leaf = client_leaf(c), .extensions = extensions};
	assert_int_equal(sp_mls_group_new(&c->env, &c->group, &params), SP_OK);
	client_store_all(c);
}

void client_apply(struct client *c, struct sp_mls_staged **staged)
{
	store_take(&c->store, sp_mls_staged_write_set(*staged));
	assert_int_equal(sp_mls_group_apply(c->group, staged), SP_OK);
	assert_null(*staged);
	store_check(&c->store, c->group);
}

void client_reload(struct client *c)
{
	struct sp_mls_row *rows = sp_alloc_array(c->store.n, sizeof *rows);
	assert_non_null(rows);
	for (size_t i = 0; i < c->store.n; i++) {
		const struct stored_row *r = &c->store.rows[i];
		rows[c->store.n - 1 - i] = (struct sp_mls_row){{r->key, r->key_n}, {r->value, r->value_n}, false};
	}
	sp_mls_group_free(&c->group);
	assert_int_equal(sp_mls_group_load(&c->env, &c->group, rows, c->store.n), SP_OK);
	sp_free(rows);
	store_check(&c->store, c->group);
}

enum sp_mls_staged_kind client_receive(struct client *c, struct sp_bytes message)
{
	struct sp_mls_staged *staged = NULL;
	enum sp_err e = sp_mls_group_process(&c->env, c->group, &staged, message);
	if (e != SP_OK)
		print_error("%s: %s, rule %u: %s\n", c->name, sp_err_name(e), c->diag.rule, c->diag.text ? c->diag.text : "");
	assert_int_equal(e, SP_OK);
	enum sp_mls_staged_kind kind = sp_mls_staged_info(staged)->kind;
	client_apply(c, &staged);
	return kind;
}

enum sp_err client_refuses(struct client *c, struct sp_bytes message)
{
	struct sp_mls_staged *staged = NULL;
	c->diag = (struct sp_diag){0};
	enum sp_err e = sp_mls_group_process(&c->env, c->group, &staged, message);
	assert_int_not_equal(e, SP_OK);
	assert_null(staged);
	store_check(&c->store, c->group);
	return e;
}

/* -- the delivery service -------------------------------------------------------------------------------------------------------------- */

void client_join(struct client *c, struct sp_bytes welcome, struct sp_bytes tree)
{
	const struct sp_mls_key_package_lookup lookup = client_lookup(c);
	const struct sp_mls_join_params params = {.size = sizeof params, .welcome = welcome, .ratchet_tree = tree, .key_packages = &lookup};
	struct sp_mls_join *join = NULL;
	enum sp_err e = sp_mls_join_open(&c->env, &join, &params);
	if (e != SP_OK)
		print_error("%s: %s, rule %u: %s\n", c->name, sp_err_name(e), c->diag.rule, c->diag.text ? c->diag.text : "");
	assert_int_equal(e, SP_OK);
	sp_mls_group_free(&c->group);
	store_clear(&c->store);
	store_take(&c->store, sp_mls_join_write_set(join));
	c->group = sp_mls_join_accept(&join);
	assert_null(join);
	store_check(&c->store, c->group);
}

void world_commit(struct client *by, struct client **members, size_t n, struct client **joiners, size_t n_joiners,
		  const struct sp_mls_commit_params *params, struct sp_buf *out_message)
{
	struct sp_mls_staged *staged = NULL;
	struct sp_mls_commit_params p = *params;
	struct sp_buf welcome, tree, message;
	sp_buf_init(&welcome, 1u << 26);
	sp_buf_init(&tree, 1u << 26);
	sp_buf_init(&message, 1u << 26);
	p.size = sizeof p;
	p.with_ratchet_tree = true;
	if (p.wire_format == 0)
		p.wire_format = SP_MLS_WIRE_PUBLIC_MESSAGE;
	enum sp_err e = sp_mls_group_commit(&by->env, by->group, &staged, &p);
	if (e != SP_OK)
		print_error("%s: %s, rule %u: %s\n", by->name, sp_err_name(e), by->diag.rule, by->diag.text ? by->diag.text : "");
	assert_int_equal(e, SP_OK);
	assert_int_equal(sp_buf_append(&welcome, sp_mls_staged_info(staged)->welcome), SP_OK);
	assert_int_equal(sp_buf_append(&tree, sp_mls_staged_info(staged)->ratchet_tree), SP_OK);
	assert_int_equal(sp_buf_append(&message, sp_mls_staged_info(staged)->message), SP_OK);
	client_apply(by, &staged);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(client_receive(members[i], sp_buf_bytes(&message)), SP_MLS_STAGED_COMMIT);
	for (size_t i = 0; i < n_joiners; i++)
		client_join(joiners[i], sp_buf_bytes(&welcome), sp_buf_bytes(&tree));
	if (out_message)
		assert_int_equal(sp_buf_append(out_message, sp_buf_bytes(&message)), SP_OK);
	sp_buf_clear(&welcome);
	sp_buf_clear(&tree);
	sp_buf_clear(&message);
}

void world_add(struct client *by, struct client **members, size_t n, struct client **joiners, size_t n_joiners)
{
	struct sp_mls_propose *adds = sp_alloc_array(n_joiners, sizeof *adds);
	assert_non_null(adds);
	for (size_t i = 0; i < n_joiners; i++) {
		client_key_package(joiners[i]);
		adds[i] = (struct sp_mls_propose){.type = SP_MLS_PROPOSAL_ADD, .key_package = sp_buf_bytes(&joiners[i]->kp)};
	}
	const struct sp_mls_commit_params params = {.proposals = adds, .n_proposals = n_joiners};
	world_commit(by, members, n, joiners, n_joiners, &params, NULL);
	sp_free(adds);
}

void world_say(struct client *by, struct client **members, size_t n, const char *text)
{
	struct sp_mls_staged *staged = NULL;
	struct sp_buf message;
	sp_buf_init(&message, 1u << 20);
	assert_int_equal(sp_mls_group_protect(&by->env, by->group, &staged, sp_bytes_str(text), SP_BYTES_LIT("aad"), 31), SP_OK);
	assert_int_equal(sp_buf_append(&message, sp_mls_staged_info(staged)->message), SP_OK);
	client_apply(by, &staged);
	for (size_t i = 0; i < n; i++) {
		struct client *c = members[i];
		assert_int_equal(sp_mls_group_process(&c->env, c->group, &staged, sp_buf_bytes(&message)), SP_OK);
		const struct sp_mls_staged_info *info = sp_mls_staged_info(staged);
		assert_int_equal(info->kind, c == by ? SP_MLS_STAGED_OWN : SP_MLS_STAGED_APPLICATION);
		assert_int_equal(info->sender.index, client_leaf_index(by));
		if (c != by) {
			assert_true(sp_bytes_equal(info->data, sp_bytes_str(text)));
			assert_true(sp_bytes_equal(info->authenticated_data, SP_BYTES_LIT("aad")));
			assert_true(sp_bytes_equal(info->from.credential.data, sp_bytes_str(by->name)));
		}
		client_apply(c, &staged);
	}
	sp_buf_clear(&message);
}

void world_agree(struct client **members, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		assert_true(sp_bytes_equal(sp_mls_group_epoch_authenticator(members[0]->group), sp_mls_group_epoch_authenticator(members[i]->group)));
		assert_true(sp_bytes_equal(sp_mls_view_group_context(sp_mls_group_view(members[0]->group)),
					   sp_mls_view_group_context(sp_mls_group_view(members[i]->group))));
	}
}
