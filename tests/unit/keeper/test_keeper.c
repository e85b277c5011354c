/* SPDX-License-Identifier: Apache-2.0
 *
 * What the keeper grants and what it refuses; each refusal leaves no trace in its state. ATTACKS D05 (arbitrary requests),
 * K11 (names that look alike).
 */
#include "member.h"

#include <stdio.h>

static void invitation_works_once(void **state)
{
	struct house h;
	struct member alice, eve;
	uint8_t token[20];
	house_make(&h, "example.org", false);
	member_make(&alice, "alice@example.org");
	member_make(&eve, "eve@example.org");
	assert_int_equal(house_invite(&h, NULL, true, token), SP_OK);
	assert_int_equal(member_enrol(&h, &alice, token, "alice"), SP_OK);
	assert_int_equal(house_judge(&h, &alice), SP_OK);
	assert_int_equal(member_enrol(&h, &eve, token, "eve"), SP_ERR_TOKEN);
	token[0] ^= 1;
	assert_int_equal(member_enrol(&h, &eve, token, "eve"), SP_ERR_TOKEN); /* unknown looks like used */
	assert_int_equal(member_enrol(&h, &eve, NULL, "eve"), SP_ERR_TOKEN);  /* not an open organisation */
	struct sp_keeper_account_info info;
	assert_int_equal(sp_keeper_account_at(h.keeper, 0, &info), SP_OK);
	assert_string_equal(info.address, "alice@example.org");
	assert_true(info.is_admin);
	assert_int_equal(sp_keeper_account_at(h.keeper, 1, &info), SP_ERR_NOT_FOUND);
	member_clear(&alice);
	member_clear(&eve);
	house_clear(&h);
}

static void same_token_and_key_get_the_same_answer_for_an_hour(void **state)
{
	struct house h;
	struct member alice, again;
	uint8_t token[20];
	house_make(&h, "example.org", false);
	member_make(&alice, "alice@example.org");
	assert_int_equal(house_invite(&h, "alice", false, token), SP_OK);
	assert_int_equal(member_enrol(&h, &alice, token, "alice"), SP_OK);
	struct sp_buf first = alice.cert;
	sp_buf_init(&alice.cert, SP_LIMIT_CERT);
	for (int restarted = 0; restarted < 2; restarted++) {
		h.now.ms += 20 * 60000;
		assert_int_equal(member_enrol(&h, &alice, token, "alice"), SP_OK);
		assert_true(sp_bytes_equal(sp_buf_bytes(&first), sp_buf_bytes(&alice.cert)));
		house_reopen(&h);
	}
	member_make(&again, "alice@example.org"); /* same name, another key: a thief of the link */
	assert_int_equal(member_enrol(&h, &again, token, "alice"), SP_ERR_TOKEN);
	h.now.ms += HOUR_MS;
	assert_int_equal(member_enrol(&h, &alice, token, "alice"), SP_ERR_TOKEN);
	sp_buf_clear(&first);
	member_clear(&alice);
	member_clear(&again);
	house_clear(&h);
}

static void invitation_expires_and_fixes_the_name(void **state)
{
	struct house h;
	struct member bob, eve;
	uint8_t token[20];
	house_make(&h, "example.org", false);
	member_make(&bob, "bob@example.org");
	member_make(&eve, "eve@example.org");
	assert_int_equal(house_invite(&h, "bob", false, token), SP_OK);
	assert_int_equal(member_enrol(&h, &eve, token, "eve"), SP_ERR_INVALID);
	assert_int_equal(member_enrol(&h, &bob, token, "robert"), SP_ERR_INVALID); /* wish and list differ */
	h.now.ms += 7 * DAY_MS;
	assert_int_equal(member_enrol(&h, &bob, token, "bob"), SP_ERR_TOKEN);
	h.now.ms -= 1;
	assert_int_equal(member_enrol(&h, &bob, token, NULL), SP_OK);
	member_clear(&bob);
	member_clear(&eve);
	house_clear(&h);
}

