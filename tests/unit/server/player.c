/* SPDX-License-Identifier: Apache-2.0
 *
 * See player.h.
 */
#include "player.h"

#include <string.h>

static const uint16_t extension_types[] = {SP_MLS_EXTENSION_LAST_RESORT, SP_RULES_EXTENSION_ROOM_STATE};

static enum sp_err accept_any(void *ctx, const struct sp_mls_credential_check *check)
{
	return SP_OK;
}

static const struct sp_mls_validator trusting = {.check = accept_any};

static void env_make(struct player *p)
{
	struct sp_bytes der = sp_buf_bytes(&p->member.certificate);

	p->rng = sp_rng_system();
	p->signer = sp_sign_key_signer(p->member.key);
	p->env = (struct sp_mls_env){.size = sizeof p->env, .rng = &p->rng, .now = world_now(), .signer = &p->signer, .validator = &trusting};
	sp_buf_init(&p->chain, SP_LIMIT_CERT + 16);
	MUST(sp_mls_credential_chain(&p->chain, &der, 1));
}

void player_join(struct player *p, struct world *w, const char *name)
{
	*p = (struct player){.package_n = 0};
	member_make(&p->member, w, name);
	member_join(&p->member);
	line_login(&p->line, &p->member, NULL);
	env_make(p);
}

void player_relogin(struct player *p)
{
	line_close(&p->line);
	line_login(&p->line, &p->member, NULL);
}

void player_clear(struct player *p)
{
	for (size_t i = 0; i < p->package_n; i++) {
		sp_buf_clear(&p->packages[i].message);
		sp_buf_clear(&p->packages[i].ref);
		sp_buf_clear(&p->packages[i].secret);
	}
	sp_mls_group_free(&p->group);
	sp_buf_clear(&p->chain);
	line_close(&p->line);
	member_clear(&p->member);
}

static struct sp_mls_leaf_params leaf_of(const struct player *p)
{
	return (struct sp_mls_leaf_params){
		.size = sizeof(struct sp_mls_leaf_params),
		.credential = {SP_MLS_CREDENTIAL_X509, sp_buf_bytes(&p->chain)},
		.extension_types = {extension_types, SP_ARRAY_LEN(extension_types)},
	};
}

/* -- key packages --------------------------------------------------------------------------------------------------- */

struct player_package *player_package(struct player *p, bool last_resort, int64_t lifetime_s)
{
	struct player_package *package = &p->packages[p->package_n++];
	int64_t now = world_now().ms / 1000;
	struct sp_mls_key_package_params params = {
		.size = sizeof params,
		.suite = SP_VERDICT_SUITE,
		.leaf = leaf_of(p),
		.not_before_s = now - 600,
		.not_after_s = now - 600 + lifetime_s,
		.last_resort = last_resort,
	};

	struct sp_mls_limits generous = {.size = sizeof generous, .max_lifetime_s = lifetime_s};
	struct sp_mls_env env = p->env;

	env.limits = &generous; /* also for what the server must refuse */
	SP_ASSERT(p->package_n <= PLAYER_PACKAGES);
	sp_buf_init(&package->message, 1u << 16);
	sp_buf_init(&package->ref, 64);
	sp_buf_init(&package->secret, 1u << 16);
	MUST(sp_mls_key_package_new(&env, &package->message, &package->ref, &package->secret, &params));
	return package;
}

enum sp_err player_publish(struct player *p, const struct player_package *const *packages, size_t n, const struct player_package *last_resort,
			   uint32_t *out_count)
{
	struct sp_buf list;
	struct sp_wire_key_package_publish_response answer = {0};
	enum sp_err err;

	sp_buf_init(&list, SP_LIMIT_FRAME);
	for (size_t i = 0; i < n; i++) {
		struct sp_wire_opaque one = {sp_buf_bytes(&packages[i]->message)};
		MUST(sp_wire_opaque_encode(&list, &one));
	}
	struct sp_wire_key_package_publish_request request = {.reqno = ++p->member.reqno, .key_packages = sp_buf_bytes(&list)};
	if (last_resort)
		request.last_resort = sp_buf_bytes(&last_resort->message);
	err = line_do(&p->line, SP_WIRE_KEY_PACKAGE_PUBLISH, sp_wire_key_package_publish_request_layout(), &request,
		      sp_wire_key_package_publish_response_layout(), &answer);
	if (out_count)
		*out_count = answer.count;
	sp_buf_clear(&list);
	return err;
}

