/* SPDX-License-Identifier: Apache-2.0
 *
 * Enrolment: a token (or open registration), a key with proof of possession, and an account chain's first version that
 * names that key. The keeper judges all three; what front says about them counts for nothing.
 */
#include "keeper/keeper_priv.h"
#include "pki/device_list.h"

/* What was asked, decoded and proven; nothing of it is granted yet. */
struct wish {
	struct sp_pki_csr csr;
	struct sp_signed_device_list list;
	struct sp_bytes name; /* the local part of the list's address */
	struct sp_hash32 token_hash; /* zero: open registration */
	bool has_token;
};

enum sp_err sp__keeper_token_hash(struct sp_hash32 *out, struct sp_bytes token)
{
	return sp_sha256(out, token);
}

static enum sp_err split_address(struct wish *w, const char *org)
{
	struct sp_bytes address = w->list.list.address;
	size_t org_n = strlen(org);
	if (address.n <= org_n + 1)
		return SP_ERR_INVALID;
	w->name = (struct sp_bytes){address.p, address.n - org_n - 1};
	struct sp_bytes rest = {address.p + w->name.n + 1, org_n};
	bool is_ours = address.p[w->name.n] == '@' && sp_bytes_equal(rest, sp_bytes_str(org));
	return is_ours && sp_pki_name_is_valid(w->name) ? SP_OK : SP_ERR_INVALID;
}

static enum sp_err prove(struct sp_keeper *k, struct wish *w, const struct sp_wire_keeper_enrol_request *m, const char **hint)
{
	struct sp_device_chain chain = {0};
	*hint = "the certificate request does not prove possession of a P-256 key";
	SP_TRY(sp_pki_csr_check(&w->csr, m->csr));
	*hint = "the device list is not a first version, or not signed by its device";
	SP_TRY(sp_device_list_decode(&w->list, m->device_list));
	SP_TRY(sp_device_chain_apply(&chain, m->device_list));
	*hint = "the device list must name the one key of the request, and an address here";
	if (chain.version != 1 || chain.devices_n != 1 || !sp_hash32_equal(&chain.devices[0].spki_hash, &w->csr.spki_hash))
		return SP_ERR_INVALID;
	SP_TRY(split_address(w, k->state.org));
	*hint = "name and device list differ";
	if (m->name.n > 0 && !sp_bytes_equal(m->name, w->name))
		return SP_ERR_INVALID;
	*hint = NULL;
	w->has_token = m->token.n > 0;
	return w->has_token ? sp__keeper_token_hash(&w->token_hash, m->token) : SP_OK;
}

/* The certificate of an enrolment that was already granted for this token and key, within the hour. */
static enum sp_err find_granted(const struct sp_keeper *k, const struct wish *w, struct sp_time now, size_t *out)
{
	for (size_t i = k->state.certs_n; i-- > 0;) {
		const struct sp__keeper_cert *c = &k->state.certs[i];
		if (!c->is_enrolment || !sp_hash32_equal(&c->key_hash, &w->csr.spki_hash) || !sp_hash32_equal(&c->token_hash, &w->token_hash))
			continue;
		bool same = sp_id16_equal(&k->state.accounts[c->account].id, &w->list.list.account_id) &&
			    sp_id16_equal(&c->device_id, &w->list.list.devices[0].device_id);
		bool fresh = now.ms - c->issued.ms <= SP_KEEPER_HOUR_MS && !k->state.accounts[c->account].is_disabled;
		*out = i;
		return same && fresh ? SP_OK : SP_ERR_TOKEN;
	}
	return SP_ERR_NOT_FOUND;
}

static enum sp_err judge_token(const struct sp_keeper *k, const struct wish *w, struct sp_time now, bool *out_admin, const char **hint)
{
	*out_admin = false;
	*hint = "this organisation admits by invitation only";
	if (!w->has_token)
		return k->state.is_open ? SP_OK : SP_ERR_TOKEN;
	const struct sp__keeper_invitation *i = sp__keeper_invitation_by_token(&k->state, &w->token_hash);
	*hint = NULL; /* unknown, used and expired are told alike */
	if (!i || i->is_used || now.ms >= i->expires.ms)
		return SP_ERR_TOKEN;
	*hint = "the invitation is for another name";
	if (i->name[0] && !sp_bytes_equal(sp_bytes_str(i->name), w->name))
		return SP_ERR_INVALID;
	*hint = NULL;
	*out_admin = i->is_admin;
	return SP_OK;
}

