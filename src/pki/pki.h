/* SPDX-License-Identifier: Apache-2.0
 *
 * pki: the organisation's certificates. RFC 5280 over OpenSSL's X509_verify_cert, narrowed to Sealpost's own profile:
 *
 *   root     20 years, CA                          issuing  10 years, CA, pathlen 0
 *   device   1 year, clientAuth + emailProtection, SAN = rfc822Name + URI sealpost:device:<id>:account:<id>
 *   server   7 days, serverAuth,                   SAN = URI sealpost:server:<organisation>
 *
 * All keys are P-256, all signatures ECDSA with SHA-256, every extension is fixed: a certificate that has one more or
 * one less is refused. DER goes in and out; no X509 type leaves this room. Time is an argument everywhere.
 *
 * A CRL here is a pair: the issuing authority's CRL (hourly) followed by the root's (made once), both DER, joined. Its
 * number is that of the first and counts in Unix seconds, so that the newest CRL can answer for every earlier number:
 * an entry was on CRL n if its revocation date is at most n. That is how all members of a room come to one verdict.
 *
 * Does not check: that an account's own device list names the key (pki/device_list.h); that a serial was never used
 * before (the keeper's ledger); that a CRL is fresh (ask sp_pki_crl_info). A trust store is not thread-safe.
 */
#ifndef SP_PKI_H
#define SP_PKI_H

#include "base/base.h"
#include "base/limits.h"
#include "crypto/crypto.h"

#define SP_PKI_POINT 65u         /* an uncompressed P-256 point */
#define SP_PKI_SPKI 91u          /* its SubjectPublicKeyInfo, DER */
#define SP_PKI_SERIAL 16u        /* our serials: 16 bytes, first bit 0, never all zero */
#define SP_LIMIT_ORG 64u         /* RFC 5280's upper bound of organizationName */
#define SP_PKI_BACKDATE_MS 600000 /* notBefore lies this far back, for clocks that are slow */

struct sp_pki_point {
	uint8_t b[SP_PKI_POINT];
};
struct sp_pki_serial {
	uint8_t b[SP_PKI_SERIAL];
};

/* -- names ----------------------------------------------------------------------------------------------------- */

/* [a-z0-9][a-z0-9._-]{0,63} */
bool sp_pki_name_is_valid(struct sp_bytes name);
/* A-labels in lower case, at most SP_LIMIT_ORG bytes: example.org */
bool sp_pki_org_is_valid(struct sp_bytes org);

/* -- keys ------------------------------------------------------------------------------------------------------ */

/* SP_ERR_INVALID unless it is 65 bytes, 0x04 first, and on the curve. */
SP_MUST_USE enum sp_err sp_pki_point_decode(struct sp_pki_point *out, struct sp_bytes in);
/* The DER SubjectPublicKeyInfo of a P-256 point, and its SHA-256: the name of a device key everywhere. */
void sp_pki_spki_encode(uint8_t out[SP_PKI_SPKI], const struct sp_pki_point *point);
SP_MUST_USE enum sp_err sp_pki_spki_hash(struct sp_hash32 *out, const struct sp_pki_point *point);

/* -- what a certificate says -------------------------------------------------------------------------------------- */

enum sp_pki_kind { SP_PKI_DEVICE = 1, SP_PKI_SERVER = 2 };

struct sp_pki_identity {
	enum sp_pki_kind kind;
	struct sp_id16 account_id; /* device only, as are device_id, name and address */
	struct sp_id16 device_id;
	char name[SP_LIMIT_NAME + 1];       /* the local part: alice */
	char org[SP_LIMIT_ORG + 1];         /* example.org */
	char address[SP_LIMIT_ADDRESS + 1]; /* alice@example.org */
	struct sp_pki_serial serial;
	struct sp_pki_point point;
	struct sp_hash32 spki_hash;
	struct sp_hash32 cert_hash; /* SHA-256 of the whole DER */
	struct sp_time not_before;
	struct sp_time not_after;
};

/* The same before anybody vouched for it: the profile was checked, no signature was. Only sp_pki_trust_judge makes an
 * identity of it. */
struct sp_pki_claim {
	struct sp_pki_identity unverified;
};
/* Decodes a leaf of our profile. SP_ERR_CERTIFICATE when it is anything else. */
SP_MUST_USE enum sp_err sp_pki_claim_decode(struct sp_pki_claim *out, struct sp_bytes cert);

/* -- judging --------------------------------------------------------------------------------------------------- */

enum sp_pki_purpose { SP_PKI_FOR_DEVICE = 1, SP_PKI_FOR_SERVER = 2, SP_PKI_FOR_MAIL = 3 };

/* The organisation as one trusts it: a root pinned by fingerprint, its issuing certificate, the newest CRL. Keeps the
 * chain verdict of recent certificates, so that a second judgement costs a table look-up. */
struct sp_pki_trust;

/* SHA-256 of a root certificate's DER SubjectPublicKeyInfo, for one who holds the root in its own folder. Verifies nothing. */
SP_MUST_USE enum sp_err sp_pki_root_fingerprint(struct sp_hash32 *out, struct sp_bytes root);
/* fingerprint: SHA-256 of the root's DER SubjectPublicKeyInfo, as an invitation carries it; SP_ERR_FINGERPRINT when the
 * root is another. now: the root and issuing certificates must be valid. */
SP_MUST_USE enum sp_err sp_pki_trust_new(struct sp_pki_trust **out, const struct sp_hash32 *fingerprint, struct sp_bytes root, struct sp_bytes issuing,
					 struct sp_time now);
void sp_pki_trust_free(struct sp_pki_trust **trust);
/* Takes a newer CRL pair. SP_ERR_EXPIRED for one with a lower number than the store has (a rollback); the same number
 * again is accepted and changes nothing. On failure the store keeps what it had. */
