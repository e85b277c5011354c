/* SPDX-License-Identifier: Apache-2.0
 *
 * One proposal on its own: RFC 9420 section 12.1, and who may send it (12.1.8).
 */
#include "mls/transition_priv.h"

#include "base/limits.h"

static struct sp_mls_credential_check ask_about(const struct sp_mls_prop_scene *scene, enum sp_mls_credential_why why, const struct sp_mls_leaf_node *leaf)
{
	return (struct sp_mls_credential_check){.why = why,
						.suite = scene->view->suite.id,
						.credential = leaf->credential,
						.signature_key = leaf->signature_key,
						.leaf = SP_MLS_LEAF_NONE,
						.group_id = scene->view->context.group_id,
						.epoch = scene->view->context.epoch,
						.authenticated_data = scene->authenticated_data};
}

static enum sp_err check_add(const struct sp_mls_env *env, const struct sp_mls_prop_scene *scene, const struct sp_mls_prop *prop)
{
	struct sp_mls_credential_check ask = ask_about(scene, SP_MLS_WHY_ADD, &prop->kp.leaf);
	if (!scene->again)
		SP_TRY(sp__mls_key_package_check(env, &scene->view->suite, &prop->kp));
	SP_TRY(sp__mls_leaf_fits_context(env, &prop->kp.leaf, scene->extensions));
	return sp__mls_credential_ask(env, &ask);
}

static enum sp_err check_update(const struct sp_mls_env *env, const struct sp_mls_prop_scene *scene, const struct sp_mls_prop *prop)
{
	const struct sp_mls_leaf_node *old = NULL;
	if (prop->pub.sender.type == SP_MLS_SENDER_MEMBER)
		old = sp__mls_view_leaf(scene->view, prop->pub.sender.index);
	if (!old)
		return SP_RULE(env->diag, SP_ERR_INVALID, 5);
	if (!scene->again)
		SP_TRY(sp__mls_leaf_check_in_group(env, &scene->view->suite, &prop->leaf, SP_MLS_LEAF_UPDATE, old, scene->view->context.group_id,
						   prop->pub.sender.index));
	SP_TRY(sp__mls_leaf_fits_context(env, &prop->leaf, scene->extensions));
	struct sp_mls_credential_check ask = ask_about(scene, SP_MLS_WHY_UPDATE, &prop->leaf);
	ask.leaf = prop->pub.sender.index;
	ask.has_old = true;
	ask.old = old->credential;
	ask.old_signature_key = old->signature_key;
	return sp__mls_credential_ask(env, &ask);
}

static enum sp_err check_psk(const struct sp_mls_env *env, const struct sp_mls_prop_scene *scene, const struct sp_mls_psk_id *id)
{
	if (id->type == SP_MLS_PSK_RESUMPTION && id->usage != SP_MLS_PSK_APPLICATION && id->usage != scene->successor)
		return SP_RULE(env->diag, SP_ERR_INVALID, 317);
	if (id->nonce.n != scene->view->suite.nh)
		return SP_RULE(env->diag, SP_ERR_INVALID, 318);
	return SP_OK;
}

/* struct { SignaturePublicKey signature_key; Credential credential; } ExternalSender; */
static enum sp_err check_external_sender(const struct sp_mls_env *env, const struct sp_mls_prop_scene *scene, struct sp_reader *r)
{
	struct sp_mls_leaf_node as_leaf = {0};
	if (sp_read_vec(r, &as_leaf.signature_key, SP_LIMIT_MLS_VECTOR) != SP_OK || sp__mls_credential_read(r, &as_leaf.credential, NULL) != SP_OK)
		return SP_RULE(env->diag, SP_ERR_ENCODING, 323);
	struct sp_mls_credential_check ask = ask_about(scene, SP_MLS_WHY_EXTERNAL_SENDER, &as_leaf);
	return sp__mls_credential_ask(env, &ask);
}

