/* SPDX-License-Identifier: Apache-2.0
 *
 * Rooms in memory and on disk. A room is its record and the rows of its MLS group; both change in one transaction, and
 * the record's revision guards both. What is in memory is used only while the disk has that revision.
 */
#include "client/client_priv.h"

static void clear_room(struct sp__room *room)
{
	sp_mls_group_free(&room->group);
	sp_free(room->members);
	sp_buf_clear(&room->former);
	sp_buf_clear(&room->steps);
}

void sp__room_forget(struct sp_client *c, const struct sp_id16 *id)
{
	for (struct sp__room **at = &c->rooms; *at; at = &(*at)->next) {
		struct sp__room *room = *at;
		if (!sp_id16_equal(&room->id, id))
			continue;
		*at = room->next;
		clear_room(room);
		sp_free(room);
		return;
	}
}

void sp__rooms_forget(struct sp_client *c)
{
	while (c->rooms) {
		struct sp_id16 id = c->rooms->id;
		sp__room_forget(c, &id);
	}
}

enum sp_err sp__room_new(struct sp_client *c, struct sp__room **out, const struct sp_id16 *id)
{
	struct sp__room *room = sp_alloc(sizeof *room);
	*out = NULL;
	if (!room)
		return SP_ERR_NOMEM;
	sp__room_forget(c, id);
	room->id = *id;
	room->next_seq = 1;
	sp_buf_init(&room->former, 1u << 20);
	sp_buf_init(&room->steps, 1u << 20);
	room->next = c->rooms;
	c->rooms = room;
	*out = room;
	return SP_OK;
}

/* -- the record -- */

static enum sp_err room_key(struct sp_client *c, struct sp__record_key *out, const struct sp_id16 *id)
{
	return sp__seal_key(&c->seal, out, SP_CLIENT_SPACE_ROOM, sp_id16_bytes(id));
}

static enum sp_err add_member(struct sp__room *room, const struct sp_wire_record_member *member)
{
	SP_TRY(sp_array_grow(&room->members, &room->members_cap, room->members_n + 1, sizeof *room->members, SP_LIMIT_ROOM_LEAVES));
	room->members[room->members_n++] = *member;
	return SP_OK;
}

static enum sp_err from_record(struct sp__room *room, const struct sp_wire_record_room *record)
{
	struct sp_reader r = sp_reader_of(record->members);
	struct sp_wire_record_member member;
	room->status = (enum sp__room_status)record->status;
	room->mode = (enum sp_rules_mode)record->mode;
	room->kind = (enum sp_rules_kind)record->kind;
	room->join = (enum sp_rules_join)record->join;
	room->other = record->other;
	room->epoch = record->epoch;
	room->next_seq = record->next_seq;
	sp__text_set(room->name, sizeof room->name, record->name);
	sp__text_set(room->trouble, sizeof room->trouble, record->trouble);
	room->members_n = 0;
	while (!sp_reader_is_empty(&r)) {
		SP_TRY(sp_wire_record_member_read(&r, &member));
		SP_TRY(add_member(room, &member));
	}
	sp_buf_clear(&room->former);
	sp_buf_clear(&room->steps);
	SP_TRY(sp_buf_append(&room->former, record->former));
	return sp_buf_append(&room->steps, record->steps);
}

static enum sp_err encode_members(const struct sp__room *room, struct sp_buf *out)
{
	struct sp_writer w = sp_writer_on(out);
	for (size_t i = 0; i < room->members_n; i++)
		sp_wire_record_member_write(&w, &room->members[i]);
	return sp_writer_finish(&w);
}

static void put_record(struct sp__batch *batch, const struct sp__room *room, struct sp_bytes members)
{
	struct sp__record_key key;
	struct sp_wire_record_room record = {
		.format = SP_RECORD_FORMAT,
		.room_id = room->id,
		.status = (uint8_t)room->status,
		.name = sp_bytes_str(room->name),
		.mode = (uint8_t)room->mode,
		.kind = (uint8_t)room->kind,
		.join = (uint8_t)room->join,
		.other = room->other,
		.epoch = room->epoch,
		.next_seq = room->next_seq,
		.trouble = sp_bytes_str(room->trouble),
		.members = members,
		.former = sp_buf_bytes(&room->former),
		.steps = sp_buf_bytes(&room->steps),
	};
	enum sp_err e = room_key(batch->client, &key, &room->id);
	if (e == SP_OK)
		sp__batch_put_record(batch, &key, sp_wire_record_room_layout(), &record);
	sp__batch_fail(batch, e);
}

