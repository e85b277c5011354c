/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine's parts that need no server: sealing, transactions of two processes, texts, links, results.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "client/client_priv.h"

#define PASSPHRASE "correct horse battery"

struct fixture {
	char home[64];
	struct sp_client *a, *b; /* two processes on one profile */
};

static void open_home(struct fixture *f, struct sp_client **out, const char *passphrase, bool create, enum sp_err want)
{
	struct sp_client_config config = {.home = f->home, .passphrase = sp_bytes_str(passphrase), .create = create};
	assert_int_equal(sp_client_open(out, &config), want);
}

static int setup(void **state)
{
	struct fixture *f = sp_alloc(sizeof *f);
	snprintf(f->home, sizeof f->home, "/tmp/sealpost-client-XXXXXX");
	assert_non_null(mkdtemp(f->home));
	open_home(f, &f->a, PASSPHRASE, true, SP_OK);
	open_home(f, &f->b, PASSPHRASE, false, SP_OK);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	static const char *const files[] = {"profile.db", "profile.db-wal", "profile.db-shm"};
	struct fixture *f = *state;
	char path[128];
	sp_client_close(&f->a);
	sp_client_close(&f->b);
	for (size_t i = 0; i < SP_ARRAY_LEN(files); i++) {
		snprintf(path, sizeof path, "%s/%s", f->home, files[i]);
		unlink(path);
	}
	rmdir(f->home);
	sp_free(f);
	return 0;
}

/* -- the profile -- */

static void a_profile_opens_with_its_passphrase_only(void **state)
{
	struct fixture *f = *state;
	struct sp_client *c;
	open_home(f, &c, "another passphrase", false, SP_ERR_PASSPHRASE);
	assert_null(c);
	open_home(f, &c, "another passphrase", true, SP_ERR_PASSPHRASE); /* create does not replace */
	open_home(f, &c, "", false, SP_ERR_PASSPHRASE);
	struct sp_client_config nowhere = {.home = "/tmp/sealpost-no-such-folder", .passphrase = SP_BYTES_LIT(PASSPHRASE)};
	assert_int_equal(sp_client_open(&c, &nowhere), SP_ERR_NOT_FOUND);
	assert_true(sp_client_home_has_profile(f->home));
	assert_false(sp_client_home_has_profile("/tmp/sealpost-no-such-folder"));
	assert_false(sp_client_is_joined(f->a));
}

static void before_joining_calls_say_so(void **state)
{
	struct fixture *f = *state;
	struct sp_client_me me;
	struct sp_client_sent sent;
	struct sp_client_event event;
	struct sp_client_people people;
	assert_int_equal(sp_client_whoami(f->a, &me), SP_ERR_STATE);
	assert_int_equal(sp_client_send(f->a, "bob", SP_BYTES_LIT("hello"), &sent), SP_ERR_STATE);
	assert_int_equal(sp_client_read(f->a, "abcd", &sent), SP_ERR_STATE);
	assert_int_equal(sp_client_people(f->a, &people), SP_ERR_STATE);
	assert_int_equal(sp_client_listen(f->a, 0, &event), SP_ERR_STATE);
	assert_null(sent.mem);
	assert_int_equal(sp_client_diag(f->a)->err, SP_ERR_STATE);
}

/* -- sealing -- */

static void values_are_bound_to_their_place(void **state)
{
	struct fixture *f = *state;
	struct sp__record_key one, other;
	struct sp_buf sealed, plain;
	sp_buf_init(&sealed, 1024);
	sp_buf_init(&plain, 1024);
	assert_int_equal(sp__seal_key(&f->a->seal, &one, SP_CLIENT_SPACE_ROOM, SP_BYTES_LIT("one")), SP_OK);
	assert_int_equal(sp__seal_key(&f->a->seal, &other, SP_CLIENT_SPACE_ROOM, SP_BYTES_LIT("other")), SP_OK);
	assert_int_equal(sp__seal_value(&f->a->seal, &sealed, &one, SP_BYTES_LIT("canary-7f")), SP_OK);
	assert_null(memmem(sealed.p, sealed.n, "canary", 6));
	assert_int_equal(sealed.n, 9 + SP__SEAL_OVERHEAD);
	struct sp_bytes s = sp_buf_bytes(&sealed);
	assert_int_equal(sp__seal_open(&f->b->seal, &plain, one.space, sp__record_key_bytes(&one), s), SP_OK);
	assert_true(sp_bytes_equal(sp_buf_bytes(&plain), SP_BYTES_LIT("canary-7f")));
	sp_buf_clear(&plain);
	assert_int_equal(sp__seal_open(&f->a->seal, &plain, one.space, sp__record_key_bytes(&other), s), SP_ERR_CORRUPT);
	assert_int_equal(sp__seal_open(&f->a->seal, &plain, SP_CLIENT_SPACE_GROUP, sp__record_key_bytes(&one), s), SP_ERR_CORRUPT);
	for (size_t i = 0; i < sealed.n; i++) {
		sealed.p[i] ^= 1;
		assert_int_equal(sp__seal_open(&f->a->seal, &plain, one.space, sp__record_key_bytes(&one), s), SP_ERR_CORRUPT);
		sealed.p[i] ^= 1;
		assert_int_equal(sp__seal_open(&f->a->seal, &plain, one.space, sp__record_key_bytes(&one), (struct sp_bytes){s.p, i}), SP_ERR_CORRUPT);
	}
	assert_int_equal(plain.n, 0);
	sp_buf_clear(&sealed);
	sp_buf_clear(&plain);
}

