/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading logs, rooms and cursors, in memory. Each worker runs under the lock that its public function takes.
 */
#include "store/mem/mem_priv.h"

/* -- items ----------------------------------------------------------------------------------------------------- */

static enum sp_err items_visit(const struct sp__mem_log *log, const struct sp_store_range *range, sp_store_item_fn *fn, void *ctx)
{
	uint64_t first = SP_MAX(range->from, log->trimmed + 1);
	size_t bytes = 0;
	for (size_t given = 0; given < range->max_items && first + given <= sp__mem_last_seq(log); given++) {
		const struct sp__mem_item *kept = &log->items[first + given - log->trimmed - 1];
		struct sp_store_item item = {first + given, kept->time, kept->kind, sp__mem_bytes(&kept->body)};
		if (given > 0 && item.body.n > range->max_bytes - SP_MIN(bytes, range->max_bytes))
			return SP_OK;
		bytes += item.body.n;
		SP_TRY(fn(ctx, &item));
	}
	return SP_OK;
}

enum sp_err sp__mem_read(void *impl, const struct sp_store_range *range, sp_store_item_fn *fn, void *ctx)
{
	struct sp__mem *m = impl;
	pthread_rwlock_rdlock(&m->lock);
	const struct sp__mem_log *log = sp__mem_log_find(m, &range->log);
	enum sp_err err = log ? items_visit(log, range, fn, ctx) : SP_ERR_NOT_FOUND;
	pthread_rwlock_unlock(&m->lock);
	return err;
}

enum sp_err sp__mem_log_get(void *impl, const struct sp_store_log *log, struct sp_store_log_info *out)
{
	struct sp__mem *m = impl;
	pthread_rwlock_rdlock(&m->lock);
	const struct sp__mem_log *found = sp__mem_log_find(m, log);
	if (found)
		*out = (struct sp_store_log_info){found->trimmed + 1, sp__mem_last_seq(found), found->last_time};
	pthread_rwlock_unlock(&m->lock);
	return found ? SP_OK : SP_ERR_NOT_FOUND;
}

/* -- rooms ----------------------------------------------------------------------------------------------------- */

enum sp_err sp__mem_room_get(void *impl, const struct sp_id16 *room, struct sp_store_room *out, struct sp_buf *group_info)
{
	struct sp__mem *m = impl;
	enum sp_err err = SP_ERR_NOT_FOUND;
	pthread_rwlock_rdlock(&m->lock);
	const struct sp__mem_log *found = sp__mem_room_find(m, room);
	if (found) {
		*out = (struct sp_store_room){*room, found->epoch, sp__mem_last_seq(found)};
		err = group_info ? sp_buf_append(group_info, sp__mem_bytes(&found->group_info)) : SP_OK;
	}
	pthread_rwlock_unlock(&m->lock);
	return err;
}

static bool room_is_wanted(const struct sp__mem_log *log, const struct sp_id16 *account)
{
	return log->is_room && (!account || sp__mem_roster_at(log, account) < log->roster_count);
}

static enum sp_err rooms_visit(const struct sp__mem *m, const struct sp_id16 *account, sp_store_room_fn *fn, void *ctx)
{
	struct sp__map_cursor cursor = {0};
	struct sp_bytes key;
	for (const struct sp__mem_log *log; (log = sp__map_next(&m->logs, &cursor, &key)) != NULL;) {
		if (!room_is_wanted(log, account))
			continue;
		struct sp_store_room room = {.epoch = log->epoch, .last_seq = sp__mem_last_seq(log)};
		sp_copy(room.id.b, key.p + 1, 16); /* behind the kind */
		SP_TRY(fn(ctx, &room));
	}
	return SP_OK;
}

enum sp_err sp__mem_room_each(void *impl, const struct sp_id16 *account, sp_store_room_fn *fn, void *ctx)
{
	struct sp__mem *m = impl;
	pthread_rwlock_rdlock(&m->lock);
	enum sp_err err = rooms_visit(m, account, fn, ctx);
	pthread_rwlock_unlock(&m->lock);
	return err;
}

