/* SPDX-License-Identifier: Apache-2.0
 *
 * Small files of the keeper's folder: read whole, made once.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keeper/keeper_priv.h"

enum sp_err sp__keeper_errno(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
		return SP_ERR_DISK_FULL;
	case ENOENT:
		return SP_ERR_NOT_FOUND;
	case EEXIST:
		return SP_ERR_EXISTS;
	case EACCES:
	case EPERM:
		return SP_ERR_DENIED;
	case ENOMEM:
		return SP_ERR_NOMEM;
	default:
		return SP_ERR_IO;
	}
}

static enum sp_err read_all(struct sp_buf *out, int fd)
{
	for (;;) {
		uint8_t chunk[4096];
		ssize_t n = read(fd, chunk, sizeof chunk);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return sp__keeper_errno(errno);
		if (n == 0)
			return SP_OK;
		enum sp_err e = sp_buf_append(out, (struct sp_bytes){chunk, (size_t)n});
		sp_wipe(chunk, sizeof chunk);
		SP_TRY(e);
	}
}

enum sp_err sp__keeper_file_read(struct sp_buf *out, int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return sp__keeper_errno(errno);
	enum sp_err e = read_all(out, fd);
	close(fd);
	return e;
}

static enum sp_err write_all(int fd, struct sp_bytes content)
{
	while (content.n > 0) {
		ssize_t n = write(fd, content.p, content.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return sp__keeper_errno(n < 0 ? errno : EIO);
		content = (struct sp_bytes){content.p + n, content.n - (size_t)n};
	}
	return fsync(fd) == 0 ? SP_OK : sp__keeper_errno(errno);
}

enum sp_err sp__keeper_file_make(int dir_fd, const char *name, struct sp_bytes content)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return sp__keeper_errno(errno);
	enum sp_err e = write_all(fd, content);
	if (close(fd) != 0 && e == SP_OK)
		e = sp__keeper_errno(errno);
	if (e == SP_OK && fsync(dir_fd) != 0)
		e = sp__keeper_errno(errno);
	return e;
}
