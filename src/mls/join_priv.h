/* SPDX-License-Identifier: Apache-2.0
 *
 * A group about to be joined, by Welcome (join.c) or by external commit (external.c).
 */
#ifndef SP_MLS_JOIN_PRIV_H
#define SP_MLS_JOIN_PRIV_H

#include "mls/commit_priv.h"

struct sp_mls_join {
	struct sp_mls_join_info info;
	struct sp_mls_group *group;
	struct sp_mls_row_set rows;
	/* what info borrows from */
	struct sp_buf group_info_in, message, group_info, ref;
	struct sp_mls_prop extensions; /* exposed extensions of the GroupInfo */
};
SP_MUST_USE enum sp_err sp__mls_join_new(struct sp_mls_join **out);
/* Shows the group, collects its rows. */
SP_MUST_USE enum sp_err sp__mls_join_finish(struct sp_mls_join *join, const struct sp_mls_group_info *info);

/* Makes a view of a GroupInfo and its tree (out of band, or in its extension), verified: tree hash, integrity of the tree, signature.
 * NEED_TREE. The view owns its tree. */
SP_MUST_USE enum sp_err sp__mls_view_open(const struct sp_mls_env *env, struct sp_mls_view *view, const struct sp_mls_group_info *info,
					  struct sp_bytes ratchet_tree);

/* A reinitialised or branched group against its parent (sections 11.2, 11.3). */
SP_MUST_USE enum sp_err sp__mls_successor_check(const struct sp_mls_env *env, const struct sp_mls_group *parent, const struct sp_mls_view *view,
						const struct sp_mls_psk_id *psk);
/* A commit whose PSKs may come from a parent; sp_mls_group_commit without the public face. */
SP_MUST_USE enum sp_err sp__mls_commit_make(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged **out,
					    const struct sp_mls_commit_params *params, const struct sp_mls_group *parent,
					    enum sp_mls_psk_usage successor);

#endif
