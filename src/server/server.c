/* SPDX-License-Identifier: Apache-2.0
 *
 * The front process from start to end. Order of the start: what is needed to answer before the first listener opens; of the end: nobody new, what is
 * under way, goodbyes, threads, store.
 */
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "server/core_priv.h"
#include "wire/keeper_msg.h"

#define POOL_THREADS 2u
#define SETTLE_MS 5000 /* for requests under way when told to stop */
#define DRAIN_MS 3000  /* for what is queued on sockets */

/* -- for handlers ------------------------------------------------------------------------------------------------------ */

struct sp_store *sp_server_store(struct sp_server *server)
{
	return server->store;
}

const struct sp_server_config *sp_server_config_get(const struct sp_server *server)
{
	return &server->config;
}

struct sp_server_rooms *sp_server_rooms_get(struct sp_server *server)
{
	return server->rooms;
}

void sp__server_fatal(struct sp_server *server, enum sp_err err)
{
	const uint64_t one = 1;
	int none = SP_OK;

	if (!atomic_compare_exchange_strong(&server->fatal, &none, (int)err))
		return;
	SP__LOG(server, SP__EVENT_FATAL, SP__F_ERR("why", err));
	(void)!write(server->fatal_fd, &one, sizeof one);
}

/* -- start ----------------------------------------------------------------------------------------------------------------- */

static unsigned default_reactors(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	return cores > 2 ? (unsigned)SP_MIN(cores - 1, (long)SP_NET_REACTORS_MAX) : 1;
}

/* As many connections as the machine allows. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static enum sp_err make_net(struct sp_server *server)
{
	struct sp_net_server_config config = {.listen = server->config.listen, .reactors = server->reactors, .ctx = server};

	sp__session_calls(&config.calls);
	return sp_net_server_new(&server->net, &config);
}

static enum sp_err make_shards(struct sp_server *server)
{
	server->shards = sp_alloc_array(server->reactors, sizeof *server->shards);
	if (!server->shards)
		return SP_ERR_NOMEM;
	for (unsigned i = 0; i < server->reactors; i++)
		SP_TRY(sp__shard_init(&server->shards[i], server, i));
	return SP_OK;
}

static enum sp_err make_parts(struct sp_server *server)
{
	uint64_t version;

	SP_TRY(sp__identity_load(server));
	SP_TRY(sp_store_open(&server->store, server->config.store_url));
	SP_TRY(sp_store_directory_version(server->store, &version));
	atomic_store(&server->directory_version, version);
	SP_TRY(sp__roster_new(&server->roster, server->store));
	SP_TRY(sp__online_new(&server->online));
	SP_TRY(sp__server_rooms_new(&server->rooms, server));
	SP_TRY(make_shards(server));
	SP_TRY(make_net(server));
	SP_TRY(sp__pool_new(&server->pool, POOL_THREADS));
	SP_TRY(sp__writer_new(&server->writer, server));
	return sp__keeper_new(&server->keeper, server);
}

static enum sp_err ask_first(struct sp_server *server)
{
	SP_TRY(sp__identity_renew(server));
	SP_TRY(sp__identity_crl_refresh(server));
	return sp__identity_accounts_refresh(server);
}

static enum sp_err tell_serving(struct sp_server *server)
{
	struct sp_buf nothing;
	enum sp_err err;

	sp_buf_init(&nothing, 64);
	err = sp__keeper_ask(server->keeper, SP_WIRE_KEEPER_SERVE, SP_BYTES_NONE, &nothing);
	sp_buf_clear(&nothing);
	return err;
}

static void tell_ready(struct sp_server *server)
{
	const char *address = sp_net_server_address(server->net)->text;

	SP__LOG(server, SP__EVENT_START, SP__F_STR("address", address), SP__F_NUM("reactors", server->reactors));
	if (server->config.ready_fd < 0)
		return;
	(void)!write(server->config.ready_fd, address, strlen(address));
	(void)!write(server->config.ready_fd, "\n", 1);
	close(server->config.ready_fd);
}

static enum sp_err start(struct sp_server *server)
{
	SP_TRY(sp_crypto_init());
	SP_TRY(make_parts(server));
	SP_TRY(ask_first(server));
	if (server->config.metrics)
		SP_TRY(sp__metrics_new(&server->metrics, server));
	SP_TRY(sp_net_server_start(server->net));
	SP_TRY(tell_serving(server));
	SP_TRY(sp__keeper_start(server->keeper));
	tell_ready(server);
	return SP_OK;
}

/* -- end -------------------------------------------------------------------------------------------------------------------- */

static void wait_for_end(struct sp_server *server)
{
	struct pollfd p[2] = {{.fd = server->config.stop_fd, .events = POLLIN}, {.fd = server->fatal_fd, .events = POLLIN}};

	while (poll(p, 2, -1) < 0 && errno == EINTR)
		;
}

static void say_goodbye(struct sp_server_session *s, const void *arg)
{
	sp__session_closing(s, SP_WIRE_CLOSING_SHUTDOWN);
}

/* Requests that came before the word are answered; later ones get BUSY. */
static void settle(struct sp_server *server)
{
	const struct timespec nap = {.tv_nsec = 2000000};

	atomic_store(&server->is_stopping, true);
	for (int i = 0; i < SETTLE_MS / 2 && atomic_load(&server->counts.in_flight) > 0; i++)
		(void)nanosleep(&nap, NULL);
	sp__sessions_each(server, say_goodbye, NULL, 0);
}

static void end(struct sp_server *server)
{
	if (server->net)
		sp_net_server_stop(server->net, DRAIN_MS);
	sp__keeper_stop(&server->keeper);
	if (server->pool)
		sp__pool_stop(server->pool);
	sp__writer_stop(&server->writer);
	sp__metrics_free(&server->metrics);
	sp__pool_free(&server->pool);
	sp_net_server_free(&server->net);
	for (unsigned i = 0; server->shards && i < server->reactors; i++)
		sp__shard_clear(&server->shards[i]);
	sp_free(server->shards);
	sp__server_rooms_free(&server->rooms);
	sp__online_free(&server->online);
	sp__roster_free(&server->roster);
	sp_store_close(&server->store);
	sp__identity_clear(server);
}

/* After a failure that may not be retried nothing is acknowledged, flushed or said: the caller ends the process as it stands. */
static enum sp_err run(struct sp_server *server)
{
	enum sp_err err = start(server);

	if (err == SP_OK) {
		wait_for_end(server);
		err = (enum sp_err)atomic_load(&server->fatal);
		if (err != SP_OK)
			return err;
		settle(server);
	}
	end(server);
	SP__LOG(server, SP__EVENT_STOP, SP__F_ERR("why", err));
	return err;
}

enum sp_err sp_server_run(const struct sp_server_config *config)
{
	struct sp_server *server = sp_alloc(sizeof *server);
	enum sp_err err;

	if (!server)
		return SP_ERR_NOMEM;
	server->config = *config;
	server->reactors = config->reactors ? SP_MIN(config->reactors, SP_NET_REACTORS_MAX) : default_reactors();
	server->started = sp__now();
	server->fatal_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sp__evlog_init(&server->evlog, config->log_fd);
	sp__dispatch_init(server);
	raise_descriptors();
	err = server->fatal_fd >= 0 ? run(server) : SP_ERR_IO;
	if (atomic_load(&server->fatal) != SP_OK)
		return err;
	close(server->fatal_fd);
	sp__evlog_clear(&server->evlog);
	sp_free(server);
	return err;
}
