/* SPDX-License-Identifier: Apache-2.0
 *
 * The codecs of room.h, made from its lists.
 */
#include "wire/room.h"

SP_WIRE_DEFINE(room_create_request, SP_WIRE_ROOM_CREATE_REQUEST)
SP_WIRE_DEFINE(room_entry, SP_WIRE_ROOM_ENTRY)
SP_WIRE_DEFINE(room_list_response, SP_WIRE_ROOM_LIST_RESPONSE)
SP_WIRE_DEFINE(room_info_request, SP_WIRE_ROOM_INFO_REQUEST)
SP_WIRE_DEFINE(room_info_response, SP_WIRE_ROOM_INFO_RESPONSE)
SP_WIRE_DEFINE(room_tree_request, SP_WIRE_ROOM_TREE_REQUEST)
SP_WIRE_DEFINE(room_tree_response, SP_WIRE_ROOM_TREE_RESPONSE)
SP_WIRE_DEFINE(handshake_append_request, SP_WIRE_HANDSHAKE_APPEND_REQUEST)
