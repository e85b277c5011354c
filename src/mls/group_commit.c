/* SPDX-License-Identifier: Apache-2.0
 *
 * A member's commit: made, pending, merged or discarded. RFC 9420 sections 12.4.1 and 14.
 */
#include "mls/join_priv.h"

#include "base/limits.h"

/* -- making ------------------------------------------------------------------------------------------------------------------ */

/* Encodes all values first: the buffer moves while it grows. */
static enum sp_err add_values(const struct sp_mls_env *env, struct sp_mls_making *m)
{
	size_t nh = m->group->view.suite.nh;
	uint8_t nonce[SP_HASH_MAX];
	for (size_t i = 0; i < m->params->n_proposals; i++) {
		struct sp_mls_propose p = m->params->proposals[i];
		if (p.type == SP_MLS_PROPOSAL_UPDATE || p.type == SP_MLS_PROPOSAL_EXTERNAL_INIT)
			return SP_FAIL(env->diag, SP_ERR_USAGE, 0, "a member's commit cannot hold this proposal by value");
		SP_TRY(sp_rng_fill(env->rng, nonce, nh));
		p.psk.nonce = (struct sp_bytes){nonce, nh};
		SP_TRY(sp__mls_prop_encode(&m->values, &p, SP_BYTES_NONE, env->diag));
	}
	struct sp_reader r = sp_reader_of(sp_buf_bytes(&m->values));
	while (!sp_reader_is_empty(&r)) {
		struct sp_mls_prop prop;
		struct sp_bytes at = r.rest;
		SP_TRY(sp__mls_prop_read(&r, &prop, env->diag));
		SP_TRY(sp__mls_transition_add_value(env, m->t, (struct sp_bytes){at.p, at.n - r.rest.n}));
	}
	return SP_OK;
}

static enum sp_err collect(const struct sp_mls_env *env, struct sp_mls_making *m)
{
	struct sp_mls_transition *t = m->t;
	t->before = &m->group->view;
	t->sender = (struct sp_mls_sender){SP_MLS_SENDER_MEMBER, m->group->core.keys.leaf};
	t->wire_format = m->params->wire_format;
	t->authenticated_data = m->params->authenticated_data;
	SP_TRY(add_values(env, m));
	if (!m->params->without_stored)
		SP_TRY(sp__mls_commit_select(env, t, m->group->stored));
	SP_TRY(sp__mls_transition_check(env, t));
	return sp__mls_transition_apply(env, t);
}

static enum sp_err make_content(const struct sp_mls_env *env, struct sp_mls_making *m)
{
	const struct sp_mls_leaf_node *own = sp__mls_view_leaf(&m->group->view, m->group->core.keys.leaf);
	struct sp_mls_transition *t = m->t;
	bool path = t->path_is_required || m->params->force_path;
	if (!path && (m->params->leaf || m->params->new_signer))
		return SP_FAIL(env->diag, SP_ERR_USAGE, 0, "a new leaf or signer needs a path: set force_path");
	m->next = NULL;
	if (path)
		SP_TRY(sp__mls_making_path(env, m, m->params->leaf, own));
	SP_TRY(sp__mls_transition_judge(env, t, path ? sp__mls_tree_diff_leaf(t->diff, t->committer) : NULL));
	SP_TRY(sp__mls_making_commit(m));
	const struct sp_mls_send send = {.wire_format = m->params->wire_format,
					 .type = SP_MLS_CONTENT_COMMIT,
					 .body = sp_buf_bytes(&m->commit),
					 .authenticated_data = m->params->authenticated_data};
	return sp__mls_sign_content(env, m->group, &send, &m->framed, &m->signature, &m->auth);
}

