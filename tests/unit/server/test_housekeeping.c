/* SPDX-License-Identifier: Apache-2.0
 *
 * What time makes superfluous goes; what is still needed stays. ATTACKS M28.
 */
#include "../pki/org.h"

#include "server/rooms_priv.h"

struct house {
	struct test_org org;
	struct sp_server server;
};

static int open_house(void **state)
{
	struct house *h = sp_alloc(sizeof *h);

	org_open(&h->org, "example.org");
	h->server.identity.trust = h->org.trust;
	(void)pthread_mutex_init(&h->server.identity.lock, NULL);
	assert_int_equal(sp_store_open(&h->server.store, "mem:"), SP_OK);
	*state = h;
	return 0;
}

static int close_house(void **state)
{
	struct house *h = *state;

	sp_store_close(&h->server.store);
	(void)pthread_mutex_destroy(&h->server.identity.lock);
	org_close(&h->org);
	sp_free(h);
	return 0;
}

static void apply(struct house *h, struct sp_store_op op)
{
	struct sp_store_op *all[] = {&op};

	assert_int_equal(sp_store_apply(h->server.store, all, 1), SP_OK);
	assert_int_equal(op.err, SP_OK);
}

static void device_add(struct house *h, uint8_t n, struct sp_bytes cert)
{
	const struct sp_store_key_package package = {{{n}}, {INT64_MAX}, SP_BYTES_LIT("package")};
	const char address[] = {(char)('a' + n), 0};

	apply(h, (struct sp_store_op){.verb = SP_STORE_ACCOUNT_PUT, .u.account_put.account = {.id = {{n}}, .address = sp_bytes_str(address)}});
	apply(h, (struct sp_store_op){.verb = SP_STORE_DEVICE_PUT, .u.device_put.device = {.id = {{n}}, .account = {{n}}, .cert = cert}});
	apply(h, (struct sp_store_op){.verb = SP_STORE_KEY_PACKAGE_PUT,
				      .u.key_package_put = {.device = {{n}}, .packages = &package, .count = 1}});
}

static uint32_t stock_of(struct house *h, uint8_t n)
{
	const struct sp_id16 id = {{n}};
	struct sp_store_stock stock;

	assert_int_equal(sp_store_key_package_count(h->server.store, &id, h->org.now, &stock), SP_OK);
	return stock.count;
}

static void m28_revoked_devices_offer_no_packages(void **state)
{
	struct house *h = *state;
	uint64_t number = (uint64_t)h->org.now.ms / 1000 + 3600;
	struct sp_buf good, crl;

	sp_buf_init(&good, SP_LIMIT_CERT);
	sp_buf_init(&crl, SP_LIMIT_CRL);
	struct sp_pki_revocation revoked = {h->org.device_serial, number};
	org_device(&h->org, &good, h->org.server_key, "bob", h->org.now);
	for (uint8_t n = 1; n <= 100; n++) /* more than one round */
		device_add(h, n, n % 10 == 0 ? sp_buf_bytes(&good) : sp_buf_bytes(&h->org.device));
	assert_int_equal(sp__housekeep(&h->server), SP_OK);
	assert_int_equal(stock_of(h, 1), 1); /* nobody is revoked yet */
	org_crl(&h->org, &crl, &revoked, 1, number);
	assert_int_equal(sp_pki_trust_set_crl(h->org.trust, sp_buf_bytes(&crl)), SP_OK);
	assert_int_equal(sp__housekeep(&h->server), SP_OK);
	for (uint8_t n = 1; n <= 100; n++)
		assert_int_equal(stock_of(h, n), n % 10 == 0 ? 1 : 0);
	sp_buf_clear(&good);
	sp_buf_clear(&crl);
}

static void old_trees_go(void **state)
{
	struct house *h = *state;
	const struct sp_id16 room = {{9}};
	struct sp_buf tree;

	sp_buf_init(&tree, 64);
	apply(h, (struct sp_store_op){.verb = SP_STORE_ROOM_CREATE, .now.ms = 1, .u.room_create = {.room = room, .tree = SP_BYTES_LIT("old")}});
	apply(h, (struct sp_store_op){.verb = SP_STORE_HANDSHAKE, .now.ms = 2, .u.handshake = {.room = room, .tree = SP_BYTES_LIT("newest")}});
	assert_int_equal(sp__housekeep(&h->server), SP_OK);
	assert_int_equal(sp_store_tree_get(h->server.store, &room, 0, &tree), SP_ERR_NOT_FOUND);
	assert_int_equal(sp_store_tree_get(h->server.store, &room, 1, &tree), SP_OK);
	sp_buf_clear(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(m28_revoked_devices_offer_no_packages, open_house, close_house),
		cmocka_unit_test_setup_teardown(old_trees_go, open_house, close_house),
	};
	return cmocka_run_group_tests_name("housekeeping", tests, NULL, NULL);
}
