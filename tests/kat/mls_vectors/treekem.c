/* SPDX-License-Identifier: Apache-2.0
 *
 * Vectors of treekem: every member opens every path, and every path made anew.
 */
#include "vectors.h"

#include "mls/path_priv.h"

struct member {
	uint32_t leaf;
	struct sp_mls_path_keys keys;
	struct sp_sign_key *signer;
};
struct kem {
	struct sp_mls_suite suite;
	struct sp_mls_tree *tree;
	struct member *members;
	size_t n;
};

static void free_kem(void *p)
{
	struct kem *k = p;
	sp__mls_tree_free(&k->tree);
	for (size_t i = 0; i < k->n; i++)
		sp_sign_key_free(&k->members[i].signer);
	sp_free(k->members);
	sp_free(k);
}

static void free_diff(void *p)
{
	struct sp_mls_tree_diff *diff = p;
	sp__mls_tree_diff_free(&diff);
}

static struct sp_mls_tree_diff *new_diff(struct vec *v, const struct kem *k)
{
	struct sp_mls_tree_diff *diff = NULL;
	if (sp__mls_tree_diff_new(&diff, k->tree) == SP_OK)
		vec_defer(v, free_diff, diff);
	return diff;
}

/* -- leaves_private ------------------------------------------------------------------------------------------------------------- */

static void load_path_secret(struct vec *v, const struct kem *k, struct member *m, const json_t *o)
{
	struct sp_node_index x = {(uint32_t)vec_int(v, o, "node")};
	struct sp_secret secret;
	struct sp_kem_public pub;
	CHECK(v, sp_secret_set(&secret, vec_hex(v, o, "path_secret")) == SP_OK);
	CHECK(v, sp__mls_level(x) > 0 && sp__mls_level(x) < SP_MLS_LEVELS && sp__mls_node_has_leaf(x, m->leaf));
	CHECK(v, sp__mls_path_node_key(&k->suite, &secret, &m->keys.key[sp__mls_level(x)], &pub) == SP_OK);
	CHECK(v, sp_bytes_equal(sp_kem_public_bytes(&pub), sp__mls_treeview_key(sp__mls_treeview_of(k->tree), x)));
}

static void load_member(struct vec *v, const struct kem *k, struct member *m, const json_t *o)
{
	const json_t *secrets = vec_array(v, o, "path_secrets");
	struct sp_kem_public pub;
	m->leaf = (uint32_t)vec_int(v, o, "index");
	m->keys.leaf = m->leaf;
	CHECK(v, sp_secret_set(&m->keys.key[0], vec_hex(v, o, "encryption_priv")) == SP_OK);
	CHECK(v, sp_sign_key_from_private(&m->signer, k->suite.sig, vec_hex(v, o, "signature_priv")) == SP_OK);
	CHECK(v, sp_kem_public_of(k->suite.hpke.kem, sp_secret_bytes(&m->keys.key[0]), &pub) == SP_OK);
	CHECK(v, sp_bytes_equal(sp_kem_public_bytes(&pub), sp__mls_tree_leaf(k->tree, m->leaf)->encryption_key));
	for (size_t i = 0; i < json_array_size(secrets); i++)
		load_path_secret(v, k, m, json_array_get(secrets, i));
}

/* -- GroupContext, section 8.1, with empty extensions --------------------------------------------------------------------------------- */

static struct sp_bytes group_context(struct vec *v, const struct kem *k, struct sp_mls_tree_diff *diff)
{
	struct sp_buf *b = vec_buf(v);
	struct sp_hash hash = {0};
	struct sp_writer w = sp_writer_on(b);
	if (sp__mls_tree_diff_hash(diff, &hash) != SP_OK)
		v->failed = "tree hash";
	sp_write_u16(&w, SP_MLS_VERSION_10);
	sp_write_u16(&w, k->suite.id);
	sp_write_vec(&w, vec_hex(v, v->json, "group_id"));
	sp_write_u64(&w, vec_int(v, v->json, "epoch"));
	sp_write_vec(&w, sp_hash_bytes(&hash));
	sp_write_vec(&w, vec_hex(v, v->json, "confirmed_transcript_hash"));
	sp_write_vec(&w, SP_BYTES_NONE);
	if (sp_writer_finish(&w) != SP_OK)
		v->failed = "group context";
	return sp_buf_bytes(b);
}

/* -- update_paths ------------------------------------------------------------------------------------------------------------------------- */

/* The leaf itself is not judged: those of suite 7 do not list suite 7, and the format does not ask for it. */
static void merge(struct vec *v, struct sp_mls_tree_diff *diff, uint32_t sender, const struct sp_mls_update_path *path)
{
	struct sp_bytes group_id = vec_hex(v, v->json, "group_id");
	CHECK(v, sp__mls_path_merge(&v->env, diff, sender, path) == SP_OK);
	CHECK(v, sp__mls_tree_diff_verify(&v->env, diff, &(struct sp_mls_tree_context){.group_id = group_id}, false) == SP_OK);
}

