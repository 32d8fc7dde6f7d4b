# SPDX-License-Identifier: BSD-2-Clause
"""All checks, in stages, and one sum of them. See tools/check."""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time

import beds
from results import BUILD, JOBS, TOP, Sum, last_line, run, say, tail, take_tap, take_test
from standstill import Watch, one_group

COVERAGE_LIMIT = 85.0
WATCH = Watch()


def setup(stage, options, compiler, log):
    """Configures build/STAGE, anew if it was configured otherwise."""
    directory = os.path.join(BUILD, stage)
    stamp = os.path.join(directory, '.check-options')
    wanted = json.dumps([options, compiler])
    if os.path.exists(os.path.join(directory, 'build.ninja')):
        if os.path.exists(stamp) and open(stamp).read() == wanted:
            return run(['meson', 'setup', '--reconfigure', directory, TOP], log)
    shutil.rmtree(directory, ignore_errors=True)
    env = dict(os.environ, CC=compiler)
    code = run(['meson', 'setup', directory, TOP, '-Dwerror=true', *options], log, env)
    if code == 0:
        with open(stamp, 'w') as f:
            f.write(wanted)
    return code


def meson_test(directory, log, env, select):
    """The exit code, and what became of each test; None if nothing is known of that."""
    testlog = os.path.join(directory, 'meson-logs', 'testlog.json')
    if os.path.exists(testlog):
        os.remove(testlog)
    # More than there are processors: most tests wait most of the time. (And patience: the
    # machine may be busy with other things.)
    code = run(['meson', 'test', '-C', directory, f'--num-processes={JOBS * 3}',
                '--timeout-multiplier=3', *select], log, dict(os.environ, **(env or {})))
    if not os.path.exists(testlog):
        return code, None
    with open(testlog) as f:
        return code, [json.loads(line) for line in f]


def without_standstills(tests, again):
    """Those that failed while the machine stood still are run once more; a line says so."""
    lost = [t for t in tests if t['result'] not in ('OK', 'SKIP', 'EXPECTEDFAIL')
            and WATCH.during(t)]
    if not lost:
        return tests
    names = [t['name'].split(' / ')[-1] for t in lost]
    say(f'    the machine stood still for {max(WATCH.during(t) for t in lost):.0f} s: run again: '
        + ', '.join(names))
    new = {t['name']: t for t in again(names) or []}
    return [new.get(t['name'], t) if t in lost else t for t in tests]


def meson_stage(stage, options, compiler, select, build_all, env=None):
    """One build directory: build, and run the tests that `select` (arguments) names."""
    result = Sum()
    directory = os.path.join(BUILD, stage)
    log = os.path.join(BUILD, stage + '.log')
    if not shutil.which(compiler):
        result.skipped.append((stage, 'all of it', f'no {compiler} here'))
        return result
    if os.path.exists(log):
        os.remove(log)
    start = time.time()
    code = setup(stage, options, compiler, log)
    if code == 0 and build_all:
        code = run(['ninja', '-C', directory, f'-j{JOBS}'], log)
    if code != 0:
        result.failed.append((stage, 'build', 'see ' + os.path.relpath(log, TOP)))
        say(tail(log))
        return result
    result.passed += build_all
    built = time.time()
    code, tests = meson_test(directory, log, env, select)
    if tests is None:
        result.failed.append((stage, 'build', 'see ' + os.path.relpath(log, TOP)))
        say(tail(log))
        return result
    settled = without_standstills(tests, lambda names: meson_test(directory, log, env, names)[1])
    for test in settled:
        take_test(stage, test, result)
    if code != 0 and settled is tests and not result.failed:
        result.failed.append((stage, 'meson test', f'exit code {code}: {last_line(tail(log))}'))
    say(f'    built in {built - start:.0f} s, tested in {time.time() - built:.0f} s')
    return result


# ---- the stages --------------------------------------------------------------------------

SANITIZE = ['-Db_sanitize=address,undefined', '-Db_lundef=false', '-Doptimization=1']
# gcc's own advice: with instrumented code these warnings are often wrong.
GCC_SANITIZE = ['-Dc_args=-Wno-maybe-uninitialized -Wno-format-truncation']
# These load our libraries into programs that have no sanitizer in them, which can not work.
FOREIGN = ['--no-suite', 'preload', '--no-suite', 'pcap']
# These run in the test beds (stages um and vm), not on the machine's own kernel.
BEDS = [arg for suite in ('kernel', 'kernel-apps', 'kernel-debug', 'kernel-smp', 'kernel-full')
        for arg in ('--no-suite', suite)]
EVERY = BEDS + ['--no-suite', 'fuzz', '--no-suite', 'full']


def suites(*names):
    return [arg for name in names for arg in ('--suite', name)]


def house(full):
    result = Sum()
    out = subprocess.run(['tools/seam-check'], cwd=TOP, capture_output=True, text=True)
    take_tap('house', 'seam-check', out.stdout, result)
    if not result.passed and not result.failed:
        result.failed.append(('house', 'seam-check', last_line(out.stderr, out.stdout)))
    return result


