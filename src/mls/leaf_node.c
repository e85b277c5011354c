/* SPDX-License-Identifier: Apache-2.0
 *
 * LeafNode, RFC 9420 section 7.2: reading, and asking what it says. Its checks are in leaf_check.c, making in leaf_make.c.
 */
#include "mls/leaf_priv.h"

#include "base/limits.h"

/* struct {
 *     ProtocolVersion versions<V>;
 *     CipherSuite cipher_suites<V>;
 *     ExtensionType extensions<V>;
 *     ProposalType proposals<V>;
 *     CredentialType credentials<V>;
 * } Capabilities; */
static enum sp_err read_capabilities(struct sp_reader *r, struct sp_mls_leaf_node *out)
{
	SP_TRY(sp__mls_types_read(r, &out->versions));
	SP_TRY(sp__mls_types_read(r, &out->suites));
	SP_TRY(sp__mls_types_read(r, &out->extension_types));
	SP_TRY(sp__mls_types_read(r, &out->proposal_types));
	return sp__mls_types_read(r, &out->credential_types);
}

/*     LeafNodeSource leaf_node_source;
 *     select (LeafNode.leaf_node_source) {
 *         case key_package: Lifetime lifetime;       // struct { uint64 not_before; uint64 not_after; } Lifetime;
 *         case update:      struct{};
 *         case commit:      opaque parent_hash<V>;
 *     }; */
static enum sp_err read_source(struct sp_reader *r, struct sp_mls_leaf_node *out, struct sp_diag *diag)
{
	uint8_t source;
	SP_TRY(sp_read_u8(r, &source));
	switch (source) {
	case SP_MLS_LEAF_KEY_PACKAGE:
		out->source = SP_MLS_LEAF_KEY_PACKAGE;
		SP_TRY(sp_read_u64(r, &out->not_before));
		return sp_read_u64(r, &out->not_after);
	case SP_MLS_LEAF_UPDATE:
		out->source = SP_MLS_LEAF_UPDATE;
		return SP_OK;
	case SP_MLS_LEAF_COMMIT:
		out->source = SP_MLS_LEAF_COMMIT;
		return sp_read_vec(r, &out->parent_hash, SP_HASH_MAX);
	default:
		return SP_RULE(diag, SP_ERR_INVALID, 103);
	}
}

/* struct {
 *     HPKEPublicKey encryption_key;
 *     SignaturePublicKey signature_key;
 *     Credential credential;
 *     Capabilities capabilities;
 *     LeafNodeSource leaf_node_source; ...
 *     Extension extensions<V>;
 *     opaque signature<V>;
 * } LeafNode; */
static enum sp_err read_fields(struct sp_reader *r, struct sp_mls_leaf_node *out, struct sp_diag *diag)
{
	struct sp_bytes start = r->rest;
	SP_TRY(sp_read_vec(r, &out->encryption_key, SP_LIMIT_MLS_VECTOR));
	SP_TRY(sp_read_vec(r, &out->signature_key, SP_LIMIT_MLS_VECTOR));
	SP_TRY(sp__mls_credential_read(r, &out->credential, diag));
	SP_TRY(read_capabilities(r, out));
	SP_TRY(read_source(r, out, diag));
	SP_TRY(sp__mls_extensions_read(r, &out->extensions, diag));
	out->to_sign = (struct sp_bytes){start.p, start.n - r->rest.n};
	SP_TRY(sp_read_vec(r, &out->signature, SP_LIMIT_MLS_VECTOR));
	out->encoded = (struct sp_bytes){start.p, start.n - r->rest.n};
	return SP_OK;
}

enum sp_err sp__mls_leaf_node_read(struct sp_reader *r, struct sp_mls_leaf_node *out, struct sp_diag *diag)
{
	struct sp_reader try = *r;
	struct sp_mls_leaf_node leaf = {0};
	*out = leaf;
	enum sp_err e = read_fields(&try, &leaf, diag);
	if (e == SP_ERR_ENCODING || e == SP_ERR_TRUNCATED || e == SP_ERR_TOO_LONG || e == SP_ERR_TOO_MANY)
		return SP_RULE(diag, e, 101);
	SP_TRY(e);
	*r = try;
	*out = leaf;
	return SP_OK;
}

struct sp_mls_member sp__mls_leaf_member(const struct sp_mls_leaf_node *leaf, uint32_t index)
{
	return (struct sp_mls_member){
		.leaf = index,
		.credential = leaf->credential,
		.signature_key = leaf->signature_key,
		.encryption_key = leaf->encryption_key,
		.leaf_node = leaf->encoded,
	};
}

bool sp__mls_leaf_has_capability(const struct sp_mls_leaf_node *leaf, enum sp_mls_capability what, uint16_t value)
{
	switch (what) {
	case SP_MLS_CAP_VERSION:
		return sp__mls_types_has(leaf->versions, value);
	case SP_MLS_CAP_SUITE:
		return sp__mls_types_has(leaf->suites, value);
	case SP_MLS_CAP_EXTENSION:
		return sp__mls_extension_is_default(value) || sp__mls_types_has(leaf->extension_types, value);
	case SP_MLS_CAP_PROPOSAL:
		return sp__mls_proposal_is_default(value) || sp__mls_types_has(leaf->proposal_types, value);
	case SP_MLS_CAP_CREDENTIAL:
		return sp__mls_types_has(leaf->credential_types, value);
	}
	return false;
}

/* A member's leaf_node is bytes that were read before, or the caller's own; either way it is only looked at. */
static enum sp_err leaf_of_member(const struct sp_mls_member *member, struct sp_mls_leaf_node *out)
{
	struct sp_reader r = sp_reader_of(member->leaf_node);
	return sp__mls_leaf_node_read(&r, out, NULL);
}

enum sp_err sp_mls_member_extension(struct sp_bytes *out, const struct sp_mls_member *member, uint16_t type)
{
	struct sp_mls_leaf_node leaf;
	*out = SP_BYTES_NONE;
	SP_TRY(leaf_of_member(member, &leaf));
	return sp__mls_extension_has(leaf.extensions, type, out) ? SP_OK : SP_ERR_NOT_FOUND;
}

bool sp_mls_member_has_capability(const struct sp_mls_member *member, enum sp_mls_capability what, uint16_t value)
{
	struct sp_mls_leaf_node leaf;
	return leaf_of_member(member, &leaf) == SP_OK && sp__mls_leaf_has_capability(&leaf, what, value);
}
