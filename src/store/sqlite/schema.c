/* SPDX-License-Identifier: Apache-2.0
 *
 * The store's tables and every SQL text it ever runs.
 *
 * Items lie in order of arrival (the rowid), with one index by log: a table clustered by (log, seq) writes three to five times slower.
 * Logs, accounts and devices have small numbers, because they stand in every row and index.
 */
#include "store/sqlite/sqlite_priv.h"

static const char version_1[] =
	"CREATE TABLE log ("
	" no INTEGER PRIMARY KEY, kind INTEGER NOT NULL, id BLOB NOT NULL,"
	" trimmed INTEGER NOT NULL DEFAULT 0,"      /* seq of the last item removed */
	" trimmed_time INTEGER NOT NULL DEFAULT 0," /* its time: a log's times never go back, even when it is empty */
	" UNIQUE (kind, id));"
	"CREATE TABLE item ("
	" id INTEGER PRIMARY KEY, log INTEGER NOT NULL, seq INTEGER NOT NULL, time INTEGER NOT NULL,"
	" kind INTEGER NOT NULL, body BLOB NOT NULL);"
	"CREATE UNIQUE INDEX item_log ON item (log, seq);"
	/* room is log's number */
	"CREATE TABLE room (room INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, created_epoch INTEGER NOT NULL,"
	" commits INTEGER NOT NULL DEFAULT 0, group_info BLOB NOT NULL);"
	"CREATE TABLE room_row (id INTEGER PRIMARY KEY, room INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL);"
	"CREATE UNIQUE INDEX room_row_key ON room_row (room, key);"
	"CREATE TABLE roster (account INTEGER NOT NULL, room INTEGER NOT NULL, PRIMARY KEY (account, room)) WITHOUT ROWID;"
	"CREATE INDEX roster_room ON roster (room, account);"
	"CREATE TABLE tree (id INTEGER PRIMARY KEY, room INTEGER NOT NULL, epoch INTEGER NOT NULL, time INTEGER NOT NULL, body BLOB NOT NULL);"
	"CREATE UNIQUE INDEX tree_room ON tree (room, epoch);"
	"CREATE TABLE account ("
	" no INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, address BLOB NOT NULL UNIQUE, flags INTEGER NOT NULL,"
	" changed INTEGER NOT NULL UNIQUE);"
	"CREATE TABLE device_list (id INTEGER PRIMARY KEY, account INTEGER NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL);"
	"CREATE UNIQUE INDEX device_list_account ON device_list (account, version);"
	"CREATE TABLE device ("
	" no INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, account INTEGER NOT NULL, spki BLOB NOT NULL, cert BLOB NOT NULL);"
	"CREATE INDEX device_account ON device (account);"
	"CREATE TABLE cursor (device INTEGER NOT NULL, log INTEGER NOT NULL, seq INTEGER NOT NULL,"
	" PRIMARY KEY (device, log)) WITHOUT ROWID;"
	/* Answers go into fresh first, a few dense pages; from there, many at once, to the window of their device. slot = reqno modulo the
	 * window: a newer number takes the place of the one that falls out. */
	"CREATE TABLE fresh ("
	" id INTEGER PRIMARY KEY, device INTEGER NOT NULL, reqno INTEGER NOT NULL, hash BLOB NOT NULL,"
	" seq INTEGER NOT NULL, time INTEGER NOT NULL, taken BLOB NOT NULL);"
	"CREATE UNIQUE INDEX fresh_reqno ON fresh (device, reqno);"
	"CREATE TABLE request ("
	" device INTEGER NOT NULL, slot INTEGER NOT NULL, reqno INTEGER NOT NULL, hash BLOB NOT NULL,"
	" seq INTEGER NOT NULL, time INTEGER NOT NULL, taken BLOB NOT NULL, PRIMARY KEY (device, slot)) WITHOUT ROWID;"
	/* state: 0 in stock, 1 last resort, 2 taken (the ref stays until it expires, so that it cannot be stocked again) */
	"CREATE TABLE key_package ("
	" no INTEGER PRIMARY KEY, device INTEGER NOT NULL, state INTEGER NOT NULL, ref BLOB NOT NULL UNIQUE, expires INTEGER NOT NULL,"
	" body BLOB NOT NULL);"
	"CREATE INDEX key_package_stock ON key_package (device, state);";

const char *const sp__sqlite_versions[] = {version_1};
const size_t sp__sqlite_version_count = SP_ARRAY_LEN(sp__sqlite_versions);

const char *const sp__sqlite_texts[SQL_COUNT_] = {
#define X(name, text) [SQL_##name] = text,
	SP__SQL_MAP(X)
#undef X
};
