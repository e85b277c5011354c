/* SPDX-License-Identifier: Apache-2.0
 *
 * Applying a commit to a diff of the tree: RFC 9420 section 12.3 and the public part of 12.4.2.
 */
#include "mls/transition_priv.h"

#include "base/limits.h"

void sp__mls_transition_clear(struct sp_mls_transition *t)
{
	for (size_t i = 0; i < t->n_props; i++)
		sp__mls_prop_clear(&t->props[i]);
	sp_free(t->props);
	sp_free(t->pubs);
	sp__mls_tree_diff_free(&t->diff);
	*t = (struct sp_mls_transition){0};
}

static enum sp_err apply_updates_and_removes(struct sp_mls_transition *t)
{
	bool removed = false;
	for (size_t i = 0; i < t->n_props; i++) {
		if (t->props[i].pub.type == SP_MLS_PROPOSAL_UPDATE)
			SP_TRY(sp__mls_tree_diff_update(t->diff, t->props[i].pub.sender.index, t->props[i].leaf.encoded));
	}
	for (size_t i = 0; i < t->n_props; i++) {
		if (t->props[i].pub.type != SP_MLS_PROPOSAL_REMOVE)
			continue;
		SP_TRY(sp__mls_tree_diff_remove(t->diff, t->props[i].pub.member.leaf));
		removed = true;
	}
	return removed ? sp__mls_tree_diff_truncate(t->diff) : SP_OK;
}

static enum sp_err apply_adds(struct sp_mls_transition *t)
{
	for (size_t i = 0; i < t->n_props; i++) {
		struct sp_mls_prop *prop = &t->props[i];
		if (prop->pub.type == SP_MLS_PROPOSAL_ADD)
			SP_TRY(sp__mls_tree_diff_add(t->diff, prop->kp.leaf.encoded, &prop->pub.member.leaf));
	}
	return SP_OK;
}

enum sp_err sp__mls_transition_apply(const struct sp_mls_env *env, struct sp_mls_transition *t)
{
	t->extensions = t->gce ? t->gce->extensions : t->before->context.extensions;
	SP_TRY(sp__mls_tree_diff_new(&t->diff, t->before->tree));
	SP_TRY(apply_updates_and_removes(t));
	SP_TRY(apply_adds(t));
	t->committer = t->sender.index;
	if (t->sender.type == SP_MLS_SENDER_NEW_MEMBER_COMMIT)
		SP_TRY(sp__mls_tree_diff_reserve(t->diff, &t->committer));
	return SP_OK;
}

/* The leaf that a path's leaf replaces: the committer's own, or the one an external joiner removes. */
static const struct sp_mls_leaf_node *replaced_leaf(const struct sp_mls_transition *t)
{
	if (t->sender.type == SP_MLS_SENDER_MEMBER)
		return sp__mls_view_leaf(t->before, t->sender.index);
	for (size_t i = 0; i < t->n_props; i++) {
		if (t->props[i].pub.type == SP_MLS_PROPOSAL_REMOVE)
			return sp__mls_view_leaf(t->before, t->props[i].pub.member.leaf);
	}
	return NULL;
}

static enum sp_err ask_about_path(const struct sp_mls_env *env, const struct sp_mls_transition *t, const struct sp_mls_leaf_node *leaf,
				  const struct sp_mls_leaf_node *old)
{
	struct sp_mls_credential_check ask = {.why = t->sender.type == SP_MLS_SENDER_MEMBER ? SP_MLS_WHY_COMMIT : SP_MLS_WHY_EXTERNAL_JOIN,
					      .suite = t->before->suite.id,
					      .credential = leaf->credential,
					      .signature_key = leaf->signature_key,
					      .has_old = old != NULL,
					      .leaf = t->committer,
					      .group_id = t->before->context.group_id,
					      .epoch = t->before->context.epoch,
					      .authenticated_data = t->authenticated_data};
	if (old) {
		ask.old = old->credential;
		ask.old_signature_key = old->signature_key;
	}
	return sp__mls_credential_ask(env, &ask);
}

