/* SPDX-License-Identifier: Apache-2.0
 *
 * What a caller gives with each call: structs that carry their size, and threads for the jobs of a large group.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "world.h"

#include "mls/context_priv.h"
#include "mls/tree_store_priv.h"

static struct sp_buf buf(void)
{
	struct sp_buf b;
	sp_buf_init(&b, 1u << 26);
	return b;
}

/* -- sizes ---------------------------------------------------------------------------------------------------------------------- */

/* A caller of a release to come, whose struct is 16 bytes larger than ours. */
#define LATER(type) struct { type now; uint8_t tail[16]; }

static enum sp_err make_group(struct client *c, const struct sp_mls_group_params *params)
{
	struct sp_mls_group *group = NULL;
	enum sp_err e = sp_mls_group_new(&c->env, &group, params);
	assert_int_equal(group == NULL, e != SP_OK);
	sp_mls_group_free(&group);
	return e;
}

static void test_sizes_of_the_environment(void **state)
{
	struct client c;
	client_init(&c, "alice", 1);
	const struct sp_mls_group_params params = {.size = sizeof params, .suite = 1, .leaf = client_leaf(&c)};
	LATER(struct sp_mls_env) later = {.now = c.env};
	assert_int_equal(make_group(&c, &params), SP_OK);
	c.env.size = 0;
	assert_int_equal(make_group(&c, &params), SP_ERR_USAGE);
	c.env.size = offsetof(struct sp_mls_env, jobs) - 1;
	assert_int_equal(make_group(&c, &params), SP_ERR_USAGE);
	/* the first release had no jobs: what lies there is not read */
	struct sp_mls_group *group = NULL;
	later.now.size = offsetof(struct sp_mls_env, jobs);
	later.now.jobs = (const struct sp_mls_jobs *)(const void *)&later.tail[1];
	assert_int_equal(sp_mls_group_new(&later.now, &group, &params), SP_OK);
	sp_mls_group_free(&group);
	later.now.jobs = NULL;
	later.now.size = sizeof later;
	assert_int_equal(sp_mls_group_new(&later.now, &group, &params), SP_OK);
	sp_mls_group_free(&group);
	later.tail[15] = 1;
	assert_int_equal(sp_mls_group_new(&later.now, &group, &params), SP_ERR_USAGE);
	assert_null(group);
	c.env.size = sizeof c.env;
	c.limits.size = 0;
	assert_int_equal(make_group(&c, &params), SP_ERR_USAGE);
	c.limits.size = sizeof c.limits - 1;
	assert_int_equal(make_group(&c, &params), SP_ERR_USAGE);
	client_clear(&c);
}

static void test_sizes_of_leaves_and_groups(void **state)
{
	struct client c;
	client_init(&c, "alice", 1);
	LATER(struct sp_mls_group_params) later = {.now = {.size = sizeof later, .suite = 1, .leaf = client_leaf(&c)}};
	assert_int_equal(make_group(&c, &later.now), SP_OK);
	later.tail[0] = 1;
	assert_int_equal(make_group(&c, &later.now), SP_ERR_USAGE);
	later.now.size = sizeof later.now;
	assert_int_equal(make_group(&c, &later.now), SP_OK);
	later.now.leaf.size = 0;
	assert_int_equal(make_group(&c, &later.now), SP_ERR_USAGE);
	later.now.leaf.size = sizeof later.now.leaf;
	later.now.size = 8;
	assert_int_equal(make_group(&c, &later.now), SP_ERR_USAGE);
	assert_int_equal(make_group(&c, NULL), SP_ERR_USAGE);
	client_clear(&c);
}

/* Each function that takes such a struct refuses one without a size; nothing else of it is looked at. */
static void test_sizes_of_parameters(void **state)
{
	struct client c;
	struct sp_buf out = buf(), ref = buf(), priv = buf();
	struct sp_mls_staged *staged = NULL;
	struct sp_mls_join *join = NULL;
	struct sp_mls_group *group = NULL;
	uint64_t epoch;
	client_init(&c, "alice", 1);
	world_create(&c, (struct sp_mls_extensions){0});
	const struct sp_mls_key_package_params kp = {.suite = 1, .leaf = client_leaf(&c)};
	const struct sp_mls_commit_params commit = {.wire_format = SP_MLS_WIRE_PUBLIC_MESSAGE};
	const struct sp_mls_group_info_params info = {.with_tree = true};
	const struct sp_mls_join_params welcome = {.welcome = SP_BYTES_LIT("x")};
	const struct sp_mls_external_params external = {.group_info = SP_BYTES_LIT("x")};
	const struct sp_mls_successor_params successor = {.group_id = SP_BYTES_LIT("x")};
	assert_int_equal(sp_mls_key_package_new(&c.env, &out, &ref, &priv, &kp), SP_ERR_USAGE);
	assert_int_equal(sp_mls_group_commit(&c.env, c.group, &staged, &commit), SP_ERR_USAGE);
	assert_int_equal(sp_mls_group_info_export(&c.env, c.group, &out, &info), SP_ERR_USAGE);
	assert_int_equal(sp_mls_join_open(&c.env, &join, &welcome), SP_ERR_USAGE);
	assert_int_equal(sp_mls_join_peek(&c.env, &out, &epoch, &welcome), SP_ERR_USAGE);
	assert_int_equal(sp_mls_join_external(&c.env, &join, &external), SP_ERR_USAGE);
	assert_int_equal(sp_mls_group_branch_new(&c.env, c.group, &group, &out, &successor), SP_ERR_USAGE);
	assert_int_equal(sp_mls_group_reinit_new(&c.env, c.group, &group, &out, &successor), SP_ERR_USAGE);
	assert_non_null(c.diag.text);
	assert_null(staged);
	assert_null(join);
	assert_null(group);
	assert_int_equal(out.n + ref.n + priv.n, 0);
	client_clear(&c);
}

