/* SPDX-License-Identifier: Apache-2.0
 *
 * The steps of creating a commit: RFC 9420 section 12.4.1.
 */
#include "mls/commit_priv.h"

#include "base/limits.h"

void sp__mls_making_init(struct sp_mls_making *m)
{
	struct sp_buf *bufs[] = {&m->values, &m->update_path, &m->commit, &m->framed, &m->signature, &m->group_info};
	*m = (struct sp_mls_making){0};
	for (size_t i = 0; i < SP_ARRAY_LEN(bufs); i++)
		sp_buf_init(bufs[i], SP_LIMIT_MLS_VECTOR);
}

void sp__mls_making_clear(struct sp_mls_making *m)
{
	struct sp_buf *bufs[] = {&m->values, &m->update_path, &m->commit, &m->framed, &m->signature, &m->group_info};
	for (size_t i = 0; i < SP_ARRAY_LEN(bufs); i++)
		sp_buf_clear(bufs[i]);
	sp__mls_path_make_free(&m->path);
	sp__mls_view_clear(&m->provisional);
	sp__mls_schedule_clear(&m->schedule);
	sp__mls_psks_clear(&m->psks);
}

/* -- path and Commit ----------------------------------------------------------------------------------------------------- */

enum sp_err sp__mls_making_path(const struct sp_mls_env *env, struct sp_mls_making *m, const struct sp_mls_leaf_params *leaf,
				const struct sp_mls_leaf_node *like)
{
	struct sp_mls_transition *t = m->t;
	const struct sp_mls_path_params params = {.sender = t->committer,
						  .leaf = leaf,
						  .like = like,
						  .signer = m->signing.signer,
						  .group_id = t->before->context.group_id};
	SP_TRY(sp__mls_path_make(env, &m->path, t->diff, &params));
	SP_TRY(sp__mls_leaf_fits_context(env, sp__mls_tree_diff_leaf(t->diff, t->committer), t->extensions));
	SP_TRY(sp__mls_transition_context(t, &m->provisional, t->before->context.confirmed_transcript_hash));
	SP_TRY(sp__mls_path_encrypt(env, m->path, &m->update_path, m->provisional.context.encoded));
	m->schedule.commit = *sp__mls_path_commit_secret(m->path);
	return SP_OK;
}

static void write_proposal(struct sp_writer *w, const struct sp_mls_prop *prop)
{
	sp_write_u8(w, prop->pub.by_reference ? 2 : 1); /* ProposalOrRefType */
	if (prop->pub.by_reference)
		sp_write_vec(w, prop->pub.ref);
	else
		sp_write_fixed(w, prop->encoded);
}

enum sp_err sp__mls_making_commit(struct sp_mls_making *m)
{
	struct sp_writer w = sp_writer_on(&m->commit);
	size_t mark = sp_write_open(&w);
	for (size_t i = 0; i < m->t->n_props; i++)
		write_proposal(&w, &m->t->props[i]);
	sp_write_close(&w, mark);
	sp_write_optional(&w, m->path != NULL);
	sp_write_fixed(&w, sp_buf_bytes(&m->update_path));
	return sp_writer_finish(&w);
}

/* -- the new epoch ---------------------------------------------------------------------------------------------------------- */

static enum sp_err note_reinit(struct sp_mls_making *m)
{
	if (!m->t->reinit)
		return SP_OK;
	m->next->core.state = SP_MLS_GROUP_REINIT;
	return sp_buf_append(&m->next->core.reinit, m->t->reinit->encoded);
}

enum sp_err sp__mls_making_derive(struct sp_mls_making *m, struct sp_bytes interim)
{
	struct sp_hash confirmed;
	const struct sp_mls_suite *suite = &m->t->before->suite;
	SP_TRY(sp__mls_confirmed_hash(&confirmed, suite, interim, &m->auth));
	SP_TRY(sp__mls_next_new(&m->next));
	SP_TRY(sp__mls_transition_context(m->t, &m->next->view, sp_hash_bytes(&confirmed)));
	if (m->path)
		sp__mls_path_keys_take(m->path, &m->next->core.keys);
	else
		m->schedule.commit = sp__mls_zero_secret(suite);
	SP_TRY(sp__mls_psk_secret(&m->schedule.psk, suite, m->psks.list, m->psks.n));
	SP_TRY(sp__mls_next_derive(m->next, &m->schedule));
	m->auth.confirmation_tag = sp_hash_bytes(&m->next->view.confirmation_tag);
	return note_reinit(m);
}

/* -- Welcome -------------------------------------------------------------------------------------------------------------------- */

static enum sp_err fill_recipients(const struct sp_mls_making *m, struct sp_mls_welcome_to *to, size_t n)
{
	size_t at = 0;
	for (size_t i = 0; i < m->t->n_props && at < n; i++) {
		const struct sp_mls_prop *prop = &m->t->props[i];
		if (prop->pub.type != SP_MLS_PROPOSAL_ADD)
			continue;
		to[at].kp = &prop->kp;
		to[at].path_secret = m->path ? sp__mls_path_secret_for(m->path, prop->pub.member.leaf) : NULL;
		at++;
	}
	return SP_OK;
}

static enum sp_err make_welcome(const struct sp_mls_env *env, struct sp_mls_making *m, struct sp_buf *out, struct sp_mls_welcome_to *to, size_t n)
{
	const struct sp_mls_group_info_make info = {.view = &m->next->view,
						    .signer = m->t->committer,
						    .extensions = m->params->welcome_extensions,
						    .with_tree = m->params->welcome_with_tree,
						    .grease = m->params->grease};
	SP_TRY(fill_recipients(m, to, n));
	SP_TRY(sp__mls_group_info_make(&m->signing, &m->group_info, &info));
	const struct sp_mls_welcome_make make = {.suite = &m->t->before->suite,
						 .joiner_secret = &m->schedule.joiner,
						 .member_secret = &m->schedule.member,
						 .psks = m->psks.list,
						 .n_psks = m->psks.n,
						 .group_info = sp_buf_bytes(&m->group_info),
						 .to = to,
						 .n_to = n};
	return sp__mls_welcome_make(env, out, &make);
}

enum sp_err sp__mls_making_welcome(const struct sp_mls_env *env, struct sp_mls_making *m, struct sp_buf *out)
{
	size_t n = 0;
	for (size_t i = 0; i < m->t->n_props; i++)
		n += m->t->props[i].pub.type == SP_MLS_PROPOSAL_ADD;
	if (n == 0)
		return SP_OK;
	struct sp_mls_welcome_to *to = sp_alloc_array(n, sizeof *to);
	if (!to)
		return SP_ERR_NOMEM;
	enum sp_err e = make_welcome(env, m, out, to, n);
	sp_free(to);
	return e;
}
