/* SPDX-License-Identifier: Apache-2.0
 *
 * hello, ping, credit, closing: the connection itself.
 */
#ifndef SP_WIRE_SESSION_H
#define SP_WIRE_SESSION_H

#include "wire/layout.h"

/* hello: the first request of a device's connection.
 * struct { opaque client<V>; uint32 features; } HelloRequest;                     client: "sealpost 0.1.0"; features: 0 */
#define SP_WIRE_HELLO_REQUEST(F) F(VEC, client, 64) F(U32, features, 0)
SP_WIRE_DECLARE(hello_request, SP_WIRE_HELLO_REQUEST)

/* reqno_high: the highest reqno this device ever sent (0: none). A client whose own is lower was restored from an old
 * disk and must resynchronise. credit: bytes of requests the client may send before a credit grant. */
#define SP_WIRE_HELLO_RESPONSE(F)                                                                                      \
	F(VEC, server, 64)                                                                                             \
	F(VEC, org, SP_LIMIT_ADDRESS)                                                                                  \
	F(U64, time_ms, 0)                                                                                             \
	F(ID, account_id, 0)                                                                                           \
	F(ID, device_id, 0)                                                                                            \
	F(BOOL, admin, 0)                                                                                              \
	F(U64, reqno_high, 0)                                                                                          \
	F(U64, crl_number, 0)                                                                                          \
	F(U64, directory_version, 0)                                                                                   \
	F(U32, limit_content, 0)                                                                                       \
	F(U32, limit_handshake, 0)                                                                                     \
	F(U32, limit_frame, 0)                                                                                         \
	F(U32, credit, 0)
SP_WIRE_DECLARE(hello_response, SP_WIRE_HELLO_RESPONSE)

#define SP_WIRE_PING_RESPONSE(F) F(U64, time_ms, 0)
SP_WIRE_DECLARE(ping_response, SP_WIRE_PING_RESPONSE)

/* credit: the receiver may be sent so many bytes of events more. */
#define SP_WIRE_CREDIT_REQUEST(F) F(U32, bytes, 0)
SP_WIRE_DECLARE(credit_request, SP_WIRE_CREDIT_REQUEST)

/* closing: the last event before close_notify. */
enum sp_wire_closing_reason {
	SP_WIRE_CLOSING_SHUTDOWN = 1,  /* the server ends; come back */
	SP_WIRE_CLOSING_REVOKED = 2,   /* this device's certificate or account was withdrawn */
	SP_WIRE_CLOSING_PROTOCOL = 3,  /* a malformed frame */
	SP_WIRE_CLOSING_IDLE = 4,      /* nothing was heard for too long */
	SP_WIRE_CLOSING_REPLACED = 5   /* too many connections of this device */
};
#define SP_WIRE_CLOSING_EVENT(F) F(U8, reason, 0)
SP_WIRE_DECLARE(closing_event, SP_WIRE_CLOSING_EVENT)

#endif
