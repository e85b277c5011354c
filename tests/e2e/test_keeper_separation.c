/* SPDX-License-Identifier: Apache-2.0
 *
 * ATTACKS D05: code of an attacker runs inside the network process, in the sandbox that the supervisor puts it in, and
 * tries to reach the keeper's keys and powers. Every attempt must fail; what it asked of the keeper must stand in the
 * ledger, and its forbidden system calls in the log. Once as root with two uids, once with a single unprivileged uid.
 *
 * TAP by hand: the probes run in processes that a test framework does not survive.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "daemon/sandbox.h"
#include "keeper/keeper.h"
#include "pki/device_list.h"
#include "wire/response.h"

#define NOBODY 65534

static unsigned tests, failures;

static void report(bool ok, const char *scenario, const char *what)
{
	printf("%sok %u - %s: %s\n", ok ? "" : "not ", ++tests, scenario, what);
	failures += !ok;
	fflush(stdout);
}

/* -- the attacker, inside front ----------------------------------------------------------------------------------------------- */

struct attack {
	FILE *out;         /* a line a probe: "ok what" or "BREACH what" */
	char dir[256];     /* the organisation's folder, as it is called outside */
	pid_t keeper;
	int keeper_fd;
	const char *folder;
};

static char org_dir[256]; /* set before the fork; the attacker knows where things are */

static void verdict(struct attack *a, bool denied, const char *what)
{
	fprintf(a->out, "%s %s (errno %d)\n", denied ? "ok" : "BREACH", what, errno);
	fflush(a->out);
}

static bool denied(long rc)
{
	return rc < 0 && (errno == EPERM || errno == EACCES || errno == ENOENT || errno == ENOTDIR || errno == ESRCH);
}

static void try_open(struct attack *a, const char *name, int flags, const char *what)
{
	char path[512];
	bool is_whole = name[0] == '/' || name[0] == '.';
	snprintf(path, sizeof path, "%s%s%s", is_whole ? "" : a->dir, is_whole ? "" : "/", name);
	int fd = open(path, flags, 0600);
	verdict(a, denied(fd), what);
	if (fd >= 0)
		close(fd);
}

static void try_files(struct attack *a)
{
	char proc[64];
	try_open(a, "keeper/issuing.key", O_RDONLY, "reading the sealed key");
	try_open(a, "keeper/kek", O_RDONLY, "reading the key-encryption key");
	try_open(a, "../keeper/kek", O_RDONLY, "reading it by a relative path");
	try_open(a, "keeper/ledger", O_RDONLY, "reading the ledger");
	try_open(a, "keeper/ledger", O_WRONLY | O_APPEND, "appending to the ledger");
	try_open(a, "keeper/evil", O_WRONLY | O_CREAT, "creating a file beside it");
	try_open(a, "config", O_WRONLY, "changing the configuration");
	try_open(a, "/etc/passwd", O_RDONLY, "reading elsewhere");
	try_open(a, "/tmp/sealpost-evil", O_WRONLY | O_CREAT, "writing elsewhere");
	snprintf(proc, sizeof proc, "/proc/%d/mem", (int)a->keeper);
	try_open(a, proc, O_RDWR, "the keeper's memory through /proc");
}

static void try_processes(struct attack *a)
{
	char buf[16];
	struct iovec here = {buf, sizeof buf}, there = {&tests, sizeof buf};
	char program[] = "/bin/true", *argv[] = {program, NULL};
	pid_t supervisor = getppid();
	verdict(a, denied(ptrace(PTRACE_ATTACH, a->keeper, NULL, NULL)), "ptrace of the keeper");
	verdict(a, denied(ptrace(PTRACE_ATTACH, supervisor, NULL, NULL)), "ptrace of the supervisor");
	verdict(a, denied(process_vm_readv(a->keeper, &here, 1, &there, 1, 0)), "process_vm_readv of the keeper");
	verdict(a, denied(process_vm_writev(supervisor, &here, 1, &there, 1, 0)), "process_vm_writev of the supervisor");
	verdict(a, denied(syscall(SYS_pidfd_open, a->keeper, 0)), "pidfd_open of the keeper");
	verdict(a, denied(syscall(SYS_fork)), "fork");
	verdict(a, denied(execve(argv[0], argv, NULL)), "execve");
	if (sp_sandbox_landlock_version() >= 6 || geteuid() != NOBODY)
		verdict(a, denied(kill(a->keeper, SIGTERM)), "a signal to the keeper");
}

