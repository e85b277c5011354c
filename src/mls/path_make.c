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

/* One secret for one recipient. The randomness is drawn beforehand, in order, on the caller's thread: so the bytes are the same
 * whoever seals them. */
struct seal {
	struct sp_node_index to;
	size_t step;
	struct sp_secret random;
	struct sp_buf enc, ct;
	enum sp_err result;
};

struct sealing {
	const struct sp_mls_path_make *make;
	struct sp_hpke_info info; /* one for all recipients */
	struct seal *list;        /* in the order of the path and its resolutions */
	size_t n, cap;
	struct sp_mls_nodes resolution;
	struct sp_buf path;
};

/* The random source of one seal: what was drawn for it. */
static enum sp_err give_drawn(void *ctx, uint8_t *out, size_t n)
{
	const struct sp_secret *drawn = ctx;
	if (n != drawn->n)
		return SP_ERR_BUG;
	sp_copy(out, drawn->b, n);
	return SP_OK;
}

static void seal_job(void *arg, size_t i)
{
	const struct sealing *s = arg;
	const struct sp_mls_path_make *m = s->make;
	struct seal *to = &s->list[i];
	const struct sp_rng rng = {give_drawn, &to->random};
	struct sp_bytes pub = sp__mls_treeview_key(sp__mls_treeview_of_diff(m->diff), to->to);
	to->result = sp_hpke_seal_prepared(&to->enc, &to->ct, &m->diff->base->suite.hpke, &rng, pub, &s->info, SP_BYTES_NONE,
					   sp_secret_bytes(&m->secret[to->step]));
}

static enum sp_err add_seal(const struct sp_mls_env *env, struct sealing *s, struct sp_node_index to, size_t step)
{
	SP_TRY(sp_array_grow(&s->list, &s->cap, s->n + 1, sizeof *s->list, SIZE_MAX / sizeof *s->list));
	struct seal *seal = &s->list[s->n++];
	*seal = (struct seal){.to = to, .step = step, .result = SP_ERR_USAGE /* until the job was run */};
	sp_buf_init(&seal->enc, SP_LIMIT_MLS_VECTOR);
	sp_buf_init(&seal->ct, SP_LIMIT_MLS_VECTOR);
	seal->random.n = sp_kem_private_size(s->make->diff->base->suite.hpke.kem);
	return sp_rng_fill(env->rng, seal->random.b, seal->random.n);
}

static enum sp_err gather(const struct sp_mls_env *env, struct sealing *s)
{
	const struct sp_mls_path_make *m = s->make;
	for (size_t step = 0; step < m->steps.n; step++) {
		s->resolution.n = 0;
		SP_TRY(sp__mls_treeview_resolve(sp__mls_treeview_of_diff(m->diff), m->steps.step[step].copath, true, &s->resolution));
		for (size_t i = 0; i < s->resolution.n; i++)
			SP_TRY(add_seal(env, s, s->resolution.list[i], step));
	}
	return SP_OK;
}

/* struct { HPKEPublicKey encryption_key; HPKECiphertext encrypted_path_secret<V>; } UpdatePathNode; from list[*at] on */
static enum sp_err write_step(struct sp_writer *w, const struct sealing *s, size_t step, size_t *at)
{
	sp_write_vec(w, sp_kem_public_bytes(&s->make->pub[step]));
	size_t mark = sp_write_open(w);
	for (; *at < s->n && s->list[*at].step == step; (*at)++) {
		SP_TRY(s->list[*at].result);
		sp_write_vec(w, sp_buf_bytes(&s->list[*at].enc));
		sp_write_vec(w, sp_buf_bytes(&s->list[*at].ct));
	}
	sp_write_close(w, mark);
	return SP_OK;
}

static enum sp_err write_path(struct sealing *s)
{
	struct sp_writer w = sp_writer_on(&s->path);
	size_t at = 0;
	sp_write_fixed(&w, sp__mls_tree_diff_leaf(s->make->diff, s->make->sender)->encoded);
	size_t mark = sp_write_open(&w);
	for (size_t step = 0; step < s->make->steps.n; step++)
		SP_TRY(write_step(&w, s, step, &at));
	sp_write_close(&w, mark);
	return sp_writer_finish(&w);
}

static enum sp_err seal_path(const struct sp_mls_env *env, struct sealing *s, struct sp_bytes context)
{
	SP_TRY(sp__mls_encrypt_prepare(&s->info, &s->make->diff->base->suite, SP_MLS_PATH_LABEL, context));
	SP_TRY(gather(env, s));
	sp__mls_jobs_run(env, seal_job, s, s->n);
	return write_path(s);
}

static void sealing_clear(struct sealing *s)
{
	for (size_t i = 0; i < s->n; i++) {
		sp_buf_clear(&s->list[i].enc);
		sp_buf_clear(&s->list[i].ct);
	}
	sp_free_secret(s->list, s->n * sizeof *s->list);
	sp__mls_nodes_clear(&s->resolution);
	sp_buf_clear(&s->path);
}

enum sp_err sp__mls_path_encrypt(const struct sp_mls_env *env, const struct sp_mls_path_make *make, struct sp_buf *out_update_path,
				 struct sp_bytes provisional_context)
{
	struct sealing s = {.make = make};
	sp_buf_init(&s.path, SP_LIMIT_MLS_VECTOR);
	enum sp_err e = seal_path(env, &s, provisional_context);
	if (e == SP_OK)
		e = sp_buf_append(out_update_path, sp_buf_bytes(&s.path));
	sealing_clear(&s);
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
