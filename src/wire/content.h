/* SPDX-License-Identifier: Apache-2.0
 *
 * What MLS application data holds, and the name that travels in a Welcome: between clients, never for the server.
 */
#ifndef SP_WIRE_CONTENT_H
#define SP_WIRE_CONTENT_H

#include "wire/layout.h"

#define SP_WIRE_CONTENT_FORMAT 1u
enum sp_wire_content_kind { SP_WIRE_CONTENT_TEXT = 1, SP_WIRE_CONTENT_NOTICE = 2 };

/* format: 1. id: random, the message's name everywhere. sent_ms: the sender's clock. body: UTF-8 text. The sender is
 * the MLS sender and is not repeated here. */
#define SP_WIRE_CONTENT(F) F(U16, format, 0) F(U8, kind, 0) F(ID, id, 0) F(U64, sent_ms, 0) F(VEC, body, SP_LIMIT_CONTENT)
SP_WIRE_DECLARE(content, SP_WIRE_CONTENT)

/* GroupInfo extension 0xF001, only in the GroupInfo inside a Welcome. */
#define SP_WIRE_EXTENSION_ROOM_NAME 0xF001u
#define SP_WIRE_ROOM_NAME(F) F(VEC, name, SP_LIMIT_ROOM_NAME)
SP_WIRE_DECLARE(room_name, SP_WIRE_ROOM_NAME)

#endif
