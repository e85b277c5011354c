/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of a write set, collected in one block that is wiped when cleared.
 */
#include "mls/rowset_priv.h"

#define SET_MAX ((size_t)1 << 32) /* a group of a million members; beyond, rows would be put piecewise */

struct sp_mls_row_key sp__mls_row_key(char letter)
{
	return (struct sp_mls_row_key){1, {(uint8_t)letter}};
}

void sp__mls_row_key_bytes(struct sp_mls_row_key *key, struct sp_bytes v)
{
	SP_ASSERT(v.n <= sizeof key->b - key->n);
	sp_copy(key->b + key->n, v.p, v.n);
	key->n += v.n;
}

void sp__mls_row_key_u8(struct sp_mls_row_key *key, uint8_t v)
{
	sp__mls_row_key_bytes(key, (struct sp_bytes){&v, 1});
}

void sp__mls_row_key_u32(struct sp_mls_row_key *key, uint32_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		sp__mls_row_key_u8(key, (uint8_t)(v >> shift));
}

void sp__mls_row_key_u64(struct sp_mls_row_key *key, uint64_t v)
{
	sp__mls_row_key_u32(key, (uint32_t)(v >> 32));
	sp__mls_row_key_u32(key, (uint32_t)v);
}

void sp__mls_row_set_init(struct sp_mls_row_set *set)
{
	*set = (struct sp_mls_row_set){0};
	sp_buf_init(&set->bytes, SET_MAX);
}

void sp__mls_row_set_clear(struct sp_mls_row_set *set)
{
	sp_buf_clear(&set->bytes);
	sp_free(set->list);
	*set = (struct sp_mls_row_set){.bytes.max = SET_MAX};
}

/* While collecting, p counts bytes from the block's start: the block moves as it grows. Only lengths are kept; seal turns
 * them into pointers. */
static enum sp_err add(struct sp_mls_row_set *set, const struct sp_mls_row_key *key, struct sp_bytes value, bool remove)
{
	SP_ASSERT(!set->sealed);
	SP_TRY(sp_array_grow(&set->list, &set->cap, set->n + 1, sizeof *set->list, SIZE_MAX / sizeof *set->list));
	size_t before = set->bytes.n;
	SP_TRY(sp_buf_append(&set->bytes, (struct sp_bytes){key->b, key->n}));
	enum sp_err e = sp_buf_append(&set->bytes, value);
	if (e != SP_OK) {
		set->bytes.n = before;
		return e;
	}
	set->list[set->n++] = (struct sp_mls_row){.key.n = key->n, .value.n = value.n, .remove = remove};
	return SP_OK;
}

enum sp_err sp__mls_row_set_put(struct sp_mls_row_set *set, const struct sp_mls_row_key *key, struct sp_bytes value)
{
	return add(set, key, value, false);
}

enum sp_err sp__mls_row_set_remove(struct sp_mls_row_set *set, const struct sp_mls_row_key *key)
{
	return add(set, key, SP_BYTES_NONE, true);
}

void sp__mls_row_set_seal(struct sp_mls_row_set *set)
{
	const uint8_t *at = set->bytes.p;
	for (size_t i = 0; i < set->n; i++) {
		set->list[i].key.p = at;
		at += set->list[i].key.n;
		set->list[i].value.p = at;
		at += set->list[i].value.n;
	}
	set->sealed = true;
}

struct sp_mls_rows sp_mls_row_set_rows(const struct sp_mls_row_set *set)
{
	return (struct sp_mls_rows){set->list, set->n};
}

void sp_mls_row_set_free(struct sp_mls_row_set **set)
{
	if (!*set)
		return;
	sp__mls_row_set_clear(*set);
	sp_free(*set);
	*set = NULL;
}
