/* SPDX-License-Identifier: Apache-2.0
 *
 * The directory: who belongs to the organisation, each by a chain of device lists that is verified here and may only
 * grow. ATTACKS M02, K07, K08, K12.
 */
#include "client/client_priv.h"

#include <stdio.h>

void sp__directory_forget(struct sp_client *c)
{
	while (c->accounts) {
		struct sp__account *account = c->accounts;
		c->accounts = account->next;
		sp_buf_clear(&account->raw);
		sp_free(account);
	}
}

static enum sp_err apply_chain(struct sp_device_chain *chain, struct sp_bytes lists)
{
	struct sp_reader r = sp_reader_of(lists);
	struct sp_wire_opaque list;
	while (!sp_reader_is_empty(&r)) {
		SP_TRY(sp_wire_opaque_read(&r, &list));
		SP_TRY(sp_device_chain_apply(chain, list.bytes));
	}
	return chain->version == 0 ? SP_ERR_INVALID : SP_OK;
}

/* -- looking up -- */

static enum sp_err account_key(struct sp_client *c, struct sp__record_key *out, const struct sp_id16 *id)
{
	return sp__seal_key(&c->seal, out, SP_CLIENT_SPACE_ACCOUNT, sp_id16_bytes(id));
}

static enum sp_err load_account(struct sp_client *c, struct sp__account *account, const struct sp_id16 *id)
{
	struct sp__record_key key;
	SP_TRY(account_key(c, &key, id));
	SP_TRY(sp__record_get(c, &key, sp_wire_record_account_layout(), &account->raw, &account->record, NULL));
	return apply_chain(&account->chain, account->record.chain) == SP_OK ? SP_OK : SP_ERR_CORRUPT;
}

enum sp_err sp__account_get(struct sp_client *c, const struct sp__account **out, const struct sp_id16 *id)
{
	*out = NULL;
	for (struct sp__account *at = c->accounts; at; at = at->next) {
		if (sp_id16_equal(&at->record.account_id, id)) {
			*out = at;
			return SP_OK;
		}
	}
	struct sp__account *account = sp_alloc(sizeof *account);
	if (!account)
		return SP_ERR_NOMEM;
	sp_buf_init(&account->raw, SP_PROFILE_VALUE_MAX);
	enum sp_err e = load_account(c, account, id);
	if (e != SP_OK) {
		sp_buf_clear(&account->raw);
		sp_free(account);
		return e;
	}
	account->next = c->accounts;
	c->accounts = account;
	*out = account;
	return SP_OK;
}

void sp__account_address(struct sp_client *c, char out[SP_LIMIT_ADDRESS + 1], const struct sp_id16 *id)
{
	const struct sp__account *account;
	if (sp_id16_equal(id, &c->me.account_id))
		sp__text_set(out, SP_LIMIT_ADDRESS + 1, c->me.address);
	else if (sp__account_get(c, &account, id) == SP_OK)
		sp__text_set(out, SP_LIMIT_ADDRESS + 1, account->record.address);
	else
		sp__text_set(out, SP_LIMIT_ADDRESS + 1, SP_BYTES_LIT("?"));
}

static enum sp_err find_address(struct sp_client *c, struct sp_id16 *out, struct sp_bytes address)
{
	struct sp__record_key key;
	struct sp_wire_record_holder holder;
	struct sp_buf raw;
	SP_TRY(sp__seal_key(&c->seal, &key, SP_CLIENT_SPACE_ADDRESS, address));
	sp_buf_init(&raw, SP_PROFILE_VALUE_MAX);
	enum sp_err e = sp__record_get(c, &key, sp_wire_record_holder_layout(), &raw, &holder, NULL);
	sp_buf_clear(&raw);
	*out = holder.account_id;
	return e;
}

/* A local part is one of our own organisation. */
enum sp_err sp__account_find(struct sp_client *c, struct sp_id16 *out, const char *name)
{
	char address[2 * SP_LIMIT_ADDRESS];
	bool is_local = strchr(name, '@') == NULL;
	int n = snprintf(address, sizeof address, "%s%s%.*s", name, is_local ? "@" : "", is_local ? (int)c->me.org.n : 0, (const char *)c->me.org.p);
	if (n < 0 || (size_t)n >= sizeof address)
		return SP_ERR_NOT_FOUND;
	return find_address(c, out, sp_bytes_str(address));
}

/* -- taking what the server shows -- */

/* What we knew must be the beginning of what we are shown: else something was taken back. */
static bool is_prefix(struct sp_bytes known, struct sp_bytes shown)
{
	return known.n <= shown.n && sp_bytes_equal(known, (struct sp_bytes){shown.p, known.n});
}

