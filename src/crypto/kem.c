/* SPDX-License-Identifier: Apache-2.0
 *
 * DHKEM (RFC 9180 section 4.1) over five groups: keys, DeriveKeyPair (7.1.3), Encap and Decap.
 */
#include "crypto/kem_priv.h"

static const struct sp__kem_info kems[] = {
	{SP_KEM_P256, SP_HASH_SHA256, "P-256", 32, 65, 32, 32, true, 0xff},
	{SP_KEM_P384, SP_HASH_SHA384, "P-384", 48, 97, 48, 48, true, 0xff},
	{SP_KEM_P521, SP_HASH_SHA512, "P-521", 64, 133, 66, 66, true, 0x01},
	{SP_KEM_X25519, SP_HASH_SHA256, "X25519", 32, 32, 32, 32, false, 0},
	{SP_KEM_X448, SP_HASH_SHA512, "X448", 64, 56, 56, 56, false, 0},
};

const struct sp__kem_info *sp__kem_info(enum sp_kem kem)
{
	for (size_t i = 0; i < SP_ARRAY_LEN(kems); i++)
		if (kems[i].kem == kem)
			return &kems[i];
	return NULL;
}

size_t sp_kem_public_size(enum sp_kem kem)
{
	const struct sp__kem_info *k = sp__kem_info(kem);
	return k ? k->n_public : 0;
}

size_t sp_kem_private_size(enum sp_kem kem)
{
	const struct sp__kem_info *k = sp__kem_info(kem);
	return k ? k->n_private : 0;
}

static enum sp_err public_of(const struct sp__kem_info *k, struct sp_bytes priv, struct sp_kem_public *out)
{
	return k->is_nist ? sp__ec_public_of(k, priv, out) : sp__x_public_of(k, priv, out);
}

static enum sp_err dh(const struct sp__kem_info *k, struct sp_bytes priv, struct sp_bytes own_pub, struct sp_bytes peer,
		      struct sp_secret *out)
{
	return k->is_nist ? sp__ec_dh(k, priv, peer, out) : sp__x_dh(k, priv, own_pub, peer, out);
}

enum sp_err sp_kem_public_of(enum sp_kem kem, struct sp_bytes priv, struct sp_kem_public *out_pub)
{
	const struct sp__kem_info *k = sp__kem_info(kem);
	*out_pub = (struct sp_kem_public){0};
	return k ? public_of(k, priv, out_pub) : SP_ERR_UNSUPPORTED;
}

enum sp_err sp_kem_public_check(enum sp_kem kem, struct sp_bytes pub)
{
	const struct sp__kem_info *k = sp__kem_info(kem);
	if (!k)
		return SP_ERR_UNSUPPORTED;
	if (k->is_nist)
		return sp__ec_public_check(k, pub);
	return pub.n == k->n_public ? SP_OK : SP_ERR_INVALID;
}

/* "candidate", counter: until 0 < sk < order. P-256 rejects one in 2^32. */
static enum sp_err derive_scalar(const struct sp__kem_info *k, const struct sp__labeled *l, const struct sp_secret *prk,
				 struct sp_secret *out)
{
	out->n = k->n_private;
	for (unsigned i = 0; i <= 255; i++) {
		uint8_t counter = (uint8_t)i;
		SP_TRY(sp__labeled_expand(out->b, out->n, l, prk, "candidate", (struct sp_bytes){&counter, 1}));
		out->b[0] &= k->mask;
		enum sp_err e = sp__ec_scalar_check(k, sp_secret_bytes(out));
		if (e != SP_ERR_INVALID)
			return e;
	}
	return SP_ERR_CRYPTO; /* DeriveKeyPairError */
}

static enum sp_err derive_private(const struct sp__kem_info *k, struct sp_bytes ikm, struct sp_secret *prk, struct sp_secret *out)
{
	struct sp__labeled l = sp__labeled_kem(k);
	SP_TRY(sp__labeled_extract(prk, &l, SP_BYTES_NONE, "dkp_prk", ikm));
	if (k->is_nist)
		return derive_scalar(k, &l, prk, out);
	out->n = k->n_private;
	return sp__labeled_expand(out->b, out->n, &l, prk, "sk", SP_BYTES_NONE);
}

