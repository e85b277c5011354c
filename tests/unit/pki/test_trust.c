/* SPDX-License-Identifier: Apache-2.0
 *
 * One verdict everywhere: the same leaf, judged by time and by CRL number. ATTACKS M08, N03; DESIGN "One verdict".
 */
#include "org.h"

static struct sp_time days(const struct test_org *o, int64_t n)
{
	return (struct sp_time){o->now.ms + n * DAY_MS};
}

static void good_leaf_is_known_by_all_its_names(void **state)
{
	struct test_org o;
	org_open(&o, "example.org");
	struct sp_pki_identity id;
	struct sp_pki_question question = {.purpose = SP_PKI_FOR_DEVICE, .at = o.now};
	for (int cached = 0; cached < 2; cached++) {
		assert_int_equal(sp_pki_trust_judge(o.trust, &id, sp_buf_bytes(&o.device), &question), SP_OK);
		assert_int_equal(id.kind, SP_PKI_DEVICE);
		assert_string_equal(id.address, "alice@example.org");
		assert_string_equal(id.name, "alice");
		assert_string_equal(id.org, "example.org");
		assert_true(sp_id16_equal(&id.account_id, &o.account_id));
		assert_true(sp_id16_equal(&id.device_id, &o.device_id));
		assert_memory_equal(id.serial.b, o.device_serial.b, SP_PKI_SERIAL);
		struct sp_pki_point point = org_point(o.device_key);
		assert_memory_equal(id.point.b, point.b, SP_PKI_POINT);
		assert_int_equal(id.not_before.ms, o.now.ms - SP_PKI_BACKDATE_MS);
		assert_int_equal(id.not_after.ms, o.now.ms + 365 * DAY_MS);
	}
	org_close(&o);
}

static void purposes_do_not_mix(void **state)
{
	struct test_org o;
	org_open(&o, "example.org");
	struct sp_bytes device = sp_buf_bytes(&o.device), server = sp_buf_bytes(&o.server);
	assert_int_equal(org_judge(&o, device, SP_PKI_FOR_MAIL, o.now, 0), SP_OK);
	assert_int_equal(org_judge(&o, device, SP_PKI_FOR_SERVER, o.now, 0), SP_ERR_CERTIFICATE);
	assert_int_equal(org_judge(&o, server, SP_PKI_FOR_SERVER, o.now, 0), SP_OK);
	assert_int_equal(org_judge(&o, server, SP_PKI_FOR_DEVICE, o.now, 0), SP_ERR_CERTIFICATE);
	assert_int_equal(org_judge(&o, server, SP_PKI_FOR_MAIL, o.now, 0), SP_ERR_CERTIFICATE);
	assert_int_equal(org_judge(&o, sp_buf_bytes(&o.issuing), SP_PKI_FOR_DEVICE, o.now, 0), SP_ERR_CERTIFICATE);
	assert_int_equal(org_judge(&o, sp_buf_bytes(&o.root), SP_PKI_FOR_DEVICE, o.now, 0), SP_ERR_CERTIFICATE);
	assert_int_equal(org_judge(&o, device, (enum sp_pki_purpose)0, o.now, 0), SP_ERR_USAGE);
	org_close(&o);
}

static void time_is_the_questions(void **state)
{
	struct test_org o;
	org_open(&o, "example.org");
	struct sp_bytes device = sp_buf_bytes(&o.device);
	assert_int_equal(org_judge(&o, device, SP_PKI_FOR_DEVICE, days(&o, 364), 0), SP_OK);
	assert_int_equal(org_judge(&o, device, SP_PKI_FOR_DEVICE, days(&o, 366), 0), SP_ERR_EXPIRED);
	assert_int_equal(org_judge(&o, device, SP_PKI_FOR_DEVICE, days(&o, -1), 0), SP_ERR_EXPIRED);
	assert_int_equal(org_judge(&o, sp_buf_bytes(&o.server), SP_PKI_FOR_SERVER, days(&o, 8), 0), SP_ERR_EXPIRED);
	struct sp_pki_identity id;
	struct sp_pki_question existing = {.purpose = SP_PKI_FOR_DEVICE, .at = days(&o, 800), .expiry_tolerated = true};
	assert_int_equal(sp_pki_trust_judge(o.trust, &id, device, &existing), SP_OK);
	org_close(&o);
}

