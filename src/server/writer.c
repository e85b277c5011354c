/* SPDX-License-Identifier: Apache-2.0
 *
 * The writer: one thread that alone changes logs. It takes everything queued (no timer: batches grow with load), has the store make one
 * transaction and one sync of it, and only then lets answers and items go (DESIGN.md, "Durable before acknowledged").
 */
#include "server/core_priv.h"

#define BATCH_OPS 1024u
#define BATCH_BYTES (4u << 20)

struct sp__writer {
	struct sp_server *server;
	pthread_t thread;
	pthread_mutex_t lock; /* guards first, last, queued, is_stopping, stats */
	pthread_cond_t wake;
	struct sp_server_request *first, *last;
	uint64_t queued;
	bool is_stopping;
	struct sp__writer_stats stats;
	/* the writer thread's own */
	struct sp_server_request *batch[BATCH_OPS];
	struct sp_store_op *ops[BATCH_OPS];
	size_t n, bytes;
	struct sp__delivery *delivery; /* while completions run */
};

/* What one batch sends to one reactor. */
struct outcome {
	struct sp_net_task task;
	struct sp_server *server;
	struct sp_server_request *first, *last;
	struct sp__delivery *delivery;
};

/* -- taking a batch ---------------------------------------------------------------------------------------------------- */

static bool is_room_left(const struct sp__writer *w)
{
	return w->n == 0 || (w->n < BATCH_OPS && w->bytes + w->first->body.n <= BATCH_BYTES);
}

static void take_batch(struct sp__writer *w)
{
	w->n = w->bytes = 0;
	while (w->first && is_room_left(w)) {
		struct sp_server_request *req = w->first;

		w->first = req->next;
		req->next = NULL;
		w->bytes += req->body.n;
		w->batch[w->n] = req;
		w->ops[w->n++] = &req->op;
	}
	w->queued -= w->n;
}

/* Waits for work; false when told to stop and nothing is left. */
static bool has_batch(struct sp__writer *w)
{
	(void)pthread_mutex_lock(&w->lock);
	while (!w->first && !w->is_stopping)
		(void)pthread_cond_wait(&w->wake, &w->lock);
	take_batch(w);
	(void)pthread_mutex_unlock(&w->lock);
	return w->n > 0;
}

/* -- completing it -------------------------------------------------------------------------------------------------------- */

static void complete(struct sp_server_request *req)
{
	req->err = req->op.err;
	if (req->err == SP_OK && req->handler->done)
		req->err = req->handler->done(req);
	/* What is stored is stored: a failure to tell of it must not look like a refusal. The client asks again and gets the answer. */
	if (req->err != SP_OK && req->op.err == SP_OK)
		req->err = SP_ERR_BUSY;
}

static void outcome_run(struct sp_net_task *task, struct sp_net_reactor *reactor)
{
	struct outcome *o = (struct outcome *)task;

	while (o->first) {
		struct sp_server_request *req = o->first;

		o->first = req->next;
		sp__request_answer(req, reactor);
	}
	if (o->delivery)
		sp__delivery_run(o->delivery, &o->server->shards[sp_net_reactor_index(reactor)]);
	sp__delivery_unref(o->delivery);
	sp_free(o);
}

static void outcome_free(struct outcome *o)
{
	while (o->first) {
		struct sp_server_request *req = o->first;

		o->first = req->next;
		sp__request_free(req);
	}
	sp__delivery_unref(o->delivery);
	sp_free(o);
}

static void gather(struct sp__writer *w, struct outcome *o, unsigned reactor)
{
	for (size_t i = 0; i < w->n; i++) {
		struct sp_server_request *req = w->batch[i];

		if (!req || sp_net_conn_id_reactor(req->conn) != reactor)
			continue;
		w->batch[i] = NULL;
		if (o->first)
			o->last->next = req;
		else
			o->first = req;
		o->last = req;
	}
}

static void send_outcome(struct sp__writer *w, unsigned reactor, struct sp__delivery *delivery)
{
	struct sp_server *server = w->server;
	struct outcome *o = sp_alloc(sizeof *o);

	SP_ASSERT(o != NULL);
	*o = (struct outcome){.task.run = outcome_run, .server = server, .delivery = delivery};
	gather(w, o, reactor);
	if (!o->first && !delivery)
		sp_free(o);
	else if (sp_net_task_post(server->net, reactor, &o->task) != SP_OK)
		outcome_free(o);
}

