/* SPDX-License-Identifier: Apache-2.0
 *
 * net, client side: one connection to a server, blocking against deadlines. Every call is from one thread at a time.
 *
 * The server's certificate is judged by pki for the purpose `server`, at the time given, under the root whose SPKI hash is given;
 * the server sends its whole chain, root included. No other trust exists.
 *
 * Does not check: certificate revocation of the server (its certificate lives 7 days).
 */
#ifndef SP_NET_CLIENT_H
#define SP_NET_CLIENT_H

#include "crypto/crypto.h"
#include "wire/frame.h"

struct sp_net_client;

struct sp_net_client_config {
	const char *host; /* name or address */
	uint16_t port;
	struct sp_hash32 root_spki;  /* from the link or the profile: SHA-256 of the root's DER SPKI */
	const char *org;             /* the organisation the certificate must name; NULL when not known yet (joining) */
	struct sp_time now;          /* for X.509 */
	struct sp_bytes certificate; /* this device's, DER; empty: without (joining) */
	struct sp_sign_key *key;     /* its key, borrowed for the life of the connection; NULL when joining */
	unsigned timeout_ms;         /* for resolving is not counted; connecting and the handshake together */
};

/* SP_ERR_UNREACHABLE  no such host, refused, no answer in time, or not a Sealpost server (no ALPN)
 * SP_ERR_FINGERPRINT  the root that the server shows is not the one given
 * SP_ERR_CERTIFICATE, SP_ERR_EXPIRED  its certificate is not good under that root
 * SP_ERR_DENIED       the server refused our certificate in the handshake
 * SP_ERR_CUT, SP_ERR_TIMEOUT  the connection broke or stood still in the handshake */
SP_MUST_USE enum sp_err sp_net_client_connect(struct sp_net_client **out, const struct sp_net_client_config *config);

/* What the server showed, borrowed from the connection: DER. */
struct sp_bytes sp_net_client_root(const struct sp_net_client *client);
struct sp_bytes sp_net_client_issuing(const struct sp_net_client *client);

/* Sends one frame whole. SP_ERR_TIMEOUT leaves the connection unusable (a part may have left): close it. While waiting for the
 * server to take bytes, frames that arrive are kept for receive (up to one frame maximum). */
SP_MUST_USE enum sp_err sp_net_client_send(struct sp_net_client *client, uint8_t kind, uint8_t type, uint32_t id, struct sp_bytes body,
					   unsigned timeout_ms);
/* The next frame; its body is borrowed until the next call on this connection. timeout_ms 0 asks what is there already.
 * SP_ERR_TIMEOUT    none in time; try again
 * SP_ERR_CLOSED     the server said goodbye (close_notify)
 * SP_ERR_CUT        it did not
 * SP_ERR_DENIED     it refused our certificate (TLS 1.3 tells a client so after its handshake)
 * SP_ERR_TOO_LONG, SP_ERR_ENCODING  not a frame; close */
SP_MUST_USE enum sp_err sp_net_client_receive(struct sp_net_client *client, struct sp_frame *out, unsigned timeout_ms);
/* For waiting on several things: poll this descriptor for POLLIN, then receive with timeout_ms 0 until SP_ERR_TIMEOUT. Ask
 * _has_pending first: bytes already taken from the socket do not wake poll. */
int sp_net_client_fd(const struct sp_net_client *client);
bool sp_net_client_has_pending(const struct sp_net_client *client);
/* close_notify, then the end. */
void sp_net_client_free(struct sp_net_client **client);
/* The end without close_notify: after an error, or to test what a cut does. */
void sp_net_client_cut(struct sp_net_client **client);

#endif
