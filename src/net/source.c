/* SPDX-License-Identifier: Apache-2.0
 *
 * Rates by source (ATTACKS.md N06, N08): a flood from one address uses up its own allowance and nobody else's.
 */
#include "net/source_priv.h"

enum sp_err sp__sources_init(struct sp__sources *s, unsigned rate, unsigned burst)
{
	struct sp_rng rng = sp_rng_system();

	*s = (struct sp__sources){.rate = rate, .burst = burst};
	SP_TRY(sp_rng_fill(&rng, (uint8_t *)&s->seed, sizeof s->seed));
	s->table = sp_alloc_array(SP__SOURCES_MAX, sizeof *s->table);
	if (!s->table)
		return SP_ERR_NOMEM;
	if (uv_mutex_init(&s->lock) != 0) {
		sp_free(s->table);
		s->table = NULL;
		return SP_ERR_NOMEM;
	}
	return SP_OK;
}

void sp__sources_clear(struct sp__sources *s)
{
	if (!s->table)
		return;
	uv_mutex_destroy(&s->lock);
	sp_free(s->table);
	s->table = NULL;
}

static uint64_t mix(uint64_t h)
{
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdu;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53u;
	return h ^ (h >> 33);
}

static struct sp__source *bucket_of(const struct sp__sources *s, const uint8_t key[16])
{
	uint64_t a, b;

	sp_copy(&a, key, sizeof a);
	sp_copy(&b, key + 8, sizeof b);
	return s->table + (mix(mix(a ^ s->seed) ^ b) % (SP__SOURCES_MAX / SP__SOURCE_WAYS)) * SP__SOURCE_WAYS;
}

static void refill(const struct sp__sources *s, struct sp__source *src, uint64_t now_ms)
{
	uint64_t passed = now_ms > src->seen_ms ? now_ms - src->seen_ms : 0;
	int64_t full = (int64_t)s->burst * 1000;

	passed = SP_MIN(passed, (uint64_t)24 * 3600 * 1000);
	src->milli = SP_MIN(full, src->milli + (int64_t)(passed * s->rate));
	src->seen_ms = now_ms;
}

/* The source's place; an empty one, or that of the quietest without pending handshakes, when it has none. NULL: all are busy. */
static struct sp__source *place_of(struct sp__sources *s, const uint8_t key[16], uint64_t now_ms)
{
	struct sp__source *way = bucket_of(s, key);
	struct sp__source *victim = NULL;

	for (size_t i = 0; i < SP__SOURCE_WAYS; i++) {
		if (way[i].is_used && memcmp(way[i].key, key, sizeof way[i].key) == 0) {
			refill(s, &way[i], now_ms);
			return &way[i];
		}
		if (way[i].is_used && way[i].pending > 0)
			continue;
		if (!victim || (victim->is_used && (!way[i].is_used || way[i].seen_ms < victim->seen_ms)))
			victim = &way[i];
	}
	if (!victim)
		return NULL;
	*victim = (struct sp__source){.is_used = true, .seen_ms = now_ms, .milli = (int64_t)s->burst * 1000};
	sp_copy(victim->key, key, sizeof victim->key);
	return victim;
}

enum sp_err sp__source_admit(struct sp__sources *s, const struct sp_net_from *from, uint64_t now_ms)
{
	enum sp_err err = SP_ERR_RATE;
	struct sp__source *src;

	uv_mutex_lock(&s->lock);
	src = place_of(s, from->source, now_ms);
	if (src && src->milli >= 1000) {
		src->milli -= 1000;
		src->pending++;
		err = SP_OK;
	}
	uv_mutex_unlock(&s->lock);
	return err;
}

/* Debt is bounded, so that a source comes back within seconds of behaving. */
static void charge(const struct sp__sources *s, struct sp__source *src, int attempts)
{
	int64_t floor = -(int64_t)s->burst * 1000;

	src->milli = SP_MAX(floor, src->milli - (int64_t)attempts * 1000);
	src->milli = SP_MIN(src->milli, (int64_t)s->burst * 1000);
}

void sp__source_settle(struct sp__sources *s, const struct sp_net_from *from, int cost, uint64_t now_ms)
{
	struct sp__source *src;

	uv_mutex_lock(&s->lock);
	src = place_of(s, from->source, now_ms);
	if (src && src->pending > 0)
		src->pending--;
	if (src)
		charge(s, src, cost);
	uv_mutex_unlock(&s->lock);
}

void sp__source_charge(struct sp__sources *s, const struct sp_net_from *from, unsigned attempts, uint64_t now_ms)
{
	struct sp__source *src;

	uv_mutex_lock(&s->lock);
	src = place_of(s, from->source, now_ms);
	if (src)
		charge(s, src, (int)SP_MIN(attempts, 1000u));
	uv_mutex_unlock(&s->lock);
}
