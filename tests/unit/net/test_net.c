/* SPDX-License-Identifier: Apache-2.0
 *
 * Both ends over real sockets and certificates: who is let in (ATTACKS.md N01, N03), what frames survive, how a connection ends. The server
 * echoes; types of its own steer it.
 */
#include "../pki/org.h"

#include <openssl/ssl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net/client.h"
#include "net/net.h"

enum { TYPE_ECHO = 1, TYPE_CLOSE = 2, TYPE_FLOOD = 3, TYPE_SMALL = 9 };

struct world {
	struct test_org org;
	struct sp_net_server *server;
	uint16_t port;
	_Atomic int last_close;   /* enum sp_err of the last on_close + 1 */
	_Atomic int last_refused; /* of the last on_refused + 1 */
	_Atomic int drains, closes;
};

static enum sp_err verify(void *ctx, const struct sp_bytes *chain, size_t n, void **out_peer)
{
	struct world *w = ctx;
	struct sp_pki_identity *id = sp_alloc(sizeof *id);
	struct sp_pki_question question = {.purpose = SP_PKI_FOR_DEVICE, .at = w->org.now};
	enum sp_err err = sp_pki_trust_judge(w->org.trust, id, chain[0], &question);

	if (err != SP_OK) {
		sp_free(id);
		id = NULL;
	}
	*out_peer = id;
	return err;
}

static void peer_free(void *ctx, void *peer)
{
	sp_free(peer);
}

static void on_refused(void *ctx, const struct sp_net_from *from, enum sp_err why)
{
	struct world *w = ctx;

	w->last_refused = (int)why + 1;
}

static enum sp_err on_open(void *ctx, struct sp_net_conn *conn, void *peer, void **out_user)
{
	sp_net_conn_accept(conn, 0);
	*out_user = peer;
	return SP_OK;
}

static enum sp_err flood(struct sp_net_conn *conn, uint32_t n)
{
	static uint8_t waste[1 << 16];

	for (uint32_t i = 0; i < n; i++)
		SP_TRY(sp_net_conn_send(conn, SP_FRAME_EVENT, TYPE_FLOOD, 0, SP_BYTES_OF(waste), SP_BYTES_NONE));
	return SP_OK;
}

/* Too much cuts the connection, but not under the hands of who sends: on_close frees what it holds. */
static void flood_until_cut(struct world *w, struct sp_net_conn *conn, uint32_t n)
{
	int before = w->closes;

	(void)!flood(conn, n);
	assert_int_equal(w->closes, before);
}

static enum sp_err on_frame(void *ctx, struct sp_net_conn *conn, const struct sp_frame *frame)
{
	if (frame->kind != SP_FRAME_REQUEST)
		return SP_ERR_ENCODING;
	if (frame->type == TYPE_CLOSE)
		sp_net_conn_close(conn, SP_OK);
	if (frame->type == TYPE_FLOOD)
		flood_until_cut(ctx, conn, frame->id);
	if (frame->type == TYPE_CLOSE || frame->type == TYPE_FLOOD)
		return SP_OK;
	return sp_net_conn_send(conn, SP_FRAME_RESPONSE, frame->type, frame->id, frame->body, SP_BYTES_NONE);
}

static void on_oversize(void *ctx, struct sp_net_conn *conn, const struct sp_frame *header)
{
	assert_int_equal(sp_net_conn_send(conn, SP_FRAME_RESPONSE, 99, header->id, SP_BYTES_NONE, SP_BYTES_NONE), SP_OK);
}

static void on_drain(void *ctx, struct sp_net_conn *conn)
{
	struct world *w = ctx;

	w->drains++;
}

static void on_close(void *ctx, struct sp_net_conn *conn, enum sp_err why)
{
	struct world *w = ctx;

	sp_free(sp_net_conn_user(conn));
	w->last_close = (int)why + 1;
	w->closes++;
}

static uint32_t frame_max(const void *user, uint8_t kind, uint8_t type)
{
	return type == TYPE_SMALL ? 16 : SP_LIMIT_FRAME;
}

static void identify(struct world *w, struct sp_net_server *server)
{
	struct sp_bytes chain[] = {sp_buf_bytes(&w->org.server), sp_buf_bytes(&w->org.issuing), sp_buf_bytes(&w->org.root)};

	assert_int_equal(sp_net_server_identity_set(server, chain, 3, w->org.server_key), SP_OK);
}

