/* SPDX-License-Identifier: Apache-2.0
 *
 * KeyPackage, RFC 9420 section 10: reading, checking (10.1) and what the public face says of one.
 */
#include "mls/key_package_priv.h"

#include "base/limits.h"

/* struct {
 *     ProtocolVersion version;
 *     CipherSuite cipher_suite;
 *     HPKEPublicKey init_key;
 *     LeafNode leaf_node;
 *     Extension extensions<V>;
 *     opaque signature<V>;
 * } KeyPackage; */
static enum sp_err read_fields(struct sp_reader *r, struct sp_mls_key_package *out, struct sp_diag *diag)
{
	struct sp_bytes start = r->rest;
	SP_TRY(sp_read_u16(r, &out->version));
	SP_TRY(sp_read_u16(r, &out->suite));
	SP_TRY(sp_read_vec(r, &out->init_key, SP_LIMIT_MLS_VECTOR));
	SP_TRY(sp__mls_leaf_node_read(r, &out->leaf, diag));
	SP_TRY(sp__mls_extensions_read(r, &out->extensions, diag));
	out->to_sign = (struct sp_bytes){start.p, start.n - r->rest.n};
	SP_TRY(sp_read_vec(r, &out->signature, SP_LIMIT_MLS_VECTOR));
	out->encoded = (struct sp_bytes){start.p, start.n - r->rest.n};
	return SP_OK;
}

enum sp_err sp__mls_key_package_read(struct sp_reader *r, struct sp_mls_key_package *out, struct sp_diag *diag)
{
	struct sp_reader try = *r;
	struct sp_mls_key_package kp = {0};
	*out = kp;
	SP_TRY(read_fields(&try, &kp, diag));
	*r = try;
	*out = kp;
	return SP_OK;
}

/* struct {
 *     ProtocolVersion version = mls10;
 *     WireFormat wire_format = mls_key_package;
 *     KeyPackage key_package;
 * } MLSMessage; */
enum sp_err sp__mls_key_package_message_read(struct sp_bytes message, struct sp_mls_key_package *out, struct sp_diag *diag)
{
	struct sp_reader r = sp_reader_of(message);
	uint16_t version, wire_format;
	*out = (struct sp_mls_key_package){0};
	SP_TRY(sp_read_u16(&r, &version));
	SP_TRY(sp_read_u16(&r, &wire_format));
	if (version != SP_MLS_VERSION_10 || wire_format != SP_MLS_WIRE_KEY_PACKAGE)
		return SP_RULE(diag, SP_ERR_UNSUPPORTED, 1);
	struct sp_mls_key_package kp;
	SP_TRY(sp__mls_key_package_read(&r, &kp, diag));
	SP_TRY(sp_reader_finish(&r));
	*out = kp;
	return SP_OK;
}

static enum sp_err check_form(const struct sp_mls_suite *suite, const struct sp_mls_key_package *kp, struct sp_diag *diag)
{
	if (kp->version != SP_MLS_VERSION_10)
		return SP_RULE(diag, SP_ERR_UNSUPPORTED, 130);
	if (kp->suite != suite->id)
		return SP_RULE(diag, SP_ERR_INVALID, 131);
	if (kp->leaf.source != SP_MLS_LEAF_KEY_PACKAGE)
		return SP_RULE(diag, SP_ERR_INVALID, 118);
	if (sp_bytes_equal(kp->init_key, kp->leaf.encryption_key))
		return SP_RULE(diag, SP_ERR_INVALID, 133);
	enum sp_err e = sp_kem_public_check(suite->hpke.kem, kp->init_key);
	if (e != SP_OK && e != SP_ERR_NOMEM)
		return SP_RULE(diag, SP_ERR_INVALID, 134);
	return e;
}

static enum sp_err check_extensions_listed(const struct sp_mls_key_package *kp, struct sp_diag *diag)
{
	struct sp_bytes rest = kp->extensions;
	struct sp_mls_extension ext;
	while (sp__mls_extension_has_next(&rest, &ext))
		if (!sp__mls_leaf_has_capability(&kp->leaf, SP_MLS_CAP_EXTENSION, ext.type))
			return SP_RULE(diag, SP_ERR_INVALID, 135);
	return SP_OK;
}

static enum sp_err check_signatures(const struct sp_mls_key_package *kp, const struct sp_verify_key *key, struct sp_diag *diag)
{
	enum sp_err e = sp_verify_with_label(key, SP_BYTES_LIT("KeyPackageTBS"), kp->to_sign, kp->signature);
	if (e == SP_ERR_SIGNATURE)
		return SP_RULE(diag, e, 132);
	SP_TRY(e);
	return sp__mls_leaf_check_signature(&kp->leaf, key, SP_BYTES_NONE, 0, diag);
}

