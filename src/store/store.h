/* SPDX-License-Identifier: Apache-2.0
 *
 * store: the server's durable state. A door: the only room that includes sqlite3.h.
 *
 * What is kept: ordered logs of bytes (a room's, an account's inbox), the keyless public group of each room as opaque
 * rows, who is in which room, accounts with their device lists and certificates, key packages, read cursors, and for
 * each device the window of requests already answered. Content is never understood here.
 *
 * Every mutation is one `struct sp_store_op`, atomic by itself. sp_store_apply takes as many as are queued, writes them
 * in one transaction and returns after one sync: acknowledge and push only then. An operation that fails for a reason of
 * its own (STALE_EPOCH, EXISTS, ...) changes nothing and does not spoil the others; operations see the effects of those
 * before them in the same batch.
 *
 * Failure of the medium:
 *   - SP_ERR_DISK_FULL: nothing of the batch happened; reads go on; later batches may succeed.
 *   - SP_ERR_IO, SP_ERR_CORRUPT or SP_ERR_NOMEM from sp_store_apply: the outcome of the batch is unknown and the store is
 *     dead: every further apply gives SP_ERR_IO and the process must end without acknowledging. A failed sync is never
 *     retried (the kernel may have dropped the pages). After a restart the request numbers tell what had been stored.
 *
 * Threads: sp_store_apply is called by one writer at a time (others wait); everything else by any thread at any time.
 * Readers see whole batches only. Visitors run while a reader is held: they may not call sp_store_apply.
 *
 * Does not check: who may do what, sizes of bodies beyond SP_STORE_BODY_MAX, signatures, the meaning of any byte.
 */
#ifndef SP_STORE_H
#define SP_STORE_H

#include "base/base.h"

#define SP_STORE_BODY_MAX (64u << 20)  /* one item, row or snapshot; the wire's limits are far below */
#define SP_STORE_WINDOW 128u           /* request numbers remembered for each device */
#define SP_STORE_KEY_PACKAGES_MAX 256u /* stock of one device */

struct sp_store;

/* "sqlite:PATH" (created with mode 0600 when missing) or "mem:" (nothing survives). SP_ERR_FORMAT_NEWER when a newer
 * release wrote it; SP_ERR_LOCKED when another process has it open; older formats are migrated. */
SP_MUST_USE enum sp_err sp_store_open(struct sp_store **out, const char *url);
void sp_store_close(struct sp_store **store);

/* -- nouns ---------------------------------------------------------------------------------------------------- */

enum sp_store_log_kind { SP_STORE_LOG_ROOM = 1, SP_STORE_LOG_INBOX = 2 }; /* id: room id or account id */
struct sp_store_log {
	enum sp_store_log_kind kind;
	struct sp_id16 id;
};

#define SP_STORE_KIND_COMMIT 1u /* the kind of a handshake's item; an APPEND to a room may not use it (SP_ERR_INVALID) */
struct sp_store_item {
	uint64_t seq; /* 1, 2, 3 ... in its log, without gaps */
	struct sp_time time;
	uint8_t kind;
	struct sp_bytes body;
};

struct sp_store_row { /* one row of a room's public group; an absent value (p NULL) deletes */
	struct sp_bytes key;
	struct sp_bytes value;
};

enum { SP_STORE_ACCOUNT_ADMIN = 1, SP_STORE_ACCOUNT_DISABLED = 2 };
struct sp_store_account {
	struct sp_id16 id;
	struct sp_bytes address;
	uint8_t flags;
	uint64_t changed; /* out: directory version of its last change */
	uint32_t list_version; /* out: newest device list, 0 for none */
};

struct sp_store_device {
	struct sp_id16 id;
	struct sp_id16 account;
	struct sp_hash32 spki; /* SHA-256 of its certificate's SPKI */
	struct sp_bytes cert;  /* DER, the newest */
};

struct sp_store_key_package {
	struct sp_hash32 ref; /* KeyPackageRef */
	struct sp_time expires;
	struct sp_bytes body;
};

/* -- operations ----------------------------------------------------------------------------------------------- */

/* X(NAME, member of the union) */
#define SP_STORE_VERB_MAP(X)                                                                                           \
	X(APPEND, append)                                                                                              \
	X(HANDSHAKE, handshake)                                                                                        \
	X(ROOM_CREATE, room_create)                                                                                    \
	X(CURSOR_SET, cursor_set)                                                                                      \
	X(ACCOUNT_PUT, account_put)                                                                                    \
	X(DEVICE_PUT, device_put)                                                                                      \
	X(DEVICE_LIST_PUT, device_list_put)                                                                            \
	X(KEY_PACKAGE_PUT, key_package_put)                                                                            \
	X(KEY_PACKAGE_TAKE, key_package_take)                                                                          \
	X(KEY_PACKAGE_DROP, key_package_drop)                                                                          \
	X(LOG_TRIM, log_trim)                                                                                          \
	X(TREE_TRIM, tree_trim)

