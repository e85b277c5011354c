/* SPDX-License-Identifier: Apache-2.0
 *
 * The staged change: what was found, what is to be stored, what apply will do.
 */
#include "mls/group_priv.h"

#include "base/limits.h"

enum sp_err sp__mls_staged_new(struct sp_mls_staged **out, enum sp_mls_staged_kind kind, const void *owner, uint64_t serial)
{
	struct sp_mls_staged *s = sp_alloc(sizeof *s);
	*out = s;
	if (!s)
		return SP_ERR_NOMEM;
	struct sp_buf *bufs[] = {&s->input, &s->plain, &s->framed, &s->message, &s->welcome, &s->group_info, &s->tree};
	for (size_t i = 0; i < SP_ARRAY_LEN(bufs); i++)
		sp_buf_init(bufs[i], SP_LIMIT_MLS_VECTOR);
	sp__mls_row_set_init(&s->rows);
	s->info.kind = kind;
	s->info.from.leaf = SP_MLS_LEAF_NONE;
	s->info.path_leaf.leaf = SP_MLS_LEAF_NONE;
	s->owner = owner;
	s->serial = serial;
	return SP_OK;
}

void sp__mls_pending_free(struct sp_mls_pending_commit **pending)
{
	struct sp_mls_pending_commit *p = *pending;
	if (!p)
		return;
	sp_buf_clear(&p->message);
	sp_buf_clear(&p->welcome);
	sp_buf_clear(&p->group_info);
	sp_buf_clear(&p->commit);
	sp_buf_clear(&p->next);
	sp_free_secret(p, sizeof *p);
	*pending = NULL;
}

void sp_mls_staged_free(struct sp_mls_staged **staged)
{
	struct sp_mls_staged *s = *staged;
	if (!s)
		return;
	struct sp_buf *bufs[] = {&s->input, &s->plain, &s->framed, &s->message, &s->welcome, &s->group_info, &s->tree};
	const struct sp_mls_next *with_diff = s->next ? s->next : s->shown;
	if (with_diff && with_diff->view.diff == s->transition.diff)
		s->transition.diff = NULL; /* one owner */
	sp__mls_next_free(&s->next);
	sp__mls_next_free(&s->shown);
	sp__mls_transition_clear(&s->transition);
	sp__mls_transition_clear(&s->lost);
	sp__mls_prop_clear(&s->one_prop);
	sp__mls_secret_step_free(&s->step);
	sp__mls_stored_free(&s->store);
	sp__mls_pending_free(&s->pending);
	sp__mls_row_set_clear(&s->rows);
	for (size_t i = 0; i < SP_ARRAY_LEN(bufs); i++)
		sp_buf_clear(bufs[i]);
	sp_free_secret(s, sizeof *s);
	*staged = NULL;
}

enum sp_err sp__mls_staged_take_input(struct sp_mls_staged *staged, struct sp_bytes message)
{
	return sp_buf_append(&staged->input, message);
}

void sp__mls_staged_show_list(struct sp_mls_staged *staged)
{
	staged->info.proposals = staged->transition.pubs;
	staged->info.n_proposals = staged->transition.n_props;
}

enum sp_err sp__mls_staged_finish(struct sp_mls_staged **out, struct sp_mls_staged **staged, enum sp_err e)
{
	*out = NULL;
	if (e != SP_OK) {
		sp_mls_staged_free(staged);
		return e;
	}
	struct sp_mls_staged *s = *staged;
	sp__mls_row_set_seal(&s->rows);
	s->info.message = sp_buf_bytes(&s->message);
	s->info.welcome = sp_buf_bytes(&s->welcome);
	s->info.group_info = sp_buf_bytes(&s->group_info);
	s->info.ratchet_tree = sp_buf_bytes(&s->tree);
	*out = s;
	*staged = NULL;
	return SP_OK;
}

/* -- public face -------------------------------------------------------------------------------------------------------------- */

const struct sp_mls_staged_info *sp_mls_staged_info(const struct sp_mls_staged *staged)
{
	return &staged->info;
}

const struct sp_mls_view *sp_mls_staged_after(const struct sp_mls_staged *staged)
{
	const struct sp_mls_next *next = staged->next ? staged->next : staged->shown;
	return next ? &next->view : NULL;
}

struct sp_mls_rows sp_mls_staged_write_set(const struct sp_mls_staged *staged)
{
	return sp_mls_row_set_rows(&staged->rows);
}

/* -- apply: nothing here allocates or fails -------------------------------------------------------------------------------------- */

