/* SPDX-License-Identifier: Apache-2.0
 *
 * Signing keys and verification: import and export, strict encodings, labels, keys that lie about their public part.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/err.h>

#include "codec/codec.h"
#include "crypto/crypto_evp_priv.h"

static const enum sp_sig algs[] = {SP_SIG_ECDSA_P256_SHA256, SP_SIG_ECDSA_P384_SHA384, SP_SIG_ECDSA_P521_SHA512, SP_SIG_ED25519,
				   SP_SIG_ED448};
static const enum sp_sig ecdsa[] = {SP_SIG_ECDSA_P256_SHA256, SP_SIG_ECDSA_P384_SHA384, SP_SIG_ECDSA_P521_SHA512};

struct keys {
	struct sp_sign_key *sign;
	struct sp_signer signer;
	struct sp_verify_key *verify;
	struct sp_buf sig;
};

static void keys_init(struct keys *k, enum sp_sig alg)
{
	assert_int_equal(sp_sign_key_generate(&k->sign, alg), SP_OK);
	k->signer = sp_sign_key_signer(k->sign);
	assert_int_equal(k->signer.alg, alg);
	assert_int_equal(k->signer.public_key.n, sp_sig_public_size(alg));
	assert_int_equal(sp_verify_key_new(&k->verify, alg, k->signer.public_key), SP_OK);
	sp_buf_init(&k->sig, 400);
}

static void keys_clear(struct keys *k)
{
	sp_sign_key_free(&k->sign);
	sp_verify_key_free(&k->verify);
	sp_buf_clear(&k->sig);
	assert_int_equal(ERR_peek_error(), 0);
}

static void sign_and_verify(void **state)
{
	for (size_t i = 0; i < SP_ARRAY_LEN(algs); i++) {
		struct keys k;
		keys_init(&k, algs[i]);
		for (int again = 0; again < 3; again++) { /* one key, many signatures: OpenSSL 3.5 wants a new init each time */
			k.sig.n = 0;
			assert_int_equal(sp_sign(&k.signer, &k.sig, SP_BYTES_LIT("message")), SP_OK);
			assert_int_equal(sp_verify(k.verify, SP_BYTES_LIT("message"), sp_buf_bytes(&k.sig)), SP_OK);
			assert_int_equal(sp_verify(k.verify, SP_BYTES_LIT("massage"), sp_buf_bytes(&k.sig)), SP_ERR_SIGNATURE);
			assert_int_equal(sp_verify(k.verify, SP_BYTES_NONE, sp_buf_bytes(&k.sig)), SP_ERR_SIGNATURE);
		}
		k.sig.n = 0;
		assert_int_equal(sp_sign(&k.signer, &k.sig, SP_BYTES_NONE), SP_OK);
		assert_int_equal(sp_verify(k.verify, SP_BYTES_NONE, sp_buf_bytes(&k.sig)), SP_OK);
		keys_clear(&k);
	}
}

static void every_flip_cut_and_addition_is_refused(void **state)
{
	for (size_t i = 0; i < SP_ARRAY_LEN(algs); i++) {
		struct keys k;
		keys_init(&k, algs[i]);
		assert_int_equal(sp_sign(&k.signer, &k.sig, SP_BYTES_LIT("m")), SP_OK);
		size_t n = k.sig.n;
		for (size_t at = 0; at < n; at++) {
			k.sig.p[at] ^= 0x10;
			assert_int_equal(sp_verify(k.verify, SP_BYTES_LIT("m"), sp_buf_bytes(&k.sig)), SP_ERR_SIGNATURE);
			k.sig.p[at] ^= 0x10;
			assert_int_equal(sp_verify(k.verify, SP_BYTES_LIT("m"), (struct sp_bytes){k.sig.p, at}), SP_ERR_SIGNATURE);
		}
		for (int more = 0; more < 3; more++) {
			assert_int_equal(sp_buf_append(&k.sig, SP_BYTES_LIT("\0")), SP_OK);
			assert_int_equal(sp_verify(k.verify, SP_BYTES_LIT("m"), sp_buf_bytes(&k.sig)), SP_ERR_SIGNATURE);
		}
		assert_int_equal(sp_verify(k.verify, SP_BYTES_LIT("m"), SP_BYTES_NONE), SP_ERR_SIGNATURE);
		keys_clear(&k);
	}
}

