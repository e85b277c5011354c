/* SPDX-License-Identifier: Apache-2.0
 *
 * Joining by Welcome: RFC 9420 section 12.4.3.1, in its order.
 */
#include "mls/join_priv.h"

#include "base/limits.h"

#define BLOB_MAX (1u << 20)

/* -- the join object ------------------------------------------------------------------------------------------------------ */

enum sp_err sp__mls_join_new(struct sp_mls_join **out)
{
	struct sp_mls_join *j = *out = sp_alloc(sizeof *j);
	if (!j)
		return SP_ERR_NOMEM;
	struct sp_buf *bufs[] = {&j->group_info_in, &j->message, &j->group_info, &j->ref};
	for (size_t i = 0; i < SP_ARRAY_LEN(bufs); i++)
		sp_buf_init(bufs[i], SP_LIMIT_MLS_VECTOR);
	sp__mls_row_set_init(&j->rows);
	return sp__mls_group_alloc(&j->group);
}

void sp_mls_join_free(struct sp_mls_join **join)
{
	struct sp_mls_join *j = *join;
	if (!j)
		return;
	struct sp_buf *bufs[] = {&j->group_info_in, &j->message, &j->group_info, &j->ref};
	for (size_t i = 0; i < SP_ARRAY_LEN(bufs); i++)
		sp_buf_clear(bufs[i]);
	sp_mls_group_free(&j->group);
	sp__mls_row_set_clear(&j->rows);
	sp__mls_prop_clear(&j->extensions);
	sp_free(j);
	*join = NULL;
}

const struct sp_mls_join_info *sp_mls_join_info(const struct sp_mls_join *join)
{
	return &join->info;
}

struct sp_mls_rows sp_mls_join_write_set(const struct sp_mls_join *join)
{
	return sp_mls_row_set_rows(&join->rows);
}

struct sp_mls_group *sp_mls_join_accept(struct sp_mls_join **join)
{
	struct sp_mls_group *group = (*join)->group;
	(*join)->group = NULL;
	sp_mls_join_free(join);
	return group;
}

enum sp_err sp__mls_join_finish(struct sp_mls_join *join, const struct sp_mls_group_info *info)
{
	join->extensions.extensions = info->extensions;
	SP_TRY(sp__mls_prop_expose(&join->extensions));
	SP_TRY(sp__mls_rows_all(&join->rows, join->group));
	sp__mls_row_set_seal(&join->rows);
	join->info.view = &join->group->view;
	join->info.own_leaf = join->group->core.keys.leaf;
	join->info.signer = info->signer;
	join->info.extensions = join->extensions.pub.extensions;
	join->info.message = sp_buf_bytes(&join->message);
	join->info.group_info = sp_buf_bytes(&join->group_info);
	join->info.key_package_ref = sp_buf_bytes(&join->ref);
	return SP_OK;
}

/* -- GroupInfo and tree make a view --------------------------------------------------------------------------------------------- */

static enum sp_err find_tree(const struct sp_mls_env *env, const struct sp_mls_group_info *info, struct sp_bytes given, struct sp_bytes *out)
{
	*out = given;
	if (given.n != 0 || sp__mls_extension_has(info->extensions, SP_MLS_EXTENSION_RATCHET_TREE, out))
		return SP_OK;
	return SP_FAIL(env->diag, SP_ERR_NEED_TREE, 0, "the ratchet tree is neither given nor in the GroupInfo");
}

/* What the group context says is judged as if it had just been proposed: its external senders are new to us (section 5.3.1). */
static enum sp_err check_context(const struct sp_mls_env *env, const struct sp_mls_view *view)
{
	const struct sp_mls_prop_scene scene = {.view = view, .extensions = view->context.extensions};
	const struct sp_mls_prop as_proposed = {.pub.type = SP_MLS_PROPOSAL_GROUP_CONTEXT_EXTENSIONS, .extensions = view->context.extensions};
	return sp__mls_prop_check(env, &scene, &as_proposed);
}

