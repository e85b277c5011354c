/* SPDX-License-Identifier: Apache-2.0
 *
 * What a group stores: its record and the rows of a change. Format 1.
 */
#include "mls/group_priv.h"

#include "base/limits.h"

#define FORMAT 1u
enum { RECORD_MEMBER = 1, RECORD_PUBLIC = 2 };

/* -- the record ----------------------------------------------------------------------------------------------------------- */

static void write_suite(struct sp_writer *w, const struct sp_mls_suite *s)
{
	sp_write_u16(w, s->id);
	sp_write_u16(w, (uint16_t)s->hpke.kem);
	sp_write_u16(w, (uint16_t)s->hpke.kdf);
	sp_write_u16(w, (uint16_t)s->hpke.aead);
	sp_write_u16(w, (uint16_t)s->hash);
	sp_write_u16(w, (uint16_t)s->sig);
}

/* A suite is stored whole: one that the caller defined loads without its table. */
static enum sp_err read_suite(struct sp_reader *r, struct sp_mls_suite *out)
{
	uint16_t v[6];
	for (size_t i = 0; i < SP_ARRAY_LEN(v); i++)
		SP_TRY(sp_read_u16(r, &v[i]));
	const struct sp_mls_suite_def def = {v[0], (enum sp_kem)v[1], (enum sp_kdf)v[2], (enum sp_aead)v[3], (enum sp_hash_alg)v[4], (enum sp_sig)v[5]};
	const struct sp_mls_env env = {.size = sizeof env, .suites = &def, .n_suites = 1};
	return sp__mls_suite_find(out, &env, def.id);
}

static void write_keys(struct sp_writer *w, const struct sp_mls_path_keys *keys)
{
	sp_write_u32(w, keys->leaf);
	size_t mark = sp_write_open(w);
	for (size_t i = 0; i < SP_MLS_LEVELS; i++) {
		if (keys->key[i].n == 0)
			continue;
		sp_write_u8(w, (uint8_t)i);
		sp_write_vec(w, sp_secret_bytes(&keys->key[i]));
	}
	sp_write_close(w, mark);
}

static enum sp_err read_secret(struct sp_reader *r, struct sp_secret *out)
{
	struct sp_bytes raw;
	SP_TRY(sp_read_vec(r, &raw, SP_SECRET_MAX));
	return sp_secret_set(out, raw);
}

static enum sp_err read_keys(struct sp_reader *r, struct sp_mls_path_keys *out)
{
	struct sp_reader list;
	SP_TRY(sp_read_u32(r, &out->leaf));
	SP_TRY(sp_read_child(r, &list, SP_LIMIT_MLS_VECTOR));
	while (!sp_reader_is_empty(&list)) {
		uint8_t level;
		SP_TRY(sp_read_u8(&list, &level));
		if (level >= SP_MLS_LEVELS)
			return SP_ERR_CORRUPT;
		SP_TRY(read_secret(&list, &out->key[level]));
	}
	return SP_OK;
}

static void write_core(struct sp_writer *w, const struct sp_mls_core *core)
{
	sp_write_u8(w, (uint8_t)core->state);
	sp_write_vec(w, sp_hash_bytes(&core->interim));
#define X(name, label) sp_write_vec(w, sp_secret_bytes(&core->secrets.name));
	SP_MLS_EPOCH_SECRETS(X)
#undef X
	write_keys(w, &core->keys);
	sp_write_vec(w, sp_buf_bytes(&core->reinit));
	sp_write_fixed(w, sp_hash32_bytes(&core->own_commit));
}

static enum sp_err read_hash(struct sp_reader *r, struct sp_hash *out)
{
	struct sp_bytes raw;
	SP_TRY(sp_read_vec(r, &raw, SP_HASH_MAX));
	out->n = raw.n;
	sp_copy(out->b, raw.p, raw.n);
	return SP_OK;
}

static enum sp_err read_core(struct sp_reader *r, struct sp_mls_core *core)
{
	uint8_t state;
	struct sp_bytes reinit;
	SP_TRY(sp_read_u8(r, &state));
	if (state > SP_MLS_GROUP_REINIT)
		return SP_ERR_CORRUPT;
	core->state = (enum sp_mls_group_state)state;
	SP_TRY(read_hash(r, &core->interim));
#define X(name, label) SP_TRY(read_secret(r, &core->secrets.name));
	SP_MLS_EPOCH_SECRETS(X)
#undef X
	SP_TRY(read_keys(r, &core->keys));
	SP_TRY(sp_read_vec(r, &reinit, SP_LIMIT_MLS_VECTOR));
	SP_TRY(sp_buf_append(&core->reinit, reinit));
	return sp_read_into(r, core->own_commit.b, sizeof core->own_commit.b);
}

