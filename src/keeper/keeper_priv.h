/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside keeper: its folder, its ledger, the state that the ledger amounts to.
 */
#ifndef SP_KEEPER_PRIV_H
#define SP_KEEPER_PRIV_H

#include "codec/codec.h"
#include "keeper/keeper.h"

#define SP_KEEPER_HOUR_MS 3600000ll
#define SP_KEEPER_DAY_MS 86400000ll

/* -- folder.c: small files ------------------------------------------------------------------------------------------ */

enum sp_err sp__keeper_file_read(struct sp_buf *out, int dir_fd, const char *name) SP_MUST_USE; /* at most out->max */
/* Whole, 0600, on disk before it returns. SP_ERR_EXISTS when there is one. */
enum sp_err sp__keeper_file_make(int dir_fd, const char *name, struct sp_bytes content) SP_MUST_USE;
enum sp_err sp__keeper_errno(int error) SP_MUST_USE; /* errno as one of ours */

/* -- keys.c: keys at rest ----------------------------------------------------------------------------------------------- */

enum sp_err sp__keeper_kek_make(struct sp_secret *out, int dir_fd, const struct sp_rng *rng) SP_MUST_USE;
enum sp_err sp__keeper_kek_open(struct sp_secret *out, int dir_fd) SP_MUST_USE;
enum sp_err sp__keeper_key_save(int dir_fd, const char *name, struct sp_sign_key *key, const struct sp_secret *kek, const struct sp_rng *rng) SP_MUST_USE;
enum sp_err sp__keeper_key_load(struct sp_sign_key **out, int dir_fd, const char *name, const struct sp_secret *kek) SP_MUST_USE;

/* -- record.c -------------------------------------------------------------------------------------------------------------- */

/* X(NAME, number, what `audit` calls it) */
#define SP_KEEPER_RECORDS(X)                                                                                           \
	X(FOUNDED, 1, "founded")           /* name org, key root, flags open */                                       \
	X(INVITED, 2, "invited")           /* by, name, token, flags admin, value expires */                          \
	X(ENROLLING, 3, "enrolled")        /* token, name, account, device, key, serial, flags admin */               \
	X(RENEWING, 4, "renewed")          /* name, account, device, key, serial */                                   \
	X(ISSUED, 5, "certificate issued") /* serial, data the certificate: it may leave now */                       \
	X(SERVER, 6, "server certificate") /* key, serial */                                                          \
	X(CRL, 7, "revocation list")       /* value number */                                                         \
	X(DISABLED, 8, "disabled")         /* by, name, account, value the first CRL number */                        \
	X(ENABLED, 9, "enabled")           /* by, name, account, value as above */                                    \
	X(REFUSED, 10, "refused")          /* name the error, value the request's type, key hash of the request */

enum sp__keeper_record_type {
#define X(NAME, number, text) SP_KEEPER_RECORD_##NAME = (number),
	SP_KEEPER_RECORDS(X)
#undef X
};
#define SP_KEEPER_FLAG 1u /* admin, or open registration */

/* struct {
 *     uint16 format = 1;
 *     uint64 seq;
 *     uint64 time_ms;
 *     uint8 type;
 *     opaque by<V>;
 *     opaque name<V>;
 *     opaque account_id[16];
 *     opaque device_id[16];
 *     opaque token_hash[32];
 *     opaque key_hash[32];
 *     opaque serial[16];
 *     uint8 flags;
 *     uint64 value;
 *     opaque data<V>;
 * } Record;     -- what a type does not use is zero or empty
 */
