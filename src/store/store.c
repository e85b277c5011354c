/* SPDX-License-Identifier: Apache-2.0
 *
 * The face: finds the backend by the URL's scheme, judges what every backend may take for granted, and hands over.
 */
#include "store/store_priv.h"

struct sp_store {
	const struct sp_store_backend *backend;
	void *impl;
};

static const struct sp_store_backend *const backends[] = {&sp__store_sqlite, &sp__store_mem};

static const struct sp_store_backend *backend_find(const char *url, const char **out_path)
{
	for (size_t i = 0; i < SP_ARRAY_LEN(backends); i++) {
		size_t n = strlen(backends[i]->scheme);
		if (strncmp(url, backends[i]->scheme, n) == 0 && url[n] == ':') {
			*out_path = url + n + 1;
			return backends[i];
		}
	}
	return NULL;
}

enum sp_err sp_store_open(struct sp_store **out, const char *url)
{
	*out = NULL;
	const char *path;
	const struct sp_store_backend *backend = backend_find(url, &path);
	if (!backend)
		return SP_ERR_UNSUPPORTED;
	struct sp_store *store = sp_alloc(sizeof *store);
	if (!store)
		return SP_ERR_NOMEM;
	store->backend = backend;
	enum sp_err err = backend->open(&store->impl, path);
	if (err == SP_OK)
		*out = store;
	else
		sp_free(store);
	return err;
}

void sp_store_close(struct sp_store **store)
{
	if (!*store)
		return;
	(*store)->backend->close((*store)->impl);
	sp_free(*store);
	*store = NULL;
}

/* -- applying -------------------------------------------------------------------------------------------------- */

static enum sp_err bodies_check(const struct sp_bytes *bodies, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bodies[i].n > SP_STORE_BODY_MAX)
			return SP_ERR_TOO_LONG;
	return SP_OK;
}

static enum sp_err rows_check(const struct sp_store_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		SP_TRY(bodies_check((const struct sp_bytes[]){rows[i].key, rows[i].value}, 2));
	return SP_OK;
}

static enum sp_err append_check(const struct sp_store_append *a)
{
	if (a->log.kind == SP_STORE_LOG_ROOM && a->kind == SP_STORE_KIND_COMMIT)
		return SP_ERR_INVALID; /* or an epoch could have two commits */
	SP_TRY(rows_check(a->rows, a->row_count));
	return bodies_check(&a->body, 1);
}

static enum sp_err handshake_check(const struct sp_store_handshake *h)
{
	SP_TRY(bodies_check((const struct sp_bytes[]){h->commit, h->group_info, h->tree}, 3));
	SP_TRY(rows_check(h->rows, h->row_count));
	for (size_t i = 0; i < h->inbox_count; i++)
		SP_TRY(bodies_check(&h->inbox[i].body, 1));
	return SP_OK;
}

static enum sp_err room_create_check(const struct sp_store_room_create *c)
{
	SP_TRY(bodies_check((const struct sp_bytes[]){c->group_info, c->tree}, 2));
	SP_TRY(rows_check(c->rows, c->row_count));
	return c->epoch > INT64_MAX ? SP_ERR_INVALID : SP_OK;
}

static enum sp_err key_package_put_check(const struct sp_store_key_package_put *put)
{
	if (put->count > SP_STORE_KEY_PACKAGES_MAX)
		return SP_ERR_TOO_MANY;
	for (size_t i = 0; i < put->count; i++)
		SP_TRY(bodies_check(&put->packages[i].body, 1));
	SP_TRY(bodies_check(&put->last_resort.body, 1));
	return sp__store_refs_has_duplicate(put) ? SP_ERR_DUPLICATE : SP_OK;
}

