/* SPDX-License-Identifier: Apache-2.0
 *
 * `doctor`: each thing that must be well, what was found, and the one command that helps.
 */
#include "client/client_priv.h"

#include "cms/cms.h"

#include <inttypes.h>
#include <stdio.h>

#define CHECKS_MAX 16u
#define CLOCK_OFF_MS ((int64_t)10 * 60 * 1000)
#define TROUBLES_SHOWN_MS ((int64_t)7 * 24 * 3600 * 1000)

static void say(struct sp_client_doctor *out, const char *name, enum sp_client_health health, const char *text, const char *command)
{
	if (out->n >= CHECKS_MAX)
		return;
	out->items[out->n++] = (struct sp_client_check){
		.name = name, .health = health, .text = sp__mem_str(out->mem, sp_bytes_str(text)), .command = sp__mem_str(out->mem, sp_bytes_str(command))};
}

static void check_certificate(struct sp_client *c, struct sp_client_doctor *out)
{
	struct sp_pki_claim claim;
	char text[100], until[SP_TIME_TEXT_MAX];
	int64_t now = sp__now().ms;
	if (sp_pki_claim_decode(&claim, c->me.certificate) != SP_OK) {
		say(out, "certificate", SP_CLIENT_BAD, "cannot be read", "");
		return;
	}
	sp_time_format(until, claim.unverified.not_after);
	snprintf(text, sizeof text, "good until %s", until);
	if (now > claim.unverified.not_after.ms)
		say(out, "certificate", SP_CLIENT_BAD, "has expired", "ask an admin for an invitation, and join with another --home");
	else if (sp_pki_trust_is_revoked(c->trust, &claim.unverified.serial, 0))
		say(out, "certificate", SP_CLIENT_BAD, "was revoked by the organisation", "ask an admin");
	else
		say(out, "certificate", SP_CLIENT_GOOD, text, "");
}

static const char *server_help(enum sp_err e)
{
	if (sp_err_class(e) == SP_CLASS_AUTH)
		return "ask an admin: the server or this device is not trusted any more";
	return "see that the server runs and that this machine reaches it";
}

static void check_server(struct sp_client *c, struct sp_client_doctor *out)
{
	char text[200];
	enum sp_err e = sp__sync(c);
	if (e == SP_OK) {
		say(out, "server", SP_CLIENT_GOOD, "reached; everything is in step", "");
		return;
	}
	snprintf(text, sizeof text, "%s: %s", sp_err_text(e), c->diag.text ? c->diag.text : "");
	say(out, "server", SP_CLIENT_BAD, text, server_help(e));
}

static void check_clock(struct sp_client *c, struct sp_client_doctor *out)
{
	char text[100];
	if (!c->conn.has_hello)
		return;
	int64_t off = sp__now().ms - (int64_t)c->conn.hello.time_ms;
	bool is_far = off > CLOCK_OFF_MS || off < -CLOCK_OFF_MS;
	snprintf(text, sizeof text, "%" PRId64 " s from the server's", off / 1000);
	say(out, "clock", is_far ? SP_CLIENT_WARNING : SP_CLIENT_GOOD, text, is_far ? "set this machine's clock" : "");
}

static void check_crl(struct sp_client *c, struct sp_client_doctor *out)
{
	uint64_t number = sp_pki_trust_crl_number(c->trust), now = (uint64_t)sp__now().ms / 1000;
	if (number == 0)
		say(out, "crl", SP_CLIENT_WARNING, "no revocation list yet", "sealpost doctor (when the server is reached)");
	else if (now > number + 24 * 3600)
		say(out, "crl", SP_CLIENT_WARNING, "the revocation list is more than a day old", "ask an admin whether the server's keeper runs");
	else
		say(out, "crl", SP_CLIENT_GOOD, "the revocation list is fresh", "");
}

/* A version number does not tell whether this OpenSSL takes forged messages for whole ones: it is tried. */
static void check_crypto(struct sp_client_doctor *out)
{
	struct sp_diag diag = {0};
	enum sp_err e = sp_cms_self_test(&diag);
	if (e == SP_OK)
		say(out, "crypto", SP_CLIENT_GOOD, "this machine's OpenSSL refuses forged messages", "");
	else
		say(out, "crypto", SP_CLIENT_WARNING, diag.text ? diag.text : sp_err_text(e), "install a current libssl3");
}

