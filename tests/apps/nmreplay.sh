#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# nmreplay: files in, packets out; models; the emulator between two ports; damaged files.
. "$(dirname "$0")/lib.sh"

# Exact times are the business of the link test and of `tools/bench --only replay`. Here others
# may have the processor: nothing may be faster than asked, and not slower by seconds.
# play TEXT COUNT "OPTIONS" EXPRESSION (r: receiver, p: nmreplay's direction)
play() {
	start rx pkt-gen -i x}1 -f rx --verify --json --idle 30
	rx=$pid
	wait_port 'x}1' || return
	run play nmreplay -i x{1 --json $3
	play_rc=$rc
	finish_receiver "$rx"
	if [ $play_rc -eq 0 ] && cat "$dir/rx.out" "$dir/play.out" | py "
r, p = [json.loads(l) for l in text.splitlines()]
p = p['directions'][0]
takes = lambda s: 0.7 * s < p['seconds'] < 3 * s + 3
assert r['packets'] == p['packets_out'] and r['bytes'] == p['bytes_out'], 'sums'
assert r['verify']['bad_l4_checksum'] == 0, 'contents'
sys.exit(not ($4))" 2>"$dir/py.err"; then
		ok "$1"
	else
		fail "$1: exit code $play_rc; $4"
	fi
	rm -f "$dir/py.err"
}

make_pcap "$dir/a.pcap" 20000 50 100
make_pcap "$dir/b.pcapng" 5000 100 1514 pcapng
make_pcap "$dir/c.pcap" 1000 1000 60 micro

play "a file at its own times" 20000 "-f $dir/a.pcap" \
	"r['packets'] == 20000 and takes(1)"
play "pcapng" 5000 "-f $dir/b.pcapng" "r['packets'] == 5000 and takes(0.5)"
play "microsecond files" 1000 "-f $dir/c.pcap" "r['packets'] == 1000 and takes(1)"
play "twice as fast" 1000 "-f $dir/c.pcap -B real,2" "takes(0.5)"
play "packets a second" 20000 "-f $dir/a.pcap -B pps,40K" "takes(0.5)"
play "bits a second" 5000 "-f $dir/b.pcapng -B 100M" "takes(0.6)"
play "bits a second with framing" 20000 "-f $dir/a.pcap -B ether,40M" "takes(0.5)"
play "loops" 3000 "-f $dir/c.pcap -l 3 -B real,4" "r['packets'] == 3000 and takes(0.75)"
play "so many packets" 1234 "-f $dir/a.pcap -n 1234" "r['packets'] == 1234"
play "loss" 20000 "-f $dir/a.pcap -B pps,100K -L 0.1" \
	"p['dropped']['loss_model'] + r['packets'] == 20000 and 1700 < p['dropped']['loss_model'] < 2300"
play "bit errors" 5000 "-f $dir/b.pcapng -B 200M -L ber,1e-5" \
	"450 < p['dropped']['loss_model'] < 700"
play "double packets" 20000 "-f $dir/a.pcap -B pps,100K -d 0.1" \
	"r['packets'] == 20000 + p['duplicated'] and 1700 < p['duplicated'] < 2300"

# Order, by the numbers of pkt-gen's own packets, through the emulator.
emulate() {
	start emu nmreplay -i x}1 -i y}1 --json "$@"
	emu=$pid
	wait_port 'x}1'
	wait_port 'y}1'
}

end_emulation() {
	kill -INT "$emu"
	finish "$emu"
}

