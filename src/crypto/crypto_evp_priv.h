/* SPDX-License-Identifier: Apache-2.0
 *
 * For pki, net and cms only, where OpenSSL's own interfaces (X.509, TLS, CMS) force an EVP_PKEY. Private by name: no
 * other room includes it.
 */
#ifndef SP_CRYPTO_EVP_PRIV_H
#define SP_CRYPTO_EVP_PRIV_H

#include <openssl/evp.h>

#include "crypto/crypto.h"

/* Borrowed: valid as long as the key. A caller that keeps it takes its own reference with EVP_PKEY_up_ref (OpenSSL's
 * set1/use functions do so by themselves; set0 and assign functions do not). */
EVP_PKEY *sp_sign_key_evp(const struct sp_sign_key *key);
EVP_PKEY *sp_verify_key_evp(const struct sp_verify_key *key);

/* What a foreign EVP_PKEY (say, a certificate's) is in our terms: its algorithm, and its public key appended to out
 * in the form that sp_verify_key_new takes. SP_ERR_UNSUPPORTED for keys outside enum sp_sig. Borrows the key. */
SP_MUST_USE enum sp_err sp_evp_public_get(EVP_PKEY *evp, enum sp_sig *out_alg, struct sp_buf *out);

/* Ends a failed call into OpenSSL: drains its error queue, gives SP_ERR_NOMEM where that was the reason, else e. */
enum sp_err sp__crypto_fail(enum sp_err e);

#endif
