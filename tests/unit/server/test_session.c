/* SPDX-License-Identifier: Apache-2.0
 *
 * The front with the real keeper: joining, hello, what each kind of connection may ask, malformed frames of every type, the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <sys/stat.h>

#include "wire/catalogue.h"
#include "world.h"

static int open_world(void **state)
{
	const struct world_options options = {.store = "mem:", .reactors = 2};
	struct world *w = calloc(1, sizeof *w);

	world_make(w, &options);
	world_start(w);
	*state = w;
	return 0;
}

static int close_world(void **state)
{
	struct world *w = *state;

	world_stop(w);
	world_remove(w);
	free(w);
	return 0;
}

static void test_join_and_hello(void **state)
{
	struct world *w = *state;
	struct sp_wire_hello_response hello;
	struct sp_wire_org_info_response org;
	struct member alice;
	struct line line;

	member_make(&alice, w, "alice");
	line_open(&line, &alice, false);
	MUST(line_do(&line, SP_WIRE_ORG_INFO, sp_wire_empty_layout(), &org, sp_wire_org_info_response_layout(), &org));
	assert_int_equal(org.registration, SP_WIRE_REGISTRATION_OPEN);
	assert_true(sp_bytes_equal(org.root, sp_net_client_root(line.net)));
	line_close(&line);
	member_join(&alice);
	member_join(&alice); /* killed in between, asks again: the same answer, and no second account */
	line_login(&line, &alice, &hello);
	assert_true(sp_id16_equal(&hello.account_id, &alice.account_id));
	assert_true(sp_id16_equal(&hello.device_id, &alice.device_id));
	assert_int_equal(hello.reqno_high, 0);
	assert_true(hello.crl_number > 0);
	assert_true(sp_bytes_equal(hello.org, SP_BYTES_LIT(WORLD_ORG)));
	MUST(line_call(&line, SP_WIRE_PING, SP_BYTES_NONE));
	assert_int_equal(line_call(&line, SP_WIRE_ENROL, SP_BYTES_NONE), SP_ERR_UNSUPPORTED); /* not with a certificate */
	line_close(&line);
	member_clear(&alice);
}

/* What is not of the connection's phase is answered, not served, and the connection stays. */
static void test_phases(void **state)
{
	struct world *w = *state;
	struct member bob;
	struct line line;

	member_make(&bob, w, "bob");
	member_join(&bob);
	line_open(&line, &bob, false);
	for (unsigned type = 0; type < 256; type++)
		if (type != SP_WIRE_PING && type != SP_WIRE_ORG_INFO && type != SP_WIRE_ENROL && type != SP_WIRE_CRL)
			assert_int_equal(line_call(&line, (uint8_t)type, SP_BYTES_NONE), SP_ERR_UNSUPPORTED);
	MUST(line_call(&line, SP_WIRE_PING, SP_BYTES_NONE));
	line_close(&line);
	line_open(&line, &bob, true); /* before hello */
	for (unsigned type = SP_WIRE_DIRECTORY; type < 256; type++)
		assert_int_equal(line_call(&line, (uint8_t)type, SP_BYTES_NONE), SP_ERR_UNSUPPORTED);
	MUST(line_call(&line, SP_WIRE_PING, SP_BYTES_NONE));
	line_close(&line);
	member_clear(&bob);
}

/* N03: a certificate that is good, of a device that no account's list names. */
static void test_wrong_enrolment(void **state)
{
	struct world *w = *state;
	struct sp_wire_enrol_request request = {.name = SP_BYTES_LIT("carol")};
	struct member carol;
	struct line line;

	member_make(&carol, w, "carol");
	request.csr = sp_buf_bytes(&carol.csr);
	request.device_list = sp_buf_bytes(&carol.list);
	request.token = SP_BYTES_LIT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	line_open(&line, &carol, false);
	assert_int_equal(line_do(&line, SP_WIRE_ENROL, sp_wire_enrol_request_layout(), &request, NULL, NULL), SP_ERR_TOKEN);
	request.token = SP_BYTES_LIT("not a token");
	assert_int_equal(line_do(&line, SP_WIRE_ENROL, sp_wire_enrol_request_layout(), &request, NULL, NULL), SP_ERR_TOKEN);
	request.token = SP_BYTES_LIT("open");
	request.csr = SP_BYTES_LIT("not a request");
	assert_true(line_do(&line, SP_WIRE_ENROL, sp_wire_enrol_request_layout(), &request, NULL, NULL) != SP_OK);
	MUST(line_call(&line, SP_WIRE_PING, SP_BYTES_NONE));
	line_close(&line);
	member_clear(&carol);
}

/* -- malformed frames -------------------------------------------------------------------------------------------------- */

/* The server must say why and end the connection with a goodbye; a second connection must be served as if nothing had been. */
static void expect_closed(struct line *l)
{
	struct sp_frame frame;
	bool said = false;
	enum sp_err err;

	while ((err = line_receive(l, &frame, 10000)) == SP_OK)
		if (frame.kind == SP_FRAME_EVENT && frame.type == SP_WIRE_CLOSING)
			said = frame.body.n == 1 && frame.body.p[0] == SP_WIRE_CLOSING_PROTOCOL;
	assert_int_equal(err, SP_ERR_CLOSED);
	assert_true(said);
}

static void send_malformed(struct member *m, uint8_t type, struct sp_bytes body)
{
	struct line line;
	uint32_t id;

	line_login(&line, m, NULL);
	MUST(line_send(&line, type, body, &id));
	expect_closed(&line);
	line_close(&line);
}

