/* SPDX-License-Identifier: Apache-2.0
 *
 * verdict: joins MLS, certificates and room rules, once for server and client, so that both come to one verdict.
 *
 * MLS asks two questions of its caller: is this credential good (validator), and may this change stand (policy)? The
 * answers are put together here from pki (the certificate at the item's log time, under the CRL that the commit names), from the
 * account's own device list (M02), and from rules. What only the caller can know it gives as a source.
 *
 * Pure but for the source's functions. Does not check: MLS itself; that an item's time is honest (a live client compares
 * it with its clock).
 */
#ifndef SP_VERDICT_H
#define SP_VERDICT_H

#include "mls/mls.h"
#include "pki/device_list.h"
#include "rules/rules.h"

#define SP_VERDICT_SUITE 0x0002u /* MLS_128_DHKEMP256_AES128GCM_SHA256_P256: the product's cipher suite */

/* What the outside knows. Each is called from within the MLS call, on its thread. */
struct sp_verdict_source {
	void *ctx;
	/* sp_pki_trust_judge on the organisation's trust store, under whatever lock it needs. */
	enum sp_err (*judge)(void *ctx, struct sp_pki_identity *out, struct sp_bytes cert, const struct sp_pki_question *question);
	/* The account's verified chain, as new as it is known, valid until the call of MLS returns; and whether the account is disabled.
	 * SP_ERR_NEED_CREDENTIAL when it is unknown here but may be fetched; SP_ERR_NOT_FOUND when it does not exist. */
	enum sp_err (*account)(void *ctx, const struct sp_device_chain **out_chain, bool *out_disabled, const struct sp_id16 *account);
};

/* For one call of MLS (or several about items of the same time): init it, put &v->validator and &v->policy into the struct sp_mls_env.
 * Nothing to clear. `at` is the item's log time; for what we make ourselves, now. diag may be NULL; a refusing rule's number stands
 * there. The source must outlive it. */
struct sp_verdict {
	const struct sp_verdict_source *source;
	struct sp_time at;
	struct sp_diag *diag;
	struct sp_mls_validator validator;
	struct sp_mls_policy policy;
};
void sp_verdict_init(struct sp_verdict *v, const struct sp_verdict_source *source, struct sp_time at, struct sp_diag *diag);

/* Who a leaf is, by what its certificate says: unverified unless the leaf stands in a group (there the validator has judged it). */
SP_MUST_USE enum sp_err sp_verdict_party(struct sp_rules_party *out, const struct sp_mls_credential *credential);
/* The room's state at the view's epoch. SP_ERR_INVALID (rule STATE_FORMAT) when the group has none. Borrows from the view. */
SP_MUST_USE enum sp_err sp_verdict_state(struct sp_rules_state *out, const struct sp_mls_view *view, struct sp_diag *diag);
/* The leaf of a device: SP_ERR_NOT_FOUND. */
SP_MUST_USE enum sp_err sp_verdict_leaf_of(struct sp_mls_member *out, const struct sp_mls_view *view, const struct sp_rules_party *party);

/* Is this a room that its creator may make: one leaf, the creator's; the product's suite; nothing but RoomState and
 * required_capabilities in the context; and for a direct or everyone room, the id that its state and the organisation give? */
SP_MUST_USE enum sp_err sp_verdict_room_judge(const struct sp_mls_view *view, const struct sp_rules_party *creator,
					      const struct sp_hash32 *organisation, struct sp_diag *diag);
/* Is this the id that a room of that state has? SP_RULE_STATE_ID otherwise. */
SP_MUST_USE enum sp_err sp_verdict_id_judge(struct sp_bytes group_id, const struct sp_rules_state *state, const struct sp_hash32 *organisation,
					    struct sp_diag *diag);
/* The id of a new ordinary room, of a direct room of two accounts, of the everyone room. */
SP_MUST_USE enum sp_err sp_verdict_room_id(struct sp_id16 *out, const struct sp_rng *rng);
SP_MUST_USE enum sp_err sp_verdict_direct_id(struct sp_id16 *out, enum sp_rules_mode mode, const struct sp_id16 *a, const struct sp_id16 *b);
SP_MUST_USE enum sp_err sp_verdict_everyone_id(struct sp_id16 *out, const struct sp_hash32 *organisation);

#endif
