/* SPDX-License-Identifier: Apache-2.0
 *
 * Following a room's log: every item goes through MLS and the rules; what it changed, the message it held, the cursor and
 * the receipt owed are one transaction. The group in memory runs ahead within a chunk and is thrown away with it when it
 * cannot be stored. ATTACKS M01, M15-M23, M35, M36.
 */
#include "client/client_priv.h"

#include <stdio.h>

#define CHUNK_ITEMS 64u
#define CHUNK_BYTES (1u << 20)
#define STEP_EPOCHS 3u /* what MLS keeps of past epochs by default */

struct chunk {
	struct sp_client *client;
	struct sp__room *room;
	struct sp__batch batch;
	struct sp_wire_record_counters counters;
	size_t items;
	uint64_t retried_seq; /* this item was tried before with an older directory */
};

static enum sp_err chunk_begin(struct chunk *k)
{
	k->items = 0;
	sp__batch_init(&k->batch, k->client);
	sp__room_expect(&k->batch, k->room);
	SP_TRY(sp__counters_begin(&k->batch, &k->counters));
	return sp__room_group(k->client, k->room);
}

static enum sp_err chunk_end(struct chunk *k)
{
	uint64_t revision;
	if (k->items == 0)
		return SP_OK;
	sp__room_put(&k->batch, k->room);
	sp__counters_put(&k->batch, &k->counters);
	SP_TRY(sp__batch_apply(&k->batch, &revision));
	k->room->revision = revision;
	return SP_OK;
}

static enum sp_err notice(struct chunk *k, const struct sp_wire_item *item, enum sp__row_kind kind, const struct sp_id16 *who, const char *text)
{
	struct sp__notice n = {.kind = kind, .who = who, .seq = item->seq, .time = {(int64_t)item->time_ms}, .text = text};
	return sp__message_notice(&k->batch, &k->counters, k->room, &n);
}

static void trouble(struct chunk *k, enum sp_err code, const char *text)
{
	sp__trouble_put(&k->batch, &k->counters, code, &k->room->id, text);
}

/* -- application messages -- */

/* M19, M20: each sender counts its messages within an epoch; a step left out is a message kept from us. */
static enum sp_err check_step(struct chunk *k, const struct sp_mls_staged_info *info, uint32_t *out_missing, bool *out_is_late)
{
	struct sp_buf kept;
	struct sp_reader r = sp_reader_of(sp_buf_bytes(&k->room->steps));
	struct sp_wire_record_step step, mine = {info->sender.index, info->epoch, 0};
	sp_buf_init(&kept, 1u << 20);
	struct sp_writer w = sp_writer_on(&kept);
	while (!sp_reader_is_empty(&r) && sp_wire_record_step_read(&r, &step) == SP_OK) {
		bool is_mine = step.leaf == mine.leaf && step.epoch == mine.epoch;
		if (is_mine)
			mine.next = step.next;
		else if (step.epoch + STEP_EPOCHS >= k->room->epoch)
			sp_wire_record_step_write(&w, &step);
	}
	*out_missing = info->generation > mine.next ? info->generation - mine.next : 0;
	*out_is_late = info->generation < mine.next;
	mine.next = SP_MAX(mine.next, info->generation + 1);
	sp_wire_record_step_write(&w, &mine);
	enum sp_err e = sp_writer_finish(&w);
	if (e != SP_OK) {
		sp_buf_clear(&kept);
		return e;
	}
	sp_buf_clear(&k->room->steps);
	k->room->steps = kept;
	return SP_OK;
}

static enum sp_err note_missing(struct chunk *k, const struct sp_wire_item *item, const struct sp_id16 *from, uint32_t missing)
{
	char text[100];
	snprintf(text, sizeof text, "%u message%s before this one did not arrive", missing, missing == 1 ? "" : "s");
	trouble(k, SP_ERR_NOT_FOUND, "messages of this room did not arrive: the server kept or lost them");
	return notice(k, item, SP__ROW_NOTICE, from, text);
}

/* What we cannot read is shown as a labelled line, not dropped: its sender is a member. */
static enum sp_err read_content(struct sp_wire_content *out, struct sp_bytes data)
{
	struct sp_reader r = sp_reader_of(data);
	uint16_t format;
	if (sp_read_u16(&r, &format) == SP_OK && format > SP_WIRE_CONTENT_FORMAT)
		return SP_ERR_FORMAT_NEWER;
	SP_TRY(sp_wire_content_decode(out, data));
	if (out->format != SP_WIRE_CONTENT_FORMAT)
		return SP_ERR_INVALID;
	return out->kind == SP_WIRE_CONTENT_TEXT || out->kind == SP_WIRE_CONTENT_NOTICE ? SP_OK : SP_ERR_UNSUPPORTED;
}

