/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of the engine: what its files share. Each part below names the file that does it.
 */
#ifndef SP_CLIENT_PRIV_H
#define SP_CLIENT_PRIV_H

#include "client/client.h"
#include "client/records.h"
#include "client/seal_priv.h"
#include "mls/mls.h"
#include "net/client.h"
#include "pki/device_list.h"
#include "pki/pki.h"
#include "rules/rules.h"
#include "store/profile.h"
#include "verdict/verdict.h"
#include "wire/catalogue.h"
#include "wire/content.h"
#include "wire/directory.h"
#include "wire/enrol.h"
#include "wire/errors.h"
#include "wire/inbox.h"
#include "wire/keypkg.h"
#include "wire/labels.h"
#include "wire/log.h"
#include "wire/response.h"
#include "wire/room.h"
#include "wire/session.h"

#define SP__DEFAULT_TIMEOUT_MS 15000u

struct sp__room;
struct sp__account;
struct sp__event_frame;

struct sp__connection {
	struct sp_net_client *net;
	uint32_t next_id;
	bool has_hello;
	struct sp_wire_hello_response hello; /* its vectors are not kept */
	bool directory_went_back;            /* behind what we had read before this connection */
	struct sp__event_frame *events;      /* arrived while an answer was awaited, oldest first */
	struct sp__event_frame **events_end;
	size_t waiting;      /* bytes of them */
	uint64_t credit_due; /* bytes of events read and not yet granted again */
};

struct sp__listening {
	bool is_started;
	bool is_subscribed;
	bool was_lost; /* a TROUBLE told so */
	bool was_clock_told;
	uint64_t shown_message;
	uint64_t shown_trouble;
	struct sp__listen_queue *queue;
	int64_t retry_ms; /* when to connect again */
	int64_t receipts_ms; /* when owed receipts are sent: coalescing */
	unsigned failures;
};

struct sp_client {
	struct sp_profile *db;
	struct sp__seal seal;
	char *home;
	unsigned timeout_ms;
	struct sp_diag diag;
	char hint[201];

	bool is_joined;
	struct sp_buf identity_raw;
	struct sp_wire_record_identity me; /* borrows from identity_raw */
	struct sp_sign_key *key;
	struct sp_signer signer;
	struct sp_pki_trust *trust;

	struct sp__connection conn;
	struct sp__room *rooms;       /* cache, room_load.c */
	struct sp__account *accounts; /* cache, directory.c */
	struct sp__listening listen;
	int64_t synced_ms; /* of the last whole sync on this connection */
};

/* -- clock.c: the one place that asks -- */
struct sp_time sp__now(void);

/* -- text.c: printable forms -- */
void sp__id_text(char out[SP_CLIENT_ID_TEXT], const struct sp_id16 *id);
bool sp__id_has_prefix(const struct sp_id16 *id, const char *prefix); /* of its text, at least SP_CLIENT_PREFIX_MIN long */
bool sp__utf8_is_valid(struct sp_bytes in);                           /* and without NUL */
/* Copies as valid UTF-8 without NUL: what is not becomes U+FFFD. Appends a NUL. */
SP_MUST_USE enum sp_err sp__utf8_clean(struct sp_buf *out, struct sp_bytes in);
void sp__text_set(char *out, size_t size, struct sp_bytes in); /* cut at size - 1 */
void sp__local_part(char out[SP_LIMIT_NAME + 1], struct sp_bytes address);

/* -- link.c: sealpost://HOST:PORT/FINGERPRINT/TOKEN -- */
struct sp__link {
	char host[256];
	uint16_t port;
	struct sp_hash32 organisation;
	char token[SP_WIRE_TOKEN_TEXT_MAX + 1];
};
SP_MUST_USE enum sp_err sp__link_parse(struct sp__link *out, const char *text);

