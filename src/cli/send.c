/* SPDX-License-Identifier: Apache-2.0
 *
 * sealpost send.
 */
#include "cli/cli_priv.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#define DELIVERY_WAIT_MS 900 /* how long a person at a terminal waits for `delivered`; readers coalesce receipts 250 ms */
#define DELIVERY_STEP_MS 300

static enum sp_err read_stdin(struct sp_cli *cli, struct sp_buf *out)
{
	for (;;) {
		uint8_t block[4096];
		ssize_t got = read(STDIN_FILENO, block, sizeof block);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return sp__cli_fail(cli, SP_ERR_IO, "standard input cannot be read", strerror(errno), NULL);
		if (got == 0)
			return SP_OK;
		enum sp_err e = sp_buf_append(out, (struct sp_bytes){block, (size_t)got});
		if (e != SP_OK)
			return sp__cli_failed(cli, e, "the text is too long", NULL);
	}
}

static bool text_has_content(struct sp_bytes text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] > ' ')
			return true;
	return false;
}

static bool is_delivered_to_all(const struct sp_client_status *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->people[i].delivered.ms == 0)
			return false;
	return s->n > 0;
}

/* Only for a person who looks on: scripts get their answer at once. */
static struct sp_time wait_for_delivery(struct sp_cli *cli, const char *id)
{
	struct sp_time newest = {0};
	const struct timespec step = {0, DELIVERY_STEP_MS * 1000000L};
	for (int waited = 0; newest.ms == 0 && waited < DELIVERY_WAIT_MS; waited += DELIVERY_STEP_MS) {
		struct sp_client_status status = {0};
		nanosleep(&step, NULL);
		if (sp_client_status(cli->client, id, &status) == SP_OK && is_delivered_to_all(&status))
			for (size_t i = 0; i < status.n; i++)
				newest.ms = SP_MAX(newest.ms, status.people[i].delivered.ms);
		sp_client_result_free(&status.mem);
	}
	return newest;
}

static enum sp_err show_sent(struct sp_cli *cli, const struct sp_client_message *m)
{
	char when[SP_TIME_TEXT_MAX];
	if (cli->json)
		return sp__cli_print_json(cli, json_pack("{s:s,s:s,s:o,s:s,s:o}", "id", m->id, "room", m->room, "room_name",
							 sp__cli_json_text(sp_bytes_str(m->room_name)), "state", sp__cli_state_name(m->state), "time",
							 sp__cli_json_time(m->time)));
	sp__cli_time_text(when, m->time, sp__cli_now());
	printf("%.8s  stored %s", m->id, when);
	fflush(stdout);
	struct sp_time delivered = isatty(STDOUT_FILENO) ? wait_for_delivery(cli, m->id) : (struct sp_time){0};
	if (delivered.ms != 0) {
		sp__cli_time_text(when, delivered, sp__cli_now());
		printf(" · delivered %s", when);
	}
	printf("\n");
	return SP_OK;
}

static enum sp_err send_failed(struct sp_cli *cli, enum sp_err e, const char *to, const struct sp_client_sent *sent)
{
	char what[256];
	snprintf(what, sizeof what, "not sent to %s", to);
	if (sent->message.id[0] != '\0')
		return sp__cli_fail(cli, e, "not sent yet", sp__cli_why(cli, e),
				    "it is kept and goes out with the next command that reaches the server; see: sealpost doctor");
	return sp__cli_failed(cli, e, what, "see: sealpost people, sealpost room list");
}

static enum sp_err send_text(struct sp_cli *cli, const char *to, struct sp_bytes text)
{
	struct sp_client_sent sent = {0};
	if (!text_has_content(text))
		return sp__cli_usage(cli, "there is no text to send", NULL);
	SP_TRY(sp__cli_open(cli));
	enum sp_err e = sp_client_send(cli->client, to, text, &sent);
	e = e == SP_OK ? show_sent(cli, &sent.message) : send_failed(cli, e, to, &sent);
	sp_client_result_free(&sent.mem);
	return e;
}

enum sp_err sp__cli_send(struct sp_cli *cli, struct sp_cli_args *args)
{
	const char *message = NULL;
	const struct sp_cli_option options[] = {{"message", 'm', &message, NULL}};
	SP_TRY(sp__cli_args_parse(cli, args, &(struct sp_cli_options){options, SP_ARRAY_LEN(options)}, 1, 2));
	if (message && args->n == 2)
		return sp__cli_usage(cli, "two texts were given", NULL);
	if (!message && args->n == 1)
		return sp__cli_usage(cli, "the text is missing", "give it, or - to read it from standard input");
	const char *text = message ? message : args->v[1];
	if (message || strcmp(text, "-") != 0)
		return send_text(cli, args->v[0], sp_bytes_str(text));
	struct sp_buf in;
	sp_buf_init(&in, SP_LIMIT_CONTENT);
	enum sp_err e = read_stdin(cli, &in);
	if (e == SP_OK)
		e = send_text(cli, args->v[0], sp_buf_bytes(&in));
	sp_buf_clear(&in);
	return e;
}
