/* SPDX-License-Identifier: Apache-2.0
 *
 * AEAD (RFC 5116): AES-GCM and ChaCha20-Poly1305 with 12-byte nonces and whole 16-byte tags. No plaintext is given
 * out before its tag was checked.
 */
#include "crypto/crypto_priv.h"

#include <limits.h>

size_t sp_aead_key_size(enum sp_aead alg)
{
	switch (alg) {
	case SP_AEAD_AES128GCM:
		return 16;
	case SP_AEAD_AES256GCM:
	case SP_AEAD_CHACHA20POLY1305:
		return 32;
	}
	return 0;
}

struct aead_call {
	const EVP_CIPHER *cipher;
	const uint8_t *key, *nonce;
	struct sp_bytes aad, in; /* in: without the tag */
	uint8_t *out;
	uint8_t tag[SP_AEAD_TAG];
};

static enum sp_err call_init(struct aead_call *c, enum sp_aead alg, struct sp_bytes key, struct sp_bytes aad, struct sp_bytes in)
{
	const struct sp__algs *algs = sp__algs();
	size_t key_size = sp_aead_key_size(alg);
	if (!algs || key_size == 0)
		return algs ? SP_ERR_UNSUPPORTED : SP_ERR_CRYPTO;
	if (key.n != key_size)
		return SP_ERR_USAGE;
	if (in.n > INT_MAX || aad.n > INT_MAX) /* OpenSSL counts in int */
		return SP_ERR_TOO_LONG;
	c->cipher = algs->aead[alg];
	c->key = key.p;
	c->aad = aad;
	c->in = in;
	return SP_OK;
}

static enum sp_err run_seal(EVP_CIPHER_CTX *ctx, struct aead_call *c)
{
	int n = 0;
	if (!ctx || !EVP_EncryptInit_ex2(ctx, c->cipher, c->key, c->nonce, NULL))
		return SP_ERR_CRYPTO;
	if (c->aad.n && !EVP_EncryptUpdate(ctx, NULL, &n, c->aad.p, (int)c->aad.n))
		return SP_ERR_CRYPTO;
	if (c->in.n && !EVP_EncryptUpdate(ctx, c->out, &n, c->in.p, (int)c->in.n))
		return SP_ERR_CRYPTO;
	if (!EVP_EncryptFinal_ex(ctx, c->out + c->in.n, &n) || !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, SP_AEAD_TAG, c->tag))
		return SP_ERR_CRYPTO;
	sp_copy(c->out + c->in.n, c->tag, SP_AEAD_TAG);
	return SP_OK;
}

/* A wrong tag is known at Final only: until then c->out holds what an attacker chose. */
static enum sp_err run_open(EVP_CIPHER_CTX *ctx, struct aead_call *c)
{
	int n = 0;
	if (!ctx || !EVP_DecryptInit_ex2(ctx, c->cipher, c->key, c->nonce, NULL))
		return SP_ERR_CRYPTO;
	if (!EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, SP_AEAD_TAG, c->tag))
		return SP_ERR_CRYPTO;
	if (c->aad.n && !EVP_DecryptUpdate(ctx, NULL, &n, c->aad.p, (int)c->aad.n))
		return SP_ERR_CRYPTO;
	if (c->in.n && !EVP_DecryptUpdate(ctx, c->out, &n, c->in.p, (int)c->in.n))
		return SP_ERR_DECRYPT;
	return EVP_DecryptFinal_ex(ctx, c->out + c->in.n, &n) > 0 ? SP_OK : SP_ERR_DECRYPT;
}

/* Takes back what was appended after start. */
static void shrink(struct sp_buf *b, size_t start)
{
	sp_wipe(b->p + start, b->n - start);
	b->n = start;
}

static enum sp_err run(struct sp_buf *out, size_t grow, struct aead_call *c, enum sp_err (*direction)(EVP_CIPHER_CTX *, struct aead_call *))
{
	size_t start = out->n;
	enum sp_err e = sp_buf_extend(out, grow, &c->out);
	if (e != SP_OK)
		return e;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	e = direction(ctx, c);
	if (e != SP_OK) {
		shrink(out, start);
		e = sp__crypto_fail(e);
	}
	EVP_CIPHER_CTX_free(ctx);
	return e;
}

enum sp_err sp_aead_seal(struct sp_buf *out, enum sp_aead alg, struct sp_bytes key, const uint8_t nonce[12], struct sp_bytes aad,
			 struct sp_bytes plain)
{
	struct aead_call c = {.nonce = nonce};
	SP_TRY(call_init(&c, alg, key, aad, plain));
	return run(out, plain.n + SP_AEAD_TAG, &c, run_seal);
}

enum sp_err sp_aead_open(struct sp_buf *out, enum sp_aead alg, struct sp_bytes key, const uint8_t nonce[12], struct sp_bytes aad,
			 struct sp_bytes sealed)
{
	struct aead_call c = {.nonce = nonce};
	if (sealed.n < SP_AEAD_TAG)
		return SP_ERR_DECRYPT;
	size_t n = sealed.n - SP_AEAD_TAG;
	SP_TRY(call_init(&c, alg, key, aad, (struct sp_bytes){sealed.p, n}));
	sp_copy(c.tag, sealed.p + n, SP_AEAD_TAG);
	return run(out, n, &c, run_open);
}
