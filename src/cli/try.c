/* SPDX-License-Identifier: Apache-2.0
 *
 * sealpost try: a throw-away organisation in a temporary folder. A real server, real commands run as their own processes,
 * printed as a person would have typed them. Everything is deleted at the end, however it ends.
 */
#include "cli/cli_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX (64u << 10)
#define ARGS_MAX 12u
#define PATH_BYTES 4096u
#define START_MS 20000
#define STOP_MS 8000

struct trial {
	struct sp_cli *cli;
	char dir[PATH_BYTES];
	char sealpost[PATH_BYTES];
	char sealpostd[PATH_BYTES];
	char address[32]; /* 127.0.0.1:PORT */
	pid_t server;     /* 0: not running */
	int server_out;
	int signals;   /* a signalfd for Ctrl-C */
	sigset_t unblocked;
	struct sp_buf output; /* what the last command printed */
};

/* -- places -------------------------------------------------------------------------------------------------------------- */

static enum sp_err path_in(char out[PATH_BYTES], const char *folder, const char *name)
{
	int n = snprintf(out, PATH_BYTES, "%s/%s", folder, name);
	return n > 0 && (size_t)n < PATH_BYTES ? SP_OK : SP_ERR_TOO_LONG;
}

/* Beside this program (build folder), in the sbin next to its bin (installed), or in PATH. */
static enum sp_err find_programs(struct trial *t)
{
	static const char *const places[] = {"sealpostd", "../sbin/sealpostd"};
	char folder[PATH_BYTES];
	ssize_t n = readlink("/proc/self/exe", t->sealpost, sizeof t->sealpost - 1);
	if (n <= 0)
		return SP_ERR_IO;
	t->sealpost[n] = '\0';
	snprintf(folder, sizeof folder, "%s", t->sealpost);
	char *slash = strrchr(folder, '/');
	if (slash)
		*slash = '\0';
	for (size_t i = 0; i < SP_ARRAY_LEN(places); i++) {
		SP_TRY(path_in(t->sealpostd, folder, places[i]));
		if (access(t->sealpostd, X_OK) == 0)
			return SP_OK;
	}
	snprintf(t->sealpostd, sizeof t->sealpostd, "sealpostd"); /* execvp looks in PATH */
	return SP_OK;
}

static enum sp_err make_folder(struct trial *t)
{
	static const char passphrase[] = "a passphrase for trying\n";
	char path[PATH_BYTES];
	const char *tmp = getenv("TMPDIR");
	SP_TRY(path_in(t->dir, tmp && tmp[0] == '/' ? tmp : "/tmp", "sealpost-try-XXXXXX"));
	if (!mkdtemp(t->dir)) {
		t->dir[0] = '\0';
		return SP_ERR_IO;
	}
	SP_TRY(path_in(path, t->dir, "passphrase"));
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return SP_ERR_IO;
	ssize_t n = write(fd, passphrase, sizeof passphrase - 1);
	close(fd);
	return n == (ssize_t)sizeof passphrase - 1 ? SP_OK : SP_ERR_IO;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	return remove(path);
}

/* A port that was free a moment ago: the invitation must name it before the server runs. */
static enum sp_err choose_address(struct trial *t)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return SP_ERR_IO;
	int rc = bind(fd, (struct sockaddr *)&a, n) == 0 ? getsockname(fd, (struct sockaddr *)&a, &n) : -1;
	close(fd);
	snprintf(t->address, sizeof t->address, "127.0.0.1:%u", (unsigned)ntohs(a.sin_port));
	return rc == 0 ? SP_OK : SP_ERR_IO;
}

/* -- running a command ----------------------------------------------------------------------------------------------------- */

static void be_child(const struct trial *t, const char *who, const char *program, char *const *argv, int out, int err)
{
	char home[PATH_BYTES], passphrase[PATH_BYTES];
	int null = open("/dev/null", O_RDONLY);
	if (path_in(home, t->dir, who) != SP_OK || path_in(passphrase, t->dir, "passphrase") != SP_OK || null < 0 || chdir(t->dir) != 0)
		_exit(126);
	setenv("SEALPOST_HOME", home, 1);
	setenv("SEALPOST_PASSPHRASE_FILE", passphrase, 1);
	sigprocmask(SIG_SETMASK, &t->unblocked, NULL);
	signal(SIGPIPE, SIG_DFL);
	setpgid(0, 0); /* Ctrl-C reaches this program alone, which then ends the others in order */
	if (dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
		_exit(126);
	execvp(program, argv);
	_exit(127);
}

/* err: where its standard error goes; -1: with its output. */
static pid_t start(struct trial *t, const char *who, const char *program, char *const *argv, int err, int *out_pipe)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		be_child(t, who, program, argv, ends[1], err < 0 ? ends[1] : err);
	close(ends[1]);
	*out_pipe = ends[0];
	if (pid < 0)
		close(ends[0]);
	return pid;
}

