/* SPDX-License-Identifier: Apache-2.0
 *
 * One record of the ledger as bytes. Struct as in keeper_priv.h, same field order.
 */
#include "keeper/keeper_priv.h"

#define FORMAT 1u

enum sp_err sp__keeper_record_encode(struct sp_buf *out, const struct sp__keeper_record *r)
{
	struct sp_writer w = sp_writer_on(out);
	sp_write_u16(&w, FORMAT);
	sp_write_u64(&w, r->seq);
	sp_write_u64(&w, (uint64_t)r->time.ms);
	sp_write_u8(&w, (uint8_t)r->type);
	sp_write_vec(&w, r->by);
	sp_write_vec(&w, r->name);
	sp_write_fixed(&w, sp_id16_bytes(&r->account_id));
	sp_write_fixed(&w, sp_id16_bytes(&r->device_id));
	sp_write_fixed(&w, sp_hash32_bytes(&r->token_hash));
	sp_write_fixed(&w, sp_hash32_bytes(&r->key_hash));
	sp_write_fixed(&w, SP_BYTES_OF(r->serial.b));
	sp_write_u8(&w, r->flags);
	sp_write_u64(&w, r->value);
	sp_write_vec(&w, r->data);
	return sp_writer_finish(&w);
}

static enum sp_err read_head(struct sp_reader *r, struct sp__keeper_record *out)
{
	uint16_t format;
	uint64_t ms;
	uint8_t type;
	SP_TRY(sp_read_u16(r, &format));
	if (format != FORMAT)
		return format > FORMAT ? SP_ERR_FORMAT_NEWER : SP_ERR_CORRUPT;
	SP_TRY(sp_read_u64(r, &out->seq));
	SP_TRY(sp_read_u64(r, &ms));
	SP_TRY(sp_read_u8(r, &type));
	out->time.ms = (int64_t)(ms & INT64_MAX);
	out->type = (enum sp__keeper_record_type)type;
	return sp__keeper_record_text(out->type) ? SP_OK : SP_ERR_CORRUPT;
}

static enum sp_err read_body(struct sp_reader *r, struct sp__keeper_record *out)
{
	SP_TRY(sp_read_vec(r, &out->by, SP_LIMIT_ADDRESS));
	SP_TRY(sp_read_vec(r, &out->name, SP_LIMIT_ADDRESS));
	SP_TRY(sp_read_into(r, out->account_id.b, sizeof out->account_id.b));
	SP_TRY(sp_read_into(r, out->device_id.b, sizeof out->device_id.b));
	SP_TRY(sp_read_into(r, out->token_hash.b, sizeof out->token_hash.b));
	SP_TRY(sp_read_into(r, out->key_hash.b, sizeof out->key_hash.b));
	SP_TRY(sp_read_into(r, out->serial.b, sizeof out->serial.b));
	SP_TRY(sp_read_u8(r, &out->flags));
	SP_TRY(sp_read_u64(r, &out->value));
	SP_TRY(sp_read_vec(r, &out->data, SP_LIMIT_CERT));
	return sp_reader_finish(r);
}

enum sp_err sp__keeper_record_decode(struct sp__keeper_record *out, struct sp_bytes in)
{
	struct sp_reader r = sp_reader_of(in);
	*out = (struct sp__keeper_record){0};
	SP_TRY(read_head(&r, out));
	return read_body(&r, out) == SP_OK ? SP_OK : SP_ERR_CORRUPT;
}

const char *sp__keeper_record_text(enum sp__keeper_record_type type)
{
	switch (type) {
#define X(NAME, number, text)                                                                                          \
	case SP_KEEPER_RECORD_##NAME:                                                                                  \
		return text;
		SP_KEEPER_RECORDS(X)
#undef X
	}
	return NULL;
}
