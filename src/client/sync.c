/* SPDX-License-Identifier: Apache-2.0
 *
 * Synchronising: what every call that needs the server does first. Finish what was begun, learn who is who, read what is
 * new, answer it. The order matters: people before the rooms they are in, rooms before the receipts sealed in them.
 */
#include "client/client_priv.h"

#define HELD_BATCH 64u
#define TELL_EVERY 32u

/* -- a profile older than what the server has seen of it (ATTACKS M37) -- */

static enum sp_err is_restored(struct sp_client *c, bool *out)
{
	struct sp__batch batch;
	struct sp_wire_record_counters counters;
	sp__batch_init(&batch, c);
	enum sp_err e = sp__counters_begin(&batch, &counters);
	sp__batch_clear(&batch);
	*out = e == SP_OK && c->conn.hello.reqno_high >= counters.reqno;
	return e;
}

static enum sp_err raise_reqno(struct sp__batch *batch)
{
	struct sp_wire_record_counters counters;
	uint64_t high = batch->client->conn.hello.reqno_high;
	SP_TRY(sp__counters_begin(batch, &counters));
	counters.reqno = SP_MAX(counters.reqno, high + 1);
	sp__trouble_put(batch, &counters, SP_ERR_STALE_REQNO, NULL, "this profile was restored from an older copy: its rooms are joined anew");
	sp__counters_put(batch, &counters);
	return sp__batch_apply(batch, NULL);
}

static enum sp_err step_raise(struct sp_client *c, void *ctx)
{
	struct sp__batch batch;
	sp__batch_init(&batch, c);
	enum sp_err e = raise_reqno(&batch);
	sp__batch_clear(&batch);
	return e;
}

/* First every room, then the counter: a crash in between begins again. No key of the old state is used once more. */
static enum sp_err mark_all(struct sp_client *c, const struct sp_id16 *ids, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct sp__room *room;
		SP_TRY(sp__room_get(c, &room, &ids[i]));
		if (room->status == SP__ROOM_ACTIVE)
			SP_TRY(sp__room_set_status(c, room, SP__ROOM_REJOIN, ""));
	}
	return sp__retry(c, step_raise, NULL);
}

static enum sp_err check_restored(struct sp_client *c)
{
	bool restored;
	struct sp_id16 *ids;
	size_t n;
	SP_TRY(is_restored(c, &restored));
	if (!restored)
		return SP_OK;
	SP_TRY(sp__room_ids(c, &ids, &n));
	enum sp_err e = mark_all(c, ids, n);
	sp_free(ids);
	return e;
}

/* -- the inbox -- */

static enum sp_err pass_receipts(struct sp__batch *batch, uint64_t next)
{
	struct sp_wire_record_cursors cursors;
	SP_TRY(sp__cursors_begin(batch, &cursors));
	if (cursors.inbox_next < next) {
		cursors.inbox_next = next;
		sp__cursors_put(batch, &cursors);
	}
	return sp__batch_apply(batch, NULL);
}

/* Receipts up to the next Welcome, in one transaction. Unknown kinds are passed over: a newer server's. */
static enum sp_err hold_some(struct sp__batch *batch, struct sp_reader *r, uint64_t *next)
{
	struct sp_wire_item item;
	for (size_t n = 0; n < HELD_BATCH && !sp_reader_is_empty(r); n++) {
		struct sp_reader rest = *r;
		SP_TRY(sp_wire_item_read(&rest, &item));
		if (item.seq == UINT64_MAX)
			return SP_ERR_INVALID;
		if (item.kind == SP_WIRE_ITEM_WELCOME && item.seq >= *next)
			break;
		if (item.kind == SP_WIRE_ITEM_RECEIPT && item.seq >= *next)
			sp__receipt_hold(batch, item.seq, item.body);
		*next = SP_MAX(*next, item.seq + 1);
		*r = rest;
	}
	return pass_receipts(batch, *next);
}

