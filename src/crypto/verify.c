/* SPDX-License-Identifier: Apache-2.0
 *
 * Verification. The key is decoded and checked once; OpenSSL's Ed25519 refuses s >= L, its ECDSA refuses any encoding
 * that is not the DER it would write itself, trailing bytes included (both are tests here).
 */
#include "crypto/crypto_evp_priv.h"
#include "crypto/sign_priv.h"

struct sp_verify_key {
	const struct sp__sig_info *info;
	EVP_PKEY *evp;
};

void sp_verify_key_free(struct sp_verify_key **key)
{
	if (!*key)
		return;
	EVP_PKEY_free((*key)->evp);
	sp_free(*key);
	*key = NULL;
}

EVP_PKEY *sp_verify_key_evp(const struct sp_verify_key *key)
{
	return key->evp;
}

static enum sp_err public_check(const struct sp__sig_info *s, struct sp_bytes public_key)
{
	if (s->group)
		return sp_kem_public_check(s->curve, public_key);
	return public_key.n == s->n_public ? SP_OK : SP_ERR_INVALID;
}

enum sp_err sp_verify_key_new(struct sp_verify_key **out, enum sp_sig alg, struct sp_bytes public_key)
{
	const struct sp__sig_info *s = sp__sig_info(alg);
	*out = NULL;
	if (!s)
		return SP_ERR_UNSUPPORTED;
	SP_TRY(public_check(s, public_key));
	struct sp_verify_key *key = sp_alloc(sizeof *key);
	if (!key)
		return SP_ERR_NOMEM;
	*key = (struct sp_verify_key){s, sp__evp_import(s, public_key, SP_BYTES_NONE)};
	if (!key->evp) {
		sp_verify_key_free(&key);
		return sp__crypto_fail(SP_ERR_CRYPTO);
	}
	*out = key;
	return SP_OK;
}

static enum sp_err run_verify(EVP_MD_CTX *ctx, const struct sp_verify_key *key, struct sp_bytes message, struct sp_bytes signature)
{
	const uint8_t none = 0;
	if (!ctx || EVP_DigestVerifyInit_ex(ctx, NULL, key->info->digest, NULL, NULL, key->evp, NULL) <= 0)
		return SP_ERR_CRYPTO;
	int ok = EVP_DigestVerify(ctx, signature.p, signature.n, message.p ? message.p : &none, message.n);
	return ok == 1 ? SP_OK : SP_ERR_SIGNATURE;
}

enum sp_err sp_verify(const struct sp_verify_key *key, struct sp_bytes message, struct sp_bytes signature)
{
	if (signature.n == 0 || signature.n > key->info->n_signature_max)
		return SP_ERR_SIGNATURE;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	enum sp_err e = run_verify(ctx, key, message, signature);
	if (e != SP_OK)
		e = sp__crypto_fail(e);
	EVP_MD_CTX_free(ctx);
	return e;
}
