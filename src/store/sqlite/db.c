/* SPDX-License-Identifier: Apache-2.0
 *
 * A SQLite connection: opening, versions, statements, and what its result codes mean to us.
 */
#include "store/sqlite/db_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum sp_err sp__db_err(int rc)
{
	if (rc == SQLITE_IOERR_NOMEM)
		return SP_ERR_NOMEM;
	if (rc == SQLITE_IOERR_SHMSIZE) /* no block is left for the shared index of the write-ahead log */
		return SP_ERR_DISK_FULL;
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return SP_OK;
	case SQLITE_FULL:
		return SP_ERR_DISK_FULL;
	case SQLITE_NOMEM:
		return SP_ERR_NOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return SP_ERR_BUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return SP_ERR_CORRUPT;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return SP_ERR_IO;
	default:
		return SP_ERR_BUG;
	}
}

enum sp_err sp__db_file(const char *path, bool create)
{
	/* SQLite would make it 0644; -wal and -shm inherit the mode of the file. */
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0), 0600);
	if (fd < 0) {
		if (errno == ENOENT && !create)
			return SP_ERR_NOT_FOUND;
		return errno == ENOSPC ? SP_ERR_DISK_FULL : SP_ERR_IO;
	}
	struct stat st;
	enum sp_err err = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? SP_OK : SP_ERR_IO;
	close(fd); /* before SQLite opens it: closing later would drop its POSIX locks */
	return err;
}

