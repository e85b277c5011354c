/* SPDX-License-Identifier: Apache-2.0
 *
 * The sticky writer. RFC 8446 section 3, RFC 9420 section 2.1.2.
 */
#include "codec/codec.h"

#define VARINT_MAX 0x3fffffffu

struct sp_writer sp_writer_on(struct sp_buf *buf)
{
	return (struct sp_writer){buf, buf->n, SP_OK};
}

void sp_writer_fail(struct sp_writer *w, enum sp_err e)
{
	if (w->err == SP_OK)
		w->err = e;
}

void sp_write_fixed(struct sp_writer *w, struct sp_bytes in)
{
	if (w->err == SP_OK)
		w->err = sp_buf_append(w->buf, in);
}

static void write_uint(struct sp_writer *w, uint64_t v, size_t n)
{
	uint8_t raw[8];
	for (size_t i = 0; i < n; i++)
		raw[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
	sp_write_fixed(w, (struct sp_bytes){raw, n});
}

void sp_write_u8(struct sp_writer *w, uint8_t v)
{
	write_uint(w, v, 1);
}

void sp_write_u16(struct sp_writer *w, uint16_t v)
{
	write_uint(w, v, 2);
}

void sp_write_u32(struct sp_writer *w, uint32_t v)
{
	write_uint(w, v, 4);
}

void sp_write_u64(struct sp_writer *w, uint64_t v)
{
	write_uint(w, v, 8);
}

static size_t varint_size(size_t v)
{
	return v < 1u << 6 ? 1 : v < 1u << 14 ? 2 : 4;
}

void sp_write_varint(struct sp_writer *w, size_t v)
{
	if (v > VARINT_MAX) {
		sp_writer_fail(w, SP_ERR_TOO_LONG);
		return;
	}
	size_t n = varint_size(v);
	uint64_t prefix = n == 1 ? 0 : n == 2 ? 1u << 14 : 2ull << 30;
	write_uint(w, prefix | v, n);
}

void sp_write_vec(struct sp_writer *w, struct sp_bytes in)
{
	sp_write_varint(w, in.n);
	sp_write_fixed(w, in);
}

void sp_write_optional(struct sp_writer *w, bool present)
{
	sp_write_u8(w, present ? 1 : 0);
}

size_t sp_write_open(struct sp_writer *w)
{
	return w->buf->n;
}

/* The content is written first and moved up by its prefix's size once that is known. */
void sp_write_close(struct sp_writer *w, size_t mark)
{
	if (w->err != SP_OK)
		return;
	size_t n = w->buf->n - mark;
	sp_write_varint(w, n); /* grows the buffer by the prefix, at the end for now */
	if (w->err != SP_OK)
		return;
	size_t prefix = varint_size(n);
	uint8_t head[4];
	uint8_t *p = w->buf->p + mark;
	sp_copy(head, p + n, prefix);
	memmove(p + prefix, p, n);
	sp_copy(p, head, prefix);
}

enum sp_err sp_writer_finish(struct sp_writer *w)
{
	if (w->err != SP_OK && w->buf->p) {
		sp_wipe(w->buf->p + w->start, w->buf->n - w->start);
		w->buf->n = w->start;
	}
	return w->err;
}