/* -- mem.c: what results live in -- */
SP_MUST_USE enum sp_err sp__mem_new(struct sp_client_mem **out);
void *sp__mem_alloc(struct sp_client_mem *mem, size_t n);                          /* zeroed; NULL out of memory, and remembered */
const char *sp__mem_str(struct sp_client_mem *mem, struct sp_bytes text);           /* cleaned UTF-8; "" out of memory */
SP_MUST_USE enum sp_err sp__mem_grow(struct sp_client_mem *mem, void *array, size_t *cap, size_t need, size_t size);
SP_MUST_USE enum sp_err sp__mem_check(const struct sp_client_mem *mem);             /* NOMEM when an allocation failed */

/* -- batch.c: one transaction of the profile, and typed reading; state.c: single records -- */
struct sp__batch_op;
struct sp__batch {
	struct sp_client *client;
	struct sp__batch_op *ops;
	size_t n, cap;
	size_t bytes;
	enum sp_err err; /* sticky; apply returns it */
};
void sp__batch_init(struct sp__batch *batch, struct sp_client *client);
void sp__batch_clear(struct sp__batch *batch);
void sp__batch_put(struct sp__batch *batch, const struct sp__record_key *key, struct sp_bytes plain);
void sp__batch_put_record(struct sp__batch *batch, const struct sp__record_key *key, const struct sp_wire_layout *layout, const void *record);
void sp__batch_delete(struct sp__batch *batch, const struct sp__record_key *key);
void sp__batch_delete_raw(struct sp__batch *batch, uint8_t space, struct sp_bytes key);
void sp__batch_expect(struct sp__batch *batch, const struct sp__record_key *key, uint64_t revision);
void sp__batch_fail(struct sp__batch *batch, enum sp_err e);
bool sp__batch_has_put(const struct sp__batch *batch, const struct sp__record_key *key);
/* Applies and clears. SP_ERR_CONFLICT: another process was first. *out_revision may be NULL. */
SP_MUST_USE enum sp_err sp__batch_apply(struct sp__batch *batch, uint64_t *out_revision);

/* *out borrows from raw, which is cleared first. NOT_FOUND; CORRUPT; FORMAT_NEWER. out_revision may be NULL. */
SP_MUST_USE enum sp_err sp__record_get(struct sp_client *c, const struct sp__record_key *key, const struct sp_wire_layout *layout, struct sp_buf *raw,
				       void *out, uint64_t *out_revision);
struct sp__scan {
	enum sp_client_space space;
	struct sp_bytes prefix;
	struct sp_bytes after;
	size_t limit;
	bool reverse;
	const struct sp_wire_layout *layout;
	/* Must not touch the profile. record borrows until it returns; key is the store's. */
	enum sp_err (*visit)(void *ctx, struct sp_bytes key, const void *record);
	void *ctx;
};
SP_MUST_USE enum sp_err sp__record_scan(struct sp_client *c, const struct sp__scan *scan);

/* STATE records by name. */
SP_MUST_USE enum sp_err sp__state_key(struct sp_client *c, struct sp__record_key *out, const char *name);
SP_MUST_USE enum sp_err sp__state_get(struct sp_client *c, const char *name, const struct sp_wire_layout *layout, struct sp_buf *raw, void *out,
				      uint64_t *out_revision);
void sp__batch_put_state(struct sp__batch *batch, const char *name, const struct sp_wire_layout *layout, const void *record);

/* Counters and cursors: read, expected to stay, changed by the caller, put. */
SP_MUST_USE enum sp_err sp__counters_begin(struct sp__batch *batch, struct sp_wire_record_counters *out);
void sp__counters_put(struct sp__batch *batch, const struct sp_wire_record_counters *in);
SP_MUST_USE enum sp_err sp__cursors_get(struct sp_client *c, struct sp_wire_record_cursors *out);
SP_MUST_USE enum sp_err sp__cursors_begin(struct sp__batch *batch, struct sp_wire_record_cursors *out);
void sp__cursors_put(struct sp__batch *batch, const struct sp_wire_record_cursors *in);

/* A reqno for a request that need not survive a crash; stored before it is used. */
SP_MUST_USE enum sp_err sp__reqno_take(struct sp_client *c, uint64_t *out);

