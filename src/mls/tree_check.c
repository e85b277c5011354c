/* SPDX-License-Identifier: Apache-2.0
 *
 * What all members together must satisfy (RFC 9420 sections 7.3, 11.1, 12.1.7, 13.4): unique keys, credential types that
 * everybody supports, required capabilities. The cost is that of the nodes a diff touched.
 */
#include "mls/tree_store_priv.h"

static bool all_have(const struct sp_mls_tree_diff *diff, enum sp_mls_count_kind kind, uint16_t value)
{
	uint32_t key = sp__mls_count_key(kind, value);
	int64_t n = (int64_t)sp__mls_counts_get(&diff->base->counts, key) + sp__mls_counts_get(&diff->counts, key);
	return n == (int64_t)diff->members;
}

bool sp__mls_tree_diff_has_support(const struct sp_mls_tree_diff *diff, enum sp_mls_capability what, uint16_t value)
{
	switch (what) {
	case SP_MLS_CAP_EXTENSION:
		return sp__mls_extension_is_default(value) || all_have(diff, SP_MLS_COUNT_EXTENSION, value);
	case SP_MLS_CAP_PROPOSAL:
		return sp__mls_proposal_is_default(value) || all_have(diff, SP_MLS_COUNT_PROPOSAL, value);
	case SP_MLS_CAP_CREDENTIAL:
		return all_have(diff, SP_MLS_COUNT_CREDENTIAL, value);
	case SP_MLS_CAP_VERSION: /* every leaf was checked for these when it came in */
	case SP_MLS_CAP_SUITE:
		return value == (what == SP_MLS_CAP_VERSION ? SP_MLS_VERSION_10 : diff->base->suite.id);
	}
	return false;
}

static bool list_has_support(const struct sp_mls_tree_diff *diff, enum sp_mls_capability what, struct sp_bytes types)
{
	for (size_t i = 0; i + 1 < types.n; i += 2)
		if (!sp__mls_tree_diff_has_support(diff, what, (uint16_t)(types.p[i] << 8 | types.p[i + 1])))
			return false;
	return true;
}

static enum sp_err check_required(const struct sp_mls_tree_diff *diff, struct sp_bytes data, struct sp_diag *diag)
{
	struct sp_mls_required_capabilities need;
	SP_TRY(sp__mls_required_capabilities_decode(data, &need));
	if (list_has_support(diff, SP_MLS_CAP_EXTENSION, need.extensions) && list_has_support(diff, SP_MLS_CAP_PROPOSAL, need.proposals) &&
	    list_has_support(diff, SP_MLS_CAP_CREDENTIAL, need.credentials))
		return SP_OK;
	return SP_RULE(diag, SP_ERR_INVALID, 153);
}

static enum sp_err check_extensions(const struct sp_mls_tree_diff *diff, struct sp_bytes extensions, struct sp_diag *diag)
{
	struct sp_mls_extension ext;
	while (sp__mls_extension_has_next(&extensions, &ext)) {
		if (!sp__mls_tree_diff_has_support(diff, SP_MLS_CAP_EXTENSION, ext.type))
			return SP_RULE(diag, SP_ERR_INVALID, 154);
		if (ext.type == SP_MLS_EXTENSION_REQUIRED_CAPABILITIES)
			SP_TRY(check_required(diff, ext.data, diag));
	}
	return SP_OK;
}

/* Every credential type that some member uses is one that all support. In a group that was valid before there are no
 * more such types than one member lists. */
static enum sp_err check_in_use(const struct sp_mls_tree_diff *diff, const struct sp_mls_counts *table, struct sp_diag *diag)
{
	for (size_t i = 0; i < table->cap; i++) {
		if (table->slots[i].key == 0)
			continue;
		uint32_t type = table->slots[i].key - 1;
		int32_t users = sp__mls_counts_get(&diff->base->in_use, type) + sp__mls_counts_get(&diff->in_use, type);
		if (users > 0 && !all_have(diff, SP_MLS_COUNT_CREDENTIAL, (uint16_t)type))
			return SP_RULE(diag, SP_ERR_INVALID, 152);
	}
	return SP_OK;
}

/* A key that the diff set and that the base holds in another node which the diff left alone. */
static bool base_has_key(const struct sp_mls_tree_diff *diff, const struct sp_mls_index *index, struct sp_bytes key, bool is_signature, uint32_t self)
{
	struct sp_mls_tree_view v = sp__mls_treeview_of_diff(diff);
	size_t at = SP_MLS_INDEX_START;
	uint32_t value;
	while (sp__mls_index_has_next(index, sp__mls_key_hash(diff->base->seed, key), &at, &value)) {
		struct sp_node_index x = is_signature ? sp__mls_node_of_leaf(value) : (struct sp_node_index){value};
		if (value == self || sp__mls_diff_has_set(diff, x))
			continue;
		const struct sp_mls_tree_leaf *leaf = is_signature ? sp__mls_treeview_leaf(v, value) : NULL;
		struct sp_bytes other = is_signature ? (leaf ? leaf->node.signature_key : SP_BYTES_NONE) : sp__mls_treeview_key(v, x);
		if (sp_bytes_equal(other, key))
			return true;
	}
	return false;
}

static enum sp_err check_keys(const struct sp_mls_tree_diff *diff, struct sp_diag *diag)
{
	if (diff->duplicate == 150)
		return SP_RULE(diag, SP_ERR_INVALID, 150);
	if (diff->duplicate == 151)
		return SP_RULE(diag, SP_ERR_INVALID, 151);
	for (size_t i = 0; i < diff->n; i++) {
		const struct sp_mls_touched *t = &diff->touched[i];
		if (t->what != SP_MLS_TOUCH_SET)
			continue;
		struct sp_bytes key = t->leaf ? t->leaf->node.encryption_key : sp__mls_parent_key(t->parent);
		if (base_has_key(diff, &diff->base->by_encryption_key, key, false, t->node.v))
			return SP_RULE(diag, SP_ERR_INVALID, 150);
		if (t->leaf && base_has_key(diff, &diff->base->by_signature_key, t->leaf->node.signature_key, true, t->node.v / 2))
			return SP_RULE(diag, SP_ERR_INVALID, 151);
	}
	return SP_OK;
}

/* `whole` needs nothing more: support is counted over all members, touched or not. */
enum sp_err sp__mls_tree_diff_verify(const struct sp_mls_env *env, struct sp_mls_tree_diff *diff, const struct sp_mls_tree_context *context,
				     bool whole)
{
	SP_TRY(check_keys(diff, env->diag));
	SP_TRY(check_in_use(diff, &diff->base->in_use, env->diag));
	SP_TRY(check_in_use(diff, &diff->in_use, env->diag));
	return check_extensions(diff, context->extensions, env->diag);
}
