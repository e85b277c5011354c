/* SPDX-License-Identifier: Apache-2.0
 *
 * The handshake thread: accepts, admits by source, shakes hands against a deadline and hands over. One mutual handshake costs as much as 130
 * messages: here it delays nobody's messages.
 *
 * A finished connection is handed to its reactor only after libuv's close callback: before that this loop may still hold its descriptor.
 */
#include <fcntl.h>
#include <openssl/err.h>
#include <unistd.h>

#include "net/net_priv.h"

#define ACCEPTS_MAX 64    /* a turn; then handshakes go on */
#define RESUME_MS 100     /* without descriptors: look again */
#define TICK_MS 500
#define LINGER_MS 1000
#define COST_FAILED 4     /* attempts that a failed handshake costs its source, besides the one taken at admission */

struct sp__handshake {
	uv_poll_t poll;
	struct sp__listener *listener;
	struct sp__handshake *prev, *next; /* in order of arrival: the oldest is first */
	SSL *ssl;
	int fd;
	int events;
	uint64_t until_ms;
	struct sp_net_from from;
	struct sp__tls_judged judged;
	struct sp__arrival *arrival; /* set when it succeeded */
	bool is_lingering; /* refused; the alert is on its way */
	bool is_closing;
};

static void count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* -- the list --------------------------------------------------------------------------------------------------------- */

static void link_last(struct sp__listener *l, struct sp__handshake *h)
{
	h->prev = l->last;
	if (l->last)
		l->last->next = h;
	else
		l->first = h;
	l->last = h;
	l->pending++;
}

static void unlink_one(struct sp__listener *l, struct sp__handshake *h)
{
	if (h->prev)
		h->prev->next = h->next;
	else
		l->first = h->next;
	if (h->next)
		h->next->prev = h->prev;
	else
		l->last = h->prev;
	l->pending--;
}

/* -- the end of a handshake ---------------------------------------------------------------------------------------------- */

static void hand_over(struct sp__listener *l, struct sp__arrival *a)
{
	unsigned reactor = l->next_reactor++ % l->server->config.reactors;

	if (sp_net_task_post(l->server, reactor, &a->task) != SP_OK)
		sp__arrival_free(a);
}

static void on_handshake_closed(uv_handle_t *handle)
{
	struct sp__handshake *h = handle->data;
	struct sp__listener *l = h->listener;

	unlink_one(l, h);
	if (h->arrival) {
		hand_over(l, h->arrival);
	} else {
		SSL_free(h->ssl);
		close(h->fd);
	}
	sp_free(h);
}

static void end(struct sp__handshake *h)
{
	if (h->is_closing)
		return;
	h->is_closing = true;
	(void)uv_poll_stop(&h->poll);
	uv_close((uv_handle_t *)&h->poll, on_handshake_closed);
}

static void on_linger_poll(uv_poll_t *handle, int status, int events);

/* A client learns from the alert that its certificate was refused, but in TLS 1.3 it believes the handshake done and may be sending
 * already: closing with its bytes unread would reset the connection and take the alert away. */
static void linger(struct sp__handshake *h)
{
	h->is_lingering = true;
	h->until_ms = uv_now(&h->listener->loop) + LINGER_MS;
	(void)shutdown(h->fd, SHUT_WR);
	if (uv_poll_start(&h->poll, UV_READABLE, on_linger_poll) != 0)
		end(h);
}

static void on_linger_poll(uv_poll_t *handle, int status, int events)
{
	struct sp__handshake *h = handle->data;
	uint8_t waste[4096];
	ssize_t n = status < 0 ? 0 : recv(h->fd, waste, sizeof waste, 0);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		end(h);
}

static void fail(struct sp__handshake *h, enum sp_err why)
{
	struct sp_net_server *server = h->listener->server;
	const struct sp_net_server_config *config = &server->config;

	if (h->judged.peer && config->calls.peer_free)
		config->calls.peer_free(config->ctx, h->judged.peer);
	h->judged.peer = NULL;
	sp__source_settle(&server->sources, &h->from, COST_FAILED, uv_now(&h->listener->loop));
	count(&server->counts.refused);
	if (config->calls.on_refused)
		config->calls.on_refused(config->ctx, &h->from, why);
	if (h->judged.err != SP_OK)
		linger(h);
	else
		end(h);
}

