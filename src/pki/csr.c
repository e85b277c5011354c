/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificate signing requests (PKCS#10, RFC 2986): a public key and the proof that its private half is there. Every wish
 * in one is ignored, so nothing in it can be smuggled into a certificate.
 */
#include <openssl/err.h>

#include "crypto/crypto_evp_priv.h"
#include "pki/pki_priv.h"

static enum sp_err append_der(struct sp_buf *out, X509_REQ *req)
{
	uint8_t *der = NULL;
	int n = i2d_X509_REQ(req, &der);
	enum sp_err e = n > 0 ? sp_buf_append(out, (struct sp_bytes){der, (size_t)n}) : SP_ERR_CRYPTO;
	OPENSSL_free(der);
	return e;
}

enum sp_err sp_pki_csr_build(struct sp_buf *out, struct sp_sign_key *key)
{
	X509_REQ *req = X509_REQ_new();
	EVP_PKEY *pkey = sp_sign_key_evp(key);
	enum sp_err e = SP_ERR_CRYPTO;
	if (req && pkey && X509_REQ_set_version(req, X509_REQ_VERSION_1) == 1 && X509_REQ_set_pubkey(req, pkey) == 1 &&
	    X509_REQ_sign(req, pkey, EVP_sha256()) > 0)
		e = append_der(out, req);
	X509_REQ_free(req);
	ERR_clear_error();
	return e;
}

static enum sp_err check(struct sp_pki_csr *out, X509_REQ *req)
{
	const ASN1_BIT_STRING *signature = NULL;
	const X509_ALGOR *alg = NULL;
	X509_REQ_get0_signature(req, &signature, &alg);
	if (X509_REQ_get_version(req) != X509_REQ_VERSION_1 || !sp__pki_sigalg_is_ours(NULL, alg))
		return SP_ERR_INVALID;
	SP_TRY(sp__pki_pubkey_point(&out->point, X509_REQ_get_X509_PUBKEY(req)));
	if (X509_REQ_verify(req, X509_REQ_get0_pubkey(req)) != 1)
		return SP_ERR_SIGNATURE;
	return sp_pki_spki_hash(&out->spki_hash, &out->point);
}

enum sp_err sp_pki_csr_check(struct sp_pki_csr *out, struct sp_bytes csr)
{
	*out = (struct sp_pki_csr){0};
	X509_REQ *req = sp__pki_csr_decode(csr);
	if (!req)
		return SP_ERR_INVALID;
	enum sp_err e = check(out, req);
	X509_REQ_free(req);
	ERR_clear_error();
	if (e != SP_OK)
		*out = (struct sp_pki_csr){0};
	return e;
}
