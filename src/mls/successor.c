/* SPDX-License-Identifier: Apache-2.0
 *
 * Groups that continue another: reinitialisation and branching. RFC 9420 sections 11.2 and 11.3.
 */
#include "mls/join_priv.h"

#include "base/limits.h"

/* -- what a joiner checks ---------------------------------------------------------------------------------------------------- */

static bool member_is_in(const struct sp_mls_env *env, const struct sp_mls_member *member, const struct sp_mls_view *view)
{
	struct sp_mls_member other;
	uint32_t width = sp__mls_view_leaf_width(view);
	for (uint32_t leaf = 0; leaf < width && sp_mls_view_next(&other, view, leaf) == SP_OK; leaf = other.leaf + 1) {
		if (sp__mls_client_is_same(env, member, &other))
			return true;
	}
	return false;
}

/* Is every member of `part` in `whole`, according to the application? */
static bool members_are_in(const struct sp_mls_env *env, const struct sp_mls_view *part, const struct sp_mls_view *whole)
{
	struct sp_mls_member member;
	uint32_t width = sp__mls_view_leaf_width(part);
	for (uint32_t leaf = 0; leaf < width && sp_mls_view_next(&member, part, leaf) == SP_OK; leaf = member.leaf + 1) {
		if (!member_is_in(env, &member, whole))
			return false;
	}
	return true;
}

static enum sp_err read_reinit(const struct sp_mls_group *parent, struct sp_mls_prop *out)
{
	struct sp_reader r = sp_reader_of(sp_buf_bytes(&parent->core.reinit));
	if (parent->core.state != SP_MLS_GROUP_REINIT)
		return SP_ERR_STATE;
	return sp__mls_prop_read(&r, out, NULL);
}

static enum sp_err check_reinit(const struct sp_mls_env *env, const struct sp_mls_group *parent, const struct sp_mls_view *view)
{
	struct sp_mls_prop reinit;
	if (read_reinit(parent, &reinit) != SP_OK || !sp_bytes_equal(reinit.pub.reinit_group_id, view->context.group_id) ||
	    reinit.pub.reinit_version != SP_MLS_VERSION_10 || reinit.pub.reinit_suite != view->context.suite ||
	    !sp_bytes_equal(reinit.extensions, view->context.extensions))
		return SP_RULE(env->diag, SP_ERR_INVALID, 340);
	if (!members_are_in(env, &parent->view, view))
		return SP_RULE(env->diag, SP_ERR_INVALID, 341);
	return SP_OK;
}

static enum sp_err check_branch(const struct sp_mls_env *env, const struct sp_mls_group *parent, const struct sp_mls_view *view)
{
	if (view->context.suite != parent->view.context.suite)
		return SP_RULE(env->diag, SP_ERR_INVALID, 342);
	if (!members_are_in(env, view, &parent->view))
		return SP_RULE(env->diag, SP_ERR_INVALID, 343);
	return SP_OK;
}

enum sp_err sp__mls_successor_check(const struct sp_mls_env *env, const struct sp_mls_group *parent, const struct sp_mls_view *view,
				    const struct sp_mls_psk_id *psk)
{
	if (view->context.epoch != 1)
		return SP_RULE(env->diag, SP_ERR_INVALID, 339);
	if (!parent || !sp_bytes_equal(parent->view.context.group_id, psk->group_id))
		return SP_FAIL(env->diag, SP_ERR_USAGE, 0, "the group that this one continues must be given as parent");
	if (psk->usage == SP_MLS_PSK_BRANCH)
		return check_branch(env, parent, view);
	if (psk->epoch != parent->view.context.epoch)
		return SP_RULE(env->diag, SP_ERR_INVALID, 340);
	return check_reinit(env, parent, view);
}

/* -- making one ------------------------------------------------------------------------------------------------------------------ */

struct succession {
	const struct sp_mls_group *old;
	const struct sp_mls_successor_params *params;
	struct sp_mls_group_params group;
	struct sp_mls_prop reinit;
	struct sp_mls_propose *proposals;
	size_t n;
	enum sp_mls_psk_usage usage;
	struct sp_mls_staged *staged;
};

