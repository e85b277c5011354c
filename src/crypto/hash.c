/* SPDX-License-Identifier: Apache-2.0
 *
 * SHA-2 (FIPS 180-4): one-shot, in parts, streaming. Contexts are per call: nothing of an input stays behind.
 */
#include "crypto/crypto_priv.h"

const EVP_MD *sp__md(enum sp_hash_alg alg)
{
	const struct sp__algs *a = sp__algs();
	if (!a || alg < SP_HASH_SHA256 || alg > SP_HASH_SHA512)
		return NULL;
	return a->md[alg];
}

size_t sp_hash_size(enum sp_hash_alg alg)
{
	switch (alg) {
	case SP_HASH_SHA256:
		return 32;
	case SP_HASH_SHA384:
		return 48;
	case SP_HASH_SHA512:
		return 64;
	}
	return 0;
}

static enum sp_err digest_parts(EVP_MD_CTX *ctx, const EVP_MD *md, const struct sp_bytes *parts, size_t n, struct sp_hash *out)
{
	unsigned size = 0;
	if (!ctx || !EVP_DigestInit_ex2(ctx, md, NULL))
		return SP_ERR_CRYPTO;
	for (size_t i = 0; i < n; i++)
		if (parts[i].n != 0 && !EVP_DigestUpdate(ctx, parts[i].p, parts[i].n))
			return SP_ERR_CRYPTO;
	if (!EVP_DigestFinal_ex(ctx, out->b, &size))
		return SP_ERR_CRYPTO;
	out->n = size;
	return SP_OK;
}

enum sp_err sp_hash_parts(struct sp_hash *out, enum sp_hash_alg alg, const struct sp_bytes *parts, size_t n)
{
	const EVP_MD *md = sp__md(alg);
	*out = (struct sp_hash){0};
	if (!md)
		return SP_ERR_UNSUPPORTED;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	enum sp_err e = digest_parts(ctx, md, parts, n, out);
	if (e != SP_OK) {
		*out = (struct sp_hash){0};
		e = sp__crypto_fail(e);
	}
	EVP_MD_CTX_free(ctx);
	return e;
}

enum sp_err sp_hash_of(struct sp_hash *out, enum sp_hash_alg alg, struct sp_bytes in)
{
	return sp_hash_parts(out, alg, &in, 1);
}

enum sp_err sp_sha256(struct sp_hash32 *out, struct sp_bytes in)
{
	struct sp_hash h;
	*out = (struct sp_hash32){0};
	SP_TRY(sp_hash_parts(&h, SP_HASH_SHA256, &in, 1));
	sp_copy(out->b, h.b, sizeof out->b);
	return SP_OK;
}

struct sp_hasher {
	EVP_MD_CTX *ctx;
	const EVP_MD *md;
};

enum sp_err sp_hasher_new(struct sp_hasher **out, enum sp_hash_alg alg)
{
	const EVP_MD *md = sp__md(alg);
	*out = NULL;
	if (!md)
		return SP_ERR_UNSUPPORTED;
	struct sp_hasher *h = sp_alloc(sizeof *h);
	if (!h)
		return SP_ERR_NOMEM;
	*h = (struct sp_hasher){EVP_MD_CTX_new(), md};
	if (!h->ctx || !EVP_DigestInit_ex2(h->ctx, md, NULL)) {
		sp_hasher_free(&h);
		return sp__crypto_fail(SP_ERR_CRYPTO);
	}
	*out = h;
	return SP_OK;
}

enum sp_err sp_hasher_update(struct sp_hasher *h, struct sp_bytes in)
{
	if (in.n == 0 || EVP_DigestUpdate(h->ctx, in.p, in.n))
		return SP_OK;
	return sp__crypto_fail(SP_ERR_CRYPTO);
}

enum sp_err sp_hasher_final(struct sp_hasher *h, struct sp_hash *out)
{
	unsigned size = 0;
	*out = (struct sp_hash){0};
	if (!EVP_DigestFinal_ex(h->ctx, out->b, &size) || !EVP_DigestInit_ex2(h->ctx, h->md, NULL)) {
		*out = (struct sp_hash){0};
		return sp__crypto_fail(SP_ERR_CRYPTO);
	}
	out->n = size;
	return SP_OK;
}

void sp_hasher_free(struct sp_hasher **h)
{
	if (!*h)
		return;
	EVP_MD_CTX_free((*h)->ctx);
	sp_free(*h);
	*h = NULL;
}
