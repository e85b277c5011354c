/* SPDX-License-Identifier: Apache-2.0
 *
 * What a caller gives with each call, taken at the door: structs that carry their size, and work that may be spread over threads.
 */
#ifndef SP_MLS_ENV_PRIV_H
#define SP_MLS_ENV_PRIV_H

#include "base/base.h"
#include "sealpost/mls.h"

/* Copies a struct whose first member is its size. A caller of an older release gives less, from `min` (the size in the first release) on: the
 * rest is zero. A caller of a later one gives more, which must be zero: what it asks for there is not known here. SP_ERR_USAGE else. */
SP_MUST_USE enum sp_err sp__mls_sized_take(void *out, size_t out_n, size_t min, const void *in, struct sp_diag *diag);

/* The environment of one call, at its present size, with its limits. */
struct sp_mls_call {
	struct sp_mls_env env;
	struct sp_mls_limits limits;
};
/* Fills the call, and points *env at it. The first thing that every public function does with its env. */
SP_MUST_USE enum sp_err sp__mls_call_open(struct sp_mls_call *call, const struct sp_mls_env **env);

/* Does job(arg, i) for each i below n: here, or as env's jobs say. Jobs touch only what is theirs at i; the diagnosis is not theirs. */
void sp__mls_jobs_run(const struct sp_mls_env *env, void (*job)(void *arg, size_t i), void *arg, size_t n);

#endif
