/* SPDX-License-Identifier: Apache-2.0
 *
 * What groups do besides: PSKs, reinitialisation, branches, outside proposals, custom proposals, extensions.
 */
#include "world.h"

#define ALL(...) (struct client *[]){__VA_ARGS__}
#define CUSTOM_PROPOSAL 0xF001u
#define CUSTOM_EXTENSION 0xF0A0u

static struct sp_buf buf(void)
{
	struct sp_buf b;
	sp_buf_init(&b, 1u << 26);
	return b;
}

static const struct sp_mls_commit_params empty_commit = {.size = sizeof empty_commit};

struct three {
	struct client alice, bob, carol;
};

static void start(struct three *t, uint16_t suite)
{
	client_init(&t->alice, "alice", suite);
	client_init(&t->bob, "bob", suite);
	client_init(&t->carol, "carol", suite);
	world_create(&t->alice, (struct sp_mls_extensions){NULL, 0});
	world_add(&t->alice, ALL(&t->alice), 1, ALL(&t->bob, &t->carol), 2);
}

static void end(struct three *t)
{
	client_clear(&t->alice);
	client_clear(&t->bob);
	client_clear(&t->carol);
}

/* -- PSKs ------------------------------------------------------------------------------------------------------------------------- */

static enum sp_err find_psk(void *ctx, struct sp_buf *out, const struct sp_mls_psk_id *id)
{
	if (id->type != SP_MLS_PSK_EXTERNAL || !sp_bytes_equal(id->id, SP_BYTES_LIT("shared")))
		return SP_ERR_NOT_FOUND;
	return sp_buf_append(out, SP_BYTES_LIT("a secret that all have"));
}

static void test_psks(void **state)
{
	struct three t;
	struct client dave;
	struct sp_mls_staged *staged = NULL;
	start(&t, 1);
	client_init(&dave, "dave", 1);
	client_key_package(&dave);
	struct sp_mls_propose list[3] = {
		{.type = SP_MLS_PROPOSAL_PSK, .psk = {.type = SP_MLS_PSK_EXTERNAL, .id = SP_BYTES_LIT("shared")}},
		{.type = SP_MLS_PROPOSAL_ADD, .key_package = sp_buf_bytes(&dave.kp)},
	};
	const struct sp_mls_commit_params params = {.size = sizeof params, .proposals = list, .n_proposals = 2, .wire_format = SP_MLS_WIRE_PUBLIC_MESSAGE};
	assert_int_equal(sp_mls_group_commit(&t.alice.env, t.alice.group, &staged, &params), SP_ERR_NEED_PSK);
	t.alice.psks.find = t.bob.psks.find = t.carol.psks.find = dave.psks.find = find_psk;
	world_commit(&t.alice, ALL(&t.alice, &t.bob, &t.carol), 3, ALL(&dave), 1, &params, NULL);
	world_agree(ALL(&t.alice, &t.bob, &t.carol, &dave), 4);
	list[0].psk = (struct sp_mls_psk_id){.type = SP_MLS_PSK_RESUMPTION,
					     .usage = SP_MLS_PSK_APPLICATION,
					     .group_id = sp_mls_view_group_id(sp_mls_group_view(t.alice.group)),
					     .epoch = 1};
	client_reload(&t.bob);
	const struct sp_mls_commit_params resumption = {.proposals = list, .n_proposals = 1};
	world_commit(&t.alice, ALL(&t.alice, &t.bob, &t.carol), 3, NULL, 0, &resumption, NULL);
	world_agree(ALL(&t.alice, &t.bob, &t.carol), 3);
	client_clear(&dave);
	end(&t);
}

/* -- successors --------------------------------------------------------------------------------------------------------------------- */

