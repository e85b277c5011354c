/* SPDX-License-Identifier: Apache-2.0
 *
 * Which of the stored proposals a commit of ours takes: those valid together, with the preferences of RFC 9420 section 12.2 (a Remove over an
 * Update, the latest Update, anything over a ReInit), and whatever keeps the list from being valid left out. What is left is not an error.
 */
#include "mls/commit_priv.h"

static bool is_about_leaf(const struct sp_mls_proposal *p, uint32_t leaf)
{
	return (p->type == SP_MLS_PROPOSAL_UPDATE && p->sender.index == leaf) || (p->type == SP_MLS_PROPOSAL_REMOVE && p->member.leaf == leaf);
}

static uint32_t leaf_of(const struct sp_mls_proposal *p)
{
	return p->type == SP_MLS_PROPOSAL_UPDATE ? p->sender.index : p->member.leaf;
}

/* Is a fixed proposal (by value, or chosen before) in the way of this one? */
static bool is_in_the_way(const struct sp_mls_env *env, const struct sp_mls_proposal *there, const struct sp_mls_proposal *p)
{
	if (p->type == SP_MLS_PROPOSAL_REINIT || there->type == SP_MLS_PROPOSAL_REINIT)
		return true;
	if (p->type == SP_MLS_PROPOSAL_UPDATE || p->type == SP_MLS_PROPOSAL_REMOVE)
		return is_about_leaf(there, leaf_of(p));
	if (p->type != there->type)
		return false;
	if (p->type == SP_MLS_PROPOSAL_ADD)
		return sp__mls_client_is_same(env, &there->member, &p->member);
	if (p->type == SP_MLS_PROPOSAL_PSK)
		return sp__mls_psk_id_equal(&there->psk, &p->psk);
	return p->type == SP_MLS_PROPOSAL_GROUP_CONTEXT_EXTENSIONS;
}

/* Does a later stored one replace it: a Remove or a newer Update of the same leaf, a newer GroupContextExtensions, anything for a ReInit? */
static bool is_replaced(const struct sp_mls_stored *stored, const struct sp_mls_stored *all)
{
	const struct sp_mls_proposal *p = &stored->prop.pub;
	for (const struct sp_mls_stored *o = all; o; o = o->next) {
		const struct sp_mls_proposal *q = &o->prop.pub;
		bool newer = o->number > stored->number;
		if (o == stored)
			continue;
		if (p->type == SP_MLS_PROPOSAL_REINIT && (q->type != SP_MLS_PROPOSAL_REINIT || newer))
			return true;
		if (p->type == SP_MLS_PROPOSAL_UPDATE && is_about_leaf(q, p->sender.index) && (q->type == SP_MLS_PROPOSAL_REMOVE || newer))
			return true;
		if (p->type == SP_MLS_PROPOSAL_GROUP_CONTEXT_EXTENSIONS && q->type == p->type && newer)
			return true;
	}
	return false;
}

/* A client that is in the group already, and stays. */
static bool add_is_known(const struct sp_mls_transition *t, const struct sp_mls_proposal *p)
{
	uint32_t leaf = sp__mls_tree_find_signature_key(t->before->tree, p->member.signature_key);
	if (leaf == SP_MLS_LEAF_NONE)
		return false;
	for (size_t i = 0; i < t->n_props; i++) {
		if (t->props[i].pub.type == SP_MLS_PROPOSAL_REMOVE && t->props[i].pub.member.leaf == leaf)
			return false;
	}
	return true;
}

static bool type_is_supported(const struct sp_mls_view *view, uint16_t type)
{
	uint32_t width = sp__mls_view_leaf_width(view);
	for (uint32_t leaf = 0; leaf < width; leaf++) {
		const struct sp_mls_leaf_node *node = sp__mls_view_leaf(view, leaf);
		if (node && !sp__mls_leaf_has_capability(node, SP_MLS_CAP_PROPOSAL, type))
			return false;
	}
	return true;
}

static bool is_unfit(const struct sp_mls_env *env, const struct sp_mls_transition *t, const struct sp_mls_proposal *p, uint32_t own)
{
	if ((p->type == SP_MLS_PROPOSAL_UPDATE || p->type == SP_MLS_PROPOSAL_REMOVE) && leaf_of(p) == own)
		return true;
	if (p->type == SP_MLS_PROPOSAL_ADD && add_is_known(t, p))
		return true;
	if (!sp__mls_proposal_is_default(p->type) && !type_is_supported(t->before, p->type))
		return true;
	for (size_t i = 0; i < t->n_props; i++) {
		if (is_in_the_way(env, &t->props[i].pub, p))
			return true;
	}
	return false;
}

