/* SPDX-License-Identifier: Apache-2.0
 *
 * The frame reassembler. The input's first byte says in what pieces the rest arrives. Properties: any pieces give the same frames as one
 * piece; a frame never exceeds its type's maximum; memory never exceeds what arrived (rounded up).
 */
#include "net/frames_priv.h"
#include "../fuzz.h"

static uint32_t max_of(const void *ctx, uint8_t kind, uint8_t type)
{
	return (uint32_t)type * 8;
}
static const struct sp__frame_limit limit = {.max = max_of};

struct digest {
	uint64_t sum;
	size_t frames;
	enum sp_err end;
};

static void add(struct digest *d, const struct sp_frame *frame)
{
	FUZZ_CHECK(frame->body.n == frame->length);
	FUZZ_CHECK(frame->length <= max_of(NULL, frame->kind, frame->type));
	d->sum = d->sum * 31 + frame->id + frame->type;
	for (size_t i = 0; i < frame->body.n; i++)
		d->sum = d->sum * 31 + frame->body.p[i];
	d->frames++;
}

static struct digest run(struct sp_bytes in, size_t piece)
{
	struct digest d = {0};
	struct sp__frames f;
	size_t arrived = 0;

	sp__frames_init(&f);
	while (d.end == SP_OK && in.n > 0) {
		struct sp_bytes part = {in.p, SP_MIN(in.n, piece)};
		struct sp_frame frame;
		enum sp_err err;

		in.p += part.n;
		in.n -= part.n;
		arrived += part.n;
		while ((err = sp__frames_next(&f, &frame, &part, &limit)) == SP_OK)
			add(&d, &frame);
		FUZZ_CHECK(f.buf.cap <= 2 * arrived + 32);
		d.end = err == SP_ERR_AGAIN ? SP_OK : err;
	}
	sp__frames_clear(&f);
	return d;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct digest whole, parts;

	if (n < 2)
		return 0;
	whole = run((struct sp_bytes){p + 1, n - 1}, n);
	parts = run((struct sp_bytes){p + 1, n - 1}, 1 + p[0] % 40);
	FUZZ_CHECK(whole.frames == parts.frames && whole.sum == parts.sum && whole.end == parts.end);
	return 0;
}
