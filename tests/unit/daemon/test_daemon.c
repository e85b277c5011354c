/* SPDX-License-Identifier: Apache-2.0
 *
 * The configuration, addresses, links, and the command line's refusals: exit codes and that nothing is left behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/daemon_priv.h"

static char top[64];

static int open_top(void **state)
{
	snprintf(top, sizeof top, "/tmp/sealpost-test-XXXXXX");
	return mkdtemp(top) ? 0 : -1;
}

static int close_top(void **state)
{
	char program[] = "rm", flags[] = "-rf", *argv[] = {program, flags, top, NULL};
	pid_t pid = fork();
	if (pid == 0) {
		execvp(program, argv);
		_exit(1);
	}
	return waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

static enum sp_err read_text(struct sp_daemon_config *out, const char *text, unsigned *line)
{
	char path[96];
	snprintf(path, sizeof path, "%s/config", top);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return sp_daemon_config_read(out, path, line);
}

#define GOOD "organisation = example.org\nlisten=127.0.0.1:7443\n# note\n\n registration = invite \r\nstore = sqlite:store.db\n"

static void config_is_read_strictly(void **state)
{
	struct sp_daemon_config c;
	unsigned line;
	assert_int_equal(read_text(&c, GOOD, &line), SP_OK);
	assert_string_equal(c.organisation, "example.org");
	assert_string_equal(c.registration, "invite");
	assert_string_equal(c.metrics, "");
	assert_int_equal(read_text(&c, GOOD "lisen = x:1\n", &line), SP_ERR_INVALID); /* a misspelt key */
	assert_int_equal(line, 7);
	assert_int_equal(read_text(&c, GOOD "listen = x:1\n", &line), SP_ERR_INVALID); /* twice */
	assert_int_equal(read_text(&c, GOOD "listen\n", &line), SP_ERR_INVALID);
	assert_int_equal(read_text(&c, "organisation = example.org\n", &line), SP_ERR_INVALID);
	assert_int_equal(line, 0); /* no line is wrong: one is missing */
	assert_int_equal(sp_daemon_config_read(&c, "/nonexistent/config", &line), SP_ERR_NOT_FOUND);
}

static void config_written_is_config_read(void **state)
{
	struct sp_daemon_config c, again;
	unsigned line;
	char path[96];
	assert_int_equal(read_text(&c, GOOD "metrics = 127.0.0.1:9\nkeeper_uid = 61184\n", &line), SP_OK);
	snprintf(path, sizeof path, "%s/again", top);
	assert_int_equal(sp_daemon_config_make(&c, path), SP_OK);
	assert_int_equal(sp_daemon_config_make(&c, path), SP_ERR_EXISTS);
	assert_int_equal(sp_daemon_config_read(&again, path, &line), SP_OK);
	assert_memory_equal(&c, &again, sizeof c);
}

static void addresses(void **state)
{
	static const char *good[] = {"127.0.0.1:7443", "localhost:0", "[::1]:443", "a-b.example:65535", "[fe80::1%eth0]:1"};
	static const char *bad[] = {"", "127.0.0.1", ":7443", "a:", "a:65536", "a:-1", "a:7x", "::1:443", "a b:1", "a/b:1", "a':1"};
	for (size_t i = 0; i < SP_ARRAY_LEN(good); i++)
		assert_true(sp_daemon_address_is_valid(good[i]));
	for (size_t i = 0; i < SP_ARRAY_LEN(bad); i++)
		assert_false(sp_daemon_address_is_valid(bad[i]));
}