/* A leaf that is given by pointer may be of another release than the struct it is named in. */
static void test_size_of_a_leaf_by_pointer(void **state)
{
	struct client c;
	struct sp_mls_staged *staged = NULL;
	client_init(&c, "alice", 1);
	world_create(&c, (struct sp_mls_extensions){0});
	LATER(struct sp_mls_leaf_params) leaf = {.now = client_leaf(&c)};
	const struct sp_mls_commit_params commit = {
		.size = sizeof commit, .force_path = true, .leaf = &leaf.now, .wire_format = SP_MLS_WIRE_PUBLIC_MESSAGE};
	leaf.now.size = sizeof leaf;
	assert_int_equal(sp_mls_group_commit(&c.env, c.group, &staged, &commit), SP_OK);
	sp_mls_staged_free(&staged);
	leaf.tail[3] = 1;
	assert_int_equal(sp_mls_group_commit(&c.env, c.group, &staged, &commit), SP_ERR_USAGE);
	assert_null(staged);
	client_clear(&c);
}

/* -- jobs ------------------------------------------------------------------------------------------------------------------------ */

#define THREADS 4

/* Four threads take numbers from one counter; `skip` is a job that a broken caller forgets. */
struct crew {
	void (*job)(void *arg, size_t i);
	void *arg;
	size_t n, skip;
	atomic_size_t next;
	size_t calls, jobs;
};

static void *work(void *p)
{
	struct crew *crew = p;
	for (size_t i = atomic_fetch_add(&crew->next, 1); i < crew->n; i = atomic_fetch_add(&crew->next, 1)) {
		if (i != crew->skip)
			crew->job(crew->arg, crew->n - 1 - i); /* last first: the order must not matter */
	}
	return NULL;
}

