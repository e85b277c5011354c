/* SPDX-License-Identifier: Apache-2.0
 *
 * directory, device_list_put: who belongs to the organisation and by which devices. Clients verify every chain themselves; the
 * server refuses what they would.
 */
#include "server/rooms_priv.h"
#include "wire/directory.h"

#define PAGE_ACCOUNTS 256u
#define PAGE_BYTES (1u << 20) /* an answer is ended beyond it */

/* -- one account ---------------------------------------------------------------------------------------------------------- */

struct account {
	struct sp_id16 id;
	char address[SP_LIMIT_ADDRESS + 1];
	uint8_t flags;
	uint64_t changed;
};

struct details { /* what is read of one account; lists as they stand on the wire */
	struct sp_buf chain;
	struct sp_buf certificates;
	struct sp_device_chain named; /* by the newest list */
};

static enum sp_err add_opaque(struct sp_buf *out, struct sp_bytes bytes)
{
	struct sp_wire_opaque one = {.bytes = bytes};

	return sp_wire_opaque_encode(out, &one);
}

static enum sp_err add_list(void *ctx, uint32_t version, struct sp_bytes body)
{
	struct details *d = ctx;

	return add_opaque(&d->chain, body);
}

/* A device that its account names no more is no longer one of its devices. */
static enum sp_err add_certificate(void *ctx, const struct sp_store_device *device)
{
	struct details *d = ctx;

	return sp_device_chain_has(&d->named, &device->spki) ? add_opaque(&d->certificates, device->cert) : SP_OK;
}

static enum sp_err details_read(struct sp_server_request *req, struct details *d, const struct sp_id16 *id)
{
	bool is_disabled;

	SP_TRY(sp__people_chain(sp__rooms_people(req->server), &d->named, &is_disabled, id));
	SP_TRY(sp_store_device_list_each(req->server->store, id, 1, add_list, d));
	return sp_store_device_each(req->server->store, id, add_certificate, d);
}

static enum sp_err account_write(struct sp_server_request *req, struct sp_writer *w, const struct account *a)
{
	struct details d = {.named = {0}};
	enum sp_err err;

	sp_buf_init(&d.chain, SP_LIMIT_FRAME);
	sp_buf_init(&d.certificates, SP_LIMIT_FRAME);
	err = details_read(req, &d, &a->id);
	if (err == SP_OK) {
		struct sp_wire_directory_account wire = {
			.account_id = a->id,
			.address = sp_bytes_str(a->address),
			.flags = a->flags,
			.changed = a->changed,
			.online = sp_server_online_is(req->server, &a->id),
			.chain = sp_buf_bytes(&d.chain),
			.certificates = sp_buf_bytes(&d.certificates),
		};
		sp_wire_directory_account_write(w, &wire);
	}
	sp_buf_clear(&d.chain);
	sp_buf_clear(&d.certificates);
	return err;
}

/* -- a page of them ---------------------------------------------------------------------------------------------------------- */

struct page {
	struct account list[PAGE_ACCOUNTS];
	size_t n;
};

static enum sp_err note_account(void *ctx, const struct sp_store_account *account)
{
	struct page *page = ctx;
	struct account *a = &page->list[page->n];

	if (account->address.n >= sizeof a->address)
		return SP_ERR_CORRUPT;
	*a = (struct account){.id = account->id, .flags = account->flags, .changed = account->changed};
	sp_copy(a->address, account->address.p, account->address.n);
	page->n++;
	return SP_OK;
}

/* struct { uint64 version; uint8 more; DirectoryAccount accounts<V>; } DirectoryResponse */
static enum sp_err page_write(struct sp_server_request *req, const struct page *page, size_t n, uint64_t version)
{
	struct sp_buf accounts;
	struct sp_writer w;
	enum sp_err err = SP_OK;
	size_t i = 0;

	sp_buf_init(&accounts, SP_LIMIT_FRAME);
	w = sp_writer_on(&accounts);
	for (; err == SP_OK && i < n && accounts.n < PAGE_BYTES; i++)
		err = account_write(req, &w, &page->list[i]);
	if (err == SP_OK)
		err = sp_writer_finish(&w);
	if (err == SP_OK) {
		struct sp_wire_directory_response answer = {.version = version, .more = i < page->n, .accounts = sp_buf_bytes(&accounts)};

		err = sp_wire_directory_response_encode(&req->answer, &answer);
	}
	sp_buf_clear(&accounts);
	return err;
}

static enum sp_err page_make(struct sp_server_request *req, struct page *page)
{
	const struct sp_wire_directory_request *wire = req->decoded;
	size_t max = wire->max == 0 ? PAGE_ACCOUNTS - 1 : SP_MIN((size_t)wire->max, (size_t)PAGE_ACCOUNTS - 1);
	uint64_t version;

