/* SPDX-License-Identifier: Apache-2.0
 *
 * From a frame to a request to its answer: the way that server_priv.h draws. Which requests a connection may make is the table's matter
 * (its phase); what they may do is their handlers'.
 */
#include "server/core_priv.h"

#define SLOW_MAX 4u      /* requests of one connection on the pool, the rooms or the keeper at a time */
#define FRAME_MARGIN 64u /* what an item is wrapped in when it leaves again must fit in a frame */
#define RATE_DEFAULT 1000u
#define RATE_BURST 10 /* seconds of rate at once */

/* -- the table ----------------------------------------------------------------------------------------------------- */

struct family {
	const struct sp_server_handler *handlers;
	size_t n;
};

void sp__dispatch_init(struct sp_server *server)
{
	const struct family families[] = {
		{sp__server_session_handlers, sp__server_session_handler_count},
		{sp__server_enrol_handlers, sp__server_enrol_handler_count},
		{sp__server_log_handlers, sp__server_log_handler_count},
		{sp__server_directory_handlers, sp__server_directory_handler_count},
		{sp__server_keypkg_handlers, sp__server_keypkg_handler_count},
		{sp__server_room_handlers, sp__server_room_handler_count},
		{sp__server_inbox_handlers, sp__server_inbox_handler_count},
	};

	for (size_t i = 0; i < SP_ARRAY_LEN(families); i++)
		for (size_t j = 0; j < families[i].n; j++)
			server->handlers[families[i].handlers[j].type] = &families[i].handlers[j];
}

/* A type that is unknown, or not of this phase, is answered, not cut: so it may be as long as a message. */
uint32_t sp__dispatch_frame_max(const void *user, uint8_t kind, uint8_t type)
{
	const struct sp_server_session *s = user;
	const struct sp_server_handler *h = s->server->handlers[type];

	if (kind != SP_FRAME_REQUEST)
		return 0; /* a client only asks */
	return h && (h->phases & s->phase) ? sp_wire_type_find(type)->max_body : SP_LIMIT_CONTENT;
}

/* -- a request -------------------------------------------------------------------------------------------------------- */

static size_t aligned(size_t n)
{
	return (n + 15) & ~(size_t)15;
}

/* One block: the request, its decoded struct, its body. */
static struct sp_server_request *request_new(struct sp_server_session *s, const struct sp_server_handler *h, const struct sp_frame *frame)
{
	size_t decoded_n = h->request ? aligned(h->request()->size) : 0;
	size_t head_n = aligned(sizeof(struct sp_server_request));
	struct sp_server_request *req = sp_alloc(head_n + decoded_n + frame->body.n);
	uint8_t *body;

	if (!req)
		return NULL;
	body = (uint8_t *)req + head_n + decoded_n;
	sp_copy(body, frame->body.p, frame->body.n);
	req->server = s->server;
	req->handler = h;
	req->conn = sp_net_conn_id(s->conn);
	req->id = frame->id;
	req->who = s->who;
	req->from = *sp_net_conn_from(s->conn);
	req->now = sp__now();
	req->body = (struct sp_bytes){body, frame->body.n};
	req->decoded = (uint8_t *)req + head_n;
	sp_buf_init(&req->answer, SP_LIMIT_FRAME);
	atomic_fetch_add_explicit(&s->server->counts.in_flight, 1, memory_order_relaxed);
	return req;
}

void sp__request_free(struct sp_server_request *req)
{
	if (req->handler->clear)
		req->handler->clear(req);
	atomic_fetch_sub_explicit(&req->server->counts.in_flight, 1, memory_order_relaxed);
	sp_store_op_clear(&req->op);
	sp_buf_clear(&req->answer);
	sp_free(req);
}

static enum sp_err decode(struct sp_server_request *req)
{
	uint8_t *out = (uint8_t *)req + aligned(sizeof *req);

	if (!req->handler->request)
		return sp_wire_empty_decode(req->body);
	return sp_wire_layout_decode(req->handler->request(), out, req->body);
}

/* Every mutation's body begins with its reqno. */
static enum sp_err stamp(struct sp_server_request *req)
{
	struct sp_reader r = sp_reader_of(req->body);

	req->op.now = req->now;
	req->op.stamp.device = req->who.device;
	SP_TRY(sp_read_u64(&r, &req->op.stamp.reqno));
	if (req->op.stamp.reqno == 0)
		return SP_ERR_INVALID;
	return sp_sha256(&req->op.stamp.hash, req->body);
}

/* -- answering ----------------------------------------------------------------------------------------------------------- */

