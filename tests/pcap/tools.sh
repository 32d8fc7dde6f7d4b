#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Programs as Debian built them, on ports of netmap: does each do what it is for?
# The judge of what they captured is the system's libpcap.
# Arguments: what to look at, of switch, pipe, veth, others; all without.
. "$(dirname "$0")/lib.sh"

cd "$tmp" || exit 1
N=5000
# Room for all of them, however long a reader is kept from reading: -B of tcpdump takes KB,
# that of dumpcap and tshark MB, and who has no such option gets it from our library.
KB=65536
MB=64
export NETMAP_PCAP_BUFFER=$((KB * 1024))
# Hosts on a wire have things to say to each other: only what we sent.
MINE='ether src 02:00:00:00:00:01'
"$BIN/traffic" gen sent.pcap $N || exit 1

# on KIND COMMAND...: where a program captures ($port), what the host calls that ($client),
# and where the packets are sent from ($sender): on a switch, a pipe, or a veth, of which the
# kernel has the other end.
on() {
	kind=$1
	case $kind in
	switch) port=vale1:cap client=vale1:cap sender=vale1:inj ;;
	pipe) port='netmap:k{1' client='k{1' sender='netmap:k}1' ;;
	veth) port=netmap:va client=va sender=vb ;;
	esac
	shift
	[ "$kind" != veth ] || namespaces || return 77
	"$@"
}

# A program with our library, where the port is.
captor() {
	if [ "$kind" = veth ]; then
		LD_LIBRARY_PATH=$PCAP_LIBDIR in_a timeout 120 "$@"
	else
		ours timeout 120 "$@"
	fi
}

send_packets() {
	if [ "$kind" = veth ]; then
		in_b "$BIN/traffic" send "$sender" sent.pcap 20
	else
		ours "$BIN/traffic" send "$sender" sent.pcap 20
	fi
}

# opens COMMAND...: runs the program until it has the port.
opens() {
	captor "$@" >cap.out 2>cap.err &
	pid=$!
	wait_port "$client" || { cat cap.out cap.err; return 1; }
}

# Runs the program while the packets are sent, and lets it end by itself.
capture() {
	opens "$@" && send_packets || return 1
	wait $pid
	status=$?
	cat cap.out cap.err
	[ $status = 0 ] || echo "it ended with $status"
}

# As capture(), for programs that do not know how many packets to expect: when they have read
# them all, they are told to end.
capture_until() {
	opens "$@" || return 1
	reader=$(clients "$client")
	send_packets && wait_read "$client" $N || { cat cap.out cap.err; return 1; }
	kill "$reader"
	wait $pid
	cat cap.out cap.err
	return 0
}

tcpdump_port() {
	have tcpdump || return 77
	rm -f got.pcap
	capture tcpdump -Z root -B $KB -i "$port" -w got.pcap -c $N &&
		grep -q "^$N packets captured" cap.err &&
		grep -q '^0 packets dropped' cap.err &&
		"$BIN/traffic" same sent.pcap got.pcap
}

tcpdump_filter() {
	have tcpdump || return 77
	expr='udp dst port 9001 or arp or (vlan 7 and udp)'
	rm -f got.pcap
	tcpdump -r sent.pcap -w want.pcap "$expr" || return 1
	capture_until tcpdump -Z root -B $KB -i "$port" -w got.pcap "$expr"
	"$BIN/traffic" same want.pcap got.pcap
}

# The text that tcpdump prints, packet by packet, live and from the file.
tcpdump_text() {
	have tcpdump || return 77
	tcpdump -nn -t -e -r sent.pcap 2>/dev/null >want.txt
	capture tcpdump -B $KB -l -nn -t -e -i "$port" -c $N
	cmp want.txt cap.out
}

tcpdump_short() {
	have tcpdump || return 77
	rm -f got.pcap want.pcap
	capture tcpdump -Z root -B $KB -s 77 -i "$port" -w got.pcap -c $N
	in_a timeout 120 tcpdump -Z root -B $KB -s 77 -i va -w want.pcap -c $N "$MINE" 2>sys.err &
	pid=$!
	until_true has_filter "${ns}a"
	in_b "$BIN/traffic" send vb sent.pcap 20
	wait $pid
	"$BIN/traffic" same want.pcap got.pcap
}

# One wire, seen by the system's libpcap and by ours: each gets all of it.
veth() {
	have tcpdump && namespaces || return 77
	rm -f sys.pcap our.pcap
	in_a timeout 120 tcpdump -Z root -B $KB -i va -w sys.pcap -c $N "$MINE" 2>sys.err &
	pid=$!
	until_true has_filter "${ns}a"
	in_b "$BIN/traffic" send vb sent.pcap 20 || return 1
	wait $pid
	LD_LIBRARY_PATH=$PCAP_LIBDIR in_a timeout 120 \
		tcpdump -Z root -B $KB -i netmap:va -w our.pcap -c $N "$MINE" 2>our.err &
	pid=$!
	wait_port va || { cat our.err; return 1; }
	in_b "$BIN/traffic" send vb sent.pcap 20 || return 1
	wait $pid
	cat sys.err our.err
	"$BIN/traffic" same sent.pcap sys.pcap && "$BIN/traffic" same sent.pcap our.pcap &&
		"$BIN/traffic" same sys.pcap our.pcap
}

