/* SPDX-License-Identifier: Apache-2.0
 *
 * The codecs of inbox.h, made from its lists.
 */
#include "wire/inbox.h"

SP_WIRE_DEFINE(inbox_append_request, SP_WIRE_INBOX_APPEND_REQUEST)
SP_WIRE_DEFINE(welcome_item, SP_WIRE_WELCOME_ITEM)
SP_WIRE_DEFINE(receipt, SP_WIRE_RECEIPT)
SP_WIRE_DEFINE(receipt_aad, SP_WIRE_RECEIPT_AAD)
SP_WIRE_DEFINE(opened_entry, SP_WIRE_OPENED_ENTRY)
SP_WIRE_DEFINE(receipt_content, SP_WIRE_RECEIPT_CONTENT)
SP_WIRE_DEFINE(receipt_plain, SP_WIRE_RECEIPT_PLAIN)
SP_WIRE_DEFINE(receipt_to_sign, SP_WIRE_RECEIPT_TO_SIGN)
