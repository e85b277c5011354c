/* SPDX-License-Identifier: Apache-2.0
 *
 * The steps into the sandbox, in the one order that works: folder and uid while still privileged, then what needs no
 * privilege and takes away the rest.
 */
#include <errno.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon/sandbox_priv.h"

static enum sp_err from_system(int rc)
{
	return rc == 0 ? SP_OK : SP_ERR_DENIED;
}

/* chroot first: afterwards nobody needs to be allowed to walk down to the folder. */
static enum sp_err change_uid(const struct sp_sandbox *s, struct sp_sandbox_state *out)
{
	gid_t gid = (gid_t)s->uid;
	SP_TRY(from_system(chdir(s->folder)));
	SP_TRY(from_system(chroot(".")));
	SP_TRY(from_system(chdir("/")));
	SP_TRY(from_system(setgroups(0, NULL)));
	SP_TRY(from_system(setresgid(gid, gid, gid)));
	SP_TRY(from_system(setresuid(s->uid, s->uid, s->uid)));
	if (setuid(0) == 0) /* must not come back */
		return SP_ERR_DENIED;
	out->has_own_uid = true;
	out->folder = "/";
	return SP_OK;
}

static enum sp_err forbid_dumps(void)
{
	const struct rlimit none = {0, 0};
	SP_TRY(from_system(setrlimit(RLIMIT_CORE, &none)));
	SP_TRY(from_system(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)));
	return from_system(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

/* A mechanism that this machine lacks is noted, not fatal by itself. */
static enum sp_err note(bool *out_has, enum sp_err e)
{
	*out_has = e == SP_OK;
	return e == SP_ERR_UNSUPPORTED ? SP_OK : e;
}

enum sp_err sp_sandbox_enter(const struct sp_sandbox *sandbox, struct sp_sandbox_state *out)
{
	*out = (struct sp_sandbox_state){.folder = sandbox->folder};
	if (sandbox->uid != 0 && geteuid() == 0)
		SP_TRY(change_uid(sandbox, out));
	else
		SP_TRY(from_system(chdir(sandbox->folder)));
	SP_TRY(forbid_dumps());
	SP_TRY(note(&out->has_landlock, sp__sandbox_landlock(sandbox->role, out->folder)));
	SP_TRY(note(&out->has_seccomp, sp__sandbox_seccomp(sandbox->role, sandbox->log_fd)));
	bool separates = (out->has_own_uid || out->has_landlock) && out->has_seccomp;
	return separates || sandbox->is_one_uid_accepted ? SP_OK : SP_ERR_UNSUPPORTED;
}
