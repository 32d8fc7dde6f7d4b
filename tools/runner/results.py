# SPDX-License-Identifier: BSD-2-Clause
"""What became of tests: counted from TAP, exit codes and logs. For check.py and beds.py."""
import os
import re
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get('BUILD', 'build'))
JOBS = os.cpu_count() or 1

TAP = re.compile(r'^(not )?ok\b\s*\d*\s*(?:-\s*)?([^#]*)(?:#\s*(SKIP|TODO)\b\s*(.*))?$', re.I)


class Sum:
    def __init__(self):
        self.passed = 0
        self.failed = []   # (stage, test, why)
        self.skipped = []

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        return f'{self.passed} passed, {len(self.failed)} failed, {len(self.skipped)} skipped'


def say(text=''):
    print(text, flush=True)


def run(cmd, log, env=None):
    """Runs to a log file; the exit code."""
    with open(log, 'ab') as out:
        out.write(('\n+ ' + ' '.join(cmd) + '\n').encode())
        out.flush()
        return subprocess.call(cmd, cwd=TOP, stdout=out, stderr=subprocess.STDOUT,
                               stdin=subprocess.DEVNULL, env=env)


def tail(log, lines=30):
    with open(log, errors='replace') as f:
        return ''.join('    ' + line for line in f.readlines()[-lines:])


def last_line(*texts):
    for text in texts:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if lines:
            return lines[-1][:200]
    return 'no cause given'


def some(lines, first=4, last=2):
    """Of many lines, those that say most: how it began, and how it ended."""
    lines = [line.strip()[:300] for line in lines if line.strip()]
    if len(lines) > first + last:
        lines[first:-last] = ['...']
    return ' / '.join(lines)


def take_tap(stage, name, text, result):
    """
    Counts the cases of a TAP report; how many there were. What is said of a case that failed
    stands before its line or after it, depending on who wrote the report; what is indented
    always stands after it.
    """
    n = 0
    notes = []
    broken = None  # the notes of the last case, if it failed
    told = False   # before its line
    for line in text.splitlines():
        if line.startswith('#'):
            after = broken is not None and (line.startswith('#   ') or not told)
            (broken if after else notes).append(line[1:])
            continue
        whole = re.match(r'^1\.\.0\s*#\s*SKIP\s*(.*)', line, re.I)
        if whole:
            result.skipped.append((stage, name, whole.group(1) or 'no cause given'))
            n += 1
        m = TAP.match(line)
        if not m:
            continue
        n += 1
        if broken is not None:
            close_case(result, broken)
        broken = None
        case = f'{name}: {m.group(2).strip()}'
        if m.group(3) and m.group(3).upper() == 'SKIP':
            result.skipped.append((stage, case, m.group(4) or 'no cause given'))
        elif m.group(1):
            result.failed.append((stage, case, ''))
            broken, told = notes[-4:], bool(notes)
        else:
            result.passed += 1
        notes = []
    if broken is not None:
        close_case(result, broken)
    return n


def close_case(result, notes):
    stage, case, _ = result.failed[-1]
    result.failed[-1] = (stage, case, some(notes) or 'it says no more')


def is_tap(text):
    return bool(re.search(r'^1\.\.\d+', text, re.M)) or bool(re.search(r'^(not )?ok \d', text, re.M))


def take_test(stage, test, result):
    """One line of meson's testlog.json."""
    name = test['name'].split(' / ')[-1]
    out, err = test.get('stdout') or '', test.get('stderr') or ''
    before = len(result.failed)
    cases = take_tap(stage, name, out, result) if is_tap(out) else 0
    how = test['result']
    if how in ('OK', 'EXPECTEDFAIL'):
        result.passed += not cases
    elif how == 'SKIP':
        if not cases:
            result.skipped.append((stage, name, last_line(err, out)))
    elif len(result.failed) == before:
        said = [line for line in out.splitlines() if line.startswith('FAILED')]
        why = (f'{how.lower()} after {test["duration"]:.0f} s: '
               f'{some(said) if said else last_line(err, out)}')
        result.failed.append((stage, name, why))