void sp__room_put(struct sp__batch *batch, const struct sp__room *room)
{
	struct sp_buf members;
	sp_buf_init(&members, 1u << 20);
	enum sp_err e = encode_members(room, &members);
	if (e == SP_OK)
		put_record(batch, room, sp_buf_bytes(&members));
	sp__batch_fail(batch, e);
	sp_buf_clear(&members);
}

void sp__room_expect(struct sp__batch *batch, const struct sp__room *room)
{
	struct sp__record_key key;
	enum sp_err e = room_key(batch->client, &key, &room->id);
	if (e == SP_OK)
		sp__batch_expect(batch, &key, room->revision);
	sp__batch_fail(batch, e);
}

static struct sp__room *cached(struct sp_client *c, const struct sp_id16 *id)
{
	for (struct sp__room *room = c->rooms; room; room = room->next) {
		if (sp_id16_equal(&room->id, id))
			return room;
	}
	return NULL;
}

static enum sp_err refresh(struct sp_client *c, struct sp__room **out, const struct sp_id16 *id, struct sp_buf *raw)
{
	struct sp__record_key key;
	struct sp_wire_record_room record;
	uint64_t revision;
	SP_TRY(room_key(c, &key, id));
	SP_TRY(sp__record_get(c, &key, sp_wire_record_room_layout(), raw, &record, &revision));
	struct sp__room *room = cached(c, id);
	if (!room || room->revision != revision) {
		SP_TRY(sp__room_new(c, &room, id));
		room->revision = revision;
		SP_TRY(from_record(room, &record));
	}
	*out = room;
	return SP_OK;
}

enum sp_err sp__room_get(struct sp_client *c, struct sp__room **out, const struct sp_id16 *id)
{
	struct sp_buf raw;
	*out = NULL;
	sp_buf_init(&raw, SP_PROFILE_VALUE_MAX);
	enum sp_err e = refresh(c, out, id, &raw);
	sp_buf_clear(&raw);
	if (e != SP_OK)
		sp__room_forget(c, id);
	return e;
}

/* -- the group's rows -- */

static enum sp_err row_key(struct sp_client *c, struct sp__record_key *out, const struct sp_id16 *room, struct sp_bytes key)
{
	return sp__seal_key_pair(&c->seal, out, SP_CLIENT_SPACE_GROUP, sp_id16_bytes(room), key);
}

void sp__room_put_rows(struct sp__batch *batch, const struct sp__room *room, struct sp_mls_rows rows)
{
	for (size_t i = 0; i < rows.n; i++) {
		struct sp__record_key key;
		struct sp_wire_record_row record = {rows.list[i].key, rows.list[i].value};
		enum sp_err e = row_key(batch->client, &key, &room->id, rows.list[i].key);
		sp__batch_fail(batch, e);
		if (e == SP_OK && rows.list[i].remove)
			sp__batch_delete(batch, &key);
		else if (e == SP_OK)
			sp__batch_put_record(batch, &key, sp_wire_record_row_layout(), &record);
	}
}

struct rows {
	struct sp_mls_row *list;
	size_t n, cap;
	struct sp__batch *deleting; /* NULL: collect */
};

static enum sp_err visit_row(void *ctx, struct sp_bytes key, const void *record)
{
	struct rows *rows = ctx;
	const struct sp_wire_record_row *row = record;
	uint8_t *name, *value;
	if (rows->deleting) {
		sp__batch_delete_raw(rows->deleting, SP_CLIENT_SPACE_GROUP, key);
		return SP_OK;
	}
	SP_TRY(sp_array_grow(&rows->list, &rows->cap, rows->n + 1, sizeof *rows->list, 1u << 24));
	SP_TRY(sp_bytes_dup(&name, row->key));
	rows->list[rows->n].key = (struct sp_bytes){name, row->key.n};
	rows->list[rows->n].value = SP_BYTES_NONE;
	rows->n++; /* its key is freed with the rest, whatever comes */
	SP_TRY(sp_bytes_dup(&value, row->value));
	rows->list[rows->n - 1].value = (struct sp_bytes){value, row->value.n};
	return SP_OK;
}

