/* SPDX-License-Identifier: Apache-2.0
 *
 * One SQLite connection with its prepared statements, as both the server's store and the client's profile use it.
 *
 * Every value is bound; no SQL text is ever put together. A statement is named by its place in the connection's table of
 * texts, prepared at first use and kept.
 */
#ifndef SP_STORE_DB_PRIV_H
#define SP_STORE_DB_PRIV_H

#include <sqlite3.h>

#include "base/base.h"

struct sp__db {
	sqlite3 *handle;
	sqlite3_stmt **stmts; /* one for each text */
	const char *const *texts;
	size_t text_count;
};

enum { SP__DB_CREATE = 1, SP__DB_READ_ONLY = 2 };
/* `setup` is run on the new connection: PRAGMAs. On failure *db is cleared. */
SP_MUST_USE enum sp_err sp__db_open(struct sp__db *db, const char *path, int flags, const char *setup);
void sp__db_use(struct sp__db *db, const char *const *texts, size_t text_count); /* before the first statement */
void sp__db_clear(struct sp__db *db);
/* Several statements without parameters. */
SP_MUST_USE enum sp_err sp__db_script(struct sp__db *db, const char *sql);

/* Brings the file to the newest format: steps[v] leads from version v to v + 1, all in one transaction. FORMAT_NEWER when the file
 * is beyond step_count, CORRUPT when it is another application's. */
SP_MUST_USE enum sp_err sp__db_migrate(struct sp__db *db, int32_t application, const char *const *steps, size_t step_count);

/* Makes the file with mode 0600 when it is missing and allowed; SP_ERR_NOT_FOUND otherwise. */
SP_MUST_USE enum sp_err sp__db_file(const char *path, bool create);

enum sp_err sp__db_err(int rc); /* from SQLite's result code */

/* -- statements ------------------------------------------------------------------------------------------------ */

struct sp__arg {
	bool is_blob;
	int64_t i;
	struct sp_bytes b;
};
static inline struct sp__arg sp__int(int64_t i)
{
	return (struct sp__arg){.i = i};
}
static inline struct sp__arg sp__num(uint64_t n) /* callers have refused what exceeds INT64_MAX */
{
	return (struct sp__arg){.i = (int64_t)n};
}
static inline struct sp__arg sp__blob(struct sp_bytes b)
{
	return (struct sp__arg){.is_blob = true, .b = b};
}
static inline struct sp__arg sp__id(const struct sp_id16 *id)
{
	return sp__blob(sp_id16_bytes(id));
}
static inline struct sp__arg sp__hash(const struct sp_hash32 *h)
{
	return sp__blob(sp_hash32_bytes(h));
}
#define SP__ARGS(...) (const struct sp__arg[]){__VA_ARGS__}, sizeof((const struct sp__arg[]){__VA_ARGS__}) / sizeof(struct sp__arg)
#define SP__NO_ARGS NULL, 0

/* Binds; bytes must live until the statement ends. */
SP_MUST_USE enum sp_err sp__db_query(struct sp__db *db, sqlite3_stmt **out, unsigned text, const struct sp__arg *args, size_t n);
/* SP_OK: a row is there. SP_ERR_NOT_FOUND: no more, and the statement is ended; so it is on every other error. */
SP_MUST_USE enum sp_err sp__db_next(sqlite3_stmt *st);
void sp__db_end(sqlite3_stmt *st);
/* Query and next in one. SP_OK: the caller reads the row, then ends the statement. */
SP_MUST_USE enum sp_err sp__db_first(struct sp__db *db, sqlite3_stmt **out, unsigned text, const struct sp__arg *args, size_t n);
/* Runs to the end; rows are not expected. */
SP_MUST_USE enum sp_err sp__db_run(struct sp__db *db, unsigned text, const struct sp__arg *args, size_t n);
/* The one number of the one row; NOT_FOUND without a row; NULL counts as 0. */
SP_MUST_USE enum sp_err sp__db_number(struct sp__db *db, int64_t *out, unsigned text, const struct sp__arg *args, size_t n);

static inline uint64_t sp__col_num(sqlite3_stmt *st, int col)
{
	return (uint64_t)sqlite3_column_int64(st, col);
}
static inline struct sp_bytes sp__col_bytes(sqlite3_stmt *st, int col) /* borrowed until the next step */
{
	const void *p = sqlite3_column_blob(st, col);
	return (struct sp_bytes){p, p ? (size_t)sqlite3_column_bytes(st, col) : 0};
}
/* Exactly n bytes, else SP_ERR_CORRUPT. */
SP_MUST_USE enum sp_err sp__col_fixed(sqlite3_stmt *st, int col, uint8_t *out, size_t n);

#endif
