/* SPDX-License-Identifier: Apache-2.0
 *
 * sealpostd init: the organisation's keys, folders and configuration, and the first admin's invitation. Nothing is ever
 * overwritten; a failure leaves nothing behind that a second try would stumble over.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/daemon_priv.h"

#define FIRST_UID 61184u /* of the range that systemd keeps for transient users: no account of a person has them */
#define UID_PAIRS 2000u
#define INVITATION_DAYS 7

struct work {
	const struct sp_daemon_call *call;
	struct sp_daemon_paths paths;
	struct sp_daemon_config config;
	struct sp_keeper *keeper;
	uint8_t token[SP_WIRE_KEEPER_TOKEN];
	struct sp_time expires;
	const char *what, *hint; /* of the failure */
	bool has_dir, has_keeper, has_front; /* made here */
};

static enum sp_err from_errno(void)
{
	return errno == EEXIST ? SP_ERR_EXISTS : errno == ENOSPC ? SP_ERR_DISK_FULL : errno == ENOENT ? SP_ERR_NOT_FOUND : SP_ERR_IO;
}

/* -- the wishes --------------------------------------------------------------------------------------------------------------- */

static enum sp_err set(char out[SP_DAEMON_VALUE_MAX], const char *value)
{
	size_t n = strlen(value);
	if (n >= SP_DAEMON_VALUE_MAX)
		return SP_ERR_TOO_LONG;
	sp_copy(out, value, n + 1);
	return SP_OK;
}

/* Front can use its own folder only, so its store is a file in it. */
static bool store_is_valid(const char *url)
{
	if (strcmp(url, "mem:") == 0)
		return true;
	if (strncmp(url, "sqlite:", 7) != 0 || !url[7] || url[7] == '.')
		return false;
	return !strchr(url + 7, '/') && strcmp(url + 7, "tls.key") != 0;
}

static const char *judge_wishes(const struct sp_daemon_call *c)
{
	if (!c->name)
		return "init needs --name, the organisation's domain";
	if (!sp_pki_org_is_valid(sp_bytes_str(c->name)))
		return "--name must be a domain in lower case, at most 64 characters, such as example.org";
	if (c->listen && !sp_daemon_address_is_valid(c->listen))
		return "--listen must be HOST:PORT";
	if (c->public && !sp_daemon_address_is_valid(c->public))
		return "--public must be HOST:PORT";
	if (c->registration && strcmp(c->registration, "invitation") != 0 && strcmp(c->registration, "invite") != 0 && strcmp(c->registration, "open") != 0)
		return "--registration must be invite or open";
	if (c->store && !store_is_valid(c->store))
		return "--store must be sqlite:FILE (a file name, kept in DIR/front) or mem:";
	return NULL;
}

static enum sp_err fill_config(struct work *w)
{
	const struct sp_daemon_call *c = w->call;
	bool is_open = c->registration && strcmp(c->registration, "open") == 0;
	SP_TRY(set(w->config.organisation, c->name));
	SP_TRY(set(w->config.listen, c->listen ? c->listen : "127.0.0.1:7443"));
	SP_TRY(set(w->config.public, c->public ? c->public : ""));
	SP_TRY(set(w->config.registration, is_open ? "open" : "invite"));
	return set(w->config.store, c->store ? c->store : "sqlite:store.db");
}

/* -- the folder ------------------------------------------------------------------------------------------------------------------- */

static enum sp_err make_folders(struct work *w)
{
	w->what = w->call->dir;
	w->has_dir = mkdir(w->call->dir, 0755) == 0;
	if (!w->has_dir && errno != EEXIST)
		return from_errno();
	SP_TRY(sp__daemon_paths(&w->paths, w->call->dir));
	if (access(w->paths.config, F_OK) == 0 || mkdir(w->paths.keeper, 0700) != 0) {
		w->hint = "an organisation is never overwritten: choose another --dir";
		return access(w->paths.config, F_OK) == 0 ? SP_ERR_EXISTS : from_errno();
	}
	w->has_keeper = true;
	w->has_front = mkdir(w->paths.front, 0700) == 0;
	return w->has_front ? SP_OK : from_errno();
}

static enum sp_err write_file(const char *folder, const char *name, struct sp_bytes content)
{
	char path[PATH_MAX + 16];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return from_errno();
	enum sp_err e = write(fd, content.p, content.n) == (ssize_t)content.n && fsync(fd) == 0 ? SP_OK : from_errno();
	return close(fd) == 0 ? e : SP_ERR_IO;
}

/* What front starts from: public things only. */
static enum sp_err fill_front(struct work *w)
{
	struct sp_bytes crl;
	SP_TRY(write_file(w->paths.front, "root.der", sp_keeper_root(w->keeper)));
	SP_TRY(write_file(w->paths.front, "issuing.der", sp_keeper_issuing(w->keeper)));
	SP_TRY(sp_keeper_crl(w->keeper, &crl, sp__daemon_now()));
	return write_file(w->paths.front, "crl.der", crl);
}

