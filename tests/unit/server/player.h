/* SPDX-License-Identifier: Apache-2.0
 *
 * A member of the world who speaks MLS: for the tests of rooms. It trusts everybody: what is tested is the server's judgement.
 */
#ifndef TEST_SERVER_PLAYER_H
#define TEST_SERVER_PLAYER_H

#include "mls/mls.h"
#include "rules/rules.h"
#include "verdict/verdict.h"
#include "world.h"

enum { PLAYER_PACKAGES = 16 };

struct player_package {
	struct sp_buf message, ref, secret;
};
struct player {
	struct member member;
	struct line line;
	struct sp_rng rng;
	struct sp_signer signer;
	struct sp_mls_env env;
	struct sp_buf chain; /* the credential's content */
	struct player_package packages[PLAYER_PACKAGES];
	size_t package_n;
	struct sp_mls_group *group;
};

void player_join(struct player *p, struct world *w, const char *name); /* the organisation; logged in */
void player_clear(struct player *p);
void player_relogin(struct player *p);

/* Makes one and keeps its private part. */
struct player_package *player_package(struct player *p, bool last_resort, int64_t lifetime_s);
/* Publishes these. */
enum sp_err player_publish(struct player *p, const struct player_package *const *packages, size_t n, const struct player_package *last_resort,
			   uint32_t *out_count) SP_MUST_USE;
/* Takes the account's packages and gives the first's bytes, appended to out; nothing when there is none. */
enum sp_err player_take(struct player *p, const struct sp_id16 *account, struct sp_buf *out, size_t *out_n) SP_MUST_USE;

/* A room of kind ROOM with the player as admin and `readers` as readers. */
enum sp_err player_room(struct player *p, const struct sp_id16 *id, enum sp_rules_join join, const struct sp_id16 *readers, size_t n) SP_MUST_USE;

/* What a commit brings; cleared by the caller. */
struct player_commit {
	struct sp_buf message, group_info, welcome;
	uint64_t epoch;
};
/* Stages a commit as pending in the group. context false: without CommitContext. */
void player_commit(struct player *p, struct player_commit *out, const struct sp_mls_propose *proposals, size_t n, bool context);
void player_commit_clear(struct player_commit *c);
enum sp_err player_handshake(struct player *p, const struct player_commit *c, struct sp_wire_appended *out) SP_MUST_USE;
/* The pending commit stands. */
void player_merge(struct player *p);
void player_discard(struct player *p);

/* Opens the newest Welcome of the inbox with the tree from the server; gives the item. */
void player_welcomed(struct player *p, struct sp_wire_welcome_item *out);
enum sp_err player_say(struct player *p, const char *text, struct sp_wire_appended *out) SP_MUST_USE;
enum sp_err player_append(struct player *p, uint64_t epoch, struct sp_bytes body, struct sp_wire_appended *out) SP_MUST_USE;
enum sp_err player_read(struct player *p, uint8_t log_kind, const struct sp_id16 *id, uint64_t from, struct sp_wire_read_response *out) SP_MUST_USE;
/* Reads the room's item and lets the group process it; application data is compared. */
void player_follow(struct player *p, uint64_t seq, const char *text);
struct sp_id16 player_room_id(const struct player *p);

#endif