static enum sp_err take_welcome(struct sp_client *c, struct sp_reader *r, uint64_t *next)
{
	struct sp_wire_item item;
	struct sp_reader rest = *r;
	if (sp_reader_is_empty(r))
		return SP_OK;
	SP_TRY(sp_wire_item_read(&rest, &item));
	if (item.kind != SP_WIRE_ITEM_WELCOME || item.seq < *next)
		return SP_OK;
	SP_TRY(sp__room_welcome(c, &item));
	*next = item.seq + 1;
	*r = rest;
	return SP_OK;
}

struct inbox_step {
	struct sp_reader *r;
	uint64_t next;
};

static enum sp_err step_hold(struct sp_client *c, void *ctx)
{
	struct inbox_step *step = ctx;
	struct sp_reader r = *step->r;
	uint64_t next = step->next;
	struct sp__batch batch;
	sp__batch_init(&batch, c);
	enum sp_err e = hold_some(&batch, &r, &next);
	sp__batch_clear(&batch);
	if (e == SP_OK) {
		*step->r = r;
		step->next = next;
	}
	return e;
}

enum sp_err sp__inbox_take_items(struct sp_client *c, struct sp_bytes items)
{
	struct sp_wire_record_cursors cursors;
	struct sp_reader r = sp_reader_of(items);
	SP_TRY(sp__cursors_get(c, &cursors));
	struct inbox_step step = {&r, cursors.inbox_next};
	while (!sp_reader_is_empty(&r)) {
		SP_TRY(sp__retry(c, step_hold, &step));
		SP_TRY(take_welcome(c, &r, &step.next));
	}
	return SP_OK;
}

static enum sp_err read_inbox(struct sp_client *c, struct sp_buf *raw, bool *out_is_done)
{
	struct sp_wire_record_cursors cursors;
	struct sp_wire_read_response response;
	SP_TRY(sp__cursors_get(c, &cursors));
	struct sp_wire_read_request request = {.log = {SP_WIRE_LOG_INBOX, c->me.account_id}, .from_seq = cursors.inbox_next};
	SP_TRY(sp__call(c, SP_WIRE_READ, &request, raw, &response));
	SP_TRY(sp__inbox_take_items(c, response.items));
	SP_TRY(sp__cursors_get(c, &cursors));
	bool is_stuck = cursors.inbox_next == request.from_seq;
	*out_is_done = is_stuck || cursors.inbox_next > response.last_seq;
	return SP_OK;
}

enum sp_err sp__inbox_drain(struct sp_client *c)
{
	struct sp_buf raw;
	bool is_done = false;
	enum sp_err e = SP_OK;
	sp_buf_init(&raw, SP_LIMIT_FRAME);
	while (e == SP_OK && !is_done)
		e = read_inbox(c, &raw, &is_done);
	sp_buf_clear(&raw);
	return e;
}

/* Now and then the server is told how far this device has read, so that it need not keep what came before. */
static enum sp_err step_told(struct sp_client *c, void *ctx)
{
	const uint64_t *seq = ctx;
	struct sp__batch batch;
	struct sp_wire_record_cursors cursors;
	sp__batch_init(&batch, c);
	enum sp_err e = sp__cursors_begin(&batch, &cursors);
	cursors.inbox_told = SP_MAX(cursors.inbox_told, *seq);
	if (e == SP_OK)
		sp__cursors_put(&batch, &cursors);
	if (e == SP_OK)
		e = sp__batch_apply(&batch, NULL);
	sp__batch_clear(&batch);
	return e;
}

static enum sp_err tell_cursor(struct sp_client *c)
{
	struct sp_wire_record_cursors cursors;
	struct sp_buf raw;
	SP_TRY(sp__cursors_get(c, &cursors));
	uint64_t read = cursors.inbox_next - 1;
	if (read < cursors.inbox_told + TELL_EVERY)
		return SP_OK;
	struct sp_wire_cursor_set_request request = {.log = {SP_WIRE_LOG_INBOX, c->me.account_id}, .seq = read};
	SP_TRY(sp__reqno_take(c, &request.reqno));
	sp_buf_init(&raw, SP_LIMIT_FRAME);
	enum sp_err e = sp__call(c, SP_WIRE_CURSOR_SET, &request, &raw, NULL);
	sp_buf_clear(&raw);
	return e == SP_OK ? sp__retry(c, step_told, &read) : e;
}

