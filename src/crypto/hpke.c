/* SPDX-License-Identifier: Apache-2.0
 *
 * HPKE base mode (RFC 9180 sections 4, 5.1, 5.2, 5.3, 6): one message or one export for each encapsulation, as MLS uses it.
 */
#include "crypto/kem_priv.h"

#define MODE_BASE 0x00
static const char version_label[] = "HPKE-v1";

static void put_id(struct sp__labeled *l, unsigned id)
{
	l->suite_id[l->suite_n++] = (uint8_t)(id >> 8);
	l->suite_id[l->suite_n++] = (uint8_t)id;
}

struct sp__labeled sp__labeled_kem(const struct sp__kem_info *k)
{
	struct sp__labeled l = {k->hash, "KEM", 3};
	put_id(&l, k->kem);
	return l;
}

static struct sp__labeled suite_labeled(enum sp_hash_alg hash, const struct sp_hpke_suite *s)
{
	struct sp__labeled l = {hash, "HPKE", 4};
	put_id(&l, s->kem);
	put_id(&l, s->kdf);
	put_id(&l, s->aead);
	return l;
}

enum sp_err sp__labeled_extract(struct sp_secret *out, const struct sp__labeled *l, struct sp_bytes salt, const char *label,
				struct sp_bytes ikm)
{
	const struct sp_bytes parts[] = {sp_bytes_str(version_label), {l->suite_id, l->suite_n}, sp_bytes_str(label), ikm};
	struct sp_secret prk = {sp_hash_size(l->hash), {0}}; /* out may hold salt or ikm */
	enum sp_err e = sp__hmac_parts(prk.b, l->hash, salt, parts, SP_ARRAY_LEN(parts));
	sp_secret_clear(out);
	if (e == SP_OK)
		e = sp_secret_set(out, sp_secret_bytes(&prk));
	sp_secret_clear(&prk);
	return e;
}

enum sp_err sp__labeled_expand(uint8_t *out, size_t n, const struct sp__labeled *l, const struct sp_secret *prk, const char *label,
			       struct sp_bytes info)
{
	const uint8_t length[2] = {(uint8_t)(n >> 8), (uint8_t)n};
	const struct sp_bytes parts[] = {
		SP_BYTES_OF(length), sp_bytes_str(version_label), {l->suite_id, l->suite_n}, sp_bytes_str(label), info};
	return sp__hkdf_expand_parts(out, n, l->hash, sp_secret_bytes(prk), parts, SP_ARRAY_LEN(parts));
}

/* The suite once resolved, and the secrets of one key schedule. */
struct hpke {
	const struct sp__kem_info *kem;
	struct sp__labeled labeled;
	enum sp_aead aead;
	struct sp_secret shared, secret, key, exporter;
	uint8_t base_nonce[SP_AEAD_NONCE];
};

static void hpke_clear(struct hpke *h)
{
	sp_wipe(h, sizeof *h);
}

/* 0 for a value that is not in the enum. */
static enum sp_hash_alg hash_of_kdf(enum sp_kdf kdf)
{
	switch (kdf) {
	case SP_KDF_HKDF_SHA256:
		return SP_HASH_SHA256;
	case SP_KDF_HKDF_SHA384:
		return SP_HASH_SHA384;
	case SP_KDF_HKDF_SHA512:
		return SP_HASH_SHA512;
	}
	return 0;
}

static enum sp_err hpke_init(struct hpke *h, const struct sp_hpke_suite *s)
{
	enum sp_hash_alg hash = hash_of_kdf(s->kdf);
	*h = (struct hpke){.kem = sp__kem_info(s->kem), .labeled = suite_labeled(hash, s), .aead = s->aead};
	return h->kem && sp_hash_size(hash) != 0 && sp_aead_key_size(s->aead) != 0 ? SP_OK : SP_ERR_UNSUPPORTED;
}