enum sp_err player_take(struct player *p, const struct sp_id16 *account, struct sp_buf *out, size_t *out_n)
{
	struct sp_wire_key_package_take_request request = {.reqno = ++p->member.reqno, .account_ids = sp_id16_bytes(account)};
	struct sp_wire_key_package_take_response answer;
	struct sp_wire_taken_key_package taken;

	*out_n = 0;
	SP_TRY(line_do(&p->line, SP_WIRE_KEY_PACKAGE_TAKE, sp_wire_key_package_take_request_layout(), &request, sp_wire_key_package_take_response_layout(),
		       &answer));
	for (struct sp_reader r = sp_reader_of(answer.taken); !sp_reader_is_empty(&r); (*out_n)++) {
		MUST(sp_wire_taken_key_package_read(&r, &taken));
		if (*out_n == 0)
			MUST(sp_buf_append(out, taken.key_package));
	}
	return SP_OK;
}

/* -- rooms ------------------------------------------------------------------------------------------------------------ */

struct sp_id16 player_room_id(const struct player *p)
{
	struct sp_bytes id = sp_mls_view_group_id(sp_mls_group_view(p->group));
	struct sp_id16 out;

	SP_ASSERT(id.n == sizeof out.b);
	sp_copy(out.b, id.p, sizeof out.b);
	return out;
}

static void state_make(struct player *p, struct sp_buf *out, enum sp_rules_join join, const struct sp_id16 *readers, size_t n)
{
	struct sp_rules_state state = {.mode = SP_RULES_PRIVATE, .kind = SP_RULES_ROOM, .join = join};
	struct sp_rules_role_entry roles[8] = {{p->member.account_id, SP_RULES_ADMIN}};

	for (size_t i = 0; i < n; i++)
		roles[i + 1] = (struct sp_rules_role_entry){readers[i], SP_RULES_READER};
	MUST(sp_rules_state_encode(out, &state, roles, n + 1));
}

static void group_make(struct player *p, const struct sp_id16 *id, struct sp_bytes state)
{
	const struct sp_mls_extension extension = {SP_RULES_EXTENSION_ROOM_STATE, state};
	struct sp_mls_group_params params = {
		.size = sizeof params, .suite = SP_VERDICT_SUITE, .group_id = sp_id16_bytes(id), .leaf = leaf_of(p), .extensions = {&extension, 1}};

	sp_mls_group_free(&p->group);
	MUST(sp_mls_group_new(&p->env, &p->group, &params));
}

enum sp_err player_room(struct player *p, const struct sp_id16 *id, enum sp_rules_join join, const struct sp_id16 *readers, size_t n)
{
	struct sp_buf state, info, tree;
	struct sp_mls_group_info_params params = {.size = sizeof params};
	enum sp_err err;

	sp_buf_init(&state, 1024);
	sp_buf_init(&info, SP_LIMIT_HANDSHAKE);
	sp_buf_init(&tree, SP_LIMIT_HANDSHAKE);
	state_make(p, &state, join, readers, n);
	group_make(p, id, sp_buf_bytes(&state));
	MUST(sp_mls_group_info_export(&p->env, p->group, &info, &params));
	MUST(sp_mls_view_ratchet_tree(sp_mls_group_view(p->group), &tree));
	struct sp_wire_room_create_request request = {
		.reqno = ++p->member.reqno, .room_id = *id, .group_info = sp_buf_bytes(&info), .ratchet_tree = sp_buf_bytes(&tree)};
	err = line_do(&p->line, SP_WIRE_ROOM_CREATE, sp_wire_room_create_request_layout(), &request, NULL, NULL);
	sp_buf_clear(&state);
	sp_buf_clear(&info);
	sp_buf_clear(&tree);
	return err;
}

