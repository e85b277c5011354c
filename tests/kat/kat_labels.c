/* SPDX-License-Identifier: Apache-2.0
 *
 * sign_with_label of the MLS working group's crypto-basics.json, in all seven suites: the given signature verifies under
 * its label only, the given private key has the given public key, and what it signs verifies.
 */
#include "kat.h"

#include "crypto/crypto.h"

/* RFC 9420 section 17.1 */
static const enum sp_sig sig_of_suite[] = {
	[1] = SP_SIG_ED25519, [2] = SP_SIG_ECDSA_P256_SHA256, [3] = SP_SIG_ED25519, [4] = SP_SIG_ED448, [5] = SP_SIG_ECDSA_P521_SHA512,
	[6] = SP_SIG_ED448,   [7] = SP_SIG_ECDSA_P384_SHA384,
};

static void check_signing(enum sp_sig alg, struct sp_bytes priv, struct sp_bytes pub, const struct sp_verify_key *verify)
{
	struct sp_sign_key *key;
	struct sp_buf sig;
	const struct sp_bytes label = SP_BYTES_LIT("label"), content = SP_BYTES_LIT("content");
	sp_buf_init(&sig, 400);
	assert_int_equal(sp_sign_key_from_private(&key, alg, priv), SP_OK);
	struct sp_signer signer = sp_sign_key_signer(key);
	assert_true(sp_bytes_equal(signer.public_key, pub));
	assert_int_equal(sp_sign_with_label(&signer, &sig, label, content), SP_OK);
	assert_int_equal(sp_verify_with_label(verify, label, content, sp_buf_bytes(&sig)), SP_OK);
	sp_sign_key_free(&key);
	sp_buf_clear(&sig);
}

static void check_suite(const json_t *suite)
{
	const json_t *v = json_object_get(suite, "sign_with_label");
	long id = kat_int(suite, "cipher_suite");
	struct sp_verify_key *verify;
	assert_in_range(id, 1, 7);
	enum sp_sig alg = sig_of_suite[id];
	struct sp_bytes pub = kat_hex(v, "pub"), content = kat_hex(v, "content"), sig = kat_hex(v, "signature");
	struct sp_bytes label = sp_bytes_str(kat_str(v, "label"));
	assert_int_equal(sp_verify_key_new(&verify, alg, pub), SP_OK);
	assert_int_equal(sp_verify_with_label(verify, label, content, sig), SP_OK);
	assert_int_equal(sp_verify_with_label(verify, SP_BYTES_LIT("another"), content, sig), SP_ERR_SIGNATURE);
	check_signing(alg, kat_hex(v, "priv"), pub, verify);
	sp_verify_key_free(&verify);
}

static void sign_with_label(void **state)
{
	json_t *all = kat_load("mls/crypto-basics.json"), *suite;
	size_t i;
	assert_int_equal(json_array_size(all), 7);
	json_array_foreach(all, i, suite)
	{
		check_suite(suite);
		kat_reset();
	}
	json_decref(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(sign_with_label)};
	return cmocka_run_group_tests_name("kat/labels", tests, NULL, NULL);
}
