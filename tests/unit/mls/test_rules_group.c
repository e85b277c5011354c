/* SPDX-License-Identifier: Apache-2.0
 *
 * Every numbered rule of proposals, commits and Welcome (300 to 346, rules_list.h), broken once by a malicious member or outsider.
 */
#include "forge.h"

#include "mls/join_priv.h"

/* -- lists of proposals: rules 300 to 325 ----------------------------------------------------------------------------------------------------- */

static bool same_name(void *ctx, const struct sp_mls_member *a, const struct sp_mls_member *b)
{
	return sp_bytes_equal(a->credential.data, b->credential.data);
}

static void test_lists(void **state)
{
	struct scene s;
	struct sp_buf list = buf();
	start(&s, 1);
	uint32_t carol = client_leaf_index(&s.carol), alice = client_leaf_index(&s.alice);
	const struct sp_mls_propose remove_carol = {.type = SP_MLS_PROPOSAL_REMOVE, .removed = carol};
	const struct sp_mls_propose remove_alice = {.type = SP_MLS_PROPOSAL_REMOVE, .removed = alice};
	const struct sp_mls_propose remove_nobody = {.type = SP_MLS_PROPOSAL_REMOVE, .removed = 3};
	const struct sp_mls_propose gce = {.type = SP_MLS_PROPOSAL_GROUP_CONTEXT_EXTENSIONS};
	const struct sp_mls_propose psk = {.type = SP_MLS_PROPOSAL_PSK, .psk = {.type = SP_MLS_PSK_EXTERNAL, .id = SP_BYTES_LIT("id")}};
	const struct sp_mls_propose reinit = {.type = SP_MLS_PROPOSAL_REINIT, .reinit_suite = 1};
	const struct sp_mls_propose custom = {.type = 0xF123, .body = SP_BYTES_LIT("?")};
	const struct sp_mls_propose update = {.type = SP_MLS_PROPOSAL_UPDATE,
					      .body = sp__mls_view_leaf(sp_mls_group_view(s.alice.group), alice)->encoded};
	put_reference(&list, SP_BYTES_LIT("a reference that nobody knows ..."));
	commit_list(&s, &list);
	refused(&s, SP_ERR_INVALID, 300);
	commit_values(&s, &update, 1);
	refused(&s, SP_ERR_INVALID, 301);
	commit_values(&s, &remove_alice, 1);
	refused(&s, SP_ERR_INVALID, 302);
	commit_values(&s, (const struct sp_mls_propose[]){remove_carol, remove_carol}, 2);
	refused(&s, SP_ERR_INVALID, 303);
	commit_values(&s, (const struct sp_mls_propose[]){psk, psk}, 2);
	refused(&s, SP_ERR_INVALID, 306);
	commit_values(&s, (const struct sp_mls_propose[]){gce, gce}, 2);
	refused(&s, SP_ERR_INVALID, 307);
	commit_values(&s, (const struct sp_mls_propose[]){reinit, psk}, 2);
	refused(&s, SP_ERR_INVALID, 308);
	put_raw(&list, SP_BYTES_LIT("\0\6\4kem!"));
	commit_list(&s, &list);
	refused(&s, SP_ERR_INVALID, 309);
	commit_values(&s, &custom, 1);
	refused(&s, SP_ERR_INVALID, 310);
	commit_values(&s, &remove_carol, 1);
	refused(&s, SP_ERR_INVALID, 311);
	commit_values(&s, NULL, 0);
	refused(&s, SP_ERR_INVALID, 311);
	commit_values(&s, &remove_nobody, 1);
	refused(&s, SP_ERR_INVALID, 320);
	propose_value(&s, &remove_nobody);
	refused(&s, SP_ERR_INVALID, 320);
	sp_buf_clear(&list);
	end(&s);
}

