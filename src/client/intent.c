/* SPDX-License-Identifier: Apache-2.0
 *
 * Changes of a room that are wished and not yet made: stored before anything is sent, gone in the transaction that
 * grants them. A command killed in between is finished by the next one.
 */
#include "client/client_priv.h"

static enum sp_err intent_key(struct sp_client *c, struct sp__record_key *out, const struct sp_id16 *room)
{
	return sp__seal_key(&c->seal, out, SP_CLIENT_SPACE_INTENT, sp_id16_bytes(room));
}

void sp__intent_clear(struct sp__intent *intent)
{
	sp_buf_clear(&intent->raw);
}

bool sp__intent_is_empty(const struct sp__intent *intent)
{
	return intent->record.add.n == 0 && intent->record.remove.n == 0;
}

enum sp_err sp__intent_get(struct sp_client *c, struct sp__intent *out, const struct sp_id16 *room)
{
	struct sp__record_key key;
	*out = (struct sp__intent){0};
	sp_buf_init(&out->raw, SP_PROFILE_VALUE_MAX);
	SP_TRY(intent_key(c, &key, room));
	enum sp_err e = sp__record_get(c, &key, sp_wire_record_intent_layout(), &out->raw, &out->record, NULL);
	return e == SP_ERR_NOT_FOUND ? SP_OK : e;
}

static void write_accounts(struct sp_writer *w, struct sp_bytes known, const struct sp_id16 *list, size_t n)
{
	sp_write_fixed(w, known);
	for (size_t i = 0; i < n; i++)
		sp_wire_account_ref_write(w, &(struct sp_wire_account_ref){list[i]});
}

struct lists {
	struct sp_buf add, remove;
};

static enum sp_err put(struct sp__batch *batch, const struct sp_id16 *room, struct lists *lists)
{
	struct sp__record_key key;
	struct sp_wire_record_intent record = {SP_RECORD_FORMAT, *room, sp_buf_bytes(&lists->add), sp_buf_bytes(&lists->remove)};
	SP_TRY(intent_key(batch->client, &key, room));
	sp__batch_put_record(batch, &key, sp_wire_record_intent_layout(), &record);
	return SP_OK;
}

void sp__intent_put(struct sp__batch *batch, const struct sp_id16 *room, const struct sp_id16 *add, size_t add_n, const struct sp_id16 *remove,
		    size_t remove_n)
{
	struct sp__intent known;
	struct lists lists;
	sp_buf_init(&lists.add, 1u << 20);
	sp_buf_init(&lists.remove, 1u << 20);
	enum sp_err e = sp__intent_get(batch->client, &known, room);
	struct sp_writer adds = sp_writer_on(&lists.add), removes = sp_writer_on(&lists.remove);
	write_accounts(&adds, known.record.add, add, add_n);
	write_accounts(&removes, known.record.remove, remove, remove_n);
	if (e == SP_OK)
		e = sp_writer_finish(&adds);
	if (e == SP_OK)
		e = sp_writer_finish(&removes);
	if (e == SP_OK)
		e = put(batch, room, &lists);
	sp__batch_fail(batch, e);
	sp__intent_clear(&known);
	sp_buf_clear(&lists.add);
	sp_buf_clear(&lists.remove);
}

void sp__intent_delete(struct sp__batch *batch, const struct sp_id16 *room)
{
	struct sp__record_key key;
	enum sp_err e = intent_key(batch->client, &key, room);
	if (e == SP_OK)
		sp__batch_delete(batch, &key);
	sp__batch_fail(batch, e);
}

static bool view_has(const struct sp_mls_view *view, const struct sp_id16 *account)
{
	struct sp_mls_member m;
	struct sp_rules_party party;
	for (uint32_t leaf = 0; sp_mls_view_next(&m, view, leaf) == SP_OK; leaf = m.leaf + 1) {
		if (sp_verdict_party(&party, &m.credential) == SP_OK && sp_id16_equal(&party.account, account))
			return true;
	}
	return false;
}

static enum sp_err all_are(const struct sp_mls_view *view, struct sp_bytes list, bool wanted, bool *out)
{
	struct sp_reader r = sp_reader_of(list);
	struct sp_wire_account_ref ref;
	while (!sp_reader_is_empty(&r)) {
		SP_TRY(sp_wire_account_ref_read(&r, &ref));
		if (view_has(view, &ref.account_id) != wanted)
			*out = false;
	}
	return SP_OK;
}

enum sp_err sp__intent_fulfil(struct sp__batch *batch, const struct sp_id16 *room, const struct sp_mls_view *view)
{
	struct sp__intent intent;
	bool is_granted = true;
	enum sp_err e = sp__intent_get(batch->client, &intent, room);
	if (e == SP_OK)
		e = all_are(view, intent.record.add, true, &is_granted);
	if (e == SP_OK)
		e = all_are(view, intent.record.remove, false, &is_granted);
	if (e == SP_OK && is_granted)
		sp__intent_delete(batch, room);
	sp__intent_clear(&intent);
	return e;
}
