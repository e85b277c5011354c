/* SPDX-License-Identifier: Apache-2.0
 *
 * The group and everything that may happen to it. A change is built in a struct sp_mls_staged, which owns all that it needs; the group is
 * only read until sp_mls_group_apply, which moves pointers and frees what is replaced.
 */
#ifndef SP_MLS_GROUP_PRIV_H
#define SP_MLS_GROUP_PRIV_H

#include "mls/group_info_priv.h"
#include "mls/secret_tree_priv.h"

/* -- state ------------------------------------------------------------------------------------------------------------- */

/* The secrets of one epoch of ours, and what else its record holds. */
struct sp_mls_core {
	enum sp_mls_group_state state;
	struct sp_mls_epoch_secrets secrets;
	struct sp_hash interim;           /* interim_transcript_hash */
	struct sp_mls_path_keys keys;
	struct sp_buf reinit;             /* REINIT: the encoded Proposal that ended the group */
	struct sp_hash32 own_commit;      /* SHA-256 of the message of ours that led here; zero when another's did */
};
void sp__mls_core_init(struct sp_mls_core *core);
void sp__mls_core_clear(struct sp_mls_core *core);

/* An epoch that was left: for application messages still under way, and its exporter. Newest first. */
struct sp_mls_past {
	struct sp_mls_past *next;
	struct sp_time left;
	uint32_t leaf_width;
	struct sp_buf context_buf;
	struct sp_mls_context context;
	struct sp_secret sender_data;
	struct sp_secret exporter;
	struct sp_mls_secret_tree *secrets;
	struct sp_buf changed; /* struct { uint32 leaf; opaque leaf_node<V>; } for each leaf that changed when it was left: as it was */
};
/* The resumption PSK of an epoch that was left. Newest first. */
struct sp_mls_resumption {
	struct sp_mls_resumption *next;
	uint64_t epoch;
	struct sp_secret psk;
};

/* Our commit that the delivery service has not yet confirmed. `next` is the encoded epoch to come (next.c): kept encoded, so that
 * merging after a restart runs the same code as merging at once. */
struct sp_mls_pending_commit {
	struct sp_hash32 hash; /* SHA-256 of message */
	struct sp_buf message, welcome, group_info;
	struct sp_buf commit; /* the Commit, to hand back its proposals when it is lost */
	struct sp_buf next;
};

void sp__mls_pending_free(struct sp_mls_pending_commit **pending);

struct sp_mls_group {
	struct sp_mls_view view;
	struct sp_mls_core core;
	struct sp_mls_secret_tree *secrets;
	struct sp_mls_past *past;
	struct sp_mls_resumption *resumption;
	struct sp_mls_stored *stored;
	struct sp_mls_pending_commit *pending;
	uint64_t serial; /* counts applied changes: a staged object knows which state it was made from */
};

struct sp_mls_public_group {
	struct sp_mls_view view;
	struct sp_hash interim;
	struct sp_mls_stored *stored;
	uint64_t serial;
};

/* -- the epoch to come (next.c) -------------------------------------------------------------------------------------------- */

struct sp_mls_next {
	struct sp_mls_view view; /* tree borrowed from the group; diff owned here */
	struct sp_mls_core core;
	struct sp_secret encryption;
	struct sp_mls_secret_tree *secrets;
	/* bookkeeping of the epoch that is left */
	struct sp_mls_past *past;             /* NULL when no past epoch is kept */
	struct sp_mls_resumption *resumption; /* NULL when none is kept */
	uint64_t past_from, resumption_from;  /* older ones are deleted */
};
SP_MUST_USE enum sp_err sp__mls_next_new(struct sp_mls_next **out);
void sp__mls_next_free(struct sp_mls_next **next);
/* Encodes and decodes what a pending commit must keep. `changed` is the diff, `tree` what it lies over. */
SP_MUST_USE enum sp_err sp__mls_next_encode(struct sp_buf *out, const struct sp_mls_next *next);
SP_MUST_USE enum sp_err sp__mls_next_decode(struct sp_mls_next **out, const struct sp_mls_view *before, struct sp_bytes in);

struct sp_mls_schedule { /* secrets that live while an epoch is made */
	struct sp_secret init, commit, psk, joiner, member, epoch;
};
void sp__mls_schedule_clear(struct sp_mls_schedule *s);
/* From init, commit and psk: joiner, member and the epoch's secrets, under next's context; its confirmation tag and interim hash. */
SP_MUST_USE enum sp_err sp__mls_next_derive(struct sp_mls_next *next, struct sp_mls_schedule *s);

