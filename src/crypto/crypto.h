/* SPDX-License-Identifier: Apache-2.0
 *
 * crypto: OpenSSL's primitives behind our own types. The only room that includes openssl/evp.h.
 *
 * Algorithms are fetched once per process and shared; contexts are per call or per thread. OpenSSL's error queue is
 * drained and translated here and never escapes.
 *
 * Does not check: that a key is used for one purpose only, nor that a nonce is used once (aead); callers own both.
 */
#ifndef SP_CRYPTO_H
#define SP_CRYPTO_H

#include "base/base.h"
#include "sealpost/crypto.h"

/* Refuses an OpenSSL below 3.0.22 (or a 3.5 without the August 2026 fixes): SP_ERR_UNSUPPORTED. Call once at start. */
SP_MUST_USE enum sp_err sp_crypto_init(void);

/* -- hash, MAC, KDF ------------------------------------------------------------------------------------------- */

#define SP_HASH_MAX 64u
struct sp_hash { /* an output of any of the hashes; public */
	size_t n;
	uint8_t b[SP_HASH_MAX];
};
static inline struct sp_bytes sp_hash_bytes(const struct sp_hash *h)
{
	return (struct sp_bytes){h->b, h->n};
}
size_t sp_hash_size(enum sp_hash_alg alg);
SP_MUST_USE enum sp_err sp_hash_of(struct sp_hash *out, enum sp_hash_alg alg, struct sp_bytes in);
SP_MUST_USE enum sp_err sp_sha256(struct sp_hash32 *out, struct sp_bytes in);
/* Several parts as one input. */
SP_MUST_USE enum sp_err sp_hash_parts(struct sp_hash *out, enum sp_hash_alg alg, const struct sp_bytes *parts, size_t n);

struct sp_hasher; /* streaming */
SP_MUST_USE enum sp_err sp_hasher_new(struct sp_hasher **out, enum sp_hash_alg alg);
SP_MUST_USE enum sp_err sp_hasher_update(struct sp_hasher *h, struct sp_bytes in);
SP_MUST_USE enum sp_err sp_hasher_final(struct sp_hasher *h, struct sp_hash *out); /* ready for the next message */
void sp_hasher_free(struct sp_hasher **h);

SP_MUST_USE enum sp_err sp_hmac(struct sp_secret *out, enum sp_hash_alg alg, struct sp_bytes key, struct sp_bytes in);
/* RFC 5869. Salt and ikm may be empty. */
SP_MUST_USE enum sp_err sp_hkdf_extract(struct sp_secret *out, enum sp_hash_alg alg, struct sp_bytes salt, struct sp_bytes ikm);
SP_MUST_USE enum sp_err sp_hkdf_expand(uint8_t *out, size_t n, enum sp_hash_alg alg, struct sp_bytes prk, struct sp_bytes info);

/* -- AEAD ----------------------------------------------------------------------------------------------------- */

#define SP_AEAD_NONCE 12u
#define SP_AEAD_TAG 16u
size_t sp_aead_key_size(enum sp_aead alg);
/* Appends ciphertext and 16-byte tag to out. key must have the algorithm's size, nonce 12 bytes. */
SP_MUST_USE enum sp_err sp_aead_seal(struct sp_buf *out, enum sp_aead alg, struct sp_bytes key, const uint8_t nonce[12],
				     struct sp_bytes aad, struct sp_bytes plain);
/* Appends the plaintext; SP_ERR_DECRYPT and nothing appended when the tag is wrong. */
SP_MUST_USE enum sp_err sp_aead_open(struct sp_buf *out, enum sp_aead alg, struct sp_bytes key, const uint8_t nonce[12],
				     struct sp_bytes aad, struct sp_bytes sealed);

/* -- KEM keys and HPKE (RFC 9180, base mode) ------------------------------------------------------------------- */

#define SP_KEM_PUBLIC_MAX 133u
struct sp_kem_public { /* SerializePublicKey's form: uncompressed point or raw; public */
	size_t n;
	uint8_t b[SP_KEM_PUBLIC_MAX];
};
static inline struct sp_bytes sp_kem_public_bytes(const struct sp_kem_public *k)
{
	return (struct sp_bytes){k->b, k->n};
}
size_t sp_kem_public_size(enum sp_kem kem);
size_t sp_kem_private_size(enum sp_kem kem);
SP_MUST_USE enum sp_err sp_kem_generate(enum sp_kem kem, const struct sp_rng *rng, struct sp_secret *out_priv,
					struct sp_kem_public *out_pub);
/* DeriveKeyPair, RFC 9180 section 7.1.3 */
SP_MUST_USE enum sp_err sp_kem_derive(enum sp_kem kem, struct sp_bytes ikm, struct sp_secret *out_priv, struct sp_kem_public *out_pub);
/* The public key of a private one; range-checks the scalar. Here and wherever a private key is taken, a NIST scalar may
 * lack leading zero octets (other implementations write P-521 keys so); what we make has the full length. */