/* -- identity.c -- */
SP_MUST_USE enum sp_err sp__identity_load(struct sp_client *c); /* is_joined says whether there was one */
SP_MUST_USE enum sp_err sp__identity_store(struct sp_client *c, const struct sp_wire_record_identity *identity);

/* -- trust.c: judging credentials; the CRL -- */
SP_MUST_USE enum sp_err sp__trust_load(struct sp_client *c);
SP_MUST_USE enum sp_err sp__crl_refresh(struct sp_client *c); /* when the server has a newer one */
SP_MUST_USE enum sp_err sp__crl_take(struct sp_client *c, struct sp_bytes crl);
SP_MUST_USE enum sp_err sp__leaf_identity(struct sp_pki_claim *out, const struct sp_mls_credential *credential);

/* Everything an MLS call needs of us, for one item of the log or for what we make now. */
struct sp__mls {
	struct sp_client *client;
	struct sp_rng rng;
	struct sp_diag diag;
	struct sp_verdict_source source;
	struct sp_verdict verdict;
	struct sp_mls_limits limits;
	struct sp_mls_env env;
};
void sp__mls_init(struct sp__mls *mls, struct sp_client *c, struct sp_time at);

/* -- admission.c: what a group that we are about to join must be -- */
SP_MUST_USE enum sp_err sp__admission_check(struct sp_client *c, const struct sp_mls_view *view, struct sp_diag *diag);

/* -- connection.c -- */
SP_MUST_USE enum sp_err sp__connect(struct sp_client *c); /* with both certificates, and hello; no-op when connected */
void sp__disconnect(struct sp_client *c, bool cleanly);
SP_MUST_USE enum sp_err sp__connect_newcomer(struct sp_client *c, const struct sp__link *link);
/* Sends a body and waits for the answer, whose body goes into `raw` (cleared first). A broken connection is closed. */
SP_MUST_USE enum sp_err sp__call_raw(struct sp_client *c, enum sp_wire_type type, struct sp_bytes body, struct sp_buf *raw);
/* The same with structs of the type's layouts; response may be NULL when it is empty. It borrows from raw. */
SP_MUST_USE enum sp_err sp__call(struct sp_client *c, enum sp_wire_type type, const void *request, struct sp_buf *raw, void *response);
/* The rule the server named with its last REFUSED; the wire error of the last answer. */
bool sp__error_is_network(enum sp_err e);
struct sp__event_frame {
	struct sp__event_frame *next;
	uint8_t type; /* enum sp_wire_type, or a newer server's */
	struct sp_buf body;
};
/* The next event, already arrived or within timeout_ms; the caller frees it. SP_ERR_TIMEOUT. */
SP_MUST_USE enum sp_err sp__event_take(struct sp_client *c, struct sp__event_frame **out, unsigned timeout_ms);
void sp__event_free(struct sp__event_frame **event);

/* -- outbox.c: mutations -- */
enum sp__outbox_purpose {
	SP__OUTBOX_MESSAGE = 1,      /* an application message; message_id */
	SP__OUTBOX_COMMIT = 2,       /* the room's pending commit */
	SP__OUTBOX_CREATE = 3,       /* room_create */
	SP__OUTBOX_KEY_PACKAGES = 4,
	SP__OUTBOX_LEAVE = 5         /* the proposal to remove ourselves */
};
/* Puts a request into the outbox within a transaction; counters are begun by the caller, who took reqno from them. */
void sp__outbox_put(struct sp__batch *batch, const struct sp_wire_record_outbox *record);
void sp__outbox_delete(struct sp__batch *batch, uint64_t reqno);
/* Sends everything in it, in order, and does what the answers ask for. */
SP_MUST_USE enum sp_err sp__outbox_flush(struct sp_client *c);
/* Sends one. SP_ERR_NOT_FOUND: it is not there any more. */
SP_MUST_USE enum sp_err sp__outbox_send(struct sp_client *c, uint64_t reqno);
/* Is a request of this kind for the room still unanswered? */
SP_MUST_USE enum sp_err sp__outbox_find_room(struct sp_client *c, const struct sp_id16 *room, enum sp__outbox_purpose purpose, bool *out);
void sp__outbox_drop_room(struct sp__batch *batch, const struct sp_id16 *room, enum sp__outbox_purpose purpose);
SP_MUST_USE enum sp_err sp__outbox_count(struct sp_client *c, size_t *out);

