/* SPDX-License-Identifier: Apache-2.0
 *
 * The secret tree in rows: one for each secret that is held, one for each sender ratchet.
 */
#include "mls/secret_nodes_priv.h"

#include "base/limits.h"

/* -- rows ---------------------------------------------------------------------------------------------------------------------------- */

struct row_work {
	const struct sp_mls_secret_tree *tree;
	struct sp_mls_row_set *rows;
	struct sp_buf value;
	bool remove;
	const struct sp_mls_secret_step *step; /* its `next` replaces one ratchet */
};

static struct sp_mls_row_key secret_key(uint64_t epoch, uint32_t index)
{
	struct sp_mls_row_key key = sp__mls_row_key('S');
	sp__mls_row_key_u64(&key, epoch);
	sp__mls_row_key_u32(&key, index);
	return key;
}

static struct sp_mls_row_key ratchet_key(uint64_t epoch, uint32_t leaf, unsigned type)
{
	struct sp_mls_row_key key = sp__mls_row_key('R');
	sp__mls_row_key_u64(&key, epoch);
	sp__mls_row_key_u32(&key, leaf);
	sp__mls_row_key_u8(&key, (uint8_t)type);
	return key;
}

/* struct { uint32 generation; opaque key<V>; opaque nonce[12]; } Skipped;
 * struct { uint32 next; opaque secret<V>; Skipped skipped<V>; } Ratchet; */
static enum sp_err put_ratchet(struct row_work *work, uint32_t leaf, unsigned type, const struct sp_mls_ratchet *r)
{
	struct sp_mls_row_key key = ratchet_key(work->tree->epoch, leaf, type);
	if (work->remove)
		return sp__mls_row_set_remove(work->rows, &key);
	sp_buf_clear(&work->value);
	struct sp_writer w = sp_writer_on(&work->value);
	sp_write_u32(&w, r->next);
	sp_write_vec(&w, sp_secret_bytes(&r->secret));
	size_t mark = sp_write_open(&w);
	for (size_t i = 0; i < r->n_skipped; i++) {
		sp_write_u32(&w, r->skipped[i].generation);
		sp_write_vec(&w, sp_secret_bytes(&r->skipped[i].key.key));
		sp_write_fixed(&w, SP_BYTES_OF(r->skipped[i].key.nonce));
	}
	sp_write_close(&w, mark);
	SP_TRY(sp_writer_finish(&w));
	return sp__mls_row_set_put(work->rows, &key, sp_buf_bytes(&work->value));
}

static enum sp_err put_ratchets(struct row_work *work, uint32_t leaf, const struct sp_mls_ratchet *pair)
{
	for (unsigned type = 0; type < 2; type++) {
		bool stepped = work->step && work->step->leaf == leaf && (unsigned)work->step->type == type;
		SP_TRY(put_ratchet(work, leaf, type, stepped ? &work->step->next : &pair[type]));
	}
	return SP_OK;
}

/* Every secret and ratchet at and below n, which stands at `level` over leaf `first`. */
static enum sp_err put_below(struct row_work *work, const struct sp_mls_secret_node *n, uint32_t first, unsigned level)
{
	if (!n)
		return SP_OK;
	struct sp_mls_row_key key = secret_key(work->tree->epoch, sp__mls_secret_index(first, level));
	if (n->secret.n != 0 && work->remove)
		SP_TRY(sp__mls_row_set_remove(work->rows, &key));
	if (n->secret.n != 0 && !work->remove)
		SP_TRY(sp__mls_row_set_put(work->rows, &key, sp_secret_bytes(&n->secret)));
	if (n->ratchets)
		return put_ratchets(work, first, n->ratchets);
	if (level == 0)
		return SP_OK;
	SP_TRY(put_below(work, n->child[0], first, level - 1));
	return put_below(work, n->child[1], first + (1u << (level - 1)), level - 1);
}

static enum sp_err put_step(struct row_work *work)
{
	const struct sp_mls_secret_step *s = work->step;
	if (!s->at)
		return put_ratchet(work, s->leaf, (unsigned)s->type, &s->next);
	struct sp_mls_row_key consumed = secret_key(s->tree->epoch, s->at_index);
	SP_TRY(sp__mls_row_set_remove(work->rows, &consumed));
	return put_below(work, s->grown, s->leaf >> s->at_level << s->at_level, s->at_level);
}

enum sp_err sp__mls_secret_step_rows(const struct sp_mls_secret_step *step, struct sp_mls_row_set *rows)
{
	struct row_work work = {.tree = step->tree, .rows = rows, .step = step};
	sp_buf_init(&work.value, SP_LIMIT_MLS_VECTOR);
	enum sp_err e = put_step(&work);
	sp_buf_clear(&work.value);
	return e;
}

