/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of net's server side: who owns what, on which thread.
 *
 *   listener (handshake thread)   the listening socket, connections whose handshake runs
 *   reactor (its own thread)      its connections, from the handshake's end to the close
 *   shared                        source table, TLS context, counters: each behind its own lock or atomic
 */
#ifndef SP_NET_PRIV_H
#define SP_NET_PRIV_H

#include <openssl/ssl.h>
#include <stdatomic.h>
#include <errno.h>
#include <sys/socket.h>
#include <uv.h>

#include "net/frames_priv.h"
#include "net/net.h"
#include "net/source_priv.h"

#define SP__NET_SCRATCH (64u << 10)     /* what one read brings at most; one buffer a reactor */
#define SP__NET_READS 16u               /* reads from one connection before the others have their turn */
#define SP__NET_TURN_BYTES (512u << 10) /* written to one connection before the others have their turn */
#define SP__NET_RECORD 16384u           /* RFC 8446 section 5.1 */
#define SP__NET_LINGER_MS 2000          /* from our close_notify to the peer's end of stream */
#define SP__NET_STALL_MS 30000          /* the kernel takes no byte for so long: the peer does not read */
#define SP__NET_SPARES 1024u             /* out-buffers kept for the next connection that writes: a fan-out uses many at once */
#define SP__NET_SPARE_CAP (4u << 10)

/* -- counters ---------------------------------------------------------------------------------------------------- */

struct sp__net_counts {
	_Atomic uint64_t accepted, refused, limited, open, frames_in, frames_out, bytes_in, bytes_out, writes;
};

/* -- a connection on its reactor ----------------------------------------------------------------------------------- */

enum sp__conn_state {
	SP__CONN_OPEN,
	SP__CONN_FLUSHING, /* what is queued leaves, then close_notify */
	SP__CONN_LINGERING, /* close_notify has left; waiting for the peer's end, so that it can still read our last bytes */
	SP__CONN_GONE      /* handle is closing */
};

/* Bytes waiting for the kernel: from head to n of p. */
struct sp__out {
	uint8_t *p;
	size_t head, n, cap;
};

struct sp_net_conn {
	uv_poll_t poll;
	struct sp_net_reactor *reactor;
	SSL *ssl;
	int fd;
	uint64_t id;
	void *user;
	struct sp_net_conn *next_dirty, *next_more;
	struct sp__frames in;
	struct sp__out out;
	uint64_t heard_ms;   /* last whole frame, or the beginning */
	uint64_t part_ms;    /* first byte of an unfinished frame; 0: none */
	uint64_t stuck_ms;   /* since when the kernel takes nothing; 0: it does */
	uint64_t closing_ms; /* since when we are closing */
	enum sp_err why;
	enum sp__conn_state state;
	int events;          /* polled for */
	unsigned idle_ms;    /* silence allowed; 0: any */
	bool is_doomed; /* to be cut at the end of this turn */
	bool is_paused, is_dirty, is_more, is_high, is_told, is_close_noted;
	struct sp_net_from from;
};

struct sp__slot {
	struct sp_net_conn *conn;
	uint32_t generation;
	uint32_t next_free; /* slot + 1; 0 ends the list */
};

struct sp_net_reactor {
	struct sp_net_server *server;
	unsigned index;
	uv_thread_t thread;
	uv_loop_t loop;
	uv_async_t wake;
	uv_prepare_t turn; /* before the loop blocks: what was queued is written */
	uv_idle_t again;   /* active while a connection has unread bytes in memory: poll would not tell */
	uv_timer_t tick;   /* deadlines, once a second */
	struct sp__slot *slots;
	size_t slot_cap, slot_n;
	uint32_t free_first, free_last; /* slot + 1; first in, first out: generations last longest */
	struct sp_net_conn *dirty, *more;
	uint8_t *spares[SP__NET_SPARES];
	size_t spare_n;
	uint64_t drain_until; /* stopping: when to give up; 0 otherwise */
	bool is_stopping;
	uv_mutex_t lock; /* guards the three below */
	struct sp_net_task *task_first, *task_last;
	bool is_shut;
	uint8_t scratch[SP__NET_SCRATCH];
};

enum sp_err sp__reactor_start(struct sp_net_reactor *r, struct sp_net_server *server, unsigned index) SP_MUST_USE;
void sp__reactor_stop(struct sp_net_reactor *r, unsigned drain_ms); /* posts the order; join waits */
void sp__reactor_join(struct sp_net_reactor *r);
void sp__reactor_free(struct sp_net_reactor *r); /* late: other threads may still post, and are refused */
void sp__reactor_mark_dirty(struct sp_net_reactor *r, struct sp_net_conn *conn);
void sp__reactor_mark_more(struct sp_net_reactor *r, struct sp_net_conn *conn);
/* Gives it a slot and an id; SP_ERR_TOO_MANY. forget takes them back (also when it never had one). */
enum sp_err sp__reactor_adopt(struct sp_net_reactor *r, struct sp_net_conn *conn) SP_MUST_USE;
void sp__reactor_forget(struct sp_net_reactor *r, struct sp_net_conn *conn);