static void test_malformed_of_every_type(void **state)
{
	struct world *w = *state;
	const struct sp_wire_type_info *types;
	static uint8_t garbage[64];
	struct member dave;
	struct line line;
	size_t n;

	memset(garbage, 0xff, sizeof garbage);
	member_make(&dave, w, "dave");
	member_join(&dave);
	types = sp_wire_type_all(&n);
	for (size_t i = 0; i < n; i++) {
		line_login(&line, &dave, NULL);
		if (line_call(&line, (uint8_t)types[i].type, SP_BYTES_NONE) == SP_ERR_UNSUPPORTED) {
			line_close(&line);
			continue; /* an event, or of another phase */
		}
		line_close(&line);
		send_malformed(&dave, (uint8_t)types[i].type, (struct sp_bytes){garbage, SP_MAX(SP_MIN((size_t)types[i].max_body, sizeof garbage), (size_t)1)});
	}
	line_login(&line, &dave, NULL);
	MUST(line_call(&line, SP_WIRE_PING, SP_BYTES_NONE));
	line_close(&line);
	member_clear(&dave);
}

static void test_oversize(void **state)
{
	struct world *w = *state;
	static uint8_t body[2048];
	struct member erin;
	struct line line;
	uint32_t id;

	member_make(&erin, w, "erin");
	member_join(&erin);
	line_login(&line, &erin, NULL);
	MUST(line_send(&line, SP_WIRE_DIRECTORY, SP_BYTES_OF(body), &id));
	expect_closed(&line);
	line_close(&line);
	member_clear(&erin);
}

/* -- reading without rights ------------------------------------------------------------------------------------------------- */

static void test_foreign_log(void **state)
{
	struct world *w = *state;
	struct member frank, grace;
	struct sp_wire_read_request read = {.log = {.kind = SP_WIRE_LOG_INBOX}};
	struct sp_wire_read_response items;
	struct line line;

	member_make(&frank, w, "frank");
	member_make(&grace, w, "grace");
	member_join(&frank);
	member_join(&grace);
	line_login(&line, &frank, NULL);
	read.log.id = frank.account_id;
	MUST(line_do(&line, SP_WIRE_READ, sp_wire_read_request_layout(), &read, sp_wire_read_response_layout(), &items));
	assert_int_equal(items.last_seq, 0);
	read.log.id = grace.account_id;
	assert_int_equal(line_do(&line, SP_WIRE_READ, sp_wire_read_request_layout(), &read, NULL, NULL), SP_ERR_DENIED);
	read.log.kind = SP_WIRE_LOG_ROOM;
	assert_true(line_do(&line, SP_WIRE_READ, sp_wire_read_request_layout(), &read, NULL, NULL) != SP_OK);
	read.log.kind = 9; /* no such kind: malformed */
	assert_int_equal(line_do(&line, SP_WIRE_READ, sp_wire_read_request_layout(), &read, NULL, NULL), SP_ERR_CLOSED);
	line_close(&line);
	member_clear(&frank);
	member_clear(&grace);
}

/* -- withdrawn ------------------------------------------------------------------------------------------------------------------ */

/* An account that the operator disables loses its sessions at once, and cannot come back (N03). */
static void test_disabled(void **state)
{
	struct world *w = *state;
	struct sp_keeper_order order = {.verb = SP_KEEPER_DISABLE, .name = SP_BYTES_LIT("heidi")};
	struct sp_net_client_config config;
	struct sp_net_client *client;
	uint8_t token[SP_WIRE_KEEPER_TOKEN];
	struct member heidi;
	struct sp_frame frame;
	struct line line;

	member_make(&heidi, w, "heidi");
	member_join(&heidi);
	line_login(&line, &heidi, NULL);
	MUST(sp_keeper_ask(w->keeper, token, &order));
	line_await(&line, SP_WIRE_CLOSING, &frame);
	assert_int_equal(frame.body.p[0], SP_WIRE_CLOSING_REVOKED);
	assert_int_equal(line_receive(&line, &frame, 10000), SP_ERR_CLOSED);
	line_close(&line);
	config = (struct sp_net_client_config){.host = "127.0.0.1", .port = w->port, .root_spki = w->fingerprint, .now = world_now(),
					       .certificate = sp_buf_bytes(&heidi.certificate), .key = heidi.key, .timeout_ms = 10000};
	MUST(sp_net_client_connect(&client, &config));
	assert_int_equal(sp_net_client_receive(client, &frame, 10000), SP_ERR_DENIED);
	sp_net_client_free(&client);
	member_clear(&heidi);
}

/* -- stopping --------------------------------------------------------------------------------------------------------------------- */

static void test_goodbye(void **state)
{
	const struct world_options options = {.store = "mem:", .reactors = 1};
	struct member ivan;
	struct sp_frame frame;
	struct world w;
	struct line line;

	world_make(&w, &options);
	world_start(&w);
	member_make(&ivan, &w, "ivan");
	member_join(&ivan);
	line_login(&line, &ivan, NULL);
	world_stop(&w);
	line_await(&line, SP_WIRE_CLOSING, &frame);
	assert_int_equal(frame.body.p[0], SP_WIRE_CLOSING_SHUTDOWN);
	assert_int_equal(line_receive(&line, &frame, 10000), SP_ERR_CLOSED);
	line_close(&line);
	member_clear(&ivan);
	world_remove(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_join_and_hello),
		cmocka_unit_test(test_phases),
		cmocka_unit_test(test_wrong_enrolment),
		cmocka_unit_test(test_malformed_of_every_type),
		cmocka_unit_test(test_oversize),
		cmocka_unit_test(test_foreign_log),
		cmocka_unit_test(test_disabled),
		cmocka_unit_test(test_goodbye),
	};
	return cmocka_run_group_tests(tests, open_world, close_world);
}
