/* SPDX-License-Identifier: Apache-2.0
 *
 * Staying online: subscriptions, what they bring, and a lost server that comes back. Events are made of the rows that
 * were stored, whichever process stored them; receipts of what they told.
 */
#include "client/client_priv.h"

#include <time.h>

#define COALESCE_MS 250
#define LOOK_MS 1000u /* how often another process's rows are looked for */
#define RETRY_MAX_MS 30000
#define CLOCK_OFF_MS ((int64_t)10 * 60 * 1000)

struct sp__listen_queue {
	struct sp__listen_queue *next;
	struct sp_client_event event;
};

/* -- the queue -- */

static enum sp_err new_event(struct sp__listen_queue **out, enum sp_client_event_kind kind)
{
	struct sp__listen_queue *entry = sp_alloc(sizeof *entry);
	*out = NULL;
	if (!entry)
		return SP_ERR_NOMEM;
	enum sp_err e = sp__mem_new(&entry->event.mem);
	if (e != SP_OK) {
		sp_free(entry);
		return e;
	}
	entry->event.kind = kind;
	entry->event.time = sp__now();
	entry->event.room_name = entry->event.account = entry->event.text = "";
	*out = entry;
	return SP_OK;
}

static void push(struct sp_client *c, struct sp__listen_queue *entry)
{
	struct sp__listen_queue **at = &c->listen.queue;
	while (*at)
		at = &(*at)->next;
	*at = entry;
}

static bool pop(struct sp_client *c, struct sp_client_event *out)
{
	struct sp__listen_queue *entry = c->listen.queue;
	if (!entry)
		return false;
	c->listen.queue = entry->next;
	*out = entry->event;
	sp_free(entry);
	return true;
}

void sp__listen_clear(struct sp_client *c)
{
	struct sp_client_event event;
	while (pop(c, &event))
		sp_client_result_free(&event.mem);
	c->listen = (struct sp__listening){0};
}

/* -- events of what is stored -- */

static enum sp_err push_trouble(struct sp_client *c, enum sp_err code, const char *text)
{
	struct sp__listen_queue *entry;
	SP_TRY(new_event(&entry, SP_CLIENT_EVENT_TROUBLE));
	entry->event.code = code;
	entry->event.text = sp__mem_str(entry->event.mem, sp_bytes_str(text));
	push(c, entry);
	return SP_OK;
}

static void fill_place(struct sp_client *c, struct sp_client_event *event, const struct sp_id16 *room_id)
{
	struct sp__room *room;
	char title[SP_LIMIT_ADDRESS + 1];
	sp__id_text(event->room, room_id);
	if (sp__room_get(c, &room, room_id) != SP_OK)
		return;
	sp__room_title(c, title, room);
	event->room_name = sp__mem_str(event->mem, sp_bytes_str(title));
}

/* Within the transaction that stores a receipt's news; told once it is stored, or again: news twice is no lie. */
void sp__listen_receipt(struct sp_client *c, const struct sp_id16 *message, const struct sp_id16 *room, const struct sp_wire_record_reader *reader)
{
	struct sp__listen_queue *entry;
	char address[SP_LIMIT_ADDRESS + 1];
	if (!c->listen.is_started || new_event(&entry, SP_CLIENT_EVENT_RECEIPT) != SP_OK)
		return;
	struct sp_client_event *event = &entry->event;
	sp__id_text(event->id, message);
	fill_place(c, event, room);
	sp__account_address(c, address, &reader->account_id);
	event->account = sp__mem_str(event->mem, sp_bytes_str(address));
	event->delivered.ms = (int64_t)reader->delivered_ms;
	event->opened.ms = (int64_t)reader->opened_ms;
	push(c, entry);
}

static enum sp_err push_message(struct sp_client *c, const struct sp_wire_record_message *record)
{
	bool is_change = record->kind == SP__ROW_JOINED || record->kind == SP__ROW_LEFT;
	struct sp__listen_queue *entry;
	if (record->is_mine)
		return SP_OK;
	SP_TRY(new_event(&entry, is_change ? SP_CLIENT_EVENT_MEMBER : SP_CLIENT_EVENT_MESSAGE));
	struct sp_client_event *event = &entry->event;
	event->time.ms = (int64_t)record->time_ms;
	push(c, entry);
	if (!is_change)
		return sp__message_fill(c, event->mem, &event->message, record);
	fill_place(c, event, &record->room_id);
	event->account = sp__mem_str(event->mem, record->from_address);
	event->change = record->kind == SP__ROW_JOINED ? SP_CLIENT_JOINED : SP_CLIENT_LEFT;
	return sp__mem_check(event->mem);
}

