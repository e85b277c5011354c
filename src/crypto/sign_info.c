/* SPDX-License-Identifier: Apache-2.0
 *
 * Signature algorithms (RFC 8446 section 4.2.3, RFC 9420 section 5.1.1) as OpenSSL names them, and keys in and out of EVP_PKEY.
 */
#include "crypto/crypto_evp_priv.h"
#include "crypto/sign_priv.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

/* Ecdsa-Sig-Value of two full integers: 2 * (field + 1 sign octet + 2) + 3 */
static const struct sp__sig_info sigs[] = {
	{SP_SIG_ECDSA_P256_SHA256, "EC", "P-256", "SHA256", SP_KEM_P256, 65, 32, 72},
	{SP_SIG_ECDSA_P384_SHA384, "EC", "P-384", "SHA384", SP_KEM_P384, 97, 48, 104},
	{SP_SIG_ECDSA_P521_SHA512, "EC", "P-521", "SHA512", SP_KEM_P521, 133, 66, 139},
	{SP_SIG_ED25519, "ED25519", NULL, NULL, 0, 32, 32, 64},
	{SP_SIG_ED448, "ED448", NULL, NULL, 0, 57, 57, 114},
};

const struct sp__sig_info *sp__sig_info(enum sp_sig alg)
{
	for (size_t i = 0; i < SP_ARRAY_LEN(sigs); i++)
		if (sigs[i].alg == alg)
			return &sigs[i];
	return NULL;
}

size_t sp_sig_public_size(enum sp_sig alg)
{
	const struct sp__sig_info *s = sp__sig_info(alg);
	return s ? s->n_public : 0;
}

/* A copy of the curve's parameters given a point: a quarter of the price of EVP_PKEY_fromdata. */
static EVP_PKEY *import_ec_public(const struct sp__sig_info *s, struct sp_bytes pub)
{
	const struct sp__algs *a = sp__algs();
	if (!a)
		return NULL;
	EVP_PKEY *key = EVP_PKEY_dup(s->curve == SP_KEM_P256 ? a->p256_params : s->curve == SP_KEM_P384 ? a->p384_params : a->p521_params);
	if (key && EVP_PKEY_set1_encoded_public_key(key, pub.p, pub.n) > 0)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

static OSSL_PARAM *ec_params(OSSL_PARAM_BLD *bld, const struct sp__sig_info *s, struct sp_bytes pub, const BIGNUM *priv)
{
	if (!bld || !OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, s->group, 0) ||
	    !OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, pub.p, pub.n) ||
	    !OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, priv))
		return NULL;
	return OSSL_PARAM_BLD_to_param(bld);
}

static EVP_PKEY *import_params(const struct sp__sig_info *s, OSSL_PARAM *params)
{
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, s->type, NULL);
	if (ctx && params && EVP_PKEY_fromdata_init(ctx) > 0 && EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static EVP_PKEY *import_ec_pair(const struct sp__sig_info *s, struct sp_bytes pub, struct sp_bytes priv)
{
	BIGNUM *d = BN_secure_new(); /* a secure BIGNUM makes the builder copy into wiped memory */
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	if (d && BN_bin2bn(priv.p, (int)priv.n, d))
		params = ec_params(bld, s, pub, d);
	EVP_PKEY *key = import_params(s, params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	BN_clear_free(d);
	return key;
}

EVP_PKEY *sp__evp_import(const struct sp__sig_info *s, struct sp_bytes pub, struct sp_bytes priv)
{
	if (s->group)
		return priv.n ? import_ec_pair(s, pub, priv) : import_ec_public(s, pub);
	if (priv.n)
		return EVP_PKEY_new_raw_private_key_ex(NULL, s->type, NULL, priv.p, priv.n);
	return EVP_PKEY_new_raw_public_key_ex(NULL, s->type, NULL, pub.p, pub.n);
}

static const struct sp__sig_info *info_of(EVP_PKEY *evp)
{
	char group[32] = "";
	for (size_t i = 0; i < SP_ARRAY_LEN(sigs); i++) {
		if (!EVP_PKEY_is_a(evp, sigs[i].type))
			continue;
		if (!sigs[i].group)
			return &sigs[i];
		const struct sp__kem_info *k = sp__kem_info(sigs[i].curve);
		if (EVP_PKEY_get_group_name(evp, group, sizeof group, NULL) &&
		    OBJ_sn2nid(group) == EC_GROUP_get_curve_name(sp__ec_group(k)))
			return &sigs[i];
	}
	return NULL;
}

/* From coordinates: "pub" itself comes in whatever form the key was read in, compressed perhaps. */
static enum sp_err ec_point(EVP_PKEY *evp, uint8_t *out, size_t n)
{
	BIGNUM *x = NULL, *y = NULL;
	int field = (int)(n - 1) / 2;
	enum sp_err e = SP_OK;
	out[0] = 0x04;
	if (!EVP_PKEY_get_bn_param(evp, OSSL_PKEY_PARAM_EC_PUB_X, &x) || !EVP_PKEY_get_bn_param(evp, OSSL_PKEY_PARAM_EC_PUB_Y, &y) ||
	    BN_bn2binpad(x, out + 1, field) < 0 || BN_bn2binpad(y, out + 1 + field, field) < 0)
		e = SP_ERR_UNSUPPORTED;
	BN_free(x);
	BN_free(y);
	return e;
}

enum sp_err sp_evp_public_get(EVP_PKEY *evp, enum sp_sig *out_alg, struct sp_buf *out)
{
	uint8_t raw[SP_KEM_PUBLIC_MAX] = {0};
	const struct sp__sig_info *s = evp ? info_of(evp) : NULL;
	*out_alg = 0;
	if (!s)
		return sp__crypto_fail(SP_ERR_UNSUPPORTED);
	size_t n = s->n_public;
	enum sp_err e = SP_OK;
	if (s->group)
		e = ec_point(evp, raw, n);
	else if (!EVP_PKEY_get_raw_public_key(evp, raw, &n) || n != s->n_public)
		e = SP_ERR_UNSUPPORTED;
	if (e != SP_OK)
		return sp__crypto_fail(e);
	SP_TRY(sp_buf_append(out, (struct sp_bytes){raw, n}));
	*out_alg = s->alg;
	return SP_OK;
}
