/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules MLS-V-150 to MLS-V-199: trees and update paths. A valid tree or path is taken apart, one thing is spoiled, and
 * exactly that rule is wanted. ATTACKS M11, M12, M13, M15, M33 as far as the tree decides.
 */
#include "tree_fixture.h"

#define OK(e) assert_int_equal((e), SP_OK)
#define RAW(lit) SP_BYTES_LIT(lit)

/* -- a tree in pieces --------------------------------------------------------------------------------------------------------- */

#define NODES_MAX 31
struct pieces {
	struct sp_buf node[NODES_MAX]; /* encoded Node; empty is blank */
	size_t n;
	bool trailing_blank;
};

static void take_apart(struct pieces *p, const struct sp_mls_tree *tree)
{
	*p = (struct pieces){.n = sp__mls_node_count(tree->width)};
	assert_true(p->n <= NODES_MAX);
	for (uint32_t x = 0; x < p->n; x++) {
		sp_buf_init(&p->node[x], 1u << 20);
		struct sp_writer w = sp_writer_on(&p->node[x]);
		if (x % 2 == 0 && tree->leaf[x / 2])
			sp__mls_tree_leaf_write(&w, tree->leaf[x / 2]);
		if (x % 2 == 1 && tree->parent[x / 2])
			sp__mls_tree_parent_write(&w, tree->parent[x / 2]);
		OK(sp_writer_finish(&w));
	}
}

static void put_together(const struct pieces *p, struct sp_buf *out)
{
	size_t n = p->n;
	while (n > 0 && p->node[n - 1].n == 0)
		n--;
	struct sp_writer w = sp_writer_on(out);
	size_t mark = sp_write_open(&w);
	for (size_t x = 0; x < n; x++) {
		sp_write_optional(&w, p->node[x].n > 0);
		sp_write_fixed(&w, sp_buf_bytes(&p->node[x]));
	}
	if (p->trailing_blank)
		sp_write_optional(&w, false);
	sp_write_close(&w, mark);
	OK(sp_writer_finish(&w));
}

static void set_parent(struct pieces *p, size_t x, struct sp_bytes key, struct sp_bytes parent_hash, const uint32_t *unmerged, size_t n)
{
	p->node[x].n = 0;
	struct sp_writer w = sp_writer_on(&p->node[x]);
	sp_write_u8(&w, 2);
	sp_write_vec(&w, key);
	sp_write_vec(&w, parent_hash);
	size_t mark = sp_write_open(&w);
	for (size_t i = 0; i < n; i++)
		sp_write_u32(&w, unmerged[i]);
	sp_write_close(&w, mark);
	OK(sp_writer_finish(&w));
}

/* The tree's own parent with another list. */
static void set_unmerged(struct pieces *p, const struct sp_mls_tree *tree, size_t x, const uint32_t *unmerged, size_t n)
{
	const struct sp_mls_tree_parent *node = tree->parent[x / 2];
	assert_non_null(node);
	set_parent(p, x, sp__mls_parent_key(node), sp__mls_parent_hash_of(node), unmerged, n);
}

/* Decodes and verifies as a joiner does. */
static enum sp_err judge(struct fix *f, struct sp_bytes ratchet_tree)
{
	struct sp_mls_tree *tree;
	enum sp_err e = sp__mls_tree_decode(&tree, &f->suite, ratchet_tree, &f->diag);
	if (e == SP_OK)
		e = sp__mls_tree_verify(&f->env, tree, &(struct sp_mls_tree_context){.group_id = FIX_GROUP});
	sp__mls_tree_free(&tree);
	return e;
}

static void judge_pieces(struct fix *f, struct pieces *p, unsigned rule)
{
	struct sp_buf bytes;
	sp_buf_init(&bytes, 1u << 24);
	put_together(p, &bytes);
	enum sp_err e = judge(f, sp_buf_bytes(&bytes));
	if (rule)
		fix_want_rule(f, e, rule);
	else
		OK(e);
	sp_buf_clear(&bytes);
	for (size_t x = 0; x < p->n; x++)
		sp_buf_clear(&p->node[x]);
}

struct scene { /* eight members, all parents set, leaf 5 added last and unmerged at nodes 11 and 7 */
	struct fix f;
	struct crowd c;
	struct pieces p;
};

