/* SPDX-License-Identifier: Apache-2.0
 *
 * The door of the library: sizes of what callers give (an ABI that may grow), and their threads, if they lend some.
 */
#include "mls/env_priv.h"

static bool tail_is_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] != 0)
			return false;
	}
	return true;
}

enum sp_err sp__mls_sized_take(void *out, size_t out_n, size_t min, const void *in, struct sp_diag *diag)
{
	size_t size = 0;
	sp_wipe(out, out_n);
	if (in)
		sp_copy(&size, in, sizeof size);
	if (size < min)
		return SP_FAIL(diag, SP_ERR_USAGE, 0, "a struct's size member is not set");
	if (size > out_n && !tail_is_zero((const uint8_t *)in + out_n, size - out_n))
		return SP_FAIL(diag, SP_ERR_USAGE, 0, "a struct asks for what only a later release of the library knows");
	sp_copy(out, in, SP_MIN(size, out_n));
	sp_copy(out, &out_n, sizeof out_n);
	return SP_OK;
}

enum sp_err sp__mls_call_open(struct sp_mls_call *call, const struct sp_mls_env **env)
{
	SP_TRY(sp__mls_sized_take(&call->env, sizeof call->env, offsetof(struct sp_mls_env, jobs), *env, NULL));
	*env = &call->env;
	if (!call->env.limits)
		return SP_OK;
	SP_TRY(sp__mls_sized_take(&call->limits, sizeof call->limits, sizeof call->limits, call->env.limits, call->env.diag));
	call->env.limits = &call->limits;
	return SP_OK;
}

void sp__mls_jobs_run(const struct sp_mls_env *env, void (*job)(void *arg, size_t i), void *arg, size_t n)
{
	if (env->jobs && env->jobs->run && n > 1) {
		env->jobs->run(env->jobs->ctx, job, arg, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		job(arg, i);
}
