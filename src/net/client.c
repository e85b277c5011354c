/* SPDX-License-Identifier: Apache-2.0
 *
 * A client's connection: blocking against deadlines over a non-blocking socket, so that every wait is a poll with an end.
 */
#include "net/client.h"

#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "net/net_priv.h"
#include "pki/pki.h"

#define CHAIN_N 3 /* leaf, issuing, root */

struct sp_net_client {
	int fd;
	SSL_CTX *ctx;
	SSL *ssl;
	struct sp__tls_chain chain; /* what the server showed */
	enum sp_err judged;
	struct sp__frames in;
	struct sp_bytes fresh; /* of scratch: not looked at yet */
	enum sp_err ended;     /* why reading ended; SP_OK while it goes on */
	bool is_broken;        /* no goodbye makes sense */
	uint8_t scratch[SP__NET_RECORD];
};

/* -- time ---------------------------------------------------------------------------------------------------------- */

static int64_t clock_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits for events of poll(2) on fd; *out_got says which. SP_ERR_TIMEOUT at until_ms. */
static enum sp_err wait_fd(int fd, short events, int64_t until_ms, short *out_got)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = events};
		int64_t left = SP_MAX(until_ms - clock_ms(), (int64_t)0);
		int n = poll(&p, 1, (int)SP_MIN(left, (int64_t)3600000));

		*out_got = p.revents;
		if (n > 0)
			return SP_OK;
		if (n < 0 && errno != EINTR)
			return SP_ERR_IO;
		if (n == 0 && clock_ms() >= until_ms)
			return SP_ERR_TIMEOUT;
	}
}

/* -- connecting -------------------------------------------------------------------------------------------------------- */

static enum sp_err finish_connect(int fd, int64_t until_ms)
{
	short got;
	int err = 0;
	socklen_t n = sizeof err;

	if (wait_fd(fd, POLLOUT, until_ms, &got) != SP_OK)
		return SP_ERR_UNREACHABLE;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &n) != 0 || err != 0)
		return SP_ERR_UNREACHABLE;
	return SP_OK;
}

static enum sp_err connect_one(int *out_fd, const struct addrinfo *ai, int64_t until_ms)
{
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	enum sp_err err = SP_ERR_UNREACHABLE;

	if (fd < 0)
		return err;
	if (connect(fd, ai->ai_addr, ai->ai_addrlen) == 0)
		err = SP_OK;
	else if (errno == EINPROGRESS)
		err = finish_connect(fd, until_ms);
	if (err != SP_OK) {
		close(fd);
		return err;
	}
	sp__socket_tune(fd);
	*out_fd = fd;
	return SP_OK;
}

static enum sp_err connect_any(int *out_fd, const struct sp_net_client_config *config, int64_t until_ms)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	enum sp_err err = SP_ERR_UNREACHABLE;
	char port[8];

	(void)snprintf(port, sizeof port, "%u", config->port);
	if (getaddrinfo(config->host, port, &hints, &list) != 0)
		return SP_ERR_UNREACHABLE;
	for (const struct addrinfo *ai = list; ai && err != SP_OK; ai = ai->ai_next)
		err = connect_one(out_fd, ai, until_ms);
	freeaddrinfo(list);
	return err;
}

/* -- judging the server ---------------------------------------------------------------------------------------------------- */

struct judging {
	struct sp_net_client *client;
	const struct sp_net_client_config *config;
};

static enum sp_err judge_leaf(struct sp_pki_trust *trust, const struct sp_net_client_config *config, struct sp_bytes leaf)
{
	struct sp_pki_question question = {.purpose = SP_PKI_FOR_SERVER, .at = config->now, .crl_unasked = true};
	struct sp_pki_identity id;

	SP_TRY(sp_pki_trust_judge(trust, &id, leaf, &question));
	if (config->org && !sp_bytes_equal(sp_bytes_str(config->org), sp_bytes_str(id.org)))
		return SP_ERR_CERTIFICATE;
	return SP_OK;
}

static enum sp_err judge_chain(const struct judging *j)
{
	const struct sp__tls_chain *chain = &j->client->chain;
	struct sp_pki_trust *trust = NULL;
	enum sp_err err;

	if (chain->n != CHAIN_N)
		return SP_ERR_CERTIFICATE;
	err = sp_pki_trust_new(&trust, &j->config->root_spki, chain->der[2], chain->der[1], j->config->now);
	if (err == SP_OK)
		err = judge_leaf(trust, j->config, chain->der[0]);
	sp_pki_trust_free(&trust);
	return err;
}

static int judge_server(X509_STORE_CTX *store, void *arg)
{
	struct judging *j = arg;

	j->client->judged = sp__tls_chain_of(&j->client->chain, store);
	if (j->client->judged == SP_OK)
		j->client->judged = judge_chain(j);
	X509_STORE_CTX_set_error(store, sp__tls_verdict(j->client->judged));
	return j->client->judged == SP_OK;
}

