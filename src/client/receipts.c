/* SPDX-License-Identifier: Apache-2.0
 *
 * Receipts: how far a room has reached this reader, and which messages were opened, told to each sender's inbox, signed
 * by the leaf and sealed under a key of the epoch. docs/protocol.md section 9.
 */
#include "client/client_priv.h"

#define HELD_MS ((int64_t)30 * 24 * 3600 * 1000)
#define OPENED_MAX 500u

/* -- owing -- */

static enum sp_err owed_key(struct sp_client *c, struct sp__record_key *out, const struct sp_id16 *room, const struct sp_id16 *account)
{
	return sp__seal_key_pair(&c->seal, out, SP_CLIENT_SPACE_OWED, sp_id16_bytes(room), sp_id16_bytes(account));
}

static enum sp_err add_opened(struct sp_buf *list, struct sp_bytes known, const struct sp_wire_opened_entry *opened)
{
	struct sp_writer w = sp_writer_on(list);
	sp_write_fixed(&w, known);
	if (opened)
		sp_wire_opened_entry_write(&w, opened);
	return sp_writer_finish(&w);
}

static enum sp_err put_owed(struct sp__batch *batch, const struct sp__record_key *key, struct sp_wire_record_owed *record, uint64_t revision,
			    const struct sp_wire_opened_entry *opened)
{
	struct sp_buf list;
	sp_buf_init(&list, 1u << 20);
	enum sp_err e = add_opened(&list, record->opened, opened);
	record->opened = sp_buf_bytes(&list);
	if (e == SP_OK) {
		sp__batch_expect(batch, key, revision);
		sp__batch_put_record(batch, key, sp_wire_record_owed_layout(), record);
	}
	sp_buf_clear(&list);
	return e;
}

enum sp_err sp__receipt_owe(struct sp__batch *batch, const struct sp_id16 *room, const struct sp_id16 *from, uint64_t delivered_seq,
			    const struct sp_wire_opened_entry *opened)
{
	struct sp_wire_record_owed record;
	struct sp__record_key key;
	struct sp_buf raw;
	uint64_t revision = 0;
	SP_TRY(owed_key(batch->client, &key, room, from));
	sp_buf_init(&raw, SP_PROFILE_VALUE_MAX);
	enum sp_err e = sp__record_get(batch->client, &key, sp_wire_record_owed_layout(), &raw, &record, &revision);
	if (e == SP_ERR_NOT_FOUND) {
		record = (struct sp_wire_record_owed){SP_RECORD_FORMAT, *room, *from, 0, SP_BYTES_NONE};
		revision = 0;
		e = SP_OK;
	}
	record.delivered_seq = SP_MAX(record.delivered_seq, delivered_seq);
	if (e == SP_OK)
		e = put_owed(batch, &key, &record, revision, opened);
	sp_buf_clear(&raw);
	return e;
}

/* -- sending -- */

struct sending {
	struct sp_client *client;
	struct sp__room *room;
	const struct sp_wire_record_owed *owed;
	struct sp_buf content, to_sign, signature, plain, aad, sealed, body;
	struct sp_wire_receipt receipt;
};

static void sending_init(struct sending *s, struct sp_client *c, const struct sp_wire_record_owed *owed)
{
	*s = (struct sending){.client = c, .owed = owed};
	sp_buf_init(&s->content, SP_LIMIT_CONTENT);
	sp_buf_init(&s->to_sign, 2 * SP_LIMIT_CONTENT);
	sp_buf_init(&s->signature, 256);
	sp_buf_init(&s->plain, 2 * SP_LIMIT_CONTENT);
	sp_buf_init(&s->aad, 256);
	sp_buf_init(&s->sealed, 2 * SP_LIMIT_CONTENT);
	sp_buf_init(&s->body, SP_LIMIT_ITEM);
}

static void sending_clear(struct sending *s)
{
	sp_buf_clear(&s->content);
	sp_buf_clear(&s->to_sign);
	sp_buf_clear(&s->signature);
	sp_buf_clear(&s->plain);
	sp_buf_clear(&s->aad);
	sp_buf_clear(&s->sealed);
	sp_buf_clear(&s->body);
}

