/* SPDX-License-Identifier: Apache-2.0
 *
 * External commits (RFC 9420 section 12.4.3.2) serve two ends: joining an open room, and replacing our own leaf when our
 * state cannot be used any more. For the second, the log is first followed as a keyless public group from our last own
 * epoch, and what the server offers must be where that leads (ATTACKS M26, M37).
 */
#include "client/client_priv.h"

#define TRIES 8

struct entry {
	struct sp_client *client;
	struct sp_id16 id;
	char name[SP_LIMIT_ROOM_NAME + 1];
	struct sp_buf info_raw, chain, context, read_raw, own_info, own_tree;
	struct sp_wire_room_info_response info; /* borrows from info_raw */
	struct sp_mls_public_group *public;
	struct sp_mls_join *join;
	struct sp_wire_appended at;
	uint32_t old_leaf;
	uint64_t next_seq; /* of the log, while following */
};

static void entry_init(struct entry *e, struct sp_client *c, const struct sp_id16 *id, const char *name)
{
	*e = (struct entry){.client = c, .id = *id};
	sp__text_set(e->name, sizeof e->name, sp_bytes_str(name));
	sp_buf_init(&e->info_raw, SP_LIMIT_FRAME);
	sp_buf_init(&e->chain, 2 * SP_LIMIT_CERT);
	sp_buf_init(&e->context, 64);
	sp_buf_init(&e->read_raw, SP_LIMIT_FRAME);
	sp_buf_init(&e->own_info, SP_LIMIT_HANDSHAKE);
	sp_buf_init(&e->own_tree, SP_LIMIT_HANDSHAKE);
}

static void entry_clear(struct entry *e)
{
	sp_buf_clear(&e->info_raw);
	sp_buf_clear(&e->chain);
	sp_buf_clear(&e->context);
	sp_buf_clear(&e->read_raw);
	sp_buf_clear(&e->own_info);
	sp_buf_clear(&e->own_tree);
	sp_mls_public_group_free(&e->public);
	sp_mls_join_free(&e->join);
}

/* -- where the room stands -- */

static enum sp_err ask_info(struct entry *e)
{
	struct sp_wire_room_info_request request = {e->id};
	return sp__call(e->client, SP_WIRE_ROOM_INFO, &request, &e->info_raw, &e->info);
}

/* A room of which we know nothing: what the server shows is verified, and must be a room we may be in. */
static enum sp_err look_at(struct entry *e)
{
	struct sp__mls mls;
	sp__mls_init(&mls, e->client, sp__now());
	sp_mls_public_group_free(&e->public);
	SP_TRY(sp_mls_public_group_new(&mls.env, &e->public, e->info.group_info, e->info.ratchet_tree));
	const struct sp_mls_view *view = sp_mls_public_group_view(e->public);
	if (!sp_bytes_equal(sp_mls_view_group_id(view), sp_id16_bytes(&e->id))) /* another room in the place of the one we asked for */
		return SP_ERR_WRONG_GROUP;
	return sp__admission_check(e->client, view, &mls.diag);
}

/* -- following from our last own epoch -- */

static enum sp_err start_following(struct entry *e, struct sp__room *room)
{
	struct sp__mls mls;
	struct sp_mls_group_info_params params = {.size = sizeof params};
	sp__mls_init(&mls, e->client, sp__now());
	SP_TRY(sp__room_group(e->client, room));
	sp_buf_clear(&e->own_info);
	sp_buf_clear(&e->own_tree);
	SP_TRY(sp_mls_group_info_export(&mls.env, room->group, &e->own_info, &params));
	SP_TRY(sp_mls_view_ratchet_tree(sp_mls_group_view(room->group), &e->own_tree));
	sp_mls_public_group_free(&e->public);
	e->next_seq = room->next_seq;
	return sp_mls_public_group_new(&mls.env, &e->public, sp_buf_bytes(&e->own_info), sp_buf_bytes(&e->own_tree));
}

/* Commits that break the rules are passed over as any member passes over them; in the end it must fit. */
static enum sp_err follow_item(struct entry *e, const struct sp_wire_item *item)
{
	struct sp__mls mls;
	struct sp_mls_staged *staged = NULL;
	if (item->kind != SP_WIRE_ITEM_COMMIT && item->kind != SP_WIRE_ITEM_PROPOSAL)
		return SP_OK;
	sp__mls_init(&mls, e->client, (struct sp_time){(int64_t)item->time_ms});
	enum sp_err err = sp_mls_public_group_process(&mls.env, e->public, &staged, item->body);
	if (err == SP_OK)
		err = sp_mls_public_group_apply(e->public, &staged);
	sp_mls_staged_free(&staged);
	enum sp_err_class class = sp_err_class(err);
	return class == SP_CLASS_NOMEM || class == SP_CLASS_BUG || class == SP_CLASS_USAGE || class == SP_CLASS_IO ? err : SP_OK;
}

