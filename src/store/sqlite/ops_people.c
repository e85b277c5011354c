/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations on accounts, devices and device lists. Each change gives the directory its next version.
 */
#include "store/sqlite/sqlite_priv.h"

static enum sp_err address_check(struct sp__writer *w, const struct sp_store_account *a)
{
	sqlite3_stmt *st;
	enum sp_err err = sp__db_first(&w->db, &st, SQL_ACCOUNT_FIND, SP__ARGS(sp__blob(a->address)));
	if (err != SP_OK)
		return err == SP_ERR_NOT_FOUND ? SP_OK : err;
	bool is_same = sp_bytes_equal(sp__col_bytes(st, 0), sp_id16_bytes(&a->id));
	sp__db_end(st);
	return is_same ? SP_OK : SP_ERR_EXISTS;
}

static enum sp_err inbox_ensure(struct sp__writer *w, const struct sp_id16 *account)
{
	int64_t no;
	enum sp_err err = sp__db_number(&w->db, &no, SQL_LOG_FIND, SP__ARGS(sp__int(SP_STORE_LOG_INBOX), sp__id(account)));
	if (err != SP_ERR_NOT_FOUND)
		return err;
	return sp__db_run(&w->db, SQL_LOG_INSERT, SP__ARGS(sp__int(SP_STORE_LOG_INBOX), sp__id(account)));
}

static enum sp_err directory_touch(struct sp__writer *w, struct sp_store_op *op, int64_t account)
{
	op->seq = ++w->directory_version;
	op->time = op->now;
	return sp__db_run(&w->db, SQL_ACCOUNT_TOUCH, SP__ARGS(sp__num(op->seq), sp__int(account)));
}

enum sp_err sp__op_account_put(struct sp__writer *w, struct sp_store_op *op)
{
	const struct sp_store_account *a = &op->u.account_put.account;
	SP_TRY(address_check(w, a));
	op->seq = ++w->directory_version;
	op->time = op->now;
	SP_TRY(sp__db_run(&w->db, SQL_ACCOUNT_PUT, SP__ARGS(sp__id(&a->id), sp__blob(a->address), sp__int(a->flags), sp__num(op->seq))));
	return inbox_ensure(w, &a->id);
}

static enum sp_err device_owner_check(struct sp__writer *w, const struct sp_id16 *device, int64_t account)
{
	sqlite3_stmt *st;
	enum sp_err err = sp__db_first(&w->db, &st, SQL_DEVICE_NO, SP__ARGS(sp__id(device)));
	if (err != SP_OK)
		return err == SP_ERR_NOT_FOUND ? SP_OK : err;
	bool is_same = sqlite3_column_int64(st, 1) == account;
	sp__db_end(st);
	return is_same ? SP_OK : SP_ERR_EXISTS;
}

enum sp_err sp__op_device_put(struct sp__writer *w, struct sp_store_op *op)
{
	const struct sp_store_device *d = &op->u.device_put.device;
	int64_t account;
	SP_TRY(sp__writer_account(w, &account, &d->account));
	SP_TRY(device_owner_check(w, &d->id, account));
	SP_TRY(sp__db_run(&w->db, SQL_DEVICE_PUT, SP__ARGS(sp__id(&d->id), sp__int(account), sp__hash(&d->spki), sp__blob(d->cert))));
	return directory_touch(w, op, account);
}

static enum sp_err packages_drop(struct sp__writer *w, const struct sp_id16 *devices, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int64_t device;
		enum sp_err err = sp__db_number(&w->db, &device, SQL_DEVICE_NO, SP__ARGS(sp__id(&devices[i])));
		if (err == SP_OK)
			err = sp__db_run(&w->db, SQL_KP_DROP, SP__ARGS(sp__int(device)));
		if (err != SP_OK && err != SP_ERR_NOT_FOUND)
			return err;
	}
	return SP_OK;
}

enum sp_err sp__op_device_list_put(struct sp__writer *w, struct sp_store_op *op)
{
	const struct sp_store_device_list_put *l = &op->u.device_list_put;
	int64_t account, last;
	SP_TRY(sp__writer_account(w, &account, &l->account));
	SP_TRY(sp__db_number(&w->db, &last, SQL_LIST_LAST, SP__ARGS(sp__int(account))));
	if (l->version <= last)
		return SP_ERR_EXISTS;
	if (l->version != last + 1)
		return SP_ERR_STATE;
	SP_TRY(sp__db_run(&w->db, SQL_LIST_INSERT, SP__ARGS(sp__int(account), sp__int(l->version), sp__blob(l->body))));
	SP_TRY(packages_drop(w, l->gone, l->gone_count));
	return directory_touch(w, op, account);
}
