/* SPDX-License-Identifier: Apache-2.0
 *
 * What front keeps up to date from: the revocation list and the accounts.
 */
#include "keeper/keeper_priv.h"

#define CRL_LIFE_MS (2 * SP_KEEPER_HOUR_MS) /* made hourly, good for two: one may be late */

static size_t collect_revoked(const struct sp__keeper_state *s, struct sp_pki_revocation *out)
{
	size_t n = 0;
	for (size_t i = 0; i < s->certs_n; i++)
		if (s->certs[i].revoked_since != 0)
			out[n++] = (struct sp_pki_revocation){s->certs[i].serial, s->certs[i].revoked_since};
	return n;
}

static enum sp_err sign_pair(struct sp_keeper *k, uint64_t number)
{
	struct sp_pki_issuer issuer = sp__keeper_issuer(k);
	struct sp_time until = {(int64_t)number * 1000 + CRL_LIFE_MS};
	struct sp_pki_revocation *revoked = sp_alloc_array(k->state.certs_n, sizeof *revoked);
	if (!revoked)
		return SP_ERR_NOMEM;
	size_t n = collect_revoked(&k->state, revoked);
	sp_buf_clear(&k->crl);
	enum sp_err e = sp_pki_crl_make(&k->crl, &issuer, revoked, n, number, until);
	if (e == SP_OK)
		e = sp_buf_append(&k->crl, sp_buf_bytes(&k->root_crl));
	if (e != SP_OK)
		sp_buf_clear(&k->crl);
	sp_free(revoked);
	return e;
}

static enum sp_err make_crl(struct sp_keeper *k, struct sp_time now)
{
	struct sp__keeper_record record = {.time = now, .type = SP_KEEPER_RECORD_CRL, .value = sp__keeper_next_crl_number(&k->state, now)};
	SP_TRY(sp__keeper_commit(k, &record));
	SP_TRY(sign_pair(k, record.value));
	k->crl_made = now;
	return sp_pki_trust_set_crl(k->trust, sp_buf_bytes(&k->crl));
}

enum sp_err sp_keeper_crl(struct sp_keeper *keeper, struct sp_bytes *out, struct sp_time now)
{
	*out = SP_BYTES_NONE;
	bool is_old = now.ms - keeper->crl_made.ms >= SP_KEEPER_HOUR_MS || now.ms < keeper->crl_made.ms - SP_KEEPER_HOUR_MS;
	if (keeper->crl.n == 0 || is_old)
		SP_TRY(make_crl(keeper, now));
	*out = sp_buf_bytes(&keeper->crl);
	return SP_OK;
}

enum sp_err sp__keeper_judge(struct sp_keeper *k, struct sp_pki_identity *out, struct sp_bytes cert, struct sp_time now, bool expiry_tolerated)
{
	struct sp_bytes crl;
	struct sp_pki_question question = {.purpose = SP_PKI_FOR_DEVICE, .at = now, .expiry_tolerated = expiry_tolerated};
	*out = (struct sp_pki_identity){0};
	SP_TRY(sp_keeper_crl(k, &crl, now));
	return sp_pki_trust_judge(k->trust, out, cert, &question);
}

enum sp_err sp__keeper_do_crl(struct sp_keeper *k, struct sp_buf *out, struct sp_bytes body, struct sp_time now, const char **out_hint)
{
	struct sp_wire_keeper_crl_response answer;
	if (body.n != 0)
		return SP_ERR_TRAILING;
	SP_TRY(sp_keeper_crl(k, &answer.crl, now));
	return sp_wire_keeper_crl_response_encode(out, &answer);
}

/* -- accounts ------------------------------------------------------------------------------------------------------------- */

/* The account whose change comes next after `since`. */
static const struct sp__keeper_account *next_changed(const struct sp__keeper_state *s, uint64_t since)
{
	const struct sp__keeper_account *best = NULL;
	for (size_t i = 0; i < s->accounts_n; i++)
		if (s->accounts[i].changed > since && (!best || s->accounts[i].changed < best->changed))
			best = &s->accounts[i];
	return best;
}

static enum sp_err write_account(struct sp_buf *out, const struct sp__keeper_account *a, const char *org)
{
	struct sp_buf address;
	sp_buf_init(&address, SP_LIMIT_ADDRESS);
	struct sp_writer w = sp_writer_on(&address);
	sp_write_fixed(&w, sp_bytes_str(a->name));
	sp_write_u8(&w, '@');
	sp_write_fixed(&w, sp_bytes_str(org));
	enum sp_err e = sp_writer_finish(&w);
	struct sp_wire_keeper_account m = {.account_id = a->id,
					   .address = sp_buf_bytes(&address),
					   .flags = (uint8_t)((a->is_admin ? 1 : 0) | (a->is_disabled ? 2 : 0)),
					   .changed = a->changed};
	if (e == SP_OK)
		e = sp_wire_keeper_account_encode(out, &m);
	sp_buf_clear(&address);
	return e;
}

enum sp_err sp__keeper_do_accounts(struct sp_keeper *k, struct sp_buf *out, struct sp_bytes body, struct sp_time now, const char **out_hint)
{
	struct sp_wire_keeper_accounts_request m;
	struct sp_wire_keeper_accounts_response answer = {.version = k->state.version};
	const struct sp__keeper_account *a;
	struct sp_buf list;
	SP_TRY(sp_wire_keeper_accounts_request_decode(&m, body));
	sp_buf_init(&list, SP_WIRE_KEEPER_RESPONSE_MAX);
	enum sp_err e = SP_OK;
	uint64_t since = m.since;
	for (unsigned n = 0; e == SP_OK && n < SP_WIRE_KEEPER_ACCOUNTS_MAX && (a = next_changed(&k->state, since)); n++) {
		e = write_account(&list, a, k->state.org);
		since = a->changed;
	}
	answer.more = next_changed(&k->state, since) != NULL;
	answer.accounts = sp_buf_bytes(&list);
	if (e == SP_OK)
		e = sp_wire_keeper_accounts_response_encode(out, &answer);
	sp_buf_clear(&list);
	return e;
}
