/* SPDX-License-Identifier: Apache-2.0
 *
 * Rooms, people and key packages through a whole server, with real MLS. ATTACKS M02-M07, M10, M24, M27, M30, M38.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "player.h"
#include "wire/catalogue.h"

#define ERR(expr, e) assert_string_equal(sp_err_name(expr), sp_err_name(e))
#define DAY_S 86400

struct scene {
	struct world world;
	struct player ann, bob, cat;
	struct sp_id16 room;
};

static int open_scene(void **state)
{
	const struct world_options options = {.store = "sqlite:", .reactors = 2};
	struct scene *s = calloc(1, sizeof *s);

	world_make(&s->world, &options);
	world_start(&s->world);
	player_join(&s->ann, &s->world, "ann");
	player_join(&s->bob, &s->world, "bob");
	player_join(&s->cat, &s->world, "cat");
	s->room = (struct sp_id16){{7, 7, 7}};
	*state = s;
	return 0;
}

static int close_scene(void **state)
{
	struct scene *s = *state;

	player_clear(&s->ann);
	player_clear(&s->bob);
	player_clear(&s->cat);
	world_stop(&s->world);
	world_remove(&s->world);
	free(s);
	return 0;
}

static void restart(struct scene *s)
{
	struct player *all[] = {&s->ann, &s->bob, &s->cat};

	for (size_t i = 0; i < 3; i++)
		line_close(&all[i]->line);
	world_stop(&s->world);
	world_start(&s->world);
	for (size_t i = 0; i < 3; i++)
		line_login(&all[i]->line, &all[i]->member, NULL);
}

static void stock(struct player *p)
{
	const struct player_package *one = player_package(p, false, 60 * DAY_S);

	MUST(player_publish(p, &one, 1, NULL, NULL));
}

/* The commit that adds a player, by his next key package. */
static void add_commit(struct player *by, struct player *who, struct player_commit *out)
{
	struct sp_buf package;
	struct sp_mls_propose add = {.type = SP_MLS_PROPOSAL_ADD};
	size_t n;

	sp_buf_init(&package, 1u << 16);
	stock(who);
	MUST(player_take(by, &who->member.account_id, &package, &n));
	assert_int_equal(n, 1);
	add.key_package = sp_buf_bytes(&package);
	player_commit(by, out, &add, 1, true);
	sp_buf_clear(&package);
}

static uint64_t add(struct player *by, struct player *who)
{
	struct player_commit commit;
	struct sp_wire_appended done;
	struct sp_wire_welcome_item welcome;

	add_commit(by, who, &commit);
	MUST(player_handshake(by, &commit, &done));
	player_merge(by);
	player_commit_clear(&commit);
	player_welcomed(who, &welcome);
	assert_int_equal(welcome.seq, done.seq); /* read on after the commit that added */
	return done.seq;
}

static uint32_t leaf_of(struct player *by, struct player *who)
{
	struct sp_rules_party party = {who->member.account_id, who->member.device_id};
	struct sp_mls_member member;

	MUST(sp_verdict_leaf_of(&member, sp_mls_group_view(by->group), &party));
	return member.leaf;
}

/* -- the path of a message ----------------------------------------------------------------------------------------------- */

static void people_are_added_and_talk(void **state)
{
	struct scene *s = *state;
	struct sp_wire_appended done;

	MUST(player_room(&s->ann, &s->room, SP_RULES_INVITATION, NULL, 0));
	assert_int_equal(add(&s->ann, &s->bob), 1);
	MUST(player_say(&s->ann, "hello bob", &done));
	assert_int_equal(done.seq, 2);
	player_follow(&s->bob, 2, "hello bob");
	MUST(player_say(&s->bob, "hello ann", &done));
	player_follow(&s->ann, 3, "hello ann");
	restart(s); /* the room is read from its rows */
	assert_int_equal(add(&s->ann, &s->cat), 4);
	player_follow(&s->bob, 4, NULL);
	MUST(player_say(&s->cat, "hello all", &done));
	player_follow(&s->ann, 5, "hello all");
	player_follow(&s->bob, 5, "hello all");
}

