/* SPDX-License-Identifier: Apache-2.0
 *
 * The organisation's folder: its paths, its configuration, and orders to its keeper whether it runs or not.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/daemon_priv.h"

struct sp_time sp__daemon_now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (struct sp_time){(int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000};
}

static enum sp_err join(char out[PATH_MAX], const char *dir, const char *name)
{
	int n = snprintf(out, PATH_MAX, "%s/%s", dir, name);
	return n > 0 && n < PATH_MAX ? SP_OK : SP_ERR_TOO_LONG;
}

enum sp_err sp__daemon_paths(struct sp_daemon_paths *out, const char *dir)
{
	char real[PATH_MAX];
	if (!realpath(dir, real))
		return errno == ENOENT || errno == ENOTDIR ? SP_ERR_NOT_FOUND : SP_ERR_IO;
	SP_TRY(join(out->config, real, "config"));
	SP_TRY(join(out->keeper, real, "keeper"));
	SP_TRY(join(out->front, real, "front"));
	return join(out->address, real, "address");
}

int sp__daemon_open(const struct sp_daemon_call *call, struct sp_daemon_paths *paths, struct sp_daemon_config *config)
{
	char what[PATH_MAX + 64];
	unsigned line = 0;
	enum sp_err e = sp__daemon_paths(paths, call->dir);
	if (e == SP_OK)
		e = sp_daemon_config_read(config, paths->config, &line);
	if (e == SP_OK)
		return 0;
	snprintf(what, sizeof what, e == SP_ERR_NOT_FOUND ? "no organisation in %s" : "%s/config", call->dir);
	if (e == SP_ERR_INVALID && line > 0)
		snprintf(what, sizeof what, "%s/config, line %u", call->dir, line);
	return sp__daemon_fail(call, e, what, e == SP_ERR_NOT_FOUND ? "make one: sealpostd init --dir DIR --name ORGANISATION" : NULL);
}

static enum sp_err order_directly(const struct sp_daemon_paths *paths, uint8_t out_token[SP_WIRE_KEEPER_TOKEN], const struct sp_keeper_order *order)
{
	struct sp_keeper *keeper;
	SP_TRY(sp_keeper_open(&keeper, paths->keeper, sp__daemon_now()));
	enum sp_err e = sp_keeper_obey(keeper, out_token, order, sp__daemon_now());
	sp_keeper_close(&keeper);
	return e;
}

/* A keeper that is just starting holds the lock before it listens: ask again. */
enum sp_err sp__daemon_order(const struct sp_daemon_paths *paths, uint8_t out_token[SP_WIRE_KEEPER_TOKEN], const struct sp_keeper_order *order)
{
	const struct timespec pause = {.tv_nsec = 100000000};
	enum sp_err e = SP_ERR_UNREACHABLE;
	for (int i = 0; i < 20; i++) {
		e = sp_keeper_ask(paths->keeper, out_token, order);
		if (e != SP_ERR_UNREACHABLE)
			return e;
		e = order_directly(paths, out_token, order);
		if (e != SP_ERR_LOCKED)
			return e;
		nanosleep(&pause, NULL);
	}
	return e;
}
