/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside cms: the ASN.1 we judge ourselves. Fields that we only carry are SEQUENCE/SET OF ANY.
 */
#ifndef SP_CMS_ASN1_PRIV_H
#define SP_CMS_ASN1_PRIV_H

#include <openssl/asn1.h>
#include <openssl/asn1t.h>

/* AlgorithmIdentifier ::= SEQUENCE { algorithm OBJECT IDENTIFIER, parameters ANY OPTIONAL } */
struct cms_alg {
	ASN1_OBJECT *algorithm;
	ASN1_TYPE *parameters;
};

/* GCMParameters ::= SEQUENCE { aes-nonce OCTET STRING, aes-ICVlen INTEGER DEFAULT 12 }, RFC 5084 section 3.2 */
struct cms_gcm {
	ASN1_OCTET_STRING *nonce;
	ASN1_INTEGER *icv_len;
};

/* EncryptedContentInfo ::= SEQUENCE { contentType, contentEncryptionAlgorithm, encryptedContent [0] IMPLICIT OCTET STRING OPTIONAL } */
struct cms_content {
	ASN1_OBJECT *type;
	struct cms_alg *alg;
	ASN1_OCTET_STRING *encrypted;
};

/* AuthEnvelopedData ::= SEQUENCE { version, originatorInfo [0] OPTIONAL, recipientInfos SET OF, authEncryptedContentInfo,
 * authAttrs [1] OPTIONAL, mac OCTET STRING, unauthAttrs [2] OPTIONAL }, RFC 5083 section 2.1 */
struct cms_auth_enveloped {
	ASN1_INTEGER *version;
	STACK_OF(ASN1_TYPE) * originator;
	STACK_OF(ASN1_TYPE) * recipients;
	struct cms_content *content;
	STACK_OF(ASN1_TYPE) * auth_attrs;
	ASN1_OCTET_STRING *mac;
	STACK_OF(ASN1_TYPE) * unauth_attrs;
};

/* EnvelopedData ::= SEQUENCE { version, originatorInfo [0] OPTIONAL, recipientInfos SET OF, encryptedContentInfo,
 * unprotectedAttrs [1] OPTIONAL }, RFC 5652 section 6.1 */
struct cms_enveloped {
	ASN1_INTEGER *version;
	STACK_OF(ASN1_TYPE) * originator;
	STACK_OF(ASN1_TYPE) * recipients;
	struct cms_content *content;
	STACK_OF(ASN1_TYPE) * attrs;
};

/* ContentInfo ::= SEQUENCE { contentType, content [0] EXPLICIT }, for each of the two */
struct cms_auth_message {
	ASN1_OBJECT *type;
	struct cms_auth_enveloped *body;
};
struct cms_message {
	ASN1_OBJECT *type;
	struct cms_enveloped *body;
};

DECLARE_ASN1_ITEM(cms_gcm)
DECLARE_ASN1_ITEM(cms_auth_message)
DECLARE_ASN1_ITEM(cms_message)

#endif