# What we send as fast as the wire takes it, and are gone: all of it is on the wire.
veth_sent() {
	have tcpdump && namespaces || return 77
	rm -f sys.pcap
	in_a timeout 120 tcpdump -Z root -B $KB -i va -w sys.pcap -c $N "$MINE" 2>sys.err &
	pid=$!
	until_true has_filter "${ns}a"
	LD_LIBRARY_PATH=$PCAP_LIBDIR in_b "$BIN/traffic" send netmap:vb sent.pcap || return 1
	until_true gone $pid || kill $(ip netns pids "${ns}a")
	wait $pid
	cat sys.err
	"$BIN/traffic" same sent.pcap sys.pcap
}

gone() {
	! kill -0 "$1"
}

tcpdump_list() {
	have tcpdump || return 77
	ours timeout 30 tcpdump -Z root -i vale1:shown -w /dev/null 2>/dev/null &
	pid=$!
	wait_port vale1:shown || return 1
	ours tcpdump -D >list
	kill $pid
	wait $pid
	cat list
	grep -q 'vale1:shown' list && grep -q '\.lo\|eth\| any ' list
}

tcpdump_errors() {
	have tcpdump || return 77
	for dev in netmap:no-such-dev 'vale1:' 'vale1:x/q' 'netmap:'; do
		ours timeout 30 tcpdump -i "$dev" -c 1 >cap.out 2>cap.err && return 1
		[ $? = 124 ] && return 1
		cat cap.err
		grep -q "tcpdump: $dev: ." cap.err || return 1
	done
	ours timeout 30 tcpdump -I -i vale1:x -c 1 2>cap.err && return 1
	cat cap.err
	grep -q 'monitor mode' cap.err
}

tshark_file() {
	have tshark || return 77
	rm -f got.pcap
	capture tshark -q -B $MB -i "$port" -F pcap -w got.pcap -c $N
	"$BIN/traffic" same sent.pcap got.pcap
}

have_dumpcap() {
	have dumpcap && return 0
	why="there is no dumpcap here (Debian: apt-get install tshark)"
	return 1
}

dumpcap_file() {
	have_dumpcap || return 77
	rm -f got.pcap
	capture dumpcap -q -P -B $MB -i "$port" -w got.pcap -c $N
	"$BIN/traffic" same sent.pcap got.pcap
}

# Two ports in two threads of one process, into one file, with a capture filter.
dumpcap_two() {
	have_dumpcap || return 77
	rm -f two.pcapng
	ours timeout 120 dumpcap -q -f 'udp port 53' -B $MB -i vale1:one -i vale1:two \
		-w two.pcapng -c 100 >cap.out 2>cap.err &
	pid=$!
	wait_port vale1:one && wait_port vale1:two || { cat cap.err; return 1; }
	ours "$BIN/traffic" send vale1:inj sent.pcap 20
	wait $pid
	cat cap.err
	[ "$(tshark -r two.pcapng -T fields -e frame.interface_id 2>/dev/null |
		sort | uniq -c | tr -s ' \n' ' ')" = " 50 0 50 1 " ]
}

tshark_text() {
	have tshark || return 77
	tshark -r sent.pcap -T fields -e frame.len -e eth.type -e ip.src -e udp.dstport \
		-e tcp.flags 2>/dev/null >want.txt
	capture tshark -l -B $MB -i "$port" -c $N -T fields \
		-e frame.len -e eth.type -e ip.src -e udp.dstport -e tcp.flags
	cmp want.txt cap.out
}

ngrep_port() {
	have ngrep || return 77
	ngrep -I sent.pcap -l -q 'GET /index' 'tcp port 80' 2>/dev/null |
		grep -c '^ *GET /index' >want.txt
	capture_until ngrep -l -q -d "$port" 'GET /index' 'tcp port 80'
	grep -c '^ *GET /index' cap.out >got.txt
	cat want.txt got.txt
	[ "$(cat want.txt)" = 50 ] && cmp want.txt got.txt
}

p0f_port() {
	have p0f || return 77
	rm -f p0f.want p0f.got
	p0f -r sent.pcap -o p0f.want >/dev/null
	capture_until p0f -i "$port" -o p0f.got
	sed -i 's/^[^]]*\] //' p0f.want p0f.got
	[ "$(grep -c 'mod=syn|' p0f.want)" = 50 ] && cmp p0f.want p0f.got
}

