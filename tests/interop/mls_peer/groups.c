/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations on groups that the peer is in.
 */
#include <string.h>

#include "peer.h"

static enum sp_err apply(struct peer_group *g, struct sp_mls_staged **staged)
{
	return sp_mls_group_apply(g->group, staged);
}

static enum sp_mls_wire_format format_of(const json_t *request)
{
	return get_bool(request, "public", false) ? SP_MLS_WIRE_PUBLIC_MESSAGE : SP_MLS_WIRE_PRIVATE_MESSAGE;
}

enum sp_err op_create_group(struct peer *p, const json_t *request, json_t *reply)
{
	struct sp_mls_group_params params = {.size = sizeof params, .suite = (uint16_t)get_int(request, "suite", 0)};
	struct sp_mls_group *group = NULL;
	struct identity *who;
	struct peer_group *g;
	SP_TRY(identity_of(p, request, params.suite, &who));
	params.leaf = leaf_of(who, request);
	SP_TRY(get_bytes(p, request, "group_id", &params.group_id));
	SP_TRY(get_extensions(p, request, &params.extensions));
	SP_TRY(sp_mls_group_new(env_of(p, who), &group, &params));
	SP_TRY(group_add(p, &group, who, &g));
	put_group(reply, g);
	return SP_OK;
}

/* -- proposals of requests ----------------------------------------------------------------------------------------------------------- */

static enum sp_err leaf_by_identity(struct peer *p, const struct peer_group *g, const json_t *o, uint32_t *out)
{
	struct sp_bytes name;
	struct sp_mls_member m;
	*out = (uint32_t)get_int(o, "leaf", SP_MLS_LEAF_NONE);
	if (*out != SP_MLS_LEAF_NONE)
		return SP_OK;
	SP_TRY(get_identity(p, o, &name));
	for (uint32_t leaf = 0; sp_mls_view_next(&m, sp_mls_group_view(g->group), leaf) == SP_OK; leaf = m.leaf + 1) {
		*out = m.leaf;
		if (sp_bytes_equal(m.credential.data, name))
			return SP_OK;
	}
	return SP_ERR_NOT_FOUND;
}

static enum sp_err read_psk(struct peer *p, const struct peer_group *g, const json_t *o, struct sp_mls_psk_id *out)
{
	*out = (struct sp_mls_psk_id){.type = SP_MLS_PSK_EXTERNAL};
	if (json_object_get(o, "psk_id"))
		return get_bytes(p, o, "psk_id", &out->id);
	*out = (struct sp_mls_psk_id){.type = SP_MLS_PSK_RESUMPTION,
				      .usage = SP_MLS_PSK_APPLICATION,
				      .group_id = sp_mls_view_group_id(sp_mls_group_view(g->group)),
				      .epoch = get_int(o, "epoch", 0)};
	return SP_OK;
}

static enum sp_err read_proposal(struct peer *p, const struct peer_group *g, const json_t *o, struct sp_mls_propose *out)
{
	const char *type = json_string_value(json_object_get(o, "type"));
	*out = (struct sp_mls_propose){.type = 0};
	if (!type)
		return SP_ERR_USAGE;
	if (strcmp(type, "add") == 0) {
		out->type = SP_MLS_PROPOSAL_ADD;
		return get_message(p, o, "key_package", SP_MLS_WIRE_KEY_PACKAGE, &out->key_package);
	}
	if (strcmp(type, "remove") == 0) {
		out->type = SP_MLS_PROPOSAL_REMOVE;
		return leaf_by_identity(p, g, o, &out->removed);
	}
	if (strcmp(type, "psk") == 0) {
		out->type = SP_MLS_PROPOSAL_PSK;
		return read_psk(p, g, o, &out->psk);
	}
	if (strcmp(type, "gce") == 0) {
		out->type = SP_MLS_PROPOSAL_GROUP_CONTEXT_EXTENSIONS;
		return get_extensions(p, o, &out->extensions);
	}
	if (strcmp(type, "reinit") == 0) {
		out->type = SP_MLS_PROPOSAL_REINIT;
		out->reinit_suite = (uint16_t)get_int(o, "suite", sp_mls_view_suite(sp_mls_group_view(g->group)));
		SP_TRY(get_bytes(p, o, "new_group_id", &out->reinit_group_id));
		return get_extensions(p, o, &out->extensions);
	}
	if (strcmp(type, "update") == 0)
		out->type = SP_MLS_PROPOSAL_UPDATE;
	else if (strcmp(type, "custom") == 0)
		out->type = (uint16_t)get_int(o, "proposal_type", 0);
	return out->type == SP_MLS_PROPOSAL_UPDATE ? SP_OK : get_bytes(p, o, "data", &out->body);
}