static enum sp_err rows_visit(const struct sp__mem_log *room, sp_store_row_fn *fn, void *ctx)
{
	for (size_t i = 0; i < room->row_count; i++) {
		struct sp_store_row row = {sp__mem_bytes(&room->rows[i].key), sp__mem_bytes(&room->rows[i].value)};
		SP_TRY(fn(ctx, &row));
	}
	return SP_OK;
}

enum sp_err sp__mem_room_rows(void *impl, const struct sp_id16 *room, uint64_t *out_epoch, sp_store_row_fn *fn, void *ctx)
{
	struct sp__mem *m = impl;
	enum sp_err err = SP_ERR_NOT_FOUND;
	pthread_rwlock_rdlock(&m->lock);
	const struct sp__mem_log *found = sp__mem_room_find(m, room);
	if (found) {
		*out_epoch = found->epoch;
		err = rows_visit(found, fn, ctx);
	}
	pthread_rwlock_unlock(&m->lock);
	return err;
}

static enum sp_err tree_find(const struct sp__mem_log *room, uint64_t epoch, struct sp_buf *out)
{
	for (size_t i = 0; room && i < room->tree_count; i++)
		if (room->trees[i].epoch == epoch)
			return sp_buf_append(out, sp__mem_bytes(&room->trees[i].body));
	return SP_ERR_NOT_FOUND;
}

enum sp_err sp__mem_tree_get(void *impl, const struct sp_id16 *room, uint64_t epoch, struct sp_buf *out)
{
	struct sp__mem *m = impl;
	pthread_rwlock_rdlock(&m->lock);
	enum sp_err err = tree_find(sp__mem_room_find(m, room), epoch, out);
	pthread_rwlock_unlock(&m->lock);
	return err;
}

/* -- roster ---------------------------------------------------------------------------------------------------- */

static enum sp_err roster_visit(const struct sp__mem_log *room, sp_store_id_fn *fn, void *ctx)
{
	for (size_t i = 0; room && i < room->roster_count; i++)
		SP_TRY(fn(ctx, &room->roster[i]));
	return SP_OK;
}

enum sp_err sp__mem_roster_each(void *impl, const struct sp_id16 *room, sp_store_id_fn *fn, void *ctx)
{
	struct sp__mem *m = impl;
	pthread_rwlock_rdlock(&m->lock);
	enum sp_err err = roster_visit(sp__mem_room_find(m, room), fn, ctx);
	pthread_rwlock_unlock(&m->lock);
	return err;
}

enum sp_err sp__mem_roster_find(void *impl, const struct sp_id16 *room, const struct sp_id16 *account, bool *out)
{
	struct sp__mem *m = impl;
	pthread_rwlock_rdlock(&m->lock);
	const struct sp__mem_log *found = sp__mem_room_find(m, room);
	*out = found && sp__mem_roster_at(found, account) < found->roster_count;
	pthread_rwlock_unlock(&m->lock);
	return SP_OK;
}

enum sp_err sp__mem_roster_shared(void *impl, const struct sp_id16 *a, const struct sp_id16 *b, bool *out)
{
	struct sp__mem *m = impl;
	struct sp__map_cursor cursor = {0};
	struct sp_bytes key;
	pthread_rwlock_rdlock(&m->lock);
	for (const struct sp__mem_log *log; !*out && (log = sp__map_next(&m->logs, &cursor, &key)) != NULL;)
		*out = room_is_wanted(log, a) && room_is_wanted(log, b);
	pthread_rwlock_unlock(&m->lock);
	return SP_OK;
}

/* -- cursors --------------------------------------------------------------------------------------------------- */

enum sp_err sp__mem_cursor_get(void *impl, const struct sp_id16 *device, const struct sp_store_log *log, uint64_t *out)
{
	struct sp__mem *m = impl;
	struct sp__mem_cursor_key key = sp__mem_cursor_key(device, log);
	pthread_rwlock_rdlock(&m->lock);
	const uint64_t *seq = sp__map_find(&m->cursors, SP_BYTES_OF(key.b));
	*out = seq ? *seq : 0;
	pthread_rwlock_unlock(&m->lock);
	return SP_OK;
}
