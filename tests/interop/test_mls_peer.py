#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Drives two processes of mls_peer against each other, through every operation of its table. Given a second command
(MLS_PEER_OTHER), the other side is that program: a peer in another language that speaks the same lines."""
import json
import os
import shlex
import subprocess
import sys


class Peer:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def raw(self, op, **fields):
        fields["op"] = op
        self.process.stdin.write(json.dumps(fields) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def __call__(self, op, **fields):
        reply = self.raw(op, **fields)
        assert reply["ok"], (op, reply)
        return reply

    def refuses(self, op, **fields):
        reply = self.raw(op, **fields)
        assert not reply["ok"], (op, reply)
        return reply["error"]


def same(a, b):
    x, y = a("epoch"), b("epoch")
    for field in ("group", "epoch", "epoch_authenticator", "tree_hash", "confirmed_transcript_hash", "confirmation_tag"):
        assert x[field] == y[field], field
    assert a("export", label="test", context="00", length=40)["secret"] == b("export", label="test", context="00", length=40)["secret"]


def talk(a, b):
    for sender, receiver in ((a, b), (b, a)):
        got = receiver("process", message=sender("protect", data="utf8:hello", aad="aa", padding=20)["message"])
        assert got["kind"] == "application" and bytes.fromhex(got["data"]) == b"hello" and got["aad"] == "aa"


def start(a, b, suite, **more):
    kp = b("key_package", suite=suite, identity="utf8:bob", grease=True)
    a("create_group", suite=suite, identity="utf8:alice")
    added = a("add", key_packages=[kp["key_package"]], **more)
    tree = {} if more.get("tree_ext", True) else {"ratchet_tree": added["ratchet_tree"]}
    b("join", welcome=added["welcome_raw"], framed=False, **tree)
    same(a, b)
    talk(a, b)


def every_suite(a, b):
    for suite in range(1, 8):
        start(a, b, suite, tree_ext=suite % 2 == 0, force_path=suite % 3 == 0)
        b("process", message=a("update", public=True)["commit"])
        a("process", message=b("update")["commit"])
        same(a, b)
        talk(a, b)


def proposals(a, b):
    start(a, b, 2)
    for public in (True, False):
        b("process", message=a("propose", proposal={"type": "update"}, public=public)["proposal"])
        a("process", message=b("commit", public=public)["commit"])
        same(a, b)
    for p in (a, b):
        p("psk", psk_id="utf8:shared", secret="0102030405060708")
    b("process", message=a("commit", proposals=[{"type": "psk", "psk_id": "utf8:shared"}, {"type": "psk", "epoch": 1}])["commit"])
    same(a, b)
    a("process", message=b("commit", proposals=[{"type": "gce", "extensions": [{"type": 0xF000, "data": "00ff"}]}])["commit"])
    got = b("process", message=a("commit", proposals=[{"type": "custom", "proposal_type": 0xF001, "data": "c0ffee"}])["commit"])
    assert got["proposals"][0] == {"type": 0xF001, "body": "c0ffee"}, got
    same(a, b)


def pending(a, b):
    start(a, b, 1)
    made = a("update", apply=False)
    assert a("epoch")["epoch"] == 1
    a("discard")
    made = a("update", apply=False)
    saved = a("save")["state"]
    b("process", message=made["commit"])
    a("load", state=saved, suite=1)
    a("process", message=made["commit"])
    same(a, b)
    assert a("process", message=made["commit"])["own"] is True


def outside(a, b, other):
    start(a, b, 1)
    info = a("group_info", tree_ext=False)
    joined = other("external_join", group_info=info["group_info_raw"], framed=False, ratchet_tree=info["ratchet_tree"], identity="utf8:carol")
    a("process", message=joined["commit"])
    b("process", message=joined["commit"])
    same(a, other)
    again = other("external_join", group_info=b("group_info")["group_info"], identity="utf8:carol", resync=True)
    a("process", message=again["commit"])
    b("process", message=again["commit"])
    assert len(a("epoch")["members"]) == 3
    same(b, other)
    kp = other("key_package", suite=1, identity="utf8:dave")
    asked = other("propose_join", group_info=a("group_info")["group_info"], kp_id=kp["kp_id"])["proposal"]
    a("process", message=asked)
    b("process", message=asked)
    made = a("commit")
    b("process", message=made["commit"])
    other("join", welcome=made["welcome"])
    same(a, other)
    b("process", message=a("remove", identity="utf8:dave")["commit"])
    assert len(b("epoch")["members"]) == 3


def successors(a, b):
    start(a, b, 1)
    group = a("epoch")["group"]
    kp = b("key_package", suite=1, identity="utf8:bob")
    made = a("branch", group=group, new_group_id="b4a9c4", key_packages=[kp["key_package"]])
    b("join", welcome=made["welcome"], resume_from=group)
    same(a, b)
    a("epoch", group=group)
    b("epoch", group=group)
    b("process", group=group, message=a("commit", group=group, proposals=[{"type": "reinit", "new_group_id": "4e11", "suite": 3, "extensions": []}])["commit"])
    assert b("epoch", group=group)["active"] == "suspendedPendingReinit"
    kp = b("key_package", suite=3, identity="utf8:bob")
    made = a("reinit_create", group=group, identity="utf8:alice", key_packages=[kp["key_package"]])
    b("join", welcome=made["welcome"], resume_from=group)
    same(a, b)
    talk(a, b)


def errors(a, b):
    start(a, b, 1)
    before = b("epoch")
    sealed = a("protect", data="00")["message"]
    wrong = "00" if sealed[-2:] != "00" else "01"
    assert b.refuses("process", message=sealed[:-2] + wrong).startswith("DECRYPT")
    assert b.refuses("process", message="00").startswith("TRUNCATED")
    assert b.refuses("nothing").startswith("UNSUPPORTED")
    assert b.refuses("process", message="zz")
    assert b("epoch") == before
    b("process", message=sealed)
    assert b.refuses("process", message=sealed).startswith("DUPLICATE")


def main():
    ours = shlex.split(sys.argv[1])
    theirs = shlex.split(os.environ.get("MLS_PEER_OTHER", sys.argv[1]))
    a, b, other = Peer(ours), Peer(theirs), Peer(ours)
    assert a("info", id=7)["id"] == 7
    steps = [every_suite, proposals, pending, successors, errors]
    for step in steps:
        step(a, b)
        print(f"ok {step.__name__}")
    outside(a, b, other)
    print("ok outside")
    for peer in (a, b, other):
        peer("quit")
        assert peer.process.wait(10) == 0


if __name__ == "__main__":
    main()