SP_MUST_USE enum sp_err sp_kem_public_of(enum sp_kem kem, struct sp_bytes priv, struct sp_kem_public *out_pub);
/* Exact length, 0x04 form, on the curve, not infinity; X25519/X448: exact length (small order fails at use). */
SP_MUST_USE enum sp_err sp_kem_public_check(enum sp_kem kem, struct sp_bytes pub);

struct sp_hpke_suite {
	enum sp_kem kem;
	enum sp_kdf kdf;
	enum sp_aead aead;
};
/* SealBase: appends kem_output to out_enc and the ciphertext to out_ct. rng gives the ephemeral key's ikm. */
SP_MUST_USE enum sp_err sp_hpke_seal(struct sp_buf *out_enc, struct sp_buf *out_ct, const struct sp_hpke_suite *suite,
				     const struct sp_rng *rng, struct sp_bytes recipient, struct sp_bytes info, struct sp_bytes aad,
				     struct sp_bytes plain);
/* Sealing to many under one info: what HPKE makes of info is the same for every recipient and is computed once here. (A
 * Welcome seals to N members under an info that grows with N.) */
struct sp_hpke_info {
	size_t n;
	uint8_t context[1 + 2 * SP_HASH_MAX]; /* key_schedule_context */
};
SP_MUST_USE enum sp_err sp_hpke_info_prepare(struct sp_hpke_info *out, const struct sp_hpke_suite *suite, struct sp_bytes info);
SP_MUST_USE enum sp_err sp_hpke_seal_prepared(struct sp_buf *out_enc, struct sp_buf *out_ct, const struct sp_hpke_suite *suite,
					      const struct sp_rng *rng, struct sp_bytes recipient, const struct sp_hpke_info *info,
					      struct sp_bytes aad, struct sp_bytes plain);
SP_MUST_USE enum sp_err sp_hpke_open(struct sp_buf *out, const struct sp_hpke_suite *suite, struct sp_bytes enc,
				     struct sp_bytes recipient_priv, struct sp_bytes recipient_pub, struct sp_bytes info,
				     struct sp_bytes aad, struct sp_bytes sealed);
/* SendExportBase / ReceiveExportBase (RFC 9180 section 6.2), used by MLS external commits. */
SP_MUST_USE enum sp_err sp_hpke_send_export(struct sp_buf *out_enc, uint8_t *out, size_t n, const struct sp_hpke_suite *suite,
					    const struct sp_rng *rng, struct sp_bytes recipient, struct sp_bytes info,
					    struct sp_bytes context);
SP_MUST_USE enum sp_err sp_hpke_receive_export(uint8_t *out, size_t n, const struct sp_hpke_suite *suite, struct sp_bytes enc,
					       struct sp_bytes recipient_priv, struct sp_bytes recipient_pub, struct sp_bytes info,
					       struct sp_bytes context);

/* -- signatures ----------------------------------------------------------------------------------------------- */

/* A decoded public key, kept so that each verification costs the primitive only (peers pay 3 times that for decoding
 * it anew). Immutable once made; safe to share between threads. */
struct sp_verify_key;
size_t sp_sig_public_size(enum sp_sig alg); /* 0 for a value that is not in the enum */
SP_MUST_USE enum sp_err sp_verify_key_new(struct sp_verify_key **out, enum sp_sig alg, struct sp_bytes public_key);
void sp_verify_key_free(struct sp_verify_key **key);
/* SP_ERR_SIGNATURE when it does not verify. ECDSA signatures must be DER in canonical form. */
SP_MUST_USE enum sp_err sp_verify(const struct sp_verify_key *key, struct sp_bytes message, struct sp_bytes signature);
SP_MUST_USE enum sp_err sp_sign(const struct sp_signer *signer, struct sp_buf *out, struct sp_bytes message);

/* SignWithLabel / VerifyWithLabel, RFC 9420 section 5.1.2: SignContent { "MLS 1.0 " + label, content }. The one
 * labelled signature of the whole product: device lists, receipts and invitations use labels of their own
 * (docs/protocol.md, "Labels"), so that no signature can be taken for another. */
SP_MUST_USE enum sp_err sp_sign_with_label(const struct sp_signer *signer, struct sp_buf *out, struct sp_bytes label,
					   struct sp_bytes content);
SP_MUST_USE enum sp_err sp_verify_with_label(const struct sp_verify_key *key, struct sp_bytes label, struct sp_bytes content,
					     struct sp_bytes signature);

/* -- random ---------------------------------------------------------------------------------------------------- */

SP_MUST_USE enum sp_err sp_rng_fill(const struct sp_rng *rng, uint8_t *out, size_t n);
/* A deterministic generator for vectors, fuzzing and the simulator: AES-256-CTR over a seed. Never in a product path. */
struct sp_rng_seeded {
	uint8_t key[32];
	uint64_t counter;
};
struct sp_rng sp_rng_seeded(struct sp_rng_seeded *state, struct sp_bytes seed);

#endif
