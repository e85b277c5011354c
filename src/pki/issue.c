/* SPDX-License-Identifier: Apache-2.0
 *
 * Making certificates of our profile (RFC 5280 section 4). Names go in as typed GENERAL_NAMEs, never through OpenSSL's
 * configuration strings, in which a comma in a name would make a second name.
 */
#include <openssl/err.h>
#include <stdio.h>

#include "crypto/crypto_evp_priv.h"
#include "pki/pki_priv.h"

#define DAY_MS 86400000ll
#define YEAR_MS (365 * DAY_MS)

/* Everything that differs between our four kinds. */
struct plan {
	struct sp_bytes org;
	struct sp_bytes subject_cn;
	struct sp_bytes issuer_cn;
	const struct sp_pki_point *point;
	const struct sp_pki_serial *serial;
	struct sp_time not_before, not_after;
	bool is_authority;
	long path_length; /* authorities: -1 = none stated */
	const int *eku;   /* leaves */
	size_t eku_n;
	struct sp_bytes san_email, san_uri; /* empty: absent */
	struct sp_pki_point issuer_point;
};

static enum sp_err from_openssl(int ok)
{
	return ok == 1 ? SP_OK : sp__crypto_fail(SP_ERR_CRYPTO);
}

static enum sp_err set_key(X509 *x, const struct sp_pki_point *point)
{
	uint8_t spki[SP_PKI_SPKI];
	const uint8_t *p = spki;
	sp_pki_spki_encode(spki, point);
	X509_PUBKEY *key = d2i_X509_PUBKEY(NULL, &p, sizeof spki);
	EVP_PKEY *evp = key ? X509_PUBKEY_get0(key) : NULL;
	enum sp_err e = from_openssl(evp ? X509_set_pubkey(x, evp) : 0);
	X509_PUBKEY_free(key);
	return e;
}

static enum sp_err set_serial(X509 *x, const struct sp_pki_serial *serial)
{
	ASN1_INTEGER *i = sp__pki_serial_new(serial);
	enum sp_err e = from_openssl(i ? X509_set_serialNumber(x, i) : 0);
	ASN1_INTEGER_free(i);
	return e;
}

static enum sp_err set_name(X509 *x, int (*set)(X509 *, const X509_NAME *), struct sp_bytes org, struct sp_bytes cn)
{
	X509_NAME *name = sp__pki_name_new(org, cn);
	enum sp_err e = from_openssl(name ? set(x, name) : 0);
	X509_NAME_free(name);
	return e;
}

static enum sp_err set_time(X509 *x, int (*set)(X509 *, const ASN1_TIME *), struct sp_time t)
{
	ASN1_TIME *at = sp__pki_time_new(t);
	enum sp_err e = from_openssl(at ? set(x, at) : 0);
	ASN1_TIME_free(at);
	return e;
}

static enum sp_err add_extension(X509 *x, int nid, void *value, bool critical)
{
	return from_openssl(value ? X509_add1_ext_i2d(x, nid, value, critical, X509V3_ADD_DEFAULT) : 0);
}

static enum sp_err add_basic_constraints(X509 *x, const struct plan *plan)
{
	BASIC_CONSTRAINTS *bc = BASIC_CONSTRAINTS_new();
	if (bc && plan->is_authority)
		bc->ca = 0xff;
	if (bc && plan->is_authority && plan->path_length >= 0) {
		bc->pathlen = ASN1_INTEGER_new();
		if (bc->pathlen && ASN1_INTEGER_set(bc->pathlen, plan->path_length) != 1) {
			ASN1_INTEGER_free(bc->pathlen);
			bc->pathlen = NULL;
		}
	}
	bool whole = bc && (!plan->is_authority || plan->path_length < 0 || bc->pathlen);
	enum sp_err e = add_extension(x, NID_basic_constraints, whole ? bc : NULL, true);
	BASIC_CONSTRAINTS_free(bc);
	return e;
}

static enum sp_err add_key_usage(X509 *x, const struct plan *plan)
{
	ASN1_BIT_STRING *ku = ASN1_BIT_STRING_new();
	int ok = ku != NULL;
	if (ok && plan->is_authority)
		ok = ASN1_BIT_STRING_set_bit(ku, 5, 1) && ASN1_BIT_STRING_set_bit(ku, 6, 1);
	else if (ok)
		ok = ASN1_BIT_STRING_set_bit(ku, 0, 1);
	enum sp_err e = add_extension(x, NID_key_usage, ok ? ku : NULL, true);
	ASN1_BIT_STRING_free(ku);
	return e;
}

