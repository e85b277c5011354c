/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of proposals of a commit: RFC 9420 section 12.2, with the path rule of 12.4.
 */
#include "mls/transition_priv.h"

#include "base/limits.h"

/* -- gathering ------------------------------------------------------------------------------------------------------------- */

static enum sp_err push(struct sp_mls_transition *t, const struct sp_mls_prop *prop)
{
	SP_TRY(sp_array_grow(&t->props, &t->cap_props, t->n_props + 1, sizeof *t->props, SP_LIMIT_MLS_PROPOSALS));
	t->props[t->n_props++] = *prop;
	return SP_OK;
}

enum sp_err sp__mls_transition_add_stored(struct sp_mls_transition *t, const struct sp_mls_stored *stored)
{
	struct sp_mls_prop prop = stored->prop;
	prop.ext_list = NULL; /* stays the stored one's */
	return push(t, &prop);
}

static enum sp_err add_read(struct sp_mls_transition *t, struct sp_mls_prop *prop)
{
	prop->pub.sender = t->sender;
	SP_TRY(push(t, prop));
	return sp__mls_prop_expose(&t->props[t->n_props - 1]);
}

enum sp_err sp__mls_transition_add_value(const struct sp_mls_env *env, struct sp_mls_transition *t, struct sp_bytes proposal)
{
	struct sp_reader r = sp_reader_of(proposal);
	struct sp_mls_prop prop;
	SP_TRY(sp__mls_prop_read(&r, &prop, env->diag));
	SP_TRY(sp_reader_finish(&r));
	return add_read(t, &prop);
}

static enum sp_err add_reference(const struct sp_mls_env *env, struct sp_mls_transition *t, struct sp_bytes ref, const struct sp_mls_stored *stored)
{
	if (t->sender.type == SP_MLS_SENDER_NEW_MEMBER_COMMIT)
		return SP_RULE(env->diag, SP_ERR_INVALID, 315);
	const struct sp_mls_stored *found = sp__mls_stored_find(stored, ref);
	if (!found)
		return SP_RULE(env->diag, SP_ERR_INVALID, 300);
	return sp__mls_transition_add_stored(t, found);
}

enum sp_err sp__mls_transition_collect(const struct sp_mls_env *env, struct sp_mls_transition *t, const struct sp_mls_commit *commit,
				       const struct sp_mls_stored *stored)
{
	struct sp_reader r = sp_reader_of(commit->proposals);
	struct sp_bytes ref;
	struct sp_mls_prop prop;
	size_t left = sp__mls_stored_count(stored); /* more references than proposals name one twice, or none: no need to look for all */
	while (!sp_reader_is_empty(&r)) {
		SP_TRY(sp__mls_commit_next(&r, &ref, &prop, env->diag));
		if (ref.n != 0 && t->sender.type == SP_MLS_SENDER_MEMBER && left-- == 0)
			return SP_RULE(env->diag, SP_ERR_INVALID, 300);
		if (ref.n != 0)
			SP_TRY(add_reference(env, t, ref, stored));
		else
			SP_TRY(add_read(t, &prop));
	}
	return SP_OK;
}

/* -- what each leaf is in for ------------------------------------------------------------------------------------------------- */

enum { LEAF_UPDATED = 1, LEAF_REMOVED = 2 };

struct leaf_marks { /* a byte a leaf; only made when a list needs it */
	uint8_t *mark;
	uint32_t width;
};

static enum sp_err mark_leaf(const struct sp_mls_env *env, struct leaf_marks *marks, uint32_t leaf, uint8_t what)
{
	if (leaf >= marks->width)
		return SP_RULE(env->diag, SP_ERR_INVALID, 320);
	if (marks->mark[leaf] != 0)
		return SP_RULE(env->diag, SP_ERR_INVALID, 303);
	marks->mark[leaf] = what;
	return SP_OK;
}

static enum sp_err mark_leaves(const struct sp_mls_env *env, const struct sp_mls_transition *t, struct leaf_marks *marks)
{
	for (size_t i = 0; i < t->n_props; i++) {
		const struct sp_mls_proposal *p = &t->props[i].pub;
		if (p->type == SP_MLS_PROPOSAL_UPDATE)
			SP_TRY(mark_leaf(env, marks, p->sender.index, LEAF_UPDATED));
		else if (p->type == SP_MLS_PROPOSAL_REMOVE)
			SP_TRY(mark_leaf(env, marks, p->member.leaf, LEAF_REMOVED));
	}
	return SP_OK;
}