enum sp_err op_propose(struct peer *p, const json_t *request, json_t *reply)
{
	struct peer_group *g;
	struct sp_mls_propose what;
	struct sp_mls_staged *staged = NULL;
	struct sp_bytes aad;
	SP_TRY(group_of(p, request, &g));
	SP_TRY(read_proposal(p, g, json_object_get(request, "proposal"), &what));
	SP_TRY(get_bytes(p, request, "aad", &aad));
	SP_TRY(sp_mls_group_propose(env_of(p, g->who), g->group, &staged, &what, aad, format_of(request)));
	put_bytes(reply, "proposal", sp_mls_staged_info(staged)->message);
	SP_TRY(apply(g, &staged));
	put_group(reply, g);
	return SP_OK;
}

/* -- commits ---------------------------------------------------------------------------------------------------------------------------- */

static enum sp_err merge(struct peer *p, struct peer_group *g)
{
	struct sp_mls_staged *staged = NULL;
	SP_TRY(sp_mls_group_merge_pending(env_of(p, g->who), g->group, &staged));
	return apply(g, &staged);
}

static void show_commit(json_t *reply, const struct sp_mls_staged_info *info)
{
	put_bytes(reply, "commit", info->message);
	put_bytes(reply, "ratchet_tree", info->ratchet_tree);
	if (info->welcome.n == 0)
		return;
	put_bytes(reply, "welcome", info->welcome);
	put_bytes(reply, "welcome_raw", (struct sp_bytes){info->welcome.p + 4, info->welcome.n - 4});
}

static enum sp_err commit(struct peer *p, const json_t *request, json_t *reply, struct peer_group *g, const struct sp_mls_propose *list, size_t n)
{
	struct sp_mls_commit_params params = {.size = sizeof params,
					      .proposals = list,
					      .n_proposals = n,
					      .force_path = get_bool(request, "force_path", false),
					      .wire_format = format_of(request),
					      .welcome_with_tree = get_bool(request, "tree_ext", true),
					      .with_ratchet_tree = true};
	struct sp_mls_staged *staged = NULL;
	SP_TRY(get_bytes(p, request, "aad", &params.authenticated_data));
	SP_TRY(sp_mls_group_commit(env_of(p, g->who), g->group, &staged, &params));
	show_commit(reply, sp_mls_staged_info(staged));
	SP_TRY(apply(g, &staged));
	if (get_bool(request, "apply", true))
		SP_TRY(merge(p, g));
	put_group(reply, g);
	return SP_OK;
}

enum sp_err op_add(struct peer *p, const json_t *request, json_t *reply)
{
	const json_t *kps = json_object_get(request, "key_packages");
	size_t n = json_array_size(kps);
	struct sp_mls_propose *list = scratch_alloc(p, (n + 1) * sizeof *list);
	struct peer_group *g;
	SP_TRY(group_of(p, request, &g));
	for (size_t i = 0; i < n; i++) {
		list[i].type = SP_MLS_PROPOSAL_ADD;
		SP_TRY(value_message(p, json_array_get(kps, i), SP_MLS_WIRE_KEY_PACKAGE, &list[i].key_package));
	}
	return commit(p, request, reply, g, list, n);
}

