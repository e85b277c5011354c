/* SPDX-License-Identifier: Apache-2.0
 *
 * Frames out of a byte stream (docs/protocol.md, "Frames"). A frame that lies whole in what just arrived is lent from
 * there; only a part is copied. The peer's length is believed no further than the bytes that came.
 */
#include "net/frames_priv.h"

/* The largest frame, and as much again as one read may bring after a pause. */
#define KEEP_MAX (SP_LIMIT_FRAME_HEADER + SP_LIMIT_FRAME + (256u << 10))

void sp__frames_init(struct sp__frames *f)
{
	sp_buf_init(&f->buf, KEEP_MAX);
	f->head = 0;
}

void sp__frames_clear(struct sp__frames *f)
{
	sp_buf_clear(&f->buf);
	f->head = 0;
}

bool sp__frames_is_empty(const struct sp__frames *f)
{
	return f->head == f->buf.n;
}

static struct sp_bytes kept(const struct sp__frames *f)
{
	return (struct sp_bytes){f->buf.p + f->head, f->buf.n - f->head};
}

/* Whole frame at the front of b? *out_used is its size. */
static enum sp_err cut_frame(struct sp_frame *out, size_t *out_used, struct sp_bytes b, const struct sp__frame_limit *limit)
{
	enum sp_err err;

	*out_used = 0;
	if (b.n < SP_LIMIT_FRAME_HEADER)
		return SP_ERR_AGAIN;
	err = sp_frame_header_decode(out, b);
	if (err != SP_OK)
		return err;
	if (out->length > SP_LIMIT_FRAME || out->length > limit->max(limit->ctx, out->kind, out->type))
		return SP_ERR_TOO_LONG;
	if (b.n - SP_LIMIT_FRAME_HEADER < out->length)
		return SP_ERR_AGAIN;
	out->body = (struct sp_bytes){b.p + SP_LIMIT_FRAME_HEADER, out->length};
	*out_used = SP_LIMIT_FRAME_HEADER + (size_t)out->length;
	return SP_OK;
}

enum sp_err sp__frames_keep(struct sp__frames *f, struct sp_bytes *in)
{
	if (f->head > 0 && f->head == f->buf.n)
		sp__frames_clear(f);
	SP_TRY(sp_buf_append(&f->buf, *in));
	*in = SP_BYTES_NONE;
	return SP_OK;
}

/* Moves what is kept to the front of its buffer, so that consumed bytes do not count against the maximum. */
static void compact(struct sp__frames *f)
{
	if (f->head == 0)
		return;
	memmove(f->buf.p, f->buf.p + f->head, f->buf.n - f->head);
	f->buf.n -= f->head;
	f->head = 0;
}

static enum sp_err next_lent(struct sp__frames *f, struct sp_frame *out, struct sp_bytes *in, const struct sp__frame_limit *limit)
{
	size_t used;
	enum sp_err err = cut_frame(out, &used, *in, limit);

	if (err == SP_ERR_AGAIN) {
		SP_TRY(sp__frames_keep(f, in));
		return SP_ERR_AGAIN;
	}
	in->p += used;
	in->n -= used;
	return err;
}

static enum sp_err next_kept(struct sp__frames *f, struct sp_frame *out, struct sp_bytes *in, const struct sp__frame_limit *limit)
{
	size_t used;
	enum sp_err err = cut_frame(out, &used, kept(f), limit);

	if (err == SP_ERR_AGAIN && in->n > 0) {
		compact(f);
		SP_TRY(sp__frames_keep(f, in));
		err = cut_frame(out, &used, kept(f), limit);
	}
	f->head += used;
	return err;
}

enum sp_err sp__frames_next(struct sp__frames *f, struct sp_frame *out, struct sp_bytes *in, const struct sp__frame_limit *limit)
{
	enum sp_err err;

	*out = (struct sp_frame){0};
	if (sp__frames_is_empty(f)) {
		sp__frames_clear(f);
		if (in->n == 0)
			return SP_ERR_AGAIN;
		err = next_lent(f, out, in, limit);
	} else {
		err = next_kept(f, out, in, limit);
	}
	if (err == SP_ERR_AGAIN)
		*out = (struct sp_frame){0};
	return err;
}
