/* SPDX-License-Identifier: Apache-2.0
 *
 * Making a KeyPackage (RFC 9420 sections 10, 13.5, 16.8) and the private blob that its owner keeps for it.
 */
#include "mls/key_package_priv.h"

#include "base/limits.h"

#define SKEW_S 3600                 /* how far another's clock may be behind ours */
#define LIFETIME_S (60 * 24 * 3600) /* DESIGN "Limits" */
#define BLOB_FORMAT 1u

/* All that is made on the way; one place to clear. */
struct making {
	struct sp_mls_suite suite;
	struct sp_secret init_priv, encryption_priv;
	struct sp_kem_public init_pub, encryption_pub;
	struct sp_buf to_sign;
	struct sp_buf signature;
	struct sp_buf package; /* bare */
};

static void making_init(struct making *m)
{
	*m = (struct making){0};
	sp_buf_init(&m->to_sign, SP_LIMIT_MLS_VECTOR);
	sp_buf_init(&m->signature, SP_LIMIT_MLS_VECTOR);
	sp_buf_init(&m->package, SP_LIMIT_MLS_VECTOR);
}

static void making_clear(struct making *m)
{
	sp_secret_clear(&m->init_priv);
	sp_secret_clear(&m->encryption_priv);
	sp_buf_clear(&m->to_sign);
	sp_buf_clear(&m->signature);
	sp_buf_clear(&m->package);
}

static enum sp_err append_leaf(struct making *m, const struct sp_mls_env *env, const struct sp_mls_key_package_params *params)
{
	struct sp_mls_leaf_make make = {
		.suite = &m->suite,
		.params = &params->leaf,
		.signer = env->signer,
		.encryption_key = sp_kem_public_bytes(&m->encryption_pub),
		.source = SP_MLS_LEAF_KEY_PACKAGE,
		.not_before = (uint64_t)SP_MAX(params->not_before_s, 0),
		.not_after = (uint64_t)SP_MAX(params->not_after_s, 0),
	};
	if (params->not_before_s == 0 && params->not_after_s == 0) {
		int64_t now = env->now.ms / 1000;
		make.not_before = (uint64_t)SP_MAX(now - SKEW_S, 0);
		make.not_after = (uint64_t)SP_MAX(now + LIFETIME_S, 0);
	}
	return sp__mls_leaf_node_make(env, &m->to_sign, &make);
}

/* The GREASE value that the leaf just made lists as an extension; 0 when it has none. */
static uint16_t grease_of(struct sp_bytes leaf_node)
{
	struct sp_reader r = sp_reader_of(leaf_node);
	struct sp_mls_leaf_node leaf;
	if (sp__mls_leaf_node_read(&r, &leaf, NULL) != SP_OK || leaf.extension_types.n < 2)
		return 0;
	struct sp_bytes types = leaf.extension_types;
	return (uint16_t)(types.p[types.n - 2] << 8 | types.p[types.n - 1]); /* leaf_make.c puts it last */
}

/* grease: "the creator of a KeyPackage object SHOULD include some random GREASE extensions" (section 10) */
static enum sp_err append_extensions(struct making *m, const struct sp_mls_key_package_params *params, uint16_t grease)
{
	struct sp_writer w = sp_writer_on(&m->to_sign);
	size_t mark = sp_write_open(&w);
	for (size_t i = 0; i < params->extensions.n; i++) {
		sp_write_u16(&w, params->extensions.list[i].type);
		sp_write_vec(&w, params->extensions.list[i].data);
	}
	if (params->last_resort) {
		sp_write_u16(&w, SP_MLS_EXTENSION_LAST_RESORT);
		sp_write_vec(&w, SP_BYTES_NONE);
	}
	if (grease) {
		sp_write_u16(&w, grease);
		sp_write_vec(&w, SP_BYTES_NONE);
	}
	sp_write_close(&w, mark);
	return sp_writer_finish(&w);
}

