/* SPDX-License-Identifier: Apache-2.0
 *
 * Invitation links: sealpost://HOST:PORT/FINGERPRINT/TOKEN. The fingerprint makes the link safe to send by any way that
 * cannot be changed on; the token makes it a secret until it is used.
 */
#include <stdio.h>

#include "codec/codec.h"
#include "daemon/daemon_priv.h"

static void read_address(char out[SP_DAEMON_VALUE_MAX], const char *path)
{
	FILE *f = fopen(path, "re");
	out[0] = '\0';
	if (!f)
		return;
	if (!fgets(out, SP_DAEMON_VALUE_MAX, f))
		out[0] = '\0';
	out[strcspn(out, "\n")] = '\0';
	if (!sp_daemon_address_is_valid(out))
		out[0] = '\0';
	fclose(f);
}

static void token_text(char out[40], const uint8_t token[SP_WIRE_KEEPER_TOKEN])
{
	struct sp_buf b;
	memset(out, 0, 40);
	sp_buf_init(&b, 39);
	if (sp_base32_encode(&b, (struct sp_bytes){token, SP_WIRE_KEEPER_TOKEN}) == SP_OK)
		sp_copy(out, b.p, b.n);
	sp_buf_clear(&b);
}

void sp__daemon_link(struct sp_daemon_link *out, const struct sp_daemon_config *config, const struct sp_daemon_paths *paths,
		     const struct sp_hash32 *fingerprint, const uint8_t token[SP_WIRE_KEEPER_TOKEN])
{
	char address[SP_DAEMON_VALUE_MAX], text[SP_DAEMON_FINGERPRINT_TEXT];
	read_address(address, paths->address);
	const char *where = config->public[0] ? config->public : address[0] ? address : config->listen;
	sp__daemon_fingerprint_text(text, fingerprint);
	token_text(out->token, token);
	snprintf(out->text, sizeof out->text, "sealpost://%s/%s/%s", where, text, out->token);
}

/* A server that listens on every address has none that a link could name. */
void sp__daemon_link_advise(const struct sp_daemon_link *link)
{
	static const char *const wildcards[] = {"sealpost://0.0.0.0:", "sealpost://[::]:", "sealpost://*:"};
	for (size_t i = 0; i < SP_ARRAY_LEN(wildcards); i++)
		if (strncmp(link->text, wildcards[i], strlen(wildcards[i])) == 0)
			fprintf(stderr, "nobody can connect to the address in this link; set `public = HOST:PORT` in DIR/config (init: --public)\n");
}
