#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What goes wrong while capturing: an end with a reason, nothing lost that was accepted,
# never a hang (timeout ends with 124).
. "$(dirname "$0")/lib.sh"

cd "$tmp" || exit 1
N=3000
KB=16384 # of buffer: a slot for 2 KB
"$BIN/traffic" gen sent.pcap $N || exit 1

wire_gone() {
	namespaces || return 77
	in_a ip link add gone0 type veth peer name gone1
	in_a ip link set gone0 up
	in_a ip link set gone1 up
}

# ended TEXT: the program $pid did, by itself, with an error that has this text.
ended() {
	wait $pid
	status=$?
	cat cap.err
	echo "status $status"
	[ $status -ne 0 ] && [ $status -ne 124 ] && grep -q "$1" cap.err
}

interface_goes() {
	have tcpdump && wire_gone || return 77
	LD_LIBRARY_PATH=$PCAP_LIBDIR in_a timeout 120 \
		tcpdump -Z root -B $KB -U -i netmap:gone0 -w got.pcap 2>cap.err &
	pid=$!
	wait_port gone0 || { cat cap.err; return 1; }
	in_a "$BIN/traffic" send gone1 sent.pcap 50 && wait_read gone0 $N || return 1
	in_a ip link del gone0
	ended 'The interface \(disappeared\|went down\)' &&
		"$BIN/traffic" same sent.pcap got.pcap
}

# An interface that goes while somebody sends on it.
sending_goes() {
	wire_gone || return 77
	LD_LIBRARY_PATH=$PCAP_LIBDIR in_a timeout 60 \
		"$BIN/traffic" send netmap:gone0 sent.pcap 10000 >cap.err 2>&1 &
	pid=$!
	wait_port gone0 || { cat cap.err; return 1; }
	in_a ip link del gone0
	ended 'traffic: netmap:gone0: send: ' && [ $status = 1 ]
}

kill_daemon() {
	kill -9 "$("$NETMAPD" --list --json | sed -n 's/.*"daemon":{"pid":\([0-9]*\).*/\1/p')"
}

# The daemon is killed: what was written before is there.
daemon_dies() {
	have tcpdump || return 77
	ours timeout 120 tcpdump -Z root -B $KB -U -i vale5:cap -w got.pcap 2>cap.err &
	pid=$!
	wait_port vale5:cap || { cat cap.err; return 1; }
	ours "$BIN/traffic" send vale5:inj sent.pcap 50 && wait_read vale5:cap $N || return 1
	kill_daemon
	ended 'The interface disappeared' && "$BIN/traffic" same sent.pcap got.pcap
}

# Whoever sends into a port of a dead daemon is told so.
send_to_dead() {
	ours timeout 60 "$BIN/traffic" send vale5:inj sent.pcap 10000 >cap.err 2>&1 &
	pid=$!
	wait_port vale5:inj || { cat cap.err; return 1; }
	kill_daemon
	ended 'traffic: vale5:inj: send: ' && [ $status = 1 ]
}

# tcpdump does not look; dumpcap does, and says so.
disk_full() {
	have tcpdump || return 77
	have dumpcap || { why="no dumpcap here (Debian: apt-get install tshark)"; return 77; }
	[ "$(id -u)" = 0 ] || { why="not root: no file system of 1 MB"; return 77; }
	mkdir -p small
	mount -t tmpfs -o size=1m tmpfs small || { why="no tmpfs here"; return 77; }
	ours timeout 120 dumpcap -q -P -B 16 -i vale5:cap -w small/got.pcap 2>cap.err &
	pid=$!
	wait_port vale5:cap || { cat cap.err; umount small; return 1; }
	ours "$BIN/traffic" send vale5:inj sent.pcap 50
	wait $pid
	status=$?
	cp small/got.pcap got.pcap
	umount small
	cat cap.err
	# Packets up to where the disk was full, none of them damaged.
	n=$(tcpdump -r got.pcap 2>/dev/null | wc -l)
	echo "status $status, $n packets"
	tcpdump -r sent.pcap -c "$n" -w want.pcap 2>/dev/null
	[ $status -ne 0 ] && [ $status -ne 124 ] && [ "$n" -gt 100 ] &&
		grep -qi 'space' cap.err && tcpdump -r got.pcap -c "$n" -w whole.pcap &&
		"$BIN/traffic" same want.pcap whole.pcap
}

