#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What must not be on a disk: the server's (N10) and a switched-off laptop's (D01)."""
import base64
import os
import stat
import sys

from harness import DONE, check, equal, main

CANARY = "canary-7f3b91c2-purple-elephant"
ROOM = "canary-room-d41d8cd9"


def forms(text):
    """The canary as a careless program would leave it: plain, UTF-16, hex, base64 at each of three offsets."""
    raw = text.encode()
    yield raw
    yield text.encode("utf-16-le")
    yield raw.hex().encode()
    for pad in range(3):
        encoded = base64.b64encode(b"\0" * pad + raw)
        yield encoded[4:-4]


def files_below(*folders):
    for folder in folders:
        for base, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(base, name)
                if os.path.isfile(path) and not os.path.islink(path):
                    yield path


def scan(needles, *folders):
    hits, scanned = [], 0
    for path in files_below(*folders):
        with open(path, "rb") as f:
            data = f.read()
        scanned += len(data)
        hits += [(path, needle) for needle in needles if needle in data]
    check(scanned > 10000, f"scanned {scanned} bytes only: the wrong folder?")
    return hits


def conversation(t):
    org = t.org()
    alice, bob, carol = org.join("alice"), org.join("bob"), org.join("carol")
    alice.ok("send", "bob", CANARY)
    alice.ok("room", "new", ROOM, "--private", "bob", "carol")
    bob.ok("send", ROOM, f"{CANARY} to the room")
    alice.ok("send", "everyone", f"{CANARY} to all")
    for person in (alice, bob, carol):
        person.ok("inbox")
    message = bob.json("inbox", "--all")[0]
    bob.ok("read", message["id"])
    return org, (alice, bob, carol)


def N10_no_canary_at_the_server(t):
    org, people = conversation(t)
    needles = [n for text in (CANARY, ROOM) for n in forms(text)]
    equal(scan(needles, org.dir), [], "while it runs")
    org.kill()  # leaves WAL and everything as a crash would
    equal(scan(needles, org.dir), [], "after a crash")
    check(CANARY not in org.log() and ROOM not in org.log(), "server log")
    org.start()
    equal(org.stop(), DONE)
    equal(scan(needles, org.dir, os.path.dirname(org.log_path)), [], "after a clean stop")
    # the scan can find something: what the server may know is there
    check(scan([b"alice@example.org"], org.dir), "the scan is blind")


def D01_no_canary_in_a_profile(t):
    _, people = conversation(t)
    needles = [n for text in (CANARY, ROOM) for n in forms(text)]
    needles += [b"PRIVATE KEY", b"correct horse battery staple"]
    homes = [p.home for p in people]
    equal(scan(needles, *homes), [], "profiles")
    for person in people:
        with open(person.passphrase_file, "w", encoding="utf-8") as f:
            f.write("wrong\n")
        for command in (["inbox", "--all"], ["people"], ["room", "list"]):
            r = person.run(*command)
            equal(r.code, 3, str(r))
            check(CANARY not in r.out + r.err and ROOM not in r.out + r.err, str(r))


def keys_in_pem_or_der_are_nowhere(t):
    """No unencrypted P-256 private key on the client's disk: the DER of an EC private key or of PKCS#8 would show."""
    _, people = conversation(t)
    ec_private = bytes.fromhex("30770201010420")         # SEC 1 ECPrivateKey with parameters and public key
    pkcs8 = bytes.fromhex("3081870201003013060 72a8648ce3d0201".replace(" ", ""))
    equal(scan([ec_private, pkcs8], *[p.home for p in people]), [])


def folders_are_private(t):
    org, people = conversation(t)
    for path in (os.path.join(org.dir, "keeper"), os.path.join(org.dir, "front"), *[p.home for p in people]):
        equal(stat.S_IMODE(os.stat(path).st_mode) & 0o077, 0, f"{path} is open to others")
    for path in files_below(os.path.join(org.dir, "keeper"), *[p.home for p in people]):
        equal(stat.S_IMODE(os.stat(path).st_mode) & 0o077, 0, f"{path} is open to others")


def nothing_in_temporary_folders(t):
    """Programs that are given a TMPDIR of their own leave nothing there."""
    org = t.org()
    alice, bob = org.join("alice"), org.join("bob")
    tmp = t.dir()
    alice.ok("send", "bob", CANARY, extra_env={"TMPDIR": tmp, "SQLITE_TMPDIR": tmp})
    bob.ok("inbox", extra_env={"TMPDIR": tmp, "SQLITE_TMPDIR": tmp})
    equal(os.listdir(tmp), [], "temporary files")


TESTS = [N10_no_canary_at_the_server, D01_no_canary_in_a_profile, keys_in_pem_or_der_are_nowhere, folders_are_private, nothing_in_temporary_folders]

if __name__ == "__main__":
    sys.exit(main(TESTS))
