/* SPDX-License-Identifier: Apache-2.0
 *
 * Copying the WAL back into the file, on a thread of its own.
 *
 * A passive check-point never makes the writer wait; when it has copied everything and no reader holds the WAL, SQLite begins it
 * anew by itself. Under unbroken load that moment may never come: beyond SP__WAL_RESTART the writer's own thread restarts it.
 */
#include "store/sqlite/sqlite_priv.h"

#define SETUP "PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 0;"

void sp__sqlite_die(struct sp__sqlite *s, enum sp_err err)
{
	int alive = SP_OK;
	atomic_compare_exchange_strong(&s->dead, &alive, (int)err);
}

/* A full disk leaves the WAL as it is and everything readable: the next one tries again. */
static void checkpoint_judge(struct sp__sqlite *s, int rc)
{
	enum sp_err err = sp__db_err(rc);
	if (err == SP_OK)
		atomic_fetch_add_explicit(&s->checkpoints, 1, memory_order_relaxed);
	else if (err != SP_ERR_BUSY && err != SP_ERR_DISK_FULL)
		sp__sqlite_die(s, err);
}

static bool wait_for_work(struct sp__checkpointer *c)
{
	pthread_mutex_lock(&c->lock);
	while (!c->is_wanted && !c->is_stopping)
		pthread_cond_wait(&c->wake, &c->lock);
	bool goes_on = !c->is_stopping;
	c->is_wanted = false;
	pthread_mutex_unlock(&c->lock);
	return goes_on;
}

static void *checkpoint_thread(void *ctx)
{
	struct sp__sqlite *s = ctx;
	while (wait_for_work(&s->checkpointer) && atomic_load(&s->dead) == SP_OK)
		checkpoint_judge(s, sqlite3_wal_checkpoint_v2(s->checkpointer.db.handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL));
	return NULL;
}

/* Writer's thread, after a commit. */
void sp__checkpoint_want(struct sp__sqlite *s)
{
	struct sp__checkpointer *c = &s->checkpointer;
	uint64_t wal = atomic_load_explicit(&s->wal_bytes, memory_order_relaxed);
	if (wal < SP__WAL_PASSIVE)
		return;
	if (wal >= SP__WAL_RESTART)
		checkpoint_judge(s, sqlite3_wal_checkpoint_v2(s->writer.db.handle, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL));
	pthread_mutex_lock(&c->lock);
	c->is_wanted = true;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
}

enum sp_err sp__checkpointer_open(struct sp__sqlite *s)
{
	struct sp__checkpointer *c = &s->checkpointer;
	SP_TRY(sp__db_open(&c->db, s->path, 0, SETUP));
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->wake, NULL);
	if (pthread_create(&c->thread, NULL, checkpoint_thread, s) == 0)
		return SP_OK;
	pthread_cond_destroy(&c->wake);
	pthread_mutex_destroy(&c->lock);
	sp__db_clear(&c->db);
	return SP_ERR_IO;
}

void sp__checkpointer_close(struct sp__sqlite *s)
{
	struct sp__checkpointer *c = &s->checkpointer;
	pthread_mutex_lock(&c->lock);
	c->is_stopping = true;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	pthread_cond_destroy(&c->wake);
	pthread_mutex_destroy(&c->lock);
	sp__db_clear(&c->db);
}
