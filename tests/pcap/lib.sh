# SPDX-License-Identifier: BSD-2-Clause
# For the shell tests of this folder. What they need is in the environment:
#
#	PCAP_LIBDIR	the folder of our libpcap.so.0.8
#	NETMAPD		the daemon
#	BIN		the folder of the programs of this test
#	OWN		-own: programs with our library's objects in them, if they are ours
#
# Ports live in a daemon of our own, which ends by itself when the test does.

tmp=$(mktemp -d /tmp/netmap-pcap.XXXXXX)
export NETMAP_HOST=daemon NETMAP_SOCKET="$tmp/sock" NETMAPD_LOG="$tmp/netmapd.log"
unset LD_LIBRARY_PATH NETMAP_PCAP
[ -z "${OWN=}" ] || PCAP_LIBDIR=
ns=nmp$$
number=0
failed=0

cleanup() {
	for job in $(jobs -p); do
		kill "$job" 2>/dev/null
	done
	wait 2>/dev/null
	for n in "$ns"a "$ns"b; do
		ip netns del "$n" 2>/dev/null
	done
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 1' INT TERM PIPE HUP

# A program with our library. Without it, it has the system's.
ours() {
	LD_LIBRARY_PATH=$PCAP_LIBDIR "$@"
}

# Two hosts, 10.9.0.1 on interface va and 10.9.0.2 on vb, which hear nothing but us.
namespaces() {
	[ "$(id -u)" = 0 ] || { why="not root: no network namespaces"; return 1; }
	[ -e "/run/netns/${ns}a" ] && return 0
	ip netns add "${ns}a" && ip netns add "${ns}b" &&
		ip -n "${ns}a" link add va type veth peer name vb netns "${ns}b" ||
		{ why="network namespaces cannot be made here"; return 1; }
	for side in a b; do
		ip netns exec "$ns$side" sh -c '
			for f in /proc/sys/net/ipv6/conf/*/disable_ipv6; do echo 1 >$f; done
			ethtool -K $0 tx off gro off >/dev/null 2>&1' v$side
		ip -n "$ns$side" link set v$side mtu 1500 up
		ip -n "$ns$side" link set lo up
	done
	ip -n "${ns}a" addr add 10.9.0.1/24 dev va
	ip -n "${ns}b" addr add 10.9.0.2/24 dev vb
}

# A daemon knows the interfaces of the network namespace that it was started in.
in_a() {
	NETMAP_SOCKET="$tmp/sock-a" ip netns exec "${ns}a" "$@"
}

in_b() {
	NETMAP_SOCKET="$tmp/sock-b" ip netns exec "${ns}b" "$@"
}

have() {
	command -v "$1" >/dev/null 2>&1 && return 0
	why="there is no $1 here (Debian: apt-get install $1)"
	return 1
}

# until_true WHAT: for half a minute at least.
until_true() {
	for _i in $(seq 150); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.2
	done
	return 1
}

# The processes that have opened the port of that name, in the words of netmapd --list.
clients() {
	for socket in "$tmp/sock" "$tmp/sock-a" "$tmp/sock-b"; do
		NETMAP_SOCKET=$socket "$NETMAPD" --list 2>/dev/null
	done | awk -v port="$1" '$1 == "client" && $3 == port { print $2 }'
}

has_client() {
	[ -n "$(clients "$1")" ]
}

# Until somebody has opened it.
wait_port() {
	until_true has_client "$1" || { echo "nobody opened $1"; return 1; }
}

# What the daemons say of themselves; here, a line for each port and each ring.
states() {
	for socket in "$tmp/sock" "$tmp/sock-a" "$tmp/sock-b"; do
		NETMAP_SOCKET=$socket "$NETMAPD" --list --json 2>/dev/null
	done | sed 's/{"name":/\n&/g; s/{"dir":/\n&/g'
}

# all_read PORT N: so many packets have come, and the reader is through with them.
all_read() {
	states | awk -v port="{\"name\":\"$1\"," -v n="$2" '
		function after(key) {
			i = index($0, key)
			return i ? substr($0, i + length(key)) + 0 : -1
		}
		index($0, "{\"name\":") == 1 { mine = index($0, port) == 1 }
		mine && index($0, "\"rx\":{\"packets\":") { came = after("\"rx\":{\"packets\":") }
		mine && index($0, "{\"dir\":\"rx\"") == 1 {
			rings++
			pending += after("\"hwcur\":") != after("\"hwtail\":")
		}
		END { exit !(rings && !pending && came >= n) }'
}

# wait_read PORT N: until they are.
wait_read() {
	until_true all_read "$1" "$2" || { echo "not all of $2 packets on $1 were read"; return 1; }
}

has_socket() {
	[ "$(ip netns exec "$1" cat /proc/net/packet | wc -l)" -gt 1 ]
}

# The system's library says that it listens before its filter is in the kernel, and throws away
# what has come until then. (Before that, one that takes nothing is there for a moment.)
has_filter() {
	ip netns exec "$1" ss -0 -b | grep -q 'bpf filter (\([2-9]\|[1-9][0-9]\))'
}

# check NAME COMMAND...: a line of the report. 77 from the command: skipped, see $why.
check() {
	number=$((number + 1))
	name=$1
	shift
	"$@" >"$tmp/out" 2>&1
	case $? in
	0) echo "ok $number - $name" ;;
	77) echo "ok $number - $name # SKIP $why" ;;
	*)
		echo "not ok $number - $name"
		sed 's/^/# /' "$tmp/out" | head -60
		failed=1
		;;
	esac
}

finish() {
	echo "1..$number"
	exit $failed
}
