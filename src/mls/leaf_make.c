/* SPDX-License-Identifier: Apache-2.0
 *
 * Making and signing a LeafNode, RFC 9420 sections 7.2 and 13.5.
 */
#include "mls/leaf_priv.h"

#include "base/limits.h"

#define GREASE_KINDS 15u

enum sp_err sp__mls_grease_pick(const struct sp_rng *rng, uint16_t *out)
{
	uint8_t b;
	*out = 0;
	SP_TRY(sp_rng_fill(rng, &b, 1));
	*out = (uint16_t)(0x0a0a + 0x1010 * (b % GREASE_KINDS));
	return SP_OK;
}

/* What goes into the leaf beside the caller's lists: one value in every list of capabilities, and one extension. */
struct grease {
	bool on;
	uint16_t value;
};

static void write_types(struct sp_writer *w, struct sp_mls_types list, const struct grease *grease)
{
	size_t mark = sp_write_open(w);
	for (size_t i = 0; i < list.n; i++)
		sp_write_u16(w, list.list[i]);
	if (grease->on)
		sp_write_u16(w, grease->value);
	sp_write_close(w, mark);
}

static void write_suites(struct sp_writer *w, const struct sp_mls_env *env, struct sp_mls_types list, const struct grease *grease)
{
	static const uint16_t built_in[] = {1, 2, 3, 4, 5, 6, 7};
	if (list.n > 0) {
		write_types(w, list, grease);
		return;
	}
	size_t mark = sp_write_open(w);
	for (size_t i = 0; i < SP_ARRAY_LEN(built_in); i++)
		sp_write_u16(w, built_in[i]);
	for (size_t i = 0; i < env->n_suites; i++)
		if (env->suites[i].id > SP_ARRAY_LEN(built_in))
			sp_write_u16(w, env->suites[i].id);
	if (grease->on)
		sp_write_u16(w, grease->value);
	sp_write_close(w, mark);
}

static void write_capabilities(struct sp_writer *w, const struct sp_mls_env *env, const struct sp_mls_leaf_params *params, const struct grease *grease)
{
	const uint16_t version = SP_MLS_VERSION_10;
	struct sp_mls_types credentials = params->credential_types;
	if (credentials.n == 0)
		credentials = (struct sp_mls_types){&params->credential.type, 1};
	write_types(w, (struct sp_mls_types){&version, 1}, &(struct grease){0});
	write_suites(w, env, params->suites, grease);
	write_types(w, params->extension_types, grease);
	write_types(w, params->proposal_types, grease);
	write_types(w, credentials, grease);
}

static void write_capabilities_of(struct sp_writer *w, const struct sp_mls_leaf_node *like)
{
	sp_write_vec(w, like->versions);
	sp_write_vec(w, like->suites);
	sp_write_vec(w, like->extension_types);
	sp_write_vec(w, like->proposal_types);
	sp_write_vec(w, like->credential_types);
}

static void write_extensions(struct sp_writer *w, struct sp_mls_extensions list, const struct grease *grease)
{
	size_t mark = sp_write_open(w);
	for (size_t i = 0; i < list.n; i++) {
		sp_write_u16(w, list.list[i].type);
		sp_write_vec(w, list.list[i].data);
	}
	if (grease->on) {
		sp_write_u16(w, grease->value);
		sp_write_vec(w, SP_BYTES_NONE);
	}
	sp_write_close(w, mark);
}

static void write_source(struct sp_writer *w, const struct sp_mls_leaf_make *make)
{
	sp_write_u8(w, (uint8_t)make->source);
	switch (make->source) {
	case SP_MLS_LEAF_KEY_PACKAGE:
		sp_write_u64(w, make->not_before);
		sp_write_u64(w, make->not_after);
		break;
	case SP_MLS_LEAF_UPDATE:
		break;
	case SP_MLS_LEAF_COMMIT:
		sp_write_vec(w, make->parent_hash);
		break;
	}
}

