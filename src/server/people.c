/* SPDX-License-Identifier: Apache-2.0
 *
 * The people of the organisation as their own device lists name them: each list's signature is verified once and remembered.
 */
#include "server/rooms_priv.h"

#define CHAINS_KEPT 2048u /* 2.6 KiB each */

struct person {
	struct sp__node node;
	struct sp_device_chain chain;
};

struct sp__people {
	struct sp_store *store;
	pthread_mutex_t lock; /* guards the table */
	struct sp__table persons;
};

enum sp_err sp__people_new(struct sp__people **out, struct sp_store *store)
{
	struct sp__people *people = sp_alloc(sizeof *people);
	enum sp_err err = people ? sp__table_init(&people->persons) : SP_ERR_NOMEM;

	*out = NULL;
	if (err != SP_OK) {
		sp_free(people);
		return err;
	}
	people->store = store;
	(void)pthread_mutex_init(&people->lock, NULL);
	*out = people;
	return SP_OK;
}

static void forget_all(struct sp__people *people)
{
	struct sp__node *node;

	while ((node = sp__table_pop(&people->persons)))
		sp_free(node);
}

void sp__people_free(struct sp__people **people)
{
	struct sp__people *p = *people;

	if (!p)
		return;
	forget_all(p);
	sp__table_clear(&p->persons);
	(void)pthread_mutex_destroy(&p->lock);
	sp_free(p);
	*people = NULL;
}

/* -- remembering ------------------------------------------------------------------------------------------------- */

static void recall(struct sp__people *people, struct sp_device_chain *out, const struct sp_id16 *account)
{
	struct person *person;

	*out = (struct sp_device_chain){0};
	(void)pthread_mutex_lock(&people->lock);
	person = (struct person *)sp__table_find(&people->persons, 0, account);
	if (person)
		*out = person->chain;
	(void)pthread_mutex_unlock(&people->lock);
}

/* Under the lock. Without memory it is verified again next time. */
static void keep(struct sp__people *people, const struct sp_device_chain *chain, const struct sp_id16 *account)
{
	struct person *person = (struct person *)sp__table_find(&people->persons, 0, account);

	if (!person) {
		if (people->persons.n >= CHAINS_KEPT)
			forget_all(people);
		person = sp_alloc(sizeof *person);
		if (!person)
			return;
		person->node.id = *account;
		sp__table_add(&people->persons, &person->node);
	}
	if (person->chain.version < chain->version)
		person->chain = *chain;
}

/* -- reading ------------------------------------------------------------------------------------------------------ */

static enum sp_err apply_list(void *ctx, uint32_t version, struct sp_bytes body)
{
	struct sp_device_chain *chain = ctx;

	/* the account may have put another one since its row was read: it is as good */
	return sp_device_chain_apply(chain, body) == SP_OK ? SP_OK : SP_ERR_CORRUPT;
}

static enum sp_err note_account(void *ctx, const struct sp_store_account *account)
{
	*(struct sp_store_account *)ctx = *account;
	return SP_OK;
}

enum sp_err sp__people_chain(struct sp__people *people, struct sp_device_chain *out, bool *out_disabled, const struct sp_id16 *account)
{
	struct sp_store_account row = {0};

	*out_disabled = true;
	*out = (struct sp_device_chain){0};
	SP_TRY(sp_store_account_get(people->store, account, note_account, &row));
	*out_disabled = (row.flags & SP_STORE_ACCOUNT_DISABLED) != 0;
	recall(people, out, account);
	if (out->version >= row.list_version)
		return SP_OK;
	SP_TRY(sp_store_device_list_each(people->store, account, out->version + 1, apply_list, out));
	(void)pthread_mutex_lock(&people->lock);
	keep(people, out, account);
	(void)pthread_mutex_unlock(&people->lock);
	return SP_OK;
}
