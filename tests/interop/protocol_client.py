# SPDX-License-Identifier: Apache-2.0
"""A Sealpost client written from docs/protocol.md alone, in Python's standard library: proof that the document suffices.

It enrols, logs in, lists people, publishes key packages, makes a room, stores and reads items, and follows a log by events.
Keys, the signed device list and MLS bytes come from mls_helper (RFC 9420 is not in the standard library). Section numbers
are those of docs/protocol.md.

    protocol_client.py LINK NAME HELPER     prints what it did, a line a step
"""
import base64
import hashlib
import os
import re
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

# -- section 2: the presentation language ---------------------------------------------------------------------------


def u8(v):
    return struct.pack(">B", v)


def u16(v):
    return struct.pack(">H", v)


def u32(v):
    return struct.pack(">I", v)


def u64(v):
    return struct.pack(">Q", v)


def vec(data):
    n = len(data)
    head = u8(n) if n < 64 else u16(n | 1 << 14) if n < 1 << 14 else u32(n | 2 << 30)
    return head + data


class Reader:
    def __init__(self, data):
        self.data = data

    def take(self, n):
        if n > len(self.data):
            raise ValueError("truncated")
        out, self.data = self.data[:n], self.data[n:]
        return out

    def uint(self, n):
        return int.from_bytes(self.take(n), "big")

    def bool(self):
        v = self.uint(1)
        if v > 1:
            raise ValueError("not a bool")
        return bool(v)

    def vec(self):
        first = self.uint(1)
        size = 1 << (first >> 6)
        if size == 8:
            raise ValueError("vector length")
        n = first & 63
        for b in self.take(size - 1):
            n = n << 8 | b
        if (size == 2 and n < 64) or (size == 4 and n < 1 << 14):
            raise ValueError("vector length is not minimal")
        return self.take(n)

    def list(self, element):
        inner, out = Reader(self.vec()), []
        while inner.data:
            out.append(element(inner))
        return out

    def done(self):
        if self.data:
            raise ValueError("trailing bytes")


# -- section 2: frames; section 3: types and errors -------------------------------------------------------------------

REQUEST, RESPONSE, EVENT = 1, 2, 3
HELLO, PING, ORG_INFO, ENROL, DIRECTORY, PUBLISH, COUNT = 1, 2, 3, 4, 8, 9, 10
ROOM_CREATE, ROOM_LIST, APPEND, READ, SUBSCRIBE, CREDIT, CURSOR_SET = 12, 13, 17, 19, 20, 22, 23
ITEMS = 33
OK, UNKNOWN_TYPE, STALE_REQNO, NOT_FOUND = 0, 3, 9, 16


class Refused(Exception):
    def __init__(self, error, detail, hint):
        super().__init__(f"error {error} (detail {detail}): {hint}")
        self.error = error


class Connection:
    def __init__(self, host, port, context):
        raw = socket.create_connection((host, port), timeout=20)
        self.tls = context.wrap_socket(raw)
        if self.tls.selected_alpn_protocol() != "sealpost/1":
            raise ValueError("not a Sealpost server")
        self.id = 0
        self.events = []

    def exactly(self, n):
        out = b""
        while len(out) < n:
            more = self.tls.recv(n - len(out))
            if not more:
                raise ConnectionError("closed")
            out += more
        return out

    def frame(self):
        length, kind, number, ident = struct.unpack(">IBBI", self.exactly(10))
        return kind, number, ident, self.exactly(length)

    def call(self, number, body=b""):
        self.id += 1
        self.tls.sendall(struct.pack(">IBBI", len(body), REQUEST, number, self.id) + body)
        while True:
            kind, _, ident, answer = self.frame()
            if kind == EVENT:
                self.events.append((_, answer))
            elif ident == self.id:
                return self.open(answer)

    @staticmethod
    def open(answer):
        r = Reader(answer)
        error, detail, hint = r.uint(2), r.uint(2), r.vec().decode()
        if error != OK:
            raise Refused(error, detail, hint)
        return r

    def event(self):
        while not self.events:
            kind, number, _, body = self.frame()
            if kind == EVENT:
                self.events.append((number, body))
        return self.events.pop(0)

    def close(self):
        try:
            self.tls.unwrap()
        except (OSError, ssl.SSLError):
            pass
        self.tls.close()


