/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole server in one process: keeper and front on threads, an organisation in a temporary folder, and a small client that speaks wire. For the
 * tests of server and for its bench. Everything that should not fail ends the program when it does.
 */
#ifndef TEST_SERVER_WORLD_H
#define TEST_SERVER_WORLD_H

#include <pthread.h>
#include <stdio.h>

#include "codec/codec.h"
#include "keeper/keeper.h"
#include "net/client.h"
#include "pki/device_list.h"
#include "server/server.h"
#include "wire/directory.h"
#include "wire/enrol.h"
#include "wire/inbox.h"
#include "wire/keypkg.h"
#include "wire/log.h"
#include "wire/response.h"
#include "wire/room.h"
#include "wire/session.h"
#include "wire/types.h"

#define WORLD_ORG "example.org"
#define MUST(expr) must((expr), #expr, __FILE__, __LINE__)
void must(enum sp_err err, const char *what, const char *file, int line);

struct world_options {
	const char *store;   /* "mem:" or "sqlite:"; the latter gets its path in the folder */
	unsigned reactors;
	unsigned account_rate;
	const char *metrics; /* or NULL */
};
struct world {
	struct world_options options;
	char folder[256], front[300], keeper[300], store_url[400], address[128], log_path[320];
	uint16_t port;
	struct sp_hash32 fingerprint;
	int front_stop, keeper_stop, sockets[2];
	struct sp_server_config config;
	struct sp_keeper_run keeper_run;
	pthread_t front_thread, keeper_thread;
	enum sp_err front_result;
};
void world_make(struct world *w, const struct world_options *options); /* the organisation; nothing runs */
void world_start(struct world *w);
void world_stop(struct world *w); /* cleanly; asserts that it was */
void world_remove(struct world *w);
/* The parts of world_start, for a front in another process: config and sockets; the keeper's thread. */
void world_prepare(struct world *w);
void world_start_keeper(struct world *w);
void world_await(struct world *w, int ready_fd); /* reads the address */
struct sp_time world_now(void);

/* A person's device, before and after joining. */
struct member {
	struct world *world;
	struct sp_sign_key *key;
	struct sp_pki_point point;
	struct sp_hash32 spki;
	struct sp_id16 account_id, device_id;
	char name[SP_LIMIT_NAME + 1];
	struct sp_buf csr, list, certificate;
	uint64_t reqno;
};
void member_make(struct member *m, struct world *w, const char *name);
void member_join(struct member *m); /* open registration */
void member_clear(struct member *m);

struct line {
	struct member *member;
	struct sp_net_client *net;
	uint32_t last_id;
	struct sp_buf answer; /* body of the last answer */
	uint16_t detail;
};
/* with_certificate false: a newcomer's. */
void line_open(struct line *l, struct member *m, bool with_certificate);
void line_login(struct line *l, struct member *m, struct sp_wire_hello_response *out); /* open and hello; out may be NULL */
void line_close(struct line *l);
/* Sends a request and waits for its answer; events that come between are dropped. The server's verdict. */
enum sp_err line_call(struct line *l, uint8_t type, struct sp_bytes body) SP_MUST_USE;
enum sp_err line_send(struct line *l, uint8_t type, struct sp_bytes body, uint32_t *out_id) SP_MUST_USE;
enum sp_err line_receive(struct line *l, struct sp_frame *out, unsigned timeout_ms) SP_MUST_USE;
/* The next event of that type; everything else is dropped. */
void line_await(struct line *l, uint8_t type, struct sp_frame *out);

/* -- by layout: encode, call, decode the answer (out may be NULL) -- */
enum sp_err line_do(struct line *l, uint8_t type, const struct sp_wire_layout *request, const void *in, const struct sp_wire_layout *response,
		    void *out) SP_MUST_USE;

/* A number in /metrics, 0 when it is not there. */
uint64_t world_metric(struct world *w, const char *name);

#endif