/* -- directory.c -- */
struct sp__account {
	struct sp__account *next;
	struct sp_buf raw;
	struct sp_wire_record_account record; /* borrows from raw */
	struct sp_device_chain chain;
};
SP_MUST_USE enum sp_err sp__directory_sync(struct sp_client *c, bool even_if_current);
SP_MUST_USE enum sp_err sp__directory_online(struct sp_client *c); /* all of it again, for who is online */
void sp__directory_forget(struct sp_client *c); /* the cache */
/* Borrowed from the cache until it is forgotten. NOT_FOUND. */
SP_MUST_USE enum sp_err sp__account_get(struct sp_client *c, const struct sp__account **out, const struct sp_id16 *id);
/* By address or local part. NOT_FOUND. */
SP_MUST_USE enum sp_err sp__account_find(struct sp_client *c, struct sp_id16 *out, const char *name);
/* Address into a buffer; "?" when unknown. */
void sp__account_address(struct sp_client *c, char out[SP_LIMIT_ADDRESS + 1], const struct sp_id16 *id);

/* -- keypkg.c -- */
SP_MUST_USE enum sp_err sp__key_packages_stock(struct sp_client *c);
/* chain: storage for the credential, initialised by the caller */
SP_MUST_USE enum sp_err sp__leaf_params(struct sp_client *c, struct sp_mls_leaf_params *out, struct sp_buf *chain);
SP_MUST_USE enum sp_err sp__key_package_find(void *ctx, struct sp_buf *out, struct sp_bytes ref); /* sp_mls_key_package_lookup */
SP_MUST_USE enum sp_err sp__key_package_key(struct sp_client *c, struct sp__record_key *out, struct sp_bytes ref);

/* -- room_load.c: rooms in memory and on disk -- */
enum sp__room_status {
	SP__ROOM_CREATING = 1, /* our room_create was not answered yet */
	SP__ROOM_ACTIVE = 2,
	SP__ROOM_LEFT = 3,     /* we left or were removed */
	SP__ROOM_REJOIN = 4,   /* our state cannot be used: replace our leaf */
	SP__ROOM_BROKEN = 5    /* cannot be followed, and must not be rejoined: trouble says why */
};
struct sp__room {
	struct sp__room *next;
	struct sp_id16 id;
	enum sp__room_status status;
	char name[SP_LIMIT_ROOM_NAME + 1];
	enum sp_rules_mode mode;
	enum sp_rules_kind kind;
	enum sp_rules_join join;
	struct sp_id16 other;
	uint64_t epoch;
	uint64_t next_seq;
	char trouble[SP_RECORD_TEXT_MAX + 1];
	struct sp_wire_record_member *members;
	size_t members_n, members_cap;
	struct sp_buf former; /* encoded record_former, oldest first */
	struct sp_buf steps;  /* encoded record_step */
	uint64_t revision;    /* of its record; 0: not stored */
	struct sp_mls_group *group; /* NULL: not loaded */
};
SP_MUST_USE enum sp_err sp__room_new(struct sp_client *c, struct sp__room **out, const struct sp_id16 *id); /* into the cache, not stored */
SP_MUST_USE enum sp_err sp__room_get(struct sp_client *c, struct sp__room **out, const struct sp_id16 *id); /* as the disk has it now */
SP_MUST_USE enum sp_err sp__room_group(struct sp_client *c, struct sp__room *room);                         /* loads the group */
void sp__room_forget(struct sp_client *c, const struct sp_id16 *id); /* out of the cache: after any failure */
void sp__rooms_forget(struct sp_client *c);
/* Within a transaction: guard against another process; then the room as it is now. Revision is set by sp__room_saved. */
void sp__room_expect(struct sp__batch *batch, const struct sp__room *room);
void sp__room_put(struct sp__batch *batch, const struct sp__room *room);
void sp__room_put_rows(struct sp__batch *batch, const struct sp__room *room, struct sp_mls_rows rows);
void sp__room_delete_rows(struct sp__batch *batch, const struct sp__room *room); /* all of its group */
SP_MUST_USE enum sp_err sp__room_expire(struct sp_client *c, struct sp__room *room); /* its group is loaded */
void sp__room_delete(struct sp__batch *batch, const struct sp__room *room);       /* with its group */
/* In transactions of their own; the room is out of the cache afterwards. */
SP_MUST_USE enum sp_err sp__room_set_left(struct sp_client *c, struct sp__room *room);
SP_MUST_USE enum sp_err sp__room_set_status(struct sp_client *c, struct sp__room *room, enum sp__room_status status, const char *trouble);
SP_MUST_USE enum sp_err sp__room_read_view(struct sp_client *c, struct sp__room *room, const struct sp_mls_view *view); /* epoch, state, members */
bool sp__room_has_account(const struct sp__room *room, const struct sp_id16 *account);
/* Ids of all rooms on disk, in the caller's buffer of record_room structs. */
typedef enum sp_err sp__room_fn(void *ctx, const struct sp_wire_record_room *record);
SP_MUST_USE enum sp_err sp__room_each(struct sp_client *c, sp__room_fn *fn, void *ctx);
SP_MUST_USE enum sp_err sp__room_ids(struct sp_client *c, struct sp_id16 **out, size_t *out_n); /* sp_free */