static void join_successor(struct client *c, struct sp_bytes welcome, const struct sp_mls_group *parent, enum sp_err expected)
{
	const struct sp_mls_key_package_lookup lookup = client_lookup(c);
	const struct sp_mls_join_params params = {.size = sizeof params, .welcome = welcome, .key_packages = &lookup, .parent = parent};
	struct sp_mls_join *join = NULL;
	enum sp_err e = sp_mls_join_open(&c->env, &join, &params);
	if (e != expected)
		print_error("%s: %s, rule %u: %s\n", c->name, sp_err_name(e), c->diag.rule, c->diag.text ? c->diag.text : "");
	assert_int_equal(e, expected);
	if (e != SP_OK)
		return;
	struct sp_mls_group *group = sp_mls_join_accept(&join);
	assert_int_equal(sp_mls_view_epoch(sp_mls_group_view(group)), 1);
	sp_mls_group_free(&group);
}

static void test_reinit(void **state)
{
	struct three t;
	struct client next[3];
	start(&t, 1);
	const struct sp_mls_propose reinit = {
		.type = SP_MLS_PROPOSAL_REINIT, .reinit_suite = 3, .reinit_group_id = SP_BYTES_LIT("the next group")};
	const struct sp_mls_commit_params params = {.proposals = &reinit, .n_proposals = 1};
	world_commit(&t.bob, ALL(&t.alice, &t.bob, &t.carol), 3, NULL, 0, &params, NULL);
	client_reload(&t.carol);
	assert_int_equal(sp_mls_group_state(t.carol.group), SP_MLS_GROUP_REINIT);
	struct sp_mls_staged *staged = NULL;
	assert_int_equal(sp_mls_group_protect(&t.carol.env, t.carol.group, &staged, SP_BYTES_LIT("x"), SP_BYTES_NONE, 0), SP_ERR_STATE);
	assert_int_equal(sp_mls_group_commit(&t.carol.env, t.carol.group, &staged, &empty_commit), SP_ERR_STATE);
	/* suite 3 has suite 1's signature scheme: the same keys go on */
	struct client *old[3] = {&t.alice, &t.bob, &t.carol};
	for (size_t i = 0; i < 3; i++) {
		next[i] = *old[i];
		next[i].suite = 3;
		next[i].store = (struct store){0};
		next[i].kp = buf();
		next[i].kp_ref = buf();
		next[i].kp_private = buf();
		next[i].group = NULL;
		client_key_package(&next[i]);
	}
	const struct sp_bytes kps[2] = {sp_buf_bytes(&next[0].kp), sp_buf_bytes(&next[1].kp)};
	struct sp_mls_successor_params succession = {
		.size = sizeof succession, .leaf = client_leaf(&t.carol), .key_packages = kps, .n_key_packages = 2, .welcome_with_tree = true};
	struct sp_buf welcome = buf();
	struct sp_mls_group *made = NULL;
	succession.n_key_packages = 1; /* a member is missing: rule 341 */
	assert_int_equal(sp_mls_group_reinit_new(&t.carol.env, t.carol.group, &made, &welcome, &succession), SP_ERR_INVALID);
	assert_int_equal(t.carol.diag.rule, 341);
	assert_null(made);
	succession.n_key_packages = 2;
	sp_buf_clear(&welcome);
	assert_int_equal(sp_mls_group_reinit_new(&t.carol.env, t.carol.group, &made, &welcome, &succession), SP_OK);
	join_successor(&next[0], sp_buf_bytes(&welcome), t.alice.group, SP_OK);
	join_successor(&next[1], sp_buf_bytes(&welcome), t.bob.group, SP_OK);
	join_successor(&next[1], sp_buf_bytes(&welcome), NULL, SP_ERR_NEED_PSK);
	assert_true(sp_bytes_equal(sp_mls_view_group_id(sp_mls_group_view(made)), SP_BYTES_LIT("the next group")));
	sp_mls_group_free(&made);
	sp_buf_clear(&welcome);
	for (size_t i = 0; i < 3; i++) {
		sp_buf_clear(&next[i].kp);
		sp_buf_clear(&next[i].kp_ref);
		sp_buf_clear(&next[i].kp_private);
	}
	end(&t);
}