static void link_names_where_it_listens_now(void **state)
{
	struct sp_daemon_config c = {.listen = "127.0.0.1:0"};
	struct sp_daemon_paths paths = {.address = ""};
	struct sp_daemon_link link;
	struct sp_hash32 fingerprint = {{0}};
	uint8_t token[SP_WIRE_KEEPER_TOKEN] = {0};
	snprintf(paths.address, sizeof paths.address, "%s/address", top);
	sp__daemon_link(&link, &c, &paths, &fingerprint, token);
	assert_string_equal(link.text, "sealpost://127.0.0.1:0/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	FILE *f = fopen(paths.address, "w");
	assert_non_null(f);
	fputs("127.0.0.1:4711\n", f);
	fclose(f);
	sp__daemon_link(&link, &c, &paths, &fingerprint, token);
	assert_non_null(strstr(link.text, "//127.0.0.1:4711/"));
	snprintf(c.public, sizeof c.public, "chat.example.org:443");
	sp__daemon_link(&link, &c, &paths, &fingerprint, token);
	assert_non_null(strstr(link.text, "//chat.example.org:443/"));
}

/* The whole program in a child, silent. */
static int call(const char *words)
{
	char copy[512], *argv[24] = {NULL}, *next;
	int argc = 0, status = -1;
	snprintf(copy, sizeof copy, "sealpostd %s", words);
	for (char *w = strtok_r(copy, " ", &next); w && argc < 23; w = strtok_r(NULL, " ", &next))
		argv[argc++] = w;
	pid_t pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		_exit(sp_daemon_main(argc, argv));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int call_in(const char *format)
{
	char words[400], *at;
	snprintf(words, sizeof words, "%s", format);
	while ((at = strchr(words, '@')) != NULL) { /* @ stands for the test's folder */
		char rest[400];
		snprintf(rest, sizeof rest, "%s", at + 1);
		snprintf(at, sizeof words - (size_t)(at - words), "%s%s", top, rest);
	}
	return call(words);
}

static void wrong_calls_are_usage(void **state)
{
	static const char *wrong[] = {"", "frobnicate", "run", "init --dir @/o", "init --dir @/o --name Example", "init --dir @/o --name a.b --listen x",
				      "init --dir @/o --name a.b --store postgresql://x", "init --dir @/o --name a.b --store sqlite:../x",
				      "init --dir @/o --name a.b --registration maybe", "init --dir @/o --name a.b --bogus", "audit --dir @ extra",
				      "invite --dir @/o --days 0 bob", "invite --dir @/o --days x bob", "invite --dir @/o Bob", "user --dir @/o",
				      "user --dir @/o disable", "user --dir @/o list bob", "run --dir @/o --admin"};
	struct stat st;
	char path[96];
	for (size_t i = 0; i < SP_ARRAY_LEN(wrong); i++)
		if (call_in(wrong[i]) != 2)
			fail_msg("not a usage error: %s", wrong[i]);
	snprintf(path, sizeof path, "%s/o", top);
	assert_int_not_equal(stat(path, &st), 0); /* nothing was made */
	assert_int_equal(call_in("--help"), 0);
	assert_int_equal(call_in("run --help"), 0);
	assert_int_equal(call_in("--version"), 0);
}

static void organisation_is_made_once(void **state)
{
	assert_int_equal(call_in("audit --dir @/org"), 4);
	assert_int_equal(call_in("init --dir @/org --name example.org --json"), 0);
	assert_int_equal(call_in("init --dir @/org --name example.org"), 1);
	assert_int_equal(call_in("check --dir @/org"), 0);
	assert_int_equal(call_in("audit --dir @/org --json"), 0);
	assert_int_equal(call_in("user --dir @/org list"), 0);
	assert_int_equal(call_in("invite --dir @/org --admin bob"), 0);
	assert_int_equal(call_in("user --dir @/org disable bob"), 4); /* invited, not here yet */
	char path[96];
	snprintf(path, sizeof path, "%s/org/front/root.der", top);
	int fd = open(path, O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	assert_int_equal(call_in("check --dir @/org"), 1);
	snprintf(path, sizeof path, "%s/org/keeper/ledger", top);
	fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "x", 1, 40), 1);
	close(fd);
	assert_int_equal(call_in("audit --dir @/org"), 1);
	assert_int_equal(call_in("invite --dir @/org carol"), 1);
}

int main(void)
{
#define TOP_TEST(f) cmocka_unit_test_setup_teardown(f, open_top, close_top)
	const struct CMUnitTest tests[] = {
		TOP_TEST(config_is_read_strictly), TOP_TEST(config_written_is_config_read), cmocka_unit_test(addresses),
		TOP_TEST(link_names_where_it_listens_now), TOP_TEST(wrong_calls_are_usage), TOP_TEST(organisation_is_made_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
