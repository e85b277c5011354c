/* SPDX-License-Identifier: Apache-2.0
 *
 * sealpost listen: stays online and prints what comes, until Ctrl-C.
 */
#include "cli/cli_priv.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define STEP_MS 250u /* how long a Ctrl-C may have to wait */

static json_t *receipt_json(const struct sp_client_event *ev)
{
	return json_pack("{s:s,s:s,s:s,s:o,s:o,s:o,s:o}", "event", "receipt", "id", ev->id, "room", ev->room, "account",
			 sp__cli_json_text(sp_bytes_str(ev->account)), "delivered", sp__cli_json_time(ev->delivered), "opened",
			 sp__cli_json_time(ev->opened), "time", sp__cli_json_time(ev->time));
}

static json_t *member_json(const struct sp_client_event *ev)
{
	return json_pack("{s:s,s:s,s:o,s:o,s:s,s:o}", "event", "member", "room", ev->room, "room_name", sp__cli_json_text(sp_bytes_str(ev->room_name)),
			 "account", sp__cli_json_text(sp_bytes_str(ev->account)), "change", ev->change == SP_CLIENT_LEFT ? "left" : "joined", "time",
			 sp__cli_json_time(ev->time));
}

static json_t *trouble_json(const struct sp_client_event *ev)
{
	return json_pack("{s:s,s:s,s:s,s:o,s:o}", "event", "trouble", "code", sp_err_name(ev->code) + strlen("SP_ERR_"), "room", ev->room, "message",
			 sp__cli_json_text(sp_bytes_str(ev->text)), "time", sp__cli_json_time(ev->time));
}

static json_t *event_json(const struct sp_client_event *ev)
{
	switch (ev->kind) {
	case SP_CLIENT_EVENT_RECEIPT:
		return receipt_json(ev);
	case SP_CLIENT_EVENT_MEMBER:
		return member_json(ev);
	case SP_CLIENT_EVENT_TROUBLE:
		return trouble_json(ev);
	case SP_CLIENT_EVENT_MESSAGE:
		break;
	}
	json_t *document = sp__cli_json_message(&ev->message);
	if (json_object_set_new(document, "event", json_string("message")) != 0) {
		json_decref(document);
		return NULL;
	}
	return document;
}

static void print_text(const char *text)
{
	sp__cli_put(stdout, sp_bytes_str(text), SP_CLI_PUT_LINE);
}

static void print_incoming(struct sp_cli *cli, const struct sp_client_message *m)
{
	printf("%s", sp__cli_style(cli, "\033[1m"));
	print_text(m->from);
	printf("%s", sp__cli_style(cli, "\033[0m"));
	if (!m->is_direct) {
		fputs(" [", stdout);
		print_text(m->room_name);
		fputs("]", stdout);
	}
	fputs(": ", stdout);
	sp__cli_put(stdout, sp_bytes_str(m->text), SP_CLI_PUT_BLOCK);
	printf("  (%.8s)\n", m->id);
}

static void print_event(struct sp_cli *cli, const struct sp_client_event *ev)
{
	char when[SP_TIME_TEXT_MAX];
	sp__cli_time_text(when, ev->time.ms ? ev->time : sp__cli_now(), sp__cli_now());
	printf("%s  ", when);
	switch (ev->kind) {
	case SP_CLIENT_EVENT_MESSAGE:
		print_incoming(cli, &ev->message);
		break;
	case SP_CLIENT_EVENT_RECEIPT:
		printf("%.8s %s by ", ev->id, ev->opened.ms ? "opened" : "delivered");
		print_text(ev->account);
		fputc('\n', stdout);
		break;
	case SP_CLIENT_EVENT_MEMBER:
		print_text(ev->account);
		printf(" %s ", ev->change == SP_CLIENT_LEFT ? "left" : "joined");
		print_text(ev->room_name);
		fputc('\n', stdout);
		break;
	case SP_CLIENT_EVENT_TROUBLE:
		printf("%strouble: ", sp__cli_style(cli, "\033[33m"));
		print_text(ev->text);
		printf("%s\n", sp__cli_style(cli, "\033[0m"));
		break;
	}
}

static enum sp_err show_event(struct sp_cli *cli, const struct sp_client_event *ev)
{
	if (cli->json)
		return sp__cli_print_json(cli, event_json(ev));
	print_event(cli, ev);
	return sp__cli_flush(cli);
}

static bool signal_has_come(int signals)
{
	struct signalfd_siginfo info;
	return read(signals, &info, sizeof info) == (ssize_t)sizeof info;
}

static enum sp_err listen_until(struct sp_cli *cli, int signals)
{
	while (!signal_has_come(signals)) {
		struct sp_client_event event = {0};
		enum sp_err e = sp_client_listen(cli->client, STEP_MS, &event);
		if (e == SP_OK)
			e = show_event(cli, &event);
		else if (e == SP_ERR_TIMEOUT)
			e = SP_OK;
		else
			(void)sp__cli_failed(cli, e, "cannot listen", NULL);
		sp_client_result_free(&event.mem);
		if (e != SP_OK)
			return e;
	}
	return SP_OK;
}

enum sp_err sp__cli_listen(struct sp_cli *cli, struct sp_cli_args *args)
{
	const struct sp_cli_options none = {NULL, 0};
	sigset_t set, was;
	SP_TRY(sp__cli_args_parse(cli, args, &none, 0, 0));
	SP_TRY(sp__cli_open(cli));
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &was);
	int signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	cli->json_lines = true;
	enum sp_err e = signals < 0 ? SP_ERR_IO : listen_until(cli, signals);
	cli->json_lines = false;
	if (signals >= 0)
		close(signals);
	sigprocmask(SIG_SETMASK, &was, NULL);
	return e;
}
