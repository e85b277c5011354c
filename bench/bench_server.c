/* SPDX-License-Identifier: Apache-2.0
 *
 * What the front costs: processor time of its process alone (its own clock), under real clients in another process: mutual TLS, a room made by
 * real MLS, items whose outside is a PrivateMessage of 1 KiB. SQLite, synced before acknowledged. Medians of RUNS.
 *
 *   bench_server [--quick] [--reactors N] [--connections N]
 */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "room.h"
#include "world.h"

#define RUNS 3
#define BODY 1024u
#define PAIRS 50u
#define CREDIT_STEP (256u << 10)

struct options {
	unsigned reactors, connections;
	bool is_quick;
};

struct front { /* the server's process */
	pid_t pid;
	clockid_t clock;
	double ready_ms;
	int stop_fd;
};

static void insist(bool holds, const char *what)
{
	if (holds)
		return;
	perror(what);
	exit(1);
}

static double now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double cpu_us(const struct front *f)
{
	struct timespec t;

	insist(clock_gettime(f->clock, &t) == 0, "cpu clock");
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof *v, compare);
	return v[n / 2];
}

static double percentile(const double *sorted, size_t n, unsigned p)
{
	return sorted[SP_MIN(n * p / 100, n - 1)];
}

/* A line of /proc/PID/FILE, in KiB. */
static double memory_kib(const struct front *f, const char *file, const char *key)
{
	char path[64], text[1 << 14];
	const char *at;
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)f->pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	insist(fd >= 0 && (n = read(fd, text, sizeof text - 1)) > 0, path);
	close(fd);
	text[n] = '\0';
	at = strstr(text, key);
	return at ? strtod(at + strlen(key), NULL) : 0;
}

/* -- the front --------------------------------------------------------------------------------------------------------- */

static unsigned free_port(void)
{
	struct sockaddr_in {
		uint16_t family, port;
		uint8_t address[4], zero[8];
	} sa = {AF_INET, 0, {127, 0, 0, 1}, {0}};
	socklen_t n = sizeof sa;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	insist(bind(fd, (struct sockaddr *)&sa, sizeof sa) == 0 && getsockname(fd, (struct sockaddr *)&sa, &n) == 0, "port");
	close(fd);
	return (unsigned)(uint16_t)(sa.port << 8 | sa.port >> 8);
}

static _Noreturn void run_front(struct world *w)
{
	close(w->sockets[1]);
	_exit(sp_server_run(&w->config) == SP_OK ? 0 : 1);
}

static void front_start(struct front *f, struct world *w)
{
	int ready[2], stop[2];
	double began;

	world_prepare(w);
	insist(pipe2(ready, O_CLOEXEC) == 0 && pipe2(stop, O_CLOEXEC) == 0, "pipe");
	w->config.ready_fd = ready[1];
	w->config.stop_fd = stop[0];
	began = now_ms();
	f->pid = fork();
	insist(f->pid >= 0, "fork");
	if (f->pid == 0) {
		close(ready[0]);
		close(stop[1]);
		run_front(w);
	}
	close(w->sockets[0]);
	close(ready[1]);
	close(stop[0]);
	f->stop_fd = stop[1];
	world_start_keeper(w);
	world_await(w, ready[0]);
	f->ready_ms = now_ms() - began;
	insist(clock_getcpuclockid(f->pid, &f->clock) == 0, "clock");
}

static void front_stop(struct front *f, struct world *w)
{
	int status = 0;

	close(f->stop_fd);
	insist(waitpid(f->pid, &status, 0) == f->pid && status == 0, "the front's end");
	(void)pthread_join(w->keeper_thread, NULL); /* the front closed its end */
	close(w->sockets[1]);
	close(w->keeper_stop);
}

/* -- logins, idle connections ------------------------------------------------------------------------------------------- */

static void bench_logins(struct front *f, struct member *members, size_t n)
{
	unsigned rounds = 200;
	double before = cpu_us(f);

	for (unsigned i = 0; i < rounds; i++) {
		struct line line;

		line_login(&line, &members[i % n], NULL);
		line_close(&line);
	}
	printf("mutual login (handshake, hello, goodbye)   %8.0f us CPU\n", (cpu_us(f) - before) / rounds);
}

