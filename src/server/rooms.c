/* SPDX-License-Identifier: Apache-2.0
 *
 * Rooms in use: the keyless public group of each, read from the store when it is first needed, and who may write in it.
 *
 * A group is used by one request at a time (lane ROOM) and changed only in done, on the writer's thread, after the store has taken the
 * change. So what is remembered is what is stored, always.
 */
#include "server/rooms_priv.h"
#include "wire/room.h"

#define LEAVES_KEPT 20000u /* about 2 KiB each */
#define POSTINGS_KEPT 16384u

struct posting {
	struct sp__node node;
	struct sp_id16 *readers;
	size_t n, cap;
};

struct sp_server_rooms {
	struct sp_server *server;
	struct sp__people *people;
	struct sp__take_limit *take_limit;
	pthread_mutex_t lock; /* guards all below */
	struct sp__table rooms;
	struct sp__room *oldest, *newest; /* of those that nobody uses */
	size_t leaves;
	struct sp__table postings;
};

struct sp__people *sp__rooms_people(struct sp_server *server)
{
	return server->rooms->people;
}

struct sp__take_limit *sp__rooms_take_limit(struct sp_server *server)
{
	return server->rooms->take_limit;
}

/* -- making and freeing ------------------------------------------------------------------------------------------- */

static void room_free(struct sp__room *room)
{
	sp_mls_public_group_free(&room->group);
	sp_free(room);
}

static void posting_free(struct posting *posting)
{
	if (!posting)
		return;
	sp_free(posting->readers);
	sp_free(posting);
}

static void postings_empty(struct sp_server_rooms *rooms)
{
	struct sp__node *node;

	while ((node = sp__table_pop(&rooms->postings)))
		posting_free((struct posting *)node);
}

static enum sp_err parts_open(struct sp_server_rooms *rooms)
{
	SP_TRY(sp__table_init(&rooms->rooms));
	SP_TRY(sp__table_init(&rooms->postings));
	SP_TRY(sp__take_limit_new(&rooms->take_limit));
	return sp__people_new(&rooms->people, rooms->server->store);
}

enum sp_err sp__server_rooms_new(struct sp_server_rooms **out, struct sp_server *server)
{
	struct sp_server_rooms *rooms = sp_alloc(sizeof *rooms);
	enum sp_err err;

	*out = NULL;
	if (!rooms)
		return SP_ERR_NOMEM;
	rooms->server = server;
	(void)pthread_mutex_init(&rooms->lock, NULL);
	err = parts_open(rooms);
	if (err == SP_OK)
		*out = rooms;
	else
		sp__server_rooms_free(&rooms);
	return err;
}

void sp__server_rooms_free(struct sp_server_rooms **rooms)
{
	struct sp_server_rooms *r = *rooms;
	struct sp__node *node;

	if (!r)
		return;
	while ((node = sp__table_pop(&r->rooms)))
		room_free((struct sp__room *)node);
	postings_empty(r);
	sp__table_clear(&r->rooms);
	sp__table_clear(&r->postings);
	sp__take_limit_free(&r->take_limit);
	sp__people_free(&r->people);
	(void)pthread_mutex_destroy(&r->lock);
	sp_free(r);
	*rooms = NULL;
}

/* -- the list of those that nobody uses, all under the lock ---------------------------------------------------------- */

static void idle_add(struct sp_server_rooms *rooms, struct sp__room *room)
{
	room->newer = NULL;
	room->older = rooms->newest;
	*(rooms->newest ? &rooms->newest->newer : &rooms->oldest) = room;
	rooms->newest = room;
}

static void idle_remove(struct sp_server_rooms *rooms, struct sp__room *room)
{
	*(room->newer ? &room->newer->older : &rooms->newest) = room->older;
	*(room->older ? &room->older->newer : &rooms->oldest) = room->newer;
}

