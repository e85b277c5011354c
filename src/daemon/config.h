/* SPDX-License-Identifier: Apache-2.0
 *
 * D/config: text, `key = value`, `#` begins a comment. Every key is in one list; an unknown one is an error, so that a
 * misspelt setting is not silently another.
 */
#ifndef SP_DAEMON_CONFIG_H
#define SP_DAEMON_CONFIG_H

#include "base/base.h"

/* X(key, must be there, what it is) */
#define SP_DAEMON_CONFIG(X)                                                                                            \
	X(organisation, true, "the organisation's domain; never changes")                                              \
	X(listen, true, "HOST:PORT to accept connections on; port 0 takes a free one")                                 \
	X(public, false, "HOST:PORT that invitation links name, where it differs from listen")                         \
	X(registration, true, "invite or open; the keeper holds to what it was founded with")                          \
	X(store, true, "sqlite:FILE, in the folder front; or mem:")                                                    \
	X(metrics, false, "loopback HOST:PORT for GET /metrics")                                                       \
	X(reactors, false, "threads that serve connections; 0: one less than the cores")                               \
	X(keeper_uid, false, "numeric user of the keeper, when started as root")                                       \
	X(front_uid, false, "numeric user of the network process, when started as root")

#define SP_DAEMON_VALUE_MAX 300u
struct sp_daemon_config {
#define X(key, must, text) char key[SP_DAEMON_VALUE_MAX];
	SP_DAEMON_CONFIG(X)
#undef X
};

/* SP_ERR_NOT_FOUND: no such file, so no organisation. SP_ERR_INVALID: *out_line is the line at fault (0: a key is
 * missing). */
SP_MUST_USE enum sp_err sp_daemon_config_read(struct sp_daemon_config *out, const char *path, unsigned *out_line);
/* SP_ERR_EXISTS when there is one. */
SP_MUST_USE enum sp_err sp_daemon_config_make(const struct sp_daemon_config *config, const char *path);
/* "HOST:PORT" with a numeric port; the host is a name, an IPv4 address, or an IPv6 one in brackets. */
bool sp_daemon_address_is_valid(const char *text);

#endif
