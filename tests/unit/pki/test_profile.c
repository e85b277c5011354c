/* SPDX-License-Identifier: Apache-2.0
 *
 * The profile refuses what differs in one thing. Each mutation is signed anew by the real issuing key, so that nothing but
 * the profile stands in its way. And certificate requests: what is refused of them.
 */
#include <openssl/x509v3.h>

#include "crypto/crypto_evp_priv.h"
#include "org.h"

typedef void mutation(X509 *x, struct test_org *o);

static void add_text_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	assert_non_null(ext);
	assert_int_equal(X509_add_ext(x, ext, -1), 1);
	X509_EXTENSION_free(ext);
}

static void drop(X509 *x, int nid)
{
	X509_EXTENSION_free(X509_delete_ext(x, X509_get_ext_by_NID(x, nid, -1)));
}

static void replace(X509 *x, int nid, const char *value)
{
	drop(x, nid);
	add_text_extension(x, nid, value);
}

static void version_2(X509 *x, struct test_org *o) { assert_int_equal(X509_set_version(x, 1), 1); }
static void no_constraints(X509 *x, struct test_org *o) { drop(x, NID_basic_constraints); }
static void constraints_optional(X509 *x, struct test_org *o) { replace(x, NID_basic_constraints, "CA:FALSE"); }
static void authority(X509 *x, struct test_org *o) { replace(x, NID_basic_constraints, "critical,CA:TRUE"); }
static void usage_more(X509 *x, struct test_org *o) { replace(x, NID_key_usage, "critical,digitalSignature,keyAgreement"); }
static void usage_other(X509 *x, struct test_org *o) { replace(x, NID_key_usage, "critical,keyCertSign"); }
static void usage_optional(X509 *x, struct test_org *o) { replace(x, NID_key_usage, "digitalSignature"); }
static void no_usage(X509 *x, struct test_org *o) { drop(x, NID_key_usage); }
static void no_eku(X509 *x, struct test_org *o) { drop(x, NID_ext_key_usage); }
static void eku_any(X509 *x, struct test_org *o) { replace(x, NID_ext_key_usage, "anyExtendedKeyUsage"); }
static void eku_all(X509 *x, struct test_org *o) { replace(x, NID_ext_key_usage, "clientAuth,emailProtection,serverAuth"); }
static void eku_client(X509 *x, struct test_org *o) { replace(x, NID_ext_key_usage, "clientAuth"); }
static void eku_server(X509 *x, struct test_org *o) { replace(x, NID_ext_key_usage, "serverAuth"); }
static void no_san(X509 *x, struct test_org *o) { drop(x, NID_subject_alt_name); }
static void san_mail_only(X509 *x, struct test_org *o) { replace(x, NID_subject_alt_name, "email:alice@example.org"); }
static void san_other_org(X509 *x, struct test_org *o)
{
	replace(x, NID_subject_alt_name, "email:alice@example.com,URI:sealpost:device:aaaaaaaaaaaaaaaaaaaaaaaaaa:account:aaaaaaaaaaaaaaaaaaaaaaaaaa");
}
static void san_upper_case(X509 *x, struct test_org *o)
{
	replace(x, NID_subject_alt_name, "email:alice@example.org,URI:sealpost:device:AAAAAAAAAAAAAAAAAAAAAAAAAA:account:aaaaaaaaaaaaaaaaaaaaaaaaaa");
}
static void san_loose_bits(X509 *x, struct test_org *o)
{
	replace(x, NID_subject_alt_name, "email:alice@example.org,URI:sealpost:device:aaaaaaaaaaaaaaaaaaaaaaaaab:account:aaaaaaaaaaaaaaaaaaaaaaaaaa");
}
static void san_short_id(X509 *x, struct test_org *o)
{
	replace(x, NID_subject_alt_name, "email:alice@example.org,URI:sealpost:device:aaaaaaaaaaaaaaaaaaaaaaaaa:account:aaaaaaaaaaaaaaaaaaaaaaaaaa");
}
static void san_more_after(X509 *x, struct test_org *o)
{
	replace(x, NID_subject_alt_name, "email:alice@example.org,URI:sealpost:device:aaaaaaaaaaaaaaaaaaaaaaaaaa:account:aaaaaaaaaaaaaaaaaaaaaaaaaax");
}
static void san_two_addresses(X509 *x, struct test_org *o)
{
	replace(x, NID_subject_alt_name,
		"email:alice@example.org,URI:sealpost:device:aaaaaaaaaaaaaaaaaaaaaaaaaa:account:aaaaaaaaaaaaaaaaaaaaaaaaaa,email:bob@example.org");
}
static void san_swapped(X509 *x, struct test_org *o)
{
	replace(x, NID_subject_alt_name, "URI:sealpost:device:aaaaaaaaaaaaaaaaaaaaaaaaaa:account:aaaaaaaaaaaaaaaaaaaaaaaaaa,email:alice@example.org");
}
static void san_capital_name(X509 *x, struct test_org *o)
{
	replace(x, NID_subject_alt_name, "email:Alice@example.org,URI:sealpost:device:aaaaaaaaaaaaaaaaaaaaaaaaaa:account:aaaaaaaaaaaaaaaaaaaaaaaaaa");
}
static void san_server(X509 *x, struct test_org *o) { replace(x, NID_subject_alt_name, "URI:sealpost:server:example.org"); }
static void san_twice(X509 *x, struct test_org *o) { add_text_extension(x, NID_subject_alt_name, "email:bob@example.org"); }
static void extra_extension(X509 *x, struct test_org *o) { add_text_extension(x, NID_netscape_comment, "hello"); }
static void extra_critical(X509 *x, struct test_org *o) { add_text_extension(x, NID_name_constraints, "critical,permitted;email:example.org"); }
static void no_ski(X509 *x, struct test_org *o) { drop(x, NID_subject_key_identifier); }
static void no_aki(X509 *x, struct test_org *o) { drop(x, NID_authority_key_identifier); }

