/* SPDX-License-Identifier: Apache-2.0
 *
 * The SQLite backend: opening, closing, and its row in the table of backends.
 *
 * One process has the file, because the writer remembers: PATH-lock is flocked for as long. SQLite's own locks would not do, and
 * flocking the database file itself would need a descriptor whose closing drops them.
 */
#include "store/sqlite/sqlite_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

static enum sp_err lock_take(struct sp__sqlite *s)
{
	char name[4096];
	int n = snprintf(name, sizeof name, "%s-lock", s->path);
	if (n < 0 || (size_t)n >= sizeof name)
		return SP_ERR_TOO_LONG;
	s->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock_fd < 0)
		return errno == ENOSPC ? SP_ERR_DISK_FULL : SP_ERR_IO;
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return SP_OK;
	return errno == EWOULDBLOCK ? SP_ERR_LOCKED : SP_ERR_IO;
}

static enum sp_err parts_open(struct sp__sqlite *s)
{
	SP_TRY(lock_take(s));
	SP_TRY(sp__db_file(s->path, true));
	SP_TRY(sp__writer_open(s));
	enum sp_err err = sp__checkpointer_open(s);
	if (err != SP_OK)
		sp__writer_close(s);
	return err;
}

static void shell_free(struct sp__sqlite *s)
{
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	pthread_mutex_destroy(&s->writer_lock);
	pthread_mutex_destroy(&s->readers_lock);
	sp_free(s->path);
	sp_free(s);
}

static enum sp_err sqlite_open(void **out, const char *path)
{
	*out = NULL;
	struct sp__sqlite *s = sp_alloc(sizeof *s);
	if (!s)
		return SP_ERR_NOMEM;
	s->lock_fd = -1;
	pthread_mutex_init(&s->writer_lock, NULL);
	pthread_mutex_init(&s->readers_lock, NULL);
	s->path = sp_str_dup(sp_bytes_str(path));
	enum sp_err err = s->path ? parts_open(s) : SP_ERR_NOMEM;
	if (err == SP_OK)
		*out = s;
	else
		shell_free(s);
	return err;
}

static void sqlite_close(void *impl)
{
	struct sp__sqlite *s = impl;
	sp__checkpointer_close(s);
	sp__readers_close(s);
	if (atomic_load(&s->dead) != SP_OK) /* the next start recovers; a dying store copies nothing more */
		sqlite3_db_config(s->writer.db.handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sp__writer_close(s);
	shell_free(s);
}

static enum sp_err sqlite_apply(void *impl, struct sp_store_op *const *ops, size_t n)
{
	return sp__writer_apply(impl, ops, n);
}

static void sqlite_stats(void *impl, struct sp_store_stats *out)
{
	struct sp__sqlite *s = impl;
	*out = (struct sp_store_stats){
		.commits = atomic_load(&s->commits),
		.ops = atomic_load(&s->ops),
		.failed = atomic_load(&s->failed),
		.checkpoints = atomic_load(&s->checkpoints),
		.wal_bytes = atomic_load(&s->wal_bytes),
	};
}

const struct sp_store_backend sp__store_sqlite = {
	.scheme = "sqlite",
	.open = sqlite_open,
	.close = sqlite_close,
	.apply = sqlite_apply,
	.read = sp__sqlite_read,
	.log_get = sp__sqlite_log_get,
	.room_get = sp__sqlite_room_get,
	.room_each = sp__sqlite_room_each,
	.room_rows = sp__sqlite_room_rows,
	.roster_each = sp__sqlite_roster_each,
	.roster_find = sp__sqlite_roster_find,
	.roster_shared = sp__sqlite_roster_shared,
	.tree_get = sp__sqlite_tree_get,
	.cursor_get = sp__sqlite_cursor_get,
	.account_get = sp__sqlite_account_get,
	.account_find = sp__sqlite_account_find,
	.account_since = sp__sqlite_account_since,
	.directory_version = sp__sqlite_directory_version,
	.device_list_each = sp__sqlite_device_list_each,
	.device_each = sp__sqlite_device_each,
	.device_get = sp__sqlite_device_get,
	.reqno_high = sp__sqlite_reqno_high,
	.reqno_find = sp__sqlite_reqno_find,
	.stock = sp__sqlite_stock,
	.check = sp__sqlite_check,
	.stats = sqlite_stats,
};
