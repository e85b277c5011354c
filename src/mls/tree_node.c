/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes of the ratchet tree, RFC 9420 sections 7.1 and 12.4.3.3.
 */
#include "mls/tree_store_priv.h"

#include "base/limits.h"

enum { NODE_LEAF = 1, NODE_PARENT = 2 }; /* NodeType */

/* -- leaves ------------------------------------------------------------------------------------------------------ */

static enum sp_err decode_leaf(struct sp_mls_tree_leaf *leaf, size_t n, struct sp_diag *diag)
{
	struct sp_reader r = sp_reader_of((struct sp_bytes){leaf->raw, n});
	SP_TRY(sp__mls_leaf_node_read(&r, &leaf->node, diag));
	return sp_reader_finish(&r);
}

enum sp_err sp__mls_tree_leaf_new(struct sp_mls_tree_leaf **out, struct sp_bytes encoded, struct sp_diag *diag)
{
	size_t size;
	*out = NULL;
	SP_TRY(sp_size_add(&size, sizeof **out, encoded.n));
	struct sp_mls_tree_leaf *leaf = sp_alloc(size);
	if (!leaf)
		return SP_ERR_NOMEM;
	sp_copy(leaf->raw, encoded.p, encoded.n);
	enum sp_err e = decode_leaf(leaf, encoded.n, diag);
	if (e != SP_OK)
		sp__mls_tree_leaf_free(&leaf);
	*out = leaf;
	return e;
}

void sp__mls_tree_leaf_free(struct sp_mls_tree_leaf **leaf)
{
	sp_free(*leaf);
	*leaf = NULL;
}

void sp__mls_tree_leaf_write(struct sp_writer *w, const struct sp_mls_tree_leaf *leaf)
{
	sp_write_u8(w, NODE_LEAF);
	sp_write_fixed(w, leaf->node.encoded);
}

/* -- parents ----------------------------------------------------------------------------------------------------- */

enum sp_err sp__mls_tree_parent_new(struct sp_mls_tree_parent **out, struct sp_bytes key, struct sp_bytes parent_hash)
{
	*out = NULL;
	if (key.n > UINT8_MAX || parent_hash.n > UINT8_MAX)
		return SP_ERR_TOO_LONG;
	struct sp_mls_tree_parent *p = sp_alloc(sizeof *p + key.n + parent_hash.n);
	if (!p)
		return SP_ERR_NOMEM;
	p->key_n = (uint8_t)key.n;
	p->hash_n = (uint8_t)parent_hash.n;
	sp_copy(p->data, key.p, key.n);
	sp_copy(p->data + key.n, parent_hash.p, parent_hash.n);
	*out = p;
	return SP_OK;
}

enum sp_err sp__mls_tree_parent_copy(struct sp_mls_tree_parent **out, const struct sp_mls_tree_parent *in)
{
	SP_TRY(sp__mls_tree_parent_new(out, sp__mls_parent_key(in), sp__mls_parent_hash_of(in)));
	struct sp_mls_tree_parent *p = *out;
	enum sp_err e = sp_array_grow(&p->unmerged, &p->cap_unmerged, in->n_unmerged, sizeof *p->unmerged, SP_MLS_WIDTH_MAX);
	if (e != SP_OK) {
		sp__mls_tree_parent_free(out);
		return e;
	}
	sp_copy(p->unmerged, in->unmerged, in->n_unmerged * sizeof *in->unmerged);
	p->n_unmerged = in->n_unmerged;
	return SP_OK;
}

void sp__mls_tree_parent_free(struct sp_mls_tree_parent **parent)
{
	if (*parent)
		sp_free((*parent)->unmerged);
	sp_free(*parent);
	*parent = NULL;
}

