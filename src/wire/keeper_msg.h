/* SPDX-License-Identifier: Apache-2.0
 *
 * What front may ask the keeper, over the socketpair the supervisor gave them. Typed, bounded, one answer each; there is
 * no request that signs bytes of the asker's choice. Revoking, disabling and enabling are not here: they come from the
 * administrator on the machine.
 *
 * Frame: struct { uint32 length; uint32 id; uint8 type; opaque body[length - 5]; }. A request carries an id other than
 * 0; its answer the same id and type, and begins with uint16 wire_error (SP_KEEPER_ANSWERS below; 0 = done), followed by
 * the answer's struct when it is 0. Id 0 is the keeper's own notice `changed`.
 *
 * Pure. Decoded bytes borrow from the input. Does not check: what any field means (the keeper does).
 */
#ifndef SP_WIRE_KEEPER_MSG_H
#define SP_WIRE_KEEPER_MSG_H

#include "base/base.h"
#include "base/limits.h"
#include "codec/codec.h"

#define SP_KEEPER_FRAME_HEAD 9u
#define SP_LIMIT_KEEPER_FRAME (SP_LIMIT_CRL + 4096u) /* the largest is the answer to crl */
#define SP_LIMIT_KEEPER_REQUEST (SP_LIMIT_DEVICE_LIST + 8192u)
#define SP_LIMIT_KEEPER_ACCOUNTS 512u /* accounts in one answer */
#define SP_KEEPER_TOKEN 20u           /* bytes of an invitation's token; empty = open registration */

/* X(NAME, number, phases in which it is answered: S starting, R running) */
#define SP_KEEPER_TYPES(X)                                                                                             \
	X(ENROL, 1, R)                                                                                                 \
	X(RENEW, 2, R)                                                                                                 \
	X(INVITE, 3, R)                                                                                                \
	X(SERVER_CERT, 4, SR)                                                                                          \
	X(CRL, 5, SR)                                                                                                  \
	X(ACCOUNTS, 6, SR)                                                                                             \
	X(SERVE, 7, S) /* "my listeners are open": from here on the requests of people are answered */                 \
	X(CHANGED, 8, NONE) /* keeper's notice: a new CRL or a changed account; ask crl and accounts again */

enum sp_keeper_type {
#define X(name, number, phases) SP_KEEPER_##name = number,
	SP_KEEPER_TYPES(X)
#undef X
};

/* What an answer may say. X(error, number on the wire). Anything else is sent as BUG. */
#define SP_KEEPER_ANSWERS(X)                                                                                           \
	X(OK, 0)                                                                                                       \
	X(INVALID, 1)                                                                                                  \
	X(SIGNATURE, 2)                                                                                                \
	X(CERTIFICATE, 3)                                                                                              \
	X(EXPIRED, 4)                                                                                                  \
	X(REVOKED, 5)                                                                                                  \
	X(DENIED, 6)                                                                                                   \
	X(TOKEN, 7)                                                                                                    \
	X(EXISTS, 8)                                                                                                   \
	X(RATE, 9)                                                                                                     \
	X(STATE, 10)                                                                                                   \
	X(TOO_MANY, 11)                                                                                                \
	X(IO, 12)                                                                                                      \
	X(BUG, 13)

struct sp_keeper_frame {
	uint32_t id;
	uint8_t type;
	struct sp_bytes body; /* borrowed */
};
/* Takes one frame from the front of what has arrived. SP_ERR_AGAIN when more bytes are needed (*out_used 0);
 * SP_ERR_TOO_LONG or SP_ERR_INVALID when the stream is broken: close it. */
SP_MUST_USE enum sp_err sp_keeper_frame_peek(struct sp_keeper_frame *out, size_t *out_used, struct sp_bytes in, size_t max);
SP_MUST_USE enum sp_err sp_keeper_frame_encode(struct sp_buf *out, const struct sp_keeper_frame *frame);

/* Splits an answer's body: the error it names, and the rest. */
SP_MUST_USE enum sp_err sp_keeper_answer_decode(enum sp_err *out_error, struct sp_bytes *out_rest, struct sp_bytes body);
/* Appends the uint16; the answer's struct follows when e is SP_OK. */
SP_MUST_USE enum sp_err sp_keeper_answer_encode(struct sp_buf *out, enum sp_err e);

/* struct {
 *     opaque token<V>;         -- 20 bytes; empty: open registration
 *     opaque name<V>;          -- wish; an invitation that fixes a name decides
 *     opaque csr<V>;
 *     opaque device_list<V>;   -- SignedDeviceList, version 1
 * } KeeperEnrol;
 * The device list fixes account id, address (so also the name) and device id; the CSR's key must be its first device.
 */
struct sp_keeper_enrol {
	struct sp_bytes token, name, csr, device_list;
};
SP_MUST_USE enum sp_err sp_keeper_enrol_encode(struct sp_buf *out, const struct sp_keeper_enrol *m);
SP_MUST_USE enum sp_err sp_keeper_enrol_decode(struct sp_keeper_enrol *out, struct sp_bytes in);

/* struct {
 *     opaque cert<V>;
 *     opaque account_id[16];
 *     opaque address<V>;
 *     uint8 admin;
 * } KeeperEnrolled;
 */
struct sp_keeper_enrolled {
	struct sp_bytes cert;
	struct sp_id16 account_id;
	struct sp_bytes address;
	bool admin;
};
SP_MUST_USE enum sp_err sp_keeper_enrolled_encode(struct sp_buf *out, const struct sp_keeper_enrolled *m);
SP_MUST_USE enum sp_err sp_keeper_enrolled_decode(struct sp_keeper_enrolled *out, struct sp_bytes in);

