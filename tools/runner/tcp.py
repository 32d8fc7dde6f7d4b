# SPDX-License-Identifier: BSD-2-Clause
"""
A TCP transfer of random bytes, with checksums.

  tcp.py receive PORT          one connection; prints bytes, seconds, SHA-256 as JSON,
                               and the rate in the steady state
  tcp.py send HOST PORT BYTES  the same about what was sent
"""
import hashlib
import json
import os
import socket
import sys
import time

CHUNK = 1 << 20


def result(total, start, digest, **more):
    print(json.dumps({"bytes": total, "seconds": time.monotonic() - start,
                      "sha256": digest.hexdigest(), **more}), flush=True)


def steady(marks):
    """Bytes a second from the first quarter on: TCP has found the rate by then."""
    if not marks:
        return 0
    first = next(m for m in marks if m[1] >= marks[-1][1] // 4)
    return (marks[-1][1] - first[1]) / max(marks[-1][0] - first[0], 1e-9)


def receive(port):
    digest, total, buf = hashlib.sha256(), 0, bytearray(CHUNK)
    marks = []
    with socket.create_server(("", port)) as server:
        print("listening", flush=True)
        connection, _ = server.accept()
    with connection:
        start = time.monotonic()
        while n := connection.recv_into(buf):
            digest.update(memoryview(buf)[:n])
            total += n
            marks.append((time.monotonic(), total))
    result(total, start, digest, steady=steady(marks))


def send(host, port, todo):
    digest, total = hashlib.sha256(), 0
    with socket.create_connection((host, port), timeout=20) as connection:
        connection.settimeout(60)
        start = time.monotonic()
        while total < todo:
            data = os.urandom(min(CHUNK, todo - total))
            digest.update(data)
            connection.sendall(data)
            total += len(data)
    result(total, start, digest)


if sys.argv[1] == "receive":
    receive(int(sys.argv[2]))
else:
    send(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