static void test_clients_twice(void **state)
{
	struct scene s;
	start(&s, 1);
	struct client twin, again;
	client_init(&twin, "dave", 1);
	client_init(&again, "carol", 1);
	client_key_package(&twin);
	client_key_package(&again);
	s.bob.validator.is_same_client = same_name;
	const struct sp_mls_propose dave = {.type = SP_MLS_PROPOSAL_ADD, .key_package = sp_buf_bytes(&s.dave.kp)};
	const struct sp_mls_propose dave_again = {.type = SP_MLS_PROPOSAL_ADD, .key_package = sp_buf_bytes(&twin.kp)};
	const struct sp_mls_propose carol_again = {.type = SP_MLS_PROPOSAL_ADD, .key_package = sp_buf_bytes(&again.kp)};
	commit_values(&s, (const struct sp_mls_propose[]){dave, dave_again}, 2);
	refused(&s, SP_ERR_INVALID, 304);
	commit_values(&s, &carol_again, 1);
	refused(&s, SP_ERR_INVALID, 305);
	commit_values(&s, (const struct sp_mls_propose[]){dave, dave}, 2); /* equal keys: the tree's rules */
	s.bob.validator.is_same_client = NULL;
	refused(&s, SP_ERR_INVALID, 151);
	client_clear(&twin);
	client_clear(&again);
	end(&s);
}

static void test_single_proposals(void **state)
{
	struct scene s;
	start(&s, 1);
	struct sp_mls_propose psk = {.type = SP_MLS_PROPOSAL_PSK,
				     .psk = {.type = SP_MLS_PSK_RESUMPTION, .usage = SP_MLS_PSK_REINIT, .group_id = SP_BYTES_LIT("g")}};
	propose_value(&s, &psk);
	refused(&s, SP_ERR_INVALID, 317);
	psk.psk.usage = SP_MLS_PSK_BRANCH;
	propose_value(&s, &psk);
	refused(&s, SP_ERR_INVALID, 317);
	psk.psk.usage = SP_MLS_PSK_APPLICATION;
	psk.psk.nonce = SP_BYTES_LIT("short");
	propose_value(&s, &psk);
	refused(&s, SP_ERR_INVALID, 318);
	struct sp_buf body = buf(); /* ReInit { group_id "g", version 0, suite 1, no extensions } */
	assert_int_equal(sp_buf_append(&body, SP_BYTES_LIT("\0\5\1g\0\0\0\1\0")), SP_OK);
	struct forgery f = by_alice(&s, SP_MLS_CONTENT_PROPOSAL, sp_buf_bytes(&body));
	forge(&s, &f);
	refused(&s, SP_ERR_INVALID, 319);
	sp_buf_clear(&body);
	struct sp_mls_extension ext = {SP_MLS_EXTENSION_EXTERNAL_SENDERS, SP_BYTES_LIT("\5oops")};
	const struct sp_mls_propose gce = {.type = SP_MLS_PROPOSAL_GROUP_CONTEXT_EXTENSIONS, .extensions = {&ext, 1}};
	propose_value(&s, &gce);
	refused(&s, SP_ERR_ENCODING, 323);
	ext = (struct sp_mls_extension){SP_MLS_EXTENSION_REQUIRED_CAPABILITIES, SP_BYTES_LIT("\1\1")};
	propose_value(&s, &gce);
	refused(&s, SP_ERR_ENCODING, 324);
	end(&s);
}

static void test_types_from_outside(void **state)
{
	struct scene s;
	struct sp_buf senders = buf(), body = buf();
	start(&s, 1);
	const struct sp_mls_external_sender sender = {s.dave.signer.public_key, {SP_MLS_CREDENTIAL_BASIC, SP_BYTES_LIT("dave")}};
	assert_int_equal(sp_mls_external_senders_encode(&senders, &sender, 1), SP_OK);
	const struct sp_mls_extension ext = {SP_MLS_EXTENSION_EXTERNAL_SENDERS, sp_buf_bytes(&senders)};
	const struct sp_mls_propose gce = {.type = SP_MLS_PROPOSAL_GROUP_CONTEXT_EXTENSIONS, .extensions = {&ext, 1}};
	const struct sp_mls_commit_params params = {.proposals = &gce, .n_proposals = 1};
	world_commit(&s.alice, ALL(&s.alice, &s.bob, &s.carol), 3, NULL, 0, &params, NULL);
	const struct sp_mls_propose update = {.type = SP_MLS_PROPOSAL_UPDATE,
					      .body = sp__mls_view_leaf(sp_mls_group_view(s.alice.group), 0)->encoded};
	put_proposal(&body, &update);
	struct forgery f = by_alice(&s, SP_MLS_CONTENT_PROPOSAL, sp_buf_bytes(&body));
	f.content.sender = (struct sp_mls_sender){SP_MLS_SENDER_EXTERNAL, 0};
	f.signer = &s.dave;
	forge(&s, &f);
	refused(&s, SP_ERR_INVALID, 322);
	sp_buf_clear(&senders);
	sp_buf_clear(&body);
	end(&s);
}

