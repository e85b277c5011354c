/* SPDX-License-Identifier: Apache-2.0
 *
 * Signing keys in this process's memory: made, imported, exported (PKCS#8, RFC 5958), and offered as a signer.
 */
#include "base/limits.h"
#include "crypto/crypto_evp_priv.h"
#include "crypto/sign_priv.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/encoder.h>

#define SIGNATURE_MAX 160u /* above every n_signature_max */

struct sp_sign_key {
	const struct sp__sig_info *info;
	EVP_PKEY *evp;
	size_t n_public;
	uint8_t public_key[SP_KEM_PUBLIC_MAX];
};

void sp_sign_key_free(struct sp_sign_key **key)
{
	if (!*key)
		return;
	EVP_PKEY_free((*key)->evp);
	sp_free(*key);
	*key = NULL;
}

EVP_PKEY *sp_sign_key_evp(const struct sp_sign_key *key)
{
	return key->evp;
}

/* Takes evp in any case. */
static enum sp_err adopt(struct sp_sign_key **out, EVP_PKEY *evp)
{
	enum sp_sig alg;
	struct sp_buf pub;
	sp_buf_init(&pub, SP_KEM_PUBLIC_MAX);
	struct sp_sign_key *key = NULL;
	enum sp_err e = sp_evp_public_get(evp, &alg, &pub);
	if (e == SP_OK && !(key = sp_alloc(sizeof *key)))
		e = SP_ERR_NOMEM;
	if (e == SP_OK) {
		*key = (struct sp_sign_key){sp__sig_info(alg), evp, pub.n, {0}};
		sp_copy(key->public_key, pub.p, pub.n);
		evp = NULL;
	}
	EVP_PKEY_free(evp);
	sp_buf_clear(&pub);
	*out = key;
	return e;
}

enum sp_err sp_sign_key_generate(struct sp_sign_key **out, enum sp_sig alg)
{
	const struct sp__sig_info *s = sp__sig_info(alg);
	*out = NULL;
	if (!s)
		return SP_ERR_UNSUPPORTED;
	EVP_PKEY *evp = s->group ? EVP_PKEY_Q_keygen(NULL, NULL, s->type, s->group) : EVP_PKEY_Q_keygen(NULL, NULL, s->type);
	if (!evp)
		return sp__crypto_fail(SP_ERR_CRYPTO);
	return adopt(out, evp);
}

enum sp_err sp_sign_key_from_private(struct sp_sign_key **out, enum sp_sig alg, struct sp_bytes priv)
{
	const struct sp__sig_info *s = sp__sig_info(alg);
	struct sp_kem_public pub = {0};
	*out = NULL;
	if (!s)
		return SP_ERR_UNSUPPORTED;
	if (!s->group && priv.n != s->n_private)
		return SP_ERR_INVALID;
	if (s->group)
		SP_TRY(sp__ec_public_of(sp__kem_info(s->curve), priv, &pub));
	EVP_PKEY *evp = sp__evp_import(s, sp_kem_public_bytes(&pub), priv);
	if (!evp)
		return sp__crypto_fail(SP_ERR_CRYPTO);
	return adopt(out, evp);
}

static enum sp_err private_of(const struct sp_sign_key *key, struct sp_secret *out)
{
	BIGNUM *d = NULL;
	enum sp_err e = SP_OK;
	out->n = key->info->n_private;
	if (!key->info->group)
		return EVP_PKEY_get_raw_private_key(key->evp, out->b, &out->n) ? SP_OK : SP_ERR_INVALID;
	if (!EVP_PKEY_get_bn_param(key->evp, OSSL_PKEY_PARAM_PRIV_KEY, &d) || BN_bn2binpad(d, out->b, (int)out->n) < 0)
		e = SP_ERR_INVALID;
	BN_clear_free(d);
	return e;
}

/* Makes the key anew from its private part, and compares: a file may hold a public part that is another's, or a scalar
 * out of range. */
static enum sp_err rebuild(struct sp_sign_key **out, const struct sp_sign_key *decoded)
{
	struct sp_secret priv = {0};
	enum sp_err e = private_of(decoded, &priv);
	if (e == SP_OK)
		e = sp_sign_key_from_private(out, decoded->info->alg, sp_secret_bytes(&priv));
	if (e == SP_OK && memcmp((*out)->public_key, decoded->public_key, sizeof decoded->public_key) != 0)
		e = SP_ERR_INVALID;
	if (e != SP_OK) {
		sp_sign_key_free(out);
		e = sp__crypto_fail(e);
	}
	sp_secret_clear(&priv);
	return e;
}

