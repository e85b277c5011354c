/* SPDX-License-Identifier: Apache-2.0
 *
 * The hash table: chained, doubling, seeded.
 */
#include "server/table_priv.h"

#define PLACES_FIRST 64u
#define PLACES_MAX (1u << 24)

enum sp_err sp__table_init(struct sp__table *t)
{
	struct sp_rng rng = sp_rng_system();

	*t = (struct sp__table){.place_n = PLACES_FIRST};
	SP_TRY(sp_rng_fill(&rng, (uint8_t *)&t->seed, sizeof t->seed));
	t->places = sp_alloc_array(t->place_n, sizeof(struct sp__node *));
	return t->places ? SP_OK : SP_ERR_NOMEM;
}

void sp__table_clear(struct sp__table *t)
{
	sp_free(t->places);
	*t = (struct sp__table){0};
}

static uint64_t mix(uint64_t h)
{
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	return h ^ (h >> 32);
}

static size_t place_of(const struct sp__table *t, uint8_t kind, const struct sp_id16 *id)
{
	uint64_t a, b;

	sp_copy(&a, id->b, sizeof a);
	sp_copy(&b, id->b + 8, sizeof b);
	return (size_t)mix(mix(a ^ t->seed) + b + kind) & (t->place_n - 1);
}

struct sp__node *sp__table_find(const struct sp__table *t, uint8_t kind, const struct sp_id16 *id)
{
	struct sp__node *node = t->places[place_of(t, kind, id)];

	while (node && (node->kind != kind || !sp_id16_equal(&node->id, id)))
		node = node->next;
	return node;
}

static void link_in(struct sp__table *t, struct sp__node *node)
{
	size_t place = place_of(t, node->kind, &node->id);

	node->next = t->places[place];
	t->places[place] = node;
}

/* Twice the places; without memory the chains grow longer instead. */
static void grow(struct sp__table *t)
{
	struct sp__node **old = t->places;
	size_t old_n = t->place_n;
	struct sp__node **places = old_n < PLACES_MAX ? sp_alloc_array(old_n * 2, sizeof *places) : NULL;

	if (!places)
		return;
	t->places = places;
	t->place_n = old_n * 2;
	for (size_t i = 0; i < old_n; i++) {
		for (struct sp__node *node = old[i], *next; node; node = next) {
			next = node->next;
			link_in(t, node);
		}
	}
	sp_free(old);
}

void sp__table_add(struct sp__table *t, struct sp__node *node)
{
	if (t->n >= t->place_n)
		grow(t);
	link_in(t, node);
	t->n++;
}

void sp__table_remove(struct sp__table *t, struct sp__node *node)
{
	struct sp__node **p = &t->places[place_of(t, node->kind, &node->id)];

	while (*p && *p != node)
		p = &(*p)->next;
	if (!*p)
		return;
	*p = node->next;
	node->next = NULL;
	t->n--;
}

struct sp__node *sp__table_pop(struct sp__table *t)
{
	for (size_t i = 0; t->n > 0 && i < t->place_n; i++) {
		struct sp__node *node = t->places[i];

		if (!node)
			continue;
		t->places[i] = node->next;
		t->n--;
		return node;
	}
	return NULL;
}
