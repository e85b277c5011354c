/* SPDX-License-Identifier: Apache-2.0
 *
 * The codecs of directory.h, made from its lists.
 */
#include "wire/directory.h"

SP_WIRE_DEFINE(directory_request, SP_WIRE_DIRECTORY_REQUEST)
SP_WIRE_DEFINE(directory_account, SP_WIRE_DIRECTORY_ACCOUNT)
SP_WIRE_DEFINE(directory_response, SP_WIRE_DIRECTORY_RESPONSE)
SP_WIRE_DEFINE(directory_changed_event, SP_WIRE_DIRECTORY_CHANGED_EVENT)
SP_WIRE_DEFINE(device_list_put_request, SP_WIRE_DEVICE_LIST_PUT_REQUEST)
