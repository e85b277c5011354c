/* SPDX-License-Identifier: Apache-2.0
 *
 * `send`: to a person (the direct room is opened when there is none) or to a room.
 */
#include "client/client_priv.h"

#include <time.h>

#define WAIT_STEP_MS 200
#define WAIT_STEPS 25
#define REJOIN_EVERY 5

/* -- direct rooms -- */

static void pause_ms(long ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};
	nanosleep(&ts, NULL);
}

/* The other opened it at the same moment, and their invitation is on its way; or a leaf of ours stands there of which this
 * profile knows nothing, and is replaced. */
static enum sp_err await_welcome(struct sp_client *c, const struct sp_id16 *id)
{
	struct sp__room *room;
	for (int i = 0; i < WAIT_STEPS; i++) {
		SP_TRY(sp__inbox_drain(c));
		enum sp_err e = sp__room_get(c, &room, id);
		if (e == SP_OK && room->status == SP__ROOM_ACTIVE)
			return SP_OK;
		if (i % REJOIN_EVERY == REJOIN_EVERY - 1 && sp__room_join_open(c, id, "") == SP_OK)
			return SP_OK;
		pause_ms(WAIT_STEP_MS);
	}
	return SP_FAIL(&c->diag, SP_ERR_BUSY, 0, "the other side is just opening this conversation; try again");
}

static enum sp_err open_direct(struct sp_client *c, const struct sp_id16 *id, const struct sp_id16 *account)
{
	struct sp__room_plan plan = {
		.id = *id,
		.kind = SP_RULES_DIRECT,
		.join = SP_RULES_INVITATION,
		.name = "",
		.other = *account,
		.add = account,
		.add_n = 1,
	};
	enum sp_err e = sp__room_create(c, &plan);
	return e == SP_ERR_EXISTS ? await_welcome(c, id) : e;
}

enum sp_err sp__direct_ensure(struct sp_client *c, const struct sp_id16 *account, struct sp_id16 *out_room)
{
	const struct sp__account *other;
	struct sp__room *room;
	if (sp_id16_equal(account, &c->me.account_id))
		return SP_FAIL(&c->diag, SP_ERR_USAGE, 0, "that is you");
	SP_TRY(sp_verdict_direct_id(out_room, SP_RULES_PRIVATE, &c->me.account_id, account));
	SP_TRY(sp__account_get(c, &other, account));
	if (other->record.is_refused)
		return SP_FAIL(&c->diag, SP_ERR_DENIED, 0, "the server shows devices of this person that no earlier device signed; nothing is sent to them");
	enum sp_err e = sp__room_get(c, &room, out_room);
	if (e == SP_OK && room->status == SP__ROOM_CREATING) { /* begun by another process, or by one that was killed */
		SP_TRY(sp__outbox_flush(c));
		e = sp__room_get(c, &room, out_room);
	}
	if (e == SP_ERR_NOT_FOUND)
		return open_direct(c, out_room, account);
	SP_TRY(e);
	if (room->kind != SP_RULES_DIRECT || !sp_id16_equal(&room->other, account))
		return SP_FAIL(&c->diag, SP_ERR_DENIED, 0, "a room that is no conversation stands in its place; nothing is sent there");
	if (room->status != SP__ROOM_ACTIVE)
		return SP_FAIL(&c->diag, SP_ERR_STATE, 0, "this conversation cannot be written to; see room show");
	return sp__room_has_account(room, account) ? SP_OK : sp__room_change(c, out_room, account, 1, NULL, 0);
}

/* -- the same again -- */

struct repeat {
	struct sp_id16 id;
	struct sp_id16 room;
	bool is_found;
};

