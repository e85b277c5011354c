/* SPDX-License-Identifier: Apache-2.0
 *
 * org_info, enrol, renew, invite, crl: how a device gets its certificate, and what it needs to judge others'.
 */
#ifndef SP_WIRE_ENROL_H
#define SP_WIRE_ENROL_H

#include "wire/layout.h"

#define SP_WIRE_TOKEN_TEXT_MAX 64u
#define SP_WIRE_LINK_MAX 512u

enum sp_wire_registration { SP_WIRE_REGISTRATION_INVITE = 1, SP_WIRE_REGISTRATION_OPEN = 2 };

/* The client compares SHA-256 of root's SPKI with the link's fingerprint; nothing else here is believed before. */
#define SP_WIRE_ORG_INFO_RESPONSE(F)                                                                                   \
	F(VEC, org, SP_LIMIT_ADDRESS)                                                                                  \
	F(U8, registration, 0)                                                                                         \
	F(VEC, root, SP_LIMIT_CERT)                                                                                    \
	F(VEC, issuing, SP_LIMIT_CERT)                                                                                 \
	F(VEC, crl, SP_LIMIT_CRL)
SP_WIRE_DECLARE(org_info_response, SP_WIRE_ORG_INFO_RESPONSE)

/* token: the link's last part as it stands. name: a wish; an invitation's name wins. device_list: SignedDeviceList
 * version 1. The same token and key get the same answer for an hour: a client killed in between asks again. */
#define SP_WIRE_ENROL_REQUEST(F)                                                                                       \
	F(VEC, token, SP_WIRE_TOKEN_TEXT_MAX)                                                                          \
	F(VEC, name, SP_LIMIT_NAME)                                                                                    \
	F(VEC, csr, SP_LIMIT_CSR)                                                                                      \
	F(VEC, device_list, 4096)
SP_WIRE_DECLARE(enrol_request, SP_WIRE_ENROL_REQUEST)
#define SP_WIRE_ENROL_RESPONSE(F)                                                                                      \
	F(VEC, certificate, SP_LIMIT_CERT)                                                                             \
	F(VEC, issuing, SP_LIMIT_CERT)                                                                                 \
	F(ID, account_id, 0)                                                                                           \
	F(VEC, address, SP_LIMIT_ADDRESS)                                                                              \
	F(BOOL, admin, 0)
SP_WIRE_DECLARE(enrol_response, SP_WIRE_ENROL_RESPONSE)

/* The CSR is made with the same key. */
#define SP_WIRE_RENEW_REQUEST(F) F(VEC, csr, SP_LIMIT_CSR)
SP_WIRE_DECLARE(renew_request, SP_WIRE_RENEW_REQUEST)
#define SP_WIRE_RENEW_RESPONSE(F) F(VEC, certificate, SP_LIMIT_CERT)
SP_WIRE_DECLARE(renew_response, SP_WIRE_RENEW_RESPONSE)

/* invitation: an encoded Invitation (keeper_msg.h), the very bytes that an admin's device signed with label
 * "Sealpost Invite 1"; the keeper judges the signature itself. */
#define SP_WIRE_INVITE_REQUEST(F) F(VEC, invitation, 256) F(VEC, signature, 128)
SP_WIRE_DECLARE(invite_request, SP_WIRE_INVITE_REQUEST)
#define SP_WIRE_INVITE_RESPONSE(F) F(VEC, token, SP_WIRE_TOKEN_TEXT_MAX) F(VEC, link, SP_WIRE_LINK_MAX)
SP_WIRE_DECLARE(invite_response, SP_WIRE_INVITE_RESPONSE)

#define SP_WIRE_CRL_RESPONSE(F) F(VEC, crl, SP_LIMIT_CRL)
SP_WIRE_DECLARE(crl_response, SP_WIRE_CRL_RESPONSE)
#define SP_WIRE_CRL_CHANGED_EVENT(F) F(U64, number, 0)
SP_WIRE_DECLARE(crl_changed_event, SP_WIRE_CRL_CHANGED_EVENT)

#endif
