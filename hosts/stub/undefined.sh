#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What the core and the stub together still lack may only be the everyday part
# of C that core/os.h names: anything else leaked in from some system.
#
#   undefined.sh NM LIBRARY
set -eu
# the last is the linker's
allowed='memcpy memmove memset memcmp strlen strcmp strncmp strchr strrchr snprintf vsnprintf
	_GLOBAL_OFFSET_TABLE_'
names=$("$1" "$2" | awk '
	NF == 2 && $1 == "U" { undefined[$2] = 1 }
	NF == 3 { defined[$3] = 1 }
	END { for (n in undefined) if (!(n in defined)) print n }')
bad=
for n in $names; do
	case " $(echo $allowed) " in
	*" $n "*) ;;
	*) bad="$bad $n" ;;
	esac
done
if [ -n "$bad" ]; then
	echo "the core uses what core/os.h does not name:$bad"
	exit 1
fi
echo "undefined in core and stub: $(echo $names)"
