/* SPDX-License-Identifier: Apache-2.0
 *
 * What a group costs by its size: milliseconds of this process's CPU time (medians), beside the primitives' own time in
 * the same run, bytes on the wire and in memory.
 *
 *	bench_mls [SUITE [N...]]      suites 1 and 2 at 2, 10, 100, 1,000 and 10,000 members when nothing is given
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "mls_crowd.h"

#define SAMPLES_MAX 31
#define COLUMNS_MAX 8

/* -- counting memory ------------------------------------------------------------------------------------------------------- */

static size_t live; /* bytes that the library holds */

static void *count_realloc(void *ctx, void *p, size_t n)
{
	size_t *block = p ? (size_t *)p - 2 : NULL, old = block ? block[0] : 0;
	block = realloc(block, n + 2 * sizeof *block);
	if (!block)
		return NULL;
	live += n - old;
	block[0] = n;
	return block + 2;
}

static void count_free(void *ctx, void *p)
{
	size_t *block = (size_t *)p - 2;
	live -= block[0];
	free(block);
}

/* -- the table ---------------------------------------------------------------------------------------------------------------- */

struct row {
	const char *name;
	double value[COLUMNS_MAX];
	bool has[COLUMNS_MAX];
	bool is_size;
};
struct table {
	struct row row[64];
	size_t rows, column;
};

static void put(struct table *t, const char *name, double value, bool is_size)
{
	size_t i = 0;
	while (i < t->rows && strcmp(t->row[i].name, name) != 0)
		i++;
	if (i == t->rows)
		t->row[t->rows++] = (struct row){.name = name, .is_size = is_size};
	t->row[i].value[t->column] = value;
	t->row[i].has[t->column] = true;
}

static void print_cell(const struct row *r, size_t column)
{
	if (!r->has[column])
		printf(" %10s", "-");
	else if (r->is_size)
		printf(" %10.0f", r->value[column]);
	else
		printf(" %10.3f", r->value[column]);
}

static void print_table(const struct table *t, uint16_t suite, const uint32_t *n, size_t columns)
{
	printf("\nsuite %u, CPU ms (medians) by members; below, bytes\n%-44s", suite, "");
	for (size_t i = 0; i < columns; i++)
		printf(" %10u", n[i]);
	printf("\n");
	for (size_t r = 0; r < t->rows; r++) {
		printf("%-44s", t->row[r].name);
		for (size_t i = 0; i < columns; i++)
			print_cell(&t->row[r], i);
		printf("\n");
	}
}

/* -- clock ----------------------------------------------------------------------------------------------------------------------- */

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

struct samples {
	double ms[SAMPLES_MAX];
	size_t n;
	double start;
};

static void begin(struct samples *s)
{
	s->start = now_ms();
}

static void end(struct samples *s)
{
	s->ms[s->n++] = now_ms() - s->start;
}

static double median(struct samples *s)
{
	qsort(s->ms, s->n, sizeof s->ms[0], by_value);
	return s->ms[s->n / 2];
}

/* -- primitives -------------------------------------------------------------------------------------------------------------------- */

struct floor {
	struct crowd *c;
	struct sp_buf message, signature, enc, ct, out;
	struct sp_verify_key *verify;
	struct sp_secret priv;
	struct sp_kem_public pub;
};

static void floor_sign(struct floor *f)
{
	f->signature.n = 0;
	crowd_must(sp_sign(&f->c->member[0].signer, &f->signature, sp_buf_bytes(&f->message)), "sign");
}

static void floor_verify(struct floor *f)
{
	crowd_must(sp_verify(f->verify, sp_buf_bytes(&f->message), sp_buf_bytes(&f->signature)), "verify");
}

static void floor_derive(struct floor *f)
{
	crowd_must(sp_kem_derive(f->c->suite.hpke.kem, (struct sp_bytes){f->message.p, 32}, &f->priv, &f->pub), "derive");
}

static void floor_seal(struct floor *f)
{
	f->enc.n = f->ct.n = 0;
	crowd_must(sp_hpke_seal(&f->enc, &f->ct, &f->c->suite.hpke, &f->c->rng, sp_kem_public_bytes(&f->pub), SP_BYTES_NONE, SP_BYTES_NONE,
				(struct sp_bytes){f->message.p, 32}),
		   "seal");
}