/* -- commits ------------------------------------------------------------------------------------------------------------ */

static void context_make(struct sp_buf *out)
{
	struct sp_rules_context context = {(uint64_t)world_now().ms / 1000 - 3600};

	MUST(sp_rules_context_encode(out, &context));
}

void player_commit(struct player *p, struct player_commit *out, const struct sp_mls_propose *proposals, size_t n, bool context)
{
	struct sp_mls_staged *staged;
	struct sp_buf data;
	struct sp_mls_commit_params params = {
		.size = sizeof params, .proposals = proposals, .n_proposals = n, .wire_format = SP_MLS_WIRE_PUBLIC_MESSAGE, .with_group_info = true};

	sp_buf_init(&data, 64);
	sp_buf_init(&out->message, SP_LIMIT_HANDSHAKE);
	sp_buf_init(&out->group_info, SP_LIMIT_HANDSHAKE);
	sp_buf_init(&out->welcome, SP_LIMIT_HANDSHAKE);
	if (context)
		context_make(&data);
	params.authenticated_data = sp_buf_bytes(&data);
	out->epoch = sp_mls_view_epoch(sp_mls_group_view(p->group));
	MUST(sp_mls_group_commit(&p->env, p->group, &staged, &params));
	MUST(sp_buf_append(&out->message, sp_mls_staged_info(staged)->message));
	MUST(sp_buf_append(&out->group_info, sp_mls_staged_info(staged)->group_info));
	MUST(sp_buf_append(&out->welcome, sp_mls_staged_info(staged)->welcome));
	MUST(sp_mls_group_apply(p->group, &staged));
	sp_buf_clear(&data);
}

void player_commit_clear(struct player_commit *c)
{
	sp_buf_clear(&c->message);
	sp_buf_clear(&c->group_info);
	sp_buf_clear(&c->welcome);
}

enum sp_err player_handshake(struct player *p, const struct player_commit *c, struct sp_wire_appended *out)
{
	struct sp_wire_appended answer;
	struct sp_wire_handshake_append_request request = {
		.reqno = ++p->member.reqno,
		.room_id = player_room_id(p),
		.epoch = c->epoch,
		.commit = sp_buf_bytes(&c->message),
		.group_info = sp_buf_bytes(&c->group_info),
		.welcome = sp_buf_bytes(&c->welcome),
	};

	return line_do(&p->line, SP_WIRE_HANDSHAKE_APPEND, sp_wire_handshake_append_request_layout(), &request, sp_wire_appended_layout(),
		       out ? out : &answer);
}

void player_merge(struct player *p)
{
	struct sp_mls_staged *staged;

	MUST(sp_mls_group_merge_pending(&p->env, p->group, &staged));
	MUST(sp_mls_group_apply(p->group, &staged));
}

void player_discard(struct player *p)
{
	struct sp_mls_staged *staged;

	MUST(sp_mls_group_discard_pending(&p->env, p->group, &staged));
	MUST(sp_mls_group_apply(p->group, &staged));
}

/* -- joining --------------------------------------------------------------------------------------------------------------- */

static enum sp_err package_find(void *ctx, struct sp_buf *out, struct sp_bytes ref)
{
	struct player *p = ctx;

	for (size_t i = 0; i < p->package_n; i++)
		if (sp_bytes_equal(sp_buf_bytes(&p->packages[i].ref), ref))
			return sp_buf_append(out, sp_buf_bytes(&p->packages[i].secret));
	return SP_ERR_NOT_FOUND;
}

static void tree_get(struct player *p, const struct sp_wire_welcome_item *item, struct sp_buf *out)
{
	struct sp_wire_room_tree_request request = {.room_id = item->room_id, .epoch = item->epoch};
	struct sp_wire_room_tree_response answer;

	MUST(line_do(&p->line, SP_WIRE_ROOM_TREE, sp_wire_room_tree_request_layout(), &request, sp_wire_room_tree_response_layout(), &answer));
	MUST(sp_buf_append(out, answer.ratchet_tree));
}

