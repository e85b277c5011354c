/* SPDX-License-Identifier: Apache-2.0
 *
 * A connection on its reactor: bytes in to frames, frames out to records, and the end of it (RFC 8446 section 6.1: a goodbye is told
 * from a cut).
 */
#include <unistd.h>

#include "net/net_priv.h"

static void poll_for(struct sp_net_conn *conn);

/* -- accessors ------------------------------------------------------------------------------------------------------- */

struct sp_net_conn_id sp_net_conn_id(const struct sp_net_conn *conn)
{
	return (struct sp_net_conn_id){conn->id};
}

void *sp_net_conn_user(const struct sp_net_conn *conn)
{
	return conn->user;
}

struct sp_net_reactor *sp_net_conn_reactor(const struct sp_net_conn *conn)
{
	return conn->reactor;
}

const struct sp_net_from *sp_net_conn_from(const struct sp_net_conn *conn)
{
	return &conn->from;
}

void sp_net_conn_accept(struct sp_net_conn *conn, unsigned idle_ms)
{
	conn->idle_ms = idle_ms;
}

size_t sp_net_conn_queued(const struct sp_net_conn *conn)
{
	return conn->out.n - conn->out.head;
}

/* -- the out-buffer: memory only while something waits ----------------------------------------------------------------- */

static void out_release(struct sp_net_conn *conn)
{
	struct sp_net_reactor *r = conn->reactor;
	struct sp__out *out = &conn->out;

	if (out->cap == SP__NET_SPARE_CAP && r->spare_n < SP__NET_SPARES)
		r->spares[r->spare_n++] = out->p;
	else
		sp_free(out->p);
	*out = (struct sp__out){0};
}

static uint8_t *out_allocate(struct sp_net_reactor *r, size_t cap)
{
	if (cap == SP__NET_SPARE_CAP && r->spare_n > 0)
		return r->spares[--r->spare_n];
	return sp_alloc(cap);
}

static enum sp_err out_reserve(struct sp_net_conn *conn, size_t more)
{
	struct sp__out *out = &conn->out;
	size_t used = out->n - out->head;
	size_t cap = SP_MAX(out->cap, (size_t)SP__NET_SPARE_CAP);
	struct sp__out grown;

	if (used + more > SP_NET_OUT_MAX)
		return SP_ERR_QUOTA;
	if (out->n + more <= out->cap)
		return SP_OK;
	while (cap < used + more)
		cap *= 2;
	grown = (struct sp__out){.p = out_allocate(conn->reactor, cap), .n = used, .cap = cap};
	if (!grown.p)
		return SP_ERR_NOMEM;
	sp_copy(grown.p, out->p + out->head, used);
	if (out->p)
		out_release(conn);
	*out = grown;
	return SP_OK;
}

static void out_append(struct sp__out *out, struct sp_bytes in)
{
	sp_copy(out->p + out->n, in.p, in.n);
	out->n += in.n;
}

/* It is cut at the end of the turn: the caller is in the midst of what on_close would free. */
static void doom(struct sp_net_conn *conn, enum sp_err why)
{
	conn->is_doomed = true;
	conn->why = why;
	sp__reactor_mark_dirty(conn->reactor, conn);
}

enum sp_err sp_net_conn_send(struct sp_net_conn *conn, uint8_t kind, uint8_t type, uint32_t id, struct sp_bytes head, struct sp_bytes tail)
{
	uint8_t header[SP_LIMIT_FRAME_HEADER];
	enum sp_err err;

	if (conn->state != SP__CONN_OPEN || conn->is_doomed)
		return SP_ERR_CLOSED;
	SP_ASSERT(head.n + tail.n <= SP_LIMIT_FRAME);
	err = out_reserve(conn, sizeof header + head.n + tail.n);
	if (err != SP_OK) {
		doom(conn, err);
		return err;
	}
	sp_frame_header_encode(header, (uint32_t)(head.n + tail.n), kind, type, id);
	out_append(&conn->out, SP_BYTES_OF(header));
	out_append(&conn->out, head);
	out_append(&conn->out, tail);
	atomic_fetch_add_explicit(&conn->reactor->server->counts.frames_out, 1, memory_order_relaxed);
	sp__reactor_mark_dirty(conn->reactor, conn);
	return SP_OK;
}

/* -- the end ------------------------------------------------------------------------------------------------------------ */

