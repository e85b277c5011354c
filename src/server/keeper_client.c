/* SPDX-License-Identifier: Apache-2.0
 *
 * Front's end of the socketpair to the keeper (wire/keeper_msg.h): one question at a time, on a thread of its own, which also keeps what comes from
 * the keeper fresh: CRL, accounts, our certificate.
 */
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server/core_priv.h"
#include "wire/keeper_msg.h"

#define ANSWER_MS 10000
#define ROUND_MS 3600000 /* CRLs are hourly */

struct sp__keeper {
	struct sp_server *server;
	int fd, wake_fd;
	uint32_t last_id;
	bool is_changed; /* the keeper said so; not yet asked */
	bool is_running;
	struct sp_buf in; /* body of the frame read last */
	pthread_t thread;
	pthread_mutex_t lock; /* guards the rest */
	struct sp_server_request *first, *last;
	bool is_stopping;
};

static int64_t clock_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* -- bytes ------------------------------------------------------------------------------------------------------------ */

static enum sp_err wait_for(int fd, short events, int64_t until_ms)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = events};
		int64_t left = until_ms - clock_ms();
		int n = left > 0 ? poll(&p, 1, (int)left) : 0;

		if (n > 0)
			return SP_OK;
		if (n == 0 || errno != EINTR)
			return SP_ERR_IO;
	}
}

static enum sp_err write_all(struct sp__keeper *k, struct sp_bytes bytes, int64_t until_ms)
{
	while (bytes.n > 0) {
		ssize_t n = send(k->fd, bytes.p, bytes.n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return SP_ERR_IO;
		if (n < 0) {
			SP_TRY(wait_for(k->fd, POLLOUT, until_ms));
			continue;
		}
		bytes.p += n;
		bytes.n -= (size_t)n;
	}
	return SP_OK;
}

static enum sp_err read_exact(struct sp__keeper *k, uint8_t *out, size_t n, int64_t until_ms)
{
	while (n > 0) {
		ssize_t got = recv(k->fd, out, n, MSG_DONTWAIT);

		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
			return SP_ERR_IO;
		if (got < 0) {
			SP_TRY(wait_for(k->fd, POLLIN, until_ms));
			continue;
		}
		out += got;
		n -= (size_t)got;
	}
	return SP_OK;
}

static enum sp_err read_frame(struct sp__keeper *k, struct sp_frame *out, int64_t until_ms)
{
	uint8_t header[SP_LIMIT_FRAME_HEADER], *body;

	SP_TRY(read_exact(k, header, sizeof header, until_ms));
	SP_TRY(sp_frame_header_decode(out, SP_BYTES_OF(header)));
	if (out->length > SP_WIRE_KEEPER_RESPONSE_MAX)
		return SP_ERR_TOO_LONG;
	sp_buf_clear(&k->in);
	SP_TRY(sp_buf_extend(&k->in, out->length, &body));
	SP_TRY(read_exact(k, body, out->length, until_ms));
	out->body = sp_buf_bytes(&k->in);
	return SP_OK;
}

/* -- question and answer ------------------------------------------------------------------------------------------------- */

static enum sp_err send_question(struct sp__keeper *k, uint8_t type, struct sp_bytes body, int64_t until_ms)
{
	uint8_t header[SP_LIMIT_FRAME_HEADER];

	sp_frame_header_encode(header, (uint32_t)body.n, SP_FRAME_REQUEST, type, ++k->last_id);
	SP_TRY(write_all(k, SP_BYTES_OF(header), until_ms));
	return write_all(k, body, until_ms);
}

/* The answer's body, borrowed from k->in. Events that come before it are noted. */
static enum sp_err await_answer(struct sp__keeper *k, uint8_t type, struct sp_bytes *out, int64_t until_ms, enum sp_err *out_said)
{
	struct sp_wire_response_head head;
	struct sp_frame frame;

	for (;;) {
		SP_TRY(read_frame(k, &frame, until_ms));
		if (frame.kind != SP_FRAME_EVENT)
			break;
		k->is_changed = true;
	}
	if (frame.kind != SP_FRAME_RESPONSE || frame.type != type || frame.id != k->last_id)
		return SP_ERR_IO;
	*out_said = sp_wire_response_open(&head, out, frame.body);
	return SP_OK;
}

enum sp_err sp__keeper_ask(struct sp__keeper *k, uint8_t type, struct sp_bytes body, struct sp_buf *out)
{
	int64_t until_ms = clock_ms() + ANSWER_MS;
	struct sp_bytes answer = SP_BYTES_NONE;
	enum sp_err said = SP_OK;
	enum sp_err err = send_question(k, type, body, until_ms);

