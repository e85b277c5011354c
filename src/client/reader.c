/* SPDX-License-Identifier: Apache-2.0
 *
 * What receipts told: for each own message and reader, when it was delivered and opened. `status` shows it.
 */
#include "client/client_priv.h"

static enum sp_err reader_key(struct sp_client *c, struct sp__record_key *out, const struct sp_id16 *message, const struct sp_id16 *account)
{
	return sp__seal_key_pair(&c->seal, out, SP_CLIENT_SPACE_READER, sp_id16_bytes(message), sp_id16_bytes(account));
}

static enum sp_err get_reader(struct sp_client *c, const struct sp__record_key *key, struct sp_wire_record_reader *out, uint64_t *out_revision)
{
	struct sp_buf raw;
	sp_buf_init(&raw, SP_PROFILE_VALUE_MAX);
	*out_revision = 0;
	enum sp_err e = sp__record_get(c, key, sp_wire_record_reader_layout(), &raw, out, out_revision);
	sp_buf_clear(&raw);
	return e == SP_ERR_NOT_FOUND ? SP_OK : e;
}

enum sp_err sp__reader_get(struct sp_client *c, const struct sp_id16 *message, const struct sp_id16 *account, struct sp_wire_record_reader *out)
{
	struct sp__record_key key;
	uint64_t revision;
	SP_TRY(reader_key(c, &key, message, account));
	return get_reader(c, &key, out, &revision);
}

/* -- messages up to a place in the room -- */

struct sent_list {
	uint64_t *numbers;
	size_t n, cap;
	uint64_t upto;
};

static enum sp_err add_sent(void *ctx, struct sp_bytes key, const void *record)
{
	struct sent_list *list = ctx;
	struct sp_reader r = sp_reader_of(key);
	struct sp_bytes name;
	uint64_t seq;
	SP_TRY(sp_read_fixed(&r, &name, SP__SEAL_NAME));
	SP_TRY(sp_read_u64(&r, &seq));
	if (seq > list->upto)
		return SP_OK;
	SP_TRY(sp_array_grow(&list->numbers, &list->cap, list->n + 1, sizeof *list->numbers, 1u << 24));
	list->numbers[list->n++] = ((const struct sp_wire_record_number *)record)->number;
	return SP_OK;
}

static enum sp_err list_sent(struct sp_client *c, const struct sp_id16 *room, uint64_t from, struct sent_list *out)
{
	struct sp__record_key prefix, after;
	SP_TRY(sp__seal_key(&c->seal, &prefix, SP_CLIENT_SPACE_SENT, sp_id16_bytes(room)));
	SP_TRY(sp__seal_key_row(&c->seal, &after, SP_CLIENT_SPACE_SENT, sp_id16_bytes(room), from));
	struct sp__scan scan = {
		.space = SP_CLIENT_SPACE_SENT,
		.prefix = sp__record_key_bytes(&prefix),
		.after = sp__record_key_bytes(&after),
		.layout = sp_wire_record_number_layout(),
		.visit = add_sent,
		.ctx = out,
	};
	return sp__record_scan(c, &scan);
}

/* -- taking a reading -- */

struct taking {
	struct sp__batch batch;
	const struct sp__reading *reading;
	struct sp_buf raw;
};

static enum sp_err note_reader(struct taking *t, const struct sp_id16 *message, uint64_t opened_ms)
{
	struct sp_client *c = t->batch.client;
	struct sp_wire_record_reader reader;
	struct sp__record_key key;
	uint64_t revision;
	SP_TRY(reader_key(c, &key, message, &t->reading->account));
	SP_TRY(get_reader(c, &key, &reader, &revision));
	bool is_news = reader.delivered_ms == 0 || (opened_ms != 0 && reader.opened_ms == 0);
	if (!is_news)
		return SP_OK;
	reader.format = SP_RECORD_FORMAT;
	reader.account_id = t->reading->account;
	if (reader.delivered_ms == 0)
		reader.delivered_ms = opened_ms != 0 ? SP_MIN(opened_ms, (uint64_t)t->reading->time.ms) : (uint64_t)t->reading->time.ms;
	if (opened_ms != 0 && reader.opened_ms == 0)
		reader.opened_ms = opened_ms;
	sp__batch_expect(&t->batch, &key, revision);
	sp__batch_put_record(&t->batch, &key, sp_wire_record_reader_layout(), &reader);
	sp__listen_receipt(c, message, &t->reading->room, &reader);
	return SP_OK;
}