static enum sp_err show_messages(struct sp_client *c, uint64_t upto)
{
	struct sp_buf raw;
	enum sp_err e = SP_OK;
	sp_buf_init(&raw, SP_PROFILE_VALUE_MAX);
	for (; e == SP_OK && c->listen.shown_message < upto; c->listen.shown_message++) {
		struct sp_wire_record_message record;
		struct sp__record_key key = sp__seal_key_number(SP_CLIENT_SPACE_MESSAGE, c->listen.shown_message);
		e = sp__record_get(c, &key, sp_wire_record_message_layout(), &raw, &record, NULL);
		if (e == SP_OK)
			e = push_message(c, &record);
		else if (e == SP_ERR_NOT_FOUND)
			e = SP_OK;
	}
	sp_buf_clear(&raw);
	return e;
}

static enum sp_err push_stored_trouble(struct sp_client *c, const struct sp_wire_record_trouble *record)
{
	const struct sp_id16 none = {0};
	struct sp__listen_queue *entry;
	SP_TRY(new_event(&entry, SP_CLIENT_EVENT_TROUBLE));
	entry->event.code = (enum sp_err)record->code;
	entry->event.time.ms = (int64_t)record->time_ms;
	entry->event.text = sp__mem_str(entry->event.mem, record->text);
	if (!sp_id16_equal(&record->room_id, &none))
		fill_place(c, &entry->event, &record->room_id);
	push(c, entry);
	return SP_OK;
}

static enum sp_err show_troubles(struct sp_client *c, uint64_t upto)
{
	struct sp_buf raw;
	enum sp_err e = SP_OK;
	sp_buf_init(&raw, SP_PROFILE_VALUE_MAX);
	for (; e == SP_OK && c->listen.shown_trouble < upto; c->listen.shown_trouble++) {
		struct sp_wire_record_trouble record;
		struct sp__record_key key = sp__seal_key_number(SP_CLIENT_SPACE_TROUBLE, c->listen.shown_trouble);
		e = sp__record_get(c, &key, sp_wire_record_trouble_layout(), &raw, &record, NULL);
		if (e == SP_OK)
			e = push_stored_trouble(c, &record);
		else if (e == SP_ERR_NOT_FOUND)
			e = SP_OK;
	}
	sp_buf_clear(&raw);
	return e;
}

static enum sp_err get_counters(struct sp_client *c, struct sp_wire_record_counters *out)
{
	struct sp__batch batch;
	sp__batch_init(&batch, c);
	enum sp_err e = sp__counters_begin(&batch, out);
	sp__batch_clear(&batch);
	return e;
}

static enum sp_err show_stored(struct sp_client *c)
{
	struct sp_wire_record_counters counters;
	SP_TRY(get_counters(c, &counters));
	SP_TRY(show_messages(c, counters.message));
	return show_troubles(c, counters.trouble);
}

/* -- subscriptions -- */

static enum sp_err add_subscription(void *ctx, const struct sp_wire_record_room *room)
{
	struct sp_writer *w = ctx;
	if (room->status == SP__ROOM_ACTIVE)
		sp_wire_subscription_write(w, &(struct sp_wire_subscription){{SP_WIRE_LOG_ROOM, room->room_id}, room->next_seq});
	return SP_OK;
}

static enum sp_err write_subscriptions(struct sp_client *c, struct sp_buf *out)
{
	struct sp_wire_record_cursors cursors;
	struct sp_writer w = sp_writer_on(out);
	SP_TRY(sp__cursors_get(c, &cursors));
	sp_wire_subscription_write(&w, &(struct sp_wire_subscription){{SP_WIRE_LOG_INBOX, c->me.account_id}, cursors.inbox_next});
	SP_TRY(sp__room_each(c, add_subscription, &w));
	return sp_writer_finish(&w);
}

static enum sp_err subscribe(struct sp_client *c)
{
	struct sp_buf logs, raw;
	sp_buf_init(&logs, 1u << 16);
	sp_buf_init(&raw, SP_LIMIT_FRAME);
	enum sp_err e = write_subscriptions(c, &logs);
	struct sp_wire_subscribe_request request = {sp_buf_bytes(&logs)};
	if (e == SP_OK)
		e = sp__call(c, SP_WIRE_SUBSCRIBE, &request, &raw, NULL);
	sp_buf_clear(&logs);
	sp_buf_clear(&raw);
	c->listen.is_subscribed = e == SP_OK;
	return e;
}

