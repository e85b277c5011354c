/* SPDX-License-Identifier: Apache-2.0
 *
 * base: what every room stands on. Bytes, buffers, secrets, memory, checked arithmetic, assertions and flow.
 *
 * Conventions (true in every room):
 *   - zero state is safe to clear and to free; free takes ** and NULLs; NULL is fine
 *   - arguments: context, outputs (out, out_...), inputs; outputs are zeroed on failure unless said otherwise
 *   - sizes are bytes, times are struct sp_time unless the name says otherwise
 *   - every fallible function returns enum sp_err; functions returning bool are named _is_, _has_ or _equal
 *
 * Does not check: thread safety. Nothing here is shared between threads without the caller's lock.
 */
#ifndef SP_BASE_H
#define SP_BASE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "sealpost/bytes.h"
#include "sealpost/err.h"

/* The one macro that hides control flow. Only in functions that own nothing. */
#define SP_TRY(expr)                                                                                                   \
	do {                                                                                                           \
		enum sp_err sp_try_ = (expr);                                                                          \
		if (sp_try_ != SP_OK)                                                                                  \
			return sp_try_;                                                                                \
	} while (0)

/* States our own invariant; stays on in release. Must not be reachable from input, disk or token. */
#define SP_ASSERT(cond) ((cond) ? (void)0 : sp_assert_failed(#cond, __FILE__, __LINE__))
_Noreturn void sp_assert_failed(const char *cond, const char *file, int line);

/* Records where and why; gives e back, so that `return SP_FAIL(diag, SP_ERR_X, rule, "...")` reads as one line.
 * diag may be NULL. */
#define SP_FAIL(diag, e, rule, text) sp_diag_set((diag), (e), (rule), __FILE__, __LINE__, (text))
enum sp_err sp_diag_set(struct sp_diag *diag, enum sp_err e, unsigned rule, const char *file, int line, const char *text);

#define SP_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define SP_MIN(a, b) ((a) < (b) ? (a) : (b))
#define SP_MAX(a, b) ((a) > (b) ? (a) : (b))

/* -- borrowed bytes ------------------------------------------------------------------------------------------- */

#define SP_BYTES_OF(array) ((struct sp_bytes){(array), sizeof(array)}) /* a real array of uint8_t, not a pointer */
#define SP_BYTES_LIT(lit) ((struct sp_bytes){(const uint8_t *)("" lit), sizeof(lit) - 1})
#define SP_BYTES_NONE ((struct sp_bytes){NULL, 0})

static inline struct sp_bytes sp_bytes_str(const char *s)
{
	return (struct sp_bytes){(const uint8_t *)s, s ? strlen(s) : 0};
}

/* Not constant-time: for public values. */
static inline bool sp_bytes_equal(struct sp_bytes a, struct sp_bytes b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
/* Order by content, then by length: <0, 0, >0. For public values. */
int sp_bytes_compare(struct sp_bytes a, struct sp_bytes b);
/* Constant-time in the content (not in the lengths). */
bool sp_bytes_ct_equal(struct sp_bytes a, struct sp_bytes b);

static inline struct sp_bytes sp_hash32_bytes(const struct sp_hash32 *h)
{
	return (struct sp_bytes){h->b, sizeof h->b};
}
static inline bool sp_hash32_equal(const struct sp_hash32 *a, const struct sp_hash32 *b)
{
	return memcmp(a->b, b->b, sizeof a->b) == 0;
}
static inline struct sp_bytes sp_id16_bytes(const struct sp_id16 *id)
{
	return (struct sp_bytes){id->b, sizeof id->b};
}
static inline bool sp_id16_equal(const struct sp_id16 *a, const struct sp_id16 *b)
{
	return memcmp(a->b, b->b, sizeof a->b) == 0;
}
static inline bool sp_secret_equal(const struct sp_secret *a, const struct sp_secret *b)
{
	return sp_bytes_ct_equal(sp_secret_bytes(a), sp_secret_bytes(b));
}

/* -- memory --------------------------------------------------------------------------------------------------- */

/* The process's allocator. Defaults are malloc, realloc, free. A daemon installs one that dies; tests install one that
 * fails at the Nth call. Not thread-safe: set it before the first allocation. */
struct sp_allocator {
	void *(*realloc)(void *ctx, void *p, size_t n); /* p NULL allocates; n is never 0 */
	void (*free)(void *ctx, void *p);
	void *ctx;
};
void sp_allocator_set(const struct sp_allocator *a); /* NULL restores the default */

void *sp_alloc(size_t n) SP_MUST_USE;                            /* zeroed; NULL when out of memory; n == 0 gives 1 byte */
void *sp_alloc_array(size_t count, size_t size) SP_MUST_USE;     /* zeroed; NULL also when count * size overflows */
/* Grows *array to at least `need` elements (amortised doubling, new elements zeroed). `array` points at a pointer.
 * On failure nothing changed. `max` is in elements: SP_ERR_TOO_MANY beyond it. */
enum sp_err sp_array_grow(void *array, size_t *cap, size_t need, size_t size, size_t max) SP_MUST_USE;
void sp_free(void *p);
void sp_free_secret(void *p, size_t n); /* wipes n bytes first */
void sp_wipe(void *p, size_t n);        /* never optimised away */
/* memcpy that accepts n == 0 with NULL. */
static inline void sp_copy(void *out, const void *in, size_t n)
{
	if (n != 0)
		memcpy(out, in, n);
}
/* An owned copy of borrowed bytes; *out is NULL for empty input. Free with sp_free. */
enum sp_err sp_bytes_dup(uint8_t **out, struct sp_bytes in) SP_MUST_USE;
char *sp_str_dup(struct sp_bytes in) SP_MUST_USE; /* NUL-terminated copy; NULL when out of memory */

/* -- checked arithmetic --------------------------------------------------------------------------------------- */

static inline enum sp_err sp_size_add(size_t *out, size_t a, size_t b)
{
	return __builtin_add_overflow(a, b, out) ? SP_ERR_TOO_LONG : SP_OK;
}
static inline enum sp_err sp_size_mul(size_t *out, size_t a, size_t b)
{
	return __builtin_mul_overflow(a, b, out) ? SP_ERR_TOO_LONG : SP_OK;
}

/* -- time ----------------------------------------------------------------------------------------------------- */

/* RFC 3339 UTC with milliseconds, "2026-11-20T14:02:11.123Z". */
#define SP_TIME_TEXT_MAX 32u
void sp_time_format(char out[SP_TIME_TEXT_MAX], struct sp_time t);

#endif
