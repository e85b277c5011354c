/* SPDX-License-Identifier: Apache-2.0
 *
 * What every store must do: run against each backend.
 */
#include "contract.h"

#include <stdio.h>

void people_make(struct sp_store *s)
{
	struct sp_store_op ops[] = {
		account_op("ann", "ann@example.org"), account_op("bob", "bob@example.org"), account_op("cat", "cat@example.org"),
		device_op("ann1", "ann"),	       device_op("ann2", "ann"),		device_op("bob1", "bob"),
		device_op("cat1", "cat"),
	};
	struct sp_store_op *all[SP_ARRAY_LEN(ops)];
	for (size_t i = 0; i < SP_ARRAY_LEN(ops); i++)
		all[i] = &ops[i];
	OK(sp_store_apply(s, all, SP_ARRAY_LEN(ops)));
	for (size_t i = 0; i < SP_ARRAY_LEN(ops); i++)
		OK(ops[i].err);
}

static const struct sp_store_row first_rows[] = {
	{{(const uint8_t *)"b", 1}, {(const uint8_t *)"two", 3}},
	{{(const uint8_t *)"a", 1}, {(const uint8_t *)"one", 3}},
};

static struct sp_store_op room_op(const char *name, const struct sp_id16 joined[2])
{
	return (struct sp_store_op){
		.verb = SP_STORE_ROOM_CREATE,
		.now.ms = 1000,
		.u.room_create = {id_of(name), 0, SP_BYTES_LIT("info0"), SP_BYTES_LIT("tree0"), first_rows, 2, joined, 2},
	};
}

void room_make(struct sp_store *s, const char *name)
{
	const struct sp_id16 joined[] = {id_of("ann"), id_of("bob")};
	struct sp_store_op op = room_op(name, joined);
	OK(apply_one(s, &op));
}

static struct sp_store *with_room(void **state)
{
	struct sp_store *s = *state;
	people_make(s);
	room_make(s, "room");
	return s;
}

/* -- reading into text ----------------------------------------------------------------------------------------- */

struct text {
	char b[2048];
	size_t n;
};

static void say(struct text *t, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	t->n += (size_t)vsnprintf(t->b + t->n, sizeof t->b - t->n, format, args);
	va_end(args);
	assert_true(t->n < sizeof t->b);
}

static enum sp_err say_item(void *ctx, const struct sp_store_item *item)
{
	say(ctx, "%d@%d:%d:%.*s ", (int)item->seq, (int)item->time.ms, item->kind, (int)item->body.n, item->body.n ? (const char *)item->body.p : "");
	return SP_OK;
}

static void check_items(struct sp_store *s, struct sp_store_range range, const char *want)
{
	struct text t = {{0}, 0};
	OK(sp_store_read(s, &range, say_item, &t));
	assert_string_equal(t.b, want);
}

static enum sp_err say_row(void *ctx, const struct sp_store_row *row)
{
	say(ctx, "%.*s=%.*s ", (int)row->key.n, (const char *)row->key.p, (int)row->value.n, row->value.n ? (const char *)row->value.p : "");
	return SP_OK;
}

static enum sp_err say_id(void *ctx, const struct sp_id16 *id)
{
	say(ctx, "%.16s ", (const char *)id->b);
	return SP_OK;
}

static enum sp_err say_room(void *ctx, const struct sp_store_room *room)
{
	say(ctx, "%.16s:%d:%d ", (const char *)room->id.b, (int)room->epoch, (int)room->last_seq);
	return SP_OK;
}

static enum sp_err say_account(void *ctx, const struct sp_store_account *a)
{
	say(ctx, "%.*s/%d/%d/%d ", (int)a->address.n, (const char *)a->address.p, a->flags, (int)a->changed, (int)a->list_version);
	return SP_OK;
}

static enum sp_err say_device(void *ctx, const struct sp_store_device *d)
{
	say(ctx, "%.16s of %.16s %.*s ", (const char *)d->id.b, (const char *)d->account.b, (int)d->cert.n, (const char *)d->cert.p);
	return SP_OK;
}

static enum sp_err say_list(void *ctx, uint32_t version, struct sp_bytes body)
{
	say(ctx, "%u:%.*s ", version, (int)body.n, (const char *)body.p);
	return SP_OK;
}

static void say_taken(struct text *t, const struct sp_store_op *op)
{
	struct sp_bytes rest = sp_buf_bytes(&op->taken);
	struct sp_store_taken one;
	enum sp_err err;
	while ((err = sp_store_taken_next(&rest, &one)) == SP_OK)
		say(t, "%.16s/%.16s/%.*s ", (const char *)one.account.b, (const char *)one.device.b, (int)one.key_package.n,
		    (const char *)one.key_package.p);
	ERR(err, SP_ERR_NOT_FOUND);
}

static void no_finding(void *ctx, const char *text)
{
	print_error("finding: %s\n", text);
}

