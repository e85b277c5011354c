/* SPDX-License-Identifier: Apache-2.0
 *
 * The secret tree: RFC 9420 section 9. Holds only what has not been consumed (section 9.2): a node's secret is gone as soon as
 * something was derived from it for use.
 *
 * Opening or sealing a message makes a *step*: the ratchets and node secrets as they will be. The tree itself changes only when
 * the step is applied, which allocates nothing.
 */
#ifndef SP_MLS_SECRET_TREE_PRIV_H
#define SP_MLS_SECRET_TREE_PRIV_H

#include "mls/framing_priv.h"
#include "mls/rowset_priv.h"

struct sp_mls_secret_tree;
struct sp_mls_secret_step;

enum sp_mls_ratchet_type { SP_MLS_RATCHET_HANDSHAKE = 0, SP_MLS_RATCHET_APPLICATION = 1 };

/* leaf_width is a power of two. */
SP_MUST_USE enum sp_err sp__mls_secret_tree_new(struct sp_mls_secret_tree **out, const struct sp_mls_suite *suite, uint32_t leaf_width, uint64_t epoch,
						const struct sp_secret *encryption_secret);
/* Empty, to be filled from rows. */
SP_MUST_USE enum sp_err sp__mls_secret_tree_load_begin(struct sp_mls_secret_tree **out, const struct sp_mls_suite *suite, uint32_t leaf_width, uint64_t epoch);
SP_MUST_USE enum sp_err sp__mls_secret_tree_load_row(struct sp_mls_secret_tree *tree, struct sp_bytes key, struct sp_bytes value);
void sp__mls_secret_tree_free(struct sp_mls_secret_tree **tree);
uint64_t sp__mls_secret_tree_epoch(const struct sp_mls_secret_tree *tree);

/* The key to open a message of this leaf and generation. DUPLICATE, KEY_GONE, TOO_MANY (too far ahead). */
SP_MUST_USE enum sp_err sp__mls_secret_tree_open(const struct sp_mls_env *env, struct sp_mls_secret_step **out, struct sp_mls_message_key *out_key,
						 const struct sp_mls_secret_tree *tree, enum sp_mls_ratchet_type type, uint32_t leaf,
						 uint32_t generation);
/* The next unused key of our own ratchet. */
SP_MUST_USE enum sp_err sp__mls_secret_tree_next(const struct sp_mls_env *env, struct sp_mls_secret_step **out, struct sp_mls_message_key *out_key,
						 uint32_t *out_generation, const struct sp_mls_secret_tree *tree, enum sp_mls_ratchet_type type,
						 uint32_t leaf);
/* The rows that a step changes; all rows of a tree, to put or to remove. */
SP_MUST_USE enum sp_err sp__mls_secret_step_rows(const struct sp_mls_secret_step *step, struct sp_mls_row_set *rows);
SP_MUST_USE enum sp_err sp__mls_secret_tree_rows(const struct sp_mls_secret_tree *tree, struct sp_mls_row_set *rows, bool remove);
/* Infallible; frees the step. */
void sp__mls_secret_tree_apply(struct sp_mls_secret_tree *tree, struct sp_mls_secret_step **step);
void sp__mls_secret_step_free(struct sp_mls_secret_step **step);

#endif