static void newest_crl_answers_for_every_number(void **state)
{
	struct test_org o;
	org_open(&o, "example.org");
	struct sp_bytes device = sp_buf_bytes(&o.device);
	uint64_t first = sp_pki_trust_crl_number(o.trust);
	assert_int_equal(org_judge(&o, device, SP_PKI_FOR_DEVICE, o.now, first + 50), SP_ERR_NEED_CREDENTIAL);
	struct sp_pki_revocation revoked = {o.device_serial, first + 50};
	struct sp_buf newer;
	sp_buf_init(&newer, SP_LIMIT_CRL);
	org_crl(&o, &newer, &revoked, 1, first + 100);
	assert_int_equal(sp_pki_trust_set_crl(o.trust, sp_buf_bytes(&newer)), SP_OK);
	assert_int_equal(org_judge(&o, device, SP_PKI_FOR_DEVICE, o.now, 0), SP_ERR_REVOKED);
	assert_int_equal(org_judge(&o, device, SP_PKI_FOR_DEVICE, o.now, first + 100), SP_ERR_REVOKED);
	assert_int_equal(org_judge(&o, device, SP_PKI_FOR_DEVICE, o.now, first + 50), SP_ERR_REVOKED);
	assert_int_equal(org_judge(&o, device, SP_PKI_FOR_DEVICE, o.now, first + 49), SP_OK);
	assert_int_equal(org_judge(&o, device, SP_PKI_FOR_DEVICE, o.now, first), SP_OK);
	assert_int_equal(org_judge(&o, sp_buf_bytes(&o.server), SP_PKI_FOR_SERVER, o.now, 0), SP_OK);
	assert_int_equal(sp_pki_trust_set_crl(o.trust, sp_buf_bytes(&o.crl)), SP_ERR_EXPIRED); /* rollback */
	assert_int_equal(sp_pki_trust_crl_number(o.trust), first + 100);
	assert_int_equal(sp_pki_trust_set_crl(o.trust, sp_buf_bytes(&newer)), SP_OK);
	sp_buf_clear(&newer);
	org_close(&o);
}

static void foreign_lists_are_refused(void **state)
{
	struct test_org o, other;
	org_open(&o, "example.org");
	org_open(&other, "example.org");
	uint64_t first = sp_pki_trust_crl_number(o.trust);
	struct sp_buf b;
	sp_buf_init(&b, SP_LIMIT_CRL);
	org_crl(&other, &b, NULL, 0, first + 9);
	assert_int_equal(sp_pki_trust_set_crl(o.trust, sp_buf_bytes(&b)), SP_ERR_CERTIFICATE);
	sp_buf_clear(&b);
	org_crl(&o, &b, NULL, 0, first + 9);
	struct sp_bytes pair = sp_buf_bytes(&b);
	assert_int_equal(sp_pki_trust_set_crl(o.trust, (struct sp_bytes){pair.p, pair.n - 1}), SP_ERR_CERTIFICATE);
	assert_int_equal(sp_pki_trust_set_crl(o.trust, (struct sp_bytes){pair.p, pair.n - o.root_crl.n}), SP_ERR_CERTIFICATE); /* half */
	assert_int_equal(sp_buf_append(&b, SP_BYTES_LIT("x")), SP_OK);
	assert_int_equal(sp_pki_trust_set_crl(o.trust, sp_buf_bytes(&b)), SP_ERR_CERTIFICATE);
	for (size_t i = 0; i < b.n - 1; i++) { /* no bit of it may change */
		b.p[i] ^= 1;
		assert_int_not_equal(sp_pki_trust_set_crl(o.trust, (struct sp_bytes){b.p, b.n - 1}), SP_OK);
		b.p[i] ^= 1;
	}
	assert_int_equal(sp_pki_trust_crl_number(o.trust), first);
	sp_buf_clear(&b);
	org_close(&o);
	org_close(&other);
}