/* -- room_read.c: following a room's log -- */
SP_MUST_USE enum sp_err sp__room_drain(struct sp_client *c, const struct sp_id16 *id);
/* Items that came by event or read. On failure the room is out of the cache. */
SP_MUST_USE enum sp_err sp__room_take_items(struct sp_client *c, struct sp__room *room, struct sp_bytes items);

/* -- room_commit.c -- */
/* item: where and when it stands in the log; its body is not looked at. */
SP_MUST_USE enum sp_err sp__room_note_commit(struct sp__batch *batch, struct sp_wire_record_counters *counters, struct sp__room *room,
					     const struct sp_mls_staged *staged, const struct sp_wire_item *item);

/* -- room_join.c: Welcomes; joining and rejoining by external commit -- */
/* item: of kind WELCOME; the inbox cursor moves behind it in the same transaction. */
SP_MUST_USE enum sp_err sp__room_welcome(struct sp_client *c, const struct sp_wire_item *item);
/* Joins an open room, or a room in which this device has a leaf but of which it knows nothing. */
SP_MUST_USE enum sp_err sp__room_join_open(struct sp_client *c, const struct sp_id16 *id, const char *name);
SP_MUST_USE enum sp_err sp__room_rejoin(struct sp_client *c, const struct sp_id16 *id);
SP_MUST_USE enum sp_err sp__everyone_ensure(struct sp_client *c);

/* -- room_create.c, room_change.c, room_leave.c: creating rooms and committing changes -- */
struct sp__room_plan {
	struct sp_id16 id;
	enum sp_rules_kind kind;
	enum sp_rules_join join;
	const char *name;
	struct sp_id16 other; /* direct */
	const struct sp_id16 *add;
	size_t add_n;
};
SP_MUST_USE enum sp_err sp__room_create(struct sp_client *c, const struct sp__room_plan *plan);
/* Stores a wish, then carries it out; a crash in between leaves the wish. */
SP_MUST_USE enum sp_err sp__room_change(struct sp_client *c, const struct sp_id16 *id, const struct sp_id16 *add, size_t add_n,
					const struct sp_id16 *remove, size_t remove_n);
