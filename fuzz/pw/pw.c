/* SPDX-License-Identifier: Apache-2.0
 *
 * The key box as read from disk. Only prices of little memory are run, so that a run ends; the bound itself is a unit
 * test. Property: what was not sealed by us does not open, and the output is empty then.
 */
#include "codec/codec.h"
#include "pw/pw.h"
#include "../fuzz.h"

#define PRICE_AT 18u

static bool is_cheap(struct sp_bytes in)
{
	struct sp_bytes skipped;
	struct sp_reader r = sp_reader_of(in);
	uint32_t passes, memory_kib;
	if (sp_read_fixed(&r, &skipped, PRICE_AT) != SP_OK || sp_read_u32(&r, &passes) != SP_OK || sp_read_u32(&r, &memory_kib) != SP_OK)
		return true; /* too short to cost anything */
	return (passes <= 2 || passes > SP_PW_PASSES_MAX) && (memory_kib <= 64 || memory_kib > SP_PW_MEMORY_KIB_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_bytes in = {data, size};
	struct sp_secret out;
	if (!is_cheap(in))
		return 0;
	enum sp_err e = sp_pw_box_open(&out, SP_BYTES_LIT("not the passphrase"), in);
	FUZZ_CHECK(e != SP_OK && out.n == 0);
	return 0;
}