static enum sp_err check_external_senders(const struct sp_mls_env *env, const struct sp_mls_prop_scene *scene, struct sp_bytes data)
{
	struct sp_reader r = sp_reader_of(data), list;
	if (sp_read_child(&r, &list, SP_LIMIT_MLS_VECTOR) != SP_OK || !sp_reader_is_empty(&r))
		return SP_RULE(env->diag, SP_ERR_ENCODING, 323);
	while (!sp_reader_is_empty(&list))
		SP_TRY(check_external_sender(env, scene, &list));
	return SP_OK;
}

static enum sp_err check_context_extensions(const struct sp_mls_env *env, const struct sp_mls_prop_scene *scene, struct sp_bytes list)
{
	struct sp_mls_required_capabilities need;
	struct sp_bytes data;
	if (sp__mls_extension_has(list, SP_MLS_EXTENSION_REQUIRED_CAPABILITIES, &data) && sp__mls_required_capabilities_decode(data, &need) != SP_OK)
		return SP_RULE(env->diag, SP_ERR_ENCODING, 324);
	if (sp__mls_extension_has(list, SP_MLS_EXTENSION_EXTERNAL_SENDERS, &data))
		return check_external_senders(env, scene, data);
	return SP_OK;
}

static enum sp_err check_by_type(const struct sp_mls_env *env, const struct sp_mls_prop_scene *scene, const struct sp_mls_prop *prop)
{
	switch (prop->pub.type) {
	case SP_MLS_PROPOSAL_ADD:
		return check_add(env, scene, prop);
	case SP_MLS_PROPOSAL_UPDATE:
		return check_update(env, scene, prop);
	case SP_MLS_PROPOSAL_REMOVE:
		if (sp__mls_view_leaf(scene->view, prop->pub.member.leaf) == NULL)
			return SP_RULE(env->diag, SP_ERR_INVALID, 320);
		return SP_OK;
	case SP_MLS_PROPOSAL_PSK:
		return check_psk(env, scene, &prop->pub.psk);
	case SP_MLS_PROPOSAL_REINIT:
		if (prop->pub.reinit_version < SP_MLS_VERSION_10)
			return SP_RULE(env->diag, SP_ERR_INVALID, 319);
		return SP_OK;
	case SP_MLS_PROPOSAL_GROUP_CONTEXT_EXTENSIONS:
		return check_context_extensions(env, scene, prop->extensions);
	default: /* ExternalInit is judged with its list; an unknown type is opaque */
		return SP_OK;
	}
}

bool sp__mls_proposal_path_is_required(const struct sp_mls_env *env, uint16_t type)
{
	if (type == SP_MLS_PROPOSAL_ADD || type == SP_MLS_PROPOSAL_PSK || type == SP_MLS_PROPOSAL_REINIT)
		return false;
	if (sp__mls_proposal_is_default(type) || !env->policy || !env->policy->path_is_required)
		return true;
	return env->policy->path_is_required(env->policy->ctx, type);
}

bool sp__mls_proposal_external_is_allowed(const struct sp_mls_env *env, uint16_t type)
{
	if (sp__mls_proposal_is_default(type))
		return type != SP_MLS_PROPOSAL_UPDATE && type != SP_MLS_PROPOSAL_EXTERNAL_INIT;
	return env->policy && env->policy->external_is_allowed && env->policy->external_is_allowed(env->policy->ctx, type);
}

enum sp_err sp__mls_prop_check(const struct sp_mls_env *env, const struct sp_mls_prop_scene *scene, const struct sp_mls_prop *prop)
{
	if (prop->pub.sender.type == SP_MLS_SENDER_EXTERNAL && !sp__mls_proposal_external_is_allowed(env, prop->pub.type))
		return SP_RULE(env->diag, SP_ERR_INVALID, 322);
	if (prop->pub.sender.type == SP_MLS_SENDER_NEW_MEMBER_PROPOSAL && prop->pub.type != SP_MLS_PROPOSAL_ADD)
		return SP_RULE(env->diag, SP_ERR_INVALID, 9);
	return check_by_type(env, scene, prop);
}

bool sp__mls_client_is_same(const struct sp_mls_env *env, const struct sp_mls_member *a, const struct sp_mls_member *b)
{
	if (env->validator && env->validator->is_same_client)
		return env->validator->is_same_client(env->validator->ctx, a, b);
	return sp_bytes_equal(a->signature_key, b->signature_key);
}