static void test_branch(void **state)
{
	struct three t;
	struct client stranger;
	struct sp_buf welcome = buf();
	struct sp_mls_group *made = NULL;
	start(&t, 2);
	client_init(&stranger, "stranger", 2);
	client_key_package(&stranger);
	client_key_package(&t.bob);
	const struct sp_bytes kps[2] = {sp_buf_bytes(&t.bob.kp), sp_buf_bytes(&stranger.kp)};
	struct sp_mls_successor_params params = {.size = sizeof params,
						 .leaf = client_leaf(&t.alice),
						 .group_id = SP_BYTES_LIT("two of us"),
						 .key_packages = kps,
						 .n_key_packages = 2,
						 .welcome_with_tree = true};
	assert_int_equal(sp_mls_group_branch_new(&t.alice.env, t.alice.group, &made, &welcome, &params), SP_ERR_INVALID);
	assert_int_equal(t.alice.diag.rule, 343);
	params.n_key_packages = 1;
	sp_buf_clear(&welcome);
	assert_int_equal(sp_mls_group_branch_new(&t.alice.env, t.alice.group, &made, &welcome, &params), SP_OK);
	join_successor(&t.bob, sp_buf_bytes(&welcome), t.bob.group, SP_OK);
	sp_mls_group_free(&made);
	sp_buf_clear(&welcome);
	client_clear(&stranger);
	end(&t);
}

/* -- proposals from outside ------------------------------------------------------------------------------------------------------------- */

static void test_external_senders(void **state)
{
	struct three t;
	struct client service, mallory;
	struct sp_buf senders = buf(), message = buf();
	start(&t, 1);
	client_init(&service, "service", 1);
	client_init(&mallory, "mallory", 1);
	const struct sp_mls_external_sender sender = {service.signer.public_key, {SP_MLS_CREDENTIAL_BASIC, SP_BYTES_LIT("service")}};
	assert_int_equal(sp_mls_external_senders_encode(&senders, &sender, 1), SP_OK);
	const struct sp_mls_extension ext = {SP_MLS_EXTENSION_EXTERNAL_SENDERS, sp_buf_bytes(&senders)};
	const struct sp_mls_propose gce = {.type = SP_MLS_PROPOSAL_GROUP_CONTEXT_EXTENSIONS, .extensions = {&ext, 1}};
	const struct sp_mls_commit_params params = {.proposals = &gce, .n_proposals = 1};
	const struct sp_mls_propose removal = {.type = SP_MLS_PROPOSAL_REMOVE, .removed = client_leaf_index(&t.carol)};
	struct sp_bytes group_id = sp_mls_view_group_id(sp_mls_group_view(t.alice.group));
	/* M01: an external sender that the group does not know */
	assert_int_equal(sp_mls_external_propose(&service.env, &message, 1, group_id, 1, 0, &removal), SP_OK);
	assert_int_equal(client_refuses(&t.alice, sp_buf_bytes(&message)), SP_ERR_INVALID);
	assert_int_equal(t.alice.diag.rule, 18);
	world_commit(&t.alice, ALL(&t.alice, &t.bob, &t.carol), 3, NULL, 0, &params, NULL);
	group_id = sp_mls_view_group_id(sp_mls_group_view(t.alice.group));
	sp_buf_clear(&message);
	assert_int_equal(sp_mls_external_propose(&mallory.env, &message, 1, group_id, 2, 0, &removal), SP_OK);
	assert_int_equal(client_refuses(&t.alice, sp_buf_bytes(&message)), SP_ERR_SIGNATURE);
	sp_buf_clear(&message);
	assert_int_equal(sp_mls_external_propose(&service.env, &message, 1, group_id, 2, 1, &removal), SP_OK);
	assert_int_equal(client_refuses(&t.alice, sp_buf_bytes(&message)), SP_ERR_INVALID);
	assert_int_equal(t.alice.diag.rule, 18);
	sp_buf_clear(&message);
	assert_int_equal(sp_mls_external_propose(&service.env, &message, 1, group_id, 2, 0, &removal), SP_OK);
	client_receive(&t.alice, sp_buf_bytes(&message));
	client_receive(&t.bob, sp_buf_bytes(&message));
	client_receive(&t.carol, sp_buf_bytes(&message));
	assert_int_equal(client_refuses(&t.carol, sp_buf_bytes(&message)), SP_ERR_DUPLICATE);
	world_commit(&t.bob, ALL(&t.alice, &t.bob, &t.carol), 3, NULL, 0, &empty_commit, NULL);
	assert_int_equal(sp_mls_group_state(t.carol.group), SP_MLS_GROUP_REMOVED);
	sp_buf_clear(&senders);
	sp_buf_clear(&message);
	client_clear(&service);
	client_clear(&mallory);
	end(&t);
}

