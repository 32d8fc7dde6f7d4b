#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# vale-ctl and nm-top: what they show and change.
. "$(dirname "$0")/lib.sh"

run list vale-ctl
check "no port, and that is no error" test $rc -eq 0
start rx pkt-gen -i vale7:b -f rx --json
rx=$pid
wait_port vale7:b
start rx2 pkt-gen -i vale8:c -f rx --json
rx2=$pid
wait_port vale8:c
run tx pkt-gen -i vale7:a -f tx -n 5000 -R 50K --json

run list vale-ctl --json
check_json "the list has both switches" list \
	"sorted(p['name'] for p in j) == ['vale7:b', 'vale8:c'] and j[0]['bridge'] != j[1]['bridge']"
run list vale-ctl -l vale7:b
check "the place of one port" grep -q 'vale7:b: bridge [0-9]*, port [0-9]*' "$dir/list.out"
run list vale-ctl -g vale7:b --json
check_json "rings" list "j['rx_rings'] == 1 and j['rx_slots'] == 1024"
run list vale-ctl -s --json
check_json "counters" list \
	"[p['rx']['packets'] + sum(p['rx']['drops'].values()) for p in j if p['name'] == 'vale7:b'] == [5000]"
run list vale-ctl -s
check "counters as text" grep -q "rx packets" "$dir/list.out"

# nm-top on the same ports.
run top nm-top --json
check_json "nm-top: JSON" top \
	"{p['name'] for p in j['ports']} == {'vale7:b', 'vale8:c'} and j['clients'] == 2"
run top nm-top -b -r -n 2 -d 0.1
check "nm-top: a table" grep -q "vale7:b  *vale  *1 " "$dir/top.out"
check "nm-top: rings" grep -q "rx ring 0 .*/1024" "$dir/top.out"
run top nm-top --prometheus
if py "
import re
names = set()
for l in text.splitlines():
    if l.startswith('# TYPE'):
        names.add(l.split()[2])
        continue
    if l.startswith('#'):
        continue
    m = re.fullmatch(r'([a-z_]+)(\{([a-z_]+=\"(\\\\\\\\.|[^\"\\\\\\\\])*\",?)+\})? -?[0-9.e+]+', l)
    assert m, l
    assert m.group(1) in names, l
    if 'netmap_port_packets_total{port=\"vale7:b\",dir=\"rx\"}' in l:
        assert float(l.split()[-1]) > 0, l
        names.add('seen')
sys.exit('seen' not in names)" <"$dir/top.out" 2>"$dir/py.err"; then
	ok "nm-top: Prometheus text"
else
	fail "nm-top: Prometheus text"
fi
port=$($PYTHON -c "
import socket
s = socket.socket()
s.bind(('127.0.0.1', 0))
print(s.getsockname()[1])")
start http nm-top --listen "$port"
http=$pid
if $PYTHON - "$port" >"$dir/fetch.out" 2>"$dir/fetch.err" <<'END'
import json, socket, sys, time, urllib.request
base = "http://127.0.0.1:%s" % sys.argv[1]
for i in range(100):
    try:
        text = urllib.request.urlopen(base + "/metrics").read().decode()
        break
    except OSError:
        time.sleep(0.05)
assert 'netmap_port_packets_total{port="vale7:b",dir="rx"} ' in text
assert len(json.load(urllib.request.urlopen(base + "/json"))["ports"]) == 2
try:
    urllib.request.urlopen(base + "/other")
    sys.exit("no 404")
except urllib.error.HTTPError as e:
    assert e.code == 404
for bad in (b"", b"\r\n\r\n", b"POST / HTTP/1.0\r\n\r\n", b"\0" * 10000, b"GET " + b"x" * 5000):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    try:
        s.sendall(bad)
        s.shutdown(socket.SHUT_WR)
        s.recv(1000)
    except OSError:
        pass
    s.close()
urllib.request.urlopen(base + "/metrics").read()
END
then
	ok "nm-top: HTTP, also after requests that are none"
else
	fail "nm-top: HTTP"
fi
kill -INT "$http"
finish "$http"
check "nm-top: a good end" test $rc -eq 0

# Persistent ports.
run new vale-ctl -n pers0 -C 256,512,2
check "a new port" test $rc -eq 0
if [ $rc -eq 0 ]; then
	run list vale-ctl -g pers0 --json
	check_json "has the rings that were asked for" list \
		"j['tx_slots'] == 256 and j['rx_slots'] == 512 and j['tx_rings'] == 2"
	check_refusal "it cannot be made twice" 1 "pers0" vale-ctl -n pers0
	run attach vale-ctl -a vale9:pers0
	check "it can be attached" test $rc -eq 0
	run list vale-ctl --json
	check_json "and is listed" list "any(p['name'].startswith('vale9:') for p in j)"
	run detach vale-ctl -d vale9:pers0
	check "and detached" test $rc -eq 0
	run remove vale-ctl -r pers0
	check "and removed" test $rc -eq 0
fi
check_refusal "nothing to remove" 1 "nosuch" vale-ctl -r nosuch
check_refusal "nothing to attach" 1 "nosuchnic" vale-ctl -a vale9:nosuchnic
check_refusal "nothing to detach" 1 "vale9:nosuch" vale-ctl -d vale9:nosuch
check_refusal "no such port" 1 "vale9:nosuch" vale-ctl -l vale9:nosuch
check_refusal "two things at once" 2 "one thing at a time" vale-ctl -n a -r b
check_refusal "a configuration that is none" 2 "mode\[,cpu" vale-ctl -p vale9:x -C 0,1,2

# A screen: keys change what is shown, q ends it.
if $PYTHON - >"$dir/screen.out" 2>"$dir/screen.err" <<'END'
import os, pty, select, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.environ["TERM"] = "xterm"
    os.execvp("nm-top", ["nm-top", "-d", "0.2"])
seen = b""
def wait(text):
    global seen
    end = time.monotonic() + 20
    while text not in seen:
        assert time.monotonic() < end, (text, seen[-500:])
        if select.select([fd], [], [], 0.2)[0]:
            seen += os.read(fd, 65536)
wait(b"vale7:b")
os.write(fd, b"r")
wait(b"rx ring 0")
os.write(fd, b"\x1b[A\0?zzz")
os.write(fd, b"q")
_, status = os.waitpid(pid, 0)
assert status == 0, status
END
then
	ok "nm-top: a screen, and its keys"
else
	fail "nm-top: a screen"
fi

# Results that can not be written are an error.
for program in "vale-ctl" "vale-ctl -s --json" "nm-top --json" "nm-top --prometheus" \
	"pkt-gen -i vale7:c -f rx -W --json" "lb --help"; do
	$program >/dev/full 2>"$dir/full.err"
	rc=$?
	check "a full disk: $program" test $rc -eq 1 -a "$(grep -c 'No space left' "$dir/full.err")" -eq 1
done

finish_receiver "$rx"
finish_receiver "$rx2"
result