static void foreign_leaf_is_refused(void **state)
{
	struct test_org o, other;
	org_open(&o, "example.org");
	org_open(&other, "example.org"); /* same names, other keys */
	assert_int_equal(org_judge(&o, sp_buf_bytes(&other.device), SP_PKI_FOR_DEVICE, o.now, 0), SP_ERR_CERTIFICATE);
	assert_int_equal(org_judge(&o, sp_buf_bytes(&other.server), SP_PKI_FOR_SERVER, o.now, 0), SP_ERR_CERTIFICATE);
	org_close(&o);
	org_close(&other);
}

static void root_is_pinned(void **state)
{
	struct test_org o, other;
	struct sp_pki_trust *t;
	org_open(&o, "example.org");
	org_open(&other, "example.org");
	struct sp_bytes root = sp_buf_bytes(&o.root), issuing = sp_buf_bytes(&o.issuing);
	assert_int_equal(sp_pki_trust_new(&t, &other.fingerprint, root, issuing, o.now), SP_ERR_FINGERPRINT);
	assert_null(t);
	assert_int_equal(sp_pki_trust_new(&t, &o.fingerprint, root, sp_buf_bytes(&other.issuing), o.now), SP_ERR_CERTIFICATE);
	assert_int_equal(sp_pki_trust_new(&t, &o.fingerprint, issuing, issuing, o.now), SP_ERR_CERTIFICATE);
	assert_int_equal(sp_pki_trust_new(&t, &o.fingerprint, root, root, o.now), SP_ERR_CERTIFICATE);
	assert_int_equal(sp_pki_trust_new(&t, &o.fingerprint, root, issuing, days(&o, 3651)), SP_ERR_EXPIRED);
	assert_int_equal(sp_pki_trust_new(&t, &o.fingerprint, root, issuing, days(&o, 3649)), SP_OK);
	assert_int_equal(sp_pki_trust_crl_number(t), 0);
	struct sp_pki_identity id;
	struct sp_pki_question question = {.purpose = SP_PKI_FOR_DEVICE, .at = o.now};
	assert_int_equal(sp_pki_trust_judge(t, &id, sp_buf_bytes(&o.device), &question), SP_ERR_NEED_CREDENTIAL);
	sp_pki_trust_free(&t);
	org_close(&o);
	org_close(&other);
}

/* OpenSSL does not backtrack by itself: the wrong issuer of the right name stands first. */
static void wrong_issuer_first_does_not_hide_the_good_one(void **state)
{
	struct test_org o, other;
	org_open(&o, "example.org");
	org_open(&other, "example.org");
	struct sp_bytes anchors[] = {sp_buf_bytes(&o.root)};
	struct sp_bytes untrusted[] = {sp_buf_bytes(&other.issuing), sp_buf_bytes(&o.issuing)};
	struct sp_bytes crls[] = {{o.crl.p, o.crl.n - o.root_crl.n}, sp_buf_bytes(&o.root_crl)};
	struct sp_pki_path path = {.leaf = sp_buf_bytes(&o.device), .anchors = anchors, .anchors_n = 1, .untrusted = untrusted, .untrusted_n = 2,
				   .crls = crls, .crls_n = 2, .at = {o.now.ms + 60000}, .purpose = SP_PKI_FOR_DEVICE};
	assert_int_equal(sp_pki_path_verify(&path), SP_OK);
	path.crls_n = 1; /* CRL_CHECK_ALL: the root's list too */
	assert_int_equal(sp_pki_path_verify(&path), SP_ERR_CERTIFICATE);
	path.crls_n = 2;
	path.at.ms += 9 * 3600000;
	assert_int_equal(sp_pki_path_verify(&path), SP_ERR_EXPIRED); /* the list is stale */
	path.untrusted_n = 1;
	assert_int_equal(sp_pki_path_verify(&path), SP_ERR_CERTIFICATE);
	org_close(&o);
	org_close(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_leaf_is_known_by_all_its_names),
		cmocka_unit_test(purposes_do_not_mix),
		cmocka_unit_test(time_is_the_questions),
		cmocka_unit_test(newest_crl_answers_for_every_number),
		cmocka_unit_test(foreign_lists_are_refused),
		cmocka_unit_test(foreign_leaf_is_refused),
		cmocka_unit_test(root_is_pinned),
		cmocka_unit_test(wrong_issuer_first_does_not_hide_the_good_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