start rx pkt-gen -i y{1 -f rx --seq --json --idle 30
rx=$pid
wait_port 'y{1'
emulate -D uniform,1ms,5ms
run tx pkt-gen -i x{1 -f tx --seq -n 20000 -R 20K --json
finish_receiver "$rx"
end_emulation
check_json "random delays keep the order" rx \
	"j['packets'] == 20000 and j['sequence']['reordered'] == 0 and j['sequence']['lost'] == 0"
check_json "and are what was asked, or a little more" rx \
	"0.95e6 <= j['latency_ns']['min'] and 2.9e6 < j['latency_ns']['p50']"

start rx pkt-gen -i y{1 -f rx --seq --json --idle 30
rx=$pid
wait_port 'y{1'
emulate -R 0.1,2ms -d 0.05
run tx pkt-gen -i x{1 -f tx --seq -n 20000 -R 20K --json
finish_receiver "$rx"
end_emulation
check_json "held packets come late" rx \
	"300 < j['sequence']['reordered'] < 2600 and j['sequence']['lost'] == 0"
check_json "doubled packets come twice" rx \
	"800 < j['sequence']['duplicates'] < 1200 and j['packets'] == 20000 + j['sequence']['duplicates']"

start rx pkt-gen -i y{1 -f rx --seq --verify --json --idle 30
rx=$pid
wait_port 'y{1'
emulate -D 1ms
run tx pkt-gen -i x{1 -f tx --seq -l 9000 -F 6 -n 2000 -R 5K --json
finish_receiver "$rx"
end_emulation
check_json "packets in several slots arrive whole" rx \
	"j['packets'] == 2000 and j['bytes'] == 18000000 and j['verify']['bad_l4_checksum'] == 0"

# A limit that is exceeded: the queue fills, and what leaves does so at the limit.
start rx pkt-gen -i y{1 -f rx --seq --json --idle 30
rx=$pid
wait_port 'y{1'
emulate -B 10M -Q 30K
run tx pkt-gen -i x{1 -f tx --seq -l 1000 -n 10000 -R 5K --json
finish_receiver "$rx"
end_emulation
check_json "the bandwidth limit holds" rx "3e6 < j['bps'] < 13e6"
check_json "what finds the queue full is dropped and counted" emu \
	"j['directions'][0]['dropped']['queue_full'] > 6000 and \
j['directions'][0]['dropped']['queue_full'] + j['directions'][0]['packets_out'] == 10000"
check_json "what waits in the queue takes as long as its bytes" rx \
	"22e6 < j['latency_ns']['p50'] < 100e6"

# Both directions, each with its delay.
start pong pkt-gen -i y{1 -f pong --json --idle 30
pong=$pid
wait_port 'y{1'
emulate -D 20ms -D 10ms
run ping pkt-gen -i x{1 -f ping -n 50 --json
end_emulation
check_json "round trips take the sum of the delays" ping \
	"j['lost'] == 0 and 29.9e6 <= j['latency_ns']['min'] and j['latency_ns']['p50'] < 130e6"
finish_receiver "$pong"

# A disk that is full when the results are there.
if [ -w /dev/full ]; then
	start rx pkt-gen -i x}1 -f rx --json --idle 30
	rx=$pid
	wait_port 'x}1'
	timeout 20 nmreplay -f "$dir/c.pcap" -i x{1 -B pps,100K --json >/dev/full 2>"$dir/full.err"
	check "a full disk" test $? -eq 1 -a "$(grep -c 'No space left' "$dir/full.err")" -eq 1
	finish_receiver "$rx"
	check_json "all packets were sent all the same" rx "j['packets'] == 1000"
fi

# Damaged and strange files.
for n in 3 20 24 30 39 100 5000; do
	head -c $n "$dir/a.pcap" >"$dir/cut"
	run cut nmreplay -f "$dir/cut" -i x{1
	if [ $rc -ne 1 ] || [ "$(wc -l <"$dir/cut.err")" -ne 1 ]; then
		[ $n -eq 24 ] || fail "a file cut at byte $n: exit code $rc"
	fi
done
check_refusal "an empty file" 1 "holds no packet" sh -c "head -c 24 $dir/a.pcap >$dir/cut; nmreplay -f $dir/cut -i x{1"
check_refusal "no capture at all" 1 "unknown file format" nmreplay -f "$0" -i x{1
head -c 5000 "$dir/a.pcap" >"$dir/cut"
check_refusal "a file that ends too early" 1 "damaged after packet 42: .*-k plays" \
	nmreplay -f "$dir/cut" -i x{1
start rx pkt-gen -i x}1 -f rx --json --idle 30
rx=$pid
wait_port 'x}1'
run keep nmreplay -k -f "$dir/cut" -i x{1
finish_receiver "$rx"
check_json "-k plays what comes before" rx "j['packets'] == 42"
$PYTHON - "$dir" <<'END'
import random, sys
random.seed(1)
for kind in ("a.pcap", "b.pcapng"):
    good = open(sys.argv[1] + "/" + kind, "rb").read(20000)
    for i in range(40):
        bad = bytearray(good)
        for _ in range(random.randrange(1, 20)):
            bad[random.randrange(len(bad) if i % 2 else 400)] = random.randrange(256)
        open("%s/bad-%s-%d" % (sys.argv[1], kind, i), "wb").write(bad)
END
start sink pkt-gen -i x}1 -f rx
sink=$pid
wait_port 'x}1'
for f in "$dir"/bad-*; do
	run bad nmreplay -k -B pps,1M -l 1 -f "$f" -i x{1
	[ $rc -le 1 ] || fail "$f: exit code $rc"
done
ok "80 damaged files: none ends in a crash"
kill -INT "$sink"
finish "$sink"

if [ "$NETMAP_HOST" = daemon ]; then
	emulate -D 1ms
	kill_daemon
	check_orphan "the daemon dies" "$emu" emu
	start rx pkt-gen -i x}1 -f rx --idle 30
	wait_port 'x}1'
	start play nmreplay -f "$dir/c.pcap" -i x{1 -l 0
	play=$pid
	wait_port 'x{1'
	sleep 0.3
	kill_daemon
	check_orphan "the daemon dies while a file is played" "$play" play
fi

check_refusal "nothing to do" 2 "a file and a port, or two ports" nmreplay -i x{1
check_refusal "a bandwidth that is none" 2 "is needed" nmreplay -f x -i x{1 -B fast
check_refusal "a probability beyond 1" 2 "is needed" nmreplay -f x -i x{1 -L 2
check_refusal "times without a file" 2 "only a file has times" nmreplay -i x{1 -i y{1 -B real
result
