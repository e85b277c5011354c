/* SPDX-License-Identifier: Apache-2.0
 *
 * Joining by external commit, plainly or to resynchronise: RFC 9420 sections 8.3 and 12.4.3.2. And what outsiders propose (12.1.8).
 */
#include "mls/join_priv.h"

#include "base/limits.h"
#include "mls/key_package_priv.h"

struct external {
	const struct sp_mls_external_params *params;
	struct sp_mls_commit_params commit_params;
	struct sp_mls_join *join;
	struct sp_mls_transition t;
	struct sp_mls_making making;
	struct sp_mls_group_info info;
	struct sp_buf kem_output;
	struct sp_hash interim;
};

/* -- the group as it is ------------------------------------------------------------------------------------------------------ */

/* struct { HPKEPublicKey external_pub; } ExternalPub; */
static enum sp_err external_pub(const struct sp_mls_env *env, const struct sp_mls_group_info *info, struct sp_bytes *out)
{
	struct sp_bytes data;
	if (!sp__mls_extension_has(info->extensions, SP_MLS_EXTENSION_EXTERNAL_PUB, &data))
		return SP_RULE(env->diag, SP_ERR_INVALID, 345);
	struct sp_reader r = sp_reader_of(data);
	if (sp_read_vec(&r, out, SP_LIMIT_MLS_VECTOR) != SP_OK || !sp_reader_is_empty(&r))
		return SP_RULE(env->diag, SP_ERR_ENCODING, 345);
	return SP_OK;
}

static enum sp_err open_group(const struct sp_mls_env *env, struct external *x)
{
	struct sp_bytes bare, pub;
	struct sp_mls_view *view = &x->join->group->view;
	SP_TRY(sp_buf_append(&x->join->group_info_in, x->params->group_info));
	SP_TRY(sp__mls_message_expect(&bare, sp_buf_bytes(&x->join->group_info_in), SP_MLS_WIRE_GROUP_INFO, env->diag));
	SP_TRY(sp__mls_group_info_read(&x->info, bare, env->diag));
	SP_TRY(sp__mls_view_open(env, view, &x->info, x->params->ratchet_tree));
	SP_TRY(external_pub(env, &x->info, &pub));
	SP_TRY(sp__mls_interim_hash(&x->interim, &view->suite, view->context.confirmed_transcript_hash, x->info.confirmation_tag));
	enum sp_err e = sp__mls_external_init_send(&x->making.schedule.init, &x->kem_output, &view->suite, env->rng, pub);
	return e == SP_OK || e == SP_ERR_NOMEM ? e : SP_RULE(env->diag, SP_ERR_INVALID, 345);
}

/* -- proposals ------------------------------------------------------------------------------------------------------------------ */

static enum sp_err encode_proposals(const struct sp_mls_env *env, struct external *x, struct sp_buf *out)
{
	struct sp_writer w = sp_writer_on(out);
	size_t nh = x->join->group->view.suite.nh;
	sp_write_u16(&w, SP_MLS_PROPOSAL_EXTERNAL_INIT);
	sp_write_vec(&w, sp_buf_bytes(&x->kem_output));
	if (x->params->resync_leaf != SP_MLS_LEAF_NONE) {
		sp_write_u16(&w, SP_MLS_PROPOSAL_REMOVE);
		sp_write_u32(&w, x->params->resync_leaf);
	}
	for (size_t i = 0; i < x->params->n_psks; i++) {
		uint8_t nonce[SP_HASH_MAX];
		struct sp_mls_psk_id id = x->params->psks[i];
		SP_TRY(sp_rng_fill(env->rng, nonce, nh));
		id.nonce = (struct sp_bytes){nonce, nh};
		sp_write_u16(&w, SP_MLS_PROPOSAL_PSK);
		sp__mls_psk_id_write(&w, &id);
	}
	return sp_writer_finish(&w);
}

static enum sp_err collect(const struct sp_mls_env *env, struct external *x)
{
	struct sp_mls_transition *t = &x->t;
	t->before = &x->join->group->view;
	t->sender = (struct sp_mls_sender){SP_MLS_SENDER_NEW_MEMBER_COMMIT, SP_MLS_LEAF_NONE};
	t->wire_format = SP_MLS_WIRE_PUBLIC_MESSAGE;
	t->authenticated_data = x->params->authenticated_data;
	SP_TRY(encode_proposals(env, x, &x->making.values));
	struct sp_reader r = sp_reader_of(sp_buf_bytes(&x->making.values));
	while (!sp_reader_is_empty(&r)) {
		struct sp_bytes at = r.rest;
		struct sp_mls_prop prop;
		SP_TRY(sp__mls_prop_read(&r, &prop, env->diag));
		SP_TRY(sp__mls_transition_add_value(env, t, (struct sp_bytes){at.p, at.n - r.rest.n}));
	}
	SP_TRY(sp__mls_transition_check(env, t));
	return sp__mls_transition_apply(env, t);
}

