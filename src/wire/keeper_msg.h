/* SPDX-License-Identifier: Apache-2.0
 *
 * What front may ask the keeper, over the stream socketpair the supervisor gave them. Typed, bounded, one answer each;
 * there is no request that signs bytes of the asker's choice. Disabling and enabling accounts is not here: that comes
 * from the administrator on the machine.
 *
 * Frames are those of wire/frame.h. A request carries an id other than 0; its response has the same id and type and
 * begins with ResponseHead (wire/response.h). The event `changed` has id 0.
 */
#ifndef SP_WIRE_KEEPER_MSG_H
#define SP_WIRE_KEEPER_MSG_H

#include "wire/enrol.h"
#include "wire/layout.h"

#define SP_WIRE_KEEPER_REQUEST_MAX (SP_LIMIT_DEVICE_LIST + 8192u)
#define SP_WIRE_KEEPER_RESPONSE_MAX (SP_LIMIT_CRL + 1024u) /* the largest is the answer to crl */
#define SP_WIRE_KEEPER_TOKEN 20u                            /* bytes of an invitation's token */
#define SP_WIRE_KEEPER_ACCOUNTS_MAX 512u                    /* accounts in one answer */

/* Front's life, as the keeper sees it. A request outside its phase is answered WRONG_STATE and logged. */
enum sp_wire_keeper_phase { SP_WIRE_KEEPER_STARTING = 1, SP_WIRE_KEEPER_SERVING = 2 };

/* X(number, TYPE, phases, request, response). `serve` says "my listeners are open": only from then on are the requests
 * of people answered. server_certificate is answered at most a few times an hour. */
#define SP_WIRE_KEEPER_TYPES(X)                                                                                        \
	X(1, ENROL, SERVING, keeper_enrol_request, keeper_enrol_response)                                              \
	X(2, RENEW, SERVING, keeper_renew_request, keeper_certificate_response)                                        \
	X(3, INVITE, SERVING, keeper_invite_request, keeper_invite_response)                                           \
	X(4, SERVER_CERTIFICATE, STARTING | SP_WIRE_KEEPER_SERVING, keeper_server_certificate_request, keeper_certificate_response) \
	X(5, CRL, STARTING | SP_WIRE_KEEPER_SERVING, empty, keeper_crl_response)                                       \
	X(6, ACCOUNTS, STARTING | SP_WIRE_KEEPER_SERVING, keeper_accounts_request, keeper_accounts_response)           \
	X(7, SERVE, STARTING, empty, empty)
#define SP_WIRE_KEEPER_CHANGED 8 /* event: keeper_changed_event */

enum sp_wire_keeper_type {
#define X(number, TYPE, phases, request, response) SP_WIRE_KEEPER_##TYPE = (number),
	SP_WIRE_KEEPER_TYPES(X)
#undef X
};

/* token: 20 bytes; empty: open registration. name: a wish; an invitation that fixes a name wins, and then device_list must
 * carry that one. device_list (version 1) fixes account id, address and device id; the CSR's key must be its one device. */
#define SP_WIRE_KEEPER_ENROL_REQUEST(F)                                                                                \
	F(VEC, token, SP_WIRE_KEEPER_TOKEN)                                                                            \
	F(VEC, name, SP_LIMIT_NAME)                                                                                    \
	F(VEC, csr, SP_LIMIT_CSR)                                                                                      \
	F(VEC, device_list, SP_LIMIT_DEVICE_LIST)
SP_WIRE_DECLARE(keeper_enrol_request, SP_WIRE_KEEPER_ENROL_REQUEST)
#define SP_WIRE_KEEPER_ENROL_RESPONSE(F)                                                                               \
	F(VEC, certificate, SP_LIMIT_CERT)                                                                             \
	F(ID, account_id, 0)                                                                                           \
	F(VEC, address, SP_LIMIT_ADDRESS)                                                                              \
	F(BOOL, admin, 0)
SP_WIRE_DECLARE(keeper_enrol_response, SP_WIRE_KEEPER_ENROL_RESPONSE)

