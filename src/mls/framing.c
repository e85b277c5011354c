/* SPDX-License-Identifier: Apache-2.0
 *
 * Message framing: RFC 9420 sections 6, 6.1 and 6.2.
 */
#include "mls/framing_priv.h"

#include "base/limits.h"

/* -- MLSMessage ------------------------------------------------------------------------------------------------------- */

void sp__mls_message_header_write(struct sp_writer *w, enum sp_mls_wire_format format)
{
	sp_write_u16(w, SP_MLS_VERSION_10);
	sp_write_u16(w, (uint16_t)format);
}

static enum sp_err read_header(struct sp_reader *r, enum sp_mls_wire_format *out, struct sp_diag *diag)
{
	uint16_t version, format;
	SP_TRY(sp_read_u16(r, &version));
	SP_TRY(sp_read_u16(r, &format));
	if (version != SP_MLS_VERSION_10 || format < SP_MLS_WIRE_PUBLIC_MESSAGE || format > SP_MLS_WIRE_KEY_PACKAGE)
		return SP_RULE(diag, SP_ERR_UNSUPPORTED, 1);
	*out = (enum sp_mls_wire_format)format;
	return SP_OK;
}

enum sp_err sp__mls_message_expect(struct sp_bytes *out, struct sp_bytes message, enum sp_mls_wire_format format, struct sp_diag *diag)
{
	struct sp_reader r = sp_reader_of(message);
	enum sp_mls_wire_format got = SP_MLS_WIRE_PUBLIC_MESSAGE;
	*out = SP_BYTES_NONE;
	SP_TRY(read_header(&r, &got, diag));
	if (got != format)
		return SP_RULE(diag, SP_ERR_UNSUPPORTED, 1);
	*out = r.rest;
	return SP_OK;
}

/* -- FramedContent ------------------------------------------------------------------------------------------------------ */

/* struct {
 *     SenderType sender_type;
 *     select (Sender.sender_type) {
 *         case member:   uint32 leaf_index;
 *         case external: uint32 sender_index;
 *         case new_member_commit: case new_member_proposal: struct{};
 *     };
 * } Sender; */
static enum sp_err read_sender(struct sp_reader *r, struct sp_mls_sender *out, struct sp_diag *diag)
{
	uint8_t type;
	SP_TRY(sp_read_u8(r, &type));
	if (type < SP_MLS_SENDER_MEMBER || type > SP_MLS_SENDER_NEW_MEMBER_COMMIT)
		return SP_RULE(diag, SP_ERR_ENCODING, 3);
	*out = (struct sp_mls_sender){(enum sp_mls_sender_type)type, SP_MLS_LEAF_NONE};
	if (type == SP_MLS_SENDER_MEMBER || type == SP_MLS_SENDER_EXTERNAL)
		SP_TRY(sp_read_u32(r, &out->index));
	return SP_OK;
}

static void write_sender(struct sp_writer *w, const struct sp_mls_sender *sender)
{
	sp_write_u8(w, (uint8_t)sender->type);
	if (sender->type == SP_MLS_SENDER_MEMBER || sender->type == SP_MLS_SENDER_EXTERNAL)
		sp_write_u32(w, sender->index);
}

static enum sp_err read_content_type(struct sp_reader *r, enum sp_mls_content_type *out, struct sp_diag *diag)
{
	uint8_t type;
	SP_TRY(sp_read_u8(r, &type));
	if (type < SP_MLS_CONTENT_APPLICATION || type > SP_MLS_CONTENT_COMMIT)
		return SP_RULE(diag, SP_ERR_ENCODING, 3);
	*out = (enum sp_mls_content_type)type;
	return SP_OK;
}

enum sp_err sp__mls_body_read(struct sp_reader *r, enum sp_mls_content_type type, struct sp_bytes *out, struct sp_diag *diag)
{
	struct sp_bytes before = r->rest;
	struct sp_mls_prop prop;
	struct sp_mls_commit commit;
	if (type == SP_MLS_CONTENT_APPLICATION)
		return sp_read_vec(r, out, SP_LIMIT_MLS_VECTOR);
	if (type == SP_MLS_CONTENT_PROPOSAL)
		SP_TRY(sp__mls_prop_read(r, &prop, diag));
	else
		SP_TRY(sp__mls_commit_read(r, &commit, diag));
	*out = (struct sp_bytes){before.p, before.n - r->rest.n};
	return SP_OK;
}

