/* SPDX-License-Identifier: Apache-2.0
 *
 * Creating a room: epoch 0 with our leaf alone, stored here and then at the server; who else belongs in it is a wish
 * that room_change.c carries out.
 */
#include "client/client_priv.h"

struct creation {
	const struct sp__room_plan *plan;
	uint64_t reqno;
};

struct parts {
	struct sp_mls_group *group;
	struct sp_mls_row_set *rows;
	struct sp_buf chain, state, group_info, tree, body;
};

static void parts_init(struct parts *p)
{
	*p = (struct parts){0};
	sp_buf_init(&p->chain, 2 * SP_LIMIT_CERT);
	sp_buf_init(&p->state, 1u << 16);
	sp_buf_init(&p->group_info, SP_LIMIT_HANDSHAKE);
	sp_buf_init(&p->tree, SP_LIMIT_HANDSHAKE);
	sp_buf_init(&p->body, SP_LIMIT_FRAME);
}

static void parts_clear(struct parts *p)
{
	sp_mls_group_free(&p->group);
	sp_mls_row_set_free(&p->rows);
	sp_buf_clear(&p->chain);
	sp_buf_clear(&p->state);
	sp_buf_clear(&p->group_info);
	sp_buf_clear(&p->tree);
	sp_buf_clear(&p->body);
}

static enum sp_err encode_state(struct sp_client *c, const struct sp__room_plan *plan, struct sp_buf *out)
{
	bool is_direct = plan->kind == SP_RULES_DIRECT;
	const struct sp_rules_role_entry roles[] = {
		{c->me.account_id, is_direct ? SP_RULES_MEMBER : SP_RULES_ADMIN},
		{plan->other, SP_RULES_MEMBER},
	};
	struct sp_rules_state state = {SP_RULES_PRIVATE, plan->kind, plan->join, SP_BYTES_NONE};
	return sp_rules_state_encode(out, &state, roles, is_direct ? 2 : 1);
}

static enum sp_err make_group(struct sp_client *c, const struct sp__room_plan *plan, struct parts *p)
{
	struct sp__mls mls;
	struct sp_mls_extension state = {.type = SP_RULES_EXTENSION_ROOM_STATE};
	struct sp_mls_group_params params = {
		.size = sizeof params,
		.suite = SP_VERDICT_SUITE,
		.group_id = sp_id16_bytes(&plan->id),
		.extensions = {&state, 1},
	};
	struct sp_mls_group_info_params info = {.size = sizeof info};
	sp__mls_init(&mls, c, sp__now());
	SP_TRY(encode_state(c, plan, &p->state));
	state.data = sp_buf_bytes(&p->state);
	SP_TRY(sp__leaf_params(c, &params.leaf, &p->chain));
	SP_TRY(sp_mls_group_new(&mls.env, &p->group, &params));
	SP_TRY(sp_mls_group_rows(p->group, &p->rows));
	SP_TRY(sp_mls_group_info_export(&mls.env, p->group, &p->group_info, &info));
	return sp_mls_view_ratchet_tree(sp_mls_group_view(p->group), &p->tree);
}

static enum sp_err encode_request(const struct creation *creation, struct parts *p)
{
	struct sp_wire_room_create_request request = {
		.reqno = creation->reqno,
		.room_id = creation->plan->id,
		.group_info = sp_buf_bytes(&p->group_info),
		.ratchet_tree = sp_buf_bytes(&p->tree),
	};
	return sp_wire_room_create_request_encode(&p->body, &request);
}

