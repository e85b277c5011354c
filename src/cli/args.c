/* SPDX-License-Identifier: Apache-2.0
 *
 * Arguments of one command: options (long, short, with or without a value; anywhere) and the rest in order. The global
 * options are accepted everywhere. `--` ends options; `-` alone is an argument (stdin).
 */
#include "cli/cli_priv.h"

static const struct sp_cli_option *find_option(const struct sp_cli_options *o, const char *arg, const char **out_value)
{
	*out_value = NULL;
	for (size_t i = 0; i < o->n; i++) {
		const struct sp_cli_option *option = &o->options[i];
		size_t length = strlen(option->name);
		if (strncmp(arg, "--", 2) == 0 && strncmp(arg + 2, option->name, length) == 0) {
			if (arg[2 + length] == '\0')
				return option;
			if (arg[2 + length] == '=' && option->value) {
				*out_value = arg + 3 + length;
				return option;
			}
		}
		if (option->letter && arg[1] == option->letter && arg[2] == '\0')
			return option;
	}
	return NULL;
}

/* *at is the option's index; moves on by one when the next argument is its value. */
static enum sp_err take_option(struct sp_cli *cli, const struct sp_cli_options *o, struct sp_cli_args *args, size_t *at, bool *out_found)
{
	const char *value;
	const struct sp_cli_option *option = find_option(o, args->v[*at], &value);
	*out_found = option != NULL;
	if (!option)
		return SP_OK;
	if (option->flag) {
		*option->flag = true;
		return SP_OK;
	}
	if (!value) {
		if (*at + 1 >= args->n)
			return sp__cli_usage(cli, "an option lacks its value", args->v[*at]);
		value = args->v[++*at];
	}
	*option->value = value;
	return SP_OK;
}

static enum sp_err take_any(struct sp_cli *cli, const struct sp_cli_options *own, struct sp_cli_args *args, size_t *at)
{
	struct sp_cli_option global[SP_CLI_GLOBALS];
	struct sp_cli_options globals = sp__cli_global_options(cli, global);
	bool found;
	SP_TRY(take_option(cli, own, args, at, &found));
	if (!found)
		SP_TRY(take_option(cli, &globals, args, at, &found));
	if (!found)
		return sp__cli_usage(cli, "unknown option", args->v[*at]);
	return SP_OK;
}

enum sp_err sp__cli_args_global(struct sp_cli *cli, struct sp_cli_args *args, size_t *out_taken)
{
	const struct sp_cli_options none = {NULL, 0};
	size_t at = 0;
	SP_TRY(take_any(cli, &none, args, &at));
	*out_taken = at + 1;
	return SP_OK;
}

enum sp_err sp__cli_args_parse(struct sp_cli *cli, struct sp_cli_args *args, const struct sp_cli_options *own, size_t min, size_t max)
{
	size_t kept = 0;
	bool only_rest = false;
	for (size_t at = 0; at < args->n; at++) {
		const char *arg = args->v[at];
		if (!only_rest && strcmp(arg, "--") == 0)
			only_rest = true;
		else if (!only_rest && arg[0] == '-' && arg[1] != '\0')
			SP_TRY(take_any(cli, own, args, &at));
		else
			args->v[kept++] = args->v[at];
	}
	args->n = kept;
	if (cli->wants_help)
		return SP_ERR_USAGE; /* the dispatcher prints the help instead */
	if (kept < min)
		return sp__cli_usage(cli, "an argument is missing", NULL);
	if (kept > max)
		return sp__cli_usage(cli, "too many arguments", args->v[max]);
	return SP_OK;
}
