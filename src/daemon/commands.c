/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of commands, their options, and the help that lists what is here.
 */
#include <getopt.h>
#include <stdio.h>

#include "daemon/daemon_priv.h"

static const struct sp_daemon_command commands[] = {
	{"init", "nlprs", 0,
	 "init --dir DIR --name ORGANISATION [--listen HOST:PORT] [--public HOST:PORT] [--registration invite|open]"
	 " [--store sqlite:FILE]",
	 "make an organisation; prints its fingerprint and the first admin's invitation", sp__daemon_init},
	{"run", "u", 0, "run --dir DIR [--unsafe-one-uid]",
	 "serve in the foreground; prints \"ready ADDRESS\"; SIGTERM ends it, SIGHUP reads the configuration again", sp__daemon_run},
	{"invite", "ad", 1, "invite --dir DIR [--admin] [--days N] [NAME]",
	 "make an invitation that works once; prints the invited one's command", sp__daemon_invite},
	{"user", "", 2, "user --dir DIR list | disable NAME | enable NAME", "accounts; disabling one revokes its certificates at once", sp__daemon_user},
	{"audit", "", 0, "audit --dir DIR", "print the keeper's ledger, checked entry by entry", sp__daemon_audit},
	{"check", "", 0, "check --dir DIR", "is everything in the folder whole? changes nothing", sp__daemon_check},
};

static const struct option options[] = {
	{"dir", required_argument, NULL, 'D'},
	{"json", no_argument, NULL, 'J'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{"name", required_argument, NULL, 'n'},
	{"listen", required_argument, NULL, 'l'},
	{"public", required_argument, NULL, 'p'},
	{"registration", required_argument, NULL, 'r'},
	{"store", required_argument, NULL, 's'},
	{"unsafe-one-uid", no_argument, NULL, 'u'},
	{"admin", no_argument, NULL, 'a'},
	{"days", required_argument, NULL, 'd'},
	{NULL, 0, NULL, 0},
};

static int help(void)
{
	printf("sealpostd %s: the Sealpost server\n\n", SEALPOST_VERSION);
	for (size_t i = 0; i < SP_ARRAY_LEN(commands); i++)
		printf("  sealpostd %s\n      %s\n", commands[i].usage, commands[i].summary);
	printf("\nEvery command that prints data takes --json. Exit: 0 done, 1 failed, 2 usage, 3 refused, 4 not found, 5 unreachable.\n");
	return 0;
}

static int help_of(const struct sp_daemon_command *c)
{
	printf("usage: sealpostd %s [--json]\n%s\n", c->usage, c->summary);
	return 0;
}

static const struct sp_daemon_command *find(const char *name)
{
	for (size_t i = 0; i < SP_ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static void set_option(struct sp_daemon_call *call, int letter, const char *value)
{
	switch (letter) {
	case 'D':
		call->dir = value;
		break;
	case 'J':
		call->is_json = true;
		break;
	case 'n':
		call->name = value;
		break;
	case 'l':
		call->listen = value;
		break;
	case 'p':
		call->public = value;
		break;
	case 'r':
		call->registration = value;
		break;
	case 's':
		call->store = value;
		break;
	case 'u':
		call->is_one_uid_accepted = true;
		break;
	case 'a':
		call->is_admin = true;
		break;
	case 'd':
		call->days = value;
		break;
	default:
		break;
	}
}

/* 0: go on; -1: help was asked for; else an exit code. */
static int parse(struct sp_daemon_call *call, int argc, char **argv)
{
	int letter;
	opterr = 0;
	while ((letter = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (letter == 'h' || letter == 'V')
			return -1;
		if (letter == ':')
			return sp__daemon_usage(call, "an option lacks its value");
		if (letter == '?' || (letter != 'D' && letter != 'J' && !strchr(call->command->options, letter)))
			return sp__daemon_usage(call, "unknown option");
		set_option(call, letter, optarg);
	}
	for (; optind < argc; optind++) {
		if (call->args_n >= call->command->args_max)
			return sp__daemon_usage(call, "too many arguments");
		call->args[call->args_n++] = argv[optind];
	}
	return call->dir ? 0 : sp__daemon_usage(call, "--dir DIR is missing");
}

/* --json counts wherever it stands, also for what goes wrong before it is reached. */
static bool json_is_wished(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--json") == 0)
			return true;
	return false;
}

int sp_daemon_main(int argc, char **argv)
{
	struct sp_daemon_call call = {.is_json = json_is_wished(argc, argv)};
	const char *first = argc > 1 ? argv[1] : "";
	if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0 || strcmp(first, "help") == 0)
		return help();
	if (strcmp(first, "--version") == 0) {
		printf("sealpostd %s\n", SEALPOST_VERSION);
		return 0;
	}
	call.command = find(first);
	if (!call.command)
		return sp__daemon_usage(&call, *first ? "unknown command" : "a command is missing");
	int code = parse(&call, argc - 1, argv + 1);
	if (code == -1)
		return help_of(call.command);
	if (code != 0)
		return code;
	enum sp_err e = sp_crypto_init(); /* before any chroot: OpenSSL reads its configuration */
	return e == SP_OK ? call.command->run(&call) : sp__daemon_fail(&call, e, "OpenSSL here", "3.0.22 or later is needed");
}