/* -- rooms -- */

static enum sp_err find_entry(struct sp_bytes rooms, const struct sp_id16 *id, struct sp_wire_room_entry *out)
{
	struct sp_reader r = sp_reader_of(rooms);
	while (!sp_reader_is_empty(&r)) {
		SP_TRY(sp_wire_room_entry_read(&r, out));
		if (sp_id16_equal(&out->room_id, id))
			return SP_OK;
	}
	return SP_ERR_NOT_FOUND;
}

/* The server is at an epoch that its log did not lead us to: a commit in it was one we could not take. */
static enum sp_err check_epoch(struct sp_client *c, const struct sp_id16 *id, const struct sp_wire_room_entry *entry)
{
	struct sp__room *room;
	SP_TRY(sp__room_get(c, &room, id));
	if (room->status == SP__ROOM_ACTIVE && entry->epoch > room->epoch)
		SP_TRY(sp__room_set_status(c, room, SP__ROOM_REJOIN, ""));
	SP_TRY(sp__room_get(c, &room, id));
	return room->status == SP__ROOM_REJOIN ? sp__room_rejoin(c, id) : SP_OK;
}

static enum sp_err sync_room(struct sp_client *c, const struct sp_id16 *id, struct sp_bytes list)
{
	struct sp_wire_room_entry entry = {0};
	struct sp__room *room;
	SP_TRY(sp__room_get(c, &room, id));
	bool is_followed = room->status == SP__ROOM_ACTIVE || room->status == SP__ROOM_REJOIN;
	enum sp_err listed = find_entry(list, id, &entry);
	if (!is_followed)
		return SP_OK;
	if (room->status == SP__ROOM_ACTIVE && (listed != SP_OK || entry.last_seq >= room->next_seq))
		SP_TRY(sp__room_drain(c, id));
	return check_epoch(c, id, &entry);
}

/* One room that fails does not keep the others from being read; what ends the connection does. */
static enum sp_err sync_each(struct sp_client *c, struct sp_bytes list, const struct sp_id16 *ids, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		enum sp_err e = sync_room(c, &ids[i], list);
		enum sp_err_class class = sp_err_class(e);
		if (e != SP_OK && (!c->conn.net || class == SP_CLASS_IO || class == SP_CLASS_NOMEM))
			return e;
		if (e != SP_OK)
			sp__trouble_note(c, e, &ids[i], "a room could not be read");
	}
	return SP_OK;
}

static enum sp_err sync_rooms(struct sp_client *c, struct sp_buf *raw)
{
	struct sp_wire_room_list_response list;
	struct sp_id16 *ids;
	size_t n;
	SP_TRY(sp__call(c, SP_WIRE_ROOM_LIST, NULL, raw, &list));
	SP_TRY(sp__room_ids(c, &ids, &n));
	enum sp_err e = sync_each(c, list.rooms, ids, n);
	sp_free(ids);
	return e;
}

static enum sp_err drain_rooms(struct sp_client *c)
{
	struct sp_buf raw;
	sp_buf_init(&raw, SP_LIMIT_FRAME);
	enum sp_err e = sync_rooms(c, &raw);
	sp_buf_clear(&raw);
	return e;
}

/* -- care of rooms: waiting proposals, revoked devices, secrets past their time -- */

static enum sp_err needs_care(struct sp_client *c, const struct sp_id16 *id, bool sweep, bool *out)
{
	struct sp__room *room;
	*out = false;
	SP_TRY(sp__room_get(c, &room, id));
	if (room->status != SP__ROOM_ACTIVE || (!sweep && !room->group))
		return SP_OK; /* what was not touched has no new proposal */
	SP_TRY(sp__room_group(c, room));
	SP_TRY(sp__room_expire(c, room));
	*out = sweep || sp_mls_group_proposal_count(room->group) > 0;
	return SP_OK;
}