static void tell_close(struct sp_net_conn *conn)
{
	const struct sp_net_server_config *config = &conn->reactor->server->config;

	if (conn->is_told)
		return;
	conn->is_told = true;
	atomic_fetch_sub_explicit(&conn->reactor->server->counts.open, 1, memory_order_relaxed);
	if (config->calls.on_close)
		config->calls.on_close(config->ctx, conn, conn->why);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct sp_net_conn *conn = handle->data;
	struct sp_net_reactor *r = conn->reactor;

	SSL_free(conn->ssl);
	close(conn->fd);
	if (conn->out.p)
		out_release(conn);
	sp__frames_clear(&conn->in);
	sp__reactor_forget(r, conn);
	sp_free(conn);
}

void sp__conn_cut(struct sp_net_conn *conn, enum sp_err why)
{
	if (conn->state == SP__CONN_GONE)
		return;
	if (conn->state == SP__CONN_OPEN)
		conn->why = why;
	conn->state = SP__CONN_GONE;
	(void)uv_poll_stop(&conn->poll);
	uv_close((uv_handle_t *)&conn->poll, on_handle_closed);
	tell_close(conn);
}

/* close_notify is out: the peer may read what we sent before it. Closing the socket now, with bytes of the peer unread, would reset the
 * connection and take our last frames from it. */
static void linger(struct sp_net_conn *conn)
{
	conn->state = SP__CONN_LINGERING;
	if (SSL_shutdown(conn->ssl) < 0) {
		int events;

		(void)sp__tls_error(conn->ssl, -1, &events);
	}
	(void)shutdown(conn->fd, SHUT_WR);
	tell_close(conn);
	if (conn->why == SP_ERR_CLOSED)
		sp__conn_cut(conn, conn->why); /* the peer has said goodbye already */
	else
		poll_for(conn);
}

void sp_net_conn_close(struct sp_net_conn *conn, enum sp_err why)
{
	if (conn->state != SP__CONN_OPEN)
		return;
	conn->state = SP__CONN_FLUSHING;
	if (!conn->is_doomed)
		conn->why = why;
	conn->closing_ms = uv_now(&conn->reactor->loop);
	sp__reactor_mark_dirty(conn->reactor, conn);
}

static void discard(struct sp_net_conn *conn)
{
	struct sp_net_reactor *r = conn->reactor;
	ssize_t n = recv(conn->fd, r->scratch, sizeof r->scratch, 0);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		sp__conn_cut(conn, conn->why);
}

/* -- out ------------------------------------------------------------------------------------------------------------------ */

/* Time in which we did not read is not held against the peer. */
static void restart_clocks(struct sp_net_conn *conn)
{
	conn->heard_ms = uv_now(&conn->reactor->loop);
	if (conn->part_ms != 0)
		conn->part_ms = conn->heard_ms;
}

static void note_drain(struct sp_net_conn *conn)
{
	const struct sp_net_server_config *config = &conn->reactor->server->config;
	size_t queued = sp_net_conn_queued(conn);

	if (queued > SP_NET_OUT_HIGH)
		conn->is_high = true;
	if (!conn->is_high || queued > SP_NET_OUT_LOW)
		return;
	conn->is_high = false;
	restart_clocks(conn);
	sp__reactor_mark_more(conn->reactor, conn); /* frames may wait in memory */
	if (conn->state == SP__CONN_OPEN && config->calls.on_drain)
		config->calls.on_drain(config->ctx, conn);
}

/* Writes records until the kernel takes no more, or the others should have their turn (poll will tell that more can be written). */
static enum sp_err write_out(struct sp_net_conn *conn)
{
	struct sp__out *out = &conn->out;
	struct sp__net_counts *counts = &conn->reactor->server->counts;
	size_t stop = out->head + SP__NET_TURN_BYTES;

	while (out->head < out->n) {
		if (out->head >= stop)
			return SP_ERR_AGAIN;

		size_t part = SP_MIN(out->n - out->head, (size_t)SP__NET_RECORD);
		int n = SSL_write(conn->ssl, out->p + out->head, (int)part);
		int events;

		if (n <= 0)
			return sp__tls_error(conn->ssl, n, &events);
		out->head += (size_t)n;
		conn->stuck_ms = 0;
		atomic_fetch_add_explicit(&counts->bytes_out, (uint64_t)n, memory_order_relaxed);
		atomic_fetch_add_explicit(&counts->writes, 1, memory_order_relaxed);
	}
	return SP_OK;
}

