/* SPDX-License-Identifier: Apache-2.0
 *
 * The passphrase: from a file, or asked on the terminal without echo. Never from an argument: other users see those.
 */
#include "cli/cli_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

static enum sp_err read_first_line(int fd, struct sp_buf *out)
{
	for (;;) {
		uint8_t c;
		ssize_t got = read(fd, &c, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return SP_ERR_IO;
		if (got == 0 || c == '\n')
			break;
		SP_TRY(sp_buf_append(out, (struct sp_bytes){&c, 1}));
	}
	if (out->n > 0 && out->p[out->n - 1] == '\r')
		out->n--;
	return SP_OK;
}

static enum sp_err from_file(struct sp_cli *cli, struct sp_buf *out)
{
	const char *what = "the passphrase file cannot be read";
	int fd = open(cli->passphrase_file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return sp__cli_fail(cli, SP_ERR_IO, what, strerror(errno), "check --passphrase-file or SEALPOST_PASSPHRASE_FILE");
	enum sp_err e = read_first_line(fd, out);
	close(fd);
	if (e != SP_OK)
		return sp__cli_fail(cli, e, what, NULL, "its first line is the passphrase");
	if (out->n == 0)
		return sp__cli_fail(cli, SP_ERR_USAGE, "the passphrase file is empty", NULL, "its first line is the passphrase");
	return SP_OK;
}

/* One line in raw mode, so that Ctrl-C comes as a character and the terminal is always put back. */
static enum sp_err read_keys(int tty, struct sp_buf *out)
{
	for (;;) {
		uint8_t c;
		if (read(tty, &c, 1) != 1 || c == 3 || (c == 4 && out->n == 0))
			return SP_ERR_DENIED;
		if (c == '\r' || c == '\n' || c == 4)
			return SP_OK;
		if (c == 21) /* Ctrl-U */
			out->n = 0;
		else if ((c == 8 || c == 127) && out->n > 0)
			out->n--;
		else if (c >= 0x20)
			SP_TRY(sp_buf_append(out, (struct sp_bytes){&c, 1}));
	}
}

static enum sp_err ask_once(int tty, const char *prompt, struct sp_buf *out)
{
	struct termios was, raw;
	if (tcgetattr(tty, &was) != 0)
		return SP_ERR_IO;
	raw = was;
	raw.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	dprintf(tty, "%s", prompt);
	if (tcsetattr(tty, TCSAFLUSH, &raw) != 0)
		return SP_ERR_IO;
	enum sp_err e = read_keys(tty, out);
	(void)tcsetattr(tty, TCSAFLUSH, &was);
	dprintf(tty, "\n");
	return e;
}

static enum sp_err ask_twice(struct sp_cli *cli, int tty, struct sp_buf *out)
{
	struct sp_buf again;
	sp_buf_init(&again, SP_CLI_PASSPHRASE_MAX);
	enum sp_err e = ask_once(tty, "Passphrase again: ", &again);
	if (e == SP_OK && !sp_bytes_ct_equal(sp_buf_bytes(out), sp_buf_bytes(&again)))
		e = sp__cli_fail(cli, SP_ERR_PASSPHRASE, "the two passphrases differ", NULL, "run the command again");
	sp_buf_clear(&again);
	return e;
}

static enum sp_err from_terminal(struct sp_cli *cli, bool is_new, struct sp_buf *out)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (tty < 0)
		return sp__cli_fail(cli, SP_ERR_USAGE, "there is no terminal to ask for the passphrase", NULL,
				    "give --passphrase-file FILE or set SEALPOST_PASSPHRASE_FILE");
	enum sp_err e = ask_once(tty, is_new ? "New passphrase (it seals your profile on this disk): " : "Passphrase: ", out);
	if (e == SP_OK && out->n == 0)
		e = sp__cli_fail(cli, SP_ERR_PASSPHRASE, "the passphrase is empty", NULL, "run the command again");
	if (e == SP_OK && is_new)
		e = ask_twice(cli, tty, out);
	close(tty);
	return e;
}

enum sp_err sp__cli_passphrase(struct sp_cli *cli, bool is_new, struct sp_buf *out)
{
	enum sp_err e = cli->passphrase_file ? from_file(cli, out) : from_terminal(cli, is_new, out);
	if (e != SP_OK)
		sp_buf_clear(out);
	return e == SP_ERR_DENIED ? sp__cli_fail(cli, e, "no passphrase was given", NULL, NULL) : e;
}
