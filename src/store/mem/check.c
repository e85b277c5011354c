/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether what is in memory keeps its promises. Gaps and orphans cannot be expressed here; what is left is told.
 */
#include "store/mem/mem_priv.h"

struct findings {
	sp_store_finding_fn *fn;
	void *ctx;
	size_t count;
};

static void finding(struct findings *f, const char *text)
{
	f->fn(f->ctx, text);
	f->count++;
}

static void log_check(struct findings *f, const struct sp__mem_log *log)
{
	uint64_t commits = 0;
	for (size_t i = 0; i < log->item_count; i++) {
		if (i > 0 && log->items[i].time.ms < log->items[i - 1].time.ms)
			finding(f, "an item's time is before its predecessor's");
		commits += log->items[i].kind == SP_STORE_KIND_COMMIT;
	}
	if (log->is_room && log->epoch != log->created_epoch + log->commits)
		finding(f, "a room's epoch is not that of its commits");
	if (log->is_room && log->trimmed == 0 && commits != log->commits)
		finding(f, "a room has another number of commits in the log than epochs");
}

static void device_check(struct findings *f, const struct sp__mem *m, const struct sp__mem_device *device)
{
	if (sp__mem_account_find(m, &device->account) == NULL)
		finding(f, "a device of no account");
	for (size_t i = 0; i < SP_STORE_WINDOW; i++)
		if (device->window[i].reqno != 0 && device->window[i].reqno % SP_STORE_WINDOW != i)
			finding(f, "an answer remembered at the wrong place");
}

enum sp_err sp__mem_check(void *impl, sp_store_finding_fn *fn, void *ctx)
{
	struct sp__mem *m = impl;
	struct findings f = {fn, ctx, 0};
	struct sp__map_cursor logs = {0}, devices = {0};
	struct sp_bytes key;
	pthread_rwlock_rdlock(&m->lock);
	for (const struct sp__mem_log *log; (log = sp__map_next(&m->logs, &logs, &key)) != NULL;)
		log_check(&f, log);
	for (const struct sp__mem_device *device; (device = sp__map_next(&m->devices, &devices, &key)) != NULL;)
		device_check(&f, m, device);
	pthread_rwlock_unlock(&m->lock);
	return f.count == 0 ? SP_OK : SP_ERR_CORRUPT;
}
