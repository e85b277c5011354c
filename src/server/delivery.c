/* SPDX-License-Identifier: Apache-2.0
 *
 * From the log to its readers. A subscription is a cursor: `next` is the seq its reader has not been sent. While it is live, a batch's items go out
 * as they come; when its reader is slow (no credit, a full socket) or a gap shows, it stops being live and is served from the store, from its cursor,
 * as fast as the reader takes it. The log is the queue: no item is kept in memory for anybody.
 *
 * Why no item is missed between the two: the entry of a log exists on the reactor before the first read of its catch-up, and notes the newest seq that a
 * batch brought. What was stored before that read is read; what came later is noted, and the reading goes on until it has passed it.
 */
#include "server/core_priv.h"
#include "wire/log.h"

#define DELIVERY_BYTES (64u << 20)
#define ITEM_HEAD 21u /* seq, time, kind, length of the body */
#define EVENT_BYTES (256u << 10) /* of items in one event, except when one item is larger */
#define READS_MAX 4u             /* catch-up reads of one session at a time */

struct entry {
	struct sp_store_log log;
	uint64_t seq;
	size_t at, n; /* the encoded item in bytes */
	bool is_removal;
	struct sp_id16 account; /* of a removal */
};

struct sp__delivery {
	_Atomic unsigned refs;
	struct sp_buf bytes; /* encoded items, back to back: neighbours of one log are one slice */
	struct entry *entries;
	size_t n, cap;
};

struct log_entry {
	struct sp__node node;
	struct sp__subscription *subs;
	uint64_t newest; /* highest seq a batch brought since this entry exists */
};

struct sp__subscription {
	struct sp__subscription *log_prev, *log_next, *session_prev, *session_next;
	struct sp_server_session *session;
	struct log_entry *entry;
	uint64_t next;
	bool is_live, is_reading;
};

/* -- what a batch brings ------------------------------------------------------------------------------------------------ */

/* Room for the whole batch at once: growing step by step would copy and wipe it again and again. */
static enum sp_err reserve(struct sp__delivery *d, size_t items, size_t bytes)
{
	uint8_t *place;

	SP_TRY(sp_array_grow(&d->entries, &d->cap, items, sizeof *d->entries, SIZE_MAX / sizeof *d->entries));
	SP_TRY(sp_buf_extend(&d->bytes, SP_MIN(bytes + items * ITEM_HEAD, (size_t)DELIVERY_BYTES), &place));
	d->bytes.n = 0;
	return SP_OK;
}

struct sp__delivery *sp__delivery_new(unsigned reactors, size_t items, size_t bytes)
{
	struct sp__delivery *d = sp_alloc(sizeof *d);

	if (!d)
		return NULL;
	atomic_init(&d->refs, reactors);
	sp_buf_init(&d->bytes, DELIVERY_BYTES);
	if (reserve(d, items, bytes) != SP_OK) {
		sp_buf_clear(&d->bytes);
		sp_free(d->entries);
		sp_free(d);
		return NULL;
	}
	return d;
}

void sp__delivery_unref(struct sp__delivery *d)
{
	if (!d || atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) != 1)
		return;
	sp_buf_clear(&d->bytes);
	sp_free(d->entries);
	sp_free(d);
}

bool sp__delivery_is_empty(const struct sp__delivery *d)
{
	return d->n == 0;
}

static enum sp_err add_entry(struct sp__delivery *d, const struct entry *e)
{
	SP_TRY(sp_array_grow(&d->entries, &d->cap, d->n + 1, sizeof *d->entries, SIZE_MAX / sizeof *d->entries));
	d->entries[d->n++] = *e;
	return SP_OK;
}

static enum sp_err encode_item(struct sp_buf *out, const struct sp_store_item *item)
{
	struct sp_wire_item wire = {.seq = item->seq, .time_ms = (uint64_t)item->time.ms, .kind = item->kind, .body = item->body};

	return sp_wire_item_encode(out, &wire);
}

enum sp_err sp__delivery_add(struct sp__delivery *d, const struct sp_store_log *log, const struct sp_store_item *item)
{
	struct entry e = {.log = *log, .seq = item->seq, .at = d->bytes.n};

	SP_TRY(encode_item(&d->bytes, item));
	e.n = d->bytes.n - e.at;
	return add_entry(d, &e);
}

enum sp_err sp__delivery_remove(struct sp__delivery *d, const struct sp_store_log *log, const struct sp_id16 *account)
{
	struct entry e = {.log = *log, .is_removal = true, .account = *account, .at = d->bytes.n};

