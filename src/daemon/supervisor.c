/* SPDX-License-Identifier: Apache-2.0
 *
 * The supervisor: starts the pair, says "ready", waits for signals, ends the pair, starts it again when it fell. It holds
 * no key, reads nothing from the network, and as root is the only part that stays so.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/daemon_priv.h"

#define FRONT_PATIENCE_MS 15000
#define KEEPER_PATIENCE_MS 5000
#define BACKOFF_FIRST_MS 200
#define BACKOFF_MAX_MS 10000
#define STEADY_MS 60000

struct watch {
	const struct sp_daemon_supervision *what;
	struct sp_daemon_paths paths;
	struct sp_daemon_config config;
	int signals;
	char address[SP_DAEMON_VALUE_MAX]; /* where it listens; kept over restarts, also when port 0 was asked for */
	struct sp_daemon_pair pair;
	enum sp_err keeper_end, front_end;
	bool is_ready;  /* this pair */
	bool was_ready; /* any */
	bool is_stopping, is_reloading;
	const char *failed; /* what ended badly */
};

static int64_t steady_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void log_line(const struct watch *w, const char *who, const char *text)
{
	dprintf(w->what->log_fd, "sealpostd: %s %s\n", who, text);
}

/* -- children that end ---------------------------------------------------------------------------------------------------- */

static enum sp_err end_of(const struct watch *w, const char *who, int status)
{
	char text[64];
	if (WIFSIGNALED(status)) {
		snprintf(text, sizeof text, "was ended by signal %d", WTERMSIG(status));
		log_line(w, who, text);
		return SP_ERR_CUT;
	}
	int code = WEXITSTATUS(status) - SP_DAEMON_EXIT_BASE;
	return code >= 0 && code < SP_ERR_COUNT_ ? (enum sp_err)code : SP_ERR_BUG;
}

static void reap(struct watch *w)
{
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
		if (pid == w->pair.keeper) {
			w->keeper_end = end_of(w, "keeper", status);
			w->pair.keeper = 0;
		}
		if (pid == w->pair.front) {
			w->front_end = end_of(w, "front", status);
			w->pair.front = 0;
		}
	}
}

/* -- what happens ------------------------------------------------------------------------------------------------------------ */

