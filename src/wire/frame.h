/* SPDX-License-Identifier: Apache-2.0
 *
 * wire/frame: the header before every message on a connection (docs/protocol.md, "Frames").
 *
 *   struct {
 *     uint32 length;      of body
 *     uint8  kind;        request(1), response(2), event(3)
 *     uint8  type;
 *     uint32 id;          a response carries its request's; 0 in events
 *     opaque body[length];
 *   } Frame;
 *
 * Does not check: whether the type is known or the length allowed; both depend on who speaks.
 */
#ifndef SP_WIRE_FRAME_H
#define SP_WIRE_FRAME_H

#include "base/base.h"
#include "base/limits.h"

enum sp_frame_kind { SP_FRAME_REQUEST = 1, SP_FRAME_RESPONSE = 2, SP_FRAME_EVENT = 3 };

struct sp_frame {
	uint32_t length;
	uint8_t kind;
	uint8_t type;
	uint32_t id;
	struct sp_bytes body; /* borrowed; empty after sp_frame_header_decode */
};

/* SP_ERR_TRUNCATED with fewer than SP_LIMIT_FRAME_HEADER bytes, SP_ERR_ENCODING for another kind. */
SP_MUST_USE enum sp_err sp_frame_header_decode(struct sp_frame *out, struct sp_bytes in);
void sp_frame_header_encode(uint8_t out[SP_LIMIT_FRAME_HEADER], uint32_t length, uint8_t kind, uint8_t type, uint32_t id);

#endif
