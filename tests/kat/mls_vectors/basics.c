/* SPDX-License-Identifier: Apache-2.0
 *
 * Vectors of crypto-basics, deserialization and tree-math.
 */
#include "vectors.h"

#include "mls/treemath_priv.h"

/* -- crypto-basics ------------------------------------------------------------------------------------------------------------ */

static const char *cstr(struct sp_bytes text) /* a JSON string's content, NUL-terminated */
{
	return (const char *)text.p;
}

static void ref_hash(struct vec *v, const struct sp_mls_suite *suite, const json_t *o)
{
	struct sp_hash out;
	CHECK(v, sp__mls_ref_hash(&out, suite, cstr(vec_text(v, o, "label")), vec_hex(v, o, "value")) == SP_OK);
	CHECK(v, sp_bytes_equal(sp_hash_bytes(&out), vec_hex(v, o, "out")));
}

static void expand_with_label(struct vec *v, const struct sp_mls_suite *suite, const json_t *o)
{
	uint8_t out[UINT16_MAX];
	size_t n = vec_int(v, o, "length");
	CHECK(v, n <= sizeof out);
	CHECK(v, sp__mls_expand_with_label(out, n, suite, vec_hex(v, o, "secret"), cstr(vec_text(v, o, "label")), vec_hex(v, o, "context")) == SP_OK);
	CHECK(v, sp_bytes_equal((struct sp_bytes){out, n}, vec_hex(v, o, "out")));
}

static void derive_secret(struct vec *v, const struct sp_mls_suite *suite, const json_t *o)
{
	struct sp_secret secret, out;
	CHECK(v, sp_secret_set(&secret, vec_hex(v, o, "secret")) == SP_OK);
	CHECK(v, sp__mls_derive_secret(&out, suite, &secret, cstr(vec_text(v, o, "label"))) == SP_OK);
	CHECK(v, sp_bytes_equal(sp_secret_bytes(&out), vec_hex(v, o, "out")));
}

static void derive_tree_secret(struct vec *v, const struct sp_mls_suite *suite, const json_t *o)
{
	struct sp_secret secret, out;
	uint32_t generation = (uint32_t)vec_int(v, o, "generation");
	CHECK(v, sp_secret_set(&secret, vec_hex(v, o, "secret")) == SP_OK);
	CHECK(v, sp__mls_derive_tree_secret(&out, vec_int(v, o, "length"), suite, &secret, cstr(vec_text(v, o, "label")), generation) == SP_OK);
	CHECK(v, sp_bytes_equal(sp_secret_bytes(&out), vec_hex(v, o, "out")));
}

static void free_sign_key(void *p)
{
	struct sp_sign_key *key = p;
	sp_sign_key_free(&key);
}

static void free_verify_key(void *p)
{
	struct sp_verify_key *key = p;
	sp_verify_key_free(&key);
}

static void sign_with_label(struct vec *v, const struct sp_mls_suite *suite, const json_t *o)
{
	struct sp_sign_key *priv = NULL;
	struct sp_verify_key *pub = NULL;
	struct sp_buf *signature = vec_buf(v);
	struct sp_bytes label = vec_text(v, o, "label"), content = vec_hex(v, o, "content");
	CHECK(v, sp_verify_key_new(&pub, suite->sig, vec_hex(v, o, "pub")) == SP_OK);
	vec_defer(v, free_verify_key, pub);
	CHECK(v, sp_sign_key_from_private(&priv, suite->sig, vec_hex(v, o, "priv")) == SP_OK);
	vec_defer(v, free_sign_key, priv);
	struct sp_signer signer = sp_sign_key_signer(priv);
	CHECK(v, sp_bytes_equal(signer.public_key, vec_hex(v, o, "pub")));
	CHECK(v, sp_verify_with_label(pub, label, content, vec_hex(v, o, "signature")) == SP_OK);
	CHECK(v, sp_sign_with_label(&signer, signature, label, content) == SP_OK);
	CHECK(v, sp_verify_with_label(pub, label, content, sp_buf_bytes(signature)) == SP_OK);
}

