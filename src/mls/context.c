/* SPDX-License-Identifier: Apache-2.0
 *
 * GroupContext (RFC 9420 section 8.1), and the view: context and roster of a group, or of what it will be.
 */
#include "mls/context_priv.h"

#include "base/limits.h"

/* struct {
 *     ProtocolVersion version = mls10;
 *     CipherSuite cipher_suite;
 *     opaque group_id<V>;
 *     uint64 epoch;
 *     opaque tree_hash<V>;
 *     opaque confirmed_transcript_hash<V>;
 *     Extension extensions<V>;
 * } GroupContext; */
enum sp_err sp__mls_context_read(struct sp_reader *r, struct sp_mls_context *out, struct sp_diag *diag)
{
	struct sp_bytes before = r->rest;
	uint16_t version;
	*out = (struct sp_mls_context){0};
	SP_TRY(sp_read_u16(r, &version));
	if (version != SP_MLS_VERSION_10)
		return SP_RULE(diag, SP_ERR_UNSUPPORTED, 1);
	SP_TRY(sp_read_u16(r, &out->suite));
	SP_TRY(sp_read_vec(r, &out->group_id, SP_LIMIT_MLS_VECTOR));
	SP_TRY(sp_read_u64(r, &out->epoch));
	SP_TRY(sp_read_vec(r, &out->tree_hash, SP_HASH_MAX));
	SP_TRY(sp_read_vec(r, &out->confirmed_transcript_hash, SP_HASH_MAX));
	SP_TRY(sp__mls_extensions_read(r, &out->extensions, diag));
	out->encoded = (struct sp_bytes){before.p, before.n - r->rest.n};
	return SP_OK;
}

enum sp_err sp__mls_context_encode(struct sp_buf *out, const struct sp_mls_context *context)
{
	struct sp_writer w = sp_writer_on(out);
	sp_write_u16(&w, SP_MLS_VERSION_10);
	sp_write_u16(&w, context->suite);
	sp_write_vec(&w, context->group_id);
	sp_write_u64(&w, context->epoch);
	sp_write_vec(&w, context->tree_hash);
	sp_write_vec(&w, context->confirmed_transcript_hash);
	sp_write_vec(&w, context->extensions);
	return sp_writer_finish(&w);
}

/* -- the view ------------------------------------------------------------------------------------------------------- */

static enum sp_err fill_context(struct sp_mls_view *view, struct sp_buf *buf, const struct sp_mls_context *fields)
{
	struct sp_mls_context read;
	SP_TRY(sp__mls_context_encode(buf, fields));
	struct sp_reader r = sp_reader_of(sp_buf_bytes(buf));
	SP_TRY(sp__mls_context_read(&r, &read, NULL));
	sp_buf_clear(&view->context_buf);
	view->context_buf = *buf; /* ownership moves; the heap block, and what borrows from it, stays where it is */
	view->context = read;
	return SP_OK;
}

enum sp_err sp__mls_view_set_context(struct sp_mls_view *view, const struct sp_mls_context *fields)
{
	struct sp_buf buf;
	sp_buf_init(&buf, SP_LIMIT_MLS_VECTOR);
	enum sp_err e = fill_context(view, &buf, fields); /* fields may borrow from the old context: it goes last */
	if (e != SP_OK)
		sp_buf_clear(&buf);
	return e;
}

void sp__mls_view_clear(struct sp_mls_view *view)
{
	sp_buf_clear(&view->context_buf);
	*view = (struct sp_mls_view){0};
}

const struct sp_mls_leaf_node *sp__mls_view_leaf(const struct sp_mls_view *view, uint32_t leaf)
{
	return view->diff ? sp__mls_tree_diff_leaf(view->diff, leaf) : sp__mls_tree_leaf(view->tree, leaf);
}

uint32_t sp__mls_view_leaf_width(const struct sp_mls_view *view)
{
	return view->diff ? sp__mls_tree_diff_leaf_width(view->diff) : sp__mls_tree_leaf_width(view->tree);
}

enum sp_err sp__mls_view_verify_key(const struct sp_mls_view *view, uint32_t leaf, const struct sp_verify_key **out)
{
	return view->diff ? sp__mls_tree_diff_verify_key(view->diff, leaf, out) : sp__mls_tree_verify_key(view->tree, leaf, out);
}

struct sp_mls_tree_context sp__mls_view_tree_context(const struct sp_mls_view *view)
{
	return (struct sp_mls_tree_context){
		.group_id = view->context.group_id, .epoch = view->context.epoch, .extensions = view->context.extensions};
}

/* -- its public face ------------------------------------------------------------------------------------------------- */

struct sp_bytes sp_mls_view_group_id(const struct sp_mls_view *view)
{
	return view->context.group_id;
}

uint64_t sp_mls_view_epoch(const struct sp_mls_view *view)
{
	return view->context.epoch;
}

uint16_t sp_mls_view_suite(const struct sp_mls_view *view)
{
	return view->context.suite;
}

struct sp_bytes sp_mls_view_tree_hash(const struct sp_mls_view *view)
{
	return view->context.tree_hash;
}

struct sp_bytes sp_mls_view_confirmed_transcript_hash(const struct sp_mls_view *view)
{
	return view->context.confirmed_transcript_hash;
}

struct sp_bytes sp_mls_view_confirmation_tag(const struct sp_mls_view *view)
{
	return sp_hash_bytes(&view->confirmation_tag);
}

struct sp_bytes sp_mls_view_group_context(const struct sp_mls_view *view)
{
	return view->context.encoded;
}

enum sp_err sp_mls_view_extension(struct sp_bytes *out, const struct sp_mls_view *view, uint16_t type)
{
	*out = SP_BYTES_NONE;
	return sp__mls_extension_has(view->context.extensions, type, out) ? SP_OK : SP_ERR_NOT_FOUND;
}

enum sp_err sp_mls_view_extension_at(struct sp_mls_extension *out, const struct sp_mls_view *view, size_t index)
{
	struct sp_bytes rest = view->context.extensions;
	for (size_t i = 0; sp__mls_extension_has_next(&rest, out); i++) {
		if (i == index)
			return SP_OK;
	}
	*out = (struct sp_mls_extension){0};
	return SP_ERR_NOT_FOUND;
}

enum sp_err sp_mls_view_member(struct sp_mls_member *out, const struct sp_mls_view *view, uint32_t leaf)
{
	const struct sp_mls_leaf_node *node = sp__mls_view_leaf(view, leaf);
	*out = (struct sp_mls_member){.leaf = SP_MLS_LEAF_NONE};
	if (!node)
		return SP_ERR_NOT_FOUND;
	*out = sp__mls_leaf_member(node, leaf);
	return SP_OK;
}

enum sp_err sp_mls_view_next(struct sp_mls_member *out, const struct sp_mls_view *view, uint32_t leaf)
{
	uint32_t width = sp__mls_view_leaf_width(view);
	for (uint32_t i = leaf; i < width; i++) {
		if (sp_mls_view_member(out, view, i) == SP_OK)
			return SP_OK;
	}
	*out = (struct sp_mls_member){.leaf = SP_MLS_LEAF_NONE};
	return SP_ERR_NOT_FOUND;
}

uint32_t sp_mls_view_member_count(const struct sp_mls_view *view)
{
	return view->diff ? sp__mls_tree_diff_member_count(view->diff) : sp__mls_tree_member_count(view->tree);
}

enum sp_err sp_mls_view_ratchet_tree(const struct sp_mls_view *view, struct sp_buf *out)
{
	return view->diff ? sp__mls_tree_diff_encode(view->diff, out) : sp__mls_tree_encode(view->tree, out);
}
