/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside pki: what its files share of OpenSSL's X.509 types. Nothing here leaves the room.
 */
#ifndef SP_PKI_PRIV_H
#define SP_PKI_PRIV_H

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "pki/pki.h"

/* Strict decoders: the whole input, at most `max`, and the same bytes when encoded again (so that one object has one
 * encoding). NULL otherwise. The error queue is left clean. */
X509 *sp__pki_cert_decode(struct sp_bytes in);
X509_REQ *sp__pki_csr_decode(struct sp_bytes in);
/* A CRL at the front of `in`; *out_used says how long it is. */
X509_CRL *sp__pki_crl_decode(struct sp_bytes in, size_t *out_used);

/* Names: O = org, CN = cn. NULL when out of memory. */
X509_NAME *sp__pki_name_new(struct sp_bytes org, struct sp_bytes cn);
bool sp__pki_name_is(const X509_NAME *name, struct sp_bytes org, struct sp_bytes cn);
/* The one O of a name, when the name is O = org, CN = cn. SP_ERR_CERTIFICATE otherwise. */
enum sp_err sp__pki_name_org(char out[SP_LIMIT_ORG + 1], const X509_NAME *name, struct sp_bytes cn) SP_MUST_USE;

#define SP_PKI_CN_ROOT SP_BYTES_LIT("Sealpost root")
#define SP_PKI_CN_ISSUING SP_BYTES_LIT("Sealpost issuing")
#define SP_PKI_CN_SERVER SP_BYTES_LIT("Sealpost server")

/* Subject alternative names of the profile, as text. */
enum sp_err sp__pki_device_uri_encode(struct sp_buf *out, const struct sp_id16 *device_id, const struct sp_id16 *account_id) SP_MUST_USE;
enum sp_err sp__pki_device_uri_decode(struct sp_id16 *out_device, struct sp_id16 *out_account, struct sp_bytes uri) SP_MUST_USE;
enum sp_err sp__pki_address_encode(struct sp_buf *out, struct sp_bytes name, struct sp_bytes org) SP_MUST_USE;

/* The point in a key, when the key is P-256 in its one allowed encoding. */
enum sp_err sp__pki_pubkey_point(struct sp_pki_point *out, X509_PUBKEY *key) SP_MUST_USE;
/* Key identifier: RFC 7093 section 2, method 1. */
enum sp_err sp__pki_key_id(uint8_t out[20], const struct sp_pki_point *point) SP_MUST_USE;

enum sp_err sp__pki_serial_decode(struct sp_pki_serial *out, const ASN1_INTEGER *in) SP_MUST_USE;
ASN1_INTEGER *sp__pki_serial_new(const struct sp_pki_serial *serial);
enum sp_err sp__pki_time_decode(struct sp_time *out, const ASN1_TIME *in) SP_MUST_USE;
ASN1_TIME *sp__pki_time_new(struct sp_time t); /* whole seconds; UTCTime before 2050 as RFC 5280 wants */

/* ECDSA with SHA-256, inside and outside alike, without parameters. */
bool sp__pki_sigalg_is_ours(const X509_ALGOR *inner, const X509_ALGOR *outer);

/* profile.c: authorities of our own making */
enum sp_err sp__pki_authority_check(const X509 *cert, bool is_root, char out_org[SP_LIMIT_ORG + 1]) SP_MUST_USE;
enum sp_err sp__pki_claim_of(struct sp_pki_claim *out, const X509 *cert, struct sp_bytes der) SP_MUST_USE;

/* crl.c: a revocation list of our own making, checked against its issuer's certificate */
struct sp__pki_crl {
	X509_CRL *x;
	struct sp_pki_crl_info info;
	struct sp_pki_revocation *revoked; /* sorted by serial */
	size_t revoked_n;
};
enum sp_err sp__pki_crl_open(struct sp__pki_crl *out, struct sp_bytes der, size_t *out_used, const X509 *issuer) SP_MUST_USE;
void sp__pki_crl_clear(struct sp__pki_crl *crl);
bool sp__pki_crl_has(const struct sp__pki_crl *crl, const struct sp_pki_serial *serial, uint64_t number);

/* path.c */
enum sp_err sp__pki_verdict(int x509_error) SP_MUST_USE;
int sp__pki_purpose_id(enum sp_pki_purpose purpose); /* 0 for any */

#endif
