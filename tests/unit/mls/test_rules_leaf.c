/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules MLS-V-100 to MLS-V-149: leaves and key packages. Each test makes a valid thing, spoils one field before it is
 * signed, and wants exactly that rule. ATTACKS M09, M10, M11, M30, M31 as far as a leaf can tell.
 */
#include "tree_fixture.h"

#define OK(e) assert_int_equal((e), SP_OK)
#define RAW(lit) SP_BYTES_LIT(lit)

struct leaf_case {
	struct fix f;
	struct person p;
	struct leaf_parts parts;
	struct sp_buf raw;
};

static void leaf_begin(struct leaf_case *c, enum sp_mls_leaf_source source)
{
	*c = (struct leaf_case){0};
	fix_init(&c->f, 1, "leaf rules");
	fix_person(&c->f, &c->p);
	c->parts = fix_leaf_parts(&c->f, &c->p, source, 3);
	sp_buf_init(&c->raw, 1u << 20);
}

static void leaf_end(struct leaf_case *c)
{
	sp_buf_clear(&c->raw);
	fix_person_clear(&c->p);
}

static enum sp_err read_leaf(struct leaf_case *c, struct sp_mls_leaf_node *out)
{
	c->raw.n = 0;
	fix_leaf_write(&c->raw, &c->parts, &c->p);
	struct sp_reader r = sp_reader_of(sp_buf_bytes(&c->raw));
	return sp__mls_leaf_node_read(&r, out, &c->f.diag);
}

static void want_unreadable(struct leaf_case *c, unsigned rule)
{
	struct sp_mls_leaf_node leaf;
	fix_want_rule(&c->f, read_leaf(c, &leaf), rule);
	leaf_end(c);
}

/* Judged as the leaf of an Update or of a path of leaf 3. */
static void want_refused(struct leaf_case *c, enum sp_mls_leaf_source as, unsigned rule)
{
	struct sp_mls_leaf_node leaf;
	OK(read_leaf(c, &leaf));
	fix_want_rule(&c->f, sp__mls_leaf_check_in_group(&c->f.env, &c->f.suite, &leaf, as, NULL, FIX_GROUP, 3), rule);
	leaf_end(c);
}

static void valid_leaves_pass(void **state)
{
	static const enum sp_mls_leaf_source sources[] = {SP_MLS_LEAF_KEY_PACKAGE, SP_MLS_LEAF_UPDATE, SP_MLS_LEAF_COMMIT};
	for (size_t i = 0; i < SP_ARRAY_LEN(sources); i++) {
		struct leaf_case c;
		struct sp_mls_leaf_node leaf;
		leaf_begin(&c, sources[i]);
		OK(read_leaf(&c, &leaf));
		OK(sp__mls_leaf_check_in_group(&c.f.env, &c.f.suite, &leaf, sources[i], NULL, FIX_GROUP, 3));
		OK(sp__mls_leaf_fits_context(&c.f.env, &leaf, SP_BYTES_NONE));
		leaf_end(&c);
	}
}

static void v100_extension_twice(void **state)
{
	struct leaf_case c;
	leaf_begin(&c, SP_MLS_LEAF_UPDATE);
	c.parts.extensions = RAW("\x00\x01\x00\x00\x02\x00\x00\x01\x00");
	want_unreadable(&c, 100);
}

static void v101_malformed_vectors(void **state)
{
	struct leaf_case c;
	leaf_begin(&c, SP_MLS_LEAF_UPDATE);
	c.parts.suites = RAW("\x00\x01\x00"); /* half a code point */
	want_unreadable(&c, 101);
	leaf_begin(&c, SP_MLS_LEAF_UPDATE);
	c.parts.extensions = RAW("\x00\x01\x05"); /* data that is not there */
	want_unreadable(&c, 101);
}

static void v102_empty_chain(void **state)
{
	struct leaf_case c;
	leaf_begin(&c, SP_MLS_LEAF_UPDATE);
	c.parts.credential_type = SP_MLS_CREDENTIAL_X509;
	c.parts.credential = SP_BYTES_NONE;
	want_unreadable(&c, 102);
}

static void v103_unknown_source(void **state)
{
	struct leaf_case c;
	leaf_begin(&c, SP_MLS_LEAF_UPDATE);
	c.parts.source = 4;
	want_unreadable(&c, 103);
	leaf_begin(&c, SP_MLS_LEAF_UPDATE);
	c.parts.source = 0;
	want_unreadable(&c, 103);
}