static void scene_begin(struct scene *s)
{
	const uint32_t five = 5;
	*s = (struct scene){0};
	fix_init(&s->f, 1, "tree rules");
	crowd_init(&s->c, &s->f);
	crowd_fill(&s->c, 8);
	crowd_commit(&s->c, &(struct crowd_change){.committer = 4, .removes = &five, .n_removes = 1});
	crowd_commit(&s->c, &(struct crowd_change){.committer = 4, .n_adds = 1, .without_path = true});
	take_apart(&s->p, s->c.tree);
}

static void scene_end(struct scene *s, unsigned rule)
{
	judge_pieces(&s->f, &s->p, rule);
	crowd_clear(&s->c);
}

static void a_valid_tree_passes(void **state)
{
	struct scene s;
	scene_begin(&s);
	assert_int_equal(s.c.tree->parent[5]->n_unmerged, 1);
	scene_end(&s, 0);
}

/* -- shape ------------------------------------------------------------------------------------------------------------------------ */

static void put_leaf(struct scene *s, size_t x, struct leaf_parts *parts, struct person *p)
{
	s->p.node[x].n = 0;
	OK(sp_buf_append(&s->p.node[x], RAW("\x01")));
	fix_leaf_write(&s->p.node[x], parts, p);
}

static void v150_encryption_key_twice(void **state)
{
	struct scene s;
	scene_begin(&s);
	struct leaf_parts parts = fix_leaf_parts(&s.f, &s.c.at[1], SP_MLS_LEAF_UPDATE, 1);
	const struct sp_mls_leaf_node *zero = sp__mls_tree_leaf(s.c.tree, 0);
	sp_copy(parts.encryption_key.b, zero->encryption_key.p, zero->encryption_key.n);
	put_leaf(&s, 2, &parts, &s.c.at[1]);
	scene_end(&s, 150);
	scene_begin(&s); /* a parent with a leaf's key */
	zero = sp__mls_tree_leaf(s.c.tree, 0);
	set_parent(&s.p, 3, zero->encryption_key, SP_BYTES_NONE, NULL, 0);
	scene_end(&s, 150);
}

static void v151_signature_key_twice(void **state)
{
	struct scene s;
	scene_begin(&s);
	struct leaf_parts parts = fix_leaf_parts(&s.f, &s.c.at[0], SP_MLS_LEAF_UPDATE, 1);
	put_leaf(&s, 2, &parts, &s.c.at[0]);
	scene_end(&s, 151);
}

static void v160_trailing_blank(void **state)
{
	struct scene s;
	scene_begin(&s);
	s.p.trailing_blank = true;
	scene_end(&s, 160);
}

static void v161_kinds_in_the_wrong_place(void **state)
{
	struct scene s;
	scene_begin(&s);
	sp_buf_clear(&s.p.node[1]);
	OK(sp_buf_append(&s.p.node[1], sp_buf_bytes(&s.p.node[0])));
	scene_end(&s, 161);
	scene_begin(&s);
	sp_buf_clear(&s.p.node[0]);
	OK(sp_buf_append(&s.p.node[0], sp_buf_bytes(&s.p.node[1])));
	scene_end(&s, 161);
}

static void v162_to_v164_unmerged(void **state)
{
	struct scene s;
	const uint32_t unsorted[] = {5, 4}, twice[] = {5, 5}, outside[] = {1, 5}, beyond[] = {200}, five[] = {5};
	scene_begin(&s);
	set_unmerged(&s.p, s.c.tree, 11, unsorted, 2);
	scene_end(&s, 162);
	scene_begin(&s);
	set_unmerged(&s.p, s.c.tree, 11, twice, 2);
	scene_end(&s, 162);
	scene_begin(&s);
	set_unmerged(&s.p, s.c.tree, 11, outside, 2);
	scene_end(&s, 163);
	scene_begin(&s);
	set_unmerged(&s.p, s.c.tree, 7, beyond, 1);
	scene_end(&s, 163);
	scene_begin(&s);
	sp_buf_clear(&s.p.node[10]); /* leaf 5 is blank, and still listed */
	scene_end(&s, 163);
	scene_begin(&s);
	set_unmerged(&s.p, s.c.tree, 11, NULL, 0);
	set_unmerged(&s.p, s.c.tree, 7, five, 1);
	scene_end(&s, 164);
}

