/* SPDX-License-Identifier: Apache-2.0
 *
 * The seccomp filter: what neither front nor keeper ever does is refused with EPERM and written to the log. A list of
 * what is forbidden, not of what is allowed: libraries change what they need, and Landlock and the uid bound the rest.
 *
 * A refusal arrives as SIGSYS in the thread that tried; the handler may only write and set the result.
 */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/sandbox_priv.h"

/* exec and other processes; keys and kernel; name spaces and mounts; time. Absent ones are skipped per CPU. */
static const int forbidden[] = {
	SCMP_SYS(execve),       SCMP_SYS(execveat),        SCMP_SYS(fork),          SCMP_SYS(vfork),         SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(process_madvise), SCMP_SYS(kcmp),   SCMP_SYS(pidfd_open),
	SCMP_SYS(pidfd_getfd),  SCMP_SYS(add_key),         SCMP_SYS(request_key),   SCMP_SYS(keyctl),        SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd),  SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register),
	SCMP_SYS(mount),        SCMP_SYS(umount2),         SCMP_SYS(move_mount),    SCMP_SYS(open_tree),     SCMP_SYS(fsopen),
	SCMP_SYS(fsconfig),     SCMP_SYS(fsmount),         SCMP_SYS(fspick),        SCMP_SYS(pivot_root),    SCMP_SYS(chroot),
	SCMP_SYS(unshare),      SCMP_SYS(setns),           SCMP_SYS(init_module),   SCMP_SYS(finit_module),  SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load),   SCMP_SYS(kexec_file_load), SCMP_SYS(swapon),        SCMP_SYS(swapoff),       SCMP_SYS(reboot),
	SCMP_SYS(acct),         SCMP_SYS(quotactl),        SCMP_SYS(personality),   SCMP_SYS(settimeofday),  SCMP_SYS(clock_settime),
	SCMP_SYS(clock_adjtime), SCMP_SYS(adjtimex),       SCMP_SYS(open_by_handle_at), SCMP_SYS(name_to_handle_at), SCMP_SYS(mknodat),
};

/* -- the log of refusals --------------------------------------------------------------------------------------------------- */

/* A signal handler has no argument of ours: the one thing here that a process has once. Set before the filter is loaded. */
static volatile sig_atomic_t trap_log_fd = -1;

static size_t append_number(char *out, unsigned long v)
{
	char digits[20];
	size_t n = 0, at = 0;
	do
		digits[n++] = (char)('0' + v % 10);
	while ((v /= 10) > 0);
	while (n > 0)
		out[at++] = digits[--n];
	return at;
}

static void on_trap(int signal_number, siginfo_t *info, void *ucontext)
{
	char line[64] = "sandbox: refused system call ";
	int before = errno;
	size_t n = sizeof "sandbox: refused system call " - 1;
	n += append_number(line + n, (unsigned long)info->si_syscall);
	line[n++] = '\n';
	if (write(trap_log_fd, line, n) < 0) {
		/* nothing more can be done here */
	}
	errno = before;
	sp__sandbox_trap_result(ucontext, -EPERM);
}

static enum sp_err catch_traps(int log_fd)
{
	struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_NODEFER};
	sigset_t trap;
	trap_log_fd = log_fd;
	sigemptyset(&action.sa_mask);
	sigemptyset(&trap);
	sigaddset(&trap, SIGSYS);
	if (sigaction(SIGSYS, &action, NULL) != 0 || sigprocmask(SIG_UNBLOCK, &trap, NULL) != 0)
		return SP_ERR_DENIED;
	return SP_OK;
}

/* -- the filter -------------------------------------------------------------------------------------------------------------- */

static enum sp_err from_seccomp(int rc)
{
	return rc == 0 ? SP_OK : rc == -ENOMEM ? SP_ERR_NOMEM : SP_ERR_DENIED;
}

static enum sp_err forbid_calls(scmp_filter_ctx f)
{
	for (size_t i = 0; i < SP_ARRAY_LEN(forbidden); i++) {
		if (forbidden[i] < 0)
			continue; /* this CPU has no such call */
		SP_TRY(from_seccomp(seccomp_rule_add(f, SCMP_ACT_TRAP, forbidden[i], 0)));
	}
	return SP_OK;
}

/* Threads, not processes. The flags of clone3 cannot be seen by a filter; the C library falls back to clone. */
static enum sp_err forbid_processes(scmp_filter_ctx f)
{
	SP_TRY(from_seccomp(seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0)));
	return from_seccomp(seccomp_rule_add(f, SCMP_ACT_TRAP, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0)));
}

static bool family_is_allowed(enum sp_sandbox_role role, unsigned family)
{
	return role == SP_SANDBOX_KEEPER ? family == AF_UNIX : family == AF_INET || family == AF_INET6;
}

/* The keeper has no network: it may listen on its admin socket, and connect to nothing. Front has the internet and nothing
 * else; above all no Unix socket, for Landlock does not stop a connect to the keeper's admin socket under the same uid. */
static enum sp_err forbid_sockets(scmp_filter_ctx f, enum sp_sandbox_role role)
{
	for (unsigned family = 0; family < 64; family++) {
		if (family_is_allowed(role, family))
			continue;
		SP_TRY(from_seccomp(seccomp_rule_add(f, SCMP_ACT_TRAP, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, family))));
	}
	SP_TRY(from_seccomp(seccomp_rule_add(f, SCMP_ACT_TRAP, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_GT, 63))));
	SP_TRY(from_seccomp(seccomp_rule_add(f, SCMP_ACT_TRAP, SCMP_SYS(socketpair), 0)));
	if (role == SP_SANDBOX_KEEPER)
		SP_TRY(from_seccomp(seccomp_rule_add(f, SCMP_ACT_TRAP, SCMP_SYS(connect), 0)));
	return SP_OK;
}

static enum sp_err fill(scmp_filter_ctx f, enum sp_sandbox_role role)
{
	SP_TRY(forbid_calls(f));
	SP_TRY(forbid_processes(f));
	return forbid_sockets(f, role);
}

enum sp_err sp__sandbox_seccomp(enum sp_sandbox_role role, int log_fd)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	if (!f)
		return SP_ERR_NOMEM;
	enum sp_err e = fill(f, role);
	if (e == SP_OK)
		e = catch_traps(log_fd);
	int rc = e == SP_OK ? seccomp_load(f) : 0;
	if (rc != 0)
		e = rc == -EINVAL || rc == -ENOSYS ? SP_ERR_UNSUPPORTED : SP_ERR_DENIED;
	seccomp_release(f);
	return e;
}
