#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad input: the right exit code, one useful line, no state change, others unharmed."""
import os
import re
import signal
import subprocess
import sys
import time

from harness import (DONE, FAILED, NOT_FOUND, REFUSED, SEALPOST, SEALPOSTD, UNREACHABLE, USAGE, Profile, check, environment, equal, free_port, main, run,
                     wait_for)


def damage(link, field):
    """The link with one character of its fingerprint (1) or token (2) changed."""
    head, rest = link.split("://")
    parts = rest.split("/")
    text = parts[field]
    parts[field] = ("b" if text[5] != "b" else "c").join([text[:5], text[6:]])
    return head + "://" + "/".join(parts)


def unjoined(person):
    """A refused join leaves nothing behind: the next one, with a good link, works."""
    r = person.run("whoami")
    equal(r.code, NOT_FOUND, f"no profile after a refused join: {r}")


def wrong_fingerprint(t):
    org = t.org()
    eve = Profile(t, "eve")
    r = eve.fails(REFUSED, "join", damage(org.admin_link, 1), "--name", "eve")
    check("fingerprint" in r.err, str(r))
    unjoined(eve)
    eve.ok("join", org.admin_link, "--name", "eve")  # the token was not spent


def used_token(t):
    org = t.org()
    link = org.invite("bob")
    org.join("bob", link)
    mallory = Profile(t, "mallory")
    r = mallory.fails(REFUSED, "join", link, "--name", "bob")
    check("invitation" in r.err, str(r))
    unjoined(mallory)
    equal(org.join("alice").json("people").__len__(), 2, "two people and no more")


def damaged_token(t):
    org = t.org()
    mallory = Profile(t, "mallory")
    mallory.fails(REFUSED, "join", damage(org.invite("bob"), 2), "--name", "bob")
    unjoined(mallory)


def foreign_token(t):
    org, other = t.org(), t.org(name="other.example")
    foreign, own = other.invite("bob"), org.invite("bob")
    mixed = "/".join(own.split("/")[:-1] + [foreign.split("/")[-1]])
    Profile(t, "bob").fails(REFUSED, "join", mixed, "--name", "bob")
    org.join("bob", own)


def name_is_fixed_by_the_invitation(t):
    org = t.org()
    mallory = Profile(t, "mallory")
    r = mallory.run("join", org.invite("bob"), "--name", "ceo")
    check(r.code in (USAGE, REFUSED, FAILED), f"another name than invited: {r}")
    users = org.admin("user", "list")
    check("ceo" not in users.out, users.out)


def confusable_name(t):
    org = t.org()
    org.join("alice")
    r = org.admin("invite", "a1ice")
    if r.code == DONE:
        link = re.search(r"sealpost://[^\s'\"]+", r.out).group(0)
        r = Profile(t, "a1ice").run("join", link, "--name", "a1ice")
    check(r.code != DONE, f"a1ice beside alice: {r}")


def revoked_certificate(t):
    org = t.org()
    alice, bob = org.join("alice"), org.join("bob")
    alice.ok("send", "bob", "hello")
    equal(org.admin("user", "disable", "bob").code, DONE)
    r = bob.fails(REFUSED, "send", "alice", "still here?")
    check("disabled" in r.err or "revoked" in r.err, str(r))
    alice.ok("people")


def foreign_certificate(t):
    """A profile of one organisation against another's server: the server's certificate is not under the root it knows."""
    org, other = t.org(), t.org(name="other.example")
    org.join("alice")
    port, organisation = org.port, org
    bob = other.join("bob")
    other.stop()
    organisation.stop()
    # the foreign server now answers where bob's own one was
    other.port, swapped = port, other.port
    log = open(organisation.log_path, "ab")
    config = os.path.join(organisation.dir, "config")
    with open(config, encoding="utf-8") as f:
        text = f.read()
    check(str(port) in text, f"config names the address: {text}")
    with open(config, "w", encoding="utf-8") as f:
        f.write(text.replace(str(port), str(swapped)))
    organisation.start()
    log.close()
    bob.fails(REFUSED, "send", "bob", "x")
    equal(organisation.stop(), DONE)


def unknown_person(t):
    org = t.org()
    alice = org.join("alice")
    r = alice.fails(NOT_FOUND, "send", "nobody", "x")
    check("nobody" in r.err and "sealpost people" in r.err, str(r))
    equal(alice.json("inbox", "--all"), [])


def unknown_message_and_room(t):
    org = t.org()
    alice = org.join("alice")
    alice.fails(NOT_FOUND, "read", "zzzzzzzzzz")
    alice.fails(NOT_FOUND, "status", "last")
    alice.fails(NOT_FOUND, "room", "show", "no-such-room")


def unreachable_server(t):
    org = t.org()
    alice = org.join("alice")
    bob = org.join("bob")
    alice.ok("send", "bob", "before")
    org.kill()
    r = alice.fails(UNREACHABLE, "send", "bob", "while it is away")
    check("sealpost doctor" in r.err, str(r))
    alice.ok("whoami")                 # what needs no server works
    alice.ok("inbox", "--all")
    org.start()
    alice.ok("send", "bob", "after")
    texts = bob.texts("--all")
    check("before" in texts and "after" in texts, texts)
    check(texts.count("while it is away") <= 1, "queued at most once")
    Profile(t, "carol").fails(UNREACHABLE, "join", f"sealpost://127.0.0.1:{free_port()}/{'a' * 52}/{'a' * 32}", "--name", "carol")


