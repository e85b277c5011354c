/* SPDX-License-Identifier: Apache-2.0
 *
 * Leaving an epoch: what is kept of it, for how long, and the rows of the move. RFC 9420 sections 8.6, 9.2 and 15.3.
 */
#include "mls/group_priv.h"

#include "base/limits.h"

#define DEFAULT_PAST_EPOCHS 3u
#define DEFAULT_PAST_AGE_MS (7ll * 24 * 3600 * 1000)
#define DEFAULT_RESUMPTION_EPOCHS 8u

void sp__mls_past_free(struct sp_mls_past **past)
{
	struct sp_mls_past *p = *past;
	if (!p)
		return;
	sp__mls_secret_tree_free(&p->secrets);
	sp_buf_clear(&p->context_buf);
	sp_buf_clear(&p->changed);
	sp_free_secret(p, sizeof *p);
	*past = NULL;
}

/* Both lists are newest first: everything after the first one too old goes. */
void sp__mls_past_free_before(struct sp_mls_past **list, uint64_t from)
{
	while (*list && (*list)->context.epoch >= from)
		list = &(*list)->next;
	while (*list) {
		struct sp_mls_past *next = (*list)->next;
		sp__mls_past_free(list);
		*list = next;
	}
}

void sp__mls_resumption_free_before(struct sp_mls_resumption **list, uint64_t from)
{
	while (*list && (*list)->epoch >= from)
		list = &(*list)->next;
	while (*list) {
		struct sp_mls_resumption *next = (*list)->next;
		sp_free_secret(*list, sizeof **list);
		*list = next;
	}
}

void sp__mls_past_free_all(struct sp_mls_past **past, struct sp_mls_resumption **resumption)
{
	while (*past) {
		struct sp_mls_past *next = (*past)->next;
		sp__mls_past_free(past);
		*past = next;
	}
	while (*resumption) {
		struct sp_mls_resumption *next = (*resumption)->next;
		sp_free_secret(*resumption, sizeof **resumption);
		*resumption = next;
	}
}

const struct sp_mls_past *sp__mls_past_find(const struct sp_mls_past *list, uint64_t epoch)
{
	for (const struct sp_mls_past *p = list; p; p = p->next) {
		if (p->context.epoch == epoch)
			return p;
	}
	return NULL;
}

const struct sp_secret *sp__mls_group_resumption(const struct sp_mls_group *group, uint64_t epoch)
{
	if (epoch == group->view.context.epoch && group->core.secrets.resumption.n != 0)
		return &group->core.secrets.resumption;
	for (const struct sp_mls_resumption *r = group->resumption; r; r = r->next) {
		if (r->epoch == epoch)
			return &r->psk;
	}
	return NULL;
}

/* -- the roster of a past epoch: today's, with the changes since undone ------------------------------------------------------- */

/* Is the leaf among those that changed when p was left? Then *out is how it was (empty: blank). */
static enum sp_err changed_leaf(const struct sp_mls_past *p, uint32_t leaf, bool *found, struct sp_bytes *out)
{
	struct sp_reader r = sp_reader_of(sp_buf_bytes(&p->changed));
	*found = false;
	while (!sp_reader_is_empty(&r)) {
		uint32_t at;
		struct sp_bytes node;
		SP_TRY(sp_read_u32(&r, &at));
		SP_TRY(sp_read_vec(&r, &node, SP_LIMIT_MLS_VECTOR));
		if (at != leaf)
			continue;
		*found = true;
		*out = node;
		return SP_OK;
	}
	return SP_OK;
}

