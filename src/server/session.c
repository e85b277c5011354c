/* SPDX-License-Identifier: Apache-2.0
 *
 * A connection's session: opened, known by hello, ended. Also ping and org_info.
 */
#include "pki/device_list.h"
#include "server/core_priv.h"
#include "wire/enrol.h"

#define NEWCOMER_IDLE_MS 100000 /* somebody may be choosing a passphrase */
#define ALLOWANCE_FIRST 2000 /* mutations at once after connecting; then dispatch.c's rate */
#define VERSION_TEXT "sealpostd 0.1.0"

/* -- net's callbacks ------------------------------------------------------------------------------------------------- */

static const char *kind_text(const struct sp_server_session *s)
{
	return s->phase == SP_SERVER_ANON ? "newcomer" : "device";
}

static enum sp_err on_open(void *ctx, struct sp_net_conn *conn, void *peer, void **out_user)
{
	struct sp_server *server = ctx;
	struct sp__peer *known = peer;
	struct sp_server_session *s = sp_alloc(sizeof *s);

	if (s) {
		s->server = server;
		s->conn = conn;
		s->shard = &server->shards[sp_net_reactor_index(sp_net_conn_reactor(conn))];
		s->opened_ms = s->allowance_ms = sp__now().ms;
		s->allowance = ALLOWANCE_FIRST * 1000;
		s->credit = SP_LIMIT_EVENT_CREDIT;
		s->phase = known ? SP_SERVER_NEW : SP_SERVER_ANON;
		if (known) {
			s->who = known->who;
			s->serial = known->serial;
		}
		SP__LOG(server, SP__EVENT_OPEN, SP__F_STR("from", sp_net_conn_from(conn)->text), SP__F_STR("kind", kind_text(s)));
	}
	sp_free(known);
	*out_user = s;
	return s ? SP_OK : SP_ERR_NOMEM;
}

static enum sp_err on_frame(void *ctx, struct sp_net_conn *conn, const struct sp_frame *frame)
{
	struct sp_server_session *s = sp_net_conn_user(conn);

	if (s->phase == SP_SERVER_ANON)
		sp_net_conn_accept(conn, NEWCOMER_IDLE_MS);
	return sp__dispatch_frame(s, frame);
}

static void on_oversize(void *ctx, struct sp_net_conn *conn, const struct sp_frame *header)
{
	struct sp_server_session *s = sp_net_conn_user(conn);

	SP__LOG(s->server, SP__EVENT_MALFORMED, SP__F_STR("from", sp_net_conn_from(conn)->text), SP__F_NUM("type", header->type),
		SP__F_ERR("why", SP_ERR_TOO_LONG));
	if (sp__dispatch_refuse(s, header, SP_ERR_TOO_LONG) == SP_OK)
		sp__session_closing(s, SP_WIRE_CLOSING_PROTOCOL);
}

static void on_drain(void *ctx, struct sp_net_conn *conn)
{
	sp__subscriptions_resume(sp_net_conn_user(conn));
}

/* How it ended, in a word. */
static const char *ending(const struct sp_server_session *s, enum sp_err why)
{
	if (s->reason == SP_WIRE_CLOSING_SHUTDOWN)
		return "shutdown";
	if (s->reason == SP_WIRE_CLOSING_REVOKED)
		return "withdrawn";
	if (s->reason == SP_WIRE_CLOSING_PROTOCOL)
		return "malformed";
	if (why == SP_ERR_CLOSED)
		return "closed";
	if (why == SP_ERR_TIMEOUT)
		return "timeout";
	if (why == SP_ERR_QUOTA)
		return "slow";
	if (why == SP_ERR_MAC)
		return "tampered";
	return why == SP_OK ? "refused" : "cut";
}

static void on_close(void *ctx, struct sp_net_conn *conn, enum sp_err why)
{
	struct sp_server_session *s = sp_net_conn_user(conn);

	sp__unsubscribe_all(s);
	if (s->is_counted)
		sp__online_remove(s->server->online, &s->who.account);
	SP__LOG(s->server, SP__EVENT_CLOSE, SP__F_STR("from", sp_net_conn_from(conn)->text), SP__F_STR("kind", kind_text(s)),
		SP__F_ID("account", &s->who.account), SP__F_STR("how", ending(s, why)), SP__F_NUM("ms", (uint64_t)(sp__now().ms - s->opened_ms)),
		SP__F_NUM("frames", s->frames));
	sp_free(s);
}

static void on_refused(void *ctx, const struct sp_net_from *from, enum sp_err why)
{
	struct sp_server *server = ctx;

	SP__LOG(server, SP__EVENT_REFUSED, SP__F_STR("from", from->text), SP__F_ERR("why", why));
}

static void peer_free(void *ctx, void *peer)
{
	sp_free(peer);
}

