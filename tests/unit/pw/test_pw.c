/* SPDX-License-Identifier: Apache-2.0
 *
 * The key box: round trip, wrong passphrase, every bit changed, bounded prices.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/codec.h"
#include "crypto/crypto.h"
#include "pw/pw.h"

static const uint8_t key[SP_PW_KEY] = "thirty-two bytes of a secret ke";
#define PASSPHRASE SP_BYTES_LIT("correct horse")

static void seal(struct sp_buf *out)
{
	struct sp_rng_seeded seed;
	struct sp_rng rng = sp_rng_seeded(&seed, SP_BYTES_LIT("pw"));
	struct sp_pw_params light = sp_pw_params_light();
	sp_buf_init(out, 200);
	assert_int_equal(sp_pw_box_seal(out, PASSPHRASE, SP_BYTES_OF(key), &light, &rng), SP_OK);
	assert_int_equal(out->n, SP_PW_BOX_SIZE);
}

static void round_trip(void **state)
{
	struct sp_buf box;
	struct sp_secret out;
	seal(&box);
	assert_int_equal(sp_pw_box_open(&out, PASSPHRASE, sp_buf_bytes(&box)), SP_OK);
	assert_true(sp_bytes_equal(sp_secret_bytes(&out), SP_BYTES_OF(key)));
	sp_secret_clear(&out);
	sp_buf_clear(&box);
}

static void wrong_passphrases(void **state)
{
	const struct sp_bytes wrong[] = {SP_BYTES_LIT("correct horsf"), SP_BYTES_LIT("correct horse "), SP_BYTES_LIT("Correct horse"),
					 SP_BYTES_LIT("correct hors"),  SP_BYTES_LIT("short"),          SP_BYTES_NONE};
	struct sp_buf box;
	struct sp_secret out;
	seal(&box);
	for (size_t i = 0; i < SP_ARRAY_LEN(wrong); i++) {
		assert_int_equal(sp_pw_box_open(&out, wrong[i], sp_buf_bytes(&box)), SP_ERR_PASSPHRASE);
		assert_int_equal(out.n, 0);
	}
	sp_buf_clear(&box);
}

static void every_bit_counts(void **state)
{
	struct sp_buf box;
	struct sp_secret out;
	seal(&box);
	for (size_t bit = 0; bit < box.n * 8; bit++) {
		box.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		enum sp_err e = sp_pw_box_open(&out, PASSPHRASE, sp_buf_bytes(&box));
		assert_true(e == SP_ERR_PASSPHRASE || (bit < 26 * 8 && (e == SP_ERR_INVALID || e == SP_ERR_FORMAT_NEWER)));
		assert_int_equal(out.n, 0);
		box.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	sp_buf_clear(&box);
}

static void every_length_counts(void **state)
{
	struct sp_buf box;
	struct sp_secret out;
	seal(&box);
	for (size_t n = 0; n < box.n; n++)
		assert_int_equal(sp_pw_box_open(&out, PASSPHRASE, (struct sp_bytes){box.p, n}), SP_ERR_TRUNCATED);
	assert_int_equal(sp_buf_append(&box, SP_BYTES_LIT("x")), SP_OK);
	assert_int_equal(sp_pw_box_open(&out, PASSPHRASE, sp_buf_bytes(&box)), SP_ERR_TRAILING);
	sp_buf_clear(&box);
}

static void open_with_price(uint32_t passes, uint32_t memory_kib, enum sp_err want)
{
	struct sp_buf box, raw;
	struct sp_secret out;
	seal(&box);
	sp_buf_init(&raw, 200);
	struct sp_writer w = sp_writer_on(&raw);
	sp_write_fixed(&w, (struct sp_bytes){box.p, 18});
	sp_write_u32(&w, passes);
	sp_write_u32(&w, memory_kib);
	sp_write_fixed(&w, (struct sp_bytes){box.p + 26, box.n - 26});
	assert_int_equal(sp_writer_finish(&w), SP_OK);
	assert_int_equal(sp_pw_box_open(&out, PASSPHRASE, sp_buf_bytes(&raw)), want);
	sp_buf_clear(&raw);
	sp_buf_clear(&box);
}

static void prices_are_bounded(void **state)
{
	open_with_price(1, 8, SP_OK);
	open_with_price(2, 8, SP_ERR_PASSPHRASE); /* a right price that was not the box's */
	open_with_price(0, 8, SP_ERR_INVALID);
	open_with_price(SP_PW_PASSES_MAX + 1, 8, SP_ERR_INVALID);
	open_with_price(0xffffffff, 8, SP_ERR_INVALID);
	open_with_price(1, 7, SP_ERR_INVALID);
	open_with_price(1, SP_PW_MEMORY_KIB_MAX + 1, SP_ERR_INVALID);
	open_with_price(1, 4u << 20, SP_ERR_INVALID); /* 4 GiB */
	open_with_price(1, 0xffffffff, SP_ERR_INVALID);
}

