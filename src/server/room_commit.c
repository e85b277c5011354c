/* SPDX-License-Identifier: Apache-2.0
 *
 * handshake_append: one commit, judged as a member would judge it (but for what needs secrets), and everything that comes of it: the
 * public group's rows, the GroupInfo, the roster, a Welcome for each joiner's inbox. One request, one change (DESIGN "Handshakes are atomic").
 *
 * Caveat: confirmation tag, membership tag and the path's ciphertexts cannot be checked without the group's secrets (M15, M16).
 */
#include <stdlib.h>

#include "server/rooms_priv.h"
#include "wire/inbox.h"
#include "wire/room.h"

#define REF_MAX 64u

struct joiner { /* one Add */
	struct sp_id16 account;
	uint8_t ref[REF_MAX];
	size_t ref_n;
};

struct commit {
	struct sp__room *room;
	struct sp_mls_staged *staged;
	struct sp_store_row *rows;
	struct joiner *joiners; /* by account */
	size_t joiner_n;
	struct sp_id16 *joined, *left, *staying; /* accounts; staying: sorted, one for each leaf, only when somebody leaves */
	size_t joined_n, left_n, staying_n;
	struct sp_store_inbox_item *inbox;
	struct sp_buf *welcomes; /* the inbox items' bodies */
	uint64_t *inbox_seq;
	size_t inbox_n;
	struct sp_buf tree;
};

/* -- the message ---------------------------------------------------------------------------------------------------- */

static enum sp_err shape_check(const struct sp_wire_handshake_append_request *wire, struct sp_diag *diag)
{
	struct sp_mls_peek peek;

	SP_TRY(sp_mls_peek(&peek, wire->commit));
	SP_TRY(sp_rules_form_judge(peek.wire_format == SP_MLS_WIRE_PUBLIC_MESSAGE, false, diag));
	if (peek.content_type != SP_MLS_CONTENT_COMMIT || peek.epoch != wire->epoch)
		return SP_ERR_INVALID;
	return sp_bytes_equal(peek.group_id, sp_id16_bytes(&wire->room_id)) ? SP_OK : SP_ERR_INVALID;
}

static enum sp_err epoch_check(const struct sp__room *room, uint64_t named)
{
	uint64_t now = sp_mls_view_epoch(sp_mls_public_group_view(room->group));

	if (named == now)
		return SP_OK;
	return named < now ? SP_ERR_STALE_EPOCH : SP_ERR_FUTURE_EPOCH;
}

/* -- who comes and who goes ------------------------------------------------------------------------------------------- */

static int compare_ids(const void *a, const void *b)
{
	const struct sp_id16 *x = a, *y = b;

	return sp_bytes_compare(sp_id16_bytes(x), sp_id16_bytes(y));
}

static int compare_joiners(const void *a, const void *b)
{
	const struct joiner *x = a, *y = b;

	return compare_ids(&x->account, &y->account);
}

static enum sp_err arrays_make(struct commit *c, const struct sp_mls_staged_info *info)
{
	c->joiners = sp_alloc_array(info->n_proposals, sizeof *c->joiners);
	c->joined = sp_alloc_array(info->n_proposals + 1, sizeof *c->joined);
	c->left = sp_alloc_array(info->n_proposals, sizeof *c->left);
	return c->joiners && c->joined && c->left ? SP_OK : SP_ERR_NOMEM;
}

/* KeyPackageRef wants an MLSMessage; an Add carries the bare KeyPackage. */
static enum sp_err joiner_ref(struct joiner *joiner, const struct sp__judge *j, struct sp_bytes key_package)
{
	static const uint8_t head[] = {0, SP_MLS_VERSION_10, 0, SP_MLS_WIRE_KEY_PACKAGE};
	struct sp_buf message, ref;
	enum sp_err err;

