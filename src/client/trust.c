/* SPDX-License-Identifier: Apache-2.0
 *
 * The organisation as we trust it: its root, its revocation list, and what verdict asks of us when it judges a leaf.
 */
#include "client/client_priv.h"

enum sp_err sp__trust_load(struct sp_client *c)
{
	struct sp_buf raw;
	struct sp_wire_record_crl record;
	sp_pki_trust_free(&c->trust);
	sp_buf_init(&raw, SP_PROFILE_VALUE_MAX);
	enum sp_err e = sp_pki_trust_new(&c->trust, &c->me.organisation, c->me.root, c->me.issuing, sp__now());
	enum sp_err got = e == SP_OK ? sp__state_get(c, "crl", sp_wire_record_crl_layout(), &raw, &record, NULL) : e;
	if (got == SP_OK)
		e = sp_pki_trust_set_crl(c->trust, record.crl);
	sp_buf_clear(&raw);
	return got == SP_ERR_NOT_FOUND ? SP_OK : got != SP_OK ? got : e;
}

/* Another process may have stored a newer one meanwhile: the trust store refuses to go back, and so do we. */
enum sp_err sp__crl_take(struct sp_client *c, struct sp_bytes crl)
{
	struct sp__batch batch;
	uint64_t before = sp_pki_trust_crl_number(c->trust);
	SP_TRY(sp_pki_trust_set_crl(c->trust, crl));
	if (sp_pki_trust_crl_number(c->trust) == before)
		return SP_OK;
	struct sp_wire_record_crl record = {SP_RECORD_FORMAT, crl};
	sp__batch_init(&batch, c);
	sp__batch_put_state(&batch, "crl", sp_wire_record_crl_layout(), &record);
	return sp__batch_apply(&batch, NULL);
}

static enum sp_err fetch_crl(struct sp_client *c, struct sp_buf *raw)
{
	struct sp_wire_crl_response response;
	SP_TRY(sp__call(c, SP_WIRE_CRL, NULL, raw, &response));
	enum sp_err e = sp__crl_take(c, response.crl);
	if (e == SP_ERR_EXPIRED || sp_err_class(e) == SP_CLASS_AUTH)
		sp__trouble_note(c, e, NULL, "the server gave a revocation list that is older than the last, or not the organisation's");
	return e;
}

enum sp_err sp__crl_refresh(struct sp_client *c)
{
	struct sp_buf raw;
	sp_buf_init(&raw, SP_LIMIT_FRAME);
	enum sp_err e = fetch_crl(c, &raw);
	sp_buf_clear(&raw);
	return e;
}

enum sp_err sp__leaf_identity(struct sp_pki_claim *out, const struct sp_mls_credential *credential)
{
	struct sp_bytes certificate, second;
	*out = (struct sp_pki_claim){0};
	if (credential->type != SP_MLS_CREDENTIAL_X509)
		return SP_ERR_CERTIFICATE;
	SP_TRY(sp_mls_credential_certificate(&certificate, credential, 0));
	if (sp_mls_credential_certificate(&second, credential, 1) == SP_OK) /* the leaf's certificate only */
		return SP_ERR_CERTIFICATE;
	return sp_pki_claim_decode(out, certificate);
}

/* -- what verdict asks of us -- */

static enum sp_err source_judge(void *ctx, struct sp_pki_identity *out, struct sp_bytes cert, const struct sp_pki_question *question)
{
	struct sp_client *c = ctx;
	return sp_pki_trust_judge(c->trust, out, cert, question);
}

static enum sp_err source_account(void *ctx, const struct sp_device_chain **out_chain, bool *out_disabled, const struct sp_id16 *id)
{
	struct sp_client *c = ctx;
	const struct sp__account *account;
	*out_chain = NULL;
	*out_disabled = false;
	enum sp_err e = sp__account_get(c, &account, id);
	if (e == SP_ERR_NOT_FOUND)
		return SP_ERR_NEED_CREDENTIAL; /* the directory may have moved on */
	if (e != SP_OK)
		return e;
	*out_chain = &account->chain;
	*out_disabled = account->record.flags & SP_WIRE_ACCOUNT_DISABLED;
	return SP_OK;
}

void sp__mls_init(struct sp__mls *mls, struct sp_client *c, struct sp_time at)
{
	*mls = (struct sp__mls){.client = c, .rng = sp_rng_system()};
	mls->source = (struct sp_verdict_source){.ctx = c, .judge = source_judge, .account = source_account};
	sp_verdict_init(&mls->verdict, &mls->source, at, &mls->diag);
	mls->limits = (struct sp_mls_limits){.size = sizeof mls->limits};
	mls->env = (struct sp_mls_env){
		.size = sizeof mls->env,
		.rng = &mls->rng,
		.now = sp__now(),
		.signer = &c->signer,
		.validator = &mls->verdict.validator,
		.policy = &mls->verdict.policy,
		.limits = &mls->limits,
		.diag = &mls->diag,
	};
}
