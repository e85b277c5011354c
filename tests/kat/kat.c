/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading vector files.
 */
#include "kat.h"

#include <stdio.h>
#include <stdlib.h>

#include "codec/codec.h"

static struct sp_buf *decoded[64];
static size_t decoded_n;

static const char *folder(void)
{
	const char *env = getenv("SEALPOST_VECTORS");
	return env && *env ? env : KAT_VECTORS_DIR;
}

json_t *kat_load(const char *path)
{
	char full[4096];
	snprintf(full, sizeof full, "%s/%s", folder(), path);
	FILE *f = fopen(full, "rb");
	if (!f) {
		const char *ci = getenv("CI");
		fprintf(stderr, "%s: no such vectors\n", path);
		exit(ci && *ci ? 1 : 77);
	}
	json_error_t why;
	json_t *root = json_loadf(f, 0, &why);
	fclose(f);
	if (!root) {
		fprintf(stderr, "%s: %s (line %d)\n", path, why.text, why.line);
		exit(1);
	}
	return root;
}

const char *kat_str(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	if (!text)
		fail_msg("vector without %s", name);
	return text;
}

long kat_int(const json_t *object, const char *name)
{
	const json_t *v = json_object_get(object, name);
	if (!json_is_integer(v))
		fail_msg("vector without %s", name);
	return (long)json_integer_value(v);
}

struct sp_bytes kat_hex(const json_t *object, const char *name)
{
	const char *text = kat_str(object, name);
	struct sp_buf *b = sp_alloc(sizeof *b);
	assert_non_null(b);
	assert_true(decoded_n < SP_ARRAY_LEN(decoded));
	sp_buf_init(b, 1u << 24);
	decoded[decoded_n++] = b;
	assert_int_equal(sp_hex_decode(b, sp_bytes_str(text)), SP_OK);
	return sp_buf_bytes(b);
}

void kat_reset(void)
{
	while (decoded_n > 0) {
		sp_buf_clear(decoded[--decoded_n]);
		sp_free(decoded[decoded_n]);
	}
}
