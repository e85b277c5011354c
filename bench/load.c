/* SPDX-License-Identifier: Apache-2.0
 *
 * Load for a real server: each thread is a person with a device, a connection and a room of their own; it enrols by open
 * registration, makes the room with a true MLS group, and appends one sealed message over and over, `window` of them
 * unanswered at a time. The server cannot tell that the ciphertext repeats; every append is stored and synced.
 *
 *   bench_load LINK send THREADS WINDOW SECONDS BYTES     prints JSON: messages, seconds, p50_us, p99_us
 *   bench_load LINK idle CONNECTIONS                      prints "ready", holds them until standard input ends
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "mls/mls.h"
#include "net/client.h"
#include "pki/device_list.h"
#include "rules/rules.h"
#include "wire/enrol.h"
#include "wire/log.h"
#include "wire/response.h"
#include "wire/room.h"
#include "wire/session.h"
#include "wire/types.h"

#define WINDOW_MAX 1024u
#define SAMPLES_MAX (1u << 20)
#define TIMEOUT_MS 30000u
#define SUITE 0x0002u

struct target {
	char host[256];
	uint16_t port;
	struct sp_hash32 root;
	char token[64];
};

struct peer {
	const struct target *target;
	unsigned number;
	struct sp_sign_key *key;
	struct sp_id16 account, room;
	struct sp_buf certificate;
	struct sp_buf message; /* a sealed PrivateMessage of epoch 0 */
	struct sp_net_client *net;
	uint64_t reqno;
	uint32_t id;
};

struct load {
	struct peer peer;
	unsigned window, seconds;
	size_t bytes;
	uint64_t done;
	uint32_t *samples; /* microseconds */
	size_t samples_n;
	enum sp_err err;
	pthread_barrier_t *start;
};

