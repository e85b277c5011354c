/* SPDX-License-Identifier: Apache-2.0
 *
 * People, leaves and trees for the tests of the tree side: everything is made with real keys, and every field can be
 * spoiled before it is signed.
 */
#ifndef SP_TEST_MLS_TREE_FIXTURE_H
#define SP_TEST_MLS_TREE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mls/key_package_priv.h"
#include "mls/path_priv.h"

#define FIX_NOW_S 1795000000
#define FIX_GROUP SP_BYTES_LIT("a group of the tests")

struct fix {
	struct sp_mls_suite suite;
	struct sp_rng_seeded seeded;
	struct sp_rng rng;
	struct sp_diag diag;
	struct sp_mls_limits limits;
	struct sp_mls_validator validator;
	enum sp_err verdict; /* what the validator says */
	struct sp_mls_env env;
};
/* A suite by number and a generator seeded with the test's own text. */
void fix_init(struct fix *f, uint16_t suite, const char *seed);
uint32_t fix_random(struct fix *f, uint32_t below);

/* That e is a refusal by this rule of rules_list.h; notes that the rule was provoked. */
void fix_want_rule(struct fix *f, enum sp_err e, unsigned rule);
/* Every tree rule with a number from first to last was provoked in this program. */
void fix_assert_all_seen(unsigned first, unsigned last);

/* A signing key and the private keys of one member. */
struct person {
	struct sp_sign_key *key;
	struct sp_signer signer;
	struct sp_mls_path_keys keys;
	bool is_new; /* added by the commit in hand */
};
void fix_person(struct fix *f, struct person *p);
void fix_person_clear(struct person *p);

/* A LeafNode as it will be written: default ones are valid. Vectors are given as content. */
struct leaf_parts {
	struct sp_kem_public encryption_key;
	struct sp_bytes signature_key;
	uint16_t credential_type;
	struct sp_bytes credential;
	struct sp_bytes versions, suites, extension_types, proposal_types, credential_types;
	uint8_t source;
	uint64_t not_before, not_after;
	struct sp_bytes parent_hash;
	struct sp_bytes extensions;
	struct sp_bytes group_id;
	uint32_t leaf_index;
	bool spoil_signature;
};
/* Fresh encryption key, whose private half goes into p->keys.key[0]. */
struct leaf_parts fix_leaf_parts(struct fix *f, struct person *p, enum sp_mls_leaf_source source, uint32_t leaf_index);
void fix_leaf_write(struct sp_buf *out, const struct leaf_parts *parts, const struct person *p);
/* Appends a valid leaf. */
void fix_leaf(struct fix *f, struct sp_buf *out, struct person *p, enum sp_mls_leaf_source source, uint32_t leaf_index);
struct sp_mls_leaf_node fix_leaf_read(const struct sp_buf *encoded);

/* A group seen from all its members at once. */
struct crowd {
	struct fix *f;
	struct sp_mls_tree *tree;
	struct person *at; /* by leaf */
	size_t cap;
};
void crowd_init(struct crowd *c, struct fix *f);
void crowd_clear(struct crowd *c);
/* One commit by the member at `committer`: removes, then adds, then a path unless `without_path`; every member opens the path. */
struct crowd_change {
	uint32_t committer;
	const uint32_t *removes;
	size_t n_removes;
	size_t n_adds;
	const uint32_t *updates;
	size_t n_updates;
	bool without_path;
};
void crowd_commit(struct crowd *c, const struct crowd_change *change);
/* n members, and every parent set: each commits once. */
void crowd_fill(struct crowd *c, uint32_t n);
/* What a joiner would check; hashes as a tree decoded afresh has them. */
void crowd_check(struct crowd *c);
uint32_t crowd_some_member(struct crowd *c);

#endif
