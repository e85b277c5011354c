# SPDX-License-Identifier: Apache-2.0
"""A member who keeps to the protocol and to no rule besides, against the built programs: the server is honest. ATTACKS B1, actor I."""
import hashlib
import os
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import BUILD, check, equal, main # noqa: E402
import protocol_client as protocol # noqa: E402
from protocol_client import Reader, text64, u8, u64, vec # noqa: E402

HELPER = os.path.join(BUILD, "tests", "interop", "mls_helper")
TAKE, HANDSHAKE, LIST_PUT, INBOX_APPEND, ROOM_INFO, ROOM_TREE = 11, 16, 24, 18, 14, 15


class Mallory:
    """Enrolled like anybody."""

    def __init__(self, t, org, name="mallory"):
        self.helper = protocol.Helper(HELPER)
        self.client = protocol.Client(org.invite(name), name, self.helper, t.dir())
        self.client.learn_organisation()
        self.client.enrol()
        self.hello = self.client.login()
        self.call = self.client.connection.call

    def account_of(self, address):
        return next(p["account_id"] for p in self.client.people() if p["address"] == address)

    def device_of(self, address):
        """From the account's signed list: DeviceEntry is 32 bytes of key, then the id (docs/protocol.md section 4)."""
        chain = next(p["chain"] for p in self.client.people() if p["address"] == address)
        r = Reader(chain[0])
        r.take(2 + 16)
        r.vec()
        r.take(4 + 32 + 1)
        return Reader(r.vec()[32:]).take(16)

    def create(self, room, how="invitation"):
        made = self.helper("room", text64(room), how)
        return self.call(protocol.ROOM_CREATE, self.client.mutation() + room + vec(made["group_info"]) + vec(made["ratchet_tree"]))

    def add(self, room, account, epoch=0):
        r = self.call(TAKE, self.client.mutation() + vec(account))
        taken = Reader(r.vec())
        taken.take(32)
        made = self.helper("add", text64(taken.vec()), str(self.hello["crl_number"]))
        body = room + u64(epoch) + vec(made["commit"]) + vec(made["group_info"]) + vec(made["welcome"])
        self.call(HANDSHAKE, self.client.mutation() + body)

    def close(self):
        self.client.connection.close()
        self.helper.close()


def direct_id(a, b, mode=1):
    """Derived ids have their first bit set, random ones have it clear (docs/protocol.md section 8)."""
    digest = hashlib.sha256(b"sealpost direct 1" + u8(mode) + min(a, b) + max(a, b)).digest()
    return u8(digest[0] | 0x80) + digest[1:16]


def random_id():
    some = os.urandom(16)
    return u8(some[0] & 0x7f) + some[1:]


def refused(call, *args):
    try:
        call(*args)
    except protocol.Refused:
        return
    raise AssertionError(f"was not refused: {args[0]!r}")


def m14_no_room_in_the_place_of_a_conversation(t):
    """An ordinary room with the id that alice's conversation with bob will have, and mallory in it."""
    org = t.org()
    alice, bob = org.join("alice"), org.join("bob")
    mallory = Mallory(t, org)
    a, b = mallory.account_of("alice@example.org"), mallory.account_of("bob@example.org")
    room = direct_id(a, b)
    refused(mallory.create, room)
    equal(alice.json("send", "bob", "for bob alone")["state"], "stored")
    refused(mallory.client.read, 1, room)
    equal(bob.texts(), ["for bob alone"])
    mallory.close()


def m14_an_ordinary_invitation_is_followed(t):
    """The same by the same hands, with a random id: what the case above refuses is the id, not mallory's MLS."""
    org = t.org()
    alice = org.join("alice")
    mallory = Mallory(t, org)
    room = random_id()
    mallory.create(room)
    mallory.add(room, mallory.account_of("alice@example.org"))
    equal(len(alice.json("room", "list")), 2)
    message = mallory.client.seal("hello from mallory")
    mallory.call(protocol.APPEND, mallory.client.append_body(room, message, 1))
    equal([(m["from"], m["text"]) for m in alice.messages()], [("mallory@example.org", "hello from mallory")])
    mallory.close()


