# SPDX-License-Identifier: BSD-2-Clause
"""What a report says of tests that failed: results_test.py FOLDER-OF-RESULTS.PY"""
import sys
import unittest

sys.path.insert(0, sys.argv.pop(1))
from results import Sum, take_tap, take_test  # noqa: E402
from standstill import Watch  # noqa: E402


def tap(text):
    result = Sum()
    count = take_tap('s', 't', text, result)
    return result, count


def run(how, out='', err=''):
    result = Sum()
    take_test('s', {'name': 'project / t', 'result': how, 'stdout': out, 'stderr': err,
                    'duration': 2.6}, result)
    return result


class Tap(unittest.TestCase):
    def test_counts(self):
        result, count = tap('ok 1 - a\nok 2 - b # SKIP no c here\nnot ok 3 - d\n1..3\n')
        self.assertEqual(count, 3)
        self.assertEqual(str(result), '1 passed, 1 failed, 1 skipped')
        self.assertEqual(result.skipped, [('s', 't: b', 'no c here')])
        self.assertEqual(result.failed, [('s', 't: d', 'it says no more')])

    def test_notes_before(self):
        result, _ = tap('# of a\nok 1 - a\n# b: file.c:7: x == 1\nnot ok 2 - b\n# of c\nok 3 - c\n')
        self.assertEqual(result.failed, [('s', 't: b', 'b: file.c:7: x == 1')])

    def test_notes_after(self):
        result, _ = tap('ok 1 - a\nnot ok 2 - b\n# 17 lost\n# 3 found\nok 3 - c\n'
                        'not ok 4 - d\n# late\n1..4\n')
        self.assertEqual(result.failed, [('s', 't: b', '17 lost / 3 found'),
                                         ('s', 't: d', 'late')])

    def test_indented_after(self):
        result, _ = tap('# rule\nnot ok 1 - a\n#   file.c:7\n# of b\nok 2 - b\n')
        self.assertEqual(result.failed, [('s', 't: a', 'rule / file.c:7')])

    def test_many_notes(self):
        notes = ''.join(f'# {n}\n' for n in range(40))
        result, _ = tap('not ok 1 - a\n' + notes)
        self.assertEqual(result.failed[0][2], '0 / 1 / 2 / 3 / ... / 38 / 39')

    def test_nothing_at_all(self):
        result, count = tap('1..0 # SKIP no veth here\n')
        self.assertEqual((count, result.skipped), (1, [('s', 't', 'no veth here')]))


class Script(unittest.TestCase):
    def test_failed_lines(self):
        result = run('FAIL', 'ok: a\nFAILED: b: 3 of 4\n  b.err: noise\nok: c\nFAILED: d\n'
                     '2 checks failed\n')
        self.assertEqual(result.failed,
                         [('s', 't', 'fail after 3 s: FAILED: b: 3 of 4 / FAILED: d')])

    def test_last_line(self):
        self.assertEqual(run('TIMEOUT', 'ok: a\n').failed,
                         [('s', 't', 'timeout after 3 s: ok: a')])
        self.assertEqual(run('FAIL', 'x\n', 'file.c:7: x == 1\n').failed,
                         [('s', 't', 'fail after 3 s: file.c:7: x == 1')])

    def test_others(self):
        self.assertEqual(run('OK').passed, 1)
        self.assertEqual(run('SKIP', 'SKIP: not root\n').skipped, [('s', 't', 'SKIP: not root')])
        # of a report in which no case failed, the exit code still counts
        self.assertEqual(len(run('FAIL', 'ok 1 - a\n1..1\n').failed), 1)


class Standstill(unittest.TestCase):
    def test_during(self):
        watch = Watch()
        watch.beat(1.5, 100, 101.5)
        self.assertEqual(watch.during({'starttime': 99, 'duration': 10}), 0)
        watch.beat(61, 200, 261)
        self.assertEqual(watch.during({'starttime': 150, 'duration': 49}), 0)
        self.assertEqual(watch.during({'starttime': 150, 'duration': 51}), 61)
        self.assertEqual(watch.during({'starttime': 230, 'duration': 99}), 61)
        self.assertEqual(watch.during({'starttime': 262, 'duration': 99}), 0)


unittest.main()
