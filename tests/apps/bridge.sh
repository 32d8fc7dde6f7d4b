#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The bridge between pipes and switches: nothing is lost, in order, with and without copies.
. "$(dirname "$0")/lib.sh"

# through TEXT TX_PORT BRIDGE_A BRIDGE_B RX_PORT BRIDGE_OPTIONS COUNT EXPRESSION TX_OPTIONS
through() {
	start rx pkt-gen -i "$5" -f rx --seq --verify --json -n "$7" --idle 30
	rx=$pid
	wait_port "$5" || return
	start bridge bridge $6 --json "$3" "$4"
	bridge=$pid
	wait_port "$4" || return
	run tx pkt-gen -i "$2" -f tx --seq -n "$7" --json $9
	finish "$rx"
	check_json "$1: nothing lost, in order" rx \
		"j['packets'] == $7 and j['sequence']['lost'] == 0 and \
j['sequence']['reordered'] == 0 and j['sequence']['duplicates'] == 0 and \
j['verify']['bad_l4_checksum'] == 0"
	kill -INT "$bridge"
	finish "$bridge"
	check "$1: a good end" test $rc -eq 0
	check_json "$1: totals" bridge "$8"
}

totals="j['directions'][0]['packets'] == 300000 and j['directions'][0]['dropped'] == 0"
through "two pipes of one parent, no copies" p{1 p}1 p}2 p{2 "" 300000 \
	"j['zero_copy'] and $totals" ""
through "the same, told to copy" p{1 p}1 p}2 p{2 "-c" 300000 "not j['zero_copy'] and $totals" ""
through "two memories" x{1 x}1 y}1 y{1 "-b 64" 300000 "not j['zero_copy'] and $totals" ""
through "packets in several slots" p{1 p}1 p}2 p{2 "" 20000 \
	"j['zero_copy'] and j['directions'][0]['packets'] == 20000" "-l 5000 -F 4"
through "packets in several slots, copied" x{1 x}1 y}1 y{1 "" 20000 \
	"j['directions'][0]['packets'] == 20000" "-l 5000 -F 4"
through "spinning" p{1 p}1 p}2 p{2 "--busy" 300000 "$totals" ""

# Both ways at once, across a switch.
start pong pkt-gen -i x{1 -f pong --json --idle 30
pong=$pid
wait_port 'x{1'
start bridge bridge --json x}1 vale0:b
bridge=$pid
wait_port vale0:b
run ping pkt-gen -i vale0:a -f ping -n 1000 --json
check_json "pings go both ways" ping "j['packets'] >= 990"
kill -INT "$bridge"
finish "$bridge"
check_json "and are counted both ways" bridge \
	"all(d['packets'] >= 990 for d in j['directions'])"
finish_receiver "$pong"

# A receiver that takes nothing: the packets wait, unless they are to be dropped.
start rx pkt-gen -i y{1 -f rx -R 1 --json
rx=$pid
wait_port 'y{1'
kill -STOP "$rx"
start bridge bridge -d --json x}1 y}1
bridge=$pid
wait_port 'y}1'
run tx pkt-gen -i x{1 -f tx -n 10000 --json
kill -INT "$bridge"
finish "$bridge"
check_json "-d drops what finds the output full" bridge \
	"j['directions'][0]['dropped'] > 5000 and \
j['directions'][0]['dropped'] + j['directions'][0]['packets'] == 10000"
kill -CONT "$rx"
finish_receiver "$rx"

check_refusal "no port" 2 "name one or two ports" bridge
check_refusal "three ports" 2 "a bridge has two ports" bridge vale0:a vale0:b vale0:c
check_refusal "a host side without a NIC" 1 "needs a NIC" bridge vale0:a
check_refusal "no such NIC" 1 "nosuchnic" bridge nosuchnic
result