static void bench_idle(struct front *f, struct member *members, size_t n, unsigned connections)
{
	struct line *lines = calloc(connections, sizeof *lines);
	double before = memory_kib(f, "status", "VmRSS:"), after, cpu;

	for (unsigned i = 0; i < connections; i++)
		line_login(&lines[i], &members[i % n], NULL);
	sleep(1);
	after = memory_kib(f, "status", "VmRSS:");
	cpu = cpu_us(f);
	sleep(3);
	printf("idle connections: %u                     %8.1f KiB RSS each, %.3f %% of a core\n", connections, (after - before) / connections,
	       (cpu_us(f) - cpu) / 3e4);
	for (unsigned i = 0; i < connections; i++)
		line_close(&lines[i]);
	free(lines);
}

/* -- messages --------------------------------------------------------------------------------------------------------------- */

struct flow { /* a sender and the readers of its room */
	struct line sender, *readers;
	size_t reader_n;
	struct member *member;
	struct room room;
	struct sp_buf message;
	unsigned sent, acked, delivered, goal, outstanding;
	size_t unread; /* bytes of events since the last grant of reader 0 */
};

static void subscribe(struct line *l, const struct room *room)
{
	struct sp_wire_subscription sub = {.log = {SP_WIRE_LOG_ROOM, room->id}, .from_seq = 1};
	struct sp_wire_subscribe_request request;
	struct sp_buf logs;

	sp_buf_init(&logs, 256);
	MUST(sp_wire_subscription_encode(&logs, &sub));
	request.logs = sp_buf_bytes(&logs);
	MUST(line_do(l, SP_WIRE_SUBSCRIBE, sp_wire_subscribe_request_layout(), &request, NULL, NULL));
	sp_buf_clear(&logs);
}

static void grant(struct line *l, uint32_t bytes)
{
	uint8_t body[4] = {(uint8_t)(bytes >> 24), (uint8_t)(bytes >> 16), (uint8_t)(bytes >> 8), (uint8_t)bytes};
	uint32_t id;

	MUST(line_send(l, SP_WIRE_CREDIT, SP_BYTES_OF(body), &id));
}

static void flow_open(struct flow *fl, struct member *m, struct member *readers, size_t reader_n, size_t distinct)
{
	struct member **others = calloc(SP_MAX(distinct, (size_t)1), sizeof *others);

	*fl = (struct flow){.member = m, .reader_n = reader_n, .readers = calloc(reader_n, sizeof *fl->readers)};
	line_login(&fl->sender, m, NULL);
	for (size_t i = 0; i < distinct; i++)
		others[i] = &readers[i];
	room_make(&fl->room, &fl->sender, others, distinct);
	room_message(&fl->message, &fl->room, BODY);
	for (size_t i = 0; i < reader_n; i++) {
		line_login(&fl->readers[i], distinct ? &readers[i % distinct] : m, NULL);
		subscribe(&fl->readers[i], &fl->room);
	}
	free(others);
}

static void flow_close(struct flow *fl)
{
	line_close(&fl->sender);
	for (size_t i = 0; i < fl->reader_n; i++)
		line_close(&fl->readers[i]);
	free(fl->readers);
	sp_buf_clear(&fl->message);
}

static void send_one(struct flow *fl)
{
	uint32_t id;

	reqno_write(&fl->message, ++fl->member->reqno);
	MUST(line_send(&fl->sender, SP_WIRE_APPEND, sp_buf_bytes(&fl->message), &id));
	fl->sent++;
}

static void take_acks(struct flow *fl)
{
	struct sp_frame frame;

	while (line_receive(&fl->sender, &frame, 0) == SP_OK) {
		struct sp_wire_response_head head;
		struct sp_bytes body;

		if (frame.kind != SP_FRAME_RESPONSE)
			continue;
		MUST(sp_wire_response_open(&head, &body, frame.body));
		fl->acked++;
	}
	while (fl->sent < fl->goal && fl->sent - fl->acked < fl->outstanding)
		send_one(fl);
}

/* How many items an event brings. */
static unsigned count_items(struct sp_bytes body)
{
	struct sp_wire_items_event event;
	struct sp_reader r;
	unsigned n = 0;

	MUST(sp_wire_items_event_decode(&event, body));
	r = sp_reader_of(event.items);
	while (!sp_reader_is_empty(&r)) {
		struct sp_wire_item item;

		MUST(sp_wire_item_read(&r, &item));
		n += item.kind == SP_WIRE_ITEM_APPLICATION;
	}
	return n;
}

