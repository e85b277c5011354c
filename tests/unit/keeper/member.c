/* SPDX-License-Identifier: Apache-2.0
 *
 * See member.h.
 */
#include "member.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void house_reopen(struct house *h)
{
	sp_keeper_close(&h->keeper);
	assert_int_equal(sp_keeper_open(&h->keeper, h->folder, h->now), SP_OK);
	sp_keeper_session_init(&h->session, h->now);
	assert_int_equal(house_ask(h, SP_WIRE_KEEPER_SERVE, SP_BYTES_NONE), SP_OK);
}

void house_make(struct house *h, const char *org, bool is_open)
{
	*h = (struct house){.now = {START_MS}};
	snprintf(h->folder, sizeof h->folder, "/tmp/sealpost-test-XXXXXX");
	assert_non_null(mkdtemp(h->folder));
	sp_buf_init(&h->answer, SP_WIRE_KEEPER_RESPONSE_MAX + 1024);
	struct sp_keeper_plan plan = {.folder = h->folder, .org = sp_bytes_str(org), .is_open = is_open, .now = h->now};
	assert_int_equal(sp_keeper_make(&plan), SP_OK);
	house_reopen(h);
}

void house_clear(struct house *h)
{
	sp_keeper_close(&h->keeper);
	sp_buf_clear(&h->answer);
	DIR *d = opendir(h->folder);
	for (struct dirent *e; d && (e = readdir(d));)
		(void)unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	assert_int_equal(rmdir(h->folder), 0);
}

enum sp_err house_ask(struct house *h, uint8_t type, struct sp_bytes body)
{
	struct sp_frame request = {.length = (uint32_t)body.n, .kind = SP_FRAME_REQUEST, .type = type, .id = 7, .body = body}, reply;
	struct sp_wire_response_head head;
	struct sp_buf out;
	struct sp_bytes rest;
	sp_buf_init(&out, SP_WIRE_KEEPER_RESPONSE_MAX + 1024);
	sp_buf_clear(&h->answer);
	assert_int_equal(sp_keeper_answer(h->keeper, &h->session, &out, &request, h->now), SP_OK);
	assert_int_equal(sp_frame_header_decode(&reply, sp_buf_bytes(&out)), SP_OK);
	assert_int_equal(reply.kind, SP_FRAME_RESPONSE);
	assert_int_equal(reply.id, 7);
	assert_int_equal(reply.type, type);
	assert_int_equal(reply.length, out.n - SP_LIMIT_FRAME_HEADER);
	enum sp_err e = sp_wire_response_open(&head, &rest, (struct sp_bytes){out.p + SP_LIMIT_FRAME_HEADER, reply.length});
	if (e == SP_OK)
		assert_int_equal(sp_buf_append(&h->answer, rest), SP_OK);
	sp_buf_clear(&out);
	return e;
}

void member_make(struct member *m, const char *address)
{
	struct sp_rng rng = sp_rng_system();
	*m = (struct member){0};
	assert_int_equal(sp_sign_key_generate(&m->key, SP_SIG_ECDSA_P256_SHA256), SP_OK);
	assert_int_equal(sp_pki_point_decode(&m->point, sp_sign_key_signer(m->key).public_key), SP_OK);
	assert_int_equal(sp_rng_fill(&rng, m->account_id.b, 16), SP_OK);
	assert_int_equal(sp_rng_fill(&rng, m->device_id.b, 16), SP_OK);
	snprintf(m->address, sizeof m->address, "%s", address);
	sp_buf_init(&m->csr, SP_LIMIT_CSR);
	sp_buf_init(&m->list, SP_LIMIT_DEVICE_LIST);
	sp_buf_init(&m->cert, SP_LIMIT_CERT);
	assert_int_equal(sp_pki_csr_build(&m->csr, m->key), SP_OK);
	struct sp_device_list list = {.account_id = m->account_id, .address = sp_bytes_str(m->address), .version = 1, .devices_n = 1};
	list.devices[0] = (struct sp_device_entry){.device_id = m->device_id, .name = SP_BYTES_LIT("laptop")};
	assert_int_equal(sp_pki_spki_hash(&list.devices[0].spki_hash, &m->point), SP_OK);
	struct sp_signer signer = sp_sign_key_signer(m->key);
	assert_int_equal(sp_device_list_sign(&m->list, &list, &signer), SP_OK);
}

void member_clear(struct member *m)
{
	sp_sign_key_free(&m->key);
	sp_buf_clear(&m->csr);
	sp_buf_clear(&m->list);
	sp_buf_clear(&m->cert);
}

static void take_cert(struct member *m, struct sp_bytes cert)
{
	sp_buf_clear(&m->cert);
	assert_int_equal(sp_buf_append(&m->cert, cert), SP_OK);
}

enum sp_err member_enrol(struct house *h, struct member *m, const uint8_t *token, const char *wish)
{
	struct sp_wire_keeper_enrol_request request = {{token, token ? SP_WIRE_KEEPER_TOKEN : 0}, sp_bytes_str(wish), sp_buf_bytes(&m->csr),
						       sp_buf_bytes(&m->list)};
	struct sp_wire_keeper_enrol_response answer;
	struct sp_buf body;
	sp_buf_init(&body, SP_WIRE_KEEPER_REQUEST_MAX);
	assert_int_equal(sp_wire_keeper_enrol_request_encode(&body, &request), SP_OK);
	enum sp_err e = house_ask(h, SP_WIRE_KEEPER_ENROL, sp_buf_bytes(&body));
	sp_buf_clear(&body);
	if (e != SP_OK)
		return e;
	assert_int_equal(sp_wire_keeper_enrol_response_decode(&answer, sp_buf_bytes(&h->answer)), SP_OK);
	assert_true(sp_id16_equal(&answer.account_id, &m->account_id));
	assert_true(sp_bytes_equal(answer.address, sp_bytes_str(m->address)));
	take_cert(m, answer.certificate);
	return SP_OK;
}

