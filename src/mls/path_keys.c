/* SPDX-License-Identifier: Apache-2.0
 *
 * The private keys a member holds (RFC 9420 section 4.2: those of nodes above it), and how path secrets become keys
 * (section 7.4).
 */
#include "mls/path_priv.h"

void sp__mls_path_keys_clear(struct sp_mls_path_keys *keys)
{
	sp_wipe(keys, sizeof *keys);
}

/* node_secret = DeriveSecret(path_secret, "node"); node_priv, node_pub = KEM.DeriveKeyPair(node_secret) */
enum sp_err sp__mls_path_node_key(const struct sp_mls_suite *suite, const struct sp_secret *path_secret, struct sp_secret *out_priv,
				  struct sp_kem_public *out_pub)
{
	struct sp_secret node_secret;
	enum sp_err e = sp__mls_derive_secret(&node_secret, suite, path_secret, "node");
	if (e == SP_OK)
		e = sp_kem_derive(suite->hpke.kem, sp_secret_bytes(&node_secret), out_priv, out_pub);
	else
		sp_secret_clear(out_priv);
	sp_secret_clear(&node_secret);
	return e;
}

enum sp_err sp__mls_path_next(const struct sp_mls_suite *suite, struct sp_secret *path_secret)
{
	return sp__mls_derive_secret(path_secret, suite, path_secret, "path");
}

/* The key of the ancestor at `level`, which must be that of the tree. */
static enum sp_err take_key(struct sp_mls_path_keys *keys, struct sp_mls_tree_view v, struct sp_node_index x, const struct sp_secret *path_secret)
{
	struct sp_secret *key = &keys->key[sp__mls_level(x)];
	struct sp_kem_public pub;
	enum sp_err e = sp__mls_path_node_key(&v.base->suite, path_secret, key, &pub);
	if (e == SP_OK && !sp_bytes_equal(sp_kem_public_bytes(&pub), sp__mls_treeview_key(v, x)))
		e = SP_ERR_INVALID;
	if (e != SP_OK)
		sp_secret_clear(key);
	return e;
}

enum sp_err sp__mls_path_climb(struct sp_mls_path_keys *keys, struct sp_mls_tree_view v, struct sp_node_index x, struct sp_secret *path_secret)
{
	unsigned top = sp__mls_level(sp__mls_root(sp__mls_treeview_width(v)));
	if (!sp__mls_treeview_has_node(v, x))
		return SP_ERR_INVALID;
	for (unsigned level = sp__mls_level(x); level <= top; level++) {
		struct sp_node_index at = sp__mls_ancestor(keys->leaf, level);
		sp_secret_clear(&keys->key[level]);
		if (!sp__mls_treeview_has_node(v, at))
			continue; /* not on the filtered path */
		SP_TRY(take_key(keys, v, at, path_secret));
		SP_TRY(sp__mls_path_next(&v.base->suite, path_secret));
	}
	return SP_OK;
}

/* -- following proposals --------------------------------------------------------------------------------------------------- */

/* Proposals blank parents or add unmerged leaves to them; only the first takes the key away. */
void sp__mls_path_keys_follow(struct sp_mls_path_keys *keys, const struct sp_mls_tree_diff *diff)
{
	struct sp_mls_tree_view now = sp__mls_treeview_of_diff(diff), before = sp__mls_treeview_of(diff->base);
	for (unsigned level = 1; level < SP_MLS_LEVELS; level++) {
		if (keys->key[level].n == 0)
			continue;
		struct sp_node_index x = sp__mls_ancestor(keys->leaf, level);
		struct sp_bytes key = sp__mls_treeview_key(now, x);
		if (key.n == 0 || !sp_bytes_equal(key, sp__mls_treeview_key(before, x)))
			sp_secret_clear(&keys->key[level]);
	}
}

/* -- joining (12.4.3.1) ------------------------------------------------------------------------------------------------------ */

static enum sp_err check_leaf_key(const struct sp_mls_tree *tree, uint32_t leaf, const struct sp_secret *leaf_priv)
{
	const struct sp_mls_leaf_node *node = sp__mls_tree_leaf(tree, leaf);
	struct sp_kem_public pub;
	if (!node)
		return SP_ERR_INVALID;
	SP_TRY(sp_kem_public_of(tree->suite.hpke.kem, sp_secret_bytes(leaf_priv), &pub));
	return sp_bytes_equal(sp_kem_public_bytes(&pub), node->encryption_key) ? SP_OK : SP_ERR_INVALID;
}

static enum sp_err join(struct sp_mls_path_keys *keys, const struct sp_mls_tree *tree, uint32_t signer, struct sp_secret *path_secret)
{
	SP_TRY(check_leaf_key(tree, keys->leaf, &keys->key[0]));
	if (path_secret->n == 0)
		return SP_OK;
	if (signer == keys->leaf)
		return SP_ERR_INVALID;
	return sp__mls_path_climb(keys, sp__mls_treeview_of(tree), sp__mls_common_ancestor(keys->leaf, signer), path_secret);
}

enum sp_err sp__mls_path_keys_join(struct sp_mls_path_keys *out, const struct sp_mls_env *env, const struct sp_mls_tree *tree, uint32_t own_leaf,
				   const struct sp_secret *leaf_priv, uint32_t signer, const struct sp_secret *path_secret)
{
	struct sp_secret climbing = {0};
	*out = (struct sp_mls_path_keys){.leaf = own_leaf};
	out->key[0] = *leaf_priv;
	if (path_secret)
		climbing = *path_secret;
	enum sp_err e = join(out, tree, signer, &climbing);
	if (e != SP_OK)
		sp__mls_path_keys_clear(out);
	sp_secret_clear(&climbing);
	return e == SP_ERR_INVALID ? SP_RULE(env->diag, e, 187) : e;
}
