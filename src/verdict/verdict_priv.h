/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of verdict.
 */
#ifndef SP_VERDICT_PRIV_H
#define SP_VERDICT_PRIV_H

#include "verdict/verdict.h"

/* What the one certificate of a credential says; SP_ERR_CERTIFICATE when it is not one of a device. Nobody vouched for it. */
SP_MUST_USE enum sp_err sp__verdict_claim(struct sp_pki_identity *out, const struct sp_mls_credential *credential);
/* The CRL number of a CommitContext; 0 when it is none: a new leaf is then judged by the newest, and rules refuse a commit. */
uint64_t sp__verdict_crl_of(struct sp_bytes authenticated_data);

/* policy.c */
SP_MUST_USE enum sp_err sp__verdict_change_judge(void *ctx, const struct sp_mls_change *change);
/* room.c: the RoomState among group context extensions, empty when there is none; and is there one that rooms do not use? */
struct sp_bytes sp__verdict_extensions_state(const struct sp_mls_extensions *extensions);
bool sp__verdict_extensions_has_foreign(const struct sp_mls_extensions *extensions);

#endif
