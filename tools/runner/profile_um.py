# SPDX-License-Identifier: BSD-2-Clause
"""Where a kernel that runs as a process spends its time: samples of it, with names of its
functions and of the module's."""
import bisect
import collections
import json
import os
import re
import shutil
import subprocess
import tempfile
import time

import umkernel
from lab import Failure

SECONDS = 4
HOST_KERNEL = 1 << 63  # addresses from there on
LARGEST = 0x8000       # of a function
TOP = 10


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
    """Functions of the guest's kernel and their parts of what that ran."""
    names = sorted(names)
    addresses = [a for a, _ in names]
    count = collections.Counter()
    for ip in ips:
        i = bisect.bisect(addresses, ip) - 1
        if ip < HOST_KERNEL and i >= 0 and ip - names[i][0] < LARGEST:
            count[names[i][1]] += 1
    total = sum(count.values())
    return [(name, f"{100 * n / total:.1f}") for name, n in count.most_common(TOP)]


def profile(argv, ko):
    """Runs a guest that says where the module is; samples it in the middle. Rows of a table."""
    if not shutil.which("perf"):
        raise Failure("no profile: perf is not installed")
    linux = os.path.realpath(os.path.join(umkernel.tree(), "linux"))
    base, ips = None, []
    with tempfile.TemporaryDirectory() as folder, subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as guest:
        for line in guest.stdout:
            if '"text"' not in line:
                continue
            base = int(json.loads(line)["text"], 16)
            time.sleep(1)
            pid = kernel_pid(linux, guest.pid)
            if not pid:
                raise Failure("no profile: the guest's process was not found")
            ips = samples(pid, folder)
    if guest.returncode or not ips:
        raise Failure(f"no profile: exit code {guest.returncode} of the guest, "
                      f"{len(ips)} samples")
    return table(ips, [*functions(linux), *((a, n + " [netmap]") for a, n in functions(ko, base))])
