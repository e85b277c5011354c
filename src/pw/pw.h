/* SPDX-License-Identifier: Apache-2.0
 *
 * pw: what a passphrase protects. A 32-byte key (a profile's, a keeper's) is sealed under Argon2id (RFC 9106) of a
 * passphrase, in a small versioned box. The only user of libsodium, whose guarded memory holds the derived key.
 *
 * Does not check: how guessable a passphrase is beyond its length; how often somebody tries (a box can be tried
 * offline: Argon2id's price for each guess is all that protects it).
 */
#ifndef SP_PW_H
#define SP_PW_H

#include "base/base.h"

/* Argon2id's price: passes over so much memory, one lane. */
struct sp_pw_params {
	uint32_t passes;
	uint32_t memory_kib;
};
/* 3 passes over 64 MiB: about 70 ms on one core. */
struct sp_pw_params sp_pw_params_default(void);
/* The least Argon2id allows: for tests and for keys that are not worth guessing. Never chosen by anything but its caller's argument. */
struct sp_pw_params sp_pw_params_light(void);

#define SP_PW_KEY 32u
#define SP_PW_LENGTH_MIN 8u
#define SP_PW_LENGTH_MAX 1024u
#define SP_PW_BOX_SIZE 86u
/* What reading accepts: a box from elsewhere must not make us take 4 GiB or an hour. */
#define SP_PW_PASSES_MAX 16u
#define SP_PW_MEMORY_KIB_MAX (256u << 10)
#define SP_PW_MEMORY_KIB_MIN 8u

/* SP_ERR_INVALID when shorter than SP_PW_LENGTH_MIN bytes, SP_ERR_TOO_LONG above SP_PW_LENGTH_MAX. */
SP_MUST_USE enum sp_err sp_pw_passphrase_check(struct sp_bytes passphrase);

/* Appends the box. The passphrase must pass the check above; key must have 32 bytes; rng gives salt and nonce. */
SP_MUST_USE enum sp_err sp_pw_box_seal(struct sp_buf *out, struct sp_bytes passphrase, struct sp_bytes key,
				       const struct sp_pw_params *params, const struct sp_rng *rng);
/* SP_ERR_PASSPHRASE when the passphrase is wrong or the box was changed: the two cannot be told apart. A box that is
 * no box is SP_ERR_TRUNCATED, SP_ERR_TRAILING, SP_ERR_INVALID or SP_ERR_FORMAT_NEWER. */
SP_MUST_USE enum sp_err sp_pw_box_open(struct sp_secret *out_key, struct sp_bytes passphrase, struct sp_bytes box);

#endif