static void check_store(struct sp_store *s)
{
	OK(sp_store_check(s, no_finding, NULL));
}

/* -- logs ------------------------------------------------------------------------------------------------------ */

static void items_are_numbered_and_timed(void **state)
{
	struct sp_store *s = with_room(state);
	struct sp_store_op ops[] = {
		append_op(room_log("room"), 0, "one", 2000),
		append_op(room_log("room"), 0, "two", 1500), /* the clock went back */
		append_op(inbox_log("bob"), 99, "note", 1700),
		append_op(room_log("room"), 0, "three", 2500),
	};
	struct sp_store_op *all[] = {&ops[0], &ops[1], &ops[2], &ops[3]};
	OK(sp_store_apply(s, all, 4));
	const struct {
		uint64_t seq;
		int64_t ms;
	} want[] = {{1, 2000}, {2, 2000}, {1, 1700}, {3, 2500}};
	for (size_t i = 0; i < 4; i++) {
		OK(ops[i].err);
		assert_int_equal(ops[i].seq, want[i].seq);
		assert_int_equal(ops[i].time.ms, want[i].ms);
	}
	check_items(s, (struct sp_store_range){room_log("room"), 1, 10, 1000}, "1@2000:3:one 2@2000:3:two 3@2500:3:three ");
	check_items(s, (struct sp_store_range){room_log("room"), 2, 1, 1000}, "2@2000:3:two ");
	check_items(s, (struct sp_store_range){room_log("room"), 1, 10, 6}, "1@2000:3:one 2@2000:3:two ");
	check_items(s, (struct sp_store_range){room_log("room"), 3, 10, 1}, "3@2500:3:three ");
	check_items(s, (struct sp_store_range){room_log("room"), 4, 10, 1000}, "");
	check_items(s, (struct sp_store_range){room_log("room"), UINT64_MAX, SIZE_MAX, SIZE_MAX}, "");
	check_items(s, (struct sp_store_range){room_log("room"), 0, SIZE_MAX, SIZE_MAX}, "1@2000:3:one 2@2000:3:two 3@2500:3:three ");
	check_items(s, (struct sp_store_range){inbox_log("bob"), 1, 10, 1000}, "1@1700:3:note ");
	check_items(s, (struct sp_store_range){inbox_log("ann"), 1, 10, 1000}, "");
	check_store(s);
}

static void one_refusal_spoils_nothing_else(void **state)
{
	struct sp_store *s = with_room(state);
	struct sp_store_op ops[] = {
		append_op(room_log("room"), 0, "one", 1), append_op(room_log("room"), 1, "early", 2), append_op(room_log("nowhere"), 0, "lost", 3),
		append_op(inbox_log("dan"), 0, "lost", 4), append_op(room_log("room"), 0, "two", 5),
	};
	ops[4].u.append.kind = SP_STORE_KIND_COMMIT;
	struct sp_store_op last = append_op(room_log("room"), 0, "three", 6);
	struct sp_store_op *all[] = {&ops[0], &ops[1], &ops[2], &ops[3], &ops[4], &last};
	OK(sp_store_apply(s, all, 6));
	OK(ops[0].err);
	ERR(ops[1].err, SP_ERR_FUTURE_EPOCH);
	ERR(ops[2].err, SP_ERR_NOT_FOUND);
	ERR(ops[3].err, SP_ERR_NOT_FOUND);
	ERR(ops[4].err, SP_ERR_INVALID); /* a commit comes with its handshake or not at all */
	OK(last.err);
	check_items(s, (struct sp_store_range){room_log("room"), 1, 10, 1000}, "1@1:3:one 2@6:3:three ");
	check_store(s);
}

static void trimming_keeps_numbers_and_times(void **state)
{
	struct sp_store *s = with_room(state);
	for (int i = 1; i <= 5; i++) {
		struct sp_store_op op = append_op(inbox_log("ann"), 0, "x", 100 * i);
		OK(apply_one(s, &op));
	}
	struct sp_store_op trim = {.verb = SP_STORE_LOG_TRIM, .u.log_trim = {inbox_log("ann"), 3}};
	OK(apply_one(s, &trim));
	OK(apply_one(s, &trim)); /* again: nothing more */
	struct sp_store_log_info info;
	struct sp_store_log log = inbox_log("ann");
	OK(sp_store_log_get(s, &log, &info));
	assert_int_equal(info.first_seq, 3);
	assert_int_equal(info.last_seq, 5);
	check_items(s, (struct sp_store_range){log, 1, 10, 1000}, "3@300:3:x 4@400:3:x 5@500:3:x ");
	trim.u.log_trim.before = UINT64_MAX;
	OK(apply_one(s, &trim));
	OK(sp_store_log_get(s, &log, &info));
	assert_int_equal(info.first_seq, 6);
	assert_int_equal(info.last_seq, 5);
	assert_int_equal(info.last_time.ms, 500);
	struct sp_store_op op = append_op(log, 0, "y", 7);
	OK(apply_one(s, &op));
	assert_int_equal(op.seq, 6);
	assert_int_equal(op.time.ms, 500);
	trim.u.log_trim.log = inbox_log("nobody");
	ERR(apply_one(s, &trim), SP_ERR_NOT_FOUND);
	log = inbox_log("nobody");
	ERR(sp_store_log_get(s, &log, &info), SP_ERR_NOT_FOUND);
	check_store(s);
}