/* PSKs of a list of ids, looked up in the group (may be NULL) and with the caller. */
struct sp_mls_psk_list {
	struct sp_mls_psk *list;
	size_t n;
};
SP_MUST_USE enum sp_err sp__mls_psks_find(const struct sp_mls_env *env, struct sp_mls_psk_list *out, const struct sp_mls_group *group,
					  const struct sp_mls_psk_id *ids, size_t n);
SP_MUST_USE enum sp_err sp__mls_psks_of(const struct sp_mls_env *env, struct sp_mls_psk_list *out, const struct sp_mls_group *group,
					const struct sp_mls_transition *t);
void sp__mls_psks_clear(struct sp_mls_psk_list *psks);
const struct sp_secret *sp__mls_group_resumption(const struct sp_mls_group *group, uint64_t epoch);

/* -- staged (staged.c) --------------------------------------------------------------------------------------------------------- */

struct sp_mls_staged {
	struct sp_mls_staged_info info;
	const void *owner; /* the group or public group */
	uint64_t serial;
	struct sp_mls_row_set rows;
	/* what info borrows from */
	struct sp_buf input, plain, framed, message, welcome, group_info, tree;
	struct sp_mls_transition transition;
	struct sp_mls_prop one_prop;
	const struct sp_mls_proposal *one;
	struct sp_mls_transition lost;
	/* what apply does; NULL or false: nothing */
	struct sp_mls_secret_step *step; /* of the epoch step_epoch */
	uint64_t step_epoch;
	struct sp_mls_stored *store;
	struct sp_mls_next *next;
	struct sp_mls_next *shown; /* PENDING: what will be, only to look at */
	struct sp_hash public_interim; /* public groups: with next */
	struct sp_mls_pending_commit *pending;
	bool drops_pending;
	bool removes_us;
	bool forgets_all;
	struct sp_hash forgets; /* one stored proposal */
	uint64_t expire_past_from, expire_resumption_from; /* with expires */
	bool expires;
};
SP_MUST_USE enum sp_err sp__mls_staged_new(struct sp_mls_staged **out, enum sp_mls_staged_kind kind, const void *owner, uint64_t serial);
/* Copies the input and seals the rows: info's pointers are valid from now on. */
SP_MUST_USE enum sp_err sp__mls_staged_take_input(struct sp_mls_staged *staged, struct sp_bytes message);
void sp__mls_staged_show_list(struct sp_mls_staged *staged);
/* Ends building: on SP_OK gives it out, else frees it. */
enum sp_err sp__mls_staged_finish(struct sp_mls_staged **out, struct sp_mls_staged **staged, enum sp_err e) SP_MUST_USE;
/* Does what staged says of proposals that both kinds of groups do. */
void sp__mls_apply_stored(struct sp_mls_stored **list, struct sp_mls_staged *staged);
void sp__mls_apply_view(struct sp_mls_view *view, struct sp_mls_next *next);

/* -- rows (persist.c) -------------------------------------------------------------------------------------------------------------- */

SP_MUST_USE enum sp_err sp__mls_rows_record(struct sp_mls_row_set *rows, const struct sp_mls_view *view, const struct sp_mls_core *core);
SP_MUST_USE enum sp_err sp__mls_rows_diff(struct sp_mls_row_set *rows, const struct sp_mls_tree_diff *diff);
SP_MUST_USE enum sp_err sp__mls_rows_tree(struct sp_mls_row_set *rows, const struct sp_mls_tree *tree);
SP_MUST_USE enum sp_err sp__mls_rows_stored(struct sp_mls_row_set *rows, const struct sp_mls_stored *stored);
SP_MUST_USE enum sp_err sp__mls_rows_forget(struct sp_mls_row_set *rows, const struct sp_mls_stored *list);
SP_MUST_USE enum sp_err sp__mls_rows_pending(struct sp_mls_row_set *rows, const struct sp_mls_pending_commit *pending);
SP_MUST_USE enum sp_err sp__mls_rows_drop_pending(struct sp_mls_row_set *rows);
SP_MUST_USE enum sp_err sp__mls_rows_past(struct sp_mls_row_set *rows, const struct sp_mls_past *past);
SP_MUST_USE enum sp_err sp__mls_rows_drop_past(struct sp_mls_row_set *rows, const struct sp_mls_past *past);
SP_MUST_USE enum sp_err sp__mls_rows_resumption(struct sp_mls_row_set *rows, const struct sp_mls_resumption *r, bool remove);
/* All rows of a group. */
SP_MUST_USE enum sp_err sp__mls_rows_all(struct sp_mls_row_set *rows, const struct sp_mls_group *group);

