/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations that give the peer a group: Welcome, external commit, successors, stored state.
 */
#include <string.h>

#include "peer.h"

enum sp_err op_join(struct peer *p, const json_t *request, json_t *reply)
{
	struct sp_mls_join_params params = {.size = sizeof params, .key_packages = &p->key_package_lookup};
	struct sp_mls_join *join = NULL;
	struct peer_group *g;
	SP_TRY(get_message(p, request, "welcome", SP_MLS_WIRE_WELCOME, &params.welcome));
	SP_TRY(get_bytes(p, request, "ratchet_tree", &params.ratchet_tree));
	if (json_object_get(request, "resume_from")) {
		json_t *named = json_pack("{s:O}", "group", json_object_get(request, "resume_from"));
		enum sp_err e = group_of(p, named, &g);
		json_decref(named);
		SP_TRY(e);
		params.parent = g->group;
	}
	p->same_by_name = params.parent != NULL;
	p->kp_wanted = json_string_value(json_object_get(request, "kp_id"));
	SP_TRY(sp_mls_join_open(env_of(p, NULL), &join, &params));
	bool last_resort = sp_mls_join_info(join)->last_resort;
	struct sp_mls_group *group = sp_mls_join_accept(&join);
	SP_TRY(group_add(p, &group, p->found->who, &g));
	if (!last_resort)
		key_package_forget(p, p->found);
	put_group(reply, g);
	return SP_OK;
}

/* -- external ------------------------------------------------------------------------------------------------------------------------ */

/* The leaf of that name in the group that the GroupInfo describes. */
static enum sp_err find_leaf(struct peer *p, const struct sp_mls_external_params *params, struct sp_bytes name, uint32_t *out)
{
	struct sp_mls_public_group *group = NULL;
	struct sp_mls_member m;
	SP_TRY(sp_mls_public_group_new(env_of(p, NULL), &group, params->group_info, params->ratchet_tree));
	*out = SP_MLS_LEAF_NONE;
	for (uint32_t leaf = 0; sp_mls_view_next(&m, sp_mls_public_group_view(group), leaf) == SP_OK; leaf = m.leaf + 1) {
		if (sp_bytes_equal(m.credential.data, name))
			*out = m.leaf;
	}
	sp_mls_public_group_free(&group);
	return *out == SP_MLS_LEAF_NONE ? SP_ERR_NOT_FOUND : SP_OK;
}

enum sp_err op_external_join(struct peer *p, const json_t *request, json_t *reply)
{
	struct sp_mls_external_params params = {.size = sizeof params, .resync_leaf = SP_MLS_LEAF_NONE};
	struct sp_mls_peek peek;
	struct sp_mls_join *join = NULL;
	struct peer_group *g;
	struct identity *who;
	SP_TRY(get_message(p, request, "group_info", SP_MLS_WIRE_GROUP_INFO, &params.group_info));
	SP_TRY(get_bytes(p, request, "ratchet_tree", &params.ratchet_tree));
	SP_TRY(sp_mls_peek(&peek, params.group_info));
	SP_TRY(identity_of(p, request, peek.suite, &who));
	params.leaf = leaf_of(who, request);
	p->same_by_name = get_bool(request, "resync", false);
	if (p->same_by_name)
		SP_TRY(find_leaf(p, &params, sp_buf_bytes(&who->credential), &params.resync_leaf));
	SP_TRY(sp_mls_join_external(env_of(p, who), &join, &params));
	put_bytes(reply, "commit", sp_mls_join_info(join)->message);
	struct sp_mls_group *group = sp_mls_join_accept(&join);
	SP_TRY(group_add(p, &group, who, &g));
	put_group(reply, g);
	return SP_OK;
}

enum sp_err op_propose_join(struct peer *p, const json_t *request, json_t *reply)
{
	const char *id = json_string_value(json_object_get(request, "kp_id"));
	struct sp_bytes info;
	struct sp_mls_peek peek;
	struct sp_buf *out = scratch_buf(p);
	SP_TRY(get_message(p, request, "group_info", SP_MLS_WIRE_GROUP_INFO, &info));
	SP_TRY(sp_mls_peek(&peek, info));
	for (struct key_package *k = p->key_packages; k; k = k->next) {
		if (id && strcmp(id, k->id) != 0)
			continue;
		SP_TRY(sp_mls_join_propose(env_of(p, k->who), out, peek.group_id, peek.epoch, sp_buf_bytes(&k->message)));
		put_bytes(reply, "proposal", sp_buf_bytes(out));
		return SP_OK;
	}
	return SP_ERR_NOT_FOUND;
}

/* -- successors -------------------------------------------------------------------------------------------------------------------------- */

static enum sp_err read_successor(struct peer *p, const json_t *request, struct sp_mls_successor_params *out)
{
	const json_t *kps = json_object_get(request, "key_packages");
	size_t n = json_array_size(kps);
	struct sp_bytes *list = scratch_alloc(p, (n + 1) * sizeof *list);
	for (size_t i = 0; i < n; i++)
		SP_TRY(value_message(p, json_array_get(kps, i), SP_MLS_WIRE_KEY_PACKAGE, &list[i]));
	p->same_by_name = true;
	*out = (struct sp_mls_successor_params){.size = sizeof *out,
						.key_packages = list,
						.n_key_packages = n,
						.welcome_with_tree = get_bool(request, "tree_ext", true)};
	SP_TRY(get_extensions(p, request, &out->extensions));
	return get_bytes(p, request, "new_group_id", &out->group_id);
}

