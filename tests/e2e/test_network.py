#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The open port: TLS that is not ours, frames that are not ours, many and slow connections; others unharmed."""
import os
import random
import re
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import time

from harness import DONE, REFUSED, UNREACHABLE, Profile, Proxy, Skip, check, equal, main, run, wait_for

ALPN = "sealpost/1"
REQUEST, RESPONSE, EVENT = 1, 2, 3
PING, ORG_INFO, ENROL, CRL, CLOSING = 2, 3, 4, 7, 35
DENIED_PHASE = 3  # UNKNOWN_TYPE
FRAME_MAX = 4 << 20
STRANGER = "127.0.0.9"  # limits are per source: what a stranger does must not fall on the people at 127.0.0.1


def context(alpn=(ALPN,)):
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.check_hostname = False
    ctx.verify_mode = ssl.CERT_NONE
    if alpn:
        ctx.set_alpn_protocols(list(alpn))
    return ctx


def connect(org, ctx=None, timeout=10):
    raw = socket.create_connection(("127.0.0.1", org.port), timeout)
    return (ctx or context()).wrap_socket(raw)


def frame(kind, type_, id_, body=b"", length=None):
    return struct.pack(">IBBI", len(body) if length is None else length, kind, type_, id_) + body


def read_exact(s, n):
    data = b""
    while len(data) < n:
        piece = s.recv(n - len(data))
        if not piece:
            return None
        data += piece
    return data


def read_frame(s):
    """(kind, type, id, body), or None when the connection ended."""
    try:
        head = read_exact(s, 10)
        if head is None:
            return None
        length, kind, type_, id_ = struct.unpack(">IBBI", head)
        check(length <= FRAME_MAX, "a frame beyond the maximum")
        body = read_exact(s, length)
        return None if body is None else (kind, type_, id_, body)
    except (ssl.SSLError, ConnectionError, socket.timeout):
        return None


def ask(s, type_, body=b"", id_=7):
    s.sendall(frame(REQUEST, type_, id_, body))
    while True:
        got = read_frame(s)
        if got is None or got[0] == RESPONSE:
            return got


def error_of(answer):
    return struct.unpack(">H", answer[3][:2])[0]


def alive(org):
    with connect(org) as s:
        answer = ask(s, PING)
        check(answer and error_of(answer) == 0, "the server answers a ping")


def N01_old_tls_and_wrong_alpn(t):
    org = t.org()
    if not shutil.which("openssl"):
        raise Skip("openssl is missing")
    for option in ("-tls1_2", "-tls1_1", "-tls1"):
        r = run(["openssl", "s_client", "-connect", f"127.0.0.1:{org.port}", option, "-alpn", ALPN, "-cipher", "ALL:@SECLEVEL=0"], stdin="", timeout=20)
        check("Cipher is (NONE)" in r.out or r.code != 0, f"{option} was accepted: {r}")
        check(not re.search(r"Protocol\s*: TLSv1(\.[12])?$", r.out, re.M) or "Cipher    : 0000" in r.out, f"{option}: {r.out}")
    for alpn in ((), ("http/1.1",), ("h2", "http/1.1"), ("sealpost/2",), ("sealpost/10",)):
        try:
            with connect(org, context(alpn)) as s:
                # TLS 1.3 clients finish first: the refusal comes with the first read
                s.settimeout(5)
                check(ask(s, PING) is None, f"ALPN {alpn} was served")
        except (ssl.SSLError, ConnectionError):
            pass
    alive(org)


def N02_no_early_data(t):
    org = t.org()
    with connect(org) as s:
        check(ask(s, PING))
        equal(s.version(), "TLSv1.3")

    if shutil.which("openssl"):
        path = os.path.join(t.dir(), "session")
        run(["openssl", "s_client", "-connect", f"127.0.0.1:{org.port}", "-alpn", ALPN, "-sess_out", path], timeout=20)
        if os.path.exists(path):
            text = run(["openssl", "sess_id", "-in", path, "-noout", "-text"]).out
            found = re.search(r"Max Early Data: (\d+)", text)
            check(not found or int(found.group(1)) == 0, text)


