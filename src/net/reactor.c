/* SPDX-License-Identifier: Apache-2.0
 *
 * A reactor: one loop, one thread, its connections. Tasks come in through one locked list and one wake-up; what a turn of the loop
 * queued for sending leaves in one write for each connection, just before the loop would block.
 */
#include "net/net_priv.h"

#define SLOT_BITS 20u
#define SLOT_MASK ((1u << SLOT_BITS) - 1)
#define GENERATION_MASK ((1u << 28) - 1)
#define TICK_MS 1000

/* -- slots and ids ------------------------------------------------------------------------------------------------------ */

static uint32_t slot_take(struct sp_net_reactor *r)
{
	uint32_t slot;

	if (r->free_first == 0) {
		if (sp_array_grow(&r->slots, &r->slot_cap, r->slot_n + 1, sizeof *r->slots, SLOT_MASK) != SP_OK)
			return 0;
		r->slots[r->slot_n].generation = 1;
		return (uint32_t)++r->slot_n;
	}
	slot = r->free_first;
	r->free_first = r->slots[slot - 1].next_free;
	if (r->free_first == 0)
		r->free_last = 0;
	return slot;
}

enum sp_err sp__reactor_adopt(struct sp_net_reactor *r, struct sp_net_conn *conn)
{
	uint32_t slot = slot_take(r);

	if (slot == 0)
		return SP_ERR_TOO_MANY;
	r->slots[slot - 1].conn = conn;
	r->slots[slot - 1].next_free = 0;
	conn->id = (uint64_t)r->index << 48 | (uint64_t)(slot - 1) << 28 | r->slots[slot - 1].generation;
	return SP_OK;
}

static void slot_give(struct sp_net_reactor *r, uint32_t index)
{
	struct sp__slot *slot = &r->slots[index];

	slot->conn = NULL;
	slot->generation = SP_MAX((slot->generation + 1) & GENERATION_MASK, 1u);
	slot->next_free = 0;
	if (r->free_last != 0)
		r->slots[r->free_last - 1].next_free = index + 1;
	else
		r->free_first = index + 1;
	r->free_last = index + 1;
}

struct sp_net_conn *sp_net_conn_find(struct sp_net_reactor *r, struct sp_net_conn_id id)
{
	size_t index = (id.v >> 28) & SLOT_MASK;

	if (id.v == 0 || sp_net_conn_id_reactor(id) != r->index || index >= r->slot_n)
		return NULL;
	if (r->slots[index].generation != (id.v & GENERATION_MASK) || !r->slots[index].conn)
		return NULL;
	return r->slots[index].conn->state == SP__CONN_OPEN ? r->slots[index].conn : NULL;
}

void sp_net_reactor_each(struct sp_net_reactor *r, void (*call)(void *ctx, struct sp_net_conn *conn), void *ctx)
{
	for (size_t i = 0; i < r->slot_n; i++)
		if (r->slots[i].conn && r->slots[i].conn->state == SP__CONN_OPEN)
			call(ctx, r->slots[i].conn);
}

unsigned sp_net_reactor_index(const struct sp_net_reactor *r)
{
	return r->index;
}

/* -- lists of a turn -------------------------------------------------------------------------------------------------------- */

static void on_again(uv_idle_t *handle)
{
	struct sp_net_reactor *r = handle->data;
	struct sp_net_conn *conn = r->more;

	r->more = NULL;
	(void)uv_idle_stop(&r->again);
	while (conn) {
		struct sp_net_conn *next = conn->next_more;

		conn->is_more = false;
		conn->next_more = NULL;
		if (conn->state == SP__CONN_OPEN)
			sp__conn_read(conn);
		conn = next;
	}
}

void sp__reactor_mark_more(struct sp_net_reactor *r, struct sp_net_conn *conn)
{
	if (conn->is_more)
		return;
	conn->is_more = true;
	conn->next_more = r->more;
	r->more = conn;
	(void)uv_idle_start(&r->again, on_again);
}

void sp__reactor_mark_dirty(struct sp_net_reactor *r, struct sp_net_conn *conn)
{
	if (conn->is_dirty)
		return;
	conn->is_dirty = true;
	conn->next_dirty = r->dirty;
	r->dirty = conn;
}

/* A connection's handle closes after this turn's lists were walked, but it may have been marked since: unlink it. */
void sp__reactor_forget(struct sp_net_reactor *r, struct sp_net_conn *conn)
{
	struct sp_net_conn **p;

	for (p = &r->dirty; conn->is_dirty && *p; p = &(*p)->next_dirty) {
		if (*p == conn) {
			*p = conn->next_dirty;
			break;
		}
	}
	for (p = &r->more; conn->is_more && *p; p = &(*p)->next_more) {
		if (*p == conn) {
			*p = conn->next_more;
			break;
		}
	}
	if (conn->id != 0)
		slot_give(r, (uint32_t)(conn->id >> 28) & SLOT_MASK);
}

static void on_turn(uv_prepare_t *handle)
{
	struct sp_net_reactor *r = handle->data;

	while (r->dirty) {
		struct sp_net_conn *conn = r->dirty;

		r->dirty = conn->next_dirty;
		conn->is_dirty = false;
		conn->next_dirty = NULL;
		sp__conn_flush(conn);
	}
}

/* -- tasks ---------------------------------------------------------------------------------------------------------------------- */

enum sp_err sp_net_task_post(struct sp_net_server *server, unsigned reactor, struct sp_net_task *task)
{
	struct sp_net_reactor *r;
	bool is_first, is_shut;

