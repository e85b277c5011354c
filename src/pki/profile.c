/* SPDX-License-Identifier: Apache-2.0
 *
 * Our certificate profile, read strictly: what a leaf or an authority of Sealpost looks like, byte for byte where that
 * is possible. RFC 5280 section 4 allows far more; whoever needs more is not ours.
 */
#include <openssl/err.h>
#include <stdio.h>

#include "pki/pki_priv.h"

#define DAY_MS 86400000ll

static const uint8_t bc_leaf[] = {0x30, 0x00};                               /* cA FALSE */
static const uint8_t bc_root[] = {0x30, 0x03, 0x01, 0x01, 0xff};             /* cA TRUE */
static const uint8_t bc_issuing[] = {0x30, 0x06, 0x01, 0x01, 0xff, 0x02, 0x01, 0x00}; /* cA TRUE, pathlen 0 */
static const uint8_t ku_leaf[] = {0x03, 0x02, 0x07, 0x80};                   /* digitalSignature */
static const uint8_t ku_authority[] = {0x03, 0x02, 0x01, 0x06};              /* keyCertSign, cRLSign */
static const uint8_t eku_device[] = {0x30, 0x14, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02, /* clientAuth */
				     0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x04};             /* emailProtection */
static const uint8_t eku_server[] = {0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01};

/* An extension that is there once, with this criticality. NULL otherwise. */
static const ASN1_OCTET_STRING *extension(const X509 *x, int nid, bool critical)
{
	int at = X509_get_ext_by_NID(x, nid, -1);
	if (at < 0 || X509_get_ext_by_NID(x, nid, at) >= 0)
		return NULL;
	X509_EXTENSION *ext = X509_get_ext(x, at);
	if ((X509_EXTENSION_get_critical(ext) != 0) != critical)
		return NULL;
	return X509_EXTENSION_get_data(ext);
}

static enum sp_err extension_equal(const X509 *x, int nid, bool critical, struct sp_bytes want)
{
	const ASN1_OCTET_STRING *value = extension(x, nid, critical);
	if (!value)
		return SP_ERR_CERTIFICATE;
	struct sp_bytes got = {ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)};
	return sp_bytes_equal(got, want) ? SP_OK : SP_ERR_CERTIFICATE;
}

static enum sp_err check_key_ids(const X509 *x, const struct sp_pki_point *point)
{
	uint8_t ski[22] = {0x04, 0x14};
	SP_TRY(sp__pki_key_id(ski + 2, point));
	SP_TRY(extension_equal(x, NID_subject_key_identifier, false, SP_BYTES_OF(ski)));
	const ASN1_OCTET_STRING *aki = extension(x, NID_authority_key_identifier, false);
	static const uint8_t head[] = {0x30, 0x16, 0x80, 0x14}; /* keyIdentifier alone; that it is the issuer's, the path says */
	if (!aki || ASN1_STRING_length(aki) != 24 || !sp_bytes_equal((struct sp_bytes){ASN1_STRING_get0_data(aki), sizeof head}, SP_BYTES_OF(head)))
		return SP_ERR_CERTIFICATE;
	return SP_OK;
}

/* What every certificate of ours has in common. */
static enum sp_err check_frame(const X509 *x, struct sp_pki_identity *id)
{
	const ASN1_BIT_STRING *issuer_uid = NULL, *subject_uid = NULL, *signature = NULL;
	const X509_ALGOR *outer = NULL;
	X509_get0_uids(x, &issuer_uid, &subject_uid);
	X509_get0_signature(&signature, &outer, x);
	if (X509_get_version(x) != X509_VERSION_3 || issuer_uid || subject_uid || !sp__pki_sigalg_is_ours(X509_get0_tbs_sigalg(x), outer))
		return SP_ERR_CERTIFICATE;
	SP_TRY(sp__pki_serial_decode(&id->serial, X509_get0_serialNumber(x)));
	SP_TRY(sp__pki_time_decode(&id->not_before, X509_get0_notBefore(x)));
	SP_TRY(sp__pki_time_decode(&id->not_after, X509_get0_notAfter(x)));
	if (sp__pki_pubkey_point(&id->point, X509_get_X509_PUBKEY(x)) != SP_OK)
		return SP_ERR_CERTIFICATE;
	SP_TRY(check_key_ids(x, &id->point));
	return sp_pki_spki_hash(&id->spki_hash, &id->point);
}

static enum sp_err check_life(const struct sp_pki_identity *id, int64_t days)
{
	int64_t life = id->not_after.ms - id->not_before.ms;
	return life > 0 && life <= days * DAY_MS + SP_PKI_BACKDATE_MS ? SP_OK : SP_ERR_CERTIFICATE;
}

static struct sp_bytes ia5_of(const GENERAL_NAME *name, int type)
{
	int got = 0;
	const ASN1_STRING *s = GENERAL_NAME_get0_value(name, &got);
	if (got != type || !s)
		return SP_BYTES_NONE;
	return (struct sp_bytes){ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s)};
}

/* alice@example.org of the organisation that the issuer's name says */
static enum sp_err read_address(struct sp_pki_identity *id, struct sp_bytes address)
{
	const uint8_t *at = address.n ? memchr(address.p, '@', address.n) : NULL;
	if (!at || address.n > SP_LIMIT_ADDRESS)
		return SP_ERR_CERTIFICATE;
	struct sp_bytes name = {address.p, (size_t)(at - address.p)};
	struct sp_bytes org = {at + 1, address.n - name.n - 1};
	if (!sp_pki_name_is_valid(name) || !sp_bytes_equal(org, sp_bytes_str(id->org)))
		return SP_ERR_CERTIFICATE;
	sp_copy(id->name, name.p, name.n);
	sp_copy(id->address, address.p, address.n);
	return SP_OK;
}