/* M12: who sent the tree put a key of its own into a parent; hid that a leaf is unmerged; moved a node. */
static void v165_parent_hashes(void **state)
{
	struct scene s;
	struct sp_secret priv;
	struct sp_kem_public own;
	scene_begin(&s);
	OK(sp_kem_generate(s.f.suite.hpke.kem, &s.f.rng, &priv, &own));
	set_parent(&s.p, 11, sp_kem_public_bytes(&own), sp__mls_parent_hash_of(s.c.tree->parent[5]), (const uint32_t[]){5}, 1);
	scene_end(&s, 165);
	scene_begin(&s);
	set_unmerged(&s.p, s.c.tree, 11, NULL, 0);
	set_unmerged(&s.p, s.c.tree, 7, NULL, 0);
	scene_end(&s, 165);
	scene_begin(&s);
	sp_buf_clear(&s.p.node[5]); /* node 3's chain went through it */
	set_parent(&s.p, 3, sp_kem_public_bytes(&own), SP_BYTES_NONE, NULL, 0);
	scene_end(&s, 165);
	scene_begin(&s); /* a parent over nobody */
	sp_buf_clear(&s.p.node[10]);
	sp_buf_clear(&s.p.node[8]);
	set_parent(&s.p, 9, sp_kem_public_bytes(&own), SP_BYTES_NONE, NULL, 0);
	set_unmerged(&s.p, s.c.tree, 11, NULL, 0);
	set_unmerged(&s.p, s.c.tree, 7, NULL, 0);
	scene_end(&s, 165);
}

static void v166_parent_key(void **state)
{
	struct scene s;
	scene_begin(&s);
	struct sp_bytes key = sp__mls_parent_key(s.c.tree->parent[5]);
	key.n--;
	set_parent(&s.p, 11, key, sp__mls_parent_hash_of(s.c.tree->parent[5]), NULL, 0);
	scene_end(&s, 166);
}

/* M33: bytes that claim a tree. */
static void v167_size(void **state)
{
	struct fix f;
	struct sp_buf zeros;
	uint8_t *content;
	fix_init(&f, 1, "sizes");
	fix_want_rule(&f, judge(&f, RAW("\x00")), 167);
	sp_buf_init(&zeros, 1u << 22);
	OK(sp_buf_append(&zeros, RAW("\x80\x0f\xff\xff")));
	OK(sp_buf_extend(&zeros, 0x0fffff, &content));
	fix_want_rule(&f, judge(&f, sp_buf_bytes(&zeros)), 167);
	sp_buf_clear(&zeros);
	assert_int_equal(judge(&f, RAW("\x80\x10\x00\x00")), SP_ERR_TRUNCATED); /* 2^20 nodes in four bytes */
	assert_int_equal(judge(&f, RAW("\x02\x01\x03")), SP_ERR_ENCODING);      /* no such kind of node */
	assert_int_equal(judge(&f, RAW("\x02\x02\x01")), SP_ERR_ENCODING);      /* optional is 0 or 1 */
}

/* M13: one leaf of the tree is bad; its place does not matter. */
static void a_bad_leaf_spoils_the_tree(void **state)
{
	struct scene s;
	scene_begin(&s);
	struct leaf_parts parts = fix_leaf_parts(&s.f, &s.c.at[5], SP_MLS_LEAF_KEY_PACKAGE, 0);
	parts.spoil_signature = true;
	put_leaf(&s, 10, &parts, &s.c.at[5]);
	scene_end(&s, 110);
	scene_begin(&s);
	parts = fix_leaf_parts(&s.f, &s.c.at[5], SP_MLS_LEAF_KEY_PACKAGE, 0);
	parts.suites = RAW("\x00\x02");
	put_leaf(&s, 10, &parts, &s.c.at[5]);
	scene_end(&s, 113);
	scene_begin(&s);
	s.f.verdict = SP_ERR_CERTIFICATE;
	scene_end(&s, 124);
	scene_begin(&s);
	parts = fix_leaf_parts(&s.f, &s.c.at[5], SP_MLS_LEAF_KEY_PACKAGE, 0);
	parts.not_before = parts.not_after - 365 * 24 * 3600;
	put_leaf(&s, 10, &parts, &s.c.at[5]);
	scene_end(&s, 117);
}

/* -- what all members must support ---------------------------------------------------------------------------------------------------- */

