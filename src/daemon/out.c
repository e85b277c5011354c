/* SPDX-License-Identifier: Apache-2.0
 *
 * What sealpostd prints. Data on stdout, talk on stderr; a failure is one line: what, why, the command that helps.
 */
#include <stdio.h>

#include "codec/codec.h"
#include "daemon/daemon_priv.h"

static int exit_code(enum sp_err e)
{
	if (e == SP_ERR_UNREACHABLE || e == SP_ERR_TIMEOUT)
		return 5;
	switch (sp_err_class(e)) {
	case SP_CLASS_OK:
		return 0;
	case SP_CLASS_AUTH:
		return 3;
	case SP_CLASS_NOTFOUND:
		return 4;
	case SP_CLASS_USAGE:
		return 2;
	case SP_CLASS_AGAIN:
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

void sp__daemon_json(json_t *document)
{
	json_dumpf(document, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(document);
}

/* SP_ERR_NOT_FOUND is not_found, as in the client's JSON. */
static void code_of(char out[64], enum sp_err e)
{
	snprintf(out, 64, "%s", sp_err_name(e) + sizeof "SP_ERR_" - 1);
	for (char *c = out; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
}

static void say(const struct sp_daemon_call *call, enum sp_err e, const char *message, const char *hint)
{
	char code[64];
	code_of(code, e);
	if (call && call->is_json)
		sp__daemon_json(json_pack("{s:{s:s,s:s,s:s}}", "error", "code", code, "message", message, "hint", hint ? hint : ""));
	fprintf(stderr, "sealpostd: %s%s%s\n", message, hint ? "; " : "", hint ? hint : "");
}

int sp__daemon_fail(const struct sp_daemon_call *call, enum sp_err e, const char *what, const char *hint)
{
	char message[2 * PATH_MAX];
	snprintf(message, sizeof message, "%s: %s", what, sp_err_text(e));
	say(call, e, message, hint);
	return exit_code(e);
}

int sp__daemon_usage(const struct sp_daemon_call *call, const char *what)
{
	char hint[256] = "see sealpostd --help";
	if (call && call->command)
		snprintf(hint, sizeof hint, "usage: sealpostd %s", call->command->usage);
	say(call, SP_ERR_USAGE, what, hint);
	return exit_code(SP_ERR_USAGE);
}

void sp__daemon_fingerprint_text(char out[SP_DAEMON_FINGERPRINT_TEXT], const struct sp_hash32 *fingerprint)
{
	struct sp_buf b;
	memset(out, 0, SP_DAEMON_FINGERPRINT_TEXT);
	sp_buf_init(&b, SP_DAEMON_FINGERPRINT_TEXT - 1);
	if (sp_base32_encode(&b, sp_hash32_bytes(fingerprint)) == SP_OK)
		sp_copy(out, b.p, b.n);
	sp_buf_clear(&b);
}
