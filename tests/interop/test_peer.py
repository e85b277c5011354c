#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""mls_peer driven against itself: every scenario in every suite, and what belongs to the line protocol alone."""
import os
import shutil
import subprocess
import sys
import tempfile

import scenarios
from peers import Peer, World, agree, run, say, tell

PROGRAM = os.environ.get("SEALPOST_MLS_PEER", "build/tests/mls_peer")
SUITES = range(1, 8)


def start(name):
    return Peer([PROGRAM], name)


def play(scenario, suite):
    world, clean = World(suite, start), False
    try:
        skipped = scenario(world)
        clean = True
        return skipped
    finally:
        world.close(clean)


def in_all_suites(scenario):
    for suite in SUITES:
        play(scenario, suite)


def the_protocol_itself(w):
    alice = w.peer("alice")
    assert alice("info")["suites"] == list(SUITES)
    assert alice.line('# a comment\n\n{"op":"info","id":"x1"}')["id"] == "x1"
    for bad in ("{", "[]", '{"op":"nothing"}', '{"op":"epoch"}', '{"op":"create_group","suite":9,"identity":"a"}', '{"op":"create_group"}',
                '{"op":"psk","psk_id":"0","secret":""}', '{"op":"psk","psk_id":"zz","secret":""}', '{"op":"load","state":"00","suite":1}',
                '{"op":"psk","psk_id":"@/nonexistent","secret":""}'):
        answer = alice.line(bad)
        assert answer["ok"] is False and ": " in answer["error"], (bad, answer)


def files_in_and_out(w):
    alice, bob = w.peer("alice"), w.peer("bob")
    with tempfile.TemporaryDirectory(prefix="sealpost-peer-") as folder:
        package, welcome, tree = (os.path.join(folder, name) for name in ("package", "welcome", "tree"))
        made = bob("key_package", suite=w.suite, identity="utf8:bob", out={"key_package": package})
        with open(package, "rb") as f:
            assert f.read().hex() == made["key_package"]
        alice("create_group", suite=w.suite, identity="utf8:alice")
        alice("add", key_packages=["@" + package], out={"welcome": welcome, "ratchet_tree": tree}, tree_ext=False)
        bob("join", welcome="@" + welcome, ratchet_tree="@" + tree)
    agree(alice, bob)


def two_members_in_one_process(w):
    both = w.peer("both")
    first = both("create_group", suite=w.suite, identity="utf8:alice")["membership"]
    made = both("add", key_packages=[both("key_package", suite=w.suite, identity="utf8:bob")["key_package"]])
    second = both("join", welcome=made["welcome"])["membership"]
    assert first != second
    message = both("protect", group=first, data="utf8:to myself")["message"]
    assert both("process", group=second, message=message)["kind"] == "application"
    commit = both("update", group=second)["commit"]
    assert both("process", group=first, message=commit)["epoch_authenticator"] == both("epoch", group=second)["epoch_authenticator"]


def own_messages_come_back(w):
    alice, bob = w.pair()
    message = say(alice, "an echo", bob)
    assert alice("process", message=message)["own"] is True
    made = alice("update", apply=False, public=True)
    assert alice("process", message=made["commit"])["own"] is True
    tell(made["commit"], bob)
    agree(alice, bob)


def last_resort_serves_twice(w):
    bob = w.peer("bob")
    package = bob("key_package", suite=w.suite, identity="utf8:bob", last_resort=True)
    ordinary = bob("key_package", suite=w.suite, identity="utf8:bob")
    for _ in range(2):
        alice = w.peer("alice")
        alice("create_group", suite=w.suite, identity="utf8:alice")
        bob("join", welcome=alice("add", key_packages=[package["key_package"]])["welcome"])
        agree(alice, bob)
    alice("create_group", suite=w.suite, identity="utf8:alice")
    welcome = alice("add", key_packages=[ordinary["key_package"]])["welcome"]
    bob("join", welcome=welcome)
    assert bob.refuses("join", welcome=welcome) == "NOT_FOR_ME"


def x509_credentials(w):
    if not shutil.which("openssl"):
        return "the openssl program is missing"
    alice, bob = w.peer("alice"), w.peer("bob")
    with tempfile.TemporaryDirectory(prefix="sealpost-peer-") as folder:
        def file(name):
            return os.path.join(folder, name)

        def openssl(*argv):
            subprocess.run(["openssl", *argv], check=True, capture_output=True)
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", file("key.pem"), "-out", file("cert.pem"),
                "-subj", "/CN=bob", "-days", "2")
        openssl("x509", "-in", file("cert.pem"), "-outform", "der", "-out", file("cert.der"))
        openssl("pkcs8", "-topk8", "-nocrypt", "-in", file("key.pem"), "-outform", "der", "-out", file("key.der"))
        package = bob("key_package", suite=w.suite, identity="utf8:bob", x509_chain=["@" + file("cert.der")], sig_priv="@" + file("key.der"))
        with open(file("cert.der"), "rb") as f:
            der = f.read().hex()
    alice("create_group", suite=w.suite, identity="utf8:alice")
    bob("join", welcome=alice("add", key_packages=[package["key_package"]])["welcome"])
    assert agree(alice, bob)["members"][1]["identity"] == der
    say(bob, "with a certificate", alice)
    return None


PROTOCOL = [the_protocol_itself, files_in_and_out, two_members_in_one_process, own_messages_come_back, last_resort_serves_twice, x509_credentials]


def main():
    cases = [(s.__name__, lambda s=s: in_all_suites(s)) for s in scenarios.ALL]
    cases += [(s.__name__, lambda s=s: play(s, 2)) for s in PROTOCOL]
    wanted = sys.argv[1:]
    return run([c for c in cases if not wanted or c[0] in wanted])


if __name__ == "__main__":
    sys.exit(main())
