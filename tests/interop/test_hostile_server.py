# SPDX-License-Identifier: Apache-2.0
"""The server's operator changes what the server stores, between two runs of the real programs: what people then see. ATTACKS B1, actor S."""
import os
import shutil
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import DONE, REFUSED, check, equal, main # noqa: E402
from test_malicious_member import Mallory # noqa: E402

COMMIT, MESSAGE = 1, 3


class Store:
    """The stopped server's database; the server runs again afterwards."""

    def __init__(self, org):
        self.org, self.path = org, os.path.join(org.dir, "front", "store.db")

    def __enter__(self):
        self.org.stop()
        self.db = sqlite3.connect(self.path)
        return self.db

    def __exit__(self, *_):
        self.db.commit()
        self.db.close()
        self.org.start()


def two(t):
    org = t.org()
    return org, org.join("alice"), org.join("bob")


def log_of(db, kind=MESSAGE):
    return db.execute("SELECT log FROM item WHERE kind = ? ORDER BY id DESC LIMIT 1", (kind,)).fetchone()[0]


def m19_a_message_left_out_shows(t):
    """One of five is gone; then once more, with the others renumbered to hide it."""
    for is_hidden in (False, True):
        org, alice, bob = two(t)
        for i in range(5):
            alice.ok("send", "bob", f"number {i}")
        with Store(org) as db:
            log = log_of(db)
            seqs = [r[0] for r in db.execute("SELECT seq FROM item WHERE log = ? AND kind = ? ORDER BY seq", (log, MESSAGE))]
            db.execute("DELETE FROM item WHERE log = ? AND seq = ?", (log, seqs[2]))
            for seq in seqs[3:] if is_hidden else []:
                db.execute("UPDATE item SET seq = ? WHERE log = ? AND seq = ?", (seq - 1, log, seq))
        shown = bob.json("inbox", "--all")
        equal([m["text"] for m in shown if m["kind"] == "text"], [f"number {i}" for i in (0, 1, 3, 4)])
        told = [m["text"] for m in shown if m["kind"] == "notice" and ("missing" in m["text"] or "did not arrive" in m["text"])]
        equal(len(told), 1 if is_hidden else 2, str(shown)) # the sender's own count of messages; and the log's
        check("warn" in bob.ok("doctor").out)
        org.stop()


def m29_a_key_package_of_somebody_else(t):
    """Eve's key package for bob: nothing is sent, alice is told, and the evidence stays."""
    org, alice, _ = two(t)
    eve = Mallory(t, org, "eve")
    eve.client.publish(3)
    eve.close()
    with Store(org) as db:
        device = {bytes(a).decode(): d for a, d in db.execute("SELECT account.address, device.no FROM device JOIN account ON account.no = device.account")}
        body = db.execute("SELECT body FROM key_package WHERE device = ? LIMIT 1", (device["eve@example.org"],)).fetchone()[0]
        db.execute("UPDATE key_package SET body = ? WHERE device = ?", (body, device["bob@example.org"]))
    alice.fails(REFUSED, "send", "bob", "for bob alone")
    check("key package" in alice.ok("doctor").out, "alice is told, also later")
    with Store(org) as db:
        equal(db.execute("SELECT count(*) FROM item WHERE kind = ?", (MESSAGE,)).fetchone()[0], 0, "messages stored")
        equal(db.execute("SELECT count(*) FROM item WHERE kind = 16").fetchone()[0], 0, "invitations sent")


def m26_a_group_info_from_before(t):
    """Bob's disk is restored, so his device must rejoin; he is shown the room as it was before his room went on."""
    org, alice, bob = two(t)
    carol = org.join("carol")
    room = alice.json("room", "new", "Site 12", "--private", "bob")["id"]
    bob.ok("send", "Site 12", "one")
    copy = bob.home + ".copy"
    shutil.copytree(bob.home, copy)
    bob.ok("send", "Site 12", "two")
    with Store(org) as db:
        number = log_of(db)
        before = db.execute("SELECT group_info FROM room WHERE room = ?", (number,)).fetchone()[0]
    alice.ok("room", "add", "Site 12", "carol")
    with Store(org) as db:
        db.execute("UPDATE room SET group_info = ? WHERE room = ?", (before, number))
        commits = db.execute("SELECT count(*) FROM item WHERE log = ? AND kind = ?", (number, COMMIT)).fetchone()[0]
    shutil.rmtree(bob.home)
    shutil.move(copy, bob.home)
    r = bob.run("send", "Site 12", "three")
    check(r.code != DONE, f"bob wrote into a room whose state he could not know: {r}")
    check("not the one this device was in" in bob.run("doctor").out, "bob is told")
    with Store(org) as db:
        equal(db.execute("SELECT count(*) FROM item WHERE log = ? AND kind = ?", (number, COMMIT)).fetchone()[0], commits, "no commit was made of it")
    check(room in [r["id"] for r in alice.json("room", "list")])
    carol.ok("send", "Site 12", "the others go on")
    check("the others go on" in alice.texts("--all", "Site 12"))


def n11_a_directory_that_went_back(t):
    """An older copy of the server's disk: told, and nobody is forgotten."""
    org = t.org()
    alice = org.join("alice")
    with Store(org) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy(os.path.join(org.dir, "front", "store.db"), org.dir + ".copy")
    org.join("bob")
    equal(len(alice.json("people")), 2)
    check("older" not in alice.ok("doctor").out)
    org.stop()
    for suffix in ("-wal", "-shm"):
        if os.path.exists(os.path.join(org.dir, "front", "store.db" + suffix)):
            os.unlink(os.path.join(org.dir, "front", "store.db" + suffix))
    shutil.copy(org.dir + ".copy", os.path.join(org.dir, "front", "store.db"))
    org.start()
    check("directory is older" in alice.run("doctor").out, "alice is told")
    equal(len(alice.json("people")), 2, "people")


TESTS = [m19_a_message_left_out_shows, m26_a_group_info_from_before, m29_a_key_package_of_somebody_else,
         n11_a_directory_that_went_back]

if __name__ == "__main__":
    sys.exit(main(TESTS))