static void v110_signature(void **state)
{
	struct leaf_case c;
	leaf_begin(&c, SP_MLS_LEAF_UPDATE);
	c.parts.spoil_signature = true;
	want_refused(&c, SP_MLS_LEAF_UPDATE, 110);
	leaf_begin(&c, SP_MLS_LEAF_UPDATE);
	c.parts.group_id = RAW("another group"); /* replayed from elsewhere */
	want_refused(&c, SP_MLS_LEAF_UPDATE, 110);
	leaf_begin(&c, SP_MLS_LEAF_COMMIT);
	c.parts.leaf_index = 2;
	want_refused(&c, SP_MLS_LEAF_COMMIT, 110);
}

/* M30: Alice's key in the leaf, Mallory's signature under it. */
static void v110_signed_by_another(void **state)
{
	struct leaf_case c;
	struct person alice = {0};
	leaf_begin(&c, SP_MLS_LEAF_UPDATE);
	fix_person(&c.f, &alice);
	c.parts.signature_key = alice.signer.public_key;
	want_refused(&c, SP_MLS_LEAF_UPDATE, 110);
	fix_person_clear(&alice);
}

static void v111_encryption_key(void **state)
{
	struct leaf_case c;
	leaf_begin(&c, SP_MLS_LEAF_UPDATE);
	c.parts.encryption_key.n--;
	want_refused(&c, SP_MLS_LEAF_UPDATE, 111);
}

static void v112_signature_key(void **state)
{
	struct leaf_case c;
	leaf_begin(&c, SP_MLS_LEAF_UPDATE);
	c.parts.signature_key.n--;
	want_refused(&c, SP_MLS_LEAF_UPDATE, 112);
}

static void v113_version_and_suite(void **state)
{
	struct leaf_case c;
	leaf_begin(&c, SP_MLS_LEAF_UPDATE);
	c.parts.versions = RAW("\x0a\x0a");
	want_refused(&c, SP_MLS_LEAF_UPDATE, 113);
	leaf_begin(&c, SP_MLS_LEAF_UPDATE);
	c.parts.suites = RAW("\x00\x02\x0a\x0a");
	want_refused(&c, SP_MLS_LEAF_UPDATE, 113);
}

static void v114_extension_not_listed(void **state)
{
	struct leaf_case c;
	leaf_begin(&c, SP_MLS_LEAF_UPDATE);
	c.parts.extensions = RAW("\xf0\x00\x00");
	want_refused(&c, SP_MLS_LEAF_UPDATE, 114);
}

static void v115_credential_not_listed(void **state)
{
	struct leaf_case c;
	leaf_begin(&c, SP_MLS_LEAF_UPDATE);
	c.parts.credential_types = RAW("\x00\x02");
	want_refused(&c, SP_MLS_LEAF_UPDATE, 115);
}

static void v118_to_v120_source(void **state)
{
	struct leaf_case c;
	leaf_begin(&c, SP_MLS_LEAF_UPDATE);
	want_refused(&c, SP_MLS_LEAF_KEY_PACKAGE, 118);
	leaf_begin(&c, SP_MLS_LEAF_COMMIT);
	want_refused(&c, SP_MLS_LEAF_UPDATE, 119);
	leaf_begin(&c, SP_MLS_LEAF_KEY_PACKAGE);
	want_refused(&c, SP_MLS_LEAF_COMMIT, 120);
}

static void v121_same_encryption_key(void **state)
{
	struct leaf_case c;
	struct sp_mls_leaf_node leaf;
	leaf_begin(&c, SP_MLS_LEAF_UPDATE);
	OK(read_leaf(&c, &leaf));
	fix_want_rule(&c.f, sp__mls_leaf_check_in_group(&c.f.env, &c.f.suite, &leaf, SP_MLS_LEAF_UPDATE, &leaf, FIX_GROUP, 3), 121);
	leaf_end(&c);
}

static void want_not_fitting(struct sp_bytes group_extensions, unsigned rule)
{
	struct leaf_case c;
	struct sp_mls_leaf_node leaf;
	leaf_begin(&c, SP_MLS_LEAF_UPDATE);
	c.parts.extension_types = RAW("\xf0\x01");
	c.parts.proposal_types = RAW("\xf0\x02");
	OK(read_leaf(&c, &leaf));
	if (rule)
		fix_want_rule(&c.f, sp__mls_leaf_fits_context(&c.f.env, &leaf, group_extensions), rule);
	else
		OK(sp__mls_leaf_fits_context(&c.f.env, &leaf, group_extensions));
	leaf_end(&c);
}

