/* SPDX-License-Identifier: Apache-2.0
 *
 * hex, base32 and base64 (RFC 4648): one bit-packing loop over an alphabet. Not constant-time: for public values only.
 */
#include "codec/codec.h"

struct alphabet {
	const char *digits;
	unsigned bits;    /* a digit carries this many */
	unsigned group;   /* digits in a padded group, 0 = never padded */
	bool fold_case;
};

static const struct alphabet hex = {"0123456789abcdef", 4, 0, true};
static const struct alphabet base32 = {"abcdefghijklmnopqrstuvwxyz234567", 5, 0, true};
static const struct alphabet base64 = {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 6, 4, false};
static const struct alphabet base64url = {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", 6, 0, false};

static void encode(struct sp_writer *w, const struct alphabet *a, struct sp_bytes in)
{
	uint32_t acc = 0;
	unsigned have = 0;
	size_t digits = 0;
	for (size_t i = 0; i < in.n; i++) {
		acc = acc << 8 | in.p[i];
		for (have += 8; have >= a->bits; digits++) {
			have -= a->bits;
			sp_write_u8(w, (uint8_t)a->digits[acc >> have & ((1u << a->bits) - 1)]);
		}
	}
	if (have > 0) {
		sp_write_u8(w, (uint8_t)a->digits[acc << (a->bits - have) & ((1u << a->bits) - 1)]);
		digits++;
	}
	while (a->group && digits++ % a->group != 0)
		sp_write_u8(w, '=');
}

static int digit_value(const struct alphabet *a, uint8_t c)
{
	if (a->fold_case && c >= 'A' && c <= 'Z')
		c = (uint8_t)(c - 'A' + 'a');
	const char *at = c ? strchr(a->digits, c) : NULL;
	return at ? (int)(at - a->digits) : -1;
}

static enum sp_err strip_padding(const struct alphabet *a, struct sp_bytes *in)
{
	if (!a->group)
		return SP_OK;
	if (in->n % a->group != 0)
		return SP_ERR_ENCODING;
	for (unsigned pads = 0; pads < 2 && in->n > 0 && in->p[in->n - 1] == '='; pads++)
		in->n--;
	return SP_OK;
}

static enum sp_err decode(struct sp_writer *w, const struct alphabet *a, struct sp_bytes in)
{
	uint32_t acc = 0;
	unsigned have = 0;
	SP_TRY(strip_padding(a, &in));
	for (size_t i = 0; i < in.n; i++) {
		int v = digit_value(a, in.p[i]);
		if (v < 0)
			return SP_ERR_ENCODING;
		acc = acc << a->bits | (uint32_t)v;
		have += a->bits;
		if (have >= 8) {
			have -= 8;
			sp_write_u8(w, (uint8_t)(acc >> have));
		}
	}
	/* left-over bits must be zero and fewer than a digit, or two texts would mean the same bytes */
	if (have >= a->bits || (acc & ((1u << have) - 1)) != 0)
		return SP_ERR_ENCODING;
	return SP_OK;
}

static enum sp_err run_encode(struct sp_buf *out, const struct alphabet *a, struct sp_bytes in)
{
	struct sp_writer w = sp_writer_on(out);
	encode(&w, a, in);
	return sp_writer_finish(&w);
}

static enum sp_err run_decode(struct sp_buf *out, const struct alphabet *a, struct sp_bytes in)
{
	struct sp_writer w = sp_writer_on(out);
	enum sp_err e = decode(&w, a, in);
	if (e != SP_OK)
		sp_writer_fail(&w, e);
	return sp_writer_finish(&w);
}

enum sp_err sp_hex_encode(struct sp_buf *out, struct sp_bytes in) { return run_encode(out, &hex, in); }
enum sp_err sp_hex_decode(struct sp_buf *out, struct sp_bytes in) { return run_decode(out, &hex, in); }
enum sp_err sp_base32_encode(struct sp_buf *out, struct sp_bytes in) { return run_encode(out, &base32, in); }
enum sp_err sp_base32_decode(struct sp_buf *out, struct sp_bytes in) { return run_decode(out, &base32, in); }
enum sp_err sp_base64_encode(struct sp_buf *out, struct sp_bytes in) { return run_encode(out, &base64, in); }
enum sp_err sp_base64_decode(struct sp_buf *out, struct sp_bytes in) { return run_decode(out, &base64, in); }
enum sp_err sp_base64url_encode(struct sp_buf *out, struct sp_bytes in) { return run_encode(out, &base64url, in); }
enum sp_err sp_base64url_decode(struct sp_buf *out, struct sp_bytes in) { return run_decode(out, &base64url, in); }