static void one_value_is_never_sealed_alike(void **state)
{
	struct fixture *f = *state;
	struct sp__record_key key = sp__seal_key_number(SP_CLIENT_SPACE_MESSAGE, 7);
	struct sp_buf a, b;
	sp_buf_init(&a, 1024);
	sp_buf_init(&b, 1024);
	assert_int_equal(sp__seal_value(&f->a->seal, &a, &key, SP_BYTES_LIT("same")), SP_OK);
	assert_int_equal(sp__seal_value(&f->a->seal, &b, &key, SP_BYTES_LIT("same")), SP_OK);
	assert_false(sp_bytes_equal(sp_buf_bytes(&a), sp_buf_bytes(&b)));
	sp_buf_clear(&a);
	sp_buf_clear(&b);
}

static void keys_keep_their_order_and_hide_their_names(void **state)
{
	struct fixture *f = *state;
	struct sp__record_key room, row1, row2, pair, elsewhere;
	const struct sp__seal *s = &f->a->seal;
	assert_int_equal(sp__seal_key(s, &room, SP_CLIENT_SPACE_SENT, SP_BYTES_LIT("room")), SP_OK);
	assert_int_equal(sp__seal_key_row(s, &row1, SP_CLIENT_SPACE_SENT, SP_BYTES_LIT("room"), 255), SP_OK);
	assert_int_equal(sp__seal_key_row(s, &row2, SP_CLIENT_SPACE_SENT, SP_BYTES_LIT("room"), 256), SP_OK);
	assert_int_equal(sp__seal_key_pair(s, &pair, SP_CLIENT_SPACE_SENT, SP_BYTES_LIT("room"), SP_BYTES_LIT("x")), SP_OK);
	assert_int_equal(sp__seal_key(s, &elsewhere, SP_CLIENT_SPACE_OWED, SP_BYTES_LIT("room")), SP_OK);
	assert_memory_equal(row1.b, room.b, room.n);
	assert_memory_equal(pair.b, room.b, room.n);
	assert_true(sp_bytes_compare(sp__record_key_bytes(&row1), sp__record_key_bytes(&row2)) < 0);
	assert_memory_not_equal(room.b, elsewhere.b, room.n); /* one name, another in each space */
	assert_null(memmem(pair.b, pair.n, "room", 4));
}

/* -- two processes -- */

static enum sp_err take_number(struct sp_client *c, void *ctx)
{
	uint64_t *out = ctx;
	return sp__reqno_take(c, out);
}

static void request_numbers_are_given_once(void **state)
{
	struct fixture *f = *state;
	uint64_t last = 0, got;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(take_number(i % 2 ? f->a : f->b, &got), SP_OK);
		assert_true(got > last);
		last = got;
	}
}

static void the_slower_process_is_told(void **state)
{
	struct fixture *f = *state;
	struct sp__batch slow, fast;
	struct sp_wire_record_counters counters;
	sp__batch_init(&slow, f->a);
	sp__batch_init(&fast, f->b);
	assert_int_equal(sp__counters_begin(&slow, &counters), SP_OK);
	counters.message += 10;
	sp__counters_put(&slow, &counters);
	assert_int_equal(sp__counters_begin(&fast, &counters), SP_OK);
	counters.message += 1;
	sp__counters_put(&fast, &counters);
	assert_int_equal(sp__batch_apply(&fast, NULL), SP_OK);
	assert_int_equal(sp__batch_apply(&slow, NULL), SP_ERR_CONFLICT);
	assert_int_equal(sp__counters_begin(&slow, &counters), SP_OK);
	assert_int_equal(counters.message, 2);
	sp__batch_clear(&slow);
}

