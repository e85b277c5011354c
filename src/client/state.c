/* SPDX-License-Identifier: Apache-2.0
 *
 * The profile's single records: counters and cursors. A counter is stored before the number it gave is used.
 */
#include "client/client_priv.h"

enum sp_err sp__state_key(struct sp_client *c, struct sp__record_key *out, const char *name)
{
	return sp__seal_key(&c->seal, out, SP_CLIENT_SPACE_STATE, sp_bytes_str(name));
}

enum sp_err sp__state_get(struct sp_client *c, const char *name, const struct sp_wire_layout *layout, struct sp_buf *raw, void *out,
			  uint64_t *out_revision)
{
	struct sp__record_key key;
	SP_TRY(sp__state_key(c, &key, name));
	return sp__record_get(c, &key, layout, raw, out, out_revision);
}

void sp__batch_put_state(struct sp__batch *batch, const char *name, const struct sp_wire_layout *layout, const void *record)
{
	struct sp__record_key key;
	enum sp_err e = sp__state_key(batch->client, &key, name);
	if (e == SP_OK)
		sp__batch_put_record(batch, &key, layout, record);
	sp__batch_fail(batch, e);
}

/* A record without bytes in it; absent is all zero at revision 0. */
static enum sp_err get_plain(struct sp_client *c, const char *name, const struct sp_wire_layout *layout, void *out, uint64_t *out_revision)
{
	struct sp_buf raw;
	sp_buf_init(&raw, SP_PROFILE_VALUE_MAX);
	*out_revision = 0;
	enum sp_err e = sp__state_get(c, name, layout, &raw, out, out_revision);
	sp_buf_clear(&raw);
	return e == SP_ERR_NOT_FOUND ? SP_OK : e;
}

static enum sp_err begin(struct sp__batch *batch, const char *name, const struct sp_wire_layout *layout, void *out)
{
	struct sp__record_key key;
	uint64_t revision;
	SP_TRY(get_plain(batch->client, name, layout, out, &revision));
	SP_TRY(sp__state_key(batch->client, &key, name));
	sp__batch_expect(batch, &key, revision);
	return SP_OK;
}

enum sp_err sp__counters_begin(struct sp__batch *batch, struct sp_wire_record_counters *out)
{
	SP_TRY(begin(batch, "counters", sp_wire_record_counters_layout(), out));
	if (out->format == 0)
		*out = (struct sp_wire_record_counters){.format = SP_RECORD_FORMAT, .reqno = 1, .message = 1, .trouble = 1};
	return SP_OK;
}

void sp__counters_put(struct sp__batch *batch, const struct sp_wire_record_counters *in)
{
	sp__batch_put_state(batch, "counters", sp_wire_record_counters_layout(), in);
}

static void fresh_cursors(struct sp_wire_record_cursors *out)
{
	if (out->format == 0)
		*out = (struct sp_wire_record_cursors){.format = SP_RECORD_FORMAT, .inbox_next = 1};
}

enum sp_err sp__cursors_get(struct sp_client *c, struct sp_wire_record_cursors *out)
{
	uint64_t revision;
	SP_TRY(get_plain(c, "cursors", sp_wire_record_cursors_layout(), out, &revision));
	fresh_cursors(out);
	return SP_OK;
}

enum sp_err sp__cursors_begin(struct sp__batch *batch, struct sp_wire_record_cursors *out)
{
	SP_TRY(begin(batch, "cursors", sp_wire_record_cursors_layout(), out));
	fresh_cursors(out);
	return SP_OK;
}

void sp__cursors_put(struct sp__batch *batch, const struct sp_wire_record_cursors *in)
{
	sp__batch_put_state(batch, "cursors", sp_wire_record_cursors_layout(), in);
}

/* -- reqno -- */

static enum sp_err take_reqno(struct sp__batch *batch, uint64_t *out)
{
	struct sp_wire_record_counters counters;
	SP_TRY(sp__counters_begin(batch, &counters));
	*out = counters.reqno++;
	sp__counters_put(batch, &counters);
	return sp__batch_apply(batch, NULL);
}

static enum sp_err step_reqno(struct sp_client *c, void *ctx)
{
	struct sp__batch batch;
	sp__batch_init(&batch, c);
	enum sp_err e = take_reqno(&batch, ctx);
	sp__batch_clear(&batch);
	return e;
}

enum sp_err sp__reqno_take(struct sp_client *c, uint64_t *out)
{
	return sp__retry(c, step_reqno, out);
}
