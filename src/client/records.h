/* SPDX-License-Identifier: Apache-2.0
 *
 * What a profile holds: each record is described as wire messages are (wire/layout.h), and sealed before it is stored.
 */
#ifndef SP_CLIENT_RECORDS_H
#define SP_CLIENT_RECORDS_H

#include "wire/layout.h"

/* X(NAME, number, what its keys are). A key of the store is made of an HMAC of a name, or of a count; never of a name
 * itself. Numbers are on disk. */
#define SP_CLIENT_SPACES(X)                                                                                            \
	X(BOX, 1, "the passphrase's box, the one record that is not sealed by us")                                      \
	X(STATE, 2, "single records, by name")                                                                         \
	X(ACCOUNT, 3, "people, by account id")                                                                         \
	X(ROOM, 4, "rooms, by room id")                                                                                \
	X(GROUP, 5, "MLS rows, by room id and row key")                                                                \
	X(KEY_PACKAGE, 6, "private halves of key packages, by reference")                                              \
	X(MESSAGE, 7, "messages, by number")                                                                           \
	X(MESSAGE_ID, 8, "numbers of messages, by id")                                                                 \
	X(SENT, 9, "numbers of own messages, by room id and seq")                                                      \
	X(OUTBOX, 10, "requests not yet answered, by reqno")                                                           \
	X(INTENT, 11, "changes of a room not yet made, by room id")                                                    \
	X(OWED, 12, "receipts to be sent, by room id and account id")                                                  \
	X(HELD, 13, "receipts from an epoch not yet reached, by inbox seq")                                            \
	X(READER, 14, "what a reader received, by message id and account id")                                          \
	X(TROUBLE, 15, "what went wrong, by number")                                                                   \
	X(ADDRESS, 16, "account ids, by address")                                                                      \
	X(QUEUED, 17, "own messages the server has not confirmed, by id")                                              \
	X(REACH, 18, "how far a reader's receipts reach, by room id and account id")

enum sp_client_space {
#define X(NAME, number, keys) SP_CLIENT_SPACE_##NAME = (number),
	SP_CLIENT_SPACES(X)
#undef X
};

#define SP_RECORD_FORMAT 1u
#define SP_RECORD_TEXT_MAX 200u

/* STATE "join": an enrolment begun. Stored before `enrol` leaves, so that it can be asked again byte for byte. */
#define SP_RECORD_JOIN(F)                                                                                              \
	F(U16, format, 0)                                                                                              \
	F(VEC, link, 512)                                                                                              \
	F(VEC, name, SP_LIMIT_NAME)                                                                                    \
	F(VEC, key, 512)                                                                                               \
	F(VEC, device_list, 4096)
SP_WIRE_DECLARE(record_join, SP_RECORD_JOIN)

/* STATE "identity" */
#define SP_RECORD_IDENTITY(F)                                                                                          \
	F(U16, format, 0)                                                                                              \
	F(VEC, link, 512)                                                                                              \
	F(VEC, host, 255)                                                                                              \
	F(U16, port, 0)                                                                                                \
	F(HASH, organisation, 0)                                                                                       \
	F(VEC, org, SP_LIMIT_ADDRESS)                                                                                  \
	F(VEC, root, SP_LIMIT_CERT)                                                                                    \
	F(VEC, issuing, SP_LIMIT_CERT)                                                                                 \
	F(VEC, certificate, SP_LIMIT_CERT)                                                                             \
	F(VEC, key, 512)                                                                                               \
	F(ID, account_id, 0)                                                                                           \
	F(ID, device_id, 0)                                                                                            \
	F(VEC, address, SP_LIMIT_ADDRESS)                                                                              \
	F(VEC, device_name, SP_LIMIT_NAME)                                                                             \
	F(HASH, fingerprint, 0)                                                                                        \
	F(BOOL, is_admin, 0)
SP_WIRE_DECLARE(record_identity, SP_RECORD_IDENTITY)

/* STATE "crl" */
#define SP_RECORD_CRL(F) F(U16, format, 0) F(VEC, crl, SP_LIMIT_CRL)
SP_WIRE_DECLARE(record_crl, SP_RECORD_CRL)

/* STATE "counters": the next of each. */
#define SP_RECORD_COUNTERS(F) F(U16, format, 0) F(U64, reqno, 0) F(U64, message, 0) F(U64, trouble, 0)
SP_WIRE_DECLARE(record_counters, SP_RECORD_COUNTERS)