static enum sp_err give_to(const char *folder, uid_t uid)
{
	static const char *names[] = {"lock", "kek", "root.key", "issuing.key", "root.der", "issuing.der", "root.crl", "ledger", "crl.der"};
	char path[PATH_MAX + 16];
	for (size_t i = 0; i < SP_ARRAY_LEN(names); i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		if (lchown(path, uid, (gid_t)uid) != 0 && errno != ENOENT)
			return SP_ERR_DENIED;
	}
	return chown(folder, uid, (gid_t)uid) == 0 ? SP_OK : SP_ERR_DENIED;
}

/* As root the two processes get a user each; which, the fingerprint decides, so that organisations differ. */
static enum sp_err assign_uids(struct work *w)
{
	const struct sp_hash32 *f = sp_keeper_fingerprint(w->keeper);
	unsigned pair = ((unsigned)f->b[0] << 8 | f->b[1]) % UID_PAIRS;
	if (geteuid() != 0)
		return SP_OK;
	uid_t keeper = FIRST_UID + 2 * pair, front = keeper + 1;
	snprintf(w->config.keeper_uid, sizeof w->config.keeper_uid, "%u", keeper);
	snprintf(w->config.front_uid, sizeof w->config.front_uid, "%u", front);
	SP_TRY(give_to(w->paths.keeper, keeper));
	return give_to(w->paths.front, front);
}

/* -- the whole ---------------------------------------------------------------------------------------------------------------------- */

static enum sp_err found(struct work *w)
{
	bool is_open = strcmp(w->config.registration, "open") == 0;
	struct sp_keeper_plan plan = {.folder = w->paths.keeper, .org = sp_bytes_str(w->config.organisation), .is_open = is_open, .now = sp__daemon_now()};
	struct sp_keeper_order order = {.verb = SP_KEEPER_INVITE, .is_admin = true, .expires = {plan.now.ms + INVITATION_DAYS * 86400000ll}};
	w->what = "the keeper's folder";
	w->expires = order.expires;
	SP_TRY(sp_keeper_make(&plan));
	SP_TRY(sp_keeper_open(&w->keeper, w->paths.keeper, plan.now));
	return sp_keeper_obey(w->keeper, w->token, &order, plan.now);
}

/* config comes last: a folder without it is not an organisation. */
static enum sp_err make(struct work *w)
{
	w->what = "the configuration";
	SP_TRY(fill_config(w));
	SP_TRY(make_folders(w));
	SP_TRY(found(w));
	w->what = "the network process's folder";
	SP_TRY(fill_front(w));
	SP_TRY(assign_uids(w));
	w->what = w->paths.config;
	return sp_daemon_config_make(&w->config, w->paths.config);
}

static void remove_files(const char *folder)
{
	static const char *names[] = {"lock", "kek", "root.key", "issuing.key", "root.der", "issuing.der", "root.crl", "ledger", "crl.der"};
	char path[PATH_MAX + 16];
	for (size_t i = 0; i < SP_ARRAY_LEN(names); i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

/* Only what was made here. */
static void undo(const struct work *w)
{
	if (w->has_keeper)
		remove_files(w->paths.keeper);
	if (w->has_front)
		remove_files(w->paths.front);
	if (w->has_dir)
		rmdir(w->call->dir);
}

static void tell(const struct work *w)
{
	struct sp_daemon_link link;
	const struct sp_hash32 *f = sp_keeper_fingerprint(w->keeper);
	char text[SP_DAEMON_FINGERPRINT_TEXT], hex[65], command[SP_DAEMON_LINK_MAX + 64], until[SP_TIME_TEXT_MAX];
	sp__daemon_link(&link, &w->config, &w->paths, f, w->token);
	sp__daemon_fingerprint_text(text, f);
	for (size_t i = 0; i < sizeof f->b; i++)
		snprintf(hex + 2 * i, 3, "%02x", f->b[i]);
	snprintf(command, sizeof command, "sealpost join '%s' --name admin", link.text);
	sp_time_format(until, w->expires);
	sp__daemon_link_advise(&link);
	if (w->call->is_json) {
		sp__daemon_json(json_pack("{s:s,s:s,s:s,s:s,s:{s:s,s:s,s:b,s:s}}", "organisation", w->config.organisation, "dir", w->call->dir, "fingerprint",
					  text, "fingerprint_hex", hex, "invitation", "link", link.text, "command", command, "admin", 1, "expires", until));
		return;
	}
	printf("organisation  %s\nfingerprint   %s\n              %s\n\n", w->config.organisation, hex, text);
	printf("Start it:                sealpostd run --dir %s\n", w->call->dir);
	printf("The first admin joins:   %s\n", command);
	printf("(works once, until %s; choose the name)\n", until);
}

int sp__daemon_init(const struct sp_daemon_call *call)
{
	struct work w = {.call = call};
	const char *wrong = judge_wishes(call);
	if (wrong)
		return sp__daemon_usage(call, wrong);
	enum sp_err e = make(&w);
	if (e == SP_OK)
		tell(&w);
	sp_keeper_close(&w.keeper);
	if (e == SP_OK)
		return 0;
	int code = sp__daemon_fail(call, e, w.what, w.hint);
	undo(&w);
	return code;
}