/* Every member who stays must support a type that RFC 9420 does not define. */
static enum sp_err check_type_supported(const struct sp_mls_env *env, const struct sp_mls_transition *t, const struct leaf_marks *marks, uint16_t type)
{
	for (uint32_t leaf = 0; leaf < marks->width; leaf++) {
		const struct sp_mls_leaf_node *node = sp__mls_view_leaf(t->before, leaf);
		if (node && marks->mark[leaf] != LEAF_REMOVED && !sp__mls_leaf_has_capability(node, SP_MLS_CAP_PROPOSAL, type))
			return SP_RULE(env->diag, SP_ERR_INVALID, 310);
	}
	return SP_OK;
}

static bool types_have(const uint16_t *types, size_t n, uint16_t type)
{
	for (size_t i = 0; i < n; i++) {
		if (types[i] == type)
			return true;
	}
	return false;
}

static enum sp_err check_types_supported(const struct sp_mls_env *env, const struct sp_mls_transition *t, const struct leaf_marks *marks)
{
	uint16_t seen[32]; /* the tree is walked once for each type, not for each proposal */
	size_t n = 0;
	for (size_t i = 0; i < t->n_props; i++) {
		uint16_t type = t->props[i].pub.type;
		if (sp__mls_proposal_is_default(type) || types_have(seen, n, type))
			continue;
		if (n == SP_ARRAY_LEN(seen))
			return SP_FAIL(env->diag, SP_ERR_TOO_MANY, 0, "more types of proposals in a commit than the limit");
		SP_TRY(check_type_supported(env, t, marks, type));
		seen[n++] = type;
	}
	return SP_OK;
}

/* An application's own idea of "the same client" (rules 304, 305); equal signature keys are found by the tree (rule 151). */
static enum sp_err check_add_is_new(const struct sp_mls_env *env, const struct sp_mls_transition *t, const struct leaf_marks *marks, size_t at)
{
	const struct sp_mls_member *added = &t->props[at].pub.member;
	struct sp_mls_member other;
	for (size_t i = 0; i < at; i++) {
		if (t->props[i].pub.type == SP_MLS_PROPOSAL_ADD && sp__mls_client_is_same(env, added, &t->props[i].pub.member))
			return SP_RULE(env->diag, SP_ERR_INVALID, 304);
	}
	for (uint32_t leaf = 0; leaf < marks->width && sp_mls_view_next(&other, t->before, leaf) == SP_OK; leaf = other.leaf + 1) {
		if (marks->mark[other.leaf] != LEAF_REMOVED && sp__mls_client_is_same(env, added, &other))
			return SP_RULE(env->diag, SP_ERR_INVALID, 305);
	}
	return SP_OK;
}

static enum sp_err check_adds_are_new(const struct sp_mls_env *env, const struct sp_mls_transition *t, const struct leaf_marks *marks)
{
	if (!env->validator || !env->validator->is_same_client)
		return SP_OK;
	for (size_t i = 0; i < t->n_props; i++) {
		if (t->props[i].pub.type == SP_MLS_PROPOSAL_ADD)
			SP_TRY(check_add_is_new(env, t, marks, i));
	}
	return SP_OK;
}

static enum sp_err check_marks(const struct sp_mls_env *env, const struct sp_mls_transition *t, struct leaf_marks *marks)
{
	SP_TRY(mark_leaves(env, t, marks));
	SP_TRY(check_types_supported(env, t, marks));
	return check_adds_are_new(env, t, marks);
}

static enum sp_err check_leaves(const struct sp_mls_env *env, const struct sp_mls_transition *t)
{
	struct leaf_marks marks = {.width = sp__mls_view_leaf_width(t->before)};
	marks.mark = sp_alloc(marks.width);
	if (!marks.mark)
		return SP_ERR_NOMEM;
	enum sp_err e = check_marks(env, t, &marks);
	sp_free(marks.mark);
	return e;
}

/* -- the rules of the list ------------------------------------------------------------------------------------------------------ */

/* At most so many: their comparison is quadratic, and nobody has more. */
#define MAX_PSKS 256u

static enum sp_err note_psk(const struct sp_mls_env *env, struct sp_mls_transition *t, size_t at)
{
	if (++t->n_psks > MAX_PSKS)
		return SP_FAIL(env->diag, SP_ERR_TOO_MANY, 0, "more PSKs in a commit than the limit");
	for (size_t i = 0; i < at; i++) {
		if (t->props[i].pub.type == SP_MLS_PROPOSAL_PSK && sp__mls_psk_id_equal(&t->props[i].pub.psk, &t->props[at].pub.psk))
			return SP_RULE(env->diag, SP_ERR_INVALID, 306);
	}
	return SP_OK;
}

