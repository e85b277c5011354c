/* SPDX-License-Identifier: Apache-2.0
 *
 * Leaving a room: nobody can commit its own removal (RFC 9420 section 12.2), so it is proposed, and the next member who
 * is online commits it. Here the room is over as soon as the proposal is stored.
 */
#include "client/client_priv.h"

#define TRIES 8

struct leaving {
	const struct sp_id16 *id;
	struct sp__room *room;
	struct sp_mls_staged *staged;
	struct sp_buf body;
	uint64_t reqno;
};

static enum sp_err put_request(struct leaving *l, struct sp__batch *batch)
{
	const struct sp_mls_staged_info *info = sp_mls_staged_info(l->staged);
	struct sp_wire_append_request request = {l->reqno, *l->id, info->epoch, info->message};
	SP_TRY(sp_wire_append_request_encode(&l->body, &request));
	struct sp_wire_record_outbox out = {
		.format = SP_RECORD_FORMAT,
		.reqno = l->reqno,
		.type = SP_WIRE_APPEND,
		.purpose = SP__OUTBOX_LEAVE,
		.room_id = *l->id,
		.body = sp_buf_bytes(&l->body),
	};
	sp__outbox_put(batch, &out);
	return SP_OK;
}

static enum sp_err propose(struct leaving *l, struct sp__batch *batch)
{
	struct sp__mls mls;
	struct sp_wire_record_counters counters;
	struct sp_mls_propose remove = {.type = SP_MLS_PROPOSAL_REMOVE, .removed = sp_mls_group_own_leaf(l->room->group)};
	sp__mls_init(&mls, batch->client, sp__now());
	SP_TRY(sp__counters_begin(batch, &counters));
	l->reqno = counters.reqno++;
	sp__counters_put(batch, &counters);
	SP_TRY(sp_mls_group_propose(&mls.env, l->room->group, &l->staged, &remove, SP_BYTES_NONE, SP_MLS_WIRE_PUBLIC_MESSAGE));
	SP_TRY(put_request(l, batch));
	sp__room_expect(batch, l->room);
	sp__room_put(batch, l->room);
	sp__room_put_rows(batch, l->room, sp_mls_staged_write_set(l->staged));
	SP_TRY(sp__batch_apply(batch, &l->room->revision));
	return sp_mls_group_apply(l->room->group, &l->staged);
}

static enum sp_err step_leave(struct sp_client *c, void *ctx)
{
	struct leaving *l = ctx;
	struct sp__batch batch;
	SP_TRY(sp__room_get(c, &l->room, l->id));
	if (l->room->status != SP__ROOM_ACTIVE)
		return SP_FAIL(&c->diag, SP_ERR_STATE, 0, "this device is not in the room");
	SP_TRY(sp__room_group(c, l->room));
	l->reqno = 0;
	if (sp_mls_view_member_count(sp_mls_group_view(l->room->group)) == 1) /* nobody could commit it, and nobody is left */
		return sp__room_set_left(c, l->room);
	sp_buf_init(&l->body, SP_LIMIT_FRAME);
	sp__batch_init(&batch, c);
	enum sp_err e = propose(l, &batch);
	sp__batch_clear(&batch);
	sp_buf_clear(&l->body);
	sp_mls_staged_free(&l->staged);
	if (e != SP_OK)
		sp__room_forget(c, l->id);
	return e;
}

enum sp_err sp__room_leave(struct sp_client *c, const struct sp_id16 *id)
{
	struct leaving leaving = {.id = id};
	enum sp_err e = SP_ERR_STALE_EPOCH;
	for (int i = 0; i < TRIES && (e == SP_ERR_STALE_EPOCH || e == SP_ERR_STALE_REQNO); i++) {
		SP_TRY(sp__room_drain(c, id));
		SP_TRY(sp__retry(c, step_leave, &leaving));
		e = leaving.reqno == 0 ? SP_OK : sp__outbox_send(c, leaving.reqno);
	}
	return e;
}

/* -- the answer -- */

struct answer {
	const struct sp_wire_record_outbox *out;
	enum sp_err answer;
};

static enum sp_err step_answer(struct sp_client *c, void *ctx)
{
	const struct answer *a = ctx;
	struct sp__room *room;
	struct sp__batch batch;
	enum sp_err e = sp__room_get(c, &room, &a->out->room_id);
	if (e == SP_OK && a->answer == SP_OK && room->status == SP__ROOM_ACTIVE)
		SP_TRY(sp__room_set_left(c, room));
	if (e != SP_OK && e != SP_ERR_NOT_FOUND)
		return e;
	sp__batch_init(&batch, c);
	sp__outbox_delete(&batch, a->out->reqno);
	return sp__batch_apply(&batch, NULL);
}

enum sp_err sp__room_leave_answered(struct sp_client *c, const struct sp_wire_record_outbox *out, enum sp_err answer)
{
	struct answer a = {out, answer};
	SP_TRY(sp__retry(c, step_answer, &a));
	return answer;
}
