/* SPDX-License-Identifier: Apache-2.0
 *
 * The keeper's bad days: killed before, inside and after every write and sync; a full disk; a sync that fails. Whatever
 * was acknowledged is there afterwards, nothing is there twice, and the work can be finished.
 *
 * The system calls that reach the disk are this program's own: they count, and strike at the N-th. N runs from 1 until
 * the work is done untouched. TAP by hand, for the work runs in processes that do not live to its end.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "member.h"

/* -- the disk ------------------------------------------------------------------------------------------------------------- */

enum strike { STRIKE_NONE, KILL_BEFORE, KILL_HALFWAY, KILL_AFTER, DISK_FULL_ONCE, DISK_FULL_FOREVER, SYNC_FAILS };
static enum strike strike;
static unsigned strike_at, calls;
static bool has_struck;

static void die(void)
{
	kill(getpid(), SIGKILL);
}

ssize_t pwrite(int fd, const void *buf, size_t n, off_t at)
{
	bool hit = ++calls == strike_at;
	if ((hit && strike == DISK_FULL_ONCE) || (calls >= strike_at && strike == DISK_FULL_FOREVER)) {
		if (n > 1 && calls == strike_at)
			return syscall(SYS_pwrite64, fd, buf, n / 2, at); /* some of it still fitted */
		errno = ENOSPC;
		return -1;
	}
	if (hit && strike == KILL_BEFORE)
		die();
	ssize_t done = syscall(SYS_pwrite64, fd, buf, hit && strike == KILL_HALFWAY ? n / 2 : n, at);
	if (hit && (strike == KILL_HALFWAY || strike == KILL_AFTER))
		die();
	return done;
}

static int sync_call(long number, int fd)
{
	bool hit = ++calls == strike_at;
	if (hit && strike == SYNC_FAILS) {
		has_struck = true;
		errno = EIO;
		return -1;
	}
	if (hit && (strike == KILL_BEFORE || strike == KILL_HALFWAY))
		die();
	int rc = (int)syscall(number, fd);
	if (hit && strike == KILL_AFTER)
		die();
	return rc;
}

