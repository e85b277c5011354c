/* SPDX-License-Identifier: Apache-2.0
 *
 * The codecs of content.h, made from its lists.
 */
#include "wire/content.h"

SP_WIRE_DEFINE(content, SP_WIRE_CONTENT)
SP_WIRE_DEFINE(room_name, SP_WIRE_ROOM_NAME)
