/* SPDX-License-Identifier: Apache-2.0
 *
 * `inbox`, `read` and `status`. A listing opens nothing; reading does, and says so to the sender.
 */
#include "client/client_priv.h"

/* -- listing -- */

struct listing {
	enum sp_client_list which;
	const struct sp_id16 *room;
	uint64_t *numbers;
	size_t n, cap;
};

static bool is_listed(const struct listing *l, const struct sp_wire_record_message *m)
{
	if (l->room && !sp_id16_equal(&m->room_id, l->room))
		return false;
	if (m->kind == SP__ROW_JOINED || m->kind == SP__ROW_LEFT) /* events of listen, not messages */
		return false;
	switch (l->which) {
	case SP_CLIENT_UNOPENED:
		return m->state == SP_CLIENT_NEW;
	case SP_CLIENT_SENT:
		return m->is_mine;
	case SP_CLIENT_ALL:
		break;
	}
	return true;
}

static enum sp_err add_listed(void *ctx, struct sp_bytes key, const void *record)
{
	struct listing *l = ctx;
	struct sp_reader r = sp_reader_of(key);
	if (!is_listed(l, record))
		return SP_OK;
	SP_TRY(sp_array_grow(&l->numbers, &l->cap, l->n + 1, sizeof *l->numbers, 1u << 24));
	SP_TRY(sp_read_u64(&r, &l->numbers[l->n]));
	l->n++;
	return SP_OK;
}

static enum sp_err fill_messages(struct sp_client *c, const struct listing *l, struct sp_client_messages *out)
{
	struct sp_buf raw;
	enum sp_err e = SP_OK;
	SP_TRY(sp__mem_new(&out->mem));
	out->items = sp__mem_alloc(out->mem, l->n * sizeof *out->items);
	SP_TRY(sp__mem_check(out->mem));
	sp_buf_init(&raw, SP_PROFILE_VALUE_MAX);
	for (size_t i = 0; e == SP_OK && i < l->n; i++) {
		struct sp_wire_record_message record;
		struct sp__record_key key = sp__seal_key_number(SP_CLIENT_SPACE_MESSAGE, l->numbers[i]);
		e = sp__record_get(c, &key, sp_wire_record_message_layout(), &raw, &record, NULL);
		if (e == SP_OK)
			e = sp__message_fill(c, out->mem, &out->items[out->n++], &record);
	}
	sp_buf_clear(&raw);
	return e;
}

static enum sp_err list_messages(struct sp_client *c, enum sp_client_list which, const char *room, struct sp_client_messages *out)
{
	struct sp_id16 id;
	struct listing listing = {.which = which};
	SP_TRY(sp__sync_or_offline(c, &out->is_offline));
	if (room) {
		SP_TRY(sp__room_find(c, &id, room));
		listing.room = &id;
	}
	struct sp__scan scan = {
		.space = SP_CLIENT_SPACE_MESSAGE, .layout = sp_wire_record_message_layout(), .visit = add_listed, .ctx = &listing};
	enum sp_err e = sp__record_scan(c, &scan);
	if (e == SP_OK)
		e = fill_messages(c, &listing, out);
	sp_free(listing.numbers);
	return e;
}

enum sp_err sp_client_messages(struct sp_client *client, enum sp_client_list which, const char *room, struct sp_client_messages *out)
{
	*out = (struct sp_client_messages){0};
	enum sp_err e = list_messages(client, which, room, out);
	if (e != SP_OK) {
		sp_client_result_free(&out->mem);
		*out = (struct sp_client_messages){0};
	}
	return e;
}

/* -- reading -- */

struct reading {
	const struct sp_id16 *id;
	struct sp_client_sent *out;
	bool is_opened_now;
};

static enum sp_err mark_opened(struct sp__batch *batch, struct sp_wire_record_message *record, uint64_t number)
{
	struct sp_wire_opened_entry opened = {record->id, (uint64_t)sp__now().ms};
	record->state = SP_CLIENT_OPENED;
	record->opened_ms = opened.time_ms;
	sp__message_put(batch, number, record);
	SP_TRY(sp__receipt_owe(batch, &record->room_id, &record->from, record->seq, &opened));
	return sp__batch_apply(batch, NULL);
}

static enum sp_err open_message(struct sp__batch *batch, struct reading *reading, struct sp_buf *raw)
{
	struct sp_client *c = batch->client;
	struct sp_wire_record_message record;
	uint64_t number;
	SP_TRY(sp__message_get(c, reading->id, raw, &record, &number));
	reading->is_opened_now = record.state == SP_CLIENT_NEW;
	if (reading->is_opened_now)
		SP_TRY(mark_opened(batch, &record, number));
	sp_client_result_free(&reading->out->mem);
	SP_TRY(sp__mem_new(&reading->out->mem));
	return sp__message_fill(c, reading->out->mem, &reading->out->message, &record);
}

static enum sp_err step_read(struct sp_client *c, void *ctx)
{
	struct sp_buf raw;
	struct sp__batch batch;
	sp_buf_init(&raw, SP_PROFILE_VALUE_MAX);
	sp__batch_init(&batch, c);
	enum sp_err e = open_message(&batch, ctx, &raw);
	sp__batch_clear(&batch);
	sp_buf_clear(&raw);
	return e;
}