/* `secrets` are the expected path secrets, one a leaf; NULL for a path we made. */
static void open_all(struct vec *v, const struct kem *k, const struct sp_mls_tree_diff *diff, uint32_t sender, const struct sp_mls_update_path *path,
		     struct sp_bytes context, const json_t *secrets, struct sp_bytes commit_secret)
{
	for (size_t i = 0; i < k->n; i++) {
		struct sp_mls_path_keys keys = k->members[i].keys;
		struct sp_secret got, expected;
		struct sp_node_index x = sp__mls_common_ancestor(keys.leaf, sender);
		struct sp_kem_public pub;
		struct sp_secret priv;
		if (keys.leaf == sender)
			continue;
		CHECK(v, sp__mls_path_decrypt(&v->env, &got, &keys, diff, sender, path, context) == SP_OK);
		CHECK(v, sp_bytes_equal(sp_secret_bytes(&got), commit_secret));
		if (!secrets)
			continue;
		CHECK(v, sp_secret_set(&expected, vec_hex_value(v, json_array_get(secrets, keys.leaf))) == SP_OK);
		CHECK(v, sp__mls_path_node_key(&k->suite, &expected, &priv, &pub) == SP_OK);
		CHECK(v, sp_secret_equal(&priv, &keys.key[sp__mls_level(x)]));
	}
}

static const struct member *member_at(const struct kem *k, uint32_t leaf)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->members[i].leaf == leaf)
			return &k->members[i];
	return NULL;
}

static void free_make(void *p)
{
	struct sp_mls_path_make *make = p;
	sp__mls_path_make_free(&make);
}

static void make_anew(struct vec *v, const struct kem *k, uint32_t sender)
{
	struct sp_mls_tree_diff *ours = new_diff(v, k), *theirs = new_diff(v, k);
	const struct member *m = member_at(k, sender);
	struct sp_mls_path_make *make = NULL;
	struct sp_mls_update_path path;
	struct sp_buf *encoded = vec_buf(v);
	CHECK(v, ours && theirs && m);
	struct sp_signer signer = sp_sign_key_signer(m->signer);
	const struct sp_mls_path_params params = {
		.sender = sender, .like = sp__mls_tree_leaf(k->tree, sender), .signer = &signer, .group_id = vec_hex(v, v->json, "group_id")};
	CHECK(v, sp__mls_path_make(&v->env, &make, ours, &params) == SP_OK);
	vec_defer(v, free_make, make);
	struct sp_bytes context = group_context(v, k, ours);
	CHECK(v, sp__mls_path_encrypt(&v->env, make, encoded, context) == SP_OK);
	struct sp_reader r = sp_reader_of(sp_buf_bytes(encoded));
	CHECK(v, sp__mls_update_path_read(&r, &path, &v->diag) == SP_OK && sp_reader_is_empty(&r));
	merge(v, theirs, sender, &path);
	CHECK(v, sp_bytes_equal(group_context(v, k, theirs), context));
	open_all(v, k, theirs, sender, &path, context, NULL, sp_secret_bytes(sp__mls_path_commit_secret(make)));
}

static void run_path(struct vec *v, const struct kem *k, const json_t *o)
{
	uint32_t sender = (uint32_t)vec_int(v, o, "sender");
	struct sp_bytes raw = vec_hex(v, o, "update_path");
	struct sp_reader r = sp_reader_of(raw);
	struct sp_mls_update_path path;
	struct sp_mls_tree_diff *diff = new_diff(v, k);
	struct sp_hash hash;
	CHECK(v, diff && sp__mls_update_path_read(&r, &path, &v->diag) == SP_OK && sp_reader_is_empty(&r));
	merge(v, diff, sender, &path);
	CHECK(v, sp__mls_tree_diff_hash(diff, &hash) == SP_OK);
	CHECK(v, sp_bytes_equal(sp_hash_bytes(&hash), vec_hex(v, o, "tree_hash_after")));
	open_all(v, k, diff, sender, &path, group_context(v, k, diff), vec_array(v, o, "path_secrets"), vec_hex(v, o, "commit_secret"));
	CHECK(v, !v->failed);
	make_anew(v, k, sender);
}

void vec_treekem(struct vec *v)
{
	const json_t *leaves = vec_array(v, v->json, "leaves_private"), *paths = vec_array(v, v->json, "update_paths");
	struct kem *k = sp_alloc(sizeof *k);
	CHECK(v, k != NULL);
	vec_defer(v, free_kem, k);
	if (!vec_has_suite(v, &k->suite))
		return;
	CHECK(v, sp__mls_tree_decode(&k->tree, &k->suite, vec_hex(v, v->json, "ratchet_tree"), &v->diag) == SP_OK);
	k->members = sp_alloc_array(json_array_size(leaves), sizeof *k->members);
	CHECK(v, k->members != NULL);
	for (; k->n < json_array_size(leaves) && !v->failed; k->n++)
		load_member(v, k, &k->members[k->n], json_array_get(leaves, k->n));
	for (size_t i = 0; i < json_array_size(paths) && !v->failed; i++)
		run_path(v, k, json_array_get(paths, i));
}
