/* SPDX-License-Identifier: Apache-2.0
 *
 * The server side as a whole: made, given its certificate, started, stopped.
 */
#include <unistd.h>

#include "net/net_priv.h"

#define SOURCE_RATE 200
#define SOURCE_BURST 2000
#define HANDSHAKES_MAX 4096

static enum sp_err init_parts(struct sp_net_server *server)
{
	struct sp_net_server_config *config = &server->config;

	config->source_rate = config->source_rate ? config->source_rate : SOURCE_RATE;
	config->source_burst = config->source_burst ? config->source_burst : SOURCE_BURST;
	config->handshakes_max = config->handshakes_max ? config->handshakes_max : HANDSHAKES_MAX;
	if (config->reactors < 1 || config->reactors > SP_NET_REACTORS_MAX)
		return SP_ERR_USAGE;
	return sp__sources_init(&server->sources, config->source_rate, config->source_burst);
}

enum sp_err sp_net_server_new(struct sp_net_server **out, const struct sp_net_server_config *config)
{
	struct sp_net_server *server = sp_alloc(sizeof *server);
	enum sp_err err;

	*out = NULL;
	if (!server)
		return SP_ERR_NOMEM;
	server->config = *config;
	server->listener.fd = -1;
	err = uv_mutex_init(&server->tls_lock) == 0 ? init_parts(server) : SP_ERR_NOMEM;
	if (err != SP_OK) {
		sp_free(server);
		return err;
	}
	*out = server;
	return SP_OK;
}

enum sp_err sp_net_server_identity_set(struct sp_net_server *server, const struct sp_bytes *chain, size_t n, struct sp_sign_key *key)
{
	SSL_CTX *ctx = NULL, *old;
	enum sp_err err = sp__tls_server_context(&ctx, server);

	if (err == SP_OK)
		err = sp__tls_identity(ctx, chain, n, key);
	if (err != SP_OK) {
		SSL_CTX_free(ctx);
		return err;
	}
	uv_mutex_lock(&server->tls_lock);
	old = server->tls;
	server->tls = ctx;
	uv_mutex_unlock(&server->tls_lock);
	SSL_CTX_free(old);
	return SP_OK;
}

static enum sp_err start_reactors(struct sp_net_server *server)
{
	for (unsigned i = 0; i < server->config.reactors; i++) {
		server->reactors[i] = sp_alloc(sizeof *server->reactors[i]);
		if (!server->reactors[i])
			return SP_ERR_NOMEM;
		SP_TRY(sp__reactor_start(server->reactors[i], server, i));
		server->started++;
	}
	return SP_OK;
}

enum sp_err sp_net_server_start(struct sp_net_server *server)
{
	if (!server->tls)
		return SP_ERR_STATE;
	sp__sigpipe_ignore();
	SP_TRY(sp__listener_open(&server->listener, server));
	SP_TRY(start_reactors(server));
	return sp__listener_start(&server->listener);
}

const struct sp_net_from *sp_net_server_address(const struct sp_net_server *server)
{
	return &server->address;
}

unsigned sp_net_server_reactors(const struct sp_net_server *server)
{
	return server->config.reactors;
}

void sp_net_server_stop(struct sp_net_server *server, unsigned drain_ms)
{
	if (server->is_stopped || server->started == 0)
		return;
	server->is_stopped = true;
	sp__listener_stop(&server->listener);
	for (unsigned i = 0; i < server->started; i++)
		sp__reactor_stop(server->reactors[i], drain_ms);
	for (unsigned i = 0; i < server->started; i++)
		sp__reactor_join(server->reactors[i]);
}

void sp_net_server_free(struct sp_net_server **server)
{
	struct sp_net_server *s = *server;

	if (!s)
		return;
	sp_net_server_stop(s, 0);
	if (s->listener.fd >= 0)
		close(s->listener.fd);
	for (unsigned i = 0; i < s->config.reactors; i++)
		sp__reactor_free(s->reactors[i]);
	SSL_CTX_free(s->tls);
	sp__sources_clear(&s->sources);
	uv_mutex_destroy(&s->tls_lock);
	sp_free(s);
	*server = NULL;
}

static uint64_t get(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

void sp_net_server_stats(const struct sp_net_server *server, struct sp_net_stats *out)
{
	const struct sp__net_counts *c = &server->counts;

	*out = (struct sp_net_stats){
		.accepted = get(&c->accepted),
		.refused = get(&c->refused),
		.limited = get(&c->limited),
		.open = get(&c->open),
		.frames_in = get(&c->frames_in),
		.frames_out = get(&c->frames_out),
		.bytes_in = get(&c->bytes_in),
		.bytes_out = get(&c->bytes_out),
		.writes = get(&c->writes),
	};
}

void sp_net_source_charge(struct sp_net_server *server, const struct sp_net_from *from, unsigned attempts)
{
	sp__source_charge(&server->sources, from, attempts, uv_hrtime() / 1000000);
}
