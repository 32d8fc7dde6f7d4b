#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# usage: install.sh KDIR [DESTDIR]: installs netmap.ko and the rule for /dev/netmap. With DKMS, if
# that is here and this is no DESTDIR: then kernels to come get the module, too. Else for the
# kernel in KDIR alone.
set -e
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
kdir=${1:?usage: install.sh KDIR [DESTDIR]}
dest=${2:-}
[ -d "$kdir" ] || {
	echo "install.sh: no kernel headers in $kdir: apt-get install linux-headers-$(uname -r)," \
		"or make install-module KDIR=..." >&2
	exit 1
}
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$here/dkms.conf")

by_dkms() {
	src=/usr/src/netmap-$version
	# the sources may be others under the same number
	dkms remove -m netmap -v "$version" --all >/dev/null 2>&1 || true
	rm -rf "$src"
	"$here/stage.sh" "$src" --copy
	cp "$here/dkms.conf" "$src/"
	dkms add -m netmap -v "$version"
	dkms install -m netmap -v "$version" -k "$(cat "$kdir/include/config/kernel.release")"
}

by_kbuild() {
	build=${BUILD:-$top/build}/module-install
	"$here/stage.sh" "$build"
	make -C "$kdir" M="$build" modules
	make -C "$kdir" M="$build" ${dest:+INSTALL_MOD_PATH="$dest"} INSTALL_MOD_DIR=updates \
		modules_install
	[ -n "$dest" ] || depmod -a "$(cat "$kdir/include/config/kernel.release")"
}

if [ -z "$dest" ] && command -v dkms >/dev/null; then
	by_dkms
else
	by_kbuild
fi
install -D -m 644 "$here/70-netmap.rules" "$dest/usr/lib/udev/rules.d/70-netmap.rules"
[ -n "$dest" ] || ! command -v udevadm >/dev/null || udevadm control --reload || true
