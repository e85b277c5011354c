/* SPDX-License-Identifier: Apache-2.0
 *
 * keeper: the one holder of the organisation's keys. It answers typed questions (wire/keeper_msg.h), judges each for
 * itself, and writes its ledger, durably, before any signature leaves.
 *
 * Its folder (0700): lock, kek (unless systemd gives it), root.key, issuing.key (sealed under the KEK), root.der,
 * issuing.der, root.crl, ledger, and admin.sock while it runs.
 *
 * Time is an argument. Does not check: who may open its folder or its admin socket (the file system does); an account
 * chain beyond its first version (clients and server do).
 */
#ifndef SP_KEEPER_H
#define SP_KEEPER_H

#include "base/base.h"
#include "pki/pki.h"
#include "wire/frame.h"
#include "wire/keeper_msg.h"

struct sp_keeper;

/* -- making and opening ------------------------------------------------------------------------------------------- */

struct sp_keeper_plan {
	const char *folder; /* D/keeper: an empty folder that the caller made */
	struct sp_bytes org;
	bool is_open; /* self-registration without a token */
	struct sp_time now;
};
/* Makes keys, certificates and the ledger's first record. SP_ERR_EXISTS when there is a ledger already. */
SP_MUST_USE enum sp_err sp_keeper_make(const struct sp_keeper_plan *plan);

/* Takes the lock (SP_ERR_LOCKED: another process has it), opens the keys, replays the ledger. SP_ERR_CORRUPT when the
 * ledger's chain does not hold; an incomplete last record, which was never acknowledged, is cut off. */
SP_MUST_USE enum sp_err sp_keeper_open(struct sp_keeper **out, const char *folder, struct sp_time now);
/* For reading only: no lock, no keys, nothing is changed on disk; works beside a running keeper. */
SP_MUST_USE enum sp_err sp_keeper_peek(struct sp_keeper **out, const char *folder);
void sp_keeper_close(struct sp_keeper **keeper);

const char *sp_keeper_org(const struct sp_keeper *keeper);
const struct sp_hash32 *sp_keeper_fingerprint(const struct sp_keeper *keeper);
bool sp_keeper_registration_is_open(const struct sp_keeper *keeper);
struct sp_bytes sp_keeper_root(const struct sp_keeper *keeper);    /* DER, borrowed */
struct sp_bytes sp_keeper_issuing(const struct sp_keeper *keeper); /* DER, borrowed */

/* -- the operator's verbs (command line, on the machine) -------------------------------------------------------------- */

enum sp_keeper_verb { SP_KEEPER_INVITE = 1, SP_KEEPER_DISABLE = 2, SP_KEEPER_ENABLE = 3 };
struct sp_keeper_order {
	enum sp_keeper_verb verb;
	struct sp_bytes name;   /* invite: empty = the invited one chooses */
	bool is_admin;          /* invite */
	struct sp_time expires; /* invite */
};
/* Durable when it returns. invite: out_token is filled; SP_ERR_EXISTS when the name is taken or could be mistaken for one
 * that is. disable, enable: SP_ERR_NOT_FOUND; SP_ERR_STATE when it is so already. Disabling puts the account's
 * certificates on the CRL; enabling takes them off. */
SP_MUST_USE enum sp_err sp_keeper_obey(struct sp_keeper *keeper, uint8_t out_token[SP_WIRE_KEEPER_TOKEN], const struct sp_keeper_order *order,
				       struct sp_time now);
/* The same through admin.sock of the keeper that runs on this folder. SP_ERR_UNREACHABLE when none does. */
SP_MUST_USE enum sp_err sp_keeper_ask(const char *folder, uint8_t out_token[SP_WIRE_KEEPER_TOKEN], const struct sp_keeper_order *order);

struct sp_keeper_account_info {
	struct sp_id16 account_id;
	char address[SP_LIMIT_ADDRESS + 1];
	bool is_admin;
	bool is_disabled;
	struct sp_time since;
	unsigned certificates;
};
/* index from 0, in order of enrolment; SP_ERR_NOT_FOUND past the end. */
SP_MUST_USE enum sp_err sp_keeper_account_at(const struct sp_keeper *keeper, size_t index, struct sp_keeper_account_info *out);

/* The newest CRL pair; made anew when it is an hour old or accounts changed. Borrowed until the next call. */
SP_MUST_USE enum sp_err sp_keeper_crl(struct sp_keeper *keeper, struct sp_bytes *out, struct sp_time now);

/* -- answering front -------------------------------------------------------------------------------------------------- */

/* What one front may still ask. */
struct sp_keeper_session {
	enum sp_wire_keeper_phase phase;
	int64_t credit; /* rate limit, in thousandths of a request; refilled by time */
	struct sp_time refilled;
};
void sp_keeper_session_init(struct sp_keeper_session *session, struct sp_time now);
/* Answers one request (a whole frame, header decoded); appends a whole frame. Fails only when the process must end: a
 * refusal is an answer. */
SP_MUST_USE enum sp_err sp_keeper_answer(struct sp_keeper *keeper, struct sp_keeper_session *session, struct sp_buf *out,
					 const struct sp_frame *request, struct sp_time now);

struct sp_keeper_run {
	const char *folder;
	int front_fd; /* SOCK_STREAM socketpair */
	int stop_fd;  /* readable or closed: stop */
	int log_fd;   /* a line for each refusal */
};
/* Serves until stop_fd says so or front closes its end (SP_OK), or until something that may not be retried failed. */
SP_MUST_USE enum sp_err sp_keeper_serve(const struct sp_keeper_run *run);

/* -- the ledger, for `audit` and `check` --------------------------------------------------------------------------------- */

struct sp_keeper_entry {
	uint64_t seq;
	struct sp_time time;
	const char *what;  /* "enrolled": static */
	const char *who;   /* an address, a name, or ""; borrowed for the call */
	const char *detail; /* printable "key=value key=value"; borrowed for the call */
	struct sp_hash32 chain;
};
typedef enum sp_err sp_keeper_entry_fn(void *ctx, const struct sp_keeper_entry *entry);
/* Every entry in order, each checked against the chain before it is shown. SP_ERR_CORRUPT where it breaks. */
SP_MUST_USE enum sp_err sp_keeper_audit(const char *folder, sp_keeper_entry_fn *each, void *ctx);

#endif