/* -- the handshake ------------------------------------------------------------------------------------------------------------ */

static enum sp_err prepare(struct sp_net_client *client, struct judging *j)
{
	static const uint8_t alpn[] = "\x0a" SP_NET_ALPN;
	const struct sp_net_client_config *config = j->config;

	SP_TRY(sp__tls_context_new(&client->ctx, false));
	SSL_CTX_set_verify(client->ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(client->ctx, judge_server, j);
	if (config->key)
		SP_TRY(sp__tls_identity(client->ctx, &config->certificate, 1, config->key));
	client->ssl = SSL_new(client->ctx);
	if (!client->ssl || SSL_set_fd(client->ssl, client->fd) != 1 || SSL_set_alpn_protos(client->ssl, alpn, sizeof alpn - 1) != 0)
		return SP_ERR_NOMEM;
	return SP_OK;
}

/* Waits for what OpenSSL wants next. */
static enum sp_err wait_events(const struct sp_net_client *client, int events, int64_t until_ms)
{
	short got;

	return wait_fd(client->fd, events == UV_WRITABLE ? POLLOUT : POLLIN, until_ms, &got);
}

/* A server that is not ours ends the handshake in any way it likes: what the user can do is the same. */
static enum sp_err handshake_err(const struct sp_net_client *client, enum sp_err err)
{
	if (client->judged != SP_OK)
		return client->judged;
	if (err == SP_ERR_INVALID || err == SP_ERR_UNSUPPORTED || err == SP_ERR_CLOSED)
		return SP_ERR_UNREACHABLE;
	return err;
}

static enum sp_err shake(struct sp_net_client *client, int64_t until_ms)
{
	const unsigned char *alpn;
	unsigned alpn_n;
	int ret, events;

	while ((ret = SSL_connect(client->ssl)) != 1) {
		enum sp_err err = sp__tls_error(client->ssl, ret, &events);

		if (err != SP_ERR_AGAIN)
			return handshake_err(client, err);
		SP_TRY(wait_events(client, events, until_ms));
	}
	SSL_get0_alpn_selected(client->ssl, &alpn, &alpn_n);
	return alpn_n == 0 ? SP_ERR_UNREACHABLE : SP_OK;
}

static void destroy(struct sp_net_client **client)
{
	struct sp_net_client *c = *client;

	SSL_free(c->ssl);
	SSL_CTX_free(c->ctx);
	if (c->fd >= 0)
		close(c->fd);
	sp__tls_chain_clear(&c->chain);
	sp__frames_clear(&c->in);
	sp_wipe(c->scratch, sizeof c->scratch);
	sp_free(c);
	*client = NULL;
}

static enum sp_err connect_and_shake(struct sp_net_client *client, const struct sp_net_client_config *config)
{
	struct judging judging = {.client = client, .config = config};
	int64_t until_ms = clock_ms() + config->timeout_ms;

	SP_TRY(connect_any(&client->fd, config, until_ms));
	SP_TRY(prepare(client, &judging));
	SP_TRY(shake(client, until_ms));
	SSL_CTX_set_cert_verify_callback(client->ctx, NULL, NULL); /* judging ends with this call */
	return SP_OK;
}

enum sp_err sp_net_client_connect(struct sp_net_client **out, const struct sp_net_client_config *config)
{
	struct sp_net_client *client = sp_alloc(sizeof *client);
	enum sp_err err;

	*out = NULL;
	if (!client)
		return SP_ERR_NOMEM;
	client->fd = -1;
	sp__frames_init(&client->in);
	sp__sigpipe_ignore();
	err = connect_and_shake(client, config);
	if (err != SP_OK)
		destroy(&client);
	*out = client;
	return err;
}

struct sp_bytes sp_net_client_root(const struct sp_net_client *client)
{
	return client->chain.der[2];
}

struct sp_bytes sp_net_client_issuing(const struct sp_net_client *client)
{
	return client->chain.der[1];
}

int sp_net_client_fd(const struct sp_net_client *client)
{
	return client->fd;
}

bool sp_net_client_has_pending(const struct sp_net_client *client)
{
	return client->fresh.n > 0 || SSL_has_pending(client->ssl) == 1 || !sp__frames_is_empty(&client->in);
}

/* -- frames ---------------------------------------------------------------------------------------------------------------------- */

/* After the handshake a record that does not open was changed on its way: for us the connection is as good as cut. */
static enum sp_err stream_err(enum sp_err err)
{
	return err == SP_ERR_INVALID || err == SP_ERR_UNSUPPORTED ? SP_ERR_CUT : err;
}

/* One read into scratch, which must be empty. SP_ERR_AGAIN: nothing there; *out_events says what to wait for. */
static enum sp_err read_some(struct sp_net_client *client, int *out_events)
{
	int n;

