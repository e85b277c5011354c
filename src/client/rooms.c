/* SPDX-License-Identifier: Apache-2.0
 *
 * `room new | list | show | add | remove | leave`.
 */
#include "client/client_priv.h"

/* -- results -- */

static enum sp_err fill_members(struct sp_client *c, struct sp_client_mem *mem, struct sp_client_room *out, const struct sp__room *room)
{
	out->members = sp__mem_alloc(mem, room->members_n * sizeof *out->members);
	SP_TRY(sp__mem_check(mem));
	for (size_t i = 0; i < room->members_n; i++) {
		const struct sp_wire_record_member *member = &room->members[i];
		struct sp_client_room_member *to = &out->members[out->members_n++];
		char address[SP_LIMIT_ADDRESS + 1];
		sp__account_address(c, address, &member->account_id);
		*to = (struct sp_client_room_member){
			.account = sp__mem_str(mem, sp_bytes_str(address)),
			.role = (enum sp_client_role)member->role,
			.devices = member->devices,
			.is_me = sp_id16_equal(&member->account_id, &c->me.account_id),
		};
		sp__id_text(to->account_id, &member->account_id);
	}
	return sp__mem_check(mem);
}

static enum sp_err fill_room(struct sp_client *c, struct sp_client_mem *mem, struct sp_client_room *out, const struct sp_id16 *id)
{
	struct sp__room *room;
	char title[SP_LIMIT_ADDRESS + 1];
	SP_TRY(sp__room_get(c, &room, id));
	sp__room_title(c, title, room);
	*out = (struct sp_client_room){
		.name = sp__mem_str(mem, sp_bytes_str(title)),
		.mode = (enum sp_client_mode)room->mode,
		.is_direct = room->kind == SP_RULES_DIRECT,
		.is_everyone = room->kind == SP_RULES_EVERYONE,
		.is_open = room->join == SP_RULES_OPEN,
		.is_left = room->status == SP__ROOM_LEFT,
		.is_closed = room->status == SP__ROOM_BROKEN || room->status == SP__ROOM_REJOIN,
		.trouble = sp__mem_str(mem, sp_bytes_str(room->trouble)),
		.epoch = room->epoch,
	};
	sp__id_text(out->id, id);
	return fill_members(c, mem, out, room);
}

static enum sp_err fill_list(struct sp_client *c, struct sp_client_rooms *out, const struct sp_id16 *ids, size_t n)
{
	SP_TRY(sp__mem_new(&out->mem));
	out->items = sp__mem_alloc(out->mem, n * sizeof *out->items);
	SP_TRY(sp__mem_check(out->mem));
	for (size_t i = 0; i < n; i++)
		SP_TRY(fill_room(c, out->mem, &out->items[out->n++], &ids[i]));
	return SP_OK;
}

/* The end of every call: the room as it is now, or nothing at all. */
static enum sp_err finish(struct sp_client *c, enum sp_err e, struct sp_client_rooms *out, const struct sp_id16 *ids, size_t n)
{
	bool is_offline = out->is_offline;
	if (e == SP_OK)
		e = fill_list(c, out, ids, n);
	out->is_offline = is_offline;
	if (e != SP_OK) {
		sp_client_result_free(&out->mem);
		*out = (struct sp_client_rooms){0};
	}
	return e;
}

enum sp_err sp_client_room_list(struct sp_client *client, struct sp_client_rooms *out)
{
	struct sp_id16 *ids = NULL;
	size_t n = 0;
	*out = (struct sp_client_rooms){0};
	enum sp_err e = sp__sync_or_offline(client, &out->is_offline);
	if (e == SP_OK)
		e = sp__room_ids(client, &ids, &n);
	e = finish(client, e, out, ids, n);
	sp_free(ids);
	return e;
}

enum sp_err sp_client_room_show(struct sp_client *client, const char *room, struct sp_client_rooms *out)
{
	struct sp_id16 id;
	*out = (struct sp_client_rooms){0};
	enum sp_err e = sp__sync_or_offline(client, &out->is_offline);
	if (e == SP_OK)
		e = sp__room_find(client, &id, room);
	return finish(client, e, out, &id, 1);
}

/* -- people by name -- */