static enum sp_err fill_proposals(struct succession *s)
{
	s->n = s->params->n_key_packages + 1;
	s->proposals = sp_alloc_array(s->n, sizeof *s->proposals);
	if (!s->proposals)
		return SP_ERR_NOMEM;
	for (size_t i = 0; i + 1 < s->n; i++)
		s->proposals[i] = (struct sp_mls_propose){.type = SP_MLS_PROPOSAL_ADD, .key_package = s->params->key_packages[i]};
	s->proposals[s->n - 1] = (struct sp_mls_propose){.type = SP_MLS_PROPOSAL_PSK,
							 .psk = {.type = SP_MLS_PSK_RESUMPTION,
								 .usage = s->usage,
								 .group_id = s->old->view.context.group_id,
								 .epoch = s->old->view.context.epoch}};
	return SP_OK;
}

static enum sp_err first_commit(const struct sp_mls_env *env, struct succession *s, struct sp_mls_group *group, struct sp_buf *out_welcome)
{
	const struct sp_mls_commit_params params = {.size = sizeof params,
						    .proposals = s->proposals,
						    .n_proposals = s->n,
						    .force_path = true,
						    .wire_format = SP_MLS_WIRE_PRIVATE_MESSAGE,
						    .welcome_extensions = s->params->welcome_extensions,
						    .welcome_with_tree = s->params->welcome_with_tree};
	const struct sp_mls_psk_id psk = s->proposals[s->n - 1].psk;
	SP_TRY(sp__mls_commit_make(env, group, &s->staged, &params, s->old, s->usage));
	SP_TRY(sp__mls_successor_check(env, s->old, sp_mls_staged_after(s->staged), &psk));
	SP_TRY(sp_buf_append(out_welcome, sp_mls_staged_info(s->staged)->welcome));
	SP_TRY(sp_mls_group_apply(group, &s->staged));
	SP_TRY(sp_mls_group_merge_pending(env, group, &s->staged));
	return sp_mls_group_apply(group, &s->staged);
}

static enum sp_err succeed(const struct sp_mls_env *env, struct succession *s, struct sp_mls_group **out, struct sp_buf *out_welcome)
{
	SP_TRY(fill_proposals(s));
	SP_TRY(sp_mls_group_new(env, out, &s->group));
	return first_commit(env, s, *out, out_welcome);
}

static enum sp_err make_successor(const struct sp_mls_env *env, struct succession *s, struct sp_mls_group **out, struct sp_buf *out_welcome)
{
	s->group.size = sizeof s->group;
	s->group.leaf = s->params->leaf;
	enum sp_err e = succeed(env, s, out, out_welcome);
	sp_mls_staged_free(&s->staged);
	sp_free(s->proposals);
	sp__mls_prop_clear(&s->reinit);
	if (e != SP_OK)
		sp_mls_group_free(out);
	return e;
}

enum sp_err sp_mls_group_reinit_new(const struct sp_mls_env *env, const struct sp_mls_group *old, struct sp_mls_group **out, struct sp_buf *out_welcome,
				    const struct sp_mls_successor_params *params)
{
	struct sp_mls_call call;
	struct sp_mls_successor_params taken;
	struct succession s = {.old = old, .params = &taken, .usage = SP_MLS_PSK_REINIT};
	*out = NULL;
	SP_TRY(sp__mls_call_open(&call, &env));
	SP_TRY(sp__mls_sized_take(&taken, sizeof taken, sizeof taken, params, env->diag));
	if (read_reinit(old, &s.reinit) != SP_OK)
		return SP_FAIL(env->diag, SP_ERR_STATE, 0, "no ReInit was committed in the old group");
	SP_TRY(sp__mls_prop_expose(&s.reinit));
	s.group.suite = s.reinit.pub.reinit_suite;
	s.group.group_id = s.reinit.pub.reinit_group_id;
	s.group.extensions = s.reinit.pub.extensions;
	return make_successor(env, &s, out, out_welcome);
}

enum sp_err sp_mls_group_branch_new(const struct sp_mls_env *env, const struct sp_mls_group *old, struct sp_mls_group **out, struct sp_buf *out_welcome,
				    const struct sp_mls_successor_params *params)
{
	struct sp_mls_call call;
	struct sp_mls_successor_params taken;
	struct succession s = {.old = old, .params = &taken, .usage = SP_MLS_PSK_BRANCH};
	*out = NULL;
	SP_TRY(sp__mls_call_open(&call, &env));
	SP_TRY(sp__mls_sized_take(&taken, sizeof taken, sizeof taken, params, env->diag));
	if (old->core.state != SP_MLS_GROUP_ACTIVE)
		return SP_FAIL(env->diag, SP_ERR_STATE, 0, "the group is not active");
	s.group.suite = old->view.context.suite;
	s.group.group_id = taken.group_id;
	s.group.extensions = taken.extensions;
	return make_successor(env, &s, out, out_welcome);
}
