/* SPDX-License-Identifier: Apache-2.0
 *
 * RoomState and CommitContext. Properties: what decodes encodes to the same bytes; every account listed has the role it
 * is listed with.
 */
#include "rules/rules.h"
#include "../fuzz.h"

#define ROLES_MAX 64u

static void state_is_canonical(struct sp_bytes in)
{
	struct sp_rules_role_entry roles[ROLES_MAX];
	struct sp_rules_state state;
	struct sp_buf again;
	if (sp_rules_state_decode(&state, in) != SP_OK || sp_rules_role_count(&state) > ROLES_MAX)
		return;
	size_t n = sp_rules_role_count(&state);
	for (size_t i = 0; i < n; i++) {
		roles[n - 1 - i] = sp_rules_role_at(&state, i); /* backwards: encode sorts */
		FUZZ_CHECK(sp_rules_role_of(&state, &roles[n - 1 - i].account) == roles[n - 1 - i].role);
	}
	sp_buf_init(&again, 1u << 20);
	FUZZ_CHECK(sp_rules_state_encode(&again, &state, roles, n) == SP_OK);
	FUZZ_CHECK(again.n == in.n && memcmp(again.p, in.p, in.n) == 0);
	sp_buf_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_bytes in = {data, size};
	struct sp_rules_context context;
	state_is_canonical(in);
	if (sp_rules_context_decode(&context, in) == SP_OK)
		FUZZ_CHECK(size == 10);
	return 0;
}
