/* SPDX-License-Identifier: Apache-2.0
 *
 * Invitations: asked for by an admin's device over the wire, or by the operator on the machine. Only the hash of a token
 * is kept.
 */
#include "keeper/keeper_priv.h"
#include "wire/labels.h"

#define LIFE_MAX_MS (90 * SP_KEEPER_DAY_MS)
#define CLOCK_MS 600000ll

static enum sp_err judge_order(const struct sp_keeper *k, const struct sp_keeper_order *order, struct sp_time now)
{
	if (order->name.n > 0 && !sp_pki_name_is_valid(order->name))
		return SP_ERR_INVALID;
	if (order->expires.ms <= now.ms || order->expires.ms > now.ms + LIFE_MAX_MS)
		return SP_ERR_INVALID;
	return order->name.n > 0 && sp__keeper_name_is_taken(&k->state, order->name) ? SP_ERR_EXISTS : SP_OK;
}

enum sp_err sp__keeper_invite(struct sp_keeper *k, struct sp_bytes token, const struct sp_keeper_order *order, struct sp_bytes by, struct sp_time now)
{
	struct sp__keeper_record record = {.time = now,
					   .type = SP_KEEPER_RECORD_INVITED,
					   .by = by,
					   .name = order->name,
					   .flags = order->is_admin ? SP_KEEPER_FLAG : 0,
					   .value = (uint64_t)order->expires.ms};
	SP_TRY(sp__keeper_token_hash(&record.token_hash, token));
	if (sp__keeper_invitation_by_token(&k->state, &record.token_hash) != NULL)
		return SP_OK; /* the same request again */
	SP_TRY(judge_order(k, order, now));
	return sp__keeper_commit(k, &record);
}

static enum sp_err judge_inviter(struct sp_keeper *k, struct sp_pki_identity *out, struct sp_bytes cert, struct sp_time now)
{
	SP_TRY(sp__keeper_judge(k, out, cert, now, false));
	const struct sp__keeper_account *a = sp__keeper_account_by_id(&k->state, &out->account_id);
	return a && a->is_admin && !a->is_disabled ? SP_OK : SP_ERR_DENIED;
}

static enum sp_err check_signature(const struct sp_pki_identity *inviter, const struct sp_wire_keeper_invite_request *m)
{
	struct sp_verify_key *key = NULL;
	enum sp_err e = sp_verify_key_new(&key, SP_SIG_ECDSA_P256_SHA256, SP_BYTES_OF(inviter->point.b));
	if (e == SP_OK)
		e = sp_verify_with_label(key, SP_BYTES_LIT(SP_LABEL_INVITE), m->invitation, m->signature);
	sp_verify_key_free(&key);
	return e;
}

static enum sp_err check_clock(const struct sp_wire_invitation *i, struct sp_time now, const char **hint)
{
	if (i->time_ms <= INT64_MAX && (int64_t)i->time_ms >= now.ms - CLOCK_MS && (int64_t)i->time_ms <= now.ms + CLOCK_MS)
		return SP_OK;
	*hint = "the inviter's clock is more than ten minutes off";
	return SP_ERR_INVALID;
}

/* The same inviter and nonce make the same token, and another makes another: nothing needs to be kept to answer again. */
static enum sp_err derive_token(struct sp_keeper *k, uint8_t out[SP_WIRE_KEEPER_TOKEN], const struct sp_pki_identity *inviter,
				const struct sp_wire_invitation *i)
{
	uint8_t info[32];
	sp_copy(info, inviter->account_id.b, 16);
	sp_copy(info + 16, i->nonce.b, 16);
	return sp_hkdf_expand(out, SP_WIRE_KEEPER_TOKEN, SP_HASH_SHA256, sp_secret_bytes(&k->token_secret), SP_BYTES_OF(info));
}

enum sp_err sp__keeper_do_invite(struct sp_keeper *k, struct sp_buf *out, struct sp_bytes body, struct sp_time now, const char **out_hint)
{
	struct sp_wire_keeper_invite_request m;
	struct sp_wire_invitation i;
	struct sp_pki_identity inviter;
	uint8_t token[SP_WIRE_KEEPER_TOKEN];
	SP_TRY(sp_wire_keeper_invite_request_decode(&m, body));
	SP_TRY(judge_inviter(k, &inviter, m.certificate, now));
	SP_TRY(check_signature(&inviter, &m));
	SP_TRY(sp_wire_invitation_decode(&i, m.invitation));
	SP_TRY(check_clock(&i, now, out_hint));
	SP_TRY(derive_token(k, token, &inviter, &i));
	struct sp_keeper_order order = {
		.verb = SP_KEEPER_INVITE, .name = i.name, .is_admin = i.admin, .expires = {(int64_t)SP_MIN(i.expires_ms, (uint64_t)INT64_MAX)}};
	SP_TRY(sp__keeper_invite(k, SP_BYTES_OF(token), &order, sp_bytes_str(inviter.address), now));
	struct sp_wire_keeper_invite_response answer = {SP_BYTES_OF(token)};
	return sp_wire_keeper_invite_response_encode(out, &answer);
}

/* -- the operator ------------------------------------------------------------------------------------------------------- */

static enum sp_err set_disabled(struct sp_keeper *k, struct sp_bytes name, bool disable, struct sp_time now)
{
	const struct sp__keeper_account *a = sp__keeper_account_by_name(&k->state, name);
	if (!a)
		return SP_ERR_NOT_FOUND;
	if (a->is_disabled == disable)
		return SP_ERR_STATE;
	struct sp__keeper_record record = {.time = now,
					   .type = disable ? SP_KEEPER_RECORD_DISABLED : SP_KEEPER_RECORD_ENABLED,
					   .by = SP_BYTES_LIT("operator"),
					   .name = name,
					   .account_id = a->id,
					   .value = sp__keeper_next_crl_number(&k->state, now)};
	SP_TRY(sp__keeper_commit(k, &record));
	sp_buf_clear(&k->crl); /* the next one tells */
	return SP_OK;
}

static enum sp_err invite_by_operator(struct sp_keeper *k, uint8_t out_token[SP_WIRE_KEEPER_TOKEN], const struct sp_keeper_order *order, struct sp_time now)
{
	SP_TRY(sp_rng_fill(&k->rng, out_token, SP_WIRE_KEEPER_TOKEN));
	return sp__keeper_invite(k, (struct sp_bytes){out_token, SP_WIRE_KEEPER_TOKEN}, order, SP_BYTES_LIT("operator"), now);
}

enum sp_err sp_keeper_obey(struct sp_keeper *keeper, uint8_t out_token[SP_WIRE_KEEPER_TOKEN], const struct sp_keeper_order *order, struct sp_time now)
{
	memset(out_token, 0, SP_WIRE_KEEPER_TOKEN);
	switch (order->verb) {
	case SP_KEEPER_INVITE:
		return invite_by_operator(keeper, out_token, order, now);
	case SP_KEEPER_DISABLE:
		return set_disabled(keeper, order->name, true, now);
	case SP_KEEPER_ENABLE:
		return set_disabled(keeper, order->name, false, now);
	}
	return SP_ERR_USAGE;
}
