/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations on logs and rooms. Each judges everything that it can before it writes.
 */
#include "store/sqlite/sqlite_priv.h"

/* -- append ---------------------------------------------------------------------------------------------------- */

struct item_in {
	uint8_t kind;
	struct sp_bytes body;
	struct sp_time now;
};

static enum sp_err item_append(struct sp__writer *w, struct sp__log *log, const struct item_in *in, uint64_t *out_seq, struct sp_time *out_time)
{
	uint64_t seq = log->last_seq + 1;
	int64_t time = SP_MAX(in->now.ms, log->last_time);
	SP_TRY(sp__db_run(&w->db, SQL_ITEM_INSERT,
			  SP__ARGS(sp__int(log->no), sp__num(seq), sp__int(time), sp__int(in->kind), sp__blob(in->body))));
	w->is_touched = true;
	log->last_seq = *out_seq = seq;
	log->last_time = out_time->ms = time;
	return SP_OK;
}

static enum sp_err rows_put(struct sp__writer *w, int64_t room, const struct sp_store_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (rows[i].value.p)
			SP_TRY(sp__db_run(&w->db, SQL_ROW_PUT, SP__ARGS(sp__int(room), sp__blob(rows[i].key), sp__blob(rows[i].value))));
		else
			SP_TRY(sp__db_run(&w->db, SQL_ROW_DELETE, SP__ARGS(sp__int(room), sp__blob(rows[i].key))));
	}
	return SP_OK;
}

enum sp_err sp__op_append(struct sp__writer *w, struct sp_store_op *op)
{
	const struct sp_store_append *a = &op->u.append;
	struct sp__log *log;
	SP_TRY(sp__writer_log(w, &log, &a->log));
	if (log->is_room)
		SP_TRY(sp__store_epoch_check(a->epoch, log->epoch));
	struct item_in in = {a->kind, a->body, op->now};
	SP_TRY(item_append(w, log, &in, &op->seq, &op->time));
	return log->is_room ? rows_put(w, log->no, a->rows, a->row_count) : SP_OK;
}

/* -- rooms ----------------------------------------------------------------------------------------------------- */

static enum sp_err roster_change(struct sp__writer *w, unsigned text, int64_t room, const struct sp_id16 *accounts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int64_t account;
		SP_TRY(sp__writer_account(w, &account, &accounts[i]));
		SP_TRY(sp__db_run(&w->db, text, SP__ARGS(sp__int(account), sp__int(room))));
	}
	return SP_OK;
}

static enum sp_err tree_put(struct sp__writer *w, int64_t room, uint64_t epoch, struct sp_time now, struct sp_bytes tree)
{
	if (tree.n == 0)
		return SP_OK;
	return sp__db_run(&w->db, SQL_TREE_PUT, SP__ARGS(sp__int(room), sp__num(epoch), sp__int(now.ms), sp__blob(tree)));
}

static enum sp_err inboxes_append(struct sp__writer *w, const struct sp_store_op *op)
{
	const struct sp_store_handshake *h = &op->u.handshake;
	for (size_t i = 0; i < h->inbox_count; i++) {
		struct sp_store_log name = {SP_STORE_LOG_INBOX, h->inbox[i].account};
		struct item_in in = {h->inbox[i].kind, h->inbox[i].body, op->now};
		struct sp__log *log;
		uint64_t seq;
		struct sp_time time;
		sp__store_seq_write(&h->inbox[i], op->seq);
		SP_TRY(sp__writer_log(w, &log, &name));
		SP_TRY(item_append(w, log, &in, &seq, &time));
		if (h->inbox_seq)
			h->inbox_seq[i] = seq;
	}
	return SP_OK;
}

