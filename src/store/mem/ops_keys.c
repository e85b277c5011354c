/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations on key packages, in memory.
 */
#include "store/mem/mem_priv.h"

static void stock_remove(struct sp__mem_device *device, size_t at)
{
	sp__mem_blob_clear(&device->stock[at].body);
	device->stock_count--;
	memmove(&device->stock[at], &device->stock[at + 1], (device->stock_count - at) * sizeof *device->stock);
}

static void expired_forget(struct sp__mem *m, struct sp__mem_device *device, struct sp_time now)
{
	for (size_t i = device->stock_count; i-- > 0;)
		if (device->stock[i].expires.ms <= now.ms) {
			sp__map_remove(&m->refs, sp_hash32_bytes(&device->stock[i].ref));
			stock_remove(device, i);
		}
	if (device->last_resort.body.n != 0 && device->last_resort.expires.ms <= now.ms) {
		sp__map_remove(&m->refs, sp_hash32_bytes(&device->last_resort.ref));
		sp__mem_blob_clear(&device->last_resort.body);
	}
}

uint32_t sp__mem_stock_count(const struct sp__mem_device *device, struct sp_time now)
{
	uint32_t n = 0;
	for (size_t i = 0; i < device->stock_count; i++)
		n += device->stock[i].expires.ms > now.ms;
	return n;
}

/* -- put ------------------------------------------------------------------------------------------------------- */

static bool ref_is_known(const struct sp__mem *m, const struct sp_hash32 *ref, struct sp_time now)
{
	const int64_t *expires = sp__map_find(&m->refs, sp_hash32_bytes(ref));
	return expires && *expires > now.ms; /* an expired one may go: it can be used by nobody */
}

static enum sp_err put_judge(const struct sp__mem *m, const struct sp__mem_device *device, const struct sp_store_op *op)
{
	const struct sp_store_key_package_put *put = &op->u.key_package_put;
	const struct sp_store_key_package *last = &put->last_resort;
	size_t fresh = device->stock_count;
	for (size_t i = 0; i < put->count; i++) {
		if (ref_is_known(m, &put->packages[i].ref, op->now))
			return SP_ERR_DUPLICATE;
		fresh += put->packages[i].expires.ms > op->now.ms;
	}
	bool is_same = device->last_resort.body.n != 0 && sp_hash32_equal(&device->last_resort.ref, &last->ref);
	if (last->body.n != 0 && !is_same && ref_is_known(m, &last->ref, op->now))
		return SP_ERR_DUPLICATE;
	return fresh > SP_STORE_KEY_PACKAGES_MAX ? SP_ERR_TOO_MANY : SP_OK;
}

static enum sp_err package_set(struct sp__mem *m, struct sp__mem_package *out, const struct sp_store_key_package *kp)
{
	void *expires;
	SP_TRY(sp__map_put(&m->refs, &expires, sp_hash32_bytes(&kp->ref)));
	*(int64_t *)expires = kp->expires.ms;
	SP_TRY(sp__mem_blob_set(&out->body, kp->body));
	out->ref = kp->ref;
	out->expires = kp->expires;
	return SP_OK;
}

static enum sp_err stock_add(struct sp__mem *m, struct sp__mem_device *device, const struct sp_store_key_package *kp)
{
	SP_TRY(sp_array_grow(&device->stock, &device->stock_cap, device->stock_count + 1, sizeof *device->stock, SP__MEM_MAX));
	device->stock[device->stock_count] = (struct sp__mem_package){0};
	SP_TRY(package_set(m, &device->stock[device->stock_count], kp));
	device->stock_count++;
	return SP_OK;
}

static enum sp_err last_resort_set(struct sp__mem *m, struct sp__mem_device *device, const struct sp_store_key_package *kp)
{
	if (kp->body.n == 0)
		return SP_OK;
	if (device->last_resort.body.n != 0)
		sp__map_remove(&m->refs, sp_hash32_bytes(&device->last_resort.ref));
	return package_set(m, &device->last_resort, kp);
}

