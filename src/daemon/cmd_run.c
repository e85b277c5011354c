/* SPDX-License-Identifier: Apache-2.0
 *
 * sealpostd run: serve in the foreground until told to stop.
 */
#include <stdio.h>
#include <unistd.h>

#include "cms/cms.h"
#include "daemon/daemon_priv.h"

/* An OpenSSL that takes forgeries for whole messages passes every version check: it is tried, before anything is served. */
static int cms_gate(const struct sp_daemon_call *call)
{
	struct sp_diag diag = {0};
	enum sp_err e = sp_cms_self_test(&diag);
	return e == SP_OK ? 0 : sp__daemon_fail(call, e, diag.text ? diag.text : "CMS self-test", "install a current libssl3");
}

static const char *hint_for(enum sp_err e)
{
	switch (sp_err_class(e)) {
	case SP_CLASS_STATE:
		return "another sealpostd runs on this folder";
	case SP_CLASS_INPUT:
		if (e == SP_ERR_UNSUPPORTED)
			return "neither users nor Landlock can separate the processes here; --unsafe-one-uid accepts that";
		return "sealpostd check --dir DIR says what is wrong";
	case SP_CLASS_IO:
		return "sealpostd check --dir DIR says what is damaged";
	case SP_CLASS_AUTH:
		return "start it as the user that owns the folder, or as root";
	case SP_CLASS_OK:
	case SP_CLASS_AGAIN:
	case SP_CLASS_LIMIT:
	case SP_CLASS_NOTFOUND:
	case SP_CLASS_NOMEM:
	case SP_CLASS_USAGE:
	case SP_CLASS_BUG:
		break;
	}
	return NULL;
}

int sp__daemon_run(const struct sp_daemon_call *call)
{
	struct sp_daemon_paths paths;
	struct sp_daemon_config config;
	const char *what = "run";
	int code = sp__daemon_open(call, &paths, &config);
	if (code == 0)
		code = cms_gate(call);
	if (code != 0)
		return code;
	struct sp_daemon_supervision supervision = {.dir = call->dir,
						    .front = sp_server_run,
						    .is_one_uid_accepted = call->is_one_uid_accepted,
						    .out_fd = STDOUT_FILENO,
						    .log_fd = STDERR_FILENO};
	enum sp_err e = sp_daemon_supervise(&supervision, &what);
	return e == SP_OK ? 0 : sp__daemon_fail(call, e, what, hint_for(e));
}
