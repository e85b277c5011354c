/* SPDX-License-Identifier: Apache-2.0
 *
 * Transcript hashes, key schedule, PSK secret, exporter: RFC 9420 sections 8.1 to 8.7.
 */
#ifndef SP_MLS_KEY_SCHEDULE_PRIV_H
#define SP_MLS_KEY_SCHEDULE_PRIV_H

#include "mls/framing_priv.h"

/* What an epoch keeps of its key schedule (Table 4), with the init secret of the next. The encryption secret is not here:
 * it goes into the secret tree at once. One list makes the struct, its encoding and its wiping. */
#define SP_MLS_EPOCH_SECRETS(X)                                                                                                            \
	X(sender_data, "sender data")                                                                                                      \
	X(exporter, "exporter")                                                                                                            \
	X(external, "external")                                                                                                            \
	X(confirmation, "confirm")                                                                                                         \
	X(membership, "membership")                                                                                                        \
	X(resumption, "resumption")                                                                                                        \
	X(authenticator, "authentication")                                                                                                 \
	X(init, "init")
struct sp_mls_epoch_secrets {
#define X(name, label) struct sp_secret name;
	SP_MLS_EPOCH_SECRETS(X)
#undef X
};
void sp__mls_epoch_secrets_clear(struct sp_mls_epoch_secrets *s);

/* joiner_secret from init_secret[n-1], commit_secret and GroupContext[n]. */
SP_MUST_USE enum sp_err sp__mls_joiner_secret(struct sp_secret *out, const struct sp_mls_suite *suite, const struct sp_secret *init,
					      const struct sp_secret *commit, struct sp_bytes group_context);
/* Extract(joiner, psk): what welcome_secret and epoch_secret are derived from. */
SP_MUST_USE enum sp_err sp__mls_member_secret(struct sp_secret *out, const struct sp_mls_suite *suite, const struct sp_secret *joiner,
					      const struct sp_secret *psk_secret);
SP_MUST_USE enum sp_err sp__mls_epoch_secret(struct sp_secret *out, const struct sp_mls_suite *suite, const struct sp_secret *member_secret,
					     struct sp_bytes group_context);
/* Everything that an epoch derives from its epoch_secret. */
SP_MUST_USE enum sp_err sp__mls_epoch_derive(struct sp_mls_epoch_secrets *out, struct sp_secret *out_encryption, const struct sp_mls_suite *suite,
					     const struct sp_secret *epoch_secret);
/* welcome_key and welcome_nonce (section 12.4.3.1) */
SP_MUST_USE enum sp_err sp__mls_welcome_key(struct sp_mls_message_key *out, const struct sp_mls_suite *suite, const struct sp_secret *member_secret);
/* all-zero secret of length Nh */
struct sp_secret sp__mls_zero_secret(const struct sp_mls_suite *suite);
SP_MUST_USE enum sp_err sp__mls_exporter(uint8_t *out, size_t n, const struct sp_mls_suite *suite, const struct sp_secret *exporter, const char *label,
					 struct sp_bytes context);
/* external_priv, external_pub (section 8) */
SP_MUST_USE enum sp_err sp__mls_external_key(struct sp_secret *out_priv, struct sp_kem_public *out_pub, const struct sp_mls_suite *suite,
					     const struct sp_secret *external);
/* Section 8.3: the init secret an external joiner sends, and its reception. */
SP_MUST_USE enum sp_err sp__mls_external_init_send(struct sp_secret *out_init, struct sp_buf *out_kem_output, const struct sp_mls_suite *suite,
						   const struct sp_rng *rng, struct sp_bytes external_pub);
SP_MUST_USE enum sp_err sp__mls_external_init_receive(struct sp_secret *out_init, const struct sp_mls_suite *suite, const struct sp_secret *external,
						      struct sp_bytes kem_output);

/* -- transcript (section 8.2), transcript.c ------------------------------------------------------------------------- */

SP_MUST_USE enum sp_err sp__mls_confirmed_hash(struct sp_hash *out, const struct sp_mls_suite *suite, struct sp_bytes interim_before,
					       const struct sp_mls_auth_content *commit);
SP_MUST_USE enum sp_err sp__mls_interim_hash(struct sp_hash *out, const struct sp_mls_suite *suite, struct sp_bytes confirmed,
					     struct sp_bytes confirmation_tag);
SP_MUST_USE enum sp_err sp__mls_confirmation_tag(struct sp_secret *out, const struct sp_mls_suite *suite, const struct sp_secret *confirmation_key,
						 struct sp_bytes confirmed);

/* -- PSKs (section 8.4), psk.c ---------------------------------------------------------------------------------------- */

struct sp_mls_psk {
	struct sp_mls_psk_id id;
	struct sp_buf secret;
};
SP_MUST_USE enum sp_err sp__mls_psk_secret(struct sp_secret *out, const struct sp_mls_suite *suite, const struct sp_mls_psk *psks, size_t n);

#endif