	sp_buf_init(&message, SP_LIMIT_HANDSHAKE);
	sp_buf_init(&ref, REF_MAX);
	err = sp_buf_append(&message, SP_BYTES_OF(head));
	if (err == SP_OK)
		err = sp_buf_append(&message, key_package);
	if (err == SP_OK)
		err = sp_mls_key_package_ref(&j->env, &ref, sp_buf_bytes(&message));
	if (err == SP_OK) {
		sp_copy(joiner->ref, ref.p, ref.n);
		joiner->ref_n = ref.n;
	}
	sp_buf_clear(&message);
	sp_buf_clear(&ref);
	return err;
}

static enum sp_err note_add(struct commit *c, const struct sp__judge *j, const struct sp_mls_proposal *p)
{
	struct joiner *joiner = &c->joiners[c->joiner_n++];
	struct sp_rules_party party;

	SP_TRY(sp_verdict_party(&party, &p->member.credential));
	joiner->account = party.account;
	c->joined[c->joined_n++] = party.account;
	return joiner_ref(joiner, j, p->key_package);
}

static enum sp_err note_remove(struct commit *c, const struct sp_mls_proposal *p)
{
	struct sp_rules_party party;

	SP_TRY(sp_verdict_party(&party, &p->member.credential));
	c->left[c->left_n++] = party.account;
	return SP_OK;
}

static enum sp_err changes_note(struct commit *c, const struct sp__judge *j, const struct sp_mls_staged_info *info)
{
	struct sp_rules_party party;

	for (size_t i = 0; i < info->n_proposals; i++) {
		if (info->proposals[i]->type == SP_MLS_PROPOSAL_ADD)
			SP_TRY(note_add(c, j, info->proposals[i]));
		else if (info->proposals[i]->type == SP_MLS_PROPOSAL_REMOVE)
			SP_TRY(note_remove(c, info->proposals[i]));
	}
	qsort(c->joiners, c->joiner_n, sizeof *c->joiners, compare_joiners);
	if (info->sender.type != SP_MLS_SENDER_NEW_MEMBER_COMMIT)
		return SP_OK;
	SP_TRY(sp_verdict_party(&party, &info->from.credential));
	c->joined[c->joined_n++] = party.account;
	return SP_OK;
}

static enum sp_err staying_list(struct commit *c, const struct sp_mls_view *after)
{
	struct sp_mls_member member;
	struct sp_rules_party party;

	c->staying = sp_alloc_array(sp_mls_view_member_count(after), sizeof *c->staying);
	if (!c->staying)
		return SP_ERR_NOMEM;
	for (uint32_t leaf = 0; sp_mls_view_next(&member, after, leaf) == SP_OK; leaf = member.leaf + 1) {
		SP_TRY(sp_verdict_party(&party, &member.credential));
		c->staying[c->staying_n++] = party.account;
	}
	qsort(c->staying, c->staying_n, sizeof *c->staying, compare_ids);
	return SP_OK;
}

/* An account leaves with its last device. */
static enum sp_err left_filter(struct commit *c, const struct sp_mls_view *after)
{
	size_t n = 0;

	if (c->left_n == 0)
		return SP_OK;
	SP_TRY(staying_list(c, after));
	for (size_t i = 0; i < c->left_n; i++)
		if (!bsearch(&c->left[i], c->staying, c->staying_n, sizeof *c->staying, compare_ids))
			c->left[n++] = c->left[i];
	c->left_n = n;
	return SP_OK;
}

/* -- Welcomes ------------------------------------------------------------------------------------------------------------ */

/* The joiners of one account, from `at` on. */
static size_t account_run(const struct commit *c, size_t at)
{
	size_t n = 1;

	while (at + n < c->joiner_n && sp_id16_equal(&c->joiners[at].account, &c->joiners[at + n].account))
		n++;
	return n;
}

static enum sp_err slice(struct sp_buf *out, const struct commit *c, size_t at, size_t n, struct sp_bytes welcome)
{
	struct sp_bytes refs[SP_LIMIT_ACCOUNT_DEVICES];

	if (n > SP_ARRAY_LEN(refs))
		return SP_ERR_TOO_MANY;
	for (size_t i = 0; i < n; i++)
		refs[i] = (struct sp_bytes){c->joiners[at + i].ref, c->joiners[at + i].ref_n};
	return sp_mls_welcome_slice(out, welcome, refs, n);
}

