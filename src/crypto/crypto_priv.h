/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside crypto: the algorithms fetched once for the process, and the end of OpenSSL's error queue.
 */
#ifndef SP_CRYPTO_PRIV_H
#define SP_CRYPTO_PRIV_H

#include <openssl/ec.h>
#include <openssl/evp.h>

#include "crypto/crypto.h"

#define SP__HASH_BLOCK_MAX 128u

/* Immutable once fetched, shared by all threads, never freed. */
struct sp__algs {
	EVP_MD *md[4];         /* by enum sp_hash_alg */
	EVP_CIPHER *aead[4];   /* by enum sp_aead */
	EVP_CIPHER *aes256ctr; /* the seeded generator */
	EC_GROUP *p256, *p384, *p521;
	EVP_PKEY *p256_params, *p384_params, *p521_params; /* keys without a point, to be copied: a group takes 16 us to make */
};
/* NULL when the library cannot give them all: SP_ERR_CRYPTO. */
const struct sp__algs *sp__algs(void);

/* NULL for a value that is not in the enum. */
const EVP_MD *sp__md(enum sp_hash_alg alg);

/* Ends a failed call into OpenSSL: drains its error queue, gives SP_ERR_NOMEM where that was the reason, else e. */
enum sp_err sp__crypto_fail(enum sp_err e);

/* SP_ERR_UNSUPPORTED below the versions that hold the fixes we rely on. */
SP_MUST_USE enum sp_err sp__crypto_version_check(unsigned major, unsigned minor, unsigned patch);

/* HMAC over several parts as one input; out has the hash's size. */
SP_MUST_USE enum sp_err sp__hmac_parts(uint8_t *out, enum sp_hash_alg alg, struct sp_bytes key, const struct sp_bytes *parts, size_t n);
/* HKDF-Expand whose info is given in parts (at most SP__INFO_PARTS). */
#define SP__INFO_PARTS 6u
SP_MUST_USE enum sp_err sp__hkdf_expand_parts(uint8_t *out, size_t n, enum sp_hash_alg alg, struct sp_bytes prk,
					      const struct sp_bytes *info, size_t info_parts);

#endif
