/* SPDX-License-Identifier: Apache-2.0
 *
 * Joining an organisation, and renewing the certificate. docs/protocol.md "Joining". What is sent is stored first, so
 * that a join killed anywhere is finished by the same command.
 */
#include "client/client_priv.h"

#include <stdio.h>
#include <unistd.h>

/* -- what we send: made once, stored, sent as often as need be -- */

struct request {
	struct sp_client *client;
	const char *link_text;
	const char *name;
	struct sp__link link;
	struct sp_wire_org_info_response org; /* borrows from org_raw */
	struct sp_buf org_raw;
	struct sp_wire_record_join join; /* borrows from join_raw, or from the buffers below */
	struct sp_buf join_raw;
	struct sp_sign_key *key;
	struct sp_buf pkcs8, device_list, csr;
};

static void device_name(char out[SP_LIMIT_NAME + 1])
{
	char host[256] = {0};
	if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0')
		snprintf(host, sizeof host, "device");
	sp__text_set(out, SP_LIMIT_NAME + 1, sp_bytes_str(host));
}

static enum sp_err make_device_list(struct request *r)
{
	struct sp_rng rng = sp_rng_system();
	struct sp_signer signer = sp_sign_key_signer(r->key);
	struct sp_pki_point point;
	struct sp_device_list list = {.version = 1, .devices_n = 1, .time = sp__now()};
	char address[SP_LIMIT_ADDRESS + 1], name[SP_LIMIT_NAME + 1];
	int n = snprintf(address, sizeof address, "%s@%.*s", r->name, (int)r->org.org.n, (const char *)r->org.org.p);
	if (n < 0 || (size_t)n >= sizeof address)
		return SP_ERR_TOO_LONG;
	device_name(name);
	SP_TRY(sp_rng_fill(&rng, list.account_id.b, sizeof list.account_id.b));
	SP_TRY(sp_rng_fill(&rng, list.devices[0].device_id.b, sizeof list.devices[0].device_id.b));
	SP_TRY(sp_pki_point_decode(&point, signer.public_key));
	SP_TRY(sp_pki_spki_hash(&list.devices[0].spki_hash, &point));
	list.address = sp_bytes_str(address);
	list.devices[0].name = sp_bytes_str(name);
	list.devices[0].added = list.time;
	return sp_device_list_sign(&r->device_list, &list, &signer);
}

static enum sp_err store_join(struct request *r)
{
	struct sp__batch batch;
	sp__batch_init(&batch, r->client);
	sp__batch_put_state(&batch, "join", sp_wire_record_join_layout(), &r->join);
	return sp__batch_apply(&batch, NULL);
}

static enum sp_err make_join(struct request *r)
{
	SP_TRY(sp_sign_key_generate(&r->key, SP_SIG_ECDSA_P256_SHA256));
	SP_TRY(sp_sign_key_to_pkcs8(r->key, &r->pkcs8));
	SP_TRY(make_device_list(r));
	r->join = (struct sp_wire_record_join){
		.format = SP_RECORD_FORMAT,
		.link = sp_bytes_str(r->link_text),
		.name = sp_bytes_str(r->name),
		.key = sp_buf_bytes(&r->pkcs8),
		.device_list = sp_buf_bytes(&r->device_list),
	};
	return store_join(r);
}

/* An enrolment begun with another link or name is not this one. */
static enum sp_err load_or_make_join(struct request *r)
{
	enum sp_err e = sp__state_get(r->client, "join", sp_wire_record_join_layout(), &r->join_raw, &r->join, NULL);
	bool is_this = e == SP_OK && sp_bytes_equal(r->join.link, sp_bytes_str(r->link_text)) && sp_bytes_equal(r->join.name, sp_bytes_str(r->name));
	if (e != SP_OK && e != SP_ERR_NOT_FOUND)
		return e;
	return is_this ? sp_sign_key_from_pkcs8(&r->key, r->join.key) : make_join(r);
}

/* -- what we are answered -- */

/* The server may not give us a certificate that says anything else than what we asked for. */
static enum sp_err check_answer(struct request *r, const struct sp_wire_enrol_response *answer, struct sp_wire_record_identity *identity)
{
	struct sp_signed_device_list list;
	struct sp_pki_identity found;
	struct sp_pki_question question = {.purpose = SP_PKI_FOR_DEVICE, .at = sp__now()};
	SP_TRY(sp_device_list_decode(&list, r->join.device_list));
	SP_TRY(sp_pki_trust_judge(r->client->trust, &found, answer->certificate, &question));
	const struct sp_device_entry *device = &list.list.devices[0];
	bool is_ours = sp_id16_equal(&found.account_id, &list.list.account_id) && sp_id16_equal(&found.device_id, &device->device_id) &&
		       sp_hash32_equal(&found.spki_hash, &device->spki_hash) && sp_bytes_equal(sp_bytes_str(found.address), list.list.address);
	if (!is_ours)
		return SP_FAIL(&r->client->diag, SP_ERR_CERTIFICATE, 0, "the certificate is not the one that was asked for");
	identity->account_id = found.account_id;
	identity->device_id = found.device_id;
	identity->fingerprint = found.spki_hash;
	identity->address = list.list.address;
	identity->device_name = device->name;
	return SP_OK;
}