static void other_subject(X509 *x, struct test_org *o)
{
	X509_NAME *name = X509_NAME_new();
	X509_NAME_add_entry_by_NID(name, NID_organizationName, V_ASN1_UTF8STRING, (const uint8_t *)"example.org", -1, -1, 0);
	X509_NAME_add_entry_by_NID(name, NID_commonName, V_ASN1_UTF8STRING, (const uint8_t *)"bob", -1, -1, 0);
	assert_int_equal(X509_set_subject_name(x, name), 1);
	X509_NAME_free(name);
}

static void small_serial(X509 *x, struct test_org *o) { assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x), 7), 1); }

static void negative_serial(X509 *x, struct test_org *o)
{
	ASN1_INTEGER *i = ASN1_INTEGER_dup(X509_get0_serialNumber(x));
	i->type = V_ASN1_NEG_INTEGER;
	assert_int_equal(X509_set_serialNumber(x, i), 1);
	ASN1_INTEGER_free(i);
}

static void long_life(X509 *x, struct test_org *o)
{
	ASN1_TIME *end = ASN1_TIME_set(NULL, o->now.ms / 1000 + 366 * 86400);
	assert_int_equal(X509_set1_notAfter(x, end), 1);
	ASN1_TIME_free(end);
}

static void other_curve(X509 *x, struct test_org *o)
{
	EVP_PKEY *key = EVP_EC_gen("P-384");
	assert_int_equal(X509_set_pubkey(x, key), 1);
	EVP_PKEY_free(key);
}

static void rsa_key(X509 *x, struct test_org *o)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	assert_int_equal(X509_set_pubkey(x, key), 1);
	EVP_PKEY_free(key);
}

static const struct {
	const char *what;
	mutation *apply;
} mutations[] = {
	{"version 2", version_2},
	{"no basicConstraints", no_constraints},
	{"basicConstraints not critical", constraints_optional},
	{"CA:TRUE (S14)", authority},
	{"one key usage more", usage_more},
	{"keyCertSign", usage_other},
	{"keyUsage not critical", usage_optional},
	{"no keyUsage", no_usage},
	{"no EKU", no_eku},
	{"any EKU", eku_any},
	{"serverAuth as well", eku_all},
	{"no emailProtection (S14)", eku_client},
	{"serverAuth with a device's names", eku_server},
	{"no SAN", no_san},
	{"no device URI", san_mail_only},
	{"another organisation's address", san_other_org},
	{"an id in upper case", san_upper_case},
	{"an id with loose bits", san_loose_bits},
	{"a short id", san_short_id},
	{"an id with more after it", san_more_after},
	{"two addresses", san_two_addresses},
	{"names in another order", san_swapped},
	{"an address in upper case", san_capital_name},
	{"a server's name", san_server},
	{"SAN twice", san_twice},
	{"an extension more", extra_extension},
	{"a critical extension more", extra_critical},
	{"no subject key identifier", no_ski},
	{"no authority key identifier", no_aki},
	{"subject not the address's", other_subject},
	{"a short serial", small_serial},
	{"a negative serial", negative_serial},
	{"a life of more than a year", long_life},
	{"P-384", other_curve},
	{"RSA", rsa_key},
};

