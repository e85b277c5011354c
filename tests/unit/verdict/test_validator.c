/* SPDX-License-Identifier: Apache-2.0
 *
 * Is this credential good? ATTACKS M02 (entitlement), M08 (revocation), M12 (identity by another's key).
 */
#include "../pki/org.h"

#include "verdict/verdict.h"

struct scene {
	struct test_org org;
	struct sp_device_chain chain;
	bool is_disabled;
	bool is_unknown;
	struct sp_pki_point point;
	struct sp_buf credential; /* of the org's device */
	struct sp_verdict_source source;
	struct sp_verdict verdict;
	struct sp_mls_credential_check check;
};

static enum sp_err judge(void *ctx, struct sp_pki_identity *out, struct sp_bytes cert, const struct sp_pki_question *question)
{
	return sp_pki_trust_judge(((struct scene *)ctx)->org.trust, out, cert, question);
}

static enum sp_err account(void *ctx, const struct sp_device_chain **out_chain, bool *out_disabled, const struct sp_id16 *id)
{
	struct scene *s = ctx;
	if (s->is_unknown || !sp_id16_equal(id, &s->org.account_id))
		return SP_ERR_NEED_CREDENTIAL;
	*out_chain = &s->chain;
	*out_disabled = s->is_disabled;
	return SP_OK;
}

static void chain_make(struct scene *s)
{
	struct sp_device_list list = {
		.account_id = s->org.account_id, .address = SP_BYTES_LIT("alice@example.org"), .version = 1, .devices_n = 1, .time = s->org.now};
	struct sp_signer signer = sp_sign_key_signer(s->org.device_key);
	struct sp_buf b;
	list.devices[0] = (struct sp_device_entry){.device_id = s->org.device_id, .name = SP_BYTES_LIT("laptop"), .added = s->org.now};
	assert_int_equal(sp_pki_spki_hash(&list.devices[0].spki_hash, &s->point), SP_OK);
	sp_buf_init(&b, SP_LIMIT_DEVICE_LIST);
	assert_int_equal(sp_device_list_sign(&b, &list, &signer), SP_OK);
	assert_int_equal(sp_device_chain_apply(&s->chain, sp_buf_bytes(&b)), SP_OK);
	sp_buf_clear(&b);
}

static void credential_set(struct scene *s, const struct sp_bytes *ders, size_t n)
{
	sp_buf_clear(&s->credential);
	assert_int_equal(sp_mls_credential_chain(&s->credential, ders, n), SP_OK);
	s->check.credential = (struct sp_mls_credential){SP_MLS_CREDENTIAL_X509, sp_buf_bytes(&s->credential)};
}

static int open_scene(void **state)
{
	struct scene *s = sp_alloc(sizeof *s);
	org_open(&s->org, "example.org");
	s->point = org_point(s->org.device_key);
	chain_make(s);
	sp_buf_init(&s->credential, 1u << 16);
	s->source = (struct sp_verdict_source){s, judge, account};
	sp_verdict_init(&s->verdict, &s->source, s->org.now, NULL);
	s->check = (struct sp_mls_credential_check){
		.why = SP_MLS_WHY_ADD, .suite = SP_VERDICT_SUITE, .signature_key = SP_BYTES_OF(s->point.b), .leaf = SP_MLS_LEAF_NONE};
	struct sp_bytes der = sp_buf_bytes(&s->org.device);
	credential_set(s, &der, 1);
	*state = s;
	return 0;
}

static int close_scene(void **state)
{
	struct scene *s = *state;
	sp_buf_clear(&s->credential);
	org_close(&s->org);
	sp_free(s);
	return 0;
}

static void check_is(struct scene *s, enum sp_mls_credential_why why, enum sp_err want)
{
	s->check.why = why;
	assert_string_equal(sp_err_name(s->verdict.validator.check(s->verdict.validator.ctx, &s->check)), sp_err_name(want));
}

static void an_entitled_device_is_good(void **state)
{
	struct scene *s = *state;
	for (int why = SP_MLS_WHY_KEY_PACKAGE; why <= SP_MLS_WHY_EXTERNAL_SENDER; why++)
		check_is(s, (enum sp_mls_credential_why)why, SP_OK);
	struct sp_rules_party party;
	assert_int_equal(sp_verdict_party(&party, &s->check.credential), SP_OK);
	assert_true(sp_id16_equal(&party.account, &s->org.account_id));
	assert_true(sp_id16_equal(&party.device, &s->org.device_id));
}

