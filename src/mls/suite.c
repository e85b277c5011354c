/* SPDX-License-Identifier: Apache-2.0
 *
 * The cipher suites of RFC 9420 section 17.1. A caller's own table is asked first, so that numbers which the registry
 * has not assigned yet can be used, and a built-in one replaced.
 */
#include "mls/labels_priv.h"

static const struct sp_mls_suite_def built_in[] = {
	{1, SP_KEM_X25519, SP_KDF_HKDF_SHA256, SP_AEAD_AES128GCM, SP_HASH_SHA256, SP_SIG_ED25519},
	{2, SP_KEM_P256, SP_KDF_HKDF_SHA256, SP_AEAD_AES128GCM, SP_HASH_SHA256, SP_SIG_ECDSA_P256_SHA256},
	{3, SP_KEM_X25519, SP_KDF_HKDF_SHA256, SP_AEAD_CHACHA20POLY1305, SP_HASH_SHA256, SP_SIG_ED25519},
	{4, SP_KEM_X448, SP_KDF_HKDF_SHA512, SP_AEAD_AES256GCM, SP_HASH_SHA512, SP_SIG_ED448},
	{5, SP_KEM_P521, SP_KDF_HKDF_SHA512, SP_AEAD_AES256GCM, SP_HASH_SHA512, SP_SIG_ECDSA_P521_SHA512},
	{6, SP_KEM_X448, SP_KDF_HKDF_SHA512, SP_AEAD_CHACHA20POLY1305, SP_HASH_SHA512, SP_SIG_ED448},
	{7, SP_KEM_P384, SP_KDF_HKDF_SHA384, SP_AEAD_AES256GCM, SP_HASH_SHA384, SP_SIG_ECDSA_P384_SHA384},
};

static void suite_from(struct sp_mls_suite *out, const struct sp_mls_suite_def *def)
{
	*out = (struct sp_mls_suite){
		.id = def->id,
		.hpke = {def->kem, def->kdf, def->aead},
		.hash = def->hash,
		.sig = def->sig,
		.nh = sp_hash_size(def->hash),
		.nk = sp_aead_key_size(def->aead),
	};
}

static const struct sp_mls_suite_def *find(const struct sp_mls_suite_def *list, size_t n, uint16_t id)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].id == id)
			return &list[i];
	return NULL;
}

enum sp_err sp__mls_suite_find(struct sp_mls_suite *out, const struct sp_mls_env *env, uint16_t id)
{
	const struct sp_mls_suite_def *def = env ? find(env->suites, env->n_suites, id) : NULL;
	*out = (struct sp_mls_suite){0};
	if (!def)
		def = find(built_in, SP_ARRAY_LEN(built_in), id);
	if (!def)
		return SP_ERR_UNSUPPORTED;
	suite_from(out, def);
	return SP_OK;
}
