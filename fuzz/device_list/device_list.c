/* SPDX-License-Identifier: Apache-2.0
 *
 * A signed device list of unknown origin. Properties: the parts are inside the input and within their limits; an empty
 * chain takes only a first version.
 */
#include "pki/device_list.h"
#include "../fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_bytes in = {data, size};
	struct sp_signed_device_list s;
	struct sp_device_chain chain = {0};
	enum sp_err e = sp_device_list_decode(&s, in);
	if (e == SP_OK) {
		FUZZ_CHECK(s.list_bytes.p == data && s.list_bytes.n < size);
		FUZZ_CHECK(s.list.devices_n >= 1 && s.list.devices_n <= SP_LIMIT_ACCOUNT_DEVICES && s.list.version >= 1);
	}
	if (sp_device_chain_apply(&chain, in) == SP_OK)
		FUZZ_CHECK(e == SP_OK && chain.version == 1 && sp_device_chain_has(&chain, &chain.fingerprint));
	return 0;
}
