/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations on key packages: each ordinary one is handed out once, ever.
 */
#include "store/sqlite/sqlite_priv.h"

enum { IN_STOCK = 0, LAST_RESORT = 1 };

/* A last-resort package may be put again over itself: clients do so when they are not sure that it arrived. */
static enum sp_err ref_check(struct sp__writer *w, const struct sp_hash32 *ref, int64_t device, bool is_last_resort)
{
	sqlite3_stmt *st;
	enum sp_err err = sp__db_first(&w->db, &st, SQL_KP_REF, SP__ARGS(sp__hash(ref)));
	if (err != SP_OK)
		return err == SP_ERR_NOT_FOUND ? SP_OK : err;
	bool is_same = is_last_resort && sqlite3_column_int64(st, 0) == device && sqlite3_column_int64(st, 1) == LAST_RESORT;
	sp__db_end(st);
	return is_same ? SP_OK : SP_ERR_DUPLICATE;
}

static enum sp_err package_put(struct sp__writer *w, int64_t device, int state, const struct sp_store_key_package *kp)
{
	SP_TRY(ref_check(w, &kp->ref, device, state == LAST_RESORT));
	if (state == LAST_RESORT)
		SP_TRY(sp__db_run(&w->db, SQL_KP_DROP_LAST, SP__ARGS(sp__int(device))));
	return sp__db_run(&w->db, SQL_KP_INSERT,
			  SP__ARGS(sp__int(device), sp__int(state), sp__hash(&kp->ref), sp__int(kp->expires.ms), sp__blob(kp->body)));
}

enum sp_err sp__op_key_package_put(struct sp__writer *w, struct sp_store_op *op)
{
	const struct sp_store_key_package_put *put = &op->u.key_package_put;
	int64_t device, stock;
	SP_TRY(sp__db_number(&w->db, &device, SQL_DEVICE_NO, SP__ARGS(sp__id(&put->device))));
	SP_TRY(sp__db_run(&w->db, SQL_KP_FORGET, SP__ARGS(sp__int(device), sp__int(op->now.ms))));
	for (size_t i = 0; i < put->count; i++)
		SP_TRY(package_put(w, device, IN_STOCK, &put->packages[i]));
	if (put->last_resort.body.n != 0)
		SP_TRY(package_put(w, device, LAST_RESORT, &put->last_resort));
	SP_TRY(sp__db_number(&w->db, &stock, SQL_KP_COUNT, SP__ARGS(sp__int(device), sp__int(op->now.ms))));
	op->seq = (uint64_t)stock;
	op->time = op->now;
	return op->seq > SP_STORE_KEY_PACKAGES_MAX ? SP_ERR_TOO_MANY : SP_OK;
}

/* SP_ERR_NOT_FOUND when the device has none in that state. */
static enum sp_err package_take(struct sp__writer *w, struct sp_store_op *op, struct sp_store_taken *one, int64_t device, int state)
{
	sqlite3_stmt *st;
	SP_TRY(sp__db_first(&w->db, &st, SQL_KP_OLDEST, SP__ARGS(sp__int(device), sp__int(state), sp__int(op->now.ms))));
	int64_t no = sqlite3_column_int64(st, 0);
	one->key_package = sp__col_bytes(st, 1);
	enum sp_err err = sp__store_taken_append(&op->taken, one);
	sp__db_end(st);
	if (err != SP_OK || state == LAST_RESORT)
		return err;
	return sp__db_run(&w->db, SQL_KP_SPEND, SP__ARGS(sp__int(no)));
}

static enum sp_err device_take(struct sp__writer *w, struct sp_store_op *op, struct sp_store_taken *one, int64_t device)
{
	if (op->stamp.reqno != 0 && sp_id16_equal(&one->device, &op->stamp.device))
		return SP_OK;
	SP_TRY(sp__db_run(&w->db, SQL_KP_FORGET, SP__ARGS(sp__int(device), sp__int(op->now.ms))));
	enum sp_err err = package_take(w, op, one, device, IN_STOCK);
	if (err == SP_ERR_NOT_FOUND)
		err = package_take(w, op, one, device, LAST_RESORT);
	return err == SP_ERR_NOT_FOUND ? SP_OK : err;
}

static enum sp_err devices_take(struct sp__writer *w, struct sp_store_op *op, struct sp_store_taken *one, sqlite3_stmt *st)
{
	for (;;) {
		enum sp_err err = sp__db_next(st);
		if (err != SP_OK)
			return err == SP_ERR_NOT_FOUND ? SP_OK : err;
		SP_TRY(sp__col_fixed(st, 1, one->device.b, 16));
		SP_TRY(device_take(w, op, one, sqlite3_column_int64(st, 0)));
	}
}

static enum sp_err account_take(struct sp__writer *w, struct sp_store_op *op, const struct sp_id16 *id)
{
	struct sp_store_taken one = {.account = *id};
	int64_t account;
	sqlite3_stmt *st;
	enum sp_err err = sp__writer_account(w, &account, id);
	if (err != SP_OK)
		return err == SP_ERR_NOT_FOUND ? SP_OK : err;
	SP_TRY(sp__db_query(&w->db, &st, SQL_DEVICE_OF_ACCOUNT, SP__ARGS(sp__int(account))));
	err = devices_take(w, op, &one, st);
	sp__db_end(st);
	return err;
}

enum sp_err sp__op_key_package_take(struct sp__writer *w, struct sp_store_op *op)
{
	const struct sp_store_key_package_take *take = &op->u.key_package_take;
	op->time = op->now;
	for (size_t i = 0; i < take->count; i++)
		SP_TRY(account_take(w, op, &take->accounts[i]));
	return SP_OK;
}

enum sp_err sp__op_key_package_drop(struct sp__writer *w, struct sp_store_op *op)
{
	int64_t device;
	SP_TRY(sp__db_number(&w->db, &device, SQL_DEVICE_NO, SP__ARGS(sp__id(&op->u.key_package_drop.device))));
	return sp__db_run(&w->db, SQL_KP_DROP, SP__ARGS(sp__int(device)));
}