enum sp_err sp__mem_op_key_package_put(struct sp__mem *m, struct sp_store_op *op)
{
	const struct sp_store_key_package_put *put = &op->u.key_package_put;
	struct sp__mem_device *device = sp__mem_device_find(m, &put->device);
	if (!device)
		return SP_ERR_NOT_FOUND;
	expired_forget(m, device, op->now);
	SP_TRY(put_judge(m, device, op));
	for (size_t i = 0; i < put->count; i++)
		SP_TRY(stock_add(m, device, &put->packages[i]));
	SP_TRY(last_resort_set(m, device, &put->last_resort));
	op->seq = sp__mem_stock_count(device, op->now);
	op->time = op->now;
	return SP_OK;
}

/* -- take ------------------------------------------------------------------------------------------------------ */

static struct sp__mem_package *package_choose(struct sp__mem_device *device)
{
	for (size_t i = 0; i < device->stock_count; i++)
		if (!device->stock[i].is_taken)
			return &device->stock[i];
	return device->last_resort.body.n != 0 ? &device->last_resort : NULL;
}

static enum sp_err device_take(struct sp__mem *m, struct sp_store_op *op, struct sp_store_taken *one)
{
	struct sp__mem_device *device = sp__mem_device_find(m, &one->device);
	if (op->stamp.reqno != 0 && sp_id16_equal(&one->device, &op->stamp.device))
		return SP_OK;
	expired_forget(m, device, op->now);
	struct sp__mem_package *package = package_choose(device);
	if (!package)
		return SP_OK;
	one->key_package = sp__mem_bytes(&package->body);
	package->is_taken = package != &device->last_resort;
	return sp__store_taken_append(&op->taken, one);
}

static enum sp_err account_take(struct sp__mem *m, struct sp_store_op *op, const struct sp_id16 *id)
{
	const struct sp__mem_account *account = sp__mem_account_find(m, id);
	struct sp_store_taken one = {.account = *id};
	for (size_t i = 0; account && i < account->device_count; i++) {
		one.device = account->devices[i];
		SP_TRY(device_take(m, op, &one));
	}
	return SP_OK;
}

/* The marks made while choosing become removals, or nothing. */
static void device_settle(struct sp__mem_device *device, bool is_done)
{
	for (size_t i = device->stock_count; i-- > 0;) {
		if (is_done && device->stock[i].is_taken)
			stock_remove(device, i);
		else
			device->stock[i].is_taken = false;
	}
}

static void accounts_settle(struct sp__mem *m, const struct sp_store_key_package_take *take, bool is_done)
{
	for (size_t i = 0; i < take->count; i++) {
		const struct sp__mem_account *account = sp__mem_account_find(m, &take->accounts[i]);
		for (size_t j = 0; account && j < account->device_count; j++)
			device_settle(sp__mem_device_find(m, &account->devices[j]), is_done);
	}
}

enum sp_err sp__mem_op_key_package_take(struct sp__mem *m, struct sp_store_op *op)
{
	const struct sp_store_key_package_take *take = &op->u.key_package_take;
	enum sp_err err = SP_OK;
	op->time = op->now;
	for (size_t i = 0; err == SP_OK && i < take->count; i++)
		err = account_take(m, op, &take->accounts[i]);
	accounts_settle(m, take, err == SP_OK);
	return err;
}

void sp__mem_packages_drop(struct sp__mem_device *device)
{
	while (device && device->stock_count > 0)
		stock_remove(device, device->stock_count - 1);
	if (device)
		sp__mem_blob_clear(&device->last_resort.body);
}

enum sp_err sp__mem_op_key_package_drop(struct sp__mem *m, struct sp_store_op *op)
{
	struct sp__mem_device *device = sp__mem_device_find(m, &op->u.key_package_drop.device);
	sp__mem_packages_drop(device);
	return device ? SP_OK : SP_ERR_NOT_FOUND;
}
