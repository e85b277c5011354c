/* SPDX-License-Identifier: Apache-2.0
 *
 * A group followed without secrets: for servers, and for a member who catches up before it resynchronises. Checks of RFC 9420 section 12.4.2
 * that need a secret are the members'.
 */
#include "mls/join_priv.h"

#include "base/limits.h"

static enum sp_err open_public(const struct sp_mls_env *env, struct sp_mls_public_group *group, struct sp_bytes group_info, struct sp_bytes ratchet_tree)
{
	struct sp_mls_group_info info;
	struct sp_bytes bare;
	SP_TRY(sp__mls_message_expect(&bare, group_info, SP_MLS_WIRE_GROUP_INFO, env->diag));
	SP_TRY(sp__mls_group_info_read(&info, bare, env->diag));
	SP_TRY(sp__mls_view_open(env, &group->view, &info, ratchet_tree));
	return sp__mls_interim_hash(&group->interim, &group->view.suite, info.context.confirmed_transcript_hash, info.confirmation_tag);
}

enum sp_err sp_mls_public_group_new(const struct sp_mls_env *env, struct sp_mls_public_group **out, struct sp_bytes group_info,
				    struct sp_bytes ratchet_tree)
{
	struct sp_mls_call call;
	*out = NULL;
	SP_TRY(sp__mls_call_open(&call, &env));
	*out = sp_alloc(sizeof **out);
	if (!*out)
		return SP_ERR_NOMEM;
	enum sp_err e = open_public(env, *out, group_info, ratchet_tree);
	if (e != SP_OK)
		sp_mls_public_group_free(out);
	return e;
}

void sp_mls_public_group_free(struct sp_mls_public_group **group)
{
	if (!*group)
		return;
	sp__mls_tree_free(&(*group)->view.tree);
	sp__mls_view_clear(&(*group)->view);
	sp__mls_stored_free_all(&(*group)->stored);
	sp_free(*group);
	*group = NULL;
}

const struct sp_mls_view *sp_mls_public_group_view(const struct sp_mls_public_group *group)
{
	return &group->view;
}

/* -- rows ------------------------------------------------------------------------------------------------------------------------ */

static enum sp_err put_record(struct sp_mls_row_set *rows, const struct sp_mls_view *view, const struct sp_hash *interim)
{
	const struct sp_mls_row_key key = sp__mls_row_key('G');
	struct sp_buf value;
	sp_buf_init(&value, SP_LIMIT_MLS_VECTOR);
	enum sp_err e = sp__mls_record_encode(&value, view, NULL, interim);
	if (e == SP_OK)
		e = sp__mls_row_set_put(rows, &key, sp_buf_bytes(&value));
	sp_buf_clear(&value);
	return e;
}

static enum sp_err put_all(struct sp_mls_row_set *rows, const struct sp_mls_public_group *group)
{
	SP_TRY(put_record(rows, &group->view, &group->interim));
	SP_TRY(sp__mls_rows_tree(rows, group->view.tree));
	for (const struct sp_mls_stored *s = group->stored; s; s = s->next)
		SP_TRY(sp__mls_rows_stored(rows, s));
	return SP_OK;
}

enum sp_err sp_mls_public_group_rows(const struct sp_mls_public_group *group, struct sp_mls_row_set **out)
{
	*out = sp_alloc(sizeof **out);
	if (!*out)
		return SP_ERR_NOMEM;
	sp__mls_row_set_init(*out);
	enum sp_err e = put_all(*out, group);
	if (e == SP_OK)
		sp__mls_row_set_seal(*out);
	else
		sp_mls_row_set_free(out);
	return e;
}

/* -- processing ---------------------------------------------------------------------------------------------------------------------- */

static enum sp_err set_tag(const struct sp_mls_env *env, struct sp_mls_staged *staged, const struct sp_mls_auth_content *auth)
{
	struct sp_mls_view *after = &staged->next->view;
	if (auth->confirmation_tag.n != after->suite.nh)
		return SP_RULE(env->diag, SP_ERR_INVALID, 11);
	after->confirmation_tag.n = auth->confirmation_tag.n;
	sp_copy(after->confirmation_tag.b, auth->confirmation_tag.p, auth->confirmation_tag.n);
	return sp__mls_interim_hash(&staged->public_interim, &after->suite, after->context.confirmed_transcript_hash, auth->confirmation_tag);
}

