/* SPDX-License-Identifier: Apache-2.0
 *
 * Every struct of the wire: what is encoded decodes to the same; every shorter input and every longer one is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "wire/catalogue.h"
#include "wire/enrol.h"
#include "wire/keypkg.h"
#include "wire/room.h"
#include "wire/errors.h"
#include "wire/frame.h"
#include "wire/log.h"
#include "wire/response.h"

/* A small generator: the samples are the same in every run. */
static uint64_t next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return *seed >> 33;
}

static void write_sample(const struct sp_wire_layout *layout, struct sp_writer *w, uint64_t *seed);

static void write_random(struct sp_writer *w, size_t n, uint64_t *seed)
{
	for (size_t i = 0; i < n; i++)
		sp_write_u8(w, (uint8_t)next(seed));
}

static void write_sample_list(const struct sp_wire_field *f, struct sp_writer *w, uint64_t *seed)
{
	size_t mark = sp_write_open(w), n = next(seed) % 3;
	for (size_t i = 0; i < n; i++)
		write_sample(f->element(), w, seed);
	sp_write_close(w, mark);
}

static void write_sample_field(const struct sp_wire_field *f, struct sp_writer *w, uint64_t *seed)
{
	static const size_t sizes[] = {
		[SP_WIRE_FIELD_U8] = 1, [SP_WIRE_FIELD_U16] = 2,   [SP_WIRE_FIELD_U32] = 4,    [SP_WIRE_FIELD_U64] = 8,
		[SP_WIRE_FIELD_ID] = 16, [SP_WIRE_FIELD_HASH] = 32, [SP_WIRE_FIELD_NONCE] = 12,
	};
	size_t mark;
	switch (f->kind) {
	case SP_WIRE_FIELD_BOOL:
		sp_write_u8(w, next(seed) % 2);
		break;
	case SP_WIRE_FIELD_LOG:
		sp_write_u8(w, (uint8_t)(1 + next(seed) % 2));
		write_random(w, 16, seed);
		break;
	case SP_WIRE_FIELD_VEC:
		mark = sp_write_open(w);
		write_random(w, next(seed) % SP_MIN(f->max + 1, 80u), seed);
		sp_write_close(w, mark);
		break;
	case SP_WIRE_FIELD_LIST:
		write_sample_list(f, w, seed);
		break;
	case SP_WIRE_FIELD_U8:
	case SP_WIRE_FIELD_U16:
	case SP_WIRE_FIELD_U32:
	case SP_WIRE_FIELD_U64:
	case SP_WIRE_FIELD_ID:
	case SP_WIRE_FIELD_HASH:
	case SP_WIRE_FIELD_NONCE:
		write_random(w, sizes[f->kind], seed);
		break;
	}
}

/* Writes by the description, not by the codec under test. */
static void write_sample(const struct sp_wire_layout *layout, struct sp_writer *w, uint64_t *seed)
{
	for (size_t i = 0; i < layout->n; i++)
		write_sample_field(&layout->fields[i], w, seed);
}

static void check_round_trip(const struct sp_wire_layout *layout, struct sp_bytes in)
{
	_Alignas(max_align_t) uint8_t msg[512];
	struct sp_buf again;
	sp_buf_init(&again, SP_LIMIT_FRAME);
	assert_true(layout->size <= sizeof msg);
	assert_int_equal(sp_wire_layout_decode(layout, msg, in), SP_OK);
	assert_int_equal(sp_wire_layout_encode(layout, &again, msg), SP_OK);
	assert_true(sp_bytes_equal(sp_buf_bytes(&again), in));
	sp_buf_clear(&again);
}

static void check_refused(const struct sp_wire_layout *layout, struct sp_bytes in)
{
	_Alignas(max_align_t) uint8_t msg[512], zero[512] = {0};
	enum sp_err e = sp_wire_layout_decode(layout, msg, in);
	assert_int_equal(sp_err_class(e), SP_CLASS_INPUT);
	assert_memory_equal(msg, zero, layout->size);
}

static void every_struct_every_cut_every_tail(void **state)
{
	uint64_t seed = 1;
	for (size_t i = 0; sp_wire_layout_at(i); i++) {
		const struct sp_wire_layout *layout = sp_wire_layout_at(i);
		for (int round = 0; round < 10; round++) {
			struct sp_buf b;
			sp_buf_init(&b, SP_LIMIT_FRAME);
			struct sp_writer w = sp_writer_on(&b);
			write_sample(layout, &w, &seed);
			assert_int_equal(sp_writer_finish(&w), SP_OK);
			check_round_trip(layout, sp_buf_bytes(&b));
			for (size_t n = 0; n < b.n; n++)
				check_refused(layout, (struct sp_bytes){b.p, n});
			assert_int_equal(sp_buf_append(&b, SP_BYTES_LIT("\0")), SP_OK);
			for (unsigned tail = 0; tail < 256; tail++) {
				b.p[b.n - 1] = (uint8_t)tail;
				check_refused(layout, sp_buf_bytes(&b));
			}
			sp_buf_clear(&b);
		}
	}
}

