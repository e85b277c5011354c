/* SPDX-License-Identifier: Apache-2.0
 *
 * See world.h.
 */
#include "world.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS 20000

void must(enum sp_err err, const char *what, const char *file, int line)
{
	if (err == SP_OK)
		return;
	fprintf(stderr, "%s:%d: %s: %s\n", file, line, what, sp_err_name(err));
	abort();
}

static void insist(bool holds, const char *what)
{
	if (holds)
		return;
	perror(what);
	abort();
}

struct sp_time world_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (struct sp_time){(int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000};
}

/* -- the organisation ------------------------------------------------------------------------------------------------- */

static void write_file(const char *folder, const char *name, struct sp_bytes bytes)
{
	char path[400];
	int fd;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	insist(fd >= 0 && write(fd, bytes.p, bytes.n) == (ssize_t)bytes.n, path);
	close(fd);
}

void world_make(struct world *w, const struct world_options *options)
{
	struct sp_keeper_plan plan = {.org = SP_BYTES_LIT(WORLD_ORG), .is_open = true, .now = world_now()};
	struct sp_keeper *keeper;
	char last[] = "/sealpost-test-XXXXXX";

	*w = (struct world){.options = *options};
	snprintf(w->folder, sizeof w->folder, "%s%s", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", last);
	insist(mkdtemp(w->folder) != NULL, w->folder);
	snprintf(w->front, sizeof w->front, "%s/front", w->folder);
	snprintf(w->keeper, sizeof w->keeper, "%s/keeper", w->folder);
	snprintf(w->log_path, sizeof w->log_path, "%s/log", w->folder);
	insist(mkdir(w->front, 0700) == 0 && mkdir(w->keeper, 0700) == 0, "mkdir");
	snprintf(w->store_url, sizeof w->store_url, strcmp(options->store, "mem:") == 0 ? "mem:" : "sqlite:%s/store.db", w->front);
	plan.folder = w->keeper;
	MUST(sp_crypto_init());
	MUST(sp_keeper_make(&plan));
	MUST(sp_keeper_peek(&keeper, w->keeper));
	w->fingerprint = *sp_keeper_fingerprint(keeper);
	write_file(w->front, "root.der", sp_keeper_root(keeper));
	write_file(w->front, "issuing.der", sp_keeper_issuing(keeper));
	sp_keeper_close(&keeper);
}

static void *run_keeper(void *arg)
{
	struct world *w = arg;

	MUST(sp_keeper_serve(&w->keeper_run));
	return NULL;
}

static void *run_front(void *arg)
{
	struct world *w = arg;

	w->front_result = sp_server_run(&w->config);
	return NULL;
}

void world_prepare(struct world *w)
{
	int stop[2];

	insist(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, w->sockets) == 0 && pipe2(stop, O_CLOEXEC) == 0, "socketpair");
	w->keeper_stop = stop[1];
	w->keeper_run = (struct sp_keeper_run){.folder = w->keeper, .front_fd = w->sockets[1], .stop_fd = stop[0], .log_fd = -1};
	w->config = (struct sp_server_config){
		.listen = "127.0.0.1:0",
		.folder = w->front,
		.store_url = w->store_url,
		.org = WORLD_ORG,
		.metrics = w->options.metrics,
		.is_open = true,
		.account_rate = w->options.account_rate,
		.reactors = w->options.reactors,
		.keeper_fd = w->sockets[0],
		.log_fd = open(w->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600),
	};
}

void world_start_keeper(struct world *w)
{
	insist(pthread_create(&w->keeper_thread, NULL, run_keeper, w) == 0, "thread");
}

void world_await(struct world *w, int ready_fd)
{
	size_t n = 0;
	ssize_t got;

	while ((got = read(ready_fd, w->address + n, sizeof w->address - 1 - n)) > 0)
		n += (size_t)got;
	close(ready_fd);
	insist(n > 0, "the front did not become ready");
	w->address[n - 1] = '\0';
	w->port = (uint16_t)strtoul(strrchr(w->address, ':') + 1, NULL, 10);
}

