/* SPDX-License-Identifier: Apache-2.0
 *
 * The write set: rows collected while a change is staged, in one wiped block. Keys (all integers big-endian):
 *   G                    the group's record
 *   N node:u32           a node of the ratchet tree
 *   E epoch:u64          a past epoch
 *   S epoch:u64 node:u32 a secret of the secret tree not yet consumed
 *   R epoch:u64 leaf:u32 type:u8   a sender ratchet
 *   Q ref                a stored proposal
 *   P                    the pending commit
 *   U epoch:u64          the resumption PSK of a past epoch
 */
#ifndef SP_MLS_ROWSET_PRIV_H
#define SP_MLS_ROWSET_PRIV_H

#include "base/base.h"
#include "codec/codec.h"
#include "sealpost/mls.h"

struct sp_mls_row_set {
	struct sp_buf bytes;
	struct sp_mls_row *list; /* offsets into bytes while collecting, pointers once sealed */
	size_t n, cap;
	bool sealed;
};
struct sp_mls_row_key {
	size_t n;
	uint8_t b[80];
};
struct sp_mls_row_key sp__mls_row_key(char letter);
void sp__mls_row_key_u8(struct sp_mls_row_key *key, uint8_t v);
void sp__mls_row_key_u32(struct sp_mls_row_key *key, uint32_t v);
void sp__mls_row_key_u64(struct sp_mls_row_key *key, uint64_t v);
void sp__mls_row_key_bytes(struct sp_mls_row_key *key, struct sp_bytes v); /* at most 64 bytes */

void sp__mls_row_set_init(struct sp_mls_row_set *set);
void sp__mls_row_set_clear(struct sp_mls_row_set *set);
SP_MUST_USE enum sp_err sp__mls_row_set_put(struct sp_mls_row_set *set, const struct sp_mls_row_key *key, struct sp_bytes value);
SP_MUST_USE enum sp_err sp__mls_row_set_remove(struct sp_mls_row_set *set, const struct sp_mls_row_key *key);
/* Ends collecting; rows can be read from now on. */
void sp__mls_row_set_seal(struct sp_mls_row_set *set);

#endif
