#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# run.sh FUZZER CORPUS SCRATCH: fuzzes for FUZZ_SECONDS (20) from the kept inputs on. New
# inputs and findings go to SCRATCH; `FUZZER -merge=1 CORPUS SCRATCH/new` keeps the useful ones.
set -eu
fuzzer=$1
corpus=$2
scratch=$3
mkdir -p "$scratch/new"
log=$scratch/log
status=0
"$fuzzer" -max_total_time="${FUZZ_SECONDS:-20}" -timeout=120 -rss_limit_mb=4096 -max_len="${4:-4096}" \
	-artifact_prefix="$scratch/" -print_final_stats=1 "$scratch/new" "$corpus" >"$log" 2>&1 || status=$?
if [ $status -ne 0 ]; then
	grep -vE '^#|^INFO' "$log" | head -n 60
	exit 1
fi
grep -E 'stat::number_of_executed_units' "$log" | sed 's/.*: */inputs: /'
grep -E ' cov: ' "$log" | tail -n 1 | sed 's/.* cov: \([0-9]*\).*/branches: \1/'