enum sp_err sp__mls_past_leaf(const struct sp_mls_group *group, uint64_t epoch, uint32_t leaf, struct sp_mls_leaf_node *scratch,
			      const struct sp_mls_leaf_node **out)
{
	uint64_t best = UINT64_MAX; /* the earliest change at or after that epoch says how the leaf was */
	struct sp_bytes node = SP_BYTES_NONE;
	*out = NULL;
	for (const struct sp_mls_past *p = group->past; p; p = p->next) {
		bool found;
		struct sp_bytes was;
		if (p->context.epoch < epoch)
			break;
		SP_TRY(changed_leaf(p, leaf, &found, &was));
		if (!found)
			continue;
		best = p->context.epoch;
		node = was;
	}
	if (best == UINT64_MAX) {
		*out = sp__mls_view_leaf(&group->view, leaf);
		return SP_OK;
	}
	if (node.n == 0)
		return SP_OK;
	struct sp_reader r = sp_reader_of(node);
	SP_TRY(sp__mls_leaf_node_read(&r, scratch, NULL));
	*out = scratch;
	return SP_OK;
}

/* -- retention --------------------------------------------------------------------------------------------------------------------- */

static uint32_t count_of(uint32_t configured, uint32_t otherwise)
{
	return configured == SP_MLS_NONE ? 0 : configured ? configured : otherwise;
}

/* The oldest epochs to keep when the group is at `epoch`. */
void sp__mls_retention(const struct sp_mls_env *env, const struct sp_mls_group *group, uint64_t epoch, uint64_t *out_past_from, uint64_t *out_resumption_from)
{
	const struct sp_mls_limits none = {0};
	const struct sp_mls_limits *l = env->limits ? env->limits : &none;
	uint32_t past = count_of(l->past_epochs, DEFAULT_PAST_EPOCHS);
	uint32_t resumption = count_of(l->resumption_epochs, DEFAULT_RESUMPTION_EPOCHS);
	int64_t age = l->past_epoch_age_ms ? l->past_epoch_age_ms : DEFAULT_PAST_AGE_MS;
	*out_past_from = epoch > past ? epoch - past : 0;
	*out_resumption_from = epoch > resumption ? epoch - resumption : 0;
	for (const struct sp_mls_past *p = group->past; p; p = p->next) {
		if (env->now.ms - p->left.ms > age && p->context.epoch + 1 > *out_past_from)
			*out_past_from = p->context.epoch + 1;
	}
}

static enum sp_err note_changed(struct sp_buf *out, const struct sp_mls_view *before, const struct sp_mls_tree_diff *diff)
{
	struct sp_writer w = sp_writer_on(out);
	uint32_t leaf;
	for (size_t i = 0; (leaf = sp__mls_tree_diff_changed_leaf(diff, i)) != SP_MLS_LEAF_NONE; i++) {
		const struct sp_mls_leaf_node *was = sp__mls_view_leaf(before, leaf);
		sp_write_u32(&w, leaf);
		sp_write_vec(&w, was ? was->encoded : SP_BYTES_NONE);
	}
	return sp_writer_finish(&w);
}

static enum sp_err fill_past(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_next *next)
{
	struct sp_mls_past *p = next->past = sp_alloc(sizeof *p);
	if (!p)
		return SP_ERR_NOMEM;
	sp_buf_init(&p->context_buf, SP_LIMIT_MLS_VECTOR);
	sp_buf_init(&p->changed, SP_LIMIT_MLS_VECTOR);
	p->left = env->now;
	p->leaf_width = sp__mls_view_leaf_width(&group->view);
	p->sender_data = group->core.secrets.sender_data;
	p->exporter = group->core.secrets.exporter;
	SP_TRY(sp_buf_append(&p->context_buf, group->view.context.encoded));
	struct sp_reader r = sp_reader_of(sp_buf_bytes(&p->context_buf));
	SP_TRY(sp__mls_context_read(&r, &p->context, NULL));
	return note_changed(&p->changed, &group->view, next->view.diff);
}

static enum sp_err fill_resumption(const struct sp_mls_group *group, struct sp_mls_next *next)
{
	next->resumption = sp_alloc(sizeof *next->resumption);
	if (!next->resumption)
		return SP_ERR_NOMEM;
	next->resumption->epoch = group->view.context.epoch;
	next->resumption->psk = group->core.secrets.resumption;
	return SP_OK;
}

