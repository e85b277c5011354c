/* SPDX-License-Identifier: Apache-2.0
 *
 * M27: one member may not use up another's key packages. Each account may take so many of each other account in an hour; who asks
 * for more is refused, so that ordinary packages are left for everybody else.
 */
#include "server/rooms_priv.h"

#define TAKES_AN_HOUR 64u
#define HOUR_MS 3600000
#define PAIRS_KEPT 65536u

struct pair {
	struct sp__node node; /* id: of asker and asked together */
	unsigned takes;
};

struct sp__take_limit {
	pthread_mutex_t lock; /* guards all below */
	struct sp__table pairs;
	int64_t hour; /* the hour that is counted */
};

enum sp_err sp__take_limit_new(struct sp__take_limit **out)
{
	struct sp__take_limit *limit = sp_alloc(sizeof *limit);
	enum sp_err err = limit ? sp__table_init(&limit->pairs) : SP_ERR_NOMEM;

	*out = NULL;
	if (err != SP_OK) {
		sp_free(limit);
		return err;
	}
	(void)pthread_mutex_init(&limit->lock, NULL);
	*out = limit;
	return SP_OK;
}

static void empty(struct sp__take_limit *limit)
{
	struct sp__node *node;

	while ((node = sp__table_pop(&limit->pairs)))
		sp_free(node);
}

void sp__take_limit_free(struct sp__take_limit **limit)
{
	struct sp__take_limit *l = *limit;

	if (!l)
		return;
	empty(l);
	sp__table_clear(&l->pairs);
	(void)pthread_mutex_destroy(&l->lock);
	sp_free(l);
	*limit = NULL;
}

/* Two pairs that fold to one id share a count: account ids are random, so nobody meets another's by chance. */
static struct sp_id16 fold(const struct sp_id16 *asker, const struct sp_id16 *asked)
{
	struct sp_id16 id;

	for (size_t i = 0; i < sizeof id.b; i++)
		id.b[i] = (uint8_t)(asker->b[i] ^ asked->b[(i + 1) % sizeof id.b]);
	return id;
}

static struct pair *pair_get(struct sp__take_limit *limit, const struct sp_id16 *asker, const struct sp_id16 *asked)
{
	struct sp_id16 id = fold(asker, asked);
	struct pair *pair = (struct pair *)sp__table_find(&limit->pairs, 0, &id);

	if (pair)
		return pair;
	pair = sp_alloc(sizeof *pair);
	if (!pair)
		return NULL;
	pair->node.id = id;
	sp__table_add(&limit->pairs, &pair->node);
	return pair;
}

static enum sp_err spend(struct sp__take_limit *limit, const struct sp_id16 *asker, const struct sp_id16 *asked, int64_t hour)
{
	struct pair *pair;

	if (hour != limit->hour || limit->pairs.n >= PAIRS_KEPT)
		empty(limit);
	limit->hour = hour;
	pair = pair_get(limit, asker, asked);
	if (!pair)
		return SP_ERR_NOMEM;
	if (pair->takes >= TAKES_AN_HOUR)
		return SP_ERR_RATE;
	pair->takes++;
	return SP_OK;
}

enum sp_err sp__take_limit_spend(struct sp__take_limit *limit, const struct sp_id16 *asker, const struct sp_id16 *asked, struct sp_time now)
{
	enum sp_err err;

	(void)pthread_mutex_lock(&limit->lock);
	err = spend(limit, asker, asked, now.ms / HOUR_MS);
	(void)pthread_mutex_unlock(&limit->lock);
	return err;
}