/* Rules of one proposal in a list, and what the list has of each kind. */
static enum sp_err note(const struct sp_mls_env *env, struct sp_mls_transition *t, size_t at)
{
	const struct sp_mls_prop *prop = &t->props[at];
	t->path_is_required |= sp__mls_proposal_path_is_required(env, prop->pub.type);
	switch (prop->pub.type) {
	case SP_MLS_PROPOSAL_PSK:
		return note_psk(env, t, at);
	case SP_MLS_PROPOSAL_REINIT:
		t->reinit = prop;
		return t->n_props > 1 ? SP_RULE(env->diag, SP_ERR_INVALID, 308) : SP_OK;
	case SP_MLS_PROPOSAL_GROUP_CONTEXT_EXTENSIONS:
		if (t->gce)
			return SP_RULE(env->diag, SP_ERR_INVALID, 307);
		t->gce = prop;
		return SP_OK;
	default:
		return SP_OK;
	}
}

static enum sp_err note_regular(const struct sp_mls_env *env, struct sp_mls_transition *t, const struct sp_mls_prop *prop)
{
	uint32_t committer = t->sender.index;
	if (prop->pub.type == SP_MLS_PROPOSAL_EXTERNAL_INIT)
		return SP_RULE(env->diag, SP_ERR_INVALID, 309);
	if (prop->pub.type == SP_MLS_PROPOSAL_UPDATE && prop->pub.sender.index == committer)
		return SP_RULE(env->diag, SP_ERR_INVALID, 301);
	if (prop->pub.type == SP_MLS_PROPOSAL_REMOVE && prop->pub.member.leaf == committer)
		return SP_RULE(env->diag, SP_ERR_INVALID, 302);
	return SP_OK;
}

static enum sp_err note_external(const struct sp_mls_env *env, struct sp_mls_transition *t, const struct sp_mls_prop *prop, size_t *removes)
{
	switch (prop->pub.type) {
	case SP_MLS_PROPOSAL_EXTERNAL_INIT:
		if (t->external_init)
			return SP_RULE(env->diag, SP_ERR_INVALID, 312);
		t->external_init = prop;
		return SP_OK;
	case SP_MLS_PROPOSAL_REMOVE:
		return ++*removes > 1 ? SP_RULE(env->diag, SP_ERR_INVALID, 313) : SP_OK;
	case SP_MLS_PROPOSAL_PSK:
		return SP_OK;
	default:
		return SP_RULE(env->diag, SP_ERR_INVALID, 314);
	}
}

static enum sp_err check_list(const struct sp_mls_env *env, struct sp_mls_transition *t)
{
	bool external = t->sender.type == SP_MLS_SENDER_NEW_MEMBER_COMMIT;
	size_t removes = 0;
	for (size_t i = 0; i < t->n_props; i++) {
		if (external)
			SP_TRY(note_external(env, t, &t->props[i], &removes));
		else
			SP_TRY(note_regular(env, t, &t->props[i]));
		SP_TRY(note(env, t, i));
	}
	if (external && !t->external_init)
		return SP_RULE(env->diag, SP_ERR_INVALID, 312);
	t->path_is_required |= t->n_props == 0 || external;
	return SP_OK;
}

static enum sp_err check_each(const struct sp_mls_env *env, struct sp_mls_transition *t)
{
	struct sp_mls_prop_scene scene = {.view = t->before,
					  .extensions = t->gce ? t->gce->extensions : t->before->context.extensions,
					  .authenticated_data = t->authenticated_data,
					  .successor = t->successor};
	for (size_t i = 0; i < t->n_props; i++) {
		scene.again = t->props[i].pub.by_reference;
		SP_TRY(sp__mls_prop_check(env, &scene, &t->props[i]));
	}
	return SP_OK;
}

/* The public forms for callbacks, with the leaves that they change. */
enum sp_err sp__mls_transition_expose(struct sp_mls_transition *t)
{
	t->pubs = sp_alloc_array(t->n_props, sizeof *t->pubs);
	if (!t->pubs)
		return SP_ERR_NOMEM;
	for (size_t i = 0; i < t->n_props; i++) {
		struct sp_mls_proposal *p = &t->props[i].pub;
		const struct sp_mls_leaf_node *node = NULL;
		if (p->type == SP_MLS_PROPOSAL_REMOVE && (node = sp__mls_view_leaf(t->before, p->member.leaf)) != NULL)
			p->member = sp__mls_leaf_member(node, p->member.leaf);
		if (p->type == SP_MLS_PROPOSAL_UPDATE && (node = sp__mls_view_leaf(t->before, p->sender.index)) != NULL) {
			p->old = sp__mls_leaf_member(node, p->sender.index);
			p->member.leaf = p->sender.index;
		}
		t->pubs[i] = p;
	}
	return SP_OK;
}

enum sp_err sp__mls_transition_check(const struct sp_mls_env *env, struct sp_mls_transition *t)
{
	SP_TRY(check_list(env, t));
	SP_TRY(check_leaves(env, t));
	SP_TRY(sp__mls_transition_expose(t));
	return check_each(env, t);
}
