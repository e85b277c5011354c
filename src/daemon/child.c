/* SPDX-License-Identifier: Apache-2.0
 *
 * Starting the two children. Each keeps the descriptors it is meant to have and nothing else, goes into its sandbox, and
 * says by its exit code how it ended (SP_DAEMON_EXIT_BASE and an enum sp_err; anything else was no end of ours).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "daemon/daemon_priv.h"
#include "daemon/sandbox.h"

/* Everything of one start, on both sides of the forks. */
struct start {
	const struct sp_daemon_supervision *what;
	const struct sp_daemon_paths *paths;
	const struct sp_daemon_config *config;
	pid_t supervisor;
	int talk[2]; /* keeper's end, front's end */
	int keeper_stop[2], front_stop[2], ready[2]; /* read end, write end */
};

/* -- in the child --------------------------------------------------------------------------------------------------------- */

#define FIRST_FD 3
#define PARKED_FD 200

/* The descriptors become 3, 4, 5 ... in this order; all others are closed. */
static enum sp_err keep_only(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, PARKED_FD);
		if (fds[i] < 0)
			return SP_ERR_IO;
	}
	if (close_range(FIRST_FD, PARKED_FD - 1, 0) != 0)
		return SP_ERR_IO;
	for (size_t i = 0; i < n; i++) {
		if (dup2(fds[i], FIRST_FD + (int)i) < 0)
			return SP_ERR_IO;
		fds[i] = FIRST_FD + (int)i;
	}
	return close_range(FIRST_FD + (unsigned)n, ~0u, 0) == 0 ? SP_OK : SP_ERR_IO;
}

/* Ctrl-C and a service manager signal the whole group; only the supervisor may act on that. */
static enum sp_err take_shape(void)
{
	const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		return SP_ERR_IO;
	for (size_t i = 0; i < SP_ARRAY_LEN(ignored); i++)
		if (signal(ignored[i], SIG_IGN) == SIG_ERR)
			return SP_ERR_IO;
	sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL) == 0 ? SP_OK : SP_ERR_IO;
}

/* A killed supervisor leaves nobody behind. Set after the uid changed, which clears it. */
static enum sp_err die_with(pid_t supervisor)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
		return SP_ERR_IO;
	return getppid() == supervisor ? SP_OK : SP_ERR_CLOSED;
}

uid_t sp__daemon_uid_of(const char *text)
{
	char *end;
	unsigned long uid = strtoul(text, &end, 10);
	return *text && *end == '\0' && uid < (uid_t)-1 ? (uid_t)uid : 0;
}

static enum sp_err enter(const struct start *s, enum sp_sandbox_role role, int log_fd, struct sp_sandbox_state *out)
{
	bool is_keeper = role == SP_SANDBOX_KEEPER;
	struct sp_sandbox sandbox = {.role = role,
				     .folder = is_keeper ? s->paths->keeper : s->paths->front,
				     .uid = sp__daemon_uid_of(is_keeper ? s->config->keeper_uid : s->config->front_uid),
				     .log_fd = log_fd,
				     .is_one_uid_accepted = s->what->is_one_uid_accepted};
	SP_TRY(sp_sandbox_enter(&sandbox, out));
	return die_with(s->supervisor);
}

/* A predecessor that was killed may take a moment to let go of the lock. */
static enum sp_err serve_when_free(const struct sp_keeper_run *run)
{
	const struct timespec pause = {.tv_nsec = 100000000};
	enum sp_err e = sp_keeper_serve(run);
	for (int i = 0; i < 20 && e == SP_ERR_LOCKED; i++) {
		nanosleep(&pause, NULL);
		e = sp_keeper_serve(run);
	}
	return e;
}

static enum sp_err be_keeper(const struct start *s)
{
	int fds[] = {s->talk[0], s->keeper_stop[0], s->what->log_fd};
	struct sp_sandbox_state state;
	SP_TRY(take_shape());
	SP_TRY(keep_only(fds, SP_ARRAY_LEN(fds)));
	SP_TRY(enter(s, SP_SANDBOX_KEEPER, fds[2], &state));
	struct sp_keeper_run run = {.folder = state.folder, .front_fd = fds[0], .stop_fd = fds[1], .log_fd = fds[2]};
	return serve_when_free(&run);
}

void sp__daemon_place_store(char *out, size_t n, const char *url, const char *folder)
{
	if (strncmp(url, "sqlite:", 7) == 0)
		snprintf(out, n, "sqlite:%s%s%s", folder, strcmp(folder, "/") == 0 ? "" : "/", url + 7);
	else
		snprintf(out, n, "%s", url);
}

static const char *or_null(const char *text)
{
	return *text ? text : NULL;
}

static enum sp_err be_front(const struct start *s)
{
	int fds[] = {s->talk[1], s->front_stop[0], s->what->log_fd, s->ready[1]};
	struct sp_sandbox_state state;
	char store[PATH_MAX + SP_DAEMON_VALUE_MAX];
	SP_TRY(take_shape());
	SP_TRY(keep_only(fds, SP_ARRAY_LEN(fds)));
	SP_TRY(enter(s, SP_SANDBOX_FRONT, fds[2], &state));
	sp__daemon_place_store(store, sizeof store, s->config->store, state.folder);
	struct sp_server_config config = {.listen = s->config->listen,
					  .public_host = or_null(s->config->public),
					  .folder = state.folder,
					  .store_url = store,
					  .org = s->config->organisation,
					  .metrics = or_null(s->config->metrics),
					  .is_open = strcmp(s->config->registration, "open") == 0,
					  .reactors = (unsigned)sp__daemon_uid_of(s->config->reactors),
					  .keeper_fd = fds[0],
					  .log_fd = fds[2],
					  .ready_fd = fds[3],
					  .stop_fd = fds[1]};
	return s->what->front(&config);
}

/* -- in the supervisor ------------------------------------------------------------------------------------------------------ */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static enum sp_err open_channels(struct start *s)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s->talk) != 0)
		return SP_ERR_IO;
	if (pipe2(s->keeper_stop, O_CLOEXEC) != 0 || pipe2(s->front_stop, O_CLOEXEC) != 0 || pipe2(s->ready, O_CLOEXEC) != 0)
		return SP_ERR_IO;
	return SP_OK;
}

static enum sp_err spawn(pid_t *out, const struct start *s, enum sp_err (*be)(const struct start *))
{
	pid_t pid = fork();
	if (pid < 0)
		return SP_ERR_IO;
	if (pid == 0)
		_exit(SP_DAEMON_EXIT_BASE + (int)be(s)); /* _exit: nothing of the supervisor's is cleaned up twice */
	*out = pid;
	return SP_OK;
}

enum sp_err sp__daemon_pair_start(struct sp_daemon_pair *out, const struct sp_daemon_supervision *what, const struct sp_daemon_paths *paths,
				  const struct sp_daemon_config *config)
{
	struct start s = {what, paths, config, getpid(), {-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
	*out = (struct sp_daemon_pair){0};
	enum sp_err e = open_channels(&s);
	if (e == SP_OK)
		e = spawn(&out->keeper, &s, be_keeper);
	if (e == SP_OK)
		e = spawn(&out->front, &s, be_front);
	close_fd(&s.talk[0]);
	close_fd(&s.talk[1]);
	close_fd(&s.keeper_stop[0]);
	close_fd(&s.front_stop[0]);
	close_fd(&s.ready[1]);
	out->keeper_stop = s.keeper_stop[1];
	out->front_stop = s.front_stop[1];
	out->ready = s.ready[0];
	return e;
}
