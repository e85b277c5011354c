/* SPDX-License-Identifier: Apache-2.0
 *
 * What every fuzz target provides. The driver (or libFuzzer) calls it with bytes of unknown origin; a crash, a
 * sanitizer report or a failed FUZZ_CHECK is a finding. A target keeps no state from one call to the next.
 */
#ifndef SP_FUZZ_H
#define SP_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that must hold whatever the input is. */
#define FUZZ_CHECK(cond)                                                                                               \
	do {                                                                                                           \
		if (!(cond))                                                                                           \
			abort();                                                                                       \
	} while (0)

#endif
