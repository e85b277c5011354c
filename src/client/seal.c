/* SPDX-License-Identifier: Apache-2.0
 *
 * Sealing of records. NIST SP 800-38D (GCM with random nonces: far below 2^32 writes a key), RFC 5869.
 */
#include "client/seal_priv.h"

#define KEY_SIZE 32u

static enum sp_err derive(const struct sp__seal *seal, uint8_t out[KEY_SIZE], const char *use, uint8_t space)
{
	uint8_t info[64] = {0};
	size_t n = strlen(use);
	SP_ASSERT(n < sizeof info);
	sp_copy(info, use, n);
	info[n] = space;
	return sp_hkdf_expand(out, KEY_SIZE, SP_HASH_SHA256, sp_secret_bytes(&seal->profile), (struct sp_bytes){info, n + 1});
}

/* Appends to the key the first bytes of an HMAC. The space is in the HMAC's key: one name has another in each space. */
static enum sp_err add_name(const struct sp__seal *seal, struct sp__record_key *key, struct sp_bytes name)
{
	uint8_t hmac_key[KEY_SIZE];
	struct sp_secret mac = {0};
	SP_ASSERT(key->n + SP__SEAL_NAME <= sizeof key->b);
	enum sp_err e = derive(seal, hmac_key, "sealpost profile name 1", key->space);
	if (e == SP_OK)
		e = sp_hmac(&mac, SP_HASH_SHA256, SP_BYTES_OF(hmac_key), name);
	if (e == SP_OK) {
		sp_copy(key->b + key->n, mac.b, SP__SEAL_NAME);
		key->n += SP__SEAL_NAME;
	}
	sp_wipe(hmac_key, sizeof hmac_key);
	sp_secret_clear(&mac);
	return e;
}

static void add_number(struct sp__record_key *key, uint64_t number)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		key->b[key->n++] = (uint8_t)(number >> shift);
}

enum sp_err sp__seal_key(const struct sp__seal *seal, struct sp__record_key *out, enum sp_client_space space, struct sp_bytes name)
{
	*out = (struct sp__record_key){.space = (uint8_t)space};
	return add_name(seal, out, name);
}

enum sp_err sp__seal_key_pair(const struct sp__seal *seal, struct sp__record_key *out, enum sp_client_space space, struct sp_bytes first,
			      struct sp_bytes second)
{
	SP_TRY(sp__seal_key(seal, out, space, first));
	return add_name(seal, out, second);
}

enum sp_err sp__seal_key_row(const struct sp__seal *seal, struct sp__record_key *out, enum sp_client_space space, struct sp_bytes owner,
			     uint64_t number)
{
	SP_TRY(sp__seal_key(seal, out, space, owner));
	add_number(out, number);
	return SP_OK;
}

struct sp__record_key sp__seal_key_number(enum sp_client_space space, uint64_t number)
{
	struct sp__record_key key = {.space = (uint8_t)space};
	add_number(&key, number);
	return key;
}

/* struct { uint8 space; opaque key[]; } */
static struct sp_bytes aad_of(uint8_t out[1 + SP__SEAL_KEY_MAX], uint8_t space, struct sp_bytes key)
{
	SP_ASSERT(key.n <= SP__SEAL_KEY_MAX);
	out[0] = space;
	sp_copy(out + 1, key.p, key.n);
	return (struct sp_bytes){out, 1 + key.n};
}

static enum sp_err seal_with(const struct sp__record_key *key, struct sp_buf *out, struct sp_bytes aead_key, struct sp_bytes plain)
{
	uint8_t nonce[SP_AEAD_NONCE], aad[1 + SP__SEAL_KEY_MAX];
	struct sp_rng rng = sp_rng_system();
	SP_TRY(sp_rng_fill(&rng, nonce, sizeof nonce));
	SP_TRY(sp_buf_append(out, SP_BYTES_OF(nonce)));
	return sp_aead_seal(out, SP_AEAD_AES256GCM, aead_key, nonce, aad_of(aad, key->space, sp__record_key_bytes(key)), plain);
}

enum sp_err sp__seal_value(const struct sp__seal *seal, struct sp_buf *out, const struct sp__record_key *key, struct sp_bytes plain)
{
	uint8_t aead_key[KEY_SIZE];
	enum sp_err e = derive(seal, aead_key, "sealpost profile value 1", key->space);
	if (e == SP_OK)
		e = seal_with(key, out, SP_BYTES_OF(aead_key), plain);
	sp_wipe(aead_key, sizeof aead_key);
	return e;
}

enum sp_err sp__seal_open(const struct sp__seal *seal, struct sp_buf *out, uint8_t space, struct sp_bytes key, struct sp_bytes sealed)
{
	uint8_t aead_key[KEY_SIZE], aad[1 + SP__SEAL_KEY_MAX];
	if (key.n > SP__SEAL_KEY_MAX || sealed.n < SP__SEAL_OVERHEAD)
		return SP_ERR_CORRUPT;
	enum sp_err e = derive(seal, aead_key, "sealpost profile value 1", space);
	if (e == SP_OK)
		e = sp_aead_open(out, SP_AEAD_AES256GCM, SP_BYTES_OF(aead_key), sealed.p, aad_of(aad, space, key),
				 (struct sp_bytes){sealed.p + SP_AEAD_NONCE, sealed.n - SP_AEAD_NONCE});
	sp_wipe(aead_key, sizeof aead_key);
	return sp_err_class(e) == SP_CLASS_AUTH ? SP_ERR_CORRUPT : e;
}