static void lookalikes_are_refused(void **state)
{
	static const char *bad[] = {"alice", "a1ice", "allce", "a.lice", "al-i-ce", "a_lice", "rnary", "m.ary"};
	static const char *good[] = {"alicia", "bob", "mary2"};
	struct house h;
	struct member alice, mary, m;
	uint8_t token[20];
	char address[64];
	house_make(&h, "example.org", true);
	house_add(&h, &alice, "alice", false);
	house_add(&h, &mary, "mary", false);
	for (size_t i = 0; i < SP_ARRAY_LEN(bad) + SP_ARRAY_LEN(good); i++) {
		bool is_bad = i < SP_ARRAY_LEN(bad);
		const char *name = is_bad ? bad[i] : good[i - SP_ARRAY_LEN(bad)];
		snprintf(address, sizeof address, "%s@example.org", name);
		member_make(&m, address);
		assert_int_equal(house_invite(&h, name, false, token), is_bad ? SP_ERR_EXISTS : SP_OK);
		assert_int_equal(member_enrol(&h, &m, NULL, name), is_bad ? SP_ERR_EXISTS : SP_OK);
		member_clear(&m);
	}
	member_clear(&alice);
	member_clear(&mary);
	house_clear(&h);
}

static void enrolment_must_hang_together(void **state)
{
	struct house h;
	struct member a, b, other;
	uint8_t token[20];
	house_make(&h, "example.org", true);
	member_make(&a, "alice@example.org");
	member_make(&b, "bob@example.org");
	member_make(&other, "carol@example.com");
	assert_int_equal(house_invite(&h, NULL, false, token), SP_OK);
	struct sp_buf own = a.list;
	a.list = b.list; /* the list names another key than the request's */
	assert_int_equal(member_enrol(&h, &a, token, NULL), SP_ERR_INVALID);
	a.list = own;
	assert_int_equal(member_enrol(&h, &other, token, "carol"), SP_ERR_INVALID); /* another organisation's address */
	a.list.p[a.list.n - 1] ^= 1;
	assert_int_not_equal(member_enrol(&h, &a, token, "alice"), SP_OK);
	a.list.p[a.list.n - 1] ^= 1;
	a.csr.p[a.csr.n - 1] ^= 1;
	assert_int_not_equal(member_enrol(&h, &a, token, "alice"), SP_OK);
	a.csr.p[a.csr.n - 1] ^= 1;
	assert_int_equal(member_enrol(&h, &a, token, "alice"), SP_OK);
	b.account_id = a.account_id; /* an account id is never used twice */
	struct sp_device_list list = {.account_id = a.account_id, .address = sp_bytes_str(b.address), .version = 1, .devices_n = 1};
	list.devices[0] = (struct sp_device_entry){.device_id = b.device_id};
	assert_int_equal(sp_pki_spki_hash(&list.devices[0].spki_hash, &b.point), SP_OK);
	struct sp_signer signer = sp_sign_key_signer(b.key);
	sp_buf_clear(&b.list);
	assert_int_equal(sp_device_list_sign(&b.list, &list, &signer), SP_OK);
	assert_int_equal(member_enrol(&h, &b, NULL, "bob"), SP_ERR_EXISTS);
	member_clear(&a);
	member_clear(&b);
	member_clear(&other);
	house_clear(&h);
}

static void renewal_keeps_the_key(void **state)
{
	struct house h;
	struct member alice, bob;
	house_make(&h, "example.org", false);
	house_add(&h, &alice, "alice", false);
	house_add(&h, &bob, "bob", false);
	assert_int_equal(member_renew(&h, &alice), SP_ERR_STATE); /* too early */
	h.now.ms += 244 * DAY_MS;
	struct sp_buf own = alice.csr;
	alice.csr = bob.csr;
	assert_int_equal(member_renew(&h, &alice), SP_ERR_DENIED); /* another key */
	alice.csr = own;
	assert_int_equal(member_renew(&h, &alice), SP_OK);
	assert_int_equal(house_judge(&h, &alice), SP_OK);
	h.now.ms += 200 * DAY_MS;
	assert_int_equal(house_judge(&h, &alice), SP_OK);
	assert_int_equal(house_judge(&h, &bob), SP_ERR_EXPIRED);
	assert_int_equal(member_renew(&h, &bob), SP_OK); /* was away for more than a year; nobody disabled him */
	assert_int_equal(house_judge(&h, &bob), SP_OK);
	assert_int_equal(house_order(&h, SP_KEEPER_DISABLE, "alice"), SP_OK);
	assert_int_equal(member_renew(&h, &alice), SP_ERR_DENIED);
	member_clear(&alice);
	member_clear(&bob);
	house_clear(&h);
}