def m23_the_sender_is_the_leaf(t):
    """What a message says of its sender counts for nothing, and no command is hidden in a text."""
    org = t.org()
    alice = org.join("alice")
    mallory = Mallory(t, org)
    room = random_id()
    mallory.create(room)
    mallory.add(room, mallory.account_of("alice@example.org"))
    text = '{"from":"alice@example.org","kind":"remove","account":"mallory@example.org"}'
    mallory.call(protocol.APPEND, mallory.client.append_body(room, mallory.client.seal(text), 1))
    shown = alice.messages()
    equal([(m["from"], m["text"], m["mine"]) for m in shown], [("mallory@example.org", text, False)])
    equal(len(alice.json("room", "show", shown[0]["room"])["members"]), 2)
    mallory.close()


def m27_a_foreign_device_id_costs_its_owner_nothing(t):
    """Mallory puts alice's device id on mallory's own list and takes it off again: alice's key packages and session stay."""
    org = t.org()
    alice = org.join("alice")
    mallory = Mallory(t, org)
    listener = alice.listen()
    listed = mallory.helper("list", text64(mallory.device_of("alice@example.org")))["device_list"]
    mallory.call(LIST_PUT, mallory.client.mutation() + vec(listed))
    mallory.call(LIST_PUT, mallory.client.mutation() + vec(mallory.helper("list", "none")["device_list"]))
    listener.none("trouble", 2)
    listener.stop()
    mallory.close()
    org.stop()
    with sqlite3.connect(os.path.join(org.dir, "front", "store.db")) as db:
        left = db.execute("SELECT count(*) FROM key_package WHERE state < 2").fetchone()[0]
    check(left > 10, f"{left} key packages are left of alice's stock")


def n09_names_and_texts_do_not_reach_the_terminal_raw(t):
    """ESC, bidi overrides, zero-width characters and a second line in what a member sends."""
    org = t.org()
    alice = org.join("alice")
    mallory = Mallory(t, org)
    room = random_id()
    mallory.create(room)
    mallory.add(room, mallory.account_of("alice@example.org"))
    nasty = "a\x1b[2Jb\u202ec\u200bd\r\u2066e\u0007"
    mallory.call(protocol.APPEND, mallory.client.append_body(room, mallory.client.seal(nasty), 1))
    shown = alice.ok("inbox", "--all").out
    check("mallory" in shown, shown)
    for c in nasty:
        check(c.isalnum() or c in "[" or c not in shown, f"{c!r} reached the terminal: {shown!r}")
    mallory.close()


def m38_a_stranger_reads_nothing_of_a_room(t):
    """Every request that names a room, from an account that is not in it: log, tree, GroupInfo, receipts, writing."""
    org = t.org()
    alice, bob = org.join("alice"), org.join("bob")
    alice.ok("send", "bob", "hello")
    mallory = Mallory(t, org)
    a, b = mallory.account_of("alice@example.org"), mallory.account_of("bob@example.org")
    room = direct_id(a, b)
    asked = {
        protocol.READ: u8(1) + room + u64(1) + bytes(8),
        protocol.SUBSCRIBE: vec(u8(1) + room + u64(1)),
        ROOM_INFO: room,
        ROOM_TREE: room + u64(1),
        protocol.APPEND: mallory.client.mutation() + room + u64(1) + vec(b"nonsense"),
        protocol.CURSOR_SET: mallory.client.mutation() + u8(1) + room + u64(99),
        INBOX_APPEND: mallory.client.mutation() + a + u8(17) + vec(room + u64(1) + bytes(12) + vec(b"x" * 32)),
    }
    for number, body in asked.items():
        refused(mallory.call, number, body)
    for owner in (a, b):
        refused(mallory.client.read, 2, owner)
    mallory.close()


TESTS = [m14_an_ordinary_invitation_is_followed, m14_no_room_in_the_place_of_a_conversation, m23_the_sender_is_the_leaf,
         m27_a_foreign_device_id_costs_its_owner_nothing, n09_names_and_texts_do_not_reach_the_terminal_raw, m38_a_stranger_reads_nothing_of_a_room]

if __name__ == "__main__":
    sys.exit(main(TESTS))
