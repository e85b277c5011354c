/* SPDX-License-Identifier: Apache-2.0
 *
 * What the store's tests share: people, rooms and operations in a few words.
 */
#ifndef TEST_STORE_CONTRACT_H
#define TEST_STORE_CONTRACT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "store/store.h"

#define OK(expr) assert_int_equal((expr), SP_OK)
#define ERR(expr, e) assert_string_equal(sp_err_name(expr), sp_err_name(e))

static inline struct sp_id16 id_of(const char *name)
{
	struct sp_id16 id = {{0}};
	for (size_t i = 0; name[i] && i < 16; i++)
		id.b[i] = (uint8_t)name[i];
	return id;
}
static inline struct sp_store_log room_log(const char *name)
{
	return (struct sp_store_log){SP_STORE_LOG_ROOM, id_of(name)};
}
static inline struct sp_store_log inbox_log(const char *name)
{
	return (struct sp_store_log){SP_STORE_LOG_INBOX, id_of(name)};
}
static inline struct sp_hash32 hash_of(const char *text)
{
	struct sp_hash32 h = {{0}};
	for (size_t i = 0; text[i] && i < 32; i++)
		h.b[i] = (uint8_t)text[i];
	return h;
}

/* Applies one operation; gives its error. */
static inline enum sp_err apply_one(struct sp_store *s, struct sp_store_op *op)
{
	struct sp_store_op *ops[] = {op};
	OK(sp_store_apply(s, ops, 1));
	return op->err;
}

static inline struct sp_store_op account_op(const char *name, const char *address)
{
	return (struct sp_store_op){.verb = SP_STORE_ACCOUNT_PUT,
				    .now.ms = 1000,
				    .u.account_put.account = {.id = id_of(name), .address = sp_bytes_str(address)}};
}
static inline struct sp_store_op device_op(const char *device, const char *account)
{
	return (struct sp_store_op){.verb = SP_STORE_DEVICE_PUT,
				    .now.ms = 1000,
				    .u.device_put.device = {id_of(device), id_of(account), hash_of(device), SP_BYTES_LIT("certificate")}};
}
static inline struct sp_store_op append_op(struct sp_store_log log, uint64_t epoch, const char *body, int64_t now)
{
	return (struct sp_store_op){
		.verb = SP_STORE_APPEND, .now.ms = now, .u.append = {.log = log, .epoch = epoch, .kind = 3, .body = sp_bytes_str(body)}};
}
static inline struct sp_store_op stamped(struct sp_store_op op, const char *device, uint64_t reqno, const char *hash)
{
	op.stamp = (struct sp_store_stamp){id_of(device), reqno, hash_of(hash)};
	return op;
}

/* ann with devices ann1 and ann2, bob with bob1, cat with cat1 */
void people_make(struct sp_store *s);
/* a room of ann and bob at epoch 0 */
void room_make(struct sp_store *s, const char *name);

/* contract.c: on the store in *state, which each test may use up */
extern const struct CMUnitTest contract_tests[];
extern const size_t contract_test_count;

#endif
