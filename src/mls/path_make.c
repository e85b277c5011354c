/* SPDX-License-Identifier: Apache-2.0
 *
 * Making an UpdatePath, RFC 9420 sections 7.4 to 7.6: fresh secrets along the filtered direct path, a signed leaf, and the
 * secrets sealed to everybody else.
 */
#include "mls/path_priv.h"

#include "base/limits.h"

struct sp_mls_path_make {
	const struct sp_mls_tree_diff *diff;
	uint32_t sender;
	struct sp_mls_steps steps;
	struct sp_secret secret[SP_MLS_LEVELS]; /* path_secret, one a step */
	struct sp_kem_public pub[SP_MLS_LEVELS];
	struct sp_kem_public leaf_pub;
	struct sp_secret commit_secret;
	struct sp_mls_path_keys keys;
};

void sp__mls_path_make_free(struct sp_mls_path_make **make)
{
	sp_free_secret(*make, sizeof **make);
	*make = NULL;
}

/* -- part 1: keys ------------------------------------------------------------------------------------------------------------ */

static enum sp_err make_keys(const struct sp_mls_env *env, struct sp_mls_path_make *m)
{
	const struct sp_mls_suite *suite = &m->diff->base->suite;
	struct sp_secret *path_secret = &m->commit_secret; /* climbs, and ends as what its name says */
	m->keys.leaf = m->sender;
	SP_TRY(sp_kem_generate(suite->hpke.kem, env->rng, &m->keys.key[0], &m->leaf_pub));
	path_secret->n = suite->nh;
	SP_TRY(sp_rng_fill(env->rng, path_secret->b, path_secret->n));
	for (size_t i = 0; i < m->steps.n; i++) {
		m->secret[i] = *path_secret;
		SP_TRY(sp__mls_path_node_key(suite, path_secret, &m->keys.key[sp__mls_level(m->steps.step[i].node)], &m->pub[i]));
		SP_TRY(sp__mls_path_next(suite, path_secret));
	}
	return SP_OK;
}

/* -- part 1: leaf ------------------------------------------------------------------------------------------------------------ */

static enum sp_err set_leaf(const struct sp_mls_env *env, struct sp_mls_path_make *m, struct sp_mls_tree_diff *diff,
			    const struct sp_mls_path_params *params, const struct sp_hash *parent_hash)
{
	const struct sp_mls_leaf_make make = {
		.suite = &diff->base->suite,
		.params = params->leaf,
		.like = params->like,
		.signer = params->signer,
		.encryption_key = sp_kem_public_bytes(&m->leaf_pub),
		.source = SP_MLS_LEAF_COMMIT,
		.parent_hash = sp_hash_bytes(parent_hash),
		.group_id = params->group_id,
		.leaf_index = params->sender,
	};
	struct sp_mls_tree_leaf *leaf = NULL;
	struct sp_buf encoded;
	sp_buf_init(&encoded, SP_LIMIT_MLS_VECTOR);
	enum sp_err e = sp__mls_leaf_node_make(env, &encoded, &make);
	if (e == SP_OK)
		e = sp__mls_tree_leaf_new(&leaf, sp_buf_bytes(&encoded), NULL);
	if (e == SP_OK)
		e = sp__mls_diff_set_leaf(diff, params->sender, leaf);
	sp_buf_clear(&encoded);
	return e;
}

static enum sp_err make_path(const struct sp_mls_env *env, struct sp_mls_path_make *m, struct sp_mls_tree_diff *diff,
			     const struct sp_mls_path_params *params)
{
	struct sp_bytes pubs[SP_MLS_LEVELS];
	struct sp_hash parent_hash;
	SP_TRY(make_keys(env, m));
	for (size_t i = 0; i < m->steps.n; i++)
		pubs[i] = sp_kem_public_bytes(&m->pub[i]);
	SP_TRY(sp__mls_path_set(diff, params->sender, &m->steps, pubs, &parent_hash));
	return set_leaf(env, m, diff, params, &parent_hash);
}

enum sp_err sp__mls_path_make(const struct sp_mls_env *env, struct sp_mls_path_make **out, struct sp_mls_tree_diff *diff,
			      const struct sp_mls_path_params *params)
{
	*out = NULL;
	if (!env->rng || !params->signer || params->sender >= diff->width || (!params->leaf && !params->like))
		return SP_ERR_USAGE;
	struct sp_mls_path_make *m = sp_alloc(sizeof *m);
	if (!m)
		return SP_ERR_NOMEM;
	m->diff = diff;
	m->sender = params->sender;
	sp__mls_treeview_filtered_path(sp__mls_treeview_of_diff(diff), params->sender, &m->steps);
	enum sp_err e = make_path(env, m, diff, params);
	if (e != SP_OK)
		sp__mls_path_make_free(&m);
	*out = m;
	return e;
}