static void succeed(struct sp__handshake *h)
{
	struct sp_net_server *server = h->listener->server;
	struct sp__arrival *a = sp_alloc(sizeof *a);

	if (!a) {
		fail(h, SP_ERR_NOMEM);
		return;
	}
	sp__tls_judged_attach(h->ssl, NULL);
	*a = (struct sp__arrival){.task.run = sp__arrival_run, .server = server, .ssl = h->ssl, .fd = h->fd, .peer = h->judged.peer, .from = h->from};
	h->arrival = a;
	sp__source_settle(&server->sources, &h->from, a->peer ? -1 : 0, uv_now(&h->listener->loop));
	end(h);
}

/* -- its steps --------------------------------------------------------------------------------------------------------------- */

static void on_handshake_poll(uv_poll_t *handle, int status, int events);

static void step(struct sp__handshake *h)
{
	int events, ret = SSL_do_handshake(h->ssl);
	enum sp_err err;

	if (ret == 1) {
		succeed(h);
		return;
	}
	err = sp__tls_error(h->ssl, ret, &events);
	if (err != SP_ERR_AGAIN) {
		fail(h, h->judged.err != SP_OK ? h->judged.err : err);
		return;
	}
	if (events == h->events)
		return;
	h->events = events;
	if (uv_poll_start(&h->poll, events, on_handshake_poll) != 0)
		fail(h, SP_ERR_IO);
}

static void on_handshake_poll(uv_poll_t *handle, int status, int events)
{
	struct sp__handshake *h = handle->data;

	if (status < 0)
		fail(h, SP_ERR_CUT);
	else
		step(h);
}

static SSL *ssl_new(struct sp_net_server *server, int fd)
{
	SSL *ssl;

	uv_mutex_lock(&server->tls_lock);
	ssl = SSL_new(server->tls);
	uv_mutex_unlock(&server->tls_lock);
	if (ssl && SSL_set_fd(ssl, fd) != 1) {
		SSL_free(ssl);
		ssl = NULL;
	}
	if (ssl)
		SSL_set_accept_state(ssl);
	ERR_clear_error();
	return ssl;
}

/* Takes fd and the source's admission. */
static void begin(struct sp__listener *l, int fd, const struct sp_net_from *from)
{
	struct sp__handshake *h = sp_alloc(sizeof *h);
	SSL *ssl = h ? ssl_new(l->server, fd) : NULL;

	sp__socket_tune(fd);
	if (!ssl || uv_poll_init(&l->loop, &h->poll, fd) != 0) {
		SSL_free(ssl);
		sp_free(h);
		close(fd);
		sp__source_settle(&l->server->sources, from, 0, uv_now(&l->loop));
		return;
	}
	h->poll.data = h;
	h->listener = l;
	h->ssl = ssl;
	h->fd = fd;
	h->from = *from;
	h->until_ms = uv_now(&l->loop) + SP_NET_HANDSHAKE_MS;
	sp__tls_judged_attach(ssl, &h->judged);
	link_last(l, h);
	step(h);
}

/* -- accepting ----------------------------------------------------------------------------------------------------------------- */

static void on_listen_poll(uv_poll_t *handle, int status, int events);

static void listen_again(struct sp__listener *l)
{
	if (l->is_stopping || l->is_running || uv_is_active((uv_handle_t *)&l->resume))
		return;
	l->is_running = uv_poll_start(&l->poll, UV_READABLE, on_listen_poll) == 0;
}

static void listen_not(struct sp__listener *l)
{
	(void)uv_poll_stop(&l->poll);
	l->is_running = false;
}

static void on_resume(uv_timer_t *timer)
{
	struct sp__listener *l = timer->data;

	(void)uv_timer_stop(timer);
	listen_again(l);
}

/* Out of descriptors or memory: the listening socket stays readable, and polling it would spin (ATTACKS.md, Faults 15). */
static void rest(struct sp__listener *l)
{
	listen_not(l);
	(void)uv_timer_start(&l->resume, on_resume, RESUME_MS, 0);
}

/* Not admitted: reset, so that a flood leaves nothing behind in our kernel. */
static void turn_away(struct sp__listener *l, int fd, const struct sp_net_from *from)
{
	struct linger hard = {.l_onoff = 1, .l_linger = 0};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(fd);
	count(&l->server->counts.limited);
}

