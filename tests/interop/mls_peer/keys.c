/* SPDX-License-Identifier: Apache-2.0
 *
 * Signing keys as other stacks and vectors hold them.
 */
#include "peer.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

static enum sp_err raw_of(struct sp_buf *out, EVP_PKEY *key)
{
	uint8_t raw[72];
	size_t n = sizeof raw;
	BIGNUM *scalar = NULL;
	if (EVP_PKEY_get_raw_private_key(key, raw, &n) == 1)
		return sp_buf_append(out, (struct sp_bytes){raw, n});
	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &scalar) != 1)
		return SP_ERR_CRYPTO;
	int size = (EVP_PKEY_get_bits(key) + 7) / 8;
	int got = BN_bn2binpad(scalar, raw, size);
	BN_clear_free(scalar);
	return got == size ? sp_buf_append(out, (struct sp_bytes){raw, (size_t)size}) : SP_ERR_CRYPTO;
}

enum sp_err raw_key_of(struct peer *p, const struct identity *who, struct sp_bytes *out)
{
	struct sp_buf *pkcs8 = scratch_buf(p), *raw = scratch_buf(p);
	SP_TRY(sp_sign_key_to_pkcs8(who->key, pkcs8));
	const unsigned char *der = pkcs8->p;
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &der, (long)pkcs8->n);
	EVP_PKEY *key = info ? EVP_PKCS82PKEY(info) : NULL;
	enum sp_err e = key ? raw_of(raw, key) : SP_ERR_CRYPTO;
	EVP_PKEY_free(key);
	PKCS8_PRIV_KEY_INFO_free(info);
	*out = sp_buf_bytes(raw);
	return e;
}
