# SPDX-License-Identifier: BSD-2-Clause
"""make_pcap.py FILE COUNT GAP_US SIZE [micro|nano|pcapng]

Writes UDP packets of SIZE bytes with valid headers, numbered in their payload."""
import struct
import sys


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    s = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while s >> 16:
        s = (s & 0xFFFF) + (s >> 16)
    return ~s & 0xFFFF


def packet(i, size):
    payload = struct.pack(">I", i) + bytes((i + k) & 255 for k in range(size - 46))
    src, dst = bytes([10, 0, i >> 8 & 255, i & 255]), bytes([10, 1, 0, 1])
    udp = struct.pack(">HHHH", 1000 + i % 50000, 7, 8 + len(payload), 0) + payload
    pseudo = src + dst + struct.pack(">HH", 17, len(udp))
    udp = udp[:6] + struct.pack(">H", checksum(pseudo + udp) or 0xFFFF) + udp[8:]
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), i & 0xFFFF, 0x4000, 64, 17, 0)
    ip += src + dst
    ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
    return bytes([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0]) + ip + udp


def block(kind, body):
    body += b"\0" * (-len(body) % 4)
    n = len(body) + 12
    return struct.pack("<II", kind, n) + body + struct.pack("<I", n)


def main():
    name, count, gap, size = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    kind = sys.argv[5] if len(sys.argv) > 5 else "nano"
    with open(name, "wb") as f:
        if kind == "pcapng":
            f.write(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
            f.write(block(1, struct.pack("<HHI", 1, 0, 65535)))
        else:
            magic = 0xA1B23C4D if kind == "nano" else 0xA1B2C3D4
            f.write(struct.pack("<IHHiIII", magic, 2, 4, 0, 0, 65535, 1))
        for i in range(count):
            ns = 1700000000 * 10**9 + int(i * gap * 1000)
            data = packet(i, size)
            if kind == "pcapng":
                us = ns // 1000
                head = struct.pack("<IIIII", 0, us >> 32, us & 0xFFFFFFFF, len(data), len(data))
                f.write(block(6, head + data))
            else:
                part = ns % 10**9 if kind == "nano" else ns % 10**9 // 1000
                f.write(struct.pack("<IIII", ns // 10**9, part, len(data), len(data)) + data)


main()