/* A finished handshake on its way to a reactor. Owns all it holds. */
struct sp__arrival {
	struct sp_net_task task;
	struct sp_net_server *server;
	SSL *ssl;
	int fd;
	void *peer;
	struct sp_net_from from;
};
void sp__arrival_free(struct sp__arrival *a);
void sp__arrival_run(struct sp_net_task *task, struct sp_net_reactor *r);

void sp__conn_read(struct sp_net_conn *conn);
void sp__conn_flush(struct sp_net_conn *conn);
void sp__conn_tick(struct sp_net_conn *conn, uint64_t now_ms);
/* At once, without a goodbye. */
void sp__conn_cut(struct sp_net_conn *conn, enum sp_err why);

/* -- the listener ---------------------------------------------------------------------------------------------------- */

struct sp__handshake;
struct sp__listener {
	struct sp_net_server *server;
	uv_thread_t thread;
	uv_loop_t loop;
	uv_poll_t poll;
	uv_async_t stop;
	uv_timer_t tick;   /* deadlines of handshakes */
	uv_timer_t resume; /* after descriptors ran out */
	int fd;
	unsigned next_reactor;
	unsigned pending;
	struct sp__handshake *first; /* oldest */
	struct sp__handshake *last;
	bool is_running, is_stopping;
};
enum sp_err sp__listener_open(struct sp__listener *l, struct sp_net_server *server) SP_MUST_USE;
enum sp_err sp__listener_start(struct sp__listener *l) SP_MUST_USE;
void sp__listener_stop(struct sp__listener *l); /* waits */

/* -- the server ------------------------------------------------------------------------------------------------------- */

struct sp_net_server {
	struct sp_net_server_config config;
	struct sp__net_counts counts;
	struct sp__sources sources;
	struct sp__listener listener;
	struct sp_net_from address;
	uv_mutex_t tls_lock; /* guards tls */
	SSL_CTX *tls;
	struct sp_net_reactor *reactors[SP_NET_REACTORS_MAX];
	unsigned started; /* reactors that run or ran */
	bool is_stopped;
};

/* -- tls.c ------------------------------------------------------------------------------------------------------------- */

/* A context for one side: TLS 1.3 only, our suites, groups and signature algorithms, no tickets, no early data. */
enum sp_err sp__tls_context_new(SSL_CTX **out, bool is_server) SP_MUST_USE;
/* Chain (leaf first) and key into a context. */
enum sp_err sp__tls_identity(SSL_CTX *ctx, const struct sp_bytes *chain, size_t n, struct sp_sign_key *key) SP_MUST_USE;
/* A server's context: requires ALPN, asks for a certificate and has it judged by server->config.calls.verify. */
enum sp_err sp__tls_server_context(SSL_CTX **out, struct sp_net_server *server) SP_MUST_USE;
/* What the verify callback leaves behind on an SSL in its handshake. */
struct sp__tls_judged {
	void *peer;
	enum sp_err err; /* why the certificate was refused */
};
void sp__tls_judged_attach(SSL *ssl, struct sp__tls_judged *judged);
/* The chain in an X509_STORE_CTX, leaf first, as DER. At most SP__TLS_CHAIN_MAX; free with sp__tls_chain_clear. */
#define SP__TLS_CHAIN_MAX 4
struct sp__tls_chain {
	struct sp_bytes der[SP__TLS_CHAIN_MAX];
	size_t n;
};
enum sp_err sp__tls_chain_of(struct sp__tls_chain *out, X509_STORE_CTX *store) SP_MUST_USE;
void sp__tls_chain_clear(struct sp__tls_chain *chain);
/* The X509_V_ERR_... that makes OpenSSL send the alert for err. */
int sp__tls_verdict(enum sp_err err);
/* After a failed SSL_read, SSL_write or SSL_do_handshake: AGAIN (out_events says for what: UV_READABLE or UV_WRITABLE), CLOSED, CUT, or
 * what the peer did wrong. Drains OpenSSL's queue. */
enum sp_err sp__tls_error(SSL *ssl, int ret, int *out_events);

/* -- address.c ----------------------------------------------------------------------------------------------------------- */

void sp__from_sockaddr(struct sp_net_from *out, const struct sockaddr_storage *sa);
/* A bound, listening, non-blocking socket. */
enum sp_err sp__listen(int *out_fd, const char *listen) SP_MUST_USE;
/* A write to a peer that is gone gives an error, not a signal. */
void sp__sigpipe_ignore(void);
/* TCP_NODELAY, keepalive within SP_NET_GONE_MS, TCP_USER_TIMEOUT, not inherited. */
void sp__socket_tune(int fd);

#endif
