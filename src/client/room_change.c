/* SPDX-License-Identifier: Apache-2.0
 *
 * Committing changes: whoever is wished in or out, whoever's device was revoked, whatever others proposed. A commit is
 * pending, durable and in the outbox before it is sent; when another was first it is made again in the new epoch.
 * RFC 9420 section 12.4; ATTACKS M29, M35.
 */
#include "client/client_priv.h"

#define TRIES 8
#define PROPOSALS_MAX 2048u

/* What one commit is made of. Bytes of proposals borrow from `taken`. */
struct draft {
	struct sp_client *client;
	struct sp__room *room;
	struct sp__intent intent;
	struct sp_mls_propose *list;
	size_t n, cap;
	struct sp_buf taken;        /* the server's answer with key packages */
	struct sp_buf context;      /* CommitContext */
	struct sp_buf name;         /* RoomName */
	struct sp_buf body;
	struct sp_mls_staged *staged;
	uint64_t reqno;
};

static void draft_init(struct draft *d, struct sp_client *c)
{
	*d = (struct draft){.client = c};
	sp_buf_init(&d->taken, SP_LIMIT_FRAME);
	sp_buf_init(&d->context, 64);
	sp_buf_init(&d->name, 2 * SP_LIMIT_ROOM_NAME);
	sp_buf_init(&d->body, SP_LIMIT_FRAME);
	sp_buf_init(&d->intent.raw, SP_PROFILE_VALUE_MAX);
}

static void draft_clear(struct draft *d)
{
	sp__intent_clear(&d->intent);
	sp_free(d->list);
	sp_buf_clear(&d->taken);
	sp_buf_clear(&d->context);
	sp_buf_clear(&d->name);
	sp_buf_clear(&d->body);
	sp_mls_staged_free(&d->staged);
}

static enum sp_err add_proposal(struct draft *d, const struct sp_mls_propose *proposal)
{
	SP_TRY(sp_array_grow(&d->list, &d->cap, d->n + 1, sizeof *d->list, PROPOSALS_MAX));
	d->list[d->n++] = *proposal;
	return SP_OK;
}

/* -- who goes -- */

static bool list_has(struct sp_bytes list, const struct sp_id16 *account)
{
	struct sp_reader r = sp_reader_of(list);
	struct sp_wire_account_ref ref;
	while (!sp_reader_is_empty(&r) && sp_wire_account_ref_read(&r, &ref) == SP_OK) {
		if (sp_id16_equal(&ref.account_id, account))
			return true;
	}
	return false;
}

static enum sp_err draft_removals(struct draft *d)
{
	const struct sp_mls_view *view = sp_mls_group_view(d->room->group);
	struct sp_mls_member m;
	struct sp_pki_claim claim;
	for (uint32_t leaf = 0; sp_mls_view_next(&m, view, leaf) == SP_OK; leaf = m.leaf + 1) {
		if (m.leaf == sp_mls_group_own_leaf(d->room->group) || sp__leaf_identity(&claim, &m.credential) != SP_OK)
			continue;
		bool is_revoked = sp_pki_trust_is_revoked(d->client->trust, &claim.unverified.serial, 0);
		if (!is_revoked && !list_has(d->intent.record.remove, &claim.unverified.account_id))
			continue;
		struct sp_mls_propose remove = {.type = SP_MLS_PROPOSAL_REMOVE, .removed = m.leaf};
		SP_TRY(add_proposal(d, &remove));
	}
	return SP_OK;
}

/* -- who comes -- */

/* Accounts that are wished in and not in yet; each once. */
static enum sp_err list_missing(const struct draft *d, struct sp_buf *out)
{
	struct sp_reader r = sp_reader_of(d->intent.record.add);
	struct sp_wire_account_ref ref;
	struct sp_writer w = sp_writer_on(out);
	while (!sp_reader_is_empty(&r)) {
		SP_TRY(sp_wire_account_ref_read(&r, &ref));
		if (!sp__room_has_account(d->room, &ref.account_id) && !list_has(sp_buf_bytes(out), &ref.account_id))
			sp_wire_account_ref_write(&w, &ref);
	}
	return sp_writer_finish(&w);
}

