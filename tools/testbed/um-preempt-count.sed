# User-Mode Linux says that it can not preempt, and with that rules out the preemption
# counter, which "sleeping function called from invalid context" (DEBUG_ATOMIC_SLEEP)
# needs. Counting works; only the announcement is in the way. Applied to arch/um/Kconfig.
/select ARCH_NO_PREEMPT/d