static void who_is_removed_gets_nothing_more(void **state)
{
	struct scene *s = *state;
	struct sp_mls_propose removal = {.type = SP_MLS_PROPOSAL_REMOVE};
	struct player_commit commit;
	struct sp_wire_read_response read;

	MUST(player_room(&s->ann, &s->room, SP_RULES_INVITATION, NULL, 0));
	add(&s->ann, &s->bob);
	removal.removed = leaf_of(&s->ann, &s->bob);
	player_commit(&s->ann, &commit, &removal, 1, true);
	MUST(player_handshake(&s->ann, &commit, NULL));
	player_merge(&s->ann);
	player_commit_clear(&commit);
	ERR(player_read(&s->bob, SP_WIRE_LOG_ROOM, &s->room, 1, &read), SP_ERR_DENIED);
	ERR(player_say(&s->bob, "still here?", NULL), SP_ERR_DENIED);
	MUST(player_say(&s->ann, "alone", NULL));
}

/* Ann must not keep bob and cat from talking by taking the id of their direct room. */
static void nobody_takes_a_direct_rooms_id(void **state)
{
	struct scene *s = *state;
	struct sp_id16 id;

	MUST(sp_verdict_direct_id(&id, SP_RULES_PRIVATE, &s->bob.member.account_id, &s->cat.member.account_id));
	ERR(player_room(&s->ann, &id, SP_RULES_INVITATION, NULL, 0), SP_ERR_DENIED);
	assert_int_equal(s->ann.line.detail, SP_RULE_STATE_ID);
}

static void strangers_see_nothing(void **state)
{
	struct scene *s = *state;
	struct sp_wire_room_info_request info = {.room_id = s->room};
	struct sp_wire_room_tree_request tree = {.room_id = s->room};
	struct sp_wire_read_response read;
	struct sp_id16 nowhere = {{1}};

	MUST(player_room(&s->ann, &s->room, SP_RULES_INVITATION, NULL, 0));
	ERR(player_room(&s->bob, &s->room, SP_RULES_INVITATION, NULL, 0), SP_ERR_EXISTS);
	ERR(player_say(&s->bob, "x", NULL), SP_ERR_DENIED);
	ERR(player_read(&s->bob, SP_WIRE_LOG_ROOM, &s->room, 1, &read), SP_ERR_DENIED);
	ERR(player_read(&s->bob, SP_WIRE_LOG_INBOX, &s->ann.member.account_id, 1, &read), SP_ERR_DENIED);
	ERR(line_do(&s->bob.line, SP_WIRE_ROOM_INFO, sp_wire_room_info_request_layout(), &info, NULL, NULL), SP_ERR_NOT_FOUND);
	ERR(line_do(&s->bob.line, SP_WIRE_ROOM_TREE, sp_wire_room_tree_request_layout(), &tree, NULL, NULL), SP_ERR_DENIED);
	info.room_id = nowhere;
	ERR(line_do(&s->ann.line, SP_WIRE_ROOM_INFO, sp_wire_room_info_request_layout(), &info, NULL, NULL), SP_ERR_NOT_FOUND);
	info.room_id = s->room;
	struct sp_wire_room_info_response found;
	MUST(line_do(&s->ann.line, SP_WIRE_ROOM_INFO, sp_wire_room_info_request_layout(), &info, sp_wire_room_info_response_layout(), &found));
	assert_int_equal(found.epoch, 0);
	assert_true(found.ratchet_tree.n > 0);
}

/* -- what the server refuses ------------------------------------------------------------------------------------------------ */

static void refused(struct player *p, struct player_commit *commit, enum sp_err err, unsigned rule)
{
	ERR(player_handshake(p, commit, NULL), err);
	assert_int_equal(p->line.detail, rule);
}

