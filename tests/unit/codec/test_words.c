/* SPDX-License-Identifier: Apache-2.0
 *
 * Words: the promises of the list, round trips, what people type.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/words_priv.h"

static void the_list_is_sorted_and_plain(void **state)
{
	for (size_t i = 0; i < SP__WORDS; i++) {
		const char *w = sp__words[i];
		size_t n = strnlen(w, SP__WORD_MAX + 1);
		assert_in_range(n, 3, SP__WORD_MAX);
		for (size_t j = 0; j < n; j++)
			assert_in_range(w[j], 'a', 'z');
		if (i > 0)
			assert_true(strcmp(sp__words[i - 1], w) < 0);
	}
}

/* Sorted, so only neighbours can share a beginning. */
static void four_letters_tell_a_word(void **state)
{
	for (size_t i = 1; i < SP__WORDS; i++) {
		const char *a = sp__words[i - 1], *b = sp__words[i]; /* zero-filled */
		assert_memory_not_equal(a, b, SP__WORD_PREFIX);
		assert_memory_not_equal(a, b, strlen(a)); /* nor does one begin the next */
	}
}

/* Is b one insertion, deletion or change of a letter away from a? */
static bool is_one_slip(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b), head = 0, tail = 0;
	while (head < n && head < m && a[head] == b[head])
		head++;
	while (tail < n - head && tail < m - head && a[n - 1 - tail] == b[m - 1 - tail])
		tail++;
	return n - head - tail <= 1 && m - head - tail <= 1;
}

static void no_slip_gives_another_word(void **state)
{
	for (size_t i = 0; i < SP__WORDS; i++)
		for (size_t j = 0; j < i; j++)
			assert_false(is_one_slip(sp__words[i], sp__words[j]));
}

static void round_trips(void **state)
{
	uint8_t raw[40];
	for (unsigned seed = 0; seed < 200; seed++)
		for (size_t n = 0; n <= sizeof raw; n++) {
			struct sp_buf text, back;
			sp_buf_init(&text, 1000);
			sp_buf_init(&back, 1000);
			for (size_t i = 0; i < n; i++)
				raw[i] = (uint8_t)((seed * 2654435761u + i * 40503u) >> 7);
			assert_int_equal(sp_words_encode(&text, (struct sp_bytes){raw, n}), SP_OK);
			assert_int_equal(sp_words_decode(&back, sp_buf_bytes(&text), n), SP_OK);
			assert_true(sp_bytes_equal(sp_buf_bytes(&back), (struct sp_bytes){raw, n}));
			sp_buf_clear(&text);
			sp_buf_clear(&back);
		}
}

static void check_encode(struct sp_bytes in, const char *want)
{
	struct sp_buf b;
	sp_buf_init(&b, 1000);
	assert_int_equal(sp_words_encode(&b, in), SP_OK);
	assert_true(sp_bytes_equal(sp_buf_bytes(&b), sp_bytes_str(want)));
	sp_buf_clear(&b);
}

static void check_decode(const char *text, size_t n, enum sp_err want, struct sp_bytes bytes)
{
	struct sp_buf b;
	sp_buf_init(&b, 100);
	assert_int_equal(sp_words_decode(&b, sp_bytes_str(text), n), want);
	assert_true(sp_bytes_equal(sp_buf_bytes(&b), bytes));
	sp_buf_clear(&b);
}

/* 0, 1 and 1023 have their places; ff is 1111111100. */
static void bits_are_in_order(void **state)
{
	const uint8_t raw[] = {0x00, 0x00, 0x1f, 0xff, 0x00}; /* 0, 1, 1020 + 3 of the next */
	check_encode(SP_BYTES_NONE, "");
	check_encode(SP_BYTES_LIT("\0"), sp__words[0]);
	check_encode(SP_BYTES_LIT("\xff"), sp__words[1020]);
	struct sp_buf b;
	sp_buf_init(&b, 100);
	assert_int_equal(sp_words_encode(&b, SP_BYTES_OF(raw)), SP_OK);
	struct sp_bytes text = sp_buf_bytes(&b);
	const unsigned want[] = {0, 1, 1023, 768};
	for (size_t i = 0; i < 4; i++) {
		size_t n = strlen(sp__words[want[i]]);
		assert_true(text.n >= n);
		assert_memory_equal(text.p, sp__words[want[i]], n);
		n = SP_MIN(n + 1, text.n);
		text = (struct sp_bytes){text.p + n, text.n - n};
	}
	assert_int_equal(text.n, 0);
	sp_buf_clear(&b);
}

