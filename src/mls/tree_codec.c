/* SPDX-License-Identifier: Apache-2.0
 *
 * The ratchet_tree extension, RFC 9420 section 12.4.3.3: optional<Node> ratchet_tree<V>.
 */
#include "mls/tree_store_priv.h"

#include "base/limits.h"

/* -- decoding ------------------------------------------------------------------------------------------------------- */

/* A first pass finds how many nodes there are, so that nothing is allocated from a number that a peer merely names.
 * Each entry is at least one octet: the array is at most 16 times the input. */
static enum sp_err count_nodes(struct sp_bytes content, uint32_t *out, struct sp_diag *diag)
{
	struct sp_reader r = sp_reader_of(content);
	bool present = false;
	*out = 0;
	while (!sp_reader_is_empty(&r)) {
		if (*out == sp__mls_node_count(SP_LIMIT_MLS_LEAVES))
			return SP_RULE(diag, SP_ERR_TOO_MANY, 167);
		SP_TRY(sp_read_optional(&r, &present));
		if (present)
			SP_TRY(sp__mls_tree_node_skip(&r, diag));
		(*out)++;
	}
	if (*out == 0)
		return SP_RULE(diag, SP_ERR_INVALID, 167);
	return present ? SP_OK : SP_RULE(diag, SP_ERR_INVALID, 160);
}

/* A node goes where its kind belongs; the other place stays NULL. */
static enum sp_err read_node(struct sp_reader *r, struct sp_mls_tree *tree, struct sp_node_index x, struct sp_diag *diag)
{
	struct sp_mls_tree_leaf *leaf;
	struct sp_mls_tree_parent *parent;
	SP_TRY(sp__mls_tree_node_read(r, &leaf, &parent, diag));
	if (leaf && sp__mls_node_is_leaf(x))
		tree->leaf[x.v / 2] = leaf;
	else if (parent && !sp__mls_node_is_leaf(x))
		tree->parent[x.v / 2] = parent;
	else {
		sp__mls_tree_leaf_free(&leaf);
		sp__mls_tree_parent_free(&parent);
		return SP_RULE(diag, SP_ERR_INVALID, 161);
	}
	return SP_OK;
}

static enum sp_err check_key(const struct sp_mls_suite *suite, struct sp_bytes key, struct sp_diag *diag)
{
	enum sp_err e = sp_kem_public_check(suite->hpke.kem, key);
	return e == SP_OK || e == SP_ERR_NOMEM ? e : SP_RULE(diag, SP_ERR_INVALID, 166);
}

static enum sp_err fill(struct sp_mls_tree *tree, struct sp_bytes content, struct sp_diag *diag)
{
	struct sp_reader r = sp_reader_of(content);
	for (struct sp_node_index x = {0}; !sp_reader_is_empty(&r); x.v++) {
		bool present;
		SP_TRY(sp_read_optional(&r, &present));
		if (!present)
			continue;
		SP_TRY(read_node(&r, tree, x, diag));
		if (!sp__mls_node_is_leaf(x))
			SP_TRY(check_key(&tree->suite, sp__mls_parent_key(tree->parent[x.v / 2]), diag));
	}
	return sp__mls_tree_finish(tree, diag);
}

enum sp_err sp__mls_tree_decode(struct sp_mls_tree **out, const struct sp_mls_suite *suite, struct sp_bytes ratchet_tree, struct sp_diag *diag)
{
	struct sp_reader r = sp_reader_of(ratchet_tree);
	struct sp_bytes content;
	uint32_t nodes;
	*out = NULL;
	SP_TRY(sp_read_vec(&r, &content, SP_LIMIT_MLS_VECTOR));
	SP_TRY(sp_reader_finish(&r));
	SP_TRY(count_nodes(content, &nodes, diag));
	SP_TRY(sp__mls_tree_alloc(out, suite, sp__mls_width_for(nodes / 2 + 1)));
	enum sp_err e = fill(*out, content, diag);
	if (e != SP_OK)
		sp__mls_tree_free(out);
	return e;
}

/* -- encoding ------------------------------------------------------------------------------------------------------- */

static void write_node(struct sp_writer *w, struct sp_mls_tree_view v, struct sp_node_index x)
{
	if (sp__mls_node_is_leaf(x)) {
		const struct sp_mls_tree_leaf *leaf = sp__mls_treeview_leaf(v, sp__mls_leaf_of_node(x));
		sp_write_optional(w, leaf != NULL);
		if (leaf)
			sp__mls_tree_leaf_write(w, leaf);
		return;
	}
	const struct sp_mls_tree_parent *parent = sp__mls_treeview_parent(v, x);
	sp_write_optional(w, parent != NULL);
	if (parent)
		sp__mls_tree_parent_write(w, parent);
}

/* "the sender MUST NOT include blank nodes after the last non-blank node" */
static uint32_t used_nodes(struct sp_mls_tree_view v)
{
	uint32_t n = sp__mls_node_count(sp__mls_treeview_width(v));
	while (n > 0 && sp__mls_treeview_key(v, (struct sp_node_index){n - 1}).n == 0)
		n--;
	return n;
}

static enum sp_err encode(struct sp_mls_tree_view v, struct sp_buf *out)
{
	struct sp_writer w = sp_writer_on(out);
	uint32_t n = used_nodes(v);
	size_t mark = sp_write_open(&w);
	for (uint32_t i = 0; i < n; i++)
		write_node(&w, v, (struct sp_node_index){i});
	sp_write_close(&w, mark);
	return sp_writer_finish(&w);
}

enum sp_err sp__mls_tree_encode(const struct sp_mls_tree *tree, struct sp_buf *out)
{
	return encode(sp__mls_treeview_of(tree), out);
}

enum sp_err sp__mls_tree_diff_encode(const struct sp_mls_tree_diff *diff, struct sp_buf *out)
{
	return encode(sp__mls_treeview_of_diff(diff), out);
}