static enum sp_err follow_page(struct entry *e, bool *out_is_done)
{
	struct sp_wire_read_request request = {.log = {SP_WIRE_LOG_ROOM, e->id}, .from_seq = e->next_seq};
	struct sp_wire_read_response response;
	struct sp_wire_item item;
	enum sp_err err = sp__call(e->client, SP_WIRE_READ, &request, &e->read_raw, &response);
	if (err == SP_ERR_DENIED || err == SP_ERR_NOT_FOUND)
		return SP_ERR_STALE_EPOCH; /* removed since we asked: asked once more, the server says so */
	SP_TRY(err);
	struct sp_reader r = sp_reader_of(response.items);
	*out_is_done = sp_reader_is_empty(&r);
	while (!sp_reader_is_empty(&r)) {
		SP_TRY(sp_wire_item_read(&r, &item));
		if (item.seq < e->next_seq)
			return SP_ERR_INVALID;
		SP_TRY(follow_item(e, &item));
		e->next_seq = item.seq + 1;
	}
	*out_is_done = *out_is_done || e->next_seq > response.last_seq;
	return SP_OK;
}

static enum sp_err follow(struct entry *e, struct sp__room *room)
{
	struct sp__mls mls;
	bool is_done = false;
	SP_TRY(start_following(e, room));
	while (!is_done)
		SP_TRY(follow_page(e, &is_done));
	if (sp_mls_view_epoch(sp_mls_public_group_view(e->public)) > e->info.epoch)
		return SP_ERR_STALE_EPOCH; /* the room went on since we asked; or we are shown a GroupInfo from before (M26) */
	sp__mls_init(&mls, e->client, sp__now());
	return sp_mls_view_group_info_verify(&mls.env, sp_mls_public_group_view(e->public), e->info.group_info);
}

/* -- the commit -- */

/* NOT_FOUND: we have none, and may not make one. */
static enum sp_err find_own_leaf(struct entry *e)
{
	const struct sp_mls_view *view = sp_mls_public_group_view(e->public);
	struct sp_rules_party me = {e->client->me.account_id, e->client->me.device_id};
	struct sp_mls_member leaf;
	struct sp_rules_state state;
	SP_TRY(sp_verdict_state(&state, view, NULL));
	enum sp_err err = sp_verdict_leaf_of(&leaf, view, &me);
	e->old_leaf = err == SP_OK ? leaf.leaf : SP_MLS_LEAF_NONE;
	if (err != SP_OK && err != SP_ERR_NOT_FOUND)
		return err;
	return err == SP_ERR_NOT_FOUND && state.join != SP_RULES_OPEN ? SP_ERR_NOT_FOUND : SP_OK;
}

static enum sp_err make_commit(struct entry *e)
{
	struct sp__mls mls;
	struct sp_rules_context context = {sp_pki_trust_crl_number(e->client->trust)};
	sp_buf_clear(&e->context);
	SP_TRY(sp_rules_context_encode(&e->context, &context));
	struct sp_mls_external_params params = {
		.size = sizeof params,
		.group_info = e->info.group_info,
		.ratchet_tree = e->info.ratchet_tree,
		.resync_leaf = e->old_leaf,
		.authenticated_data = sp_buf_bytes(&e->context),
		.with_group_info = true,
	};
	sp__mls_init(&mls, e->client, sp__now());
	SP_TRY(sp__leaf_params(e->client, &params.leaf, &e->chain));
	sp_mls_join_free(&e->join);
	return sp_mls_join_external(&mls.env, &e->join, &params);
}

/* Not in the outbox: what a crash loses here, the next run finds as a leaf of ours that it does not hold, and replaces. */
static enum sp_err send_commit(struct entry *e)
{
	const struct sp_mls_join_info *info = sp_mls_join_info(e->join);
	struct sp_wire_handshake_append_request request = {
		.room_id = e->id,
		.epoch = e->info.epoch,
		.commit = info->message,
		.group_info = info->group_info,
	};
	SP_TRY(sp__reqno_take(e->client, &request.reqno));
	return sp__call(e->client, SP_WIRE_HANDSHAKE_APPEND, &request, &e->read_raw, &e->at);
}

static enum sp_err put_room(struct entry *e, struct sp__batch *batch, uint64_t old_revision, uint64_t lost)
{
	struct sp_wire_record_counters counters;
	struct sp__room *room;
	SP_TRY(sp__room_new(e->client, &room, &e->id));
	room->revision = old_revision;
	room->status = SP__ROOM_ACTIVE;
	room->next_seq = e->at.seq + 1;
	sp__text_set(room->name, sizeof room->name, sp_bytes_str(e->name));
	SP_TRY(sp__room_read_view(e->client, room, sp_mls_join_info(e->join)->view));
	SP_TRY(sp__counters_begin(batch, &counters));
	struct sp__notice gap = {
		.kind = SP__ROW_NOTICE,
		.seq = e->at.seq,
		.time = {(int64_t)e->at.time_ms},
		.text = "this device rejoined the room; messages sent meanwhile cannot be opened here",
	};
	if (lost > 0)
		SP_TRY(sp__message_notice(batch, &counters, room, &gap));
	sp__counters_put(batch, &counters);
	sp__room_expect(batch, room);
	sp__room_delete_rows(batch, room);
	sp__room_put(batch, room);
	sp__room_put_rows(batch, room, sp_mls_join_write_set(e->join));
	sp__outbox_drop_room(batch, &e->id, SP__OUTBOX_COMMIT);
	SP_TRY(sp__batch_apply(batch, &room->revision));
	room->group = sp_mls_join_accept(&e->join);
	return SP_OK;
}

