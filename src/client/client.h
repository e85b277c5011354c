/* SPDX-License-Identifier: Apache-2.0
 *
 * client: the headless engine. Command line, shell and web page are faces of these calls, and hold nothing themselves.
 *
 * A client is one profile folder, opened with its passphrase. Calls are synchronous, from one thread at a time; two
 * processes may hold the same profile. A call that needs the server connects, finishes what an earlier run left
 * unfinished, reads what is new, and then does its work; killed at any instant, the next call finishes or rolls back.
 *
 * Results are plain structs. Strings in them are NUL-terminated, and live until sp_client_result_free(&result.mem),
 * which is safe on a zeroed result; a failed call leaves its result zeroed unless it says otherwise. Text that others
 * wrote is UTF-8 but not harmless: escape it for a terminal.
 *
 * Errors are enum sp_err; a face turns the class into its exit code. sp_client_diag says where and why.
 *   UNREACHABLE, CUT, TIMEOUT   the server; safe to repeat            NOT_FOUND, AMBIGUOUS   no such person, room, message
 *   FINGERPRINT, CERTIFICATE, EXPIRED, REVOKED, SIGNATURE, DENIED     refused; never shown as success
 *   PASSPHRASE                  the profile cannot be opened          STATE                  not joined yet, or joined already
 *
 * Does not check: that a terminal is safe to print on, nor that two people compared fingerprints.
 */
#ifndef SP_CLIENT_H
#define SP_CLIENT_H

#include "base/base.h"

#define SP_CLIENT_ID_TEXT 27u    /* base32 of 16 bytes and a NUL: message, room, account and device ids */
#define SP_CLIENT_PREFIX_MIN 4u  /* the shortest prefix of an id that is taken for one */

struct sp_client;
struct sp_client_mem; /* what a result's strings and lists live in */
void sp_client_result_free(struct sp_client_mem **mem);

/* -- the profile --------------------------------------------------------------------------------------------------- */

struct sp_client_config {
	const char *home;           /* folder; made 0700 when `create` */
	struct sp_bytes passphrase; /* borrowed for the call; 8 to 1024 bytes */
	bool create;                /* make the profile when there is none */
	unsigned timeout_ms;        /* for one exchange with the server; 0: 15 seconds */
};
/* SP_ERR_NOT_FOUND no profile there (and not create), SP_ERR_PASSPHRASE wrong, SP_ERR_INVALID too short for a new profile,
 * SP_ERR_FORMAT_NEWER, SP_ERR_CORRUPT, SP_ERR_IO. */
SP_MUST_USE enum sp_err sp_client_open(struct sp_client **out, const struct sp_client_config *config);
void sp_client_close(struct sp_client **client);
/* Is there a profile in this folder? Asked before a passphrase is. */
bool sp_client_home_has_profile(const char *home);
/* Did it join an organisation? */
bool sp_client_is_joined(const struct sp_client *client);
/* Of the last failed call; never NULL. */
const struct sp_diag *sp_client_diag(const struct sp_client *client);
/* A sentence the server sent with its last refusal, or "". */
const char *sp_client_hint(const struct sp_client *client);

/* -- identity -------------------------------------------------------------------------------------------------------- */

struct sp_client_me {
	struct sp_client_mem *mem;
	const char *account; /* alice@example.org */
	char account_id[SP_CLIENT_ID_TEXT];
	const char *organisation;
	const char *server; /* host:port */
	char device_id[SP_CLIENT_ID_TEXT];
	const char *device_name;
	struct sp_hash32 fingerprint;              /* the person's */
	struct sp_hash32 organisation_fingerprint; /* what the link carried, and the server's root was found to have */
	bool is_admin;
	struct sp_time certificate_until;
	bool was_joined_before; /* join: this profile had joined already; nothing was done */
};
/* Joins by `sealpost://HOST:PORT/FPR/TOKEN`. name may be NULL when the invitation fixes it. Killed in between, the same
 * call with the same link finishes. SP_ERR_FINGERPRINT the server is not the one of the link; SP_ERR_TOKEN; SP_ERR_EXISTS
 * the name is taken or too like another; SP_ERR_STATE this profile belongs to another organisation or account already;
 * SP_ERR_USAGE not a link, or not a name. */
SP_MUST_USE enum sp_err sp_client_join(struct sp_client *client, const char *link, const char *name, struct sp_client_me *out);
/* Without the server. */
SP_MUST_USE enum sp_err sp_client_whoami(struct sp_client *client, struct sp_client_me *out);

