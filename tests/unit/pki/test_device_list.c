/* SPDX-License-Identifier: Apache-2.0
 *
 * The account chain. ATTACKS M02 (a valid certificate that the account never named), K08 (a device added by nobody).
 */
#include "org.h"

struct account {
	struct test_org org;
	struct sp_sign_key *second, *recovery, *stranger;
	struct sp_pki_point recovery_point;
	struct sp_device_list list; /* the next version, ready to be signed */
	struct sp_device_chain chain;
	struct sp_buf v1;
};

static struct sp_device_entry entry_of(struct sp_sign_key *key, uint8_t id)
{
	struct sp_pki_point point = org_point(key);
	struct sp_device_entry entry = {.device_id = {{id}}, .name = SP_BYTES_LIT("laptop"), .added = {1763647331000}};
	assert_int_equal(sp_pki_spki_hash(&entry.spki_hash, &point), SP_OK);
	return entry;
}

static enum sp_err put(struct account *a, struct sp_sign_key *signer)
{
	struct sp_buf b;
	struct sp_signer s = sp_sign_key_signer(signer);
	sp_buf_init(&b, SP_LIMIT_DEVICE_LIST);
	enum sp_err e = sp_device_list_sign(&b, &a->list, &s);
	struct sp_device_chain before = a->chain;
	if (e == SP_OK)
		e = sp_device_chain_apply(&a->chain, sp_buf_bytes(&b));
	if (e != SP_OK)
		assert_memory_equal(&before, &a->chain, sizeof before); /* no state change */
	if (e == SP_OK && a->list.version == 1)
		assert_int_equal(sp_buf_append(&a->v1, sp_buf_bytes(&b)), SP_OK);
	sp_buf_clear(&b);
	return e;
}

/* An account with version 1 applied: alice's first device and a recovery key; list is prepared as version 2, two devices. */
static int open_account(void **state)
{
	struct account *a = sp_alloc(sizeof *a);
	org_open(&a->org, "example.org");
	a->second = org_key();
	a->recovery = org_key();
	a->stranger = org_key();
	a->recovery_point = org_point(a->recovery);
	sp_buf_init(&a->v1, SP_LIMIT_DEVICE_LIST);
	a->list = (struct sp_device_list){.account_id = a->org.account_id, .address = SP_BYTES_LIT("alice@example.org"), .version = 1, .devices_n = 1,
					  .recovery_key = SP_BYTES_OF(a->recovery_point.b), .time = {1763647331000}};
	a->list.devices[0] = entry_of(a->org.device_key, 1);
	a->list.devices[0].device_id = a->org.device_id;
	assert_int_equal(put(a, a->org.device_key), SP_OK);
	a->list.version = 2;
	a->list.previous_hash = a->chain.head;
	a->list.devices[1] = entry_of(a->second, 2);
	a->list.devices_n = 2;
	*state = a;
	return 0;
}

static int close_account(void **state)
{
	struct account *a = *state;
	sp_sign_key_free(&a->second);
	sp_sign_key_free(&a->recovery);
	sp_sign_key_free(&a->stranger);
	sp_buf_clear(&a->v1);
	org_close(&a->org);
	sp_free(a);
	return 0;
}

static void known_key_adds_a_device(void **state)
{
	struct account *a = *state;
	assert_int_equal(put(a, a->org.device_key), SP_OK);
	assert_int_equal(a->chain.version, 2);
	assert_int_equal(a->chain.recovered_at, 0);
	assert_true(sp_device_chain_has(&a->chain, &a->list.devices[1].spki_hash));
	assert_true(sp_hash32_equal(&a->chain.fingerprint, &a->list.devices[0].spki_hash));
	a->list.version = 3; /* the second removes the first; the fingerprint stays */
	a->list.previous_hash = a->chain.head;
	a->list.devices[0] = a->list.devices[1];
	a->list.devices_n = 1;
	struct sp_hash32 fingerprint = a->chain.fingerprint;
	assert_int_equal(put(a, a->second), SP_OK);
	assert_true(sp_hash32_equal(&a->chain.fingerprint, &fingerprint));
	assert_false(sp_device_chain_has(&a->chain, &fingerprint));
	a->list.version = 4; /* and the removed one has no say any more */
	a->list.previous_hash = a->chain.head;
	assert_int_equal(put(a, a->org.device_key), SP_ERR_DENIED);
}