/* STATE "cursors": what was read up to. inbox_told: how far the server was told. stock_ms: when the stock of key packages was last looked at; last_resort_ms:
 * when the last-resort one was made; swept_crl: the CRL by which rooms were last searched for revoked devices. */
#define SP_RECORD_CURSORS(F)                                                                                           \
	F(U16, format, 0)                                                                                              \
	F(U64, directory, 0)                                                                                           \
	F(U64, inbox_next, 0)                                                                                          \
	F(U64, inbox_told, 0)                                                                                          \
	F(U64, stock_ms, 0)                                                                                            \
	F(U64, last_resort_ms, 0)                                                                                      \
	F(U64, swept_crl, 0)
SP_WIRE_DECLARE(record_cursors, SP_RECORD_CURSORS)

/* ACCOUNT: as the directory showed it, chain verified. is_refused: what it showed later was not. */
#define SP_RECORD_ACCOUNT(F)                                                                                           \
	F(U16, format, 0)                                                                                              \
	F(ID, account_id, 0)                                                                                           \
	F(VEC, address, SP_LIMIT_ADDRESS)                                                                              \
	F(U8, flags, 0)                                                                                                \
	F(BOOL, online, 0)                                                                                             \
	F(BOOL, is_refused, 0)                                                                                         \
	F(HASH, fingerprint, 0)                                                                                        \
	F(U32, devices, 0)                                                                                             \
	F(U32, recovered_at, 0)                                                                                        \
	F(LIST, chain, opaque)
SP_WIRE_DECLARE(record_account, SP_RECORD_ACCOUNT)

/* ADDRESS */
#define SP_RECORD_HOLDER(F) F(ID, account_id, 0)
SP_WIRE_DECLARE(record_holder, SP_RECORD_HOLDER)

/* GROUP: the MLS row under its own key. */
#define SP_RECORD_ROW(F) F(VEC, key, 128) F(VEC, value, SP_LIMIT_MLS_VECTOR)
SP_WIRE_DECLARE(record_row, SP_RECORD_ROW)

/* KEY_PACKAGE */
#define SP_RECORD_KEY_PACKAGE(F)                                                                                       \
	F(U16, format, 0)                                                                                              \
	F(VEC, ref, 64)                                                                                                \
	F(U64, made_ms, 0)                                                                                             \
	F(BOOL, last_resort, 0)                                                                                        \
	F(VEC, blob, 1u << 16)
SP_WIRE_DECLARE(record_key_package, SP_RECORD_KEY_PACKAGE)

/* ROOM. status: enum sp__room_status. next_seq: the first item of its log that was not processed. other: of a direct
 * room, whom it is with. members: the roster at `epoch`. former: leaves that were removed, to verify receipts they sent
 * before. steps: the next step expected of each sender's ratchet, to see what is missing. */
#define SP_RECORD_MEMBER(F) F(ID, account_id, 0) F(U8, role, 0) F(U16, devices, 0)
SP_WIRE_DECLARE(record_member, SP_RECORD_MEMBER)
#define SP_RECORD_FORMER(F) F(U32, leaf, 0) F(U64, last_epoch, 0) F(ID, account_id, 0) F(VEC, key, 133)
SP_WIRE_DECLARE(record_former, SP_RECORD_FORMER)
#define SP_RECORD_STEP(F) F(U32, leaf, 0) F(U64, epoch, 0) F(U32, next, 0)
SP_WIRE_DECLARE(record_step, SP_RECORD_STEP)
#define SP_RECORD_ROOM(F)                                                                                              \
	F(U16, format, 0)                                                                                              \
	F(ID, room_id, 0)                                                                                              \
	F(U8, status, 0)                                                                                               \
	F(VEC, name, SP_LIMIT_ROOM_NAME)                                                                               \
	F(U8, mode, 0)                                                                                                 \
	F(U8, kind, 0)                                                                                                 \
	F(U8, join, 0)                                                                                                 \
	F(ID, other, 0)                                                                                                \
	F(U64, epoch, 0)                                                                                               \
	F(U64, next_seq, 0)                                                                                            \
	F(VEC, trouble, SP_RECORD_TEXT_MAX)                                                                            \
	F(LIST, members, record_member)                                                                                \
	F(LIST, former, record_former)                                                                                 \
	F(LIST, steps, record_step)
