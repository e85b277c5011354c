/* SPDX-License-Identifier: Apache-2.0
 *
 * May this change stand? MLS's words are put into those of rules: who proposes, who comes, who goes, what the room's state becomes.
 */
#include "verdict/verdict_priv.h"

/* The party of a leaf as it was before the change. */
static enum sp_err leaf_party(struct sp_rules_party *out, const struct sp_mls_view *view, uint32_t leaf)
{
	struct sp_mls_member member;
	SP_TRY(sp_mls_view_member(&member, view, leaf));
	return sp_verdict_party(out, &member.credential);
}

static enum sp_err member_party(struct sp_rules_party *out, const struct sp_mls_member *member)
{
	return sp_verdict_party(out, &member->credential);
}

/* Who stands on the CRL that the commit names may be removed by anyone: every member finds the same there. Whether an account is
 * disabled is not asked, since members may learn of it at different times; the keeper revokes its certificates. */
static enum sp_err expelled_find(const struct sp_verdict *v, bool *out, const struct sp_mls_member *member, uint64_t crl_number)
{
	struct sp_pki_identity identity;
	struct sp_bytes cert;
	*out = false;
	if (crl_number == 0)
		return SP_OK;
	SP_TRY(sp_mls_credential_certificate(&cert, &member->credential, 0));
	struct sp_pki_question question = {.purpose = SP_PKI_FOR_DEVICE, .at = v->at, .crl_number = crl_number, .expiry_tolerated = true};
	enum sp_err err = v->source->judge(v->source->ctx, &identity, cert, &question);
	*out = err == SP_ERR_REVOKED;
	return err == SP_ERR_REVOKED ? SP_OK : err;
}

static enum sp_err remove_describe(const struct sp_verdict *v, struct sp_rules_change *out, const struct sp_mls_proposal *p, uint64_t crl_number)
{
	out->kind = SP_RULES_CHANGE_REMOVE;
	SP_TRY(member_party(&out->before, &p->member));
	if (sp_id16_equal(&out->proposer.account, &out->before.account))
		return SP_OK; /* its own: no need to ask */
	return expelled_find(v, &out->is_expelled, &p->member, crl_number);
}

static enum sp_err proposal_describe(const struct sp_verdict *v, struct sp_rules_change *out, const struct sp_mls_proposal *p, uint64_t crl_number)
{
	switch (p->type) {
	case SP_MLS_PROPOSAL_ADD:
		out->kind = SP_RULES_CHANGE_ADD;
		SP_TRY(member_party(&out->after, &p->member));
		/* rules ask it of the proposer's own account only, and the proposer is a member */
		out->account_is_member = sp_id16_equal(&out->proposer.account, &out->after.account);
		return SP_OK;
	case SP_MLS_PROPOSAL_REMOVE:
		return remove_describe(v, out, p, crl_number);
	case SP_MLS_PROPOSAL_UPDATE:
		out->kind = SP_RULES_CHANGE_UPDATE;
		SP_TRY(member_party(&out->before, &p->old));
		return member_party(&out->after, &p->member);
	case SP_MLS_PROPOSAL_GROUP_CONTEXT_EXTENSIONS:
		out->kind = sp__verdict_extensions_has_foreign(&p->extensions) ? SP_RULES_CHANGE_OTHER : SP_RULES_CHANGE_STATE;
		out->room_state = sp__verdict_extensions_state(&p->extensions);
		return SP_OK;
	default: /* pre-shared keys, reinitialisation, anything new */
		out->kind = SP_RULES_CHANGE_OTHER;
		return SP_OK;
	}
}

/* -- a commit -------------------------------------------------------------------------------------------------- */

static enum sp_err committer_find(struct sp_rules_commit *out, const struct sp_mls_change *change)
{
	out->is_external = change->kind == SP_MLS_CHANGE_EXTERNAL_COMMIT;
	out->has_path = change->has_path;
	if (change->has_path)
		SP_TRY(member_party(&out->path_leaf, &change->path_leaf));
	if (!out->is_external)
		return leaf_party(&out->committer, change->before, change->sender.index);
	out->committer = out->path_leaf; /* an external commit has a path, by MLS's rules */
	return SP_OK;
}

