/* SPDX-License-Identifier: Apache-2.0
 *
 * sealpost inbox, sealpost read, sealpost status.
 */
#include "cli/cli_priv.h"

#define LINE_COLUMNS 60u

void sp__cli_tell_offline(struct sp_cli *cli, bool is_offline)
{
	if (is_offline)
		sp__cli_talk(cli, "the server cannot be reached: this is what was known before (sealpost doctor)");
}

/* -- inbox ------------------------------------------------------------------------------------------------------------- */

static json_t *messages_json(const struct sp_client_messages *messages)
{
	json_t *list = json_array();
	for (size_t i = 0; i < messages->n; i++)
		if (json_array_append_new(list, sp__cli_json_message(&messages->items[i])) != 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

/* The first line, cut to so many bytes at a character's boundary. */
static struct sp_bytes first_line(const char *text, bool *out_cut)
{
	size_t n = strcspn(text, "\n");
	*out_cut = text[n] != '\0';
	if (n > LINE_COLUMNS) {
		n = LINE_COLUMNS;
		while (n > 0 && ((uint8_t)text[n] >> 6) == 2)
			n--;
		*out_cut = true;
	}
	return (struct sp_bytes){(const uint8_t *)text, n};
}

static void print_message_line(struct sp_cli *cli, const struct sp_client_message *m)
{
	char when[SP_TIME_TEXT_MAX];
	bool cut, bold = m->state == SP_CLIENT_NEW;
	struct sp_bytes line = first_line(m->text, &cut);
	sp__cli_time_text(when, m->time.ms ? m->time : m->sent, sp__cli_now());
	printf("%.8s  %-16s  ", m->id, when);
	sp__cli_put_padded(stdout, sp_bytes_str(m->is_mine ? "me" : m->from), 20);
	fputs("  ", stdout);
	if (!m->is_direct || m->is_mine) {
		fputs("[", stdout);
		sp__cli_put(stdout, sp_bytes_str(m->room_name), SP_CLI_PUT_LINE);
		fputs("] ", stdout);
	}
	fputs(bold ? sp__cli_style(cli, "\033[1m") : "", stdout);
	sp__cli_put(stdout, line, SP_CLI_PUT_LINE);
	printf("%s%s%s\n", bold ? sp__cli_style(cli, "\033[0m") : "", cut ? " ..." : "", m->state == SP_CLIENT_QUEUED ? "  (queued)" : "");
}

enum sp_err sp__cli_inbox(struct sp_cli *cli, struct sp_cli_args *args)
{
	bool all = false, sent = false;
	const struct sp_cli_option options[] = {{"all", 0, NULL, &all}, {"sent", 0, NULL, &sent}};
	struct sp_client_messages messages = {0};
	SP_TRY(sp__cli_args_parse(cli, args, &(struct sp_cli_options){options, SP_ARRAY_LEN(options)}, 0, 1));
	if (all && sent)
		return sp__cli_usage(cli, "--all and --sent exclude each other", NULL);
	SP_TRY(sp__cli_open(cli));
	enum sp_client_list which = all ? SP_CLIENT_ALL : sent ? SP_CLIENT_SENT : SP_CLIENT_UNOPENED;
	enum sp_err e = sp_client_messages(cli->client, which, args->n > 0 ? args->v[0] : NULL, &messages);
	if (e != SP_OK)
		(void)sp__cli_failed(cli, e, "cannot list messages", "see: sealpost room list");
	else if (cli->json)
		e = sp__cli_print_json(cli, messages_json(&messages));
	else if (messages.n == 0)
		sp__cli_talk(cli, "%s", all ? "no messages" : sent ? "no sent messages" : "no unread messages");
	for (size_t i = 0; e == SP_OK && !cli->json && i < messages.n; i++)
		print_message_line(cli, &messages.items[i]);
	if (e == SP_OK)
		sp__cli_tell_offline(cli, messages.is_offline);
	sp_client_result_free(&messages.mem);
	return e;
}

/* -- read -------------------------------------------------------------------------------------------------------------- */

static enum sp_err read_json(struct sp_cli *cli, const struct sp_client_message *m)
{
	json_t *document = sp__cli_json_message(m);
	json_t *verification = json_pack("{s:s,s:o,s:o}", "result", sp__cli_verdict_name(m->verdict), "signer", sp__cli_json_text(sp_bytes_str(m->signer)),
					 "reason", sp__cli_json_text(sp_bytes_str(m->reason)));
	if (json_object_set_new(document, "verification", verification) != 0 || json_object_set_new(document, "files", json_array()) != 0) {
		json_decref(document);
		document = NULL;
	}
	return sp__cli_print_json(cli, document);
}

static void print_labelled(const char *label, const char *text)
{
	printf("%-8s", label);
	sp__cli_put(stdout, sp_bytes_str(text), SP_CLI_PUT_LINE);
	fputc('\n', stdout);
}

/* The verdict stands above the text and the text is indented: content cannot imitate it. */
static void print_message(struct sp_cli *cli, const struct sp_client_message *m)
{
	char when[SP_TIME_TEXT_MAX];
	bool failed = m->verdict == SP_CLIENT_VERDICT_FAILED;
	sp__cli_time_text(when, m->time.ms ? m->time : m->sent, sp__cli_now());
	print_labelled("from", m->from);
	print_labelled("room", m->room_name);
	printf("%-8s%s\n%-8s%s\n", "time", when, "id", m->id);
	printf("%-8s%s%s", "signed", failed ? sp__cli_style(cli, "\033[31m") : "", sp__cli_verdict_name(m->verdict));
	if (m->signer && m->signer[0]) {
		fputs(", by ", stdout);
		sp__cli_put(stdout, sp_bytes_str(m->signer), SP_CLI_PUT_LINE);
	}
	if (m->reason && m->reason[0]) {
		fputs(": ", stdout);
		sp__cli_put(stdout, sp_bytes_str(m->reason), SP_CLI_PUT_LINE);
	}
	printf("%s\n\n  ", failed ? sp__cli_style(cli, "\033[0m") : "");
	sp__cli_put(stdout, sp_bytes_str(m->text), SP_CLI_PUT_BLOCK);
	fputc('\n', stdout);
}

enum sp_err sp__cli_read(struct sp_cli *cli, struct sp_cli_args *args)
{
	const struct sp_cli_options none = {NULL, 0};
	struct sp_client_sent found = {0};
	SP_TRY(sp__cli_args_parse(cli, args, &none, 1, 1));
	SP_TRY(sp__cli_open(cli));
	enum sp_err e = sp_client_read(cli->client, args->v[0], &found);
	if (e != SP_OK)
		(void)sp__cli_failed(cli, e, "cannot read that message", "see: sealpost inbox --all");
	else if (cli->json)
		e = read_json(cli, &found.message);
	else
		print_message(cli, &found.message);
	sp_client_result_free(&found.mem);
	return e;
}

/* -- status ------------------------------------------------------------------------------------------------------------ */

static json_t *reader_json(const struct sp_client_reader_state *r)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:{s:s}}", "account", sp__cli_json_text(sp_bytes_str(r->account)), "stored", sp__cli_json_time(r->stored),
			 "delivered", sp__cli_json_time(r->delivered), "opened", sp__cli_json_time(r->opened), "receipt", "result",
			 sp__cli_verdict_name(r->receipt));
}

