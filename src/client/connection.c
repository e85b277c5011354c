/* SPDX-License-Identifier: Apache-2.0
 *
 * One connection to the server: hello, requests and their answers, and the events that arrive in between.
 */
#include "client/client_priv.h"

#define CREDIT_STEP (256u << 10) /* grant again when so much was read */
#define CLIENT_NAME "sealpost 0.1.0"
#define REQNO_END ((uint64_t)1 << 62) /* no device ever comes so far: a server that says so would end our counting */

bool sp__error_is_network(enum sp_err e)
{
	return e == SP_ERR_UNREACHABLE || e == SP_ERR_CUT || e == SP_ERR_TIMEOUT || e == SP_ERR_CLOSED || e == SP_ERR_BUSY;
}

void sp__event_free(struct sp__event_frame **event)
{
	if (!*event)
		return;
	sp_buf_clear(&(*event)->body);
	sp_free(*event);
	*event = NULL;
}

void sp__disconnect(struct sp_client *c, bool cleanly)
{
	struct sp__connection *conn = &c->conn;
	while (conn->events) {
		struct sp__event_frame *event = conn->events;
		conn->events = event->next;
		sp__event_free(&event);
	}
	if (cleanly)
		sp_net_client_free(&conn->net);
	else
		sp_net_client_cut(&conn->net);
	*conn = (struct sp__connection){0};
	c->synced_ms = 0;
	c->listen.is_subscribed = false;
}

/* -- requests -- */

static size_t event_cost(const struct sp__event_frame *event)
{
	return sizeof *event + event->body.n;
}

/* What waits is bounded by what the server was ever granted, however fast it sends. */
static enum sp_err keep_event(struct sp_client *c, const struct sp_frame *frame)
{
	if (c->conn.waiting >= SP_LIMIT_CREDIT_MAX)
		return SP_ERR_TOO_MANY;
	struct sp__event_frame *event = sp_alloc(sizeof *event);
	if (!event)
		return SP_ERR_NOMEM;
	event->type = frame->type;
	sp_buf_init(&event->body, SP_LIMIT_FRAME);
	enum sp_err e = sp_buf_append(&event->body, frame->body);
	if (e != SP_OK) {
		sp__event_free(&event);
		return e;
	}
	if (frame->type == SP_WIRE_ITEMS)
		c->conn.credit_due += frame->body.n;
	c->conn.waiting += event_cost(event);
	if (!c->conn.events)
		c->conn.events_end = &c->conn.events;
	*c->conn.events_end = event;
	c->conn.events_end = &event->next;
	return SP_OK;
}

static enum sp_err take_answer(struct sp_client *c, const struct sp_frame *frame, enum sp_wire_type type, struct sp_buf *raw)
{
	struct sp_wire_response_head head;
	struct sp_bytes body;
	if (frame->type != (uint8_t)type)
		return SP_ERR_INVALID;
	enum sp_err e = sp_wire_response_open(&head, &body, frame->body);
	if (e != SP_OK) {
		sp__text_set(c->hint, sizeof c->hint, head.hint);
		return SP_FAIL(&c->diag, e, head.detail, head.detail ? sp_rule_text(head.detail) : "the server refused");
	}
	return sp_buf_append(raw, body);
}

static unsigned left_of(int64_t until_ms)
{
	int64_t left = until_ms - sp__now().ms;
	return left <= 0 ? 1 : left > INT32_MAX ? INT32_MAX : (unsigned)left;
}

static enum sp_err await_answer(struct sp_client *c, enum sp_wire_type type, uint32_t id, struct sp_buf *raw, bool *out_is_answered)
{
	int64_t until = sp__now().ms + c->timeout_ms;
	struct sp_frame frame;
	for (;;) {
		SP_TRY(sp_net_client_receive(c->conn.net, &frame, left_of(until)));
		if (frame.kind == SP_FRAME_EVENT && sp__now().ms >= until) /* events are no answer */
			return SP_ERR_TIMEOUT;
		if (frame.kind == SP_FRAME_EVENT)
			SP_TRY(keep_event(c, &frame));
		else if (frame.kind != SP_FRAME_RESPONSE || frame.id != id)
			return SP_ERR_INVALID; /* one request at a time: an answer to another is none */
		else
			break;
	}
	*out_is_answered = true;
	return take_answer(c, &frame, type, raw);
}

enum sp_err sp__call_raw(struct sp_client *c, enum sp_wire_type type, struct sp_bytes body, struct sp_buf *raw)
{
	bool is_answered = false;
	uint32_t id = ++c->conn.next_id;
	sp_buf_clear(raw);
	c->hint[0] = '\0';
	if (!c->conn.net)
		return SP_ERR_UNREACHABLE;
	enum sp_err e = sp_net_client_send(c->conn.net, SP_FRAME_REQUEST, (uint8_t)type, id, body, c->timeout_ms);
	if (e == SP_OK)
		e = await_answer(c, type, id, raw, &is_answered);
	if (!is_answered) /* what comes later could not be told from what we ask next */
		sp__disconnect(c, false);
	if (e != SP_OK && !is_answered)
		return SP_FAIL(&c->diag, e == SP_ERR_CLOSED ? SP_ERR_CUT : e, 0, "the connection ended before the answer");
	return e;
}

