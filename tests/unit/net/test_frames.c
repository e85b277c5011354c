/* SPDX-License-Identifier: Apache-2.0
 *
 * The reassembler: every split of a stream gives the same frames; limits hold before a body is waited for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/frames_priv.h"

#define LARGE 3000u

static uint32_t max_of(const void *ctx, uint8_t kind, uint8_t type)
{
	return type == 9 ? 16 : LARGE;
}
static const struct sp__frame_limit limit = {.max = max_of};

static void add_frame(struct sp_buf *out, uint8_t type, uint32_t id, size_t n)
{
	uint8_t header[SP_LIMIT_FRAME_HEADER], *body;

	sp_frame_header_encode(header, (uint32_t)n, SP_FRAME_REQUEST, type, id);
	assert_int_equal(sp_buf_append(out, SP_BYTES_OF(header)), SP_OK);
	assert_int_equal(sp_buf_extend(out, n, &body), SP_OK);
	memset(body, (int)id, n);
}

/* Frames of 0, 5, 16 and LARGE bytes. */
static void make_stream(struct sp_buf *out)
{
	sp_buf_init(out, 1 << 16);
	add_frame(out, 1, 1, 0);
	add_frame(out, 2, 2, 5);
	add_frame(out, 9, 3, 16);
	add_frame(out, 1, 4, LARGE);
}

static const size_t sizes[] = {0, 5, 16, LARGE};

/* Takes what `in` brings; checks that frame number *at is the next. */
static void take(struct sp__frames *f, struct sp_bytes in, size_t *at)
{
	struct sp_frame frame;
	enum sp_err err;

	while ((err = sp__frames_next(f, &frame, &in, &limit)) == SP_OK) {
		assert_int_equal(frame.id, *at + 1);
		assert_int_equal(frame.body.n, sizes[*at]);
		for (size_t i = 0; i < frame.body.n; i++)
			assert_int_equal(frame.body.p[i], frame.id);
		(*at)++;
	}
	assert_int_equal(err, SP_ERR_AGAIN);
	assert_int_equal(in.n, 0);
}

static void test_every_split(void **state)
{
	struct sp_buf stream;
	struct sp__frames f;

	make_stream(&stream);
	for (size_t cut = 0; cut <= stream.n; cut++) {
		size_t at = 0;

		sp__frames_init(&f);
		take(&f, (struct sp_bytes){stream.p, cut}, &at);
		take(&f, (struct sp_bytes){stream.p + cut, stream.n - cut}, &at);
		assert_int_equal(at, SP_ARRAY_LEN(sizes));
		assert_true(sp__frames_is_empty(&f));
		sp__frames_clear(&f);
	}
	sp_buf_clear(&stream);
}

static void test_byte_by_byte(void **state)
{
	struct sp_buf stream;
	struct sp__frames f;
	size_t at = 0;

	make_stream(&stream);
	sp__frames_init(&f);
	for (size_t i = 0; i < stream.n; i++)
		take(&f, (struct sp_bytes){stream.p + i, 1}, &at);
	assert_int_equal(at, SP_ARRAY_LEN(sizes));
	sp__frames_clear(&f);
	sp_buf_clear(&stream);
}

/* A pause in the middle: what came is kept, and nothing of it is lost or doubled. */
static void test_keep(void **state)
{
	struct sp_buf stream;
	struct sp__frames f;
	size_t at = 0;

	make_stream(&stream);
	sp__frames_init(&f);
	for (size_t i = 0; i < stream.n; i += 700) {
		struct sp_bytes part = {stream.p + i, SP_MIN(stream.n - i, (size_t)700)};

		assert_int_equal(sp__frames_keep(&f, &part), SP_OK);
	}
	take(&f, SP_BYTES_NONE, &at);
	assert_int_equal(at, SP_ARRAY_LEN(sizes));
	sp__frames_clear(&f);
	sp_buf_clear(&stream);
}

static void expect(const uint8_t header[SP_LIMIT_FRAME_HEADER], enum sp_err want)
{
	struct sp_bytes in = {header, SP_LIMIT_FRAME_HEADER};
	struct sp__frames f;
	struct sp_frame frame;

	sp__frames_init(&f);
	assert_int_equal(sp__frames_next(&f, &frame, &in, &limit), want);
	assert_int_equal(f.buf.cap, want == SP_ERR_AGAIN ? 32 : 0); /* not the peer's length decides what is allocated */
	sp__frames_clear(&f);
}

static void test_limits(void **state)
{
	uint8_t header[SP_LIMIT_FRAME_HEADER];

	sp_frame_header_encode(header, 17, SP_FRAME_REQUEST, 9, 1);
	expect(header, SP_ERR_TOO_LONG);
	sp_frame_header_encode(header, 16, SP_FRAME_REQUEST, 9, 1);
	expect(header, SP_ERR_AGAIN);
	sp_frame_header_encode(header, UINT32_MAX, SP_FRAME_REQUEST, 1, 1);
	expect(header, SP_ERR_TOO_LONG);
	sp_frame_header_encode(header, 0, 0, 1, 1);
	expect(header, SP_ERR_ENCODING);
	sp_frame_header_encode(header, 0, 4, 1, 1);
	expect(header, SP_ERR_ENCODING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_split),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_keep),
		cmocka_unit_test(test_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
