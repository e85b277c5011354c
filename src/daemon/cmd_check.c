/* SPDX-License-Identifier: Apache-2.0
 *
 * sealpostd check: is the organisation's folder whole? Changes nothing; works beside a running server.
 */
#include <stdio.h>
#include <sys/stat.h>

#include "daemon/daemon_priv.h"
#include "daemon/sandbox.h"

struct report {
	const struct sp_daemon_paths *paths;
	const struct sp_daemon_config *config;
	json_t *list;
	bool is_json;
	enum sp_err worst;
};

static void note(struct report *r, const char *what, enum sp_err e, const char *detail)
{
	if (r->worst == SP_OK)
		r->worst = e;
	if (r->is_json)
		json_array_append_new(r->list, json_pack("{s:s,s:b,s:s}", "check", what, "ok", e == SP_OK, "detail", e == SP_OK ? detail : sp_err_text(e)));
	else
		printf("%-6s %-28s %s\n", e == SP_OK ? "ok" : "FAILED", what, e == SP_OK ? detail : sp_err_text(e));
}

static enum sp_err count_entry(void *ctx, const struct sp_keeper_entry *entry)
{
	*(unsigned long *)ctx += 1;
	return SP_OK;
}

static void check_ledger(struct report *r)
{
	unsigned long n = 0;
	char text[64];
	enum sp_err e = sp_keeper_audit(r->paths->keeper, count_entry, &n);
	snprintf(text, sizeof text, "%lu entries, the chain holds", n);
	note(r, "keeper's ledger", e, text);
}

static enum sp_err read_file(struct sp_buf *out, const char *folder, const char *name)
{
	char path[PATH_MAX + 16];
	uint8_t chunk[4096];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *f = fopen(path, "re");
	if (!f)
		return SP_ERR_NOT_FOUND;
	enum sp_err e = SP_OK;
	for (size_t n; e == SP_OK && (n = fread(chunk, 1, sizeof chunk, f)) > 0;)
		e = sp_buf_append(out, (struct sp_bytes){chunk, n});
	fclose(f);
	return e;
}

/* Front's copies must be the keeper's, or clients would be told something else than what is signed with. */
static enum sp_err check_copy(const struct report *r, const char *name, struct sp_bytes want)
{
	struct sp_buf got;
	sp_buf_init(&got, SP_LIMIT_CRL);
	enum sp_err e = read_file(&got, r->paths->front, name);
	if (e == SP_OK && !sp_bytes_equal(sp_buf_bytes(&got), want))
		e = SP_ERR_CORRUPT;
	sp_buf_clear(&got);
	return e;
}

static void check_certificates(struct report *r, const struct sp_keeper *keeper)
{
	struct sp_pki_trust *trust = NULL;
	struct sp_buf crl;
	sp_buf_init(&crl, SP_LIMIT_CRL);
	note(r, "root certificate", check_copy(r, "root.der", sp_keeper_root(keeper)), "the keeper's and front's are one");
	note(r, "issuing certificate", check_copy(r, "issuing.der", sp_keeper_issuing(keeper)), "the keeper's and front's are one");
	enum sp_err e = sp_pki_trust_new(&trust, sp_keeper_fingerprint(keeper), sp_keeper_root(keeper), sp_keeper_issuing(keeper), sp__daemon_now());
	note(r, "certificate chain", e, "valid now, and the ledger's fingerprint");
	if (e == SP_OK)
		e = read_file(&crl, r->paths->front, "crl.der");
	if (e == SP_OK)
		e = sp_pki_trust_set_crl(trust, sp_buf_bytes(&crl));
	note(r, "front's revocation list", e, "signed by the issuing authority");
	sp_pki_trust_free(&trust);
	sp_buf_clear(&crl);
}

static void check_keeper(struct report *r)
{
	struct sp_keeper *keeper;
	enum sp_err e = sp_keeper_peek(&keeper, r->paths->keeper);
	if (e != SP_OK) {
		note(r, "keeper's state", e, "");
		return;
	}
	bool agrees = strcmp(sp_keeper_org(keeper), r->config->organisation) == 0 &&
		      sp_keeper_registration_is_open(keeper) == (strcmp(r->config->registration, "open") == 0);
	note(r, "configuration", agrees ? SP_OK : SP_ERR_INVALID, "agrees with the ledger");
	check_certificates(r, keeper);
	sp_keeper_close(&keeper);
}

static void check_store(struct report *r)
{
	char finding[256] = "";
	enum sp_err e = sp__daemon_check_store(r->paths, r->config, finding, sizeof finding);
	if (e == SP_ERR_LOCKED)
		note(r, "store", SP_OK, "in use by the running server; stop it to have the store checked");
	else if (e == SP_ERR_NOT_FOUND)
		note(r, "store", SP_OK, "none yet");
	else
		note(r, "store", e, "logs, epochs, requests and references hold");
	if (finding[0] && !r->is_json)
		printf("       %s\n", finding);
}

static enum sp_err folder_is_closed(const char *path)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return SP_ERR_NOT_FOUND;
	return S_ISDIR(st.st_mode) && (st.st_mode & 077) == 0 ? SP_OK : SP_ERR_INVALID;
}

static void check_folders(struct report *r)
{
	char text[64];
	note(r, "folder keeper", folder_is_closed(r->paths->keeper), "closed to others");
	note(r, "folder front", folder_is_closed(r->paths->front), "closed to others");
	unsigned landlock = sp_sandbox_landlock_version();
	bool separates = landlock > 0 || r->config->keeper_uid[0];
	snprintf(text, sizeof text, "%s%s", r->config->keeper_uid[0] ? "two users" : "one user", landlock ? ", Landlock" : "");
	note(r, "separation", separates ? SP_OK : SP_ERR_UNSUPPORTED, text);
}

int sp__daemon_check(const struct sp_daemon_call *call)
{
	struct sp_daemon_paths paths;
	struct sp_daemon_config config;
	int code = sp__daemon_open(call, &paths, &config);
	if (code != 0)
		return code;
	struct report r = {.paths = &paths, .config = &config, .is_json = call->is_json, .list = call->is_json ? json_array() : NULL};
	check_folders(&r);
	check_ledger(&r);
	check_keeper(&r);
	check_store(&r);
	if (r.list)
		sp__daemon_json(r.list);
	if (r.worst == SP_OK)
		return 0;
	fprintf(stderr, "sealpostd: %s is not whole; restore it from a backup\n", call->dir);
	return 1;
}
