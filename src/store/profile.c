/* SPDX-License-Identifier: Apache-2.0
 *
 * The client's sealed records in SQLite: one connection, one lock, one transaction for each apply.
 */
#include "store/profile.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>

#include "store/sqlite/db_priv.h"

#define DATABASE_APPLICATION 0x53505052 /* "SPPR" */
#define SETUP "PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON; PRAGMA cache_size = -4096;"

static const char *const versions[] = {
	"CREATE TABLE record (id INTEGER PRIMARY KEY, space INTEGER NOT NULL, key BLOB NOT NULL, revision INTEGER NOT NULL, value BLOB NOT NULL);"
	"CREATE UNIQUE INDEX record_key ON record (space, key);"
	"CREATE TABLE counter (id INTEGER PRIMARY KEY CHECK (id = 1), revision INTEGER NOT NULL);"
	"INSERT INTO counter VALUES (1, 0);",
};

#define TEXT_MAP(X)                                                                                                    \
	X(BEGIN, "BEGIN IMMEDIATE")                                                                                    \
	X(COMMIT, "COMMIT")                                                                                            \
	X(REVISION, "SELECT revision FROM counter")                                                                    \
	X(REVISION_SET, "UPDATE counter SET revision = ?")                                                             \
	X(PUT, "INSERT INTO record (space, key, revision, value) VALUES (?, ?, ?, ?) ON CONFLICT (space, key) DO UPDATE SET "    \
	       "revision = excluded.revision, value = excluded.value")                                                 \
	X(DELETE, "DELETE FROM record WHERE space = ? AND key = ?")                                                    \
	X(EXPECT, "SELECT revision FROM record WHERE space = ? AND key = ?")                                           \
	X(GET, "SELECT value, revision FROM record WHERE space = ? AND key = ?")                                       \
	X(FROM, "SELECT key, value, revision FROM record WHERE space = ? AND key >= ? ORDER BY key LIMIT ?")           \
	X(AFTER, "SELECT key, value, revision FROM record WHERE space = ? AND key > ? ORDER BY key LIMIT ?")           \
	X(BEFORE, "SELECT key, value, revision FROM record WHERE space = ? AND key < ? ORDER BY key DESC LIMIT ?")

enum {
#define X(name, text) SQL_##name,
	TEXT_MAP(X)
#undef X
	SQL_COUNT_
};
static const char *const texts[SQL_COUNT_] = {
#define X(name, text) [SQL_##name] = text,
	TEXT_MAP(X)
#undef X
};

struct sp_profile {
	struct sp__db db;
	pthread_mutex_t lock;
	bool is_dead; /* a write failed with an unknown outcome */
};

/* -- opening --------------------------------------------------------------------------------------------------- */

/* path: NUL-terminated, changed and restored while its parents are made. */
static enum sp_err folder_make(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		int rc = mkdir(path, 0700);
		*slash = '/';
		if (rc != 0 && errno != EEXIST)
			return errno == ENOSPC ? SP_ERR_DISK_FULL : SP_ERR_IO;
	}
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return errno == ENOSPC ? SP_ERR_DISK_FULL : SP_ERR_IO;
	return SP_OK;
}

static enum sp_err file_open(struct sp_profile *p, const char *folder, bool create)
{
	char path[4096];
	int n = snprintf(path, sizeof path, "%s", folder);
	if (n <= 0 || (size_t)n + sizeof "/profile.db" > sizeof path)
		return SP_ERR_TOO_LONG;
	if (create)
		SP_TRY(folder_make(path));
	snprintf(path + n, sizeof path - (size_t)n, "/profile.db");
	SP_TRY(sp__db_file(path, create));
	SP_TRY(sp__db_open(&p->db, path, 0, SETUP));
	SP_TRY(sp__db_migrate(&p->db, DATABASE_APPLICATION, versions, SP_ARRAY_LEN(versions)));
	sp__db_use(&p->db, texts, SQL_COUNT_);
	return SP_OK;
}

enum sp_err sp_profile_open(struct sp_profile **out, const char *folder, bool create)
{
	*out = NULL;
	struct sp_profile *p = sp_alloc(sizeof *p);
	if (!p)
		return SP_ERR_NOMEM;
	pthread_mutex_init(&p->lock, NULL);
	enum sp_err err = file_open(p, folder, create);
	if (err == SP_OK)
		*out = p;
	else
		sp_profile_close(&p);
	return err;
}