/* The device certificate, changed and signed again by the issuing key. */
static void mutate(struct test_org *o, struct sp_buf *out, mutation *apply, const EVP_MD *md)
{
	const uint8_t *p = o->device.p;
	uint8_t *der = NULL;
	X509 *x = d2i_X509(NULL, &p, (long)o->device.n);
	assert_non_null(x);
	if (apply)
		apply(x, o);
	assert_true(X509_sign(x, sp_sign_key_evp(o->issuing_key), md) > 0);
	int n = i2d_X509(x, &der);
	assert_int_equal(sp_buf_append(out, (struct sp_bytes){der, (size_t)n}), SP_OK);
	OPENSSL_free(der);
	X509_free(x);
}

static void one_mutation_is_enough(void **state)
{
	struct test_org o;
	struct sp_buf b;
	org_open(&o, "example.org");
	sp_buf_init(&b, SP_LIMIT_CERT);
	mutate(&o, &b, NULL, EVP_sha256());
	assert_int_equal(org_judge(&o, sp_buf_bytes(&b), SP_PKI_FOR_DEVICE, o.now, 0), SP_OK); /* re-signing alone changes nothing */
	for (size_t i = 0; i < SP_ARRAY_LEN(mutations); i++) {
		sp_buf_clear(&b);
		mutate(&o, &b, mutations[i].apply, EVP_sha256());
		if (org_judge(&o, sp_buf_bytes(&b), SP_PKI_FOR_DEVICE, o.now, 0) != SP_ERR_CERTIFICATE)
			fail_msg("accepted: %s", mutations[i].what);
	}
	sp_buf_clear(&b);
	mutate(&o, &b, NULL, EVP_sha384());
	assert_int_equal(org_judge(&o, sp_buf_bytes(&b), SP_PKI_FOR_DEVICE, o.now, 0), SP_ERR_CERTIFICATE);
	sp_buf_clear(&b);
	org_close(&o);
}

static void no_bit_may_change(void **state)
{
	struct test_org o;
	org_open(&o, "example.org");
	for (size_t i = 0; i < o.device.n; i++) {
		o.device.p[i] ^= 0x10;
		assert_int_equal(org_judge(&o, sp_buf_bytes(&o.device), SP_PKI_FOR_DEVICE, o.now, 0), SP_ERR_CERTIFICATE);
		o.device.p[i] ^= 0x10;
	}
	struct sp_pki_claim claim;
	assert_int_equal(sp_pki_claim_decode(&claim, (struct sp_bytes){o.device.p, o.device.n - 1}), SP_ERR_CERTIFICATE);
	assert_int_equal(sp_buf_append(&o.device, SP_BYTES_LIT("x")), SP_OK);
	assert_int_equal(sp_pki_claim_decode(&claim, sp_buf_bytes(&o.device)), SP_ERR_CERTIFICATE);
	assert_int_equal(sp_pki_claim_decode(&claim, SP_BYTES_NONE), SP_ERR_CERTIFICATE);
	org_close(&o);
}

static void names(void **state)
{
	static const char *good[] = {"a", "alice", "a.b-c_d", "0day"};
	static const char *bad[] = {"", "Alice", ".a", "-a", "a b", "a@b", "al\xc3\xad", "a,b", "a\n"};
	static const char *good_org[] = {"example.org", "localhost", "xn--bcher-kva.example", "a-b.c"};
	static const char *bad_org[] = {"", ".", "a.", ".a", "a..b", "-a.b", "a-.b", "A.b", "a_b.c", "a b", "b\xc3\xbc.de"};
	char long_name[66];
	memset(long_name, 'a', sizeof long_name);
	for (size_t i = 0; i < SP_ARRAY_LEN(good); i++)
		assert_true(sp_pki_name_is_valid(sp_bytes_str(good[i])));
	for (size_t i = 0; i < SP_ARRAY_LEN(bad); i++)
		assert_false(sp_pki_name_is_valid(sp_bytes_str(bad[i])));
	for (size_t i = 0; i < SP_ARRAY_LEN(good_org); i++)
		assert_true(sp_pki_org_is_valid(sp_bytes_str(good_org[i])));
	for (size_t i = 0; i < SP_ARRAY_LEN(bad_org); i++)
		assert_false(sp_pki_org_is_valid(sp_bytes_str(bad_org[i])));
	assert_true(sp_pki_name_is_valid((struct sp_bytes){(uint8_t *)long_name, 64}));
	assert_false(sp_pki_name_is_valid((struct sp_bytes){(uint8_t *)long_name, 65}));
	assert_false(sp_pki_org_is_valid((struct sp_bytes){(uint8_t *)long_name, 64})); /* a label has at most 63 */
}

