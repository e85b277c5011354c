/* SPDX-License-Identifier: Apache-2.0
 *
 * The frame header, both ways (docs/protocol.md, "Frames").
 */
#include "wire/frame.h"

#include "codec/codec.h"

static enum sp_err read_header(struct sp_reader *r, struct sp_frame *out)
{
	SP_TRY(sp_read_u32(r, &out->length));
	SP_TRY(sp_read_u8(r, &out->kind));
	SP_TRY(sp_read_u8(r, &out->type));
	SP_TRY(sp_read_u32(r, &out->id));
	if (out->kind < SP_FRAME_REQUEST || out->kind > SP_FRAME_EVENT)
		return SP_ERR_ENCODING;
	return SP_OK;
}

enum sp_err sp_frame_header_decode(struct sp_frame *out, struct sp_bytes in)
{
	struct sp_reader r = sp_reader_of(in);
	struct sp_frame frame = {0};
	enum sp_err err = read_header(&r, &frame);

	*out = err == SP_OK ? frame : (struct sp_frame){0};
	return err;
}

static void put_u32(uint8_t *out, uint32_t v)
{
	out[0] = (uint8_t)(v >> 24);
	out[1] = (uint8_t)(v >> 16);
	out[2] = (uint8_t)(v >> 8);
	out[3] = (uint8_t)v;
}

void sp_frame_header_encode(uint8_t out[SP_LIMIT_FRAME_HEADER], uint32_t length, uint8_t kind, uint8_t type, uint32_t id)
{
	put_u32(out, length);
	out[4] = kind;
	out[5] = type;
	put_u32(out + 6, id);
}