static enum sp_err derive_pair(const struct sp__kem_info *k, struct sp_bytes ikm, struct sp_secret *out_priv, struct sp_kem_public *out_pub)
{
	struct sp_secret prk = {0};
	enum sp_err e = derive_private(k, ikm, &prk, out_priv);
	if (e == SP_OK)
		e = public_of(k, sp_secret_bytes(out_priv), out_pub);
	if (e != SP_OK)
		sp_secret_clear(out_priv);
	sp_secret_clear(&prk);
	return e;
}

enum sp_err sp_kem_derive(enum sp_kem kem, struct sp_bytes ikm, struct sp_secret *out_priv, struct sp_kem_public *out_pub)
{
	const struct sp__kem_info *k = sp__kem_info(kem);
	*out_pub = (struct sp_kem_public){0};
	sp_secret_clear(out_priv);
	return k ? derive_pair(k, ikm, out_priv, out_pub) : SP_ERR_UNSUPPORTED;
}

static enum sp_err generate_pair(const struct sp__kem_info *k, const struct sp_rng *rng, struct sp_secret *out_priv,
				 struct sp_kem_public *out_pub)
{
	struct sp_secret ikm = {.n = k->n_private};
	enum sp_err e = sp_rng_fill(rng, ikm.b, ikm.n);
	if (e == SP_OK)
		e = derive_pair(k, sp_secret_bytes(&ikm), out_priv, out_pub);
	sp_secret_clear(&ikm);
	return e;
}

enum sp_err sp_kem_generate(enum sp_kem kem, const struct sp_rng *rng, struct sp_secret *out_priv, struct sp_kem_public *out_pub)
{
	const struct sp__kem_info *k = sp__kem_info(kem);
	*out_pub = (struct sp_kem_public){0};
	sp_secret_clear(out_priv);
	return k ? generate_pair(k, rng, out_priv, out_pub) : SP_ERR_UNSUPPORTED;
}

/* ExtractAndExpand(dh, enc || pkRm); dh becomes the shared secret. */
static enum sp_err shared_secret(const struct sp__kem_info *k, struct sp_bytes enc, struct sp_bytes pub, struct sp_secret *prk,
				 struct sp_secret *dh_to_shared)
{
	struct sp__labeled l = sp__labeled_kem(k);
	uint8_t context[2 * SP_KEM_PUBLIC_MAX];
	sp_copy(context, enc.p, enc.n);
	sp_copy(context + enc.n, pub.p, pub.n);
	SP_TRY(sp__labeled_extract(prk, &l, SP_BYTES_NONE, "eae_prk", sp_secret_bytes(dh_to_shared)));
	sp_secret_clear(dh_to_shared);
	dh_to_shared->n = k->n_secret;
	return sp__labeled_expand(dh_to_shared->b, k->n_secret, &l, prk, "shared_secret", (struct sp_bytes){context, enc.n + pub.n});
}

enum sp_err sp__kem_encap(const struct sp__kem_info *k, const struct sp_rng *rng, struct sp_bytes recipient, struct sp_kem_public *out_enc,
			  struct sp_secret *out)
{
	struct sp_secret priv = {0}, prk = {0};
	sp_secret_clear(out);
	enum sp_err e = generate_pair(k, rng, &priv, out_enc);
	if (e == SP_OK)
		e = dh(k, sp_secret_bytes(&priv), sp_kem_public_bytes(out_enc), recipient, out);
	if (e == SP_OK)
		e = shared_secret(k, sp_kem_public_bytes(out_enc), recipient, &prk, out);
	if (e != SP_OK) {
		sp_secret_clear(out);
		*out_enc = (struct sp_kem_public){0};
	}
	sp_secret_clear(&priv);
	sp_secret_clear(&prk);
	return e;
}

enum sp_err sp__kem_decap(const struct sp__kem_info *k, struct sp_bytes enc, struct sp_bytes priv, struct sp_bytes pub,
			  struct sp_secret *out)
{
	struct sp_kem_public computed;
	struct sp_secret prk = {0};
	enum sp_err e = SP_OK;
	sp_secret_clear(out);
	if (pub.n == 0) {
		e = public_of(k, priv, &computed);
		pub = sp_kem_public_bytes(&computed);
	}
	if (e == SP_OK && pub.n != k->n_public)
		e = SP_ERR_USAGE;
	if (e == SP_OK)
		e = dh(k, priv, pub, enc, out);
	if (e == SP_OK)
		e = shared_secret(k, enc, pub, &prk, out);
	if (e != SP_OK)
		sp_secret_clear(out);
	sp_secret_clear(&prk);
	return e;
}
