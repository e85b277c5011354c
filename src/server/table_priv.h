/* SPDX-License-Identifier: Apache-2.0
 *
 * A hash table of the caller's structures by kind and 16-byte id. Peers choose room ids, so its places are keyed with a random seed.
 * Not locked.
 */
#ifndef SP_SERVER_TABLE_PRIV_H
#define SP_SERVER_TABLE_PRIV_H

#include "crypto/crypto.h"

struct sp__node { /* first member of what is kept */
	struct sp__node *next;
	struct sp_id16 id;
	uint8_t kind;
};
struct sp__table {
	struct sp__node **places;
	size_t place_n, n; /* place_n is a power of two */
	uint64_t seed;
};

SP_MUST_USE enum sp_err sp__table_init(struct sp__table *t);
void sp__table_clear(struct sp__table *t); /* the places; it must be empty of nodes, or they must be owned elsewhere */
struct sp__node *sp__table_find(const struct sp__table *t, uint8_t kind, const struct sp_id16 *id);
/* node->kind and node->id are set and not in the table. */
void sp__table_add(struct sp__table *t, struct sp__node *node);
void sp__table_remove(struct sp__table *t, struct sp__node *node);
/* Takes out any node; NULL when empty. For emptying. */
struct sp__node *sp__table_pop(struct sp__table *t);

#endif
