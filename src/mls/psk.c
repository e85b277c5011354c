/* SPDX-License-Identifier: Apache-2.0
 *
 * The PSK secret: RFC 9420 section 8.4.
 */
#include "mls/key_schedule_priv.h"

#include "base/limits.h"

/* struct { PreSharedKeyID id; uint16 index; uint16 count; } PSKLabel; */
static enum sp_err encode_label(struct sp_buf *out, const struct sp_mls_psk_id *id, size_t index, size_t count)
{
	struct sp_writer w = sp_writer_on(out);
	sp__mls_psk_id_write(&w, id);
	sp_write_u16(&w, (uint16_t)index);
	sp_write_u16(&w, (uint16_t)count);
	return sp_writer_finish(&w);
}

struct psk_work {
	struct sp_secret extracted, input, next;
	struct sp_buf label;
};

/* psk_secret_[i+1] = Extract(psk_input_[i], psk_secret_[i]), in place */
static enum sp_err add_psk(struct psk_work *work, struct sp_secret *secret, const struct sp_mls_suite *suite, const struct sp_mls_psk *psk, size_t index,
			   size_t count)
{
	struct sp_secret zero = sp__mls_zero_secret(suite);
	sp_buf_clear(&work->label);
	SP_TRY(encode_label(&work->label, &psk->id, index, count));
	SP_TRY(sp_hkdf_extract(&work->extracted, suite->hash, sp_secret_bytes(&zero), sp_buf_bytes(&psk->secret)));
	SP_TRY(sp__mls_expand_secret(&work->input, suite->nh, suite, &work->extracted, "derived psk", sp_buf_bytes(&work->label)));
	SP_TRY(sp_hkdf_extract(&work->next, suite->hash, sp_secret_bytes(&work->input), sp_secret_bytes(secret)));
	*secret = work->next;
	return SP_OK;
}

enum sp_err sp__mls_psk_secret(struct sp_secret *out, const struct sp_mls_suite *suite, const struct sp_mls_psk *psks, size_t n)
{
	struct psk_work work = {0};
	*out = sp__mls_zero_secret(suite);
	if (n > UINT16_MAX)
		return SP_ERR_TOO_MANY;
	sp_buf_init(&work.label, SP_LIMIT_MLS_VECTOR);
	enum sp_err e = SP_OK;
	for (size_t i = 0; i < n && e == SP_OK; i++)
		e = add_psk(&work, out, suite, &psks[i], i, n);
	sp_secret_clear(&work.extracted);
	sp_secret_clear(&work.input);
	sp_secret_clear(&work.next);
	sp_buf_clear(&work.label);
	if (e != SP_OK)
		sp_secret_clear(out);
	return e;
}