static enum sp_err stop_at_two(void *ctx, const struct sp_store_item *item)
{
	(*(int *)ctx)++;
	return item->seq == 2 ? SP_ERR_SPACE : SP_OK;
}

static void a_visitor_may_stop(void **state)
{
	struct sp_store *s = with_room(state);
	for (int i = 0; i < 4; i++) {
		struct sp_store_op op = append_op(room_log("room"), 0, "x", i);
		OK(apply_one(s, &op));
	}
	int seen = 0;
	struct sp_store_range range = {room_log("room"), 1, 10, 100};
	ERR(sp_store_read(s, &range, stop_at_two, &seen), SP_ERR_SPACE);
	assert_int_equal(seen, 2);
	check_items(s, (struct sp_store_range){room_log("room"), 4, 10, 100}, "4@3:3:x ");
	range.log = room_log("nowhere");
	ERR(sp_store_read(s, &range, stop_at_two, &seen), SP_ERR_NOT_FOUND);
}

/* -- rooms ----------------------------------------------------------------------------------------------------- */

static void check_room(struct sp_store *s, const char *rows, const char *roster, uint64_t epoch, const char *info)
{
	struct sp_id16 id = id_of("room");
	struct text t = {{0}, 0}, r = {{0}, 0};
	uint64_t at;
	OK(sp_store_room_rows(s, &id, &at, say_row, &t));
	assert_string_equal(t.b, rows);
	assert_int_equal(at, epoch);
	OK(sp_store_roster_each(s, &id, say_id, &r));
	assert_string_equal(r.b, roster);
	struct sp_store_room room;
	struct sp_buf b;
	sp_buf_init(&b, 100);
	OK(sp_store_room_get(s, &id, &room, &b));
	assert_int_equal(room.epoch, epoch);
	assert_true(sp_bytes_equal(sp_buf_bytes(&b), sp_bytes_str(info)));
	sp_buf_clear(&b);
}

static void check_tree(struct sp_store *s, uint64_t epoch, const char *want)
{
	struct sp_id16 id = id_of("room");
	struct sp_buf b;
	sp_buf_init(&b, 100);
	ERR(sp_store_tree_get(s, &id, epoch, &b), want ? SP_OK : SP_ERR_NOT_FOUND);
	assert_true(sp_bytes_equal(sp_buf_bytes(&b), sp_bytes_str(want)));
	sp_buf_clear(&b);
}

static enum sp_err names_commit_one(void *ctx, const struct sp_store_item *item)
{
	assert_int_equal(item->seq, 1);
	assert_int_equal(item->kind, 16);
	assert_true(sp_bytes_equal(item->body, (struct sp_bytes){(const uint8_t *)"welcome \0\0\0\0\0\0\0\1", 16}));
	return SP_OK;
}

static void a_handshake_is_one_change(void **state)
{
	struct sp_store *s = with_room(state);
	const struct sp_id16 cat = id_of("cat"), bob = id_of("bob");
	const struct sp_store_row rows[] = {
		{SP_BYTES_LIT("a"), SP_BYTES_LIT("uno")}, {SP_BYTES_LIT("b"), SP_BYTES_NONE}, {SP_BYTES_LIT("c"), SP_BYTES_LIT("")}};
	uint8_t welcome[] = "welcome ........";
	const struct sp_store_inbox_item inbox[] = {{cat, 16, {welcome, 16}, welcome + 8}, {bob, 17, SP_BYTES_LIT("note"), NULL}};
	uint64_t inbox_seq[2] = {0};
	struct sp_store_op op = {
		.verb = SP_STORE_HANDSHAKE,
		.now.ms = 3000,
		.u.handshake = {id_of("room"), 0, SP_BYTES_LIT("commit"), SP_BYTES_LIT("info1"), SP_BYTES_LIT("tree1"), rows, 3, &cat, 1, &bob, 1, inbox, 2,
				inbox_seq},
	};
	OK(apply_one(s, &op));
	assert_int_equal(op.seq, 1);
	assert_int_equal(op.time.ms, 3000);
	assert_int_equal(inbox_seq[0], 1);
	check_room(s, "a=uno c= ", "ann cat ", 1, "info1");
	check_items(s, (struct sp_store_range){room_log("room"), 1, 10, 100}, "1@3000:1:commit ");
	struct sp_store_range cats = {inbox_log("cat"), 1, 10, 100};
	OK(sp_store_read(s, &cats, names_commit_one, NULL));
	check_items(s, (struct sp_store_range){inbox_log("bob"), 1, 10, 100}, "1@3000:17:note ");
	check_tree(s, 0, "tree0");
	check_tree(s, 1, "tree1");
	check_tree(s, 2, NULL);
	ERR(apply_one(s, &op), SP_ERR_STALE_EPOCH);
	op.u.handshake.epoch = 2;
	ERR(apply_one(s, &op), SP_ERR_FUTURE_EPOCH);
	struct sp_store_op late = append_op(room_log("room"), 0, "late", 4000);
	ERR(apply_one(s, &late), SP_ERR_STALE_EPOCH);
	check_store(s);
}

