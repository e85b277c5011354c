/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes as words, to be read aloud and compared: 10 bits a word, most significant first, the last word filled with zero
 * bits. 32 bytes are 26 words. What people type is read kindly (either case, any blanks or hyphens between, four
 * letters suffice) but still means one value only.
 */
#include "codec/words_priv.h"

#define MASK (SP__WORDS - 1)

static size_t words_for(size_t bytes)
{
	return (bytes * 8 + SP__WORD_BITS - 1) / SP__WORD_BITS;
}

/* The word that begins at bit `at`; bits beyond the end are zero. */
static unsigned word_at(struct sp_bytes in, size_t at)
{
	uint32_t acc = 0;
	for (size_t i = at / 8; i < at / 8 + 3; i++)
		acc = acc << 8 | (i < in.n ? in.p[i] : 0u);
	return acc >> (24 - SP__WORD_BITS - at % 8) & MASK;
}

static enum sp_err encode(struct sp_buf *out, struct sp_bytes in, size_t count)
{
	struct sp_writer w = sp_writer_on(out);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			sp_write_u8(&w, ' ');
		sp_write_fixed(&w, sp_bytes_str(sp__words[word_at(in, i * SP__WORD_BITS)]));
	}
	return sp_writer_finish(&w);
}

enum sp_err sp_words_encode(struct sp_buf *out, struct sp_bytes in)
{
	return encode(out, in, words_for(in.n));
}

enum sp_err sp_words_encode_short(struct sp_buf *out, struct sp_bytes in)
{
	if (words_for(in.n) < SP_WORDS_SHORT)
		return SP_ERR_USAGE;
	return encode(out, in, SP_WORDS_SHORT);
}

static bool is_separator(uint8_t c)
{
	return c == ' ' || c == '-' || c == '\t' || c == '\r' || c == '\n';
}

static char letter_of(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	return c >= 'a' && c <= 'z' ? (char)c : '?'; /* in no word */
}

/* The next word in lower case, or an empty one at the end. Longer than any of ours: cut, so that it matches none. */
static size_t next_word(struct sp_bytes *in, char out[SP__WORD_MAX + 2])
{
	size_t i = 0, n = 0;
	while (i < in->n && is_separator(in->p[i]))
		i++;
	for (; i < in->n && !is_separator(in->p[i]); i++) {
		if (n <= SP__WORD_MAX)
			out[n++] = letter_of(in->p[i]);
	}
	out[n] = 0;
	*in = (struct sp_bytes){i < in->n ? in->p + i : NULL, in->n - i};
	return n;
}

/* The whole word or exactly its first four letters. */
static enum sp_err look_up(const char *word, size_t n, unsigned *out)
{
	size_t low = 0, high = SP__WORDS;
	*out = 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strncmp(word, sp__words[middle], SP__WORD_PREFIX);
		if (order == 0) {
			*out = (unsigned)middle;
			return n == SP__WORD_PREFIX || strcmp(word, sp__words[middle]) == 0 ? SP_OK : SP_ERR_ENCODING;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return SP_ERR_ENCODING;
}

static enum sp_err decode(struct sp_writer *w, struct sp_bytes in, size_t n)
{
	char word[SP__WORD_MAX + 2];
	uint32_t acc = 0;
	unsigned have = 0, value;
	size_t written = 0, length;
	for (size_t i = 0; i < words_for(n); i++) {
		length = next_word(&in, word);
		SP_TRY(look_up(word, length, &value));
		acc = acc << SP__WORD_BITS | value;
		for (have += SP__WORD_BITS; have >= 8 && written < n; written++) {
			have -= 8;
			sp_write_u8(w, (uint8_t)(acc >> have));
		}
	}
	if (next_word(&in, word) != 0)
		return SP_ERR_TRAILING;
	return (acc & ((1u << have) - 1)) == 0 ? SP_OK : SP_ERR_ENCODING; /* the filling bits */
}

enum sp_err sp_words_decode(struct sp_buf *out, struct sp_bytes in, size_t n)
{
	struct sp_writer w = sp_writer_on(out);
	enum sp_err e = n > SIZE_MAX / 16 ? SP_ERR_USAGE : decode(&w, in, n);
	if (e != SP_OK)
		sp_writer_fail(&w, e);
	return sp_writer_finish(&w);
}
