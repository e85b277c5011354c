/* SPDX-License-Identifier: Apache-2.0
 *
 * What the handlers of rooms, logs, people and key packages share: the judge, the people, the public groups in use.
 */
#ifndef SP_SERVER_ROOMS_PRIV_H
#define SP_SERVER_ROOMS_PRIV_H

#include "server/core_priv.h"
#include "verdict/verdict.h"
#include "wire/log.h"

/* -- judge.c: one request's environment of MLS ----------------------------------------------------------------- */

/* Init it, use j->env, nothing to clear. It does not move. */
struct sp__judge {
	struct sp_server *server;
	struct sp_device_chain chain; /* of the account asked last */
	struct sp_verdict_source source;
	struct sp_verdict verdict;
	struct sp_mls_limits limits;
	struct sp_diag diag;     /* of the verdict: a room's rule */
	struct sp_diag mls_diag; /* MLS's own: it notes who refused, too, so the two are apart */
	struct sp_mls_env env;
};
void sp__judge_init(struct sp__judge *j, struct sp_server *server, struct sp_time at);
/* Is this leaf that of who asks, by its certificate? SP_ERR_DENIED. */
SP_MUST_USE enum sp_err sp__judge_is_whose(const struct sp_mls_credential *credential, const struct sp_server_who *who);
/* What the request is told: the rule's number beside a refusal, and nothing that only we could mend. */
SP_MUST_USE enum sp_err sp__judge_verdict(struct sp_server_request *req, const struct sp__judge *j, enum sp_err err);
SP_MUST_USE enum sp_err sp__answer_appended(struct sp_server_request *req, uint64_t seq);

/* -- people.c: verified device chains, remembered ---------------------------------------------------------------- */

struct sp__people;
enum sp_err sp__people_new(struct sp__people **out, struct sp_store *store) SP_MUST_USE;
void sp__people_free(struct sp__people **people);
/* The account's chain as the store has it now. SP_ERR_NOT_FOUND; SP_ERR_CORRUPT when the store's lists are no chain. */
enum sp_err sp__people_chain(struct sp__people *people, struct sp_device_chain *out, bool *out_disabled, const struct sp_id16 *account) SP_MUST_USE;

/* -- rooms.c: public groups in use --------------------------------------------------------------------------------- */

/* Judged and changed by one request at a time: lane ROOM sees to it. One that is over may still hold it until it is freed. */
struct sp__room {
	struct sp__node node;
	struct sp__room *older, *newer; /* among those that nobody uses */
	unsigned uses;
	bool is_stale; /* no longer in the table */
	struct sp_mls_public_group *group;
	size_t leaves;
	size_t proposals; /* taken since the last commit */
};
enum sp_err sp__room_take(struct sp__room **out, struct sp__judge *j, const struct sp_id16 *id) SP_MUST_USE;
void sp__room_give(struct sp_server *server, struct sp__room **room);
/* Keeps a new room's group, in use as if taken. *group is taken over. */
enum sp_err sp__room_keep(struct sp__room **out, struct sp_server *server, const struct sp_id16 *id, struct sp_mls_public_group **group) SP_MUST_USE;
/* Writer's thread, after the store took it: the staged change is made. */
void sp__room_apply(struct sp_server *server, struct sp__room *room, struct sp_mls_staged **staged);

/* rows of MLS for the store; borrows from them. Free with sp_free. */
enum sp_err sp__rows_of(struct sp_store_row **out, struct sp_mls_rows rows) SP_MUST_USE;

/* Who may write in a room, remembered so that a message need not wait for the room: who is a reader. Any thread.
 * SP_ERR_NOT_FOUND: not remembered; SP_ERR_DENIED with the rule in diag. */
enum sp_err sp__posting_check(struct sp_server *server, const struct sp_id16 *room, const struct sp_id16 *account, struct sp_diag *diag) SP_MUST_USE;
/* Remembers what the view says; forgets when there is no memory for it. */
void sp__posting_set(struct sp_server *server, const struct sp_mls_view *view);

/* -- handlers: room_create.c, room_commit.c, room_append.c, room_read.c -------------------------------------------- */

enum sp_err sp__room_create_judge(struct sp_server_request *req) SP_MUST_USE;
enum sp_err sp__room_create_done(struct sp_server_request *req) SP_MUST_USE;
void sp__room_create_clear(struct sp_server_request *req);
enum sp_err sp__room_commit_judge(struct sp_server_request *req) SP_MUST_USE;
enum sp_err sp__room_commit_done(struct sp_server_request *req) SP_MUST_USE;
void sp__room_commit_clear(struct sp_server_request *req);
enum sp_err sp__room_append_judge(struct sp_server_request *req) SP_MUST_USE;
enum sp_err sp__room_append_done(struct sp_server_request *req) SP_MUST_USE;
void sp__room_append_clear(struct sp_server_request *req);
enum sp_server_lane sp__room_append_lane(const struct sp_server_request *req);
enum sp_err sp__room_list_judge(struct sp_server_request *req) SP_MUST_USE;
enum sp_err sp__room_info_judge(struct sp_server_request *req) SP_MUST_USE;
enum sp_err sp__room_tree_judge(struct sp_server_request *req) SP_MUST_USE;

/* -- take_limit.c: how often one account may take another's key packages (M27) --------------------------------------- */

struct sp__take_limit;
enum sp_err sp__take_limit_new(struct sp__take_limit **out) SP_MUST_USE;
void sp__take_limit_free(struct sp__take_limit **limit);
/* SP_ERR_RATE */
enum sp_err sp__take_limit_spend(struct sp__take_limit *limit, const struct sp_id16 *asker, const struct sp_id16 *asked, struct sp_time now) SP_MUST_USE;

/* -- the whole ------------------------------------------------------------------------------------------------------ */

struct sp__people *sp__rooms_people(struct sp_server *server);
struct sp__take_limit *sp__rooms_take_limit(struct sp_server *server);

#endif