static enum sp_err send_error(struct sp_server_session *s, uint8_t type, uint32_t id, enum sp_err err, unsigned rule)
{
	struct sp_wire_response_head head = {.error = (uint16_t)sp_wire_error_of(err), .hint = sp_bytes_str(sp_err_text(err))};
	struct sp_buf out;
	enum sp_err sent;

	if (rule != 0) {
		head.error = SP_WIRE_ERROR_REFUSED;
		head.detail = (uint16_t)rule;
	}
	/* All failed proofs look alike (STYLE.md, "Errors"). */
	if (head.error == SP_WIRE_ERROR_DENIED)
		head.hint = sp_bytes_str(sp_err_text(SP_ERR_DENIED));
	atomic_fetch_add_explicit(&s->server->counts.errors, 1, memory_order_relaxed);
	sp_buf_init(&out, 512);
	sent = sp_wire_response_head_encode(&out, &head);
	if (sent == SP_OK)
		sent = sp_net_conn_send(s->conn, SP_FRAME_RESPONSE, type, id, sp_buf_bytes(&out), SP_BYTES_NONE);
	sp_buf_clear(&out);
	return sent;
}

enum sp_err sp__dispatch_refuse(struct sp_server_session *s, const struct sp_frame *frame, enum sp_err why)
{
	return send_error(s, frame->type, frame->id, why, 0);
}

static enum sp_err send_answer(struct sp_server_session *s, struct sp_server_request *req)
{
	static const uint8_t done[] = {0, 0, 0, 0, 0}; /* ResponseHead: error 0, detail 0, no hint */

	if (req->err == SP_OK && req->handler->settle)
		req->err = req->handler->settle(req, s);
	if (req->err != SP_OK)
		return send_error(s, req->handler->type, req->id, req->err, req->rule);
	if (req->handler->is_silent)
		return SP_OK;
	return sp_net_conn_send(s->conn, SP_FRAME_RESPONSE, req->handler->type, req->id, SP_BYTES_OF(done), sp_buf_bytes(&req->answer));
}

static bool is_slow(const struct sp_server_request *req)
{
	return req->lane == SP_SERVER_POOL || req->lane == SP_SERVER_ROOM || req->lane == SP_SERVER_KEEPER;
}

static bool is_full(const struct sp_server_session *s)
{
	return s->in_flight >= SP_LIMIT_REQUESTS || s->in_flight_bytes > SP_LIMIT_REQUEST_CREDIT || s->in_flight_slow >= SLOW_MAX;
}

static void enter(struct sp_server_session *s, const struct sp_server_request *req)
{
	s->in_flight++;
	s->in_flight_bytes += req->body.n;
	s->in_flight_slow += is_slow(req);
	if (is_full(s))
		sp_net_conn_pause(s->conn, true);
}

static void leave(struct sp_server_session *s, const struct sp_server_request *req)
{
	s->in_flight--;
	s->in_flight_bytes -= req->body.n;
	s->in_flight_slow -= is_slow(req);
	if (!is_full(s))
		sp_net_conn_pause(s->conn, false);
}

void sp__request_answer(struct sp_server_request *req, struct sp_net_reactor *reactor)
{
	struct sp_net_conn *conn = sp_net_conn_find(reactor, req->conn);
	struct sp_server_session *s = conn ? sp_net_conn_user(conn) : NULL;

	if (s) {
		leave(s, req);
		if (send_answer(s, req) == SP_OK && req->closes)
			sp_net_conn_close(conn, SP_OK);
	}
	sp__request_free(req);
}

/* -- between the threads --------------------------------------------------------------------------------------------------- */

static void answer_task(struct sp_net_task *task, struct sp_net_reactor *reactor)
{
	sp__request_answer((struct sp_server_request *)task, reactor);
}

void sp__request_finish(struct sp_server_request *req)
{
	struct sp_server *server = req->server;
	struct sp_id16 room;

	if (req->has_room) {
		req->handler->room(req, &room);
		req->has_room = false;
		sp__pool_room_release(server->pool, &room);
	}
	req->task.run = answer_task;
	if (sp_net_task_post(server->net, sp_net_conn_id_reactor(req->conn), &req->task) != SP_OK)
		sp__request_free(req);
}

void sp__request_judged(struct sp_server_request *req, enum sp_err err)
{
	req->err = err;
	if (err == SP_OK && req->has_op)
		sp__writer_put(req->server->writer, req);
	else
		sp__request_finish(req);
}

static enum sp_err judge(struct sp_server_request *req)
{
	return req->handler->judge ? req->handler->judge(req) : SP_OK;
}

/* A mutation that was answered before is answered the same, before any work is spent on it. SP_ERR_NOT_FOUND: it is new. */
static enum sp_err find_answered(struct sp_server_request *req)
{
	struct sp_store_op before = {.verb = req->op.verb};

