/* SPDX-License-Identifier: Apache-2.0
 *
 * What a group must be before this device joins it: its state, its id, its extensions, its roster. A Welcome is judged by no
 * commit's rules, so it is judged here. ATTACKS M01, M12-M14, M31.
 */
#include "client/client_priv.h"

/* A direct room's two accounts: one of them is ours. */
static bool own_account_is_named(const struct sp_client *c, const struct sp_rules_state *state)
{
	struct sp_rules_role_entry a = sp_rules_role_at(state, 0), b = sp_rules_role_at(state, 1);
	return sp_id16_equal(&a.account, &c->me.account_id) || sp_id16_equal(&b.account, &c->me.account_id);
}

static enum sp_err check_room_id(struct sp_client *c, struct sp_bytes group_id, const struct sp_rules_state *state)
{
	if (state->kind == SP_RULES_DIRECT && !own_account_is_named(c, state))
		return SP_ERR_DENIED;
	return sp_verdict_id_judge(group_id, state, &c->me.organisation, NULL);
}

/* Beside RoomState a context may hold required_capabilities; external senders would be strangers who speak (M01). */
static enum sp_err check_extensions(const struct sp_mls_view *view)
{
	struct sp_mls_extension extension;
	for (size_t i = 0; sp_mls_view_extension_at(&extension, view, i) == SP_OK; i++) {
		if (extension.type != SP_RULES_EXTENSION_ROOM_STATE && extension.type != SP_MLS_EXTENSION_REQUIRED_CAPABILITIES)
			return SP_ERR_DENIED;
	}
	return SP_OK;
}

/* Of a direct room, nobody but the two may be in it already. */
static enum sp_err check_roster(const struct sp_mls_view *view, const struct sp_rules_state *state)
{
	struct sp_mls_member m;
	struct sp_rules_party party;
	for (uint32_t leaf = 0; state->kind == SP_RULES_DIRECT && sp_mls_view_next(&m, view, leaf) == SP_OK; leaf = m.leaf + 1) {
		struct sp_rules_role_entry a = sp_rules_role_at(state, 0), b = sp_rules_role_at(state, 1);
		SP_TRY(sp_verdict_party(&party, &m.credential));
		if (!sp_id16_equal(&party.account, &a.account) && !sp_id16_equal(&party.account, &b.account))
			return SP_ERR_DENIED;
	}
	return SP_OK;
}

enum sp_err sp__admission_check(struct sp_client *c, const struct sp_mls_view *view, struct sp_diag *diag)
{
	struct sp_rules_state state;
	if (sp_mls_view_suite(view) != SP_VERDICT_SUITE) /* M31: never weaker than what rooms are made with */
		return SP_ERR_UNSUPPORTED;
	SP_TRY(sp_verdict_state(&state, view, diag));
	SP_TRY(sp_rules_state_judge(&state, diag));
	SP_TRY(check_room_id(c, sp_mls_view_group_id(view), &state));
	SP_TRY(check_extensions(view));
	return check_roster(view, &state);
}