struct sp_client_person {
	const char *account;
	char account_id[SP_CLIENT_ID_TEXT];
	struct sp_hash32 fingerprint;
	unsigned devices;
	bool is_me;
	bool is_admin;
	bool is_disabled;
	bool is_online;    /* as of the last answer of the server */
	bool is_checked;   /* the fingerprint was compared */
	bool is_recovered; /* the account was begun anew by the organisation: show it */
	bool is_refused;   /* the server showed devices that no earlier device signed (M02): nothing goes to them */
};
struct sp_client_people {
	struct sp_client_mem *mem;
	struct sp_client_person *items; /* by address */
	size_t n;
	bool is_offline; /* the server could not be reached: what is known from before */
};
SP_MUST_USE enum sp_err sp_client_people(struct sp_client *client, struct sp_client_people *out);

struct sp_client_invitation {
	struct sp_client_mem *mem;
	const char *link;
	const char *name; /* "" when the invited one chooses */
	struct sp_time expires;
};
/* Admins only. lifetime_ms 0: seven days. */
SP_MUST_USE enum sp_err sp_client_invite(struct sp_client *client, const char *name, bool admin, int64_t lifetime_ms,
					 struct sp_client_invitation *out);

/* -- messages -------------------------------------------------------------------------------------------------------- */

enum sp_client_mode { SP_CLIENT_PRIVATE = 1, SP_CLIENT_RECORD = 2 };
enum sp_client_state { SP_CLIENT_QUEUED, SP_CLIENT_STORED, SP_CLIENT_NEW, SP_CLIENT_OPENED }; /* the first two: own messages */
enum sp_client_content { SP_CLIENT_TEXT, SP_CLIENT_NOTICE };
enum sp_client_verdict { SP_CLIENT_VERDICT_NONE, SP_CLIENT_VERDICT_OK, SP_CLIENT_VERDICT_FAILED };

struct sp_client_message {
	char id[SP_CLIENT_ID_TEXT];
	char room[SP_CLIENT_ID_TEXT];
	const char *room_name;
	enum sp_client_mode mode;
	bool is_direct;
	bool is_mine;
	const char *from; /* the MLS sender's address; "" for notices of this client */
	struct sp_time time; /* the server's; 0 while queued */
	struct sp_time sent; /* the sender's clock */
	enum sp_client_content kind;
	enum sp_client_state state;
	const char *text;
	enum sp_client_verdict verdict; /* of the sender's certificate and signature */
	const char *signer;
	const char *reason;
};

struct sp_client_sent {
	struct sp_client_mem *mem;
	struct sp_client_message message; /* state QUEUED or STORED */
};
/* to: a person (bob, bob@example.org), a room's name, `everyone`, or an id's prefix. SP_OK: stored. SP_ERR_UNREACHABLE,
 * _CUT or _TIMEOUT: when out->message.id is not empty, the message is kept (QUEUED) and goes out with the next call that
 * reaches the server; sending the same text to the same place again is the same message. SP_ERR_TOO_LONG above 64 KiB. */
SP_MUST_USE enum sp_err sp_client_send(struct sp_client *client, const char *to, struct sp_bytes text, struct sp_client_sent *out);

enum sp_client_list { SP_CLIENT_UNOPENED, SP_CLIENT_ALL, SP_CLIENT_SENT };
struct sp_client_messages {
	struct sp_client_mem *mem;
	struct sp_client_message *items; /* oldest first */
	size_t n;
	bool is_offline;
};
/* room: a room or person as in send, or NULL for all. Listing opens nothing. */
SP_MUST_USE enum sp_err sp_client_messages(struct sp_client *client, enum sp_client_list which, const char *room, struct sp_client_messages *out);

/* id: whole or a unique prefix, or "last". Marks it opened and sends that receipt (now, or with the next call that
 * reaches the server). */
SP_MUST_USE enum sp_err sp_client_read(struct sp_client *client, const char *id, struct sp_client_sent *out);

struct sp_client_reader_state {
	const char *account;
	struct sp_time stored; /* ms 0: not yet */
	struct sp_time delivered;
	struct sp_time opened;
	enum sp_client_verdict receipt;
};
struct sp_client_status {
	struct sp_client_mem *mem;
	char id[SP_CLIENT_ID_TEXT];
	char room[SP_CLIENT_ID_TEXT];
	enum sp_client_mode mode;
	enum sp_client_state state;
	struct sp_client_reader_state *people; /* everyone an own message was for; of another's message, ourselves */
	size_t n;
	bool is_offline;
};
/* id: a message's, or "last" for the newest own one. */
SP_MUST_USE enum sp_err sp_client_status(struct sp_client *client, const char *id, struct sp_client_status *out);

