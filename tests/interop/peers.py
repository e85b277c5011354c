# SPDX-License-Identifier: Apache-2.0
"""Processes that speak the line protocol of MLS peers, and a TAP runner for what is played with them."""
import json
import subprocess
import sys
import traceback


class Refused(Exception):
    """A reply with "ok": false."""


class Peer:
    """One process: one client of one implementation."""

    def __init__(self, argv, name):
        self.name = name
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def line(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"{self.name}: the process has ended"
        return json.loads(answer)

    def __call__(self, op, **fields):
        answer = self.line(json.dumps({"op": op, **fields}))
        if not answer["ok"]:
            raise Refused(f"{self.name}: {op}: {answer['error']}")
        return answer

    def refuses(self, op, **fields):
        """The operation must be refused; gives the error's name. The group in hand must stay as it was."""
        before = self.line('{"op":"epoch"}')
        answer = self.line(json.dumps({"op": op, **fields}))
        assert not answer["ok"], f"{self.name}: {op} was not refused"
        assert isinstance(answer["error"], str) and ": " in answer["error"], answer
        assert self.line('{"op":"epoch"}') == before, f"{self.name}: a refused {op} changed the group"
        return answer["error"].split(":")[0]

    def end(self):
        """Waits for a clean end: a sanitizer's complaint is a failure."""
        if self.process.poll() is None:
            self.line('{"op":"quit"}')
            self.process.stdin.close()
        code = self.process.wait(timeout=30)
        self.process.stdout.close()
        assert code == 0, f"{self.name}: exit {code}"

    def kill(self):
        self.process.kill()
        self.process.wait()


class World:
    """The clients of one scenario. `make(name)` starts a process; which program that is, the test decides."""

    def __init__(self, suite, make):
        self.suite, self.make, self.peers = suite, make, []

    def peer(self, name):
        peer = self.make(name)
        self.peers.append(peer)
        return peer

    def pair(self, **create):
        """alice and bob in one group."""
        alice, bob = self.peer("alice"), self.peer("bob")
        alice("create_group", suite=self.suite, identity="utf8:alice", **create)
        self.add(alice, [], bob)
        return alice, bob

    def add(self, by, others, *joiners, **fields):
        packages = [j("key_package", suite=self.suite, identity=f"utf8:{j.name}")["key_package"] for j in joiners]
        made = by("add", key_packages=packages, **fields)
        for other in others:
            assert other("process", message=made["commit"])["kind"] == "commit"
        for joiner in joiners:
            joiner("join", welcome=made["welcome"], ratchet_tree=made["ratchet_tree"])
        agree(by, *others, *joiners)
        return made

    def close(self, clean):
        for peer in self.peers:
            if clean:
                peer.end()
            else:
                peer.kill()


AGREED = ("epoch", "epoch_authenticator", "tree_hash", "confirmed_transcript_hash", "confirmation_tag")


def agree(*peers):
    """All are in the same epoch of the same group, and see the same members."""
    first = peers[0]("epoch")
    for peer in peers[1:]:
        other = peer("epoch")
        for field in AGREED:
            assert other[field] == first[field], f"{peer.name} and {peers[0].name} disagree on {field}: {other[field]} {first[field]}"
        assert other["members"] == first["members"], (other["members"], first["members"])
    secrets = {peer("export", label="test", context="utf8:same", length=40)["secret"] for peer in peers}
    assert len(secrets) == 1 and len(secrets.pop()) == 80
    return first


def tell(message, *others):
    """Hands a handshake message to others; gives the last one's reply."""
    answer = None
    for other in others:
        answer = other("process", message=message)
    return answer


def say(sender, text, *others, **fields):
    message = sender("protect", data=f"utf8:{text}", **fields)["message"]
    for other in others:
        got = other("process", message=message)
        assert got["kind"] == "application" and bytes.fromhex(got["data"]).decode() == text, got
    return message


def run(cases):
    """cases: (name, function). A function gives None, or why it was skipped."""
    print(f"1..{len(cases)}", flush=True)
    failed = 0
    for number, (name, case) in enumerate(cases, 1):
        try:
            skipped = case()
            print(f"ok {number} - {name}" + (f" # SKIP {skipped}" if skipped else ""), flush=True)
        except Exception: # pylint: disable=broad-except
            failed += 1
            print(f"not ok {number} - {name}", flush=True)
            print("# " + traceback.format_exc().replace("\n", "\n# "), file=sys.stderr, flush=True)
    return 1 if failed else 0