/* struct { opaque room_id[16]; uint64 epoch; uint64 seq; opaque welcome<V>; } WelcomeItem: the store writes seq, which only it knows. */
static enum sp_err welcome_item(struct commit *c, const struct sp_wire_handshake_append_request *wire, const struct sp_id16 *account, struct sp_bytes sliced)
{
	struct sp_wire_welcome_item item = {.room_id = wire->room_id, .epoch = wire->epoch + 1, .welcome = sliced};
	struct sp_buf *body = &c->welcomes[c->inbox_n];

	sp_buf_init(body, SP_LIMIT_HANDSHAKE + 64u);
	c->inbox_n++;
	SP_TRY(sp_wire_welcome_item_encode(body, &item));
	c->inbox[c->inbox_n - 1] = (struct sp_store_inbox_item){
		.account = *account, .kind = SP_WIRE_ITEM_WELCOME, .body = sp_buf_bytes(body), .seq_at = body->p + sizeof item.room_id.b + sizeof item.epoch};
	return SP_OK;
}

static enum sp_err account_welcome(struct commit *c, const struct sp_wire_handshake_append_request *wire, size_t at, size_t n)
{
	struct sp_buf sliced;
	enum sp_err err;

	sp_buf_init(&sliced, SP_LIMIT_HANDSHAKE);
	err = slice(&sliced, c, at, n, wire->welcome);
	if (err == SP_ERR_NOT_FOUND)
		err = SP_ERR_INVALID; /* added, but not welcomed: it could never come in */
	if (err == SP_OK)
		err = welcome_item(c, wire, &c->joiners[at].account, sp_buf_bytes(&sliced));
	sp_buf_clear(&sliced);
	return err;
}

static enum sp_err welcomes_make(struct commit *c, const struct sp_wire_handshake_append_request *wire, const struct sp_mls_view *after)
{
	if ((c->joiner_n == 0) != (wire->welcome.n == 0))
		return SP_ERR_INVALID;
	if (c->joiner_n == 0)
		return SP_OK;
	c->inbox = sp_alloc_array(c->joiner_n, sizeof *c->inbox);
	c->welcomes = sp_alloc_array(c->joiner_n, sizeof *c->welcomes);
	c->inbox_seq = sp_alloc_array(c->joiner_n, sizeof *c->inbox_seq);
	if (!c->inbox || !c->welcomes || !c->inbox_seq)
		return SP_ERR_NOMEM;
	for (size_t at = 0, n; at < c->joiner_n; at += n) {
		n = account_run(c, at);
		SP_TRY(account_welcome(c, wire, at, n));
	}
	/* joiners get the tree from us */
	return sp_mls_view_ratchet_tree(after, &c->tree);
}

/* -- the judgement ------------------------------------------------------------------------------------------------------- */

static void op_fill(struct sp_server_request *req, const struct commit *c, const struct sp_wire_handshake_append_request *wire)
{
	req->has_op = true;
	req->op.verb = SP_STORE_HANDSHAKE;
	req->op.u.handshake = (struct sp_store_handshake){
		.room = wire->room_id,
		.epoch = wire->epoch,
		.commit = wire->commit,
		.group_info = wire->group_info,
		.tree = sp_buf_bytes(&c->tree),
		.rows = c->rows,
		.row_count = sp_mls_staged_write_set(c->staged).n,
		.joined = c->joined,
		.joined_count = c->joined_n,
		.left = c->left,
		.left_count = c->left_n,
		.inbox = c->inbox,
		.inbox_count = c->inbox_n,
		.inbox_seq = c->inbox_seq,
	};
}

static enum sp_err consequences(struct sp_server_request *req, struct commit *c, const struct sp__judge *j)
{
	const struct sp_wire_handshake_append_request *wire = req->decoded;
	const struct sp_mls_staged_info *info = sp_mls_staged_info(c->staged);
	const struct sp_mls_view *after = sp_mls_staged_after(c->staged);

