# SPDX-License-Identifier: BSD-2-Clause
"""Of `make bench`: what libpcap's interface and the applications are measured for."""
import json
import os
import re
import statistics
import time

import lab
from lab import Failure, need

FILTER = "udp dst port 9000 and not host 192.0.2.1"
RATES = (1e3, 1e4, 1e5, 1e6, 2e6, 5e6)
DELAY = 1e-3
# What the emulator is asked for: options, round trip in ms (with the time that the 98 bytes of
# a ping take on the wire), Mbit/s, bytes to send.
LINKS = (
    ("20 ms, 20 Mbit/s", ["-D", "10ms", "-B", "20M", "-Q", "200K"], 20.08, 20, 6_000_000),
    ("50 ms, 100 Mbit/s", ["-D", "25ms", "-B", "100M", "-Q", "1.5M"], 50.02, 100, 30_000_000),
    ("10 ms there, 30 ms back, 10 Mbit/s there",
     ["-D", "10ms", "-D", "30ms", "-B", "10M", "-B", "0", "-Q", "200K"], 40.08, 10, 3_000_000),
    ("4 ms, 200 Mbit/s, --busy",
     ["-D", "2ms", "-B", "200M", "-Q", "500K", "--busy"], 4.01, 200, 60_000_000),
)


class Applications:
    """A part of class Bench."""

    # ---- libpcap's interface

    def pcap_run(self, library, rx_port, tx_port, ns, length, expression, fast=False):
        """
        The same program with one library or the other: a receiver, then a sender; or, fast,
        a sender that puts into the wire what it can.
        """
        env = ["env", f"LD_LIBRARY_PATH={library}"] if library else []
        rx = self.start(env + [need("pcap-count"), "rx", rx_port, "-t", "60"] +
                        (["-f", expression] if expression else []), ns=ns, cpu=1)
        if library:
            self.wait_port(rx_port.split("netmap:")[-1], rx)
        time.sleep(0.3)
        sender = [need("sock-packet"), "tx", tx_port, "-j", "-b", 64] if fast else \
            env + [need("pcap-count"), "tx", tx_port]
        tx = self.start(sender + ["-l", length, "-t", max(1, round(self.seconds))], ns=ns, cpu=0)
        if tx.wait():
            raise Failure(f"{tx.name()} tx: {tx.last()}")
        time.sleep(0.2)
        # not what keeps its timeout(1) from it: it ends on SIGTERM with what it has
        rx.stop(15)
        got = [json.loads(p.lines[-1]) if p.lines and p.lines[-1].startswith("{") else None
               for p in (rx, tx)]
        if not all(got):
            raise Failure(f"pcap-count: {rx.last()}; {tx.last()}")
        return got

    def pcap(self):
        library = os.path.join(lab.BUILD, "pcap")
        if not self.root:
            raise Failure("the system's libpcap needs a veth pair, and that root")
        ns = self.namespace("p")
        self.veth("p0", ns, "p1", ns)
        ways = (("system, veth", None, "p1", "p0", False),
                ("system, fed by AF_PACKET", None, "p1", "p0", True),
                ("VALE", library, "vale9:r", "vale9:t", False),
                ("pipe", library, "netmap:b{1", "netmap:b}1", False))
        for length in (60, 1514):
            for expression in ("", FILTER):
                # the fast one's packets would not pass
                samples = {what: [] for what, *_, fast in ways if not (fast and expression)}
                for _ in range(self.runs):
                    # in turn, so that all see the same machine
                    for what, lib, rx_port, tx_port, fast in ways:
                        if what not in samples:
                            continue
                        samples[what].append(self.pcap_run(lib, rx_port, tx_port, ns, length,
                                                           expression, fast))
                for what, got in samples.items():
                    self.pcap_add(what, length, expression, got)
                self.pcap_loop(length, expression)

    def pcap_loop(self, length, expression):
        """The counting loop by itself, in process."""
        ns = [json.loads(self.run(
            ["env", "NETMAP_HOST=embedded", f"LD_LIBRARY_PATH={lab.BUILD}/hosts/user"] +
            self.pinned([need("pcap-loop"), "-l", str(length),
                         *(["-f", expression] if expression else [])])))["ns"]
            for _ in range(max(3, self.runs))]
        self.results.add({"group": "pcap", "case": "the loop by itself", "len": length,
                          "filter": bool(expression), "runs": len(ns),
                          "mpps": 1e3 / statistics.median(ns),
                          "cycles": self.cycles(statistics.median(ns) / 1e9)})

    def pcap_add(self, what, length, expression, got):
        def median(side, key):
            return statistics.median(s[side][key] for s in got)
        rx, tx = 0, 1
        r = {"group": "pcap", "case": what, "len": length, "filter": bool(expression),
             "mpps": median(rx, "mpps"), "cycles": self.cycles(median(rx, "cpu_ns") / 1e9),
             "runs": len(got)}
        if "cpu_ns" in got[0][tx]:
            r["inject_mpps"] = median(tx, "mpps")
            r["inject_cycles"] = self.cycles(median(tx, "cpu_ns") / 1e9)
        self.results.add(r)

    # ---- nmreplay: delay and rate

    def link_run(self, what, rate, inside):
        """One line of bench-link, with nmreplay in it or in a process of its own."""
        more = ["-r", f"{rate:.0f}", "-d", DELAY, "-t", self.seconds]
        # enough packets for percentiles also at low rates
        if rate * self.seconds < 1000:
            more[-1] = 1000 / rate
        if inside:
            self.env["LD_LIBRARY_PATH"] = os.path.join(lab.BUILD, "hosts/user")
            out = self.run(["env", "NETMAP_HOST=embedded", need("bench-link"), what,
                            *(["x", "y"] if what == "delay" else ["y"]), "-i", *more])
            return json.loads(out.strip().splitlines()[-1])
        ports = ["w{1", "w{2"] if what == "delay" else ["w{2"]
        bench = self.start([need("bench-link"), what, *ports, *more])
        if not lab.wait_for(lambda: bench.find("^ready") or bench.popen.poll()):
            raise Failure(f"bench-link: {bench.last()}")
        model = ["-i", "w}1", "-D", f"{DELAY * 1e3}ms"] if what == "delay" else \
            ["-f", self.replay_file(), "-l", "0", "-B", f"pps,{rate:.0f}"]
        replay = self.start([need("nmreplay"), "-i", "w}2", *model])
        bench.wait(30)
        replay.stop()
        if not bench.last().startswith("{"):
            raise Failure(f"bench-link: {bench.last()}; nmreplay: {replay.last()}")
        return json.loads(bench.last())

    def replay_file(self):
        path = os.path.join(self.dir, "replay.pcap")
        if not os.path.exists(path):
            self.run(["python3", os.path.join(lab.ROOT, "tests/apps/make_pcap.py"), path,
                      "20000", "10", "60"])
        return path

    def replay(self):
        for inside in (True, False):
            for what in ("delay", "rate"):
                for rate in RATES:
                    samples = [self.link_run(what, rate, inside) for _ in range(self.runs)]
                    r = {"group": "replay", "case": what, "asked_pps": rate,
                         "where": "in process" if inside else "daemon", "runs": len(samples)}
                    for key in ("mean", "p50", "p99", "p99.9", "max"):
                        r[key] = statistics.median(s[key] for s in samples) / 1e3
                    r["mpps"] = statistics.median(s["pps"] for s in samples) / 1e6
                    r["rate_error"] = r["mpps"] * 1e6 / rate - 1
                    self.results.add(r)

    # ---- the link emulator with TCP

    def emulator(self):
        if not self.root:
            raise Failure("namespaces need root")
        a, b, middle = (self.namespace(n) for n in "abm")
        for here, far, ns, host in (("va", "vaN", a, 1), ("vb", "vbN", b, 2)):
            self.veth(here, ns, far, middle)
            self.run(["ip", "-n", ns, "addr", "add", f"10.77.0.{host}/24", "dev", here])
            for name, where in ((here, ns), (far, middle)):
                # what the kernel leaves to a NIC does not happen on the way through netmap
                self.run(["ethtool", "-K", name, "tx", "off", "rx", "off", "tso", "off",
                          "gso", "off", "gro", "off"], ns=where, check=False)
        way = self.emulator_way(a, middle)
        for where in ("in process", "daemon"):
            for link in LINKS:
                self.emulator_link(where, *link, way, (a, b, middle))

    def pings(self, ns):
        """The median round trip, in milliseconds."""
        out = self.run(["ping", "-i", "0.05", "-c", "60", "10.77.0.2"], ns=ns, check=False)
        times = [float(t) for t in re.findall(r"time=([\d.]+)", out)]
        if len(times) < 30:
            raise Failure(f"{len(times)} of 60 pings came back")
        return statistics.median(times)

    def emulator_way(self, a, middle):
        """What a round trip takes when the kernel's own bridge is in the middle."""
        for words in (["add", "name", "hub", "type", "bridge"], ["set", "vaN", "master", "hub"],
                      ["set", "vbN", "master", "hub"], ["set", "hub", "up"]):
            self.run(["ip", "-n", middle, "link", *words])
        self.run(["ping", "-q", "-c", "3", "-i", "0.2", "-W", "2", "10.77.0.2"], ns=a, check=False)
        way = self.pings(a)
        self.run(["ip", "-n", middle, "link", "del", "hub"])
        return way

    def emulator_link(self, where, case, options, rtt, rate, size, way, namespaces):
        a, b, middle = namespaces
        inside = ["env", "NETMAP_HOST=embedded", f"LD_LIBRARY_PATH={lab.BUILD}/hosts/user"]
        emulator = self.start((inside if where == "in process" else []) +
                              [need("nmreplay"), "-i", "vaN", "-i", "vbN", *options], ns=middle)
        if not lab.wait_for(lambda: emulator.popen.poll() or " 0% packet loss" in self.run(
                ["ping", "-q", "-c", "3", "-i", "0.2", "-W", "1", "10.77.0.2"], ns=a,
                check=False)) or emulator.popen.poll():
            raise Failure(f"nmreplay: {emulator.last()}")
        measured_rtt = self.pings(a)
        measured = statistics.median(self.transfer(case, size, a, b) for _ in range(self.runs))
        emulator.stop()
        self.results.add({"group": "emulator", "case": case, "where": where, "rtt": rtt,
                          "rtt_measured": measured_rtt, "way": way, "rate": rate,
                          "rate_measured": measured, "bytes": size, "runs": self.runs})

    def transfer(self, case, size, a, b):
        """Mbit/s on the wire, of one TCP transfer whose bytes are compared."""
        tcp = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tcp.py")
        receiver = self.start(["python3", tcp, "receive", "7777"], ns=b)
        lab.wait_for(lambda: receiver.find("^listening"))
        sent = json.loads(self.run(["python3", tcp, "send", "10.77.0.2", "7777", str(size)],
                                   ns=a).strip().splitlines()[-1])
        receiver.wait()
        got = json.loads(receiver.last())
        if got["sha256"] != sent["sha256"]:
            raise Failure(f"{case}: what came is not what was sent")
        # 1448 bytes of TCP's own are 1514 on the wire
        return got["steady"] * 8 * 1514 / 1448 / 1e6