static void only_admins_invite(void **state)
{
	struct house h;
	struct member alice, bob, carol;
	uint8_t token[20], again[20];
	struct invite what = {.name = "carol", .expires_in_ms = DAY_MS};
	house_make(&h, "example.org", false);
	house_add(&h, &alice, "alice", true);
	house_add(&h, &bob, "bob", false);
	member_make(&carol, "carol@example.org");
	assert_int_equal(member_invite(&h, &bob, &what, token), SP_ERR_DENIED);
	assert_int_equal(member_invite(&h, &alice, &what, token), SP_OK);
	assert_int_equal(member_invite(&h, &alice, &what, again), SP_OK); /* the answer was lost: the same again */
	assert_memory_equal(token, again, sizeof token);
	what.nonce = 1;
	assert_int_equal(member_invite(&h, &alice, &what, again), SP_OK);
	assert_memory_not_equal(token, again, sizeof token);
	what.clock_off_ms = 601000;
	assert_int_equal(member_invite(&h, &alice, &what, again), SP_ERR_INVALID);
	what.clock_off_ms = -601000;
	assert_int_equal(member_invite(&h, &alice, &what, again), SP_ERR_INVALID);
	what = (struct invite){.name = "Carol", .expires_in_ms = DAY_MS, .nonce = 2};
	assert_int_equal(member_invite(&h, &alice, &what, again), SP_ERR_INVALID);
	what = (struct invite){.name = "dave", .expires_in_ms = -1, .nonce = 3};
	assert_int_equal(member_invite(&h, &alice, &what, again), SP_ERR_INVALID);
	what = (struct invite){.name = "bob", .expires_in_ms = DAY_MS, .nonce = 4};
	assert_int_equal(member_invite(&h, &alice, &what, again), SP_ERR_EXISTS);
	assert_int_equal(member_enrol(&h, &carol, token, "carol"), SP_OK);
	assert_int_equal(house_order(&h, SP_KEEPER_DISABLE, "alice"), SP_OK);
	what = (struct invite){.name = "eve", .expires_in_ms = DAY_MS, .nonce = 5};
	assert_int_equal(house_judge(&h, &alice), SP_ERR_REVOKED);
	assert_int_equal(member_invite(&h, &alice, &what, again), SP_ERR_DENIED);
	struct sp_sign_key *key = bob.key; /* bob signs for carol's certificate */
	bob.key = carol.key;
	assert_int_equal(member_invite(&h, &bob, &what, again), SP_ERR_DENIED);
	bob.key = key;
	member_clear(&alice);
	member_clear(&bob);
	member_clear(&carol);
	house_clear(&h);
}

static void admin_signature_is_checked(void **state)
{
	struct house h;
	struct member alice, bob;
	uint8_t token[20];
	struct invite what = {.name = "carol", .expires_in_ms = DAY_MS};
	house_make(&h, "example.org", false);
	house_add(&h, &alice, "alice", true);
	house_add(&h, &bob, "bob", false);
	struct sp_sign_key *key = alice.key;
	alice.key = bob.key; /* alice's certificate, bob's signature */
	assert_int_equal(member_invite(&h, &alice, &what, token), SP_ERR_DENIED);
	alice.key = key;
	assert_int_equal(member_invite(&h, &alice, &what, token), SP_OK);
	member_clear(&alice);
	member_clear(&bob);
	house_clear(&h);
}

