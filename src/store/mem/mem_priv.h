/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of the memory backend: maps and arrays under one lock.
 *
 * Every verb judges all that it can before it changes anything. Running out of memory halfway ends the store, as a failed sync ends
 * that on disk: the contract is the same.
 */
#ifndef SP_STORE_MEM_PRIV_H
#define SP_STORE_MEM_PRIV_H

#include <pthread.h>

#include "store/map_priv.h"
#include "store/store_priv.h"

#define SP__MEM_MAX ((size_t)1 << 40) /* elements in an array: no limit of ours */

struct sp__mem_blob { /* owned */
	uint8_t *p;
	size_t n;
};
SP_MUST_USE enum sp_err sp__mem_blob_set(struct sp__mem_blob *blob, struct sp_bytes in);
void sp__mem_blob_clear(struct sp__mem_blob *blob);
static inline struct sp_bytes sp__mem_bytes(const struct sp__mem_blob *blob)
{
	return (struct sp_bytes){blob->p, blob->n};
}

struct sp__mem_item {
	struct sp_time time;
	uint8_t kind;
	struct sp__mem_blob body;
};
struct sp__mem_row {
	struct sp__mem_blob key, value;
};
struct sp__mem_tree {
	uint64_t epoch;
	struct sp_time time;
	struct sp__mem_blob body;
};

struct sp__mem_log {
	uint64_t trimmed; /* items[0] has seq trimmed + 1 */
	struct sp_time last_time;
	struct sp__mem_item *items;
	size_t item_count, item_cap;
	/* rooms only */
	bool is_room;
	uint64_t epoch, created_epoch, commits;
	struct sp__mem_blob group_info;
	struct sp__mem_row *rows; /* in key order */
	size_t row_count, row_cap;
	struct sp_id16 *roster;
	size_t roster_count, roster_cap;
	struct sp__mem_tree *trees; /* by rising epoch */
	size_t tree_count, tree_cap;
};

struct sp__mem_account {
	struct sp__mem_blob address;
	uint8_t flags;
	uint64_t changed;
	struct sp__mem_blob *lists; /* version 1 first */
	size_t list_count, list_cap;
	struct sp_id16 *devices;
	size_t device_count, device_cap;
};

struct sp__mem_package {
	struct sp_hash32 ref;
	struct sp_time expires;
	struct sp__mem_blob body;
	bool is_taken; /* by the running operation */
};
struct sp__mem_answer {
	uint64_t reqno;
	struct sp_hash32 hash;
	uint64_t seq;
	struct sp_time time;
	struct sp__mem_blob taken;
};
struct sp__mem_device {
	struct sp_id16 account;
	struct sp_hash32 spki;
	struct sp__mem_blob cert;
	struct sp__mem_package *stock; /* oldest first */
	size_t stock_count, stock_cap;
	struct sp__mem_package last_resort; /* none when its body is empty */
	uint64_t high;
	struct sp__mem_answer window[SP_STORE_WINDOW]; /* at reqno modulo the window */
};

struct sp__mem {
	pthread_rwlock_t lock;
	bool is_dead;
	struct sp__map logs;     /* kind and id -> struct sp__mem_log */
	struct sp__map accounts; /* id -> struct sp__mem_account */
	struct sp__map devices;  /* id -> struct sp__mem_device */
	struct sp__map refs;     /* refs ever stocked and unexpired -> int64_t expiry */
	struct sp__map cursors;  /* device, kind, id -> uint64_t */
	uint64_t directory_version;
	struct sp_store_stats stats;
};

struct sp__mem_log_key {
	uint8_t b[17];
};
static inline struct sp__mem_log_key sp__mem_log_key(const struct sp_store_log *log)
{
	struct sp__mem_log_key key = {{(uint8_t)log->kind}};
	sp_copy(key.b + 1, log->id.b, 16);
	return key;
}
static inline struct sp__mem_log *sp__mem_log_find(const struct sp__mem *m, const struct sp_store_log *log)
{
	struct sp__mem_log_key key = sp__mem_log_key(log);
	return sp__map_find(&m->logs, SP_BYTES_OF(key.b));
}
static inline struct sp__mem_log *sp__mem_room_find(const struct sp__mem *m, const struct sp_id16 *room)
{
	return sp__mem_log_find(m, &(struct sp_store_log){SP_STORE_LOG_ROOM, *room});
}
static inline struct sp__mem_account *sp__mem_account_find(const struct sp__mem *m, const struct sp_id16 *id)
{
	return sp__map_find(&m->accounts, sp_id16_bytes(id));
}
static inline struct sp__mem_device *sp__mem_device_find(const struct sp__mem *m, const struct sp_id16 *id)
{
	return sp__map_find(&m->devices, sp_id16_bytes(id));
}
static inline uint64_t sp__mem_last_seq(const struct sp__mem_log *log)
{
	return log->trimmed + log->item_count;
}
struct sp__mem_cursor_key {
	uint8_t b[33];
};
struct sp__mem_cursor_key sp__mem_cursor_key(const struct sp_id16 *device, const struct sp_store_log *log);

