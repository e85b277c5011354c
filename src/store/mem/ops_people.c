/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations on accounts, devices and device lists, in memory.
 */
#include "store/mem/mem_priv.h"

void sp__mem_account_clear(struct sp__mem_account *account)
{
	sp__mem_blob_clear(&account->address);
	for (size_t i = 0; i < account->list_count; i++)
		sp__mem_blob_clear(&account->lists[i]);
	sp_free(account->lists);
	sp_free(account->devices);
}

void sp__mem_device_clear(struct sp__mem_device *device)
{
	sp__mem_blob_clear(&device->cert);
	for (size_t i = 0; i < device->stock_count; i++)
		sp__mem_blob_clear(&device->stock[i].body);
	sp__mem_blob_clear(&device->last_resort.body);
	for (size_t i = 0; i < SP_STORE_WINDOW; i++)
		sp__mem_blob_clear(&device->window[i].taken);
	sp_free(device->stock);
}

static void directory_touch(struct sp__mem *m, struct sp_store_op *op, struct sp__mem_account *account)
{
	account->changed = op->seq = ++m->directory_version;
	op->time = op->now;
}

enum sp_err sp__mem_op_account_put(struct sp__mem *m, struct sp_store_op *op)
{
	const struct sp_store_account *a = &op->u.account_put.account;
	struct sp__map_cursor cursor = {0};
	struct sp_bytes id;
	for (struct sp__mem_account *other; (other = sp__map_next(&m->accounts, &cursor, &id)) != NULL;)
		if (sp_bytes_equal(sp__mem_bytes(&other->address), a->address) && !sp_bytes_equal(id, sp_id16_bytes(&a->id)))
			return SP_ERR_EXISTS;
	struct sp__mem_log_key inbox = sp__mem_log_key(&(struct sp_store_log){SP_STORE_LOG_INBOX, a->id});
	void *account, *log;
	SP_TRY(sp__map_put(&m->logs, &log, SP_BYTES_OF(inbox.b)));
	SP_TRY(sp__map_put(&m->accounts, &account, sp_id16_bytes(&a->id)));
	struct sp__mem_account *made = account;
	SP_TRY(sp__mem_blob_set(&made->address, a->address));
	made->flags = a->flags;
	directory_touch(m, op, made);
	return SP_OK;
}

static enum sp_err device_make(struct sp__mem *m, struct sp__mem_account *account, const struct sp_store_device *d)
{
	void *made;
	SP_TRY(sp_array_grow(&account->devices, &account->device_cap, account->device_count + 1, sizeof *account->devices, SP__MEM_MAX));
	SP_TRY(sp__map_put(&m->devices, &made, sp_id16_bytes(&d->id)));
	((struct sp__mem_device *)made)->account = d->account;
	account->devices[account->device_count++] = d->id;
	return SP_OK;
}

enum sp_err sp__mem_op_device_put(struct sp__mem *m, struct sp_store_op *op)
{
	const struct sp_store_device *d = &op->u.device_put.device;
	struct sp__mem_account *account = sp__mem_account_find(m, &d->account);
	struct sp__mem_device *device = sp__mem_device_find(m, &d->id);
	if (!account)
		return SP_ERR_NOT_FOUND;
	if (device && !sp_id16_equal(&device->account, &d->account))
		return SP_ERR_EXISTS;
	if (!device)
		SP_TRY(device_make(m, account, d));
	device = sp__mem_device_find(m, &d->id);
	SP_TRY(sp__mem_blob_set(&device->cert, d->cert));
	device->spki = d->spki;
	directory_touch(m, op, account);
	return SP_OK;
}

enum sp_err sp__mem_op_device_list_put(struct sp__mem *m, struct sp_store_op *op)
{
	const struct sp_store_device_list_put *l = &op->u.device_list_put;
	struct sp__mem_account *account = sp__mem_account_find(m, &l->account);
	if (!account)
		return SP_ERR_NOT_FOUND;
	if (l->version <= account->list_count)
		return SP_ERR_EXISTS;
	if (l->version != account->list_count + 1)
		return SP_ERR_STATE;
	SP_TRY(sp_array_grow(&account->lists, &account->list_cap, account->list_count + 1, sizeof *account->lists, SP__MEM_MAX));
	account->lists[account->list_count] = (struct sp__mem_blob){0};
	SP_TRY(sp__mem_blob_set(&account->lists[account->list_count], l->body));
	account->list_count++;
	for (size_t i = 0; i < l->gone_count; i++)
		sp__mem_packages_drop(sp__mem_device_find(m, &l->gone[i]));
	directory_touch(m, op, account);
	return SP_OK;
}