static enum sp_err make_to_sign(struct making *m, const struct sp_mls_env *env, const struct sp_mls_key_package_params *params)
{
	struct sp_writer w = sp_writer_on(&m->to_sign);
	sp_write_u16(&w, SP_MLS_VERSION_10);
	sp_write_u16(&w, m->suite.id);
	sp_write_vec(&w, sp_kem_public_bytes(&m->init_pub));
	SP_TRY(sp_writer_finish(&w));
	size_t leaf_at = m->to_sign.n;
	SP_TRY(append_leaf(m, env, params));
	struct sp_bytes leaf = {m->to_sign.p + leaf_at, m->to_sign.n - leaf_at};
	return append_extensions(m, params, params->leaf.grease ? grease_of(leaf) : 0);
}

/* What a peer would refuse is refused here. */
static enum sp_err check_made(struct making *m, const struct sp_mls_env *env)
{
	struct sp_reader r = sp_reader_of(sp_buf_bytes(&m->package));
	struct sp_mls_key_package kp;
	struct sp_bytes rest;
	struct sp_mls_extension ext;
	SP_TRY(sp__mls_key_package_read(&r, &kp, env->diag));
	for (rest = kp.extensions; sp__mls_extension_has_next(&rest, &ext);)
		if (!sp__mls_leaf_has_capability(&kp.leaf, SP_MLS_CAP_EXTENSION, ext.type))
			return SP_RULE(env->diag, SP_ERR_USAGE, 135);
	return sp__mls_leaf_check_lifetime(env, &kp.leaf, false);
}

static enum sp_err make_package(struct making *m, const struct sp_mls_env *env, const struct sp_mls_key_package_params *params)
{
	SP_TRY(sp__mls_suite_find(&m->suite, env, params->suite));
	SP_TRY(sp_kem_generate(m->suite.hpke.kem, env->rng, &m->init_priv, &m->init_pub));
	SP_TRY(sp_kem_generate(m->suite.hpke.kem, env->rng, &m->encryption_priv, &m->encryption_pub));
	SP_TRY(make_to_sign(m, env, params));
	SP_TRY(sp_sign_with_label(env->signer, &m->signature, SP_BYTES_LIT("KeyPackageTBS"), sp_buf_bytes(&m->to_sign)));
	struct sp_writer w = sp_writer_on(&m->package);
	sp_write_fixed(&w, sp_buf_bytes(&m->to_sign));
	sp_write_vec(&w, sp_buf_bytes(&m->signature));
	SP_TRY(sp_writer_finish(&w));
	return check_made(m, env);
}

static enum sp_err write_message(struct sp_buf *out, const struct making *m)
{
	struct sp_writer w = sp_writer_on(out);
	sp_write_u16(&w, SP_MLS_VERSION_10);
	sp_write_u16(&w, SP_MLS_WIRE_KEY_PACKAGE);
	sp_write_fixed(&w, sp_buf_bytes(&m->package));
	return sp_writer_finish(&w);
}

static enum sp_err write_ref(struct sp_buf *out, const struct making *m)
{
	struct sp_hash ref;
	SP_TRY(sp__mls_key_package_ref(&ref, &m->suite, sp_buf_bytes(&m->package)));
	return sp_buf_append(out, sp_hash_bytes(&ref));
}

/* struct {
 *     uint16 format = 1;
 *     opaque init_priv<V>;
 *     opaque encryption_priv<V>;
 *     opaque key_package<V>;
 * } KeyPackagePrivate;   (ours) */
static enum sp_err write_private(struct sp_buf *out, const struct making *m)
{
	struct sp_writer w = sp_writer_on(out);
	sp_write_u16(&w, BLOB_FORMAT);
	sp_write_vec(&w, sp_secret_bytes(&m->init_priv));
	sp_write_vec(&w, sp_secret_bytes(&m->encryption_priv));
	sp_write_vec(&w, sp_buf_bytes(&m->package));
	return sp_writer_finish(&w);
}

