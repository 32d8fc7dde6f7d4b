# SPDX-License-Identifier: BSD-2-Clause
"""The kernel host's tests (suite `kernel`) in the test beds: see docs/testbeds.md.

The same programs that run on the machine itself run in a guest, one after the other, on a
kernel with netmap.ko loaded. What they wrote, and their exit codes, come back as files.
"""
import json
import os
import re
import shlex
import shutil
import subprocess
import time

from results import BUILD, JOBS, TOP, Sum, last_line, run, say, tail, take_test

# How much of the rounds that tests make (T_SCALE), and how patient to be with them.
BEDS = {
    'um': {
        'flags': ['--debug'],
        'run': ['--leaks', '--mem', '2048M'],
        'arch': ['ARCH=um'],
        'suites': {'kernel', 'kernel-apps', 'kernel-debug'},
        'suites_full': {'kernel-full'},
        'env': {},
        'machines': min(2, JOBS),  # each has one processor
        'scale': 0.02, 'scale_full': 0.2, 'patience': 3,
    },
    'vm': {
        'flags': [],
        'run': ['--smp', '4', '--mem', '1536', '--scan', '--nic', 'virtio', '--nic', 'e1000e'],
        'arch': [],
        'suites': {'kernel-smp'},
        'suites_full': {'kernel', 'kernel-apps', 'kernel-debug', 'kernel-full'},
        'env': {'NETMAP_CARDS': 'eth0 eth1 eth2 eth3'},
        'machines': 1,
        'scale': 0.005, 'scale_full': 0.1, 'patience': 4,
    },
}

# How a test bed says that its machine ended for no reason of the tests (tools/testbed/lib.sh).
LOST = ': nothing of what it ran did that'


def introspect(directory):
    out = subprocess.run(['meson', 'introspect', '--tests', directory], cwd=TOP,
                         capture_output=True, text=True)
    return json.loads(out.stdout) if out.returncode == 0 else []


def choose(tests, suites, full):
    """Those of these suites; what takes long ('full') only then."""
    chosen = []
    for t in tests:
        of = {name.split(':')[-1] for name in t['suite']}
        if of & suites and (full or 'full' not in of):
            chosen.append(t)
    return chosen


def script(path, out, tests, env, patience):
    """What the guest runs."""
    with open(path, 'w') as f:
        f.write(f'out={shlex.quote(out)}\n. {shlex.quote(TOP)}/tools/testbed/tests.sh\n')
        for t in tests:
            words = ['env'] + [f'{k}={v}' for k, v in {**t['env'], **env}.items()] + t['cmd']
            f.write(f'run_test {shlex.quote(t["name"])} {t["timeout"] * patience} '
                    f'{" ".join(shlex.quote(w) for w in words)}\n')


def read(path):
    try:
        with open(path, errors='replace') as f:
            return f.read()
    except OSError:
        return ''


def machines(bed, ko, plan, names):
    """Runs them side by side; of each the exit code, and its log."""
    how = BEDS[bed]
    runs = []
    for name in names:
        log = os.path.join(BUILD, f'{bed}{name}.log')
        klog = os.path.join(BUILD, f'{bed}{name}-kernel.log')
        cmd = tool(bed, 'run', *how['flags'], *how['run'], '--module', ko, '--timeout', '0',
                   '--log', klog, 'sh', plan)
        with open(log, 'wb') as out:
            runs.append((subprocess.Popen(cmd, cwd=TOP, stdout=out, stderr=subprocess.STDOUT,
                                          stdin=subprocess.DEVNULL), log))
    return [(process.wait(), log) for process, log in runs]


def run_all(bed, ko, plan, out):
    """
    All machines. One that somebody killed, or that did not start, with nothing in its kernel's
    log, says nothing about the tests: those that it leaves get another machine, once.
    """
    ends = machines(bed, ko, plan, range(1, BEDS[bed]['machines'] + 1))
    lost = [(code, log) for code, log in ends if code == 125 and LOST in read(log)]
    if not lost:
        return ends
    for _, log in lost:
        say(f'    lost: {last_line(read(log))}; one more machine for the tests that it leaves')
    for taken in os.listdir(out):
        if taken.isdigit() and not os.path.exists(os.path.join(out, taken + '.rc')):
            os.rmdir(os.path.join(out, taken))
    return [end for end in ends if end not in lost] + machines(bed, ko, plan, ['-again'])


