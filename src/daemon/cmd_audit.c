/* SPDX-License-Identifier: Apache-2.0
 *
 * sealpostd audit: the keeper's ledger, each entry after the chain said that it is genuine.
 */
#include <stdio.h>

#include "daemon/daemon_priv.h"

struct printer {
	json_t *list; /* NULL: lines */
	uint64_t n;
};

static enum sp_err print_entry(void *ctx, const struct sp_keeper_entry *entry)
{
	struct printer *p = ctx;
	char when[SP_TIME_TEXT_MAX], chain[65];
	sp_time_format(when, entry->time);
	for (size_t i = 0; i < sizeof entry->chain.b; i++)
		snprintf(chain + 2 * i, 3, "%02x", entry->chain.b[i]);
	p->n++;
	if (p->list)
		json_array_append_new(p->list, json_pack("{s:I,s:s,s:s,s:s,s:s,s:s}", "seq", (json_int_t)entry->seq, "time", when, "what", entry->what, "who",
							 entry->who, "detail", entry->detail, "chain", chain));
	else
		printf("%6llu  %s  %-18s %-24s %s\n", (unsigned long long)entry->seq, when, entry->what, entry->who, entry->detail);
	return SP_OK;
}

int sp__daemon_audit(const struct sp_daemon_call *call)
{
	struct sp_daemon_paths paths;
	struct sp_daemon_config config;
	int code = sp__daemon_open(call, &paths, &config);
	if (code != 0)
		return code;
	struct printer p = {.list = call->is_json ? json_array() : NULL};
	enum sp_err e = sp_keeper_audit(paths.keeper, print_entry, &p);
	if (e != SP_OK) {
		json_decref(p.list);
		char what[96];
		snprintf(what, sizeof what, "the ledger, after entry %llu", (unsigned long long)p.n);
		return sp__daemon_fail(call, e, what, e == SP_ERR_CORRUPT ? "restore the folder keeper from a backup" : NULL);
	}
	if (p.list)
		sp__daemon_json(p.list);
	return 0;
}
