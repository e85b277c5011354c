/* SPDX-License-Identifier: Apache-2.0
 *
 * What key_package.c and key_package_make.c share.
 */
#ifndef SP_MLS_KEY_PACKAGE_PRIV_H
#define SP_MLS_KEY_PACKAGE_PRIV_H

#include "mls/leaf_priv.h"

/* The whole of an MLSMessage with a key package. */
SP_MUST_USE enum sp_err sp__mls_key_package_message_read(struct sp_bytes message, struct sp_mls_key_package *out, struct sp_diag *diag);
/* MakeKeyPackageRef of a bare KeyPackage. */
SP_MUST_USE enum sp_err sp__mls_key_package_ref(struct sp_hash *out, const struct sp_mls_suite *suite, struct sp_bytes key_package);
struct sp_mls_key_package_info sp__mls_key_package_describe(const struct sp_mls_key_package *kp);

#endif
