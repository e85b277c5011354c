/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading accounts, devices, device lists, request windows and stocks of key packages, in memory.
 */
#include "store/mem/mem_priv.h"

/* -- accounts -------------------------------------------------------------------------------------------------- */

static struct sp_store_account account_view(struct sp_bytes id, const struct sp__mem_account *a)
{
	struct sp_store_account view = {
		.address = sp__mem_bytes(&a->address),
		.flags = a->flags,
		.changed = a->changed,
		.list_version = (uint32_t)a->list_count,
	};
	sp_copy(view.id.b, id.p, 16);
	return view;
}

enum sp_err sp__mem_account_get(void *impl, const struct sp_id16 *id, sp_store_account_fn *fn, void *ctx)
{
	struct sp__mem *m = impl;
	enum sp_err err = SP_ERR_NOT_FOUND;
	pthread_rwlock_rdlock(&m->lock);
	const struct sp__mem_account *found = sp__mem_account_find(m, id);
	if (found) {
		struct sp_store_account view = account_view(sp_id16_bytes(id), found);
		err = fn(ctx, &view);
	}
	pthread_rwlock_unlock(&m->lock);
	return err;
}

enum sp_err sp__mem_account_address(void *impl, struct sp_bytes address, struct sp_id16 *out)
{
	struct sp__mem *m = impl;
	struct sp__map_cursor cursor = {0};
	struct sp_bytes id;
	enum sp_err err = SP_ERR_NOT_FOUND;
	pthread_rwlock_rdlock(&m->lock);
	for (const struct sp__mem_account *a; err != SP_OK && (a = sp__map_next(&m->accounts, &cursor, &id)) != NULL;)
		if (sp_bytes_equal(sp__mem_bytes(&a->address), address)) {
			sp_copy(out->b, id.p, 16);
			err = SP_OK;
		}
	pthread_rwlock_unlock(&m->lock);
	return err;
}

/* The account whose change comes next after `since`. */
static const struct sp__mem_account *account_after(const struct sp__mem *m, uint64_t since, struct sp_bytes *out_id)
{
	const struct sp__mem_account *best = NULL;
	struct sp__map_cursor cursor = {0};
	struct sp_bytes id;
	for (const struct sp__mem_account *a; (a = sp__map_next(&m->accounts, &cursor, &id)) != NULL;)
		if (a->changed > since && (!best || a->changed < best->changed)) {
			best = a;
			*out_id = id;
		}
	return best;
}

static enum sp_err accounts_visit(const struct sp__mem *m, uint64_t since, size_t max, sp_store_account_fn *fn, void *ctx)
{
	struct sp_bytes id;
	for (size_t i = 0; i < max; i++) {
		const struct sp__mem_account *a = account_after(m, since, &id);
		if (!a)
			return SP_OK;
		struct sp_store_account view = account_view(id, a);
		since = view.changed;
		SP_TRY(fn(ctx, &view));
	}
	return SP_OK;
}

enum sp_err sp__mem_account_since(void *impl, uint64_t since, size_t max, sp_store_account_fn *fn, void *ctx)
{
	struct sp__mem *m = impl;
	pthread_rwlock_rdlock(&m->lock);
	enum sp_err err = accounts_visit(m, since, max, fn, ctx);
	pthread_rwlock_unlock(&m->lock);
	return err;
}

enum sp_err sp__mem_directory_version(void *impl, uint64_t *out)
{
	struct sp__mem *m = impl;
	pthread_rwlock_rdlock(&m->lock);
	*out = m->directory_version;
	pthread_rwlock_unlock(&m->lock);
	return SP_OK;
}

/* -- devices --------------------------------------------------------------------------------------------------- */

static enum sp_err lists_visit(const struct sp__mem_account *a, uint32_t from, sp_store_list_fn *fn, void *ctx)
{
	for (size_t version = SP_MAX(from, 1u); a && version <= a->list_count; version++)
		SP_TRY(fn(ctx, (uint32_t)version, sp__mem_bytes(&a->lists[version - 1])));
	return SP_OK;
}

enum sp_err sp__mem_device_list_each(void *impl, const struct sp_id16 *account, uint32_t from, sp_store_list_fn *fn, void *ctx)
{
	struct sp__mem *m = impl;
	pthread_rwlock_rdlock(&m->lock);
	enum sp_err err = lists_visit(sp__mem_account_find(m, account), from, fn, ctx);
	pthread_rwlock_unlock(&m->lock);
	return err;
}

static enum sp_err device_visit(const struct sp__mem *m, const struct sp_id16 *id, sp_store_device_fn *fn, void *ctx)
{
	const struct sp__mem_device *device = sp__mem_device_find(m, id);
	if (!device)
		return SP_ERR_NOT_FOUND;
	struct sp_store_device view = {*id, device->account, device->spki, sp__mem_bytes(&device->cert)};
	return fn(ctx, &view);
}

static enum sp_err devices_visit(const struct sp__mem *m, const struct sp__mem_account *a, sp_store_device_fn *fn, void *ctx)
{
	for (size_t i = 0; a && i < a->device_count; i++)
		SP_TRY(device_visit(m, &a->devices[i], fn, ctx));
	return SP_OK;
}

enum sp_err sp__mem_device_each(void *impl, const struct sp_id16 *account, sp_store_device_fn *fn, void *ctx)
{
	struct sp__mem *m = impl;
	pthread_rwlock_rdlock(&m->lock);
	enum sp_err err = devices_visit(m, sp__mem_account_find(m, account), fn, ctx);
	pthread_rwlock_unlock(&m->lock);
	return err;
}

enum sp_err sp__mem_device_get(void *impl, const struct sp_id16 *id, sp_store_device_fn *fn, void *ctx)
{
	struct sp__mem *m = impl;
	pthread_rwlock_rdlock(&m->lock);
	enum sp_err err = device_visit(m, id, fn, ctx);
	pthread_rwlock_unlock(&m->lock);
	return err;
}

enum sp_err sp__mem_reqno_high(void *impl, const struct sp_id16 *device, uint64_t *out)
{
	struct sp__mem *m = impl;
	pthread_rwlock_rdlock(&m->lock);
	const struct sp__mem_device *found = sp__mem_device_find(m, device);
	*out = found ? found->high : 0;
	pthread_rwlock_unlock(&m->lock);
	return SP_OK;
}

static enum sp_err answer_find(const struct sp__mem_device *device, struct sp_store_op *out)
{
	if (!device)
		return SP_ERR_NOT_FOUND;
	SP_TRY(sp__mem_stamp_judge(device, out));
	return out->replayed ? SP_OK : SP_ERR_NOT_FOUND;
}

enum sp_err sp__mem_reqno_find(void *impl, const struct sp_store_stamp *stamp, struct sp_store_op *out)
{
	struct sp__mem *m = impl;
	pthread_rwlock_rdlock(&m->lock);
	enum sp_err err = answer_find(sp__mem_device_find(m, &stamp->device), out);
	pthread_rwlock_unlock(&m->lock);
	return err;
}

enum sp_err sp__mem_stock(void *impl, const struct sp_id16 *device, struct sp_time now, struct sp_store_stock *out)
{
	struct sp__mem *m = impl;
	pthread_rwlock_rdlock(&m->lock);
	const struct sp__mem_device *found = sp__mem_device_find(m, device);
	if (found) {
		out->count = sp__mem_stock_count(found, now);
		out->last_resort = found->last_resort.body.n != 0 && found->last_resort.expires.ms > now.ms;
	}
	pthread_rwlock_unlock(&m->lock);
	return found ? SP_OK : SP_ERR_NOT_FOUND;
}
