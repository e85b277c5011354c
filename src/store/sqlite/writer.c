/* SPDX-License-Identifier: Apache-2.0
 *
 * The one writer: a batch of operations is one transaction is one sync.
 *
 * A request number is judged before its operation and remembered after it, in the same transaction. What goes wrong in an
 * operation by itself is undone by its savepoint; what goes wrong with the medium undoes the batch, and unless it was only full, ends
 * the store: after a failed sync nobody knows what is on the disk.
 */
#include "store/sqlite/sqlite_priv.h"

#define DATABASE_APPLICATION 0x53505354 /* "SPST" */

#define SETUP                                                                                                          \
	"PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = FAST;"                          \
	"PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -65536;"

static sp__verb_fn *const verbs[] = {
#define X(name, member) [SP_STORE_##name] = sp__op_##member,
	SP_STORE_VERB_MAP(X)
#undef X
};

/* Called by SQLite after each real commit, with the WAL's size in pages. */
static int on_commit(void *ctx, sqlite3 *handle, const char *name, int pages)
{
	struct sp__sqlite *s = ctx;
	uint64_t bytes = (uint64_t)pages * 4096u;
	atomic_fetch_add_explicit(&s->commits, 1, memory_order_relaxed);
	atomic_store_explicit(&s->wal_bytes, bytes, memory_order_relaxed);
	return SQLITE_OK;
}

/* At start, and after a batch that was undone. */
static enum sp_err counters_load(struct sp__writer *w)
{
	int64_t version, fresh;
	SP_TRY(sp__db_number(&w->db, &version, SQL_DIRECTORY_VERSION, SP__NO_ARGS));
	SP_TRY(sp__db_number(&w->db, &fresh, SQL_FRESH_COUNT, SP__NO_ARGS));
	w->directory_version = (uint64_t)version;
	w->fresh = (uint64_t)fresh;
	return SP_OK;
}

static enum sp_err writer_init(struct sp__sqlite *s)
{
	struct sp__writer *w = &s->writer;
	SP_TRY(sp__map_init(&w->logs, sizeof(struct sp__log)));
	SP_TRY(sp__map_init(&w->devices, sizeof(struct sp__device)));
	SP_TRY(sp__db_open(&w->db, s->path, SP__DB_CREATE, SETUP));
	SP_TRY(sp__db_migrate(&w->db, DATABASE_APPLICATION, sp__sqlite_versions, sp__sqlite_version_count));
	sp__db_use(&w->db, sp__sqlite_texts, SQL_COUNT_);
	SP_TRY(counters_load(w));
	sqlite3_wal_hook(w->db.handle, on_commit, s);
	return SP_OK;
}

enum sp_err sp__writer_open(struct sp__sqlite *s)
{
	enum sp_err err = writer_init(s);
	if (err != SP_OK)
		sp__writer_close(s);
	return err;
}

void sp__writer_close(struct sp__sqlite *s)
{
	sp__map_clear(&s->writer.logs);
	sp__map_clear(&s->writer.devices);
	sp__db_clear(&s->writer.db);
}

/* -- the request window ---------------------------------------------------------------------------------------- */

/* A number within the window: answered already, or not yet. */
static enum sp_err window_judge(struct sp__writer *w, struct sp_store_op *op)
{
	const struct sp_store_stamp *stamp = &op->stamp;
	sqlite3_stmt *st;
	enum sp_err err = SP_OK;
	SP_TRY(sp__db_first(&w->db, &st, SQL_REQUEST_FIND, SP__ARGS(sp__id(&stamp->device), sp__num(stamp->reqno))));
	if (sp__col_num(st, 1) == stamp->reqno) {
		op->replayed = sp_bytes_equal(sp__col_bytes(st, 2), sp_hash32_bytes(&stamp->hash));
		op->seq = op->replayed ? sp__col_num(st, 3) : 0;
		op->time.ms = op->replayed ? sqlite3_column_int64(st, 4) : 0;
		err = op->replayed ? sp_buf_append(&op->taken, sp__col_bytes(st, 5)) : SP_ERR_STALE_REQNO;
	}
	sp__db_end(st);
	return err;
}

static enum sp_err stamp_judge(struct sp__writer *w, struct sp_store_op *op)
{
	struct sp__device *device;
	SP_TRY(sp__writer_device(w, &device, &op->stamp.device));
	if (op->stamp.reqno > device->high)
		return SP_OK;
	if (op->stamp.reqno + SP_STORE_WINDOW <= device->high)
		return SP_ERR_STALE_REQNO;
	return window_judge(w, op);
}

static enum sp_err stamp_keep(struct sp__writer *w, const struct sp_store_op *op)
{
	const struct sp_store_stamp *stamp = &op->stamp;
	struct sp__device *device;
	SP_TRY(sp__writer_device(w, &device, &stamp->device));
	SP_TRY(sp__db_run(&w->db, SQL_REQUEST_PUT,
			  SP__ARGS(sp__int(device->no), sp__num(stamp->reqno), sp__hash(&stamp->hash), sp__num(op->seq), sp__int(op->time.ms),
				   sp__blob(sp_buf_bytes(&op->taken)))));
	w->fresh++;
	device->high = SP_MAX(device->high, stamp->reqno);
	return SP_OK;
}

