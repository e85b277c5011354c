/* SPDX-License-Identifier: Apache-2.0
 *
 * Vectors of key-schedule, psk_secret, secret-tree and transcript-hashes.
 */
#include "vectors.h"

#include "mls/key_schedule_priv.h"
#include "mls/secret_tree_priv.h"

static bool secret_is(struct vec *v, const struct sp_secret *got, const json_t *o, const char *name)
{
	return sp_bytes_equal(sp_secret_bytes(got), vec_hex(v, o, name));
}

/* -- key-schedule ----------------------------------------------------------------------------------------------------------- */

static void check_context(struct vec *v, const struct sp_mls_suite *suite, const json_t *o, uint64_t epoch)
{
	struct sp_buf *encoded = vec_buf(v);
	const struct sp_mls_context context = {.suite = suite->id,
					       .group_id = vec_hex(v, v->json, "group_id"),
					       .epoch = epoch,
					       .tree_hash = vec_hex(v, o, "tree_hash"),
					       .confirmed_transcript_hash = vec_hex(v, o, "confirmed_transcript_hash")};
	CHECK(v, sp__mls_context_encode(encoded, &context) == SP_OK);
	CHECK(v, sp_bytes_equal(sp_buf_bytes(encoded), vec_hex(v, o, "group_context")));
}

static void check_welcome_secret(struct vec *v, const struct sp_mls_suite *suite, const json_t *o, const struct sp_secret *member)
{
	struct sp_secret welcome;
	CHECK(v, sp__mls_derive_secret(&welcome, suite, member, "welcome") == SP_OK);
	CHECK(v, secret_is(v, &welcome, o, "welcome_secret"));
}

static void check_exporter(struct vec *v, const struct sp_mls_suite *suite, const json_t *o, const struct sp_secret *exporter)
{
	uint8_t out[UINT16_MAX];
	size_t n = vec_int(v, o, "length");
	CHECK(v, n <= sizeof out);
	CHECK(v, sp__mls_exporter(out, n, suite, exporter, json_string_value(json_object_get(o, "label")), vec_hex(v, o, "context")) == SP_OK);
	CHECK(v, sp_bytes_equal((struct sp_bytes){out, n}, vec_hex(v, o, "secret")));
}

static void check_secrets(struct vec *v, const struct sp_mls_suite *suite, const json_t *o, const struct sp_mls_epoch_secrets *s)
{
	struct sp_secret priv;
	struct sp_kem_public pub;
	CHECK(v, secret_is(v, &s->sender_data, o, "sender_data_secret"));
	CHECK(v, secret_is(v, &s->exporter, o, "exporter_secret"));
	CHECK(v, secret_is(v, &s->authenticator, o, "epoch_authenticator"));
	CHECK(v, secret_is(v, &s->external, o, "external_secret"));
	CHECK(v, secret_is(v, &s->confirmation, o, "confirmation_key"));
	CHECK(v, secret_is(v, &s->membership, o, "membership_key"));
	CHECK(v, secret_is(v, &s->resumption, o, "resumption_psk"));
	CHECK(v, secret_is(v, &s->init, o, "init_secret"));
	CHECK(v, sp__mls_external_key(&priv, &pub, suite, &s->external) == SP_OK);
	CHECK(v, sp_bytes_equal(sp_kem_public_bytes(&pub), vec_hex(v, o, "external_pub")));
	check_exporter(v, suite, json_object_get(o, "exporter"), &s->exporter);
}

