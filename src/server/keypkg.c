/* SPDX-License-Identifier: Apache-2.0
 *
 * key_package_publish, _count, _take: the stock by which people are added while they are away. What is published is judged as an Add
 * would be, so that nobody is handed a package that the room would refuse (M10, M28, M30, M31).
 */
#include "server/rooms_priv.h"
#include "wire/keypkg.h"

#define PUBLISH_MAX 100u
#define TAKE_ACCOUNTS_MAX 1000u
#define REF_SIZE 32u /* of the product's suite */

/* -- publish --------------------------------------------------------------------------------------------------------------- */

struct publish {
	struct sp_store_key_package list[PUBLISH_MAX];
	size_t n;
	struct sp_store_key_package last_resort;
};

static enum sp_err ref_of(struct sp_hash32 *out, const struct sp__judge *j, struct sp_bytes message)
{
	struct sp_buf ref;
	enum sp_err err;

	sp_buf_init(&ref, SP_HASH_MAX);
	err = sp_mls_key_package_ref(&j->env, &ref, message);
	if (err == SP_OK && ref.n != REF_SIZE)
		err = SP_ERR_UNSUPPORTED;
	if (err == SP_OK)
		sp_copy(out->b, ref.p, sizeof out->b);
	sp_buf_clear(&ref);
	return err;
}

static enum sp_err package_judge(const struct sp_server_request *req, struct sp__judge *j, struct sp_store_key_package *out, struct sp_bytes message,
				 bool is_last_resort)
{
	struct sp_mls_key_package_info info;

	SP_TRY(sp_mls_key_package_verify(&j->env, &info, message));
	if (info.suite != SP_VERDICT_SUITE)
		return SP_ERR_UNSUPPORTED;
	/* one that is kept must say so, or its owner would delete the key when it is first used; and the other way round */
	if (info.last_resort != is_last_resort)
		return SP_ERR_INVALID;
	SP_TRY(sp__judge_is_whose(&info.member.credential, &req->who));
	SP_TRY(ref_of(&out->ref, j, message));
	out->expires.ms = info.not_after_s > INT64_MAX / 1000 ? INT64_MAX : info.not_after_s * 1000;
	out->body = message;
	return SP_OK;
}

static enum sp_err publish_judge(struct sp_server_request *req, struct publish *p, struct sp__judge *j)
{
	const struct sp_wire_key_package_publish_request *wire = req->decoded;
	struct sp_reader r = sp_reader_of(wire->key_packages);

	while (!sp_reader_is_empty(&r)) {
		struct sp_wire_opaque one;

		if (p->n == PUBLISH_MAX)
			return SP_ERR_TOO_MANY;
		SP_TRY(sp_wire_opaque_read(&r, &one));
		SP_TRY(package_judge(req, j, &p->list[p->n++], one.bytes, false));
	}
	if (wire->last_resort.n != 0)
		SP_TRY(package_judge(req, j, &p->last_resort, wire->last_resort, true));
	req->has_op = true;
	req->op.verb = SP_STORE_KEY_PACKAGE_PUT;
	req->op.u.key_package_put =
		(struct sp_store_key_package_put){.device = req->who.device, .packages = p->list, .count = p->n, .last_resort = p->last_resort};
	return SP_OK;
}

static enum sp_err judge_publish(struct sp_server_request *req)
{
	struct sp__judge j;

	req->state = sp_alloc(sizeof(struct publish)); /* freed by clear, whatever happens */
	if (!req->state)
		return SP_ERR_NOMEM;
	sp__judge_init(&j, req->server, req->now);
	return sp__judge_verdict(req, &j, publish_judge(req, req->state, &j));
}

static enum sp_err done_publish(struct sp_server_request *req)
{
	struct sp_wire_key_package_publish_response answer = {.count = (uint32_t)req->op.seq};

	return sp_wire_key_package_publish_response_encode(&req->answer, &answer);
}

/* -- count ------------------------------------------------------------------------------------------------------------------ */

static enum sp_err judge_count(struct sp_server_request *req)
{
	struct sp_store_stock stock;
	struct sp_wire_key_package_count_response answer;

