# SPDX-License-Identifier: BSD-2-Clause
"""What `make demo` shows, see tools/demo."""
import json
import os
import re
import sys

import lab
from lab import Failure, log, need


class Demo(lab.Lab):
    PACKETS = int(os.environ.get("DEMO_PACKETS", "30000000"))
    TCP_BYTES = int(os.environ.get("DEMO_BYTES", str(1 << 30)))
    VETH_PACKETS = int(os.environ.get("DEMO_VETH_PACKETS", "2000000"))

    def __init__(self):
        super().__init__("demo")
        self.rows = []
        self.good = True

    # ---- the host: a daemon, which comes and goes by itself

    HOST = "netmapd started by pkt-gen"

    def host_right(self, _process):
        return bool(self.daemon_pid())

    def host_list(self, ns=None):
        return self.run([need("netmapd"), "--list"], ns=ns).splitlines()

    def host_gone(self, pid):
        if not self.daemon_gone(pid):
            raise Failure("netmapd did not end after its last client")
        log(f"  netmapd (process {pid}), which pkt-gen had started, has left by itself")

    def measured(self, what, sent, received, lost, rate, ok, note=""):
        self.rows.append((what, sent, received, lost, rate, "yes" if ok else "NO", note))
        self.good = self.good and ok

    # ---- (a) two processes

    def pair(self, what, tx_port, rx_port, lossless):
        """A sender and a receiver; what is sent, received and dropped must add up."""
        rx = self.start([need("pkt-gen"), "-i", rx_port, "-f", "rx", "-T", "500", "--idle", "2"],
                        show="rx")
        self.wait_port(rx_port, rx)
        right = self.host_right(rx)
        pid = self.daemon_pid()
        tx = self.start([need("pkt-gen"), "-i", tx_port, "-f", "tx", "-T", "500",
                         "-n", str(self.PACKETS)], show="tx")
        if tx.wait(120):
            raise Failure(f"pkt-gen -f tx: {tx.last()}")
        port = self.port(rx_port) or {}
        if rx.wait(30):
            raise Failure(f"pkt-gen -f rx: {rx.last()}")
        sent, received = total(tx, "sent"), total(rx, "received")
        lost = lab.drops(port["rx"]) if port else 0
        ok = sent == self.PACKETS and received > 0 and sent == received + lost and \
            (lost == 0 or not lossless)
        self.measured(what, sent, received, lost, rate(rx), ok and right, self.HOST)
        return pid

    def processes(self):
        log("\n== (a) two processes: pkt-gen through a switch, then through a pipe\n")
        self.pair("VALE switch, 2 processes", "vale0:a", "vale0:b", lossless=False)
        log("")
        self.host_gone(self.pair("pipe, 2 processes", "demo{1", "demo}1", lossless=True))

    # ---- (b) two namespaces

    def switch_of_veths(self):
        hub = self.namespace("hub")
        ends = []
        for i, letter in enumerate("ab", 1):
            ns = self.namespace(letter)
            near = f"veth{letter.upper()}"
            self.veth(near, hub, "eth0", ns)
            # what would be left to hardware that is not there
            self.run(["ethtool", "-K", "eth0", "tx", "off", "tso", "off", "gso", "off"], ns=ns)
            self.run(["ip", "-n", ns, "address", "add", f"10.0.0.{i}/24", "dev", "eth0"])
            log("  $ vale-ctl -a vale0:" + near)
            self.run([need("vale-ctl"), "-a", f"vale0:{near}"], ns=hub)
            ends.append((ns, near))
        return hub, ends

    def ping(self, ns, address):
        out = self.run(["ping", "-c", "5", "-i", "0.2", "-W", "2", address], ns=ns, check=False)
        for line in out.strip().splitlines()[1:]:
            log("  " + line)
        m = re.search(r"(\d+) packets transmitted, (\d+) received", out)
        sent, received = (int(m[1]), int(m[2])) if m else (5, 0)
        m = re.search(r"= [\d.]+/([\d.]+)/", out)
        self.measured("ping between namespaces", sent, received, sent - received,
                      f"{m[1]} ms" if m else "-", sent == received)

    def transfer(self, ends):
        tcp = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tcp.py")
        server = self.start([sys.executable, tcp, "receive", "5001"], ns=ends[1][0])
        if not lab.wait_for(lambda: server.find("listening")):
            raise Failure(f"receiver of the TCP transfer: {server.last()}")
        client = self.start([sys.executable, tcp, "send", "10.0.0.2", "5001",
                             str(self.TCP_BYTES)], ns=ends[0][0])
        if client.wait(150) or server.wait(30):
            raise Failure(f"TCP transfer: {client.last()}; {server.last()}")
        sent, got = json.loads(client.last()), json.loads(server.last())
        same = sent["sha256"] == got["sha256"] and sent["bytes"] == got["bytes"]
        log(f"  sent     {sent['bytes']} bytes, SHA-256 {sent['sha256']}")
        log(f"  received {got['bytes']} bytes, SHA-256 {got['sha256']}")
        mbit = got["bytes"] * 8 / got["seconds"] / 1e6
        self.measured("TCP between namespaces, bytes", sent["bytes"], got["bytes"],
                      sent["bytes"] - got["bytes"], f"{mbit:.0f} Mbit/s",
                      same and got["bytes"] >= self.TCP_BYTES, "checksums equal" if same
                      else "CHECKSUMS DIFFER")

    def namespaces(self):
        log("\n== (b) two network namespaces, joined by nothing but a VALE switch\n")
        hub, ends = self.switch_of_veths()
        for line in self.host_list(hub):
            log("  " + line)
        self.ping(ends[0][0], "10.0.0.2")
        self.transfer(ends)
        for line in self.run([need("vale-ctl"), "-s"], ns=hub).splitlines():
            log("  " + line)
        pid = self.daemon_pid()
        for _, near in ends:
            self.run([need("vale-ctl"), "-d", f"vale0:{near}"], ns=hub)
        self.host_gone(pid)

    # ---- (c) an interface

    def to_veth(self, here, there):
        """pkt-gen sends; the kernel counts what comes out of the other end."""
        before = self.link_counters("veth1", there)["rx"]["packets"]
        tx = self.start([need("pkt-gen"), "-i", "netmap:veth0", "-f", "tx", "-T", "500",
                         "-n", str(self.VETH_PACKETS)], ns=here, show="tx")
        if tx.wait(120):
            raise Failure(f"pkt-gen on veth0: {tx.last()}")
        sent = total(tx, "sent")
        count = lab.wait_for(
            lambda: self.link_counters("veth1", there)["rx"]["packets"] - before == sent, 3)
        came = self.link_counters("veth1", there)["rx"]["packets"] - before
        log(f"  pkt-gen sent {sent}, the kernel counts {came} received at the other end")
        self.measured("pkt-gen to veth, kernel receives", sent, came, sent - came, rate(tx),
                      bool(count))

    def from_veth(self, here, there):
        """The kernel sends from an ordinary socket; pkt-gen receives."""
        rx = self.start([need("pkt-gen"), "-i", "netmap:veth0", "-f", "rx", "-T", "500",
                         "--idle", "2"], ns=here, show="rx")
        self.wait_port("veth0", rx, here)
        before = self.link_counters("veth1", there)["tx"]
        out = self.run([need("sock-packet"), "tx", "veth1", "-n", str(self.VETH_PACKETS)],
                       ns=there)
        after = self.link_counters("veth1", there)["tx"]
        port = self.port("veth0", here)
        if rx.wait(30):
            raise Failure(f"pkt-gen on veth0: {rx.last()}")
        sent, received = after["packets"] - before["packets"], total(rx, "received")
        lost = lab.drops(port["rx"]) if port else 0
        log(f"  {out.strip().splitlines()[-1]}")
        log(f"  the kernel counts {sent} sent, pkt-gen received {received}, "
            f"the socket dropped {lost}")
        self.measured("kernel sends, pkt-gen from veth", sent, received, lost, rate(rx),
                      received > 0 and sent == received + lost)

    def interface(self):
        log("\n== (c) pkt-gen to and from a veth interface, with the kernel's counters\n")
        here, there = self.namespace("here"), self.namespace("there")
        self.veth("veth0", here, "veth1", there)
        self.to_veth(here, there)
        log("")
        self.from_veth(here, there)

    # ---- all

    def result(self):
        log("\n== what was measured, on " + machine() + "\n")
        lab.table(("what", "sent", "received", "dropped", "rate", "adds up", ""), self.rows)


def total(process, word):
    m = process.find(rf"^{word} (\d+) packets")
    if not m:
        raise Failure(f"pkt-gen told no total: {process.last()}")
    return int(m[1])


def rate(process):
    m = process.find(r"^(?:sent|received) .*: ([\d.]+ \w*pps)")
    return m[1] if m else "-"


def machine():
    model = "?"
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{model}, {os.cpu_count()} CPUs, Linux {os.uname().release}"


def show(kind):
    with kind() as demo:
        try:
            demo.processes()
            if demo.root:
                demo.namespaces()
                demo.interface()
            else:
                log("\nleft out: (b) two namespaces and (c) a network interface, since both "
                    "need root: to make namespaces, and for AF_XDP")
        except Failure as failure:
            log(f"\ndemo: {failure}")
            demo.good = False
        if demo.rows:
            demo.result()
        return 0 if demo.good else 1


if __name__ == "__main__":
    sys.exit(show(Demo))