static enum sp_err add_key_ids(X509 *x, const struct plan *plan)
{
	uint8_t own[20], issuers[20];
	SP_TRY(sp__pki_key_id(own, plan->point));
	SP_TRY(sp__pki_key_id(issuers, &plan->issuer_point));
	ASN1_OCTET_STRING *ski = ASN1_OCTET_STRING_new();
	AUTHORITY_KEYID *aki = AUTHORITY_KEYID_new();
	enum sp_err e = SP_ERR_NOMEM;
	if (ski && aki && (aki->keyid = ASN1_OCTET_STRING_new()) && ASN1_OCTET_STRING_set(ski, own, sizeof own) == 1 &&
	    ASN1_OCTET_STRING_set(aki->keyid, issuers, sizeof issuers) == 1)
		e = add_extension(x, NID_subject_key_identifier, ski, false);
	if (e == SP_OK)
		e = add_extension(x, NID_authority_key_identifier, aki, false);
	ASN1_OCTET_STRING_free(ski);
	AUTHORITY_KEYID_free(aki);
	return e;
}

static enum sp_err add_eku(X509 *x, const struct plan *plan)
{
	EXTENDED_KEY_USAGE *eku = EXTENDED_KEY_USAGE_new();
	bool whole = eku != NULL;
	for (size_t i = 0; whole && i < plan->eku_n; i++)
		whole = sk_ASN1_OBJECT_push(eku, OBJ_nid2obj(plan->eku[i])) > 0;
	enum sp_err e = add_extension(x, NID_ext_key_usage, whole ? eku : NULL, false);
	EXTENDED_KEY_USAGE_free(eku);
	return e;
}

static bool push_is_done(GENERAL_NAMES *names, int type, struct sp_bytes text)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *ia5 = ASN1_IA5STRING_new();
	if (name && ia5 && ASN1_STRING_set(ia5, text.p, (int)text.n) == 1) {
		GENERAL_NAME_set0_value(name, type, ia5);
		if (sk_GENERAL_NAME_push(names, name) > 0)
			return true;
		ia5 = NULL; /* name owns it */
	}
	GENERAL_NAME_free(name);
	ASN1_IA5STRING_free(ia5);
	return false;
}

static enum sp_err add_san(X509 *x, const struct plan *plan)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	bool whole = names && (plan->san_email.n == 0 || push_is_done(names, GEN_EMAIL, plan->san_email)) &&
		     push_is_done(names, GEN_URI, plan->san_uri);
	enum sp_err e = add_extension(x, NID_subject_alt_name, whole ? names : NULL, false);
	GENERAL_NAMES_free(names);
	return e;
}

static enum sp_err fill(X509 *x, const struct plan *plan)
{
	SP_TRY(from_openssl(X509_set_version(x, X509_VERSION_3)));
	SP_TRY(set_serial(x, plan->serial));
	SP_TRY(set_name(x, X509_set_issuer_name, plan->org, plan->issuer_cn));
	SP_TRY(set_name(x, X509_set_subject_name, plan->org, plan->subject_cn));
	SP_TRY(set_time(x, X509_set1_notBefore, plan->not_before));
	SP_TRY(set_time(x, X509_set1_notAfter, plan->not_after));
	SP_TRY(set_key(x, plan->point));
	SP_TRY(add_basic_constraints(x, plan));
	SP_TRY(add_key_usage(x, plan));
	if (plan->eku_n > 0)
		SP_TRY(add_eku(x, plan));
	if (plan->san_uri.n > 0)
		SP_TRY(add_san(x, plan));
	return add_key_ids(x, plan);
}

static enum sp_err append_der(struct sp_buf *out, X509 *x)
{
	uint8_t *der = NULL;
	int n = i2d_X509(x, &der);
	enum sp_err e = n > 0 ? sp_buf_append(out, (struct sp_bytes){der, (size_t)n}) : SP_ERR_CRYPTO;
	OPENSSL_free(der);
	return e;
}

static enum sp_err make(struct sp_buf *out, const struct plan *plan, const struct sp_sign_key *key)
{
	X509 *x = X509_new();
	enum sp_err e = x ? fill(x, plan) : SP_ERR_NOMEM;
	if (e == SP_OK && X509_sign(x, sp_sign_key_evp(key), EVP_sha256()) <= 0)
		e = sp__crypto_fail(SP_ERR_CRYPTO);
	if (e == SP_OK)
		e = append_der(out, x);
	X509_free(x);
	ERR_clear_error();
	return e;
}

static struct sp_time later(struct sp_time t, int64_t ms)
{
	return (struct sp_time){t.ms + ms};
}

/* What the issuer's certificate decides: organisation, key identifier, and that nothing outlives it. */
static enum sp_err read_issuer(struct plan *plan, char org[SP_LIMIT_ORG + 1], const X509 *cert, bool is_root)
{
	struct sp_time end;
	SP_TRY(sp__pki_authority_check(cert, is_root, org));
	SP_TRY(sp__pki_pubkey_point(&plan->issuer_point, X509_get_X509_PUBKEY(cert)));
	SP_TRY(sp__pki_time_decode(&end, X509_get0_notAfter(cert)));
	plan->org = sp_bytes_str(org);
	plan->issuer_cn = is_root ? SP_PKI_CN_ROOT : SP_PKI_CN_ISSUING;
	plan->not_after.ms = SP_MIN(plan->not_after.ms, end.ms);
	return SP_OK;
}

