/* SPDX-License-Identifier: Apache-2.0
 *
 * See org.h.
 */
#include "org.h"

struct sp_sign_key *org_key(void)
{
	struct sp_sign_key *key;
	assert_int_equal(sp_sign_key_generate(&key, SP_SIG_ECDSA_P256_SHA256), SP_OK);
	return key;
}

struct sp_pki_point org_point(struct sp_sign_key *key)
{
	struct sp_pki_point point;
	assert_int_equal(sp_pki_point_decode(&point, sp_sign_key_signer(key).public_key), SP_OK);
	return point;
}

struct sp_pki_serial org_serial(struct test_org *o)
{
	struct sp_pki_serial serial;
	assert_int_equal(sp_pki_serial_random(&serial, &o->rng), SP_OK);
	return serial;
}

static struct sp_pki_csr request_of(struct sp_sign_key *key)
{
	struct sp_buf der;
	struct sp_pki_csr csr;
	sp_buf_init(&der, SP_LIMIT_CSR);
	assert_int_equal(sp_pki_csr_build(&der, key), SP_OK);
	assert_int_equal(sp_pki_csr_check(&csr, sp_buf_bytes(&der)), SP_OK);
	sp_buf_clear(&der);
	return csr;
}

void org_device(struct test_org *o, struct sp_buf *out, struct sp_sign_key *key, const char *name, struct sp_time now)
{
	struct sp_pki_issuer issuing = {o->issuing_key, sp_buf_bytes(&o->issuing)};
	struct sp_pki_csr csr = request_of(key);
	struct sp_pki_device_subject subject = {sp_bytes_str(name), o->account_id, o->device_id};
	o->device_serial = org_serial(o);
	assert_int_equal(sp_pki_device_make(out, &issuing, &csr, &subject, &o->device_serial, now), SP_OK);
}

void org_crl(struct test_org *o, struct sp_buf *out, const struct sp_pki_revocation *revoked, size_t n, uint64_t number)
{
	struct sp_pki_issuer issuing = {o->issuing_key, sp_buf_bytes(&o->issuing)};
	struct sp_time next = {(int64_t)number * 1000 + 7200000};
	assert_int_equal(sp_pki_crl_make(out, &issuing, revoked, n, number, next), SP_OK);
	assert_int_equal(sp_buf_append(out, sp_buf_bytes(&o->root_crl)), SP_OK);
}

static void make_authorities(struct test_org *o, const char *name)
{
	struct sp_pki_serial a = org_serial(o), b = org_serial(o);
	struct sp_pki_point point = org_point(o->issuing_key), root_point = org_point(o->root_key);
	assert_int_equal(sp_pki_root_make(&o->root, o->root_key, sp_bytes_str(name), &a, o->now), SP_OK);
	struct sp_pki_issuer root = {o->root_key, sp_buf_bytes(&o->root)};
	assert_int_equal(sp_pki_issuing_make(&o->issuing, &root, &point, &b, o->now), SP_OK);
	assert_int_equal(sp_pki_spki_hash(&o->fingerprint, &root_point), SP_OK);
	struct sp_time next = {o->now.ms + 7000 * DAY_MS};
	assert_int_equal(sp_pki_crl_make(&o->root_crl, &root, NULL, 0, (uint64_t)o->now.ms / 1000, next), SP_OK);
}

static void make_leaves(struct test_org *o)
{
	struct sp_pki_issuer issuing = {o->issuing_key, sp_buf_bytes(&o->issuing)};
	org_device(o, &o->device, o->device_key, "alice", o->now);
	struct sp_pki_csr csr = request_of(o->server_key);
	struct sp_pki_serial serial = org_serial(o);
	assert_int_equal(sp_pki_server_make(&o->server, &issuing, &csr, &serial, o->now), SP_OK);
}

void org_open(struct test_org *o, const char *name)
{
	*o = (struct test_org){.now = {1763647331000}};
	o->rng = sp_rng_seeded(&o->seed, sp_bytes_str(name));
	o->root_key = org_key();
	o->issuing_key = org_key();
	o->device_key = org_key();
	o->server_key = org_key();
	assert_int_equal(sp_rng_fill(&o->rng, o->account_id.b, 16), SP_OK);
	assert_int_equal(sp_rng_fill(&o->rng, o->device_id.b, 16), SP_OK);
	struct sp_buf *bufs[] = {&o->root, &o->issuing, &o->device, &o->server, &o->crl, &o->root_crl};
	for (size_t i = 0; i < SP_ARRAY_LEN(bufs); i++)
		sp_buf_init(bufs[i], SP_LIMIT_CRL);
	make_authorities(o, name);
	make_leaves(o);
	org_crl(o, &o->crl, NULL, 0, (uint64_t)o->now.ms / 1000);
	assert_int_equal(sp_pki_trust_new(&o->trust, &o->fingerprint, sp_buf_bytes(&o->root), sp_buf_bytes(&o->issuing), o->now), SP_OK);
	assert_int_equal(sp_pki_trust_set_crl(o->trust, sp_buf_bytes(&o->crl)), SP_OK);
}

void org_close(struct test_org *o)
{
	struct sp_buf *bufs[] = {&o->root, &o->issuing, &o->device, &o->server, &o->crl, &o->root_crl};
	for (size_t i = 0; i < SP_ARRAY_LEN(bufs); i++)
		sp_buf_clear(bufs[i]);
	sp_sign_key_free(&o->root_key);
	sp_sign_key_free(&o->issuing_key);
	sp_sign_key_free(&o->device_key);
	sp_sign_key_free(&o->server_key);
	sp_pki_trust_free(&o->trust);
}

enum sp_err org_judge(struct test_org *o, struct sp_bytes cert, enum sp_pki_purpose purpose, struct sp_time at, uint64_t crl_number)
{
	struct sp_pki_identity id;
	struct sp_pki_question question = {.purpose = purpose, .at = at, .crl_number = crl_number};
	return sp_pki_trust_judge(o->trust, &id, cert, &question);
}
