/* SPDX-License-Identifier: Apache-2.0
 *
 * The floor: errors, bytes, buffers, arrays, secrets, arithmetic, time, and memory that runs out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/base.h"

/* -- errors -- */

static void every_error_has_its_name(void **state)
{
	for (unsigned i = 0; i < SP_ERR_COUNT_; i++) {
		enum sp_err e = (enum sp_err)i;
		assert_memory_equal(sp_err_name(e), "SP_ERR_", 7);
		assert_true(strlen(sp_err_text(e)) > 2);
		assert_true((sp_err_class(e) == SP_CLASS_OK) == (e == SP_OK));
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(sp_err_name(e), sp_err_name((enum sp_err)j));
	}
	assert_int_equal(SP_OK, 0);
	assert_string_equal(sp_err_name(SP_ERR_TRUNCATED), "SP_ERR_TRUNCATED");
	assert_int_equal(sp_err_class(SP_ERR_SIGNATURE), SP_CLASS_AUTH);
}

static void unknown_errors_are_bugs(void **state)
{
	const enum sp_err unknown[] = {(enum sp_err)SP_ERR_COUNT_, (enum sp_err)(-1), (enum sp_err)100000};
	for (size_t i = 0; i < SP_ARRAY_LEN(unknown); i++) {
		assert_string_equal(sp_err_name(unknown[i]), "SP_ERR_BUG");
		assert_int_equal(sp_err_class(unknown[i]), SP_CLASS_BUG);
	}
}

static void diagnostics_say_where(void **state)
{
	struct sp_diag d = {0};
	assert_int_equal(SP_FAIL(&d, SP_ERR_INVALID, 7, "why"), SP_ERR_INVALID);
	assert_int_equal(d.err, SP_ERR_INVALID);
	assert_int_equal(d.rule, 7);
	assert_string_equal(d.text, "why");
	assert_non_null(strstr(d.file, "test_base.c"));
	assert_int_equal(SP_FAIL(NULL, SP_ERR_STATE, 0, "nobody asks"), SP_ERR_STATE);
}

/* -- bytes -- */

static void bytes_compare_by_content_then_length(void **state)
{
	assert_true(sp_bytes_compare(SP_BYTES_LIT("a"), SP_BYTES_LIT("b")) < 0);
	assert_true(sp_bytes_compare(SP_BYTES_LIT("b"), SP_BYTES_LIT("aa")) > 0);
	assert_true(sp_bytes_compare(SP_BYTES_LIT("a"), SP_BYTES_LIT("aa")) < 0);
	assert_true(sp_bytes_compare(SP_BYTES_LIT("\xff"), SP_BYTES_LIT("\x01")) > 0); /* unsigned */
	assert_int_equal(sp_bytes_compare(SP_BYTES_NONE, SP_BYTES_NONE), 0);
	assert_true(sp_bytes_compare(SP_BYTES_NONE, SP_BYTES_LIT("a")) < 0);
	assert_true(sp_bytes_equal(SP_BYTES_NONE, (struct sp_bytes){(const uint8_t *)"x", 0}));
	assert_false(sp_bytes_equal(SP_BYTES_LIT("ab"), SP_BYTES_LIT("a")));
}