enum sp_store_verb {
#define X(name, member) SP_STORE_##name,
	SP_STORE_VERB_MAP(X)
#undef X
};

/* One item at the end of a log. A room's epoch must equal `epoch`: else STALE_EPOCH (earlier) or FUTURE_EPOCH. An inbox
 * ignores `epoch` and rows. NOT_FOUND: no such room or account. Gives seq and time. */
struct sp_store_append {
	struct sp_store_log log;
	uint64_t epoch;
	uint8_t kind;
	struct sp_bytes body;
	const struct sp_store_row *rows; /* of the room's public group, changed with it: a proposal waits to be committed */
	size_t row_count;
};

/* An item for an account's inbox that rides on a handshake (a Welcome). An account that is unknown spoils the handshake. */
struct sp_store_inbox_item {
	struct sp_id16 account;
	uint8_t kind;
	struct sp_bytes body;
	uint8_t *seq_at; /* 8 bytes within body where the commit's seq is written, big-endian, before it is stored; NULL: nowhere */
};

/* Appends the commit to the room's log, moves the room from `epoch` to `epoch` + 1, applies the public group's rows, replaces
 * the GroupInfo, changes the roster, keeps `tree` (when not empty) as the snapshot of the new epoch, and appends to the inboxes:
 * all or nothing. STALE_EPOCH, FUTURE_EPOCH, NOT_FOUND. Gives seq and time of the commit; inbox_seq[i] of the i-th inbox item. */
struct sp_store_handshake {
	struct sp_id16 room;
	uint64_t epoch;
	struct sp_bytes commit;
	struct sp_bytes group_info;
	struct sp_bytes tree;
	const struct sp_store_row *rows;
	size_t row_count;
	const struct sp_id16 *joined; /* accounts whose first leaf came; already in the roster is no error */
	size_t joined_count;
	const struct sp_id16 *left; /* accounts whose last leaf went */
	size_t left_count;
	const struct sp_store_inbox_item *inbox;
	size_t inbox_count;
	uint64_t *inbox_seq; /* out; caller's array of inbox_count, may be NULL; not filled in a replayed answer */
};

/* EXISTS when the room is known. Its log starts empty (seq 0). */
struct sp_store_room_create {
	struct sp_id16 room;
	uint64_t epoch;
	struct sp_bytes group_info;
	struct sp_bytes tree;
	const struct sp_store_row *rows;
	size_t row_count;
	const struct sp_id16 *joined;
	size_t joined_count;
};

/* A device's place in a log; never moves back, never beyond the log's end (no error: it is clamped). */
struct sp_store_cursor_set {
	struct sp_id16 device;
	struct sp_store_log log;
	uint64_t seq;
};

/* Makes or changes an account, and its inbox log. EXISTS when another account has the address. Gives seq = the new directory
 * version (also DEVICE_PUT, DEVICE_LIST_PUT). `changed` and `list_version` are ignored. */
struct sp_store_account_put {
	struct sp_store_account account;
};

/* Makes a device or gives it a newer certificate. NOT_FOUND: no such account. EXISTS: it is another account's. */
struct sp_store_device_put {
	struct sp_store_device device;
};

/* The next device list of an account: version must be the last plus 1. EXISTS when not newer; STATE when it skips one. */
struct sp_store_device_list_put {
	struct sp_id16 account;
	uint32_t version;
	struct sp_bytes body;
	const struct sp_id16 *gone; /* devices named no more: their key packages go; unknown ones are no error */
	size_t gone_count;
};

/* Adds key packages to a device's stock and replaces its last-resort one when `last_resort.body` is not empty. All or nothing:
 * DUPLICATE when a ref was seen before (also one already taken), TOO_MANY beyond SP_STORE_KEY_PACKAGES_MAX, NOT_FOUND. Gives seq =
 * the count of ordinary ones now. */
struct sp_store_key_package_put {
	struct sp_id16 device;
	const struct sp_store_key_package *packages;
	size_t count;
	struct sp_store_key_package last_resort;
};

