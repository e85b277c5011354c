/* SPDX-License-Identifier: Apache-2.0
 *
 * What went wrong and must not be forgotten: refused commits, substituted keys, rooms that cannot be followed. Kept in the
 * profile, shown by listen and doctor.
 */
#include "client/client_priv.h"

struct note {
	enum sp_err code;
	const struct sp_id16 *room;
	const char *text;
};

void sp__trouble_put(struct sp__batch *batch, struct sp_wire_record_counters *counters, enum sp_err code, const struct sp_id16 *room,
		     const char *text)
{
	struct sp_wire_record_trouble record = {
		.format = SP_RECORD_FORMAT,
		.time_ms = (uint64_t)sp__now().ms,
		.code = (uint32_t)code,
		.text = sp_bytes_str(text),
	};
	if (room)
		record.room_id = *room;
	struct sp__record_key key = sp__seal_key_number(SP_CLIENT_SPACE_TROUBLE, counters->trouble++);
	sp__batch_put_record(batch, &key, sp_wire_record_trouble_layout(), &record);
}

static enum sp_err put_note(struct sp__batch *batch, const struct note *note)
{
	struct sp_wire_record_counters counters;
	SP_TRY(sp__counters_begin(batch, &counters));
	sp__trouble_put(batch, &counters, note->code, note->room, note->text);
	sp__counters_put(batch, &counters);
	return sp__batch_apply(batch, NULL);
}

static enum sp_err step_note(struct sp_client *c, void *ctx)
{
	struct sp__batch batch;
	sp__batch_init(&batch, c);
	enum sp_err e = put_note(&batch, ctx);
	sp__batch_clear(&batch);
	return e;
}

/* That a note could not be stored is not worth losing the failure it tells of. */
void sp__trouble_note(struct sp_client *c, enum sp_err code, const struct sp_id16 *room, const char *text)
{
	struct note note = {code, room, text};
	enum sp_err ignored = sp__retry(c, step_note, &note);
	(void)ignored;
}