/* -- confirmation ----------------------------------------------------------------------------------------------------------------------------- */

static void test_confirmation_tag(void **state)
{
	struct scene s;
	struct sp_mls_staged *staged = NULL;
	struct sp_mls_message m;
	const struct sp_mls_commit_params params = {.size = sizeof params, .wire_format = SP_MLS_WIRE_PUBLIC_MESSAGE};
	start(&s, 1);
	assert_int_equal(sp_mls_group_commit(&s.alice.env, s.alice.group, &staged, &params), SP_OK);
	assert_int_equal(sp__mls_message_read(&m, sp_mls_staged_info(staged)->message, NULL), SP_OK);
	struct forgery f = by_alice(&s, SP_MLS_CONTENT_COMMIT, m.public_msg.auth.content.body);
	f.confirmation_tag = SP_BYTES_LIT("thirty-two octets, not the tag !");
	forge(&s, &f);
	refused(&s, SP_ERR_MAC, 11);
	sp_mls_staged_free(&staged);
	end(&s);
}

/* -- external commits: M04, M05 ---------------------------------------------------------------------------------------------------------------- */

struct outsider {
	struct sp_buf message; /* a valid external commit by dave */
	struct sp_mls_message m;
	struct sp_mls_commit commit;
};

static void make_external(struct scene *s, struct outsider *o)
{
	struct sp_buf info = buf();
	struct sp_mls_join *join = NULL;
	const struct sp_mls_group_info_params with = {.size = sizeof with, .with_tree = true};
	assert_int_equal(sp_mls_group_info_export(&s->alice.env, s->alice.group, &info, &with), SP_OK);
	const struct sp_mls_external_params params = {
		.size = sizeof params, .group_info = sp_buf_bytes(&info), .leaf = client_leaf(&s->dave), .resync_leaf = SP_MLS_LEAF_NONE};
	assert_int_equal(sp_mls_join_external(&s->dave.env, &join, &params), SP_OK);
	o->message = buf();
	assert_int_equal(sp_buf_append(&o->message, sp_mls_join_info(join)->message), SP_OK);
	sp_mls_join_free(&join);
	sp_buf_clear(&info);
	assert_int_equal(sp__mls_message_read(&o->m, sp_buf_bytes(&o->message), NULL), SP_OK);
	struct sp_reader r = sp_reader_of(o->m.public_msg.auth.content.body);
	assert_int_equal(sp__mls_commit_read(&r, &o->commit, NULL), SP_OK);
}

/* Dave's commit with other proposals, signed again by dave. */
static void change_external(struct scene *s, const struct outsider *o, struct sp_buf *list)
{
	struct sp_buf body = buf();
	struct sp_writer w = sp_writer_on(&body);
	sp_write_vec(&w, sp_buf_bytes(list));
	sp_write_optional(&w, true);
	sp_write_fixed(&w, o->commit.path.encoded);
	assert_int_equal(sp_writer_finish(&w), SP_OK);
	struct forgery f = {.content = o->m.public_msg.auth.content, .signer = &s->dave, .confirmation_tag = o->m.public_msg.auth.confirmation_tag};
	f.content.body = sp_buf_bytes(&body);
	forge(s, &f);
	sp_buf_clear(&body);
	sp_buf_clear(list);
}

