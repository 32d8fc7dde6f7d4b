// SPDX-License-Identifier: BSD-2-Clause
#include "counters.h"

#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int group = -1;

static int open_one(uint64_t config, int leader, bool with_kernel)
{
	struct perf_event_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.type = PERF_TYPE_HARDWARE;
	attr.size = sizeof(attr);
	attr.config = config;
	attr.exclude_kernel = !with_kernel;
	attr.exclude_hv = 1;
	attr.read_format = PERF_FORMAT_GROUP;
	return syscall(SYS_perf_event_open, &attr, 0, -1, leader, PERF_FLAG_FD_CLOEXEC);
}

bool counters_open(bool with_kernel)
{
	group = open_one(PERF_COUNT_HW_CPU_CYCLES, -1, with_kernel);
	if (group < 0)
		return false;
	if (open_one(PERF_COUNT_HW_INSTRUCTIONS, group, with_kernel) < 0) {
		close(group);
		group = -1;
		return false;
	}
	return true;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

static uint64_t timestamp(void)
{
#if defined(__x86_64__) || defined(__i386__)
	return __builtin_ia32_rdtsc();
#else
	return now_ns();
#endif
}

void counters_read(struct counters *c)
{
	uint64_t v[3] = { 0, 0, 0 };

	c->hardware = group >= 0 && read(group, v, sizeof(v)) == (ssize_t)sizeof(v);
	c->cycles = c->hardware ? v[1] : timestamp();
	c->instructions = v[2];
	c->ns = now_ns();
}

struct counters counters_diff(const struct counters *after, const struct counters *before)
{
	struct counters d = {
		.cycles = after->cycles - before->cycles,
		.instructions = after->instructions - before->instructions,
		.ns = after->ns - before->ns,
		.hardware = after->hardware,
	};

	return d;
}
