/* SPDX-License-Identifier: Apache-2.0
 *
 * See mls_crowd.h.
 */
#include "mls_crowd.h"

#include <stdio.h>
#include <stdlib.h>

#include "mls/path_priv.h"

void crowd_must(enum sp_err e, const char *what)
{
	if (e == SP_OK)
		return;
	fprintf(stderr, "bench_mls: %s: %s\n", what, sp_err_text(e));
	exit(1);
}

static enum sp_err accept(void *ctx, const struct sp_mls_credential_check *check)
{
	return SP_OK;
}

static const struct sp_mls_validator accept_all = {.check = accept};

void crowd_init(struct crowd *c, uint16_t suite, uint32_t n)
{
	*c = (struct crowd){.n = n, .rng = sp_rng_system()};
	crowd_must(sp__mls_suite_find(&c->suite, NULL, suite), "suite");
	c->env = (struct sp_mls_env){.size = sizeof c->env, .rng = &c->rng, .now = {1795000000000}, .validator = &accept_all};
	c->member = sp_alloc_array((size_t)n + 1, sizeof *c->member);
	crowd_must(c->member ? SP_OK : SP_ERR_NOMEM, "members");
	for (uint32_t i = 0; i <= n; i++) {
		crowd_must(sp_sign_key_generate(&c->member[i].key, c->suite.sig), "signature key");
		c->member[i].signer = sp_sign_key_signer(c->member[i].key);
		sp_buf_init(&c->member[i].message, 1u << 16);
		sp_buf_init(&c->member[i].ref, 64);
		sp_buf_init(&c->member[i].priv, 1u << 16);
	}
}

void crowd_clear(struct crowd *c)
{
	for (uint32_t i = 0; i <= c->n; i++) {
		sp_sign_key_free(&c->member[i].key);
		sp_buf_clear(&c->member[i].message);
		sp_buf_clear(&c->member[i].ref);
		sp_buf_clear(&c->member[i].priv);
	}
	sp_free(c->member);
	sp_mls_group_free(&c->a);
	sp_mls_group_free(&c->b);
}

const struct sp_mls_env *crowd_as(struct crowd *c, uint32_t i)
{
	c->env.signer = &c->member[i].signer;
	return &c->env;
}

void crowd_make_member(struct crowd *c, uint32_t i)
{
	struct crowd_member *m = &c->member[i];
	char name[16];
	snprintf(name, sizeof name, "%08u", i);
	const struct sp_mls_key_package_params params = {
		.size = sizeof params,
		.suite = c->suite.id,
		.leaf = {.size = sizeof params.leaf, .credential = {SP_MLS_CREDENTIAL_BASIC, sp_bytes_str(name)}},
	};
	m->message.n = m->ref.n = m->priv.n = 0;
	crowd_must(sp_mls_key_package_new(crowd_as(c, i), &m->message, &m->ref, &m->priv, &params), "key package");
}

/* -- warming ------------------------------------------------------------------------------------------------------------- */

static enum sp_err copy_row(void *ctx, uint32_t node, struct sp_bytes value, bool removed)
{
	return sp__mls_tree_diff_load_row(ctx, node, value, removed);
}

/* What the member at `leaf` learns from another's path. */
static void learn(struct sp_mls_group *g, const struct sp_mls_tree_diff *diff, const struct sp_mls_path_make *make, uint32_t sender)
{
	struct sp_mls_path_keys *keys = &g->core.keys;
	if (keys->leaf == sender) {
		sp__mls_path_keys_take(make, keys);
		return;
	}
	const struct sp_secret *known = sp__mls_path_secret_for(make, keys->leaf);
	struct sp_secret secret = *known;
	crowd_must(sp__mls_path_climb(keys, sp__mls_treeview_of_diff(diff), sp__mls_common_ancestor(keys->leaf, sender), &secret), "path");
}

static void one_path(struct crowd *c, uint32_t sender)
{
	struct sp_mls_tree_diff *da, *db;
	struct sp_mls_path_make *make;
	const struct sp_mls_path_params params = {
		.sender = sender,
		.like = sp__mls_tree_leaf(c->a->view.tree, sender),
		.signer = &c->member[sender].signer,
		.group_id = c->a->view.context.group_id,
	};
	crowd_must(sp__mls_tree_diff_new(&da, c->a->view.tree), "diff");
	crowd_must(sp__mls_tree_diff_new(&db, c->b->view.tree), "diff");
	crowd_must(sp__mls_path_make(crowd_as(c, sender), &make, da, &params), "path");
	crowd_must(sp__mls_tree_diff_rows(da, &(struct sp_mls_node_sink){copy_row, db}), "rows");
	learn(c->a, da, make, sender);
	learn(c->b, db, make, sender);
	crowd_must(sp__mls_tree_diff_prepare(da), "prepare");
	crowd_must(sp__mls_tree_diff_prepare(db), "prepare");
	sp__mls_tree_apply(c->a->view.tree, &da);
	sp__mls_tree_apply(c->b->view.tree, &db);
	sp__mls_path_make_free(&make);
}

static void set_tree_hash(struct sp_mls_group *g)
{
	struct sp_hash hash;
	struct sp_mls_context fields = g->view.context;
	crowd_must(sp__mls_tree_hash(g->view.tree, &hash), "tree hash");
	fields.tree_hash = sp_hash_bytes(&hash);
	crowd_must(sp__mls_view_set_context(&g->view, &fields), "context");
}

void crowd_warm(struct crowd *c)
{
	for (uint32_t i = 1; i < c->n; i += 2)
		one_path(c, i);
	if (c->n % 2 == 1 || c->n == 2)
		one_path(c, c->n - 1);
	one_path(c, 0);
	set_tree_hash(c->a);
	set_tree_hash(c->b);
}
