/* SPDX-License-Identifier: Apache-2.0
 *
 * The one error type of Sealpost, inside and outside the library.
 *
 * One list makes the enum, the symbol, the English text and the class. A class says what the caller must do; code
 * branches on the class and logs the code. A peer is told the class only, and all AUTH failures look alike to it.
 */
#ifndef SEALPOST_ERR_H
#define SEALPOST_ERR_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) || defined(__clang__)
#define SP_MUST_USE __attribute__((warn_unused_result))
#else
#define SP_MUST_USE
#endif

#if defined(__GNUC__) && !defined(SP_API)
#define SP_API __attribute__((visibility("default")))
#elif !defined(SP_API)
#define SP_API
#endif

/* What a caller must do about an error. */
enum sp_err_class {
	SP_CLASS_OK,       /* nothing failed */
	SP_CLASS_AGAIN,    /* wait, then try the same again */
	SP_CLASS_INPUT,    /* the peer's bytes are wrong: drop them */
	SP_CLASS_AUTH,     /* a proof failed: drop, and treat as hostile */
	SP_CLASS_STATE,    /* a right message at the wrong time */
	SP_CLASS_LIMIT,    /* a stated maximum was reached */
	SP_CLASS_NOTFOUND, /* there is no such thing */
	SP_CLASS_IO,       /* disk, network or token failed */
	SP_CLASS_NOMEM,    /* out of memory; nothing changed */
	SP_CLASS_USAGE,    /* the caller's bug */
	SP_CLASS_BUG       /* ours */
};

/* X(NAME, CLASS, TEXT). Numbers follow the order and are not stable between releases; names are. Append at the end of
 * a group, never rename. */
#define SP_ERR_MAP(X)                                                                                                  \
	X(OK, OK, "no error")                                                                                          \
	/* AGAIN */                                                                                                    \
	X(AGAIN, AGAIN, "not ready yet")                                                                               \
	X(BUSY, AGAIN, "busy, try again")                                                                              \
	X(TIMEOUT, AGAIN, "timed out")                                                                                 \
	X(UNREACHABLE, AGAIN, "cannot be reached")                                                                     \
	X(CONFLICT, AGAIN, "changed by another process")                                                               \
	X(NEED_CREDENTIAL, AGAIN, "a credential must be fetched first")                                                \
	X(NEED_PSK, AGAIN, "a pre-shared key is missing")                                                              \
	X(NEED_TREE, AGAIN, "the ratchet tree is missing")                                                             \
	/* INPUT */                                                                                                    \
	X(TRUNCATED, INPUT, "input ends too early")                                                                    \
	X(TRAILING, INPUT, "input has trailing bytes")                                                                 \
	X(ENCODING, INPUT, "input is not encoded as it must be")                                                       \
	X(INVALID, INPUT, "input breaks a rule")                                                                       \
	X(DUPLICATE, INPUT, "seen before")                                                                             \
	X(UNSUPPORTED, INPUT, "not supported")                                                                         \
	X(FORMAT_NEWER, INPUT, "written by a newer version")                                                           \
	/* AUTH */                                                                                                     \
	X(SIGNATURE, AUTH, "signature does not verify")                                                                \
	X(DECRYPT, AUTH, "cannot be decrypted")                                                                        \
	X(MAC, AUTH, "authentication tag does not match")                                                              \
	X(CERTIFICATE, AUTH, "certificate is not trusted")                                                             \
	X(EXPIRED, AUTH, "has expired")                                                                                \
	X(REVOKED, AUTH, "has been revoked")                                                                           \
	X(FINGERPRINT, AUTH, "fingerprint does not match")                                                             \
	X(PASSPHRASE, AUTH, "wrong passphrase")                                                                        \
	X(DENIED, AUTH, "not permitted")                                                                               \
	X(TOKEN, AUTH, "invitation is not valid")                                                                      \
	/* STATE */                                                                                                    \
	X(STATE, STATE, "not possible in this state")                                                                  \
	X(OWN, STATE, "own message")                                                                                   \
	X(STALE_EPOCH, STATE, "belongs to an earlier epoch")                                                           \
	X(FUTURE_EPOCH, STATE, "belongs to a later epoch")                                                             \
	X(WRONG_GROUP, STATE, "belongs to another group")                                                              \
	X(NOT_FOR_ME, STATE, "not addressed to this device")                                                           \
	X(KEY_GONE, STATE, "its key was already used or deleted")                                                      \
	X(STALE_REQNO, STATE, "request number is out of the window")                                                   \
	X(EXISTS, STATE, "exists already")                                                                             \
	X(LOCKED, STATE, "is locked")                                                                                  \
	X(CLOSED, STATE, "connection closed")                                                                          \
	/* LIMIT */                                                                                                    \
	X(TOO_LONG, LIMIT, "longer than its maximum")                                                                  \
	X(TOO_MANY, LIMIT, "more than the maximum")                                                                    \
	X(RATE, LIMIT, "too often, slow down")                                                                         \
	X(QUOTA, LIMIT, "quota is used up")                                                                            \
	/* NOTFOUND */                                                                                                 \
	X(NOT_FOUND, NOTFOUND, "not found")                                                                            \
	X(AMBIGUOUS, NOTFOUND, "matches more than one")                                                                \
	/* IO */                                                                                                       \
	X(IO, IO, "input/output failed")                                                                               \
	X(DISK_FULL, IO, "disk is full")                                                                               \
	X(CORRUPT, IO, "stored data is damaged")                                                                       \
	X(CUT, IO, "connection was cut")                                                                               \
	X(RNG, IO, "random number source failed")                                                                      \
	/* NOMEM, USAGE, BUG */                                                                                        \
	X(NOMEM, NOMEM, "out of memory")                                                                               \
	X(USAGE, USAGE, "called with wrong arguments")                                                                 \
	X(SPACE, USAGE, "output buffer is too small")                                                                  \
	X(CRYPTO, BUG, "cryptographic library failed")                                                                 \
	X(BUG, BUG, "internal error")

enum sp_err {
#define X(name, class, text) SP_ERR_##name,
	SP_ERR_MAP(X)
#undef X
	SP_ERR_COUNT_
};
#define SP_OK SP_ERR_OK

/* The symbol ("SP_ERR_TRUNCATED"), the English text and the class. Never NULL; unknown values give BUG's. */
SP_API const char *sp_err_name(enum sp_err e);
SP_API const char *sp_err_text(enum sp_err e);
SP_API enum sp_err_class sp_err_class(enum sp_err e);

/* Detail of the last failure, in the context a caller already passes. Holds no secret and no peer text; `text` is
 * static. Zero state is "nothing to tell". `rule` is a validation rule's number (docs/validation.md) or 0. */
struct sp_diag {
	enum sp_err err;
	unsigned rule;
	const char *file;
	int line;
	const char *text;
};

#ifdef __cplusplus
}
#endif
#endif
