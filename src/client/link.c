/* SPDX-License-Identifier: Apache-2.0
 *
 * Invitation links: sealpost://HOST:PORT/FINGERPRINT/TOKEN. docs/protocol.md "Joining".
 */
#include "client/client_priv.h"

#define SCHEME "sealpost://"
#define FINGERPRINT_TEXT 52u
#define TOKEN_SIZE 20u

/* The bytes up to `end`, which is skipped; false when it is not there. */
static bool take_until(struct sp_bytes *rest, struct sp_bytes *out, char end)
{
	for (size_t i = 0; i < rest->n; i++) {
		if (rest->p[i] != (uint8_t)end)
			continue;
		*out = (struct sp_bytes){rest->p, i};
		*rest = (struct sp_bytes){rest->p + i + 1, rest->n - i - 1};
		return true;
	}
	return false;
}

static enum sp_err parse_port(struct sp_bytes text, uint16_t *out)
{
	uint32_t port = 0;
	if (text.n == 0 || text.n > 5)
		return SP_ERR_USAGE;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return SP_ERR_USAGE;
		port = port * 10 + (uint32_t)(text.p[i] - '0');
	}
	if (port == 0 || port > UINT16_MAX)
		return SP_ERR_USAGE;
	*out = (uint16_t)port;
	return SP_OK;
}

/* "[::1]:7443" keeps an IPv6 address's colons away from the port's. */
static enum sp_err parse_host(struct sp_bytes *rest, struct sp__link *out)
{
	struct sp_bytes host, none;
	bool is_bracketed = rest->n > 0 && rest->p[0] == '[';
	if (is_bracketed) {
		*rest = (struct sp_bytes){rest->p + 1, rest->n - 1};
		if (!take_until(rest, &host, ']') || !take_until(rest, &none, ':') || none.n != 0)
			return SP_ERR_USAGE;
	} else if (!take_until(rest, &host, ':')) {
		return SP_ERR_USAGE;
	}
	if (host.n == 0 || host.n >= sizeof out->host)
		return SP_ERR_USAGE;
	sp__text_set(out->host, sizeof out->host, host);
	return SP_OK;
}

static enum sp_err parse_fingerprint(struct sp_bytes text, struct sp_hash32 *out)
{
	struct sp_buf raw;
	sp_buf_init(&raw, sizeof out->b);
	enum sp_err e = text.n == FINGERPRINT_TEXT ? sp_base32_decode(&raw, text) : SP_ERR_USAGE;
	if (e == SP_OK && raw.n == sizeof out->b)
		sp_copy(out->b, raw.p, raw.n);
	else
		e = SP_ERR_USAGE;
	sp_buf_clear(&raw);
	return e;
}

static enum sp_err parse_token(struct sp_bytes text, struct sp__link *out)
{
	struct sp_buf raw;
	sp_buf_init(&raw, TOKEN_SIZE);
	bool is_open = sp_bytes_equal(text, SP_BYTES_LIT("open"));
	bool is_token = sp_base32_decode(&raw, text) == SP_OK && raw.n == TOKEN_SIZE;
	sp_buf_clear(&raw);
	if (!is_open && !is_token)
		return SP_ERR_USAGE;
	sp__text_set(out->token, sizeof out->token, text);
	return SP_OK;
}

static enum sp_err parse(struct sp__link *out, struct sp_bytes rest)
{
	struct sp_bytes port, fingerprint;
	size_t scheme = sizeof SCHEME - 1;
	if (rest.n < scheme || memcmp(rest.p, SCHEME, scheme) != 0)
		return SP_ERR_USAGE;
	rest = (struct sp_bytes){rest.p + scheme, rest.n - scheme};
	SP_TRY(parse_host(&rest, out));
	if (!take_until(&rest, &port, '/') || !take_until(&rest, &fingerprint, '/'))
		return SP_ERR_USAGE;
	SP_TRY(parse_port(port, &out->port));
	SP_TRY(parse_fingerprint(fingerprint, &out->organisation));
	return parse_token(rest, out);
}

enum sp_err sp__link_parse(struct sp__link *out, const char *text)
{
	*out = (struct sp__link){0};
	enum sp_err e = parse(out, sp_bytes_str(text));
	if (e != SP_OK)
		*out = (struct sp__link){0};
	return e;
}
