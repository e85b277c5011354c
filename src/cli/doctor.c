/* SPDX-License-Identifier: Apache-2.0
 *
 * sealpost doctor: a green list, or the thing to fix and its command.
 */
#include "cli/cli_priv.h"

static const char *health_name(enum sp_client_health h)
{
	switch (h) {
	case SP_CLIENT_GOOD:
		return "good";
	case SP_CLIENT_WARNING:
		return "warning";
	case SP_CLIENT_BAD:
		break;
	}
	return "bad";
}

static json_t *checks_json(const struct sp_client_doctor *d)
{
	json_t *list = json_array();
	for (size_t i = 0; i < d->n; i++) {
		const struct sp_client_check *c = &d->items[i];
		json_t *item = json_pack("{s:s,s:s,s:o,s:o}", "name", c->name, "health", health_name(c->health), "text",
					 sp__cli_json_text(sp_bytes_str(c->text)), "command", sp__cli_json_text(sp_bytes_str(c->command)));
		if (json_array_append_new(list, item) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static void print_check(struct sp_cli *cli, const struct sp_client_check *c)
{
	static const char *const marks[] = {[SP_CLIENT_GOOD] = "ok  ", [SP_CLIENT_WARNING] = "warn", [SP_CLIENT_BAD] = "BAD "};
	static const char *const colors[] = {[SP_CLIENT_GOOD] = "\033[32m", [SP_CLIENT_WARNING] = "\033[33m", [SP_CLIENT_BAD] = "\033[31m"};
	printf("%s%s%s  %-12s  ", sp__cli_style(cli, colors[c->health]), marks[c->health], sp__cli_style(cli, "\033[0m"), c->name);
	sp__cli_put(stdout, sp_bytes_str(c->text), SP_CLI_PUT_LINE);
	if (c->command[0]) {
		fputs("; ", stdout);
		sp__cli_put(stdout, sp_bytes_str(c->command), SP_CLI_PUT_LINE);
	}
	fputc('\n', stdout);
}

static enum sp_err verdict(struct sp_cli *cli, const struct sp_client_doctor *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->items[i].health == SP_CLIENT_BAD)
			return SP_ERR_INVALID;
	return SP_OK;
}

enum sp_err sp__cli_doctor(struct sp_cli *cli, struct sp_cli_args *args)
{
	const struct sp_cli_options none = {NULL, 0};
	struct sp_client_doctor doctor = {0};
	SP_TRY(sp__cli_args_parse(cli, args, &none, 0, 0));
	SP_TRY(sp__cli_open(cli));
	enum sp_err e = sp_client_doctor(cli->client, &doctor);
	if (e != SP_OK)
		(void)sp__cli_failed(cli, e, "the check itself failed", NULL);
	else if (cli->json)
		e = sp__cli_print_json(cli, checks_json(&doctor));
	for (size_t i = 0; e == SP_OK && !cli->json && i < doctor.n; i++)
		print_check(cli, &doctor.items[i]);
	if (e == SP_OK) {
		e = verdict(cli, &doctor);
		cli->is_told = e != SP_OK; /* the list says it */
	}
	sp_client_result_free(&doctor.mem);
	return e;
}
