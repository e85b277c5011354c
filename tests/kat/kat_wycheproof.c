/* SPDX-License-Identifier: Apache-2.0
 *
 * Wycheproof: AES-GCM (96-bit nonces, whole tags: what the face offers), X25519, Ed25519, HKDF-SHA-256.
 */
#include "kat.h"

#include "crypto/kem_priv.h"

#define MANY (1u << 20)

static bool is_valid(const json_t *t)
{
	return sp_bytes_equal(sp_bytes_str(kat_str(t, "result")), SP_BYTES_LIT("valid"));
}

typedef void (*check_fn)(const json_t *group, const json_t *test);

static size_t each(const char *path, check_fn check)
{
	json_t *root = kat_load(path), *g, *t;
	size_t i, j, n = 0;
	json_array_foreach(json_object_get(root, "testGroups"), i, g)
	{
		json_array_foreach(json_object_get(g, "tests"), j, t)
		{
			check(g, t);
			kat_reset();
			n++;
		}
	}
	assert_int_equal(n, kat_int(root, "numberOfTests"));
	json_decref(root);
	return n;
}

static void check_gcm(const json_t *g, const json_t *t)
{
	if (kat_int(g, "ivSize") != 96 || kat_int(g, "keySize") == 192)
		return;
	enum sp_aead alg = kat_int(g, "keySize") == 128 ? SP_AEAD_AES128GCM : SP_AEAD_AES256GCM;
	struct sp_bytes key = kat_hex(t, "key"), iv = kat_hex(t, "iv"), aad = kat_hex(t, "aad"), msg = kat_hex(t, "msg");
	struct sp_buf sealed, out;
	sp_buf_init(&sealed, MANY);
	sp_buf_init(&out, MANY);
	assert_int_equal(sp_buf_append(&sealed, kat_hex(t, "ct")), SP_OK);
	assert_int_equal(sp_buf_append(&sealed, kat_hex(t, "tag")), SP_OK);
	enum sp_err e = sp_aead_open(&out, alg, key, iv.p, aad, sp_buf_bytes(&sealed));
	assert_int_equal(e, is_valid(t) ? SP_OK : SP_ERR_DECRYPT);
	assert_true(sp_bytes_equal(sp_buf_bytes(&out), is_valid(t) ? msg : SP_BYTES_NONE));
	if (is_valid(t)) {
		sp_buf_clear(&out);
		assert_int_equal(sp_aead_seal(&out, alg, key, iv.p, aad, msg), SP_OK);
		assert_true(sp_bytes_equal(sp_buf_bytes(&out), sp_buf_bytes(&sealed)));
	}
	sp_buf_clear(&out);
	sp_buf_clear(&sealed);
}

static void aes_gcm(void **state)
{
	each("wycheproof/aes_gcm_test.json", check_gcm);
}

/* "acceptable" there means: twists and non-canonical keys work, results of zero may be refused; RFC 9180 refuses them. */
static void check_x25519(const json_t *g, const json_t *t)
{
	static const uint8_t zero[32];
	const struct sp__kem_info *k = sp__kem_info(SP_KEM_X25519);
	struct sp_bytes priv = kat_hex(t, "private"), shared = kat_hex(t, "shared");
	struct sp_kem_public own;
	struct sp_secret out;
	assert_int_equal(sp__x_public_of(k, priv, &own), SP_OK);
	enum sp_err e = sp__x_dh(k, priv, sp_kem_public_bytes(&own), kat_hex(t, "public"), &out);
	if (sp_bytes_equal(shared, SP_BYTES_OF(zero))) {
		assert_int_equal(e, SP_ERR_INVALID);
		assert_int_equal(out.n, 0);
		return;
	}
	assert_int_equal(e, SP_OK);
	assert_true(sp_bytes_equal(sp_secret_bytes(&out), shared));
}

static void x25519(void **state)
{
	each("wycheproof/x25519_test.json", check_x25519);
}

static void check_ed25519(const json_t *g, const json_t *t)
{
	struct sp_verify_key *key;
	struct sp_bytes pub = kat_hex(json_object_get(g, "publicKey"), "pk");
	assert_int_equal(sp_verify_key_new(&key, SP_SIG_ED25519, pub), SP_OK);
	enum sp_err want = is_valid(t) ? SP_OK : SP_ERR_SIGNATURE;
	assert_int_equal(sp_verify(key, kat_hex(t, "msg"), kat_hex(t, "sig")), want);
	sp_verify_key_free(&key);
}

static void ed25519(void **state)
{
	each("wycheproof/ed25519_test.json", check_ed25519);
}

static void check_hkdf(const json_t *g, const json_t *t)
{
	static uint8_t out[MANY];
	struct sp_secret prk;
	size_t n = (size_t)kat_int(t, "size");
	assert_true(n <= sizeof out);
	assert_int_equal(sp_hkdf_extract(&prk, SP_HASH_SHA256, kat_hex(t, "salt"), kat_hex(t, "ikm")), SP_OK);
	enum sp_err e = sp_hkdf_expand(out, n, SP_HASH_SHA256, sp_secret_bytes(&prk), kat_hex(t, "info"));
	assert_int_equal(e, is_valid(t) ? SP_OK : SP_ERR_TOO_LONG);
	if (e == SP_OK)
		assert_true(sp_bytes_equal((struct sp_bytes){out, n}, kat_hex(t, "okm")));
}

static void hkdf_sha256(void **state)
{
	each("wycheproof/hkdf_sha256_test.json", check_hkdf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(aes_gcm), cmocka_unit_test(x25519), cmocka_unit_test(ed25519),
					   cmocka_unit_test(hkdf_sha256)};
	return cmocka_run_group_tests_name("kat/wycheproof", tests, NULL, NULL);
}
