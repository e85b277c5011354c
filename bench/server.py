#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures a real server under load: messages a second, latency, server CPU and syncs per message, memory per idle connection.

Run by `make bench` over the release build; SEALPOST_BUILD names another. Load and server share the machine, so CPU per message
is the number to compare; messages a second depend on what else runs.
"""
import json
import os
import subprocess
import sys
import urllib.request

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "tests", "e2e"))
import harness  # pylint: disable=wrong-import-position

LOAD = os.path.join(harness.BUILD, "bench", "sealpost_load")
TICK = os.sysconf("SC_CLK_TCK")
PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


def family(org):
    children = subprocess.run(["pgrep", "-P", str(org.process.pid)], capture_output=True, text=True, check=False).stdout.split()
    return [str(org.process.pid), *children]


def cpu_seconds(org):
    total = 0
    for pid in family(org):
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def rss_kib(org):
    total = 0
    for pid in family(org):
        with open(f"/proc/{pid}/statm", encoding="ascii") as f:
            total += int(f.read().split()[1]) * PAGE_KIB
    return total


def metric(port, name):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as f:
        for line in f.read().decode().splitlines():
            if line.startswith(f"sealpost_{name} "):
                return int(line.split()[1])
    raise KeyError(name)


def send(org, link, metrics, threads, window, seconds, size):
    cpu, syncs = cpu_seconds(org), metric(metrics, "store_syncs_total")
    out = subprocess.run([LOAD, link, "send", str(threads), str(window), str(seconds), str(size)], capture_output=True, text=True, check=True).stdout
    r = json.loads(out)
    cpu, syncs = cpu_seconds(org) - cpu, metric(metrics, "store_syncs_total") - syncs
    n = max(1, r["messages"])
    print(f"{threads:>6} {window:>7} {size:>6} | {n / r['seconds']:>10.0f} {r['p50_us'] / 1000:>9.2f} {r['p99_us'] / 1000:>9.2f} "
          f"{cpu / n * 1e6:>12.1f} {syncs / n:>10.4f}")


def idle(org, link, count):
    before = rss_kib(org)
    with subprocess.Popen([LOAD, link, "idle", str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as p:
        line = p.stdout.readline()
        harness.check(line == "ready\n", f"sealpost_load said {line!r}")
        after = rss_kib(org)
        p.stdin.close()
        p.wait(60)
    print(f"\nidle connections: {count}; server memory {before} -> {after} KiB, {(after - before) / count:.1f} KiB each")


def main():
    if not os.path.exists(LOAD):
        print("bench/server.py: sealpost_load is not built", file=sys.stderr)
        return 1
    seconds = int(os.environ.get("BENCH_SECONDS", "5"))
    t = harness.T()
    try:
        metrics = harness.free_port()
        org = harness.Org(t, init_args=("--registration", "open"))
        with open(os.path.join(org.dir, "config"), "a", encoding="utf-8") as f:
            f.write(f"metrics = 127.0.0.1:{metrics}\n")
        org.start()
        link = org.admin_link.rsplit("/", 1)[0] + "/open"
        print("people  window  bytes |  messages/s    p50 ms    p99 ms  CPU us/message  syncs/message")
        for threads, window, size in ((1, 1, 256), (1, 64, 256), (8, 1, 256), (8, 64, 256), (8, 64, 1024), (8, 256, 256)):
            send(org, link, metrics, threads, window, seconds, size)
        idle(org, link, int(os.environ.get("BENCH_IDLE", "500")))
    finally:
        t.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