/* Carries out what is wished of this room; commits stored proposals and removes revoked devices with it. */
SP_MUST_USE enum sp_err sp__room_settle(struct sp_client *c, const struct sp_id16 *id, bool even_without_wish);
SP_MUST_USE enum sp_err sp__intents_settle(struct sp_client *c);
SP_MUST_USE enum sp_err sp__room_leave(struct sp_client *c, const struct sp_id16 *id);
/* outbox.c calls these with the server's answer. */
SP_MUST_USE enum sp_err sp__room_commit_answered(struct sp_client *c, const struct sp_wire_record_outbox *out, enum sp_err answer,
						 const struct sp_wire_appended *at);
SP_MUST_USE enum sp_err sp__room_create_answered(struct sp_client *c, const struct sp_wire_record_outbox *out, enum sp_err answer,
						 const struct sp_wire_appended *at);
SP_MUST_USE enum sp_err sp__room_leave_answered(struct sp_client *c, const struct sp_wire_record_outbox *out, enum sp_err answer);

/* -- room_find.c: by what a person typed -- */
void sp__room_title(struct sp_client *c, char out[SP_LIMIT_ADDRESS + 1], const struct sp__room *room); /* its name; of a direct room, the other */
SP_MUST_USE enum sp_err sp__room_find(struct sp_client *c, struct sp_id16 *out, const char *text); /* NOT_FOUND, AMBIGUOUS */

/* -- intent.c: changes wished and not yet made -- */
struct sp__intent {
	struct sp_buf raw;
	struct sp_wire_record_intent record; /* borrows from raw */
};
SP_MUST_USE enum sp_err sp__intent_get(struct sp_client *c, struct sp__intent *out, const struct sp_id16 *room); /* none: empty lists */
void sp__intent_clear(struct sp__intent *intent);
bool sp__intent_is_empty(const struct sp__intent *intent);
/* Adds to what is wished already. */
void sp__intent_put(struct sp__batch *batch, const struct sp_id16 *room, const struct sp_id16 *add, size_t add_n, const struct sp_id16 *remove,
		    size_t remove_n);
void sp__intent_delete(struct sp__batch *batch, const struct sp_id16 *room);
/* Deletes the wish when the view shows it granted. */
SP_MUST_USE enum sp_err sp__intent_fulfil(struct sp__batch *batch, const struct sp_id16 *room, const struct sp_mls_view *view);

/* -- message.c: message rows -- */
enum sp__row_kind { SP__ROW_TEXT = 1, SP__ROW_NOTICE = 2, SP__ROW_JOINED = 3, SP__ROW_LEFT = 4 }; /* the first two as in Content */
/* Adds a row within a transaction; its number is taken from counters. SP_ERR_DUPLICATE: the id is known. */
SP_MUST_USE enum sp_err sp__message_add(struct sp__batch *batch, struct sp_wire_record_counters *counters, struct sp_wire_record_message *record);
/* A line of this client's own in a room: something is missing, could not be opened, someone joined (kind, who). */
struct sp__notice {
	enum sp__row_kind kind;
	const struct sp_id16 *who; /* NULL: nobody */
	uint64_t seq;
	struct sp_time time;
	const char *text;
};
SP_MUST_USE enum sp_err sp__message_notice(struct sp__batch *batch, struct sp_wire_record_counters *counters, const struct sp__room *room,
					   const struct sp__notice *notice);
SP_MUST_USE enum sp_err sp__message_get(struct sp_client *c, const struct sp_id16 *id, struct sp_buf *raw, struct sp_wire_record_message *out,
					uint64_t *out_number);
void sp__message_put(struct sp__batch *batch, uint64_t number, const struct sp_wire_record_message *record);
/* id: whole, a unique prefix, or "last"; own_only for status. */
SP_MUST_USE enum sp_err sp__message_find(struct sp_client *c, struct sp_id16 *out, const char *text, bool own_only);
/* For a result. */
SP_MUST_USE enum sp_err sp__message_fill(struct sp_client *c, struct sp_client_mem *mem, struct sp_client_message *out,
					 const struct sp_wire_record_message *record);

