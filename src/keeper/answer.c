/* SPDX-License-Identifier: Apache-2.0
 *
 * From a frame to its answer: the table of what front may ask and when, the rate, the record of what was refused.
 * Front is not trusted: it is the process that the network can reach.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "keeper/keeper_priv.h"
#include "wire/response.h"

#define RATE_PER_SECOND 50
#define BURST 200
#define REFUSALS_AN_HOUR 120u /* written into the ledger; the log has them all */

static enum sp_err do_serve(struct sp_keeper *k, struct sp_buf *out, struct sp_bytes body, struct sp_time now, const char **out_hint)
{
	return sp_wire_empty_decode(body); /* the phase changes when it is answered */
}

static const struct request {
	uint8_t type;
	unsigned phases;
	sp__keeper_handler *handle;
	const char *name;
} requests[] = {
	{SP_WIRE_KEEPER_ENROL, SP_WIRE_KEEPER_SERVING, sp__keeper_do_enrol, "enrol"},
	{SP_WIRE_KEEPER_RENEW, SP_WIRE_KEEPER_SERVING, sp__keeper_do_renew, "renew"},
	{SP_WIRE_KEEPER_INVITE, SP_WIRE_KEEPER_SERVING, sp__keeper_do_invite, "invite"},
	{SP_WIRE_KEEPER_SERVER_CERTIFICATE, SP_WIRE_KEEPER_STARTING | SP_WIRE_KEEPER_SERVING, sp__keeper_do_server_certificate, "server_certificate"},
	{SP_WIRE_KEEPER_CRL, SP_WIRE_KEEPER_STARTING | SP_WIRE_KEEPER_SERVING, sp__keeper_do_crl, "crl"},
	{SP_WIRE_KEEPER_ACCOUNTS, SP_WIRE_KEEPER_STARTING | SP_WIRE_KEEPER_SERVING, sp__keeper_do_accounts, "accounts"},
	{SP_WIRE_KEEPER_SERVE, SP_WIRE_KEEPER_STARTING, do_serve, "serve"},
};

static const struct request *find(uint8_t type)
{
	for (size_t i = 0; i < SP_ARRAY_LEN(requests); i++)
		if (requests[i].type == type)
			return &requests[i];
	return NULL;
}

void sp_keeper_session_init(struct sp_keeper_session *session, struct sp_time now)
{
	*session = (struct sp_keeper_session){.phase = SP_WIRE_KEEPER_STARTING, .credit = BURST * 1000, .refilled = now};
}

static enum sp_err take_credit(struct sp_keeper_session *s, struct sp_time now)
{
	int64_t passed = now.ms - s->refilled.ms;
	passed = passed < 0 ? 0 : SP_MIN(passed, 60000);
	s->credit = SP_MIN(s->credit + passed * RATE_PER_SECOND, (int64_t)BURST * 1000);
	s->refilled = now;
	if (s->credit < 1000)
		return SP_ERR_RATE;
	s->credit -= 1000;
	return SP_OK;
}

bool sp__keeper_err_is_final(enum sp_err e)
{
	enum sp_err_class class = sp_err_class(e);
	return (class == SP_CLASS_IO && e != SP_ERR_DISK_FULL) || class == SP_CLASS_NOMEM || class == SP_CLASS_BUG || class == SP_CLASS_USAGE;
}

void sp__keeper_log(const struct sp_keeper *k, const char *text)
{
	char line[256];
	if (k->log_fd < 0)
		return;
	int n = snprintf(line, sizeof line, "keeper: %s\n", text);
	while (n > 0 && write(k->log_fd, line, SP_MIN((size_t)n, sizeof line - 1)) < 0 && errno == EINTR) {
	}
}

/* The ledger shows attempts (ATTACKS D05), but a flood of them may not fill the disk. Not durable: nothing leaves. */
static enum sp_err record_refusal(struct sp_keeper *k, const struct sp_frame *request, enum sp_err why, struct sp_time now)
{
	const struct request *known = find(request->type);
	char text[128];
	snprintf(text, sizeof text, "refused %s: %s", known ? known->name : "an unknown request", sp_err_text(why));
	sp__keeper_log(k, text);
	if (now.ms - k->refusal_window.ms >= SP_KEEPER_HOUR_MS || now.ms < k->refusal_window.ms) {
		k->refusal_window = now;
		k->refusals_n = 0;
	}
	if (k->refusals_n++ >= REFUSALS_AN_HOUR)
		return SP_OK;
	struct sp__keeper_record record = {.time = now,
					   .type = SP_KEEPER_RECORD_REFUSED,
					   .by = SP_BYTES_LIT("front"),
					   .name = sp_bytes_str(sp_err_name(why)),
					   .value = request->type};
	SP_TRY(sp_sha256(&record.key_hash, request->body));
	enum sp_err e = sp__keeper_ledger_append(&k->ledger, &record, false);
	return e == SP_ERR_DISK_FULL ? SP_OK : e; /* the refusal stands, written down or not */
}

static enum sp_err judge(struct sp_keeper_session *session, const struct request *known, struct sp_time now)
{
	SP_TRY(take_credit(session, now));
	if (!known)
		return SP_ERR_UNSUPPORTED;
	return known->phases & (unsigned)session->phase ? SP_OK : SP_ERR_STATE;
}

static enum sp_err write_head(struct sp_buf *out, enum sp_err e, const char *hint)
{
	struct sp_wire_response_head head = {.error = (uint16_t)sp_wire_error_of(e), .hint = sp_bytes_str(e == SP_OK ? NULL : hint)};
	return sp_wire_response_head_encode(out, &head);
}

static enum sp_err write_frame(struct sp_buf *out, const struct sp_frame *request, struct sp_bytes head, struct sp_bytes body)
{
	uint8_t raw[SP_LIMIT_FRAME_HEADER];
	sp_frame_header_encode(raw, (uint32_t)(head.n + body.n), SP_FRAME_RESPONSE, request->type, request->id);
	SP_TRY(sp_buf_append(out, SP_BYTES_OF(raw)));
	SP_TRY(sp_buf_append(out, head));
	return sp_buf_append(out, body);
}

static enum sp_err handle(struct sp_keeper *k, struct sp_keeper_session *session, struct sp_buf *body, const struct sp_frame *request,
			  struct sp_time now, const char **hint)
{
	const struct request *known = find(request->type);
	SP_TRY(judge(session, known, now));
	SP_TRY(known->handle(k, body, request->body, now, hint));
	if (request->type == SP_WIRE_KEEPER_SERVE)
		session->phase = SP_WIRE_KEEPER_SERVING;
	return SP_OK;
}

enum sp_err sp_keeper_answer(struct sp_keeper *keeper, struct sp_keeper_session *session, struct sp_buf *out, const struct sp_frame *request,
			     struct sp_time now)
{
	struct sp_buf head, body;
	const char *hint = NULL;
	sp_buf_init(&head, 512);
	sp_buf_init(&body, SP_WIRE_KEEPER_RESPONSE_MAX);
	enum sp_err verdict = handle(keeper, session, &body, request, now, &hint);
	enum sp_err e = sp__keeper_err_is_final(verdict) ? verdict : SP_OK;
	if (e == SP_OK && verdict != SP_OK) {
		sp_buf_clear(&body);
		e = record_refusal(keeper, request, verdict, now);
	}
	if (e == SP_OK)
		e = write_head(&head, verdict, hint);
	if (e == SP_OK)
		e = write_frame(out, request, sp_buf_bytes(&head), sp_buf_bytes(&body));
	sp_buf_clear(&head);
	sp_buf_clear(&body);
	return e;
}
