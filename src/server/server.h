/* SPDX-License-Identifier: Apache-2.0
 *
 * server: the front process. Sessions, rooms, delivery; the front of every connection and the one user of the store.
 *
 * It holds no organisation key: what needs one is asked of the keeper over a socketpair. It cannot read content: it stores
 * sealed items in ordered logs and follows each room as a keyless public group.
 *
 * Does not check: file permissions of its folder, nor who started it; the supervisor (daemon) does both.
 */
#ifndef SP_SERVER_H
#define SP_SERVER_H

#include "base/base.h"

struct sp_server_config {
	const char *listen;    /* "HOST:PORT"; port 0 takes a free one */
	const char *public_host; /* "HOST:PORT" for links; NULL: the address bound */
	const char *folder;    /* D/front: root.der and issuing.der are read here */
	const char *store_url; /* "sqlite:PATH" or "mem:" */
	const char *org;       /* the organisation's domain */
	const char *metrics;   /* loopback "HOST:PORT" for GET /metrics, or NULL */
	bool is_open;          /* self-registration without a token */
	unsigned account_rate; /* mutations a second from one connection, sustained, ten times that at once; 0: the default 1,000 */
	unsigned reactors;     /* 0: one less than the cores, at least one */
	int keeper_fd;         /* socketpair (stream) to the keeper */
	int log_fd;            /* the connection and event log, a line each */
	int ready_fd;          /* once connections are accepted: the address and a newline are written here, then it is closed; -1: none */
	int stop_fd;           /* readable (or closed by the other end) means: stop cleanly */
};

/* Runs until stop_fd says so (SP_OK: every acknowledged item is stored, every connection got its goodbye) or until
 * something that may not be retried failed: SP_ERR_IO, SP_ERR_DISK_FULL and the like, after which the process must end.
 * Starts its threads itself; blocks no signal that the caller has not blocked. */
SP_MUST_USE enum sp_err sp_server_run(const struct sp_server_config *config);

#endif
