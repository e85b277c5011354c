/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading logs, rooms and cursors.
 */
#include "store/sqlite/read_priv.h"

/* -- items ----------------------------------------------------------------------------------------------------- */

struct item_visit {
	sp_store_item_fn *fn;
	void *ctx;
	size_t bytes_left;
	bool is_full;
};

static enum sp_err item_row(struct sp__walk *walk, sqlite3_stmt *st)
{
	struct item_visit *v = walk->out;
	struct sp_store_item item = {
		.seq = sp__col_num(st, 0),
		.time.ms = sqlite3_column_int64(st, 1),
		.kind = (uint8_t)sqlite3_column_int(st, 2),
		.body = sp__col_bytes(st, 3),
	};
	if (item.body.n > v->bytes_left && walk->row_count > 1) {
		v->is_full = true;
		return SP_ERR_TOO_LONG; /* ends the walk; not told to the caller */
	}
	v->bytes_left -= SP_MIN(item.body.n, v->bytes_left);
	return v->fn(v->ctx, &item);
}

static enum sp_err log_no(struct sp__db *db, int64_t *out, const struct sp_store_log *log)
{
	return sp__db_number(db, out, SQL_LOG_FIND, SP__ARGS(sp__int(log->kind), sp__id(&log->id)));
}

static enum sp_err log_find(struct sp__sqlite *s, int64_t *out, const struct sp_store_log *log)
{
	struct sp__reader *reader;
	*out = 0;
	SP_TRY(sp__reader_take(s, &reader));
	enum sp_err err = log_no(&reader->db, out, log);
	sp__reader_give(s, reader);
	return err;
}

enum sp_err sp__sqlite_read(void *impl, const struct sp_store_range *range, sp_store_item_fn *fn, void *ctx)
{
	int64_t no;
	SP_TRY(log_find(impl, &no, &range->log)); /* a log's number never changes */
	if (range->max_items == 0)
		return SP_OK;
	struct item_visit v = {fn, ctx, range->max_bytes, false};
	const struct sp__arg args[] = {sp__int(no), sp__num(range->from), sp__num(range->max_items)};
	struct sp__walk walk = {SQL_ITEM_RANGE, args, SP_ARRAY_LEN(args), item_row, &v, 0};
	enum sp_err err = sp__walk_run(impl, &walk);
	return v.is_full ? SP_OK : err;
}

static enum sp_err log_info(struct sp__db *db, const struct sp_store_log *log, struct sp_store_log_info *out)
{
	sqlite3_stmt *st;
	SP_TRY(sp__db_first(db, &st, SQL_LOG_LOAD, SP__ARGS(sp__int(log->kind), sp__id(&log->id))));
	int64_t no = sqlite3_column_int64(st, 0);
	out->first_seq = sp__col_num(st, 1) + 1;
	out->last_seq = sp__col_num(st, 1);
	out->last_time.ms = sqlite3_column_int64(st, 2);
	sp__db_end(st);
	enum sp_err err = sp__db_first(db, &st, SQL_LOG_LAST, SP__ARGS(sp__int(no)));
	if (err != SP_OK)
		return err == SP_ERR_NOT_FOUND ? SP_OK : err;
	out->last_seq = sp__col_num(st, 0);
	out->last_time.ms = sqlite3_column_int64(st, 1);
	sp__db_end(st);
	return SP_OK;
}

/* Two statements that must see the same moment. */
enum sp_err sp__sqlite_log_get(void *impl, const struct sp_store_log *log, struct sp_store_log_info *out)
{
	struct sp__reader *reader;
	SP_TRY(sp__reader_take(impl, &reader));
	enum sp_err err = sp__db_script(&reader->db, "BEGIN");
	if (err == SP_OK) {
		err = log_info(&reader->db, log, out);
		enum sp_err end = sp__db_script(&reader->db, "COMMIT");
		err = err == SP_OK ? end : err;
	}
	sp__reader_give(impl, reader);
	return err;
}

/* -- rooms ----------------------------------------------------------------------------------------------------- */

struct room_get {
	struct sp_store_room *out;
	struct sp_buf *group_info;
};

static enum sp_err room_get_row(struct sp__walk *walk, sqlite3_stmt *st)
{
	struct room_get *get = walk->out;
	get->out->epoch = sp__col_num(st, 1);
	get->out->last_seq = sp__col_num(st, 2);
	return get->group_info ? sp_buf_append(get->group_info, sp__col_bytes(st, 3)) : SP_OK;
}

enum sp_err sp__sqlite_room_get(void *impl, const struct sp_id16 *room, struct sp_store_room *out, struct sp_buf *group_info)
{
	struct room_get get = {out, group_info};
	const struct sp__arg args[] = {sp__id(room)};
	struct sp__walk walk = {SQL_ROOM_GET, args, SP_ARRAY_LEN(args), room_get_row, &get, 0};
	out->id = *room;
	return sp__walk_some(impl, &walk);
}

struct room_visit {
	sp_store_room_fn *fn;
	void *ctx;
};

