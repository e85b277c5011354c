/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenSSL out of memory: each of its allocations fails in turn, once and for ever after. Whatever happens is an error of
 * ours with empty outputs and an empty error queue, or success; nothing crashes, nothing leaks. The last run, with memory
 * enough again, must succeed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "crypto/crypto.h"

static size_t calls, fail_at; /* 0: never */
static bool for_ever;

static bool is_to_fail(void)
{
	calls++;
	return fail_at != 0 && (calls == fail_at || (for_ever && calls > fail_at));
}

static void *short_malloc(size_t n, const char *file, int line)
{
	return is_to_fail() ? NULL : malloc(n);
}

static void *short_realloc(void *p, size_t n, const char *file, int line)
{
	return is_to_fail() ? NULL : realloc(p, n);
}

static void short_free(void *p, const char *file, int line)
{
	free(p);
}

static struct sp_sign_key *keys[2];
static const enum sp_sig algs[2] = {SP_SIG_ED25519, SP_SIG_ECDSA_P256_SHA256};
static const struct sp_hpke_suite suites[2] = {{SP_KEM_X25519, SP_KDF_HKDF_SHA256, SP_AEAD_AES128GCM},
					       {SP_KEM_P256, SP_KDF_HKDF_SHA256, SP_AEAD_AES128GCM}};
static const uint8_t raw[32] = {1, 2, 3};

static enum sp_err do_hash(size_t which)
{
	struct sp_hash h;
	enum sp_err e = sp_hash_of(&h, SP_HASH_SHA256, SP_BYTES_OF(raw));
	assert_int_equal(h.n, e == SP_OK ? 32 : 0);
	return e;
}

static enum sp_err do_hasher(size_t which)
{
	struct sp_hasher *h;
	struct sp_hash out;
	enum sp_err e = sp_hasher_new(&h, SP_HASH_SHA384);
	assert_true((e == SP_OK) == (h != NULL));
	if (e == SP_OK)
		e = sp_hasher_final(h, &out);
	sp_hasher_free(&h);
	return e;
}

static enum sp_err do_expand(size_t which)
{
	uint8_t out[100];
	memset(out, 1, sizeof out);
	enum sp_err e = sp_hkdf_expand(out, sizeof out, SP_HASH_SHA512, SP_BYTES_OF(raw), SP_BYTES_NONE);
	if (e != SP_OK)
		for (size_t i = 0; i < sizeof out; i++)
			assert_int_equal(out[i], 0);
	return e;
}

static enum sp_err do_aead(size_t which)
{
	struct sp_buf sealed, opened;
	const uint8_t nonce[12] = {0};
	sp_buf_init(&sealed, 100);
	sp_buf_init(&opened, 100);
	enum sp_err e = sp_aead_seal(&sealed, SP_AEAD_AES256GCM, SP_BYTES_OF(raw), nonce, SP_BYTES_NONE, SP_BYTES_LIT("x"));
	assert_int_equal(sealed.n, e == SP_OK ? 17 : 0);
	if (e == SP_OK)
		e = sp_aead_open(&opened, SP_AEAD_AES256GCM, SP_BYTES_OF(raw), nonce, SP_BYTES_NONE, sp_buf_bytes(&sealed));
	assert_int_equal(opened.n, e == SP_OK ? 1 : 0);
	sp_buf_clear(&sealed);
	sp_buf_clear(&opened);
	return e;
}

static enum sp_err do_hpke(size_t which)
{
	struct sp_rng_seeded seed;
	struct sp_secret priv;
	struct sp_kem_public pub;
	struct sp_buf enc, ct, out;
	sp_buf_init(&enc, 100);
	sp_buf_init(&ct, 100);
	sp_buf_init(&out, 100);
	struct sp_rng rng = sp_rng_seeded(&seed, SP_BYTES_OF(raw));
	enum sp_err e = sp_kem_generate(suites[which].kem, &rng, &priv, &pub);
	assert_true(e == SP_OK || priv.n + pub.n == 0);
	if (e == SP_OK)
		e = sp_hpke_seal(&enc, &ct, &suites[which], &rng, sp_kem_public_bytes(&pub), SP_BYTES_NONE, SP_BYTES_NONE,
				 SP_BYTES_LIT("x"));
	assert_true(e == SP_OK || enc.n + ct.n == 0);
	if (e == SP_OK)
		e = sp_hpke_open(&out, &suites[which], sp_buf_bytes(&enc), sp_secret_bytes(&priv), SP_BYTES_NONE, SP_BYTES_NONE,
				 SP_BYTES_NONE, sp_buf_bytes(&ct));
	assert_int_equal(out.n, e == SP_OK ? 1 : 0);
	sp_buf_clear(&enc);
	sp_buf_clear(&ct);
	sp_buf_clear(&out);
	return e;
}

