/* SPDX-License-Identifier: Apache-2.0
 *
 * net: the door to the network, server side. TLS 1.3 (RFC 8446) connections that carry frames (wire/frame.h).
 * The client's side is net/client.h.
 *
 * Threads. One handshake thread owns the listener: it admits, shakes hands against a deadline and hands a finished
 * connection to one of R reactors, where it stays for life. Every callback names the thread it runs on. A connection is
 * touched on its reactor only; other threads name it by its id and post a task to that reactor. An id is not reused, so a
 * task for a connection that has gone finds nothing.
 *
 * Bounds. Nothing is allocated from a length a peer states before the bytes are there. A frame has a deadline from its first
 * byte, a newcomer one from its last frame; peers that do not read are cut. A source (IPv4 address, IPv6 /64) has an allowance of
 * attempts that failures use up and certificates give back. When handshakes pile up, the oldest makes room for the newest: an honest one is
 * never the oldest for long.
 *
 * Starting a server or connecting a client makes the process ignore SIGPIPE: OpenSSL writes with write(2).
 *
 * Does not check: who may do what. `verify` judges certificates, `on_frame` judges requests; both are the caller's.
 */
#ifndef SP_NET_H
#define SP_NET_H

#include "crypto/crypto.h"
#include "wire/frame.h"

#define SP_NET_ALPN "sealpost/1" /* required of both sides: a TLS endpoint of another protocol is never talked to (ALPACA) */
#define SP_NET_GONE_MS 100000    /* a peer that vanished (no FIN, no RST) is noticed by TCP's own probes within this time */
#define SP_NET_HELLO_MS 15000    /* from the end of the handshake to sp_net_conn_accept */
#define SP_NET_FRAME_MS 30000    /* first to last byte of a frame, plus a second per 64 KiB */
#define SP_NET_HANDSHAKE_MS 10000
#define SP_NET_REACTORS_MAX 64u
#define SP_NET_FROM_MAX 64u

struct sp_net_server;
struct sp_net_reactor;
struct sp_net_conn;

/* Names a connection from any thread: 16 bits reactor, 20 bits slot, 28 bits generation of the slot. 0 names none. */
struct sp_net_conn_id {
	uint64_t v;
};

/* Where a peer connects from: numeric, ours, safe to log. */
struct sp_net_from {
	char text[SP_NET_FROM_MAX]; /* "192.0.2.7:40112", "[2001:db8::1]:40112" */
	uint8_t source[16];         /* what is rated as one: the IPv4 address (mapped), or the IPv6 /64 */
};

/* `ctx` is the config's. Callbacks on a reactor must not block. */
struct sp_net_server_calls {
	/* Handshake thread. The client's certificates as sent, leaf first, DER, borrowed. SP_OK admits the client: *out_peer is the
	 * caller's own record of who it is, given to on_open. Any error refuses the handshake and is logged through on_refused. */
	enum sp_err (*verify)(void *ctx, const struct sp_bytes *chain, size_t n, void **out_peer);
	void (*peer_free)(void *ctx, void *peer); /* any thread; for a peer that on_open did not get */
	/* Handshake thread: a connection that never opened. */
	void (*on_refused)(void *ctx, const struct sp_net_from *from, enum sp_err why);
	/* Reactor. peer is NULL for a client without a certificate; it belongs to the caller from here on. *out_user is handed
	 * back by sp_net_conn_user. An error closes the connection without on_close. */
	enum sp_err (*on_open)(void *ctx, struct sp_net_conn *conn, void *peer, void **out_user);
	/* Reactor. A whole frame; its body is borrowed until return. An error closes the connection and is on_close's `why`. */
	enum sp_err (*on_frame)(void *ctx, struct sp_net_conn *conn, const struct sp_frame *frame);
	/* Reactor. A frame that claims more than frame_max; nothing more is read. The connection closes after what is sent here
	 * has left. */
	void (*on_oversize)(void *ctx, struct sp_net_conn *conn, const struct sp_frame *header_only);
	/* Reactor. What was queued for sending fell below SP_NET_OUT_LOW after having been above SP_NET_OUT_HIGH. */
	void (*on_drain)(void *ctx, struct sp_net_conn *conn);
	/* Reactor. Last call for this connection. SP_ERR_CLOSED: the peer said goodbye (close_notify); SP_ERR_CUT: it did not;
	 * SP_ERR_TIMEOUT: a deadline of ours; SP_OK: we closed it; others: what it did wrong. */
	void (*on_close)(void *ctx, struct sp_net_conn *conn, enum sp_err why);
	/* Reactor. Largest body of a frame this peer may send, by kind and type. */
	uint32_t (*frame_max)(const void *user, uint8_t kind, uint8_t type);
};

#define SP_NET_OUT_HIGH (256u << 10) /* above: the connection lags; stop giving it events, and no frame is read from it */
#define SP_NET_OUT_LOW (64u << 10)
#define SP_NET_OUT_MAX (32u << 20) /* above: cut. Answers alone cannot reach it: reading stops at SP_NET_OUT_HIGH */