enum sp_err sp__call(struct sp_client *c, enum sp_wire_type type, const void *request, struct sp_buf *raw, void *response)
{
	struct sp_wire_body layouts;
	struct sp_buf body;
	SP_TRY(sp_wire_body_find(&layouts, type));
	sp_buf_init(&body, SP_LIMIT_FRAME);
	enum sp_err e = request ? sp_wire_layout_encode(layouts.request, &body, request) : SP_OK;
	if (e == SP_OK)
		e = sp__call_raw(c, type, sp_buf_bytes(&body), raw);
	if (e == SP_OK && response)
		e = sp_wire_layout_decode(layouts.response, response, sp_buf_bytes(raw));
	sp_buf_clear(&body);
	return e;
}

/* -- events -- */

static enum sp_err grant_credit(struct sp_client *c)
{
	struct sp_buf body;
	uint32_t bytes = (uint32_t)SP_MIN(c->conn.credit_due, (uint64_t)UINT32_MAX);
	if (bytes < CREDIT_STEP)
		return SP_OK;
	sp_buf_init(&body, 64);
	enum sp_err e = sp_wire_credit_request_encode(&body, &(struct sp_wire_credit_request){bytes});
	if (e == SP_OK)
		e = sp_net_client_send(c->conn.net, SP_FRAME_REQUEST, SP_WIRE_CREDIT, ++c->conn.next_id, sp_buf_bytes(&body), c->timeout_ms);
	if (e == SP_OK)
		c->conn.credit_due -= bytes;
	sp_buf_clear(&body);
	return e;
}

static enum sp_err receive_event(struct sp_client *c, unsigned timeout_ms)
{
	struct sp_frame frame;
	SP_TRY(sp_net_client_receive(c->conn.net, &frame, timeout_ms));
	if (frame.kind != SP_FRAME_EVENT)
		return SP_ERR_INVALID;
	return keep_event(c, &frame);
}

enum sp_err sp__event_take(struct sp_client *c, struct sp__event_frame **out, unsigned timeout_ms)
{
	*out = NULL;
	if (!c->conn.net)
		return SP_ERR_UNREACHABLE;
	enum sp_err e = c->conn.events ? SP_OK : receive_event(c, timeout_ms);
	if (e == SP_ERR_TIMEOUT)
		return e;
	if (e == SP_OK)
		e = grant_credit(c);
	if (e != SP_OK) {
		sp__disconnect(c, false);
		return e == SP_ERR_CLOSED ? SP_ERR_CUT : e;
	}
	*out = c->conn.events;
	c->conn.events = (*out)->next;
	c->conn.waiting -= event_cost(*out);
	(*out)->next = NULL;
	return SP_OK;
}

/* -- connecting -- */

static enum sp_err say_hello(struct sp_client *c)
{
	struct sp_wire_hello_request request = {.client = SP_BYTES_LIT(CLIENT_NAME)};
	struct sp_buf raw;
	sp_buf_init(&raw, SP_LIMIT_FRAME);
	enum sp_err e = sp__call(c, SP_WIRE_HELLO, &request, &raw, &c->conn.hello);
	c->conn.hello.server = c->conn.hello.org = SP_BYTES_NONE; /* they borrow from raw */
	sp_buf_clear(&raw);
	if (e == SP_OK && !sp_id16_equal(&c->conn.hello.device_id, &c->me.device_id))
		e = SP_FAIL(&c->diag, SP_ERR_DENIED, 0, "the server takes this device for another");
	if (e == SP_OK && c->conn.hello.reqno_high >= REQNO_END)
		e = SP_FAIL(&c->diag, SP_ERR_INVALID, 0, "the server counts requests that were never made");
	c->conn.has_hello = e == SP_OK;
	return e;
}

static enum sp_err open_connection(struct sp_client *c)
{
	char host[256], org[SP_LIMIT_ADDRESS + 1];
	sp__text_set(host, sizeof host, c->me.host);
	sp__text_set(org, sizeof org, c->me.org);
	struct sp_net_client_config config = {
		.host = host,
		.port = c->me.port,
		.root_spki = c->me.organisation,
		.org = org,
		.now = sp__now(),
		.certificate = c->me.certificate,
		.key = c->key,
		.timeout_ms = c->timeout_ms,
	};
	struct sp_wire_record_cursors before;
	SP_TRY(sp__cursors_get(c, &before)); /* before hello: another process may read on meanwhile */
	SP_TRY(sp_net_client_connect(&c->conn.net, &config));
	SP_TRY(say_hello(c));
	c->conn.directory_went_back = before.directory > c->conn.hello.directory_version;
	return SP_OK;
}

static const char *refusal_text(enum sp_err e)
{
	if (e == SP_ERR_DENIED || e == SP_ERR_REVOKED)
		return "the server refused this device: its certificate was revoked, has expired, or its account was disabled";
	if (sp_err_class(e) == SP_CLASS_AUTH)
		return "the server's certificate is not this organisation's";
	return "the server cannot be reached";
}

enum sp_err sp__connect(struct sp_client *c)
{
	if (!c->is_joined)
		return SP_FAIL(&c->diag, SP_ERR_STATE, 0, "this profile has not joined an organisation");
	if (c->conn.net && c->conn.has_hello)
		return SP_OK;
	sp__disconnect(c, true);
	enum sp_err e = open_connection(c);
	if (e != SP_OK)
		sp__disconnect(c, true);
	return e == SP_OK ? e : SP_FAIL(&c->diag, e, 0, refusal_text(e));
}

enum sp_err sp__connect_newcomer(struct sp_client *c, const struct sp__link *link)
{
	struct sp_net_client_config config = {
		.host = link->host,
		.port = link->port,
		.root_spki = link->organisation,
		.now = sp__now(),
		.timeout_ms = c->timeout_ms,
	};
	sp__disconnect(c, true);
	return sp_net_client_connect(&c->conn.net, &config);
}
