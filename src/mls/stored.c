/* SPDX-License-Identifier: Apache-2.0
 *
 * Proposals cached by reference until a commit takes them: RFC 9420 section 12.1.
 */
#include "mls/transition_priv.h"

#include "base/limits.h"

static enum sp_err fill(struct sp_mls_stored *s, const struct sp_mls_suite *suite)
{
	struct sp_reader r = sp_reader_of(sp_buf_bytes(&s->bytes));
	SP_TRY(sp__mls_auth_content_read(&r, &s->auth, NULL));
	SP_TRY(sp_reader_finish(&r));
	if (s->auth.content.type != SP_MLS_CONTENT_PROPOSAL)
		return SP_ERR_INVALID;
	r = sp_reader_of(s->auth.content.body);
	SP_TRY(sp__mls_prop_read(&r, &s->prop, NULL));
	SP_TRY(sp__mls_prop_expose(&s->prop));
	SP_TRY(sp__mls_proposal_ref(&s->ref, suite, &s->auth));
	s->prop.pub.by_reference = true;
	s->prop.pub.sender = s->auth.content.sender;
	s->prop.pub.ref = sp_hash_bytes(&s->ref);
	return SP_OK;
}

static enum sp_err make(struct sp_mls_stored **out, struct sp_mls_stored **made)
{
	*out = NULL;
	*made = sp_alloc(sizeof **made);
	if (!*made)
		return SP_ERR_NOMEM;
	sp_buf_init(&(*made)->bytes, SP_LIMIT_MLS_VECTOR);
	return SP_OK;
}

enum sp_err sp__mls_stored_new(struct sp_mls_stored **out, const struct sp_mls_suite *suite, const struct sp_mls_auth_content *auth)
{
	struct sp_mls_stored *s = NULL;
	SP_TRY(make(out, &s));
	enum sp_err e = sp__mls_auth_content_encode(&s->bytes, auth);
	if (e == SP_OK)
		e = fill(s, suite);
	if (e == SP_OK)
		*out = s;
	else
		sp__mls_stored_free(&s);
	return e;
}

enum sp_err sp__mls_stored_decode(struct sp_mls_stored **out, const struct sp_mls_suite *suite, struct sp_bytes bytes)
{
	struct sp_mls_stored *s = NULL;
	SP_TRY(make(out, &s));
	enum sp_err e = sp_buf_append(&s->bytes, bytes);
	if (e == SP_OK)
		e = fill(s, suite);
	if (e == SP_OK)
		*out = s;
	else
		sp__mls_stored_free(&s);
	return e;
}

void sp__mls_stored_free(struct sp_mls_stored **stored)
{
	struct sp_mls_stored *s = *stored;
	if (!s)
		return;
	sp__mls_prop_clear(&s->prop);
	sp_buf_clear(&s->bytes);
	sp_free_secret(s, sizeof *s);
	*stored = NULL;
}

void sp__mls_stored_free_all(struct sp_mls_stored **list)
{
	while (*list) {
		struct sp_mls_stored *next = (*list)->next;
		sp__mls_stored_free(list);
		*list = next;
	}
}

const struct sp_mls_stored *sp__mls_stored_find(const struct sp_mls_stored *list, struct sp_bytes ref)
{
	for (const struct sp_mls_stored *s = list; s; s = s->next) {
		if (sp_bytes_equal(sp_hash_bytes(&s->ref), ref))
			return s;
	}
	return NULL;
}

size_t sp__mls_stored_count(const struct sp_mls_stored *list)
{
	size_t n = 0;
	for (; list; list = list->next)
		n++;
	return n;
}
