# SPDX-License-Identifier: BSD-2-Clause
# A guest's list of tests: sourced by it, with `out` set. Of test N there are files in $out:
# N.out, N.err, N.rc (the exit code; 124: it took too long), N.time (seconds). A test that
# ends the machine has no N.rc. Several guests may go through one list: each takes the next
# test that nobody has taken.
number=0

# A machine that gets no processor for a while (a busy host) is not one that hangs.
{
	echo 60 >/proc/sys/kernel/watchdog_thresh
	echo 120 >/sys/module/rcupdate/parameters/rcu_cpu_stall_timeout
} 2>/dev/null

uptime_now() {
	read -r _up _rest </proc/uptime
	echo "$_up"
}

# run_test NAME SECONDS COMMAND...
run_test() {
	_name=$1
	_seconds=$2
	shift 2
	number=$((number + 1))
	mkdir "$out/$number" 2>/dev/null || return 0
	# what the kernel says from here on is about this one
	echo "testbed: test $_name" >/dev/kmsg
	_start=$(uptime_now)
	timeout -k 10 "$_seconds" "$@" >"$out/$number.out" 2>"$out/$number.err" </dev/null
	_rc=$?
	awk -v a="$_start" -v b="$(uptime_now)" 'BEGIN { print b - a }' >"$out/$number.time"
	echo "$_rc" >"$out/$number.rc"
	echo "$number $_name: exit code $_rc after $(cat "$out/$number.time") s"
}
