/* SPDX-License-Identifier: Apache-2.0
 *
 * The ledger on a bad day: cut anywhere, zeroed, changed, rolled back to a prefix, opened twice.
 */
#include "member.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct sp_buf ledger_read(const struct house *h)
{
	char path[96];
	struct sp_buf b;
	uint8_t chunk[4096];
	snprintf(path, sizeof path, "%s/ledger", h->folder);
	sp_buf_init(&b, 1u << 20);
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;)
		assert_int_equal(sp_buf_append(&b, (struct sp_bytes){chunk, n}), SP_OK);
	fclose(f);
	return b;
}

static void ledger_write(const struct house *h, struct sp_bytes in)
{
	char path[96];
	snprintf(path, sizeof path, "%s/ledger", h->folder);
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(in.p, 1, in.n, f), in.n);
	fclose(f);
}

static enum sp_err try_open(struct house *h)
{
	struct sp_keeper *k;
	sp_keeper_close(&h->keeper);
	enum sp_err e = sp_keeper_open(&k, h->folder, h->now);
	sp_keeper_close(&k);
	return e;
}

static void cut_anywhere_is_a_whole_prefix(void **state)
{
	struct house h;
	struct member alice;
	house_make(&h, "example.org", false);
	house_add(&h, &alice, "alice", true);
	sp_keeper_close(&h.keeper);
	struct sp_buf whole = ledger_read(&h);
	size_t first = 18 + 4 + (size_t)(whole.p[20] << 8 | whole.p[21]) + 32; /* after `founded` */
	for (size_t n = 0; n < whole.n; n += 7) {
		ledger_write(&h, (struct sp_bytes){whole.p, n});
		assert_int_equal(try_open(&h), n < first ? SP_ERR_CORRUPT : SP_OK);
		if (n >= first)
			assert_int_equal(try_open(&h), SP_OK); /* and is whole from then on */
	}
	sp_buf_clear(&whole);
	member_clear(&alice);
	house_clear(&h);
}

static void zeroed_tail_is_a_cut(void **state)
{
	struct house h;
	uint8_t token[20];
	house_make(&h, "example.org", false);
	assert_int_equal(house_invite(&h, "alice", false, token), SP_OK);
	sp_keeper_close(&h.keeper);
	struct sp_buf whole = ledger_read(&h);
	uint8_t *p;
	size_t n = whole.n;
	memset(whole.p + n - 40, 0, 40); /* the file had grown, the bytes were not there yet */
	ledger_write(&h, sp_buf_bytes(&whole));
	assert_int_equal(try_open(&h), SP_OK);
	sp_buf_clear(&whole);
	whole = ledger_read(&h);
	assert_int_equal(sp_buf_extend(&whole, 4096, &p), SP_OK);
	ledger_write(&h, sp_buf_bytes(&whole));
	assert_int_equal(try_open(&h), SP_OK);
	sp_buf_clear(&whole);
	house_clear(&h);
}

/* A changed length can make a record look cut short, as a truncation would; then the records before it stand. Anything
 * else is refused, and nothing that was changed is ever believed. */
static void changed_bytes_are_never_believed(void **state)
{
	struct house h;
	struct member alice;
	struct sp_keeper *k;
	struct sp_keeper_account_info info;
	unsigned refused = 0, tried = 0;
	house_make(&h, "example.org", false);
	house_add(&h, &alice, "alice", true);
	sp_keeper_close(&h.keeper);
	struct sp_buf whole = ledger_read(&h);
	for (size_t at = 0; at < whole.n; at += 3, tried++) {
		whole.p[at] ^= 0x21;
		ledger_write(&h, sp_buf_bytes(&whole));
		enum sp_err e = sp_keeper_peek(&k, h.folder);
		refused += e != SP_OK;
		if (e == SP_OK && sp_keeper_account_at(k, 0, &info) == SP_OK)
			assert_string_equal(info.address, "alice@example.org");
		sp_keeper_close(&k);
		whole.p[at] ^= 0x21;
	}
	assert_true(refused * 10 > tried * 9);
	sp_buf_clear(&whole);
	member_clear(&alice);
	house_clear(&h);
}

static void one_keeper_at_a_time(void **state)
{
	struct house h;
	struct sp_keeper *second;
	house_make(&h, "example.org", false);
	assert_int_equal(sp_keeper_open(&second, h.folder, h.now), SP_ERR_LOCKED);
	assert_int_equal(sp_keeper_peek(&second, h.folder), SP_OK); /* reading is always possible */
	assert_string_equal(sp_keeper_org(second), "example.org");
	sp_keeper_close(&second);
	struct sp_keeper_plan plan = {.folder = h.folder, .org = SP_BYTES_LIT("example.com"), .now = h.now};
	assert_int_equal(sp_keeper_make(&plan), SP_ERR_EXISTS);
	sp_keeper_close(&h.keeper);
	assert_int_equal(try_open(&h), SP_OK);
	house_clear(&h);
}

static void keys_need_their_kek(void **state)
{
	struct house h;
	char path[96];
	house_make(&h, "example.org", false);
	sp_keeper_close(&h.keeper);
	struct stat st;
	snprintf(path, sizeof path, "%s/kek", h.folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	FILE *f = fopen(path, "r+b");
	assert_non_null(f);
	int c = fgetc(f);
	rewind(f);
	fputc(c ^ 1, f);
	fclose(f);
	assert_int_equal(try_open(&h), SP_ERR_DECRYPT);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(try_open(&h), SP_ERR_NOT_FOUND);
	house_clear(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_anywhere_is_a_whole_prefix), cmocka_unit_test(zeroed_tail_is_a_cut),
		cmocka_unit_test(changed_bytes_are_never_believed), cmocka_unit_test(one_keeper_at_a_time),
		cmocka_unit_test(keys_need_their_kek),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
