/* SPDX-License-Identifier: Apache-2.0
 *
 * mls_vectors FILE...: runs files of MLS vectors and prints one line a file. Exit status 0 only if nothing failed.
 */
#include "vectors.h"

#include <stdio.h>
#include <stdlib.h>

/* A type is known by a field that no other has. Order matters where one type's fields include another's. */
static const struct {
	const char *field;
	vec_run *run;
} types[] = {
	{"vlbytes_header", vec_deserialization},
	{"ref_hash", vec_crypto_basics},
	{"n_leaves", vec_tree_math},
	{"tree_before", vec_tree_operations},
	{"resolutions", vec_tree_validation},
	{"update_paths", vec_treekem},
	{"initial_init_secret", vec_key_schedule},
	{"psk_secret", vec_psk_secret},
	{"leaves", vec_secret_tree},
	{"authenticated_content", vec_transcript_hashes},
	{"initial_epoch_authenticator", vec_passive_client},
	{"application_priv", vec_message_protection},
	{"mls_welcome", vec_messages},
	{"signer_pub", vec_welcome},
};

static vec_run *find_type(const json_t *vector)
{
	for (size_t i = 0; i < SP_ARRAY_LEN(types); i++)
		if (json_object_get(vector, types[i].field))
			return types[i].run;
	return NULL;
}

/* -- what every vector has ------------------------------------------------------------------------------------------------ */

static enum sp_err accept(void *ctx, const struct sp_mls_credential_check *check)
{
	return SP_OK;
}

static const struct sp_mls_validator accept_all = {accept, NULL, NULL};
static const struct sp_mls_limits no_limits = {
	.size = sizeof no_limits, .max_lifetime_s = INT64_MAX, .expired_leaves_allowed = true, .resumption_epochs = 100000};

void vec_defer(struct vec *v, void (*fn)(void *p), void *p)
{
	if (sp_array_grow(&v->deferred, &v->cap, v->n + 1, sizeof *v->deferred, 1u << 24) != SP_OK)
		abort();
	v->deferred[v->n++] = (struct vec_deferred){fn, p};
}

static void free_buf(void *p)
{
	struct sp_buf *b = p;
	sp_buf_clear(b);
	sp_free(b);
}

struct sp_buf *vec_buf(struct vec *v)
{
	struct sp_buf *b = sp_alloc(sizeof *b);
	if (!b)
		abort();
	sp_buf_init(b, 1u << 26);
	vec_defer(v, free_buf, b);
	return b;
}

static void bad(struct vec *v, const char *name)
{
	if (!v->failed)
		v->failed = name;
}

struct sp_bytes vec_hex_value(struct vec *v, const json_t *value)
{
	struct sp_buf *b = vec_buf(v);
	if (!json_is_string(value) || sp_hex_decode(b, sp_bytes_str(json_string_value(value))) != SP_OK)
		bad(v, "hex expected");
	return sp_buf_bytes(b);
}

struct sp_bytes vec_hex(struct vec *v, const json_t *object, const char *name)
{
	struct sp_bytes bytes = vec_hex_value(v, json_object_get(object, name));
	if (v->failed && v->line == 0)
		v->failed = name;
	return bytes;
}

struct sp_bytes vec_scalar(struct vec *v, const json_t *object, const char *name)
{
	struct sp_mls_suite suite;
	struct sp_bytes raw = vec_hex(v, object, name);
	struct sp_buf *padded = vec_buf(v);
	uint8_t *zero;
	if (sp__mls_suite_find(&suite, &v->env, (uint16_t)vec_int(v, v->json, "cipher_suite")) != SP_OK)
		return raw;
	bool nist = suite.hpke.kem == SP_KEM_P256 || suite.hpke.kem == SP_KEM_P384 || suite.hpke.kem == SP_KEM_P521;
	size_t size = sp_kem_private_size(suite.hpke.kem);
	if (!nist || raw.n >= size || sp_buf_extend(padded, size - raw.n, &zero) != SP_OK || sp_buf_append(padded, raw) != SP_OK)
		return raw;
	return sp_buf_bytes(padded);
}

uint64_t vec_int(struct vec *v, const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	if (!json_is_integer(value))
		bad(v, name);
	return (uint64_t)json_integer_value(value);
}

struct sp_bytes vec_text(struct vec *v, const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	if (!text)
		bad(v, name);
	return sp_bytes_str(text);
}

const json_t *vec_array(struct vec *v, const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	if (!json_is_array(value))
		bad(v, name);
	return value;
}

bool vec_has_suite(struct vec *v, struct sp_mls_suite *out)
{
	v->skipped = sp__mls_suite_find(out, &v->env, (uint16_t)vec_int(v, v->json, "cipher_suite")) != SP_OK;
	return !v->skipped;
}

/* -- running ----------------------------------------------------------------------------------------------------------------- */

struct tally {
	size_t passed, failed, skipped;
};

static void run_vector(const char *file, size_t i, const json_t *vector, struct tally *tally)
{
	struct sp_rng rng = sp_rng_system();
	struct vec v = {.json = vector};
	v.env = (struct sp_mls_env){.size = sizeof v.env, .rng = &rng, .validator = &accept_all, .limits = &no_limits, .diag = &v.diag};
	vec_run *run = find_type(vector);
	if (run)
		run(&v);
	if (!run || v.skipped)
		tally->skipped++;
	else if (v.failed)
		tally->failed++;
	else
		tally->passed++;
	if (v.failed && !v.skipped)
		printf("%s[%zu]: not so: %s (line %d)%s%s\n", file, i, v.failed, v.line, v.diag.text ? ": " : "", v.diag.text ? v.diag.text : "");
	while (v.n > 0) {
		v.n--;
		v.deferred[v.n].fn(v.deferred[v.n].p);
	}
	sp_free(v.deferred);
}

static struct tally run_file(const char *file)
{
	struct tally tally = {0};
	json_error_t why;
	json_t *root = json_load_file(file, 0, &why);
	if (!root || !json_is_array(root)) {
		printf("%s: cannot be read: %s\n", file, root ? "not an array" : why.text);
		tally.failed = 1;
	}
	for (size_t i = 0; i < json_array_size(root); i++)
		run_vector(file, i, json_array_get(root, i), &tally);
	json_decref(root);
	return tally;
}

int main(int argc, char **argv)
{
	size_t failed = 0;
	if (argc < 2) {
		fprintf(stderr, "usage: mls_vectors FILE...\n");
		return 2;
	}
	if (sp_crypto_init() != SP_OK) {
		fprintf(stderr, "mls_vectors: OpenSSL is too old\n");
		return 2;
	}
	for (int i = 1; i < argc; i++) {
		struct tally t = run_file(argv[i]);
		printf("%s: %zu passed, %zu failed, %zu skipped\n", argv[i], t.passed, t.failed, t.skipped);
		failed += t.failed;
	}
	return failed == 0 ? 0 : 1;
}
