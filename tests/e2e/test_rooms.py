#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rooms: who is in, who reads what, who catches up."""
import os
import sqlite3
import sys

from harness import DONE, FAILED, NOT_FOUND, REFUSED, check, equal, main, wait_for


def three(t):
    org = t.org()
    people = [org.join(name) for name in ("alice", "bob", "carol")]
    room = people[0].json("room", "new", "Site 12", "--private", "bob", "carol")
    return org, people, room


def a_room_of_three(t):
    _, (alice, bob, carol), room = three(t)
    equal((room["name"], room["mode"]), ("Site 12", "private"))
    equal(sorted(m["account"] for m in room["members"]), ["alice@example.org", "bob@example.org", "carol@example.org"])
    for field in ("id", "name", "mode", "epoch", "members"):
        check(field in room, field)
    for who in (alice, bob, carol):
        who.ok("send", "Site 12", f"from {who.name}")
    for who in (alice, bob, carol):
        equal(sorted(who.texts("--all", "Site 12")), ["from alice", "from bob", "from carol"], who.name)
    for who in (bob, carol):
        check(any(r["id"] == room["id"] for r in who.json("room", "list")), "room list")
        equal(who.json("room", "show", room["id"][:8])["name"], "Site 12", "the name travels encrypted to members")


def status_names_each_person(t):
    _, (alice, bob, carol), _ = three(t)
    sent = alice.json("send", "Site 12", "who read this?")
    bob.ok("read", sent["id"])
    status = wait_for(lambda: (lambda s: any(p["opened"] for p in s["people"]) and s)(alice.json("status", sent["id"])), "bob's receipt")
    people = {p["account"]: p for p in status["people"]}
    equal(sorted(people), ["bob@example.org", "carol@example.org"])
    check(people["bob@example.org"]["opened"] and not people["carol@example.org"]["opened"], str(status))
    carol.ok("inbox")
    wait_for(lambda: {p["account"]: p for p in alice.json("status", sent["id"])["people"]}["carol@example.org"]["delivered"], "carol's delivery")


def M38_removed_reads_nothing_after(t):
    org, (alice, bob, carol), room = three(t)
    alice.ok("send", "Site 12", "carol may read this")
    check("carol may read this" in carol.texts("--all", "Site 12"))
    alice.ok("room", "remove", "Site 12", "carol")
    alice.ok("send", "Site 12", "carol may not read this")
    bob.ok("send", "Site 12", "nor this")
    equal(sorted(m["account"] for m in bob.json("room", "show", room["id"])["members"]), ["alice@example.org", "bob@example.org"])
    texts = carol.texts("--all")
    check("carol may read this" in texts, "what she had stays hers")
    check(not any("not read" in x or x == "nor this" for x in texts), f"carol reads {texts}")
    r = carol.run("send", "Site 12", "let me back in")
    check(r.code in (REFUSED, NOT_FOUND, FAILED), f"a removed member sends: {r}")
    check("let me back in" not in bob.texts("--all"), "her message reached the room")


def removal_then_return(t):
    _, (alice, bob, carol), _ = three(t)
    alice.ok("room", "remove", "Site 12", "carol")
    alice.ok("send", "Site 12", "between")
    alice.ok("room", "add", "Site 12", "carol")
    alice.ok("send", "Site 12", "after")
    texts = carol.texts("--all", "Site 12")
    check("after" in texts and "between" not in texts, str(texts))


def joiner_reads_nothing_before(t):
    org = t.org()
    alice, bob = org.join("alice"), org.join("bob")
    alice.ok("room", "new", "Old", "--private", "bob")
    alice.ok("send", "Old", "before dave")
    dave = org.join("dave")
    alice.ok("room", "add", "Old", "dave")
    alice.ok("send", "Old", "with dave")
    equal(dave.texts("--all", "Old"), ["with dave"])
    equal(sorted(bob.texts("--all", "Old")), ["before dave", "with dave"])


def offline_throughout_catches_up(t):
    org, (alice, bob, carol), _ = three(t)
    dave = org.join("dave")
    for i in range(6):
        alice.ok("send", "Site 12", f"message {i}")
        if i == 2:
            alice.ok("room", "add", "Site 12", "dave")
        if i == 3:
            bob.ok("send", "Site 12", "bob speaks")
        if i == 4:
            alice.ok("room", "remove", "Site 12", "bob")
    # carol has not run once since the room was made
    equal([x for x in carol.texts("--all", "Site 12") if x.startswith("message")], [f"message {i}" for i in range(6)], "all, in order")
    check("bob speaks" in carol.texts("--all", "Site 12"))
    equal(sorted(m["account"] for m in carol.json("room", "show", "Site 12")["members"]), ["alice@example.org", "carol@example.org", "dave@example.org"])
    carol.ok("send", "Site 12", "carol is back")
    check("carol is back" in dave.texts("--all", "Site 12"))
    check("carol is back" not in bob.texts("--all"))


def M06_a_member_is_no_admin(t):
    _, (alice, bob, carol), room = three(t)
    bob.fails(REFUSED, "room", "remove", "Site 12", "alice")
    before = alice.json("room", "show", room["id"])
    equal(sorted(m["account"] for m in before["members"]), ["alice@example.org", "bob@example.org", "carol@example.org"], "roster unchanged")


def leaving(t):
    _, (alice, bob, carol), room = three(t)
    bob.ok("room", "leave", "Site 12")
    alice.ok("send", "Site 12", "bob has left")
    check("bob has left" not in bob.texts("--all"))
    check("bob has left" in carol.texts("--all", "Site 12"))
    equal(sorted(m["account"] for m in alice.json("room", "show", room["id"])["members"]), ["alice@example.org", "carol@example.org"])