/* required_capabilities: extensions, proposals, credentials */
static void v122_required_capabilities(void **state)
{
	want_not_fitting(RAW("\x00\x03\x09\x02\xf0\x01\x02\xf0\x02\x02\x00\x01"), 0);
	want_not_fitting(RAW("\x00\x03\x09\x02\x00\x05\x02\x00\x07\x02\x00\x01"), 0); /* default types are everybody's */
	want_not_fitting(RAW("\x00\x03\x05\x02\xf0\x02\x00\x00"), 122);
	want_not_fitting(RAW("\x00\x03\x05\x00\x02\xf0\x01\x00"), 122);
	want_not_fitting(RAW("\x00\x03\x05\x00\x00\x02\x00\x02"), 122);
}

static void v123_group_extensions(void **state)
{
	want_not_fitting(RAW("\xf0\x01\x00"), 0);
	want_not_fitting(RAW("\xf0\x02\x00"), 123);
}

static void v124_credential(void **state)
{
	struct leaf_case c;
	leaf_begin(&c, SP_MLS_LEAF_KEY_PACKAGE);
	c.f.verdict = SP_ERR_CERTIFICATE;
	fix_want_rule(&c.f, sp__mls_credential_ask(&c.f.env, &(struct sp_mls_credential_check){.why = SP_MLS_WHY_ADD}), 124);
	c.f.verdict = SP_ERR_NEED_CREDENTIAL; /* not a refusal */
	assert_int_equal(sp__mls_credential_ask(&c.f.env, &(struct sp_mls_credential_check){.why = SP_MLS_WHY_ADD}), SP_ERR_NEED_CREDENTIAL);
	assert_int_equal(c.f.diag.rule, 0);
	c.f.env.validator = NULL;
	assert_int_equal(sp__mls_credential_ask(&c.f.env, &(struct sp_mls_credential_check){.why = SP_MLS_WHY_ADD}), SP_ERR_USAGE);
	leaf_end(&c);
}

/* -- key packages ------------------------------------------------------------------------------------------------------------- */

struct package_parts {
	uint16_t message_version;
	uint16_t version;
	uint16_t suite;
	struct sp_kem_public init_key;
	struct sp_bytes extensions;
	bool spoil_signature;
};

static struct package_parts package_begin(struct leaf_case *c)
{
	struct package_parts parts = {.message_version = 1, .version = 1, .suite = 1};
	struct sp_secret priv;
	leaf_begin(c, SP_MLS_LEAF_KEY_PACKAGE);
	OK(sp_kem_generate(c->f.suite.hpke.kem, &c->f.rng, &priv, &parts.init_key));
	return parts;
}

static void write_package(struct leaf_case *c, const struct package_parts *parts, struct sp_buf *out)
{
	struct sp_buf body, signature;
	sp_buf_init(&body, 1u << 20);
	sp_buf_init(&signature, 1u << 10);
	struct sp_writer w = sp_writer_on(&body);
	sp_write_u16(&w, parts->version);
	sp_write_u16(&w, parts->suite);
	sp_write_vec(&w, sp_kem_public_bytes(&parts->init_key));
	OK(sp_writer_finish(&w));
	fix_leaf_write(&body, &c->parts, &c->p);
	w = sp_writer_on(&body);
	sp_write_vec(&w, parts->extensions);
	OK(sp_writer_finish(&w));
	OK(sp_sign_with_label(&c->p.signer, &signature, RAW("KeyPackageTBS"), sp_buf_bytes(&body)));
	if (parts->spoil_signature)
		signature.p[0] ^= 1;
	w = sp_writer_on(out);
	sp_write_u16(&w, parts->message_version);
	sp_write_u16(&w, SP_MLS_WIRE_KEY_PACKAGE);
	sp_write_fixed(&w, sp_buf_bytes(&body));
	sp_write_vec(&w, sp_buf_bytes(&signature));
	OK(sp_writer_finish(&w));
	sp_buf_clear(&signature);
	sp_buf_clear(&body);
}

static enum sp_err verify_package(struct leaf_case *c, const struct package_parts *parts)
{
	struct sp_mls_key_package_info info;
	c->raw.n = 0;
	write_package(c, parts, &c->raw);
	return sp_mls_key_package_verify(&c->f.env, &info, sp_buf_bytes(&c->raw));
}

static void want_package(struct leaf_case *c, const struct package_parts *parts, unsigned rule)
{
	enum sp_err e = verify_package(c, parts);
	if (rule)
		fix_want_rule(&c->f, e, rule);
	else
		OK(e);
	leaf_end(c);
}

static void valid_packages_pass(void **state)
{
	struct leaf_case c;
	struct package_parts parts = package_begin(&c);
	want_package(&c, &parts, 0);
	parts = package_begin(&c);
	c.parts.extension_types = RAW("\x0a\x0a\xf0\x01"); /* unknown ones are ignored */
	c.parts.extensions = RAW("\x0a\x0a\x01\x07");
	parts.extensions = RAW("\xf0\x01\x00");
	want_package(&c, &parts, 0);
}