/* The record: context, width, tag, and of a member the core. core NULL: of a public group, with its interim hash. */
SP_MUST_USE enum sp_err sp__mls_record_encode(struct sp_buf *out, const struct sp_mls_view *view, const struct sp_mls_core *core,
					      const struct sp_hash *public_interim);
SP_MUST_USE enum sp_err sp__mls_record_decode(struct sp_reader *r, struct sp_mls_view *view, uint32_t *out_width, struct sp_mls_core *core,
					      struct sp_hash *public_interim);

/* -- retention (past.c) --------------------------------------------------------------------------------------------------------------- */

/* Prepares what becomes of the epoch that is left, and writes all rows of the change but for the messages' own. */
SP_MUST_USE enum sp_err sp__mls_next_finish(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged *staged);
void sp__mls_past_free(struct sp_mls_past **past);
void sp__mls_past_free_all(struct sp_mls_past **past, struct sp_mls_resumption **resumption);
void sp__mls_past_free_before(struct sp_mls_past **list, uint64_t from);
void sp__mls_resumption_free_before(struct sp_mls_resumption **list, uint64_t from);
const struct sp_mls_past *sp__mls_past_find(const struct sp_mls_past *list, uint64_t epoch);
/* The leaf as it was in that past epoch. NULL: blank. *scratch is filled when it is not today's. */
SP_MUST_USE enum sp_err sp__mls_past_leaf(const struct sp_mls_group *group, uint64_t epoch, uint32_t leaf, struct sp_mls_leaf_node *scratch,
					  const struct sp_mls_leaf_node **out);
void sp__mls_retention(const struct sp_mls_env *env, const struct sp_mls_group *group, uint64_t epoch, uint64_t *out_past_from,
		       uint64_t *out_resumption_from);

/* -- shared by the files of the group ----------------------------------------------------------------------------------------------------- */

SP_MUST_USE enum sp_err sp__mls_group_alloc(struct sp_mls_group **out);
/* Is env's signer the holder of our leaf's key? SP_ERR_USAGE. */
SP_MUST_USE enum sp_err sp__mls_signer_check(const struct sp_mls_env *env, const struct sp_mls_leaf_node *leaf);
/* Signs and frames a content with the sender's keys of this epoch; private ones take a key of our handshake or application ratchet and leave
 * the step in staged. `content` needs body, type and authenticated_data. */
struct sp_mls_send {
	enum sp_mls_wire_format wire_format;
	enum sp_mls_content_type type;
	struct sp_bytes body;
	struct sp_bytes authenticated_data;
	size_t padding;
};
SP_MUST_USE enum sp_err sp__mls_sign_content(const struct sp_mls_env *env, const struct sp_mls_group *group, const struct sp_mls_send *send,
					     struct sp_buf *framed, struct sp_buf *signature, struct sp_mls_auth_content *out);
SP_MUST_USE enum sp_err sp__mls_frame(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged *staged,
				      const struct sp_mls_auth_content *auth, size_t padding);
/* Handles a verified commit (commit_process.c). */
SP_MUST_USE enum sp_err sp__mls_commit_process(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged *staged,
					       const struct sp_mls_auth_content *auth);
/* Reads body and does all that both member and server do with a commit: collect, check, apply, path, judge. */
SP_MUST_USE enum sp_err sp__mls_commit_public(const struct sp_mls_env *env, struct sp_mls_transition *t, const struct sp_mls_view *before,
					      const struct sp_mls_stored *stored, const struct sp_mls_auth_content *auth,
					      struct sp_mls_commit *out_commit);
/* A proposal: judged, and put into staged->store. Its row is the caller's. */
SP_MUST_USE enum sp_err sp__mls_proposal_process(const struct sp_mls_env *env, const struct sp_mls_view *view, struct sp_mls_staged *staged,
						 const struct sp_mls_stored *stored, const struct sp_mls_auth_content *auth);
/* Verifies a handshake message with the key of its sender (section 6.1). */
SP_MUST_USE enum sp_err sp__mls_sender_verify(const struct sp_mls_env *env, const struct sp_mls_view *view, const struct sp_mls_auth_content *auth);
/* Epoch and group of a handshake against the view's. */
SP_MUST_USE enum sp_err sp__mls_epoch_check(const struct sp_mls_env *env, const struct sp_mls_view *view, struct sp_bytes group_id, uint64_t epoch);
SP_MUST_USE enum sp_err sp__mls_stage_merge(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged *staged);
SP_MUST_USE enum sp_err sp__mls_stage_lost(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged *staged);

#endif
