/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests of the keeper: an organisation in a temporary folder, people with keys, and requests sent as front would.
 */
#ifndef TEST_KEEPER_MEMBER_H
#define TEST_KEEPER_MEMBER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/codec.h"
#include "keeper/keeper.h"
#include "pki/device_list.h"
#include "wire/labels.h"
#include "wire/response.h"

#define DAY_MS 86400000ll
#define HOUR_MS 3600000ll
#define START_MS 1763647331000ll

struct house {
	char folder[64];
	struct sp_keeper *keeper;
	struct sp_keeper_session session;
	struct sp_time now;
	struct sp_buf answer; /* of the last request: the response's body */
};
void house_make(struct house *h, const char *org, bool is_open); /* founded, opened, serving */
void house_reopen(struct house *h);
void house_clear(struct house *h); /* deletes the folder */

/* One request; what the keeper answers, as the error front would see. */
enum sp_err house_ask(struct house *h, uint8_t type, struct sp_bytes body);

struct member {
	struct sp_sign_key *key;
	struct sp_pki_point point;
	struct sp_id16 account_id, device_id;
	char address[128];
	struct sp_buf csr, list, cert;
};
/* A person's key, ids, request and first device list for this address; nothing is sent. */
void member_make(struct member *m, const char *address);
void member_clear(struct member *m);

/* token NULL: open registration. On success the certificate is in m->cert. */
enum sp_err member_enrol(struct house *h, struct member *m, const uint8_t *token, const char *wish);
enum sp_err member_renew(struct house *h, struct member *m);
struct invite {
	const char *name;
	bool admin;
	int64_t expires_in_ms, clock_off_ms;
	uint8_t nonce;
};
enum sp_err member_invite(struct house *h, struct member *m, const struct invite *what, uint8_t out_token[20]);

/* The operator invites. */
enum sp_err house_invite(struct house *h, const char *name, bool admin, uint8_t out_token[20]);
/* A person enrolled by an invitation of their own. */
void house_add(struct house *h, struct member *m, const char *name, bool admin);
enum sp_err house_order(struct house *h, enum sp_keeper_verb verb, const char *name);
/* The verdict on m's certificate under the keeper's newest list. */
enum sp_err house_judge(struct house *h, const struct member *m);

#endif
