/* SPDX-License-Identifier: Apache-2.0
 *
 * A member processes a commit: RFC 9420 section 12.4.2.
 */
#include "mls/group_priv.h"

#include "base/limits.h"

struct processing {
	const struct sp_mls_group *group;
	struct sp_mls_staged *staged;
	const struct sp_mls_auth_content *auth;
	struct sp_mls_commit commit;
	struct sp_mls_view provisional;
	struct sp_mls_schedule schedule;
	struct sp_mls_psk_list psks;
};

static bool list_has_removal_of(const struct sp_mls_transition *t, uint32_t leaf)
{
	for (size_t i = 0; i < t->n_props; i++) {
		if (t->props[i].pub.type == SP_MLS_PROPOSAL_REMOVE && t->props[i].pub.member.leaf == leaf)
			return true;
	}
	return false;
}

/* Our own Update, committed by another: its private key takes the place of our leaf's. */
static void take_own_update(const struct processing *p, struct sp_mls_path_keys *keys)
{
	const struct sp_mls_transition *t = &p->staged->transition;
	for (size_t i = 0; i < t->n_props; i++) {
		const struct sp_mls_proposal *prop = &t->props[i].pub;
		if (prop->type != SP_MLS_PROPOSAL_UPDATE || prop->sender.index != keys->leaf)
			continue;
		const struct sp_mls_stored *stored = sp__mls_stored_find(p->group->stored, prop->ref);
		if (stored)
			keys->key[0] = stored->update_priv;
	}
}

static enum sp_err commit_secret(const struct sp_mls_env *env, struct processing *p, struct sp_mls_next *next)
{
	struct sp_mls_transition *t = &p->staged->transition;
	if (!p->commit.has_path) {
		p->schedule.commit = sp__mls_zero_secret(&t->before->suite);
		return SP_OK;
	}
	SP_TRY(sp__mls_transition_context(t, &p->provisional, t->before->context.confirmed_transcript_hash));
	return sp__mls_path_decrypt(env, &p->schedule.commit, &next->core.keys, t->diff, t->committer, &p->commit.path,
				    p->provisional.context.encoded);
}

static enum sp_err init_secret(const struct sp_mls_env *env, struct processing *p)
{
	const struct sp_mls_transition *t = &p->staged->transition;
	const struct sp_mls_core *core = &p->group->core;
	if (!t->external_init) {
		p->schedule.init = core->secrets.init;
		return SP_OK;
	}
	enum sp_err e = sp__mls_external_init_receive(&p->schedule.init, &t->before->suite, &core->secrets.external, t->external_init->kem_output);
	return e == SP_OK || e == SP_ERR_NOMEM ? e : SP_RULE(env->diag, SP_ERR_INVALID, 325);
}

static enum sp_err check_tag(const struct sp_mls_env *env, const struct processing *p, const struct sp_mls_next *next)
{
	if (!sp_bytes_ct_equal(sp_hash_bytes(&next->view.confirmation_tag), p->auth->confirmation_tag))
		return SP_RULE(env->diag, SP_ERR_MAC, 11);
	return SP_OK;
}

static enum sp_err derive(const struct sp_mls_env *env, struct processing *p, struct sp_mls_next *next)
{
	struct sp_mls_transition *t = &p->staged->transition;
	next->core.keys = p->group->core.keys;
	take_own_update(p, &next->core.keys);
	sp__mls_path_keys_follow(&next->core.keys, t->diff);
	SP_TRY(commit_secret(env, p, next));
	SP_TRY(sp__mls_psks_of(env, &p->psks, p->group, t));
	SP_TRY(sp__mls_psk_secret(&p->schedule.psk, &t->before->suite, p->psks.list, p->psks.n));
	SP_TRY(init_secret(env, p));
	SP_TRY(sp__mls_next_derive(next, &p->schedule));
	return check_tag(env, p, next);
}

static enum sp_err note_reinit(const struct sp_mls_transition *t, struct sp_mls_next *next)
{
	if (!t->reinit)
		return SP_OK;
	next->core.state = SP_MLS_GROUP_REINIT;
	return sp_buf_append(&next->core.reinit, t->reinit->encoded);
}

/* We are removed: the record says so; proposals, the pending commit and what was kept for a later epoch go. */
static enum sp_err stage_removal(const struct sp_mls_group *group, struct sp_mls_staged *staged)
{
	struct sp_mls_core gone = {0};
	gone.state = SP_MLS_GROUP_REMOVED;
	gone.secrets.sender_data = group->core.secrets.sender_data;
	gone.keys.leaf = SP_MLS_LEAF_NONE;
	enum sp_err e = sp__mls_rows_record(&staged->rows, &group->view, &gone);
	sp_secret_clear(&gone.secrets.sender_data);
	SP_TRY(e);
	SP_TRY(sp__mls_rows_forget(&staged->rows, group->stored));
	if (group->pending)
		SP_TRY(sp__mls_rows_drop_pending(&staged->rows));
	if (staged->step)
		SP_TRY(sp__mls_secret_step_rows(staged->step, &staged->rows));
	staged->removes_us = true;
	staged->info.removes_us = true;
	staged->drops_pending = group->pending != NULL;
	return SP_OK;
}

static void show(struct processing *p)
{
	struct sp_mls_staged *staged = p->staged;
	struct sp_mls_transition *t = &staged->transition;
	staged->info.kind = SP_MLS_STAGED_COMMIT;
	sp__mls_staged_show_list(staged);
	staged->info.reinit = t->reinit != NULL;
	staged->info.has_path = p->commit.has_path;
	if (p->commit.has_path)
		staged->info.path_leaf = sp__mls_leaf_member(&p->commit.path.leaf, t->committer);
	if (t->sender.type == SP_MLS_SENDER_NEW_MEMBER_COMMIT)
		staged->info.from = staged->info.path_leaf;
	t->path = NULL; /* was ours to look at while processing */
}

static enum sp_err process(const struct sp_mls_env *env, struct processing *p)
{
	struct sp_mls_staged *staged = p->staged;
	struct sp_mls_transition *t = &staged->transition;
	struct sp_hash confirmed;
	SP_TRY(sp__mls_commit_public(env, t, &p->group->view, p->group->stored, p->auth, &p->commit));
	SP_TRY(sp__mls_confirmed_hash(&confirmed, &t->before->suite, sp_hash_bytes(&p->group->core.interim), p->auth));
	SP_TRY(sp__mls_next_new(&staged->next));
	SP_TRY(sp__mls_transition_context(t, &staged->next->view, sp_hash_bytes(&confirmed)));
	SP_TRY(sp__mls_stage_lost(env, p->group, staged));
	show(p);
	if (list_has_removal_of(t, p->group->core.keys.leaf))
		return stage_removal(p->group, staged);
	SP_TRY(derive(env, p, staged->next));
	SP_TRY(note_reinit(t, staged->next));
	return sp__mls_next_finish(env, p->group, staged);
}

enum sp_err sp__mls_commit_process(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged *staged,
				   const struct sp_mls_auth_content *auth)
{
	struct processing p = {.group = group, .staged = staged, .auth = auth};
	enum sp_err e = process(env, &p);
	sp__mls_schedule_clear(&p.schedule);
	sp__mls_psks_clear(&p.psks);
	sp__mls_view_clear(&p.provisional);
	return e;
}