static void floor_open(struct floor *f)
{
	f->out.n = 0;
	crowd_must(sp_hpke_open(&f->out, &f->c->suite.hpke, sp_buf_bytes(&f->enc), sp_secret_bytes(&f->priv), sp_kem_public_bytes(&f->pub),
				SP_BYTES_NONE, SP_BYTES_NONE, sp_buf_bytes(&f->ct)),
		   "open");
}

static void bench_primitives(struct table *t, struct crowd *c)
{
	static const struct {
		const char *name;
		void (*run)(struct floor *f);
	} steps[] = {{"* sign 300 B", floor_sign}, {"* verify 300 B", floor_verify}, {"* KEM derive key pair", floor_derive},
		     {"* HPKE seal 32 B", floor_seal}, {"* HPKE open 32 B", floor_open}};
	struct floor f = {.c = c};
	struct sp_buf *bufs[] = {&f.message, &f.signature, &f.enc, &f.ct, &f.out};
	uint8_t *content;
	for (size_t i = 0; i < SP_ARRAY_LEN(bufs); i++)
		sp_buf_init(bufs[i], 4096);
	crowd_must(sp_buf_extend(&f.message, 300, &content), "message");
	crowd_must(sp_verify_key_new(&f.verify, c->suite.sig, c->member[0].signer.public_key), "key");
	for (size_t i = 0; i < SP_ARRAY_LEN(steps); i++) {
		struct samples s = {0};
		while (s.n < 15) {
			begin(&s);
			for (int k = 0; k < 20; k++)
				steps[i].run(&f);
			end(&s);
		}
		put(t, steps[i].name, median(&s) / 20, false);
	}
	for (size_t i = 0; i < SP_ARRAY_LEN(bufs); i++)
		sp_buf_clear(bufs[i]);
	sp_verify_key_free(&f.verify);
}

/* -- commits -------------------------------------------------------------------------------------------------------------------------- */

struct plan { /* one kind of commit by A that B receives; dropped by both */
	const char *create, *process, *size, *rows;
	struct sp_mls_commit_params params;
};

static size_t samples_for(const struct crowd *c)
{
	return c->n <= 100 ? 15 : c->n <= 1000 ? 9 : 7;
}

static void bench_commit(struct table *t, struct crowd *c, const struct plan *plan)
{
	struct samples create = {0}, process = {0};
	size_t message_n = 0, rows = 0;
	for (size_t i = 0; i < samples_for(c); i++) {
		struct sp_mls_staged *made, *received;
		begin(&create);
		crowd_must(sp_mls_group_commit(crowd_as(c, 0), c->a, &made, &plan->params), plan->create);
		end(&create);
		const struct sp_mls_staged_info *info = sp_mls_staged_info(made);
		begin(&process);
		crowd_must(sp_mls_group_process(crowd_as(c, CROWD_B), c->b, &received, info->message), plan->process);
		end(&process);
		message_n = info->message.n;
		rows = sp_mls_staged_write_set(received).n;
		sp_mls_staged_free(&made);
		sp_mls_staged_free(&received);
	}
	put(t, plan->create, median(&create), false);
	put(t, plan->process, median(&process), false);
	put(t, plan->size, (double)message_n, true);
	if (plan->rows)
		put(t, plan->rows, (double)rows, true);
}

static enum sp_err find_private(void *ctx, struct sp_buf *out, struct sp_bytes ref)
{
	const struct crowd_member *m = ctx;
	return sp_bytes_equal(sp_buf_bytes(&m->ref), ref) ? sp_buf_append(out, sp_buf_bytes(&m->priv)) : SP_ERR_NOT_FOUND;
}