/* struct {
 *     uint16 format = 1;
 *     uint8 kind;  // 1 member, 2 public
 *     Suite suite;
 *     opaque group_context<V>;
 *     uint32 leaf_width;
 *     opaque confirmation_tag<V>;
 *     select (kind) { case member: Core core; case public: opaque interim_transcript_hash<V>; };
 * } Record; */
enum sp_err sp__mls_record_encode(struct sp_buf *out, const struct sp_mls_view *view, const struct sp_mls_core *core, const struct sp_hash *public_interim)
{
	struct sp_writer w = sp_writer_on(out);
	sp_write_u16(&w, FORMAT);
	sp_write_u8(&w, core ? RECORD_MEMBER : RECORD_PUBLIC);
	write_suite(&w, &view->suite);
	sp_write_vec(&w, view->context.encoded);
	sp_write_u32(&w, sp__mls_view_leaf_width(view));
	sp_write_vec(&w, sp_hash_bytes(&view->confirmation_tag));
	if (core)
		write_core(&w, core);
	else
		sp_write_vec(&w, sp_hash_bytes(public_interim));
	return sp_writer_finish(&w);
}

static enum sp_err read_context(struct sp_reader *r, struct sp_mls_view *view)
{
	struct sp_reader encoded;
	struct sp_mls_context fields;
	SP_TRY(sp_read_child(r, &encoded, SP_LIMIT_MLS_VECTOR));
	SP_TRY(sp__mls_context_read(&encoded, &fields, NULL));
	SP_TRY(sp_reader_finish(&encoded));
	return sp__mls_view_set_context(view, &fields);
}

enum sp_err sp__mls_record_decode(struct sp_reader *r, struct sp_mls_view *view, uint32_t *out_width, struct sp_mls_core *core,
				  struct sp_hash *public_interim)
{
	uint16_t format;
	uint8_t kind;
	SP_TRY(sp_read_u16(r, &format));
	if (format != FORMAT)
		return format > FORMAT ? SP_ERR_FORMAT_NEWER : SP_ERR_CORRUPT;
	SP_TRY(sp_read_u8(r, &kind));
	if (kind != (core ? RECORD_MEMBER : RECORD_PUBLIC))
		return SP_ERR_CORRUPT;
	SP_TRY(read_suite(r, &view->suite));
	SP_TRY(read_context(r, view));
	SP_TRY(sp_read_u32(r, out_width));
	if (*out_width == 0 || (*out_width & (*out_width - 1)) != 0)
		return SP_ERR_CORRUPT;
	SP_TRY(read_hash(r, &view->confirmation_tag));
	return core ? read_core(r, core) : read_hash(r, public_interim);
}

/* -- rows ------------------------------------------------------------------------------------------------------------------- */

/* A row whose value is encoded by one writer. */
struct row_writer {
	struct sp_mls_row_key key;
	struct sp_buf value;
	struct sp_writer w;
};

static void row_begin(struct row_writer *row, struct sp_mls_row_key key)
{
	row->key = key;
	sp_buf_init(&row->value, SP_LIMIT_MLS_VECTOR);
	row->w = sp_writer_on(&row->value);
}

static enum sp_err row_end(struct row_writer *row, struct sp_mls_row_set *rows)
{
	enum sp_err e = sp_writer_finish(&row->w);
	if (e == SP_OK)
		e = sp__mls_row_set_put(rows, &row->key, sp_buf_bytes(&row->value));
	sp_buf_clear(&row->value);
	return e;
}

enum sp_err sp__mls_rows_record(struct sp_mls_row_set *rows, const struct sp_mls_view *view, const struct sp_mls_core *core)
{
	struct row_writer row;
	row_begin(&row, sp__mls_row_key('G'));
	sp_writer_fail(&row.w, sp__mls_record_encode(&row.value, view, core, NULL));
	return row_end(&row, rows);
}

static enum sp_err put_node(void *ctx, uint32_t node, struct sp_bytes value, bool removed)
{
	struct sp_mls_row_key key = sp__mls_row_key('N');
	sp__mls_row_key_u32(&key, node);
	return removed ? sp__mls_row_set_remove(ctx, &key) : sp__mls_row_set_put(ctx, &key, value);
}

enum sp_err sp__mls_rows_diff(struct sp_mls_row_set *rows, const struct sp_mls_tree_diff *diff)
{
	const struct sp_mls_node_sink sink = {put_node, rows};
	return sp__mls_tree_diff_rows(diff, &sink);
}

enum sp_err sp__mls_rows_tree(struct sp_mls_row_set *rows, const struct sp_mls_tree *tree)
{
	const struct sp_mls_node_sink sink = {put_node, rows};
	return sp__mls_tree_rows(tree, &sink);
}

static struct sp_mls_row_key stored_key(const struct sp_mls_stored *stored)
{
	struct sp_mls_row_key key = sp__mls_row_key('Q');
	sp__mls_row_key_bytes(&key, sp_hash_bytes(&stored->ref));
	return key;
}