static void sealing_checks_its_arguments(void **state)
{
	struct sp_rng rng = sp_rng_system();
	struct sp_pw_params light = sp_pw_params_light(), none = {0, 0};
	static const uint8_t longest[SP_PW_LENGTH_MAX + 1];
	struct sp_buf out;
	sp_buf_init(&out, 200);
	assert_int_equal(sp_pw_box_seal(&out, SP_BYTES_LIT("1234567"), SP_BYTES_OF(key), &light, &rng), SP_ERR_INVALID);
	assert_int_equal(sp_pw_box_seal(&out, SP_BYTES_OF(longest), SP_BYTES_OF(key), &light, &rng), SP_ERR_TOO_LONG);
	assert_int_equal(sp_pw_box_seal(&out, PASSPHRASE, (struct sp_bytes){key, 31}, &light, &rng), SP_ERR_USAGE);
	assert_int_equal(sp_pw_box_seal(&out, PASSPHRASE, SP_BYTES_OF(key), &none, &rng), SP_ERR_USAGE);
	assert_int_equal(out.n, 0);
	assert_int_equal(sp_pw_passphrase_check(SP_BYTES_LIT("12345678")), SP_OK);
	assert_int_equal(sp_pw_passphrase_check((struct sp_bytes){longest, SP_PW_LENGTH_MAX}), SP_OK);
	sp_buf_clear(&out);
	sp_buf_init(&out, SP_PW_BOX_SIZE - 1);
	assert_int_equal(sp_pw_box_seal(&out, PASSPHRASE, SP_BYTES_OF(key), &light, &rng), SP_ERR_TOO_LONG);
	assert_int_equal(out.n, 0);
	sp_buf_clear(&out);
}

static void the_default_is_what_the_design_says(void **state)
{
	struct sp_pw_params p = sp_pw_params_default();
	assert_int_equal(p.passes, 3);
	assert_int_equal(p.memory_kib, 64 << 10);
}

static void two_boxes_differ(void **state)
{
	struct sp_rng rng = sp_rng_system();
	struct sp_pw_params light = sp_pw_params_light();
	struct sp_buf a, b;
	sp_buf_init(&a, 200);
	sp_buf_init(&b, 200);
	assert_int_equal(sp_pw_box_seal(&a, PASSPHRASE, SP_BYTES_OF(key), &light, &rng), SP_OK);
	assert_int_equal(sp_pw_box_seal(&b, PASSPHRASE, SP_BYTES_OF(key), &light, &rng), SP_OK);
	assert_memory_not_equal(a.p + 2, b.p + 2, 16);
	assert_memory_not_equal(a.p + 38, b.p + 38, 48);
	sp_buf_clear(&a);
	sp_buf_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(wrong_passphrases),
		cmocka_unit_test(every_bit_counts),
		cmocka_unit_test(every_length_counts),
		cmocka_unit_test(prices_are_bounded),
		cmocka_unit_test(sealing_checks_its_arguments),
		cmocka_unit_test(the_default_is_what_the_design_says),
		cmocka_unit_test(two_boxes_differ),
	};
	return cmocka_run_group_tests_name("pw", tests, NULL, NULL);
}
