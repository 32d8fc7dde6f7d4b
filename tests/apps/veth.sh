#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The applications between network namespaces: real TCP through the emulator and through the
# bridge, over veth interfaces.
#
#	namespace A (10.77.0.1) va --- vaN [nmreplay or bridge] vbN --- vb (10.77.0.2) namespace B
#
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" -eq 0 ] || skip "only root can make network namespaces"
for tool in ip ethtool ping; do
	command -v $tool >/dev/null || skip "$tool is not installed"
done
me=nma$$
A=$me-a
B=$me-b
M=$me-m # the daemon and the programs are here
remove_namespaces() {
	for _n in $A $B $M; do
		ip netns pids $_n 2>/dev/null | xargs -r kill 2>/dev/null
		ip netns del $_n 2>/dev/null
	done
	cleanup
}
trap remove_namespaces EXIT
ip netns add $A 2>/dev/null && ip netns add $B && ip netns add $M ||
	skip "network namespaces cannot be made here"
ip -n $A link add va type veth peer name vaN netns $M 2>/dev/null || skip "no veth interfaces here"
ip -n $B link add vb type veth peer name vbN netns $M
ip -n $A addr add 10.77.0.1/24 dev va
ip -n $B addr add 10.77.0.2/24 dev vb
for pair in "$A va" "$B vb" "$M vaN" "$M vbN"; do
	set -- $pair
	# What the kernel leaves to the NIC does not happen on the way through netmap.
	ip netns exec $1 ethtool -K $2 tx off rx off tso off gso off gro off >/dev/null 2>&1
	ip -n $1 link set $2 up
done

# in_m NAME COMMAND...: as start, in the middle
in_m() {
	_n=$1
	shift
	start "$_n" ip netns exec $M "$@"
}

wait_port_m() {
	_i=0
	while [ $_i -lt 300 ]; do
		ip netns exec $M nm-top --prometheus 2>/dev/null |
			grep -F "netmap_port_clients{port=\"$1\"," | grep -qv ' 0$' && return 0
		sleep 0.1
		_i=$((_i + 1))
	done
	return 1
}

