/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations on logs and rooms, in memory.
 */
#include "store/mem/mem_priv.h"

void sp__mem_log_clear(struct sp__mem_log *log)
{
	for (size_t i = 0; i < log->item_count; i++)
		sp__mem_blob_clear(&log->items[i].body);
	for (size_t i = 0; i < log->row_count; i++) {
		sp__mem_blob_clear(&log->rows[i].key);
		sp__mem_blob_clear(&log->rows[i].value);
	}
	for (size_t i = 0; i < log->tree_count; i++)
		sp__mem_blob_clear(&log->trees[i].body);
	sp__mem_blob_clear(&log->group_info);
	sp_free(log->items);
	sp_free(log->rows);
	sp_free(log->roster);
	sp_free(log->trees);
}

/* -- append ---------------------------------------------------------------------------------------------------- */

static enum sp_err item_append(struct sp__mem_log *log, uint8_t kind, struct sp_bytes body, struct sp_time now)
{
	SP_TRY(sp_array_grow(&log->items, &log->item_cap, log->item_count + 1, sizeof *log->items, SP__MEM_MAX));
	struct sp__mem_item *item = &log->items[log->item_count];
	*item = (struct sp__mem_item){.kind = kind, .time.ms = SP_MAX(now.ms, log->last_time.ms)};
	SP_TRY(sp__mem_blob_set(&item->body, body));
	log->last_time = item->time;
	log->item_count++;
	return SP_OK;
}

/* -- the public group's rows ----------------------------------------------------------------------------------- */

size_t sp__mem_row_at(const struct sp__mem_log *room, struct sp_bytes key, bool *out_found)
{
	size_t low = 0, high = room->row_count;
	*out_found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = sp_bytes_compare(sp__mem_bytes(&room->rows[middle].key), key);
		if (order == 0) {
			*out_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void row_delete(struct sp__mem_log *room, size_t at)
{
	sp__mem_blob_clear(&room->rows[at].key);
	sp__mem_blob_clear(&room->rows[at].value);
	room->row_count--;
	memmove(&room->rows[at], &room->rows[at + 1], (room->row_count - at) * sizeof *room->rows);
}

static enum sp_err row_insert(struct sp__mem_log *room, size_t at, const struct sp_store_row *row)
{
	struct sp__mem_row made = {0};
	SP_TRY(sp_array_grow(&room->rows, &room->row_cap, room->row_count + 1, sizeof *room->rows, SP__MEM_MAX));
	enum sp_err err = sp__mem_blob_set(&made.key, row->key);
	if (err == SP_OK)
		err = sp__mem_blob_set(&made.value, row->value);
	if (err != SP_OK) {
		sp__mem_blob_clear(&made.key);
		return err;
	}
	memmove(&room->rows[at + 1], &room->rows[at], (room->row_count - at) * sizeof *room->rows);
	room->rows[at] = made;
	room->row_count++;
	return SP_OK;
}

static enum sp_err row_put(struct sp__mem_log *room, const struct sp_store_row *row)
{
	bool found;
	size_t at = sp__mem_row_at(room, row->key, &found);
	if (found && !row->value.p)
		row_delete(room, at);
	else if (found)
		return sp__mem_blob_set(&room->rows[at].value, row->value);
	else if (row->value.p)
		return row_insert(room, at, row);
	return SP_OK;
}

static enum sp_err rows_put(struct sp__mem_log *room, const struct sp_store_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		SP_TRY(row_put(room, &rows[i]));
	return SP_OK;
}

enum sp_err sp__mem_op_append(struct sp__mem *m, struct sp_store_op *op)
{
	const struct sp_store_append *a = &op->u.append;
	struct sp__mem_log *log = sp__mem_log_find(m, &a->log);
	if (!log)
		return SP_ERR_NOT_FOUND;
	if (log->is_room)
		SP_TRY(sp__store_epoch_check(a->epoch, log->epoch));
	SP_TRY(item_append(log, a->kind, a->body, op->now));
	op->seq = sp__mem_last_seq(log);
	op->time = log->last_time;
	return log->is_room ? rows_put(log, a->rows, a->row_count) : SP_OK;
}

/* -- roster and trees ------------------------------------------------------------------------------------------ */

static enum sp_err accounts_check(const struct sp__mem *m, const struct sp_id16 *accounts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (sp__mem_account_find(m, &accounts[i]) == NULL)
			return SP_ERR_NOT_FOUND;
	return SP_OK;
}

size_t sp__mem_roster_at(const struct sp__mem_log *room, const struct sp_id16 *account)
{
	size_t i = 0;
	while (i < room->roster_count && !sp_id16_equal(&room->roster[i], account))
		i++;
	return i;
}

static void roster_leave(struct sp__mem_log *room, const struct sp_id16 *accounts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t at = sp__mem_roster_at(room, &accounts[i]);
		if (at < room->roster_count)
			room->roster[at] = room->roster[--room->roster_count];
	}
}

static enum sp_err roster_join(struct sp__mem_log *room, const struct sp_id16 *accounts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (sp__mem_roster_at(room, &accounts[i]) < room->roster_count)
			continue;
		SP_TRY(sp_array_grow(&room->roster, &room->roster_cap, room->roster_count + 1, sizeof *room->roster, SP__MEM_MAX));
		room->roster[room->roster_count++] = accounts[i];
	}
	return SP_OK;
}