def plain(full):
    select = BEDS + ['--no-suite', 'fuzz'] if full else EVERY
    return meson_stage('gcc', [], 'gcc', select, True, {'T_SCALE': '2'} if full else None)


def coverage(directory):
    """Lines of the core that the tests in this build directory have run."""
    result = Sum()
    if not shutil.which('gcovr'):
        result.skipped.append(('asan-gcc', 'coverage', 'no gcovr here'))
        return result
    report = os.path.join(directory, 'core.txt')
    summary = os.path.join(directory, 'core.json')
    code = run(['gcovr', '-r', TOP, '--object-directory', directory, '--filter', 'core/',
                '--txt', report, '--json-summary', summary, f'-j{JOBS}', directory],
               os.path.join(BUILD, 'asan-gcc.log'))
    if code != 0:
        result.failed.append(('asan-gcc', 'coverage', 'gcovr failed: see build/asan-gcc.log'))
        return result
    with open(report) as f:
        say(''.join('    ' + line for line in f if line[:4] in ('core', 'TOTA', 'File')))
    with open(summary) as f:
        percent = json.load(f)['line_percent']
    say(f'    core: {percent:.1f} % of lines (at least {COVERAGE_LIMIT:.0f} are wanted)')
    if percent < COVERAGE_LIMIT:
        result.failed.append(('asan-gcc', 'coverage of the core',
                              f'{percent:.1f} % of lines, {COVERAGE_LIMIT:.0f} are wanted'))
    else:
        result.passed += 1
    return result


def asan_gcc(full):
    """Coverage is counted along: it is of the same tests, and would take a build of its own."""
    directory = os.path.join(BUILD, 'asan-gcc')
    for base, _, names in os.walk(directory):
        for name in names:
            if name.endswith('.gcda'):
                os.remove(os.path.join(base, name))
    select = FOREIGN + (EVERY if full else
                        suites('core', 'unit', 'embedded', 'daemon', 'lib', 'nic'))
    options = SANITIZE + GCC_SANITIZE + ['-Db_coverage=true']
    result = meson_stage('asan-gcc', options, 'gcc', select, False)
    result.add(coverage(directory))
    return result


def asan_clang(full):
    select = FOREIGN + (EVERY if full else suites('core', 'unit', 'pcap-own'))
    return meson_stage('asan-clang', SANITIZE, 'clang', select, True)


def tsan(full):
    options = ['-Db_sanitize=thread', '-Db_lundef=false', '-Doptimization=1'] + GCC_SANITIZE
    select = FOREIGN + (EVERY if full else suites('threads'))
    env = {'TSAN_OPTIONS': 'halt_on_error=1:second_deadlock_stack=1'}
    return meson_stage('tsan', options, 'gcc', select, False, env)


def fuzz(full):
    # all fuzzers at once: of 40 s each, on two processors, 80 s are spent fuzzing
    env = {'FUZZ_SECONDS': os.environ.get('FUZZ_SECONDS', '600' if full else '40')}
    return meson_stage('asan-clang', SANITIZE, 'clang', suites('fuzz'), False, env)


def kernel_headers():
    # (not those of the real-time kernel, whose locks sparse does not understand)
    base = '/lib/modules'
    found = []
    for release in sorted(os.listdir(base)) if os.path.isdir(base) else []:
        build = os.path.join(base, release, 'build')
        if os.path.exists(os.path.join(build, 'Makefile')) and '-rt-' not in release:
            found.append(build)
    return found


# What checkpatch.pl says and is not heeded: the module is for many kernels, which compat.h
# tells apart by their version.
NOT_HEEDED = 'LINUX_VERSION_CODE,CONSTANT_COMPARISON'
SOURCE = '/usr/src/linux-source-6.1.tar.xz'


def checkpatch(result):
    """The kernel's own rules of style, for what is written as a part of it."""
    base = os.path.join(BUILD, 'checkpatch')
    script = os.path.join(base, 'scripts', 'checkpatch.pl')
    log = os.path.join(BUILD, 'checkpatch.log')
    if not os.path.exists(script):
        if not os.path.exists(SOURCE):
            result.skipped.append(('module', 'checkpatch', 'no linux-source-6.1 here'))
            return
        os.makedirs(base, exist_ok=True)
        run(['tar', 'xf', SOURCE, '-C', base, '--strip-components=1', '--wildcards',
             '*/scripts/checkpatch.pl', '*/scripts/spelling.txt',
             '*/scripts/const_structs.checkpatch'], log)
    ours = [os.path.join('hosts/linux', name) for name in
            sorted(os.listdir(os.path.join(TOP, 'hosts/linux'))) if name[-2:] in ('.c', '.h')]
    done = subprocess.run(['perl', script, '--no-tree', '--terse', '--no-summary',
                           '--max-line-length=100', '--ignore', NOT_HEEDED, '-f', *ours],
                          cwd=TOP, capture_output=True, text=True)
    with open(log, 'a') as f:
        f.write(done.stdout + done.stderr)
    if done.returncode or done.stdout.strip():
        result.failed.append(('module', 'checkpatch', last_line(done.stdout, done.stderr)))
    else:
        result.passed += 1


