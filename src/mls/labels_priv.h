/* SPDX-License-Identifier: Apache-2.0
 *
 * Cipher suites and the labelled operations of RFC 9420 sections 5.1, 5.2 and 8.
 */
#ifndef SP_MLS_LABELS_PRIV_H
#define SP_MLS_LABELS_PRIV_H

#include "codec/codec.h"
#include "crypto/crypto.h"
#include "sealpost/mls.h"

/* A cipher suite by value: groups keep their own copy, so a caller's table need not outlive a call. */
struct sp_mls_suite {
	uint16_t id;
	struct sp_hpke_suite hpke;
	enum sp_hash_alg hash;
	enum sp_sig sig;
	size_t nh; /* KDF.Nh */
	size_t nk; /* AEAD.Nk; AEAD.Nn is always SP_AEAD_NONCE */
};
/* From the caller's table first, then 1 to 7. SP_ERR_UNSUPPORTED. env may be NULL. */
SP_MUST_USE enum sp_err sp__mls_suite_find(struct sp_mls_suite *out, const struct sp_mls_env *env, uint16_t id);

/* ExpandWithLabel(secret, label, context, n); the "MLS 1.0 " prefix is added here. */
SP_MUST_USE enum sp_err sp__mls_expand_with_label(uint8_t *out, size_t n, const struct sp_mls_suite *suite, struct sp_bytes secret, const char *label,
						  struct sp_bytes context);
/* The same into a secret of n bytes. */
SP_MUST_USE enum sp_err sp__mls_expand_secret(struct sp_secret *out, size_t n, const struct sp_mls_suite *suite, const struct sp_secret *secret,
					      const char *label, struct sp_bytes context);
/* DeriveSecret(secret, label) */
SP_MUST_USE enum sp_err sp__mls_derive_secret(struct sp_secret *out, const struct sp_mls_suite *suite, const struct sp_secret *secret,
					      const char *label);
/* DeriveTreeSecret(secret, label, generation, n), section 9.1 */
SP_MUST_USE enum sp_err sp__mls_derive_tree_secret(struct sp_secret *out, size_t n, const struct sp_mls_suite *suite, const struct sp_secret *secret,
						   const char *label, uint32_t generation);
/* RefHash(label, value), section 5.2; label is given whole, e.g. "MLS 1.0 KeyPackage Reference". */
SP_MUST_USE enum sp_err sp__mls_ref_hash(struct sp_hash *out, const struct sp_mls_suite *suite, const char *label, struct sp_bytes value);
/* EncryptWithLabel / DecryptWithLabel, section 5.1.3. Append. */
SP_MUST_USE enum sp_err sp__mls_encrypt_with_label(struct sp_buf *out_enc, struct sp_buf *out_ct, const struct sp_mls_suite *suite,
						   const struct sp_rng *rng, struct sp_bytes pub, const char *label, struct sp_bytes context,
						   struct sp_bytes plain);
/* EncryptWithLabel to many under one label and context: prepared once, then sp_hpke_seal_prepared for each. */
SP_MUST_USE enum sp_err sp__mls_encrypt_prepare(struct sp_hpke_info *out, const struct sp_mls_suite *suite, const char *label, struct sp_bytes context);
struct sp_mls_hpke_ciphertext { /* borrowed */
	struct sp_bytes kem_output;
	struct sp_bytes ciphertext;
};
SP_MUST_USE enum sp_err sp__mls_decrypt_with_label(struct sp_buf *out, const struct sp_mls_suite *suite, struct sp_bytes priv, const char *label,
						   struct sp_bytes context, const struct sp_mls_hpke_ciphertext *in);
/* The same for who has the public key at hand: deriving it costs a third of the decryption. */
struct sp_mls_key_pair {
	struct sp_bytes priv;
	struct sp_bytes pub;
};
SP_MUST_USE enum sp_err sp__mls_decrypt_with_key(struct sp_buf *out, const struct sp_mls_suite *suite, const struct sp_mls_key_pair *key,
						 const char *label, struct sp_bytes context, const struct sp_mls_hpke_ciphertext *in);
/* struct { opaque kem_output<V>; opaque ciphertext<V>; } HPKECiphertext (section 7.6) */
SP_MUST_USE enum sp_err sp__mls_hpke_ciphertext_read(struct sp_reader *r, struct sp_mls_hpke_ciphertext *out);

#endif