static void show_commit(struct sp_mls_staged *staged, const struct sp_mls_commit *commit)
{
	struct sp_mls_staged_info *info = &staged->info;
	struct sp_mls_transition *t = &staged->transition;
	info->kind = SP_MLS_STAGED_COMMIT;
	sp__mls_staged_show_list(staged);
	info->reinit = t->reinit != NULL;
	info->has_path = commit->has_path;
	if (commit->has_path)
		info->path_leaf = sp__mls_leaf_member(&commit->path.leaf, t->committer);
	if (t->sender.type == SP_MLS_SENDER_NEW_MEMBER_COMMIT)
		info->from = info->path_leaf;
	t->path = NULL;
}

static enum sp_err process_commit(const struct sp_mls_env *env, const struct sp_mls_public_group *group, struct sp_mls_staged *staged,
				  const struct sp_mls_auth_content *auth)
{
	struct sp_mls_transition *t = &staged->transition;
	struct sp_mls_commit commit;
	struct sp_hash confirmed;
	SP_TRY(sp__mls_commit_public(env, t, &group->view, group->stored, auth, &commit));
	SP_TRY(sp__mls_confirmed_hash(&confirmed, &group->view.suite, sp_hash_bytes(&group->interim), auth));
	SP_TRY(sp__mls_next_new(&staged->next));
	SP_TRY(sp__mls_transition_context(t, &staged->next->view, sp_hash_bytes(&confirmed)));
	SP_TRY(set_tag(env, staged, auth));
	show_commit(staged, &commit);
	SP_TRY(put_record(&staged->rows, &staged->next->view, &staged->public_interim));
	SP_TRY(sp__mls_rows_diff(&staged->rows, t->diff));
	SP_TRY(sp__mls_rows_forget(&staged->rows, group->stored));
	return sp__mls_tree_diff_prepare(t->diff);
}

static enum sp_err process_proposal(const struct sp_mls_env *env, const struct sp_mls_public_group *group, struct sp_mls_staged *staged,
				    const struct sp_mls_auth_content *auth)
{
	SP_TRY(sp__mls_proposal_process(env, &group->view, staged, group->stored, auth));
	return sp__mls_rows_stored(&staged->rows, staged->store);
}

static enum sp_err process(const struct sp_mls_env *env, const struct sp_mls_public_group *group, struct sp_mls_staged *staged)
{
	struct sp_mls_message message;
	SP_TRY(sp__mls_message_read(&message, sp_buf_bytes(&staged->input), env->diag));
	if (message.wire_format != SP_MLS_WIRE_PUBLIC_MESSAGE)
		return SP_FAIL(env->diag, SP_ERR_UNSUPPORTED, 0, "a public group follows PublicMessages only");
	const struct sp_mls_auth_content *auth = &message.public_msg.auth;
	const struct sp_mls_content *content = &auth->content;
	SP_TRY(sp__mls_sender_check(content, env->diag));
	SP_TRY(sp__mls_epoch_check(env, &group->view, content->group_id, content->epoch));
	SP_TRY(sp__mls_sender_verify(env, &group->view, auth));
	staged->info.sender = content->sender;
	staged->info.epoch = content->epoch;
	staged->info.wire_format = auth->wire_format;
	staged->info.authenticated_data = content->authenticated_data;
	if (content->sender.type == SP_MLS_SENDER_MEMBER)
		staged->info.from = sp__mls_leaf_member(sp__mls_view_leaf(&group->view, content->sender.index), content->sender.index);
	return content->type == SP_MLS_CONTENT_COMMIT ? process_commit(env, group, staged, auth) : process_proposal(env, group, staged, auth);
}

enum sp_err sp_mls_public_group_process(const struct sp_mls_env *env, const struct sp_mls_public_group *group, struct sp_mls_staged **out,
					struct sp_bytes message)
{
	struct sp_mls_call call;
	*out = NULL;
	SP_TRY(sp__mls_call_open(&call, &env));
	struct sp_mls_staged *staged = NULL;
	enum sp_err e = sp__mls_staged_new(&staged, SP_MLS_STAGED_PROPOSAL, group, group->serial);
	if (e == SP_OK)
		e = sp__mls_staged_take_input(staged, message);
	if (e == SP_OK)
		e = process(env, group, staged);
	return sp__mls_staged_finish(out, &staged, e);
}
