/* SPDX-License-Identifier: Apache-2.0
 *
 * Proposal, PreSharedKeyID, ProposalOrRef, Commit: RFC 9420 sections 8.4, 12.1 and 12.4. Decoded forms borrow.
 */
#ifndef SP_MLS_PROPOSAL_PRIV_H
#define SP_MLS_PROPOSAL_PRIV_H

#include "mls/tree_priv.h"

/* -- PreSharedKeyID (section 8.4) ---------------------------------------------------------------------------------- */

SP_MUST_USE enum sp_err sp__mls_psk_id_read(struct sp_reader *r, struct sp_mls_psk_id *out);
void sp__mls_psk_id_write(struct sp_writer *w, const struct sp_mls_psk_id *id);
bool sp__mls_psk_id_equal(const struct sp_mls_psk_id *a, const struct sp_mls_psk_id *b);

/* -- Proposal (section 12.1) --------------------------------------------------------------------------------------- */

struct sp_mls_prop {
	struct sp_mls_proposal pub; /* first: the public form. pub.extensions is set by expose */
	struct sp_bytes encoded;    /* the Proposal with its type */
	struct sp_mls_key_package kp;      /* add */
	struct sp_mls_leaf_node leaf;      /* update */
	struct sp_bytes extensions;        /* content: group_context_extensions, reinit */
	struct sp_bytes kem_output;        /* external_init */
	struct sp_mls_extension *ext_list; /* owned, behind pub.extensions */
};
/* Decodes; allocates nothing. */
SP_MUST_USE enum sp_err sp__mls_prop_read(struct sp_reader *r, struct sp_mls_prop *out, struct sp_diag *diag);
/* Fills pub.extensions. */
SP_MUST_USE enum sp_err sp__mls_prop_expose(struct sp_mls_prop *prop);
void sp__mls_prop_clear(struct sp_mls_prop *prop);

/* Appends the encoded Proposal of what a caller proposes. update_leaf: the encoded LeafNode of an update. psk.nonce must be set. */
SP_MUST_USE enum sp_err sp__mls_prop_encode(struct sp_buf *out, const struct sp_mls_propose *propose, struct sp_bytes update_leaf, struct sp_diag *diag);

/* -- Commit (section 12.4) ------------------------------------------------------------------------------------------ */

struct sp_mls_commit {
	struct sp_bytes proposals; /* content of ProposalOrRef proposals<V> */
	size_t n_proposals;
	bool has_path;
	struct sp_mls_update_path path;
};
SP_MUST_USE enum sp_err sp__mls_commit_read(struct sp_reader *r, struct sp_mls_commit *out, struct sp_diag *diag);
/* The next ProposalOrRef: *out_ref is empty for one by value. The content was checked by commit_read. */
SP_MUST_USE enum sp_err sp__mls_commit_next(struct sp_reader *proposals, struct sp_bytes *out_ref, struct sp_mls_prop *out, struct sp_diag *diag);

#endif
