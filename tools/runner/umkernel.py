# SPDX-License-Identifier: BSD-2-Clause
"""User-Mode Linux and netmap.ko for it, see tools/um."""
import os
import subprocess

import lab
from lab import Failure

TOOL = os.path.join(lab.ROOT, "tools", "um")


def _run(argv, what):
    done = subprocess.run(argv, cwd=lab.ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace")
    if done.returncode:
        lines = done.stdout.strip().splitlines()
        raise Failure(f"{what}: " + ("\n    ".join(lines[-12:]) or f"code {done.returncode}"))
    return done.stdout


def tree(debug=False):
    """The kernel's build tree; builds it if it is not there yet, which shows its progress."""
    more = ["--debug"] if debug else []
    done = subprocess.run([TOOL, "tree", *more], cwd=lab.ROOT, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise Failure("User-Mode Linux could not be built")
    return done.stdout.strip().splitlines()[-1]


def release():
    """Its version, as `uname -r` says there."""
    with open(os.path.join(tree(), "include/config/kernel.release")) as f:
        return f.read().strip()


def module(debug=False):
    """netmap.ko for that kernel."""
    folder = os.path.join(lab.BUILD, "module-um-debug" if debug else "module-um")
    kernel = tree(debug)
    _run([os.path.join(lab.ROOT, "hosts/linux/stage.sh"), folder], "stage.sh")
    _run(["make", "-C", kernel, "ARCH=um", f"M={folder}", f"-j{os.cpu_count()}", "modules"],
         "netmap.ko")
    return os.path.join(folder, "netmap.ko")


def argv(command, ko, params="", debug=False, timeout=600, more=()):
    """How to run a command on that kernel, with the module loaded."""
    return [TOOL, "run", *(["--debug"] if debug else []), "--timeout", str(timeout),
            "--module", f"{ko} {params}".strip(), *more, *command]