static void take_items(struct flow *fl, size_t reader)
{
	struct line *l = &fl->readers[reader];
	struct sp_frame frame;

	while (line_receive(l, &frame, 0) == SP_OK) {
		if (frame.kind != SP_FRAME_EVENT || frame.type != SP_WIRE_ITEMS)
			continue;
		fl->delivered += count_items(frame.body);
		fl->unread += frame.body.n;
		if (fl->unread < CREDIT_STEP * fl->reader_n)
			continue;
		for (size_t i = 0; i < fl->reader_n; i++)
			grant(&fl->readers[i], CREDIT_STEP);
		fl->unread = 0;
	}
}

static bool is_done(const struct flow *flows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (flows[i].acked < flows[i].goal || flows[i].delivered < flows[i].goal * flows[i].reader_n)
			return false;
	return true;
}

static size_t list_descriptors(struct pollfd *p, const struct flow *flows, size_t n)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		p[at++] = (struct pollfd){.fd = sp_net_client_fd(flows[i].sender.net), .events = POLLIN};
		for (size_t j = 0; j < flows[i].reader_n; j++)
			p[at++] = (struct pollfd){.fd = sp_net_client_fd(flows[i].readers[j].net), .events = POLLIN};
	}
	return at;
}

/* Everything that is there is taken on each round: nothing waits inside a connection when poll is asked. */
static void run_flows(struct flow *flows, size_t n)
{
	size_t total = 0, count;
	struct pollfd *p;

	for (size_t i = 0; i < n; i++)
		total += 1 + flows[i].reader_n;
	p = calloc(total, sizeof *p);
	count = list_descriptors(p, flows, n);
	for (size_t i = 0; i < n; i++)
		take_acks(&flows[i]);
	while (!is_done(flows, n)) {
		size_t at = 0;

		insist(poll(p, (nfds_t)count, 20000) > 0, "no answer for 20 s");
		for (size_t i = 0; i < n; i++) {
			if (p[at++].revents)
				take_acks(&flows[i]);
			for (size_t j = 0; j < flows[i].reader_n; j++)
				if (p[at++].revents)
					take_items(&flows[i], j);
		}
	}
	free(p);
}

struct result {
	double cpu, rate, syncs;
};

static struct result measure(struct front *f, struct world *w, struct flow *flows, size_t n, unsigned goal, unsigned outstanding)
{
	uint64_t syncs = world_metric(w, "store_syncs_total");
	double before, began, spent, messages = (double)goal * (double)n, readers = (double)flows[0].reader_n;

	for (size_t i = 0; i < n; i++) {
		flows[i].sent = flows[i].acked = flows[i].delivered = 0;
		flows[i].goal = goal;
		flows[i].outstanding = outstanding;
	}
	before = cpu_us(f);
	began = now_ms();
	run_flows(flows, n);
	spent = now_ms() - began;
	return (struct result){
		.cpu = (cpu_us(f) - before) / (messages * readers),
		.rate = messages / spent * 1e3,
		.syncs = (double)(world_metric(w, "store_syncs_total") - syncs) / messages,
	};
}

static void bench_flows(struct front *f, struct world *w, struct flow *flows, size_t n, const char *name, unsigned goal, unsigned outstanding)
{
	double cpu[RUNS], rate[RUNS], syncs[RUNS];

	(void)measure(f, w, flows, n, goal / 5 + 1, outstanding); /* warm */
	for (size_t i = 0; i < RUNS; i++) {
		struct result r = measure(f, w, flows, n, goal, outstanding);

		cpu[i] = r.cpu;
		rate[i] = r.rate;
		syncs[i] = r.syncs;
	}
	printf("%-42s %8.1f us CPU a delivery, %8.0f messages/s, %.3f syncs a message\n", name, median(cpu, RUNS), median(rate, RUNS), median(syncs, RUNS));
}

