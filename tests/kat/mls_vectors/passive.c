/* SPDX-License-Identifier: Apache-2.0
 *
 * Vectors of passive-client: join by Welcome, then follow. Through the public face.
 */
#include "vectors.h"

#include "mls/key_package_priv.h"
#include "mls/mls.h"

/* -- the client's keys ---------------------------------------------------------------------------------------------------------- */

static enum sp_err find_key_package(void *ctx, struct sp_buf *out, struct sp_bytes ref)
{
	struct vec *v = ctx;
	struct sp_buf *ours = vec_buf(v);
	if (sp_mls_key_package_ref(&v->env, ours, vec_hex(v, v->json, "key_package")) != SP_OK || !sp_bytes_equal(sp_buf_bytes(ours), ref))
		return SP_ERR_NOT_FOUND;
	struct sp_writer w = sp_writer_on(out);
	struct sp_bytes message = vec_hex(v, v->json, "key_package");
	sp_write_u16(&w, 1); /* KeyPackagePrivate, format 1 (key_package_make.c) */
	sp_write_vec(&w, vec_scalar(v, v->json, "init_priv"));
	sp_write_vec(&w, vec_scalar(v, v->json, "encryption_priv"));
	sp_write_vec(&w, (struct sp_bytes){message.p + 4, message.n - 4}); /* without version and wire_format */
	return sp_writer_finish(&w);
}

static enum sp_err find_psk(void *ctx, struct sp_buf *out, const struct sp_mls_psk_id *id)
{
	struct vec *v = ctx;
	const json_t *psks = json_object_get(v->json, "external_psks");
	for (size_t i = 0; i < json_array_size(psks); i++) {
		const json_t *o = json_array_get(psks, i);
		if (id->type == SP_MLS_PSK_EXTERNAL && sp_bytes_equal(vec_hex(v, o, "psk_id"), id->id))
			return sp_buf_append(out, vec_hex(v, o, "psk"));
	}
	return SP_ERR_NOT_FOUND;
}

static void check_keys(struct vec *v)
{
	struct sp_mls_key_package kp; /* not verified: its lifetime has ended */
	struct sp_mls_suite suite;
	struct sp_kem_public pub;
	struct sp_sign_key *key = NULL;
	CHECK(v, sp__mls_key_package_message_read(vec_hex(v, v->json, "key_package"), &kp, &v->diag) == SP_OK);
	CHECK(v, sp__mls_suite_find(&suite, &v->env, kp.suite) == SP_OK);
	CHECK(v, sp_kem_public_of(suite.hpke.kem, vec_scalar(v, v->json, "init_priv"), &pub) == SP_OK);
	CHECK(v, sp_bytes_equal(sp_kem_public_bytes(&pub), kp.init_key));
	CHECK(v, sp_kem_public_of(suite.hpke.kem, vec_scalar(v, v->json, "encryption_priv"), &pub) == SP_OK);
	CHECK(v, sp_bytes_equal(sp_kem_public_bytes(&pub), kp.leaf.encryption_key));
	CHECK(v, sp_sign_key_from_private(&key, suite.sig, vec_scalar(v, v->json, "signature_priv")) == SP_OK);
	bool same = sp_bytes_equal(sp_sign_key_signer(key).public_key, kp.leaf.signature_key);
	sp_sign_key_free(&key);
	CHECK(v, same);
}

/* -- the group -------------------------------------------------------------------------------------------------------------------- */

static struct sp_mls_group *join(struct vec *v)
{
	const struct sp_mls_key_package_lookup lookup = {find_key_package, v};
	struct sp_mls_join *joining = NULL;
	struct sp_mls_join_params params = {.size = sizeof params, .welcome = vec_hex(v, v->json, "welcome"), .key_packages = &lookup};
	if (json_is_string(json_object_get(v->json, "ratchet_tree")))
		params.ratchet_tree = vec_hex(v, v->json, "ratchet_tree");
	if (sp_mls_join_open(&v->env, &joining, &params) != SP_OK) {
		v->failed = "the Welcome opens";
		return NULL;
	}
	return sp_mls_join_accept(&joining);
}

/* Stores all rows and loads them again: what follows runs on the loaded group. */
static void reload(struct vec *v, struct sp_mls_group **group)
{
	struct sp_mls_row_set *rows = NULL;
	CHECK(v, sp_mls_group_rows(*group, &rows) == SP_OK);
	sp_mls_group_free(group);
	struct sp_mls_rows list = sp_mls_row_set_rows(rows);
	enum sp_err e = sp_mls_group_load(&v->env, group, list.list, list.n);
	sp_mls_row_set_free(&rows);
	CHECK(v, e == SP_OK);
}

static void take(struct vec *v, struct sp_mls_group *group, struct sp_bytes message, enum sp_mls_staged_kind kind)
{
	struct sp_mls_staged *staged = NULL;
	CHECK(v, sp_mls_group_process(&v->env, group, &staged, message) == SP_OK);
	bool right = sp_mls_staged_info(staged)->kind == kind;
	enum sp_err e = sp_mls_group_apply(group, &staged);
	CHECK(v, right);
	CHECK(v, e == SP_OK);
}

static void follow(struct vec *v, struct sp_mls_group **group)
{
	const json_t *epochs = vec_array(v, v->json, "epochs");
	CHECK(v, sp_bytes_equal(sp_mls_group_epoch_authenticator(*group), vec_hex(v, v->json, "initial_epoch_authenticator")));
	for (size_t i = 0; i < json_array_size(epochs) && !v->failed; i++) {
		const json_t *o = json_array_get(epochs, i), *proposals = vec_array(v, o, "proposals");
		for (size_t p = 0; p < json_array_size(proposals) && !v->failed; p++)
			take(v, *group, vec_hex_value(v, json_array_get(proposals, p)), SP_MLS_STAGED_PROPOSAL);
		CHECK(v, !v->failed);
		if (i % 3 == 1)
			reload(v, group);
		CHECK(v, *group);
		take(v, *group, vec_hex(v, o, "commit"), SP_MLS_STAGED_COMMIT);
		CHECK(v, sp_bytes_equal(sp_mls_group_epoch_authenticator(*group), vec_hex(v, o, "epoch_authenticator")));
	}
}

void vec_passive_client(struct vec *v)
{
	struct sp_mls_suite suite;
	const struct sp_mls_psk_lookup psks = {find_psk, v};
	if (!vec_has_suite(v, &suite))
		return;
	v->env.psks = &psks;
	check_keys(v);
	CHECK(v, !v->failed);
	struct sp_mls_group *group = join(v);
	if (group)
		follow(v, &group);
	sp_mls_group_free(&group);
}
