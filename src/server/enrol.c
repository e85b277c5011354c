/* SPDX-License-Identifier: Apache-2.0
 *
 * enrol, renew, invite, crl: what the keeper decides and we record. The keeper judges token, CSR and signature for itself; nothing that we say
 * makes a certificate.
 */
#include "pki/device_list.h"
#include "server/core_priv.h"
#include "wire/enrol.h"
#include "wire/keeper_msg.h"

#define COST_DENIED 20 /* attempts that a wrong token or CSR costs its source */
#define OPEN_TOKEN "open"

/* What a question to the keeper needs; freed by clear. */
struct exchange {
	struct sp_buf token, certificate, question, answer;
};

static enum sp_err exchange_new(struct sp_server_request *req)
{
	struct exchange *x = sp_alloc(sizeof *x);

	if (!x)
		return SP_ERR_NOMEM;
	sp_buf_init(&x->token, SP_WIRE_KEEPER_TOKEN);
	sp_buf_init(&x->certificate, SP_LIMIT_CERT);
	sp_buf_init(&x->question, SP_WIRE_KEEPER_REQUEST_MAX);
	sp_buf_init(&x->answer, SP_WIRE_KEEPER_RESPONSE_MAX);
	req->state = x;
	return SP_OK;
}

static void exchange_clear(struct sp_server_request *req)
{
	struct exchange *x = req->state;

	if (!x)
		return;
	sp_buf_clear(&x->token);
	sp_buf_clear(&x->certificate);
	sp_buf_clear(&x->question);
	sp_buf_clear(&x->answer);
	sp_free(x);
	req->state = NULL;
}

static enum sp_err ask(struct sp_server_request *req, uint8_t type)
{
	struct exchange *x = req->state;

	return sp__keeper_ask(req->server->keeper, type, sp_buf_bytes(&x->question), &x->answer);
}

/* A refusal is logged; guesses cost the source its allowance. */
static enum sp_err denied(struct sp_server_request *req, const char *what, enum sp_err err)
{
	if (err == SP_OK)
		return SP_OK;
	SP__LOG(req->server, SP__EVENT_DENIED, SP__F_STR("from", req->from.text), SP__F_STR("what", what), SP__F_ERR("why", err));
	if (sp_err_class(err) == SP_CLASS_AUTH || sp_err_class(err) == SP_CLASS_INPUT)
		sp_net_source_charge(req->server->net, &req->from, COST_DENIED);
	return err;
}

/* Several changes that belong together; the first error of its own is returned. */
static enum sp_err apply(struct sp_server *server, struct sp_store_op *const *ops, size_t n)
{
	enum sp_err err = sp_store_apply(server->store, ops, n);

	if (err != SP_OK && err != SP_ERR_DISK_FULL)
		sp__server_fatal(server, err);
	return err;
}

/* -- enrol -------------------------------------------------------------------------------------------------------------- */

static enum sp_err decode_token(struct exchange *x, struct sp_bytes text)
{
	if (sp_bytes_equal(text, SP_BYTES_LIT(OPEN_TOKEN)))
		return SP_OK;
	if (sp_base32_decode(&x->token, text) != SP_OK || x->token.n != SP_WIRE_KEEPER_TOKEN)
		return SP_ERR_TOKEN;
	return SP_OK;
}

static enum sp_err ask_enrol(struct sp_server_request *req, struct sp_wire_keeper_enrol_response *out)
{
	const struct sp_wire_enrol_request *wire = req->decoded;
	struct exchange *x = req->state;
	struct sp_wire_keeper_enrol_request question = {.name = wire->name, .csr = wire->csr, .device_list = wire->device_list};

	SP_TRY(decode_token(x, wire->token));
	question.token = sp_buf_bytes(&x->token);
	SP_TRY(sp_wire_keeper_enrol_request_encode(&x->question, &question));
	SP_TRY(ask(req, SP_WIRE_KEEPER_ENROL));
	return sp_wire_keeper_enrol_response_decode(out, sp_buf_bytes(&x->answer));
}

/* Account, device list and device, in one batch. A client that was killed in between asks again and finds them: that is no error. */
static enum sp_err record(struct sp_server_request *req, const struct sp_wire_keeper_enrol_response *enrolled, const struct sp_pki_identity *id)
{
	const struct sp_wire_enrol_request *wire = req->decoded;
	struct sp_store_op account = {.verb = SP_STORE_ACCOUNT_PUT, .now = req->now};
	struct sp_store_op list = {.verb = SP_STORE_DEVICE_LIST_PUT, .now = req->now};
	struct sp_store_op device = {.verb = SP_STORE_DEVICE_PUT, .now = req->now};
	struct sp_store_op *const ops[] = {&account, &list, &device};