/* -- send.c, queue.c -- */
SP_MUST_USE enum sp_err sp__direct_ensure(struct sp_client *c, const struct sp_id16 *account, struct sp_id16 *out_room);
SP_MUST_USE enum sp_err sp__message_answered(struct sp_client *c, const struct sp_wire_record_outbox *out, enum sp_err answer,
					     const struct sp_wire_appended *at);
struct sp__queued_list {
	struct sp_wire_record_queued *list;
	size_t n, cap;
};
SP_MUST_USE enum sp_err sp__queued_get(struct sp_client *c, struct sp__queued_list *out); /* sp_free(list) */
/* Seals a new message into the room and the outbox, in one transaction with its readable copy. */
SP_MUST_USE enum sp_err sp__queue_message(struct sp_client *c, const struct sp_id16 *room, const struct sp_wire_content *content);
/* Brings it to the server: sends, or seals anew for the epoch that the room has by now, and sends. */
SP_MUST_USE enum sp_err sp__queue_push(struct sp_client *c, const struct sp_id16 *message, const struct sp_id16 *room);
SP_MUST_USE enum sp_err sp__queue_settle(struct sp_client *c);

/* -- receipts.c -- */
/* Within the transaction that stored a message of `from`: we owe a receipt. */
SP_MUST_USE enum sp_err sp__receipt_owe(struct sp__batch *batch, const struct sp_id16 *room, const struct sp_id16 *from, uint64_t delivered_seq,
					const struct sp_wire_opened_entry *opened);
SP_MUST_USE enum sp_err sp__receipts_send(struct sp_client *c);
/* An inbox item: kept until its epoch is reached. */
void sp__receipt_hold(struct sp__batch *batch, uint64_t inbox_seq, struct sp_bytes receipt);
SP_MUST_USE enum sp_err sp__receipts_settle(struct sp_client *c);

/* -- reader.c: what receipts told -- */
struct sp__reading {
	struct sp_id16 room, account;
	uint64_t delivered_seq;
	struct sp_bytes opened; /* OpenedEntry list */
	struct sp_time time;
};
SP_MUST_USE enum sp_err sp__reading_store(struct sp_client *c, const struct sp__reading *reading);
SP_MUST_USE enum sp_err sp__reader_get(struct sp_client *c, const struct sp_id16 *message, const struct sp_id16 *account,
				       struct sp_wire_record_reader *out); /* zero when there is none */

/* -- sync.c -- */
SP_MUST_USE enum sp_err sp__inbox_drain(struct sp_client *c);
SP_MUST_USE enum sp_err sp__inbox_take_items(struct sp_client *c, struct sp_bytes items);
SP_MUST_USE enum sp_err sp__sync(struct sp_client *c);
/* Sync for a face that can also show what is known: network failures become *out_offline. */
SP_MUST_USE enum sp_err sp__sync_or_offline(struct sp_client *c, bool *out_offline);

/* -- trouble.c: what must not be forgotten -- */
void sp__trouble_put(struct sp__batch *batch, struct sp_wire_record_counters *counters, enum sp_err code, const struct sp_id16 *room,
		     const char *text);
/* Stored at once, in a transaction of its own: never while another transaction with counters is being made. */
void sp__trouble_note(struct sp_client *c, enum sp_err code, const struct sp_id16 *room, const char *text);

/* -- listen.c -- */
void sp__listen_clear(struct sp_client *c);
/* A receipt's news, for whoever listens. */
void sp__listen_receipt(struct sp_client *c, const struct sp_id16 *message, const struct sp_id16 *room, const struct sp_wire_record_reader *reader);

/* -- renew.c -- */
SP_MUST_USE enum sp_err sp__renew_if_due(struct sp_client *c);

/* Runs `step` until it is not in conflict with another process. */
typedef enum sp_err sp__step_fn(struct sp_client *c, void *ctx);
SP_MUST_USE enum sp_err sp__retry(struct sp_client *c, sp__step_fn *step, void *ctx);

#endif
