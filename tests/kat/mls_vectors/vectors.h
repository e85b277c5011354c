/* SPDX-License-Identifier: Apache-2.0
 *
 * The runner of the MLS working group's vectors (format: test-vectors.md of mlswg/mls-implementations). One file a few
 * types; each type is a row in the table of main.c, recognised by the fields that only it has.
 */
#ifndef SP_TEST_MLS_VECTORS_H
#define SP_TEST_MLS_VECTORS_H

#include <jansson.h>

#include "base/base.h"
#include "codec/codec.h"
#include "mls/labels_priv.h"

/* One vector being run. What a runner makes is given to `vec_defer` and freed when the vector ends, however it ends. */
struct vec {
	const json_t *json;
	const char *failed; /* what did not hold; NULL: all did */
	int line;
	bool skipped;
	struct sp_diag diag;
	struct sp_mls_env env; /* accepts every credential and lifetime */
	struct vec_deferred {
		void (*fn)(void *p);
		void *p;
	} *deferred;
	size_t n, cap;
};
typedef void vec_run(struct vec *v);

void vec_defer(struct vec *v, void (*fn)(void *p), void *p);
/* A buffer that lives as long as the vector. */
struct sp_buf *vec_buf(struct vec *v);
/* Members of an object. Absent or malformed ones fail the vector and give empty values. */
struct sp_bytes vec_hex(struct vec *v, const json_t *object, const char *name);
/* A private key: some vectors hold scalars of the NIST curves without their leading zeros, which SerializePrivateKey has. */
struct sp_bytes vec_scalar(struct vec *v, const json_t *object, const char *name);
struct sp_bytes vec_hex_value(struct vec *v, const json_t *value);
uint64_t vec_int(struct vec *v, const json_t *object, const char *name);
struct sp_bytes vec_text(struct vec *v, const json_t *object, const char *name);
const json_t *vec_array(struct vec *v, const json_t *object, const char *name);
/* The suite of "cipher_suite"; marks the vector skipped when nobody knows it. */
bool vec_has_suite(struct vec *v, struct sp_mls_suite *out);

/* States what must hold; leaves the runner when it does not. */
#define CHECK(v, cond)                                                                                                                     \
	do {                                                                                                                               \
		if ((v)->failed || !(cond)) {                                                                                              \
			if (!(v)->failed) {                                                                                                \
				(v)->failed = #cond;                                                                                       \
				(v)->line = __LINE__;                                                                                      \
			}                                                                                                                  \
			return;                                                                                                            \
		}                                                                                                                          \
	} while (0)

vec_run vec_crypto_basics, vec_deserialization, vec_tree_math, vec_tree_operations, vec_tree_validation, vec_treekem;
vec_run vec_key_schedule, vec_psk_secret, vec_secret_tree, vec_transcript_hashes, vec_passive_client;
vec_run vec_message_protection, vec_messages, vec_welcome;

#endif
