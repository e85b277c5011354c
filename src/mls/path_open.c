/* SPDX-License-Identifier: Apache-2.0
 *
 * Decrypting an UpdatePath with the keys of one member, RFC 9420 section 7.5, "decrypts the path secrets".
 */
#include "mls/path_priv.h"

#include "base/limits.h"

/* Which ciphertext is for us, and the key it is sealed to. */
struct target {
	size_t step;
	size_t place; /* in the resolution of the copath */
	struct sp_node_index node;
};

/* A node of the resolution whose private key we hold: our leaf, or a parent above it. */
static bool keys_has_node(const struct sp_mls_path_keys *keys, struct sp_node_index x)
{
	unsigned level = sp__mls_level(x);
	return sp__mls_node_has_leaf(x, keys->leaf) && level < SP_MLS_LEVELS && keys->key[level].n != 0;
}

static enum sp_err find_in_resolution(const struct sp_mls_tree_diff *diff, const struct sp_mls_path_keys *keys, struct sp_node_index copath,
				      struct sp_mls_nodes *resolution, struct target *out)
{
	SP_TRY(sp__mls_treeview_resolve(sp__mls_treeview_of_diff(diff), copath, true, resolution));
	for (size_t i = 0; i < resolution->n; i++) {
		if (!keys_has_node(keys, resolution->list[i]))
			continue;
		out->place = i;
		out->node = resolution->list[i];
		return SP_OK;
	}
	return SP_ERR_NOT_FOR_ME; /* we were added by this commit, or our keys are not this tree's */
}

static enum sp_err find_target(const struct sp_mls_tree_diff *diff, const struct sp_mls_path_keys *keys, const struct sp_mls_steps *steps,
			       struct target *out)
{
	struct sp_mls_nodes resolution = {0};
	for (out->step = 0; out->step < steps->n; out->step++)
		if (sp__mls_node_has_leaf(steps->step[out->step].copath, keys->leaf))
			break;
	if (out->step == steps->n)
		return SP_ERR_NOT_FOR_ME;
	enum sp_err e = find_in_resolution(diff, keys, steps->step[out->step].copath, &resolution, out);
	sp__mls_nodes_clear(&resolution);
	return e;
}

static enum sp_err find_ciphertext(const struct sp_mls_update_path *path, const struct target *target, struct sp_mls_hpke_ciphertext *out)
{
	struct sp_reader r = sp_reader_of(path->nodes);
	struct sp_mls_path_node node;
	for (size_t i = 0; i <= target->step; i++)
		SP_TRY(sp__mls_path_node_read(&r, &node));
	r = sp_reader_of(node.ciphertexts);
	for (size_t i = 0; i <= target->place; i++)
		SP_TRY(sp__mls_hpke_ciphertext_read(&r, out));
	return SP_OK;
}

static enum sp_err decrypt(const struct sp_mls_env *env, const struct sp_mls_tree_diff *diff, const struct sp_mls_path_keys *keys,
			   const struct target *target, const struct sp_mls_hpke_ciphertext *ct, struct sp_bytes context, struct sp_secret *out)
{
	const struct sp_mls_suite *suite = &diff->base->suite;
	const struct sp_mls_key_pair pair = {
		sp_secret_bytes(&keys->key[sp__mls_level(target->node)]),
		sp__mls_treeview_key(sp__mls_treeview_of_diff(diff), target->node),
	};
	struct sp_buf plain;
	sp_buf_init(&plain, SP_LIMIT_MLS_VECTOR);
	enum sp_err e = sp__mls_decrypt_with_key(&plain, suite, &pair, SP_MLS_PATH_LABEL, context, ct);
	if (e != SP_OK && e != SP_ERR_NOMEM)
		e = SP_RULE(env->diag, SP_ERR_DECRYPT, 184);
	if (e == SP_OK && plain.n != suite->nh)
		e = SP_RULE(env->diag, SP_ERR_INVALID, 184);
	if (e == SP_OK)
		e = sp_secret_set(out, sp_buf_bytes(&plain));
	sp_buf_clear(&plain);
	return e;
}

static enum sp_err open_path(const struct sp_mls_env *env, struct sp_secret *path_secret, struct sp_mls_path_keys *keys,
			     const struct sp_mls_tree_diff *diff, uint32_t sender, const struct sp_mls_update_path *path, struct sp_bytes context)
{
	struct sp_mls_steps steps;
	struct target target;
	struct sp_mls_hpke_ciphertext ct;
	sp__mls_treeview_filtered_path(sp__mls_treeview_of_diff(diff), sender, &steps);
	SP_TRY(find_target(diff, keys, &steps, &target));
	SP_TRY(find_ciphertext(path, &target, &ct));
	SP_TRY(decrypt(env, diff, keys, &target, &ct, context, path_secret));
	enum sp_err e = sp__mls_path_climb(keys, sp__mls_treeview_of_diff(diff), steps.step[target.step].node, path_secret);
	return e == SP_ERR_INVALID ? SP_RULE(env->diag, e, 185) : e;
}

/* The new keys are made in a copy, so that a refused commit leaves the caller's as they were. */
enum sp_err sp__mls_path_decrypt(const struct sp_mls_env *env, struct sp_secret *out_commit_secret, struct sp_mls_path_keys *keys,
				 const struct sp_mls_tree_diff *diff, uint32_t sender, const struct sp_mls_update_path *path,
				 struct sp_bytes provisional_context)
{
	struct sp_mls_path_keys after = *keys;
	sp_secret_clear(out_commit_secret);
	enum sp_err e = open_path(env, out_commit_secret, &after, diff, sender, path, provisional_context);
	if (e == SP_OK)
		*keys = after;
	else
		sp_secret_clear(out_commit_secret);
	sp__mls_path_keys_clear(&after);
	return e;
}
