#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every function, the system's library on a veth against ours on a switch, a pipe, a pipe in
# the other direction and the same veth: the same results, texts and packets.
. "$(dirname "$0")/lib.sh"

cd "$tmp" || exit 1

# Both ends of the wire in one place, since one program opens both; without addresses.
wire() {
	namespaces || return 77
	in_a ip link add cvx0 type veth peer name cvy0 &&
		for w in cvx0 cvy0; do
			in_a sh -c "echo 1 >/proc/sys/net/ipv6/conf/$w/disable_ipv6"
			in_a ip link set $w arp off up
		done
}

wire || { echo "1..0 # SKIP $why"; exit 0; }
in_a timeout 200 "$BIN/conform" cvx0 cvy0 nosuch0 >system 2>system.err || {
	cat system.err
	echo "not ok 1 - the system's own library"
	exit 1
}
grep -q lookupnet system || exit 1
# The same calls on the same files and names; nothing of it is ours.
delegated() {
	LD_LIBRARY_PATH=$PCAP_LIBDIR in_a timeout 200 \
		"$BIN/conform$OWN" cvx0 cvy0 nosuch0 >got 2>got.err
	diff system got
}

ported() {
	LD_LIBRARY_PATH=$PCAP_LIBDIR timeout 200 "$BIN/conform$OWN" "$1" "$2" "$3" >got 2>got.err ||
		tail -3 got.err
	diff system got
}

nic() {
	LD_LIBRARY_PATH=$PCAP_LIBDIR in_a timeout 200 \
		"$BIN/conform$OWN" netmap:cvx0 netmap:cvy0 netmap:nosuch0 >got 2>got.err ||
		tail -3 got.err
	# Of addresses the system speaks, and it knows the interface by its own name.
	sed "s/'cvx0: no IPv4/'CAP: no IPv4/" got >got.nic
	diff system got.nic
}

check "delegated" delegated
check "on a switch" ported vale3:c vale3:i netmap:nosuch0
check "on a pipe" ported 'netmap:c{1' 'netmap:c}1' netmap:nosuch0
check "on the other end" ported 'netmap:c}2' 'netmap:c{2' netmap:nosuch0
check "on interfaces" nic
finish
