/* SPDX-License-Identifier: Apache-2.0
 *
 * A group: creation (RFC 9420 section 11), what can be asked of it, exporters (8.5 to 8.7).
 */
#include "mls/group_priv.h"

#include "base/limits.h"

#define DAY_S (24 * 3600)
#define LIFETIME_S (60 * DAY_S)
#define SKEW_S 3600

enum sp_err sp__mls_group_alloc(struct sp_mls_group **out)
{
	*out = sp_alloc(sizeof **out);
	if (!*out)
		return SP_ERR_NOMEM;
	sp__mls_core_init(&(*out)->core);
	return SP_OK;
}

void sp_mls_group_free(struct sp_mls_group **group)
{
	struct sp_mls_group *g = *group;
	if (!g)
		return;
	sp__mls_tree_free(&g->view.tree);
	sp__mls_view_clear(&g->view);
	sp__mls_core_clear(&g->core);
	sp__mls_secret_tree_free(&g->secrets);
	sp__mls_past_free_all(&g->past, &g->resumption);
	sp__mls_stored_free_all(&g->stored);
	sp__mls_pending_free(&g->pending);
	sp_free_secret(g, sizeof *g);
	*group = NULL;
}

enum sp_err sp__mls_signer_check(const struct sp_mls_env *env, const struct sp_mls_leaf_node *leaf)
{
	if (!env->rng || !env->signer || !leaf || !sp_bytes_equal(env->signer->public_key, leaf->signature_key))
		return SP_FAIL(env->diag, SP_ERR_USAGE, 0, "env lacks a random source or the signer of our leaf");
	return SP_OK;
}

/* -- creation ------------------------------------------------------------------------------------------------------------- */

struct creation {
	struct sp_buf leaf;
	struct sp_buf extensions; /* the encoded vector */
	struct sp_buf group_id;
	struct sp_kem_public pub;
	struct sp_secret epoch_secret, encryption;
	struct sp_mls_prop check; /* the extensions, to be judged as a GroupContextExtensions proposal would be */
};

static enum sp_err make_leaf(const struct sp_mls_env *env, struct creation *c, struct sp_mls_group *g, const struct sp_mls_group_params *params)
{
	int64_t now = env->now.ms / 1000;
	bool given = params->not_before_s != 0 || params->not_after_s != 0;
	SP_TRY(sp_kem_generate(g->view.suite.hpke.kem, env->rng, &g->core.keys.key[0], &c->pub));
	const struct sp_mls_leaf_make make = {.suite = &g->view.suite,
					      .params = &params->leaf,
					      .signer = env->signer,
					      .encryption_key = sp_kem_public_bytes(&c->pub),
					      .source = SP_MLS_LEAF_KEY_PACKAGE,
					      .not_before = (uint64_t)(given ? params->not_before_s : SP_MAX(now - SKEW_S, 0)),
					      .not_after = (uint64_t)(given ? params->not_after_s : now + LIFETIME_S)};
	SP_TRY(sp__mls_leaf_node_make(env, &c->leaf, &make));
	return sp__mls_tree_new(&g->view.tree, &g->view.suite, sp_buf_bytes(&c->leaf));
}

static enum sp_err make_context(const struct sp_mls_env *env, struct creation *c, struct sp_mls_group *g, const struct sp_mls_group_params *params)
{
	struct sp_hash tree_hash;
	uint8_t *random;
	struct sp_mls_context fields = {.suite = g->view.suite.id, .group_id = params->group_id};
	if (params->group_id.n == 0) {
		SP_TRY(sp_buf_extend(&c->group_id, g->view.suite.nh, &random));
		SP_TRY(sp_rng_fill(env->rng, random, g->view.suite.nh));
		fields.group_id = sp_buf_bytes(&c->group_id);
	}
	struct sp_writer w = sp_writer_on(&c->extensions);
	sp__mls_extensions_write(&w, params->extensions);
	SP_TRY(sp_writer_finish(&w));
	struct sp_reader r = sp_reader_of(sp_buf_bytes(&c->extensions));
	SP_TRY(sp__mls_extensions_read(&r, &fields.extensions, env->diag));
	SP_TRY(sp__mls_tree_hash(g->view.tree, &tree_hash));
	fields.tree_hash = sp_hash_bytes(&tree_hash);
	return sp__mls_view_set_context(&g->view, &fields);
}

