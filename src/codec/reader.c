/* SPDX-License-Identifier: Apache-2.0
 *
 * The bounded reader. RFC 8446 section 3, RFC 9420 section 2.1.2.
 */
#include "codec/codec.h"

enum sp_err sp_read_fixed(struct sp_reader *r, struct sp_bytes *out, size_t n)
{
	*out = SP_BYTES_NONE;
	if (n > r->rest.n)
		return SP_ERR_TRUNCATED;
	*out = (struct sp_bytes){r->rest.p, n};
	r->rest = (struct sp_bytes){n ? r->rest.p + n : r->rest.p, r->rest.n - n};
	return SP_OK;
}

static enum sp_err read_uint(struct sp_reader *r, uint64_t *out, size_t n)
{
	struct sp_bytes raw;
	*out = 0;
	SP_TRY(sp_read_fixed(r, &raw, n));
	for (size_t i = 0; i < n; i++)
		*out = *out << 8 | raw.p[i];
	return SP_OK;
}

enum sp_err sp_read_u8(struct sp_reader *r, uint8_t *out)
{
	uint64_t v;
	enum sp_err e = read_uint(r, &v, 1);
	*out = (uint8_t)v;
	return e;
}

enum sp_err sp_read_u16(struct sp_reader *r, uint16_t *out)
{
	uint64_t v;
	enum sp_err e = read_uint(r, &v, 2);
	*out = (uint16_t)v;
	return e;
}

enum sp_err sp_read_u32(struct sp_reader *r, uint32_t *out)
{
	uint64_t v;
	enum sp_err e = read_uint(r, &v, 4);
	*out = (uint32_t)v;
	return e;
}

enum sp_err sp_read_u64(struct sp_reader *r, uint64_t *out)
{
	return read_uint(r, out, 8);
}

enum sp_err sp_read_into(struct sp_reader *r, uint8_t *out, size_t n)
{
	struct sp_bytes raw;
	memset(out, 0, n);
	SP_TRY(sp_read_fixed(r, &raw, n));
	sp_copy(out, raw.p, n);
	return SP_OK;
}

/* Two bits of length-of-length, then the value. "Vectors that start with '11' prefix are invalid", and so is a value
 * that a shorter form could hold. */
enum sp_err sp_read_varint(struct sp_reader *r, uint32_t *out)
{
	struct sp_reader try = *r;
	uint8_t first;
	uint64_t low;
	*out = 0;
	SP_TRY(sp_read_u8(&try, &first));
	unsigned log_size = first >> 6;
	if (log_size == 3)
		return SP_ERR_ENCODING;
	SP_TRY(read_uint(&try, &low, ((size_t)1 << log_size) - 1));
	uint32_t v = (uint32_t)((uint64_t)(first & 0x3f) << (8 * ((1u << log_size) - 1)) | low);
	if ((log_size == 1 && v < 1u << 6) || (log_size == 2 && v < 1u << 14))
		return SP_ERR_ENCODING;
	*r = try;
	*out = v;
	return SP_OK;
}

enum sp_err sp_read_vec(struct sp_reader *r, struct sp_bytes *out, size_t max)
{
	struct sp_reader try = *r;
	uint32_t n;
	*out = SP_BYTES_NONE;
	SP_TRY(sp_read_varint(&try, &n));
	if (n > max)
		return SP_ERR_TOO_LONG;
	SP_TRY(sp_read_fixed(&try, out, n));
	*r = try;
	return SP_OK;
}

enum sp_err sp_read_child(struct sp_reader *r, struct sp_reader *out, size_t max)
{
	return sp_read_vec(r, &out->rest, max);
}

enum sp_err sp_read_optional(struct sp_reader *r, bool *out)
{
	struct sp_reader try = *r;
	uint8_t v;
	*out = false;
	SP_TRY(sp_read_u8(&try, &v));
	if (v > 1)
		return SP_ERR_ENCODING;
	*r = try;
	*out = v == 1;
	return SP_OK;
}

enum sp_err sp_reader_finish(const struct sp_reader *r)
{
	return r->rest.n == 0 ? SP_OK : SP_ERR_TRAILING;
}