static struct sp_time wall_clock(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (struct sp_time){(int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000};
}

static uint64_t now_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* -- one request, one answer ------------------------------------------------------------------------------------------- */

static enum sp_err receive(struct peer *p, struct sp_bytes *out_body, uint32_t *out_id)
{
	struct sp_frame frame;
	struct sp_wire_response_head head;
	do
		SP_TRY(sp_net_client_receive(p->net, &frame, TIMEOUT_MS));
	while (frame.kind != SP_FRAME_RESPONSE);
	*out_id = frame.id;
	return sp_wire_response_open(&head, out_body, frame.body);
}

static enum sp_err ask(struct peer *p, uint8_t type, struct sp_bytes body, struct sp_bytes *out)
{
	uint32_t id;
	SP_TRY(sp_net_client_send(p->net, SP_FRAME_REQUEST, type, ++p->id, body, TIMEOUT_MS));
	return receive(p, out, &id);
}

static enum sp_err connect_peer(struct peer *p, bool as_device)
{
	struct sp_net_client_config config = {.host = p->target->host, .port = p->target->port, .root_spki = p->target->root, .now = wall_clock(),
					      .timeout_ms = TIMEOUT_MS};
	if (as_device) {
		config.certificate = sp_buf_bytes(&p->certificate);
		config.key = p->key;
	}
	sp_net_client_free(&p->net);
	return sp_net_client_connect(&p->net, &config);
}

/* -- enrolling --------------------------------------------------------------------------------------------------------- */

static enum sp_err sign_list(struct peer *p, struct sp_buf *out, const char *address, const struct sp_pki_point *point)
{
	struct sp_signer signer = sp_sign_key_signer(p->key);
	struct sp_device_list list = {.account_id = p->account, .address = sp_bytes_str(address), .version = 1, .devices_n = 1, .time = wall_clock()};
	list.devices[0] = (struct sp_device_entry){.device_id = p->account, .name = SP_BYTES_LIT("bench"), .added = list.time};
	SP_TRY(sp_pki_spki_hash(&list.devices[0].spki_hash, point));
	return sp_device_list_sign(out, &list, &signer);
}

static enum sp_err org_of(struct peer *p, char *out, size_t size)
{
	struct sp_bytes body;
	struct sp_wire_org_info_response info;
	SP_TRY(ask(p, SP_WIRE_ORG_INFO, SP_BYTES_NONE, &body));
	SP_TRY(sp_wire_org_info_response_decode(&info, body));
	snprintf(out, size, "%.*s", (int)info.org.n, (const char *)info.org.p);
	return SP_OK;
}

static enum sp_err enrol_with(struct peer *p, struct sp_buf *csr, struct sp_buf *list, struct sp_buf *request)
{
	char name[32], org[256], address[300];
	struct sp_pki_csr checked;
	struct sp_bytes body;
	struct sp_wire_enrol_response got;
	SP_TRY(connect_peer(p, false));
	SP_TRY(org_of(p, org, sizeof org));
	snprintf(name, sizeof name, "load%04u%08x", p->number, (unsigned)getpid());
	snprintf(address, sizeof address, "%s@%s", name, org);
	SP_TRY(sp_pki_csr_build(csr, p->key));
	SP_TRY(sp_pki_csr_check(&checked, sp_buf_bytes(csr)));
	SP_TRY(sign_list(p, list, address, &checked.point));
	struct sp_wire_enrol_request ask_for = {sp_bytes_str(p->target->token), sp_bytes_str(name), sp_buf_bytes(csr), sp_buf_bytes(list)};
	SP_TRY(sp_wire_enrol_request_encode(request, &ask_for));
	SP_TRY(ask(p, SP_WIRE_ENROL, sp_buf_bytes(request), &body));
	SP_TRY(sp_wire_enrol_response_decode(&got, body));
	return sp_buf_append(&p->certificate, got.certificate);
}

static enum sp_err enrol(struct peer *p)
{
	struct sp_rng rng = sp_rng_system();
	struct sp_buf csr = {.max = SP_LIMIT_CSR}, list = {.max = SP_LIMIT_DEVICE_LIST}, request = {.max = 1u << 16};
	sp_buf_init(&p->certificate, SP_LIMIT_CERT);
	sp_buf_init(&p->message, SP_LIMIT_ITEM);
	enum sp_err e = sp_rng_fill(&rng, p->account.b, sizeof p->account.b);
	if (e == SP_OK)
		e = sp_sign_key_generate(&p->key, SP_SIG_ECDSA_P256_SHA256);
	if (e == SP_OK)
		e = enrol_with(p, &csr, &list, &request);
	sp_buf_clear(&csr);
	sp_buf_clear(&list);
	sp_buf_clear(&request);
	return e;
}

static enum sp_err hello(struct peer *p)
{
	struct sp_buf body = {.max = 128};
	struct sp_bytes answer;
	struct sp_wire_hello_request request = {SP_BYTES_LIT("bench"), 0};
	enum sp_err e = sp_wire_hello_request_encode(&body, &request);
	if (e == SP_OK)
		e = ask(p, SP_WIRE_HELLO, sp_buf_bytes(&body), &answer);
	sp_buf_clear(&body);
	return e;
}

/* -- a room of one ------------------------------------------------------------------------------------------------------ */

static enum sp_err accept_all(void *ctx, const struct sp_mls_credential_check *check)
{
	return SP_OK;
}

struct made {
	struct sp_mls_group *group;
	struct sp_mls_staged *staged;
	struct sp_buf chain, state, info, tree, body, text;
};

static enum sp_err make_group(struct peer *p, struct made *m, const struct sp_mls_env *env, size_t bytes)
{
	static const uint16_t types[] = {SP_RULES_EXTENSION_ROOM_STATE};
	struct sp_rules_state state = {SP_RULES_PRIVATE, SP_RULES_ROOM, SP_RULES_INVITATION, SP_BYTES_NONE};
	struct sp_rules_role_entry creator = {p->account, SP_RULES_ADMIN};
	struct sp_bytes der = sp_buf_bytes(&p->certificate);
	uint8_t *text;
	SP_TRY(sp_mls_credential_chain(&m->chain, &der, 1));
	SP_TRY(sp_rules_state_encode(&m->state, &state, &creator, 1));
	struct sp_mls_extension extension = {SP_RULES_EXTENSION_ROOM_STATE, sp_buf_bytes(&m->state)};
	struct sp_mls_group_params params = {.size = sizeof params, .suite = SUITE, .group_id = sp_id16_bytes(&p->room), .extensions = {&extension, 1}};
	params.leaf = (struct sp_mls_leaf_params){.size = sizeof params.leaf, .credential = {SP_MLS_CREDENTIAL_X509, sp_buf_bytes(&m->chain)},
						  .extension_types = {types, SP_ARRAY_LEN(types)}};
	SP_TRY(sp_mls_group_new(env, &m->group, &params));
	struct sp_mls_group_info_params info = {.size = sizeof info};
	SP_TRY(sp_mls_group_info_export(env, m->group, &m->info, &info));
	SP_TRY(sp_mls_view_ratchet_tree(sp_mls_group_view(m->group), &m->tree));
	SP_TRY(sp_buf_extend(&m->text, bytes, &text));
	SP_TRY(sp_mls_group_protect(env, m->group, &m->staged, sp_buf_bytes(&m->text), SP_BYTES_NONE, 0));
	return sp_buf_append(&p->message, sp_mls_staged_info(m->staged)->message);
}

static enum sp_err open_room_with(struct peer *p, struct made *m, size_t bytes)
{
	struct sp_rng rng = sp_rng_system();
	struct sp_signer signer = sp_sign_key_signer(p->key);
	struct sp_mls_validator validator = {.check = accept_all};
	struct sp_mls_env env = {.size = sizeof env, .rng = &rng, .now = wall_clock(), .signer = &signer, .validator = &validator};
	struct sp_bytes answer;
	SP_TRY(sp_rng_fill(&rng, p->room.b, sizeof p->room.b));
	SP_TRY(make_group(p, m, &env, bytes));
	struct sp_wire_room_create_request request = {++p->reqno, p->room, sp_buf_bytes(&m->info), sp_buf_bytes(&m->tree)};
	SP_TRY(sp_wire_room_create_request_encode(&m->body, &request));
	return ask(p, SP_WIRE_ROOM_CREATE, sp_buf_bytes(&m->body), &answer);
}

static enum sp_err open_room(struct peer *p, size_t bytes)
{
	struct made m = {0};
	struct sp_buf *bufs[] = {&m.chain, &m.state, &m.info, &m.tree, &m.body, &m.text};
	for (size_t i = 0; i < SP_ARRAY_LEN(bufs); i++)
		sp_buf_init(bufs[i], SP_LIMIT_HANDSHAKE);
	enum sp_err e = open_room_with(p, &m, bytes);
	for (size_t i = 0; i < SP_ARRAY_LEN(bufs); i++)
		sp_buf_clear(bufs[i]);
	sp_mls_staged_free(&m.staged);
	sp_mls_group_free(&m.group);
	return e;
}

/* -- sending ------------------------------------------------------------------------------------------------------------- */

static enum sp_err send_one(struct load *l, struct sp_buf *body, uint64_t *sent_at)
{
	struct peer *p = &l->peer;
	struct sp_wire_append_request request = {++p->reqno, p->room, 0, sp_buf_bytes(&p->message)};
	sp_buf_clear(body);
	SP_TRY(sp_wire_append_request_encode(body, &request));
	sent_at[++p->id % WINDOW_MAX] = now_us();
	return sp_net_client_send(p->net, SP_FRAME_REQUEST, SP_WIRE_APPEND, p->id, sp_buf_bytes(body), TIMEOUT_MS);
}

static enum sp_err take_one(struct load *l, const uint64_t *sent_at)
{
	struct sp_bytes body;
	uint32_t id;
	SP_TRY(receive(&l->peer, &body, &id));
	if (l->samples_n < SAMPLES_MAX)
		l->samples[l->samples_n++] = (uint32_t)(now_us() - sent_at[id % WINDOW_MAX]);
	l->done++;
	return SP_OK;
}

static enum sp_err send_for_a_while(struct load *l, struct sp_buf *body)
{
	uint64_t sent_at[WINDOW_MAX] = {0}, end = now_us() + (uint64_t)l->seconds * 1000000;
	unsigned open = 0;
	while (open < l->window) {
		SP_TRY(send_one(l, body, sent_at));
		open++;
	}
	while (open > 0) {
		SP_TRY(take_one(l, sent_at));
		if (now_us() < end)
			SP_TRY(send_one(l, body, sent_at));
		else
			open--;
	}
	return SP_OK;
}

static enum sp_err prepare(struct peer *p, size_t bytes)
{
	SP_TRY(enrol(p));
	SP_TRY(connect_peer(p, true));
	SP_TRY(hello(p));
	return bytes ? open_room(p, bytes) : SP_OK;
}

static void *run_load(void *ctx)
{
	struct load *l = ctx;
	struct sp_buf body = {.max = SP_LIMIT_FRAME};
	l->err = prepare(&l->peer, l->bytes);
	pthread_barrier_wait(l->start);
	if (l->err == SP_OK)
		l->err = send_for_a_while(l, &body);
	sp_buf_clear(&body);
	return NULL;
}

static void peer_clear(struct peer *p)
{
	sp_net_client_free(&p->net);
	sp_sign_key_free(&p->key);
	sp_buf_clear(&p->certificate);
	sp_buf_clear(&p->message);
}

/* -- results ------------------------------------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static enum sp_err report(struct load *loads, unsigned n, double seconds)
{
	size_t total = 0;
	uint64_t done = 0;
	for (unsigned i = 0; i < n; i++) {
		if (loads[i].err != SP_OK)
			return loads[i].err;
		total += loads[i].samples_n;
		done += loads[i].done;
	}
	uint32_t *all = sp_alloc_array(total, sizeof *all);
	if (!all)
		return SP_ERR_NOMEM;
	for (unsigned i = 0, at = 0; i < n; at += (unsigned)loads[i].samples_n, i++)
		sp_copy(all + at, loads[i].samples, loads[i].samples_n * sizeof *all);
	qsort(all, total, sizeof *all, by_value);
	printf("{\"messages\": %llu, \"seconds\": %.3f, \"p50_us\": %u, \"p99_us\": %u}\n", (unsigned long long)done, seconds, total ? all[total / 2] : 0,
	       total ? all[total * 99 / 100] : 0);
	sp_free(all);
	return SP_OK;
}

static enum sp_err run_send(const struct target *t, char **argv)
{
	unsigned n = (unsigned)strtoul(argv[0], NULL, 10);
	struct load *loads = sp_alloc_array(n, sizeof *loads);
	pthread_t *threads = sp_alloc_array(n, sizeof *threads);
	pthread_barrier_t start;
	if (!loads || !threads || pthread_barrier_init(&start, NULL, n + 1) != 0)
		return SP_ERR_NOMEM;
	for (unsigned i = 0; i < n; i++) {
		loads[i] = (struct load){.peer = {.target = t, .number = i}, .window = (unsigned)strtoul(argv[1], NULL, 10),
					 .seconds = (unsigned)strtoul(argv[2], NULL, 10), .bytes = strtoul(argv[3], NULL, 10), .start = &start};
		loads[i].window = SP_MIN(loads[i].window, WINDOW_MAX);
		loads[i].samples = sp_alloc_array(SAMPLES_MAX, sizeof *loads[i].samples);
		if (!loads[i].samples || pthread_create(&threads[i], NULL, run_load, &loads[i]) != 0)
			return SP_ERR_NOMEM;
	}
	pthread_barrier_wait(&start);
	uint64_t begun = now_us();
	for (unsigned i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	enum sp_err e = report(loads, n, (double)(now_us() - begun) / 1e6);
	for (unsigned i = 0; i < n; i++) {
		peer_clear(&loads[i].peer);
		sp_free(loads[i].samples);
	}
	sp_free(loads);
	sp_free(threads);
	return e;
}

static enum sp_err run_idle(const struct target *t, char **argv)
{
	unsigned n = (unsigned)strtoul(argv[0], NULL, 10);
	struct peer *peers = sp_alloc_array(n, sizeof *peers);
	enum sp_err e = peers ? SP_OK : SP_ERR_NOMEM;
	for (unsigned i = 0; e == SP_OK && i < n; i++) {
		peers[i] = (struct peer){.target = t, .number = i};
		e = prepare(&peers[i], 0);
	}
	if (e == SP_OK) {
		puts("ready");
		fflush(stdout);
		while (getchar() != EOF)
			;
	}
	for (unsigned i = 0; peers && i < n; i++)
		peer_clear(&peers[i]);
	sp_free(peers);
	return e;
}

static enum sp_err parse_link(struct target *t, const char *link)
{
	char fingerprint[64];
	struct sp_buf raw = {.max = 32};
	unsigned port;
	if (sscanf(link, "sealpost://%255[^:/]:%u/%63[a-z2-7]/%63[a-z2-7]", t->host, &port, fingerprint, t->token) != 4 || port > 65535)
		return SP_ERR_USAGE;
	t->port = (uint16_t)port;
	enum sp_err e = sp_base32_decode(&raw, sp_bytes_str(fingerprint));
	if (e == SP_OK && raw.n == sizeof t->root.b)
		sp_copy(t->root.b, raw.p, raw.n);
	else
		e = SP_ERR_USAGE;
	sp_buf_clear(&raw);
	return e;
}

int main(int argc, char **argv)
{
	struct target target;
	enum sp_err e = argc > 3 ? parse_link(&target, argv[1]) : SP_ERR_USAGE;
	if (e == SP_OK)
		e = sp_crypto_init();
	if (e == SP_OK && strcmp(argv[2], "send") == 0 && argc == 7)
		e = run_send(&target, argv + 3);
	else if (e == SP_OK && strcmp(argv[2], "idle") == 0 && argc == 4)
		e = run_idle(&target, argv + 3);
	else if (e == SP_OK)
		e = SP_ERR_USAGE;
	if (e != SP_OK)
		fprintf(stderr, "bench_load: %s\n", sp_err_text(e));
	return e == SP_OK ? 0 : 1;
}