static enum sp_err read_device_san(struct sp_pki_identity *id, const GENERAL_NAMES *san)
{
	if (sk_GENERAL_NAME_num(san) != 2)
		return SP_ERR_CERTIFICATE;
	SP_TRY(read_address(id, ia5_of(sk_GENERAL_NAME_value(san, 0), GEN_EMAIL)));
	if (sp__pki_device_uri_decode(&id->device_id, &id->account_id, ia5_of(sk_GENERAL_NAME_value(san, 1), GEN_URI)) != SP_OK)
		return SP_ERR_CERTIFICATE;
	return SP_OK;
}

static enum sp_err read_server_san(const struct sp_pki_identity *id, const GENERAL_NAMES *san)
{
	char want[32 + SP_LIMIT_ORG];
	snprintf(want, sizeof want, "sealpost:server:%s", id->org);
	if (sk_GENERAL_NAME_num(san) != 1 || !sp_bytes_equal(ia5_of(sk_GENERAL_NAME_value(san, 0), GEN_URI), sp_bytes_str(want)))
		return SP_ERR_CERTIFICATE;
	return SP_OK;
}

static enum sp_err read_san(struct sp_pki_identity *id, const X509 *x)
{
	if (!extension(x, NID_subject_alt_name, false))
		return SP_ERR_CERTIFICATE;
	GENERAL_NAMES *san = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	enum sp_err e = !san ? SP_ERR_CERTIFICATE : id->kind == SP_PKI_DEVICE ? read_device_san(id, san) : read_server_san(id, san);
	GENERAL_NAMES_free(san);
	return e;
}

/* The EKU says which kind it is; everything else must then fit that kind. */
static enum sp_err check_kind(struct sp_pki_identity *id, const X509 *x)
{
	bool is_device = extension_equal(x, NID_ext_key_usage, false, SP_BYTES_OF(eku_device)) == SP_OK;
	if (!is_device)
		SP_TRY(extension_equal(x, NID_ext_key_usage, false, SP_BYTES_OF(eku_server)));
	id->kind = is_device ? SP_PKI_DEVICE : SP_PKI_SERVER;
	SP_TRY(check_life(id, is_device ? 365 : 7));
	SP_TRY(read_san(id, x));
	struct sp_bytes cn = is_device ? sp_bytes_str(id->name) : SP_PKI_CN_SERVER;
	return sp__pki_name_is(X509_get_subject_name(x), sp_bytes_str(id->org), cn) ? SP_OK : SP_ERR_CERTIFICATE;
}

static enum sp_err read_leaf(struct sp_pki_identity *id, const X509 *x)
{
	SP_TRY(check_frame(x, id));
	if (X509_get_ext_count(x) != 6)
		return SP_ERR_CERTIFICATE;
	SP_TRY(extension_equal(x, NID_basic_constraints, true, SP_BYTES_OF(bc_leaf)));
	SP_TRY(extension_equal(x, NID_key_usage, true, SP_BYTES_OF(ku_leaf)));
	SP_TRY(sp__pki_name_org(id->org, X509_get_issuer_name(x), SP_PKI_CN_ISSUING));
	return check_kind(id, x);
}

enum sp_err sp__pki_claim_of(struct sp_pki_claim *out, const X509 *cert, struct sp_bytes der)
{
	*out = (struct sp_pki_claim){0};
	enum sp_err e = read_leaf(&out->unverified, cert);
	if (e == SP_OK)
		e = sp_sha256(&out->unverified.cert_hash, der);
	ERR_clear_error();
	if (e != SP_OK)
		*out = (struct sp_pki_claim){0};
	return e;
}

enum sp_err sp_pki_claim_decode(struct sp_pki_claim *out, struct sp_bytes cert)
{
	*out = (struct sp_pki_claim){0};
	X509 *x = sp__pki_cert_decode(cert);
	if (!x)
		return SP_ERR_CERTIFICATE;
	enum sp_err e = sp__pki_claim_of(out, x, cert);
	X509_free(x);
	return e;
}

enum sp_err sp__pki_authority_check(const X509 *cert, bool is_root, char out_org[SP_LIMIT_ORG + 1])
{
	struct sp_pki_identity frame = {0};
	struct sp_bytes bc = is_root ? SP_BYTES_OF(bc_root) : SP_BYTES_OF(bc_issuing);
	memset(out_org, 0, SP_LIMIT_ORG + 1);
	SP_TRY(check_frame(cert, &frame));
	if (X509_get_ext_count(cert) != 4)
		return SP_ERR_CERTIFICATE;
	SP_TRY(extension_equal(cert, NID_basic_constraints, true, bc));
	SP_TRY(extension_equal(cert, NID_key_usage, true, SP_BYTES_OF(ku_authority)));
	SP_TRY(sp__pki_name_org(out_org, X509_get_subject_name(cert), is_root ? SP_PKI_CN_ROOT : SP_PKI_CN_ISSUING));
	return sp__pki_name_is(X509_get_issuer_name(cert), sp_bytes_str(out_org), SP_PKI_CN_ROOT) ? SP_OK : SP_ERR_CERTIFICATE;
}
