/* SPDX-License-Identifier: Apache-2.0
 *
 * Hashes (FIPS 180-4 examples), HMAC (RFC 4231), HKDF (RFC 5869), the version gate and the two random sources.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/err.h>

#include "codec/codec.h"
#include "crypto/crypto_priv.h"

static void assert_hex(struct sp_bytes got, const char *want)
{
	struct sp_buf text;
	sp_buf_init(&text, 4096);
	assert_int_equal(sp_hex_encode(&text, got), SP_OK);
	assert_true(sp_bytes_equal(sp_buf_bytes(&text), sp_bytes_str(want)));
	sp_buf_clear(&text);
}

static void hashes(void **state)
{
	struct sp_hash h;
	struct sp_hash32 h32;
	assert_int_equal(sp_hash_of(&h, SP_HASH_SHA256, SP_BYTES_LIT("abc")), SP_OK);
	assert_hex(sp_hash_bytes(&h), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(sp_sha256(&h32, SP_BYTES_LIT("abc")), SP_OK);
	assert_true(sp_bytes_equal(sp_hash32_bytes(&h32), sp_hash_bytes(&h)));
	assert_int_equal(sp_hash_of(&h, SP_HASH_SHA384, SP_BYTES_LIT("abc")), SP_OK);
	assert_hex(sp_hash_bytes(&h), "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7");
	assert_int_equal(sp_hash_of(&h, SP_HASH_SHA512, SP_BYTES_NONE), SP_OK);
	assert_hex(sp_hash_bytes(&h), "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
				      "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e");
	assert_int_equal(sp_hash_of(&h, (enum sp_hash_alg)9, SP_BYTES_NONE), SP_ERR_UNSUPPORTED);
	assert_int_equal(h.n, 0);
	assert_int_equal(sp_hash_size((enum sp_hash_alg)0), 0);
}

static void parts_and_stream_agree(void **state)
{
	const struct sp_bytes parts[] = {SP_BYTES_LIT("one "), SP_BYTES_NONE, SP_BYTES_LIT("two")};
	struct sp_hash whole, h;
	struct sp_hasher *s;
	assert_int_equal(sp_hash_of(&whole, SP_HASH_SHA512, SP_BYTES_LIT("one two")), SP_OK);
	assert_int_equal(sp_hash_parts(&h, SP_HASH_SHA512, parts, 3), SP_OK);
	assert_memory_equal(h.b, whole.b, 64);
	assert_int_equal(sp_hasher_new(&s, SP_HASH_SHA512), SP_OK);
	for (int round = 0; round < 2; round++) { /* final makes it ready again */
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(sp_hasher_update(s, parts[i]), SP_OK);
		assert_int_equal(sp_hasher_final(s, &h), SP_OK);
		assert_memory_equal(h.b, whole.b, 64);
	}
	sp_hasher_free(&s);
	assert_null(s);
	sp_hasher_free(&s);
	assert_int_equal(sp_hasher_new(&s, (enum sp_hash_alg)0), SP_ERR_UNSUPPORTED);
	assert_null(s);
}

