/* SPDX-License-Identifier: Apache-2.0
 *
 * Groups through the public face: the ways of a group's life, in every suite.
 */
#include "world.h"

#define FOUR struct client alice, bob, carol, dave
#define ALL(...) (struct client *[]){__VA_ARGS__}

static void start(struct client *alice, struct client *bob, struct client *carol, struct client *dave, uint16_t suite)
{
	client_init(alice, "alice", suite);
	client_init(bob, "bob", suite);
	client_init(carol, "carol", suite);
	client_init(dave, "dave", suite);
	world_create(alice, (struct sp_mls_extensions){NULL, 0});
}

static void end(struct client *alice, struct client *bob, struct client *carol, struct client *dave)
{
	client_clear(alice);
	client_clear(bob);
	client_clear(carol);
	client_clear(dave);
}

static struct sp_buf buf(void)
{
	struct sp_buf b;
	sp_buf_init(&b, 1u << 26);
	return b;
}

static const struct sp_mls_commit_params empty_commit = {.size = sizeof empty_commit};

/* -- one life in every suite ---------------------------------------------------------------------------------------------------- */

static void live(uint16_t suite)
{
	FOUR;
	start(&alice, &bob, &carol, &dave, suite);
	world_add(&alice, ALL(&alice), 1, ALL(&bob, &carol), 2);
	world_agree(ALL(&alice, &bob, &carol), 3);
	world_say(&alice, ALL(&alice, &bob, &carol), 3, "hello");
	world_say(&bob, ALL(&alice, &bob, &carol), 3, "hello alice");
	client_reload(&bob);
	world_commit(&bob, ALL(&alice, &bob, &carol), 3, NULL, 0, &empty_commit, NULL);
	client_reload(&carol);
	world_say(&carol, ALL(&alice, &bob, &carol), 3, "after bob's path");
	world_add(&carol, ALL(&alice, &bob, &carol), 3, ALL(&dave), 1);
	world_say(&dave, ALL(&alice, &bob, &carol, &dave), 4, "dave is here");
	const struct sp_mls_propose removal = {.type = SP_MLS_PROPOSAL_REMOVE, .removed = client_leaf_index(&bob)};
	const struct sp_mls_commit_params params = {.proposals = &removal, .n_proposals = 1, .wire_format = SP_MLS_WIRE_PRIVATE_MESSAGE};
	world_commit(&dave, ALL(&alice, &bob, &carol, &dave), 4, NULL, 0, &params, NULL);
	assert_int_equal(sp_mls_group_state(bob.group), SP_MLS_GROUP_REMOVED);
	client_reload(&bob);
	assert_int_equal(sp_mls_group_state(bob.group), SP_MLS_GROUP_REMOVED);
	world_agree(ALL(&alice, &carol, &dave), 3);
	world_say(&alice, ALL(&alice, &carol, &dave), 3, "without bob");
	end(&alice, &bob, &carol, &dave);
}

static void test_life_in_every_suite(void **state)
{
	for (uint16_t suite = 1; suite <= 7; suite++)
		live(suite);
}

/* -- proposals by reference ----------------------------------------------------------------------------------------------------- */

static void propose(struct client *by, struct client **members, size_t n, const struct sp_mls_propose *what, enum sp_mls_wire_format format)
{
	struct sp_mls_staged *staged = NULL;
	struct sp_buf message = buf();
	assert_int_equal(sp_mls_group_propose(&by->env, by->group, &staged, what, SP_BYTES_NONE, format), SP_OK);
	assert_int_equal(sp_buf_append(&message, sp_mls_staged_info(staged)->message), SP_OK);
	client_apply(by, &staged);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(client_receive(members[i], sp_buf_bytes(&message)),
				 members[i] == by ? SP_MLS_STAGED_OWN : SP_MLS_STAGED_PROPOSAL);
	sp_buf_clear(&message);
}