/* -- what arrives -- */

static enum sp_err first_seq(struct sp_bytes items, uint64_t *out)
{
	struct sp_reader r = sp_reader_of(items);
	struct sp_wire_item item;
	SP_TRY(sp_wire_item_read(&r, &item));
	*out = item.seq;
	return SP_OK;
}

/* Certificates are judged at the item's time: of what comes live, that must be now. */
static enum sp_err check_clock(struct sp_client *c, struct sp_bytes items)
{
	struct sp_reader r = sp_reader_of(items);
	struct sp_wire_item item = {0};
	while (!sp_reader_is_empty(&r)) /* the last came now; earlier ones may have waited */
		SP_TRY(sp_wire_item_read(&r, &item));
	int64_t off = sp__now().ms - (int64_t)item.time_ms;
	if (c->listen.was_clock_told || (off < CLOCK_OFF_MS && off > -CLOCK_OFF_MS))
		return SP_OK;
	c->listen.was_clock_told = true;
	sp__trouble_note(c, SP_ERR_EXPIRED, NULL, "the server's clock and this machine's are more than ten minutes apart");
	return SP_OK;
}

static enum sp_err step_room_items(struct sp_client *c, void *ctx)
{
	const struct sp_wire_items_event *event = ctx;
	struct sp__room *room;
	uint64_t first;
	SP_TRY(sp__room_get(c, &room, &event->log.id));
	SP_TRY(first_seq(event->items, &first));
	if (room->status != SP__ROOM_ACTIVE || first > room->next_seq)
		return sp__room_drain(c, &event->log.id);
	SP_TRY(sp__room_take_items(c, room, event->items));
	return room->status == SP__ROOM_LEFT ? sp__room_set_left(c, room) : SP_OK;
}

static enum sp_err take_room_items(struct sp_client *c, struct sp_wire_items_event *event)
{
	struct sp__room *room;
	enum sp_err e = sp__retry(c, step_room_items, event);
	if (e == SP_ERR_NOT_FOUND)
		return SP_OK;
	SP_TRY(e);
	SP_TRY(sp__room_get(c, &room, &event->log.id));
	if (room->status == SP__ROOM_REJOIN) {
		SP_TRY(sp__room_rejoin(c, &event->log.id));
		return subscribe(c);
	}
	if (room->status == SP__ROOM_ACTIVE && room->group && sp_mls_group_proposal_count(room->group) > 0)
		return sp__room_settle(c, &event->log.id, true);
	return SP_OK;
}

static enum sp_err take_items(struct sp_client *c, struct sp_bytes body)
{
	struct sp_wire_items_event event;
	SP_TRY(sp_wire_items_event_decode(&event, body));
	if (event.items.n == 0)
		return SP_OK;
	SP_TRY(check_clock(c, event.items));
	if (event.log.kind == SP_WIRE_LOG_ROOM)
		return take_room_items(c, &event);
	uint64_t first;
	struct sp_wire_record_cursors before;
	SP_TRY(sp__cursors_get(c, &before));
	SP_TRY(first_seq(event.items, &first));
	SP_TRY(first > before.inbox_next ? sp__inbox_drain(c) : sp__inbox_take_items(c, event.items));
	return subscribe(c); /* perhaps into a room that is new */
}

static enum sp_err take_event(struct sp_client *c, const struct sp__event_frame *frame)
{
	struct sp_wire_directory_changed_event directory;
	struct sp_wire_crl_changed_event crl;
	switch (frame->type) {
	case SP_WIRE_ITEMS:
		return take_items(c, sp_buf_bytes(&frame->body));
	case SP_WIRE_DIRECTORY_CHANGED:
		SP_TRY(sp_wire_directory_changed_event_decode(&directory, sp_buf_bytes(&frame->body)));
		c->conn.hello.directory_version = SP_MAX(c->conn.hello.directory_version, directory.version);
		return sp__directory_sync(c, false);
	case SP_WIRE_CRL_CHANGED:
		SP_TRY(sp_wire_crl_changed_event_decode(&crl, sp_buf_bytes(&frame->body)));
		c->conn.hello.crl_number = SP_MAX(c->conn.hello.crl_number, crl.number);
		SP_TRY(sp__sync(c)); /* removes who is on it */
		return subscribe(c);
	case SP_WIRE_LAGGING:
		SP_TRY(sp__sync(c));
		return subscribe(c);
	case SP_WIRE_CLOSING:
		return SP_ERR_CUT;
	default: /* a newer server's */
		return SP_OK;
	}
}

