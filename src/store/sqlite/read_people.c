/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading accounts, devices, device lists, request windows and stocks of key packages.
 */
#include "store/sqlite/read_priv.h"

/* -- accounts -------------------------------------------------------------------------------------------------- */

struct account_visit {
	sp_store_account_fn *fn;
	void *ctx;
};

static enum sp_err account_row(struct sp__walk *walk, sqlite3_stmt *st)
{
	const struct account_visit *v = walk->out;
	struct sp_store_account account = {
		.address = sp__col_bytes(st, 1),
		.flags = (uint8_t)sqlite3_column_int(st, 2),
		.changed = sp__col_num(st, 3),
		.list_version = (uint32_t)sqlite3_column_int64(st, 4),
	};
	SP_TRY(sp__col_fixed(st, 0, account.id.b, 16));
	return v->fn(v->ctx, &account);
}

enum sp_err sp__sqlite_account_get(void *impl, const struct sp_id16 *id, sp_store_account_fn *fn, void *ctx)
{
	struct account_visit v = {fn, ctx};
	const struct sp__arg args[] = {sp__id(id)};
	struct sp__walk walk = {SQL_ACCOUNT_GET, args, SP_ARRAY_LEN(args), account_row, &v, 0};
	return sp__walk_some(impl, &walk);
}

enum sp_err sp__sqlite_account_since(void *impl, uint64_t since, size_t max, sp_store_account_fn *fn, void *ctx)
{
	struct account_visit v = {fn, ctx};
	const struct sp__arg args[] = {sp__num(since), sp__num(max)};
	struct sp__walk walk = {SQL_ACCOUNT_SINCE, args, SP_ARRAY_LEN(args), account_row, &v, 0};
	return sp__walk_run(impl, &walk);
}

static enum sp_err id_out_row(struct sp__walk *walk, sqlite3_stmt *st)
{
	struct sp_id16 *out = walk->out;
	return sp__col_fixed(st, 0, out->b, 16);
}

enum sp_err sp__sqlite_account_find(void *impl, struct sp_bytes address, struct sp_id16 *out)
{
	const struct sp__arg args[] = {sp__blob(address)};
	struct sp__walk walk = {SQL_ACCOUNT_FIND, args, SP_ARRAY_LEN(args), id_out_row, out, 0};
	return sp__walk_some(impl, &walk);
}

static enum sp_err number_row(struct sp__walk *walk, sqlite3_stmt *st)
{
	*(uint64_t *)walk->out = sp__col_num(st, 0);
	return SP_OK;
}

enum sp_err sp__sqlite_directory_version(void *impl, uint64_t *out)
{
	struct sp__walk walk = {SQL_DIRECTORY_VERSION, SP__NO_ARGS, number_row, out, 0};
	return sp__walk_run(impl, &walk);
}

/* -- devices --------------------------------------------------------------------------------------------------- */

struct list_visit {
	sp_store_list_fn *fn;
	void *ctx;
};

static enum sp_err list_row(struct sp__walk *walk, sqlite3_stmt *st)
{
	const struct list_visit *v = walk->out;
	return v->fn(v->ctx, (uint32_t)sqlite3_column_int64(st, 0), sp__col_bytes(st, 1));
}

enum sp_err sp__sqlite_device_list_each(void *impl, const struct sp_id16 *account, uint32_t from, sp_store_list_fn *fn, void *ctx)
{
	struct list_visit v = {fn, ctx};
	const struct sp__arg args[] = {sp__id(account), sp__int(from)};
	struct sp__walk walk = {SQL_LIST_EACH, args, SP_ARRAY_LEN(args), list_row, &v, 0};
	return sp__walk_run(impl, &walk);
}

struct device_visit {
	sp_store_device_fn *fn;
	void *ctx;
};

