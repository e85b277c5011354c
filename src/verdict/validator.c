/* SPDX-License-Identifier: Apache-2.0
 *
 * Is this credential good? RFC 9420 section 5.3.1; DESIGN "One verdict everywhere".
 *
 * A new leaf is judged at the item's log time and by the CRL that the commit's authenticated data names, never by the own clock or
 * the newest list: members who came to different verdicts would part for ever. A leaf that stands in a tree already may have expired,
 * and may be revoked: it is removed by the next committer, not by a newcomer's refusal.
 */
#include "verdict/verdict_priv.h"

static enum sp_err certificate_of(struct sp_bytes *out, const struct sp_mls_credential *credential)
{
	struct sp_bytes second;
	if (credential->type != SP_MLS_CREDENTIAL_X509)
		return SP_ERR_CERTIFICATE;
	SP_TRY(sp_mls_credential_certificate(out, credential, 0));
	/* the leaf alone: the issuing certificate is known, and bytes that nobody judges do not belong into a tree */
	return sp_mls_credential_certificate(&second, credential, 1) == SP_ERR_NOT_FOUND ? SP_OK : SP_ERR_CERTIFICATE;
}

enum sp_err sp__verdict_claim(struct sp_pki_identity *out, const struct sp_mls_credential *credential)
{
	struct sp_bytes cert;
	struct sp_pki_claim claim;
	*out = (struct sp_pki_identity){0};
	SP_TRY(certificate_of(&cert, credential));
	SP_TRY(sp_pki_claim_decode(&claim, cert));
	if (claim.unverified.kind != SP_PKI_DEVICE)
		return SP_ERR_CERTIFICATE;
	*out = claim.unverified;
	return SP_OK;
}

enum sp_err sp_verdict_party(struct sp_rules_party *out, const struct sp_mls_credential *credential)
{
	struct sp_pki_identity claim;
	*out = (struct sp_rules_party){0};
	SP_TRY(sp__verdict_claim(&claim, credential));
	*out = (struct sp_rules_party){claim.account_id, claim.device_id};
	return SP_OK;
}

uint64_t sp__verdict_crl_of(struct sp_bytes authenticated_data)
{
	struct sp_rules_context context;
	return sp_rules_context_decode(&context, authenticated_data) == SP_OK ? context.crl_number : 0;
}

static enum sp_err judge(const struct sp_verdict *v, struct sp_pki_identity *out, const struct sp_mls_credential_check *check)
{
	struct sp_bytes cert;
	bool is_old = check->why == SP_MLS_WHY_MEMBER;
	SP_TRY(certificate_of(&cert, &check->credential));
	struct sp_pki_question question = {
		.purpose = SP_PKI_FOR_DEVICE,
		.at = v->at,
		.crl_number = is_old ? 0 : sp__verdict_crl_of(check->authenticated_data),
		.expiry_tolerated = is_old,
	};
	return v->source->judge(v->source->ctx, out, cert, &question);
}

/* M02: a certificate that the account itself never named is nobody's. */
static enum sp_err entitle(const struct sp_verdict *v, const struct sp_pki_identity *identity)
{
	const struct sp_device_chain *chain;
	bool is_disabled;
	SP_TRY(v->source->account(v->source->ctx, &chain, &is_disabled, &identity->account_id));
	SP_TRY(sp_device_chain_entitle(chain, identity));
	return is_disabled ? SP_ERR_DENIED : SP_OK;
}

/* The key that signs in the group is the certificate's. */
static enum sp_err key_compare(const struct sp_pki_point *point, struct sp_bytes signature_key)
{
	return sp_bytes_equal(SP_BYTES_OF(point->b), signature_key) ? SP_OK : SP_ERR_CERTIFICATE;
}

/* Revoked, or its account disabled, since it came: whoever commits next removes it. The claim of a revoked certificate is as good as
 * the certificate, whose chain was judged before its revocation was looked up. */
static enum sp_err tolerate(const struct sp_mls_credential_check *check)
{
	struct sp_pki_identity claim;
	SP_TRY(sp__verdict_claim(&claim, &check->credential));
	return key_compare(&claim.point, check->signature_key);
}

static enum sp_err credential_check(void *ctx, const struct sp_mls_credential_check *check)
{
	const struct sp_verdict *v = ctx;
	struct sp_pki_identity identity;
	enum sp_err err = judge(v, &identity, check);
	if (err == SP_ERR_REVOKED && check->why == SP_MLS_WHY_MEMBER)
		return tolerate(check);
	if (err != SP_OK)
		return err;
	SP_TRY(key_compare(&identity.point, check->signature_key));
	/* an old leaf may be one that its account has named no more since */
	return check->why == SP_MLS_WHY_MEMBER ? SP_OK : entitle(v, &identity);
}

void sp_verdict_init(struct sp_verdict *v, const struct sp_verdict_source *source, struct sp_time at, struct sp_diag *diag)
{
	*v = (struct sp_verdict){.source = source, .at = at, .diag = diag};
	/* two leaves are one client when their keys are equal (a device keeps its key): MLS's own index finds that */
	v->validator = (struct sp_mls_validator){.check = credential_check, .ctx = v};
	v->policy = (struct sp_mls_policy){.judge = sp__verdict_change_judge, .ctx = v};
}