	return add_entry(d, &e);
}

/* -- sending ---------------------------------------------------------------------------------------------------------------- */

#define HEAD_MAX (17u + 4u)

/* struct { LogId log; Item items<V>; } ItemsEvent, up to the items. */
static size_t event_head(uint8_t out[HEAD_MAX], const struct sp_store_log *log, size_t n)
{
	size_t used = 17;

	out[0] = (uint8_t)log->kind;
	sp_copy(out + 1, log->id.b, sizeof log->id.b);
	if (n < 1u << 6) {
		out[used++] = (uint8_t)n;
	} else if (n < 1u << 14) {
		out[used++] = (uint8_t)(0x40 | n >> 8);
		out[used++] = (uint8_t)n;
	} else {
		out[used++] = (uint8_t)(0x80 | n >> 24);
		out[used++] = (uint8_t)(n >> 16);
		out[used++] = (uint8_t)(n >> 8);
		out[used++] = (uint8_t)n;
	}
	return used;
}

static bool is_ready(const struct sp_server_session *s)
{
	return s->credit > 0 && sp_net_conn_queued(s->conn) < SP_NET_OUT_HIGH;
}

static enum sp_err send_items(struct sp__subscription *sub, const struct sp_store_log *log, struct sp_bytes items, uint64_t last, size_t count)
{
	struct sp_server_session *s = sub->session;
	uint8_t head[HEAD_MAX];
	size_t head_n = event_head(head, log, items.n);

	SP_TRY(sp_net_conn_send(s->conn, SP_FRAME_EVENT, SP_WIRE_ITEMS, 0, (struct sp_bytes){head, head_n}, items));
	s->credit -= (int64_t)(head_n + items.n);
	sub->next = last + 1;
	atomic_fetch_add_explicit(&s->server->counts.items_pushed, count, memory_order_relaxed);
	return SP_OK;
}

static struct sp_store_log log_of(const struct log_entry *e)
{
	return (struct sp_store_log){(enum sp_store_log_kind)e->node.kind, e->node.id};
}

/* -- catching up --------------------------------------------------------------------------------------------------------------- */

struct catch_up {
	struct sp__job job;
	struct sp_net_task task;
	struct sp_server *server;
	struct sp_net_conn_id conn;
	struct sp_store_log log;
	uint64_t from, first_seq, last_seq; /* of the log */
	uint64_t read_last;                 /* of what was read; 0: nothing */
	size_t count;
	struct sp_buf bytes;
	enum sp_err err;
};

static enum sp_err collect(void *ctx, const struct sp_store_item *item)
{
	struct catch_up *c = ctx;

	c->read_last = item->seq;
	c->count++;
	return encode_item(&c->bytes, item);
}

static enum sp_err read_log(struct catch_up *c)
{
	struct sp_store_range range = {.log = c->log, .from = c->from, .max_items = SP_LIMIT_READ_ITEMS, .max_bytes = EVENT_BYTES};
	struct sp_store_log_info info;

	SP_TRY(sp_store_log_get(c->server->store, &c->log, &info));
	c->first_seq = info.first_seq;
	c->last_seq = info.last_seq;
	if (c->from < info.first_seq || c->from > info.last_seq)
		return SP_OK;
	return sp_store_read(c->server->store, &range, collect, c);
}

static void catch_up_free(struct catch_up *c)
{
	sp_buf_clear(&c->bytes);
	sp_free(c);
}

static void catch_up_arrive(struct sp_net_task *task, struct sp_net_reactor *reactor);

static void catch_up_run(struct sp__job *job)
{
	struct catch_up *c = (struct catch_up *)job;

	c->err = read_log(c);
	atomic_fetch_add_explicit(&c->server->counts.catch_ups, 1, memory_order_relaxed);
	if (sp_net_task_post(c->server->net, sp_net_conn_id_reactor(c->conn), &c->task) != SP_OK)
		catch_up_free(c);
}

static void start_read(struct sp__subscription *sub)
{
	struct sp_server_session *s = sub->session;
	struct catch_up *c = sp_alloc(sizeof *c);

	if (!c)
		return; /* it stays behind; the next credit tries again */
	c->job.run = catch_up_run;
	c->task.run = catch_up_arrive;
	c->server = s->server;
	c->conn = sp_net_conn_id(s->conn);
	c->log = log_of(sub->entry);
	c->from = sub->next;
	sp_buf_init(&c->bytes, DELIVERY_BYTES);
	sub->is_reading = true;
	s->reads++;
	sp__pool_job(s->server->pool, &c->job);
}

