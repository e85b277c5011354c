/* SPDX-License-Identifier: Apache-2.0
 *
 * The labelled functions: sections 5.1.3 (EncryptWithLabel), 5.2 (RefHash), 8 (ExpandWithLabel, DeriveSecret) and
 * 9.1 (DeriveTreeSecret). Each puts "MLS 1.0 " before its label, so that no key or ciphertext of one use serves another.
 */
#include "mls/labels_priv.h"

#include "base/limits.h"

#define PREFIX SP_BYTES_LIT("MLS 1.0 ")

/* opaque label<V>; opaque context<V>; as KDFLabel and EncryptContext have it */
static void write_label_and_context(struct sp_writer *w, const char *label, struct sp_bytes context)
{
	size_t mark = sp_write_open(w);
	sp_write_fixed(w, PREFIX);
	sp_write_fixed(w, sp_bytes_str(label));
	sp_write_close(w, mark);
	sp_write_vec(w, context);
}

/* struct {
 *     uint16 length;
 *     opaque label<V>;
 *     opaque context<V>;
 * } KDFLabel; */
static enum sp_err write_kdf_label(struct sp_buf *out, size_t n, const char *label, struct sp_bytes context)
{
	struct sp_writer w = sp_writer_on(out);
	sp_write_u16(&w, (uint16_t)n);
	write_label_and_context(&w, label, context);
	return sp_writer_finish(&w);
}

enum sp_err sp__mls_expand_with_label(uint8_t *out, size_t n, const struct sp_mls_suite *suite, struct sp_bytes secret, const char *label,
				      struct sp_bytes context)
{
	struct sp_buf info;
	sp_wipe(out, n);
	if (n > UINT16_MAX)
		return SP_ERR_USAGE;
	sp_buf_init(&info, SP_LIMIT_MLS_VECTOR);
	enum sp_err e = write_kdf_label(&info, n, label, context);
	if (e == SP_OK)
		e = sp_hkdf_expand(out, n, suite->hash, secret, sp_buf_bytes(&info));
	sp_buf_clear(&info);
	return e;
}

enum sp_err sp__mls_expand_secret(struct sp_secret *out, size_t n, const struct sp_mls_suite *suite, const struct sp_secret *secret,
				  const char *label, struct sp_bytes context)
{
	struct sp_secret made = {.n = n}; /* out may be secret itself */
	if (n > sizeof made.b)
		return SP_ERR_USAGE;
	enum sp_err e = sp__mls_expand_with_label(made.b, n, suite, sp_secret_bytes(secret), label, context);
	sp_secret_clear(out);
	if (e == SP_OK)
		*out = made;
	sp_secret_clear(&made);
	return e;
}

enum sp_err sp__mls_derive_secret(struct sp_secret *out, const struct sp_mls_suite *suite, const struct sp_secret *secret, const char *label)
{
	return sp__mls_expand_secret(out, suite->nh, suite, secret, label, SP_BYTES_NONE);
}

enum sp_err sp__mls_derive_tree_secret(struct sp_secret *out, size_t n, const struct sp_mls_suite *suite, const struct sp_secret *secret,
				       const char *label, uint32_t generation)
{
	const uint8_t context[4] = {(uint8_t)(generation >> 24), (uint8_t)(generation >> 16), (uint8_t)(generation >> 8), (uint8_t)generation};
	return sp__mls_expand_secret(out, n, suite, secret, label, SP_BYTES_OF(context));
}

/* struct {
 *     opaque label<V>;
 *     opaque value<V>;
 * } RefHashInput; */
enum sp_err sp__mls_ref_hash(struct sp_hash *out, const struct sp_mls_suite *suite, const char *label, struct sp_bytes value)
{
	struct sp_buf in;
	sp_buf_init(&in, SP_LIMIT_MLS_VECTOR);
	*out = (struct sp_hash){0};
	struct sp_writer w = sp_writer_on(&in);
	sp_write_vec(&w, sp_bytes_str(label));
	sp_write_vec(&w, value);
	enum sp_err e = sp_writer_finish(&w);
	if (e == SP_OK)
		e = sp_hash_of(out, suite->hash, sp_buf_bytes(&in));
	sp_buf_clear(&in);
	return e;
}

static enum sp_err write_encrypt_context(struct sp_buf *out, const char *label, struct sp_bytes context)
{
	struct sp_writer w = sp_writer_on(out);
	write_label_and_context(&w, label, context);
	return sp_writer_finish(&w);
}

enum sp_err sp__mls_encrypt_prepare(struct sp_hpke_info *out, const struct sp_mls_suite *suite, const char *label, struct sp_bytes context)
{
	struct sp_buf info;
	sp_buf_init(&info, SP_LIMIT_MLS_VECTOR);
	*out = (struct sp_hpke_info){0};
	enum sp_err e = write_encrypt_context(&info, label, context);
	if (e == SP_OK)
		e = sp_hpke_info_prepare(out, &suite->hpke, sp_buf_bytes(&info));
	sp_buf_clear(&info);
	return e;
}

enum sp_err sp__mls_encrypt_with_label(struct sp_buf *out_enc, struct sp_buf *out_ct, const struct sp_mls_suite *suite, const struct sp_rng *rng,
				       struct sp_bytes pub, const char *label, struct sp_bytes context, struct sp_bytes plain)
{
	struct sp_hpke_info info;
	SP_TRY(sp__mls_encrypt_prepare(&info, suite, label, context));
	return sp_hpke_seal_prepared(out_enc, out_ct, &suite->hpke, rng, pub, &info, SP_BYTES_NONE, plain);
}

enum sp_err sp__mls_decrypt_with_key(struct sp_buf *out, const struct sp_mls_suite *suite, const struct sp_mls_key_pair *key, const char *label,
				     struct sp_bytes context, const struct sp_mls_hpke_ciphertext *in)
{
	struct sp_buf info;
	sp_buf_init(&info, SP_LIMIT_MLS_VECTOR);
	enum sp_err e = write_encrypt_context(&info, label, context);
	if (e == SP_OK)
		e = sp_hpke_open(out, &suite->hpke, in->kem_output, key->priv, key->pub, sp_buf_bytes(&info), SP_BYTES_NONE, in->ciphertext);
	sp_buf_clear(&info);
	return e;
}

enum sp_err sp__mls_decrypt_with_label(struct sp_buf *out, const struct sp_mls_suite *suite, struct sp_bytes priv, const char *label,
				       struct sp_bytes context, const struct sp_mls_hpke_ciphertext *in)
{
	struct sp_kem_public pub;
	SP_TRY(sp_kem_public_of(suite->hpke.kem, priv, &pub));
	return sp__mls_decrypt_with_key(out, suite, &(struct sp_mls_key_pair){priv, sp_kem_public_bytes(&pub)}, label, context, in);
}

enum sp_err sp__mls_hpke_ciphertext_read(struct sp_reader *r, struct sp_mls_hpke_ciphertext *out)
{
	*out = (struct sp_mls_hpke_ciphertext){0};
	SP_TRY(sp_read_vec(r, &out->kem_output, SP_LIMIT_MLS_VECTOR));
	return sp_read_vec(r, &out->ciphertext, SP_LIMIT_MLS_VECTOR);
}