static void encrypt_with_label(struct vec *v, const struct sp_mls_suite *suite, const json_t *o)
{
	struct sp_bytes priv = vec_hex(v, o, "priv"), context = vec_hex(v, o, "context"), plain = vec_hex(v, o, "plaintext");
	const char *label = cstr(vec_text(v, o, "label"));
	struct sp_mls_hpke_ciphertext given = {vec_hex(v, o, "kem_output"), vec_hex(v, o, "ciphertext")};
	struct sp_buf *opened = vec_buf(v), *enc = vec_buf(v), *ct = vec_buf(v), *again = vec_buf(v);
	CHECK(v, sp__mls_decrypt_with_label(opened, suite, priv, label, context, &given) == SP_OK);
	CHECK(v, sp_bytes_equal(sp_buf_bytes(opened), plain));
	CHECK(v, sp__mls_encrypt_with_label(enc, ct, suite, v->env.rng, vec_hex(v, o, "pub"), label, context, plain) == SP_OK);
	struct sp_mls_hpke_ciphertext made = {sp_buf_bytes(enc), sp_buf_bytes(ct)};
	CHECK(v, sp__mls_decrypt_with_label(again, suite, priv, label, context, &made) == SP_OK);
	CHECK(v, sp_bytes_equal(sp_buf_bytes(again), plain));
}

void vec_crypto_basics(struct vec *v)
{
	struct sp_mls_suite suite;
	if (!vec_has_suite(v, &suite))
		return;
	ref_hash(v, &suite, json_object_get(v->json, "ref_hash"));
	expand_with_label(v, &suite, json_object_get(v->json, "expand_with_label"));
	derive_secret(v, &suite, json_object_get(v->json, "derive_secret"));
	derive_tree_secret(v, &suite, json_object_get(v->json, "derive_tree_secret"));
	sign_with_label(v, &suite, json_object_get(v->json, "sign_with_label"));
	encrypt_with_label(v, &suite, json_object_get(v->json, "encrypt_with_label"));
}

/* -- deserialization ------------------------------------------------------------------------------------------------------------ */

void vec_deserialization(struct vec *v)
{
	struct sp_bytes header = vec_hex(v, v->json, "vlbytes_header");
	struct sp_reader r = sp_reader_of(header);
	uint32_t n;
	CHECK(v, sp_read_varint(&r, &n) == SP_OK);
	CHECK(v, sp_reader_finish(&r) == SP_OK);
	CHECK(v, n == vec_int(v, v->json, "length"));
	struct sp_buf *back = vec_buf(v);
	struct sp_writer w = sp_writer_on(back);
	sp_write_varint(&w, n);
	CHECK(v, sp_writer_finish(&w) == SP_OK && sp_bytes_equal(sp_buf_bytes(back), header));
}

/* -- tree-math -------------------------------------------------------------------------------------------------------------------- */

static bool index_equal(const json_t *list, size_t i, bool exists, struct sp_node_index x)
{
	const json_t *want = json_array_get(list, i);
	return exists ? json_is_integer(want) && (uint64_t)json_integer_value(want) == x.v : json_is_null(want);
}

static void tree_math_node(struct vec *v, struct sp_node_index x, bool is_root)
{
	bool is_leaf = sp__mls_node_is_leaf(x);
	struct sp_node_index none = {0};
	CHECK(v, index_equal(json_object_get(v->json, "left"), x.v, !is_leaf, is_leaf ? none : sp__mls_left(x)));
	CHECK(v, index_equal(json_object_get(v->json, "right"), x.v, !is_leaf, is_leaf ? none : sp__mls_right(x)));
	CHECK(v, index_equal(json_object_get(v->json, "parent"), x.v, !is_root, is_root ? none : sp__mls_parent(x)));
	CHECK(v, index_equal(json_object_get(v->json, "sibling"), x.v, !is_root, is_root ? none : sp__mls_sibling(x)));
}

void vec_tree_math(struct vec *v)
{
	uint32_t width = sp__mls_width_for((uint32_t)vec_int(v, v->json, "n_leaves"));
	CHECK(v, vec_int(v, v->json, "n_nodes") == sp__mls_node_count(width));
	CHECK(v, vec_int(v, v->json, "root") == sp__mls_root(width).v);
	CHECK(v, json_array_size(vec_array(v, v->json, "left")) == sp__mls_node_count(width));
	for (uint32_t x = 0; x < sp__mls_node_count(width); x++)
		tree_math_node(v, (struct sp_node_index){x}, x == sp__mls_root(width).v);
}