static void idle_trim(struct sp_server_rooms *rooms)
{
	while (rooms->leaves > LEAVES_KEPT && rooms->oldest) {
		struct sp__room *room = rooms->oldest;

		idle_remove(rooms, room);
		rooms->leaves -= room->leaves;
		sp__table_remove(&rooms->rooms, &room->node);
		room_free(room);
	}
}

/* -- reading a group from its rows ------------------------------------------------------------------------------------- */

struct rows {
	struct sp_mls_row *list;
	size_t n, cap;
};

static enum sp_err row_add(void *ctx, const struct sp_store_row *row)
{
	struct rows *rows = ctx;
	uint8_t *copy;

	SP_TRY(sp_array_grow(&rows->list, &rows->cap, rows->n + 1, sizeof *rows->list, SIZE_MAX / sizeof *rows->list));
	copy = sp_alloc(row->key.n + row->value.n);
	if (!copy)
		return SP_ERR_NOMEM;
	sp_copy(copy, row->key.p, row->key.n);
	sp_copy(copy + row->key.n, row->value.p, row->value.n);
	rows->list[rows->n++] = (struct sp_mls_row){.key = {copy, row->key.n}, .value = {copy + row->key.n, row->value.n}};
	return SP_OK;
}

/* One block for each row: key first. */
static void rows_clear(struct rows *rows)
{
	for (size_t i = 0; i < rows->n; i++) {
		uint8_t *copy;
		sp_copy(&copy, &rows->list[i].key.p, sizeof copy);
		sp_free(copy);
	}
	sp_free(rows->list);
}

static enum sp_err group_read(struct sp_mls_public_group **out, struct sp__judge *j, const struct sp_id16 *id)
{
	struct rows rows = {0};
	uint64_t epoch;
	enum sp_err err = sp_store_room_rows(j->server->store, id, &epoch, row_add, &rows);

	*out = NULL;
	if (err == SP_OK)
		err = sp_mls_public_group_load(&j->env, out, rows.list, rows.n);
	rows_clear(&rows);
	return err;
}

enum sp_err sp__rows_of(struct sp_store_row **out, struct sp_mls_rows rows)
{
	*out = sp_alloc_array(rows.n, sizeof **out);
	if (!*out)
		return SP_ERR_NOMEM;
	for (size_t i = 0; i < rows.n; i++) {
		struct sp_bytes value = rows.list[i].value;

		if (rows.list[i].remove)
			value = SP_BYTES_NONE;
		else if (!value.p)
			value = SP_BYTES_LIT(""); /* empty, but there */
		(*out)[i] = (struct sp_store_row){rows.list[i].key, value};
	}
	return SP_OK;
}

/* -- taking and giving -------------------------------------------------------------------------------------------------- */

static struct sp__room *find_and_use(struct sp_server_rooms *rooms, const struct sp_id16 *id)
{
	struct sp__room *room;

	(void)pthread_mutex_lock(&rooms->lock);
	room = (struct sp__room *)sp__table_find(&rooms->rooms, 0, id);
	if (room && room->uses++ == 0)
		idle_remove(rooms, room);
	(void)pthread_mutex_unlock(&rooms->lock);
	return room;
}

enum sp_err sp__room_keep(struct sp__room **out, struct sp_server *server, const struct sp_id16 *id, struct sp_mls_public_group **group)
{
	struct sp_server_rooms *rooms = server->rooms;
	struct sp__room *room = sp_alloc(sizeof *room);

	*out = NULL;
	if (!room)
		return SP_ERR_NOMEM;
	room->node.id = *id;
	room->uses = 1;
	room->group = *group;
	*group = NULL;
	room->leaves = sp_mls_view_member_count(sp_mls_public_group_view(room->group));
	(void)pthread_mutex_lock(&rooms->lock);
	sp__table_add(&rooms->rooms, &room->node);
	rooms->leaves += room->leaves;
	(void)pthread_mutex_unlock(&rooms->lock);
	*out = room;
	return SP_OK;
}

enum sp_err sp__room_take(struct sp__room **out, struct sp__judge *j, const struct sp_id16 *id)
{
	struct sp_mls_public_group *group;
	enum sp_err err;