void sp__subscriptions_resume(struct sp_server_session *s)
{
	if (s->behind == 0)
		return;
	for (struct sp__subscription *sub = s->subs; sub && s->reads < READS_MAX && is_ready(s); sub = sub->session_next)
		if (!sub->is_live && !sub->is_reading)
			start_read(sub);
}

static void fall_behind(struct sp__subscription *sub)
{
	if (sub->is_live) {
		sub->is_live = false;
		sub->session->behind++;
	}
}

static void unsubscribe(struct sp__subscription *sub);

/* Its cursor lies before the oldest item kept: what it asked for is gone, and only the reader can decide what to do. */
static void give_up(struct sp__subscription *sub)
{
	struct sp_store_log log = log_of(sub->entry);
	uint8_t body[17];

	body[0] = (uint8_t)log.kind;
	sp_copy(body + 1, log.id.b, sizeof log.id.b);
	if (sp_net_conn_send(sub->session->conn, SP_FRAME_EVENT, SP_WIRE_LAGGING, 0, SP_BYTES_OF(body), SP_BYTES_NONE) == SP_OK)
		unsubscribe(sub);
}

/* A cursor beyond the log's end waits there. */
static bool has_caught_up(const struct sp__subscription *sub, const struct catch_up *c)
{
	return sub->next > c->last_seq && sub->next > sub->entry->newest;
}

static void take_read(struct sp__subscription *sub, struct catch_up *c)
{
	struct sp_server_session *s = sub->session;

	sub->is_reading = false;
	s->reads--;
	if (sub->next != c->from || c->err != SP_OK)
		return; /* subscribed anew meanwhile, or unreadable now: the next resume tries again */
	if (sub->next < c->first_seq) {
		give_up(sub);
		return;
	}
	if (c->count > 0 && send_items(sub, &c->log, sp_buf_bytes(&c->bytes), c->read_last, c->count) != SP_OK)
		return;
	if (has_caught_up(sub, c)) {
		sub->is_live = true;
		s->behind--;
	}
}

static struct sp__subscription *find_subscription(const struct sp_server_session *s, const struct sp_store_log *log)
{
	struct log_entry *e = (struct log_entry *)sp__table_find(&s->shard->logs, (uint8_t)log->kind, &log->id);
	struct sp__subscription *sub = e ? e->subs : NULL;

	while (sub && sub->session != s)
		sub = sub->log_next;
	return sub;
}

static void catch_up_arrive(struct sp_net_task *task, struct sp_net_reactor *reactor)
{
	struct catch_up *c = (struct catch_up *)((uint8_t *)task - offsetof(struct catch_up, task));
	struct sp_net_conn *conn = sp_net_conn_find(reactor, c->conn);
	struct sp_server_session *s = conn ? sp_net_conn_user(conn) : NULL;
	struct sp__subscription *sub = s ? find_subscription(s, &c->log) : NULL;

	if (sub && sub->is_reading)
		take_read(sub, c);
	else if (s)
		s->reads--;
	if (s)
		sp__subscriptions_resume(s);
	catch_up_free(c);
}

/* -- live --------------------------------------------------------------------------------------------------------------------------- */

/* The items from..to (exclusive) of d are of one log and follow each other. */
static void push_run(struct sp__delivery *d, size_t from, size_t to, struct sp__subscription *sub)
{
	const struct entry *first, *last = &d->entries[to - 1];
	size_t skip = 0;

	if (sub->next > last->seq)
		return;
	if (sub->next > d->entries[from].seq)
		skip = (size_t)(sub->next - d->entries[from].seq);
	first = &d->entries[from + skip];
	if (!is_ready(sub->session) || sub->next != first->seq) {
		fall_behind(sub);
		return;
	}
	struct sp_bytes items = {d->bytes.p + first->at, last->at + last->n - first->at};
	if (send_items(sub, &first->log, items, last->seq, to - from - skip) != SP_OK)
		fall_behind(sub);
}

/* One past the last entry that continues the run which begins at `from`. */
static size_t run_end(const struct sp__delivery *d, size_t from)
{
	const struct entry *first = &d->entries[from];
	size_t to = from + 1;

	while (to < d->n && !d->entries[to].is_removal && d->entries[to].log.kind == first->log.kind &&
	       sp_id16_equal(&d->entries[to].log.id, &first->log.id) && d->entries[to].seq == d->entries[to - 1].seq + 1 &&
	       d->entries[to].at + d->entries[to].n - first->at <= EVENT_BYTES)
		to++;
	return to;
}