static enum sp_err scan_rows(struct sp_client *c, const struct sp_id16 *room, struct rows *rows)
{
	struct sp__record_key prefix;
	SP_TRY(sp__seal_key(&c->seal, &prefix, SP_CLIENT_SPACE_GROUP, sp_id16_bytes(room)));
	struct sp__scan scan = {
		.space = SP_CLIENT_SPACE_GROUP,
		.prefix = sp__record_key_bytes(&prefix),
		.layout = sp_wire_record_row_layout(),
		.visit = visit_row,
		.ctx = rows,
	};
	return sp__record_scan(c, &scan);
}

static void free_rows(struct rows *rows)
{
	for (size_t i = 0; i < rows->n; i++) {
		sp_free((void *)(uintptr_t)rows->list[i].key.p);
		sp_free_secret((void *)(uintptr_t)rows->list[i].value.p, rows->list[i].value.n);
	}
	sp_free(rows->list);
}

enum sp_err sp__room_group(struct sp_client *c, struct sp__room *room)
{
	struct rows rows = {0};
	struct sp__mls mls;
	if (room->group)
		return SP_OK;
	sp__mls_init(&mls, c, sp__now());
	enum sp_err e = scan_rows(c, &room->id, &rows);
	if (e == SP_OK)
		e = sp_mls_group_load(&mls.env, &room->group, rows.list, rows.n);
	free_rows(&rows);
	return e;
}

/* Epochs that are over are forgotten by their age as well as by their number (ATTACKS M25). A conflict: another process
 * is at work in this room, and will do it. */
enum sp_err sp__room_expire(struct sp_client *c, struct sp__room *room)
{
	struct sp__mls mls;
	struct sp_mls_staged *staged;
	struct sp__batch batch;
	sp__mls_init(&mls, c, sp__now());
	SP_TRY(sp_mls_group_expire(&mls.env, room->group, &staged));
	sp__batch_init(&batch, c);
	sp__room_expect(&batch, room);
	sp__room_put_rows(&batch, room, sp_mls_staged_write_set(staged));
	bool is_needed = sp_mls_staged_write_set(staged).n > 0;
	if (is_needed)
		sp__room_put(&batch, room);
	enum sp_err e = is_needed ? sp__batch_apply(&batch, &room->revision) : SP_OK;
	if (e == SP_OK)
		e = sp_mls_group_apply(room->group, &staged);
	sp__batch_clear(&batch);
	sp_mls_staged_free(&staged);
	return e == SP_ERR_CONFLICT ? SP_OK : e;
}

void sp__room_delete_rows(struct sp__batch *batch, const struct sp__room *room)
{
	struct rows rows = {.deleting = batch};
	sp__batch_fail(batch, scan_rows(batch->client, &room->id, &rows));
}

void sp__room_delete(struct sp__batch *batch, const struct sp__room *room)
{
	struct sp__record_key key;
	enum sp_err e = room_key(batch->client, &key, &room->id);
	if (e == SP_OK)
		sp__batch_delete(batch, &key);
	sp__batch_fail(batch, e);
	sp__room_delete_rows(batch, room);
}

static void drop_member(struct sp__room *room, const struct sp_id16 *account)
{
	size_t kept = 0;
	for (size_t i = 0; i < room->members_n; i++) {
		if (!sp_id16_equal(&room->members[i].account_id, account))
			room->members[kept++] = room->members[i];
	}
	room->members_n = kept;
}

static enum sp_err note_left(struct sp__batch *batch, struct sp__room *room)
{
	struct sp_client *c = batch->client;
	struct sp_wire_record_counters counters;
	struct sp__notice left = {.kind = SP__ROW_LEFT, .who = &c->me.account_id, .seq = room->next_seq, .time = sp__now(), .text = ""};
	drop_member(room, &c->me.account_id);
	SP_TRY(sp__counters_begin(batch, &counters));
	SP_TRY(sp__message_notice(batch, &counters, room, &left));
	sp__counters_put(batch, &counters);
	return SP_OK;
}

/* What we cannot use any more is not kept: the secrets of a room we are not in (ATTACKS M25, M38). */
enum sp_err sp__room_set_left(struct sp_client *c, struct sp__room *room)
{
	struct sp__batch batch;
	struct sp_id16 id = room->id;
	sp__batch_init(&batch, c);
	if (sp__room_has_account(room, &c->me.account_id))
		sp__batch_fail(&batch, note_left(&batch, room));
	room->status = SP__ROOM_LEFT;
	sp__room_expect(&batch, room);
	sp__room_put(&batch, room);
	sp__room_delete_rows(&batch, room);
	enum sp_err e = sp__batch_apply(&batch, NULL);
	sp__room_forget(c, &id);
	return e;
}