/* One decoding of the key serves both signatures. */
static enum sp_err check_signed(const struct sp_mls_suite *suite, const struct sp_mls_key_package *kp, struct sp_diag *diag)
{
	struct sp_verify_key *key = NULL;
	enum sp_err e = sp__mls_leaf_key_open(&kp->leaf, suite, &key, diag);
	if (e == SP_OK)
		e = check_signatures(kp, key, diag);
	sp_verify_key_free(&key);
	return e;
}

enum sp_err sp__mls_key_package_check(const struct sp_mls_env *env, const struct sp_mls_suite *suite, const struct sp_mls_key_package *kp)
{
	SP_TRY(check_form(suite, kp, env->diag));
	SP_TRY(sp__mls_leaf_check_listed(&kp->leaf, suite, env->diag));
	SP_TRY(check_extensions_listed(kp, env->diag));
	SP_TRY(sp__mls_leaf_check_keys(&kp->leaf, suite, env->diag));
	SP_TRY(sp__mls_leaf_check_lifetime(env, &kp->leaf, !(env->limits && env->limits->expired_leaves_allowed)));
	return check_signed(suite, kp, env->diag);
}

/* -- the public face ---------------------------------------------------------------------------------------------- */

struct sp_mls_key_package_info sp__mls_key_package_describe(const struct sp_mls_key_package *kp)
{
	struct sp_bytes none;
	return (struct sp_mls_key_package_info){
		.suite = kp->suite,
		.init_key = kp->init_key,
		.member = sp__mls_leaf_member(&kp->leaf, SP_MLS_LEAF_NONE),
		.not_before_s = (int64_t)SP_MIN(kp->leaf.not_before, (uint64_t)INT64_MAX),
		.not_after_s = (int64_t)SP_MIN(kp->leaf.not_after, (uint64_t)INT64_MAX),
		.last_resort = sp__mls_extension_has(kp->extensions, SP_MLS_EXTENSION_LAST_RESORT, &none),
		.key_package = kp->encoded,
	};
}

static enum sp_err ask_credential(const struct sp_mls_env *env, const struct sp_mls_key_package *kp)
{
	const struct sp_mls_credential_check check = {
		.why = SP_MLS_WHY_KEY_PACKAGE,
		.suite = kp->suite,
		.credential = kp->leaf.credential,
		.signature_key = kp->leaf.signature_key,
		.leaf = SP_MLS_LEAF_NONE,
	};
	return sp__mls_credential_ask(env, &check);
}

enum sp_err sp_mls_key_package_verify(const struct sp_mls_env *env, struct sp_mls_key_package_info *out, struct sp_bytes message)
{
	struct sp_mls_key_package kp;
	struct sp_mls_suite suite;
	struct sp_mls_call call;
	*out = (struct sp_mls_key_package_info){0};
	SP_TRY(sp__mls_call_open(&call, &env));
	SP_TRY(sp__mls_key_package_message_read(message, &kp, env->diag));
	SP_TRY(sp__mls_suite_find(&suite, env, kp.suite));
	SP_TRY(sp__mls_key_package_check(env, &suite, &kp));
	SP_TRY(sp__mls_leaf_check_lifetime(env, &kp.leaf, true)); /* whoever asks is about to use it */
	SP_TRY(ask_credential(env, &kp));
	*out = sp__mls_key_package_describe(&kp);
	return SP_OK;
}

enum sp_err sp__mls_key_package_ref(struct sp_hash *out, const struct sp_mls_suite *suite, struct sp_bytes key_package)
{
	return sp__mls_ref_hash(out, suite, "MLS 1.0 KeyPackage Reference", key_package);
}

enum sp_err sp_mls_key_package_ref(const struct sp_mls_env *env, struct sp_buf *out, struct sp_bytes message)
{
	struct sp_mls_key_package kp;
	struct sp_mls_suite suite;
	struct sp_hash ref;
	struct sp_mls_call call;
	SP_TRY(sp__mls_call_open(&call, &env));
	SP_TRY(sp__mls_key_package_message_read(message, &kp, env->diag));
	SP_TRY(sp__mls_suite_find(&suite, env, kp.suite));
	SP_TRY(sp__mls_key_package_ref(&ref, &suite, kp.encoded));
	return sp_buf_append(out, sp_hash_bytes(&ref));
}
