/* SPDX-License-Identifier: Apache-2.0
 *
 * Making a commit, shared by members (group_commit.c), external joiners (external.c) and successors (successor.c).
 */
#ifndef SP_MLS_COMMIT_PRIV_H
#define SP_MLS_COMMIT_PRIV_H

#include "mls/group_priv.h"

/* Adds those of the stored proposals that fit to what is in t (the ones by value). */
SP_MUST_USE enum sp_err sp__mls_commit_select(const struct sp_mls_env *env, struct sp_mls_transition *t, const struct sp_mls_stored *stored);

/* The commit being made. Owns all of it. */
struct sp_mls_making {
	const struct sp_mls_group *group;       /* NULL: an external joiner */
	const struct sp_mls_group *parent;      /* the group that this one continues, for its PSK; or NULL */
	const struct sp_mls_commit_params *params;
	struct sp_mls_transition *t;
	struct sp_mls_next *next;
	struct sp_mls_path_make *path;
	struct sp_mls_view provisional;
	struct sp_mls_schedule schedule;
	struct sp_mls_psk_list psks;
	struct sp_buf values;                   /* our proposals, encoded */
	struct sp_buf update_path, commit, framed, signature, group_info;
	struct sp_mls_auth_content auth;
	struct sp_mls_env signing;              /* env with the signer of our leaf in the new epoch */
};
void sp__mls_making_init(struct sp_mls_making *m);
void sp__mls_making_clear(struct sp_mls_making *m);
/* Makes path (if needed) and Commit from the applied transition. */
SP_MUST_USE enum sp_err sp__mls_making_path(const struct sp_mls_env *env, struct sp_mls_making *m, const struct sp_mls_leaf_params *leaf,
					    const struct sp_mls_leaf_node *like);
SP_MUST_USE enum sp_err sp__mls_making_commit(struct sp_mls_making *m);
/* From the signed content: transcript, context, key schedule (schedule.init and psks are set), confirmation tag into m->auth. */
SP_MUST_USE enum sp_err sp__mls_making_derive(struct sp_mls_making *m, struct sp_bytes interim);
/* Welcome for all added members into out; nothing when there are none. */
SP_MUST_USE enum sp_err sp__mls_making_welcome(const struct sp_mls_env *env, struct sp_mls_making *m, struct sp_buf *out);

#endif
