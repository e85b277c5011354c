/* SPDX-License-Identifier: Apache-2.0
 *
 * The judge: one function a rule's subject, called in the order of the list in rules.h. ATTACKS M01, M03-M07, M24.
 */
#include "rules/rules.h"

#define CRL_MAX_AGE_S (7u * 24 * 3600)

/* `return DENY(diag, ADD_ADMIN);` */
#define DENY(diag, RULE) SP_FAIL(diag, SP_ERR_DENIED, SP_RULE_##RULE, sp_rule_text(SP_RULE_##RULE))

const char *sp_rule_text(unsigned number)
{
	switch (number) {
#define X(n, NAME, text)                                                                                               \
	case n:                                                                                                        \
		return text;
		SP_RULES(X)
#undef X
	default:
		return NULL;
	}
}

static bool is_admin(const struct sp_rules_state *state, const struct sp_rules_party *who)
{
	return sp_rules_role_of(state, &who->account) == SP_RULES_ADMIN;
}

static bool is_listed(const struct sp_rules_state *state, const struct sp_id16 *account)
{
	for (size_t i = 0; i < sp_rules_role_count(state); i++) {
		struct sp_rules_role_entry entry = sp_rules_role_at(state, i);
		if (sp_id16_equal(&entry.account, account))
			return true;
	}
	return false;
}

static size_t count_admins(const struct sp_rules_state *state)
{
	size_t n = 0;
	for (size_t i = 0; i < sp_rules_role_count(state); i++)
		n += sp_rules_role_at(state, i).role == SP_RULES_ADMIN;
	return n;
}

/* What must be true of any RoomState, new or changed. */
static enum sp_err judge_shape(const struct sp_rules_state *state, struct sp_diag *diag)
{
	bool is_direct = state->kind == SP_RULES_DIRECT;
	if (is_direct && (sp_rules_role_count(state) != 2 || count_admins(state) != 0 || state->join != SP_RULES_INVITATION))
		return DENY(diag, STATE_DIRECT);
	if (state->kind == SP_RULES_EVERYONE && state->join != SP_RULES_OPEN)
		return DENY(diag, STATE_EVERYONE);
	if (!is_direct && count_admins(state) == 0)
		return DENY(diag, STATE_LAST_ADMIN);
	return SP_OK;
}

enum sp_err sp_rules_state_judge(const struct sp_rules_state *state, struct sp_diag *diag)
{
	return judge_shape(state, diag);
}

enum sp_err sp_rules_create_judge(const struct sp_rules_state *state, const struct sp_id16 *creator, struct sp_diag *diag)
{
	SP_TRY(judge_shape(state, diag));
	if (state->kind == SP_RULES_DIRECT)
		return is_listed(state, creator) ? SP_OK : DENY(diag, STATE_CREATOR);
	return sp_rules_role_of(state, creator) == SP_RULES_ADMIN ? SP_OK : DENY(diag, STATE_CREATOR);
}

static enum sp_err judge_add(const struct sp_rules_state *state, const struct sp_rules_change *c, struct sp_diag *diag)
{
	bool is_own = c->account_is_member && sp_id16_equal(&c->proposer.account, &c->after.account);
	if (state->kind == SP_RULES_DIRECT)
		return is_listed(state, &c->after.account) ? SP_OK : DENY(diag, ADD_DIRECT);
	return is_own || is_admin(state, &c->proposer) ? SP_OK : DENY(diag, ADD_ADMIN);
}

/* Anyone may remove itself or another device of its own account, and a device that the organisation expelled. */
static enum sp_err judge_remove(const struct sp_rules_state *state, const struct sp_rules_change *c, struct sp_diag *diag)
{
	if (c->is_expelled || sp_id16_equal(&c->proposer.account, &c->before.account))
		return SP_OK;
	if (state->kind == SP_RULES_DIRECT)
		return DENY(diag, REMOVE_DIRECT);
	return is_admin(state, &c->proposer) ? SP_OK : DENY(diag, REMOVE_ADMIN);
}

/* M07: otherwise a member would become its admin by a self-update with the admin's certificate. */
static enum sp_err judge_update(const struct sp_rules_change *c, struct sp_diag *diag)
{
	if (!sp_rules_party_equal(&c->before, &c->after))
		return DENY(diag, UPDATE_IDENTITY);
	return sp_rules_party_equal(&c->proposer, &c->before) ? SP_OK : DENY(diag, UPDATE_OWN);
}

