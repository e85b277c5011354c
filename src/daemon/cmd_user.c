/* SPDX-License-Identifier: Apache-2.0
 *
 * sealpostd user list | disable NAME | enable NAME.
 */
#include <stdio.h>

#include "codec/codec.h"
#include "daemon/daemon_priv.h"

static void id_text(char out[27], const struct sp_id16 *id)
{
	struct sp_buf b;
	memset(out, 0, 27);
	sp_buf_init(&b, 26);
	if (sp_base32_encode(&b, sp_id16_bytes(id)) == SP_OK)
		sp_copy(out, b.p, b.n);
	sp_buf_clear(&b);
}

static void print_account(const struct sp_keeper_account_info *a, json_t *list)
{
	char id[27], since[SP_TIME_TEXT_MAX];
	id_text(id, &a->account_id);
	sp_time_format(since, a->since);
	if (list)
		json_array_append_new(list, json_pack("{s:s,s:s,s:b,s:b,s:s,s:i}", "account", a->address, "account_id", id, "admin", a->is_admin, "disabled",
						      a->is_disabled, "since", since, "certificates", (int)a->certificates));
	else
		printf("%-40s %-6s %-9s %s\n", a->address, a->is_admin ? "admin" : "", a->is_disabled ? "disabled" : "", since);
}

static int list(const struct sp_daemon_call *call, const struct sp_daemon_paths *paths)
{
	struct sp_keeper *keeper;
	struct sp_keeper_account_info info;
	enum sp_err e = sp_keeper_peek(&keeper, paths->keeper);
	if (e != SP_OK)
		return sp__daemon_fail(call, e, "the keeper's ledger", e == SP_ERR_CORRUPT ? "see sealpostd check --dir DIR" : NULL);
	json_t *array = call->is_json ? json_array() : NULL;
	for (size_t i = 0; sp_keeper_account_at(keeper, i, &info) == SP_OK; i++)
		print_account(&info, array);
	if (array)
		sp__daemon_json(array);
	sp_keeper_close(&keeper);
	return 0;
}

/* alice and alice@example.org are the same here */
static struct sp_bytes local_part(const char *name, const char *org)
{
	const char *at = strchr(name, '@');
	if (at && strcmp(at + 1, org) == 0)
		return (struct sp_bytes){(const uint8_t *)name, (size_t)(at - name)};
	return sp_bytes_str(name);
}

static int order(const struct sp_daemon_call *call, const struct sp_daemon_paths *paths, enum sp_keeper_verb verb, struct sp_bytes name)
{
	uint8_t token[SP_WIRE_KEEPER_TOKEN];
	struct sp_keeper_order what = {.verb = verb, .name = name};
	const char *done = verb == SP_KEEPER_DISABLE ? "disabled" : "enabled";
	if (name.n > SP_LIMIT_NAME)
		return sp__daemon_usage(call, "a name has at most 64 characters");
	enum sp_err e = sp__daemon_order(paths, token, &what);
	if (e == SP_ERR_NOT_FOUND)
		return sp__daemon_fail(call, e, call->args[1], "see sealpostd user list --dir DIR");
	if (e == SP_ERR_STATE) {
		char text[SP_LIMIT_ADDRESS + 32];
		snprintf(text, sizeof text, "%.*s is %s already", (int)name.n, (const char *)name.p, done);
		return sp__daemon_fail(call, e, text, NULL);
	}
	if (e != SP_OK)
		return sp__daemon_fail(call, e, call->args[0], NULL);
	if (call->is_json)
		sp__daemon_json(json_pack("{s:s%,s:b}", "name", name.p, name.n, "disabled", verb == SP_KEEPER_DISABLE));
	else
		printf("%.*s is %s\n", (int)name.n, (const char *)name.p, done);
	return 0;
}

int sp__daemon_user(const struct sp_daemon_call *call)
{
	struct sp_daemon_paths paths;
	struct sp_daemon_config config;
	const char *verb = call->args_n > 0 ? call->args[0] : "";
	bool is_list = strcmp(verb, "list") == 0, is_disable = strcmp(verb, "disable") == 0, is_enable = strcmp(verb, "enable") == 0;
	if ((is_list && call->args_n != 1) || ((is_disable || is_enable) && call->args_n != 2) || (!is_list && !is_disable && !is_enable))
		return sp__daemon_usage(call, "user takes: list, disable NAME, or enable NAME");
	int code = sp__daemon_open(call, &paths, &config);
	if (code != 0)
		return code;
	if (is_list)
		return list(call, &paths);
	return order(call, &paths, is_disable ? SP_KEEPER_DISABLE : SP_KEEPER_ENABLE, local_part(call->args[1], config.organisation));
}