/* What is known here is read without the server; a message that is not may be there. */
static enum sp_err find_or_fetch(struct sp_client *c, const char *text, struct sp_id16 *out)
{
	bool is_offline, is_last = strcmp(text, "last") == 0;
	enum sp_err e = is_last ? SP_ERR_NOT_FOUND : sp__message_find(c, out, text, false);
	if (e != SP_ERR_NOT_FOUND)
		return e;
	SP_TRY(sp__sync_or_offline(c, &is_offline));
	return sp__message_find(c, out, text, false);
}

enum sp_err sp_client_read(struct sp_client *client, const char *id, struct sp_client_sent *out)
{
	struct sp_id16 found;
	struct reading reading = {.id = &found, .out = out};
	*out = (struct sp_client_sent){0};
	if (!client->is_joined)
		return SP_FAIL(&client->diag, SP_ERR_STATE, 0, "this profile has not joined an organisation");
	enum sp_err e = find_or_fetch(client, id, &found);
	if (e == SP_OK)
		e = sp__retry(client, step_read, &reading);
	if (e == SP_OK && reading.is_opened_now && sp__connect(client) == SP_OK) {
		enum sp_err later = sp__receipts_send(client); /* else with the next call: it is owed */
		(void)later;
	}
	if (e != SP_OK) {
		sp_client_result_free(&out->mem);
		*out = (struct sp_client_sent){0};
	}
	return e;
}

/* -- status -- */

static enum sp_err add_reader(struct sp_client *c, struct sp_client_status *out, const struct sp_id16 *account, const struct sp_wire_record_message *m)
{
	struct sp_client_reader_state *state = &out->people[out->n++];
	struct sp_wire_record_reader reader;
	char address[SP_LIMIT_ADDRESS + 1];
	sp__account_address(c, address, account);
	SP_TRY(sp__reader_get(c, &m->id, account, &reader));
	*state = (struct sp_client_reader_state){
		.account = sp__mem_str(out->mem, sp_bytes_str(address)),
		.stored = {(int64_t)m->time_ms},
		.delivered = {(int64_t)reader.delivered_ms},
		.opened = {(int64_t)reader.opened_ms},
		.receipt = reader.delivered_ms ? SP_CLIENT_VERDICT_OK : SP_CLIENT_VERDICT_NONE,
	};
	return SP_OK;
}

/* Of somebody else's message we know what became of it here. */
static enum sp_err add_me(struct sp_client *c, struct sp_client_status *out, const struct sp_wire_record_message *m)
{
	out->people[out->n++] = (struct sp_client_reader_state){
		.account = sp__mem_str(out->mem, c->me.address),
		.stored = {(int64_t)m->time_ms},
		.delivered = {(int64_t)m->time_ms},
		.opened = {(int64_t)m->opened_ms},
	};
	return sp__mem_check(out->mem);
}

static enum sp_err fill_status(struct sp_client *c, const struct sp_wire_record_message *m, struct sp_client_status *out)
{
	struct sp_reader r = sp_reader_of(m->recipients);
	struct sp_wire_account_ref ref;
	struct sp__room *room;
	SP_TRY(sp__room_get(c, &room, &m->room_id));
	SP_TRY(sp__mem_new(&out->mem));
	out->people = sp__mem_alloc(out->mem, (1 + m->recipients.n / sizeof ref.account_id.b) * sizeof *out->people);
	SP_TRY(sp__mem_check(out->mem));
	sp__id_text(out->id, &m->id);
	sp__id_text(out->room, &m->room_id);
	out->mode = (enum sp_client_mode)room->mode;
	out->state = (enum sp_client_state)m->state;
	if (!m->is_mine)
		return add_me(c, out, m);
	while (!sp_reader_is_empty(&r)) {
		SP_TRY(sp_wire_account_ref_read(&r, &ref));
		SP_TRY(add_reader(c, out, &ref.account_id, m));
	}
	return sp__mem_check(out->mem);
}

static enum sp_err get_status(struct sp_client *c, const char *text, struct sp_client_status *out, struct sp_buf *raw)
{
	struct sp_id16 id;
	struct sp_wire_record_message message;
	SP_TRY(sp__sync_or_offline(c, &out->is_offline));
	SP_TRY(sp__message_find(c, &id, text, strcmp(text, "last") == 0));
	SP_TRY(sp__message_get(c, &id, raw, &message, NULL));
	return fill_status(c, &message, out);
}

enum sp_err sp_client_status(struct sp_client *client, const char *id, struct sp_client_status *out)
{
	struct sp_buf raw;
	*out = (struct sp_client_status){0};
	sp_buf_init(&raw, SP_PROFILE_VALUE_MAX);
	enum sp_err e = get_status(client, id, out, &raw);
	sp_buf_clear(&raw);
	if (e != SP_OK) {
		sp_client_result_free(&out->mem);
		*out = (struct sp_client_status){0};
	}
	return e;
}