enum sp_err member_renew(struct house *h, struct member *m)
{
	struct sp_wire_keeper_renew_request request = {sp_buf_bytes(&m->cert), sp_buf_bytes(&m->csr)};
	struct sp_wire_keeper_certificate_response answer;
	struct sp_buf body;
	sp_buf_init(&body, SP_WIRE_KEEPER_REQUEST_MAX);
	assert_int_equal(sp_wire_keeper_renew_request_encode(&body, &request), SP_OK);
	enum sp_err e = house_ask(h, SP_WIRE_KEEPER_RENEW, sp_buf_bytes(&body));
	sp_buf_clear(&body);
	if (e != SP_OK)
		return e;
	assert_int_equal(sp_wire_keeper_certificate_response_decode(&answer, sp_buf_bytes(&h->answer)), SP_OK);
	take_cert(m, answer.certificate);
	return SP_OK;
}

enum sp_err member_invite(struct house *h, struct member *m, const struct invite *what, uint8_t out_token[20])
{
	struct sp_wire_invitation i = {.name = sp_bytes_str(what->name), .admin = what->admin, .expires_ms = (uint64_t)(h->now.ms + what->expires_in_ms),
				       .nonce = {{what->nonce}}, .time_ms = (uint64_t)(h->now.ms + what->clock_off_ms)};
	struct sp_wire_keeper_invite_response answer;
	struct sp_signer signer = sp_sign_key_signer(m->key);
	struct sp_buf text, signature, body;
	sp_buf_init(&text, 256);
	sp_buf_init(&signature, 128);
	sp_buf_init(&body, SP_WIRE_KEEPER_REQUEST_MAX);
	assert_int_equal(sp_wire_invitation_encode(&text, &i), SP_OK);
	assert_int_equal(sp_sign_with_label(&signer, &signature, SP_BYTES_LIT(SP_LABEL_INVITE), sp_buf_bytes(&text)), SP_OK);
	struct sp_wire_keeper_invite_request request = {sp_buf_bytes(&m->cert), sp_buf_bytes(&text), sp_buf_bytes(&signature)};
	assert_int_equal(sp_wire_keeper_invite_request_encode(&body, &request), SP_OK);
	enum sp_err e = house_ask(h, SP_WIRE_KEEPER_INVITE, sp_buf_bytes(&body));
	sp_buf_clear(&text);
	sp_buf_clear(&signature);
	sp_buf_clear(&body);
	if (e != SP_OK)
		return e;
	assert_int_equal(sp_wire_keeper_invite_response_decode(&answer, sp_buf_bytes(&h->answer)), SP_OK);
	assert_int_equal(answer.token.n, 20);
	memcpy(out_token, answer.token.p, 20);
	return SP_OK;
}

enum sp_err house_invite(struct house *h, const char *name, bool admin, uint8_t out_token[20])
{
	struct sp_keeper_order order = {.verb = SP_KEEPER_INVITE, .name = sp_bytes_str(name), .is_admin = admin, .expires = {h->now.ms + 7 * DAY_MS}};
	return sp_keeper_obey(h->keeper, out_token, &order, h->now);
}

void house_add(struct house *h, struct member *m, const char *name, bool admin)
{
	uint8_t token[20];
	char address[128];
	snprintf(address, sizeof address, "%s@%s", name, sp_keeper_org(h->keeper));
	member_make(m, address);
	assert_int_equal(house_invite(h, name, admin, token), SP_OK);
	assert_int_equal(member_enrol(h, m, token, name), SP_OK);
}

enum sp_err house_order(struct house *h, enum sp_keeper_verb verb, const char *name)
{
	uint8_t token[20];
	struct sp_keeper_order order = {.verb = verb, .name = sp_bytes_str(name)};
	return sp_keeper_obey(h->keeper, token, &order, h->now);
}

enum sp_err house_judge(struct house *h, const struct member *m)
{
	struct sp_wire_keeper_crl_response lists;
	struct sp_pki_trust *trust;
	struct sp_pki_identity id;
	struct sp_pki_question question = {.purpose = SP_PKI_FOR_DEVICE, .at = h->now};
	assert_int_equal(house_ask(h, SP_WIRE_KEEPER_CRL, SP_BYTES_NONE), SP_OK);
	assert_int_equal(sp_wire_keeper_crl_response_decode(&lists, sp_buf_bytes(&h->answer)), SP_OK);
	assert_int_equal(sp_pki_trust_new(&trust, sp_keeper_fingerprint(h->keeper), sp_keeper_root(h->keeper), sp_keeper_issuing(h->keeper), h->now), SP_OK);
	assert_int_equal(sp_pki_trust_set_crl(trust, lists.crl), SP_OK);
	enum sp_err e = sp_pki_trust_judge(trust, &id, sp_buf_bytes(&m->cert), &question);
	if (e == SP_OK)
		assert_string_equal(id.address, m->address);
	sp_pki_trust_free(&trust);
	return e;
}