static bool is_plain(const char *word)
{
	return word[0] && !word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@=")];
}

/* As it would be typed. */
static void print_command(const struct trial *t, const char *who, const char *name, char *const *argv)
{
	printf("\n%s%s$ %s", sp__cli_style(t->cli, "\033[1m"), who, name);
	for (size_t i = 1; argv[i]; i++)
		if (is_plain(argv[i]))
			printf(" %s", argv[i]);
		else
			printf(" '%s'", argv[i]);
	printf("%s\n", sp__cli_style(t->cli, "\033[0m"));
}

static void print_indented(struct sp_bytes text, bool *at_start)
{
	for (size_t i = 0; i < text.n; i++) {
		if (*at_start)
			fputs("  ", stdout);
		fputc(text.p[i], stdout);
		*at_start = text.p[i] == '\n';
	}
	fflush(stdout);
}

/* Reads until the pipe ends, or until a line is there (first_line), or the time is over. */
static enum sp_err collect(struct trial *t, int fd, bool first_line, int timeout_ms)
{
	bool at_start = true;
	sp_buf_clear(&t->output);
	for (;;) {
		struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = t->signals, .events = POLLIN}};
		uint8_t block[1024];
		if (poll(p, 2, timeout_ms) <= 0)
			return SP_ERR_TIMEOUT;
		if (p[1].revents)
			return SP_ERR_CLOSED; /* Ctrl-C */
		ssize_t n = read(fd, block, first_line ? 1 : sizeof block);
		if (n <= 0)
			return first_line ? SP_ERR_CUT : SP_OK;
		SP_TRY(sp_buf_append(&t->output, (struct sp_bytes){block, (size_t)n}));
		print_indented((struct sp_bytes){block, (size_t)n}, &at_start);
		if (first_line && block[n - 1] == '\n')
			return SP_OK;
	}
}

static enum sp_err end_of(pid_t pid, int *out_code)
{
	int status = 0;
	*out_code = -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return SP_ERR_IO;
	*out_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	return SP_OK;
}

/* One step: shown, run, its output shown and kept. */
static enum sp_err run_step(struct trial *t, const char *who, const char *name, const char *program, char *const *argv)
{
	int fd, code;
	print_command(t, who, name, argv);
	pid_t pid = start(t, who, program, argv, -1, &fd);
	if (pid < 0)
		return SP_ERR_IO;
	enum sp_err e = collect(t, fd, false, START_MS * 3);
	close(fd);
	if (e != SP_OK)
		kill(pid, SIGKILL);
	SP_TRY(end_of(pid, &code));
	if (e == SP_OK && code != 0)
		return sp__cli_fail(t->cli, SP_ERR_INVALID, "a step of the demonstration failed", name, NULL);
	return e;
}

/* alice$ sealpost ... ; arguments end with NULL */
#define SEALPOST(t, who, ...) run_step((t), (who), "sealpost", (t)->sealpost, (char *const[]){(char[]){"sealpost"}, __VA_ARGS__, NULL})
#define W(text) ((char[]){text}) /* argv wants writable strings */

/* -- the server ------------------------------------------------------------------------------------------------------------- */

static enum sp_err start_server(struct trial *t)
{
	char *const argv[] = {W("sealpostd"), W("run"), W("--dir"), W("org"), NULL};
	char *const show_log[] = {W("cat"), W("server.log"), NULL};
	char path[PATH_BYTES];
	SP_TRY(path_in(path, t->dir, "server.log"));
	print_command(t, "server", "sealpostd", argv);
	int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600); /* not a pipe, which could fill up */
	pid_t pid = log < 0 ? -1 : start(t, "server", t->sealpostd, argv, log, &t->server_out);
	if (log >= 0)
		close(log);
	if (pid < 0)
		return SP_ERR_IO;
	t->server = pid;
	enum sp_err e = collect(t, t->server_out, true, START_MS);
	if (e != SP_OK && e != SP_ERR_CLOSED)
		(void)run_step(t, "server", "cat", "cat", show_log);
	return e;
}

