/* SPDX-License-Identifier: Apache-2.0
 *
 * append: a sealed message, or a proposal in the open.
 *
 * A message is the server's commonest work: when room and roster are remembered, nothing but its outside is looked at, on the
 * reactor, and it goes straight to the writer. A proposal is judged like a commit, in the room's turn.
 */
#include "server/rooms_priv.h"

#define PROPOSALS_MAX 1024u /* waiting in a room: a room has at most so many leaves to remove (M33) */

struct proposal {
	struct sp__room *room;
	struct sp_mls_staged *staged;
	struct sp_store_row *rows;
};

static bool message_is_sealed(const struct sp_wire_append_request *wire)
{
	struct sp_mls_peek peek;

	return sp_mls_peek(&peek, wire->body) == SP_OK && peek.wire_format == SP_MLS_WIRE_PRIVATE_MESSAGE;
}

enum sp_server_lane sp__room_append_lane(const struct sp_server_request *req)
{
	const struct sp_wire_append_request *wire = req->decoded;
	bool is_known = sp__posting_check(req->server, &wire->room_id, &req->who.account, NULL) != SP_ERR_NOT_FOUND;

	return is_known && message_is_sealed(wire) ? SP_SERVER_WRITER : SP_SERVER_ROOM;
}

/* -- sealed messages -------------------------------------------------------------------------------------------------- */

static enum sp_err message_shape_check(const struct sp_wire_append_request *wire, struct sp_diag *diag)
{
	struct sp_mls_peek peek;

	SP_TRY(sp_mls_peek(&peek, wire->body));
	/* M24: handshakes are never sealed here, or the server could not follow */
	SP_TRY(sp_rules_form_judge(peek.wire_format == SP_MLS_WIRE_PUBLIC_MESSAGE, peek.content_type == SP_MLS_CONTENT_APPLICATION, diag));
	if (peek.epoch != wire->epoch || !sp_bytes_equal(peek.group_id, sp_id16_bytes(&wire->room_id)))
		return SP_ERR_INVALID;
	return SP_OK;
}

static void op_fill(struct sp_server_request *req, const struct sp_wire_append_request *wire, uint8_t kind)
{
	req->has_op = true;
	req->op.verb = SP_STORE_APPEND;
	req->op.u.append = (struct sp_store_append){
		.log = {SP_STORE_LOG_ROOM, wire->room_id}, .epoch = wire->epoch, .kind = kind, .body = wire->body};
}

/* Reads the room, in its turn, to know who may write in it. */
static enum sp_err posting_learn(struct sp__judge *j, const struct sp_id16 *id)
{
	struct sp__room *room;

	SP_TRY(sp__room_take(&room, j, id));
	sp__posting_set(j->server, sp_mls_public_group_view(room->group));
	sp__room_give(j->server, &room);
	return SP_OK;
}

static enum sp_err message_judge(struct sp_server_request *req, struct sp__judge *j)
{
	const struct sp_wire_append_request *wire = req->decoded;
	struct sp_store_log log = {SP_STORE_LOG_ROOM, wire->room_id};
	enum sp_err err;

	SP_TRY(message_shape_check(wire, &j->diag));
	SP_TRY(sp_server_roster_check(req->server, &log, &req->who.account));
	err = sp__posting_check(req->server, &wire->room_id, &req->who.account, &j->diag);
	if (err == SP_ERR_NOT_FOUND) {
		SP_TRY(posting_learn(j, &wire->room_id));
		err = sp__posting_check(req->server, &wire->room_id, &req->who.account, &j->diag);
	}
	if (err != SP_OK)
		return err == SP_ERR_NOT_FOUND ? SP_ERR_BUSY : err; /* pushed out by others at once */
	op_fill(req, wire, SP_WIRE_ITEM_APPLICATION);
	return SP_OK;
}

/* -- proposals ---------------------------------------------------------------------------------------------------------- */

static enum sp_err proposal_judge(struct sp_server_request *req, struct proposal *p, struct sp__judge *j)
{
	const struct sp_wire_append_request *wire = req->decoded;
	struct sp_mls_peek peek;

	SP_TRY(sp_mls_peek(&peek, wire->body));
	SP_TRY(sp_rules_form_judge(peek.wire_format == SP_MLS_WIRE_PUBLIC_MESSAGE, peek.content_type == SP_MLS_CONTENT_APPLICATION, &j->diag));
	SP_TRY(sp__room_take(&p->room, j, &wire->room_id));
	uint64_t epoch = sp_mls_view_epoch(sp_mls_public_group_view(p->room->group));
	if (wire->epoch != epoch)
		return wire->epoch < epoch ? SP_ERR_STALE_EPOCH : SP_ERR_FUTURE_EPOCH;
	if (p->room->proposals >= PROPOSALS_MAX)
		return SP_ERR_TOO_MANY;
	if (peek.content_type != SP_MLS_CONTENT_PROPOSAL || peek.epoch != epoch)
		return SP_ERR_INVALID;
	SP_TRY(sp_mls_public_group_process(&j->env, p->room->group, &p->staged, wire->body));
	SP_TRY(sp__judge_is_whose(&sp_mls_staged_info(p->staged)->from.credential, &req->who));
	SP_TRY(sp__rows_of(&p->rows, sp_mls_staged_write_set(p->staged)));
	op_fill(req, wire, SP_WIRE_ITEM_PROPOSAL);
	req->op.u.append.rows = p->rows;
	req->op.u.append.row_count = sp_mls_staged_write_set(p->staged).n;
	return SP_OK;
}

enum sp_err sp__room_append_judge(struct sp_server_request *req)
{
	struct sp__judge j;

	sp__judge_init(&j, req->server, req->now);
	if (message_is_sealed(req->decoded))
		return sp__judge_verdict(req, &j, message_judge(req, &j));
	struct proposal *p = sp_alloc(sizeof *p);
	if (!p)
		return SP_ERR_NOMEM;
	req->state = p; /* freed by clear, whatever happens */
	return sp__judge_verdict(req, &j, proposal_judge(req, p, &j));
}

/* -- afterwards ------------------------------------------------------------------------------------------------------------ */

static enum sp_err publish(struct sp_server_request *req)
{
	const struct sp_wire_append_request *wire = req->decoded;
	struct sp_store_log log = {SP_STORE_LOG_ROOM, wire->room_id};
	struct sp_store_item item = {.seq = req->op.seq, .time = req->op.time, .kind = req->op.u.append.kind, .body = wire->body};

	return sp_server_publish(req->server, &log, &item);
}

enum sp_err sp__room_append_done(struct sp_server_request *req)
{
	struct proposal *p = req->state;

	if (!req->op.replayed) {
		if (p && p->staged) {
			sp__room_apply(req->server, p->room, &p->staged);
			p->room->proposals++;
		}
		SP_TRY(publish(req));
	}
	return sp__answer_appended(req, req->op.seq);
}

void sp__room_append_clear(struct sp_server_request *req)
{
	struct proposal *p = req->state;

	if (!p)
		return;
	sp_mls_staged_free(&p->staged);
	sp__room_give(req->server, &p->room);
	sp_free(p->rows);
	sp_free(p);
	req->state = NULL;
}