static enum sp_err sign_content(struct sending *s)
{
	size_t entry = sizeof(struct sp_id16) + 8;
	struct sp_bytes opened = {s->owed->opened.p, SP_MIN(s->owed->opened.n, OPENED_MAX * entry)};
	struct sp_wire_receipt_content content = {
		.format = SP_WIRE_CONTENT_FORMAT,
		.leaf = sp_mls_group_own_leaf(s->room->group),
		.delivered_seq = s->owed->delivered_seq,
		.opened = opened,
		.time_ms = (uint64_t)sp__now().ms,
	};
	SP_TRY(sp_wire_receipt_content_encode(&s->content, &content));
	struct sp_wire_receipt_to_sign to_sign = {s->receipt.room_id, s->receipt.epoch, s->owed->account_id, sp_buf_bytes(&s->content)};
	SP_TRY(sp_wire_receipt_to_sign_encode(&s->to_sign, &to_sign));
	SP_TRY(sp_sign_with_label(&s->client->signer, &s->signature, sp_bytes_str(SP_LABEL_RECEIPT), sp_buf_bytes(&s->to_sign)));
	struct sp_wire_receipt_plain plain = {sp_buf_bytes(&s->content), sp_buf_bytes(&s->signature)};
	return sp_wire_receipt_plain_encode(&s->plain, &plain);
}

static enum sp_err seal_receipt(struct sending *s, const uint8_t key[32])
{
	struct sp_rng rng = sp_rng_system();
	struct sp_wire_receipt_aad aad = {s->receipt.room_id, s->receipt.epoch, s->owed->account_id};
	SP_TRY(sp_wire_receipt_aad_encode(&s->aad, &aad));
	SP_TRY(sp_rng_fill(&rng, s->receipt.nonce.b, sizeof s->receipt.nonce.b));
	SP_TRY(sp_aead_seal(&s->sealed, SP_AEAD_AES256GCM, (struct sp_bytes){key, 32}, s->receipt.nonce.b, sp_buf_bytes(&s->aad), sp_buf_bytes(&s->plain)));
	s->receipt.sealed = sp_buf_bytes(&s->sealed);
	return sp_wire_receipt_encode(&s->body, &s->receipt);
}

static enum sp_err make_receipt(struct sending *s)
{
	uint8_t key[32];
	SP_TRY(sp__room_get(s->client, &s->room, &s->owed->room_id));
	if (s->room->status != SP__ROOM_ACTIVE)
		return SP_ERR_STATE;
	SP_TRY(sp__room_group(s->client, s->room));
	s->receipt.room_id = s->room->id;
	s->receipt.epoch = sp_mls_view_epoch(sp_mls_group_view(s->room->group));
	SP_TRY(sign_content(s));
	enum sp_err e = sp_mls_group_export(s->room->group, key, sizeof key, SP_LABEL_RECEIPT_KEY, SP_BYTES_NONE);
	if (e == SP_OK)
		e = seal_receipt(s, key);
	sp_wipe(key, sizeof key);
	return e;
}

/* Not in the outbox: what is owed stays owed until it is answered, and said twice it says the same. */
static enum sp_err post_receipt(struct sending *s)
{
	struct sp_wire_inbox_append_request request = {.account_id = s->owed->account_id, .kind = SP_WIRE_ITEM_RECEIPT};
	struct sp_wire_appended at;
	struct sp_buf raw;
	SP_TRY(make_receipt(s));
	request.body = sp_buf_bytes(&s->body);
	SP_TRY(sp__reqno_take(s->client, &request.reqno));
	sp_buf_init(&raw, SP_LIMIT_FRAME);
	enum sp_err e = sp__call(s->client, SP_WIRE_INBOX_APPEND, &request, &raw, &at);
	sp_buf_clear(&raw);
	return e;
}

/* Whatever was added meanwhile makes another receipt. */
static enum sp_err forget_owed(struct sp_client *c, const struct sp__record_key *key, uint64_t revision)
{
	struct sp__batch batch;
	sp__batch_init(&batch, c);
	sp__batch_expect(&batch, key, revision);
	sp__batch_delete(&batch, key);
	enum sp_err e = sp__batch_apply(&batch, NULL);
	return e == SP_ERR_CONFLICT ? SP_OK : e;
}

static bool is_to_be_kept(struct sp_client *c, enum sp_err e)
{
	enum sp_err_class class = sp_err_class(e);
	return e != SP_OK && (!c->conn.net || class == SP_CLASS_AGAIN || class == SP_CLASS_IO || class == SP_CLASS_NOMEM || class == SP_CLASS_LIMIT);
}

static enum sp_err send_owed(struct sp_client *c, const struct sp__record_key *key, struct sp_buf *raw)
{
	struct sp_wire_record_owed owed;
	struct sending sending;
	uint64_t revision;
	enum sp_err e = sp__record_get(c, key, sp_wire_record_owed_layout(), raw, &owed, &revision);
	if (e == SP_ERR_NOT_FOUND)
		return SP_OK;
	SP_TRY(e);
	sending_init(&sending, c, &owed);
	e = post_receipt(&sending);
	sending_clear(&sending);
	if (is_to_be_kept(c, e))
		return e == SP_ERR_RATE ? SP_OK : e;
	return forget_owed(c, key, revision); /* sent, or nobody is there to receive it */
}

