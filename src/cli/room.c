/* SPDX-License-Identifier: Apache-2.0
 *
 * sealpost room new | list | show | add | remove | leave.
 */
#include "cli/cli_priv.h"

static void print_room_line(struct sp_cli *cli, const struct sp_client_room *room)
{
	printf("%.8s  ", room->id);
	sp__cli_put_padded(stdout, sp_bytes_str(room->name), 24);
	printf("  %s  %zu %s%s%s\n", sp__cli_mode_name(room->mode), room->members_n, room->members_n == 1 ? "person" : "people",
	       room->is_direct ? ", direct" : "", room->is_left ? ", left" : room->is_closed ? ", closed" : "");
	if (room->trouble && room->trouble[0]) {
		printf("          %s", sp__cli_style(cli, "\033[33m"));
		sp__cli_put(stdout, sp_bytes_str(room->trouble), SP_CLI_PUT_LINE);
		printf("%s\n", sp__cli_style(cli, "\033[0m"));
	}
}

static void print_room(struct sp_cli *cli, const struct sp_client_room *room)
{
	print_room_line(cli, room);
	for (size_t i = 0; i < room->members_n; i++) {
		const struct sp_client_room_member *m = &room->members[i];
		fputs("          ", stdout);
		sp__cli_put(stdout, sp_bytes_str(m->account), SP_CLI_PUT_LINE);
		printf("%s%s\n", m->role == SP_CLIENT_ADMIN ? ", admin" : m->role == SP_CLIENT_READER ? ", reader" : "", m->is_me ? "  → me" : "");
	}
}

static json_t *rooms_json(const struct sp_client_rooms *rooms)
{
	json_t *list = json_array();
	for (size_t i = 0; i < rooms->n; i++)
		if (json_array_append_new(list, sp__cli_json_room(&rooms->items[i])) != 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static enum sp_err show_rooms(struct sp_cli *cli, const struct sp_client_rooms *rooms, bool one)
{
	if (cli->json)
		return sp__cli_print_json(cli, one ? sp__cli_json_room(&rooms->items[0]) : rooms_json(rooms));
	for (size_t i = 0; i < rooms->n; i++)
		(one ? print_room : print_room_line)(cli, &rooms->items[i]);
	if (rooms->n == 0)
		sp__cli_talk(cli, "no rooms yet: sealpost room new NAME --private PERSON...");
	sp__cli_tell_offline(cli, rooms->is_offline);
	return SP_OK;
}

struct request {
	const char *room;
	const char *const *people;
	size_t n;
};

static enum sp_err do_list(struct sp_client *c, const struct request *r, struct sp_client_rooms *out)
{
	return sp_client_room_list(c, out);
}
static enum sp_err do_show(struct sp_client *c, const struct request *r, struct sp_client_rooms *out)
{
	return sp_client_room_show(c, r->room, out);
}
static enum sp_err do_new(struct sp_client *c, const struct request *r, struct sp_client_rooms *out)
{
	return sp_client_room_new(c, r->room, r->people, r->n, out);
}
static enum sp_err do_add(struct sp_client *c, const struct request *r, struct sp_client_rooms *out)
{
	return sp_client_room_add(c, r->room, r->people, r->n, out);
}
static enum sp_err do_remove(struct sp_client *c, const struct request *r, struct sp_client_rooms *out)
{
	return sp_client_room_remove(c, r->room, r->people, r->n, out);
}
static enum sp_err do_leave(struct sp_client *c, const struct request *r, struct sp_client_rooms *out)
{
	return sp_client_room_leave(c, r->room, out);
}

static const struct action {
	const char *name;
	size_t min, max; /* arguments after the action's name */
	const char *what; /* when it fails */
	enum sp_err (*run)(struct sp_client *c, const struct request *r, struct sp_client_rooms *out);
} actions[] = {
	{"new", 1, SP_LIMIT_ROOM_LEAVES, "the room was not made", do_new},
	{"list", 0, 0, "cannot list rooms", do_list},
	{"show", 1, 1, "cannot show the room", do_show},
	{"add", 2, SP_LIMIT_ROOM_LEAVES, "nobody was added", do_add},
	{"remove", 2, SP_LIMIT_ROOM_LEAVES, "nobody was removed", do_remove},
	{"leave", 1, 1, "you are still in the room", do_leave},
};

static const struct action *find_action(const char *name)
{
	for (size_t i = 0; i < SP_ARRAY_LEN(actions); i++)
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
	return NULL;
}

static enum sp_err run_action(struct sp_cli *cli, const struct action *action, const struct request *request)
{
	struct sp_client_rooms rooms = {0};
	SP_TRY(sp__cli_open(cli));
	enum sp_err e = action->run(cli->client, request, &rooms);
	e = e == SP_OK ? show_rooms(cli, &rooms, action->run != do_list) : sp__cli_failed(cli, e, action->what, "see: sealpost room list, sealpost people");
	sp_client_result_free(&rooms.mem);
	return e;
}

enum sp_err sp__cli_room(struct sp_cli *cli, struct sp_cli_args *args)
{
	bool private_room = false; /* the one mode there is; to be named, because a room's mode never changes */
	const struct sp_cli_option options[] = {{"private", 0, NULL, &private_room}};
	SP_TRY(sp__cli_args_parse(cli, args, &(struct sp_cli_options){options, SP_ARRAY_LEN(options)}, 1, SP_LIMIT_ROOM_LEAVES));
	const struct action *action = find_action(args->v[0]);
	if (!action)
		return sp__cli_usage(cli, "room can do new, list, show, add, remove, leave, but not", args->v[0]);
	if (private_room && action->run != do_new)
		return sp__cli_usage(cli, "--private is for room new", NULL);
	if (args->n - 1 < action->min)
		return sp__cli_usage(cli, "an argument is missing", NULL);
	if (args->n - 1 > action->max)
		return sp__cli_usage(cli, "too many arguments", args->v[action->max + 1]);
	struct request request = {args->n > 1 ? args->v[1] : NULL, args->v + SP_MIN(args->n, (size_t)2), args->n > 2 ? args->n - 2 : 0};
	return run_action(cli, action, &request);
}