def module(full):
    """The core as a part of netmap.ko, against the kernel headers there are; and sparse."""
    result = Sum()
    if not os.path.exists(os.path.join(TOP, 'hosts/linux/Kbuild')):
        result.skipped.append(('module', 'all of it', 'there is no kernel host yet'))
        return result
    headers = kernel_headers()
    if not headers:
        result.skipped.append(('module', 'all of it',
                               'no kernel headers here: install linux-headers-amd64'))
        return result
    log = os.path.join(BUILD, 'module.log')
    stage = os.path.join(BUILD, 'module-check')
    code = run(['hosts/linux/stage.sh', stage], log)
    make = ['make', '-C', headers[-1], f'M={stage}', 'NETMAP_WERROR=y', f'-j{JOBS}']
    # sparse does not know -iquote
    sparse = ['C=2', f'CF=-I{stage}/host -I{stage}/core']
    for name, extra in (('build', []), ('sparse', sparse)):
        if name == 'sparse' and not shutil.which('sparse'):
            result.skipped.append(('module', 'sparse', 'no sparse here'))
            continue
        if code == 0:
            start = os.path.getsize(log)
            code = run(make + extra + ['modules'], log)
            with open(log, errors='replace') as f:
                f.seek(start)
                text = f.read()
            ours = [line for line in text.splitlines()
                    if re.search(r'(warning|error):', line) and 'include/linux/' not in line]
        if code != 0 or ours:
            result.failed.append(('module', name, ours[0] if code == 0 and ours
                                  else 'see ' + os.path.relpath(log, TOP)))
        else:
            result.passed += 1
    checkpatch(result)
    return result


def programs():
    """The tests' programs, as stage gcc builds them; None if they can not be built."""
    log = os.path.join(BUILD, 'gcc.log')
    directory = os.path.join(BUILD, 'gcc')
    code = setup('gcc', [], 'gcc', log)
    if code == 0:
        code = run(['ninja', '-C', directory, f'-j{JOBS}'], log)
    return directory if code == 0 else None


def um(full):
    return beds.stage('um', programs(), full)


def vm(full):
    return beds.stage('vm', programs(), full)


STAGES = [
    ('house', 'the rules of the house', house),
    ('gcc', 'gcc, optimized: every test, on every host that is here', plain),
    ('asan-gcc', 'gcc, address and undefined behaviour sanitizers; coverage', asan_gcc),
    ('asan-clang', 'clang, address and undefined behaviour sanitizers', asan_clang),
    ('fuzz', 'fuzzers: requests, port names, protocol, rings', fuzz),
    ('tsan', 'thread sanitizer', tsan),
    ('module', 'the core in the kernel: objects against stock headers, sparse, checkpatch', module),
    ('um', 'the kernel host on a debug kernel: User-Mode Linux', um),
    ('vm', 'the kernel host on the stock kernel with four processors: QEMU', vm),
]


def run_stage(name, title, fn, full):
    say(f'== {name}: {title}')
    result = fn(full)
    for _, test, why in result.failed:
        say(f'    FAILED {test}: {why}')
    for _, test, why in result.skipped:
        say(f'    skipped {test}: {why}')
    say(f'    {result}')
    return result


def main():
    parser = argparse.ArgumentParser(prog='check')
    parser.add_argument('--full', action='store_true')
    parser.add_argument('--only', action='append', metavar='STAGE')
    parser.add_argument('--list', action='store_true')
    args = parser.parse_args()
    if args.list:
        for name, title, _ in STAGES:
            say(f'{name:12} {title}')
        return 0
    unknown = set(args.only or []) - {name for name, _, _ in STAGES}
    if unknown:
        parser.error(f'no stage {unknown.pop()}: see --list')
    os.makedirs(BUILD, exist_ok=True)
    total = Sum()
    start = time.time()
    WATCH.start()
    stages = [stage for stage in STAGES if not args.only or stage[0] in args.only]
    with one_group(say):
        for stage in stages:
            total.add(run_stage(*stage, args.full))
    say()
    if total.failed:
        say('What failed:')
        for stage, test, why in total.failed:
            say(f'    {stage}: {test}: {why}')
    say(f'all of it took {(time.time() - start) / 60:.1f} minutes; logs are in '
        f'{os.path.relpath(BUILD, TOP)}/')
    with open(os.path.join(BUILD, 'check.txt'), 'w') as f:
        f.write(f'{total}\n')
    say(f'{total}')
    return 1 if total.failed else 0


if __name__ == '__main__':
    sys.exit(main())