def seed_12_no_certificate_no_service(t):
    org = t.org()
    with connect(org) as s:
        for type_ in [1, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24]:
            answer = ask(s, type_)
            check(answer is not None, f"type {type_}: the connection must stay")
            equal(error_of(answer), DENIED_PHASE, f"type {type_} without a certificate")
        equal(error_of(ask(s, ORG_INFO)), 0)


def seed_35_both_sides_prove_themselves(t):
    """A client certificate that no organisation made is refused in the handshake, or served as nobody."""
    org = t.org()
    folder = t.dir()
    key, cert = os.path.join(folder, "k.pem"), os.path.join(folder, "c.pem")
    r = run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert, "-subj", "/CN=alice",
             "-addext", "extendedKeyUsage=clientAuth"])
    equal(r.code, DONE, str(r))
    ctx = context()
    ctx.load_cert_chain(cert, key)
    try:
        with connect(org, ctx) as s:
            s.settimeout(5)
            answer = ask(s, 1, b"\0" * 10)
            check(answer is None or error_of(answer) != 0, "a foreign certificate was served")
    except (ssl.SSLError, ConnectionError):
        pass
    alive(org)


def malformed_frames_of_every_type(t):
    org = t.org()
    alice = org.join("alice")
    rng = random.Random(5)
    for type_ in list(range(0, 40)) + [255]:
        for body in (b"", b"\xff" * 3, rng.randbytes(20), rng.randbytes(400), b"\xbf\xff\xff\xff" * 4):
            for kind in (REQUEST, RESPONSE, EVENT, 0, 200):
                try:
                    with connect(org) as s:
                        s.settimeout(5)
                        s.sendall(frame(kind, type_, 1, body))
                        if kind == REQUEST:
                            read_frame(s)
                except (ssl.SSLError, ConnectionError):
                    pass
        if type_ % 10 == 0:
            alive(org)
    alive(org)
    alice.ok("people")


def oversize_frames(t):
    org = t.org()
    for length in (FRAME_MAX + 1, 0xffffffff, 0x80000000):
        with connect(org) as s:
            s.settimeout(10)
            s.sendall(frame(REQUEST, ENROL, 1, b"x" * 100, length))
            last = None
            while True:
                got = read_frame(s)
                if got is None:
                    break
                last = got
            check(last is None or last[1] == CLOSING or error_of(last) != 0, f"length {length:#x}: {last}")
    # within the frame's maximum, but beyond its type's
    with connect(org) as s:
        s.settimeout(10)
        try:
            s.sendall(frame(REQUEST, PING, 1, b"x" * 100000))
            s.sendall(frame(REQUEST, PING, 2))
        except (ssl.SSLError, ConnectionError):
            pass
        got = read_frame(s)
        check(got is None or got[1] == CLOSING or error_of(got) != 0, f"an oversize ping: {got}")
    alive(org)


def rubbish_before_tls(t):
    org = t.org()
    for data in (b"GET / HTTP/1.1\r\n\r\n", b"\0" * 5000, b"\x16\x03\x01\xff\xff" + b"\0" * 100, b"\x16\x03\x01\0\x05hello", b"x"):
        with socket.create_connection(("127.0.0.1", org.port), 10) as s:
            try:
                s.sendall(data)
                s.settimeout(0.3)
                s.recv(100)
            except OSError:
                pass
    alive(org)


def server_pids(org):
    children = subprocess.run(["pgrep", "-P", str(org.process.pid)], capture_output=True, text=True, check=False).stdout.split()
    return [str(org.process.pid), *children]


def open_files(org):
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in server_pids(org))


def N04_slow_and_silent_connections(t):
    """300 connections that say one byte or nothing; people go on meanwhile, and the server gets its descriptors back."""
    org = t.org()
    alice, bob = org.join("alice"), org.join("bob")
    alice.ok("send", "bob", "before")
    baseline = open_files(org)
    slow = []
    for i in range(300):
        try:
            s = socket.create_connection(("127.0.0.1", org.port), 5, source_address=(STRANGER, 0))
            if i % 2:
                s.sendall(b"\x16")
            slow.append(s)
        except OSError:
            break
    start = time.monotonic()
    alice.ok("send", "bob", "meanwhile")
    check(time.monotonic() - start < 15, "an honest send took too long beside silent connections")
    check("meanwhile" in bob.texts("--all"))
    for s in slow:
        s.close()
    wait_for(lambda: open_files(org) <= baseline + 10, "descriptors back to the baseline", 30)


