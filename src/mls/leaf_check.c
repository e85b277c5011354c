/* SPDX-License-Identifier: Apache-2.0
 *
 * What makes a LeafNode valid, RFC 9420 section 7.3, as far as one leaf can tell: signature, keys, source, lifetime, and
 * that it lists what it uses and what the group needs. Uniqueness and what all members must support is the tree's
 * (tree_check.c); the credential is the validator's.
 */
#include "mls/leaf_priv.h"

#include "base/limits.h"

/* A lifetime of 90 days and the hour of clock skew that makers allow themselves. */
#define MAX_LIFETIME_DEFAULT_S ((90 * 24 + 1) * 3600)

enum sp_err sp__mls_leaf_check_listed(const struct sp_mls_leaf_node *leaf, const struct sp_mls_suite *suite, struct sp_diag *diag)
{
	struct sp_bytes rest = leaf->extensions;
	struct sp_mls_extension ext;
	if (!sp__mls_leaf_has_capability(leaf, SP_MLS_CAP_VERSION, SP_MLS_VERSION_10) ||
	    !sp__mls_leaf_has_capability(leaf, SP_MLS_CAP_SUITE, suite->id))
		return SP_RULE(diag, SP_ERR_INVALID, 113);
	if (!sp__mls_leaf_has_capability(leaf, SP_MLS_CAP_CREDENTIAL, leaf->credential.type))
		return SP_RULE(diag, SP_ERR_INVALID, 115);
	while (sp__mls_extension_has_next(&rest, &ext))
		if (!sp__mls_leaf_has_capability(leaf, SP_MLS_CAP_EXTENSION, ext.type))
			return SP_RULE(diag, SP_ERR_INVALID, 114);
	return SP_OK;
}

enum sp_err sp__mls_leaf_check_keys(const struct sp_mls_leaf_node *leaf, const struct sp_mls_suite *suite, struct sp_diag *diag)
{
	enum sp_err e = sp_kem_public_check(suite->hpke.kem, leaf->encryption_key);
	if (e == SP_ERR_NOMEM)
		return e;
	return e == SP_OK ? SP_OK : SP_RULE(diag, SP_ERR_INVALID, 111);
}

/* The total is checked for every leaf; whether it holds now only where the caller says so. */
enum sp_err sp__mls_leaf_check_lifetime(const struct sp_mls_env *env, const struct sp_mls_leaf_node *leaf, bool now_too)
{
	int64_t max = env->limits && env->limits->max_lifetime_s ? env->limits->max_lifetime_s : MAX_LIFETIME_DEFAULT_S;
	if (leaf->source != SP_MLS_LEAF_KEY_PACKAGE)
		return SP_OK;
	if (leaf->not_after < leaf->not_before)
		return SP_RULE(env->diag, SP_ERR_INVALID, 117);
	if (max != INT64_MAX && leaf->not_after - leaf->not_before > (uint64_t)max)
		return SP_RULE(env->diag, SP_ERR_INVALID, 117);
	uint64_t now = env->now.ms > 0 ? (uint64_t)env->now.ms / 1000 : 0;
	if (now_too && (now < leaf->not_before || now > leaf->not_after))
		return SP_RULE(env->diag, SP_ERR_EXPIRED, 116);
	return SP_OK;
}

static enum sp_err verify_signature(const struct sp_verify_key *key, const struct sp_mls_leaf_node *leaf, struct sp_bytes group_id,
				    uint32_t leaf_index)
{
	struct sp_buf tbs;
	sp_buf_init(&tbs, SP_LIMIT_MLS_VECTOR);
	enum sp_err e = sp__mls_leaf_write_place(&tbs, leaf->to_sign, leaf->source, group_id, leaf_index);
	if (e == SP_OK)
		e = sp_verify_with_label(key, SP_BYTES_LIT("LeafNodeTBS"), sp_buf_bytes(&tbs), leaf->signature);
	sp_buf_clear(&tbs);
	return e;
}

enum sp_err sp__mls_leaf_check_signature(const struct sp_mls_leaf_node *leaf, const struct sp_verify_key *key, struct sp_bytes group_id,
					 uint32_t leaf_index, struct sp_diag *diag)
{
	enum sp_err e = verify_signature(key, leaf, group_id, leaf_index);
	return e == SP_ERR_SIGNATURE ? SP_RULE(diag, e, 110) : e;
}

enum sp_err sp__mls_leaf_key_open(const struct sp_mls_leaf_node *leaf, const struct sp_mls_suite *suite, struct sp_verify_key **out,
				  struct sp_diag *diag)
{
	enum sp_err e = sp_verify_key_new(out, suite->sig, leaf->signature_key);
	if (e == SP_OK || e == SP_ERR_NOMEM)
		return e;
	return SP_RULE(diag, SP_ERR_INVALID, 112);
}