/* Each once. Ourselves are in the room anyway. */
static enum sp_err find_people(struct sp_client *c, const char *const *people, size_t n, struct sp_id16 *out, size_t *out_n)
{
	*out_n = 0;
	for (size_t i = 0; i < n; i++) {
		struct sp_id16 id;
		bool is_known = false;
		if (sp__account_find(c, &id, people[i]) != SP_OK)
			return SP_FAIL(&c->diag, SP_ERR_NOT_FOUND, 0, "no person of the organisation has this name");
		for (size_t j = 0; j < *out_n; j++)
			is_known = is_known || sp_id16_equal(&out[j], &id);
		if (!is_known && !sp_id16_equal(&id, &c->me.account_id))
			out[(*out_n)++] = id;
	}
	return SP_OK;
}

/* -- new -- */

struct name_search {
	struct sp_bytes name;
	struct sp_id16 id;
	bool is_found;
};

static enum sp_err match_name(void *ctx, const struct sp_wire_record_room *room)
{
	struct name_search *s = ctx;
	if (room->kind == SP_RULES_ROOM && room->status != SP__ROOM_LEFT && sp_bytes_equal(room->name, s->name)) {
		s->id = room->room_id;
		s->is_found = true;
	}
	return SP_OK;
}

static enum sp_err has_intent(struct sp_client *c, const struct sp_id16 *room, bool *out)
{
	struct sp__intent intent;
	enum sp_err e = sp__intent_get(c, &intent, room);
	*out = e == SP_OK && !sp__intent_is_empty(&intent);
	sp__intent_clear(&intent);
	return e;
}

/* A room that an earlier, interrupted command began is finished, not begun a second time: its creation or its wish stood
 * open when this command started. */
static enum sp_err find_begun(struct sp_client *c, const char *name, struct name_search *out)
{
	struct sp__room *room;
	bool is_wished;
	*out = (struct name_search){.name = sp_bytes_str(name)};
	SP_TRY(sp__room_each(c, match_name, out));
	if (!out->is_found)
		return SP_OK;
	SP_TRY(sp__room_get(c, &room, &out->id));
	SP_TRY(has_intent(c, &out->id, &is_wished));
	out->is_found = is_wished || room->status == SP__ROOM_CREATING;
	return SP_OK;
}

static enum sp_err make_room(struct sp_client *c, const char *name, const char *const *people, size_t n, struct sp_id16 *ids, struct sp_id16 *out_id)
{
	struct sp_rng rng = sp_rng_system();
	struct name_search begun, same = {.name = sp_bytes_str(name)};
	struct sp__room_plan plan = {.kind = SP_RULES_ROOM, .join = SP_RULES_INVITATION, .name = name, .add = ids};
	struct sp_id16 account;
	SP_TRY(find_begun(c, name, &begun));
	SP_TRY(sp__sync(c)); /* finishes it */
	*out_id = begun.id;
	if (begun.is_found)
		return SP_OK;
	SP_TRY(sp__room_each(c, match_name, &same));
	if (same.is_found || strcmp(name, "everyone") == 0 || sp__account_find(c, &account, name) == SP_OK)
		return SP_FAIL(&c->diag, SP_ERR_EXISTS, 0, "a room or a person has this name already");
	SP_TRY(find_people(c, people, n, ids, &plan.add_n));
	SP_TRY(sp_verdict_room_id(&plan.id, &rng));
	*out_id = plan.id;
	return sp__room_create(c, &plan);
}

static enum sp_err check_name(struct sp_client *c, const char *name)
{
	struct sp_bytes text = sp_bytes_str(name);
	if (text.n == 0 || text.n > SP_LIMIT_ROOM_NAME || !sp__utf8_is_valid(text))
		return SP_FAIL(&c->diag, SP_ERR_USAGE, 0, "a room's name is 1 to 200 bytes of UTF-8");
	return SP_OK;
}

enum sp_err sp_client_room_new(struct sp_client *client, const char *name, const char *const *people, size_t n, struct sp_client_rooms *out)
{
	struct sp_id16 id, *ids = sp_alloc_array(SP_MAX(n, (size_t)1), sizeof *ids);
	*out = (struct sp_client_rooms){0};
	enum sp_err e = ids ? check_name(client, name) : SP_ERR_NOMEM;
	if (e == SP_OK)
		e = make_room(client, name, people, n, ids, &id);
	sp_free(ids);
	return finish(client, e, out, &id, 1);
}

/* -- changing -- */

