/* SPDX-License-Identifier: Apache-2.0
 *
 * One bit a leaf: occupied or blank. 10,000 leaves are 157 words, so copying them into a diff and walking them for the
 * leftmost blank leaf costs less than one hash.
 */
#include "mls/tree_store_priv.h"

enum sp_err sp__mls_bits_new(struct sp_mls_bits *out, uint32_t width, const struct sp_mls_bits *from)
{
	size_t words = ((size_t)width + 63) / 64;
	*out = (struct sp_mls_bits){sp_alloc_array(words, sizeof *out->word), words};
	if (!out->word) {
		*out = (struct sp_mls_bits){0};
		return SP_ERR_NOMEM;
	}
	if (from)
		sp_copy(out->word, from->word, SP_MIN(words, from->words) * sizeof *out->word);
	return SP_OK;
}

void sp__mls_bits_clear(struct sp_mls_bits *b)
{
	sp_free(b->word);
	*b = (struct sp_mls_bits){0};
}

void sp__mls_bits_set(struct sp_mls_bits *b, uint32_t i, bool on)
{
	uint64_t bit = (uint64_t)1 << i % 64;
	SP_ASSERT(i / 64 < b->words);
	b->word[i / 64] = on ? b->word[i / 64] | bit : b->word[i / 64] & ~bit;
}

bool sp__mls_bits_has(const struct sp_mls_bits *b, uint32_t i)
{
	return i / 64 < b->words && (b->word[i / 64] >> i % 64 & 1);
}

bool sp__mls_bits_has_range(const struct sp_mls_bits *b, uint32_t first, uint32_t n)
{
	/* first is a multiple of n, and n a power of two: a range is inside of one word or is whole words */
	if (first / 64 >= b->words)
		return false;
	if (n < 64)
		return (b->word[first / 64] >> first % 64 & (((uint64_t)1 << n) - 1)) != 0;
	for (size_t i = first / 64; i < SP_MIN((first + n) / 64, b->words); i++)
		if (b->word[i] != 0)
			return true;
	return false;
}

uint32_t sp__mls_bits_find_zero(const struct sp_mls_bits *b, uint32_t from, uint32_t width)
{
	uint64_t skip = ((uint64_t)1 << from % 64) - 1; /* bits below `from` count as set */
	for (size_t i = from / 64; i * 64 < width; i++, skip = 0) {
		uint64_t zeros = i < b->words ? ~(b->word[i] | skip) : ~skip;
		if (zeros != 0)
			return SP_MIN((uint32_t)(i * 64) + (uint32_t)__builtin_ctzll(zeros), width);
	}
	return width;
}
