/* SPDX-License-Identifier: Apache-2.0
 *
 * See room.h.
 */
#include "room.h"

#include "rules/rules.h"
#include "sealpost/mls.h"

#define SUITE 2u /* P-256, AES-128-GCM */

static enum sp_err accept_credential(void *ctx, const struct sp_mls_credential_check *check)
{
	return SP_OK;
}

struct maker {
	struct sp_rng rng;
	struct sp_signer signer;
	struct sp_mls_validator validator;
	struct sp_mls_env env;
	struct sp_buf chain;
	uint16_t extension;
};

static void maker_init(struct maker *k, struct member *m)
{
	struct sp_bytes certificate = sp_buf_bytes(&m->certificate);

	*k = (struct maker){.rng = sp_rng_system(), .signer = sp_sign_key_signer(m->key), .extension = SP_RULES_EXTENSION_ROOM_STATE};
	k->validator.check = accept_credential;
	k->env = (struct sp_mls_env){.size = sizeof k->env, .rng = &k->rng, .now = world_now(), .signer = &k->signer, .validator = &k->validator};
	sp_buf_init(&k->chain, 1 << 16);
	MUST(sp_mls_credential_chain(&k->chain, &certificate, 1));
}

static struct sp_mls_leaf_params leaf_of(const struct maker *k)
{
	return (struct sp_mls_leaf_params){
		.size = sizeof(struct sp_mls_leaf_params),
		.credential = {.type = SP_MLS_CREDENTIAL_X509, .data = sp_buf_bytes(&k->chain)},
		.extension_types = {&k->extension, 1},
	};
}

static void encode_state(struct sp_buf *out, const struct member *creator)
{
	struct sp_rules_state state = {.mode = SP_RULES_PRIVATE, .kind = SP_RULES_ROOM, .join = SP_RULES_INVITATION};
	struct sp_rules_role_entry role = {creator->account_id, SP_RULES_ADMIN};

	MUST(sp_rules_state_encode(out, &state, &role, 1));
}

static void make_group(struct sp_mls_group **out, struct maker *k, const struct member *creator, const struct sp_id16 *id)
{
	struct sp_mls_group_params params = {.size = sizeof params, .suite = SUITE, .group_id = sp_id16_bytes(id), .leaf = leaf_of(k)};
	struct sp_mls_extension extension = {.type = SP_RULES_EXTENSION_ROOM_STATE};
	struct sp_buf state;

	sp_buf_init(&state, 4096);
	encode_state(&state, creator);
	extension.data = sp_buf_bytes(&state);
	params.extensions = (struct sp_mls_extensions){&extension, 1};
	MUST(sp_mls_group_new(&k->env, out, &params));
	sp_buf_clear(&state);
}

static void publish_room(struct line *l, struct maker *k, struct sp_mls_group *group, const struct sp_id16 *id)
{
	struct sp_mls_group_info_params params = {.size = sizeof params};
	struct sp_wire_room_create_request request = {.reqno = ++l->member->reqno, .room_id = *id};
	struct sp_buf info, tree;

	sp_buf_init(&info, SP_LIMIT_HANDSHAKE);
	sp_buf_init(&tree, SP_LIMIT_HANDSHAKE);
	MUST(sp_mls_group_info_export(&k->env, group, &info, &params));
	MUST(sp_mls_view_ratchet_tree(sp_mls_group_view(group), &tree));
	request.group_info = sp_buf_bytes(&info);
	request.ratchet_tree = sp_buf_bytes(&tree);
	MUST(line_do(l, SP_WIRE_ROOM_CREATE, sp_wire_room_create_request_layout(), &request, NULL, NULL));
	sp_buf_clear(&info);
	sp_buf_clear(&tree);
}

/* -- adding -------------------------------------------------------------------------------------------------------- */

static void make_key_package(struct sp_buf *out, struct member *m)
{
	struct sp_mls_key_package_params params = {.size = sizeof params, .suite = SUITE};
	struct sp_buf ref, secret;
	struct maker k;

	maker_init(&k, m);
	params.leaf = leaf_of(&k);
	sp_buf_init(&ref, 64);
	sp_buf_init(&secret, 1 << 16);
	sp_buf_init(out, 1 << 16);
	MUST(sp_mls_key_package_new(&k.env, out, &ref, &secret, &params));
	sp_buf_clear(&ref);
	sp_buf_clear(&secret);
	sp_buf_clear(&k.chain);
}