/* Everything but the signature. */
static enum sp_err write_to_sign(const struct sp_mls_env *env, struct sp_buf *out, const struct sp_mls_leaf_make *make)
{
	const struct sp_mls_leaf_params *params = make->params;
	struct grease grease = {.on = params && params->grease};
	if (grease.on)
		SP_TRY(sp__mls_grease_pick(env->rng, &grease.value));
	struct sp_writer w = sp_writer_on(out);
	sp_write_vec(&w, make->encryption_key);
	sp_write_vec(&w, make->signer->public_key);
	sp__mls_credential_write(&w, params ? &params->credential : &make->like->credential);
	if (params)
		write_capabilities(&w, env, params, &grease);
	else
		write_capabilities_of(&w, make->like);
	write_source(&w, make);
	if (params)
		write_extensions(&w, params->extensions, &grease);
	else
		sp_write_vec(&w, make->like->extensions);
	return sp_writer_finish(&w);
}

enum sp_err sp__mls_leaf_write_place(struct sp_buf *out, struct sp_bytes to_sign, enum sp_mls_leaf_source source, struct sp_bytes group_id,
				     uint32_t leaf_index)
{
	struct sp_writer w = sp_writer_on(out);
	sp_write_fixed(&w, to_sign);
	if (source != SP_MLS_LEAF_KEY_PACKAGE) {
		sp_write_vec(&w, group_id);
		sp_write_u32(&w, leaf_index);
	}
	return sp_writer_finish(&w);
}

static enum sp_err make_leaf(const struct sp_mls_env *env, struct sp_buf *leaf, struct sp_buf *tbs, struct sp_buf *signature,
			     const struct sp_mls_leaf_make *make)
{
	SP_TRY(write_to_sign(env, leaf, make));
	SP_TRY(sp__mls_leaf_write_place(tbs, sp_buf_bytes(leaf), make->source, make->group_id, make->leaf_index));
	SP_TRY(sp_sign_with_label(make->signer, signature, SP_BYTES_LIT("LeafNodeTBS"), sp_buf_bytes(tbs)));
	struct sp_writer w = sp_writer_on(leaf);
	sp_write_vec(&w, sp_buf_bytes(signature));
	return sp_writer_finish(&w);
}

/* What a peer would refuse is refused here: the caller listed too little. A leaf that says what an accepted one said is
 * not judged again. */
static enum sp_err check_made(const struct sp_mls_env *env, struct sp_bytes leaf, const struct sp_mls_suite *suite)
{
	struct sp_reader r = sp_reader_of(leaf);
	struct sp_mls_leaf_node node;
	SP_TRY(sp__mls_leaf_node_read(&r, &node, env->diag));
	SP_TRY(sp__mls_leaf_check_listed(&node, suite, env->diag));
	return sp_reader_finish(&r);
}

enum sp_err sp__mls_leaf_node_make(const struct sp_mls_env *env, struct sp_buf *out, const struct sp_mls_leaf_make *make)
{
	struct sp_buf leaf, tbs, signature;
	struct sp_mls_leaf_params params;
	struct sp_mls_leaf_make now = *make;
	if (make->params) {
		SP_TRY(sp__mls_sized_take(&params, sizeof params, sizeof params, make->params, env->diag));
		now.params = &params;
	}
	sp_buf_init(&leaf, SP_LIMIT_MLS_VECTOR);
	sp_buf_init(&tbs, SP_LIMIT_MLS_VECTOR);
	sp_buf_init(&signature, SP_LIMIT_MLS_VECTOR);
	enum sp_err e = make->signer->alg == make->suite->sig ? SP_OK : SP_ERR_USAGE;
	if (e == SP_OK)
		e = make_leaf(env, &leaf, &tbs, &signature, &now);
	if (e == SP_OK && make->params)
		e = check_made(env, sp_buf_bytes(&leaf), make->suite);
	if (e == SP_OK)
		e = sp_buf_append(out, sp_buf_bytes(&leaf));
	sp_buf_clear(&signature);
	sp_buf_clear(&tbs);
	sp_buf_clear(&leaf);
	return e;
}
