#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clocks: invitations expire, certificates renew by themselves, a wrong clock is named. The programs' clocks are moved
with libfaketime."""
import glob
import re
import sys

from harness import DONE, REFUSED, Profile, Skip, check, equal, main

LIBRARIES = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")


def at(offset):
    """What runs a program with its clock moved. Not the program faketime: it stays between us and what it starts."""
    if not LIBRARIES:
        raise Skip("libfaketime is missing")
    return {"extra_env": {"LD_PRELOAD": LIBRARIES[0], "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}}


def expired_token(t):
    org = t.org()
    org.join("alice")
    link = org.invite("bob")
    org.stop()
    org.start(**at("+60d"))
    bob = Profile(t, "bob")
    r = bob.run("join", link, "--name", "bob", **at("+60d"))
    equal(r.code, REFUSED, str(r))
    check("invitation" in r.err, str(r))
    org.stop()
    org.start()
    users = org.admin("user", "list")
    check("bob" not in users.out, users.out)


def certificates_renew_by_themselves(t):
    """Eight months on: the server's seven-day certificate is new, alice's one-year one is renewed on the way."""
    org = t.org()
    alice, bob = org.join("alice"), org.join("bob")
    alice.ok("send", "bob", "before")
    before = alice.json("whoami")
    org.stop()
    org.start(**at("+260d"))
    alice.ok("send", "bob", "much later", **at("+260d"))
    after = alice.json("whoami", **at("+260d"))
    check(after["certificate_until"] > before["certificate_until"], f"{before['certificate_until']} -> {after['certificate_until']}")
    equal((after["fingerprint"], after["account_id"]), (before["fingerprint"], before["account_id"]), "the same person")
    bob.ok("send", "alice", "me too", **at("+260d"))
    texts = [m["text"] for m in alice.json("inbox", "--all", **at("+260d"))]
    check("me too" in texts, texts)


def certificate_that_ran_out(t):
    """Two years away: the certificate has ended. Refused, said why; no state change; the clock back, all is well."""
    org = t.org()
    alice, _ = org.join("alice"), org.join("bob")
    org.stop()
    org.start(**at("+800d"))
    r = alice.run("send", "bob", "too late", **at("+800d"))
    equal(r.code, REFUSED, str(r))
    check(re.search("expired|certificate", r.err), str(r))
    org.stop()
    org.start()
    alice.ok("send", "bob", "in time")


def a_wrong_clock_is_named(t):
    org = t.org()
    alice = org.join("alice")
    r = alice.run("doctor", **at("+3h"))
    check("clock" in r.out, str(r))
    r = alice.run("send", "everyone", "from the past", **at("-30d"))
    check(r.code in (DONE, REFUSED), str(r))
    alice.ok("send", "everyone", "from the present")


def the_server_goes_back_five_seconds(t):
    """A small step back of the server's clock: log times stay in order, nothing fails."""
    org = t.org()
    alice, bob = org.join("alice"), org.join("bob")
    alice.ok("send", "bob", "one")
    org.stop()
    org.start(**at("-5s"))
    alice.ok("send", "bob", "two")
    messages = [m for m in bob.json("inbox", "--all") if m["kind"] == "text"]
    equal([m["text"] for m in messages], ["one", "two"])
    check(messages[0]["time"] <= messages[1]["time"], f"{messages[0]['time']} then {messages[1]['time']}")


TESTS = [expired_token, certificates_renew_by_themselves, certificate_that_ran_out, a_wrong_clock_is_named, the_server_goes_back_five_seconds]

if __name__ == "__main__":
    sys.exit(main(TESTS))
