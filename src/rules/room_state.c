/* SPDX-License-Identifier: Apache-2.0
 *
 * RoomState and CommitContext, and what the ids of direct and everyone rooms are made of. docs/protocol.md "Rooms".
 */
#include "rules/rules.h"

#define FORMAT 1u
#define ENTRY_SIZE 17u
#define ROLES_MAX (SP_LIMIT_ROOM_LEAVES * ENTRY_SIZE)

struct sp_rules_role_entry sp_rules_role_at(const struct sp_rules_state *state, size_t i)
{
	const uint8_t *p = state->roles.p + i * ENTRY_SIZE;
	struct sp_rules_role_entry entry = {.role = (enum sp_rules_role)p[16]};
	SP_ASSERT(i < sp_rules_role_count(state));
	sp_copy(entry.account.b, p, sizeof entry.account.b);
	return entry;
}

size_t sp_rules_role_count(const struct sp_rules_state *state)
{
	return state->roles.n / ENTRY_SIZE;
}

static int id_compare(const struct sp_id16 *a, const struct sp_id16 *b)
{
	return sp_bytes_compare(sp_id16_bytes(a), sp_id16_bytes(b));
}

enum sp_rules_role sp_rules_role_of(const struct sp_rules_state *state, const struct sp_id16 *account)
{
	size_t low = 0, high = sp_rules_role_count(state);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct sp_rules_role_entry entry = sp_rules_role_at(state, middle);
		int order = id_compare(&entry.account, account);
		if (order == 0)
			return entry.role;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return SP_RULES_MEMBER;
}

/* Strictly ascending: no account twice, and one encoding for one state. */
static enum sp_err check_roles(const struct sp_rules_state *state)
{
	struct sp_rules_role_entry previous = {0};
	if (state->roles.n % ENTRY_SIZE != 0)
		return SP_ERR_TRUNCATED;
	for (size_t i = 0; i < sp_rules_role_count(state); i++) {
		struct sp_rules_role_entry entry = sp_rules_role_at(state, i);
		if (entry.role < SP_RULES_READER || entry.role > SP_RULES_ADMIN)
			return SP_ERR_INVALID;
		if (i > 0 && id_compare(&previous.account, &entry.account) >= 0)
			return SP_ERR_ENCODING;
		previous = entry;
	}
	return SP_OK;
}

static enum sp_err read_format(struct sp_reader *r)
{
	uint16_t format;
	SP_TRY(sp_read_u16(r, &format));
	if (format == 0)
		return SP_ERR_INVALID;
	return format > FORMAT ? SP_ERR_FORMAT_NEWER : SP_OK;
}

static enum sp_err read_choice(struct sp_reader *r, uint8_t *out, uint8_t highest)
{
	SP_TRY(sp_read_u8(r, out));
	return *out < 1 || *out > highest ? SP_ERR_INVALID : SP_OK;
}

static enum sp_err read_state(struct sp_rules_state *out, struct sp_reader *r)
{
	uint8_t mode, kind, join;
	SP_TRY(read_format(r));
	SP_TRY(read_choice(r, &mode, SP_RULES_RECORD));
	SP_TRY(read_choice(r, &kind, SP_RULES_EVERYONE));
	SP_TRY(read_choice(r, &join, SP_RULES_OPEN));
	SP_TRY(sp_read_vec(r, &out->roles, ROLES_MAX));
	SP_TRY(sp_reader_finish(r));
	out->mode = (enum sp_rules_mode)mode;
	out->kind = (enum sp_rules_kind)kind;
	out->join = (enum sp_rules_join)join;
	return check_roles(out);
}

enum sp_err sp_rules_state_decode(struct sp_rules_state *out, struct sp_bytes in)
{
	struct sp_reader r = sp_reader_of(in);
	*out = (struct sp_rules_state){0};
	enum sp_err e = read_state(out, &r);
	if (e != SP_OK)
		*out = (struct sp_rules_state){0};
	return e;
}

/* The smallest entry above `floor` (NULL: the smallest of all), or NULL. Rooms list few roles; n squared is short. */
static const struct sp_rules_role_entry *next_above(const struct sp_rules_role_entry *roles, size_t n, const struct sp_rules_role_entry *floor)
{
	const struct sp_rules_role_entry *best = NULL;
	for (size_t i = 0; i < n; i++) {
		if (floor && id_compare(&roles[i].account, &floor->account) <= 0)
			continue;
		if (!best || id_compare(&roles[i].account, &best->account) < 0)
			best = &roles[i];
	}
	return best;
}

static size_t write_roles(struct sp_writer *w, const struct sp_rules_role_entry *roles, size_t n)
{
	size_t mark = sp_write_open(w), count = 0;
	for (const struct sp_rules_role_entry *at = next_above(roles, n, NULL); at; at = next_above(roles, n, at)) {
		sp_write_fixed(w, sp_id16_bytes(&at->account));
		sp_write_u8(w, (uint8_t)at->role);
		count++;
	}
	sp_write_close(w, mark);
	return count;
}

enum sp_err sp_rules_state_encode(struct sp_buf *out, const struct sp_rules_state *state, const struct sp_rules_role_entry *roles, size_t n)
{
	struct sp_writer w = sp_writer_on(out);
	sp_write_u16(&w, FORMAT);
	sp_write_u8(&w, (uint8_t)state->mode);
	sp_write_u8(&w, (uint8_t)state->kind);
	sp_write_u8(&w, (uint8_t)state->join);
	if (write_roles(&w, roles, n) != n)
		sp_writer_fail(&w, SP_ERR_USAGE);
	return sp_writer_finish(&w);
}

static enum sp_err read_context(struct sp_rules_context *out, struct sp_reader *r)
{
	SP_TRY(read_format(r));
	SP_TRY(sp_read_u64(r, &out->crl_number));
	return sp_reader_finish(r);
}

enum sp_err sp_rules_context_decode(struct sp_rules_context *out, struct sp_bytes in)
{
	struct sp_reader r = sp_reader_of(in);
	*out = (struct sp_rules_context){0};
	enum sp_err e = read_context(out, &r);
	if (e != SP_OK)
		*out = (struct sp_rules_context){0};
	return e;
}

enum sp_err sp_rules_context_encode(struct sp_buf *out, const struct sp_rules_context *in)
{
	struct sp_writer w = sp_writer_on(out);
	sp_write_u16(&w, FORMAT);
	sp_write_u64(&w, in->crl_number);
	return sp_writer_finish(&w);
}

enum sp_err sp_rules_direct_id_input(struct sp_buf *out, enum sp_rules_mode mode, const struct sp_id16 *a, const struct sp_id16 *b)
{
	bool in_order = id_compare(a, b) <= 0;
	struct sp_writer w = sp_writer_on(out);
	sp_write_fixed(&w, SP_BYTES_LIT("sealpost direct 1"));
	sp_write_u8(&w, (uint8_t)mode);
	sp_write_fixed(&w, sp_id16_bytes(in_order ? a : b));
	sp_write_fixed(&w, sp_id16_bytes(in_order ? b : a));
	return sp_writer_finish(&w);
}

enum sp_err sp_rules_everyone_id_input(struct sp_buf *out, const struct sp_hash32 *organisation)
{
	struct sp_writer w = sp_writer_on(out);
	sp_write_fixed(&w, SP_BYTES_LIT("sealpost everyone 1"));
	sp_write_fixed(&w, sp_hash32_bytes(organisation));
	return sp_writer_finish(&w);
}
