/* SPDX-License-Identifier: Apache-2.0
 *
 * The identity in a certificate of unknown origin. Properties: what is accepted names a valid person or server, and no
 * other bytes mean the same certificate.
 */
#include "pki/pki.h"
#include "../fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_pki_claim claim;
	if (sp_pki_claim_decode(&claim, (struct sp_bytes){data, size}) != SP_OK)
		return 0;
	const struct sp_pki_identity *id = &claim.unverified;
	struct sp_pki_point point;
	FUZZ_CHECK(sp_pki_org_is_valid(sp_bytes_str(id->org)));
	FUZZ_CHECK(id->kind == SP_PKI_SERVER || sp_pki_name_is_valid(sp_bytes_str(id->name)));
	FUZZ_CHECK(sp_pki_point_decode(&point, SP_BYTES_OF(id->point.b)) == SP_OK);
	FUZZ_CHECK(id->not_before.ms < id->not_after.ms);
	return 0;
}