/* Backends count in signed 64 bits: what a peer could name beyond is refused here. */
static enum sp_err op_check(const struct sp_store_op *op)
{
	if (op->stamp.reqno > INT64_MAX)
		return SP_ERR_INVALID;
	switch (op->verb) {
	case SP_STORE_APPEND:
		return append_check(&op->u.append);
	case SP_STORE_HANDSHAKE:
		return handshake_check(&op->u.handshake);
	case SP_STORE_ROOM_CREATE:
		return room_create_check(&op->u.room_create);
	case SP_STORE_DEVICE_PUT:
		return bodies_check(&op->u.device_put.device.cert, 1);
	case SP_STORE_DEVICE_LIST_PUT:
		return bodies_check(&op->u.device_list_put.body, 1);
	case SP_STORE_KEY_PACKAGE_PUT:
		return key_package_put_check(&op->u.key_package_put);
	case SP_STORE_ACCOUNT_PUT:
	case SP_STORE_CURSOR_SET:
	case SP_STORE_KEY_PACKAGE_TAKE:
	case SP_STORE_KEY_PACKAGE_DROP:
	case SP_STORE_LOG_TRIM:
	case SP_STORE_TREE_TRIM:
		return SP_OK;
	}
	return SP_ERR_USAGE;
}

enum sp_err sp_store_apply(struct sp_store *store, struct sp_store_op *const *ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct sp_store_op *op = ops[i];
		op->err = op_check(op);
		op->replayed = false;
		op->seq = 0;
		op->time = (struct sp_time){0};
		sp_buf_init(&op->taken, SP_STORE_BODY_MAX);
	}
	enum sp_err err = n == 0 ? SP_OK : store->backend->apply(store->impl, ops, n);
	for (size_t i = 0; i < n; i++) {
		if (err != SP_OK)
			ops[i]->err = err;
		if (ops[i]->err != SP_OK)
			sp_store_op_clear(ops[i]);
	}
	return err;
}

void sp_store_op_clear(struct sp_store_op *op)
{
	sp_buf_clear(&op->taken);
}

/* -- reading --------------------------------------------------------------------------------------------------- */

enum sp_err sp_store_read(struct sp_store *store, const struct sp_store_range *range, sp_store_item_fn *fn, void *ctx)
{
	struct sp_store_range clamped = *range;
	if (clamped.from > INT64_MAX)
		clamped.from = INT64_MAX;
	if (clamped.max_items > INT64_MAX)
		clamped.max_items = INT64_MAX;
	return store->backend->read(store->impl, &clamped, fn, ctx);
}

enum sp_err sp_store_log_get(struct sp_store *store, const struct sp_store_log *log, struct sp_store_log_info *out)
{
	*out = (struct sp_store_log_info){0};
	return store->backend->log_get(store->impl, log, out);
}

enum sp_err sp_store_room_get(struct sp_store *store, const struct sp_id16 *room, struct sp_store_room *out, struct sp_buf *group_info)
{
	*out = (struct sp_store_room){0};
	return store->backend->room_get(store->impl, room, out, group_info);
}

enum sp_err sp_store_room_each(struct sp_store *store, sp_store_room_fn *fn, void *ctx)
{
	return store->backend->room_each(store->impl, NULL, fn, ctx);
}

enum sp_err sp_store_room_of_account(struct sp_store *store, const struct sp_id16 *account, sp_store_room_fn *fn, void *ctx)
{
	return store->backend->room_each(store->impl, account, fn, ctx);
}

enum sp_err sp_store_room_rows(struct sp_store *store, const struct sp_id16 *room, uint64_t *out_epoch, sp_store_row_fn *fn, void *ctx)
{
	*out_epoch = 0;
	return store->backend->room_rows(store->impl, room, out_epoch, fn, ctx);
}

enum sp_err sp_store_roster_each(struct sp_store *store, const struct sp_id16 *room, sp_store_id_fn *fn, void *ctx)
{
	return store->backend->roster_each(store->impl, room, fn, ctx);
}

enum sp_err sp_store_roster_find(struct sp_store *store, const struct sp_id16 *room, const struct sp_id16 *account, bool *out)
{
	*out = false;
	return store->backend->roster_find(store->impl, room, account, out);
}