static void test_external_commits(void **state)
{
	struct scene s;
	struct outsider o;
	struct sp_buf list = buf();
	start(&s, 2);
	const struct sp_mls_propose remove_carol = {.type = SP_MLS_PROPOSAL_REMOVE, .removed = 2};
	const struct sp_mls_propose remove_bob = {.type = SP_MLS_PROPOSAL_REMOVE, .removed = 1};
	const struct sp_mls_propose gce = {.type = SP_MLS_PROPOSAL_GROUP_CONTEXT_EXTENSIONS};
	make_external(&s, &o);
	change_external(&s, &o, &list);
	refused(&s, SP_ERR_INVALID, 312);
	assert_int_equal(sp_buf_append(&list, o.commit.proposals), SP_OK);
	assert_int_equal(sp_buf_append(&list, o.commit.proposals), SP_OK);
	change_external(&s, &o, &list);
	refused(&s, SP_ERR_INVALID, 312);
	assert_int_equal(sp_buf_append(&list, o.commit.proposals), SP_OK);
	put_value(&list, &remove_carol);
	put_value(&list, &remove_bob);
	change_external(&s, &o, &list);
	refused(&s, SP_ERR_INVALID, 313);
	assert_int_equal(sp_buf_append(&list, o.commit.proposals), SP_OK);
	put_value(&list, &gce);
	change_external(&s, &o, &list);
	refused(&s, SP_ERR_INVALID, 314);
	assert_int_equal(sp_buf_append(&list, o.commit.proposals), SP_OK);
	put_reference(&list, SP_BYTES_LIT("ref"));
	change_external(&s, &o, &list);
	refused(&s, SP_ERR_INVALID, 315);
	put_raw(&list, SP_BYTES_LIT("\0\6\4kem!"));
	change_external(&s, &o, &list);
	refused(&s, SP_ERR_INVALID, 325);
	assert_int_equal(sp_buf_append(&s.message, sp_buf_bytes(&o.message)), SP_OK);
	s.message.p[s.message.n - 40] ^= 1; /* in the signature or the tag */
	assert_int_not_equal(client_refuses(&s.bob, sp_buf_bytes(&s.message)), SP_OK);
	client_receive(&s.bob, sp_buf_bytes(&o.message)); /* untouched it is good */
	sp_buf_clear(&o.message);
	sp_buf_clear(&list);
	end(&s);
}

/* -- Welcome and GroupInfo: rules 330 to 346 ---------------------------------------------------------------------------------------------------- */

static void join_refused(struct client *c, struct sp_bytes welcome, struct sp_bytes tree, const struct sp_mls_group *parent, enum sp_err e, unsigned rule)
{
	const struct sp_mls_key_package_lookup lookup = client_lookup(c);
	const struct sp_mls_join_params params = {
		.size = sizeof params, .welcome = welcome, .ratchet_tree = tree, .key_packages = &lookup, .parent = parent};
	struct sp_mls_join *join = NULL;
	c->diag = (struct sp_diag){0};
	enum sp_err got = sp_mls_join_open(&c->env, &join, &params);
	if (got != e || c->diag.rule != rule)
		print_error("%s, rule %u, not %u: %s\n", sp_err_name(got), c->diag.rule, rule, c->diag.text);
	assert_int_equal(got, e);
	assert_int_equal(c->diag.rule, rule);
	assert_null(join);
}

/* A Welcome to dave made by hand: GroupInfo of a view as alice would sign it, any PSKs. */
struct by_hand {
	struct sp_mls_view view;
	struct sp_mls_psk psks[2];
	size_t n_psks;
	bool wrong_tag;
	uint16_t suite; /* in the GroupInfo */
};

