#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# pkt-gen against pkt-gen, in all its modes.
. "$(dirname "$0")/lib.sh"

# pair TEXT "RX OPTIONS" "TX OPTIONS" EXPRESSION: rx and tx, results as r and t
pair() {
	start rx pkt-gen -f rx --json --idle 30 $2
	rx=$pid
	wait_port "$(echo "$2" | sed 's/.*-i \([^ ]*\).*/\1/')" || return
	run tx pkt-gen -f tx --json $3
	tx_rc=$rc
	finish_receiver "$rx"
	if [ $rc -eq 0 ] && [ $tx_rc -eq 0 ] &&
	   cat "$dir/rx.out" "$dir/tx.out" | py "
r, t = [json.loads(l) for l in text.splitlines()]
sys.exit(not ($4))"; then
		ok "$1"
	else
		fail "$1: exit codes $rc and $tx_rc; $4"
	fi
}

good="r['packets'] == t['packets'] and r['bytes'] == t['bytes'] and \
r['sequence']['lost'] == 0 and r['sequence']['duplicates'] == 0 and \
r['sequence']['reordered'] == 0 and r['sequence']['received'] == t['packets'] and \
r['verify']['checked'] == t['packets'] and r['verify']['bad_length'] == 0 and \
r['verify']['bad_ip_checksum'] == 0 and r['verify']['bad_l4_checksum'] == 0"
check="--seq --verify"

pair "a million packets through a pipe, none lost" \
	"-i x}1 -n 1M $check" "-i x{1 -n 1M --seq" "$good and t['packets'] == 1000000"
pair "a switch: what arrives and what is dropped add up" \
	"-i vale0:b" "-i vale0:a -n 3M" \
	"r['packets'] + r['dropped'] == t['packets'] == 3000000 and r['packets'] > 1000"
pair "a switch, at a rate that it can take" \
	"-i vale0:b $check -C 4096" "-i vale0:a -n 50K -R 50K --seq" \
	"r['sequence']['received'] + r['dropped'] == 50000 and 0.95 < t['seconds'] < 20"
pair "IPv6, TCP, a mix of sizes, random sources" \
	"-i x}1 -n 50K $check" "-i x{1 -n 50K --seq -6 --proto tcp --imix=90:7,590:4,1514:1 -z" \
	"$good"
pair "ranges of addresses and ports" \
	"-i x}1 -n 50K $check" "-i x{1 -n 50K --seq -s 10.0.0.1:5-10.0.1.9:77 -d 10.1.0.1-10.1.3.7" \
	"$good"
pair "random sizes" \
	"-i x}1 -n 50K $check" "-i x{1 -n 50K --seq -l 1514 -l 61" \
	"$good and 61 * 50000 < t['bytes'] < 1514 * 50000"
pair "packets in several slots" \
	"-i x}1 -n 5K $check" "-i x{1 -n 5K --seq -l 9000 -F 6" "$good and t['bytes'] == 45000000"
pair "two threads, two rings" \
	"-i vale1:b -p 2 -C 4096,4096,2" "-i vale1:a -p 2 -n 200K -R 100K" \
	"t['threads'] == 2 and r['packets'] + r['dropped'] == t['packets'] == 200000"
pair "a virtio-net header before each packet" \
	"-i vale2:b -H 12 $check" "-i vale2:a -H 12 --seq -n 1K -R 10K" \
	"$good and t['bytes'] == 72000"

make_pcap "$dir/f.pcap" 1000 10 300
make_pcap "$dir/f.pcapng" 1000 10 300 pcapng
for f in f.pcap f.pcapng; do
	pair "the packets of $f, once" \
		"-i x}1 --verify -n 1000" "-i x{1 -P $dir/$f" \
		"r['packets'] == t['packets'] == 1000 and r['bytes'] == 300000 and \
r['verify']['checked'] == 1000 and r['verify']['bad_l4_checksum'] == 0"
done
pair "the packets of a file, over and over" \
	"-i x}1 -n 12345" "-i x{1 -P $dir/f.pcap -n 12345" "r['packets'] == 12345"

# Latency.
start pong pkt-gen -i vale3:b -f pong --json --idle 30
pong=$pid
wait_port vale3:b
run ping pkt-gen -i vale3:a -f ping -n 2000 --json
check_json "pings are answered" ping "j['packets'] + j['lost'] == 2000 and j['lost'] < 10"
check_json "percentiles are in order" ping \
	"0 < j['latency_ns']['min'] <= j['latency_ns']['p50'] <= j['latency_ns']['p99'] \
<= j['latency_ns']['p99.9'] <= j['latency_ns']['max']"
check_json "the histogram has all of them" ping \
	"sum(b[2] for b in j['latency_ns']['histogram']) == j['packets']"
finish_receiver "$pong"
check_json "pong counts its answers" pong "j['packets'] >= 1990"

# Ends.
run empty pkt-gen -i x}1 -f rx -W --json
check_json "-W does not wait" empty "j['packets'] == 0"
start stuck pkt-gen -i x{9 -f tx -n 5000 --json
stuck=$pid
wait_port 'x{9'
settle
kill -INT "$stuck"
finish "$stuck"
check "a sender that nobody listens to ends on SIGINT" test $rc -eq 0
check_json "and says what is left in the ring" stuck \
	"0 < j['stuck'] <= j['packets'] < 5000"
if [ "$NETMAP_HOST" = daemon ]; then
	start orphan pkt-gen -i vale4:a -f tx
	orphan=$pid
	wait_port vale4:a
	kill_daemon
	check_orphan "the daemon dies" "$orphan" orphan
fi

# Refusals name the cause.
check_refusal "no interface" 2 "-i interface is missing" pkt-gen -f tx
check_refusal "no such function" 2 "tx, rx, ping or pong" pkt-gen -i vale0:a -f send
check_refusal "a packet without room for its headers" 2 "62 is the least" \
	pkt-gen -i vale0:a -f tx -6 -l 60
check_refusal "mixed address families" 2 "both be IPv4" \
	pkt-gen -i vale0:a -f tx -s 10.0.0.1 -d fd00::1
check_refusal "a packet larger than a buffer" 1 "-F 2" pkt-gen -i vale0:a -f tx -l 9000
check_refusal "too few rings" 1 "too few for -p 3" \
	pkt-gen -i vale0:a -f tx -p 3 -C 64,64,2
check_refusal "no such file" 1 "No such file" pkt-gen -i vale0:a -f tx -P /no/such/file
check_refusal "no such NIC" 1 "nosuchnic" pkt-gen -i nosuchnic -f rx
check_refusal "a rate that is no number" 2 "packets a second" pkt-gen -i vale0:a -f tx -R fast
head -c 500 "$dir/f.pcap" >"$dir/cut.pcap"
check_refusal "a damaged file" 1 "damaged after packet 1" pkt-gen -i vale0:a -f tx -P "$dir/cut.pcap"
run help pkt-gen --help
check "--help" test $rc -eq 0 -a -s "$dir/help.out"
result