static void bench_latency(struct flow *fl, unsigned seconds)
{
	unsigned per_second = 200, n = per_second * seconds;
	double *took = calloc(n, sizeof *took), next = now_ms();

	fl->sent = fl->acked = fl->delivered = 0;
	fl->goal = n;
	fl->outstanding = 0;
	for (unsigned i = 0; i < n; i++) {
		struct pollfd p = {.fd = sp_net_client_fd(fl->readers[0].net), .events = POLLIN};
		double began;

		while (now_ms() < next)
			(void)nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
		next += 1e3 / per_second;
		began = now_ms();
		send_one(fl);
		while (fl->delivered <= i) {
			insist(poll(&p, 1, 5000) > 0, "no delivery for 5 s");
			take_items(fl, 0);
		}
		took[i] = now_ms() - began;
		take_acks(fl);
	}
	qsort(took, n, sizeof *took, compare);
	printf("delivery at %u/s                          p50 %.2f ms, p99 %.2f ms\n", per_second, percentile(took, n, 50), percentile(took, n, 99));
	free(took);
	while (fl->acked < n)
		take_acks(fl);
}

/* -- the whole ------------------------------------------------------------------------------------------------------------------ */

static void bench_messages(struct front *f, struct world *w, struct member *members, unsigned scale)
{
	struct flow *flows = calloc(PAIRS, sizeof *flows);

	for (size_t i = 0; i < PAIRS; i++)
		flow_open(&flows[i], &members[i], NULL, 1, 0);
	bench_flows(f, w, flows, 1, "1 -> 1, one at a time", 400 * scale, 1);
	bench_flows(f, w, flows, 1, "1 -> 1, 16 outstanding", 2000 * scale, 16);
	bench_flows(f, w, flows, PAIRS, "50 -> 50, one at a time", 40 * scale, 1);
	bench_flows(f, w, flows, PAIRS, "50 -> 50, 16 outstanding", 200 * scale, 16);
	bench_latency(&flows[0], 1 + scale / 2);
	for (size_t i = 0; i < PAIRS; i++)
		flow_close(&flows[i]);
	free(flows);
}

static void bench_fan_out(struct front *f, struct world *w, struct member *members, unsigned scale, unsigned online)
{
	struct flow flow;
	char name[64];

	flow_open(&flow, &members[0], members + 1, online, SP_MIN(online, 20u));
	snprintf(name, sizeof name, "1 -> %u online, one at a time", online);
	bench_flows(f, w, &flow, 1, name, 10 * scale, 1);
	snprintf(name, sizeof name, "1 -> %u online, 16 outstanding", online);
	bench_flows(f, w, &flow, 1, name, 40 * scale, 16);
	flow_close(&flow);
}

static struct options parse(int argc, char **argv)
{
	struct options o = {.reactors = 1, .connections = 2000};

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--quick") == 0)
			o.is_quick = true;
		else if (strcmp(argv[i], "--reactors") == 0 && i + 1 < argc)
			o.reactors = (unsigned)strtoul(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--connections") == 0 && i + 1 < argc)
			o.connections = (unsigned)strtoul(argv[++i], NULL, 10);
	}
	return o;
}

int main(int argc, char **argv)
{
	const struct options o = parse(argc, argv);
	struct rlimit files = {0};
	struct world_options options = {.store = "sqlite:", .reactors = o.reactors, .account_rate = 1000000};
	struct member *members = calloc(PAIRS, sizeof *members);
	char metrics[32], name[16];
	struct front front;
	struct world w;

	setvbuf(stdout, NULL, _IOLBF, 0);
	(void)getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
	snprintf(metrics, sizeof metrics, "127.0.0.1:%u", free_port());
	options.metrics = metrics;
	world_make(&w, &options);
	front_start(&front, &w);
	printf("cold start                                 %8.1f ms, %.1f MiB PSS (front alone)\n", front.ready_ms,
	       memory_kib(&front, "smaps_rollup", "Pss:") / 1024);
	for (unsigned i = 0; i < PAIRS; i++) {
		snprintf(name, sizeof name, "m%u", 1000 + i);
		member_make(&members[i], &w, name);
		member_join(&members[i]);
	}
	bench_logins(&front, members, PAIRS);
	bench_idle(&front, members, PAIRS, o.connections);
	bench_messages(&front, &w, members, o.is_quick ? 1 : 10);
	bench_fan_out(&front, &w, members, o.is_quick ? 1 : 10, SP_MIN(o.connections / 2, 1000u));
	front_stop(&front, &w);
	for (unsigned i = 0; i < PAIRS; i++)
		member_clear(&members[i]);
	free(members);
	world_remove(&w);
	return 0;
}
