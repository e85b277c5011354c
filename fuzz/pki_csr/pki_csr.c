/* SPDX-License-Identifier: Apache-2.0
 *
 * A certificate request of unknown origin. Property: what is accepted holds a point on P-256.
 */
#include "pki/pki.h"
#include "../fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_pki_csr csr;
	struct sp_pki_point point;
	if (sp_pki_csr_check(&csr, (struct sp_bytes){data, size}) == SP_OK)
		FUZZ_CHECK(sp_pki_point_decode(&point, SP_BYTES_OF(csr.point.b)) == SP_OK);
	return 0;
}
