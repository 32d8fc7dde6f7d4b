# SPDX-License-Identifier: BSD-2-Clause
"""What `make bench-kernel` measures, see tools/bench-kernel.

The runner builds netmap.ko for User-Mode Linux and starts itself there, once, so that all is
measured by one kernel on one CPU; what it prints there, a JSON object in a line, comes back.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import time

import lab
import machine
import profile_um
import umkernel
from lab import Failure, log, need, program
from report import Table, number

OUT = os.path.join(lab.ROOT, "out")
LENS = (60, 1514)
BATCHES = (1, 16, 64, 256, 500, 1000)
QUICK = (1, 64, 256, 500)

# name, way of bench-pair, A, B, parameter xdp of the module
CASES = (
    ("pipe", "netmap", "netmap:p{1", "netmap:p}1", None),
    ("VALE", "netmap", "vale0:a", "vale0:b", None),
    ("veth, XDP", "netmap", "netmap:veth0", "netmap:veth1", 1),
    ("veth, emulated", "netmap", "netmap:veth0", "netmap:veth1", 0),
    ("AF_XDP", "xdp", "veth0", "veth1", None),
    ("AF_PACKET", "packet", "veth0", "veth1", None),
)

# What was aimed at: ticks of a 2.6 GHz counter, net.
TARGETS = (
    ("pipe", 60, 500, 18),
    ("VALE", 60, 500, 40),
    ("VALE", 1514, 256, 115),
    ("veth, XDP", 60, 256, 150),
    ("veth, XDP", 1514, 256, 250),
)
TARGET_MHZ = 2600
NOISE = 0.02  # of gross: a smaller net says nothing


# ---- in the guest

def veth():
    """A pair of its own for each case: what one leaves behind is not the next one's."""
    subprocess.run(["ip", "link", "del", "veth0"], stderr=subprocess.DEVNULL, check=False)
    subprocess.run(["ip", "link", "add", "veth0", "numtxqueues", "1", "numrxqueues", "1",
                    "type", "veth", "peer", "name", "veth1", "numtxqueues", "1",
                    "numrxqueues", "1"], check=True)
    for name in ("veth0", "veth1"):
        with open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w") as f:
            f.write("1")
        subprocess.run(["ip", "link", "set", name, "up"], check=True)


def say(record):
    print(json.dumps(record), flush=True)


def case_run(case, args):
    name, way, a, b, xdp = case
    veth()
    if xdp is not None:
        with open("/sys/module/netmap/parameters/xdp", "w") as f:
            f.write(str(xdp))
    argv = [need("bench-pair"), "--json", "--runs", str(args.runs), "--seconds",
            str(args.seconds), "--lens", args.lens, "--batches", args.batches, way, a, b]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in done.stdout.splitlines():
        say(dict(json.loads(line), case=name))
    if done.returncode:
        say({"case": name, "why": (done.stderr.strip().splitlines() or ["no reason given"])[-1]})


def inside(args):
    with open("/sys/module/netmap/sections/.text") as f:
        say({"text": f.read().strip()})
    for case in CASES:
        if not args.only or case[0] in args.only:
            case_run(case, args)
    return 0


# ---- outside