/* M23: the sender is the leaf that MLS verified, and nothing else. */
static enum sp_err sender_of(const struct sp_mls_staged_info *info, struct sp_pki_claim *out)
{
	return sp__leaf_identity(out, &info->from.credential);
}

static enum sp_err store_message(struct chunk *k, const struct sp_wire_item *item, const struct sp_wire_content *content,
				 const struct sp_pki_identity *from, bool is_late)
{
	bool is_mine = sp_id16_equal(&from->account_id, &k->client->me.account_id);
	struct sp_wire_record_message record = {
		.id = content->id,
		.room_id = k->room->id,
		.is_mine = is_mine,
		.from = from->account_id,
		.from_address = sp_bytes_str(from->address),
		.seq = item->seq,
		.time_ms = item->time_ms,
		.sent_ms = content->sent_ms,
		.kind = content->kind,
		.state = is_mine ? SP_CLIENT_STORED : SP_CLIENT_NEW,
		.verdict = SP_CLIENT_VERDICT_OK,
		.reason = is_late ? SP_BYTES_LIT("arrived out of order") : SP_BYTES_NONE,
		.text = content->body,
	};
	enum sp_err e = sp__message_add(&k->batch, &k->counters, &record);
	if (e == SP_ERR_DUPLICATE) /* M22: a member sealed it again, or we did after a lost answer */
		return SP_OK;
	if (e != SP_OK || is_mine)
		return e;
	return sp__receipt_owe(&k->batch, &k->room->id, &from->account_id, item->seq, NULL);
}

static enum sp_err take_application(struct chunk *k, const struct sp_wire_item *item, const struct sp_mls_staged_info *info)
{
	struct sp_pki_claim claim;
	struct sp_wire_content content;
	uint32_t missing;
	bool is_late;
	SP_TRY(sender_of(info, &claim));
	const struct sp_pki_identity *from = &claim.unverified; /* verified when the leaf came into the tree */
	SP_TRY(check_step(k, info, &missing, &is_late));
	if (missing > 0)
		SP_TRY(note_missing(k, item, &from->account_id, missing));
	enum sp_err e = read_content(&content, info->data);
	if (e == SP_OK)
		return store_message(k, item, &content, from, is_late);
	return notice(k, item, SP__ROW_NOTICE, &from->account_id,
		      e == SP_ERR_FORMAT_NEWER || e == SP_ERR_UNSUPPORTED ? "sent something that this version cannot show"
									  : "sent something that cannot be read");
}

/* -- commits -- */

static enum sp_err take_commit(struct chunk *k, const struct sp_wire_item *item, const struct sp_mls_staged *staged)
{
	const struct sp_mls_staged_info *info = sp_mls_staged_info(staged);
	if (info->is_own || info->discards_pending) /* answered by the log itself, or lost to another's */
		sp__outbox_drop_room(&k->batch, &k->room->id, SP__OUTBOX_COMMIT);
	if (info->is_own)
		SP_TRY(sp__intent_fulfil(&k->batch, &k->room->id, sp_mls_staged_after(staged)));
	SP_TRY(sp__room_note_commit(&k->batch, &k->counters, k->room, staged, item));
	if (info->removes_us || info->reinit)
		k->room->status = SP__ROOM_LEFT;
	return SP_OK;
}

/* -- one item -- */

static enum sp_err take_staged(struct chunk *k, const struct sp_wire_item *item, const struct sp_mls_staged *staged)
{
	const struct sp_mls_staged_info *info = sp_mls_staged_info(staged);
	switch (info->kind) {
	case SP_MLS_STAGED_APPLICATION:
		return take_application(k, item, info);
	case SP_MLS_STAGED_COMMIT:
		return take_commit(k, item, staged);
	case SP_MLS_STAGED_PROPOSAL:
	case SP_MLS_STAGED_OWN:
	case SP_MLS_STAGED_SENT:
	case SP_MLS_STAGED_PENDING:
	case SP_MLS_STAGED_DISCARD:
		break;
	}
	return SP_OK;
}

static enum sp_err keep_staged(struct chunk *k, const struct sp_wire_item *item, struct sp_mls_staged **staged)
{
	enum sp_err e = take_staged(k, item, *staged);
	if (e == SP_OK)
		sp__room_put_rows(&k->batch, k->room, sp_mls_staged_write_set(*staged));
	if (e == SP_OK)
		e = k->batch.err;
	if (e == SP_OK)
		e = sp_mls_group_apply(k->room->group, staged);
	sp_mls_staged_free(staged);
	return e;
}

