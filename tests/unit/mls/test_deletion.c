/* SPDX-License-Identifier: Apache-2.0
 *
 * The deletion schedule (RFC 9420 section 9.2, ATTACKS M25): after a value was consumed it is neither in memory that the library holds or has freed,
 * nor in the rows that a member would store. Memory is scanned through an allocator that keeps what is freed.
 */
#include "world.h"

#include <stdlib.h>

#include "mls/group_priv.h"
#include "mls/secret_nodes_priv.h"


/* -- every block there ever was --------------------------------------------------------------------------------------------------- */

struct blocks {
	struct block {
		uint8_t *p;
		size_t n;
	} *list;
	size_t n, cap;
};
static struct blocks blocks;

static void *keeping_realloc(void *ctx, void *p, size_t n)
{
	struct blocks *b = ctx;
	void *fresh = malloc(n);
	if (p || !fresh) /* the library never reallocates: it would leave secrets behind */
		abort();
	if (b->n == b->cap) {
		b->cap = b->cap ? b->cap * 2 : 1024;
		b->list = realloc(b->list, b->cap * sizeof *b->list);
		if (!b->list)
			abort();
	}
	b->list[b->n++] = (struct block){fresh, n};
	return fresh;
}

static void keeping_free(void *ctx, void *p)
{
	/* kept, to be looked into: what is freed must have been wiped if it was secret */
}

static const struct sp_allocator keeping = {keeping_realloc, keeping_free, &blocks};

static bool bytes_have(const uint8_t *p, size_t n, const struct sp_secret *secret)
{
	for (size_t i = 0; secret->n != 0 && i + secret->n <= n; i++) {
		if (p[i] == secret->b[0] && memcmp(p + i, secret->b, secret->n) == 0)
			return true;
	}
	return false;
}

static bool memory_has(const struct sp_secret *secret)
{
	for (size_t i = 0; i < blocks.n; i++) {
		if (bytes_have(blocks.list[i].p, blocks.list[i].n, secret))
			return true;
	}
	return false;
}

static void blocks_free(void)
{
	sp_allocator_set(NULL);
	for (size_t i = 0; i < blocks.n; i++)
		free(blocks.list[i].p);
	free(blocks.list);
	blocks = (struct blocks){0};
}

/* A copy on the stack, which is not scanned. It was there once, or the test proves nothing. */
static struct sp_secret seen(const struct sp_secret *secret)
{
	assert_true(secret->n >= 16);
	assert_true(memory_has(secret));
	return *secret;
}

#define GONE(secret) assert_false(memory_has(&(secret)))
#define THERE(secret) assert_true(memory_has(&(secret)))

/* -- the world: rows are not stored here, they would be found -------------------------------------------------------------------------- */

static void apply(struct client *c, struct sp_mls_staged **staged)
{
	assert_int_equal(sp_mls_group_apply(c->group, staged), SP_OK);
}

static void deliver(struct client *c, struct sp_bytes message)
{
	struct sp_mls_staged *staged = NULL;
	assert_int_equal(sp_mls_group_process(&c->env, c->group, &staged, message), SP_OK);
	apply(c, &staged);
}

static void two(struct client *alice, struct client *bob)
{
	const struct sp_mls_group_params params = {.size = sizeof params, .suite = 1, .leaf = client_leaf(alice)};
	const struct sp_mls_key_package_lookup lookup = client_lookup(bob);
	struct sp_mls_staged *staged = NULL;
	struct sp_mls_join *join = NULL;
	client_key_package(bob);
	assert_int_equal(sp_mls_group_new(&alice->env, &alice->group, &params), SP_OK);
	const struct sp_mls_propose add = {.type = SP_MLS_PROPOSAL_ADD, .key_package = sp_buf_bytes(&bob->kp)};
	const struct sp_mls_commit_params commit = {
		.size = sizeof commit, .proposals = &add, .n_proposals = 1, .wire_format = SP_MLS_WIRE_PRIVATE_MESSAGE, .welcome_with_tree = true};
	assert_int_equal(sp_mls_group_commit(&alice->env, alice->group, &staged, &commit), SP_OK);
	const struct sp_mls_join_params joining = {
		.size = sizeof joining, .welcome = sp_mls_staged_info(staged)->welcome, .key_packages = &lookup};
	assert_int_equal(sp_mls_join_open(&bob->env, &join, &joining), SP_OK);
	bob->group = sp_mls_join_accept(&join);
	apply(alice, &staged);
	assert_int_equal(sp_mls_group_merge_pending(&alice->env, alice->group, &staged), SP_OK);
	apply(alice, &staged);
}

static void say(struct client *from, struct client *to)
{
	struct sp_mls_staged *staged = NULL;
	assert_int_equal(sp_mls_group_protect(&from->env, from->group, &staged, SP_BYTES_LIT("text"), SP_BYTES_NONE, 0), SP_OK);
	deliver(to, sp_mls_staged_info(staged)->message);
	apply(from, &staged);
}