/* -- rooms ----------------------------------------------------------------------------------------------------------- */

enum sp_client_role { SP_CLIENT_READER = 1, SP_CLIENT_MEMBER = 2, SP_CLIENT_ADMIN = 3 };
struct sp_client_room_member {
	const char *account;
	char account_id[SP_CLIENT_ID_TEXT];
	enum sp_client_role role;
	unsigned devices;
	bool is_me;
};
struct sp_client_room {
	char id[SP_CLIENT_ID_TEXT];
	const char *name; /* of a direct room: the other's address */
	enum sp_client_mode mode;
	bool is_direct;
	bool is_everyone;
	bool is_open;   /* anyone of the organisation may join */
	bool is_left;   /* we left or were removed: history only */
	bool is_closed; /* cannot be followed: see trouble */
	const char *trouble;
	uint64_t epoch;
	struct sp_client_room_member *members;
	size_t members_n;
};
struct sp_client_rooms {
	struct sp_client_mem *mem;
	struct sp_client_room *items;
	size_t n;
	bool is_offline;
};
SP_MUST_USE enum sp_err sp_client_room_list(struct sp_client *client, struct sp_client_rooms *out);
/* The others give the room as it is afterwards, in out->items[0]. room: name, `everyone`, person or id prefix. */
SP_MUST_USE enum sp_err sp_client_room_show(struct sp_client *client, const char *room, struct sp_client_rooms *out);
SP_MUST_USE enum sp_err sp_client_room_new(struct sp_client *client, const char *name, const char *const *people, size_t n,
					   struct sp_client_rooms *out);
SP_MUST_USE enum sp_err sp_client_room_add(struct sp_client *client, const char *room, const char *const *people, size_t n,
					   struct sp_client_rooms *out);
SP_MUST_USE enum sp_err sp_client_room_remove(struct sp_client *client, const char *room, const char *const *people, size_t n,
					      struct sp_client_rooms *out);
SP_MUST_USE enum sp_err sp_client_room_leave(struct sp_client *client, const char *room, struct sp_client_rooms *out);

/* -- staying online -------------------------------------------------------------------------------------------------- */

enum sp_client_event_kind { SP_CLIENT_EVENT_MESSAGE, SP_CLIENT_EVENT_RECEIPT, SP_CLIENT_EVENT_MEMBER, SP_CLIENT_EVENT_TROUBLE };
enum sp_client_change { SP_CLIENT_JOINED = 1, SP_CLIENT_LEFT = 2 };
struct sp_client_event {
	struct sp_client_mem *mem;
	enum sp_client_event_kind kind;
	struct sp_client_message message; /* MESSAGE */
	char id[SP_CLIENT_ID_TEXT];       /* RECEIPT: of which message */
	char room[SP_CLIENT_ID_TEXT];     /* RECEIPT, MEMBER; TROUBLE: may be empty */
	const char *room_name;
	const char *account;          /* RECEIPT, MEMBER */
	struct sp_time delivered;     /* RECEIPT: ms 0 when not */
	struct sp_time opened;
	enum sp_client_change change; /* MEMBER */
	enum sp_err code;             /* TROUBLE: what and why, in words; the face adds the command that helps */
	const char *text;
	struct sp_time time;
};
/* The next event; connects and reconnects by itself (a lost server is a TROUBLE event, and so is its return).
 * SP_ERR_TIMEOUT: none within timeout_ms. *out is freed by the caller as any result. The first call starts, and shows
 * what came since the last sync. */
SP_MUST_USE enum sp_err sp_client_listen(struct sp_client *client, unsigned timeout_ms, struct sp_client_event *out);
/* For a face that waits on several things: readable means listen has something to do. -1 while not connected. */
int sp_client_listen_fd(const struct sp_client *client);

/* Connect, finish, read, send receipts; what every call does. */
SP_MUST_USE enum sp_err sp_client_sync(struct sp_client *client);

/* -- doctor ---------------------------------------------------------------------------------------------------------- */

enum sp_client_health { SP_CLIENT_GOOD, SP_CLIENT_WARNING, SP_CLIENT_BAD };
struct sp_client_check {
	const char *name; /* short and stable: profile, passphrase, server, certificate, clock, key-packages, outbox, rooms, crl */
	enum sp_client_health health;
	const char *text;    /* what was found */
	const char *command; /* what helps, or "" */
};
struct sp_client_doctor {
	struct sp_client_mem *mem;
	struct sp_client_check *items;
	size_t n;
};
SP_MUST_USE enum sp_err sp_client_doctor(struct sp_client *client, struct sp_client_doctor *out);

#endif