enum sp_err sp__db_open(struct sp__db *db, const char *path, int flags, const char *setup)
{
	*db = (struct sp__db){0};
	int mode = flags & SP__DB_READ_ONLY ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
	if (flags & SP__DB_CREATE)
		mode |= SQLITE_OPEN_CREATE;
	/* NOMUTEX: each connection is used by one thread at a time, which our own locks see to. */
	int rc = sqlite3_open_v2(path, &db->handle, mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	enum sp_err err = sp__db_err(rc);
	if (err == SP_OK) {
		sqlite3_busy_timeout(db->handle, 10000);
		sqlite3_limit(db->handle, SQLITE_LIMIT_ATTACHED, 0);
		sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
		err = sp__db_script(db, setup);
	}
	if (err != SP_OK)
		sp__db_clear(db);
	return err;
}

void sp__db_use(struct sp__db *db, const char *const *texts, size_t text_count)
{
	db->texts = texts;
	db->text_count = text_count;
}

void sp__db_clear(struct sp__db *db)
{
	for (size_t i = 0; db->stmts && i < db->text_count; i++)
		sqlite3_finalize(db->stmts[i]);
	sp_free(db->stmts);
	sqlite3_close(db->handle);
	*db = (struct sp__db){0};
}

enum sp_err sp__db_script(struct sp__db *db, const char *sql)
{
	return sp__db_err(sqlite3_exec(db->handle, sql, NULL, NULL, NULL));
}

/* -- versions -------------------------------------------------------------------------------------------------- */

static enum sp_err pragma_get(struct sp__db *db, const char *sql, int64_t *out)
{
	sqlite3_stmt *st = NULL;
	*out = 0;
	int rc = sqlite3_prepare_v2(db->handle, sql, -1, &st, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return sp__db_err(rc);
}

static enum sp_err pragma_set(struct sp__db *db, const char *format, int64_t value)
{
	char sql[64];
	if (!sqlite3_snprintf(sizeof sql, sql, format, (long long)value))
		return SP_ERR_BUG;
	return sp__db_script(db, sql);
}

/* Gives the file's version; refuses another application's file and a newer one before anything is written to it. */
static enum sp_err version_check(struct sp__db *db, int32_t application, size_t newest, size_t *out)
{
	int64_t version, owner;
	*out = 0;
	SP_TRY(pragma_get(db, "PRAGMA user_version", &version));
	SP_TRY(pragma_get(db, "PRAGMA application_id", &owner));
	if (version < 0 || (owner != application && (owner != 0 || version != 0)))
		return SP_ERR_CORRUPT;
	if ((uint64_t)version > newest)
		return SP_ERR_FORMAT_NEWER;
	*out = (size_t)version;
	return SP_OK;
}

static enum sp_err wal_set(struct sp__db *db)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db->handle, "PRAGMA journal_mode = WAL", -1, &st, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	/* a file system without shared memory keeps the old mode and says so */
	enum sp_err err = rc == SQLITE_ROW && sqlite3_stricmp((const char *)sqlite3_column_text(st, 0), "wal") != 0 ? SP_ERR_IO : sp__db_err(rc);
	sqlite3_finalize(st);
	return err;
}

static enum sp_err migrate_steps(struct sp__db *db, int32_t application, const char *const *steps, size_t step_count)
{
	size_t version; /* again, inside the transaction: another process may have been first */
	SP_TRY(version_check(db, application, step_count, &version));
	for (size_t v = version; v < step_count; v++)
		SP_TRY(sp__db_script(db, steps[v]));
	SP_TRY(pragma_set(db, "PRAGMA application_id = %lld", application));
	return pragma_set(db, "PRAGMA user_version = %lld", (int64_t)step_count);
}

enum sp_err sp__db_migrate(struct sp__db *db, int32_t application, const char *const *steps, size_t step_count)
{
	size_t version;
	enum sp_err err = version_check(db, application, step_count, &version);
	if (err == SP_OK)
		err = wal_set(db);
	if (err != SP_OK || version == step_count)
		return err;
	err = sp__db_script(db, "BEGIN IMMEDIATE");
	if (err != SP_OK)
		return err;
	err = migrate_steps(db, application, steps, step_count);
	if (err == SP_OK)
		err = sp__db_script(db, "COMMIT");
	if (err != SP_OK)
		sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

/* -- statements ------------------------------------------------------------------------------------------------ */

static enum sp_err statement_get(struct sp__db *db, sqlite3_stmt **out, unsigned text)
{
	*out = NULL;
	SP_ASSERT(text < db->text_count);
	if (!db->stmts) {
		db->stmts = sp_alloc_array(db->text_count, sizeof(sqlite3_stmt *));
		if (!db->stmts)
			return SP_ERR_NOMEM;
	}
	if (!db->stmts[text])
		SP_TRY(sp__db_err(sqlite3_prepare_v3(db->handle, db->texts[text], -1, SQLITE_PREPARE_PERSISTENT, &db->stmts[text], NULL)));
	*out = db->stmts[text];
	return SP_OK;
}

static int bind_one(sqlite3_stmt *st, int at, const struct sp__arg *arg)
{
	if (!arg->is_blob)
		return sqlite3_bind_int64(st, at, arg->i);
	if (arg->b.n == 0)
		return sqlite3_bind_zeroblob(st, at, 0);
	return sqlite3_bind_blob64(st, at, arg->b.p, arg->b.n, SQLITE_STATIC);
}

enum sp_err sp__db_query(struct sp__db *db, sqlite3_stmt **out, unsigned text, const struct sp__arg *args, size_t n)
{
	sqlite3_stmt *st;
	*out = NULL;
	SP_TRY(statement_get(db, &st, text));
	SP_ASSERT((size_t)sqlite3_bind_parameter_count(st) == n);
	for (size_t i = 0; i < n; i++)
		SP_TRY(sp__db_err(bind_one(st, (int)i + 1, &args[i])));
	*out = st;
	return SP_OK;
}

enum sp_err sp__db_next(sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		return SP_OK;
	sp__db_end(st);
	return rc == SQLITE_DONE ? SP_ERR_NOT_FOUND : sp__db_err(rc);
}

void sp__db_end(sqlite3_stmt *st)
{
	sqlite3_reset(st); /* repeats the step's error, which was reported */
}

enum sp_err sp__db_first(struct sp__db *db, sqlite3_stmt **out, unsigned text, const struct sp__arg *args, size_t n)
{
	SP_TRY(sp__db_query(db, out, text, args, n));
	return sp__db_next(*out);
}

enum sp_err sp__db_run(struct sp__db *db, unsigned text, const struct sp__arg *args, size_t n)
{
	sqlite3_stmt *st;
	enum sp_err err = sp__db_first(db, &st, text, args, n);
	if (err != SP_OK)
		return err == SP_ERR_NOT_FOUND ? SP_OK : err;
	sp__db_end(st);
	return SP_ERR_BUG; /* a statement that gives rows was taken for one that does not */
}

enum sp_err sp__db_number(struct sp__db *db, int64_t *out, unsigned text, const struct sp__arg *args, size_t n)
{
	sqlite3_stmt *st;
	*out = 0;
	SP_TRY(sp__db_first(db, &st, text, args, n));
	*out = sqlite3_column_int64(st, 0);
	sp__db_end(st);
	return SP_OK;
}

enum sp_err sp__col_fixed(sqlite3_stmt *st, int col, uint8_t *out, size_t n)
{
	struct sp_bytes b = sp__col_bytes(st, col);
	if (b.n != n)
		return SP_ERR_CORRUPT;
	sp_copy(out, b.p, n);
	return SP_OK;
}
