/* SPDX-License-Identifier: Apache-2.0
 *
 * Own messages on their way: the readable copy, the sealed bytes and the request are stored in one transaction before
 * anything leaves; a message for an epoch that is over is sealed anew under the same id. RFC 9420 section 6.3.1.
 */
#include "client/client_priv.h"

#define TRIES 8
#define PADDED_MIN 256u

/* Padmé: at most 12 % more, and only log log n bits of the length are left to see. */
static size_t padded_size(size_t n)
{
	size_t size = SP_MAX(n, (size_t)PADDED_MIN);
	unsigned e = 63u - (unsigned)__builtin_clzll(size), s = 32u - (unsigned)__builtin_clz(e);
	size_t mask = ((size_t)1 << (e - s)) - 1;
	return (size + mask) & ~mask;
}

/* -- sealing -- */

struct sealing {
	struct sp_client *client;
	struct sp__room *room;
	const struct sp_id16 *room_id;
	const struct sp_wire_content *content;
	bool is_new; /* its row is to be written too */
	struct sp_buf plain, body, recipients;
	struct sp_mls_staged *staged;
	uint64_t reqno;
};

static enum sp_err list_recipients(struct sealing *s)
{
	struct sp_writer w = sp_writer_on(&s->recipients);
	for (size_t i = 0; i < s->room->members_n; i++) {
		const struct sp_id16 *account = &s->room->members[i].account_id;
		if (!sp_id16_equal(account, &s->client->me.account_id))
			sp_wire_account_ref_write(&w, &(struct sp_wire_account_ref){*account});
	}
	return sp_writer_finish(&w);
}

static enum sp_err put_row(struct sealing *s, struct sp__batch *batch, struct sp_wire_record_counters *counters)
{
	struct sp_wire_record_queued queued = {SP_RECORD_FORMAT, s->content->id, s->room->id};
	struct sp__record_key key;
	SP_TRY(list_recipients(s));
	struct sp_wire_record_message record = {
		.id = s->content->id,
		.room_id = s->room->id,
		.is_mine = true,
		.from = s->client->me.account_id,
		.from_address = s->client->me.address,
		.sent_ms = s->content->sent_ms,
		.kind = s->content->kind,
		.state = SP_CLIENT_QUEUED,
		.verdict = SP_CLIENT_VERDICT_OK,
		.text = s->content->body,
		.recipients = sp_buf_bytes(&s->recipients),
	};
	SP_TRY(sp__message_add(batch, counters, &record));
	SP_TRY(sp__seal_key(&s->client->seal, &key, SP_CLIENT_SPACE_QUEUED, sp_id16_bytes(&s->content->id)));
	sp__batch_put_record(batch, &key, sp_wire_record_queued_layout(), &queued);
	return SP_OK;
}

static enum sp_err protect(struct sealing *s)
{
	struct sp__mls mls;
	sp__mls_init(&mls, s->client, sp__now());
	SP_TRY(sp_wire_content_encode(&s->plain, s->content));
	size_t padding = padded_size(s->plain.n) - s->plain.n;
	return sp_mls_group_protect(&mls.env, s->room->group, &s->staged, sp_buf_bytes(&s->plain), SP_BYTES_NONE, padding);
}

static enum sp_err put_request(struct sealing *s, struct sp__batch *batch)
{
	const struct sp_mls_staged_info *info = sp_mls_staged_info(s->staged);
	struct sp_wire_append_request request = {s->reqno, s->room->id, info->epoch, info->message};
	SP_TRY(sp_wire_append_request_encode(&s->body, &request));
	struct sp_wire_record_outbox out = {
		.format = SP_RECORD_FORMAT,
		.reqno = s->reqno,
		.type = SP_WIRE_APPEND,
		.purpose = SP__OUTBOX_MESSAGE,
		.room_id = s->room->id,
		.message_id = s->content->id,
		.body = sp_buf_bytes(&s->body),
	};
	sp__outbox_put(batch, &out);
	return SP_OK;
}

static enum sp_err seal(struct sealing *s, struct sp__batch *batch)
{
	struct sp_wire_record_counters counters;
	SP_TRY(sp__room_get(s->client, &s->room, s->room_id));
	if (s->room->status != SP__ROOM_ACTIVE)
		return SP_FAIL(&s->client->diag, SP_ERR_STATE, 0, "this device is not in the room");
	SP_TRY(sp__room_group(s->client, s->room));
	SP_TRY(protect(s));
	SP_TRY(sp__counters_begin(batch, &counters));
	s->reqno = counters.reqno++;
	if (s->is_new)
		SP_TRY(put_row(s, batch, &counters));
	sp__counters_put(batch, &counters);
	SP_TRY(put_request(s, batch));
	sp__room_expect(batch, s->room);
	sp__room_put(batch, s->room);
	sp__room_put_rows(batch, s->room, sp_mls_staged_write_set(s->staged));
	SP_TRY(sp__batch_apply(batch, &s->room->revision));
	return sp_mls_group_apply(s->room->group, &s->staged);
}

