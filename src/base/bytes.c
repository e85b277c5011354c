/* SPDX-License-Identifier: Apache-2.0
 *
 * Comparing and copying borrowed bytes.
 */
#include "base/base.h"

int sp_bytes_compare(struct sp_bytes a, struct sp_bytes b)
{
	size_t n = SP_MIN(a.n, b.n);
	int order = n ? memcmp(a.p, b.p, n) : 0;
	return order ? order : (a.n > b.n) - (a.n < b.n);
}

bool sp_bytes_ct_equal(struct sp_bytes a, struct sp_bytes b)
{
	if (a.n != b.n)
		return false;
	volatile uint8_t differ = 0; /* volatile: no early exit may be derived */
	for (size_t i = 0; i < a.n; i++)
		differ = (uint8_t)(differ | (a.p[i] ^ b.p[i]));
	return differ == 0;
}

enum sp_err sp_bytes_dup(uint8_t **out, struct sp_bytes in)
{
	*out = NULL;
	if (in.n == 0)
		return SP_OK;
	*out = sp_alloc(in.n);
	if (!*out)
		return SP_ERR_NOMEM;
	memcpy(*out, in.p, in.n);
	return SP_OK;
}

char *sp_str_dup(struct sp_bytes in)
{
	size_t n;
	if (sp_size_add(&n, in.n, 1) != SP_OK)
		return NULL;
	char *s = sp_alloc(n);
	if (s)
		sp_copy(s, in.p, in.n);
	return s;
}
