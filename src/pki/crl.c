/* SPDX-License-Identifier: Apache-2.0
 *
 * Revocation lists: made, and read strictly (RFC 5280 section 5). Version 2, key identifier and number, entries without
 * extensions; nothing indirect, partial or delta. Numbers and revocation dates both count Unix seconds.
 */
#include <openssl/err.h>
#include <stdlib.h>

#include "crypto/crypto_evp_priv.h"
#include "pki/pki_priv.h"

/* -- making ------------------------------------------------------------------------------------------------------ */

static enum sp_err from_openssl(int ok)
{
	return ok == 1 ? SP_OK : sp__crypto_fail(SP_ERR_CRYPTO);
}

static enum sp_err add_revoked(X509_CRL *crl, const struct sp_pki_revocation *revocation)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_INTEGER *serial = sp__pki_serial_new(&revocation->serial);
	ASN1_TIME *when = sp__pki_time_new((struct sp_time){(int64_t)revocation->since * 1000});
	enum sp_err e = SP_ERR_NOMEM;
	if (entry && serial && when && X509_REVOKED_set_serialNumber(entry, serial) == 1 && X509_REVOKED_set_revocationDate(entry, when) == 1 &&
	    X509_CRL_add0_revoked(crl, entry) == 1) {
		entry = NULL; /* the list owns it */
		e = SP_OK;
	}
	X509_REVOKED_free(entry);
	ASN1_INTEGER_free(serial);
	ASN1_TIME_free(when);
	return e;
}

static enum sp_err set_times(X509_CRL *crl, uint64_t number, struct sp_time next_update)
{
	ASN1_TIME *this_at = sp__pki_time_new((struct sp_time){(int64_t)number * 1000});
	ASN1_TIME *next_at = sp__pki_time_new(next_update);
	int ok = this_at && next_at && X509_CRL_set1_lastUpdate(crl, this_at) == 1 && X509_CRL_set1_nextUpdate(crl, next_at) == 1;
	ASN1_TIME_free(this_at);
	ASN1_TIME_free(next_at);
	return from_openssl(ok);
}

static enum sp_err add_extensions(X509_CRL *crl, const X509 *issuer, uint64_t number)
{
	struct sp_pki_point point;
	uint8_t id[20];
	SP_TRY(sp__pki_pubkey_point(&point, X509_get_X509_PUBKEY(issuer)));
	SP_TRY(sp__pki_key_id(id, &point));
	AUTHORITY_KEYID *aki = AUTHORITY_KEYID_new();
	ASN1_INTEGER *n = ASN1_INTEGER_new();
	int ok = aki && n && (aki->keyid = ASN1_OCTET_STRING_new()) && ASN1_OCTET_STRING_set(aki->keyid, id, sizeof id) == 1 &&
		 ASN1_INTEGER_set_uint64(n, number) == 1 &&
		 X509_CRL_add1_ext_i2d(crl, NID_authority_key_identifier, aki, 0, X509V3_ADD_DEFAULT) == 1 &&
		 X509_CRL_add1_ext_i2d(crl, NID_crl_number, n, 0, X509V3_ADD_DEFAULT) == 1;
	AUTHORITY_KEYID_free(aki);
	ASN1_INTEGER_free(n);
	return from_openssl(ok);
}

static enum sp_err fill(X509_CRL *crl, const X509 *issuer, const struct sp_pki_revocation *revoked, size_t n)
{
	SP_TRY(from_openssl(X509_CRL_set_version(crl, X509_CRL_VERSION_2)));
	SP_TRY(from_openssl(X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer))));
	for (size_t i = 0; i < n; i++)
		SP_TRY(add_revoked(crl, &revoked[i]));
	return SP_OK;
}

static enum sp_err append_der(struct sp_buf *out, X509_CRL *crl)
{
	uint8_t *der = NULL;
	int n = i2d_X509_CRL(crl, &der);
	enum sp_err e = n > 0 ? sp_buf_append(out, (struct sp_bytes){der, (size_t)n}) : SP_ERR_CRYPTO;
	OPENSSL_free(der);
	return e;
}

enum sp_err sp_pki_crl_make(struct sp_buf *out, const struct sp_pki_issuer *issuer, const struct sp_pki_revocation *revoked, size_t revoked_n,
			    uint64_t number, struct sp_time next_update)
{
	X509 *cert = sp__pki_cert_decode(issuer->cert);
	X509_CRL *crl = X509_CRL_new();
	enum sp_err e = cert && crl ? fill(crl, cert, revoked, revoked_n) : SP_ERR_USAGE;
	if (e == SP_OK)
		e = set_times(crl, number, next_update);
	if (e == SP_OK)
		e = add_extensions(crl, cert, number);
	if (e == SP_OK && (X509_CRL_sort(crl) != 1 || X509_CRL_sign(crl, sp_sign_key_evp(issuer->key), EVP_sha256()) <= 0))
		e = sp__crypto_fail(SP_ERR_CRYPTO);
	if (e == SP_OK)
		e = append_der(out, crl);
	X509_CRL_free(crl);
	X509_free(cert);
	ERR_clear_error();
	return e;
}

/* -- reading ------------------------------------------------------------------------------------------------------- */

static enum sp_err read_number(uint64_t *out, const X509_CRL *crl)
{
	int critical = 0;
	ASN1_INTEGER *n = X509_CRL_get_ext_d2i(crl, NID_crl_number, &critical, NULL);
	enum sp_err e = n && critical == 0 && ASN1_INTEGER_get_uint64(out, n) == 1 && *out != 0 ? SP_OK : SP_ERR_CERTIFICATE;
	ASN1_INTEGER_free(n);
	return e;
}