static void m06_members_are_not_admins(void **state)
{
	struct scene *s = *state;
	struct sp_mls_propose removal = {.type = SP_MLS_PROPOSAL_REMOVE};
	struct player_commit commit;

	MUST(player_room(&s->ann, &s->room, SP_RULES_INVITATION, NULL, 0));
	add(&s->ann, &s->bob);
	removal.removed = leaf_of(&s->bob, &s->ann);
	player_commit(&s->bob, &commit, &removal, 1, true);
	refused(&s->bob, &commit, SP_ERR_DENIED, SP_RULE_REMOVE_ADMIN);
	player_discard(&s->bob);
	player_commit_clear(&commit);
	add_commit(&s->bob, &s->cat, &commit);
	refused(&s->bob, &commit, SP_ERR_DENIED, SP_RULE_ADD_ADMIN);
	player_discard(&s->bob);
	player_commit_clear(&commit);
	player_commit(&s->bob, &commit, NULL, 0, true); /* but anyone refreshes his own leaf */
	MUST(player_handshake(&s->bob, &commit, NULL));
	player_merge(&s->bob);
	player_commit_clear(&commit);
	player_follow(&s->ann, 2, NULL);
}

static void commits_are_whole_and_ones_own(void **state)
{
	struct scene *s = *state;
	struct player_commit commit, other;
	struct sp_buf kept;

	MUST(player_room(&s->ann, &s->room, SP_RULES_INVITATION, NULL, 0));
	add(&s->ann, &s->bob);
	player_commit(&s->ann, &commit, NULL, 0, false);
	refused(&s->ann, &commit, SP_ERR_DENIED, SP_RULE_CONTEXT_FORMAT); /* whatever the class, a rule's number is a refusal */
	player_discard(&s->ann);
	player_commit_clear(&commit);

	player_commit(&s->ann, &commit, NULL, 0, true);
	ERR(player_handshake(&s->bob, &commit, NULL), SP_ERR_DENIED); /* brought by another */
	commit.message.p[commit.message.n - 40] ^= 1;
	assert_int_not_equal(player_handshake(&s->ann, &commit, NULL), SP_OK);
	commit.message.p[commit.message.n - 40] ^= 1;
	commit.group_info.p[commit.group_info.n - 1] ^= 1;
	assert_int_not_equal(player_handshake(&s->ann, &commit, NULL), SP_OK);
	commit.group_info.p[commit.group_info.n - 1] ^= 1;
	commit.epoch++;
	ERR(player_handshake(&s->ann, &commit, NULL), SP_ERR_INVALID); /* says one thing, is another */
	commit.epoch--;
	MUST(player_handshake(&s->ann, &commit, NULL));
	ERR(player_handshake(&s->ann, &commit, NULL), SP_ERR_STALE_EPOCH);
	player_merge(&s->ann);
	player_commit_clear(&commit);
	player_follow(&s->bob, 2, NULL);

	add_commit(&s->ann, &s->cat, &other);
	kept = other.welcome;
	other.welcome = (struct sp_buf){.max = 1};
	ERR(player_handshake(&s->ann, &other, NULL), SP_ERR_INVALID); /* added, but not welcomed */
	other.welcome = kept;
	MUST(player_handshake(&s->ann, &other, NULL));
	player_merge(&s->ann);
	player_commit_clear(&other);
}

static void epochs_and_forms_are_checked(void **state)
{
	struct scene *s = *state;
	struct sp_mls_staged *staged;
	struct sp_bytes message;

	MUST(player_room(&s->ann, &s->room, SP_RULES_INVITATION, NULL, 0));
	uint64_t late = add(&s->ann, &s->bob);
	MUST(sp_mls_group_protect(&s->ann.env, s->ann.group, &staged, SP_BYTES_LIT("x"), SP_BYTES_NONE, 0));
	message = sp_mls_staged_info(staged)->message;
	ERR(player_append(&s->ann, 0, message, NULL), SP_ERR_INVALID);
	ERR(player_append(&s->ann, 2, message, NULL), SP_ERR_INVALID);
	MUST(player_append(&s->ann, 1, message, NULL));
	add(&s->ann, &s->cat);
	ERR(player_append(&s->ann, 1, message, NULL), SP_ERR_STALE_EPOCH);
	ERR(player_append(&s->ann, 2, SP_BYTES_LIT("not a message"), NULL), SP_ERR_UNSUPPORTED);
	sp_mls_staged_free(&staged);
	struct player_commit commit; /* a commit through the wrong door */
	player_commit(&s->ann, &commit, NULL, 0, true);
	ERR(player_append(&s->ann, 2, sp_buf_bytes(&commit.message), NULL), SP_ERR_INVALID);
	player_commit_clear(&commit);
	assert_int_equal(late, 1);
}