static enum sp_err room_row(struct sp__walk *walk, sqlite3_stmt *st)
{
	const struct room_visit *v = walk->out;
	struct sp_store_room room = {.epoch = sp__col_num(st, 1), .last_seq = sp__col_num(st, 2)};
	SP_TRY(sp__col_fixed(st, 0, room.id.b, 16));
	return v->fn(v->ctx, &room);
}

enum sp_err sp__sqlite_room_each(void *impl, const struct sp_id16 *account, sp_store_room_fn *fn, void *ctx)
{
	struct room_visit v = {fn, ctx};
	const struct sp_id16 none = {{0}};
	const struct sp__arg args[] = {sp__id(account ? account : &none)};
	struct sp__walk walk = {account ? SQL_ROOM_OF_ACCOUNT : SQL_ROOM_EACH, args, account ? 1 : 0, room_row, &v, 0};
	return sp__walk_run(impl, &walk);
}

struct row_visit {
	sp_store_row_fn *fn;
	void *ctx;
	uint64_t *out_epoch;
};

static enum sp_err group_row(struct sp__walk *walk, sqlite3_stmt *st)
{
	const struct row_visit *v = walk->out;
	*v->out_epoch = sp__col_num(st, 0);
	if (sqlite3_column_type(st, 1) == SQLITE_NULL)
		return SP_OK; /* a room without rows */
	struct sp_store_row row = {sp__col_bytes(st, 1), sp__col_bytes(st, 2)};
	return v->fn(v->ctx, &row);
}

enum sp_err sp__sqlite_room_rows(void *impl, const struct sp_id16 *room, uint64_t *out_epoch, sp_store_row_fn *fn, void *ctx)
{
	struct row_visit v = {fn, ctx, out_epoch};
	const struct sp__arg args[] = {sp__id(room)};
	struct sp__walk walk = {SQL_ROW_EACH, args, SP_ARRAY_LEN(args), group_row, &v, 0};
	return sp__walk_some(impl, &walk);
}

static enum sp_err blob_row(struct sp__walk *walk, sqlite3_stmt *st)
{
	return sp_buf_append(walk->out, sp__col_bytes(st, 0));
}

enum sp_err sp__sqlite_tree_get(void *impl, const struct sp_id16 *room, uint64_t epoch, struct sp_buf *out)
{
	const struct sp__arg args[] = {sp__id(room), sp__num(epoch)};
	struct sp__walk walk = {SQL_TREE_GET, args, SP_ARRAY_LEN(args), blob_row, out, 0};
	return sp__walk_some(impl, &walk);
}

/* -- roster ---------------------------------------------------------------------------------------------------- */

struct id_visit {
	sp_store_id_fn *fn;
	void *ctx;
};

static enum sp_err id_row(struct sp__walk *walk, sqlite3_stmt *st)
{
	const struct id_visit *v = walk->out;
	struct sp_id16 id;
	SP_TRY(sp__col_fixed(st, 0, id.b, 16));
	return v->fn(v->ctx, &id);
}

enum sp_err sp__sqlite_roster_each(void *impl, const struct sp_id16 *room, sp_store_id_fn *fn, void *ctx)
{
	struct id_visit v = {fn, ctx};
	const struct sp__arg args[] = {sp__id(room)};
	struct sp__walk walk = {SQL_ROSTER_EACH, args, SP_ARRAY_LEN(args), id_row, &v, 0};
	return sp__walk_run(impl, &walk);
}

static enum sp_err any_row(struct sp__walk *walk, sqlite3_stmt *st)
{
	*(bool *)walk->out = true;
	return SP_OK;
}

static enum sp_err pair_find(void *impl, unsigned text, const struct sp_id16 *a, const struct sp_id16 *b, bool *out)
{
	const struct sp__arg args[] = {sp__id(a), sp__id(b)};
	struct sp__walk walk = {text, args, SP_ARRAY_LEN(args), any_row, out, 0};
	return sp__walk_run(impl, &walk);
}

enum sp_err sp__sqlite_roster_find(void *impl, const struct sp_id16 *room, const struct sp_id16 *account, bool *out)
{
	return pair_find(impl, SQL_ROSTER_FIND, room, account, out);
}

enum sp_err sp__sqlite_roster_shared(void *impl, const struct sp_id16 *a, const struct sp_id16 *b, bool *out)
{
	return pair_find(impl, SQL_ROSTER_SHARED, a, b, out);
}

/* -- cursors --------------------------------------------------------------------------------------------------- */

static enum sp_err number_row(struct sp__walk *walk, sqlite3_stmt *st)
{
	*(uint64_t *)walk->out = sp__col_num(st, 0);
	return SP_OK;
}

enum sp_err sp__sqlite_cursor_get(void *impl, const struct sp_id16 *device, const struct sp_store_log *log, uint64_t *out)
{
	const struct sp__arg args[] = {sp__id(device), sp__int(log->kind), sp__id(&log->id)};
	struct sp__walk walk = {SQL_CURSOR_GET, args, SP_ARRAY_LEN(args), number_row, out, 0};
	return sp__walk_run(impl, &walk);
}
