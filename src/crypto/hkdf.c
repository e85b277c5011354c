/* SPDX-License-Identifier: Apache-2.0
 *
 * HMAC (RFC 2104) and HKDF (RFC 5869) over the fetched hashes. Written out because it is both shorter and faster than
 * feeding parameters to EVP_MAC and EVP_KDF (1.0 against 2.5 microseconds a call), and MLS derives keys by the dozen.
 */
#include "crypto/crypto_priv.h"

/* H(pad || parts), one of HMAC's two passes. */
static enum sp_err pass(EVP_MD_CTX *ctx, const EVP_MD *md, struct sp_bytes pad, const struct sp_bytes *parts, size_t n, uint8_t *out)
{
	if (!EVP_DigestInit_ex2(ctx, md, NULL) || !EVP_DigestUpdate(ctx, pad.p, pad.n))
		return SP_ERR_CRYPTO;
	for (size_t i = 0; i < n; i++)
		if (parts[i].n != 0 && !EVP_DigestUpdate(ctx, parts[i].p, parts[i].n))
			return SP_ERR_CRYPTO;
	return EVP_DigestFinal_ex(ctx, out, NULL) ? SP_OK : SP_ERR_CRYPTO;
}

static size_t block_size(enum sp_hash_alg alg)
{
	return alg == SP_HASH_SHA256 ? 64 : 128;
}

/* The key as one block: hashed when longer, zero-padded when shorter. */
static enum sp_err key_block(uint8_t block[SP__HASH_BLOCK_MAX], enum sp_hash_alg alg, struct sp_bytes key)
{
	struct sp_hash h;
	if (key.n <= block_size(alg)) {
		sp_copy(block, key.p, key.n);
		return SP_OK;
	}
	SP_TRY(sp_hash_of(&h, alg, key));
	sp_copy(block, h.b, h.n);
	sp_wipe(&h, sizeof h);
	return SP_OK;
}

static void xor_block(uint8_t *block, size_t n, uint8_t v)
{
	for (size_t i = 0; i < n; i++)
		block[i] ^= v;
}

static enum sp_err two_passes(EVP_MD_CTX *ctx, uint8_t *block, uint8_t *out, enum sp_hash_alg alg, const struct sp_bytes *parts, size_t n)
{
	const EVP_MD *md = sp__md(alg);
	struct sp_bytes pad = {block, block_size(alg)}, inner = {out, sp_hash_size(alg)};
	if (!ctx || !md)
		return SP_ERR_CRYPTO;
	xor_block(block, pad.n, 0x36);
	SP_TRY(pass(ctx, md, pad, parts, n, out));
	xor_block(block, pad.n, 0x36 ^ 0x5c);
	return pass(ctx, md, pad, &inner, 1, out);
}

enum sp_err sp__hmac_parts(uint8_t *out, enum sp_hash_alg alg, struct sp_bytes key, const struct sp_bytes *parts, size_t n)
{
	uint8_t block[SP__HASH_BLOCK_MAX] = {0};
	uint8_t mac[SP_HASH_MAX]; /* out may be one of the parts */
	if (sp_hash_size(alg) == 0)
		return SP_ERR_UNSUPPORTED;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	enum sp_err e = key_block(block, alg, key);
	if (e == SP_OK)
		e = two_passes(ctx, block, mac, alg, parts, n);
	if (e == SP_OK)
		sp_copy(out, mac, sp_hash_size(alg));
	else
		e = sp__crypto_fail(e);
	EVP_MD_CTX_free(ctx); /* wipes its state */
	sp_wipe(block, sizeof block);
	sp_wipe(mac, sizeof mac);
	return e;
}

enum sp_err sp_hmac(struct sp_secret *out, enum sp_hash_alg alg, struct sp_bytes key, struct sp_bytes in)
{
	struct sp_secret mac = {sp_hash_size(alg), {0}}; /* out may hold the key */
	enum sp_err e = sp__hmac_parts(mac.b, alg, key, &in, 1);
	sp_secret_clear(out);
	if (e == SP_OK)
		e = sp_secret_set(out, sp_secret_bytes(&mac));
	sp_secret_clear(&mac);
	return e;
}

/* An empty salt means HashLen zeros, which HMAC's padding makes of it anyway. */
enum sp_err sp_hkdf_extract(struct sp_secret *out, enum sp_hash_alg alg, struct sp_bytes salt, struct sp_bytes ikm)
{
	return sp_hmac(out, alg, salt, ikm);
}

/* T(i) = HMAC(PRK, T(i-1) || info || i), cut to n bytes; t holds T(i). */
static enum sp_err expand(uint8_t *out, size_t n, uint8_t *t, enum sp_hash_alg alg, struct sp_bytes prk, struct sp_bytes *parts,
			  size_t n_parts)
{
	size_t size = sp_hash_size(alg);
	uint8_t counter = 0;
	parts[n_parts - 1] = (struct sp_bytes){&counter, 1};
	for (size_t done = 0; done < n; done += size) {
		counter++;
		SP_TRY(sp__hmac_parts(t, alg, prk, parts, n_parts));
		sp_copy(out + done, t, SP_MIN(size, n - done));
		parts[0] = (struct sp_bytes){t, size};
	}
	return SP_OK;
}

enum sp_err sp__hkdf_expand_parts(uint8_t *out, size_t n, enum sp_hash_alg alg, struct sp_bytes prk, const struct sp_bytes *info,
				  size_t info_parts)
{
	struct sp_bytes parts[SP__INFO_PARTS + 2] = {{NULL, 0}};
	uint8_t t[SP_HASH_MAX] = {0};
	SP_ASSERT(info_parts <= SP__INFO_PARTS);
	if (n > 255 * sp_hash_size(alg)) /* RFC 5869 section 2.3; also a hash we do not know */
		return SP_ERR_TOO_LONG;
	for (size_t i = 0; i < info_parts; i++)
		parts[i + 1] = info[i];
	enum sp_err e = expand(out, n, t, alg, prk, parts, info_parts + 2);
	if (e != SP_OK)
		sp_wipe(out, n);
	sp_wipe(t, sizeof t);
	return e;
}

enum sp_err sp_hkdf_expand(uint8_t *out, size_t n, enum sp_hash_alg alg, struct sp_bytes prk, struct sp_bytes info)
{
	if (n > 255 * sp_hash_size(alg))
		return SP_ERR_TOO_LONG;
	return sp__hkdf_expand_parts(out, n, alg, prk, &info, 1);
}
