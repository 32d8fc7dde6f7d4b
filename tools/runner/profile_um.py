# SPDX-License-Identifier: BSD-2-Clause
"""Where a kernel that runs as a process spends its time: samples of it, with names of its
functions and of the module's."""
import bisect
import collections
import io
import json
import os
import re
import subprocess
import tempfile
import time

import lab
import umkernel
from lab import Failure

SECONDS = 4
HOST_KERNEL = 1 << 63


def functions(path, base=0):
    out = subprocess.run(["nm", "-n", path], stdout=subprocess.PIPE, text=True, check=True).stdout
    for line in out.splitlines():
        words = line.split()
        if len(words) == 3 and words[1] in "tTwW":
            yield base + int(words[0], 16), words[2]


def kernel_pid(linux, parent):
    """The first process of that program below ours."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/exe") != linux:
                continue
            with open(f"/proc/{pid}/stat") as f:
                above = int(f.read().rsplit(")", 1)[1].split()[1])
            if above == parent:
                return int(pid)
        except OSError:
            continue
    return None


def samples(pid, folder):
    data = os.path.join(folder, "perf.data")
    done = subprocess.run(["perf", "record", "-q", "-e", "cpu-clock", "-F", "5000", "-p",
                           str(pid), "-o", data, "sleep", str(SECONDS)],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise Failure("perf: " + (done.stdout.strip().splitlines() or ["failed"])[-1])
    out = subprocess.run(["perf", "script", "-i", data, "-F", "ip"], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True).stdout
    return [int(word, 16) for word in out.split() if re.fullmatch("[0-9a-f]+", word)]


def table(ips, names):
    names = sorted(names)
    addresses = [a for a, _ in names]
    count = collections.Counter()
    for ip in ips:
        if ip >= HOST_KERNEL:
            count["(the machine's kernel: what UML's system calls cost)"] += 1
            continue
        i = bisect.bisect(addresses, ip) - 1
        count[names[i][1] if i >= 0 and ip - names[i][0] < 0x8000 else "(elsewhere)"] += 1
    ours = sum(n for name, n in count.items() if not name.startswith("("))
    rows = [(name, f"{100 * n / len(ips):.1f}", f"{100 * n / ours:.1f}" if name[0] != "(" else "-")
            for name, n in count.most_common(24)]
    return ("function", "% of all", "% of the guest's kernel"), rows


def profile(argv, ko):
    """Runs a guest that prints where the module is; samples it in the middle."""
    linux = os.path.realpath(os.path.join(umkernel.tree(), "linux"))
    with tempfile.TemporaryDirectory() as folder, subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as guest:
        base, ips, lines = None, [], []
        for line in guest.stdout:
            if not line.startswith("{"):
                continue
            record = json.loads(line)
            if "text" not in record:
                lines.append(line)
                continue
            base = int(record["text"], 16)
            time.sleep(1)
            pid = kernel_pid(linux, guest.pid)
            if not pid:
                raise Failure("the guest's process was not found")
            ips = samples(pid, folder)
    if guest.returncode or not ips:
        raise Failure("no samples: " + (lines[-1].strip() if lines else "the guest failed"))
    head, rows = table(ips, [*functions(linux), *((a, f"{n} [netmap]")
                                                     for a, n in functions(ko, base))])
    out = "".join(lines)
    text = io.StringIO()
    lab.table(head, rows, text)
    return out + "\n" + text.getvalue()
