#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What both libraries export: the same names, kinds and sizes of data, the same soname and
# versions of symbols. Ours has one more, by which it knows itself.
#
#	symbols.sh OURS [PROGRAM...]
#
# The programs are our tests: together they call every function.
ours=$1
shift
system=$(ldconfig -p | sed -n 's/.*libpcap\.so\.0\.8 .*x86-64.*=> //p' | head -n 1)
[ -n "$system" ] || system=$(ldconfig -p | sed -n 's/.*libpcap\.so\.0\.8 .*=> //p' | head -n 1)
[ -e "$system" ] || { echo "symbols: the system has no libpcap.so.0.8"; exit 77; }
command -v readelf >/dev/null || { echo "symbols: no readelf (binutils)"; exit 77; }
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# Name with version, kind; the size only of data, where it is a part of the ABI.
exported() {
	readelf -W --dyn-syms "$1" | awk '
		$7 != "UND" && ($5 == "GLOBAL" || $5 == "WEAK") && $8 != "" {
			print $8, $4, $4 == "OBJECT" ? $3 : ""
		}' | sort
}

soname() {
	readelf -d "$1" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p'
}

exported "$system" >"$tmp/system"
exported "$ours" | grep -v '^netmap_pcap_marker ' >"$tmp/ours"
n=$(wc -l <"$tmp/system")
[ "$n" -gt 80 ] || { echo "symbols: only $n in $system"; exit 1; }
diff -u "$tmp/system" "$tmp/ours" || exit 1
[ "$(soname "$system")" = "$(soname "$ours")" ] || { echo "symbols: other soname"; exit 1; }
# Of the data there are two; all else are functions.
awk '$2 == "FUNC" { sub("@.*", "", $1); print $1 }' "$tmp/ours" | sort >"$tmp/functions"
for program in "$@"; do
	readelf -W --dyn-syms "$program" | awk '$7 == "UND" { sub("@.*", "", $8); print $8 }'
done | sort -u >"$tmp/called"
untested=$([ $# = 0 ] || comm -23 "$tmp/functions" "$tmp/called")
[ -z "$untested" ] || { echo "symbols: no test calls" $untested; exit 1; }
echo "symbols: $n, as in $system; $# programs call all of them"
