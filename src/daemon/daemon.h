/* SPDX-License-Identifier: Apache-2.0
 *
 * daemon: the program sealpostd. The supervisor over its two children, and administration on the machine.
 *
 * Organisation folder D: config (0644), keeper/ and front/ (0700 each, each its own user's when started as root),
 * address (while it runs: where it listens).
 *
 * Does not check: anything that front or keeper judge; it only starts, separates and ends them.
 */
#ifndef SP_DAEMON_H
#define SP_DAEMON_H

#include "base/base.h"
#include "server/server.h"

/* The whole program. Exit codes: 0 done, 1 failed for a stated reason, 2 usage, 3 refused (authentication or trust),
 * 4 not found, 5 unreachable. */
int sp_daemon_main(int argc, char **argv);

/* What runs in the network process once it is in its sandbox: sp_server_run, or a test's own. */
typedef enum sp_err sp_daemon_front_fn(const struct sp_server_config *config);

struct sp_daemon_supervision {
	const char *dir;
	sp_daemon_front_fn *front;
	bool is_one_uid_accepted; /* --unsafe-one-uid */
	int out_fd;               /* "ready ADDRESS\n" goes here, once */
	int log_fd;
};
/* Runs keeper and front until SIGTERM or SIGINT. A pair that dies after it was ready is started again, more slowly each
 * time; SIGHUP ends the pair cleanly and starts it with the configuration as it then is. *out_what names, in a static
 * text, what failed. */
SP_MUST_USE enum sp_err sp_daemon_supervise(const struct sp_daemon_supervision *what, const char **out_what);

#endif