static void try_kernel(struct attack *a)
{
	char params[256] = "";
	verdict(a, denied(syscall(SYS_io_uring_setup, 8, params)), "io_uring");
	verdict(a, denied(syscall(SYS_bpf, 0, params, sizeof params)), "bpf");
	verdict(a, denied(syscall(SYS_perf_event_open, params, 0, -1, -1, 0)), "perf_event_open");
	verdict(a, denied(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, -1, 1)), "keyctl");
	verdict(a, denied(mount("none", "/", "tmpfs", 0, NULL)), "mount");
	verdict(a, denied(syscall(SYS_unshare, 0x10000000)), "a user namespace");
	verdict(a, denied(syscall(SYS_userfaultfd, 0)), "userfaultfd");
}

static void try_sockets(struct attack *a)
{
	int pair[2];
	verdict(a, denied(socket(AF_UNIX, SOCK_SEQPACKET, 0)), "a Unix socket (the keeper's admin socket needs one)");
	verdict(a, denied(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair)), "a Unix socket pair");
	verdict(a, denied(socket(AF_NETLINK, SOCK_RAW, 0)), "a netlink socket");
	verdict(a, denied(socket(AF_PACKET, SOCK_RAW, 0)), "a packet socket");
	if (sp_sandbox_landlock_version() < 4)
		return;
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	verdict(a, fd >= 0 && denied(connect(fd, (struct sockaddr *)&to, sizeof to)), "an outgoing connection");
	close(fd);
}

/* Sends one frame, returns what the keeper answered; SP_ERR_CUT when it hung up. */
static enum sp_err ask(struct attack *a, uint8_t type, struct sp_bytes body)
{
	static uint32_t id;
	uint8_t head[SP_LIMIT_FRAME_HEADER], in[65536];
	struct sp_wire_response_head response;
	struct sp_frame frame;
	struct sp_bytes rest;
	sp_frame_header_encode(head, (uint32_t)body.n, SP_FRAME_REQUEST, type, ++id);
	if (send(a->keeper_fd, head, sizeof head, MSG_NOSIGNAL) < 0 || (body.n && send(a->keeper_fd, body.p, body.n, MSG_NOSIGNAL) < 0))
		return SP_ERR_CUT;
	for (;;) {
		if (recv(a->keeper_fd, head, sizeof head, MSG_WAITALL) != sizeof head || sp_frame_header_decode(&frame, SP_BYTES_OF(head)) != SP_OK)
			return SP_ERR_CUT;
		if (frame.length > sizeof in || recv(a->keeper_fd, in, frame.length, MSG_WAITALL) != (ssize_t)frame.length)
			return SP_ERR_CUT;
		if (frame.kind == SP_FRAME_RESPONSE && frame.id == id)
			return sp_wire_response_open(&response, &rest, (struct sp_bytes){in, frame.length});
	}
}

static void expect(struct attack *a, enum sp_err got, enum sp_err want, const char *what)
{
	errno = (int)got;
	verdict(a, want == SP_OK ? got == SP_OK : got != SP_OK && got != SP_ERR_CUT, what);
}

/* The first device list of an account called root, signed by this key as it must be. */
static enum sp_err make_list(struct sp_buf *out, struct sp_sign_key *key)
{
	struct sp_pki_point point;
	struct sp_signer signer = sp_sign_key_signer(key);
	struct sp_device_list list = {.account_id = {{7}}, .address = SP_BYTES_LIT("root@example.org"), .version = 1, .devices_n = 1};
	list.devices[0].device_id = (struct sp_id16){{8}};
	SP_TRY(sp_pki_point_decode(&point, signer.public_key));
	SP_TRY(sp_pki_spki_hash(&list.devices[0].spki_hash, &point));
	return sp_device_list_sign(out, &list, &signer);
}

/* A perfect request for a certificate, except that nobody invited. */
static void ask_without_token(struct attack *a)
{
	struct sp_sign_key *key = NULL;
	struct sp_buf csr, list, body;
	sp_buf_init(&csr, SP_LIMIT_CSR);
	sp_buf_init(&list, SP_LIMIT_DEVICE_LIST);
	sp_buf_init(&body, SP_WIRE_KEEPER_REQUEST_MAX);
	bool made = sp_sign_key_generate(&key, SP_SIG_ECDSA_P256_SHA256) == SP_OK && sp_pki_csr_build(&csr, key) == SP_OK && make_list(&list, key) == SP_OK;
	struct sp_wire_keeper_enrol_request enrol = {.name = SP_BYTES_LIT("root"), .csr = sp_buf_bytes(&csr), .device_list = sp_buf_bytes(&list)};
	made = made && sp_wire_keeper_enrol_request_encode(&body, &enrol) == SP_OK;
	enum sp_err e = made ? ask(a, SP_WIRE_KEEPER_ENROL, sp_buf_bytes(&body)) : SP_OK;
	verdict(a, e == SP_ERR_TOKEN, "a certificate without an invitation");
	expect(a, ask(a, SP_WIRE_KEEPER_ENROL, sp_buf_bytes(&csr)), SP_ERR_INVALID, "a bare CSR");
	sp_buf_clear(&csr);
	sp_buf_clear(&list);
	sp_buf_clear(&body);
	sp_sign_key_free(&key);
}

