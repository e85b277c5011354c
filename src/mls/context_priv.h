/* SPDX-License-Identifier: Apache-2.0
 *
 * GroupContext (RFC 9420 section 8.1) and the view of a group built on it.
 */
#ifndef SP_MLS_CONTEXT_PRIV_H
#define SP_MLS_CONTEXT_PRIV_H

#include "mls/tree_priv.h"

/* A decoded GroupContext; everything borrows from `encoded`. */
struct sp_mls_context {
	struct sp_bytes encoded;
	uint16_t suite;
	struct sp_bytes group_id;
	uint64_t epoch;
	struct sp_bytes tree_hash;
	struct sp_bytes confirmed_transcript_hash;
	struct sp_bytes extensions; /* content */
};
SP_MUST_USE enum sp_err sp__mls_context_read(struct sp_reader *r, struct sp_mls_context *out, struct sp_diag *diag);
/* Appends the encoding of the fields (`encoded` is not looked at). */
SP_MUST_USE enum sp_err sp__mls_context_encode(struct sp_buf *out, const struct sp_mls_context *context);

/* What is public at one epoch. Owns its encoded context and, when `tree_is_owned`, its tree. A staged view reads through a diff. */
struct sp_mls_view {
	struct sp_mls_suite suite;
	struct sp_buf context_buf;
	struct sp_mls_context context;
	struct sp_hash confirmation_tag; /* n == 0 while not known */
	struct sp_mls_tree *tree;        /* owned by a group's view; borrowed by a staged one */
	struct sp_mls_tree_diff *diff;   /* staged views: reads go through it; owned by the staged object */
};
/* Encodes fields as the view's new context (replaces it). On failure the view has no context. */
SP_MUST_USE enum sp_err sp__mls_view_set_context(struct sp_mls_view *view, const struct sp_mls_context *fields);
/* Clears context and forgets tree and diff, which it does not free. */
void sp__mls_view_clear(struct sp_mls_view *view);
/* The leaf, through the diff if there is one; NULL when blank. */
const struct sp_mls_leaf_node *sp__mls_view_leaf(const struct sp_mls_view *view, uint32_t leaf);
uint32_t sp__mls_view_leaf_width(const struct sp_mls_view *view);
SP_MUST_USE enum sp_err sp__mls_view_verify_key(const struct sp_mls_view *view, uint32_t leaf, const struct sp_verify_key **out);
struct sp_mls_tree_context sp__mls_view_tree_context(const struct sp_mls_view *view);

#endif
