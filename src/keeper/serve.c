/* SPDX-License-Identifier: Apache-2.0
 *
 * The keeper's loop: front's socket, the operator's, the hourly revocation list, the word to stop. One thread, one request
 * at a time; front's next request is read when its last answer has been taken.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "keeper/keeper_priv.h"

#define IN_MAX (SP_LIMIT_FRAME_HEADER + SP_WIRE_KEEPER_REQUEST_MAX)
#define OUT_MAX (2 * (SP_LIMIT_FRAME_HEADER + SP_WIRE_KEEPER_RESPONSE_MAX)) /* an answer and a notice */

struct loop {
	struct sp_keeper *keeper;
	struct sp_keeper_session session;
	int front_fd, stop_fd, admin_fd;
	struct sp_buf in, out;
	size_t sent; /* of out */
	uint64_t told_crl, told_version;
	bool is_done;
};

static struct sp_time clock_now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (struct sp_time){(int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000};
}

/* -- front ------------------------------------------------------------------------------------------------------------------- */

static void drop_front(struct sp_buf *b, size_t n)
{
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}

/* One whole request, if it has arrived. A frame that cannot be right ends the connection, and with it this process. */
static enum sp_err answer_next(struct loop *l, bool *out_any)
{
	struct sp_frame frame;
	*out_any = false;
	enum sp_err e = sp_frame_header_decode(&frame, sp_buf_bytes(&l->in));
	if (e == SP_ERR_TRUNCATED)
		return SP_OK;
	if (e != SP_OK || frame.kind != SP_FRAME_REQUEST || frame.length > SP_WIRE_KEEPER_REQUEST_MAX) {
		sp__keeper_log(l->keeper, "front sent what is not a request; closing");
		l->is_done = true;
		return SP_OK;
	}
	size_t whole = SP_LIMIT_FRAME_HEADER + (size_t)frame.length;
	if (l->in.n < whole)
		return SP_OK;
	frame.body = (struct sp_bytes){l->in.p + SP_LIMIT_FRAME_HEADER, frame.length};
	SP_TRY(sp_keeper_answer(l->keeper, &l->session, &l->out, &frame, clock_now()));
	drop_front(&l->in, whole);
	*out_any = true;
	return SP_OK;
}

static enum sp_err read_front(struct loop *l)
{
	uint8_t chunk[16384];
	ssize_t n = recv(l->front_fd, chunk, SP_MIN(sizeof chunk, IN_MAX - l->in.n), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return SP_OK;
	if (n <= 0) {
		l->is_done = true; /* front is gone */
		return SP_OK;
	}
	return sp_buf_append(&l->in, (struct sp_bytes){chunk, (size_t)n});
}

static void write_front(struct loop *l)
{
	while (l->sent < l->out.n) {
		ssize_t n = send(l->front_fd, l->out.p + l->sent, l->out.n - l->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			l->is_done = true;
			return;
		}
		l->sent += (size_t)n;
	}
	sp_buf_clear(&l->out);
	l->sent = 0;
}

/* Answers while there is a whole request and nothing waits to be sent. */
static enum sp_err work_front(struct loop *l)
{
	bool any = true;
	while (any && !l->is_done && l->out.n == 0) {
		SP_TRY(answer_next(l, &any));
		write_front(l);
	}
	return SP_OK;
}

/* -- notices ------------------------------------------------------------------------------------------------------------------- */

static enum sp_err write_notice(struct sp_buf *out, const struct sp_wire_keeper_changed_event *event)
{
	uint8_t head[SP_LIMIT_FRAME_HEADER];
	size_t at = out->n;
	SP_TRY(sp_buf_append(out, SP_BYTES_OF(head)));
	SP_TRY(sp_wire_keeper_changed_event_encode(out, event));
	sp_frame_header_encode(out->p + at, (uint32_t)(out->n - at - sizeof head), SP_FRAME_EVENT, SP_WIRE_KEEPER_CHANGED, 0);
	return SP_OK;
}

/* Makes the list anew when it is due, and tells front of what is new. */
static enum sp_err tell_changes(struct loop *l)
{
	struct sp_bytes crl;
	SP_TRY(sp_keeper_crl(l->keeper, &crl, clock_now()));
	struct sp_wire_keeper_changed_event now = {l->keeper->state.crl_number, l->keeper->state.version};
	if ((now.crl_number == l->told_crl && now.accounts_version == l->told_version) || l->out.n > 0)
		return SP_OK;
	SP_TRY(write_notice(&l->out, &now));
	l->told_crl = now.crl_number;
	l->told_version = now.accounts_version;
	write_front(l);
	return SP_OK;
}

static enum sp_err tell_changes_if_possible(struct loop *l)
{
	enum sp_err e = tell_changes(l);
	return e == SP_ERR_DISK_FULL ? SP_OK : e; /* the old list stands; tried again by and by */
}

/* -- the loop -------------------------------------------------------------------------------------------------------------------- */

static enum sp_err turn(struct loop *l)
{
	short front = (short)(l->out.n > 0 ? POLLOUT : POLLIN);
	struct pollfd fds[] = {{l->front_fd, front, 0}, {l->stop_fd, POLLIN, 0}, {l->admin_fd, POLLIN, 0}};
	int n = poll(fds, SP_ARRAY_LEN(fds), 60000);
	if (n < 0 && errno != EINTR)
		return SP_ERR_IO;
	if (n > 0 && fds[1].revents) {
		l->is_done = true;
		return SP_OK;
	}
	if (n > 0 && (fds[0].revents & POLLOUT))
		write_front(l);
	else if (n > 0 && fds[0].revents)
		SP_TRY(read_front(l));
	if (n > 0 && fds[2].revents)
		SP_TRY(sp__keeper_admin_serve(l->keeper, l->admin_fd, clock_now()));
	SP_TRY(work_front(l));
	return tell_changes_if_possible(l);
}

static enum sp_err run(struct loop *l)
{
	struct sp_bytes crl;
	SP_TRY(sp_keeper_crl(l->keeper, &crl, clock_now()));
	SP_TRY(sp__keeper_admin_listen(&l->admin_fd, l->keeper->dir_fd));
	sp_keeper_session_init(&l->session, clock_now());
	l->told_crl = l->keeper->state.crl_number;
	l->told_version = l->keeper->state.version;
	sp__keeper_log(l->keeper, "ready");
	while (!l->is_done)
		SP_TRY(turn(l));
	return SP_OK;
}

enum sp_err sp_keeper_serve(const struct sp_keeper_run *what)
{
	struct loop l = {.front_fd = what->front_fd, .stop_fd = what->stop_fd, .admin_fd = -1};
	sp_buf_init(&l.in, IN_MAX);
	sp_buf_init(&l.out, OUT_MAX);
	enum sp_err e = sp_keeper_open(&l.keeper, what->folder, clock_now());
	if (e == SP_OK) {
		l.keeper->log_fd = what->log_fd;
		e = run(&l);
		(void)unlinkat(l.keeper->dir_fd, "admin.sock", 0);
	}
	if (l.admin_fd >= 0)
		close(l.admin_fd);
	sp_keeper_close(&l.keeper);
	sp_buf_clear(&l.in);
	sp_buf_clear(&l.out);
	return e;
}
