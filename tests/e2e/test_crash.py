#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SIGKILL anywhere: what was acknowledged is there once; what was not is complete or absent; the next run goes on.

The client is killed at its Nth write-like system call (strace fault injection), for N spread over the whole command.
SEALPOST_FAULT_POINTS raises the number of points; the default keeps the suite short.
"""
import os
import random
import shutil
import subprocess
import sys
import threading
import time

from harness import DONE, Profile, Skip, check, environment, equal, main

POINTS = int(os.environ.get("SEALPOST_FAULT_POINTS", "12"))
CALLS = "pwrite64,write,writev,fsync,fdatasync,ftruncate,unlink,rename,sendto,sendmsg"
KILLED = (-9, 137)


def strace(when=None, log="/dev/null"):
    if not shutil.which("strace"):
        raise Skip("strace is missing")
    inject = ["-e", f"inject={CALLS}:signal=SIGKILL:when={when}"] if when else []
    return ["strace", "-f", "-qq", "-o", log, "-e", f"trace={CALLS}", *inject]


# LeakSanitizer cannot work under ptrace
TRACED = {"ASAN_OPTIONS": "detect_leaks=0"}


def count_calls(t, person, *args):
    """How many write-like calls the busiest thread of a command makes."""
    log = os.path.join(t.dir(), "calls")
    person.ok(*args, prefix=strace(log=log), extra_env=TRACED)
    per_thread = {}
    with open(log, encoding="utf-8", errors="replace") as f:
        for line in f:
            pid = line.split(None, 1)[0]
            per_thread[pid] = per_thread.get(pid, 0) + 1
    return max(per_thread.values())


def spread(total):
    step = max(1, total // POINTS)
    return range(1, total + 1, step)


def killed_at(person, when, *args):
    """Runs the command with SIGKILL at call `when`; tells whether it died of it."""
    r = person.run(*args, prefix=strace(when), extra_env=TRACED)
    check(r.code == DONE or r.code in KILLED, f"neither done nor killed: {r}")
    return r.code in KILLED


def server_killed_while_sends_run(t):
    org = t.org()
    alice, bob, carol = (org.join(n) for n in ("alice", "bob", "carol"))
    alice.ok("room", "new", "Busy", "--private", "bob", "carol")
    acknowledged, lock, stop = [], threading.Lock(), threading.Event()

    def sender(person):
        n = 0
        while not stop.is_set():
            n += 1
            text = f"{person.name} {n}"
            r = person.run("--json", "send", "Busy", text)
            if r.code == DONE:
                with lock:
                    acknowledged.append((r.json["id"], text))
            else:
                check(r.code == 5, f"while the server dies a send may only be told `unreachable`: {r}")
                time.sleep(0.1)

    failures = []

    def guarded(person):
        try:
            sender(person)
        except Exception as e: # pylint: disable=broad-except
            failures.append(e)

    threads = [threading.Thread(target=guarded, args=(p,)) for p in (alice, bob)]
    for thread in threads:
        thread.start()
    rng = random.Random(7)
    for _ in range(4):
        time.sleep(0.7 + rng.random())
        org.kill()
        org.start()
    time.sleep(1)
    stop.set()
    for thread in threads:
        thread.join(120)
    if failures:
        raise failures[0]
    check(len(acknowledged) >= 4, f"only {len(acknowledged)} sends got through")
    messages = carol.messages("--all", "Busy")
    ids = [m["id"] for m in messages]
    equal(len(ids), len(set(ids)), "a message twice")
    for message_id, text in acknowledged:
        check(message_id in ids, f"acknowledged {text!r} is lost")
    texts = [m["text"] for m in messages]
    equal(len(texts), len(set(texts)), "a text twice")
    equal(org.stop(), DONE)
    check(org.admin("check").code == DONE, "the store is sound")


def client_killed_in_send(t):
    org = t.org()
    alice, bob = org.join("alice"), org.join("bob")
    alice.ok("send", "bob", "opens the room")
    total = count_calls(t, alice, "send", "bob", "counted")
    deaths = 0
    for when in spread(total):
        deaths += killed_at(alice, when, "send", "bob", f"dies {when}")
        alice.ok("send", "bob", f"lives {when}")
    check(deaths > 0, "no kill took place")
    texts = bob.texts("--all")
    equal(len(texts), len(set(texts)), "a text twice")
    for when in spread(total):
        check(f"lives {when}" in texts, f"lost: lives {when}")
    mine = {m["text"] for m in alice.json("inbox", "--sent") if m["state"] != "queued"}
    check(mine <= set(texts), f"alice says sent, bob never got: {mine - set(texts)}")


def client_killed_in_first_send(t):
    """The send that opens a direct room: room made, peer added, message sent."""
    org = t.org()
    alice = org.join("alice")
    first = org.join("first")
    total = count_calls(t, alice, "send", "first", "counted")
    check("counted" in first.texts("--all"))
    for i, when in enumerate(spread(total)):
        peer = org.join(f"peer{i}")
        killed_at(alice, when, "send", peer.name, f"dies {when}")
        alice.ok("send", peer.name, f"lives {when}")
        texts = peer.texts("--all")
        check(texts.count(f"lives {when}") == 1 and texts.count(f"dies {when}") <= 1, f"point {when}: {texts}")
        peer.ok("send", "alice", f"answer {when}")
        check(f"answer {when}" in alice.texts("--all"), f"point {when}: the answer")


def client_killed_in_join(t):
    org = t.org()
    org.join("alice")
    probe = Profile(t, "probe")
    total = count_calls(t, probe, "join", org.invite("probe"), "--name", "probe")
    for i, when in enumerate(spread(total)):
        person, link = Profile(t, f"person{i}"), org.invite(f"person{i}")
        killed_at(person, when, "join", link, "--name", person.name)
        r = person.run("join", link, "--name", person.name)
        # the first run may have finished all but its last words; then the profile is there and works
        check(r.code == DONE or person.run("whoami").code == DONE, f"point {when}: {r}")
        equal(person.json("whoami")["account"], f"{person.name}@example.org")
        person.ok("send", "alice", f"here {when}")
    users = [p["account"] for p in probe.json("people")]
    equal(len(users), len(set(users)), "an account twice")
    equal(len(users), 2 + len(list(spread(total))))


def client_killed_in_room_add(t):
    org = t.org()
    alice, bob, probe = org.join("alice"), org.join("bob"), org.join("probe")
    alice.ok("room", "new", "Fragile", "--private", "bob")
    total = count_calls(t, alice, "room", "add", "Fragile", "probe")
    added = ["alice", "bob", "probe"]
    for i, when in enumerate(spread(total)):
        peer = org.join(f"peer{i}")
        killed_at(alice, when, "room", "add", "Fragile", peer.name)
        accounts = [m["account"] for m in alice.json("room", "show", "Fragile")["members"]]
        if f"{peer.name}@example.org" not in accounts:
            alice.ok("room", "add", "Fragile", peer.name)
        added.append(peer.name)
        alice.ok("send", "Fragile", f"after {when}")
        check(f"after {when}" in peer.texts("--all", "Fragile"), f"point {when}: the new member reads")
    equal(sorted(m["account"] for m in bob.json("room", "show", "Fragile")["members"]), sorted(f"{a}@example.org" for a in added))
    equal([x for x in bob.texts("--all", "Fragile")], [f"after {w}" for w in spread(total)], "bob misses nothing")


def keeper_or_front_dies(t):
    """One child of the server dies: the server ends or replaces it, and nobody is left with a half server."""
    org = t.org()
    alice, bob = org.join("alice"), org.join("bob")
    alice.ok("send", "bob", "before")
    children = subprocess.run(["pgrep", "-P", str(org.process.pid)], capture_output=True, text=True, check=False).stdout.split()
    check(len(children) >= 2, f"front and keeper are processes of their own: {children}")
    os.kill(int(children[0]), 9)
    time.sleep(1.0)
    if org.process.poll() is not None:
        org.process.stdout.close()
        org.process = None
        org.start()
    alice.ok("send", "bob", "after")
    check({"before", "after"} <= set(bob.texts("--all")))
    org.invite("carol")


TESTS = [server_killed_while_sends_run, client_killed_in_send, client_killed_in_first_send, client_killed_in_join, client_killed_in_room_add,
         keeper_or_front_dies]

if __name__ == "__main__":
    sys.exit(main(TESTS))
