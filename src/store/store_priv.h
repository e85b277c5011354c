/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of store: the table of a backend, what backends share.
 *
 * A backend is written in its medium's own terms; this table is all that joins them. tests/unit/store/contract.c runs against each.
 */
#ifndef SP_STORE_PRIV_H
#define SP_STORE_PRIV_H

#include "store/store.h"

struct sp_store_backend {
	const char *scheme; /* "sqlite" of "sqlite:PATH" */
	enum sp_err (*open)(void **out, const char *path);
	void (*close)(void *impl);
	enum sp_err (*apply)(void *impl, struct sp_store_op *const *ops, size_t n);
	enum sp_err (*read)(void *impl, const struct sp_store_range *range, sp_store_item_fn *fn, void *ctx);
	enum sp_err (*log_get)(void *impl, const struct sp_store_log *log, struct sp_store_log_info *out);
	enum sp_err (*room_get)(void *impl, const struct sp_id16 *room, struct sp_store_room *out, struct sp_buf *group_info);
	enum sp_err (*room_each)(void *impl, const struct sp_id16 *account, sp_store_room_fn *fn, void *ctx); /* account NULL: all */
	enum sp_err (*room_rows)(void *impl, const struct sp_id16 *room, uint64_t *out_epoch, sp_store_row_fn *fn, void *ctx);
	enum sp_err (*roster_each)(void *impl, const struct sp_id16 *room, sp_store_id_fn *fn, void *ctx);
	enum sp_err (*roster_find)(void *impl, const struct sp_id16 *room, const struct sp_id16 *account, bool *out);
	enum sp_err (*roster_shared)(void *impl, const struct sp_id16 *a, const struct sp_id16 *b, bool *out);
	enum sp_err (*tree_get)(void *impl, const struct sp_id16 *room, uint64_t epoch, struct sp_buf *out);
	enum sp_err (*cursor_get)(void *impl, const struct sp_id16 *device, const struct sp_store_log *log, uint64_t *out);
	enum sp_err (*account_get)(void *impl, const struct sp_id16 *id, sp_store_account_fn *fn, void *ctx);
	enum sp_err (*account_find)(void *impl, struct sp_bytes address, struct sp_id16 *out);
	enum sp_err (*account_since)(void *impl, uint64_t since, size_t max, sp_store_account_fn *fn, void *ctx);
	enum sp_err (*directory_version)(void *impl, uint64_t *out);
	enum sp_err (*device_list_each)(void *impl, const struct sp_id16 *account, uint32_t from, sp_store_list_fn *fn, void *ctx);
	enum sp_err (*device_each)(void *impl, const struct sp_id16 *account, sp_store_device_fn *fn, void *ctx);
	enum sp_err (*device_get)(void *impl, const struct sp_id16 *id, sp_store_device_fn *fn, void *ctx);
	enum sp_err (*reqno_high)(void *impl, const struct sp_id16 *device, uint64_t *out);
	enum sp_err (*reqno_find)(void *impl, const struct sp_store_stamp *stamp, struct sp_store_op *out);
	enum sp_err (*stock)(void *impl, const struct sp_id16 *device, struct sp_time now, struct sp_store_stock *out);
	enum sp_err (*check)(void *impl, sp_store_finding_fn *fn, void *ctx);
	void (*stats)(void *impl, struct sp_store_stats *out);
};

extern const struct sp_store_backend sp__store_sqlite;
extern const struct sp_store_backend sp__store_mem;

/* Whether an error is the operation's own, so that the rest of the batch goes on. */
static inline bool sp__store_own_is(enum sp_err e)
{
	enum sp_err_class class = sp_err_class(e);
	return class == SP_CLASS_STATE || class == SP_CLASS_NOTFOUND || class == SP_CLASS_INPUT || class == SP_CLASS_LIMIT;
}

/* Compares an epoch that a request names with the room's. */
static inline enum sp_err sp__store_epoch_check(uint64_t named, uint64_t current)
{
	if (named == current)
		return SP_OK;
	return named < current ? SP_ERR_STALE_EPOCH : SP_ERR_FUTURE_EPOCH;
}

/* Writes a commit's seq into an item that rides on it. */
static inline void sp__store_seq_write(const struct sp_store_inbox_item *item, uint64_t seq)
{
	for (unsigned i = 0; item->seq_at && i < 8; i++)
		item->seq_at[i] = (uint8_t)(seq >> (56 - 8 * i));
}

/* taken.c: struct { opaque account[16]; opaque device[16]; uint32 length; opaque key_package[length]; } ... */
SP_MUST_USE enum sp_err sp__store_taken_append(struct sp_buf *out, const struct sp_store_taken *one);
/* Refs named twice in one request. */
bool sp__store_refs_has_duplicate(const struct sp_store_key_package_put *put);

#endif
