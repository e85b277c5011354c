/* SPDX-License-Identifier: Apache-2.0
 *
 * Every SQL text of the SQLite backend, by name. Schema: schema.c.
 */
#ifndef SP_STORE_SQL_PRIV_H
#define SP_STORE_SQL_PRIV_H

#define SP__SQL_LAST_SEQ "coalesce((SELECT max(i.seq) FROM item i WHERE i.log = l.no), l.trimmed)"
#define SP__SQL_ACCOUNT                                                                                                \
	"SELECT a.id, a.address, a.flags, a.changed, coalesce((SELECT max(version) FROM device_list WHERE account = a.no), 0) FROM account a "
#define SP__SQL_DEVICE "SELECT d.id, a.id, d.spki, d.cert FROM device d JOIN account a ON a.no = d.account "
#define SP__SQL_HIGH                                                                                                   \
	"SELECT max(coalesce((SELECT max(reqno) FROM request WHERE device = d.no), 0), "                               \
	"coalesce((SELECT max(reqno) FROM fresh WHERE device = d.no), 0)) "
#define SP__SQL_ROOM "SELECT l.id, r.epoch, " SP__SQL_LAST_SEQ " FROM room r JOIN log l ON l.no = r.room "

#define SP__SQL_MAP(X)                                                                                                 \
	X(BEGIN, "BEGIN IMMEDIATE")                                                                                    \
	X(COMMIT, "COMMIT")                                                                                            \
	X(SAVEPOINT, "SAVEPOINT op")                                                                                   \
	X(RELEASE, "RELEASE op")                                                                                       \
	X(ROLLBACK_TO, "ROLLBACK TO op")                                                                               \
	/* logs */                                                                                                     \
	X(LOG_FIND, "SELECT no FROM log WHERE kind = ? AND id = ?")                                                    \
	X(LOG_LOAD, "SELECT l.no, l.trimmed, l.trimmed_time, r.epoch FROM log l LEFT JOIN room r ON r.room = l.no WHERE l.kind = ? AND l.id = ?") \
	X(LOG_LAST, "SELECT seq, time FROM item WHERE log = ? ORDER BY seq DESC LIMIT 1")                              \
	X(LOG_INSERT, "INSERT INTO log (kind, id) VALUES (?, ?)")                                                      \
	X(LOG_TRIM_MARK, "UPDATE log SET trimmed = i.seq, trimmed_time = i.time FROM item i WHERE no = ?1 AND i.log = ?1 AND i.seq = ?2") \
	X(LOG_TRIM, "DELETE FROM item WHERE log = ? AND seq <= ?")                                                     \
	X(ITEM_INSERT, "INSERT INTO item (log, seq, time, kind, body) VALUES (?, ?, ?, ?, ?)")                         \
	X(ITEM_RANGE, "SELECT seq, time, kind, body FROM item WHERE log = ? AND seq >= ? ORDER BY seq LIMIT ?")        \
	/* rooms */                                                                                                    \
	X(ROOM_INSERT, "INSERT INTO room (room, epoch, created_epoch, group_info) VALUES (?1, ?2, ?2, ?3)")            \
	X(ROOM_STEP, "UPDATE room SET epoch = ?2, commits = commits + 1, group_info = ?3 WHERE room = ?1")             \
	X(ROOM_GET, "SELECT l.no, r.epoch, " SP__SQL_LAST_SEQ ", r.group_info FROM log l JOIN room r ON r.room = l.no WHERE l.kind = 1 AND l.id = ?") \
	X(ROOM_EACH, SP__SQL_ROOM)                                                                                     \
	X(ROOM_OF_ACCOUNT, SP__SQL_ROOM "WHERE r.room IN (SELECT room FROM roster WHERE account = (SELECT no FROM account WHERE id = ?))") \
	X(ROW_PUT, "INSERT INTO room_row (room, key, value) VALUES (?, ?, ?) ON CONFLICT (room, key) DO UPDATE SET value = excluded.value") \
	X(ROW_DELETE, "DELETE FROM room_row WHERE room = ? AND key = ?")                                               \
	X(ROW_EACH, "SELECT r.epoch, w.key, w.value FROM room r LEFT JOIN room_row w ON w.room = r.room WHERE r.room = "  \
		    "(SELECT no FROM log WHERE kind = 1 AND id = ?) ORDER BY w.key")                                   \
	X(ROSTER_PUT, "INSERT OR IGNORE INTO roster (account, room) VALUES (?, ?)")                                    \
	X(ROSTER_DELETE, "DELETE FROM roster WHERE account = ? AND room = ?")                                          \
	X(ROSTER_EACH, "SELECT a.id FROM roster o JOIN account a ON a.no = o.account WHERE o.room = (SELECT no FROM log WHERE kind = 1 AND id = ?)") \
	X(ROSTER_FIND, "SELECT 1 FROM roster WHERE room = (SELECT no FROM log WHERE kind = 1 AND id = ?) AND "         \
		       "account = (SELECT no FROM account WHERE id = ?)")                                              \
	X(ROSTER_SHARED, "SELECT 1 FROM roster x JOIN roster y ON y.room = x.room WHERE "                              \
			 "x.account = (SELECT no FROM account WHERE id = ?) AND y.account = (SELECT no FROM account WHERE id = ?) LIMIT 1") \
	X(TREE_PUT, "INSERT OR REPLACE INTO tree (room, epoch, time, body) VALUES (?, ?, ?, ?)")                       \
	X(TREE_GET, "SELECT body FROM tree WHERE room = (SELECT no FROM log WHERE kind = 1 AND id = ?) AND epoch = ?") \
	X(TREE_TRIM, "DELETE FROM tree WHERE time < ? AND epoch < (SELECT max(n.epoch) FROM tree n WHERE n.room = tree.room)") \
	X(CURSOR_SET, "INSERT INTO cursor (device, log, seq) VALUES (?, ?, ?) ON CONFLICT (device, log) DO UPDATE SET "   \
		      "seq = max(seq, excluded.seq)")                                                                  \
	X(CURSOR_GET, "SELECT seq FROM cursor WHERE device = (SELECT no FROM device WHERE id = ?) AND "                \
		      "log = (SELECT no FROM log WHERE kind = ? AND id = ?)")                                          \
	/* people */                                                                                                   \
	X(DIRECTORY_VERSION, "SELECT max(changed) FROM account")                                                       \
	X(ACCOUNT_NO, "SELECT no FROM account WHERE id = ?")                                                           \
	X(ACCOUNT_FIND, "SELECT id FROM account WHERE address = ?")                                                    \
	X(ACCOUNT_PUT, "INSERT INTO account (id, address, flags, changed) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET " \
		       "address = excluded.address, flags = excluded.flags, changed = excluded.changed")               \
	X(ACCOUNT_TOUCH, "UPDATE account SET changed = ? WHERE no = ?")                                                \
	X(ACCOUNT_GET, SP__SQL_ACCOUNT "WHERE a.id = ?")                                                               \
	X(ACCOUNT_SINCE, SP__SQL_ACCOUNT "WHERE a.changed > ? ORDER BY a.changed LIMIT ?")                             \
	X(LIST_LAST, "SELECT max(version) FROM device_list WHERE account = ?")                                         \
	X(LIST_INSERT, "INSERT INTO device_list (account, version, body) VALUES (?, ?, ?)")                            \
	X(LIST_EACH, "SELECT version, body FROM device_list WHERE account = (SELECT no FROM account WHERE id = ?) AND version >= ? ORDER BY version") \
	X(DEVICE_NO, "SELECT no, account FROM device WHERE id = ?")                                                    \
	X(DEVICE_PUT, "INSERT INTO device (id, account, spki, cert) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "  \
		      "spki = excluded.spki, cert = excluded.cert")                                                    \
	X(DEVICE_GET, SP__SQL_DEVICE "WHERE d.id = ?")                                                                 \
	X(DEVICE_EACH, SP__SQL_DEVICE "WHERE a.id = ? ORDER BY d.no")                                                  \
	X(DEVICE_OF_ACCOUNT, "SELECT no, id FROM device WHERE account = ? ORDER BY no")                                \
	/* requests */                                                                                                 \
	X(REQUEST_HIGH, SP__SQL_HIGH "FROM (SELECT ? AS no) d")                                                        \
	X(REQUEST_HIGH_OF, SP__SQL_HIGH "FROM device d WHERE d.id = ?")                                                \
	/* the answer: from fresh, else from the window */                                                             \
	X(REQUEST_FIND, SP__SQL_HIGH ", coalesce(f.reqno, q.reqno), coalesce(f.hash, q.hash), coalesce(f.seq, q.seq), "   \
			"coalesce(f.time, q.time), coalesce(f.taken, q.taken) FROM device d "                          \
			"LEFT JOIN fresh f ON f.device = d.no AND f.reqno = ?2 "                                       \
			"LEFT JOIN request q ON q.device = d.no AND q.slot = ?2 % 128 AND q.reqno = ?2 WHERE d.id = ?1")  \
	X(REQUEST_PUT, "INSERT INTO fresh (device, reqno, hash, seq, time, taken) VALUES (?, ?, ?, ?, ?, ?)")          \
	X(FRESH_COUNT, "SELECT count(*) FROM fresh")                                                                   \
	X(FRESH_SETTLE, "INSERT INTO request (device, slot, reqno, hash, seq, time, taken) "                           \
			"SELECT device, reqno % 128, reqno, hash, seq, time, taken FROM fresh WHERE true ORDER BY device, reqno "  \
			"ON CONFLICT (device, slot) DO UPDATE SET reqno = excluded.reqno, hash = excluded.hash, "      \
			"seq = excluded.seq, time = excluded.time, taken = excluded.taken WHERE excluded.reqno > reqno")  \
	X(FRESH_CLEAR, "DELETE FROM fresh")                                                                            \
	/* key packages */                                                                                             \
	X(KP_FORGET, "DELETE FROM key_package WHERE device = ? AND expires <= ?")                                      \
	X(KP_COUNT, "SELECT count(*) FROM key_package WHERE device = ? AND state = 0 AND expires > ?")                 \
	X(KP_REF, "SELECT device, state FROM key_package WHERE ref = ?")                                               \
	X(KP_INSERT, "INSERT INTO key_package (device, state, ref, expires, body) VALUES (?, ?, ?, ?, ?)")             \
	X(KP_DROP_LAST, "DELETE FROM key_package WHERE device = ? AND state = 1")                                      \
	X(KP_OLDEST, "SELECT no, body FROM key_package WHERE device = ? AND state = ? AND expires > ? ORDER BY no LIMIT 1")  \
	X(KP_SPEND, "UPDATE key_package SET state = 2, body = x'' WHERE no = ?")                                       \
	X(KP_DROP, "UPDATE key_package SET state = 2, body = x'' WHERE device = ? AND state <> 2")                     \
	X(KP_STOCK, "SELECT count(*) FILTER (WHERE k.state = 0), count(*) FILTER (WHERE k.state = 1) FROM device d LEFT JOIN key_package k "  \
		    "ON k.device = d.no AND k.expires > ? WHERE d.id = ? GROUP BY d.no")                               \
	/* check */                                                                                                    \
	X(CHECK_FILE, "PRAGMA integrity_check(20)")                                                                    \
	X(CHECK_GAPS, "SELECT count(*) FROM log l JOIN (SELECT log, min(seq) lo, max(seq) hi, count(*) n FROM item GROUP BY log) i ON i.log = l.no " \
		      "WHERE i.lo <> l.trimmed + 1 OR i.hi - i.lo + 1 <> i.n")                                         \
	X(CHECK_TIMES, "SELECT count(*) FROM item a JOIN item b ON b.log = a.log AND b.seq = a.seq + 1 WHERE b.time < a.time") \
	X(CHECK_ORPHANS, "SELECT count(*) FROM item WHERE log NOT IN (SELECT no FROM log)")                            \
	X(CHECK_ROOM_LOG, "SELECT count(*) FROM room WHERE room NOT IN (SELECT no FROM log WHERE kind = 1)")           \
	X(CHECK_LOG_ROOM, "SELECT count(*) FROM log WHERE kind = 1 AND no NOT IN (SELECT room FROM room)")             \
	X(CHECK_INBOX, "SELECT count(*) FROM account a LEFT JOIN log l ON l.kind = 2 AND l.id = a.id WHERE l.no IS NULL")  \
	X(CHECK_EPOCHS, "SELECT count(*) FROM room WHERE epoch <> created_epoch + commits")                            \
	X(CHECK_COMMITS, "SELECT count(*) FROM room r JOIN log l ON l.no = r.room WHERE l.trimmed = 0 AND "            \
			 "r.commits <> (SELECT count(*) FROM item WHERE log = r.room AND kind = 1)")                   \
	X(CHECK_ROSTER, "SELECT count(*) FROM roster WHERE account NOT IN (SELECT no FROM account) OR room NOT IN (SELECT room FROM room)") \
	X(CHECK_ROWS, "SELECT count(*) FROM room_row WHERE room NOT IN (SELECT room FROM room)")                       \
	X(CHECK_DEVICES, "SELECT count(*) FROM device WHERE account NOT IN (SELECT no FROM account)")                  \
	X(CHECK_LISTS, "SELECT count(*) FROM (SELECT account, max(version) hi, min(version) lo, count(*) n FROM device_list GROUP BY account) "  \
		       "WHERE lo <> 1 OR hi <> n")                                                                     \
	X(CHECK_WINDOW, "SELECT count(*) FROM request q WHERE q.slot <> q.reqno % 128 OR length(q.hash) <> 32 OR "     \
			"q.device NOT IN (SELECT no FROM device)")                                                     \
	X(CHECK_FRESH, "SELECT count(*) FROM fresh WHERE length(hash) <> 32 OR device NOT IN (SELECT no FROM device)") \
	X(CHECK_CURSORS, "SELECT count(*) FROM cursor c JOIN log l ON l.no = c.log WHERE c.seq > " SP__SQL_LAST_SEQ)

enum sp__sql {
#define X(name, text) SQL_##name,
	SP__SQL_MAP(X)
#undef X
	SQL_COUNT_
};
extern const char *const sp__sqlite_texts[SQL_COUNT_];

#endif
