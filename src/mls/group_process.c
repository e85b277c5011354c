/* SPDX-License-Identifier: Apache-2.0
 *
 * A member opens what it receives: RFC 9420 sections 6.2, 6.3, 12.1 and 15.3.
 */
#include "mls/group_priv.h"

#include "base/limits.h"

static void show_content(struct sp_mls_staged *staged, const struct sp_mls_auth_content *auth, const struct sp_mls_leaf_node *from)
{
	struct sp_mls_staged_info *info = &staged->info;
	info->sender = auth->content.sender;
	info->epoch = auth->content.epoch;
	info->wire_format = auth->wire_format;
	info->authenticated_data = auth->content.authenticated_data;
	if (from)
		info->from = sp__mls_leaf_member(from, auth->content.sender.index);
}

/* -- own messages ------------------------------------------------------------------------------------------------------------- */

/* Our pending commit, echoed by the delivery service: known by its hash. Nothing but a commit needs to be hashed. */
static enum sp_err own_commit_is_echoed(const struct sp_mls_group *group, struct sp_bytes message, bool *pending, bool *merged)
{
	struct sp_hash32 hash;
	SP_TRY(sp_sha256(&hash, message));
	*pending = group->pending && sp_hash32_equal(&group->pending->hash, &hash);
	*merged = sp_hash32_equal(&group->core.own_commit, &hash);
	return SP_OK;
}

static bool message_is_commit(const struct sp_mls_message *message)
{
	if (message->wire_format == SP_MLS_WIRE_PUBLIC_MESSAGE)
		return message->public_msg.auth.content.type == SP_MLS_CONTENT_COMMIT;
	return message->wire_format == SP_MLS_WIRE_PRIVATE_MESSAGE && message->private_msg.type == SP_MLS_CONTENT_COMMIT;
}

static void show_own(struct sp_mls_staged *staged, const struct sp_mls_group *group, const struct sp_mls_auth_content *auth)
{
	show_content(staged, auth, sp__mls_view_leaf(&group->view, group->core.keys.leaf));
	staged->info.kind = SP_MLS_STAGED_OWN;
	staged->info.is_own = true;
}

/* -- handshakes ------------------------------------------------------------------------------------------------------------------ */

static bool sender_is_own(const struct sp_mls_group *group, const struct sp_mls_auth_content *auth)
{
	return auth->content.sender.type == SP_MLS_SENDER_MEMBER && auth->content.sender.index == group->core.keys.leaf;
}

/* A verified handshake by our own leaf that is not the pending commit: a proposal of ours that is stored, or something that this state never
 * sent (an older copy of us did): then only resynchronising helps. */
static enum sp_err process_own(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged *staged,
			       const struct sp_mls_auth_content *auth)
{
	struct sp_hash ref;
	if (auth->content.type == SP_MLS_CONTENT_COMMIT)
		return SP_FAIL(env->diag, SP_ERR_OWN, 0, "a commit by our leaf that we do not hold");
	SP_TRY(sp__mls_proposal_ref(&ref, &group->view.suite, auth));
	if (sp__mls_stored_find(group->stored, sp_hash_bytes(&ref)) == NULL)
		return SP_FAIL(env->diag, SP_ERR_OWN, 0, "a proposal by our leaf that we do not hold");
	show_own(staged, group, auth);
	return SP_OK;
}

static enum sp_err process_handshake(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged *staged,
				     const struct sp_mls_auth_content *auth)
{
	SP_TRY(sp__mls_sender_verify(env, &group->view, auth));
	if (sender_is_own(group, auth))
		return process_own(env, group, staged, auth);
	show_content(staged, auth, auth->content.sender.type == SP_MLS_SENDER_MEMBER ? sp__mls_view_leaf(&group->view, auth->content.sender.index) : NULL);
	if (auth->content.type == SP_MLS_CONTENT_COMMIT)
		return sp__mls_commit_process(env, group, staged, auth);
	SP_TRY(sp__mls_proposal_process(env, &group->view, staged, group->stored, auth));
	SP_TRY(sp__mls_rows_stored(&staged->rows, staged->store));
	return staged->step ? sp__mls_secret_step_rows(staged->step, &staged->rows) : SP_OK;
}

