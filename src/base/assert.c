/* SPDX-License-Identifier: Apache-2.0
 *
 * Where our own broken invariants end, and where failures leave their detail.
 */
#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void sp_assert_failed(const char *cond, const char *file, int line)
{
	fprintf(stderr, "sealpost: internal error: %s (%s:%d)\n", cond, file, line);
	abort();
}

enum sp_err sp_diag_set(struct sp_diag *diag, enum sp_err e, unsigned rule, const char *file, int line, const char *text)
{
	if (diag)
		*diag = (struct sp_diag){e, rule, file, line, text};
	return e;
}