int fdatasync(int fd)
{
	return sync_call(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	return sync_call(SYS_fsync, fd);
}

/* -- the work, and what of it was acknowledged -------------------------------------------------------------------------------- */

struct acked {
	bool invited, enrolled, disabled, enabled;
	uint8_t token[20];
	struct sp_hash32 cert;
	uint64_t crl_number;
};

static enum sp_err final; /* what ended the process, when it was not a signal */

static bool went(enum sp_err e)
{
	if (e != SP_OK)
		final = e;
	return e == SP_OK;
}

static bool take_crl(struct house *h, struct acked *a)
{
	struct sp_bytes crl;
	struct sp_pki_crl_info info;
	if (!went(sp_keeper_crl(h->keeper, &crl, h->now)) || !went(sp_pki_crl_info(&info, crl)))
		return false;
	a->crl_number = info.number;
	return true;
}

/* Invite, enrol, disable, enable; each step is noted in *a (memory shared with the parent) once it is acknowledged. */
static void work(struct house *h, struct member *alice, struct acked *a)
{
	uint8_t token[20];
	if (!went(sp_keeper_open(&h->keeper, h->folder, h->now)))
		return;
	sp_keeper_session_init(&h->session, h->now);
	h->session.phase = SP_WIRE_KEEPER_SERVING;
	if (!went(house_invite(h, "alice", true, token)))
		return;
	sp_copy(a->token, token, sizeof token);
	a->invited = true;
	if (!went(member_enrol(h, alice, token, "alice")) || !went(sp_sha256(&a->cert, sp_buf_bytes(&alice->cert))))
		return;
	a->enrolled = true;
	if (!take_crl(h, a) || !went(house_order(h, SP_KEEPER_DISABLE, "alice")))
		return;
	a->disabled = true;
	if (!take_crl(h, a) || !went(house_order(h, SP_KEEPER_ENABLE, "alice")))
		return;
	a->enabled = true;
	(void)take_crl(h, a);
}

/* -- afterwards ----------------------------------------------------------------------------------------------------------------- */

static const char *wrong; /* the first invariant that does not hold */

static void must(bool holds, const char *what)
{
	if (!holds && !wrong)
		wrong = what;
}

static enum sp_err count(void *ctx, const struct sp_keeper_entry *entry)
{
	unsigned *n = ctx;
	n[0] += strcmp(entry->what, "enrolled") == 0;
	n[1] += strcmp(entry->what, "certificate issued") == 0;
	return SP_OK;
}

static void check_account(struct house *h, struct member *alice, const struct acked *a)
{
	struct sp_keeper_account_info info;
	struct sp_hash32 again;
	bool exists = sp_keeper_account_at(h->keeper, 0, &info) == SP_OK;
	must(exists || !a->enrolled, "an acknowledged account is gone");
	if (exists && a->disabled && !a->enabled && info.is_disabled)
		must(house_order(h, SP_KEEPER_ENABLE, "alice") == SP_OK, "enabling goes on");
	else
		must(!exists || !a->disabled || a->enabled || !info.is_disabled, "state of the account");
	if (exists && info.is_disabled) /* disabled, but that was not acknowledged before the end */
		(void)house_order(h, SP_KEEPER_ENABLE, "alice");
	if (!a->invited)
		return;
	must(member_enrol(h, alice, a->token, "alice") == SP_OK, "the same request is not answered");
	must(sp_sha256(&again, sp_buf_bytes(&alice->cert)) == SP_OK, "hash");
	must(!a->enrolled || sp_hash32_equal(&again, &a->cert), "another certificate than was acknowledged");
	must(house_judge(h, alice) == SP_OK, "the certificate is no good");
}

static void check_all(struct house *h, struct member *alice, const struct acked *a)
{
	unsigned n[2] = {0};
	struct acked next = {0};
	strike = STRIKE_NONE;
	must(sp_keeper_open(&h->keeper, h->folder, h->now) == SP_OK, "the keeper does not start");
	if (wrong)
		return;
	sp_keeper_session_init(&h->session, h->now);
	h->session.phase = SP_WIRE_KEEPER_SERVING;
	must(take_crl(h, &next) && next.crl_number > a->crl_number, "a CRL number came twice");
	check_account(h, alice, a);
	must(sp_keeper_audit(h->folder, count, n) == SP_OK, "the ledger's chain");
	must(n[0] <= 1 && n[1] <= 1 && (!a->enrolled || n[0] == 1), "one enrolment, one certificate");
	sp_keeper_close(&h->keeper);
}

/* -- the loop --------------------------------------------------------------------------------------------------------------------- */

static struct acked *shared_new(void)
{
	char path[] = "/tmp/sealpost-test-XXXXXX";
	int fd = mkstemp(path);
	if (fd < 0 || ftruncate(fd, sizeof(struct acked)) != 0)
		exit(1);
	unlink(path);
	return (struct acked *)(uintptr_t)syscall(SYS_mmap, NULL, sizeof(struct acked), 3 /* read, write */, 1 /* shared */, fd, 0);
}

static void begin(struct house *h)
{
	*h = (struct house){.now = {START_MS}};
	snprintf(h->folder, sizeof h->folder, "/tmp/sealpost-test-XXXXXX");
	sp_buf_init(&h->answer, SP_WIRE_KEEPER_RESPONSE_MAX + 1024);
	struct sp_keeper_plan plan = {.folder = h->folder, .org = SP_BYTES_LIT("example.org"), .now = h->now};
	if (!mkdtemp(h->folder) || sp_keeper_make(&plan) != SP_OK)
		exit(1);
}

/* One try; false once the work came to its end untouched. */
static bool strike_once(enum strike how, unsigned at, struct acked *a)
{
	struct house h;
	struct member alice;
	int status = 0;
	begin(&h);
	member_make(&alice, "alice@example.org");
	*a = (struct acked){0};
	pid_t pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);
		dup2(null, STDOUT_FILENO); /* an answer that ends the process fails an assertion of member.c, which talks */
		dup2(null, STDERR_FILENO);
		strike = how;
		strike_at = at;
		calls = 0;
		work(&h, &alice, a);
		_exit(calls < at ? 100 : how == SYNC_FAILS && !has_struck ? 101 : (int)final); /* 101: that call was no sync */
	}
	waitpid(pid, &status, 0);
	bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	bool untouched = WIFEXITED(status) && WEXITSTATUS(status) == 100;
	must(killed || untouched || how > KILL_AFTER, "ended otherwise than by the kill");
	if (how == SYNC_FAILS && WIFEXITED(status) && WEXITSTATUS(status) < 100)
		must(WEXITSTATUS(status) == SP_ERR_IO, "a failed sync must end the process");
	check_all(&h, &alice, a);
	member_clear(&alice);
	house_clear(&h);
	return !untouched;
}

int main(void)
{
	static const struct {
		enum strike how;
		const char *name;
	} strikes[] = {
		{KILL_BEFORE, "killed before the call"},    {KILL_HALFWAY, "killed halfway through a write"}, {KILL_AFTER, "killed after the call"},
		{DISK_FULL_ONCE, "disk full once"}, {DISK_FULL_FOREVER, "disk full for ever"}, {SYNC_FAILS, "a sync fails"},
	};
	struct acked *a = shared_new();
	unsigned failures = 0;
	printf("1..%zu\n", SP_ARRAY_LEN(strikes));
	for (size_t i = 0; i < SP_ARRAY_LEN(strikes); i++) {
		unsigned at = 1;
		wrong = NULL;
		while (!wrong && at < 1000 && strike_once(strikes[i].how, at, a))
			at++;
		must(at > 10, "too few points were reached");
		printf("%sok %zu - %s, %u points%s%s\n", wrong ? "not " : "", i + 1, strikes[i].name, at - 1, wrong ? ": " : "", wrong ? wrong : "");
		fflush(stdout);
		failures += wrong != NULL;
	}
	return failures > 0;
}
