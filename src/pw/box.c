/* SPDX-License-Identifier: Apache-2.0
 *
 * The sealed key box. Its whole head is authenticated, so that neither price nor salt can be exchanged.
 *
 *   struct {
 *       uint16 format = 1;
 *       opaque salt[16];
 *       uint32 passes;
 *       uint32 memory_kib;
 *       opaque nonce[12];
 *       opaque sealed[48];     AES-256-GCM(Argon2id(passphrase, salt), nonce, aad = "Sealpost key box 1" || head, key[32])
 *   } KeyBox;
 */
#include "pw/pw.h"

#include <sodium.h>

#include "codec/codec.h"
#include "crypto/crypto.h"

#define FORMAT 1
#define SALT 16u
#define SEALED (SP_PW_KEY + SP_AEAD_TAG)
#define AAD_MAX 64u

_Static_assert(SALT == crypto_pwhash_SALTBYTES, "the format's salt is Argon2id's in libsodium");

struct box {
	struct sp_pw_params params;
	uint8_t salt[SALT];
	uint8_t nonce[SP_AEAD_NONCE];
};

struct sp_pw_params sp_pw_params_default(void)
{
	return (struct sp_pw_params){3, 64u << 10};
}

struct sp_pw_params sp_pw_params_light(void)
{
	return (struct sp_pw_params){1, SP_PW_MEMORY_KIB_MIN};
}

enum sp_err sp_pw_passphrase_check(struct sp_bytes passphrase)
{
	if (passphrase.n < SP_PW_LENGTH_MIN)
		return SP_ERR_INVALID;
	return passphrase.n > SP_PW_LENGTH_MAX ? SP_ERR_TOO_LONG : SP_OK;
}

static enum sp_err params_check(const struct sp_pw_params *p)
{
	if (p->passes < 1 || p->passes > SP_PW_PASSES_MAX)
		return SP_ERR_INVALID;
	return p->memory_kib < SP_PW_MEMORY_KIB_MIN || p->memory_kib > SP_PW_MEMORY_KIB_MAX ? SP_ERR_INVALID : SP_OK;
}

static void head_write(struct sp_writer *w, const struct box *b)
{
	sp_write_u16(w, FORMAT);
	sp_write_fixed(w, SP_BYTES_OF(b->salt));
	sp_write_u32(w, b->params.passes);
	sp_write_u32(w, b->params.memory_kib);
	sp_write_fixed(w, SP_BYTES_OF(b->nonce));
}

static enum sp_err box_read(struct box *out, struct sp_bytes *sealed, struct sp_bytes in)
{
	struct sp_reader r = sp_reader_of(in);
	uint16_t format;
	SP_TRY(sp_read_u16(&r, &format));
	if (format != FORMAT)
		return format > FORMAT ? SP_ERR_FORMAT_NEWER : SP_ERR_INVALID;
	SP_TRY(sp_read_into(&r, out->salt, sizeof out->salt));
	SP_TRY(sp_read_u32(&r, &out->params.passes));
	SP_TRY(sp_read_u32(&r, &out->params.memory_kib));
	SP_TRY(sp_read_into(&r, out->nonce, sizeof out->nonce));
	SP_TRY(sp_read_fixed(&r, sealed, SEALED));
	SP_TRY(sp_reader_finish(&r));
	return params_check(&out->params);
}

/* Argon2id into guarded memory; the caller frees it. */
static enum sp_err stretch(uint8_t **out, const struct box *b, struct sp_bytes passphrase)
{
	*out = NULL;
	if (sodium_init() < 0)
		return SP_ERR_CRYPTO;
	uint8_t *key = sodium_malloc(SP_PW_KEY);
	if (!key)
		return SP_ERR_NOMEM;
	if (crypto_pwhash(key, SP_PW_KEY, (const char *)passphrase.p, passphrase.n, b->salt, b->params.passes,
			  (size_t)b->params.memory_kib << 10, crypto_pwhash_ALG_ARGON2ID13) != 0) {
		sodium_free(key); /* it wipes */
		return SP_ERR_NOMEM;
	}
	*out = key;
	return SP_OK;
}

