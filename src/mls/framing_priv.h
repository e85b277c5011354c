/* SPDX-License-Identifier: Apache-2.0
 *
 * Message framing: RFC 9420 section 6. Decoded forms borrow. A message passes through three types: sp_mls_message (decoded), then
 * sp_mls_auth_content (the content and its proof, still unverified), then what the group makes of it after verification.
 */
#ifndef SP_MLS_FRAMING_PRIV_H
#define SP_MLS_FRAMING_PRIV_H

#include "mls/context_priv.h"
#include "mls/proposal_priv.h"

/* FramedContent */
struct sp_mls_content {
	struct sp_bytes encoded;
	struct sp_bytes group_id;
	uint64_t epoch;
	struct sp_mls_sender sender;
	struct sp_bytes authenticated_data;
	enum sp_mls_content_type type;
	struct sp_bytes body; /* the application data itself; or the encoded Proposal or Commit */
};
/* AuthenticatedContent */
struct sp_mls_auth_content {
	enum sp_mls_wire_format wire_format;
	struct sp_mls_content content;
	struct sp_bytes signature;
	struct sp_bytes confirmation_tag; /* commits */
};
struct sp_mls_public_message {
	struct sp_mls_auth_content auth;
	struct sp_bytes membership_tag; /* of a member */
};
struct sp_mls_private_message {
	struct sp_bytes group_id;
	uint64_t epoch;
	enum sp_mls_content_type type;
	struct sp_bytes authenticated_data;
	struct sp_bytes encrypted_sender_data;
	struct sp_bytes ciphertext;
};
struct sp_mls_message {
	enum sp_mls_wire_format wire_format;
	struct sp_bytes body;                      /* what follows the two header fields */
	struct sp_mls_public_message public_msg;   /* PUBLIC_MESSAGE */
	struct sp_mls_private_message private_msg; /* PRIVATE_MESSAGE */
};

/* Decodes a whole MLSMessage; for Welcome, GroupInfo and KeyPackage only its header. */
SP_MUST_USE enum sp_err sp__mls_message_read(struct sp_mls_message *out, struct sp_bytes message, struct sp_diag *diag);
/* Decodes the header and demands one wire format; *out is what follows. */
SP_MUST_USE enum sp_err sp__mls_message_expect(struct sp_bytes *out, struct sp_bytes message, enum sp_mls_wire_format format, struct sp_diag *diag);
void sp__mls_message_header_write(struct sp_writer *w, enum sp_mls_wire_format format);

/* Appends a FramedContent. body as in struct sp_mls_content; `encoded` is not looked at. */
SP_MUST_USE enum sp_err sp__mls_content_encode(struct sp_buf *out, const struct sp_mls_content *content);
SP_MUST_USE enum sp_err sp__mls_content_read(struct sp_reader *r, struct sp_mls_content *out, struct sp_diag *diag);
/* The `select (content_type)` part alone, as in FramedContent and PrivateMessageContent. */
SP_MUST_USE enum sp_err sp__mls_body_read(struct sp_reader *r, enum sp_mls_content_type type, struct sp_bytes *out, struct sp_diag *diag);
void sp__mls_body_write(struct sp_writer *w, enum sp_mls_content_type type, struct sp_bytes body);
/* FramedContentAuthData */
SP_MUST_USE enum sp_err sp__mls_auth_data_read(struct sp_reader *r, struct sp_mls_auth_content *out);
void sp__mls_auth_data_write(struct sp_writer *w, const struct sp_mls_auth_content *auth);
/* AuthenticatedContent, as it is hashed for a ProposalRef. */
SP_MUST_USE enum sp_err sp__mls_auth_content_encode(struct sp_buf *out, const struct sp_mls_auth_content *auth);
SP_MUST_USE enum sp_err sp__mls_auth_content_read(struct sp_reader *r, struct sp_mls_auth_content *out, struct sp_diag *diag);
/* ProposalRef (section 5.2). */
SP_MUST_USE enum sp_err sp__mls_proposal_ref(struct sp_hash *out, const struct sp_mls_suite *suite, const struct sp_mls_auth_content *auth);

/* May a sender of this type send this as PublicMessage? */
SP_MUST_USE enum sp_err sp__mls_sender_check(const struct sp_mls_content *content, struct sp_diag *diag);
/* Section 6.1. group_context is the encoded GroupContext of the message's epoch; used as the sender type demands. content.encoded is set. */
SP_MUST_USE enum sp_err sp__mls_content_sign(const struct sp_signer *signer, struct sp_buf *out_signature, enum sp_mls_wire_format format,
					     const struct sp_mls_content *content, struct sp_bytes group_context);
SP_MUST_USE enum sp_err sp__mls_content_verify(const struct sp_verify_key *key, const struct sp_mls_auth_content *auth, struct sp_bytes group_context,
					       struct sp_diag *diag);
/* Section 6.2 */
SP_MUST_USE enum sp_err sp__mls_membership_tag(struct sp_secret *out, const struct sp_mls_suite *suite, const struct sp_secret *membership_key,
					       const struct sp_mls_auth_content *auth, struct sp_bytes group_context);
/* Appends an MLSMessage with a PublicMessage; membership_tag is empty unless the sender is a member. */
SP_MUST_USE enum sp_err sp__mls_public_message_encode(struct sp_buf *out, const struct sp_mls_auth_content *auth, struct sp_bytes membership_tag);

/* -- PrivateMessage (section 6.3), private_message.c --------------------------------------------------------------------- */

/* SenderData, and the key of the generation it names */
struct sp_mls_sender_data {
	uint32_t leaf;
	uint32_t generation;
	uint8_t reuse_guard[4];
};
struct sp_mls_message_key {
	struct sp_secret key;
	uint8_t nonce[SP_AEAD_NONCE];
};
SP_MUST_USE enum sp_err sp__mls_sender_data_open(struct sp_mls_sender_data *out, const struct sp_mls_suite *suite, const struct sp_secret *sender_data_secret,
						 const struct sp_mls_private_message *message, struct sp_diag *diag);
/* Opens the content into `plain` (whose bytes `out` borrows; out->content.encoded goes to `framed`). `sender` is the sender data opened before. */
SP_MUST_USE enum sp_err sp__mls_private_open(struct sp_mls_auth_content *out, struct sp_buf *plain, struct sp_buf *framed, const struct sp_mls_suite *suite,
					     const struct sp_mls_private_message *message, const struct sp_mls_sender_data *sender,
					     const struct sp_mls_message_key *key, struct sp_diag *diag);
struct sp_mls_private_seal {
	const struct sp_mls_suite *suite;
	const struct sp_rng *rng;
	const struct sp_secret *sender_data_secret;
	const struct sp_mls_message_key *key;
	uint32_t generation;
	size_t padding;
};
/* Appends an MLSMessage with a PrivateMessage. */
SP_MUST_USE enum sp_err sp__mls_private_seal(struct sp_buf *out, const struct sp_mls_private_seal *how, const struct sp_mls_auth_content *auth);

#endif
