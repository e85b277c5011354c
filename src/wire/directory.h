/* SPDX-License-Identifier: Apache-2.0
 *
 * directory, device_list_put: who belongs to the organisation, and by which devices.
 */
#ifndef SP_WIRE_DIRECTORY_H
#define SP_WIRE_DIRECTORY_H

#include "wire/layout.h"

enum sp_wire_account_flags { SP_WIRE_ACCOUNT_ADMIN = 1, SP_WIRE_ACCOUNT_DISABLED = 2 };

/* Accounts whose `changed` is above `since`, in that order, at most max (0: as many as fit). */
#define SP_WIRE_DIRECTORY_REQUEST(F) F(U64, since, 0) F(U32, max, 0)
SP_WIRE_DECLARE(directory_request, SP_WIRE_DIRECTORY_REQUEST)

/* chain: SignedDeviceLists, version 1 first. certificates: the current one of each device of the newest version. */
#define SP_WIRE_DIRECTORY_ACCOUNT(F)                                                                                   \
	F(ID, account_id, 0)                                                                                           \
	F(VEC, address, SP_LIMIT_ADDRESS)                                                                              \
	F(U8, flags, 0)                                                                                                \
	F(U64, changed, 0)                                                                                             \
	F(BOOL, online, 0)                                                                                             \
	F(LIST, chain, opaque)                                                                                         \
	F(LIST, certificates, opaque)
SP_WIRE_DECLARE(directory_account, SP_WIRE_DIRECTORY_ACCOUNT)
/* version: the directory's; ask again from the last account's `changed` while more is set. */
#define SP_WIRE_DIRECTORY_RESPONSE(F) F(U64, version, 0) F(BOOL, more, 0) F(LIST, accounts, directory_account)
SP_WIRE_DECLARE(directory_response, SP_WIRE_DIRECTORY_RESPONSE)

#define SP_WIRE_DIRECTORY_CHANGED_EVENT(F) F(U64, version, 0)
SP_WIRE_DECLARE(directory_changed_event, SP_WIRE_DIRECTORY_CHANGED_EVENT)

/* The caller's next SignedDeviceList. Empty response. */
#define SP_WIRE_DEVICE_LIST_PUT_REQUEST(F) F(U64, reqno, 0) F(VEC, device_list, SP_LIMIT_DEVICE_LIST)
SP_WIRE_DECLARE(device_list_put_request, SP_WIRE_DEVICE_LIST_PUT_REQUEST)

#endif