static void k08_stranger_adds_nothing(void **state)
{
	struct account *a = *state;
	assert_int_equal(put(a, a->stranger), SP_ERR_DENIED);
	assert_int_equal(put(a, a->second), SP_ERR_DENIED); /* the new device cannot vouch for itself */
	assert_int_equal(put(a, a->recovery), SP_OK);
}

static void recovered_is_flagged(void **state)
{
	struct account *a = *state;
	a->list.devices[0] = a->list.devices[1];
	a->list.devices_n = 1;
	assert_int_equal(put(a, a->second), SP_ERR_DENIED);
	a->list.flags = SP_DEVICE_LIST_RECOVERED;
	assert_int_equal(put(a, a->stranger), SP_ERR_DENIED); /* not even its own device */
	assert_int_equal(put(a, a->second), SP_OK);
	assert_int_equal(a->chain.recovered_at, 2);
	a->list.flags = 0;
	a->list.version = 3;
	a->list.previous_hash = a->chain.head;
	assert_int_equal(put(a, a->second), SP_OK);
	assert_int_equal(a->chain.recovered_at, 2); /* contacts are told, however often the list changes after */
}

static void chain_must_link(void **state)
{
	struct account *a = *state;
	struct sp_device_list good = a->list;
	a->list.version = 3;
	assert_int_equal(put(a, a->org.device_key), SP_ERR_INVALID);
	a->list.version = 1;
	a->list.previous_hash = (struct sp_hash32){{0}};
	assert_int_equal(put(a, a->org.device_key), SP_ERR_INVALID); /* beginning again */
	a->list = good;
	a->list.previous_hash.b[0] ^= 1;
	assert_int_equal(put(a, a->org.device_key), SP_ERR_INVALID);
	a->list = good;
	a->list.address = SP_BYTES_LIT("alicia@example.org");
	assert_int_equal(put(a, a->org.device_key), SP_ERR_INVALID);
	a->list = good;
	a->list.account_id.b[0] ^= 1;
	assert_int_equal(put(a, a->org.device_key), SP_ERR_INVALID);
	a->list = good;
	assert_int_equal(put(a, a->org.device_key), SP_OK);
	assert_int_equal(put(a, a->org.device_key), SP_ERR_INVALID); /* twice */
}

static void first_version_names_its_signer(void **state)
{
	struct account *a = *state;
	a->chain = (struct sp_device_chain){0};
	a->list.version = 1;
	a->list.previous_hash = (struct sp_hash32){{0}};
	assert_int_equal(put(a, a->second), SP_ERR_DENIED); /* named, but not first */
	assert_int_equal(put(a, a->recovery), SP_ERR_DENIED);
	a->list.version = 2;
	assert_int_equal(put(a, a->org.device_key), SP_ERR_INVALID);
}

static void malformed_lists_are_not_signed(void **state)
{
	struct account *a = *state;
	struct sp_device_list good = a->list;
	a->list.devices_n = 0;
	assert_int_equal(put(a, a->org.device_key), SP_ERR_USAGE);
	a->list.devices_n = SP_LIMIT_ACCOUNT_DEVICES + 1;
	assert_int_equal(put(a, a->org.device_key), SP_ERR_USAGE);
	a->list = good;
	a->list.devices[1].device_id = a->list.devices[0].device_id;
	assert_int_equal(put(a, a->org.device_key), SP_ERR_USAGE);
	a->list = good;
	a->list.devices[1].spki_hash = a->list.devices[0].spki_hash;
	assert_int_equal(put(a, a->org.device_key), SP_ERR_USAGE);
	a->list = good;
	a->list.flags = 2;
	assert_int_equal(put(a, a->org.device_key), SP_ERR_USAGE);
	a->list = good;
	a->list.recovery_key.n = 64;
	assert_int_equal(put(a, a->org.device_key), SP_ERR_USAGE);
	a->list = good;
	a->list.address = SP_BYTES_LIT("Alice@example.org");
	assert_int_equal(put(a, a->org.device_key), SP_ERR_USAGE);
}

