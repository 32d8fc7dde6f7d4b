# SPDX-License-Identifier: BSD-2-Clause
"""
A TCP transfer of random bytes, with checksums.

  tcp.py receive PORT          one connection; prints bytes, seconds, SHA-256 as JSON
  tcp.py send HOST PORT BYTES  the same about what was sent
"""
import hashlib
import json
import os
import socket
import sys
import time

CHUNK = 1 << 20


def result(total, start, digest):
    print(json.dumps({"bytes": total, "seconds": time.monotonic() - start,
                      "sha256": digest.hexdigest()}), flush=True)


def receive(port):
    digest, total, buf = hashlib.sha256(), 0, bytearray(CHUNK)
    with socket.create_server(("", port)) as server:
        print("listening", flush=True)
        connection, _ = server.accept()
    with connection:
        start = time.monotonic()
        while n := connection.recv_into(buf):
            digest.update(memoryview(buf)[:n])
            total += n
    result(total, start, digest)


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