	*out_events = 0;
	if (client->ended != SP_OK)
		return client->ended;
	n = SSL_read(client->ssl, client->scratch, sizeof client->scratch);
	if (n > 0) {
		client->fresh = (struct sp_bytes){client->scratch, (size_t)n};
		return SP_OK;
	}
	enum sp_err err = stream_err(sp__tls_error(client->ssl, n, out_events));
	if (err != SP_ERR_AGAIN) {
		client->ended = err;
		client->is_broken = err != SP_ERR_CLOSED;
	}
	return err;
}

static bool is_room_kept(const struct sp_net_client *client)
{
	return client->in.buf.n + SP__NET_RECORD <= client->in.buf.max;
}

/* While the server is slow to take our bytes it may be waiting for us to take its own. */
static enum sp_err keep_arrivals(struct sp_net_client *client)
{
	int events;

	if (client->fresh.n > 0)
		SP_TRY(sp__frames_keep(&client->in, &client->fresh));
	while (is_room_kept(client) && read_some(client, &events) == SP_OK)
		SP_TRY(sp__frames_keep(&client->in, &client->fresh));
	return SP_OK;
}

static enum sp_err write_all(struct sp_net_client *client, struct sp_bytes bytes, int64_t until_ms)
{
	short got;
	int n, events;

	while (bytes.n > 0) {
		n = SSL_write(client->ssl, bytes.p, (int)SP_MIN(bytes.n, (size_t)SP__NET_RECORD));
		if (n > 0) {
			bytes.p += n;
			bytes.n -= (size_t)n;
			continue;
		}
		enum sp_err err = stream_err(sp__tls_error(client->ssl, n, &events));
		if (err != SP_ERR_AGAIN)
			return err;
		SP_TRY(wait_fd(client->fd, is_room_kept(client) ? POLLOUT | POLLIN : POLLOUT, until_ms, &got));
		if (got & POLLIN)
			SP_TRY(keep_arrivals(client));
	}
	return SP_OK;
}

/* A write that failed may hide why: the server's last words (an alert, a goodbye) are still to be read. */
static enum sp_err write_err(struct sp_net_client *client, enum sp_err err)
{
	client->is_broken = true;
	if (err != SP_ERR_CUT)
		return err;
	if (keep_arrivals(client) == SP_OK && client->ended != SP_OK)
		return client->ended;
	return err;
}

enum sp_err sp_net_client_send(struct sp_net_client *client, uint8_t kind, uint8_t type, uint32_t id, struct sp_bytes body, unsigned timeout_ms)
{
	int64_t until_ms = clock_ms() + timeout_ms;
	uint8_t header[SP_LIMIT_FRAME_HEADER];
	struct sp_buf frame;
	enum sp_err err;

	if (body.n > SP_LIMIT_FRAME)
		return SP_ERR_TOO_LONG;
	sp_buf_init(&frame, sizeof header + SP_LIMIT_FRAME);
	sp_frame_header_encode(header, (uint32_t)body.n, kind, type, id);
	err = sp_buf_append(&frame, SP_BYTES_OF(header));
	if (err == SP_OK)
		err = sp_buf_append(&frame, body);
	if (err == SP_OK) {
		err = write_all(client, sp_buf_bytes(&frame), until_ms);
		if (err != SP_OK)
			err = write_err(client, err);
	}
	sp_buf_clear(&frame);
	return err;
}

/* A server may fill a frame with an answer. */
static uint32_t any_frame(const void *ctx, uint8_t kind, uint8_t type)
{
	return SP_LIMIT_FRAME;
}

enum sp_err sp_net_client_receive(struct sp_net_client *client, struct sp_frame *out, unsigned timeout_ms)
{
	const struct sp__frame_limit limit = {.max = any_frame};
	int64_t until_ms = clock_ms() + timeout_ms;
	int events;

	for (;;) {
		enum sp_err err = sp__frames_next(&client->in, out, &client->fresh, &limit);

		if (err != SP_ERR_AGAIN)
			return err;
		err = read_some(client, &events);
		if (err == SP_ERR_AGAIN && timeout_ms == 0)
			return SP_ERR_TIMEOUT;
		if (err == SP_ERR_AGAIN)
			err = wait_events(client, events, until_ms);
		if (err != SP_OK)
			return err;
	}
}

void sp_net_client_free(struct sp_net_client **client)
{
	int events;

	if (!*client)
		return;
	if (!(*client)->is_broken && SSL_shutdown((*client)->ssl) < 0)
		(void)sp__tls_error((*client)->ssl, -1, &events);
	destroy(client);
}

void sp_net_client_cut(struct sp_net_client **client)
{
	if (*client)
		destroy(client);
}