/* struct { uint32 number; opaque authenticated_content<V>; opaque update_priv<V>; } */
enum sp_err sp__mls_rows_stored(struct sp_mls_row_set *rows, const struct sp_mls_stored *stored)
{
	struct row_writer row;
	row_begin(&row, stored_key(stored));
	sp_write_u32(&row.w, stored->number);
	sp_write_vec(&row.w, sp_buf_bytes(&stored->bytes));
	sp_write_vec(&row.w, sp_secret_bytes(&stored->update_priv));
	return row_end(&row, rows);
}

enum sp_err sp__mls_rows_forget(struct sp_mls_row_set *rows, const struct sp_mls_stored *list)
{
	for (const struct sp_mls_stored *s = list; s; s = s->next) {
		struct sp_mls_row_key key = stored_key(s);
		SP_TRY(sp__mls_row_set_remove(rows, &key));
	}
	return SP_OK;
}

/* struct { opaque message<V>; opaque welcome<V>; opaque group_info<V>; opaque commit<V>; opaque next<V>; } */
enum sp_err sp__mls_rows_pending(struct sp_mls_row_set *rows, const struct sp_mls_pending_commit *pending)
{
	struct row_writer row;
	row_begin(&row, sp__mls_row_key('P'));
	sp_write_vec(&row.w, sp_buf_bytes(&pending->message));
	sp_write_vec(&row.w, sp_buf_bytes(&pending->welcome));
	sp_write_vec(&row.w, sp_buf_bytes(&pending->group_info));
	sp_write_vec(&row.w, sp_buf_bytes(&pending->commit));
	sp_write_vec(&row.w, sp_buf_bytes(&pending->next));
	return row_end(&row, rows);
}

enum sp_err sp__mls_rows_drop_pending(struct sp_mls_row_set *rows)
{
	const struct sp_mls_row_key key = sp__mls_row_key('P');
	return sp__mls_row_set_remove(rows, &key);
}

static struct sp_mls_row_key epoch_key(char letter, uint64_t epoch)
{
	struct sp_mls_row_key key = sp__mls_row_key(letter);
	sp__mls_row_key_u64(&key, epoch);
	return key;
}

/* struct { uint64 left_ms; uint32 leaf_width; opaque group_context<V>; opaque sender_data<V>; opaque exporter<V>; opaque changed<V>; } */
enum sp_err sp__mls_rows_past(struct sp_mls_row_set *rows, const struct sp_mls_past *past)
{
	struct row_writer row;
	row_begin(&row, epoch_key('E', past->context.epoch));
	sp_write_u64(&row.w, (uint64_t)past->left.ms);
	sp_write_u32(&row.w, past->leaf_width);
	sp_write_vec(&row.w, past->context.encoded);
	sp_write_vec(&row.w, sp_secret_bytes(&past->sender_data));
	sp_write_vec(&row.w, sp_secret_bytes(&past->exporter));
	sp_write_vec(&row.w, sp_buf_bytes(&past->changed));
	return row_end(&row, rows);
}

enum sp_err sp__mls_rows_drop_past(struct sp_mls_row_set *rows, const struct sp_mls_past *past)
{
	const struct sp_mls_row_key key = epoch_key('E', past->context.epoch);
	SP_TRY(sp__mls_row_set_remove(rows, &key));
	return sp__mls_secret_tree_rows(past->secrets, rows, true);
}

enum sp_err sp__mls_rows_resumption(struct sp_mls_row_set *rows, const struct sp_mls_resumption *r, bool remove)
{
	const struct sp_mls_row_key key = epoch_key('U', r->epoch);
	return remove ? sp__mls_row_set_remove(rows, &key) : sp__mls_row_set_put(rows, &key, sp_secret_bytes(&r->psk));
}

static enum sp_err put_lists(struct sp_mls_row_set *rows, const struct sp_mls_group *group)
{
	for (const struct sp_mls_stored *s = group->stored; s; s = s->next)
		SP_TRY(sp__mls_rows_stored(rows, s));
	for (const struct sp_mls_resumption *r = group->resumption; r; r = r->next)
		SP_TRY(sp__mls_rows_resumption(rows, r, false));
	for (const struct sp_mls_past *p = group->past; p; p = p->next) {
		SP_TRY(sp__mls_rows_past(rows, p));
		SP_TRY(sp__mls_secret_tree_rows(p->secrets, rows, false));
	}
	return SP_OK;
}

enum sp_err sp__mls_rows_all(struct sp_mls_row_set *rows, const struct sp_mls_group *group)
{
	SP_TRY(sp__mls_rows_record(rows, &group->view, &group->core));
	SP_TRY(sp__mls_rows_tree(rows, group->view.tree));
	SP_TRY(sp__mls_secret_tree_rows(group->secrets, rows, false));
	SP_TRY(put_lists(rows, group));
	return group->pending ? sp__mls_rows_pending(rows, group->pending) : SP_OK;
}
