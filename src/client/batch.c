/* SPDX-License-Identifier: Apache-2.0
 *
 * One transaction of the profile, collected sealed; and reading records by their description. Two processes may hold one
 * profile: what was read is expected to be unchanged, else SP_ERR_CONFLICT and the step is done again (sp__retry).
 */
#include "client/client_priv.h"

#define OPS_MAX (1u << 20)
#define TRIES 20

struct sp__batch_op {
	enum sp_profile_action action;
	struct sp__record_key key;
	struct sp_buf value;
	uint64_t revision;
};

void sp__batch_init(struct sp__batch *batch, struct sp_client *client)
{
	*batch = (struct sp__batch){.client = client};
}

void sp__batch_clear(struct sp__batch *batch)
{
	for (size_t i = 0; i < batch->n; i++)
		sp_buf_clear(&batch->ops[i].value);
	sp_free(batch->ops);
	*batch = (struct sp__batch){.client = batch->client};
}

void sp__batch_fail(struct sp__batch *batch, enum sp_err e)
{
	if (batch->err == SP_OK)
		batch->err = e;
}

/* The next operation, or NULL after a failure. */
static struct sp__batch_op *add_op(struct sp__batch *batch, enum sp_profile_action action, const struct sp__record_key *key)
{
	if (batch->err == SP_OK)
		batch->err = sp_array_grow(&batch->ops, &batch->cap, batch->n + 1, sizeof *batch->ops, OPS_MAX);
	if (batch->err != SP_OK)
		return NULL;
	struct sp__batch_op *op = &batch->ops[batch->n++];
	*op = (struct sp__batch_op){.action = action, .key = *key};
	sp_buf_init(&op->value, SP_PROFILE_VALUE_MAX);
	return op;
}

void sp__batch_put(struct sp__batch *batch, const struct sp__record_key *key, struct sp_bytes plain)
{
	struct sp__batch_op *op = add_op(batch, SP_PROFILE_PUT, key);
	if (!op)
		return;
	sp__batch_fail(batch, sp__seal_value(&batch->client->seal, &op->value, key, plain));
	batch->bytes += plain.n;
}

void sp__batch_put_record(struct sp__batch *batch, const struct sp__record_key *key, const struct sp_wire_layout *layout, const void *record)
{
	struct sp_buf plain;
	sp_buf_init(&plain, SP_PROFILE_VALUE_MAX);
	enum sp_err e = sp_wire_layout_encode(layout, &plain, record);
	if (e == SP_OK)
		sp__batch_put(batch, key, sp_buf_bytes(&plain));
	sp__batch_fail(batch, e);
	sp_buf_clear(&plain);
}

void sp__batch_delete(struct sp__batch *batch, const struct sp__record_key *key)
{
	add_op(batch, SP_PROFILE_DELETE, key);
}

void sp__batch_delete_raw(struct sp__batch *batch, uint8_t space, struct sp_bytes key)
{
	struct sp__record_key copy = {.space = space, .n = key.n};
	SP_ASSERT(key.n <= sizeof copy.b);
	sp_copy(copy.b, key.p, key.n);
	sp__batch_delete(batch, &copy);
}

void sp__batch_expect(struct sp__batch *batch, const struct sp__record_key *key, uint64_t revision)
{
	struct sp__batch_op *op = add_op(batch, SP_PROFILE_EXPECT, key);
	if (op)
		op->revision = revision;
}

bool sp__batch_has_put(const struct sp__batch *batch, const struct sp__record_key *key)
{
	for (size_t i = 0; i < batch->n; i++) {
		const struct sp__batch_op *op = &batch->ops[i];
		if (op->action == SP_PROFILE_PUT && op->key.space == key->space && sp_bytes_equal(sp__record_key_bytes(&op->key), sp__record_key_bytes(key)))
			return true;
	}
	return false;
}

static void to_profile_op(struct sp_profile_op *out, const struct sp__batch_op *op)
{
	*out = (struct sp_profile_op){
		.action = op->action,
		.space = op->key.space,
		.key = sp__record_key_bytes(&op->key),
		.value = sp_buf_bytes(&op->value),
		.revision = op->revision,
	};
}

