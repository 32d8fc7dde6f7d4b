# SPDX-License-Identifier: BSD-2-Clause
"""Results of benchmarks: as text, as JSON, beside their targets, as plots, in the manual."""
import contextlib
import io
import json
import os
import re
import shutil
import subprocess

import lab
import machine
from lab import Failure, log
from report_apps import Applications


def number(x, digits=1):
    if x is None:
        return "-"
    return f"{x:.{digits}f}"


def mpps(x):
    return number(x, 1 if x is not None and x >= 100 else 2)


def alike(lines):
    """Whether the processors were as far from each other each time."""
    return max(lines) < 1.5 * min(lines)


def at_most(what, aim, got, unit):
    """A line of a table of targets."""
    if got is None:
        return (what, f"<= {aim} {unit}", "-", "not measured")
    over = f"{(got / aim - 1) * 100:.0f} %" if aim else f"{number(got)} {unit}"
    verdict = "met" if got <= aim else f"missed by {over}"
    return (what, f"<= {aim} {unit}", f"{number(got)} {unit}", verdict)


def at_least(what, factor, ours, theirs):
    if not ours or not theirs:
        return (what, f">= {factor} x", "-", "not measured")
    got = ours / theirs
    verdict = "met" if got >= factor else f"missed by {(1 - got / factor) * 100:.0f} %"
    return (what, f">= {factor} x", f"{got:.2f} x", verdict)


class Table:
    def __init__(self, title, head, rows, note=""):
        self.title, self.head, self.rows, self.note = title, head, rows, note

    def text(self):
        out = io.StringIO()
        out.write(self.title + "\n\n")
        lab.table(self.head, self.rows, out)
        return out.getvalue() + (f"\n{self.note}\n" if self.note else "")

    def markdown(self):
        def line(cells):
            return "| " + " | ".join(str(c).replace("|", "\\|") for c in cells) + " |"
        numbers = ["---:" if all(re.match(r"^[-+]?[\d.]*[ %x]*$|^-$", str(r[i]))
                                 for r in self.rows) else "---" for i in range(len(self.head))]
        out = [f"### {self.title}", "", line(self.head), line(numbers)]
        out += [line(r) for r in self.rows]
        return "\n".join(out) + (f"\n\n{self.note}" if self.note else "") + "\n"