static void bench_join(struct table *t, struct crowd *c, uint32_t who, struct sp_bytes welcome, const char *name, size_t samples)
{
	struct samples s = {0};
	const struct sp_mls_key_package_lookup lookup = {find_private, &c->member[who]};
	const struct sp_mls_join_params params = {.size = sizeof params, .welcome = welcome, .key_packages = &lookup};
	struct sp_mls_join *join = NULL;
	size_t before = live;
	while (s.n < samples) {
		sp_mls_join_free(&join);
		before = live;
		begin(&s);
		crowd_must(sp_mls_join_open(crowd_as(c, who), &join, &params), name);
		end(&s);
	}
	put(t, name, median(&s), false);
	if (who != CROWD_B || c->b) {
		sp_mls_join_free(&join);
		return;
	}
	c->b = sp_mls_join_accept(&join);
	put(t, "state in memory", (double)(live - before), true);
	put(t, "state in memory, a member", (double)(live - before) / c->n, true);
}

static struct sp_mls_propose *adds_of(struct crowd *c, uint32_t from, uint32_t n)
{
	struct sp_mls_propose *adds = sp_alloc_array(n, sizeof *adds);
	crowd_must(adds ? SP_OK : SP_ERR_NOMEM, "proposals");
	for (uint32_t i = 0; i < n; i++)
		adds[i] = (struct sp_mls_propose){.type = SP_MLS_PROPOSAL_ADD, .key_package = sp_buf_bytes(&c->member[from + i].message)};
	return adds;
}

static void merge(struct crowd *c, struct sp_mls_staged **staged)
{
	crowd_must(sp_mls_group_apply(c->a, staged), "apply");
	crowd_must(sp_mls_group_merge_pending(crowd_as(c, 0), c->a, staged), "merge");
	crowd_must(sp_mls_group_apply(c->a, staged), "apply");
}

static void bench_add_all(struct table *t, struct crowd *c)
{
	struct samples s = {0};
	struct sp_mls_propose *adds = adds_of(c, 1, c->n - 1);
	struct sp_mls_commit_params params = {
		.size = sizeof params, .proposals = adds, .n_proposals = c->n - 1, .wire_format = SP_MLS_WIRE_PRIVATE_MESSAGE, .welcome_with_tree = true};
	struct sp_mls_staged *staged = NULL;
	for (size_t i = 0; i < (c->n <= 1000 ? 3u : 1u); i++) {
		sp_mls_staged_free(&staged);
		begin(&s);
		crowd_must(sp_mls_group_commit(crowd_as(c, 0), c->a, &staged, &params), "add all");
		end(&s);
	}
	const struct sp_mls_staged_info *info = sp_mls_staged_info(staged);
	put(t, "add N-1 in one commit, Welcome with tree", median(&s), false);
	put(t, "  a member", median(&s) / (c->n - 1), false);
	put(t, "B add-all commit", (double)info->message.n, true);
	put(t, "B add-all Welcome", (double)info->welcome.n, true);
	bench_join(t, c, CROWD_B, info->welcome, "join that Welcome (blank tree)", c->n <= 100 ? 9 : 1);
	merge(c, &staged);
	sp_free(adds);
}

static void bench_commits(struct table *t, struct crowd *c, bool warm)
{
	const struct sp_mls_commit_params update = {.size = sizeof update, .wire_format = SP_MLS_WIRE_PRIVATE_MESSAGE};
	if (!warm) {
		bench_commit(t, c, &(struct plan){"update commit create, blank", "update commit process, blank", "B update commit, blank", NULL, update});
		return;
	}
	struct sp_mls_propose *add = adds_of(c, c->n, 1);
	const struct sp_mls_propose remove = {.type = SP_MLS_PROPOSAL_REMOVE, .removed = c->n / 2};
	struct sp_mls_commit_params params = update;
	bench_commit(t, c, &(struct plan){"update commit create, warm", "update commit process, warm", "B update commit, warm",
					  "rows that an update commit stores", update});
	params.proposals = add;
	params.n_proposals = 1;
	bench_commit(t, c, &(struct plan){"add 1, no path, create", "add 1, no path, process", "B add commit without path", NULL, params});
	params.force_path = true;
	bench_commit(t, c, &(struct plan){"add 1, path, tree out of band, create", "add 1, path, process", "B add commit with path", NULL, params});
	params.proposals = &remove;
	if (c->n > 2)
		bench_commit(t, c, &(struct plan){"remove commit create, warm", "remove commit process, warm", "B remove commit", NULL, params});
	sp_free(add);
}