static void remove_account(struct log_entry *e, const struct sp_id16 *account)
{
	for (struct sp__subscription *sub = e->subs, *next; sub; sub = next) {
		next = sub->log_next;
		if (sp_id16_equal(&sub->session->who.account, account))
			unsubscribe(sub);
	}
}

void sp__delivery_run(struct sp__delivery *d, struct sp__shard *shard)
{
	for (size_t i = 0, to; i < d->n; i = to) {
		const struct entry *first = &d->entries[i];
		struct log_entry *e = (struct log_entry *)sp__table_find(&shard->logs, (uint8_t)first->log.kind, &first->log.id);

		to = first->is_removal ? i + 1 : run_end(d, i);
		if (!e)
			continue;
		if (first->is_removal) {
			remove_account(e, &first->account);
			continue;
		}
		e->newest = d->entries[to - 1].seq;
		for (struct sp__subscription *sub = e->subs, *next; sub; sub = next) {
			next = sub->log_next;
			if (sub->is_live)
				push_run(d, i, to, sub);
		}
	}
}

/* -- subscriptions ---------------------------------------------------------------------------------------------------------------------- */

enum sp_err sp__shard_init(struct sp__shard *shard, struct sp_server *server, unsigned index)
{
	shard->server = server;
	shard->index = index;
	return sp__table_init(&shard->logs);
}

void sp__shard_clear(struct sp__shard *shard)
{
	sp__table_clear(&shard->logs);
}

static struct log_entry *entry_of(struct sp__shard *shard, const struct sp_store_log *log)
{
	struct log_entry *e = (struct log_entry *)sp__table_find(&shard->logs, (uint8_t)log->kind, &log->id);

	if (e)
		return e;
	e = sp_alloc(sizeof *e);
	if (!e)
		return NULL;
	e->node.kind = (uint8_t)log->kind;
	e->node.id = log->id;
	sp__table_add(&shard->logs, &e->node);
	return e;
}

static void link_in(struct sp__subscription *sub, struct sp_server_session *s, struct log_entry *e)
{
	sub->session = s;
	sub->entry = e;
	sub->log_next = e->subs;
	if (e->subs)
		e->subs->log_prev = sub;
	e->subs = sub;
	sub->session_next = s->subs;
	if (s->subs)
		s->subs->session_prev = sub;
	s->subs = sub;
	s->sub_n++;
	s->behind++; /* until it has caught up */
}

static void drop_entry_if_empty(struct sp__shard *shard, struct log_entry *e)
{
	if (e->subs)
		return;
	sp__table_remove(&shard->logs, &e->node);
	sp_free(e);
}

static void unsubscribe(struct sp__subscription *sub)
{
	struct sp_server_session *s = sub->session;
	struct log_entry *e = sub->entry;

	if (sub->log_prev)
		sub->log_prev->log_next = sub->log_next;
	else
		e->subs = sub->log_next;
	if (sub->log_next)
		sub->log_next->log_prev = sub->log_prev;
	if (sub->session_prev)
		sub->session_prev->session_next = sub->session_next;
	else
		s->subs = sub->session_next;
	if (sub->session_next)
		sub->session_next->session_prev = sub->session_prev;
	s->sub_n--;
	if (!sub->is_live)
		s->behind--;
	drop_entry_if_empty(s->shard, e);
	sp_free(sub);
}

enum sp_err sp__subscribe(struct sp_server_session *s, const struct sp_store_log *log, uint64_t from)
{
	struct sp__subscription *sub = find_subscription(s, log);
	struct log_entry *e;

	from = SP_MAX(from, (uint64_t)1);
	if (sub) { /* again: its cursor moves */
		sub->next = from;
		fall_behind(sub);
		sp__subscriptions_resume(s);
		return SP_OK;
	}
	if (s->sub_n >= SP_LIMIT_SUBSCRIPTIONS)
		return SP_ERR_TOO_MANY;
	sub = sp_alloc(sizeof *sub);
	e = sub ? entry_of(s->shard, log) : NULL;
	if (!e) {
		sp_free(sub);
		return SP_ERR_NOMEM;
	}
	sub->next = from;
	link_in(sub, s, e);
	sp__subscriptions_resume(s);
	return SP_OK;
}

void sp__unsubscribe(struct sp_server_session *s, const struct sp_store_log *log)
{
	struct sp__subscription *sub = find_subscription(s, log);

	if (sub)
		unsubscribe(sub);
}

void sp__unsubscribe_all(struct sp_server_session *s)
{
	while (s->subs)
		unsubscribe(s->subs);
}
