/* SPDX-License-Identifier: Apache-2.0
 *
 * The memory backend under the contract.
 */
#include "contract.h"

static int open_empty(void **state)
{
	return sp_store_open((struct sp_store **)state, "mem:") == SP_OK ? 0 : -1;
}

static int close_it(void **state)
{
	sp_store_close((struct sp_store **)state);
	return 0;
}

int main(void)
{
	struct CMUnitTest tests[64];
	assert_true(contract_test_count <= SP_ARRAY_LEN(tests));
	for (size_t i = 0; i < contract_test_count; i++) {
		tests[i] = contract_tests[i];
		tests[i].setup_func = open_empty;
		tests[i].teardown_func = close_it;
	}
	return _cmocka_run_group_tests("mem", tests, contract_test_count, NULL, NULL);
}