void sp__session_calls(struct sp_net_server_calls *out)
{
	*out = (struct sp_net_server_calls){
		.verify = sp__identity_verify,
		.peer_free = peer_free,
		.on_refused = on_refused,
		.on_open = on_open,
		.on_frame = on_frame,
		.on_oversize = on_oversize,
		.on_drain = on_drain,
		.on_close = on_close,
		.frame_max = sp__dispatch_frame_max,
	};
}

void sp__session_event(struct sp_server_session *s, uint8_t type, struct sp_bytes body)
{
	enum sp_err err = sp_net_conn_send(s->conn, SP_FRAME_EVENT, type, 0, body, SP_BYTES_NONE);

	(void)err; /* a failure cuts the connection, which is all there is to do */
}

void sp__session_closing(struct sp_server_session *s, enum sp_wire_closing_reason reason)
{
	uint8_t body[1] = {(uint8_t)reason};

	if (s->reason != 0)
		return;
	s->reason = reason;
	sp__session_event(s, SP_WIRE_CLOSING, SP_BYTES_OF(body));
}

/* -- all sessions ------------------------------------------------------------------------------------------------------- */

struct everyone {
	struct sp_net_task task;
	sp__session_fn *call;
	size_t arg_n;
	uint8_t arg[];
};

static void call_one(void *ctx, struct sp_net_conn *conn)
{
	const struct everyone *e = ctx;

	e->call(sp_net_conn_user(conn), e->arg);
}

static void everyone_run(struct sp_net_task *task, struct sp_net_reactor *reactor)
{
	struct everyone *e = (struct everyone *)task;

	sp_net_reactor_each(reactor, call_one, e);
	sp_free(e);
}

void sp__sessions_each(struct sp_server *server, sp__session_fn *call, const void *arg, size_t arg_n)
{
	for (unsigned i = 0; i < server->reactors; i++) {
		struct everyone *e = sp_alloc(sizeof *e + arg_n);

		if (!e)
			return;
		e->task.run = everyone_run;
		e->call = call;
		sp_copy(e->arg, arg, arg_n);
		if (sp_net_task_post(server->net, i, &e->task) != SP_OK)
			sp_free(e);
	}
}

struct drop {
	struct sp_id16 account, device;
};

static void drop_one(struct sp_server_session *s, const void *arg)
{
	const struct drop *drop = arg;

	if (s->phase == SP_SERVER_ANON)
		return;
	if (!sp_id16_equal(&s->who.account, &drop->account) && !sp_id16_equal(&s->who.device, &drop->device))
		return;
	sp__session_closing(s, SP_WIRE_CLOSING_REVOKED);
	sp_net_conn_close(s->conn, SP_OK);
}

void sp_server_drop(struct sp_server *server, const struct sp_id16 *account, const struct sp_id16 *device)
{
	struct drop drop = {*account, *device};

	sp__sessions_each(server, drop_one, &drop, sizeof drop);
}

static void tell_directory(struct sp_server_session *s, const void *arg)
{
	if (s->phase == SP_SERVER_DEVICE)
		sp__session_event(s, SP_WIRE_DIRECTORY_CHANGED, (struct sp_bytes){arg, 8});
}

void sp_server_publish_directory(struct sp_server *server, uint64_t version)
{
	uint8_t body[8];

	for (size_t i = 0; i < sizeof body; i++)
		body[i] = (uint8_t)(version >> (56 - 8 * i));
	atomic_store(&server->directory_version, version);
	sp__sessions_each(server, tell_directory, body, sizeof body);
}

/* -- hello -------------------------------------------------------------------------------------------------------------- */

struct hello_state {
	struct sp_hash32 spki; /* of the device as stored */
	struct sp_id16 account;
	uint32_t list_version;
	uint8_t flags;
	bool is_entitled;
};

static enum sp_err take_device(void *ctx, const struct sp_store_device *device)
{
	struct hello_state *h = ctx;

	h->spki = device->spki;
	h->account = device->account;
	return SP_OK;
}

static enum sp_err take_account(void *ctx, const struct sp_store_account *account)
{
	struct hello_state *h = ctx;

	h->flags = account->flags;
	h->list_version = account->list_version;
	return SP_OK;
}

static enum sp_err take_list(void *ctx, uint32_t version, struct sp_bytes body)
{
	struct hello_state *h = ctx;
	struct sp_signed_device_list list;

	h->is_entitled = false;
	SP_TRY(sp_device_list_decode(&list, body));
	for (size_t i = 0; i < list.list.devices_n; i++)
		if (sp_hash32_equal(&list.list.devices[i].spki_hash, &h->spki))
			h->is_entitled = true;
	return SP_OK;
}

/* A valid certificate is not enough: the device must stand in the newest list of an account that is not disabled. */
static enum sp_err entitle(struct sp_server_request *req)
{
	struct sp_store *store = req->server->store;
	struct hello_state h = {0};
	enum sp_err err = sp_store_device_get(store, &req->who.device, take_device, &h);

