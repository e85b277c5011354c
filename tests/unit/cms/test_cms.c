/* SPDX-License-Identifier: Apache-2.0
 *
 * The structure check of AuthEnvelopedData, one field wrong at a time, and the self-test of the start-up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/cms.h>
#include <openssl/err.h>

#include "cms/asn1_priv.h"
#include "cms/cms.h"

static void add_recipient(CMS_ContentInfo *cms)
{
	uint8_t *key = OPENSSL_zalloc(32), *id = OPENSSL_zalloc(4);
	assert_non_null(cms);
	assert_non_null(CMS_add0_recipient_key(cms, NID_undef, key, 32, id, 4, NULL, NULL, NULL));
}

static void make(struct sp_buf *out, CMS_ContentInfo *cms, size_t n, unsigned flags)
{
	static const uint8_t text[10000];
	BIO *in = BIO_new_mem_buf(text, (int)n), *bio = BIO_new(BIO_s_mem());
	const uint8_t *p = NULL;
	add_recipient(cms);
	if (flags & CMS_STREAM) {
		assert_int_equal(i2d_CMS_bio_stream(bio, cms, in, (int)flags), 1);
	} else {
		CMS_set_detached(cms, 0);
		assert_int_equal(CMS_final(cms, in, NULL, flags), 1);
		assert_int_equal(i2d_CMS_bio(bio, cms), 1);
	}
	long size = BIO_get_mem_data(bio, &p);
	sp_buf_init(out, 1u << 20);
	assert_int_equal(sp_buf_append(out, (struct sp_bytes){p, (size_t)size}), SP_OK);
	BIO_free(in);
	BIO_free(bio);
	CMS_ContentInfo_free(cms);
}

static void genuine(struct sp_buf *out)
{
	make(out, CMS_AuthEnvelopedData_create(EVP_aes_256_gcm()), 100, CMS_BINARY);
}

static void definite_and_indefinite_pass(void **state)
{
	const EVP_CIPHER *ciphers[] = {EVP_aes_128_gcm(), EVP_aes_192_gcm(), EVP_aes_256_gcm()};
	struct sp_buf m;
	for (size_t i = 0; i < 3; i++) {
		make(&m, CMS_AuthEnvelopedData_create(ciphers[i]), 100, CMS_BINARY);
		assert_int_equal(sp_cms_auth_enveloped_check(sp_buf_bytes(&m)), SP_OK);
		assert_int_not_equal(m.p[1], 0x80);
		sp_buf_clear(&m);
	}
	make(&m, CMS_AuthEnvelopedData_create(EVP_aes_256_gcm()), 10000, CMS_BINARY | CMS_STREAM);
	assert_int_equal(m.p[1], 0x80);
	assert_int_equal(sp_cms_auth_enveloped_check(sp_buf_bytes(&m)), SP_OK);
	assert_int_equal(sp_buf_append(&m, SP_BYTES_LIT("\0")), SP_OK);
	assert_int_equal(sp_cms_auth_enveloped_check(sp_buf_bytes(&m)), SP_ERR_TRAILING);
	sp_buf_clear(&m);
}

static void nothing_is_cut_or_added(void **state)
{
	struct sp_buf m;
	genuine(&m);
	for (size_t n = 0; n < m.n; n++)
		assert_int_equal(sp_cms_auth_enveloped_check((struct sp_bytes){m.p, n}), n ? SP_ERR_ENCODING : SP_ERR_TRUNCATED);
	assert_int_equal(sp_buf_append(&m, SP_BYTES_LIT("x")), SP_OK);
	assert_int_equal(sp_cms_auth_enveloped_check(sp_buf_bytes(&m)), SP_ERR_TRAILING);
	assert_int_equal(sp_cms_auth_enveloped_check((struct sp_bytes){m.p, (size_t)1 << 40}), SP_ERR_TOO_LONG);
	sp_buf_clear(&m);
}

/* Changes one thing of a genuine message, and gives the verdict on the result. */
typedef void (*change_fn)(struct cms_auth_message *m, int value);

static enum sp_err after(change_fn change, int value)
{
	const ASN1_ITEM *item = ASN1_ITEM_rptr(cms_auth_message);
	struct sp_buf raw;
	uint8_t *der = NULL;
	genuine(&raw);
	const uint8_t *p = raw.p;
	struct cms_auth_message *m = (struct cms_auth_message *)ASN1_item_d2i(NULL, &p, (long)raw.n, item);
	assert_non_null(m);
	change(m, value);
	int n = ASN1_item_i2d((ASN1_VALUE *)m, &der, item);
	assert_true(n > 0);
	enum sp_err e = sp_cms_auth_enveloped_check((struct sp_bytes){der, (size_t)n});
	assert_int_equal(ERR_peek_error(), 0);
	OPENSSL_free(der);
	ASN1_item_free((ASN1_VALUE *)m, item);
	sp_buf_clear(&raw);
	return e;
}

static void set_mac(struct cms_auth_message *m, int n)
{
	static const uint8_t mac[64];
	assert_true(ASN1_STRING_set(m->body->mac, mac, n));
}

static void set_params(struct cms_auth_message *m, int nonce_n, int icv)
{
	static const uint8_t nonce[64];
	struct cms_gcm gcm = {ASN1_OCTET_STRING_new(), icv < 0 ? NULL : ASN1_INTEGER_new()};
	assert_true(ASN1_STRING_set(gcm.nonce, nonce, nonce_n));
	if (gcm.icv_len)
		assert_true(ASN1_INTEGER_set(gcm.icv_len, icv));
	assert_non_null(ASN1_TYPE_pack_sequence(ASN1_ITEM_rptr(cms_gcm), &gcm, &m->body->content->alg->parameters));
	ASN1_OCTET_STRING_free(gcm.nonce);
	ASN1_INTEGER_free(gcm.icv_len);
}