static void try_keeper(struct attack *a)
{
	static const uint8_t tbs[] = {0x30, 0x82, 0x01, 0x0a, 0xa0, 0x03, 0x02, 0x01, 0x02};
	expect(a, ask(a, SP_WIRE_KEEPER_CRL, SP_BYTES_NONE), SP_OK, "the keeper answers what is allowed");
	expect(a, ask(a, SP_WIRE_KEEPER_INVITE, SP_BYTES_NONE), SP_ERR_STATE, "inviting before serving");
	expect(a, ask(a, SP_WIRE_KEEPER_SERVE, SP_BYTES_NONE), SP_OK, "the keeper takes the word to serve");
	expect(a, ask(a, 42, SP_BYTES_OF(tbs)), SP_ERR_UNSUPPORTED, "signing a TBS of one's choice");
	expect(a, ask(a, SP_WIRE_KEEPER_INVITE, SP_BYTES_OF(tbs)), SP_ERR_INVALID, "an invitation that nobody signed");
	expect(a, ask(a, SP_WIRE_KEEPER_RENEW, SP_BYTES_OF(tbs)), SP_ERR_INVALID, "a renewal of nothing");
	ask_without_token(a);
}

static enum sp_err evil_front(const struct sp_server_config *config)
{
	char path[PATH_MAX];
	struct attack a = {.keeper_fd = config->keeper_fd, .keeper = getpid() - 1, .folder = config->folder};
	struct pollfd stop = {.fd = config->stop_fd, .events = POLLIN};
	snprintf(a.dir, sizeof a.dir, "%s", org_dir);
	snprintf(path, sizeof path, "%s/probes", config->folder);
	a.out = fopen(path, "we");
	if (!a.out)
		return SP_ERR_IO;
	try_keeper(&a);
	try_files(&a);
	try_processes(&a);
	try_kernel(&a);
	try_sockets(&a);
	fprintf(a.out, "end\n");
	fclose(a.out);
	if (write(config->ready_fd, "127.0.0.1:1\n", 12) != 12)
		return SP_ERR_IO;
	close(config->ready_fd);
	(void)poll(&stop, 1, -1);
	return SP_OK;
}

/* -- the scenarios, outside ------------------------------------------------------------------------------------------------------- */

static int quietly_init(const char *dir)
{
	pid_t pid = fork();
	if (pid == 0) {
		static char words[][16] = {"sealpostd", "init", "--name", "example.org", "--listen", "127.0.0.1:0", "--dir"};
		char *argv[9] = {NULL};
		for (size_t i = 0; i < SP_ARRAY_LEN(words); i++)
			argv[i] = words[i];
		argv[7] = (char *)(uintptr_t)dir;
		int null = open("/dev/null", O_WRONLY);
		dup2(null, STDOUT_FILENO);
		_exit(sp_daemon_main(8, argv));
	}
	int status = -1;
	waitpid(pid, &status, 0);
	return status;
}

static void report_probes(const char *scenario, const char *dir)
{
	char path[300], line[256];
	bool ended = false;
	snprintf(path, sizeof path, "%s/front/probes", dir);
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = '\0';
		ended = strcmp(line, "end") == 0;
		if (!ended)
			report(strncmp(line, "ok ", 3) == 0, scenario, line);
	}
	if (f)
		fclose(f);
	report(ended, scenario, "every probe was made");
}

static enum sp_err count_refused(void *ctx, const struct sp_keeper_entry *entry)
{
	*(unsigned *)ctx += strcmp(entry->what, "refused") == 0;
	return SP_OK;
}

static unsigned count_lines(const char *path, const char *start)
{
	char line[256];
	unsigned n = 0;
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f))
		n += strncmp(line, start, strlen(start)) == 0;
	if (f)
		fclose(f);
	return n;
}

