# SPDX-License-Identifier: Apache-2.0
"""One profile in hard circumstances: restored from an old copy, used by several processes, opened from both sides at once."""
import os
import shutil
import sqlite3
import threading

from harness import DONE, check, equal, main


def copy_profile(person, to):
    """As a backup does it: the database alone, its log checkpointed."""
    with sqlite3.connect(os.path.join(person.home, "profile.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copytree(person.home, to)


def M37_a_restored_profile_rejoins(t):
    """The old copy's keys are never used again: it joins its rooms anew, says so, and both sides go on."""
    org = t.org()
    alice, bob = org.join("alice"), org.join("bob")
    alice.ok("send", "bob", "before")
    alice.ok("room", "new", "Site 12", "bob")
    bob.ok("send", "Site 12", "before too")
    old = os.path.join(t.dir(), "old")
    copy_profile(bob, old)
    bob.ok("send", "alice", "only the server remembers")
    bob.ok("send", "Site 12", "this as well")
    shutil.rmtree(bob.home)
    shutil.copytree(old, bob.home)
    equal(bob.json("send", "alice", "after")["state"], "stored")
    equal(bob.json("send", "Site 12", "after too")["state"], "stored")
    alice.ok("send", "bob", "welcome back")
    check("welcome back" in bob.texts("--all"), "bob reads what comes after")
    equal(alice.texts("--all", "Site 12")[-1], "after too")
    equal(sorted(alice.texts("--all", "bob"))[:4], ["after", "before", "only the server remembers", "welcome back"])
    check("restored from an older copy" in bob.ok("doctor").out, "doctor tells of it")


def in_parallel(*calls):
    results = [None] * len(calls)

    def run(i, call):
        results[i] = call()

    threads = [threading.Thread(target=run, args=(i, c)) for i, c in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def two_processes_on_one_profile(t):
    org = t.org()
    alice, bob = org.join("alice"), org.join("bob")
    alice.ok("send", "bob", "first")
    bob.ok("inbox")
    texts = [f"{who} {i}" for who in "xyz" for i in range(4)]

    def sends(who):
        return lambda: [bob.run("send", "alice", f"{who} {i}") for i in range(4)]

    listener = bob.listen()
    for results in in_parallel(*(sends(who) for who in "xyz")):
        for r in results:
            equal(r.code, DONE, str(r))
    alice.ok("send", "bob", "last")
    equal(listener.event("message")["text"], "last")
    listener.stop()
    got = alice.texts("--all", "bob")
    equal(sorted(got), sorted(["first", "last", *texts]), "every message once")
    for who in "xyz":
        equal([x for x in got if x.startswith(who)], [f"{who} {i}" for i in range(4)], "each sender's order")


def both_open_the_conversation(t):
    org = t.org()
    alice, bob = org.join("alice"), org.join("bob")
    results = in_parallel(lambda: alice.run("send", "bob", "from alice"), lambda: bob.run("send", "alice", "from bob"))
    for person, r, to, text in ((alice, results[0], "bob", "from alice"), (bob, results[1], "alice", "from bob")):
        if r.code != DONE: # the other was just opening it, and said so
            check("try again" in r.err, str(r))
            person.ok("send", to, text)
    equal(sorted(alice.texts("--all", "bob")), ["from alice", "from bob"])
    equal(sorted(bob.texts("--all", "alice")), ["from alice", "from bob"])


def both_open_it_before_listeners(t):
    """Four processes on two profiles: who sends, and who listens, finish each other's work, and nobody is alarmed."""
    org = t.org()
    alice = org.join("alice")
    for name in ("bob", "carol", "dave"):
        other = org.join(name)
        ears = alice.listen(), other.listen()
        for r in in_parallel(lambda: alice.run("send", name, "from alice"), lambda: other.run("send", "alice", "from " + name)):
            equal(r.code, DONE, str(r))
        for ear in ears:
            ear.none("trouble", 1)
            ear.stop()


def many_change_one_room(t):
    """Commits that race: one wins an epoch, the others make theirs again."""
    org = t.org()
    alice = org.join("alice")
    people = {name: org.join(name) for name in ("bob", "carol", "dave")}
    alice.ok("room", "new", "Busy", "bob")
    results = in_parallel(lambda: alice.run("room", "add", "Busy", "carol"), lambda: alice.run("room", "add", "Busy", "dave"),
                          lambda: people["bob"].run("send", "Busy", "meanwhile"))
    for r in results:
        equal(r.code, DONE, str(r))
    members = sorted(m["account"].split("@")[0] for m in alice.json("room", "show", "Busy")["members"])
    equal(members, ["alice", "bob", "carol", "dave"])
    alice.ok("send", "Busy", "to all")
    for person in people.values():
        equal(person.texts("--all", "Busy")[-1], "to all", person.name)


def offline_for_long(t):
    """Somebody who never came online meanwhile catches up: epochs, people, messages, receipts."""
    org = t.org()
    alice, bob, carol = org.join("alice"), org.join("bob"), org.join("carol")
    alice.ok("room", "new", "Long", "bob", "carol")
    sent = []
    for i in range(6):
        sent.append(alice.json("send", "Long", f"message {i}"))
        name = f"extra{i}"
        org.join(name)
        alice.ok("room", "add", "Long", name)
        bob.ok("send", "Long", f"answer {i}")
    texts = carol.texts("--all", "Long")
    equal(texts, [x for i in range(6) for x in (f"message {i}", f"answer {i}")])
    status = {p["account"].split("@")[0]: p for p in alice.json("status", sent[0]["id"])["people"]}
    equal(sorted(status), ["bob", "carol"])
    check(all(p["delivered"] for p in status.values()), str(status))


if __name__ == "__main__":
    main([M37_a_restored_profile_rejoins, two_processes_on_one_profile,
          both_open_the_conversation, both_open_it_before_listeners, many_change_one_room, offline_for_long])