static void v116_v117_lifetime(void **state)
{
	struct leaf_case c;
	struct package_parts parts = package_begin(&c);
	c.parts.not_after = FIX_NOW_S - 1;
	want_package(&c, &parts, 116);
	parts = package_begin(&c);
	c.parts.not_before = FIX_NOW_S + 10;
	want_package(&c, &parts, 116);
	parts = package_begin(&c);
	c.parts.not_after = c.parts.not_before + 91 * 24 * 3600;
	want_package(&c, &parts, 117);
	parts = package_begin(&c);
	c.parts.not_before = 0;
	c.parts.not_after = UINT64_MAX;
	want_package(&c, &parts, 117);
	parts = package_begin(&c);
	c.parts.not_after = c.parts.not_before - 1;
	want_package(&c, &parts, 117);
}

static void v118_package_source(void **state)
{
	struct leaf_case c;
	struct package_parts parts = package_begin(&c);
	c.parts.source = SP_MLS_LEAF_UPDATE;
	want_package(&c, &parts, 118);
}

static void v130_to_v131_version_and_suite(void **state)
{
	struct leaf_case c;
	struct package_parts parts = package_begin(&c);
	parts.version = 2;
	want_package(&c, &parts, 130);
	parts = package_begin(&c);
	struct sp_mls_key_package kp;
	struct sp_mls_suite other;
	write_package(&c, &parts, &c.raw);
	OK(sp__mls_key_package_message_read(sp_buf_bytes(&c.raw), &kp, NULL));
	OK(sp__mls_suite_find(&other, NULL, 3)); /* same KEM and signature, another AEAD */
	fix_want_rule(&c.f, sp__mls_key_package_check(&c.f.env, &other, &kp), 131);
	leaf_end(&c);
}

static void v132_to_v135_package(void **state)
{
	struct leaf_case c;
	struct package_parts parts = package_begin(&c);
	parts.spoil_signature = true;
	want_package(&c, &parts, 132);
	parts = package_begin(&c);
	parts.init_key = c.parts.encryption_key;
	want_package(&c, &parts, 133);
	parts = package_begin(&c);
	parts.init_key.n = 31;
	want_package(&c, &parts, 134);
	parts = package_begin(&c);
	parts.extensions = RAW("\xf0\x01\x00");
	want_package(&c, &parts, 135);
	parts = package_begin(&c);
	c.parts.spoil_signature = true;
	want_package(&c, &parts, 110);
}

static void packages_are_read_strictly(void **state)
{
	struct leaf_case c;
	struct sp_mls_key_package_info info;
	struct package_parts parts = package_begin(&c);
	parts.message_version = 2;
	assert_int_equal(verify_package(&c, &parts), SP_ERR_UNSUPPORTED);
	parts.message_version = 1;
	OK(verify_package(&c, &parts));
	for (size_t n = 0; n < c.raw.n; n++)
		assert_int_not_equal(sp_mls_key_package_verify(&c.f.env, &info, (struct sp_bytes){c.raw.p, n}), SP_OK);
	OK(sp_buf_append(&c.raw, RAW("x")));
	assert_int_equal(sp_mls_key_package_verify(&c.f.env, &info, sp_buf_bytes(&c.raw)), SP_ERR_TRAILING);
	leaf_end(&c);
}

static void every_rule_was_provoked(void **state)
{
	fix_assert_all_seen(100, 149);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_leaves_pass),
		cmocka_unit_test(v100_extension_twice),
		cmocka_unit_test(v101_malformed_vectors),
		cmocka_unit_test(v102_empty_chain),
		cmocka_unit_test(v103_unknown_source),
		cmocka_unit_test(v110_signature),
		cmocka_unit_test(v110_signed_by_another),
		cmocka_unit_test(v111_encryption_key),
		cmocka_unit_test(v112_signature_key),
		cmocka_unit_test(v113_version_and_suite),
		cmocka_unit_test(v114_extension_not_listed),
		cmocka_unit_test(v115_credential_not_listed),
		cmocka_unit_test(v118_to_v120_source),
		cmocka_unit_test(v121_same_encryption_key),
		cmocka_unit_test(v122_required_capabilities),
		cmocka_unit_test(v123_group_extensions),
		cmocka_unit_test(v124_credential),
		cmocka_unit_test(valid_packages_pass),
		cmocka_unit_test(v116_v117_lifetime),
		cmocka_unit_test(v118_package_source),
		cmocka_unit_test(v130_to_v131_version_and_suite),
		cmocka_unit_test(v132_to_v135_package),
		cmocka_unit_test(packages_are_read_strictly),
		cmocka_unit_test(every_rule_was_provoked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