enum sp_err op_remove(struct peer *p, const json_t *request, json_t *reply)
{
	const json_t *leaves = json_object_get(request, "leaves");
	size_t n = json_is_array(leaves) ? json_array_size(leaves) : 1;
	struct sp_mls_propose *list = scratch_alloc(p, (n + 1) * sizeof *list);
	struct peer_group *g;
	SP_TRY(group_of(p, request, &g));
	for (size_t i = 0; i < n; i++) {
		list[i].type = SP_MLS_PROPOSAL_REMOVE;
		if (json_is_array(leaves))
			list[i].removed = (uint32_t)json_integer_value(json_array_get(leaves, i));
		else
			SP_TRY(leaf_by_identity(p, g, request, &list[i].removed));
	}
	return commit(p, request, reply, g, list, n);
}

enum sp_err op_update(struct peer *p, const json_t *request, json_t *reply)
{
	struct peer_group *g;
	SP_TRY(group_of(p, request, &g));
	return commit(p, request, reply, g, NULL, 0); /* without proposals the path is required */
}

enum sp_err op_commit(struct peer *p, const json_t *request, json_t *reply)
{
	const json_t *proposals = json_object_get(request, "proposals");
	size_t n = json_array_size(proposals);
	struct sp_mls_propose *list = scratch_alloc(p, (n + 1) * sizeof *list);
	struct peer_group *g;
	SP_TRY(group_of(p, request, &g));
	for (size_t i = 0; i < n; i++)
		SP_TRY(read_proposal(p, g, json_array_get(proposals, i), &list[i]));
	return commit(p, request, reply, g, list, n);
}

enum sp_err op_merge(struct peer *p, const json_t *request, json_t *reply)
{
	struct peer_group *g;
	SP_TRY(group_of(p, request, &g));
	SP_TRY(merge(p, g));
	put_group(reply, g);
	return SP_OK;
}

enum sp_err op_discard(struct peer *p, const json_t *request, json_t *reply)
{
	struct peer_group *g;
	struct sp_mls_staged *staged = NULL;
	SP_TRY(group_of(p, request, &g));
	SP_TRY(sp_mls_group_discard_pending(env_of(p, g->who), g->group, &staged));
	SP_TRY(apply(g, &staged));
	put_group(reply, g);
	return SP_OK;
}

/* -- messages --------------------------------------------------------------------------------------------------------------------------- */

static json_t *proposals_of(const struct sp_mls_staged_info *info)
{
	json_t *list = json_array();
	for (size_t i = 0; i < info->n_proposals; i++) {
		json_t *one = json_object();
		json_object_set_new(one, "type", json_integer(info->proposals[i]->type));
		put_bytes(one, "body", info->proposals[i]->body);
		json_array_append_new(list, one);
	}
	return list;
}

static const char *kind_of(enum sp_mls_content_type type)
{
	return type == SP_MLS_CONTENT_APPLICATION ? "application" : type == SP_MLS_CONTENT_PROPOSAL ? "proposal" : "commit";
}

static void show_processed(json_t *reply, const struct sp_mls_staged_info *info, enum sp_mls_content_type type)
{
	json_object_set_new(reply, "kind", json_string(kind_of(type)));
	if (info->is_own || info->kind == SP_MLS_STAGED_OWN)
		json_object_set_new(reply, "own", json_true()); /* an echo */
	json_object_set_new(reply, "sender", json_integer(info->sender.index));
	if (info->kind == SP_MLS_STAGED_APPLICATION) {
		put_bytes(reply, "data", info->data);
		put_bytes(reply, "aad", info->authenticated_data);
	} else {
		json_object_set_new(reply, "proposals", proposals_of(info));
	}
}