/* M29: the server must give the package of the device that it says, and that device must be the account's. */
static enum sp_err check_taken(struct draft *d, const struct sp_wire_taken_key_package *taken, struct sp_bytes wanted)
{
	struct sp__mls mls;
	struct sp_mls_key_package_info info;
	struct sp_rules_party party;
	sp__mls_init(&mls, d->client, sp__now());
	if (!list_has(wanted, &taken->account_id))
		return SP_ERR_DENIED;
	SP_TRY(sp_mls_key_package_verify(&mls.env, &info, taken->key_package));
	SP_TRY(sp_verdict_party(&party, &info.member.credential));
	if (!sp_id16_equal(&party.account, &taken->account_id) || !sp_id16_equal(&party.device, &taken->device_id))
		return SP_ERR_DENIED;
	return info.suite == SP_VERDICT_SUITE ? SP_OK : SP_ERR_UNSUPPORTED;
}

static enum sp_err take_package(struct draft *d, const struct sp_wire_taken_key_package *taken, struct sp_bytes wanted)
{
	enum sp_err e = check_taken(d, taken, wanted);
	if (sp_err_class(e) == SP_CLASS_AUTH || sp_err_class(e) == SP_CLASS_INPUT) {
		sp__trouble_note(d->client, e, &d->room->id, "the server gave a key package that is not the person's");
		return SP_FAIL(&d->client->diag, e, 0, "the server gave a key package that is not the person's");
	}
	SP_TRY(e);
	struct sp_mls_propose add = {.type = SP_MLS_PROPOSAL_ADD, .key_package = taken->key_package};
	return add_proposal(d, &add);
}

static enum sp_err check_all_came(struct draft *d, struct sp_bytes wanted, struct sp_bytes came)
{
	struct sp_reader r = sp_reader_of(wanted);
	struct sp_wire_account_ref ref;
	while (!sp_reader_is_empty(&r)) {
		SP_TRY(sp_wire_account_ref_read(&r, &ref));
		if (!list_has(came, &ref.account_id))
			return SP_FAIL(&d->client->diag, SP_ERR_NOT_FOUND, 0, "this person cannot be added: there is no device of theirs at the server");
	}
	return SP_OK;
}

static enum sp_err take_packages(struct draft *d, struct sp_bytes wanted, struct sp_buf *came)
{
	struct sp_wire_key_package_take_request request = {.account_ids = wanted};
	struct sp_wire_key_package_take_response response;
	struct sp_wire_taken_key_package taken;
	struct sp_writer w = sp_writer_on(came);
	SP_TRY(sp__reqno_take(d->client, &request.reqno));
	SP_TRY(sp__call(d->client, SP_WIRE_KEY_PACKAGE_TAKE, &request, &d->taken, &response));
	struct sp_reader r = sp_reader_of(response.taken);
	while (!sp_reader_is_empty(&r)) {
		SP_TRY(sp_wire_taken_key_package_read(&r, &taken));
		SP_TRY(take_package(d, &taken, wanted));
		sp_wire_account_ref_write(&w, &(struct sp_wire_account_ref){taken.account_id});
	}
	SP_TRY(sp_writer_finish(&w));
	return check_all_came(d, wanted, sp_buf_bytes(came));
}

static enum sp_err draft_additions(struct draft *d)
{
	struct sp_buf wanted, came;
	sp_buf_init(&wanted, 1u << 20);
	sp_buf_init(&came, 1u << 20);
	enum sp_err e = list_missing(d, &wanted);
	if (e == SP_OK && wanted.n > 0)
		e = take_packages(d, sp_buf_bytes(&wanted), &came);
	sp_buf_clear(&wanted);
	sp_buf_clear(&came);
	return e;
}