static void newest_welcome(struct player *p, struct sp_buf *out)
{
	struct sp_wire_read_response read;
	struct sp_wire_item item = {0};

	MUST(player_read(p, SP_WIRE_LOG_INBOX, &p->member.account_id, 1, &read));
	for (struct sp_reader r = sp_reader_of(read.items); !sp_reader_is_empty(&r);)
		MUST(sp_wire_item_read(&r, &item));
	SP_ASSERT(item.kind == SP_WIRE_ITEM_WELCOME);
	MUST(sp_buf_append(out, item.body));
}

void player_welcomed(struct player *p, struct sp_wire_welcome_item *out)
{
	const struct sp_mls_key_package_lookup lookup = {package_find, p};
	struct sp_buf body, tree;
	struct sp_mls_join *join;

	sp_buf_init(&body, SP_LIMIT_FRAME);
	sp_buf_init(&tree, SP_LIMIT_FRAME);
	newest_welcome(p, &body);
	MUST(sp_wire_welcome_item_decode(out, sp_buf_bytes(&body)));
	tree_get(p, out, &tree);
	struct sp_mls_join_params params = {
		.size = sizeof params, .welcome = out->welcome, .ratchet_tree = sp_buf_bytes(&tree), .key_packages = &lookup};
	MUST(sp_mls_join_open(&p->env, &join, &params));
	sp_mls_group_free(&p->group);
	p->group = sp_mls_join_accept(&join);
	out->welcome = SP_BYTES_NONE; /* of the buffer cleared here */
	sp_buf_clear(&body);
	sp_buf_clear(&tree);
}

/* -- talking ------------------------------------------------------------------------------------------------------------------ */

enum sp_err player_append(struct player *p, uint64_t epoch, struct sp_bytes body, struct sp_wire_appended *out)
{
	struct sp_wire_appended answer;
	struct sp_wire_append_request request = {.reqno = ++p->member.reqno, .room_id = player_room_id(p), .epoch = epoch, .body = body};

	return line_do(&p->line, SP_WIRE_APPEND, sp_wire_append_request_layout(), &request, sp_wire_appended_layout(), out ? out : &answer);
}

enum sp_err player_say(struct player *p, const char *text, struct sp_wire_appended *out)
{
	struct sp_mls_staged *staged;
	struct sp_buf message;
	enum sp_err err;

	sp_buf_init(&message, SP_LIMIT_ITEM);
	MUST(sp_mls_group_protect(&p->env, p->group, &staged, sp_bytes_str(text), SP_BYTES_NONE, 0));
	MUST(sp_buf_append(&message, sp_mls_staged_info(staged)->message));
	MUST(sp_mls_group_apply(p->group, &staged));
	err = player_append(p, sp_mls_view_epoch(sp_mls_group_view(p->group)), sp_buf_bytes(&message), out);
	sp_buf_clear(&message);
	return err;
}

enum sp_err player_read(struct player *p, uint8_t log_kind, const struct sp_id16 *id, uint64_t from, struct sp_wire_read_response *out)
{
	struct sp_wire_read_request request = {.log = {log_kind, *id}, .from_seq = from};

	return line_do(&p->line, SP_WIRE_READ, sp_wire_read_request_layout(), &request, sp_wire_read_response_layout(), out);
}

void player_follow(struct player *p, uint64_t seq, const char *text)
{
	struct sp_id16 id = player_room_id(p);
	struct sp_wire_read_response read;
	struct sp_wire_item item;
	struct sp_mls_staged *staged;

	MUST(player_read(p, SP_WIRE_LOG_ROOM, &id, seq, &read));
	struct sp_reader r = sp_reader_of(read.items);
	MUST(sp_wire_item_read(&r, &item));
	SP_ASSERT(item.seq == seq);
	MUST(sp_mls_group_process(&p->env, p->group, &staged, item.body));
	SP_ASSERT((sp_mls_staged_info(staged)->kind == SP_MLS_STAGED_APPLICATION) == (text != NULL));
	if (text)
		SP_ASSERT(sp_bytes_equal(sp_mls_staged_info(staged)->data, sp_bytes_str(text)));
	MUST(sp_mls_group_apply(p->group, &staged));
}