static void release_rooms(struct sp__writer *w)
{
	for (size_t i = 0; i < w->n; i++) {
		struct sp_id16 room;

		if (!w->batch[i]->has_room)
			continue;
		w->batch[i]->handler->room(w->batch[i], &room);
		w->batch[i]->has_room = false;
		sp__pool_room_release(w->server->pool, &room);
	}
}

/* Without memory for a batch's delivery nothing could be told of it: the process ends as it does for a failed sync. */
static void finish_batch(struct sp__writer *w)
{
	unsigned reactors = w->server->reactors;
	struct sp__delivery *d = sp__delivery_new(reactors, w->n, w->bytes);

	SP_ASSERT(d != NULL);
	w->delivery = d;
	for (size_t i = 0; i < w->n; i++)
		complete(w->batch[i]);
	release_rooms(w);
	w->delivery = NULL;
	if (sp__delivery_is_empty(d)) {
		for (unsigned i = 0; i < reactors; i++)
			sp__delivery_unref(d);
		d = NULL;
	}
	for (unsigned i = 0; i < reactors; i++)
		send_outcome(w, i, d);
}

static void count_batch(struct sp__writer *w)
{
	(void)pthread_mutex_lock(&w->lock);
	w->stats.batches++;
	w->stats.largest = SP_MAX(w->stats.largest, (uint64_t)w->n);
	for (size_t i = 0; i < w->n; i++) {
		if (w->ops[i]->err == SP_OK)
			w->stats.operations++;
		else
			w->stats.refused++;
	}
	(void)pthread_mutex_unlock(&w->lock);
}

static void *run_thread(void *arg)
{
	struct sp__writer *w = arg;

	while (has_batch(w)) {
		enum sp_err err = sp_store_apply(w->server->store, w->ops, w->n);

		/* Outcome unknown: nobody may hear of this batch. After a restart the request numbers tell (notes: a failed sync is never retried). */
		if (err != SP_OK && err != SP_ERR_DISK_FULL) {
			sp__server_fatal(w->server, err);
			return NULL;
		}
		count_batch(w);
		finish_batch(w);
	}
	return NULL;
}

/* -- the others' side -------------------------------------------------------------------------------------------------------- */

void sp__writer_put(struct sp__writer *w, struct sp_server_request *req)
{
	bool is_first;

	req->next = NULL;
	(void)pthread_mutex_lock(&w->lock);
	is_first = !w->first;
	if (is_first)
		w->first = req;
	else
		w->last->next = req;
	w->last = req;
	w->queued++;
	if (is_first)
		(void)pthread_cond_signal(&w->wake);
	(void)pthread_mutex_unlock(&w->lock);
}

void sp__writer_stats(struct sp__writer *w, struct sp__writer_stats *out)
{
	(void)pthread_mutex_lock(&w->lock);
	*out = w->stats;
	out->queued = w->queued;
	(void)pthread_mutex_unlock(&w->lock);
}

enum sp_err sp__writer_new(struct sp__writer **out, struct sp_server *server)
{
	struct sp__writer *w = sp_alloc(sizeof *w);

	*out = NULL;
	if (!w)
		return SP_ERR_NOMEM;
	w->server = server;
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->wake, NULL);
	if (pthread_create(&w->thread, NULL, run_thread, w) != 0) {
		sp_free(w);
		return SP_ERR_NOMEM;
	}
	*out = w;
	return SP_OK;
}

void sp__writer_stop(struct sp__writer **writer)
{
	struct sp__writer *w = *writer;

	if (!w)
		return;
	(void)pthread_mutex_lock(&w->lock);
	w->is_stopping = true;
	(void)pthread_cond_signal(&w->wake);
	(void)pthread_mutex_unlock(&w->lock);
	(void)pthread_join(w->thread, NULL);
	while (w->first) {
		struct sp_server_request *req = w->first;

		w->first = req->next;
		sp__request_free(req);
	}
	(void)pthread_cond_destroy(&w->wake);
	(void)pthread_mutex_destroy(&w->lock);
	sp_free(w);
	*writer = NULL;
}

/* -- what handlers publish, on the writer's thread ------------------------------------------------------------------------------- */

enum sp_err sp_server_publish(struct sp_server *server, const struct sp_store_log *log, const struct sp_store_item *item)
{
	atomic_fetch_add_explicit(&server->counts.items_published, 1, memory_order_relaxed);
	return sp__delivery_add(server->writer->delivery, log, item);
}

enum sp_err sp_server_unsubscribe(struct sp_server *server, const struct sp_store_log *log, const struct sp_id16 *account)
{
	return sp__delivery_remove(server->writer->delivery, log, account);
}