static enum sp_err step_seal(struct sp_client *c, void *ctx)
{
	struct sealing *s = ctx;
	struct sp__batch batch;
	sp__batch_init(&batch, c);
	sp_buf_init(&s->plain, 2 * SP_LIMIT_CONTENT);
	sp_buf_init(&s->body, SP_LIMIT_FRAME);
	sp_buf_init(&s->recipients, 1u << 20);
	enum sp_err e = seal(s, &batch);
	sp__batch_clear(&batch);
	sp_buf_clear(&s->plain);
	sp_buf_clear(&s->body);
	sp_buf_clear(&s->recipients);
	sp_mls_staged_free(&s->staged);
	if (e != SP_OK)
		sp__room_forget(c, s->room_id);
	return e;
}

/* Proposals that wait must be committed before anything is said (RFC 9420 section 12.4). */
static enum sp_err seal_message(struct sp_client *c, const struct sp_id16 *room, const struct sp_wire_content *content, bool is_new, uint64_t *out_reqno)
{
	struct sealing sealing = {.client = c, .room_id = room, .content = content, .is_new = is_new};
	enum sp_err e = sp__retry(c, step_seal, &sealing);
	struct sp__room *now;
	if (e == SP_ERR_STATE && sp__room_get(c, &now, room) == SP_OK && now->status == SP__ROOM_ACTIVE) {
		SP_TRY(sp__room_settle(c, room, true));
		e = sp__retry(c, step_seal, &sealing);
	}
	*out_reqno = e == SP_OK ? sealing.reqno : 0;
	return e;
}

enum sp_err sp__queue_message(struct sp_client *c, const struct sp_id16 *room, const struct sp_wire_content *content)
{
	uint64_t reqno;
	return seal_message(c, room, content, true, &reqno);
}

/* -- pushing -- */

struct outbox_search {
	const struct sp_id16 *message;
	uint64_t reqno;
};

static enum sp_err match_message(void *ctx, struct sp_bytes key, const void *record)
{
	struct outbox_search *search = ctx;
	const struct sp_wire_record_outbox *out = record;
	if (out->purpose == SP__OUTBOX_MESSAGE && sp_id16_equal(&out->message_id, search->message))
		search->reqno = out->reqno;
	return SP_OK;
}

static enum sp_err find_request(struct sp_client *c, const struct sp_id16 *message, uint64_t *out_reqno)
{
	struct outbox_search search = {.message = message};
	struct sp__scan scan = {
		.space = SP_CLIENT_SPACE_OUTBOX, .layout = sp_wire_record_outbox_layout(), .visit = match_message, .ctx = &search};
	SP_TRY(sp__record_scan(c, &scan));
	*out_reqno = search.reqno;
	return SP_OK;
}

static enum sp_err seal_again(struct sp_client *c, const struct sp_id16 *message, const struct sp_id16 *room, uint64_t *out_reqno)
{
	struct sp_wire_record_message record;
	struct sp_buf raw;
	sp_buf_init(&raw, SP_PROFILE_VALUE_MAX);
	enum sp_err e = sp__message_get(c, message, &raw, &record, NULL);
	struct sp_wire_content content = {SP_WIRE_CONTENT_FORMAT, record.kind, record.id, record.sent_ms, record.text};
	*out_reqno = 0;
	if (e == SP_OK && record.state == SP_CLIENT_QUEUED)
		e = seal_message(c, room, &content, false, out_reqno);
	sp_buf_clear(&raw);
	return e;
}

static enum sp_err push_once(struct sp_client *c, const struct sp_id16 *message, const struct sp_id16 *room)
{
	uint64_t reqno;
	SP_TRY(find_request(c, message, &reqno));
	if (reqno == 0)
		SP_TRY(seal_again(c, message, room, &reqno));
	enum sp_err e = reqno == 0 ? SP_OK : sp__outbox_send(c, reqno);
	return e == SP_ERR_NOT_FOUND ? SP_OK : e; /* another process sent it */
}

enum sp_err sp__queue_push(struct sp_client *c, const struct sp_id16 *message, const struct sp_id16 *room)
{
	enum sp_err e = SP_ERR_STALE_EPOCH;
	for (int i = 0; i < TRIES && (e == SP_ERR_STALE_EPOCH || e == SP_ERR_STALE_REQNO || e == SP_ERR_FUTURE_EPOCH); i++) {
		if (i > 0)
			SP_TRY(sp__room_drain(c, room));
		e = push_once(c, message, room);
	}
	return e;
}

