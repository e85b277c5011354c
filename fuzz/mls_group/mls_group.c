/* SPDX-License-Identifier: Apache-2.0
 *
 * The state machine of a group under a lying member: one octet chooses what alice sends (application, proposals, commits, public or private), the
 * rest edits it: struct { uint16 offset; uint8 xor; } edits[]. Edited PublicMessages get their membership tag anew, so that the edit reaches the code
 * behind it. Properties: bob takes it or refuses it; refused, his rows stay as they were; taken and applied, they load again.
 */
#include "mls/group_priv.h"
#include "../fuzz.h"

struct member {
	struct sp_sign_key *key;
	struct sp_signer signer;
	struct sp_mls_env env;
	struct sp_buf kp, ref, priv;
	struct sp_mls_group *group;
};

static enum sp_err accept(void *ctx, const struct sp_mls_credential_check *check)
{
	return SP_OK;
}

static const struct sp_mls_validator validator = {accept, NULL, NULL};

static void member_init(struct member *m, uint8_t seed, const struct sp_rng *rng)
{
	uint8_t raw[32] = {seed};
	FUZZ_CHECK(sp_sign_key_from_private(&m->key, SP_SIG_ED25519, SP_BYTES_OF(raw)) == SP_OK);
	m->signer = sp_sign_key_signer(m->key);
	m->env = (struct sp_mls_env){.size = sizeof m->env, .rng = rng, .now = {1795000000000ll}, .signer = &m->signer, .validator = &validator};
	sp_buf_init(&m->kp, 1u << 16);
	sp_buf_init(&m->ref, 1u << 16);
	sp_buf_init(&m->priv, 1u << 16);
}

static void member_clear(struct member *m)
{
	sp_mls_group_free(&m->group);
	sp_sign_key_free(&m->key);
	sp_buf_clear(&m->kp);
	sp_buf_clear(&m->ref);
	sp_buf_clear(&m->priv);
}

static struct sp_mls_leaf_params leaf_of(void)
{
	return (struct sp_mls_leaf_params){.size = sizeof(struct sp_mls_leaf_params), .credential = {SP_MLS_CREDENTIAL_BASIC, SP_BYTES_LIT("m")}};
}

static enum sp_err find(void *ctx, struct sp_buf *out, struct sp_bytes ref)
{
	return sp_buf_append(out, sp_buf_bytes(&((struct member *)ctx)->priv));
}

static void make_group(struct member *alice, struct member *bob)
{
	const struct sp_mls_group_params params = {.size = sizeof params, .suite = 1, .leaf = leaf_of()};
	const struct sp_mls_key_package_params kp = {.size = sizeof kp, .suite = 1, .leaf = leaf_of()};
	const struct sp_mls_key_package_lookup lookup = {find, bob};
	struct sp_mls_staged *staged = NULL, *merged = NULL;
	struct sp_mls_join *join = NULL;
	FUZZ_CHECK(sp_mls_group_new(&alice->env, &alice->group, &params) == SP_OK);
	FUZZ_CHECK(sp_mls_key_package_new(&bob->env, &bob->kp, &bob->ref, &bob->priv, &kp) == SP_OK);
	const struct sp_mls_propose add = {.type = SP_MLS_PROPOSAL_ADD, .key_package = sp_buf_bytes(&bob->kp)};
	const struct sp_mls_commit_params commit = {
		.size = sizeof commit, .proposals = &add, .n_proposals = 1, .wire_format = SP_MLS_WIRE_PRIVATE_MESSAGE, .welcome_with_tree = true};
	FUZZ_CHECK(sp_mls_group_commit(&alice->env, alice->group, &staged, &commit) == SP_OK);
	const struct sp_mls_join_params joining = {
		.size = sizeof joining, .welcome = sp_mls_staged_info(staged)->welcome, .key_packages = &lookup};
	FUZZ_CHECK(sp_mls_join_open(&bob->env, &join, &joining) == SP_OK);
	bob->group = sp_mls_join_accept(&join);
	FUZZ_CHECK(sp_mls_group_apply(alice->group, &staged) == SP_OK);
	FUZZ_CHECK(sp_mls_group_merge_pending(&alice->env, alice->group, &merged) == SP_OK);
	FUZZ_CHECK(sp_mls_group_apply(alice->group, &merged) == SP_OK);
}

