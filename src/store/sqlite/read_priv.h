/* SPDX-License-Identifier: Apache-2.0
 *
 * The shape that every read has: a statement, its arguments, and what is done with each row.
 */
#ifndef SP_STORE_READ_PRIV_H
#define SP_STORE_READ_PRIV_H

#include "store/sqlite/sqlite_priv.h"

struct sp__walk {
	unsigned text;
	const struct sp__arg *args;
	size_t arg_count;
	/* An error ends the walk and is returned. */
	enum sp_err (*row)(struct sp__walk *walk, sqlite3_stmt *st);
	void *out;
	size_t row_count; /* rows seen */
};
/* Visits all rows on a borrowed reader. */
SP_MUST_USE enum sp_err sp__walk_run(struct sp__sqlite *s, struct sp__walk *walk);
/* The same, but SP_ERR_NOT_FOUND when there was no row. */
SP_MUST_USE enum sp_err sp__walk_some(struct sp__sqlite *s, struct sp__walk *walk);

#endif
