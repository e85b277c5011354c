/* SPDX-License-Identifier: Apache-2.0
 *
 * The structure check on bytes from a mail. Property: what passes ends with its structure: one byte more never passes.
 */
#include "cms/cms.h"
#include "../fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_bytes in = {data, size};
	struct sp_buf longer;
	if (sp_cms_auth_enveloped_check(in) != SP_OK)
		return 0;
	sp_buf_init(&longer, size + 1);
	FUZZ_CHECK(sp_buf_append(&longer, in) == SP_OK && sp_buf_append(&longer, SP_BYTES_LIT("\0")) == SP_OK);
	FUZZ_CHECK(sp_cms_auth_enveloped_check(sp_buf_bytes(&longer)) == SP_ERR_TRAILING);
	FUZZ_CHECK(sp_cms_auth_enveloped_check((struct sp_bytes){data, size - 1}) != SP_OK);
	sp_buf_clear(&longer);
	return 0;
}
