/* SPDX-License-Identifier: Apache-2.0
 *
 * Key packages through the public face: made, verified, referred to, kept; in every suite; when memory runs out.
 */
#include "tree_fixture.h"

#include <stdlib.h>

#define OK(e) assert_int_equal((e), SP_OK)

struct made {
	struct fix f;
	struct person p;
	struct sp_buf message, ref, priv;
	struct sp_mls_key_package_params params;
};

static const uint16_t listed[] = {SP_MLS_EXTENSION_LAST_RESORT, 0xf001};

static void made_begin(struct made *m, uint16_t suite)
{
	*m = (struct made){0};
	fix_init(&m->f, suite, "key packages");
	fix_person(&m->f, &m->p);
	m->f.env.signer = &m->p.signer;
	sp_buf_init(&m->message, 1u << 16);
	sp_buf_init(&m->ref, 64);
	sp_buf_init(&m->priv, 1u << 16);
	m->params = (struct sp_mls_key_package_params){
		.size = sizeof m->params,
		.suite = suite,
		.leaf = {.size = sizeof m->params.leaf, .credential = {SP_MLS_CREDENTIAL_BASIC, SP_BYTES_LIT("alice")}, .extension_types = {listed, 2}},
	};
}

static void made_end(struct made *m)
{
	sp_buf_clear(&m->message);
	sp_buf_clear(&m->ref);
	sp_buf_clear(&m->priv);
	fix_person_clear(&m->p);
}

static enum sp_err make(struct made *m)
{
	return sp_mls_key_package_new(&m->f.env, &m->message, &m->ref, &m->priv, &m->params);
}

static void every_suite(void **state)
{
	for (uint16_t suite = 1; suite <= 7; suite++) {
		struct made m;
		struct sp_mls_key_package_info info, kept;
		struct sp_buf ref;
		made_begin(&m, suite);
		sp_buf_init(&ref, 64);
		OK(make(&m));
		OK(sp_mls_key_package_verify(&m.f.env, &info, sp_buf_bytes(&m.message)));
		assert_int_equal(info.suite, suite);
		assert_false(info.last_resort);
		assert_int_equal(info.not_after_s - info.not_before_s, 60 * 24 * 3600 + 3600);
		assert_true(sp_bytes_equal(info.member.signature_key, m.p.signer.public_key));
		assert_true(sp_mls_member_has_capability(&info.member, SP_MLS_CAP_SUITE, suite));
		OK(sp_mls_key_package_ref(&m.f.env, &ref, sp_buf_bytes(&m.message)));
		assert_true(sp_bytes_equal(sp_buf_bytes(&ref), sp_buf_bytes(&m.ref)));
		OK(sp_mls_key_package_private_info(&kept, sp_buf_bytes(&m.priv)));
		assert_true(sp_bytes_equal(kept.key_package, info.key_package));
		sp_buf_clear(&ref);
		made_end(&m);
	}
}

/* The private halves belong to the public ones. */
static void private_blob_holds_the_keys(void **state)
{
	struct made m;
	struct sp_mls_key_package_private priv;
	struct sp_kem_public pub;
	made_begin(&m, 2);
	m.params.last_resort = true;
	OK(make(&m));
	OK(sp__mls_key_package_private_decode(&priv, sp_buf_bytes(&m.priv)));
	assert_true(priv.last_resort);
	OK(sp_kem_public_of(m.f.suite.hpke.kem, sp_secret_bytes(&priv.init_priv), &pub));
	assert_true(sp_bytes_equal(sp_kem_public_bytes(&pub), priv.kp.init_key));
	OK(sp_kem_public_of(m.f.suite.hpke.kem, sp_secret_bytes(&priv.encryption_priv), &pub));
	assert_true(sp_bytes_equal(sp_kem_public_bytes(&pub), priv.kp.leaf.encryption_key));
	sp__mls_key_package_private_clear(&priv);
	for (size_t n = 0; n < m.priv.n; n++)
		assert_int_not_equal(sp__mls_key_package_private_decode(&priv, (struct sp_bytes){m.priv.p, n}), SP_OK);
	m.priv.p[1] = 9;
	assert_int_equal(sp__mls_key_package_private_decode(&priv, sp_buf_bytes(&m.priv)), SP_ERR_FORMAT_NEWER);
	made_end(&m);
}

/* GREASE is in the capabilities, in the leaf's extensions and in the package's, and nobody minds. */
static void grease(void **state)
{
	struct made m;
	struct sp_mls_key_package kp;
	struct sp_mls_key_package_info info;
	struct sp_mls_extension ext;
	made_begin(&m, 1);
	m.params.leaf.grease = true;
	OK(make(&m));
	OK(sp_mls_key_package_verify(&m.f.env, &info, sp_buf_bytes(&m.message)));
	OK(sp__mls_key_package_message_read(sp_buf_bytes(&m.message), &kp, NULL));
	struct sp_bytes rest = kp.extensions;
	assert_true(sp__mls_extension_has_next(&rest, &ext));
	assert_int_equal(ext.type & 0x0f0f, 0x0a0a);
	assert_true(sp__mls_extension_has(kp.leaf.extensions, ext.type, &rest));
	assert_true(sp__mls_types_has(kp.leaf.suites, ext.type) && sp__mls_types_has(kp.leaf.proposal_types, ext.type));
	made_end(&m);
}