/* -- the commit -------------------------------------------------------------------------------------------------------------------- */

static enum sp_err sign(const struct sp_mls_env *env, struct external *x)
{
	struct sp_mls_making *m = &x->making;
	const struct sp_mls_view *view = x->t.before;
	m->auth = (struct sp_mls_auth_content){.wire_format = SP_MLS_WIRE_PUBLIC_MESSAGE};
	m->auth.content = (struct sp_mls_content){.group_id = view->context.group_id,
						  .epoch = view->context.epoch,
						  .sender = x->t.sender,
						  .authenticated_data = x->params->authenticated_data,
						  .type = SP_MLS_CONTENT_COMMIT,
						  .body = sp_buf_bytes(&m->commit)};
	SP_TRY(sp__mls_content_encode(&m->framed, &m->auth.content));
	m->auth.content.encoded = sp_buf_bytes(&m->framed);
	SP_TRY(sp__mls_content_sign(env->signer, &m->signature, SP_MLS_WIRE_PUBLIC_MESSAGE, &m->auth.content, view->context.encoded));
	m->auth.signature = sp_buf_bytes(&m->signature);
	return SP_OK;
}

static enum sp_err make_commit(const struct sp_mls_env *env, struct external *x)
{
	struct sp_mls_making *m = &x->making;
	SP_TRY(sp__mls_making_path(env, m, &x->params->leaf, NULL));
	SP_TRY(sp__mls_transition_judge(env, &x->t, sp__mls_tree_diff_leaf(x->t.diff, x->t.committer)));
	SP_TRY(sp__mls_making_commit(m));
	SP_TRY(sign(env, x));
	SP_TRY(sp__mls_psks_of(env, &m->psks, NULL, &x->t));
	SP_TRY(sp__mls_making_derive(m, sp_hash_bytes(&x->interim)));
	SP_TRY(sp__mls_public_message_encode(&x->join->message, &m->auth, SP_BYTES_NONE));
	return sp_sha256(&m->next->core.own_commit, sp_buf_bytes(&x->join->message));
}

/* The group takes the new epoch at once: nobody has seen it before. */
static enum sp_err settle(const struct sp_mls_env *env, struct external *x)
{
	struct sp_mls_group *g = x->join->group;
	struct sp_mls_next *next = x->making.next;
	const struct sp_mls_group_info_make info = {.view = &next->view,
						    .signer = x->t.committer,
						    .extensions = x->params->group_info_extensions,
						    .external = &next->core.secrets.external,
						    .with_tree = x->params->group_info_with_tree};
	if (x->params->with_group_info)
		SP_TRY(sp__mls_group_info_message(env, &x->join->group_info, &info));
	SP_TRY(sp__mls_secret_tree_new(&g->secrets, &next->view.suite, sp__mls_view_leaf_width(&next->view), next->view.context.epoch,
				       &next->encryption));
	SP_TRY(sp__mls_tree_diff_prepare(next->view.diff));
	g->core = next->core;
	sp_wipe(&next->core, sizeof next->core);
	sp__mls_apply_view(&g->view, next);
	x->t.diff = NULL;
	return sp__mls_join_finish(x->join, &x->info);
}

static enum sp_err join_external(const struct sp_mls_env *env, struct external *x)
{
	SP_TRY(open_group(env, x));
	SP_TRY(collect(env, x));
	SP_TRY(make_commit(env, x));
	return settle(env, x);
}

enum sp_err sp_mls_join_external(const struct sp_mls_env *env, struct sp_mls_join **out, const struct sp_mls_external_params *params)
{
	struct sp_mls_call call;
	struct sp_mls_external_params taken;
	struct external x = {.params = &taken};
	*out = NULL;
	SP_TRY(sp__mls_call_open(&call, &env));
	SP_TRY(sp__mls_sized_take(&taken, sizeof taken, sizeof taken, params, env->diag));
	if (!env->rng || !env->signer)
		return SP_FAIL(env->diag, SP_ERR_USAGE, 0, "env lacks a random source or a signer");
	sp__mls_making_init(&x.making);
	sp_buf_init(&x.kem_output, SP_LIMIT_MLS_VECTOR);
	x.making.params = &x.commit_params;
	x.making.signing = *env;
	x.making.t = &x.t;
	enum sp_err e = sp__mls_join_new(out);
	x.join = *out;
	if (e == SP_OK)
		e = join_external(env, &x);
	if (x.making.next && x.making.next->view.diff == x.t.diff)
		x.t.diff = NULL; /* one owner */
	sp__mls_next_free(&x.making.next);
	sp__mls_transition_clear(&x.t);
	sp__mls_making_clear(&x.making);
	sp_buf_clear(&x.kem_output);
	if (e != SP_OK)
		sp_mls_join_free(out);
	return e;
}

