/* SPDX-License-Identifier: Apache-2.0
 *
 * What requests hold and replies show.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

#define MAX_BYTES (1u << 28)

struct sp_buf *scratch_buf(struct peer *p)
{
	struct scratch *s = sp_alloc(sizeof *s);
	if (!s)
		abort();
	sp_buf_init(&s->buf, MAX_BYTES);
	s->next = p->scratch;
	p->scratch = s;
	return &s->buf;
}

void *scratch_alloc(struct peer *p, size_t n)
{
	uint8_t *bytes;
	if (sp_buf_extend(scratch_buf(p), n, &bytes) != SP_OK)
		abort();
	return bytes;
}

void scratch_clear(struct peer *p)
{
	while (p->scratch) {
		struct scratch *next = p->scratch->next;
		sp_buf_clear(&p->scratch->buf);
		sp_free(p->scratch);
		p->scratch = next;
	}
}

static enum sp_err read_file(struct sp_buf *out, const char *path)
{
	uint8_t chunk[4096];
	size_t n;
	enum sp_err e = SP_OK;
	FILE *f = fopen(path, "rb");
	if (!f)
		return SP_ERR_IO;
	while (e == SP_OK && (n = fread(chunk, 1, sizeof chunk, f)) > 0)
		e = sp_buf_append(out, (struct sp_bytes){chunk, n});
	fclose(f);
	return e;
}

enum sp_err value_bytes(struct peer *p, const json_t *value, struct sp_bytes *out)
{
	const char *text = json_string_value(value);
	struct sp_buf *b = scratch_buf(p);
	*out = SP_BYTES_NONE;
	if (!value || json_is_null(value))
		return SP_OK;
	if (!text)
		return SP_ERR_USAGE;
	if (text[0] == '@')
		SP_TRY(read_file(b, text + 1));
	else if (strncmp(text, "utf8:", 5) == 0)
		SP_TRY(sp_buf_append(b, sp_bytes_str(text + 5)));
	else
		SP_TRY(sp_hex_decode(b, sp_bytes_str(text)));
	*out = sp_buf_bytes(b);
	return SP_OK;
}

enum sp_err get_bytes(struct peer *p, const json_t *o, const char *name, struct sp_bytes *out)
{
	return value_bytes(p, json_object_get(o, name), out);
}

bool get_bool(const json_t *o, const char *name, bool otherwise)
{
	const json_t *v = json_object_get(o, name);
	return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

uint64_t get_int(const json_t *o, const char *name, uint64_t otherwise)
{
	const json_t *v = json_object_get(o, name);
	return json_is_integer(v) ? (uint64_t)json_integer_value(v) : otherwise;
}

void put_bytes(json_t *reply, const char *name, struct sp_bytes bytes)
{
	struct sp_buf hex;
	sp_buf_init(&hex, 2 * MAX_BYTES);
	if (sp_hex_encode(&hex, bytes) != SP_OK)
		abort();
	json_object_set_new(reply, name, json_stringn(hex.n ? (const char *)hex.p : "", hex.n));
	sp_buf_clear(&hex);
}

enum sp_err get_extensions(struct peer *p, const json_t *o, struct sp_mls_extensions *out)
{
	const json_t *list = json_object_get(o, "extensions");
	size_t n = json_array_size(list);
	*out = (struct sp_mls_extensions){NULL, 0};
	if (n == 0)
		return SP_OK;
	struct sp_mls_extension *all = scratch_alloc(p, n * sizeof *all);
	for (size_t i = 0; i < n; i++) {
		all[i].type = (uint16_t)get_int(json_array_get(list, i), "type", 0);
		SP_TRY(get_bytes(p, json_array_get(list, i), "data", &all[i].data));
	}
	*out = (struct sp_mls_extensions){all, n};
	return SP_OK;
}

/* A bare KeyPackage and GroupInfo begin with a version as a framed one does, which has two; a bare Welcome begins with a suite and a vector
 * that is never empty. So what is framed can be seen, whatever "framed" says. */
static bool is_framed(struct sp_bytes in, enum sp_mls_wire_format format)
{
	const uint8_t head[6] = {0, SP_MLS_VERSION_10, 0, (uint8_t)format, 0, SP_MLS_VERSION_10};
	size_t n = format == SP_MLS_WIRE_WELCOME ? 4 : sizeof head;
	return in.n >= n && sp_bytes_equal((struct sp_bytes){in.p, n}, (struct sp_bytes){head, n});
}

enum sp_err value_message(struct peer *p, const json_t *value, enum sp_mls_wire_format format, struct sp_bytes *out)
{
	SP_TRY(value_bytes(p, value, out));
	if (out->n == 0 || is_framed(*out, format))
		return SP_OK;
	struct sp_buf *b = scratch_buf(p);
	struct sp_writer w = sp_writer_on(b);
	sp_write_u16(&w, SP_MLS_VERSION_10);
	sp_write_u16(&w, (uint16_t)format);
	sp_write_fixed(&w, *out);
	SP_TRY(sp_writer_finish(&w));
	*out = sp_buf_bytes(b);
	return SP_OK;
}

enum sp_err get_message(struct peer *p, const json_t *o, const char *name, enum sp_mls_wire_format format, struct sp_bytes *out)
{
	return value_message(p, json_object_get(o, name), format, out);
}

/* Names are octets too, but "alice" is not hex and means itself. */
enum sp_err get_identity(struct peer *p, const json_t *o, struct sp_bytes *out)
{
	const char *text = json_string_value(json_object_get(o, "identity"));
	if (!text)
		return SP_FAIL(&p->diag, SP_ERR_USAGE, 0, "identity is missing");
	if (get_bytes(p, o, "identity", out) != SP_OK)
		*out = sp_bytes_str(text);
	return SP_OK;
}
