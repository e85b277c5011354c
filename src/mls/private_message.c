/* SPDX-License-Identifier: Apache-2.0
 *
 * PrivateMessage: RFC 9420 section 6.3. Keys come from the secret tree; here they are used once and wiped.
 */
#include "mls/framing_priv.h"

#include "base/limits.h"

/* struct { opaque group_id<V>; uint64 epoch; ContentType content_type; } SenderDataAAD;
 * PrivateContentAAD is the same with authenticated_data<V> after it. */
static enum sp_err encode_aad(struct sp_buf *out, const struct sp_mls_private_message *message, bool with_authenticated_data)
{
	struct sp_writer w = sp_writer_on(out);
	sp_write_vec(&w, message->group_id);
	sp_write_u64(&w, message->epoch);
	sp_write_u8(&w, (uint8_t)message->type);
	if (with_authenticated_data)
		sp_write_vec(&w, message->authenticated_data);
	return sp_writer_finish(&w);
}

/* -- sender data (section 6.3.2) --------------------------------------------------------------------------------------- */

static enum sp_err sender_data_key(struct sp_mls_message_key *out, const struct sp_mls_suite *suite, const struct sp_secret *secret, struct sp_bytes ciphertext)
{
	struct sp_bytes sample = {ciphertext.p, SP_MIN(ciphertext.n, suite->nh)};
	SP_TRY(sp__mls_expand_secret(&out->key, suite->nk, suite, secret, "key", sample));
	return sp__mls_expand_with_label(out->nonce, sizeof out->nonce, suite, sp_secret_bytes(secret), "nonce", sample);
}

/* struct { uint32 leaf_index; uint32 generation; opaque reuse_guard[4]; } SenderData; */
static enum sp_err read_sender_data(struct sp_mls_sender_data *out, struct sp_bytes plain)
{
	struct sp_reader r = sp_reader_of(plain);
	SP_TRY(sp_read_u32(&r, &out->leaf));
	SP_TRY(sp_read_u32(&r, &out->generation));
	SP_TRY(sp_read_into(&r, out->reuse_guard, sizeof out->reuse_guard));
	return sp_reader_finish(&r);
}

struct sender_data_work {
	struct sp_mls_message_key key;
	struct sp_buf aad;
	struct sp_buf plain;
};

static enum sp_err open_sender_data(struct sender_data_work *work, struct sp_mls_sender_data *out, const struct sp_mls_suite *suite,
				    const struct sp_secret *secret, const struct sp_mls_private_message *message)
{
	SP_TRY(sender_data_key(&work->key, suite, secret, message->ciphertext));
	SP_TRY(encode_aad(&work->aad, message, false));
	SP_TRY(sp_aead_open(&work->plain, suite->hpke.aead, sp_secret_bytes(&work->key.key), work->key.nonce, sp_buf_bytes(&work->aad),
			    message->encrypted_sender_data));
	return read_sender_data(out, sp_buf_bytes(&work->plain));
}

enum sp_err sp__mls_sender_data_open(struct sp_mls_sender_data *out, const struct sp_mls_suite *suite, const struct sp_secret *sender_data_secret,
				     const struct sp_mls_private_message *message, struct sp_diag *diag)
{
	struct sender_data_work work = {0};
	sp_buf_init(&work.aad, SP_LIMIT_MLS_VECTOR);
	sp_buf_init(&work.plain, 64);
	enum sp_err e = open_sender_data(&work, out, suite, sender_data_secret, message);
	sp_secret_clear(&work.key.key);
	sp_buf_clear(&work.aad);
	sp_buf_clear(&work.plain);
	return sp_err_class(e) == SP_CLASS_INPUT || e == SP_ERR_DECRYPT || e == SP_ERR_TOO_LONG ? SP_RULE(diag, SP_ERR_DECRYPT, 13) : e;
}

/* -- content (section 6.3.1) ---------------------------------------------------------------------------------------------- */

