/* SPDX-License-Identifier: Apache-2.0
 *
 * What the vector tests share: where the files are, hex out of JSON. Files are never copied into this tree; where they
 * are missing the program exits 77 (skipped), or fails when CI is set.
 */
#ifndef SP_TEST_KAT_H
#define SP_TEST_KAT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>

#include "base/base.h"

/* The parsed file, from SEALPOST_VECTORS or the folder given when building. Ends the program when there is none. */
json_t *kat_load(const char *path);
/* A member's hex, decoded into memory that lives until the next kat_reset; a missing member fails the test. */
struct sp_bytes kat_hex(const json_t *object, const char *name);
void kat_reset(void);
const char *kat_str(const json_t *object, const char *name);
long kat_int(const json_t *object, const char *name);

#endif
