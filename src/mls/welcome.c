/* SPDX-License-Identifier: Apache-2.0
 *
 * Welcome on the wire: RFC 9420 section 12.4.3.1. How one is opened is in join.c.
 */
#include "mls/group_info_priv.h"

#include "base/limits.h"
#include "mls/key_package_priv.h"

/* struct {
 *     CipherSuite cipher_suite;
 *     EncryptedGroupSecrets secrets<V>;
 *     opaque encrypted_group_info<V>;
 * } Welcome; */
enum sp_err sp__mls_welcome_read(struct sp_mls_welcome *out, struct sp_bytes message, struct sp_diag *diag)
{
	struct sp_bytes body;
	*out = (struct sp_mls_welcome){0};
	SP_TRY(sp__mls_message_expect(&body, message, SP_MLS_WIRE_WELCOME, diag));
	struct sp_reader r = sp_reader_of(body);
	SP_TRY(sp_read_u16(&r, &out->suite));
	SP_TRY(sp_read_vec(&r, &out->secrets, SP_LIMIT_MLS_VECTOR));
	SP_TRY(sp_read_vec(&r, &out->encrypted_group_info, SP_LIMIT_MLS_VECTOR));
	return sp_reader_finish(&r);
}

/* struct { KeyPackageRef new_member; HPKECiphertext encrypted_group_secrets; } EncryptedGroupSecrets; */
enum sp_err sp__mls_welcome_next(struct sp_reader *secrets, struct sp_bytes *out_ref, struct sp_mls_hpke_ciphertext *out)
{
	SP_TRY(sp_read_vec(secrets, out_ref, SP_HASH_MAX));
	return sp__mls_hpke_ciphertext_read(secrets, out);
}

enum sp_err sp_mls_welcome_recipient(struct sp_bytes *out_ref, struct sp_bytes welcome, size_t index)
{
	struct sp_mls_welcome w;
	struct sp_mls_hpke_ciphertext ct;
	*out_ref = SP_BYTES_NONE;
	SP_TRY(sp__mls_welcome_read(&w, welcome, NULL));
	struct sp_reader r = sp_reader_of(w.secrets);
	for (size_t i = 0; !sp_reader_is_empty(&r); i++) {
		struct sp_bytes ref;
		SP_TRY(sp__mls_welcome_next(&r, &ref, &ct));
		if (i != index)
			continue;
		*out_ref = ref;
		return SP_OK;
	}
	return SP_ERR_NOT_FOUND;
}

static bool refs_has(const struct sp_bytes *refs, size_t n, struct sp_bytes ref)
{
	for (size_t i = 0; i < n; i++) {
		if (sp_bytes_equal(refs[i], ref))
			return true;
	}
	return false;
}

enum sp_err sp_mls_welcome_slice(struct sp_buf *out, struct sp_bytes welcome, const struct sp_bytes *refs, size_t n)
{
	struct sp_mls_welcome in;
	struct sp_mls_hpke_ciphertext ct;
	size_t found = 0;
	SP_TRY(sp__mls_welcome_read(&in, welcome, NULL));
	struct sp_reader r = sp_reader_of(in.secrets);
	struct sp_writer w = sp_writer_on(out);
	sp__mls_message_header_write(&w, SP_MLS_WIRE_WELCOME);
	sp_write_u16(&w, in.suite);
	size_t mark = sp_write_open(&w);
	while (!sp_reader_is_empty(&r)) {
		struct sp_bytes before = r.rest, ref;
		SP_TRY(sp__mls_welcome_next(&r, &ref, &ct));
		if (!refs_has(refs, n, ref))
			continue;
		sp_write_fixed(&w, (struct sp_bytes){before.p, before.n - r.rest.n});
		found++;
	}
	sp_write_close(&w, mark);
	sp_write_vec(&w, in.encrypted_group_info);
	if (found == 0)
		sp_writer_fail(&w, SP_ERR_NOT_FOUND);
	return sp_writer_finish(&w);
}

/* -- GroupSecrets ----------------------------------------------------------------------------------------------------------- */

/* struct { opaque path_secret<V>; } PathSecret;
 * struct {
 *     opaque joiner_secret<V>;
 *     optional<PathSecret> path_secret;
 *     PreSharedKeyID psks<V>;
 * } GroupSecrets; */
