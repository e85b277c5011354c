/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of server: what a request is, which thread does what with it, and how an item reaches its readers.
 *
 * A request's way, by its handler's lane:
 *
 *   reactor   frame -> decode by the message's wire layout; an error closes the connection: the frame was malformed
 *   lane      judge: REACTOR there and then · POOL a pool thread · ROOM a pool thread, one at a time for a room, in order of arrival ·
 *             KEEPER the keeper's thread. It may read the store. It writes the answer, or fills req->op and sets req->has_op
 *   writer    all operations queued go to the store in one batch, one sync
 *   writer    done: only after the sync and only when the operation succeeded; writes the answer, publishes items
 *   reactor   the answer and the items of the whole batch arrive together and leave in one write for each connection
 *
 * An error of judge or of the operation becomes a typed response and changes nothing. A ROOM request keeps its room until done has
 * run (or the error was answered), so a room's public group is never touched by two.
 *
 * Files: session.c, enrol.c, log_read.c (hello to crl, read, subscribe, credit), directory.c, keypkg.c, rooms.c, inbox.c (the rest).
 * Each has one array of handlers, named in dispatch.c.
 */
#ifndef SP_SERVER_PRIV_H
#define SP_SERVER_PRIV_H

#include "net/net.h"
#include "server/server.h"
#include "store/store.h"
#include "wire/layout.h"

struct sp_server;
struct sp_server_request;
struct sp_server_session;

enum sp_server_lane { SP_SERVER_REACTOR, SP_SERVER_POOL, SP_SERVER_ROOM, SP_SERVER_WRITER, SP_SERVER_KEEPER };

/* What a connection must be for a request to be taken, one bit each. */
enum { SP_SERVER_ANON = 1 /* no certificate: a newcomer */, SP_SERVER_NEW = 2 /* certificate, before hello */, SP_SERVER_DEVICE = 4 /* after hello */ };

struct sp_server_handler {
	uint8_t type;
	uint8_t phases;
	enum sp_server_lane lane; /* WRITER: judge runs on the reactor, must not block, and always ends in an operation */
	/* NULL: lane. Else asked on the reactor, once, after decoding: append goes to the writer when all that it needs is at hand. */
	enum sp_server_lane (*lane_of)(const struct sp_server_request *req);
	bool is_mutation;         /* its body begins with uint64 reqno: req->op.stamp and req->op.now are filled before judge */
	bool is_silent;           /* no answer is sent (credit) */
	/* What the body is, as wire describes it: req->decoded is its struct. NULL: the body must be empty. Decoded on the reactor; a body
	 * that is anything else was malformed and closes the connection. */
	const struct sp_wire_layout *(*request)(void);
	enum sp_err (*judge)(struct sp_server_request *req);
	/* NULL: the answer is empty. With req->op.replayed (answered before; perhaps found before judge ran, on a pool thread): only seq,
	 * time and taken of op are there; publish nothing. */
	enum sp_err (*done)(struct sp_server_request *req);
	void (*clear)(struct sp_server_request *req);       /* frees req->state; NULL when there is none. Any thread; runs always */
	void (*room)(const struct sp_server_request *req, struct sp_id16 *out); /* lane ROOM: which room */
	/* Reactor, when the answer says OK, just before it is sent; the connection still stands. For what belongs to a session. An error
	 * becomes the answer. NULL for all but session.c and log_read.c. */
	enum sp_err (*settle)(struct sp_server_request *req, struct sp_server_session *session);
};

/* Who asks; verified. Zero for a newcomer. */
struct sp_server_who {
	struct sp_id16 account;
	struct sp_id16 device;
	bool is_admin;
};

