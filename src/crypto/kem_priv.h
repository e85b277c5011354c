/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside crypto: the KEMs' table, their group operations, and HPKE's labelled KDF (RFC 9180 sections 4, 7.1).
 */
#ifndef SP_KEM_PRIV_H
#define SP_KEM_PRIV_H

#include "crypto/crypto_priv.h"

struct sp__kem_info {
	enum sp_kem kem;
	enum sp_hash_alg hash; /* of the KEM's own KDF; the suite's may differ */
	const char *name;      /* OpenSSL's, for the key type or the group */
	size_t n_secret, n_public, n_private, n_dh;
	bool is_nist;
	uint8_t mask; /* of a candidate scalar's first byte, DeriveKeyPair */
};
/* NULL for a value that is not in the enum. */
const struct sp__kem_info *sp__kem_info(enum sp_kem kem);

/* NIST curves, kem_ec.c. The scalar is big-endian, at most n_private octets; the point uncompressed. */
const EC_GROUP *sp__ec_group(const struct sp__kem_info *k);
SP_MUST_USE enum sp_err sp__ec_scalar_check(const struct sp__kem_info *k, struct sp_bytes priv); /* 0 < priv < n, constant-time */
SP_MUST_USE enum sp_err sp__ec_public_of(const struct sp__kem_info *k, struct sp_bytes priv, struct sp_kem_public *out);
SP_MUST_USE enum sp_err sp__ec_public_check(const struct sp__kem_info *k, struct sp_bytes pub);
SP_MUST_USE enum sp_err sp__ec_dh(const struct sp__kem_info *k, struct sp_bytes priv, struct sp_bytes peer, struct sp_secret *out);

/* X25519 and X448, kem_x.c. own_pub saves computing it; it takes no part in the result. */
SP_MUST_USE enum sp_err sp__x_public_of(const struct sp__kem_info *k, struct sp_bytes priv, struct sp_kem_public *out);
SP_MUST_USE enum sp_err sp__x_dh(const struct sp__kem_info *k, struct sp_bytes priv, struct sp_bytes own_pub, struct sp_bytes peer,
				 struct sp_secret *out);

/* Encap and Decap (RFC 9180 section 4.1). Encap takes the ephemeral key's ikm from rng. */
SP_MUST_USE enum sp_err sp__kem_encap(const struct sp__kem_info *k, const struct sp_rng *rng, struct sp_bytes recipient,
				      struct sp_kem_public *out_enc, struct sp_secret *out);
SP_MUST_USE enum sp_err sp__kem_decap(const struct sp__kem_info *k, struct sp_bytes enc, struct sp_bytes priv, struct sp_bytes pub,
				      struct sp_secret *out);

/* The labelled KDF: hash and suite_id ("KEM" + id or "HPKE" + three ids). */
struct sp__labeled {
	enum sp_hash_alg hash;
	uint8_t suite_id[10];
	size_t suite_n;
};
struct sp__labeled sp__labeled_kem(const struct sp__kem_info *k);
SP_MUST_USE enum sp_err sp__labeled_extract(struct sp_secret *out, const struct sp__labeled *l, struct sp_bytes salt, const char *label,
					    struct sp_bytes ikm);
SP_MUST_USE enum sp_err sp__labeled_expand(uint8_t *out, size_t n, const struct sp__labeled *l, const struct sp_secret *prk,
					   const char *label, struct sp_bytes info);

#endif
