/* SPDX-License-Identifier: Apache-2.0
 *
 * append, read, subscribe, cursor_set and the events of logs: everything the server stores about content is an item.
 */
#ifndef SP_WIRE_LOG_H
#define SP_WIRE_LOG_H

#include "wire/layout.h"

/* Room log: 1-3; inbox: 16, 17. */
enum sp_wire_item_kind {
	SP_WIRE_ITEM_COMMIT = 1,      /* MLSMessage with a PublicMessage */
	SP_WIRE_ITEM_PROPOSAL = 2,    /* MLSMessage with a PublicMessage */
	SP_WIRE_ITEM_APPLICATION = 3, /* MLSMessage with a PrivateMessage */
	SP_WIRE_ITEM_WELCOME = 16,    /* inbox.h WelcomeItem */
	SP_WIRE_ITEM_RECEIPT = 17     /* inbox.h Receipt */
};

/* time_ms: the server's, monotonic per log. seq: from 1, without gaps; 0 is the creation of a room. */
#define SP_WIRE_ITEM(F) F(U64, seq, 0) F(U64, time_ms, 0) F(U8, kind, 0) F(VEC, body, SP_LIMIT_HANDSHAKE)
SP_WIRE_DECLARE(item, SP_WIRE_ITEM)

/* The answer to every request that stores an item. It is durable when this is sent. */
#define SP_WIRE_APPENDED(F) F(U64, seq, 0) F(U64, time_ms, 0)
SP_WIRE_DECLARE(appended, SP_WIRE_APPENDED)

/* append: body is an MLSMessage: a PrivateMessage with application data, or a PublicMessage with a proposal. */
#define SP_WIRE_APPEND_REQUEST(F) F(U64, reqno, 0) F(ID, room_id, 0) F(U64, epoch, 0) F(VEC, body, SP_LIMIT_ITEM)
SP_WIRE_DECLARE(append_request, SP_WIRE_APPEND_REQUEST)

/* Items with seq >= from_seq, at most max_items and max_bytes of bodies (0: the server's own limits), at least one when
 * there is one. */
#define SP_WIRE_READ_REQUEST(F) F(LOG, log, 0) F(U64, from_seq, 0) F(U32, max_items, 0) F(U32, max_bytes, 0)
SP_WIRE_DECLARE(read_request, SP_WIRE_READ_REQUEST)
#define SP_WIRE_READ_RESPONSE(F) F(LIST, items, item) F(U64, last_seq, 0) F(U64, first_seq, 0)
SP_WIRE_DECLARE(read_response, SP_WIRE_READ_RESPONSE)

/* Events `items` follow from from_seq on, what is stored already included. Empty response. */
#define SP_WIRE_SUBSCRIPTION(F) F(LOG, log, 0) F(U64, from_seq, 0)
SP_WIRE_DECLARE(subscription, SP_WIRE_SUBSCRIPTION)
#define SP_WIRE_SUBSCRIBE_REQUEST(F) F(LIST, logs, subscription)
SP_WIRE_DECLARE(subscribe_request, SP_WIRE_SUBSCRIBE_REQUEST)
#define SP_WIRE_LOG_REF(F) F(LOG, log, 0)
SP_WIRE_DECLARE(log_ref, SP_WIRE_LOG_REF)
#define SP_WIRE_UNSUBSCRIBE_REQUEST(F) F(LIST, logs, log_ref)
SP_WIRE_DECLARE(unsubscribe_request, SP_WIRE_UNSUBSCRIBE_REQUEST)

#define SP_WIRE_ITEMS_EVENT(F) F(LOG, log, 0) F(LIST, items, item)
SP_WIRE_DECLARE(items_event, SP_WIRE_ITEMS_EVENT)
/* The subscription of this log is off: the reader was too slow. Read on from the own cursor, then subscribe again. */
#define SP_WIRE_LAGGING_EVENT(F) F(LOG, log, 0)
SP_WIRE_DECLARE(lagging_event, SP_WIRE_LAGGING_EVENT)

/* How far this device has read; lets the server trim. Empty response. */
#define SP_WIRE_CURSOR_SET_REQUEST(F) F(U64, reqno, 0) F(LOG, log, 0) F(U64, seq, 0)
SP_WIRE_DECLARE(cursor_set_request, SP_WIRE_CURSOR_SET_REQUEST)

#endif