enum sp_err sp_store_roster_shared(struct sp_store *store, const struct sp_id16 *a, const struct sp_id16 *b, bool *out)
{
	*out = false;
	return store->backend->roster_shared(store->impl, a, b, out);
}

enum sp_err sp_store_tree_get(struct sp_store *store, const struct sp_id16 *room, uint64_t epoch, struct sp_buf *out)
{
	return epoch > INT64_MAX ? SP_ERR_NOT_FOUND : store->backend->tree_get(store->impl, room, epoch, out);
}

enum sp_err sp_store_cursor_get(struct sp_store *store, const struct sp_id16 *device, const struct sp_store_log *log, uint64_t *out)
{
	*out = 0;
	return store->backend->cursor_get(store->impl, device, log, out);
}

enum sp_err sp_store_account_get(struct sp_store *store, const struct sp_id16 *id, sp_store_account_fn *fn, void *ctx)
{
	return store->backend->account_get(store->impl, id, fn, ctx);
}

enum sp_err sp_store_account_find(struct sp_store *store, struct sp_bytes address, struct sp_id16 *out)
{
	*out = (struct sp_id16){0};
	return store->backend->account_find(store->impl, address, out);
}

enum sp_err sp_store_account_since(struct sp_store *store, uint64_t since, size_t max, sp_store_account_fn *fn, void *ctx)
{
	return store->backend->account_since(store->impl, SP_MIN(since, (uint64_t)INT64_MAX), SP_MIN(max, (size_t)INT64_MAX), fn, ctx);
}

enum sp_err sp_store_directory_version(struct sp_store *store, uint64_t *out)
{
	*out = 0;
	return store->backend->directory_version(store->impl, out);
}

enum sp_err sp_store_device_list_each(struct sp_store *store, const struct sp_id16 *account, uint32_t from, sp_store_list_fn *fn, void *ctx)
{
	return store->backend->device_list_each(store->impl, account, from, fn, ctx);
}

enum sp_err sp_store_device_each(struct sp_store *store, const struct sp_id16 *account, sp_store_device_fn *fn, void *ctx)
{
	return store->backend->device_each(store->impl, account, fn, ctx);
}

enum sp_err sp_store_device_get(struct sp_store *store, const struct sp_id16 *id, sp_store_device_fn *fn, void *ctx)
{
	return store->backend->device_get(store->impl, id, fn, ctx);
}

enum sp_err sp_store_reqno_high(struct sp_store *store, const struct sp_id16 *device, uint64_t *out)
{
	*out = 0;
	return store->backend->reqno_high(store->impl, device, out);
}

enum sp_err sp_store_reqno_find(struct sp_store *store, const struct sp_store_stamp *stamp, struct sp_store_op *out)
{
	*out = (struct sp_store_op){.stamp = *stamp};
	sp_buf_init(&out->taken, SP_STORE_BODY_MAX);
	if (stamp->reqno > INT64_MAX)
		return SP_ERR_INVALID;
	enum sp_err err = store->backend->reqno_find(store->impl, stamp, out);
	if (err != SP_OK)
		sp_store_op_clear(out);
	return err;
}

enum sp_err sp_store_key_package_count(struct sp_store *store, const struct sp_id16 *device, struct sp_time now, struct sp_store_stock *out)
{
	*out = (struct sp_store_stock){0};
	return store->backend->stock(store->impl, device, now, out);
}

/* -- care ------------------------------------------------------------------------------------------------------ */

enum sp_err sp_store_check(struct sp_store *store, sp_store_finding_fn *fn, void *ctx)
{
	return store->backend->check(store->impl, fn, ctx);
}

void sp_store_stats_get(struct sp_store *store, struct sp_store_stats *out)
{
	*out = (struct sp_store_stats){0};
	store->backend->stats(store->impl, out);
}