static void run_crew(void *ctx, void (*job)(void *arg, size_t i), void *arg, size_t n)
{
	struct crew *crew = ctx;
	pthread_t threads[THREADS];
	crew->job = job;
	crew->arg = arg;
	crew->n = n;
	crew->calls++;
	crew->jobs += n;
	atomic_store(&crew->next, 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, crew), 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

#define PEOPLE 40

struct crowd {
	struct client people[PEOPLE];
	struct client *joiners[PEOPLE - 1];
	struct crew crew;
	struct sp_mls_jobs jobs;
};

/* Everybody in, and each leaf of the tree bound to the group: the last one joins with threads. */
static void crowd_start(struct crowd *c)
{
	static const char *const names[] = {"a", "b", "c", "d", "e"};
	*c = (struct crowd){.crew.skip = SIZE_MAX};
	c->jobs = (struct sp_mls_jobs){run_crew, &c->crew};
	for (size_t i = 0; i < PEOPLE; i++) {
		client_init(&c->people[i], names[i % SP_ARRAY_LEN(names)], 1);
		if (i > 0)
			c->joiners[i - 1] = &c->people[i];
	}
	world_create(&c->people[0], (struct sp_mls_extensions){0});
	c->people[PEOPLE - 1].env.jobs = &c->jobs;
	struct client *all[] = {&c->people[0]};
	world_add(&c->people[0], all, 1, c->joiners, PEOPLE - 1);
	c->people[PEOPLE - 1].env.jobs = NULL;
}

static void crowd_end(struct crowd *c)
{
	for (size_t i = 0; i < PEOPLE; i++)
		client_clear(&c->people[i]);
}

static void test_joining_with_threads(void **state)
{
	struct crowd *c = sp_alloc(sizeof *c);
	assert_non_null(c);
	crowd_start(c);
	assert_int_equal(c->crew.calls, 1);
	assert_true(c->crew.jobs > 1);
	world_say(&c->people[0], &c->joiners[PEOPLE - 2], 1, "joined");
	crowd_end(c);
	sp_free(c);
}

/* The same bytes from the same seed, with threads and without. */
static void commit_from_seed(struct client *by, const struct sp_mls_jobs *jobs, struct sp_buf *out)
{
	struct sp_rng_seeded seeded;
	const struct sp_rng rng = sp_rng_seeded(&seeded, SP_BYTES_LIT("one seed for both"));
	struct sp_mls_env env = by->env;
	struct sp_mls_staged *staged = NULL;
	const struct sp_mls_commit_params params = {.size = sizeof params, .wire_format = SP_MLS_WIRE_PUBLIC_MESSAGE, .with_group_info = true};
	env.rng = &rng;
	env.jobs = jobs;
	assert_int_equal(sp_mls_group_commit(&env, by->group, &staged, &params), SP_OK);
	assert_int_equal(sp_buf_append(out, sp_mls_staged_info(staged)->message), SP_OK);
	assert_int_equal(sp_buf_append(out, sp_mls_staged_info(staged)->group_info), SP_OK);
	sp_mls_staged_free(&staged);
}

static void test_sealing_with_threads(void **state)
{
	struct crowd *c = sp_alloc(sizeof *c);
	struct sp_buf alone = buf(), threads = buf();
	assert_non_null(c);
	crowd_start(c);
	size_t calls = c->crew.calls;
	commit_from_seed(&c->people[7], NULL, &alone);
	commit_from_seed(&c->people[7], &c->jobs, &threads);
	assert_int_equal(c->crew.calls, calls + 1);
	assert_true(alone.n > PEOPLE * 48); /* most parents are blank: a seal for each member */
	assert_true(sp_bytes_equal(sp_buf_bytes(&alone), sp_buf_bytes(&threads)));
	sp_buf_clear(&alone);
	sp_buf_clear(&threads);
	crowd_end(c);
	sp_free(c);
}

/* A job that was not run is no proof, and no ciphertext. */
static void test_forgotten_jobs(void **state)
{
	struct crowd *c = sp_alloc(sizeof *c);
	assert_non_null(c);
	crowd_start(c);
	struct client *last = &c->people[PEOPLE - 1];
	const struct sp_mls_view *view = sp_mls_group_view(last->group);
	const struct sp_mls_commit_params params = {.size = sizeof params, .wire_format = SP_MLS_WIRE_PUBLIC_MESSAGE};
	struct sp_mls_staged *staged = NULL;
	last->env.jobs = &c->jobs;
	assert_int_equal(sp__mls_tree_verify_signatures(&last->env, view->tree, sp_mls_view_group_id(view)), SP_OK);
	c->crew.skip = 1;
	assert_int_equal(sp__mls_tree_verify_signatures(&last->env, view->tree, sp_mls_view_group_id(view)), SP_ERR_USAGE);
	assert_int_equal(sp_mls_group_commit(&last->env, last->group, &staged, &params), SP_ERR_USAGE);
	assert_null(staged);
	crowd_end(c);
	sp_free(c);
}

/* A wrong signature is found by both, with the same error, rule and place. */
static void test_a_wrong_signature_with_threads(void **state)
{
	struct crowd *c = sp_alloc(sizeof *c);
	assert_non_null(c);
	crowd_start(c);
	struct client *last = &c->people[PEOPLE - 1];
	struct client *both[] = {&c->people[0], last};
	const struct sp_mls_commit_params path = {.force_path = true};
	world_commit(&c->people[0], both, 2, NULL, 0, &path, NULL); /* now a leaf is signed for this group */
	const struct sp_mls_view *view = sp_mls_group_view(last->group);
	enum sp_err alone = sp__mls_tree_verify_signatures(&last->env, view->tree, SP_BYTES_LIT("another group"));
	const struct sp_diag said = last->diag;
	assert_int_equal(alone, SP_ERR_SIGNATURE);
	assert_int_equal(said.rule, 110);
	last->diag = (struct sp_diag){0};
	last->env.jobs = &c->jobs;
	assert_int_equal(sp__mls_tree_verify_signatures(&last->env, view->tree, SP_BYTES_LIT("another group")), alone);
	assert_int_equal(last->diag.rule, said.rule);
	assert_int_equal(last->diag.line, said.line);
	crowd_end(c);
	sp_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes_of_the_environment),
		cmocka_unit_test(test_sizes_of_leaves_and_groups),
		cmocka_unit_test(test_sizes_of_parameters),
		cmocka_unit_test(test_size_of_a_leaf_by_pointer),
		cmocka_unit_test(test_joining_with_threads),
		cmocka_unit_test(test_sealing_with_threads),
		cmocka_unit_test(test_forgotten_jobs),
		cmocka_unit_test(test_a_wrong_signature_with_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
