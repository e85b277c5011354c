/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside daemon: a call of the program, its output, its commands, the children.
 */
#ifndef SP_DAEMON_PRIV_H
#define SP_DAEMON_PRIV_H

#include <jansson.h>
#include <limits.h>
#include <sys/types.h>

#include "daemon/config.h"
#include "daemon/daemon.h"
#include "keeper/keeper.h"

/* -- commands: one file each ------------------------------------------------------------------------------------------ */

/* One call. Options are parsed for all commands alike; a command says which it takes. */
struct sp_daemon_call {
	const struct sp_daemon_command *command;
	const char *dir;
	bool is_json;
	const char *name, *listen, *public, *registration, *store; /* init */
	bool is_admin;                                               /* invite */
	const char *days;                                            /* invite */
	bool is_one_uid_accepted;                                    /* run */
	const char *args[2];
	int args_n;
};
struct sp_daemon_command {
	const char *name;
	const char *options; /* letters of those it takes besides --dir and --json, as in commands.c */
	int args_max;
	const char *usage;
	const char *summary;
	int (*run)(const struct sp_daemon_call *call);
};

int sp__daemon_init(const struct sp_daemon_call *call);
int sp__daemon_run(const struct sp_daemon_call *call);
int sp__daemon_invite(const struct sp_daemon_call *call);
int sp__daemon_user(const struct sp_daemon_call *call);
int sp__daemon_audit(const struct sp_daemon_call *call);
int sp__daemon_check(const struct sp_daemon_call *call);

/* -- out.c ---------------------------------------------------------------------------------------------------------------- */

/* One line: what, why, and the command that helps (hint may be NULL). With --json the object of the contract. Returns the
 * exit code for e. */
int sp__daemon_fail(const struct sp_daemon_call *call, enum sp_err e, const char *what, const char *hint);
int sp__daemon_usage(const struct sp_daemon_call *call, const char *what);
/* Prints the document with --json and frees it. */
void sp__daemon_json(json_t *document);
/* Base32 of a fingerprint, NUL-terminated. */
#define SP_DAEMON_FINGERPRINT_TEXT 53u
void sp__daemon_fingerprint_text(char out[SP_DAEMON_FINGERPRINT_TEXT], const struct sp_hash32 *fingerprint);

/* -- folder.c ----------------------------------------------------------------------------------------------------------- */

struct sp_daemon_paths {
	char config[PATH_MAX], keeper[PATH_MAX], front[PATH_MAX], address[PATH_MAX];
};
/* Absolute. SP_ERR_NOT_FOUND when dir is none. */
enum sp_err sp__daemon_paths(struct sp_daemon_paths *out, const char *dir) SP_MUST_USE;
/* Paths, and the configuration; prints the failure itself. 0, or the exit code. */
int sp__daemon_open(const struct sp_daemon_call *call, struct sp_daemon_paths *paths, struct sp_daemon_config *config);
/* Does the order: through the running keeper, or directly when none runs. */
enum sp_err sp__daemon_order(const struct sp_daemon_paths *paths, uint8_t out_token[SP_WIRE_KEEPER_TOKEN], const struct sp_keeper_order *order) SP_MUST_USE;
struct sp_time sp__daemon_now(void);

/* -- check_store.c -------------------------------------------------------------------------------------------------------- */

/* Front's store, judged in front's own sandbox (as root, no file may come to be that front cannot open). SP_ERR_LOCKED:
 * a server runs on it. SP_ERR_NOT_FOUND: there is none yet. out_finding: the first thing found. */
enum sp_err sp__daemon_check_store(const struct sp_daemon_paths *paths, const struct sp_daemon_config *config, char *out_finding, size_t n) SP_MUST_USE;

/* -- link.c --------------------------------------------------------------------------------------------------------------- */

#define SP_DAEMON_LINK_MAX 512u
struct sp_daemon_link {
	char token[40];
	char text[SP_DAEMON_LINK_MAX]; /* sealpost://HOST:PORT/FINGERPRINT/TOKEN */
};
/* Where the link points: `public` of the configuration, else where it listens now, else `listen`. */
void sp__daemon_link(struct sp_daemon_link *out, const struct sp_daemon_config *config, const struct sp_daemon_paths *paths,
		     const struct sp_hash32 *fingerprint, const uint8_t token[SP_WIRE_KEEPER_TOKEN]);

/* Says on stderr when people could not use that link, and what helps. */
void sp__daemon_link_advise(const struct sp_daemon_link *link);

/* -- child.c ---------------------------------------------------------------------------------------------------------------- */

#define SP_DAEMON_EXIT_BASE 64
/* One keeper and one front, started together; when one ends, so does the other. */
struct sp_daemon_pair {
	pid_t keeper, front; /* 0: not running */
	int keeper_stop, front_stop; /* closing it ends the child; -1: closed */
	int ready;                   /* front says its address here; -1: said */
};
/* `sqlite:store.db` is a file of front's folder, wherever that is by now. */
void sp__daemon_place_store(char *out, size_t n, const char *url, const char *folder);
/* The uid of a configuration's text; 0: none. */
uid_t sp__daemon_uid_of(const char *text);
enum sp_err sp__daemon_pair_start(struct sp_daemon_pair *out, const struct sp_daemon_supervision *what, const struct sp_daemon_paths *paths,
				  const struct sp_daemon_config *config) SP_MUST_USE;

#endif