/* A message with this very text whose fate was unknown when the command was given again. */
static enum sp_err find_repeats(struct sp_client *c, struct sp_bytes text, const struct sp_id16 *room, const struct sp__queued_list *before,
				struct repeat *out)
{
	struct sp_buf raw;
	enum sp_err e = SP_OK;
	sp_buf_init(&raw, SP_PROFILE_VALUE_MAX);
	for (size_t i = 0; e == SP_OK && i < before->n && !out->is_found; i++) {
		struct sp_wire_record_message record;
		if (!sp_id16_equal(&before->list[i].room_id, room))
			continue;
		e = sp__message_get(c, &before->list[i].message_id, &raw, &record, NULL);
		if (e == SP_OK && sp_bytes_equal(record.text, text))
			*out = (struct repeat){record.id, *room, true};
	}
	sp_buf_clear(&raw);
	return e;
}

/* -- sending -- */

static enum sp_err resolve(struct sp_client *c, const char *to, struct sp_id16 *out_room)
{
	struct sp_id16 account;
	enum sp_err e = sp__account_find(c, &account, to);
	if (e == SP_OK)
		return sp__direct_ensure(c, &account, out_room);
	if (e != SP_ERR_NOT_FOUND)
		return e;
	return sp__room_find(c, out_room, to);
}

static enum sp_err make_content(struct sp_wire_content *out, struct sp_bytes text)
{
	struct sp_rng rng = sp_rng_system();
	*out = (struct sp_wire_content){
		.format = SP_WIRE_CONTENT_FORMAT,
		.kind = SP_WIRE_CONTENT_TEXT,
		.sent_ms = (uint64_t)sp__now().ms,
		.body = text,
	};
	return sp_rng_fill(&rng, out->id.b, sizeof out->id.b);
}

static enum sp_err send_to(struct sp_client *c, const char *to, struct sp_bytes text, const struct sp__queued_list *before, struct sp_id16 *out_id)
{
	struct sp_id16 room;
	struct repeat repeat = {0};
	struct sp_wire_content content;
	SP_TRY(resolve(c, to, &room));
	SP_TRY(find_repeats(c, text, &room, before, &repeat));
	if (repeat.is_found) {
		*out_id = repeat.id;
		return sp__queue_push(c, &repeat.id, &room);
	}
	SP_TRY(make_content(&content, text));
	SP_TRY(sp__queue_message(c, &room, &content));
	*out_id = content.id;
	return sp__queue_push(c, &content.id, &room);
}

static enum sp_err fill_sent(struct sp_client *c, const struct sp_id16 *id, struct sp_client_sent *out)
{
	struct sp_wire_record_message record;
	struct sp_buf raw;
	SP_TRY(sp__mem_new(&out->mem));
	sp_buf_init(&raw, SP_PROFILE_VALUE_MAX);
	enum sp_err e = sp__message_get(c, id, &raw, &record, NULL);
	if (e == SP_OK)
		e = sp__message_fill(c, out->mem, &out->message, &record);
	sp_buf_clear(&raw);
	return e;
}

static enum sp_err check_text(struct sp_client *c, struct sp_bytes text)
{
	if (text.n == 0)
		return SP_FAIL(&c->diag, SP_ERR_USAGE, 0, "an empty message is not sent");
	if (text.n > SP_LIMIT_CONTENT)
		return SP_FAIL(&c->diag, SP_ERR_TOO_LONG, 0, "a message holds at most 64 KiB");
	return sp__utf8_is_valid(text) ? SP_OK : SP_FAIL(&c->diag, SP_ERR_ENCODING, 0, "a message is UTF-8 text");
}

enum sp_err sp_client_send(struct sp_client *client, const char *to, struct sp_bytes text, struct sp_client_sent *out)
{
	struct sp__queued_list before = {0};
	struct sp_id16 id = {0};
	const struct sp_id16 none = {0};
	*out = (struct sp_client_sent){0};
	SP_TRY(check_text(client, text));
	enum sp_err e = sp__queued_get(client, &before);
	if (e == SP_OK)
		e = sp__sync(client);
	if (e == SP_OK)
		e = send_to(client, to, text, &before, &id);
	sp_free(before.list);
	if (!sp_id16_equal(&id, &none)) { /* also when the answer did not come: the message is kept */
		enum sp_err filled = fill_sent(client, &id, out);
		e = e == SP_OK ? filled : e;
	}
	return e;
}