void world_start(struct world *w)
{
	int ready[2], stop[2];

	world_prepare(w);
	world_start_keeper(w);
	insist(pipe2(ready, O_CLOEXEC) == 0 && pipe2(stop, O_CLOEXEC) == 0, "pipe");
	w->config.ready_fd = ready[1];
	w->config.stop_fd = stop[0];
	w->front_stop = stop[1];
	insist(pthread_create(&w->front_thread, NULL, run_front, w) == 0, "thread");
	world_await(w, ready[0]);
}

void world_stop(struct world *w)
{
	close(w->front_stop);
	(void)pthread_join(w->front_thread, NULL);
	MUST(w->front_result);
	close(w->sockets[0]);
	close(w->keeper_stop);
	(void)pthread_join(w->keeper_thread, NULL);
	close(w->sockets[1]);
	close(w->config.stop_fd);
	close(w->config.log_fd);
	close(w->keeper_run.stop_fd);
}

static void remove_all(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	char path[1024];

	while (dir && (e = readdir(dir))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
		if (unlink(path) != 0)
			remove_all(path);
	}
	if (dir)
		closedir(dir);
	(void)rmdir(folder);
}

void world_remove(struct world *w)
{
	remove_all(w->folder);
}

/* -- a person's device ------------------------------------------------------------------------------------------------------ */

static void fill_random(uint8_t *out, size_t n)
{
	struct sp_rng rng = sp_rng_system();

	MUST(sp_rng_fill(&rng, out, n));
}

static void sign_list(struct member *m)
{
	struct sp_signer signer = sp_sign_key_signer(m->key);
	struct sp_device_list list = {.account_id = m->account_id, .version = 1, .devices_n = 1, .time = world_now()};
	char address[SP_LIMIT_ADDRESS + 1];

	snprintf(address, sizeof address, "%s@" WORLD_ORG, m->name);
	list.address = sp_bytes_str(address);
	list.devices[0] = (struct sp_device_entry){m->spki, m->device_id, SP_BYTES_LIT("test"), world_now()};
	MUST(sp_device_list_sign(&m->list, &list, &signer));
}

void member_make(struct member *m, struct world *w, const char *name)
{
	*m = (struct member){.world = w};
	snprintf(m->name, sizeof m->name, "%s", name);
	sp_buf_init(&m->csr, SP_LIMIT_CSR);
	sp_buf_init(&m->list, SP_LIMIT_DEVICE_LIST);
	sp_buf_init(&m->certificate, SP_LIMIT_CERT);
	fill_random(m->account_id.b, sizeof m->account_id.b);
	fill_random(m->device_id.b, sizeof m->device_id.b);
	MUST(sp_sign_key_generate(&m->key, SP_SIG_ECDSA_P256_SHA256));
	MUST(sp_pki_point_decode(&m->point, sp_sign_key_signer(m->key).public_key));
	MUST(sp_pki_spki_hash(&m->spki, &m->point));
	MUST(sp_pki_csr_build(&m->csr, m->key));
	sign_list(m);
}

void member_join(struct member *m)
{
	struct sp_wire_enrol_request request = {
		.token = SP_BYTES_LIT("open"), .name = sp_bytes_str(m->name), .csr = sp_buf_bytes(&m->csr), .device_list = sp_buf_bytes(&m->list)};
	struct sp_wire_enrol_response response;
	struct line line;
	enum sp_err err;

	line_open(&line, m, false);
	while ((err = line_do(&line, SP_WIRE_ENROL, sp_wire_enrol_request_layout(), &request, sp_wire_enrol_response_layout(), &response)) == SP_ERR_RATE)
		(void)nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	MUST(err);
	sp_buf_clear(&m->certificate);
	MUST(sp_buf_append(&m->certificate, response.certificate));
	line_close(&line);
}

void member_clear(struct member *m)
{
	sp_sign_key_free(&m->key);
	sp_buf_clear(&m->csr);
	sp_buf_clear(&m->list);
	sp_buf_clear(&m->certificate);
}

/* -- a connection --------------------------------------------------------------------------------------------------------------- */

