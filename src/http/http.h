/* SPDX-License-Identifier: Apache-2.0
 *
 * http: a page or two on the loopback address, for the machine's own tools. The only room that includes microhttpd.h.
 *
 * Does not check: who asks. Any local user may: serve nothing that one of them may not see.
 */
#ifndef SP_HTTP_H
#define SP_HTTP_H

#include "base/base.h"

#define SP_HTTP_PAGE_MAX (256u << 10)

struct sp_http_page {
	const char *path; /* "/metrics" */
	const char *content_type;
	enum sp_err (*render)(void *ctx, struct sp_buf *out); /* on http's own thread; out's maximum is SP_HTTP_PAGE_MAX */
	void *ctx;
};

struct sp_http_server;
/* listen: "127.0.0.1:PORT" or "[::1]:PORT"; port 0 takes a free one. Any other host is SP_ERR_USAGE. pages is borrowed until free. GET and HEAD
 * only; the Host header must name a loopback address too (a web page elsewhere may not read this through a name of its own). */
SP_MUST_USE enum sp_err sp_http_server_new(struct sp_http_server **out, const char *listen, const struct sp_http_page *pages, size_t n);
uint16_t sp_http_server_port(const struct sp_http_server *server);
void sp_http_server_free(struct sp_http_server **server);

#endif
