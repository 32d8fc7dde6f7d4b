# SPDX-License-Identifier: BSD-2-Clause
"""
flows.py serve                   answers, on all addresses
flows.py talk ADDRESS...         has conversations with a server
flows.py check OPTION ALL PIPE...  each flow of the file ALL is in one of the files PIPE
"""
import collections
import socket
import subprocess
import sys
import threading

PORT = 5000
TCP, UDP = 600, 300  # conversations with each address


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def serve():
    def tcp(listener):
        while True:
            c, _ = listener.accept()
            c.sendall(c.recv(4096) * 2)
            c.close()

    def udp(s):
        while True:
            data, peer = s.recvfrom(65536)
            s.sendto(data, peer)
    threads = []
    for fam, anything in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        listener = socket.socket(fam)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s = socket.socket(fam, socket.SOCK_DGRAM)
        if fam == socket.AF_INET6:
            for x in (listener, s):
                x.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((anything, PORT))
        listener.listen(100)
        s.bind((anything, PORT))
        threads += [threading.Thread(target=tcp, args=(listener,)),
                    threading.Thread(target=udp, args=(s,))]
    for t in threads:
        t.start()
    print("ready", flush=True)


def talk(addresses):
    for address in addresses:
        for i in range(TCP):
            with socket.create_connection((address, PORT), timeout=10) as c:
                c.sendall(b"x" * (i % 3000 + 1))
                while c.recv(65536):
                    pass
        for i in range(UDP):
            with socket.socket(family(address), socket.SOCK_DGRAM) as s:
                s.settimeout(10)
                # a third of them in several fragments
                data = b"y" * (100 if i % 3 else 3000 + 4 * i)
                s.sendto(data, (address, PORT))
                assert s.recv(65536) == data
    print(f"{len(addresses)} addresses, {TCP} + {UDP} conversations each")


FIELDS = ("ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport", "tcp.dstport",
          "udp.srcport", "udp.dstport", "ip.id", "ip.frag_offset", "ipv6.fraghdr.ident",
          "ipv6.fraghdr.offset", "ip.flags.mf", "ipv6.fraghdr.more", "icmp.type",
          "icmpv6.type", "arp.opcode", "frame.protocols")


def dissect(path, inner):
    """tshark's fields of each packet: those of the innermost or the outermost header."""
    out = subprocess.run(
        ["tshark", "-r", path, "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE",
         "-T", "fields", "-E", "separator=;", "-E", f"occurrence={'l' if inner else 'f'}",
         *(word for f in FIELDS for word in ("-e", f))],
        check=True, capture_output=True, text=True).stdout
    for line in out.splitlines():
        yield dict(zip(FIELDS, line.split(";")))


def flow(p, fragments, inner):
    """The flow of a packet without its direction, or None if it is none of ours."""
    if p["icmp.type"] or p["icmpv6.type"] or p["arp.opcode"]:
        return None
    # of packets in packets, which of the two kinds is the inner one?
    kinds = [k for k in p["frame.protocols"].split(":") if k in ("ip", "ipv6")]
    v6 = kinds and kinds[-1 if inner else 0] == "ipv6"
    ip = "ipv6" if v6 else "ip"
    src, dst = p[ip + ".src"], p[ip + ".dst"]
    ident = p["ipv6.fraghdr.ident"] if v6 else p["ip.id"]
    offset = p["ipv6.fraghdr.offset"] if v6 else p["ip.frag_offset"]
    more = p["ipv6.fraghdr.more"] if v6 else p["ip.flags.mf"]
    key = (src, dst, ident)
    if offset and int(offset, 0) > 0:
        return fragments.get(key)
    tunnel = "vxlan" in p["frame.protocols"]
    proto = "tcp" if p["tcp.srcport"] and (inner or not tunnel) else "udp"
    ends = [(src, p[proto + ".srcport"]), (dst, p[proto + ".dstport"])]
    if not ends[0][1]:
        return None
    result = (proto, *sorted(ends))
    if more in ("1", "True"):
        fragments[key] = result
    return result


def check(option, whole, pipes):
    inner = option == "--inner"
    total = sum(1 for _ in dissect(whole, inner))
    where, packets, sums, fragmented = {}, collections.Counter(), [], 0
    directions = collections.defaultdict(set)
    for i, path in enumerate(pipes):
        fragments, n = {}, 0
        for p in dissect(path, inner):
            n += 1
            f = flow(p, fragments, inner)
            if f is None:
                continue
            packets[f] += 1
            directions[f].add(p["ip.src"] + p["ipv6.src"])
            assert where.setdefault(f, i) == i, f"{f} is on pipes {where[f]} and {i}"
        fragmented += len(fragments)
        sums.append(n)
    both = sum(1 for d in directions.values() if len(d) > 1)
    on = collections.Counter(where.values())
    print(f"{total} packets, on the pipes {sums}; {len(where)} flows, {dict(on)}, {both} in both "
          f"directions, {fragmented} packets in fragments")
    assert sum(sums) == total
    # each conversation is a flow, but for those in tunnels, which are one for each direction
    assert len(where) >= (2 if inner else 1) * (TCP + UDP) and fragmented > 100
    assert both >= 2 * (TCP + UDP) and (not inner or both >= len(where) * 0.99)
    assert all(n > len(where) / len(pipes) * 0.8 for n in on.values())


if sys.argv[1] == "serve":
    serve()
elif sys.argv[1] == "talk":
    talk(sys.argv[2:])
else:
    check(sys.argv[2], sys.argv[3], sys.argv[4:])
