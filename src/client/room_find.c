/* SPDX-License-Identifier: Apache-2.0
 *
 * Rooms by what a person typed: a name, `everyone`, an id or its beginning, the other person of a direct room.
 */
#include "client/client_priv.h"

void sp__room_title(struct sp_client *c, char out[SP_LIMIT_ADDRESS + 1], const struct sp__room *room)
{
	if (room->kind == SP_RULES_DIRECT)
		sp__account_address(c, out, &room->other);
	else if (room->kind == SP_RULES_EVERYONE)
		sp__text_set(out, SP_LIMIT_ADDRESS + 1, SP_BYTES_LIT("everyone"));
	else
		sp__text_set(out, SP_LIMIT_ADDRESS + 1, sp_bytes_str(room->name));
}

/* A better kind of match wins over a lesser; among equals, a room we are in over one we left. */
enum rank { RANK_NONE, RANK_PREFIX, RANK_LEFT, RANK_NAME, RANK_ID };

struct search {
	const char *text;
	struct sp_id16 person;
	bool has_person;
	enum rank best;
	size_t found;
	struct sp_id16 *out;
};

static bool has_name(const struct search *s, const struct sp_wire_record_room *room)
{
	bool is_everyone = strcmp(s->text, "everyone") == 0; /* nobody's room may take that name from it */
	if (is_everyone || room->kind == SP_RULES_EVERYONE)
		return is_everyone && room->kind == SP_RULES_EVERYONE;
	if (room->kind == SP_RULES_DIRECT)
		return s->has_person && sp_id16_equal(&room->other, &s->person);
	return sp_bytes_equal(room->name, sp_bytes_str(s->text));
}

static enum rank rank_of(const struct search *s, const struct sp_wire_record_room *room)
{
	char id[SP_CLIENT_ID_TEXT];
	sp__id_text(id, &room->room_id);
	if (strcmp(id, s->text) == 0)
		return RANK_ID;
	if (has_name(s, room))
		return room->status == SP__ROOM_LEFT ? RANK_LEFT : RANK_NAME;
	return sp__id_has_prefix(&room->room_id, s->text) ? RANK_PREFIX : RANK_NONE;
}

static enum sp_err match(void *ctx, const struct sp_wire_record_room *room)
{
	struct search *s = ctx;
	enum rank rank = rank_of(s, room);
	if (rank == RANK_NONE || rank < s->best)
		return SP_OK;
	s->found = rank > s->best ? 1 : s->found + 1;
	s->best = rank;
	*s->out = room->room_id;
	return SP_OK;
}

enum sp_err sp__room_find(struct sp_client *c, struct sp_id16 *out, const char *text)
{
	struct search s = {.text = text, .out = out};
	s.has_person = sp__account_find(c, &s.person, text) == SP_OK;
	SP_TRY(sp__room_each(c, match, &s));
	if (s.found == 0)
		return SP_FAIL(&c->diag, SP_ERR_NOT_FOUND, 0, "no person or room has this name or id");
	return s.found == 1 ? SP_OK : SP_FAIL(&c->diag, SP_ERR_AMBIGUOUS, 0, "more than one room has this name; use its id");
}