/* -- joining a warm group ------------------------------------------------------------------------------------------------------------------ */

static void bench_welcome(struct table *t, struct crowd *c)
{
	struct sp_mls_propose *add = adds_of(c, c->n, 1);
	const struct sp_mls_commit_params params = {.size = sizeof params,
						    .proposals = add,
						    .n_proposals = 1,
						    .force_path = true,
						    .wire_format = SP_MLS_WIRE_PRIVATE_MESSAGE,
						    .welcome_with_tree = true};
	struct sp_mls_staged *staged;
	crowd_must(sp_mls_group_commit(crowd_as(c, 0), c->a, &staged, &params), "add");
	struct sp_bytes welcome = sp_mls_staged_info(staged)->welcome;
	put(t, "B Welcome for one joiner, with tree", (double)welcome.n, true);
	bench_join(t, c, c->n, welcome, "join from Welcome (tree inside), warm", c->n <= 100 ? 9 : 1);
	sp_mls_staged_free(&staged);
	sp_free(add);
}

static void bench_external(struct table *t, struct crowd *c)
{
	struct samples info_s = {0}, join_s = {0};
	struct sp_buf info;
	const struct sp_mls_group_info_params info_params = {.size = sizeof info_params, .with_tree = true};
	struct sp_mls_external_params params = {.size = sizeof params, .resync_leaf = SP_MLS_LEAF_NONE};
	params.leaf = (struct sp_mls_leaf_params){.size = sizeof params.leaf, .credential = {SP_MLS_CREDENTIAL_BASIC, SP_BYTES_LIT("external")}};
	sp_buf_init(&info, 1u << 28);
	for (size_t i = 0; i < samples_for(c); i++) {
		info.n = 0;
		begin(&info_s);
		crowd_must(sp_mls_group_info_export(crowd_as(c, 0), c->a, &info, &info_params), "group info");
		end(&info_s);
	}
	params.group_info = sp_buf_bytes(&info);
	for (size_t i = 0; i < (c->n <= 100 ? 9u : 1u); i++) {
		struct sp_mls_join *join;
		begin(&join_s);
		crowd_must(sp_mls_join_external(crowd_as(c, c->n), &join, &params), "external commit");
		end(&join_s);
		sp_mls_join_free(&join);
	}
	put(t, "GroupInfo with tree", median(&info_s), false);
	put(t, "external commit create", median(&join_s), false);
	sp_buf_clear(&info);
}

/* -- messages ------------------------------------------------------------------------------------------------------------------------------- */

struct traffic {
	struct samples first_protect, first_unprotect, protect, unprotect, exporter;
	size_t message_n;
};

static void one_message(struct crowd *c, struct samples *protect, struct samples *unprotect, size_t *message_n)
{
	static const uint8_t text[1024];
	struct sp_mls_staged *sent, *received;
	begin(protect);
	crowd_must(sp_mls_group_protect(crowd_as(c, 0), c->a, &sent, SP_BYTES_OF(text), SP_BYTES_NONE, 0), "protect");
	end(protect);
	begin(unprotect);
	crowd_must(sp_mls_group_process(crowd_as(c, CROWD_B), c->b, &received, sp_mls_staged_info(sent)->message), "unprotect");
	end(unprotect);
	*message_n = sp_mls_staged_info(sent)->message.n;
	crowd_must(sp_mls_group_apply(c->a, &sent), "apply");
	crowd_must(sp_mls_group_apply(c->b, &received), "apply");
}

/* A new epoch for both. */
static void next_epoch(struct crowd *c)
{
	const struct sp_mls_commit_params update = {.size = sizeof update, .wire_format = SP_MLS_WIRE_PRIVATE_MESSAGE};
	struct sp_mls_staged *made, *received;
	crowd_must(sp_mls_group_commit(crowd_as(c, 0), c->a, &made, &update), "update");
	crowd_must(sp_mls_group_process(crowd_as(c, CROWD_B), c->b, &received, sp_mls_staged_info(made)->message), "process");
	crowd_must(sp_mls_group_apply(c->b, &received), "apply");
	merge(c, &made);
}

