/* SPDX-License-Identifier: Apache-2.0
 *
 * What is printed: talk, JSON, and failures. A failure is recorded by the one who knows what was being done, and
 * printed once, by the dispatcher.
 */
#include "cli/cli_priv.h"

#include <ctype.h>
#include <stdarg.h>

void sp__cli_talk(struct sp_cli *cli, const char *format, ...)
{
	if (cli->quiet)
		return;
	va_list list;
	fflush(stdout); /* what was printed before stands before */
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fputc('\n', stderr);
}

const char *sp__cli_style(const struct sp_cli *cli, const char *code)
{
	return cli->color ? code : "";
}

enum sp_err sp__cli_print_json(struct sp_cli *cli, json_t *document)
{
	/* ASCII only: what is unsafe on a terminal is escaped by JSON itself */
	size_t layout = cli->json_lines ? JSON_COMPACT : JSON_INDENT(2);
	int rc = document ? json_dumpf(document, stdout, JSON_ENSURE_ASCII | layout) : -1;
	json_decref(document);
	if (rc != 0)
		return SP_ERR_NOMEM;
	fputc('\n', stdout);
	return sp__cli_flush(cli);
}

/* Output that could not be written is a failure too (a full disk behind `> file`). */
enum sp_err sp__cli_flush(struct sp_cli *cli)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		return sp__cli_fail(cli, SP_ERR_IO, "the output could not be written", NULL, NULL);
	return SP_OK;
}

enum sp_err sp__cli_fail(struct sp_cli *cli, enum sp_err e, const char *what, const char *why, const char *hint)
{
	struct sp_cli_failure *f = &cli->failure;
	if (f->is_set)
		return f->err;
	f->is_set = true;
	f->err = e;
	snprintf(f->what, sizeof f->what, "%s", what ? what : "failed");
	snprintf(f->why, sizeof f->why, "%s", why ? why : "");
	snprintf(f->hint, sizeof f->hint, "%s", hint ? hint : "");
	return e;
}

enum sp_err sp__cli_usage(struct sp_cli *cli, const char *what, const char *which)
{
	const char *command = cli->command ? cli->command->name : NULL;
	char hint[64];
	snprintf(hint, sizeof hint, "sealpost %s%s--help", command ? command : "", command ? " " : "");
	return sp__cli_fail(cli, SP_ERR_USAGE, what, which, hint);
}

static void code_of(char out[32], enum sp_err e)
{
	const char *name = sp_err_name(e) + strlen("SP_ERR_");
	size_t i = 0;
	for (; name[i] && i < 31; i++)
		out[i] = (char)tolower((unsigned char)name[i]);
	out[i] = '\0';
}

static void print_failure_json(const struct sp_cli_failure *f)
{
	char code[32], message[sizeof f->what + sizeof f->why + 2];
	code_of(code, f->err);
	snprintf(message, sizeof message, "%s%s%s", f->what, f->why[0] ? ": " : "", f->why);
	json_t *text = sp__cli_json_text(sp_bytes_str(message)), *hint = sp__cli_json_text(sp_bytes_str(f->hint));
	json_t *document = json_pack("{s:{s:s,s:o,s:o}}", "error", "code", code, "message", text, "hint", hint);
	if (document)
		json_dumpf(document, stdout, JSON_ENSURE_ASCII | JSON_INDENT(2));
	json_decref(document);
	fputc('\n', stdout);
	fflush(stdout);
}

void sp__cli_print_failure(struct sp_cli *cli, enum sp_err e)
{
	struct sp_cli_failure *f = &cli->failure;
	if (!f->is_set)
		(void)sp__cli_fail(cli, e, sp_err_text(e), NULL, NULL);
	if (cli->json) {
		print_failure_json(f);
		return;
	}
	fputs("sealpost: ", stderr);
	sp__cli_put(stderr, sp_bytes_str(f->what), SP_CLI_PUT_LINE);
	if (f->why[0]) {
		fputs(": ", stderr);
		sp__cli_put(stderr, sp_bytes_str(f->why), SP_CLI_PUT_LINE);
	}
	if (f->hint[0]) {
		fputs("; ", stderr);
		sp__cli_put(stderr, sp_bytes_str(f->hint), SP_CLI_PUT_LINE);
	}
	fputc('\n', stderr);
}

int sp__cli_exit_code(enum sp_err e)
{
	if (e == SP_ERR_CUT || e == SP_ERR_CLOSED)
		return 5;
	switch (sp_err_class(e)) {
	case SP_CLASS_OK:
		return 0;
	case SP_CLASS_AGAIN:
		return 5;
	case SP_CLASS_USAGE:
		return 2;
	case SP_CLASS_AUTH:
		return 3;
	case SP_CLASS_NOTFOUND:
		return 4;
	case SP_CLASS_INPUT:
	case SP_CLASS_STATE:
	case SP_CLASS_LIMIT:
	case SP_CLASS_IO:
	case SP_CLASS_NOMEM:
	case SP_CLASS_BUG:
		break;
	}
	return 1;
}
