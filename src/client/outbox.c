/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests that change something at the server, kept until they are answered and sent again byte for byte: the server
 * does each reqno once. docs/protocol.md "Reqno".
 */
#include "client/client_priv.h"

void sp__outbox_put(struct sp__batch *batch, const struct sp_wire_record_outbox *record)
{
	struct sp__record_key key = sp__seal_key_number(SP_CLIENT_SPACE_OUTBOX, record->reqno);
	sp__batch_put_record(batch, &key, sp_wire_record_outbox_layout(), record);
}

void sp__outbox_delete(struct sp__batch *batch, uint64_t reqno)
{
	struct sp__record_key key = sp__seal_key_number(SP_CLIENT_SPACE_OUTBOX, reqno);
	sp__batch_delete(batch, &key);
}

static enum sp_err drop(struct sp_client *c, uint64_t reqno)
{
	struct sp__batch batch;
	sp__batch_init(&batch, c);
	sp__outbox_delete(&batch, reqno);
	return sp__batch_apply(&batch, NULL);
}

/* The answer, or its refusal, goes to whoever asked; that one deletes the record with what it changes. */
static enum sp_err answered(struct sp_client *c, const struct sp_wire_record_outbox *out, enum sp_err answer, const struct sp_wire_appended *at)
{
	switch ((enum sp__outbox_purpose)out->purpose) {
	case SP__OUTBOX_MESSAGE:
		return sp__message_answered(c, out, answer, at);
	case SP__OUTBOX_COMMIT:
		return sp__room_commit_answered(c, out, answer, at);
	case SP__OUTBOX_CREATE:
		return sp__room_create_answered(c, out, answer, at);
	case SP__OUTBOX_LEAVE:
		return sp__room_leave_answered(c, out, answer);
	case SP__OUTBOX_KEY_PACKAGES:
		break;
	}
	SP_TRY(drop(c, out->reqno));
	return answer;
}

static enum sp_err send_one(struct sp_client *c, const struct sp_wire_record_outbox *out, struct sp_buf *raw)
{
	struct sp_wire_appended at = {0};
	bool is_appended = out->purpose != SP__OUTBOX_KEY_PACKAGES;
	enum sp_err e = sp__call_raw(c, (enum sp_wire_type)out->type, out->body, raw);
	if (!c->conn.net || e == SP_ERR_BUSY || e == SP_ERR_RATE || e == SP_ERR_DISK_FULL || e == SP_ERR_IO)
		return e; /* not answered, or to be asked again later: it stays */
	if (e == SP_OK && is_appended)
		SP_TRY(sp_wire_appended_decode(&at, sp_buf_bytes(raw)));
	return answered(c, out, e, &at);
}

enum sp_err sp__outbox_send(struct sp_client *c, uint64_t reqno)
{
	struct sp__record_key key = sp__seal_key_number(SP_CLIENT_SPACE_OUTBOX, reqno);
	struct sp_wire_record_outbox out;
	struct sp_buf record, raw;
	sp_buf_init(&record, SP_PROFILE_VALUE_MAX);
	sp_buf_init(&raw, SP_LIMIT_FRAME);
	enum sp_err e = sp__record_get(c, &key, sp_wire_record_outbox_layout(), &record, &out, NULL);
	if (e == SP_OK)
		e = send_one(c, &out, &raw);
	sp_buf_clear(&record);
	sp_buf_clear(&raw);
	return e;
}

struct numbers {
	uint64_t *list;
	size_t n, cap;
};

static enum sp_err add_number(void *ctx, struct sp_bytes key, const void *record)
{
	struct numbers *numbers = ctx;
	const struct sp_wire_record_outbox *out = record;
	SP_TRY(sp_array_grow(&numbers->list, &numbers->cap, numbers->n + 1, sizeof *numbers->list, 1u << 20));
	numbers->list[numbers->n++] = out->reqno;
	return SP_OK;
}

static enum sp_err list_outbox(struct sp_client *c, struct numbers *out)
{
	struct sp__scan scan = {.space = SP_CLIENT_SPACE_OUTBOX, .layout = sp_wire_record_outbox_layout(), .visit = add_number, .ctx = out};
	return sp__record_scan(c, &scan);
}

/* Refusals were dealt with by whoever asked; only what hinders the next request too ends the flush. */
static enum sp_err flush_each(struct sp_client *c, const struct numbers *numbers)
{
	for (size_t i = 0; i < numbers->n; i++) {
		enum sp_err e = sp__outbox_send(c, numbers->list[i]);
		enum sp_err_class class = sp_err_class(e);
		if (!c->conn.net || class == SP_CLASS_IO || class == SP_CLASS_NOMEM || class == SP_CLASS_BUG || class == SP_CLASS_AGAIN)
			return e == SP_ERR_NOT_FOUND ? SP_OK : e;
	}
	return SP_OK;
}

enum sp_err sp__outbox_flush(struct sp_client *c)
{
	struct numbers numbers = {0};
	enum sp_err e = list_outbox(c, &numbers);
	if (e == SP_OK)
		e = flush_each(c, &numbers);
	sp_free(numbers.list);
	return e;
}

struct room_search {
	struct sp__batch *batch;
	const struct sp_id16 *room;
	enum sp__outbox_purpose purpose;
};

struct purpose_search {
	const struct sp_id16 *room;
	enum sp__outbox_purpose purpose;
	bool is_found;
};

static enum sp_err match_purpose(void *ctx, struct sp_bytes key, const void *record)
{
	struct purpose_search *search = ctx;
	const struct sp_wire_record_outbox *out = record;
	search->is_found |= out->purpose == search->purpose && sp_id16_equal(&out->room_id, search->room);
	return SP_OK;
}

enum sp_err sp__outbox_find_room(struct sp_client *c, const struct sp_id16 *room, enum sp__outbox_purpose purpose, bool *out)
{
	struct purpose_search search = {.room = room, .purpose = purpose};
	struct sp__scan scan = {
		.space = SP_CLIENT_SPACE_OUTBOX, .layout = sp_wire_record_outbox_layout(), .visit = match_purpose, .ctx = &search};
	*out = false;
	SP_TRY(sp__record_scan(c, &scan));
	*out = search.is_found;
	return SP_OK;
}

static enum sp_err drop_if_of_room(void *ctx, struct sp_bytes key, const void *record)
{
	const struct room_search *search = ctx;
	const struct sp_wire_record_outbox *out = record;
	if (out->purpose == search->purpose && sp_id16_equal(&out->room_id, search->room))
		sp__batch_delete_raw(search->batch, SP_CLIENT_SPACE_OUTBOX, key);
	return SP_OK;
}

void sp__outbox_drop_room(struct sp__batch *batch, const struct sp_id16 *room, enum sp__outbox_purpose purpose)
{
	struct room_search search = {batch, room, purpose};
	struct sp__scan scan = {
		.space = SP_CLIENT_SPACE_OUTBOX, .layout = sp_wire_record_outbox_layout(), .visit = drop_if_of_room, .ctx = &search};
	sp__batch_fail(batch, sp__record_scan(batch->client, &scan));
}

enum sp_err sp__outbox_count(struct sp_client *c, size_t *out)
{
	struct numbers numbers = {0};
	enum sp_err e = list_outbox(c, &numbers);
	*out = numbers.n;
	sp_free(numbers.list);
	return e;
}