static void readers_do_not_write(void **state)
{
	struct scene *s = *state;

	MUST(player_room(&s->ann, &s->room, SP_RULES_INVITATION, &s->bob.member.account_id, 1));
	add(&s->ann, &s->bob);
	for (int i = 0; i < 2; i++) { /* the second time from memory */
		ERR(player_say(&s->bob, "x", NULL), SP_ERR_DENIED);
		assert_int_equal(s->bob.line.detail, SP_RULE_MESSAGE_READER);
	}
	MUST(player_say(&s->ann, "news", NULL));
	player_follow(&s->bob, 2, "news");
}

/* -- proposals --------------------------------------------------------------------------------------------------------------- */

static void a_proposal_outlives_the_server(void **state)
{
	struct scene *s = *state;
	struct sp_mls_propose leave = {.type = SP_MLS_PROPOSAL_REMOVE};
	struct sp_mls_staged *staged;
	struct player_commit commit;
	struct sp_wire_read_response read;

	MUST(player_room(&s->ann, &s->room, SP_RULES_INVITATION, NULL, 0));
	add(&s->ann, &s->bob);
	leave.removed = leaf_of(&s->bob, &s->bob);
	MUST(sp_mls_group_propose(&s->bob.env, s->bob.group, &staged, &leave, SP_BYTES_NONE, SP_MLS_WIRE_PUBLIC_MESSAGE));
	MUST(player_append(&s->bob, 1, sp_mls_staged_info(staged)->message, NULL));
	MUST(sp_mls_group_apply(s->bob.group, &staged));
	player_follow(&s->ann, 2, NULL);
	restart(s);
	player_commit(&s->ann, &commit, NULL, 0, true); /* by reference */
	MUST(player_handshake(&s->ann, &commit, NULL));
	player_merge(&s->ann);
	player_commit_clear(&commit);
	ERR(player_read(&s->bob, SP_WIRE_LOG_ROOM, &s->room, 1, &read), SP_ERR_DENIED);

	leave.removed = leaf_of(&s->ann, &s->ann);
	add(&s->ann, &s->bob);
	MUST(sp_mls_group_propose(&s->bob.env, s->bob.group, &staged, &leave, SP_BYTES_NONE, SP_MLS_WIRE_PUBLIC_MESSAGE));
	ERR(player_append(&s->bob, 3, sp_mls_staged_info(staged)->message, NULL), SP_ERR_DENIED); /* a member removes nobody else */
	assert_int_equal(s->bob.line.detail, SP_RULE_REMOVE_ADMIN);
	sp_mls_staged_free(&staged);
}

/* -- joining from outside --------------------------------------------------------------------------------------------------------- */

static enum sp_err outside_handshake(struct player *p, const struct sp_id16 *room, uint64_t epoch, struct sp_mls_join **join)
{
	struct sp_wire_handshake_append_request handshake = {
		.reqno = ++p->member.reqno,
		.room_id = *room,
		.epoch = epoch,
		.commit = sp_mls_join_info(*join)->message,
		.group_info = sp_mls_join_info(*join)->group_info,
	};

	SP_TRY(line_do(&p->line, SP_WIRE_HANDSHAKE_APPEND, sp_wire_handshake_append_request_layout(), &handshake, NULL, NULL));
	sp_mls_group_free(&p->group);
	p->group = sp_mls_join_accept(join);
	return SP_OK;
}

static enum sp_err join_from_outside(struct player *p, const struct sp_id16 *room, uint32_t resync_leaf)
{
	struct sp_wire_room_info_request request = {.room_id = *room};
	struct sp_wire_room_info_response info;
	struct sp_rules_context context = {(uint64_t)world_now().ms / 1000 - 60};
	struct sp_buf data, group_info, tree;
	struct sp_mls_join *join = NULL;
	static const uint16_t extension_types[] = {SP_RULES_EXTENSION_ROOM_STATE};