/* A commit by alice that bob follows. */
static void commit(struct client *alice, struct client *bob)
{
	const struct sp_mls_commit_params empty = {.size = sizeof empty, .wire_format = SP_MLS_WIRE_PRIVATE_MESSAGE};
	struct sp_mls_staged *staged = NULL;
	assert_int_equal(sp_mls_group_commit(&alice->env, alice->group, &staged, &empty), SP_OK);
	deliver(bob, sp_mls_staged_info(staged)->message);
	apply(alice, &staged);
	assert_int_equal(sp_mls_group_merge_pending(&alice->env, alice->group, &staged), SP_OK);
	apply(alice, &staged);
}

/* -- tests ------------------------------------------------------------------------------------------------------------------------------- */

static void test_secret_tree_forgets(void **state)
{
	struct client alice, bob;
	sp_allocator_set(&keeping);
	client_init(&alice, "alice", 1);
	client_init(&bob, "bob", 1);
	two(&alice, &bob);
	struct sp_secret root = seen(&alice.group->secrets->root->secret);
	THERE(root);
	say(&alice, &bob); /* both derive alice's leaf: the root is consumed */
	GONE(root);
	const struct sp_mls_secret_node *leaf = bob.group->secrets->root->child[0];
	struct sp_secret first = seen(&leaf->ratchets[SP_MLS_RATCHET_APPLICATION].secret);
	struct sp_secret handshake = seen(&leaf->ratchets[SP_MLS_RATCHET_HANDSHAKE].secret);
	struct sp_secret bobs = seen(&bob.group->secrets->root->child[1]->secret);
	struct sp_secret key;
	assert_int_equal(sp__mls_derive_tree_secret(&key, 16, &bob.group->view.suite, &first, "key", 1), SP_OK);
	say(&alice, &bob);
	GONE(first);
	GONE(key);
	THERE(handshake); /* not consumed yet */
	THERE(bobs);
	say(&bob, &alice);
	GONE(bobs);
	client_clear(&alice);
	client_clear(&bob);
	GONE(handshake);
	blocks_free();
}

static void test_epochs_are_forgotten(void **state)
{
	struct client alice, bob;
	sp_allocator_set(&keeping);
	client_init(&alice, "alice", 1);
	client_init(&bob, "bob", 1);
	two(&alice, &bob);
	alice.limits.past_epochs = bob.limits.past_epochs = 1;
	alice.limits.resumption_epochs = bob.limits.resumption_epochs = 1;
	const struct sp_mls_epoch_secrets *s = &bob.group->core.secrets;
	struct sp_secret init = seen(&s->init), membership = seen(&s->membership), external = seen(&s->external);
	struct sp_secret authenticator = seen(&s->authenticator), confirmation = seen(&s->confirmation);
	struct sp_secret sender_data = seen(&s->sender_data), exporter = seen(&s->exporter), resumption = seen(&s->resumption);
	struct sp_secret alices_leaf = seen(&alice.group->core.keys.key[0]), top = seen(&alice.group->secrets->root->secret);
	commit(&alice, &bob);
	GONE(init);
	GONE(membership);
	GONE(external);
	GONE(authenticator);
	GONE(confirmation);
	GONE(alices_leaf);
	GONE(top); /* alice's handshake ratchet was used */
	THERE(sender_data);
	THERE(exporter);
	THERE(resumption);
	commit(&alice, &bob); /* beyond retention */
	GONE(sender_data);
	GONE(exporter);
	GONE(resumption);
	client_clear(&alice);
	client_clear(&bob);
	blocks_free();
}

static bool rows_have(struct sp_mls_rows rows, const struct sp_secret *secret)
{
	for (size_t i = 0; i < rows.n; i++) {
		if (bytes_have(rows.list[i].value.p, rows.list[i].value.n, secret))
			return true;
	}
	return false;
}

static void test_rows_forget(void **state)
{
	struct client alice, bob;
	client_init(&alice, "alice", 1);
	client_init(&bob, "bob", 1);
	two(&alice, &bob);
	struct sp_secret root = alice.group->secrets->root->secret, init = alice.group->core.secrets.init;
	struct sp_mls_row_set *set = NULL;
	assert_int_equal(sp_mls_group_rows(bob.group, &set), SP_OK);
	assert_true(rows_have(sp_mls_row_set_rows(set), &root));
	assert_true(rows_have(sp_mls_row_set_rows(set), &init));
	sp_mls_row_set_free(&set);
	say(&alice, &bob);
	commit(&alice, &bob);
	assert_int_equal(sp_mls_group_rows(bob.group, &set), SP_OK);
	assert_false(rows_have(sp_mls_row_set_rows(set), &root));
	assert_false(rows_have(sp_mls_row_set_rows(set), &init));
	sp_mls_row_set_free(&set);
	client_clear(&alice);
	client_clear(&bob);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secret_tree_forgets),
		cmocka_unit_test(test_epochs_are_forgotten),
		cmocka_unit_test(test_rows_forget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
