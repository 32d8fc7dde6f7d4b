# SPDX-License-Identifier: BSD-2-Clause
# What tools/um and tools/vm share; sourced by bash. The caller has set $tool and $bed.

say() { echo "$tool: $*" >&2; }
# 125, as timeout(1) and env(1): the tool failed, not the command.
die() { say "$*"; exit 125; }

cache_dir() {
	if [ -n "${XDG_CACHE_HOME:-}" ]; then
		echo "$XDG_CACHE_HOME/netmap-$1"
	elif [ "$(id -u)" = 0 ]; then
		echo "/var/cache/netmap-$1"
	else
		echo "$HOME/.cache/netmap-$1"
	fi
}

have_pkg() { dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null | grep -q '^ii'; }

# need_pkgs WHAT PACKAGE...: installs what is missing as root, else says how.
need_pkgs() {
	local what=$1 p missing=()
	shift
	for p; do
		have_pkg "$p" || missing+=("$p")
	done
	[ ${#missing[@]} = 0 ] && return
	local apt=(apt-get -o DPkg::Lock::Timeout=600)
	if [ "$(id -u)" != 0 ]; then
		die "$what needs packages; run: sudo apt-get install -y" \
			"--no-install-recommends ${missing[*]}"
	fi
	command -v apt-get >/dev/null || die "$what needs the Debian packages ${missing[*]}"
	say "installing ${missing[*]}"
	local log
	log=$(mktemp)
	export DEBIAN_FRONTEND=noninteractive
	if ! "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1; then
		# A fresh machine has no package lists, an old one has stale ones.
		if ! { "${apt[@]}" update && "${apt[@]}" install -y \
			--no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
			tail -n 5 "$log" >&2
			rm -f "$log"
			die "can not install ${missing[*]}"
		fi
	fi
	rm -f "$log"
}

# step TEXT CMD...: runs it with its output kept, says how long it took.
step() {
	local text=$1 t0=$SECONDS log="$cache/step.log"
	shift
	say "$text ..."
	if ! "$@" >"$log" 2>&1; then
		tail -n 25 "$log" >&2
		die "$text: failed (whole output: $log)"
	fi
	say "$text: $((SECONDS - t0)) s"
}

# lock FILE: one build at a time; the others wait for it.
lock() {
	exec 9>"$1"
	flock -n 9 || {
		say "waiting for another build"
		flock 9
	}
}
unlock() { exec 9>&-; }

# --- a run ------------------------------------------------------------------

# Directories below the guest's own /tmp, /run etc. that must shine through, writable:
# the current one, the project, and what was asked for by --share.
add_share() {
	local d s
	d=$(realpath -e -- "$1") || die "no such directory: $1"
	[ -d "$d" ] || die "not a directory: $1"
	[ "$d" = / ] && return
	for s in "${shares[@]}"; do
		[ "$s" = "$d" ] && return
	done
	shares+=("$d")
}

# Outer directories first, so that mounts do not hide each other.
sort_shares() {
	mapfile -t shares < <(printf '%s\n' "${shares[@]}" | sort -u)
	local d kept=()
	for d in "${shares[@]}"; do
		local k inside=
		for k in "${kept[@]}"; do
			[[ $d == "$k"/* ]] && inside=1
		done
		[ -n "$inside" ] || kept+=("$d")
	done
	shares=("${kept[@]}")
}

# The guest's process 1, a static program, built when its source is new.
build_guest() {
	need_pkgs "the test bed" gcc libc6-dev
	local src=("$here"/testbed/guest*.[ch])
	guest=$cache/guest-$(cat "${src[@]}" | sha256sum | cut -c 1-12)
	[ -x "$guest" ] && return
	rm -f "$cache"/guest-*
	gcc -static -O2 -Wall -Wextra -D_GNU_SOURCE -o "$guest.$$" "$here"/testbed/guest*.c ||
		die "can not compile tools/testbed/guest*.c"
	mv "$guest.$$" "$guest"
}

# What a guest needs to know, in $run, which it sees as /run/testbed.
prepare_run() {
	local m f args d
	mkdir -p "$run/modules"
	case $PWD$(printf '%s' "${shares[@]}" "${modules[@]}") in
	*$'\n'*) die "a file name with a newline in it" ;;
	esac
	env -0 >"$run/env"
	printf '%s\0' "${cmd[@]}" >"$run/argv"
	for d in cwd "$PWD" timeout "$timeout" leaks "$leaks" tty "$tty" merge "$merge"; do
		echo "$d"
	done | paste -d ' ' - - >"$run/conf"
	for d in "${shares[@]}"; do
		echo "share $d"
	done >>"$run/conf"
	for d in "${drivers[@]}"; do
		echo "nic $d"
	done >>"$run/conf"
	for m in "${modules[@]}"; do
		read -r f args <<<"$m"
		[ -f "$f" ] || die "no such module: $f"
		cp -- "$f" "$run/modules/"
		echo "module $(basename "$f")${args:+ $args}"
	done >>"$run/conf"
}

# Output of the guest comes through two FIFOs, so that our own descriptors are never
# made non-blocking or raw by the machine that runs it.
start_output() {
	mkfifo "$run/out" "$run/err"
	cat "$run/out" &
	pids_out=$!
	cat "$run/err" >&2 &
	pids_out="$pids_out $!"
}

# finish: waits for the output, keeps the log, looks at it, gives the exit code.
finish() {
	local code=125 bad= lost=
	# If the machine died before it opened them, let the readers see the end.
	for f in out err; do
		[ -p "$run/$f" ] && : <>"$run/$f"
	done
	# shellcheck disable=SC2086
	[ -n "${pids_out:-}" ] && wait $pids_out
	tr -d '\r' <"$run/log" >"$run/log.txt"
	if [ -n "$logfile" ]; then
		cp "$run/log.txt" "$logfile" || die "can not write $logfile"
	fi
	# (several may end at a time: each looks at its own)
	cp "$run/log.txt" "$cache/last.log.$$" && mv -f "$cache/last.log.$$" "$cache/last.log"
	if [ -s "$run/status" ]; then
		code=$(cat "$run/status")
	elif [ -s "$run/failed" ]; then
		say "$(cat "$run/failed") (kernel log: $tool log)"
	elif [ -e "$run/late" ]; then
		say "the machine hung and was stopped (kernel log: $tool log)"
		code=124
	else
		case $1 in
		137 | 143) lost="the machine was killed, by signal $(($1 - 128))" ;;
		*) grep -q "testbed: loading modules" "$run/log.txt" ||
			lost="the machine did not start" ;;
		esac
		say "the machine died; the end of its kernel log ($tool log for all):"
		tail -n 30 "$run/log.txt" >&2
	fi
	if [ "$code" = 124 ]; then
		say "timeout after $timeout s; blocked tasks are in the kernel log"
	fi
	if [ -n "$scan" ]; then
		scan_log "$run/log.txt" || bad=1
	fi
	# (the runner of the tests looks for these words)
	[ -n "$lost" ] && [ -z "$bad" ] && say "$lost: nothing of what it ran did that"
	if [ "$code" = 0 ] && [ -n "$bad" ]; then
		say "the command succeeded, but the kernel complained"
		code=97
	fi
	if [ "$code" = 0 ] && [ -s "$run/unload" ]; then
		say "the command succeeded, but $(cat "$run/unload")"
		code=97
	fi
	exit "$code"
}

scan_log() {
	[ -r "$1" ] || die "no such log: $1"
	awk -f "$here/testbed/scan.awk" "$1" >&2
}
