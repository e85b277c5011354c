/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows of a stored group, damaged: struct { opaque key<V>; opaque value<V>; } rows[]. Properties: loading succeeds or says CORRUPT; what loads
 * writes rows that load again.
 */
#include "mls/mls.h"
#include "codec/codec.h"
#include "../fuzz.h"

#define ROWS_MAX 256

static size_t read_rows(struct sp_mls_row rows[ROWS_MAX], struct sp_bytes in)
{
	struct sp_reader r = sp_reader_of(in);
	size_t n = 0;
	while (n < ROWS_MAX && !sp_reader_is_empty(&r)) {
		rows[n] = (struct sp_mls_row){.remove = false};
		if (sp_read_vec(&r, &rows[n].key, in.n) != SP_OK || sp_read_vec(&r, &rows[n].value, in.n) != SP_OK)
			break;
		n++;
	}
	return n;
}

static void loads_again(const struct sp_mls_env *env, const struct sp_mls_group *group)
{
	struct sp_mls_row_set *set = NULL;
	struct sp_mls_group *again = NULL;
	FUZZ_CHECK(sp_mls_group_rows(group, &set) == SP_OK);
	struct sp_mls_rows rows = sp_mls_row_set_rows(set);
	FUZZ_CHECK(sp_mls_group_load(env, &again, rows.list, rows.n) == SP_OK);
	sp_mls_group_free(&again);
	sp_mls_row_set_free(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_mls_row rows[ROWS_MAX];
	struct sp_mls_group *group = NULL;
	struct sp_mls_public_group *public_group = NULL;
	const struct sp_mls_env env = {.size = sizeof env};
	size_t n = read_rows(rows, (struct sp_bytes){data, size});
	enum sp_err e = sp_mls_group_load(&env, &group, rows, n);
	FUZZ_CHECK(e == SP_OK || e == SP_ERR_CORRUPT || e == SP_ERR_FORMAT_NEWER);
	if (e == SP_OK)
		loads_again(&env, group);
	e = sp_mls_public_group_load(&env, &public_group, rows, n);
	FUZZ_CHECK(e == SP_OK || e == SP_ERR_CORRUPT || e == SP_ERR_FORMAT_NEWER);
	sp_mls_group_free(&group);
	sp_mls_public_group_free(&public_group);
	return 0;
}