static void other_credentials_are_refused(void **state)
{
	struct scene *s = *state;
	struct sp_rules_party party;
	struct sp_bytes two[] = {sp_buf_bytes(&s->org.device), sp_buf_bytes(&s->org.issuing)}, server = sp_buf_bytes(&s->org.server);
	credential_set(s, two, 2);
	check_is(s, SP_MLS_WHY_ADD, SP_ERR_CERTIFICATE);
	credential_set(s, &server, 1);
	check_is(s, SP_MLS_WHY_ADD, SP_ERR_CERTIFICATE);
	assert_int_equal(sp_verdict_party(&party, &s->check.credential), SP_ERR_CERTIFICATE);
	s->check.credential = (struct sp_mls_credential){SP_MLS_CREDENTIAL_BASIC, SP_BYTES_LIT("alice")};
	check_is(s, SP_MLS_WHY_MEMBER, SP_ERR_CERTIFICATE);
	s->check.credential = (struct sp_mls_credential){SP_MLS_CREDENTIAL_X509, SP_BYTES_NONE};
	assert_int_not_equal(s->verdict.validator.check(s->verdict.validator.ctx, &s->check), SP_OK);
}

static void the_leaf_signs_with_the_certificates_key(void **state)
{
	struct scene *s = *state;
	struct sp_pki_point other = org_point(s->org.server_key);
	s->check.signature_key = SP_BYTES_OF(other.b);
	check_is(s, SP_MLS_WHY_ADD, SP_ERR_CERTIFICATE);
	check_is(s, SP_MLS_WHY_MEMBER, SP_ERR_CERTIFICATE);
}

static void m02_the_account_must_have_named_it(void **state)
{
	struct scene *s = *state;
	s->chain.devices[0].spki_hash.b[0] ^= 1;
	check_is(s, SP_MLS_WHY_ADD, SP_ERR_DENIED);
	check_is(s, SP_MLS_WHY_COMMIT, SP_ERR_DENIED);
	check_is(s, SP_MLS_WHY_EXTERNAL_JOIN, SP_ERR_DENIED);
	check_is(s, SP_MLS_WHY_KEY_PACKAGE, SP_ERR_DENIED);
	check_is(s, SP_MLS_WHY_MEMBER, SP_OK); /* named no more since it came */
	s->is_unknown = true;
	check_is(s, SP_MLS_WHY_ADD, SP_ERR_NEED_CREDENTIAL);
	s->is_unknown = false;
	s->chain.devices[0].spki_hash.b[0] ^= 1;
	s->is_disabled = true;
	check_is(s, SP_MLS_WHY_ADD, SP_ERR_DENIED);
}

static void expiry_is_judged_at_the_items_time(void **state)
{
	struct scene *s = *state;
	s->verdict.at.ms += 366 * DAY_MS;
	check_is(s, SP_MLS_WHY_ADD, SP_ERR_EXPIRED);
	check_is(s, SP_MLS_WHY_MEMBER, SP_OK);
}

static void context_set(struct scene *s, struct sp_buf *b, uint64_t crl_number)
{
	struct sp_rules_context context = {crl_number};
	sp_buf_clear(b);
	assert_int_equal(sp_rules_context_encode(b, &context), SP_OK);
	s->check.authenticated_data = sp_buf_bytes(b);
}

static void m08_revocation_is_by_the_crl_that_the_commit_names(void **state)
{
	struct scene *s = *state;
	uint64_t now = (uint64_t)s->org.now.ms / 1000;
	struct sp_pki_revocation revoked = {s->org.device_serial, now + 3600};
	struct sp_buf crl, context;
	sp_buf_init(&crl, SP_LIMIT_CRL);
	sp_buf_init(&context, 64);
	org_crl(&s->org, &crl, &revoked, 1, now + 3600);
	assert_int_equal(sp_pki_trust_set_crl(s->org.trust, sp_buf_bytes(&crl)), SP_OK);
	check_is(s, SP_MLS_WHY_ADD, SP_ERR_REVOKED); /* no context: the newest */
	check_is(s, SP_MLS_WHY_MEMBER, SP_OK);
	context_set(s, &context, now);
	check_is(s, SP_MLS_WHY_ADD, SP_OK); /* everybody who reads this item comes to this verdict, whenever */
	context_set(s, &context, now + 3600);
	check_is(s, SP_MLS_WHY_ADD, SP_ERR_REVOKED);
	context_set(s, &context, now + 7200);
	check_is(s, SP_MLS_WHY_ADD, SP_ERR_NEED_CREDENTIAL);
	sp_buf_clear(&crl);
	sp_buf_clear(&context);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_entitled_device_is_good, open_scene, close_scene),
		cmocka_unit_test_setup_teardown(other_credentials_are_refused, open_scene, close_scene),
		cmocka_unit_test_setup_teardown(the_leaf_signs_with_the_certificates_key, open_scene, close_scene),
		cmocka_unit_test_setup_teardown(m02_the_account_must_have_named_it, open_scene, close_scene),
		cmocka_unit_test_setup_teardown(expiry_is_judged_at_the_items_time, open_scene, close_scene),
		cmocka_unit_test_setup_teardown(m08_revocation_is_by_the_crl_that_the_commit_names, open_scene, close_scene),
	};
	return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
