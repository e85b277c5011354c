/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole organisation for the tests of pki: root, issuing authority, one device, one server, CRLs. Deterministic.
 */
#ifndef TEST_PKI_ORG_H
#define TEST_PKI_ORG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/codec.h"
#include "pki/device_list.h"
#include "pki/pki.h"

#define DAY_MS 86400000ll

struct test_org {
	struct sp_time now;
	struct sp_rng_seeded seed;
	struct sp_rng rng;
	struct sp_sign_key *root_key, *issuing_key, *device_key, *server_key;
	struct sp_buf root, issuing, device, server, crl, root_crl;
	struct sp_hash32 fingerprint;
	struct sp_id16 account_id, device_id;
	struct sp_pki_serial device_serial;
	struct sp_pki_trust *trust;
};

void org_open(struct test_org *o, const char *name); /* asserts everything */
void org_close(struct test_org *o);

struct sp_sign_key *org_key(void);
struct sp_pki_point org_point(struct sp_sign_key *key);
struct sp_pki_serial org_serial(struct test_org *o);
/* A device certificate for key, by o's issuing authority. */
void org_device(struct test_org *o, struct sp_buf *out, struct sp_sign_key *key, const char *name, struct sp_time now);
/* Makes a pair with these revocations and appends it. */
void org_crl(struct test_org *o, struct sp_buf *out, const struct sp_pki_revocation *revoked, size_t n, uint64_t number);
enum sp_err org_judge(struct test_org *o, struct sp_bytes cert, enum sp_pki_purpose purpose, struct sp_time at, uint64_t crl_number);

#endif