/* -- the commit -- */

static enum sp_err stage_commit(struct draft *d)
{
	struct sp__mls mls;
	struct sp_rules_context context = {sp_pki_trust_crl_number(d->client->trust)};
	struct sp_wire_room_name name = {sp_bytes_str(d->room->name)};
	SP_TRY(sp_rules_context_encode(&d->context, &context));
	SP_TRY(sp_wire_room_name_encode(&d->name, &name));
	struct sp_mls_extension name_extension = {SP_WIRE_EXTENSION_ROOM_NAME, sp_buf_bytes(&d->name)};
	struct sp_mls_commit_params params = {
		.size = sizeof params,
		.proposals = d->list,
		.n_proposals = d->n,
		.force_path = true, /* each change heals the committer's keys too */
		.authenticated_data = sp_buf_bytes(&d->context),
		.wire_format = SP_MLS_WIRE_PUBLIC_MESSAGE,
		.welcome_extensions = {&name_extension, 1},
		.with_group_info = true,
	};
	sp__mls_init(&mls, d->client, sp__now());
	enum sp_err e = sp_mls_group_commit(&mls.env, d->room->group, &d->staged, &params);
	return e == SP_OK ? e : SP_FAIL(&d->client->diag, e, mls.diag.rule, mls.diag.text ? mls.diag.text : "the room cannot be changed so");
}

static enum sp_err encode_request(struct draft *d)
{
	const struct sp_mls_staged_info *info = sp_mls_staged_info(d->staged);
	struct sp_wire_handshake_append_request request = {
		.reqno = d->reqno,
		.room_id = d->room->id,
		.epoch = info->epoch,
		.commit = info->message,
		.group_info = info->group_info,
		.welcome = info->welcome,
	};
	return sp_wire_handshake_append_request_encode(&d->body, &request);
}

static enum sp_err put_commit(struct draft *d, struct sp__batch *batch)
{
	struct sp_wire_record_counters counters;
	SP_TRY(sp__counters_begin(batch, &counters));
	d->reqno = counters.reqno++;
	sp__counters_put(batch, &counters);
	SP_TRY(encode_request(d));
	struct sp_wire_record_outbox out = {
		.format = SP_RECORD_FORMAT,
		.reqno = d->reqno,
		.type = SP_WIRE_HANDSHAKE_APPEND,
		.purpose = SP__OUTBOX_COMMIT,
		.room_id = d->room->id,
		.body = sp_buf_bytes(&d->body),
	};
	sp__room_expect(batch, d->room);
	sp__room_put(batch, d->room);
	sp__room_put_rows(batch, d->room, sp_mls_staged_write_set(d->staged));
	sp__outbox_put(batch, &out);
	SP_TRY(sp__batch_apply(batch, &d->room->revision));
	return sp_mls_group_apply(d->room->group, &d->staged);
}

static enum sp_err commit_draft(struct draft *d)
{
	struct sp__batch batch;
	sp__batch_init(&batch, d->client);
	enum sp_err e = put_commit(d, &batch);
	sp__batch_clear(&batch);
	return e;
}

/* -- carrying out what is wished -- */

static enum sp_err drop_intent(struct sp_client *c, const struct sp_id16 *room)
{
	struct sp__batch batch;
	sp__batch_init(&batch, c);
	sp__intent_delete(&batch, room);
	return sp__batch_apply(&batch, NULL);
}

static enum sp_err discard_pending(struct sp_client *c, struct sp__room *room)
{
	struct sp__mls mls;
	struct sp_mls_staged *staged = NULL;
	struct sp__batch batch;
	sp__mls_init(&mls, c, sp__now());
	SP_TRY(sp_mls_group_discard_pending(&mls.env, room->group, &staged));
	sp__batch_init(&batch, c);
	sp__room_expect(&batch, room);
	sp__room_put(&batch, room);
	sp__room_put_rows(&batch, room, sp_mls_staged_write_set(staged));
	sp__outbox_drop_room(&batch, &room->id, SP__OUTBOX_COMMIT);
	enum sp_err e = sp__batch_apply(&batch, &room->revision);
	if (e == SP_OK)
		e = sp_mls_group_apply(room->group, &staged);
	sp_mls_staged_free(&staged);
	return e;
}