static void bench_messages(struct table *t, struct crowd *c)
{
	struct traffic m = {0};
	uint8_t secret[32];
	for (int epoch = 0; epoch < 5; epoch++) {
		next_epoch(c);
		one_message(c, &m.first_protect, &m.first_unprotect, &m.message_n);
		for (int i = 0; i < 6; i++)
			one_message(c, &m.protect, &m.unprotect, &m.message_n);
	}
	while (m.exporter.n < 15) {
		begin(&m.exporter);
		crowd_must(sp_mls_group_export(c->a, secret, sizeof secret, "bench", SP_BYTES_NONE), "export");
		end(&m.exporter);
	}
	put(t, "protect 1 KiB, first of epoch", median(&m.first_protect), false);
	put(t, "unprotect 1 KiB, first of epoch", median(&m.first_unprotect), false);
	put(t, "protect 1 KiB, steady", median(&m.protect), false);
	put(t, "unprotect 1 KiB, steady", median(&m.unprotect), false);
	put(t, "exporter 32 B", median(&m.exporter), false);
	put(t, "B 1 KiB application message", (double)m.message_n, true);
}

/* -- all of it -------------------------------------------------------------------------------------------------------------------------------- */

static void bench_packages(struct table *t, struct crowd *c)
{
	struct samples s = {0};
	for (uint32_t i = 0; i <= c->n; i++) {
		begin(&s);
		crowd_make_member(c, i);
		end(&s);
		if (s.n == SAMPLES_MAX)
			s.n = SAMPLES_MAX - 1; /* the last place is overwritten */
	}
	put(t, "KeyPackage generate", median(&s), false);
	put(t, "B KeyPackage", (double)c->member[0].message.n, true);
}

static void bench_create(struct table *t, struct crowd *c)
{
	struct samples s = {0};
	const struct sp_mls_group_params params = {
		.size = sizeof params,
		.suite = c->suite.id,
		.leaf = {.size = sizeof params.leaf, .credential = {SP_MLS_CREDENTIAL_BASIC, SP_BYTES_LIT("creator")}},
	};
	while (s.n < 15) {
		sp_mls_group_free(&c->a);
		begin(&s);
		crowd_must(sp_mls_group_new(crowd_as(c, 0), &c->a, &params), "group");
		end(&s);
	}
	put(t, "group create", median(&s), false);
}

static void bench_size(struct table *t, uint16_t suite, uint32_t n)
{
	struct crowd c;
	struct sp_buf tree;
	crowd_init(&c, suite, n);
	bench_primitives(t, &c);
	bench_packages(t, &c);
	bench_create(t, &c);
	bench_add_all(t, &c);
	bench_commits(t, &c, false);
	crowd_warm(&c);
	bench_commits(t, &c, true);
	bench_welcome(t, &c);
	bench_external(t, &c);
	bench_messages(t, &c);
	sp_buf_init(&tree, 1u << 28);
	crowd_must(sp_mls_view_ratchet_tree(sp_mls_group_view(c.a), &tree), "tree");
	put(t, "B ratchet_tree", (double)tree.n, true);
	sp_buf_clear(&tree);
	crowd_clear(&c);
}

static void bench_suite(uint16_t suite, const uint32_t *n, size_t columns)
{
	struct table t = {0};
	for (t.column = 0; t.column < columns; t.column++)
		bench_size(&t, suite, n[t.column]);
	print_table(&t, suite, n, columns);
}

int main(int argc, char **argv)
{
	static const struct sp_allocator counting = {count_realloc, count_free, NULL};
	uint32_t n[COLUMNS_MAX] = {2, 10, 100, 1000, 10000};
	size_t columns = 5;
	sp_allocator_set(&counting);
	crowd_must(sp_crypto_init(), "OpenSSL");
	if (argc > 2)
		for (columns = 0; columns < COLUMNS_MAX && columns + 2 < (size_t)argc; columns++)
			n[columns] = (uint32_t)SP_MAX(strtoul(argv[columns + 2], NULL, 10), 2ul);
	if (argc > 1) {
		bench_suite((uint16_t)strtoul(argv[1], NULL, 10), n, columns);
		return 0;
	}
	bench_suite(1, n, columns);
	bench_suite(2, n, columns);
	return 0;
}
