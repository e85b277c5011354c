/* SPDX-License-Identifier: Apache-2.0
 *
 * Who we are: the identity record, and `whoami`.
 */
#include "client/client_priv.h"

#include <stdio.h>

static enum sp_err load_key(struct sp_client *c)
{
	sp_sign_key_free(&c->key);
	SP_TRY(sp_sign_key_from_pkcs8(&c->key, c->me.key));
	c->signer = sp_sign_key_signer(c->key);
	return SP_OK;
}

enum sp_err sp__identity_load(struct sp_client *c)
{
	c->is_joined = false;
	enum sp_err e = sp__state_get(c, "identity", sp_wire_record_identity_layout(), &c->identity_raw, &c->me, NULL);
	if (e == SP_ERR_NOT_FOUND)
		return SP_OK;
	if (e == SP_OK)
		e = load_key(c);
	if (e == SP_OK)
		e = sp__trust_load(c);
	c->is_joined = e == SP_OK;
	return e;
}

enum sp_err sp__identity_store(struct sp_client *c, const struct sp_wire_record_identity *identity)
{
	struct sp__record_key join;
	struct sp__batch batch;
	SP_TRY(sp__state_key(c, &join, "join"));
	sp__batch_init(&batch, c);
	sp__batch_put_state(&batch, "identity", sp_wire_record_identity_layout(), identity);
	sp__batch_delete(&batch, &join);
	SP_TRY(sp__batch_apply(&batch, NULL));
	return sp__identity_load(c);
}

static enum sp_err certificate_end(const struct sp_client *c, struct sp_time *out)
{
	struct sp_pki_claim claim;
	SP_TRY(sp_pki_claim_decode(&claim, c->me.certificate));
	*out = claim.unverified.not_after;
	return SP_OK;
}

static const char *server_text(const struct sp_client *c, struct sp_client_mem *mem)
{
	char text[300];
	bool is_v6 = memchr(c->me.host.p, ':', c->me.host.n) != NULL;
	snprintf(text, sizeof text, "%s%.*s%s:%u", is_v6 ? "[" : "", (int)c->me.host.n, (const char *)c->me.host.p, is_v6 ? "]" : "",
		 (unsigned)c->me.port);
	return sp__mem_str(mem, sp_bytes_str(text));
}

static enum sp_err fill_me(struct sp_client *c, struct sp_client_me *out)
{
	SP_TRY(sp__mem_new(&out->mem));
	SP_TRY(certificate_end(c, &out->certificate_until));
	out->account = sp__mem_str(out->mem, c->me.address);
	out->organisation = sp__mem_str(out->mem, c->me.org);
	out->server = server_text(c, out->mem);
	out->device_name = sp__mem_str(out->mem, c->me.device_name);
	sp__id_text(out->account_id, &c->me.account_id);
	sp__id_text(out->device_id, &c->me.device_id);
	out->fingerprint = c->me.fingerprint;
	out->organisation_fingerprint = c->me.organisation;
	out->is_admin = c->me.is_admin;
	return sp__mem_check(out->mem);
}

enum sp_err sp_client_whoami(struct sp_client *client, struct sp_client_me *out)
{
	*out = (struct sp_client_me){0};
	if (!client->is_joined)
		return SP_FAIL(&client->diag, SP_ERR_STATE, 0, "this profile has not joined an organisation");
	enum sp_err e = fill_me(client, out);
	if (e != SP_OK) {
		sp_client_result_free(&out->mem);
		*out = (struct sp_client_me){0};
	}
	return e;
}
