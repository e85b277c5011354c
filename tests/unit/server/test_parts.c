/* SPDX-License-Identifier: Apache-2.0
 *
 * Parts of server alone: the log's lines (ATTACKS.md N09), the table, who is online.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "server/core_priv.h"

/* -- the log ------------------------------------------------------------------------------------------------------------ */

static void written(char out[4096], const struct sp__field *fields, size_t n)
{
	struct sp__evlog log;
	ssize_t got;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	sp__evlog_init(&log, fds[1]);
	sp__evlog_write(&log, SP__EVENT_LOGIN, fields, n);
	sp__evlog_clear(&log);
	close(fds[1]);
	got = read(fds[0], out, 4095);
	close(fds[0]);
	assert_true(got > 0);
	out[got] = '\0';
}

static void test_n09_escaping(void **state)
{
	const struct sp__field hostile[] = {
		{"client", SP_BYTES_LIT("x\n2026-11-20T00:00:00.000Z login account=admin")},
		{"a", SP_BYTES_LIT("\x1b[31mred \xe2\x80\xae"
				   "rtl")},
		{"b", SP_BYTES_LIT("\"quoted\\\"\0nul\x7f")},
	};
	char text[4096];

	written(text, hostile, SP_ARRAY_LEN(hostile));
	assert_non_null(strstr(text, " login client=x\\x0a2026-11-20T00:00:00.000Z\\x20login\\x20account=admin "));
	assert_non_null(strstr(text, " a=\\x1b[31mred\\x20\\xe2\\x80\\xaertl b=\\x22quoted"));
	for (const char *p = text; *p; p++)
		assert_true((*p >= 0x20 && *p < 0x7f) || (*p == '\n' && p[1] == '\0')); /* one line */
}

static void test_long_values(void **state)
{
	static uint8_t noise[5000];
	const struct sp__field fields[] = {{"a", SP_BYTES_OF(noise)}, {"b", SP_BYTES_OF(noise)}, {"c", SP_BYTES_OF(noise)}};
	char text[4096];

	written(text, fields, SP_ARRAY_LEN(fields));
	assert_true(strlen(text) <= 1024);
	assert_int_equal(text[strlen(text) - 1], '\n');
}

/* -- the table ------------------------------------------------------------------------------------------------------------- */

static struct sp_id16 id_of(unsigned n)
{
	return (struct sp_id16){{(uint8_t)(n >> 8), (uint8_t)n}};
}

static void test_table(void **state)
{
	static struct sp__node nodes[3000];
	struct sp__table t;

	assert_int_equal(sp__table_init(&t), SP_OK);
	for (unsigned i = 0; i < SP_ARRAY_LEN(nodes); i++) {
		nodes[i] = (struct sp__node){.id = id_of(i / 2), .kind = (uint8_t)(i % 2)}; /* equal ids of two kinds */
		sp__table_add(&t, &nodes[i]);
	}
	for (unsigned i = 0; i < SP_ARRAY_LEN(nodes); i++)
		assert_ptr_equal(sp__table_find(&t, nodes[i].kind, &nodes[i].id), &nodes[i]);
	for (unsigned i = 0; i < SP_ARRAY_LEN(nodes); i += 3)
		sp__table_remove(&t, &nodes[i]);
	for (unsigned i = 0; i < SP_ARRAY_LEN(nodes); i++)
		assert_true((sp__table_find(&t, nodes[i].kind, &nodes[i].id) == NULL) == (i % 3 == 0));
	for (size_t left = 2000; left > 0; left--)
		assert_non_null(sp__table_pop(&t));
	assert_null(sp__table_pop(&t));
	sp__table_clear(&t);
}

/* -- who is online ------------------------------------------------------------------------------------------------------------ */

static void test_online(void **state)
{
	struct sp_server *server = calloc(1, sizeof *server);
	struct sp_id16 alice = id_of(1), bob = id_of(2);

	assert_int_equal(sp__online_new(&server->online), SP_OK);
	for (unsigned i = 0; i < SP_LIMIT_ACCOUNT_CONNECTIONS; i++)
		assert_int_equal(sp__online_add(server->online, &alice), SP_OK);
	assert_int_equal(sp__online_add(server->online, &alice), SP_ERR_TOO_MANY);
	assert_int_equal(sp__online_add(server->online, &bob), SP_OK);
	for (unsigned i = 0; i < SP_LIMIT_ACCOUNT_CONNECTIONS; i++) {
		assert_true(sp_server_online_is(server, &alice));
		sp__online_remove(server->online, &alice);
	}
	assert_false(sp_server_online_is(server, &alice));
	assert_true(sp_server_online_is(server, &bob));
	sp__online_free(&server->online);
	free(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_n09_escaping),
		cmocka_unit_test(test_long_values),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_online),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