static enum sp_err refuse_external_senders(void *ctx, const struct sp_mls_credential_check *check)
{
	return check->why == SP_MLS_WHY_EXTERNAL_SENDER ? SP_ERR_CERTIFICATE : SP_OK;
}

static enum sp_err try_join(struct client *c, struct sp_bytes welcome)
{
	const struct sp_mls_key_package_lookup lookup = client_lookup(c);
	const struct sp_mls_join_params params = {.size = sizeof params, .welcome = welcome, .key_packages = &lookup};
	struct sp_mls_join *join = NULL;
	enum sp_err e = sp_mls_join_open(&c->env, &join, &params);
	assert_int_equal(join == NULL, e != SP_OK);
	sp_mls_join_free(&join);
	return e;
}

/* Who may propose from outside is judged by a joiner too, not only by those who saw it proposed. */
static void test_joining_with_external_senders(void **state)
{
	struct client alice, bob;
	struct sp_buf senders = buf();
	struct sp_mls_staged *staged = NULL;
	client_init(&alice, "alice", 1);
	client_init(&bob, "bob", 1);
	client_key_package(&bob);
	const struct sp_mls_external_sender sender = {alice.signer.public_key, {SP_MLS_CREDENTIAL_BASIC, SP_BYTES_LIT("service")}};
	assert_int_equal(sp_mls_external_senders_encode(&senders, &sender, 1), SP_OK);
	const struct sp_mls_extension ext = {SP_MLS_EXTENSION_EXTERNAL_SENDERS, sp_buf_bytes(&senders)};
	world_create(&alice, (struct sp_mls_extensions){&ext, 1});
	const struct sp_mls_propose add = {.type = SP_MLS_PROPOSAL_ADD, .key_package = sp_buf_bytes(&bob.kp)};
	const struct sp_mls_commit_params params = {
		.size = sizeof params, .proposals = &add, .n_proposals = 1, .wire_format = SP_MLS_WIRE_PUBLIC_MESSAGE, .welcome_with_tree = true};
	assert_int_equal(sp_mls_group_commit(&alice.env, alice.group, &staged, &params), SP_OK);
	const struct sp_bytes welcome = sp_mls_staged_info(staged)->welcome;
	assert_int_equal(try_join(&bob, welcome), SP_OK);
	bob.validator.check = refuse_external_senders;
	assert_int_equal(try_join(&bob, welcome), SP_ERR_CERTIFICATE);
	assert_int_equal(bob.diag.rule, 124);
	sp_mls_staged_free(&staged);
	sp_buf_clear(&senders);
	client_clear(&alice);
	client_clear(&bob);
}

