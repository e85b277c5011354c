# SPDX-License-Identifier: Apache-2.0
"""Runs the built programs as people do: an organisation in a temporary folder, profiles, commands, exit codes, JSON.

Each test is a function `name(t)`; `main(tests)` runs them in order and reports TAP. `t` cleans up after itself: every
process it started is ended by its own id, every folder removed. Standard library only.

Environment: SEALPOST_BUILD, the folder of the programs (default build/); SEALPOST_E2E_KEEP=1 keeps the folders.
"""
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("SEALPOST_BUILD", os.path.join(TOP, "build")))
SEALPOST = os.path.join(BUILD, "sealpost")
SEALPOSTD = os.path.join(BUILD, "sealpostd")
PASSPHRASE = "correct horse battery staple"
TIMEOUT = 60

DONE, FAILED, USAGE, REFUSED, NOT_FOUND, UNREACHABLE = range(6)


class Skip(Exception):
    pass


def check(condition, message="check failed"):
    if not condition:
        raise AssertionError(message)


def equal(got, want, what=""):
    check(got == want, f"{what}: got {got!r}, want {want!r}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(condition, what, seconds=20.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds:g} s in vain for {what}")


class Result:
    """How a command ended. `.json` parses stdout."""

    def __init__(self, argv, code, out, err):
        self.argv, self.code, self.out, self.err = argv, code, out, err

    @property
    def json(self):
        return json.loads(self.out)

    def __str__(self):
        return f"{' '.join(self.argv)}\n  exit {self.code}\n  stdout: {self.out!r}\n  stderr: {self.err!r}"


def environment(home=None, extra=None):
    env = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")}
    env.setdefault("PATH", "/usr/local/bin:/usr/bin:/bin")
    env["TZ"] = "UTC"
    env["LC_ALL"] = "C.UTF-8"
    if home:
        env["SEALPOST_HOME"] = home
    env.update(extra or {})
    return env


def run(argv, stdin="", env=None, timeout=TIMEOUT, cwd=None):
    p = subprocess.run(argv, input=stdin.encode("utf-8", "surrogateescape"), capture_output=True, env=env or environment(), timeout=timeout,
                       cwd=cwd, start_new_session=True, check=False)
    return Result(argv, p.returncode, p.stdout.decode("utf-8", "surrogateescape"), p.stderr.decode("utf-8", "surrogateescape"))


class Org:
    """One organisation and its server."""

    def __init__(self, t, name="example.org", listen_port=None, init_args=()):
        self.t, self.name = t, name
        self.dir = os.path.join(t.dir(), "org")
        self.port = listen_port or free_port()
        self.process = None
        self.log_path = os.path.join(os.path.dirname(self.dir), "server.log")
        self.init = run([SEALPOSTD, "init", "--dir", self.dir, "--name", name, "--listen", f"127.0.0.1:{self.port}", *init_args])
        check(self.init.code == DONE, f"init: {self.init}")
        self.links = re.findall(r"sealpost://\S+", self.init.out)
        self.admin_link = self.links[0].rstrip("'\"") if self.links else None

    def start(self, prefix=(), extra_env=None):
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen([*prefix, SEALPOSTD, "run", "--dir", self.dir], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                                        env=environment(extra=extra_env), start_new_session=True)
        log.close()
        self.t.processes.append(self.process)
        line = read_line(self.process.stdout, 30)
        check(line.startswith("ready "), f"sealpostd said {line!r}; log: {self.log()[-2000:]}")
        return self

    def stop(self, sig=signal.SIGTERM, timeout=30):
        """Ends the server and returns its exit status (negative: the signal that ended it)."""
        p, self.process = self.process, None
        if p is None:
            return None
        if sig == signal.SIGKILL: # the whole family: supervisor, front and keeper die at one moment, as in a power cut
            os.killpg(p.pid, signal.SIGKILL)
        else:
            p.send_signal(sig)
        code = p.wait(timeout)
        p.stdout.close()
        return code

    def kill(self):
        return self.stop(signal.SIGKILL)

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def admin(self, *args, stdin=""):
        return run([SEALPOSTD, *args, "--dir", self.dir], stdin=stdin)

    def invite(self, *args):
        r = self.admin("invite", *args)
        check(r.code == DONE, str(r))
        return re.search(r"sealpost://[^\s'\"]+", r.out).group(0)

    def join(self, name, link=None):
        """A new profile that has joined; the first one takes the administrator's invitation."""
        person = Profile(self.t, name)
        if link is None and self.admin_link:
            link, self.admin_link = self.admin_link, None
        person.ok("join", link or self.invite(name), "--name", name)
        return person


def read_line(stream, seconds):
    """One line from a pipe, or what came within the time."""
    data, end = b"", time.monotonic() + seconds
    while not data.endswith(b"\n"):
        left = end - time.monotonic()
        if left <= 0 or not select.select([stream], [], [], left)[0]:
            break
        c = os.read(stream.fileno(), 1)
        if not c:
            break
        data += c
    return data.decode("utf-8", "replace")


