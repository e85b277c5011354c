/* SPDX-License-Identifier: Apache-2.0
 *
 * inbox_append, cursor_set: what one account may leave for another, and how far a device has read.
 */
#include "server/rooms_priv.h"
#include "wire/inbox.h"

/* -- inbox_append: receipts only ---------------------------------------------------------------------------------------- */

/* Who writes into another's inbox must be in the room that the receipt is about, and so must the other. */
static enum sp_err room_check(struct sp_server_request *req, const struct sp_wire_inbox_append_request *wire)
{
	struct sp_wire_receipt receipt;
	struct sp_store_log room = {.kind = SP_STORE_LOG_ROOM};

	SP_TRY(sp_wire_receipt_decode(&receipt, wire->body));
	room.id = receipt.room_id;
	SP_TRY(sp_server_roster_check(req->server, &room, &req->who.account));
	return sp_server_roster_check(req->server, &room, &wire->account_id);
}

static enum sp_err judge_inbox_append(struct sp_server_request *req)
{
	const struct sp_wire_inbox_append_request *wire = req->decoded;

	if (wire->kind != SP_WIRE_ITEM_RECEIPT)
		return SP_ERR_INVALID; /* Welcomes come with their commit */
	SP_TRY(room_check(req, wire));
	req->has_op = true;
	req->op.verb = SP_STORE_APPEND;
	req->op.u.append = (struct sp_store_append){.log = {SP_STORE_LOG_INBOX, wire->account_id}, .kind = wire->kind, .body = wire->body};
	return SP_OK;
}

static enum sp_err done_inbox_append(struct sp_server_request *req)
{
	const struct sp_wire_inbox_append_request *wire = req->decoded;
	struct sp_store_log log = {SP_STORE_LOG_INBOX, wire->account_id};
	struct sp_store_item item = {.seq = req->op.seq, .time = req->op.time, .kind = wire->kind, .body = wire->body};

	if (!req->op.replayed)
		SP_TRY(sp_server_publish(req->server, &log, &item));
	return sp__answer_appended(req, req->op.seq);
}

/* -- cursor_set ------------------------------------------------------------------------------------------------------------ */

static enum sp_err judge_cursor_set(struct sp_server_request *req)
{
	const struct sp_wire_cursor_set_request *wire = req->decoded;
	struct sp_store_log log = {(enum sp_store_log_kind)wire->log.kind, wire->log.id};

	if (wire->log.kind != SP_WIRE_LOG_ROOM && wire->log.kind != SP_WIRE_LOG_INBOX)
		return SP_ERR_NOT_FOUND;
	SP_TRY(sp_server_roster_check(req->server, &log, &req->who.account));
	req->has_op = true;
	req->op.verb = SP_STORE_CURSOR_SET;
	req->op.u.cursor_set = (struct sp_store_cursor_set){.device = req->who.device, .log = log, .seq = wire->seq};
	return SP_OK;
}

const struct sp_server_handler sp__server_inbox_handlers[] = {
	{.type = SP_WIRE_INBOX_APPEND, .phases = SP_SERVER_DEVICE, .lane = SP_SERVER_POOL, .is_mutation = true,
	 .request = sp_wire_inbox_append_request_layout, .judge = judge_inbox_append, .done = done_inbox_append},
	{.type = SP_WIRE_CURSOR_SET, .phases = SP_SERVER_DEVICE, .lane = SP_SERVER_POOL, .is_mutation = true,
	 .request = sp_wire_cursor_set_request_layout, .judge = judge_cursor_set},
};
const size_t sp__server_inbox_handler_count = SP_ARRAY_LEN(sp__server_inbox_handlers);
