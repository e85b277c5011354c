/* SPDX-License-Identifier: Apache-2.0
 *
 * Logs and their readers through a running server: order, catching up, credit, a slow reader, request numbers, who may read, and a front that is killed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "room.h"
#include "world.h"

struct scene {
	struct world w;
	struct member alice, bob;
	struct line a, b; /* logged in */
	struct room room; /* of both */
	struct sp_buf message;
};

static int open_scene(void **state)
{
	const struct world_options options = {.store = "mem:", .reactors = 2, .account_rate = 100000};
	struct scene *s = calloc(1, sizeof *s);
	struct member *others[] = {&s->bob};

	world_make(&s->w, &options);
	world_start(&s->w);
	member_make(&s->alice, &s->w, "alice");
	member_make(&s->bob, &s->w, "bob");
	member_join(&s->alice);
	member_join(&s->bob);
	line_login(&s->a, &s->alice, NULL);
	line_login(&s->b, &s->bob, NULL);
	room_make(&s->room, &s->a, others, 1);
	room_message(&s->message, &s->room, 1000);
	*state = s;
	return 0;
}

static int close_scene(void **state)
{
	struct scene *s = *state;

	line_close(&s->a);
	line_close(&s->b);
	world_stop(&s->w);
	sp_buf_clear(&s->message);
	member_clear(&s->alice);
	member_clear(&s->bob);
	world_remove(&s->w);
	free(s);
	return 0;
}

static struct sp_wire_appended appended(struct line *l)
{
	struct sp_wire_appended out;

	MUST(sp_wire_appended_decode(&out, sp_buf_bytes(&l->answer)));
	return out;
}

static uint64_t append(struct line *l, struct sp_buf *message)
{
	reqno_write(message, ++l->member->reqno);
	MUST(line_call(l, SP_WIRE_APPEND, sp_buf_bytes(message)));
	return appended(l).seq;
}

static enum sp_err subscribe(struct line *l, uint8_t kind, const struct sp_id16 *id, uint64_t from)
{
	struct sp_wire_subscription sub = {.log = {kind, *id}, .from_seq = from};
	struct sp_wire_subscribe_request request;
	struct sp_buf logs;
	enum sp_err err;

	sp_buf_init(&logs, 256);
	MUST(sp_wire_subscription_encode(&logs, &sub));
	request.logs = sp_buf_bytes(&logs);
	err = line_do(l, SP_WIRE_SUBSCRIBE, sp_wire_subscribe_request_layout(), &request, NULL, NULL);
	sp_buf_clear(&logs);
	return err;
}

/* The items of one event: every seq must follow the one before. Returns the seq that must come next. */
static uint64_t check_event(const struct sp_frame *frame, uint64_t next)
{
	struct sp_wire_items_event event;
	struct sp_reader r;

	MUST(sp_wire_items_event_decode(&event, frame->body));
	r = sp_reader_of(event.items);
	while (!sp_reader_is_empty(&r)) {
		struct sp_wire_item item;

		MUST(sp_wire_item_read(&r, &item));
		assert_int_equal(item.seq, next);
		next++;
	}
	return next;
}

static void expect_items(struct line *l, uint64_t first, uint64_t last)
{
	struct sp_frame frame;

	for (uint64_t next = first; next <= last;) {
		line_await(l, SP_WIRE_ITEMS, &frame);
		next = check_event(&frame, next);
	}
}

/* The last seq that came. */
static uint64_t take_until_silence(struct line *l, uint64_t first)
{
	struct sp_frame frame;
	uint64_t next = first;

	while (line_receive(l, &frame, 500) == SP_OK)
		if (frame.kind == SP_FRAME_EVENT && frame.type == SP_WIRE_ITEMS)
			next = check_event(&frame, next);
	return next - 1;
}

static void expect_silence(struct line *l)
{
	struct sp_frame frame;

	while (line_receive(l, &frame, 300) == SP_OK)
		assert_true(frame.kind != SP_FRAME_EVENT || frame.type != SP_WIRE_ITEMS);
}

/* -- order, live and from the past ----------------------------------------------------------------------------------- */

static void test_live_and_past(void **state)
{
	struct scene *s = *state;
	uint64_t first = append(&s->a, &s->message);
	struct line late;

	MUST(subscribe(&s->b, SP_WIRE_LOG_ROOM, &s->room.id, 1));
	expect_items(&s->b, 1, first); /* the commit that added bob, and the message */
	for (int i = 0; i < 20; i++)
		assert_int_equal(append(&s->a, &s->message), first + 1 + (uint64_t)i);
	expect_items(&s->b, first + 1, first + 20);
	line_login(&late, &s->bob, NULL);
	MUST(subscribe(&late, SP_WIRE_LOG_ROOM, &s->room.id, first + 5));
	expect_items(&late, first + 5, first + 20);
	(void)append(&s->b, &s->message);
	expect_items(&late, first + 21, first + 21);
	line_close(&late);
}

