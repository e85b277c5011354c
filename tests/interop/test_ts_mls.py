#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""mls_peer with ts-mls, a stack that we did not write: every scenario in suites 1 and 2, a few in the others, each once with alice on our side and once on theirs.

ts-mls comes from npm at its pinned version, into the build folder; nothing of it is kept here. Without node, npm or the network this is skipped.
LACKS says what ts-mls cannot do, or does otherwise than RFC 9420: those are noted, and never imitated."""
import os
import shutil
import subprocess
import sys

import scenarios
from peers import Peer, World, run

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.environ.get("SEALPOST_MLS_PEER", "build/tests/mls_peer")
FOLDER = os.path.join(os.environ.get("SEALPOST_BUILD", "build"), "ts-mls")
FULL, BRIEF = (1, 2), (3, 4, 5, 6, 7)
IN_BRIEF = ("join_with_tree_inside", "updates_both_ways")

EVERYBODY = ("alice", "bob", "carol")
# scenario: (who must not be ts-mls, why)
LACKS = {
    "add_with_path": (("bob",), "it has no choice of a path"),
    "proposals_by_reference": (("bob",), "it makes no Update proposals"),
    "custom_proposals": (EVERYBODY, "it commits proposals of unknown types without a path, which no document lets it omit (section 12.4)"),
    "group_context_extensions": (("alice", "bob"), "its GroupContextExtensions commits have no path, and it cannot open a path that comes with one (section 12.4)"),
    "external_joins": (EVERYBODY, "its external_pub is a key without length prefix (section 12.4.3.2)"),
    "resynchronise": (("bob", "carol"), "its external_pub is a key without length prefix (section 12.4.3.2)"),
    "resynchronise_with_nothing_left": (EVERYBODY, "its external_pub is a key without length prefix (section 12.4.3.2)"),
}


def install():
    """None, or why it cannot be."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            return f"{program} is missing"
    os.makedirs(FOLDER, exist_ok=True)
    for name in ("package.json", "peer.mjs"):
        shutil.copy(os.path.join(HERE, "ts_mls", name), FOLDER)
    if not os.path.isdir(os.path.join(FOLDER, "node_modules/ts-mls")):
        try:
            done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=FOLDER, capture_output=True, timeout=120, check=False)
        except subprocess.TimeoutExpired:
            return "npm does not answer"
        if done.returncode != 0:
            return "npm cannot install ts-mls"
    probe = subprocess.run(["node", "peer.mjs"], cwd=FOLDER, input='{"op":"info"}\n', capture_output=True, text=True, timeout=60, check=False)
    return None if '"ok":true' in probe.stdout else "this node is too old for ts-mls"


def ours(name):
    return Peer([os.path.abspath(PROGRAM)], name)


def theirs(name):
    return Peer(["node", os.path.join(FOLDER, "peer.mjs")], name)


def play(scenario, suite, foreign):
    """`foreign`: the names that ts-mls plays."""
    world, clean = World(suite, lambda name: theirs(name) if name in foreign else ours(name)), False
    try:
        scenario(world)
        clean = True
    finally:
        world.close(clean)


def both_ways(scenario):
    cannot, why = LACKS.get(scenario.__name__, ((), ""))
    sides = [side for side in (("alice",), ("bob", "bob0", "bob1", "bob2"), ("carol", "dave")) if not set(side) & set(cannot)]
    failed = []
    for suite in FULL + (BRIEF if scenario.__name__ in IN_BRIEF else ()):
        for side in sides:
            try:
                play(scenario, suite, side)
            except Exception as e: # pylint: disable=broad-except
                failed.append(f"suite {suite}, ts-mls is {side[0]}: {type(e).__name__}: {e}")
    assert not failed, "\n".join(failed)
    if not sides:
        return why
    if why:
        print(f"# {scenario.__name__}: without ts-mls as {' and '.join(cannot)}: {why}")
    return None


def main():
    missing = install()
    if missing:
        print(f"1..0 # SKIP {missing}")
        return 0
    wanted = sys.argv[1:]
    return run([(s.__name__, lambda s=s: both_ways(s)) for s in scenarios.ALL if not wanted or s.__name__ in wanted])


if __name__ == "__main__":
    sys.exit(main())
