/* SPDX-License-Identifier: Apache-2.0
 *
 * mls_peer: {"op":"...", ...} a line in, {"ok":true, ...} or {"ok":false,"error":"Name: text"} a line out. Empty lines and lines that begin
 * with # are skipped.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

static enum sp_err op_info(struct peer *p, const json_t *request, json_t *reply)
{
	json_t *suites = json_array();
	for (int suite = 1; suite <= 7; suite++)
		json_array_append_new(suites, json_integer(suite));
	json_object_set_new(reply, "peer", json_string("libsealpost"));
	json_object_set_new(reply, "version", json_string("1"));
	json_object_set_new(reply, "suites", suites);
	return SP_OK;
}

static enum sp_err op_quit(struct peer *p, const json_t *request, json_t *reply)
{
	p->done = true;
	return SP_OK;
}

static const struct {
	const char *name;
	peer_op *run;
} ops[] = {
	{"info", op_info},
	{"key_package", op_key_package},
	{"create_group", op_create_group},
	{"add", op_add},
	{"remove", op_remove},
	{"update", op_update},
	{"propose", op_propose},
	{"commit", op_commit},
	{"merge", op_merge},
	{"discard", op_discard},
	{"join", op_join},
	{"process", op_process},
	{"protect", op_protect},
	{"epoch", op_epoch},
	{"tree", op_tree},
	{"export", op_export},
	{"group_info", op_group_info},
	{"external_join", op_external_join},
	{"propose_join", op_propose_join},
	{"psk", op_psk},
	{"branch", op_branch},
	{"reinit_create", op_reinit_create},
	{"save", op_save},
	{"load", op_load},
	{"quit", op_quit},
};

static enum sp_err run(struct peer *p, const json_t *request, json_t *reply)
{
	const char *name = json_string_value(json_object_get(request, "op"));
	for (size_t i = 0; name && i < SP_ARRAY_LEN(ops); i++) {
		if (strcmp(ops[i].name, name) == 0)
			return ops[i].run(p, request, reply);
	}
	return SP_ERR_UNSUPPORTED;
}

/* "out": {"welcome": "path"} writes a reply's field as raw octets too. */
static enum sp_err write_files(struct peer *p, const json_t *request, const json_t *reply)
{
	const char *field;
	const json_t *path;
	json_object_foreach((json_t *)(uintptr_t)json_object_get(request, "out"), field, path)
	{
		struct sp_bytes bytes;
		SP_TRY(value_bytes(p, json_object_get(reply, field), &bytes));
		FILE *f = fopen(json_string_value(path) ? json_string_value(path) : "", "wb");
		if (!f)
			return SP_ERR_IO;
		size_t n = fwrite(bytes.p, 1, bytes.n, f);
		if (fclose(f) != 0 || n != bytes.n)
			return SP_ERR_IO;
	}
	return SP_OK;
}

static void answer(struct peer *p, const char *line)
{
	json_t *request = json_loads(line, 0, NULL), *reply = json_object();
	p->diag = (struct sp_diag){0};
	p->same_by_name = false;
	p->kp_wanted = NULL;
	enum sp_err e = json_is_object(request) ? run(p, request, reply) : SP_ERR_USAGE;
	if (e == SP_OK)
		e = write_files(p, request, reply);
	if (e != SP_OK) {
		char text[512];
		snprintf(text, sizeof text, "%s: %s", sp_err_name(e) + strlen("SP_ERR_"), p->diag.text ? p->diag.text : sp_err_text(e));
		json_object_clear(reply);
		json_object_set_new(reply, "error", json_string(text));
	}
	json_object_set_new(reply, "ok", json_boolean(e == SP_OK));
	if (json_object_get(request, "id"))
		json_object_set(reply, "id", json_object_get(request, "id"));
	char *out = json_dumps(reply, JSON_COMPACT);
	puts(out ? out : "{\"ok\":false,\"error\":\"NOMEM: out of memory\"}");
	fflush(stdout);
	free(out);
	json_decref(request);
	json_decref(reply);
	scratch_clear(p);
}

int main(void)
{
	struct peer p;
	char *line = NULL;
	size_t cap = 0;
	if (sp_crypto_init() != SP_OK) {
		fprintf(stderr, "mls_peer: OpenSSL is too old\n");
		return 2;
	}
	peer_init(&p);
	while (!p.done && getline(&line, &cap, stdin) > 0) {
		if (line[0] != '\n' && line[0] != '#')
			answer(&p, line);
	}
	free(line);
	peer_clear(&p);
	return 0;
}