static enum sp_err make_epoch(const struct sp_mls_env *env, struct sp_mls_making *m)
{
	const struct sp_mls_core *core = &m->group->core;
	m->schedule.init = core->secrets.init;
	SP_TRY(sp__mls_psks_of(env, &m->psks, m->parent ? m->parent : m->group, m->t));
	SP_TRY(sp__mls_making_derive(m, sp_hash_bytes(&core->interim)));
	if (m->path)
		return SP_OK;
	m->next->core.keys = core->keys;
	sp__mls_path_keys_follow(&m->next->core.keys, m->t->diff);
	return SP_OK;
}

static enum sp_err make_outputs(const struct sp_mls_env *env, struct sp_mls_making *m, struct sp_mls_staged *staged)
{
	const struct sp_mls_commit_params *params = m->params;
	const struct sp_mls_group_info_make info = {.view = &m->next->view,
						    .signer = m->t->committer,
						    .extensions = params->group_info_extensions,
						    .external = &m->next->core.secrets.external,
						    .with_tree = params->group_info_with_tree,
						    .grease = params->grease};
	SP_TRY(sp__mls_frame(env, m->group, staged, &m->auth, 0));
	SP_TRY(sp_sha256(&m->next->core.own_commit, sp_buf_bytes(&staged->message)));
	SP_TRY(sp__mls_making_welcome(env, m, &staged->welcome));
	if (params->with_group_info)
		SP_TRY(sp__mls_group_info_message(&m->signing, &staged->group_info, &info));
	return params->with_ratchet_tree ? sp_mls_view_ratchet_tree(&m->next->view, &staged->tree) : SP_OK;
}

static enum sp_err make_pending(struct sp_mls_making *m, struct sp_mls_staged *staged)
{
	struct sp_mls_pending_commit *p = staged->pending = sp_alloc(sizeof *p);
	if (!p)
		return SP_ERR_NOMEM;
	struct sp_buf *bufs[] = {&p->message, &p->welcome, &p->group_info, &p->commit, &p->next};
	for (size_t i = 0; i < SP_ARRAY_LEN(bufs); i++)
		sp_buf_init(bufs[i], SP_LIMIT_MLS_VECTOR);
	p->hash = m->next->core.own_commit;
	SP_TRY(sp_buf_append(&p->message, sp_buf_bytes(&staged->message)));
	SP_TRY(sp_buf_append(&p->welcome, sp_buf_bytes(&staged->welcome)));
	SP_TRY(sp_buf_append(&p->group_info, sp_buf_bytes(&staged->group_info)));
	SP_TRY(sp_buf_append(&p->commit, sp_buf_bytes(&m->commit)));
	SP_TRY(sp__mls_next_encode(&p->next, m->next));
	return sp__mls_rows_pending(&staged->rows, p);
}

static void show(const struct sp_mls_making *m, struct sp_mls_staged *staged)
{
	struct sp_mls_staged_info *info = &staged->info;
	info->is_own = true;
	info->sender = m->t->sender;
	info->epoch = m->group->view.context.epoch;
	info->wire_format = m->params->wire_format;
	info->has_path = m->path != NULL;
	info->reinit = m->t->reinit != NULL;
	info->from = sp__mls_leaf_member(sp__mls_view_leaf(&m->group->view, m->t->committer), m->t->committer);
	if (m->path)
		info->path_leaf = sp__mls_leaf_member(sp__mls_tree_diff_leaf(m->t->diff, m->t->committer), m->t->committer);
	sp__mls_staged_show_list(staged);
}

static enum sp_err make(const struct sp_mls_env *env, struct sp_mls_making *m, struct sp_mls_staged *staged)
{
	if (m->group->core.state != SP_MLS_GROUP_ACTIVE)
		return SP_FAIL(env->diag, SP_ERR_STATE, 0, "the group is not active");
	if (m->group->pending)
		return SP_FAIL(env->diag, SP_ERR_STATE, 0, "a commit is pending");
	SP_TRY(sp__mls_signer_check(env, sp__mls_view_leaf(&m->group->view, m->group->core.keys.leaf)));
	SP_TRY(collect(env, m));
	SP_TRY(make_content(env, m));
	SP_TRY(make_epoch(env, m));
	SP_TRY(make_outputs(env, m, staged));
	SP_TRY(make_pending(m, staged));
	show(m, staged);
	return SP_OK;
}

