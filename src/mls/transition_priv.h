/* SPDX-License-Identifier: Apache-2.0
 *
 * A transition: a commit's proposals, judged and applied to a diff of the tree. It is all of RFC 9420 sections 12.2, 12.3 and the public part of
 * 12.4, and is the same for a member that receives, a member that commits, an external joiner and a server without secrets.
 *
 * Order of use: collect (or add), check, apply, [path], finish, judge.
 */
#ifndef SP_MLS_TRANSITION_PRIV_H
#define SP_MLS_TRANSITION_PRIV_H

#include "mls/key_schedule_priv.h"

/* A proposal received (or sent) in this epoch and not yet committed. */
struct sp_mls_stored {
	struct sp_mls_stored *next;      /* in order of arrival */
	uint32_t number;                 /* that order, kept across restarts */
	struct sp_hash ref;
	struct sp_buf bytes;             /* AuthenticatedContent */
	struct sp_mls_auth_content auth; /* borrows bytes */
	struct sp_mls_prop prop;         /* borrows bytes; by_reference, sender and ref are set */
	struct sp_secret update_priv;    /* our own Update: the new leaf's private key */
};
/* Takes the bytes of an AuthenticatedContent (copied). */
SP_MUST_USE enum sp_err sp__mls_stored_new(struct sp_mls_stored **out, const struct sp_mls_suite *suite, const struct sp_mls_auth_content *auth);
SP_MUST_USE enum sp_err sp__mls_stored_decode(struct sp_mls_stored **out, const struct sp_mls_suite *suite, struct sp_bytes bytes);
void sp__mls_stored_free(struct sp_mls_stored **stored);
void sp__mls_stored_free_all(struct sp_mls_stored **list);
size_t sp__mls_stored_count(const struct sp_mls_stored *list);
const struct sp_mls_stored *sp__mls_stored_find(const struct sp_mls_stored *list, struct sp_bytes ref);

struct sp_mls_transition {
	const struct sp_mls_view *before;
	struct sp_mls_sender sender; /* member or new_member_commit */
	enum sp_mls_wire_format wire_format;
	struct sp_bytes authenticated_data;

	struct sp_mls_prop *props; /* in the commit's order */
	size_t n_props, cap_props;
	enum sp_mls_psk_usage successor; /* see sp_mls_prop_scene */
	const struct sp_mls_proposal **pubs; /* the same, for callbacks; made by check */
	size_t n_psks;
	const struct sp_mls_prop *gce, *reinit, *external_init;
	bool path_is_required;

	struct sp_mls_tree_diff *diff;
	struct sp_bytes extensions; /* of the group context after */
	uint32_t committer;         /* its leaf after; an external joiner's new leaf */
	const struct sp_mls_update_path *path;
	struct sp_mls_leaf_node path_old; /* the leaf that the path's replaces; encoded.n == 0: none */
};
void sp__mls_transition_clear(struct sp_mls_transition *t);

/* Takes the proposals of a received commit; references are looked up in `stored`. */
SP_MUST_USE enum sp_err sp__mls_transition_collect(const struct sp_mls_env *env, struct sp_mls_transition *t, const struct sp_mls_commit *commit,
						   const struct sp_mls_stored *stored);
/* Adds one proposal: a stored one, or one of our own by value (encoded Proposal, which must outlive t). */
SP_MUST_USE enum sp_err sp__mls_transition_add_stored(struct sp_mls_transition *t, const struct sp_mls_stored *stored);
SP_MUST_USE enum sp_err sp__mls_transition_add_value(const struct sp_mls_env *env, struct sp_mls_transition *t, struct sp_bytes proposal);
/* Section 12.2, all that can be told before the proposals are applied. */
SP_MUST_USE enum sp_err sp__mls_transition_check(const struct sp_mls_env *env, struct sp_mls_transition *t);
/* Makes t->pubs; a part of check. */
SP_MUST_USE enum sp_err sp__mls_transition_expose(struct sp_mls_transition *t);
/* Section 12.3: makes the diff. For an external commit also reserves the joiner's leaf. */
SP_MUST_USE enum sp_err sp__mls_transition_apply(const struct sp_mls_env *env, struct sp_mls_transition *t);
/* A received path: its leaf, its credential, merged into the diff. */
SP_MUST_USE enum sp_err sp__mls_transition_path(const struct sp_mls_env *env, struct sp_mls_transition *t, const struct sp_mls_update_path *path);
/* The tree after is valid (12.2, last point of the list); the policy agrees. `leaf` is the committer's new leaf or NULL. */
SP_MUST_USE enum sp_err sp__mls_transition_judge(const struct sp_mls_env *env, struct sp_mls_transition *t, const struct sp_mls_leaf_node *leaf);
/* GroupContext of the new epoch with this confirmed transcript hash (the old one makes it the provisional one, section 12.4.1). */
SP_MUST_USE enum sp_err sp__mls_transition_context(struct sp_mls_transition *t, struct sp_mls_view *after, struct sp_bytes confirmed);

/* One proposal on its own (section 12.1), as it is received or about to be sent or committed. */
struct sp_mls_prop_scene {
	const struct sp_mls_view *view;
	struct sp_bytes extensions;         /* of the group context, in force when it is applied */
	struct sp_bytes authenticated_data;
	bool again;                         /* signatures were verified when it was stored */
	enum sp_mls_psk_usage successor;    /* the first commit of a reinitialised or branched group; 0 otherwise */
};
SP_MUST_USE enum sp_err sp__mls_prop_check(const struct sp_mls_env *env, const struct sp_mls_prop_scene *scene, const struct sp_mls_prop *prop);
/* Do these leaves present the same client? */
bool sp__mls_client_is_same(const struct sp_mls_env *env, const struct sp_mls_member *a, const struct sp_mls_member *b);
bool sp__mls_proposal_path_is_required(const struct sp_mls_env *env, uint16_t type);
bool sp__mls_proposal_external_is_allowed(const struct sp_mls_env *env, uint16_t type);

#endif
