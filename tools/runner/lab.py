# SPDX-License-Identifier: BSD-2-Clause
"""What the demo and the benchmarks share: programs, namespaces, the daemon, tables."""
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))


class Failure(Exception):
    """Something did not work, in one line."""


def program(name):
    """Path of one of our programs, or None if it was not built."""
    for folder in ("apps", "hosts/user", "bench", "bench/pcap", "lib"):
        path = os.path.join(BUILD, folder, name)
        if os.access(path, os.X_OK):
            return path
    return None


def need(name):
    path = program(name)
    if not path:
        raise Failure(f"{name} was not built in {BUILD}")
    return path


def log(text):
    print(text, flush=True)


def wait_for(test, seconds=10.0, step=0.02):
    """The first true result of test(), or None when the time is over."""
    end = time.monotonic() + seconds
    while True:
        result = test()
        if result or time.monotonic() > end:
            return result
        time.sleep(step)


class Process:
    """A program of ours that runs in the background; its lines are kept, and shown if wanted."""

    def __init__(self, argv, env, show=None):
        self.argv, self.show, self.lines = argv, show, []
        self.popen = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                      text=True, errors="replace")
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.popen.stdout:
            self.lines.append(line.rstrip())
            if self.show:
                log(f"  {self.show:4}| {self.lines[-1]}")

    def wait(self, timeout=60):
        try:
            self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.stop()
            raise Failure(f"{self.name()} did not end in {timeout} s: {self.last()}")
        self.reader.join(5)
        return self.popen.returncode

    def stop(self, sig=signal.SIGINT, patience=5):
        if self.popen.poll() is None:
            self.popen.send_signal(sig)
            try:
                self.popen.wait(patience)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
        self.reader.join(5)
        return self.popen.returncode

    def name(self):
        words = [w for w in self.argv if not w.startswith("-")]
        if words[:3] == ["ip", "netns", "exec"]:
            words = words[4:]
        return os.path.basename(words[0])

    def last(self):
        return self.lines[-1] if self.lines else "(it said nothing)"

    def text(self):
        return "\n".join(self.lines)

    def find(self, pattern):
        return re.search(pattern, self.text(), re.M)