static void check_outbox(struct sp_client *c, struct sp_client_doctor *out)
{
	struct sp__queued_list queued = {0};
	char text[100];
	if (sp__queued_get(c, &queued) != SP_OK) {
		say(out, "outbox", SP_CLIENT_BAD, "cannot be read", "");
	} else if (queued.n > 0) {
		snprintf(text, sizeof text, "%zu message%s not yet confirmed by the server", queued.n, queued.n == 1 ? " is" : "s are");
		say(out, "outbox", SP_CLIENT_WARNING, text, "sealpost inbox (sends them when the server is reached)");
	} else {
		say(out, "outbox", SP_CLIENT_GOOD, "every message is stored at the server", "");
	}
	sp_free(queued.list);
}

struct rooms {
	size_t n, broken;
};

static enum sp_err count_room(void *ctx, const struct sp_wire_record_room *room)
{
	struct rooms *rooms = ctx;
	rooms->n++;
	rooms->broken += room->status == SP__ROOM_BROKEN || room->status == SP__ROOM_REJOIN;
	return SP_OK;
}

static void check_rooms(struct sp_client *c, struct sp_client_doctor *out)
{
	struct rooms rooms = {0};
	char text[100];
	if (sp__room_each(c, count_room, &rooms) != SP_OK) {
		say(out, "rooms", SP_CLIENT_BAD, "cannot be read", "");
		return;
	}
	snprintf(text, sizeof text, "%zu, of which %zu cannot be followed", rooms.n, rooms.broken);
	say(out, "rooms", rooms.broken ? SP_CLIENT_BAD : SP_CLIENT_GOOD, text, rooms.broken ? "sealpost room list" : "");
}

struct troubles {
	size_t n;
	char last[SP_RECORD_TEXT_MAX + 1];
};

static enum sp_err count_trouble(void *ctx, struct sp_bytes key, const void *record)
{
	struct troubles *troubles = ctx;
	const struct sp_wire_record_trouble *trouble = record;
	if ((int64_t)trouble->time_ms + TROUBLES_SHOWN_MS < sp__now().ms)
		return SP_OK;
	troubles->n++;
	sp__text_set(troubles->last, sizeof troubles->last, trouble->text);
	return SP_OK;
}

static void check_troubles(struct sp_client *c, struct sp_client_doctor *out)
{
	struct troubles troubles = {0};
	char text[300];
	struct sp__scan scan = {
		.space = SP_CLIENT_SPACE_TROUBLE, .layout = sp_wire_record_trouble_layout(), .visit = count_trouble, .ctx = &troubles};
	if (sp__record_scan(c, &scan) != SP_OK || troubles.n == 0)
		return;
	snprintf(text, sizeof text, "%zu in the last week; the newest: %s", troubles.n, troubles.last);
	say(out, "trouble", SP_CLIENT_WARNING, text, "");
}

enum sp_err sp_client_doctor(struct sp_client *client, struct sp_client_doctor *out)
{
	*out = (struct sp_client_doctor){0};
	SP_TRY(sp__mem_new(&out->mem));
	out->items = sp__mem_alloc(out->mem, CHECKS_MAX * sizeof *out->items);
	enum sp_err e = sp__mem_check(out->mem);
	if (e != SP_OK) {
		sp_client_result_free(&out->mem);
		return e;
	}
	check_crypto(out);
	say(out, "profile", SP_CLIENT_GOOD, "opened; everything in it is sealed under its passphrase", "");
	if (!client->is_joined) {
		say(out, "joined", SP_CLIENT_BAD, "this profile has not joined an organisation", "sealpost join LINK --name NAME");
		return SP_OK;
	}
	check_server(client, out);
	check_clock(client, out);
	check_certificate(client, out);
	check_crl(client, out);
	check_outbox(client, out);
	check_rooms(client, out);
	check_troubles(client, out);
	return SP_OK;
}
