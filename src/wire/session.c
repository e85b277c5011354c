/* SPDX-License-Identifier: Apache-2.0
 *
 * The codecs of session.h, made from its lists.
 */
#include "wire/session.h"

SP_WIRE_DEFINE(hello_request, SP_WIRE_HELLO_REQUEST)
SP_WIRE_DEFINE(hello_response, SP_WIRE_HELLO_RESPONSE)
SP_WIRE_DEFINE(ping_response, SP_WIRE_PING_RESPONSE)
SP_WIRE_DEFINE(credit_request, SP_WIRE_CREDIT_REQUEST)
SP_WIRE_DEFINE(closing_event, SP_WIRE_CLOSING_EVENT)
