/* SPDX-License-Identifier: Apache-2.0
 *
 * P-256, P-384, P-521 for DHKEM (RFC 9180 section 7.1) and for the public part of signing keys (SEC 1).
 *
 * On EC_POINT rather than EVP_PKEY: EVP accepts scalars 0 and above the order, compressed points and infinity, and
 * pays a multiplication by the order for each peer although the cofactor is 1. Here each check stands in sight.
 * EC_POINT_mul with one secret scalar runs OpenSSL's constant-time ladder (or its P-256 window code).
 */
#include "crypto/kem_priv.h"

#include <openssl/bn.h>

#define POINT_UNCOMPRESSED 0x04
#define SCALAR_MAX 66u

const EC_GROUP *sp__ec_group(const struct sp__kem_info *k)
{
	const struct sp__algs *a = sp__algs();
	if (!a || !k->is_nist)
		return NULL;
	return k->kem == SP_KEM_P256 ? a->p256 : k->kem == SP_KEM_P384 ? a->p384 : a->p521;
}

/* priv - order borrows exactly when priv < order; no branch depends on priv until the verdict. */
static unsigned is_below(const uint8_t *priv, const uint8_t *order, size_t n)
{
	unsigned borrow = 0;
	for (size_t i = n; i-- > 0;)
		borrow = ((unsigned)priv[i] - order[i] - borrow) >> 8 & 1;
	return borrow;
}

static unsigned is_not_zero(const uint8_t *priv, size_t n)
{
	unsigned any = 0;
	for (size_t i = 0; i < n; i++)
		any |= priv[i];
	return any != 0;
}

/* Leading zero octets may be missing: P-521 keys of other implementations are often 65 octets. */
enum sp_err sp__ec_scalar_check(const struct sp__kem_info *k, struct sp_bytes priv)
{
	const EC_GROUP *group = sp__ec_group(k);
	uint8_t order[SCALAR_MAX], padded[SCALAR_MAX] = {0};
	if (!group)
		return SP_ERR_CRYPTO;
	if (priv.n == 0 || priv.n > k->n_private)
		return SP_ERR_INVALID;
	if (BN_bn2binpad(EC_GROUP_get0_order(group), order, (int)k->n_private) < 0)
		return sp__crypto_fail(SP_ERR_CRYPTO);
	sp_copy(padded + k->n_private - priv.n, priv.p, priv.n);
	unsigned ok = is_not_zero(padded, k->n_private) & is_below(padded, order, k->n_private);
	sp_wipe(padded, sizeof padded);
	return ok ? SP_OK : SP_ERR_INVALID;
}

/* What one multiplication needs. */
struct ec_work {
	const EC_GROUP *group;
	BN_CTX *bn;
	BIGNUM *scalar, *x;
	EC_POINT *point;
};

static enum sp_err work_init(struct ec_work *w, const struct sp__kem_info *k, struct sp_bytes priv)
{
	*w = (struct ec_work){.group = sp__ec_group(k)};
	if (!w->group)
		return SP_ERR_CRYPTO;
	w->bn = BN_CTX_secure_new();
	w->scalar = BN_secure_new();
	w->x = BN_secure_new();
	w->point = EC_POINT_new(w->group);
	if (!w->bn || !w->scalar || !w->x || !w->point || !BN_bin2bn(priv.p, (int)priv.n, w->scalar))
		return SP_ERR_CRYPTO;
	BN_set_flags(w->scalar, BN_FLG_CONSTTIME);
	return SP_OK;
}

static void work_clear(struct ec_work *w)
{
	EC_POINT_clear_free(w->point);
	BN_clear_free(w->x);
	BN_clear_free(w->scalar);
	BN_CTX_free(w->bn);
}

static enum sp_err base_multiply(struct ec_work *w, struct sp_kem_public *out, size_t n)
{
	if (!EC_POINT_mul(w->group, w->point, w->scalar, NULL, NULL, w->bn) ||
	    EC_POINT_point2oct(w->group, w->point, POINT_CONVERSION_UNCOMPRESSED, out->b, n, w->bn) != n)
		return SP_ERR_CRYPTO;
	out->n = n;
	return SP_OK;
}

enum sp_err sp__ec_public_of(const struct sp__kem_info *k, struct sp_bytes priv, struct sp_kem_public *out)
{
	struct ec_work w = {0};
	*out = (struct sp_kem_public){0};
	enum sp_err e = sp__ec_scalar_check(k, priv);
	if (e != SP_OK)
		return e;
	e = work_init(&w, k, priv);
	if (e == SP_OK)
		e = base_multiply(&w, out, k->n_public);
	if (e != SP_OK)
		e = sp__crypto_fail(e);
	work_clear(&w);
	return e;
}

/* Length and first octet exclude infinity (one zero octet), compressed (02, 03) and hybrid (06, 07) forms. oct2point
 * refuses coordinates not below p and points off the curve. With cofactor 1 nothing else is left to check. */
static enum sp_err decode_point(const struct sp__kem_info *k, EC_POINT *out, struct sp_bytes pub, BN_CTX *bn)
{
	if (pub.n != k->n_public || pub.p[0] != POINT_UNCOMPRESSED)
		return SP_ERR_INVALID;
	return EC_POINT_oct2point(sp__ec_group(k), out, pub.p, pub.n, bn) ? SP_OK : SP_ERR_INVALID;
}

enum sp_err sp__ec_public_check(const struct sp__kem_info *k, struct sp_bytes pub)
{
	const EC_GROUP *group = sp__ec_group(k);
	EC_POINT *point = group ? EC_POINT_new(group) : NULL;
	enum sp_err e = point ? decode_point(k, point, pub, NULL) : SP_ERR_CRYPTO;
	if (e != SP_OK)
		e = sp__crypto_fail(e);
	EC_POINT_free(point);
	return e;
}

static enum sp_err multiply(const struct sp__kem_info *k, struct ec_work *w, struct sp_bytes peer, struct sp_secret *out)
{
	SP_TRY(decode_point(k, w->point, peer, w->bn));
	if (!EC_POINT_mul(w->group, w->point, NULL, w->point, w->scalar, w->bn) ||
	    !EC_POINT_get_affine_coordinates(w->group, w->point, w->x, NULL, w->bn) || /* fails at infinity */
	    BN_bn2binpad(w->x, out->b, (int)k->n_dh) < 0)
		return SP_ERR_CRYPTO;
	out->n = k->n_dh;
	return SP_OK;
}

enum sp_err sp__ec_dh(const struct sp__kem_info *k, struct sp_bytes priv, struct sp_bytes peer, struct sp_secret *out)
{
	struct ec_work w = {0};
	sp_secret_clear(out);
	enum sp_err e = sp__ec_scalar_check(k, priv);
	if (e != SP_OK)
		return e;
	e = work_init(&w, k, priv);
	if (e == SP_OK)
		e = multiply(k, &w, peer, out);
	if (e != SP_OK) {
		sp_secret_clear(out);
		e = sp__crypto_fail(e);
	}
	work_clear(&w);
	return e;
}
