/* SPDX-License-Identifier: Apache-2.0
 *
 * The epoch to come: its key schedule (RFC 9420 sections 8 and 12.4.1), and its encoding inside of a pending commit.
 */
#include "mls/group_priv.h"

#include "base/limits.h"

void sp__mls_core_init(struct sp_mls_core *core)
{
	*core = (struct sp_mls_core){0};
	sp_buf_init(&core->reinit, SP_LIMIT_MLS_VECTOR);
}

void sp__mls_core_clear(struct sp_mls_core *core)
{
	sp__mls_epoch_secrets_clear(&core->secrets);
	sp__mls_path_keys_clear(&core->keys);
	sp_buf_clear(&core->reinit);
	sp__mls_core_init(core);
}

enum sp_err sp__mls_next_new(struct sp_mls_next **out)
{
	*out = sp_alloc(sizeof **out);
	if (!*out)
		return SP_ERR_NOMEM;
	sp__mls_core_init(&(*out)->core);
	return SP_OK;
}

void sp__mls_next_free(struct sp_mls_next **next)
{
	struct sp_mls_next *n = *next;
	if (!n)
		return;
	sp__mls_tree_diff_free(&n->view.diff);
	sp__mls_view_clear(&n->view);
	sp__mls_core_clear(&n->core);
	sp__mls_secret_tree_free(&n->secrets);
	sp__mls_past_free(&n->past);
	sp_free_secret(n->resumption, sizeof *n->resumption);
	sp_free_secret(n, sizeof *n);
	*next = NULL;
}

/* -- key schedule --------------------------------------------------------------------------------------------------------- */

void sp__mls_schedule_clear(struct sp_mls_schedule *s)
{
	sp_wipe(s, sizeof *s);
}

static enum sp_err confirm(struct sp_mls_next *next)
{
	struct sp_secret tag = {0};
	const struct sp_mls_suite *suite = &next->view.suite;
	struct sp_bytes confirmed = next->view.context.confirmed_transcript_hash;
	SP_TRY(sp__mls_confirmation_tag(&tag, suite, &next->core.secrets.confirmation, confirmed));
	next->view.confirmation_tag.n = tag.n; /* a tag is sent in the clear: no longer a secret */
	sp_copy(next->view.confirmation_tag.b, tag.b, tag.n);
	return sp__mls_interim_hash(&next->core.interim, suite, confirmed, sp_secret_bytes(&tag));
}

enum sp_err sp__mls_next_derive(struct sp_mls_next *next, struct sp_mls_schedule *s)
{
	const struct sp_mls_suite *suite = &next->view.suite;
	struct sp_bytes context = next->view.context.encoded;
	SP_TRY(sp__mls_joiner_secret(&s->joiner, suite, &s->init, &s->commit, context));
	SP_TRY(sp__mls_member_secret(&s->member, suite, &s->joiner, &s->psk));
	SP_TRY(sp__mls_epoch_secret(&s->epoch, suite, &s->member, context));
	SP_TRY(sp__mls_epoch_derive(&next->core.secrets, &next->encryption, suite, &s->epoch));
	return confirm(next);
}

/* -- encoding -------------------------------------------------------------------------------------------------------------- */

static enum sp_err put_node(void *ctx, uint32_t node, struct sp_bytes value, bool removed)
{
	struct sp_writer *w = ctx;
	sp_write_u32(w, node);
	sp_write_optional(w, !removed);
	if (!removed)
		sp_write_vec(w, value);
	return w->err;
}

/* struct {
 *     Record record;
 *     opaque encryption_secret<V>;
 *     struct { uint32 index; optional<opaque<V>> node; } changed<V>;
 * } Next; */
enum sp_err sp__mls_next_encode(struct sp_buf *out, const struct sp_mls_next *next)
{
	SP_TRY(sp__mls_record_encode(out, &next->view, &next->core, NULL));
	struct sp_writer w = sp_writer_on(out);
	const struct sp_mls_node_sink sink = {put_node, &w};
	sp_write_vec(&w, sp_secret_bytes(&next->encryption));
	size_t mark = sp_write_open(&w);
	SP_TRY(sp__mls_tree_diff_rows(next->view.diff, &sink));
	sp_write_close(&w, mark);
	return sp_writer_finish(&w);
}

static enum sp_err read_nodes(struct sp_reader *list, struct sp_mls_tree_diff *diff)
{
	while (!sp_reader_is_empty(list)) {
		uint32_t index;
		bool present;
		struct sp_bytes value = SP_BYTES_NONE;
		SP_TRY(sp_read_u32(list, &index));
		SP_TRY(sp_read_optional(list, &present));
		if (present)
			SP_TRY(sp_read_vec(list, &value, SP_LIMIT_MLS_VECTOR));
		SP_TRY(sp__mls_tree_diff_load_row(diff, index, value, !present));
	}
	return SP_OK;
}

static enum sp_err decode(struct sp_mls_next *next, const struct sp_mls_view *before, struct sp_bytes in)
{
	struct sp_reader r = sp_reader_of(in), nodes;
	struct sp_bytes encryption;
	struct sp_hash tree_hash;
	uint32_t width;
	SP_TRY(sp__mls_record_decode(&r, &next->view, &width, &next->core, NULL));
	SP_TRY(sp_read_vec(&r, &encryption, SP_SECRET_MAX));
	SP_TRY(sp_secret_set(&next->encryption, encryption));
	SP_TRY(sp_read_child(&r, &nodes, SP_LIMIT_MLS_VECTOR));
	SP_TRY(sp_reader_finish(&r));
	next->view.tree = before->tree;
	SP_TRY(sp__mls_tree_diff_new(&next->view.diff, before->tree));
	SP_TRY(sp__mls_tree_diff_load_width(next->view.diff, width));
	SP_TRY(read_nodes(&nodes, next->view.diff));
	SP_TRY(sp__mls_tree_diff_hash(next->view.diff, &tree_hash));
	return sp_bytes_equal(sp_hash_bytes(&tree_hash), next->view.context.tree_hash) ? SP_OK : SP_ERR_CORRUPT;
}

enum sp_err sp__mls_next_decode(struct sp_mls_next **out, const struct sp_mls_view *before, struct sp_bytes in)
{
	SP_TRY(sp__mls_next_new(out));
	enum sp_err e = decode(*out, before, in);
	if (e != SP_OK)
		sp__mls_next_free(out);
	return e;
}