static void test_new_member_proposes_itself(void **state)
{
	struct three t;
	struct client dave;
	struct sp_buf message = buf();
	start(&t, 2);
	client_init(&dave, "dave", 2);
	client_key_package(&dave);
	struct sp_bytes group_id = sp_mls_view_group_id(sp_mls_group_view(t.alice.group));
	assert_int_equal(sp_mls_join_propose(&dave.env, &message, group_id, 1, sp_buf_bytes(&dave.kp)), SP_OK);
	client_receive(&t.alice, sp_buf_bytes(&message));
	client_receive(&t.bob, sp_buf_bytes(&message));
	client_receive(&t.carol, sp_buf_bytes(&message));
	world_commit(&t.bob, ALL(&t.alice, &t.bob, &t.carol), 3, ALL(&dave), 1, &empty_commit, NULL);
	world_say(&dave, ALL(&t.alice, &t.bob, &t.carol, &dave), 4, "asked and was let in");
	sp_buf_clear(&message);
	client_clear(&dave);
	end(&t);
}

/* Each good alone: two strangers with the same keys but for their signatures, and an extension that the others lack. */
static void test_proposals_that_spoil_a_commit(void **state)
{
	struct three t;
	struct client stranger[2];
	struct sp_buf message = buf(), needs = buf();
	struct sp_rng_seeded seeded;
	start(&t, 1);
	const struct sp_bytes group_id = sp_mls_view_group_id(sp_mls_group_view(t.alice.group));
	for (size_t i = 0; i < 2; i++) {
		client_init(&stranger[i], "stranger", 1);
		stranger[i].rng = sp_rng_seeded(&seeded, SP_BYTES_LIT("the same for both"));
		client_key_package(&stranger[i]);
		sp_buf_clear(&message);
		assert_int_equal(sp_mls_join_propose(&stranger[i].env, &message, group_id, 1, sp_buf_bytes(&stranger[i].kp)), SP_OK);
		client_receive(&t.alice, sp_buf_bytes(&message));
		client_receive(&t.bob, sp_buf_bytes(&message));
	}
	const uint16_t lacking = CUSTOM_EXTENSION;
	assert_int_equal(sp_mls_required_capabilities_encode(&needs, (struct sp_mls_types){&lacking, 1}, (struct sp_mls_types){0},
							     (struct sp_mls_types){0}), SP_OK);
	const struct sp_mls_extension ext = {SP_MLS_EXTENSION_REQUIRED_CAPABILITIES, sp_buf_bytes(&needs)};
	const struct sp_mls_propose gce = {.type = SP_MLS_PROPOSAL_GROUP_CONTEXT_EXTENSIONS, .extensions = {&ext, 1}};
	struct sp_mls_staged *staged = NULL;
	assert_int_equal(sp_mls_group_propose(&t.bob.env, t.bob.group, &staged, &gce, SP_BYTES_NONE, SP_MLS_WIRE_PUBLIC_MESSAGE), SP_OK);
	sp_buf_clear(&message);
	assert_int_equal(sp_buf_append(&message, sp_mls_staged_info(staged)->message), SP_OK);
	client_apply(&t.bob, &staged);
	client_receive(&t.alice, sp_buf_bytes(&message));
	assert_int_equal(sp_mls_group_proposal_count(t.alice.group), 3);
	world_commit(&t.alice, ALL(&t.alice, &t.bob), 2, ALL(&stranger[0]), 1, &empty_commit, NULL);
	assert_int_equal(sp_mls_group_proposal_count(t.bob.group), 0);
	assert_int_equal(client_leaf_index(&stranger[0]), 3);
	world_say(&t.bob, ALL(&t.alice, &t.bob, &stranger[0]), 3, "not to be stopped");
	for (size_t i = 0; i < 2; i++)
		client_clear(&stranger[i]);
	sp_buf_clear(&message);
	sp_buf_clear(&needs);
	end(&t);
}

/* -- custom proposals and extensions ------------------------------------------------------------------------------------------------------- */