/* Removes first, so that an Add of a client that returns is seen with the Remove of its old leaf. */
static enum sp_err take(const struct sp_mls_env *env, struct sp_mls_transition *t, const struct sp_mls_stored *all, bool removes, uint32_t own)
{
	for (const struct sp_mls_stored *s = all; s; s = s->next) {
		const struct sp_mls_proposal *p = &s->prop.pub;
		if ((p->type == SP_MLS_PROPOSAL_REMOVE) != removes || is_replaced(s, all) || is_unfit(env, t, p, own))
			continue;
		SP_TRY(sp__mls_transition_add_stored(t, s));
	}
	return SP_OK;
}

/* -- do they hold together? -------------------------------------------------------------------------------------------------- */

/* So many are tried one by one, once the whole list was found bad. */
#define MAX_TRIALS 64u

static enum sp_err try_copy(const struct sp_mls_env *env, struct sp_mls_transition *copy, const struct sp_mls_transition *t)
{
	copy->props = sp_alloc_array(t->n_props, sizeof *copy->props);
	if (!copy->props)
		return SP_ERR_NOMEM;
	sp_copy(copy->props, t->props, t->n_props * sizeof *copy->props);
	copy->n_props = t->n_props;
	for (size_t i = 0; i < copy->n_props; i++)
		copy->props[i].ext_list = NULL; /* the original's */
	SP_TRY(sp__mls_transition_check(env, copy));
	SP_TRY(sp__mls_transition_apply(env, copy));
	return sp__mls_transition_judge(env, copy, NULL);
}

/* The rules of the RFC on a copy of the list, without a path and without the policy: what the policy refuses is the caller's affair. */
static enum sp_err try_list(const struct sp_mls_env *env, const struct sp_mls_transition *t)
{
	struct sp_mls_env alone = *env;
	struct sp_mls_policy policy = {0};
	struct sp_mls_transition copy = {.before = t->before,
					 .sender = t->sender,
					 .wire_format = t->wire_format,
					 .authenticated_data = t->authenticated_data,
					 .successor = t->successor};
	if (env->policy)
		policy = *env->policy;
	policy.judge = NULL;
	alone.policy = &policy;
	alone.diag = NULL;
	enum sp_err e = try_copy(&alone, &copy, t);
	sp__mls_transition_clear(&copy);
	return e;
}

static bool err_is_of_the_list(enum sp_err e)
{
	return e != SP_OK && sp_err_class(e) != SP_CLASS_AGAIN && sp_err_class(e) != SP_CLASS_NOMEM;
}

/* Keeps, from `first` on, each that holds together with those kept before it. */
static enum sp_err keep_fitting(const struct sp_mls_env *env, struct sp_mls_transition *t, size_t first, size_t n)
{
	t->n_props = first;
	for (size_t i = first; i < SP_MIN(n, first + MAX_TRIALS); i++) {
		t->props[t->n_props++] = t->props[i];
		enum sp_err e = try_list(env, t);
		if (err_is_of_the_list(e))
			t->n_props--;
		else
			SP_TRY(e);
	}
	return SP_OK;
}

/* Proposals that are good alone may be bad together (one key in two Adds, extensions that a member lacks): an outsider could stop a group's
 * commits with one. When the values alone are at fault, all stays as it is, for the caller to be told. */
static enum sp_err drop_unfit(const struct sp_mls_env *env, struct sp_mls_transition *t, size_t values)
{
	size_t n = t->n_props;
	enum sp_err e = try_list(env, t);
	if (!err_is_of_the_list(e))
		return e;
	t->n_props = values;
	e = values > 0 ? try_list(env, t) : SP_OK;
	t->n_props = n;
	if (err_is_of_the_list(e))
		return SP_OK;
	SP_TRY(e);
	return keep_fitting(env, t, values, n);
}

enum sp_err sp__mls_commit_select(const struct sp_mls_env *env, struct sp_mls_transition *t, const struct sp_mls_stored *stored)
{
	size_t values = t->n_props;
	SP_TRY(take(env, t, stored, true, t->sender.index));
	SP_TRY(take(env, t, stored, false, t->sender.index));
	return t->n_props > values ? drop_unfit(env, t, values) : SP_OK;
}
