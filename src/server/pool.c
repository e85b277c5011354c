/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads for what may block or take long: reading the store, judging handshakes. Requests of one room run one at a time and in order of
 * arrival (DESIGN.md, "Handshakes are atomic"); a room is busy until its request's result stands.
 */
#include "server/core_priv.h"

#define THREADS_MAX 16u

struct room {
	struct sp__node node;
	struct sp_server_request *first, *last; /* waiting */
};

struct sp__pool {
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t wake;
	struct sp_server_request *req_first, *req_last;
	struct sp__job *job_first, *job_last;
	struct sp__table rooms; /* those with a request on its way */
	bool is_stopping;
	unsigned thread_n;
	pthread_t threads[THREADS_MAX];
};

static struct sp_server_request *pop_request(struct sp__pool *pool)
{
	struct sp_server_request *req = pool->req_first;

	if (req) {
		pool->req_first = req->next;
		req->next = NULL;
	}
	return req;
}

static struct sp__job *pop_job(struct sp__pool *pool)
{
	struct sp__job *job = pool->job_first;

	if (job) {
		pool->job_first = job->next;
		job->next = NULL;
	}
	return job;
}

static void push_request(struct sp__pool *pool, struct sp_server_request *req)
{
	req->next = NULL;
	if (pool->req_first)
		pool->req_last->next = req;
	else
		pool->req_first = req;
	pool->req_last = req;
	(void)pthread_cond_signal(&pool->wake);
}

static void *run_thread(void *arg)
{
	struct sp__pool *pool = arg;

	(void)pthread_mutex_lock(&pool->lock);
	for (;;) {
		struct sp__job *job = pop_job(pool);
		struct sp_server_request *req = job ? NULL : pop_request(pool);

		if (!job && !req && pool->is_stopping)
			break;
		if (!job && !req) {
			(void)pthread_cond_wait(&pool->wake, &pool->lock);
			continue;
		}
		(void)pthread_mutex_unlock(&pool->lock);
		if (job)
			job->run(job);
		else
			sp__request_run(req);
		(void)pthread_mutex_lock(&pool->lock);
	}
	(void)pthread_mutex_unlock(&pool->lock);
	return NULL;
}

enum sp_err sp__pool_new(struct sp__pool **out, unsigned threads)
{
	struct sp__pool *pool = sp_alloc(sizeof *pool);
	enum sp_err err = pool ? sp__table_init(&pool->rooms) : SP_ERR_NOMEM;

	*out = NULL;
	if (err != SP_OK) {
		sp_free(pool);
		return err;
	}
	(void)pthread_mutex_init(&pool->lock, NULL);
	(void)pthread_cond_init(&pool->wake, NULL);
	for (unsigned i = 0; i < SP_MIN(threads, THREADS_MAX); i++)
		if (pthread_create(&pool->threads[pool->thread_n], NULL, run_thread, pool) == 0)
			pool->thread_n++;
	*out = pool;
	if (pool->thread_n == 0)
		sp__pool_free(out);
	return *out ? SP_OK : SP_ERR_NOMEM;
}

void sp__pool_stop(struct sp__pool *p)
{
	(void)pthread_mutex_lock(&p->lock);
	p->is_stopping = true;
	(void)pthread_cond_broadcast(&p->wake);
	(void)pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->thread_n; i++)
		(void)pthread_join(p->threads[i], NULL);
	p->thread_n = 0;
}

static void drop_requests(struct sp_server_request *req)
{
	while (req) {
		struct sp_server_request *next = req->next;

		sp__request_free(req);
		req = next;
	}
}

void sp__pool_free(struct sp__pool **pool)
{
	struct sp__pool *p = *pool;
	struct sp__node *node;

	if (!p)
		return;
	sp__pool_stop(p);
	drop_requests(p->req_first);
	while ((node = sp__table_pop(&p->rooms))) {
		drop_requests(((struct room *)node)->first);
		sp_free(node);
	}
	sp__table_clear(&p->rooms);
	(void)pthread_cond_destroy(&p->wake);
	(void)pthread_mutex_destroy(&p->lock);
	sp_free(p);
	*pool = NULL;
}

void sp__pool_job(struct sp__pool *pool, struct sp__job *job)
{
	(void)pthread_mutex_lock(&pool->lock);
	job->next = NULL;
	if (pool->job_first)
		pool->job_last->next = job;
	else
		pool->job_first = job;
	pool->job_last = job;
	(void)pthread_cond_signal(&pool->wake);
	(void)pthread_mutex_unlock(&pool->lock);
}

void sp__pool_request(struct sp__pool *pool, struct sp_server_request *req)
{
	(void)pthread_mutex_lock(&pool->lock);
	push_request(pool, req);
	(void)pthread_mutex_unlock(&pool->lock);
}

/* -- rooms ---------------------------------------------------------------------------------------------------------- */

static void wait_in(struct room *room, struct sp_server_request *req)
{
	req->next = NULL;
	if (room->first)
		room->last->next = req;
	else
		room->first = req;
	room->last = req;
}

static enum sp_err enter_room(struct sp__pool *pool, struct sp_server_request *req, const struct sp_id16 *id)
{
	struct room *room = (struct room *)sp__table_find(&pool->rooms, 0, id);

	if (room) {
		wait_in(room, req);
		return SP_OK;
	}
	room = sp_alloc(sizeof *room);
	if (!room)
		return SP_ERR_NOMEM;
	room->node.id = *id;
	sp__table_add(&pool->rooms, &room->node);
	push_request(pool, req);
	return SP_OK;
}

void sp__pool_room_request(struct sp__pool *pool, struct sp_server_request *req)
{
	struct sp_id16 id;
	enum sp_err err;

	req->handler->room(req, &id);
	req->has_room = true;
	(void)pthread_mutex_lock(&pool->lock);
	err = enter_room(pool, req, &id);
	(void)pthread_mutex_unlock(&pool->lock);
	if (err == SP_OK)
		return; /* not ours any more */
	req->has_room = false;
	req->err = err;
	sp__request_finish(req);
}

void sp__pool_room_release(struct sp__pool *pool, const struct sp_id16 *id)
{
	struct room *room;

	(void)pthread_mutex_lock(&pool->lock);
	room = (struct room *)sp__table_find(&pool->rooms, 0, id);
	if (room && room->first) {
		struct sp_server_request *next = room->first;

		room->first = next->next;
		push_request(pool, next);
	} else if (room) {
		sp__table_remove(&pool->rooms, &room->node);
		sp_free(room);
	}
	(void)pthread_mutex_unlock(&pool->lock);
}