static void test_proposals_by_reference(void **state)
{
	FOUR;
	const struct sp_mls_propose update = {.type = SP_MLS_PROPOSAL_UPDATE};
	start(&alice, &bob, &carol, &dave, 1);
	world_add(&alice, ALL(&alice), 1, ALL(&bob, &carol), 2);
	propose(&bob, ALL(&alice, &bob, &carol), 3, &update, SP_MLS_WIRE_PUBLIC_MESSAGE);
	client_key_package(&dave);
	const struct sp_mls_propose add = {.type = SP_MLS_PROPOSAL_ADD, .key_package = sp_buf_bytes(&dave.kp)};
	propose(&carol, ALL(&alice, &bob, &carol), 3, &add, SP_MLS_WIRE_PRIVATE_MESSAGE);
	client_reload(&bob);
	struct sp_mls_staged *staged = NULL; /* section 12.4: a commit first */
	assert_int_equal(sp_mls_group_protect(&bob.env, bob.group, &staged, SP_BYTES_LIT("x"), SP_BYTES_NONE, 0), SP_ERR_STATE);
	world_commit(&alice, ALL(&alice, &bob, &carol), 3, ALL(&dave), 1, &empty_commit, NULL);
	world_agree(ALL(&alice, &bob, &carol, &dave), 4);
	world_commit(&bob, ALL(&alice, &bob, &carol, &dave), 4, NULL, 0, &empty_commit, NULL);
	world_say(&bob, ALL(&alice, &bob, &carol, &dave), 4, "with my new leaf");
	end(&alice, &bob, &carol, &dave);
}

/* Section 12.2's preferences: what does not fit together is left out and is no error. */
static void test_stored_proposals_are_chosen(void **state)
{
	FOUR;
	const struct sp_mls_propose update = {.type = SP_MLS_PROPOSAL_UPDATE};
	start(&alice, &bob, &carol, &dave, 1);
	world_add(&alice, ALL(&alice), 1, ALL(&bob, &carol), 2);
	const struct sp_mls_propose remove_bob = {.type = SP_MLS_PROPOSAL_REMOVE, .removed = client_leaf_index(&bob)};
	const struct sp_mls_propose remove_alice = {.type = SP_MLS_PROPOSAL_REMOVE, .removed = client_leaf_index(&alice)};
	const struct sp_mls_propose reinit = {.type = SP_MLS_PROPOSAL_REINIT, .reinit_suite = 1, .reinit_group_id = SP_BYTES_LIT("next")};
	propose(&bob, ALL(&alice, &bob, &carol), 3, &update, SP_MLS_WIRE_PUBLIC_MESSAGE);
	propose(&bob, ALL(&alice, &bob, &carol), 3, &update, SP_MLS_WIRE_PUBLIC_MESSAGE);
	propose(&carol, ALL(&alice, &bob, &carol), 3, &remove_bob, SP_MLS_WIRE_PUBLIC_MESSAGE);
	propose(&bob, ALL(&alice, &bob, &carol), 3, &remove_alice, SP_MLS_WIRE_PUBLIC_MESSAGE);
	propose(&carol, ALL(&alice, &bob, &carol), 3, &reinit, SP_MLS_WIRE_PUBLIC_MESSAGE);
	propose(&alice, ALL(&alice, &bob, &carol), 3, &update, SP_MLS_WIRE_PUBLIC_MESSAGE);
	world_commit(&alice, ALL(&alice, &bob, &carol), 3, NULL, 0, &empty_commit, NULL);
	assert_int_equal(sp_mls_group_state(bob.group), SP_MLS_GROUP_REMOVED);
	assert_int_equal(sp_mls_group_state(carol.group), SP_MLS_GROUP_ACTIVE);
	assert_int_equal(sp_mls_view_member_count(sp_mls_group_view(carol.group)), 2);
	world_say(&carol, ALL(&alice, &carol), 2, "two left");
	end(&alice, &bob, &carol, &dave);
}

/* -- pending commits ------------------------------------------------------------------------------------------------------------- */

static void commit_pending(struct client *c, const struct sp_mls_commit_params *params, struct sp_buf *out)
{
	struct sp_mls_staged *staged = NULL;
	struct sp_mls_commit_params p = *params;
	p.size = sizeof p;
	p.wire_format = SP_MLS_WIRE_PUBLIC_MESSAGE;
	assert_int_equal(sp_mls_group_commit(&c->env, c->group, &staged, &p), SP_OK);
	assert_int_equal(sp_mls_staged_info(staged)->kind, SP_MLS_STAGED_PENDING);
	assert_int_equal(sp_buf_append(out, sp_mls_staged_info(staged)->message), SP_OK);
	client_apply(c, &staged);
	assert_true(sp_mls_group_has_pending(c->group));
}

