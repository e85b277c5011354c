/* SPDX-License-Identifier: Apache-2.0
 *
 * A group from its rows. They may come in any order: the record first, then what hangs on it.
 */
#include "mls/group_priv.h"

#include "base/limits.h"

struct load {
	const struct sp_mls_row *rows;
	size_t n;
	uint32_t width;
};

static bool row_is(const struct sp_mls_row *row, char letter)
{
	return !row->remove && row->key.n > 0 && row->key.p[0] == (uint8_t)letter;
}

static uint64_t epoch_of(const struct sp_mls_row *row)
{
	struct sp_reader r = sp_reader_of(row->key);
	uint8_t letter;
	uint64_t epoch = 0;
	if (sp_read_u8(&r, &letter) != SP_OK || sp_read_u64(&r, &epoch) != SP_OK)
		return UINT64_MAX;
	return epoch;
}

static enum sp_err load_record(const struct load *load, struct sp_bytes *out)
{
	bool found = false;
	for (size_t i = 0; i < load->n; i++) {
		if (!row_is(&load->rows[i], 'G'))
			continue;
		if (found)
			return SP_ERR_CORRUPT;
		*out = load->rows[i].value;
		found = true;
	}
	return found ? SP_OK : SP_ERR_CORRUPT;
}

static enum sp_err load_node(const struct sp_mls_row *row, struct sp_mls_tree *tree)
{
	struct sp_reader key = sp_reader_of(row->key);
	uint8_t letter;
	uint32_t index;
	SP_TRY(sp_read_u8(&key, &letter));
	SP_TRY(sp_read_u32(&key, &index));
	SP_TRY(sp_reader_finish(&key));
	return sp__mls_tree_load_row(tree, index, row->value);
}

static enum sp_err load_tree(const struct load *load, struct sp_mls_view *view)
{
	struct sp_hash tree_hash;
	SP_TRY(sp__mls_tree_load_begin(&view->tree, &view->suite, load->width));
	for (size_t i = 0; i < load->n; i++) {
		if (row_is(&load->rows[i], 'N'))
			SP_TRY(load_node(&load->rows[i], view->tree));
	}
	SP_TRY(sp__mls_tree_load_end(view->tree));
	SP_TRY(sp__mls_tree_hash(view->tree, &tree_hash));
	return sp_bytes_equal(sp_hash_bytes(&tree_hash), view->context.tree_hash) ? SP_OK : SP_ERR_CORRUPT;
}

/* -- lists, each in its order ---------------------------------------------------------------------------------------------- */

static enum sp_err read_stored(struct sp_mls_stored **out, const struct sp_mls_suite *suite, struct sp_bytes value)
{
	struct sp_reader r = sp_reader_of(value);
	struct sp_bytes auth, priv;
	uint32_t number;
	SP_TRY(sp_read_u32(&r, &number));
	SP_TRY(sp_read_vec(&r, &auth, SP_LIMIT_MLS_VECTOR));
	SP_TRY(sp_read_vec(&r, &priv, SP_SECRET_MAX));
	SP_TRY(sp_reader_finish(&r));
	SP_TRY(sp__mls_stored_decode(out, suite, auth));
	(*out)->number = number;
	return sp_secret_set(&(*out)->update_priv, priv);
}

static enum sp_err load_stored(const struct load *load, struct sp_mls_stored **list, const struct sp_mls_suite *suite)
{
	for (size_t i = 0; i < load->n; i++) {
		struct sp_mls_stored *one = NULL;
		if (!row_is(&load->rows[i], 'Q'))
			continue;
		SP_TRY(read_stored(&one, suite, load->rows[i].value));
		struct sp_mls_stored **at = list;
		while (*at && (*at)->number < one->number)
			at = &(*at)->next;
		one->next = *at;
		*at = one;
	}
	return SP_OK;
}

