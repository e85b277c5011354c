/* SPDX-License-Identifier: Apache-2.0
 *
 * A ledger's records of unknown origin: decoded, and taken into the state one after the other. Properties: what decodes
 * encodes to the same bytes; the state never points beyond itself.
 */
#include "keeper/keeper_priv.h"
#include "../fuzz.h"

static void record_is_canonical(const struct sp__keeper_record *r, struct sp_bytes in)
{
	struct sp_buf again;
	sp_buf_init(&again, 2 * SP_KEEPER_RECORD_MAX);
	FUZZ_CHECK(sp__keeper_record_encode(&again, r) == SP_OK);
	FUZZ_CHECK(r->time.ms >= 0 && again.n == in.n);
	sp_buf_clear(&again);
}

static void state_is_sound(const struct sp__keeper_state *s)
{
	for (size_t i = 0; i < s->certs_n; i++)
		FUZZ_CHECK(s->certs[i].account < s->accounts_n);
	for (size_t i = 0; i < s->invitations_n; i++)
		FUZZ_CHECK(!s->invitations[i].is_used || s->invitations[i].cert < s->certs_n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_reader r = sp_reader_of((struct sp_bytes){data, size});
	struct sp__keeper_state state = {0};
	struct sp_bytes raw;
	while (sp_read_vec(&r, &raw, SP_KEEPER_RECORD_MAX) == SP_OK) {
		struct sp__keeper_record record;
		if (sp__keeper_record_decode(&record, raw) != SP_OK)
			break;
		record_is_canonical(&record, raw);
		if (sp__keeper_state_apply(&state, &record) != SP_OK)
			break;
		state_is_sound(&state);
	}
	sp__keeper_state_clear(&state);
	return 0;
}
