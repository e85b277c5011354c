/* SPDX-License-Identifier: Apache-2.0
 *
 * A hash table from a key's hash to the nodes that may hold it: open addressing, linear probing, removal by shifting
 * back. It stores no key: the caller looks at the node. This is what keeps "is this key in the tree already" O(1)
 * where other libraries look at every member for every Add.
 */
#include "mls/tree_store_priv.h"

#define CAP_MIN 16u
#define ROOM(cap) ((cap) / 4 * 3) /* entries at most in cap slots */

void sp__mls_index_clear(struct sp_mls_index *index)
{
	sp_free(index->slots);
	*index = (struct sp_mls_index){0};
}

/* Multiply and fold, eight bytes at a time, from a seed that peers do not know. */
uint32_t sp__mls_key_hash(uint64_t seed, struct sp_bytes key)
{
	uint64_t h = seed ^ key.n;
	for (size_t i = 0; i < key.n; i += 8) {
		uint64_t word = 0;
		sp_copy(&word, key.p + i, SP_MIN(key.n - i, sizeof word));
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 29;
	}
	return (uint32_t)(h ^ h >> 32);
}

uint32_t sp__mls_number_hash(uint64_t seed, uint32_t number)
{
	uint64_t h = (seed ^ number) * 0x9e3779b97f4a7c15u;
	return (uint32_t)(h >> 32);
}

static size_t cap_for(size_t n)
{
	size_t cap = CAP_MIN;
	while (ROOM(cap) < n)
		cap *= 2;
	return cap;
}

enum sp_err sp__mls_index_spare(struct sp_mls_index *out, const struct sp_mls_index *index, size_t n)
{
	*out = (struct sp_mls_index){0};
	if (n <= ROOM(index->cap))
		return SP_OK;
	size_t cap = cap_for(n);
	out->slots = sp_alloc_array(cap, sizeof *out->slots);
	if (!out->slots)
		return SP_ERR_NOMEM;
	out->cap = cap;
	return SP_OK;
}

void sp__mls_index_move(struct sp_mls_index *index, struct sp_mls_index *spare)
{
	if (spare->cap == 0)
		return;
	for (size_t i = 0; i < index->cap; i++)
		if (index->slots[i].value != 0)
			sp__mls_index_put(spare, index->slots[i].hash, index->slots[i].value - 1);
	sp__mls_index_clear(index);
	*index = *spare;
	*spare = (struct sp_mls_index){0};
}

enum sp_err sp__mls_index_reserve(struct sp_mls_index *index, size_t n)
{
	struct sp_mls_index spare;
	SP_TRY(sp__mls_index_spare(&spare, index, n));
	sp__mls_index_move(index, &spare);
	return SP_OK;
}

void sp__mls_index_put(struct sp_mls_index *index, uint32_t hash, uint32_t value)
{
	SP_ASSERT(index->n < ROOM(index->cap));
	size_t at = hash & (index->cap - 1);
	while (index->slots[at].value != 0)
		at = (at + 1) & (index->cap - 1);
	index->slots[at] = (struct sp_mls_index_slot){hash, value + 1};
	index->n++;
}

/* Entries behind the hole move up when the hole lies between their home and them. */
static void close_hole(struct sp_mls_index *index, size_t hole)
{
	size_t mask = index->cap - 1;
	for (size_t at = (hole + 1) & mask; index->slots[at].value != 0; at = (at + 1) & mask) {
		size_t home = index->slots[at].hash & mask;
		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		index->slots[hole] = index->slots[at];
		hole = at;
	}
	index->slots[hole] = (struct sp_mls_index_slot){0};
}

void sp__mls_index_remove(struct sp_mls_index *index, uint32_t hash, uint32_t value)
{
	size_t at = hash & (index->cap - 1);
	SP_ASSERT(index->cap > 0);
	while (index->slots[at].value != value + 1) {
		SP_ASSERT(index->slots[at].value != 0);
		at = (at + 1) & (index->cap - 1);
	}
	close_hole(index, at);
	index->n--;
}

bool sp__mls_index_has_next(const struct sp_mls_index *index, uint32_t hash, size_t *at, uint32_t *out_value)
{
	if (index->cap == 0)
		return false;
	size_t mask = index->cap - 1;
	size_t i = *at == SP_MLS_INDEX_START ? hash & mask : (*at + 1) & mask;
	for (; index->slots[i].value != 0; i = (i + 1) & mask) {
		if (index->slots[i].hash != hash)
			continue;
		*at = i;
		*out_value = index->slots[i].value - 1;
		return true;
	}
	return false;
}
