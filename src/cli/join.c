/* SPDX-License-Identifier: Apache-2.0
 *
 * sealpost join, sealpost whoami: this device's identity.
 */
#include "cli/cli_priv.h"

static json_t *me_json(const struct sp_client_me *me)
{
	return json_pack("{s:o,s:s,s:o,s:o,s:{s:s,s:o},s:o,s:o,s:b,s:o}", "account", sp__cli_json_text(sp_bytes_str(me->account)), "account_id",
			 me->account_id, "organisation", sp__cli_json_text(sp_bytes_str(me->organisation)), "server",
			 sp__cli_json_text(sp_bytes_str(me->server)), "device", "id", me->device_id, "name",
			 sp__cli_json_text(sp_bytes_str(me->device_name)), "fingerprint", sp__cli_json_hash(&me->fingerprint),
			 "organisation_fingerprint", sp__cli_json_hash(&me->organisation_fingerprint), "admin", (int)me->is_admin,
			 "certificate_until", sp__cli_json_time(me->certificate_until));
}

static void print_me(struct sp_cli *cli, const struct sp_client_me *me)
{
	char until[SP_TIME_TEXT_MAX];
	sp__cli_time_text(until, me->certificate_until, sp__cli_now());
	printf("account       %s%s%s%s\n", sp__cli_style(cli, "\033[1m"), me->account, sp__cli_style(cli, "\033[0m"),
	       me->is_admin ? " (administrator)" : "");
	sp__cli_print_fingerprint(stdout, "fingerprint", &me->fingerprint);
	printf("device        %.8s ", me->device_id);
	sp__cli_put(stdout, sp_bytes_str(me->device_name), SP_CLI_PUT_LINE);
	printf(", certificate until %s\n", until);
	printf("organisation  %s at %s\n", me->organisation, me->server);
	sp__cli_print_fingerprint(stdout, "fingerprint", &me->organisation_fingerprint);
}

enum sp_err sp__cli_whoami(struct sp_cli *cli, struct sp_cli_args *args)
{
	const struct sp_cli_options none = {NULL, 0};
	struct sp_client_me me = {0};
	SP_TRY(sp__cli_args_parse(cli, args, &none, 0, 0));
	SP_TRY(sp__cli_open(cli));
	enum sp_err e = sp_client_whoami(cli->client, &me);
	if (e != SP_OK)
		(void)sp__cli_failed(cli, e, "cannot tell who you are", NULL);
	else if (cli->json)
		e = sp__cli_print_json(cli, me_json(&me));
	else
		print_me(cli, &me);
	sp_client_result_free(&me.mem);
	return e;
}

static void tell_join(struct sp_cli *cli, const struct sp_client_me *me)
{
	char until[SP_TIME_TEXT_MAX];
	sp__cli_time_text(until, me->certificate_until, sp__cli_now());
	sp__cli_talk(cli, "organisation fingerprint matches the link");
	if (!cli->quiet)
		sp__cli_print_fingerprint(stderr, "", &me->organisation_fingerprint);
	if (me->was_joined_before)
		sp__cli_talk(cli, "this profile had joined before; nothing was changed");
	else
		sp__cli_talk(cli, "certificate for %s saved, until %s", me->account, until);
	if (cli->json)
		return;
	printf("joined %s as %s\n", me->organisation, me->account);
	sp__cli_talk(cli, "next: sealpost people, sealpost send NAME \"Hello\"%s", me->is_admin ? ", sealpost invite NAME" : "");
}

enum sp_err sp__cli_join(struct sp_cli *cli, struct sp_cli_args *args)
{
	const char *name = NULL;
	const struct sp_cli_option options[] = {{"name", 0, &name, NULL}};
	struct sp_client_me me = {0};
	SP_TRY(sp__cli_args_parse(cli, args, &(struct sp_cli_options){options, SP_ARRAY_LEN(options)}, 1, 1));
	SP_TRY(sp__cli_open_profile(cli, true));
	enum sp_err e = sp_client_join(cli->client, args->v[0], name, &me);
	if (e == SP_ERR_USAGE)
		(void)sp__cli_fail(cli, e, "this is not an invitation link, or not a name", sp_client_diag(cli->client)->text,
				   "it looks like: sealpost join 'sealpost://HOST:PORT/FINGERPRINT/TOKEN' --name alice");
	else if (e != SP_OK)
		(void)sp__cli_failed(cli, e, "could not join", NULL);
	else
		tell_join(cli, &me);
	if (e == SP_OK && cli->json)
		e = sp__cli_print_json(cli, me_json(&me));
	sp_client_result_free(&me.mem);
	return e;
}