def collect(bed, out, tests, result):
    """Into the sum; the names of those that did not come to an end."""
    unfinished = []
    for n, t in enumerate(tests, 1):
        base = os.path.join(out, str(n))
        code = read(base + '.rc').strip()
        how = {'0': 'OK', '77': 'SKIP', '124': 'TIMEOUT'}.get(code, 'FAIL')
        if not code:
            unfinished.append(t['name'])
            continue
        take_test(bed, {'name': t['name'], 'result': how, 'stdout': read(base + '.out'),
                        'stderr': read(base + '.err'),
                        'duration': float(read(base + '.time') or 0)}, result)
    return unfinished


def missing_packages(text):
    """The line in which a test bed says that it can not have what it needs."""
    found = re.search(r'.*(needs packages|can not install|needs the Debian packages|'
                      r'has no linux-image).*', text)
    return found.group(0).strip() if found else None


def tool(bed, *words):
    return [os.path.join('tools', bed), *words]


def module(bed, log):
    """netmap.ko for that bed's kernel; None if it can not be built."""
    how = BEDS[bed]
    tree = subprocess.run(tool(bed, 'tree', *how['flags']), cwd=TOP, capture_output=True,
                          text=True).stdout.strip()
    stage = os.path.join(BUILD, f'module-{bed}')
    code = run(['hosts/linux/stage.sh', stage], log)
    if code == 0:
        code = run(['make', '-C', tree, *how['arch'], f'M={stage}', f'-j{JOBS}', 'modules'], log)
    return os.path.join(stage, 'netmap.ko') if code == 0 else None


def stage(bed, directory, full):
    how = BEDS[bed]
    begin = time.time()
    result = Sum()
    log = os.path.join(BUILD, f'{bed}.log')
    out = os.path.join(BUILD, f'{bed}-tests')
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    if os.path.exists(log):
        os.remove(log)
    if run(tool(bed, 'build', *how['flags']), log) != 0:
        cause = missing_packages(read(log))
        if cause:
            result.skipped.append((bed, 'all of it', cause))
        else:
            result.failed.append((bed, 'the kernel', 'see ' + os.path.relpath(log, TOP)))
            say(tail(log))
        return result
    ko = module(bed, log)
    if not ko or not directory:
        result.failed.append((bed, 'build', 'see ' + os.path.relpath(log, TOP) +
                              ('' if directory else ' and build/gcc.log')))
        say(tail(log))
        return result
    result.passed += 1
    suites = how['suites'] | (how['suites_full'] if full else set())
    tests = choose(introspect(directory), suites, full)
    plan = os.path.join(out, 'plan.sh')
    env = {'T_SCALE': os.environ.get('T_SCALE', str(how['scale_full' if full else 'scale'])),
           'T_SLOW': '1', 'T_PATIENCE': str(how['patience']), 'NETMAP_KO': ko, **how['env']}
    if full:
        env['FUZZ_SECONDS'] = os.environ.get('FUZZ_SECONDS', '600')
    script(plan, out, tests, env, how['patience'])
    start = time.time()
    ends = run_all(bed, ko, plan, out)
    for name in collect(bed, out, tests, result):
        result.failed.append((bed, name, 'the machine ended before it did'))
    for code, log in ends:
        if code == 0:
            result.passed += 1  # a clean log; the module could be unloaded, nothing leaked
            continue
        what = 'the kernel complained, or kept the module' if code == 97 else f'exit code {code}'
        result.failed.append((bed, 'the kernel', f'{what}: see {os.path.relpath(log, TOP)}: '
                              f'{last_line(tail(log))}'))
    say(f'    built in {start - begin:.0f} s, tested in {time.time() - start:.0f} s')
    if not tests:
        result.failed.append((bed, 'tests', 'there are none'))
    return result