/* The place of the first entry that is not less. */
static size_t lower_bound(const struct sp_mls_tree_parent *p, uint32_t leaf)
{
	size_t low = 0, high = p->n_unmerged;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (p->unmerged[mid] < leaf)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool sp__mls_tree_parent_has_unmerged(const struct sp_mls_tree_parent *p, uint32_t leaf)
{
	size_t at = lower_bound(p, leaf);
	return at < p->n_unmerged && p->unmerged[at] == leaf;
}

enum sp_err sp__mls_tree_parent_add_unmerged(struct sp_mls_tree_parent *p, uint32_t leaf)
{
	size_t at = lower_bound(p, leaf);
	SP_TRY(sp_array_grow(&p->unmerged, &p->cap_unmerged, p->n_unmerged + 1, sizeof *p->unmerged, SP_MLS_WIDTH_MAX));
	for (size_t i = p->n_unmerged; i > at; i--)
		p->unmerged[i] = p->unmerged[i - 1];
	p->unmerged[at] = leaf;
	p->n_unmerged++;
	return SP_OK;
}

/* struct {
 *     HPKEPublicKey encryption_key;
 *     opaque parent_hash<V>;
 *     uint32 unmerged_leaves<V>;
 * } ParentNode; */
void sp__mls_tree_parent_write(struct sp_writer *w, const struct sp_mls_tree_parent *parent)
{
	sp_write_u8(w, NODE_PARENT);
	sp_write_vec(w, sp__mls_parent_key(parent));
	sp_write_vec(w, sp__mls_parent_hash_of(parent));
	size_t mark = sp_write_open(w);
	for (size_t i = 0; i < parent->n_unmerged; i++)
		sp_write_u32(w, parent->unmerged[i]);
	sp_write_close(w, mark);
}

/* Sorted in strictly increasing order; that they are descendants is for who knows the node's place. */
static enum sp_err read_unmerged(struct sp_bytes raw, struct sp_mls_tree_parent *p, struct sp_diag *diag)
{
	struct sp_reader r = sp_reader_of(raw);
	uint32_t leaf;
	if (raw.n % sizeof leaf != 0)
		return SP_ERR_ENCODING;
	SP_TRY(sp_array_grow(&p->unmerged, &p->cap_unmerged, raw.n / sizeof leaf, sizeof *p->unmerged, SP_MLS_WIDTH_MAX));
	while (!sp_reader_is_empty(&r)) {
		SP_TRY(sp_read_u32(&r, &leaf));
		if (p->n_unmerged > 0 && leaf <= p->unmerged[p->n_unmerged - 1])
			return SP_RULE(diag, SP_ERR_INVALID, 162);
		p->unmerged[p->n_unmerged++] = leaf;
	}
	return SP_OK;
}

static enum sp_err read_parent(struct sp_reader *r, struct sp_mls_tree_parent **out, struct sp_diag *diag)
{
	struct sp_bytes key, parent_hash, unmerged;
	*out = NULL;
	SP_TRY(sp_read_vec(r, &key, SP_KEM_PUBLIC_MAX));
	SP_TRY(sp_read_vec(r, &parent_hash, SP_HASH_MAX));
	SP_TRY(sp_read_vec(r, &unmerged, SP_LIMIT_MLS_VECTOR));
	SP_TRY(sp__mls_tree_parent_new(out, key, parent_hash));
	enum sp_err e = read_unmerged(unmerged, *out, diag);
	if (e != SP_OK)
		sp__mls_tree_parent_free(out);
	return e;
}

static enum sp_err read_leaf(struct sp_reader *r, struct sp_mls_tree_leaf **out, struct sp_diag *diag)
{
	struct sp_mls_leaf_node node;
	*out = NULL;
	SP_TRY(sp__mls_leaf_node_read(r, &node, diag));
	return sp__mls_tree_leaf_new(out, node.encoded, diag);
}

enum sp_err sp__mls_tree_node_skip(struct sp_reader *r, struct sp_diag *diag)
{
	struct sp_mls_leaf_node leaf;
	struct sp_bytes part;
	uint8_t type;
	SP_TRY(sp_read_u8(r, &type));
	if (type == NODE_LEAF)
		return sp__mls_leaf_node_read(r, &leaf, diag);
	if (type != NODE_PARENT)
		return SP_ERR_ENCODING;
	SP_TRY(sp_read_vec(r, &part, SP_KEM_PUBLIC_MAX));
	SP_TRY(sp_read_vec(r, &part, SP_HASH_MAX));
	return sp_read_vec(r, &part, SP_LIMIT_MLS_VECTOR);
}

enum sp_err sp__mls_tree_node_read(struct sp_reader *r, struct sp_mls_tree_leaf **out_leaf, struct sp_mls_tree_parent **out_parent,
				   struct sp_diag *diag)
{
	uint8_t type;
	*out_leaf = NULL;
	*out_parent = NULL;
	SP_TRY(sp_read_u8(r, &type));
	switch (type) {
	case NODE_LEAF:
		return read_leaf(r, out_leaf, diag);
	case NODE_PARENT:
		return read_parent(r, out_parent, diag);
	default:
		return SP_ERR_ENCODING;
	}
}