static void run_epoch(struct vec *v, const struct sp_mls_suite *suite, const json_t *o, struct sp_secret *init)
{
	struct sp_secret commit, psk, joiner, member, epoch, encryption;
	struct sp_mls_epoch_secrets secrets;
	struct sp_bytes context = vec_hex(v, o, "group_context");
	CHECK(v, sp_secret_set(&commit, vec_hex(v, o, "commit_secret")) == SP_OK);
	CHECK(v, sp_secret_set(&psk, vec_hex(v, o, "psk_secret")) == SP_OK);
	CHECK(v, sp__mls_joiner_secret(&joiner, suite, init, &commit, context) == SP_OK);
	CHECK(v, secret_is(v, &joiner, o, "joiner_secret"));
	CHECK(v, sp__mls_member_secret(&member, suite, &joiner, &psk) == SP_OK);
	check_welcome_secret(v, suite, o, &member);
	CHECK(v, sp__mls_epoch_secret(&epoch, suite, &member, context) == SP_OK);
	CHECK(v, sp__mls_epoch_derive(&secrets, &encryption, suite, &epoch) == SP_OK);
	CHECK(v, secret_is(v, &encryption, o, "encryption_secret"));
	check_secrets(v, suite, o, &secrets);
	*init = secrets.init;
}

void vec_key_schedule(struct vec *v)
{
	struct sp_mls_suite suite;
	struct sp_secret init;
	if (!vec_has_suite(v, &suite))
		return;
	const json_t *epochs = vec_array(v, v->json, "epochs");
	CHECK(v, sp_secret_set(&init, vec_hex(v, v->json, "initial_init_secret")) == SP_OK);
	for (size_t i = 0; i < json_array_size(epochs); i++) {
		check_context(v, &suite, json_array_get(epochs, i), i);
		run_epoch(v, &suite, json_array_get(epochs, i), &init);
	}
}

/* -- psk_secret --------------------------------------------------------------------------------------------------------------- */

void vec_psk_secret(struct vec *v)
{
	struct sp_mls_suite suite;
	struct sp_mls_psk list[64] = {0};
	struct sp_secret secret;
	if (!vec_has_suite(v, &suite))
		return;
	const json_t *psks = vec_array(v, v->json, "psks");
	size_t n = json_array_size(psks);
	CHECK(v, n <= SP_ARRAY_LEN(list));
	for (size_t i = 0; i < n; i++) {
		const json_t *o = json_array_get(psks, i);
		struct sp_bytes psk = vec_hex(v, o, "psk");
		struct sp_buf *copy = vec_buf(v);
		CHECK(v, sp_buf_append(copy, psk) == SP_OK);
		list[i].id = (struct sp_mls_psk_id){.type = SP_MLS_PSK_EXTERNAL, .id = vec_hex(v, o, "psk_id"), .nonce = vec_hex(v, o, "psk_nonce")};
		list[i].secret = *copy; /* only looked at */
	}
	CHECK(v, sp__mls_psk_secret(&secret, &suite, list, n) == SP_OK);
	CHECK(v, secret_is(v, &secret, v->json, "psk_secret"));
}

/* -- secret-tree -------------------------------------------------------------------------------------------------------------- */

static void free_secret_tree(void *p)
{
	struct sp_mls_secret_tree *tree = p;
	sp__mls_secret_tree_free(&tree);
}

static void check_sender_data(struct vec *v, const struct sp_mls_suite *suite, const json_t *o)
{
	struct sp_secret secret, key, nonce;
	struct sp_bytes sample = vec_hex(v, o, "ciphertext");
	sample.n = SP_MIN(sample.n, suite->nh);
	CHECK(v, sp_secret_set(&secret, vec_hex(v, o, "sender_data_secret")) == SP_OK);
	CHECK(v, sp__mls_expand_secret(&key, suite->nk, suite, &secret, "key", sample) == SP_OK);
	CHECK(v, sp__mls_expand_secret(&nonce, SP_AEAD_NONCE, suite, &secret, "nonce", sample) == SP_OK);
	CHECK(v, secret_is(v, &key, o, "key"));
	CHECK(v, secret_is(v, &nonce, o, "nonce"));
}