/* Extensions of any type travel byte for byte; those that peers would refuse are not made. */
static void extensions(void **state)
{
	struct made m;
	struct sp_mls_key_package_info info;
	struct sp_bytes data;
	const struct sp_mls_extension one = {0xf001, SP_BYTES_LIT("\x00\xff anything")}, unlisted = {0xf002, SP_BYTES_NONE}, twice[] = {one, one};
	made_begin(&m, 1);
	m.params.leaf.extensions = (struct sp_mls_extensions){&one, 1};
	m.params.extensions = (struct sp_mls_extensions){&one, 1};
	OK(make(&m));
	OK(sp_mls_key_package_verify(&m.f.env, &info, sp_buf_bytes(&m.message)));
	OK(sp_mls_member_extension(&data, &info.member, 0xf001));
	assert_true(sp_bytes_equal(data, one.data));
	assert_int_equal(sp_mls_member_extension(&data, &info.member, 0xf002), SP_ERR_NOT_FOUND);
	size_t had = m.message.n;
	m.params.extensions = (struct sp_mls_extensions){&unlisted, 1};
	fix_want_rule(&m.f, make(&m), 135);
	m.params.extensions = (struct sp_mls_extensions){0};
	m.params.leaf.extensions = (struct sp_mls_extensions){&unlisted, 1};
	fix_want_rule(&m.f, make(&m), 114);
	m.params.leaf.extensions = (struct sp_mls_extensions){twice, 2};
	fix_want_rule(&m.f, make(&m), 100);
	assert_int_equal(m.message.n, had); /* nothing was appended */
	made_end(&m);
}

static void x509_and_unknown_credentials(void **state)
{
	struct made m;
	struct sp_mls_key_package_info info;
	struct sp_buf chain;
	struct sp_bytes der;
	const struct sp_bytes ders[] = {SP_BYTES_LIT("leaf"), SP_BYTES_LIT("issuing")};
	made_begin(&m, 1);
	sp_buf_init(&chain, 1u << 16);
	OK(sp_mls_credential_chain(&chain, ders, 2));
	m.params.leaf.credential = (struct sp_mls_credential){SP_MLS_CREDENTIAL_X509, sp_buf_bytes(&chain)};
	OK(make(&m));
	OK(sp_mls_key_package_verify(&m.f.env, &info, sp_buf_bytes(&m.message)));
	OK(sp_mls_credential_certificate(&der, &info.member.credential, 1));
	assert_true(sp_bytes_equal(der, ders[1]));
	assert_int_equal(sp_mls_credential_certificate(&der, &info.member.credential, 2), SP_ERR_NOT_FOUND);
	m.message.n = m.ref.n = m.priv.n = 0;
	m.params.leaf.credential = (struct sp_mls_credential){0xf005, SP_BYTES_LIT("of our own")};
	OK(make(&m));
	OK(sp_mls_key_package_verify(&m.f.env, &info, sp_buf_bytes(&m.message)));
	assert_true(sp_bytes_equal(info.member.credential.data, SP_BYTES_LIT("of our own")));
	assert_int_equal(sp_mls_credential_certificate(&der, &info.member.credential, 0), SP_ERR_NOT_FOUND);
	sp_buf_clear(&chain);
	made_end(&m);
}

/* A suite of the caller's own, by a private number: suite 1's algorithms. */
static void suites_by_number(void **state)
{
	struct made m;
	struct sp_mls_key_package_info info;
	const struct sp_mls_suite_def own = {0xf0aa, SP_KEM_X25519, SP_KDF_HKDF_SHA256, SP_AEAD_AES256GCM, SP_HASH_SHA256, SP_SIG_ED25519};
	made_begin(&m, 1);
	m.params.suite = own.id;
	assert_int_equal(make(&m), SP_ERR_UNSUPPORTED);
	m.f.env.suites = &own;
	m.f.env.n_suites = 1;
	OK(make(&m));
	OK(sp_mls_key_package_verify(&m.f.env, &info, sp_buf_bytes(&m.message)));
	assert_int_equal(info.suite, own.id);
	assert_true(sp_mls_member_has_capability(&info.member, SP_MLS_CAP_SUITE, own.id));
	m.f.env.n_suites = 0;
	assert_int_equal(sp_mls_key_package_verify(&m.f.env, &info, sp_buf_bytes(&m.message)), SP_ERR_UNSUPPORTED);
	made_end(&m);
}

/* -- memory that runs out -------------------------------------------------------------------------------------------------------- */

static long budget;

static void *starve(void *ctx, void *p, size_t n)
{
	return budget-- > 0 ? realloc(p, n) : NULL;
}

static void release(void *ctx, void *p)
{
	free(p);
}

static void out_of_memory(void **state)
{
	static const struct sp_allocator starving = {starve, release, NULL};
	struct made m;
	enum sp_err e = SP_ERR_NOMEM;
	made_begin(&m, 1);
	for (long n = 0; e != SP_OK; n++) {
		budget = n;
		sp_allocator_set(&starving);
		e = make(&m);
		sp_allocator_set(NULL);
		assert_true(e == SP_OK || e == SP_ERR_NOMEM);
		if (e != SP_OK)
			assert_int_equal(m.message.n + m.ref.n + m.priv.n, 0);
	}
	made_end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_suite),
		cmocka_unit_test(private_blob_holds_the_keys),
		cmocka_unit_test(grease),
		cmocka_unit_test(extensions),
		cmocka_unit_test(x509_and_unknown_credentials),
		cmocka_unit_test(suites_by_number),
		cmocka_unit_test(out_of_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