static const uint16_t custom_proposals[] = {CUSTOM_PROPOSAL};
static const uint16_t custom_extensions[] = {CUSTOM_EXTENSION};

static void custom_leaf(struct client *c, struct sp_mls_leaf_params *leaf)
{
	*leaf = client_leaf(c);
	leaf->proposal_types = (struct sp_mls_types){custom_proposals, 1};
	leaf->extension_types = (struct sp_mls_types){custom_extensions, 1};
}

static void test_custom_proposals_and_extensions(void **state)
{
	struct client alice, bob;
	struct sp_mls_leaf_params leaf;
	struct sp_mls_staged *staged = NULL;
	const struct sp_mls_extension ext = {CUSTOM_EXTENSION, SP_BYTES_LIT("byte\0exact")};
	client_init(&alice, "alice", 1);
	client_init(&bob, "bob", 1);
	custom_leaf(&alice, &leaf);
	const struct sp_mls_group_params params = {.size = sizeof params, .suite = 1, .leaf = leaf, .extensions = {&ext, 1}};
	assert_int_equal(sp_mls_group_new(&alice.env, &alice.group, &params), SP_OK);
	/* bob's key package does not list the extension: rule 123 */
	client_key_package(&bob);
	struct sp_mls_propose add = {.type = SP_MLS_PROPOSAL_ADD, .key_package = sp_buf_bytes(&bob.kp)};
	struct sp_mls_commit_params commit = {.size = sizeof commit, .proposals = &add, .n_proposals = 1, .wire_format = SP_MLS_WIRE_PUBLIC_MESSAGE};
	assert_int_equal(sp_mls_group_commit(&alice.env, alice.group, &staged, &commit), SP_ERR_INVALID);
	assert_int_equal(alice.diag.rule, 123);
	struct sp_mls_key_package_params kp = {.size = sizeof kp, .suite = 1};
	custom_leaf(&bob, &kp.leaf);
	sp_buf_clear(&bob.kp);
	sp_buf_clear(&bob.kp_ref);
	sp_buf_clear(&bob.kp_private);
	assert_int_equal(sp_mls_key_package_new(&bob.env, &bob.kp, &bob.kp_ref, &bob.kp_private, &kp), SP_OK);
	add.key_package = sp_buf_bytes(&bob.kp);
	struct sp_mls_row_set *set = NULL;
	assert_int_equal(sp_mls_group_rows(alice.group, &set), SP_OK);
	store_take(&alice.store, sp_mls_row_set_rows(set));
	sp_mls_row_set_free(&set);
	world_commit(&alice, ALL(&alice), 1, ALL(&bob), 1, &commit, NULL);
	struct sp_bytes data;
	assert_int_equal(sp_mls_view_extension(&data, sp_mls_group_view(bob.group), CUSTOM_EXTENSION), SP_OK);
	assert_true(sp_bytes_equal(data, ext.data));
	/* a proposal of a type that both support, byte-exact */
	const struct sp_mls_propose custom = {.type = CUSTOM_PROPOSAL, .body = SP_BYTES_LIT("opaque\0content")};
	struct sp_mls_commit_params with_custom = {
		.size = sizeof with_custom, .proposals = &custom, .n_proposals = 1, .wire_format = SP_MLS_WIRE_PUBLIC_MESSAGE};
	assert_int_equal(sp_mls_group_commit(&bob.env, bob.group, &staged, &with_custom), SP_OK);
	assert_true(sp_mls_staged_info(staged)->has_path);
	struct sp_buf message = buf();
	assert_int_equal(sp_buf_append(&message, sp_mls_staged_info(staged)->message), SP_OK);
	client_apply(&bob, &staged);
	assert_int_equal(sp_mls_group_process(&alice.env, alice.group, &staged, sp_buf_bytes(&message)), SP_OK);
	const struct sp_mls_staged_info *info = sp_mls_staged_info(staged);
	assert_int_equal(info->n_proposals, 1);
	assert_int_equal(info->proposals[0]->type, CUSTOM_PROPOSAL);
	assert_true(sp_bytes_equal(info->proposals[0]->body, custom.body));
	client_apply(&alice, &staged);
	client_receive(&bob, sp_buf_bytes(&message));
	world_agree(ALL(&alice, &bob), 2);
	/* one that nobody supports: rule 310 */
	const struct sp_mls_propose unknown = {.type = CUSTOM_PROPOSAL + 1, .body = SP_BYTES_LIT("?")};
	with_custom.proposals = &unknown;
	assert_int_equal(sp_mls_group_commit(&bob.env, bob.group, &staged, &with_custom), SP_ERR_INVALID);
	assert_int_equal(bob.diag.rule, 310);
	sp_buf_clear(&message);
	client_clear(&alice);
	client_clear(&bob);
}