static void stop_server(struct trial *t)
{
	if (t->server == 0)
		return;
	kill(t->server, SIGTERM);
	for (int waited = 0; waited < STOP_MS; waited += 20) {
		const struct timespec step = {0, 20 * 1000000L};
		if (waitpid(t->server, NULL, WNOHANG) != 0) {
			t->server = 0;
			break;
		}
		nanosleep(&step, NULL);
	}
	if (t->server != 0) {
		kill(-t->server, SIGKILL);
		(void)waitpid(t->server, NULL, 0);
		t->server = 0;
	}
	close(t->server_out);
}

/* -- the story -------------------------------------------------------------------------------------------------------------- */

static void tell(const struct trial *t, const char *text)
{
	printf("\n%s# %s%s\n", sp__cli_style(t->cli, "\033[36m"), text, sp__cli_style(t->cli, "\033[0m"));
}

/* The invitation in the last output; ends at a quote or white space. */
static enum sp_err find_link(struct trial *t, char *out, size_t size)
{
	SP_TRY(sp_buf_append(&t->output, SP_BYTES_OF(((const uint8_t[]){0}))));
	const char *at = strstr((const char *)t->output.p, "sealpost://");
	size_t n = at ? strcspn(at, " '\"\n\r") : 0;
	if (n == 0 || n >= size)
		return sp__cli_fail(t->cli, SP_ERR_INVALID, "no invitation was printed", NULL, NULL);
	snprintf(out, size, "%.*s", (int)n, at);
	return SP_OK;
}

static enum sp_err join(struct trial *t, char *who)
{
	char link[512];
	SP_TRY(find_link(t, link, sizeof link));
	return SEALPOST(t, who, W("join"), link, W("--name"), who);
}

static enum sp_err found_organisation(struct trial *t)
{
	char *const init[] = {W("sealpostd"), W("init"), W("--dir"), W("org"), W("--name"), W("example.org"), W("--listen"), t->address, NULL};
	struct sp_buf invitation = {.max = OUTPUT_MAX};
	tell(t, "An organisation of your own: its keys, and an invitation for its first administrator.");
	SP_TRY(run_step(t, "server", "sealpostd", t->sealpostd, init));
	enum sp_err e = sp_buf_append(&invitation, sp_buf_bytes(&t->output));
	if (e == SP_OK)
		e = start_server(t);
	sp_buf_clear(&t->output);
	if (e == SP_OK)
		e = sp_buf_append(&t->output, sp_buf_bytes(&invitation));
	sp_buf_clear(&invitation);
	return e;
}

static enum sp_err two_people(struct trial *t)
{
	tell(t, "alice joins. The link carries the organisation's fingerprint; nobody in between can pose as it.");
	SP_TRY(join(t, W("alice")));
	tell(t, "She invites bob. He runs the command she gives him.");
	SP_TRY(SEALPOST(t, "alice", W("invite"), W("bob")));
	SP_TRY(join(t, W("bob")));
	return SEALPOST(t, "bob", W("people"));
}

static enum sp_err a_conversation(struct trial *t)
{
	tell(t, "A message. `stored` means: durable at the server, which cannot read it.");
	SP_TRY(SEALPOST(t, "alice", W("send"), W("bob"), W("Hello Bob, the crane comes at nine.")));
	SP_TRY(SEALPOST(t, "bob", W("inbox")));
	SP_TRY(SEALPOST(t, "bob", W("read"), W("last")));
	SP_TRY(SEALPOST(t, "bob", W("send"), W("alice"), W("I will be there.")));
	SP_TRY(SEALPOST(t, "alice", W("inbox")));
	tell(t, "Who has it? delivered and opened come from bob's device, not from the server.");
	return SEALPOST(t, "alice", W("status"), W("last"));
}

