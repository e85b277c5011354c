/* SPDX-License-Identifier: Apache-2.0
 *
 * The codecs of records.h, made from its lists.
 */
#include "client/records.h"

#include "wire/inbox.h"

SP_WIRE_DEFINE(record_join, SP_RECORD_JOIN)
SP_WIRE_DEFINE(record_identity, SP_RECORD_IDENTITY)
SP_WIRE_DEFINE(record_crl, SP_RECORD_CRL)
SP_WIRE_DEFINE(record_counters, SP_RECORD_COUNTERS)
SP_WIRE_DEFINE(record_cursors, SP_RECORD_CURSORS)
SP_WIRE_DEFINE(record_account, SP_RECORD_ACCOUNT)
SP_WIRE_DEFINE(record_holder, SP_RECORD_HOLDER)
SP_WIRE_DEFINE(record_row, SP_RECORD_ROW)
SP_WIRE_DEFINE(record_key_package, SP_RECORD_KEY_PACKAGE)
SP_WIRE_DEFINE(record_member, SP_RECORD_MEMBER)
SP_WIRE_DEFINE(record_former, SP_RECORD_FORMER)
SP_WIRE_DEFINE(record_step, SP_RECORD_STEP)
SP_WIRE_DEFINE(record_room, SP_RECORD_ROOM)
SP_WIRE_DEFINE(record_message, SP_RECORD_MESSAGE)
SP_WIRE_DEFINE(record_number, SP_RECORD_NUMBER)
SP_WIRE_DEFINE(record_outbox, SP_RECORD_OUTBOX)
SP_WIRE_DEFINE(record_queued, SP_RECORD_QUEUED)
SP_WIRE_DEFINE(record_intent, SP_RECORD_INTENT)
SP_WIRE_DEFINE(record_owed, SP_RECORD_OWED)
SP_WIRE_DEFINE(record_held, SP_RECORD_HELD)
SP_WIRE_DEFINE(record_reader, SP_RECORD_READER)
SP_WIRE_DEFINE(record_reach, SP_RECORD_REACH)
SP_WIRE_DEFINE(record_trouble, SP_RECORD_TROUBLE)