/* Said before the rules say it, in words that help. */
static enum sp_err check_may_change(struct sp_client *c, const struct sp_id16 *id)
{
	struct sp__room *room;
	SP_TRY(sp__room_get(c, &room, id));
	if (room->status != SP__ROOM_ACTIVE)
		return SP_FAIL(&c->diag, SP_ERR_STATE, 0, "this device is not in the room");
	if (room->kind == SP_RULES_DIRECT)
		return SP_FAIL(&c->diag, SP_ERR_DENIED, SP_RULE_ADD_DIRECT, "a direct conversation has its two people; make a room for more");
	for (size_t i = 0; i < room->members_n; i++) {
		if (sp_id16_equal(&room->members[i].account_id, &c->me.account_id) && room->members[i].role == SP_RULES_ADMIN)
			return SP_OK;
	}
	return SP_FAIL(&c->diag, SP_ERR_DENIED, SP_RULE_ADD_ADMIN, "only an admin of the room adds and removes people");
}

struct change {
	struct sp_client *client;
	const char *room;
	const char *const *people;
	size_t people_n;
	bool is_removal;
};

static enum sp_err check_all_in(struct sp_client *c, const struct sp_id16 *id, const struct sp_id16 *accounts, size_t n)
{
	struct sp__room *room;
	SP_TRY(sp__room_get(c, &room, id));
	for (size_t i = 0; i < n; i++) {
		if (!sp__room_has_account(room, &accounts[i]))
			return SP_FAIL(&c->diag, SP_ERR_NOT_FOUND, 0, "this person is not in the room");
	}
	return SP_OK;
}

/* Was it our own command, killed before, that removed them? Then it is done. */
static enum sp_err change_room(const struct change *change, struct sp_id16 *out_id, struct sp_id16 *accounts)
{
	struct sp_client *c = change->client;
	size_t n;
	bool was_wished = false;
	enum sp_err known = sp__room_find(c, out_id, change->room);
	if (known == SP_OK)
		SP_TRY(has_intent(c, out_id, &was_wished));
	SP_TRY(sp__sync(c));
	SP_TRY(sp__room_find(c, out_id, change->room));
	SP_TRY(find_people(c, change->people, change->people_n, accounts, &n));
	SP_TRY(check_may_change(c, out_id));
	if (change->is_removal && !was_wished)
		SP_TRY(check_all_in(c, out_id, accounts, n));
	return change->is_removal ? sp__room_change(c, out_id, NULL, 0, accounts, n) : sp__room_change(c, out_id, accounts, n, NULL, 0);
}

static enum sp_err run_change(const struct change *change, struct sp_client_rooms *out)
{
	struct sp_id16 id = {0}, *accounts = sp_alloc_array(SP_MAX(change->people_n, (size_t)1), sizeof *accounts);
	*out = (struct sp_client_rooms){0};
	enum sp_err e = accounts ? change_room(change, &id, accounts) : SP_ERR_NOMEM;
	sp_free(accounts);
	return finish(change->client, e, out, &id, 1);
}

enum sp_err sp_client_room_add(struct sp_client *client, const char *room, const char *const *people, size_t n, struct sp_client_rooms *out)
{
	struct change change = {client, room, people, n, false};
	return run_change(&change, out);
}

enum sp_err sp_client_room_remove(struct sp_client *client, const char *room, const char *const *people, size_t n, struct sp_client_rooms *out)
{
	struct change change = {client, room, people, n, true};
	return run_change(&change, out);
}

static enum sp_err leave(struct sp_client *c, const char *text, struct sp_id16 *out_id)
{
	struct sp__room *room;
	SP_TRY(sp__sync(c));
	SP_TRY(sp__room_find(c, out_id, text));
	SP_TRY(sp__room_get(c, &room, out_id));
	if (room->kind != SP_RULES_ROOM)
		return SP_FAIL(&c->diag, SP_ERR_DENIED, 0, "a direct conversation and the room of everyone are not left");
	return room->status == SP__ROOM_LEFT ? SP_OK : sp__room_leave(c, out_id);
}

enum sp_err sp_client_room_leave(struct sp_client *client, const char *room, struct sp_client_rooms *out)
{
	struct sp_id16 id = {0};
	*out = (struct sp_client_rooms){0};
	enum sp_err e = leave(client, room, &id);
	return finish(client, e, out, &id, 1);
}