static void a_proposal_brings_its_row(void **state)
{
	struct sp_store *s = with_room(state);
	const struct sp_store_row row = {SP_BYTES_LIT("p1"), SP_BYTES_LIT("proposal")};
	struct sp_store_op op = append_op(room_log("room"), 0, "propose", 5);
	op.u.append.rows = &row;
	op.u.append.row_count = 1;
	OK(apply_one(s, &op));
	check_room(s, "a=one b=two p1=proposal ", "ann bob ", 0, "info0");
	op.u.append.epoch = 1;
	ERR(apply_one(s, &op), SP_ERR_FUTURE_EPOCH);
	check_items(s, (struct sp_store_range){room_log("room"), 1, 10, 100}, "1@5:3:propose ");
}

static void a_failing_handshake_leaves_no_trace(void **state)
{
	struct sp_store *s = with_room(state);
	const struct sp_id16 cat = id_of("cat"), dan = id_of("dan");
	const struct sp_store_row rows[] = {{SP_BYTES_LIT("a"), SP_BYTES_LIT("uno")}};
	const struct sp_store_inbox_item inbox[] = {{cat, 16, SP_BYTES_LIT("welcome"), NULL}, {dan, 16, SP_BYTES_LIT("welcome"), NULL}};
	struct sp_store_op op = {
		.verb = SP_STORE_HANDSHAKE,
		.now.ms = 3000,
		.u.handshake = {id_of("room"), 0, SP_BYTES_LIT("commit"), SP_BYTES_LIT("info1"), SP_BYTES_NONE, rows, 1, &cat, 1, NULL, 0, inbox, 2, NULL},
	};
	struct sp_store_op before = append_op(room_log("room"), 0, "before", 1), after = append_op(room_log("room"), 0, "after", 2);
	struct sp_store_op *all[] = {&before, &op, &after};
	OK(sp_store_apply(s, all, 3));
	OK(before.err);
	ERR(op.err, SP_ERR_NOT_FOUND); /* the second inbox */
	OK(after.err);
	check_room(s, "a=one b=two ", "ann bob ", 0, "info0");
	check_items(s, (struct sp_store_range){room_log("room"), 1, 10, 100}, "1@1:3:before 2@2:3:after ");
	check_items(s, (struct sp_store_range){inbox_log("cat"), 1, 10, 100}, "");
	op.u.handshake.inbox_count = 1;
	op.u.handshake.joined = &dan;
	ERR(apply_one(s, &op), SP_ERR_NOT_FOUND);
	check_room(s, "a=one b=two ", "ann bob ", 0, "info0");
	check_store(s);
}

static void rooms_are_made_once(void **state)
{
	struct sp_store *s = with_room(state);
	const struct sp_id16 joined[] = {id_of("ann"), id_of("dan")};
	struct sp_store_op op = room_op("room", joined);
	ERR(apply_one(s, &op), SP_ERR_EXISTS);
	op = room_op("other", joined);
	ERR(apply_one(s, &op), SP_ERR_NOT_FOUND); /* dan is nobody */
	struct sp_store_room room;
	struct sp_id16 id = id_of("other");
	ERR(sp_store_room_get(s, &id, &room, NULL), SP_ERR_NOT_FOUND);
	room_make(s, "other");
	struct text all = {{0}, 0}, none = {{0}, 0};
	OK(sp_store_room_each(s, say_room, &all));
	assert_int_equal(all.n, strlen("room:0:0 other:0:0 "));
	id = id_of("cat");
	OK(sp_store_room_of_account(s, &id, say_room, &none));
	assert_string_equal(none.b, "");
	check_store(s);
}