static void no_bit_may_change(void **state)
{
	struct account *a = *state;
	struct sp_device_chain chain = {0};
	for (size_t i = 0; i < a->v1.n; i++) {
		a->v1.p[i] ^= 2;
		assert_int_not_equal(sp_device_chain_apply(&chain, sp_buf_bytes(&a->v1)), SP_OK);
		a->v1.p[i] ^= 2;
		assert_int_not_equal(sp_device_chain_apply(&chain, (struct sp_bytes){a->v1.p, i}), SP_OK);
		assert_int_equal(chain.version, 0);
	}
	assert_int_equal(sp_device_chain_apply(&chain, sp_buf_bytes(&a->v1)), SP_OK);
}

static void m02_valid_certificate_is_not_enough(void **state)
{
	struct account *a = *state;
	struct sp_buf ghost;
	struct sp_pki_identity id;
	struct sp_pki_question question = {.purpose = SP_PKI_FOR_DEVICE, .at = a->org.now};
	sp_buf_init(&ghost, SP_LIMIT_CERT);
	assert_int_equal(sp_pki_trust_judge(a->org.trust, &id, sp_buf_bytes(&a->org.device), &question), SP_OK);
	assert_int_equal(sp_device_chain_entitle(&a->chain, &id), SP_OK);
	org_device(&a->org, &ghost, a->stranger, "alice", a->org.now); /* the authority issues a second one */
	assert_int_equal(sp_pki_trust_judge(a->org.trust, &id, sp_buf_bytes(&ghost), &question), SP_OK);
	assert_int_equal(sp_device_chain_entitle(&a->chain, &id), SP_ERR_DENIED);
	sp_buf_clear(&ghost);
	org_device(&a->org, &ghost, a->org.device_key, "alice", a->org.now); /* renewal with the same key needs no new version */
	assert_int_equal(sp_pki_trust_judge(a->org.trust, &id, sp_buf_bytes(&ghost), &question), SP_OK);
	assert_int_equal(sp_device_chain_entitle(&a->chain, &id), SP_OK);
	id.device_id.b[0] ^= 1;
	assert_int_equal(sp_device_chain_entitle(&a->chain, &id), SP_ERR_DENIED);
	id.device_id.b[0] ^= 1;
	id.account_id.b[0] ^= 1;
	assert_int_equal(sp_device_chain_entitle(&a->chain, &id), SP_ERR_DENIED);
	sp_buf_clear(&ghost);
	org_device(&a->org, &ghost, a->org.device_key, "alicia", a->org.now); /* same key, another name */
	assert_int_equal(sp_pki_trust_judge(a->org.trust, &id, sp_buf_bytes(&ghost), &question), SP_OK);
	assert_int_equal(sp_device_chain_entitle(&a->chain, &id), SP_ERR_DENIED);
	sp_buf_clear(&ghost);
}

int main(void)
{
#define ACCOUNT_TEST(f) cmocka_unit_test_setup_teardown(f, open_account, close_account)
	const struct CMUnitTest tests[] = {
		ACCOUNT_TEST(known_key_adds_a_device),
		ACCOUNT_TEST(k08_stranger_adds_nothing),
		ACCOUNT_TEST(recovered_is_flagged),
		ACCOUNT_TEST(chain_must_link),
		ACCOUNT_TEST(first_version_names_its_signer),
		ACCOUNT_TEST(malformed_lists_are_not_signed),
		ACCOUNT_TEST(no_bit_may_change),
		ACCOUNT_TEST(m02_valid_certificate_is_not_enough),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
