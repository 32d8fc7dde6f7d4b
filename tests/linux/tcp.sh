#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# TCP between network namespaces through a VALE switch to which veth interfaces are attached.
# With everything that a driver leaves to the next: checksums, segmentation. The sender's
# stack is then below the driver's, the switch's, another driver's and the receiver's.
#
#	namespace A (10.79.0.1) va --- vaN [switch] vbN --- vb (10.79.0.2) namespace B
#
. "$(dirname "$0")/../apps/lib.sh"

bytes=${TCP_BYTES:-20000000}
for n in a b; do
	ip netns add $n || skip "network namespaces cannot be made here"
	ip -n $n link add v$n type veth peer name v${n}N netns $$ || skip "no veth interfaces here"
	ip link set v${n}N up
	ip -n $n link set v$n up
done
ip -n a addr add 10.79.0.1/24 dev va
ip -n b addr add 10.79.0.2/24 dev vb

cat >"$dir/tcp.py" <<'END'
"""tcp.py serve COUNT | tcp.py send BYTES: TCP whose contents are compared."""
import hashlib, socket, sys
if sys.argv[1] == "serve":
    s = socket.create_server(("10.79.0.2", 7777))
    for _ in range(int(sys.argv[2])):
        c, _addr = s.accept()
        h = hashlib.sha256()
        while d := c.recv(1 << 16):
            h.update(d)
        c.sendall(h.digest())
        c.close()
else:
    block = bytes(range(256)) * 256
    c = socket.create_connection(("10.79.0.2", 7777), timeout=60)
    h, left, i = hashlib.sha256(), int(sys.argv[2]), 0
    while left:
        d = (i.to_bytes(8, "big") + block)[:min(left, len(block))]
        c.sendall(d)
        h.update(d)
        left -= len(d)
        i += 1
    c.shutdown(socket.SHUT_WR)
    sys.exit(c.recv(64) != h.digest())
END

check "attach" sh -c "vale-ctl -a vale0:vaN && vale-ctl -a vale0:vbN"
check "ping" ip netns exec a ping -q -c 3 -i 0.2 -W 5 10.79.0.2
start serve ip netns exec b $PYTHON "$dir/tcp.py" serve 9
server=$pid
sleep 2
check "$bytes bytes over TCP, the same on the other side" \
	ip netns exec a $PYTHON "$dir/tcp.py" send "$bytes"
check "several at once" sh -c "
	for i in 1 2 3 4; do
		ip netns exec a $PYTHON $dir/tcp.py send $((bytes / 4)) & pids=\"\$pids \$!\"
	done
	for p in \$pids; do wait \$p || exit 1; done"
kill "$server"
cat /proc/net/netmap
check "detach" sh -c "vale-ctl -d vale0:vaN && vale-ctl -d vale0:vbN"
result
