# SPDX-License-Identifier: BSD-2-Clause
"""Tables and plots of what bench_apps.py measured."""


def times(ours, theirs):
    return f"{ours / theirs:.1f} x" if ours and theirs else "-"


def percent(got, asked):
    return f"{(got / asked - 1) * 100:+.2f} %"


def microseconds(x):
    return f"{x:.1f}" if x < 1000 else f"{x:.0f}"


class Applications:
    """A part of class Results."""

    APPS = ("pcap", "replay", "emulator")

    def pcap_table(self):
        rows = []
        for r in self.get(group="pcap"):
            base = self.get(group="pcap", case="system, veth", len=r["len"],
                            filter=r["filter"])[-1]
            rows.append((r["case"], r["len"], "yes" if r["filter"] else "no",
                         f"{r['mpps']:.3f}", times(r["mpps"], base["mpps"]),
                         f"{r['cycles']:.0f}",
                         f"{r['inject_mpps']:.3f}" if "inject_mpps" in r else "-",
                         times(r.get("inject_mpps"), base["inject_mpps"]),
                         f"{r['inject_cycles']:.0f}" if "inject_cycles" in r else "-"))
        return self.table(
            "The same program with the system's libpcap and with netmap's",
            ("", "bytes", "filter", "captured, Mpps", "to the system's", "cycles",
             "injected, Mpps", "to the system's ", "cycles "), rows,
            "A counting loop captures what another process injects; cycles are those of the "
            "capturing and of the injecting program, user and system mode, a packet. What a "
            "switch has no room for is dropped, a pipe makes the sender wait. What the system's "
            "captures is what the same program can inject; so there is a line for what it "
            "captures of a faster sender (`sock-packet`). The loop by itself: pcap_dispatch() "
            "on a pipe in the same process that has been filled before, in batches of 256.")

    def replay_table(self):
        rows = [(r["case"], r["where"], f"{r['asked_pps']:.0f}", f"{r['mpps'] * 1e6:.0f}",
                 percent(r["mpps"] * 1e6, r["asked_pps"]) if r["case"] == "rate" else "",
                 *(microseconds(r[k]) for k in ("p50", "p99", "p99.9", "max")))
                for r in self.get(group="replay")]
        return self.table(
            "nmreplay: later than asked, microseconds",
            ("", "where", "asked, pps", "came, pps", "error", "median", "99 %", "99.9 %",
             "max"), rows,
            "delay: of 1 ms, by the emulator. rate: of a file that is played; late is how far a "
            "packet is behind its place among all others. In process nothing is between "
            "nmreplay's loop and the clock but rings; with the daemon there are three "
            "processes.")

    def emulator_table(self):
        rows = [(r["case"], r["where"], f"{r['rtt']} ms", f"{r['rtt_measured']:.2f} ms",
                 f"{r['way']:.2f} ms", percent(r["rtt_measured"] - r["way"], r["rtt"]),
                 f"{r['rate']} Mbit/s",
                 f"{r['rate_measured']:.2f} Mbit/s", percent(r["rate_measured"], r["rate"]))
                for r in self.get(group="emulator")]
        return self.table(
            "The link emulator between two hosts, with TCP",
            ("asked", "where", "round trip", "measured", "of it the way", "error", "bandwidth", "measured ", "error "),
            rows, "In process: NETMAP_HOST=embedded, no daemon between nmreplay and the "
            "interfaces. The round trip is the median of 60 pings. The way is what they take "
            "through the same interfaces when the kernel's own bridge joins them; the error is "
            "without it. The bandwidth is that of TCP's own "
            "bytes with their headers, from the first quarter of the transfer on, median of several transfers.")

    def app_tables(self):
        if not any(self.get(group=g) for g in self.APPS):
            return []
        every = [self.app_targets(), self.pcap_table(), self.replay_table(),
                 self.emulator_table()]
        return [t for t in every if t.rows]

    def app_targets(self):
        rows = []
        for key, what in (("mpps", "capture"), ("inject_mpps", "inject")):
            system = self.one(key, group="pcap", case="system, veth", len=60, filter=False)
            for case in ("VALE", "pipe"):
                ours = self.one(key, group="pcap", case=case, len=60, filter=False)
                rows.append(self.at_least(f"libpcap's interface, {what}, {case}, to the system's", 10,
                                          ours, system))
        for where in ("in process", "daemon"):
            worst = [max(abs((r["rtt_measured"] - r["way"]) / r["rtt"] - 1),
                         abs(r["rate_measured"] / r["rate"] - 1)) * 100
                     for r in self.get(group="emulator", where=where)]
            rows.append(self.at_most("link emulator, TCP, worst error of round trip (without the "
                                     f"way) and bandwidth, {where}", 2,
                                     max(worst, default=None), "%"))
        return self.table("Targets of the applications", ("", "target", "measured", ""), rows)

    def app_plots(self, folder):
        late = []
        for where in ("in process", "daemon"):
            for key, name in (("p50", "median"), ("p99", "99 %")):
                late.append((f"{where}, {name}", [
                    (x, max(y, 0.01)) for x, y in
                    self.series(key, "asked_pps", group="replay", case="delay", where=where)]))
        self.plot(folder, "bench-delay", "nmreplay: 1 ms of delay, later than asked",
                  "packets a second", "microseconds", late, "set logscale xy")
        rate = [(where, [(r["asked_pps"], max(abs(r["rate_error"]) * 100, 1e-4))
                         for r in self.get(group="replay", case="rate", where=where)])
                for where in ("in process", "daemon")]
        self.plot(folder, "bench-rate", "nmreplay: error of the rate", "packets a second asked",
                  "per cent", rate, "set logscale xy")