/* key_schedule_context = mode || LabeledExtract("", "psk_id_hash", "") || LabeledExtract("", "info_hash", info) */
static enum sp_err schedule_context(const struct hpke *h, struct sp_bytes info, struct sp_hpke_info *out)
{
	struct sp_secret hash;
	size_t size = sp_hash_size(h->labeled.hash);
	*out = (struct sp_hpke_info){0};
	out->context[0] = MODE_BASE;
	SP_TRY(sp__labeled_extract(&hash, &h->labeled, SP_BYTES_NONE, "psk_id_hash", SP_BYTES_NONE));
	sp_copy(out->context + 1, hash.b, size);
	SP_TRY(sp__labeled_extract(&hash, &h->labeled, SP_BYTES_NONE, "info_hash", info));
	sp_copy(out->context + 1 + size, hash.b, size);
	out->n = 1 + 2 * size;
	return SP_OK;
}

enum sp_err sp_hpke_info_prepare(struct sp_hpke_info *out, const struct sp_hpke_suite *suite, struct sp_bytes info)
{
	struct hpke h;
	enum sp_err e = hpke_init(&h, suite);
	*out = (struct sp_hpke_info){0};
	if (e == SP_OK)
		e = schedule_context(&h, info, out);
	hpke_clear(&h);
	return e;
}

/* KeySchedule(mode_base, shared_secret, info, "", ""): h->secret first, then what the caller asks for of it. */
enum schedule_for { FOR_AEAD, FOR_EXPORT };

static enum sp_err key_schedule(struct hpke *h, const struct sp_hpke_info *info, enum schedule_for purpose)
{
	struct sp_bytes context = {info->context, info->n};
	const struct sp__labeled *l = &h->labeled;
	SP_TRY(sp__labeled_extract(&h->secret, l, sp_secret_bytes(&h->shared), "secret", SP_BYTES_NONE));
	if (purpose == FOR_EXPORT) {
		h->exporter.n = sp_hash_size(l->hash);
		return sp__labeled_expand(h->exporter.b, h->exporter.n, l, &h->secret, "exp", context);
	}
	h->key.n = sp_aead_key_size(h->aead);
	SP_TRY(sp__labeled_expand(h->key.b, h->key.n, l, &h->secret, "key", context));
	return sp__labeled_expand(h->base_nonce, sizeof h->base_nonce, l, &h->secret, "base_nonce", context);
}

/* Sequence number 0: the nonce is base_nonce itself. */
static enum sp_err send(struct hpke *h, const struct sp_rng *rng, struct sp_bytes recipient, const struct sp_hpke_info *info,
			enum schedule_for purpose, struct sp_kem_public *out_enc)
{
	SP_TRY(sp__kem_encap(h->kem, rng, recipient, out_enc, &h->shared));
	return key_schedule(h, info, purpose);
}

/* The receiving side, which has one info for each message. */
static enum sp_err receive(struct hpke *h, struct sp_bytes enc, struct sp_bytes priv, struct sp_bytes pub, struct sp_bytes info,
			   enum schedule_for purpose)
{
	struct sp_hpke_info prepared;
	SP_TRY(sp__kem_decap(h->kem, enc, priv, pub, &h->shared));
	SP_TRY(schedule_context(h, info, &prepared));
	return key_schedule(h, &prepared, purpose);
}

static enum sp_err append_both(struct sp_buf *out_a, struct sp_bytes a, struct sp_buf *out_b, struct sp_bytes b)
{
	size_t start = out_a->n;
	SP_TRY(sp_buf_append(out_a, a));
	enum sp_err e = sp_buf_append(out_b, b);
	if (e != SP_OK)
		out_a->n = start;
	return e;
}

enum sp_err sp_hpke_seal(struct sp_buf *out_enc, struct sp_buf *out_ct, const struct sp_hpke_suite *suite, const struct sp_rng *rng,
			 struct sp_bytes recipient, struct sp_bytes info, struct sp_bytes aad, struct sp_bytes plain)
{
	struct sp_hpke_info prepared;
	SP_TRY(sp_hpke_info_prepare(&prepared, suite, info));
	return sp_hpke_seal_prepared(out_enc, out_ct, suite, rng, recipient, &prepared, aad, plain);
}