/* RFC 4231 cases 2 and 6 (key longer than a block for SHA-256 and SHA-512). */
static void hmac(void **state)
{
	struct sp_secret mac;
	uint8_t key[131];
	memset(key, 0xaa, sizeof key);
	const struct sp_bytes text = SP_BYTES_LIT("Test Using Larger Than Block-Size Key - Hash Key First");
	assert_int_equal(sp_hmac(&mac, SP_HASH_SHA256, SP_BYTES_LIT("Jefe"), SP_BYTES_LIT("what do ya want for nothing?")), SP_OK);
	assert_hex(sp_secret_bytes(&mac), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	assert_int_equal(sp_hmac(&mac, SP_HASH_SHA256, SP_BYTES_OF(key), text), SP_OK);
	assert_hex(sp_secret_bytes(&mac), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	assert_int_equal(sp_hmac(&mac, SP_HASH_SHA512, SP_BYTES_OF(key), text), SP_OK);
	assert_hex(sp_secret_bytes(&mac), "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
					  "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598");
	assert_int_equal(sp_hmac(&mac, SP_HASH_SHA384, SP_BYTES_OF(key), text), SP_OK);
	assert_hex(sp_secret_bytes(&mac),
		   "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952");
}

static void hmac_output_may_be_its_key(void **state)
{
	struct sp_secret a, b;
	assert_int_equal(sp_hmac(&a, SP_HASH_SHA256, SP_BYTES_LIT("k"), SP_BYTES_LIT("m")), SP_OK);
	assert_int_equal(sp_hmac(&b, SP_HASH_SHA256, sp_secret_bytes(&a), SP_BYTES_LIT("m")), SP_OK);
	assert_int_equal(sp_hmac(&a, SP_HASH_SHA256, sp_secret_bytes(&a), SP_BYTES_LIT("m")), SP_OK);
	assert_true(sp_secret_equal(&a, &b));
	assert_int_equal(sp_hmac(&a, (enum sp_hash_alg)7, SP_BYTES_LIT("k"), SP_BYTES_LIT("m")), SP_ERR_UNSUPPORTED);
	assert_int_equal(a.n, 0);
}

/* RFC 5869 case 1; lengths around the block and the limit of 255 blocks. */
static void hkdf(void **state)
{
	static uint8_t out[255 * 64 + 1], longer[255 * 64 + 1];
	uint8_t ikm[22];
	struct sp_secret prk;
	const uint8_t salt[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
	const uint8_t info[] = {0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9};
	memset(ikm, 0x0b, sizeof ikm);
	assert_int_equal(sp_hkdf_extract(&prk, SP_HASH_SHA256, SP_BYTES_OF(salt), SP_BYTES_OF(ikm)), SP_OK);
	assert_hex(sp_secret_bytes(&prk), "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
	assert_int_equal(sp_hkdf_expand(out, 42, SP_HASH_SHA256, sp_secret_bytes(&prk), SP_BYTES_OF(info)), SP_OK);
	assert_hex((struct sp_bytes){out, 42}, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
	assert_int_equal(sp_hkdf_expand(longer, 255 * 32, SP_HASH_SHA256, sp_secret_bytes(&prk), SP_BYTES_OF(info)), SP_OK);
	assert_memory_equal(longer, out, 42);
	assert_int_equal(sp_hkdf_expand(out, 255 * 32 + 1, SP_HASH_SHA256, sp_secret_bytes(&prk), SP_BYTES_NONE), SP_ERR_TOO_LONG);
	assert_int_equal(sp_hkdf_expand(out, 255 * 64, SP_HASH_SHA512, sp_secret_bytes(&prk), SP_BYTES_NONE), SP_OK);
	assert_int_equal(sp_hkdf_expand(out, 1, (enum sp_hash_alg)0, sp_secret_bytes(&prk), SP_BYTES_NONE), SP_ERR_TOO_LONG);
	assert_int_equal(sp_hkdf_expand(out, 0, SP_HASH_SHA256, sp_secret_bytes(&prk), SP_BYTES_NONE), SP_OK);
}

static void version_gate(void **state)
{
	assert_int_equal(sp_crypto_init(), SP_OK);
	assert_int_equal(sp__crypto_version_check(3, 0, 21), SP_ERR_UNSUPPORTED);
	assert_int_equal(sp__crypto_version_check(3, 0, 22), SP_OK);
	assert_int_equal(sp__crypto_version_check(3, 0, 23), SP_OK);
	assert_int_equal(sp__crypto_version_check(3, 2, 0), SP_ERR_UNSUPPORTED); /* later than 3.0.22 by number only */
	assert_int_equal(sp__crypto_version_check(3, 3, 99), SP_ERR_UNSUPPORTED);
	assert_int_equal(sp__crypto_version_check(3, 5, 7), SP_ERR_UNSUPPORTED);
	assert_int_equal(sp__crypto_version_check(3, 5, 8), SP_OK);
	assert_int_equal(sp__crypto_version_check(4, 0, 1), SP_ERR_UNSUPPORTED);
	assert_int_equal(sp__crypto_version_check(4, 1, 0), SP_OK);
	assert_int_equal(sp__crypto_version_check(1, 1, 1), SP_ERR_UNSUPPORTED);
}

static void failures_drain_the_queue(void **state)
{
	ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR);
	assert_int_equal(sp__crypto_fail(SP_ERR_CRYPTO), SP_ERR_CRYPTO);
	assert_int_equal(ERR_peek_error(), 0);
	ERR_raise(ERR_LIB_USER, ERR_R_MALLOC_FAILURE);
	ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR);
	assert_int_equal(sp__crypto_fail(SP_ERR_CRYPTO), SP_ERR_NOMEM);
	assert_int_equal(ERR_peek_error(), 0);
}

static void seeded_random_repeats(void **state)
{
	struct sp_rng_seeded sa, sb, sc;
	struct sp_rng a = sp_rng_seeded(&sa, SP_BYTES_LIT("1")), b = sp_rng_seeded(&sb, SP_BYTES_LIT("1"));
	struct sp_rng c = sp_rng_seeded(&sc, SP_BYTES_LIT("2"));
	uint8_t x[100], y[100], z[100];
	assert_int_equal(sp_rng_fill(&a, x, 100), SP_OK);
	assert_int_equal(sp_rng_fill(&b, y, 100), SP_OK);
	assert_int_equal(sp_rng_fill(&c, z, 100), SP_OK);
	assert_memory_equal(x, y, 100);
	assert_memory_not_equal(x, z, 100);
	assert_int_equal(sp_rng_fill(&a, x, 50), SP_OK); /* a next call gives other bytes */
	assert_memory_not_equal(x, y, 50);
	assert_memory_not_equal(x, y + 16, 50);
}

static void system_random_fills(void **state)
{
	struct sp_rng rng = sp_rng_system();
	uint8_t x[64] = {0}, y[64] = {0};
	assert_int_equal(sp_rng_fill(&rng, x, 64), SP_OK);
	assert_int_equal(sp_rng_fill(&rng, y, 64), SP_OK);
	assert_memory_not_equal(x, y, 64);
	assert_int_equal(sp_rng_fill(&rng, NULL, 0), SP_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes),
		cmocka_unit_test(parts_and_stream_agree),
		cmocka_unit_test(hmac),
		cmocka_unit_test(hmac_output_may_be_its_key),
		cmocka_unit_test(hkdf),
		cmocka_unit_test(version_gate),
		cmocka_unit_test(failures_drain_the_queue),
		cmocka_unit_test(seeded_random_repeats),
		cmocka_unit_test(system_random_fills),
	};
	return cmocka_run_group_tests_name("crypto/hash", tests, NULL, NULL);
}
