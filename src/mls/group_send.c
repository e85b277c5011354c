/* SPDX-License-Identifier: Apache-2.0
 *
 * What a member sends: framing and signing (RFC 9420 sections 6.1 to 6.3), application messages (15), proposals (12.1).
 */
#include "mls/group_priv.h"

#include "base/limits.h"

/* -- signing and framing ---------------------------------------------------------------------------------------------- */

enum sp_err sp__mls_sign_content(const struct sp_mls_env *env, const struct sp_mls_group *group, const struct sp_mls_send *send, struct sp_buf *framed,
				 struct sp_buf *signature, struct sp_mls_auth_content *out)
{
	*out = (struct sp_mls_auth_content){.wire_format = send->wire_format};
	out->content = (struct sp_mls_content){.group_id = group->view.context.group_id,
					       .epoch = group->view.context.epoch,
					       .sender = {SP_MLS_SENDER_MEMBER, group->core.keys.leaf},
					       .authenticated_data = send->authenticated_data,
					       .type = send->type,
					       .body = send->body};
	if (send->wire_format != SP_MLS_WIRE_PUBLIC_MESSAGE && send->wire_format != SP_MLS_WIRE_PRIVATE_MESSAGE)
		return SP_FAIL(env->diag, SP_ERR_USAGE, 0, "wire_format is neither PUBLIC_MESSAGE nor PRIVATE_MESSAGE");
	SP_TRY(sp__mls_content_encode(framed, &out->content));
	out->content.encoded = sp_buf_bytes(framed);
	SP_TRY(sp__mls_content_sign(env->signer, signature, send->wire_format, &out->content, group->view.context.encoded));
	out->signature = sp_buf_bytes(signature);
	return SP_OK;
}

static enum sp_err frame_public(const struct sp_mls_group *group, struct sp_mls_staged *staged, const struct sp_mls_auth_content *auth)
{
	struct sp_secret tag = {0};
	SP_TRY(sp__mls_membership_tag(&tag, &group->view.suite, &group->core.secrets.membership, auth, group->view.context.encoded));
	return sp__mls_public_message_encode(&staged->message, auth, sp_secret_bytes(&tag));
}

static enum sp_err frame_private(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged *staged,
				 const struct sp_mls_auth_content *auth, struct sp_mls_private_seal *seal, struct sp_mls_message_key *key)
{
	bool application = auth->content.type == SP_MLS_CONTENT_APPLICATION;
	SP_TRY(sp__mls_secret_tree_next(env, &staged->step, key, &seal->generation, group->secrets,
					application ? SP_MLS_RATCHET_APPLICATION : SP_MLS_RATCHET_HANDSHAKE, group->core.keys.leaf));
	staged->step_epoch = group->view.context.epoch;
	staged->info.generation = seal->generation;
	SP_TRY(sp__mls_private_seal(&staged->message, seal, auth));
	return sp__mls_secret_step_rows(staged->step, &staged->rows);
}

enum sp_err sp__mls_frame(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged *staged,
			  const struct sp_mls_auth_content *auth, size_t padding)
{
	struct sp_mls_message_key key = {0};
	struct sp_mls_private_seal seal = {.suite = &group->view.suite,
					   .rng = env->rng,
					   .sender_data_secret = &group->core.secrets.sender_data,
					   .key = &key,
					   .padding = padding};
	if (auth->wire_format == SP_MLS_WIRE_PUBLIC_MESSAGE)
		return frame_public(group, staged, auth);
	enum sp_err e = frame_private(env, group, staged, auth, &seal, &key);
	sp_secret_clear(&key.key);
	return e;
}

static void show_sent(struct sp_mls_staged *staged, const struct sp_mls_group *group, const struct sp_mls_send *send)
{
	struct sp_mls_staged_info *info = &staged->info;
	info->is_own = true;
	info->sender = (struct sp_mls_sender){SP_MLS_SENDER_MEMBER, group->core.keys.leaf};
	info->epoch = group->view.context.epoch;
	info->wire_format = send->wire_format;
	info->from = sp__mls_leaf_member(sp__mls_view_leaf(&group->view, group->core.keys.leaf), group->core.keys.leaf);
}

static enum sp_err check_ready(const struct sp_mls_env *env, const struct sp_mls_group *group)
{
	if (group->core.state != SP_MLS_GROUP_ACTIVE)
		return SP_FAIL(env->diag, SP_ERR_STATE, 0, "the group is not active");
	return sp__mls_signer_check(env, sp__mls_view_leaf(&group->view, group->core.keys.leaf));
}

/* -- application messages ---------------------------------------------------------------------------------------------------- */

struct sending {
	struct sp_buf framed, signature;
	struct sp_mls_auth_content auth;
};

