/* SPDX-License-Identifier: Apache-2.0
 *
 * The gate at start-up. Version numbers do not tell: a 3.2.0 is "later" than 3.0.22 and has none of its fixes. So the two
 * forgeries that once passed are made here and must fail (CVE-2026-34182: CBC content in AuthEnvelopedData with any
 * MAC; tags cut short).
 */
#include "cms/asn1_priv.h"
#include "cms/cms.h"

#include <openssl/cms.h>
#include <openssl/objects.h>

#include "crypto/crypto_evp_priv.h"

#define CUT_TAG 4
#define KEY 32

static const uint8_t text[] = "sealpost self test, longer than one block";
static const uint8_t key[KEY] = "a key that protects nothing: 32";
static const uint8_t key_name[] = "self test";

/* One message to a key known by name (KEKRecipientInfo). */
static enum sp_err add_recipient(CMS_ContentInfo *cms)
{
	uint8_t *k = OPENSSL_memdup(key, sizeof key), *id = OPENSSL_memdup(key_name, sizeof key_name);
	if (k && id && CMS_add0_recipient_key(cms, NID_undef, k, sizeof key, id, sizeof key_name, NULL, NULL, NULL))
		return SP_OK;
	OPENSSL_free(k); /* taken on success only */
	OPENSSL_free(id);
	return SP_ERR_CRYPTO;
}

static enum sp_err finish(CMS_ContentInfo *cms, struct sp_buf *out)
{
	uint8_t *der = NULL;
	BIO *in = BIO_new_mem_buf(text, sizeof text);
	enum sp_err e = SP_ERR_CRYPTO;
	CMS_set_detached(cms, 0); /* create leaves it detached: "no content" on reading */
	int n = in && CMS_final(cms, in, NULL, CMS_BINARY) ? i2d_CMS_ContentInfo(cms, &der) : -1;
	if (n > 0)
		e = sp_buf_append(out, (struct sp_bytes){der, (size_t)n});
	OPENSSL_free(der);
	BIO_free(in);
	return e;
}

static enum sp_err make(CMS_ContentInfo *cms, struct sp_buf *out)
{
	enum sp_err e = cms ? add_recipient(cms) : SP_ERR_CRYPTO;
	if (e == SP_OK)
		e = finish(cms, out);
	CMS_ContentInfo_free(cms);
	return e == SP_OK ? SP_OK : sp__crypto_fail(e);
}

static enum sp_err decrypt(CMS_ContentInfo *cms, BIO *out)
{
	uint8_t k[KEY], id[sizeof key_name];
	const uint8_t *plain = NULL;
	sp_copy(k, key, sizeof k);
	sp_copy(id, key_name, sizeof id);
	if (!cms || !out || !CMS_decrypt_set1_key(cms, k, sizeof k, id, sizeof id) || CMS_decrypt(cms, NULL, NULL, NULL, out, 0) != 1)
		return SP_ERR_DECRYPT;
	long n = BIO_get_mem_data(out, &plain);
	return sp_bytes_equal((struct sp_bytes){plain, (size_t)n}, SP_BYTES_OF(text)) ? SP_OK : SP_ERR_DECRYPT;
}

/* OpenSSL's own verdict. */
static enum sp_err open_by_openssl(struct sp_bytes in)
{
	const uint8_t *p = in.p;
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)in.n);
	BIO *out = BIO_new(BIO_s_mem());
	enum sp_err e = decrypt(cms, out);
	BIO_free(out);
	CMS_ContentInfo_free(cms);
	return e == SP_OK ? SP_OK : sp__crypto_fail(e);
}

static void *decode(const ASN1_ITEM *item, struct sp_bytes in)
{
	const uint8_t *p = in.p;
	return ASN1_item_d2i(NULL, &p, (long)in.n, item);
}

static enum sp_err encode(struct sp_buf *out, const void *value, const ASN1_ITEM *item)
{
	uint8_t *der = NULL;
	int n = ASN1_item_i2d(value, &der, item);
	enum sp_err e = n > 0 ? sp_buf_append(out, (struct sp_bytes){der, (size_t)n}) : SP_ERR_CRYPTO;
	OPENSSL_free(der);
	return e;
}

