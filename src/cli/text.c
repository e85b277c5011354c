/* SPDX-License-Identifier: Apache-2.0
 *
 * Text that came from other people, on its way to a terminal. ESC sequences, other controls, bidirectional overrides
 * and broken UTF-8 could forge what the reader sees (ATTACKS N09); they are shown as what they are instead.
 */
#include "cli/cli_priv.h"

/* One code point from s (n > 0 bytes): its value and length, or length 0 when the bytes are not UTF-8 (RFC 3629). */
static uint32_t decode_utf8(const uint8_t *s, size_t n, size_t *out_length)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
	*out_length = 0;
	if (length == 0 || length > n)
		return 0;
	uint32_t c = length == 1 ? s[0] : s[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if (s[i] >> 6 != 2)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < smallest[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*out_length = length;
	return c;
}

/* What takes no room and is not seen: two names that differ by it look the same. The joiners U+200C and U+200D stay, since
 * scripts and emoji are written with them. */
static bool is_unseen(uint32_t c)
{
	return c == 0xad || c == 0x34f || c == 0x115f || c == 0x1160 || (c >= 0x17b4 && c <= 0x17b5) || (c >= 0x180b && c <= 0x180f) || c == 0x200b ||
	       (c >= 0x2060 && c <= 0x2065) || c == 0x3164 || c == 0xffa0;
}

/* Controls, line and paragraph separators, bidirectional marks and overrides, the byte order mark, tags, and the
 * interlinear annotation characters: nothing a message needs, everything a forger wants. */
static bool is_unsafe(uint32_t c)
{
	return is_unseen(c) || c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f);
}

void sp__cli_put(FILE *to, struct sp_bytes text, enum sp_cli_put how)
{
	for (size_t i = 0; i < text.n;) {
		size_t length;
		uint32_t c = decode_utf8(text.p + i, text.n - i, &length);
		if (length == 0)
			fprintf(to, "\\x%02x", text.p[i++]);
		else if (c == '\n' && how == SP_CLI_PUT_BLOCK)
			fputs("\n  ", to), i++;
		else if (c == '\t' && how == SP_CLI_PUT_BLOCK)
			fputc('\t', to), i++;
		else if (c == '\n')
			fputs("\\n", to), i++;
		else if (is_unsafe(c))
			fprintf(to, "\\u{%x}", c), i += length;
		else
			fwrite(text.p + i, 1, length, to), i += length;
	}
}

/* Columns, roughly: code points. East Asian widths would need a table that is not worth it for alignment. */
size_t sp__cli_width(struct sp_bytes text)
{
	size_t width = 0;
	for (size_t i = 0; i < text.n; i++)
		width += text.p[i] >> 6 != 2;
	return width;
}

void sp__cli_put_padded(FILE *to, struct sp_bytes text, size_t width)
{
	sp__cli_put(to, text, SP_CLI_PUT_LINE);
	for (size_t have = sp__cli_width(text); have < width; have++)
		fputc(' ', to);
}

json_t *sp__cli_json_text(struct sp_bytes text)
{
	struct sp_buf clean;
	sp_buf_init(&clean, text.n * 3 + 1);
	json_t *out = NULL;
	for (size_t i = 0; i < text.n;) {
		size_t length;
		(void)decode_utf8(text.p + i, text.n - i, &length);
		struct sp_bytes piece = length ? (struct sp_bytes){text.p + i, length} : SP_BYTES_LIT("\xef\xbf\xbd");
		if (sp_buf_append(&clean, piece) != SP_OK)
			goto out;
		i += length ? length : 1;
	}
	out = json_stringn(clean.n ? (const char *)clean.p : "", clean.n);
out:
	sp_buf_clear(&clean);
	return out;
}

void sp__cli_time_text(char out[SP_TIME_TEXT_MAX], struct sp_time t, struct sp_time now)
{
	time_t seconds = (time_t)(t.ms / 1000), today = (time_t)(now.ms / 1000);
	struct tm then, here;
	out[0] = '\0';
	if (!localtime_r(&seconds, &then) || !localtime_r(&today, &here))
		return;
	bool same_day = then.tm_year == here.tm_year && then.tm_yday == here.tm_yday;
	if (strftime(out, SP_TIME_TEXT_MAX, same_day ? "%H:%M:%S" : "%Y-%m-%d %H:%M", &then) == 0)
		out[0] = '\0';
}
