/* SPDX-License-Identifier: Apache-2.0
 *
 * Short secrets: set and wipe.
 */
#include "base/base.h"

void sp_secret_clear(struct sp_secret *s)
{
	sp_wipe(s, sizeof *s);
}

enum sp_err sp_secret_set(struct sp_secret *s, struct sp_bytes in)
{
	sp_secret_clear(s);
	if (in.n > sizeof s->b)
		return SP_ERR_TOO_LONG;
	sp_copy(s->b, in.p, in.n);
	s->n = in.n;
	return SP_OK;
}

struct sp_bytes sp_secret_bytes(const struct sp_secret *s)
{
	return (struct sp_bytes){s->b, s->n};
}