static enum sp_err verify_added(struct scene *s, const struct leaf_parts *parts, const struct person *p, struct sp_bytes extensions)
{
	struct sp_mls_tree_diff *diff;
	struct sp_buf leaf;
	uint32_t at;
	sp_buf_init(&leaf, 1u << 20);
	OK(sp__mls_tree_diff_new(&diff, s->c.tree));
	fix_leaf_write(&leaf, parts, p);
	OK(sp__mls_tree_diff_add(diff, sp_buf_bytes(&leaf), &at));
	enum sp_err e = sp__mls_tree_diff_verify(&s->f.env, diff, &(struct sp_mls_tree_context){.extensions = extensions}, true);
	sp__mls_tree_diff_free(&diff);
	sp_buf_clear(&leaf);
	return e;
}

static void v150_v151_added_twice(void **state)
{
	struct scene s;
	struct person p = {0};
	scene_begin(&s);
	fix_person(&s.f, &p);
	struct leaf_parts parts = fix_leaf_parts(&s.f, &p, SP_MLS_LEAF_KEY_PACKAGE, 0);
	OK(verify_added(&s, &parts, &p, SP_BYTES_NONE));
	const struct sp_mls_leaf_node *zero = sp__mls_tree_leaf(s.c.tree, 0);
	struct leaf_parts same = parts;
	sp_copy(same.encryption_key.b, zero->encryption_key.p, zero->encryption_key.n);
	fix_want_rule(&s.f, verify_added(&s, &same, &p, SP_BYTES_NONE), 150);
	same = parts;
	same.signature_key = zero->signature_key;
	fix_want_rule(&s.f, verify_added(&s, &same, &p, SP_BYTES_NONE), 151);
	struct sp_mls_tree_diff *diff; /* two adds of one commit */
	struct sp_buf leaf;
	uint32_t at;
	sp_buf_init(&leaf, 1u << 20);
	fix_leaf_write(&leaf, &parts, &p);
	OK(sp__mls_tree_diff_new(&diff, s.c.tree));
	OK(sp__mls_tree_diff_add(diff, sp_buf_bytes(&leaf), &at));
	OK(sp__mls_tree_diff_add(diff, sp_buf_bytes(&leaf), &at));
	assert_int_not_equal(sp__mls_tree_diff_verify(&s.f.env, diff, &(struct sp_mls_tree_context){0}, false), SP_OK);
	sp__mls_tree_diff_free(&diff);
	sp_buf_clear(&leaf);
	fix_person_clear(&p);
	scene_end(&s, 0);
}

/* A member who is removed takes its keys along: the same client may be added again in the same commit. */
static void keys_of_removed_members_are_free(void **state)
{
	struct scene s;
	struct sp_mls_tree_diff *diff;
	struct sp_buf leaf;
	uint32_t at;
	scene_begin(&s);
	sp_buf_init(&leaf, 1u << 20);
	struct leaf_parts parts = fix_leaf_parts(&s.f, &s.c.at[3], SP_MLS_LEAF_KEY_PACKAGE, 0);
	fix_leaf_write(&leaf, &parts, &s.c.at[3]);
	OK(sp__mls_tree_diff_new(&diff, s.c.tree));
	OK(sp__mls_tree_diff_remove(diff, 3));
	OK(sp__mls_tree_diff_add(diff, sp_buf_bytes(&leaf), &at));
	assert_int_equal(at, 3);
	OK(sp__mls_tree_diff_verify(&s.f.env, diff, &(struct sp_mls_tree_context){0}, false));
	OK(sp__mls_tree_diff_prepare(diff));
	sp__mls_tree_apply(s.c.tree, &diff);
	assert_int_equal(sp__mls_tree_find_signature_key(s.c.tree, s.c.at[3].signer.public_key), 3);
	crowd_check(&s.c);
	sp_buf_clear(&leaf);
	scene_end(&s, 0);
}

static void v152_credential_types(void **state)
{
	struct scene s;
	struct person p = {0};
	scene_begin(&s);
	fix_person(&s.f, &p);
	struct leaf_parts parts = fix_leaf_parts(&s.f, &p, SP_MLS_LEAF_KEY_PACKAGE, 0);
	parts.credential_types = RAW("\x00\x01\x00\x02");
	OK(verify_added(&s, &parts, &p, SP_BYTES_NONE));
	parts.credential_type = SP_MLS_CREDENTIAL_X509; /* the others do not know x509 */
	parts.credential = RAW("\x03\x30\x01\x00");
	fix_want_rule(&s.f, verify_added(&s, &parts, &p, SP_BYTES_NONE), 152);
	parts.credential_type = SP_MLS_CREDENTIAL_BASIC; /* it does not know basic, which the others use */
	parts.credential_types = RAW("\x00\x02\x00\x02\x00\x02");
	fix_want_rule(&s.f, verify_added(&s, &parts, &p, SP_BYTES_NONE), 152);
	fix_person_clear(&p);
	scene_end(&s, 0);
}

