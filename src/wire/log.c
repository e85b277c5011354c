/* SPDX-License-Identifier: Apache-2.0
 *
 * The codecs of log.h, made from its lists.
 */
#include "wire/log.h"

SP_WIRE_DEFINE(item, SP_WIRE_ITEM)
SP_WIRE_DEFINE(appended, SP_WIRE_APPENDED)
SP_WIRE_DEFINE(append_request, SP_WIRE_APPEND_REQUEST)
SP_WIRE_DEFINE(read_request, SP_WIRE_READ_REQUEST)
SP_WIRE_DEFINE(read_response, SP_WIRE_READ_RESPONSE)
SP_WIRE_DEFINE(subscription, SP_WIRE_SUBSCRIPTION)
SP_WIRE_DEFINE(subscribe_request, SP_WIRE_SUBSCRIBE_REQUEST)
SP_WIRE_DEFINE(log_ref, SP_WIRE_LOG_REF)
SP_WIRE_DEFINE(unsubscribe_request, SP_WIRE_UNSUBSCRIBE_REQUEST)
SP_WIRE_DEFINE(items_event, SP_WIRE_ITEMS_EVENT)
SP_WIRE_DEFINE(lagging_event, SP_WIRE_LAGGING_EVENT)
SP_WIRE_DEFINE(cursor_set_request, SP_WIRE_CURSOR_SET_REQUEST)