static void test_pending_survives_a_restart(void **state)
{
	FOUR;
	struct sp_buf message = buf();
	start(&alice, &bob, &carol, &dave, 2);
	world_add(&alice, ALL(&alice), 1, ALL(&bob), 1);
	commit_pending(&bob, &empty_commit, &message);
	client_reload(&bob);
	assert_true(sp_mls_group_has_pending(bob.group));
	struct sp_mls_staged *staged = NULL;
	assert_int_equal(sp_mls_group_process(&bob.env, bob.group, &staged, sp_buf_bytes(&message)), SP_OK);
	assert_int_equal(sp_mls_staged_info(staged)->kind, SP_MLS_STAGED_COMMIT);
	assert_true(sp_mls_staged_info(staged)->is_own);
	client_apply(&bob, &staged);
	assert_int_equal(client_receive(&alice, sp_buf_bytes(&message)), SP_MLS_STAGED_COMMIT);
	world_agree(ALL(&alice, &bob), 2);
	assert_int_equal(client_receive(&bob, sp_buf_bytes(&message)), SP_MLS_STAGED_OWN); /* once more: M35 */
	assert_int_equal(client_refuses(&alice, sp_buf_bytes(&message)), SP_ERR_STALE_EPOCH);
	world_say(&bob, ALL(&alice, &bob), 2, "still in step");
	sp_buf_clear(&message);
	end(&alice, &bob, &carol, &dave);
}

static void test_foreign_commit_discards_pending(void **state)
{
	FOUR;
	struct sp_buf lost = buf(), won = buf();
	start(&alice, &bob, &carol, &dave, 1);
	world_add(&alice, ALL(&alice), 1, ALL(&bob, &carol), 2);
	const struct sp_mls_propose removal = {.type = SP_MLS_PROPOSAL_REMOVE, .removed = client_leaf_index(&carol)};
	const struct sp_mls_commit_params params = {.proposals = &removal, .n_proposals = 1};
	commit_pending(&alice, &params, &lost);
	commit_pending(&bob, &empty_commit, &won);
	struct sp_mls_staged *staged = NULL;
	assert_int_equal(sp_mls_group_process(&alice.env, alice.group, &staged, sp_buf_bytes(&won)), SP_OK);
	const struct sp_mls_staged_info *info = sp_mls_staged_info(staged);
	assert_true(info->discards_pending);
	assert_int_equal(info->n_lost, 1);
	assert_int_equal(info->lost[0]->type, SP_MLS_PROPOSAL_REMOVE);
	assert_int_equal(info->lost[0]->member.leaf, client_leaf_index(&carol));
	client_apply(&alice, &staged);
	assert_false(sp_mls_group_has_pending(alice.group));
	client_receive(&bob, sp_buf_bytes(&won));
	client_receive(&carol, sp_buf_bytes(&won));
	world_agree(ALL(&alice, &bob, &carol), 3);
	sp_buf_clear(&lost);
	sp_buf_clear(&won);
	end(&alice, &bob, &carol, &dave);
}

static void test_discard(void **state)
{
	FOUR;
	struct sp_buf message = buf();
	struct sp_mls_staged *staged = NULL;
	start(&alice, &bob, &carol, &dave, 1);
	world_add(&alice, ALL(&alice), 1, ALL(&bob), 1);
	commit_pending(&alice, &empty_commit, &message);
	assert_int_equal(sp_mls_group_commit(&alice.env, alice.group, &staged, &empty_commit), SP_ERR_STATE);
	assert_int_equal(sp_mls_group_discard_pending(&alice.env, alice.group, &staged), SP_OK);
	client_apply(&alice, &staged);
	assert_int_equal(client_refuses(&alice, sp_buf_bytes(&message)), SP_ERR_OWN);
	world_say(&alice, ALL(&alice, &bob), 2, "as before");
	sp_buf_clear(&message);
	end(&alice, &bob, &carol, &dave);
}

/* -- order, repetition, past epochs ------------------------------------------------------------------------------------------------ */