static enum sp_err add_queued(void *ctx, struct sp_bytes key, const void *record)
{
	struct sp__queued_list *list = ctx;
	SP_TRY(sp_array_grow(&list->list, &list->cap, list->n + 1, sizeof *list->list, 1u << 20));
	list->list[list->n++] = *(const struct sp_wire_record_queued *)record;
	return SP_OK;
}

enum sp_err sp__queued_get(struct sp_client *c, struct sp__queued_list *out)
{
	struct sp__scan scan = {.space = SP_CLIENT_SPACE_QUEUED, .layout = sp_wire_record_queued_layout(), .visit = add_queued, .ctx = out};
	*out = (struct sp__queued_list){0};
	return sp__record_scan(c, &scan);
}

/* A message for a room that is over will never leave. It stays in the history, as what it is: not stored. */
static enum sp_err give_up_if_over(struct sp_client *c, const struct sp_wire_record_queued *queued)
{
	struct sp__room *room;
	struct sp__record_key key;
	struct sp__batch batch;
	SP_TRY(sp__room_get(c, &room, &queued->room_id));
	if (room->status != SP__ROOM_LEFT)
		return SP_OK;
	SP_TRY(sp__seal_key(&c->seal, &key, SP_CLIENT_SPACE_QUEUED, sp_id16_bytes(&queued->message_id)));
	sp__batch_init(&batch, c);
	sp__batch_delete(&batch, &key);
	SP_TRY(sp__batch_apply(&batch, NULL));
	sp__trouble_note(c, SP_ERR_DENIED, &queued->room_id, "a message was not sent: this device is no longer in its room");
	return SP_OK;
}

/* A room we cannot send to now keeps its messages queued. */
enum sp_err sp__queue_settle(struct sp_client *c)
{
	struct sp__queued_list queued;
	enum sp_err e = sp__queued_get(c, &queued);
	for (size_t i = 0; e == SP_OK && i < queued.n; i++) {
		e = sp__queue_push(c, &queued.list[i].message_id, &queued.list[i].room_id);
		if (sp_err_class(e) == SP_CLASS_STATE || sp_err_class(e) == SP_CLASS_AUTH)
			e = give_up_if_over(c, &queued.list[i]);
		if (!sp__error_is_network(e) && sp_err_class(e) != SP_CLASS_IO && sp_err_class(e) != SP_CLASS_NOMEM)
			e = SP_OK;
	}
	sp_free(queued.list);
	return e;
}

/* -- the server's answer -- */

struct answer {
	const struct sp_wire_record_outbox *out;
	const struct sp_wire_appended *at; /* NULL: to be sealed again */
};

static enum sp_err put_stored(struct sp__batch *batch, const struct answer *a, struct sp_buf *raw)
{
	struct sp_client *c = batch->client;
	struct sp_wire_record_message record;
	struct sp__record_key queued, sent;
	uint64_t number;
	SP_TRY(sp__message_get(c, &a->out->message_id, raw, &record, &number));
	record.state = SP_CLIENT_STORED;
	record.seq = a->at->seq;
	record.time_ms = a->at->time_ms;
	sp__message_put(batch, number, &record);
	SP_TRY(sp__seal_key(&c->seal, &queued, SP_CLIENT_SPACE_QUEUED, sp_id16_bytes(&record.id)));
	sp__batch_delete(batch, &queued);
	SP_TRY(sp__seal_key_row(&c->seal, &sent, SP_CLIENT_SPACE_SENT, sp_id16_bytes(&record.room_id), record.seq));
	sp__batch_put_record(batch, &sent, sp_wire_record_number_layout(), &(struct sp_wire_record_number){number});
	return SP_OK;
}

static enum sp_err step_answer(struct sp_client *c, void *ctx)
{
	const struct answer *a = ctx;
	struct sp_buf raw;
	struct sp__batch batch;
	sp_buf_init(&raw, SP_PROFILE_VALUE_MAX);
	sp__batch_init(&batch, c);
	sp__outbox_delete(&batch, a->out->reqno);
	enum sp_err e = a->at ? put_stored(&batch, a, &raw) : SP_OK;
	if (e == SP_OK)
		e = sp__batch_apply(&batch, NULL);
	sp__batch_clear(&batch);
	sp_buf_clear(&raw);
	return e;
}

enum sp_err sp__message_answered(struct sp_client *c, const struct sp_wire_record_outbox *out, enum sp_err answer, const struct sp_wire_appended *at)
{
	struct answer a = {out, answer == SP_OK ? at : NULL};
	SP_TRY(sp__retry(c, step_answer, &a));
	return answer;
}