	/* the version first: what changes meanwhile is told again */
	SP_TRY(sp_store_directory_version(req->server->store, &version));
	SP_TRY(sp_store_account_since(req->server->store, wire->since, max + 1, note_account, page));
	return page_write(req, page, SP_MIN(page->n, max), version);
}

static enum sp_err judge_directory(struct sp_server_request *req)
{
	struct page *page = sp_alloc(sizeof *page);
	enum sp_err err;

	if (!page)
		return SP_ERR_NOMEM;
	err = page_make(req, page);
	sp_free(page);
	return err;
}

/* -- device_list_put --------------------------------------------------------------------------------------------------------- */

struct put {
	struct sp_device_chain before, after;
	struct sp_id16 gone[SP_LIMIT_ACCOUNT_DEVICES];
	size_t gone_n;
};

static bool chain_has_device(const struct sp_device_chain *chain, const struct sp_device_chain_entry *entry)
{
	for (size_t i = 0; i < chain->devices_n; i++)
		if (sp_id16_equal(&chain->devices[i].device_id, &entry->device_id) && sp_hash32_equal(&chain->devices[i].spki_hash, &entry->spki_hash))
			return true;
	return false;
}

static enum sp_err note_owner(void *ctx, const struct sp_store_device *device)
{
	*(struct sp_id16 *)ctx = device->account;
	return SP_OK;
}

/* A list may name any device id: one that is another account's loses nothing when it is taken off again. */
static enum sp_err gone_find(struct sp_server_request *req, struct put *put)
{
	for (size_t i = 0; i < put->before.devices_n; i++) {
		const struct sp_id16 *device = &put->before.devices[i].device_id;
		struct sp_id16 owner = {{0}};

		if (chain_has_device(&put->after, &put->before.devices[i]))
			continue;
		enum sp_err err = sp_store_device_get(req->server->store, device, note_owner, &owner);
		if (err != SP_OK && err != SP_ERR_NOT_FOUND)
			return err;
		if (err == SP_OK && sp_id16_equal(&owner, &req->who.account))
			put->gone[put->gone_n++] = *device;
	}
	return SP_OK;
}

static enum sp_err put_judge(struct sp_server_request *req, struct put *put)
{
	const struct sp_wire_device_list_put_request *wire = req->decoded;
	struct sp_signed_device_list list;
	bool is_disabled;

	SP_TRY(sp__people_chain(sp__rooms_people(req->server), &put->before, &is_disabled, &req->who.account));
	SP_TRY(sp_device_list_decode(&list, wire->device_list));
	if (list.list.flags & SP_DEVICE_LIST_RECOVERED)
		return SP_ERR_DENIED; /* only the organisation begins an account anew */
	put->after = put->before;
	SP_TRY(sp_device_chain_apply(&put->after, wire->device_list));
	SP_TRY(gone_find(req, put));
	req->has_op = true;
	req->op.verb = SP_STORE_DEVICE_LIST_PUT;
	req->op.u.device_list_put = (struct sp_store_device_list_put){
		.account = req->who.account, .version = put->after.version, .body = wire->device_list, .gone = put->gone, .gone_count = put->gone_n};
	return SP_OK;
}

static enum sp_err judge_device_list_put(struct sp_server_request *req)
{
	req->state = sp_alloc(sizeof(struct put)); /* freed by clear, whatever happens */
	return req->state ? put_judge(req, req->state) : SP_ERR_NOMEM;
}

static enum sp_err done_device_list_put(struct sp_server_request *req)
{
	const struct put *put = req->state;
	const struct sp_id16 nobody = {{0}};

	if (req->op.replayed)
		return SP_OK;
	sp_server_publish_directory(req->server, req->op.seq);
	for (size_t i = 0; i < put->gone_n; i++)
		sp_server_drop(req->server, &nobody, &put->gone[i]);
	return SP_OK;
}

static void clear_device_list_put(struct sp_server_request *req)
{
	sp_free(req->state);
	req->state = NULL;
}

const struct sp_server_handler sp__server_directory_handlers[] = {
	{.type = SP_WIRE_DIRECTORY, .phases = SP_SERVER_DEVICE, .lane = SP_SERVER_POOL, .request = sp_wire_directory_request_layout,
	 .judge = judge_directory},
	{.type = SP_WIRE_DEVICE_LIST_PUT, .phases = SP_SERVER_DEVICE, .lane = SP_SERVER_POOL, .is_mutation = true,
	 .request = sp_wire_device_list_put_request_layout, .judge = judge_device_list_put, .done = done_device_list_put,
	 .clear = clear_device_list_put},
};
const size_t sp__server_directory_handler_count = SP_ARRAY_LEN(sp__server_directory_handlers);
