#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# header_check.sh COMPILER INCLUDE_DIR TEST_DIR
# Compiles each installed header as the only one of a program, and the ABI test, and runs that.
# Exit 77 (skipped) if the compiler is not installed.
set -eu
cc=$1 inc=$2 here=$3
command -v "$cc" >/dev/null || { echo "$cc is not installed: skipped"; exit 77; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

case $cc in
*++*) lang=c++ stds='gnu++11 c++14 gnu++17 c++20' ;;
*)    lang=c stds='gnu99 gnu11 c11 gnu17' ;;
esac
warn='-Wall -Wextra -Wshadow -Wpointer-arith -Werror'

compile() { # STD WHAT LINE...
	std=$1 what=$2
	shift 2
	printf '%s\n' "$@" 'int main(void) { return 0; }' >"$tmp/t.c"
	"$cc" -x $lang -std="$std" -O1 $warn -I"$inc" -c "$tmp/t.c" -o "$tmp/t.o" || {
		echo "$what does not compile with $cc -std=$std"
		exit 1
	}
}

for std in $stds; do
	for h in net/netmap.h net/netmap_user.h libnetmap.h libnmcore.h; do
		compile "$std" "$h" "#include <$h>"
		compile "$std" "$h, twice" "#include <$h>" "#include <$h>"
	done
	compile "$std" 'netmap_user.h with libs' '#define NETMAP_WITH_LIBS' \
		'#include <net/netmap_user.h>'
	compile "$std" 'all together' '#define NETMAP_WITH_LIBS' \
		'#include <net/netmap_user.h>' '#include <libnetmap.h>'
done

"$cc" -x $lang -O1 -Wall -Wextra -Werror -I"$inc" -I"$here" "$here/abi_test.c" -o "$tmp/abi"
"$tmp/abi"
