/* SPDX-License-Identifier: Apache-2.0
 *
 * The SQLite backend: the contract, then what only a disk can do: reopening, versions, locks, SIGKILL, a full disk.
 */
#include "contract.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

static char folder[64];

static const char *path_in(const char *name)
{
	static char path[128];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static const char *url(void)
{
	static char text[128];
	snprintf(text, sizeof text, "sqlite:%s/store.db", folder);
	return text;
}

static void files_remove(void)
{
	const char *const names[] = {"store.db", "store.db-wal", "store.db-shm", "store.db-lock"};
	for (size_t i = 0; i < SP_ARRAY_LEN(names); i++)
		unlink(path_in(names[i]));
}

static int open_empty(void **state)
{
	files_remove();
	return sp_store_open((struct sp_store **)state, url()) == SP_OK ? 0 : -1;
}

static int close_it(void **state)
{
	sp_store_close((struct sp_store **)state);
	return 0;
}

static struct sp_store *reopen(void **state)
{
	struct sp_store *s = *state;
	sp_store_close(&s);
	OK(sp_store_open(&s, url()));
	*state = s;
	return s;
}

static void no_finding(void *ctx, const char *text)
{
	print_error("finding: %s\n", text);
}

/* -- reopening ------------------------------------------------------------------------------------------------- */

static void what_was_stored_is_there_again(void **state)
{
	struct sp_store *s = *state;
	people_make(s);
	room_make(s, "room");
	struct sp_store_op op = stamped(append_op(room_log("room"), 0, "one", 5000), "ann1", 9, "h");
	OK(apply_one(s, &op));
	struct sp_store_op trim = {.verb = SP_STORE_LOG_TRIM, .u.log_trim = {room_log("room"), 2}};
	OK(apply_one(s, &trim));
	s = reopen(state);
	OK(apply_one(s, &op));
	assert_true(op.replayed);
	assert_int_equal(op.seq, 1);
	op = stamped(append_op(room_log("room"), 0, "two", 10), "ann1", 10, "i");
	OK(apply_one(s, &op));
	assert_int_equal(op.seq, 2); /* although the log was empty */
	assert_int_equal(op.time.ms, 5000);
	struct sp_store_op list = {.verb = SP_STORE_DEVICE_LIST_PUT, .u.device_list_put = {id_of("ann"), 1, SP_BYTES_LIT("v1"), NULL, 0}};
	OK(apply_one(s, &list));
	assert_int_equal(list.seq, 8);
	OK(sp_store_check(s, no_finding, NULL));
}

static void one_process_has_it(void **state)
{
	struct sp_store *second;
	ERR(sp_store_open(&second, url()), SP_ERR_LOCKED);
	assert_null(second);
}

static void the_file_is_private(void **state)
{
	struct stat st;
	assert_int_equal(stat(path_in("store.db"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(path_in("store.db-wal"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void file_script(const char *sql)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path_in("store.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void newer_and_foreign_files_are_refused(void **state)
{
	struct sp_store *s = *state;
	sp_store_close(&s);
	*state = NULL;
	file_script("PRAGMA user_version = 999");
	ERR(sp_store_open(&s, url()), SP_ERR_FORMAT_NEWER);
	file_script("PRAGMA user_version = 1; PRAGMA application_id = 7");
	ERR(sp_store_open(&s, url()), SP_ERR_CORRUPT);
	FILE *f = fopen(path_in("store.db"), "w");
	for (int i = 0; i < 1000; i++)
		fputs("this is not a database\n", f);
	fclose(f);
	ERR(sp_store_open(&s, url()), SP_ERR_CORRUPT);
	ERR(sp_store_open(&s, "sqlite:/nonexistent/folder/store.db"), SP_ERR_IO);
	ERR(sp_store_open(&s, "pg:host"), SP_ERR_UNSUPPORTED);
	assert_null(s);
}

struct count {
	size_t n;
};

static void count_finding(void *ctx, const char *text)
{
	((struct count *)ctx)->n++;
}

static void damage_is_found(void **state)
{
	struct sp_store *s = *state;
	struct count found = {0};
	people_make(s);
	room_make(s, "room");
	for (int i = 0; i < 3; i++) {
		struct sp_store_op op = append_op(room_log("room"), 0, "x", 100 * i);
		OK(apply_one(s, &op));
	}
	OK(sp_store_check(s, count_finding, &found));
	sp_store_close(&s);
	file_script("DELETE FROM item WHERE seq = 2; UPDATE item SET time = -1 WHERE seq = 3; UPDATE room SET epoch = 5;"
		    "INSERT INTO roster VALUES (77, 1); INSERT INTO item (log, seq, time, kind, body) VALUES (99, 1, 1, 1, x'00')");
	OK(sp_store_open(&s, url()));
	*state = s;
	ERR(sp_store_check(s, count_finding, &found), SP_ERR_CORRUPT);
	assert_int_equal(found.n, 4); /* a gap, an epoch, a roster entry, an orphan: the times have no neighbour left */
}

/* -- SIGKILL --------------------------------------------------------------------------------------------------- */

enum { BATCH = 8 };

/* Appends batches of numbers with request numbers and tells, after each batch, how far it is. Never returns. */
static void send_until_killed(int out)
{
	struct sp_store *s;
	char bodies[BATCH][32];
	struct sp_store_op ops[BATCH], *all[BATCH];
	if (sp_store_open(&s, url()) != SP_OK)
		_exit(3);
	uint64_t next = 0;
	struct sp_id16 device = id_of("ann1");
	if (sp_store_reqno_high(s, &device, &next) != SP_OK)
		_exit(4);
	for (;;) {
		for (size_t i = 0; i < BATCH; i++) {
			snprintf(bodies[i], sizeof bodies[i], "%d", (int)++next);
			ops[i] = stamped(append_op(room_log("room"), 0, bodies[i], (int64_t)next), "ann1", next, bodies[i]);
			all[i] = &ops[i];
		}
		if (sp_store_apply(s, all, BATCH) != SP_OK || write(out, &next, sizeof next) != sizeof next)
			_exit(5);
	}
}

static uint64_t run_and_kill(unsigned milliseconds)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(ends[0]);
		send_until_killed(ends[1]);
	}
	close(ends[1]);
	usleep(milliseconds * 1000);
	kill(child, SIGKILL);
	uint64_t acked = 0, one;
	while (read(ends[0], &one, sizeof one) == sizeof one)
		acked = one;
	close(ends[0]);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	return acked;
}

static enum sp_err is_next_number(void *ctx, const struct sp_store_item *item)
{
	uint64_t *last = ctx;
	char want[32];
	snprintf(want, sizeof want, "%d", (int)++*last);
	assert_int_equal(item->seq, *last);
	assert_true(sp_bytes_equal(item->body, sp_bytes_str(want)));
	return SP_OK;
}

static void what_was_acknowledged_survives_a_kill(void **state)
{
	struct sp_store *s = *state;
	people_make(s);
	room_make(s, "room");
	uint64_t total = 0;
	for (unsigned round = 0; round < 12; round++) {
		sp_store_close(&s);
		uint64_t acked = run_and_kill(40 + round * 17 % 60);
		OK(sp_store_open(&s, url()));
		struct sp_store_range all = {room_log("room"), 1, SIZE_MAX, SIZE_MAX};
		uint64_t found = 0, high;
		OK(sp_store_read(s, &all, is_next_number, &found)); /* each once, in order */
		assert_true(found >= SP_MAX(acked, total));
		assert_int_equal(found % BATCH, 0); /* whole batches */
		struct sp_id16 device = id_of("ann1");
		OK(sp_store_reqno_high(s, &device, &high));
		assert_int_equal(high, found);
		OK(sp_store_check(s, no_finding, NULL));
		total = found;
	}
	assert_true(total > 0);
	*state = s;
}

/* -- a full disk ----------------------------------------------------------------------------------------------- */

/* Fills the store until it refuses; gives what was stored. */
static uint64_t fill(struct sp_store *s, enum sp_err *out_err)
{
	static uint8_t body[16384];
	uint64_t stored = 0;
	for (int i = 0; i < 4000; i++) {
		struct sp_store_op op = append_op(room_log("room"), 0, "", i), *all[] = {&op};
		op.u.append.body = SP_BYTES_OF(body);
		*out_err = sp_store_apply(s, all, 1);
		if (*out_err != SP_OK)
			return stored;
		OK(op.err);
		stored = op.seq;
	}
	return stored;
}

static enum sp_err count_item(void *ctx, const struct sp_store_item *item)
{
	((struct count *)ctx)->n++;
	return SP_OK;
}

static void check_count(struct sp_store *s, uint64_t want)
{
	struct sp_store_range all = {room_log("room"), 1, SIZE_MAX, SIZE_MAX};
	struct count n = {0};
	OK(sp_store_read(s, &all, count_item, &n));
	assert_int_equal(n.n, want);
}

/* A write beyond RLIMIT_FSIZE fails with EFBIG: not a full disk but a failed write, so the store ends. */
static void a_failed_write_ends_the_store(void **state)
{
	struct sp_store *s = *state;
	people_make(s);
	room_make(s, "room");
	struct rlimit before, small;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 1u << 20;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	enum sp_err err;
	uint64_t stored = fill(s, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	ERR(err, SP_ERR_IO);
	assert_true(stored > 0);
	struct sp_store_op op = append_op(room_log("room"), 0, "more", 1), *all[] = {&op};
	ERR(sp_store_apply(s, all, 1), SP_ERR_IO); /* although there is room again */
	ERR(op.err, SP_ERR_IO);
	check_count(s, stored);
	s = reopen(state);
	check_count(s, stored);
	OK(apply_one(s, &op));
	assert_int_equal(op.seq, stored + 1);
	OK(sp_store_check(s, no_finding, NULL));
}

static void file_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	if (!f)
		return;
	fputs(text, f);
	fclose(f);
}

static void id_map_write(const char *path, unsigned id)
{
	char text[64];
	snprintf(text, sizeof text, "%u %u 1", id, id);
	file_write(path, text);
}

/* A file system of 1 MB at `where`, seen by this process only; -1 where the kernel does not let us. */
static int small_disk_mount(const char *where)
{
	unsigned uid = (unsigned)getuid(), gid = (unsigned)getgid();
	if (uid == 0 ? unshare(CLONE_NEWNS) : unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return -1;
	if (uid != 0) {
		file_write("/proc/self/setgroups", "deny");
		id_map_write("/proc/self/uid_map", uid);
		id_map_write("/proc/self/gid_map", gid);
	}
	if (mkdir(where, 0700) != 0)
		return -1;
	(void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL); /* fails in a chroot whose root is no mount point, and may */
	return mount("none", where, "tmpfs", 0, "size=1m,mode=0777");
}

static bool has_small_disk;

static void a_full_disk_refuses_and_goes_on(void **state)
{
	char where[256];
	struct sp_store *s;
	if (!has_small_disk) { /* cmocka's skip() is a failure to a reader of TAP */
		print_message("# not tried: this kernel lets us mount nothing\n");
		return;
	}
	snprintf(where, sizeof where, "sqlite:%s/small/full.db", folder);
	OK(sp_store_open(&s, where));
	people_make(s);
	room_make(s, "room");
	enum sp_err err;
	uint64_t stored = fill(s, &err);
	ERR(err, SP_ERR_DISK_FULL);
	check_count(s, stored);
	struct sp_store_op op = append_op(room_log("room"), 0, "small", 1), *all[] = {&op};
	uint64_t more = 0;
	while ((err = sp_store_apply(s, all, 1)) == SP_OK) /* what still fits */
		more++;
	ERR(err, SP_ERR_DISK_FULL);
	check_count(s, stored + more);
	OK(sp_store_check(s, no_finding, NULL));
	sp_store_close(&s);
	OK(sp_store_open(&s, where));
	check_count(s, stored + more);
	sp_store_close(&s);
}

int main(void)
{
	const struct CMUnitTest own[] = {
		cmocka_unit_test(what_was_stored_is_there_again),
		cmocka_unit_test(one_process_has_it),
		cmocka_unit_test(the_file_is_private),
		cmocka_unit_test(newer_and_foreign_files_are_refused),
		cmocka_unit_test(damage_is_found),
		cmocka_unit_test(what_was_acknowledged_survives_a_kill),
		cmocka_unit_test(a_failed_write_ends_the_store),
		cmocka_unit_test(a_full_disk_refuses_and_goes_on),
	};
	struct CMUnitTest tests[64];
	size_t n = contract_test_count + SP_ARRAY_LEN(own);
	SP_ASSERT(n <= SP_ARRAY_LEN(tests));
	for (size_t i = 0; i < n; i++) {
		tests[i] = i < contract_test_count ? contract_tests[i] : own[i - contract_test_count];
		tests[i].setup_func = open_empty;
		tests[i].teardown_func = close_it;
	}
	snprintf(folder, sizeof folder, "/tmp/sealpost-test-XXXXXX");
	if (!mkdtemp(folder))
		return 99;
	has_small_disk = small_disk_mount(path_in("small")) == 0;
	int failed = _cmocka_run_group_tests("sqlite", tests, n, NULL, NULL);
	files_remove();
	umount(path_in("small"));
	rmdir(path_in("small"));
	rmdir(folder);
	return failed;
}