	SP_TRY(sp_mls_view_group_info_verify(&j->env, after, wire->group_info));
	SP_TRY(arrays_make(c, info));
	SP_TRY(changes_note(c, j, info));
	SP_TRY(left_filter(c, after));
	SP_TRY(welcomes_make(c, wire, after));
	SP_TRY(sp__rows_of(&c->rows, sp_mls_staged_write_set(c->staged)));
	op_fill(req, c, wire);
	return SP_OK;
}

static enum sp_err judge(struct sp_server_request *req, struct commit *c, struct sp__judge *j)
{
	const struct sp_wire_handshake_append_request *wire = req->decoded;

	SP_TRY(shape_check(wire, &j->diag));
	SP_TRY(sp__room_take(&c->room, j, &wire->room_id));
	SP_TRY(epoch_check(c->room, wire->epoch));
	SP_TRY(sp_mls_public_group_process(&j->env, c->room->group, &c->staged, wire->commit));
	if (sp_mls_staged_info(c->staged)->kind != SP_MLS_STAGED_COMMIT)
		return SP_ERR_INVALID;
	/* a commit is brought by who made it: nobody else has its GroupInfo and Welcome */
	SP_TRY(sp__judge_is_whose(&sp_mls_staged_info(c->staged)->from.credential, &req->who));
	return consequences(req, c, j);
}

enum sp_err sp__room_commit_judge(struct sp_server_request *req)
{
	struct commit *c = sp_alloc(sizeof *c);
	struct sp__judge j;

	if (!c)
		return SP_ERR_NOMEM;
	sp_buf_init(&c->tree, SP_LIMIT_HANDSHAKE);
	req->state = c; /* freed by clear, whatever happens */
	sp__judge_init(&j, req->server, req->now);
	return sp__judge_verdict(req, &j, judge(req, c, &j));
}

/* -- afterwards ------------------------------------------------------------------------------------------------------------ */

static enum sp_err publish(struct sp_server_request *req, const struct commit *c)
{
	const struct sp_wire_handshake_append_request *wire = req->decoded;
	struct sp_store_log room = {SP_STORE_LOG_ROOM, wire->room_id};
	struct sp_store_item commit = {.seq = req->op.seq, .time = req->op.time, .kind = SP_WIRE_ITEM_COMMIT, .body = wire->commit};

	SP_TRY(sp_server_publish(req->server, &room, &commit));
	for (size_t i = 0; i < c->inbox_n; i++) {
		struct sp_store_log inbox = {SP_STORE_LOG_INBOX, c->inbox[i].account};
		struct sp_store_item item = {.seq = c->inbox_seq[i], .time = req->op.time, .kind = c->inbox[i].kind, .body = c->inbox[i].body};

		SP_TRY(sp_server_publish(req->server, &inbox, &item));
	}
	/* who is removed still gets the commit that says so, and nothing after it (M38) */
	for (size_t i = 0; i < c->left_n; i++)
		SP_TRY(sp_server_unsubscribe(req->server, &room, &c->left[i]));
	return SP_OK;
}

enum sp_err sp__room_commit_done(struct sp_server_request *req)
{
	const struct sp_wire_handshake_append_request *wire = req->decoded;
	struct commit *c = req->state;

	if (!req->op.replayed) {
		sp__posting_set(req->server, sp_mls_staged_after(c->staged));
		sp_server_roster_forget(req->server, &wire->room_id);
		sp__room_apply(req->server, c->room, &c->staged);
		c->room->proposals = 0;
		SP_TRY(publish(req, c));
	}
	return sp__answer_appended(req, req->op.seq);
}

void sp__room_commit_clear(struct sp_server_request *req)
{
	struct commit *c = req->state;

	if (!c)
		return;
	sp_mls_staged_free(&c->staged);
	sp__room_give(req->server, &c->room);
	for (size_t i = 0; i < c->inbox_n; i++)
		sp_buf_clear(&c->welcomes[i]);
	sp_buf_clear(&c->tree);
	sp_free(c->rows);
	sp_free(c->joiners);
	sp_free(c->joined);
	sp_free(c->left);
	sp_free(c->staying);
	sp_free(c->inbox);
	sp_free(c->welcomes);
	sp_free(c->inbox_seq);
	sp_free(c);
	req->state = NULL;
}