/* -- part 2: sealing --------------------------------------------------------------------------------------------------------- */

struct sealing {
	struct sp_hpke_info info; /* one for all recipients */
	struct sp_mls_nodes resolution;
	struct sp_buf enc;
	struct sp_buf ct;
	struct sp_buf path;
};

static enum sp_err seal_to(const struct sp_mls_env *env, const struct sp_mls_path_make *m, struct sealing *s, struct sp_node_index to, size_t step)
{
	struct sp_bytes pub = sp__mls_treeview_key(sp__mls_treeview_of_diff(m->diff), to);
	s->enc.n = 0;
	s->ct.n = 0;
	SP_TRY(sp_hpke_seal_prepared(&s->enc, &s->ct, &m->diff->base->suite.hpke, env->rng, pub, &s->info, SP_BYTES_NONE,
				     sp_secret_bytes(&m->secret[step])));
	struct sp_writer w = sp_writer_on(&s->path);
	sp_write_vec(&w, sp_buf_bytes(&s->enc));
	sp_write_vec(&w, sp_buf_bytes(&s->ct));
	return sp_writer_finish(&w);
}

static enum sp_err seal_step(const struct sp_mls_env *env, const struct sp_mls_path_make *m, struct sealing *s, size_t step)
{
	struct sp_writer w = sp_writer_on(&s->path);
	sp_write_vec(&w, sp_kem_public_bytes(&m->pub[step]));
	SP_TRY(sp_writer_finish(&w));
	s->resolution.n = 0;
	SP_TRY(sp__mls_treeview_resolve(sp__mls_treeview_of_diff(m->diff), m->steps.step[step].copath, true, &s->resolution));
	size_t mark = sp_write_open(&w);
	for (size_t i = 0; i < s->resolution.n; i++)
		SP_TRY(seal_to(env, m, s, s->resolution.list[i], step));
	sp_write_close(&w, mark);
	return sp_writer_finish(&w);
}

static enum sp_err seal_path(const struct sp_mls_env *env, const struct sp_mls_path_make *m, struct sealing *s, struct sp_bytes context)
{
	struct sp_writer w = sp_writer_on(&s->path);
	SP_TRY(sp__mls_encrypt_prepare(&s->info, &m->diff->base->suite, SP_MLS_PATH_LABEL, context));
	sp_write_fixed(&w, sp__mls_tree_diff_leaf(m->diff, m->sender)->encoded);
	SP_TRY(sp_writer_finish(&w));
	size_t mark = sp_write_open(&w);
	for (size_t i = 0; i < m->steps.n; i++)
		SP_TRY(seal_step(env, m, s, i));
	sp_write_close(&w, mark);
	return sp_writer_finish(&w);
}

enum sp_err sp__mls_path_encrypt(const struct sp_mls_env *env, const struct sp_mls_path_make *make, struct sp_buf *out_update_path,
				 struct sp_bytes provisional_context)
{
	struct sealing s = {0};
	sp_buf_init(&s.enc, SP_LIMIT_MLS_VECTOR);
	sp_buf_init(&s.ct, SP_LIMIT_MLS_VECTOR);
	sp_buf_init(&s.path, SP_LIMIT_MLS_VECTOR);
	enum sp_err e = seal_path(env, make, &s, provisional_context);
	if (e == SP_OK)
		e = sp_buf_append(out_update_path, sp_buf_bytes(&s.path));
	sp__mls_nodes_clear(&s.resolution);
	sp_buf_clear(&s.enc);
	sp_buf_clear(&s.ct);
	sp_buf_clear(&s.path);
	return e;
}

/* -- what it gives ------------------------------------------------------------------------------------------------------------ */

const struct sp_secret *sp__mls_path_commit_secret(const struct sp_mls_path_make *make)
{
	return &make->commit_secret;
}

void sp__mls_path_keys_take(const struct sp_mls_path_make *make, struct sp_mls_path_keys *keys)
{
	*keys = make->keys;
}

const struct sp_secret *sp__mls_path_secret_for(const struct sp_mls_path_make *make, uint32_t leaf)
{
	for (size_t i = 0; i < make->steps.n; i++)
		if (sp__mls_node_has_leaf(make->steps.step[i].copath, leaf))
			return &make->secret[i];
	return NULL;
}
