/* SPDX-License-Identifier: Apache-2.0
 *
 * What a commit changes in our record of a room: its roster, who came and went, and the keys of those who went, by which
 * receipts they sent before are still verified.
 */
#include "client/client_priv.h"

#define FORMER_MAX 64u

static void note_former(struct sp__room *room, const struct sp_mls_member *leaf, const struct sp_id16 *account)
{
	struct sp_wire_record_former former = {leaf->leaf, room->epoch, *account, leaf->signature_key}, old;
	struct sp_reader r = sp_reader_of(sp_buf_bytes(&room->former));
	struct sp_buf kept;
	size_t n = 0;
	sp_buf_init(&kept, 1u << 20);
	struct sp_writer w = sp_writer_on(&kept);
	sp_wire_record_former_write(&w, &former); /* newest first, the oldest fall off */
	while (++n < FORMER_MAX && !sp_reader_is_empty(&r) && sp_wire_record_former_read(&r, &old) == SP_OK)
		sp_wire_record_former_write(&w, &old);
	if (sp_writer_finish(&w) == SP_OK) {
		sp_buf_clear(&room->former);
		room->former = kept;
	} else {
		sp_buf_clear(&kept);
	}
}

static void note_removed(struct sp__room *room, const struct sp_mls_staged_info *info)
{
	for (size_t i = 0; i < info->n_proposals; i++) {
		const struct sp_mls_proposal *p = info->proposals[i];
		struct sp_pki_claim claim;
		if (p->type == SP_MLS_PROPOSAL_REMOVE && sp__leaf_identity(&claim, &p->member.credential) == SP_OK)
			note_former(room, &p->member, &claim.unverified.account_id);
	}
}

static bool list_has(const struct sp_wire_record_member *list, size_t n, const struct sp_id16 *account)
{
	for (size_t i = 0; i < n; i++) {
		if (sp_id16_equal(&list[i].account_id, account))
			return true;
	}
	return false;
}

struct diff {
	struct sp__batch *batch;
	struct sp_wire_record_counters *counters;
	const struct sp__room *room;
	const struct sp_wire_item *item;
};

static enum sp_err note_change(const struct diff *d, enum sp__row_kind kind, const struct sp_id16 *who)
{
	struct sp__notice n = {.kind = kind, .who = who, .seq = d->item->seq, .time = {(int64_t)d->item->time_ms}, .text = ""};
	return sp__message_notice(d->batch, d->counters, d->room, &n);
}

/* Everyone's coming and going would drown the room of the whole organisation. */
static enum sp_err note_changes(const struct diff *d, const struct sp_wire_record_member *before, size_t before_n)
{
	const struct sp__room *room = d->room;
	if (room->kind == SP_RULES_EVERYONE)
		return SP_OK;
	for (size_t i = 0; i < room->members_n; i++) {
		if (!list_has(before, before_n, &room->members[i].account_id))
			SP_TRY(note_change(d, SP__ROW_JOINED, &room->members[i].account_id));
	}
	for (size_t i = 0; i < before_n; i++) {
		if (!list_has(room->members, room->members_n, &before[i].account_id))
			SP_TRY(note_change(d, SP__ROW_LEFT, &before[i].account_id));
	}
	return SP_OK;
}

enum sp_err sp__room_note_commit(struct sp__batch *batch, struct sp_wire_record_counters *counters, struct sp__room *room,
				 const struct sp_mls_staged *staged, const struct sp_wire_item *item)
{
	struct diff diff = {batch, counters, room, item};
	size_t n = room->members_n;
	struct sp_wire_record_member *before = sp_alloc_array(SP_MAX(n, (size_t)1), sizeof *before);
	if (!before)
		return SP_ERR_NOMEM;
	sp_copy(before, room->members, n * sizeof *before);
	note_removed(room, sp_mls_staged_info(staged));
	enum sp_err e = sp__room_read_view(batch->client, room, sp_mls_staged_after(staged));
	if (e == SP_OK)
		e = note_changes(&diff, before, n);
	sp_free(before);
	return e;
}