class Listener:
    """`listen --json` of one profile; events as they come."""

    def __init__(self, profile):
        self.process = subprocess.Popen(profile.argv("listen", "--json"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env=environment(profile.home), start_new_session=True)
        profile.t.processes.append(self.process)

    def event(self, kind=None, seconds=20):
        end = time.monotonic() + seconds
        while True:
            line = read_line(self.process.stdout, max(0.01, end - time.monotonic()))
            check(line.endswith("\n"), f"no event {kind or ''} within {seconds} s")
            event = json.loads(line)
            if kind is None or event["event"] == kind:
                return event

    def none(self, kind, seconds=2):
        try:
            event = self.event(kind, seconds)
        except AssertionError:
            return
        raise AssertionError(f"unexpected event {event}")

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(20)


class Proxy:
    """The network between people and the server: passes bytes on, and can change, freeze or cut them."""

    def __init__(self, t, port):
        self.port, self.target, self.mode, self.after = free_port(), port, "pass", 0
        self.listener = socket.create_server(("127.0.0.1", self.port))
        t.cleanups.append(self.close)
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
                server = socket.create_connection(("127.0.0.1", self.target), 10)
            except OSError:
                return
            for source, sink, up in ((client, server, True), (server, client, False)):
                threading.Thread(target=self.pump, args=(source, sink, up), daemon=True).start()

    def pump(self, source, sink, up):
        passed = 0
        try:
            while True:
                data = source.recv(16384)
                if not data:
                    break
                passed += len(data)
                if up and self.mode != "pass" and passed > self.after:
                    if self.mode == "cut":
                        break
                    if self.mode == "freeze":
                        continue
                    data = data[:-1] + bytes([data[-1] ^ 1]) # "flip"
                sink.sendall(data)
        except OSError:
            pass
        for s in (source, sink):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Profile:
    """One person's installation."""

    def __init__(self, t, name, passphrase=PASSPHRASE):
        self.t, self.name = t, name
        base = t.dir()
        self.home = os.path.join(base, "home-" + re.sub(r"[^a-z0-9]", "_", name))
        self.passphrase_file = os.path.join(base, "passphrase")
        with open(self.passphrase_file, "w", encoding="utf-8") as f:
            f.write(passphrase + "\n")

    def argv(self, *args):
        return [SEALPOST, "--home", self.home, "--passphrase-file", self.passphrase_file, *args]

    def run(self, *args, stdin="", prefix=(), timeout=TIMEOUT, extra_env=None):
        return run([*prefix, *self.argv(*args)], stdin=stdin, env=environment(self.home, extra_env), timeout=timeout)

    def ok(self, *args, **kw):
        r = self.run(*args, **kw)
        check(r.code == DONE, str(r))
        return r

    def json(self, *args, **kw):
        return self.ok("--json", *args, **kw).json

    def fails(self, code, *args, **kw):
        """The command must end with this exit code and one useful line on stderr (with --json: one error object)."""
        r = self.run(*args, **kw)
        check(r.code == code, f"want exit {code}: {r}")
        if "--json" in args:
            error = r.json["error"]
            check(error["code"] and error["message"], str(r))
        else:
            lines = [line for line in r.err.splitlines() if line.startswith("sealpost: ")]
            check(len(lines) == 1, f"want one error line: {r}")
        return r

    def listen(self):
        return Listener(self)

    def messages(self, *args):
        """What people wrote, without the notices of who came and went."""
        return [m for m in self.json("inbox", *(args or ("--all",))) if m["kind"] == "text"]

    def texts(self, *args):
        return [m["text"] for m in self.messages(*args)]


class T:
    """One test's belongings."""

    def __init__(self):
        self.base = tempfile.mkdtemp(prefix="sealpost-e2e-")
        self.processes, self.count, self.cleanups = [], 0, []

    def dir(self):
        self.count += 1
        path = os.path.join(self.base, str(self.count))
        os.mkdir(path)
        return path

    def org(self, **kw):
        return Org(self, **kw).start()

    def profile(self, name, **kw):
        return Profile(self, name, **kw)

    def close(self):
        for p in self.processes:
            if p.poll() is None:
                try:
                    os.killpg(p.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                p.wait(10)
        for cleanup in reversed(self.cleanups):
            cleanup()
        if not os.environ.get("SEALPOST_E2E_KEEP"):
            shutil.rmtree(self.base, ignore_errors=True)


def sanitizer_reports(base):
    """Sanitizer output in any server log is a failure, whatever the test saw."""
    for folder, _, files in os.walk(base):
        for name in files:
            if name.endswith(".log"):
                with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as f:
                    text = f.read()
                if "Sanitizer" in text or "runtime error:" in text:
                    return text[-3000:]
    return None


def run_one(test):
    t = T()
    try:
        test(t)
        report = sanitizer_reports(t.base)
        check(report is None, f"sanitizer report: {report}")
        return None
    finally:
        t.close()


def main(tests):
    wanted = sys.argv[1:]
    tests = [f for f in tests if not wanted or any(w in f.__name__ for w in wanted)]
    print(f"1..{len(tests)}", flush=True)
    for number, test in enumerate(tests, 1):
        start = time.monotonic()
        try:
            run_one(test)
            print(f"ok {number} - {test.__name__} # {time.monotonic() - start:.1f} s", flush=True)
        except Skip as e:
            print(f"ok {number} - {test.__name__} # SKIP {e}", flush=True)
        except Exception: # pylint: disable=broad-except
            print(f"not ok {number} - {test.__name__}", flush=True)
            for line in traceback.format_exc().splitlines():
                print(f"# {line}", file=sys.stderr)
            sys.stderr.flush()
