/* SPDX-License-Identifier: Apache-2.0
 *
 * Reader and text forms. Properties: a failed read does not advance; what decodes encodes to the same bytes (one form a
 * value: minimal varints, canonical base32 and base64); reading never leaves the input.
 */
#include "codec/codec.h"
#include "../fuzz.h"

static void read_script(struct sp_bytes script, struct sp_bytes input)
{
	struct sp_reader r = sp_reader_of(input);
	for (size_t i = 0; i < script.n; i++) {
		struct sp_reader before = r, child;
		struct sp_bytes v;
		uint64_t u64;
		uint32_t u32;
		bool present;
		enum sp_err e;
		switch (script.p[i] % 6) {
		case 0:
			e = sp_read_u64(&r, &u64);
			break;
		case 1:
			e = sp_read_varint(&r, &u32);
			break;
		case 2:
			e = sp_read_vec(&r, &v, 1u << script.p[i] % 30);
			FUZZ_CHECK(e != SP_OK || v.n <= before.rest.n);
			break;
		case 3:
			e = sp_read_child(&r, &child, 1u << script.p[i] % 30);
			break;
		case 4:
			e = sp_read_optional(&r, &present);
			break;
		default:
			e = sp_read_fixed(&r, &v, script.p[i]);
			break;
		}
		FUZZ_CHECK(r.rest.n <= before.rest.n);
		FUZZ_CHECK(e == SP_OK || (r.rest.p == before.rest.p && r.rest.n == before.rest.n));
	}
}

static void varint_is_canonical(struct sp_bytes input)
{
	struct sp_reader r = sp_reader_of(input);
	uint32_t v;
	if (sp_read_varint(&r, &v) != SP_OK)
		return;
	struct sp_buf b;
	sp_buf_init(&b, 16);
	struct sp_writer w = sp_writer_on(&b);
	sp_write_varint(&w, v);
	FUZZ_CHECK(sp_writer_finish(&w) == SP_OK);
	FUZZ_CHECK(b.n == input.n - r.rest.n && memcmp(b.p, input.p, b.n) == 0);
	sp_buf_clear(&b);
}

typedef enum sp_err text_fn(struct sp_buf *out, struct sp_bytes in);

static void text_round_trip(text_fn *decode, text_fn *encode, struct sp_bytes input, bool folds_case)
{
	struct sp_buf raw, text;
	sp_buf_init(&raw, 1u << 20);
	sp_buf_init(&text, 1u << 20);
	if (decode(&raw, input) == SP_OK) {
		FUZZ_CHECK(encode(&text, sp_buf_bytes(&raw)) == SP_OK);
		FUZZ_CHECK(text.n == input.n);
		FUZZ_CHECK(folds_case || text.n == 0 || memcmp(text.p, input.p, text.n) == 0);
	}
	sp_buf_clear(&raw);
	sp_buf_clear(&text);
}

/* What people type may have several forms, but they mean one value. */
static void words_mean_one_value(struct sp_bytes input)
{
	struct sp_buf raw, text, again;
	size_t n = input.n ? input.p[0] % 40 : 0;
	sp_buf_init(&raw, 64);
	sp_buf_init(&text, 1024);
	sp_buf_init(&again, 64);
	if (sp_words_decode(&raw, input, n) == SP_OK) {
		FUZZ_CHECK(raw.n == n && sp_words_encode(&text, sp_buf_bytes(&raw)) == SP_OK);
		FUZZ_CHECK(sp_words_decode(&again, sp_buf_bytes(&text), n) == SP_OK);
		FUZZ_CHECK(sp_bytes_equal(sp_buf_bytes(&raw), sp_buf_bytes(&again)));
	} else {
		FUZZ_CHECK(raw.n == 0);
	}
	sp_buf_clear(&raw);
	sp_buf_clear(&text);
	sp_buf_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t split = size ? data[0] % 32 : 0;
	if (split >= size)
		return 0;
	struct sp_bytes script = {data + 1, split}, input = {data + 1 + split, size - 1 - split};
	read_script(script, input);
	varint_is_canonical(input);
	words_mean_one_value(input);
	text_round_trip(sp_hex_decode, sp_hex_encode, input, true);
	text_round_trip(sp_base32_decode, sp_base32_encode, input, true);
	text_round_trip(sp_base64_decode, sp_base64_encode, input, false);
	text_round_trip(sp_base64url_decode, sp_base64url_encode, input, false);
	return 0;
}
