/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /metrics: numbers in the text format of Prometheus (version 0.0.4). No name, address or id appears here.
 */
#include <stdio.h>
#include <sys/resource.h>

#include "http/http.h"
#include "server/core_priv.h"

struct sp__metrics {
	struct sp_server *server;
	struct sp_http_page page;
	struct sp_http_server *http;
};

struct reading {
	struct sp_net_stats net;
	struct sp_store_stats store;
	struct sp__writer_stats writer;
	uint64_t rooms;
	const struct sp__counts *counts;
	uint64_t uptime_ms, directory;
	struct rusage usage;
};

/* X(name, kind, help, value of struct reading r) */
#define METRICS(X)                                                                                                     \
	X("connections", "gauge", "connections open now", r->net.open)                                                 \
	X("connections_accepted_total", "counter", "connections accepted", r->net.accepted)                            \
	X("handshakes_refused_total", "counter", "handshakes that failed", r->net.refused)                             \
	X("connections_limited_total", "counter", "connections not admitted for their source's sake", r->net.limited)  \
	X("frames_received_total", "counter", "frames received", r->net.frames_in)                                     \
	X("frames_sent_total", "counter", "frames sent", r->net.frames_out)                                            \
	X("bytes_received_total", "counter", "bytes of frames received", r->net.bytes_in)                              \
	X("bytes_sent_total", "counter", "bytes of frames sent", r->net.bytes_out)                                     \
	X("records_written_total", "counter", "TLS records written", r->net.writes)                                    \
	X("logins_total", "counter", "hellos answered", atomic_load(&r->counts->logins))                               \
	X("requests_total", "counter", "requests", atomic_load(&r->counts->requests))                                  \
	X("request_errors_total", "counter", "requests answered with an error", atomic_load(&r->counts->errors))       \
	X("requests_malformed_total", "counter", "frames that closed their connection", atomic_load(&r->counts->malformed)) \
	X("requests_in_flight", "gauge", "requests without an answer yet", atomic_load(&r->counts->in_flight))         \
	X("items_stored_total", "counter", "items published after their sync", atomic_load(&r->counts->items_published)) \
	X("items_pushed_total", "counter", "items sent to subscribers", atomic_load(&r->counts->items_pushed))         \
	X("catch_up_reads_total", "counter", "reads of the log for subscribers who lag", atomic_load(&r->counts->catch_ups)) \
	X("writer_batches_total", "counter", "batches written", r->writer.batches)                                     \
	X("writer_operations_total", "counter", "operations done", r->writer.operations)                               \
	X("writer_refused_total", "counter", "operations refused by the store", r->writer.refused)                     \
	X("writer_batch_largest", "gauge", "operations in the largest batch", r->writer.largest)                       \
	X("writer_queue", "gauge", "operations waiting", r->writer.queued)                                             \
	X("store_syncs_total", "counter", "transactions, each one sync", r->store.commits)                             \
	X("store_checkpoints_total", "counter", "write-ahead log copied back", r->store.checkpoints)                   \
	X("store_wal_bytes", "gauge", "bytes in the write-ahead log", r->store.wal_bytes)                              \
	X("rooms", "gauge", "rooms", r->rooms)                                                                         \
	X("directory_version", "gauge", "version of the directory", r->directory)                                      \
	X("cpu_milliseconds_total", "counter", "processor time of the front process",                                  \
	  (uint64_t)(r->usage.ru_utime.tv_sec + r->usage.ru_stime.tv_sec) * 1000 +                                     \
		  (uint64_t)(r->usage.ru_utime.tv_usec + r->usage.ru_stime.tv_usec) / 1000)                            \
	X("uptime_milliseconds", "gauge", "since the front started", r->uptime_ms)

static enum sp_err put(struct sp_buf *out, const char *name, const char *kind, const char *help, uint64_t value)
{
	char text[512];
	int n = snprintf(text, sizeof text, "# HELP sealpost_%s %s\n# TYPE sealpost_%s %s\nsealpost_%s %llu\n", name, help, name, kind, name,
			 (unsigned long long)value);

	return n > 0 ? sp_buf_append(out, (struct sp_bytes){(const uint8_t *)text, SP_MIN((size_t)n, sizeof text - 1)}) : SP_ERR_BUG;
}

static enum sp_err put_all(struct sp_buf *out, const struct reading *r)
{
#define X(name, kind, help, value) SP_TRY(put(out, name, kind, help, value));
	METRICS(X)
#undef X
	return SP_OK;
}

static enum sp_err count_room(void *ctx, const struct sp_store_room *room)
{
	uint64_t *n = ctx;

	(*n)++;
	return SP_OK;
}

static enum sp_err render(void *ctx, struct sp_buf *out)
{
	const struct sp__metrics *m = ctx;
	struct sp_server *server = m->server;
	struct reading r = {.counts = &server->counts};

	sp_net_server_stats(server->net, &r.net);
	sp_store_stats_get(server->store, &r.store);
	sp__writer_stats(server->writer, &r.writer);
	SP_TRY(sp_store_room_each(server->store, count_room, &r.rooms));
	r.uptime_ms = (uint64_t)(sp__now().ms - server->started.ms);
	r.directory = atomic_load(&server->directory_version);
	(void)getrusage(RUSAGE_SELF, &r.usage);
	return put_all(out, &r);
}

enum sp_err sp__metrics_new(struct sp__metrics **out, struct sp_server *server)
{
	struct sp__metrics *m = sp_alloc(sizeof *m);
	enum sp_err err;

	*out = NULL;
	if (!m)
		return SP_ERR_NOMEM;
	m->server = server;
	m->page = (struct sp_http_page){.path = "/metrics", .content_type = "text/plain; version=0.0.4; charset=utf-8", .render = render, .ctx = m};
	err = sp_http_server_new(&m->http, server->config.metrics, &m->page, 1);
	if (err != SP_OK)
		sp_free(m);
	else
		*out = m;
	return err;
}

void sp__metrics_free(struct sp__metrics **metrics)
{
	if (!*metrics)
		return;
	sp_http_server_free(&(*metrics)->http);
	sp_free(*metrics);
	*metrics = NULL;
}
