/* SPDX-License-Identifier: Apache-2.0
 *
 * What an MLSMessage tells without keys (RFC 9420 section 6): for routing and buffering. Nothing is verified.
 */
#include "mls/group_info_priv.h"

#include "base/limits.h"
#include "mls/key_package_priv.h"

static enum sp_err peek_group_info(struct sp_mls_peek *out, struct sp_bytes body)
{
	struct sp_mls_group_info info;
	SP_TRY(sp__mls_group_info_read(&info, body, NULL));
	out->group_id = info.context.group_id;
	out->epoch = info.context.epoch;
	out->suite = info.context.suite;
	return SP_OK;
}

static enum sp_err peek_welcome(struct sp_mls_peek *out, struct sp_bytes message)
{
	struct sp_mls_welcome welcome;
	SP_TRY(sp__mls_welcome_read(&welcome, message, NULL));
	out->suite = welcome.suite;
	return SP_OK;
}

static enum sp_err peek_key_package(struct sp_mls_peek *out, struct sp_bytes message)
{
	struct sp_mls_key_package kp;
	SP_TRY(sp__mls_key_package_message_read(message, &kp, NULL));
	out->suite = kp.suite;
	return SP_OK;
}

static void peek_public(struct sp_mls_peek *out, const struct sp_mls_content *content)
{
	out->group_id = content->group_id;
	out->epoch = content->epoch;
	out->content_type = content->type;
	out->sender = content->sender;
	out->authenticated_data = content->authenticated_data;
}

static void peek_private(struct sp_mls_peek *out, const struct sp_mls_private_message *message)
{
	out->group_id = message->group_id;
	out->epoch = message->epoch;
	out->content_type = message->type;
	out->authenticated_data = message->authenticated_data;
}

static enum sp_err peek(struct sp_mls_peek *out, struct sp_bytes message)
{
	struct sp_mls_message m;
	SP_TRY(sp__mls_message_read(&m, message, NULL));
	out->wire_format = m.wire_format;
	switch (m.wire_format) {
	case SP_MLS_WIRE_PUBLIC_MESSAGE:
		peek_public(out, &m.public_msg.auth.content);
		return SP_OK;
	case SP_MLS_WIRE_PRIVATE_MESSAGE:
		peek_private(out, &m.private_msg);
		return SP_OK;
	case SP_MLS_WIRE_WELCOME:
		return peek_welcome(out, message);
	case SP_MLS_WIRE_GROUP_INFO:
		return peek_group_info(out, m.body);
	case SP_MLS_WIRE_KEY_PACKAGE:
		return peek_key_package(out, message);
	}
	return SP_ERR_UNSUPPORTED;
}

enum sp_err sp_mls_peek(struct sp_mls_peek *out, struct sp_bytes message)
{
	*out = (struct sp_mls_peek){0};
	enum sp_err e = peek(out, message);
	if (e != SP_OK)
		*out = (struct sp_mls_peek){0};
	return e;
}