static enum sp_err judge_names(const struct sp_keeper *k, const struct wish *w, const char **hint)
{
	*hint = "the account id is known already";
	if (sp__keeper_account_by_id(&k->state, &w->list.list.account_id) != NULL)
		return SP_ERR_EXISTS;
	*hint = "the name is taken, or could be mistaken for one that is";
	if (sp__keeper_name_is_taken(&k->state, w->name))
		return SP_ERR_EXISTS;
	*hint = "the key or the device id is known already";
	for (size_t i = 0; i < k->state.certs_n; i++)
		if (sp_hash32_equal(&k->state.certs[i].key_hash, &w->csr.spki_hash) ||
		    sp_id16_equal(&k->state.certs[i].device_id, &w->list.list.devices[0].device_id))
			return SP_ERR_EXISTS;
	*hint = NULL;
	return SP_OK;
}

static enum sp_err grant(struct sp_keeper *k, const struct wish *w, bool is_admin, struct sp_time now, size_t *out)
{
	struct sp__keeper_record record = {.time = now,
					   .type = SP_KEEPER_RECORD_ENROLLING,
					   .name = w->name,
					   .account_id = w->list.list.account_id,
					   .device_id = w->list.list.devices[0].device_id,
					   .token_hash = w->token_hash,
					   .key_hash = w->csr.spki_hash,
					   .flags = is_admin ? SP_KEEPER_FLAG : 0};
	SP_TRY(sp_pki_serial_random(&record.serial, &k->rng));
	SP_TRY(sp__keeper_commit(k, &record));
	*out = k->state.certs_n - 1;
	return SP_OK;
}

/* What was written down before is signed with the time it was written down, so that a crash in between shows nowhere. */
static enum sp_err sign(struct sp_keeper *k, struct sp_buf *out, const struct sp__keeper_cert *c, const struct sp_pki_csr *csr)
{
	const struct sp__keeper_account *a = &k->state.accounts[c->account];
	struct sp_pki_issuer issuer = sp__keeper_issuer(k);
	struct sp_pki_device_subject subject = {sp_bytes_str(a->name), a->id, c->device_id};
	return sp_pki_device_make(out, &issuer, csr, &subject, &c->serial, c->issued);
}

enum sp_err sp__keeper_issue(struct sp_keeper *k, size_t cert, const struct sp_pki_csr *csr, struct sp_time now)
{
	struct sp_buf der;
	if (k->state.certs[cert].der)
		return SP_OK;
	sp_buf_init(&der, SP_LIMIT_CERT);
	struct sp__keeper_record record = {.time = now, .type = SP_KEEPER_RECORD_ISSUED, .serial = k->state.certs[cert].serial};
	enum sp_err e = sign(k, &der, &k->state.certs[cert], csr);
	record.data = sp_buf_bytes(&der);
	if (e == SP_OK)
		e = sp__keeper_commit(k, &record);
	sp_buf_clear(&der);
	return e;
}

static enum sp_err write_answer(const struct sp_keeper *k, struct sp_buf *out, const struct wish *w, size_t cert)
{
	const struct sp__keeper_cert *c = &k->state.certs[cert];
	const struct sp__keeper_account *a = &k->state.accounts[c->account];
	struct sp_wire_keeper_enrol_response answer = {
		.certificate = {c->der, c->der_n}, .account_id = a->id, .address = w->list.list.address, .admin = a->is_admin};
	return sp_wire_keeper_enrol_response_encode(out, &answer);
}

enum sp_err sp__keeper_do_enrol(struct sp_keeper *k, struct sp_buf *out, struct sp_bytes body, struct sp_time now, const char **out_hint)
{
	struct sp_wire_keeper_enrol_request m;
	struct wish w = {0};
	size_t cert = 0;
	bool is_admin;
	SP_TRY(sp_wire_keeper_enrol_request_decode(&m, body));
	if (m.token.n != 0 && m.token.n != SP_WIRE_KEEPER_TOKEN)
		return SP_ERR_TOKEN;
	SP_TRY(prove(k, &w, &m, out_hint));
	enum sp_err granted = find_granted(k, &w, now, &cert);
	if (granted == SP_ERR_NOT_FOUND) {
		SP_TRY(judge_token(k, &w, now, &is_admin, out_hint));
		SP_TRY(judge_names(k, &w, out_hint));
		granted = grant(k, &w, is_admin, now, &cert);
	}
	SP_TRY(granted);
	SP_TRY(sp__keeper_issue(k, cert, &w.csr, now));
	return write_answer(k, out, &w, cert);
}