/* struct {
 *     opaque cert<V>;          -- the current one
 *     opaque csr<V>;           -- same key
 * } KeeperRenew;              -- answer: KeeperCert
 */
struct sp_keeper_renew {
	struct sp_bytes cert, csr;
};
SP_MUST_USE enum sp_err sp_keeper_renew_encode(struct sp_buf *out, const struct sp_keeper_renew *m);
SP_MUST_USE enum sp_err sp_keeper_renew_decode(struct sp_keeper_renew *out, struct sp_bytes in);

/* struct {
 *     opaque name<V>;          -- fixes the name; empty: the invited one chooses
 *     uint8 admin;
 *     uint64 expires_ms;
 *     opaque nonce[16];        -- makes each request one invitation: asked again, it is answered the same
 *     uint64 time_ms;          -- the inviter's clock; more than 10 minutes off is refused
 * } InviteRequest;            -- signed by the inviter's device, label "Sealpost Invite 1"
 */
struct sp_invite_request {
	struct sp_bytes name;
	bool admin;
	struct sp_time expires;
	struct sp_id16 nonce;
	struct sp_time time;
};
#define SP_INVITE_LABEL "Sealpost Invite 1"
SP_MUST_USE enum sp_err sp_invite_request_encode(struct sp_buf *out, const struct sp_invite_request *m);
SP_MUST_USE enum sp_err sp_invite_request_decode(struct sp_invite_request *out, struct sp_bytes in);

/* struct {
 *     opaque cert<V>;          -- the inviter's
 *     opaque request<V>;       -- InviteRequest
 *     opaque signature<V>;
 * } KeeperInvite;
 */
struct sp_keeper_invite {
	struct sp_bytes cert, request, signature;
};
SP_MUST_USE enum sp_err sp_keeper_invite_encode(struct sp_buf *out, const struct sp_keeper_invite *m);
SP_MUST_USE enum sp_err sp_keeper_invite_decode(struct sp_keeper_invite *out, struct sp_bytes in);

/* struct { opaque token[20]; } KeeperInvited; */
struct sp_keeper_invited {
	uint8_t token[SP_KEEPER_TOKEN];
};
SP_MUST_USE enum sp_err sp_keeper_invited_encode(struct sp_buf *out, const struct sp_keeper_invited *m);
SP_MUST_USE enum sp_err sp_keeper_invited_decode(struct sp_keeper_invited *out, struct sp_bytes in);

/* struct { opaque csr<V>; } KeeperServerCert;   -- answer: KeeperCert */
SP_MUST_USE enum sp_err sp_keeper_server_cert_encode(struct sp_buf *out, struct sp_bytes csr);
SP_MUST_USE enum sp_err sp_keeper_server_cert_decode(struct sp_bytes *out_csr, struct sp_bytes in);

/* struct { opaque cert<V>; } KeeperCert;        -- answers renew and server_cert */
SP_MUST_USE enum sp_err sp_keeper_cert_encode(struct sp_buf *out, struct sp_bytes cert);
SP_MUST_USE enum sp_err sp_keeper_cert_decode(struct sp_bytes *out_cert, struct sp_bytes in);

/* Request of crl and of serve: empty. Answer of serve: empty.
 * struct { opaque crl<V>; } KeeperCrl;          -- the pair, as pki/pki.h describes it */
SP_MUST_USE enum sp_err sp_keeper_crl_encode(struct sp_buf *out, struct sp_bytes crl);
SP_MUST_USE enum sp_err sp_keeper_crl_decode(struct sp_bytes *out_crl, struct sp_bytes in);

/* struct { uint64 since; } KeeperAccountsWish;  -- 0: all
 * struct {
 *     opaque account_id[16];
 *     opaque address<V>;
 *     uint8 flags;             -- 1 admin, 2 disabled
 *     uint64 changed;
 * } KeeperAccount;
 * struct {
 *     uint64 version;          -- pass it as `since` next time
 *     uint8 more;
 *     KeeperAccount accounts<V>;  -- those changed after `since`, oldest change first
 * } KeeperAccounts;
 */
#define SP_KEEPER_ACCOUNT_ADMIN 1u
#define SP_KEEPER_ACCOUNT_DISABLED 2u
struct sp_keeper_account {
	struct sp_id16 account_id;
	struct sp_bytes address;
	uint8_t flags;
	uint64_t changed;
};
struct sp_keeper_accounts {
	uint64_t version;
	bool more;
	const struct sp_keeper_account *accounts; /* encode only */
	size_t accounts_n;
	struct sp_reader rest; /* decode only: walk it with sp_keeper_account_read until it is empty */
};
SP_MUST_USE enum sp_err sp_keeper_accounts_wish_encode(struct sp_buf *out, uint64_t since);
SP_MUST_USE enum sp_err sp_keeper_accounts_wish_decode(uint64_t *out_since, struct sp_bytes in);
SP_MUST_USE enum sp_err sp_keeper_accounts_encode(struct sp_buf *out, const struct sp_keeper_accounts *m);
SP_MUST_USE enum sp_err sp_keeper_accounts_decode(struct sp_keeper_accounts *out, struct sp_bytes in);
SP_MUST_USE enum sp_err sp_keeper_account_read(struct sp_keeper_account *out, struct sp_reader *r);

/* struct { uint64 crl_number; uint64 accounts_version; } KeeperChanged;  -- the notice */
struct sp_keeper_changed {
	uint64_t crl_number, accounts_version;
};
SP_MUST_USE enum sp_err sp_keeper_changed_encode(struct sp_buf *out, const struct sp_keeper_changed *m);
SP_MUST_USE enum sp_err sp_keeper_changed_decode(struct sp_keeper_changed *out, struct sp_bytes in);

#endif
