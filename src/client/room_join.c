/* SPDX-License-Identifier: Apache-2.0
 *
 * Joining by Welcome. RFC 9420 section 12.4.3.1. The tree comes from the server, and nothing of what it says is believed
 * before MLS, verdict and admission have looked at it. ATTACKS M12-M14.
 */
#include "client/client_priv.h"

struct welcome {
	struct sp_client *client;
	const struct sp_wire_item *item; /* of the inbox */
	struct sp_wire_welcome_item content;
	struct sp_buf tree;
	struct sp_mls_join *join;
};

static enum sp_err fetch_tree(struct welcome *w, struct sp_bytes *out)
{
	struct sp_wire_room_tree_request request = {w->content.room_id, w->content.epoch};
	struct sp_wire_room_tree_response response;
	SP_TRY(sp__call(w->client, SP_WIRE_ROOM_TREE, &request, &w->tree, &response));
	*out = response.ratchet_tree;
	return SP_OK;
}

static enum sp_err check_join(struct welcome *w, struct sp__mls *mls)
{
	const struct sp_mls_view *view = sp_mls_join_info(w->join)->view;
	if (!sp_bytes_equal(sp_mls_view_group_id(view), sp_id16_bytes(&w->content.room_id)) || sp_mls_view_epoch(view) != w->content.epoch)
		return SP_ERR_WRONG_GROUP;
	return sp__admission_check(w->client, view, &mls->diag);
}

static enum sp_err open_join(struct welcome *w)
{
	struct sp__mls mls;
	struct sp_mls_key_package_lookup lookup = {sp__key_package_find, w->client};
	struct sp_mls_join_params params = {.size = sizeof params, .welcome = w->content.welcome, .key_packages = &lookup};
	SP_TRY(fetch_tree(w, &params.ratchet_tree));
	sp__mls_init(&mls, w->client, (struct sp_time){(int64_t)w->item->time_ms});
	SP_TRY(sp_mls_join_open(&mls.env, &w->join, &params));
	return check_join(w, &mls);
}

/* -- storing it -- */

static void read_name(struct sp__room *room, const struct sp_mls_join_info *info)
{
	for (size_t i = 0; i < info->extensions.n; i++) {
		struct sp_wire_room_name name;
		if (info->extensions.list[i].type == SP_WIRE_EXTENSION_ROOM_NAME && sp_wire_room_name_decode(&name, info->extensions.list[i].data) == SP_OK)
			sp__text_set(room->name, sizeof room->name, name.name);
	}
}

static enum sp_err pass_item(struct sp__batch *batch, const struct sp_wire_item *item)
{
	struct sp_wire_record_cursors cursors;
	SP_TRY(sp__cursors_begin(batch, &cursors));
	cursors.inbox_next = SP_MAX(cursors.inbox_next, item->seq + 1);
	sp__cursors_put(batch, &cursors);
	return SP_OK;
}

static enum sp_err put_join(struct welcome *w, struct sp__batch *batch, uint64_t old_revision)
{
	const struct sp_mls_join_info *info = sp_mls_join_info(w->join);
	struct sp_wire_record_counters counters;
	struct sp__record_key key;
	struct sp__room *room;
	SP_TRY(sp__room_new(w->client, &room, &w->content.room_id));
	room->revision = old_revision;
	room->status = SP__ROOM_ACTIVE;
	room->next_seq = w->content.seq + 1;
	read_name(room, info);
	SP_TRY(sp__room_read_view(w->client, room, info->view));
	SP_TRY(sp__counters_begin(batch, &counters));
	struct sp__notice joined = {
		.kind = SP__ROW_JOINED,
		.who = &w->client->me.account_id,
		.seq = w->content.seq,
		.time = {(int64_t)w->item->time_ms},
		.text = "",
	};
	SP_TRY(sp__message_notice(batch, &counters, room, &joined));
	sp__counters_put(batch, &counters);
	SP_TRY(pass_item(batch, w->item));
	sp__room_expect(batch, room);
	sp__room_delete_rows(batch, room);
	sp__room_put(batch, room);
	sp__room_put_rows(batch, room, sp_mls_join_write_set(w->join));
	if (!info->last_resort) {
		SP_TRY(sp__key_package_key(w->client, &key, info->key_package_ref));
		sp__batch_delete(batch, &key);
	}
	SP_TRY(sp__batch_apply(batch, &room->revision));
	room->group = sp_mls_join_accept(&w->join);
	return SP_OK;
}