void line_open(struct line *l, struct member *m, bool with_certificate)
{
	struct sp_net_client_config config = {
		.host = "127.0.0.1",
		.port = m->world->port,
		.root_spki = m->world->fingerprint,
		.org = WORLD_ORG,
		.now = world_now(),
		.certificate = with_certificate ? sp_buf_bytes(&m->certificate) : SP_BYTES_NONE,
		.key = with_certificate ? m->key : NULL,
		.timeout_ms = WAIT_MS,
	};

	*l = (struct line){.member = m};
	sp_buf_init(&l->answer, SP_LIMIT_FRAME);
	MUST(sp_net_client_connect(&l->net, &config));
}

void line_login(struct line *l, struct member *m, struct sp_wire_hello_response *out)
{
	struct sp_wire_hello_request hello = {.client = SP_BYTES_LIT("test")};
	struct sp_wire_hello_response response;

	line_open(l, m, true);
	MUST(line_do(l, SP_WIRE_HELLO, sp_wire_hello_request_layout(), &hello, sp_wire_hello_response_layout(), out ? out : &response));
}

void line_close(struct line *l)
{
	sp_net_client_free(&l->net);
	sp_buf_clear(&l->answer);
}

enum sp_err line_send(struct line *l, uint8_t type, struct sp_bytes body, uint32_t *out_id)
{
	*out_id = ++l->last_id;
	return sp_net_client_send(l->net, SP_FRAME_REQUEST, type, l->last_id, body, WAIT_MS);
}

enum sp_err line_receive(struct line *l, struct sp_frame *out, unsigned timeout_ms)
{
	return sp_net_client_receive(l->net, out, timeout_ms);
}

static enum sp_err open_answer(struct line *l, const struct sp_frame *frame)
{
	struct sp_wire_response_head head;
	struct sp_bytes body = SP_BYTES_NONE;
	enum sp_err err = sp_wire_response_open(&head, &body, frame->body);

	sp_buf_clear(&l->answer);
	l->detail = head.detail;
	if (err == SP_OK)
		err = sp_buf_append(&l->answer, body);
	return err;
}

enum sp_err line_call(struct line *l, uint8_t type, struct sp_bytes body)
{
	struct sp_frame frame;
	uint32_t id;

	SP_TRY(line_send(l, type, body, &id));
	do
		SP_TRY(line_receive(l, &frame, WAIT_MS));
	while (frame.kind != SP_FRAME_RESPONSE || frame.id != id);
	return open_answer(l, &frame);
}

void line_await(struct line *l, uint8_t type, struct sp_frame *out)
{
	do
		MUST(line_receive(l, out, WAIT_MS));
	while (out->kind != SP_FRAME_EVENT || out->type != type);
}

enum sp_err line_do(struct line *l, uint8_t type, const struct sp_wire_layout *request, const void *in, const struct sp_wire_layout *response, void *out)
{
	struct sp_buf body;
	enum sp_err err;

	sp_buf_init(&body, SP_LIMIT_FRAME);
	err = sp_wire_layout_encode(request, &body, in);
	if (err == SP_OK)
		err = line_call(l, type, sp_buf_bytes(&body));
	sp_buf_clear(&body);
	if (err == SP_OK && out)
		err = sp_wire_layout_decode(response, out, sp_buf_bytes(&l->answer));
	return err;
}

/* -- metrics ------------------------------------------------------------------------------------------------------------------------ */

static void fetch(const char *listen, char *out, size_t size)
{
	struct sockaddr_in {
		uint16_t family, port;
		uint8_t address[4], zero[8];
	} to = {AF_INET, 0, {127, 0, 0, 1}, {0}};
	const char get[] = "GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n";
	uint16_t port = (uint16_t)strtoul(strrchr(listen, ':') + 1, NULL, 10);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t n = 0;
	ssize_t got;

	to.port = (uint16_t)(port << 8 | port >> 8);
	insist(connect(fd, (struct sockaddr *)&to, sizeof to) == 0 && write(fd, get, sizeof get - 1) == (ssize_t)sizeof get - 1, "metrics");
	while (n < size - 1 && (got = read(fd, out + n, size - 1 - n)) > 0)
		n += (size_t)got;
	out[n] = '\0';
	close(fd);
}

uint64_t world_metric(struct world *w, const char *name)
{
	static char text[1 << 16];
	char key[128];
	const char *at;

	fetch(w->options.metrics, text, sizeof text);
	snprintf(key, sizeof key, "\nsealpost_%s ", name);
	at = strstr(text, key);
	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}
