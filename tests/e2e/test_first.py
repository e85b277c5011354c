#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the product promises on a good day: identity, messages, states, rooms, the server's log."""
import os
import re
import shutil
import signal
import sys

from harness import DONE, FAILED, Profile, Skip, check, equal, main, run, wait_for, SEALPOST

RFC3339 = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")


def two(t):
    org = t.org()
    return org, org.join("alice"), org.join("bob")


def first_five_minutes(t):
    org = t.org()
    alice = Profile(t, "alice")
    joined = alice.ok("join", org.admin_link, "--name", "alice")
    check("fingerprint" in joined.out + joined.err and "match" in joined.out + joined.err, f"join shows no fingerprint check: {joined}")
    invitation = alice.ok("invite", "bob")
    link = re.search(r"sealpost://[^\s'\"]+", invitation.out).group(0)
    check("sealpost join" in invitation.out and "bob" in invitation.out, f"invite prints bob's whole command: {invitation}")
    bob = Profile(t, "bob")
    bob.ok("join", link, "--name", "bob")
    sent = alice.ok("send", "bob", "Hello")
    check("stored" in sent.out + sent.err, str(sent))
    unopened = bob.json("inbox")
    equal([m["text"] for m in unopened], ["Hello"], "bob's inbox")
    message = bob.json("read", unopened[0]["id"])
    equal((message["text"], message["from"]), ("Hello", "alice@example.org"), "read")
    bob.ok("send", "alice", "Hello yourself")
    equal([m["text"] for m in alice.json("inbox")], ["Hello yourself"], "alice's inbox")
    alice.ok("doctor")


def seed_11_wrong_secret_stops_everything(t):
    _, alice, _ = two(t)
    before = alice.json("whoami")
    with open(alice.passphrase_file, "w", encoding="utf-8") as f:
        f.write("not this one\n")
    r = alice.fails(3, "send", "bob", "no further step")
    check("passphrase" in r.err, str(r))
    with open(alice.passphrase_file, "w", encoding="utf-8") as f:
        f.write("correct horse battery staple\n")
    equal(alice.json("whoami"), before, "whoami")
    equal(alice.texts("--sent"), [], "nothing was sent")


def seed_13_certificates_are_made_and_validated(t):
    org, alice, _ = two(t)
    again = org.admin("init", "--name", "example.org")
    equal(again.code, FAILED, f"a second init must refuse: {again}")
    alice.ok("whoami")  # the organisation still stands
    equal(alice.json("whoami")["account"], "alice@example.org")


def seed_13_openssl_agrees(t):
    """An independent program judges what the keeper made: the server's chain verifies under the root in front's folder."""
    if not shutil.which("openssl"):
        raise Skip("openssl is missing")
    org = t.org()
    folder = t.dir()
    shown = run(["openssl", "s_client", "-connect", f"127.0.0.1:{org.port}", "-alpn", "sealpost/1", "-showcerts"], timeout=20).out
    chain = re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", shown, re.S)
    check(len(chain) >= 2, f"the server sends {len(chain)} certificates")
    leaf, others, root = (os.path.join(folder, n) for n in ("leaf.pem", "others.pem", "root.pem"))
    for path, text in ((leaf, chain[0]), (others, "\n".join(chain[1:]))):
        with open(path, "w", encoding="ascii") as f:
            f.write(text + "\n")
    r = run(["openssl", "x509", "-inform", "DER", "-in", os.path.join(org.dir, "front", "root.der"), "-out", root])
    equal(r.code, DONE, str(r))
    r = run(["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", root, "-untrusted", others, leaf])
    check(r.code == DONE and "OK" in r.out, str(r))
    text = run(["openssl", "x509", "-in", leaf, "-noout", "-text"]).out
    check("sealpost:server:example.org" in text and "TLS Web Server Authentication" in text, text)


def seed_18_shell_and_menu(t):
    """The shell, its commands and its numbered menu, from a pipe."""
    _, alice, bob = two(t)
    script = "1\n4\nbob\nfrom the menu\nsend bob \"from the prompt\"\n5\n6\n2\n3\nfrobnicate\nhelp\nmenu\n7\n"
    r = alice.ok("shell", stdin=script)
    for word in ("1 people", "7 quit", "bob@example.org", "stored", "no unread messages", "everyone"):
        check(word in r.out + r.err, f"the shell shows no {word!r}: {r}")
    check("there is no such command" in r.err, str(r))
    equal(bob.texts("--all"), ["from the menu", "from the prompt"])
    equal(alice.run("shell", stdin="").code, DONE, "the end of input ends it")


