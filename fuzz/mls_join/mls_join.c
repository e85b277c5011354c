/* SPDX-License-Identifier: Apache-2.0
 *
 * A GroupInfo of unknown origin, tree inside: a server starts to follow it, an outsider joins by it. Properties: both accept it, or both refuse it
 * (the outsider may refuse more: it needs external_pub); nothing worse.
 */
#include "crypto/crypto.h"
#include "mls/mls.h"
#include "../fuzz.h"

static enum sp_err accept(void *ctx, const struct sp_mls_credential_check *check)
{
	return SP_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sp_mls_validator validator = {accept, NULL, NULL};
	static const uint8_t seed[32] = {7};
	struct sp_rng_seeded state;
	struct sp_rng rng = sp_rng_seeded(&state, SP_BYTES_LIT("mls_join"));
	struct sp_sign_key *key = NULL;
	struct sp_mls_public_group *group = NULL;
	struct sp_mls_join *join = NULL;
	struct sp_bytes in = {data, size};
	FUZZ_CHECK(sp_sign_key_from_private(&key, SP_SIG_ED25519, (struct sp_bytes){seed, sizeof seed}) == SP_OK);
	struct sp_signer signer = sp_sign_key_signer(key);
	const struct sp_mls_env env = {.size = sizeof env, .rng = &rng, .now = {1795000000000ll}, .signer = &signer, .validator = &validator};
	const struct sp_mls_external_params params = {.size = sizeof params,
						      .group_info = in,
						      .leaf = {.size = sizeof params.leaf, .credential = {SP_MLS_CREDENTIAL_BASIC, {seed, 1}}},
						      .resync_leaf = SP_MLS_LEAF_NONE};
	enum sp_err follow = sp_mls_public_group_new(&env, &group, in, (struct sp_bytes){NULL, 0});
	enum sp_err joined = sp_mls_join_external(&env, &join, &params);
	FUZZ_CHECK(joined != SP_OK || follow == SP_OK);
	sp_mls_public_group_free(&group);
	sp_mls_join_free(&join);
	sp_sign_key_free(&key);
	return 0;
}
