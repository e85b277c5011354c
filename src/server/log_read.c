/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading logs: read, subscribe, unsubscribe, credit. Who may read a log is the roster's answer.
 */
#include "server/core_priv.h"
#include "wire/log.h"

static enum sp_err log_of(struct sp_store_log *out, const struct sp_wire_log_id *wire)
{
	if (wire->kind != SP_WIRE_LOG_ROOM && wire->kind != SP_WIRE_LOG_INBOX)
		return SP_ERR_NOT_FOUND;
	*out = (struct sp_store_log){(enum sp_store_log_kind)wire->kind, wire->id};
	return SP_OK;
}

/* -- read ------------------------------------------------------------------------------------------------------------- */

static enum sp_err write_item(void *ctx, const struct sp_store_item *item)
{
	struct sp_writer *w = ctx;
	struct sp_wire_item wire = {.seq = item->seq, .time_ms = (uint64_t)item->time.ms, .kind = item->kind, .body = item->body};

	sp_wire_item_write(w, &wire);
	return SP_OK;
}

/* struct { Item items<V>; uint64 last_seq; uint64 first_seq; } ReadResponse, written as the store gives the items. */
static enum sp_err read_items(struct sp_server_request *req, const struct sp_store_range *range, const struct sp_store_log_info *info)
{
	struct sp_writer w = sp_writer_on(&req->answer);
	size_t mark = sp_write_open(&w);

	if (range->from <= info->last_seq)
		SP_TRY(sp_store_read(req->server->store, range, write_item, &w));
	sp_write_close(&w, mark);
	sp_write_u64(&w, info->last_seq);
	sp_write_u64(&w, info->first_seq);
	return sp_writer_finish(&w);
}

static size_t bounded(uint32_t wish, size_t max)
{
	return wish == 0 ? max : SP_MIN((size_t)wish, max);
}

static enum sp_err judge_read(struct sp_server_request *req)
{
	const struct sp_wire_read_request *wire = req->decoded;
	struct sp_store_range range = {
		.from = SP_MAX(wire->from_seq, (uint64_t)1),
		.max_items = bounded(wire->max_items, SP_LIMIT_READ_ITEMS),
		.max_bytes = bounded(wire->max_bytes, SP_LIMIT_READ_BYTES),
	};
	struct sp_store_log_info info;

	SP_TRY(log_of(&range.log, &wire->log));
	SP_TRY(sp_server_roster_check(req->server, &range.log, &req->who.account));
	SP_TRY(sp_store_log_get(req->server->store, &range.log, &info));
	return read_items(req, &range, &info);
}

/* -- subscribe, unsubscribe --------------------------------------------------------------------------------------------- */

static enum sp_err check_logs(struct sp_server_request *req)
{
	const struct sp_wire_subscribe_request *wire = req->decoded;
	struct sp_reader r = sp_reader_of(wire->logs);

	while (!sp_reader_is_empty(&r)) {
		struct sp_wire_subscription sub;
		struct sp_store_log log;

		SP_TRY(sp_wire_subscription_read(&r, &sub));
		SP_TRY(log_of(&log, &sub.log));
		SP_TRY(sp_server_roster_check(req->server, &log, &req->who.account));
	}
	return SP_OK;
}

/* The roster is asked again on the reactor: a removal that was published between would otherwise be outrun. */
static enum sp_err settle_subscribe(struct sp_server_request *req, struct sp_server_session *s)
{
	const struct sp_wire_subscribe_request *wire = req->decoded;
	struct sp_reader r = sp_reader_of(wire->logs);

	SP_TRY(check_logs(req));
	while (!sp_reader_is_empty(&r)) {
		struct sp_wire_subscription sub;
		struct sp_store_log log;

		SP_TRY(sp_wire_subscription_read(&r, &sub));
		SP_TRY(log_of(&log, &sub.log));
		SP_TRY(sp__subscribe(s, &log, sub.from_seq));
	}
	return SP_OK;
}

static enum sp_err settle_unsubscribe(struct sp_server_request *req, struct sp_server_session *s)
{
	const struct sp_wire_unsubscribe_request *wire = req->decoded;
	struct sp_reader r = sp_reader_of(wire->logs);

	while (!sp_reader_is_empty(&r)) {
		struct sp_wire_log_ref ref;
		struct sp_store_log log;

		SP_TRY(sp_wire_log_ref_read(&r, &ref));
		if (log_of(&log, &ref.log) == SP_OK)
			sp__unsubscribe(s, &log);
	}
	return SP_OK;
}

/* -- credit ------------------------------------------------------------------------------------------------------------------ */

static enum sp_err settle_credit(struct sp_server_request *req, struct sp_server_session *s)
{
	const struct sp_wire_credit_request *wire = req->decoded;

	s->credit = SP_MIN(s->credit + wire->bytes, (int64_t)SP_LIMIT_CREDIT_MAX);
	sp__subscriptions_resume(s);
	return SP_OK;
}

const struct sp_server_handler sp__server_log_handlers[] = {
	{.type = SP_WIRE_READ, .phases = SP_SERVER_DEVICE, .lane = SP_SERVER_POOL, .request = sp_wire_read_request_layout, .judge = judge_read},
	{.type = SP_WIRE_SUBSCRIBE, .phases = SP_SERVER_DEVICE, .lane = SP_SERVER_POOL, .request = sp_wire_subscribe_request_layout, .judge = check_logs,
	 .settle = settle_subscribe},
	{.type = SP_WIRE_UNSUBSCRIBE, .phases = SP_SERVER_DEVICE, .lane = SP_SERVER_REACTOR, .request = sp_wire_unsubscribe_request_layout,
	 .settle = settle_unsubscribe},
	{.type = SP_WIRE_CREDIT, .phases = SP_SERVER_DEVICE, .lane = SP_SERVER_REACTOR, .is_silent = true, .request = sp_wire_credit_request_layout,
	 .settle = settle_credit},
};
const size_t sp__server_log_handler_count = SP_ARRAY_LEN(sp__server_log_handlers);
