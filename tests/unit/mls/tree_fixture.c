/* SPDX-License-Identifier: Apache-2.0
 *
 * See tree_fixture.h.
 */
#include "tree_fixture.h"

#define OK(e) assert_int_equal((e), SP_OK)

static enum sp_err validate(void *ctx, const struct sp_mls_credential_check *check)
{
	return *(const enum sp_err *)ctx;
}

void fix_init(struct fix *f, uint16_t suite, const char *seed)
{
	*f = (struct fix){0};
	OK(sp_crypto_init());
	OK(sp__mls_suite_find(&f->suite, NULL, suite));
	f->rng = sp_rng_seeded(&f->seeded, sp_bytes_str(seed));
	f->limits = (struct sp_mls_limits){.size = sizeof f->limits};
	f->validator = (struct sp_mls_validator){.check = validate, .ctx = &f->verdict};
	f->env = (struct sp_mls_env){
		.size = sizeof f->env,
		.rng = &f->rng,
		.now = {(int64_t)FIX_NOW_S * 1000},
		.validator = &f->validator,
		.limits = &f->limits,
		.diag = &f->diag,
	};
}

uint32_t fix_random(struct fix *f, uint32_t below)
{
	uint8_t b[4];
	OK(sp_rng_fill(&f->rng, b, sizeof b));
	return ((uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3]) % below;
}

void fix_person(struct fix *f, struct person *p)
{
	fix_person_clear(p);
	OK(sp_sign_key_generate(&p->key, f->suite.sig));
	p->signer = sp_sign_key_signer(p->key);
}

void fix_person_clear(struct person *p)
{
	sp_sign_key_free(&p->key);
	*p = (struct person){0};
}

static bool seen[300];

void fix_want_rule(struct fix *f, enum sp_err e, unsigned rule)
{
	assert_int_not_equal(e, SP_OK);
	assert_int_equal(f->diag.rule, rule);
	assert_int_equal(f->diag.err, e);
	assert_string_equal(f->diag.text, sp__mls_rule_text(rule));
	f->diag = (struct sp_diag){0};
	seen[rule] = true;
}

void fix_assert_all_seen(unsigned first, unsigned last)
{
	static const unsigned rules[] = {
#define X(number, section, text) number,
		SP_MLS_RULES_TREE(X)
#undef X
	};
	for (size_t i = 0; i < SP_ARRAY_LEN(rules); i++)
		if (rules[i] >= first && rules[i] <= last && !seen[rules[i]])
			fail_msg("MLS-V-%u has no negative test", rules[i]);
}

/* -- leaves ---------------------------------------------------------------------------------------------------------------- */

struct leaf_parts fix_leaf_parts(struct fix *f, struct person *p, enum sp_mls_leaf_source source, uint32_t leaf_index)
{
	static const uint8_t suites[] = {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7};
	struct leaf_parts parts = {
		.signature_key = p->signer.public_key,
		.credential_type = SP_MLS_CREDENTIAL_BASIC,
		.credential = SP_BYTES_LIT("somebody"),
		.versions = SP_BYTES_LIT("\x00\x01"),
		.suites = SP_BYTES_OF(suites),
		.credential_types = SP_BYTES_LIT("\x00\x01"),
		.source = (uint8_t)source,
		.not_before = FIX_NOW_S - 3600,
		.not_after = FIX_NOW_S + 3600,
		.group_id = FIX_GROUP,
		.leaf_index = leaf_index,
	};
	OK(sp_kem_generate(f->suite.hpke.kem, &f->rng, &p->keys.key[0], &parts.encryption_key));
	p->keys.leaf = leaf_index;
	return parts;
}

static void write_to_sign(struct sp_writer *w, const struct leaf_parts *parts)
{
	sp_write_vec(w, sp_kem_public_bytes(&parts->encryption_key));
	sp_write_vec(w, parts->signature_key);
	sp_write_u16(w, parts->credential_type);
	sp_write_vec(w, parts->credential);
	sp_write_vec(w, parts->versions);
	sp_write_vec(w, parts->suites);
	sp_write_vec(w, parts->extension_types);
	sp_write_vec(w, parts->proposal_types);
	sp_write_vec(w, parts->credential_types);
	sp_write_u8(w, parts->source);
	if (parts->source == SP_MLS_LEAF_KEY_PACKAGE) {
		sp_write_u64(w, parts->not_before);
		sp_write_u64(w, parts->not_after);
	}
	if (parts->source == SP_MLS_LEAF_COMMIT)
		sp_write_vec(w, parts->parent_hash);
	sp_write_vec(w, parts->extensions);
}

