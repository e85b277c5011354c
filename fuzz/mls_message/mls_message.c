/* SPDX-License-Identifier: Apache-2.0
 *
 * An MLSMessage of unknown origin, as far as it is decoded without keys. Properties: what decodes as PublicMessage encodes to the same bytes; peek
 * succeeds only on what decodes; a slice of a Welcome is a Welcome.
 */
#include "mls/group_info_priv.h"
#include "../fuzz.h"

static void same_public(const struct sp_mls_public_message *message, struct sp_bytes in)
{
	struct sp_buf content, whole;
	struct sp_mls_auth_content auth = message->auth;
	sp_buf_init(&content, 1u << 26);
	sp_buf_init(&whole, 1u << 26);
	FUZZ_CHECK(sp__mls_content_encode(&content, &auth.content) == SP_OK);
	auth.content.encoded = sp_buf_bytes(&content);
	FUZZ_CHECK(sp__mls_public_message_encode(&whole, &auth, message->membership_tag) == SP_OK);
	FUZZ_CHECK(sp_bytes_equal(sp_buf_bytes(&whole), in));
	sp_buf_clear(&content);
	sp_buf_clear(&whole);
}

static void slice_first(struct sp_bytes in)
{
	struct sp_bytes ref;
	struct sp_mls_peek peek;
	struct sp_buf out;
	if (sp_mls_welcome_recipient(&ref, in, 0) != SP_OK)
		return;
	sp_buf_init(&out, 1u << 26);
	enum sp_err e = sp_mls_welcome_slice(&out, in, &ref, 1);
	FUZZ_CHECK(e != SP_OK || (sp_mls_peek(&peek, sp_buf_bytes(&out)) == SP_OK && peek.wire_format == SP_MLS_WIRE_WELCOME));
	sp_buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_bytes in = {data, size};
	struct sp_mls_message message;
	struct sp_mls_peek peek;
	enum sp_err decoded = sp__mls_message_read(&message, in, NULL), peeked = sp_mls_peek(&peek, in);
	FUZZ_CHECK(peeked != SP_OK || decoded == SP_OK);
	if (decoded == SP_OK && message.wire_format == SP_MLS_WIRE_PUBLIC_MESSAGE)
		same_public(&message.public_msg, in);
	if (peeked == SP_OK && peek.wire_format == SP_MLS_WIRE_WELCOME)
		slice_first(in);
	return 0;
}
