#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The bridge between an interface and the host's own stack: ping and TCP go on, both ways, with
# all that the stack leaves to hardware.
#
#	namespace A: va (10.78.0.1) --- nb (10.78.0.2) [bridge] the stack of namespace B
#
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" -eq 0 ] || skip "only root can make network namespaces"
for tool in ip ping; do
	command -v $tool >/dev/null || skip "$tool is not installed"
done
me=nmh$$
A=$me-a
B=$me-b
remove_namespaces() {
	for _n in $A $B; do
		ip netns pids $_n 2>/dev/null | xargs -r kill 2>/dev/null
		ip netns del $_n 2>/dev/null
	done
	cleanup
}
trap remove_namespaces EXIT
ip netns add $A 2>/dev/null && ip netns add $B || skip "network namespaces cannot be made here"
ip -n $A link add va type veth peer name nb netns $B 2>/dev/null || skip "no veth interfaces here"
ip -n $A addr add 10.78.0.1/24 dev va
ip -n $B addr add 10.78.0.2/24 dev nb
ip -n $A link set va up
ip -n $B link set nb up

cat >"$dir/tcp.py" <<'END'
"""tcp.py serve ADDRESS | tcp.py talk ADDRESS BYTES: there and back, compared at the other end."""
import hashlib, json, socket, sys, time
if sys.argv[1] == "serve":
    s = socket.create_server((sys.argv[2], 7778))
    while True:
        c, _ = s.accept()
        c.settimeout(60)
        h, got = hashlib.sha256(), 0
        want = int.from_bytes(c.recv(8, socket.MSG_WAITALL), "big")
        while got < want:
            d = c.recv(min(1 << 16, want - got))
            if not d:
                break
            h.update(d)
            got += len(d)
        c.sendall(h.digest())
        # and the same again, from here
        block = bytes(range(251)) * 4096
        left, h = want, hashlib.sha256()
        while left:
            d = block[:min(left, len(block))]
            c.sendall(d)
            h.update(d)
            left -= len(d)
        c.sendall(h.digest())
        c.close()
else:
    n = int(sys.argv[3])
    c = socket.create_connection((sys.argv[2], 7778), timeout=60)
    c.sendall(n.to_bytes(8, "big"))
    block = bytes(range(253)) * 4096
    left, h, t0 = n, hashlib.sha256(), time.monotonic()
    while left:
        d = block[:min(left, len(block))]
        c.sendall(d)
        h.update(d)
        left -= len(d)
    there = c.recv(32, socket.MSG_WAITALL) == h.digest()
    t1 = time.monotonic()
    h, got = hashlib.sha256(), 0
    while got < n:
        d = c.recv(min(1 << 16, n - got))
        if not d:
            break
        h.update(d)
        got += len(d)
    back = c.recv(32, socket.MSG_WAITALL) == h.digest()
    t2 = time.monotonic()
    print(json.dumps({"there": there, "back": back, "mbps_there": n * 8e-6 / (t1 - t0),
                      "mbps_back": n * 8e-6 / (t2 - t1)}))
END
start serve_a ip netns exec $A $PYTHON "$dir/tcp.py" serve 10.78.0.1
start serve_b ip netns exec $B $PYTHON "$dir/tcp.py" serve 10.78.0.2

# wait_bridge: until it says what it bridges
wait_bridge() {
	_i=0
	while [ $_i -lt 100 ] && ! grep -q bridging "$dir/bridge.out"; do
		sleep 0.1
		_i=$((_i + 1))
	done
	sleep 0.2
}

# reach NAMESPACE ADDRESS OPTIONS...
reach() {
	_ns=$1
	_to=$2
	shift 2
	ip netns exec "$_ns" ping -q -i 0.2 -W 5 "$@" "$_to" >"$dir/ping.out" 2>&1
}

# session TEXT BYTES OPTIONS...
session() {
	text=$1
	bytes=$2
	shift 2
	start bridge ip netns exec $B bridge "$@"
	job=$pid
	wait_bridge
	check "$text: ping there" reach $B 10.78.0.1 -c 3
	check "$text: ping back" reach $A 10.78.0.2 -c 3
	check "$text: large ping" reach $B 10.78.0.1 -c 2 -s 20000
	run tcp ip netns exec $B $PYTHON "$dir/tcp.py" talk 10.78.0.1 "$bytes"
	check_json "$text: TCP that the host opened, $(cat "$dir/tcp.out")" tcp "j['there'] and j['back']"
	run tcp ip netns exec $A $PYTHON "$dir/tcp.py" talk 10.78.0.2 "$bytes"
	check_json "$text: TCP that came in, $(cat "$dir/tcp.out")" tcp "j['there'] and j['back']"
	ip netns exec $B nm-top --prometheus >"$dir/top.out" 2>&1
	# "ip netns exec" becomes the program
	kill -INT "$job"
	finish "$job"
	[ $rc -eq 0 ] && grep -q "$want" "$dir/bridge.out" ||
		fail "$text: the bridge ended with $rc, and should say $want"
	check "$text: and the stack has its interface back" reach $A 10.78.0.2 -c 1
}

want='bridging nb and netmap:nb^, zero-copy'
session "bridge nb" 20000000 nb
want='bridging netmap:nb and netmap:nb^, zero-copy'
session "bridge netmap:nb netmap:nb^" 5000000 netmap:nb 'netmap:nb^'
want='copying, as asked'
session "bridge -c" 5000000 -c netmap:nb 'netmap:nb^'
want='zero-copy'
session "four host rings" 5000000 'netmap:nb^@conf:host-rings=4' netmap:nb
check_refusal "no such host ring" 1 "ring" ip netns exec $B pkt-gen -i 'netmap:nb^3' -f rx
check_refusal "not of a switch" 1 "host rings" ip netns exec $B pkt-gen -i 'vale0:x^' -f rx
result
