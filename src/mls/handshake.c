/* SPDX-License-Identifier: Apache-2.0
 *
 * What members and servers do alike with a handshake message: epoch, signature, proposal, the public part of a commit.
 * RFC 9420 sections 6.1, 12.1 and 12.4.2.
 */
#include "mls/group_priv.h"

#include "base/limits.h"

enum sp_err sp__mls_epoch_check(const struct sp_mls_env *env, const struct sp_mls_view *view, struct sp_bytes group_id, uint64_t epoch)
{
	if (!sp_bytes_equal(group_id, view->context.group_id))
		return SP_RULE(env->diag, SP_ERR_WRONG_GROUP, 2);
	if (epoch < view->context.epoch)
		return SP_RULE(env->diag, SP_ERR_STALE_EPOCH, 21);
	if (epoch > view->context.epoch)
		return SP_RULE(env->diag, SP_ERR_FUTURE_EPOCH, 21);
	return SP_OK;
}

/* -- whose signature (section 6.1) ---------------------------------------------------------------------------------------- */

/* ExternalSender external_senders<V>: the key with this index */
static enum sp_err external_sender_key(const struct sp_mls_env *env, const struct sp_mls_view *view, uint32_t index, struct sp_bytes *out)
{
	struct sp_bytes data;
	struct sp_reader r, list;
	struct sp_mls_credential credential;
	if (!sp__mls_extension_has(view->context.extensions, SP_MLS_EXTENSION_EXTERNAL_SENDERS, &data))
		return SP_RULE(env->diag, SP_ERR_INVALID, 18);
	r = sp_reader_of(data);
	SP_TRY(sp_read_child(&r, &list, SP_LIMIT_MLS_VECTOR));
	for (uint32_t i = 0; !sp_reader_is_empty(&list); i++) {
		SP_TRY(sp_read_vec(&list, out, SP_LIMIT_MLS_VECTOR));
		SP_TRY(sp__mls_credential_read(&list, &credential, env->diag));
		if (i == index)
			return SP_OK;
	}
	return SP_RULE(env->diag, SP_ERR_INVALID, 18);
}

/* The key inside of what a new member sends: of its commit's path, or of the key package it wants added. */
static enum sp_err new_member_key(const struct sp_mls_env *env, const struct sp_mls_auth_content *auth, struct sp_bytes *out)
{
	struct sp_reader r = sp_reader_of(auth->content.body);
	struct sp_mls_commit commit;
	struct sp_mls_prop prop;
	if (auth->content.sender.type == SP_MLS_SENDER_NEW_MEMBER_COMMIT) {
		SP_TRY(sp__mls_commit_read(&r, &commit, env->diag));
		if (!commit.has_path)
			return SP_RULE(env->diag, SP_ERR_INVALID, 316);
		*out = commit.path.leaf.signature_key;
		return SP_OK;
	}
	SP_TRY(sp__mls_prop_read(&r, &prop, env->diag));
	if (prop.pub.type != SP_MLS_PROPOSAL_ADD)
		return SP_RULE(env->diag, SP_ERR_INVALID, 9);
	*out = prop.kp.leaf.signature_key;
	return SP_OK;
}

static enum sp_err verify_with(const struct sp_mls_env *env, const struct sp_mls_view *view, const struct sp_mls_auth_content *auth, struct sp_bytes public_key)
{
	struct sp_verify_key *key = NULL;
	enum sp_err e = sp_verify_key_new(&key, view->suite.sig, public_key);
	if (e == SP_OK)
		e = sp__mls_content_verify(key, auth, view->context.encoded, env->diag);
	else if (e != SP_ERR_NOMEM)
		e = SP_RULE(env->diag, SP_ERR_SIGNATURE, 6);
	sp_verify_key_free(&key);
	return e;
}

enum sp_err sp__mls_sender_verify(const struct sp_mls_env *env, const struct sp_mls_view *view, const struct sp_mls_auth_content *auth)
{
	const struct sp_mls_sender *sender = &auth->content.sender;
	const struct sp_verify_key *key;
	struct sp_bytes public_key = SP_BYTES_NONE;
	if (sender->type == SP_MLS_SENDER_MEMBER) {
		if (sp__mls_view_leaf(view, sender->index) == NULL)
			return SP_RULE(env->diag, SP_ERR_INVALID, 5);
		SP_TRY(sp__mls_view_verify_key(view, sender->index, &key));
		return sp__mls_content_verify(key, auth, view->context.encoded, env->diag);
	}
	if (sender->type == SP_MLS_SENDER_EXTERNAL)
		SP_TRY(external_sender_key(env, view, sender->index, &public_key));
	else
		SP_TRY(new_member_key(env, auth, &public_key));
	return verify_with(env, view, auth, public_key);
}

/* -- a proposal ---------------------------------------------------------------------------------------------------------------- */

/* At most so many wait for a commit: each is compared with each reference of it. */
#define MAX_STORED 4096u

