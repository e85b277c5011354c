/* SPDX-License-Identifier: Apache-2.0
 *
 * Reader, writer and text forms. Varint examples are those of RFC 9000 section A.1 as RFC 9420 section 2.1.2 uses them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/codec.h"

static void check_varint(const char *hex_text, enum sp_err want, uint32_t value)
{
	struct sp_buf raw;
	sp_buf_init(&raw, 16);
	assert_int_equal(sp_hex_decode(&raw, sp_bytes_str(hex_text)), SP_OK);
	struct sp_reader r = sp_reader_of(sp_buf_bytes(&raw));
	uint32_t v = 7;
	assert_int_equal(sp_read_varint(&r, &v), want);
	assert_int_equal(v, value);
	assert_int_equal(r.rest.n, want == SP_OK ? 0 : raw.n); /* a failed read does not advance */
	sp_buf_clear(&raw);
}

static void varints(void **state)
{
	check_varint("9d7f3e7d", SP_OK, 494878333);
	check_varint("7bbd", SP_OK, 15293);
	check_varint("25", SP_OK, 37);
	check_varint("7fff", SP_OK, 0x3fff);
	check_varint("4025", SP_ERR_ENCODING, 0);
	check_varint("80003fff", SP_ERR_ENCODING, 0);
	check_varint("c000000000000000", SP_ERR_ENCODING, 0);
	check_varint("80004000", SP_OK, 0x4000);
	check_varint("800040", SP_ERR_TRUNCATED, 0);
	check_varint("", SP_ERR_TRUNCATED, 0);
}

static void vectors_name_their_maximum(void **state)
{
	const uint8_t in[] = {3, 'a', 'b', 'c', 9};
	struct sp_reader r = sp_reader_of(SP_BYTES_OF(in));
	struct sp_bytes v;
	assert_int_equal(sp_read_vec(&r, &v, 2), SP_ERR_TOO_LONG);
	assert_int_equal(r.rest.n, sizeof in);
	assert_int_equal(sp_read_vec(&r, &v, 3), SP_OK);
	assert_true(sp_bytes_equal(v, SP_BYTES_LIT("abc")));
	assert_int_equal(sp_read_vec(&r, &v, 99), SP_ERR_TRUNCATED);
	assert_int_equal(sp_reader_finish(&r), SP_ERR_TRAILING);
}

static void scopes_write_their_prefix(void **state)
{
	struct sp_buf b;
	sp_buf_init(&b, 1u << 20);
	for (size_t n = 0; n < 70000; n += 63) {
		struct sp_writer w = sp_writer_on(&b);
		sp_write_u8(&w, 0xaa);
		size_t m = sp_write_open(&w);
		for (size_t i = 0; i < n; i++)
			sp_write_u8(&w, (uint8_t)i);
		sp_write_close(&w, m);
		sp_write_u16(&w, 0xbbcc);
		assert_int_equal(sp_writer_finish(&w), SP_OK);
		struct sp_reader r = sp_reader_of(sp_buf_bytes(&b));
		uint8_t a;
		uint16_t z;
		struct sp_bytes v;
		assert_int_equal(sp_read_u8(&r, &a), SP_OK);
		assert_int_equal(sp_read_vec(&r, &v, n), SP_OK);
		assert_int_equal(v.n, n);
		assert_true(n == 0 || v.p[n - 1] == (uint8_t)(n - 1));
		assert_int_equal(sp_read_u16(&r, &z), SP_OK);
		assert_int_equal(z, 0xbbcc);
		assert_int_equal(sp_reader_finish(&r), SP_OK);
		sp_buf_clear(&b);
	}
}

static void a_failed_writer_leaves_the_buffer(void **state)
{
	struct sp_buf b;
	sp_buf_init(&b, 8);
	assert_int_equal(sp_buf_append(&b, SP_BYTES_LIT("keep")), SP_OK);
	struct sp_writer w = sp_writer_on(&b);
	sp_write_u32(&w, 1);
	sp_write_u8(&w, 1);
	sp_write_u8(&w, 1);
	assert_int_equal(sp_writer_finish(&w), SP_ERR_TOO_LONG);
	assert_true(sp_bytes_equal(sp_buf_bytes(&b), SP_BYTES_LIT("keep")));
	sp_buf_clear(&b);
}

typedef enum sp_err text_fn(struct sp_buf *, struct sp_bytes);

static void check_text(text_fn *fn, const char *in, enum sp_err want, const char *out)
{
	struct sp_buf b;
	sp_buf_init(&b, 256);
	assert_int_equal(fn(&b, sp_bytes_str(in)), want);
	assert_true(sp_bytes_equal(sp_buf_bytes(&b), sp_bytes_str(out)));
	sp_buf_clear(&b);
}

static void text_forms(void **state)
{
	check_text(sp_base64_encode, "foob", SP_OK, "Zm9vYg==");
	check_text(sp_base64_decode, "Zm9vYg==", SP_OK, "foob");
	check_text(sp_base64_decode, "Zm9vYmFy", SP_OK, "foobar");
	check_text(sp_base64_decode, "Zm9vYh==", SP_ERR_ENCODING, ""); /* left-over bits set */
	check_text(sp_base64_decode, "Zm9vYg", SP_ERR_ENCODING, "");
	check_text(sp_base64_decode, "Zm9v Yg=", SP_ERR_ENCODING, "");
	check_text(sp_base64_decode, "====", SP_ERR_ENCODING, "");
	check_text(sp_base64url_encode, "fo\xff\xfe", SP_OK, "Zm___g");
	check_text(sp_base64url_decode, "Zm___g", SP_OK, "fo\xff\xfe");
	check_text(sp_base32_encode, "foobar", SP_OK, "mzxw6ytboi");
	check_text(sp_base32_decode, "MZXW6YTBOI", SP_OK, "foobar");
	check_text(sp_base32_decode, "mzxw6ytboj", SP_ERR_ENCODING, "");
	check_text(sp_hex_encode, "\x01\xfe", SP_OK, "01fe");
	check_text(sp_hex_decode, "01FE", SP_OK, "\x01\xfe");
	check_text(sp_hex_decode, "01f", SP_ERR_ENCODING, "");
	check_text(sp_hex_decode, "zz", SP_ERR_ENCODING, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(varints),
		cmocka_unit_test(vectors_name_their_maximum),
		cmocka_unit_test(scopes_write_their_prefix),
		cmocka_unit_test(a_failed_writer_leaves_the_buffer),
		cmocka_unit_test(text_forms),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
