/* SPDX-License-Identifier: Apache-2.0
 *
 * room_create: a room begins with its creator alone; everybody else is added by a commit that the server has seen.
 */
#include "server/rooms_priv.h"
#include "wire/room.h"

struct create {
	struct sp_mls_public_group *group;
	struct sp_mls_row_set *row_set;
	struct sp_store_row *rows;
	struct sp__room *room;
};

/* The creator's leaf is judged as one that comes now, not as one that was there. */
static enum sp_err creator_judge(const struct sp_server_request *req, struct sp__judge *j, const struct sp_mls_view *view)
{
	struct sp_rules_party party = {req->who.account, req->who.device};
	struct sp_mls_member creator;

	SP_TRY(sp_verdict_room_judge(view, &party, &j->server->identity.fingerprint, &j->diag));
	SP_TRY(sp_mls_view_next(&creator, view, 0));
	struct sp_mls_credential_check check = {
		.why = SP_MLS_WHY_ADD,
		.suite = sp_mls_view_suite(view),
		.credential = creator.credential,
		.signature_key = creator.signature_key,
		.leaf = creator.leaf,
		.group_id = sp_mls_view_group_id(view),
	};
	return j->env.validator->check(j->env.validator->ctx, &check);
}

static void op_fill(struct sp_server_request *req, struct create *c, const struct sp_wire_room_create_request *wire)
{
	req->has_op = true;
	req->op.verb = SP_STORE_ROOM_CREATE;
	req->op.u.room_create = (struct sp_store_room_create){
		.room = wire->room_id,
		.epoch = sp_mls_view_epoch(sp_mls_public_group_view(c->group)),
		.group_info = wire->group_info,
		.rows = c->rows,
		.row_count = sp_mls_row_set_rows(c->row_set).n,
		.joined = &req->who.account,
		.joined_count = 1,
	};
}

static enum sp_err judge(struct sp_server_request *req, struct create *c, struct sp__judge *j)
{
	const struct sp_wire_room_create_request *wire = req->decoded;
	const struct sp_mls_view *view;

	SP_TRY(sp_mls_public_group_new(&j->env, &c->group, wire->group_info, wire->ratchet_tree));
	view = sp_mls_public_group_view(c->group);
	if (!sp_bytes_equal(sp_mls_view_group_id(view), sp_id16_bytes(&wire->room_id)))
		return SP_ERR_INVALID;
	SP_TRY(creator_judge(req, j, view));
	SP_TRY(sp_mls_public_group_rows(c->group, &c->row_set));
	SP_TRY(sp__rows_of(&c->rows, sp_mls_row_set_rows(c->row_set)));
	op_fill(req, c, wire);
	return SP_OK;
}

enum sp_err sp__room_create_judge(struct sp_server_request *req)
{
	struct create *c = sp_alloc(sizeof *c);
	struct sp__judge j;

	if (!c)
		return SP_ERR_NOMEM;
	req->state = c; /* freed by clear, whatever happens */
	sp__judge_init(&j, req->server, req->now);
	return sp__judge_verdict(req, &j, judge(req, c, &j));
}

enum sp_err sp__room_create_done(struct sp_server_request *req)
{
	struct create *c = req->state;
	const struct sp_wire_room_create_request *wire = req->decoded;

	if (!req->op.replayed) {
		sp_server_roster_forget(req->server, &wire->room_id);
		sp__posting_set(req->server, sp_mls_public_group_view(c->group));
		/* not kept for want of memory: it will be read from its rows */
		if (sp__room_keep(&c->room, req->server, &wire->room_id, &c->group) == SP_OK)
			sp__room_give(req->server, &c->room);
	}
	return sp__answer_appended(req, 0);
}

void sp__room_create_clear(struct sp_server_request *req)
{
	struct create *c = req->state;

	if (!c)
		return;
	sp_mls_public_group_free(&c->group);
	sp_mls_row_set_free(&c->row_set);
	sp_free(c->rows);
	sp_free(c);
	req->state = NULL;
}