static enum sp_err apply(struct sp__batch *batch, uint64_t *out_revision)
{
	if (batch->err != SP_OK || batch->n == 0)
		return batch->err;
	struct sp_profile_op *ops = sp_alloc_array(batch->n, sizeof *ops);
	if (!ops)
		return SP_ERR_NOMEM;
	for (size_t i = 0; i < batch->n; i++)
		to_profile_op(&ops[i], &batch->ops[i]);
	enum sp_err e = sp_profile_apply(batch->client->db, ops, batch->n, out_revision);
	sp_free(ops);
	return e;
}

enum sp_err sp__batch_apply(struct sp__batch *batch, uint64_t *out_revision)
{
	uint64_t revision = 0;
	enum sp_err e = apply(batch, &revision);
	if (out_revision)
		*out_revision = revision;
	sp__batch_clear(batch);
	return e;
}

enum sp_err sp__retry(struct sp_client *c, sp__step_fn *step, void *ctx)
{
	enum sp_err e = SP_ERR_CONFLICT;
	for (int i = 0; e == SP_ERR_CONFLICT && i < TRIES; i++)
		e = step(c, ctx);
	return e;
}

/* -- reading -- */

static enum sp_err decode_record(const struct sp_wire_layout *layout, struct sp_bytes plain, void *out)
{
	bool is_versioned = layout->n > 0 && strcmp(layout->fields[0].name, "format") == 0;
	struct sp_reader r = sp_reader_of(plain);
	uint16_t format = SP_RECORD_FORMAT;
	memset(out, 0, layout->size);
	if (is_versioned && sp_read_u16(&r, &format) != SP_OK)
		return SP_ERR_CORRUPT;
	if (format > SP_RECORD_FORMAT)
		return SP_ERR_FORMAT_NEWER;
	return sp_wire_layout_decode(layout, out, plain) == SP_OK ? SP_OK : SP_ERR_CORRUPT;
}

static enum sp_err get_sealed(struct sp_client *c, const struct sp__record_key *key, struct sp_buf *sealed, struct sp_buf *raw, uint64_t *out_revision)
{
	SP_TRY(sp_profile_get(c->db, key->space, sp__record_key_bytes(key), sealed, out_revision));
	return sp__seal_open(&c->seal, raw, key->space, sp__record_key_bytes(key), sp_buf_bytes(sealed));
}

enum sp_err sp__record_get(struct sp_client *c, const struct sp__record_key *key, const struct sp_wire_layout *layout, struct sp_buf *raw, void *out,
			   uint64_t *out_revision)
{
	struct sp_buf sealed;
	memset(out, 0, layout->size);
	sp_buf_clear(raw);
	sp_buf_init(&sealed, SP_PROFILE_VALUE_MAX);
	enum sp_err e = get_sealed(c, key, &sealed, raw, out_revision);
	if (e == SP_OK)
		e = decode_record(layout, sp_buf_bytes(raw), out);
	sp_buf_clear(&sealed);
	return e;
}

struct visit {
	struct sp_client *client;
	const struct sp__scan *scan;
};

static enum sp_err visit_record(void *ctx, const struct sp_profile_record *record)
{
	const struct visit *v = ctx;
	_Alignas(max_align_t) uint8_t decoded[512];
	struct sp_buf plain;
	SP_ASSERT(v->scan->layout->size <= sizeof decoded);
	sp_buf_init(&plain, SP_PROFILE_VALUE_MAX);
	enum sp_err e = sp__seal_open(&v->client->seal, &plain, (uint8_t)v->scan->space, record->key, record->value);
	if (e == SP_OK)
		e = decode_record(v->scan->layout, sp_buf_bytes(&plain), decoded);
	if (e == SP_OK)
		e = v->scan->visit(v->scan->ctx, record->key, decoded);
	sp_buf_clear(&plain);
	return e;
}

enum sp_err sp__record_scan(struct sp_client *c, const struct sp__scan *scan)
{
	struct visit v = {c, scan};
	struct sp_profile_range range = {
		.space = (uint8_t)scan->space,
		.prefix = scan->prefix,
		.after = scan->after,
		.limit = scan->limit,
		.reverse = scan->reverse,
	};
	return sp_profile_scan(c->db, &range, visit_record, &v);
}
