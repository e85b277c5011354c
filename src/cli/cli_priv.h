/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of cli share: the run's context, arguments, output.
 */
#ifndef SP_CLI_PRIV_H
#define SP_CLI_PRIV_H

#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "base/base.h"
#include "base/limits.h"
#include "client/client.h"

#define SP_CLI_PASSPHRASE_MAX 1024u

struct sp_cli;

struct sp_cli_args {
	const char **v;
	size_t n;
};

struct sp_cli_command {
	const char *name;
	const char *arguments; /* as help shows them */
	const char *summary;   /* one line */
	const char *details;   /* more lines of help, each ends in \n; may be "" */
	enum sp_err (*run)(struct sp_cli *cli, struct sp_cli_args *args);
};

struct sp_cli_failure {
	bool is_set;
	enum sp_err err;
	char what[256];
	char why[256];
	char hint[256];
};

/* One run of the program, or one session of the shell. */
struct sp_cli {
	const char *home;
	const char *passphrase_file;
	bool json, quiet, wants_help, wants_version;
	bool json_lines; /* one object a line (listen) */
	bool color;
	const char *program; /* argv[0]: `try` finds sealpostd beside it */
	const struct sp_cli_command *command;
	struct sp_client *client; /* opened by the first command that needs it, kept by the shell */
	struct sp_cli_failure failure;
	bool is_told; /* the failure stands in what was printed already */
};

/* -- commands: one file each ------------------------------------------------------------------------------------ */

enum sp_err sp__cli_join(struct sp_cli *cli, struct sp_cli_args *args);
enum sp_err sp__cli_whoami(struct sp_cli *cli, struct sp_cli_args *args);
enum sp_err sp__cli_people(struct sp_cli *cli, struct sp_cli_args *args);
enum sp_err sp__cli_invite(struct sp_cli *cli, struct sp_cli_args *args);
enum sp_err sp__cli_send(struct sp_cli *cli, struct sp_cli_args *args);
enum sp_err sp__cli_inbox(struct sp_cli *cli, struct sp_cli_args *args);
enum sp_err sp__cli_read(struct sp_cli *cli, struct sp_cli_args *args);
enum sp_err sp__cli_status(struct sp_cli *cli, struct sp_cli_args *args);
enum sp_err sp__cli_room(struct sp_cli *cli, struct sp_cli_args *args);
enum sp_err sp__cli_listen(struct sp_cli *cli, struct sp_cli_args *args);
enum sp_err sp__cli_doctor(struct sp_cli *cli, struct sp_cli_args *args);
enum sp_err sp__cli_shell(struct sp_cli *cli, struct sp_cli_args *args);
enum sp_err sp__cli_try(struct sp_cli *cli, struct sp_cli_args *args);

/* -- cli.c: the table, the dispatcher, the profile ------------------------------------------------------------------ */

extern const struct sp_cli_command sp__cli_commands[];
extern const size_t sp__cli_command_count;
/* Runs one command line (without the program's name) and prints its failure. Returns the exit code. */
int sp__cli_dispatch(struct sp_cli *cli, struct sp_cli_args *args);
/* The profile's folder; SP_ERR_USAGE when none can be told. */
enum sp_err sp__cli_home(struct sp_cli *cli, char *out, size_t size) SP_MUST_USE;
/* The unlocked profile in cli->client, asking for the passphrase the first time. create: made when missing. */
enum sp_err sp__cli_open_profile(struct sp_cli *cli, bool create) SP_MUST_USE;
/* The same, which has joined. */
enum sp_err sp__cli_open(struct sp_cli *cli) SP_MUST_USE;

#define SP_CLI_GLOBALS 6u

/* -- args.c ------------------------------------------------------------------------------------------------------- */