	if (err == SP_ERR_NOT_FOUND)
		return SP_ERR_DENIED;
	SP_TRY(err);
	SP_TRY(sp_store_account_get(store, &req->who.account, take_account, &h));
	SP_TRY(sp_store_device_list_each(store, &req->who.account, SP_MAX(h.list_version, 1u), take_list, &h));
	if (!sp_id16_equal(&h.account, &req->who.account) || !h.is_entitled || (h.flags & SP_STORE_ACCOUNT_DISABLED))
		return SP_ERR_DENIED;
	req->who.is_admin = (h.flags & SP_STORE_ACCOUNT_ADMIN) != 0;
	return SP_OK;
}

static enum sp_err judge_hello(struct sp_server_request *req)
{
	struct sp_server *server = req->server;
	struct sp_wire_hello_response answer = {
		.server = SP_BYTES_LIT(VERSION_TEXT),
		.org = sp_bytes_str(server->config.org),
		.time_ms = (uint64_t)sp__now().ms,
		.account_id = req->who.account,
		.device_id = req->who.device,
		.crl_number = sp_server_crl_number(server),
		.limit_content = SP_LIMIT_CONTENT,
		.limit_handshake = SP_LIMIT_HANDSHAKE,
		.limit_frame = SP_LIMIT_FRAME,
		.credit = SP_LIMIT_EVENT_CREDIT,
	};

	req->closes = true; /* unless all goes well */
	SP_TRY(entitle(req));
	SP_TRY(sp_store_reqno_high(server->store, &req->who.device, &answer.reqno_high));
	SP_TRY(sp_store_directory_version(server->store, &answer.directory_version));
	answer.admin = req->who.is_admin;
	SP_TRY(sp_wire_hello_response_encode(&req->answer, &answer));
	req->closes = false;
	return SP_OK;
}

static enum sp_err settle_hello(struct sp_server_request *req, struct sp_server_session *s)
{
	const struct sp_wire_hello_request *hello = req->decoded;

	if (s->phase != SP_SERVER_NEW)
		return SP_ERR_STATE; /* two hellos at once */
	req->closes = true;
	SP_TRY(sp__online_add(s->server->online, &s->who.account));
	req->closes = false;
	s->is_counted = true;
	s->who.is_admin = req->who.is_admin;
	s->phase = SP_SERVER_DEVICE;
	sp_net_conn_accept(s->conn, 0);
	atomic_fetch_add_explicit(&s->server->counts.logins, 1, memory_order_relaxed);
	SP__LOG(s->server, SP__EVENT_LOGIN, SP__F_STR("from", req->from.text), SP__F_ID("account", &s->who.account), SP__F_ID("device", &s->who.device),
		{"client", hello->client});
	return SP_OK;
}

/* -- ping, org_info ------------------------------------------------------------------------------------------------------ */

static enum sp_err judge_ping(struct sp_server_request *req)
{
	struct sp_wire_ping_response answer = {.time_ms = (uint64_t)req->now.ms};

	return sp_wire_ping_response_encode(&req->answer, &answer);
}

static enum sp_err encode_org(struct sp_server_request *req, struct sp_bytes crl)
{
	struct sp_server *server = req->server;
	struct sp_wire_org_info_response answer = {
		.org = sp_bytes_str(server->config.org),
		.registration = server->config.is_open ? SP_WIRE_REGISTRATION_OPEN : SP_WIRE_REGISTRATION_INVITE,
		.root = sp_buf_bytes(&server->identity.root),
		.issuing = sp_buf_bytes(&server->identity.issuing),
		.crl = crl,
	};

	return sp_wire_org_info_response_encode(&req->answer, &answer);
}

static enum sp_err judge_org_info(struct sp_server_request *req)
{
	struct sp_buf crl;
	enum sp_err err;

	sp_buf_init(&crl, SP_LIMIT_CRL);
	err = sp__identity_crl_copy(req->server, &crl);
	if (err == SP_OK)
		err = encode_org(req, sp_buf_bytes(&crl));
	sp_buf_clear(&crl);
	return err;
}

#define ANY (SP_SERVER_ANON | SP_SERVER_NEW | SP_SERVER_DEVICE)

const struct sp_server_handler sp__server_session_handlers[] = {
	{.type = SP_WIRE_HELLO, .phases = SP_SERVER_NEW, .lane = SP_SERVER_POOL, .request = sp_wire_hello_request_layout, .judge = judge_hello,
	 .settle = settle_hello},
	{.type = SP_WIRE_PING, .phases = ANY, .lane = SP_SERVER_REACTOR, .judge = judge_ping},
	{.type = SP_WIRE_ORG_INFO, .phases = ANY, .lane = SP_SERVER_POOL, .judge = judge_org_info},
};
const size_t sp__server_session_handler_count = SP_ARRAY_LEN(sp__server_session_handlers);