static void welcome_by_hand(struct scene *s, const struct by_hand *h, struct sp_buf *out)
{
	struct sp_mls_group *g = s->alice.group;
	struct sp_secret joiner = sp__mls_zero_secret(&g->view.suite), member, psk;
	struct sp_mls_view view = g->view;
	struct sp_buf info = buf(), context = buf();
	struct sp_mls_context fields = view.context;
	struct sp_mls_key_package kp;
	struct sp_mls_epoch_secrets secrets;
	struct sp_secret epoch, encryption, tag;
	fields.suite = h->suite ? h->suite : fields.suite;
	assert_int_equal(sp__mls_context_encode(&context, &fields), SP_OK);
	view.context.encoded = sp_buf_bytes(&context);
	assert_int_equal(sp__mls_psk_secret(&psk, &view.suite, h->psks, h->n_psks), SP_OK);
	assert_int_equal(sp__mls_member_secret(&member, &view.suite, &joiner, &psk), SP_OK);
	assert_int_equal(sp__mls_epoch_secret(&epoch, &view.suite, &member, view.context.encoded), SP_OK);
	assert_int_equal(sp__mls_epoch_derive(&secrets, &encryption, &view.suite, &epoch), SP_OK);
	assert_int_equal(sp__mls_confirmation_tag(&tag, &view.suite, &secrets.confirmation, fields.confirmed_transcript_hash), SP_OK);
	sp_copy(view.confirmation_tag.b, tag.b, tag.n);
	view.confirmation_tag.b[0] ^= h->wrong_tag;
	const struct sp_mls_group_info_make make = {.view = &view, .signer = client_leaf_index(&s->alice), .with_tree = true};
	assert_int_equal(sp__mls_group_info_make(&s->alice.env, &info, &make), SP_OK);
	struct sp_reader r = sp_reader_of((struct sp_bytes){s->dave.kp.p + 4, s->dave.kp.n - 4});
	assert_int_equal(sp__mls_key_package_read(&r, &kp, NULL), SP_OK);
	const struct sp_mls_welcome_to to = {&kp, NULL};
	const struct sp_mls_welcome_make welcome = {.suite = &g->view.suite,
						    .joiner_secret = &joiner,
						    .member_secret = &member,
						    .psks = h->psks,
						    .n_psks = h->n_psks,
						    .group_info = sp_buf_bytes(&info),
						    .to = &to,
						    .n_to = 1};
	sp_buf_clear(out);
	assert_int_equal(sp__mls_welcome_make(&s->alice.env, out, &welcome), SP_OK);
	sp_buf_clear(&info);
	sp_buf_clear(&context);
}

static enum sp_err any_psk(void *ctx, struct sp_buf *out, const struct sp_mls_psk_id *id)
{
	return sp_buf_append(out, SP_BYTES_LIT("key"));
}

static void test_welcomes(void **state)
{
	struct scene s;
	struct sp_mls_staged *staged = NULL;
	start(&s, 1);
	const struct sp_mls_propose add = {.type = SP_MLS_PROPOSAL_ADD, .key_package = sp_buf_bytes(&s.dave.kp)};
	const struct sp_mls_commit_params params = {
		.size = sizeof params, .proposals = &add, .n_proposals = 1, .wire_format = SP_MLS_WIRE_PUBLIC_MESSAGE, .with_ratchet_tree = true};
	struct sp_buf old_tree = buf(), welcome = buf(), tree = buf();
	assert_int_equal(sp_mls_view_ratchet_tree(sp_mls_group_view(s.alice.group), &old_tree), SP_OK);
	assert_int_equal(sp_mls_group_commit(&s.alice.env, s.alice.group, &staged, &params), SP_OK);
	assert_int_equal(sp_buf_append(&welcome, sp_mls_staged_info(staged)->welcome), SP_OK);
	assert_int_equal(sp_buf_append(&tree, sp_mls_staged_info(staged)->ratchet_tree), SP_OK);
	sp_mls_staged_free(&staged);
	join_refused(&s.carol, sp_buf_bytes(&welcome), sp_buf_bytes(&tree), NULL, SP_ERR_NOT_FOR_ME, 330);
	join_refused(&s.dave, sp_buf_bytes(&welcome), SP_BYTES_NONE, NULL, SP_ERR_NEED_TREE, 0);
	join_refused(&s.dave, sp_buf_bytes(&welcome), sp_buf_bytes(&old_tree), NULL, SP_ERR_INVALID, 336); /* M12 */
	welcome.p[welcome.n - 1] ^= 1; /* the GroupInfo's ciphertext is also the context of the secrets */
	join_refused(&s.dave, sp_buf_bytes(&welcome), sp_buf_bytes(&tree), NULL, SP_ERR_DECRYPT, 331);
	sp_buf_clear(&old_tree);
	sp_buf_clear(&welcome);
	sp_buf_clear(&tree);
	end(&s);
}