/* BER that says the same as the DER: a two-octet length of the sequence; a zero octet before r. */
static void ecdsa_signatures_are_der(void **state)
{
	struct keys k;
	uint8_t ber[80];
	keys_init(&k, SP_SIG_ECDSA_P256_SHA256);
	assert_int_equal(sp_sign(&k.signer, &k.sig, SP_BYTES_LIT("m")), SP_OK);
	size_t n = k.sig.n;
	ber[0] = 0x30;
	ber[1] = 0x81;
	sp_copy(ber + 2, k.sig.p + 1, n - 1);
	assert_int_equal(sp_verify(k.verify, SP_BYTES_LIT("m"), (struct sp_bytes){ber, n + 1}), SP_ERR_SIGNATURE);
	ber[1] = (uint8_t)(k.sig.p[1] + 1);
	ber[2] = 0x02;
	ber[3] = (uint8_t)(k.sig.p[3] + 1);
	ber[4] = 0;
	sp_copy(ber + 5, k.sig.p + 4, n - 4);
	assert_int_equal(sp_verify(k.verify, SP_BYTES_LIT("m"), (struct sp_bytes){ber, n + 1}), SP_ERR_SIGNATURE);
	ber[1] = 0x80; /* indefinite */
	sp_copy(ber + 2, k.sig.p + 2, n - 2);
	ber[n] = ber[n + 1] = 0;
	assert_int_equal(sp_verify(k.verify, SP_BYTES_LIT("m"), (struct sp_bytes){ber, n + 2}), SP_ERR_SIGNATURE);
	keys_clear(&k);
}

static void public_keys_are_checked(void **state)
{
	struct sp_verify_key *out;
	for (size_t i = 0; i < SP_ARRAY_LEN(algs); i++) {
		struct keys k;
		uint8_t raw[140] = {0};
		keys_init(&k, algs[i]);
		struct sp_bytes pub = k.signer.public_key;
		for (size_t n = 0; n < sizeof raw; n++)
			if (n != pub.n)
				assert_int_equal(sp_verify_key_new(&out, algs[i], (struct sp_bytes){raw, n}), SP_ERR_INVALID);
		assert_null(out);
		if (i < SP_ARRAY_LEN(ecdsa)) {
			sp_copy(raw, pub.p, pub.n);
			raw[pub.n - 1] ^= 1;
			assert_int_equal(sp_verify_key_new(&out, algs[i], (struct sp_bytes){raw, pub.n}), SP_ERR_INVALID);
			raw[pub.n - 1] ^= 1;
			raw[0] = (uint8_t)(6 + (raw[pub.n - 1] & 1));
			assert_int_equal(sp_verify_key_new(&out, algs[i], (struct sp_bytes){raw, pub.n}), SP_ERR_INVALID);
		}
		keys_clear(&k);
	}
	assert_int_equal(sp_verify_key_new(&out, (enum sp_sig)0x0401, SP_BYTES_NONE), SP_ERR_UNSUPPORTED);
}

static void check_same(struct sp_sign_key *a, struct sp_sign_key *b)
{
	struct sp_signer x = sp_sign_key_signer(a), y = sp_sign_key_signer(b);
	assert_int_equal(x.alg, y.alg);
	assert_true(sp_bytes_equal(x.public_key, y.public_key));
}

static void pkcs8_round_trips(void **state)
{
	for (size_t i = 0; i < SP_ARRAY_LEN(algs); i++) {
		struct keys k;
		struct sp_sign_key *back = NULL;
		struct sp_buf der;
		sp_buf_init(&der, 1000);
		keys_init(&k, algs[i]);
		assert_int_equal(sp_sign_key_to_pkcs8(k.sign, &der), SP_OK);
		assert_int_equal(sp_sign_key_from_pkcs8(&back, sp_buf_bytes(&der)), SP_OK);
		check_same(k.sign, back);
		sp_sign_key_free(&back);
		for (size_t n = 0; n < der.n; n++) {
			assert_int_not_equal(sp_sign_key_from_pkcs8(&back, (struct sp_bytes){der.p, n}), SP_OK);
			assert_null(back);
		}
		assert_int_equal(sp_buf_append(&der, SP_BYTES_LIT("x")), SP_OK);
		assert_int_equal(sp_sign_key_from_pkcs8(&back, sp_buf_bytes(&der)), SP_ERR_TRAILING);
		assert_null(back);
		sp_buf_clear(&der);
		keys_clear(&k);
	}
}

/* The public point stands at the end of an EC PKCS#8: one of another key must not be believed. */
static void pkcs8_public_part_must_match(void **state)
{
	struct keys a, b;
	struct sp_sign_key *back;
	struct sp_buf der;
	sp_buf_init(&der, 1000);
	keys_init(&a, SP_SIG_ECDSA_P256_SHA256);
	keys_init(&b, SP_SIG_ECDSA_P256_SHA256);
	assert_int_equal(sp_sign_key_to_pkcs8(a.sign, &der), SP_OK);
	sp_copy(der.p + der.n - 65, b.signer.public_key.p, 65);
	assert_int_equal(sp_sign_key_from_pkcs8(&back, sp_buf_bytes(&der)), SP_ERR_INVALID);
	assert_null(back);
	sp_buf_clear(&der);
	keys_clear(&a);
	keys_clear(&b);
}

