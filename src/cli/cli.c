/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of commands, the dispatcher, help, and the profile that commands share.
 */
#include "cli/cli_priv.h"

#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"

const struct sp_cli_command sp__cli_commands[] = {
	{"join", "LINK --name NAME", "join an organisation with an invitation",
	 "Makes this device's key, checks the organisation's fingerprint against the link, gets the certificate.\n"
	 "  --name NAME          the name the invitation is for\n",
	 sp__cli_join},
	{"whoami", "", "this account and device", "", sp__cli_whoami},
	{"people", "", "everyone in the organisation", "", sp__cli_people},
	{"invite", "NAME [--admin]", "make an invitation (administrators)",
	 "Prints the command that the invited person runs. It works once and expires.\n"
	 "  --admin              the invited person becomes an administrator too\n",
	 sp__cli_invite},
	{"send", "TO [TEXT] [-m TEXT]", "send a message to a person or a room",
	 "TO is a person (bob), a room's name, `everyone`, or the beginning of an id. `-` as TEXT reads standard input.\n"
	 "  -m, --message TEXT   the text, when it begins with a dash\n",
	 sp__cli_send},
	{"inbox", "[--all|--sent] [ROOM]", "unopened messages", "Listing opens nothing.\n"
	 "  --all                opened and own messages too\n"
	 "  --sent               own messages\n",
	 sp__cli_inbox},
	{"read", "ID", "show a message, which opens it", "ID may be any unique beginning of one, or `last`.\n", sp__cli_read},
	{"status", "ID|last", "stored, delivered, opened: per person", "", sp__cli_status},
	{"room", "new|list|show|add|remove|leave ...", "rooms",
	 "  room new NAME [--private] PERSON...   a room of its own; you are its administrator\n"
	 "  room list                             the rooms you are in\n"
	 "  room show ROOM                        its members\n"
	 "  room add ROOM PERSON...               they read what comes from now on\n"
	 "  room remove ROOM PERSON...            they read nothing from now on\n"
	 "  room leave ROOM\n",
	 sp__cli_room},
	{"listen", "", "stay online; print what comes", "Ends with Ctrl-C. With --json: one object a line.\n", sp__cli_listen},
	{"doctor", "", "check this installation", "", sp__cli_doctor},
	{"shell", "", "the same commands at a prompt, and a menu", "", sp__cli_shell},
	{"try", "[--once]", "a throw-away organisation that shows a conversation",
	 "Starts a server and two people in a temporary folder; Ctrl-C deletes it.\n"
	 "  --once               show it and end\n",
	 sp__cli_try},
};
const size_t sp__cli_command_count = SP_ARRAY_LEN(sp__cli_commands);

struct sp_cli_options sp__cli_global_options(struct sp_cli *cli, struct sp_cli_option storage[SP_CLI_GLOBALS])
{
	const struct sp_cli_option all[SP_CLI_GLOBALS] = {
		{"home", 0, &cli->home, NULL},       {"passphrase-file", 0, &cli->passphrase_file, NULL},
		{"json", 0, NULL, &cli->json},       {"quiet", 'q', NULL, &cli->quiet},
		{"help", 'h', NULL, &cli->wants_help}, {"version", 0, NULL, &cli->wants_version},
	};
	sp_copy(storage, all, sizeof all);
	return (struct sp_cli_options){storage, SP_CLI_GLOBALS};
}

/* -- help ------------------------------------------------------------------------------------------------------------ */

static const char global_help[] = "Everywhere:\n"
				  "  --home DIR              the profile's folder (SEALPOST_HOME)\n"
				  "  --passphrase-file FILE  its first line is the passphrase (SEALPOST_PASSPHRASE_FILE)\n"
				  "  --json                  one JSON document instead of text\n"
				  "  -q, --quiet             no talk on standard error\n"
				  "  -h, --help              this; `sealpost COMMAND --help` says more\n"
				  "  --version\n"
				  "Exit: 0 done, 1 failed, 2 usage, 3 refused, 4 not found, 5 server unreachable\n";

static void print_help(FILE *to)
{
	fputs("Encrypted messages through a server that cannot read them.\n\nUsage: sealpost [OPTIONS] COMMAND ...\n\n", to);
	for (size_t i = 0; i < sp__cli_command_count; i++)
		fprintf(to, "  %-8s %s\n", sp__cli_commands[i].name, sp__cli_commands[i].summary);
	fprintf(to, "\n%s", global_help);
}

static void print_command_help(const struct sp_cli_command *c)
{
	printf("sealpost %s %s\n\n%c%s.\n%s\n%s", c->name, c->arguments, c->summary[0] - 'a' + 'A', c->summary + 1, c->details, global_help);
}

/* -- the profile ------------------------------------------------------------------------------------------------------- */

enum sp_err sp__cli_home(struct sp_cli *cli, char *out, size_t size)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	int n = -1;
	if (cli->home)
		n = snprintf(out, size, "%s", cli->home);
	else if (data && data[0] == '/')
		n = snprintf(out, size, "%s/sealpost", data);
	else if (home && home[0])
		n = snprintf(out, size, "%s/.local/share/sealpost", home);
	if (n <= 0 || (size_t)n >= size)
		return sp__cli_fail(cli, SP_ERR_USAGE, "where is the profile?", NULL, "give --home DIR or set SEALPOST_HOME");
	return SP_OK;
}