static enum sp_err next_number(const struct sp_mls_env *env, const struct sp_mls_stored *stored, uint32_t *out)
{
	uint32_t count = 0;
	*out = 0;
	for (; stored; stored = stored->next, count++)
		*out = stored->number + 1;
	return count < MAX_STORED ? SP_OK : SP_FAIL(env->diag, SP_ERR_TOO_MANY, 0, "more proposals in an epoch than the limit");
}

static enum sp_err judge_proposal(const struct sp_mls_env *env, const struct sp_mls_view *view, const struct sp_mls_prop *prop,
				  const struct sp_mls_auth_content *auth)
{
	const struct sp_mls_proposal *one = &prop->pub;
	struct sp_mls_change change = {.kind = SP_MLS_CHANGE_PROPOSAL,
				       .before = view,
				       .sender = auth->content.sender,
				       .wire_format = auth->wire_format,
				       .authenticated_data = auth->content.authenticated_data,
				       .proposals = &one,
				       .n_proposals = 1,
				       .path_leaf.leaf = SP_MLS_LEAF_NONE,
				       .extensions = one->extensions};
	if (!env->policy || !env->policy->judge)
		return SP_OK;
	enum sp_err e = env->policy->judge(env->policy->ctx, &change);
	return e == SP_OK ? SP_OK : SP_FAIL(env->diag, e, 0, "the policy refuses the proposal");
}

/* A proposal alone must keep the rules that need no list: a committer would drop it anyway. */
static enum sp_err check_alone(const struct sp_mls_env *env, const struct sp_mls_view *view, const struct sp_mls_prop *prop,
			       const struct sp_mls_auth_content *auth)
{
	const struct sp_mls_prop_scene scene = {.view = view,
						.extensions = view->context.extensions,
						.authenticated_data = auth->content.authenticated_data};
	if (prop->pub.type == SP_MLS_PROPOSAL_EXTERNAL_INIT)
		return SP_RULE(env->diag, SP_ERR_INVALID, 309);
	SP_TRY(sp__mls_prop_check(env, &scene, prop));
	return judge_proposal(env, view, prop, auth);
}

static void show_old_leaf(const struct sp_mls_view *view, struct sp_mls_proposal *p)
{
	const struct sp_mls_leaf_node *node = NULL;
	if (p->type == SP_MLS_PROPOSAL_REMOVE && (node = sp__mls_view_leaf(view, p->member.leaf)) != NULL)
		p->member = sp__mls_leaf_member(node, p->member.leaf);
	if (p->type == SP_MLS_PROPOSAL_UPDATE && (node = sp__mls_view_leaf(view, p->sender.index)) != NULL)
		p->old = sp__mls_leaf_member(node, p->sender.index);
}

enum sp_err sp__mls_proposal_process(const struct sp_mls_env *env, const struct sp_mls_view *view, struct sp_mls_staged *staged,
				     const struct sp_mls_stored *stored, const struct sp_mls_auth_content *auth)
{
	SP_TRY(sp__mls_stored_new(&staged->store, &view->suite, auth));
	struct sp_mls_stored *s = staged->store;
	if (sp__mls_stored_find(stored, sp_hash_bytes(&s->ref)) != NULL)
		return SP_FAIL(env->diag, SP_ERR_DUPLICATE, 0, "this proposal was received before");
	SP_TRY(next_number(env, stored, &s->number));
	show_old_leaf(view, &s->prop.pub);
	SP_TRY(check_alone(env, view, &s->prop, auth));
	staged->info.kind = SP_MLS_STAGED_PROPOSAL;
	staged->one = &s->prop.pub;
	staged->info.proposals = &staged->one;
	staged->info.n_proposals = 1;
	return SP_OK;
}

/* -- the public part of a commit -------------------------------------------------------------------------------------------------- */

enum sp_err sp__mls_commit_public(const struct sp_mls_env *env, struct sp_mls_transition *t, const struct sp_mls_view *before,
				  const struct sp_mls_stored *stored, const struct sp_mls_auth_content *auth, struct sp_mls_commit *out_commit)
{
	struct sp_reader r = sp_reader_of(auth->content.body);
	SP_TRY(sp__mls_commit_read(&r, out_commit, env->diag));
	t->before = before;
	t->sender = auth->content.sender;
	t->wire_format = auth->wire_format;
	t->authenticated_data = auth->content.authenticated_data;
	SP_TRY(sp__mls_transition_collect(env, t, out_commit, stored));
	SP_TRY(sp__mls_transition_check(env, t));
	if (t->path_is_required && !out_commit->has_path)
		return SP_RULE(env->diag, SP_ERR_INVALID, 311);
	SP_TRY(sp__mls_transition_apply(env, t));
	if (out_commit->has_path)
		SP_TRY(sp__mls_transition_path(env, t, &out_commit->path));
	return sp__mls_transition_judge(env, t, out_commit->has_path ? &out_commit->path.leaf : NULL);
}