void sp__mls_body_write(struct sp_writer *w, enum sp_mls_content_type type, struct sp_bytes body)
{
	if (type == SP_MLS_CONTENT_APPLICATION)
		sp_write_vec(w, body);
	else
		sp_write_fixed(w, body);
}

/* struct {
 *     opaque group_id<V>;
 *     uint64 epoch;
 *     Sender sender;
 *     opaque authenticated_data<V>;
 *     ContentType content_type;
 *     select (FramedContent.content_type) { ... };
 * } FramedContent; */
enum sp_err sp__mls_content_read(struct sp_reader *r, struct sp_mls_content *out, struct sp_diag *diag)
{
	struct sp_bytes before = r->rest;
	*out = (struct sp_mls_content){0};
	SP_TRY(sp_read_vec(r, &out->group_id, SP_LIMIT_MLS_VECTOR));
	SP_TRY(sp_read_u64(r, &out->epoch));
	SP_TRY(read_sender(r, &out->sender, diag));
	SP_TRY(sp_read_vec(r, &out->authenticated_data, SP_LIMIT_MLS_VECTOR));
	SP_TRY(read_content_type(r, &out->type, diag));
	SP_TRY(sp__mls_body_read(r, out->type, &out->body, diag));
	out->encoded = (struct sp_bytes){before.p, before.n - r->rest.n};
	return SP_OK;
}

enum sp_err sp__mls_content_encode(struct sp_buf *out, const struct sp_mls_content *content)
{
	struct sp_writer w = sp_writer_on(out);
	sp_write_vec(&w, content->group_id);
	sp_write_u64(&w, content->epoch);
	write_sender(&w, &content->sender);
	sp_write_vec(&w, content->authenticated_data);
	sp_write_u8(&w, (uint8_t)content->type);
	sp__mls_body_write(&w, content->type, content->body);
	return sp_writer_finish(&w);
}

/* -- FramedContentAuthData, AuthenticatedContent -------------------------------------------------------------------------- */

/* struct {
 *     opaque signature<V>;
 *     select (FramedContent.content_type) { case commit: MAC confirmation_tag; ... };
 * } FramedContentAuthData; */
enum sp_err sp__mls_auth_data_read(struct sp_reader *r, struct sp_mls_auth_content *out)
{
	SP_TRY(sp_read_vec(r, &out->signature, SP_LIMIT_MLS_VECTOR));
	if (out->content.type == SP_MLS_CONTENT_COMMIT)
		SP_TRY(sp_read_vec(r, &out->confirmation_tag, SP_HASH_MAX));
	return SP_OK;
}

void sp__mls_auth_data_write(struct sp_writer *w, const struct sp_mls_auth_content *auth)
{
	sp_write_vec(w, auth->signature);
	if (auth->content.type == SP_MLS_CONTENT_COMMIT)
		sp_write_vec(w, auth->confirmation_tag);
}

/* struct { WireFormat wire_format; FramedContent content; FramedContentAuthData auth; } AuthenticatedContent; */
enum sp_err sp__mls_auth_content_encode(struct sp_buf *out, const struct sp_mls_auth_content *auth)
{
	struct sp_writer w = sp_writer_on(out);
	sp_write_u16(&w, (uint16_t)auth->wire_format);
	sp_write_fixed(&w, auth->content.encoded);
	sp__mls_auth_data_write(&w, auth);
	return sp_writer_finish(&w);
}

enum sp_err sp__mls_auth_content_read(struct sp_reader *r, struct sp_mls_auth_content *out, struct sp_diag *diag)
{
	uint16_t format;
	*out = (struct sp_mls_auth_content){0};
	SP_TRY(sp_read_u16(r, &format));
	if (format != SP_MLS_WIRE_PUBLIC_MESSAGE && format != SP_MLS_WIRE_PRIVATE_MESSAGE)
		return SP_RULE(diag, SP_ERR_UNSUPPORTED, 1);
	out->wire_format = (enum sp_mls_wire_format)format;
	SP_TRY(sp__mls_content_read(r, &out->content, diag));
	return sp__mls_auth_data_read(r, out);
}

static enum sp_err hash_proposal(struct sp_hash *out, struct sp_buf *buf, const struct sp_mls_suite *suite, const struct sp_mls_auth_content *auth)
{
	SP_TRY(sp__mls_auth_content_encode(buf, auth));
	return sp__mls_ref_hash(out, suite, "MLS 1.0 Proposal Reference", sp_buf_bytes(buf));
}