SP_WIRE_DECLARE(record_room, SP_RECORD_ROOM)

/* MESSAGE. from: zero for a notice of this client. state: enum sp_client_state; verdict: enum sp_client_verdict.
 * recipients: of an own message, who was in the room. */
#define SP_RECORD_MESSAGE(F)                                                                                           \
	F(U16, format, 0)                                                                                              \
	F(ID, id, 0)                                                                                                   \
	F(ID, room_id, 0)                                                                                              \
	F(BOOL, is_mine, 0)                                                                                            \
	F(ID, from, 0)                                                                                                 \
	F(VEC, from_address, SP_LIMIT_ADDRESS)                                                                         \
	F(U64, seq, 0)                                                                                                 \
	F(U64, time_ms, 0)                                                                                             \
	F(U64, sent_ms, 0)                                                                                             \
	F(U64, opened_ms, 0)                                                                                           \
	F(U8, kind, 0)                                                                                                 \
	F(U8, state, 0)                                                                                                \
	F(U8, verdict, 0)                                                                                              \
	F(VEC, reason, SP_RECORD_TEXT_MAX)                                                                             \
	F(VEC, text, SP_LIMIT_CONTENT)                                                                                 \
	F(LIST, recipients, account_ref)
SP_WIRE_DECLARE(record_message, SP_RECORD_MESSAGE)
/* MESSAGE_ID, SENT */
#define SP_RECORD_NUMBER(F) F(U64, number, 0)
SP_WIRE_DECLARE(record_number, SP_RECORD_NUMBER)

/* OUTBOX. purpose: enum sp__outbox_purpose. body: the very bytes to send, reqno included. */
#define SP_RECORD_OUTBOX(F)                                                                                            \
	F(U16, format, 0)                                                                                              \
	F(U64, reqno, 0)                                                                                               \
	F(U8, type, 0)                                                                                                 \
	F(U8, purpose, 0)                                                                                              \
	F(ID, room_id, 0)                                                                                              \
	F(ID, message_id, 0)                                                                                           \
	F(VEC, body, SP_LIMIT_FRAME)
SP_WIRE_DECLARE(record_outbox, SP_RECORD_OUTBOX)

/* QUEUED */
#define SP_RECORD_QUEUED(F) F(U16, format, 0) F(ID, message_id, 0) F(ID, room_id, 0)
SP_WIRE_DECLARE(record_queued, SP_RECORD_QUEUED)

/* INTENT */
#define SP_RECORD_INTENT(F) F(U16, format, 0) F(ID, room_id, 0) F(LIST, add, account_ref) F(LIST, remove, account_ref)
SP_WIRE_DECLARE(record_intent, SP_RECORD_INTENT)

/* OWED: to whom, and what. */
#define SP_RECORD_OWED(F)                                                                                              \
	F(U16, format, 0)                                                                                              \
	F(ID, room_id, 0)                                                                                              \
	F(ID, account_id, 0)                                                                                           \
	F(U64, delivered_seq, 0)                                                                                       \
	F(LIST, opened, opened_entry)
SP_WIRE_DECLARE(record_owed, SP_RECORD_OWED)

/* HELD: a Receipt as it came. */
#define SP_RECORD_HELD(F) F(U16, format, 0) F(U64, since_ms, 0) F(VEC, receipt, SP_LIMIT_ITEM)
SP_WIRE_DECLARE(record_held, SP_RECORD_HELD)

/* READER */
#define SP_RECORD_READER(F) F(U16, format, 0) F(ID, account_id, 0) F(U64, delivered_ms, 0) F(U64, opened_ms, 0)
SP_WIRE_DECLARE(record_reader, SP_RECORD_READER)

/* REACH */
#define SP_RECORD_REACH(F) F(U16, format, 0) F(U64, seq, 0)
SP_WIRE_DECLARE(record_reach, SP_RECORD_REACH)

/* TROUBLE. room_id zero: of no room. */
#define SP_RECORD_TROUBLE(F) F(U16, format, 0) F(U64, time_ms, 0) F(U32, code, 0) F(ID, room_id, 0) F(VEC, text, SP_RECORD_TEXT_MAX)
SP_WIRE_DECLARE(record_trouble, SP_RECORD_TROUBLE)

#endif