	account.u.account_put.account = (struct sp_store_account){
		.id = enrolled->account_id, .address = enrolled->address, .flags = enrolled->admin ? SP_STORE_ACCOUNT_ADMIN : 0};
	list.u.device_list_put = (struct sp_store_device_list_put){.account = enrolled->account_id, .version = 1, .body = wire->device_list};
	device.u.device_put.device = (struct sp_store_device){
		.id = id->device_id, .account = enrolled->account_id, .spki = id->spki_hash, .cert = enrolled->certificate};
	SP_TRY(apply(req->server, ops, SP_ARRAY_LEN(ops)));
	SP_TRY(account.err);
	if (list.err != SP_ERR_EXISTS)
		SP_TRY(list.err);
	SP_TRY(device.err);
	sp_server_publish_directory(req->server, device.seq);
	return SP_OK;
}

static enum sp_err answer_enrol(struct sp_server_request *req, const struct sp_wire_keeper_enrol_response *enrolled)
{
	struct sp_wire_enrol_response answer = {
		.certificate = enrolled->certificate,
		.issuing = sp_buf_bytes(&req->server->identity.issuing),
		.account_id = enrolled->account_id,
		.address = enrolled->address,
		.admin = enrolled->admin,
	};

	return sp_wire_enrol_response_encode(&req->answer, &answer);
}

static enum sp_err judge_enrol(struct sp_server_request *req)
{
	struct sp_wire_keeper_enrol_response enrolled;
	struct sp_pki_claim claim;

	SP_TRY(exchange_new(req));
	SP_TRY(denied(req, "enrol", ask_enrol(req, &enrolled)));
	SP_TRY(sp_pki_claim_decode(&claim, enrolled.certificate)); /* the keeper's own; its bytes are read, not judged */
	SP_TRY(record(req, &enrolled, &claim.unverified));
	SP__LOG(req->server, SP__EVENT_ENROLLED, SP__F_STR("from", req->from.text), SP__F_ID("account", &enrolled.account_id),
		{"address", enrolled.address}, SP__F_ID("device", &claim.unverified.device_id));
	return answer_enrol(req, &enrolled);
}

/* -- renew ---------------------------------------------------------------------------------------------------------------- */

static enum sp_err take_certificate(void *ctx, const struct sp_store_device *device)
{
	struct exchange *x = ctx;

	return sp_buf_append(&x->certificate, device->cert);
}

/* The caller's certificate as we store it; TLS has shown that it holds the key. */
static enum sp_err own_certificate(struct sp_server_request *req)
{
	return sp_store_device_get(req->server->store, &req->who.device, take_certificate, req->state);
}

static enum sp_err ask_renew(struct sp_server_request *req, struct sp_wire_keeper_certificate_response *out)
{
	const struct sp_wire_renew_request *wire = req->decoded;
	struct exchange *x = req->state;
	struct sp_wire_keeper_renew_request question = {.csr = wire->csr};

	SP_TRY(own_certificate(req));
	question.certificate = sp_buf_bytes(&x->certificate);
	SP_TRY(sp_wire_keeper_renew_request_encode(&x->question, &question));
	SP_TRY(ask(req, SP_WIRE_KEEPER_RENEW));
	return sp_wire_keeper_certificate_response_decode(out, sp_buf_bytes(&x->answer));
}

static enum sp_err record_certificate(struct sp_server_request *req, struct sp_bytes certificate)
{
	struct sp_store_op device = {.verb = SP_STORE_DEVICE_PUT, .now = req->now};
	struct sp_store_op *const ops[] = {&device};
	struct sp_pki_claim claim;

	SP_TRY(sp_pki_claim_decode(&claim, certificate));
	device.u.device_put.device = (struct sp_store_device){
		.id = req->who.device, .account = req->who.account, .spki = claim.unverified.spki_hash, .cert = certificate};
	SP_TRY(apply(req->server, ops, SP_ARRAY_LEN(ops)));
	SP_TRY(device.err);
	sp_server_publish_directory(req->server, device.seq);
	return SP_OK;
}

static enum sp_err judge_renew(struct sp_server_request *req)
{
	struct sp_wire_keeper_certificate_response renewed;
	struct sp_wire_renew_response answer;

