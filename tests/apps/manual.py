# SPDX-License-Identifier: BSD-2-Clause
"""manual.py FOLDER PROGRAM...: what --help lists is in the program's manual page."""
import os
import re
import subprocess
import sys

bad = 0
for program in sys.argv[2:]:
    name = os.path.basename(program)
    got = subprocess.run([program, "--help"], capture_output=True, text=True)
    listed = set(re.findall(r"(?:^ *|, |[ (]\[|\|)(--?[a-zA-Z][\w-]*)", got.stdout, re.M))
    with open(os.path.join(sys.argv[1], name + ".8")) as f:
        page = f.read()
    described = {"-" + o for o in re.findall(r"\bFl (-?[\w-]+)", page)}
    for sums in re.findall(r"\bFl ([A-Za-z0-9]{2,})\b", page):
        described |= {"-" + letter for letter in sums}
    missing = sorted(listed - described)
    wrong = subprocess.run([program, "--no-such-option"], capture_output=True, text=True)
    ok = got.returncode == 0 and len(listed) > 3 and not missing and wrong.returncode == 2 and \
        "--help" in wrong.stderr and ".Sh EXIT STATUS" in page and ".Sh EXAMPLES" in page
    bad += not ok
    print(f"{'ok' if ok else 'FAILED'}: {name}: {len(listed)} options; not in the manual: {missing}; "
          f"--help ends with {got.returncode}, a wrong option with {wrong.returncode}")
sys.exit(bad != 0)
