#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# demo.sh SOURCE BUILD: the demo with less of everything, as root and as an ordinary user. TAP.
set -u
source=$1 build=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export DEMO_PACKETS=1000000 DEMO_BYTES=30000000 DEMO_VETH_PACKETS=50000
number=0
failed=0

case_() { # NAME COMMAND...
	name=$1
	shift
	number=$((number + 1))
	if ("$@") >"$tmp/log" 2>&1; then
		echo "ok $number - $name"
	elif [ "$(tail -n 1 "$tmp/log")" = skip ]; then
		echo "ok $number - $name # SKIP $(tail -n 2 "$tmp/log" | head -n 1)"
	else
		echo "not ok $number - $name"
		tail -n 15 "$tmp/log" | sed 's/^/#   /'
		failed=1
	fi
}

# The programs and the script where everybody can run them.
publish() {
	mkdir -p "$tmp/tree/tools" "$tmp/build" || return 1
	cp -r "$source/tools/runner" "$tmp/tree/tools/" || return 1
	for f in hosts/user/netmapd apps/pkt-gen apps/vale-ctl bench/sock-packet; do
		mkdir -p "$tmp/build/${f%/*}" && cp "$build/$f" "$tmp/build/$f" || return 1
	done
	chmod -R a+rX "$tmp"
}

demo() { # COMMAND... that it is run by
	publish || return 1
	# (the PATH of root may lead to where others can not go)
	env -u NETMAPD -u NETMAP_SOCKET -u XDG_RUNTIME_DIR BUILD="$tmp/build" \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		PYTHONDONTWRITEBYTECODE=1 "$@" python3 "$tmp/tree/tools/runner/demo.py" \
		>"$tmp/out" 2>&1
	code=$?
	cat "$tmp/out"
	return $code
}

has() { grep -q "$1" "$tmp/out" || { echo "no '$1' in it"; return 1; }; }

as_user() {
	if [ "$(id -u)" = 0 ]; then
		demo setpriv --reuid=65534 --regid=65534 --clear-groups || return 1
	else
		demo || return 1
	fi
	has '^left out: (b).* and (c).*need root' && has '^VALE switch, 2 processes.*yes' &&
		has '^pipe, 2 processes.* 0 .*yes'
}

as_root() {
	[ "$(id -u)" = 0 ] || { printf '%s\nskip\n' 'only root can make namespaces'; return 1; }
	demo || return 1
	has '^ping between namespaces.*yes' && has '^TCP between.*yes.*checksums equal' &&
		has '^pkt-gen to veth.*yes' && has '^kernel sends.*yes'
}

case_ 'as an ordinary user: what needs no privilege, and why not the rest' as_user
case_ 'as root: all of it' as_root
echo "1..$number"
exit $failed