/* An item that MLS or the rules refused. Nothing changed; the room goes on without it, and it is told. When the others
 * went on with it, the next item is from an epoch we have not reached, and we rejoin. */
static enum sp_err refused(struct chunk *k, const struct sp_wire_item *item, enum sp_err e)
{
	if (item->kind == SP_WIRE_ITEM_APPLICATION)
		return notice(k, item, SP__ROW_NOTICE, NULL, "a message could not be opened");
	trouble(k, e, item->kind == SP_WIRE_ITEM_COMMIT ? "a change of the room was refused: it breaks the room's rules or is damaged"
						      : "a proposal was refused: it breaks the room's rules or is damaged");
	return SP_OK;
}

/* Not the item's fault: it is tried again another time. */
static bool is_passing(enum sp_err e)
{
	enum sp_err_class class = sp_err_class(e);
	return class == SP_CLASS_IO || class == SP_CLASS_NOMEM || class == SP_CLASS_BUG || class == SP_CLASS_USAGE || class == SP_CLASS_AGAIN;
}

static enum sp_err failed(struct chunk *k, const struct sp_wire_item *item, enum sp_err e)
{
	struct sp_mls_peek peek;
	bool is_application = item->kind == SP_WIRE_ITEM_APPLICATION;
	if (is_passing(e))
		return e;
	if (e == SP_ERR_DUPLICATE || (e == SP_ERR_STALE_EPOCH && !is_application)) /* M21 */
		return SP_OK;
	if (e == SP_ERR_FUTURE_EPOCH) {
		k->room->status = SP__ROOM_REJOIN;
		return SP_OK;
	}
	if (e == SP_ERR_OWN) { /* merged before, or made by a state of ours that is lost */
		if (sp_mls_peek(&peek, item->body) == SP_OK && peek.epoch >= k->room->epoch)
			k->room->status = SP__ROOM_REJOIN;
		return SP_OK;
	}
	return refused(k, item, e);
}

/* The kind the server gave the item must be what the message is (M24). */
static enum sp_err check_kind(const struct sp_wire_item *item)
{
	struct sp_mls_peek peek;
	SP_TRY(sp_mls_peek(&peek, item->body));
	bool is_public = peek.wire_format == SP_MLS_WIRE_PUBLIC_MESSAGE;
	if (!is_public && peek.wire_format != SP_MLS_WIRE_PRIVATE_MESSAGE)
		return SP_ERR_INVALID;
	SP_TRY(sp_rules_form_judge(is_public, peek.content_type == SP_MLS_CONTENT_APPLICATION, NULL));
	switch (item->kind) {
	case SP_WIRE_ITEM_COMMIT:
		return peek.content_type == SP_MLS_CONTENT_COMMIT ? SP_OK : SP_ERR_INVALID;
	case SP_WIRE_ITEM_PROPOSAL:
		return peek.content_type == SP_MLS_CONTENT_PROPOSAL ? SP_OK : SP_ERR_INVALID;
	case SP_WIRE_ITEM_APPLICATION:
		return peek.content_type == SP_MLS_CONTENT_APPLICATION ? SP_OK : SP_ERR_INVALID;
	default:
		return SP_ERR_INVALID;
	}
}

static bool is_worth_refreshing(enum sp_err e)
{
	return e == SP_ERR_NEED_CREDENTIAL || e == SP_ERR_DENIED || e == SP_ERR_CERTIFICATE || e == SP_ERR_REVOKED;
}

static enum sp_err process(struct chunk *k, const struct sp_wire_item *item)
{
	struct sp__mls mls;
	struct sp_mls_staged *staged = NULL;
	sp__mls_init(&mls, k->client, (struct sp_time){(int64_t)item->time_ms});
	enum sp_err e = check_kind(item);
	if (e == SP_OK)
		e = sp_mls_group_process(&mls.env, k->room->group, &staged, item->body);
	if (e == SP_OK)
		return keep_staged(k, item, &staged);
	if (is_worth_refreshing(e) && k->retried_seq != item->seq)
		return SP_ERR_NEED_CREDENTIAL;
	return failed(k, item, e == SP_ERR_NEED_CREDENTIAL ? SP_ERR_CERTIFICATE : e);
}