/* A subscriber in the middle of a stream misses nothing: what is stored while it catches up comes after, once. */
static void test_subscribe_during_a_stream(void **state)
{
	struct scene *s = *state;
	uint64_t last = 0;
	uint32_t id;

	for (int i = 0; i < 400; i++) {
		reqno_write(&s->message, ++s->alice.reqno);
		MUST(line_send(&s->a, SP_WIRE_APPEND, sp_buf_bytes(&s->message), &id));
		if (i == 100)
			MUST(subscribe(&s->b, SP_WIRE_LOG_ROOM, &s->room.id, 1));
	}
	for (struct sp_frame frame; last < 401;) { /* 400 and the commit */
		struct sp_wire_response_head head;
		struct sp_wire_appended out;
		struct sp_bytes body;

		MUST(line_receive(&s->a, &frame, 10000));
		MUST(sp_wire_response_open(&head, &body, frame.body));
		MUST(sp_wire_appended_decode(&out, body));
		last = SP_MAX(last, out.seq);
	}
	expect_items(&s->b, 1, last);
	expect_silence(&s->b);
}

/* Without credit nothing more is sent; with it, everything, from the log. */
static void test_credit(void **state)
{
	struct scene *s = *state;
	struct sp_buf large;
	uint64_t last = 0, seen;
	uint8_t grant[4] = {0x01, 0, 0, 0};
	uint32_t id;

	room_message(&large, &s->room, 60000);
	MUST(subscribe(&s->b, SP_WIRE_LOG_ROOM, &s->room.id, 2));
	for (int i = 0; i < 40; i++) /* 2.4 MB, more than the first credit */
		last = append(&s->a, &large);
	seen = take_until_silence(&s->b, 2);
	assert_true(seen * 60000 > SP_LIMIT_EVENT_CREDIT && seen * 60000 < SP_LIMIT_EVENT_CREDIT + (512u << 10)); /* one event beyond, at most */
	MUST(line_send(&s->b, SP_WIRE_CREDIT, SP_BYTES_OF(grant), &id));
	expect_items(&s->b, seen + 1, last);
	sp_buf_clear(&large);
}

/* -- request numbers ----------------------------------------------------------------------------------------------------- */

static void test_reqno(void **state)
{
	struct scene *s = *state;
	uint64_t seq = append(&s->a, &s->message);
	struct sp_wire_hello_response hello;
	struct line again;

	line_login(&again, &s->alice, &hello); /* as after a cut: the very same bytes */
	assert_int_equal(hello.reqno_high, s->alice.reqno);
	MUST(line_call(&again, SP_WIRE_APPEND, sp_buf_bytes(&s->message)));
	assert_int_equal(appended(&again).seq, seq);
	s->message.p[s->message.n - 1] ^= 1;
	assert_int_equal(line_call(&again, SP_WIRE_APPEND, sp_buf_bytes(&s->message)), SP_ERR_STALE_REQNO);
	assert_int_equal(append(&again, &s->message), seq + 1);
	line_close(&again);
}

/* -- who may ---------------------------------------------------------------------------------------------------------------- */

static void test_strangers(void **state)
{
	struct scene *s = *state;
	struct sp_wire_read_request read = {.log = {SP_WIRE_LOG_ROOM, s->room.id}};
	struct member carol;
	struct line c;

	member_make(&carol, &s->w, "carol");
	member_join(&carol);
	line_login(&c, &carol, NULL);
	assert_int_equal(subscribe(&c, SP_WIRE_LOG_ROOM, &s->room.id, 1), SP_ERR_DENIED);
	assert_int_equal(subscribe(&c, SP_WIRE_LOG_INBOX, &s->alice.account_id, 1), SP_ERR_DENIED);
	MUST(subscribe(&c, SP_WIRE_LOG_INBOX, &carol.account_id, 1));
	assert_int_equal(line_do(&c, SP_WIRE_READ, sp_wire_read_request_layout(), &read, NULL, NULL), SP_ERR_DENIED);
	reqno_write(&s->message, ++carol.reqno);
	assert_int_equal(line_call(&c, SP_WIRE_APPEND, sp_buf_bytes(&s->message)), SP_ERR_DENIED);
	line_close(&c);
	member_clear(&carol);
}

