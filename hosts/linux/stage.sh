#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# usage: stage.sh DIR [--copy]: lays out in DIR what Kbuild needs to build netmap.ko, by
# links to the sources, so that one tree of sources serves many kernels, or by copies.
set -e
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
out=${1:?usage: stage.sh DIR [--copy]}
how=-s
[ "${2:-}" = --copy ] && how=
mkdir -p "$out"
out=$(cd "$out" && pwd)
# Sources that are gone must not stay behind, since Kbuild takes what it finds.
find "$out" \( -name '*.c' -o -name '*.h' \) ! -name '*.mod.c' -exec rm -f {} +

place() { # FROM TO PATTERN...
	from=$1 to=$out/$2
	shift 2
	mkdir -p "$to"
	for f in "$@"; do
		for s in "$from"/$f; do
			# shellcheck disable=SC2086
			[ -e "$s" ] && cp -f $how "$s" "$to/"
		done
	done
	return 0
}

place "$here" . Kbuild
place "$here" host '*.c' '*.h'
place "$top/core" core '*.c' '*.h'
place "$top/core/vale" core/vale '*.c' '*.h'
place "$top/include/net" include/net netmap.h