void fix_leaf_write(struct sp_buf *out, const struct leaf_parts *parts, const struct person *p)
{
	struct sp_buf tbs, signature;
	sp_buf_init(&tbs, 1u << 20);
	sp_buf_init(&signature, 1024);
	struct sp_writer w = sp_writer_on(out);
	write_to_sign(&w, parts);
	struct sp_writer t = sp_writer_on(&tbs);
	write_to_sign(&t, parts);
	if (parts->source != SP_MLS_LEAF_KEY_PACKAGE) {
		sp_write_vec(&t, parts->group_id);
		sp_write_u32(&t, parts->leaf_index);
	}
	OK(sp_writer_finish(&t));
	OK(sp_sign_with_label(&p->signer, &signature, SP_BYTES_LIT("LeafNodeTBS"), sp_buf_bytes(&tbs)));
	if (parts->spoil_signature)
		signature.p[signature.n - 1] ^= 1;
	sp_write_vec(&w, sp_buf_bytes(&signature));
	OK(sp_writer_finish(&w));
	sp_buf_clear(&signature);
	sp_buf_clear(&tbs);
}

void fix_leaf(struct fix *f, struct sp_buf *out, struct person *p, enum sp_mls_leaf_source source, uint32_t leaf_index)
{
	struct leaf_parts parts = fix_leaf_parts(f, p, source, leaf_index);
	fix_leaf_write(out, &parts, p);
}

struct sp_mls_leaf_node fix_leaf_read(const struct sp_buf *encoded)
{
	struct sp_reader r = sp_reader_of(sp_buf_bytes(encoded));
	struct sp_mls_leaf_node leaf;
	OK(sp__mls_leaf_node_read(&r, &leaf, NULL));
	return leaf;
}

/* -- a crowd ---------------------------------------------------------------------------------------------------------------- */

void crowd_init(struct crowd *c, struct fix *f)
{
	struct sp_buf leaf;
	*c = (struct crowd){.f = f, .cap = 1};
	sp_buf_init(&leaf, 1u << 20);
	c->at = sp_alloc(sizeof *c->at);
	assert_non_null(c->at);
	fix_person(f, &c->at[0]);
	fix_leaf(f, &leaf, &c->at[0], SP_MLS_LEAF_KEY_PACKAGE, 0);
	OK(sp__mls_tree_new(&c->tree, &f->suite, sp_buf_bytes(&leaf)));
	sp_buf_clear(&leaf);
}

void crowd_clear(struct crowd *c)
{
	for (size_t i = 0; i < c->cap; i++)
		fix_person_clear(&c->at[i]);
	sp_free(c->at);
	sp__mls_tree_free(&c->tree);
}

static void crowd_room(struct crowd *c, uint32_t leaf)
{
	size_t cap = c->cap;
	OK(sp_array_grow(&c->at, &c->cap, (size_t)leaf + 1, sizeof *c->at, 1u << 20));
	for (; cap < c->cap; cap++)
		assert_null(c->at[cap].key);
}

static void apply_proposals(struct crowd *c, struct sp_mls_tree_diff *diff, const struct crowd_change *change)
{
	struct sp_buf leaf;
	sp_buf_init(&leaf, 1u << 20);
	for (size_t i = 0; i < change->n_updates; i++) {
		uint32_t at = change->updates[i];
		leaf.n = 0;
		fix_leaf(c->f, &leaf, &c->at[at], SP_MLS_LEAF_UPDATE, at);
		OK(sp__mls_tree_diff_update(diff, at, sp_buf_bytes(&leaf)));
	}
	for (size_t i = 0; i < change->n_removes; i++) {
		OK(sp__mls_tree_diff_remove(diff, change->removes[i]));
		fix_person_clear(&c->at[change->removes[i]]);
	}
	OK(sp__mls_tree_diff_truncate(diff));
	for (size_t i = 0; i < change->n_adds; i++) {
		struct person p = {0};
		uint32_t at;
		leaf.n = 0;
		fix_person(c->f, &p);
		fix_leaf(c->f, &leaf, &p, SP_MLS_LEAF_KEY_PACKAGE, 0);
		OK(sp__mls_tree_diff_add(diff, sp_buf_bytes(&leaf), &at));
		crowd_room(c, at);
		c->at[at] = p;
		c->at[at].keys.leaf = at;
		c->at[at].is_new = true;
	}
	sp_buf_clear(&leaf);
}

/* Members who were there open it; those who were added get their path secret as a Welcome brings it. */
static void open_all(struct crowd *c, struct sp_mls_tree_diff *diff, const struct sp_mls_path_make *make, const struct sp_buf *encoded,
		     uint32_t committer)
{
	struct sp_reader r = sp_reader_of(sp_buf_bytes(encoded));
	struct sp_mls_update_path path;
	OK(sp__mls_update_path_read(&r, &path, NULL));
	for (uint32_t i = 0; i < diff->width; i++) {
		struct sp_secret secret;
		if (i == committer || sp__mls_tree_diff_leaf(diff, i) == NULL)
			continue;
		if (c->at[i].is_new) {
			assert_int_equal(sp__mls_path_decrypt(&c->f->env, &secret, &c->at[i].keys, diff, committer, &path, SP_BYTES_LIT("ctx")),
					 SP_ERR_NOT_FOR_ME);
			continue;
		}
		OK(sp__mls_path_decrypt(&c->f->env, &secret, &c->at[i].keys, diff, committer, &path, SP_BYTES_LIT("ctx")));
		assert_true(sp_secret_equal(&secret, sp__mls_path_commit_secret(make)));
	}
}