/* The same message, the first bytes of its tag only. */
static enum sp_err cut_tag(struct sp_buf *out, struct sp_bytes genuine)
{
	const ASN1_ITEM *item = ASN1_ITEM_rptr(cms_auth_message);
	struct cms_auth_message *m = decode(item, genuine);
	enum sp_err e = SP_ERR_CRYPTO;
	if (m && ASN1_STRING_length(m->body->mac) > CUT_TAG && ASN1_STRING_set(m->body->mac, ASN1_STRING_get0_data(m->body->mac), CUT_TAG))
		e = encode(out, m, item);
	ASN1_item_free((ASN1_VALUE *)m, item);
	return e == SP_OK ? SP_OK : sp__crypto_fail(e);
}

/* a's recipients and content become those of b, whose own are freed with a. */
static void exchange_content(struct cms_auth_enveloped *a, struct cms_enveloped *b)
{
	STACK_OF(ASN1_TYPE) *recipients = a->recipients;
	struct cms_content *content = a->content;
	a->recipients = b->recipients;
	a->content = b->content;
	b->recipients = recipients;
	b->content = content;
}

/* An honest EnvelopedData in CBC, dressed as AuthEnvelopedData with a MAC that belongs to another message. */
static enum sp_err dress_cbc(struct sp_buf *out, struct sp_bytes genuine, struct sp_bytes cbc)
{
	const ASN1_ITEM *auth_item = ASN1_ITEM_rptr(cms_auth_message), *item = ASN1_ITEM_rptr(cms_message);
	struct cms_auth_message *a = decode(auth_item, genuine);
	struct cms_message *b = decode(item, cbc);
	enum sp_err e = SP_ERR_CRYPTO;
	if (a && b) {
		exchange_content(a->body, b->body);
		e = encode(out, a, auth_item);
	}
	ASN1_item_free((ASN1_VALUE *)a, auth_item);
	ASN1_item_free((ASN1_VALUE *)b, item);
	return e == SP_OK ? SP_OK : sp__crypto_fail(e);
}

struct messages {
	struct sp_buf genuine, cut, cbc, dressed;
};

static enum sp_err make_all(struct messages *m)
{
	SP_TRY(make(CMS_AuthEnvelopedData_create(EVP_aes_256_gcm()), &m->genuine));
	SP_TRY(make(CMS_EnvelopedData_create(EVP_aes_256_cbc()), &m->cbc));
	SP_TRY(cut_tag(&m->cut, sp_buf_bytes(&m->genuine)));
	return dress_cbc(&m->dressed, sp_buf_bytes(&m->genuine), sp_buf_bytes(&m->cbc));
}

static enum sp_err judge(const struct messages *m, struct sp_diag *diag)
{
	if (sp_cms_auth_enveloped_check(sp_buf_bytes(&m->genuine)) != SP_OK)
		return SP_FAIL(diag, SP_ERR_BUG, 0, "CMS self-test: our own message fails our check");
	if (open_by_openssl(sp_buf_bytes(&m->genuine)) != SP_OK || open_by_openssl(sp_buf_bytes(&m->cbc)) != SP_OK)
		return SP_FAIL(diag, SP_ERR_CRYPTO, 0, "CMS self-test: OpenSSL does not open what it sealed");
	if (sp_cms_auth_enveloped_check(sp_buf_bytes(&m->cut)) == SP_OK || sp_cms_auth_enveloped_check(sp_buf_bytes(&m->dressed)) == SP_OK)
		return SP_FAIL(diag, SP_ERR_BUG, 0, "CMS self-test: our check lets a forgery pass");
	if (open_by_openssl(sp_buf_bytes(&m->dressed)) == SP_OK)
		return SP_FAIL(diag, SP_ERR_UNSUPPORTED, 0, "this OpenSSL accepts forged mail (CVE-2026-34182): update it");
	return SP_OK;
}

enum sp_err sp_cms_self_test(struct sp_diag *diag)
{
	struct messages m;
	sp_buf_init(&m.genuine, 4096);
	sp_buf_init(&m.cut, 4096);
	sp_buf_init(&m.cbc, 4096);
	sp_buf_init(&m.dressed, 4096);
	enum sp_err e = make_all(&m);
	if (e == SP_OK)
		e = judge(&m, diag);
	else
		e = SP_FAIL(diag, e, 0, "CMS self-test: no message could be made");
	sp_buf_clear(&m.genuine);
	sp_buf_clear(&m.cut);
	sp_buf_clear(&m.cbc);
	sp_buf_clear(&m.dressed);
	return e;
}