static enum sp_err put_expired(struct sp_mls_row_set *rows, const struct sp_mls_group *group, uint64_t past_from, uint64_t resumption_from)
{
	for (const struct sp_mls_past *p = group->past; p; p = p->next) {
		if (p->context.epoch < past_from)
			SP_TRY(sp__mls_rows_drop_past(rows, p));
	}
	for (const struct sp_mls_resumption *r = group->resumption; r; r = r->next) {
		if (r->epoch < resumption_from)
			SP_TRY(sp__mls_rows_resumption(rows, r, true));
	}
	return SP_OK;
}

/* The old epoch's own rows: kept with the step that opened the commit, or all gone. */
static enum sp_err put_left(struct sp_mls_row_set *rows, const struct sp_mls_group *group, const struct sp_mls_staged *staged)
{
	const struct sp_mls_next *next = staged->next;
	if (!next->past)
		return sp__mls_secret_tree_rows(group->secrets, rows, true);
	if (staged->step)
		SP_TRY(sp__mls_secret_step_rows(staged->step, rows));
	return sp__mls_rows_past(rows, next->past);
}

static enum sp_err put_rows(struct sp_mls_row_set *rows, const struct sp_mls_group *group, const struct sp_mls_staged *staged)
{
	const struct sp_mls_next *next = staged->next;
	SP_TRY(sp__mls_rows_record(rows, &next->view, &next->core));
	SP_TRY(sp__mls_rows_diff(rows, next->view.diff));
	SP_TRY(put_left(rows, group, staged));
	SP_TRY(sp__mls_secret_tree_rows(next->secrets, rows, false));
	if (next->resumption)
		SP_TRY(sp__mls_rows_resumption(rows, next->resumption, false));
	SP_TRY(put_expired(rows, group, next->past_from, next->resumption_from));
	SP_TRY(sp__mls_rows_forget(rows, group->stored));
	return group->pending ? sp__mls_rows_drop_pending(rows) : SP_OK;
}

enum sp_err sp__mls_next_finish(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged *staged)
{
	struct sp_mls_next *next = staged->next;
	const struct sp_mls_context *context = &next->view.context;
	sp__mls_retention(env, group, context->epoch, &next->past_from, &next->resumption_from);
	SP_TRY(sp__mls_secret_tree_new(&next->secrets, &next->view.suite, sp__mls_view_leaf_width(&next->view), context->epoch, &next->encryption));
	sp_secret_clear(&next->encryption);
	if (next->past_from < context->epoch)
		SP_TRY(fill_past(env, group, next));
	if (next->resumption_from < context->epoch)
		SP_TRY(fill_resumption(group, next));
	staged->drops_pending = group->pending != NULL;
	SP_TRY(put_rows(&staged->rows, group, staged));
	return sp__mls_tree_diff_prepare(next->view.diff);
}

/* -- expiry on its own ---------------------------------------------------------------------------------------------------------------- */

static enum sp_err stage_expire(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged *staged)
{
	sp__mls_retention(env, group, group->view.context.epoch, &staged->expire_past_from, &staged->expire_resumption_from);
	staged->expires = true;
	return put_expired(&staged->rows, group, staged->expire_past_from, staged->expire_resumption_from);
}

enum sp_err sp_mls_group_expire(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged **out)
{
	struct sp_mls_call call;
	*out = NULL;
	SP_TRY(sp__mls_call_open(&call, &env));
	struct sp_mls_staged *staged = NULL;
	enum sp_err e = sp__mls_staged_new(&staged, SP_MLS_STAGED_DISCARD, group, group->serial);
	if (e == SP_OK)
		e = stage_expire(env, group, staged);
	return sp__mls_staged_finish(out, &staged, e);
}