class Results:
    def __init__(self, about, records=(), missing=None, profiles=None):
        self.machine, self.records, self.missing = about, list(records), dict(missing or {})
        self.profiles = dict(profiles or {})

    @classmethod
    def load(cls):
        path = os.path.join(OUT, "bench-kernel.json")
        try:
            with open(path) as f:
                data = json.load(f)
        except OSError:
            raise Failure(f"{path} is not there: run tools/bench-kernel first")
        return cls(data["machine"], data["results"], data["left_out"], data["profiles"])

    def take(self, line):
        r = json.loads(line)
        if "why" in r:
            self.missing[r["case"]] = r["why"]
            log(f"   {r['case']}: {r['why']}")
        elif "case" in r:
            self.records.append(r)
            log(f"   {r['case']:15} {r['len']:5} bytes, batch {r['batch']:4}: "
                f"{r['ticks']:8.1f} ticks, net {r['net']:7.1f}")

    def get(self, case, length, batch):
        for r in self.records:
            if (r["case"], r["len"], r["batch"]) == (case, length, batch):
                return r
        return None

    def cycles(self, ns):
        return ns * self.machine["core_mhz"] / 1e3

    def target(self, case, length, batch):
        """The counter of this machine may run at another speed than the target's."""
        r = self.get(case, length, batch)
        return r and r["net"] * TARGET_MHZ / self.machine["tsc_mhz"]

    def target_table(self):
        rows = []
        for case, length, batch, aim in TARGETS:
            got = self.target(case, length, batch)
            verdict = "not measured" if got is None else "met" if got <= aim else \
                f"missed by {(got / aim - 1) * 100:.0f} %"
            rows.append((f"{case}, {length} bytes, batch {batch}", aim, number(got), verdict))
        return Table("Targets, ticks at 2.6 GHz a packet, net",
                     ("", "target", "measured", ""), rows)

    def missed(self):
        for case, length, batch, aim in TARGETS:
            got = self.target(case, length, batch)
            if got is not None and got > aim:
                yield case, length, batch

    def profile_tables(self):
        return [Table(f"Where {what} spends the guest kernel's time",
                      ("function", "% (with its part of system calls)"), rows)
                for what, rows in self.profiles.items()]

    def case_table(self, length):
        rows = []
        for case in (c[0] for c in CASES):
            for r in sorted((r for r in self.records
                             if r["case"] == case and r["len"] == length),
                            key=lambda r: r["batch"]):
                # what is left of two figures so much larger is their noise
                told = r["net"] > NOISE * r["ticks"]
                rows.append((case, r["batch"], number(r["ticks"]),
                             number(r["net"] if told else None),
                             f"{r['net_min']:.0f} - {r['net_max']:.0f}" if told else "-",
                             number(self.cycles(r["net_ns"]) if told else None),
                             f"{r['empty']:.0f}", number(r["lost"] * 100, 1)))
        return Table(f"{length} bytes", ("", "batch", "ticks, gross", "ticks, net",
                                         "least and most", "core cycles, net",
                                         "a round of empty calls", "lost, %"), rows)

    def about(self):
        m = self.machine
        lines = machine.lines(m)
        lines[2] = (f"ticks of the time stamp counter, {m['tsc_mhz']:.0f} MHz; core cycles are "
                    f"time x {m['core_mhz']:.0f} MHz, the core's clock (see bench/clock.c)")
        lines.insert(2, f"all of it in one run of {m['guest']}, one CPU; {m['runs']} runs of "
                        f"{m['seconds']} s each, medians")
        return lines

    def tables(self):
        every = [self.target_table(), *(self.case_table(n) for n in LENS),
                 *self.profile_tables()]
        return [t for t in every if t.rows]

    def text(self):
        out = "\nbenchmarks of the kernel host, on " + "\n   ".join(self.about()) + "\n\n"
        out += "\n".join(t.text() for t in self.tables())
        return out + "".join(f"\nleft out: {k}: {v}\n" for k, v in self.missing.items())

    def save(self):
        os.makedirs(OUT, exist_ok=True)
        with open(os.path.join(OUT, "bench-kernel.json"), "w") as f:
            json.dump({"machine": self.machine, "results": self.records,
                       "left_out": self.missing, "profiles": self.profiles}, f, indent=1)
        with open(os.path.join(OUT, "bench-kernel.txt"), "w") as f:
            f.write(self.text())

    def publish(self):
        path = os.path.join(lab.ROOT, "docs", "performance.md")
        with open(path) as f:
            text = f.read()
        body = "\n".join(f"- {line}" for line in self.about()) + "\n\n"
        body += "\n".join(t.markdown() for t in self.tables())
        body += "".join(f"\nLeft out: {k}: {v}\n" for k, v in self.missing.items())
        text, n = re.subn(r"(<!-- kernel-results: begin -->\n).*?(<!-- kernel-results: end -->)",
                          lambda m: m[1] + "\n" + body + "\n" + m[2], text, flags=re.S)
        if not n:
            raise Failure(f"{path} has no marks for the kernel's results")
        with open(path, "w") as f:
            f.write(text)


