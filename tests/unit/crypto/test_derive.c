/* SPDX-License-Identifier: Apache-2.0
 *
 * DeriveKeyPair's rejection loop (RFC 9180 section 7.1.3). A P-256 candidate is out of range once in 2^32, so this
 * program is linked with --wrap: LabeledExpand gives the candidates written here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/bn.h>

#include "crypto/kem_priv.h"

static struct sp_bytes candidates[4]; /* by counter; none: all ones */
static unsigned asked;

enum sp_err __wrap_sp__labeled_expand(uint8_t *out, size_t n, const struct sp__labeled *l, const struct sp_secret *prk, const char *label,
				      struct sp_bytes info);
enum sp_err __wrap_sp__labeled_expand(uint8_t *out, size_t n, const struct sp__labeled *l, const struct sp_secret *prk, const char *label,
				      struct sp_bytes info)
{
	assert_string_equal(label, "candidate");
	assert_int_equal(info.n, 1);
	assert_int_equal(info.p[0], asked);
	memset(out, 0xff, n);
	if (asked < SP_ARRAY_LEN(candidates) && candidates[asked].p)
		sp_copy(out, candidates[asked].p, n);
	asked++;
	return SP_OK;
}

static void rejected_until_in_range(void **state)
{
	static const uint8_t zero[66];
	uint8_t order[48], good[48] = {0};
	const struct sp__kem_info *k = sp__kem_info(SP_KEM_P384);
	struct sp_secret priv;
	struct sp_kem_public pub, want;
	assert_true(BN_bn2binpad(EC_GROUP_get0_order(sp__ec_group(k)), order, 48) > 0);
	good[47] = 5;
	candidates[0] = (struct sp_bytes){zero, 48};
	candidates[1] = (struct sp_bytes){order, 48};
	candidates[2] = SP_BYTES_NONE;
	candidates[3] = SP_BYTES_OF(good);
	asked = 0;
	assert_int_equal(sp_kem_derive(SP_KEM_P384, SP_BYTES_LIT("ikm"), &priv, &pub), SP_OK);
	assert_int_equal(asked, 4);
	assert_memory_equal(priv.b, good, 48);
	assert_int_equal(sp_kem_public_of(SP_KEM_P384, SP_BYTES_OF(good), &want), SP_OK);
	assert_memory_equal(pub.b, want.b, want.n);
}

/* Without the mask, a P-521 candidate would be out of range 127 times of 128. */
static void p521_masks_the_first_octet(void **state)
{
	uint8_t raw[66] = {0xfe, 1};
	struct sp_secret priv;
	struct sp_kem_public pub;
	candidates[0] = SP_BYTES_OF(raw);
	asked = 0;
	assert_int_equal(sp_kem_derive(SP_KEM_P521, SP_BYTES_LIT("ikm"), &priv, &pub), SP_OK);
	assert_int_equal(asked, 1);
	assert_int_equal(priv.b[0], 0);
	assert_int_equal(priv.b[1], 1);
}

static void gives_up_after_256(void **state)
{
	struct sp_secret priv = {3, {1, 2, 3}};
	struct sp_kem_public pub;
	for (size_t i = 0; i < SP_ARRAY_LEN(candidates); i++)
		candidates[i] = SP_BYTES_NONE;
	asked = 0;
	assert_int_equal(sp_kem_derive(SP_KEM_P256, SP_BYTES_LIT("ikm"), &priv, &pub), SP_ERR_CRYPTO);
	assert_int_equal(asked, 256);
	assert_int_equal(priv.n + pub.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(rejected_until_in_range), cmocka_unit_test(p521_masks_the_first_octet),
					   cmocka_unit_test(gives_up_after_256)};
	return cmocka_run_group_tests_name("crypto/derive", tests, NULL, NULL);
}
