/* SPDX-License-Identifier: Apache-2.0
 *
 * Loopback HTTP on libmicrohttpd: fixed pages, GET only.
 */
#include "http/http.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#define CONNECTIONS_MAX 16u
#define TIMEOUT_S 10u
#define MEMORY_MAX (16u << 10) /* of a request */

struct sp_http_server {
	struct MHD_Daemon *daemon;
	const struct sp_http_page *pages;
	size_t n;
	uint16_t port;
};

/* -- the address ------------------------------------------------------------------------------------------------------- */

static enum sp_err parse_port(uint16_t *out, const char *text)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' || v > 65535)
		return SP_ERR_USAGE;
	*out = (uint16_t)v;
	return SP_OK;
}

static enum sp_err parse_listen(struct sockaddr_storage *out, const char *listen_on)
{
	static const char v4[] = "127.0.0.1:", v6[] = "[::1]:";
	struct sockaddr_in sa4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 sa6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	uint16_t port;

	*out = (struct sockaddr_storage){0};
	if (strncmp(listen_on, v4, sizeof v4 - 1) == 0) {
		SP_TRY(parse_port(&port, listen_on + sizeof v4 - 1));
		sa4.sin_port = htons(port);
		sp_copy(out, &sa4, sizeof sa4);
		return SP_OK;
	}
	if (strncmp(listen_on, v6, sizeof v6 - 1) != 0)
		return SP_ERR_USAGE;
	SP_TRY(parse_port(&port, listen_on + sizeof v6 - 1));
	sa6.sin6_port = htons(port);
	sp_copy(out, &sa6, sizeof sa6);
	return SP_OK;
}

/* "localhost", "127.0.0.1" or "[::1]", with or without a port. Against DNS rebinding: a page of another site must not reach us by its own name. */
static bool host_is_loopback(struct MHD_Connection *connection)
{
	static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
	const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);

	for (size_t i = 0; host && i < SP_ARRAY_LEN(names); i++) {
		size_t n = strlen(names[i]);

		if (strncmp(host, names[i], n) == 0 && (host[n] == '\0' || host[n] == ':'))
			return true;
	}
	return false;
}

/* -- answering ------------------------------------------------------------------------------------------------------------ */

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type, struct sp_bytes body)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(body.n, (void *)(uintptr_t)body.p, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result done;

	if (!r)
		return MHD_NO;
	(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	(void)MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	done = MHD_queue_response(connection, status, r);
	MHD_destroy_response(r);
	return done;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status, const char *text)
{
	return answer(connection, status, "text/plain; charset=utf-8", sp_bytes_str(text));
}

static const struct sp_http_page *find_page(const struct sp_http_server *server, const char *path)
{
	for (size_t i = 0; i < server->n; i++)
		if (strcmp(server->pages[i].path, path) == 0)
			return &server->pages[i];
	return NULL;
}

static enum MHD_Result serve(struct MHD_Connection *connection, const struct sp_http_page *page)
{
	struct sp_buf out;
	enum MHD_Result done;

	sp_buf_init(&out, SP_HTTP_PAGE_MAX);
	if (page->render(page->ctx, &out) == SP_OK)
		done = answer(connection, MHD_HTTP_OK, page->content_type, sp_buf_bytes(&out));
	else
		done = refuse(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "failed\n");
	sp_buf_clear(&out);
	return done;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
				  const char *upload, size_t *upload_n, void **state)
{
	const struct sp_http_server *server = cls;
	const struct sp_http_page *page = find_page(server, url);

	if (*upload_n > 0) {
		*upload_n = 0; /* a body says nothing to us */
		return MHD_YES;
	}
	if (!*state) { /* the first call comes before the body: libmicrohttpd wants the answer on the second */
		*state = connection;
		return MHD_YES;
	}
	if (!host_is_loopback(connection))
		return refuse(connection, MHD_HTTP_FORBIDDEN, "not by this name\n");
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET only\n");
	return page ? serve(connection, page) : refuse(connection, MHD_HTTP_NOT_FOUND, "no such page\n");
}

/* -- life -------------------------------------------------------------------------------------------------------------------- */

static enum sp_err start(struct sp_http_server *s, const char *listen_on)
{
	struct sockaddr_storage sa;
	const union MHD_DaemonInfo *info;
	unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO;

	SP_TRY(parse_listen(&sa, listen_on));
	if (sa.ss_family == AF_INET6)
		flags |= MHD_USE_IPv6;
	s->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, s, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&sa, MHD_OPTION_CONNECTION_LIMIT,
				     CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_MAX,
				     MHD_OPTION_END);
	if (!s->daemon)
		return SP_ERR_UNREACHABLE;
	info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT);
	s->port = info ? info->port : 0;
	return SP_OK;
}

enum sp_err sp_http_server_new(struct sp_http_server **out, const char *listen_on, const struct sp_http_page *pages, size_t n)
{
	struct sp_http_server *s = sp_alloc(sizeof *s);
	enum sp_err err;

	*out = NULL;
	if (!s)
		return SP_ERR_NOMEM;
	s->pages = pages;
	s->n = n;
	err = start(s, listen_on);
	if (err != SP_OK)
		sp_free(s);
	else
		*out = s;
	return err;
}

uint16_t sp_http_server_port(const struct sp_http_server *server)
{
	return server->port;
}

void sp_http_server_free(struct sp_http_server **server)
{
	if (!*server)
		return;
	MHD_stop_daemon((*server)->daemon);
	sp_free(*server);
	*server = NULL;
}
