/* SPDX-License-Identifier: Apache-2.0
 *
 * Message rows: the readable copy of what was sent and received, and lines of this client's own. A message id is seen
 * once: what comes again under it is dropped (ATTACKS M21, M22).
 */
#include "client/client_priv.h"

static enum sp_err id_key(struct sp_client *c, struct sp__record_key *out, const struct sp_id16 *id)
{
	return sp__seal_key(&c->seal, out, SP_CLIENT_SPACE_MESSAGE_ID, sp_id16_bytes(id));
}

void sp__message_put(struct sp__batch *batch, uint64_t number, const struct sp_wire_record_message *record)
{
	struct sp__record_key key = sp__seal_key_number(SP_CLIENT_SPACE_MESSAGE, number);
	sp__batch_put_record(batch, &key, sp_wire_record_message_layout(), record);
}

static enum sp_err find_number(struct sp_client *c, const struct sp_id16 *id, uint64_t *out)
{
	struct sp__record_key key;
	struct sp_wire_record_number record;
	struct sp_buf raw;
	SP_TRY(id_key(c, &key, id));
	sp_buf_init(&raw, SP_PROFILE_VALUE_MAX);
	enum sp_err e = sp__record_get(c, &key, sp_wire_record_number_layout(), &raw, &record, NULL);
	sp_buf_clear(&raw);
	*out = record.number;
	return e;
}

enum sp_err sp__message_add(struct sp__batch *batch, struct sp_wire_record_counters *counters, struct sp_wire_record_message *record)
{
	struct sp__record_key key;
	uint64_t known;
	SP_TRY(id_key(batch->client, &key, &record->id));
	enum sp_err e = find_number(batch->client, &record->id, &known);
	if (e == SP_OK || sp__batch_has_put(batch, &key))
		return SP_ERR_DUPLICATE;
	if (e != SP_ERR_NOT_FOUND)
		return e;
	struct sp_wire_record_number number = {counters->message++};
	record->format = SP_RECORD_FORMAT;
	sp__message_put(batch, number.number, record);
	sp__batch_put_record(batch, &key, sp_wire_record_number_layout(), &number);
	return batch->err;
}

enum sp_err sp__message_notice(struct sp__batch *batch, struct sp_wire_record_counters *counters, const struct sp__room *room,
			       const struct sp__notice *notice)
{
	struct sp_rng rng = sp_rng_system();
	char address[SP_LIMIT_ADDRESS + 1];
	struct sp_wire_record_message record = {
		.room_id = room->id,
		.seq = notice->seq,
		.time_ms = (uint64_t)notice->time.ms,
		.sent_ms = (uint64_t)notice->time.ms,
		.kind = (uint8_t)notice->kind,
		.state = SP_CLIENT_OPENED,
		.text = sp_bytes_str(notice->text),
	};
	if (notice->who) {
		record.from = *notice->who;
		sp__account_address(batch->client, address, notice->who);
		record.from_address = sp_bytes_str(address);
	}
	SP_TRY(sp_rng_fill(&rng, record.id.b, sizeof record.id.b));
	return sp__message_add(batch, counters, &record);
}

enum sp_err sp__message_get(struct sp_client *c, const struct sp_id16 *id, struct sp_buf *raw, struct sp_wire_record_message *out, uint64_t *out_number)
{
	uint64_t number;
	*out = (struct sp_wire_record_message){0};
	SP_TRY(find_number(c, id, &number));
	struct sp__record_key key = sp__seal_key_number(SP_CLIENT_SPACE_MESSAGE, number);
	if (out_number)
		*out_number = number;
	return sp__record_get(c, &key, sp_wire_record_message_layout(), raw, out, NULL);
}

/* -- by what a person typed -- */

struct search {
	const char *text;
	bool is_last, own_only;
	struct sp_id16 *out;
	size_t found;
};

static enum sp_err match(void *ctx, struct sp_bytes key, const void *record)
{
	struct search *search = ctx;
	const struct sp_wire_record_message *message = record;
	bool is_said = message->kind == SP__ROW_TEXT || (message->kind == SP__ROW_NOTICE && message->from_address.n > 0);
	if (search->own_only && !message->is_mine)
		return SP_OK;
	if (search->is_last ? !is_said : !sp__id_has_prefix(&message->id, search->text))
		return SP_OK;
	*search->out = message->id;
	search->found++;
	return search->is_last ? SP_ERR_EXISTS : SP_OK; /* ends the walk */
}

enum sp_err sp__message_find(struct sp_client *c, struct sp_id16 *out, const char *text, bool own_only)
{
	struct search search = {.text = text, .is_last = strcmp(text, "last") == 0, .own_only = own_only, .out = out};
	struct sp__scan scan = {
		.space = SP_CLIENT_SPACE_MESSAGE,
		.reverse = true,
		.layout = sp_wire_record_message_layout(),
		.visit = match,
		.ctx = &search,
	};
	enum sp_err e = sp__record_scan(c, &scan);
	if (e != SP_OK && !(e == SP_ERR_EXISTS && search.found > 0))
		return e;
	if (search.found == 0)
		return SP_FAIL(&c->diag, SP_ERR_NOT_FOUND, 0, own_only ? "no own message has this id" : "no message has this id");
	return search.found == 1 ? SP_OK : SP_FAIL(&c->diag, SP_ERR_AMBIGUOUS, 0, "more than one message id begins so");
}

/* -- for results -- */

static const char *row_text(struct sp_client_mem *mem, const struct sp_wire_record_message *record)
{
	if (record->kind == SP__ROW_JOINED)
		return "joined the room";
	if (record->kind == SP__ROW_LEFT)
		return "left the room";
	return sp__mem_str(mem, record->text);
}

enum sp_err sp__message_fill(struct sp_client *c, struct sp_client_mem *mem, struct sp_client_message *out, const struct sp_wire_record_message *record)
{
	char name[SP_LIMIT_ADDRESS + 1];
	struct sp__room *room;
	SP_TRY(sp__room_get(c, &room, &record->room_id));
	sp__room_title(c, name, room);
	*out = (struct sp_client_message){
		.room_name = sp__mem_str(mem, sp_bytes_str(name)),
		.mode = (enum sp_client_mode)room->mode,
		.is_direct = room->kind == SP_RULES_DIRECT,
		.is_mine = record->is_mine,
		.from = sp__mem_str(mem, record->from_address),
		.time = {(int64_t)record->time_ms},
		.sent = {(int64_t)record->sent_ms},
		.kind = record->kind == SP__ROW_TEXT ? SP_CLIENT_TEXT : SP_CLIENT_NOTICE,
		.state = (enum sp_client_state)record->state,
		.text = row_text(mem, record),
		.verdict = (enum sp_client_verdict)record->verdict,
		.signer = record->verdict == SP_CLIENT_VERDICT_OK ? sp__mem_str(mem, record->from_address) : "",
		.reason = sp__mem_str(mem, record->reason),
	};
	sp__id_text(out->id, &record->id);
	sp__id_text(out->room, &record->room_id);
	return sp__mem_check(mem);
}