struct sp_cli_option {
	const char *name;
	char letter;        /* 0: none */
	const char **value; /* set for an option with a value */
	bool *flag;         /* set for one without */
};
struct sp_cli_options {
	const struct sp_cli_option *options;
	size_t n;
};
struct sp_cli_options sp__cli_global_options(struct sp_cli *cli, struct sp_cli_option storage[SP_CLI_GLOBALS]);
/* One global option at the front of args. */
enum sp_err sp__cli_args_global(struct sp_cli *cli, struct sp_cli_args *args, size_t *out_taken) SP_MUST_USE;
/* Takes the options out of args; what is left must be min to max arguments. */
enum sp_err sp__cli_args_parse(struct sp_cli *cli, struct sp_cli_args *args, const struct sp_cli_options *own, size_t min, size_t max) SP_MUST_USE;

/* -- out.c -------------------------------------------------------------------------------------------------------- */

void sp__cli_talk(struct sp_cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *sp__cli_style(const struct sp_cli *cli, const char *code);
/* Takes the document over. */
enum sp_err sp__cli_print_json(struct sp_cli *cli, json_t *document) SP_MUST_USE;
enum sp_err sp__cli_flush(struct sp_cli *cli) SP_MUST_USE;
/* Records what failed, why and what helps (why and hint may be NULL); the first record stays. Returns e. */
enum sp_err sp__cli_fail(struct sp_cli *cli, enum sp_err e, const char *what, const char *why, const char *hint);
enum sp_err sp__cli_usage(struct sp_cli *cli, const char *what, const char *which);
/* The same for a failed call of the client: why and what helps follow from e, the server's words and the diag. lookup: the
 * command that lists what was not found, or NULL. */
enum sp_err sp__cli_failed(struct sp_cli *cli, enum sp_err e, const char *what, const char *lookup);
const char *sp__cli_why(const struct sp_cli *cli, enum sp_err e);
void sp__cli_print_failure(struct sp_cli *cli, enum sp_err e);
int sp__cli_exit_code(enum sp_err e);

/* -- json.c ------------------------------------------------------------------------------------------------------- */

/* Each gives a new document, or NULL when out of memory. */
json_t *sp__cli_json_time(struct sp_time t); /* null for 0 */
json_t *sp__cli_json_hash(const struct sp_hash32 *h);
json_t *sp__cli_json_message(const struct sp_client_message *m);
json_t *sp__cli_json_room(const struct sp_client_room *room);
const char *sp__cli_mode_name(enum sp_client_mode mode);
const char *sp__cli_state_name(enum sp_client_state state);
const char *sp__cli_verdict_name(enum sp_client_verdict verdict);
/* Hex and words; label is what stands before. */
void sp__cli_print_fingerprint(FILE *to, const char *label, const struct sp_hash32 *h);
void sp__cli_print_fingerprint_short(FILE *to, const struct sp_hash32 *h); /* six words */
struct sp_time sp__cli_now(void);

/* -- inbox.c ------------------------------------------------------------------------------------------------------ */

void sp__cli_tell_offline(struct sp_cli *cli, bool is_offline);

/* -- text.c ------------------------------------------------------------------------------------------------------- */

enum sp_cli_put {
	SP_CLI_PUT_LINE, /* stays on one line: line ends are escaped too */
	SP_CLI_PUT_BLOCK /* lines after the first are indented by two, so that none can pose as ours */
};
void sp__cli_put(FILE *to, struct sp_bytes text, enum sp_cli_put how);
void sp__cli_put_padded(FILE *to, struct sp_bytes text, size_t width);
size_t sp__cli_width(struct sp_bytes text);
json_t *sp__cli_json_text(struct sp_bytes text); /* broken UTF-8 becomes U+FFFD; NULL when out of memory */
void sp__cli_time_text(char out[SP_TIME_TEXT_MAX], struct sp_time t, struct sp_time now);

/* -- passphrase.c --------------------------------------------------------------------------------------------------- */

/* Appends the passphrase to out (initialised by the caller, who clears it). is_new: asked twice. */
enum sp_err sp__cli_passphrase(struct sp_cli *cli, bool is_new, struct sp_buf *out) SP_MUST_USE;

#endif
