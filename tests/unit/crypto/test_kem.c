/* SPDX-License-Identifier: Apache-2.0
 *
 * KEM keys and HPKE at their edges: scalars out of range, points in every wrong form, small order, tampering.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/bn.h>
#include <openssl/err.h>

#include "crypto/kem_priv.h"

static const enum sp_kem kems[] = {SP_KEM_P256, SP_KEM_P384, SP_KEM_P521, SP_KEM_X25519, SP_KEM_X448};
static const enum sp_kem nist[] = {SP_KEM_P256, SP_KEM_P384, SP_KEM_P521};

static void order_plus(enum sp_kem kem, int delta, uint8_t *out)
{
	const struct sp__kem_info *k = sp__kem_info(kem);
	BIGNUM *n = BN_dup(EC_GROUP_get0_order(sp__ec_group(k)));
	assert_true(delta < 0 ? BN_sub_word(n, (BN_ULONG)-delta) : BN_add_word(n, (BN_ULONG)delta));
	assert_true(BN_bn2binpad(n, out, (int)k->n_private) > 0);
	BN_free(n);
}

static void check_scalar(enum sp_kem kem, const uint8_t *scalar, enum sp_err want)
{
	const struct sp__kem_info *k = sp__kem_info(kem);
	struct sp_bytes priv = {scalar, k->n_private};
	struct sp_kem_public pub, base;
	struct sp_secret dh;
	uint8_t one[66] = {0};
	one[k->n_private - 1] = 1;
	assert_int_equal(sp_kem_public_of(kem, (struct sp_bytes){one, k->n_private}, &base), SP_OK);
	assert_int_equal(sp_kem_public_of(kem, priv, &pub), want);
	assert_int_equal(pub.n, want == SP_OK ? k->n_public : 0);
	assert_int_equal(sp__ec_dh(k, priv, sp_kem_public_bytes(&base), &dh), want);
	if (want == SP_OK) /* with the generator as peer, the result is our own x */
		assert_memory_equal(dh.b, pub.b + 1, k->n_dh);
	else
		assert_int_equal(dh.n, 0);
	assert_int_equal(ERR_peek_error(), 0);
}

static void scalars_are_in_range(void **state)
{
	uint8_t s[66];
	for (size_t i = 0; i < SP_ARRAY_LEN(nist); i++) {
		memset(s, 0, sizeof s);
		check_scalar(nist[i], s, SP_ERR_INVALID);
		s[sp_kem_private_size(nist[i]) - 1] = 1;
		check_scalar(nist[i], s, SP_OK);
		memset(s, 0xff, sizeof s);
		check_scalar(nist[i], s, SP_ERR_INVALID);
		order_plus(nist[i], -1, s);
		check_scalar(nist[i], s, SP_OK);
		order_plus(nist[i], 0, s);
		check_scalar(nist[i], s, SP_ERR_INVALID);
		order_plus(nist[i], 1, s);
		check_scalar(nist[i], s, SP_ERR_INVALID);
	}
}

/* Leading zeros may be missing from a NIST scalar, nothing else of any key. */
static void private_keys_have_one_length(void **state)
{
	struct sp_kem_public pub, want;
	uint8_t raw[80] = {0};
	for (size_t i = 0; i < SP_ARRAY_LEN(kems); i++) {
		const struct sp__kem_info *k = sp__kem_info(kems[i]);
		memset(raw, 0, sizeof raw);
		raw[k->n_private - 1] = 9;
		assert_int_equal(sp_kem_public_of(kems[i], (struct sp_bytes){raw, k->n_private}, &want), SP_OK);
		for (size_t n = 0; n < sizeof raw; n++) {
			struct sp_bytes priv = n < k->n_private ? (struct sp_bytes){raw + k->n_private - n, n} : (struct sp_bytes){raw, n};
			enum sp_err e = sp_kem_public_of(kems[i], priv, &pub);
			bool is_fine = k->is_nist ? n > 0 && n <= k->n_private : n == k->n_private;
			assert_int_equal(e, is_fine ? SP_OK : SP_ERR_INVALID);
			if (is_fine)
				assert_memory_equal(pub.b, want.b, want.n);
		}
	}
}

/* SubjectPublicKey forms that SEC 1 knows and RFC 9180 does not: each must be refused for use and by the check. */
static void refuse_point(enum sp_kem kem, struct sp_bytes point)
{
	const struct sp__kem_info *k = sp__kem_info(kem);
	uint8_t one[66] = {0};
	struct sp_secret dh;
	one[k->n_private - 1] = 1;
	assert_int_equal(sp_kem_public_check(kem, point), SP_ERR_INVALID);
	assert_int_equal(sp__ec_dh(k, (struct sp_bytes){one, k->n_private}, point, &dh), SP_ERR_INVALID);
	assert_int_equal(dh.n, 0);
	assert_int_equal(ERR_peek_error(), 0);
}