enum sp_err sp__mls_proposal_ref(struct sp_hash *out, const struct sp_mls_suite *suite, const struct sp_mls_auth_content *auth)
{
	struct sp_buf buf;
	sp_buf_init(&buf, SP_LIMIT_MLS_VECTOR);
	enum sp_err e = hash_proposal(out, &buf, suite, auth);
	sp_buf_clear(&buf);
	return e;
}

/* -- signature (section 6.1) ------------------------------------------------------------------------------------------------ */

/* struct {
 *     ProtocolVersion version = mls10;
 *     WireFormat wire_format;
 *     FramedContent content;
 *     select (FramedContentTBS.content.sender.sender_type) {
 *         case member: case new_member_commit: GroupContext context;
 *         case external: case new_member_proposal: struct{};
 *     };
 * } FramedContentTBS; */
static enum sp_err encode_tbs(struct sp_buf *out, enum sp_mls_wire_format format, const struct sp_mls_content *content, struct sp_bytes group_context)
{
	struct sp_writer w = sp_writer_on(out);
	sp__mls_message_header_write(&w, format);
	sp_write_fixed(&w, content->encoded);
	if (content->sender.type == SP_MLS_SENDER_MEMBER || content->sender.type == SP_MLS_SENDER_NEW_MEMBER_COMMIT)
		sp_write_fixed(&w, group_context);
	return sp_writer_finish(&w);
}

enum sp_err sp__mls_content_sign(const struct sp_signer *signer, struct sp_buf *out_signature, enum sp_mls_wire_format format,
				 const struct sp_mls_content *content, struct sp_bytes group_context)
{
	struct sp_buf tbs;
	sp_buf_init(&tbs, SP_LIMIT_MLS_VECTOR);
	enum sp_err e = encode_tbs(&tbs, format, content, group_context);
	if (e == SP_OK)
		e = sp_sign_with_label(signer, out_signature, SP_BYTES_LIT("FramedContentTBS"), sp_buf_bytes(&tbs));
	sp_buf_clear(&tbs);
	return e;
}

enum sp_err sp__mls_content_verify(const struct sp_verify_key *key, const struct sp_mls_auth_content *auth, struct sp_bytes group_context,
				   struct sp_diag *diag)
{
	struct sp_buf tbs;
	sp_buf_init(&tbs, SP_LIMIT_MLS_VECTOR);
	enum sp_err e = encode_tbs(&tbs, auth->wire_format, &auth->content, group_context);
	if (e == SP_OK)
		e = sp_verify_with_label(key, SP_BYTES_LIT("FramedContentTBS"), sp_buf_bytes(&tbs), auth->signature);
	sp_buf_clear(&tbs);
	return e == SP_ERR_SIGNATURE ? SP_RULE(diag, e, 6) : e;
}

/* -- PublicMessage (section 6.2) ----------------------------------------------------------------------------------------------- */

/* struct { FramedContentTBS content_tbs; FramedContentAuthData auth; } AuthenticatedContentTBM; */
static enum sp_err encode_tbm(struct sp_buf *out, const struct sp_mls_auth_content *auth, struct sp_bytes group_context)
{
	SP_TRY(encode_tbs(out, auth->wire_format, &auth->content, group_context));
	struct sp_writer w = sp_writer_on(out);
	sp__mls_auth_data_write(&w, auth);
	return sp_writer_finish(&w);
}

enum sp_err sp__mls_membership_tag(struct sp_secret *out, const struct sp_mls_suite *suite, const struct sp_secret *membership_key,
				   const struct sp_mls_auth_content *auth, struct sp_bytes group_context)
{
	struct sp_buf tbm;
	sp_buf_init(&tbm, SP_LIMIT_MLS_VECTOR);
	enum sp_err e = encode_tbm(&tbm, auth, group_context);
	if (e == SP_OK)
		e = sp_hmac(out, suite->hash, sp_secret_bytes(membership_key), sp_buf_bytes(&tbm));
	sp_buf_clear(&tbm);
	return e;
}

/* struct {
 *     FramedContent content;
 *     FramedContentAuthData auth;
 *     select (PublicMessage.content.sender.sender_type) { case member: MAC membership_tag; ... };
 * } PublicMessage; */
