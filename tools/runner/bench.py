# SPDX-License-Identifier: BSD-2-Clause
"""What `make bench` measures, see tools/bench."""
import argparse
import contextlib
import json
import os
import re
import shutil
import statistics
import sys
import time

import lab
import machine
from bench_apps import Applications
from lab import Failure, log, need, program
from report import Results

LENS = (60, 1514)
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
PAIRS = (1, 4, 16, 64, 128, 256, 512)
FEW = (1, 8, 64, 512)


class Bench(Applications, lab.Lab):
    def __init__(self, args):
        super().__init__("bench")
        self.args = args
        self.runs = args.runs
        self.seconds = args.seconds
        self.machine = machine.describe()
        self.results = Results(self.machine, args)
        self.clock()

    def clock(self):
        """The core's own clock turns time into cycles where nothing counts them."""
        out = json.loads(self.run(self.pinned([need("bench-clock")])))
        self.machine["core_mhz"] = out["core_mhz"]
        self.machine["tsc_mhz"] = out["tsc_mhz"]

    def pinned(self, argv):
        """For one thread by itself: undisturbed if we may. Never for what polls busily."""
        argv = ["taskset", "-c", str(os.cpu_count() - 1)] + argv
        return ["chrt", "-f", "50"] + argv if self.root else argv

    def cycles(self, seconds):
        return seconds * self.machine["core_mhz"] * 1e6

    # ---- the core by itself

    def core_line(self, line):
        r = json.loads(line)
        r["group"] = "core"
        r["mpps"] = 1e3 / r["ns"]
        if not self.machine["counters"]:
            r["ticks"] = r.pop("cycles")
            r["cycles"] = self.cycles(r["ns"] / 1e9)
            scale = r["cycles"] / r["ticks"] if r["ticks"] else 0
            r["cycles_min"], r["cycles_max"] = r["cycles_min"] * scale, r["cycles_max"] * scale
            del r["instructions"]
        self.results.add(r)

    def core(self):
        common = [need("bench-core"), "--json", "--runs", str(max(5, self.runs)),
                  "--seconds", "0.02" if self.args.quick else "0.05"]
        batches = ",".join(str(b) for b in (FEW if self.args.quick else BATCHES) if b != 256)
        todo = [["--batches", batches + ",256", "null", "pipe", "vale"], ["ports"], ["rings"],
                ["--lens", "128,256,512,1024", "--batches", "256", "pipe", "vale"]]
        for more in todo:
            for line in self.run(self.pinned(common + more), timeout=300).splitlines():
                if line.startswith("{"):
                    self.core_line(line)

    def pktgen(self):
        """pkt-gen's loop into a port that swallows, in process."""
        self.env["LD_LIBRARY_PATH"] = os.path.join(lab.BUILD, "hosts/user")
        count = 50_000_000 if self.args.quick else 200_000_000
        for length in LENS:
            samples = []
            for _ in range(self.runs):
                out = self.run(["env", "NETMAP_HOST=embedded"] + self.pinned(
                    [need("pkt-gen"), "-i", "null", "-f", "tx", "-l", str(length), "-b", "256",
                     "-n", str(count), "--json"]))
                samples.append(json.loads(out.strip().splitlines()[-1]))
            mpps = statistics.median(s["pps"] for s in samples) / 1e6
            self.results.add({"group": "pkt-gen", "case": "tx into a null port", "len": length,
                              "batch": 256, "mpps": mpps, "ns": 1e3 / mpps,
                              "cycles": self.cycles(1e-6 / mpps), "runs": self.runs})

    # ---- two processes

    def sample(self, pids, count, seconds):
        """Packets and processor time of a stretch of `seconds`: Mpps, cycles a packet."""
        usage, before, start = machine.Usage(pids), count(), time.monotonic()
        counted = self.count_all(seconds)
        packets, took = count() - before, time.monotonic() - start
        if packets <= 0:
            raise Failure("no packets arrived")
        r = {"mpps": packets / took / 1e6, "cycles": self.cycles(usage.used()) / packets,
             "cpus": usage.used() / took}
        if counted:
            r["cycles"], r["instructions"] = counted[0] / packets, counted[1] / packets
        return r

    def count_all(self, seconds):
        """Hardware counters of the whole machine for a while, if there are any."""
        if not (self.machine["counters"] and self.root):
            time.sleep(seconds)
            return None
        out = self.run(["perf", "stat", "-x,", "-a", "-e", "cycles,instructions",
                        "sleep", f"{seconds}"], check=False)
        found = re.findall(r"^(\d+)(?:\.\d+)?,,(\w+)", out, re.M)
        values = {name: int(value) for value, name in found}
        return values.get("cycles", 0), values.get("instructions", 0)

    def line(self):
        """Nanoseconds of a cache line from one processor to the other and back: bench/line.c."""
        return float(self.run([need("bench-line"), "0", "1"]))

    def two_processes(self, measure, **what):
        """What measure() gives, and how far the processors were from each other around it."""
        before = self.line()
        samples = measure()
        lines = (before, self.line())
        self.median(samples, group="processes", line_min=min(lines), line_max=max(lines), **what)

    def median(self, samples, **what):
        """One result of several runs."""
        r = dict(what, runs=len(samples))
        for key in ("mpps", "cycles", "instructions", "cpus"):
            values = [s[key] for s in samples if key in s]
            if values:
                r[key] = statistics.median(values)
        r["mpps_min"] = min(s["mpps"] for s in samples)
        r["mpps_max"] = max(s["mpps"] for s in samples)
        self.results.add(r)

    def netmap_pair(self, tx_port, rx_port, length, batch, ns_tx=None, ns_rx=None):
        """One run of pkt-gen to pkt-gen, each on its own processor."""
        base = [need("pkt-gen"), "-T", "100000", "-l", str(length), "-b", str(batch)]
        rx = self.start(base + ["-i", rx_port, "-f", "rx", "-a", "1"], ns=ns_rx)
        name = rx_port.split("netmap:")[-1]
        self.wait_port(name, rx)
        tx = self.start(base + ["-i", tx_port, "-f", "tx", "-a", "0"], ns=ns_tx)
        self.wait_port(tx_port.split("netmap:")[-1], tx)
        time.sleep(0.3)
        try:
            return self.sample([rx.popen.pid, tx.popen.pid, self.daemon_pid()],
                               lambda: self.port(name)["rx"]["packets"], self.seconds)
        finally:
            tx.stop()
            rx.stop()

    def processes(self):
        for what, tx, rx in (("VALE", "vale0:a", "vale0:b"), ("pipe", "bench{1", "bench}1")):
            for length in LENS:
                for batch in FEW if self.args.quick else PAIRS:
                    self.two_processes(lambda: [self.netmap_pair(tx, rx, length, batch)
                                                for _ in range(self.runs)],
                                       case=what, len=length, batch=batch)

    # ---- DPDK's memif

    @contextlib.contextmanager
    def huge_pages(self, megabytes):
        """Where they are, if there are that many, for a while."""
        path = "/proc/sys/vm/nr_hugepages"
        before = machine.read(path, "0")
        want = int(before) + megabytes // 2

        def write(n):
            with open(path, "w") as f:
                f.write(str(n))
        try:
            write(want)
        except OSError:
            yield None
            return
        folder = os.path.join(self.dir, "huge")
        os.makedirs(folder, exist_ok=True)
        try:
            self.run(["mount", "-t", "hugetlbfs", "none", folder])
            yield folder if int(machine.read(path, "0")) >= want else None
        finally:
            self.run(["umount", folder], check=False)
            write(before)

    def testpmd(self, role, cpu, mode, length, batch, memory, extra=""):
        # both of its threads on one processor: the first one only sleeps
        return self.start(
            ["dpdk-testpmd", "--lcores", f"0@{cpu},1@{cpu}", "--no-pci", "--no-telemetry",
             *memory, f"--file-prefix={self.tag}{role}",
             f"--vdev=net_memif0,role={role},id=0,socket={self.dir}/memif,"
             f"socket-abstract=no{extra}", "--", "--auto-start", "--stats-period", "1",
             f"--forward-mode={mode}", f"--burst={batch}", f"--txpkts={length}",
             "--total-num-mbufs=32768", "--no-flush-rx"])

    def memif_run(self, length, batch, memory, extra):
        with contextlib.suppress(OSError):
            os.unlink(f"{self.dir}/memif")
        rx = self.testpmd("server", 1, "rxonly", length, batch, memory)
        tx = None
        try:
            lab.wait_for(lambda: os.path.exists(f"{self.dir}/memif") or rx.popen.poll(), 15)
            tx = self.testpmd("client", 0, "txonly", length, batch, memory, extra)

            def rates():
                return [int(x) for x in re.findall(r"Rx-pps:\s+(\d+)", rx.text())]

            def flowing():
                return (rates() and rates()[-1]) or tx.popen.poll() or rx.popen.poll()
            lab.wait_for(flowing, 15)
            usage, start, skip = machine.Usage([rx.popen.pid, tx.popen.pid]), time.monotonic(), \
                len(rates()) + 1
            if not lab.wait_for(lambda: len(rates()) >= skip + self.runs, self.runs * 2 + 6):
                raise Failure(f"testpmd: {tx.last()}; {rx.last()}")
            cpus = usage.used() / (time.monotonic() - start)
            return [{"mpps": r / 1e6, "cpus": cpus, "cycles": self.cycles(cpus) / r if r else 0}
                    for r in rates()[skip:]]
        finally:
            for p in (tx, rx):
                if p:
                    p.stop()

    def memif(self):
        """One start of two testpmd for each case; its seconds are the runs."""
        if not self.root or not shutil.which("dpdk-testpmd"):
            raise Failure("memif needs root and the package dpdk-dev")
        with self.huge_pages(1024) as huge:
            kinds = [("memif, copy", ["--no-huge", "-m", "256"], "")]
            if huge:
                memory = ["--single-file-segments", "-m", "256", "--huge-dir", huge]
                kinds = [("memif, copy", memory, ""),
                         ("memif, zero-copy", memory, ",zero-copy=yes")]
            for what, memory, extra in kinds:
                # one of them that does not run is a line in the results, not the end
                with self.results.lenient(what):
                    for length in LENS:
                        for batch in FEW if self.args.quick else PAIRS:
                            self.two_processes(
                                lambda: self.memif_run(length, batch, memory, extra),
                                case=what, len=length, batch=batch)

    # ---- the kernel's sockets

    def veth_pair(self):
        a, b = self.namespace("a"), self.namespace("b")
        self.veth("v0", a, "v1", b)
        return a, b

    def socket_run(self, name, tx, rx, length, batch, a, b):
        more = ["-j", "-l", str(length), "-b", str(batch)]
        receiver = self.start([need(name), rx, "v1", *more, "-t", str(self.seconds + 2)],
                              ns=b, cpu=1)
        time.sleep(0.2)
        sender = self.start([need(name), tx, "v0", *more, "-t", str(self.seconds + 0.3)],
                            ns=a, cpu=0)
        sender.wait()
        receiver.stop()
        if not receiver.lines or not receiver.lines[-1].startswith("{"):
            raise Failure(f"{name} {rx}: {receiver.last()}")
        got, sent = json.loads(receiver.lines[-1]), json.loads(sender.lines[-1])
        # each has a processor to itself: all of its time is the packets'
        return {"mpps": got["mpps"],
                "cycles": self.cycles(sent["seconds"] + got["seconds"]) / max(got["packets"], 1)}

    def sockets(self):
        a, b = self.veth_pair()
        todo = [("AF_PACKET sendmmsg/recvmmsg", "sock-packet", "tx", "rx"),
                ("AF_PACKET rings (V2/V3)", "sock-packet", "ring-tx", "ring-rx"),
                ("libpcap", "sock-pcap", "tx", "rx")]
        for what, name, tx, rx in todo:
            if not program(name):
                raise Failure(f"{name} was not built")
            for length in LENS:
                for batch in (64, 512):
                    self.median([self.socket_run(name, tx, rx, length, batch, a, b)
                                 for _ in range(self.runs)],
                                group="sockets", case=what, len=length, batch=batch)

    # ---- interfaces

    def nic_run(self, name, mode, length, ns, peer_ns):
        sender = None
        if mode != "txonly":
            sender = self.start([need("xsk-bare"), "txonly", "v1", "-l", str(length), "-t", "600"],
                                ns=peer_ns, cpu=0)
            time.sleep(0.3)
        try:
            out = self.run([need(name), mode, "v0", "-l", str(length), "-b", "64",
                            "-t", str(self.seconds)], ns=ns, cpu=1)
        finally:
            if sender:
                sender.stop()
        m = re.search(r"(\d+) packets in ([\d.]+) s: ([\d.]+) Mpps(?:, ([\d.]+) ns of CPU)?", out)
        if not m or not int(m[1]):
            raise Failure(f"{name} {mode}: {out.strip() or 'no packets'}")
        r = {"mpps": float(m[3])}
        if m[4]:
            r["cycles"] = self.cycles(float(m[4]) / 1e9)
        return r

    def nic(self):
        a, b = self.veth_pair()
        if not program("xsk-bare"):
            raise Failure("xsk-bare was not built: libxdp-dev and libbpf-dev are missing")
        for mode in ("txonly", "rxdrop", "l2fwd"):
            for length in LENS:
                samples = {"xsk-bare": [], "bench-nic": []}
                for _ in range(self.runs):
                    # in turn, so that both see the same machine
                    for name in samples:
                        samples[name].append(self.nic_run(name, mode, length, a, b))
                for name, what in (("xsk-bare", "AF_XDP, bare"), ("bench-nic", "netmap")):
                    self.median(samples[name], group="nic", case=what, mode=mode, len=length,
                                batch=64)

    # ---- latency, and doing nothing

    def latency(self):
        count = 5000 if self.args.quick else 50000
        for what, here, there in (("VALE", "vale0:a", "vale0:b"), ("pipe", "bench{1", "bench}1")):
            for busy in ([], ["--busy"]):
                samples = []
                for _ in range(self.runs):
                    pong = self.start([need("pkt-gen"), "-i", there, "-f", "pong", "-T", "100000",
                                       "-a", "1", *busy])
                    self.wait_port(there, pong)
                    out = self.run([need("pkt-gen"), "-i", here, "-f", "ping", "-n", str(count),
                                    "-a", "0", "--json", *busy])
                    pong.stop()
                    samples.append(json.loads(out.strip().splitlines()[-1])["latency_ns"])
                r = {"group": "latency", "case": what, "waiting": "busy" if busy else "poll",
                     "len": 60, "runs": len(samples)}
                for key in ("min", "p50", "p99", "p99.9"):
                    r[key] = statistics.median(s[key] for s in samples) / 1e3
                self.results.add(r)

    def idle(self):
        """Ports that wait for what does not come: programs, daemon and all."""
        ports, ns = ["vale0:idle", "netmap:bench{9"], None
        if self.root:
            ns, _ = self.veth_pair()
            ports.append("netmap:v0")
        # one program each, and one for all of them
        todo = [[p] for p in ports] + [[p + "2" for p in ports[:2]]]
        programs = [self.start([need("bench-idle"), *some], ns=ns) for some in todo]
        for process in programs:
            if not lab.wait_for(lambda p=process: p.find("^open") or p.popen.poll()) or \
                    process.popen.poll():
                raise Failure(f"bench-idle: {process.last()}")
        pid = self.daemon_pid()
        time.sleep(1)
        usage = machine.Usage([pid] + [p.popen.pid for p in programs])
        before = machine.switches([pid] + [p.popen.pid for p in programs])
        time.sleep(5)
        self.results.add({"group": "idle", "case": f"{len(programs)} programs, ports " +
                          ", ".join(p for some in todo for p in some), "seconds": 5,
                          "cpu_ms": usage.used() * 1e3,
                          "wakeups": machine.switches(usage.pids) - before})
        for process in programs:
            process.stop()

    # ---- all

    GROUPS = ("core", "pktgen", "processes", "memif", "sockets", "nic", "latency", "idle",
              "pcap", "replay", "emulator")

    def measure(self):
        for group in self.args.only or self.GROUPS:
            if group in ("sockets", "nic", "pcap", "emulator") and not self.root:
                self.results.left_out(group, "needs root")
                continue
            log(f"== {group}")
            started = time.monotonic()
            try:
                self.in_group(group)
            except Failure as failure:
                self.results.left_out(group, str(failure))
            log(f"   {time.monotonic() - started:.0f} s")

    def in_group(self, group):
        """What a group makes, namespaces too, goes with it."""
        outer, self.stack = self.stack, contextlib.ExitStack()
        self.env["NETMAP_SOCKET"] = os.path.join(self.dir, f"{group}.sock")
        try:
            getattr(self, group)()
        finally:
            self.stack.close()
            self.stack = outer


def options():
    p = argparse.ArgumentParser(prog="tools/bench", description="Measures; see docs/performance.md")
    p.add_argument("--quick", action="store_true", help="fewer batch sizes, shorter runs")
    p.add_argument("--runs", type=int, default=5, help="runs of each case (5)")
    p.add_argument("--seconds", type=float, default=1.0, help="of each run (1.0)")
    p.add_argument("--only", action="append", choices=Bench.GROUPS, help="a group; may be repeated")
    p.add_argument("--out", default=os.path.join(lab.ROOT, "out"), help="folder for results (out/)")
    p.add_argument("--docs", action="store_true",
                   help="put the last results into docs/performance.md and its plots; measures "
                   "nothing")
    args = p.parse_args()
    if args.quick:
        args.runs, args.seconds = min(args.runs, 3), min(args.seconds, 0.5)
    return args


def main():
    args = options()
    if args.docs:
        Results.load(args).publish()
        return 0
    with Bench(args) as bench:
        bench.measure()
        bench.results.save()
        bench.results.show(sys.stdout)
        return 0


if __name__ == "__main__":
    sys.exit(main())