/* The first object of der; *rest is what follows it. */
static EVP_PKEY *decode_pkcs8(struct sp_bytes der, size_t *rest)
{
	EVP_PKEY *evp = NULL;
	const uint8_t *p = der.p;
	*rest = der.n;
	OSSL_DECODER_CTX *ctx = OSSL_DECODER_CTX_new_for_pkey(&evp, "DER", "PrivateKeyInfo", NULL, EVP_PKEY_KEYPAIR, NULL, NULL);
	if (ctx && !OSSL_DECODER_from_data(ctx, &p, rest)) {
		EVP_PKEY_free(evp);
		evp = NULL;
	}
	OSSL_DECODER_CTX_free(ctx);
	return evp;
}

enum sp_err sp_sign_key_from_pkcs8(struct sp_sign_key **out, struct sp_bytes der)
{
	struct sp_sign_key *decoded = NULL;
	size_t rest = 0;
	*out = NULL;
	if (der.n == 0 || der.n > SP_LIMIT_PKCS8)
		return SP_ERR_ENCODING;
	EVP_PKEY *evp = decode_pkcs8(der, &rest);
	if (!evp)
		return sp__crypto_fail(SP_ERR_ENCODING);
	enum sp_err e = adopt(&decoded, evp);
	if (e == SP_OK && rest != 0)
		e = SP_ERR_TRAILING;
	if (e == SP_OK)
		e = rebuild(out, decoded);
	sp_sign_key_free(&decoded);
	return e;
}

enum sp_err sp_sign_key_to_pkcs8(const struct sp_sign_key *key, struct sp_buf *out)
{
	uint8_t *der = NULL;
	size_t n = 0;
	OSSL_ENCODER_CTX *ctx = OSSL_ENCODER_CTX_new_for_pkey(key->evp, EVP_PKEY_KEYPAIR, "DER", "PrivateKeyInfo", NULL);
	enum sp_err e = ctx && OSSL_ENCODER_to_data(ctx, &der, &n) ? SP_OK : sp__crypto_fail(SP_ERR_CRYPTO);
	if (e == SP_OK)
		e = sp_buf_append(out, (struct sp_bytes){der, n});
	OPENSSL_clear_free(der, n);
	OSSL_ENCODER_CTX_free(ctx);
	return e;
}

/* A fresh context each time: from OpenSSL 3.5 on, a second EVP_DigestSign on one context fails without a new init. */
static enum sp_err run_sign(EVP_MD_CTX *ctx, const struct sp_sign_key *key, uint8_t *out, size_t *n, struct sp_bytes message)
{
	if (!ctx || EVP_DigestSignInit_ex(ctx, NULL, key->info->digest, NULL, NULL, key->evp, NULL) <= 0)
		return SP_ERR_CRYPTO;
	if (EVP_DigestSign(ctx, out, n, message.p, message.n) <= 0)
		return SP_ERR_CRYPTO;
	/* out of memory in its last step, OpenSSL 3.0's ECDSA says success and 2^32 - 1 bytes */
	return *n > 0 && *n <= key->info->n_signature_max ? SP_OK : SP_ERR_CRYPTO;
}

static enum sp_err software_sign(void *key, struct sp_buf *out, struct sp_bytes message)
{
	uint8_t signature[SIGNATURE_MAX];
	size_t n = sizeof signature;
	const uint8_t none = 0;
	if (!message.p)
		message.p = &none; /* OpenSSL refuses NULL even for no bytes */
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	enum sp_err e = run_sign(ctx, key, signature, &n, message);
	EVP_MD_CTX_free(ctx);
	if (e != SP_OK)
		return sp__crypto_fail(e);
	return sp_buf_append(out, (struct sp_bytes){signature, n});
}

struct sp_signer sp_sign_key_signer(struct sp_sign_key *key)
{
	return (struct sp_signer){key->info->alg, {key->public_key, key->n_public}, software_sign, key};
}

enum sp_err sp_sign(const struct sp_signer *signer, struct sp_buf *out, struct sp_bytes message)
{
	return signer->sign(signer->ctx, out, message);
}
