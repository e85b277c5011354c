/* SPDX-License-Identifier: Apache-2.0
 *
 * The one codec of all messages: reads and writes a C struct by its list of fields. RFC 8446 section 3.
 */
#include "wire/layout.h"

SP_WIRE_DEFINE(opaque, SP_WIRE_OPAQUE)
SP_WIRE_DEFINE(account_ref, SP_WIRE_ACCOUNT_REF)

static enum sp_err read_bool(struct sp_reader *r, bool *out)
{
	return sp_read_optional(r, out); /* the same octet: 0 or 1, nothing else */
}

/* An unknown kind is an error: a log of a kind this program does not know cannot be judged. */
static enum sp_err read_log(struct sp_reader *r, struct sp_wire_log_id *out)
{
	SP_TRY(sp_read_u8(r, &out->kind));
	if (out->kind != SP_WIRE_LOG_ROOM && out->kind != SP_WIRE_LOG_INBOX)
		return SP_ERR_ENCODING;
	return sp_read_into(r, out->id.b, sizeof out->id.b);
}

/* Gives the elements' bytes, each checked by its own layout into scratch space that is thrown away. */
static enum sp_err read_list(struct sp_reader *r, const struct sp_wire_field *f, struct sp_bytes *out)
{
	const struct sp_wire_layout *element = f->element();
	_Alignas(max_align_t) uint8_t scratch[256];
	SP_ASSERT(element->size <= sizeof scratch);
	SP_TRY(sp_read_vec(r, out, f->max));
	struct sp_reader walk = sp_reader_of(*out);
	while (!sp_reader_is_empty(&walk))
		SP_TRY(sp_wire_layout_read(element, &walk, scratch));
	return SP_OK;
}

/* `to` points at the member whose C type SP_WIRE_TYPE_<kind> names. */
static enum sp_err read_field(struct sp_reader *r, const struct sp_wire_field *f, void *to)
{
	switch (f->kind) {
	case SP_WIRE_FIELD_U8:
		return sp_read_u8(r, to);
	case SP_WIRE_FIELD_U16:
		return sp_read_u16(r, to);
	case SP_WIRE_FIELD_U32:
		return sp_read_u32(r, to);
	case SP_WIRE_FIELD_U64:
		return sp_read_u64(r, to);
	case SP_WIRE_FIELD_BOOL:
		return read_bool(r, to);
	case SP_WIRE_FIELD_ID:
		return sp_read_into(r, to, sizeof(struct sp_id16));
	case SP_WIRE_FIELD_HASH:
		return sp_read_into(r, to, sizeof(struct sp_hash32));
	case SP_WIRE_FIELD_NONCE:
		return sp_read_into(r, to, sizeof(struct sp_wire_nonce));
	case SP_WIRE_FIELD_LOG:
		return read_log(r, to);
	case SP_WIRE_FIELD_VEC:
		return sp_read_vec(r, to, f->max);
	case SP_WIRE_FIELD_LIST:
		return read_list(r, f, to);
	}
	return SP_ERR_BUG;
}

static enum sp_err read_fields(const struct sp_wire_layout *layout, struct sp_reader *r, uint8_t *out)
{
	struct sp_reader try = *r;
	for (size_t i = 0; i < layout->n; i++)
		SP_TRY(read_field(&try, &layout->fields[i], out + layout->fields[i].offset));
	*r = try;
	return SP_OK;
}

enum sp_err sp_wire_layout_read(const struct sp_wire_layout *layout, struct sp_reader *r, void *out)
{
	memset(out, 0, layout->size);
	enum sp_err e = read_fields(layout, r, out);
	if (e != SP_OK)
		memset(out, 0, layout->size);
	return e;
}

enum sp_err sp_wire_layout_decode(const struct sp_wire_layout *layout, void *out, struct sp_bytes in)
{
	struct sp_reader r = sp_reader_of(in);
	SP_TRY(sp_wire_layout_read(layout, &r, out));
	enum sp_err e = sp_reader_finish(&r);
	if (e != SP_OK)
		memset(out, 0, layout->size);
	return e;
}

static void write_log(struct sp_writer *w, const struct sp_wire_log_id *log)
{
	sp_write_u8(w, log->kind);
	sp_write_fixed(w, sp_id16_bytes(&log->id));
}

static void write_vec(struct sp_writer *w, const struct sp_wire_field *f, const struct sp_bytes *in)
{
	if (in->n > f->max)
		sp_writer_fail(w, SP_ERR_TOO_LONG);
	sp_write_vec(w, *in);
}

static void write_field(struct sp_writer *w, const struct sp_wire_field *f, const void *from)
{
	switch (f->kind) {
	case SP_WIRE_FIELD_U8:
		sp_write_u8(w, *(const uint8_t *)from);
		break;
	case SP_WIRE_FIELD_U16:
		sp_write_u16(w, *(const uint16_t *)from);
		break;
	case SP_WIRE_FIELD_U32:
		sp_write_u32(w, *(const uint32_t *)from);
		break;
	case SP_WIRE_FIELD_U64:
		sp_write_u64(w, *(const uint64_t *)from);
		break;
	case SP_WIRE_FIELD_BOOL:
		sp_write_u8(w, *(const bool *)from ? 1 : 0);
		break;
	case SP_WIRE_FIELD_ID:
		sp_write_fixed(w, sp_id16_bytes(from));
		break;
	case SP_WIRE_FIELD_HASH:
		sp_write_fixed(w, sp_hash32_bytes(from));
		break;
	case SP_WIRE_FIELD_NONCE:
		sp_write_fixed(w, (struct sp_bytes){from, sizeof(struct sp_wire_nonce)});
		break;
	case SP_WIRE_FIELD_LOG:
		write_log(w, from);
		break;
	case SP_WIRE_FIELD_VEC:
	case SP_WIRE_FIELD_LIST:
		write_vec(w, f, from);
		break;
	}
}

void sp_wire_layout_write(const struct sp_wire_layout *layout, struct sp_writer *w, const void *in)
{
	for (size_t i = 0; i < layout->n; i++)
		write_field(w, &layout->fields[i], (const uint8_t *)in + layout->fields[i].offset);
}

enum sp_err sp_wire_layout_encode(const struct sp_wire_layout *layout, struct sp_buf *out, const void *in)
{
	struct sp_writer w = sp_writer_on(out);
	sp_wire_layout_write(layout, &w, in);
	return sp_writer_finish(&w);
}
