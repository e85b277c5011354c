/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections for reading, lent to whichever thread asks. As many as there are readers at one moment; a few are kept.
 */
#include "store/sqlite/sqlite_priv.h"

#define SETUP "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -2048; PRAGMA wal_autocheckpoint = 0;"

static struct sp__reader *idle_take(struct sp__sqlite *s)
{
	pthread_mutex_lock(&s->readers_lock);
	struct sp__reader *reader = s->readers;
	if (reader) {
		s->readers = reader->next;
		s->reader_count--;
	}
	pthread_mutex_unlock(&s->readers_lock);
	return reader;
}

enum sp_err sp__reader_take(struct sp__sqlite *s, struct sp__reader **out)
{
	*out = idle_take(s);
	if (*out)
		return SP_OK;
	struct sp__reader *reader = sp_alloc(sizeof *reader);
	if (!reader)
		return SP_ERR_NOMEM;
	/* read-write by mode, for the WAL's shared memory; query_only keeps it from writing */
	enum sp_err err = sp__db_open(&reader->db, s->path, 0, SETUP);
	if (err != SP_OK) {
		sp_free(reader);
		return err;
	}
	sp__db_use(&reader->db, sp__sqlite_texts, SQL_COUNT_);
	*out = reader;
	return SP_OK;
}

static void reader_free(struct sp__reader *reader)
{
	sp__db_clear(&reader->db);
	sp_free(reader);
}

void sp__reader_give(struct sp__sqlite *s, struct sp__reader *reader)
{
	pthread_mutex_lock(&s->readers_lock);
	bool is_kept = s->reader_count < SP__READERS_KEPT;
	if (is_kept) {
		reader->next = s->readers;
		s->readers = reader;
		s->reader_count++;
	}
	pthread_mutex_unlock(&s->readers_lock);
	if (!is_kept)
		reader_free(reader);
}

void sp__readers_close(struct sp__sqlite *s)
{
	for (struct sp__reader *reader; (reader = idle_take(s)) != NULL;)
		reader_free(reader);
}