static void take_signals(struct watch *w)
{
	struct signalfd_siginfo info;
	while (read(w->signals, &info, sizeof info) == (ssize_t)sizeof info) {
		if (info.ssi_signo == SIGCHLD)
			reap(w);
		else if (info.ssi_signo == SIGHUP)
			w->is_reloading = true;
		else
			w->is_stopping = true;
	}
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void publish_address(const struct watch *w)
{
	int fd = open(w->paths.address, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return; /* only `invite` reads it, and has the configuration besides */
	dprintf(fd, "%s\n", w->address);
	close(fd);
}

static void take_ready(struct watch *w)
{
	char line[SP_DAEMON_VALUE_MAX];
	ssize_t n = read(w->pair.ready, line, sizeof line - 1);
	if (n < 0 && errno == EINTR)
		return;
	close_fd(&w->pair.ready);
	if (n <= 0)
		return;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	snprintf(w->address, sizeof w->address, "%s", line);
	publish_address(w);
	w->is_ready = true;
	if (!w->was_ready)
		dprintf(w->what->out_fd, "ready %s\n", w->address);
	w->was_ready = true;
}

/* Waits for something to happen, at most so long (-1: for ever). */
static void wait_once(struct watch *w, int timeout_ms)
{
	struct pollfd fds[] = {{w->signals, POLLIN, 0}, {w->pair.ready, POLLIN, 0}};
	if (poll(fds, w->pair.ready >= 0 ? 2 : 1, timeout_ms) <= 0)
		return;
	if (w->pair.ready >= 0 && fds[1].revents)
		take_ready(w);
	if (fds[0].revents)
		take_signals(w);
}

static void wait_end(struct watch *w, pid_t *pid, int patience_ms)
{
	int64_t until = steady_ms() + patience_ms;
	while (*pid > 0 && steady_ms() < until)
		wait_once(w, (int)SP_MAX(until - steady_ms(), 1));
	if (*pid <= 0)
		return;
	kill(*pid, SIGKILL);
	while (*pid > 0)
		wait_once(w, 100);
}

/* Front first: it may still need the keeper for what it has begun. */
static void end_pair(struct watch *w)
{
	close_fd(&w->pair.front_stop);
	wait_end(w, &w->pair.front, FRONT_PATIENCE_MS);
	close_fd(&w->pair.keeper_stop);
	wait_end(w, &w->pair.keeper, KEEPER_PATIENCE_MS);
	close_fd(&w->pair.ready);
}

/* -- a pair's life --------------------------------------------------------------------------------------------------------------- */

static enum sp_err verdict(struct watch *w, bool was_asked)
{
	if (w->keeper_end != SP_OK) {
		w->failed = "keeper";
		return w->keeper_end;
	}
	w->failed = "network process";
	if (w->front_end != SP_OK)
		return w->front_end;
	return was_asked ? SP_OK : SP_ERR_CUT; /* nobody told it to end */
}

static enum sp_err run_pair(struct watch *w)
{
	w->keeper_end = w->front_end = SP_OK;
	w->is_ready = false;
	w->failed = "start of keeper and network process";
	enum sp_err e = sp__daemon_pair_start(&w->pair, w->what, &w->paths, &w->config);
	while (e == SP_OK && w->pair.keeper > 0 && w->pair.front > 0 && !w->is_stopping && !w->is_reloading)
		wait_once(w, -1);
	bool was_asked = w->is_stopping || w->is_reloading;
	end_pair(w);
	return e == SP_OK ? verdict(w, was_asked) : e;
}

static enum sp_err load_config(struct watch *w)
{
	unsigned line;
	SP_TRY(sp_daemon_config_read(&w->config, w->paths.config, &line));
	if (w->was_ready)
		snprintf(w->config.listen, sizeof w->config.listen, "%s", w->address);
	return SP_OK;
}

/* SIGHUP with a configuration that cannot be read leaves the old one. */
static void reload(struct watch *w)
{
	struct sp_daemon_config before = w->config, fresh;
	unsigned line;
	if (sp_daemon_config_read(&fresh, w->paths.config, &line) != SP_OK) {
		log_line(w, "config", "cannot be read; going on with the one before");
		return;
	}
	bool moved = strcmp(fresh.listen, before.listen) != 0 && strcmp(fresh.listen, w->address) != 0;
	w->config = fresh;
	if (!moved || strcmp(fresh.listen + SP_MAX(strlen(fresh.listen), (size_t)2) - 2, ":0") == 0)
		snprintf(w->config.listen, sizeof w->config.listen, "%s", w->address);
	log_line(w, "config", "read again");
}

static void pause_before_restart(struct watch *w, int *backoff_ms, int64_t lived_ms)
{
	if (lived_ms > STEADY_MS)
		*backoff_ms = BACKOFF_FIRST_MS;
	int64_t until = steady_ms() + *backoff_ms;
	while (!w->is_stopping && steady_ms() < until)
		wait_once(w, (int)SP_MAX(until - steady_ms(), 1));
	*backoff_ms = SP_MIN(*backoff_ms * 2, BACKOFF_MAX_MS);
}

static enum sp_err supervise(struct watch *w)
{
	int backoff_ms = BACKOFF_FIRST_MS;
	SP_TRY(load_config(w));
	while (!w->is_stopping) {
		int64_t began = steady_ms();
		enum sp_err e = run_pair(w);
		if (w->is_stopping && w->was_ready && e != SP_OK)
			log_line(w, w->failed, sp_err_text(e));
		if (w->is_stopping || !w->was_ready)
			return e;
		if (w->is_reloading) {
			w->is_reloading = false;
			reload(w);
			continue;
		}
		log_line(w, w->failed, sp_err_text(e));
		snprintf(w->config.listen, sizeof w->config.listen, "%s", w->address);
		pause_before_restart(w, &backoff_ms, steady_ms() - began);
	}
	return SP_OK;
}

static enum sp_err open_signals(int *out_fd, sigset_t *out_before)
{
	sigset_t watched;
	sigemptyset(&watched);
	const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
	for (size_t i = 0; i < SP_ARRAY_LEN(numbers); i++)
		sigaddset(&watched, numbers[i]);
	if (sigprocmask(SIG_BLOCK, &watched, out_before) != 0)
		return SP_ERR_IO;
	*out_fd = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
	return *out_fd >= 0 ? SP_OK : SP_ERR_IO;
}

enum sp_err sp_daemon_supervise(const struct sp_daemon_supervision *what, const char **out_what)
{
	struct watch w = {.what = what, .signals = -1, .failed = "configuration", .pair = {.keeper_stop = -1, .front_stop = -1, .ready = -1}};
	sigset_t before;
	umask(0077);
	enum sp_err e = sp__daemon_paths(&w.paths, what->dir);
	if (e == SP_OK)
		e = open_signals(&w.signals, &before);
	if (e == SP_OK)
		e = supervise(&w);
	if (w.was_ready)
		unlink(w.paths.address);
	close_fd(&w.signals);
	*out_what = w.failed;
	return e;
}