static enum sp_err aad_of(struct sp_buf *out, const struct box *b)
{
	struct sp_writer w = sp_writer_on(out);
	sp_write_fixed(&w, SP_BYTES_LIT("Sealpost key box 1"));
	head_write(&w, b);
	return sp_writer_finish(&w);
}

static enum sp_err seal_with(struct sp_buf *out, const struct box *b, const uint8_t *kek, struct sp_bytes aad, struct sp_bytes key)
{
	struct sp_writer w = sp_writer_on(out);
	size_t start = out->n;
	head_write(&w, b);
	SP_TRY(sp_writer_finish(&w));
	enum sp_err e = sp_aead_seal(out, SP_AEAD_AES256GCM, (struct sp_bytes){kek, SP_PW_KEY}, b->nonce, aad, key);
	if (e != SP_OK)
		out->n = start; /* the head alone is nothing; it holds no secret */
	return e;
}

static enum sp_err seal_arguments_check(struct sp_bytes passphrase, struct sp_bytes key, const struct sp_pw_params *params)
{
	if (key.n != SP_PW_KEY || params_check(params) != SP_OK)
		return SP_ERR_USAGE;
	return sp_pw_passphrase_check(passphrase);
}

static enum sp_err box_new(struct box *out, const struct sp_pw_params *params, const struct sp_rng *rng)
{
	*out = (struct box){.params = *params};
	SP_TRY(sp_rng_fill(rng, out->salt, sizeof out->salt));
	return sp_rng_fill(rng, out->nonce, sizeof out->nonce);
}

enum sp_err sp_pw_box_seal(struct sp_buf *out, struct sp_bytes passphrase, struct sp_bytes key, const struct sp_pw_params *params,
			   const struct sp_rng *rng)
{
	struct box b;
	struct sp_buf aad;
	uint8_t *kek = NULL;
	sp_buf_init(&aad, AAD_MAX);
	enum sp_err e = seal_arguments_check(passphrase, key, params);
	if (e == SP_OK)
		e = box_new(&b, params, rng);
	if (e == SP_OK)
		e = aad_of(&aad, &b);
	if (e == SP_OK)
		e = stretch(&kek, &b, passphrase);
	if (e == SP_OK)
		e = seal_with(out, &b, kek, sp_buf_bytes(&aad), key);
	sodium_free(kek);
	sp_buf_clear(&aad);
	return e;
}

static enum sp_err open_with(struct sp_buf *out, const struct box *b, const uint8_t *kek, struct sp_bytes aad, struct sp_bytes sealed)
{
	enum sp_err e = sp_aead_open(out, SP_AEAD_AES256GCM, (struct sp_bytes){kek, SP_PW_KEY}, b->nonce, aad, sealed);
	return e == SP_ERR_DECRYPT ? SP_ERR_PASSPHRASE : e;
}

enum sp_err sp_pw_box_open(struct sp_secret *out_key, struct sp_bytes passphrase, struct sp_bytes box)
{
	struct box b;
	struct sp_bytes sealed;
	struct sp_buf aad, key;
	uint8_t *kek = NULL;
	sp_secret_clear(out_key);
	sp_buf_init(&aad, AAD_MAX);
	sp_buf_init(&key, SP_PW_KEY);
	enum sp_err e = box_read(&b, &sealed, box);
	if (e == SP_OK && sp_pw_passphrase_check(passphrase) != SP_OK)
		e = SP_ERR_PASSPHRASE; /* no box was ever sealed with it */
	if (e == SP_OK)
		e = aad_of(&aad, &b);
	if (e == SP_OK)
		e = stretch(&kek, &b, passphrase);
	if (e == SP_OK)
		e = open_with(&key, &b, kek, sp_buf_bytes(&aad), sealed);
	if (e == SP_OK)
		e = sp_secret_set(out_key, sp_buf_bytes(&key));
	sodium_free(kek);
	sp_buf_clear(&key);
	sp_buf_clear(&aad);
	return e;
}
