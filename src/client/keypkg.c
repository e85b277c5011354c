/* SPDX-License-Identifier: Apache-2.0
 *
 * The stock of key packages by which others add this device while it is offline: 20, and one of last resort that is
 * made anew when it grows old. RFC 9420 section 10, RFC 9750 section 5.1.
 */
#include "client/client_priv.h"

#define STOCK 20u
#define LOOK_AGAIN_MS ((int64_t)10 * 60 * 1000)
#define LAST_RESORT_MS ((int64_t)30 * 24 * 3600 * 1000) /* half of its lifetime */
#define KEEP_MS ((int64_t)100 * 24 * 3600 * 1000)       /* private halves of packages long expired */

enum sp_err sp__key_package_key(struct sp_client *c, struct sp__record_key *out, struct sp_bytes ref)
{
	return sp__seal_key(&c->seal, out, SP_CLIENT_SPACE_KEY_PACKAGE, ref);
}

enum sp_err sp__key_package_find(void *ctx, struct sp_buf *out, struct sp_bytes ref)
{
	struct sp_client *c = ctx;
	struct sp__record_key key;
	struct sp_wire_record_key_package record;
	struct sp_buf raw;
	SP_TRY(sp__key_package_key(c, &key, ref));
	sp_buf_init(&raw, SP_PROFILE_VALUE_MAX);
	enum sp_err e = sp__record_get(c, &key, sp_wire_record_key_package_layout(), &raw, &record, NULL);
	if (e == SP_OK)
		e = sp_buf_append(out, record.blob);
	sp_buf_clear(&raw);
	return e;
}

/* Every leaf of ours says the same: suite 2, the two extensions of rooms, our certificate alone. */
enum sp_err sp__leaf_params(struct sp_client *c, struct sp_mls_leaf_params *out, struct sp_buf *chain)
{
	static const uint16_t suites[] = {SP_VERDICT_SUITE};
	static const uint16_t extensions[] = {SP_RULES_EXTENSION_ROOM_STATE, SP_WIRE_EXTENSION_ROOM_NAME, SP_MLS_EXTENSION_LAST_RESORT};
	static const uint16_t credentials[] = {SP_MLS_CREDENTIAL_X509};
	*out = (struct sp_mls_leaf_params){
		.size = sizeof *out,
		.suites = {suites, SP_ARRAY_LEN(suites)},
		.extension_types = {extensions, SP_ARRAY_LEN(extensions)},
		.credential_types = {credentials, SP_ARRAY_LEN(credentials)},
	};
	sp_buf_clear(chain);
	SP_TRY(sp_mls_credential_chain(chain, &c->me.certificate, 1));
	out->credential = (struct sp_mls_credential){SP_MLS_CREDENTIAL_X509, sp_buf_bytes(chain)};
	return SP_OK;
}

/* -- making -- */

struct package {
	struct sp_buf chain, message, ref, blob;
};

static void package_init(struct package *p)
{
	sp_buf_init(&p->chain, 2 * SP_LIMIT_CERT);
	sp_buf_init(&p->message, 1u << 16);
	sp_buf_init(&p->ref, 64);
	sp_buf_init(&p->blob, 1u << 16);
}

static void package_clear(struct package *p)
{
	sp_buf_clear(&p->chain);
	sp_buf_clear(&p->message);
	sp_buf_clear(&p->ref);
	sp_buf_clear(&p->blob);
}

static enum sp_err make_package(struct sp__batch *batch, struct package *p, bool last_resort)
{
	struct sp__mls mls;
	struct sp__record_key key;
	struct sp_mls_key_package_params params = {.size = sizeof params, .suite = SP_VERDICT_SUITE, .last_resort = last_resort};
	sp__mls_init(&mls, batch->client, sp__now());
	SP_TRY(sp__leaf_params(batch->client, &params.leaf, &p->chain));
	SP_TRY(sp_mls_key_package_new(&mls.env, &p->message, &p->ref, &p->blob, &params));
	SP_TRY(sp__key_package_key(batch->client, &key, sp_buf_bytes(&p->ref)));
	struct sp_wire_record_key_package record = {
		.format = SP_RECORD_FORMAT,
		.ref = sp_buf_bytes(&p->ref),
		.made_ms = (uint64_t)sp__now().ms,
		.last_resort = last_resort,
		.blob = sp_buf_bytes(&p->blob),
	};
	sp__batch_put_record(batch, &key, sp_wire_record_key_package_layout(), &record);
	return SP_OK;
}

static enum sp_err add_package(struct sp__batch *batch, struct sp_buf *out, bool last_resort)
{
	struct package p;
	package_init(&p);
	enum sp_err e = make_package(batch, &p, last_resort);
	if (e == SP_OK && last_resort)
		e = sp_buf_append(out, sp_buf_bytes(&p.message));
	struct sp_writer w = sp_writer_on(out);
	if (e == SP_OK && !last_resort) {
		sp_wire_opaque_write(&w, &(struct sp_wire_opaque){sp_buf_bytes(&p.message)});
		e = sp_writer_finish(&w);
	}
	package_clear(&p);
	return e;
}