enum sp_err sp__mls_public_message_encode(struct sp_buf *out, const struct sp_mls_auth_content *auth, struct sp_bytes membership_tag)
{
	struct sp_writer w = sp_writer_on(out);
	sp__mls_message_header_write(&w, SP_MLS_WIRE_PUBLIC_MESSAGE);
	sp_write_fixed(&w, auth->content.encoded);
	sp__mls_auth_data_write(&w, auth);
	if (auth->content.sender.type == SP_MLS_SENDER_MEMBER)
		sp_write_vec(&w, membership_tag);
	return sp_writer_finish(&w);
}

/* What each type of sender may send, and how (sections 6, 6.1, 12.1.8): not judged by decoding alone. */
enum sp_err sp__mls_sender_check(const struct sp_mls_content *content, struct sp_diag *diag)
{
	enum sp_mls_sender_type sender = content->sender.type;
	if (content->type == SP_MLS_CONTENT_APPLICATION)
		return SP_RULE(diag, SP_ERR_INVALID, 4);
	if (sender == SP_MLS_SENDER_EXTERNAL && content->type != SP_MLS_CONTENT_PROPOSAL)
		return SP_RULE(diag, SP_ERR_INVALID, 7);
	if (sender == SP_MLS_SENDER_NEW_MEMBER_COMMIT && content->type != SP_MLS_CONTENT_COMMIT)
		return SP_RULE(diag, SP_ERR_INVALID, 8);
	if (sender == SP_MLS_SENDER_NEW_MEMBER_PROPOSAL && content->type != SP_MLS_CONTENT_PROPOSAL)
		return SP_RULE(diag, SP_ERR_INVALID, 9);
	return SP_OK;
}

static enum sp_err read_public(struct sp_reader *r, struct sp_mls_public_message *out, struct sp_diag *diag)
{
	out->auth.wire_format = SP_MLS_WIRE_PUBLIC_MESSAGE;
	SP_TRY(sp__mls_content_read(r, &out->auth.content, diag));
	SP_TRY(sp__mls_auth_data_read(r, &out->auth));
	if (out->auth.content.sender.type == SP_MLS_SENDER_MEMBER)
		SP_TRY(sp_read_vec(r, &out->membership_tag, SP_HASH_MAX));
	return sp_reader_finish(r);
}

/* struct {
 *     opaque group_id<V>;
 *     uint64 epoch;
 *     ContentType content_type;
 *     opaque authenticated_data<V>;
 *     opaque encrypted_sender_data<V>;
 *     opaque ciphertext<V>;
 * } PrivateMessage; */
static enum sp_err read_private(struct sp_reader *r, struct sp_mls_private_message *out, struct sp_diag *diag)
{
	SP_TRY(sp_read_vec(r, &out->group_id, SP_LIMIT_MLS_VECTOR));
	SP_TRY(sp_read_u64(r, &out->epoch));
	SP_TRY(read_content_type(r, &out->type, diag));
	SP_TRY(sp_read_vec(r, &out->authenticated_data, SP_LIMIT_MLS_VECTOR));
	SP_TRY(sp_read_vec(r, &out->encrypted_sender_data, SP_LIMIT_MLS_VECTOR));
	SP_TRY(sp_read_vec(r, &out->ciphertext, SP_LIMIT_MLS_VECTOR));
	return sp_reader_finish(r);
}

/* A malformed message of any kind is rule 20 (unless a more exact rule spoke). */
static enum sp_err encoding_rule(enum sp_err e, struct sp_diag *diag)
{
	if (e == SP_ERR_TRUNCATED || e == SP_ERR_TRAILING || (e == SP_ERR_ENCODING && (!diag || diag->err != e)))
		return SP_RULE(diag, e, 20);
	return e;
}

static enum sp_err read_message(struct sp_mls_message *out, struct sp_bytes message, struct sp_diag *diag)
{
	struct sp_reader r = sp_reader_of(message);
	SP_TRY(read_header(&r, &out->wire_format, diag));
	out->body = r.rest;
	if (out->wire_format == SP_MLS_WIRE_PUBLIC_MESSAGE)
		return read_public(&r, &out->public_msg, diag);
	if (out->wire_format == SP_MLS_WIRE_PRIVATE_MESSAGE)
		return read_private(&r, &out->private_msg, diag);
	return SP_OK;
}

enum sp_err sp__mls_message_read(struct sp_mls_message *out, struct sp_bytes message, struct sp_diag *diag)
{
	*out = (struct sp_mls_message){0};
	return encoding_rule(read_message(out, message, diag), diag);
}