static void put_account(struct sp__batch *batch, const struct sp_wire_record_account *record)
{
	struct sp__record_key key, address;
	struct sp_wire_record_holder holder = {record->account_id};
	enum sp_err e = account_key(batch->client, &key, &record->account_id);
	if (e == SP_OK)
		e = sp__seal_key(&batch->client->seal, &address, SP_CLIENT_SPACE_ADDRESS, record->address);
	if (e == SP_OK) {
		sp__batch_put_record(batch, &key, sp_wire_record_account_layout(), record);
		sp__batch_put_record(batch, &address, sp_wire_record_holder_layout(), &holder);
	}
	sp__batch_fail(batch, e);
}

static void refuse(struct sp__batch *batch, const struct sp__account *known, const char *why)
{
	sp__trouble_note(batch->client, SP_ERR_DENIED, NULL, why);
	if (!known || known->record.is_refused)
		return;
	struct sp_wire_record_account record = known->record;
	record.is_refused = true;
	put_account(batch, &record);
}

/* K12: an address is one account's for ever; neither what we knew nor an earlier one of this page may have it. */
static enum sp_err check_address(struct sp_client *c, const struct sp_wire_directory_account *shown, struct sp_bytes page)
{
	struct sp_reader r = sp_reader_of(page);
	struct sp_wire_directory_account other;
	struct sp_id16 holder;
	if (!memchr(shown->address.p ? (const void *)shown->address.p : "", '@', shown->address.n))
		return SP_ERR_INVALID;
	while (!sp_reader_is_empty(&r)) {
		SP_TRY(sp_wire_directory_account_read(&r, &other));
		if (other.address.p == shown->address.p)
			break; /* itself */
		if (sp_bytes_equal(other.address, shown->address) && !sp_id16_equal(&other.account_id, &shown->account_id))
			return SP_ERR_DENIED;
	}
	enum sp_err e = find_address(c, &holder, shown->address);
	if (e != SP_OK)
		return e == SP_ERR_NOT_FOUND ? SP_OK : e;
	return sp_id16_equal(&holder, &shown->account_id) ? SP_OK : SP_ERR_DENIED;
}

static enum sp_err check_chain(struct sp_device_chain *out, const struct sp_wire_directory_account *shown, const struct sp__account *known)
{
	if (known && !is_prefix(known->record.chain, shown->chain))
		return SP_ERR_DENIED;
	SP_TRY(apply_chain(out, shown->chain));
	if (!sp_id16_equal(&out->account_id, &shown->account_id))
		return SP_ERR_INVALID;
	return sp_bytes_equal(sp_bytes_str(out->address), shown->address) ? SP_OK : SP_ERR_INVALID;
}

/* Our own account: a device that we did not sign cannot be in it, but the organisation may begin it anew (K07). */
static void watch_own(struct sp_client *c, const struct sp_device_chain *chain)
{
	struct sp_pki_claim claim;
	if (!sp_id16_equal(&chain->account_id, &c->me.account_id) || sp_pki_claim_decode(&claim, c->me.certificate) != SP_OK)
		return;
	if (!sp_device_chain_has(chain, &claim.unverified.spki_hash))
		sp__trouble_note(c, SP_ERR_REVOKED, NULL, "this device is no longer in its own account's list: the account was recovered elsewhere");
}

static bool is_same(const struct sp__account *known, const struct sp_wire_directory_account *shown)
{
	const struct sp_wire_record_account *r = &known->record;
	return !r->is_refused && r->flags == shown->flags && r->online == shown->online && sp_bytes_equal(r->chain, shown->chain) &&
	       sp_bytes_equal(r->address, shown->address);
}

static void accept(struct sp__batch *batch, const struct sp_wire_directory_account *shown, const struct sp_device_chain *chain)
{
	struct sp_wire_record_account record = {
		.format = SP_RECORD_FORMAT,
		.account_id = shown->account_id,
		.address = shown->address,
		.flags = shown->flags,
		.online = shown->online,
		.fingerprint = chain->fingerprint,
		.devices = (uint32_t)chain->devices_n,
		.recovered_at = chain->recovered_at,
		.chain = shown->chain,
	};
	put_account(batch, &record);
}

static enum sp_err take_account(struct sp__batch *batch, const struct sp_wire_directory_account *shown, struct sp_bytes page)
{
	struct sp_client *c = batch->client;
	const struct sp__account *known = NULL;
	struct sp_device_chain chain = {0};
	enum sp_err e = sp__account_get(c, &known, &shown->account_id);
	if (e != SP_OK && e != SP_ERR_NOT_FOUND)
		return e;
	if (known && is_same(known, shown))
		return SP_OK;
	if (check_address(c, shown, page) != SP_OK) {
		refuse(batch, known, "the server shows one address for two accounts");
		return SP_OK;
	}
	if (check_chain(&chain, shown, known) != SP_OK) {
		refuse(batch, known, "the server shows devices of an account that no earlier device of it signed");
		return SP_OK;
	}
	if (chain.recovered_at != 0 && (!known || known->record.recovered_at != chain.recovered_at))
		sp__trouble_note(c, SP_ERR_FINGERPRINT, NULL, "an account was begun anew by the organisation: compare fingerprints again");
	watch_own(c, &chain);
	accept(batch, shown, &chain);
	return SP_OK;
}

