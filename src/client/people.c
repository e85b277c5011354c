/* SPDX-License-Identifier: Apache-2.0
 *
 * `people` and `invite`.
 */
#include "client/client_priv.h"

#include <stdlib.h>

#include "wire/keeper_msg.h"

#define INVITATION_MS ((int64_t)7 * 24 * 3600 * 1000)

/* -- people -- */

struct people_list {
	struct sp_client *client;
	struct sp_client_people *out;
	size_t cap;
};

static enum sp_err add_person(void *ctx, struct sp_bytes key, const void *record)
{
	struct people_list *list = ctx;
	const struct sp_wire_record_account *account = record;
	struct sp_client_people *out = list->out;
	SP_TRY(sp__mem_grow(out->mem, &out->items, &list->cap, out->n + 1, sizeof *out->items));
	struct sp_client_person *person = &out->items[out->n++];
	*person = (struct sp_client_person){
		.account = sp__mem_str(out->mem, account->address),
		.fingerprint = account->fingerprint,
		.devices = account->devices,
		.is_me = sp_id16_equal(&account->account_id, &list->client->me.account_id),
		.is_admin = account->flags & SP_WIRE_ACCOUNT_ADMIN,
		.is_disabled = account->flags & SP_WIRE_ACCOUNT_DISABLED,
		.is_online = account->online,
		.is_recovered = account->recovered_at != 0,
		.is_refused = account->is_refused,
	};
	sp__id_text(person->account_id, &account->account_id);
	return SP_OK;
}

static int by_address(const void *a, const void *b)
{
	return strcmp(((const struct sp_client_person *)a)->account, ((const struct sp_client_person *)b)->account);
}

static enum sp_err fill_people(struct sp_client *c, struct sp_client_people *out)
{
	struct people_list list = {.client = c, .out = out};
	struct sp__scan scan = {
		.space = SP_CLIENT_SPACE_ACCOUNT, .layout = sp_wire_record_account_layout(), .visit = add_person, .ctx = &list};
	SP_TRY(sp__sync_or_offline(c, &out->is_offline));
	if (!out->is_offline)
		SP_TRY(sp__directory_online(c));
	SP_TRY(sp__mem_new(&out->mem));
	SP_TRY(sp__record_scan(c, &scan));
	if (out->n > 0)
		qsort(out->items, out->n, sizeof *out->items, by_address);
	return sp__mem_check(out->mem);
}

enum sp_err sp_client_people(struct sp_client *client, struct sp_client_people *out)
{
	*out = (struct sp_client_people){0};
	enum sp_err e = fill_people(client, out);
	if (e != SP_OK) {
		sp_client_result_free(&out->mem);
		*out = (struct sp_client_people){0};
	}
	return e;
}

/* -- invite -- */

static enum sp_err sign_invitation(struct sp_client *c, struct sp_buf *request, struct sp_buf *signature, const struct sp_wire_invitation *wish)
{
	SP_TRY(sp_wire_invitation_encode(request, wish));
	return sp_sign_with_label(&c->signer, signature, sp_bytes_str(SP_LABEL_INVITE), sp_buf_bytes(request));
}

static enum sp_err ask_invitation(struct sp_client *c, struct sp_client_invitation *out, const struct sp_buf *request, const struct sp_buf *signature,
				  struct sp_buf *raw)
{
	struct sp_wire_invite_request message = {sp_buf_bytes(request), sp_buf_bytes(signature)};
	struct sp_wire_invite_response response;
	SP_TRY(sp__call(c, SP_WIRE_INVITE, &message, raw, &response));
	SP_TRY(sp__mem_new(&out->mem));
	out->link = sp__mem_str(out->mem, response.link);
	return sp__mem_check(out->mem);
}

static enum sp_err make_invitation(struct sp_client *c, const struct sp_wire_invitation *wish, struct sp_client_invitation *out)
{
	struct sp_buf request, signature, raw;
	sp_buf_init(&request, 1024);
	sp_buf_init(&signature, 256);
	sp_buf_init(&raw, SP_LIMIT_FRAME);
	enum sp_err e = sign_invitation(c, &request, &signature, wish);
	if (e == SP_OK)
		e = ask_invitation(c, out, &request, &signature, &raw);
	sp_buf_clear(&request);
	sp_buf_clear(&signature);
	sp_buf_clear(&raw);
	return e;
}

enum sp_err sp_client_invite(struct sp_client *client, const char *name, bool admin, int64_t lifetime_ms, struct sp_client_invitation *out)
{
	struct sp_time now = sp__now();
	struct sp_rng rng = sp_rng_system();
	struct sp_wire_invitation wish = {.name = sp_bytes_str(name), .admin = admin, .time_ms = (uint64_t)now.ms};
	*out = (struct sp_client_invitation){0};
	wish.expires_ms = (uint64_t)(now.ms + (lifetime_ms > 0 ? lifetime_ms : INVITATION_MS));
	if (wish.name.n > 0 && !sp_pki_name_is_valid(wish.name))
		return SP_FAIL(&client->diag, SP_ERR_USAGE, 0, "not a name: a-z, 0-9, dot, dash and underscore, at most 64");
	enum sp_err e = sp_rng_fill(&rng, wish.nonce.b, sizeof wish.nonce.b);
	if (e == SP_OK)
		e = sp__connect(client);
	if (e == SP_OK)
		e = make_invitation(client, &wish, out);
	if (e == SP_OK) {
		out->name = sp__mem_str(out->mem, wish.name);
		out->expires.ms = (int64_t)wish.expires_ms;
		e = sp__mem_check(out->mem);
	}
	if (e != SP_OK) {
		sp_client_result_free(&out->mem);
		*out = (struct sp_client_invitation){0};
	}
	return e;
}