def tls_context(root=None, certificate=None):
    """Section 1: TLS 1.3, ALPN, the organisation's root alone; names are not compared."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.set_alpn_protocols(["sealpost/1"])
    if root:
        context.load_verify_locations(cadata=ssl.DER_cert_to_PEM_cert(root))
    else:
        context.verify_mode = ssl.CERT_NONE
    if certificate:
        context.load_cert_chain(certificate)
    return context


def der_children(data):
    """The elements of a DER sequence's content: (whole, content)."""
    while data:
        n, at = data[1], 2
        if n & 0x80:
            at = 2 + (n & 0x7f)
            n = int.from_bytes(data[2:at], "big")
        yield data[:at + n], data[at:at + n]
        data = data[at + n:]


def spki_of(certificate):
    """SubjectPublicKeyInfo is the seventh element of a version 3 TBSCertificate (RFC 5280 section 4.1)."""
    _, outer = next(der_children(certificate))
    _, tbs = next(der_children(outer))
    return list(der_children(tbs))[6][0]


# -- what RFC 9420 needs: the helper -----------------------------------------------------------------------------------


class Helper:
    def __init__(self, program):
        self.process = subprocess.Popen([program, str(int(time.time()))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        out = {}
        while True:
            line = self.process.stdout.readline().strip()
            if line == ".":
                return out
            if not line:
                raise ValueError("the helper ended")
            name, value = line.split(" ")
            out[name] = base64.b64decode(value)

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


def text64(data):
    return base64.b64encode(data).decode()


# -- the client ---------------------------------------------------------------------------------------------------------


class Client:
    def __init__(self, link, name, helper, folder):
        match = re.fullmatch(r"sealpost://(.+):(\d+)/([a-z2-7]{52})/([a-z2-7]{32}|open)", link)
        self.host, self.port, self.token = match[1], int(match[2]), match[4]
        self.fingerprint = base64.b32decode(match[3].upper() + "====")
        self.name, self.helper, self.folder = name, helper, folder
        self.reqno = 0

    def mutation(self):
        """Section 3, "Reqno": stored before it is used. This client lives for one run."""
        self.reqno += 1
        return u64(self.reqno)

    def learn_organisation(self):
        """Section 1: believed once the root's hash is the link's, and then used to verify the connection itself."""
        first = Connection(self.host, self.port, tls_context())
        r = first.call(ORG_INFO)
        self.org, self.registration = r.vec().decode(), r.uint(1)
        self.root, self.issuing, self.crl = r.vec(), r.vec(), r.vec()
        r.done()
        first.close()
        if hashlib.sha256(spki_of(self.root)).digest() != self.fingerprint:
            raise ValueError("the organisation's fingerprint is not the link's")

    def enrol(self):
        """Section 4, "Joining"."""
        made = self.helper("identity", self.name, self.org)
        connection = Connection(self.host, self.port, tls_context(self.root))
        r = connection.call(ENROL, vec(self.token.encode()) + vec(self.name.encode()) + vec(made["csr"]) + vec(made["device_list"]))
        certificate, issuing, self.account, self.address = r.vec(), r.vec(), r.take(16), r.vec().decode()
        self.admin = r.bool()
        r.done()
        connection.close()
        if issuing != self.issuing or self.account != made["account_id"]:
            raise ValueError("not what was asked for")
        self.helper("certificate", text64(certificate))
        self.pem = os.path.join(self.folder, "device.pem")
        with open(os.open(self.pem, os.O_CREAT | os.O_WRONLY, 0o600), "w") as f:
            f.write("-----BEGIN PRIVATE KEY-----\n" + text64(made["key"]) + "\n-----END PRIVATE KEY-----\n")
            f.write(ssl.DER_cert_to_PEM_cert(certificate) + ssl.DER_cert_to_PEM_cert(issuing))

    def login(self):
        """Section 5."""
        self.connection = Connection(self.host, self.port, tls_context(self.root, self.pem))
        r = self.connection.call(HELLO, vec(b"protocol_client.py") + u32(0))
        hello = {"server": r.vec().decode(), "org": r.vec().decode(), "time_ms": r.uint(8), "account_id": r.take(16), "device_id": r.take(16),
                 "admin": r.bool(), "reqno_high": r.uint(8), "crl_number": r.uint(8), "directory_version": r.uint(8),
                 "limit_content": r.uint(4), "limit_handshake": r.uint(4), "limit_frame": r.uint(4), "credit": r.uint(4)}
        r.done()
        return hello

    def people(self):
        """Section 5. The chains would be verified by a client that sends to people; see section 4."""

        def account(r):
            out = {"account_id": r.take(16), "address": r.vec().decode(), "flags": r.uint(1), "changed": r.uint(8), "online": r.bool()}
            out["chain"], out["certificates"] = r.list(Reader.vec), r.list(Reader.vec)
            return out

        since, more, out = 0, True, []
        while more:
            r = self.connection.call(DIRECTORY, u64(since) + u32(0))
            _, more, page = r.uint(8), r.bool(), r.list(account)
            r.done()
            out += page
            since = page[-1]["changed"] if page else since
        return out

    def publish(self, count):
        """Section 6."""
        packages = b"".join(vec(self.helper("key_package", "once")["key_package"]) for _ in range(count))
        last = self.helper("key_package", "last_resort")["key_package"]
        r = self.connection.call(PUBLISH, self.mutation() + vec(packages) + vec(last))
        return r.uint(4)

    def create_room(self):
        """Section 8: epoch 0, this device alone."""
        room = (int.from_bytes(os.urandom(16), "big") >> 1).to_bytes(16, "big")  # random, the first bit clear
        made = self.helper("room", text64(room))
        r = self.connection.call(ROOM_CREATE, self.mutation() + room + vec(made["group_info"]) + vec(made["ratchet_tree"]))
        self.appended(r)
        return room

    @staticmethod
    def appended(r):
        out = r.uint(8), r.uint(8)
        r.done()
        return out

    def seal(self, text):
        """Section 9: a Content inside a PrivateMessage."""
        content = u16(1) + u8(1) + os.urandom(16) + u64(int(time.time() * 1000)) + vec(text.encode())
        return self.helper("seal", text64(content))["message"]

    def append_body(self, room, message, epoch=0):
        return self.mutation() + room + u64(epoch) + vec(message)

    @staticmethod
    def item(r):
        return {"seq": r.uint(8), "time_ms": r.uint(8), "kind": r.uint(1), "body": r.vec()}

    def read(self, kind, ident, from_seq=1):
        """Section 7."""
        r = self.connection.call(READ, u8(kind) + ident + u64(from_seq) + u32(0) + u32(0))
        items, last, first = r.list(self.item), r.uint(8), r.uint(8)
        r.done()
        return items, first, last

    def subscribe(self, kind, ident, from_seq):
        self.connection.call(SUBSCRIBE, vec(u8(kind) + ident + u64(from_seq))).done()

    def next_items(self):
        while True:
            number, body = self.connection.event()
            if number == ITEMS:
                r = Reader(body)
                kind, ident, items = r.uint(1), r.take(16), r.list(self.item)
                r.done()
                return kind, ident, items


def main(link, name, program):
    helper = Helper(program)
    with tempfile.TemporaryDirectory() as folder:
        client = Client(link, name, helper, folder)
        client.learn_organisation()
        client.enrol()
        print("enrolled", client.address)
        print("hello", client.login()["org"])
        print("people", *sorted(p["address"] for p in client.people()))
        print("key packages", client.publish(3))
        room = client.create_room()
        message = client.seal("from another language")
        seq, _ = client.appended(client.connection.call(APPEND, client.append_body(room, message)))
        items, _, last = client.read(1, room)
        print("stored and read", seq, last, items[-1]["body"] == message)
        client.connection.close()
    helper.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
