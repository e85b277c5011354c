/* SPDX-License-Identifier: Apache-2.0
 *
 * Which body belongs to which type, and every struct there is: from here docs/protocol.md is checked and all codecs are
 * tested and fuzzed.
 */
#ifndef SP_WIRE_CATALOGUE_H
#define SP_WIRE_CATALOGUE_H

#include "wire/layout.h"
#include "wire/types.h"

/* The body that has no field. */
const struct sp_wire_layout *sp_wire_empty_layout(void);

/* X(TYPE, request or event body, response body) */
#define SP_WIRE_BODIES(X)                                                                                              \
	X(HELLO, hello_request, hello_response)                                                                        \
	X(PING, empty, ping_response)                                                                                  \
	X(ORG_INFO, empty, org_info_response)                                                                          \
	X(ENROL, enrol_request, enrol_response)                                                                        \
	X(RENEW, renew_request, renew_response)                                                                        \
	X(INVITE, invite_request, invite_response)                                                                     \
	X(CRL, empty, crl_response)                                                                                    \
	X(DIRECTORY, directory_request, directory_response)                                                            \
	X(KEY_PACKAGE_PUBLISH, key_package_publish_request, key_package_publish_response)                              \
	X(KEY_PACKAGE_COUNT, empty, key_package_count_response)                                                        \
	X(KEY_PACKAGE_TAKE, key_package_take_request, key_package_take_response)                                       \
	X(ROOM_CREATE, room_create_request, appended)                                                                  \
	X(ROOM_LIST, empty, room_list_response)                                                                        \
	X(ROOM_INFO, room_info_request, room_info_response)                                                            \
	X(ROOM_TREE, room_tree_request, room_tree_response)                                                            \
	X(HANDSHAKE_APPEND, handshake_append_request, appended)                                                        \
	X(APPEND, append_request, appended)                                                                            \
	X(INBOX_APPEND, inbox_append_request, appended)                                                                \
	X(READ, read_request, read_response)                                                                           \
	X(SUBSCRIBE, subscribe_request, empty)                                                                         \
	X(UNSUBSCRIBE, unsubscribe_request, empty)                                                                     \
	X(CREDIT, credit_request, empty)                                                                               \
	X(CURSOR_SET, cursor_set_request, empty)                                                                       \
	X(DEVICE_LIST_PUT, device_list_put_request, empty)                                                             \
	X(DIRECTORY_CHANGED, directory_changed_event, empty)                                                           \
	X(ITEMS, items_event, empty)                                                                                   \
	X(LAGGING, lagging_event, empty)                                                                               \
	X(CLOSING, closing_event, empty)                                                                               \
	X(CRL_CHANGED, crl_changed_event, empty)

/* X(struct): those inside others, or inside what is sealed. */
#define SP_WIRE_PARTS(X)                                                                                               \
	X(response_head)                                                                                               \
	X(opaque)                                                                                                      \
	X(account_ref)                                                                                                 \
	X(directory_account)                                                                                           \
	X(taken_key_package)                                                                                           \
	X(room_entry)                                                                                                  \
	X(item)                                                                                                        \
	X(subscription)                                                                                                \
	X(log_ref)                                                                                                     \
	X(welcome_item)                                                                                                \
	X(receipt)                                                                                                     \
	X(receipt_aad)                                                                                                 \
	X(receipt_plain)                                                                                               \
	X(receipt_to_sign)                                                                                             \
	X(receipt_content)                                                                                             \
	X(opened_entry)                                                                                                \
	X(content)                                                                                                     \
	X(room_name)                                                                                                   \
	X(invitation)                                                                                                  \
	X(keeper_enrol_request) \
	X(keeper_enrol_response) \
	X(keeper_renew_request) \
	X(keeper_certificate_response) \
	X(keeper_invite_request) \
	X(keeper_invite_response) \
	X(keeper_server_certificate_request) \
	X(keeper_crl_response) \
	X(keeper_accounts_request) \
	X(keeper_account) \
	X(keeper_accounts_response) \
	X(keeper_changed_event)

struct sp_wire_body {
	enum sp_wire_type type;
	const struct sp_wire_layout *request;
	const struct sp_wire_layout *response;
};
SP_MUST_USE enum sp_err sp_wire_body_find(struct sp_wire_body *out, enum sp_wire_type type);

/* The i-th struct, bodies first; NULL beyond the last. One may come twice. */
const struct sp_wire_layout *sp_wire_layout_at(size_t i);

#endif