static void a_failed_batch_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct sp__batch batch;
	struct sp_wire_record_counters counters;
	sp__batch_init(&batch, f->a);
	assert_int_equal(sp__counters_begin(&batch, &counters), SP_OK);
	counters.message = 99;
	sp__counters_put(&batch, &counters);
	sp__batch_fail(&batch, SP_ERR_NOMEM);
	assert_int_equal(sp__batch_apply(&batch, NULL), SP_ERR_NOMEM);
	assert_int_equal(sp__counters_begin(&batch, &counters), SP_OK);
	assert_int_equal(counters.message, 1);
	sp__batch_clear(&batch);
}

/* -- messages -- */

static enum sp_err add_message(struct sp_client *c, char id, const char *text)
{
	struct sp__batch batch;
	struct sp_wire_record_counters counters;
	struct sp_wire_record_message record = {.kind = SP__ROW_TEXT, .state = SP_CLIENT_NEW, .text = sp_bytes_str(text)};
	memset(record.id.b, id, sizeof record.id.b);
	sp__batch_init(&batch, c);
	enum sp_err e = sp__counters_begin(&batch, &counters);
	if (e == SP_OK)
		e = sp__message_add(&batch, &counters, &record);
	if (e == SP_OK) {
		assert_int_equal(sp__message_add(&batch, &counters, &record), SP_ERR_DUPLICATE); /* also within one transaction */
		sp__counters_put(&batch, &counters);
		e = sp__batch_apply(&batch, NULL);
	}
	sp__batch_clear(&batch);
	return e;
}

static void a_message_is_taken_once_and_found(void **state)
{
	struct fixture *f = *state;
	struct sp_id16 id, want;
	char text[SP_CLIENT_ID_TEXT];
	assert_int_equal(add_message(f->a, 'x', "first"), SP_OK);
	assert_int_equal(add_message(f->a, 'y', "second"), SP_OK);
	assert_int_equal(add_message(f->b, 'x', "again"), SP_ERR_DUPLICATE); /* M21, M22: also after a restart */
	memset(want.b, 'x', sizeof want.b);
	sp__id_text(text, &want);
	assert_int_equal(sp__message_find(f->b, &id, text, false), SP_OK);
	assert_true(sp_id16_equal(&id, &want));
	text[5] = '\0';
	assert_int_equal(sp__message_find(f->b, &id, text, false), SP_OK);
	text[3] = '\0';
	assert_int_equal(sp__message_find(f->b, &id, text, false), SP_ERR_NOT_FOUND); /* too short to be an id */
	assert_int_equal(sp__message_find(f->b, &id, "last", false), SP_OK);
	assert_int_equal(id.b[0], 'y');
	assert_int_equal(sp__message_find(f->b, &id, "last", true), SP_ERR_NOT_FOUND);
}

/* N10, D01: the database holds nothing readable. */
static void nothing_is_readable_on_disk(void **state)
{
	struct fixture *f = *state;
	static char disk[1u << 22];
	static const char *const files[] = {"profile.db", "profile.db-wal"};
	assert_int_equal(add_message(f->a, 'z', "canary-in-a-message"), SP_OK);
	sp__trouble_note(f->a, SP_ERR_DENIED, NULL, "canary-in-a-note");
	for (size_t i = 0; i < SP_ARRAY_LEN(files); i++) {
		char path[128];
		snprintf(path, sizeof path, "%s/%s", f->home, files[i]);
		FILE *file = fopen(path, "rb");
		if (!file)
			continue;
		size_t n = fread(disk, 1, sizeof disk, file);
		fclose(file);
		assert_null(memmem(disk, n, "canary", 6));
		assert_null(memmem(disk, n, "zzzzzzzz", 8));
	}
}

/* -- texts -- */

static void check_clean(struct sp_bytes in, const char *want)
{
	struct sp_buf out;
	sp_buf_init(&out, 256);
	assert_int_equal(sp__utf8_clean(&out, in), SP_OK);
	assert_string_equal((const char *)out.p, want);
	sp_buf_clear(&out);
}