struct sp_net_server_config {
	const char *listen; /* "HOST:PORT", "[V6]:PORT"; port 0 takes a free one */
	unsigned reactors;  /* 1..SP_NET_REACTORS_MAX */
	unsigned source_rate;       /* unproven connections a second from one source, sustained; 0: the default 200 */
	unsigned source_burst;      /* and at once; 0: the default 2,000 */
	unsigned handshakes_max;    /* unfinished handshakes at a time; 0: the default 4,096. Above it the oldest makes room */
	struct sp_net_server_calls calls;
	void *ctx;
};

/* The server's certificate chain (leaf, issuing, root: the root is sent so that a newcomer can hold it against a link), DER, and
 * the leaf's key, which is borrowed until the next call or sp_net_server_free. Needed before start; again at each renewal. Any
 * thread. Connections that stand are not touched. */
SP_MUST_USE enum sp_err sp_net_server_identity_set(struct sp_net_server *server, const struct sp_bytes *chain, size_t n, struct sp_sign_key *key);

SP_MUST_USE enum sp_err sp_net_server_new(struct sp_net_server **out, const struct sp_net_server_config *config);
/* Binds, listens, starts the threads. */
SP_MUST_USE enum sp_err sp_net_server_start(struct sp_net_server *server);
/* The address bound, port resolved. */
const struct sp_net_from *sp_net_server_address(const struct sp_net_server *server);
unsigned sp_net_server_reactors(const struct sp_net_server *server);
/* Stops accepting, closes every connection with close_notify after what is queued for it has left (at most drain_ms), calls
 * on_close for each, ends the threads. Tasks posted before are run; later ones are refused. */
void sp_net_server_stop(struct sp_net_server *server, unsigned drain_ms);
void sp_net_server_free(struct sp_net_server **server);

struct sp_net_stats {
	uint64_t accepted, refused, limited; /* connections: seen, failed in the handshake, not admitted for their source's sake */
	uint64_t open;                       /* now, on reactors */
	uint64_t frames_in, frames_out, bytes_in, bytes_out, writes;
};
void sp_net_server_stats(const struct sp_net_server *server, struct sp_net_stats *out);
/* Charges a source for a failed attempt that only the caller can see (a wrong token). Any thread. */
void sp_net_source_charge(struct sp_net_server *server, const struct sp_net_from *from, unsigned attempts);

/* -- tasks: the way onto a reactor -- */

/* Embedded in the caller's structure, which belongs to the reactor until run returns. run may free it. */
struct sp_net_task {
	struct sp_net_task *next;
	void (*run)(struct sp_net_task *task, struct sp_net_reactor *reactor);
};
/* Any thread; in order per posting thread; one wake-up for many. SP_ERR_CLOSED once the server has stopped (task not run). */
SP_MUST_USE enum sp_err sp_net_task_post(struct sp_net_server *server, unsigned reactor, struct sp_net_task *task);
unsigned sp_net_reactor_index(const struct sp_net_reactor *reactor);
/* NULL when it has gone. Its reactor only. */
struct sp_net_conn *sp_net_conn_find(struct sp_net_reactor *reactor, struct sp_net_conn_id id);
static inline unsigned sp_net_conn_id_reactor(struct sp_net_conn_id id)
{
	return (unsigned)(id.v >> 48);
}

/* -- a connection, on its reactor -- */

struct sp_net_conn_id sp_net_conn_id(const struct sp_net_conn *conn);
void *sp_net_conn_user(const struct sp_net_conn *conn);
struct sp_net_reactor *sp_net_conn_reactor(const struct sp_net_conn *conn);
const struct sp_net_from *sp_net_conn_from(const struct sp_net_conn *conn);
/* Ends SP_NET_HELLO_MS: the peer is welcome. From now on it may be silent for idle_ms at a time; 0: as long as TCP finds it alive. */
void sp_net_conn_accept(struct sp_net_conn *conn, unsigned idle_ms);
/* Queues a frame, copied; written with all others of this loop turn. Body in up to two parts. After a failure (SP_ERR_NOMEM,
 * SP_ERR_QUOTA) the connection is cut at the end of the turn; nothing need be done, and on_close never comes from within. */
SP_MUST_USE enum sp_err sp_net_conn_send(struct sp_net_conn *conn, uint8_t kind, uint8_t type, uint32_t id, struct sp_bytes head, struct sp_bytes tail);
/* Bytes queued and not yet taken by the kernel. */
size_t sp_net_conn_queued(const struct sp_net_conn *conn);
/* Stops and resumes reading; for bounding requests in flight. A paused connection does not time out as idle. */
void sp_net_conn_pause(struct sp_net_conn *conn, bool paused);
/* Sends what is queued, then close_notify; on_close comes later with `why`. No frame is delivered after this. */
void sp_net_conn_close(struct sp_net_conn *conn, enum sp_err why);
/* The reactor's connections, for broadcast: called with each; must not close. */
void sp_net_reactor_each(struct sp_net_reactor *reactor, void (*call)(void *ctx, struct sp_net_conn *conn), void *ctx);

#endif