static void the_roster_answers(void **state)
{
	struct sp_store *s = with_room(state);
	const struct sp_id16 room = id_of("room"), ann = id_of("ann"), bob = id_of("bob"), cat = id_of("cat");
	bool yes;
	OK(sp_store_roster_find(s, &room, &ann, &yes));
	assert_true(yes);
	OK(sp_store_roster_find(s, &room, &cat, &yes));
	assert_false(yes);
	OK(sp_store_roster_shared(s, &ann, &bob, &yes));
	assert_true(yes);
	OK(sp_store_roster_shared(s, &ann, &cat, &yes));
	assert_false(yes);
	struct text t = {{0}, 0};
	OK(sp_store_room_of_account(s, &bob, say_room, &t));
	assert_string_equal(t.b, "room:0:0 ");
}

static void old_trees_go_but_the_newest_stays(void **state)
{
	struct sp_store *s = with_room(state);
	struct sp_store_op op = {
		.verb = SP_STORE_HANDSHAKE,
		.now.ms = 3000,
		.u.handshake = {.room = id_of("room"), .epoch = 0, .commit = SP_BYTES_LIT("c"), .group_info = SP_BYTES_LIT("g"), .tree = SP_BYTES_LIT("tree1")},
	};
	OK(apply_one(s, &op));
	struct sp_store_op trim = {.verb = SP_STORE_TREE_TRIM, .u.tree_trim.before.ms = 1000};
	OK(apply_one(s, &trim));
	check_tree(s, 0, "tree0");
	trim.u.tree_trim.before.ms = 9000;
	OK(apply_one(s, &trim));
	check_tree(s, 0, NULL);
	check_tree(s, 1, "tree1");
}

static void cursors_only_advance(void **state)
{
	struct sp_store *s = with_room(state);
	for (int i = 0; i < 3; i++) {
		struct sp_store_op op = append_op(room_log("room"), 0, "x", i);
		OK(apply_one(s, &op));
	}
	const struct sp_id16 device = id_of("bob1");
	const struct sp_store_log log = room_log("room");
	uint64_t seq;
	OK(sp_store_cursor_get(s, &device, &log, &seq));
	assert_int_equal(seq, 0);
	const struct {
		uint64_t set, want;
	} steps[] = {{2, 2}, {1, 2}, {UINT64_MAX, 3}, {0, 3}};
	for (size_t i = 0; i < SP_ARRAY_LEN(steps); i++) {
		struct sp_store_op op = {.verb = SP_STORE_CURSOR_SET, .u.cursor_set = {device, log, steps[i].set}};
		OK(apply_one(s, &op));
		OK(sp_store_cursor_get(s, &device, &log, &seq));
		assert_int_equal(seq, steps[i].want);
	}
	struct sp_store_op op = {.verb = SP_STORE_CURSOR_SET, .u.cursor_set = {id_of("zed1"), log, 1}};
	ERR(apply_one(s, &op), SP_ERR_NOT_FOUND);
	check_store(s);
}

/* -- requests -------------------------------------------------------------------------------------------------- */

static void a_repeated_request_gets_its_answer(void **state)
{
	struct sp_store *s = with_room(state);
	struct sp_store_op first = stamped(append_op(room_log("room"), 0, "hello", 10), "ann1", 7, "h");
	struct sp_store_op again = first, other = stamped(append_op(room_log("room"), 0, "hullo", 10), "ann1", 7, "i");
	struct sp_store_op *both[] = {&first, &again};
	again.now.ms = 20;
	OK(sp_store_apply(s, both, 2)); /* even within one batch */
	OK(first.err);
	OK(again.err);
	assert_false(first.replayed);
	assert_true(again.replayed);
	assert_int_equal(again.seq, 1);
	assert_int_equal(again.time.ms, 10);
	ERR(apply_one(s, &other), SP_ERR_STALE_REQNO);
	other = stamped(append_op(room_log("room"), 0, "x", 10), "zed1", 1, "h");
	ERR(apply_one(s, &other), SP_ERR_NOT_FOUND);
	check_items(s, (struct sp_store_range){room_log("room"), 1, 10, 100}, "1@10:3:hello ");
	struct sp_store_op found;
	OK(sp_store_reqno_find(s, &first.stamp, &found));
	assert_int_equal(found.seq, 1);
	sp_store_op_clear(&found);
	struct sp_store_stamp stamp = {id_of("ann1"), 8, hash_of("h")};
	ERR(sp_store_reqno_find(s, &stamp, &found), SP_ERR_NOT_FOUND);
	stamp.reqno = 7;
	stamp.hash = hash_of("z");
	ERR(sp_store_reqno_find(s, &stamp, &found), SP_ERR_STALE_REQNO);
	check_store(s);
}

static void a_refused_request_may_be_judged_again(void **state)
{
	struct sp_store *s = with_room(state);
	struct sp_store_op op = stamped(append_op(room_log("room"), 1, "early", 10), "ann1", 5, "h");
	ERR(apply_one(s, &op), SP_ERR_FUTURE_EPOCH);
	struct sp_store_op step = {.verb = SP_STORE_HANDSHAKE, .u.handshake = {.room = id_of("room"), .commit = SP_BYTES_LIT("c")}};
	OK(apply_one(s, &step));
	OK(apply_one(s, &op));
	assert_false(op.replayed);
	uint64_t high;
	struct sp_id16 device = id_of("ann1");
	OK(sp_store_reqno_high(s, &device, &high));
	assert_int_equal(high, 5);
	device = id_of("ann2");
	OK(sp_store_reqno_high(s, &device, &high));
	assert_int_equal(high, 0);
}

