/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside crypto: the table of signature algorithms and keys' common ground.
 */
#ifndef SP_SIGN_PRIV_H
#define SP_SIGN_PRIV_H

#include "crypto/kem_priv.h"

struct sp__sig_info {
	enum sp_sig alg;
	const char *type;   /* OpenSSL's key type */
	const char *group;  /* NULL for EdDSA */
	const char *digest; /* NULL for EdDSA, which hashes by itself */
	enum sp_kem curve;  /* whose point and scalar rules hold; 0 for EdDSA */
	size_t n_public, n_private, n_signature_max;
};
/* NULL for a value that is not in the enum. */
const struct sp__sig_info *sp__sig_info(enum sp_sig alg);

/* A key from its parts, checked by the caller; priv may be empty. NULL on failure, the error queue not yet drained. */
EVP_PKEY *sp__evp_import(const struct sp__sig_info *s, struct sp_bytes pub, struct sp_bytes priv);

#endif