/* Each device's window lies on pages of its own: written one answer at a time they would cost more than the message. */
static enum sp_err fresh_settle(struct sp__writer *w)
{
	if (w->fresh < SP__FRESH_ANSWERS)
		return SP_OK;
	SP_TRY(sp__db_run(&w->db, SQL_FRESH_SETTLE, SP__NO_ARGS));
	SP_TRY(sp__db_run(&w->db, SQL_FRESH_CLEAR, SP__NO_ARGS));
	w->fresh = 0;
	return SP_OK;
}

/* -- one operation --------------------------------------------------------------------------------------------- */

/* Verbs that cannot fail by themselves once they write need no savepoint. */
static bool whole_is(enum sp_store_verb verb)
{
	return verb == SP_STORE_APPEND || verb == SP_STORE_CURSOR_SET;
}

static enum sp_err verb_run(struct sp__writer *w, struct sp_store_op *op)
{
	if (whole_is(op->verb))
		return verbs[op->verb](w, op);
	uint64_t directory_version = w->directory_version;
	w->is_touched = false;
	SP_TRY(sp__db_run(&w->db, SQL_SAVEPOINT, SP__NO_ARGS));
	enum sp_err err = verbs[op->verb](w, op);
	if (err == SP_OK)
		return sp__db_run(&w->db, SQL_RELEASE, SP__NO_ARGS);
	if (!sp__store_own_is(err))
		return err; /* the batch is lost anyway */
	w->directory_version = directory_version;
	if (w->is_touched)
		sp__writer_forget(w);
	SP_TRY(sp__db_run(&w->db, SQL_ROLLBACK_TO, SP__NO_ARGS));
	SP_TRY(sp__db_run(&w->db, SQL_RELEASE, SP__NO_ARGS));
	return err;
}

static enum sp_err op_run(struct sp__writer *w, struct sp_store_op *op)
{
	if (op->stamp.reqno == 0)
		return verb_run(w, op);
	SP_TRY(stamp_judge(w, op));
	if (op->replayed)
		return SP_OK;
	SP_TRY(verb_run(w, op));
	return stamp_keep(w, op);
}

/* -- the batch ------------------------------------------------------------------------------------------------- */

static enum sp_err ops_run(struct sp__writer *w, struct sp_store_op *const *ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (ops[i]->err != SP_OK)
			continue; /* refused before it came here */
		ops[i]->err = op_run(w, ops[i]);
		if (ops[i]->err != SP_OK && !sp__store_own_is(ops[i]->err))
			return ops[i]->err;
	}
	return SP_OK;
}

static enum sp_err batch_run(struct sp__writer *w, struct sp_store_op *const *ops, size_t n)
{
	SP_TRY(sp__db_run(&w->db, SQL_BEGIN, SP__NO_ARGS));
	SP_TRY(ops_run(w, ops, n));
	SP_TRY(fresh_settle(w));
	return sp__db_run(&w->db, SQL_COMMIT, SP__NO_ARGS);
}

/* SQLite has rolled back by itself after some errors. */
static void batch_undo(struct sp__sqlite *s, enum sp_err err)
{
	struct sp__writer *w = &s->writer;
	if (!sqlite3_get_autocommit(w->db.handle) && sqlite3_exec(w->db.handle, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK)
		sp__sqlite_die(s, SP_ERR_IO);
	sp__writer_forget(w);
	if (err == SP_ERR_DISK_FULL || err == SP_ERR_BUSY)
		err = counters_load(w);
	if (err != SP_OK)
		sp__sqlite_die(s, err);
}

static void batch_count(struct sp__sqlite *s, struct sp_store_op *const *ops, size_t n)
{
	uint64_t good = 0;
	for (size_t i = 0; i < n; i++)
		good += ops[i]->err == SP_OK;
	atomic_fetch_add_explicit(&s->ops, good, memory_order_relaxed);
	atomic_fetch_add_explicit(&s->failed, n - good, memory_order_relaxed);
}

static enum sp_err apply_locked(struct sp__sqlite *s, struct sp_store_op *const *ops, size_t n)
{
	if (atomic_load(&s->dead) != SP_OK)
		return SP_ERR_IO;
	if (s->writer.logs.count > SP__CACHE_ENTRIES || s->writer.devices.count > SP__CACHE_ENTRIES)
		sp__writer_forget(&s->writer);
	enum sp_err err = batch_run(&s->writer, ops, n);
	if (err != SP_OK) {
		batch_undo(s, err);
		return err;
	}
	batch_count(s, ops, n);
	sp__checkpoint_want(s);
	/* A check-point on the other thread may have died of a failed sync meanwhile: what it could not copy is still in the WAL, which
	 * this commit has synced, so the answer stands. */
	return SP_OK;
}

enum sp_err sp__writer_apply(struct sp__sqlite *s, struct sp_store_op *const *ops, size_t n)
{
	pthread_mutex_lock(&s->writer_lock);
	enum sp_err err = apply_locked(s, ops, n);
	pthread_mutex_unlock(&s->writer_lock);
	return err;
}