/* Signature key decoded for this one check. */
static enum sp_err check_signature_alone(const struct sp_mls_env *env, const struct sp_mls_suite *suite, const struct sp_mls_leaf_node *leaf,
					 struct sp_bytes group_id, uint32_t leaf_index)
{
	struct sp_verify_key *key = NULL;
	enum sp_err e = sp__mls_leaf_key_open(leaf, suite, &key, env->diag);
	if (e == SP_OK)
		e = sp__mls_leaf_check_signature(leaf, key, group_id, leaf_index, env->diag);
	sp_verify_key_free(&key);
	return e;
}

static enum sp_err check_source(const struct sp_mls_leaf_node *leaf, enum sp_mls_leaf_source source, struct sp_diag *diag)
{
	if (leaf->source == source)
		return SP_OK;
	switch (source) {
	case SP_MLS_LEAF_KEY_PACKAGE:
		return SP_RULE(diag, SP_ERR_INVALID, 118);
	case SP_MLS_LEAF_UPDATE:
		return SP_RULE(diag, SP_ERR_INVALID, 119);
	case SP_MLS_LEAF_COMMIT:
		return SP_RULE(diag, SP_ERR_INVALID, 120);
	}
	return SP_ERR_BUG;
}

enum sp_err sp__mls_leaf_check_in_group(const struct sp_mls_env *env, const struct sp_mls_suite *suite, const struct sp_mls_leaf_node *leaf,
					enum sp_mls_leaf_source source, const struct sp_mls_leaf_node *old, struct sp_bytes group_id,
					uint32_t leaf_index)
{
	SP_TRY(check_source(leaf, source, env->diag));
	if (old && sp_bytes_equal(old->encryption_key, leaf->encryption_key))
		return SP_RULE(env->diag, SP_ERR_INVALID, 121);
	SP_TRY(sp__mls_leaf_check_listed(leaf, suite, env->diag));
	SP_TRY(sp__mls_leaf_check_keys(leaf, suite, env->diag));
	SP_TRY(sp__mls_leaf_check_lifetime(env, leaf, !(env->limits && env->limits->expired_leaves_allowed)));
	return check_signature_alone(env, suite, leaf, group_id, leaf_index);
}

static bool lists_all_has(const struct sp_mls_leaf_node *leaf, enum sp_mls_capability what, struct sp_bytes types)
{
	for (size_t i = 0; i + 1 < types.n; i += 2)
		if (!sp__mls_leaf_has_capability(leaf, what, (uint16_t)(types.p[i] << 8 | types.p[i + 1])))
			return false;
	return true;
}

static enum sp_err check_required(const struct sp_mls_leaf_node *leaf, struct sp_bytes data, struct sp_diag *diag)
{
	struct sp_mls_required_capabilities need;
	SP_TRY(sp__mls_required_capabilities_decode(data, &need));
	if (lists_all_has(leaf, SP_MLS_CAP_EXTENSION, need.extensions) && lists_all_has(leaf, SP_MLS_CAP_PROPOSAL, need.proposals) &&
	    lists_all_has(leaf, SP_MLS_CAP_CREDENTIAL, need.credentials))
		return SP_OK;
	return SP_RULE(diag, SP_ERR_INVALID, 122);
}

enum sp_err sp__mls_leaf_fits_context(const struct sp_mls_env *env, const struct sp_mls_leaf_node *leaf, struct sp_bytes group_extensions)
{
	struct sp_mls_extension ext;
	while (sp__mls_extension_has_next(&group_extensions, &ext)) {
		if (!sp__mls_leaf_has_capability(leaf, SP_MLS_CAP_EXTENSION, ext.type))
			return SP_RULE(env->diag, SP_ERR_INVALID, 123);
		if (ext.type == SP_MLS_EXTENSION_REQUIRED_CAPABILITIES)
			SP_TRY(check_required(leaf, ext.data, env->diag));
	}
	return SP_OK;
}

enum sp_err sp__mls_credential_ask(const struct sp_mls_env *env, const struct sp_mls_credential_check *check)
{
	if (!env->validator || !env->validator->check)
		return SP_ERR_USAGE;
	enum sp_err e = env->validator->check(env->validator->ctx, check);
	switch (sp_err_class(e)) {
	case SP_CLASS_OK:
	case SP_CLASS_AGAIN: /* NEED_CREDENTIAL: the caller fetches and asks again */
	case SP_CLASS_NOMEM:
		return e;
	case SP_CLASS_INPUT:
	case SP_CLASS_AUTH:
	case SP_CLASS_STATE:
	case SP_CLASS_LIMIT:
	case SP_CLASS_NOTFOUND:
	case SP_CLASS_IO:
	case SP_CLASS_USAGE:
	case SP_CLASS_BUG:
		break;
	}
	return SP_RULE(env->diag, e, 124);
}