	SP_TRY(line_do(&p->line, SP_WIRE_ROOM_INFO, sp_wire_room_info_request_layout(), &request, sp_wire_room_info_response_layout(), &info));
	sp_buf_init(&data, 64);
	sp_buf_init(&group_info, SP_LIMIT_HANDSHAKE);
	sp_buf_init(&tree, SP_LIMIT_HANDSHAKE);
	MUST(sp_rules_context_encode(&data, &context));
	MUST(sp_buf_append(&group_info, info.group_info));
	MUST(sp_buf_append(&tree, info.ratchet_tree));
	struct sp_mls_external_params params = {
		.size = sizeof params,
		.group_info = sp_buf_bytes(&group_info),
		.ratchet_tree = sp_buf_bytes(&tree),
		.leaf = {.size = sizeof(struct sp_mls_leaf_params),
			 .credential = {SP_MLS_CREDENTIAL_X509, sp_buf_bytes(&p->chain)},
			 .extension_types = {extension_types, 1}},
		.resync_leaf = resync_leaf,
		.authenticated_data = sp_buf_bytes(&data),
		.with_group_info = true,
	};
	enum sp_err err = sp_mls_join_external(&p->env, &join, &params);
	if (err == SP_OK)
		err = outside_handshake(p, room, info.epoch, &join);
	sp_mls_join_free(&join);
	sp_buf_clear(&data);
	sp_buf_clear(&group_info);
	sp_buf_clear(&tree);
	return err;
}

static void open_rooms_are_joined_from_outside(void **state)
{
	struct scene *s = *state;

	MUST(player_room(&s->ann, &s->room, SP_RULES_OPEN, NULL, 0));
	MUST(join_from_outside(&s->bob, &s->room, SP_MLS_LEAF_NONE));
	player_follow(&s->ann, 1, NULL);
	MUST(player_say(&s->bob, "hello", NULL));
	player_follow(&s->ann, 2, "hello");
	MUST(join_from_outside(&s->bob, &s->room, leaf_of(&s->bob, &s->bob))); /* resynchronisation */
	player_follow(&s->ann, 3, NULL);
	MUST(player_say(&s->ann, "again", NULL));
	player_follow(&s->bob, 4, "again");
}

static void m04_nobody_else_is_replaced(void **state)
{
	struct scene *s = *state;

	MUST(player_room(&s->ann, &s->room, SP_RULES_OPEN, NULL, 0));
	MUST(join_from_outside(&s->bob, &s->room, SP_MLS_LEAF_NONE));
	player_follow(&s->ann, 1, NULL);
	assert_int_not_equal(join_from_outside(&s->cat, &s->room, leaf_of(&s->ann, &s->bob)), SP_OK);
	MUST(player_say(&s->bob, "here", NULL));
}

static void m03_closed_rooms_are_not(void **state)
{
	struct scene *s = *state;

	MUST(player_room(&s->ann, &s->room, SP_RULES_INVITATION, NULL, 0));
	ERR(join_from_outside(&s->bob, &s->room, SP_MLS_LEAF_NONE), SP_ERR_NOT_FOUND);
	add(&s->ann, &s->bob);
	MUST(join_from_outside(&s->bob, &s->room, leaf_of(&s->bob, &s->bob))); /* a member may resynchronise */
	player_follow(&s->ann, 2, NULL);
	ERR(join_from_outside(&s->bob, &s->room, SP_MLS_LEAF_NONE), SP_ERR_INVALID); /* but have no second leaf: MLS itself refuses the same key */
}

/* -- key packages ---------------------------------------------------------------------------------------------------------------- */