/* The creator must support what it asks of others. */
static enum sp_err judge_context(const struct sp_mls_env *env, struct creation *c, const struct sp_mls_group *g)
{
	const struct sp_mls_prop_scene scene = {.view = &g->view, .extensions = g->view.context.extensions};
	c->check.pub.type = SP_MLS_PROPOSAL_GROUP_CONTEXT_EXTENSIONS;
	c->check.extensions = g->view.context.extensions;
	SP_TRY(sp__mls_prop_check(env, &scene, &c->check));
	return sp__mls_leaf_fits_context(env, sp__mls_tree_leaf(g->view.tree, 0), g->view.context.extensions);
}

static enum sp_err make_secrets(const struct sp_mls_env *env, struct creation *c, struct sp_mls_group *g)
{
	struct sp_secret tag = {0};
	const struct sp_mls_suite *suite = &g->view.suite;
	c->epoch_secret.n = suite->nh;
	SP_TRY(sp_rng_fill(env->rng, c->epoch_secret.b, suite->nh));
	SP_TRY(sp__mls_epoch_derive(&g->core.secrets, &c->encryption, suite, &c->epoch_secret));
	SP_TRY(sp__mls_confirmation_tag(&tag, suite, &g->core.secrets.confirmation, SP_BYTES_NONE));
	g->view.confirmation_tag.n = tag.n;
	sp_copy(g->view.confirmation_tag.b, tag.b, tag.n);
	SP_TRY(sp__mls_interim_hash(&g->core.interim, suite, SP_BYTES_NONE, sp_secret_bytes(&tag)));
	return sp__mls_secret_tree_new(&g->secrets, suite, 1, 0, &c->encryption);
}

static enum sp_err create(const struct sp_mls_env *env, struct creation *c, struct sp_mls_group *g, const struct sp_mls_group_params *params)
{
	SP_TRY(sp__mls_suite_find(&g->view.suite, env, params->suite));
	SP_TRY(make_leaf(env, c, g, params));
	SP_TRY(make_context(env, c, g, params));
	SP_TRY(judge_context(env, c, g));
	return make_secrets(env, c, g);
}

enum sp_err sp_mls_group_new(const struct sp_mls_env *env, struct sp_mls_group **out, const struct sp_mls_group_params *params)
{
	struct creation c = {0};
	struct sp_mls_call call;
	struct sp_mls_group_params taken;
	*out = NULL;
	SP_TRY(sp__mls_call_open(&call, &env));
	SP_TRY(sp__mls_sized_take(&taken, sizeof taken, sizeof taken, params, env->diag));
	if (!env->rng || !env->signer)
		return SP_FAIL(env->diag, SP_ERR_USAGE, 0, "env lacks a random source or a signer");
	sp_buf_init(&c.leaf, SP_LIMIT_MLS_VECTOR);
	sp_buf_init(&c.extensions, SP_LIMIT_MLS_VECTOR);
	sp_buf_init(&c.group_id, SP_HASH_MAX);
	enum sp_err e = sp__mls_group_alloc(out);
	if (e == SP_OK)
		e = create(env, &c, *out, &taken);
	sp_buf_clear(&c.leaf);
	sp_buf_clear(&c.extensions);
	sp_buf_clear(&c.group_id);
	sp_secret_clear(&c.epoch_secret);
	sp_secret_clear(&c.encryption);
	if (e != SP_OK)
		sp_mls_group_free(out);
	return e;
}

/* -- what can be asked ---------------------------------------------------------------------------------------------------------- */

enum sp_mls_group_state sp_mls_group_state(const struct sp_mls_group *group)
{
	return group->core.state;
}

const struct sp_mls_view *sp_mls_group_view(const struct sp_mls_group *group)
{
	return &group->view;
}

uint32_t sp_mls_group_own_leaf(const struct sp_mls_group *group)
{
	return group->core.keys.leaf;
}