def everyone_is_a_room(t):
    org = t.org()
    alice, bob = org.join("alice"), org.join("bob")
    alice.ok("send", "everyone", "one")
    check("one" in bob.texts("--all"), "bob reads everyone")
    carol = org.join("carol")
    bob.ok("send", "everyone", "two")
    check("two" in carol.texts("--all"), "a newcomer is in")
    check("one" not in carol.texts("--all"), "but not before joining")
    carol.ok("send", "everyone", "three")
    for who in (alice, bob):
        check("three" in who.texts("--all"), who.name)


def outsiders_cannot_see_a_room(t):
    org, _, room = three(t)
    dave = org.join("dave")
    dave.fails(NOT_FOUND, "room", "show", room["id"])
    dave.fails(NOT_FOUND, "send", room["id"], "x")
    check(all(r["id"] != room["id"] for r in dave.json("room", "list")), "room list")


def store_of(org):
    folder = os.path.join(org.dir, "front")
    paths = [os.path.join(folder, n) for n in os.listdir(folder) if n.endswith(".db")]
    check(paths, f"no store in {os.listdir(folder)}")
    return sqlite3.connect(paths[0])


def replay_last(org, room_kind=3):
    """The server's operator stores the newest application message once more, under the next number."""
    db = store_of(org)
    columns = [c[1] for c in db.execute("PRAGMA table_info(item)")]
    check({"log", "seq", "body"} <= set(columns), f"item has {columns}")
    others = [c for c in columns if c not in ("id", "seq")]
    row = db.execute(f"SELECT seq, {', '.join(others)} FROM item WHERE kind = ? ORDER BY id DESC LIMIT 1", (room_kind,)).fetchone()
    check(row, "an item to replay")
    log = row[1 + others.index("log")]
    newest = db.execute("SELECT max(seq) FROM item WHERE log = ?", (log,)).fetchone()[0]
    db.execute(f"INSERT INTO item (seq, {', '.join(others)}) VALUES (?, {', '.join('?' * len(others))})", (newest + 1, *row[1:]))
    for table in ("log", "logs", "room"):
        names = [c[1] for c in db.execute(f"PRAGMA table_info({table})")]
        if "last_seq" in names and "id" in names:
            db.execute(f"UPDATE {table} SET last_seq = last_seq + 1 WHERE id = ?", (log,))
    db.commit()
    db.close()


def M21_replay_is_dropped(t):
    org, (alice, bob, carol), _ = three(t)
    alice.ok("send", "Site 12", "only once")
    equal(bob.texts("--all", "Site 12").count("only once"), 1)
    org.stop()
    replay_last(org)
    org.start()
    for _ in range(2):  # and again: each command is a restarted client
        equal(bob.texts("--all", "Site 12").count("only once"), 1, "bob had it")
        equal(carol.texts("--all", "Site 12").count("only once"), 1, "carol had not")
    alice.ok("send", "Site 12", "and the room goes on")
    check("and the room goes on" in bob.texts("--all", "Site 12"))
    check("and the room goes on" in carol.texts("--all", "Site 12"))


def change_newest(org, kind, change):
    """The server's operator changes the newest stored item of a kind."""
    db = store_of(org)
    row_id, body = db.execute("SELECT id, body FROM item WHERE kind = ? ORDER BY id DESC LIMIT 1", (kind,)).fetchone()
    db.execute("UPDATE item SET body = ? WHERE id = ?", (change(bytes(body)), row_id))
    db.commit()
    db.close()


def M01_a_commit_that_no_member_signed(t):
    """The operator puts a changed commit into the log: who reads it keeps the old roster, and says that something is wrong."""
    org, (alice, bob, carol), room = three(t)
    dave = org.join("dave")
    bob.ok("inbox")
    alice.ok("room", "add", "Site 12", "dave")
    org.stop()
    change_newest(org, 1, lambda body: body[:-70] + bytes([body[-70] ^ 1]) + body[-69:])
    org.start()
    for _ in range(2):
        shown = bob.json("room", "show", room["id"])
        check("dave@example.org" not in [m["account"] for m in shown["members"]], "bob believed a commit that nobody signed")
    alice.ok("send", "Site 12", "after the forged commit")
    bob.ok("inbox")
    check("dave@example.org" not in [m["account"] for m in bob.json("room", "show", room["id"])["members"]])
    bob.ok("send", "alice", "other rooms go on")
    check("other rooms go on" in alice.texts("--all"))


def a_changed_message_is_not_shown(t):
    org, (alice, bob, carol), _ = three(t)
    alice.ok("send", "Site 12", "pay ten to Carol")
    org.stop()
    change_newest(org, 3, lambda body: body[:-20] + bytes([body[-20] ^ 1]) + body[-19:])
    org.start()
    check("pay ten to Carol" not in bob.texts("--all", "Site 12"))
    alice.ok("send", "Site 12", "still here")
    equal(bob.texts("--all", "Site 12"), ["still here"])
    equal(carol.texts("--all", "Site 12"), ["still here"])


def M19_order_is_the_logs(t):
    _, (alice, bob, carol), _ = three(t)
    for i in range(4):
        alice.ok("send", "Site 12", f"a{i}")
        bob.ok("send", "Site 12", f"b{i}")
    want = [x for i in range(4) for x in (f"a{i}", f"b{i}")]
    equal(carol.texts("--all", "Site 12"), want)


TESTS = [f for n, f in list(globals().items()) if callable(f) and getattr(f, "__module__", "") == "__main__" and n not in ("three", "store_of", "replay_last", "change_newest")]

if __name__ == "__main__":
    sys.exit(main(TESTS))
