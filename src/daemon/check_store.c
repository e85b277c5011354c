/* SPDX-License-Identifier: Apache-2.0
 *
 * The store's own check, run by a child in front's place: same uid, same folder, nothing else. So a check by root leaves
 * no file that front could not open, and a damaged database meets the sandbox, not root.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/daemon_priv.h"
#include "daemon/sandbox.h"
#include "store/store.h"

/* Findings name our own ids and numbers only; the first is enough to say that something is wrong. */
static void tell(void *ctx, const char *text)
{
	int *fd = ctx;
	if (*fd >= 0)
		dprintf(*fd, "%.200s", text);
	*fd = -1;
}

static enum sp_err check(const char *url, int fd)
{
	struct sp_store *store;
	int first = fd;
	SP_TRY(sp_store_open(&store, url));
	enum sp_err e = sp_store_check(store, tell, &first);
	sp_store_close(&store);
	return e;
}

static enum sp_err be_child(const struct sp_daemon_paths *paths, const struct sp_daemon_config *config, int fd)
{
	char url[PATH_MAX + SP_DAEMON_VALUE_MAX];
	struct sp_sandbox sandbox = {.role = SP_SANDBOX_FRONT,
				     .folder = paths->front,
				     .uid = sp__daemon_uid_of(config->front_uid),
				     .log_fd = STDERR_FILENO,
				     .is_one_uid_accepted = true}; /* there is no other process here to be separated from */
	struct sp_sandbox_state state;
	SP_TRY(sp_sandbox_enter(&sandbox, &state));
	sp__daemon_place_store(url, sizeof url, config->store, state.folder);
	if (strncmp(url, "sqlite:", 7) != 0 || access(url + 7, F_OK) != 0)
		return SP_ERR_NOT_FOUND;
	return check(url, fd);
}

static void read_finding(int fd, char *out, size_t n)
{
	size_t have = 0;
	for (ssize_t got = 1; got > 0 && have + 1 < n; have += (size_t)SP_MAX(got, 0))
		got = read(fd, out + have, n - 1 - have);
	out[have] = '\0';
}

enum sp_err sp__daemon_check_store(const struct sp_daemon_paths *paths, const struct sp_daemon_config *config, char *out_finding, size_t n)
{
	int channel[2], status = -1;
	fflush(stdout); /* or the child would have it too */
	if (pipe(channel) != 0)
		return SP_ERR_IO;
	pid_t pid = fork();
	if (pid == 0) {
		close(channel[0]);
		_exit(SP_DAEMON_EXIT_BASE + (int)be_child(paths, config, channel[1]));
	}
	close(channel[1]);
	read_finding(channel[0], out_finding, n);
	close(channel[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
	}
	int code = pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) - SP_DAEMON_EXIT_BASE : -1;
	return code >= 0 && code < SP_ERR_COUNT_ ? (enum sp_err)code : SP_ERR_CORRUPT;
}