static int open_world(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	struct sp_net_server_config config = {.listen = "127.0.0.1:0", .reactors = 2, .ctx = w, .source_burst = 10000};

	org_open(&w->org, "example.org");
	config.calls = (struct sp_net_server_calls){verify, peer_free, on_refused, on_open, on_frame, on_oversize, on_drain, on_close, frame_max};
	assert_int_equal(sp_net_server_new(&w->server, &config), SP_OK);
	identify(w, w->server);
	assert_int_equal(sp_net_server_start(w->server), SP_OK);
	w->port = (uint16_t)strtoul(strrchr(sp_net_server_address(w->server)->text, ':') + 1, NULL, 10);
	*state = w;
	return 0;
}

static int close_world(void **state)
{
	struct world *w = *state;

	sp_net_server_stop(w->server, 1000);
	sp_net_server_free(&w->server);
	org_close(&w->org);
	free(w);
	return 0;
}

static struct sp_net_client_config config_of(struct world *w)
{
	return (struct sp_net_client_config){
		.host = "127.0.0.1",
		.port = w->port,
		.root_spki = w->org.fingerprint,
		.org = "example.org",
		.now = w->org.now,
		.certificate = sp_buf_bytes(&w->org.device),
		.key = w->org.device_key,
		.timeout_ms = 5000,
	};
}

static struct sp_net_client *connect_ok(struct world *w)
{
	struct sp_net_client_config config = config_of(w);
	struct sp_net_client *client;

	assert_int_equal(sp_net_client_connect(&client, &config), SP_OK);
	return client;
}

static void wait_for(_Atomic int *what, int value)
{
	for (int i = 0; i < 500 && *what != value; i++)
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	assert_int_equal(*what, value);
}

/* -- frames -------------------------------------------------------------------------------------------------------- */

static void echo(struct sp_net_client *client, uint32_t id, size_t n)
{
	uint8_t *bytes = malloc(n ? n : 1);
	struct sp_frame frame;

	memset(bytes, (int)id, n ? n : 1);
	assert_int_equal(sp_net_client_send(client, SP_FRAME_REQUEST, TYPE_ECHO, id, (struct sp_bytes){bytes, n}, 5000), SP_OK);
	assert_int_equal(sp_net_client_receive(client, &frame, 5000), SP_OK);
	assert_int_equal(frame.id, id);
	assert_true(sp_bytes_equal(frame.body, (struct sp_bytes){bytes, n}));
	free(bytes);
}

static void test_echo(void **state)
{
	struct sp_net_client *client = connect_ok(*state);
	const size_t sizes[] = {0, 1, 1000, 16374, 16384, 16385, 100000, SP_LIMIT_FRAME};

	for (uint32_t i = 0; i < SP_ARRAY_LEN(sizes); i++)
		echo(client, i + 1, sizes[i]);
	sp_net_client_free(&client);
}

/* More than the sockets hold, both ways, before anything is read. */
static void test_pipelined(void **state)
{
	struct world *w = *state;
	struct sp_net_client *client = connect_ok(w);
	static uint8_t body[60000];
	struct sp_frame frame;

	for (uint32_t i = 0; i < 60; i++)
		assert_int_equal(sp_net_client_send(client, SP_FRAME_REQUEST, TYPE_ECHO, i, SP_BYTES_OF(body), 5000), SP_OK);
	for (uint32_t i = 0; i < 60; i++) {
		assert_int_equal(sp_net_client_receive(client, &frame, 5000), SP_OK);
		assert_int_equal(frame.id, i);
	}
	assert_int_equal(sp_net_client_receive(client, &frame, 0), SP_ERR_TIMEOUT);
	sp_net_client_free(&client);
}

static void test_oversize(void **state)
{
	struct world *w = *state;
	struct sp_net_client *client = connect_ok(w);
	uint8_t body[17] = {0};
	struct sp_frame frame;

	assert_int_equal(sp_net_client_send(client, SP_FRAME_REQUEST, TYPE_SMALL, 7, SP_BYTES_OF(body), 5000), SP_OK);
	assert_int_equal(sp_net_client_receive(client, &frame, 5000), SP_OK);
	assert_int_equal(frame.type, 99);
	assert_int_equal(sp_net_client_receive(client, &frame, 5000), SP_ERR_CLOSED);
	sp_net_client_free(&client);
	wait_for(&w->last_close, SP_ERR_TOO_LONG + 1);
}

/* -- the end of a connection ------------------------------------------------------------------------------------------ */