/* A receipt speaks of our own messages in its own room, and of no other. */
static enum sp_err take_opened(struct taking *t)
{
	struct sp_reader r = sp_reader_of(t->reading->opened);
	struct sp_wire_opened_entry entry;
	struct sp_wire_record_message message;
	while (!sp_reader_is_empty(&r)) {
		SP_TRY(sp_wire_opened_entry_read(&r, &entry));
		enum sp_err e = sp__message_get(t->batch.client, &entry.id, &t->raw, &message, NULL);
		if (e == SP_ERR_NOT_FOUND || (e == SP_OK && (!message.is_mine || !sp_id16_equal(&message.room_id, &t->reading->room))))
			continue;
		SP_TRY(e);
		SP_TRY(note_reader(t, &entry.id, SP_MAX(entry.time_ms, (uint64_t)1)));
	}
	return SP_OK;
}

static enum sp_err deliver_each(struct taking *t, const struct sent_list *sent)
{
	struct sp_client *c = t->batch.client;
	for (size_t i = 0; i < sent->n; i++) {
		struct sp_wire_record_message message;
		struct sp__record_key key = sp__seal_key_number(SP_CLIENT_SPACE_MESSAGE, sent->numbers[i]);
		SP_TRY(sp__record_get(c, &key, sp_wire_record_message_layout(), &t->raw, &message, NULL));
		SP_TRY(note_reader(t, &message.id, 0));
	}
	return SP_OK;
}

static enum sp_err take_delivered(struct taking *t)
{
	struct sp_client *c = t->batch.client;
	const struct sp__reading *reading = t->reading;
	struct sp_wire_record_reach reach;
	struct sp__record_key key;
	struct sent_list sent = {.upto = reading->delivered_seq};
	uint64_t revision = 0;
	SP_TRY(sp__seal_key_pair(&c->seal, &key, SP_CLIENT_SPACE_REACH, sp_id16_bytes(&reading->room), sp_id16_bytes(&reading->account)));
	enum sp_err e = sp__record_get(c, &key, sp_wire_record_reach_layout(), &t->raw, &reach, &revision);
	if (e != SP_OK && e != SP_ERR_NOT_FOUND)
		return e;
	if (reading->delivered_seq <= reach.seq)
		return SP_OK;
	e = list_sent(c, &reading->room, reach.seq, &sent);
	if (e == SP_OK)
		e = deliver_each(t, &sent);
	sp_free(sent.numbers);
	reach = (struct sp_wire_record_reach){SP_RECORD_FORMAT, reading->delivered_seq};
	sp__batch_expect(&t->batch, &key, revision);
	sp__batch_put_record(&t->batch, &key, sp_wire_record_reach_layout(), &reach);
	return e;
}

static enum sp_err step_reading(struct sp_client *c, void *ctx)
{
	struct taking t = {.reading = ctx};
	sp__batch_init(&t.batch, c);
	sp_buf_init(&t.raw, SP_PROFILE_VALUE_MAX);
	enum sp_err e = take_delivered(&t);
	if (e == SP_OK)
		e = take_opened(&t);
	if (e == SP_OK)
		e = sp__batch_apply(&t.batch, NULL);
	sp__batch_clear(&t.batch);
	sp_buf_clear(&t.raw);
	return e;
}

enum sp_err sp__reading_store(struct sp_client *c, const struct sp__reading *reading)
{
	struct sp__reading copy = *reading;
	return sp__retry(c, step_reading, &copy);
}
