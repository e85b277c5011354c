/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether what is stored keeps its promises: each one is a count that must be zero.
 */
#include <stdio.h>

#include "store/sqlite/read_priv.h"

static const struct {
	unsigned text;
	const char *promise;
} promises[] = {
	{SQL_CHECK_GAPS, "logs with a gap between their items"},
	{SQL_CHECK_TIMES, "items whose time is before their predecessor's"},
	{SQL_CHECK_ORPHANS, "items of no log"},
	{SQL_CHECK_ROOM_LOG, "rooms without a log"},
	{SQL_CHECK_LOG_ROOM, "room logs without a room"},
	{SQL_CHECK_INBOX, "accounts without an inbox"},
	{SQL_CHECK_EPOCHS, "rooms whose epoch is not that of their commits"},
	{SQL_CHECK_COMMITS, "rooms with another number of commits in the log than epochs"},
	{SQL_CHECK_ROSTER, "roster entries of no account or room"},
	{SQL_CHECK_ROWS, "public group rows of no room"},
	{SQL_CHECK_DEVICES, "devices of no account"},
	{SQL_CHECK_LISTS, "accounts with a gap in their device lists"},
	{SQL_CHECK_WINDOW, "answers remembered at the wrong place or for no device"},
	{SQL_CHECK_FRESH, "fresh answers that are damaged or of no device"},
	{SQL_CHECK_CURSORS, "cursors beyond the end of their log"},
};

struct findings {
	sp_store_finding_fn *fn;
	void *ctx;
	const char *promise;
	size_t count;
};

static enum sp_err promise_row(struct sp__walk *walk, sqlite3_stmt *st)
{
	struct findings *f = walk->out;
	int64_t broken = sqlite3_column_int64(st, 0);
	if (broken == 0)
		return SP_OK;
	char text[128];
	snprintf(text, sizeof text, "%lld %s", (long long)broken, f->promise);
	f->fn(f->ctx, text);
	f->count++;
	return SP_OK;
}

static enum sp_err file_row(struct sp__walk *walk, sqlite3_stmt *st)
{
	struct findings *f = walk->out;
	const char *text = (const char *)sqlite3_column_text(st, 0);
	if (!text || strcmp(text, "ok") == 0)
		return SP_OK;
	f->fn(f->ctx, text);
	f->count++;
	return SP_OK;
}

/* A file so damaged that the question itself fails is a finding too. */
static enum sp_err ask(struct sp__sqlite *s, struct findings *f, unsigned text, enum sp_err (*row)(struct sp__walk *, sqlite3_stmt *))
{
	struct sp__walk walk = {text, SP__NO_ARGS, row, f, 0};
	enum sp_err err = sp__walk_run(s, &walk);
	if (err != SP_ERR_CORRUPT)
		return err;
	f->fn(f->ctx, "the database file is damaged");
	f->count++;
	return SP_OK;
}

enum sp_err sp__sqlite_check(void *impl, sp_store_finding_fn *fn, void *ctx)
{
	struct findings f = {fn, ctx, NULL, 0};
	SP_TRY(ask(impl, &f, SQL_CHECK_FILE, file_row));
	for (size_t i = 0; i < SP_ARRAY_LEN(promises); i++) {
		f.promise = promises[i].promise;
		SP_TRY(ask(impl, &f, promises[i].text, promise_row));
	}
	return f.count == 0 ? SP_OK : SP_ERR_CORRUPT;
}
