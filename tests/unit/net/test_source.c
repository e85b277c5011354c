/* SPDX-License-Identifier: Apache-2.0
 *
 * Rates by source (ATTACKS.md N06): one uses up its own allowance, nobody else's; good certificates give it back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/source_priv.h"

static struct sp_net_from from_of(uint32_t n)
{
	struct sp_net_from from = {.source = {[10] = 0xff, [11] = 0xff, [12] = (uint8_t)(n >> 24), [13] = (uint8_t)(n >> 16), [14] = (uint8_t)(n >> 8)}};

	from.source[15] = (uint8_t)n;
	return from;
}

static void test_allowance(void **state)
{
	struct sp_net_from one = from_of(1), two = from_of(2);
	struct sp__sources s;

	assert_int_equal(sp__sources_init(&s, 10, 20), SP_OK);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(sp__source_admit(&s, &one, 1000), SP_OK);
		sp__source_settle(&s, &one, 0, 1000);
	}
	assert_int_equal(sp__source_admit(&s, &one, 1000), SP_ERR_RATE);
	assert_int_equal(sp__source_admit(&s, &two, 1000), SP_OK);
	assert_int_equal(sp__source_admit(&s, &one, 1100), SP_OK); /* a tenth of a second later: one more */
	assert_int_equal(sp__source_admit(&s, &one, 1100), SP_ERR_RATE);
	sp__sources_clear(&s);
}

static void test_proved_is_free(void **state)
{
	struct sp_net_from one = from_of(1);
	struct sp__sources s;

	assert_int_equal(sp__sources_init(&s, 1, 5), SP_OK);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(sp__source_admit(&s, &one, 1000), SP_OK);
		sp__source_settle(&s, &one, -1, 1000);
	}
	sp__source_charge(&s, &one, 100, 1000); /* debt is bounded by the burst: 5 below zero, 6 s until the next */
	assert_int_equal(sp__source_admit(&s, &one, 6000), SP_ERR_RATE);
	assert_int_equal(sp__source_admit(&s, &one, 7000), SP_OK);
	sp__sources_clear(&s);
}

/* More sources than places: the quiet are forgotten, the newest is always served. */
static void test_many_sources(void **state)
{
	struct sp__sources s;

	assert_int_equal(sp__sources_init(&s, 1, 2), SP_OK);
	for (uint32_t i = 0; i < 20000; i++) {
		struct sp_net_from from = from_of(i * 2654435761u);

		assert_int_equal(sp__source_admit(&s, &from, 1000 + i), SP_OK);
		sp__source_settle(&s, &from, 0, 1000 + i);
	}
	sp__sources_clear(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allowance),
		cmocka_unit_test(test_proved_is_free),
		cmocka_unit_test(test_many_sources),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
