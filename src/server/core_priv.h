/* SPDX-License-Identifier: Apache-2.0
 *
 * The machinery of server: what moves requests and items between threads. Handlers need server_priv.h only.
 */
#ifndef SP_SERVER_CORE_PRIV_H
#define SP_SERVER_CORE_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "codec/codec.h"
#include "pki/pki.h"
#include "server/server_priv.h"
#include "server/table_priv.h"
#include "wire/response.h"
#include "wire/session.h"
#include "wire/types.h"

/* -- events of the log: X(NAME, text). A line: time, text, fields. ------------------------------------------------------ */

#define SP_SERVER_EVENTS(X)                                                                                            \
	X(START, "start")         /* the front runs */                                                                 \
	X(STOP, "stop")           /* it was told to end */                                                             \
	X(OPEN, "open")           /* a connection: from, kind */                                                       \
	X(LOGIN, "login")         /* hello: from, account, device, client */                                           \
	X(CLOSE, "close")         /* from, kind, account, how, seconds, in, out */                                     \
	X(REFUSED, "refused")     /* a handshake that failed: from, why */                                             \
	X(MALFORMED, "malformed") /* a frame that is not what its type says: from, type, why */                        \
	X(ENROLLED, "enrolled")   /* from, account, address, device */                                                 \
	X(RENEWED, "renewed")     /* account, device */                                                                \
	X(INVITED, "invited")     /* account */                                                                        \
	X(DENIED, "denied")       /* enrolment, renewal or invitation refused: from, what, why */                      \
	X(ACCOUNT, "account")     /* its flags changed: account, flags */                                              \
	X(CRL, "crl")             /* a newer one: number */                                                            \
	X(CERTIFICATE, "certificate") /* our own was renewed */                                                        \
	X(KEEPER, "keeper")       /* trouble with the keeper: why */                                                   \
	X(FATAL, "fatal")         /* the process ends: why */

enum sp__event {
#define X(name, text) SP__EVENT_##name,
	SP_SERVER_EVENTS(X)
#undef X
};

/* One field of a line; the value is escaped: printable ASCII without space, quote and backslash stays, the rest is \xNN (N09). */
struct sp__field {
	const char *name;
	struct sp_bytes value;
};
struct sp__evlog {
	int fd;
	pthread_mutex_t lock;
};
void sp__evlog_init(struct sp__evlog *log, int fd);
void sp__evlog_clear(struct sp__evlog *log);
void sp__evlog_write(struct sp__evlog *log, enum sp__event event, const struct sp__field *fields, size_t n);
#define SP__LOG(server, event, ...)                                                                                    \
	sp__evlog_write(&(server)->evlog, (event), (const struct sp__field[]){__VA_ARGS__},                            \
			sizeof((const struct sp__field[]){__VA_ARGS__}) / sizeof(struct sp__field))
/* Field values. */
struct sp__hex {
	char text[33];
};
struct sp__hex sp__hex_of(const struct sp_id16 *id);
struct sp__number {
	char text[24];
};
struct sp__number sp__number_of(uint64_t v);
#define SP__F_STR(name, str) {(name), sp_bytes_str(str)}
#define SP__F_ID(name, id) {(name), sp_bytes_str(sp__hex_of(id).text)}
#define SP__F_NUM(name, v) {(name), sp_bytes_str(sp__number_of(v).text)}
#define SP__F_ERR(name, e) {(name), sp_bytes_str(sp_err_text(e))}

/* -- sessions: one a connection, on its reactor --------------------------------------------------------------------------- */

struct sp__subscription;
struct sp_server_session {
	struct sp_server *server;
	struct sp_net_conn *conn;
	struct sp__shard *shard;
	struct sp_pki_serial serial;
	struct sp_server_who who;
	struct sp__subscription *subs;
	size_t sub_n, behind, reads; /* subscriptions; those not live; catch-up reads on their way */
	size_t in_flight, in_flight_bytes, in_flight_slow;
	int64_t credit;        /* bytes of items events that may still be sent */
	int64_t allowance;     /* thousandths of a mutation */
	int64_t allowance_ms;  /* when it was last refilled */
	int64_t opened_ms;
	uint64_t frames;
	uint8_t phase;         /* SP_SERVER_ANON, _NEW, _DEVICE */
	bool is_counted;       /* in the table of accounts online */
	enum sp_wire_closing_reason reason;
};

/* What the net's verify leaves for on_open. */
struct sp__peer {
	struct sp_server_who who;
	struct sp_pki_serial serial;
};

