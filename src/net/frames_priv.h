/* SPDX-License-Identifier: Apache-2.0
 *
 * Frames out of a byte stream that arrives in any pieces (docs/protocol.md, "Frames"). Pure: no socket, no clock.
 */
#ifndef SP_NET_FRAMES_PRIV_H
#define SP_NET_FRAMES_PRIV_H

#include "wire/frame.h"

/* Bytes that arrived and are not yet a whole frame. Empty between frames: an idle connection holds no memory here. */
struct sp__frames {
	struct sp_buf buf;
	size_t head; /* of buf: consumed already */
};

void sp__frames_init(struct sp__frames *f);
void sp__frames_clear(struct sp__frames *f);
bool sp__frames_is_empty(const struct sp__frames *f);

/* What a frame may hold, by kind and type, from this peer. */
struct sp__frame_limit {
	uint32_t (*max)(const void *ctx, uint8_t kind, uint8_t type);
	const void *ctx;
};
/* The next whole frame. Bytes are taken from what was kept first, then from *in, which is advanced. The body borrows from
 * either and lives until the next call of a function here.
 * SP_ERR_AGAIN     none yet; all of *in is kept
 * SP_ERR_TOO_LONG  its header claims more than the limit; *out holds the header, nothing of the body is kept
 * SP_ERR_ENCODING  not a header; SP_ERR_NOMEM */
SP_MUST_USE enum sp_err sp__frames_next(struct sp__frames *f, struct sp_frame *out, struct sp_bytes *in, const struct sp__frame_limit *limit);
/* Keeps *in for later without looking for frames (the receiver has paused). */
SP_MUST_USE enum sp_err sp__frames_keep(struct sp__frames *f, struct sp_bytes *in);

#endif
