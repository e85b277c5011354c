/* SPDX-License-Identifier: Apache-2.0
 *
 * The client's profile: records, expectations, scans, two processes, SIGKILL, privacy of the files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "store/profile.h"

#define OK(expr) assert_int_equal((expr), SP_OK)
#define ERR(expr, e) assert_string_equal(sp_err_name(expr), sp_err_name(e))

static char folder[64];

static const char *file(void)
{
	static char path[128];
	snprintf(path, sizeof path, "%s/a/b/profile.db", folder);
	return path;
}

static const char *home(void)
{
	static char path[128];
	snprintf(path, sizeof path, "%s/a/b", folder);
	return path;
}

static void files_remove(void)
{
	char path[160];
	const char *const tails[] = {"", "-wal", "-shm"};
	for (size_t i = 0; i < SP_ARRAY_LEN(tails); i++) {
		snprintf(path, sizeof path, "%s%s", file(), tails[i]);
		unlink(path);
	}
	rmdir(home());
	snprintf(path, sizeof path, "%s/a", folder);
	rmdir(path);
}

static int open_empty(void **state)
{
	snprintf(folder, sizeof folder, "/tmp/sealpost-test-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	return sp_profile_open((struct sp_profile **)state, home(), true) == SP_OK ? 0 : -1;
}

static int close_it(void **state)
{
	sp_profile_close((struct sp_profile **)state);
	files_remove();
	rmdir(folder);
	return 0;
}

static struct sp_profile_op put(uint8_t space, const char *key, const char *value)
{
	return (struct sp_profile_op){.action = SP_PROFILE_PUT, .space = space, .key = sp_bytes_str(key), .value = sp_bytes_str(value)};
}

static struct sp_profile_op expect(uint8_t space, const char *key, uint64_t revision)
{
	return (struct sp_profile_op){.action = SP_PROFILE_EXPECT, .space = space, .key = sp_bytes_str(key), .revision = revision};
}

static void check_value(struct sp_profile *p, uint8_t space, const char *key, const char *want, uint64_t revision)
{
	struct sp_buf b;
	uint64_t at;
	sp_buf_init(&b, 1000);
	ERR(sp_profile_get(p, space, sp_bytes_str(key), &b, &at), want ? SP_OK : SP_ERR_NOT_FOUND);
	assert_true(sp_bytes_equal(sp_buf_bytes(&b), sp_bytes_str(want)));
	assert_int_equal(at, revision);
	sp_buf_clear(&b);
}

static void records_are_put_and_deleted(void **state)
{
	struct sp_profile *p = *state;
	uint64_t revision;
	const struct sp_profile_op first[] = {put(1, "k", "one"), put(2, "k", "other space"), put(1, "", "empty key"), put(1, "e", "")};
	OK(sp_profile_apply(p, first, 4, &revision));
	assert_int_equal(revision, 1);
	check_value(p, 1, "k", "one", 1);
	check_value(p, 2, "k", "other space", 1);
	check_value(p, 1, "", "empty key", 1);
	check_value(p, 1, "e", "", 1);
	struct sp_profile_op change[] = {put(1, "k", "two"), {.action = SP_PROFILE_DELETE, .space = 2, .key = SP_BYTES_LIT("k")}};
	OK(sp_profile_apply(p, change, 2, &revision));
	assert_int_equal(revision, 2);
	check_value(p, 1, "k", "two", 2);
	check_value(p, 2, "k", NULL, 0);
	OK(sp_profile_revision(p, &revision));
	assert_int_equal(revision, 2);
}

static void expectations_guard_all(void **state)
{
	struct sp_profile *p = *state;
	struct sp_profile_op make[] = {expect(1, "k", 0), put(1, "k", "one")};
	OK(sp_profile_apply(p, make, 2, NULL));
	ERR(sp_profile_apply(p, make, 2, NULL), SP_ERR_CONFLICT);
	struct sp_profile_op late[] = {put(1, "k", "two"), put(1, "l", "two"), expect(1, "k", 2)};
	ERR(sp_profile_apply(p, late, 3, NULL), SP_ERR_CONFLICT);
	check_value(p, 1, "k", "one", 1);
	check_value(p, 1, "l", NULL, 0);
	late[2].revision = 1; /* judged first, though it stands last */
	OK(sp_profile_apply(p, late, 3, NULL));
	check_value(p, 1, "k", "two", 2);
	struct sp_profile_op look = expect(1, "k", 2);
	uint64_t revision;
	OK(sp_profile_apply(p, &look, 1, &revision));
	assert_int_equal(revision, 2); /* nothing was written */
	uint8_t long_key[SP_PROFILE_KEY_MAX + 1] = {0};
	struct sp_profile_op bad[] = {put(1, "m", "x"), {.action = SP_PROFILE_PUT, .key = SP_BYTES_OF(long_key)}};
	ERR(sp_profile_apply(p, bad, 2, NULL), SP_ERR_TOO_LONG);
	bad[1] = (struct sp_profile_op){.space = 1};
	ERR(sp_profile_apply(p, bad, 2, NULL), SP_ERR_USAGE);
	check_value(p, 1, "m", NULL, 0);
}