static void test_stale_epoch(void **state)
{
	struct scene *s = *state;
	struct room old = {.id = s->room.id, .epoch = s->room.epoch - 1};
	struct sp_buf message;

	room_message(&message, &old, 100);
	reqno_write(&message, ++s->alice.reqno);
	assert_int_equal(line_call(&s->a, SP_WIRE_APPEND, sp_buf_bytes(&message)), SP_ERR_STALE_EPOCH);
	sp_buf_clear(&message);
}

/* -- killed -------------------------------------------------------------------------------------------------------------------- */

static pid_t fork_front(struct world *w)
{
	int ready[2], stop[2];
	pid_t pid;

	world_prepare(w);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(stop, O_CLOEXEC), 0);
	w->config.ready_fd = ready[1];
	w->config.stop_fd = stop[0];
	w->front_stop = stop[1];
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(w->sockets[1]);
		close(ready[0]);
		close(stop[1]);
		_exit(sp_server_run(&w->config) == SP_OK ? 0 : 1);
	}
	close(w->sockets[0]);
	close(ready[1]);
	close(stop[0]);
	world_start_keeper(w);
	world_await(w, ready[0]);
	return pid;
}

static void reap_front(struct world *w, pid_t pid, bool killed)
{
	int status;

	close(w->front_stop);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(killed ? WIFSIGNALED(status) : WIFEXITED(status) && WEXITSTATUS(status) == 0);
	(void)pthread_join(w->keeper_thread, NULL);
	close(w->sockets[1]);
	close(w->keeper_stop);
	close(w->config.log_fd);
	close(w->keeper_run.stop_fd);
}

/* Sends with 16 outstanding until the front is gone. Returns the highest reqno that was acknowledged in a row. */
static uint64_t send_until_killed(struct line *l, struct sp_buf *message, pid_t pid, unsigned kill_after, uint64_t *out_sent)
{
	uint64_t acked = l->member->reqno, sent = acked;
	struct sp_frame frame;
	uint32_t id;

	for (;;) {
		for (; sent - acked < 16; sent++) {
			reqno_write(message, sent + 1);
			if (line_send(l, SP_WIRE_APPEND, sp_buf_bytes(message), &id) != SP_OK)
				break;
		}
		if (line_receive(l, &frame, 10000) != SP_OK)
			break;
		if (frame.kind == SP_FRAME_RESPONSE && frame.body.n > 5)
			acked++;
		if (acked - l->member->reqno == kill_after)
			kill(pid, SIGKILL);
	}
	*out_sent = sent;
	return acked;
}

/* Every acknowledged message is there; one that was sent and not acknowledged is sent again with its number and is there once. */
static void test_killed(void **state)
{
	const struct world_options options = {.store = "sqlite:", .reactors = 1, .account_rate = 100000};
	struct member alice;
	struct room room;
	struct sp_buf message;
	struct world w;
	struct line l;
	pid_t pid;

	world_make(&w, &options);
	pid = fork_front(&w);
	member_make(&alice, &w, "alice");
	member_join(&alice);
	line_login(&l, &alice, NULL);
	room_make(&room, &l, NULL, 0);
	room_message(&message, &room, 300);
	for (unsigned round = 0; round < 4; round++) {
		uint64_t sent, acked = send_until_killed(&l, &message, pid, 50 + 37 * round, &sent);
		struct sp_wire_hello_response hello;

		sp_net_client_cut(&l.net);
		sp_buf_clear(&l.answer);
		reap_front(&w, pid, true);
		pid = fork_front(&w);
		line_login(&l, &alice, &hello);
		assert_true(hello.reqno_high >= acked);
		for (uint64_t reqno = acked + 1; reqno <= sent; reqno++) {
			reqno_write(&message, reqno);
			MUST(line_call(&l, SP_WIRE_APPEND, sp_buf_bytes(&message)));
			assert_int_equal(appended(&l).seq, reqno - 1); /* the room's creation took number 1 */
		}
		alice.reqno = sent;
	}
	line_close(&l);
	reap_front(&w, pid, false);
	sp_buf_clear(&message);
	member_clear(&alice);
	world_remove(&w);
}

#define ROOM_TEST(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOM_TEST(test_live_and_past),
		ROOM_TEST(test_subscribe_during_a_stream),
		ROOM_TEST(test_credit),
		ROOM_TEST(test_reqno),
		ROOM_TEST(test_strangers),
		ROOM_TEST(test_stale_epoch),
		cmocka_unit_test(test_killed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