static enum sp_err put_creation(struct sp__batch *batch, struct creation *creation, struct parts *p)
{
	const struct sp__room_plan *plan = creation->plan;
	struct sp_wire_record_counters counters;
	struct sp__room *room;
	SP_TRY(sp__counters_begin(batch, &counters));
	creation->reqno = counters.reqno++;
	sp__counters_put(batch, &counters);
	SP_TRY(make_group(batch->client, plan, p));
	SP_TRY(encode_request(creation, p));
	SP_TRY(sp__room_new(batch->client, &room, &plan->id));
	room->status = SP__ROOM_CREATING;
	sp__text_set(room->name, sizeof room->name, sp_bytes_str(plan->name));
	SP_TRY(sp__room_read_view(batch->client, room, sp_mls_group_view(p->group)));
	sp__room_expect(batch, room);
	sp__room_put(batch, room);
	sp__room_put_rows(batch, room, sp_mls_row_set_rows(p->rows));
	sp__intent_put(batch, &plan->id, plan->add, plan->add_n, NULL, 0);
	struct sp_wire_record_outbox out = {
		.format = SP_RECORD_FORMAT,
		.reqno = creation->reqno,
		.type = SP_WIRE_ROOM_CREATE,
		.purpose = SP__OUTBOX_CREATE,
		.room_id = plan->id,
		.body = sp_buf_bytes(&p->body),
	};
	sp__outbox_put(batch, &out);
	return sp__batch_apply(batch, NULL);
}

static enum sp_err step_create(struct sp_client *c, void *ctx)
{
	struct creation *creation = ctx;
	struct parts parts;
	struct sp__batch batch;
	sp__batch_init(&batch, c);
	parts_init(&parts);
	enum sp_err e = put_creation(&batch, creation, &parts);
	parts_clear(&parts);
	sp__batch_clear(&batch);
	sp__room_forget(c, &creation->plan->id);
	return e;
}

/* The request is gone: another process on this profile sent it and took the answer, which is what became of the room. */
static enum sp_err answered_elsewhere(struct sp_client *c, const struct sp_id16 *id)
{
	struct sp__room *room;
	enum sp_err e = sp__room_get(c, &room, id);
	return e == SP_ERR_NOT_FOUND ? SP_ERR_EXISTS : e;
}

enum sp_err sp__room_create(struct sp_client *c, const struct sp__room_plan *plan)
{
	struct creation creation = {.plan = plan};
	SP_TRY(sp__retry(c, step_create, &creation));
	enum sp_err e = sp__outbox_send(c, creation.reqno);
	if (e == SP_ERR_NOT_FOUND)
		e = answered_elsewhere(c, &plan->id);
	SP_TRY(e);
	return sp__room_settle(c, &plan->id, false);
}

/* -- the answer -- */

struct answer {
	const struct sp_wire_record_outbox *out;
	enum sp_err answer;
};

static enum sp_err take_answer(struct sp__batch *batch, const struct answer *a)
{
	struct sp__room *room;
	sp__outbox_delete(batch, a->out->reqno);
	enum sp_err e = sp__room_get(batch->client, &room, &a->out->room_id);
	if (e == SP_ERR_NOT_FOUND || (e == SP_OK && room->status != SP__ROOM_CREATING))
		return sp__batch_apply(batch, NULL);
	SP_TRY(e);
	sp__room_expect(batch, room);
	if (a->answer == SP_OK) {
		room->status = SP__ROOM_ACTIVE;
		sp__room_put(batch, room);
	} else { /* the room is another's, or cannot be: nothing of it stays */
		sp__room_delete(batch, room);
		sp__intent_delete(batch, &a->out->room_id);
	}
	return sp__batch_apply(batch, NULL);
}

static enum sp_err step_answer(struct sp_client *c, void *ctx)
{
	const struct answer *a = ctx;
	struct sp__batch batch;
	sp__batch_init(&batch, c);
	enum sp_err e = take_answer(&batch, a);
	sp__batch_clear(&batch);
	sp__room_forget(c, &a->out->room_id);
	return e;
}

enum sp_err sp__room_create_answered(struct sp_client *c, const struct sp_wire_record_outbox *out, enum sp_err answer, const struct sp_wire_appended *at)
{
	struct answer a = {out, answer};
	SP_TRY(sp__retry(c, step_answer, &a));
	return answer;
}
