/* SPDX-License-Identifier: Apache-2.0
 *
 * The head of every response, and the body that must be empty.
 */
#ifndef SP_WIRE_RESPONSE_H
#define SP_WIRE_RESPONSE_H

#include "wire/errors.h"
#include "wire/layout.h"

/* struct { uint16 error; uint16 detail; opaque hint<V>; } ResponseHead;  the type's body follows when error is 0.
 * hint is short English for a person, without secrets; detail is a rule's number when error is REFUSED. */
#define SP_WIRE_RESPONSE_HEAD(F) F(U16, error, 0) F(U16, detail, 0) F(VEC, hint, 200)
SP_WIRE_DECLARE(response_head, SP_WIRE_RESPONSE_HEAD)

/* Takes the head off a response. SP_OK: *out_body is the type's body. Else the server's error as enum sp_err, or what
 * is wrong with the head; *out_head is filled when it could be read. */
SP_MUST_USE enum sp_err sp_wire_response_open(struct sp_wire_response_head *out_head, struct sp_bytes *out_body, struct sp_bytes in);
/* A body that must be empty. */
SP_MUST_USE enum sp_err sp_wire_empty_decode(struct sp_bytes in);

#endif