def no_profile(t):
    ghost = Profile(t, "ghost")
    r = ghost.fails(NOT_FOUND, "whoami")
    check("sealpost join" in r.err, str(r))


def bad_links(t):
    ghost = Profile(t, "ghost")
    for link in ("", "hello", "https://127.0.0.1:1/x/y", "sealpost://", "sealpost://127.0.0.1:1", "sealpost://127.0.0.1:99999/" + "a" * 52 + "/" + "a" * 32,
                 "sealpost://127.0.0.1:1/" + "a" * 51 + "/" + "a" * 32, "sealpost://127.0.0.1:1/" + "a" * 52 + "/" + "A!" * 16,
                 "sealpost://127.0.0.1:1/" + "a" * 52 + "/" + "a" * 32 + "/more", "sealpost://" + "x" * 5000):
        r = ghost.run("join", link, "--name", "ghost")
        check(r.code in (USAGE, FAILED), f"{link[:60]!r}: {r}")
    unjoined(ghost)


def usage_errors(t):
    ghost = Profile(t, "ghost")
    for args in (["send"], ["join"], ["read"], ["frobnicate"], ["--frobnicate"], ["inbox", "--frobnicate"], ["room"], ["room", "frobnicate"], ["send", "a", "b", "c"],
                 ["send", "bob", "-m"], []):
        r = ghost.run(*args)
        equal(r.code, USAGE, str(r))
        check("--help" in r.err or "usage" in r.err.lower(), str(r))


def too_long_message(t):
    org = t.org()
    alice, bob = org.join("alice"), org.join("bob")
    alice.ok("send", "bob", "-", stdin="x" * 60000)
    r = alice.fails(FAILED, "send", "bob", "-", stdin="x" * (70 << 10))
    check("65536" in r.err or "64 KiB" in r.err or "long" in r.err, str(r))
    alice.ok("send", "bob", "fine")
    equal([len(x) for x in bob.texts("--all")], [60000, 4])


def N09_names_and_texts_are_escaped(t):
    org = t.org()
    alice, bob = org.join("alice"), org.join("bob")
    evil = "\x1b]0;owned\x07\x1b[2J\u202eevil\u2066 \r\nsealpost: forged line\x9b31m"
    sent = alice.json("send", "bob", evil)
    alice.ok("room", "new", "\x1b[31mred\u202e", "--private", "bob")
    for r in (bob.ok("inbox"), bob.ok("read", sent["id"]), bob.ok("room", "list"), alice.ok("status", sent["id"]), alice.ok("inbox", "--sent")):
        for bad in ("\x1b", "\x07", "\u202e", "\u2066", "\x9b", "\r"):
            check(bad not in r.out + r.err, f"{bad!r} reached the terminal: {r}")
        check(not any(line.startswith("sealpost: forged") for line in r.out.splitlines()), str(r))
    equal(bob.json("read", sent["id"])["text"], evil, "JSON carries the very text")
    check("\x1b" not in bob.ok("--json", "read", sent["id"]).out)
    for name in ("bob\x1b[2J", "b\u043eb", "Bob", "bob\n", "../bob", "", "a" * 65):
        r = org.admin("invite", name)
        check(r.code != DONE, f"name {name!r} was accepted: {r}")
        check("\x1b" not in r.err + r.out, str(r))


def server_log_escapes(t):
    org = t.org()
    eve = Profile(t, "eve")
    link = org.admin_link.rsplit("/", 1)[0] + "/open"
    eve.run("join", link, "--name", "e\x1b[2Jve")
    check("\x1b" not in org.log(), "ESC reached the server's log")


def running_twice_on_one_folder(t):
    org = t.org()
    alice = org.join("alice")
    second = run([SEALPOSTD, "run", "--dir", org.dir], timeout=30)
    check(second.code != DONE, f"a second server on the same folder: {second}")
    alice.ok("people")


def two_processes_on_one_profile(t):
    org = t.org()
    alice, bob = org.join("alice"), org.join("bob")
    alice.ok("send", "bob", "opens the room")
    sends = [subprocess.Popen(alice.argv("send", "bob", f"parallel {i}"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              env=environment(alice.home), start_new_session=True) for i in range(6)]
    t.processes.extend(sends)
    failed = [p.stderr.read() for p in sends if p.wait(60) != DONE]
    equal(failed, [], "all sends succeed")
    texts = bob.texts("--all")
    equal(sorted(x for x in texts if x.startswith("parallel")), [f"parallel {i}" for i in range(6)], "each once")


def damaged_profile(t):
    org = t.org()
    alice = org.join("alice")
    path = os.path.join(alice.home, "profile.db")
    with open(path, "r+b") as f:
        f.seek(0)
        f.write(b"not a database, but once it was.")
    r = alice.fails(FAILED, "inbox")
    check("damaged" in r.err, str(r))


def interrupted_join_prompt(t):
    """No terminal and no passphrase file: one line that says what to give."""
    org = t.org()
    home = os.path.join(t.dir(), "home")
    r = run([SEALPOST, "--home", home, "join", org.admin_link, "--name", "alice"])
    equal(r.code, USAGE, str(r))
    check("--passphrase-file" in r.err, str(r))
    check(not os.path.exists(os.path.join(home, "profile.db")), "nothing was made")


TESTS = [f for n, f in list(globals().items()) if callable(f) and getattr(f, "__module__", "") == "__main__" and n not in ("damage", "unjoined")]

if __name__ == "__main__":
    sys.exit(main(TESTS))
