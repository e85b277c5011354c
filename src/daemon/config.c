/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading and writing D/config by its one list of keys.
 */
#include "daemon/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LINE_MAX_ 1024

static const struct key {
	const char *name;
	size_t offset;
	bool must;
	const char *text;
} keys[] = {
#define X(key, must, text) {#key, offsetof(struct sp_daemon_config, key), must, text},
	SP_DAEMON_CONFIG(X)
#undef X
};

static char *value_of(struct sp_daemon_config *config, const struct key *key)
{
	return (char *)config + key->offset;
}

static char *trim(char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	size_t n = strlen(s);
	while (n > 0 && strchr(" \t\r\n", s[n - 1]))
		s[--n] = '\0';
	return s;
}

static enum sp_err read_line(struct sp_daemon_config *out, char *line)
{
	char *text = trim(line);
	if (*text == '\0' || *text == '#')
		return SP_OK;
	char *equals = strchr(text, '=');
	if (!equals)
		return SP_ERR_INVALID;
	*equals = '\0';
	const char *name = trim(text), *value = trim(equals + 1);
	for (size_t i = 0; i < SP_ARRAY_LEN(keys); i++) {
		if (strcmp(keys[i].name, name) != 0)
			continue;
		if (*value_of(out, &keys[i]) || strlen(value) >= SP_DAEMON_VALUE_MAX)
			return SP_ERR_INVALID; /* twice, or too long */
		sp_copy(value_of(out, &keys[i]), value, strlen(value));
		return SP_OK;
	}
	return SP_ERR_INVALID;
}

static enum sp_err read_all(struct sp_daemon_config *out, FILE *f, unsigned *out_line)
{
	char line[LINE_MAX_];
	for (*out_line = 1; fgets(line, sizeof line, f); (*out_line)++)
		SP_TRY(read_line(out, line));
	*out_line = 0;
	if (ferror(f))
		return SP_ERR_IO;
	for (size_t i = 0; i < SP_ARRAY_LEN(keys); i++)
		if (keys[i].must && !*value_of(out, &keys[i]))
			return SP_ERR_INVALID;
	return SP_OK;
}

enum sp_err sp_daemon_config_read(struct sp_daemon_config *out, const char *path, unsigned *out_line)
{
	*out = (struct sp_daemon_config){0};
	*out_line = 0;
	FILE *f = fopen(path, "re");
	if (!f)
		return errno == ENOENT || errno == ENOTDIR ? SP_ERR_NOT_FOUND : SP_ERR_IO;
	enum sp_err e = read_all(out, f, out_line);
	fclose(f);
	return e;
}

static enum sp_err write_all(const struct sp_daemon_config *config, FILE *f)
{
	struct sp_daemon_config copy = *config;
	fprintf(f, "# Sealpost organisation. `sealpostd run` reads this; SIGHUP reads it again.\n");
	for (size_t i = 0; i < SP_ARRAY_LEN(keys); i++) {
		const char *value = value_of(&copy, &keys[i]);
		fprintf(f, "\n# %s\n%s%s = %s\n", keys[i].text, *value ? "" : "#", keys[i].name, value);
	}
	return fflush(f) == 0 && fsync(fileno(f)) == 0 ? SP_OK : errno == ENOSPC ? SP_ERR_DISK_FULL : SP_ERR_IO;
}

enum sp_err sp_daemon_config_make(const struct sp_daemon_config *config, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return errno == EEXIST ? SP_ERR_EXISTS : errno == ENOSPC ? SP_ERR_DISK_FULL : SP_ERR_IO;
	FILE *f = fdopen(fd, "w");
	if (!f) {
		close(fd);
		return SP_ERR_NOMEM;
	}
	enum sp_err e = write_all(config, f);
	return fclose(f) == 0 ? e : SP_ERR_IO;
}

static bool port_is_valid(const char *text)
{
	char *end;
	if (*text < '0' || *text > '9')
		return false;
	unsigned long port = strtoul(text, &end, 10);
	return *end == '\0' && port <= 65535;
}

static bool host_is_valid(const char *text, size_t n)
{
	bool bracketed = n > 2 && text[0] == '[' && text[n - 1] == ']';
	for (size_t i = 0; i < n; i++) {
		char c = text[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
		bool inside = bracketed && (c == ':' || c == '%' || i == 0 || i == n - 1);
		if (!plain && !inside)
			return false;
	}
	return n > 0;
}

bool sp_daemon_address_is_valid(const char *text)
{
	const char *colon = strrchr(text, ':');
	return colon && host_is_valid(text, (size_t)(colon - text)) && port_is_valid(colon + 1);
}
