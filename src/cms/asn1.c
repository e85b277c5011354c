/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenSSL's template language for the structures of asn1_priv.h (RFC 5652, 5083, 5084).
 */
#include "cms/asn1_priv.h"

typedef struct cms_alg cms_alg; /* the template macros paste these names */
typedef struct cms_gcm cms_gcm;
typedef struct cms_content cms_content;
typedef struct cms_auth_enveloped cms_auth_enveloped;
typedef struct cms_enveloped cms_enveloped;
typedef struct cms_auth_message cms_auth_message;
typedef struct cms_message cms_message;

/* clang-format off */
ASN1_SEQUENCE(cms_alg) = {
	ASN1_SIMPLE(cms_alg, algorithm, ASN1_OBJECT),
	ASN1_OPT(cms_alg, parameters, ASN1_ANY),
} static_ASN1_SEQUENCE_END(cms_alg)

ASN1_SEQUENCE(cms_gcm) = {
	ASN1_SIMPLE(cms_gcm, nonce, ASN1_OCTET_STRING),
	ASN1_OPT(cms_gcm, icv_len, ASN1_INTEGER),
} ASN1_SEQUENCE_END(cms_gcm)

ASN1_NDEF_SEQUENCE(cms_content) = {
	ASN1_SIMPLE(cms_content, type, ASN1_OBJECT),
	ASN1_SIMPLE(cms_content, alg, cms_alg),
	ASN1_IMP_OPT(cms_content, encrypted, ASN1_OCTET_STRING_NDEF, 0),
} static_ASN1_NDEF_SEQUENCE_END(cms_content)

ASN1_NDEF_SEQUENCE(cms_auth_enveloped) = {
	ASN1_SIMPLE(cms_auth_enveloped, version, ASN1_INTEGER),
	ASN1_IMP_SEQUENCE_OF_OPT(cms_auth_enveloped, originator, ASN1_ANY, 0),
	ASN1_SET_OF(cms_auth_enveloped, recipients, ASN1_ANY),
	ASN1_SIMPLE(cms_auth_enveloped, content, cms_content),
	ASN1_IMP_SET_OF_OPT(cms_auth_enveloped, auth_attrs, ASN1_ANY, 1),
	ASN1_SIMPLE(cms_auth_enveloped, mac, ASN1_OCTET_STRING),
	ASN1_IMP_SET_OF_OPT(cms_auth_enveloped, unauth_attrs, ASN1_ANY, 2),
} static_ASN1_NDEF_SEQUENCE_END(cms_auth_enveloped)

ASN1_NDEF_SEQUENCE(cms_enveloped) = {
	ASN1_SIMPLE(cms_enveloped, version, ASN1_INTEGER),
	ASN1_IMP_SEQUENCE_OF_OPT(cms_enveloped, originator, ASN1_ANY, 0),
	ASN1_SET_OF(cms_enveloped, recipients, ASN1_ANY),
	ASN1_SIMPLE(cms_enveloped, content, cms_content),
	ASN1_IMP_SET_OF_OPT(cms_enveloped, attrs, ASN1_ANY, 1),
} static_ASN1_NDEF_SEQUENCE_END(cms_enveloped)

ASN1_NDEF_SEQUENCE(cms_auth_message) = {
	ASN1_SIMPLE(cms_auth_message, type, ASN1_OBJECT),
	ASN1_NDEF_EXP(cms_auth_message, body, cms_auth_enveloped, 0),
} ASN1_NDEF_SEQUENCE_END(cms_auth_message)

ASN1_NDEF_SEQUENCE(cms_message) = {
	ASN1_SIMPLE(cms_message, type, ASN1_OBJECT),
	ASN1_NDEF_EXP(cms_message, body, cms_enveloped, 0),
} ASN1_NDEF_SEQUENCE_END(cms_message)
