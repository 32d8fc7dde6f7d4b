#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The lives of handles (life.c), on a switch and on a pipe.
. "$(dirname "$0")/lib.sh"

lives() {
	ours timeout 120 "$BIN/life$OWN" "$@"
}

check "on a switch" lives vale4:c vale4:i
check "on a pipe" lives 'netmap:c{1' 'netmap:c}1'
finish