class Lab:
    """Everything made here is gone at the end, whatever the end is."""

    def __init__(self, tag):
        self.tag = f"{tag}{os.getpid()}"
        self.stack = contextlib.ExitStack()
        self.dir = tempfile.mkdtemp(prefix=f"netmap-{tag}-")
        self.stack.callback(shutil.rmtree, self.dir, ignore_errors=True)
        self.env = dict(os.environ, NETMAP_HOST="daemon",
                        NETMAP_SOCKET=os.path.join(self.dir, "netmapd.sock"))
        self.root = os.geteuid() == 0
        for sig in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(sig, self._signal)

    def _signal(self, sig, _frame):
        raise SystemExit(128 + sig)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for sig in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(sig, signal.SIG_IGN)
        self.stack.close()

    # ---- programs

    def argv(self, argv, ns=None, cpu=None, nice=None):
        argv = [str(a) for a in argv]
        if cpu is not None:
            argv = ["taskset", "-c", str(cpu)] + argv
        if nice:
            argv = ["chrt", "-f", str(nice)] + argv
        return ["ip", "netns", "exec", ns] + argv if ns else argv

    def start(self, argv, ns=None, show=None, cpu=None, nice=None):
        process = Process(self.argv(argv, ns, cpu, nice), self.env, show)
        self.stack.callback(process.stop, signal.SIGTERM)
        return process

    def run(self, argv, ns=None, check=True, timeout=60, cpu=None, nice=None):
        try:
            done = subprocess.run(self.argv(argv, ns, cpu, nice), env=self.env, timeout=timeout,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, errors="replace")
        except subprocess.TimeoutExpired:
            raise Failure(f"{argv[0]} did not end in {timeout} s")
        except FileNotFoundError:
            raise Failure(f"{argv[0]} is not installed")
        if check and done.returncode:
            lines = done.stdout.strip().splitlines()
            raise Failure(f"{' '.join(str(a) for a in argv)}: "
                          f"{lines[-1] if lines else 'exit code %d' % done.returncode}")
        return done.stdout

    # ---- network namespaces

    def namespace(self, name):
        ns = f"{self.tag}-{name}"
        self.run(["ip", "netns", "add", ns])
        self.stack.callback(self._namespace_end, ns)
        self.run(["ip", "-n", ns, "link", "set", "lo", "up"])
        return ns

    def _namespace_end(self, ns):
        pids = self.run(["ip", "netns", "pids", ns], check=False).split()
        for sig in (signal.SIGTERM, signal.SIGKILL):
            for pid in pids:
                with contextlib.suppress(OSError, ValueError):
                    os.kill(int(pid), sig)
            pids = wait_for(lambda: not self.run(["ip", "netns", "pids", ns],
                                                 check=False).split(), 3) and []
            if not pids:
                break
            pids = self.run(["ip", "netns", "pids", ns], check=False).split()
        self.run(["ip", "netns", "del", ns], check=False)

    def veth(self, a, ns_a, b, ns_b, queues=1):
        q = ["numtxqueues", queues, "numrxqueues", queues]
        self.run(["ip", "-n", ns_a, "link", "add", a, *q, "type", "veth",
                  "peer", "name", b, *q, "netns", ns_b])
        for name, ns in ((a, ns_a), (b, ns_b)):
            # no address configuration of their own: only our packets
            self.run(["sh", "-c", f"echo 1 >/proc/sys/net/ipv6/conf/{name}/disable_ipv6"],
                     ns=ns, check=False)
            self.run(["ip", "-n", ns, "link", "set", name, "up"])

    def link_counters(self, name, ns):
        out = json.loads(self.run(["ip", "-n", ns, "-j", "-s", "link", "show", name]))
        return out[0]["stats64"]

    def xdp_counters(self, name, ns):
        """The driver's own counters of a veth."""
        out = self.run(["ethtool", "-S", name], ns=ns, check=False)
        return {k: int(v) for k, v in re.findall(r"(\w+): (\d+)", out)}

    # ---- the daemon

    def state(self, ns=None):
        """What the daemon has, {} if there is none."""
        out = self.run([need("netmapd"), "--list", "--json"], ns=ns, check=False)
        try:
            return json.loads(out)
        except ValueError:
            return {}

    def port(self, name, ns=None):
        for port in self.state(ns).get("ports", []):
            if port["name"] == name:
                return port
        return None

    def wait_port(self, name, process, ns=None):
        """Until a program has opened the port."""
        def there():
            if process.popen.poll() is not None:
                raise Failure(f"{process.name()}: {process.last()}")
            port = self.port(name, ns)
            return port if port and port["up"] else None
        port = wait_for(there)
        if not port:
            raise Failure(f"{name} was not opened in 10 s")
        return port

    def daemon_pid(self):
        return self.state().get("daemon", {}).get("pid")

    def daemon_gone(self, pid, seconds=10):
        """True when the daemon has left by itself."""
        return wait_for(lambda: not os.path.exists(f"/proc/{pid}"), seconds, 0.05)


def drops(counters):
    return sum(counters["drops"].values())


def table(head, rows, out=sys.stdout):
    """Text table; numbers to the right."""
    rows = [[str(c) for c in row] for row in rows]
    width = [max(len(r[i]) for r in [head] + rows) for i in range(len(head))]
    number = [all(re.match(r"^[-+]?[\d.,]*( ?[A-Za-z%/]+)?$|^-$", r[i]) for r in rows)
              for i in range(len(head))]

    def line(row):
        return "  ".join(c.rjust(w) if n else c.ljust(w)
                         for c, w, n in zip(row, width, number)).rstrip()
    print(line(head), file=out)
    print("  ".join("-" * w for w in width), file=out)
    for row in rows:
        print(line(row), file=out)
