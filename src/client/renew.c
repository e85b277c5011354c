/* SPDX-License-Identifier: Apache-2.0
 *
 * Renewing the device's certificate: by itself, with the same key, once two thirds of its life are over.
 */
#include "client/client_priv.h"

static enum sp_err store_renewed(struct sp_client *c, struct sp_bytes certificate)
{
	struct sp_pki_identity found;
	struct sp_pki_question question = {.purpose = SP_PKI_FOR_DEVICE, .at = sp__now()};
	struct sp_pki_claim old;
	struct sp_wire_record_identity identity = c->me;
	SP_TRY(sp_pki_claim_decode(&old, c->me.certificate));
	SP_TRY(sp_pki_trust_judge(c->trust, &found, certificate, &question));
	if (!sp_id16_equal(&found.account_id, &old.unverified.account_id) || !sp_id16_equal(&found.device_id, &old.unverified.device_id) ||
	    !sp_hash32_equal(&found.spki_hash, &old.unverified.spki_hash))
		return SP_ERR_CERTIFICATE;
	identity.certificate = certificate;
	return sp__identity_store(c, &identity);
}

static enum sp_err ask_renewal(struct sp_client *c, struct sp_buf *csr, struct sp_buf *raw)
{
	struct sp_wire_renew_response response;
	SP_TRY(sp_pki_csr_build(csr, c->key));
	struct sp_wire_renew_request request = {sp_buf_bytes(csr)};
	SP_TRY(sp__call(c, SP_WIRE_RENEW, &request, raw, &response));
	return store_renewed(c, response.certificate);
}

enum sp_err sp__renew_if_due(struct sp_client *c)
{
	struct sp_pki_claim claim;
	struct sp_buf csr, raw;
	SP_TRY(sp_pki_claim_decode(&claim, c->me.certificate));
	int64_t from = claim.unverified.not_before.ms, until = claim.unverified.not_after.ms;
	if (sp__now().ms < from + (until - from) / 3 * 2)
		return SP_OK;
	sp_buf_init(&csr, SP_LIMIT_CSR);
	sp_buf_init(&raw, SP_LIMIT_FRAME);
	enum sp_err e = ask_renewal(c, &csr, &raw);
	sp_buf_clear(&csr);
	sp_buf_clear(&raw);
	return e;
}
