# SPDX-License-Identifier: BSD-2-Clause
"""The machine that figures come from, and the processor time that they cost."""
import glob
import os
import re
import subprocess
import time


def read(path, default=""):
    try:
        with open(path) as f:
            return f.read().strip()
    except OSError:
        return default


def first(pattern, text, default=""):
    m = re.search(pattern, text, re.M)
    return m[1].strip() if m else default


def caches():
    out = []
    for d in sorted(glob.glob("/sys/devices/system/cpu/cpu0/cache/index*")):
        kind = {"Data": "d", "Instruction": "i", "Unified": ""}.get(read(d + "/type"), "?")
        out.append(f"L{read(d + '/level')}{kind} {read(d + '/size')}")
    return ", ".join(out)


def has_counters():
    """Can we count cycles, of programs and of the whole machine?"""
    try:
        done = subprocess.run(["perf", "stat", "-x,", "-a", "-e", "cycles,instructions",
                               "true"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and "not supported" not in done.stderr and \
        "not counted" not in done.stderr


def tsc_hz():
    """Ticks a second of the time stamp counter, as the kernel has found out."""
    khz = first(r"tsc: (?:Detected|Refined TSC clocksource calibration:) ([\d.]+) MHz",
                subprocess.run(["dmesg"], capture_output=True, text=True,
                               check=False).stdout)
    if khz:
        return float(khz) * 1e6
    bogo = first(r"^bogomips\s*: ([\d.]+)", read("/proc/cpuinfo"))
    return float(bogo) / 2 * 1e6 if bogo else 0.0


def describe():
    info = read("/proc/cpuinfo")
    lscpu = subprocess.run(["lscpu"], capture_output=True, text=True, check=False).stdout
    return {
        "cpu": first(r"^model name\s*: (.*)", info, os.uname().machine),
        "family": first(r"^cpu family\s*: (.*)", info),
        "model": first(r"^model\s*: (.*)", info),
        "cpus": os.cpu_count(),
        "caches": caches(),
        "hypervisor": first(r"^Hypervisor vendor:\s*(.*)", lscpu, "none"),
        "kernel": os.uname().release,
        "distribution": first(r'^PRETTY_NAME="(.*)"', read("/etc/os-release")),
        "governor": read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
                         "none visible"),
        "memory_mib": int(first(r"^MemTotal:\s*(\d+)", read("/proc/meminfo"), "0")) // 1024,
        "tsc_mhz": round(tsc_hz() / 1e6, 1),
        "counters": has_counters(),
        "load_before": os.getloadavg()[0],
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


def lines(m):
    """The same for people."""
    counters = ("hardware counters" if m["counters"] else
                f"no hardware counters: ticks of the time stamp counter, {m['tsc_mhz']:.0f} MHz")
    return [
        f"{m['cpu']} (family {m['family']}, model {m['model']}), {m['cpus']} CPUs, {m['caches']}",
        f"{m['distribution']}, Linux {m['kernel']}, hypervisor: {m['hypervisor']}, "
        f"{m['memory_mib']} MiB, governor: {m['governor']}",
        f"cycles by {counters}",
        f"{m['date']}, load before the run {m['load_before']:.2f}",
    ]


class Usage:
    """Processor seconds of processes, with all of their threads."""

    def __init__(self, pids):
        self.pids = [p for p in pids if p]
        self.tick = os.sysconf("SC_CLK_TCK")
        self.start = self.seconds()

    def seconds(self):
        total = 0
        for pid in self.pids:
            stat = read(f"/proc/{pid}/stat")
            if stat:
                fields = stat.rsplit(")", 1)[1].split()
                total += int(fields[11]) + int(fields[12])
        return total / self.tick

    def used(self):
        return self.seconds() - self.start


def switches(pids):
    """How often threads of these processes have run, as context switches."""
    total = 0
    for pid in pids:
        for path in glob.glob(f"/proc/{pid}/task/*/status"):
            total += sum(int(n) for n in re.findall(r"ctxt_switches:\s*(\d+)", read(path)))
    return total