/* M06: the roles that count are those before the change. */
static enum sp_err judge_state(const struct sp_rules_state *state, const struct sp_rules_change *c, struct sp_diag *diag)
{
	struct sp_rules_state next;
	if (sp_rules_state_decode(&next, c->room_state) != SP_OK)
		return SP_FAIL(diag, SP_ERR_INVALID, SP_RULE_STATE_FORMAT, sp_rule_text(SP_RULE_STATE_FORMAT));
	if (next.mode != state->mode || next.kind != state->kind)
		return DENY(diag, STATE_FIXED);
	if (!is_admin(state, &c->proposer)) /* nobody is admin of a direct room: its state never changes */
		return DENY(diag, STATE_ADMIN);
	return judge_shape(&next, diag);
}

static enum sp_err judge_change(const struct sp_rules_state *state, const struct sp_rules_change *c, struct sp_diag *diag)
{
	switch (c->kind) {
	case SP_RULES_CHANGE_ADD:
		return judge_add(state, c, diag);
	case SP_RULES_CHANGE_REMOVE:
		return judge_remove(state, c, diag);
	case SP_RULES_CHANGE_UPDATE:
		return judge_update(c, diag);
	case SP_RULES_CHANGE_STATE:
		return judge_state(state, c, diag);
	case SP_RULES_CHANGE_OTHER:
		break;
	}
	return DENY(diag, PROPOSAL_TYPE);
}

enum sp_err sp_rules_proposal_judge(const struct sp_rules_state *state, const struct sp_rules_change *change, bool is_member, struct sp_diag *diag)
{
	if (!is_member)
		return DENY(diag, PROPOSAL_SENDER);
	return judge_change(state, change, diag);
}

/* A commit must not be judged by a list from before a revocation: its committer was online and had a newer one. */
static enum sp_err judge_context(const struct sp_rules_commit *commit, struct sp_diag *diag)
{
	struct sp_rules_context context;
	if (sp_rules_context_decode(&context, commit->context) != SP_OK)
		return SP_FAIL(diag, SP_ERR_INVALID, SP_RULE_CONTEXT_FORMAT, sp_rule_text(SP_RULE_CONTEXT_FORMAT));
	uint64_t at_s = commit->at.ms < 0 ? 0 : (uint64_t)commit->at.ms / 1000;
	if (at_s > CRL_MAX_AGE_S && context.crl_number < at_s - CRL_MAX_AGE_S)
		return DENY(diag, CONTEXT_OLD);
	return SP_OK;
}

/* External commits serve two ends: joining an open room, and replacing one's own leaf. Two Removes are neither. */
static enum sp_err judge_external(const struct sp_rules_commit *commit, struct sp_diag *diag)
{
	if (commit->has_path && !sp_rules_party_equal(&commit->path_leaf, &commit->committer))
		return DENY(diag, UPDATE_IDENTITY);
	if (commit->changes_n == 0)
		return commit->state.join == SP_RULES_OPEN ? SP_OK : DENY(diag, EXTERNAL_CLOSED);
	const struct sp_rules_change *c = &commit->changes[0];
	if (c->kind != SP_RULES_CHANGE_REMOVE)
		return DENY(diag, EXTERNAL_EXTRA);
	if (commit->changes_n != 1 || !sp_rules_party_equal(&c->before, &commit->committer))
		return DENY(diag, EXTERNAL_REMOVE);
	return SP_OK;
}

static enum sp_err judge_member(const struct sp_rules_commit *commit, struct sp_diag *diag)
{
	if (commit->has_path && !sp_rules_party_equal(&commit->path_leaf, &commit->committer))
		return DENY(diag, UPDATE_IDENTITY);
	for (size_t i = 0; i < commit->changes_n; i++)
		SP_TRY(judge_change(&commit->state, &commit->changes[i], diag));
	return SP_OK;
}

enum sp_err sp_rules_commit_judge(const struct sp_rules_commit *commit, struct sp_diag *diag)
{
	SP_TRY(judge_context(commit, diag));
	if (commit->leaves_after > SP_LIMIT_ROOM_LEAVES)
		return SP_FAIL(diag, SP_ERR_TOO_MANY, SP_RULE_ROOM_FULL, sp_rule_text(SP_RULE_ROOM_FULL));
	return commit->is_external ? judge_external(commit, diag) : judge_member(commit, diag);
}

enum sp_err sp_rules_message_judge(const struct sp_rules_state *state, const struct sp_id16 *account, struct sp_diag *diag)
{
	return sp_rules_role_of(state, account) == SP_RULES_READER ? DENY(diag, MESSAGE_READER) : SP_OK;
}

enum sp_err sp_rules_form_judge(bool is_public_message, bool is_application, struct sp_diag *diag)
{
	return is_public_message != is_application ? SP_OK : DENY(diag, MESSAGE_FORM);
}