static void packages_are_judged_when_published(void **state)
{
	struct scene *s = *state;
	const struct player_package *good = player_package(&s->bob, false, 60 * DAY_S), *last = player_package(&s->bob, true, 60 * DAY_S);
	const struct player_package *eternal = player_package(&s->bob, false, 400 * DAY_S);
	const struct player_package *foreign = player_package(&s->cat, false, 60 * DAY_S);
	uint32_t count;

	assert_int_not_equal(player_publish(&s->bob, &eternal, 1, NULL, NULL), SP_OK);    /* M10 */
	ERR(player_publish(&s->bob, &foreign, 1, NULL, NULL), SP_ERR_DENIED);            /* M30 */
	ERR(player_publish(&s->bob, &last, 1, NULL, NULL), SP_ERR_INVALID);              /* says that it stays */
	ERR(player_publish(&s->bob, NULL, 0, good, NULL), SP_ERR_INVALID);               /* does not say it */
	MUST(player_publish(&s->bob, &good, 1, last, &count));
	assert_int_equal(count, 1);
	ERR(player_publish(&s->bob, &good, 1, NULL, NULL), SP_ERR_INVALID); /* again */
	struct sp_wire_key_package_count_response stock_now;
	MUST(line_do(&s->bob.line, SP_WIRE_KEY_PACKAGE_COUNT, sp_wire_empty_layout(), &stock_now, sp_wire_key_package_count_response_layout(),
		     &stock_now));
	assert_int_equal(stock_now.count, 1);
	assert_true(stock_now.has_last_resort);
}

static void m27_nobody_drains_another(void **state)
{
	struct scene *s = *state;
	const struct player_package *good = player_package(&s->bob, false, 60 * DAY_S), *last = player_package(&s->bob, true, 60 * DAY_S);
	struct sp_buf first, second;
	size_t n;
	int taken = 0;
	enum sp_err err;

	sp_buf_init(&first, 1u << 20);
	sp_buf_init(&second, 1u << 20);
	MUST(player_publish(&s->bob, &good, 1, last, NULL));
	MUST(player_take(&s->ann, &s->bob.member.account_id, &first, &n));
	assert_true(sp_bytes_equal(sp_buf_bytes(&first), sp_buf_bytes(&good->message)));
	MUST(player_take(&s->ann, &s->bob.member.account_id, &second, &n));
	assert_true(sp_bytes_equal(sp_buf_bytes(&second), sp_buf_bytes(&last->message)));
	while ((err = player_take(&s->ann, &s->bob.member.account_id, &first, &n)) == SP_OK && taken < 1000)
		taken++;
	ERR(err, SP_ERR_RATE);
	MUST(player_take(&s->cat, &s->bob.member.account_id, &second, &n)); /* others go on */
	assert_int_equal(n, 1);
	MUST(player_take(&s->bob, &s->bob.member.account_id, &second, &n)); /* the asking device is left out */
	assert_int_equal(n, 0);
	sp_buf_clear(&first);
	sp_buf_clear(&second);
}

/* -- people ------------------------------------------------------------------------------------------------------------------------- */

static void the_directory_tells_of_all(void **state)
{
	struct scene *s = *state;
	struct sp_wire_directory_request request = {.since = 0, .max = 2};
	struct sp_wire_directory_response page;
	struct sp_wire_directory_account account = {0};
	size_t seen = 0;

	do {
		MUST(line_do(&s->ann.line, SP_WIRE_DIRECTORY, sp_wire_directory_request_layout(), &request, sp_wire_directory_response_layout(), &page));
		for (struct sp_reader r = sp_reader_of(page.accounts); !sp_reader_is_empty(&r); seen++) {
			MUST(sp_wire_directory_account_read(&r, &account));
			assert_true(account.online);
			assert_true(account.chain.n > 0);
			assert_true(account.certificates.n > 0);
		}
		request.since = account.changed;
	} while (page.more);
	assert_int_equal(seen, 3);
	assert_int_equal(page.version, account.changed);
}

static enum sp_err list_put(struct player *p, struct sp_sign_key *signer, uint8_t flags)
{
	struct sp_signed_device_list first;
	struct sp_hash32 hash;
	struct sp_buf next;
	struct sp_signer s = sp_sign_key_signer(signer);
	enum sp_err err;