enum sp_err sp_mls_group_commit(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged **out,
				const struct sp_mls_commit_params *params)
{
	struct sp_mls_call call;
	struct sp_mls_commit_params taken;
	*out = NULL;
	SP_TRY(sp__mls_call_open(&call, &env));
	SP_TRY(sp__mls_sized_take(&taken, sizeof taken, sizeof taken, params, env->diag));
	return sp__mls_commit_make(env, group, out, &taken, NULL, 0);
}

enum sp_err sp__mls_commit_make(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged **out,
				const struct sp_mls_commit_params *params, const struct sp_mls_group *parent, enum sp_mls_psk_usage successor)
{
	struct sp_mls_staged *staged = NULL;
	struct sp_mls_making m;
	sp__mls_making_init(&m);
	m.group = group;
	m.parent = parent;
	m.params = params;
	m.signing = *env;
	if (params->new_signer)
		m.signing.signer = params->new_signer;
	enum sp_err e = sp__mls_staged_new(&staged, SP_MLS_STAGED_PENDING, group, group->serial);
	if (e == SP_OK) {
		m.t = &staged->transition;
		m.t->successor = successor;
		e = make(env, &m, staged);
		staged->input = m.values; /* info borrows the proposals by value */
		m.values = (struct sp_buf){0};
		staged->shown = m.next; /* what will be; apply does not go there yet */
	}
	sp__mls_making_clear(&m);
	return sp__mls_staged_finish(out, &staged, e);
}

/* -- merging, losing ----------------------------------------------------------------------------------------------------------- */

/* The proposals of a stored Commit, for showing; references that are gone are skipped. */
static enum sp_err read_list(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_transition *t, bool values_only)
{
	struct sp_reader r = sp_reader_of(sp_buf_bytes(&group->pending->commit));
	struct sp_mls_commit commit;
	struct sp_mls_prop prop;
	struct sp_bytes ref;
	t->before = &group->view;
	t->sender = (struct sp_mls_sender){SP_MLS_SENDER_MEMBER, group->core.keys.leaf};
	SP_TRY(sp__mls_commit_read(&r, &commit, env->diag));
	struct sp_reader list = sp_reader_of(commit.proposals);
	while (!sp_reader_is_empty(&list)) {
		SP_TRY(sp__mls_commit_next(&list, &ref, &prop, env->diag));
		const struct sp_mls_stored *stored = ref.n != 0 ? sp__mls_stored_find(group->stored, ref) : NULL;
		if (ref.n == 0)
			SP_TRY(sp__mls_transition_add_value(env, t, prop.encoded));
		else if (stored && !values_only)
			SP_TRY(sp__mls_transition_add_stored(t, stored));
	}
	return sp__mls_transition_expose(t);
}

enum sp_err sp__mls_stage_lost(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged *staged)
{
	if (!group->pending)
		return SP_OK;
	SP_TRY(read_list(env, group, &staged->lost, true));
	staged->info.discards_pending = true;
	staged->info.lost = staged->lost.pubs;
	staged->info.n_lost = staged->lost.n_props;
	return SP_OK;
}

