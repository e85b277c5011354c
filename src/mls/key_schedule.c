/* SPDX-License-Identifier: Apache-2.0
 *
 * The key schedule of an epoch, exporters, external initialisation: RFC 9420 sections 8, 8.3 and 8.5.
 */
#include "mls/key_schedule_priv.h"

#include "base/limits.h"

void sp__mls_epoch_secrets_clear(struct sp_mls_epoch_secrets *s)
{
#define X(name, label) sp_secret_clear(&s->name);
	SP_MLS_EPOCH_SECRETS(X)
#undef X
}

struct sp_secret sp__mls_zero_secret(const struct sp_mls_suite *suite)
{
	return (struct sp_secret){.n = suite->nh};
}

enum sp_err sp__mls_joiner_secret(struct sp_secret *out, const struct sp_mls_suite *suite, const struct sp_secret *init, const struct sp_secret *commit,
				  struct sp_bytes group_context)
{
	struct sp_secret extracted = {0};
	enum sp_err e = sp_hkdf_extract(&extracted, suite->hash, sp_secret_bytes(init), sp_secret_bytes(commit));
	if (e == SP_OK)
		e = sp__mls_expand_secret(out, suite->nh, suite, &extracted, "joiner", group_context);
	sp_secret_clear(&extracted);
	return e;
}

enum sp_err sp__mls_member_secret(struct sp_secret *out, const struct sp_mls_suite *suite, const struct sp_secret *joiner, const struct sp_secret *psk_secret)
{
	return sp_hkdf_extract(out, suite->hash, sp_secret_bytes(joiner), sp_secret_bytes(psk_secret));
}

enum sp_err sp__mls_epoch_secret(struct sp_secret *out, const struct sp_mls_suite *suite, const struct sp_secret *member_secret, struct sp_bytes group_context)
{
	return sp__mls_expand_secret(out, suite->nh, suite, member_secret, "epoch", group_context);
}

static enum sp_err derive_all(struct sp_mls_epoch_secrets *out, struct sp_secret *out_encryption, const struct sp_mls_suite *suite,
			      const struct sp_secret *epoch_secret)
{
#define X(name, label) SP_TRY(sp__mls_derive_secret(&out->name, suite, epoch_secret, label));
	SP_MLS_EPOCH_SECRETS(X)
#undef X
	return sp__mls_derive_secret(out_encryption, suite, epoch_secret, "encryption");
}

enum sp_err sp__mls_epoch_derive(struct sp_mls_epoch_secrets *out, struct sp_secret *out_encryption, const struct sp_mls_suite *suite,
				 const struct sp_secret *epoch_secret)
{
	enum sp_err e = derive_all(out, out_encryption, suite, epoch_secret);
	if (e == SP_OK)
		return SP_OK;
	sp__mls_epoch_secrets_clear(out);
	sp_secret_clear(out_encryption);
	return e;
}

enum sp_err sp__mls_welcome_key(struct sp_mls_message_key *out, const struct sp_mls_suite *suite, const struct sp_secret *member_secret)
{
	struct sp_secret welcome = {0};
	enum sp_err e = sp__mls_derive_secret(&welcome, suite, member_secret, "welcome");
	if (e == SP_OK)
		e = sp__mls_expand_secret(&out->key, suite->nk, suite, &welcome, "key", SP_BYTES_NONE);
	if (e == SP_OK)
		e = sp__mls_expand_with_label(out->nonce, sizeof out->nonce, suite, sp_secret_bytes(&welcome), "nonce", SP_BYTES_NONE);
	sp_secret_clear(&welcome);
	return e;
}

enum sp_err sp__mls_exporter(uint8_t *out, size_t n, const struct sp_mls_suite *suite, const struct sp_secret *exporter, const char *label,
			     struct sp_bytes context)
{
	struct sp_secret derived = {0};
	struct sp_hash hash;
	enum sp_err e = sp_hash_of(&hash, suite->hash, context);
	if (e == SP_OK)
		e = sp__mls_derive_secret(&derived, suite, exporter, label);
	if (e == SP_OK)
		e = sp__mls_expand_with_label(out, n, suite, sp_secret_bytes(&derived), "exported", sp_hash_bytes(&hash));
	sp_secret_clear(&derived);
	return e;
}

/* -- external initialisation (section 8.3) ------------------------------------------------------------------------------ */

static const char external_init_label[] = "MLS 1.0 external init secret";

enum sp_err sp__mls_external_key(struct sp_secret *out_priv, struct sp_kem_public *out_pub, const struct sp_mls_suite *suite, const struct sp_secret *external)
{
	return sp_kem_derive(suite->hpke.kem, sp_secret_bytes(external), out_priv, out_pub);
}

enum sp_err sp__mls_external_init_send(struct sp_secret *out_init, struct sp_buf *out_kem_output, const struct sp_mls_suite *suite, const struct sp_rng *rng,
				       struct sp_bytes external_pub)
{
	out_init->n = suite->nh;
	enum sp_err e = sp_hpke_send_export(out_kem_output, out_init->b, suite->nh, &suite->hpke, rng, external_pub, SP_BYTES_NONE,
					    sp_bytes_str(external_init_label));
	if (e != SP_OK)
		sp_secret_clear(out_init);
	return e;
}

static enum sp_err receive(struct sp_secret *out_init, struct sp_secret *priv, const struct sp_mls_suite *suite, const struct sp_secret *external,
			   struct sp_bytes kem_output)
{
	struct sp_kem_public pub;
	SP_TRY(sp__mls_external_key(priv, &pub, suite, external));
	out_init->n = suite->nh;
	return sp_hpke_receive_export(out_init->b, suite->nh, &suite->hpke, kem_output, sp_secret_bytes(priv), sp_kem_public_bytes(&pub), SP_BYTES_NONE,
				      sp_bytes_str(external_init_label));
}

enum sp_err sp__mls_external_init_receive(struct sp_secret *out_init, const struct sp_mls_suite *suite, const struct sp_secret *external,
					  struct sp_bytes kem_output)
{
	struct sp_secret priv = {0};
	enum sp_err e = receive(out_init, &priv, suite, external, kem_output);
	sp_secret_clear(&priv);
	if (e != SP_OK)
		sp_secret_clear(out_init);
	return e;
}
