/* SPDX-License-Identifier: Apache-2.0
 *
 * cms: Cryptographic Message Syntax (RFC 5652) over OpenSSL. The only room that includes openssl/cms.h.
 *
 * So far: the gate at start-up and the structure check that must precede every opening of AuthEnvelopedData.
 *
 * Does not check: anything a key is needed for. A structure that passes has still to be decrypted, into memory of our
 * own and published only after CMS_decrypt said yes.
 */
#ifndef SP_CMS_H
#define SP_CMS_H

#include "base/base.h"

/* Is this one whole AuthEnvelopedData (RFC 5083) as we accept it: version 0, a recipient, content inside, AES-GCM
 * (RFC 5084) with 12-byte nonce and ICVlen 16, a MAC of 16 bytes, no byte after the end? BER with indefinite lengths is
 * fine, for streaming senders. SP_ERR_ENCODING, SP_ERR_TRAILING, SP_ERR_UNSUPPORTED (not AES-GCM), SP_ERR_INVALID. */
SP_MUST_USE enum sp_err sp_cms_auth_enveloped_check(struct sp_bytes in);

/* Shows that forgeries fail here and now, whatever version OpenSSL says it is: a message of ours opens; the same with
 * its tag cut to 4 bytes is refused by our check; CBC dressed as AuthEnvelopedData is refused by both our check and
 * OpenSSL. SP_ERR_UNSUPPORTED: this OpenSSL must not be used for mail; diag says why. */
SP_MUST_USE enum sp_err sp_cms_self_test(struct sp_diag *diag);

#endif