static void protect(struct client *c, const char *text, struct sp_buf *out)
{
	struct sp_mls_staged *staged = NULL;
	*out = buf();
	assert_int_equal(sp_mls_group_protect(&c->env, c->group, &staged, sp_bytes_str(text), SP_BYTES_NONE, 0), SP_OK);
	assert_int_equal(sp_buf_append(out, sp_mls_staged_info(staged)->message), SP_OK);
	client_apply(c, &staged);
}

static void test_order_and_repetition(void **state)
{
	FOUR;
	struct sp_buf m[5];
	start(&alice, &bob, &carol, &dave, 1);
	world_add(&alice, ALL(&alice), 1, ALL(&bob), 1);
	bob.limits.out_of_order = 2;
	for (size_t i = 0; i < 5; i++)
		protect(&alice, "in some order", &m[i]);
	assert_int_equal(client_receive(&bob, sp_buf_bytes(&m[4])), SP_MLS_STAGED_APPLICATION);
	client_reload(&bob);
	assert_int_equal(client_refuses(&bob, sp_buf_bytes(&m[4])), SP_ERR_DUPLICATE); /* M21 */
	assert_int_equal(client_receive(&bob, sp_buf_bytes(&m[2])), SP_MLS_STAGED_APPLICATION);
	assert_int_equal(client_refuses(&bob, sp_buf_bytes(&m[2])), SP_ERR_KEY_GONE); /* beyond the window nothing is known any more */
	assert_int_equal(client_receive(&bob, sp_buf_bytes(&m[3])), SP_MLS_STAGED_APPLICATION);
	assert_int_equal(client_refuses(&bob, sp_buf_bytes(&m[0])), SP_ERR_KEY_GONE);
	for (size_t i = 0; i < 5; i++)
		sp_buf_clear(&m[i]);
	end(&alice, &bob, &carol, &dave);
}

static void test_past_epochs(void **state)
{
	FOUR;
	struct sp_buf early, late, future;
	start(&alice, &bob, &carol, &dave, 1);
	bob.limits.past_epochs = 2;
	world_add(&alice, ALL(&alice), 1, ALL(&bob, &carol), 2);
	protect(&alice, "early", &early);
	world_commit(&carol, ALL(&alice, &bob, &carol), 3, NULL, 0, &empty_commit, NULL);
	protect(&alice, "late", &late);
	world_commit(&alice, ALL(&alice, &bob, &carol), 3, NULL, 0, &empty_commit, NULL); /* alice's leaf changes */
	client_reload(&bob);
	assert_int_equal(client_receive(&bob, sp_buf_bytes(&early)), SP_MLS_STAGED_APPLICATION);
	assert_int_equal(client_refuses(&bob, sp_buf_bytes(&early)), SP_ERR_DUPLICATE);
	world_commit(&carol, ALL(&alice, &bob, &carol), 3, NULL, 0, &empty_commit, NULL);
	assert_int_equal(client_refuses(&bob, sp_buf_bytes(&early)), SP_ERR_KEY_GONE);
	bob.env.now.ms += 8ll * 24 * 3600 * 1000;
	struct sp_mls_staged *staged = NULL;
	assert_int_equal(sp_mls_group_expire(&bob.env, bob.group, &staged), SP_OK);
	client_apply(&bob, &staged);
	assert_int_equal(client_refuses(&bob, sp_buf_bytes(&late)), SP_ERR_KEY_GONE);
	struct sp_buf commit = buf();
	commit_pending(&carol, &empty_commit, &commit);
	client_receive(&carol, sp_buf_bytes(&commit));
	protect(&carol, "future", &future);
	assert_int_equal(client_refuses(&bob, sp_buf_bytes(&future)), SP_ERR_FUTURE_EPOCH);
	client_receive(&bob, sp_buf_bytes(&commit));
	assert_int_equal(client_receive(&bob, sp_buf_bytes(&future)), SP_MLS_STAGED_APPLICATION);
	sp_buf_clear(&early);
	sp_buf_clear(&late);
	sp_buf_clear(&future);
	sp_buf_clear(&commit);
	end(&alice, &bob, &carol, &dave);
}

