/* SPDX-License-Identifier: Apache-2.0
 *
 * A configuration file of unknown origin. Property: every value that was read is a terminated text.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/config.h"
#include "../fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_daemon_config config;
	char path[64];
	unsigned line;
	int fd = memfd_create("config", 0);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (sp_daemon_config_read(&config, path, &line) == SP_OK) {
#define X(key, must, text) FUZZ_CHECK(memchr(config.key, 0, sizeof config.key) && (!(must) || config.key[0]));
		SP_DAEMON_CONFIG(X)
#undef X
		(void)sp_daemon_address_is_valid(config.listen);
	}
	close(fd);
	return 0;
}
