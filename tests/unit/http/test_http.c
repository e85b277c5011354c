/* SPDX-License-Identifier: Apache-2.0
 *
 * The loopback page: only there, only GET, only by a loopback name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/http.h"

static enum sp_err render(void *ctx, struct sp_buf *out)
{
	return sp_buf_append(out, SP_BYTES_LIT("sealpost_up 1\n"));
}

static enum sp_err render_not(void *ctx, struct sp_buf *out)
{
	return SP_ERR_IO;
}

static const struct sp_http_page pages[] = {
	{.path = "/metrics", .content_type = "text/plain", .render = render},
	{.path = "/broken", .content_type = "text/plain", .render = render_not},
};

static void ask(const struct sp_http_server *server, const char *request, const char *want)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(sp_http_server_port(server)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char answer[4096];
	size_t n = 0;
	ssize_t got;

	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	assert_int_equal(write(fd, request, strlen(request)), strlen(request));
	while (n < sizeof answer - 1 && (got = read(fd, answer + n, sizeof answer - 1 - n)) > 0)
		n += (size_t)got;
	answer[n] = '\0';
	close(fd);
	if (!strstr(answer, want))
		fail_msg("%s: want %s in %s", request, want, answer);
}

static void test_pages(void **state)
{
	struct sp_http_server *server;

	assert_int_equal(sp_http_server_new(&server, "127.0.0.1:0", pages, SP_ARRAY_LEN(pages)), SP_OK);
	ask(server, "GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n", "sealpost_up 1\n");
	ask(server, "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:9\r\nConnection: close\r\n\r\n", " 200 ");
	ask(server, "GET /metrics HTTP/1.0\r\nHost: evil.example\r\n\r\n", " 403 ");
	ask(server, "GET /metrics HTTP/1.0\r\nHost: localhost.evil.example\r\n\r\n", " 403 ");
	ask(server, "GET /metrics HTTP/1.0\r\n\r\n", " 403 ");
	ask(server, "GET /other HTTP/1.0\r\nHost: localhost\r\n\r\n", " 404 ");
	ask(server, "GET /broken HTTP/1.0\r\nHost: localhost\r\n\r\n", " 500 ");
	ask(server, "POST /metrics HTTP/1.0\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc", " 405 ");
	sp_http_server_free(&server);
}

static void test_addresses(void **state)
{
	static const char *const wrong[] = {"0.0.0.0:0", "[::]:0", "192.0.2.1:80", "localhost:80", "127.0.0.1",
					    "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000", ""};
	struct sp_http_server *server;

	for (size_t i = 0; i < SP_ARRAY_LEN(wrong); i++) {
		assert_int_equal(sp_http_server_new(&server, wrong[i], pages, 1), SP_ERR_USAGE);
		assert_null(server);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