/* One key package for every device of the accounts except the asking one (the stamp's device): an ordinary one exactly once ever,
 * the oldest first, expired ones (by `now`) thrown away; else the last-resort one, which stays; a device without either is left
 * out. Unknown accounts are left out. The answer is in `taken`: read it with sp_store_taken_next. */
struct sp_store_key_package_take {
	const struct sp_id16 *accounts;
	size_t count;
};

/* Throws away all key packages of a device (revoked, or no longer in its account's list). */
struct sp_store_key_package_drop {
	struct sp_id16 device;
};

/* Removes items with seq < before. Sequence numbers go on. NOT_FOUND. */
struct sp_store_log_trim {
	struct sp_store_log log;
	uint64_t before;
};

/* Removes tree snapshots made before `before`, except that of each room's newest. */
struct sp_store_tree_trim {
	struct sp_time before;
};

/* Whose request this is. reqno 0: nobody's, and no answer is remembered. `hash` is SHA-256 of the request's body.
 * reqno within the last SP_STORE_WINDOW numbers up to the highest: answered before with the same hash gives the same answer
 * again (replayed), with another SP_ERR_STALE_REQNO; not answered before, it is new. Below the window: SP_ERR_STALE_REQNO.
 * Only successes are remembered: a failed request changed nothing and may be judged again. NOT_FOUND: unknown device. */
struct sp_store_stamp {
	struct sp_id16 device;
	uint64_t reqno;
	struct sp_hash32 hash;
};

struct sp_store_op {
	enum sp_store_verb verb;
	struct sp_store_stamp stamp;
	struct sp_time now; /* the server's clock; a log's times never go back: they are clamped */
	union {
#define X(name, member) struct sp_store_##member member;
		SP_STORE_VERB_MAP(X)
#undef X
	} u;

	/* out */
	enum sp_err err;
	bool replayed;
	uint64_t seq;
	struct sp_time time;
	struct sp_buf taken; /* KEY_PACKAGE_TAKE; the caller clears it with sp_store_op_clear */
};

/* Applies n operations in order, in one transaction with one sync; each gets its own `err`. Anything but SP_OK means that none
 * was done, and stands in every op's err too. */
SP_MUST_USE enum sp_err sp_store_apply(struct sp_store *store, struct sp_store_op *const *ops, size_t n);
/* Frees what an operation's answer owns (not what the caller put in). */
void sp_store_op_clear(struct sp_store_op *op);

struct sp_store_taken {
	struct sp_id16 account;
	struct sp_id16 device;
	struct sp_bytes key_package;
};
/* Walks the answer of KEY_PACKAGE_TAKE: *rest starts as sp_buf_bytes(&op->taken). SP_ERR_NOT_FOUND at the end. */
SP_MUST_USE enum sp_err sp_store_taken_next(struct sp_bytes *rest, struct sp_store_taken *out);

/* -- reading: what a visitor is given is borrowed until it returns; an error of its own ends the walk and is returned -- */

struct sp_store_range {
	struct sp_store_log log;
	uint64_t from;    /* first seq wanted */
	size_t max_items; /* stops before exceeding either; the first item is always given */
	size_t max_bytes; /* of bodies */
};
typedef enum sp_err sp_store_item_fn(void *ctx, const struct sp_store_item *item);
SP_MUST_USE enum sp_err sp_store_read(struct sp_store *store, const struct sp_store_range *range, sp_store_item_fn *fn, void *ctx);

struct sp_store_log_info {
	uint64_t first_seq; /* of the oldest item kept; last_seq + 1 when there is none */
	uint64_t last_seq;  /* 0 for a log that never had an item */
	struct sp_time last_time;
};
SP_MUST_USE enum sp_err sp_store_log_get(struct sp_store *store, const struct sp_store_log *log, struct sp_store_log_info *out);

struct sp_store_room {
	struct sp_id16 id;
	uint64_t epoch;
	uint64_t last_seq;
};
typedef enum sp_err sp_store_room_fn(void *ctx, const struct sp_store_room *room);
/* group_info may be NULL; appended to otherwise */
SP_MUST_USE enum sp_err sp_store_room_get(struct sp_store *store, const struct sp_id16 *room, struct sp_store_room *out, struct sp_buf *group_info);
SP_MUST_USE enum sp_err sp_store_room_each(struct sp_store *store, sp_store_room_fn *fn, void *ctx);
/* Rooms that an account is in. */
SP_MUST_USE enum sp_err sp_store_room_of_account(struct sp_store *store, const struct sp_id16 *account, sp_store_room_fn *fn, void *ctx);