static void guarded_nonce(uint8_t out[SP_AEAD_NONCE], const uint8_t nonce[SP_AEAD_NONCE], const uint8_t guard[4])
{
	sp_copy(out, nonce, SP_AEAD_NONCE);
	for (size_t i = 0; i < 4; i++)
		out[i] ^= guard[i];
}

static bool bytes_has_only_zero(struct sp_bytes in)
{
	uint8_t any = 0;
	for (size_t i = 0; i < in.n; i++)
		any |= in.p[i];
	return any == 0;
}

/* struct {
 *     select (PrivateMessage.content_type) { ... };
 *     FramedContentAuthData auth;
 *     opaque padding[length_of_padding];
 * } PrivateMessageContent; */
static enum sp_err read_private_content(struct sp_mls_auth_content *out, struct sp_bytes plain, struct sp_diag *diag)
{
	struct sp_reader r = sp_reader_of(plain);
	SP_TRY(sp__mls_body_read(&r, out->content.type, &out->content.body, diag));
	SP_TRY(sp__mls_auth_data_read(&r, out));
	if (!bytes_has_only_zero(r.rest))
		return SP_RULE(diag, SP_ERR_ENCODING, 12);
	return SP_OK;
}

static enum sp_err open_content(struct sp_buf *aad, struct sp_buf *plain, const struct sp_mls_suite *suite, const struct sp_mls_private_message *message,
				const struct sp_mls_message_key *key, const uint8_t guard[4])
{
	uint8_t nonce[SP_AEAD_NONCE];
	guarded_nonce(nonce, key->nonce, guard);
	SP_TRY(encode_aad(aad, message, true));
	return sp_aead_open(plain, suite->hpke.aead, sp_secret_bytes(&key->key), nonce, sp_buf_bytes(aad), message->ciphertext);
}

enum sp_err sp__mls_private_open(struct sp_mls_auth_content *out, struct sp_buf *plain, struct sp_buf *framed, const struct sp_mls_suite *suite,
				 const struct sp_mls_private_message *message, const struct sp_mls_sender_data *sender,
				 const struct sp_mls_message_key *key, struct sp_diag *diag)
{
	struct sp_buf aad;
	sp_buf_init(&aad, SP_LIMIT_MLS_VECTOR);
	enum sp_err e = open_content(&aad, plain, suite, message, key, sender->reuse_guard);
	sp_buf_clear(&aad);
	if (e == SP_ERR_DECRYPT)
		return SP_RULE(diag, e, 14);
	SP_TRY(e);
	*out = (struct sp_mls_auth_content){.wire_format = SP_MLS_WIRE_PRIVATE_MESSAGE};
	out->content = (struct sp_mls_content){.group_id = message->group_id,
					       .epoch = message->epoch,
					       .sender = {SP_MLS_SENDER_MEMBER, sender->leaf},
					       .authenticated_data = message->authenticated_data,
					       .type = message->type};
	SP_TRY(read_private_content(out, sp_buf_bytes(plain), diag));
	size_t at = framed->n;
	SP_TRY(sp__mls_content_encode(framed, &out->content));
	out->content.encoded = (struct sp_bytes){framed->p + at, framed->n - at};
	return SP_OK;
}

/* -- sealing ------------------------------------------------------------------------------------------------------------------ */

struct seal_work {
	struct sp_mls_message_key sender_key;
	struct sp_mls_sender_data sender;
	struct sp_buf aad, plain, ciphertext, sender_plain, sender_sealed;
};

static enum sp_err encode_plain(struct sp_buf *out, const struct sp_mls_auth_content *auth, size_t padding)
{
	uint8_t *zero;
	struct sp_writer w = sp_writer_on(out);
	sp__mls_body_write(&w, auth->content.type, auth->content.body);
	sp__mls_auth_data_write(&w, auth);
	SP_TRY(sp_writer_finish(&w));
	return sp_buf_extend(out, padding, &zero);
}

