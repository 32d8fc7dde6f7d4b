# SPDX-License-Identifier: BSD-2-Clause
# Common parts of the tests of the applications, to be sourced. The environment has
# BIN (the applications), NETMAPD (the daemon, for the host "daemon") and NETMAP_HOST.

set -u
export NETMAP_HOST="${NETMAP_HOST:-daemon}"

skip() {
	echo "SKIP: $*"
	exit 77
}

# The system's own, if there is one: wrappers of it can take a second to start.
PYTHON=/usr/bin/python3
[ -x $PYTHON ] || PYTHON=$(command -v python3) || skip "python3 is not installed"
case "$NETMAP_HOST" in
daemon)
	[ -x "${NETMAPD:-}" ] || skip "there is no netmapd (NETMAPD=${NETMAPD:-})"
	;;
kernel)
	[ -c /dev/netmap ] || skip "there is no /dev/netmap"
	;;
*)
	skip "the host $NETMAP_HOST has no other processes"
	;;
esac

export PATH="$BIN:$(dirname "${NETMAPD:-/}"):$PATH"
dir=$(mktemp -d "${TMPDIR:-/tmp}/nm-apps.XXXXXX")
export NETMAP_SOCKET="$dir/sock"
export NETMAPD
failures=0
pids=

cleanup() {
	for p in $pids; do
		kill "$p" 2>/dev/null
	done
	wait 2>/dev/null
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# Where everything takes longer (T_SLOW, in a test bed) less is sent.
amount() {
	if [ -n "${T_SLOW:-}" ]; then echo $(($1 / 10)); else echo "$1"; fi
}

# start NAME COMMAND...: in the background, output in $dir/NAME.out and .err, pid in $pid
start() {
	_name=$1
	shift
	"$@" >"$dir/$_name.out" 2>"$dir/$_name.err" &
	pid=$!
	pids="$pids $pid"
}

# run NAME COMMAND...: in the foreground; its exit code in $rc
run() {
	_name=$1
	shift
	timeout -k 5 120 "$@" >"$dir/$_name.out" 2>"$dir/$_name.err"
	rc=$?
}

# The exit code of a background job in $rc.
finish() {
	wait "$1"
	rc=$?
}

# until_true COMMAND...: for half a minute
until_true() {
	_i=0
	until "$@" >/dev/null 2>&1; do
		[ $_i -lt 150 ] || return 1
		_i=$((_i + 1))
		sleep 0.2
	done
}

# Until nothing moves any more: no ring that somebody reads has packets in it, and half a second
# brings no more of them. Where the processor belongs to others, that can take a while.
settle() {
	$PYTHON -c '
import json, subprocess, time
end, last = time.monotonic() + 30, None
while time.monotonic() < end:
    try:
        ports = json.loads(subprocess.run(["nm-top", "--json"], capture_output=True).stdout)["ports"]
    except ValueError:
        break # the daemon is gone
    now = [(p["name"], p["tx"]["packets"], p["rx"]["packets"]) for p in ports]
    if now == last and not any(p["clients"] and p["rx"]["fill"] for p in ports):
        break
    last = now
    time.sleep(0.5)'
}

# What a receiver has not seen when all is quiet does not come.
finish_receiver() {
	settle
	kill -INT "$1" 2>/dev/null
	finish "$1"
}

# wait_port NAME: until a program has the port open
wait_port() {
	_i=0
	while [ $_i -lt 600 ]; do
		if nm-top --prometheus 2>/dev/null |
		   grep -F "netmap_port_clients{port=\"$1\"," | grep -qv ' 0$'; then
			return 0
		fi
		sleep 0.05
		_i=$((_i + 1))
	done
	fail "port $1 was not opened in time"
	return 1
}

# py CODE: Python with the standard input in `text`
py() {
	$PYTHON -c "
import json, sys
text = sys.stdin.read()
$1"
}

ok() {
	echo "ok: $*"
}

fail() {
	echo "FAILED: $*"
	failures=$((failures + 1))
	for _f in "$dir"/*.out "$dir"/*.err; do
		[ -s "$_f" ] && sed "s|^|  $(basename "$_f"): |" "$_f" | head -n 20 | cut -c 1-400
	done
}

# check TEXT COMMAND...: the command must succeed
check() {
	_text=$1
	shift
	if "$@"; then
		ok "$_text"
	else
		fail "$_text"
	fi
}

# check_json TEXT NAME EXPRESSION: of the last line of NAME.out, as j
check_json() {
	if tail -n 1 "$dir/$2.out" | py "
j = json.loads(text)
sys.exit(not ($3))" 2>"$dir/py"; then
		ok "$1"
	else
		fail "$1: $3 $(tail -n 1 "$dir/py")"
	fi
}

# One line on standard error, with that text in it, and this exit code.
check_refusal() {
	_text=$1
	_code=$2
	_want=$3
	shift 3
	run refusal "$@"
	if [ $rc -eq "$_code" ] && grep -q -e "$_want" "$dir/refusal.err" &&
	   [ "$(wc -l <"$dir/refusal.err")" -le 2 ]; then
		ok "$_text"
	else
		fail "$_text: exit code $rc, wanted $_code and: $_want"
	fi
	rm -f "$dir"/refusal.*
}

# kill_daemon: as a crash would end it
kill_daemon() {
	kill -KILL "$(netmapd --list --json | py "print(json.loads(text)['daemon']['pid'])")"
}

# check_orphan TEXT PID NAME: the program ends by itself, with an error in one line
check_orphan() {
	_i=0
	while kill -0 "$2" 2>/dev/null && [ $_i -lt 300 ]; do
		sleep 0.1
		_i=$((_i + 1))
	done
	kill "$2" 2>/dev/null
	finish "$2"
	check "$1: an error" test $rc -eq 1
	check "$1: one line" test "$(wc -l <"$dir/$3.err")" -eq 1
}

# make_pcap FILE COUNT GAP_US SIZE [nano|pcapng]: UDP packets, numbered in their payload
make_pcap() {
	$PYTHON "$(dirname "$0")/make_pcap.py" "$@"
}

result() {
	[ $failures -eq 0 ] && exit 0
	echo "$failures checks failed"
	exit 1
}