/* Outputs that were appended to are cut back to what they held. */
static void cut(struct sp_buf *b, size_t n)
{
	if (b->n > n)
		sp_wipe(b->p + n, b->n - n);
	b->n = SP_MIN(b->n, n);
}

enum sp_err sp_mls_key_package_new(const struct sp_mls_env *env, struct sp_buf *out_message, struct sp_buf *out_ref, struct sp_buf *out_private,
				   const struct sp_mls_key_package_params *params)
{
	const size_t had[3] = {out_message->n, out_ref->n, out_private->n};
	struct making m;
	struct sp_mls_call call;
	struct sp_mls_key_package_params taken;
	SP_TRY(sp__mls_call_open(&call, &env));
	SP_TRY(sp__mls_sized_take(&taken, sizeof taken, sizeof taken, params, env->diag));
	if (!env->signer || !env->rng)
		return SP_FAIL(env->diag, SP_ERR_USAGE, 0, "env lacks a random source or a signer");
	making_init(&m);
	enum sp_err e = make_package(&m, env, &taken);
	if (e == SP_OK)
		e = write_message(out_message, &m);
	if (e == SP_OK)
		e = write_ref(out_ref, &m);
	if (e == SP_OK)
		e = write_private(out_private, &m);
	if (e != SP_OK) {
		cut(out_message, had[0]);
		cut(out_ref, had[1]);
		cut(out_private, had[2]);
	}
	making_clear(&m);
	return e;
}

/* -- the private blob ----------------------------------------------------------------------------------------------- */

static enum sp_err read_private(struct sp_mls_key_package_private *out, struct sp_bytes blob)
{
	struct sp_reader r = sp_reader_of(blob), package;
	struct sp_bytes init_priv, encryption_priv, none;
	uint16_t format;
	SP_TRY(sp_read_u16(&r, &format));
	if (format != BLOB_FORMAT)
		return SP_ERR_FORMAT_NEWER;
	SP_TRY(sp_read_vec(&r, &init_priv, SP_SECRET_MAX));
	SP_TRY(sp_read_vec(&r, &encryption_priv, SP_SECRET_MAX));
	SP_TRY(sp_read_child(&r, &package, SP_LIMIT_MLS_VECTOR));
	SP_TRY(sp_reader_finish(&r));
	SP_TRY(sp__mls_key_package_read(&package, &out->kp, NULL));
	SP_TRY(sp_reader_finish(&package));
	SP_TRY(sp_secret_set(&out->init_priv, init_priv));
	out->last_resort = sp__mls_extension_has(out->kp.extensions, SP_MLS_EXTENSION_LAST_RESORT, &none);
	return sp_secret_set(&out->encryption_priv, encryption_priv);
}

enum sp_err sp__mls_key_package_private_decode(struct sp_mls_key_package_private *out, struct sp_bytes blob)
{
	*out = (struct sp_mls_key_package_private){0};
	enum sp_err e = read_private(out, blob);
	if (e != SP_OK)
		sp__mls_key_package_private_clear(out);
	return e == SP_OK || e == SP_ERR_FORMAT_NEWER ? e : SP_ERR_CORRUPT;
}

void sp__mls_key_package_private_clear(struct sp_mls_key_package_private *p)
{
	sp_wipe(p, sizeof *p);
}

enum sp_err sp_mls_key_package_private_info(struct sp_mls_key_package_info *out, struct sp_bytes private_blob)
{
	struct sp_mls_key_package_private p;
	enum sp_err e = sp__mls_key_package_private_decode(&p, private_blob);
	*out = (struct sp_mls_key_package_info){0};
	if (e == SP_OK)
		*out = sp__mls_key_package_describe(&p.kp);
	sp__mls_key_package_private_clear(&p);
	return e;
}