enum sp_err sp__mls_view_open(const struct sp_mls_env *env, struct sp_mls_view *view, const struct sp_mls_group_info *info, struct sp_bytes ratchet_tree)
{
	struct sp_bytes tree;
	struct sp_hash tree_hash;
	SP_TRY(find_tree(env, info, ratchet_tree, &tree));
	SP_TRY(sp__mls_suite_find(&view->suite, env, info->context.suite));
	SP_TRY(sp__mls_view_set_context(view, &info->context));
	view->confirmation_tag.n = info->confirmation_tag.n;
	sp_copy(view->confirmation_tag.b, info->confirmation_tag.p, info->confirmation_tag.n);
	SP_TRY(sp__mls_tree_decode(&view->tree, &view->suite, tree, env->diag));
	SP_TRY(sp__mls_tree_hash(view->tree, &tree_hash));
	if (!sp_bytes_equal(sp_hash_bytes(&tree_hash), view->context.tree_hash))
		return SP_RULE(env->diag, SP_ERR_INVALID, 336);
	SP_TRY(sp__mls_group_info_verify(view, info, env->diag));
	SP_TRY(check_context(env, view));
	const struct sp_mls_tree_context context = sp__mls_view_tree_context(view);
	return sp__mls_tree_verify(env, view->tree, &context);
}

/* -- opening a Welcome ------------------------------------------------------------------------------------------------------------ */

struct opening {
	struct sp_mls_welcome welcome;
	struct sp_mls_hpke_ciphertext ciphertext;
	struct sp_bytes ref;
	struct sp_mls_suite suite;
	struct sp_buf blob; /* the key package's private blob */
	struct sp_mls_key_package_private kp;
	struct sp_buf secrets_plain;
	struct sp_mls_group_secrets secrets;
	struct sp_mls_psk_id *psk_ids;
	struct sp_mls_psk_list psks;
	const struct sp_mls_psk_id *successor; /* the PSK of usage reinit or branch */
	struct sp_mls_schedule schedule;
	struct sp_mls_message_key key;
	struct sp_secret path_secret, encryption;
	struct sp_mls_group_info info;
};

static enum sp_err find_key_package(const struct sp_mls_env *env, struct opening *o, const struct sp_mls_join_params *params)
{
	struct sp_reader r = sp_reader_of(o->welcome.secrets);
	while (!sp_reader_is_empty(&r)) {
		SP_TRY(sp__mls_welcome_next(&r, &o->ref, &o->ciphertext));
		enum sp_err e = params->key_packages->find(params->key_packages->ctx, &o->blob, o->ref);
		if (e == SP_ERR_NOT_FOUND)
			continue;
		SP_TRY(e);
		SP_TRY(sp__mls_key_package_private_decode(&o->kp, sp_buf_bytes(&o->blob)));
		if (o->kp.kp.suite != o->welcome.suite)
			return SP_RULE(env->diag, SP_ERR_INVALID, 330);
		return SP_OK;
	}
	return SP_RULE(env->diag, SP_ERR_NOT_FOR_ME, 330);
}

static enum sp_err open_secrets(const struct sp_mls_env *env, struct opening *o)
{
	enum sp_err e = sp__mls_decrypt_with_label(&o->secrets_plain, &o->suite, sp_secret_bytes(&o->kp.init_priv), "Welcome",
						   o->welcome.encrypted_group_info, &o->ciphertext);
	if (e == SP_ERR_NOMEM)
		return e;
	if (e != SP_OK)
		return SP_RULE(env->diag, SP_ERR_DECRYPT, 331);
	e = sp__mls_group_secrets_read(&o->secrets, sp_buf_bytes(&o->secrets_plain));
	if (e != SP_OK || o->secrets.joiner_secret.n != o->suite.nh || (o->secrets.has_path_secret && o->secrets.path_secret.n != o->suite.nh))
		return SP_RULE(env->diag, SP_ERR_ENCODING, 331);
	SP_TRY(sp_secret_set(&o->schedule.joiner, o->secrets.joiner_secret));
	return o->secrets.has_path_secret ? sp_secret_set(&o->path_secret, o->secrets.path_secret) : SP_OK;
}

