/* SPDX-License-Identifier: Apache-2.0
 *
 * inbox_append and the items of an inbox: Welcomes and receipts.
 */
#ifndef SP_WIRE_INBOX_H
#define SP_WIRE_INBOX_H

#include "wire/layout.h"

/* kind: SP_WIRE_ITEM_RECEIPT only; Welcomes come from the server's slicing of handshake_append. The caller must share a
 * room with the account. Response: Appended. */
#define SP_WIRE_INBOX_APPEND_REQUEST(F) F(U64, reqno, 0) F(ID, account_id, 0) F(U8, kind, 0) F(VEC, body, SP_LIMIT_ITEM)
SP_WIRE_DECLARE(inbox_append_request, SP_WIRE_INBOX_APPEND_REQUEST)

/* Item 16. epoch: the one the Welcome leads to, for room_tree. seq: the room log's item that added; the joiner reads
 * on after it. welcome: MLSMessage with the secrets of this account's devices only. */
#define SP_WIRE_WELCOME_ITEM(F) F(ID, room_id, 0) F(U64, epoch, 0) F(U64, seq, 0) F(VEC, welcome, SP_LIMIT_HANDSHAKE)
SP_WIRE_DECLARE(welcome_item, SP_WIRE_WELCOME_ITEM)

/* Item 17. sealed: AES-256-GCM of a ReceiptPlain under the epoch's receipt key (labels.h) with this nonce;
 * AAD = ReceiptAad. */
#define SP_WIRE_RECEIPT(F) F(ID, room_id, 0) F(U64, epoch, 0) F(NONCE, nonce, 0) F(VEC, sealed, SP_LIMIT_CONTENT)
SP_WIRE_DECLARE(receipt, SP_WIRE_RECEIPT)
/* recipient: the account whose inbox it is. */
#define SP_WIRE_RECEIPT_AAD(F) F(ID, room_id, 0) F(U64, epoch, 0) F(ID, recipient, 0)
SP_WIRE_DECLARE(receipt_aad, SP_WIRE_RECEIPT_AAD)

/* format: 1. leaf: the reader's leaf index in that epoch. delivered_seq: every item of the room log up to it has
 * reached this reader. opened: message ids, each with when. */
#define SP_WIRE_OPENED_ENTRY(F) F(ID, id, 0) F(U64, time_ms, 0)
SP_WIRE_DECLARE(opened_entry, SP_WIRE_OPENED_ENTRY)
#define SP_WIRE_RECEIPT_CONTENT(F)                                                                                     \
	F(U16, format, 0)                                                                                              \
	F(U32, leaf, 0)                                                                                                \
	F(U64, delivered_seq, 0)                                                                                       \
	F(LIST, opened, opened_entry)                                                                                  \
	F(U64, time_ms, 0)
SP_WIRE_DECLARE(receipt_content, SP_WIRE_RECEIPT_CONTENT)
/* content: an encoded ReceiptContent. signature: SignWithLabel("Sealpost Receipt 1", ReceiptToSign) by the leaf's key. */
#define SP_WIRE_RECEIPT_PLAIN(F) F(VEC, content, SP_LIMIT_CONTENT) F(VEC, signature, 128)
SP_WIRE_DECLARE(receipt_plain, SP_WIRE_RECEIPT_PLAIN)
#define SP_WIRE_RECEIPT_TO_SIGN(F) F(ID, room_id, 0) F(U64, epoch, 0) F(ID, recipient, 0) F(VEC, content, SP_LIMIT_CONTENT)
SP_WIRE_DECLARE(receipt_to_sign, SP_WIRE_RECEIPT_TO_SIGN)

#endif
