/* SPDX-License-Identifier: Apache-2.0
 *
 * Are secrets and tags compared in constant time? Run under valgrind: what is secret is marked undefined, and memcheck reports every branch and
 * every address that depends on it. The verdict alone may be known: it is defined again before it is looked at.
 *
 * `ct_compare` must pass; `ct_compare --leak` compares with memcmp and must be caught: else the check itself proves nothing.
 */
#include <stdio.h>
#include <valgrind/memcheck.h>

#include "base/base.h"
#include "crypto/crypto.h"
#include "mls/framing_priv.h"
#include "mls/key_schedule_priv.h"

#define SECRET_N 32

static void poison(void *p, size_t n)
{
	(void)VALGRIND_MAKE_MEM_UNDEFINED(p, n);
}

/* What a caller learns is public; how it was found must not have told more. */
static int verdict(bool equal)
{
	int known = equal;
	(void)VALGRIND_MAKE_MEM_DEFINED(&known, sizeof known);
	return known;
}

static int differs(const char *what, bool got, int wanted)
{
	if (verdict(got) == wanted)
		return 0;
	fprintf(stderr, "ct_compare: %s: wrong verdict\n", what);
	return 1;
}

/* Equal, unlike in the first byte, unlike in the last. */
static int compare_bytes(void)
{
	uint8_t a[SECRET_N] = {1}, same[SECRET_N] = {1}, first[SECRET_N] = {2}, last[SECRET_N] = {1};
	last[SECRET_N - 1] = 1;
	poison(a, sizeof a);
	poison(same, sizeof same);
	poison(first, sizeof first);
	poison(last, sizeof last);
	return differs("equal", sp_bytes_ct_equal(SP_BYTES_OF(a), SP_BYTES_OF(same)), 1) |
	       differs("first byte", sp_bytes_ct_equal(SP_BYTES_OF(a), SP_BYTES_OF(first)), 0) |
	       differs("last byte", sp_bytes_ct_equal(SP_BYTES_OF(a), SP_BYTES_OF(last)), 0);
}

static int compare_secrets(void)
{
	struct sp_secret a = {.n = SECRET_N}, b = {.n = SECRET_N};
	b.b[7] = 9;
	poison(a.b, sizeof a.b);
	poison(b.b, sizeof b.b);
	return differs("secrets", sp_secret_equal(&a, &b), 0);
}

static enum sp_err suite_one(struct sp_mls_suite *out)
{
	const struct sp_mls_env env = {.size = sizeof env};
	return sp__mls_suite_find(out, &env, 1);
}

/* The two tags as group_process.c and commit_process.c compute them, from poisoned keys; then as they compare them. */
static int compare_tags(void)
{
	struct sp_mls_suite suite;
	struct sp_secret membership = {.n = SECRET_N}, confirmation = {.n = SECRET_N}, tag = {0};
	const struct sp_mls_auth_content auth = {.wire_format = SP_MLS_WIRE_PUBLIC_MESSAGE,
						 .content = {.encoded = SP_BYTES_LIT("content"), .type = SP_MLS_CONTENT_PROPOSAL},
						 .signature = SP_BYTES_LIT("signature")};
	const uint8_t received[SECRET_N] = {0};
	if (suite_one(&suite) != SP_OK)
		return 1;
	poison(membership.b, membership.n);
	poison(confirmation.b, confirmation.n);
	if (sp__mls_membership_tag(&tag, &suite, &membership, &auth, SP_BYTES_LIT("context")) != SP_OK)
		return 1;
	int bad = differs("membership tag", sp_bytes_ct_equal(sp_secret_bytes(&tag), SP_BYTES_OF(received)), 0);
	if (sp__mls_confirmation_tag(&tag, &suite, &confirmation, SP_BYTES_LIT("confirmed transcript hash")) != SP_OK)
		return 1;
	return bad | differs("confirmation tag", sp_bytes_ct_equal(sp_secret_bytes(&tag), SP_BYTES_OF(received)), 0);
}

static int leak(void)
{
	uint8_t a[SECRET_N] = {1};
	const uint8_t b[SECRET_N] = {1};
	poison(a, sizeof a);
	for (size_t i = 0; i < sizeof a; i++)
		if (a[i] != b[i])
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	if (!RUNNING_ON_VALGRIND) {
		printf("ct_compare: skipped: it needs to run under valgrind\n");
		return 77;
	}
	if (argc > 1 && sp_bytes_equal(sp_bytes_str(argv[1]), SP_BYTES_LIT("--leak")))
		return leak();
	return compare_bytes() | compare_secrets() | compare_tags();
}