static void disabling_revokes_and_enabling_restores(void **state)
{
	struct house h;
	struct member alice;
	struct sp_wire_keeper_accounts_request wish = {0};
	struct sp_wire_keeper_accounts_response list;
	struct sp_wire_keeper_account account;
	struct sp_buf body;
	house_make(&h, "example.org", false);
	house_add(&h, &alice, "alice", false);
	sp_buf_init(&body, 64);
	assert_int_equal(house_order(&h, SP_KEEPER_ENABLE, "alice"), SP_ERR_STATE);
	assert_int_equal(house_order(&h, SP_KEEPER_DISABLE, "nobody"), SP_ERR_NOT_FOUND);
	assert_int_equal(house_order(&h, SP_KEEPER_DISABLE, "alice"), SP_OK);
	assert_int_equal(house_order(&h, SP_KEEPER_DISABLE, "alice"), SP_ERR_STATE);
	assert_int_equal(house_judge(&h, &alice), SP_ERR_REVOKED);
	house_reopen(&h);
	assert_int_equal(house_judge(&h, &alice), SP_ERR_REVOKED);
	for (int turn = 0; turn < 2; turn++) {
		sp_buf_clear(&body);
		assert_int_equal(sp_wire_keeper_accounts_request_encode(&body, &wish), SP_OK);
		assert_int_equal(house_ask(&h, SP_WIRE_KEEPER_ACCOUNTS, sp_buf_bytes(&body)), SP_OK);
		assert_int_equal(sp_wire_keeper_accounts_response_decode(&list, sp_buf_bytes(&h.answer)), SP_OK);
		assert_false(list.more);
		struct sp_reader r = sp_reader_of(list.accounts);
		assert_int_equal(sp_wire_keeper_account_read(&r, &account), SP_OK);
		assert_true(sp_id16_equal(&account.account_id, &alice.account_id));
		assert_true(sp_bytes_equal(account.address, SP_BYTES_LIT("alice@example.org")));
		assert_int_equal(account.flags, turn == 0 ? 2 : 0);
		assert_int_equal(account.changed, list.version);
		assert_true(sp_reader_is_empty(&r));
		wish.since = list.version;
		assert_int_equal(house_order(&h, turn == 0 ? SP_KEEPER_ENABLE : SP_KEEPER_DISABLE, "alice"), SP_OK);
		assert_int_equal(house_judge(&h, &alice), turn == 0 ? SP_OK : SP_ERR_REVOKED);
	}
	sp_buf_clear(&body);
	member_clear(&alice);
	house_clear(&h);
}

static void lists_are_made_hourly_and_number_upwards(void **state)
{
	struct house h;
	struct sp_pki_crl_info info;
	struct sp_bytes crl;
	uint64_t last = 0;
	house_make(&h, "example.org", false);
	for (int i = 0; i < 5; i++) {
		h.now.ms += i == 3 ? -5 * HOUR_MS : HOUR_MS; /* the clock goes back once */
		assert_int_equal(sp_keeper_crl(h.keeper, &crl, h.now), SP_OK);
		assert_int_equal(sp_pki_crl_info(&info, crl), SP_OK);
		assert_true(info.number > last);
		last = info.number;
		assert_int_equal(info.next_update.ms, info.this_update.ms + 2 * HOUR_MS);
		assert_int_equal(sp_keeper_crl(h.keeper, &crl, (struct sp_time){h.now.ms + HOUR_MS - 1}), SP_OK);
		assert_int_equal(sp_pki_crl_info(&info, crl), SP_OK);
		assert_int_equal(info.number, last);
	}
	house_clear(&h);
}

static void server_certificates_are_few(void **state)
{
	struct house h;
	struct member front;
	struct sp_wire_keeper_server_certificate_request request;
	struct sp_wire_keeper_certificate_response answer;
	struct sp_pki_claim claim;
	struct sp_buf body;
	house_make(&h, "example.org", false);
	member_make(&front, "front@example.org");
	sp_buf_init(&body, SP_LIMIT_CSR + 16);
	request.csr = sp_buf_bytes(&front.csr);
	assert_int_equal(sp_wire_keeper_server_certificate_request_encode(&body, &request), SP_OK);
	for (int i = 0; i < 12; i++) {
		assert_int_equal(house_ask(&h, SP_WIRE_KEEPER_SERVER_CERTIFICATE, sp_buf_bytes(&body)), SP_OK);
		assert_int_equal(sp_wire_keeper_certificate_response_decode(&answer, sp_buf_bytes(&h.answer)), SP_OK);
		assert_int_equal(sp_pki_claim_decode(&claim, answer.certificate), SP_OK);
		assert_int_equal(claim.unverified.kind, SP_PKI_SERVER);
	}
	assert_int_equal(house_ask(&h, SP_WIRE_KEEPER_SERVER_CERTIFICATE, sp_buf_bytes(&body)), SP_ERR_RATE);
	h.now.ms += HOUR_MS;
	assert_int_equal(house_ask(&h, SP_WIRE_KEEPER_SERVER_CERTIFICATE, sp_buf_bytes(&body)), SP_OK);
	sp_buf_clear(&body);
	member_clear(&front);
	house_clear(&h);
}

struct count {
	unsigned entries, refused;
};
static enum sp_err count_entry(void *ctx, const struct sp_keeper_entry *entry)
{
	struct count *c = ctx;
	c->entries++;
	c->refused += strcmp(entry->what, "refused") == 0;
	return SP_OK;
}