static void send_commit(struct line *l, struct room *room, const struct sp_mls_staged_info *info)
{
	struct sp_wire_handshake_append_request request = {
		.reqno = ++l->member->reqno,
		.room_id = room->id,
		.epoch = room->epoch,
		.commit = info->message,
		.group_info = info->group_info,
		.welcome = info->welcome,
	};

	MUST(line_do(l, SP_WIRE_HANDSHAKE_APPEND, sp_wire_handshake_append_request_layout(), &request, NULL, NULL));
	room->epoch++;
}

static void add_others(struct line *l, struct maker *k, struct sp_mls_group *group, struct room *room, struct member *const *others, size_t n)
{
	struct sp_buf *packages = sp_alloc_array(n, sizeof *packages), context;
	struct sp_mls_propose *adds = sp_alloc_array(n, sizeof *adds);
	struct sp_mls_commit_params params = {.size = sizeof params, .wire_format = SP_MLS_WIRE_PUBLIC_MESSAGE, .with_group_info = true};
	struct sp_wire_hello_response hello;
	struct sp_mls_staged *staged;
	struct sp_writer w;
	struct line other;

	for (size_t i = 0; i < n; i++) {
		make_key_package(&packages[i], others[i]);
		adds[i] = (struct sp_mls_propose){.type = SP_MLS_PROPOSAL_ADD, .key_package = sp_buf_bytes(&packages[i])};
	}
	line_login(&other, l->member, &hello); /* for the CRL's number */
	line_close(&other);
	sp_buf_init(&context, 64);
	w = sp_writer_on(&context);
	sp_write_u16(&w, 1);
	sp_write_u64(&w, hello.crl_number);
	MUST(sp_writer_finish(&w));
	params.proposals = adds;
	params.n_proposals = n;
	params.authenticated_data = sp_buf_bytes(&context);
	MUST(sp_mls_group_commit(&k->env, group, &staged, &params));
	send_commit(l, room, sp_mls_staged_info(staged));
	sp_mls_staged_free(&staged);
	for (size_t i = 0; i < n; i++)
		sp_buf_clear(&packages[i]);
	sp_buf_clear(&context);
	sp_free(packages);
	sp_free(adds);
}

void room_make(struct room *room, struct line *l, struct member *const *others, size_t n)
{
	struct sp_rng rng = sp_rng_system();
	struct sp_mls_group *group;
	struct maker k;

	*room = (struct room){.epoch = 0};
	MUST(sp_rng_fill(&rng, room->id.b, sizeof room->id.b));
	room->id.b[0] &= (uint8_t)~SP_RULES_ID_DERIVED;
	maker_init(&k, l->member);
	make_group(&group, &k, l->member, &room->id);
	publish_room(l, &k, group, &room->id);
	if (n > 0)
		add_others(l, &k, group, room, others, n);
	sp_mls_group_free(&group);
	sp_buf_clear(&k.chain);
}

/* -- messages ---------------------------------------------------------------------------------------------------------- */

/* struct { ProtocolVersion version = mls10; WireFormat = mls_private_message; opaque group_id<V>; uint64 epoch; ContentType content_type;
 * opaque authenticated_data<V>; opaque encrypted_sender_data<V>; opaque ciphertext<V>; }  RFC 9420 sections 6 and 6.3 */
static void write_private_message(struct sp_writer *w, const struct room *room, size_t size)
{
	static const uint8_t noise[SP_LIMIT_CONTENT];

	sp_write_u16(w, 1);
	sp_write_u16(w, SP_MLS_WIRE_PRIVATE_MESSAGE);
	sp_write_vec(w, sp_id16_bytes(&room->id));
	sp_write_u64(w, room->epoch);
	sp_write_u8(w, SP_MLS_CONTENT_APPLICATION);
	sp_write_vec(w, SP_BYTES_NONE);
	sp_write_vec(w, (struct sp_bytes){noise, 28});
	sp_write_vec(w, (struct sp_bytes){noise, size});
}

void room_message(struct sp_buf *out, const struct room *room, size_t size)
{
	struct sp_writer w;
	size_t mark;

	sp_buf_init(out, SP_LIMIT_FRAME);
	w = sp_writer_on(out);
	sp_write_u64(&w, 0);
	sp_write_fixed(&w, sp_id16_bytes(&room->id));
	sp_write_u64(&w, room->epoch);
	mark = sp_write_open(&w);
	write_private_message(&w, room, size);
	sp_write_close(&w, mark);
	MUST(sp_writer_finish(&w));
}

void reqno_write(struct sp_buf *body, uint64_t reqno)
{
	for (size_t i = 0; i < 8; i++)
		body->p[i] = (uint8_t)(reqno >> (56 - 8 * i));
}
