/* SPDX-License-Identifier: Apache-2.0
 *
 * sealpost shell: the commands at a prompt, with history and completion, and a numbered menu. The profile is unlocked
 * once. History lives in memory only: what was typed may be a message, and none is left on the disk in clear.
 */
#include "cli/cli_priv.h"

#include <histedit.h>
#include <signal.h>
#include <unistd.h>

#define LINE_BYTES (SP_LIMIT_CONTENT + 1024u)
#define NAMES_MAX 2048u

struct shell {
	struct sp_cli *cli;
	EditLine *el; /* NULL when input is not a terminal */
	History *history;
	char **names; /* completion: people and rooms */
	size_t names_n, names_cap;
	bool is_over;
	char prompt[16];
	char line[LINE_BYTES];
};

static const char menu[] = "  1 people   2 new messages   3 all messages   4 send   5 status   6 rooms   7 quit\n"
			   "  or any command, as on the command line; `help` lists them\n";

/* -- completion ---------------------------------------------------------------------------------------------------------- */

static void names_clear(struct shell *sh)
{
	for (size_t i = 0; i < sh->names_n; i++)
		sp_free(sh->names[i]);
	sh->names_n = 0;
}

static void name_add(struct shell *sh, const char *name, size_t n)
{
	if (sp_array_grow(&sh->names, &sh->names_cap, sh->names_n + 1, sizeof *sh->names, NAMES_MAX) != SP_OK)
		return;
	char *copy = sp_str_dup((struct sp_bytes){(const uint8_t *)name, n});
	if (copy)
		sh->names[sh->names_n++] = copy;
}

/* Names to complete are a convenience: without the server there are those known from before, or none. */
static void names_load(struct shell *sh)
{
	struct sp_client_people people = {0};
	struct sp_client_rooms rooms = {0};
	names_clear(sh);
	if (sp_client_people(sh->cli->client, &people) == SP_OK)
		for (size_t i = 0; i < people.n; i++)
			name_add(sh, people.items[i].account, strcspn(people.items[i].account, "@"));
	sp_client_result_free(&people.mem);
	if (sp_client_room_list(sh->cli->client, &rooms) == SP_OK)
		for (size_t i = 0; i < rooms.n; i++)
			if (!rooms.items[i].is_direct && !strpbrk(rooms.items[i].name, "\"'\\"))
				name_add(sh, rooms.items[i].name, strlen(rooms.items[i].name));
	sp_client_result_free(&rooms.mem);
}

/* How many begin with the prefix; *out_match is one of them, *out_common how many bytes they share. */
static size_t match_names(struct shell *sh, bool commands, const char *prefix, size_t n, const char **out_match, size_t *out_common)
{
	size_t count = 0, total = commands ? sp__cli_command_count : sh->names_n;
	for (size_t i = 0; i < total; i++) {
		const char *name = commands ? sp__cli_commands[i].name : sh->names[i];
		if (strncmp(name, prefix, n) != 0)
			continue;
		size_t common = count++ ? *out_common : strlen(name);
		while (count > 1 && strncmp(name, *out_match, common) != 0)
			common--;
		*out_match = name;
		*out_common = common;
	}
	return count;
}

static unsigned char complete(EditLine *el, int key)
{
	struct shell *sh;
	const LineInfo *line = el_line(el);
	const char *start = line->cursor, *match = NULL;
	size_t common = 0;
	if (el_get(el, EL_CLIENTDATA, &sh) != 0)
		return CC_ERROR;
	while (start > line->buffer && start[-1] != ' ')
		start--;
	size_t n = (size_t)(line->cursor - start), count = match_names(sh, start == line->buffer, start, n, &match, &common);
	if (count == 0 || (count > 1 && common == n))
		return CC_REFRESH_BEEP;
	char insert[SP_LIMIT_ROOM_NAME + 2];
	snprintf(insert, sizeof insert, "%.*s%s", (int)(common - n), match + n, count == 1 ? " " : "");
	return el_insertstr(el, insert) == 0 ? CC_REFRESH : CC_ERROR;
}

/* -- reading lines ------------------------------------------------------------------------------------------------------- */

static char *prompt(EditLine *el)
{
	struct shell *sh;
	static char none[] = "";
	return el_get(el, EL_CLIENTDATA, &sh) == 0 ? sh->prompt : none;
}

/* The next line without its end, in sh->line; SP_ERR_CLOSED at the end of input. A terminal is edited by libedit. */
static enum sp_err next_line(struct shell *sh, const char *ask)
{
	const char *got;
	int n = 0;
	snprintf(sh->prompt, sizeof sh->prompt, "%s", ask);
	if (sh->el)
		got = el_gets(sh->el, &n);
	else
		got = fgets(sh->line, sizeof sh->line, stdin);
	if (!got || strlen(got) >= sizeof sh->line)
		return SP_ERR_CLOSED;
	if (got != sh->line)
		snprintf(sh->line, sizeof sh->line, "%s", got);
	sh->line[strcspn(sh->line, "\r\n")] = '\0';
	return SP_OK;
}

static void remember(struct shell *sh)
{
	HistEvent event;
	if (sh->history && sh->line[0])
		history(sh->history, &event, H_ENTER, sh->line);
}

/* -- running lines ------------------------------------------------------------------------------------------------------- */

/* Each line starts from the options that the shell itself was given. */
static void run_words(struct shell *sh, const char **words, size_t n)
{
	struct sp_cli *cli = sh->cli, options = *cli;
	struct sp_cli_args args = {words, n};
	(void)sp__cli_dispatch(cli, &args); /* has printed what failed */
	cli->home = options.home;
	cli->passphrase_file = options.passphrase_file;
	cli->json = options.json;
	cli->quiet = options.quiet;
	cli->wants_help = cli->wants_version = false;
	clearerr(stdout);
}

