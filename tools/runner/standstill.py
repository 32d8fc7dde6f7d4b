# SPDX-License-Identifier: BSD-2-Clause
"""
Times at which the machine stood still. A virtual machine may be stopped for a minute, and its
clocks go on: what watches a clock then fails, and nothing that is tested did that.
"""
import threading
import time

LONG = 15  # seconds: nobody is kept from a processor for so long otherwise


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