/* D05: whatever front sends, nothing but what the table grants comes back, and the ledger shows that it was tried. */
static void arbitrary_requests_are_refused_and_logged(void **state)
{
	struct house h;
	struct member eve;
	struct count c = {0}, d = {0};
	house_make(&h, "example.org", false);
	member_make(&eve, "eve@example.org");
	assert_int_equal(sp_keeper_audit(h.folder, count_entry, &c), SP_OK);
	assert_int_equal(c.refused, 0);
	assert_int_equal(member_enrol(&h, &eve, NULL, "eve"), SP_ERR_TOKEN);                       /* a CSR that no token covers */
	assert_int_equal(house_ask(&h, 0, SP_BYTES_NONE), SP_ERR_UNSUPPORTED);                     /* no such question */
	assert_int_equal(house_ask(&h, 99, sp_buf_bytes(&eve.csr)), SP_ERR_UNSUPPORTED);           /* "sign this" */
	assert_int_not_equal(house_ask(&h, SP_WIRE_KEEPER_ENROL, sp_buf_bytes(&eve.csr)), SP_OK);    /* not its body */
	assert_int_equal(house_ask(&h, SP_WIRE_KEEPER_CRL, SP_BYTES_LIT("x")), SP_ERR_INVALID);
	assert_int_equal(house_ask(&h, SP_WIRE_KEEPER_SERVE, SP_BYTES_NONE), SP_ERR_STATE); /* twice */
	assert_int_equal(sp_keeper_audit(h.folder, count_entry, &d), SP_OK);
	assert_int_equal(d.refused, 6);
	assert_int_equal(d.entries, c.entries + 6);
	member_clear(&eve);
	house_clear(&h);
}

static void people_are_served_only_after_serve(void **state)
{
	struct house h;
	struct member alice;
	uint8_t token[20];
	house_make(&h, "example.org", false);
	member_make(&alice, "alice@example.org");
	assert_int_equal(house_invite(&h, "alice", false, token), SP_OK);
	sp_keeper_session_init(&h.session, h.now); /* a new front */
	assert_int_equal(member_enrol(&h, &alice, token, "alice"), SP_ERR_STATE);
	assert_int_equal(house_ask(&h, SP_WIRE_KEEPER_CRL, SP_BYTES_NONE), SP_OK);
	assert_int_equal(house_ask(&h, SP_WIRE_KEEPER_SERVE, SP_BYTES_NONE), SP_OK);
	assert_int_equal(member_enrol(&h, &alice, token, "alice"), SP_OK);
	member_clear(&alice);
	house_clear(&h);
}

static void floods_are_slowed_and_do_not_fill_the_ledger(void **state)
{
	struct house h;
	struct count c = {0};
	unsigned limited = 0;
	house_make(&h, "example.org", false);
	for (int i = 0; i < 1000; i++)
		limited += house_ask(&h, 99, SP_BYTES_NONE) == SP_ERR_RATE;
	assert_in_range(limited, 790, 810);
	assert_int_equal(sp_keeper_audit(h.folder, count_entry, &c), SP_OK);
	assert_in_range(c.refused, 100, 120);
	h.now.ms += 1000;
	assert_int_equal(house_ask(&h, SP_WIRE_KEEPER_CRL, SP_BYTES_NONE), SP_OK);
	house_clear(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(invitation_works_once),
		cmocka_unit_test(same_token_and_key_get_the_same_answer_for_an_hour),
		cmocka_unit_test(invitation_expires_and_fixes_the_name),
		cmocka_unit_test(lookalikes_are_refused),
		cmocka_unit_test(enrolment_must_hang_together),
		cmocka_unit_test(renewal_keeps_the_key),
		cmocka_unit_test(only_admins_invite),
		cmocka_unit_test(admin_signature_is_checked),
		cmocka_unit_test(disabling_revokes_and_enabling_restores),
		cmocka_unit_test(lists_are_made_hourly_and_number_upwards),
		cmocka_unit_test(server_certificates_are_few),
		cmocka_unit_test(arbitrary_requests_are_refused_and_logged),
		cmocka_unit_test(people_are_served_only_after_serve),
		cmocka_unit_test(floods_are_slowed_and_do_not_fill_the_ledger),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