	*out = find_and_use(j->server->rooms, id);
	if (*out)
		return SP_OK;
	err = group_read(&group, j, id);
	if (err == SP_OK)
		err = sp__room_keep(out, j->server, id, &group);
	sp_mls_public_group_free(&group);
	return err;
}

/* Under the lock: nobody uses it any more. */
static void room_rest(struct sp_server_rooms *rooms, struct sp__room *room)
{
	if (room->is_stale) {
		room_free(room);
		return;
	}
	rooms->leaves -= room->leaves;
	room->leaves = sp_mls_view_member_count(sp_mls_public_group_view(room->group));
	rooms->leaves += room->leaves;
	idle_add(rooms, room);
	idle_trim(rooms);
}

void sp__room_give(struct sp_server *server, struct sp__room **room)
{
	struct sp_server_rooms *rooms = server->rooms;

	if (!*room)
		return;
	(void)pthread_mutex_lock(&rooms->lock);
	if (--(*room)->uses == 0)
		room_rest(rooms, *room);
	(void)pthread_mutex_unlock(&rooms->lock);
	*room = NULL;
}

void sp__room_apply(struct sp_server *server, struct sp__room *room, struct sp_mls_staged **staged)
{
	struct sp_server_rooms *rooms = server->rooms;

	if (sp_mls_public_group_apply(room->group, staged) == SP_OK)
		return;
	/* it was staged from this very state; should it not fit, the store's rows are the truth, to be read anew */
	sp_mls_staged_free(staged);
	(void)pthread_mutex_lock(&rooms->lock);
	rooms->leaves -= room->leaves;
	sp__table_remove(&rooms->rooms, &room->node);
	room->is_stale = true;
	(void)pthread_mutex_unlock(&rooms->lock);
}

/* -- who may write ------------------------------------------------------------------------------------------------------- */

static enum sp_err posting_judge(const struct posting *posting, const struct sp_id16 *account, struct sp_diag *diag)
{
	for (size_t i = 0; i < posting->n; i++)
		if (sp_id16_equal(&posting->readers[i], account))
			return SP_FAIL(diag, SP_ERR_DENIED, SP_RULE_MESSAGE_READER, sp_rule_text(SP_RULE_MESSAGE_READER));
	return SP_OK;
}

enum sp_err sp__posting_check(struct sp_server *server, const struct sp_id16 *room, const struct sp_id16 *account, struct sp_diag *diag)
{
	struct sp_server_rooms *rooms = server->rooms;
	const struct posting *posting;
	enum sp_err err = SP_ERR_NOT_FOUND;

	(void)pthread_mutex_lock(&rooms->lock);
	posting = (struct posting *)sp__table_find(&rooms->postings, 0, room);
	if (posting)
		err = posting_judge(posting, account, diag);
	(void)pthread_mutex_unlock(&rooms->lock);
	return err;
}

static enum sp_err posting_fill(struct posting *posting, const struct sp_mls_view *view)
{
	struct sp_rules_state state;

	SP_TRY(sp_verdict_state(&state, view, NULL));
	for (size_t i = 0; i < sp_rules_role_count(&state); i++) {
		struct sp_rules_role_entry entry = sp_rules_role_at(&state, i);

		if (entry.role != SP_RULES_READER)
			continue;
		SP_TRY(sp_array_grow(&posting->readers, &posting->cap, posting->n + 1, sizeof entry.account, SP_LIMIT_ROOM_LEAVES * 16u));
		posting->readers[posting->n++] = entry.account;
	}
	return SP_OK;
}

/* Under the lock. posting may be NULL: then the room is forgotten. */
static struct posting *posting_replace(struct sp_server_rooms *rooms, const struct sp_id16 *id, struct posting *posting)
{
	struct sp__node *old = sp__table_find(&rooms->postings, 0, id);

