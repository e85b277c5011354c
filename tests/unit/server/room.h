/* SPDX-License-Identifier: Apache-2.0
 *
 * A room made by real MLS: created by one member, others added by their KeyPackages. Then items whose outside is a PrivateMessage and whose inside
 * nobody will open: what the server sees of a message.
 */
#ifndef TEST_SERVER_ROOM_H
#define TEST_SERVER_ROOM_H

#include "world.h"

struct room {
	struct sp_id16 id;
	uint64_t epoch;
};
/* creator is logged in on l; the others have joined the organisation. */
void room_make(struct room *room, struct line *l, struct member *const *others, size_t n);
/* The body of an append request: reqno is to be written over its first 8 bytes. */
void room_message(struct sp_buf *out, const struct room *room, size_t size);
void reqno_write(struct sp_buf *body, uint64_t reqno);

#endif