/* -- proposals from outside (section 12.1.8) ------------------------------------------------------------------------------------------ */

struct outside {
	struct sp_buf proposal, framed, signature;
	struct sp_mls_auth_content auth;
};

static enum sp_err send_outside(const struct sp_mls_env *env, struct outside *o, struct sp_buf *out, const struct sp_mls_content *content,
				const struct sp_mls_propose *what)
{
	SP_TRY(sp__mls_prop_encode(&o->proposal, what, SP_BYTES_NONE, env->diag));
	o->auth.wire_format = SP_MLS_WIRE_PUBLIC_MESSAGE;
	o->auth.content = *content;
	o->auth.content.type = SP_MLS_CONTENT_PROPOSAL;
	o->auth.content.body = sp_buf_bytes(&o->proposal);
	SP_TRY(sp__mls_content_encode(&o->framed, &o->auth.content));
	o->auth.content.encoded = sp_buf_bytes(&o->framed);
	SP_TRY(sp__mls_content_sign(env->signer, &o->signature, SP_MLS_WIRE_PUBLIC_MESSAGE, &o->auth.content, SP_BYTES_NONE));
	o->auth.signature = sp_buf_bytes(&o->signature);
	return sp__mls_public_message_encode(out, &o->auth, SP_BYTES_NONE);
}

static enum sp_err propose_outside(const struct sp_mls_env *env, struct sp_buf *out, const struct sp_mls_content *content,
				   const struct sp_mls_propose *what)
{
	struct outside o = {0};
	if (!env->signer)
		return SP_FAIL(env->diag, SP_ERR_USAGE, 0, "env lacks a signer");
	sp_buf_init(&o.proposal, SP_LIMIT_MLS_VECTOR);
	sp_buf_init(&o.framed, SP_LIMIT_MLS_VECTOR);
	sp_buf_init(&o.signature, SP_LIMIT_MLS_VECTOR);
	enum sp_err e = send_outside(env, &o, out, content, what);
	sp_buf_clear(&o.proposal);
	sp_buf_clear(&o.framed);
	sp_buf_clear(&o.signature);
	return e;
}

enum sp_err sp_mls_join_propose(const struct sp_mls_env *env, struct sp_buf *out, struct sp_bytes group_id, uint64_t epoch, struct sp_bytes key_package)
{
	const struct sp_mls_content content = {.group_id = group_id, .epoch = epoch, .sender = {SP_MLS_SENDER_NEW_MEMBER_PROPOSAL, SP_MLS_LEAF_NONE}};
	const struct sp_mls_propose what = {.type = SP_MLS_PROPOSAL_ADD, .key_package = key_package};
	struct sp_mls_call call;
	SP_TRY(sp__mls_call_open(&call, &env));
	return propose_outside(env, out, &content, &what);
}

enum sp_err sp_mls_external_propose(const struct sp_mls_env *env, struct sp_buf *out, uint16_t suite, struct sp_bytes group_id, uint64_t epoch,
				    uint32_t sender_index, const struct sp_mls_propose *proposal)
{
	const struct sp_mls_content content = {.group_id = group_id, .epoch = epoch, .sender = {SP_MLS_SENDER_EXTERNAL, sender_index}};
	struct sp_mls_propose what = *proposal;
	struct sp_mls_suite known;
	uint8_t nonce[SP_HASH_MAX];
	struct sp_mls_call call;
	SP_TRY(sp__mls_call_open(&call, &env));
	SP_TRY(sp__mls_suite_find(&known, env, suite));
	if (what.type == SP_MLS_PROPOSAL_PSK && !env->rng)
		return SP_FAIL(env->diag, SP_ERR_USAGE, 0, "env lacks a random source");
	if (!sp__mls_proposal_external_is_allowed(env, what.type))
		return SP_RULE(env->diag, SP_ERR_USAGE, 322);
	if (what.type == SP_MLS_PROPOSAL_PSK) {
		SP_TRY(sp_rng_fill(env->rng, nonce, known.nh));
		what.psk.nonce = (struct sp_bytes){nonce, known.nh};
	}
	return propose_outside(env, out, &content, &what);
}

enum sp_err sp_mls_external_senders_encode(struct sp_buf *out, const struct sp_mls_external_sender *list, size_t n)
{
	struct sp_writer w = sp_writer_on(out);
	size_t mark = sp_write_open(&w);
	for (size_t i = 0; i < n; i++) {
		sp_write_vec(&w, list[i].signature_key);
		sp__mls_credential_write(&w, &list[i].credential);
	}
	sp_write_close(&w, mark);
	return sp_writer_finish(&w);
}