/* The supervisor with the attacker as its front; ended as soon as it says ready. */
static int run_attack(const char *dir, const char *log)
{
	int out[2], log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), status = -1;
	char line[64];
	if (log_fd < 0 || pipe2(out, O_CLOEXEC) != 0)
		return -1;
	snprintf(org_dir, sizeof org_dir, "%s", dir);
	pid_t pid = fork();
	if (pid == 0) {
		const char *what;
		close(out[0]);
		struct sp_daemon_supervision s = {.dir = dir, .front = evil_front, .out_fd = out[1], .log_fd = log_fd};
		_exit(sp_crypto_init() == SP_OK ? (int)sp_daemon_supervise(&s, &what) : 99);
	}
	close(out[1]);
	struct pollfd ready = {.fd = out[0], .events = POLLIN};
	if (poll(&ready, 1, 60000) <= 0 || read(out[0], line, sizeof line) <= 0)
		fprintf(stderr, "# the pair never was ready\n");
	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	close(out[0]);
	close(log_fd);
	return status;
}

static void remove_tree(const char *dir)
{
	pid_t pid = fork();
	if (pid == 0) {
		execlp("rm", "rm", "-rf", dir, (char *)NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
}

static void scenario(const char *name)
{
	char top[] = "/tmp/sealpost-test-XXXXXX", dir[64], log[64], keeper[80];
	unsigned refused = 0;
	if (!mkdtemp(top))
		exit(1);
	snprintf(dir, sizeof dir, "%s/org", top);
	snprintf(log, sizeof log, "%s/log", top);
	snprintf(keeper, sizeof keeper, "%s/keeper", dir);
	report(quietly_init(dir) == 0, name, "init");
	report(run_attack(dir, log) == 0, name, "the pair ended cleanly");
	report_probes(name, dir);
	report(sp_keeper_audit(keeper, count_refused, &refused) == SP_OK && refused >= 6, name, "the ledger shows what was asked and refused");
	report(count_lines(log, "keeper: refused") == refused, name, "so does the log");
	report(count_lines(log, "sandbox: refused system call") >= 15, name, "the log shows the forbidden system calls");
	if (failures > 0 && getenv("SEALPOST_E2E_KEEP"))
		fprintf(stderr, "# kept: %s\n", top);
	else
		remove_tree(top);
}

/* What the keeper itself may not do, should it ever be taken over. */
static void keeper_scenario(const char *name)
{
	char top[] = "/tmp/sealpost-test-XXXXXX";
	int status = -1, results[2];
	char text[4096] = "", *next;
	if (!mkdtemp(top) || pipe(results) != 0)
		exit(1);
	pid_t pid = fork();
	if (pid == 0) {
		struct sp_sandbox sandbox = {.role = SP_SANDBOX_KEEPER, .folder = top, .log_fd = open("/dev/null", O_WRONLY)};
		struct sp_sandbox_state state;
		struct attack a = {.out = fdopen(results[1], "w"), .keeper = getppid()};
		if (sp_sandbox_enter(&sandbox, &state) != SP_OK)
			_exit(1);
		verdict(&a, denied(socket(AF_INET, SOCK_STREAM, 0)), "an internet socket");
		verdict(&a, denied(socket(AF_INET6, SOCK_DGRAM, 0)), "an IPv6 socket");
		verdict(&a, denied(socket(AF_NETLINK, SOCK_RAW, 0)), "a netlink socket");
		verdict(&a, denied(syscall(SYS_connect, 0, NULL, 0)), "connect");
		try_open(&a, "/etc/passwd", O_RDONLY, "reading elsewhere");
		try_processes(&a);
		fclose(a.out);
		_exit(0);
	}
	close(results[1]);
	for (size_t n = 0; n < sizeof text - 1;) {
		ssize_t got = read(results[0], text + n, sizeof text - 1 - n);
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	close(results[0]);
	waitpid(pid, &status, 0);
	for (char *line = strtok_r(text, "\n", &next); line; line = strtok_r(NULL, "\n", &next))
		report(strncmp(line, "ok ", 3) == 0, name, line);
	report(status == 0, name, "the sandbox held to the end");
	remove_tree(top);
}

int main(void)
{
	bool is_root = geteuid() == 0;
	int status = 0;
	if (is_root)
		scenario("two uids");
	pid_t pid = fork(); /* the same, as a person without rights */
	if (pid == 0) {
		if (is_root && (setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0))
			_exit(1);
		if (sp_sandbox_landlock_version() > 0)
			scenario("one uid");
		else
			printf("ok %u - one uid # SKIP no Landlock here\n", ++tests);
		keeper_scenario("inside the keeper");
		printf("1..%u\n", tests);
		fflush(stdout);
		_exit(failures > 0);
	}
	waitpid(pid, &status, 0);
	return failures > 0 || status != 0;
}