static void test_goodbye_and_cut(void **state)
{
	struct world *w = *state;
	struct sp_net_client *client = connect_ok(w);
	struct sp_frame frame;

	echo(client, 1, 10);
	sp_net_client_free(&client);
	wait_for(&w->last_close, SP_ERR_CLOSED + 1);
	client = connect_ok(w);
	echo(client, 1, 10);
	sp_net_client_cut(&client);
	wait_for(&w->last_close, SP_ERR_CUT + 1);
	client = connect_ok(w);
	assert_int_equal(sp_net_client_send(client, SP_FRAME_REQUEST, TYPE_CLOSE, 1, SP_BYTES_NONE, 5000), SP_OK);
	assert_int_equal(sp_net_client_receive(client, &frame, 5000), SP_ERR_CLOSED);
	assert_int_equal(sp_net_client_receive(client, &frame, 5000), SP_ERR_CLOSED);
	sp_net_client_free(&client);
	wait_for(&w->last_close, SP_OK + 1);
}

/* A reader that does not read: the server's memory for it is bounded, and it is cut. */
static void test_slow_reader(void **state)
{
	struct world *w = *state;
	struct sp_net_client *client = connect_ok(w);

	assert_int_equal(sp_net_client_send(client, SP_FRAME_REQUEST, TYPE_FLOOD, 2000, SP_BYTES_NONE, 5000), SP_OK);
	wait_for(&w->last_close, SP_ERR_QUOTA + 1);
	sp_net_client_cut(&client);
}

static void test_drain(void **state)
{
	struct world *w = *state;
	struct sp_net_client *client = connect_ok(w);
	struct sp_frame frame;
	int before = w->drains;

	assert_int_equal(sp_net_client_send(client, SP_FRAME_REQUEST, TYPE_FLOOD, 400, SP_BYTES_NONE, 5000), SP_OK);
	nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
	for (int i = 0; i < 400; i++)
		assert_int_equal(sp_net_client_receive(client, &frame, 5000), SP_OK);
	echo(client, 5, 5);
	assert_true(w->drains > before);
	sp_net_client_free(&client);
}

/* -- who is let in ----------------------------------------------------------------------------------------------------- */

static void test_newcomer(void **state)
{
	struct world *w = *state;
	struct sp_net_client_config config = config_of(w);
	struct sp_net_client *client;

	config.certificate = SP_BYTES_NONE;
	config.key = NULL;
	assert_int_equal(sp_net_client_connect(&client, &config), SP_OK);
	echo(client, 3, 30);
	assert_true(sp_bytes_equal(sp_net_client_root(client), sp_buf_bytes(&w->org.root)));
	assert_true(sp_bytes_equal(sp_net_client_issuing(client), sp_buf_bytes(&w->org.issuing)));
	sp_net_client_free(&client);
}

static void test_wrong_server(void **state)
{
	struct world *w = *state;
	struct sp_net_client_config config = config_of(w);
	struct sp_net_client *client;

	config.root_spki.b[0] ^= 1;
	assert_int_equal(sp_net_client_connect(&client, &config), SP_ERR_FINGERPRINT);
	config = config_of(w);
	config.org = "example.net";
	assert_int_equal(sp_net_client_connect(&client, &config), SP_ERR_CERTIFICATE);
	config = config_of(w);
	config.now.ms += 8 * DAY_MS;
	assert_int_equal(sp_net_client_connect(&client, &config), SP_ERR_EXPIRED);
	config = config_of(w);
	config.port = 1;
	assert_int_equal(sp_net_client_connect(&client, &config), SP_ERR_UNREACHABLE);
	assert_null(client);
}

/* A refused certificate is told by alert; in TLS 1.3 that comes after the client's own handshake. */
static void expect_refused(struct world *w, struct sp_bytes certificate, struct sp_sign_key *key, enum sp_err want)
{
	struct sp_net_client_config config = config_of(w);
	struct sp_net_client *client;
	struct sp_frame frame;
	enum sp_err err;

	config.certificate = certificate;
	config.key = key;
	w->last_refused = 0;
	assert_int_equal(sp_net_client_connect(&client, &config), SP_OK);
	(void)!sp_net_client_send(client, SP_FRAME_REQUEST, TYPE_ECHO, 1, SP_BYTES_NONE, 1000);
	err = sp_net_client_receive(client, &frame, 5000);
	assert_int_equal(err, SP_ERR_DENIED);
	sp_net_client_free(&client);
	wait_for(&w->last_refused, (int)want + 1);
}

