/* SPDX-License-Identifier: Apache-2.0
 *
 * AEAD: every byte flipped is refused, nothing is appended on failure, keys of a wrong size are the caller's bug.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crypto/crypto.h"

static const enum sp_aead all[] = {SP_AEAD_AES128GCM, SP_AEAD_AES256GCM, SP_AEAD_CHACHA20POLY1305};
static const uint8_t key[32] = "0123456789abcdef0123456789abcde", nonce[12] = "nonce";

static struct sp_bytes key_for(enum sp_aead alg)
{
	return (struct sp_bytes){key, sp_aead_key_size(alg)};
}

static void round_trips(void **state)
{
	static const uint8_t plain[1000] = "a message";
	struct sp_buf sealed, opened;
	for (size_t i = 0; i < SP_ARRAY_LEN(all); i++)
		for (size_t n = 0; n < sizeof plain; n = n * 3 + 1) {
			for (size_t aad = 0; aad <= 17; aad += 17) {
				sp_buf_init(&sealed, 2000);
				sp_buf_init(&opened, 2000);
				struct sp_bytes in = {n ? plain : NULL, n}, ad = {aad ? plain : NULL, aad};
				assert_int_equal(sp_aead_seal(&sealed, all[i], key_for(all[i]), nonce, ad, in), SP_OK);
				assert_int_equal(sealed.n, n + 16);
				assert_int_equal(sp_aead_open(&opened, all[i], key_for(all[i]), nonce, ad, sp_buf_bytes(&sealed)), SP_OK);
				assert_true(sp_bytes_equal(sp_buf_bytes(&opened), in));
				sp_buf_clear(&sealed);
				sp_buf_clear(&opened);
			}
		}
}

static void every_flip_is_refused(void **state)
{
	struct sp_buf sealed, out;
	const struct sp_bytes aad = SP_BYTES_LIT("aad");
	for (size_t i = 0; i < SP_ARRAY_LEN(all); i++) {
		sp_buf_init(&sealed, 100);
		sp_buf_init(&out, 100);
		assert_int_equal(sp_buf_append(&out, SP_BYTES_LIT("kept")), SP_OK);
		assert_int_equal(sp_aead_seal(&sealed, all[i], key_for(all[i]), nonce, aad, SP_BYTES_LIT("twenty bytes of text")), SP_OK);
		for (size_t at = 0; at < sealed.n; at++) {
			sealed.p[at] ^= 0x40;
			assert_int_equal(sp_aead_open(&out, all[i], key_for(all[i]), nonce, aad, sp_buf_bytes(&sealed)), SP_ERR_DECRYPT);
			assert_int_equal(out.n, 4);
			for (size_t j = 4; j < out.cap; j++)
				assert_int_equal(out.p[j], 0); /* not one byte of unverified plaintext stays */
			sealed.p[at] ^= 0x40;
		}
		for (size_t n = 0; n < sealed.n; n++) /* nor a shorter tag */
			assert_int_equal(sp_aead_open(&out, all[i], key_for(all[i]), nonce, aad, (struct sp_bytes){sealed.p, n}),
					 SP_ERR_DECRYPT);
		assert_int_equal(sp_aead_open(&out, all[i], key_for(all[i]), nonce, SP_BYTES_NONE, sp_buf_bytes(&sealed)), SP_ERR_DECRYPT);
		sp_buf_clear(&sealed);
		sp_buf_clear(&out);
	}
}

static void misuse(void **state)
{
	struct sp_buf out;
	sp_buf_init(&out, 20);
	struct sp_bytes short_key = {key, 15};
	assert_int_equal(sp_aead_seal(&out, SP_AEAD_AES128GCM, short_key, nonce, SP_BYTES_NONE, SP_BYTES_NONE), SP_ERR_USAGE);
	assert_int_equal(sp_aead_seal(&out, SP_AEAD_AES256GCM, (struct sp_bytes){key, 16}, nonce, SP_BYTES_NONE, SP_BYTES_NONE),
			 SP_ERR_USAGE);
	assert_int_equal(sp_aead_seal(&out, (enum sp_aead)0xffff, short_key, nonce, SP_BYTES_NONE, SP_BYTES_NONE), SP_ERR_UNSUPPORTED);
	assert_int_equal(sp_aead_seal(&out, (enum sp_aead)0, short_key, nonce, SP_BYTES_NONE, SP_BYTES_NONE), SP_ERR_UNSUPPORTED);
	assert_int_equal(sp_aead_seal(&out, SP_AEAD_AES128GCM, (struct sp_bytes){key, 16}, nonce, SP_BYTES_NONE, SP_BYTES_LIT("12345")),
			 SP_ERR_TOO_LONG);
	assert_int_equal(out.n, 0);
	sp_buf_clear(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(round_trips), cmocka_unit_test(every_flip_is_refused),
					   cmocka_unit_test(misuse)};
	return cmocka_run_group_tests_name("crypto/aead", tests, NULL, NULL);
}
