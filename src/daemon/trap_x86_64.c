/* SPDX-License-Identifier: Apache-2.0
 *
 * x86-64: a system call returns in rax.
 */
#include <ucontext.h>

#include "daemon/sandbox_priv.h"

void sp__sandbox_trap_result(void *ucontext, long result)
{
	((ucontext_t *)ucontext)->uc_mcontext.gregs[REG_RAX] = result;
}