static json_t *status_json(const struct sp_client_status *s)
{
	json_t *people = json_array();
	for (size_t i = 0; i < s->n; i++)
		if (json_array_append_new(people, reader_json(&s->people[i])) != 0) {
			json_decref(people);
			return NULL;
		}
	return json_pack("{s:s,s:s,s:s,s:s,s:o}", "id", s->id, "room", s->room, "mode", sp__cli_mode_name(s->mode), "state", sp__cli_state_name(s->state),
			 "people", people);
}

static void print_step(const char *name, struct sp_time t)
{
	char when[SP_TIME_TEXT_MAX];
	if (t.ms == 0) {
		printf("  %s -", name);
		return;
	}
	sp__cli_time_text(when, t, sp__cli_now());
	printf("  %s %s", name, when);
}

static void print_status(struct sp_cli *cli, const struct sp_client_status *s)
{
	size_t width = 0;
	printf("%s  %s\n", s->id, sp__cli_state_name(s->state));
	for (size_t i = 0; i < s->n; i++)
		width = SP_MAX(width, sp__cli_width(sp_bytes_str(s->people[i].account)));
	for (size_t i = 0; i < s->n; i++) {
		const struct sp_client_reader_state *r = &s->people[i];
		sp__cli_put_padded(stdout, sp_bytes_str(r->account), width);
		print_step("stored", r->stored);
		print_step("delivered", r->delivered);
		print_step("opened", r->opened);
		fputc('\n', stdout);
	}
	sp__cli_tell_offline(cli, s->is_offline);
}

enum sp_err sp__cli_status(struct sp_cli *cli, struct sp_cli_args *args)
{
	const struct sp_cli_options none = {NULL, 0};
	struct sp_client_status status = {0};
	SP_TRY(sp__cli_args_parse(cli, args, &none, 1, 1));
	SP_TRY(sp__cli_open(cli));
	enum sp_err e = sp_client_status(cli->client, args->v[0], &status);
	if (e != SP_OK)
		(void)sp__cli_failed(cli, e, "cannot tell that message's status", "see: sealpost inbox --sent");
	else if (cli->json)
		e = sp__cli_print_json(cli, status_json(&status));
	else
		print_status(cli, &status);
	sp_client_result_free(&status.mem);
	return e;
}
