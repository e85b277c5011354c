/* SPDX-License-Identifier: Apache-2.0
 *
 * What a response may say went wrong. A peer learns what to do, not what we found: every failed proof is DENIED.
 */
#ifndef SP_WIRE_ERRORS_H
#define SP_WIRE_ERRORS_H

#include "base/base.h"

/* X(number, NAME, the enum sp_err a client makes of it, when). */
#define SP_WIRE_ERRORS(X)                                                                                              \
	X(0, OK, OK, "done")                                                                                           \
	X(1, BUSY, BUSY, "not now; the same request may be sent again")                                                \
	X(2, MALFORMED, INVALID, "the body is not what its type says, or breaks a rule of its format")                 \
	X(3, UNKNOWN_TYPE, UNSUPPORTED, "this server does not know the type, or not in this phase")                    \
	X(4, DENIED, DENIED, "a proof failed or the caller has no right to this")                                      \
	X(5, REFUSED, DENIED, "a rule of the room refuses it; detail is the rule's number")                            \
	X(6, TOKEN, TOKEN, "the invitation is unknown, used or expired")                                               \
	X(7, STALE_EPOCH, STALE_EPOCH, "made for an earlier epoch of the room; read on and make it again")             \
	X(8, FUTURE_EPOCH, FUTURE_EPOCH, "made for an epoch the room has not reached")                                 \
	X(9, STALE_REQNO, STALE_REQNO, "reqno used for something else or below the window; resynchronise")             \
	X(10, WRONG_STATE, STATE, "right request, wrong time")                                                         \
	X(11, EXISTS, EXISTS, "the name, id or room exists")                                                           \
	X(12, TOO_LONG, TOO_LONG, "longer than its maximum")                                                           \
	X(13, TOO_MANY, TOO_MANY, "more than the maximum")                                                             \
	X(14, RATE, RATE, "too often; slow down")                                                                      \
	X(15, QUOTA, QUOTA, "quota is used up")                                                                        \
	X(16, NOT_FOUND, NOT_FOUND, "no such thing, or not for the caller to see")                                     \
	X(17, DISK_FULL, DISK_FULL, "the server cannot store; reading works")                                          \
	X(18, INTERNAL, IO, "the server failed; nothing was stored")

enum sp_wire_error {
#define X(number, NAME, err, text) SP_WIRE_ERROR_##NAME = (number),
	SP_WIRE_ERRORS(X)
#undef X
};

/* What a server answers for e. AUTH failures look alike; REFUSED is chosen by the caller, who has the rule's number. */
enum sp_wire_error sp_wire_error_of(enum sp_err e);
/* What a client makes of a number; unknown numbers are SP_ERR_UNSUPPORTED. */
enum sp_err sp_wire_error_err(uint16_t number);
const char *sp_wire_error_name(uint16_t number); /* "STALE_EPOCH"; "?" when unknown */

#endif
