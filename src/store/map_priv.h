/* SPDX-License-Identifier: Apache-2.0
 *
 * A hash map from short byte strings to structs, kept by value. Keys are chosen by clients (room and account ids), so the hash is
 * seeded at random: nobody can aim at one bucket.
 */
#ifndef SP_STORE_MAP_PRIV_H
#define SP_STORE_MAP_PRIV_H

#include "base/base.h"

struct sp__map_entry;
struct sp__map {
	struct sp__map_entry **buckets;
	size_t bucket_count; /* 0 or a power of two */
	size_t count;
	size_t value_size;
	uint64_t seed[2];
};

SP_MUST_USE enum sp_err sp__map_init(struct sp__map *m, size_t value_size);
void sp__map_clear(struct sp__map *m); /* forgets all entries; usable afterwards */
/* The value, or NULL. It stays where it is until removed. */
void *sp__map_find(const struct sp__map *m, struct sp_bytes key);
/* The value of key, made zeroed when missing. */
SP_MUST_USE enum sp_err sp__map_put(struct sp__map *m, void **out, struct sp_bytes key);
void sp__map_remove(struct sp__map *m, struct sp_bytes key);

struct sp__map_cursor { /* zero state is before the first */
	size_t bucket;
	struct sp__map_entry *entry;
};
/* The next value in no order, or NULL. The map may not change meanwhile. */
void *sp__map_next(const struct sp__map *m, struct sp__map_cursor *cursor, struct sp_bytes *out_key);

#endif
