/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of people, organisations and devices: which are valid, and how certificates carry them.
 */
#include "codec/codec.h"
#include "pki/pki_priv.h"

static bool char_is_alnum(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool sp_pki_name_is_valid(struct sp_bytes name)
{
	if (name.n == 0 || name.n > SP_LIMIT_NAME || !char_is_alnum(name.p[0]))
		return false;
	for (size_t i = 1; i < name.n; i++)
		if (!char_is_alnum(name.p[i]) && name.p[i] != '.' && name.p[i] != '_' && name.p[i] != '-')
			return false;
	return true;
}

/* One A-label: letters, digits and inner hyphens (RFC 5890 section 2.3.1). */
static bool label_is_valid(struct sp_bytes label)
{
	if (label.n == 0 || label.n > 63 || !char_is_alnum(label.p[0]) || !char_is_alnum(label.p[label.n - 1]))
		return false;
	for (size_t i = 0; i < label.n; i++)
		if (!char_is_alnum(label.p[i]) && label.p[i] != '-')
			return false;
	return true;
}

bool sp_pki_org_is_valid(struct sp_bytes org)
{
	if (org.n == 0 || org.n > SP_LIMIT_ORG)
		return false;
	size_t start = 0;
	for (size_t i = 0; i <= org.n; i++) {
		if (i < org.n && org.p[i] != '.')
			continue;
		if (!label_is_valid((struct sp_bytes){org.p + start, i - start}))
			return false;
		start = i + 1;
	}
	return true;
}

enum sp_err sp__pki_address_encode(struct sp_buf *out, struct sp_bytes name, struct sp_bytes org)
{
	struct sp_writer w = sp_writer_on(out);
	sp_write_fixed(&w, name);
	sp_write_u8(&w, '@');
	sp_write_fixed(&w, org);
	return sp_writer_finish(&w);
}

#define ID_TEXT 26u /* 16 bytes in base32 */
#define DEVICE_PREFIX SP_BYTES_LIT("sealpost:device:")
#define ACCOUNT_PREFIX SP_BYTES_LIT(":account:")

enum sp_err sp__pki_device_uri_encode(struct sp_buf *out, const struct sp_id16 *device_id, const struct sp_id16 *account_id)
{
	SP_TRY(sp_buf_append(out, DEVICE_PREFIX));
	SP_TRY(sp_base32_encode(out, sp_id16_bytes(device_id)));
	SP_TRY(sp_buf_append(out, ACCOUNT_PREFIX));
	return sp_base32_encode(out, sp_id16_bytes(account_id));
}

static enum sp_err read_literal(struct sp_reader *r, struct sp_bytes want)
{
	struct sp_bytes got;
	SP_TRY(sp_read_fixed(r, &got, want.n));
	return sp_bytes_equal(got, want) ? SP_OK : SP_ERR_CERTIFICATE;
}

/* Lower case only: an id has one text. */
static enum sp_err read_id(struct sp_reader *r, struct sp_id16 *out)
{
	struct sp_bytes text;
	SP_TRY(sp_read_fixed(r, &text, ID_TEXT));
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] >= 'A' && text.p[i] <= 'Z')
			return SP_ERR_CERTIFICATE;
	struct sp_buf raw;
	sp_buf_init(&raw, sizeof out->b);
	enum sp_err e = sp_base32_decode(&raw, text);
	if (e == SP_OK && raw.n != sizeof out->b)
		e = SP_ERR_CERTIFICATE;
	if (e == SP_OK)
		sp_copy(out->b, raw.p, sizeof out->b);
	sp_buf_clear(&raw);
	return e;
}

enum sp_err sp__pki_device_uri_decode(struct sp_id16 *out_device, struct sp_id16 *out_account, struct sp_bytes uri)
{
	struct sp_reader r = sp_reader_of(uri);
	SP_TRY(read_literal(&r, DEVICE_PREFIX));
	SP_TRY(read_id(&r, out_device));
	SP_TRY(read_literal(&r, ACCOUNT_PREFIX));
	SP_TRY(read_id(&r, out_account));
	return sp_reader_finish(&r);
}

static int add_entry(X509_NAME *name, int nid, struct sp_bytes value)
{
	return X509_NAME_add_entry_by_NID(name, nid, V_ASN1_UTF8STRING, value.p, (int)value.n, -1, 0);
}

X509_NAME *sp__pki_name_new(struct sp_bytes org, struct sp_bytes cn)
{
	X509_NAME *name = X509_NAME_new();
	if (name && add_entry(name, NID_organizationName, org) == 1 && add_entry(name, NID_commonName, cn) == 1)
		return name;
	X509_NAME_free(name);
	return NULL;
}

/* Byte for byte: RFC 5280's folding of case and white space would let two encodings be one name. */
bool sp__pki_name_is(const X509_NAME *name, struct sp_bytes org, struct sp_bytes cn)
{
	X509_NAME *want = sp__pki_name_new(org, cn);
	const uint8_t *a = NULL, *b = NULL;
	size_t an = 0, bn = 0;
	bool same = want && X509_NAME_get0_der(want, &a, &an) == 1 && X509_NAME_get0_der(name, &b, &bn) == 1 &&
		    sp_bytes_equal((struct sp_bytes){a, an}, (struct sp_bytes){b, bn});
	X509_NAME_free(want);
	return same;
}

enum sp_err sp__pki_name_org(char out[SP_LIMIT_ORG + 1], const X509_NAME *name, struct sp_bytes cn)
{
	memset(out, 0, SP_LIMIT_ORG + 1);
	int at = X509_NAME_get_index_by_NID(name, NID_organizationName, -1);
	if (at < 0)
		return SP_ERR_CERTIFICATE;
	const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	struct sp_bytes org = {ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)};
	if (!sp_pki_org_is_valid(org) || !sp__pki_name_is(name, org, cn))
		return SP_ERR_CERTIFICATE;
	sp_copy(out, org.p, org.n);
	return SP_OK;
}