static enum sp_err do_sign(size_t which)
{
	struct sp_signer signer = sp_sign_key_signer(keys[which]);
	struct sp_verify_key *verify;
	struct sp_buf sig;
	sp_buf_init(&sig, 100);
	enum sp_err e = sp_verify_key_new(&verify, algs[which], signer.public_key);
	assert_true((e == SP_OK) == (verify != NULL));
	if (e == SP_OK)
		e = sp_sign_with_label(&signer, &sig, SP_BYTES_LIT("label"), SP_BYTES_OF(raw));
	assert_true(e == SP_OK || sig.n == 0);
	if (e == SP_OK)
		e = sp_verify_with_label(verify, SP_BYTES_LIT("label"), SP_BYTES_OF(raw), sp_buf_bytes(&sig));
	sp_verify_key_free(&verify);
	sp_buf_clear(&sig);
	return e;
}

static enum sp_err do_keys(size_t which)
{
	struct sp_sign_key *made, *read = NULL;
	struct sp_buf der;
	sp_buf_init(&der, 400);
	enum sp_err e = sp_sign_key_from_private(&made, algs[which], SP_BYTES_OF(raw));
	assert_true((e == SP_OK) == (made != NULL));
	if (e == SP_OK)
		e = sp_sign_key_to_pkcs8(made, &der);
	assert_true(e == SP_OK || der.n == 0);
	if (e == SP_OK)
		e = sp_sign_key_from_pkcs8(&read, sp_buf_bytes(&der));
	assert_true((e == SP_OK) == (read != NULL));
	sp_sign_key_free(&made);
	sp_sign_key_free(&read);
	sp_buf_clear(&der);
	return e;
}

static enum sp_err do_generate(size_t which)
{
	struct sp_sign_key *key;
	enum sp_err e = sp_sign_key_generate(&key, algs[which]);
	assert_true((e == SP_OK) == (key != NULL));
	sp_sign_key_free(&key);
	return e;
}

typedef enum sp_err run_fn(size_t which);

/* N = 1, 2, 3, ... until nothing was left to fail; thinned out beyond 50, as reading PKCS#8 allocates thousands of times. */
static void fail_each(run_fn *run, size_t which, bool ever_after)
{
	enum sp_err e;
	for (size_t n = 1;; n += 1 + n / 50) {
		calls = 0;
		for_ever = ever_after;
		fail_at = n;
		e = run(which);
		bool is_over = calls < n;
		fail_at = 0;
		if (e != SP_OK)
			assert_int_equal(ERR_peek_error(), 0);
		ERR_clear_error(); /* OpenSSL may have got over it and say so all the same */
		if (is_over)
			break;
		assert_true(n < 20000);
	}
	assert_int_equal(e, SP_OK);
	assert_int_equal(run(which), SP_OK);
}

static void every_allocation_may_fail(void **state)
{
	run_fn *const runs[] = {do_hash, do_hasher, do_expand, do_aead, do_hpke, do_sign, do_keys, do_generate};
	for (size_t i = 0; i < SP_ARRAY_LEN(runs); i++)
		for (size_t which = 0; which < 2; which++) {
			assert_int_equal(runs[i](which), SP_OK);
			fail_each(runs[i], which, false);
			fail_each(runs[i], which, true);
		}
}

static int set_up(void **state)
{
	for (size_t i = 0; i < 2; i++)
		if (sp_sign_key_generate(&keys[i], algs[i]) != SP_OK)
			return 1;
	return 0;
}

static int tear_down(void **state)
{
	for (size_t i = 0; i < 2; i++)
		sp_sign_key_free(&keys[i]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_may_fail)};
	if (!CRYPTO_set_mem_functions(short_malloc, short_realloc, short_free))
		return 1;
	return cmocka_run_group_tests_name("crypto/oom", tests, set_up, tear_down);
}
