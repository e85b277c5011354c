/* SPDX-License-Identifier: Apache-2.0
 *
 * Extension lists, credentials, LeafNode and KeyPackage: RFC 9420 sections 5.3, 7.2, 7.3, 10 and 13.4.
 * All decoded forms borrow from the bytes they were read from.
 */
#ifndef SP_MLS_LEAF_PRIV_H
#define SP_MLS_LEAF_PRIV_H

#include "mls/env_priv.h"
#include "mls/labels_priv.h"
#include "mls/rules_priv.h"

/* -- Extension extensions<V>: kept encoded (the content of the vector), checked once when read --------------------- */

/* Reads `Extension extensions<V>` and gives its content; no type twice, at most SP_LIMIT_MLS_EXTENSIONS. */
SP_MUST_USE enum sp_err sp__mls_extensions_read(struct sp_reader *r, struct sp_bytes *out_list, struct sp_diag *diag);
void sp__mls_extensions_write(struct sp_writer *w, struct sp_mls_extensions list);
/* Finds a type in such a content. */
bool sp__mls_extension_has(struct sp_bytes list, uint16_t type, struct sp_bytes *out_data);
/* Takes the next one off the front of *list; false at the end. */
bool sp__mls_extension_has_next(struct sp_bytes *list, struct sp_mls_extension *out);

/* uint16 list<V>: code points. Reads give the content of the vector, of even length. */
SP_MUST_USE enum sp_err sp__mls_types_read(struct sp_reader *r, struct sp_bytes *out);
void sp__mls_types_write(struct sp_writer *w, struct sp_mls_types list);
bool sp__mls_types_has(struct sp_bytes list, uint16_t value);
/* Section 7.2: default types are never listed in capabilities and are supported by everybody. */
bool sp__mls_extension_is_default(uint16_t type);
bool sp__mls_proposal_is_default(uint16_t type);
/* Section 11.1; contents of the vectors. All of data is consumed. */
struct sp_mls_required_capabilities {
	struct sp_bytes extensions;
	struct sp_bytes proposals;
	struct sp_bytes credentials;
};
SP_MUST_USE enum sp_err sp__mls_required_capabilities_decode(struct sp_bytes data, struct sp_mls_required_capabilities *out);
/* One of the 15 GREASE values 0x0A0A ... 0xEAEA (section 13.5). */
SP_MUST_USE enum sp_err sp__mls_grease_pick(const struct sp_rng *rng, uint16_t *out);

/* struct { CredentialType credential_type; select ... } Credential */
SP_MUST_USE enum sp_err sp__mls_credential_read(struct sp_reader *r, struct sp_mls_credential *out, struct sp_diag *diag);
void sp__mls_credential_write(struct sp_writer *w, const struct sp_mls_credential *credential);

/* -- LeafNode ------------------------------------------------------------------------------------------------------ */

enum sp_mls_leaf_source { SP_MLS_LEAF_KEY_PACKAGE = 1, SP_MLS_LEAF_UPDATE = 2, SP_MLS_LEAF_COMMIT = 3 };
struct sp_mls_leaf_node {
	struct sp_bytes encoded; /* the whole LeafNode */
	struct sp_bytes encryption_key;
	struct sp_bytes signature_key;
	struct sp_mls_credential credential;
	struct sp_bytes versions, suites, extension_types, proposal_types, credential_types; /* contents of the vectors */
	enum sp_mls_leaf_source source;
	uint64_t not_before, not_after; /* key_package */
	struct sp_bytes parent_hash;    /* commit */
	struct sp_bytes extensions;     /* content */
	struct sp_bytes to_sign;        /* the encoding before `signature` */
	struct sp_bytes signature;
};
SP_MUST_USE enum sp_err sp__mls_leaf_node_read(struct sp_reader *r, struct sp_mls_leaf_node *out, struct sp_diag *diag);
/* The public form. */
struct sp_mls_member sp__mls_leaf_member(const struct sp_mls_leaf_node *leaf, uint32_t index);
/* Does the leaf list a code point (default proposal and extension types count)? */
bool sp__mls_leaf_has_capability(const struct sp_mls_leaf_node *leaf, enum sp_mls_capability what, uint16_t value);