static enum sp_err note_successor(const struct sp_mls_env *env, struct opening *o, const struct sp_mls_psk_id *id)
{
	if (id->nonce.n != o->suite.nh)
		return SP_RULE(env->diag, SP_ERR_INVALID, 318);
	if (id->type != SP_MLS_PSK_RESUMPTION || id->usage == SP_MLS_PSK_APPLICATION)
		return SP_OK;
	if (o->successor)
		return SP_RULE(env->diag, SP_ERR_INVALID, 332);
	o->successor = id;
	return SP_OK;
}

static enum sp_err find_psks(const struct sp_mls_env *env, struct opening *o, const struct sp_mls_join_params *params)
{
	struct sp_reader r = sp_reader_of(o->secrets.psks);
	size_t n = o->secrets.n_psks;
	if (n == 0)
		return SP_OK;
	o->psk_ids = sp_alloc_array(n, sizeof *o->psk_ids);
	if (!o->psk_ids)
		return SP_ERR_NOMEM;
	for (size_t i = 0; i < n; i++) {
		SP_TRY(sp__mls_psk_id_read(&r, &o->psk_ids[i]));
		SP_TRY(note_successor(env, o, &o->psk_ids[i]));
	}
	return sp__mls_psks_find(env, &o->psks, params->parent, o->psk_ids, n);
}

static enum sp_err open_group_info(const struct sp_mls_env *env, struct opening *o, struct sp_buf *plain)
{
	SP_TRY(sp__mls_psk_secret(&o->schedule.psk, &o->suite, o->psks.list, o->psks.n));
	SP_TRY(sp__mls_member_secret(&o->schedule.member, &o->suite, &o->schedule.joiner, &o->schedule.psk));
	SP_TRY(sp__mls_welcome_key(&o->key, &o->suite, &o->schedule.member));
	enum sp_err e = sp_aead_open(plain, o->suite.hpke.aead, sp_secret_bytes(&o->key.key), o->key.nonce, SP_BYTES_NONE,
				     o->welcome.encrypted_group_info);
	if (e == SP_ERR_NOMEM)
		return e;
	if (e != SP_OK)
		return SP_RULE(env->diag, SP_ERR_DECRYPT, 333);
	SP_TRY(sp__mls_group_info_read(&o->info, sp_buf_bytes(plain), env->diag));
	if (o->info.context.suite != o->welcome.suite)
		return SP_RULE(env->diag, SP_ERR_INVALID, 335);
	return SP_OK;
}

static enum sp_err open_welcome(const struct sp_mls_env *env, struct opening *o, struct sp_buf *plain, const struct sp_mls_join_params *params)
{
	if (!params->key_packages)
		return SP_FAIL(env->diag, SP_ERR_USAGE, 0, "key_packages is not set");
	SP_TRY(sp__mls_welcome_read(&o->welcome, params->welcome, env->diag));
	SP_TRY(sp__mls_suite_find(&o->suite, env, o->welcome.suite));
	SP_TRY(find_key_package(env, o, params));
	SP_TRY(open_secrets(env, o));
	SP_TRY(find_psks(env, o, params));
	return open_group_info(env, o, plain);
}

/* -- the group -------------------------------------------------------------------------------------------------------------------------- */

static enum sp_err find_own_leaf(const struct sp_mls_env *env, const struct opening *o, struct sp_mls_group *g, uint32_t *out)
{
	*out = sp__mls_tree_find_signature_key(g->view.tree, o->kp.kp.leaf.signature_key);
	const struct sp_mls_leaf_node *leaf = *out == SP_MLS_LEAF_NONE ? NULL : sp__mls_tree_leaf(g->view.tree, *out);
	if (!leaf || !sp_bytes_equal(leaf->encoded, o->kp.kp.leaf.encoded))
		return SP_RULE(env->diag, SP_ERR_INVALID, 337);
	return SP_OK;
}