/* -- the loop -- */

static enum sp_err lost(struct sp_client *c, enum sp_err e)
{
	int64_t wait = SP_MIN((int64_t)1000 << SP_MIN(c->listen.failures, 5u), (int64_t)RETRY_MAX_MS);
	sp__disconnect(c, false);
	c->listen.failures++;
	c->listen.retry_ms = sp__now().ms + wait;
	if (c->listen.was_lost)
		return SP_OK;
	c->listen.was_lost = true;
	return push_trouble(c, e, "the server cannot be reached; trying again");
}

static enum sp_err go_online(struct sp_client *c)
{
	SP_TRY(sp__sync(c));
	SP_TRY(subscribe(c));
	c->listen.failures = 0;
	if (!c->listen.was_lost)
		return SP_OK;
	c->listen.was_lost = false;
	return push_trouble(c, SP_OK, "the server is there again");
}

static enum sp_err start(struct sp_client *c)
{
	struct sp_wire_record_counters counters;
	SP_TRY(get_counters(c, &counters));
	c->listen.shown_message = counters.message;
	c->listen.shown_trouble = counters.trouble;
	c->listen.is_started = true;
	return SP_OK;
}

static enum sp_err wait_for_event(struct sp_client *c, unsigned timeout_ms)
{
	struct sp__event_frame *frame;
	SP_TRY(sp__event_take(c, &frame, timeout_ms));
	enum sp_err e = take_event(c, frame);
	sp__event_free(&frame);
	if (c->listen.receipts_ms == 0)
		c->listen.receipts_ms = sp__now().ms + COALESCE_MS;
	return e;
}

static enum sp_err answer_when_due(struct sp_client *c)
{
	if (c->listen.receipts_ms == 0 || sp__now().ms < c->listen.receipts_ms)
		return SP_OK;
	c->listen.receipts_ms = 0;
	SP_TRY(sp__receipts_settle(c));
	return sp__receipts_send(c);
}

/* One round: at most `left` milliseconds. Failures of the line are told and mended, others are the caller's. */
static enum sp_err round_online(struct sp_client *c, unsigned left)
{
	int64_t due = c->listen.receipts_ms == 0 ? LOOK_MS : SP_MAX(c->listen.receipts_ms - sp__now().ms, (int64_t)0);
	unsigned wait = (unsigned)SP_MIN((int64_t)SP_MIN(left, LOOK_MS), due);
	enum sp_err e = wait_for_event(c, wait);
	if (e == SP_ERR_TIMEOUT)
		e = SP_OK;
	return e == SP_OK ? answer_when_due(c) : e;
}

static void pause_offline(unsigned left)
{
	struct timespec ts = {0, (long)SP_MIN(left, 200u) * 1000000};
	nanosleep(&ts, NULL);
}

static enum sp_err one_round(struct sp_client *c, unsigned left)
{
	enum sp_err e = SP_OK;
	if (c->conn.net && c->listen.is_subscribed)
		e = round_online(c, left);
	else if (sp__now().ms >= c->listen.retry_ms)
		e = go_online(c);
	else
		pause_offline(left);
	if (sp__error_is_network(e) || (e != SP_OK && !c->conn.net && sp_err_class(e) != SP_CLASS_AUTH))
		e = lost(c, e);
	enum sp_err shown = show_stored(c);
	return e == SP_OK ? shown : e;
}

enum sp_err sp_client_listen(struct sp_client *client, unsigned timeout_ms, struct sp_client_event *out)
{
	int64_t until = sp__now().ms + timeout_ms;
	*out = (struct sp_client_event){0};
	if (!client->is_joined)
		return SP_FAIL(&client->diag, SP_ERR_STATE, 0, "this profile has not joined an organisation");
	if (!client->listen.is_started)
		SP_TRY(start(client));
	while (!pop(client, out)) {
		int64_t left = until - sp__now().ms;
		if (left < 0)
			return SP_ERR_TIMEOUT;
		SP_TRY(one_round(client, (unsigned)left));
	}
	return SP_OK;
}

int sp_client_listen_fd(const struct sp_client *client)
{
	return client->conn.net ? sp_net_client_fd(client->conn.net) : -1;
}