class Results(Applications):
    table = Table
    at_most = staticmethod(at_most)
    at_least = staticmethod(at_least)

    def __init__(self, about, args, records=(), missing=None):
        self.machine, self.args = about, args
        self.records = list(records)
        self.missing = dict(missing or {})
        self.fresh = set()

    @classmethod
    def load(cls, args):
        path = os.path.join(args.out, "bench.json")
        try:
            with open(path) as f:
                data = json.load(f)
        except OSError:
            raise SystemExit(f"bench: {path} is not there: run tools/bench first")
        return cls(data["machine"], args, data["results"], data["left_out"])

    # ---- taking in

    def add(self, record):
        self.records.append(record)
        self.fresh.add(record["group"])
        words = [str(record.get(k)) for k in ("case", "mode", "waiting", "where", "ports", "len",
                                              "batch", "filter", "asked_pps")
                 if record.get(k) is not None]
        figures = [f"{record[k]:.2f} {unit}" for k, unit in
                   (("mpps", "Mpps"), ("cycles", "cycles"), ("p50", "us"), ("cpu_ms", "ms"))
                   if record.get(k) is not None]
        log(f"   {' '.join(words):48} {', '.join(figures)}")

    def left_out(self, what, why):
        self.missing[what] = why
        log(f"   left out: {why}")

    @contextlib.contextmanager
    def lenient(self, what):
        """A competitor that does not run is a line in the table, not the end."""
        try:
            yield
        except Failure as failure:
            self.left_out(what, str(failure))

    def old(self):
        """Groups of an earlier run that this one did not measure."""
        try:
            with open(os.path.join(self.args.out, "bench.json")) as f:
                data = json.load(f)
        except (OSError, ValueError):
            return
        same = all(data["machine"].get(k) == self.machine.get(k) for k in ("cpu", "kernel"))
        if self.args.only and same:
            self.records = [r for r in data["results"] if r["group"] not in self.fresh] + \
                self.records

    # ---- finding

    def get(self, **want):
        return [r for r in self.records if all(r.get(k) == v for k, v in want.items())]

    def one(self, key, **want):
        found = self.get(**want)
        return found[-1].get(key) if found else None

    def best(self, key="mpps", **want):
        return max((r[key] for r in self.get(**want)), default=None)

    # ---- tables

    def core_table(self):
        rows = []
        for case in ("null-tx", "pipe", "vale"):
            for r in sorted(self.get(group="core", case=case),
                            key=lambda r: (r["len"], r["batch"])):
                if r.get("ports", 2) <= 2:
                    rows.append((case, r["len"], r["batch"], number(r["cycles"]),
                                 number(r.get("instructions")), number(r["ns"], 2),
                                 mpps(r["mpps"])))
        return Table("The core by itself, one thread, both ends counted",
                     ("case", "bytes", "batch", "cycles", "instructions", "ns", "Mpps"), rows)

    def ports_table(self):
        rows = [(r["ports"], number(r["cycles"]), number(r["ns"], 2), mpps(r["mpps"]))
                for r in sorted(self.get(group="core", case="vale-ports"),
                                key=lambda r: r["ports"])]
        return Table("VALE and the number of ports (core, 60 bytes, batch 256)",
                     ("ports", "cycles", "ns", "Mpps"), rows)

    def rings_table(self):
        rows = []
        for r in sorted(self.get(group="core", case="vale-rings"), key=lambda r: r["slots"]):
            copy = self.one("cycles", group="core", case="copy-rings", slots=r["slots"],
                            len=r["len"])
            rows.append((r["slots"], r["slots"] * 2 * r["len"] >> 10, number(r["cycles"]),
                         number(copy), mpps(r["mpps"])))
        return Table("VALE, 1514 bytes, and the size of rings (core, batch 64)",
                     ("slots of a ring", "KiB of packets", "cycles", "the copy alone", "Mpps"),
                     rows, "The copy alone: memcpy() of the same bytes between as many buffers, as far "
                     "apart. KiB: of both sides, to be compared with the L2 cache")

    def process_table(self):
        cases = ("pipe", "VALE", "memif, copy", "memif, zero-copy")
        keys = sorted({(r["len"], r["batch"]) for r in self.get(group="processes")})
        rows = []
        for length, batch in keys:
            row = [length, batch]
            for case in cases:
                want = {"group": "processes", "case": case, "len": length, "batch": batch}
                row.append(mpps(self.one("mpps", **want)))
            for case in ("pipe", "VALE"):
                row.append(number(self.one("cycles", group="processes", case=case, len=length,
                                           batch=batch), 0))
            row.append(" ".join(self.line(case, length, batch) for case in cases))
            rows.append(row)
        return Table("Two processes: delivered, Mpps",
                     ("bytes", "batch", "pipe", "VALE", "memif", "memif zero-copy",
                      "pipe cycles", "VALE cycles", "a line, ns"), rows,
                     "cycles: processor time of both programs and the daemon, a packet. A line: "
                     "how long a cache line took from one processor to the other and back, before "
                     "and after each of the four (bench/line.c): where processors are virtual, "
                     "they are moved")

    def line(self, case, length, batch):
        """How far the processors were from each other: nanoseconds, from and to."""
        ends = [self.one(key, group="processes", case=case, len=length, batch=batch)
                for key in ("line_min", "line_max")]
        if None in ends:
            return "-"
        return "-".join(str(round(x)) for x in (ends[:1] if alike(ends) else ends))

    def memif_as_far(self, case):
        """The best of memif, with the processors as far from each other as in our best."""
        ours = max(self.get(group="processes", case=case, len=60), key=lambda r: r["mpps"],
                   default={})

        def as_far(r):
            lines = [x[k] for x in (ours, r) for k in ("line_min", "line_max") if k in x]
            return not lines or alike(lines)
        found = [r["mpps"] for what in ("memif, copy", "memif, zero-copy")
                 for r in self.get(group="processes", case=what, len=60) if as_far(r)]
        return max(found, default=None)

    def socket_table(self):
        rows = [(r["case"], r["len"], r["batch"], mpps(r["mpps"]), number(r["cycles"], 0))
                for r in self.get(group="sockets")]
        return Table("The kernel's sockets over a veth pair: delivered",
                     ("", "bytes", "batch", "Mpps", "cycles"), rows)

    def nic_table(self):
        rows = []
        names = {"txonly": "send", "rxdrop": "receive", "l2fwd": "receive and send back"}
        for mode in ("txonly", "rxdrop", "l2fwd"):
            for length in (60, 1514):
                want = {"group": "nic", "mode": mode, "len": length}
                ours = self.one("mpps", case="netmap", **want)
                bare = self.one("mpps", case="AF_XDP, bare", **want)
                if ours and bare:
                    rows.append((names[mode], length, number(ours, 3), number(bare, 3),
                                 f"{(ours / bare - 1) * 100:+.1f} %",
                                 number(self.one("cycles", case="netmap", **want), 0),
                                 number(self.one("cycles", case="AF_XDP, bare", **want), 0)))
        return Table("An interface (veth, AF_XDP in copy mode), batch 64",
                     ("", "bytes", "netmap, Mpps", "bare AF_XDP, Mpps", "difference",
                      "netmap cycles", "bare cycles"), rows)

    def latency_table(self):
        rows = [(r["case"], r["waiting"], *(number(r[k]) for k in ("min", "p50", "p99", "p99.9")))
                for r in self.get(group="latency")]
        return Table("There and back between two processes, microseconds",
                     ("", "waits by", "least", "median", "99 %", "99.9 %"), rows)

    def idle_table(self):
        rows = [(r["case"], r["seconds"], number(r["cpu_ms"], 0), r.get("wakeups", "-"))
                for r in self.get(group="idle")]
        return Table("Open ports without traffic: programs and daemon together",
                     ("", "seconds", "processor, ms", "context switches"), rows)

    def targets(self):
        """What was aimed at, what came out."""
        def core(case, length):
            return self.one("cycles", group="core", case=case, len=length, batch=256)

        vale60 = [r for r in self.get(group="core", case="vale", len=60, batch=256)
                  if r.get("ports", 2) <= 2]
        rows = [
            at_most("pipe, core, 60 bytes, batch 256", 30, core("pipe", 60), "cycles"),
            at_most("VALE, core, 60 bytes, batch 256", 60,
                    vale60[-1]["cycles"] if vale60 else None, "cycles"),
            at_most("VALE, core, 1514 bytes, batch 256", 160, core("vale", 1514), "cycles"),
            at_most("pkt-gen into a port that consumes", 67,
                    self.one("cycles", group="pkt-gen", len=60), "cycles"),
        ]
        pcap = self.best(group="sockets", case="libpcap", len=60)
        for case in ("pipe", "VALE"):
            ours = self.best(group="processes", case=case, len=60)
            rows.append(at_least(f"{case}, two processes, to memif (60 bytes, best batch)", 2,
                                 ours, self.memif_as_far(case)))
            rows.append(at_least(f"{case}, two processes, to libpcap (60 bytes, best batch)", 10,
                                 ours, pcap))
        for mode, name in (("txonly", "sending"), ("rxdrop", "receiving")):
            ours = self.one("mpps", group="nic", mode=mode, len=60, case="netmap")
            bare = self.one("mpps", group="nic", mode=mode, len=60, case="AF_XDP, bare")
            rows.append(at_least(f"interface, {name}, to bare AF_XDP (60 bytes)", 0.95, ours,
                                 bare))
        rows.append(at_most("processor time of idle ports", 0,
                            self.one("cpu_ms", group="idle"), "ms"))
        return Table("Targets", ("", "target", "measured", ""), rows)

    def own_tables(self):
        every = [self.targets(), self.core_table(), self.ports_table(), self.rings_table(),
                 self.process_table(), self.socket_table(), self.nic_table(),
                 self.latency_table(), self.idle_table()]
        return [t for t in every if t.rows]

    def tables(self):
        return self.own_tables() + self.app_tables()

    # ---- giving out

    def show(self, out):
        print("\nbenchmarks on " + "\n              ".join(self.about()) + "\n", file=out)
        for table in self.tables():
            print(table.text(), file=out)
        for what, why in self.missing.items():
            print(f"left out: {what}: {why}", file=out)

    def about(self):
        lines = machine.lines(self.machine)
        mhz = self.machine.get("core_mhz")
        if mhz and not self.machine["counters"]:
            lines[2] = (f"no hardware counters: cycles are time x {mhz:.0f} MHz, the core's clock "
                        "(see bench/clock.c)")
        return lines

    def save(self):
        self.old()
        os.makedirs(self.args.out, exist_ok=True)
        with open(os.path.join(self.args.out, "bench.json"), "w") as f:
            json.dump({"machine": self.machine, "results": self.records,
                       "left_out": self.missing}, f, indent=1)
        with open(os.path.join(self.args.out, "bench.txt"), "w") as f:
            self.show(f)
        self.plots(self.args.out)

    def publish(self):
        """The tables between the marks of docs/performance.md, and the plots beside it."""
        groups = {r["group"] for r in self.records}
        if groups - set(self.APPS):
            self.publish_part("results", self.own_tables(), True)
        if groups & set(self.APPS):
            self.publish_part("applications", self.app_tables(), False)
        self.plots(os.path.join(lab.ROOT, "docs"))

    def publish_part(self, name, tables, missing):
        path = os.path.join(lab.ROOT, "docs", "performance.md")
        with open(path) as f:
            text = f.read()
        body = "\n".join(f"- {line}" for line in self.about()) + "\n\n"
        body += "\n".join(t.markdown() for t in tables)
        if missing and self.missing:
            body += "\nLeft out:\n\n" + "\n".join(f"- {k}: {v}" for k, v in self.missing.items())
            body += "\n"
        new, n = re.subn(rf"(<!-- {name}: begin -->\n).*?(<!-- {name}: end -->)",
                         lambda m: m[1] + "\n" + body + "\n" + m[2], text, flags=re.S)
        if not n:
            raise SystemExit(f"bench: {path} has no marks for the {name}")
        with open(path, "w") as f:
            f.write(new)

    # ---- plots

    def series(self, key, x, **want):
        points = sorted((r[x], r[key]) for r in self.get(**want) if r.get(key) is not None)
        return list(dict(points).items())

    def plots(self, folder):
        if not shutil.which("gnuplot"):
            self.missing["plots"] = "gnuplot is not installed"
            return
        core = [(f"{case}, {length} bytes", self.series("cycles", "batch", group="core",
                                                        case=case, len=length))
                for case in ("pipe", "vale") for length in (60, 1514)]
        self.plot(folder, "bench-core", "The core by itself", "batch", "cycles a packet", core,
                  "set logscale xy 2; set yrange [8:*]")
        sizes = [(case, self.series("cycles", "len", group="core", case=case, batch=256))
                 for case in ("pipe", "vale")]
        self.plot(folder, "bench-size", "Packet size, core, batch 256", "bytes",
                  "cycles a packet", sizes, "set yrange [0:*]")
        ports = [("VALE, 60 bytes", self.series("cycles", "ports", group="core",
                                                case="vale-ports"))]
        self.plot(folder, "bench-ports", "Ports on a switch, core, batch 256", "ports",
                  "cycles a packet", ports, "set yrange [0:*]; set logscale x 2")
        pairs = [(case, self.series("mpps", "batch", group="processes", case=case, len=60))
                 for case in ("pipe", "VALE", "memif, copy", "memif, zero-copy")]
        for case in ("AF_PACKET sendmmsg/recvmmsg", "AF_PACKET rings (V2/V3)", "libpcap"):
            pairs.append((case, self.series("mpps", "batch", group="sockets", case=case, len=60)))
        self.plot(folder, "bench-processes", "Two processes, 60 bytes", "batch",
                  "Mpps delivered", pairs, "set logscale x 2; set logscale y; set key outside")

        self.app_plots(folder)

    def plot(self, folder, name, title, xlabel, ylabel, series, more=""):
        series = [(label, points) for label, points in series if points]
        if not series:
            return
        script = io.StringIO()
        script.write(f"set terminal svg size 760,420 background '#ffffff' font 'Helvetica,13'\n"
                     f"set output '{os.path.join(folder, name)}.svg'\n"
                     f"set title '{title}'\nset xlabel '{xlabel}'\nset ylabel '{ylabel}'\n"
                     f"set grid\nset key top right\n{more}\n")
        for i, (_, points) in enumerate(series):
            script.write(f"$d{i} << EOD\n")
            script.writelines(f"{x} {y}\n" for x, y in points)
            script.write("EOD\n")
        script.write("plot " + ", ".join(
            f"$d{i} with linespoints lw 2 pt 7 ps 0.6 title '{label}'"
            for i, (label, _) in enumerate(series)) + "\n")
        done = subprocess.run(["gnuplot"], input=script.getvalue(), text=True,
                              capture_output=True, check=False)
        if done.returncode:
            raise Failure(f"gnuplot: {done.stderr.strip()}")