/* net's callbacks (session.c) */
void sp__session_calls(struct sp_net_server_calls *out);
void sp__session_event(struct sp_server_session *s, uint8_t type, struct sp_bytes body);
void sp__session_closing(struct sp_server_session *s, enum sp_wire_closing_reason reason);

/* -- dispatch.c -------------------------------------------------------------------------------------------------------------- */

void sp__dispatch_init(struct sp_server *server);
enum sp_err sp__dispatch_frame(struct sp_server_session *s, const struct sp_frame *frame) SP_MUST_USE;
uint32_t sp__dispatch_frame_max(const void *user, uint8_t kind, uint8_t type);
/* A request that was not taken: its header is enough to answer it. */
enum sp_err sp__dispatch_refuse(struct sp_server_session *s, const struct sp_frame *frame, enum sp_err why) SP_MUST_USE;
/* Any thread but the writer's: what judge returned, and where the request goes next (the writer, or its reactor). */
void sp__request_judged(struct sp_server_request *req, enum sp_err err);
/* The result stands: back to the reactor. */
void sp__request_finish(struct sp_server_request *req);
/* Reactor: answers and frees. */
void sp__request_answer(struct sp_server_request *req, struct sp_net_reactor *reactor);
void sp__request_free(struct sp_server_request *req);
/* What lane POOL, ROOM and KEEPER threads do with a request. */
void sp__request_run(struct sp_server_request *req);

/* -- pool.c: threads that may block; requests of one room one at a time --------------------------------------------------------- */

struct sp__job {
	struct sp__job *next;
	void (*run)(struct sp__job *job);
};
struct sp__pool;
enum sp_err sp__pool_new(struct sp__pool **out, unsigned threads) SP_MUST_USE;
void sp__pool_stop(struct sp__pool *pool);  /* runs what is queued first, ends the threads; rooms can still be released */
void sp__pool_free(struct sp__pool **pool);
void sp__pool_job(struct sp__pool *pool, struct sp__job *job);
void sp__pool_request(struct sp__pool *pool, struct sp_server_request *req);
void sp__pool_room_request(struct sp__pool *pool, struct sp_server_request *req);
void sp__pool_room_release(struct sp__pool *pool, const struct sp_id16 *room);

/* -- writer.c ------------------------------------------------------------------------------------------------------------------ */

struct sp__writer;
enum sp_err sp__writer_new(struct sp__writer **out, struct sp_server *server) SP_MUST_USE;
void sp__writer_stop(struct sp__writer **writer); /* writes what is queued first */
void sp__writer_put(struct sp__writer *writer, struct sp_server_request *req);
struct sp__writer_stats {
	uint64_t batches, operations, refused, largest;
	uint64_t queued; /* now */
};
void sp__writer_stats(struct sp__writer *writer, struct sp__writer_stats *out);

/* -- delivery.c: from a batch to the subscribers -------------------------------------------------------------------------------- */

/* What one batch brings to all reactors; shared by them, the last one frees it. */
struct sp__delivery;
struct sp__delivery *sp__delivery_new(unsigned reactors, size_t items, size_t bytes); /* as many as there may be; NULL: out of memory */
enum sp_err sp__delivery_add(struct sp__delivery *d, const struct sp_store_log *log, const struct sp_store_item *item) SP_MUST_USE;
enum sp_err sp__delivery_remove(struct sp__delivery *d, const struct sp_store_log *log, const struct sp_id16 *account) SP_MUST_USE;
bool sp__delivery_is_empty(const struct sp__delivery *d);
void sp__delivery_unref(struct sp__delivery *d);
/* Reactor: every subscriber of these logs in the shard. */
void sp__delivery_run(struct sp__delivery *d, struct sp__shard *shard);

struct sp__shard { /* what one reactor knows of logs */
	struct sp_server *server;
	unsigned index;
	struct sp__table logs; /* struct sp__log_entry */
};
enum sp_err sp__shard_init(struct sp__shard *shard, struct sp_server *server, unsigned index) SP_MUST_USE;
void sp__shard_clear(struct sp__shard *shard);
enum sp_err sp__subscribe(struct sp_server_session *s, const struct sp_store_log *log, uint64_t from) SP_MUST_USE;
void sp__unsubscribe(struct sp_server_session *s, const struct sp_store_log *log);
void sp__unsubscribe_all(struct sp_server_session *s);
/* Credit came or the socket drained: those who lag go on. */
void sp__subscriptions_resume(struct sp_server_session *s);

/* -- roster.c: who is in which room, cached; who is online ------------------------------------------------------------------------ */

