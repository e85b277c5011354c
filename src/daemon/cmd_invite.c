/* SPDX-License-Identifier: Apache-2.0
 *
 * sealpostd invite: an invitation made on the machine, running or not. Prints the invited one's command, whole.
 */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/daemon_priv.h"

static long days_of(const char *text)
{
	char *end;
	long days = text ? strtol(text, &end, 10) : 7;
	return !text || (*text && *end == '\0') ? days : 0;
}

static void tell(const struct sp_daemon_call *call, const struct sp_daemon_link *link, const char *name, struct sp_time expires)
{
	char command[SP_DAEMON_LINK_MAX + 2 * SP_LIMIT_NAME], until[SP_TIME_TEXT_MAX];
	snprintf(command, sizeof command, "sealpost join '%s' --name %s", link->text, name ? name : "NAME");
	sp_time_format(until, expires);
	if (call->is_json)
		sp__daemon_json(json_pack("{s:s,s:s,s:s?,s:b,s:s,s:s}", "link", link->text, "token", link->token, "name", name, "admin", call->is_admin,
					  "expires", until, "command", command));
	else
		printf("%s\n", command);
	if (!call->is_json)
		fprintf(stderr, "works once, until %s%s\n", until, call->is_admin ? "; makes an admin" : "");
}

static int report(const struct sp_daemon_call *call, enum sp_err e)
{
	if (e == SP_ERR_EXISTS)
		return sp__daemon_fail(call, e, "the name is taken, or could be mistaken for one that is", "see sealpostd user list --dir DIR");
	if (e == SP_ERR_NOT_FOUND || e == SP_ERR_DENIED)
		return sp__daemon_fail(call, e, "the keeper's folder", "run this as the user that owns it, or as root");
	return sp__daemon_fail(call, e, "invite", NULL);
}

int sp__daemon_invite(const struct sp_daemon_call *call)
{
	struct sp_daemon_paths paths;
	struct sp_daemon_config config;
	struct sp_daemon_link link;
	struct sp_keeper *keeper;
	uint8_t token[SP_WIRE_KEEPER_TOKEN];
	const char *name = call->args_n > 0 ? call->args[0] : NULL;
	long days = days_of(call->days);
	if (days < 1 || days > 90)
		return sp__daemon_usage(call, "--days must be 1 to 90");
	if (name && !sp_pki_name_is_valid(sp_bytes_str(name)))
		return sp__daemon_usage(call, "a name is a-z, 0-9, then also . _ -; at most 64 characters");
	int code = sp__daemon_open(call, &paths, &config);
	if (code != 0)
		return code;
	struct sp_keeper_order order = {.verb = SP_KEEPER_INVITE,
					.name = sp_bytes_str(name),
					.is_admin = call->is_admin,
					.expires = {sp__daemon_now().ms + days * 86400000ll}};
	enum sp_err e = sp__daemon_order(&paths, token, &order);
	if (e == SP_OK)
		e = sp_keeper_peek(&keeper, paths.keeper);
	if (e != SP_OK)
		return report(call, e);
	sp__daemon_link(&link, &config, &paths, sp_keeper_fingerprint(keeper), token);
	sp_keeper_close(&keeper);
	sp__daemon_link_advise(&link);
	tell(call, &link, name, order.expires);
	return 0;
}
