/* SPDX-License-Identifier: Apache-2.0
 *
 * Which of the stored proposals a commit of ours takes: those valid together, with the preferences of RFC 9420 section 12.2 (a Remove over an
 * Update, the latest Update, anything over a ReInit). The others are left, not an error.
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

enum sp_err sp__mls_commit_select(const struct sp_mls_env *env, struct sp_mls_transition *t, const struct sp_mls_stored *stored)
{
	SP_TRY(take(env, t, stored, true, t->sender.index));
	return take(env, t, stored, false, t->sender.index);
}
