/* SPDX-License-Identifier: Apache-2.0
 *
 * aarch64: a system call returns in x0.
 */
#include <ucontext.h>

#include "daemon/sandbox_priv.h"

void sp__sandbox_trap_result(void *ucontext, long result)
{
	((ucontext_t *)ucontext)->uc_mcontext.regs[0] = (unsigned long)result;
}