enum sp_err sp__mls_secret_tree_rows(const struct sp_mls_secret_tree *tree, struct sp_mls_row_set *rows, bool remove)
{
	struct row_work work = {.tree = tree, .rows = rows, .remove = remove};
	sp_buf_init(&work.value, SP_LIMIT_MLS_VECTOR);
	enum sp_err e = put_below(&work, tree->root, 0, tree->depth);
	sp_buf_clear(&work.value);
	return e;
}

/* -- loading --------------------------------------------------------------------------------------------------------------- */

static enum sp_err read_secret(struct sp_reader *r, struct sp_secret *out)
{
	struct sp_bytes raw;
	SP_TRY(sp_read_vec(r, &raw, SP_SECRET_MAX));
	return sp_secret_set(out, raw);
}

static enum sp_err read_skipped(struct sp_reader *r, struct sp_mls_skipped *out)
{
	SP_TRY(sp_read_u32(r, &out->generation));
	SP_TRY(read_secret(r, &out->key.key));
	return sp_read_into(r, out->key.nonce, sizeof out->key.nonce);
}

/* The least a skipped key takes, so that a damaged row cannot ask for much memory. */
#define SKIPPED_MIN (4u + 1u + SP_AEAD_NONCE)

static enum sp_err read_ratchet(struct sp_mls_ratchet *out, struct sp_bytes value)
{
	struct sp_reader r = sp_reader_of(value), list;
	SP_TRY(sp_read_u32(&r, &out->next));
	SP_TRY(read_secret(&r, &out->secret));
	SP_TRY(sp_read_child(&r, &list, SP_LIMIT_MLS_VECTOR));
	SP_TRY(sp_reader_finish(&r));
	if (sp_reader_is_empty(&list))
		return SP_OK;
	size_t most = list.rest.n / SKIPPED_MIN + 1;
	out->skipped = sp_alloc_array(most, sizeof *out->skipped);
	if (!out->skipped)
		return SP_ERR_NOMEM;
	while (!sp_reader_is_empty(&list)) {
		if (out->n_skipped == most)
			return SP_ERR_CORRUPT;
		SP_TRY(read_skipped(&list, &out->skipped[out->n_skipped]));
		out->n_skipped++;
	}
	return SP_OK;
}

/* Walks to the node at `level` over `leaf`, making what is missing. */
static enum sp_err reach(struct sp_mls_secret_tree *tree, uint32_t leaf, unsigned level, struct sp_mls_secret_node **out)
{
	struct sp_mls_secret_node *n = tree->root;
	for (unsigned at = tree->depth; at > level; at--) {
		struct sp_mls_secret_node **child = &n->child[sp__mls_secret_side(leaf, at - 1)];
		if (!*child)
			*child = sp_alloc(sizeof **child);
		if (!*child)
			return SP_ERR_NOMEM;
		n = *child;
	}
	*out = n;
	return SP_OK;
}

static enum sp_err load_secret(struct sp_mls_secret_tree *tree, struct sp_reader *key, struct sp_bytes value)
{
	uint32_t index;
	unsigned level = 0;
	struct sp_mls_secret_node *n;
	SP_TRY(sp_read_u32(key, &index));
	while (level < 32 && (index >> level & 1) != 0)
		level++;
	if (level > tree->depth || index / 2 >= tree->leaf_width)
		return SP_ERR_CORRUPT;
	SP_TRY(reach(tree, index / 2, level, &n));
	return sp_secret_set(&n->secret, value);
}

static enum sp_err load_ratchet(struct sp_mls_secret_tree *tree, struct sp_reader *key, struct sp_bytes value)
{
	uint32_t leaf;
	uint8_t type;
	struct sp_mls_secret_node *n;
	SP_TRY(sp_read_u32(key, &leaf));
	SP_TRY(sp_read_u8(key, &type));
	if (leaf >= tree->leaf_width || type > SP_MLS_RATCHET_APPLICATION)
		return SP_ERR_CORRUPT;
	SP_TRY(reach(tree, leaf, 0, &n));
	if (!n->ratchets)
		n->ratchets = sp_alloc_array(2, sizeof *n->ratchets);
	if (!n->ratchets)
		return SP_ERR_NOMEM;
	if (n->ratchets[type].secret.n != 0)
		return SP_ERR_CORRUPT;
	return read_ratchet(&n->ratchets[type], value);
}

enum sp_err sp__mls_secret_tree_load_row(struct sp_mls_secret_tree *tree, struct sp_bytes key, struct sp_bytes value)
{
	struct sp_reader r = sp_reader_of(key);
	uint8_t letter;
	uint64_t epoch;
	SP_TRY(sp_read_u8(&r, &letter));
	SP_TRY(sp_read_u64(&r, &epoch));
	SP_ASSERT(epoch == tree->epoch);
	return letter == 'S' ? load_secret(tree, &r, value) : load_ratchet(tree, &r, value);
}