static void check_generation(struct vec *v, struct sp_mls_secret_tree *tree, uint32_t leaf, enum sp_mls_ratchet_type type, const json_t *o)
{
	const char *names[2][2] = {{"handshake_key", "handshake_nonce"}, {"application_key", "application_nonce"}};
	struct sp_mls_secret_step *step = NULL;
	struct sp_mls_message_key key;
	uint32_t generation = (uint32_t)vec_int(v, o, "generation");
	CHECK(v, sp__mls_secret_tree_open(&v->env, &step, &key, tree, type, leaf, generation) == SP_OK);
	sp__mls_secret_tree_apply(tree, &step);
	CHECK(v, secret_is(v, &key.key, o, names[type][0]));
	CHECK(v, sp_bytes_equal(SP_BYTES_OF(key.nonce), vec_hex(v, o, names[type][1])));
	CHECK(v, sp__mls_secret_tree_open(&v->env, &step, &key, tree, type, leaf, generation) == SP_ERR_DUPLICATE);
}

static uint32_t width_for(size_t leaves)
{
	uint32_t width = 1;
	while (width < leaves)
		width *= 2;
	return width;
}

void vec_secret_tree(struct vec *v)
{
	struct sp_mls_suite suite;
	struct sp_secret encryption;
	struct sp_mls_secret_tree *tree = NULL;
	if (!vec_has_suite(v, &suite))
		return;
	check_sender_data(v, &suite, json_object_get(v->json, "sender_data"));
	const json_t *leaves = vec_array(v, v->json, "leaves");
	CHECK(v, sp_secret_set(&encryption, vec_hex(v, v->json, "encryption_secret")) == SP_OK);
	CHECK(v, sp__mls_secret_tree_new(&tree, &suite, width_for(json_array_size(leaves)), 0, &encryption) == SP_OK);
	vec_defer(v, free_secret_tree, tree);
	for (size_t i = 0; i < json_array_size(leaves); i++) {
		const json_t *generations = json_array_get(leaves, i);
		for (size_t g = 0; g < json_array_size(generations); g++) {
			check_generation(v, tree, (uint32_t)i, SP_MLS_RATCHET_HANDSHAKE, json_array_get(generations, g));
			check_generation(v, tree, (uint32_t)i, SP_MLS_RATCHET_APPLICATION, json_array_get(generations, g));
		}
	}
}

/* -- transcript-hashes ----------------------------------------------------------------------------------------------------------- */

void vec_transcript_hashes(struct vec *v)
{
	struct sp_mls_suite suite;
	struct sp_mls_auth_content auth;
	struct sp_secret key, tag;
	struct sp_hash confirmed, interim;
	if (!vec_has_suite(v, &suite))
		return;
	struct sp_reader r = sp_reader_of(vec_hex(v, v->json, "authenticated_content"));
	CHECK(v, sp__mls_auth_content_read(&r, &auth, &v->diag) == SP_OK);
	CHECK(v, sp_reader_finish(&r) == SP_OK);
	CHECK(v, auth.content.type == SP_MLS_CONTENT_COMMIT);
	CHECK(v, sp__mls_confirmed_hash(&confirmed, &suite, vec_hex(v, v->json, "interim_transcript_hash_before"), &auth) == SP_OK);
	CHECK(v, sp_bytes_equal(sp_hash_bytes(&confirmed), vec_hex(v, v->json, "confirmed_transcript_hash_after")));
	CHECK(v, sp__mls_interim_hash(&interim, &suite, sp_hash_bytes(&confirmed), auth.confirmation_tag) == SP_OK);
	CHECK(v, sp_bytes_equal(sp_hash_bytes(&interim), vec_hex(v, v->json, "interim_transcript_hash_after")));
	CHECK(v, sp_secret_set(&key, vec_hex(v, v->json, "confirmation_key")) == SP_OK);
	CHECK(v, sp__mls_confirmation_tag(&tag, &suite, &key, sp_hash_bytes(&confirmed)) == SP_OK);
	CHECK(v, sp_bytes_equal(sp_secret_bytes(&tag), auth.confirmation_tag));
}