static enum sp_err send(struct sp_store *s, uint64_t reqno, bool *replayed)
{
	char hash[32];
	snprintf(hash, sizeof hash, "hash of %d", (int)reqno);
	struct sp_store_op op = stamped(append_op(room_log("room"), 0, "x", 1), "ann1", reqno, hash);
	enum sp_err err = apply_one(s, &op);
	*replayed = op.replayed;
	return err;
}

static void the_window_is_of_numbers(void **state)
{
	struct sp_store *s = with_room(state);
	bool replayed;
	for (uint64_t n = 1; n <= 300; n++)
		if (n != 250) /* never sent: say, refused, or overtaken by the next */
			OK(send(s, n, &replayed));
	OK(send(s, 300 - SP_STORE_WINDOW + 1, &replayed));
	assert_true(replayed);
	ERR(send(s, 300 - SP_STORE_WINDOW, &replayed), SP_ERR_STALE_REQNO);
	ERR(send(s, 1, &replayed), SP_ERR_STALE_REQNO);
	OK(send(s, 250, &replayed));
	assert_false(replayed);
	OK(send(s, 250, &replayed));
	assert_true(replayed);
	OK(send(s, 1000, &replayed)); /* a leap forgets the old */
	ERR(send(s, 300, &replayed), SP_ERR_STALE_REQNO);
	OK(send(s, 999, &replayed));
	assert_false(replayed);
	ERR(send(s, (uint64_t)INT64_MAX + 1, &replayed), SP_ERR_INVALID);
	OK(send(s, INT64_MAX, &replayed));
	OK(send(s, INT64_MAX, &replayed));
	assert_true(replayed);
	check_store(s);
}

/* -- people ---------------------------------------------------------------------------------------------------- */

static void the_directory_counts_changes(void **state)
{
	struct sp_store *s = *state;
	people_make(s); /* versions 1 to 7 */
	uint64_t version;
	OK(sp_store_directory_version(s, &version));
	assert_int_equal(version, 7);
	struct text t = {{0}, 0};
	OK(sp_store_account_since(s, 0, 10, say_account, &t));
	assert_string_equal(t.b, "ann@example.org/0/5/0 bob@example.org/0/6/0 cat@example.org/0/7/0 ");
	struct sp_store_op op = {.verb = SP_STORE_DEVICE_LIST_PUT, .u.device_list_put = {id_of("ann"), 1, SP_BYTES_LIT("v1"), NULL, 0}};
	OK(apply_one(s, &op));
	assert_int_equal(op.seq, 8);
	ERR(apply_one(s, &op), SP_ERR_EXISTS);
	op.u.device_list_put.version = 3;
	ERR(apply_one(s, &op), SP_ERR_STATE);
	op.u.device_list_put = (struct sp_store_device_list_put){id_of("ann"), 2, SP_BYTES_LIT("v2"), NULL, 0};
	OK(apply_one(s, &op));
	op = account_op("bob", "bob@example.org");
	op.u.account_put.account.flags = SP_STORE_ACCOUNT_DISABLED;
	OK(apply_one(s, &op));
	struct text u = {{0}, 0}, v = {{0}, 0};
	OK(sp_store_account_since(s, 6, 2, say_account, &u));
	assert_string_equal(u.b, "cat@example.org/0/7/0 ann@example.org/0/9/2 ");
	const struct sp_id16 ann = id_of("ann"), zed = id_of("zed");
	OK(sp_store_device_list_each(s, &ann, 0, say_list, &v));
	assert_string_equal(v.b, "1:v1 2:v2 ");
	struct text w = {{0}, 0};
	OK(sp_store_device_list_each(s, &ann, 2, say_list, &w));
	assert_string_equal(w.b, "2:v2 ");
	ERR(sp_store_account_get(s, &zed, say_account, &w), SP_ERR_NOT_FOUND);
	check_store(s);
}