static enum sp_err store_room(struct entry *e, uint64_t old_revision, uint64_t lost)
{
	struct sp__batch batch;
	sp__batch_init(&batch, e->client);
	enum sp_err err = put_room(e, &batch, old_revision, lost);
	sp__batch_clear(&batch);
	if (err != SP_OK)
		sp__room_forget(e->client, &e->id);
	return err;
}

/* -- joining an open room -- */

static enum sp_err join_open(struct entry *e)
{
	struct sp__room *room;
	enum sp_err err = sp__room_get(e->client, &room, &e->id);
	uint64_t revision = err == SP_OK ? room->revision : 0;
	if (err == SP_OK && room->status == SP__ROOM_ACTIVE)
		return SP_OK;
	if (err != SP_OK && err != SP_ERR_NOT_FOUND)
		return err;
	SP_TRY(ask_info(e));
	SP_TRY(look_at(e));
	SP_TRY(find_own_leaf(e));
	SP_TRY(make_commit(e));
	SP_TRY(send_commit(e));
	return store_room(e, revision, 0);
}

static bool is_worth_another_try(enum sp_err e)
{
	return e == SP_ERR_STALE_EPOCH || e == SP_ERR_FUTURE_EPOCH || e == SP_ERR_CONFLICT || e == SP_ERR_STALE_REQNO;
}

enum sp_err sp__room_join_open(struct sp_client *c, const struct sp_id16 *id, const char *name)
{
	struct entry entry;
	bool is_refreshed = false;
	enum sp_err e = SP_ERR_STALE_EPOCH;
	entry_init(&entry, c, id, name);
	for (int i = 0; i < TRIES && is_worth_another_try(e); i++) {
		e = join_open(&entry);
		if (e == SP_ERR_NEED_CREDENTIAL && !is_refreshed) {
			is_refreshed = true;
			e = sp__crl_refresh(c);
			if (e == SP_OK)
				e = sp__directory_sync(c, true);
			if (e == SP_OK)
				e = SP_ERR_STALE_EPOCH; /* once more */
		}
	}
	entry_clear(&entry);
	return e;
}

/* -- rejoining -- */

/* What the server offers is not where the log leads. All else - a busy server, a full disk - passes, and the room must not be
 * given up for it. */
static bool is_mismatch(enum sp_err e)
{
	enum sp_err_class class = sp_err_class(e);
	bool is_passing = is_worth_another_try(e) || sp__error_is_network(e) || e == SP_ERR_NEED_CREDENTIAL;
	return !is_passing && (class == SP_CLASS_AUTH || class == SP_CLASS_INPUT || class == SP_CLASS_STATE);
}

static enum sp_err rejoin(struct entry *e)
{
	struct sp__room *room;
	SP_TRY(sp__room_get(e->client, &room, &e->id));
	uint64_t revision = room->revision, next_seq = room->next_seq;
	if (room->status != SP__ROOM_REJOIN)
		return SP_OK;
	sp__text_set(e->name, sizeof e->name, sp_bytes_str(room->name));
	enum sp_err err = ask_info(e);
	if (err == SP_ERR_DENIED || err == SP_ERR_NOT_FOUND)
		return sp__room_set_left(e->client, room);
	SP_TRY(err);
	err = follow(e, room);
	if (is_mismatch(err))
		return SP_ERR_CORRUPT;
	SP_TRY(err);
	err = find_own_leaf(e);
	if (err == SP_ERR_NOT_FOUND)
		return sp__room_set_left(e->client, room);
	SP_TRY(err);
	SP_TRY(make_commit(e));
	SP_TRY(send_commit(e));
	return store_room(e, revision, e->at.seq > next_seq);
}

static enum sp_err give_up(struct sp_client *c, const struct sp_id16 *id)
{
	struct sp__room *room;
	const char *why = "the server's room is not the one this device was in; it is not followed any more";
	sp__trouble_note(c, SP_ERR_CORRUPT, id, why);
	SP_TRY(sp__room_get(c, &room, id));
	return sp__room_set_status(c, room, SP__ROOM_BROKEN, why);
}

enum sp_err sp__room_rejoin(struct sp_client *c, const struct sp_id16 *id)
{
	struct entry entry;
	enum sp_err e = SP_ERR_STALE_EPOCH;
	SP_TRY(sp__crl_refresh(c)); /* whom the log brings in must be known */
	SP_TRY(sp__directory_sync(c, true));
	entry_init(&entry, c, id, "");
	for (int i = 0; i < TRIES && is_worth_another_try(e); i++)
		e = rejoin(&entry);
	entry_clear(&entry);
	return e == SP_ERR_CORRUPT ? give_up(c, id) : e;
}