enum sp_err sp__op_handshake(struct sp__writer *w, struct sp_store_op *op)
{
	const struct sp_store_handshake *h = &op->u.handshake;
	struct sp_store_log name = {SP_STORE_LOG_ROOM, h->room};
	struct sp__log *log;
	SP_TRY(sp__writer_log(w, &log, &name));
	SP_TRY(sp__store_epoch_check(h->epoch, log->epoch));
	struct item_in in = {SP_STORE_KIND_COMMIT, h->commit, op->now};
	SP_TRY(item_append(w, log, &in, &op->seq, &op->time));
	int64_t room = log->no;
	uint64_t epoch = ++log->epoch;
	SP_TRY(sp__db_run(&w->db, SQL_ROOM_STEP, SP__ARGS(sp__int(room), sp__num(epoch), sp__blob(h->group_info))));
	SP_TRY(rows_put(w, room, h->rows, h->row_count));
	SP_TRY(roster_change(w, SQL_ROSTER_DELETE, room, h->left, h->left_count));
	SP_TRY(roster_change(w, SQL_ROSTER_PUT, room, h->joined, h->joined_count));
	SP_TRY(tree_put(w, room, epoch, op->now, h->tree));
	return inboxes_append(w, op);
}

enum sp_err sp__op_room_create(struct sp__writer *w, struct sp_store_op *op)
{
	const struct sp_store_room_create *c = &op->u.room_create;
	int64_t room;
	enum sp_err err = sp__db_number(&w->db, &room, SQL_LOG_FIND, SP__ARGS(sp__int(SP_STORE_LOG_ROOM), sp__id(&c->room)));
	if (err == SP_OK)
		return SP_ERR_EXISTS;
	if (err != SP_ERR_NOT_FOUND)
		return err;
	SP_TRY(sp__db_run(&w->db, SQL_LOG_INSERT, SP__ARGS(sp__int(SP_STORE_LOG_ROOM), sp__id(&c->room))));
	room = sqlite3_last_insert_rowid(w->db.handle);
	SP_TRY(sp__db_run(&w->db, SQL_ROOM_INSERT, SP__ARGS(sp__int(room), sp__num(c->epoch), sp__blob(c->group_info))));
	SP_TRY(rows_put(w, room, c->rows, c->row_count));
	SP_TRY(roster_change(w, SQL_ROSTER_PUT, room, c->joined, c->joined_count));
	op->time = op->now;
	return tree_put(w, room, c->epoch, op->now, c->tree);
}

enum sp_err sp__op_tree_trim(struct sp__writer *w, struct sp_store_op *op)
{
	return sp__db_run(&w->db, SQL_TREE_TRIM, SP__ARGS(sp__int(op->u.tree_trim.before.ms)));
}

/* -- cursors and retention ------------------------------------------------------------------------------------- */

enum sp_err sp__op_cursor_set(struct sp__writer *w, struct sp_store_op *op)
{
	const struct sp_store_cursor_set *c = &op->u.cursor_set;
	struct sp__log *log;
	struct sp__device *device;
	SP_TRY(sp__writer_device(w, &device, &c->device));
	SP_TRY(sp__writer_log(w, &log, &c->log));
	op->seq = SP_MIN(c->seq, log->last_seq);
	return sp__db_run(&w->db, SQL_CURSOR_SET, SP__ARGS(sp__int(device->no), sp__int(log->no), sp__num(op->seq)));
}

enum sp_err sp__op_log_trim(struct sp__writer *w, struct sp_store_op *op)
{
	const struct sp_store_log_trim *t = &op->u.log_trim;
	struct sp__log *log;
	SP_TRY(sp__writer_log(w, &log, &t->log));
	if (t->before == 0)
		return SP_OK;
	uint64_t last = SP_MIN(t->before - 1, log->last_seq);
	/* when that item went before, there is nothing to mark nor to remove */
	SP_TRY(sp__db_run(&w->db, SQL_LOG_TRIM_MARK, SP__ARGS(sp__int(log->no), sp__num(last))));
	return sp__db_run(&w->db, SQL_LOG_TRIM, SP__ARGS(sp__int(log->no), sp__num(last)));
}