static void test_n03_wrong_client(void **state)
{
	struct world *w = *state;
	struct test_org foreign = {0};
	struct sp_pki_revocation revoked = {.serial = w->org.device_serial, .since = sp_pki_trust_crl_number(w->org.trust) + 1};
	struct sp_buf crl;

	org_open(&foreign, "example.org");
	expect_refused(w, sp_buf_bytes(&foreign.device), foreign.device_key, SP_ERR_CERTIFICATE);
	org_close(&foreign);
	expect_refused(w, sp_buf_bytes(&w->org.server), w->org.server_key, SP_ERR_CERTIFICATE); /* serverAuth is not clientAuth */
	sp_buf_init(&crl, SP_LIMIT_CRL);
	org_crl(&w->org, &crl, &revoked, 1, revoked.since);
	assert_int_equal(sp_pki_trust_set_crl(w->org.trust, sp_buf_bytes(&crl)), SP_OK);
	expect_refused(w, sp_buf_bytes(&w->org.device), w->org.device_key, SP_ERR_REVOKED);
	sp_buf_clear(&crl);
}

/* -- N01, by OpenSSL's own client -------------------------------------------------------------------------------------- */

static void dial_on(struct world *w, int fd)
{
	struct sockaddr_in {
		uint16_t family, port;
		uint8_t address[4], zero[8];
	} to = {AF_INET, (uint16_t)(w->port << 8 | w->port >> 8), {127, 0, 0, 1}, {0}};

	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
}

static int dial(struct world *w)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	dial_on(w, fd);
	return fd;
}

static SSL_CTX *raw_context(const char *alpn, size_t alpn_n, int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	SSL_CTX_set_min_proto_version(ctx, version);
	SSL_CTX_set_max_proto_version(ctx, version);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	if (alpn_n > 0)
		assert_int_equal(SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)alpn, (unsigned)alpn_n), 0);
	return ctx;
}

/* Handshake and one read: in the end an error must have come. */
static bool is_let_in(struct world *w, const char *alpn, size_t alpn_n, int version)
{
	SSL_CTX *ctx = raw_context(alpn, alpn_n, version);
	SSL *ssl = SSL_new(ctx);
	int fd = dial(w);
	bool in;

	SSL_set_fd(ssl, fd);
	in = SSL_connect(ssl) == 1;
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	return in;
}

static void test_n01_handshakes(void **state)
{
	struct world *w = *state;

	assert_true(is_let_in(w, "\x0asealpost/1", 11, TLS1_3_VERSION));
	assert_false(is_let_in(w, "\x0asealpost/1", 11, TLS1_2_VERSION));
	wait_for(&w->last_refused, SP_ERR_UNSUPPORTED + 1); /* told on the handshake thread, after the client was */
	assert_false(is_let_in(w, "", 0, TLS1_3_VERSION));
	assert_false(is_let_in(w, "\x08http/1.1", 9, TLS1_3_VERSION));
	assert_false(is_let_in(w, "\x0asealpost/2", 11, TLS1_3_VERSION));
	assert_true(is_let_in(w, "\x08http/1.1\x0asealpost/1", 20, TLS1_3_VERSION));
}

/* N01, N02: no compression, no renegotiation, no ticket and no early data, whatever is offered. */
static void test_n01_after_the_handshake(void **state)
{
	SSL_CTX *ctx = raw_context("\x0asealpost/1", 11, TLS1_3_VERSION);
	SSL *ssl = SSL_new(ctx);
	int fd = dial(*state);
	uint8_t ping[SP_LIMIT_FRAME_HEADER], back[64];

	SSL_set_fd(ssl, fd);
	assert_int_equal(SSL_connect(ssl), 1);
	assert_null(SSL_get_current_compression(ssl));
	assert_int_equal(SSL_renegotiate(ssl), 0);
	sp_frame_header_encode(ping, 0, SP_FRAME_REQUEST, TYPE_ECHO, 1);
	assert_int_equal(SSL_write(ssl, ping, sizeof ping), sizeof ping);
	assert_int_equal(SSL_read(ssl, back, sizeof back), SP_LIMIT_FRAME_HEADER);
	assert_false(SSL_SESSION_is_resumable(SSL_get_session(ssl)));
	assert_int_equal(SSL_SESSION_get_max_early_data(SSL_get_session(ssl)), 0);
	assert_int_equal(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED), 1);
	assert_int_equal(SSL_write(ssl, ping, sizeof ping), sizeof ping); /* RFC 8446 4.6.3 is served */
	assert_int_equal(SSL_read(ssl, back, sizeof back), SP_LIMIT_FRAME_HEADER);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
}

