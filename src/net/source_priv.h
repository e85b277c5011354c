/* SPDX-License-Identifier: Apache-2.0
 *
 * Where connections come from, and how much each source may still ask: a token bucket for each.
 * An attempt costs one; a certificate that is good gives it back, a failure costs more. The table has a fixed size: when it is full,
 * the source that has been quiet longest is forgotten.
 */
#ifndef SP_NET_SOURCE_PRIV_H
#define SP_NET_SOURCE_PRIV_H

#include <uv.h>

#include "net/net.h"

#define SP__SOURCES_MAX 4096u
#define SP__SOURCE_WAYS 8u /* a source may stand in one of 8 places */

struct sp__source {
	uint8_t key[16];
	uint64_t seen_ms;
	int64_t milli;     /* allowance, thousandths of an attempt; below 0 after failures */
	uint32_t pending;  /* unfinished handshakes: it is not forgotten meanwhile */
	bool is_used;
};

struct sp__sources {
	uv_mutex_t lock;
	struct sp__source *table; /* SP__SOURCES_MAX */
	uint64_t seed;            /* so that nobody can aim at a place */
	unsigned rate, burst;
};

SP_MUST_USE enum sp_err sp__sources_init(struct sp__sources *s, unsigned rate, unsigned burst);
void sp__sources_clear(struct sp__sources *s);
/* One more attempt: SP_ERR_RATE when its allowance is used up. Pairs with sp__source_settle. */
SP_MUST_USE enum sp_err sp__source_admit(struct sp__sources *s, const struct sp_net_from *from, uint64_t now_ms);
/* A handshake ended. cost in attempts: -1 gives back (proved itself), 0 leaves, more charges. */
void sp__source_settle(struct sp__sources *s, const struct sp_net_from *from, int cost, uint64_t now_ms);
void sp__source_charge(struct sp__sources *s, const struct sp_net_from *from, unsigned attempts, uint64_t now_ms);

#endif