enum sp_err sp_hpke_seal_prepared(struct sp_buf *out_enc, struct sp_buf *out_ct, const struct sp_hpke_suite *suite,
				  const struct sp_rng *rng, struct sp_bytes recipient, const struct sp_hpke_info *info, struct sp_bytes aad,
				  struct sp_bytes plain)
{
	struct hpke h;
	struct sp_kem_public enc = {0};
	struct sp_buf ct;
	size_t max;
	if (sp_size_add(&max, plain.n, SP_AEAD_TAG) != SP_OK)
		return SP_ERR_TOO_LONG;
	sp_buf_init(&ct, max);
	enum sp_err e = hpke_init(&h, suite);
	if (e == SP_OK)
		e = send(&h, rng, recipient, info, FOR_AEAD, &enc);
	if (e == SP_OK)
		e = sp_aead_seal(&ct, h.aead, sp_secret_bytes(&h.key), h.base_nonce, aad, plain);
	if (e == SP_OK)
		e = append_both(out_enc, sp_kem_public_bytes(&enc), out_ct, sp_buf_bytes(&ct));
	sp_buf_clear(&ct);
	hpke_clear(&h);
	return e;
}

enum sp_err sp_hpke_open(struct sp_buf *out, const struct sp_hpke_suite *suite, struct sp_bytes enc, struct sp_bytes recipient_priv,
			 struct sp_bytes recipient_pub, struct sp_bytes info, struct sp_bytes aad, struct sp_bytes sealed)
{
	struct hpke h;
	enum sp_err e = hpke_init(&h, suite);
	if (e == SP_OK)
		e = receive(&h, enc, recipient_priv, recipient_pub, info, FOR_AEAD);
	if (e == SP_OK)
		e = sp_aead_open(out, h.aead, sp_secret_bytes(&h.key), h.base_nonce, aad, sealed);
	hpke_clear(&h);
	return e;
}

/* Context.Export: LabeledExpand(exporter_secret, "sec", exporter_context, L) */
static enum sp_err export_of(const struct hpke *h, uint8_t *out, size_t n, struct sp_bytes context)
{
	return sp__labeled_expand(out, n, &h->labeled, &h->exporter, "sec", context);
}

enum sp_err sp_hpke_send_export(struct sp_buf *out_enc, uint8_t *out, size_t n, const struct sp_hpke_suite *suite, const struct sp_rng *rng,
				struct sp_bytes recipient, struct sp_bytes info, struct sp_bytes context)
{
	struct hpke h;
	struct sp_kem_public enc = {0};
	struct sp_hpke_info prepared;
	enum sp_err e = hpke_init(&h, suite);
	if (e == SP_OK)
		e = schedule_context(&h, info, &prepared);
	if (e == SP_OK)
		e = send(&h, rng, recipient, &prepared, FOR_EXPORT, &enc);
	if (e == SP_OK)
		e = export_of(&h, out, n, context);
	if (e == SP_OK)
		e = sp_buf_append(out_enc, sp_kem_public_bytes(&enc));
	if (e != SP_OK)
		sp_wipe(out, n);
	hpke_clear(&h);
	return e;
}

enum sp_err sp_hpke_receive_export(uint8_t *out, size_t n, const struct sp_hpke_suite *suite, struct sp_bytes enc,
				   struct sp_bytes recipient_priv, struct sp_bytes recipient_pub, struct sp_bytes info,
				   struct sp_bytes context)
{
	struct hpke h;
	enum sp_err e = hpke_init(&h, suite);
	if (e == SP_OK)
		e = receive(&h, enc, recipient_priv, recipient_pub, info, FOR_EXPORT);
	if (e == SP_OK)
		e = export_of(&h, out, n, context);
	if (e != SP_OK)
		sp_wipe(out, n);
	hpke_clear(&h);
	return e;
}