struct sp_server_request {
	struct sp_net_task task;        /* first: the way back to its reactor */
	struct sp_server_request *next; /* in whichever queue it stands */
	struct sp_server *server;
	const struct sp_server_handler *handler;
	struct sp_net_conn_id conn;
	uint32_t id;
	bool closes; /* set by judge: after the answer the connection closes */
	bool has_op;
	bool has_room; /* the machinery's: its room is to be released */
	enum sp_server_lane lane;
	struct sp_server_who who;
	struct sp_net_from from;
	struct sp_time now;   /* when it arrived */
	struct sp_bytes body; /* whole, as received */
	const void *decoded;  /* the struct of handler->request; its bytes borrow from body */
	void *state;         /* the handler's own, from judge to done; freed by its clear */
	struct sp_store_op op;
	enum sp_err err;
	unsigned rule;        /* with SP_ERR_DENIED or an INPUT class error from judging a handshake: the rule's number */
	struct sp_buf answer; /* body of the response after its error field; at most SP_LIMIT_FRAME */
};

/* -- what handlers may use, from judge and done ---------------------------------------------------------------- */

struct sp_store *sp_server_store(struct sp_server *server);
const struct sp_server_config *sp_server_config_get(const struct sp_server *server);

/* Writer's thread only (done): the item goes to every subscriber of its log with this batch. The body is copied. */
SP_MUST_USE enum sp_err sp_server_publish(struct sp_server *server, const struct sp_store_log *log, const struct sp_store_item *item);
/* Any thread: every session is told that the directory moved on. */
void sp_server_publish_directory(struct sp_server *server, uint64_t version);
/* Writer's thread only: this account reads no more of the log, after the items published so far. */
SP_MUST_USE enum sp_err sp_server_unsubscribe(struct sp_server *server, const struct sp_store_log *log, const struct sp_id16 *account);

/* Closes every session of a device or an account (both zero-able: the zero id matches none) with the event `closing`. Any thread. */
void sp_server_drop(struct sp_server *server, const struct sp_id16 *account, const struct sp_id16 *device);

/* The newest CRL's number, for judging commits; any thread. */
uint64_t sp_server_crl_number(struct sp_server *server);
/* Judges a device certificate (leaf, DER) at `at` under the organisation's root and newest CRL. Any thread. SP_ERR_CERTIFICATE, _EXPIRED,
 * _REVOKED. out_account and out_device are those its SAN names. */
SP_MUST_USE enum sp_err sp_server_device_verify(struct sp_server *server, struct sp_bytes leaf, struct sp_time at, struct sp_id16 *out_account,
						struct sp_id16 *out_device);
/* Whether an account has a session now. Any thread. */
bool sp_server_online_is(struct sp_server *server, const struct sp_id16 *account);

/* May this account read and write this log? Rooms: in the roster; inbox: its own. Cached; any thread. rooms.c gives the truth after a
 * handshake with sp_server_roster_change. SP_ERR_DENIED when not. */
SP_MUST_USE enum sp_err sp_server_roster_check(struct sp_server *server, const struct sp_store_log *log, const struct sp_id16 *account);
/* Writer's thread: forgets what is cached of the room's roster. Called by done of room_create and handshake_append. */
void sp_server_roster_forget(struct sp_server *server, const struct sp_id16 *room);

/* -- families of handlers -------------------------------------------------------------------------------------- */

extern const struct sp_server_handler sp__server_session_handlers[];
extern const size_t sp__server_session_handler_count;
extern const struct sp_server_handler sp__server_enrol_handlers[];
extern const size_t sp__server_enrol_handler_count;
extern const struct sp_server_handler sp__server_log_handlers[];
extern const size_t sp__server_log_handler_count;
extern const struct sp_server_handler sp__server_directory_handlers[];
extern const size_t sp__server_directory_handler_count;
extern const struct sp_server_handler sp__server_keypkg_handlers[];
extern const size_t sp__server_keypkg_handler_count;
extern const struct sp_server_handler sp__server_room_handlers[];
extern const size_t sp__server_room_handler_count;
extern const struct sp_server_handler sp__server_inbox_handlers[];
extern const size_t sp__server_inbox_handler_count;

/* rooms.c keeps public groups of rooms in use: made and freed with the server. */
struct sp_server_rooms;
SP_MUST_USE enum sp_err sp__server_rooms_new(struct sp_server_rooms **out, struct sp_server *server);
void sp__server_rooms_free(struct sp_server_rooms **rooms);
struct sp_server_rooms *sp_server_rooms_get(struct sp_server *server);

#endif