/* A commit is pending. Where its request stands in the outbox, another process on this profile is sending it, and settle
 * flushes and tries again; where it is gone, what became of it was read from the log. */
static enum sp_err clear_pending(struct draft *d)
{
	bool is_asked;
	SP_TRY(sp__outbox_find_room(d->client, &d->room->id, SP__OUTBOX_COMMIT, &is_asked));
	return is_asked ? SP_ERR_STALE_EPOCH : discard_pending(d->client, d->room);
}

/* The whole of one attempt. d->reqno stays 0 when there was nothing to commit. */
static enum sp_err make_commit(struct draft *d, const struct sp_id16 *id, bool even_without_wish)
{
	SP_TRY(sp__room_get(d->client, &d->room, id));
	if (d->room->status == SP__ROOM_CREATING) /* what is wished waits for the server's answer, in whichever process it comes */
		return SP_OK;
	if (d->room->status != SP__ROOM_ACTIVE)
		return SP_FAIL(&d->client->diag, SP_ERR_STATE, 0, "this device is not in the room");
	SP_TRY(sp__room_group(d->client, d->room));
	if (sp_mls_group_has_pending(d->room->group))
		SP_TRY(clear_pending(d));
	SP_TRY(sp__intent_get(d->client, &d->intent, id));
	bool has_stored = sp_mls_group_proposal_count(d->room->group) > 0;
	if (sp__intent_is_empty(&d->intent) && !has_stored && !even_without_wish)
		return SP_OK;
	SP_TRY(draft_removals(d));
	SP_TRY(draft_additions(d));
	if (d->n == 0 && !has_stored)
		return sp__intent_is_empty(&d->intent) ? SP_OK : drop_intent(d->client, id);
	SP_TRY(stage_commit(d));
	return commit_draft(d);
}

struct attempt {
	const struct sp_id16 *id;
	bool even_without_wish;
	uint64_t reqno;
};

static enum sp_err step_commit(struct sp_client *c, void *ctx)
{
	struct attempt *attempt = ctx;
	struct draft draft;
	draft_init(&draft, c);
	enum sp_err e = make_commit(&draft, attempt->id, attempt->even_without_wish);
	attempt->reqno = e == SP_OK ? draft.reqno : 0;
	draft_clear(&draft);
	if (e != SP_OK)
		sp__room_forget(c, attempt->id);
	return e;
}

/* What cannot be granted is not wished for ever. */
static bool is_final(enum sp_err e)
{
	enum sp_err_class class = sp_err_class(e);
	if (e == SP_ERR_RATE)
		return false;
	return class == SP_CLASS_AUTH || class == SP_CLASS_INPUT || class == SP_CLASS_LIMIT || class == SP_CLASS_NOTFOUND || class == SP_CLASS_STATE;
}

static enum sp_err refresh(struct sp_client *c)
{
	SP_TRY(sp__crl_refresh(c));
	return sp__directory_sync(c, true);
}

static enum sp_err settle_once(struct sp_client *c, struct attempt *attempt)
{
	SP_TRY(sp__outbox_flush(c)); /* a commit of another process may be on its way */
	enum sp_err e = sp__retry(c, step_commit, attempt);
	if (e == SP_ERR_NEED_CREDENTIAL) {
		SP_TRY(refresh(c));
		e = sp__retry(c, step_commit, attempt);
		if (e == SP_ERR_NEED_CREDENTIAL)
			e = SP_FAIL(&c->diag, SP_ERR_CERTIFICATE, 0, "a person's device is not in the list that the person signed; it is not added");
	}
	if (e == SP_OK && attempt->reqno != 0)
		e = sp__outbox_send(c, attempt->reqno);
	return e == SP_ERR_NOT_FOUND && attempt->reqno != 0 ? SP_OK : e; /* the other process sent it */
}