	SP_TRY(sp_store_key_package_count(req->server->store, &req->who.device, req->now, &stock));
	answer = (struct sp_wire_key_package_count_response){.count = stock.count, .has_last_resort = stock.last_resort};
	return sp_wire_key_package_count_response_encode(&req->answer, &answer);
}

/* -- take ------------------------------------------------------------------------------------------------------------------- */

struct take {
	struct sp_id16 accounts[TAKE_ACCOUNTS_MAX];
	size_t n;
};

/* Unknown and disabled accounts are left out, as the store leaves out devices without a package. */
static enum sp_err account_add(struct sp_server_request *req, struct take *take, const struct sp_id16 *account)
{
	struct sp_device_chain chain;
	bool is_disabled;
	enum sp_err err = sp__people_chain(sp__rooms_people(req->server), &chain, &is_disabled, account);

	if (err != SP_OK || is_disabled)
		return err == SP_ERR_NOT_FOUND ? SP_OK : err;
	if (take->n == TAKE_ACCOUNTS_MAX)
		return SP_ERR_TOO_MANY;
	SP_TRY(sp__take_limit_spend(sp__rooms_take_limit(req->server), &req->who.account, account, req->now));
	take->accounts[take->n++] = *account;
	return SP_OK;
}

static enum sp_err take_judge(struct sp_server_request *req, struct take *take)
{
	const struct sp_wire_key_package_take_request *wire = req->decoded;
	struct sp_reader r = sp_reader_of(wire->account_ids);

	while (!sp_reader_is_empty(&r)) {
		struct sp_wire_account_ref ref;

		SP_TRY(sp_wire_account_ref_read(&r, &ref));
		SP_TRY(account_add(req, take, &ref.account_id));
	}
	req->has_op = true;
	req->op.verb = SP_STORE_KEY_PACKAGE_TAKE;
	req->op.u.key_package_take = (struct sp_store_key_package_take){.accounts = take->accounts, .count = take->n};
	return SP_OK;
}

static enum sp_err judge_take(struct sp_server_request *req)
{
	req->state = sp_alloc(sizeof(struct take)); /* freed by clear, whatever happens */
	return req->state ? take_judge(req, req->state) : SP_ERR_NOMEM;
}

static enum sp_err done_take(struct sp_server_request *req)
{
	struct sp_writer w = sp_writer_on(&req->answer);
	struct sp_bytes rest = sp_buf_bytes(&req->op.taken);
	struct sp_store_taken taken;
	size_t mark = sp_write_open(&w);
	enum sp_err err;

	while ((err = sp_store_taken_next(&rest, &taken)) == SP_OK) {
		struct sp_wire_taken_key_package wire = {
			.account_id = taken.account, .device_id = taken.device, .key_package = taken.key_package};

		sp_wire_taken_key_package_write(&w, &wire);
	}
	sp_write_close(&w, mark);
	return err == SP_ERR_NOT_FOUND ? sp_writer_finish(&w) : err;
}

static void clear_state(struct sp_server_request *req)
{
	sp_free(req->state);
	req->state = NULL;
}

const struct sp_server_handler sp__server_keypkg_handlers[] = {
	{.type = SP_WIRE_KEY_PACKAGE_PUBLISH, .phases = SP_SERVER_DEVICE, .lane = SP_SERVER_POOL, .is_mutation = true,
	 .request = sp_wire_key_package_publish_request_layout, .judge = judge_publish, .done = done_publish, .clear = clear_state},
	{.type = SP_WIRE_KEY_PACKAGE_COUNT, .phases = SP_SERVER_DEVICE, .lane = SP_SERVER_POOL, .judge = judge_count},
	{.type = SP_WIRE_KEY_PACKAGE_TAKE, .phases = SP_SERVER_DEVICE, .lane = SP_SERVER_POOL, .is_mutation = true,
	 .request = sp_wire_key_package_take_request_layout, .judge = judge_take, .done = done_take, .clear = clear_state},
};
const size_t sp__server_keypkg_handler_count = SP_ARRAY_LEN(sp__server_keypkg_handlers);
