# SPDX-License-Identifier: BSD-2-Clause
"""
Times at which the tests of one session keep everybody else from the processors.

Linux makes a scheduling group of each session (sched_autogroup), and each test is one. In Linux
6.18 a group whose processes wake each other in turn, on several processors, some 100,000 times a
second, as a daemon and its clients do, can be ahead of all others for up to a minute: it gets
another weight whenever one of them sleeps or wakes, and hardly grows older by it. Not even the
kernel's own threads run then (`rcu_preempt kthread starved`), and what watches a clock fails.

So that is switched off while the tests run, if we may. Where it is not ours to do, or the whole
machine is stopped, tests that failed meanwhile are run once more.
"""
import contextlib
import threading
import time

AUTOGROUP = '/proc/sys/kernel/sched_autogroup_enabled'
LONG = 15  # seconds


def write(path, text):
    try:
        with open(path, 'w') as f:
            f.write(text)
        return True
    except OSError:
        return False


@contextlib.contextmanager
def one_group(say):
    """Sessions that begin in here are not groups of their own."""
    try:
        with open(AUTOGROUP) as f:
            was = f.read().strip()
    except OSError:
        was = '0'
    mine = was != '0' and write(AUTOGROUP, '0')
    if mine:
        say('kernel.sched_autogroup_enabled is 0 until this ends: see tools/runner/standstill.py')
    try:
        yield
    finally:
        if mine:
            write(AUTOGROUP, was)


class Watch(threading.Thread):
    """A heartbeat; how long nothing of it was heard."""

    def __init__(self):
        super().__init__(daemon=True)
        self.gaps = []  # (from, to), as of time.time()

    def run(self):
        last, wall = time.monotonic(), time.time()
        while True:
            time.sleep(1)
            self.beat(time.monotonic() - last, wall, time.time())
            last, wall = time.monotonic(), time.time()

    def beat(self, took, begin, end):
        if took > LONG:
            self.gaps.append((begin, end))

    def during(self, test):
        """For how many seconds it stood still while a test of meson's testlog.json ran."""
        begin, end = test['starttime'], test['starttime'] + test['duration']
        return sum(b - a for a, b in self.gaps if a < end and b > begin)