	SP_ASSERT(reactor < server->config.reactors);
	r = server->reactors[reactor];
	task->next = NULL;
	if (!r) /* not started yet */
		return SP_ERR_CLOSED;
	uv_mutex_lock(&r->lock);
	is_shut = r->is_shut;
	is_first = !r->task_first;
	if (!is_shut) {
		if (is_first)
			r->task_first = task;
		else
			r->task_last->next = task;
		r->task_last = task;
	}
	if (!is_shut && is_first) /* under the lock: the loop closes its handle under it too */
		(void)uv_async_send(&r->wake);
	uv_mutex_unlock(&r->lock);
	return is_shut ? SP_ERR_CLOSED : SP_OK;
}

static void run_tasks(struct sp_net_reactor *r)
{
	struct sp_net_task *task, *next;

	uv_mutex_lock(&r->lock);
	task = r->task_first;
	r->task_first = r->task_last = NULL;
	uv_mutex_unlock(&r->lock);
	for (; task; task = next) {
		next = task->next;
		task->run(task, r);
	}
}

static void on_wake(uv_async_t *handle)
{
	run_tasks(handle->data);
}

/* -- deadlines and the end -------------------------------------------------------------------------------------------------------- */

static size_t count_conns(const struct sp_net_reactor *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->slot_n; i++)
		n += r->slots[i].conn != NULL;
	return n;
}

static void cut_all(struct sp_net_reactor *r)
{
	for (size_t i = 0; i < r->slot_n; i++)
		if (r->slots[i].conn)
			sp__conn_cut(r->slots[i].conn, SP_ERR_TIMEOUT);
}

/* All connections have gone: takes the last tasks, then ends the loop by closing what keeps it alive. */
static void shut(struct sp_net_reactor *r)
{
	uv_mutex_lock(&r->lock);
	r->is_shut = true;
	uv_mutex_unlock(&r->lock);
	run_tasks(r);
	uv_close((uv_handle_t *)&r->wake, NULL);
	uv_close((uv_handle_t *)&r->turn, NULL);
	uv_close((uv_handle_t *)&r->again, NULL);
	uv_close((uv_handle_t *)&r->tick, NULL);
}

static void on_drain_tick(uv_timer_t *timer)
{
	struct sp_net_reactor *r = timer->data;

	if (count_conns(r) == 0)
		shut(r);
	else if (uv_now(&r->loop) >= r->drain_until)
		cut_all(r);
}

static void on_tick(uv_timer_t *timer)
{
	struct sp_net_reactor *r = timer->data;
	uint64_t now = uv_now(&r->loop);

	for (size_t i = 0; i < r->slot_n; i++)
		if (r->slots[i].conn)
			sp__conn_tick(r->slots[i].conn, now);
}

struct stop_task {
	struct sp_net_task task;
	unsigned drain_ms;
};

static void run_stop(struct sp_net_task *task, struct sp_net_reactor *r)
{
	struct stop_task *stop = (struct stop_task *)task;

	r->is_stopping = true;
	r->drain_until = uv_now(&r->loop) + stop->drain_ms;
	sp_free(stop);
	for (size_t i = 0; i < r->slot_n; i++)
		if (r->slots[i].conn)
			sp_net_conn_close(r->slots[i].conn, SP_OK);
	(void)uv_timer_start(&r->tick, on_drain_tick, 1, 10);
}

void sp__reactor_stop(struct sp_net_reactor *r, unsigned drain_ms)
{
	struct stop_task *stop = sp_alloc(sizeof *stop);

	SP_ASSERT(stop != NULL);
	stop->task.run = run_stop;
	stop->drain_ms = drain_ms;
	if (sp_net_task_post(r->server, r->index, &stop->task) != SP_OK)
		sp_free(stop);
}

/* -- life -------------------------------------------------------------------------------------------------------------------------- */

static void run_loop(void *arg)
{
	struct sp_net_reactor *r = arg;

	(void)uv_run(&r->loop, UV_RUN_DEFAULT);
}

static bool has_handles(struct sp_net_reactor *r)
{
	r->wake.data = r->turn.data = r->again.data = r->tick.data = r;
	return uv_async_init(&r->loop, &r->wake, on_wake) == 0 && uv_prepare_init(&r->loop, &r->turn) == 0 && uv_idle_init(&r->loop, &r->again) == 0 &&
	       uv_timer_init(&r->loop, &r->tick) == 0 && uv_prepare_start(&r->turn, on_turn) == 0 &&
	       uv_timer_start(&r->tick, on_tick, TICK_MS, TICK_MS) == 0;
}

/* Failing here ends the process that starts: what was made is left to its end. */
enum sp_err sp__reactor_start(struct sp_net_reactor *r, struct sp_net_server *server, unsigned index)
{
	r->server = server;
	r->index = index;
	if (uv_mutex_init(&r->lock) != 0 || uv_loop_init(&r->loop) != 0 || !has_handles(r))
		return SP_ERR_IO;
	return uv_thread_create(&r->thread, run_loop, r) == 0 ? SP_OK : SP_ERR_IO;
}

void sp__reactor_join(struct sp_net_reactor *r)
{
	(void)uv_thread_join(&r->thread);
	(void)uv_loop_close(&r->loop);
}

void sp__reactor_free(struct sp_net_reactor *r)
{
	if (!r)
		return;
	uv_mutex_destroy(&r->lock);
	for (size_t i = 0; i < r->spare_n; i++)
		sp_free(r->spares[i]);
	sp_free(r->slots);
	sp_free(r);
}
