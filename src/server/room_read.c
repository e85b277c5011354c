/* SPDX-License-Identifier: Apache-2.0
 *
 * room_list, room_info, room_tree: what a member, a joiner, or a device that must rejoin needs to know of a room.
 */
#include "server/rooms_priv.h"
#include "wire/room.h"

/* -- room_list -------------------------------------------------------------------------------------------------------- */

static enum sp_err write_room(void *ctx, const struct sp_store_room *room)
{
	struct sp_wire_room_entry entry = {.room_id = room->id, .epoch = room->epoch, .last_seq = room->last_seq};

	sp_wire_room_entry_write(ctx, &entry);
	return SP_OK;
}

enum sp_err sp__room_list_judge(struct sp_server_request *req)
{
	struct sp_writer w = sp_writer_on(&req->answer);
	size_t mark = sp_write_open(&w);

	SP_TRY(sp_store_room_of_account(req->server->store, &req->who.account, write_room, &w));
	sp_write_close(&w, mark);
	return sp_writer_finish(&w);
}

/* -- room_info ---------------------------------------------------------------------------------------------------------- */

/* A stranger is told of open rooms only; of others, not even that they exist. */
static enum sp_err may_see(const struct sp_server_request *req, const struct sp_id16 *id, const struct sp_mls_view *view)
{
	struct sp_store_log log = {SP_STORE_LOG_ROOM, *id};
	struct sp_rules_state state;
	enum sp_err err = sp_server_roster_check(req->server, &log, &req->who.account);

	if (err != SP_ERR_DENIED)
		return err;
	SP_TRY(sp_verdict_state(&state, view, NULL));
	return state.join == SP_RULES_OPEN ? SP_OK : SP_ERR_NOT_FOUND;
}

/* The GroupInfo, the tree and the epoch are of one moment: no commit comes between in the room's turn. */
static enum sp_err info_fill(struct sp_server_request *req, const struct sp_mls_view *view, const struct sp_id16 *id, struct sp_buf *group_info,
			     struct sp_buf *tree)
{
	struct sp_store_room room;
	struct sp_wire_room_info_response answer;

	SP_TRY(sp_store_room_get(req->server->store, id, &room, group_info));
	SP_TRY(sp_mls_view_ratchet_tree(view, tree));
	answer = (struct sp_wire_room_info_response){
		.group_info = sp_buf_bytes(group_info), .ratchet_tree = sp_buf_bytes(tree), .epoch = room.epoch, .last_seq = room.last_seq};
	return sp_wire_room_info_response_encode(&req->answer, &answer);
}

static enum sp_err info_make(struct sp_server_request *req, const struct sp_mls_view *view, const struct sp_id16 *id)
{
	struct sp_buf group_info, tree;
	enum sp_err err;

	sp_buf_init(&group_info, SP_LIMIT_HANDSHAKE);
	sp_buf_init(&tree, SP_LIMIT_HANDSHAKE);
	err = info_fill(req, view, id, &group_info, &tree);
	sp_buf_clear(&group_info);
	sp_buf_clear(&tree);
	return err;
}

enum sp_err sp__room_info_judge(struct sp_server_request *req)
{
	const struct sp_wire_room_info_request *wire = req->decoded;
	const struct sp_mls_view *view;
	struct sp__judge j;
	struct sp__room *room;
	enum sp_err err;

	sp__judge_init(&j, req->server, req->now);
	SP_TRY(sp__room_take(&room, &j, &wire->room_id));
	view = sp_mls_public_group_view(room->group);
	err = may_see(req, &wire->room_id, view);
	if (err == SP_OK)
		err = info_make(req, view, &wire->room_id);
	sp__room_give(req->server, &room);
	return err;
}

/* -- room_tree ------------------------------------------------------------------------------------------------------------ */

/* Of the present epoch from the group itself, of an earlier one from the snapshot made for its joiners. */
static enum sp_err tree_of(struct sp_server_request *req, struct sp_buf *out)
{
	const struct sp_wire_room_tree_request *wire = req->decoded;
	enum sp_err err = sp_store_tree_get(req->server->store, &wire->room_id, wire->epoch, out);
	struct sp__judge j;
	struct sp__room *room;

	if (err != SP_ERR_NOT_FOUND)
		return err;
	sp__judge_init(&j, req->server, req->now);
	SP_TRY(sp__room_take(&room, &j, &wire->room_id));
	if (sp_mls_view_epoch(sp_mls_public_group_view(room->group)) == wire->epoch)
		err = sp_mls_view_ratchet_tree(sp_mls_public_group_view(room->group), out);
	sp__room_give(req->server, &room);
	return err;
}

enum sp_err sp__room_tree_judge(struct sp_server_request *req)
{
	const struct sp_wire_room_tree_request *wire = req->decoded;
	struct sp_store_log log = {SP_STORE_LOG_ROOM, wire->room_id};
	struct sp_buf tree;
	enum sp_err err;

	SP_TRY(sp_server_roster_check(req->server, &log, &req->who.account));
	sp_buf_init(&tree, SP_LIMIT_HANDSHAKE);
	err = tree_of(req, &tree);
	if (err == SP_OK) {
		struct sp_wire_room_tree_response answer = {.ratchet_tree = sp_buf_bytes(&tree)};

		err = sp_wire_room_tree_response_encode(&req->answer, &answer);
	}
	sp_buf_clear(&tree);
	return err;
}
