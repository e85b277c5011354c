/* SPDX-License-Identifier: Apache-2.0
 *
 * key_package_publish, _count, _take: the stock of KeyPackages (RFC 9420 section 10) by which people are added while
 * offline.
 */
#ifndef SP_WIRE_KEYPKG_H
#define SP_WIRE_KEYPKG_H

#include "wire/layout.h"

/* key_packages: MLSMessages, at most 100, each given out once. last_resort: one MLSMessage that replaces the previous
 * and is given out when the others are used up; empty keeps it. */
#define SP_WIRE_KEY_PACKAGE_PUBLISH_REQUEST(F)                                                                         \
	F(U64, reqno, 0)                                                                                               \
	F(LIST, key_packages, opaque)                                                                                  \
	F(VEC, last_resort, 1u << 16)
SP_WIRE_DECLARE(key_package_publish_request, SP_WIRE_KEY_PACKAGE_PUBLISH_REQUEST)
#define SP_WIRE_KEY_PACKAGE_PUBLISH_RESPONSE(F) F(U32, count, 0)
SP_WIRE_DECLARE(key_package_publish_response, SP_WIRE_KEY_PACKAGE_PUBLISH_RESPONSE)

#define SP_WIRE_KEY_PACKAGE_COUNT_RESPONSE(F) F(U32, count, 0) F(BOOL, has_last_resort, 0)
SP_WIRE_DECLARE(key_package_count_response, SP_WIRE_KEY_PACKAGE_COUNT_RESPONSE)

/* One KeyPackage of every current device of each account. */
#define SP_WIRE_KEY_PACKAGE_TAKE_REQUEST(F) F(U64, reqno, 0) F(LIST, account_ids, account_ref)
SP_WIRE_DECLARE(key_package_take_request, SP_WIRE_KEY_PACKAGE_TAKE_REQUEST)
#define SP_WIRE_TAKEN_KEY_PACKAGE(F) F(ID, account_id, 0) F(ID, device_id, 0) F(VEC, key_package, 1u << 16)
SP_WIRE_DECLARE(taken_key_package, SP_WIRE_TAKEN_KEY_PACKAGE)
#define SP_WIRE_KEY_PACKAGE_TAKE_RESPONSE(F) F(LIST, taken, taken_key_package)
SP_WIRE_DECLARE(key_package_take_response, SP_WIRE_KEY_PACKAGE_TAKE_RESPONSE)

#endif
