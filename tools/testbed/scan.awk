# SPDX-License-Identifier: BSD-2-Clause
# Looks in a kernel log for what must not happen, from the last "testbed: loading
# modules" on (a machine may complain about itself while it boots). Prints each report
# with the lines that follow it; exit status 1 if there was one. Failures that were
# injected on purpose print call traces too, so a call trace alone is no report.
BEGIN {
	bad = "\\[ cut here \\]|BUG:|BUG at|WARNING:|KASAN:|KMSAN:|KCSAN:|KFENCE:|UBSAN:|ODEBUG:|INFO: task |" \
	      "INFO: rcu|INFO: trying to register|suspicious RCU|possible circular locking|" \
	      "possible recursive locking|possible irq lock inversion|possible deadlock|" \
	      "inconsistent lock state|bad unlock balance|lock held when returning|" \
	      "locks? (still )?held|held lock freed|[Ii]nvalid wait context|" \
	      "sleeping function called|scheduling while atomic|MAX_LOCK|" \
	      "general protection fault|kernel BUG|[^a-z]Oops|Kernel panic|" \
	      "Unable to handle kernel|unable to handle page fault|" \
	      "refcount_t:|list_(add|del) corruption|corrupted (list|stack)|stack-protector:|" \
	      "kmemleak: [1-9]|unreferenced object|Objects remaining in|" \
	      "unregister_netdevice: waiting|leaked reference|still has .* users|" \
	      "Bad page|bad page|double free|self-detected stall|detected stalls|soft lockup|" \
	      "hard LOCKUP|blocked for more than|irq [0-9]+: nobody cared|" \
	      "module .* has no|tainted kernel because|Segfault with no mm|" \
	      "nf_conntrack: table full|workqueue lockup|DEBUG_LOCKS_WARN_ON"
}
/testbed: loading modules/ { n = 0; first = NR }
{ line[++n] = $0 }
END {
	for (i = 1; i <= n; i++) {
		if (line[i] !~ bad)
			continue
		reports++
		if (reports <= 5) {
			printf "kernel report %d:\n", reports
			for (j = i; j <= n && j < i + 60; j++) {
				print "  " line[j]
				if (j > i && line[j] ~ /---\[ end trace|^\[[ 0-9.]*\] *=+$|testbed:/)
					break
			}
			i = j
		}
	}
	if (reports > 5)
		printf "... and %d lines more\n", reports - 5
	exit reports > 0
}