static void test_welcomes_by_hand(void **state)
{
	struct scene s;
	struct sp_buf welcome = buf(), key = buf(), other = buf();
	static const uint8_t nonce[32];
	start(&s, 1);
	struct by_hand h = {.n_psks = 0};
	welcome_by_hand(&s, &h, &welcome); /* dave is not in this tree */
	join_refused(&s.dave, sp_buf_bytes(&welcome), SP_BYTES_NONE, NULL, SP_ERR_INVALID, 337);
	h.suite = 3;
	welcome_by_hand(&s, &h, &welcome);
	join_refused(&s.dave, sp_buf_bytes(&welcome), SP_BYTES_NONE, NULL, SP_ERR_INVALID, 335);
	h.suite = 0;
	assert_int_equal(sp_buf_append(&key, SP_BYTES_LIT("key")), SP_OK);
	assert_int_equal(sp_buf_append(&other, SP_BYTES_LIT("another key")), SP_OK);
	const struct sp_mls_psk_id branch = {.type = SP_MLS_PSK_RESUMPTION,
					     .usage = SP_MLS_PSK_BRANCH,
					     .group_id = SP_BYTES_LIT("old"),
					     .nonce = SP_BYTES_OF(nonce)};
	s.dave.psks.find = any_psk;
	h.psks[0] = (struct sp_mls_psk){branch, key};
	h.psks[1] = (struct sp_mls_psk){branch, key};
	h.psks[1].id.usage = SP_MLS_PSK_REINIT;
	h.n_psks = 2;
	welcome_by_hand(&s, &h, &welcome);
	join_refused(&s.dave, sp_buf_bytes(&welcome), SP_BYTES_NONE, NULL, SP_ERR_INVALID, 332);
	h.n_psks = 1;
	h.psks[0].secret = other; /* dave's lookup gives "key" */
	welcome_by_hand(&s, &h, &welcome);
	join_refused(&s.dave, sp_buf_bytes(&welcome), SP_BYTES_NONE, NULL, SP_ERR_DECRYPT, 333);
	h.psks[0].id.nonce = SP_BYTES_LIT("short");
	welcome_by_hand(&s, &h, &welcome);
	join_refused(&s.dave, sp_buf_bytes(&welcome), SP_BYTES_NONE, NULL, SP_ERR_INVALID, 318);
	sp_buf_clear(&welcome);
	sp_buf_clear(&key);
	sp_buf_clear(&other);
	end(&s);
}

/* With dave in the tree, so that everything before the tag is right. */
static void test_welcome_with_wrong_tag(void **state)
{
	struct scene s;
	struct sp_buf welcome = buf(), key = buf();
	static const uint8_t nonce[32];
	start(&s, 1);
	world_add(&s.alice, ALL(&s.alice, &s.bob, &s.carol), 3, ALL(&s.dave), 1);
	struct by_hand h = {.wrong_tag = true};
	welcome_by_hand(&s, &h, &welcome);
	join_refused(&s.dave, sp_buf_bytes(&welcome), SP_BYTES_NONE, NULL, SP_ERR_MAC, 338);
	h.wrong_tag = false;
	assert_int_equal(sp_buf_append(&key, SP_BYTES_LIT("key")), SP_OK);
	s.dave.psks.find = any_psk;
	h.psks[0] = (struct sp_mls_psk){{.type = SP_MLS_PSK_RESUMPTION,
					 .usage = SP_MLS_PSK_BRANCH,
					 .group_id = SP_BYTES_LIT("old"),
					 .nonce = SP_BYTES_OF(nonce)},
					key};
	h.n_psks = 1;
	welcome_by_hand(&s, &h, &welcome); /* epoch 2, but said to be a branch */
	join_refused(&s.dave, sp_buf_bytes(&welcome), SP_BYTES_NONE, NULL, SP_ERR_INVALID, 339);
	sp_buf_clear(&welcome);
	sp_buf_clear(&key);
	end(&s);
}

