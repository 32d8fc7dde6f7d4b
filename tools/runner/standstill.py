# SPDX-License-Identifier: BSD-2-Clause
"""
Times at which nothing ran but what ran already: not even this. What watches a clock fails then.

A virtual machine may be stopped for a while. But where it was seen (Linux 6.18, for up to a minute),
the kernel's own watchdogs went on: its threads were kept from the processors. By whom is not known
yet; what yields in a loop (sched_yield) while it looks for packets is to be suspected first.
"""
import threading
import time

LONG = 15  # seconds


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