/* Nothing is kept of what was left; commits are private, so that each also consumes a key of the epoch that goes. */
static void test_no_retention(void **state)
{
	FOUR;
	const struct sp_mls_commit_params private_commit = {.wire_format = SP_MLS_WIRE_PRIVATE_MESSAGE};
	struct sp_buf late;
	uint8_t out[32];
	start(&alice, &bob, &carol, &dave, 1);
	alice.limits.past_epochs = bob.limits.past_epochs = SP_MLS_NONE;
	alice.limits.resumption_epochs = bob.limits.resumption_epochs = SP_MLS_NONE;
	world_add(&alice, ALL(&alice), 1, ALL(&bob), 1);
	protect(&alice, "late", &late);
	for (int i = 0; i < 3; i++) {
		world_commit(&alice, ALL(&alice, &bob), 2, NULL, 0, &private_commit, NULL);
		world_commit(&bob, ALL(&alice, &bob), 2, NULL, 0, &private_commit, NULL);
		client_reload(i % 2 ? &alice : &bob);
	}
	assert_int_equal(client_refuses(&bob, sp_buf_bytes(&late)), SP_ERR_KEY_GONE);
	assert_int_equal(sp_mls_group_export_at(bob.group, 6, out, sizeof out, "label", SP_BYTES_NONE), SP_ERR_KEY_GONE);
	world_say(&bob, ALL(&alice, &bob), 2, "now");
	sp_buf_clear(&late);
	end(&alice, &bob, &carol, &dave);
}

/* Many members come and go: leaves are reused, the tree grows and shrinks, everybody follows. */
static void test_crowd(void **state)
{
	struct client crowd[12];
	struct client *in[12];
	size_t n = 1;
	for (size_t i = 0; i < 12; i++)
		client_init(&crowd[i], "somebody", 1);
	world_create(&crowd[0], (struct sp_mls_extensions){NULL, 0});
	in[0] = &crowd[0];
	for (size_t i = 1; i < 12; i++) {
		world_add(in[(i * 5) % n], in, n, ALL(&crowd[i]), 1);
		in[n++] = &crowd[i];
		if (i % 3 != 0)
			continue;
		size_t gone = (i * 7) % (n - 1);
		const struct sp_mls_propose removal = {.type = SP_MLS_PROPOSAL_REMOVE, .removed = client_leaf_index(in[gone])};
		const struct sp_mls_commit_params params = {.proposals = &removal, .n_proposals = 1, .wire_format = SP_MLS_WIRE_PRIVATE_MESSAGE};
		world_commit(in[n - 1], in, n, NULL, 0, &params, NULL);
		assert_int_equal(sp_mls_group_state(in[gone]->group), SP_MLS_GROUP_REMOVED);
		in[gone] = in[--n];
		world_agree(in, n);
		world_say(in[i % n], in, n, "still here");
		client_reload(in[0]);
	}
	while (n > 2) { /* from the right, so that the tree shrinks */
		const struct sp_mls_propose removal = {.type = SP_MLS_PROPOSAL_REMOVE, .removed = client_leaf_index(in[n - 1])};
		const struct sp_mls_commit_params params = {.proposals = &removal, .n_proposals = 1};
		world_commit(in[0], in, n, NULL, 0, &params, NULL);
		n--;
		world_agree(in, n);
	}
	world_say(in[1], in, n, "two left");
	for (size_t i = 0; i < 12; i++)
		client_clear(&crowd[i]);
}

/* -- external joins, public groups --------------------------------------------------------------------------------------------------- */

static void external(struct client *c, const struct client *from, uint32_t resync, struct sp_buf *out_message)
{
	struct sp_buf info = buf(), tree = buf();
	const struct sp_mls_group_info_params with = {.size = sizeof with};
	struct sp_mls_join *join = NULL;
	assert_int_equal(sp_mls_group_info_export(&from->env, from->group, &info, &with), SP_OK);
	assert_int_equal(sp_mls_view_ratchet_tree(sp_mls_group_view(from->group), &tree), SP_OK);
	const struct sp_mls_external_params params = {.size = sizeof params,
						      .group_info = sp_buf_bytes(&info),
						      .ratchet_tree = sp_buf_bytes(&tree),
						      .leaf = client_leaf(c),
						      .resync_leaf = resync};
	enum sp_err e = sp_mls_join_external(&c->env, &join, &params);
	if (e != SP_OK)
		print_error("%s: %s, rule %u: %s\n", c->name, sp_err_name(e), c->diag.rule, c->diag.text ? c->diag.text : "");
	assert_int_equal(e, SP_OK);
	assert_int_equal(sp_buf_append(out_message, sp_mls_join_info(join)->message), SP_OK);
	store_clear(&c->store);
	store_take(&c->store, sp_mls_join_write_set(join));
	sp_mls_group_free(&c->group);
	c->group = sp_mls_join_accept(&join);
	client_reload(c);
	sp_buf_clear(&info);
	sp_buf_clear(&tree);
}