static void addresses_and_devices_have_one_owner(void **state)
{
	struct sp_store *s = *state;
	people_make(s);
	struct sp_store_op op = account_op("dan", "ann@example.org");
	ERR(apply_one(s, &op), SP_ERR_EXISTS);
	op = device_op("ann1", "bob");
	ERR(apply_one(s, &op), SP_ERR_EXISTS);
	op = device_op("dan1", "dan");
	ERR(apply_one(s, &op), SP_ERR_NOT_FOUND);
	op = device_op("ann1", "ann");
	op.u.device_put.device.cert = SP_BYTES_LIT("renewed");
	OK(apply_one(s, &op));
	struct text t = {{0}, 0};
	struct sp_id16 id = id_of("ann");
	OK(sp_store_device_each(s, &id, say_device, &t));
	assert_string_equal(t.b, "ann1 of ann renewed ann2 of ann certificate ");
	id = id_of("bob1");
	struct text u = {{0}, 0};
	OK(sp_store_device_get(s, &id, say_device, &u));
	assert_string_equal(u.b, "bob1 of bob certificate ");
	OK(sp_store_account_find(s, SP_BYTES_LIT("cat@example.org"), &id));
	assert_true(sp_id16_equal(&id, &(struct sp_id16){"cat"}));
	ERR(sp_store_account_find(s, SP_BYTES_LIT("dan@example.org"), &id), SP_ERR_NOT_FOUND);
	uint64_t version;
	OK(sp_store_directory_version(s, &version));
	assert_int_equal(version, 8);
	check_store(s);
}

/* -- key packages ---------------------------------------------------------------------------------------------- */

static struct sp_store_key_package package(const char *name, int64_t expires)
{
	return (struct sp_store_key_package){hash_of(name), {expires}, sp_bytes_str(name)};
}

static enum sp_err stock(struct sp_store *s, const char *device, const struct sp_store_key_package *packages, size_t n, const char *last)
{
	struct sp_store_op op = {.verb = SP_STORE_KEY_PACKAGE_PUT, .now.ms = 1000, .u.key_package_put = {id_of(device), packages, n, {{{0}}, {0}, {NULL, 0}}}};
	if (last)
		op.u.key_package_put.last_resort = package(last, 9000);
	return apply_one(s, &op);
}

static void check_stock(struct sp_store *s, const char *device, uint32_t count, bool last_resort)
{
	struct sp_id16 id = id_of(device);
	struct sp_store_stock have;
	OK(sp_store_key_package_count(s, &id, (struct sp_time){1000}, &have));
	assert_int_equal(have.count, count);
	assert_int_equal(have.last_resort, last_resort);
}

static void check_taken(struct sp_store *s, uint64_t reqno, int64_t now, const char *want)
{
	const struct sp_id16 accounts[] = {id_of("ann"), id_of("bob"), id_of("zed")};
	struct sp_store_op op = {.verb = SP_STORE_KEY_PACKAGE_TAKE, .now.ms = now, .u.key_package_take = {accounts, 3}};
	struct text t = {{0}, 0};
	op = stamped(op, "bob1", reqno, "h");
	OK(apply_one(s, &op));
	say_taken(&t, &op);
	assert_string_equal(t.b, want);
	sp_store_op_clear(&op);
}

static void key_packages_are_taken_once(void **state)
{
	struct sp_store *s = *state;
	people_make(s);
	const struct sp_store_key_package ann1[] = {package("a1", 5000), package("a2", 2000), package("a3", 5000)};
	OK(stock(s, "ann1", ann1, 3, "al"));
	OK(stock(s, "ann2", ann1 + 3, 0, "bl"));
	OK(stock(s, "bob1", (const struct sp_store_key_package[]){package("b1", 5000)}, 1, NULL));
	check_stock(s, "ann1", 3, true);
	check_taken(s, 1, 1000, "ann/ann1/a1 ann/ann2/bl "); /* not the asking device's own */
	check_taken(s, 1, 1000, "ann/ann1/a1 ann/ann2/bl "); /* replayed */
	check_stock(s, "ann1", 2, true);
	check_taken(s, 2, 3000, "ann/ann1/a3 ann/ann2/bl "); /* a2 has expired */
	check_taken(s, 3, 3000, "ann/ann1/al ann/ann2/bl ");
	check_taken(s, 4, 10000, ""); /* last resorts have expired too */
	check_taken(s, 2, 3000, "ann/ann1/a3 ann/ann2/bl ");
	check_stock(s, "bob1", 1, false);
	check_store(s);
}