bool sp_mls_group_has_pending(const struct sp_mls_group *group)
{
	return group->pending != NULL;
}

size_t sp_mls_group_proposal_count(const struct sp_mls_group *group)
{
	return sp__mls_stored_count(group->stored);
}

enum sp_err sp_mls_group_pending(const struct sp_mls_group *group, struct sp_mls_pending *out)
{
	*out = (struct sp_mls_pending){0};
	if (!group->pending)
		return SP_ERR_NOT_FOUND;
	*out = (struct sp_mls_pending){sp_buf_bytes(&group->pending->message), sp_buf_bytes(&group->pending->welcome),
				       sp_buf_bytes(&group->pending->group_info)};
	return SP_OK;
}

struct sp_bytes sp_mls_group_epoch_authenticator(const struct sp_mls_group *group)
{
	return sp_secret_bytes(&group->core.secrets.authenticator);
}

static enum sp_err export_from(const struct sp_mls_group *group, const struct sp_secret *exporter, uint8_t *out, size_t out_n, const char *label,
			       struct sp_bytes context)
{
	if (exporter->n == 0)
		return SP_ERR_KEY_GONE;
	return sp__mls_exporter(out, out_n, &group->view.suite, exporter, label, context);
}

enum sp_err sp_mls_group_export(const struct sp_mls_group *group, uint8_t *out, size_t out_n, const char *label, struct sp_bytes context)
{
	return export_from(group, &group->core.secrets.exporter, out, out_n, label, context);
}

enum sp_err sp_mls_group_export_at(const struct sp_mls_group *group, uint64_t epoch, uint8_t *out, size_t out_n, const char *label,
				   struct sp_bytes context)
{
	const struct sp_mls_past *past = sp__mls_past_find(group->past, epoch);
	if (epoch == group->view.context.epoch)
		return sp_mls_group_export(group, out, out_n, label, context);
	if (!past)
		return epoch > group->view.context.epoch ? SP_ERR_FUTURE_EPOCH : SP_ERR_KEY_GONE;
	return export_from(group, &past->exporter, out, out_n, label, context);
}

enum sp_err sp_mls_group_resumption_psk(const struct sp_mls_group *group, struct sp_buf *out, uint64_t epoch)
{
	const struct sp_secret *psk = sp__mls_group_resumption(group, epoch);
	return psk ? sp_buf_append(out, sp_secret_bytes(psk)) : SP_ERR_KEY_GONE;
}

enum sp_err sp_mls_group_info_export(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_buf *out,
				     const struct sp_mls_group_info_params *params)
{
	size_t start = out->n;
	struct sp_mls_call call;
	struct sp_mls_group_info_params taken;
	SP_TRY(sp__mls_call_open(&call, &env));
	SP_TRY(sp__mls_sized_take(&taken, sizeof taken, sizeof taken, params, env->diag));
	if (group->core.state == SP_MLS_GROUP_REMOVED)
		return SP_FAIL(env->diag, SP_ERR_STATE, 0, "we are no longer a member");
	SP_TRY(sp__mls_signer_check(env, sp__mls_view_leaf(&group->view, group->core.keys.leaf)));
	const struct sp_mls_group_info_make make = {.view = &group->view,
						    .signer = group->core.keys.leaf,
						    .extensions = taken.extensions,
						    .external = taken.without_external_pub ? NULL : &group->core.secrets.external,
						    .with_tree = taken.with_tree,
						    .grease = taken.grease};
	enum sp_err e = sp__mls_group_info_message(env, out, &make);
	if (e != SP_OK)
		out->n = start;
	return e;
}

/* -- all rows -------------------------------------------------------------------------------------------------------------------- */

enum sp_err sp_mls_group_rows(const struct sp_mls_group *group, struct sp_mls_row_set **out)
{
	*out = sp_alloc(sizeof **out);
	if (!*out)
		return SP_ERR_NOMEM;
	sp__mls_row_set_init(*out);
	enum sp_err e = sp__mls_rows_all(*out, group);
	if (e == SP_OK)
		sp__mls_row_set_seal(*out);
	else
		sp_mls_row_set_free(out);
	return e;
}