void sp_profile_close(struct sp_profile **p)
{
	if (!*p)
		return;
	sp__db_clear(&(*p)->db);
	pthread_mutex_destroy(&(*p)->lock);
	sp_free(*p);
	*p = NULL;
}

/* -- applying -------------------------------------------------------------------------------------------------- */

static enum sp_err op_check(const struct sp_profile_op *op)
{
	if (op->action != SP_PROFILE_PUT && op->action != SP_PROFILE_DELETE && op->action != SP_PROFILE_EXPECT)
		return SP_ERR_USAGE;
	return op->key.n > SP_PROFILE_KEY_MAX || op->value.n > SP_PROFILE_VALUE_MAX ? SP_ERR_TOO_LONG : SP_OK;
}

static enum sp_err expectation_check(struct sp_profile *p, const struct sp_profile_op *op)
{
	int64_t revision;
	enum sp_err err = sp__db_number(&p->db, &revision, SQL_EXPECT, SP__ARGS(sp__int(op->space), sp__blob(op->key)));
	if (err != SP_OK && err != SP_ERR_NOT_FOUND)
		return err;
	return (uint64_t)revision == op->revision ? SP_OK : SP_ERR_CONFLICT; /* absent gives 0 */
}

static enum sp_err op_write(struct sp_profile *p, const struct sp_profile_op *op, uint64_t revision)
{
	if (op->action == SP_PROFILE_DELETE)
		return sp__db_run(&p->db, SQL_DELETE, SP__ARGS(sp__int(op->space), sp__blob(op->key)));
	return sp__db_run(&p->db, SQL_PUT, SP__ARGS(sp__int(op->space), sp__blob(op->key), sp__num(revision), sp__blob(op->value)));
}

static enum sp_err ops_write(struct sp_profile *p, const struct sp_profile_op *ops, size_t n, uint64_t *out_revision)
{
	int64_t newest;
	bool has_write = false;
	for (size_t i = 0; i < n; i++) {
		if (ops[i].action == SP_PROFILE_EXPECT)
			SP_TRY(expectation_check(p, &ops[i]));
		else
			has_write = true;
	}
	SP_TRY(sp__db_number(&p->db, &newest, SQL_REVISION, SP__NO_ARGS));
	*out_revision = (uint64_t)newest;
	if (!has_write)
		return SP_OK;
	*out_revision += 1;
	SP_TRY(sp__db_run(&p->db, SQL_REVISION_SET, SP__ARGS(sp__num(*out_revision))));
	for (size_t i = 0; i < n; i++)
		if (ops[i].action != SP_PROFILE_EXPECT)
			SP_TRY(op_write(p, &ops[i], *out_revision));
	return SP_OK;
}

/* A full disk and a busy neighbour leave nothing behind; after anything else nobody knows. */
static bool harmless_is(enum sp_err e)
{
	return e == SP_ERR_CONFLICT || e == SP_ERR_DISK_FULL || e == SP_ERR_BUSY;
}

