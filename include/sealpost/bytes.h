/* SPDX-License-Identifier: Apache-2.0
 *
 * Borrowed bytes, owned bytes, secrets, and the two things the core asks of its caller: time and randomness.
 */
#ifndef SEALPOST_BYTES_H
#define SEALPOST_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "sealpost/err.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Borrowed bytes: never owned, never freed through this. {NULL, 0} is empty. */
struct sp_bytes {
	const uint8_t *p;
	size_t n;
};

/* Owned, growing bytes. `max` is a hard limit set at init, so that forgetting it does not compile. Zero state is safe
 * to clear. Freed memory is wiped: a buffer may hold plaintext. */
struct sp_buf {
	uint8_t *p;
	size_t n;
	size_t cap;
	size_t max;
};

SP_API void sp_buf_init(struct sp_buf *b, size_t max);
SP_API void sp_buf_clear(struct sp_buf *b); /* wipes, frees, keeps max */
SP_API SP_MUST_USE enum sp_err sp_buf_append(struct sp_buf *b, struct sp_bytes in);
/* Grows by n bytes and gives them, zeroed, for the caller to fill. */
SP_API SP_MUST_USE enum sp_err sp_buf_extend(struct sp_buf *b, size_t n, uint8_t **out);
SP_API struct sp_bytes sp_buf_bytes(const struct sp_buf *b);

/* A short secret (key, chain value, private scalar): inline, wiped by clear. There is no function that prints one, and
 * equality is constant-time. Copying the struct copies the secret: prefer pointers. */
#define SP_SECRET_MAX 72u
struct sp_secret {
	size_t n;
	uint8_t b[SP_SECRET_MAX];
};
SP_API void sp_secret_clear(struct sp_secret *s);
SP_API SP_MUST_USE enum sp_err sp_secret_set(struct sp_secret *s, struct sp_bytes in);
SP_API struct sp_bytes sp_secret_bytes(const struct sp_secret *s);

struct sp_hash32 {
	uint8_t b[32];
};
struct sp_id16 {
	uint8_t b[16];
};

/* Milliseconds since 1970-01-01 UTC. */
struct sp_time {
	int64_t ms;
};

/* Where random bytes come from. Must fill all of out or fail; called from the thread that made the outer call. */
struct sp_rng {
	enum sp_err (*fill)(void *ctx, uint8_t *out, size_t n);
	void *ctx;
};

#ifdef __cplusplus
}
#endif
#endif