struct text {
	char b[512];
	size_t n;
};

static enum sp_err say(void *ctx, const struct sp_profile_record *record)
{
	struct text *t = ctx;
	for (size_t i = 0; i < record->key.n; i++)
		t->n += (size_t)snprintf(t->b + t->n, sizeof t->b - t->n, record->key.p[i] < 0x80 ? "%c" : "<%02x>", record->key.p[i]);
	t->n += (size_t)snprintf(t->b + t->n, sizeof t->b - t->n, " ");
	return SP_OK;
}

static void check_scan(struct sp_profile *p, struct sp_profile_range range, const char *want)
{
	struct text t = {{0}, 0};
	range.space = 3;
	OK(sp_profile_scan(p, &range, say, &t));
	assert_string_equal(t.b, want);
}

static void scans_walk_in_key_order(void **state)
{
	struct sp_profile *p = *state;
	const struct sp_profile_op ops[] = {put(3, "b", ""),  put(3, "a", ""),	  put(3, "ab", ""), put(3, "a\xff", ""), put(3, "a\xff\xff", ""),
					    put(3, "c", ""),  put(4, "a", "x"), put(2, "a", "x"), put(3, "\xff", "")};
	OK(sp_profile_apply(p, ops, SP_ARRAY_LEN(ops), NULL));
	check_scan(p, (struct sp_profile_range){0}, "a ab a<ff> a<ff><ff> b c <ff> ");
	check_scan(p, (struct sp_profile_range){.reverse = true}, "<ff> c b a<ff><ff> a<ff> ab a ");
	check_scan(p, (struct sp_profile_range){.prefix = SP_BYTES_LIT("a")}, "a ab a<ff> a<ff><ff> ");
	check_scan(p, (struct sp_profile_range){.prefix = SP_BYTES_LIT("a"), .reverse = true}, "a<ff><ff> a<ff> ab a ");
	check_scan(p, (struct sp_profile_range){.prefix = SP_BYTES_LIT("a"), .reverse = true, .limit = 2}, "a<ff><ff> a<ff> ");
	check_scan(p, (struct sp_profile_range){.prefix = SP_BYTES_LIT("a"), .after = SP_BYTES_LIT("ab")}, "a<ff> a<ff><ff> ");
	check_scan(p, (struct sp_profile_range){.prefix = SP_BYTES_LIT("a"), .after = SP_BYTES_LIT("ab"), .reverse = true}, "a ");
	check_scan(p, (struct sp_profile_range){.prefix = SP_BYTES_LIT("b"), .after = SP_BYTES_LIT("a")}, "b ");
	check_scan(p, (struct sp_profile_range){.prefix = SP_BYTES_LIT("a"), .after = SP_BYTES_LIT("c"), .reverse = true}, "a<ff><ff> a<ff> ab a ");
	check_scan(p, (struct sp_profile_range){.after = SP_BYTES_LIT("a"), .limit = 1}, "ab ");
	check_scan(p, (struct sp_profile_range){.prefix = SP_BYTES_LIT("zz")}, "");
}

