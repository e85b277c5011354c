/* SPDX-License-Identifier: Apache-2.0
 *
 * A large group for the bench, seen from two of its members.
 *
 * A group in use is *warm*: every parent node holds a key. Making one by its rules takes N groups; here the members' paths
 * are committed to the two trees directly, which gives the same trees and keys for N / 2 paths.
 */
#ifndef SP_BENCH_MLS_CROWD_H
#define SP_BENCH_MLS_CROWD_H

#include "mls/group_priv.h"
#include "mls/mls.h"

#define CROWD_B 1u

struct crowd_member {
	struct sp_sign_key *key;
	struct sp_signer signer;
	struct sp_buf message, ref, priv; /* of its key package */
};
struct crowd {
	uint32_t n;
	struct sp_mls_suite suite;
	struct sp_rng rng;
	struct sp_mls_env env; /* signer: set before each call */
	struct crowd_member *member;
	struct sp_mls_group *a; /* leaf 0 */
	struct sp_mls_group *b; /* leaf 1: who receives from leaf 0 has the longest way to the root */
};

void crowd_must(enum sp_err e, const char *what);
void crowd_init(struct crowd *c, uint16_t suite, uint32_t n);
void crowd_clear(struct crowd *c);
/* A key package of a member of the crowd, or (at n) of one who is not in it. */
void crowd_make_member(struct crowd *c, uint32_t i);
const struct sp_mls_env *crowd_as(struct crowd *c, uint32_t i); /* env with the member's signer */
void crowd_warm(struct crowd *c);

#endif
