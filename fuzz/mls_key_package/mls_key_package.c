/* SPDX-License-Identifier: Apache-2.0
 *
 * A key package of unknown origin, and a stored private blob. Property: what is accepted is the input, byte for byte,
 * and has a reference; what is accepted twice is described the same.
 */
#include "mls/mls.h"
#include "../fuzz.h"

#include "base/base.h"

#define NOW_S 1795000000

static enum sp_err accept(void *ctx, const struct sp_mls_credential_check *check)
{
	return SP_OK;
}

static void run_ref(const struct sp_mls_env *env, struct sp_bytes in)
{
	struct sp_buf ref;
	sp_buf_init(&ref, 64);
	FUZZ_CHECK(sp_mls_key_package_ref(env, &ref, in) == SP_OK && ref.n >= 32);
	sp_buf_clear(&ref);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sp_mls_validator validator = {.check = accept};
	const struct sp_mls_env env = {.size = sizeof env, .now = {(int64_t)NOW_S * 1000}, .validator = &validator};
	const struct sp_bytes in = {data, size};
	struct sp_mls_key_package_info info, again;
	if (sp_mls_key_package_verify(&env, &info, in) == SP_OK) {
		FUZZ_CHECK(info.key_package.n + 4 == size && info.key_package.p == data + 4);
		FUZZ_CHECK(sp_mls_key_package_verify(&env, &again, in) == SP_OK && again.last_resort == info.last_resort);
		run_ref(&env, in);
	}
	if (sp_mls_key_package_private_info(&info, in) == SP_OK)
		FUZZ_CHECK(info.key_package.n < size);
	return 0;
}