static enum sp_err proposer_find(struct sp_rules_party *out, const struct sp_mls_change *change, const struct sp_mls_proposal *p,
				 const struct sp_rules_party *committer)
{
	*out = *committer;
	if (!p->by_reference)
		return SP_OK;
	if (p->sender.type != SP_MLS_SENDER_MEMBER)
		return SP_ERR_DENIED; /* nobody from outside proposes (M01) */
	return leaf_party(out, change->before, p->sender.index);
}

static enum sp_err changes_describe(const struct sp_verdict *v, struct sp_rules_commit *commit, struct sp_rules_change *changes,
				    const struct sp_mls_change *change)
{
	uint64_t crl_number = sp__verdict_crl_of(change->authenticated_data);
	size_t n = 0, joining = commit->is_external, leaving = 0;
	for (size_t i = 0; i < change->n_proposals; i++) {
		const struct sp_mls_proposal *p = change->proposals[i];
		if (p->type == SP_MLS_PROPOSAL_EXTERNAL_INIT && commit->is_external)
			continue; /* is_external says it */
		joining += p->type == SP_MLS_PROPOSAL_ADD;
		leaving += p->type == SP_MLS_PROPOSAL_REMOVE;
		SP_TRY(proposer_find(&changes[n].proposer, change, p, &commit->committer));
		SP_TRY(proposal_describe(v, &changes[n], p, crl_number));
		n++;
	}
	commit->changes = changes;
	commit->changes_n = n;
	size_t after = sp_mls_view_member_count(change->before) + joining;
	commit->leaves_after = after - SP_MIN(leaving, after);
	return SP_OK;
}

static enum sp_err commit_fill_and_judge(const struct sp_verdict *v, struct sp_rules_change *changes, const struct sp_mls_change *change)
{
	struct sp_rules_commit commit = {.context = change->authenticated_data, .at = v->at};
	SP_TRY(sp_verdict_state(&commit.state, change->before, v->diag));
	SP_TRY(committer_find(&commit, change));
	SP_TRY(changes_describe(v, &commit, changes, change));
	return sp_rules_commit_judge(&commit, v->diag);
}

static enum sp_err commit_judge(const struct sp_verdict *v, const struct sp_mls_change *change)
{
	struct sp_rules_change *changes = sp_alloc_array(change->n_proposals, sizeof *changes);
	if (!changes)
		return SP_ERR_NOMEM;
	enum sp_err err = commit_fill_and_judge(v, changes, change);
	sp_free(changes);
	return err;
}

/* -- a proposal alone ------------------------------------------------------------------------------------------- */

static enum sp_err proposal_judge(const struct sp_verdict *v, const struct sp_mls_change *change)
{
	struct sp_rules_state state;
	struct sp_rules_change described = {0};
	bool is_member = change->sender.type == SP_MLS_SENDER_MEMBER;
	SP_TRY(sp_verdict_state(&state, change->before, v->diag));
	if (is_member) {
		SP_TRY(leaf_party(&described.proposer, change->before, change->sender.index));
		SP_TRY(proposal_describe(v, &described, change->proposals[0], sp__verdict_crl_of(change->authenticated_data)));
	}
	return sp_rules_proposal_judge(&state, &described, is_member, v->diag);
}

enum sp_err sp__verdict_change_judge(void *ctx, const struct sp_mls_change *change)
{
	const struct sp_verdict *v = ctx;
	SP_TRY(sp_rules_form_judge(change->wire_format == SP_MLS_WIRE_PUBLIC_MESSAGE, false, v->diag));
	return change->kind == SP_MLS_CHANGE_PROPOSAL ? proposal_judge(v, change) : commit_judge(v, change);
}
