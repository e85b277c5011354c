/* SPDX-License-Identifier: Apache-2.0
 *
 * Printable forms: ids in base32, UTF-8 that is what it claims to be (RFC 3629).
 */
#include "client/client_priv.h"

void sp__text_set(char *out, size_t size, struct sp_bytes in)
{
	size_t n = SP_MIN(in.n, size - 1);
	sp_copy(out, in.p, n);
	out[n] = '\0';
}

void sp__id_text(char out[SP_CLIENT_ID_TEXT], const struct sp_id16 *id)
{
	struct sp_buf text;
	sp_buf_init(&text, SP_CLIENT_ID_TEXT);
	if (sp_base32_encode(&text, sp_id16_bytes(id)) == SP_OK)
		sp__text_set(out, SP_CLIENT_ID_TEXT, sp_buf_bytes(&text));
	else
		out[0] = '\0';
	sp_buf_clear(&text);
}

bool sp__id_has_prefix(const struct sp_id16 *id, const char *prefix)
{
	char text[SP_CLIENT_ID_TEXT];
	size_t n = strlen(prefix);
	if (n < SP_CLIENT_PREFIX_MIN || n >= SP_CLIENT_ID_TEXT)
		return false;
	sp__id_text(text, id);
	for (size_t i = 0; i < n; i++) {
		char c = prefix[i] >= 'A' && prefix[i] <= 'Z' ? (char)(prefix[i] - 'A' + 'a') : prefix[i];
		if (c != text[i])
			return false;
	}
	return true;
}

void sp__local_part(char out[SP_LIMIT_NAME + 1], struct sp_bytes address)
{
	size_t n = 0;
	while (n < address.n && address.p[n] != '@')
		n++;
	sp__text_set(out, SP_LIMIT_NAME + 1, (struct sp_bytes){address.p, n});
}

/* Length of the well-formed character at the front, 0 when there is none: no overlong form, no surrogate, none above
 * U+10FFFF, and no NUL. */
static size_t utf8_length(struct sp_bytes in)
{
	uint8_t c = in.p[0];
	size_t n = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
	if (c == 0 || n == 0 || n > in.n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((in.p[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((c == 0xe0 && in.p[1] < 0xa0) || (c == 0xed && in.p[1] > 0x9f) || (c == 0xf0 && in.p[1] < 0x90) || (c == 0xf4 && in.p[1] > 0x8f))
		return 0;
	return n;
}

bool sp__utf8_is_valid(struct sp_bytes in)
{
	while (in.n > 0) {
		size_t n = utf8_length(in);
		if (n == 0)
			return false;
		in = (struct sp_bytes){in.p + n, in.n - n};
	}
	return true;
}

enum sp_err sp__utf8_clean(struct sp_buf *out, struct sp_bytes in)
{
	while (in.n > 0) {
		size_t n = utf8_length(in);
		SP_TRY(sp_buf_append(out, n ? (struct sp_bytes){in.p, n} : SP_BYTES_LIT("\xef\xbf\xbd")));
		n = SP_MAX(n, (size_t)1);
		in = (struct sp_bytes){in.p + n, in.n - n};
	}
	return sp_buf_append(out, SP_BYTES_LIT("\0"));
}