struct keys {
	struct sp__record_key *list;
	size_t n, cap;
};

static enum sp_err add_key(void *ctx, struct sp_bytes key, const void *record)
{
	struct keys *keys = ctx;
	SP_TRY(sp_array_grow(&keys->list, &keys->cap, keys->n + 1, sizeof *keys->list, 1u << 20));
	struct sp__record_key *copy = &keys->list[keys->n++];
	*copy = (struct sp__record_key){.space = SP_CLIENT_SPACE_OWED, .n = SP_MIN(key.n, sizeof copy->b)};
	sp_copy(copy->b, key.p, copy->n);
	return SP_OK;
}

enum sp_err sp__receipts_send(struct sp_client *c)
{
	struct keys keys = {0};
	struct sp_buf raw;
	struct sp__scan scan = {.space = SP_CLIENT_SPACE_OWED, .layout = sp_wire_record_owed_layout(), .visit = add_key, .ctx = &keys};
	sp_buf_init(&raw, SP_PROFILE_VALUE_MAX);
	enum sp_err e = sp__record_scan(c, &scan);
	for (size_t i = 0; e == SP_OK && i < keys.n; i++)
		e = send_owed(c, &keys.list[i], &raw);
	sp_buf_clear(&raw);
	sp_free(keys.list);
	return e;
}

/* -- receiving -- */

void sp__receipt_hold(struct sp__batch *batch, uint64_t inbox_seq, struct sp_bytes receipt)
{
	struct sp__record_key key = sp__seal_key_number(SP_CLIENT_SPACE_HELD, inbox_seq);
	struct sp_wire_record_held record = {SP_RECORD_FORMAT, (uint64_t)sp__now().ms, receipt};
	sp__batch_put_record(batch, &key, sp_wire_record_held_layout(), &record);
}

struct signer {
	struct sp_id16 account;
	uint8_t key[SP_KEM_PUBLIC_MAX];
	size_t key_n;
};

static void set_signer(struct signer *out, const struct sp_id16 *account, struct sp_bytes key)
{
	out->account = *account;
	out->key_n = SP_MIN(key.n, sizeof out->key);
	sp_copy(out->key, key.p, out->key_n);
}

/* Whose leaf it was in that epoch: one that was removed since, or one that is still there. */
static enum sp_err find_signer(const struct sp__room *room, uint32_t leaf, uint64_t epoch, struct signer *out)
{
	struct sp_reader r = sp_reader_of(sp_buf_bytes(&room->former));
	struct sp_wire_record_former former, found = {0};
	struct sp_mls_member member;
	struct sp_pki_claim claim;
	bool is_former = false;
	*out = (struct signer){0};
	while (!sp_reader_is_empty(&r)) { /* newest first: the last that fits is the first that left after that epoch */
		SP_TRY(sp_wire_record_former_read(&r, &former));
		if (former.leaf != leaf || former.last_epoch < epoch)
			continue;
		found = former;
		is_former = true;
	}
	if (is_former) {
		set_signer(out, &found.account_id, found.key);
		return SP_OK;
	}
	SP_TRY(sp_mls_view_member(&member, sp_mls_group_view(room->group), leaf));
	SP_TRY(sp__leaf_identity(&claim, &member.credential));
	set_signer(out, &claim.unverified.account_id, member.signature_key);
	return SP_OK;
}

static enum sp_err verify_signature(const struct signer *signer, struct sp_bytes signed_bytes, struct sp_bytes signature)
{
	struct sp_verify_key *key;
	SP_TRY(sp_verify_key_new(&key, SP_SIG_ECDSA_P256_SHA256, (struct sp_bytes){signer->key, signer->key_n}));
	enum sp_err e = sp_verify_with_label(key, sp_bytes_str(SP_LABEL_RECEIPT), signed_bytes, signature);
	sp_verify_key_free(&key);
	return e;
}

struct opening {
	struct sp_client *client;
	struct sp__room *room;
	struct sp_wire_receipt receipt;
	struct sp_buf aad, plain, to_sign;
};

static enum sp_err read_plain(struct opening *o)
{
	struct sp_wire_receipt_plain plain;
	struct sp_wire_receipt_content content;
	struct signer signer;
	SP_TRY(sp_wire_receipt_plain_decode(&plain, sp_buf_bytes(&o->plain)));
	SP_TRY(sp_wire_receipt_content_decode(&content, plain.content));
	if (content.format != SP_WIRE_CONTENT_FORMAT)
		return SP_ERR_UNSUPPORTED;
	SP_TRY(find_signer(o->room, content.leaf, o->receipt.epoch, &signer));
	struct sp_wire_receipt_to_sign to_sign = {o->receipt.room_id, o->receipt.epoch, o->client->me.account_id, plain.content};
	SP_TRY(sp_wire_receipt_to_sign_encode(&o->to_sign, &to_sign));
	SP_TRY(verify_signature(&signer, sp_buf_bytes(&o->to_sign), plain.signature));
	struct sp__reading reading = {
		.room = o->receipt.room_id,
		.account = signer.account,
		.delivered_seq = content.delivered_seq,
		.opened = content.opened,
		.time = {(int64_t)content.time_ms},
	};
	return sp__reading_store(o->client, &reading);
}