# Files that are none, or are damaged: as the system's library says, word for word.
bad_files() {
	head -c 20 sent.pcap >short-header.pcap
	head -c 30 sent.pcap >short-record.pcap
	head -c 100 sent.pcap >short-packet.pcap
	: >empty.pcap
	head -c 5000 /dev/urandom >noise.pcap
	{ head -c 32 sent.pcap; printf '\377\377\377\377\377\377\377\377'; tail -c 100 sent.pcap; } \
		>long-packet.pcap
	for f in short-header short-record short-packet empty noise long-packet missing; do
		timeout 60 tcpdump -nr $f.pcap >want.out 2>want.err
		want=$?
		ours timeout 60 tcpdump -nr $f.pcap >got.out 2>got.err
		[ $? = $want ] && cmp want.out got.out && cmp want.err got.err || return 1
	done
}

# stopped OPTIONS...: a reader that stands still while the packets are sent.
stopped() {
	have tcpdump || return 77
	ours timeout -s INT 120 tcpdump -Z root "$@" -i vale5:cap -w got.pcap 2>cap.err &
	pid=$!
	wait_port vale5:cap || { cat cap.err; return 1; }
	reader=$(clients vale5:cap)
	until_true grep -q listening cap.err
	kill -STOP "$reader"
	ours "$BIN/traffic" send vale5:inj sent.pcap
	kill -CONT "$reader"
	wait_read vale5:cap 1
	kill -INT "$reader"
	wait $pid
	cat cap.err
	got=$(sed -n 's/ packets captured//p' cap.err)
	lost=$(sed -n 's/ packets dropped by kernel//p' cap.err)
}

# More than a port can hold, while nobody reads: it is counted, and the rest is in order.
overrun() {
	stopped || return $?
	[ $((got + lost)) = $N ] && [ "$lost" -gt 0 ] &&
		tcpdump -r sent.pcap -c "$got" -w want.pcap 2>/dev/null &&
		"$BIN/traffic" same want.pcap got.pcap
}

# With a buffer for all of them, all of them are there.
holds() {
	stopped "$@" || return $?
	[ "$lost" = 0 ] && "$BIN/traffic" same sent.pcap got.pcap
}

# A program that does not ask for a buffer has one by its user's wish.
holds_by_wish() {
	NETMAP_PCAP_BUFFER=$((KB * 1024)) holds
}

# What an interface's ring has room for waits there, too.
holds_nic() {
	have tcpdump && namespaces || return 77
	LD_LIBRARY_PATH=$PCAP_LIBDIR in_a timeout 120 \
		tcpdump -Z root -B $KB -i netmap:va -w got.pcap -c $N \
		'ether src 02:00:00:00:00:01' 2>cap.err &
	pid=$!
	wait_port va || { cat cap.err; return 1; }
	until_true grep -q listening cap.err
	reader=$(clients va)
	kill -STOP "$reader"
	in_b "$BIN/traffic" send vb sent.pcap
	kill -CONT "$reader"
	wait $pid
	cat cap.err
	"$BIN/traffic" same sent.pcap got.pcap
}

# There is no library to delegate to: said once, and no endless search for it.
no_system() {
	have tcpdump || return 77
	NETMAP_LIBPCAP=/no/such/file ours timeout 30 tcpdump -D 2>cap.err
	status=$?
	cat cap.err
	[ $status = 127 ] && grep -q 'NETMAP_LIBPCAP' cap.err || return 1
	cp "$PCAP_LIBDIR"/libpcap.so.0.8 copy.so
	NETMAP_LIBPCAP=$tmp/copy.so ours timeout 30 tcpdump -D 2>cap.err
	status=$?
	cat cap.err
	[ $status = 127 ]
}

check "an interface vanishes" interface_goes
check "an interface vanishes under a sender" sending_goes
check "the daemon is killed" daemon_dies
check "sending to a killed daemon" send_to_dead
check "a full disk" disk_full
check "damaged files" bad_files
check "more packets than a ring has room for" overrun
check "a buffer for all of them" holds -B $KB
check "a buffer by the user's wish" holds_by_wish
check "a buffer for all of them, on an interface" holds_nic
check "no system library" no_system
finish
