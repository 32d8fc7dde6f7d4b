#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# install.sh SOURCE BUILD PREFIX LIBDIR PROGRAM OLD_PROGRAM: installs below a folder of its own,
# and builds and runs programs with what is there. TAP.
set -u
source=$1 build=$2 prefix=$3 libdir=$4 program=$5 old_program=$6
dest=$(mktemp -d)
trap 'rm -rf "$dest"' EXIT
root=$dest$prefix
lib=$root/$libdir
number=0
failed=0

# Their own daemon, and the one that was installed.
unset NETMAP_HOST LD_PRELOAD
export NETMAP_SOCKET="$dest/sock" NETMAPD="$root/bin/netmapd"

case_() { # NAME COMMAND...
	name=$1
	shift
	number=$((number + 1))
	if ("$@") >"$dest/log" 2>&1; then
		echo "ok $number - $name"
	else
		echo "not ok $number - $name"
		sed 's/^/#   /' "$dest/log" | tail -n 12
		failed=1
	fi
}

installs() {
	make -C "$source" install BUILD="$build" DESTDIR="$dest"
}

files_are_there() {
	missing=0
	for f in bin/netmapd bin/netmap-run bin/pkt-gen bin/bridge bin/vale-ctl bin/lb \
		bin/nmreplay bin/nm-top include/net/netmap.h include/net/netmap_user.h \
		include/libnetmap.h include/libnmcore.h "$libdir/libnetmap.so" \
		"$libdir/libnetmap.a" "$libdir/libnmcore.so" "$libdir/libnmcore.a" \
		"$libdir/libnetmap-preload.so" "$libdir/netmap/libpcap.so.0.8" \
		"$libdir/pkgconfig/netmap.pc" "$libdir/pkgconfig/libnetmap.pc" \
		"$libdir/pkgconfig/libnmcore.pc"; do
		[ -e "$root/$f" ] || { echo "$f is missing"; missing=1; }
	done
	return $missing
}

# Every program has a page, whatever programs there will be.
pages_are_there() {
	missing=0
	for f in "$root"/bin/*; do
		ls "$root"/share/man/man[18]/"${f##*/}".[18]* >/dev/null 2>&1 ||
			{ echo "${f##*/} has no page"; missing=1; }
	done
	for page in man3/libnetmap.3 man4/netmap.4 man4/vale.4; do
		ls "$root/share/man/$page"* >/dev/null || missing=1
	done
	return $missing
}

# Where it was built may be gone: only debuggers may want to know of it.
is_complete() {
	bad=$(grep -lrIF "$build" "$root")
	[ -z "$bad" ] || { echo "the build's place is in $bad"; return 1; }
	for f in "$root"/bin/* "$lib"/*.so; do
		readelf -d "$f" 2>/dev/null | grep -E 'R(UN)?PATH' && { echo "in $f"; return 1; }
	done
	return 0
}

by_pkg_config() { # PACKAGE
	PKG_CONFIG_SYSROOT_DIR="$dest" PKG_CONFIG_LIBDIR="$lib/pkgconfig" \
		pkg-config --cflags --libs "$1"
}

program() { # COMPILER PACKAGE HOST...
	compiler=$1 flags=$(by_pkg_config "$2") || return 1
	shift 2
	# shellcheck disable=SC2086
	$compiler -Wall -Wextra -Werror "$program" -o "$dest/program" $flags || return 1
	for host in "$@"; do
		got=$(NETMAP_HOST=$host LD_LIBRARY_PATH=$lib "$dest/program") || {
			echo "on $host: exit code $?"
			return 1
		}
		[ "$got" = "$host" ] || { echo "it ran on '$got', not $host"; return 1; }
	done
}

unmodified_program() { # COMPILER
	$1 -Wall -Wextra -Werror "$old_program" -I"$root/include" -o "$dest/old" || return 1
	"$root/bin/netmap-run" "$dest/old"
}

installed_pkt_gen() {
	"$root/bin/pkt-gen" -i vale0:x -f tx -n 1000 &&
		NETMAP_HOST=embedded LD_LIBRARY_PATH=$lib "$root/bin/pkt-gen" -i null -f tx -n 1000
}

case_ 'make install' installs
case_ 'every file is there' files_are_there
case_ 'every program has a page' pages_are_there
case_ 'nothing points to where it was built' is_complete
case_ 'a program, by pkg-config netmap' program gcc netmap daemon embedded
case_ 'the same by pkg-config libnetmap, in C++' program 'g++ -x c++' libnetmap daemon
case_ 'a program that knows only the header' unmodified_program gcc
case_ 'the same in C++' unmodified_program 'g++ -x c++'
case_ 'pkt-gen as it is installed' installed_pkt_gen
echo "1..$number"
exit $failed
