/* SPDX-License-Identifier: Apache-2.0
 *
 * What the ledger amounts to. One function takes a record, whether it is replayed at start or was just written; so a
 * restarted keeper knows exactly what the running one knew.
 */
#include "keeper/keeper_priv.h"

#define ACCOUNTS_MAX 100000u
#define CERTS_MAX 1000000u
#define INVITATIONS_MAX 1000000u

/* -- names that look alike -------------------------------------------------------------------------------------------- */

/* 0 and o, 1 and l and i, rn and m look alike; separators are overlooked (ATTACKS K11). */
static void fold(char out[SP_LIMIT_NAME + 1], struct sp_bytes name)
{
	size_t n = 0;
	memset(out, 0, SP_LIMIT_NAME + 1);
	for (size_t i = 0; i < name.n && n < SP_LIMIT_NAME; i++) {
		uint8_t c = name.p[i];
		if (c == '.' || c == '_' || c == '-')
			continue;
		if (c == '0')
			c = 'o';
		if (c == '1' || c == 'i')
			c = 'l';
		out[n++] = (char)c;
		if (n >= 2 && out[n - 2] == 'r' && c == 'n') {
			out[n - 2] = 'm';
			out[--n] = '\0';
		}
	}
}

bool sp__keeper_name_is_taken(const struct sp__keeper_state *state, struct sp_bytes name)
{
	char folded[SP_LIMIT_NAME + 1];
	fold(folded, name);
	for (size_t i = 0; i < state->accounts_n; i++)
		if (strcmp(state->accounts[i].folded, folded) == 0)
			return true;
	return false;
}

/* -- finding ----------------------------------------------------------------------------------------------------------- */

struct sp__keeper_account *sp__keeper_account_by_id(const struct sp__keeper_state *state, const struct sp_id16 *id)
{
	for (size_t i = 0; i < state->accounts_n; i++)
		if (sp_id16_equal(&state->accounts[i].id, id))
			return &state->accounts[i];
	return NULL;
}

struct sp__keeper_account *sp__keeper_account_by_name(const struct sp__keeper_state *state, struct sp_bytes name)
{
	for (size_t i = 0; i < state->accounts_n; i++)
		if (sp_bytes_equal(sp_bytes_str(state->accounts[i].name), name))
			return &state->accounts[i];
	return NULL;
}

struct sp__keeper_invitation *sp__keeper_invitation_by_token(const struct sp__keeper_state *state, const struct sp_hash32 *token_hash)
{
	for (size_t i = 0; i < state->invitations_n; i++)
		if (sp_hash32_equal(&state->invitations[i].token_hash, token_hash))
			return &state->invitations[i];
	return NULL;
}

static struct sp__keeper_cert *cert_by_serial(const struct sp__keeper_state *state, const struct sp_pki_serial *serial)
{
	for (size_t i = state->certs_n; i-- > 0;) /* the newest first: it is asked for at once */
		if (memcmp(state->certs[i].serial.b, serial->b, sizeof serial->b) == 0)
			return &state->certs[i];
	return NULL;
}

uint64_t sp__keeper_next_crl_number(const struct sp__keeper_state *state, struct sp_time now)
{
	uint64_t number = SP_MAX(state->crl_number + 1, state->crl_floor);
	return SP_MAX(number, (uint64_t)now.ms / 1000);
}

/* -- applying ------------------------------------------------------------------------------------------------------------ */

static enum sp_err copy_name(char *out, size_t max, struct sp_bytes name)
{
	memset(out, 0, max + 1);
	if (name.n > max || (name.n > 0 && memchr(name.p, 0, name.n)))
		return SP_ERR_CORRUPT;
	sp_copy(out, name.p, name.n);
	return SP_OK;
}

static enum sp_err apply_founded(struct sp__keeper_state *s, const struct sp__keeper_record *r)
{
	if (s->org[0] || r->seq != 1 || !sp_pki_org_is_valid(r->name))
		return SP_ERR_CORRUPT;
	s->fingerprint = r->key_hash;
	s->is_open = r->flags & SP_KEEPER_FLAG;
	return copy_name(s->org, SP_LIMIT_ORG, r->name);
}

static enum sp_err apply_invited(struct sp__keeper_state *s, const struct sp__keeper_record *r)
{
	SP_TRY(sp_array_grow(&s->invitations, &s->invitations_cap, s->invitations_n + 1, sizeof *s->invitations, INVITATIONS_MAX));
	struct sp__keeper_invitation *i = &s->invitations[s->invitations_n];
	*i = (struct sp__keeper_invitation){.token_hash = r->token_hash, .is_admin = r->flags & SP_KEEPER_FLAG, .expires = {(int64_t)r->value}};
	SP_TRY(copy_name(i->name, SP_LIMIT_NAME, r->name));
	s->invitations_n++;
	return SP_OK;
}