enum sp_err sp__room_settle(struct sp_client *c, const struct sp_id16 *id, bool even_without_wish)
{
	struct attempt attempt = {.id = id, .even_without_wish = even_without_wish};
	enum sp_err e = SP_ERR_STALE_EPOCH;
	for (int i = 0; i < TRIES && (e == SP_ERR_STALE_EPOCH || e == SP_ERR_STALE_REQNO || e == SP_ERR_FUTURE_EPOCH); i++) {
		if (i > 0)
			SP_TRY(sp__room_drain(c, id));
		e = settle_once(c, &attempt);
	}
	if (is_final(e)) {
		enum sp_err ignored = drop_intent(c, id);
		(void)ignored;
	}
	return e;
}

struct change {
	const struct sp_id16 *id, *add, *remove;
	size_t add_n, remove_n;
};

static enum sp_err step_wish(struct sp_client *c, void *ctx)
{
	const struct change *change = ctx;
	struct sp__batch batch;
	sp__batch_init(&batch, c);
	sp__intent_put(&batch, change->id, change->add, change->add_n, change->remove, change->remove_n);
	return sp__batch_apply(&batch, NULL);
}

enum sp_err sp__room_change(struct sp_client *c, const struct sp_id16 *id, const struct sp_id16 *add, size_t add_n, const struct sp_id16 *remove,
			    size_t remove_n)
{
	struct change change = {id, add, remove, add_n, remove_n};
	SP_TRY(sp__retry(c, step_wish, &change));
	return sp__room_settle(c, id, false);
}

/* -- all wishes, at sync -- */

struct wishes {
	struct sp_id16 *list;
	size_t n, cap;
};

static enum sp_err add_wish(void *ctx, struct sp_bytes key, const void *record)
{
	struct wishes *wishes = ctx;
	SP_TRY(sp_array_grow(&wishes->list, &wishes->cap, wishes->n + 1, sizeof *wishes->list, 1u << 20));
	wishes->list[wishes->n++] = ((const struct sp_wire_record_intent *)record)->room_id;
	return SP_OK;
}

static enum sp_err settle_each(struct sp_client *c, const struct wishes *wishes)
{
	for (size_t i = 0; i < wishes->n; i++) {
		enum sp_err e = sp__room_settle(c, &wishes->list[i], false);
		if (is_final(e))
			sp__trouble_note(c, e, &wishes->list[i], "a change of this room that was begun could not be finished");
		else
			SP_TRY(e);
	}
	return SP_OK;
}

enum sp_err sp__intents_settle(struct sp_client *c)
{
	struct wishes wishes = {0};
	struct sp__scan scan = {.space = SP_CLIENT_SPACE_INTENT, .layout = sp_wire_record_intent_layout(), .visit = add_wish, .ctx = &wishes};
	enum sp_err e = sp__record_scan(c, &scan);
	if (e == SP_OK)
		e = settle_each(c, &wishes);
	sp_free(wishes.list);
	return e;
}

/* -- the server's answer -- */

struct answer {
	const struct sp_wire_record_outbox *out;
	const struct sp_wire_appended *at;
};

