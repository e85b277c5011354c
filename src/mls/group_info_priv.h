/* SPDX-License-Identifier: Apache-2.0
 *
 * GroupInfo and Welcome: RFC 9420 sections 12.4.3 and 12.4.3.1. Decoded forms borrow.
 */
#ifndef SP_MLS_GROUP_INFO_PRIV_H
#define SP_MLS_GROUP_INFO_PRIV_H

#include "mls/transition_priv.h"

struct sp_mls_group_info {
	struct sp_mls_context context;
	struct sp_bytes extensions; /* content */
	struct sp_bytes confirmation_tag;
	uint32_t signer;
	struct sp_bytes to_sign;
	struct sp_bytes signature;
};
/* A bare GroupInfo, the whole input. */
SP_MUST_USE enum sp_err sp__mls_group_info_read(struct sp_mls_group_info *out, struct sp_bytes in, struct sp_diag *diag);
SP_MUST_USE enum sp_err sp__mls_group_info_verify(const struct sp_mls_view *view, const struct sp_mls_group_info *info, struct sp_diag *diag);

struct sp_mls_group_info_make {
	const struct sp_mls_view *view; /* of the epoch described */
	uint32_t signer;
	struct sp_mls_extensions extensions;
	const struct sp_secret *external; /* adds external_pub */
	bool with_tree;
	bool grease;
};
/* Appends a bare GroupInfo. */
SP_MUST_USE enum sp_err sp__mls_group_info_make(const struct sp_mls_env *env, struct sp_buf *out, const struct sp_mls_group_info_make *make);
/* Appends it as MLSMessage. */
SP_MUST_USE enum sp_err sp__mls_group_info_message(const struct sp_mls_env *env, struct sp_buf *out, const struct sp_mls_group_info_make *make);

/* -- Welcome, welcome.c ------------------------------------------------------------------------------------------------ */

struct sp_mls_welcome {
	uint16_t suite;
	struct sp_bytes secrets; /* content of EncryptedGroupSecrets secrets<V> */
	struct sp_bytes encrypted_group_info;
};
SP_MUST_USE enum sp_err sp__mls_welcome_read(struct sp_mls_welcome *out, struct sp_bytes message, struct sp_diag *diag);
/* The next entry of `secrets`. */
SP_MUST_USE enum sp_err sp__mls_welcome_next(struct sp_reader *secrets, struct sp_bytes *out_ref, struct sp_mls_hpke_ciphertext *out);

/* One new member. */
struct sp_mls_welcome_to {
	const struct sp_mls_key_package *kp;
	const struct sp_secret *path_secret; /* or NULL */
};
struct sp_mls_welcome_make {
	const struct sp_mls_suite *suite;
	const struct sp_secret *joiner_secret;
	const struct sp_secret *member_secret;
	const struct sp_mls_psk *psks;
	size_t n_psks;
	struct sp_bytes group_info; /* bare */
	const struct sp_mls_welcome_to *to;
	size_t n_to;
};
/* Appends the MLSMessage. */
SP_MUST_USE enum sp_err sp__mls_welcome_make(const struct sp_mls_env *env, struct sp_buf *out, const struct sp_mls_welcome_make *make);

/* GroupSecrets, borrowed */
struct sp_mls_group_secrets {
	struct sp_bytes joiner_secret;
	bool has_path_secret;
	struct sp_bytes path_secret;
	struct sp_bytes psks; /* content of PreSharedKeyID psks<V> */
	size_t n_psks;
};
SP_MUST_USE enum sp_err sp__mls_group_secrets_read(struct sp_mls_group_secrets *out, struct sp_bytes in);

#endif