enum sp_err sp__cli_open_profile(struct sp_cli *cli, bool create)
{
	char home[4096];
	struct sp_buf passphrase;
	if (cli->client)
		return SP_OK;
	SP_TRY(sp__cli_home(cli, home, sizeof home));
	bool exists = sp_client_home_has_profile(home);
	if (!exists && !create)
		return sp__cli_fail(cli, SP_ERR_NOT_FOUND, "there is no profile yet", home, "join first: sealpost join LINK --name NAME");
	sp_buf_init(&passphrase, SP_CLI_PASSPHRASE_MAX);
	enum sp_err e = sp__cli_passphrase(cli, !exists, &passphrase);
	if (e == SP_OK) {
		struct sp_client_config config = {.home = home, .passphrase = sp_buf_bytes(&passphrase), .create = create};
		e = sp_client_open(&cli->client, &config);
		if (e != SP_OK)
			(void)sp__cli_failed(cli, e, "the profile cannot be opened", NULL);
	}
	sp_buf_clear(&passphrase);
	return e;
}

enum sp_err sp__cli_open(struct sp_cli *cli)
{
	SP_TRY(sp__cli_open_profile(cli, false));
	if (!sp_client_is_joined(cli->client))
		return sp__cli_fail(cli, SP_ERR_NOT_FOUND, "this profile has not joined an organisation", NULL,
				    "join first: sealpost join LINK --name NAME");
	return SP_OK;
}

/* -- dispatch ------------------------------------------------------------------------------------------------------------ */

static const struct sp_cli_command *find_command(const char *name)
{
	for (size_t i = 0; i < sp__cli_command_count; i++)
		if (strcmp(sp__cli_commands[i].name, name) == 0)
			return &sp__cli_commands[i];
	return NULL;
}

/* Global options before the command's name. */
static enum sp_err take_leading(struct sp_cli *cli, struct sp_cli_args *args)
{
	while (args->n > 0 && args->v[0][0] == '-') {
		size_t taken = 0;
		SP_TRY(sp__cli_args_global(cli, args, &taken));
		args->v += taken;
		args->n -= taken;
	}
	return SP_OK;
}

static enum sp_err run_command(struct sp_cli *cli, struct sp_cli_args *args)
{
	SP_TRY(take_leading(cli, args));
	if (cli->wants_version) {
		printf("sealpost %s\n", SEALPOST_VERSION);
		return SP_OK;
	}
	if (args->n == 0 && cli->wants_help) {
		print_help(stdout);
		return SP_OK;
	}
	if (args->n == 0)
		return sp__cli_usage(cli, "no command was given", NULL);
	cli->command = find_command(args->v[0]);
	if (!cli->command)
		return sp__cli_usage(cli, "there is no such command", args->v[0]);
	args->v++;
	args->n--;
	enum sp_err e = cli->command->run(cli, args);
	if (cli->wants_help) {
		print_command_help(cli->command);
		return SP_OK;
	}
	return e;
}

/* A line that could not be parsed may have asked for JSON all the same. */
static bool asks_for_json(const struct sp_cli_args *args)
{
	for (size_t i = 0; i < args->n && strcmp(args->v[i], "--") != 0; i++)
		if (strcmp(args->v[i], "--json") == 0)
			return true;
	return false;
}

int sp__cli_dispatch(struct sp_cli *cli, struct sp_cli_args *args)
{
	bool wants_json = asks_for_json(args);
	cli->command = NULL;
	cli->failure = (struct sp_cli_failure){0};
	cli->is_told = false;
	enum sp_err e = run_command(cli, args);
	if (e == SP_OK)
		e = sp__cli_flush(cli);
	if (e != SP_OK && !cli->is_told) {
		cli->json |= e == SP_ERR_USAGE && wants_json;
		sp__cli_print_failure(cli, e);
	}
	return sp__cli_exit_code(e);
}

int sp_cli_run(int argc, char **argv)
{
	struct sp_cli cli = {.home = getenv("SEALPOST_HOME"), .passphrase_file = getenv("SEALPOST_PASSPHRASE_FILE"), .program = argv[0]};
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	cli.color = isatty(STDOUT_FILENO) && !(no_color && no_color[0]) && term && strcmp(term, "dumb") != 0;
	setlocale(LC_ALL, "");
	signal(SIGPIPE, SIG_IGN); /* a closed pipe is a failed write, which is reported */
	const char **v = sp_alloc_array((size_t)argc + 1, sizeof *v);
	if (!v)
		return sp__cli_exit_code(SP_ERR_NOMEM);
	for (int i = 1; i < argc; i++)
		v[i - 1] = argv[i];
	struct sp_cli_args args = {v, argc > 0 ? (size_t)argc - 1 : 0};
	int code = sp__cli_dispatch(&cli, &args);
	sp_client_close(&cli.client);
	sp_free(v);
	return code;
}