static void text_is_utf8(void **state)
{
	assert_true(sp__utf8_is_valid(SP_BYTES_LIT("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x94\x92")));
	assert_true(sp__utf8_is_valid(SP_BYTES_NONE));
	assert_false(sp__utf8_is_valid(SP_BYTES_LIT("a\0b")));
	assert_false(sp__utf8_is_valid(SP_BYTES_LIT("\xc0\x80")));         /* overlong NUL */
	assert_false(sp__utf8_is_valid(SP_BYTES_LIT("\xe0\x80\x80")));     /* overlong */
	assert_false(sp__utf8_is_valid(SP_BYTES_LIT("\xed\xa0\x80")));     /* surrogate */
	assert_false(sp__utf8_is_valid(SP_BYTES_LIT("\xf4\x90\x80\x80"))); /* above U+10FFFF */
	assert_false(sp__utf8_is_valid(SP_BYTES_LIT("\xe2\x82")));         /* cut */
	check_clean(SP_BYTES_LIT("a\0b"), "a\xef\xbf\xbd" "b");
	check_clean(SP_BYTES_LIT("\xff\xc3\xbc"), "\xef\xbf\xbd\xc3\xbc");
	check_clean(SP_BYTES_NONE, "");
}

static void check_link(const char *text, enum sp_err want)
{
	struct sp__link link;
	assert_int_equal(sp__link_parse(&link, text), want);
	if (want != SP_OK)
		assert_int_equal(link.port, 0);
}

#define FPR "oht3of6jcix6h525aeed75jaekjtnjsrlwx6k732syhjam5iv6oq"
#define TOKEN "2jkymdparq5opqqeoxdf6sdlgi6ihpsg"

static void links(void **state)
{
	struct sp__link link;
	assert_int_equal(sp__link_parse(&link, "sealpost://[::1]:7443/" FPR "/" TOKEN), SP_OK);
	assert_string_equal(link.host, "::1");
	assert_int_equal(link.port, 7443);
	assert_string_equal(link.token, TOKEN);
	assert_int_equal(link.organisation.b[0], 0x71);
	check_link("sealpost://mail.example.org:65535/" FPR "/open", SP_OK);
	check_link("http://mail.example.org:1/" FPR "/" TOKEN, SP_ERR_USAGE);
	check_link("sealpost://host:0/" FPR "/" TOKEN, SP_ERR_USAGE);
	check_link("sealpost://host:65536/" FPR "/" TOKEN, SP_ERR_USAGE);
	check_link("sealpost://host:12x/" FPR "/" TOKEN, SP_ERR_USAGE);
	check_link("sealpost://:7443/" FPR "/" TOKEN, SP_ERR_USAGE);
	check_link("sealpost://host/" FPR "/" TOKEN, SP_ERR_USAGE);
	check_link("sealpost://host:1/" FPR "x/" TOKEN, SP_ERR_USAGE);
	check_link("sealpost://host:1/" FPR, SP_ERR_USAGE);
	check_link("sealpost://host:1/" FPR "/", SP_ERR_USAGE);
	check_link("sealpost://host:1/" FPR "/" TOKEN "/more", SP_ERR_USAGE);
	check_link("sealpost://host:1/" FPR "/short", SP_ERR_USAGE);
	check_link("", SP_ERR_USAGE);
}

/* -- results -- */

static void results_are_freed_once(void **state)
{
	struct sp_client_mem *mem;
	const char **list = NULL;
	size_t cap = 0;
	assert_int_equal(sp__mem_new(&mem), SP_OK);
	for (size_t n = 0; n < 100; n++) {
		assert_int_equal(sp__mem_grow(mem, &list, &cap, n + 1, sizeof *list), SP_OK);
		list[n] = sp__mem_str(mem, SP_BYTES_LIT("text"));
	}
	assert_string_equal(list[0], "text");
	assert_string_equal(list[99], "text");
	assert_int_equal(sp__mem_check(mem), SP_OK);
	sp_client_result_free(&mem);
	assert_null(mem);
	sp_client_result_free(&mem);
}

#define WITH_HOME(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_HOME(a_profile_opens_with_its_passphrase_only),
		WITH_HOME(before_joining_calls_say_so),
		WITH_HOME(values_are_bound_to_their_place),
		WITH_HOME(one_value_is_never_sealed_alike),
		WITH_HOME(keys_keep_their_order_and_hide_their_names),
		WITH_HOME(request_numbers_are_given_once),
		WITH_HOME(the_slower_process_is_told),
		WITH_HOME(a_failed_batch_changes_nothing),
		WITH_HOME(a_message_is_taken_once_and_found),
		WITH_HOME(nothing_is_readable_on_disk),
		cmocka_unit_test(text_is_utf8),
		cmocka_unit_test(links),
		cmocka_unit_test(results_are_freed_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