static enum sp_err load_resumption(const struct load *load, struct sp_mls_resumption **list)
{
	for (size_t i = 0; i < load->n; i++) {
		const struct sp_mls_row *row = &load->rows[i];
		if (!row_is(row, 'U'))
			continue;
		struct sp_mls_resumption *one = sp_alloc(sizeof *one);
		if (!one)
			return SP_ERR_NOMEM;
		one->epoch = epoch_of(row);
		struct sp_mls_resumption **at = list;
		while (*at && (*at)->epoch > one->epoch)
			at = &(*at)->next;
		one->next = *at;
		*at = one;
		SP_TRY(sp_secret_set(&one->psk, row->value));
	}
	return SP_OK;
}

static enum sp_err read_secret(struct sp_reader *r, struct sp_secret *out)
{
	struct sp_bytes raw;
	SP_TRY(sp_read_vec(r, &raw, SP_SECRET_MAX));
	return sp_secret_set(out, raw);
}

static enum sp_err read_past(struct sp_mls_past *p, const struct sp_mls_suite *suite, struct sp_bytes value)
{
	struct sp_reader r = sp_reader_of(value);
	struct sp_bytes context, changed;
	uint64_t left;
	SP_TRY(sp_read_u64(&r, &left));
	p->left.ms = (int64_t)left;
	SP_TRY(sp_read_u32(&r, &p->leaf_width));
	SP_TRY(sp_read_vec(&r, &context, SP_LIMIT_MLS_VECTOR));
	SP_TRY(read_secret(&r, &p->sender_data));
	SP_TRY(read_secret(&r, &p->exporter));
	SP_TRY(sp_read_vec(&r, &changed, SP_LIMIT_MLS_VECTOR));
	SP_TRY(sp_reader_finish(&r));
	SP_TRY(sp_buf_append(&p->context_buf, context));
	SP_TRY(sp_buf_append(&p->changed, changed));
	struct sp_reader inner = sp_reader_of(sp_buf_bytes(&p->context_buf));
	uint64_t epoch = p->context.epoch;
	SP_TRY(sp__mls_context_read(&inner, &p->context, NULL));
	if (p->context.epoch != epoch || p->leaf_width == 0 || (p->leaf_width & (p->leaf_width - 1)) != 0)
		return SP_ERR_CORRUPT;
	return sp__mls_secret_tree_load_begin(&p->secrets, suite, p->leaf_width, p->context.epoch);
}

static enum sp_err load_past(const struct load *load, struct sp_mls_past **list, const struct sp_mls_suite *suite)
{
	for (size_t i = 0; i < load->n; i++) {
		if (!row_is(&load->rows[i], 'E'))
			continue;
		struct sp_mls_past *one = sp_alloc(sizeof *one);
		if (!one)
			return SP_ERR_NOMEM;
		sp_buf_init(&one->context_buf, SP_LIMIT_MLS_VECTOR);
		sp_buf_init(&one->changed, SP_LIMIT_MLS_VECTOR);
		one->context.epoch = epoch_of(&load->rows[i]);
		struct sp_mls_past **at = list;
		while (*at && (*at)->context.epoch > one->context.epoch)
			at = &(*at)->next;
		one->next = *at;
		*at = one;
		SP_TRY(read_past(one, suite, load->rows[i].value));
	}
	return SP_OK;
}

static enum sp_err load_secrets(const struct load *load, struct sp_mls_group *group)
{
	SP_TRY(sp__mls_secret_tree_load_begin(&group->secrets, &group->view.suite, load->width, group->view.context.epoch));
	for (size_t i = 0; i < load->n; i++) {
		const struct sp_mls_row *row = &load->rows[i];
		if (!row_is(row, 'S') && !row_is(row, 'R'))
			continue;
		uint64_t epoch = epoch_of(row);
		const struct sp_mls_past *past = sp__mls_past_find(group->past, epoch);
		if (epoch != group->view.context.epoch && !past)
			return SP_ERR_CORRUPT;
		SP_TRY(sp__mls_secret_tree_load_row(past ? past->secrets : group->secrets, row->key, row->value));
	}
	return SP_OK;
}

