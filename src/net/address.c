/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses in text and sockets set up.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "net/net_priv.h"

#define BACKLOG 1024

static void from_v4(struct sp_net_from *out, const struct in_addr *addr, unsigned port)
{
	char host[INET_ADDRSTRLEN] = "";

	(void)inet_ntop(AF_INET, addr, host, sizeof host);
	(void)snprintf(out->text, sizeof out->text, "%s:%u", host, port);
	out->source[10] = out->source[11] = 0xff;
	sp_copy(out->source + 12, addr, 4);
}

/* One customer has a whole /64 of IPv6: rating single addresses would rate nobody. */
static void from_v6(struct sp_net_from *out, const struct in6_addr *addr, unsigned port)
{
	char host[INET6_ADDRSTRLEN] = "";

	(void)inet_ntop(AF_INET6, addr, host, sizeof host);
	(void)snprintf(out->text, sizeof out->text, "[%s]:%u", host, port);
	sp_copy(out->source, addr, 8);
}

void sp__from_sockaddr(struct sp_net_from *out, const struct sockaddr_storage *sa)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	*out = (struct sp_net_from){0};
	if (sa->ss_family == AF_INET) {
		sp_copy(&v4, sa, sizeof v4);
		from_v4(out, &v4.sin_addr, ntohs(v4.sin_port));
		return;
	}
	if (sa->ss_family != AF_INET6)
		return;
	sp_copy(&v6, sa, sizeof v6);
	if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
		sp_copy(&v4.sin_addr, v6.sin6_addr.s6_addr + 12, 4);
		from_v4(out, &v4.sin_addr, ntohs(v6.sin6_port));
		return;
	}
	from_v6(out, &v6.sin6_addr, ntohs(v6.sin6_port));
}

/* "HOST:PORT" or "[V6]:PORT" into its parts. */
static enum sp_err split(const char *text, char host[256], char port[8])
{
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : 0;

	if (!colon || n == 0 || n >= 256 || strlen(colon + 1) >= 8)
		return SP_ERR_USAGE;
	if (text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	}
	sp_copy(host, text, n);
	host[n] = '\0';
	sp_copy(port, colon + 1, strlen(colon + 1) + 1);
	return SP_OK;
}

static enum sp_err bind_to(int fd, const struct addrinfo *ai)
{
	int on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0)
		return SP_ERR_UNREACHABLE;
	return SP_OK;
}

static enum sp_err open_first(int *out_fd, const struct addrinfo *list)
{
	for (const struct addrinfo *ai = list; ai; ai = ai->ai_next) {
		int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		if (fd < 0)
			continue;
		if (bind_to(fd, ai) == SP_OK) {
			*out_fd = fd;
			return SP_OK;
		}
		close(fd);
	}
	return SP_ERR_UNREACHABLE;
}

enum sp_err sp__listen(int *out_fd, const char *listen_on)
{
	struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	char host[256], port[8];
	enum sp_err err;

	*out_fd = -1;
	SP_TRY(split(listen_on, host, port));
	if (getaddrinfo(host, port, &hints, &list) != 0)
		return SP_ERR_UNREACHABLE;
	err = open_first(out_fd, list);
	freeaddrinfo(list);
	return err;
}

void sp__socket_tune(int fd)
{
	int on = 1, idle = 40, every = 15, count = 4, patience = 60000;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof every);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof patience);
}

void sp__sigpipe_ignore(void)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	(void)sigaction(SIGPIPE, &ignore, NULL);
}
