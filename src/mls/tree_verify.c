/* SPDX-License-Identifier: Apache-2.0
 *
 * Judging a tree that came from elsewhere, RFC 9420 section 12.4.3.1 "Verify the integrity of the ratchet tree". Cheap
 * checks come first; the N signatures last.
 */
#include "mls/tree_store_priv.h"

#include "base/limits.h"

/* -- unmerged leaves ----------------------------------------------------------------------------------------------------- */

/* The first non-blank parent on the way from x down to the leaf. "every non-blank intermediate node between the leaf node
 * and the parent node also has an entry": if the nearest has it, its own check covers those below it. */
static const struct sp_mls_tree_parent *nearest_below(const struct sp_mls_tree *tree, struct sp_node_index x, uint32_t leaf)
{
	for (unsigned level = sp__mls_level(x) - 1; level > 0; level--) {
		const struct sp_mls_tree_parent *p = tree->parent[sp__mls_ancestor(leaf, level).v / 2];
		if (p)
			return p;
	}
	return NULL;
}

static enum sp_err verify_unmerged_of(const struct sp_mls_tree *tree, struct sp_node_index x, struct sp_diag *diag)
{
	const struct sp_mls_tree_parent *p = tree->parent[x.v / 2];
	for (size_t i = 0; i < p->n_unmerged; i++) {
		uint32_t leaf = p->unmerged[i];
		if (!sp__mls_node_has_leaf(x, leaf) || !tree->leaf[leaf])
			return SP_RULE(diag, SP_ERR_INVALID, 163);
		const struct sp_mls_tree_parent *below = nearest_below(tree, x, leaf);
		if (below && !sp__mls_tree_parent_has_unmerged(below, leaf))
			return SP_RULE(diag, SP_ERR_INVALID, 164);
	}
	return SP_OK;
}

enum sp_err sp__mls_tree_verify_unmerged(const struct sp_mls_tree *tree, struct sp_diag *diag)
{
	for (uint32_t i = 0; i + 1 < tree->width; i++)
		if (tree->parent[i])
			SP_TRY(verify_unmerged_of(tree, (struct sp_node_index){2 * i + 1}, diag));
	return SP_OK;
}

/* -- leaves --------------------------------------------------------------------------------------------------------------- */

static enum sp_err verify_leaf_signature(const struct sp_mls_tree *tree, uint32_t i, struct sp_bytes group_id, struct sp_diag *diag)
{
	const struct sp_mls_leaf_node *leaf = &tree->leaf[i]->node;
	struct sp_verify_key *key = NULL;
	enum sp_err e = sp__mls_leaf_key_open(leaf, &tree->suite, &key, diag);
	if (e == SP_OK)
		e = sp__mls_leaf_check_signature(leaf, key, group_id, i, diag);
	sp_verify_key_free(&key);
	return e;
}

/* Leaves a job: enough work to be worth handing over. */
#define LEAVES_A_JOB 16u

struct verifying {
	const struct sp_mls_tree *tree;
	struct sp_bytes group_id;
	enum sp_err *result; /* one a job */
};

static enum sp_err verify_from(const struct verifying *v, uint32_t first, struct sp_diag *diag)
{
	uint32_t end = SP_MIN(first + LEAVES_A_JOB, v->tree->width);
	for (uint32_t i = first; i < end; i++)
		if (v->tree->leaf[i])
			SP_TRY(verify_leaf_signature(v->tree, i, v->group_id, diag));
	return SP_OK;
}

static void verify_job(void *arg, size_t i)
{
	const struct verifying *v = arg;
	v->result[i] = verify_from(v, (uint32_t)i * LEAVES_A_JOB, NULL);
}

