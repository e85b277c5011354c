#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes passive-client vectors that the published files lack (private handshakes, the tree out of band, proposals by reference, external PSKs,
external joiners, the passive client's own removal) with mls_peer, and has mls_vectors run them; then spoils each and has it refuse."""
import copy
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_mls_peer import Peer  # noqa: E402

SUITES = range(1, 8)


def scenario(command, suite, public, tree_ext):
    alice, bob, carol, passive = (Peer(command) for _ in range(4))
    for peer in (alice, bob, passive):
        peer("psk", psk_id="aabb", secret="00112233")
    alice("create_group", suite=suite, identity="utf8:alice")
    joined = alice("add", key_packages=[bob("key_package", suite=suite, identity="utf8:bob")["key_package"]])
    bob("join", welcome=joined["welcome"])
    kp = passive("key_package", suite=suite, identity="utf8:passive", grease=True)
    added = alice("add", key_packages=[kp["key_package"]], tree_ext=tree_ext, force_path=True)
    bob("process", message=added["commit"])
    vector = {"cipher_suite": suite, "external_psks": [{"psk_id": "aabb", "psk": "00112233"}], "key_package": kp["key_package"],
              "signature_priv": kp["signature_priv"], "encryption_priv": kp["encryption_priv"], "init_priv": kp["init_priv"],
              "welcome": added["welcome"], "ratchet_tree": None if tree_ext else added["ratchet_tree"],
              "initial_epoch_authenticator": alice("epoch")["epoch_authenticator"], "epochs": []}

    def epoch(commit, proposals=()):
        vector["epochs"].append({"proposals": list(proposals), "commit": commit, "epoch_authenticator": alice("epoch")["epoch_authenticator"]})

    def both(by, other, op, **fields):
        made = by(op, public=public, **fields)
        other("process", message=made["commit"])
        return made["commit"]

    epoch(both(bob, alice, "update"))
    update = bob("propose", proposal={"type": "update"}, public=public)["proposal"]
    alice("process", message=update)
    epoch(both(alice, bob, "commit", proposals=[{"type": "psk", "psk_id": "aabb"}]), [update])
    epoch(both(bob, alice, "commit", proposals=[{"type": "gce", "extensions": [{"type": 0xF000, "data": "01"}]}]))
    outside = carol("external_join", group_info=alice("group_info")["group_info"], identity="utf8:carol")
    alice("process", message=outside["commit"])
    bob("process", message=outside["commit"])
    epoch(outside["commit"])
    epoch(both(alice, bob, "commit", proposals=[{"type": "psk", "epoch": 4}, {"type": "remove", "identity": "utf8:carol"}]))
    for peer in (alice, bob, carol, passive):
        peer("quit")
    return vector


def spoil(vector):
    """The same with one octet of its last commit changed, and with another's authenticator."""
    changed, other = copy.deepcopy(vector), copy.deepcopy(vector)
    commit = bytearray.fromhex(changed["epochs"][-1]["commit"])
    commit[-1] ^= 1
    changed["epochs"][-1]["commit"] = commit.hex()
    other["epochs"][0]["epoch_authenticator"] = other["epochs"][1]["epoch_authenticator"]
    return [changed, other]


def run(program, vectors):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
        json.dump(vectors, f)
        f.flush()
        done = subprocess.run([program, f.name], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip().split("\n")[-1].split(": ")[-1]


def main():
    peer, program = [sys.argv[1]], sys.argv[2]
    vectors = [scenario(peer, suite, public, tree) for suite in SUITES for public in (False, True) for tree in (False, True)]
    assert run(program, vectors) == (0, f"{len(vectors)} passed, 0 failed, 0 skipped"), run(program, vectors)
    bad = [v for vector in vectors[:4] for v in spoil(vector)]
    assert run(program, bad) == (1, f"0 passed, {len(bad)} failed, 0 skipped"), run(program, bad)
    print(f"ok {len(vectors)} made, {len(bad)} spoiled")


if __name__ == "__main__":
    main()