	SP_TRY(sp_store_reqno_find(req->server->store, &req->op.stamp, &before));
	before.stamp = req->op.stamp;
	req->op = before;
	return req->handler->done ? req->handler->done(req) : SP_OK;
}

void sp__request_run(struct sp_server_request *req)
{
	enum sp_err err = req->handler->is_mutation ? find_answered(req) : SP_ERR_NOT_FOUND;

	if (err == SP_ERR_NOT_FOUND && !req->op.replayed) {
		sp__request_judged(req, judge(req));
		return;
	}
	req->err = err;
	sp__request_finish(req);
}

static void run_on_reactor(struct sp_server_session *s, struct sp_server_request *req)
{
	enum sp_err err = judge(req);

	if (err == SP_OK && req->has_op) {
		sp__writer_put(req->server->writer, req);
		return;
	}
	req->err = err;
	sp__request_answer(req, sp_net_conn_reactor(s->conn));
}

static void route(struct sp_server_session *s, struct sp_server_request *req)
{
	switch (req->lane) {
	case SP_SERVER_REACTOR:
	case SP_SERVER_WRITER:
		run_on_reactor(s, req);
		return;
	case SP_SERVER_POOL:
		sp__pool_request(s->server->pool, req);
		return;
	case SP_SERVER_ROOM:
		sp__pool_room_request(s->server->pool, req);
		return;
	case SP_SERVER_KEEPER:
		sp__keeper_request(s->server->keeper, req);
		return;
	}
}

/* -- from the frame ----------------------------------------------------------------------------------------------------------- */

/* One connection's mutations: RATE_BURST seconds' worth at once, then the rate (ATTACKS.md N07). */
static bool has_allowance(struct sp_server_session *s)
{
	int64_t rate = s->server->config.account_rate ? s->server->config.account_rate : RATE_DEFAULT;
	int64_t now = sp__now().ms;
	int64_t passed = SP_MIN(SP_MAX(now - s->allowance_ms, (int64_t)0), (int64_t)RATE_BURST * 1000);

	s->allowance_ms = now;
	s->allowance = SP_MIN(s->allowance + passed * rate, rate * RATE_BURST * 1000);
	if (s->allowance < 1000)
		return false;
	s->allowance -= 1000;
	return true;
}

static enum sp_err malformed(struct sp_server_session *s, const struct sp_frame *frame, enum sp_err why)
{
	atomic_fetch_add_explicit(&s->server->counts.malformed, 1, memory_order_relaxed);
	SP__LOG(s->server, SP__EVENT_MALFORMED, SP__F_STR("from", sp_net_conn_from(s->conn)->text), SP__F_NUM("type", frame->type), SP__F_ERR("why", why));
	sp__session_closing(s, SP_WIRE_CLOSING_PROTOCOL);
	return why;
}

static enum sp_err take(struct sp_server_session *s, const struct sp_server_handler *h, const struct sp_frame *frame)
{
	struct sp_server_request *req = request_new(s, h, frame);
	enum sp_err err;

	if (!req)
		return sp__dispatch_refuse(s, frame, SP_ERR_BUSY);
	err = decode(req);
	if (err == SP_OK && h->is_mutation)
		err = stamp(req);
	if (err != SP_OK) {
		sp__request_free(req);
		return malformed(s, frame, err);
	}
	req->lane = h->lane_of ? h->lane_of(req) : h->lane;
	enter(s, req);
	route(s, req);
	return SP_OK;
}

enum sp_err sp__dispatch_frame(struct sp_server_session *s, const struct sp_frame *frame)
{
	const struct sp_server_handler *h = s->server->handlers[frame->type];

	s->frames++;
	atomic_fetch_add_explicit(&s->server->counts.requests, 1, memory_order_relaxed);
	if (frame->kind != SP_FRAME_REQUEST)
		return malformed(s, frame, SP_ERR_ENCODING);
	if (!h || !(h->phases & s->phase))
		return sp__dispatch_refuse(s, frame, SP_ERR_UNSUPPORTED);
	if (h->is_mutation && frame->body.n > SP_LIMIT_FRAME - FRAME_MARGIN)
		return sp__dispatch_refuse(s, frame, SP_ERR_TOO_LONG);
	if (h->is_mutation && !has_allowance(s))
		return sp__dispatch_refuse(s, frame, SP_ERR_RATE);
	if (atomic_load_explicit(&s->server->is_stopping, memory_order_relaxed))
		return sp__dispatch_refuse(s, frame, SP_ERR_BUSY);
	return take(s, h, frame);
}
