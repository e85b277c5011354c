/* SPDX-License-Identifier: Apache-2.0
 *
 * Randomness: the system's through OpenSSL, and a seeded one for vectors, fuzzing and the simulator.
 */
#include "crypto/crypto_priv.h"

#include <limits.h>
#include <openssl/rand.h>

/* The private DRBG: these bytes become keys. */
static enum sp_err system_fill(void *ctx, uint8_t *out, size_t n)
{
	if (n <= INT_MAX && RAND_priv_bytes(out, (int)n) == 1)
		return SP_OK;
	sp_wipe(out, n);
	return sp__crypto_fail(SP_ERR_RNG);
}

struct sp_rng sp_rng_system(void)
{
	return (struct sp_rng){system_fill, NULL};
}

enum sp_err sp_rng_fill(const struct sp_rng *rng, uint8_t *out, size_t n)
{
	return n == 0 ? SP_OK : rng->fill(rng->ctx, out, n);
}

/* Call i gives the keystream of counter block i || 0, so that calls never overlap. */
static enum sp_err keystream(EVP_CIPHER_CTX *ctx, const struct sp_rng_seeded *s, uint8_t *out, size_t n)
{
	const struct sp__algs *algs = sp__algs();
	uint8_t block[16] = {0};
	int done = 0;
	for (size_t i = 0; i < 8; i++)
		block[i] = (uint8_t)(s->counter >> (56 - 8 * i));
	memset(out, 0, n);
	if (!ctx || !algs || n > INT_MAX || !EVP_EncryptInit_ex2(ctx, algs->aes256ctr, s->key, block, NULL))
		return SP_ERR_RNG;
	return EVP_EncryptUpdate(ctx, out, &done, out, (int)n) && (size_t)done == n ? SP_OK : SP_ERR_RNG;
}

static enum sp_err seeded_fill(void *state, uint8_t *out, size_t n)
{
	struct sp_rng_seeded *s = state;
	if (!s)
		return SP_ERR_RNG; /* its seed could not be hashed */
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	enum sp_err e = keystream(ctx, s, out, n);
	s->counter++;
	EVP_CIPHER_CTX_free(ctx);
	if (e != SP_OK) {
		sp_wipe(out, n);
		e = sp__crypto_fail(e);
	}
	return e;
}

struct sp_rng sp_rng_seeded(struct sp_rng_seeded *state, struct sp_bytes seed)
{
	struct sp_hash32 key;
	enum sp_err e = sp_sha256(&key, seed);
	*state = (struct sp_rng_seeded){0};
	sp_copy(state->key, key.b, sizeof state->key);
	return (struct sp_rng){seeded_fill, e == SP_OK ? state : NULL};
}
