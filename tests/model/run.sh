#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# run.sh MODEL.pml FLAW...: the model holds under every schedule, and with each flaw that can
# be defined in it, it does not: else the model would prove nothing.
set -eu
command -v spin >/dev/null || { echo "no spin here (Debian: apt-get install spin)"; exit 77; }
model=$1
shift
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

# verify DEFINE...: status 0 if no error was found
verify() {
	spin -a "$@" "$model" >spin.log 2>&1 || { cat spin.log; exit 1; }
	${CC:-cc} -O2 -w -DSAFETY -DVECTORSZ=2048 -o pan pan.c
	./pan -m1000000 -w24 >pan.log 2>&1 || true
	grep -q 'errors: ' pan.log || { cat pan.log; exit 1; }
	# an incomplete search proves nothing
	if grep -qE 'max search depth|out of memory|Search not completed' pan.log &&
		grep -q 'errors: 0' pan.log; then
		cat pan.log
		exit 1
	fi
	grep -q 'errors: 0' pan.log
}

number=1
if verify; then
	states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' pan.log)
	echo "ok 1 - holds in all $states states"
else
	cat pan.log
	[ ! -f ./*.trail ] || spin -k ./*.trail -p -g "$model" | tail -n 60
	echo "not ok 1 - holds"
fi
for flaw in "$@"; do
	number=$((number + 1))
	if verify "-D$flaw"; then
		echo "not ok $number - notices $flaw"
	else
		echo "ok $number - notices $flaw"
	fi
done
echo "1..$number"