static enum sp_err open_issuer(struct plan *plan, char org[SP_LIMIT_ORG + 1], const struct sp_pki_issuer *issuer, bool is_root)
{
	X509 *x = sp__pki_cert_decode(issuer->cert);
	enum sp_err e = x ? read_issuer(plan, org, x, is_root) : SP_ERR_CERTIFICATE;
	X509_free(x);
	return e;
}

enum sp_err sp_pki_root_make(struct sp_buf *out, struct sp_sign_key *key, struct sp_bytes org, const struct sp_pki_serial *serial, struct sp_time now)
{
	struct sp_signer self = sp_sign_key_signer(key);
	struct sp_pki_point point;
	if (!sp_pki_org_is_valid(org))
		return SP_ERR_USAGE;
	SP_TRY(sp_pki_point_decode(&point, self.public_key));
	struct plan plan = {.org = org,
			    .subject_cn = SP_PKI_CN_ROOT,
			    .issuer_cn = SP_PKI_CN_ROOT,
			    .point = &point,
			    .serial = serial,
			    .not_before = later(now, -SP_PKI_BACKDATE_MS),
			    .not_after = later(now, 20 * YEAR_MS),
			    .is_authority = true,
			    .path_length = -1,
			    .issuer_point = point};
	return make(out, &plan, key);
}

enum sp_err sp_pki_issuing_make(struct sp_buf *out, const struct sp_pki_issuer *root, const struct sp_pki_point *point,
				const struct sp_pki_serial *serial, struct sp_time now)
{
	char org[SP_LIMIT_ORG + 1];
	struct plan plan = {.subject_cn = SP_PKI_CN_ISSUING,
			    .point = point,
			    .serial = serial,
			    .not_before = later(now, -SP_PKI_BACKDATE_MS),
			    .not_after = later(now, 10 * YEAR_MS),
			    .is_authority = true,
			    .path_length = 0};
	SP_TRY(open_issuer(&plan, org, root, true));
	return make(out, &plan, root->key);
}

/* The names of a device; the caller's buffers hold them while the plan is used. */
static enum sp_err write_device_names(struct plan *plan, struct sp_buf *email, struct sp_buf *uri, const struct sp_pki_device_subject *subject)
{
	SP_TRY(sp__pki_address_encode(email, subject->name, plan->org));
	SP_TRY(sp__pki_device_uri_encode(uri, &subject->device_id, &subject->account_id));
	plan->san_email = sp_buf_bytes(email);
	plan->san_uri = sp_buf_bytes(uri);
	return SP_OK;
}

enum sp_err sp_pki_device_make(struct sp_buf *out, const struct sp_pki_issuer *issuing, const struct sp_pki_csr *csr,
			       const struct sp_pki_device_subject *subject, const struct sp_pki_serial *serial, struct sp_time now)
{
	static const int eku[] = {NID_client_auth, NID_email_protect};
	char org[SP_LIMIT_ORG + 1];
	struct plan plan = {.subject_cn = subject->name,
			    .point = &csr->point,
			    .serial = serial,
			    .not_before = later(now, -SP_PKI_BACKDATE_MS),
			    .not_after = later(now, YEAR_MS),
			    .eku = eku,
			    .eku_n = SP_ARRAY_LEN(eku)};
	struct sp_buf email, uri;
	sp_buf_init(&email, SP_LIMIT_ADDRESS);
	sp_buf_init(&uri, 128);
	enum sp_err e = sp_pki_name_is_valid(subject->name) ? open_issuer(&plan, org, issuing, false) : SP_ERR_USAGE;
	if (e == SP_OK)
		e = write_device_names(&plan, &email, &uri, subject);
	if (e == SP_OK)
		e = make(out, &plan, issuing->key);
	sp_buf_clear(&email);
	sp_buf_clear(&uri);
	return e;
}

enum sp_err sp_pki_server_make(struct sp_buf *out, const struct sp_pki_issuer *issuing, const struct sp_pki_csr *csr,
			       const struct sp_pki_serial *serial, struct sp_time now)
{
	static const int eku[] = {NID_server_auth};
	char org[SP_LIMIT_ORG + 1], uri[32 + SP_LIMIT_ORG];
	struct plan plan = {.subject_cn = SP_PKI_CN_SERVER,
			    .point = &csr->point,
			    .serial = serial,
			    .not_before = later(now, -SP_PKI_BACKDATE_MS),
			    .not_after = later(now, 7 * DAY_MS),
			    .eku = eku,
			    .eku_n = SP_ARRAY_LEN(eku)};
	SP_TRY(open_issuer(&plan, org, issuing, false));
	snprintf(uri, sizeof uri, "sealpost:server:%s", org);
	plan.san_uri = sp_bytes_str(uri);
	return make(out, &plan, issuing->key);
}
