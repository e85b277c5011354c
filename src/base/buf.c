/* SPDX-License-Identifier: Apache-2.0
 *
 * Owned bytes with a maximum. Growing copies by hand and wipes the old block: realloc would leave plaintext behind.
 */
#include "base/base.h"

void sp_buf_init(struct sp_buf *b, size_t max)
{
	*b = (struct sp_buf){.max = max};
}

void sp_buf_clear(struct sp_buf *b)
{
	sp_free_secret(b->p, b->cap);
	*b = (struct sp_buf){.max = b->max};
}

static enum sp_err reserve(struct sp_buf *b, size_t n)
{
	size_t need;
	if (sp_size_add(&need, b->n, n) != SP_OK || need > b->max)
		return SP_ERR_TOO_LONG;
	if (need <= b->cap)
		return SP_OK;
	size_t cap = SP_MAX(b->cap, (size_t)32);
	while (cap < need)
		cap = cap > b->max / 2 ? b->max : cap * 2;
	uint8_t *grown = sp_alloc(cap);
	if (!grown)
		return SP_ERR_NOMEM;
	sp_copy(grown, b->p, b->n);
	sp_free_secret(b->p, b->cap);
	b->p = grown;
	b->cap = cap;
	return SP_OK;
}

enum sp_err sp_buf_append(struct sp_buf *b, struct sp_bytes in)
{
	SP_TRY(reserve(b, in.n));
	if (in.n != 0)
		memcpy(b->p + b->n, in.p, in.n);
	b->n += in.n;
	return SP_OK;
}

enum sp_err sp_buf_extend(struct sp_buf *b, size_t n, uint8_t **out)
{
	*out = NULL;
	SP_TRY(reserve(b, n));
	if (!b->p) /* n == 0 on an empty buffer still gives a place to point at */
		SP_TRY(reserve(b, 1));
	*out = b->p + b->n;
	memset(*out, 0, n);
	b->n += n;
	return SP_OK;
}

struct sp_bytes sp_buf_bytes(const struct sp_buf *b)
{
	return (struct sp_bytes){b->p, b->n};
}