static void test_external_join_and_resync(void **state)
{
	FOUR;
	struct sp_buf join = buf(), resync = buf();
	start(&alice, &bob, &carol, &dave, 2);
	world_add(&alice, ALL(&alice), 1, ALL(&bob, &carol), 2);
	external(&dave, &bob, SP_MLS_LEAF_NONE, &join);
	client_receive(&alice, sp_buf_bytes(&join));
	client_receive(&bob, sp_buf_bytes(&join));
	client_receive(&carol, sp_buf_bytes(&join));
	assert_int_equal(client_receive(&dave, sp_buf_bytes(&join)), SP_MLS_STAGED_OWN);
	world_say(&dave, ALL(&alice, &bob, &carol, &dave), 4, "from outside");
	external(&carol, &alice, client_leaf_index(&carol), &resync);
	client_receive(&alice, sp_buf_bytes(&resync));
	client_receive(&bob, sp_buf_bytes(&resync));
	client_receive(&dave, sp_buf_bytes(&resync));
	assert_int_equal(sp_mls_view_member_count(sp_mls_group_view(bob.group)), 4);
	world_say(&carol, ALL(&alice, &bob, &carol, &dave), 4, "in step again");
	sp_buf_clear(&join);
	sp_buf_clear(&resync);
	end(&alice, &bob, &carol, &dave);
}

static void public_take(struct client *judge, struct sp_mls_public_group *group, struct store *store, struct sp_bytes message, struct sp_bytes group_info)
{
	struct sp_mls_staged *staged = NULL;
	enum sp_err e = sp_mls_public_group_process(&judge->env, group, &staged, message);
	if (e != SP_OK)
		print_error("server: %s, rule %u: %s\n", sp_err_name(e), judge->diag.rule, judge->diag.text ? judge->diag.text : "");
	assert_int_equal(e, SP_OK);
	if (group_info.n != 0)
		assert_int_equal(sp_mls_view_group_info_verify(&judge->env, sp_mls_staged_after(staged), group_info), SP_OK);
	store_take(store, sp_mls_staged_write_set(staged));
	assert_int_equal(sp_mls_public_group_apply(group, &staged), SP_OK);
}

static void public_reload(struct client *judge, struct sp_mls_public_group **group, const struct store *store)
{
	struct sp_mls_row rows[64];
	assert_true(store->n <= SP_ARRAY_LEN(rows));
	for (size_t i = 0; i < store->n; i++)
		rows[i] = (struct sp_mls_row){
			{store->rows[i].key, store->rows[i].key_n}, {store->rows[i].value, store->rows[i].value_n}, false};
	sp_mls_public_group_free(group);
	assert_int_equal(sp_mls_public_group_load(&judge->env, group, rows, store->n), SP_OK);
}

static void public_agrees(const struct sp_mls_public_group *group, const struct client *c)
{
	const struct sp_mls_view *view = sp_mls_public_group_view(group);
	assert_true(sp_bytes_equal(sp_mls_view_group_context(view), sp_mls_view_group_context(sp_mls_group_view(c->group))));
	assert_true(sp_bytes_equal(sp_mls_view_confirmation_tag(view), sp_mls_view_confirmation_tag(sp_mls_group_view(c->group))));
}