struct sp__keeper_record {
	uint64_t seq;
	struct sp_time time;
	enum sp__keeper_record_type type;
	struct sp_bytes by, name; /* borrowed */
	struct sp_id16 account_id, device_id;
	struct sp_hash32 token_hash, key_hash;
	struct sp_pki_serial serial;
	uint8_t flags;
	uint64_t value;
	struct sp_bytes data; /* borrowed */
};
#define SP_KEEPER_RECORD_MAX (SP_LIMIT_CERT + 1024u)
enum sp_err sp__keeper_record_encode(struct sp_buf *out, const struct sp__keeper_record *r) SP_MUST_USE;
enum sp_err sp__keeper_record_decode(struct sp__keeper_record *out, struct sp_bytes in) SP_MUST_USE;
const char *sp__keeper_record_text(enum sp__keeper_record_type type);

/* -- ledger.c ------------------------------------------------------------------------------------------------------------ */

/* File: 18 bytes "sealpost ledger 1\n", then struct { uint32 length; Record; opaque chain[32]; }, where chain is
 * SHA-256(the chain before || Record) and begins with SHA-256(the first 18 bytes). */
struct sp__keeper_ledger {
	int fd;
	int64_t end;           /* of the last whole record */
	uint64_t seq;          /* of the last record */
	struct sp_hash32 head; /* its chain */
	struct sp_buf buf;     /* of one record */
};
enum sp_err sp__keeper_ledger_make(int dir_fd) SP_MUST_USE;
enum sp_err sp__keeper_ledger_open(struct sp__keeper_ledger *out, int dir_fd, bool for_writing) SP_MUST_USE;
void sp__keeper_ledger_close(struct sp__keeper_ledger *ledger);
/* The next record, borrowed until the next call. SP_ERR_NOT_FOUND at the end (an incomplete tail is the end). */
enum sp_err sp__keeper_ledger_next(struct sp__keeper_ledger *ledger, struct sp__keeper_record *out) SP_MUST_USE;
/* After the last: cuts an incomplete tail off. */
enum sp_err sp__keeper_ledger_trim(struct sp__keeper_ledger *ledger) SP_MUST_USE;
/* Sets seq. durable: on disk when it returns. SP_ERR_DISK_FULL changed nothing; any other failure ends the process. */
enum sp_err sp__keeper_ledger_append(struct sp__keeper_ledger *ledger, struct sp__keeper_record *record, bool durable) SP_MUST_USE;

/* -- state.c: what the ledger amounts to ------------------------------------------------------------------------------------ */

struct sp__keeper_account {
	struct sp_id16 id;
	char name[SP_LIMIT_NAME + 1];
	char folded[SP_LIMIT_NAME + 1]; /* names that look alike fold alike */
	bool is_admin, is_disabled;
	struct sp_time since;
	uint64_t changed; /* seq of the record */
};
struct sp__keeper_cert {
	struct sp_pki_serial serial;
	size_t account; /* index */
	struct sp_id16 device_id;
	struct sp_hash32 key_hash, token_hash;
	struct sp_time issued;
	bool is_enrolment;
	uint64_t revoked_since; /* CRL number; 0 = not revoked */
	uint8_t *der;           /* NULL: recorded, but a crash came before it was signed */
	size_t der_n;
};
struct sp__keeper_invitation {
	struct sp_hash32 token_hash;
	char name[SP_LIMIT_NAME + 1];
	bool is_admin;
	struct sp_time expires;
	bool is_used;
	size_t cert; /* index, when used */
};
struct sp__keeper_state {
	char org[SP_LIMIT_ORG + 1];
	struct sp_hash32 fingerprint;
	bool is_open;
	struct sp__keeper_account *accounts;
	size_t accounts_n, accounts_cap;
	struct sp__keeper_cert *certs;
	size_t certs_n, certs_cap;
	struct sp__keeper_invitation *invitations;
	size_t invitations_n, invitations_cap;
	uint64_t crl_number;  /* of the last list made */
	uint64_t crl_floor;   /* the next one is at least this */
	uint64_t version;     /* seq of the last record that changed an account */
};
/* SP_ERR_CORRUPT for a record that cannot follow what was before. */
enum sp_err sp__keeper_state_apply(struct sp__keeper_state *state, const struct sp__keeper_record *record) SP_MUST_USE;
void sp__keeper_state_clear(struct sp__keeper_state *state);
/* NULL when there is none. */
struct sp__keeper_account *sp__keeper_account_by_id(const struct sp__keeper_state *state, const struct sp_id16 *id);
struct sp__keeper_account *sp__keeper_account_by_name(const struct sp__keeper_state *state, struct sp_bytes name);
struct sp__keeper_invitation *sp__keeper_invitation_by_token(const struct sp__keeper_state *state, const struct sp_hash32 *token_hash);
/* Is it taken, or could it be mistaken for a name that is? */
bool sp__keeper_name_is_taken(const struct sp__keeper_state *state, struct sp_bytes name);
uint64_t sp__keeper_next_crl_number(const struct sp__keeper_state *state, struct sp_time now);