enum sp_err sp__mls_group_secrets_read(struct sp_mls_group_secrets *out, struct sp_bytes in)
{
	struct sp_reader r = sp_reader_of(in);
	struct sp_mls_psk_id id;
	*out = (struct sp_mls_group_secrets){0};
	SP_TRY(sp_read_vec(&r, &out->joiner_secret, SP_SECRET_MAX));
	SP_TRY(sp_read_optional(&r, &out->has_path_secret));
	if (out->has_path_secret)
		SP_TRY(sp_read_vec(&r, &out->path_secret, SP_SECRET_MAX));
	SP_TRY(sp_read_vec(&r, &out->psks, SP_LIMIT_MLS_VECTOR));
	SP_TRY(sp_reader_finish(&r));
	struct sp_reader list = sp_reader_of(out->psks);
	for (; !sp_reader_is_empty(&list); out->n_psks++)
		SP_TRY(sp__mls_psk_id_read(&list, &id));
	return SP_OK;
}

static enum sp_err encode_group_secrets(struct sp_buf *out, const struct sp_mls_welcome_make *make, const struct sp_secret *path_secret)
{
	struct sp_writer w = sp_writer_on(out);
	sp_write_vec(&w, sp_secret_bytes(make->joiner_secret));
	sp_write_optional(&w, path_secret != NULL);
	if (path_secret)
		sp_write_vec(&w, sp_secret_bytes(path_secret));
	size_t mark = sp_write_open(&w);
	for (size_t i = 0; i < make->n_psks; i++)
		sp__mls_psk_id_write(&w, &make->psks[i].id);
	sp_write_close(&w, mark);
	return sp_writer_finish(&w);
}

/* -- making -------------------------------------------------------------------------------------------------------------------- */

struct welcome_work {
	struct sp_mls_message_key key;
	struct sp_hpke_info info; /* over the encrypted group info, once for all recipients: N times N members' bytes otherwise */
	struct sp_buf group_info, plain, enc, ct;
};

static enum sp_err write_one(const struct sp_mls_env *env, struct welcome_work *work, struct sp_writer *w, const struct sp_mls_welcome_make *make,
			     const struct sp_mls_welcome_to *to)
{
	struct sp_hash ref;
	sp_buf_clear(&work->plain);
	sp_buf_clear(&work->enc);
	sp_buf_clear(&work->ct);
	SP_TRY(sp__mls_key_package_ref(&ref, make->suite, to->kp->encoded));
	SP_TRY(encode_group_secrets(&work->plain, make, to->path_secret));
	SP_TRY(sp_hpke_seal_prepared(&work->enc, &work->ct, &make->suite->hpke, env->rng, to->kp->init_key, &work->info, SP_BYTES_NONE,
				     sp_buf_bytes(&work->plain)));
	sp_write_vec(w, sp_hash_bytes(&ref));
	sp_write_vec(w, sp_buf_bytes(&work->enc));
	sp_write_vec(w, sp_buf_bytes(&work->ct));
	return SP_OK;
}

static enum sp_err make_welcome(const struct sp_mls_env *env, struct welcome_work *work, struct sp_buf *out, const struct sp_mls_welcome_make *make)
{
	SP_TRY(sp__mls_welcome_key(&work->key, make->suite, make->member_secret));
	SP_TRY(sp_aead_seal(&work->group_info, make->suite->hpke.aead, sp_secret_bytes(&work->key.key), work->key.nonce, SP_BYTES_NONE, make->group_info));
	SP_TRY(sp__mls_encrypt_prepare(&work->info, make->suite, "Welcome", sp_buf_bytes(&work->group_info)));
	struct sp_writer w = sp_writer_on(out);
	sp__mls_message_header_write(&w, SP_MLS_WIRE_WELCOME);
	sp_write_u16(&w, make->suite->id);
	size_t mark = sp_write_open(&w);
	for (size_t i = 0; i < make->n_to; i++)
		SP_TRY(write_one(env, work, &w, make, &make->to[i]));
	sp_write_close(&w, mark);
	sp_write_vec(&w, sp_buf_bytes(&work->group_info));
	return sp_writer_finish(&w);
}

enum sp_err sp__mls_welcome_make(const struct sp_mls_env *env, struct sp_buf *out, const struct sp_mls_welcome_make *make)
{
	struct welcome_work work = {0};
	struct sp_buf *bufs[] = {&work.group_info, &work.plain, &work.enc, &work.ct};
	for (size_t i = 0; i < SP_ARRAY_LEN(bufs); i++)
		sp_buf_init(bufs[i], SP_LIMIT_MLS_VECTOR);
	enum sp_err e = make_welcome(env, &work, out, make);
	for (size_t i = 0; i < SP_ARRAY_LEN(bufs); i++)
		sp_buf_clear(bufs[i]);
	sp_secret_clear(&work.key.key);
	return e;
}