def seed_18_shell_on_a_terminal(t):
    """Editing, completion and the passphrase question, on a real terminal."""
    if not shutil.which("tmux"):
        raise Skip("tmux is missing")
    _, alice, _ = two(t)
    name = f"sealpost-{os.getpid()}"
    tmux = ["tmux", "-L", name]
    env = {"PATH": os.environ["PATH"], "HOME": t.dir(), "TERM": "xterm", "LC_ALL": "C.UTF-8", "TMUX_TMPDIR": t.dir()}
    run([*tmux, "new-session", "-d", "-x", "120", "-y", "40", f"{SEALPOST} --home {alice.home} shell; echo ended; sleep 60"], env=env)
    t.cleanups.append(lambda: run([*tmux, "kill-server"], env=env))

    def screen():
        return run([*tmux, "capture-pane", "-p"], env=env).out

    def keys(*what):
        run([*tmux, "send-keys", *what], env=env)

    wait_for(lambda: "Passphrase:" in screen(), "the passphrase question")
    keys("correct horse battery staple", "Enter")
    wait_for(lambda: "sealpost>" in screen(), "the prompt")
    check("staple" not in screen(), "the passphrase was echoed")
    keys("peo", "Tab", "Enter")
    wait_for(lambda: "bob@example.org" in screen(), "people by completion")
    keys("who", "Tab", "Enter")
    wait_for(lambda: "certificate until" in screen(), "whoami by completion")
    keys("7", "Enter")
    wait_for(lambda: "ended" in screen(), "the end")


def seed_22_name_and_id_stay(t):
    org, alice, bob = two(t)
    me = alice.json("whoami")
    for field in ("account", "account_id", "organisation", "server", "device", "fingerprint"):
        check(field in me, f"whoami lacks {field}")
    check({"id", "name"} <= set(me["device"]), "whoami.device")
    equal(me["organisation"], "example.org")
    org.stop()
    org.start()
    equal(alice.json("whoami"), me, "the same at the next start")
    people = alice.json("people")
    equal(sorted(p["account"] for p in people), ["alice@example.org", "bob@example.org"])
    equal([p["account"] for p in people if p["me"]], ["alice@example.org"], "me")
    equal(next(p["fingerprint"] for p in people if p["me"]), me["fingerprint"])
    equal(next(p["account_id"] for p in people if not p["me"]), bob.json("whoami")["account_id"])
    text = alice.ok("people").out
    check("bob@example.org" in text and "alice@example.org" in text, text)


def seed_23_new_all_sent_read(t):
    _, alice, bob = two(t)
    empty = bob.ok("inbox")
    check("no unread messages" in empty.out + empty.err or "No unread messages" in empty.out + empty.err, str(empty))
    equal(bob.json("inbox"), [])
    first = alice.json("send", "bob", "one")
    equal(first["state"], "stored", "state")
    check(RFC3339.match(first["time"]), first["time"])
    alice.ok("send", "bob", "-", stdin="two\nlines\n")
    alice.ok("send", "bob", "-m", "three")
    equal([m["text"].rstrip("\n") for m in bob.json("inbox")], ["one", "two\nlines", "three"], "new messages")
    ids = [m["id"] for m in bob.json("inbox")]
    equal(ids[0], first["id"], "one id on both sides")
    bob.ok("read", ids[0][:8])  # any unique prefix
    equal([m["id"] for m in bob.json("inbox")], ids[1:], "read opens")
    everything = bob.messages("--all")
    equal([m["state"] for m in everything], ["opened", "new", "new"])
    for field in ("id", "room", "room_name", "mode", "from", "time", "kind", "text", "state"):
        check(field in everything[0], f"inbox lacks {field}")
    equal((everything[0]["kind"], everything[0]["mode"]), ("text", "private"))
    equal([m["text"].rstrip("\n") for m in alice.json("inbox", "--sent")], ["one", "two\nlines", "three"], "the sender's own copy")
    equal(alice.json("read", first["id"])["text"], "one", "the sender reads it again")
    bob.ok("send", "alice", "answer")
    equal(sorted(x.rstrip("\n") for x in bob.texts("--all")), ["answer", "one", "three", "two\nlines"], "received and sent")


def seed_24_verification_is_shown(t):
    _, alice, bob = two(t)
    sent = alice.json("send", "bob", "signed")
    shown = bob.json("read", sent["id"])["verification"]
    check({"result", "signer", "reason"} <= set(shown), str(shown))
    check(shown["result"] in ("ok", "none"), str(shown))


def seed_26_status(t):
    _, alice, bob = two(t)
    sent = alice.json("send", "bob", "please read")
    status = alice.json("status", "last")
    equal((status["id"], status["mode"]), (sent["id"], "private"))
    equal([p["account"] for p in status["people"]], ["bob@example.org"])
    check(RFC3339.match(status["people"][0]["stored"]), "stored")
    equal(status["people"][0]["opened"], None, "not opened yet")
    bob.ok("inbox")  # a listing does not open
    delivered = wait_for(lambda: (lambda s: s["people"][0]["delivered"] and s)(alice.json("status", sent["id"])), "delivered")
    equal(delivered["people"][0]["opened"], None, "a listing does not open")
    bob.ok("read", sent["id"])
    opened = wait_for(lambda: (lambda s: s["people"][0]["opened"] and s)(alice.json("status", sent["id"])), "opened")
    check(RFC3339.match(opened["people"][0]["opened"]), "opened")
    check("opened" in alice.ok("status", "last").out)


