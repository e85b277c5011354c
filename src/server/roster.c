/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is in which room, as the store knows it, kept for the rooms in use; and which accounts have a session. Both are asked for every message.
 */
#include <stdlib.h>

#include "server/core_priv.h"

#define ROOMS_KEPT 8192u

struct room {
	struct sp__node node;
	struct sp_id16 *accounts; /* sorted */
	size_t n, cap;
};

struct sp__roster {
	struct sp_store *store;
	pthread_mutex_t lock; /* guards all below */
	struct sp__table rooms;
	uint64_t changes; /* forgets so far: what was read before one may be stale */
};

static int compare_ids(const void *a, const void *b)
{
	const struct sp_id16 *x = a, *y = b;

	return sp_bytes_compare(sp_id16_bytes(x), sp_id16_bytes(y));
}

static void room_free(struct room *room)
{
	if (!room)
		return;
	sp_free(room->accounts);
	sp_free(room);
}

enum sp_err sp__roster_new(struct sp__roster **out, struct sp_store *store)
{
	struct sp__roster *r = sp_alloc(sizeof *r);
	enum sp_err err = r ? sp__table_init(&r->rooms) : SP_ERR_NOMEM;

	*out = NULL;
	if (err != SP_OK) {
		sp_free(r);
		return err;
	}
	r->store = store;
	(void)pthread_mutex_init(&r->lock, NULL);
	*out = r;
	return SP_OK;
}

static void empty(struct sp__roster *r)
{
	struct sp__node *node;

	while ((node = sp__table_pop(&r->rooms)))
		room_free((struct room *)node);
}

void sp__roster_free(struct sp__roster **roster)
{
	struct sp__roster *r = *roster;

	if (!r)
		return;
	empty(r);
	sp__table_clear(&r->rooms);
	(void)pthread_mutex_destroy(&r->lock);
	sp_free(r);
	*roster = NULL;
}

static enum sp_err add_account(void *ctx, const struct sp_id16 *id)
{
	struct room *room = ctx;

	SP_TRY(sp_array_grow(&room->accounts, &room->cap, room->n + 1, sizeof *room->accounts, SIZE_MAX / sizeof *room->accounts));
	room->accounts[room->n++] = *id;
	return SP_OK;
}

static bool room_has(const struct room *room, const struct sp_id16 *account)
{
	return room->n > 0 && bsearch(account, room->accounts, room->n, sizeof *room->accounts, compare_ids) != NULL;
}

static enum sp_err read_room(struct sp__roster *r, const struct sp_id16 *id, struct room **out)
{
	struct room *room = sp_alloc(sizeof *room);
	enum sp_err err;

	*out = NULL;
	if (!room)
		return SP_ERR_NOMEM;
	room->node.id = *id;
	err = sp_store_roster_each(r->store, id, add_account, room);
	if (err != SP_OK) {
		room_free(room);
		return err;
	}
	if (room->n > 0)
		qsort(room->accounts, room->n, sizeof *room->accounts, compare_ids);
	*out = room;
	return SP_OK;
}

/* Keeps what was read, unless something was forgotten meanwhile or another thread was first. */
static void keep(struct sp__roster *r, struct room *room, uint64_t changes)
{
	(void)pthread_mutex_lock(&r->lock);
	if (r->rooms.n >= ROOMS_KEPT)
		empty(r);
	if (r->changes == changes && room->n > 0 && sp__table_find(&r->rooms, 0, &room->node.id) == NULL) {
		sp__table_add(&r->rooms, &room->node);
		room = NULL;
	}
	(void)pthread_mutex_unlock(&r->lock);
	room_free(room);
}

static enum sp_err check_room(struct sp__roster *r, const struct sp_id16 *id, const struct sp_id16 *account)
{
	struct room *room;
	uint64_t changes;
	bool known, member = false;