static void a_key_package_is_stocked_once(void **state)
{
	struct sp_store *s = *state;
	people_make(s);
	const struct sp_store_key_package two[] = {package("a1", 5000), package("a2", 5000)};
	const struct sp_store_key_package twice[] = {package("a3", 5000), package("a3", 5000)};
	OK(stock(s, "ann1", two, 2, "al"));
	ERR(stock(s, "ann1", two, 1, NULL), SP_ERR_DUPLICATE);
	ERR(stock(s, "ann2", two, 1, NULL), SP_ERR_DUPLICATE);
	ERR(stock(s, "ann1", twice, 2, NULL), SP_ERR_DUPLICATE);
	ERR(stock(s, "ann2", NULL, 0, "al"), SP_ERR_DUPLICATE);
	ERR(stock(s, "zed1", twice, 1, NULL), SP_ERR_NOT_FOUND);
	check_taken(s, 1, 1000, "ann/ann1/a1 ");
	ERR(stock(s, "ann1", two, 1, NULL), SP_ERR_DUPLICATE); /* taken, and stays known */
	OK(stock(s, "ann1", NULL, 0, "al"));		       /* the same last resort again */
	OK(stock(s, "ann1", NULL, 0, "am"));
	const struct sp_store_key_package mixed[] = {package("a4", 5000), package("a2", 5000)};
	ERR(stock(s, "ann1", mixed, 2, "an"), SP_ERR_DUPLICATE);
	check_stock(s, "ann1", 1, true);
	check_taken(s, 2, 1000, "ann/ann1/a2 ");
	check_taken(s, 3, 1000, "ann/ann1/am ");
	const struct sp_id16 gone[] = {id_of("ann2"), id_of("zed1")};
	OK(stock(s, "ann2", (const struct sp_store_key_package[]){package("a9", 5000)}, 1, NULL));
	struct sp_store_op list = {.verb = SP_STORE_DEVICE_LIST_PUT, .u.device_list_put = {id_of("ann"), 1, SP_BYTES_LIT("v1"), gone, 2}};
	OK(apply_one(s, &list));
	check_stock(s, "ann2", 0, false);
	struct sp_store_op drop = {.verb = SP_STORE_KEY_PACKAGE_DROP, .u.key_package_drop.device = id_of("ann1")};
	OK(apply_one(s, &drop));
	check_stock(s, "ann1", 0, false);
	check_taken(s, 4, 1000, "");
	check_store(s);
}

static void the_stock_has_a_limit(void **state)
{
	struct sp_store *s = *state;
	static struct sp_store_key_package many[SP_STORE_KEY_PACKAGES_MAX + 1];
	static char names[SP_STORE_KEY_PACKAGES_MAX + 1][8];
	people_make(s);
	for (size_t i = 0; i < SP_ARRAY_LEN(many); i++) {
		snprintf(names[i], sizeof names[i], "p%d", (int)i);
		many[i] = package(names[i], 5000);
	}
	ERR(stock(s, "ann1", many, SP_ARRAY_LEN(many), NULL), SP_ERR_TOO_MANY);
	check_stock(s, "ann1", 0, false);
	OK(stock(s, "ann1", many, SP_STORE_KEY_PACKAGES_MAX, NULL));
	ERR(stock(s, "ann1", &many[SP_STORE_KEY_PACKAGES_MAX], 1, NULL), SP_ERR_TOO_MANY);
	check_stock(s, "ann1", SP_STORE_KEY_PACKAGES_MAX, false);
	check_taken(s, 1, 1000, "ann/ann1/p0 ");
	OK(stock(s, "ann1", &many[SP_STORE_KEY_PACKAGES_MAX], 1, NULL));
}

static void figures_are_counted(void **state)
{
	struct sp_store *s = with_room(state);
	struct sp_store_stats before, after;
	sp_store_stats_get(s, &before);
	struct sp_store_op good = append_op(room_log("room"), 0, "x", 1), bad = append_op(room_log("room"), 9, "x", 1);
	struct sp_store_op *ops[] = {&good, &bad};
	OK(sp_store_apply(s, ops, 2));
	sp_store_stats_get(s, &after);
	assert_int_equal(after.commits - before.commits, 1);
	assert_int_equal(after.ops - before.ops, 1);
	assert_int_equal(after.failed - before.failed, 1);
	OK(sp_store_apply(s, NULL, 0));
}

const struct CMUnitTest contract_tests[] = {
	cmocka_unit_test(items_are_numbered_and_timed),
	cmocka_unit_test(one_refusal_spoils_nothing_else),
	cmocka_unit_test(trimming_keeps_numbers_and_times),
	cmocka_unit_test(a_visitor_may_stop),
	cmocka_unit_test(a_handshake_is_one_change),
	cmocka_unit_test(a_proposal_brings_its_row),
	cmocka_unit_test(a_failing_handshake_leaves_no_trace),
	cmocka_unit_test(rooms_are_made_once),
	cmocka_unit_test(the_roster_answers),
	cmocka_unit_test(old_trees_go_but_the_newest_stays),
	cmocka_unit_test(cursors_only_advance),
	cmocka_unit_test(a_repeated_request_gets_its_answer),
	cmocka_unit_test(a_refused_request_may_be_judged_again),
	cmocka_unit_test(the_window_is_of_numbers),
	cmocka_unit_test(the_directory_counts_changes),
	cmocka_unit_test(addresses_and_devices_have_one_owner),
	cmocka_unit_test(key_packages_are_taken_once),
	cmocka_unit_test(a_key_package_is_stocked_once),
	cmocka_unit_test(the_stock_has_a_limit),
	cmocka_unit_test(figures_are_counted),
};
const size_t contract_test_count = SP_ARRAY_LEN(contract_tests);