static void foreign_pkcs8_is_refused(void **state)
{
	/* X25519, RFC 8410's form with a seed of 32 ones */
	struct sp_buf der;
	struct sp_sign_key *back;
	sp_buf_init(&der, 100);
	assert_int_equal(
		sp_hex_decode(
			&der,
			SP_BYTES_LIT("302e020100300506032b656e042204200101010101010101010101010101010101010101010101010101010101010101")),
		SP_OK);
	assert_int_equal(sp_sign_key_from_pkcs8(&back, sp_buf_bytes(&der)), SP_ERR_UNSUPPORTED);
	assert_int_equal(ERR_peek_error(), 0);
	sp_buf_clear(&der);
}

/* RFC 8032 section 7.1 test 1; RFC 6979 section A.2.5 for P-256's public key. */
static void private_keys_give_their_public(void **state)
{
	static const struct {
		enum sp_sig alg;
		const char *priv, *pub;
	} cases[] = {
		{SP_SIG_ED25519, "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
		 "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"},
		{SP_SIG_ECDSA_P256_SHA256, "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
		 "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c29"
		 "4d4462299"},
	};
	for (size_t i = 0; i < SP_ARRAY_LEN(cases); i++) {
		struct sp_buf priv, pub;
		struct sp_sign_key *key;
		sp_buf_init(&priv, 100);
		sp_buf_init(&pub, 200);
		assert_int_equal(sp_hex_decode(&priv, sp_bytes_str(cases[i].priv)), SP_OK);
		assert_int_equal(sp_hex_decode(&pub, sp_bytes_str(cases[i].pub)), SP_OK);
		assert_int_equal(sp_sign_key_from_private(&key, cases[i].alg, sp_buf_bytes(&priv)), SP_OK);
		assert_true(sp_bytes_equal(sp_sign_key_signer(key).public_key, sp_buf_bytes(&pub)));
		sp_sign_key_free(&key);
		sp_buf_clear(&priv);
		sp_buf_clear(&pub);
	}
}

static void private_scalars_are_in_range(void **state)
{
	struct sp_sign_key *key;
	uint8_t raw[67] = {0};
	for (size_t i = 0; i < SP_ARRAY_LEN(ecdsa); i++) {
		size_t n = i == 0 ? 32 : i == 1 ? 48 : 66;
		memset(raw, 0, sizeof raw);
		assert_int_equal(sp_sign_key_from_private(&key, ecdsa[i], (struct sp_bytes){raw, n}), SP_ERR_INVALID);
		memset(raw, 0xff, sizeof raw);
		assert_int_equal(sp_sign_key_from_private(&key, ecdsa[i], (struct sp_bytes){raw, n}), SP_ERR_INVALID);
		assert_int_equal(sp_sign_key_from_private(&key, ecdsa[i], SP_BYTES_NONE), SP_ERR_INVALID);
		memset(raw, 0, sizeof raw);
		raw[n] = 7;
		assert_int_equal(sp_sign_key_from_private(&key, ecdsa[i], (struct sp_bytes){raw, n + 1}), SP_ERR_INVALID);
		assert_null(key);
	}
}

/* The working group's P-521 keys are written without their leading zero octet. */
static void leading_zeros_may_be_missing(void **state)
{
	uint8_t raw[66] = {0, 0x7f, 3};
	struct sp_sign_key *whole, *cut;
	assert_int_equal(sp_sign_key_from_private(&whole, SP_SIG_ECDSA_P521_SHA512, SP_BYTES_OF(raw)), SP_OK);
	assert_int_equal(sp_sign_key_from_private(&cut, SP_SIG_ECDSA_P521_SHA512, (struct sp_bytes){raw + 1, 65}), SP_OK);
	check_same(whole, cut);
	sp_sign_key_free(&whole);
	sp_sign_key_free(&cut);
}