	(void)pthread_mutex_lock(&r->lock);
	room = (struct room *)sp__table_find(&r->rooms, 0, id);
	known = room != NULL;
	if (room)
		member = room_has(room, account);
	changes = r->changes;
	(void)pthread_mutex_unlock(&r->lock);
	if (known)
		return member ? SP_OK : SP_ERR_DENIED;
	SP_TRY(read_room(r, id, &room));
	member = room_has(room, account);
	keep(r, room, changes);
	return member ? SP_OK : SP_ERR_DENIED;
}

enum sp_err sp_server_roster_check(struct sp_server *server, const struct sp_store_log *log, const struct sp_id16 *account)
{
	if (log->kind == SP_STORE_LOG_ROOM)
		return check_room(server->roster, &log->id, account);
	return sp_id16_equal(&log->id, account) ? SP_OK : SP_ERR_DENIED;
}

void sp_server_roster_forget(struct sp_server *server, const struct sp_id16 *room)
{
	struct sp__roster *r = server->roster;
	struct sp__node *node;

	(void)pthread_mutex_lock(&r->lock);
	r->changes++;
	node = sp__table_find(&r->rooms, 0, room);
	if (node)
		sp__table_remove(&r->rooms, node);
	(void)pthread_mutex_unlock(&r->lock);
	room_free((struct room *)node);
}

/* -- who is online ------------------------------------------------------------------------------------------------------ */

struct presence {
	struct sp__node node;
	unsigned sessions;
};

struct sp__online {
	pthread_mutex_t lock; /* guards the table */
	struct sp__table accounts;
};

enum sp_err sp__online_new(struct sp__online **out)
{
	struct sp__online *o = sp_alloc(sizeof *o);
	enum sp_err err = o ? sp__table_init(&o->accounts) : SP_ERR_NOMEM;

	*out = NULL;
	if (err != SP_OK) {
		sp_free(o);
		return err;
	}
	(void)pthread_mutex_init(&o->lock, NULL);
	*out = o;
	return SP_OK;
}

void sp__online_free(struct sp__online **online)
{
	struct sp__online *o = *online;
	struct sp__node *node;

	if (!o)
		return;
	while ((node = sp__table_pop(&o->accounts)))
		sp_free(node);
	sp__table_clear(&o->accounts);
	(void)pthread_mutex_destroy(&o->lock);
	sp_free(o);
	*online = NULL;
}

static enum sp_err add_session(struct sp__online *o, const struct sp_id16 *account)
{
	struct presence *p = (struct presence *)sp__table_find(&o->accounts, 0, account);

	if (p && p->sessions >= SP_LIMIT_ACCOUNT_CONNECTIONS)
		return SP_ERR_TOO_MANY;
	if (!p) {
		p = sp_alloc(sizeof *p);
		if (!p)
			return SP_ERR_NOMEM;
		p->node.id = *account;
		sp__table_add(&o->accounts, &p->node);
	}
	p->sessions++;
	return SP_OK;
}

enum sp_err sp__online_add(struct sp__online *o, const struct sp_id16 *account)
{
	enum sp_err err;

	(void)pthread_mutex_lock(&o->lock);
	err = add_session(o, account);
	(void)pthread_mutex_unlock(&o->lock);
	return err;
}

void sp__online_remove(struct sp__online *o, const struct sp_id16 *account)
{
	struct presence *p;

	(void)pthread_mutex_lock(&o->lock);
	p = (struct presence *)sp__table_find(&o->accounts, 0, account);
	if (p && --p->sessions == 0) {
		sp__table_remove(&o->accounts, &p->node);
		sp_free(p);
	}
	(void)pthread_mutex_unlock(&o->lock);
}

bool sp_server_online_is(struct sp_server *server, const struct sp_id16 *account)
{
	bool is;

	(void)pthread_mutex_lock(&server->online->lock);
	is = sp__table_find(&server->online->accounts, 0, account) != NULL;
	(void)pthread_mutex_unlock(&server->online->lock);
	return is;
}