static enum sp_err device_row(struct sp__walk *walk, sqlite3_stmt *st)
{
	const struct device_visit *v = walk->out;
	struct sp_store_device device = {.cert = sp__col_bytes(st, 3)};
	SP_TRY(sp__col_fixed(st, 0, device.id.b, 16));
	SP_TRY(sp__col_fixed(st, 1, device.account.b, 16));
	SP_TRY(sp__col_fixed(st, 2, device.spki.b, 32));
	return v->fn(v->ctx, &device);
}

enum sp_err sp__sqlite_device_each(void *impl, const struct sp_id16 *account, sp_store_device_fn *fn, void *ctx)
{
	struct device_visit v = {fn, ctx};
	const struct sp__arg args[] = {sp__id(account)};
	struct sp__walk walk = {SQL_DEVICE_EACH, args, SP_ARRAY_LEN(args), device_row, &v, 0};
	return sp__walk_run(impl, &walk);
}

enum sp_err sp__sqlite_device_get(void *impl, const struct sp_id16 *id, sp_store_device_fn *fn, void *ctx)
{
	struct device_visit v = {fn, ctx};
	const struct sp__arg args[] = {sp__id(id)};
	struct sp__walk walk = {SQL_DEVICE_GET, args, SP_ARRAY_LEN(args), device_row, &v, 0};
	return sp__walk_some(impl, &walk);
}

/* -- requests -------------------------------------------------------------------------------------------------- */

enum sp_err sp__sqlite_reqno_high(void *impl, const struct sp_id16 *device, uint64_t *out)
{
	const struct sp__arg args[] = {sp__id(device)};
	struct sp__walk walk = {SQL_REQUEST_HIGH_OF, args, SP_ARRAY_LEN(args), number_row, out, 0};
	return sp__walk_run(impl, &walk);
}

/* Columns: the highest number answered, then the answer (absent: NULLs). */
static enum sp_err request_row(struct sp__walk *walk, sqlite3_stmt *st)
{
	struct sp_store_op *out = walk->out;
	uint64_t high = sp__col_num(st, 0);
	if (out->stamp.reqno > high)
		return SP_ERR_NOT_FOUND;
	if (out->stamp.reqno + SP_STORE_WINDOW <= high)
		return SP_ERR_STALE_REQNO;
	if (sp__col_num(st, 1) != out->stamp.reqno)
		return SP_ERR_NOT_FOUND;
	if (!sp_bytes_equal(sp__col_bytes(st, 2), sp_hash32_bytes(&out->stamp.hash)))
		return SP_ERR_STALE_REQNO;
	out->replayed = true;
	out->seq = sp__col_num(st, 3);
	out->time.ms = sqlite3_column_int64(st, 4);
	return sp_buf_append(&out->taken, sp__col_bytes(st, 5));
}

enum sp_err sp__sqlite_reqno_find(void *impl, const struct sp_store_stamp *stamp, struct sp_store_op *out)
{
	const struct sp__arg args[] = {sp__id(&stamp->device), sp__num(stamp->reqno)};
	struct sp__walk walk = {SQL_REQUEST_FIND, args, SP_ARRAY_LEN(args), request_row, out, 0};
	return sp__walk_some(impl, &walk);
}

/* -- key packages ---------------------------------------------------------------------------------------------- */

static enum sp_err stock_row(struct sp__walk *walk, sqlite3_stmt *st)
{
	struct sp_store_stock *out = walk->out;
	out->count = (uint32_t)sqlite3_column_int64(st, 0);
	out->last_resort = sqlite3_column_int64(st, 1) != 0;
	return SP_OK;
}

enum sp_err sp__sqlite_stock(void *impl, const struct sp_id16 *device, struct sp_time now, struct sp_store_stock *out)
{
	const struct sp__arg args[] = {sp__int(now.ms), sp__id(device)};
	struct sp__walk walk = {SQL_KP_STOCK, args, SP_ARRAY_LEN(args), stock_row, out, 0};
	return sp__walk_some(impl, &walk);
}
