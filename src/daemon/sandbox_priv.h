/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside the sandbox: one file a mechanism.
 */
#ifndef SP_DAEMON_SANDBOX_PRIV_H
#define SP_DAEMON_SANDBOX_PRIV_H

#include "daemon/sandbox.h"

/* landlock.c. SP_ERR_UNSUPPORTED where the kernel has none. */
enum sp_err sp__sandbox_landlock(enum sp_sandbox_role role, const char *folder) SP_MUST_USE;
/* seccomp.c. SP_ERR_UNSUPPORTED where the kernel has none. */
enum sp_err sp__sandbox_seccomp(enum sp_sandbox_role role, int log_fd) SP_MUST_USE;
/* trap_<cpu>.c: the result that the interrupted system call will seem to have had. */
void sp__sandbox_trap_result(void *ucontext, long result);

#endif
