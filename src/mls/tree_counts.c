/* SPDX-License-Identifier: Apache-2.0
 *
 * How many members list each code point (RFC 9420 sections 7.2, 7.3, 11.1). "Is it supported by all" is one look-up,
 * not a walk over the members. A diff counts differences in a table of its own.
 */
#include "mls/tree_store_priv.h"

#define CAP_MIN 16u
#define ROOM(cap) ((cap) / 4 * 3)

void sp__mls_counts_clear(struct sp_mls_counts *c)
{
	sp_free(c->slots);
	*c = (struct sp_mls_counts){0};
}

/* The slot of a key, or the empty one where it would be. */
static struct sp_mls_count *find(const struct sp_mls_counts *c, uint32_t key)
{
	size_t at = (key * 0x9e3779b1u >> 8) & (c->cap - 1);
	while (c->slots[at].key != 0 && c->slots[at].key != key + 1)
		at = (at + 1) & (c->cap - 1);
	return &c->slots[at];
}

int32_t sp__mls_counts_get(const struct sp_mls_counts *c, uint32_t key)
{
	return c->cap ? find(c, key)->n : 0;
}

enum sp_err sp__mls_counts_spare(struct sp_mls_counts *out, const struct sp_mls_counts *c, size_t more)
{
	size_t cap = SP_MAX(c->cap, (size_t)CAP_MIN);
	*out = (struct sp_mls_counts){0};
	if (c->used + more <= ROOM(c->cap))
		return SP_OK;
	while (ROOM(cap) < c->used + more)
		cap *= 2;
	out->slots = sp_alloc_array(cap, sizeof *out->slots);
	if (!out->slots)
		return SP_ERR_NOMEM;
	out->cap = cap;
	return SP_OK;
}

static void put(struct sp_mls_counts *c, uint32_t key, int32_t by)
{
	struct sp_mls_count *slot = find(c, key);
	if (slot->key == 0)
		c->used++;
	slot->key = key + 1;
	slot->n += by;
}

void sp__mls_counts_merge(struct sp_mls_counts *c, const struct sp_mls_counts *delta)
{
	for (size_t i = 0; i < delta->cap; i++)
		if (delta->slots[i].key != 0)
			put(c, delta->slots[i].key - 1, delta->slots[i].n);
}

void sp__mls_counts_move(struct sp_mls_counts *c, struct sp_mls_counts *spare)
{
	if (spare->cap == 0)
		return;
	sp__mls_counts_merge(spare, c);
	sp__mls_counts_clear(c);
	*c = *spare;
	*spare = (struct sp_mls_counts){0};
}

enum sp_err sp__mls_counts_add(struct sp_mls_counts *c, uint32_t key, int32_t by)
{
	struct sp_mls_counts spare;
	SP_TRY(sp__mls_counts_spare(&spare, c, 1));
	sp__mls_counts_move(c, &spare);
	put(c, key, by);
	return SP_OK;
}

/* A value that a leaf lists twice counts once, or one leaf could speak for another. */
static enum sp_err add_list(struct sp_mls_counts *c, enum sp_mls_count_kind kind, struct sp_bytes types, int32_t by)
{
	uint32_t seen[(UINT16_MAX + 1) / 32] = {0};
	for (size_t i = 0; i + 1 < types.n; i += 2) {
		uint16_t value = (uint16_t)(types.p[i] << 8 | types.p[i + 1]);
		if (seen[value / 32] >> value % 32 & 1)
			continue;
		seen[value / 32] |= 1u << value % 32;
		SP_TRY(sp__mls_counts_add(c, sp__mls_count_key(kind, value), by));
	}
	return SP_OK;
}

enum sp_err sp__mls_counts_leaf(struct sp_mls_counts *c, struct sp_mls_counts *in_use, const struct sp_mls_leaf_node *leaf, int32_t by)
{
	SP_TRY(add_list(c, SP_MLS_COUNT_EXTENSION, leaf->extension_types, by));
	SP_TRY(add_list(c, SP_MLS_COUNT_PROPOSAL, leaf->proposal_types, by));
	SP_TRY(add_list(c, SP_MLS_COUNT_CREDENTIAL, leaf->credential_types, by));
	return sp__mls_counts_add(in_use, leaf->credential.type, by);
}
