/* SPDX-License-Identifier: Apache-2.0
 *
 * SignWithLabel and VerifyWithLabel, RFC 9420 section 5.1.2.
 *
 *   struct {
 *       opaque label<V>;      "MLS 1.0 " + Label
 *       opaque content<V>;
 *   } SignContent;
 */
#include "base/limits.h"
#include "codec/codec.h"
#include "crypto/crypto.h"

static enum sp_err sign_content(struct sp_buf *out, struct sp_bytes label, struct sp_bytes content)
{
	struct sp_writer w = sp_writer_on(out);
	size_t mark = sp_write_open(&w);
	sp_write_fixed(&w, SP_BYTES_LIT("MLS 1.0 "));
	sp_write_fixed(&w, label);
	sp_write_close(&w, mark);
	sp_write_vec(&w, content);
	return sp_writer_finish(&w);
}

enum sp_err sp_sign_with_label(const struct sp_signer *signer, struct sp_buf *out, struct sp_bytes label, struct sp_bytes content)
{
	struct sp_buf tbs;
	sp_buf_init(&tbs, SP_LIMIT_MLS_VECTOR);
	enum sp_err e = sign_content(&tbs, label, content);
	if (e == SP_OK)
		e = sp_sign(signer, out, sp_buf_bytes(&tbs));
	sp_buf_clear(&tbs);
	return e;
}

enum sp_err sp_verify_with_label(const struct sp_verify_key *key, struct sp_bytes label, struct sp_bytes content, struct sp_bytes signature)
{
	struct sp_buf tbs;
	sp_buf_init(&tbs, SP_LIMIT_MLS_VECTOR);
	enum sp_err e = sign_content(&tbs, label, content);
	if (e == SP_OK)
		e = sp_verify(key, sp_buf_bytes(&tbs), signature);
	sp_buf_clear(&tbs);
	return e;
}