def guest_argv(args, ko, **more):
    words = ["--runs", str(more.get("runs", args.runs))]
    words += ["--seconds", str(more.get("seconds", args.seconds))]
    words += ["--lens", more.get("lens") or ",".join(map(str, LENS))]
    words += ["--batches", more.get("batches") or
              ",".join(map(str, QUICK if args.quick else BATCHES))]
    for case in more.get("only") or args.only or ():
        words += ["--only", case]
    return umkernel.argv(["python3", os.path.abspath(__file__), "--inside", *words], ko,
                         more=["--cpu", str(args.cpu)])


def profile(args, ko, case, length, batch):
    """Long enough for the samples, which begin a second after the start."""
    return profile_um.profile(guest_argv(args, ko, lens=str(length), batches=str(batch),
                                         only=[case], runs=11, seconds=0.4), ko)


def clock(cpu):
    """What the processor's clocks are; outside, where it costs little to read the time."""
    out = subprocess.run(["taskset", "-c", str(cpu), need("bench-clock")], check=True,
                         stdout=subprocess.PIPE, text=True).stdout
    r = json.loads(out)
    return {"core_mhz": r["core_mhz"], "tsc_mhz": r["tsc_mhz"]}


def measure(args, ko):
    about = dict(machine.describe(), **clock(args.cpu), runs=args.runs, seconds=args.seconds,
                 guest="User-Mode Linux " + umkernel.release())
    results = Results(about)
    if not program("bench-pair"):
        raise Failure("bench-pair was not built")
    with subprocess.Popen(guest_argv(args, ko), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, text=True, errors="replace",
                          cwd=lab.ROOT) as guest:
        for line in guest.stdout:
            if line.startswith("{"):
                results.take(line)
    if guest.returncode:
        raise Failure(f"the guest ended with exit code {guest.returncode}")
    for case, length, batch in results.missed():
        what = f"{case}, {length} bytes, batch {batch},"
        try:
            results.profiles[what] = profile(args, ko, case, length, batch)
        except Failure as failure:
            results.missing[f"profile of {what.rstrip(',')}"] = str(failure)
    results.save()
    sys.stdout.write(results.text())


def main():
    parser = argparse.ArgumentParser(prog="bench-kernel")
    parser.add_argument("--quick", action="store_true", help="fewer batches, shorter runs")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--cpu", type=int, default=os.cpu_count() - 1)
    parser.add_argument("--only", action="append", choices=[c[0] for c in CASES])
    parser.add_argument("--profile", metavar="CASE:BYTES:BATCH")
    parser.add_argument("--docs", action="store_true",
                        help="the last results into docs/performance.md")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--lens", help=argparse.SUPPRESS)
    parser.add_argument("--batches", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.seconds is None:
        args.seconds = 0.05 if args.quick else 0.1
    try:
        if args.inside:
            return inside(args)
        if args.docs:
            Results.load().publish()
            return 0
        ko = umkernel.module()
        if args.profile:
            case, length, batch = args.profile.rsplit(":", 2)
            if case not in [c[0] for c in CASES]:
                parser.error(f"no case {case}")
            lab.table(("function", "%"), profile(args, ko, case, length, batch))
            return 0
        start = time.time()
        measure(args, ko)
        log(f"\n{time.time() - start:.0f} s; in out/: bench-kernel.txt, bench-kernel.json")
    except Failure as failure:
        log(f"bench-kernel: {failure}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