static enum sp_err transaction(struct sp_profile *p, const struct sp_profile_op *ops, size_t n, uint64_t *out_revision)
{
	if (p->is_dead)
		return SP_ERR_IO;
	enum sp_err err = sp__db_run(&p->db, SQL_BEGIN, SP__NO_ARGS);
	if (err == SP_OK)
		err = ops_write(p, ops, n, out_revision);
	if (err == SP_OK)
		err = sp__db_run(&p->db, SQL_COMMIT, SP__NO_ARGS);
	if (err == SP_OK)
		return SP_OK;
	*out_revision = 0;
	p->is_dead = !harmless_is(err);
	if (!sqlite3_get_autocommit(p->db.handle) && sqlite3_exec(p->db.handle, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK)
		p->is_dead = true;
	return err;
}

enum sp_err sp_profile_apply(struct sp_profile *p, const struct sp_profile_op *ops, size_t n, uint64_t *out_revision)
{
	uint64_t revision = 0;
	if (out_revision)
		*out_revision = 0;
	for (size_t i = 0; i < n; i++)
		SP_TRY(op_check(&ops[i]));
	pthread_mutex_lock(&p->lock);
	enum sp_err err = transaction(p, ops, n, &revision);
	pthread_mutex_unlock(&p->lock);
	if (out_revision)
		*out_revision = revision;
	return err;
}

/* -- reading --------------------------------------------------------------------------------------------------- */

static enum sp_err get_locked(struct sp_profile *p, uint8_t space, struct sp_bytes key, struct sp_buf *out, uint64_t *out_revision)
{
	sqlite3_stmt *st;
	SP_TRY(sp__db_first(&p->db, &st, SQL_GET, SP__ARGS(sp__int(space), sp__blob(key))));
	enum sp_err err = out ? sp_buf_append(out, sp__col_bytes(st, 0)) : SP_OK;
	if (err == SP_OK && out_revision)
		*out_revision = sp__col_num(st, 1);
	sp__db_end(st);
	return err;
}

enum sp_err sp_profile_get(struct sp_profile *p, uint8_t space, struct sp_bytes key, struct sp_buf *out, uint64_t *out_revision)
{
	if (out_revision)
		*out_revision = 0;
	pthread_mutex_lock(&p->lock);
	enum sp_err err = get_locked(p, space, key, out, out_revision);
	pthread_mutex_unlock(&p->lock);
	return err;
}

/* A bound that lies behind every key with the prefix: keys are at most SP_PROFILE_KEY_MAX long. */
struct bound {
	uint8_t b[SP_PROFILE_KEY_MAX + 1];
};

static struct sp_bytes bound_behind(struct bound *bound, struct sp_bytes prefix)
{
	memset(bound->b, 0xff, sizeof bound->b);
	sp_copy(bound->b, prefix.p, prefix.n);
	return SP_BYTES_OF(bound->b);
}

static bool prefix_has(struct sp_bytes key, struct sp_bytes prefix)
{
	return key.n >= prefix.n && sp_bytes_equal((struct sp_bytes){key.p, prefix.n}, prefix);
}

static enum sp_err records_visit(sqlite3_stmt *st, const struct sp_profile_range *range, sp_profile_fn *fn, void *ctx)
{
	for (;;) {
		enum sp_err err = sp__db_next(st);
		if (err != SP_OK)
			return err == SP_ERR_NOT_FOUND ? SP_OK : err;
		struct sp_profile_record record = {sp__col_bytes(st, 0), sp__col_bytes(st, 1), sp__col_num(st, 2)};
		if (!prefix_has(record.key, range->prefix))
			return SP_OK;
		SP_TRY(fn(ctx, &record));
	}
}

static enum sp_err scan_locked(struct sp_profile *p, const struct sp_profile_range *range, sp_profile_fn *fn, void *ctx)
{
	struct bound bound;
	struct sp_bytes start = range->reverse ? bound_behind(&bound, range->prefix) : range->prefix;
	unsigned text = range->reverse ? SQL_BEFORE : SQL_FROM;
	int order = sp_bytes_compare(range->after, start);
	if (range->after.n != 0 && (range->reverse ? order < 0 : order >= 0)) {
		start = range->after;
		text = range->reverse ? SQL_BEFORE : SQL_AFTER;
	}
	int64_t limit = range->limit == 0 || range->limit > INT64_MAX ? -1 : (int64_t)range->limit;
	sqlite3_stmt *st;
	SP_TRY(sp__db_query(&p->db, &st, text, SP__ARGS(sp__int(range->space), sp__blob(start), sp__int(limit))));
	enum sp_err err = records_visit(st, range, fn, ctx);
	sp__db_end(st);
	return err;
}

enum sp_err sp_profile_scan(struct sp_profile *p, const struct sp_profile_range *range, sp_profile_fn *fn, void *ctx)
{
	if (range->prefix.n > SP_PROFILE_KEY_MAX || range->after.n > SP_PROFILE_KEY_MAX)
		return SP_ERR_TOO_LONG;
	pthread_mutex_lock(&p->lock);
	enum sp_err err = scan_locked(p, range, fn, ctx);
	pthread_mutex_unlock(&p->lock);
	return err;
}

enum sp_err sp_profile_revision(struct sp_profile *p, uint64_t *out)
{
	int64_t revision;
	*out = 0;
	pthread_mutex_lock(&p->lock);
	enum sp_err err = sp__db_number(&p->db, &revision, SQL_REVISION, SP__NO_ARGS);
	pthread_mutex_unlock(&p->lock);
	*out = (uint64_t)revision;
	return err;
}
