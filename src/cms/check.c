/* SPDX-License-Identifier: Apache-2.0
 *
 * The structure check of AuthEnvelopedData (RFC 5083, 5084). OpenSSL up to 3.5 takes a tag cut to 4 bytes for a whole one,
 * and a forger needs 2^32 tries for that, 256 for a tag of one byte; so the lengths are judged here, before it sees them.
 */
#include "cms/asn1_priv.h"
#include "cms/cms.h"

#include <openssl/objects.h>

#include "base/limits.h"
#include "crypto/crypto_evp_priv.h"

#define NONCE 12
#define TAG 16

static enum sp_err gcm_check(const struct cms_gcm *gcm)
{
	if (ASN1_STRING_length(gcm->nonce) != NONCE)
		return SP_ERR_INVALID;
	/* absent means 12 (RFC 5084 section 3.2) */
	return gcm->icv_len && ASN1_INTEGER_get(gcm->icv_len) == TAG ? SP_OK : SP_ERR_INVALID;
}

static enum sp_err alg_check(const struct cms_alg *alg)
{
	int nid = OBJ_obj2nid(alg->algorithm);
	if (nid != NID_aes_256_gcm && nid != NID_aes_192_gcm && nid != NID_aes_128_gcm)
		return SP_ERR_UNSUPPORTED;
	if (!alg->parameters || ASN1_TYPE_get(alg->parameters) != V_ASN1_SEQUENCE)
		return SP_ERR_INVALID;
	struct cms_gcm *gcm = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(cms_gcm), alg->parameters);
	enum sp_err e = gcm ? gcm_check(gcm) : SP_ERR_ENCODING;
	ASN1_item_free((ASN1_VALUE *)gcm, ASN1_ITEM_rptr(cms_gcm));
	return e;
}

static enum sp_err message_check(const struct cms_auth_message *m)
{
	const struct cms_auth_enveloped *a = m->body;
	if (OBJ_obj2nid(m->type) != NID_id_smime_ct_authEnvelopedData || !a)
		return SP_ERR_UNSUPPORTED;
	SP_TRY(alg_check(a->content->alg));
	if (ASN1_INTEGER_get(a->version) != 0 || sk_ASN1_TYPE_num(a->recipients) < 1 || !a->content->encrypted)
		return SP_ERR_INVALID;
	return ASN1_STRING_length(a->mac) == TAG ? SP_OK : SP_ERR_INVALID;
}

enum sp_err sp_cms_auth_enveloped_check(struct sp_bytes in)
{
	const uint8_t *p = in.p;
	if (in.n == 0 || in.n > SP_LIMIT_CMS)
		return in.n ? SP_ERR_TOO_LONG : SP_ERR_TRUNCATED;
	struct cms_auth_message *m = (struct cms_auth_message *)ASN1_item_d2i(NULL, &p, (long)in.n, ASN1_ITEM_rptr(cms_auth_message));
	enum sp_err e = m ? message_check(m) : SP_ERR_ENCODING;
	if (e == SP_OK && p != in.p + in.n)
		e = SP_ERR_TRAILING;
	ASN1_item_free((ASN1_VALUE *)m, ASN1_ITEM_rptr(cms_auth_message));
	return e == SP_OK ? SP_OK : sp__crypto_fail(e);
}
