/* SPDX-License-Identifier: Apache-2.0
 *
 * What helps: one line of advice for each error that the client can give. The class decides the exit code, this table
 * the words.
 */
#include "cli/cli_priv.h"

static const struct {
	enum sp_err err;
	const char *why; /* NULL: the error's own text */
	const char *hint;
} advice[] = {
	{SP_ERR_UNREACHABLE, "the server cannot be reached", "try again, or run: sealpost doctor"},
	{SP_ERR_TIMEOUT, "the server does not answer", "try again, or run: sealpost doctor"},
	{SP_ERR_CUT, "the connection was cut", "try again, or run: sealpost doctor"},
	{SP_ERR_CLOSED, "the server closed the connection", "try again, or run: sealpost doctor"},
	{SP_ERR_BUSY, NULL, "try again in a moment"},
	{SP_ERR_CONFLICT, NULL, "try again"},
	{SP_ERR_RATE, NULL, "wait a minute, then try again"},
	{SP_ERR_PASSPHRASE, NULL, "check --passphrase-file, or type it again; nobody can reset it"},
	{SP_ERR_FINGERPRINT, "the server's organisation fingerprint is not the one in the link",
	 "somebody may be posing as your organisation: do not go on, ask for the link again by a way you trust"},
	{SP_ERR_TOKEN, "the invitation is used, expired, or not of this organisation", "ask an administrator for a new one: sealpost invite NAME"},
	{SP_ERR_CERTIFICATE, NULL, "run: sealpost doctor"},
	{SP_ERR_EXPIRED, NULL, "check this machine's clock, then run: sealpost doctor"},
	{SP_ERR_REVOKED, "this account or device was disabled", "ask your administrator"},
	{SP_ERR_MAC, "what came over the network was changed on the way",
	 "somebody may be between you and the server; nothing was believed. Try again, from another network if it stays"},
	{SP_ERR_SIGNATURE, NULL, "what the server gave was refused; run: sealpost doctor"},
	{SP_ERR_EXISTS, NULL, "choose another name"},
	{SP_ERR_TOO_LONG, NULL, "a message holds at most 65536 bytes (64 KiB)"},
	{SP_ERR_DISK_FULL, "the disk is full", "make room on it, then run the command again"},
	{SP_ERR_IO, NULL, "check the disk and the permissions of the profile's folder"},
	{SP_ERR_CORRUPT, "the stored data is damaged", "restore the profile from a copy, or join anew with another --home"},
	{SP_ERR_FORMAT_NEWER, "a newer sealpost wrote this profile", "update sealpost"},
	{SP_ERR_AMBIGUOUS, "more than one begins like that", "give more characters"},
};

static const char *advice_hint(enum sp_err e, const char **why)
{
	for (size_t i = 0; i < SP_ARRAY_LEN(advice); i++)
		if (advice[i].err == e) {
			*why = advice[i].why;
			return advice[i].hint;
		}
	return NULL;
}

/* Our own words for it, else the client's, else the server's, else the error's name in English. */
const char *sp__cli_why(const struct sp_cli *cli, enum sp_err e)
{
	const char *why = NULL, *said = cli->client ? sp_client_hint(cli->client) : "";
	const struct sp_diag *diag = cli->client ? sp_client_diag(cli->client) : NULL;
	(void)advice_hint(e, &why);
	if (why)
		return why;
	bool knows = diag && diag->err == e && diag->text;
	if (knows && (!said[0] || strcmp(diag->text, "the server refused") != 0))
		return diag->text;
	return said[0] ? said : sp_err_text(e);
}

enum sp_err sp__cli_failed(struct sp_cli *cli, enum sp_err e, const char *what, const char *lookup)
{
	const char *why = sp__cli_why(cli, e), *unused, *hint = advice_hint(e, &unused);
	if ((sp_err_class(e) == SP_CLASS_NOTFOUND || e == SP_ERR_STATE) && lookup && !hint)
		hint = lookup;
	return sp__cli_fail(cli, e, what, why, hint);
}