# Median round trip of 40 pings, in milliseconds.
rtt() {
	# The first ones learn addresses.
	ip netns exec $A ping -q -i 0.1 -c 3 10.77.0.2 >"$dir/ping.out" 2>&1
	ip netns exec $A ping -i 0.05 -c 40 10.77.0.2 | py "
import re
t = sorted(float(m) for m in re.findall(r'time=([0-9.]+)', text))
print(t[len(t) // 2] if t else -1)"
}

cat >"$dir/tcp.py" <<'END'
"""tcp.py serve COUNT | tcp.py send BYTES: TCP whose contents are compared, and its rate."""
import hashlib, json, socket, sys, time
PORT = 7777
if sys.argv[1] == "serve":
    s = socket.create_server(("10.77.0.2", PORT))
    for _ in range(int(sys.argv[2])):
        c, _addr = s.accept()
        h, n, first = hashlib.sha256(), 0, None
        marks = []
        while True:
            d = c.recv(1 << 16)
            if not d:
                break
            h.update(d)
            n += len(d)
            marks.append((time.monotonic(), n))
        # Half of the time from the first quarter on: TCP has found the rate by then.
        lo = next(i for i, m in enumerate(marks) if m[1] >= n // 4)
        rate = (marks[-1][1] - marks[lo][1]) / max(marks[-1][0] - marks[lo][0], 1e-9)
        c.sendall(json.dumps({"sha": h.hexdigest(), "bytes": n, "rate": rate * 8}).encode())
        c.close()
else:
    block = bytes(range(256)) * 4096
    c = socket.create_connection(("10.77.0.2", PORT), timeout=60)
    h, left, i = hashlib.sha256(), int(sys.argv[2]), 0
    while left:
        d = (i.to_bytes(8, "big") + block)[:min(left, 1 << 20)]
        c.sendall(d)
        h.update(d)
        left -= len(d)
        i += 1
    c.shutdown(socket.SHUT_WR)
    r = json.loads(c.makefile().read())
    r["same"] = r["sha"] == h.hexdigest()
    print(json.dumps(r))
END

# transfer BYTES: result in tcp.out
transfer() {
	run tcp ip netns exec $A $PYTHON "$dir/tcp.py" send "$1"
}
# pings COUNT INTERVAL
pings() {
	ip netns exec $A ping -q -c "$1" -i "$2" -W 5 10.77.0.2 >"$dir/ping.out"
}
start serve ip netns exec $B $PYTHON "$dir/tcp.py" serve 100

# Is there a NIC port at all?
in_m bridge bridge --json vaN vbN
bridge=$pid
if ! wait_port_m vbN; then
	cat "$dir/bridge.err"
	skip "no NIC ports here"
fi

check "the bridge: ping" pings 3 0.2
bytes=$(amount 200000000)
transfer "$bytes"
check_json "the bridge: $bytes bytes over TCP, the same on the other side" tcp \
	"j['same'] and j['bytes'] == $bytes"
kill -INT "$(pgrep -P "$bridge" || echo "$bridge")" 2>/dev/null || kill -INT "$bridge"
finish "$bridge"
check_json "the bridge: no copies" bridge "j['zero_copy'] and j['directions'][0]['dropped'] == 0"
[ $rc -eq 0 ] || fail "the bridge ended with $rc: $(cat "$dir/bridge.err")"

# Both interfaces on a switch, whose rings threads of the daemon poll for a while.
vale() {
	ip netns exec $M vale-ctl "$@"
}
start hold ip netns exec $M pkt-gen -i vale7:hold -f rx --idle 60
hold=$pid
wait_port_m vale7:hold
check "vale-ctl -a" vale -a vale7:vaN
check "vale-ctl -a" vale -a vale7:vbN
check "by events: ping" pings 3 0.2
check "vale-ctl -p" vale -p vale7:vaN -C 0,0
check_refusal "no second time" 1 "polled already" ip netns exec $M vale-ctl -p vale7:vaN
check_refusal "no such processor" 1 "no thread can be on processor 4000" \
	ip netns exec $M vale-ctl -p vale7:vbN -C 0,4000
check "one polls, one does not: ping" pings 20 0.05
transfer 50000000
check_json "polling: 50 MB over TCP" tcp "j['same']"
check "vale-ctl -P" vale -P vale7:vaN
check_refusal "that is over" 1 "is not polled" ip netns exec $M vale-ctl -P vale7:vaN
check "and without polling: ping" pings 3 0.2
vale -p vale7:vaN
vale -d vale7:vaN
check "vale-ctl -d" vale -d vale7:vbN
kill "$hold"
finish "$hold"

# How exact times are is for `tools/bench --only emulator` to say, on a machine that has nothing
# else to do. Here others may have the processor when a packet is due.
# (Packets of other tests can fill the kernel's backlog. What TCP loses there makes it slow.)
TOLERANCE=0.3
SLOWEST=0.2
LATE_MS=20

# The framework in the emulator's own process, where it is most exact, and the daemon.
INSIDE=
[ "$NETMAP_HOST" != daemon ] ||
	INSIDE="env NETMAP_HOST=embedded LD_LIBRARY_PATH=$(dirname "$NETMAPD")"

# emulate WHERE TEXT RTT_MS MBPS BYTES OPTIONS...
emulate() {
	if [ "$1" = inside ]; then
		where=$INSIDE
	else
		where=
	fi
	shift
	text=$1
	want_rtt=$2
	want_rate=$3
	bytes=$4
	shift 4
	in_m emu $where nmreplay --json -i vaN -i vbN "$@"
	emu=$pid
	_i=0
	until pings 1 1 || [ $_i -gt 10 ]; do
		_i=$((_i + 1))
	done
	got=$(rtt)
	if py "sys.exit(not (-0.1 <= ($got) - $want_rtt < $want_rtt * $TOLERANCE + $LATE_MS))" </dev/null; then
		ok "$text: round trip of $want_rtt ms measured as $got ms"
	else
		fail "$text: round trip of $want_rtt ms measured as $got ms"
	fi
	if [ "$bytes" -gt 0 ]; then
		transfer "$bytes"
		check_json "$text: TCP contents" tcp "j['same']"
		# TCP's own bytes: 1448 of each frame of 1514.
		check_json "$text: TCP at $want_rate Mbit/s, got $(py "
print(round(json.loads(text)['rate'] * 1514 / 1448 / 1e6, 2))" <"$dir/tcp.out")" tcp \
			"$SLOWEST < j['rate'] * 1514 / 1448 / ($want_rate * 1e6) < 1 + $TOLERANCE"
	fi
	kill -INT "$emu"
	finish "$emu"
	[ $rc -eq 0 ] || fail "nmreplay ended with $rc"
}

emulate inside "20 ms, 20 Mbit/s" 20.08 20 12000000 -D 10ms -B 20M -Q 200K
# (a rate that a test bed's processor has no time for)
[ -n "${T_SLOW:-}" ] ||
	emulate inside "50 ms, 100 Mbit/s" 50 100 60000000 -D 25ms -B 100M -Q 1.5M
emulate inside "10 ms there, 30 ms back, 10 Mbit/s there" 40.08 10 5000000 -D 10ms -D 30ms -B 10M -B 0 -Q 200K
emulate inside "5 ms, spinning" 5 0 0 -D 2.5ms --busy
[ -z "$INSIDE" ] || emulate daemon "20 ms, by the daemon" 20.08 20 12000000 -D 10ms -B 20M -Q 200K

# (20.08: a ping has 98 bytes, and these take their time on a slow wire)

# The interface goes away under a program that uses it.
in_m gone nmreplay -i vaN -i vbN -D 1ms
gone=$pid
wait_port_m vbN
ip -n $B link del vb
check_orphan "an interface vanishes" "$gone" gone
check "and is named" grep -q 'vbN' "$dir/gone.err"
result