static void points_have_one_form(void **state)
{
	struct sp_rng_seeded seed;
	struct sp_rng rng = sp_rng_seeded(&seed, SP_BYTES_LIT("points"));
	struct sp_secret priv;
	struct sp_kem_public pub, bad;
	for (size_t i = 0; i < SP_ARRAY_LEN(nist); i++) {
		assert_int_equal(sp_kem_generate(nist[i], &rng, &priv, &pub), SP_OK);
		assert_int_equal(sp_kem_public_check(nist[i], sp_kem_public_bytes(&pub)), SP_OK);
		bad = pub;
		for (unsigned form = 0; form < 256; form++) { /* 06 and 07: the hybrid forms */
			bad.b[0] = (uint8_t)form;
			if (form != 4)
				refuse_point(nist[i], sp_kem_public_bytes(&bad));
		}
		bad.b[0] = (uint8_t)(2 + (pub.b[pub.n - 1] & 1)); /* compressed, right parity */
		refuse_point(nist[i], (struct sp_bytes){bad.b, 1 + pub.n / 2});
		bad.b[0] = 0; /* infinity */
		refuse_point(nist[i], (struct sp_bytes){bad.b, 1});
		bad = pub;
		bad.b[pub.n - 1] ^= 1; /* off the curve */
		refuse_point(nist[i], sp_kem_public_bytes(&bad));
		memset(bad.b + 1, 0, pub.n - 1); /* (0, 0) */
		refuse_point(nist[i], sp_kem_public_bytes(&bad));
		memset(bad.b + 1, 0xff, pub.n - 1); /* coordinates not below p */
		refuse_point(nist[i], sp_kem_public_bytes(&bad));
		for (size_t n = 0; n < pub.n; n++)
			refuse_point(nist[i], (struct sp_bytes){n ? pub.b : NULL, n});
	}
	sp_secret_clear(&priv);
}

/* RFC 7748 section 6: 0, 1 and a point of order 8 on curve25519; 0, 1, -1 on curve448. */
static void small_order_is_refused(void **state)
{
	static const uint8_t order8[32] = {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
					   0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00};
	static const uint8_t zero[56], one[56] = {1};
	uint8_t minus_one[56];
	memset(minus_one, 0xff, sizeof minus_one); /* 2^448 - 2^224 - 2 */
	minus_one[0] = 0xfe;
	minus_one[28] = 0xfe;
	const struct {
		enum sp_kem kem;
		struct sp_bytes peer;
	} cases[] = {{SP_KEM_X25519, {zero, 32}}, {SP_KEM_X25519, {one, 32}}, {SP_KEM_X25519, {order8, 32}},
		     {SP_KEM_X448, {zero, 56}},   {SP_KEM_X448, {one, 56}},   {SP_KEM_X448, {minus_one, 56}}};
	struct sp_rng rng = sp_rng_system();
	for (size_t i = 0; i < SP_ARRAY_LEN(cases); i++) {
		struct sp_hpke_suite suite = {cases[i].kem, SP_KDF_HKDF_SHA256, SP_AEAD_AES128GCM};
		struct sp_buf enc, ct;
		sp_buf_init(&enc, 200);
		sp_buf_init(&ct, 200);
		assert_int_equal(sp_kem_public_check(cases[i].kem, cases[i].peer), SP_OK); /* seen at use only */
		assert_int_equal(sp_hpke_seal(&enc, &ct, &suite, &rng, cases[i].peer, SP_BYTES_NONE, SP_BYTES_NONE, SP_BYTES_LIT("x")),
				 SP_ERR_INVALID);
		assert_int_equal(enc.n + ct.n, 0);
		assert_int_equal(ERR_peek_error(), 0);
		sp_buf_clear(&enc);
		sp_buf_clear(&ct);
	}
}

static void unknown_names_are_unsupported(void **state)
{
	struct sp_rng rng = sp_rng_system();
	struct sp_secret priv;
	struct sp_kem_public pub;
	struct sp_buf out;
	sp_buf_init(&out, 100);
	const enum sp_kem none = (enum sp_kem)0x30;
	assert_int_equal(sp_kem_generate(none, &rng, &priv, &pub), SP_ERR_UNSUPPORTED);
	assert_int_equal(sp_kem_derive(none, SP_BYTES_NONE, &priv, &pub), SP_ERR_UNSUPPORTED);
	assert_int_equal(sp_kem_public_of(none, SP_BYTES_NONE, &pub), SP_ERR_UNSUPPORTED);
	assert_int_equal(sp_kem_public_check(none, SP_BYTES_NONE), SP_ERR_UNSUPPORTED);
	assert_int_equal(sp_kem_public_size(none) + sp_kem_private_size(none), 0);
	const struct sp_hpke_suite suites[] = {{none, SP_KDF_HKDF_SHA256, SP_AEAD_AES128GCM},
					       {SP_KEM_P256, (enum sp_kdf)4, SP_AEAD_AES128GCM},
					       {SP_KEM_P256, SP_KDF_HKDF_SHA256, (enum sp_aead)0xffff}};
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(sp_hpke_open(&out, &suites[i], SP_BYTES_NONE, SP_BYTES_NONE, SP_BYTES_NONE, SP_BYTES_NONE, SP_BYTES_NONE,
					      SP_BYTES_NONE),
				 SP_ERR_UNSUPPORTED);
	sp_buf_clear(&out);
}

