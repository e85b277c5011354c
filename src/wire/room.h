/* SPDX-License-Identifier: Apache-2.0
 *
 * room_create, _list, _info, _tree, handshake_append: rooms as the server follows them, keyless.
 */
#ifndef SP_WIRE_ROOM_H
#define SP_WIRE_ROOM_H

#include "wire/layout.h"

/* group_info: an MLSMessage with the GroupInfo of epoch 0, signed by the creator's leaf, without RoomName.
 * ratchet_tree: optional<Node> ratchet_tree<V> of RFC 9420 section 12.4.3.3. Response: Appended with seq 0. */
#define SP_WIRE_ROOM_CREATE_REQUEST(F)                                                                                 \
	F(U64, reqno, 0)                                                                                               \
	F(ID, room_id, 0)                                                                                              \
	F(VEC, group_info, SP_LIMIT_HANDSHAKE)                                                                         \
	F(VEC, ratchet_tree, SP_LIMIT_HANDSHAKE)
SP_WIRE_DECLARE(room_create_request, SP_WIRE_ROOM_CREATE_REQUEST)

/* The rooms in which a device of the caller's account has a leaf. */
#define SP_WIRE_ROOM_ENTRY(F) F(ID, room_id, 0) F(U64, epoch, 0) F(U64, last_seq, 0)
SP_WIRE_DECLARE(room_entry, SP_WIRE_ROOM_ENTRY)
#define SP_WIRE_ROOM_LIST_RESPONSE(F) F(LIST, rooms, room_entry)
SP_WIRE_DECLARE(room_list_response, SP_WIRE_ROOM_LIST_RESPONSE)

/* For members, for anyone of the organisation when the room is open, and for a device that must rejoin. */
#define SP_WIRE_ROOM_INFO_REQUEST(F) F(ID, room_id, 0)
SP_WIRE_DECLARE(room_info_request, SP_WIRE_ROOM_INFO_REQUEST)
#define SP_WIRE_ROOM_INFO_RESPONSE(F)                                                                                  \
	F(VEC, group_info, SP_LIMIT_HANDSHAKE)                                                                         \
	F(VEC, ratchet_tree, SP_LIMIT_HANDSHAKE)                                                                       \
	F(U64, epoch, 0)                                                                                               \
	F(U64, last_seq, 0)
SP_WIRE_DECLARE(room_info_response, SP_WIRE_ROOM_INFO_RESPONSE)

/* The tree of an epoch that has an unread Welcome. */
#define SP_WIRE_ROOM_TREE_REQUEST(F) F(ID, room_id, 0) F(U64, epoch, 0)
SP_WIRE_DECLARE(room_tree_request, SP_WIRE_ROOM_TREE_REQUEST)
#define SP_WIRE_ROOM_TREE_RESPONSE(F) F(VEC, ratchet_tree, SP_LIMIT_HANDSHAKE)
SP_WIRE_DECLARE(room_tree_response, SP_WIRE_ROOM_TREE_RESPONSE)

/* epoch: the one the commit was made in. commit: MLSMessage with a PublicMessage. group_info: MLSMessage with the
 * GroupInfo after the commit, signed by the committer's new leaf. welcome: MLSMessage, or empty when nobody was added.
 * Response: Appended; STALE_EPOCH when another commit came first; REFUSED with the rule's number. */
#define SP_WIRE_HANDSHAKE_APPEND_REQUEST(F)                                                                            \
	F(U64, reqno, 0)                                                                                               \
	F(ID, room_id, 0)                                                                                              \
	F(U64, epoch, 0)                                                                                               \
	F(VEC, commit, SP_LIMIT_HANDSHAKE)                                                                             \
	F(VEC, group_info, SP_LIMIT_HANDSHAKE)                                                                         \
	F(VEC, welcome, SP_LIMIT_HANDSHAKE)
SP_WIRE_DECLARE(handshake_append_request, SP_WIRE_HANDSHAKE_APPEND_REQUEST)

#endif