void sp__conn_flush(struct sp_net_conn *conn)
{
	enum sp_err err;

	if (conn->state == SP__CONN_GONE || conn->state == SP__CONN_LINGERING)
		return;
	if (conn->is_doomed) {
		sp__conn_cut(conn, conn->why);
		return;
	}
	err = write_out(conn);
	if (err == SP_OK && conn->out.p)
		out_release(conn);
	if (err == SP_ERR_AGAIN && conn->stuck_ms == 0)
		conn->stuck_ms = uv_now(&conn->reactor->loop);
	if (err != SP_OK && err != SP_ERR_AGAIN) {
		sp__conn_cut(conn, err == SP_ERR_CLOSED ? SP_ERR_CLOSED : SP_ERR_CUT);
		return;
	}
	note_drain(conn);
	if (err == SP_OK && conn->state == SP__CONN_FLUSHING)
		linger(conn);
	else
		poll_for(conn);
}

/* -- in ------------------------------------------------------------------------------------------------------------------- */

static bool is_reading(const struct sp_net_conn *conn)
{
	return conn->state == SP__CONN_OPEN && !conn->is_doomed && !conn->is_paused && !conn->is_high;
}

static void oversize(struct sp_net_conn *conn, const struct sp_frame *header)
{
	const struct sp_net_server_config *config = &conn->reactor->server->config;

	if (config->calls.on_oversize)
		config->calls.on_oversize(config->ctx, conn, header);
	sp_net_conn_close(conn, SP_ERR_TOO_LONG);
}

static void deliver(struct sp_net_conn *conn, const struct sp_frame *frame)
{
	const struct sp_net_server_config *config = &conn->reactor->server->config;
	enum sp_err err;

	conn->heard_ms = uv_now(&conn->reactor->loop);
	atomic_fetch_add_explicit(&conn->reactor->server->counts.frames_in, 1, memory_order_relaxed);
	err = config->calls.on_frame(config->ctx, conn, frame);
	if (err != SP_OK)
		sp_net_conn_close(conn, err);
}

/* Frames in what was kept and in `in`, until there is none or the caller paused. */
static void take_frames(struct sp_net_conn *conn, struct sp_bytes in)
{
	const struct sp__frame_limit limit = {conn->reactor->server->config.calls.frame_max, conn->user};
	struct sp_frame frame;
	enum sp_err err = SP_OK;

	while (err == SP_OK && is_reading(conn)) {
		err = sp__frames_next(&conn->in, &frame, &in, &limit);
		if (err == SP_OK)
			deliver(conn, &frame);
	}
	if (err == SP_OK && in.n > 0)
		err = sp__frames_keep(&conn->in, &in);
	if (err == SP_ERR_TOO_LONG)
		oversize(conn, &frame);
	else if (err != SP_OK && err != SP_ERR_AGAIN)
		sp_net_conn_close(conn, err);
	if (sp__frames_is_empty(&conn->in))
		conn->part_ms = 0;
	else if (conn->part_ms == 0 || conn->heard_ms == uv_now(&conn->reactor->loop))
		conn->part_ms = uv_now(&conn->reactor->loop);
}

/* The peer's stream ended or broke. Frames it sent before a goodbye are answered before ours. */
static void ended(struct sp_net_conn *conn, enum sp_err err)
{
	if (err == SP_ERR_CLOSED)
		sp_net_conn_close(conn, SP_ERR_CLOSED);
	else
		sp__conn_cut(conn, err);
}

void sp__conn_read(struct sp_net_conn *conn)
{
	struct sp_net_reactor *r = conn->reactor;
	int n = 1, events = 0;

	if (is_reading(conn) && !sp__frames_is_empty(&conn->in))
		take_frames(conn, SP_BYTES_NONE);
	for (unsigned i = 0; i < SP__NET_READS && n > 0 && is_reading(conn); i++) {
		n = SSL_read(conn->ssl, r->scratch, sizeof r->scratch);
		if (n <= 0)
			break;
		atomic_fetch_add_explicit(&r->server->counts.bytes_in, (uint64_t)n, memory_order_relaxed);
		take_frames(conn, (struct sp_bytes){r->scratch, (size_t)n});
	}
	if (n > 0) {
		if (is_reading(conn)) /* poll does not tell of bytes that OpenSSL holds */
			sp__reactor_mark_more(r, conn);
		return;
	}
	enum sp_err err = sp__tls_error(conn->ssl, n, &events);
	if (err != SP_ERR_AGAIN)
		ended(conn, err);
}

void sp_net_conn_pause(struct sp_net_conn *conn, bool paused)
{
	if (conn->is_paused == paused)
		return;
	conn->is_paused = paused;
	restart_clocks(conn);
	if (!paused)
		sp__reactor_mark_more(conn->reactor, conn);
	poll_for(conn);
}

