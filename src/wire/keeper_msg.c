/* SPDX-License-Identifier: Apache-2.0
 *
 * The codecs of keeper_msg.h, made from its lists.
 */
#include "wire/keeper_msg.h"

SP_WIRE_DEFINE(keeper_enrol_request, SP_WIRE_KEEPER_ENROL_REQUEST)
SP_WIRE_DEFINE(keeper_enrol_response, SP_WIRE_KEEPER_ENROL_RESPONSE)
SP_WIRE_DEFINE(keeper_renew_request, SP_WIRE_KEEPER_RENEW_REQUEST)
SP_WIRE_DEFINE(keeper_certificate_response, SP_WIRE_KEEPER_CERTIFICATE_RESPONSE)
SP_WIRE_DEFINE(invitation, SP_WIRE_INVITATION)
SP_WIRE_DEFINE(keeper_invite_request, SP_WIRE_KEEPER_INVITE_REQUEST)
SP_WIRE_DEFINE(keeper_invite_response, SP_WIRE_KEEPER_INVITE_RESPONSE)
SP_WIRE_DEFINE(keeper_server_certificate_request, SP_WIRE_KEEPER_SERVER_CERTIFICATE_REQUEST)
SP_WIRE_DEFINE(keeper_crl_response, SP_WIRE_KEEPER_CRL_RESPONSE)
SP_WIRE_DEFINE(keeper_accounts_request, SP_WIRE_KEEPER_ACCOUNTS_REQUEST)
SP_WIRE_DEFINE(keeper_account, SP_WIRE_KEEPER_ACCOUNT)
SP_WIRE_DEFINE(keeper_accounts_response, SP_WIRE_KEEPER_ACCOUNTS_RESPONSE)
SP_WIRE_DEFINE(keeper_changed_event, SP_WIRE_KEEPER_CHANGED_EVENT)
