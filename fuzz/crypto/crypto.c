/* SPDX-License-Identifier: Apache-2.0
 *
 * What crypto decodes of foreign bytes: public keys, signatures, PKCS#8, HPKE's enc. The first byte says which. Properties:
 * a key that is accepted has the one encoding; PKCS#8 that is accepted gives a key that signs what it verifies; the
 * error queue is empty afterwards.
 */
#include <openssl/err.h>

#include "crypto/crypto.h"
#include "../fuzz.h"

static const enum sp_kem kems[] = {SP_KEM_P256, SP_KEM_P384, SP_KEM_P521, SP_KEM_X25519, SP_KEM_X448};
static const enum sp_sig sigs[] = {SP_SIG_ECDSA_P256_SHA256, SP_SIG_ECDSA_P384_SHA384, SP_SIG_ECDSA_P521_SHA512, SP_SIG_ED25519,
				   SP_SIG_ED448};

static void public_key(enum sp_kem kem, struct sp_bytes in)
{
	bool is_nist = kem == SP_KEM_P256 || kem == SP_KEM_P384 || kem == SP_KEM_P521;
	if (sp_kem_public_check(kem, in) != SP_OK)
		return;
	FUZZ_CHECK(in.n == sp_kem_public_size(kem));
	FUZZ_CHECK(!is_nist || in.p[0] == 4);
}

static void private_key(enum sp_kem kem, struct sp_bytes in)
{
	struct sp_kem_public pub;
	if (sp_kem_public_of(kem, in, &pub) == SP_OK)
		FUZZ_CHECK(sp_kem_public_check(kem, sp_kem_public_bytes(&pub)) == SP_OK);
	else
		FUZZ_CHECK(pub.n == 0);
}

/* Nothing that was not signed verifies. */
static void signature(enum sp_sig alg, struct sp_bytes in)
{
	struct sp_verify_key *key = NULL;
	size_t n = sp_sig_public_size(alg);
	if (in.n < n || sp_verify_key_new(&key, alg, (struct sp_bytes){in.p, n}) != SP_OK)
		return;
	(void)!sp_verify(key, SP_BYTES_LIT("message"), (struct sp_bytes){in.p + n, in.n - n});
	sp_verify_key_free(&key);
}

static void use_key(struct sp_sign_key *key)
{
	struct sp_signer signer = sp_sign_key_signer(key);
	struct sp_verify_key *verify = NULL;
	struct sp_buf sig;
	sp_buf_init(&sig, 400);
	FUZZ_CHECK(sp_verify_key_new(&verify, signer.alg, signer.public_key) == SP_OK);
	FUZZ_CHECK(sp_sign(&signer, &sig, SP_BYTES_LIT("message")) == SP_OK);
	FUZZ_CHECK(sp_verify(verify, SP_BYTES_LIT("message"), sp_buf_bytes(&sig)) == SP_OK);
	sp_verify_key_free(&verify);
	sp_buf_clear(&sig);
}

static void pkcs8(struct sp_bytes in)
{
	struct sp_sign_key *key = NULL;
	enum sp_err e = sp_sign_key_from_pkcs8(&key, in);
	FUZZ_CHECK((e == SP_OK) == (key != NULL));
	if (key)
		use_key(key);
	sp_sign_key_free(&key);
}

static void hpke(enum sp_kem kem, struct sp_bytes in)
{
	const struct sp_hpke_suite suite = {kem, SP_KDF_HKDF_SHA256, SP_AEAD_AES128GCM};
	size_t n = SP_MIN(sp_kem_public_size(kem), in.n);
	uint8_t priv[66] = {0};
	struct sp_buf out;
	sp_buf_init(&out, 1u << 20);
	priv[sp_kem_private_size(kem) - 1] = 9;
	enum sp_err e = sp_hpke_open(&out, &suite, (struct sp_bytes){in.p, n}, (struct sp_bytes){priv, sp_kem_private_size(kem)},
				     SP_BYTES_NONE, SP_BYTES_NONE, SP_BYTES_NONE, (struct sp_bytes){in.p + n, in.n - n});
	FUZZ_CHECK(e != SP_OK && out.n == 0);
	sp_buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	unsigned which = data[0] / 5 % 5, alg = data[0] % 5;
	struct sp_bytes in = {data + 1, size - 1};
	if (which == 0)
		public_key(kems[alg], in);
	else if (which == 1)
		private_key(kems[alg], in);
	else if (which == 2)
		signature(sigs[alg], in);
	else if (which == 3)
		pkcs8(in);
	else
		hpke(kems[alg], in);
	FUZZ_CHECK(ERR_peek_error() == 0);
	return 0;
}
