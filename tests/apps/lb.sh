#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# lb over a pipe: sums, balance, both directions of flows, several groups, overflow.
. "$(dirname "$0")/lib.sh"

receivers() {
	receiver_pids=
	for _p in "$@"; do
		start "rx-$_p" pkt-gen -i "$_p" -f rx --json --idle 30
		receiver_pids="$receiver_pids $pid"
		wait_port "$_p"
	done
}

finish_all() {
	for _p in $receiver_pids; do
		finish_receiver "$_p"
	done
}

# check_receivers LETTER INDEX COUNT: what lb gave to that group of pipes has arrived.
check_receivers() {
	if cat "$dir"/rx-"$1"*.out "$dir/lb.out" | py "
*n, lb = [json.loads(l) for l in text.splitlines()]
n = [r['packets'] for r in n]
sys.exit(not (len(n) == $3 and sum(n) == sum(p['packets'] for p in lb['groups'][$2]) > 10000))"
	then
		ok "group $1 received what lb sent"
	else
		fail "group $1 received what lb sent"
	fi
}

start lb lb -i in}1 -p a:4 -p b:3 --json
lb=$pid
wait_port 'b{2'
receivers a}0 a}1 a}2 a}3 b}0 b}1 b}2
run tx pkt-gen -i in{1 -f tx -n 1M -s 10.0.0.1:1-10.0.3.232:1000 -d 10.9.0.1:80 --json
settle
kill -INT "$lb"
finish "$lb"
check "lb ends well" test $rc -eq 0
check_json "lb took all packets" lb "j['packets'] == 1000000"
check_json "each group got all of them" lb \
	"all(sum(p['packets'] + p['dropped'] for p in g) == 1000000 for g in j['groups'])"
check_json "balance within 5 %" lb \
	"all(abs((p['packets'] + p['dropped']) * len(g) / 1000000 - 1) < 0.05 for g in j['groups'] for p in g)"
finish_all
check_receivers a 0 4
check_receivers b 1 3
rm -f "$dir"/rx-*

# A million flows, and the same in the other direction: they double the counts of every pipe.
# (What finds a pipe full, or gives way to newer packets, counts for it, too.)
for way in "-s 10.0.0.1:1-10.0.3.232:1000 -d 10.9.0.1:80" "-d 10.0.0.1:1-10.0.3.232:1000 -s 10.9.0.1:80"; do
	start lb lb -i in}1 -p c:4 -B 20000 --seed 7 --json
	lb=$pid
	wait_port 'c{3'
	receivers c}0 c}1 c}2 c}3
	run tx pkt-gen -i in{1 -f tx -n 1M $way --json
	settle
	kill -INT "$lb"
	finish "$lb"
	cat "$dir/lb.out" >>"$dir/both"
	finish_all
done
if py "
a, b = [[p['packets'] + p['dropped'] + p['stolen'] for p in json.loads(l)['groups'][0]]
        for l in text.splitlines()]
sys.exit(not (a == b and sum(a) == 1000000 and all(abs(n * 4 / sum(a) - 1) < 0.05 for n in a)))" \
	<"$dir/both"; then
	ok "both directions of a flow are on one pipe"
else
	fail "both directions of a flow: $(cat "$dir/both")"
fi
rm -f "$dir"/rx-*

# A receiver that stands still: its packets wait in the extra buffers, and all arrive later.
start lb lb -i in}1 -p e:1 -B 8000 --json
lb=$pid
wait_port 'e{0'
start slow pkt-gen -i e}0 -f rx --seq --json -n 6000 --idle 30
slow=$pid
wait_port 'e}0'
kill -STOP "$slow"
run tx pkt-gen -i in{1 -f tx --seq -n 6000 --json
sleep 0.5
kill -CONT "$slow"
finish "$slow"
kill -INT "$lb"
finish "$lb"
check_json "packets waited in extra buffers" lb \
	"j['extra_bufs'] == 8000 and j['groups'][0][0]['waited'] > 3000 and j['groups'][0][0]['longest'] > 3000"
check_json "and all of them arrived, in order" slow \
	"j['packets'] == 6000 and j['sequence']['lost'] == 0 and j['sequence']['reordered'] == 0"

# With too few extra buffers for what it missed, the oldest packets give way. All are told of.
start lb lb -i in}1 -p g:1 -B 1000 --json
lb=$pid
wait_port 'g{0'
start late pkt-gen -i g}0 -f rx --json --idle 30
late=$pid
wait_port 'g}0'
kill -STOP "$late"
run tx pkt-gen -i in{1 -f tx -n 6000 --json
sleep 0.5
kill -CONT "$late"
finish_receiver "$late"
kill -INT "$lb"
finish "$lb"
check_json "old packets give way to new ones" lb "j['groups'][0][0]['stolen'] > 1000"
check_json "each was sent, or is counted" lb \
	"sum(j['groups'][0][0][k] for k in ('packets', 'dropped', 'stolen')) == 6000"
if cat "$dir/late.out" "$dir/lb.out" | py "
r, lb = [json.loads(l) for l in text.splitlines()]
sys.exit(r['packets'] != lb['groups'][0][0]['packets'])"; then
	ok "what was sent has arrived"
else
	fail "what was sent has arrived: $(cat "$dir/late.out" "$dir/lb.out")"
fi

if [ "$NETMAP_HOST" = daemon ]; then
	start orphan lb -i in}1 -p f:2
	orphan=$pid
	wait_port 'f{1'
	kill_daemon
	check_orphan "the daemon dies" "$orphan" orphan
fi

check_refusal "a pipe of a pipe" 1 "is a pipe itself" lb -i z}1
check_refusal "no port" 2 "-i port is missing" lb
check_refusal "no pipes" 2 "pipes is needed" lb -i vale0:a -p 0
check_refusal "not a number" 2 "not a number" lb -i vale0:a -B many
result