/* -- publishing: private halves, the request and the counters in one transaction; then it is sent -- */

struct stock {
	size_t wanted;
	bool last_resort;
	uint64_t reqno;
};

struct publication {
	struct sp_buf list, last_resort, body;
};

static enum sp_err put_publication(struct sp__batch *batch, struct stock *stock, struct publication *p)
{
	struct sp_wire_record_counters counters;
	SP_TRY(sp__counters_begin(batch, &counters));
	stock->reqno = counters.reqno++;
	sp__counters_put(batch, &counters);
	for (size_t i = 0; i < stock->wanted; i++)
		SP_TRY(add_package(batch, &p->list, false));
	if (stock->last_resort)
		SP_TRY(add_package(batch, &p->last_resort, true));
	struct sp_wire_key_package_publish_request request = {stock->reqno, sp_buf_bytes(&p->list), sp_buf_bytes(&p->last_resort)};
	SP_TRY(sp_wire_key_package_publish_request_encode(&p->body, &request));
	struct sp_wire_record_outbox out = {
		.format = SP_RECORD_FORMAT,
		.reqno = stock->reqno,
		.type = SP_WIRE_KEY_PACKAGE_PUBLISH,
		.purpose = SP__OUTBOX_KEY_PACKAGES,
		.body = sp_buf_bytes(&p->body),
	};
	sp__outbox_put(batch, &out);
	return sp__batch_apply(batch, NULL);
}

static enum sp_err step_publish(struct sp_client *c, void *ctx)
{
	struct publication p;
	struct sp__batch batch;
	sp__batch_init(&batch, c);
	sp_buf_init(&p.list, SP_LIMIT_FRAME);
	sp_buf_init(&p.last_resort, 1u << 16);
	sp_buf_init(&p.body, SP_LIMIT_FRAME);
	enum sp_err e = put_publication(&batch, ctx, &p);
	sp_buf_clear(&p.list);
	sp_buf_clear(&p.last_resort);
	sp_buf_clear(&p.body);
	sp__batch_clear(&batch);
	return e;
}

/* -- when -- */

struct expiry {
	struct sp__batch *batch;
	int64_t now_ms;
};

static enum sp_err drop_expired(void *ctx, struct sp_bytes key, const void *record)
{
	const struct expiry *expiry = ctx;
	const struct sp_wire_record_key_package *package = record;
	if ((int64_t)package->made_ms + KEEP_MS < expiry->now_ms)
		sp__batch_delete_raw(expiry->batch, SP_CLIENT_SPACE_KEY_PACKAGE, key);
	return SP_OK;
}

static enum sp_err note_look(struct sp__batch *batch, const struct stock *stock)
{
	struct sp_wire_record_cursors cursors;
	struct expiry expiry = {batch, sp__now().ms};
	struct sp__scan scan = {
		.space = SP_CLIENT_SPACE_KEY_PACKAGE, .layout = sp_wire_record_key_package_layout(), .visit = drop_expired, .ctx = &expiry};
	SP_TRY(sp__cursors_begin(batch, &cursors));
	cursors.stock_ms = (uint64_t)expiry.now_ms;
	if (stock->last_resort)
		cursors.last_resort_ms = (uint64_t)expiry.now_ms;
	sp__cursors_put(batch, &cursors);
	SP_TRY(sp__record_scan(batch->client, &scan));
	return sp__batch_apply(batch, NULL);
}

static enum sp_err step_note_look(struct sp_client *c, void *ctx)
{
	struct sp__batch batch;
	sp__batch_init(&batch, c);
	enum sp_err e = note_look(&batch, ctx);
	sp__batch_clear(&batch);
	return e;
}

static enum sp_err ask_count(struct sp_client *c, struct sp_wire_key_package_count_response *out)
{
	struct sp_buf raw;
	sp_buf_init(&raw, SP_LIMIT_FRAME);
	enum sp_err e = sp__call(c, SP_WIRE_KEY_PACKAGE_COUNT, NULL, &raw, out);
	sp_buf_clear(&raw);
	return e;
}

enum sp_err sp__key_packages_stock(struct sp_client *c)
{
	struct sp_wire_record_cursors cursors;
	struct sp_wire_key_package_count_response count;
	struct stock stock = {0};
	int64_t now = sp__now().ms;
	SP_TRY(sp__cursors_get(c, &cursors));
	int64_t looked = (int64_t)cursors.stock_ms;
	if (looked <= now && now < looked + LOOK_AGAIN_MS)
		return SP_OK;
	SP_TRY(ask_count(c, &count));
	stock.wanted = count.count < STOCK / 2 ? STOCK - count.count : 0;
	stock.last_resort = !count.has_last_resort || now > (int64_t)cursors.last_resort_ms + LAST_RESORT_MS;
	if (stock.wanted > 0 || stock.last_resort) {
		SP_TRY(sp__retry(c, step_publish, &stock));
		SP_TRY(sp__outbox_send(c, stock.reqno));
	}
	return sp__retry(c, step_note_look, &stock);
}