/* The first failure in the order of leaves is the one that counts, whoever was faster; it is verified again for its diagnosis. */
static enum sp_err verify_by_jobs(const struct sp_mls_env *env, struct verifying *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		v->result[i] = SP_ERR_USAGE; /* of a job that was not run */
	sp__mls_jobs_run(env, verify_job, v, n);
	for (size_t i = 0; i < n; i++) {
		if (v->result[i] == SP_OK)
			continue;
		if (v->result[i] != SP_ERR_USAGE)
			SP_TRY(verify_from(v, (uint32_t)i * LEAVES_A_JOB, env->diag));
		return SP_FAIL(env->diag, v->result[i], 0, "a job was not run, or failed on its thread alone");
	}
	return SP_OK;
}

enum sp_err sp__mls_tree_verify_signatures(const struct sp_mls_env *env, const struct sp_mls_tree *tree, struct sp_bytes group_id)
{
	struct verifying v = {.tree = tree, .group_id = group_id};
	size_t n = (tree->width + LEAVES_A_JOB - 1) / LEAVES_A_JOB;
	if (!env->jobs || n < 2) {
		for (uint32_t first = 0; first < tree->width; first += LEAVES_A_JOB)
			SP_TRY(verify_from(&v, first, env->diag));
		return SP_OK;
	}
	v.result = sp_alloc_array(n, sizeof *v.result);
	if (!v.result)
		return SP_ERR_NOMEM;
	enum sp_err e = verify_by_jobs(env, &v, n);
	sp_free(v.result);
	return e;
}

static enum sp_err verify_leaf_content(const struct sp_mls_env *env, const struct sp_mls_tree *tree, uint32_t i)
{
	const struct sp_mls_leaf_node *leaf = &tree->leaf[i]->node;
	SP_TRY(sp__mls_leaf_check_listed(leaf, &tree->suite, env->diag));
	SP_TRY(sp__mls_leaf_check_keys(leaf, &tree->suite, env->diag));
	return sp__mls_leaf_check_lifetime(env, leaf, false); /* it may have expired since it joined */
}

static enum sp_err ask_credential(const struct sp_mls_env *env, const struct sp_mls_tree *tree, uint32_t i, const struct sp_mls_tree_context *context)
{
	const struct sp_mls_leaf_node *leaf = &tree->leaf[i]->node;
	const struct sp_mls_credential_check check = {
		.why = SP_MLS_WHY_MEMBER,
		.suite = tree->suite.id,
		.credential = leaf->credential,
		.signature_key = leaf->signature_key,
		.leaf = i,
		.group_id = context->group_id,
		.epoch = context->epoch,
		.authenticated_data = context->authenticated_data,
	};
	return sp__mls_credential_ask(env, &check);
}

/* -- together --------------------------------------------------------------------------------------------------------------- */

/* Mutual support is counted, as for any change: a diff that changes nothing asks the counters. */
static enum sp_err verify_support(const struct sp_mls_env *env, const struct sp_mls_tree *tree, const struct sp_mls_tree_context *context)
{
	struct sp_mls_tree_diff *diff;
	SP_TRY(sp__mls_tree_diff_new(&diff, tree));
	enum sp_err e = sp__mls_tree_diff_verify(env, diff, context, true);
	sp__mls_tree_diff_free(&diff);
	return e;
}

/* A missing credential is reported before the signatures are checked: the caller fetches it and comes back. */
enum sp_err sp__mls_tree_verify(const struct sp_mls_env *env, const struct sp_mls_tree *tree, const struct sp_mls_tree_context *context)
{
	SP_TRY(sp__mls_tree_verify_unmerged(tree, env->diag));
	SP_TRY(sp__mls_tree_verify_parent_hashes(tree, env->diag));
	SP_TRY(verify_support(env, tree, context));
	for (uint32_t i = 0; i < tree->width; i++)
		if (tree->leaf[i])
			SP_TRY(verify_leaf_content(env, tree, i));
	for (uint32_t i = 0; i < tree->width; i++)
		if (tree->leaf[i])
			SP_TRY(ask_credential(env, tree, i, context));
	return sp__mls_tree_verify_signatures(env, tree, context->group_id);
}