def N06_connection_flood(t):
    org = t.org()
    alice, bob = org.join("alice"), org.join("bob")
    end = time.monotonic() + 3
    refused = served = 0
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", org.port), 2, source_address=(STRANGER, 0)):
                served += 1
        except OSError:
            refused += 1
    check(served > 0)
    wait_for(lambda: alice.run("send", "bob", f"after {served} connections").code == DONE, "an honest send after the flood", 60)
    check(any(x.startswith("after") for x in bob.texts("--all")))


def seed_37_secure_close_is_told_from_a_cut(t):
    org = t.org()
    s = connect(org)
    check(ask(s, PING))
    s.unwrap().close()  # close_notify
    s = connect(org)
    check(ask(s, PING))
    s.shutdown(socket.SHUT_RDWR)  # no close_notify
    s.close()
    time.sleep(0.5)
    equal(org.stop(), DONE)
    log = org.log().lower()
    check("cut" in log, f"the log tells a cut: {log[-1500:]}")
    check("close" in log, f"the log tells a close: {log[-1500:]}")


def seed_36_what_is_changed_on_the_way_is_refused(t):
    """Somebody in the middle flips a bit, cuts, or freezes: the command says so, nothing is lost, stored twice or believed."""
    org = t.org()
    proxy = Proxy(t, org.port)
    alice = org.join("alice", org.admin_link.replace(f":{org.port}/", f":{proxy.port}/"))
    org.admin_link = None
    bob = org.join("bob")
    alice.ok("send", "bob", "before")
    for mode, after in (("flip", 0), ("flip", 700), ("flip", 1500), ("cut", 600), ("cut", 1500)):
        proxy.mode, proxy.after = mode, after
        r = alice.run("send", "bob", f"{mode} {after}")
        check(r.code in (REFUSED, UNREACHABLE), f"{mode} after {after}: {r}")
        check(r.err.startswith("sealpost: "), str(r))
        proxy.mode = "pass"
        alice.ok("send", "bob", f"well after {mode} {after}")
    texts = bob.texts("--all")
    equal(len(texts), len(set(texts)), "a text twice")
    check({"before", "well after cut 1500", "well after flip 0"} <= set(texts), texts)
    alive(org)
    check("tampered" in org.log(), "the server's log names it")


def seed_36_a_server_in_the_middle_is_refused(t):
    """Another organisation's server, at the address in the link or at the address a profile knows, is not taken for ours."""
    org, other = t.org(), t.org(name="other.example")
    other.join("mallory")
    proxy = Proxy(t, org.port)
    link = org.admin_link.replace(f":{org.port}/", f":{proxy.port}/")
    proxy.target = other.port
    alice = Profile(t, "alice")
    r = alice.fails(REFUSED, "join", link, "--name", "alice")
    check("fingerprint" in r.err, str(r))
    proxy.target = org.port
    alice.ok("join", link, "--name", "alice")
    proxy.target = other.port
    alice.fails(REFUSED, "send", "everyone", "to whom?")
    proxy.target = org.port
    alice.ok("send", "everyone", "to us")


def resources_do_not_grow(t):
    org = t.org()
    alive(org)
    time.sleep(0.5)
    before = open_files(org)
    for _ in range(100):
        alive(org)
    wait_for(lambda: open_files(org) <= before + 3, "descriptors back to the baseline", 20)


TESTS = [N01_old_tls_and_wrong_alpn, N02_no_early_data, seed_12_no_certificate_no_service, seed_35_both_sides_prove_themselves, malformed_frames_of_every_type,
         oversize_frames, rubbish_before_tls, N04_slow_and_silent_connections, N06_connection_flood, seed_37_secure_close_is_told_from_a_cut,
         seed_36_what_is_changed_on_the_way_is_refused, seed_36_a_server_in_the_middle_is_refused, resources_do_not_grow]

if __name__ == "__main__":
    sys.exit(main(TESTS))
