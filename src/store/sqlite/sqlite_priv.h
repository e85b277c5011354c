/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of the SQLite backend: the writer, the readers, the check-pointer.
 *
 * One connection writes, under one lock; readers have connections of their own from a pool, and see whole batches only (WAL).
 * A second thread copies the WAL back, so that the writer never waits for it, except beyond SP__WAL_RESTART.
 */
#ifndef SP_STORE_SQLITE_PRIV_H
#define SP_STORE_SQLITE_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "store/sqlite/db_priv.h"
#include "store/sqlite/sql_priv.h"
#include "store/map_priv.h"
#include "store/store_priv.h"

#define SP__WAL_PASSIVE (4u << 20)    /* copy back in the background beyond this size of the WAL */
#define SP__WAL_RESTART (256u << 20)  /* make the writer wait for readers and begin the WAL anew */
#define SP__FRESH_ANSWERS 1024u       /* settled into the devices' windows beyond so many */
#define SP__CACHE_ENTRIES 65536u      /* logs or devices remembered; beyond it all are forgotten */
#define SP__READERS_KEPT 16u

extern const char *const sp__sqlite_versions[];
extern const size_t sp__sqlite_version_count;

/* What the writer remembers of a log, so that an append costs no SELECT. */
struct sp__log {
	int64_t no;
	uint64_t last_seq;
	int64_t last_time;
	bool is_room;
	uint64_t epoch;
};
struct sp__device {
	int64_t no;
	uint64_t high; /* highest request number answered */
};

struct sp__writer {
	struct sp__db db;
	struct sp__map logs;    /* kind and id -> struct sp__log */
	struct sp__map devices; /* id -> struct sp__device */
	uint64_t directory_version;
	uint64_t fresh; /* answers not yet in their device's window */
	bool is_touched; /* the running operation changed a remembered log */
};

struct sp__checkpointer {
	struct sp__db db;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool is_wanted;
	bool is_stopping;
};

struct sp__reader {
	struct sp__db db;
	struct sp__reader *next;
};

struct sp__sqlite {
	char *path;
	int lock_fd;
	pthread_mutex_t writer_lock;
	struct sp__writer writer;
	struct sp__checkpointer checkpointer;
	pthread_mutex_t readers_lock;
	struct sp__reader *readers; /* idle */
	size_t reader_count;
	atomic_int dead; /* an enum sp_err: the first failure after which nothing may be written */
	_Atomic uint64_t commits, ops, failed, checkpoints, wal_bytes;
};

/* writer.c */
SP_MUST_USE enum sp_err sp__writer_open(struct sp__sqlite *s);
void sp__writer_close(struct sp__sqlite *s);
SP_MUST_USE enum sp_err sp__writer_apply(struct sp__sqlite *s, struct sp_store_op *const *ops, size_t n);
/* writer_cache.c: remembered or read. NOT_FOUND. The pointer lives until everything is forgotten. */
SP_MUST_USE enum sp_err sp__writer_log(struct sp__writer *w, struct sp__log **out, const struct sp_store_log *log);
SP_MUST_USE enum sp_err sp__writer_device(struct sp__writer *w, struct sp__device **out, const struct sp_id16 *id);
void sp__writer_forget(struct sp__writer *w);
SP_MUST_USE enum sp_err sp__writer_account(struct sp__writer *w, int64_t *out, const struct sp_id16 *id);

/* ops_log.c, ops_people.c, ops_keys.c: one function a verb */
typedef enum sp_err sp__verb_fn(struct sp__writer *w, struct sp_store_op *op);
#define X(name, member) sp__verb_fn sp__op_##member;
SP_STORE_VERB_MAP(X)
#undef X

/* checkpoint.c */
SP_MUST_USE enum sp_err sp__checkpointer_open(struct sp__sqlite *s);
void sp__checkpointer_close(struct sp__sqlite *s);
void sp__checkpoint_want(struct sp__sqlite *s);
void sp__sqlite_die(struct sp__sqlite *s, enum sp_err err);

/* readers.c */
SP_MUST_USE enum sp_err sp__reader_take(struct sp__sqlite *s, struct sp__reader **out);
void sp__reader_give(struct sp__sqlite *s, struct sp__reader *reader);
void sp__readers_close(struct sp__sqlite *s);

/* read_log.c, read_people.c, check.c: as in struct sp_store_backend */
enum sp_err sp__sqlite_read(void *impl, const struct sp_store_range *range, sp_store_item_fn *fn, void *ctx);
enum sp_err sp__sqlite_log_get(void *impl, const struct sp_store_log *log, struct sp_store_log_info *out);
enum sp_err sp__sqlite_room_get(void *impl, const struct sp_id16 *room, struct sp_store_room *out, struct sp_buf *group_info);
enum sp_err sp__sqlite_room_each(void *impl, const struct sp_id16 *account, sp_store_room_fn *fn, void *ctx);
enum sp_err sp__sqlite_room_rows(void *impl, const struct sp_id16 *room, uint64_t *out_epoch, sp_store_row_fn *fn, void *ctx);
enum sp_err sp__sqlite_roster_each(void *impl, const struct sp_id16 *room, sp_store_id_fn *fn, void *ctx);
enum sp_err sp__sqlite_roster_find(void *impl, const struct sp_id16 *room, const struct sp_id16 *account, bool *out);
enum sp_err sp__sqlite_roster_shared(void *impl, const struct sp_id16 *a, const struct sp_id16 *b, bool *out);
enum sp_err sp__sqlite_tree_get(void *impl, const struct sp_id16 *room, uint64_t epoch, struct sp_buf *out);
enum sp_err sp__sqlite_cursor_get(void *impl, const struct sp_id16 *device, const struct sp_store_log *log, uint64_t *out);
enum sp_err sp__sqlite_account_get(void *impl, const struct sp_id16 *id, sp_store_account_fn *fn, void *ctx);
enum sp_err sp__sqlite_account_find(void *impl, struct sp_bytes address, struct sp_id16 *out);
enum sp_err sp__sqlite_account_since(void *impl, uint64_t since, size_t max, sp_store_account_fn *fn, void *ctx);
enum sp_err sp__sqlite_directory_version(void *impl, uint64_t *out);
enum sp_err sp__sqlite_device_list_each(void *impl, const struct sp_id16 *account, uint32_t from, sp_store_list_fn *fn, void *ctx);
enum sp_err sp__sqlite_device_each(void *impl, const struct sp_id16 *account, sp_store_device_fn *fn, void *ctx);
enum sp_err sp__sqlite_device_get(void *impl, const struct sp_id16 *id, sp_store_device_fn *fn, void *ctx);
enum sp_err sp__sqlite_reqno_high(void *impl, const struct sp_id16 *device, uint64_t *out);
enum sp_err sp__sqlite_reqno_find(void *impl, const struct sp_store_stamp *stamp, struct sp_store_op *out);
enum sp_err sp__sqlite_stock(void *impl, const struct sp_id16 *device, struct sp_time now, struct sp_store_stock *out);
enum sp_err sp__sqlite_check(void *impl, sp_store_finding_fn *fn, void *ctx);

#endif