/* Makes and signs a LeafNode. For UPDATE group_id and leaf_index are signed too; the COMMIT source is made by the tree. */
struct sp_mls_leaf_make {
	const struct sp_mls_suite *suite;
	const struct sp_mls_leaf_params *params;   /* NULL: credential, capabilities and extensions of `like` */
	const struct sp_mls_leaf_node *like;
	const struct sp_signer *signer;
	struct sp_bytes encryption_key;
	enum sp_mls_leaf_source source;
	uint64_t not_before, not_after;
	struct sp_bytes parent_hash;
	struct sp_bytes group_id;
	uint32_t leaf_index;
};
/* The leaf must list what it uses (rules 113 to 115); SP_ERR_INVALID otherwise. */
SP_MUST_USE enum sp_err sp__mls_leaf_node_make(const struct sp_mls_env *env, struct sp_buf *out, const struct sp_mls_leaf_make *make);

/* The leaf of an Update proposal or of a path (7.3): signature, source, key forms, extensions listed, encryption key differs from `old`
 * (may be NULL: external join). Not the credential. */
SP_MUST_USE enum sp_err sp__mls_leaf_check_in_group(const struct sp_mls_env *env, const struct sp_mls_suite *suite, const struct sp_mls_leaf_node *leaf,
						    enum sp_mls_leaf_source source, const struct sp_mls_leaf_node *old, struct sp_bytes group_id,
						    uint32_t leaf_index);
/* The single checks of section 7.3; sp__mls_leaf_check_in_group, key packages and trees put them together. */
SP_MUST_USE enum sp_err sp__mls_leaf_check_listed(const struct sp_mls_leaf_node *leaf, const struct sp_mls_suite *suite, struct sp_diag *diag);
SP_MUST_USE enum sp_err sp__mls_leaf_check_keys(const struct sp_mls_leaf_node *leaf, const struct sp_mls_suite *suite, struct sp_diag *diag);
SP_MUST_USE enum sp_err sp__mls_leaf_check_lifetime(const struct sp_mls_env *env, const struct sp_mls_leaf_node *leaf, bool now_too);
SP_MUST_USE enum sp_err sp__mls_leaf_key_open(const struct sp_mls_leaf_node *leaf, const struct sp_mls_suite *suite, struct sp_verify_key **out,
					      struct sp_diag *diag);
SP_MUST_USE enum sp_err sp__mls_leaf_check_signature(const struct sp_mls_leaf_node *leaf, const struct sp_verify_key *key, struct sp_bytes group_id,
						     uint32_t leaf_index, struct sp_diag *diag);
/* LeafNodeTBS: to_sign and, but for key packages, group_id<V> and leaf_index. */
SP_MUST_USE enum sp_err sp__mls_leaf_write_place(struct sp_buf *out, struct sp_bytes to_sign, enum sp_mls_leaf_source source, struct sp_bytes group_id,
						 uint32_t leaf_index);

/* -- KeyPackage ---------------------------------------------------------------------------------------------------- */

struct sp_mls_key_package {
	struct sp_bytes encoded; /* the bare KeyPackage */
	uint16_t version;
	uint16_t suite;
	struct sp_bytes init_key;
	struct sp_mls_leaf_node leaf;
	struct sp_bytes extensions; /* content */
	struct sp_bytes to_sign;
	struct sp_bytes signature;
};
SP_MUST_USE enum sp_err sp__mls_key_package_read(struct sp_reader *r, struct sp_mls_key_package *out, struct sp_diag *diag);
/* Section 10.1 without the credential and without what depends on the group: signatures, key forms, lifetime, init_key != encryption_key,
 * extensions listed, leaf source. `ours`: the lifetime must hold now; otherwise too (Add proposals are always judged). */
SP_MUST_USE enum sp_err sp__mls_key_package_check(const struct sp_mls_env *env, const struct sp_mls_suite *suite, const struct sp_mls_key_package *kp);
/* The private blob of sp_mls_key_package_new, decoded into secrets (wipe with sp__mls_key_package_private_clear). */
struct sp_mls_key_package_private {
	struct sp_secret init_priv;
	struct sp_secret encryption_priv;
	struct sp_mls_key_package kp; /* borrowed from the blob */
	bool last_resort;
};
SP_MUST_USE enum sp_err sp__mls_key_package_private_decode(struct sp_mls_key_package_private *out, struct sp_bytes blob);
void sp__mls_key_package_private_clear(struct sp_mls_key_package_private *p);

/* struct required_capabilities, section 11.1: does the leaf list all of them and every non-default extension of the group context? */
SP_MUST_USE enum sp_err sp__mls_leaf_fits_context(const struct sp_mls_env *env, const struct sp_mls_leaf_node *leaf, struct sp_bytes group_extensions);

/* Asks the validator of env about a credential. */
SP_MUST_USE enum sp_err sp__mls_credential_ask(const struct sp_mls_env *env, const struct sp_mls_credential_check *check);

#endif