	if (old)
		sp__table_remove(&rooms->postings, old);
	if (rooms->postings.n >= POSTINGS_KEPT)
		postings_empty(rooms);
	if (posting)
		sp__table_add(&rooms->postings, &posting->node);
	return (struct posting *)old;
}

void sp__posting_set(struct sp_server *server, const struct sp_mls_view *view)
{
	struct sp_server_rooms *rooms = server->rooms;
	struct sp_bytes group_id = sp_mls_view_group_id(view);
	struct posting *posting = sp_alloc(sizeof *posting), *old;
	struct sp_id16 id;

	SP_ASSERT(group_id.n == sizeof id.b);
	sp_copy(id.b, group_id.p, sizeof id.b);
	if (posting) {
		posting->node.id = id;
		if (posting_fill(posting, view) != SP_OK) {
			posting_free(posting);
			posting = NULL;
		}
	}
	(void)pthread_mutex_lock(&rooms->lock);
	old = posting_replace(rooms, &id, posting);
	(void)pthread_mutex_unlock(&rooms->lock);
	posting_free(old);
}

/* -- the table ------------------------------------------------------------------------------------------------------------- */

/* All of these bodies have the room's id at the same place or say where. */
static void room_of_create(const struct sp_server_request *req, struct sp_id16 *out)
{
	*out = ((const struct sp_wire_room_create_request *)req->decoded)->room_id;
}

static void room_of_info(const struct sp_server_request *req, struct sp_id16 *out)
{
	*out = ((const struct sp_wire_room_info_request *)req->decoded)->room_id;
}

static void room_of_tree(const struct sp_server_request *req, struct sp_id16 *out)
{
	*out = ((const struct sp_wire_room_tree_request *)req->decoded)->room_id;
}

static void room_of_handshake(const struct sp_server_request *req, struct sp_id16 *out)
{
	*out = ((const struct sp_wire_handshake_append_request *)req->decoded)->room_id;
}

static void room_of_append(const struct sp_server_request *req, struct sp_id16 *out)
{
	*out = ((const struct sp_wire_append_request *)req->decoded)->room_id;
}

const struct sp_server_handler sp__server_room_handlers[] = {
	{.type = SP_WIRE_ROOM_CREATE, .phases = SP_SERVER_DEVICE, .lane = SP_SERVER_ROOM, .is_mutation = true,
	 .request = sp_wire_room_create_request_layout, .judge = sp__room_create_judge, .done = sp__room_create_done, .clear = sp__room_create_clear,
	 .room = room_of_create},
	{.type = SP_WIRE_ROOM_LIST, .phases = SP_SERVER_DEVICE, .lane = SP_SERVER_POOL, .judge = sp__room_list_judge},
	{.type = SP_WIRE_ROOM_INFO, .phases = SP_SERVER_DEVICE, .lane = SP_SERVER_ROOM, .request = sp_wire_room_info_request_layout,
	 .judge = sp__room_info_judge, .room = room_of_info},
	{.type = SP_WIRE_ROOM_TREE, .phases = SP_SERVER_DEVICE, .lane = SP_SERVER_ROOM, .request = sp_wire_room_tree_request_layout,
	 .judge = sp__room_tree_judge, .room = room_of_tree},
	{.type = SP_WIRE_HANDSHAKE_APPEND, .phases = SP_SERVER_DEVICE, .lane = SP_SERVER_ROOM, .is_mutation = true,
	 .request = sp_wire_handshake_append_request_layout, .judge = sp__room_commit_judge, .done = sp__room_commit_done,
	 .clear = sp__room_commit_clear, .room = room_of_handshake},
	{.type = SP_WIRE_APPEND, .phases = SP_SERVER_DEVICE, .lane = SP_SERVER_ROOM, .lane_of = sp__room_append_lane, .is_mutation = true,
	 .request = sp_wire_append_request_layout, .judge = sp__room_append_judge, .done = sp__room_append_done, .clear = sp__room_append_clear,
	 .room = room_of_append},
};
const size_t sp__server_room_handler_count = SP_ARRAY_LEN(sp__server_room_handlers);