enum sp_err sp__mls_transition_path(const struct sp_mls_env *env, struct sp_mls_transition *t, const struct sp_mls_update_path *path)
{
	const struct sp_mls_leaf_node *old = replaced_leaf(t);
	SP_TRY(sp__mls_leaf_check_in_group(env, &t->before->suite, &path->leaf, SP_MLS_LEAF_COMMIT, old, t->before->context.group_id, t->committer));
	SP_TRY(sp__mls_leaf_fits_context(env, &path->leaf, t->extensions));
	SP_TRY(ask_about_path(env, t, &path->leaf, old));
	t->path = path;
	return sp__mls_path_merge(env, t->diff, t->committer, path);
}

static enum sp_err ask_policy(const struct sp_mls_env *env, const struct sp_mls_transition *t, const struct sp_mls_leaf_node *leaf,
			      struct sp_mls_extensions extensions)
{
	struct sp_mls_change change = {.kind = t->sender.type == SP_MLS_SENDER_MEMBER ? SP_MLS_CHANGE_COMMIT : SP_MLS_CHANGE_EXTERNAL_COMMIT,
				       .before = t->before,
				       .sender = t->sender,
				       .wire_format = t->wire_format,
				       .authenticated_data = t->authenticated_data,
				       .proposals = t->pubs,
				       .n_proposals = t->n_props,
				       .has_path = leaf != NULL,
				       .path_leaf.leaf = SP_MLS_LEAF_NONE,
				       .extensions = extensions};
	if (leaf)
		change.path_leaf = sp__mls_leaf_member(leaf, t->committer);
	enum sp_err e = env->policy->judge(env->policy->ctx, &change);
	return e == SP_OK ? SP_OK : SP_FAIL(env->diag, e, 0, "the policy refuses the commit");
}

/* The policy is shown decoded extensions: those of the GroupContextExtensions proposal, or the present ones. */
static enum sp_err ask_policy_with_extensions(const struct sp_mls_env *env, const struct sp_mls_transition *t, const struct sp_mls_leaf_node *leaf)
{
	struct sp_mls_prop present = {.extensions = t->before->context.extensions};
	if (t->gce)
		return ask_policy(env, t, leaf, t->gce->pub.extensions);
	enum sp_err e = sp__mls_prop_expose(&present);
	if (e == SP_OK)
		e = ask_policy(env, t, leaf, present.pub.extensions);
	sp__mls_prop_clear(&present);
	return e;
}

enum sp_err sp__mls_transition_judge(const struct sp_mls_env *env, struct sp_mls_transition *t, const struct sp_mls_leaf_node *leaf)
{
	struct sp_mls_tree_context context = {.group_id = t->before->context.group_id,
					      .epoch = t->before->context.epoch,
					      .extensions = t->extensions,
					      .authenticated_data = t->authenticated_data};
	SP_TRY(sp__mls_tree_diff_verify(env, t->diff, &context, t->gce != NULL));
	if (!env->policy || !env->policy->judge)
		return SP_OK;
	return ask_policy_with_extensions(env, t, leaf);
}

enum sp_err sp__mls_transition_context(struct sp_mls_transition *t, struct sp_mls_view *after, struct sp_bytes confirmed)
{
	struct sp_hash tree_hash;
	struct sp_mls_context fields = t->before->context;
	SP_TRY(sp__mls_tree_diff_hash(t->diff, &tree_hash));
	fields.epoch++;
	fields.tree_hash = sp_hash_bytes(&tree_hash);
	fields.confirmed_transcript_hash = confirmed;
	fields.extensions = t->extensions;
	after->suite = t->before->suite;
	after->tree = t->before->tree;
	after->diff = t->diff;
	return sp__mls_view_set_context(after, &fields);
}