static enum sp_err read_pending(struct sp_mls_pending_commit *p, struct sp_bytes value)
{
	struct sp_reader r = sp_reader_of(value);
	struct sp_buf *parts[] = {&p->message, &p->welcome, &p->group_info, &p->commit, &p->next};
	for (size_t i = 0; i < SP_ARRAY_LEN(parts); i++) {
		struct sp_bytes part;
		sp_buf_init(parts[i], SP_LIMIT_MLS_VECTOR);
		SP_TRY(sp_read_vec(&r, &part, SP_LIMIT_MLS_VECTOR));
		SP_TRY(sp_buf_append(parts[i], part));
	}
	SP_TRY(sp_reader_finish(&r));
	return sp_sha256(&p->hash, sp_buf_bytes(&p->message));
}

static enum sp_err load_pending(const struct load *load, struct sp_mls_pending_commit **out)
{
	for (size_t i = 0; i < load->n; i++) {
		if (!row_is(&load->rows[i], 'P'))
			continue;
		if (*out)
			return SP_ERR_CORRUPT;
		*out = sp_alloc(sizeof **out);
		if (!*out)
			return SP_ERR_NOMEM;
		SP_TRY(read_pending(*out, load->rows[i].value));
	}
	return SP_OK;
}

static enum sp_err load_all(struct load *load, struct sp_mls_group *group)
{
	struct sp_bytes record;
	SP_TRY(load_record(load, &record));
	struct sp_reader r = sp_reader_of(record);
	SP_TRY(sp__mls_record_decode(&r, &group->view, &load->width, &group->core, NULL));
	SP_TRY(sp_reader_finish(&r));
	SP_TRY(load_tree(load, &group->view));
	SP_TRY(load_past(load, &group->past, &group->view.suite));
	SP_TRY(load_secrets(load, group));
	SP_TRY(load_stored(load, &group->stored, &group->view.suite));
	SP_TRY(load_resumption(load, &group->resumption));
	return load_pending(load, &group->pending);
}

/* Whatever is wrong with stored bytes is damage, not an attack. */
static enum sp_err as_damage(const struct sp_mls_env *env, enum sp_err e)
{
	if (e == SP_OK || e == SP_ERR_NOMEM || e == SP_ERR_FORMAT_NEWER)
		return e;
	return SP_FAIL(env->diag, SP_ERR_CORRUPT, 0, "the stored rows of a group are damaged");
}

enum sp_err sp_mls_group_load(const struct sp_mls_env *env, struct sp_mls_group **out, const struct sp_mls_row *rows, size_t n)
{
	struct sp_mls_call call;
	*out = NULL;
	SP_TRY(sp__mls_call_open(&call, &env));
	struct load load = {.rows = rows, .n = n};
	enum sp_err e = sp__mls_group_alloc(out);
	if (e == SP_OK)
		e = as_damage(env, load_all(&load, *out));
	if (e != SP_OK)
		sp_mls_group_free(out);
	return e;
}

/* -- public groups ------------------------------------------------------------------------------------------------------------- */

static enum sp_err load_public(struct load *load, struct sp_mls_public_group *group)
{
	struct sp_bytes record;
	SP_TRY(load_record(load, &record));
	struct sp_reader r = sp_reader_of(record);
	SP_TRY(sp__mls_record_decode(&r, &group->view, &load->width, NULL, &group->interim));
	SP_TRY(sp_reader_finish(&r));
	SP_TRY(load_tree(load, &group->view));
	return load_stored(load, &group->stored, &group->view.suite);
}

enum sp_err sp_mls_public_group_load(const struct sp_mls_env *env, struct sp_mls_public_group **out, const struct sp_mls_row *rows, size_t n)
{
	struct sp_mls_call call;
	struct load load = {.rows = rows, .n = n};
	*out = NULL;
	SP_TRY(sp__mls_call_open(&call, &env));
	*out = sp_alloc(sizeof **out);
	enum sp_err e = *out ? as_damage(env, load_public(&load, *out)) : SP_ERR_NOMEM;
	if (e != SP_OK)
		sp_mls_public_group_free(out);
	return e;
}
