#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A full disk: a real one, a tmpfs of 1 MB. Needs the right to mount; skipped with a clear line where that is missing."""
import os
import subprocess
import sys

from harness import DONE, FAILED, Org, Profile, Skip, check, equal, main, run


def small_disk(t, size="1m"):
    path = os.path.join(t.dir(), "disk")
    os.mkdir(path)
    r = run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", path])
    if r.code != DONE:
        raise Skip("may not mount a tmpfs here")
    t.cleanups.append(lambda: subprocess.run(["umount", "-l", path], check=False))
    return path


def fill(path):
    """Takes what is left, to the last block."""
    filler = os.path.join(path, "filler")
    with open(filler, "wb", buffering=0) as f:
        for size in (65536, 4096, 512, 1):
            try:
                while True:
                    f.write(b"\0" * size)
            except OSError:
                continue
    return filler


def client_disk_full(t):
    org = t.org()
    alice, bob = org.join("alice"), org.join("bob")
    carol = Profile(t, "carol")
    disk = small_disk(t, "2m")
    carol.home = os.path.join(disk, "home")
    carol.ok("join", org.invite("carol"), "--name", "carol")
    carol.ok("send", "bob", "before")
    filler = fill(disk)
    failed = None
    for i in range(200):
        r = carol.run("send", "bob", f"full {i} " + "x" * 2000)
        if r.code != DONE:
            failed = r
            break
    check(failed is not None, "the disk never got full")
    equal(failed.code, FAILED, str(failed))
    check("disk is full" in failed.err, str(failed))
    # without one free block SQLite cannot even open its index: other commands may say the same, and nothing else
    reading = carol.run("whoami")
    check(reading.code == DONE or "disk is full" in reading.err, str(reading))
    alice.ok("send", "bob", "others are unharmed")
    os.unlink(filler)
    carol.ok("send", "bob", "room again")
    texts = bob.texts("--all")
    equal(len(texts), len(set(texts)), "a text twice")
    check({"before", "room again", "others are unharmed"} <= set(texts))


def join_on_a_full_disk(t):
    org = t.org()
    disk = small_disk(t)
    bob, link = Profile(t, "bob"), org.invite("bob")
    bob.home = os.path.join(disk, "home")
    filler = fill(disk)
    r = bob.run("join", link, "--name", "bob")
    equal(r.code, FAILED, str(r))
    check("disk is full" in r.err, str(r))
    os.unlink(filler)
    bob.ok("join", link, "--name", "bob")


def server_disk_full(t):
    org = Org(t, name="example.org")
    disk = small_disk(t, "4m")
    moved = os.path.join(disk, "org")
    os.rename(org.dir, moved) if os.stat(org.dir).st_dev == os.stat(disk).st_dev else subprocess.run(["cp", "-a", org.dir, moved], check=True)
    org.dir = moved
    org.start()
    alice, bob = org.join("alice"), org.join("bob")
    first = alice.json("send", "bob", "before")
    filler = fill(disk)
    acknowledged, failed = [first["id"]], None
    for i in range(200):
        r = alice.run("--json", "send", "bob", f"{i} " + "x" * 30000)
        if r.code != DONE:
            failed = r
            break
        acknowledged.append(r.json["id"])
    check(failed is not None, "the disk never got full")
    check(failed.code in (1, 5), str(failed))
    check(failed.json["error"]["message"], str(failed))
    os.unlink(filler)
    if org.process.poll() is not None:  # a server that could not write may end; it must come back whole
        org.process.stdout.close()
        org.process = None
        org.start()
    after = alice.json("send", "bob", "after")
    messages = bob.json("inbox", "--all")
    ids = [m["id"] for m in messages]
    equal(len(ids), len(set(ids)), "a message twice")
    for message_id in [*acknowledged, after["id"]]:
        check(message_id in ids, "an acknowledged message is lost")
    equal(org.stop(), DONE)


def init_on_a_full_disk(t):
    disk = small_disk(t)
    fill(disk)
    from harness import SEALPOSTD
    r = run([SEALPOSTD, "init", "--dir", os.path.join(disk, "org"), "--name", "example.org"])
    equal(r.code, FAILED, str(r))
    check(r.err.strip(), "one useful line")


TESTS = [client_disk_full, join_on_a_full_disk, server_disk_full, init_on_a_full_disk]

if __name__ == "__main__":
    sys.exit(main(TESTS))