static void constant_time_equality_agrees(void **state)
{
	uint8_t a[64] = {0}, b[64] = {0};
	assert_true(sp_bytes_ct_equal(SP_BYTES_OF(a), SP_BYTES_OF(b)));
	for (size_t bit = 0; bit < sizeof a * 8; bit++) {
		b[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(sp_bytes_ct_equal(SP_BYTES_OF(a), SP_BYTES_OF(b)));
		b[bit / 8] = 0;
	}
	assert_false(sp_bytes_ct_equal((struct sp_bytes){a, 63}, SP_BYTES_OF(b)));
	assert_true(sp_bytes_ct_equal(SP_BYTES_NONE, SP_BYTES_NONE));
}

static void copies_are_owned(void **state)
{
	uint8_t *p;
	assert_int_equal(sp_bytes_dup(&p, SP_BYTES_LIT("bytes")), SP_OK);
	assert_memory_equal(p, "bytes", 5);
	sp_free(p);
	assert_int_equal(sp_bytes_dup(&p, SP_BYTES_NONE), SP_OK);
	assert_null(p);
	char *s = sp_str_dup(SP_BYTES_LIT("text"));
	assert_string_equal(s, "text");
	sp_free(s);
	s = sp_str_dup(SP_BYTES_NONE);
	assert_string_equal(s, "");
	sp_free(s);
	assert_null(sp_str_dup((struct sp_bytes){(const uint8_t *)"x", SIZE_MAX}));
}

/* -- buffers -- */

static void a_buffer_stops_at_its_maximum(void **state)
{
	struct sp_buf b;
	uint8_t *p;
	sp_buf_init(&b, 10);
	assert_int_equal(sp_buf_append(&b, SP_BYTES_LIT("0123456789")), SP_OK);
	assert_int_equal(sp_buf_append(&b, SP_BYTES_LIT("x")), SP_ERR_TOO_LONG);
	assert_int_equal(sp_buf_extend(&b, 1, &p), SP_ERR_TOO_LONG);
	assert_null(p);
	assert_int_equal(sp_buf_extend(&b, SIZE_MAX, &p), SP_ERR_TOO_LONG); /* n + more overflows */
	assert_int_equal(sp_buf_append(&b, SP_BYTES_NONE), SP_OK);
	assert_true(sp_bytes_equal(sp_buf_bytes(&b), SP_BYTES_LIT("0123456789")));
	assert_true(b.cap <= 10 || b.cap == 32);
	sp_buf_clear(&b);
	assert_int_equal(b.n, 0);
	assert_int_equal(b.max, 10); /* and is ready for the next */
	assert_int_equal(sp_buf_append(&b, SP_BYTES_LIT("again")), SP_OK);
	sp_buf_clear(&b);
}

static void a_zero_buffer_holds_nothing(void **state)
{
	struct sp_buf b = {0};
	uint8_t *p;
	assert_int_equal(sp_buf_append(&b, SP_BYTES_LIT("x")), SP_ERR_TOO_LONG);
	assert_int_equal(sp_buf_append(&b, SP_BYTES_NONE), SP_OK);
	assert_int_not_equal(sp_buf_extend(&b, 1, &p), SP_OK);
	sp_buf_clear(&b);
	sp_buf_clear(&b);
}

static void buffers_grow_and_keep(void **state)
{
	struct sp_buf b;
	sp_buf_init(&b, 100000);
	for (size_t i = 0; i < 100000; i++) {
		uint8_t byte = (uint8_t)(i * 7), *p;
		if (i % 2)
			assert_int_equal(sp_buf_append(&b, (struct sp_bytes){&byte, 1}), SP_OK);
		else
			assert_int_equal(sp_buf_extend(&b, 1, &p), SP_OK);
		if (i % 2 == 0) {
			assert_int_equal(*p, 0);
			*p = byte;
		}
	}
	for (size_t i = 0; i < 100000; i++)
		assert_int_equal(b.p[i], (uint8_t)(i * 7));
	assert_true(b.cap <= b.max);
	sp_buf_clear(&b);
}

static void extending_gives_zeros(void **state)
{
	struct sp_buf b;
	uint8_t *p;
	sp_buf_init(&b, 64);
	assert_int_equal(sp_buf_append(&b, SP_BYTES_LIT("old secret")), SP_OK);
	b.n = 0; /* what was there must not show again */
	assert_int_equal(sp_buf_extend(&b, 10, &p), SP_OK);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(p[i], 0);
	assert_int_equal(sp_buf_extend(&b, 0, &p), SP_OK);
	assert_non_null(p);
	sp_buf_clear(&b);
}

/* -- memory -- */

static void arrays_grow_to_their_maximum(void **state)
{
	uint32_t *v = NULL;
	size_t cap = 0;
	for (size_t need = 1; need <= 100; need++) {
		assert_int_equal(sp_array_grow(&v, &cap, need, sizeof *v, 100), SP_OK);
		assert_true(cap >= need && cap <= 100);
		assert_int_equal(v[need - 1], 0);
		v[need - 1] = (uint32_t)need;
	}
	uint32_t *before = v;
	assert_int_equal(sp_array_grow(&v, &cap, 101, sizeof *v, 100), SP_ERR_TOO_MANY);
	assert_ptr_equal(v, before);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(v[i], i + 1);
	sp_free(v);
}

static void arrays_may_hold_one(void **state)
{
	uint64_t *v = NULL;
	size_t cap = 0;
	assert_int_equal(sp_array_grow(&v, &cap, 0, sizeof *v, 1), SP_OK);
	assert_null(v);
	assert_int_equal(sp_array_grow(&v, &cap, 1, sizeof *v, 1), SP_OK);
	assert_int_equal(cap, 1);
	assert_int_equal(sp_array_grow(&v, &cap, 2, sizeof *v, 1), SP_ERR_TOO_MANY);
	sp_free(v);
}

static void overflow_is_out_of_memory(void **state)
{
	assert_null(sp_alloc_array(SIZE_MAX, 2));
	assert_null(sp_alloc_array(SIZE_MAX / 2 + 1, 2));
	uint64_t *v = NULL;
	size_t cap = 0;
	assert_int_equal(sp_array_grow(&v, &cap, SIZE_MAX / 4, sizeof *v, SIZE_MAX), SP_ERR_NOMEM);
	assert_null(v);
	assert_int_equal(cap, 0);
	void *p = sp_alloc(0);
	assert_non_null(p);
	sp_free(p);
	sp_free(NULL);
	sp_free_secret(NULL, 10);
}

static void wiping_leaves_zeros(void **state)
{
	uint8_t raw[40];
	memset(raw, 0x5a, sizeof raw);
	sp_wipe(raw + 4, 32);
	for (size_t i = 0; i < sizeof raw; i++)
		assert_int_equal(raw[i], i < 4 || i >= 36 ? 0x5a : 0);
	sp_wipe(NULL, 0);
}

/* An allocator that looks at what is given back, and one that fails at the Nth call. */
struct watcher {
	size_t calls, fail_at, live; /* fail_at 0: never */
	bool for_ever;
	bool is_dirty; /* something was freed that was not wiped */
};

struct block {
	size_t n;
	max_align_t data[];
};

static void *watch_realloc(void *ctx, void *p, size_t n)
{
	struct watcher *w = ctx;
	w->calls++;
	assert_null(p); /* nothing in base resizes in place: it would leave plaintext behind */
	assert_true(n > 0);
	if (w->fail_at && (w->calls == w->fail_at || (w->for_ever && w->calls > w->fail_at)))
		return NULL;
	struct block *b = malloc(sizeof *b + n);
	assert_non_null(b);
	b->n = n;
	memset(b->data, 0xa5, n); /* sp_alloc must zero it */
	w->live++;
	return b->data;
}

static void watch_free(void *ctx, void *p)
{
	struct watcher *w = ctx;
	struct block *b = (struct block *)((uint8_t *)p - offsetof(struct block, data));
	for (size_t i = 0; i < b->n; i++)
		w->is_dirty = w->is_dirty || ((uint8_t *)b->data)[i] != 0;
	w->live--;
	free(b);
}

static void buffers_wipe_what_they_give_back(void **state)
{
	struct watcher w = {0};
	const struct sp_allocator a = {watch_realloc, watch_free, &w};
	struct sp_buf b;
	uint8_t *v = NULL;
	size_t cap = 0;
	sp_allocator_set(&a);
	sp_buf_init(&b, 5000);
	for (int i = 0; i < 500; i++)
		assert_int_equal(sp_buf_append(&b, SP_BYTES_LIT("plaintext ")), SP_OK);
	sp_buf_clear(&b);
	for (size_t i = 1; i < 1000; i++) {
		assert_int_equal(sp_array_grow(&v, &cap, i, 1, 1000), SP_OK);
		v[i - 1] = 0xff;
	}
	sp_free_secret(v, cap);
	sp_allocator_set(NULL);
	assert_int_equal(w.live, 0);
	assert_false(w.is_dirty);
	assert_true(w.calls > 10);
}

/* Some of everything that allocates; owns what it makes and clears it whatever happens. */
static enum sp_err use_memory(struct sp_buf *b, uint8_t **bytes, char **text, uint16_t **array)
{
	size_t cap = 0;
	uint8_t *p;
	for (int i = 0; i < 40; i++)
		SP_TRY(sp_buf_append(b, SP_BYTES_LIT("some bytes")));
	SP_TRY(sp_buf_extend(b, 500, &p));
	SP_TRY(sp_bytes_dup(bytes, sp_buf_bytes(b)));
	*text = sp_str_dup(SP_BYTES_LIT("text"));
	if (!*text)
		return SP_ERR_NOMEM;
	for (size_t i = 1; i < 100; i++)
		SP_TRY(sp_array_grow(array, &cap, i, sizeof **array, 200));
	return SP_OK;
}

static enum sp_err use_and_release(void)
{
	struct sp_buf b;
	uint8_t *bytes = NULL;
	char *text = NULL;
	uint16_t *array = NULL;
	sp_buf_init(&b, 4000);
	enum sp_err e = use_memory(&b, &bytes, &text, &array);
	sp_buf_clear(&b);
	sp_free(bytes);
	sp_free(text);
	sp_free(array);
	return e;
}

static void fail_each(bool for_ever)
{
	size_t n = 1;
	enum sp_err e = SP_ERR_NOMEM;
	for (; e != SP_OK; n++) {
		struct watcher w = {.fail_at = n, .for_ever = for_ever};
		const struct sp_allocator a = {watch_realloc, watch_free, &w};
		sp_allocator_set(&a);
		e = use_and_release();
		sp_allocator_set(NULL);
		assert_true(e == SP_OK || e == SP_ERR_NOMEM);
		assert_int_equal(w.live, 0);
		assert_true((e == SP_OK) == (w.calls < n));
	}
	assert_true(n > 10);
}

static void every_allocation_may_fail(void **state)
{
	fail_each(false);
	fail_each(true);
}

static void a_failed_append_changes_nothing(void **state)
{
	struct watcher w = {.fail_at = 2, .for_ever = true};
	const struct sp_allocator a = {watch_realloc, watch_free, &w};
	struct sp_buf b;
	sp_allocator_set(&a);
	sp_buf_init(&b, 1000);
	assert_int_equal(sp_buf_append(&b, SP_BYTES_LIT("kept")), SP_OK);
	enum sp_err e = SP_OK;
	while (e == SP_OK)
		e = sp_buf_append(&b, SP_BYTES_LIT("kept"));
	assert_int_equal(e, SP_ERR_NOMEM);
	assert_true(b.n > 0 && b.n % 4 == 0);
	for (size_t i = 0; i < b.n; i += 4)
		assert_memory_equal(b.p + i, "kept", 4);
	sp_buf_clear(&b);
	sp_allocator_set(NULL);
	assert_int_equal(w.live, 0);
}

/* -- secrets -- */

static void secrets_are_set_and_cleared(void **state)
{
	struct sp_secret s = {0}, t = {0};
	uint8_t long_one[SP_SECRET_MAX + 1] = {1};
	assert_int_equal(sp_secret_set(&s, SP_BYTES_LIT("key")), SP_OK);
	assert_true(sp_bytes_equal(sp_secret_bytes(&s), SP_BYTES_LIT("key")));
	assert_false(sp_secret_equal(&s, &t));
	assert_int_equal(sp_secret_set(&t, SP_BYTES_LIT("key")), SP_OK);
	assert_true(sp_secret_equal(&s, &t));
	assert_int_equal(sp_secret_set(&s, SP_BYTES_LIT("k")), SP_OK); /* nothing of the longer one stays */
	assert_int_equal(s.b[1], 0);
	assert_int_equal(sp_secret_set(&s, SP_BYTES_OF(long_one)), SP_ERR_TOO_LONG);
	assert_int_equal(s.n, 0);
	assert_int_equal(sp_secret_set(&s, (struct sp_bytes){long_one, SP_SECRET_MAX}), SP_OK);
	sp_secret_clear(&s);
	for (size_t i = 0; i < sizeof s.b; i++)
		assert_int_equal(s.b[i], 0);
}

/* -- arithmetic and time -- */

static void arithmetic_is_checked(void **state)
{
	size_t out;
	assert_int_equal(sp_size_add(&out, 2, 3), SP_OK);
	assert_int_equal(out, 5);
	assert_int_equal(sp_size_add(&out, SIZE_MAX, 0), SP_OK);
	assert_int_equal(sp_size_add(&out, SIZE_MAX, 1), SP_ERR_TOO_LONG);
	assert_int_equal(sp_size_mul(&out, SIZE_MAX / 2, 2), SP_OK);
	assert_int_equal(sp_size_mul(&out, SIZE_MAX / 2 + 1, 2), SP_ERR_TOO_LONG);
	assert_int_equal(sp_size_mul(&out, 0, SIZE_MAX), SP_OK);
}

static void check_time(int64_t ms, const char *want)
{
	char out[SP_TIME_TEXT_MAX];
	sp_time_format(out, (struct sp_time){ms});
	assert_string_equal(out, want);
}

static void times_are_rfc3339(void **state)
{
	check_time(0, "1970-01-01T00:00:00.000Z");
	check_time(1763647331123, "2025-11-20T14:02:11.123Z");
	check_time(-1, "1969-12-31T23:59:59.999Z");
	check_time(-1000, "1969-12-31T23:59:59.000Z");
	check_time(951782400000, "2000-02-29T00:00:00.000Z");
	check_time(253402300799999, "9999-12-31T23:59:59.999Z");
	check_time(253402300800000, "0000-00-00T00:00:00.000Z"); /* any 64-bit number may come from a peer */
	check_time(INT64_MAX, "0000-00-00T00:00:00.000Z");
	check_time(INT64_MIN, "0000-00-00T00:00:00.000Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_error_has_its_name),
		cmocka_unit_test(unknown_errors_are_bugs),
		cmocka_unit_test(diagnostics_say_where),
		cmocka_unit_test(bytes_compare_by_content_then_length),
		cmocka_unit_test(constant_time_equality_agrees),
		cmocka_unit_test(copies_are_owned),
		cmocka_unit_test(a_buffer_stops_at_its_maximum),
		cmocka_unit_test(a_zero_buffer_holds_nothing),
		cmocka_unit_test(buffers_grow_and_keep),
		cmocka_unit_test(extending_gives_zeros),
		cmocka_unit_test(arrays_grow_to_their_maximum),
		cmocka_unit_test(arrays_may_hold_one),
		cmocka_unit_test(overflow_is_out_of_memory),
		cmocka_unit_test(wiping_leaves_zeros),
		cmocka_unit_test(buffers_wipe_what_they_give_back),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(a_failed_append_changes_nothing),
		cmocka_unit_test(secrets_are_set_and_cleared),
		cmocka_unit_test(arithmetic_is_checked),
		cmocka_unit_test(times_are_rfc3339),
	};
	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
