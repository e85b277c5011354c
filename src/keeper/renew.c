/* SPDX-License-Identifier: Apache-2.0
 *
 * Renewal of a device's certificate (same key), and the server's own certificate.
 */
#include "keeper/keeper_priv.h"

#define SERVER_CERTS_AN_HOUR 12u

/* An expired certificate may still be renewed: its holder was away, and disabling is how one is shut out. */
static enum sp_err judge_current(struct sp_keeper *k, struct sp_pki_identity *out, struct sp_bytes cert, struct sp_time now)
{
	SP_TRY(sp__keeper_judge(k, out, cert, now, true));
	const struct sp__keeper_account *a = sp__keeper_account_by_id(&k->state, &out->account_id);
	if (!a || a->is_disabled || strcmp(a->name, out->name) != 0)
		return SP_ERR_DENIED;
	return SP_OK;
}

static enum sp_err judge_time(const struct sp_pki_identity *id, struct sp_time now, const char **hint)
{
	int64_t life = id->not_after.ms - id->not_before.ms;
	if (now.ms >= id->not_before.ms + life / 3 * 2 - SP_KEEPER_DAY_MS)
		return SP_OK;
	*hint = "a certificate is renewed from two thirds of its life on";
	return SP_ERR_STATE;
}

/* The answer to the same request may have been lost: within the hour it is given again. */
static enum sp_err find_recent(const struct sp_keeper *k, const struct sp_pki_csr *csr, struct sp_time now, size_t *out)
{
	for (size_t i = k->state.certs_n; i-- > 0;) {
		const struct sp__keeper_cert *c = &k->state.certs[i];
		if (!sp_hash32_equal(&c->key_hash, &csr->spki_hash))
			continue;
		*out = i;
		return !c->is_enrolment && now.ms - c->issued.ms <= SP_KEEPER_HOUR_MS ? SP_OK : SP_ERR_NOT_FOUND;
	}
	return SP_ERR_NOT_FOUND;
}

static enum sp_err write_down(struct sp_keeper *k, const struct sp_pki_identity *id, struct sp_time now, size_t *out)
{
	struct sp__keeper_record record = {.time = now,
					   .type = SP_KEEPER_RECORD_RENEWING,
					   .name = sp_bytes_str(id->name),
					   .account_id = id->account_id,
					   .device_id = id->device_id,
					   .key_hash = id->spki_hash};
	SP_TRY(sp_pki_serial_random(&record.serial, &k->rng));
	SP_TRY(sp__keeper_commit(k, &record));
	*out = k->state.certs_n - 1;
	return SP_OK;
}

enum sp_err sp__keeper_do_renew(struct sp_keeper *k, struct sp_buf *out, struct sp_bytes body, struct sp_time now, const char **out_hint)
{
	struct sp_wire_keeper_renew_request m;
	struct sp_pki_identity id;
	struct sp_pki_csr csr;
	size_t cert = 0;
	SP_TRY(sp_wire_keeper_renew_request_decode(&m, body));
	SP_TRY(judge_current(k, &id, m.certificate, now));
	SP_TRY(sp_pki_csr_check(&csr, m.csr));
	if (!sp_hash32_equal(&csr.spki_hash, &id.spki_hash))
		return SP_ERR_DENIED;
	if (find_recent(k, &csr, now, &cert) != SP_OK) {
		SP_TRY(judge_time(&id, now, out_hint));
		SP_TRY(write_down(k, &id, now, &cert));
	}
	SP_TRY(sp__keeper_issue(k, cert, &csr, now));
	struct sp_wire_keeper_certificate_response answer = {{k->state.certs[cert].der, k->state.certs[cert].der_n}};
	return sp_wire_keeper_certificate_response_encode(out, &answer);
}

/* -- the server's certificate ------------------------------------------------------------------------------------------ */

/* A front that was taken over could hoard them; each is good for 7 days. */
static enum sp_err count_server_cert(struct sp_keeper *k, struct sp_time now)
{
	if (now.ms - k->server_cert_window.ms >= SP_KEEPER_HOUR_MS || now.ms < k->server_cert_window.ms) {
		k->server_cert_window = now;
		k->server_certs_n = 0;
	}
	if (k->server_certs_n >= SERVER_CERTS_AN_HOUR)
		return SP_ERR_RATE;
	k->server_certs_n++;
	return SP_OK;
}

static enum sp_err make_server_cert(struct sp_keeper *k, struct sp_buf *out, const struct sp_pki_csr *csr, struct sp_time now)
{
	struct sp__keeper_record record = {.time = now, .type = SP_KEEPER_RECORD_SERVER, .key_hash = csr->spki_hash};
	struct sp_pki_issuer issuer = sp__keeper_issuer(k);
	SP_TRY(sp_pki_serial_random(&record.serial, &k->rng));
	SP_TRY(sp__keeper_commit(k, &record));
	return sp_pki_server_make(out, &issuer, csr, &record.serial, now);
}

enum sp_err sp__keeper_do_server_certificate(struct sp_keeper *k, struct sp_buf *out, struct sp_bytes body, struct sp_time now, const char **out_hint)
{
	struct sp_wire_keeper_server_certificate_request m;
	struct sp_pki_csr csr;
	struct sp_buf der;
	SP_TRY(sp_wire_keeper_server_certificate_request_decode(&m, body));
	SP_TRY(sp_pki_csr_check(&csr, m.csr));
	SP_TRY(count_server_cert(k, now));
	sp_buf_init(&der, SP_LIMIT_CERT);
	enum sp_err e = make_server_cert(k, &der, &csr, now);
	struct sp_wire_keeper_certificate_response answer = {sp_buf_bytes(&der)};
	if (e == SP_OK)
		e = sp_wire_keeper_certificate_response_encode(out, &answer);
	sp_buf_clear(&der);
	return e;
}
