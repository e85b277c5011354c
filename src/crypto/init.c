/* SPDX-License-Identifier: Apache-2.0
 *
 * Which OpenSSL we run on, the algorithms fetched from it once, and the translation of its error queue.
 * An implicit fetch costs a lock and a look-up at each call, which two threads feel more than the hashing itself.
 */
#include "crypto/crypto_priv.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>
#include <pthread.h>

/* The first release of each branch with the fixes of August 2026 (CMS key unwrap, AEAD parameters; notes in cms). A
 * branch that is not named had no such release. */
static const struct {
	unsigned major, minor, patch;
} fixed_in[] = {{3, 0, 22}, {3, 4, 7}, {3, 5, 8}, {3, 6, 4}, {4, 0, 2}};

enum sp_err sp__crypto_version_check(unsigned major, unsigned minor, unsigned patch)
{
	size_t last = SP_ARRAY_LEN(fixed_in) - 1;
	for (size_t i = 0; i <= last; i++)
		if (major == fixed_in[i].major && minor == fixed_in[i].minor)
			return patch >= fixed_in[i].patch ? SP_OK : SP_ERR_UNSUPPORTED;
	bool is_later = major > fixed_in[last].major || (major == fixed_in[last].major && minor > fixed_in[last].minor);
	return is_later ? SP_OK : SP_ERR_UNSUPPORTED;
}

enum sp_err sp_crypto_init(void)
{
	SP_TRY(sp__crypto_version_check(OPENSSL_version_major(), OPENSSL_version_minor(), OPENSSL_version_patch()));
	return sp__algs() ? SP_OK : SP_ERR_CRYPTO;
}

/* Process-wide and written once: the one state of this room. */
static struct sp__algs algs;
static bool algs_are_whole;
static pthread_once_t algs_once = PTHREAD_ONCE_INIT;

static EVP_PKEY *curve_params(char *group)
{
	EVP_PKEY *key = NULL;
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0), OSSL_PARAM_construct_end()};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	if (ctx && EVP_PKEY_fromdata_init(ctx) > 0 && EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEY_PARAMETERS, params) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static bool algs_has_all(const struct sp__algs *a)
{
	bool has_symmetric = a->md[1] && a->md[2] && a->md[3] && a->aead[1] && a->aead[2] && a->aead[3] && a->aes256ctr;
	return has_symmetric && a->p256 && a->p384 && a->p521 && a->p256_params && a->p384_params && a->p521_params;
}

static void fetch_algs(void)
{
	char p256[] = "P-256", p384[] = "P-384", p521[] = "P-521"; /* OSSL_PARAM wants them writable */
	algs = (struct sp__algs){
		.md = {NULL, EVP_MD_fetch(NULL, "SHA256", NULL), EVP_MD_fetch(NULL, "SHA384", NULL), EVP_MD_fetch(NULL, "SHA512", NULL)},
		.aead = {NULL, EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL), EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL),
			 EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL)},
		.aes256ctr = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL),
		.p256 = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1),
		.p384 = EC_GROUP_new_by_curve_name(NID_secp384r1),
		.p521 = EC_GROUP_new_by_curve_name(NID_secp521r1),
		.p256_params = curve_params(p256),
		.p384_params = curve_params(p384),
		.p521_params = curve_params(p521),
	};
	algs_are_whole = algs_has_all(&algs);
	ERR_clear_error();
}

const struct sp__algs *sp__algs(void)
{
	if (pthread_once(&algs_once, fetch_algs) != 0)
		return NULL;
	return algs_are_whole ? &algs : NULL;
}

enum sp_err sp__crypto_fail(enum sp_err e)
{
	bool is_nomem = false;
	for (unsigned long code = ERR_get_error(); code != 0; code = ERR_get_error())
		is_nomem = is_nomem || ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;
	return is_nomem ? SP_ERR_NOMEM : e;
}
