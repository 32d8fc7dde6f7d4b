/* SPDX-License-Identifier: BSD-2-Clause */
/* The type of a ring's time stamp. */
struct timeval {
	int64_t tv_sec;
	int64_t tv_usec;
};
