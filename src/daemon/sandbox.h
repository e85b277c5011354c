/* SPDX-License-Identifier: Apache-2.0
 *
 * What separates front from keeper once the supervisor has forked them. Started as root: two uids, each locked into its
 * own folder with chroot. In any case Landlock (its own folder and nothing else), a seccomp filter (no exec, no fork, no
 * other process's memory; in the keeper no network), no dumps, no new privileges.
 *
 * Does not check: what the process already holds open. The supervisor closes everything but what a child is meant to
 * have.
 */
#ifndef SP_DAEMON_SANDBOX_H
#define SP_DAEMON_SANDBOX_H

#include <sys/types.h>

#include "base/base.h"

enum sp_sandbox_role { SP_SANDBOX_FRONT, SP_SANDBOX_KEEPER };

struct sp_sandbox {
	enum sp_sandbox_role role;
	const char *folder;       /* absolute: the one folder it may use */
	uid_t uid;                /* 0: keep the own one */
	int log_fd;               /* a refused system call is written here, a line each */
	bool is_one_uid_accepted; /* --unsafe-one-uid: start although neither uids nor Landlock separate */
};

struct sp_sandbox_state {
	bool has_own_uid;
	bool has_landlock;
	bool has_seccomp;
	const char *folder; /* the folder's path from now on: "/" inside a chroot */
};

/* One way, for the whole process: call it before the first thread. SP_ERR_UNSUPPORTED when this machine can separate by
 * neither uid nor Landlock, or has no seccomp, and that was not accepted; SP_ERR_DENIED when the system refused a step. */
SP_MUST_USE enum sp_err sp_sandbox_enter(const struct sp_sandbox *sandbox, struct sp_sandbox_state *out);
/* Landlock's version here; 0: none. */
unsigned sp_sandbox_landlock_version(void);

#endif
