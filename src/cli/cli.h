/* SPDX-License-Identifier: Apache-2.0
 *
 * cli: the program sealpost. A face of client/: it parses arguments, asks for the passphrase, prints.
 *
 * Rules of all output: data on stdout, talk on stderr; --json prints one document (listen: one object a line); whatever
 * came from another person is escaped before a terminal sees it; every failure is one line of what happened, why, and the
 * command that helps.
 */
#ifndef SP_CLI_H
#define SP_CLI_H

/* The whole program. The exit code: 0 done, 1 failed for a stated reason, 2 usage, 3 refused (authentication, signature or
 * trust), 4 not found, 5 server unreachable (safe to retry). */
int sp_cli_run(int argc, char **argv);

#endif