static void labels_separate(void **state)
{
	for (size_t i = 0; i < SP_ARRAY_LEN(algs); i++) {
		struct keys k;
		const struct sp_bytes label = SP_BYTES_LIT("Sealpost Test 1"), content = SP_BYTES_LIT("content");
		keys_init(&k, algs[i]);
		assert_int_equal(sp_sign_with_label(&k.signer, &k.sig, label, content), SP_OK);
		struct sp_bytes sig = sp_buf_bytes(&k.sig);
		assert_int_equal(sp_verify_with_label(k.verify, label, content, sig), SP_OK);
		assert_int_equal(sp_verify_with_label(k.verify, SP_BYTES_LIT("Sealpost Test 2"), content, sig), SP_ERR_SIGNATURE);
		assert_int_equal(sp_verify_with_label(k.verify, label, SP_BYTES_LIT("Content"), sig), SP_ERR_SIGNATURE);
		assert_int_equal(sp_verify_with_label(k.verify, SP_BYTES_LIT("Sealpost Test 1\x07"), SP_BYTES_NONE, sig), SP_ERR_SIGNATURE);
		assert_int_equal(sp_verify(k.verify, content, sig), SP_ERR_SIGNATURE);
		const struct sp_bytes encoded = SP_BYTES_LIT("\x17MLS 1.0 Sealpost Test 1\x07"
							     "content");
		assert_int_equal(sp_verify(k.verify, encoded, sig), SP_OK);
		keys_clear(&k);
	}
}

static void evp_keys_are_named(void **state)
{
	for (size_t i = 0; i < SP_ARRAY_LEN(algs); i++) {
		struct keys k;
		struct sp_buf pub;
		enum sp_sig alg;
		sp_buf_init(&pub, 200);
		keys_init(&k, algs[i]);
		assert_int_equal(sp_evp_public_get(sp_sign_key_evp(k.sign), &alg, &pub), SP_OK);
		assert_int_equal(alg, algs[i]);
		assert_true(sp_bytes_equal(sp_buf_bytes(&pub), k.signer.public_key));
		pub.n = 0;
		assert_int_equal(sp_evp_public_get(sp_verify_key_evp(k.verify), &alg, &pub), SP_OK);
		assert_int_equal(alg, algs[i]);
		assert_true(sp_bytes_equal(sp_buf_bytes(&pub), k.signer.public_key));
		sp_buf_clear(&pub);
		keys_clear(&k);
	}
	EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1");
	struct sp_buf none = {.max = 200};
	enum sp_sig alg;
	assert_non_null(other);
	assert_int_equal(sp_evp_public_get(other, &alg, &none), SP_ERR_UNSUPPORTED);
	assert_int_equal(sp_evp_public_get(NULL, &alg, &none), SP_ERR_UNSUPPORTED);
	EVP_PKEY_free(other);
}

static void *no_memory(void *ctx, void *p, size_t n)
{
	return NULL;
}

static void release(void *ctx, void *p) {}

static void out_of_memory_is_reported(void **state)
{
	const struct sp_allocator none = {no_memory, release, NULL};
	struct keys k;
	struct sp_sign_key *sign;
	struct sp_verify_key *verify;
	keys_init(&k, SP_SIG_ED25519);
	sp_allocator_set(&none);
	enum sp_err e1 = sp_sign_key_generate(&sign, SP_SIG_ED25519);
	enum sp_err e2 = sp_verify_key_new(&verify, SP_SIG_ED25519, k.signer.public_key);
	enum sp_err e3 = sp_sign(&k.signer, &k.sig, SP_BYTES_LIT("m"));
	enum sp_err e4 = sp_sign_with_label(&k.signer, &k.sig, SP_BYTES_LIT("m"), SP_BYTES_LIT("m"));
	sp_allocator_set(NULL);
	assert_int_equal(e1, SP_ERR_NOMEM);
	assert_int_equal(e2, SP_ERR_NOMEM);
	assert_int_equal(e3, SP_ERR_NOMEM);
	assert_int_equal(e4, SP_ERR_NOMEM);
	assert_null(sign);
	assert_null(verify);
	keys_clear(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sign_and_verify),
		cmocka_unit_test(every_flip_cut_and_addition_is_refused),
		cmocka_unit_test(ecdsa_signatures_are_der),
		cmocka_unit_test(public_keys_are_checked),
		cmocka_unit_test(pkcs8_round_trips),
		cmocka_unit_test(pkcs8_public_part_must_match),
		cmocka_unit_test(foreign_pkcs8_is_refused),
		cmocka_unit_test(private_keys_give_their_public),
		cmocka_unit_test(private_scalars_are_in_range),
		cmocka_unit_test(leading_zeros_may_be_missing),
		cmocka_unit_test(labels_separate),
		cmocka_unit_test(evp_keys_are_named),
		cmocka_unit_test(out_of_memory_is_reported),
	};
	return cmocka_run_group_tests_name("crypto/sign", tests, NULL, NULL);
}