static void test_new_keys_for_our_leaf(void **state)
{
	struct three t;
	struct sp_sign_key *fresh = NULL;
	start(&t, 2);
	assert_int_equal(sp_sign_key_generate(&fresh, SP_SIG_ECDSA_P256_SHA256), SP_OK);
	struct sp_signer signer = sp_sign_key_signer(fresh);
	const struct sp_mls_leaf_params leaf = {.size = sizeof leaf, .credential = {SP_MLS_CREDENTIAL_BASIC, SP_BYTES_LIT("bob")}};
	const struct sp_mls_commit_params params = {.force_path = true, .leaf = &leaf, .new_signer = &signer};
	world_commit(&t.bob, ALL(&t.alice, &t.bob, &t.carol), 3, NULL, 0, &params, NULL);
	struct sp_mls_staged *staged = NULL;
	assert_int_equal(sp_mls_group_protect(&t.bob.env, t.bob.group, &staged, SP_BYTES_LIT("x"), SP_BYTES_NONE, 0), SP_ERR_USAGE);
	sp_sign_key_free(&t.bob.key);
	t.bob.key = fresh;
	t.bob.signer = signer;
	world_say(&t.bob, ALL(&t.alice, &t.bob, &t.carol), 3, "with a new key");
	end(&t);
}

static void test_exports(void **state)
{
	struct three t;
	uint8_t a[48], b[48];
	start(&t, 1);
	assert_int_equal(sp_mls_group_export(t.alice.group, a, sizeof a, "label", SP_BYTES_LIT("context")), SP_OK);
	assert_int_equal(sp_mls_group_export(t.bob.group, b, sizeof b, "label", SP_BYTES_LIT("context")), SP_OK);
	assert_memory_equal(a, b, sizeof a);
	world_commit(&t.bob, ALL(&t.alice, &t.bob, &t.carol), 3, NULL, 0, &empty_commit, NULL);
	client_reload(&t.carol);
	assert_int_equal(sp_mls_group_export_at(t.carol.group, 1, b, sizeof b, "label", SP_BYTES_LIT("context")), SP_OK);
	assert_memory_equal(a, b, sizeof a);
	assert_int_equal(sp_mls_group_export_at(t.carol.group, 0, b, sizeof b, "label", SP_BYTES_LIT("context")), SP_ERR_KEY_GONE);
	assert_int_equal(sp_mls_group_export_at(t.carol.group, 9, b, sizeof b, "label", SP_BYTES_LIT("context")), SP_ERR_FUTURE_EPOCH);
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_psks),
		cmocka_unit_test(test_reinit),
		cmocka_unit_test(test_branch),
		cmocka_unit_test(test_external_senders),
		cmocka_unit_test(test_joining_with_external_senders),
		cmocka_unit_test(test_new_member_proposes_itself),
		cmocka_unit_test(test_proposals_that_spoil_a_commit),
		cmocka_unit_test(test_custom_proposals_and_extensions),
		cmocka_unit_test(test_new_keys_for_our_leaf),
		cmocka_unit_test(test_exports),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