static void test_not_tls(void **state)
{
	struct world *w = *state;
	const char http[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
	char back[64];
	int fd = dial(w);

	w->last_refused = 0;
	assert_int_equal(write(fd, http, sizeof http - 1), sizeof http - 1);
	assert_true(read(fd, back, sizeof back) >= 0); /* an alert, or nothing */
	close(fd);
	wait_for(&w->last_refused, SP_ERR_INVALID + 1);
}

/* Frames written one byte at a time, and a kind that does not exist. */
static void test_malformed_header(void **state)
{
	struct world *w = *state;
	SSL_CTX *ctx = raw_context("\x0asealpost/1", 11, TLS1_3_VERSION);
	SSL *ssl = SSL_new(ctx);
	int fd = dial(w);
	uint8_t header[SP_LIMIT_FRAME_HEADER], back[64];

	SSL_set_fd(ssl, fd);
	assert_int_equal(SSL_connect(ssl), 1);
	sp_frame_header_encode(header, 0, SP_FRAME_REQUEST, TYPE_ECHO, 1);
	for (size_t i = 0; i < sizeof header; i++)
		assert_int_equal(SSL_write(ssl, header + i, 1), 1);
	assert_int_equal(SSL_read(ssl, back, sizeof back), SP_LIMIT_FRAME_HEADER);
	header[4] = 77;
	assert_int_equal(SSL_write(ssl, header, sizeof header), sizeof header);
	assert_int_equal(SSL_read(ssl, back, sizeof back), 0);
	assert_int_equal(SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
	wait_for(&w->last_close, SP_ERR_ENCODING + 1);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
}

/* -- descriptors run out (ATTACKS.md, Faults 15) ----------------------------------------------------------------------- */

static double cpu_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Accepting pauses and does not spin; when there are descriptors again, it goes on. */
static void test_out_of_descriptors(void **state)
{
	struct world *w = *state;
	struct sp_net_client *client;
	struct rlimit before, tight;
	int idle[40];
	double spent;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	for (size_t i = 0; i < SP_ARRAY_LEN(idle); i++)
		idle[i] = socket(AF_INET, SOCK_STREAM, 0);
	tight = (struct rlimit){(rlim_t)idle[SP_ARRAY_LEN(idle) - 1] + 5, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	for (size_t i = 0; i < SP_ARRAY_LEN(idle); i++)
		dial_on(w, idle[i]);
	nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
	spent = cpu_ms();
	nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
	spent = cpu_ms() - spent;
	assert_true(spent < 100);
	for (size_t i = 0; i < SP_ARRAY_LEN(idle); i++)
		close(idle[i]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	client = connect_ok(w);
	echo(client, 1, 100);
	sp_net_client_free(&client);
}

/* -- stopping ------------------------------------------------------------------------------------------------------------- */

static void test_stop(void **state)
{
	struct world *w = *state;
	struct sp_net_client *clients[8];
	struct sp_frame frame;

	for (size_t i = 0; i < SP_ARRAY_LEN(clients); i++) {
		clients[i] = connect_ok(w);
		echo(clients[i], 1, 100);
	}
	sp_net_server_stop(w->server, 3000);
	for (size_t i = 0; i < SP_ARRAY_LEN(clients); i++) {
		assert_int_equal(sp_net_client_receive(clients[i], &frame, 5000), SP_ERR_CLOSED);
		sp_net_client_free(&clients[i]);
	}
	assert_int_equal(w->closes, SP_ARRAY_LEN(clients));
}

#define NET_TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NET_TEST(test_echo),
		NET_TEST(test_pipelined),
		NET_TEST(test_oversize),
		NET_TEST(test_goodbye_and_cut),
		NET_TEST(test_slow_reader),
		NET_TEST(test_drain),
		NET_TEST(test_newcomer),
		NET_TEST(test_wrong_server),
		NET_TEST(test_n03_wrong_client),
		NET_TEST(test_n01_handshakes),
		NET_TEST(test_n01_after_the_handshake),
		NET_TEST(test_not_tls),
		NET_TEST(test_malformed_header),
		NET_TEST(test_out_of_descriptors),
		NET_TEST(test_stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