typedef enum sp_err sp_store_row_fn(void *ctx, const struct sp_store_row *row);
/* The public group's rows in key order, all from the room's epoch given in *out_epoch. */
SP_MUST_USE enum sp_err sp_store_room_rows(struct sp_store *store, const struct sp_id16 *room, uint64_t *out_epoch, sp_store_row_fn *fn, void *ctx);
typedef enum sp_err sp_store_id_fn(void *ctx, const struct sp_id16 *id);
SP_MUST_USE enum sp_err sp_store_roster_each(struct sp_store *store, const struct sp_id16 *room, sp_store_id_fn *fn, void *ctx);
SP_MUST_USE enum sp_err sp_store_roster_find(struct sp_store *store, const struct sp_id16 *room, const struct sp_id16 *account, bool *out);
/* Whether two accounts are in one room. */
SP_MUST_USE enum sp_err sp_store_roster_shared(struct sp_store *store, const struct sp_id16 *a, const struct sp_id16 *b, bool *out);
/* Appends the snapshot of that epoch; NOT_FOUND. */
SP_MUST_USE enum sp_err sp_store_tree_get(struct sp_store *store, const struct sp_id16 *room, uint64_t epoch, struct sp_buf *out);

/* 0 when never set */
SP_MUST_USE enum sp_err sp_store_cursor_get(struct sp_store *store, const struct sp_id16 *device, const struct sp_store_log *log, uint64_t *out);

typedef enum sp_err sp_store_account_fn(void *ctx, const struct sp_store_account *account);
SP_MUST_USE enum sp_err sp_store_account_get(struct sp_store *store, const struct sp_id16 *id, sp_store_account_fn *fn, void *ctx);
SP_MUST_USE enum sp_err sp_store_account_find(struct sp_store *store, struct sp_bytes address, struct sp_id16 *out);
/* Accounts changed after directory version `since`, in the order of their last change, at most max. */
SP_MUST_USE enum sp_err sp_store_account_since(struct sp_store *store, uint64_t since, size_t max, sp_store_account_fn *fn, void *ctx);
SP_MUST_USE enum sp_err sp_store_directory_version(struct sp_store *store, uint64_t *out);

typedef enum sp_err sp_store_list_fn(void *ctx, uint32_t version, struct sp_bytes body);
/* Device lists of an account with version >= from, ascending. */
SP_MUST_USE enum sp_err sp_store_device_list_each(struct sp_store *store, const struct sp_id16 *account, uint32_t from, sp_store_list_fn *fn, void *ctx);
typedef enum sp_err sp_store_device_fn(void *ctx, const struct sp_store_device *device);
SP_MUST_USE enum sp_err sp_store_device_each(struct sp_store *store, const struct sp_id16 *account, sp_store_device_fn *fn, void *ctx);
SP_MUST_USE enum sp_err sp_store_device_get(struct sp_store *store, const struct sp_id16 *id, sp_store_device_fn *fn, void *ctx);
/* Highest request number answered; 0 for none. */
SP_MUST_USE enum sp_err sp_store_reqno_high(struct sp_store *store, const struct sp_id16 *device, uint64_t *out);
/* The answer remembered for a request, before any work is spent on it: SP_OK with *out filled (err SP_OK, replayed, seq,
 * time, taken: clear it), NOT_FOUND when it is new, STALE_REQNO. sp_store_apply judges again. */
SP_MUST_USE enum sp_err sp_store_reqno_find(struct sp_store *store, const struct sp_store_stamp *stamp, struct sp_store_op *out);

struct sp_store_stock {
	uint32_t count; /* ordinary, unexpired at `now` */
	bool last_resort;
};
SP_MUST_USE enum sp_err sp_store_key_package_count(struct sp_store *store, const struct sp_id16 *device, struct sp_time now, struct sp_store_stock *out);

/* -- care ----------------------------------------------------------------------------------------------------- */

typedef void sp_store_finding_fn(void *ctx, const char *text);
/* Logs gap-free with rising times, one commit for each epoch step, request windows sane, references right, the medium's own check.
 * Each finding is told; SP_ERR_CORRUPT when there was one. */
SP_MUST_USE enum sp_err sp_store_check(struct sp_store *store, sp_store_finding_fn *fn, void *ctx);

struct sp_store_stats {
	uint64_t commits;     /* transactions; each is one fdatasync of the WAL */
	uint64_t ops;         /* operations that succeeded */
	uint64_t failed;      /* operations refused */
	uint64_t checkpoints; /* WAL copied back; up to two syncs each, on another thread */
	uint64_t wal_bytes;   /* now */
};
void sp_store_stats_get(struct sp_store *store, struct sp_store_stats *out);

#endif