static enum sp_err send_now(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged *staged, const struct sp_mls_send *send)
{
	struct sending s = {0};
	sp_buf_init(&s.framed, SP_LIMIT_MLS_VECTOR);
	sp_buf_init(&s.signature, SP_LIMIT_MLS_VECTOR);
	enum sp_err e = sp__mls_sign_content(env, group, send, &s.framed, &s.signature, &s.auth);
	if (e == SP_OK)
		e = sp__mls_frame(env, group, staged, &s.auth, send->padding);
	if (e == SP_OK && send->type == SP_MLS_CONTENT_PROPOSAL)
		e = sp__mls_proposal_process(env, &group->view, staged, group->stored, &s.auth);
	sp_buf_clear(&s.framed);
	sp_buf_clear(&s.signature);
	return e;
}

static enum sp_err protect(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged *staged, const struct sp_mls_send *send)
{
	SP_TRY(check_ready(env, group));
	if (group->stored)
		return SP_FAIL(env->diag, SP_ERR_STATE, 0, "proposals of this epoch must be committed before application data is sent");
	show_sent(staged, group, send);
	return send_now(env, group, staged, send);
}

enum sp_err sp_mls_group_protect(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged **out, struct sp_bytes data,
				 struct sp_bytes authenticated_data, size_t padding)
{
	struct sp_mls_call call;
	*out = NULL;
	SP_TRY(sp__mls_call_open(&call, &env));
	const struct sp_mls_send send = {.wire_format = SP_MLS_WIRE_PRIVATE_MESSAGE,
					 .type = SP_MLS_CONTENT_APPLICATION,
					 .body = data,
					 .authenticated_data = authenticated_data,
					 .padding = padding};
	struct sp_mls_staged *staged = NULL;
	enum sp_err e = sp__mls_staged_new(&staged, SP_MLS_STAGED_SENT, group, group->serial);
	if (e == SP_OK)
		e = protect(env, group, staged, &send);
	return sp__mls_staged_finish(out, &staged, e);
}

/* -- proposals ---------------------------------------------------------------------------------------------------------------- */

struct proposing {
	struct sp_buf leaf, proposal;
	uint8_t nonce[SP_HASH_MAX];
	struct sp_kem_public pub;
	struct sp_secret priv;
	struct sp_mls_propose what;
};

static enum sp_err make_update_leaf(const struct sp_mls_env *env, const struct sp_mls_group *group, struct proposing *p)
{
	uint32_t own = group->core.keys.leaf;
	SP_TRY(sp_kem_generate(group->view.suite.hpke.kem, env->rng, &p->priv, &p->pub));
	const struct sp_mls_leaf_make make = {.suite = &group->view.suite,
					      .params = p->what.leaf,
					      .like = sp__mls_view_leaf(&group->view, own),
					      .signer = p->what.new_signer ? p->what.new_signer : env->signer,
					      .encryption_key = sp_kem_public_bytes(&p->pub),
					      .source = SP_MLS_LEAF_UPDATE,
					      .group_id = group->view.context.group_id,
					      .leaf_index = own};
	return sp__mls_leaf_node_make(env, &p->leaf, &make);
}

static enum sp_err propose(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged *staged, struct proposing *p,
			   struct sp_mls_send *send)
{
	SP_TRY(check_ready(env, group));
	if (p->what.type == SP_MLS_PROPOSAL_UPDATE)
		SP_TRY(make_update_leaf(env, group, p));
	if (p->what.type == SP_MLS_PROPOSAL_PSK) {
		SP_TRY(sp_rng_fill(env->rng, p->nonce, group->view.suite.nh));
		p->what.psk.nonce = (struct sp_bytes){p->nonce, group->view.suite.nh};
	}
	SP_TRY(sp__mls_prop_encode(&p->proposal, &p->what, sp_buf_bytes(&p->leaf), env->diag));
	send->body = sp_buf_bytes(&p->proposal);
	show_sent(staged, group, send);
	SP_TRY(send_now(env, group, staged, send));
	staged->store->update_priv = p->priv;
	return sp__mls_rows_stored(&staged->rows, staged->store);
}

enum sp_err sp_mls_group_propose(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged **out,
				 const struct sp_mls_propose *proposal, struct sp_bytes authenticated_data, enum sp_mls_wire_format wire_format)
{
	struct sp_mls_call call;
	*out = NULL;
	SP_TRY(sp__mls_call_open(&call, &env));
	struct sp_mls_send send = {.wire_format = wire_format, .type = SP_MLS_CONTENT_PROPOSAL, .authenticated_data = authenticated_data};
	struct proposing p = {.what = *proposal};
	struct sp_mls_staged *staged = NULL;
	sp_buf_init(&p.leaf, SP_LIMIT_MLS_VECTOR);
	sp_buf_init(&p.proposal, SP_LIMIT_MLS_VECTOR);
	enum sp_err e = sp__mls_staged_new(&staged, SP_MLS_STAGED_PROPOSAL, group, group->serial);
	if (e == SP_OK)
		e = propose(env, group, staged, &p, &send);
	sp_buf_clear(&p.leaf);
	sp_buf_clear(&p.proposal);
	sp_secret_clear(&p.priv);
	return sp__mls_staged_finish(out, &staged, e);
}
