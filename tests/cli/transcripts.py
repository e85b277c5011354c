#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs tests/cli/*.cli: commands and exactly what they print (stdout and stderr together).

    people alice bob             these have joined example.org before the first command; alice is its administrator
    alice$ sealpost send bob Hi  run with alice's profile; words as in a shell
    <id8>  stored <time>         what it prints; <...> are the patterns below, `...` alone stands for any lines
    exit 4                       the exit code, where it is not 0

Patterns: <id> an id, <id8> its beginning, <time> a time of day, <stamp> an RFC 3339 time, <hex> a fingerprint or part of one, <link> an
invitation, <date>, <number>, <any> anything on the line. Lines beginning with `#` are comments.
"""
import glob
import os
import re
import shlex
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))
import harness  # pylint: disable=wrong-import-position

PATTERNS = {
    "id": r"[a-z2-7]{26}", "id8": r"[a-z2-7]{8}", "time": r"\d\d:\d\d:\d\d", "stamp": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z",
    "hex": r"[0-9a-f][0-9a-f ]*", "link": r"sealpost://127\.0\.0\.1:\d+/[a-z2-7]{52}/[a-z2-7]{32}", "date": r"\d{4}-\d\d-\d\d \d\d:\d\d", "number": r"\d+",
    "any": r".*",
}
PROMPT = re.compile(r"^(\w+)\$ (sealpostd?)( .*)?$")


def pattern_of(line):
    parts = re.split(r"<(\w+)>", line)
    return "".join(re.escape(p) if i % 2 == 0 else PATTERNS.get(p, re.escape(f"<{p}>")) for i, p in enumerate(parts))


def matches(want, got):
    """Do these lines match these patterns, `...` taking any number of lines?"""
    if not want:
        return not got
    if want[0] == "...":
        return any(matches(want[1:], got[i:]) for i in range(len(got) + 1))
    return bool(got) and re.fullmatch(pattern_of(want[0]), got[0]) is not None and matches(want[1:], got[1:])


def parse(path):
    """(people, [(line number, who, program, words, wanted lines, wanted exit)])"""
    people, steps = [], []
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f.read().split("\n"), 1):
            found = PROMPT.match(line)
            if line.startswith("#"):
                continue
            if found:
                steps.append([number, found.group(1), found.group(2), shlex.split(found.group(3) or ""), [], 0])
            elif not steps and line.startswith("people "):
                people = line.split()[1:]
            elif steps and re.fullmatch(r"exit \d+", line):
                steps[-1][5] = int(line.split()[1])
            elif steps:
                steps[-1][4].append(line)
    for step in steps:
        while step[4] and not step[4][-1]:
            step[4].pop()
    return people, steps


def run_step(profile, org, program, words):
    if program == "sealpostd":
        argv = [harness.SEALPOSTD, *words, "--dir", org.dir] if org else [harness.SEALPOSTD, *words]
    else:
        argv = [harness.SEALPOST, *words]
    env = harness.environment(profile.home, {"SEALPOST_PASSPHRASE_FILE": profile.passphrase_file})
    p = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, timeout=harness.TIMEOUT,
                       start_new_session=True, check=False)
    return p.returncode, p.stdout.decode("utf-8", "replace").rstrip("\n").split("\n")


def transcript(path):
    def test(t):
        people, steps = parse(path)
        org = t.org() if people else None
        profiles = {name: org.join(name) for name in people}
        for number, who, program, words, want, code in steps:
            profile = profiles.setdefault(who, None) or harness.Profile(t, who)
            profiles[who] = profile
            got_code, got = run_step(profile, org, program, words)
            got = [] if got == [""] else got
            shown = "\n".join(got)
            harness.check(got_code == code, f"{os.path.basename(path)}:{number}: exit {got_code}, want {code}:\n{shown}")
            harness.check(matches(want, got), f"{os.path.basename(path)}:{number}: want\n" + "\n".join(want) + f"\ngot\n{shown}")
    test.__name__ = os.path.splitext(os.path.basename(path))[0]
    return test


if __name__ == "__main__":
    harness.main([transcript(path) for path in sorted(glob.glob(os.path.join(HERE, "*.cli")))])