static enum sp_err check_membership(const struct sp_mls_env *env, const struct sp_mls_group *group, const struct sp_mls_public_message *message)
{
	struct sp_secret tag = {0};
	if (message->auth.content.sender.type != SP_MLS_SENDER_MEMBER)
		return SP_OK;
	SP_TRY(sp__mls_membership_tag(&tag, &group->view.suite, &group->core.secrets.membership, &message->auth, group->view.context.encoded));
	if (!sp_bytes_ct_equal(sp_secret_bytes(&tag), message->membership_tag))
		return SP_RULE(env->diag, SP_ERR_MAC, 10);
	return SP_OK;
}

static enum sp_err process_public(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged *staged,
				  const struct sp_mls_public_message *message)
{
	const struct sp_mls_content *content = &message->auth.content;
	SP_TRY(sp__mls_sender_check(content, env->diag));
	SP_TRY(sp__mls_epoch_check(env, &group->view, content->group_id, content->epoch));
	if (group->core.state != SP_MLS_GROUP_ACTIVE)
		return SP_FAIL(env->diag, SP_ERR_STATE, 0, "the group is not active");
	SP_TRY(check_membership(env, group, message));
	return process_handshake(env, group, staged, &message->auth);
}

/* -- private messages ----------------------------------------------------------------------------------------------------------------- */

/* The epoch that a private message belongs to: the present one, or one still kept. */
struct epoch_keys {
	const struct sp_secret *sender_data;
	const struct sp_mls_secret_tree *secrets;
	struct sp_bytes context;
	bool is_past;
};

static enum sp_err find_epoch(const struct sp_mls_env *env, const struct sp_mls_group *group, const struct sp_mls_private_message *message,
			      struct epoch_keys *out)
{
	enum sp_err e = sp__mls_epoch_check(env, &group->view, message->group_id, message->epoch);
	if (e == SP_OK) {
		*out = (struct epoch_keys){&group->core.secrets.sender_data, group->secrets, group->view.context.encoded, false};
		if (group->core.state != SP_MLS_GROUP_ACTIVE && message->type != SP_MLS_CONTENT_APPLICATION)
			return SP_FAIL(env->diag, SP_ERR_STATE, 0, "the group is not active");
		return SP_OK;
	}
	if (e != SP_ERR_STALE_EPOCH || message->type != SP_MLS_CONTENT_APPLICATION)
		return e;
	const struct sp_mls_past *past = sp__mls_past_find(group->past, message->epoch);
	if (!past)
		return SP_FAIL(env->diag, SP_ERR_KEY_GONE, 0, "the keys of this epoch are no longer kept");
	*out = (struct epoch_keys){&past->sender_data, past->secrets, past->context.encoded, true};
	return SP_OK;
}

struct opening {
	struct epoch_keys epoch;
	struct sp_mls_sender_data sender;
	struct sp_mls_message_key key;
	struct sp_mls_leaf_node scratch;
	const struct sp_mls_leaf_node *leaf;
	struct sp_mls_auth_content auth;
};

static enum sp_err verify_past(const struct sp_mls_env *env, const struct sp_mls_group *group, const struct opening *o)
{
	struct sp_verify_key *key = NULL;
	enum sp_err e = sp__mls_leaf_key_open(o->leaf, &group->view.suite, &key, env->diag);
	if (e == SP_OK)
		e = sp__mls_content_verify(key, &o->auth, o->epoch.context, env->diag);
	sp_verify_key_free(&key);
	return e;
}

static enum sp_err process_application(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged *staged, const struct opening *o)
{
	if (o->epoch.is_past)
		SP_TRY(verify_past(env, group, o));
	else
		SP_TRY(sp__mls_sender_verify(env, &group->view, &o->auth));
	show_content(staged, &o->auth, o->leaf);
	staged->info.kind = SP_MLS_STAGED_APPLICATION;
	staged->info.data = o->auth.content.body;
	return sp__mls_secret_step_rows(staged->step, &staged->rows);
}