/* -- the whole ---------------------------------------------------------------------------------------------------------------- */

struct sp_keeper {
	int dir_fd;
	int lock_fd;
	int log_fd; /* -1: none */
	struct sp_rng rng;
	struct sp__keeper_ledger ledger;
	struct sp__keeper_state state;
	struct sp_sign_key *issuing_key;
	struct sp_secret token_secret; /* makes the tokens of invitations asked for over the wire */
	struct sp_buf root, issuing, root_crl;
	struct sp_buf crl; /* the newest pair; empty: to be made */
	struct sp_time crl_made;
	struct sp_pki_trust *trust;
	struct sp_time server_cert_window; /* start of the hour in which server_certs_n were made */
	unsigned server_certs_n;
	struct sp_time refusal_window; /* the same for refusals written down */
	unsigned refusals_n;
};
struct sp_pki_issuer sp__keeper_issuer(const struct sp_keeper *k);
/* Writes it down durably, then takes it into the state. */
enum sp_err sp__keeper_commit(struct sp_keeper *k, struct sp__keeper_record *record) SP_MUST_USE;
/* Signs the certificate that was written down at this index, and writes that down. */
enum sp_err sp__keeper_issue(struct sp_keeper *k, size_t cert, const struct sp_pki_csr *csr, struct sp_time now) SP_MUST_USE;
/* A device's certificate under the newest list. */
enum sp_err sp__keeper_judge(struct sp_keeper *k, struct sp_pki_identity *out, struct sp_bytes cert, struct sp_time now, bool expiry_tolerated) SP_MUST_USE;
enum sp_err sp__keeper_token_hash(struct sp_hash32 *out, struct sp_bytes token) SP_MUST_USE;

/* Requests. Each decodes its body, judges, and appends the response's body; *out_hint may be set to a static text. */
typedef enum sp_err sp__keeper_handler(struct sp_keeper *k, struct sp_buf *out, struct sp_bytes body, struct sp_time now, const char **out_hint);
sp__keeper_handler sp__keeper_do_enrol, sp__keeper_do_renew, sp__keeper_do_invite, sp__keeper_do_server_certificate, sp__keeper_do_crl,
	sp__keeper_do_accounts;
/* Records an invitation for a token. */
enum sp_err sp__keeper_invite(struct sp_keeper *k, struct sp_bytes token, const struct sp_keeper_order *order, struct sp_bytes by,
			      struct sp_time now) SP_MUST_USE;

/* A line for the log: "keeper: " + text + "\n". No peer's text in it. */
void sp__keeper_log(const struct sp_keeper *k, const char *text);

/* admin.c: the other end of sp_keeper_ask */
enum sp_err sp__keeper_admin_listen(int *out_fd, int dir_fd) SP_MUST_USE;
/* Takes one connection, answers its one order. Fails only when the process must end. */
enum sp_err sp__keeper_admin_serve(struct sp_keeper *k, int listen_fd, struct sp_time now) SP_MUST_USE;
/* Must the process end, or is it an answer? */
bool sp__keeper_err_is_final(enum sp_err e);

#endif