enum sp_err sp__room_set_status(struct sp_client *c, struct sp__room *room, enum sp__room_status status, const char *trouble)
{
	struct sp__batch batch;
	struct sp_id16 id = room->id;
	room->status = status;
	sp__text_set(room->trouble, sizeof room->trouble, sp_bytes_str(trouble));
	sp__batch_init(&batch, c);
	sp__room_expect(&batch, room);
	sp__room_put(&batch, room);
	enum sp_err e = sp__batch_apply(&batch, NULL);
	sp__room_forget(c, &id);
	return e;
}

/* -- from the group to the record -- */

static struct sp_wire_record_member *find_member(struct sp__room *room, const struct sp_id16 *account)
{
	for (size_t i = 0; i < room->members_n; i++) {
		if (sp_id16_equal(&room->members[i].account_id, account))
			return &room->members[i];
	}
	return NULL;
}

bool sp__room_has_account(const struct sp__room *room, const struct sp_id16 *account)
{
	for (size_t i = 0; i < room->members_n; i++) {
		if (sp_id16_equal(&room->members[i].account_id, account))
			return true;
	}
	return false;
}

static enum sp_err count_leaf(struct sp__room *room, const struct sp_mls_member *leaf, const struct sp_rules_state *state)
{
	struct sp_pki_claim claim;
	SP_TRY(sp__leaf_identity(&claim, &leaf->credential));
	const struct sp_id16 *account = &claim.unverified.account_id;
	struct sp_wire_record_member *member = find_member(room, account);
	if (!member) {
		struct sp_wire_record_member fresh = {.account_id = *account, .role = (uint8_t)sp_rules_role_of(state, account)};
		SP_TRY(add_member(room, &fresh));
		member = &room->members[room->members_n - 1];
	}
	member->devices++;
	return SP_OK;
}

enum sp_err sp__room_read_view(struct sp_client *c, struct sp__room *room, const struct sp_mls_view *view)
{
	struct sp_rules_state state;
	struct sp_bytes raw;
	struct sp_mls_member leaf;
	SP_TRY(sp_mls_view_extension(&raw, view, SP_RULES_EXTENSION_ROOM_STATE));
	SP_TRY(sp_rules_state_decode(&state, raw));
	room->mode = state.mode;
	room->kind = state.kind;
	room->join = state.join;
	room->epoch = sp_mls_view_epoch(view);
	room->members_n = 0;
	for (uint32_t at = 0; sp_mls_view_next(&leaf, view, at) == SP_OK; at = leaf.leaf + 1)
		SP_TRY(count_leaf(room, &leaf, &state));
	for (size_t i = 0; state.kind == SP_RULES_DIRECT && i < 2; i++) {
		struct sp_rules_role_entry entry = sp_rules_role_at(&state, i);
		if (!sp_id16_equal(&entry.account, &c->me.account_id))
			room->other = entry.account;
	}
	return SP_OK;
}

/* -- all rooms -- */

struct each {
	sp__room_fn *fn;
	void *ctx;
};

static enum sp_err visit_room(void *ctx, struct sp_bytes key, const void *record)
{
	const struct each *each = ctx;
	return each->fn(each->ctx, record);
}

enum sp_err sp__room_each(struct sp_client *c, sp__room_fn *fn, void *ctx)
{
	struct each each = {fn, ctx};
	struct sp__scan scan = {.space = SP_CLIENT_SPACE_ROOM, .layout = sp_wire_record_room_layout(), .visit = visit_room, .ctx = &each};
	return sp__record_scan(c, &scan);
}

struct ids {
	struct sp_id16 *list;
	size_t n, cap;
};

static enum sp_err add_id(void *ctx, const struct sp_wire_record_room *record)
{
	struct ids *ids = ctx;
	SP_TRY(sp_array_grow(&ids->list, &ids->cap, ids->n + 1, sizeof *ids->list, 1u << 20));
	ids->list[ids->n++] = record->room_id;
	return SP_OK;
}

enum sp_err sp__room_ids(struct sp_client *c, struct sp_id16 **out, size_t *out_n)
{
	struct ids ids = {0};
	enum sp_err e = sp__room_each(c, add_id, &ids);
	*out = ids.list;
	*out_n = ids.n;
	if (e == SP_OK)
		return e;
	sp_free(ids.list);
	*out = NULL;
	*out_n = 0;
	return e;
}