static enum sp_err open_private(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged *staged,
				const struct sp_mls_private_message *message, struct opening *o)
{
	enum sp_mls_ratchet_type type = message->type == SP_MLS_CONTENT_APPLICATION ? SP_MLS_RATCHET_APPLICATION : SP_MLS_RATCHET_HANDSHAKE;
	SP_TRY(find_epoch(env, group, message, &o->epoch));
	SP_TRY(sp__mls_sender_data_open(&o->sender, &group->view.suite, o->epoch.sender_data, message, env->diag));
	SP_TRY(sp__mls_past_leaf(group, message->epoch, o->sender.leaf, &o->scratch, &o->leaf));
	if (!o->leaf)
		return SP_RULE(env->diag, SP_ERR_INVALID, 13);
	staged->info.generation = o->sender.generation;
	if (o->sender.leaf == group->core.keys.leaf) { /* sealed by ourselves: its key was consumed when it was sent */
		o->auth.wire_format = SP_MLS_WIRE_PRIVATE_MESSAGE;
		o->auth.content = (struct sp_mls_content){.epoch = message->epoch, .sender = {SP_MLS_SENDER_MEMBER, o->sender.leaf}};
		show_own(staged, group, &o->auth);
		return message->type == SP_MLS_CONTENT_COMMIT ? SP_FAIL(env->diag, SP_ERR_OWN, 0, "a commit by our leaf that we do not hold") : SP_OK;
	}
	SP_TRY(sp__mls_secret_tree_open(env, &staged->step, &o->key, o->epoch.secrets, type, o->sender.leaf, o->sender.generation));
	staged->step_epoch = message->epoch;
	SP_TRY(sp__mls_private_open(&o->auth, &staged->plain, &staged->framed, &group->view.suite, message, &o->sender, &o->key, env->diag));
	if (message->type == SP_MLS_CONTENT_APPLICATION)
		return process_application(env, group, staged, o);
	return process_handshake(env, group, staged, &o->auth);
}

static enum sp_err process_private(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged *staged,
				   const struct sp_mls_private_message *message)
{
	struct opening o = {0};
	enum sp_err e = open_private(env, group, staged, message, &o);
	sp_secret_clear(&o.key.key);
	return e;
}

/* -- entry ---------------------------------------------------------------------------------------------------------------------------------- */

static enum sp_err process(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged *staged)
{
	struct sp_mls_message message;
	bool pending = false, merged = false;
	SP_TRY(sp__mls_message_read(&message, sp_buf_bytes(&staged->input), env->diag));
	if (message_is_commit(&message))
		SP_TRY(own_commit_is_echoed(group, sp_buf_bytes(&staged->input), &pending, &merged));
	if (pending)
		return sp__mls_stage_merge(env, group, staged);
	if (merged) {
		staged->info.kind = SP_MLS_STAGED_OWN;
		staged->info.is_own = true;
		staged->info.epoch = group->view.context.epoch - 1;
		return SP_OK;
	}
	if (message.wire_format == SP_MLS_WIRE_PUBLIC_MESSAGE)
		return process_public(env, group, staged, &message.public_msg);
	if (message.wire_format == SP_MLS_WIRE_PRIVATE_MESSAGE)
		return process_private(env, group, staged, &message.private_msg);
	return SP_RULE(env->diag, SP_ERR_UNSUPPORTED, 1);
}

enum sp_err sp_mls_group_process(const struct sp_mls_env *env, const struct sp_mls_group *group, struct sp_mls_staged **out, struct sp_bytes message)
{
	struct sp_mls_call call;
	*out = NULL;
	SP_TRY(sp__mls_call_open(&call, &env));
	struct sp_mls_staged *staged = NULL;
	enum sp_err e = sp__mls_staged_new(&staged, SP_MLS_STAGED_OWN, group, group->serial);
	if (e == SP_OK)
		e = sp__mls_staged_take_input(staged, message);
	if (e == SP_OK)
		e = process(env, group, staged);
	return sp__mls_staged_finish(out, &staged, e);
}