static enum sp_err check_frame(struct sp_pki_crl_info *info, const X509_CRL *crl)
{
	const X509_ALGOR *outer = NULL;
	X509_CRL_get0_signature(crl, NULL, &outer);
	if (X509_CRL_get_version(crl) != X509_CRL_VERSION_2 || !sp__pki_sigalg_is_ours(NULL, outer) || X509_CRL_get_ext_count(crl) != 2)
		return SP_ERR_CERTIFICATE;
	int aki = X509_CRL_get_ext_by_NID(crl, NID_authority_key_identifier, -1);
	if (aki < 0 || X509_EXTENSION_get_critical(X509_CRL_get_ext(crl, aki)))
		return SP_ERR_CERTIFICATE;
	SP_TRY(read_number(&info->number, crl));
	SP_TRY(sp__pki_time_decode(&info->this_update, X509_CRL_get0_lastUpdate(crl)));
	SP_TRY(sp__pki_time_decode(&info->next_update, X509_CRL_get0_nextUpdate(crl)));
	/* the number is the time, or an older question could not be answered from a newer list */
	bool agrees = info->this_update.ms > 0 && (uint64_t)info->this_update.ms / 1000 == info->number;
	return agrees && info->next_update.ms > info->this_update.ms ? SP_OK : SP_ERR_CERTIFICATE;
}

static enum sp_err read_entry(struct sp_pki_revocation *out, const X509_REVOKED *entry, uint64_t number)
{
	struct sp_time when;
	if (X509_REVOKED_get_ext_count(entry) > 0)
		return SP_ERR_CERTIFICATE;
	SP_TRY(sp__pki_serial_decode(&out->serial, X509_REVOKED_get0_serialNumber(entry)));
	SP_TRY(sp__pki_time_decode(&when, X509_REVOKED_get0_revocationDate(entry)));
	if (when.ms <= 0 || (uint64_t)when.ms / 1000 > number)
		return SP_ERR_CERTIFICATE;
	out->since = (uint64_t)when.ms / 1000;
	return SP_OK;
}

static int by_serial(const void *a, const void *b)
{
	const struct sp_pki_revocation *x = a, *y = b;
	return memcmp(x->serial.b, y->serial.b, sizeof x->serial.b);
}

static enum sp_err read_entries(struct sp__pki_crl *out)
{
	STACK_OF(X509_REVOKED) *list = X509_CRL_get_REVOKED(out->x);
	size_t n = list ? (size_t)sk_X509_REVOKED_num(list) : 0;
	out->revoked = sp_alloc_array(n, sizeof *out->revoked);
	if (!out->revoked)
		return SP_ERR_NOMEM;
	for (size_t i = 0; i < n; i++)
		SP_TRY(read_entry(&out->revoked[i], sk_X509_REVOKED_value(list, (int)i), out->info.number));
	out->revoked_n = n;
	qsort(out->revoked, n, sizeof *out->revoked, by_serial);
	for (size_t i = 1; i < n; i++)
		if (by_serial(&out->revoked[i - 1], &out->revoked[i]) == 0)
			return SP_ERR_CERTIFICATE;
	return SP_OK;
}

static enum sp_err check_issuer(X509_CRL *crl, const X509 *issuer)
{
	if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(issuer)) != 0)
		return SP_ERR_CERTIFICATE;
	return X509_CRL_verify(crl, X509_get0_pubkey(issuer)) == 1 ? SP_OK : SP_ERR_CERTIFICATE;
}

enum sp_err sp__pki_crl_open(struct sp__pki_crl *out, struct sp_bytes der, size_t *out_used, const X509 *issuer)
{
	*out = (struct sp__pki_crl){0};
	out->x = sp__pki_crl_decode(der, out_used);
	enum sp_err e = out->x ? check_frame(&out->info, out->x) : SP_ERR_CERTIFICATE;
	if (e == SP_OK)
		e = check_issuer(out->x, issuer);
	if (e == SP_OK)
		e = read_entries(out);
	ERR_clear_error();
	if (e != SP_OK)
		sp__pki_crl_clear(out);
	return e;
}

void sp__pki_crl_clear(struct sp__pki_crl *crl)
{
	X509_CRL_free(crl->x);
	sp_free(crl->revoked);
	*crl = (struct sp__pki_crl){0};
}

bool sp__pki_crl_has(const struct sp__pki_crl *crl, const struct sp_pki_serial *serial, uint64_t number)
{
	const struct sp_pki_revocation key = {.serial = *serial};
	const struct sp_pki_revocation *hit =
		crl->revoked_n ? bsearch(&key, crl->revoked, crl->revoked_n, sizeof *crl->revoked, by_serial) : NULL;
	return hit && hit->since <= number;
}

enum sp_err sp_pki_crl_info(struct sp_pki_crl_info *out, struct sp_bytes crl)
{
	size_t used;
	*out = (struct sp_pki_crl_info){0};
	X509_CRL *x = sp__pki_crl_decode(crl, &used);
	enum sp_err e = x ? check_frame(out, x) : SP_ERR_CERTIFICATE;
	X509_CRL_free(x);
	ERR_clear_error();
	if (e != SP_OK)
		*out = (struct sp_pki_crl_info){0};
	return e;
}