	SP_TRY(exchange_new(req));
	SP_TRY(denied(req, "renew", ask_renew(req, &renewed)));
	SP_TRY(record_certificate(req, renewed.certificate));
	SP__LOG(req->server, SP__EVENT_RENEWED, SP__F_ID("account", &req->who.account), SP__F_ID("device", &req->who.device));
	answer.certificate = renewed.certificate;
	return sp_wire_renew_response_encode(&req->answer, &answer);
}

/* -- invite ------------------------------------------------------------------------------------------------------------------ */

static enum sp_err ask_invite(struct sp_server_request *req, struct sp_wire_keeper_invite_response *out)
{
	const struct sp_wire_invite_request *wire = req->decoded;
	struct exchange *x = req->state;
	struct sp_wire_keeper_invite_request question = {.invitation = wire->invitation, .signature = wire->signature};

	SP_TRY(own_certificate(req));
	question.certificate = sp_buf_bytes(&x->certificate);
	SP_TRY(sp_wire_keeper_invite_request_encode(&x->question, &question));
	SP_TRY(ask(req, SP_WIRE_KEEPER_INVITE));
	return sp_wire_keeper_invite_response_decode(out, sp_buf_bytes(&x->answer));
}

/* sealpost://HOST:PORT/FINGERPRINT/TOKEN */
static enum sp_err write_link(struct sp_server *server, struct sp_buf *out, struct sp_bytes token_text)
{
	const char *host = server->config.public_host ? server->config.public_host : sp_net_server_address(server->net)->text;

	SP_TRY(sp_buf_append(out, SP_BYTES_LIT("sealpost://")));
	SP_TRY(sp_buf_append(out, sp_bytes_str(host)));
	SP_TRY(sp_buf_append(out, SP_BYTES_LIT("/")));
	SP_TRY(sp_base32_encode(out, sp_hash32_bytes(&server->identity.fingerprint)));
	SP_TRY(sp_buf_append(out, SP_BYTES_LIT("/")));
	return sp_buf_append(out, token_text);
}

static enum sp_err answer_invite(struct sp_server_request *req, struct sp_bytes token)
{
	struct exchange *x = req->state;
	struct sp_wire_invite_response answer;

	sp_buf_clear(&x->question); /* both are spent: they hold the answer's texts now */
	sp_buf_clear(&x->certificate);
	SP_TRY(sp_base32_encode(&x->question, token));
	answer.token = sp_buf_bytes(&x->question);
	SP_TRY(write_link(req->server, &x->certificate, answer.token));
	answer.link = sp_buf_bytes(&x->certificate);
	return sp_wire_invite_response_encode(&req->answer, &answer);
}

static enum sp_err judge_invite(struct sp_server_request *req)
{
	struct sp_wire_keeper_invite_response invited;

	SP_TRY(exchange_new(req));
	SP_TRY(denied(req, "invite", ask_invite(req, &invited)));
	SP__LOG(req->server, SP__EVENT_INVITED, SP__F_ID("account", &req->who.account));
	return answer_invite(req, invited.token);
}

/* -- crl ------------------------------------------------------------------------------------------------------------------------ */

static enum sp_err judge_crl(struct sp_server_request *req)
{
	struct sp_wire_crl_response answer;
	struct sp_buf crl;
	enum sp_err err;

	sp_buf_init(&crl, SP_LIMIT_CRL);
	err = sp__identity_crl_copy(req->server, &crl);
	answer.crl = sp_buf_bytes(&crl);
	if (err == SP_OK)
		err = sp_wire_crl_response_encode(&req->answer, &answer);
	sp_buf_clear(&crl);
	return err;
}

#define ANY (SP_SERVER_ANON | SP_SERVER_NEW | SP_SERVER_DEVICE)

const struct sp_server_handler sp__server_enrol_handlers[] = {
	{.type = SP_WIRE_ENROL, .phases = SP_SERVER_ANON, .lane = SP_SERVER_KEEPER, .request = sp_wire_enrol_request_layout, .judge = judge_enrol,
	 .clear = exchange_clear},
	{.type = SP_WIRE_RENEW, .phases = SP_SERVER_DEVICE, .lane = SP_SERVER_KEEPER, .request = sp_wire_renew_request_layout, .judge = judge_renew,
	 .clear = exchange_clear},
	{.type = SP_WIRE_INVITE, .phases = SP_SERVER_DEVICE, .lane = SP_SERVER_KEEPER, .request = sp_wire_invite_request_layout, .judge = judge_invite,
	 .clear = exchange_clear},
	{.type = SP_WIRE_CRL, .phases = ANY, .lane = SP_SERVER_POOL, .judge = judge_crl},
};
const size_t sp__server_enrol_handler_count = SP_ARRAY_LEN(sp__server_enrol_handlers);