	sp_buf_init(&next, SP_LIMIT_DEVICE_LIST);
	MUST(sp_device_list_decode(&first, sp_buf_bytes(&p->member.list)));
	MUST(sp_sha256(&hash, sp_buf_bytes(&p->member.list)));
	first.list.version = 2;
	first.list.previous_hash = hash;
	first.list.flags = flags;
	MUST(sp_device_list_sign(&next, &first.list, &s));
	struct sp_wire_device_list_put_request request = {.reqno = ++p->member.reqno, .device_list = sp_buf_bytes(&next)};
	err = line_do(&p->line, SP_WIRE_DEVICE_LIST_PUT, sp_wire_device_list_put_request_layout(), &request, NULL, NULL);
	sp_buf_clear(&next);
	return err;
}

static void lists_form_a_chain(void **state)
{
	struct scene *s = *state;

	ERR(list_put(&s->bob, s->cat.member.key, 0), SP_ERR_DENIED);
	ERR(list_put(&s->bob, s->bob.member.key, SP_DEVICE_LIST_RECOVERED), SP_ERR_DENIED);
	MUST(list_put(&s->bob, s->bob.member.key, 0));
	assert_int_not_equal(list_put(&s->bob, s->bob.member.key, 0), SP_OK);
}

static void receipts_stay_within_the_room(void **state)
{
	struct scene *s = *state;
	struct sp_wire_receipt receipt = {.room_id = s->room, .epoch = 1, .sealed = SP_BYTES_LIT("sealed")};
	struct sp_wire_inbox_append_request request = {.account_id = s->ann.member.account_id, .kind = SP_WIRE_ITEM_RECEIPT};
	struct sp_buf body;

	sp_buf_init(&body, 256);
	MUST(sp_wire_receipt_encode(&body, &receipt));
	request.body = sp_buf_bytes(&body);
	MUST(player_room(&s->ann, &s->room, SP_RULES_INVITATION, NULL, 0));
	add(&s->ann, &s->bob);
	request.reqno = ++s->bob.member.reqno;
	MUST(line_do(&s->bob.line, SP_WIRE_INBOX_APPEND, sp_wire_inbox_append_request_layout(), &request, NULL, NULL));
	request.reqno = ++s->cat.member.reqno;
	ERR(line_do(&s->cat.line, SP_WIRE_INBOX_APPEND, sp_wire_inbox_append_request_layout(), &request, NULL, NULL), SP_ERR_DENIED);
	request.reqno = ++s->bob.member.reqno;
	request.account_id = s->cat.member.account_id;
	ERR(line_do(&s->bob.line, SP_WIRE_INBOX_APPEND, sp_wire_inbox_append_request_layout(), &request, NULL, NULL), SP_ERR_DENIED);
	request.reqno = ++s->bob.member.reqno;
	request.account_id = s->ann.member.account_id;
	request.kind = SP_WIRE_ITEM_WELCOME;
	ERR(line_do(&s->bob.line, SP_WIRE_INBOX_APPEND, sp_wire_inbox_append_request_layout(), &request, NULL, NULL), SP_ERR_INVALID);
	struct sp_wire_cursor_set_request cursor = {.reqno = ++s->bob.member.reqno, .log = {SP_WIRE_LOG_ROOM, s->room}, .seq = 1};
	MUST(line_do(&s->bob.line, SP_WIRE_CURSOR_SET, sp_wire_cursor_set_request_layout(), &cursor, NULL, NULL));
	sp_buf_clear(&body);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, open_scene, close_scene)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(people_are_added_and_talk),
		SCENE(who_is_removed_gets_nothing_more),
		SCENE(nobody_takes_a_direct_rooms_id),
		SCENE(strangers_see_nothing),
		SCENE(m06_members_are_not_admins),
		SCENE(commits_are_whole_and_ones_own),
		SCENE(epochs_and_forms_are_checked),
		SCENE(readers_do_not_write),
		SCENE(a_proposal_outlives_the_server),
		SCENE(open_rooms_are_joined_from_outside),
		SCENE(m04_nobody_else_is_replaced),
		SCENE(m03_closed_rooms_are_not),
		SCENE(packages_are_judged_when_published),
		SCENE(m27_nobody_drains_another),
		SCENE(the_directory_tells_of_all),
		SCENE(lists_form_a_chain),
		SCENE(receipts_stay_within_the_room),
	};
	return cmocka_run_group_tests_name("rooms", tests, NULL, NULL);
}