size_t sp__mem_roster_at(const struct sp__mem_log *room, const struct sp_id16 *account); /* roster_count: not in it */
/* Where key is, or belongs. */
size_t sp__mem_row_at(const struct sp__mem_log *room, struct sp_bytes key, bool *out_found);

uint32_t sp__mem_stock_count(const struct sp__mem_device *device, struct sp_time now); /* unexpired */
void sp__mem_packages_drop(struct sp__mem_device *device); /* NULL is fine */

void sp__mem_log_clear(struct sp__mem_log *log);
void sp__mem_account_clear(struct sp__mem_account *account);
void sp__mem_device_clear(struct sp__mem_device *device);

/* ops_log.c, ops_people.c, ops_keys.c: one function a verb */
typedef enum sp_err sp__mem_verb_fn(struct sp__mem *m, struct sp_store_op *op);
#define X(name, member) sp__mem_verb_fn sp__mem_op_##member;
SP_STORE_VERB_MAP(X)
#undef X

/* window.c */
SP_MUST_USE enum sp_err sp__mem_stamp_judge(const struct sp__mem_device *device, struct sp_store_op *op);
SP_MUST_USE enum sp_err sp__mem_stamp_keep(struct sp__mem_device *device, const struct sp_store_op *op);

/* read_log.c, read_people.c, check.c: as in struct sp_store_backend */
enum sp_err sp__mem_read(void *impl, const struct sp_store_range *range, sp_store_item_fn *fn, void *ctx);
enum sp_err sp__mem_log_get(void *impl, const struct sp_store_log *log, struct sp_store_log_info *out);
enum sp_err sp__mem_room_get(void *impl, const struct sp_id16 *room, struct sp_store_room *out, struct sp_buf *group_info);
enum sp_err sp__mem_room_each(void *impl, const struct sp_id16 *account, sp_store_room_fn *fn, void *ctx);
enum sp_err sp__mem_room_rows(void *impl, const struct sp_id16 *room, uint64_t *out_epoch, sp_store_row_fn *fn, void *ctx);
enum sp_err sp__mem_roster_each(void *impl, const struct sp_id16 *room, sp_store_id_fn *fn, void *ctx);
enum sp_err sp__mem_roster_find(void *impl, const struct sp_id16 *room, const struct sp_id16 *account, bool *out);
enum sp_err sp__mem_roster_shared(void *impl, const struct sp_id16 *a, const struct sp_id16 *b, bool *out);
enum sp_err sp__mem_tree_get(void *impl, const struct sp_id16 *room, uint64_t epoch, struct sp_buf *out);
enum sp_err sp__mem_cursor_get(void *impl, const struct sp_id16 *device, const struct sp_store_log *log, uint64_t *out);
enum sp_err sp__mem_account_get(void *impl, const struct sp_id16 *id, sp_store_account_fn *fn, void *ctx);
enum sp_err sp__mem_account_address(void *impl, struct sp_bytes address, struct sp_id16 *out);
enum sp_err sp__mem_account_since(void *impl, uint64_t since, size_t max, sp_store_account_fn *fn, void *ctx);
enum sp_err sp__mem_directory_version(void *impl, uint64_t *out);
enum sp_err sp__mem_device_list_each(void *impl, const struct sp_id16 *account, uint32_t from, sp_store_list_fn *fn, void *ctx);
enum sp_err sp__mem_device_each(void *impl, const struct sp_id16 *account, sp_store_device_fn *fn, void *ctx);
enum sp_err sp__mem_device_get(void *impl, const struct sp_id16 *id, sp_store_device_fn *fn, void *ctx);
enum sp_err sp__mem_reqno_high(void *impl, const struct sp_id16 *device, uint64_t *out);
enum sp_err sp__mem_reqno_find(void *impl, const struct sp_store_stamp *stamp, struct sp_store_op *out);
enum sp_err sp__mem_stock(void *impl, const struct sp_id16 *device, struct sp_time now, struct sp_store_stock *out);
enum sp_err sp__mem_check(void *impl, sp_store_finding_fn *fn, void *ctx);

#endif