/* Each vector at its maximum passes, one byte more does not: neither in nor out. */
static void maxima_hold(void **state)
{
	static uint8_t big[SP_LIMIT_CSR + 1];
	struct sp_wire_renew_request m = {{big, SP_LIMIT_CSR}};
	struct sp_buf b;
	sp_buf_init(&b, SP_LIMIT_FRAME);
	assert_int_equal(sp_wire_renew_request_encode(&b, &m), SP_OK);
	assert_int_equal(sp_wire_renew_request_decode(&m, sp_buf_bytes(&b)), SP_OK);
	sp_buf_clear(&b);
	m.csr = SP_BYTES_OF(big);
	assert_int_equal(sp_wire_renew_request_encode(&b, &m), SP_ERR_TOO_LONG);
	assert_int_equal(b.n, 0);
	struct sp_writer w = sp_writer_on(&b);
	sp_write_vec(&w, SP_BYTES_OF(big));
	assert_int_equal(sp_writer_finish(&w), SP_OK);
	assert_int_equal(sp_wire_renew_request_decode(&m, sp_buf_bytes(&b)), SP_ERR_TOO_LONG);
	sp_buf_clear(&b);
}

static void check_bad(const struct sp_wire_layout *layout, const char *hex, enum sp_err want)
{
	_Alignas(max_align_t) uint8_t msg[512];
	struct sp_buf b;
	sp_buf_init(&b, 1024);
	assert_int_equal(sp_hex_decode(&b, sp_bytes_str(hex)), SP_OK);
	assert_int_equal(sp_wire_layout_decode(layout, msg, sp_buf_bytes(&b)), want);
	sp_buf_clear(&b);
}

static void values_out_of_range(void **state)
{
	const char *log3 = "0300000000000000000000000000000000";
	const char *log0 = "0000000000000000000000000000000000";
	check_bad(sp_wire_lagging_event_layout(), log3, SP_ERR_ENCODING);
	check_bad(sp_wire_lagging_event_layout(), log0, SP_ERR_ENCODING);
	check_bad(sp_wire_key_package_count_response_layout(), "0000000102", SP_ERR_ENCODING); /* a bool of 2 */
	check_bad(sp_wire_key_package_publish_response_layout(), "000000", SP_ERR_TRUNCATED);
	/* a list whose last element is cut although the list is not */
	check_bad(sp_wire_room_list_response_layout(), "03000000", SP_ERR_TRUNCATED);
	/* a length in a form longer than needed */
	check_bad(sp_wire_crl_response_layout(), "400161", SP_ERR_ENCODING);
}

static void lists_are_walked(void **state)
{
	struct sp_buf list, body;
	sp_buf_init(&list, 1024);
	sp_buf_init(&body, 1024);
	struct sp_writer w = sp_writer_on(&list);
	for (uint64_t seq = 1; seq <= 3; seq++)
		sp_wire_item_write(&w, &(struct sp_wire_item){seq, 1000 + seq, SP_WIRE_ITEM_APPLICATION, SP_BYTES_LIT("abc")});
	assert_int_equal(sp_writer_finish(&w), SP_OK);
	struct sp_wire_read_response m = {sp_buf_bytes(&list), 3, 1}, got;
	assert_int_equal(sp_wire_read_response_encode(&body, &m), SP_OK);
	assert_int_equal(sp_wire_read_response_decode(&got, sp_buf_bytes(&body)), SP_OK);
	struct sp_reader r = sp_reader_of(got.items);
	uint64_t seq = 0;
	while (!sp_reader_is_empty(&r)) {
		struct sp_wire_item item;
		assert_int_equal(sp_wire_item_read(&r, &item), SP_OK);
		assert_int_equal(item.seq, ++seq);
		assert_true(sp_bytes_equal(item.body, SP_BYTES_LIT("abc")));
	}
	assert_int_equal(seq, 3);
	sp_buf_clear(&list);
	sp_buf_clear(&body);
}

static void types_are_listed_once(void **state)
{
	size_t n;
	const struct sp_wire_type_info *all = sp_wire_type_all(&n);
	unsigned found = 0;
	for (unsigned number = 0; number < 256; number++) {
		const struct sp_wire_type_info *info = sp_wire_type_find((uint8_t)number);
		struct sp_wire_body body;
		found += info != NULL;
		assert_true(!info || sp_wire_body_find(&body, info->type) == SP_OK);
		assert_true(!info || info->max_body <= SP_LIMIT_FRAME);
	}
	assert_int_equal(found, n);
	for (size_t i = 1; i < n; i++)
		assert_true(all[i - 1].type < all[i].type);
	assert_null(sp_wire_type_find(0));
	assert_null(sp_wire_type_find(25));
}