static void run_one(struct shell *sh, const char *word, const char *argument)
{
	const char *words[] = {word, argument};
	run_words(sh, words, argument ? 2 : 1);
}

static void menu_send(struct shell *sh)
{
	char to[SP_LIMIT_ADDRESS + 1];
	if (next_line(sh, "to: ") != SP_OK || !sh->line[0] || strlen(sh->line) >= sizeof to)
		return;
	snprintf(to, sizeof to, "%.*s", (int)sizeof to - 1, sh->line);
	if (next_line(sh, "text: ") != SP_OK || !sh->line[0])
		return;
	const char *words[] = {"send", to, "-m", sh->line};
	run_words(sh, words, SP_ARRAY_LEN(words));
}

static enum sp_err run_menu(struct shell *sh)
{
	if (sh->line[0] == '\0' || sh->line[1] != '\0')
		return SP_ERR_NOT_FOUND;
	switch (sh->line[0]) {
	case '1':
		run_one(sh, "people", NULL);
		return SP_OK;
	case '2':
		run_one(sh, "inbox", NULL);
		return SP_OK;
	case '3':
		run_one(sh, "inbox", "--all");
		return SP_OK;
	case '4':
		menu_send(sh);
		return SP_OK;
	case '5':
		run_one(sh, "status", "last");
		return SP_OK;
	case '6':
		run_one(sh, "room", "list");
		return SP_OK;
	case '7':
		sh->is_over = true;
		return SP_OK;
	default:
		return SP_ERR_NOT_FOUND;
	}
}

static bool is_word(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(text, *words) == 0)
			return true;
	return false;
}

/* What only the shell knows. */
static enum sp_err run_own(struct shell *sh, const char **words, int n)
{
	static const char *const ends[] = {"quit", "exit", NULL}, *const menus[] = {"menu", "?", NULL}, *const not_here[] = {"shell", "try", "join", NULL};
	if (is_word(words[0], ends)) {
		sh->is_over = true;
	} else if (is_word(words[0], menus)) {
		fputs(menu, stdout);
	} else if (strcmp(words[0], "help") == 0) {
		run_one(sh, n > 1 ? words[1] : "--help", n > 1 ? "--help" : NULL);
	} else if (is_word(words[0], not_here)) {
		fprintf(stderr, "sealpost: not inside the shell: %s\n", words[0]);
	} else {
		return SP_ERR_NOT_FOUND;
	}
	return SP_OK;
}

static void run_line(struct shell *sh)
{
	int n = 0;
	const char **words = NULL;
	Tokenizer *tok = tok_init(NULL);
	if (!tok)
		return;
	int rc = tok_str(tok, sh->line, &n, &words); /* quotes as in a shell */
	if (rc != 0)
		fputs("sealpost: a quote is not closed\n", stderr);
	else if (n > 0 && run_own(sh, words, n) != SP_OK)
		run_words(sh, words, (size_t)n);
	tok_end(tok);
}

static bool line_is_about_names(const char *line)
{
	static const char *const changes[] = {"1", "6", "people", "room", "invite"};
	for (size_t i = 0; i < SP_ARRAY_LEN(changes); i++)
		if (strncmp(line, changes[i], strlen(changes[i])) == 0)
			return true;
	return false;
}

static void loop(struct shell *sh)
{
	fputs(menu, stdout);
	while (!sh->is_over && next_line(sh, "sealpost> ") == SP_OK) {
		bool reload = sh->el && line_is_about_names(sh->line);
		remember(sh);
		if (run_menu(sh) != SP_OK)
			run_line(sh);
		fflush(stdout);
		if (reload)
			names_load(sh);
	}
}

/* -- setting up ---------------------------------------------------------------------------------------------------------- */

static void edit_start(struct shell *sh)
{
	HistEvent event;
	sh->history = history_init();
	sh->el = el_init("sealpost", stdin, stdout, stderr);
	if (!sh->el || !sh->history)
		return;
	history(sh->history, &event, H_SETSIZE, 200);
	el_set(sh->el, EL_CLIENTDATA, sh);
	el_set(sh->el, EL_PROMPT, prompt);
	el_set(sh->el, EL_EDITOR, "emacs");
	el_set(sh->el, EL_HIST, history, sh->history);
	el_set(sh->el, EL_ADDFN, "sp-complete", "complete a name", complete);
	el_set(sh->el, EL_BIND, "^I", "sp-complete", NULL);
	names_load(sh);
}

static void edit_end(struct shell *sh)
{
	if (sh->el)
		el_end(sh->el);
	if (sh->history)
		history_end(sh->history);
	names_clear(sh);
	sp_free(sh->names);
}

enum sp_err sp__cli_shell(struct sp_cli *cli, struct sp_cli_args *args)
{
	const struct sp_cli_options none = {NULL, 0};
	SP_TRY(sp__cli_args_parse(cli, args, &none, 0, 0));
	SP_TRY(sp__cli_open(cli));
	struct shell *sh = sp_alloc(sizeof *sh);
	if (!sh)
		return SP_ERR_NOMEM;
	sh->cli = cli;
	void (*was)(int) = signal(SIGINT, SIG_IGN); /* Ctrl-C ends a listen, not the shell */
	if (isatty(STDIN_FILENO))
		edit_start(sh);
	loop(sh);
	edit_end(sh);
	sp_free_secret(sh, sizeof *sh);
	signal(SIGINT, was);
	cli->failure = (struct sp_cli_failure){0};
	return SP_OK;
}