static enum sp_err derive_secrets(const struct sp_mls_env *env, struct opening *o, struct sp_mls_group *g)
{
	struct sp_secret tag = {0};
	struct sp_bytes confirmed = g->view.context.confirmed_transcript_hash;
	SP_TRY(sp__mls_epoch_secret(&o->schedule.epoch, &o->suite, &o->schedule.member, g->view.context.encoded));
	SP_TRY(sp__mls_epoch_derive(&g->core.secrets, &o->encryption, &o->suite, &o->schedule.epoch));
	SP_TRY(sp__mls_confirmation_tag(&tag, &o->suite, &g->core.secrets.confirmation, confirmed));
	if (!sp_bytes_ct_equal(sp_secret_bytes(&tag), o->info.confirmation_tag))
		return SP_RULE(env->diag, SP_ERR_MAC, 338);
	SP_TRY(sp__mls_interim_hash(&g->core.interim, &o->suite, confirmed, o->info.confirmation_tag));
	return sp__mls_secret_tree_new(&g->secrets, &o->suite, sp__mls_view_leaf_width(&g->view), g->view.context.epoch, &o->encryption);
}

static enum sp_err build(const struct sp_mls_env *env, struct opening *o, struct sp_mls_join *join, const struct sp_mls_join_params *params)
{
	struct sp_mls_group *g = join->group;
	uint32_t own;
	SP_TRY(open_welcome(env, o, &join->group_info_in, params));
	SP_TRY(sp__mls_view_open(env, &g->view, &o->info, params->ratchet_tree));
	SP_TRY(find_own_leaf(env, o, g, &own));
	SP_TRY(sp__mls_path_keys_join(&g->core.keys, env, g->view.tree, own, &o->kp.encryption_priv, o->info.signer,
				      o->secrets.has_path_secret ? &o->path_secret : NULL));
	SP_TRY(derive_secrets(env, o, g));
	if (o->successor)
		SP_TRY(sp__mls_successor_check(env, params->parent, &g->view, o->successor));
	SP_TRY(sp_buf_append(&join->ref, o->ref));
	join->info.last_resort = o->kp.last_resort;
	return sp__mls_join_finish(join, &o->info);
}

static void opening_clear(struct opening *o)
{
	sp_buf_clear(&o->blob);
	sp_buf_clear(&o->secrets_plain);
	sp__mls_key_package_private_clear(&o->kp);
	sp_free(o->psk_ids);
	sp__mls_psks_clear(&o->psks);
	sp__mls_schedule_clear(&o->schedule);
	sp_secret_clear(&o->key.key);
	sp_secret_clear(&o->path_secret);
	sp_secret_clear(&o->encryption);
}

static void opening_init(struct opening *o)
{
	*o = (struct opening){0};
	sp_buf_init(&o->blob, BLOB_MAX);
	sp_buf_init(&o->secrets_plain, SP_LIMIT_MLS_VECTOR);
}

enum sp_err sp_mls_join_open(const struct sp_mls_env *env, struct sp_mls_join **out, const struct sp_mls_join_params *params)
{
	struct opening o;
	struct sp_mls_call call;
	struct sp_mls_join_params taken;
	*out = NULL;
	SP_TRY(sp__mls_call_open(&call, &env));
	SP_TRY(sp__mls_sized_take(&taken, sizeof taken, sizeof taken, params, env->diag));
	opening_init(&o);
	enum sp_err e = sp__mls_join_new(out);
	if (e == SP_OK)
		e = build(env, &o, *out, &taken);
	opening_clear(&o);
	if (e != SP_OK)
		sp_mls_join_free(out);
	return e;
}

enum sp_err sp_mls_join_peek(const struct sp_mls_env *env, struct sp_buf *out_group_id, uint64_t *out_epoch, const struct sp_mls_join_params *params)
{
	struct opening o;
	struct sp_buf plain;
	struct sp_mls_call call;
	struct sp_mls_join_params taken;
	*out_epoch = 0;
	SP_TRY(sp__mls_call_open(&call, &env));
	SP_TRY(sp__mls_sized_take(&taken, sizeof taken, sizeof taken, params, env->diag));
	opening_init(&o);
	sp_buf_init(&plain, SP_LIMIT_MLS_VECTOR);
	enum sp_err e = open_welcome(env, &o, &plain, &taken);
	if (e == SP_OK)
		e = sp_buf_append(out_group_id, o.info.context.group_id);
	if (e == SP_OK)
		*out_epoch = o.info.context.epoch;
	opening_clear(&o);
	sp_buf_clear(&plain);
	return e;
}