static enum sp_err take_item(struct chunk *k, const struct sp_wire_item *item)
{
	char text[100];
	if (item->seq < k->room->next_seq)
		return SP_OK;
	if (item->seq == UINT64_MAX) /* nothing could come after it */
		return SP_ERR_INVALID;
	if (item->seq > k->room->next_seq) {
		snprintf(text, sizeof text, "%llu items are missing from the server's log", (unsigned long long)(item->seq - k->room->next_seq));
		trouble(k, SP_ERR_NOT_FOUND, "the server left out items of a room's log");
		SP_TRY(notice(k, item, SP__ROW_NOTICE, NULL, text));
		k->room->next_seq = item->seq; /* told once, also when the item is tried again */
		k->items++;
	}
	SP_TRY(process(k, item));
	k->items++;
	if (k->room->status != SP__ROOM_REJOIN) /* rejoining starts where we stopped */
		k->room->next_seq = item->seq + 1;
	return SP_OK;
}

/* -- many items -- */

static enum sp_err take_some(struct chunk *k, struct sp_reader *r)
{
	struct sp_wire_item item;
	while (!sp_reader_is_empty(r) && k->items < CHUNK_ITEMS && k->batch.bytes < CHUNK_BYTES && k->room->status == SP__ROOM_ACTIVE) {
		struct sp_reader next = *r;
		SP_TRY(sp_wire_item_read(&next, &item));
		enum sp_err e = take_item(k, &item);
		if (e == SP_ERR_NEED_CREDENTIAL)
			k->retried_seq = item.seq;
		SP_TRY(e);
		*r = next;
	}
	return SP_OK;
}

/* Learns what the organisation knows by now: a leaf that was refused may be a new device's. */
static enum sp_err refresh_people(struct sp_client *c)
{
	SP_TRY(sp__crl_refresh(c));
	return sp__directory_sync(c, true);
}

static enum sp_err run_chunk(struct chunk *k, struct sp_reader *r)
{
	SP_TRY(chunk_begin(k));
	enum sp_err e = take_some(k, r);
	if (e == SP_OK || e == SP_ERR_NEED_CREDENTIAL)
		SP_TRY(chunk_end(k));
	return e;
}

enum sp_err sp__room_take_items(struct sp_client *c, struct sp__room *room, struct sp_bytes items)
{
	struct chunk k = {.client = c, .room = room};
	struct sp_reader r = sp_reader_of(items);
	enum sp_err e = SP_OK;
	while (e == SP_OK && !sp_reader_is_empty(&r) && room->status == SP__ROOM_ACTIVE) {
		e = run_chunk(&k, &r);
		sp__batch_clear(&k.batch);
		if (e == SP_ERR_NEED_CREDENTIAL)
			e = refresh_people(c);
	}
	if (e != SP_OK) { /* what is in memory may be ahead of the disk */
		struct sp_id16 id = room->id;
		sp__room_forget(c, &id);
	}
	return e;
}

struct drain {
	struct sp_id16 id;
	bool is_done;
};

static enum sp_err read_page(struct sp_client *c, struct drain *drain, struct sp__room *room, struct sp_buf *raw)
{
	struct sp_wire_read_request request = {.log = {SP_WIRE_LOG_ROOM, room->id}, .from_seq = room->next_seq};
	struct sp_wire_read_response response;
	enum sp_err e = sp__call(c, SP_WIRE_READ, &request, raw, &response);
	if (e == SP_ERR_DENIED || e == SP_ERR_NOT_FOUND) { /* we were removed: the server shows us nothing more, not even who did it */
		drain->is_done = true;
		sp__trouble_note(c, e, &room->id, "the server says that this device was removed from the room; no change of the room shows it");
		return sp__room_set_left(c, room);
	}
	SP_TRY(e);
	SP_TRY(sp__room_take_items(c, room, response.items));
	bool is_stuck = room->next_seq == request.from_seq; /* nothing that we asked for: it would be so for ever */
	drain->is_done = is_stuck || room->next_seq > response.last_seq || room->status != SP__ROOM_ACTIVE;
	return room->status == SP__ROOM_LEFT ? sp__room_set_left(c, room) : SP_OK;
}

static enum sp_err step_drain(struct sp_client *c, void *ctx)
{
	struct drain *drain = ctx;
	struct sp__room *room;
	struct sp_buf raw;
	SP_TRY(sp__room_get(c, &room, &drain->id));
	if (room->status != SP__ROOM_ACTIVE) {
		drain->is_done = true;
		return SP_OK;
	}
	sp_buf_init(&raw, SP_LIMIT_FRAME);
	enum sp_err e = read_page(c, drain, room, &raw);
	sp_buf_clear(&raw);
	return e;
}

enum sp_err sp__room_drain(struct sp_client *c, const struct sp_id16 *id)
{
	struct drain drain = {.id = *id};
	while (!drain.is_done)
		SP_TRY(sp__retry(c, step_drain, &drain));
	return SP_OK;
}