static void set_nonce(struct cms_auth_message *m, int n)
{
	set_params(m, n, 16);
}

static void set_icv(struct cms_auth_message *m, int n)
{
	set_params(m, 12, n);
}

/* What OpenSSL accepts: both lengths say 4 and agree. */
static void set_icv_and_mac(struct cms_auth_message *m, int n)
{
	set_params(m, 12, n);
	set_mac(m, n);
}

static void tags_are_whole(void **state)
{
	for (int n = 0; n < 33; n++) {
		assert_int_equal(after(set_mac, n), n == 16 ? SP_OK : SP_ERR_INVALID);
		assert_int_equal(after(set_icv, n), n == 16 ? SP_OK : SP_ERR_INVALID);
		assert_int_equal(after(set_icv_and_mac, n), n == 16 ? SP_OK : SP_ERR_INVALID);
	}
	assert_int_equal(after(set_icv, -1), SP_ERR_INVALID); /* absent: 12 */
}

static void nonces_have_12_bytes(void **state)
{
	for (int n = 0; n < 33; n++)
		assert_int_equal(after(set_nonce, n), n == 12 ? SP_OK : SP_ERR_INVALID);
}

static void set_alg(struct cms_auth_message *m, int nid)
{
	m->body->content->alg->algorithm = OBJ_nid2obj(nid); /* static: the old one needs no free */
}

static void only_gcm(void **state)
{
	const int others[] = {NID_aes_256_cbc, NID_aes_256_ccm, NID_aes_128_cbc, NID_des_ede3_cbc, NID_id_aes256_wrap, NID_sha256};
	for (size_t i = 0; i < SP_ARRAY_LEN(others); i++)
		assert_int_equal(after(set_alg, others[i]), SP_ERR_UNSUPPORTED);
	assert_int_equal(after(set_alg, NID_aes_256_gcm), SP_OK);
}

static void set_version(struct cms_auth_message *m, int v)
{
	assert_true(ASN1_INTEGER_set(m->body->version, v));
}

static void drop_content(struct cms_auth_message *m, int v)
{
	ASN1_OCTET_STRING_free(m->body->content->encrypted);
	m->body->content->encrypted = NULL;
}

static void drop_params(struct cms_auth_message *m, int type)
{
	ASN1_TYPE_free(m->body->content->alg->parameters);
	m->body->content->alg->parameters = NULL;
	if (type == V_ASN1_NULL) {
		m->body->content->alg->parameters = ASN1_TYPE_new();
		ASN1_TYPE_set(m->body->content->alg->parameters, V_ASN1_NULL, NULL);
	}
}

static void drop_recipients(struct cms_auth_message *m, int v)
{
	sk_ASN1_TYPE_pop_free(m->body->recipients, ASN1_TYPE_free);
	m->body->recipients = sk_ASN1_TYPE_new_null();
}

static void set_type(struct cms_auth_message *m, int nid)
{
	m->type = OBJ_nid2obj(nid);
}

static void the_rest_of_the_structure(void **state)
{
	for (int v = 1; v < 6; v++)
		assert_int_equal(after(set_version, v), SP_ERR_INVALID);
	assert_int_equal(after(drop_content, 0), SP_ERR_INVALID);
	assert_int_equal(after(drop_params, 0), SP_ERR_INVALID);
	assert_int_equal(after(drop_params, V_ASN1_NULL), SP_ERR_INVALID);
	assert_int_equal(after(drop_recipients, 0), SP_ERR_INVALID);
	assert_int_equal(after(set_type, NID_pkcs7_enveloped), SP_ERR_UNSUPPORTED);
	assert_int_equal(after(set_type, NID_pkcs7_data), SP_ERR_UNSUPPORTED);
}

static void enveloped_data_is_not_it(void **state)
{
	struct sp_buf m;
	make(&m, CMS_EnvelopedData_create(EVP_aes_256_cbc()), 100, CMS_BINARY);
	assert_int_not_equal(sp_cms_auth_enveloped_check(sp_buf_bytes(&m)), SP_OK);
	sp_buf_clear(&m);
}

/* A million nested indefinite sequences: refused, with the stack we have. */
static void deep_nesting_ends(void **state)
{
	struct sp_buf m;
	sp_buf_init(&m, 3u << 20);
	for (int i = 0; i < 1000000; i++)
		assert_int_equal(sp_buf_append(&m, SP_BYTES_LIT("\x30\x80")), SP_OK);
	assert_int_not_equal(sp_cms_auth_enveloped_check(sp_buf_bytes(&m)), SP_OK);
	for (size_t i = 0; i < m.n; i += 2)
		m.p[i] = 0x24; /* constructed octet strings */
	assert_int_not_equal(sp_cms_auth_enveloped_check(sp_buf_bytes(&m)), SP_OK);
	sp_buf_clear(&m);
}

static void self_test_passes_here(void **state)
{
	struct sp_diag diag = {0};
	assert_int_equal(sp_cms_self_test(&diag), SP_OK);
	assert_null(diag.text);
	assert_int_equal(sp_cms_self_test(NULL), SP_OK);
	assert_int_equal(ERR_peek_error(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(definite_and_indefinite_pass),
		cmocka_unit_test(nothing_is_cut_or_added),
		cmocka_unit_test(tags_are_whole),
		cmocka_unit_test(nonces_have_12_bytes),
		cmocka_unit_test(only_gcm),
		cmocka_unit_test(the_rest_of_the_structure),
		cmocka_unit_test(enveloped_data_is_not_it),
		cmocka_unit_test(deep_nesting_ends),
		cmocka_unit_test(self_test_passes_here),
	};
	return cmocka_run_group_tests_name("cms", tests, NULL, NULL);
}
