/* SPDX-License-Identifier: Apache-2.0
 *
 * The allocator and wiping. Raw malloc, free and memset-for-wiping live here and nowhere else.
 */
#include "base/base.h"

#include <stdlib.h>

static void *default_realloc(void *ctx, void *p, size_t n)
{
	return realloc(p, n);
}

static void default_free(void *ctx, void *p)
{
	free(p);
}

static struct sp_allocator allocator = {default_realloc, default_free, NULL};

void sp_allocator_set(const struct sp_allocator *a)
{
	allocator = a ? *a : (struct sp_allocator){default_realloc, default_free, NULL};
}

void *sp_alloc(size_t n)
{
	size_t size = n ? n : 1;
	void *p = allocator.realloc(allocator.ctx, NULL, size);
	if (p)
		memset(p, 0, size);
	return p;
}

void *sp_alloc_array(size_t count, size_t size)
{
	size_t n;
	if (sp_size_mul(&n, count, size) != SP_OK)
		return NULL;
	return sp_alloc(n);
}

enum sp_err sp_array_grow(void *array, size_t *cap, size_t need, size_t size, size_t max)
{
	if (need <= *cap)
		return SP_OK;
	if (need > max)
		return SP_ERR_TOO_MANY;
	size_t want = *cap < 4 ? 4 : *cap;
	while (want < need)
		want = want > max / 2 ? max : want * 2;
	want = SP_MIN(want, max);
	uint8_t *grown = sp_alloc_array(want, size);
	if (!grown)
		return SP_ERR_NOMEM;
	void *old;
	memcpy(&old, array, sizeof old); /* array is a T **, which must not be read as void ** */
	sp_copy(grown, old, *cap * size);
	sp_free_secret(old, *cap * size);
	memcpy(array, &grown, sizeof old);
	*cap = want;
	return SP_OK;
}

void sp_free(void *p)
{
	if (p)
		allocator.free(allocator.ctx, p);
}

void sp_free_secret(void *p, size_t n)
{
	if (!p)
		return;
	sp_wipe(p, n);
	sp_free(p);
}

void sp_wipe(void *p, size_t n)
{
	if (n == 0)
		return;
	memset(p, 0, n);
	__asm__ __volatile__("" : : "r"(p) : "memory"); /* the store must happen although nobody reads it */
}