enum sp_err op_process(struct peer *p, const json_t *request, json_t *reply)
{
	struct peer_group *g;
	struct sp_bytes message;
	struct sp_mls_staged *staged = NULL;
	struct sp_mls_peek peek;
	SP_TRY(group_of(p, request, &g));
	SP_TRY(get_bytes(p, request, "message", &message));
	SP_TRY(sp_mls_peek(&peek, message));
	p->same_by_name = peek.sender.type == SP_MLS_SENDER_NEW_MEMBER_COMMIT;
	SP_TRY(sp_mls_group_process(env_of(p, g->who), g->group, &staged, message));
	show_processed(reply, sp_mls_staged_info(staged), peek.content_type);
	SP_TRY(apply(g, &staged));
	put_group(reply, g);
	return SP_OK;
}

enum sp_err op_protect(struct peer *p, const json_t *request, json_t *reply)
{
	struct peer_group *g;
	struct sp_bytes data, aad;
	struct sp_mls_staged *staged = NULL;
	SP_TRY(group_of(p, request, &g));
	SP_TRY(get_bytes(p, request, "data", &data));
	SP_TRY(get_bytes(p, request, "aad", &aad));
	SP_TRY(sp_mls_group_protect(env_of(p, g->who), g->group, &staged, data, aad, get_int(request, "padding", 0)));
	put_bytes(reply, "message", sp_mls_staged_info(staged)->message);
	return apply(g, &staged);
}

/* -- what can be asked -------------------------------------------------------------------------------------------------------------------- */

enum sp_err op_epoch(struct peer *p, const json_t *request, json_t *reply)
{
	struct peer_group *g;
	SP_TRY(group_of(p, request, &g));
	put_group(reply, g);
	return SP_OK;
}

static enum sp_err put_tree(struct peer *p, json_t *reply, const struct peer_group *g)
{
	struct sp_buf *tree = scratch_buf(p);
	SP_TRY(sp_mls_view_ratchet_tree(sp_mls_group_view(g->group), tree));
	put_bytes(reply, "ratchet_tree", sp_buf_bytes(tree));
	return SP_OK;
}

enum sp_err op_tree(struct peer *p, const json_t *request, json_t *reply)
{
	struct peer_group *g;
	SP_TRY(group_of(p, request, &g));
	return put_tree(p, reply, g);
}

enum sp_err op_export(struct peer *p, const json_t *request, json_t *reply)
{
	struct peer_group *g;
	struct sp_bytes context;
	const char *label = json_string_value(json_object_get(request, "label"));
	size_t n = get_int(request, "length", 32);
	uint8_t out[4096];
	SP_TRY(group_of(p, request, &g));
	SP_TRY(get_bytes(p, request, "context", &context));
	if (!label || n > sizeof out)
		return SP_ERR_USAGE;
	SP_TRY(sp_mls_group_export(g->group, out, n, label, context));
	put_bytes(reply, "secret", (struct sp_bytes){out, n});
	return SP_OK;
}

enum sp_err op_group_info(struct peer *p, const json_t *request, json_t *reply)
{
	const struct sp_mls_group_info_params params = {.size = sizeof params, .with_tree = get_bool(request, "tree_ext", true)};
	struct peer_group *g;
	struct sp_buf *info = scratch_buf(p);
	SP_TRY(group_of(p, request, &g));
	SP_TRY(sp_mls_group_info_export(env_of(p, g->who), g->group, info, &params));
	put_bytes(reply, "group_info", sp_buf_bytes(info));
	put_bytes(reply, "group_info_raw", (struct sp_bytes){info->p + 4, info->n - 4});
	return put_tree(p, reply, g);
}

enum sp_err op_psk(struct peer *p, const json_t *request, json_t *reply)
{
	struct sp_bytes id, secret;
	SP_TRY(get_bytes(p, request, "psk_id", &id));
	SP_TRY(get_bytes(p, request, "secret", &secret));
	struct peer_psk *k = sp_alloc(sizeof *k);
	if (!k)
		return SP_ERR_NOMEM;
	sp_buf_init(&k->id, 1u << 20);
	sp_buf_init(&k->secret, 1u << 20);
	k->next = p->psks;
	p->psks = k;
	SP_TRY(sp_buf_append(&k->id, id));
	return sp_buf_append(&k->secret, secret);
}
