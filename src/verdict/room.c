/* SPDX-License-Identifier: Apache-2.0
 *
 * A room as its group context says it is: its state, its id, and whether it may be made so.
 */
#include "verdict/verdict_priv.h"

#define RULE(diag, e, NAME) SP_FAIL(diag, e, SP_RULE_##NAME, sp_rule_text(SP_RULE_##NAME))

enum sp_err sp_verdict_state(struct sp_rules_state *out, const struct sp_mls_view *view, struct sp_diag *diag)
{
	struct sp_bytes data;
	*out = (struct sp_rules_state){0};
	if (sp_mls_view_extension(&data, view, SP_RULES_EXTENSION_ROOM_STATE) != SP_OK || sp_rules_state_decode(out, data) != SP_OK)
		return RULE(diag, SP_ERR_INVALID, STATE_FORMAT);
	return SP_OK;
}

/* external_senders would let somebody outside propose (M01); others mean nothing to us, so nobody may rely on them. */
static bool extension_is_known(uint16_t type)
{
	return type == SP_RULES_EXTENSION_ROOM_STATE || type == SP_MLS_EXTENSION_REQUIRED_CAPABILITIES;
}

struct sp_bytes sp__verdict_extensions_state(const struct sp_mls_extensions *extensions)
{
	for (size_t i = 0; i < extensions->n; i++)
		if (extensions->list[i].type == SP_RULES_EXTENSION_ROOM_STATE)
			return extensions->list[i].data;
	return SP_BYTES_NONE;
}

bool sp__verdict_extensions_has_foreign(const struct sp_mls_extensions *extensions)
{
	for (size_t i = 0; i < extensions->n; i++)
		if (!extension_is_known(extensions->list[i].type))
			return true;
	return false;
}

enum sp_err sp_verdict_leaf_of(struct sp_mls_member *out, const struct sp_mls_view *view, const struct sp_rules_party *party)
{
	struct sp_mls_member member;
	for (uint32_t leaf = 0; sp_mls_view_next(&member, view, leaf) == SP_OK; leaf = member.leaf + 1) {
		struct sp_rules_party found;
		SP_TRY(sp_verdict_party(&found, &member.credential));
		if (sp_rules_party_equal(&found, party)) {
			*out = member;
			return SP_OK;
		}
	}
	*out = (struct sp_mls_member){0};
	return SP_ERR_NOT_FOUND;
}

/* -- ids ------------------------------------------------------------------------------------------------------- */

static enum sp_err id_hash(struct sp_id16 *out, struct sp_buf *input)
{
	struct sp_hash32 hash;
	SP_TRY(sp_sha256(&hash, sp_buf_bytes(input)));
	sp_copy(out->b, hash.b, sizeof out->b);
	out->b[0] |= SP_RULES_ID_DERIVED;
	return SP_OK;
}

enum sp_err sp_verdict_room_id(struct sp_id16 *out, const struct sp_rng *rng)
{
	SP_TRY(sp_rng_fill(rng, out->b, sizeof out->b));
	out->b[0] &= (uint8_t)~SP_RULES_ID_DERIVED;
	return SP_OK;
}

enum sp_err sp_verdict_direct_id(struct sp_id16 *out, enum sp_rules_mode mode, const struct sp_id16 *a, const struct sp_id16 *b)
{
	struct sp_buf input;
	*out = (struct sp_id16){{0}};
	sp_buf_init(&input, 256);
	enum sp_err err = sp_rules_direct_id_input(&input, mode, a, b);
	if (err == SP_OK)
		err = id_hash(out, &input);
	sp_buf_clear(&input);
	return err;
}

enum sp_err sp_verdict_everyone_id(struct sp_id16 *out, const struct sp_hash32 *organisation)
{
	struct sp_buf input;
	*out = (struct sp_id16){{0}};
	sp_buf_init(&input, 256);
	enum sp_err err = sp_rules_everyone_id_input(&input, organisation);
	if (err == SP_OK)
		err = id_hash(out, &input);
	sp_buf_clear(&input);
	return err;
}

/* A direct room has the id of its two accounts and no other, so that there is one; the same with everyone. An ordinary room's id must
 * not look like one of those: whoever made it first would keep two others from talking. */
enum sp_err sp_verdict_id_judge(struct sp_bytes id, const struct sp_rules_state *state, const struct sp_hash32 *organisation, struct sp_diag *diag)
{
	struct sp_id16 want;
	if (id.n != sizeof want.b)
		return RULE(diag, SP_ERR_INVALID, STATE_ID);
	if (state->kind == SP_RULES_ROOM)
		return id.p[0] & SP_RULES_ID_DERIVED ? RULE(diag, SP_ERR_DENIED, STATE_ID) : SP_OK;
	if (state->kind == SP_RULES_DIRECT) {
		struct sp_rules_role_entry a = sp_rules_role_at(state, 0), b = sp_rules_role_at(state, 1);
		SP_TRY(sp_verdict_direct_id(&want, state->mode, &a.account, &b.account));
	} else {
		SP_TRY(sp_verdict_everyone_id(&want, organisation));
	}
	return sp_bytes_equal(id, sp_id16_bytes(&want)) ? SP_OK : RULE(diag, SP_ERR_DENIED, STATE_ID);
}

/* -- creation -------------------------------------------------------------------------------------------------- */

static enum sp_err context_check(const struct sp_mls_view *view, struct sp_diag *diag)
{
	struct sp_mls_extension extension;
	for (size_t i = 0; sp_mls_view_extension_at(&extension, view, i) == SP_OK; i++)
		if (!extension_is_known(extension.type))
			return RULE(diag, SP_ERR_INVALID, STATE_FORMAT);
	return sp_mls_view_suite(view) == SP_VERDICT_SUITE ? SP_OK : SP_FAIL(diag, SP_ERR_UNSUPPORTED, 0, "rooms use cipher suite 2");
}

/* A tree that came with others in it would make them members of what they never joined. */
static enum sp_err creator_check(const struct sp_mls_view *view, const struct sp_rules_party *creator, struct sp_diag *diag)
{
	struct sp_mls_member member;
	struct sp_rules_party party;
	if (sp_mls_view_epoch(view) != 0 || sp_mls_view_member_count(view) != 1)
		return RULE(diag, SP_ERR_INVALID, STATE_CREATOR);
	SP_TRY(sp_mls_view_next(&member, view, 0));
	SP_TRY(sp_verdict_party(&party, &member.credential));
	return sp_rules_party_equal(&party, creator) ? SP_OK : RULE(diag, SP_ERR_DENIED, STATE_CREATOR);
}

enum sp_err sp_verdict_room_judge(const struct sp_mls_view *view, const struct sp_rules_party *creator, const struct sp_hash32 *organisation,
				  struct sp_diag *diag)
{
	struct sp_rules_state state;
	SP_TRY(context_check(view, diag));
	SP_TRY(creator_check(view, creator, diag));
	SP_TRY(sp_verdict_state(&state, view, diag));
	SP_TRY(sp_rules_create_judge(&state, &creator->account, diag));
	return sp_verdict_id_judge(sp_mls_view_group_id(view), &state, organisation, diag);
}