static void v153_v154_support(void **state)
{
	struct scene s;
	struct person p = {0};
	scene_begin(&s);
	fix_person(&s.f, &p);
	struct leaf_parts parts = fix_leaf_parts(&s.f, &p, SP_MLS_LEAF_KEY_PACKAGE, 0);
	parts.extension_types = RAW("\xf0\x01\xf0\x01"); /* twice does not count for two */
	parts.proposal_types = RAW("\xf0\x02");
	OK(verify_added(&s, &parts, &p, RAW("\x00\x01\x00")));
	fix_want_rule(&s.f, verify_added(&s, &parts, &p, RAW("\xf0\x01\x00")), 154);
	fix_want_rule(&s.f, verify_added(&s, &parts, &p, RAW("\x00\x03\x05\x02\xf0\x01\x00\x00")), 153);
	fix_want_rule(&s.f, verify_added(&s, &parts, &p, RAW("\x00\x03\x05\x00\x02\xf0\x02\x00")), 153);
	fix_want_rule(&s.f, verify_added(&s, &parts, &p, RAW("\x00\x03\x05\x00\x00\x02\x00\x02")), 153);
	fix_person_clear(&p);
	scene_end(&s, 0);
}

/* -- update paths ------------------------------------------------------------------------------------------------------------------------ */

#define STEPS_MAX 4
struct path_parts {
	struct sp_buf leaf;
	size_t n;
	struct {
		struct sp_buf key;
		struct sp_buf ciphertexts; /* content */
	} node[STEPS_MAX];
};
struct path_scene {
	struct scene s;
	struct sp_mls_tree_diff *made;
	struct sp_mls_path_make *make;
	struct path_parts parts;
	struct sp_buf encoded;
};

/* The path of leaf 2, in pieces; its copath has one key at the first steps, two (node 11 and leaf 5) at the last. */
static void path_begin(struct path_scene *p)
{
	struct sp_mls_update_path path;
	struct sp_mls_path_node node;
	scene_begin(&p->s);
	sp_buf_init(&p->encoded, 1u << 20);
	const struct sp_mls_path_params params = {
		.sender = 2, .like = sp__mls_tree_leaf(p->s.c.tree, 2), .signer = &p->s.c.at[2].signer, .group_id = FIX_GROUP};
	OK(sp__mls_tree_diff_new(&p->made, p->s.c.tree));
	OK(sp__mls_path_make(&p->s.f.env, &p->make, p->made, &params));
	OK(sp__mls_path_encrypt(&p->s.f.env, p->make, &p->encoded, RAW("ctx")));
	struct sp_reader r = sp_reader_of(sp_buf_bytes(&p->encoded));
	OK(sp__mls_update_path_read(&r, &path, NULL));
	sp_buf_init(&p->parts.leaf, 1u << 20);
	OK(sp_buf_append(&p->parts.leaf, path.leaf.encoded));
	r = sp_reader_of(path.nodes);
	for (p->parts.n = 0; !sp_reader_is_empty(&r); p->parts.n++) {
		OK(sp__mls_path_node_read(&r, &node));
		sp_buf_init(&p->parts.node[p->parts.n].key, 1u << 10);
		sp_buf_init(&p->parts.node[p->parts.n].ciphertexts, 1u << 20);
		OK(sp_buf_append(&p->parts.node[p->parts.n].key, node.key));
		OK(sp_buf_append(&p->parts.node[p->parts.n].ciphertexts, node.ciphertexts));
	}
	assert_int_equal(p->parts.n, 3);
}

static void write_path(struct path_scene *p)
{
	p->encoded.n = 0;
	struct sp_writer w = sp_writer_on(&p->encoded);
	sp_write_fixed(&w, sp_buf_bytes(&p->parts.leaf));
	size_t mark = sp_write_open(&w);
	for (size_t i = 0; i < p->parts.n; i++) {
		sp_write_vec(&w, sp_buf_bytes(&p->parts.node[i].key));
		sp_write_vec(&w, sp_buf_bytes(&p->parts.node[i].ciphertexts));
	}
	sp_write_close(&w, mark);
	OK(sp_writer_finish(&w));
}

