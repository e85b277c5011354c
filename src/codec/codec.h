/* SPDX-License-Identifier: Apache-2.0
 *
 * codec: the presentation language of RFC 8446 section 3 with the variable-size vectors of RFC 9420 section 2.1.2,
 * and the text forms hex, base32, base64url.
 *
 * One bounded reader is the only door to outside bytes. A read that fails does not advance. A length prefix yields a
 * child reader or borrowed bytes; nothing is allocated. Every vector read names its maximum.
 */
#ifndef SP_CODEC_H
#define SP_CODEC_H

#include "base/base.h"

struct sp_reader {
	struct sp_bytes rest;
};

static inline struct sp_reader sp_reader_of(struct sp_bytes in)
{
	return (struct sp_reader){in};
}
SP_MUST_USE enum sp_err sp_read_u8(struct sp_reader *r, uint8_t *out);
SP_MUST_USE enum sp_err sp_read_u16(struct sp_reader *r, uint16_t *out);
SP_MUST_USE enum sp_err sp_read_u32(struct sp_reader *r, uint32_t *out);
SP_MUST_USE enum sp_err sp_read_u64(struct sp_reader *r, uint64_t *out);
/* opaque out[n], borrowed */
SP_MUST_USE enum sp_err sp_read_fixed(struct sp_reader *r, struct sp_bytes *out, size_t n);
/* opaque out[n], copied into storage of exactly n bytes */
SP_MUST_USE enum sp_err sp_read_into(struct sp_reader *r, uint8_t *out, size_t n);
/* RFC 9420 section 2.1.2 length, minimal form required; SP_ERR_ENCODING when it is not */
SP_MUST_USE enum sp_err sp_read_varint(struct sp_reader *r, uint32_t *out);
/* opaque out<V> of at most max bytes, borrowed; SP_ERR_TOO_LONG beyond max, SP_ERR_TRUNCATED beyond the input */
SP_MUST_USE enum sp_err sp_read_vec(struct sp_reader *r, struct sp_bytes *out, size_t max);
/* the same as a reader over its content */
SP_MUST_USE enum sp_err sp_read_child(struct sp_reader *r, struct sp_reader *out, size_t max);
/* optional<T>'s presence octet: 0 or 1, else SP_ERR_ENCODING */
SP_MUST_USE enum sp_err sp_read_optional(struct sp_reader *r, bool *out);
static inline bool sp_reader_is_empty(const struct sp_reader *r)
{
	return r->rest.n == 0;
}
/* Ends a top-level decoder: SP_ERR_TRAILING when bytes are left. */
SP_MUST_USE enum sp_err sp_reader_finish(const struct sp_reader *r);

/* Appends to a caller's sp_buf. Sticky: append freely, check once at sp_writer_finish. On failure the buffer keeps
 * what it had when the writer was made. */
struct sp_writer {
	struct sp_buf *buf;
	size_t start;
	enum sp_err err;
};
struct sp_writer sp_writer_on(struct sp_buf *buf);
void sp_write_u8(struct sp_writer *w, uint8_t v);
void sp_write_u16(struct sp_writer *w, uint16_t v);
void sp_write_u32(struct sp_writer *w, uint32_t v);
void sp_write_u64(struct sp_writer *w, uint64_t v);
void sp_write_fixed(struct sp_writer *w, struct sp_bytes in);
void sp_write_varint(struct sp_writer *w, size_t v); /* SP_ERR_TOO_LONG beyond 2^30 - 1 */
void sp_write_vec(struct sp_writer *w, struct sp_bytes in);
void sp_write_optional(struct sp_writer *w, bool present);
/* A scope writes its length prefix when closed: size_t m = sp_write_open(&w); ...; sp_write_close(&w, m); */
size_t sp_write_open(struct sp_writer *w);
void sp_write_close(struct sp_writer *w, size_t mark);
/* A failure of the caller's own encode step, to be reported by finish. The first failure stays. */
void sp_writer_fail(struct sp_writer *w, enum sp_err e);
SP_MUST_USE enum sp_err sp_writer_finish(struct sp_writer *w);

/* -- text forms. Encoders append to a buffer without a NUL; decoders are strict (no white space, no padding but where
 *    the form has it, canonical last bits). hex is lower case, either case is read. base32 is RFC 4648 lower case
 *    without padding, either case is read. base64url has no padding; base64 has. -- */
SP_MUST_USE enum sp_err sp_hex_encode(struct sp_buf *out, struct sp_bytes in);
SP_MUST_USE enum sp_err sp_hex_decode(struct sp_buf *out, struct sp_bytes in);
SP_MUST_USE enum sp_err sp_base32_encode(struct sp_buf *out, struct sp_bytes in);
SP_MUST_USE enum sp_err sp_base32_decode(struct sp_buf *out, struct sp_bytes in);
SP_MUST_USE enum sp_err sp_base64_encode(struct sp_buf *out, struct sp_bytes in);
SP_MUST_USE enum sp_err sp_base64_decode(struct sp_buf *out, struct sp_bytes in);
SP_MUST_USE enum sp_err sp_base64url_encode(struct sp_buf *out, struct sp_bytes in);
SP_MUST_USE enum sp_err sp_base64url_decode(struct sp_buf *out, struct sp_bytes in);

/* -- fingerprints as words, to be read aloud: 10 bits a word from a list of 1,024, so 26 words for 32 bytes. The short
 *    form is the first 6 words (60 bits): enough against an accident, not against an attacker with a cluster. -- */
#define SP_WORDS_SHORT 6u
SP_MUST_USE enum sp_err sp_words_encode(struct sp_buf *out, struct sp_bytes in);       /* separated by one space */
SP_MUST_USE enum sp_err sp_words_encode_short(struct sp_buf *out, struct sp_bytes in); /* SP_ERR_USAGE below 7 bytes */
/* Exactly n bytes from what a person typed: either case, blanks or hyphens between, a word or its first four letters.
 * SP_ERR_ENCODING for an unknown or missing word, SP_ERR_TRAILING for one too many. */
SP_MUST_USE enum sp_err sp_words_decode(struct sp_buf *out, struct sp_bytes in, size_t n);

#endif