struct page {
	struct sp_bytes accounts;
	uint64_t version; /* of the directory, once this page is taken */
};

static enum sp_err store_page(struct sp__batch *batch, const struct page *page)
{
	struct sp_wire_record_cursors cursors;
	struct sp_wire_directory_account account;
	struct sp_reader r = sp_reader_of(page->accounts);
	while (!sp_reader_is_empty(&r)) {
		SP_TRY(sp_wire_directory_account_read(&r, &account));
		SP_TRY(take_account(batch, &account, page->accounts));
	}
	SP_TRY(sp__cursors_begin(batch, &cursors));
	if (cursors.directory < page->version) {
		cursors.directory = page->version;
		sp__cursors_put(batch, &cursors);
	}
	return sp__batch_apply(batch, NULL);
}

static enum sp_err step_page(struct sp_client *c, void *ctx)
{
	struct sp__batch batch;
	sp__directory_forget(c);
	sp__batch_init(&batch, c);
	enum sp_err e = store_page(&batch, ctx);
	sp__batch_clear(&batch);
	return e;
}

static enum sp_err last_changed(struct sp_bytes accounts, uint64_t *last)
{
	struct sp_reader r = sp_reader_of(accounts);
	struct sp_wire_directory_account account;
	while (!sp_reader_is_empty(&r)) {
		SP_TRY(sp_wire_directory_account_read(&r, &account));
		*last = account.changed;
	}
	return SP_OK;
}

static enum sp_err take_page(struct sp_client *c, struct sp_buf *raw, uint64_t *since, bool *out_more)
{
	struct sp_wire_directory_request request = {.since = *since};
	struct sp_wire_directory_response response;
	uint64_t last = *since;
	SP_TRY(sp__call(c, SP_WIRE_DIRECTORY, &request, raw, &response));
	SP_TRY(last_changed(response.accounts, &last));
	struct page page = {response.accounts, response.more ? last : SP_MAX(response.version, last)};
	*out_more = response.more && last > *since; /* a server that says more and gives nothing is not asked for ever */
	*since = page.version;
	return sp__retry(c, step_page, &page);
}

static enum sp_err take_pages(struct sp_client *c, uint64_t since)
{
	struct sp_buf raw;
	bool more = true;
	enum sp_err e = SP_OK;
	sp_buf_init(&raw, SP_LIMIT_FRAME);
	while (e == SP_OK && more)
		e = take_page(c, &raw, &since, &more);
	sp_buf_clear(&raw);
	sp__directory_forget(c);
	return e;
}

enum sp_err sp__directory_online(struct sp_client *c)
{
	return take_pages(c, 0);
}

/* N11, K03: a directory only grows. One that went back (an older copy of the server's disk) is told, and compared whole: what
 * it lacks of a chain we know is refused account by account. */
static enum sp_err step_retake(struct sp_client *c, void *ctx)
{
	struct sp__batch batch;
	struct sp_wire_record_cursors cursors;
	sp__batch_init(&batch, c);
	enum sp_err e = sp__cursors_begin(&batch, &cursors);
	cursors.directory = c->conn.hello.directory_version;
	if (e == SP_OK)
		sp__cursors_put(&batch, &cursors);
	if (e == SP_OK)
		e = sp__batch_apply(&batch, NULL);
	sp__batch_clear(&batch);
	return e;
}

static enum sp_err retake(struct sp_client *c)
{
	c->conn.directory_went_back = false; /* told once a connection */
	sp__trouble_note(c, SP_ERR_DENIED, NULL, "the server's directory is older than what it showed before");
	SP_TRY(take_pages(c, 0));
	return sp__retry(c, step_retake, NULL);
}

enum sp_err sp__directory_sync(struct sp_client *c, bool even_if_current)
{
	struct sp_wire_record_cursors cursors;
	sp__directory_forget(c); /* another process may have read on */
	SP_TRY(sp__cursors_get(c, &cursors));
	if (c->conn.directory_went_back)
		return retake(c);
	if (!even_if_current && cursors.directory >= c->conn.hello.directory_version && cursors.directory != 0)
		return SP_OK;
	return take_pages(c, cursors.directory);
}