/* -- polling ----------------------------------------------------------------------------------------------------------------- */

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct sp_net_conn *conn = handle->data;

	if (status < 0) {
		sp__conn_cut(conn, SP_ERR_CUT);
		return;
	}
	if (conn->state == SP__CONN_LINGERING) {
		discard(conn);
		return;
	}
	if (events & UV_WRITABLE)
		sp__conn_flush(conn);
	if ((events & UV_READABLE) && is_reading(conn))
		sp__conn_read(conn);
}

static void poll_for(struct sp_net_conn *conn)
{
	int events = 0;

	if (conn->state == SP__CONN_GONE)
		return;
	if (is_reading(conn) || conn->state == SP__CONN_LINGERING)
		events |= UV_READABLE;
	if (conn->state != SP__CONN_LINGERING && conn->stuck_ms != 0)
		events |= UV_WRITABLE;
	if (events == conn->events)
		return;
	conn->events = events;
	if (events == 0)
		(void)uv_poll_stop(&conn->poll);
	else if (uv_poll_start(&conn->poll, events, on_poll) != 0)
		sp__conn_cut(conn, SP_ERR_IO);
}

/* -- deadlines ------------------------------------------------------------------------------------------------------------------ */

static bool is_overdue(const struct sp_net_conn *conn, uint64_t now)
{
	uint64_t part_allowed = SP_NET_FRAME_MS + (conn->in.buf.n >> 16) * 1000;

	if (conn->state == SP__CONN_LINGERING || conn->state == SP__CONN_FLUSHING)
		return now - conn->closing_ms > SP__NET_LINGER_MS + (conn->state == SP__CONN_FLUSHING ? SP__NET_STALL_MS : 0);
	if (conn->stuck_ms != 0 && now - conn->stuck_ms > SP__NET_STALL_MS)
		return true;
	if (conn->is_paused || conn->is_high)
		return false;
	if (conn->part_ms != 0 && now - conn->part_ms > part_allowed)
		return true;
	return conn->idle_ms != 0 && now - conn->heard_ms > conn->idle_ms;
}

void sp__conn_tick(struct sp_net_conn *conn, uint64_t now_ms)
{
	if (conn->state != SP__CONN_GONE && is_overdue(conn, now_ms))
		sp__conn_cut(conn, SP_ERR_TIMEOUT);
}

/* -- arrival ---------------------------------------------------------------------------------------------------------------------- */

static struct sp_net_conn *conn_new(struct sp__arrival *a, struct sp_net_reactor *r)
{
	struct sp_net_conn *conn = sp_alloc(sizeof *conn);

	if (!conn)
		return NULL;
	if (uv_poll_init(&r->loop, &conn->poll, a->fd) != 0) {
		sp_free(conn);
		return NULL;
	}
	conn->poll.data = conn;
	conn->reactor = r;
	conn->ssl = a->ssl;
	conn->fd = a->fd;
	conn->from = a->from;
	conn->heard_ms = uv_now(&r->loop);
	conn->idle_ms = SP_NET_HELLO_MS;
	sp__frames_init(&conn->in);
	a->ssl = NULL;
	a->fd = -1;
	return conn;
}

/* Shows the connection to the caller and begins to read. SSL_read comes before the first poll: the client's first frames may
 * have come with its Finished and lie in OpenSSL's buffer, of which poll knows nothing. */
static void open_conn(struct sp_net_conn *conn, void *peer)
{
	const struct sp_net_server_config *config = &conn->reactor->server->config;
	enum sp_err err = config->calls.on_open(config->ctx, conn, peer, &conn->user);

	if (err != SP_OK) {
		conn->is_told = true;
		sp__conn_cut(conn, err);
		return;
	}
	atomic_fetch_add_explicit(&conn->reactor->server->counts.open, 1, memory_order_relaxed);
	poll_for(conn);
	sp__conn_read(conn);
}

void sp__arrival_run(struct sp_net_task *task, struct sp_net_reactor *r)
{
	struct sp__arrival *a = (struct sp__arrival *)task;
	struct sp_net_conn *conn = r->is_stopping ? NULL : conn_new(a, r);
	void *peer = a->peer;

	if (conn && sp__reactor_adopt(r, conn) == SP_OK) {
		a->peer = NULL;
		open_conn(conn, peer);
	} else if (conn) {
		conn->is_told = true;
		sp__conn_cut(conn, SP_ERR_NOMEM);
	}
	sp__arrival_free(a);
}

void sp__arrival_free(struct sp__arrival *a)
{
	const struct sp_net_server_config *config = &a->server->config;

	if (a->peer && config->calls.peer_free)
		config->calls.peer_free(config->ctx, a->peer);
	SSL_free(a->ssl);
	if (a->fd >= 0)
		close(a->fd);
	sp_free(a);
}