static void longest_names_fit(void **state)
{
	struct test_org o;
	struct sp_buf b;
	char org[65], name[65];
	memset(org, 'o', 64);
	memset(name, 'n', 64);
	org[31] = '.';
	org[64] = name[64] = 0;
	org_open(&o, org);
	sp_buf_init(&b, SP_LIMIT_CERT);
	org_device(&o, &b, o.device_key, name, o.now);
	assert_int_equal(org_judge(&o, sp_buf_bytes(&b), SP_PKI_FOR_DEVICE, o.now, 0), SP_OK);
	sp_buf_clear(&b);
	org_close(&o);
}

/* -- requests ------------------------------------------------------------------------------------------------------- */

static enum sp_err check_request(EVP_PKEY *public_half, EVP_PKEY *signer, const EVP_MD *md)
{
	X509_REQ *req = X509_REQ_new();
	uint8_t *der = NULL;
	struct sp_pki_csr csr;
	assert_int_equal(X509_REQ_set_version(req, 0), 1);
	assert_int_equal(X509_REQ_set_pubkey(req, public_half), 1);
	assert_true(X509_REQ_sign(req, signer, md) > 0);
	int n = i2d_X509_REQ(req, &der);
	enum sp_err e = sp_pki_csr_check(&csr, (struct sp_bytes){der, (size_t)n});
	OPENSSL_free(der);
	X509_REQ_free(req);
	return e;
}

static void requests_prove_possession_of_a_p256_key(void **state)
{
	EVP_PKEY *a = EVP_EC_gen("P-256"), *b = EVP_EC_gen("P-256"), *c = EVP_EC_gen("P-384"), *rsa = EVP_RSA_gen(2048);
	assert_int_equal(check_request(a, a, EVP_sha256()), SP_OK);
	assert_int_equal(check_request(a, b, EVP_sha256()), SP_ERR_SIGNATURE);
	assert_int_equal(check_request(a, a, EVP_sha1()), SP_ERR_INVALID);
	assert_int_equal(check_request(a, a, EVP_sha512()), SP_ERR_INVALID);
	assert_int_equal(check_request(c, c, EVP_sha256()), SP_ERR_INVALID);
	assert_int_equal(check_request(rsa, rsa, EVP_sha256()), SP_ERR_INVALID);
	EVP_PKEY_free(a);
	EVP_PKEY_free(b);
	EVP_PKEY_free(c);
	EVP_PKEY_free(rsa);
}

static void no_bit_of_a_request_may_change(void **state)
{
	struct sp_sign_key *key = org_key();
	struct sp_buf b;
	struct sp_pki_csr csr;
	sp_buf_init(&b, SP_LIMIT_CSR);
	assert_int_equal(sp_pki_csr_build(&b, key), SP_OK);
	assert_int_equal(sp_pki_csr_check(&csr, sp_buf_bytes(&b)), SP_OK);
	struct sp_pki_point point = org_point(key);
	assert_memory_equal(csr.point.b, point.b, SP_PKI_POINT);
	for (size_t i = 0; i < b.n; i++) {
		b.p[i] ^= 4;
		assert_int_not_equal(sp_pki_csr_check(&csr, sp_buf_bytes(&b)), SP_OK);
		b.p[i] ^= 4;
		assert_int_not_equal(sp_pki_csr_check(&csr, (struct sp_bytes){b.p, i}), SP_OK);
	}
	assert_int_equal(sp_buf_append(&b, SP_BYTES_LIT("x")), SP_OK);
	assert_int_equal(sp_pki_csr_check(&csr, sp_buf_bytes(&b)), SP_ERR_INVALID);
	sp_buf_clear(&b);
	sp_sign_key_free(&key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_mutation_is_enough),
		cmocka_unit_test(no_bit_may_change),
		cmocka_unit_test(names),
		cmocka_unit_test(longest_names_fit),
		cmocka_unit_test(requests_prove_possession_of_a_p256_key),
		cmocka_unit_test(no_bit_of_a_request_may_change),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