static enum sp_err care_each(struct sp_client *c, const struct sp_id16 *ids, size_t n, bool sweep)
{
	for (size_t i = 0; i < n; i++) {
		bool needs;
		SP_TRY(needs_care(c, &ids[i], sweep, &needs));
		enum sp_err e = needs ? sp__room_settle(c, &ids[i], true) : SP_OK;
		if (e != SP_OK && (!c->conn.net || sp_err_class(e) == SP_CLASS_IO))
			return e;
	}
	return SP_OK;
}

static enum sp_err step_swept(struct sp_client *c, void *ctx)
{
	struct sp__batch batch;
	struct sp_wire_record_cursors cursors;
	sp__batch_init(&batch, c);
	enum sp_err e = sp__cursors_begin(&batch, &cursors);
	cursors.swept_crl = sp_pki_trust_crl_number(c->trust);
	if (e == SP_OK)
		sp__cursors_put(&batch, &cursors);
	if (e == SP_OK)
		e = sp__batch_apply(&batch, NULL);
	sp__batch_clear(&batch);
	return e;
}

/* D03: with each new CRL, whoever is online removes devices that are on it. */
static enum sp_err care_for_rooms(struct sp_client *c)
{
	struct sp_wire_record_cursors cursors;
	struct sp_id16 *ids;
	size_t n;
	SP_TRY(sp__cursors_get(c, &cursors));
	bool sweep = cursors.swept_crl != sp_pki_trust_crl_number(c->trust);
	SP_TRY(sp__room_ids(c, &ids, &n));
	enum sp_err e = care_each(c, ids, n, sweep);
	sp_free(ids);
	if (e == SP_OK && sweep)
		e = sp__retry(c, step_swept, NULL);
	return e;
}

/* -- the everyone room -- */

/* Made by the first admin who comes; joined by all who come after. */
enum sp_err sp__everyone_ensure(struct sp_client *c)
{
	struct sp_id16 id;
	struct sp__room *room;
	SP_TRY(sp_verdict_everyone_id(&id, &c->me.organisation));
	enum sp_err e = sp__room_get(c, &room, &id);
	if (e != SP_ERR_NOT_FOUND)
		return e;
	e = sp__room_join_open(c, &id, "everyone");
	if (e != SP_ERR_NOT_FOUND || !c->conn.hello.admin)
		return e == SP_ERR_NOT_FOUND ? SP_OK : e;
	struct sp__room_plan plan = {.id = id, .kind = SP_RULES_EVERYONE, .join = SP_RULES_OPEN, .name = "everyone"};
	e = sp__room_create(c, &plan);
	return e == SP_ERR_EXISTS ? sp__room_join_open(c, &id, "everyone") : e;
}

/* -- the whole -- */

static enum sp_err learn(struct sp_client *c)
{
	if (c->conn.hello.crl_number > sp_pki_trust_crl_number(c->trust))
		SP_TRY(sp__crl_refresh(c));
	SP_TRY(sp__directory_sync(c, false));
	return sp__renew_if_due(c);
}

static enum sp_err settle(struct sp_client *c)
{
	SP_TRY(sp__intents_settle(c));
	SP_TRY(care_for_rooms(c));
	SP_TRY(sp__queue_settle(c));
	SP_TRY(sp__receipts_settle(c));
	SP_TRY(sp__receipts_send(c));
	SP_TRY(tell_cursor(c));
	return sp__key_packages_stock(c);
}

enum sp_err sp__sync(struct sp_client *c)
{
	SP_TRY(sp__connect(c));
	SP_TRY(check_restored(c));
	SP_TRY(learn(c));
	SP_TRY(sp__outbox_flush(c));
	SP_TRY(sp__inbox_drain(c));
	SP_TRY(drain_rooms(c));
	SP_TRY(settle(c));
	enum sp_err e = sp__everyone_ensure(c);
	if (e != SP_OK && !c->conn.net) /* else nothing depends on it, and doctor tells */
		return e;
	c->synced_ms = sp__now().ms;
	return SP_OK;
}

enum sp_err sp_client_sync(struct sp_client *client)
{
	return sp__sync(client);
}

enum sp_err sp__sync_or_offline(struct sp_client *c, bool *out_offline)
{
	enum sp_err e = sp__sync(c);
	*out_offline = sp__error_is_network(e);
	return *out_offline ? SP_OK : e;
}
