/* SPDX-License-Identifier: Apache-2.0
 *
 * The one answer that is more than a sequence number: the key packages taken, as the bytes that the request window remembers.
 */
#include "store/store_priv.h"

#define TAKEN_HEAD (16u + 16u + 4u)

enum sp_err sp__store_taken_append(struct sp_buf *out, const struct sp_store_taken *one)
{
	uint8_t *p;
	if (one->key_package.n > SP_STORE_BODY_MAX)
		return SP_ERR_TOO_LONG;
	SP_TRY(sp_buf_extend(out, TAKEN_HEAD + one->key_package.n, &p));
	sp_copy(p, one->account.b, 16);
	sp_copy(p + 16, one->device.b, 16);
	for (unsigned i = 0; i < 4; i++)
		p[32 + i] = (uint8_t)(one->key_package.n >> (24 - 8 * i));
	sp_copy(p + TAKEN_HEAD, one->key_package.p, one->key_package.n);
	return SP_OK;
}

enum sp_err sp_store_taken_next(struct sp_bytes *rest, struct sp_store_taken *out)
{
	*out = (struct sp_store_taken){0};
	if (rest->n == 0)
		return SP_ERR_NOT_FOUND;
	if (rest->n < TAKEN_HEAD)
		return SP_ERR_CORRUPT;
	const uint8_t *p = rest->p;
	size_t n = (size_t)p[32] << 24 | (size_t)p[33] << 16 | (size_t)p[34] << 8 | p[35];
	if (n > rest->n - TAKEN_HEAD)
		return SP_ERR_CORRUPT;
	sp_copy(out->account.b, p, 16);
	sp_copy(out->device.b, p + 16, 16);
	out->key_package = (struct sp_bytes){p + TAKEN_HEAD, n};
	rest->p += TAKEN_HEAD + n;
	rest->n -= TAKEN_HEAD + n;
	return SP_OK;
}

static bool ref_before_has(const struct sp_store_key_package_put *put, size_t end, const struct sp_hash32 *ref)
{
	for (size_t i = 0; i < end; i++)
		if (sp_hash32_equal(&put->packages[i].ref, ref))
			return true;
	return false;
}

bool sp__store_refs_has_duplicate(const struct sp_store_key_package_put *put)
{
	for (size_t i = 0; i < put->count; i++)
		if (ref_before_has(put, i, &put->packages[i].ref))
			return true;
	return put->last_resort.body.n != 0 && ref_before_has(put, put->count, &put->last_resort.ref);
}