/* Merged, and opened by `receiver`. */
static enum sp_err receive(struct path_scene *p, uint32_t receiver)
{
	struct sp_mls_update_path path;
	struct sp_mls_tree_diff *diff;
	struct sp_secret secret;
	struct sp_mls_path_keys keys = p->s.c.at[receiver].keys;
	write_path(p);
	struct sp_reader r = sp_reader_of(sp_buf_bytes(&p->encoded));
	OK(sp__mls_update_path_read(&r, &path, &p->s.f.diag));
	OK(sp__mls_tree_diff_new(&diff, p->s.c.tree));
	enum sp_err e = sp__mls_path_merge(&p->s.f.env, diff, 2, &path);
	if (e == SP_OK)
		e = sp__mls_path_decrypt(&p->s.f.env, &secret, &keys, diff, 2, &path, RAW("ctx"));
	if (e != SP_OK)
		assert_memory_equal(&keys, &p->s.c.at[receiver].keys, sizeof keys);
	sp__mls_tree_diff_free(&diff);
	return e;
}

static void path_end(struct path_scene *p, unsigned rule)
{
	enum sp_err e = receive(p, 5);
	if (rule)
		fix_want_rule(&p->s.f, e, rule);
	else
		OK(e);
	for (size_t i = 0; i < STEPS_MAX; i++) {
		sp_buf_clear(&p->parts.node[i].key);
		sp_buf_clear(&p->parts.node[i].ciphertexts);
	}
	sp_buf_clear(&p->parts.leaf);
	sp_buf_clear(&p->encoded);
	sp__mls_path_make_free(&p->make);
	sp__mls_tree_diff_free(&p->made);
	scene_end(&p->s, 0);
}

static void a_valid_path_passes(void **state)
{
	struct path_scene p = {0};
	path_begin(&p);
	for (uint32_t i = 0; i < 8; i++)
		if (i != 2)
			OK(receive(&p, i));
	path_end(&p, 0);
}

static void v180_number_of_nodes(void **state)
{
	struct path_scene p = {0};
	path_begin(&p);
	p.parts.n = 2;
	path_end(&p, 180);
	path_begin(&p);
	sp_buf_init(&p.parts.node[3].key, 1u << 10);
	sp_buf_init(&p.parts.node[3].ciphertexts, 1u << 10);
	OK(sp_buf_append(&p.parts.node[3].key, sp_buf_bytes(&p.parts.node[2].key)));
	p.parts.n = 4;
	path_end(&p, 180);
}

static void v181_number_of_ciphertexts(void **state)
{
	struct path_scene p = {0};
	path_begin(&p);
	sp_buf_clear(&p.parts.node[0].ciphertexts);
	path_end(&p, 181);
	path_begin(&p);
	struct sp_bytes all = sp_buf_bytes(&p.parts.node[2].ciphertexts);
	OK(sp_buf_append(&p.parts.node[1].ciphertexts, all));
	path_end(&p, 181);
}

static void set_key(struct path_scene *p, size_t step, struct sp_bytes key)
{
	p->parts.node[step].key.n = 0;
	OK(sp_buf_append(&p->parts.node[step].key, key));
}

static void v182_keys_not_fresh(void **state)
{
	struct path_scene p = {0};
	path_begin(&p);
	set_key(&p, 1, sp__mls_tree_leaf(p.s.c.tree, 6)->encryption_key);
	path_end(&p, 182);
	path_begin(&p);
	set_key(&p, 2, sp__mls_parent_key(p.s.c.tree->parent[3])); /* the key it is to replace */
	path_end(&p, 182);
	path_begin(&p);
	set_key(&p, 1, sp_buf_bytes(&p.parts.node[0].key));
	path_end(&p, 182);
	path_begin(&p);
	set_key(&p, 0, sp__mls_tree_diff_leaf(p.made, 2)->encryption_key);
	path_end(&p, 182);
}

static void v183_parent_hash(void **state)
{
	struct path_scene p = {0};
	struct sp_secret priv;
	struct sp_kem_public other;
	path_begin(&p);
	OK(sp_kem_generate(p.s.f.suite.hpke.kem, &p.s.f.rng, &priv, &other));
	set_key(&p, 1, sp_kem_public_bytes(&other));
	path_end(&p, 183);
}

