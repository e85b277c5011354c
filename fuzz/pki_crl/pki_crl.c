/* SPDX-License-Identifier: Apache-2.0
 *
 * A revocation list of unknown origin. Property: its number is its time.
 */
#include "pki/pki.h"
#include "../fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_pki_crl_info info;
	if (sp_pki_crl_info(&info, (struct sp_bytes){data, size}) == SP_OK)
		FUZZ_CHECK(info.number == (uint64_t)info.this_update.ms / 1000 && info.next_update.ms > info.this_update.ms);
	return 0;
}
