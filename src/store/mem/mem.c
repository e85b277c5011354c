/* SPDX-License-Identifier: Apache-2.0
 *
 * The memory backend: opening, closing, the batch, and its row in the table of backends.
 */
#include "store/mem/mem_priv.h"

enum sp_err sp__mem_blob_set(struct sp__mem_blob *blob, struct sp_bytes in)
{
	uint8_t *p;
	SP_TRY(sp_bytes_dup(&p, in));
	sp_free(blob->p);
	*blob = (struct sp__mem_blob){p, in.n};
	return SP_OK;
}

void sp__mem_blob_clear(struct sp__mem_blob *blob)
{
	sp_free(blob->p);
	*blob = (struct sp__mem_blob){0};
}

/* -- opening and closing --------------------------------------------------------------------------------------- */

static enum sp_err maps_init(struct sp__mem *m)
{
	SP_TRY(sp__map_init(&m->logs, sizeof(struct sp__mem_log)));
	SP_TRY(sp__map_init(&m->accounts, sizeof(struct sp__mem_account)));
	SP_TRY(sp__map_init(&m->devices, sizeof(struct sp__mem_device)));
	SP_TRY(sp__map_init(&m->refs, sizeof(int64_t)));
	return sp__map_init(&m->cursors, sizeof(uint64_t));
}

static enum sp_err mem_open(void **out, const char *path)
{
	*out = NULL;
	struct sp__mem *m = sp_alloc(sizeof *m);
	if (!m)
		return SP_ERR_NOMEM;
	enum sp_err err = maps_init(m);
	if (err != SP_OK) {
		sp_free(m);
		return err;
	}
	pthread_rwlock_init(&m->lock, NULL);
	*out = m;
	return SP_OK;
}

static void mem_close(void *impl)
{
	struct sp__mem *m = impl;
	struct sp_bytes key;
	struct sp__map_cursor logs = {0}, accounts = {0}, devices = {0};
	for (void *log; (log = sp__map_next(&m->logs, &logs, &key)) != NULL;)
		sp__mem_log_clear(log);
	for (void *account; (account = sp__map_next(&m->accounts, &accounts, &key)) != NULL;)
		sp__mem_account_clear(account);
	for (void *device; (device = sp__map_next(&m->devices, &devices, &key)) != NULL;)
		sp__mem_device_clear(device);
	sp__map_clear(&m->logs);
	sp__map_clear(&m->accounts);
	sp__map_clear(&m->devices);
	sp__map_clear(&m->refs);
	sp__map_clear(&m->cursors);
	pthread_rwlock_destroy(&m->lock);
	sp_free(m);
}

/* -- the batch ------------------------------------------------------------------------------------------------- */

static sp__mem_verb_fn *const verbs[] = {
#define X(name, member) [SP_STORE_##name] = sp__mem_op_##member,
	SP_STORE_VERB_MAP(X)
#undef X
};

static enum sp_err op_run(struct sp__mem *m, struct sp_store_op *op)
{
	if (op->stamp.reqno == 0)
		return verbs[op->verb](m, op);
	struct sp__mem_device *device = sp__mem_device_find(m, &op->stamp.device);
	if (!device)
		return SP_ERR_NOT_FOUND;
	SP_TRY(sp__mem_stamp_judge(device, op));
	if (op->replayed)
		return SP_OK;
	SP_TRY(verbs[op->verb](m, op));
	return sp__mem_stamp_keep(device, op);
}

static enum sp_err ops_run(struct sp__mem *m, struct sp_store_op *const *ops, size_t n)
{
	if (m->is_dead)
		return SP_ERR_IO;
	for (size_t i = 0; i < n; i++) {
		if (ops[i]->err == SP_OK)
			ops[i]->err = op_run(m, ops[i]);
		if (ops[i]->err == SP_OK)
			m->stats.ops++;
		else if (sp__store_own_is(ops[i]->err))
			m->stats.failed++;
		else {
			m->is_dead = true;
			return ops[i]->err;
		}
	}
	m->stats.commits++;
	return SP_OK;
}

static enum sp_err mem_apply(void *impl, struct sp_store_op *const *ops, size_t n)
{
	struct sp__mem *m = impl;
	pthread_rwlock_wrlock(&m->lock);
	enum sp_err err = ops_run(m, ops, n);
	pthread_rwlock_unlock(&m->lock);
	return err;
}

static void mem_stats(void *impl, struct sp_store_stats *out)
{
	struct sp__mem *m = impl;
	pthread_rwlock_rdlock(&m->lock);
	*out = m->stats;
	pthread_rwlock_unlock(&m->lock);
}

const struct sp_store_backend sp__store_mem = {
	.scheme = "mem",
	.open = mem_open,
	.close = mem_close,
	.apply = mem_apply,
	.read = sp__mem_read,
	.log_get = sp__mem_log_get,
	.room_get = sp__mem_room_get,
	.room_each = sp__mem_room_each,
	.room_rows = sp__mem_room_rows,
	.roster_each = sp__mem_roster_each,
	.roster_find = sp__mem_roster_find,
	.roster_shared = sp__mem_roster_shared,
	.tree_get = sp__mem_tree_get,
	.cursor_get = sp__mem_cursor_get,
	.account_get = sp__mem_account_get,
	.account_find = sp__mem_account_address,
	.account_since = sp__mem_account_since,
	.directory_version = sp__mem_directory_version,
	.device_list_each = sp__mem_device_list_each,
	.device_each = sp__mem_device_each,
	.device_get = sp__mem_device_get,
	.reqno_high = sp__mem_reqno_high,
	.reqno_find = sp__mem_reqno_find,
	.stock = sp__mem_stock,
	.check = sp__mem_check,
	.stats = mem_stats,
};