static enum sp_err show_merged(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged *staged)
{
	struct sp_mls_staged_info *info = &staged->info;
	struct sp_mls_commit commit;
	uint32_t own = group->core.keys.leaf;
	struct sp_reader r = sp_reader_of(sp_buf_bytes(&group->pending->commit));
	SP_TRY(sp__mls_commit_read(&r, &commit, env->diag));
	SP_TRY(read_list(env, group, &staged->transition, false));
	for (size_t i = 0; i < staged->transition.n_props; i++) {
		struct sp_mls_proposal *p = &staged->transition.props[i].pub;
		if (p->type == SP_MLS_PROPOSAL_ADD)
			p->member.leaf = sp__mls_tree_diff_find_signature_key(staged->next->view.diff, p->member.signature_key);
	}
	sp__mls_staged_show_list(staged);
	info->kind = SP_MLS_STAGED_COMMIT;
	info->is_own = true;
	info->sender = (struct sp_mls_sender){SP_MLS_SENDER_MEMBER, own};
	info->from = sp__mls_leaf_member(sp__mls_view_leaf(&group->view, own), own);
	info->epoch = group->view.context.epoch;
	info->reinit = staged->next->core.state == SP_MLS_GROUP_REINIT;
	info->has_path = commit.has_path;
	if (commit.has_path)
		info->path_leaf = sp__mls_leaf_member(sp__mls_view_leaf(&staged->next->view, own), own);
	return SP_OK;
}

enum sp_err sp__mls_stage_merge(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged *staged)
{
	SP_TRY(sp__mls_next_decode(&staged->next, &group->view, sp_buf_bytes(&group->pending->next)));
	SP_TRY(show_merged(env, group, staged));
	return sp__mls_next_finish(env, group, staged);
}

enum sp_err sp_mls_group_merge_pending(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged **out)
{
	struct sp_mls_call call;
	struct sp_mls_staged *staged = NULL;
	*out = NULL;
	SP_TRY(sp__mls_call_open(&call, &env));
	if (!group->pending)
		return SP_FAIL(env->diag, SP_ERR_STATE, 0, "no commit is pending");
	enum sp_err e = sp__mls_staged_new(&staged, SP_MLS_STAGED_COMMIT, group, group->serial);
	if (e == SP_OK)
		e = sp__mls_stage_merge(env, group, staged);
	return sp__mls_staged_finish(out, &staged, e);
}

static enum sp_err discard(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged *staged)
{
	SP_TRY(sp__mls_stage_lost(env, group, staged));
	staged->drops_pending = true;
	return sp__mls_rows_drop_pending(&staged->rows);
}

enum sp_err sp_mls_group_discard_pending(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged **out)
{
	struct sp_mls_call call;
	struct sp_mls_staged *staged = NULL;
	*out = NULL;
	SP_TRY(sp__mls_call_open(&call, &env));
	if (!group->pending)
		return SP_FAIL(env->diag, SP_ERR_STATE, 0, "no commit is pending");
	enum sp_err e = sp__mls_staged_new(&staged, SP_MLS_STAGED_DISCARD, group, group->serial);
	if (e == SP_OK)
		e = discard(env, group, staged);
	return sp__mls_staged_finish(out, &staged, e);
}

/* -- stored proposals that the caller does not want ------------------------------------------------------------------------------ */

static enum sp_err forget(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged *staged, struct sp_bytes ref)
{
	if (ref.n == 0) {
		staged->forgets_all = true;
		return sp__mls_rows_forget(&staged->rows, group->stored);
	}
	const struct sp_mls_stored *stored = sp__mls_stored_find(group->stored, ref);
	if (!stored)
		return SP_FAIL(env->diag, SP_ERR_NOT_FOUND, 0, "no such proposal is stored");
	staged->forgets = stored->ref;
	struct sp_mls_row_key key = sp__mls_row_key('Q');
	sp__mls_row_key_bytes(&key, sp_hash_bytes(&stored->ref));
	return sp__mls_row_set_remove(&staged->rows, &key);
}

enum sp_err sp_mls_group_forget_proposal(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged **out, struct sp_bytes ref)
{
	struct sp_mls_call call;
	*out = NULL;
	SP_TRY(sp__mls_call_open(&call, &env));
	struct sp_mls_staged *staged = NULL;
	enum sp_err e = sp__mls_staged_new(&staged, SP_MLS_STAGED_DISCARD, group, group->serial);
	if (e == SP_OK)
		e = forget(env, group, staged, ref);
	return sp__mls_staged_finish(out, &staged, e);
}
