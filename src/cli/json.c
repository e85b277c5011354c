/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON shapes that several commands print (PRODUCT "JSON shapes": fields may be added, never renamed), and the words
 * for enums, the same in JSON and in text.
 */
#include "cli/cli_priv.h"

#include "codec/codec.h"

#define HASH_TEXT 80u

const char *sp__cli_mode_name(enum sp_client_mode mode)
{
	return mode == SP_CLIENT_RECORD ? "record" : "private";
}

const char *sp__cli_state_name(enum sp_client_state state)
{
	switch (state) {
	case SP_CLIENT_QUEUED:
		return "queued";
	case SP_CLIENT_STORED:
		return "stored";
	case SP_CLIENT_NEW:
		return "new";
	case SP_CLIENT_OPENED:
		break;
	}
	return "opened";
}

const char *sp__cli_verdict_name(enum sp_client_verdict verdict)
{
	switch (verdict) {
	case SP_CLIENT_VERDICT_OK:
		return "ok";
	case SP_CLIENT_VERDICT_FAILED:
		return "failed";
	case SP_CLIENT_VERDICT_NONE:
		break;
	}
	return "none";
}

static const char *role_name(enum sp_client_role role)
{
	switch (role) {
	case SP_CLIENT_READER:
		return "reader";
	case SP_CLIENT_ADMIN:
		return "admin";
	case SP_CLIENT_MEMBER:
		break;
	}
	return "member";
}

struct sp_time sp__cli_now(void)
{
	struct timespec ts;
	if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
		return (struct sp_time){0};
	return (struct sp_time){(int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000};
}

json_t *sp__cli_json_time(struct sp_time t)
{
	char text[SP_TIME_TEXT_MAX];
	if (t.ms == 0)
		return json_null();
	sp_time_format(text, t);
	return json_string(text);
}

static void hex_of(char out[65], const struct sp_hash32 *h)
{
	for (size_t i = 0; i < sizeof h->b; i++)
		snprintf(out + 2 * i, 3, "%02x", h->b[i]);
}

json_t *sp__cli_json_hash(const struct sp_hash32 *h)
{
	char hex[65];
	hex_of(hex, h);
	return json_string(hex);
}

static void hash_text(char out[HASH_TEXT], const struct sp_hash32 *h)
{
	char hex[65];
	size_t n = 0;
	hex_of(hex, h);
	for (size_t i = 0; i < 64; i++) {
		if (i > 0 && i % 4 == 0)
			out[n++] = ' ';
		out[n++] = hex[i];
	}
	out[n] = '\0';
}

/* Words first: they are what people read to each other. In lines of 9, 9 and 8. */
void sp__cli_print_fingerprint(FILE *to, const char *label, const struct sp_hash32 *h)
{
	char hex[HASH_TEXT];
	struct sp_buf words;
	size_t count = 0;
	sp_buf_init(&words, 512);
	hash_text(hex, h);
	fprintf(to, "%-13s %s\n", label, hex);
	if (sp_words_encode(&words, sp_hash32_bytes(h)) == SP_OK) {
		fprintf(to, "%-13s ", "  in words");
		for (size_t i = 0; i < words.n; i++)
			if (words.p[i] == ' ' && ++count % 9 == 0)
				fprintf(to, "\n%-13s ", "");
			else
				fputc(words.p[i], to);
		fputc('\n', to);
	}
	sp_buf_clear(&words);
}

void sp__cli_print_fingerprint_short(FILE *to, const struct sp_hash32 *h)
{
	struct sp_buf words;
	sp_buf_init(&words, 128);
	if (sp_words_encode_short(&words, sp_hash32_bytes(h)) == SP_OK)
		fprintf(to, "%.*s", (int)words.n, (const char *)words.p);
	sp_buf_clear(&words);
}

json_t *sp__cli_json_message(const struct sp_client_message *m)
{
	return json_pack("{s:s,s:s,s:o,s:s,s:o,s:o,s:o,s:s,s:o,s:s,s:b}", "id", m->id, "room", m->room, "room_name",
			 sp__cli_json_text(sp_bytes_str(m->room_name)), "mode", sp__cli_mode_name(m->mode), "from",
			 sp__cli_json_text(sp_bytes_str(m->from)), "time", sp__cli_json_time(m->time), "sent", sp__cli_json_time(m->sent), "kind",
			 m->kind == SP_CLIENT_NOTICE ? "notice" : "text", "text", sp__cli_json_text(sp_bytes_str(m->text)), "state",
			 sp__cli_state_name(m->state), "mine", (int)m->is_mine);
}

static json_t *member_json(const struct sp_client_room_member *m)
{
	return json_pack("{s:o,s:s,s:s,s:i,s:b}", "account", sp__cli_json_text(sp_bytes_str(m->account)), "account_id", m->account_id, "role",
			 role_name(m->role), "devices", (int)m->devices, "me", (int)m->is_me);
}

json_t *sp__cli_json_room(const struct sp_client_room *room)
{
	json_t *members = json_array();
	for (size_t i = 0; i < room->members_n; i++)
		if (json_array_append_new(members, member_json(&room->members[i])) != 0) {
			json_decref(members);
			return NULL;
		}
	const char *kind = room->is_everyone ? "everyone" : room->is_direct ? "direct" : "room";
	return json_pack("{s:s,s:o,s:s,s:s,s:I,s:b,s:o,s:o}", "id", room->id, "name", sp__cli_json_text(sp_bytes_str(room->name)), "mode",
			 sp__cli_mode_name(room->mode), "kind", kind, "epoch", (json_int_t)room->epoch, "left", (int)room->is_left, "trouble",
			 room->trouble && room->trouble[0] ? sp__cli_json_text(sp_bytes_str(room->trouble)) : json_null(), "members", members);
}