struct sealed {
	struct sp_hpke_suite suite;
	struct sp_secret priv;
	struct sp_kem_public pub;
	struct sp_buf enc, ct;
};

static enum sp_err open_sealed(const struct sealed *s, struct sp_bytes info, struct sp_bytes aad)
{
	struct sp_buf out;
	sp_buf_init(&out, 1000);
	enum sp_err e = sp_hpke_open(&out, &s->suite, sp_buf_bytes(&s->enc), sp_secret_bytes(&s->priv), sp_kem_public_bytes(&s->pub), info,
				     aad, sp_buf_bytes(&s->ct));
	assert_int_equal(out.n, e == SP_OK ? 4 : 0);
	assert_int_equal(ERR_peek_error(), 0);
	sp_buf_clear(&out);
	return e;
}

static void check_tampering(struct sealed *s)
{
	const struct sp_bytes info = SP_BYTES_LIT("info"), aad = SP_BYTES_LIT("aad");
	assert_int_equal(open_sealed(s, info, aad), SP_OK);
	assert_int_equal(open_sealed(s, aad, aad), SP_ERR_DECRYPT);
	assert_int_equal(open_sealed(s, info, info), SP_ERR_DECRYPT);
	for (size_t i = 0; i < s->ct.n; i++) {
		s->ct.p[i] ^= 1;
		assert_int_equal(open_sealed(s, info, aad), SP_ERR_DECRYPT);
		s->ct.p[i] ^= 1;
	}
	for (size_t i = 0; i < s->enc.n; i += 5) {
		s->enc.p[i] ^= 1;
		assert_int_not_equal(open_sealed(s, info, aad), SP_OK);
		s->enc.p[i] ^= 1;
	}
	s->pub.b[s->pub.n - 1] ^= 1; /* it is part of the context */
	assert_int_equal(open_sealed(s, info, aad), SP_ERR_DECRYPT);
	s->pub.n--;
	assert_int_equal(open_sealed(s, info, aad), SP_ERR_USAGE);
}

static void hpke_refuses_what_was_changed(void **state)
{
	struct sp_rng rng = sp_rng_system();
	for (size_t i = 0; i < SP_ARRAY_LEN(kems); i++) {
		struct sealed s = {.suite = {kems[i], SP_KDF_HKDF_SHA384, SP_AEAD_CHACHA20POLY1305}};
		sp_buf_init(&s.enc, 200);
		sp_buf_init(&s.ct, 200);
		assert_int_equal(sp_kem_generate(kems[i], &rng, &s.priv, &s.pub), SP_OK);
		assert_int_equal(sp_hpke_seal(&s.enc, &s.ct, &s.suite, &rng, sp_kem_public_bytes(&s.pub), SP_BYTES_LIT("info"),
					      SP_BYTES_LIT("aad"), SP_BYTES_LIT("text")),
				 SP_OK);
		check_tampering(&s);
		sp_buf_clear(&s.enc);
		sp_buf_clear(&s.ct);
		sp_secret_clear(&s.priv);
	}
}

static enum sp_err broken(void *ctx, uint8_t *out, size_t n)
{
	return SP_ERR_RNG;
}

static void a_broken_source_fails(void **state)
{
	const struct sp_rng rng = {broken, NULL};
	struct sp_secret priv;
	struct sp_kem_public pub;
	for (size_t i = 0; i < SP_ARRAY_LEN(kems); i++) {
		assert_int_equal(sp_kem_generate(kems[i], &rng, &priv, &pub), SP_ERR_RNG);
		assert_int_equal(priv.n + pub.n, 0);
	}
}

/* A full output leaves neither half behind. */
static void both_outputs_or_none(void **state)
{
	struct sp_rng rng = sp_rng_system();
	struct sp_hpke_suite suite = {SP_KEM_X25519, SP_KDF_HKDF_SHA256, SP_AEAD_AES128GCM};
	struct sp_secret priv;
	struct sp_kem_public pub;
	struct sp_buf enc, ct;
	sp_buf_init(&enc, 100);
	sp_buf_init(&ct, 10);
	assert_int_equal(sp_kem_generate(SP_KEM_X25519, &rng, &priv, &pub), SP_OK);
	assert_int_equal(sp_hpke_seal(&enc, &ct, &suite, &rng, sp_kem_public_bytes(&pub), SP_BYTES_NONE, SP_BYTES_NONE, SP_BYTES_LIT("x")),
			 SP_ERR_TOO_LONG);
	assert_int_equal(enc.n + ct.n, 0);
	sp_buf_clear(&enc);
	sp_buf_clear(&ct);
	sp_secret_clear(&priv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars_are_in_range),          cmocka_unit_test(private_keys_have_one_length),
		cmocka_unit_test(points_have_one_form),          cmocka_unit_test(small_order_is_refused),
		cmocka_unit_test(unknown_names_are_unsupported), cmocka_unit_test(hpke_refuses_what_was_changed),
		cmocka_unit_test(a_broken_source_fails),         cmocka_unit_test(both_outputs_or_none),
	};
	return cmocka_run_group_tests_name("crypto/kem", tests, NULL, NULL);
}
