/* SPDX-License-Identifier: Apache-2.0
 *
 * Chained hash map with a seeded hash.
 */
#include "store/map_priv.h"

#include <sys/random.h>

struct sp__map_entry {
	struct sp__map_entry *next;
	uint64_t hash;
	size_t key_n;
	void *value; /* behind the entry, aligned */
	uint8_t key[];
};

enum sp_err sp__map_init(struct sp__map *m, size_t value_size)
{
	*m = (struct sp__map){.value_size = value_size};
	return getrandom(m->seed, sizeof m->seed, 0) == (ssize_t)sizeof m->seed ? SP_OK : SP_ERR_RNG;
}

void sp__map_clear(struct sp__map *m)
{
	for (size_t i = 0; i < m->bucket_count; i++)
		for (struct sp__map_entry *e = m->buckets[i], *next; e; e = next) {
			next = e->next;
			sp_free(e);
		}
	sp_free(m->buckets);
	m->buckets = NULL;
	m->bucket_count = m->count = 0;
}

/* 64 x 64 -> 128 bits, folded: both halves depend on every bit of both factors. */
static uint64_t mix(uint64_t a, uint64_t b)
{
	__extension__ typedef unsigned __int128 wide_int;
	wide_int wide = (wide_int)a * b;
	return (uint64_t)wide ^ (uint64_t)(wide >> 64);
}

static uint64_t hash_of(const struct sp__map *m, struct sp_bytes key)
{
	uint64_t h = m->seed[0] ^ key.n;
	for (size_t at = 0; at < key.n; at += 8) {
		uint64_t word = 0;
		sp_copy(&word, key.p + at, SP_MIN(key.n - at, sizeof word));
		h = mix(h ^ word, m->seed[1] | 1) + m->seed[0];
	}
	return mix(h, m->seed[0] | 1);
}

static struct sp__map_entry **slot_of(const struct sp__map *m, uint64_t hash)
{
	return &m->buckets[hash & (m->bucket_count - 1)];
}

static struct sp__map_entry *entry_find(const struct sp__map *m, struct sp_bytes key, uint64_t hash)
{
	if (m->bucket_count == 0)
		return NULL;
	for (struct sp__map_entry *e = *slot_of(m, hash); e; e = e->next)
		if (e->hash == hash && sp_bytes_equal(key, (struct sp_bytes){e->key, e->key_n}))
			return e;
	return NULL;
}

void *sp__map_find(const struct sp__map *m, struct sp_bytes key)
{
	struct sp__map_entry *e = entry_find(m, key, hash_of(m, key));
	return e ? e->value : NULL;
}

static enum sp_err grow(struct sp__map *m)
{
	if (m->count < m->bucket_count)
		return SP_OK;
	struct sp__map bigger = *m;
	bigger.bucket_count = m->bucket_count ? m->bucket_count * 2 : 16;
	bigger.buckets = sp_alloc_array(bigger.bucket_count, sizeof(struct sp__map_entry *));
	if (!bigger.buckets)
		return SP_ERR_NOMEM;
	for (size_t i = 0; i < m->bucket_count; i++)
		for (struct sp__map_entry *e = m->buckets[i], *next; e; e = next) {
			next = e->next;
			e->next = *slot_of(&bigger, e->hash);
			*slot_of(&bigger, e->hash) = e;
		}
	sp_free(m->buckets);
	*m = bigger;
	return SP_OK;
}

static enum sp_err entry_new(struct sp__map_entry **out, const struct sp__map *m, struct sp_bytes key)
{
	const size_t align = _Alignof(max_align_t);
	size_t head, size;
	SP_TRY(sp_size_add(&head, sizeof(struct sp__map_entry) + align - 1, key.n));
	head -= head % align;
	SP_TRY(sp_size_add(&size, head, m->value_size));
	*out = sp_alloc(size);
	if (!*out)
		return SP_ERR_NOMEM;
	(*out)->value = (uint8_t *)*out + head;
	(*out)->key_n = key.n;
	sp_copy((*out)->key, key.p, key.n);
	return SP_OK;
}

enum sp_err sp__map_put(struct sp__map *m, void **out, struct sp_bytes key)
{
	uint64_t hash = hash_of(m, key);
	struct sp__map_entry *e = entry_find(m, key, hash);
	*out = NULL;
	if (!e) {
		SP_TRY(grow(m));
		SP_TRY(entry_new(&e, m, key));
		e->hash = hash;
		e->next = *slot_of(m, hash);
		*slot_of(m, hash) = e;
		m->count++;
	}
	*out = e->value;
	return SP_OK;
}

void sp__map_remove(struct sp__map *m, struct sp_bytes key)
{
	uint64_t hash = hash_of(m, key);
	struct sp__map_entry *e = entry_find(m, key, hash);
	if (!e)
		return;
	struct sp__map_entry **at = slot_of(m, hash);
	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	m->count--;
	sp_free(e);
}

void *sp__map_next(const struct sp__map *m, struct sp__map_cursor *cursor, struct sp_bytes *out_key)
{
	if (cursor->entry)
		cursor->entry = cursor->entry->next;
	while (!cursor->entry && cursor->bucket < m->bucket_count)
		cursor->entry = m->buckets[cursor->bucket++];
	*out_key = SP_BYTES_NONE;
	if (!cursor->entry)
		return NULL;
	*out_key = (struct sp_bytes){cursor->entry->key, cursor->entry->key_n};
	return cursor->entry->value;
}
