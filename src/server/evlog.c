/* SPDX-License-Identifier: Apache-2.0
 *
 * The log of connections and events: when, what, who, from where, how it ended. Never content. A line is one write; every value is
 * escaped, since some were chosen by a peer (ATTACKS.md N09).
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "server/core_priv.h"

#define LINE_MAX 1024u
#define VALUE_MAX 256u /* bytes of a value that are shown */

struct line {
	char text[LINE_MAX];
	size_t n;
};

void sp__evlog_init(struct sp__evlog *log, int fd)
{
	log->fd = fd;
	(void)pthread_mutex_init(&log->lock, NULL);
}

void sp__evlog_clear(struct sp__evlog *log)
{
	(void)pthread_mutex_destroy(&log->lock);
}

static const char *event_text(enum sp__event event)
{
	switch (event) {
#define X(name, text)                                                                                                  \
	case SP__EVENT_##name:                                                                                         \
		return text;
		SP_SERVER_EVENTS(X)
#undef X
	}
	return "?";
}

/* Room for the newline is kept. */
static void put(struct line *line, const char *text, size_t n)
{
	size_t room = LINE_MAX - 1 - line->n;

	n = SP_MIN(n, room);
	sp_copy(line->text + line->n, text, n);
	line->n += n;
}

static void put_str(struct line *line, const char *text)
{
	put(line, text, strlen(text));
}

static void put_value(struct line *line, struct sp_bytes value)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < SP_MIN(value.n, (size_t)VALUE_MAX); i++) {
		uint8_t c = value.p[i];

		if (c > 0x20 && c < 0x7f && c != '"' && c != '\\') {
			put(line, (const char[]){(char)c}, 1);
			continue;
		}
		put(line, (const char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, 4);
	}
}

void sp__evlog_write(struct sp__evlog *log, enum sp__event event, const struct sp__field *fields, size_t n)
{
	struct line line = {.n = 0};
	char when[SP_TIME_TEXT_MAX];

	if (log->fd < 0)
		return;
	sp_time_format(when, sp__now());
	put_str(&line, when);
	put_str(&line, " ");
	put_str(&line, event_text(event));
	for (size_t i = 0; i < n; i++) {
		put_str(&line, " ");
		put_str(&line, fields[i].name);
		put_str(&line, "=");
		put_value(&line, fields[i].value);
	}
	line.text[line.n++] = '\n';
	(void)pthread_mutex_lock(&log->lock);
	(void)!write(log->fd, line.text, line.n); /* a full log disk must not stop the service */
	(void)pthread_mutex_unlock(&log->lock);
}

struct sp__hex sp__hex_of(const struct sp_id16 *id)
{
	static const char hex[] = "0123456789abcdef";
	struct sp__hex out = {{0}};

	for (size_t i = 0; i < sizeof id->b; i++) {
		out.text[2 * i] = hex[id->b[i] >> 4];
		out.text[2 * i + 1] = hex[id->b[i] & 15];
	}
	return out;
}

struct sp__number sp__number_of(uint64_t v)
{
	struct sp__number out = {{0}};

	(void)snprintf(out.text, sizeof out.text, "%llu", (unsigned long long)v);
	return out;
}

struct sp_time sp__now(void)
{
	struct timespec t = {0};

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (struct sp_time){(int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000};
}