static enum sp_err add_cert(struct sp__keeper_state *s, const struct sp__keeper_record *r, size_t account)
{
	SP_TRY(sp_array_grow(&s->certs, &s->certs_cap, s->certs_n + 1, sizeof *s->certs, CERTS_MAX));
	s->certs[s->certs_n++] = (struct sp__keeper_cert){.serial = r->serial,
							  .account = account,
							  .device_id = r->device_id,
							  .key_hash = r->key_hash,
							  .token_hash = r->token_hash,
							  .issued = r->time,
							  .is_enrolment = r->type == SP_KEEPER_RECORD_ENROLLING};
	return SP_OK;
}

static enum sp_err apply_enrolling(struct sp__keeper_state *s, const struct sp__keeper_record *r)
{
	static const struct sp_hash32 none;
	struct sp__keeper_invitation *invitation = sp__keeper_invitation_by_token(s, &r->token_hash);
	bool has_token = !sp_hash32_equal(&r->token_hash, &none);
	if (has_token && (!invitation || invitation->is_used))
		return SP_ERR_CORRUPT;
	if (!sp_pki_name_is_valid(r->name) || sp__keeper_account_by_id(s, &r->account_id) != NULL)
		return SP_ERR_CORRUPT;
	SP_TRY(sp_array_grow(&s->accounts, &s->accounts_cap, s->accounts_n + 1, sizeof *s->accounts, ACCOUNTS_MAX));
	SP_TRY(add_cert(s, r, s->accounts_n));
	struct sp__keeper_account *a = &s->accounts[s->accounts_n++];
	*a = (struct sp__keeper_account){.id = r->account_id, .is_admin = r->flags & SP_KEEPER_FLAG, .since = r->time, .changed = r->seq};
	fold(a->folded, r->name);
	if (has_token) {
		invitation->is_used = true;
		invitation->cert = s->certs_n - 1;
	}
	s->version = r->seq;
	return copy_name(a->name, SP_LIMIT_NAME, r->name);
}

static enum sp_err apply_renewing(struct sp__keeper_state *s, const struct sp__keeper_record *r)
{
	const struct sp__keeper_account *a = sp__keeper_account_by_id(s, &r->account_id);
	return a ? add_cert(s, r, (size_t)(a - s->accounts)) : SP_ERR_CORRUPT;
}

static enum sp_err apply_issued(struct sp__keeper_state *s, const struct sp__keeper_record *r)
{
	struct sp__keeper_cert *cert = cert_by_serial(s, &r->serial);
	if (!cert || cert->der || r->data.n == 0)
		return SP_ERR_CORRUPT;
	SP_TRY(sp_bytes_dup(&cert->der, r->data));
	cert->der_n = r->data.n;
	return SP_OK;
}

static enum sp_err apply_disabled(struct sp__keeper_state *s, const struct sp__keeper_record *r)
{
	struct sp__keeper_account *a = sp__keeper_account_by_id(s, &r->account_id);
	bool disable = r->type == SP_KEEPER_RECORD_DISABLED;
	if (!a || a->is_disabled == disable)
		return SP_ERR_CORRUPT;
	a->is_disabled = disable;
	a->changed = s->version = r->seq;
	for (size_t i = 0; i < s->certs_n; i++)
		if (&s->accounts[s->certs[i].account] == a)
			s->certs[i].revoked_since = disable ? r->value : 0;
	s->crl_floor = SP_MAX(s->crl_floor, r->value);
	return SP_OK;
}

static enum sp_err apply_crl(struct sp__keeper_state *s, const struct sp__keeper_record *r)
{
	if (r->value <= s->crl_number)
		return SP_ERR_CORRUPT;
	s->crl_number = r->value;
	return SP_OK;
}

enum sp_err sp__keeper_state_apply(struct sp__keeper_state *state, const struct sp__keeper_record *record)
{
	if (!state->org[0] && record->type != SP_KEEPER_RECORD_FOUNDED)
		return SP_ERR_CORRUPT;
	switch (record->type) {
	case SP_KEEPER_RECORD_FOUNDED:
		return apply_founded(state, record);
	case SP_KEEPER_RECORD_INVITED:
		return apply_invited(state, record);
	case SP_KEEPER_RECORD_ENROLLING:
		return apply_enrolling(state, record);
	case SP_KEEPER_RECORD_RENEWING:
		return apply_renewing(state, record);
	case SP_KEEPER_RECORD_ISSUED:
		return apply_issued(state, record);
	case SP_KEEPER_RECORD_CRL:
		return apply_crl(state, record);
	case SP_KEEPER_RECORD_DISABLED:
	case SP_KEEPER_RECORD_ENABLED:
		return apply_disabled(state, record);
	case SP_KEEPER_RECORD_SERVER:
	case SP_KEEPER_RECORD_REFUSED:
		return SP_OK;
	}
	return SP_ERR_CORRUPT;
}

void sp__keeper_state_clear(struct sp__keeper_state *state)
{
	for (size_t i = 0; i < state->certs_n; i++)
		sp_free(state->certs[i].der);
	sp_free(state->accounts);
	sp_free(state->certs);
	sp_free(state->invitations);
	*state = (struct sp__keeper_state){0};
}