static void files_are_private(void **state)
{
	struct stat st;
	assert_int_equal(stat(file(), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(home(), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void file_script(const char *sql)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(file(), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void missing_and_newer_are_told(void **state)
{
	struct sp_profile *p = *state;
	sp_profile_close(&p);
	*state = NULL;
	file_script("PRAGMA user_version = 99");
	ERR(sp_profile_open(&p, home(), false), SP_ERR_FORMAT_NEWER);
	files_remove();
	ERR(sp_profile_open(&p, home(), false), SP_ERR_NOT_FOUND);
	assert_null(p);
}

static void what_is_deleted_is_overwritten(void **state)
{
	struct sp_profile *p = *state;
	static const char canary[] = "canary-5c0ffee-do-not-keep";
	struct sp_profile_op ops[] = {put(1, "k", canary), {.action = SP_PROFILE_DELETE, .space = 1, .key = SP_BYTES_LIT("k")}};
	OK(sp_profile_apply(p, &ops[0], 1, NULL));
	OK(sp_profile_apply(p, &ops[1], 1, NULL));
	sp_profile_close(&p);
	*state = NULL;
	static char whole[1 << 20];
	FILE *f = fopen(file(), "rb");
	size_t n = fread(whole, 1, sizeof whole, f);
	fclose(f);
	assert_true(n > 0 && n < sizeof whole);
	assert_null(memmem(whole, n, canary, sizeof canary - 1));
}

/* -- two processes --------------------------------------------------------------------------------------------- */

enum { ROUNDS = 200 };

/* Adds one to the number in a record, ROUNDS times, whoever else does so. */
static enum sp_err count_up(struct sp_profile *p)
{
	for (int i = 0; i < ROUNDS;) {
		struct sp_buf b;
		uint64_t revision;
		char text[16];
		sp_buf_init(&b, 16);
		enum sp_err err = sp_profile_get(p, 1, SP_BYTES_LIT("n"), &b, &revision);
		if (err != SP_OK && err != SP_ERR_NOT_FOUND)
			return err;
		snprintf(text, sizeof text, "%.*s", (int)b.n, b.n ? (const char *)b.p : "");
		snprintf(text, sizeof text, "%ld", strtol(text, NULL, 10) + 1);
		sp_buf_clear(&b);
		struct sp_profile_op ops[] = {expect(1, "n", revision), put(1, "n", text)};
		err = sp_profile_apply(p, ops, 2, NULL);
		if (err != SP_OK && err != SP_ERR_CONFLICT)
			return err;
		i += err == SP_OK;
	}
	return SP_OK;
}

static void two_processes_lose_nothing(void **state)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct sp_profile *own;
		_exit(sp_profile_open(&own, home(), false) == SP_OK && count_up(own) == SP_OK ? 0 : 1);
	}
	OK(count_up(*state));
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	check_value(*state, 1, "n", "400", 400);
}

/* Writes pairs that must agree until it is killed. */
static void pairs_until_killed(int out)
{
	struct sp_profile *p;
	if (sp_profile_open(&p, home(), false) != SP_OK)
		_exit(1);
	for (unsigned i = 1;; i++) {
		char text[16];
		snprintf(text, sizeof text, "%u", i);
		struct sp_profile_op ops[] = {put(1, "left", text), put(1, "right", text)};
		if (sp_profile_apply(p, ops, 2, NULL) != SP_OK || write(out, &i, sizeof i) != sizeof i)
			_exit(2);
	}
}

static unsigned number_of(struct sp_profile *p, const char *key)
{
	struct sp_buf b;
	char text[16];
	sp_buf_init(&b, 15);
	enum sp_err err = sp_profile_get(p, 1, sp_bytes_str(key), &b, NULL);
	assert_true(err == SP_OK || err == SP_ERR_NOT_FOUND);
	snprintf(text, sizeof text, "%.*s", (int)b.n, b.n ? (const char *)b.p : "");
	sp_buf_clear(&b);
	return (unsigned)strtoul(text, NULL, 10);
}

static void a_kill_leaves_whole_transactions(void **state)
{
	for (unsigned round = 0; round < 8; round++) {
		int ends[2];
		assert_int_equal(pipe(ends), 0);
		pid_t child = fork();
		if (child == 0)
			pairs_until_killed(ends[1]);
		close(ends[1]);
		usleep(30000 + 7000 * round);
		kill(child, SIGKILL);
		unsigned acked = 0, one;
		while (read(ends[0], &one, sizeof one) == sizeof one)
			acked = one;
		close(ends[0]);
		assert_int_equal(waitpid(child, NULL, 0), child);
		unsigned left = number_of(*state, "left");
		assert_int_equal(left, number_of(*state, "right"));
		assert_true(acked == 0 || left == acked || left == acked + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(records_are_put_and_deleted, open_empty, close_it),
		cmocka_unit_test_setup_teardown(expectations_guard_all, open_empty, close_it),
		cmocka_unit_test_setup_teardown(scans_walk_in_key_order, open_empty, close_it),
		cmocka_unit_test_setup_teardown(files_are_private, open_empty, close_it),
		cmocka_unit_test_setup_teardown(missing_and_newer_are_told, open_empty, close_it),
		cmocka_unit_test_setup_teardown(what_is_deleted_is_overwritten, open_empty, close_it),
		cmocka_unit_test_setup_teardown(two_processes_lose_nothing, open_empty, close_it),
		cmocka_unit_test_setup_teardown(a_kill_leaves_whole_transactions, open_empty, close_it),
	};
	return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