static enum sp_err store_join(struct welcome *w, uint64_t old_revision)
{
	struct sp__batch batch;
	sp__batch_init(&batch, w->client);
	enum sp_err e = put_join(w, &batch, old_revision);
	sp__batch_clear(&batch);
	if (e != SP_OK)
		sp__room_forget(w->client, &w->content.room_id);
	return e;
}

static enum sp_err step_pass(struct sp_client *c, void *ctx)
{
	struct sp__batch batch;
	sp__batch_init(&batch, c);
	enum sp_err e = pass_item(&batch, ctx);
	if (e == SP_OK)
		e = sp__batch_apply(&batch, NULL);
	sp__batch_clear(&batch);
	return e;
}

static enum sp_err pass(struct welcome *w)
{
	struct sp_wire_item copy = *w->item;
	return sp__retry(w->client, step_pass, &copy);
}

/* -- the whole -- */

/* M14: a second Welcome into a room that we are in is refused, also while our state of it is being replaced: the log leads
 * there, not an invitation. One into a room that we left brings us back. */
static enum sp_err known_revision(struct welcome *w, uint64_t *out_revision, bool *out_is_active)
{
	struct sp__room *room;
	enum sp_err e = sp__room_get(w->client, &room, &w->content.room_id);
	*out_revision = 0;
	*out_is_active = false;
	if (e == SP_ERR_NOT_FOUND)
		return SP_OK;
	SP_TRY(e);
	if (room->status == SP__ROOM_ACTIVE) {
		SP_TRY(sp__room_drain(w->client, &w->content.room_id)); /* perhaps we were removed, and do not know it yet */
		SP_TRY(sp__room_get(w->client, &room, &w->content.room_id));
	}
	/* A direct room's id is the two accounts: where both sides open it at once, the server took theirs and not ours. */
	bool is_creating = room->status == SP__ROOM_CREATING && room->kind != SP_RULES_DIRECT;
	*out_revision = room->revision;
	*out_is_active = room->status == SP__ROOM_ACTIVE || room->status == SP__ROOM_REJOIN || is_creating;
	return SP_OK;
}

/* Did another process on this profile take the item while we looked at it? Then the room we are in is the one it invited into. */
static enum sp_err is_taken(struct welcome *w, bool *out)
{
	struct sp_wire_record_cursors cursors;
	*out = false;
	SP_TRY(sp__cursors_get(w->client, &cursors));
	*out = cursors.inbox_next > w->item->seq;
	return SP_OK;
}

static enum sp_err try_join(struct welcome *w)
{
	uint64_t revision;
	bool is_active;
	SP_TRY(known_revision(w, &revision, &is_active));
	if (is_active)
		return SP_ERR_EXISTS;
	sp_mls_join_free(&w->join);
	SP_TRY(open_join(w));
	return store_join(w, revision);
}

static enum sp_err step_join(struct sp_client *c, void *ctx)
{
	return try_join(ctx);
}

static bool is_passing(enum sp_err e)
{
	enum sp_err_class class = sp_err_class(e);
	return class == SP_CLASS_IO || class == SP_CLASS_NOMEM || class == SP_CLASS_BUG || class == SP_CLASS_USAGE || class == SP_CLASS_AGAIN ||
	       e == SP_ERR_CLOSED;
}

static enum sp_err join_or_refuse(struct welcome *w)
{
	enum sp_err e = sp__retry(w->client, step_join, w);
	if (e == SP_ERR_NEED_CREDENTIAL || e == SP_ERR_DENIED || e == SP_ERR_CERTIFICATE) {
		SP_TRY(sp__crl_refresh(w->client));
		SP_TRY(sp__directory_sync(w->client, true));
		e = sp__retry(w->client, step_join, w);
	}
	if (e == SP_OK || (is_passing(e) && e != SP_ERR_NEED_CREDENTIAL))
		return e;
	bool taken;
	SP_TRY(is_taken(w, &taken));
	if (taken)
		return SP_OK;
	if (e == SP_ERR_EXISTS)
		sp__trouble_note(w->client, e, &w->content.room_id, "a second invitation into a room we are in was refused");
	else if (e != SP_ERR_NOT_FOR_ME)
		sp__trouble_note(w->client, e, &w->content.room_id, "an invitation into a room was refused: it is damaged or not what it says");
	return pass(w);
}

enum sp_err sp__room_welcome(struct sp_client *c, const struct sp_wire_item *item)
{
	struct welcome w = {.client = c, .item = item};
	if (sp_wire_welcome_item_decode(&w.content, item->body) != SP_OK)
		return pass(&w);
	sp_buf_init(&w.tree, SP_LIMIT_FRAME);
	enum sp_err e = join_or_refuse(&w);
	sp_buf_clear(&w.tree);
	sp_mls_join_free(&w.join);
	return e;
}
