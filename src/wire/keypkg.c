/* SPDX-License-Identifier: Apache-2.0
 *
 * The codecs of keypkg.h, made from its lists.
 */
#include "wire/keypkg.h"

SP_WIRE_DEFINE(key_package_publish_request, SP_WIRE_KEY_PACKAGE_PUBLISH_REQUEST)
SP_WIRE_DEFINE(key_package_publish_response, SP_WIRE_KEY_PACKAGE_PUBLISH_RESPONSE)
SP_WIRE_DEFINE(key_package_count_response, SP_WIRE_KEY_PACKAGE_COUNT_RESPONSE)
SP_WIRE_DEFINE(key_package_take_request, SP_WIRE_KEY_PACKAGE_TAKE_REQUEST)
SP_WIRE_DEFINE(taken_key_package, SP_WIRE_TAKEN_KEY_PACKAGE)
SP_WIRE_DEFINE(key_package_take_response, SP_WIRE_KEY_PACKAGE_TAKE_RESPONSE)