	out->n = 0;
	if (err == SP_OK)
		err = await_answer(k, type, &answer, until_ms, &said);
	if (err != SP_OK) { /* the stream is out of step: nothing that follows could be believed */
		SP__LOG(k->server, SP__EVENT_KEEPER, SP__F_ERR("why", err));
		sp__server_fatal(k->server, SP_ERR_IO);
		return SP_ERR_IO;
	}
	SP_TRY(said);
	return sp_buf_append(out, answer);
}

/* -- its thread --------------------------------------------------------------------------------------------------------------- */

static struct sp_server_request *pop(struct sp__keeper *k, bool *out_stopping)
{
	struct sp_server_request *req;

	(void)pthread_mutex_lock(&k->lock);
	req = k->first;
	if (req)
		k->first = req->next;
	*out_stopping = k->is_stopping;
	(void)pthread_mutex_unlock(&k->lock);
	return req;
}

/* A failure to refresh is told and tried again; what we have stays good for a while. */
static void note(struct sp__keeper *k, const char *what, enum sp_err err)
{
	if (err != SP_OK)
		SP__LOG(k->server, SP__EVENT_KEEPER, SP__F_STR("what", what), SP__F_ERR("why", err));
}

static void refresh(struct sp__keeper *k)
{
	k->is_changed = false;
	note(k, "crl", sp__identity_crl_refresh(k->server));
	note(k, "accounts", sp__identity_accounts_refresh(k->server));
	note(k, "housekeeping", sp__housekeep(k->server));
}

static void take_event(struct sp__keeper *k)
{
	struct sp_frame frame;
	enum sp_err err = read_frame(k, &frame, clock_ms() + ANSWER_MS);

	if (err == SP_OK && frame.kind == SP_FRAME_EVENT) {
		k->is_changed = true;
		return;
	}
	SP__LOG(k->server, SP__EVENT_KEEPER, SP__F_ERR("why", err));
	sp__server_fatal(k->server, SP_ERR_IO);
	k->fd = -1;
}

static void rest(struct sp__keeper *k, int64_t until_ms)
{
	struct pollfd p[2] = {{.fd = k->fd, .events = POLLIN}, {.fd = k->wake_fd, .events = POLLIN}};
	uint64_t waste;

	if (poll(p, 2, (int)SP_MAX(until_ms - clock_ms(), (int64_t)0)) <= 0)
		return;
	if (p[1].revents)
		(void)!read(k->wake_fd, &waste, sizeof waste);
	if (p[0].revents)
		take_event(k);
}

static void *run_thread(void *arg)
{
	struct sp__keeper *k = arg;
	int64_t round_ms = clock_ms() + ROUND_MS;

	for (;;) {
		bool is_stopping;
		struct sp_server_request *req = pop(k, &is_stopping);

		if (req) {
			sp__request_run(req);
			continue;
		}
		if (is_stopping)
			return NULL;
		if (k->is_changed && k->fd >= 0)
			refresh(k);
		if (clock_ms() >= round_ms && k->fd >= 0) {
			round_ms = clock_ms() + ROUND_MS;
			refresh(k);
			note(k, "certificate", sp__identity_renew_when_due(k->server));
		}
		if (!k->is_changed)
			rest(k, round_ms);
	}
}

enum sp_err sp__keeper_new(struct sp__keeper **out, struct sp_server *server)
{
	struct sp__keeper *k = sp_alloc(sizeof *k);

	*out = NULL;
	if (!k)
		return SP_ERR_NOMEM;
	k->server = server;
	k->fd = server->config.keeper_fd;
	k->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sp_buf_init(&k->in, SP_WIRE_KEEPER_RESPONSE_MAX);
	(void)pthread_mutex_init(&k->lock, NULL);
	*out = k;
	return k->wake_fd >= 0 ? SP_OK : SP_ERR_IO;
}

enum sp_err sp__keeper_start(struct sp__keeper *k)
{
	if (pthread_create(&k->thread, NULL, run_thread, k) != 0)
		return SP_ERR_NOMEM;
	k->is_running = true;
	return SP_OK;
}

static void wake(const struct sp__keeper *k)
{
	const uint64_t one = 1;

	(void)!write(k->wake_fd, &one, sizeof one);
}

void sp__keeper_request(struct sp__keeper *k, struct sp_server_request *req)
{
	req->next = NULL;
	(void)pthread_mutex_lock(&k->lock);
	if (k->first)
		k->last->next = req;
	else
		k->first = req;
	k->last = req;
	(void)pthread_mutex_unlock(&k->lock);
	wake(k);
}

void sp__keeper_stop(struct sp__keeper **keeper)
{
	struct sp__keeper *k = *keeper;

	if (!k)
		return;
	(void)pthread_mutex_lock(&k->lock);
	k->is_stopping = true;
	(void)pthread_mutex_unlock(&k->lock);
	wake(k);
	if (k->is_running)
		(void)pthread_join(k->thread, NULL);
	close(k->wake_fd);
	(void)pthread_mutex_destroy(&k->lock);
	sp_buf_clear(&k->in);
	sp_free(k);
	*keeper = NULL;
}