static void forget_one(struct sp_mls_stored **list, struct sp_bytes ref)
{
	for (struct sp_mls_stored **at = list; *at; at = &(*at)->next) {
		if (!sp_bytes_equal(sp_hash_bytes(&(*at)->ref), ref))
			continue;
		struct sp_mls_stored *next = (*at)->next;
		sp__mls_stored_free(at);
		*at = next;
		return;
	}
}

void sp__mls_apply_stored(struct sp_mls_stored **list, struct sp_mls_staged *staged)
{
	if (staged->next || staged->forgets_all || staged->removes_us)
		sp__mls_stored_free_all(list);
	if (staged->forgets.n != 0)
		forget_one(list, sp_hash_bytes(&staged->forgets));
	if (!staged->store)
		return;
	while (*list)
		list = &(*list)->next;
	*list = staged->store;
	staged->store = NULL;
}

/* The view moves on; the tree itself takes the diff. */
void sp__mls_apply_view(struct sp_mls_view *view, struct sp_mls_next *next)
{
	sp__mls_tree_apply(view->tree, &next->view.diff);
	sp_buf_clear(&view->context_buf);
	view->context_buf = next->view.context_buf;
	view->context = next->view.context;
	view->confirmation_tag = next->view.confirmation_tag;
	next->view.context_buf = (struct sp_buf){0};
}

static void apply_next(struct sp_mls_group *group, struct sp_mls_next *next)
{
	if (next->past) {
		next->past->secrets = group->secrets; /* moves */
		next->past->next = group->past;
		group->past = next->past;
		next->past = NULL;
	} else {
		sp__mls_secret_tree_free(&group->secrets);
	}
	if (next->resumption) {
		next->resumption->next = group->resumption;
		group->resumption = next->resumption;
		next->resumption = NULL;
	}
	sp__mls_past_free_before(&group->past, next->past_from);
	sp__mls_resumption_free_before(&group->resumption, next->resumption_from);
	group->secrets = next->secrets;
	next->secrets = NULL;
	sp__mls_core_clear(&group->core);
	group->core = next->core;
	sp_wipe(&next->core, sizeof next->core);
	sp__mls_apply_view(&group->view, next);
}

static void apply_step(struct sp_mls_group *group, struct sp_mls_staged *staged)
{
	struct sp_mls_secret_tree *tree = group->secrets;
	for (struct sp_mls_past *p = group->past; p; p = p->next) {
		if (p->context.epoch == staged->step_epoch)
			tree = p->secrets;
	}
	sp__mls_secret_tree_apply(tree, &staged->step);
}

/* We were removed: what could still make or read a later epoch goes; late messages of this one can be opened. */
static void apply_removal(struct sp_mls_group *group)
{
	struct sp_secret sender_data = group->core.secrets.sender_data;
	sp__mls_core_clear(&group->core);
	group->core.secrets.sender_data = sender_data;
	group->core.keys.leaf = SP_MLS_LEAF_NONE;
	group->core.state = SP_MLS_GROUP_REMOVED;
	sp_secret_clear(&sender_data);
}

static void apply(struct sp_mls_group *group, struct sp_mls_staged *staged)
{
	if (staged->step)
		apply_step(group, staged);
	sp__mls_apply_stored(&group->stored, staged);
	if (staged->drops_pending)
		sp__mls_pending_free(&group->pending);
	if (staged->pending) {
		group->pending = staged->pending;
		staged->pending = NULL;
	}
	if (staged->expires) {
		sp__mls_past_free_before(&group->past, staged->expire_past_from);
		sp__mls_resumption_free_before(&group->resumption, staged->expire_resumption_from);
	}
	if (staged->removes_us)
		apply_removal(group);
	else if (staged->next)
		apply_next(group, staged->next);
	group->serial++;
}

enum sp_err sp_mls_group_apply(struct sp_mls_group *group, struct sp_mls_staged **staged)
{
	if (!*staged || (*staged)->owner != group || (*staged)->serial != group->serial)
		return SP_ERR_USAGE;
	apply(group, *staged);
	if ((*staged)->next)
		(*staged)->transition.diff = NULL; /* went into the tree */
	sp_mls_staged_free(staged);
	return SP_OK;
}

enum sp_err sp_mls_public_group_apply(struct sp_mls_public_group *group, struct sp_mls_staged **staged)
{
	if (!*staged || (*staged)->owner != group || (*staged)->serial != group->serial)
		return SP_ERR_USAGE;
	sp__mls_apply_stored(&group->stored, *staged);
	if ((*staged)->next) {
		sp__mls_apply_view(&group->view, (*staged)->next);
		group->interim = (*staged)->public_interim;
		(*staged)->transition.diff = NULL;
	}
	group->serial++;
	sp_mls_staged_free(staged);
	return SP_OK;
}
