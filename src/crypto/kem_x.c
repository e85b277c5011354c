/* SPDX-License-Identifier: Apache-2.0
 *
 * X25519 and X448 (RFC 7748) for DHKEM. A peer key of small order makes the shared secret zero: refused (RFC 9180
 * section 7.1.4).
 */
#include "crypto/kem_priv.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

enum sp_err sp__x_public_of(const struct sp__kem_info *k, struct sp_bytes priv, struct sp_kem_public *out)
{
	*out = (struct sp_kem_public){0};
	if (priv.n != k->n_private)
		return SP_ERR_INVALID;
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key_ex(NULL, k->name, NULL, priv.p, priv.n);
	size_t n = sizeof out->b;
	if (key && EVP_PKEY_get_raw_public_key(key, out->b, &n))
		out->n = n;
	EVP_PKEY_free(key);
	if (out->n == k->n_public)
		return SP_OK;
	*out = (struct sp_kem_public){0};
	return sp__crypto_fail(SP_ERR_CRYPTO);
}

/* Both halves given: from the private one alone OpenSSL would compute the public one, as dear as the exchange. */
static EVP_PKEY *import_pair(const struct sp__kem_info *k, const struct sp_secret *priv, struct sp_kem_public *pub)
{
	struct sp_secret copy = *priv; /* OSSL_PARAM wants it writable */
	EVP_PKEY *key = NULL;
	OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, copy.b, copy.n),
			       OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, pub->b, pub->n), OSSL_PARAM_construct_end()};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, k->name, NULL);
	if (ctx && EVP_PKEY_fromdata_init(ctx) > 0 && EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	sp_secret_clear(&copy);
	return key;
}

static enum sp_err derive(const struct sp__kem_info *k, EVP_PKEY_CTX *ctx, EVP_PKEY *peer, struct sp_secret *out)
{
	size_t n = sizeof out->b;
	unsigned any = 0;
	if (!ctx || !peer || EVP_PKEY_derive_init(ctx) <= 0 || EVP_PKEY_derive_set_peer_ex(ctx, peer, 0) <= 0)
		return SP_ERR_CRYPTO;
	if (EVP_PKEY_derive(ctx, out->b, &n) <= 0 || n != k->n_dh)
		return SP_ERR_INVALID;
	for (size_t i = 0; i < n; i++) /* OpenSSL checks it too; the RFC says MUST and we rely on it */
		any |= out->b[i];
	out->n = n;
	return any != 0 ? SP_OK : SP_ERR_INVALID;
}

static enum sp_err exchange(const struct sp__kem_info *k, EVP_PKEY *own, struct sp_bytes peer, struct sp_secret *out)
{
	EVP_PKEY *peer_key = EVP_PKEY_new_raw_public_key_ex(NULL, k->name, NULL, peer.p, peer.n);
	EVP_PKEY_CTX *ctx = own ? EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL) : NULL;
	enum sp_err e = derive(k, ctx, peer_key, out);
	if (e != SP_OK) {
		sp_secret_clear(out);
		e = sp__crypto_fail(e);
	}
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer_key);
	return e;
}

enum sp_err sp__x_dh(const struct sp__kem_info *k, struct sp_bytes priv, struct sp_bytes own_pub, struct sp_bytes peer,
		     struct sp_secret *out)
{
	struct sp_secret secret = {0};
	struct sp_kem_public pub = {.n = own_pub.n};
	sp_secret_clear(out);
	if (priv.n != k->n_private || own_pub.n != k->n_public || peer.n != k->n_public)
		return SP_ERR_INVALID;
	sp_copy(pub.b, own_pub.p, own_pub.n);
	sp_copy(secret.b, priv.p, priv.n);
	secret.n = priv.n;
	EVP_PKEY *own = import_pair(k, &secret, &pub);
	enum sp_err e = exchange(k, own, peer, out);
	EVP_PKEY_free(own);
	sp_secret_clear(&secret);
	return e;
}