static enum sp_err merge(struct sp__batch *batch, struct sp__room *room, const struct answer *a, struct sp_mls_staged **staged)
{
	struct sp__mls mls;
	struct sp_wire_record_counters counters;
	struct sp_wire_item item = {.seq = a->at->seq, .time_ms = a->at->time_ms};
	sp__mls_init(&mls, batch->client, sp__now());
	SP_TRY(sp__counters_begin(batch, &counters));
	SP_TRY(sp_mls_group_merge_pending(&mls.env, room->group, staged));
	SP_TRY(sp__room_note_commit(batch, &counters, room, *staged, &item));
	sp__counters_put(batch, &counters);
	SP_TRY(sp__intent_fulfil(batch, &room->id, sp_mls_staged_after(*staged)));
	if (room->next_seq == a->at->seq)
		room->next_seq++;
	sp__outbox_delete(batch, a->out->reqno);
	sp__room_expect(batch, room);
	sp__room_put(batch, room);
	sp__room_put_rows(batch, room, sp_mls_staged_write_set(*staged));
	SP_TRY(sp__batch_apply(batch, &room->revision));
	return sp_mls_group_apply(room->group, staged);
}

/* Is the pending commit the one that was answered? Another process may have merged that one and made the next. */
static bool is_pending_of(const struct sp__room *room, const struct answer *a)
{
	struct sp_wire_handshake_append_request request;
	struct sp_mls_pending pending;
	if (!room->group || sp_mls_group_pending(room->group, &pending) != SP_OK)
		return false;
	return sp_wire_handshake_append_request_decode(&request, a->out->body) == SP_OK && sp_bytes_equal(request.commit, pending.message);
}

static enum sp_err take_accepted(struct sp__batch *batch, const struct answer *a, struct sp_mls_staged **staged)
{
	struct sp__room *room;
	enum sp_err e = sp__room_get(batch->client, &room, &a->out->room_id);
	if (e == SP_OK && room->status == SP__ROOM_ACTIVE)
		SP_TRY(sp__room_group(batch->client, room));
	if (e == SP_OK && is_pending_of(room, a))
		return merge(batch, room, a, staged);
	if (e != SP_OK && e != SP_ERR_NOT_FOUND)
		return e;
	sp__outbox_delete(batch, a->out->reqno); /* its echo was read before */
	return sp__batch_apply(batch, NULL);
}

static enum sp_err step_accepted(struct sp_client *c, void *ctx)
{
	const struct answer *a = ctx;
	struct sp_mls_staged *staged = NULL;
	struct sp__batch batch;
	sp__batch_init(&batch, c);
	enum sp_err e = take_accepted(&batch, a, &staged);
	sp__batch_clear(&batch);
	sp_mls_staged_free(&staged);
	if (e != SP_OK)
		sp__room_forget(c, &a->out->room_id);
	return e;
}

/* STALE_REQNO leaves open whether it was taken: the log tells, so the pending commit stays until it was read. */
static enum sp_err take_refused(struct sp_client *c, const struct answer *a, bool keep_pending)
{
	struct sp__room *room;
	struct sp__batch batch;
	enum sp_err e = sp__room_get(c, &room, &a->out->room_id);
	if (e == SP_OK && room->status == SP__ROOM_ACTIVE && !keep_pending) {
		SP_TRY(sp__room_group(c, room));
		if (is_pending_of(room, a))
			return discard_pending(c, room); /* drops the request too */
	}
	sp__batch_init(&batch, c);
	sp__outbox_delete(&batch, a->out->reqno);
	return sp__batch_apply(&batch, NULL);
}

static enum sp_err step_refused(struct sp_client *c, void *ctx)
{
	enum sp_err e = take_refused(c, ctx, false);
	if (e != SP_OK)
		sp__room_forget(c, &((const struct answer *)ctx)->out->room_id);
	return e;
}

static enum sp_err step_unknown(struct sp_client *c, void *ctx)
{
	return take_refused(c, ctx, true);
}

enum sp_err sp__room_commit_answered(struct sp_client *c, const struct sp_wire_record_outbox *out, enum sp_err answer, const struct sp_wire_appended *at)
{
	struct answer a = {out, at};
	sp__step_fn *step = answer == SP_OK ? step_accepted : answer == SP_ERR_STALE_REQNO ? step_unknown : step_refused;
	SP_TRY(sp__retry(c, step, &a));
	return answer;
}
