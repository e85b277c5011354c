/* SPDX-License-Identifier: Apache-2.0
 *
 * Walking the rows of a statement on a reader's connection.
 */
#include "store/sqlite/read_priv.h"

static enum sp_err rows_visit(struct sp__walk *walk, sqlite3_stmt *st)
{
	for (;;) {
		enum sp_err err = sp__db_next(st);
		if (err != SP_OK)
			return err == SP_ERR_NOT_FOUND ? SP_OK : err;
		walk->row_count++;
		err = walk->row(walk, st);
		if (err != SP_OK)
			return err;
	}
}

enum sp_err sp__walk_run(struct sp__sqlite *s, struct sp__walk *walk)
{
	struct sp__reader *reader;
	sqlite3_stmt *st;
	walk->row_count = 0;
	SP_TRY(sp__reader_take(s, &reader));
	enum sp_err err = sp__db_query(&reader->db, &st, walk->text, walk->args, walk->arg_count);
	if (err == SP_OK) {
		err = rows_visit(walk, st);
		sp__db_end(st);
	}
	sp__reader_give(s, reader);
	return err;
}

enum sp_err sp__walk_some(struct sp__sqlite *s, struct sp__walk *walk)
{
	SP_TRY(sp__walk_run(s, walk));
	return walk->row_count == 0 ? SP_ERR_NOT_FOUND : SP_OK;
}