struct sp__roster;
enum sp_err sp__roster_new(struct sp__roster **out, struct sp_store *store) SP_MUST_USE;
void sp__roster_free(struct sp__roster **roster);
struct sp__online;
enum sp_err sp__online_new(struct sp__online **out) SP_MUST_USE;
void sp__online_free(struct sp__online **online);
enum sp_err sp__online_add(struct sp__online *online, const struct sp_id16 *account) SP_MUST_USE; /* TOO_MANY */
void sp__online_remove(struct sp__online *online, const struct sp_id16 *account);

/* -- keeper_client.c ----------------------------------------------------------------------------------------------------------------- */

struct sp__keeper;
enum sp_err sp__keeper_new(struct sp__keeper **out, struct sp_server *server) SP_MUST_USE;
/* Asks and waits; before sp__keeper_start on the main thread, afterwards on the keeper's own (lane KEEPER). The answer's body is put in place of
 * what out has. SP_ERR_IO: the keeper is gone or does not answer, and the process ends. */
enum sp_err sp__keeper_ask(struct sp__keeper *keeper, uint8_t type, struct sp_bytes body, struct sp_buf *out) SP_MUST_USE;
enum sp_err sp__keeper_start(struct sp__keeper *keeper) SP_MUST_USE;
void sp__keeper_request(struct sp__keeper *keeper, struct sp_server_request *req);
void sp__keeper_stop(struct sp__keeper **keeper);

/* -- identity.c: our certificate, the trust in others', the CRL ------------------------------------------------------------------------- */

enum sp_err sp__identity_load(struct sp_server *server) SP_MUST_USE;          /* root and issuing from the folder */
/* From the keeper's answers; on its thread, or on the main one before that runs. */
enum sp_err sp__identity_crl_refresh(struct sp_server *server) SP_MUST_USE;   /* asks the keeper */
enum sp_err sp__identity_renew(struct sp_server *server) SP_MUST_USE;         /* a new key and its certificate */
enum sp_err sp__identity_renew_when_due(struct sp_server *server) SP_MUST_USE;
enum sp_err sp__identity_accounts_refresh(struct sp_server *server) SP_MUST_USE;
void sp__identity_clear(struct sp_server *server);
/* Copies the newest CRL pair. */
enum sp_err sp__identity_crl_copy(struct sp_server *server, struct sp_buf *out) SP_MUST_USE;
/* net's verify */
enum sp_err sp__identity_verify(void *ctx, const struct sp_bytes *chain, size_t n, void **out_peer) SP_MUST_USE;

struct sp__identity {
	struct sp_buf root, issuing, crl;
	struct sp_hash32 fingerprint;
	struct sp_pki_trust *trust;
	struct sp_sign_key *key; /* TLS */
	struct sp_time renew_at;
	uint64_t accounts_version;
	pthread_mutex_t lock; /* guards crl and trust */
	_Atomic uint64_t crl_number;
};

/* housekeeping.c: the keeper's thread, with each refresh */
enum sp_err sp__housekeep(struct sp_server *server) SP_MUST_USE;

/* -- metrics.c ---------------------------------------------------------------------------------------------------------------------------- */

struct sp__metrics;
enum sp_err sp__metrics_new(struct sp__metrics **out, struct sp_server *server) SP_MUST_USE;
void sp__metrics_free(struct sp__metrics **metrics);

/* -- the whole ------------------------------------------------------------------------------------------------------------------------------ */

struct sp__counts {
	_Atomic uint64_t requests, errors, malformed, items_published, items_pushed, catch_ups, in_flight, logins;
};

struct sp_server {
	struct sp_server_config config;
	struct sp__evlog evlog;
	struct sp__identity identity;
	struct sp__counts counts;
	struct sp_store *store;
	struct sp_net_server *net;
	struct sp_server_rooms *rooms;
	struct sp__pool *pool;
	struct sp__writer *writer;
	struct sp__roster *roster;
	struct sp__online *online;
	struct sp__keeper *keeper;
	struct sp__metrics *metrics;
	struct sp__shard *shards; /* one a reactor */
	const struct sp_server_handler *handlers[256];
	unsigned reactors;
	struct sp_time started;
	_Atomic uint64_t directory_version;
	_Atomic bool is_stopping;
	_Atomic int fatal; /* enum sp_err; the first stays */
	int fatal_fd;      /* eventfd that wakes the main thread */
};
struct sp_time sp__now(void);
/* Something that may not be retried: the process ends. Any thread. */
void sp__server_fatal(struct sp_server *server, enum sp_err err);
/* Runs call on every session of every reactor, later, on their threads. `arg` is copied. */
typedef void sp__session_fn(struct sp_server_session *s, const void *arg);
void sp__sessions_each(struct sp_server *server, sp__session_fn *call, const void *arg, size_t arg_n);

#endif
