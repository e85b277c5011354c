/* SPDX-License-Identifier: Apache-2.0
 *
 * Transcript hashes and the confirmation tag: RFC 9420 sections 8.2 and 6.1.
 */
#include "mls/key_schedule_priv.h"

#include "base/limits.h"

/* struct {
 *     WireFormat wire_format;
 *     FramedContent content; // with content_type == commit
 *     opaque signature<V>;
 * } ConfirmedTranscriptHashInput; */
static enum sp_err hash_confirmed(struct sp_hash *out, struct sp_buf *buf, const struct sp_mls_suite *suite, struct sp_bytes interim_before,
				  const struct sp_mls_auth_content *commit)
{
	struct sp_writer w = sp_writer_on(buf);
	sp_write_fixed(&w, interim_before);
	sp_write_u16(&w, (uint16_t)commit->wire_format);
	sp_write_fixed(&w, commit->content.encoded);
	sp_write_vec(&w, commit->signature);
	SP_TRY(sp_writer_finish(&w));
	return sp_hash_of(out, suite->hash, sp_buf_bytes(buf));
}

enum sp_err sp__mls_confirmed_hash(struct sp_hash *out, const struct sp_mls_suite *suite, struct sp_bytes interim_before,
				   const struct sp_mls_auth_content *commit)
{
	struct sp_buf buf;
	sp_buf_init(&buf, (size_t)SP_LIMIT_MLS_VECTOR * 2);
	enum sp_err e = hash_confirmed(out, &buf, suite, interim_before, commit);
	sp_buf_clear(&buf);
	return e;
}

/* struct { MAC confirmation_tag; } InterimTranscriptHashInput; */
static enum sp_err hash_interim(struct sp_hash *out, struct sp_buf *buf, const struct sp_mls_suite *suite, struct sp_bytes confirmed,
				struct sp_bytes confirmation_tag)
{
	struct sp_writer w = sp_writer_on(buf);
	sp_write_fixed(&w, confirmed);
	sp_write_vec(&w, confirmation_tag);
	SP_TRY(sp_writer_finish(&w));
	return sp_hash_of(out, suite->hash, sp_buf_bytes(buf));
}

enum sp_err sp__mls_interim_hash(struct sp_hash *out, const struct sp_mls_suite *suite, struct sp_bytes confirmed, struct sp_bytes confirmation_tag)
{
	struct sp_buf buf;
	sp_buf_init(&buf, 4 * SP_HASH_MAX);
	enum sp_err e = hash_interim(out, &buf, suite, confirmed, confirmation_tag);
	sp_buf_clear(&buf);
	return e;
}

enum sp_err sp__mls_confirmation_tag(struct sp_secret *out, const struct sp_mls_suite *suite, const struct sp_secret *confirmation_key,
				     struct sp_bytes confirmed)
{
	return sp_hmac(out, suite->hash, sp_secret_bytes(confirmation_key), confirmed);
}
