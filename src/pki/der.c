/* SPDX-License-Identifier: Apache-2.0
 *
 * Strict DER in and the small fields of X.509: keys, serials, times, algorithms (RFC 5280 section 4.1).
 */
#include <openssl/err.h>
#include <time.h>

#include "pki/pki_priv.h"

/* `again` is what OpenSSL makes of the decoded object. Its parser takes BER; one object must have one encoding. */
static bool der_is_same(struct sp_bytes in, uint8_t *again, int n)
{
	bool same = n > 0 && sp_bytes_equal(in, (struct sp_bytes){again, (size_t)n});
	OPENSSL_free(again);
	ERR_clear_error();
	return same;
}

X509 *sp__pki_cert_decode(struct sp_bytes in)
{
	const uint8_t *p = in.p;
	uint8_t *again = NULL;
	X509 *x = in.n > 0 && in.n <= SP_LIMIT_CERT ? d2i_X509(NULL, &p, (long)in.n) : NULL;
	int n = x ? i2d_X509(x, &again) : 0;
	if (der_is_same(in, again, n))
		return x;
	X509_free(x);
	return NULL;
}

X509_REQ *sp__pki_csr_decode(struct sp_bytes in)
{
	const uint8_t *p = in.p;
	uint8_t *again = NULL;
	X509_REQ *x = in.n > 0 && in.n <= SP_LIMIT_CSR ? d2i_X509_REQ(NULL, &p, (long)in.n) : NULL;
	int n = x ? i2d_X509_REQ(x, &again) : 0;
	if (der_is_same(in, again, n))
		return x;
	X509_REQ_free(x);
	return NULL;
}

X509_CRL *sp__pki_crl_decode(struct sp_bytes in, size_t *out_used)
{
	const uint8_t *p = in.p;
	uint8_t *again = NULL;
	*out_used = 0;
	X509_CRL *x = in.n > 0 && in.n <= SP_LIMIT_CRL ? d2i_X509_CRL(NULL, &p, (long)in.n) : NULL;
	size_t used = x ? (size_t)(p - in.p) : 0;
	int n = x ? i2d_X509_CRL(x, &again) : 0;
	if (der_is_same((struct sp_bytes){in.p, used}, again, n)) {
		*out_used = used;
		return x;
	}
	X509_CRL_free(x);
	return NULL;
}

/* SubjectPublicKeyInfo { id-ecPublicKey, prime256v1 } with a BIT STRING of 65 bytes (RFC 5480 section 2). */
static const uint8_t spki_head[SP_PKI_SPKI - SP_PKI_POINT] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
							       0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};

enum sp_err sp_pki_point_decode(struct sp_pki_point *out, struct sp_bytes in)
{
	*out = (struct sp_pki_point){{0}};
	if (in.n != SP_PKI_POINT || in.p[0] != 0x04)
		return SP_ERR_INVALID;
	if (sp_kem_public_check(SP_KEM_P256, in) != SP_OK)
		return SP_ERR_INVALID;
	sp_copy(out->b, in.p, in.n);
	return SP_OK;
}

void sp_pki_spki_encode(uint8_t out[SP_PKI_SPKI], const struct sp_pki_point *point)
{
	sp_copy(out, spki_head, sizeof spki_head);
	sp_copy(out + sizeof spki_head, point->b, sizeof point->b);
}

enum sp_err sp_pki_spki_hash(struct sp_hash32 *out, const struct sp_pki_point *point)
{
	uint8_t spki[SP_PKI_SPKI];
	sp_pki_spki_encode(spki, point);
	return sp_sha256(out, SP_BYTES_OF(spki));
}

enum sp_err sp__pki_pubkey_point(struct sp_pki_point *out, X509_PUBKEY *key)
{
	uint8_t *der = NULL;
	*out = (struct sp_pki_point){{0}};
	int n = key ? i2d_X509_PUBKEY(key, &der) : 0;
	enum sp_err e = SP_ERR_INVALID;
	if (n == (int)SP_PKI_SPKI && sp_bytes_equal(SP_BYTES_OF(spki_head), (struct sp_bytes){der, sizeof spki_head}))
		e = sp_pki_point_decode(out, (struct sp_bytes){der + sizeof spki_head, SP_PKI_POINT});
	OPENSSL_free(der);
	ERR_clear_error();
	return e;
}

enum sp_err sp__pki_key_id(uint8_t out[20], const struct sp_pki_point *point)
{
	struct sp_hash32 h;
	memset(out, 0, 20);
	SP_TRY(sp_sha256(&h, (struct sp_bytes){point->b, sizeof point->b}));
	sp_copy(out, h.b, 20);
	return SP_OK;
}

enum sp_err sp_pki_serial_random(struct sp_pki_serial *out, const struct sp_rng *rng)
{
	*out = (struct sp_pki_serial){{0}};
	SP_TRY(sp_rng_fill(rng, out->b, sizeof out->b));
	out->b[0] = (uint8_t)((out->b[0] & 0x3f) | 0x40); /* positive, and always of 16 bytes */
	return SP_OK;
}

enum sp_err sp__pki_serial_decode(struct sp_pki_serial *out, const ASN1_INTEGER *in)
{
	*out = (struct sp_pki_serial){{0}};
	if (!in || ASN1_STRING_type(in) != V_ASN1_INTEGER || ASN1_STRING_length(in) != (int)SP_PKI_SERIAL)
		return SP_ERR_CERTIFICATE;
	const uint8_t *p = ASN1_STRING_get0_data(in);
	if ((p[0] & 0xc0) != 0x40)
		return SP_ERR_CERTIFICATE;
	sp_copy(out->b, p, SP_PKI_SERIAL);
	return SP_OK;
}

ASN1_INTEGER *sp__pki_serial_new(const struct sp_pki_serial *serial)
{
	ASN1_INTEGER *i = ASN1_INTEGER_new();
	if (i && ASN1_STRING_set(i, serial->b, sizeof serial->b) == 1)
		return i;
	ASN1_INTEGER_free(i);
	return NULL;
}

enum sp_err sp__pki_time_decode(struct sp_time *out, const ASN1_TIME *in)
{
	struct tm tm = {0};
	*out = (struct sp_time){0};
	if (!in || ASN1_TIME_to_tm(in, &tm) != 1) {
		ERR_clear_error();
		return SP_ERR_CERTIFICATE;
	}
	out->ms = (int64_t)timegm(&tm) * 1000;
	return SP_OK;
}

ASN1_TIME *sp__pki_time_new(struct sp_time t)
{
	return ASN1_TIME_set(NULL, (time_t)(t.ms / 1000));
}

static bool alg_is_ecdsa_sha256(const X509_ALGOR *alg)
{
	const ASN1_OBJECT *oid = NULL;
	int parameter = 0;
	X509_ALGOR_get0(&oid, &parameter, NULL, alg);
	return OBJ_obj2nid(oid) == NID_ecdsa_with_SHA256 && parameter == V_ASN1_UNDEF; /* RFC 5758: parameters absent */
}

bool sp__pki_sigalg_is_ours(const X509_ALGOR *inner, const X509_ALGOR *outer)
{
	return (!inner || alg_is_ecdsa_sha256(inner)) && alg_is_ecdsa_sha256(outer);
}