def seed_31_notice_to_all_online(t):
    org, alice, bob = two(t)
    listeners = [alice.listen(), bob.listen()]
    carol = org.join("carol")
    carol.ok("send", "everyone", "to all of you")
    for listener in listeners:
        event = listener.event("message")
        equal((event["text"], event["from"]), ("to all of you", "carol@example.org"))
    for listener in listeners:
        equal(listener.stop(), DONE, "Ctrl-C ends listen cleanly")


def seed_37_many_clients_and_the_log(t):
    org = t.org()
    people = [org.join(name) for name in ("alice", "bob", "carol", "dave", "erin")]
    listeners = [p.listen() for p in people[1:]]
    people[0].ok("send", "everyone", "hello, all")
    for listener in listeners:
        equal(listener.event("message")["text"], "hello, all")
    for listener in listeners:
        listener.stop()
    equal(org.stop(), DONE, "SIGTERM ends cleanly")
    log = org.log()
    check("127.0.0.1" in log, f"the log tells from where: {log[-1000:]}")
    check("hello, all" not in log, "no content in the log")


def listen_shows_message_and_receipt(t):
    _, alice, bob = two(t)
    ear = alice.listen()
    alice_sent = alice.json("send", "bob", "are you there?")
    bob.ok("read", alice_sent["id"])
    receipt = ear.event("receipt")
    check(receipt["id"].startswith(alice_sent["id"][:8]), str(receipt))
    bob.ok("send", "alice", "yes")
    equal(ear.event("message")["text"], "yes")
    equal(ear.stop(), DONE)


def send_says_delivered_to_a_listener(t):
    _, alice, bob = two(t)
    alice.ok("send", "bob", "first, which opens the room")
    ear = bob.listen()
    ear.event("message")
    sent = alice.json("send", "bob", "are you there?")
    equal(ear.event("message")["id"], sent["id"])
    wait_for(lambda: alice.json("status", sent["id"])["people"][0]["delivered"], "delivered")
    ear.stop()


def admin_on_the_machine(t):
    org, _, bob = two(t)
    users = org.admin("user", "list")
    check(users.code == DONE and "bob@example.org" in users.out, str(users))
    check(org.admin("audit").code == DONE)
    check(org.admin("check").code == DONE)
    disabled = org.admin("user", "disable", "bob")
    equal(disabled.code, DONE, str(disabled))
    r = bob.run("send", "alice", "am I still here?")
    equal(r.code, 3, f"a disabled account is refused: {r}")
    equal(org.admin("user", "enable", "bob").code, DONE)
    bob.ok("send", "alice", "back again")


def json_errors_have_one_shape(t):
    _, alice, _ = two(t)
    alice.fails(4, "--json", "read", "zzzzzzzz")
    alice.fails(4, "--json", "send", "nobody", "x")
    alice.fails(2, "--json", "send")


def help_lists_only_what_exists(t):
    r = run([SEALPOST, "--help"])
    equal(r.code, DONE)
    names = re.findall(r"^  ([a-z]+) ", r.out, re.M)
    check({"join", "whoami", "people", "invite", "send", "inbox", "read", "status", "room", "listen", "doctor", "shell", "try"} <= set(names), r.out)
    for name in names:
        each = run([SEALPOST, name, "--help"])
        check(each.code == DONE and each.out, f"{name} --help: {each}")
    for absent in ("--card", "--record", "--history", "role"):
        texts = r.out + "".join(run([SEALPOST, n, "--help"]).out for n in names)
        check(absent not in texts, f"{absent} is not there yet, but help names it")
    equal(run([SEALPOST, "export"]).code, 2, "an unknown command is a usage error")


def sigint_ends_the_server_cleanly(t):
    org, alice, _ = two(t)
    alice.ok("send", "bob", "before")
    equal(org.stop(signal.SIGINT), DONE)
    org.start()
    alice.ok("send", "bob", "after")


def try_once_shows_a_conversation(t):
    r = run([SEALPOST, "try", "--once"], timeout=120, env={"PATH": os.environ["PATH"], "HOME": t.dir(), "TMPDIR": t.dir(), "TZ": "UTC"})
    equal(r.code, DONE, str(r))
    for word in ("alice", "bob", "fingerprint", "stored", "delivered", "opened"):
        check(word in r.out, f"try shows no {word}: {r.out}")


TESTS = [f for n, f in list(globals().items()) if callable(f) and getattr(f, "__module__", "") == "__main__" and n not in ("two",)]

if __name__ == "__main__":
    sys.exit(main(TESTS))