static enum sp_err a_room(struct trial *t)
{
	tell(t, "A room of three.");
	SP_TRY(SEALPOST(t, "alice", W("invite"), W("carol")));
	SP_TRY(join(t, W("carol")));
	SP_TRY(SEALPOST(t, "alice", W("room"), W("new"), W("Site 12"), W("--private"), W("bob"), W("carol")));
	SP_TRY(SEALPOST(t, "carol", W("send"), W("Site 12"), W("The crane is booked.")));
	SP_TRY(SEALPOST(t, "bob", W("inbox")));
	tell(t, "carol is removed: what comes now she cannot read.");
	SP_TRY(SEALPOST(t, "alice", W("room"), W("remove"), W("Site 12"), W("carol")));
	SP_TRY(SEALPOST(t, "alice", W("send"), W("Site 12"), W("Just the two of us now.")));
	SP_TRY(SEALPOST(t, "bob", W("inbox")));
	return SEALPOST(t, "carol", W("inbox"));
}

static enum sp_err the_servers_view(struct trial *t)
{
	char *const grep[] = {W("sh"), W("-c"), W("grep -rl crane org server.log || echo no file of the server holds the word"), NULL};
	tell(t, "And the server's disk: is the word `crane` anywhere in it?");
	SP_TRY(run_step(t, "server", "sh", "sh", grep));
	return SEALPOST(t, "alice", W("doctor"));
}

static enum sp_err hold(struct trial *t)
{
	struct signalfd_siginfo info;
	struct pollfd p = {.fd = t->signals, .events = POLLIN};
	printf("\nThe server runs at %s until Ctrl-C, which deletes everything. In another terminal:\n\n"
	       "  export SEALPOST_PASSPHRASE_FILE=%s/passphrase\n"
	       "  SEALPOST_HOME=%s/alice %s shell\n"
	       "  SEALPOST_HOME=%s/bob %s listen\n",
	       t->address, t->dir, t->dir, t->sealpost, t->dir, t->sealpost);
	fflush(stdout);
	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	return read(t->signals, &info, sizeof info) > 0 ? SP_OK : SP_ERR_IO;
}

static enum sp_err play(struct trial *t, bool once)
{
	SP_TRY(find_programs(t));
	SP_TRY(make_folder(t));
	SP_TRY(choose_address(t));
	SP_TRY(found_organisation(t));
	SP_TRY(two_people(t));
	SP_TRY(a_conversation(t));
	SP_TRY(a_room(t));
	SP_TRY(the_servers_view(t));
	return once ? SP_OK : hold(t);
}

static enum sp_err play_and_clean(struct trial *t, bool once)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, &t->unblocked);
	t->signals = signalfd(-1, &set, SFD_CLOEXEC);
	enum sp_err e = t->signals < 0 ? SP_ERR_IO : play(t, once);
	stop_server(t);
	if (t->dir[0] && nftw(t->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0 && e == SP_OK)
		e = sp__cli_fail(t->cli, SP_ERR_IO, "the temporary folder could not be removed", t->dir, NULL);
	else if (t->dir[0])
		printf("\n%s# Everything was deleted.%s\n", sp__cli_style(t->cli, "\033[36m"), sp__cli_style(t->cli, "\033[0m"));
	if (t->signals >= 0)
		close(t->signals);
	sigprocmask(SIG_SETMASK, &t->unblocked, NULL);
	return e == SP_ERR_CLOSED ? SP_OK : e; /* Ctrl-C is how one ends it */
}

enum sp_err sp__cli_try(struct sp_cli *cli, struct sp_cli_args *args)
{
	bool once = false;
	const struct sp_cli_option options[] = {{"once", 0, NULL, &once}};
	SP_TRY(sp__cli_args_parse(cli, args, &(struct sp_cli_options){options, SP_ARRAY_LEN(options)}, 0, 0));
	if (cli->json)
		return sp__cli_usage(cli, "try tells a story, which has no JSON", NULL);
	struct trial *t = sp_alloc(sizeof *t);
	if (!t)
		return SP_ERR_NOMEM;
	t->cli = cli;
	sp_buf_init(&t->output, OUTPUT_MAX);
	enum sp_err e = play_and_clean(t, once);
	if (e != SP_OK)
		(void)sp__cli_fail(cli, e, "the demonstration stopped", sp_err_text(e), "is sealpostd beside sealpost, or in PATH?");
	sp_buf_clear(&t->output);
	sp_free(t);
	return e;
}