/* M15: garbage for one member only; the others can open it. Leaf 5 has the last ciphertext of the last step. */
static void v184_ciphertext(void **state)
{
	struct path_scene p = {0};
	path_begin(&p);
	struct sp_buf *ct = &p.parts.node[2].ciphertexts;
	ct->p[ct->n - 1] ^= 1;
	OK(receive(&p, 0));
	OK(receive(&p, 7));
	path_end(&p, 184);
}

/* A secret that decrypts, and is not the one of the path. */
static void v185_another_secret(void **state)
{
	struct path_scene p = {0};
	struct sp_buf enc, ct;
	struct sp_mls_hpke_ciphertext keep;
	uint8_t secret[32] = {1};
	path_begin(&p);
	sp_buf_init(&enc, 1u << 10);
	sp_buf_init(&ct, 1u << 10);
	OK(sp__mls_encrypt_with_label(&enc, &ct, &p.s.f.suite, &p.s.f.rng, sp__mls_tree_leaf(p.s.c.tree, 5)->encryption_key, SP_MLS_PATH_LABEL, RAW("ctx"),
				      SP_BYTES_OF(secret)));
	struct sp_reader r = sp_reader_of(sp_buf_bytes(&p.parts.node[2].ciphertexts));
	OK(sp__mls_hpke_ciphertext_read(&r, &keep));
	p.parts.node[2].ciphertexts.n -= r.rest.n;
	struct sp_writer w = sp_writer_on(&p.parts.node[2].ciphertexts);
	sp_write_vec(&w, sp_buf_bytes(&enc));
	sp_write_vec(&w, sp_buf_bytes(&ct));
	OK(sp_writer_finish(&w));
	sp_buf_clear(&enc);
	sp_buf_clear(&ct);
	OK(receive(&p, 6));
	path_end(&p, 185);
}

static void v186_key_form(void **state)
{
	struct path_scene p = {0};
	path_begin(&p);
	p.parts.node[1].key.n--;
	path_end(&p, 186);
}

static void v187_joiners_path_secret(void **state)
{
	struct scene s;
	struct sp_mls_path_keys keys;
	struct sp_secret wrong = {.n = 32};
	scene_begin(&s);
	const struct sp_secret leaf_key = s.c.at[5].keys.key[0];
	OK(sp__mls_path_keys_join(&keys, &s.f.env, s.c.tree, 5, &leaf_key, 4, NULL));
	fix_want_rule(&s.f, sp__mls_path_keys_join(&keys, &s.f.env, s.c.tree, 5, &leaf_key, 2, &wrong), 187);
	assert_int_equal(keys.key[0].n, 0);
	fix_want_rule(&s.f, sp__mls_path_keys_join(&keys, &s.f.env, s.c.tree, 5, &leaf_key, 4, &wrong), 187); /* node 9 is blank */
	fix_want_rule(&s.f, sp__mls_path_keys_join(&keys, &s.f.env, s.c.tree, 5, &s.c.at[6].keys.key[0], 4, NULL), 187);
	scene_end(&s, 0);
}

static void every_rule_was_provoked(void **state)
{
	fix_assert_all_seen(150, 199);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_valid_tree_passes),
		cmocka_unit_test(v150_encryption_key_twice),
		cmocka_unit_test(v151_signature_key_twice),
		cmocka_unit_test(v160_trailing_blank),
		cmocka_unit_test(v161_kinds_in_the_wrong_place),
		cmocka_unit_test(v162_to_v164_unmerged),
		cmocka_unit_test(v165_parent_hashes),
		cmocka_unit_test(v166_parent_key),
		cmocka_unit_test(v167_size),
		cmocka_unit_test(a_bad_leaf_spoils_the_tree),
		cmocka_unit_test(v150_v151_added_twice),
		cmocka_unit_test(keys_of_removed_members_are_free),
		cmocka_unit_test(v152_credential_types),
		cmocka_unit_test(v153_v154_support),
		cmocka_unit_test(a_valid_path_passes),
		cmocka_unit_test(v180_number_of_nodes),
		cmocka_unit_test(v181_number_of_ciphertexts),
		cmocka_unit_test(v182_keys_not_fresh),
		cmocka_unit_test(v183_parent_hash),
		cmocka_unit_test(v184_ciphertext),
		cmocka_unit_test(v185_another_secret),
		cmocka_unit_test(v186_key_form),
		cmocka_unit_test(v187_joiners_path_secret),
		cmocka_unit_test(every_rule_was_provoked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