static void fingerprints_have_26_words(void **state)
{
	uint8_t raw[32];
	struct sp_buf whole, part;
	sp_buf_init(&whole, 1000);
	sp_buf_init(&part, 1000);
	memset(raw, 0xa7, sizeof raw);
	assert_int_equal(sp_words_encode(&whole, SP_BYTES_OF(raw)), SP_OK);
	size_t spaces = 0;
	for (size_t i = 0; i < whole.n; i++)
		spaces += whole.p[i] == ' ';
	assert_int_equal(spaces, 25);
	assert_int_equal(sp_words_encode_short(&part, SP_BYTES_OF(raw)), SP_OK);
	assert_true(part.n < whole.n);
	assert_memory_equal(part.p, whole.p, part.n); /* the short form begins the long one */
	assert_int_equal(whole.p[part.n], ' ');
	assert_int_equal(sp_words_encode_short(&part, (struct sp_bytes){raw, 6}), SP_ERR_USAGE);
	sp_buf_clear(&whole);
	sp_buf_clear(&part);
}

static void people_type_as_they_like(void **state)
{
	const uint8_t zero[2] = {0, 0};
	check_decode("abbey abbey", 2, SP_OK, SP_BYTES_OF(zero));
	check_decode("  ABBEY--Abbey\r\n", 2, SP_OK, SP_BYTES_OF(zero));
	check_decode("abbe\tABBE", 2, SP_OK, SP_BYTES_OF(zero)); /* four letters suffice */
	check_decode("", 0, SP_OK, SP_BYTES_NONE);
	check_decode(" - ", 0, SP_OK, SP_BYTES_NONE);
}

static void but_mean_one_value(void **state)
{
	check_decode("abbey", 2, SP_ERR_ENCODING, SP_BYTES_NONE); /* a word is missing */
	check_decode("abbey abbey abbey", 2, SP_ERR_TRAILING, SP_BYTES_NONE);
	check_decode("abbey acid", 2, SP_ERR_ENCODING, SP_BYTES_NONE); /* filling bits set */
	check_decode("abbey xylo", 2, SP_ERR_ENCODING, SP_BYTES_NONE);
	check_decode("abb abbey", 2, SP_ERR_ENCODING, SP_BYTES_NONE);
	check_decode("abbeys abbey", 2, SP_ERR_ENCODING, SP_BYTES_NONE);
	check_decode("abbeyabbeyabbey abbey", 2, SP_ERR_ENCODING, SP_BYTES_NONE);
	check_decode("abbey,abbey", 2, SP_ERR_ENCODING, SP_BYTES_NONE);
	check_decode("abbey", SIZE_MAX, SP_ERR_USAGE, SP_BYTES_NONE);
	check_decode("bag\xc3\xa9 abbey", 2, SP_ERR_ENCODING, SP_BYTES_NONE);
}

static void an_embedded_nul_is_no_letter(void **state)
{
	struct sp_buf b;
	sp_buf_init(&b, 100);
	assert_int_equal(sp_words_decode(&b, SP_BYTES_LIT("bag\0 bag"), 2), SP_ERR_ENCODING);
	assert_int_equal(sp_words_decode(&b, SP_BYTES_LIT("bag\0xyz abbey"), 2), SP_ERR_ENCODING);
	assert_int_equal(b.n, 0);
	sp_buf_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_list_is_sorted_and_plain),
		cmocka_unit_test(four_letters_tell_a_word),
		cmocka_unit_test(no_slip_gives_another_word),
		cmocka_unit_test(round_trips),
		cmocka_unit_test(bits_are_in_order),
		cmocka_unit_test(fingerprints_have_26_words),
		cmocka_unit_test(people_type_as_they_like),
		cmocka_unit_test(but_mean_one_value),
		cmocka_unit_test(an_embedded_nul_is_no_letter),
	};
	return cmocka_run_group_tests_name("codec/words", tests, NULL, NULL);
}
