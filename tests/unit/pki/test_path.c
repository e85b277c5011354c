/* SPDX-License-Identifier: Apache-2.0
 *
 * The 70 cases of NIST PKITS 4.1-4.6 against sp_pki_path_verify, at a fixed day. Prints TAP by itself: the cases are data.
 *
 * Two verdicts differ from NIST's, both towards refusal, listed with their reason; a case that no longer differs fails, so
 * that the list stays true.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "pki/pki.h"

#define MAX_FILES 16

static const struct {
	const char *id;
	bool lax_accepts; /* without X509_V_FLAG_X509_STRICT */
	const char *reason;
} stricter[] = {
	{"4.1.5", false, "a DSA key without parameters of its own: OpenSSL 3 does not decode it; only P-256 is ours"},
	{"4.6.4", true, "an authority's basicConstraints is not critical: RFC 5280 section 4.2.1.9 says MUST to authorities"},
};

struct material {
	struct sp_bytes file[MAX_FILES];
	size_t n;
};

static struct sp_bytes load(const char *dir, const char *folder, const char *name, const char *suffix)
{
	char path[1024];
	snprintf(path, sizeof path, "%s/%s/%s.%s", dir, folder, name, suffix);
	FILE *f = fopen(path, "rb");
	if (!f) {
		printf("Bail out! cannot open %s\n", path);
		exit(1);
	}
	uint8_t *p = sp_alloc(SP_LIMIT_CRL);
	size_t n = fread(p, 1, SP_LIMIT_CRL, f);
	fclose(f);
	return (struct sp_bytes){p, n};
}

static struct material load_all(const char *dir, const char *folder, const json_t *names, const char *suffix)
{
	struct material m = {.n = 0};
	for (size_t i = 0; i < json_array_size(names) && m.n < MAX_FILES; i++)
		m.file[m.n++] = load(dir, folder, json_string_value(json_array_get(names, i)), suffix);
	return m;
}

static void unload(struct material *m)
{
	for (size_t i = 0; i < m->n; i++)
		sp_free((void *)(uintptr_t)m->file[i].p);
}

/* The first certificate is the trust anchor, the last the end entity; what lies between is untrusted. */
static enum sp_err verify(const struct material *certs, const struct material *crls, bool lax)
{
	const struct sp_time june_2015 = {1433116800000};
	struct sp_pki_path path = {.leaf = certs->file[certs->n - 1],
				   .anchors = certs->file,
				   .anchors_n = 1,
				   .untrusted = certs->file + 1,
				   .untrusted_n = certs->n - 2,
				   .crls = crls->file,
				   .crls_n = crls->n,
				   .at = june_2015,
				   .lax = lax};
	return sp_pki_path_verify(&path);
}

static bool verdict_is_right(const char *id, bool want, enum sp_err strict, enum sp_err lax)
{
	for (size_t i = 0; i < SP_ARRAY_LEN(stricter); i++)
		if (strcmp(stricter[i].id, id) == 0)
			return want && strict != SP_OK && (lax == SP_OK) == stricter[i].lax_accepts;
	return (strict == SP_OK) == want && (lax == SP_OK) == want;
}

static bool case_passes(const char *dir, const json_t *c)
{
	const char *id = json_string_value(json_object_get(c, "id"));
	bool want = strcmp(json_string_value(json_object_get(json_object_get(c, "info"), "should_validate")), "true") == 0;
	struct material certs = load_all(dir, "certs", json_object_get(c, "certs"), "crt");
	struct material crls = load_all(dir, "crls", json_object_get(c, "crls"), "crl");
	enum sp_err strict = verify(&certs, &crls, false);
	enum sp_err lax = verify(&certs, &crls, true);
	bool passes = verdict_is_right(id, want, strict, lax);
	if (!passes)
		printf("# %s: strict %s, lax %s\n", id, sp_err_name(strict), sp_err_name(lax));
	unload(&certs);
	unload(&crls);
	return passes;
}

int main(int argc, char **argv)
{
	char path[1024];
	const char *root = getenv("SEALPOST_VECTORS");
	char dir[900];
	if (root)
		snprintf(dir, sizeof dir, "%s/pkits", root);
	else
		snprintf(dir, sizeof dir, "%s", argc > 1 ? argv[1] : ".");
	snprintf(path, sizeof path, "%s/pkits.json", dir);
	json_t *cases = json_load_file(path, 0, NULL);
	if (!cases) {
		printf("1..0 # SKIP 70 PKITS cases: no %s\n", path);
		return getenv("CI") ? 1 : 77;
	}
	size_t n = json_array_size(cases), failed = 0;
	printf("1..%zu\n", n);
	for (size_t i = 0; i < n; i++) {
		json_t *c = json_array_get(cases, i);
		bool ok = case_passes(dir, c);
		failed += !ok;
		printf("%s %zu - %s %s\n", ok ? "ok" : "not ok", i + 1, json_string_value(json_object_get(c, "id")),
		       json_string_value(json_object_get(c, "title")));
	}
	json_decref(cases);
	return failed ? 1 : 0;
}
