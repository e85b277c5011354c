/* SPDX-License-Identifier: Apache-2.0
 *
 * What results live in: blocks in a chain, freed together. A failed allocation is remembered, so that filling a result
 * is a straight list of calls with one check at its end.
 */
#include "client/client_priv.h"

struct block {
	struct block *next;
	size_t size;
	_Alignas(max_align_t) uint8_t data[];
};
struct sp_client_mem {
	struct block *blocks;
	bool has_failed;
};

enum sp_err sp__mem_new(struct sp_client_mem **out)
{
	*out = sp_alloc(sizeof **out);
	return *out ? SP_OK : SP_ERR_NOMEM;
}

void sp_client_result_free(struct sp_client_mem **mem)
{
	if (!*mem)
		return;
	while ((*mem)->blocks) {
		struct block *block = (*mem)->blocks;
		(*mem)->blocks = block->next;
		sp_free_secret(block, block->size);
	}
	sp_free(*mem);
	*mem = NULL;
}

void *sp__mem_alloc(struct sp_client_mem *mem, size_t n)
{
	size_t size;
	struct block *block = sp_size_add(&size, sizeof *block, SP_MAX(n, (size_t)1)) == SP_OK ? sp_alloc(size) : NULL;
	if (!block) {
		mem->has_failed = true;
		return NULL;
	}
	block->size = size;
	block->next = mem->blocks;
	mem->blocks = block;
	return block->data;
}

const char *sp__mem_str(struct sp_client_mem *mem, struct sp_bytes text)
{
	struct sp_buf clean;
	sp_buf_init(&clean, 3 * (size_t)SP_LIMIT_FRAME);
	char *out = sp__utf8_clean(&clean, text) == SP_OK ? sp__mem_alloc(mem, clean.n) : NULL;
	if (out)
		sp_copy(out, clean.p, clean.n);
	else
		mem->has_failed = true;
	sp_buf_clear(&clean);
	return out ? out : "";
}

enum sp_err sp__mem_grow(struct sp_client_mem *mem, void *array, size_t *cap, size_t need, size_t size)
{
	size_t want = SP_MAX(*cap * 2, (size_t)8), n;
	void *old;
	if (need <= *cap)
		return SP_OK;
	if (sp_size_mul(&n, SP_MAX(want, need), size) != SP_OK)
		return SP_ERR_TOO_MANY;
	void *grown = sp__mem_alloc(mem, n);
	if (!grown)
		return SP_ERR_NOMEM;
	sp_copy(&old, array, sizeof old); /* array is a T **, which must not be read as void ** */
	sp_copy(grown, old, *cap * size);
	sp_copy(array, &grown, sizeof grown);
	*cap = SP_MAX(want, need);
	return SP_OK;
}

enum sp_err sp__mem_check(const struct sp_client_mem *mem)
{
	return mem->has_failed ? SP_ERR_NOMEM : SP_OK;
}