static enum sp_err open_sealed(struct opening *o)
{
	uint8_t key[32];
	struct sp_wire_receipt_aad aad = {o->receipt.room_id, o->receipt.epoch, o->client->me.account_id};
	SP_TRY(sp_wire_receipt_aad_encode(&o->aad, &aad));
	enum sp_err e = sp_mls_group_export_at(o->room->group, o->receipt.epoch, key, sizeof key, SP_LABEL_RECEIPT_KEY, SP_BYTES_NONE);
	if (e == SP_OK)
		e = sp_aead_open(&o->plain, SP_AEAD_AES256GCM, SP_BYTES_OF(key), o->receipt.nonce.b, sp_buf_bytes(&o->aad), o->receipt.sealed);
	sp_wipe(key, sizeof key);
	return e;
}

/* AGAIN: its epoch is not reached yet. */
static enum sp_err open_receipt(struct opening *o, struct sp_bytes bytes)
{
	SP_TRY(sp_wire_receipt_decode(&o->receipt, bytes));
	SP_TRY(sp__room_get(o->client, &o->room, &o->receipt.room_id));
	if (o->room->status == SP__ROOM_REJOIN || (o->room->status == SP__ROOM_ACTIVE && o->receipt.epoch > o->room->epoch))
		return SP_ERR_AGAIN;
	if (o->room->status != SP__ROOM_ACTIVE)
		return SP_ERR_STATE;
	SP_TRY(sp__room_group(o->client, o->room));
	SP_TRY(open_sealed(o));
	return read_plain(o);
}

struct held_list {
	struct sp__record_key *keys;
	size_t n, cap;
};

static enum sp_err add_held(void *ctx, struct sp_bytes key, const void *record)
{
	struct held_list *list = ctx;
	SP_TRY(sp_array_grow(&list->keys, &list->cap, list->n + 1, sizeof *list->keys, 1u << 20));
	struct sp__record_key *copy = &list->keys[list->n++];
	*copy = (struct sp__record_key){.space = SP_CLIENT_SPACE_HELD, .n = SP_MIN(key.n, sizeof copy->b)};
	sp_copy(copy->b, key.p, copy->n);
	return SP_OK;
}

static enum sp_err drop_held(struct sp_client *c, const struct sp__record_key *key)
{
	struct sp__batch batch;
	sp__batch_init(&batch, c);
	sp__batch_delete(&batch, key);
	return sp__batch_apply(&batch, NULL);
}

static enum sp_err settle_held(struct sp_client *c, const struct sp__record_key *key, struct sp_buf *raw)
{
	struct sp_wire_record_held held;
	struct opening opening = {.client = c};
	enum sp_err e = sp__record_get(c, key, sp_wire_record_held_layout(), raw, &held, NULL);
	if (e == SP_ERR_NOT_FOUND)
		return SP_OK;
	SP_TRY(e);
	sp_buf_init(&opening.aad, 256);
	sp_buf_init(&opening.plain, 2 * SP_LIMIT_CONTENT);
	sp_buf_init(&opening.to_sign, 2 * SP_LIMIT_CONTENT);
	e = open_receipt(&opening, held.receipt);
	sp_buf_clear(&opening.aad);
	sp_buf_clear(&opening.plain);
	sp_buf_clear(&opening.to_sign);
	enum sp_err_class class = sp_err_class(e);
	bool is_young = sp__now().ms < (int64_t)held.since_ms + HELD_MS;
	if (class == SP_CLASS_IO || class == SP_CLASS_NOMEM)
		return e;
	if (class == SP_CLASS_AGAIN && is_young)
		return SP_OK;
	return drop_held(c, key); /* taken, or never to be opened */
}

enum sp_err sp__receipts_settle(struct sp_client *c)
{
	struct held_list list = {0};
	struct sp_buf raw;
	struct sp__scan scan = {.space = SP_CLIENT_SPACE_HELD, .layout = sp_wire_record_held_layout(), .visit = add_held, .ctx = &list};
	sp_buf_init(&raw, SP_PROFILE_VALUE_MAX);
	enum sp_err e = sp__record_scan(c, &scan);
	for (size_t i = 0; e == SP_OK && i < list.n; i++)
		e = settle_held(c, &list.keys[i], &raw);
	sp_buf_clear(&raw);
	sp_free(list.keys);
	return e;
}
