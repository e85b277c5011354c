/* SPDX-License-Identifier: Apache-2.0
 *
 * The operator's door to a running keeper: admin.sock in its folder, 0600, one order a connection, one packet each way.
 *
 * struct { uint8 verb; uint8 admin; uint64 expires_ms; opaque name<V>; } Order;
 * struct { uint16 error; opaque token<V>; } Answer;           -- error: those of wire/errors.h
 *
 * A path in sockaddr_un has 107 bytes; so both ends step into the folder and use the bare name.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "keeper/keeper_priv.h"
#include "wire/errors.h"

#define PACKET_MAX 512u
#define PATIENCE_S 5

static const struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "admin.sock"};

static void set_patience(int fd)
{
	struct timeval tv = {.tv_sec = PATIENCE_S};
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
}

enum sp_err sp__keeper_admin_listen(int *out_fd, int dir_fd)
{
	*out_fd = -1;
	if (fchdir(dir_fd) != 0 || (unlinkat(dir_fd, name.sun_path, 0) != 0 && errno != ENOENT))
		return sp__keeper_errno(errno);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return sp__keeper_errno(errno);
	mode_t before = umask(0177);
	int bound = bind(fd, (const struct sockaddr *)&name, sizeof name);
	umask(before);
	if (bound != 0 || listen(fd, 4) != 0) {
		enum sp_err e = sp__keeper_errno(errno);
		close(fd);
		return e;
	}
	*out_fd = fd;
	return SP_OK;
}

static enum sp_err read_order(struct sp_keeper_order *out, struct sp_bytes in)
{
	struct sp_reader r = sp_reader_of(in);
	uint8_t verb, admin;
	uint64_t expires;
	SP_TRY(sp_read_u8(&r, &verb));
	SP_TRY(sp_read_u8(&r, &admin));
	SP_TRY(sp_read_u64(&r, &expires));
	SP_TRY(sp_read_vec(&r, &out->name, SP_LIMIT_NAME));
	if (verb < SP_KEEPER_INVITE || verb > SP_KEEPER_ENABLE || admin > 1 || expires > INT64_MAX)
		return SP_ERR_INVALID;
	out->verb = (enum sp_keeper_verb)verb;
	out->is_admin = admin;
	out->expires.ms = (int64_t)expires;
	return sp_reader_finish(&r);
}

static enum sp_err write_answer(struct sp_buf *out, enum sp_err e, const uint8_t token[SP_WIRE_KEEPER_TOKEN])
{
	struct sp_writer w = sp_writer_on(out);
	sp_write_u16(&w, (uint16_t)sp_wire_error_of(e));
	sp_write_vec(&w, (struct sp_bytes){token, e == SP_OK ? SP_WIRE_KEEPER_TOKEN : 0});
	return sp_writer_finish(&w);
}

/* The folder's mode keeps others out; this is the second lock on that door. */
static bool peer_is_operator(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof peer;
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 && (peer.uid == 0 || peer.uid == geteuid());
}

static enum sp_err answer_one(struct sp_keeper *k, int fd, struct sp_buf *out, struct sp_time now)
{
	uint8_t packet[PACKET_MAX], token[SP_WIRE_KEEPER_TOKEN] = {0};
	struct sp_keeper_order order = {0};
	ssize_t n = recv(fd, packet, sizeof packet, 0);
	if (n <= 0 || !peer_is_operator(fd))
		return SP_OK;
	enum sp_err e = read_order(&order, (struct sp_bytes){packet, (size_t)n});
	if (e == SP_OK)
		e = sp_keeper_obey(k, token, &order, now);
	if (sp__keeper_err_is_final(e))
		return e;
	SP_TRY(write_answer(out, e, token));
	(void)send(fd, out->p, out->n, MSG_NOSIGNAL); /* done and durable, whether the asker still listens or not */
	return SP_OK;
}

enum sp_err sp__keeper_admin_serve(struct sp_keeper *k, int listen_fd, struct sp_time now)
{
	struct sp_buf out;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return SP_OK;
	set_patience(fd);
	sp_buf_init(&out, PACKET_MAX);
	enum sp_err e = answer_one(k, fd, &out, now);
	sp_buf_clear(&out);
	close(fd);
	return e;
}

/* -- the asking end ------------------------------------------------------------------------------------------------------- */

static enum sp_err write_order(struct sp_buf *out, const struct sp_keeper_order *order)
{
	struct sp_writer w = sp_writer_on(out);
	sp_write_u8(&w, (uint8_t)order->verb);
	sp_write_u8(&w, order->is_admin ? 1 : 0);
	sp_write_u64(&w, (uint64_t)order->expires.ms);
	sp_write_vec(&w, order->name);
	return sp_writer_finish(&w);
}

static enum sp_err read_answer(uint8_t out_token[SP_WIRE_KEEPER_TOKEN], struct sp_bytes in)
{
	struct sp_reader r = sp_reader_of(in);
	uint16_t error;
	struct sp_bytes token;
	SP_TRY(sp_read_u16(&r, &error));
	SP_TRY(sp_read_vec(&r, &token, SP_WIRE_KEEPER_TOKEN));
	SP_TRY(sp_reader_finish(&r));
	if (error != SP_WIRE_ERROR_OK)
		return sp_wire_error_err(error);
	if (token.n != SP_WIRE_KEEPER_TOKEN)
		return SP_ERR_INVALID;
	sp_copy(out_token, token.p, token.n);
	return SP_OK;
}

/* Connects from inside the folder and steps back out. */
static enum sp_err connect_in(int *out_fd, const char *folder)
{
	int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	enum sp_err e = SP_ERR_UNREACHABLE;
	*out_fd = -1;
	if (here >= 0 && fd >= 0 && chdir(folder) == 0) {
		if (connect(fd, (const struct sockaddr *)&name, sizeof name) == 0)
			e = SP_OK;
		if (fchdir(here) != 0)
			e = SP_ERR_IO;
	}
	if (here >= 0)
		close(here);
	if (e == SP_OK)
		*out_fd = fd;
	else if (fd >= 0)
		close(fd);
	return e;
}

static enum sp_err exchange(int fd, uint8_t out_token[SP_WIRE_KEEPER_TOKEN], struct sp_bytes order)
{
	uint8_t packet[PACKET_MAX];
	if (send(fd, order.p, order.n, MSG_NOSIGNAL) != (ssize_t)order.n)
		return SP_ERR_CUT;
	ssize_t n = recv(fd, packet, sizeof packet, 0);
	if (n <= 0)
		return n < 0 && errno == EAGAIN ? SP_ERR_TIMEOUT : SP_ERR_CUT;
	return read_answer(out_token, (struct sp_bytes){packet, (size_t)n});
}

enum sp_err sp_keeper_ask(const char *folder, uint8_t out_token[SP_WIRE_KEEPER_TOKEN], const struct sp_keeper_order *order)
{
	struct sp_buf out;
	int fd;
	memset(out_token, 0, SP_WIRE_KEEPER_TOKEN);
	SP_TRY(connect_in(&fd, folder));
	set_patience(fd);
	sp_buf_init(&out, PACKET_MAX);
	enum sp_err e = write_order(&out, order);
	if (e == SP_OK)
		e = exchange(fd, out_token, sp_buf_bytes(&out));
	sp_buf_clear(&out);
	close(fd);
	return e;
}
