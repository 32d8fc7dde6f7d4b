# SPDX-License-Identifier: BSD-2-Clause
"""What `make demo-kernel` shows, see tools/demo-kernel: the demo, on a kernel with netmap.ko.

The runner builds that kernel and the module, and starts itself there.
"""
import json
import os
import subprocess
import sys

import demo
import lab
import umkernel
from lab import Failure, log, need


class KernelDemo(demo.Demo):
    """One CPU, on which a system call costs more than many packets: less of everything."""

    PACKETS = int(os.environ.get("DEMO_PACKETS", "10000000"))
    TCP_BYTES = int(os.environ.get("DEMO_BYTES", str(64 << 20)))
    VETH_PACKETS = int(os.environ.get("DEMO_VETH_PACKETS", "1000000"))
    HOST = "/dev/netmap, found by libnetmap"

    def __init__(self):
        super().__init__()
        for name in ("NETMAP_HOST", "NETMAP_SOCKET"):
            self.env.pop(name, None)

    def state(self, ns=None):
        return json.loads(self.run(["cat", "/proc/net/netmap.json"], ns=ns))

    def host_right(self, process):
        return bool(lab.wait_for(lambda: process.find("host: kernel")))

    def host_list(self, ns=None):
        return self.run(["cat", "/proc/net/netmap"], ns=ns).splitlines()

    def host_gone(self, _pid):
        """All that was opened is closed, and what it used is back."""

    def daemon_pid(self):
        return None

    # ---- (d) both ends of a link

    def link(self):
        log("\n== (d) two interfaces, pkt-gen at each: XDP in their driver, both ways\n")
        a, b = self.namespace("left"), self.namespace("right")
        self.veth("veth0", a, "veth1", b)
        rx = self.start([need("pkt-gen"), "-i", "netmap:veth1", "-f", "rx", "-T", "500", "--seq",
                         "--idle", "2"], ns=b, show="rx")
        self.wait_port("veth1", rx, b)
        for line in self.host_list(b)[:3]:
            log("  " + line)
        tx = self.start([need("pkt-gen"), "-i", "netmap:veth0", "-f", "tx", "-T", "500", "--seq",
                         "-n", str(self.PACKETS)], ns=a, show="tx")
        if tx.wait(120):
            raise Failure(f"pkt-gen on veth0: {tx.last()}")
        port = self.port("veth1", b)
        if rx.wait(30):
            raise Failure(f"pkt-gen on veth1: {rx.last()}")
        sent, received = demo.total(tx, "sent"), demo.total(rx, "received")
        lost = lab.drops(port["rx"]) if port else 0
        mode = "XDP" if port and port.get("info", "").startswith("XDP") else "emulated"
        self.measured("veth to veth, 2 processes", sent, received, lost, demo.rate(rx),
                      sent == self.PACKETS and received > 0 and sent == received + lost, mode)

    def interface(self):
        super().interface()
        self.link()


def outside():
    ko = umkernel.module()
    log(f"netmap.ko for Linux {umkernel.release()}, which runs as a process here\n")
    return subprocess.call(umkernel.argv(["python3", os.path.abspath(__file__), "--inside"], ko,
                                         more=["--merge"]), cwd=lab.ROOT)


def main():
    if "--inside" in sys.argv[1:]:
        return demo.show(KernelDemo)
    try:
        return outside()
    except Failure as failure:
        log(f"demo-kernel: {failure}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
