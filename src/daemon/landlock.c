/* SPDX-License-Identifier: Apache-2.0
 *
 * Landlock: the folder and nothing else of the file system, no outgoing TCP, no signals and no abstract sockets outside.
 * Linux 5.13 and later; the kernel's documentation userspace-api/landlock.rst says which version brought what. Raw system
 * calls and our own numbers: Debian 12's headers are older than the kernels it is run on.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/sandbox_priv.h"

#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH 1

#define FS_EXECUTE (1ull << 0)
#define FS_WRITE_FILE (1ull << 1)
#define FS_READ_FILE (1ull << 2)
#define FS_READ_DIR (1ull << 3)
#define FS_REMOVE_FILE (1ull << 5)
#define FS_MAKE_REG (1ull << 8)
#define FS_MAKE_SOCK (1ull << 9)
#define FS_TRUNCATE (1ull << 14)
#define FS_ALL_V1 ((1ull << 13) - 1)
#define NET_BIND_TCP (1ull << 0)
#define NET_CONNECT_TCP (1ull << 1)
#define SCOPE_ABSTRACT_UNIX_SOCKET (1ull << 0)
#define SCOPE_SIGNAL (1ull << 1)

struct ruleset_attr { /* each version appended a field */
	uint64_t handled_fs;
	uint64_t handled_net; /* 4 */
	uint64_t scoped;      /* 6 */
};
struct path_beneath_attr {
	uint64_t allowed;
	int32_t parent_fd;
} __attribute__((packed));

unsigned sp_sandbox_landlock_version(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
	return version > 0 ? (unsigned)version : 0;
}

/* All file access that this version knows: what is handled and not allowed by a rule is refused. */
static uint64_t known_fs(unsigned version)
{
	return FS_ALL_V1 | (version >= 2 ? 1ull << 13 : 0) | (version >= 3 ? 1ull << 14 : 0) | (version >= 5 ? 1ull << 15 : 0);
}

static int create(enum sp_sandbox_role role, unsigned version)
{
	struct ruleset_attr attr = {.handled_fs = known_fs(version)};
	size_t size = version >= 6 ? sizeof attr : version >= 4 ? 16 : 8;
	if (version >= 4)
		attr.handled_net = NET_CONNECT_TCP | (role == SP_SANDBOX_KEEPER ? NET_BIND_TCP : 0);
	if (version >= 6)
		attr.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
	return (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
}

static enum sp_err allow_folder(int ruleset, unsigned version, const char *folder)
{
	uint64_t wanted = FS_WRITE_FILE | FS_READ_FILE | FS_READ_DIR | FS_REMOVE_FILE | FS_MAKE_REG | FS_MAKE_SOCK | FS_TRUNCATE;
	struct path_beneath_attr attr = {.allowed = wanted & known_fs(version), .parent_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC)};
	if (attr.parent_fd < 0)
		return SP_ERR_DENIED;
	long rc = syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &attr, 0);
	close(attr.parent_fd);
	return rc == 0 ? SP_OK : SP_ERR_DENIED;
}

enum sp_err sp__sandbox_landlock(enum sp_sandbox_role role, const char *folder)
{
	unsigned version = sp_sandbox_landlock_version();
	if (version == 0)
		return SP_ERR_UNSUPPORTED;
	int ruleset = create(role, version);
	if (ruleset < 0)
		return SP_ERR_DENIED;
	enum sp_err e = allow_folder(ruleset, version, folder);
	if (e == SP_OK && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
		e = SP_ERR_DENIED;
	close(ruleset);
	return e;
}
