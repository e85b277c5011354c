/* SPDX-License-Identifier: Apache-2.0
 *
 * GroupInfo: RFC 9420 section 12.4.3.
 */
#include "mls/group_info_priv.h"

#include "base/limits.h"

/* struct {
 *     GroupContext group_context;
 *     Extension extensions<V>;
 *     MAC confirmation_tag;
 *     uint32 signer;
 *     opaque signature<V>;
 * } GroupInfo; */
enum sp_err sp__mls_group_info_read(struct sp_mls_group_info *out, struct sp_bytes in, struct sp_diag *diag)
{
	struct sp_reader r = sp_reader_of(in);
	*out = (struct sp_mls_group_info){0};
	SP_TRY(sp__mls_context_read(&r, &out->context, diag));
	SP_TRY(sp__mls_extensions_read(&r, &out->extensions, diag));
	SP_TRY(sp_read_vec(&r, &out->confirmation_tag, SP_HASH_MAX));
	SP_TRY(sp_read_u32(&r, &out->signer));
	out->to_sign = (struct sp_bytes){in.p, in.n - r.rest.n};
	SP_TRY(sp_read_vec(&r, &out->signature, SP_LIMIT_MLS_VECTOR));
	return sp_reader_finish(&r);
}

enum sp_err sp__mls_group_info_verify(const struct sp_mls_view *view, const struct sp_mls_group_info *info, struct sp_diag *diag)
{
	const struct sp_verify_key *key;
	if (sp__mls_view_leaf(view, info->signer) == NULL)
		return SP_RULE(diag, SP_ERR_SIGNATURE, 334);
	SP_TRY(sp__mls_view_verify_key(view, info->signer, &key));
	enum sp_err e = sp_verify_with_label(key, SP_BYTES_LIT("GroupInfoTBS"), info->to_sign, info->signature);
	return e == SP_ERR_SIGNATURE ? SP_RULE(diag, e, 334) : e;
}

/* -- making ------------------------------------------------------------------------------------------------------------- */

static void write_extension(struct sp_writer *w, uint16_t type, struct sp_bytes data)
{
	sp_write_u16(w, type);
	sp_write_vec(w, data);
}

/* struct { HPKEPublicKey external_pub; } ExternalPub; */
static enum sp_err write_external_pub(struct sp_writer *w, const struct sp_mls_suite *suite, const struct sp_secret *external)
{
	struct sp_secret priv = {0};
	struct sp_kem_public pub;
	enum sp_err e = sp__mls_external_key(&priv, &pub, suite, external);
	sp_secret_clear(&priv);
	SP_TRY(e);
	sp_write_u16(w, SP_MLS_EXTENSION_EXTERNAL_PUB);
	size_t mark = sp_write_open(w);
	sp_write_vec(w, sp_kem_public_bytes(&pub));
	sp_write_close(w, mark);
	return SP_OK;
}

static void write_tree(struct sp_writer *w, const struct sp_mls_view *view)
{
	sp_write_u16(w, SP_MLS_EXTENSION_RATCHET_TREE);
	size_t mark = sp_write_open(w);
	if (w->err == SP_OK)
		sp_writer_fail(w, sp_mls_view_ratchet_tree(view, w->buf));
	sp_write_close(w, mark);
}

static enum sp_err write_grease(const struct sp_mls_env *env, struct sp_writer *w)
{
	uint8_t raw[8];
	uint16_t type;
	SP_TRY(sp__mls_grease_pick(env->rng, &type));
	SP_TRY(sp_rng_fill(env->rng, raw, sizeof raw));
	write_extension(w, type, (struct sp_bytes){raw, raw[0] % sizeof raw});
	return SP_OK;
}

static enum sp_err write_extensions(const struct sp_mls_env *env, struct sp_writer *w, const struct sp_mls_group_info_make *make)
{
	size_t mark = sp_write_open(w);
	if (make->external)
		SP_TRY(write_external_pub(w, &make->view->suite, make->external));
	for (size_t i = 0; i < make->extensions.n; i++)
		write_extension(w, make->extensions.list[i].type, make->extensions.list[i].data);
	if (make->grease)
		SP_TRY(write_grease(env, w));
	if (make->with_tree)
		write_tree(w, make->view);
	sp_write_close(w, mark);
	return SP_OK;
}

enum sp_err sp__mls_group_info_make(const struct sp_mls_env *env, struct sp_buf *out, const struct sp_mls_group_info_make *make)
{
	size_t start = out->n;
	struct sp_writer w = sp_writer_on(out);
	sp_write_fixed(&w, make->view->context.encoded);
	SP_TRY(write_extensions(env, &w, make));
	sp_write_vec(&w, sp_hash_bytes(&make->view->confirmation_tag));
	sp_write_u32(&w, make->signer);
	SP_TRY(sp_writer_finish(&w));
	struct sp_bytes to_sign = {out->p + start, out->n - start};
	struct sp_buf signature;
	sp_buf_init(&signature, SP_LIMIT_MLS_VECTOR);
	enum sp_err e = sp_sign_with_label(env->signer, &signature, SP_BYTES_LIT("GroupInfoTBS"), to_sign);
	if (e == SP_OK) {
		w = sp_writer_on(out);
		sp_write_vec(&w, sp_buf_bytes(&signature));
		e = sp_writer_finish(&w);
	}
	sp_buf_clear(&signature);
	return e;
}

enum sp_err sp__mls_group_info_message(const struct sp_mls_env *env, struct sp_buf *out, const struct sp_mls_group_info_make *make)
{
	struct sp_writer w = sp_writer_on(out);
	sp__mls_message_header_write(&w, SP_MLS_WIRE_GROUP_INFO);
	SP_TRY(sp_writer_finish(&w));
	return sp__mls_group_info_make(env, out, make);
}

/* -- public: is this the GroupInfo of that epoch? ---------------------------------------------------------------------------- */

enum sp_err sp_mls_view_group_info_verify(const struct sp_mls_env *env, const struct sp_mls_view *view, struct sp_bytes group_info)
{
	struct sp_mls_group_info info;
	struct sp_bytes bare;
	struct sp_mls_call call;
	SP_TRY(sp__mls_call_open(&call, &env));
	SP_TRY(sp__mls_message_expect(&bare, group_info, SP_MLS_WIRE_GROUP_INFO, env->diag));
	SP_TRY(sp__mls_group_info_read(&info, bare, env->diag));
	if (!sp_bytes_equal(info.context.encoded, view->context.encoded) ||
	    !sp_bytes_equal(info.confirmation_tag, sp_hash_bytes(&view->confirmation_tag)))
		return SP_RULE(env->diag, SP_ERR_INVALID, 346);
	return sp__mls_group_info_verify(view, &info, env->diag);
}