static enum sp_err tree_put(struct sp__mem_log *room, struct sp_bytes tree, struct sp_time now)
{
	if (tree.n == 0)
		return SP_OK;
	SP_TRY(sp_array_grow(&room->trees, &room->tree_cap, room->tree_count + 1, sizeof *room->trees, SP__MEM_MAX));
	struct sp__mem_tree *kept = &room->trees[room->tree_count];
	*kept = (struct sp__mem_tree){.epoch = room->epoch, .time = now};
	SP_TRY(sp__mem_blob_set(&kept->body, tree));
	room->tree_count++;
	return SP_OK;
}

static void room_trees_trim(struct sp__mem_log *room, struct sp_time before)
{
	size_t kept = 0;
	for (size_t i = 0; i < room->tree_count; i++) {
		if (room->trees[i].time.ms < before.ms && i + 1 < room->tree_count)
			sp__mem_blob_clear(&room->trees[i].body);
		else
			room->trees[kept++] = room->trees[i];
	}
	room->tree_count = kept;
}

enum sp_err sp__mem_op_tree_trim(struct sp__mem *m, struct sp_store_op *op)
{
	struct sp__map_cursor cursor = {0};
	struct sp_bytes key;
	for (struct sp__mem_log *log; (log = sp__map_next(&m->logs, &cursor, &key)) != NULL;)
		room_trees_trim(log, op->u.tree_trim.before);
	return SP_OK;
}

/* -- handshakes ------------------------------------------------------------------------------------------------ */

static enum sp_err handshake_judge(const struct sp__mem *m, const struct sp__mem_log *room, const struct sp_store_handshake *h)
{
	SP_TRY(sp__store_epoch_check(h->epoch, room->epoch));
	SP_TRY(accounts_check(m, h->joined, h->joined_count));
	SP_TRY(accounts_check(m, h->left, h->left_count));
	for (size_t i = 0; i < h->inbox_count; i++)
		SP_TRY(accounts_check(m, &h->inbox[i].account, 1));
	return SP_OK;
}

static enum sp_err inboxes_append(struct sp__mem *m, const struct sp_store_op *op)
{
	const struct sp_store_handshake *h = &op->u.handshake;
	for (size_t i = 0; i < h->inbox_count; i++) {
		struct sp__mem_log *log = sp__mem_log_find(m, &(struct sp_store_log){SP_STORE_LOG_INBOX, h->inbox[i].account});
		sp__store_seq_write(&h->inbox[i], op->seq);
		SP_TRY(item_append(log, h->inbox[i].kind, h->inbox[i].body, op->now));
		if (h->inbox_seq)
			h->inbox_seq[i] = sp__mem_last_seq(log);
	}
	return SP_OK;
}

