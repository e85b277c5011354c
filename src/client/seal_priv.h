/* SPDX-License-Identifier: Apache-2.0
 *
 * How a profile's records are made meaningless to who has the disk alone (ATTACKS N10, D01).
 *
 * Every value is AES-256-GCM under a key of its space, with a random nonce, and the space and key as associated data, so
 * that no record can stand in another's place. Every name in a key is an HMAC. All come from the profile key by HKDF.
 *
 * Does not check: that a whole profile is not an older one (the server's reqno tells that, sync.c).
 */
#ifndef SP_CLIENT_SEAL_PRIV_H
#define SP_CLIENT_SEAL_PRIV_H

#include "client/records.h"
#include "crypto/crypto.h"

#define SP__SEAL_NAME 16u /* bytes of an HMAC that stand for a name */
#define SP__SEAL_KEY_MAX (2 * SP__SEAL_NAME)
#define SP__SEAL_OVERHEAD (SP_AEAD_NONCE + SP_AEAD_TAG)

struct sp__seal {
	struct sp_secret profile; /* the profile key */
};
struct sp__record_key {
	uint8_t space;
	uint8_t b[SP__SEAL_KEY_MAX];
	size_t n;
};
static inline struct sp_bytes sp__record_key_bytes(const struct sp__record_key *key)
{
	return (struct sp_bytes){key->b, key->n};
}

/* A key from one name, from two (the first alone is a prefix of it), or from a number that keeps its order. */
SP_MUST_USE enum sp_err sp__seal_key(const struct sp__seal *seal, struct sp__record_key *out, enum sp_client_space space, struct sp_bytes name);
SP_MUST_USE enum sp_err sp__seal_key_pair(const struct sp__seal *seal, struct sp__record_key *out, enum sp_client_space space, struct sp_bytes first,
					  struct sp_bytes second);
/* HMAC of the name, then the number in order: rows of one owner in their order. */
SP_MUST_USE enum sp_err sp__seal_key_row(const struct sp__seal *seal, struct sp__record_key *out, enum sp_client_space space, struct sp_bytes owner,
					 uint64_t number);
struct sp__record_key sp__seal_key_number(enum sp_client_space space, uint64_t number);

/* Appends nonce, ciphertext, tag. */
SP_MUST_USE enum sp_err sp__seal_value(const struct sp__seal *seal, struct sp_buf *out, const struct sp__record_key *key, struct sp_bytes plain);
/* SP_ERR_CORRUPT when it was not sealed by this profile under this key. */
SP_MUST_USE enum sp_err sp__seal_open(const struct sp__seal *seal, struct sp_buf *out, uint8_t space, struct sp_bytes key, struct sp_bytes sealed);

#endif