SP_MUST_USE enum sp_err sp_pki_trust_set_crl(struct sp_pki_trust *trust, struct sp_bytes crl);
uint64_t sp_pki_trust_crl_number(const struct sp_pki_trust *trust); /* 0 when there is none yet */
const char *sp_pki_trust_org(const struct sp_pki_trust *trust);
const struct sp_hash32 *sp_pki_trust_fingerprint(const struct sp_pki_trust *trust);

struct sp_pki_question {
	enum sp_pki_purpose purpose;
	struct sp_time at;     /* judged as of then: an item's log time, or now for a live connection */
	uint64_t crl_number;   /* revoked means: on this CRL; 0 = on the newest the store has */
	bool expiry_tolerated; /* an existing leaf: its time is not asked */
	bool crl_unasked;      /* a server's certificate in a handshake: it lives 7 days, and no CRL can be here before the first connection */
};
/* The whole verdict on a leaf. SP_ERR_CERTIFICATE not of this organisation, or not of the profile, or not for this
 * purpose; SP_ERR_EXPIRED outside its time (before or after); SP_ERR_REVOKED; SP_ERR_NEED_CREDENTIAL when the store has
 * no CRL or one older than the question names: fetch it, ask again. */
SP_MUST_USE enum sp_err sp_pki_trust_judge(struct sp_pki_trust *trust, struct sp_pki_identity *out, struct sp_bytes cert,
					   const struct sp_pki_question *question);
/* Is this serial revoked under that CRL (0 = newest)? For sweeping known leaves: no signature is checked. */
bool sp_pki_trust_is_revoked(const struct sp_pki_trust *trust, const struct sp_pki_serial *serial, uint64_t crl_number);

/* X509_verify_cert on any chain, as the trust store uses it: strict, CRLs required for the whole chain, time explicit,
 * and tried again without an issuer that led nowhere. For tests of the path rules and for foreign certificates. */
struct sp_pki_path {
	struct sp_bytes leaf;
	const struct sp_bytes *anchors;
	size_t anchors_n;
	const struct sp_bytes *untrusted;
	size_t untrusted_n;
	const struct sp_bytes *crls;
	size_t crls_n;
	struct sp_time at;
	enum sp_pki_purpose purpose; /* 0 = any */
	bool lax;                    /* without the checks that RFC 5280 asks of authorities, not of verifiers */
};
SP_MUST_USE enum sp_err sp_pki_path_verify(const struct sp_pki_path *path);

/* -- certificate signing requests ------------------------------------------------------------------------------------ */

struct sp_pki_csr {
	struct sp_pki_point point;
	struct sp_hash32 spki_hash;
};
/* Appends a PKCS#10 request in DER. Names in it would be ignored: it has none. */
SP_MUST_USE enum sp_err sp_pki_csr_build(struct sp_buf *out, struct sp_sign_key *key);
/* Size, encoding, P-256 and nothing else, signed by its own key (proof of possession). Subject, SAN and every other wish
 * in it are ignored: the issuer decides. SP_ERR_INVALID or SP_ERR_SIGNATURE. */
SP_MUST_USE enum sp_err sp_pki_csr_check(struct sp_pki_csr *out, struct sp_bytes csr);

/* -- issuing (keeper) ------------------------------------------------------------------------------------------------- */

SP_MUST_USE enum sp_err sp_pki_serial_random(struct sp_pki_serial *out, const struct sp_rng *rng);

struct sp_pki_issuer {
	struct sp_sign_key *key;
	struct sp_bytes cert;
};
/* All append DER. `now` is the time of issue; notBefore is SP_PKI_BACKDATE_MS earlier. */
SP_MUST_USE enum sp_err sp_pki_root_make(struct sp_buf *out, struct sp_sign_key *key, struct sp_bytes org, const struct sp_pki_serial *serial,
					 struct sp_time now);
SP_MUST_USE enum sp_err sp_pki_issuing_make(struct sp_buf *out, const struct sp_pki_issuer *root, const struct sp_pki_point *point,
					    const struct sp_pki_serial *serial, struct sp_time now);
/* org is the issuer's. SP_ERR_USAGE for a name that is not valid. */
struct sp_pki_device_subject {
	struct sp_bytes name;
	struct sp_id16 account_id;
	struct sp_id16 device_id;
};
SP_MUST_USE enum sp_err sp_pki_device_make(struct sp_buf *out, const struct sp_pki_issuer *issuing, const struct sp_pki_csr *csr,
					   const struct sp_pki_device_subject *subject, const struct sp_pki_serial *serial, struct sp_time now);
SP_MUST_USE enum sp_err sp_pki_server_make(struct sp_buf *out, const struct sp_pki_issuer *issuing, const struct sp_pki_csr *csr,
					   const struct sp_pki_serial *serial, struct sp_time now);

struct sp_pki_revocation {
	struct sp_pki_serial serial;
	uint64_t since; /* the number of the first CRL it is on: Unix seconds */
};
/* One CRL, not the pair: the keeper joins the issuing authority's and the root's. next_update as given. */
SP_MUST_USE enum sp_err sp_pki_crl_make(struct sp_buf *out, const struct sp_pki_issuer *issuer, const struct sp_pki_revocation *revoked, size_t revoked_n,
					uint64_t number, struct sp_time next_update);

struct sp_pki_crl_info {
	uint64_t number;
	struct sp_time this_update;
	struct sp_time next_update; /* of the issuing authority's CRL: it is stale afterwards */
};
/* Reads a pair's first part without verifying anything. */
SP_MUST_USE enum sp_err sp_pki_crl_info(struct sp_pki_crl_info *out, struct sp_bytes crl);

#endif