/* certificate: the current one; the CSR must have its key. */
#define SP_WIRE_KEEPER_RENEW_REQUEST(F) F(VEC, certificate, SP_LIMIT_CERT) F(VEC, csr, SP_LIMIT_CSR)
SP_WIRE_DECLARE(keeper_renew_request, SP_WIRE_KEEPER_RENEW_REQUEST)
#define SP_WIRE_KEEPER_CERTIFICATE_RESPONSE(F) F(VEC, certificate, SP_LIMIT_CERT)
SP_WIRE_DECLARE(keeper_certificate_response, SP_WIRE_KEEPER_CERTIFICATE_RESPONSE)

/* What an admin's device signs (label "Sealpost Invite 1"). name fixes the invited one's; empty: chosen at joining. nonce
 * makes each request one invitation: asked again, it is answered the same. time_ms is the inviter's clock; more than ten
 * minutes off is refused. */
#define SP_WIRE_INVITATION(F)                                                                                          \
	F(VEC, name, SP_LIMIT_NAME)                                                                                    \
	F(BOOL, admin, 0)                                                                                              \
	F(U64, expires_ms, 0)                                                                                          \
	F(ID, nonce, 0)                                                                                                \
	F(U64, time_ms, 0)
SP_WIRE_DECLARE(invitation, SP_WIRE_INVITATION)
/* certificate: the inviter's; the keeper judges it, the signature, and that the account is an admin's. */
#define SP_WIRE_KEEPER_INVITE_REQUEST(F)                                                                               \
	F(VEC, certificate, SP_LIMIT_CERT)                                                                             \
	F(VEC, invitation, 256)                                                                                        \
	F(VEC, signature, 128)
SP_WIRE_DECLARE(keeper_invite_request, SP_WIRE_KEEPER_INVITE_REQUEST)
#define SP_WIRE_KEEPER_INVITE_RESPONSE(F) F(VEC, token, SP_WIRE_KEEPER_TOKEN)
SP_WIRE_DECLARE(keeper_invite_response, SP_WIRE_KEEPER_INVITE_RESPONSE)

#define SP_WIRE_KEEPER_SERVER_CERTIFICATE_REQUEST(F) F(VEC, csr, SP_LIMIT_CSR)
SP_WIRE_DECLARE(keeper_server_certificate_request, SP_WIRE_KEEPER_SERVER_CERTIFICATE_REQUEST)

/* The pair that pki/pki.h describes: the issuing authority's CRL, then the root's. */
#define SP_WIRE_KEEPER_CRL_RESPONSE(F) F(VEC, crl, SP_LIMIT_CRL)
SP_WIRE_DECLARE(keeper_crl_response, SP_WIRE_KEEPER_CRL_RESPONSE)

/* Accounts changed after `since` (0: all), oldest change first. flags: 1 admin, 2 disabled. Pass the last one's `changed`
 * next time while `more` is set, `version` otherwise. */
#define SP_WIRE_KEEPER_ACCOUNTS_REQUEST(F) F(U64, since, 0)
SP_WIRE_DECLARE(keeper_accounts_request, SP_WIRE_KEEPER_ACCOUNTS_REQUEST)
#define SP_WIRE_KEEPER_ACCOUNT(F)                                                                                      \
	F(ID, account_id, 0)                                                                                           \
	F(VEC, address, SP_LIMIT_ADDRESS)                                                                              \
	F(U8, flags, 0)                                                                                                \
	F(U64, changed, 0)
SP_WIRE_DECLARE(keeper_account, SP_WIRE_KEEPER_ACCOUNT)
#define SP_WIRE_KEEPER_ACCOUNTS_RESPONSE(F) F(U64, version, 0) F(BOOL, more, 0) F(LIST, accounts, keeper_account)
SP_WIRE_DECLARE(keeper_accounts_response, SP_WIRE_KEEPER_ACCOUNTS_RESPONSE)

/* The keeper's own notice: a new CRL, or accounts changed; ask for them. */
#define SP_WIRE_KEEPER_CHANGED_EVENT(F) F(U64, crl_number, 0) F(U64, accounts_version, 0)
SP_WIRE_DECLARE(keeper_changed_event, SP_WIRE_KEEPER_CHANGED_EVENT)

#endif