static void path_of(struct crowd *c, struct sp_mls_tree_diff *diff, uint32_t committer, struct sp_mls_path_make **make)
{
	struct sp_buf encoded;
	const struct sp_mls_path_params params = {
		.sender = committer,
		.like = sp__mls_tree_leaf(c->tree, committer),
		.signer = &c->at[committer].signer,
		.group_id = FIX_GROUP,
	};
	sp_buf_init(&encoded, 1u << 24);
	OK(sp__mls_path_make(&c->f->env, make, diff, &params));
	OK(sp__mls_path_encrypt(&c->f->env, *make, &encoded, SP_BYTES_LIT("ctx")));
	open_all(c, diff, *make, &encoded, committer);
	sp__mls_path_keys_take(*make, &c->at[committer].keys);
	sp_buf_clear(&encoded);
}

static void welcome(struct crowd *c, uint32_t leaf, uint32_t committer, const struct sp_mls_path_make *make)
{
	struct person *p = &c->at[leaf];
	struct sp_secret leaf_key = p->keys.key[0];
	const struct sp_secret *secret = make ? sp__mls_path_secret_for(make, leaf) : NULL;
	OK(sp__mls_path_keys_join(&p->keys, &c->f->env, c->tree, leaf, &leaf_key, committer, secret));
	p->is_new = false;
}

void crowd_commit(struct crowd *c, const struct crowd_change *change)
{
	struct sp_mls_tree_diff *diff;
	struct sp_mls_path_make *make = NULL;
	const struct sp_mls_tree_context context = {.group_id = FIX_GROUP};
	OK(sp__mls_tree_diff_new(&diff, c->tree));
	apply_proposals(c, diff, change);
	for (uint32_t i = 0; i < c->cap; i++)
		if (c->at[i].key)
			sp__mls_path_keys_follow(&c->at[i].keys, diff);
	if (!change->without_path)
		path_of(c, diff, change->committer, &make);
	OK(sp__mls_tree_diff_verify(&c->f->env, diff, &context, false));
	OK(sp__mls_tree_diff_prepare(diff));
	sp__mls_tree_apply(c->tree, &diff);
	for (uint32_t i = 0; i < c->cap; i++)
		if (c->at[i].is_new)
			welcome(c, i, change->committer, make);
	sp__mls_path_make_free(&make);
}

void crowd_fill(struct crowd *c, uint32_t n)
{
	if (n > 1)
		crowd_commit(c, &(struct crowd_change){.n_adds = n - 1});
	for (uint32_t i = 1; i < n; i++)
		crowd_commit(c, &(struct crowd_change){.committer = i});
}

uint32_t crowd_some_member(struct crowd *c)
{
	for (;;) {
		uint32_t leaf = fix_random(c->f, sp__mls_tree_leaf_width(c->tree));
		if (sp__mls_tree_leaf(c->tree, leaf) != NULL)
			return leaf;
	}
}

static void same_hashes(const struct sp_mls_tree *a, const struct sp_mls_tree *b)
{
	assert_int_equal(a->width, b->width);
	assert_int_equal(a->members, b->members);
	assert_int_equal(a->by_encryption_key.n, b->by_encryption_key.n);
	assert_int_equal(a->by_signature_key.n, b->by_signature_key.n);
	assert_memory_equal(a->hash, b->hash, (size_t)sp__mls_node_count(a->width) * a->suite.nh);
	for (size_t i = 0; i < b->counts.cap; i++)
		if (b->counts.slots[i].key)
			assert_int_equal(sp__mls_counts_get(&a->counts, b->counts.slots[i].key - 1), b->counts.slots[i].n);
}

void crowd_check(struct crowd *c)
{
	struct sp_buf bytes;
	struct sp_mls_tree *fresh;
	const struct sp_mls_tree_context context = {.group_id = FIX_GROUP};
	sp_buf_init(&bytes, 1u << 24);
	OK(sp__mls_tree_encode(c->tree, &bytes));
	OK(sp__mls_tree_decode(&fresh, &c->f->suite, sp_buf_bytes(&bytes), &c->f->diag));
	same_hashes(c->tree, fresh);
	OK(sp__mls_tree_verify(&c->f->env, fresh, &context));
	sp__mls_tree_free(&fresh);
	sp_buf_clear(&bytes);
}