static enum sp_err send(struct member *alice, uint8_t what, struct sp_mls_staged **out)
{
	enum sp_mls_wire_format format = what & 1 ? SP_MLS_WIRE_PRIVATE_MESSAGE : SP_MLS_WIRE_PUBLIC_MESSAGE;
	const struct sp_mls_propose update = {.type = SP_MLS_PROPOSAL_UPDATE};
	const struct sp_mls_propose values[] = {
		{.type = SP_MLS_PROPOSAL_REMOVE, .removed = 1},
		{.type = SP_MLS_PROPOSAL_GROUP_CONTEXT_EXTENSIONS},
		{.type = SP_MLS_PROPOSAL_REINIT, .reinit_suite = 1},
	};
	struct sp_mls_commit_params commit = {.size = sizeof commit, .wire_format = format};
	switch (what >> 1 & 7) {
	case 0:
		return sp_mls_group_protect(&alice->env, alice->group, out, SP_BYTES_LIT("text"), SP_BYTES_LIT("aad"), what >> 4);
	case 1:
		return sp_mls_group_propose(&alice->env, alice->group, out, &update, SP_BYTES_NONE, format);
	case 2:
	case 3:
	case 4:
		return sp_mls_group_propose(&alice->env, alice->group, out, &values[(what >> 1 & 7) - 2], SP_BYTES_NONE, format);
	case 5:
	case 6:
		commit.proposals = &values[(what >> 1 & 7) - 5];
		commit.n_proposals = 1;
		break;
	default:
		break;
	}
	return sp_mls_group_commit(&alice->env, alice->group, out, &commit);
}

static void edit(struct sp_buf *message, const uint8_t *data, size_t size)
{
	for (; size >= 3; data += 3, size -= 3)
		message->p[(size_t)(data[0] << 8 | data[1]) % message->n] ^= data[2];
}

/* What alice can always do: she is a member. */
static void tag_again(const struct sp_mls_group *group, struct sp_buf *message)
{
	struct sp_mls_message m;
	struct sp_secret tag;
	if (sp__mls_message_read(&m, sp_buf_bytes(message), NULL) != SP_OK || m.wire_format != SP_MLS_WIRE_PUBLIC_MESSAGE)
		return;
	FUZZ_CHECK(sp__mls_membership_tag(&tag, &group->view.suite, &group->core.secrets.membership, &m.public_msg.auth, group->view.context.encoded) ==
		   SP_OK);
	if (m.public_msg.membership_tag.n == tag.n)
		sp_copy(message->p + (m.public_msg.membership_tag.p - message->p), tag.b, tag.n);
}

static void same_rows(const struct sp_mls_row_set *a, const struct sp_mls_row_set *b)
{
	struct sp_mls_rows x = sp_mls_row_set_rows(a), y = sp_mls_row_set_rows(b);
	FUZZ_CHECK(x.n == y.n);
	for (size_t i = 0; i < x.n; i++)
		FUZZ_CHECK(sp_bytes_equal(x.list[i].key, y.list[i].key) && sp_bytes_equal(x.list[i].value, y.list[i].value));
}

static void receive(struct member *bob, struct sp_bytes message)
{
	struct sp_mls_row_set *before = NULL, *after = NULL;
	struct sp_mls_staged *staged = NULL;
	struct sp_mls_group *again = NULL;
	FUZZ_CHECK(sp_mls_group_rows(bob->group, &before) == SP_OK);
	enum sp_err e = sp_mls_group_process(&bob->env, bob->group, &staged, message);
	if (e == SP_OK)
		FUZZ_CHECK(sp_mls_group_apply(bob->group, &staged) == SP_OK);
	FUZZ_CHECK(sp_mls_group_rows(bob->group, &after) == SP_OK);
	if (e != SP_OK)
		same_rows(before, after);
	struct sp_mls_rows rows = sp_mls_row_set_rows(after);
	FUZZ_CHECK(sp_mls_group_load(&bob->env, &again, rows.list, rows.n) == SP_OK);
	sp_mls_group_free(&again);
	sp_mls_row_set_free(&before);
	sp_mls_row_set_free(&after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_rng_seeded state;
	struct sp_rng rng = sp_rng_seeded(&state, SP_BYTES_LIT("mls_group"));
	struct member alice = {0}, bob = {0};
	struct sp_mls_staged *staged = NULL;
	struct sp_buf message;
	if (size < 1 || size > 64)
		return 0;
	sp_buf_init(&message, 1u << 20);
	member_init(&alice, 1, &rng);
	member_init(&bob, 2, &rng);
	make_group(&alice, &bob);
	FUZZ_CHECK(send(&alice, data[0], &staged) == SP_OK);
	FUZZ_CHECK(sp_buf_append(&message, sp_mls_staged_info(staged)->message) == SP_OK);
	edit(&message, data + 1, size - 1);
	tag_again(alice.group, &message);
	receive(&bob, sp_buf_bytes(&message));
	sp_mls_staged_free(&staged);
	sp_buf_clear(&message);
	member_clear(&alice);
	member_clear(&bob);
	return 0;
}