static enum sp_err accept_one(struct sp__listener *l)
{
	struct sockaddr_storage sa = {0};
	socklen_t n = sizeof sa;
	int fd = accept4(l->fd, (struct sockaddr *)&sa, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct sp_net_from from;

	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
		return SP_ERR_TOO_MANY;
	if (fd < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? SP_ERR_AGAIN : SP_OK; /* others concern that connection only */
	count(&l->server->counts.accepted);
	sp__from_sockaddr(&from, &sa);
	if (sp__source_admit(&l->server->sources, &from, uv_now(&l->loop)) == SP_OK)
		begin(l, fd, &from);
	else
		turn_away(l, fd, &from);
	return SP_OK;
}

/* An honest handshake takes milliseconds: the oldest is one that somebody drags out (ATTACKS.md N04). */
static void make_room(struct sp__listener *l)
{
	struct sp__handshake *h = l->first;

	if (l->pending < l->server->config.handshakes_max)
		return;
	while (h && h->is_closing)
		h = h->next;
	if (h && h->is_lingering)
		end(h);
	else if (h)
		fail(h, SP_ERR_TIMEOUT);
}

static void on_listen_poll(uv_poll_t *handle, int status, int events)
{
	struct sp__listener *l = handle->data;
	enum sp_err err = SP_OK;

	for (int i = 0; i < ACCEPTS_MAX && err == SP_OK; i++) {
		make_room(l);
		err = accept_one(l);
	}
	if (err == SP_ERR_TOO_MANY)
		rest(l);
}

static void expire(struct sp__handshake *h)
{
	if (h->is_closing)
		return;
	if (h->is_lingering)
		end(h);
	else
		fail(h, SP_ERR_TIMEOUT);
}

static void on_tick(uv_timer_t *timer)
{
	struct sp__listener *l = timer->data;
	uint64_t now = uv_now(&l->loop);

	for (struct sp__handshake *h = l->first; h; h = h->next)
		if (now >= h->until_ms)
			expire(h);
}

/* -- life ------------------------------------------------------------------------------------------------------------------------- */

static void on_stop(uv_async_t *handle)
{
	struct sp__listener *l = handle->data;

	l->is_stopping = true;
	listen_not(l);
	for (struct sp__handshake *h = l->first; h; h = h->next)
		end(h);
	uv_close((uv_handle_t *)&l->poll, NULL);
	uv_close((uv_handle_t *)&l->stop, NULL);
	uv_close((uv_handle_t *)&l->tick, NULL);
	uv_close((uv_handle_t *)&l->resume, NULL);
}

static void run_loop(void *arg)
{
	struct sp__listener *l = arg;

	(void)uv_run(&l->loop, UV_RUN_DEFAULT);
}

enum sp_err sp__listener_open(struct sp__listener *l, struct sp_net_server *server)
{
	struct sockaddr_storage sa = {0};
	socklen_t n = sizeof sa;

	*l = (struct sp__listener){.server = server, .fd = -1};
	SP_TRY(sp__listen(&l->fd, server->config.listen));
	if (getsockname(l->fd, (struct sockaddr *)&sa, &n) != 0)
		return SP_ERR_IO;
	sp__from_sockaddr(&server->address, &sa);
	return SP_OK;
}

static bool has_handles(struct sp__listener *l)
{
	l->poll.data = l->stop.data = l->tick.data = l->resume.data = l;
	return uv_poll_init(&l->loop, &l->poll, l->fd) == 0 && uv_async_init(&l->loop, &l->stop, on_stop) == 0 &&
	       uv_timer_init(&l->loop, &l->tick) == 0 && uv_timer_init(&l->loop, &l->resume) == 0 &&
	       uv_timer_start(&l->tick, on_tick, TICK_MS, TICK_MS) == 0;
}

enum sp_err sp__listener_start(struct sp__listener *l)
{
	if (uv_loop_init(&l->loop) != 0 || !has_handles(l))
		return SP_ERR_IO;
	listen_again(l);
	return uv_thread_create(&l->thread, run_loop, l) == 0 ? SP_OK : SP_ERR_IO;
}

void sp__listener_stop(struct sp__listener *l)
{
	(void)uv_async_send(&l->stop);
	(void)uv_thread_join(&l->thread);
	(void)uv_loop_close(&l->loop);
	close(l->fd);
	l->fd = -1;
}
