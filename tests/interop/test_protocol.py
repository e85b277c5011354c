# SPDX-License-Identifier: Apache-2.0
"""docs/protocol.md suffices: a client in another language works against the real server, and with our own client."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import BUILD, check, equal, main # noqa: E402
import protocol_client as protocol # noqa: E402

HELPER = os.path.join(BUILD, "tests", "interop", "mls_helper")


class Robot:
    """The Python client, enrolled and logged in."""

    def __init__(self, t, org, name):
        self.helper = protocol.Helper(HELPER)
        self.client = protocol.Client(org.invite(name), name, self.helper, t.dir())
        self.client.learn_organisation()
        self.client.enrol()
        self.hello = self.client.login()

    def close(self):
        self.client.connection.close()
        self.helper.close()


def refused(error, call, *args):
    try:
        call(*args)
    except protocol.Refused as e:
        equal(e.error, error, str(e))
        return
    raise AssertionError(f"not refused with {error}")


def enrols_and_logs_in(t):
    org = t.org()
    alice = org.join("alice")
    robot = Robot(t, org, "robot")
    equal(robot.client.address, "robot@example.org")
    equal(robot.hello["org"], "example.org")
    equal(robot.hello["account_id"], robot.client.account)
    equal(robot.hello["reqno_high"], 0)
    equal(sorted(p["address"] for p in robot.client.people()), ["alice@example.org", "robot@example.org"])
    check("robot@example.org" in [p["account"] for p in alice.json("people")], "alice sees the robot")
    robot.close()


def a_wrong_fingerprint_is_seen(t):
    org = t.org()
    link = org.invite("robot")
    other = link.replace(link.split("/")[3], "a" * 51 + "q")
    client = protocol.Client(other, "robot", None, t.dir())
    try:
        client.learn_organisation()
    except ValueError as e:
        check("fingerprint" in str(e))
        return
    raise AssertionError("believed another organisation")


def stores_and_reads(t):
    org = t.org()
    org.join("alice")
    robot = Robot(t, org, "robot")
    client, call = robot.client, robot.client.connection.call
    room = client.create_room()
    message = client.seal("from another language")
    body = client.append_body(room, message)
    first = client.appended(call(protocol.APPEND, body))
    equal(client.appended(call(protocol.APPEND, body)), first, "the same reqno and body: the same answer, stored once")
    changed = body[:8] + body[8:-1] + bytes([body[-1] ^ 1])
    refused(protocol.STALE_REQNO, call, protocol.APPEND, changed)
    items, _, last = client.read(1, room)
    equal([i["body"] for i in items], [message])
    equal((items[0]["seq"], items[0]["time_ms"], items[0]["kind"], last), (*first, 3, first[0]))
    refused(protocol.UNKNOWN_TYPE, call, 99)
    call(protocol.PING) # and the connection stays
    refused(protocol.UNKNOWN_TYPE, call, protocol.ENROL) # not in this phase
    robot.close()


def follows_by_events(t):
    org = t.org()
    org.join("alice")
    robot = Robot(t, org, "robot")
    client = robot.client
    room = client.create_room()
    messages = [client.seal(f"number {i}") for i in range(3)]
    client.appended(client.connection.call(protocol.APPEND, client.append_body(room, messages[0])))
    client.subscribe(1, room, 1)
    got = []
    for message in messages[1:]:
        client.appended(client.connection.call(protocol.APPEND, client.append_body(room, message)))
    while len(got) < 3:
        kind, ident, items = client.next_items()
        equal((kind, ident), (1, room))
        got += items
    equal([i["seq"] for i in got], [1, 2, 3])
    equal([i["body"] for i in got], messages)
    robot.close()


def our_client_adds_it(t):
    """Key packages made after the document are good: our client adds the robot, and the Welcome is in its inbox."""
    org = t.org()
    alice = org.join("alice")
    robot = Robot(t, org, "robot")
    client = robot.client
    equal(client.publish(3), 3)
    sent = alice.json("send", "robot", "welcome, robot")
    equal(sent["state"], "stored")
    items, _, _ = client.read(2, client.account)
    equal([i["kind"] for i in items], [16])
    r = protocol.Reader(items[0]["body"])
    room, epoch, seq, welcome = r.take(16), r.uint(8), r.uint(8), r.vec()
    r.done()
    equal((epoch, seq), (1, 1))
    check(len(welcome) > 100)
    log, _, last = client.read(1, room, seq + 1)
    equal([i["kind"] for i in log], [3])
    robot.close()


def it_is_bounded(t):
    """A frame longer than any may be ends the connection, and hurts nobody else."""
    org = t.org()
    alice = org.join("alice")
    robot = Robot(t, org, "robot")
    tls = robot.client.connection.tls
    tls.sendall(b"\xff\xff\xff\xff" + bytes([1, 2, 0, 0, 0, 9]))
    try:
        while tls.recv(4096):
            pass
    except OSError:
        pass
    equal(alice.json("whoami")["account"], "alice@example.org")
    alice.ok("people")
    robot.helper.close()


if __name__ == "__main__":
    main([enrols_and_logs_in, a_wrong_fingerprint_is_seen, stores_and_reads, follows_by_events, our_client_adds_it, it_is_bounded])