static void test_successors(void **state)
{
	struct scene s;
	struct client other;
	start(&s, 1);
	client_init(&other, "other", 3);
	struct sp_mls_psk_id psk = {.type = SP_MLS_PSK_RESUMPTION,
				    .usage = SP_MLS_PSK_BRANCH,
				    .group_id = sp_mls_view_group_id(sp_mls_group_view(s.alice.group)),
				    .epoch = 1};
	world_create(&other, (struct sp_mls_extensions){NULL, 0});
	world_commit(&other, ALL(&other), 1, NULL, 0, &(const struct sp_mls_commit_params){.force_path = true}, NULL);
	assert_int_equal(sp__mls_successor_check(&s.bob.env, s.alice.group, sp_mls_group_view(other.group), &psk), SP_ERR_INVALID);
	assert_int_equal(s.bob.diag.rule, 342);
	psk.usage = SP_MLS_PSK_REINIT; /* but no ReInit was committed */
	assert_int_equal(sp__mls_successor_check(&s.bob.env, s.alice.group, sp_mls_group_view(other.group), &psk), SP_ERR_INVALID);
	assert_int_equal(s.bob.diag.rule, 340);
	client_clear(&other);
	end(&s);
}

static void test_group_infos(void **state)
{
	struct scene s;
	struct sp_buf info = buf();
	struct sp_mls_join *join = NULL;
	start(&s, 1);
	struct sp_mls_group_info_params with = {.size = sizeof with, .with_tree = true, .without_external_pub = true};
	struct sp_mls_external_params params = {.size = sizeof params, .leaf = client_leaf(&s.dave), .resync_leaf = SP_MLS_LEAF_NONE};
	assert_int_equal(sp_mls_group_info_export(&s.alice.env, s.alice.group, &info, &with), SP_OK);
	params.group_info = sp_buf_bytes(&info);
	assert_int_equal(sp_mls_join_external(&s.dave.env, &join, &params), SP_ERR_INVALID);
	assert_int_equal(s.dave.diag.rule, 345);
	info.p[info.n - 1] ^= 1;
	assert_int_equal(sp_mls_join_external(&s.dave.env, &join, &params), SP_ERR_SIGNATURE);
	assert_int_equal(s.dave.diag.rule, 334);
	info.p[info.n - 1] ^= 1;
	assert_int_equal(sp_mls_view_group_info_verify(&s.bob.env, sp_mls_group_view(s.bob.group), sp_buf_bytes(&info)), SP_OK);
	const struct sp_mls_commit_params empty = {.size = sizeof empty};
	world_commit(&s.alice, ALL(&s.alice, &s.bob, &s.carol), 3, NULL, 0, &empty, NULL);
	assert_int_equal(sp_mls_view_group_info_verify(&s.bob.env, sp_mls_group_view(s.bob.group), sp_buf_bytes(&info)), SP_ERR_INVALID);
	assert_int_equal(s.bob.diag.rule, 346);
	sp_buf_clear(&info);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_clients_twice),
		cmocka_unit_test(test_single_proposals),
		cmocka_unit_test(test_types_from_outside),
		cmocka_unit_test(test_confirmation_tag),
		cmocka_unit_test(test_external_commits),
		cmocka_unit_test(test_welcomes),
		cmocka_unit_test(test_welcomes_by_hand),
		cmocka_unit_test(test_welcome_with_wrong_tag),
		cmocka_unit_test(test_successors),
		cmocka_unit_test(test_group_infos),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
