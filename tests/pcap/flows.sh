#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# lb, with what two kernels say to each other: thousands of TCP connections and UDP
# exchanges over IPv4 and IPv6, fragments, and the same inside VXLAN. Which packet belongs to
# which flow is for tshark to say; it must find each flow, both directions of it, on one pipe.
. "$(dirname "$0")/lib.sh"

here=$(cd "$(dirname "$0")" && pwd)
cd "$tmp" || exit 1
export PATH="$APPS:$(dirname "$NETMAPD"):$PATH"
PIPES=4

skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

have tshark && have tcpdump && have python3 || skip_all "$why"
namespaces || skip_all "$why"
for side in a b; do
	[ $side = a ] && host=1 || host=2
	ip netns exec "$ns$side" sh -c 'for f in /proc/sys/net/ipv6/conf/*/disable_ipv6; do
		echo 0 >$f; done'
	ip -n "$ns$side" addr add fd09::$host/64 dev v$side nodad
	# What is one packet for the kernel is one on the wire.
	ip netns exec "$ns$side" ethtool -K v$side tso off gso off gro off >/dev/null 2>&1
	if ip -n "$ns$side" link add vx type vxlan id 7 local 10.9.0.$host \
		remote 10.9.0.$((3 - host)) dstport 4789 dev v$side 2>/dev/null; then
		ip -n "$ns$side" addr add 10.8.0.$host/24 dev vx
		ip -n "$ns$side" addr add fd08::$host/64 dev vx nodad
		ip -n "$ns$side" link set vx mtu 1400 up
		tunnel="10.8.0.2 fd08::2"
	else
		tunnel=
	fi
done

# What the two say, as the system's library sees it.
record() {
	in_a timeout 100 tcpdump -Z root -B 65536 -i va -w real.pcap -U 2>tcpdump.err &
	tcpdump=$!
	until_true has_socket "${ns}a"
	in_b timeout 100 python3 "$here/flows.py" serve >serve.out 2>&1 &
	until_true grep -q ready serve.out
	in_a timeout 100 python3 "$here/flows.py" talk 10.9.0.2 fd09::2 $tunnel >talk.out 2>&1
	talked=$?
	kill $(ip netns pids "${ns}b")
	sleep 1
	kill "$(pgrep -P $tcpdump || echo $tcpdump)"
	wait $tcpdump
	cat talk.out tcpdump.err serve.out
	[ $talked = 0 ] && grep -q '^0 packets dropped' tcpdump.err
}

# Until lb, and whoever reads from it, are through with what there is.
pipes_read() {
	wait_read 'in}1' 1 || return 1
	for n in $(seq 0 $((PIPES - 1))); do
		wait_read "r}$n" 0 || return 1
	done
}

# spread OPTIONS: through lb, into one file for each pipe.
spread() {
	rm -f pipe.*.pcap
	lb -i 'in}1' -p r:$PIPES -B 40000 "$@" --json >lb.out 2>lb.err &
	lb=$!
	wait_port "r{$((PIPES - 1))" || { cat lb.err; return 1; }
	readers='' jobs=''
	for n in $(seq 0 $((PIPES - 1))); do
		ours timeout 100 tcpdump -Z root -i "r}$n" -w pipe.$n.pcap 2>pipe.$n.err &
		jobs="$jobs $!"
		wait_port "r}$n" || { cat pipe.$n.err; return 1; }
		readers="$readers $(clients "r}$n")"
	done
	nmreplay -f real.pcap -i 'in{1' -B pps,20K --json >replay.out 2>replay.err
	# (once more, for what waited in extra buffers)
	pipes_read && sleep 1 && pipes_read || return 1
	kill $lb
	wait $lb
	kill $readers
	wait $jobs
	cat lb.out replay.err pipe.*.err
}

together() {
	[ -s real.pcap ] || return 1
	spread "$@" || return 1
	python3 "$here/flows.py" check "$1" real.pcap pipe.*.pcap
}

check "thousands of real flows${tunnel:+, and in VXLAN}" record
check "each on one pipe, with both directions" together --seed=3
[ -z "$tunnel" ] ||
	check "each inside the tunnel on one pipe" together --inner
finish