static enum sp_err take_answer(struct request *r, const struct sp_wire_enrol_response *answer)
{
	struct sp_wire_record_identity identity = {
		.format = SP_RECORD_FORMAT,
		.link = sp_bytes_str(r->link_text),
		.host = sp_bytes_str(r->link.host),
		.port = r->link.port,
		.organisation = r->link.organisation,
		.org = r->org.org,
		.root = r->org.root,
		.issuing = r->org.issuing,
		.certificate = answer->certificate,
		.key = r->join.key,
		.is_admin = answer->admin,
	};
	SP_TRY(check_answer(r, answer, &identity));
	return sp__identity_store(r->client, &identity);
}

static enum sp_err ask_enrol(struct request *r, struct sp_buf *raw)
{
	struct sp_wire_enrol_response answer;
	SP_TRY(sp_pki_csr_build(&r->csr, r->key));
	struct sp_wire_enrol_request request = {
		.token = sp_bytes_str(r->link.token),
		.name = sp_bytes_str(r->name),
		.csr = sp_buf_bytes(&r->csr),
		.device_list = r->join.device_list,
	};
	SP_TRY(sp__call(r->client, SP_WIRE_ENROL, &request, raw, &answer));
	return take_answer(r, &answer);
}

/* -- the whole -- */

/* What the server says of the organisation is believed when its root is the link's: sp_pki_trust_new compares. */
static enum sp_err learn_organisation(struct request *r)
{
	struct sp_client *c = r->client;
	SP_TRY(sp__call(c, SP_WIRE_ORG_INFO, NULL, &r->org_raw, &r->org));
	sp_pki_trust_free(&c->trust);
	SP_TRY(sp_pki_trust_new(&c->trust, &r->link.organisation, r->org.root, r->org.issuing, sp__now()));
	if (!sp_bytes_equal(sp_bytes_str(sp_pki_trust_org(c->trust)), r->org.org))
		return SP_FAIL(&c->diag, SP_ERR_CERTIFICATE, 0, "the server's organisation is not the one its root names");
	return sp__crl_take(c, r->org.crl);
}

static enum sp_err enrol(struct request *r)
{
	struct sp_buf raw;
	SP_TRY(sp__connect_newcomer(r->client, &r->link));
	SP_TRY(learn_organisation(r));
	SP_TRY(load_or_make_join(r));
	sp_buf_init(&raw, SP_LIMIT_FRAME);
	enum sp_err e = ask_enrol(r, &raw);
	sp_buf_clear(&raw);
	return e;
}

static enum sp_err run_enrol(struct sp_client *c, const char *link_text, const char *name, const struct sp__link *link)
{
	struct request r = {.client = c, .link_text = link_text, .name = name, .link = *link};
	sp_buf_init(&r.org_raw, SP_LIMIT_FRAME);
	sp_buf_init(&r.join_raw, SP_PROFILE_VALUE_MAX);
	sp_buf_init(&r.pkcs8, 1024);
	sp_buf_init(&r.device_list, SP_LIMIT_DEVICE_LIST);
	sp_buf_init(&r.csr, SP_LIMIT_CSR);
	enum sp_err e = enrol(&r);
	sp_sign_key_free(&r.key);
	sp_buf_clear(&r.org_raw);
	sp_buf_clear(&r.join_raw);
	sp_buf_clear(&r.pkcs8);
	sp_buf_clear(&r.device_list);
	sp_buf_clear(&r.csr);
	sp__disconnect(c, true);
	if (e != SP_OK && !c->is_joined)
		sp_pki_trust_free(&c->trust);
	return e;
}

/* Joining what was joined is no error when it is the same link. */
static enum sp_err join_again(struct sp_client *c, const char *link, struct sp_client_me *out)
{
	if (!sp_bytes_equal(c->me.link, sp_bytes_str(link)))
		return SP_FAIL(&c->diag, SP_ERR_STATE, 0, "this profile has joined already; use another --home for another account");
	enum sp_err e = sp_client_whoami(c, out);
	out->was_joined_before = e == SP_OK;
	return e;
}

enum sp_err sp_client_join(struct sp_client *client, const char *link, const char *name, struct sp_client_me *out)
{
	struct sp__link parsed;
	*out = (struct sp_client_me){0};
	if (sp__link_parse(&parsed, link) != SP_OK)
		return SP_FAIL(&client->diag, SP_ERR_USAGE, 0, "not an invitation link");
	if (client->is_joined)
		return join_again(client, link, out);
	if (!name || !sp_pki_name_is_valid(sp_bytes_str(name)))
		return SP_FAIL(&client->diag, SP_ERR_USAGE, 0, "not a name: a-z, 0-9, dot, dash and underscore, at most 64");
	SP_TRY(run_enrol(client, link, name, &parsed));
	enum sp_err e = sp__sync(client); /* key packages and the everyone room; the next call does it as well */
	if (e != SP_OK && !sp__error_is_network(e))
		return e;
	return sp_client_whoami(client, out);
}