/* "reqno" is a mutation's first field, or the request is idempotent by itself. */
static void mutations_begin_with_reqno(void **state)
{
	size_t n;
	const struct sp_wire_type_info *all = sp_wire_type_all(&n);
	for (size_t i = 0; i < n; i++) {
		struct sp_wire_body body;
		assert_int_equal(sp_wire_body_find(&body, all[i].type), SP_OK);
		bool has_reqno = body.request->n > 0 && strcmp(body.request->fields[0].name, "reqno") == 0;
		bool is_own = all[i].type == SP_WIRE_ENROL || all[i].type == SP_WIRE_RENEW || all[i].type == SP_WIRE_INVITE;
		assert_int_equal(has_reqno, all[i].is_mutation && !is_own);
	}
}

static void errors_map_both_ways(void **state)
{
	for (int e = 0; e < SP_ERR_COUNT_; e++) {
		enum sp_wire_error wire = sp_wire_error_of((enum sp_err)e);
		assert_int_equal(wire == SP_WIRE_ERROR_OK, e == SP_OK);
		/* failed proofs look alike */
		if (sp_err_class((enum sp_err)e) == SP_CLASS_AUTH && e != SP_ERR_TOKEN)
			assert_int_equal(wire, SP_WIRE_ERROR_DENIED);
	}
	assert_int_equal(sp_wire_error_err(SP_WIRE_ERROR_STALE_EPOCH), SP_ERR_STALE_EPOCH);
	assert_int_equal(sp_wire_error_err(SP_WIRE_ERROR_REFUSED), SP_ERR_DENIED);
	assert_int_equal(sp_wire_error_err(999), SP_ERR_UNSUPPORTED);
	assert_string_equal(sp_wire_error_name(9), "STALE_REQNO");
	assert_string_equal(sp_wire_error_name(999), "?");
}

static void responses_open(void **state)
{
	struct sp_wire_response_head head = {SP_WIRE_ERROR_REFUSED, 1007, SP_BYTES_LIT("no")};
	struct sp_buf b;
	struct sp_bytes body;
	sp_buf_init(&b, 256);
	assert_int_equal(sp_wire_response_head_encode(&b, &head), SP_OK);
	assert_int_equal(sp_wire_response_open(&head, &body, sp_buf_bytes(&b)), SP_ERR_DENIED);
	assert_int_equal(head.detail, 1007);
	sp_buf_clear(&b);
	head = (struct sp_wire_response_head){0};
	assert_int_equal(sp_wire_response_head_encode(&b, &head), SP_OK);
	assert_int_equal(sp_buf_append(&b, SP_BYTES_LIT("body")), SP_OK);
	assert_int_equal(sp_wire_response_open(&head, &body, sp_buf_bytes(&b)), SP_OK);
	assert_true(sp_bytes_equal(body, SP_BYTES_LIT("body")));
	assert_int_equal(sp_wire_response_open(&head, &body, (struct sp_bytes){b.p, 3}), SP_ERR_TRUNCATED);
	sp_buf_clear(&b);
}

static void frames(void **state)
{
	uint8_t raw[SP_LIMIT_FRAME_HEADER];
	struct sp_frame f;
	sp_frame_header_encode(raw, 0x01020304, SP_FRAME_EVENT, 33, 0xa0b0c0d0);
	assert_int_equal(sp_frame_header_decode(&f, SP_BYTES_OF(raw)), SP_OK);
	assert_int_equal(f.length, 0x01020304);
	assert_int_equal(f.kind, SP_FRAME_EVENT);
	assert_int_equal(f.type, 33);
	assert_int_equal(f.id, 0xa0b0c0d0);
	assert_int_equal(sp_frame_header_decode(&f, (struct sp_bytes){raw, 9}), SP_ERR_TRUNCATED);
	raw[4] = 0;
	assert_int_equal(sp_frame_header_decode(&f, SP_BYTES_OF(raw)), SP_ERR_ENCODING);
	raw[4] = 4;
	assert_int_equal(sp_frame_header_decode(&f, SP_BYTES_OF(raw)), SP_ERR_ENCODING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_struct_every_cut_every_tail),
		cmocka_unit_test(maxima_hold),
		cmocka_unit_test(values_out_of_range),
		cmocka_unit_test(lists_are_walked),
		cmocka_unit_test(types_are_listed_once),
		cmocka_unit_test(mutations_begin_with_reqno),
		cmocka_unit_test(errors_map_both_ways),
		cmocka_unit_test(responses_open),
		cmocka_unit_test(frames),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
