/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of message types: number, name, who may send it when, whether it changes anything, and its largest request.
 * docs/protocol.md and the server's table of handlers are made from this list.
 */
#ifndef SP_WIRE_TYPES_H
#define SP_WIRE_TYPES_H

#include "base/limits.h"
#include "base/base.h"

#define SP_WIRE_ALPN "sealpost/1"

/* In which kind of connection a type is allowed. */
enum sp_wire_phase {
	SP_WIRE_PHASE_ENROL = 1, /* server certificate only */
	SP_WIRE_PHASE_DEVICE = 2, /* both certificates */
	SP_WIRE_PHASE_ANY = 3
};
/* CALL: request and response. GRANT: a request without response. EVENT: from the server, unasked. */
enum sp_wire_manner { SP_WIRE_MANNER_CALL, SP_WIRE_MANNER_GRANT, SP_WIRE_MANNER_EVENT };

/* X(number, NAME, name, manner, phase, mutation, largest body). A mutation's body begins with its reqno, except enrol
 * and renew (idempotent by their key) and invite (idempotent by its nonce). */
#define SP_WIRE_TYPES(X)                                                                                               \
	X(1, HELLO, hello, CALL, DEVICE, 0, 1024)                                                                      \
	X(2, PING, ping, CALL, ANY, 0, 0)                                                                              \
	X(3, ORG_INFO, org_info, CALL, ANY, 0, 0)                                                                      \
	X(4, ENROL, enrol, CALL, ENROL, 1, 8192)                                                                       \
	X(5, RENEW, renew, CALL, DEVICE, 1, 4096)                                                                      \
	X(6, INVITE, invite, CALL, DEVICE, 1, 1024)                                                                    \
	X(7, CRL, crl, CALL, ANY, 0, 0)                                                                                \
	X(8, DIRECTORY, directory, CALL, DEVICE, 0, 64)                                                                \
	X(9, KEY_PACKAGE_PUBLISH, key_package_publish, CALL, DEVICE, 1, 1u << 20)                                      \
	X(10, KEY_PACKAGE_COUNT, key_package_count, CALL, DEVICE, 0, 0)                                                \
	X(11, KEY_PACKAGE_TAKE, key_package_take, CALL, DEVICE, 1, 1u << 15)                                           \
	X(12, ROOM_CREATE, room_create, CALL, DEVICE, 1, SP_LIMIT_FRAME)                                               \
	X(13, ROOM_LIST, room_list, CALL, DEVICE, 0, 0)                                                                \
	X(14, ROOM_INFO, room_info, CALL, DEVICE, 0, 64)                                                               \
	X(15, ROOM_TREE, room_tree, CALL, DEVICE, 0, 64)                                                               \
	X(16, HANDSHAKE_APPEND, handshake_append, CALL, DEVICE, 1, SP_LIMIT_FRAME)                                     \
	X(17, APPEND, append, CALL, DEVICE, 1, SP_LIMIT_ITEM + 64)                                                     \
	X(18, INBOX_APPEND, inbox_append, CALL, DEVICE, 1, SP_LIMIT_ITEM + 64)                                         \
	X(19, READ, read, CALL, DEVICE, 0, 64)                                                                         \
	X(20, SUBSCRIBE, subscribe, CALL, DEVICE, 0, 1u << 16)                                                         \
	X(21, UNSUBSCRIBE, unsubscribe, CALL, DEVICE, 0, 1u << 16)                                                     \
	X(22, CREDIT, credit, GRANT, DEVICE, 0, 64)                                                                    \
	X(23, CURSOR_SET, cursor_set, CALL, DEVICE, 1, 64)                                                             \
	X(24, DEVICE_LIST_PUT, device_list_put, CALL, DEVICE, 1, SP_LIMIT_DEVICE_LIST + 64)                            \
	X(32, DIRECTORY_CHANGED, directory_changed, EVENT, DEVICE, 0, 64)                                              \
	X(33, ITEMS, items, EVENT, DEVICE, 0, SP_LIMIT_FRAME)                                                          \
	X(34, LAGGING, lagging, EVENT, DEVICE, 0, 64)                                                                  \
	X(35, CLOSING, closing, EVENT, ANY, 0, 64)                                                                     \
	X(36, CRL_CHANGED, crl_changed, EVENT, DEVICE, 0, 64)

enum sp_wire_type {
#define X(number, NAME, name, manner, phase, mutation, max) SP_WIRE_##NAME = (number),
	SP_WIRE_TYPES(X)
#undef X
};

struct sp_wire_type_info {
	enum sp_wire_type type;
	const char *name;
	enum sp_wire_manner manner;
	enum sp_wire_phase phase;
	bool is_mutation;
	uint32_t max_body; /* of the request or event; a response may fill a frame */
};
/* NULL for a number that is not in the list. */
const struct sp_wire_type_info *sp_wire_type_find(uint8_t number);
/* All of them, for tables made at start and for tests. */
const struct sp_wire_type_info *sp_wire_type_all(size_t *out_n);

#endif