# Its -i takes what stands before the first colon for an index: so names without one.
softflowd_port() {
	have softflowd || return 77
	rm -f flow.ctl
	NETMAP_PCAP=va captor softflowd -d -i "${port#netmap:}" -c "$tmp/flow.ctl" \
		-p "$tmp/flow.pid" >cap.out 2>&1 &
	pid=$!
	wait_port "$client" && until_true test -e flow.ctl || { cat cap.out; return 1; }
	send_packets && wait_read "$client" $N || return 1
	softflowctl -c "$tmp/flow.ctl" statistics >stats
	softflowctl -c "$tmp/flow.ctl" exit
	wait $pid
	cat stats cap.out
	ip=$(tcpdump -r sent.pcap 'ip or (vlan and ip)' 2>/dev/null | wc -l)
	grep -q "^Packets processed: $ip\$" stats &&
		grep -q "^Packets received by libpcap: $N\$" stats
}

# A host with three open ports; what the scan says of it with either library.
nmap_scan() {
	have nmap && have python3 && namespaces || return 77
	in_b python3 -c '
import socket, time
s = [socket.create_server(("10.9.0.2", p)) for p in (22, 80, 443)]
time.sleep(300)' &
	host=$!
	until_true in_b grep -q ' 0200090A:01BB ' /proc/net/tcp
	in_a timeout 120 nmap -sS -n -p 1-500 --send-eth -e va 10.9.0.2 >want.txt
	NETMAP_PCAP=all LD_LIBRARY_PATH=$PCAP_LIBDIR in_a timeout 120 \
		nmap -sS -n -p 1-500 --send-eth -e va 10.9.0.2 >got.txt &
	pid=$!
	wait_port va
	opened=$?
	wait $pid
	kill $host
	sed -i 's/(.*latency)//; /^Starting/d; /^Nmap done/d' want.txt got.txt
	cat want.txt got.txt
	[ $opened = 0 ] && [ "$(grep -c 'open' want.txt)" = 3 ] && cmp want.txt got.txt
}

arping_host() {
	have arping && namespaces || return 77
	NETMAP_PCAP=va LD_LIBRARY_PATH=$PCAP_LIBDIR in_a timeout 30 \
		arping -c 3 -W 1 -i va 10.9.0.2 >cap.out 2>&1 &
	pid=$!
	wait_port va
	opened=$?
	wait $pid
	cat cap.out
	[ $opened = 0 ] && grep -q '3 packets transmitted, 3 packets received' cap.out
}

tcpreplay_file() {
	have tcpreplay && have tcpdump && namespaces || return 77
	rm -f got.pcap
	LD_LIBRARY_PATH=$PCAP_LIBDIR in_b timeout 120 \
		tcpdump -Z root -B $KB -i netmap:vb -w got.pcap -c $N "$MINE" 2>cap.err &
	pid=$!
	wait_port vb || { cat cap.err; return 1; }
	LD_LIBRARY_PATH=$PCAP_LIBDIR in_a tcpreplay -q -i va --pps 20000 sent.pcap || return 1
	wait $pid
	cat cap.err
	"$BIN/traffic" same sent.pcap got.pcap
}

# What comes with the project, and not only an environment variable.
netmap_run() {
	[ -n "$NETMAP_RUN" ] && [ -f "$NETMAP_RUN" ] || { why="no netmap-run here"; return 77; }
	have tcpdump || return 77
	# Where it is built, it may not be executable yet.
	timeout 30 sh "$NETMAP_RUN" --pcap tcpdump -i vale1:cap -c 1 2>cap.err >cap.out &
	pid=$!
	wait_port vale1:cap || { cat cap.err; return 1; }
	sh "$NETMAP_RUN" --pcap "$BIN/traffic" send vale1:inj sent.pcap 20
	wait $pid
}

namespaces
for what in ${*:-switch pipe veth others}; do
	if [ $what = others ]; then
		check "tcpdump prints" on switch tcpdump_text
		check "tcpdump with a short length, as the system's" on switch tcpdump_short
		check "tcpdump on a veth, as the system's" veth
		check "sent on a veth, for the system's" veth_sent
		check "tcpdump -D" tcpdump_list
		check "tcpdump and wrong names" tcpdump_errors
		check "tshark writes" on pipe tshark_file
		check "dumpcap on two ports" dumpcap_two
		check "nmap" nmap_scan
		check "arping" arping_host
		check "tcpreplay" tcpreplay_file
		check "netmap-run --pcap" netmap_run
		continue
	fi
	check "tcpdump writes, on a $what" on $what tcpdump_port
	check "tcpdump with a filter, on a $what" on $what tcpdump_filter
	check "tshark prints, on a $what" on $what tshark_text
	check "dumpcap writes, on a $what" on $what dumpcap_file
	check "ngrep, on a $what" on $what ngrep_port
	check "p0f, on a $what" on $what p0f_port
	[ $what = switch ] || check "softflowd, on a $what" on $what softflowd_port
done
finish
