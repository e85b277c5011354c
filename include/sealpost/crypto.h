/* SPDX-License-Identifier: Apache-2.0
 *
 * What an embedder must know of the cryptography: algorithm names, the signer, the system's random source.
 * Everything runs on OpenSSL 3 (3.0.22 or later).
 */
#ifndef SEALPOST_CRYPTO_H
#define SEALPOST_CRYPTO_H

#include "sealpost/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Values are those of RFC 9180 section 7 and RFC 8446 section 4.2.3 where one exists. */
enum sp_hash_alg { SP_HASH_SHA256 = 1, SP_HASH_SHA384 = 2, SP_HASH_SHA512 = 3 };
enum sp_kem { SP_KEM_P256 = 0x0010, SP_KEM_P384 = 0x0011, SP_KEM_P521 = 0x0012, SP_KEM_X25519 = 0x0020, SP_KEM_X448 = 0x0021 };
enum sp_kdf { SP_KDF_HKDF_SHA256 = 1, SP_KDF_HKDF_SHA384 = 2, SP_KDF_HKDF_SHA512 = 3 };
enum sp_aead { SP_AEAD_AES128GCM = 1, SP_AEAD_AES256GCM = 2, SP_AEAD_CHACHA20POLY1305 = 3 };
enum sp_sig {
	SP_SIG_ECDSA_P256_SHA256 = 0x0403,
	SP_SIG_ECDSA_P384_SHA384 = 0x0503,
	SP_SIG_ECDSA_P521_SHA512 = 0x0603,
	SP_SIG_ED25519 = 0x0807,
	SP_SIG_ED448 = 0x0808
};

/* Signs with a key that may live anywhere: in this process, in an agent, on a token. This is the library's one seam
 * for keys. `sign` receives the whole message (not a digest) and appends the signature to `out` in the encoding of
 * RFC 9420 section 5.1.1 (ECDSA: DER Ecdsa-Sig-Value; EdDSA: raw). It must be safe to call again after a failure.
 * `public_key` is SignaturePublicKey's content: uncompressed point for ECDSA, raw for EdDSA. */
struct sp_signer {
	enum sp_sig alg;
	struct sp_bytes public_key;
	enum sp_err (*sign)(void *ctx, struct sp_buf *out, struct sp_bytes message);
	void *ctx;
};

/* A signing key in this process's memory. */
struct sp_sign_key;
SP_API SP_MUST_USE enum sp_err sp_sign_key_generate(struct sp_sign_key **out, enum sp_sig alg);
/* Private scalar (ECDSA, big-endian, at most field length) or seed (EdDSA); the public key is computed. */
SP_API SP_MUST_USE enum sp_err sp_sign_key_from_private(struct sp_sign_key **out, enum sp_sig alg, struct sp_bytes priv);
/* PKCS#8 DER, unencrypted. */
SP_API SP_MUST_USE enum sp_err sp_sign_key_from_pkcs8(struct sp_sign_key **out, struct sp_bytes der);
/* Appends PKCS#8 DER; the caller wipes it. */
SP_API SP_MUST_USE enum sp_err sp_sign_key_to_pkcs8(const struct sp_sign_key *key, struct sp_buf *out);
/* The signer borrows the key and is valid as long as it. */
SP_API struct sp_signer sp_sign_key_signer(struct sp_sign_key *key);
SP_API void sp_sign_key_free(struct sp_sign_key **key);

/* The operating system's generator through OpenSSL. */
SP_API struct sp_rng sp_rng_system(void);

#ifdef __cplusplus
}
#endif
#endif