static void test_public_group_follows(void **state)
{
	FOUR;
	struct client server;
	struct sp_buf info = buf(), message = buf();
	struct sp_mls_public_group *group = NULL;
	struct sp_mls_row_set *set = NULL;
	struct sp_mls_staged *staged = NULL;
	struct store store = {0};
	const struct sp_mls_group_info_params with = {.size = sizeof with, .with_tree = true, .grease = true};
	start(&alice, &bob, &carol, &dave, 2);
	client_init(&server, "server", 2);
	assert_int_equal(sp_mls_group_info_export(&alice.env, alice.group, &info, &with), SP_OK);
	assert_int_equal(sp_mls_public_group_new(&server.env, &group, sp_buf_bytes(&info), SP_BYTES_NONE), SP_OK);
	assert_int_equal(sp_mls_public_group_rows(group, &set), SP_OK);
	store_take(&store, sp_mls_row_set_rows(set));
	sp_mls_row_set_free(&set);
	client_key_package(&bob);
	const struct sp_mls_propose add = {.type = SP_MLS_PROPOSAL_ADD, .key_package = sp_buf_bytes(&bob.kp)};
	const struct sp_mls_commit_params params = {.size = sizeof params,
						    .proposals = &add,
						    .n_proposals = 1,
						    .wire_format = SP_MLS_WIRE_PUBLIC_MESSAGE,
						    .with_group_info = true,
						    .welcome_with_tree = true};
	assert_int_equal(sp_mls_group_commit(&alice.env, alice.group, &staged, &params), SP_OK);
	struct sp_buf welcome = buf(), after = buf();
	assert_int_equal(sp_buf_append(&message, sp_mls_staged_info(staged)->message), SP_OK);
	assert_int_equal(sp_buf_append(&welcome, sp_mls_staged_info(staged)->welcome), SP_OK);
	assert_int_equal(sp_buf_append(&after, sp_mls_staged_info(staged)->group_info), SP_OK);
	client_apply(&alice, &staged);
	public_take(&server, group, &store, sp_buf_bytes(&message), sp_buf_bytes(&after));
	client_receive(&alice, sp_buf_bytes(&message));
	client_join(&bob, sp_buf_bytes(&welcome), SP_BYTES_NONE);
	public_agrees(group, &bob);
	public_reload(&server, &group, &store);
	sp_buf_clear(&message);
	const struct sp_mls_propose update = {.type = SP_MLS_PROPOSAL_UPDATE};
	assert_int_equal(sp_mls_group_propose(&bob.env, bob.group, &staged, &update, SP_BYTES_NONE, SP_MLS_WIRE_PUBLIC_MESSAGE), SP_OK);
	assert_int_equal(sp_buf_append(&message, sp_mls_staged_info(staged)->message), SP_OK);
	client_apply(&bob, &staged);
	client_receive(&alice, sp_buf_bytes(&message));
	public_take(&server, group, &store, sp_buf_bytes(&message), SP_BYTES_NONE);
	public_reload(&server, &group, &store);
	sp_buf_clear(&message);
	world_commit(&alice, ALL(&alice, &bob), 2, NULL, 0, &empty_commit, &message);
	public_take(&server, group, &store, sp_buf_bytes(&message), SP_BYTES_NONE);
	public_agrees(group, &bob);
	sp_buf_clear(&message);
	external(&dave, &bob, SP_MLS_LEAF_NONE, &message);
	public_take(&server, group, &store, sp_buf_bytes(&message), SP_BYTES_NONE);
	public_agrees(group, &dave);
	client_receive(&alice, sp_buf_bytes(&message));
	public_agrees(group, &alice);
	assert_int_equal(sp_mls_public_group_process(&server.env, group, &staged, sp_buf_bytes(&message)), SP_ERR_STALE_EPOCH);
	sp_mls_public_group_free(&group);
	store_clear(&store);
	sp_buf_clear(&info);
	sp_buf_clear(&message);
	sp_buf_clear(&welcome);
	sp_buf_clear(&after);
	client_clear(&server);
	end(&alice, &bob, &carol, &dave);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life_in_every_suite),
		cmocka_unit_test(test_proposals_by_reference),
		cmocka_unit_test(test_stored_proposals_are_chosen),
		cmocka_unit_test(test_pending_survives_a_restart),
		cmocka_unit_test(test_foreign_commit_discards_pending),
		cmocka_unit_test(test_discard),
		cmocka_unit_test(test_order_and_repetition),
		cmocka_unit_test(test_past_epochs),
		cmocka_unit_test(test_no_retention),
		cmocka_unit_test(test_crowd),
		cmocka_unit_test(test_external_join_and_resync),
		cmocka_unit_test(test_public_group_follows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
