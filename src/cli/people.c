/* SPDX-License-Identifier: Apache-2.0
 *
 * sealpost people, sealpost invite.
 */
#include "cli/cli_priv.h"

static json_t *person_json(const struct sp_client_person *p)
{
	return json_pack("{s:o,s:s,s:b,s:o,s:i,s:b,s:b,s:b,s:b,s:b,s:b}", "account", sp__cli_json_text(sp_bytes_str(p->account)), "account_id",
			 p->account_id, "me", (int)p->is_me, "fingerprint", sp__cli_json_hash(&p->fingerprint), "devices", (int)p->devices, "online",
			 (int)p->is_online, "checked", (int)p->is_checked, "admin", (int)p->is_admin, "disabled", (int)p->is_disabled, "recovered",
			 (int)p->is_recovered, "refused", (int)p->is_refused);
}

static json_t *people_json(const struct sp_client_people *people)
{
	json_t *list = json_array();
	for (size_t i = 0; i < people->n; i++)
		if (json_array_append_new(list, person_json(&people->items[i])) != 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static void print_person(struct sp_cli *cli, const struct sp_client_person *p, size_t width)
{
	sp__cli_put_padded(stdout, sp_bytes_str(p->account), width);
	fputs("  ", stdout);
	sp__cli_print_fingerprint_short(stdout, &p->fingerprint);
	printf("  %u device%s%s%s%s%s", p->devices, p->devices == 1 ? "" : "s", p->is_online ? ", online" : "", p->is_admin ? ", admin" : "",
	       p->is_disabled ? ", disabled" : "", p->is_checked ? ", checked" : "");
	if (p->is_recovered)
		printf("  %sthe account was begun anew by the organisation%s", sp__cli_style(cli, "\033[33m"), sp__cli_style(cli, "\033[0m"));
	if (p->is_refused)
		printf("  %sREFUSED: devices that no earlier device signed; nothing is sent to them%s", sp__cli_style(cli, "\033[31m"),
		       sp__cli_style(cli, "\033[0m"));
	printf("%s\n", p->is_me ? "  → me" : "");
}

static void print_people(struct sp_cli *cli, const struct sp_client_people *people)
{
	size_t width = 0;
	for (size_t i = 0; i < people->n; i++)
		width = SP_MAX(width, sp__cli_width(sp_bytes_str(people->items[i].account)));
	for (size_t i = 0; i < people->n; i++)
		print_person(cli, &people->items[i], width);
	sp__cli_tell_offline(cli, people->is_offline);
}

enum sp_err sp__cli_people(struct sp_cli *cli, struct sp_cli_args *args)
{
	const struct sp_cli_options none = {NULL, 0};
	struct sp_client_people people = {0};
	SP_TRY(sp__cli_args_parse(cli, args, &none, 0, 0));
	SP_TRY(sp__cli_open(cli));
	enum sp_err e = sp_client_people(cli->client, &people);
	if (e != SP_OK)
		(void)sp__cli_failed(cli, e, "cannot list people", NULL);
	else if (cli->json)
		e = sp__cli_print_json(cli, people_json(&people));
	else
		print_people(cli, &people);
	sp_client_result_free(&people.mem);
	return e;
}

static enum sp_err show_invitation(struct sp_cli *cli, const struct sp_client_invitation *i)
{
	char until[SP_TIME_TEXT_MAX], command[1024];
	snprintf(command, sizeof command, "sealpost join '%s' --name %s", i->link, i->name);
	if (cli->json)
		return sp__cli_print_json(cli, json_pack("{s:s,s:s,s:s,s:o}", "link", i->link, "name", i->name, "command", command, "expires",
							 sp__cli_json_time(i->expires)));
	printf("%s\n", command);
	sp__cli_time_text(until, i->expires, sp__cli_now());
	sp__cli_talk(cli, "give this command to %s by a way you trust; it works once, until %s", i->name, until);
	return SP_OK;
}

enum sp_err sp__cli_invite(struct sp_cli *cli, struct sp_cli_args *args)
{
	bool admin = false;
	const struct sp_cli_option options[] = {{"admin", 0, NULL, &admin}};
	struct sp_client_invitation invitation = {0};
	SP_TRY(sp__cli_args_parse(cli, args, &(struct sp_cli_options){options, SP_ARRAY_LEN(options)}, 1, 1));
	SP_TRY(sp__cli_open(cli));
	enum sp_err e = sp_client_invite(cli->client, args->v[0], admin, 0, &invitation);
	if (e == SP_ERR_DENIED)
		(void)sp__cli_fail(cli, e, "only administrators invite", NULL, "ask one, or on the server: sealpostd invite --dir D NAME");
	else if (e != SP_OK)
		(void)sp__cli_failed(cli, e, "could not invite", NULL);
	else
		e = show_invitation(cli, &invitation);
	sp_client_result_free(&invitation.mem);
	return e;
}