static enum sp_err seal_content(struct seal_work *work, const struct sp_mls_private_seal *how, const struct sp_mls_auth_content *auth,
				const struct sp_mls_private_message *header)
{
	uint8_t nonce[SP_AEAD_NONCE];
	SP_TRY(sp_rng_fill(how->rng, work->sender.reuse_guard, sizeof work->sender.reuse_guard));
	guarded_nonce(nonce, how->key->nonce, work->sender.reuse_guard);
	SP_TRY(encode_plain(&work->plain, auth, how->padding));
	SP_TRY(encode_aad(&work->aad, header, true));
	return sp_aead_seal(&work->ciphertext, how->suite->hpke.aead, sp_secret_bytes(&how->key->key), nonce, sp_buf_bytes(&work->aad),
			    sp_buf_bytes(&work->plain));
}

static enum sp_err seal_sender_data(struct seal_work *work, const struct sp_mls_private_seal *how, const struct sp_mls_private_message *header)
{
	struct sp_writer w = sp_writer_on(&work->sender_plain);
	sp_write_u32(&w, work->sender.leaf);
	sp_write_u32(&w, how->generation);
	sp_write_fixed(&w, SP_BYTES_OF(work->sender.reuse_guard));
	SP_TRY(sp_writer_finish(&w));
	sp_buf_clear(&work->aad);
	SP_TRY(encode_aad(&work->aad, header, false));
	SP_TRY(sender_data_key(&work->sender_key, how->suite, how->sender_data_secret, sp_buf_bytes(&work->ciphertext)));
	return sp_aead_seal(&work->sender_sealed, how->suite->hpke.aead, sp_secret_bytes(&work->sender_key.key), work->sender_key.nonce,
			    sp_buf_bytes(&work->aad), sp_buf_bytes(&work->sender_plain));
}

static enum sp_err encode_private(struct sp_buf *out, const struct sp_mls_private_message *m)
{
	struct sp_writer w = sp_writer_on(out);
	sp__mls_message_header_write(&w, SP_MLS_WIRE_PRIVATE_MESSAGE);
	sp_write_vec(&w, m->group_id);
	sp_write_u64(&w, m->epoch);
	sp_write_u8(&w, (uint8_t)m->type);
	sp_write_vec(&w, m->authenticated_data);
	sp_write_vec(&w, m->encrypted_sender_data);
	sp_write_vec(&w, m->ciphertext);
	return sp_writer_finish(&w);
}

static enum sp_err seal(struct seal_work *work, struct sp_buf *out, const struct sp_mls_private_seal *how, const struct sp_mls_auth_content *auth)
{
	struct sp_mls_private_message m = {.group_id = auth->content.group_id,
					   .epoch = auth->content.epoch,
					   .type = auth->content.type,
					   .authenticated_data = auth->content.authenticated_data};
	work->sender.leaf = auth->content.sender.index;
	SP_TRY(seal_content(work, how, auth, &m));
	SP_TRY(seal_sender_data(work, how, &m));
	m.encrypted_sender_data = sp_buf_bytes(&work->sender_sealed);
	m.ciphertext = sp_buf_bytes(&work->ciphertext);
	return encode_private(out, &m);
}

enum sp_err sp__mls_private_seal(struct sp_buf *out, const struct sp_mls_private_seal *how, const struct sp_mls_auth_content *auth)
{
	struct seal_work work = {0};
	struct sp_buf *bufs[] = {&work.aad, &work.plain, &work.ciphertext, &work.sender_plain, &work.sender_sealed};
	for (size_t i = 0; i < SP_ARRAY_LEN(bufs); i++)
		sp_buf_init(bufs[i], SP_LIMIT_MLS_VECTOR);
	enum sp_err e = seal(&work, out, how, auth);
	for (size_t i = 0; i < SP_ARRAY_LEN(bufs); i++)
		sp_buf_clear(bufs[i]);
	sp_secret_clear(&work.sender_key.key);
	return e;
}
