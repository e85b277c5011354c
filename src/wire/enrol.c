/* SPDX-License-Identifier: Apache-2.0
 *
 * The codecs of enrol.h, made from its lists.
 */
#include "wire/enrol.h"

SP_WIRE_DEFINE(org_info_response, SP_WIRE_ORG_INFO_RESPONSE)
SP_WIRE_DEFINE(enrol_request, SP_WIRE_ENROL_REQUEST)
SP_WIRE_DEFINE(enrol_response, SP_WIRE_ENROL_RESPONSE)
SP_WIRE_DEFINE(renew_request, SP_WIRE_RENEW_REQUEST)
SP_WIRE_DEFINE(renew_response, SP_WIRE_RENEW_RESPONSE)
SP_WIRE_DEFINE(invite_request, SP_WIRE_INVITE_REQUEST)
SP_WIRE_DEFINE(invite_response, SP_WIRE_INVITE_RESPONSE)
SP_WIRE_DEFINE(crl_response, SP_WIRE_CRL_RESPONSE)
SP_WIRE_DEFINE(crl_changed_event, SP_WIRE_CRL_CHANGED_EVENT)