static enum sp_err show_successor(struct peer *p, json_t *reply, struct sp_mls_group **group, struct identity *who, const struct sp_buf *welcome)
{
	struct peer_group *g;
	struct sp_buf *tree = scratch_buf(p);
	SP_TRY(group_add(p, group, who, &g));
	SP_TRY(sp_mls_view_ratchet_tree(sp_mls_group_view(g->group), tree));
	put_bytes(reply, "welcome", sp_buf_bytes(welcome));
	put_bytes(reply, "welcome_raw", (struct sp_bytes){welcome->p + 4, welcome->n - 4});
	put_bytes(reply, "ratchet_tree", sp_buf_bytes(tree));
	put_group(reply, g);
	return SP_OK;
}

enum sp_err op_branch(struct peer *p, const json_t *request, json_t *reply)
{
	struct peer_group *old;
	struct sp_mls_successor_params params;
	struct sp_mls_group *group = NULL;
	struct sp_buf *welcome = scratch_buf(p);
	SP_TRY(group_of(p, request, &old));
	SP_TRY(read_successor(p, request, &params));
	params.leaf = leaf_of(old->who, request);
	SP_TRY(sp_mls_group_branch_new(env_of(p, old->who), old->group, &group, welcome, &params));
	return show_successor(p, reply, &group, old->who, welcome);
}

/* The successor may be of another signature scheme: then a new key under the old name. */
enum sp_err op_reinit_create(struct peer *p, const json_t *request, json_t *reply)
{
	struct peer_group *old;
	struct sp_mls_successor_params params;
	struct sp_mls_group *group = NULL;
	struct sp_buf *welcome = scratch_buf(p);
	SP_TRY(group_of(p, request, &old));
	SP_TRY(read_successor(p, request, &params));
	struct identity *who = old->who;
	params.leaf = leaf_of(who, request);
	enum sp_err e = sp_mls_group_reinit_new(env_of(p, who), old->group, &group, welcome, &params);
	for (uint16_t suite = 1; e != SP_OK && suite <= 7; suite++) {
		SP_TRY(identity_of(p, request, suite, &who));
		params.leaf = leaf_of(who, request);
		sp_buf_clear(welcome);
		e = sp_mls_group_reinit_new(env_of(p, who), old->group, &group, welcome, &params);
	}
	SP_TRY(e);
	return show_successor(p, reply, &group, who, welcome);
}

/* -- stored state: the signing key, then the rows -------------------------------------------------------------------------------------------- */

static void write_rows(struct sp_writer *w, struct sp_mls_rows rows)
{
	for (size_t i = 0; i < rows.n; i++) {
		sp_write_vec(w, rows.list[i].key);
		sp_write_vec(w, rows.list[i].value);
	}
}

enum sp_err op_save(struct peer *p, const json_t *request, json_t *reply)
{
	struct peer_group *g;
	struct sp_mls_row_set *rows = NULL;
	struct sp_buf *key = scratch_buf(p), *out = scratch_buf(p);
	SP_TRY(group_of(p, request, &g));
	SP_TRY(sp_sign_key_to_pkcs8(g->who->key, key));
	SP_TRY(sp_mls_group_rows(g->group, &rows));
	struct sp_writer w = sp_writer_on(out);
	sp_write_vec(&w, sp_buf_bytes(key));
	write_rows(&w, sp_mls_row_set_rows(rows));
	sp_mls_row_set_free(&rows);
	SP_TRY(sp_writer_finish(&w));
	put_bytes(reply, "state", sp_buf_bytes(out));
	return SP_OK;
}

enum sp_err op_load(struct peer *p, const json_t *request, json_t *reply)
{
	struct sp_bytes state, pkcs8;
	struct identity *who;
	struct peer_group *g;
	struct sp_mls_group *group = NULL;
	size_t n = 0;
	SP_TRY(get_bytes(p, request, "state", &state));
	struct sp_reader r = sp_reader_of(state);
	SP_TRY(sp_read_vec(&r, &pkcs8, state.n));
	struct sp_mls_row *rows = scratch_alloc(p, (r.rest.n / 2 + 1) * sizeof *rows); /* a row takes two octets at least */
	for (; !sp_reader_is_empty(&r); n++) {
		SP_TRY(sp_read_vec(&r, &rows[n].key, state.n));
		SP_TRY(sp_read_vec(&r, &rows[n].value, state.n));
	}
	SP_TRY(identity_new(p, &who));
	SP_TRY(sp_sign_key_from_pkcs8(&who->key, pkcs8));
	who->signer = sp_sign_key_signer(who->key);
	SP_TRY(sp_mls_group_load(env_of(p, who), &group, rows, n));
	enum sp_err e = identity_from_leaf(who, group);
	if (e == SP_OK)
		e = group_add(p, &group, who, &g);
	sp_mls_group_free(&group);
	SP_TRY(e);
	put_group(reply, g);
	return SP_OK;
}
