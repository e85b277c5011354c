/* SPDX-License-Identifier: Apache-2.0
 *
 * What the writer remembers of logs and devices, so that the hot path reads nothing. It may forget everything at any batch.
 */
#include "store/sqlite/sqlite_priv.h"

void sp__writer_forget(struct sp__writer *w)
{
	sp__map_clear(&w->logs);
	sp__map_clear(&w->devices);
}

static enum sp_err log_last(struct sp__writer *w, struct sp__log *log)
{
	sqlite3_stmt *st;
	enum sp_err err = sp__db_first(&w->db, &st, SQL_LOG_LAST, SP__ARGS(sp__int(log->no)));
	if (err == SP_ERR_NOT_FOUND)
		return SP_OK; /* empty: what was trimmed counts */
	if (err != SP_OK)
		return err;
	log->last_seq = sp__col_num(st, 0);
	log->last_time = sqlite3_column_int64(st, 1);
	sp__db_end(st);
	return SP_OK;
}

static enum sp_err log_load(struct sp__writer *w, struct sp__log *out, const struct sp_store_log *log)
{
	sqlite3_stmt *st;
	SP_TRY(sp__db_first(&w->db, &st, SQL_LOG_LOAD, SP__ARGS(sp__int(log->kind), sp__id(&log->id))));
	*out = (struct sp__log){
		.no = sqlite3_column_int64(st, 0),
		.last_seq = sp__col_num(st, 1),
		.last_time = sqlite3_column_int64(st, 2),
		.is_room = sqlite3_column_type(st, 3) != SQLITE_NULL,
		.epoch = sp__col_num(st, 3),
	};
	sp__db_end(st);
	return log_last(w, out);
}

enum sp_err sp__writer_log(struct sp__writer *w, struct sp__log **out, const struct sp_store_log *log)
{
	uint8_t key[17] = {(uint8_t)log->kind};
	sp_copy(key + 1, log->id.b, 16);
	*out = sp__map_find(&w->logs, SP_BYTES_OF(key));
	if (*out)
		return SP_OK;
	struct sp__log loaded;
	void *kept;
	SP_TRY(log_load(w, &loaded, log));
	SP_TRY(sp__map_put(&w->logs, &kept, SP_BYTES_OF(key)));
	*out = kept;
	**out = loaded;
	return SP_OK;
}

enum sp_err sp__writer_device(struct sp__writer *w, struct sp__device **out, const struct sp_id16 *id)
{
	*out = sp__map_find(&w->devices, sp_id16_bytes(id));
	if (*out)
		return SP_OK;
	int64_t no, high;
	void *kept;
	SP_TRY(sp__db_number(&w->db, &no, SQL_DEVICE_NO, SP__ARGS(sp__id(id))));
	SP_TRY(sp__db_number(&w->db, &high, SQL_REQUEST_HIGH, SP__ARGS(sp__int(no))));
	SP_TRY(sp__map_put(&w->devices, &kept, sp_id16_bytes(id)));
	*out = kept;
	**out = (struct sp__device){no, (uint64_t)high};
	return SP_OK;
}

enum sp_err sp__writer_account(struct sp__writer *w, int64_t *out, const struct sp_id16 *id)
{
	return sp__db_number(&w->db, out, SQL_ACCOUNT_NO, SP__ARGS(sp__id(id)));
}