enum sp_err sp__mem_op_handshake(struct sp__mem *m, struct sp_store_op *op)
{
	const struct sp_store_handshake *h = &op->u.handshake;
	struct sp__mem_log *room = sp__mem_room_find(m, &h->room);
	if (!room)
		return SP_ERR_NOT_FOUND;
	SP_TRY(handshake_judge(m, room, h));
	SP_TRY(item_append(room, SP_STORE_KIND_COMMIT, h->commit, op->now));
	op->seq = sp__mem_last_seq(room);
	op->time = room->last_time;
	room->epoch++;
	room->commits++;
	SP_TRY(sp__mem_blob_set(&room->group_info, h->group_info));
	SP_TRY(rows_put(room, h->rows, h->row_count));
	roster_leave(room, h->left, h->left_count);
	SP_TRY(roster_join(room, h->joined, h->joined_count));
	SP_TRY(tree_put(room, h->tree, op->now));
	return inboxes_append(m, op);
}

enum sp_err sp__mem_op_room_create(struct sp__mem *m, struct sp_store_op *op)
{
	const struct sp_store_room_create *c = &op->u.room_create;
	if (sp__mem_room_find(m, &c->room) != NULL)
		return SP_ERR_EXISTS;
	SP_TRY(accounts_check(m, c->joined, c->joined_count));
	struct sp__mem_log_key key = sp__mem_log_key(&(struct sp_store_log){SP_STORE_LOG_ROOM, c->room});
	void *made;
	SP_TRY(sp__map_put(&m->logs, &made, SP_BYTES_OF(key.b)));
	struct sp__mem_log *room = made;
	room->is_room = true;
	room->epoch = room->created_epoch = c->epoch;
	op->time = op->now;
	SP_TRY(sp__mem_blob_set(&room->group_info, c->group_info));
	SP_TRY(rows_put(room, c->rows, c->row_count));
	SP_TRY(roster_join(room, c->joined, c->joined_count));
	return tree_put(room, c->tree, op->now);
}

/* -- cursors and retention ------------------------------------------------------------------------------------- */

struct sp__mem_cursor_key sp__mem_cursor_key(const struct sp_id16 *device, const struct sp_store_log *log)
{
	struct sp__mem_cursor_key key;
	sp_copy(key.b, device->b, 16);
	key.b[16] = (uint8_t)log->kind;
	sp_copy(key.b + 17, log->id.b, 16);
	return key;
}

enum sp_err sp__mem_op_cursor_set(struct sp__mem *m, struct sp_store_op *op)
{
	const struct sp_store_cursor_set *c = &op->u.cursor_set;
	const struct sp__mem_log *log = sp__mem_log_find(m, &c->log);
	if (!log || sp__mem_device_find(m, &c->device) == NULL)
		return SP_ERR_NOT_FOUND;
	struct sp__mem_cursor_key key = sp__mem_cursor_key(&c->device, &c->log);
	void *value;
	SP_TRY(sp__map_put(&m->cursors, &value, SP_BYTES_OF(key.b)));
	uint64_t *seq = value;
	op->seq = SP_MIN(c->seq, sp__mem_last_seq(log));
	*seq = SP_MAX(*seq, op->seq);
	return SP_OK;
}

enum sp_err sp__mem_op_log_trim(struct sp__mem *m, struct sp_store_op *op)
{
	const struct sp_store_log_trim *t = &op->u.log_trim;
	struct sp__mem_log *log = sp__mem_log_find(m, &t->log);
	if (!log)
		return SP_ERR_NOT_FOUND;
	if (t->before <= log->trimmed + 1)
		return SP_OK;
	size_t gone = (size_t)SP_MIN(t->before - 1 - log->trimmed, (uint64_t)log->item_count);
	for (size_t i = 0; i < gone; i++)
		sp__mem_blob_clear(&log->items[i].body);
	log->item_count -= gone;
	log->trimmed += gone;
	memmove(log->items, log->items + gone, log->item_count * sizeof *log->items);
	return SP_OK;
}
