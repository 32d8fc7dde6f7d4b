#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Capture and inject: the same program with the system's libpcap on a veth and with netmap's
# on a switch and a pipe, in one run. As root.
#
#	PCAP_LIBDIR=... NETMAPD=... COUNT=.../pcap-count run.sh [ROUNDS]
rounds=${1:-3}
tmp=$(mktemp -d) || exit 1
export NETMAP_HOST=daemon NETMAP_SOCKET="$tmp/sock"
ns=nmpb$$
trap 'ip netns del $ns 2>/dev/null; rm -rf "$tmp"' EXIT
ip netns add $ns && ip -n $ns link add ba type veth peer name bb || exit 1
for i in ba bb; do
	ip netns exec $ns sh -c "echo 1 >/proc/sys/net/ipv6/conf/$i/disable_ipv6"
	ip -n $ns link set $i arp off up
done
filter='udp dst port 9000 and not host 192.0.2.1'

# one NAME LIB RX TX LENGTH FILTER
one() {
	LD_LIBRARY_PATH=$2 ip netns exec $ns "$COUNT" rx "$3" -t 5 ${6:+-f "$6"} >"$tmp/rx" &
	sleep 1
	LD_LIBRARY_PATH=$2 ip netns exec $ns "$COUNT" tx "$4" -t 3 -l "$5" >"$tmp/tx"
	wait $!
	printf '{"what":"%s","length":%s,"filter":%s,"tx":%s,"rx":%s}\n' "$1" "$5" \
		"$([ -n "$6" ] && echo true || echo false)" "$(cat "$tmp/tx")" "$(cat "$tmp/rx")"
}

echo "# $(uname -r), $(nproc) CPUs, load $(cut -d' ' -f1-3 /proc/loadavg)" >&2
for round in $(seq "$rounds"); do
	for length in 60 1514; do
		for f in "" "$filter"; do
			one system "" bb ba $length "$f"
			one switch "$PCAP_LIBDIR" vale9:r vale9:t $length "$f"
			one pipe "$PCAP_LIBDIR" 'netmap:b{1' 'netmap:b}1' $length "$f"
		done
	done
done
